<% extends "flake.nix" %>
<% block template %>step<% endblock %>
<% block build %>
<%- include "arguments.nix" %>
      build = system: import ./step.nix (arguments system);
<%- endblock %>
