# What this step builds. git-lattice wrote this file once and never touches it again: it is yours.
#
# It is a function to a derivation, called once per system. Name those of its arguments that you use:
#
#   system    what to build for, such as "aarch64-linux"
#   config    config.toml as Nix reads it: `version` in `[compiler]` is config.compiler.version
#   previous  what the step below built for this system, null at the first step
#   output    what a point further below built for it: output "phase0/step1", or the whole name of the point
#   below     all points below, by name, as { point, packages }
#   sources   the files that config.toml names in [sources.NAME], fetched and checked: sources.NAME
#   seeds     likewise the trees in [seeds.NAME], which git-lattice has put into the store
#   lattice   where this is: { name, point, branch, coordinates }
#
# There is no nixpkgs here: only what earlier steps built, the files beside this one, and the /bin/sh of Nix' sandbox,
# of which nothing but the shell's own commands is sure to be there.
{
  system,
  previous,
  lattice,
  ...
}:
derivation {
  inherit (lattice) name point;
  inherit system previous;
  config = ./config.toml;
  builder = "/bin/sh";
  args = [
    "-euc"
    ''
      copy() { while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done; }
      {
        if [ -f "$previous" ]; then copy <"$previous"; fi
        printf '%s\n' "# $point, on top of ''${previous:-nothing}"
        copy <"$config"
      } >"$out"
    ''
  ];
}
