# The same as stage1, by the compiler of the step below.
import ../../stage1/step1/step.nix
