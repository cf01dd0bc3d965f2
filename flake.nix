{
  description = "Build in stages with git and Nix: every step a branch, every branch a reproducible flake";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      package =
        {
          lib,
          stdenv,
          rustPlatform,
          installShellFiles,
          gitMinimal,
          openssh,
        }:
        rustPlatform.buildRustPackage {
          pname = "git-lattice";
          version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;

          nativeBuildInputs = [ installShellFiles ];
          nativeCheckInputs = [
            gitMinimal
            openssh
          ];

          # The sandbox of a build has no Nix and few shells; `scripts/test` runs the tests that need them.
          preCheck = ''
            export HOME=$(mktemp -d) GIT_LATTICE_TEST_WITHOUT_NIX=1 GIT_LATTICE_TEST_WITHOUT_SHELLS=1
          '';

          # `git lattice --help` asks for the man page.
          postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
            $out/bin/git-lattice man > git-lattice.1
            installManPage git-lattice.1
            installShellCompletion --cmd git-lattice \
              --bash <($out/bin/git-lattice completions bash) \
              --zsh <($out/bin/git-lattice completions zsh) \
              --fish <($out/bin/git-lattice completions fish)
          '';

          meta = {
            description = "Build in stages with git and Nix";
            license = [
              lib.licenses.mit
              lib.licenses.asl20
            ];
            mainProgram = "git-lattice";
            platforms = systems;
          };
        };
    in
    {
      overlays.default = final: _: { git-lattice = final.callPackage package { }; };

      packages = eachSystem (pkgs: rec {
        git-lattice = pkgs.callPackage package { };
        default = git-lattice;
      });

      checks = eachSystem (
        pkgs:
        let
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) git-lattice;
        in
        {
          # Its tests run as part of its build.
          inherit git-lattice;

          clippy = git-lattice.overrideAttrs (old: {
            name = "git-lattice-clippy";
            nativeBuildInputs = old.nativeBuildInputs ++ [ pkgs.clippy ];
            buildPhase = "cargo clippy --all-targets --offline -- -D warnings";
            doCheck = false;
            installPhase = "touch $out";
          });

          fmt = pkgs.runCommand "git-lattice-fmt" { nativeBuildInputs = [ pkgs.rustfmt ]; } ''
            cd ${self}
            find src tests -name '*.rs' -exec rustfmt --check --edition 2024 {} +
            touch $out
          '';
        }
      );

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.git-lattice ];
          packages = [
            pkgs.cargo-deny
            pkgs.clippy
            pkgs.deadnix
            pkgs.hyperfine
            pkgs.jq
            pkgs.nixfmt
            pkgs.rust-analyzer
            pkgs.rustfmt
            pkgs.shellcheck
            pkgs.statix
            pkgs.typos
          ];
        };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
