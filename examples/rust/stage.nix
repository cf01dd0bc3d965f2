# A stage: std and compiler, by the compiler of the step below, with the LLVM of the seed.
#
# The tool of phase `bootstrap` builds them, as x.py would start it: std first, and with it the compiler.
{
  system,
  lattice,
  src,
  cargo,
  xpyToml,
  sources,
  seeds,
  output,
  triple ? "x86_64-unknown-linux-gnu",
  compiler ? ''
    build compiler/rustc
    cp build/${triple}/stage1/bin/rustc $out/bin
    cp build/${triple}/stage1/lib/*.so $out/lib'',
  ...
}:
let
  seed = output "seed/step1";
in
derivation {
  inherit (lattice) name;
  inherit system seed cargo;
  inherit (sources) debian;
  rust = src;
  bootstrap = output "bootstrap/step1";
  configuration = builtins.replaceStrings [ "@seed@" ] [ "${seed}" ] xpyToml;
  builder = "${seeds.debian}/busybox";
  args = [
    "sh"
    "-euc"
    ''
      . $seed/environment
      unpack_rust
      echo "$configuration" >config.toml
      mkdir target
      ln -s $bootstrap/libexec target/debug
      export RUSTC_BOOTSTRAP=1
      build() {
        $bootstrap/libexec/bootstrap build --stage 0 -j $NIX_BUILD_CORES "$@"
      }

      libraries=lib/rustlib/${triple}/lib
      build library/std
      mkdir -p $out/bin $out/$libraries
      cp build/${triple}/stage0-sysroot/$libraries/*.* $out/$libraries
      ${compiler}
      ln -s $cargo/bin/cargo $out/bin

      echo 'fn main() { println!("hello from Rust"); }' >hello.rs
      $out/bin/rustc hello.rs
      ./hello
    ''
  ];
}
