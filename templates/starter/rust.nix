# How this stage of the Rust toolchain is built. git-lattice wrote this file once and never touches it again: it is yours.
#
# It is a function to a derivation, called once per system. Name those of its arguments that you use:
#
#   src       the source archive that [rust] in config.toml names: version, hash and, if it is elsewhere, url
#   rustc     the compiler to start from: that of the step below, at the first step that of nixpkgs
#   cargo     likewise
#   pkgs      nixpkgs for this system, from the input in flake.nix
#   system    what to build for, such as "aarch64-linux"
#   config    config.toml as Nix reads it
#   previous  what the step below built for this system, null at the first step
#   output    what a point further below built for it: output "phase0/step1", or the whole name of the point
#   below     all points below, by name, as { point, packages }
#   sources   the files that config.toml names in [sources.NAME], fetched and checked: sources.NAME
#   seeds     likewise the trees in [seeds.NAME], which git-lattice has put into the store
#   lattice   where this is: { name, point, branch, coordinates }
{
  src,
  rustc,
  cargo,
  pkgs,
  config,
  lattice,
  ...
}:
pkgs.stdenv.mkDerivation {
  inherit (lattice) name point;
  inherit (config.rust) version;
  inherit src;

  nativeBuildInputs = [
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
    patchShebangs configure x.py src/etc
    ./configure \
      --prefix="$out" \
      --sysconfdir="$out/etc" \
      --release-channel=stable \
      --enable-vendor \
      --enable-extended \
      --tools=cargo \
      --disable-docs \
      --set=build.rustc=${rustc}/bin/rustc \
      --set=build.cargo=${cargo}/bin/cargo
    runHook postConfigure
  '';
  buildPhase = ''
    runHook preBuild
    python3 x.py build --jobs "$NIX_BUILD_CORES"
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    python3 x.py install --jobs "$NIX_BUILD_CORES"
    runHook postInstall
  '';
}
