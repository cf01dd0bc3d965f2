# How this stage of the Rust toolchain is built. git-lattice wrote this file once and never touches it again: it is yours.
#
# It is a function to a derivation, called once per system. Name those of its arguments that you use:
#
#   src       the source: an archive, or a folder
#   rustc     the compiler to start from, a folder with bin/rustc: that of the step below, else what config.toml names
#   cargo     likewise, with bin/cargo
#   xpyToml   what config.toml says to x.py, with rustc, cargo and the output of this step: the text of a file
#   recorder  with `calls = true` in [rust], a script to install as rustc and cargo in /build/recorder, where xpyToml names
#             them: it writes each call into a file in /build/calls; else null
#   env       [env] in config.toml
#   pkgs      nixpkgs for this system if config.toml names one, else null
#   system    what to build for, such as "aarch64-linux"
#   config    config.toml as Nix reads it
#   previous  what the step below built for this system, null at the first step
#   output    what a point further below built for it: output "phase0/step1", or the whole name of the point
#   below     all points below, by name, as { point, packages }
#   sources   the files that config.toml names in [sources.NAME], fetched and checked: sources.NAME
#   seeds     likewise the trees in [seeds.NAME], which git-lattice has put into the store
#   inputs    the trees that [nix] in config.toml names: inputs.rust-src
#   lattice   where this is: { name, point, branch, coordinates }
#
# There is no nixpkgs here: the programs come from rustc, cargo and the bin folders of all seeds. x.py needs python3, a C
# compiler, make, cmake and tar; for a step that needs less, write other commands.
{
  src,
  rustc,
  cargo,
  xpyToml,
  recorder,
  env,
  seeds,
  system,
  lattice,
  ...
}:
derivation (
  env
  // {
    inherit (lattice) name point;
    outputs = [ "out" ] ++ (if recorder == null then [ ] else [ "calls" ]);
    inherit
      system
      src
      xpyToml
      recorder
      ;
    PATH = builtins.concatStringsSep ":" (
      map (tree: "${tree}/bin") (
        [
          rustc
          cargo
        ]
        ++ builtins.attrValues seeds
      )
    );
    builder = "/bin/sh";
    args = [
      "-euc"
      ''
        export HOME="$PWD/home"
        mkdir "$HOME" source recorder calls
        for program in rustc cargo; do
          printf '%s' "$recorder" >recorder/$program
          chmod +x recorder/$program
        done
        if [ -d "$src" ]; then
          cp -R "$src/." source
          chmod -R u+w source
        else
          tar -xf "$src" -C source --strip-components=1
        fi
        cd source
        printf '%s' "$xpyToml" >bootstrap.toml
        python3 x.py build --config bootstrap.toml --jobs "$NIX_BUILD_CORES"
        python3 x.py install --config bootstrap.toml --jobs "$NIX_BUILD_CORES"
        [ -z "$recorder" ] || cat "$NIX_BUILD_TOP"/calls/* >"$calls"
      ''
    ];
  }
)
