# Phase `cross`: tcc for aarch64, by stage 3 of x86_64.
#
# The folder `cross` holds a cross compiler, and `aarch64` the compiler that this one makes. Both have the same lib.
{
  system,
  lattice,
  sources,
  seeds,
  output,
  ...
}:
derivation {
  inherit (lattice) name;
  inherit system;
  inherit (sources) tcc patch;
  inherit (seeds) aarch64;
  native = output "stage3/step1";
  inherit (output "stage3/step1") configuration;
  builder = "${seeds.debian}/busybox";
  args = [
    "sh"
    "-euc"
    ''
      tar -xjf "$tcc"
      patch -p1 <"$patch"
      dpkg-deb -x "$aarch64"/*.deb musl
      cross=$out/cross
      mkdir -p $cross/bin $cross/lib $out/aarch64/bin

      {
        echo "$configuration"
        echo "#define TCC_TARGET_ARM64 1"
      } >config.h
      $native/bin/tcc -B$native/lib -static -I. -o $cross/bin/tcc tcc.c
      cp -r musl/usr/include/*-linux-musl $cross/lib/include
      cp include/*.h tcclib.h $cross/lib/include
      cp musl/usr/lib/*-linux-musl/crt[1in].o musl/usr/lib/*-linux-musl/libc.a $cross/lib

      # lib-arm64 comes after libc.a when a program is linked, and calls functions of it.
      $cross/bin/tcc -B$cross/lib -c -o lib-arm64.o lib/lib-arm64.c
      ar -x $cross/lib/libc.a memmove.lo memcpy.lo
      $cross/bin/tcc -ar rcs $cross/lib/libtcc1.a lib-arm64.o memmove.lo memcpy.lo

      echo "$configuration" >config.h
      $cross/bin/tcc -B$cross/lib -static -I. -o $out/aarch64/bin/tcc tcc.c
      cp -r $cross/lib $out/aarch64/lib
    ''
  ];
}
