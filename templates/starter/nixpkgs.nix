# What this step builds. git-lattice wrote this file once and never touches it again: it is yours.
#
# It is a function to a derivation, called once per system. Name those of its arguments that you use:
#
#   pkgs      nixpkgs for this system, from the input in flake.nix
#   system    what to build for, such as "aarch64-linux"
#   config    config.toml as Nix reads it: `version` in `[compiler]` is config.compiler.version
#   previous  what the step below built for this system, null at the first step
#   output    what a point further below built for it: output "phase0/step1", or the whole name of the point
#   below     all points below, by name, as { point, packages }
#   sources   the files that config.toml names in [sources.NAME], fetched and checked: sources.NAME
#   seeds     likewise the trees in [seeds.NAME], which git-lattice has put into the store
#   lattice   where this is: { name, point, branch, coordinates }
{
  pkgs,
  previous,
  lattice,
  ...
}:
pkgs.runCommand lattice.name
  {
    inherit (lattice) point;
    inherit previous;
    config = ./config.toml;
  }
  ''
    if [ -f "$previous" ]; then cat "$previous" >"$out"; fi
    {
      echo "# $point, on top of ''${previous:-nothing}"
      cat "$config"
    } >>"$out"
  ''
