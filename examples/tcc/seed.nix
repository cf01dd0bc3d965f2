# Phase `seed`: Debian's packages, unpacked into a compiler that works at any path.
#
# bin/tcc is a script: it starts Debian's tcc by the loader of Debian's libc, and links with musl, the libc of all programs
# that the chain makes. Its headers and library are in lib.
{
  system,
  lattice,
  seeds,
  ...
}:
derivation {
  inherit (lattice) name;
  inherit system;
  inherit (seeds) debian;
  builder = "${seeds.debian}/busybox";
  args = [
    "sh"
    "-euc"
    ''
      for package in "$debian"/*.deb; do
        dpkg-deb -x "$package" .
      done
      mkdir -p $out/bin $out/lib $out/libexec
      cp -r usr/include/*-linux-musl $out/lib/include
      cp usr/lib/*-linux-musl/crt[1in].o usr/lib/*-linux-musl/libc.a $out/lib
      cp usr/lib/*/tcc/libtcc1.a $out/lib
      cp usr/lib/*/tcc/include/* $out/lib/include

      for library in c m dl pthread; do
        cp lib/*-linux-gnu/lib$library.so.[0-9]* $out/libexec
      done
      cp lib/*-linux-gnu/ld-linux*.so.* $out/libexec/ld.so
      cp usr/bin/tcc $out/libexec
      cat >$out/bin/tcc <<END
      #!$debian/busybox sh
      exec $out/libexec/ld.so --library-path $out/libexec $out/libexec/tcc \
        -nostdlib $out/lib/crt1.o $out/lib/crti.o "\$@" $out/lib/libc.a $out/lib/libtcc1.a $out/lib/crtn.o
      END
      chmod 755 $out/bin/tcc
    ''
  ];
}
