# A stage: tcc, compiled by the compiler of the step below, with the libc of the step below.
#
# The result holds no path of its own, nor of the compiler that made it: all that tcc looks for is in the folder that
# `-B` names. So two stages are equal byte for byte when their compilers make the same code.
{
  system,
  lattice,
  config,
  sources,
  seeds,
  previous,
  ...
}:
derivation {
  inherit (lattice) name;
  inherit system previous;
  inherit (sources) tcc;
  builder = "${seeds.debian}/busybox";
  configuration = ''
    #define TCC_VERSION "${config.tcc.version}"
    #define TCC_MUSL 1
    #define CONFIG_TCC_STATIC 1
    #define CONFIG_TCCBOOT 1
    #define CONFIG_TCCDIR "/lib/tcc"
    #define CONFIG_TCC_SYSINCLUDEPATHS "{B}/include"
    #define CONFIG_TCC_LIBPATHS "{B}"
    #define CONFIG_TCC_CRTPREFIX "{B}"
  '';
  args = [
    "sh"
    "-euc"
    ''
      tar -xjf "$tcc"
      echo "$configuration" >config.h
      mkdir -p $out/bin
      cp -r $previous/lib $out/lib
      chmod -R u+w $out/lib
      cp include/*.h tcclib.h $out/lib/include

      $previous/bin/tcc -B$previous/lib -static -I. -o $out/bin/tcc tcc.c

      # The functions that compiled code calls: by the new compiler, as tcc's own Makefile does.
      cd lib
      objects=
      for part in libtcc1 va_list alloca86_64 alloca86_64-bt; do
        $out/bin/tcc -B$out/lib -c -o $part.o $part.[cS]
        objects="$objects $part.o"
      done
      rm $out/lib/libtcc1.a
      $out/bin/tcc -ar rcs $out/lib/libtcc1.a $objects
    ''
  ];
}
