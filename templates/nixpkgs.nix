<% extends "flake.nix" %>
<% block template %>nixpkgs<% endblock %>
<% block inputs %>

  inputs.nixpkgs.url = "<{ flake.nixpkgs }>";
<%- endblock %>
<% block build %>
<%- include "arguments.nix" %>
      build =
        system: import ./step.nix (arguments system // { pkgs = inputs.nixpkgs.legacyPackages.${system}; });
<%- endblock %>
