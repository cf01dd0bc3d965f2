# Just enough of nixpkgs for our flake.nix: every package is an empty derivation of its name.
{
  outputs =
    { self }:
    let
      named =
        system: name:
        derivation {
          inherit name system;
          builder = "/bin/sh";
        };
      overridable =
        drv: args:
        builtins.deepSeq (removeAttrs args [ "src" ]) drv
        // {
          overrideAttrs = f: overridable drv (args // f args);
        }
        // args;
      legacyPackages =
        system:
        let
          packages = {
            lib = self.lib;
            stdenv = {
              hostPlatform = { inherit system; };
              buildPlatform.canExecute = _: true;
            };
            rustPlatform.buildRustPackage = args: overridable (named system args.pname) args;
            callPackage = f: args: f (builtins.intersectAttrs (builtins.functionArgs f) packages // args);
            runCommand =
              name: _: script:
              assert builtins.isString script;
              named system name;
            mkShell =
              args:
              assert builtins.all (p: p ? drvPath) args.packages;
              named system "shell";
          }
          // builtins.listToAttrs (
            map
              (name: {
                inherit name;
                value = named system name;
              })
              [
                "cargo-deny"
                "clippy"
                "deadnix"
                "gitMinimal"
                "hyperfine"
                "installShellFiles"
                "jq"
                "nixfmt"
                "nixfmt-tree"
                "openssh"
                "rust-analyzer"
                "rustfmt"
                "shellcheck"
                "statix"
                "typos"
              ]
          );
        in
        packages;
    in
    {
      lib = {
        genAttrs =
          names: f:
          builtins.listToAttrs (
            map (name: {
              inherit name;
              value = f name;
            }) names
          );
        optionalString = yes: text: if yes then text else "";
        licenses = {
          mit.spdxId = "MIT";
          asl20.spdxId = "Apache-2.0";
        };
      };
      legacyPackages = self.lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ] legacyPackages;
    };
}
