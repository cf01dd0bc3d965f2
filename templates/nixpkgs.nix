<% extends "flake.nix" %>
<% block template %>nixpkgs<% endblock %>
<% block inputs %>

  inputs.nixpkgs.url = "<{ flake.nixpkgs }>";
<%- endblock %>
<% block build %>
      # All arguments are lazy: what step.nix does not use is not evaluated.
      build =
        system:
        import ./step.nix {
          inherit system lattice;
          pkgs = inputs.nixpkgs.legacyPackages.${system};
          config = builtins.fromTOML (builtins.readFile ./config.toml);<% if flake.below.is_empty() %>
          below = [ ];
          previous = null;<% else %>
          inherit below;
          previous = builtins.head (outputsBelow system ++ [ null ]);<% endif %>
        };
<%- endblock %>
