# Phase `bootstrap`: the tool that builds Rust, src/bootstrap, by Debian's cargo and rustc from the vendored crates.
#
# The tool and the wrappers that it calls are in libexec. bin has the compiler that the next stage starts from.
{
  system,
  lattice,
  src,
  rustc,
  cargo,
  sources,
  seeds,
  output,
  ...
}:
derivation {
  inherit (lattice) name;
  inherit system rustc cargo;
  inherit (sources) debian;
  rust = src;
  seed = output "seed/step1";
  builder = "${seeds.debian}/busybox";
  args = [
    "sh"
    "-euc"
    ''
      . $seed/environment
      unpack_rust
      export RUSTC=$rustc/bin/rustc
      $cargo/bin/cargo build --offline -j $NIX_BUILD_CORES --manifest-path src/bootstrap/Cargo.toml --target-dir ../target
      mkdir -p $out/bin $out/libexec
      ln -s $rustc/bin/rustc $cargo/bin/cargo $out/bin
      cd ../target/debug
      cp bootstrap rustc rustdoc llvm-config-wrapper $out/libexec
    ''
  ];
}
