<#- The inputs of a flake of template `rust`: only those that config.toml names. #>
<%- if flake.trees.is_empty() %><% if let Some(nixpkgs) = flake.nixpkgs.as_ref() %>

  inputs.nixpkgs.url = "<{ nixpkgs }>";
<%- endif %><% else %>

  inputs = {<% if let Some(nixpkgs) = flake.nixpkgs.as_ref() %>
    nixpkgs.url = "<{ nixpkgs }>";<% endif %><% for tree in flake.trees %>
    <{ tree.name }> = {
      url = "<{ tree.url }>";
      flake = false;
    };<% endfor %>
  };
<%- endif %>
