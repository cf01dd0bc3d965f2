# Phase `seed`: Debian's packages, unpacked into a toolchain that works at any path.
#
# Debian's layout is kept below usr and lib. bin has the commands for a PATH. The programs get the loader and the libraries
# of this folder, and bin/cc and bin/c++ give them to all that they link. `environment` is for the shells of the steps above.
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
        dpkg-deb -x "$package" $out
      done
      cd $out
      rm -rf etc sbin var usr/share usr/lib/llvm-14/build usr/lib/llvm-14/lib/*.a usr/bin/*lto-dump* usr/bin/*-14
      find usr/lib/llvm-14/bin -type f ! -name llvm-config -exec rm {} +
      mkdir bin

      libraries=$out/lib/x86_64-linux-gnu:$out/usr/lib/x86_64-linux-gnu
      loader=$out/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2

      # Links that begin at the root of the system lead out of the store: they begin here.
      find . -type l | while read -r link; do
        target=$(readlink "$link")
        case $target in
          /*) ln -sfn "$out$target" "$link" ;;
        esac
      done

      # Rust's own libraries, apart from those that all programs are linked with.
      rust=usr/lib/rustlib/x86_64-unknown-linux-gnu/lib
      for library in usr/lib/x86_64-linux-gnu/lib*-????????????????.so; do
        rm -f $rust/''${library##*/}
        mv $library usr/lib
        ln -s ../../../''${library##*/} $rust
      done

      cp usr/bin/patchelf $NIX_BUILD_TOP
      patchelf() {
        $loader --library-path $libraries $NIX_BUILD_TOP/patchelf "$@"
      }
      for program in usr/bin/* usr/lib/gcc/x86_64-linux-gnu/12/* usr/lib/llvm-14/bin/*; do
        [ -L $program ] || [ ! -f $program ] || [ ! -x $program ] && continue
        [ "$(head -c 4 $program | tail -c 3)" = ELF ] || continue
        case $program in
          *.so*) continue ;;
        esac
        patchelf --set-interpreter $loader --force-rpath --set-rpath $out/usr/lib:$libraries $program
      done
      # A library with a path of its own does not look where the program says.
      find usr/lib/x86_64-linux-gnu -name 'lib*.so.*' -type f | while read -r library; do
        patchelf --remove-rpath $library
      done

      for command in ar as ld nm objcopy objdump ranlib readelf strip; do
        ln -s x86_64-linux-gnu-$command usr/bin/$command
        ln -s ../usr/bin/x86_64-linux-gnu-$command bin/$command
      done
      ln -s ../usr/bin/cargo ../usr/bin/rustc ../usr/bin/rustdoc ../usr/bin/patch ../usr/lib/llvm-14/bin/llvm-config bin
      # The paths of the command line come first.
      for names in "cc gcc-12" "c++ g++-12"; do
        cat >bin/''${names% *} <<END
      #!$debian/busybox sh
      exec $out/usr/bin/x86_64-linux-gnu-''${names#* } --sysroot=$out -B$out/usr/bin "\$@" \
        -Wl,--dynamic-linker=$loader -Wl,--disable-new-dtags -Wl,-rpath=$libraries
      END
      done
      chmod 755 bin/*
      ln -s cc bin/gcc
      ln -s c++ bin/g++

      cat >environment <<'END'
      # For `.` in a step with the sources `rust` and `debian`: sets the commands, and unpacks the source.
      export HOME=$NIX_BUILD_TOP PATH=SEED/bin:$NIX_BUILD_TOP/applets
      BUSYBOX mkdir $NIX_BUILD_TOP/applets
      BUSYBOX --install -s $NIX_BUILD_TOP/applets

      # unpack_rust: Debian's source of Rust, with Debian's patches, into the folder `rust`.
      unpack_rust() {
        mkdir rust
        tar -xJf "$rust" -C rust --strip-components=1
        tar -xJf "$debian" -C rust
        cd rust
        sed 's/#.*//' debian/patches/series | while read -r name; do
          [ -z "$name" ] || SEED/bin/patch -s -p1 -i "debian/patches/$name"
        done
        # The patches change vendored crates. The lock file names crates that the source of Debian lacks.
        sed -i 's/"files":{[^}]*}/"files":{}/' vendor/*/.cargo-checksum.json
        rm Cargo.lock
        # Debian's liblzma instead of the one that the crate would compile.
        echo 'fn main() { println!("cargo:rustc-link-lib=lzma"); }' >vendor/lzma-sys/build.rs
        mkdir .cargo
        cat >.cargo/config <<CARGO
      [source.crates-io]
      replace-with = "vendored-sources"
      [source.vendored-sources]
      directory = "$PWD/vendor"
      CARGO
      }
      END
      sed -i "s|SEED|$out|g; s|BUSYBOX|$debian/busybox|" environment
    ''
  ];
}
