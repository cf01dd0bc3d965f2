<% extends "flake.nix" %>
<% block template %>rust<% endblock %>
<% block inputs %>

  inputs.nixpkgs.url = "<{ flake.nixpkgs }>";
<%- endblock %>
<% block build %>
<%- include "arguments.nix" %>
      # config.toml says what is built:
      #   [rust]
      #   version = "1.83.0"
      #   hash = "sha256-..."  # of the source archive, as `nix hash file` prints it
      #   url = "https://..."  # where that is, if not at static.rust-lang.org; or all of this in [sources.rust]
      # rustc N is compiled by rustc N-1 or N: by the one from the step below, and at the first step by that of nixpkgs.
      archive = "https://static.rust-lang.org/dist/rustc-${config.rust.version}-src.tar.xz";
      build =
        system:
        let
          pkgs = inputs.nixpkgs.legacyPackages.${system};
          step = arguments system;
          before = name: if step.previous == null then pkgs.${name} else step.previous;
        in
        import ./step.nix (
          step
          // {
            inherit pkgs;
            src =
              step.sources.rust or (pkgs.fetchurl {
                url = config.rust.url or archive;
                inherit (config.rust) hash;
              });
            rustc = before "rustc";
            cargo = before "cargo";
          }
        );
<%- endblock %>
