<% extends "flake.nix" %>
<% block template %>rust<% endblock %>
<% block inputs %>

  inputs.nixpkgs.url = "<{ flake.nixpkgs }>";
<%- endblock %>
<% block build %>
      # config.toml says what is built:
      #   [rust]
      #   version = "1.83.0"
      #   hash = "sha256-..."  # of the source archive, as `nix hash file` prints it
      #   url = "https://..."  # where that is, if not at static.rust-lang.org
      # rustc N is compiled by rustc N-1 or N: by the one from the step below, and at the first step by that of nixpkgs.
      config = builtins.fromTOML (builtins.readFile ./config.toml);
      archive = "https://static.rust-lang.org/dist/rustc-${config.rust.version}-src.tar.xz";
      build =
        system:
        let
          pkgs = inputs.nixpkgs.legacyPackages.${system};
          previous = <% if flake.below.is_empty() %>null<% else %>builtins.head (outputsBelow system ++ [ null ])<% endif %>;
        in
        import ./step.nix {
          inherit
            system
            lattice
            pkgs
            config
            previous<% if !flake.below.is_empty() %>
            below<% endif %>
            ;<% if flake.below.is_empty() %>
          below = [ ];<% endif %>
          src = pkgs.fetchurl {
            url = config.rust.url or archive;
            inherit (config.rust) hash;
          };
          rustc = if previous == null then pkgs.rustc else previous;
          cargo = if previous == null then pkgs.cargo else previous;
        };
<%- endblock %>
