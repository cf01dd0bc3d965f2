# Second step of a stage: std again, by the compiler of the step below, which stays.
{ rustc, ... }@arguments:
import ../../stage1/step1/step.nix (
  arguments
  // {
    compiler = ''
      cp ${rustc}/bin/rustc $out/bin
      cp ${rustc}/lib/*.so $out/lib'';
  }
)
