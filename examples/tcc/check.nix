# The stages 2 and 3 must be equal byte for byte, and the compiler must make programs that run.
{
  system,
  lattice,
  seeds,
  output,
  ...
}:
derivation {
  inherit (lattice) name;
  inherit system;
  stage2 = output "stage2/step1";
  stage3 = output "stage3/step1";
  builder = "${seeds.debian}/busybox";
  hello = ''
    #include <stdio.h>
    int main(void) { return printf("hello from tcc\n") < 0; }
  '';
  args = [
    "sh"
    "-euc"
    ''
      diff -r $stage2 $stage3
      echo "$hello" >hello.c
      $stage3/bin/tcc -B$stage3/lib -static -o hello hello.c
      ./hello
      mkdir $out
      cp hello $out
      (cd $stage3 && sha256sum bin/tcc) >$out/sha256
    ''
  ];
}
