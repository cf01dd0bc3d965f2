<% extends "flake.nix" %>
<% block template %>nixpkgs<% endblock %>
<% block inputs %><% if let Some(nixpkgs) = flake.nixpkgs.as_ref() %>

  inputs.nixpkgs.url = "<{ nixpkgs }>";
<%- endif %><% endblock %>
<% block build %>
<%- include "arguments.nix" %>
      build =
        system: import ./step.nix (arguments system // { pkgs = inputs.nixpkgs.legacyPackages.${system}; });
<%- endblock %>
