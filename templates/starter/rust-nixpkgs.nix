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
#   pkgs      nixpkgs for this system, from the input in flake.nix
#   system    what to build for, such as "aarch64-linux"
#   config    config.toml as Nix reads it
#   previous  what the step below built for this system, null at the first step
#   output    what a point further below built for it: output "phase0/step1", or the whole name of the point
#   below     all points below, by name, as { point, packages }
#   sources   the files that config.toml names in [sources.NAME], fetched and checked: sources.NAME
#   seeds     likewise the trees in [seeds.NAME], which git-lattice has put into the store
#   inputs    the trees that [nix] in config.toml names: inputs.rust-src
#   lattice   where this is: { name, point, branch, coordinates }
{
  src,
  rustc,
  cargo,
  xpyToml,
  recorder,
  env,
  pkgs,
  lattice,
  ...
}:
pkgs.stdenv.mkDerivation (
  env
  // {
    inherit (lattice) name point;
    outputs = [ "out" ] ++ (if recorder == null then [ ] else [ "calls" ]);
    inherit src xpyToml recorder;

    nativeBuildInputs = [
      rustc
      cargo
      pkgs.cmake
      pkgs.ninja
      pkgs.pkg-config
      pkgs.python3
    ];
    buildInputs = [ pkgs.openssl ];

    # cmake and ninja are for the LLVM in the archive; x.py calls them.
    dontUseCmakeConfigure = true;
    dontUseNinjaBuild = true;
    dontUseNinjaInstall = true;
    dontUseNinjaCheck = true;

    # The next step needs both rustc and cargo from here.
    configurePhase = ''
      runHook preConfigure
      patchShebangs x.py src/etc
      printf '%s' "$xpyToml" >bootstrap.toml
      mkdir "$NIX_BUILD_TOP/recorder" "$NIX_BUILD_TOP/calls"
      for program in rustc cargo; do
        printf '%s' "$recorder" >"$NIX_BUILD_TOP/recorder/$program"
        chmod +x "$NIX_BUILD_TOP/recorder/$program"
      done
      runHook postConfigure
    '';
    buildPhase = ''
      runHook preBuild
      python3 x.py build --config bootstrap.toml --jobs "$NIX_BUILD_CORES"
      runHook postBuild
    '';
    installPhase = ''
      runHook preInstall
      python3 x.py install --config bootstrap.toml --jobs "$NIX_BUILD_CORES"
      [ -z "$recorder" ] || cat "$NIX_BUILD_TOP"/calls/* >"$calls"
      runHook postInstall
    '';
  }
)
