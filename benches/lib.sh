# shellcheck shell=bash
# Sourced by the benchmarks: a scratch folder with a release build on PATH, and repositories with many points.
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

need_packages git jq
need_cargo
say "building git-lattice"
# shellcheck disable=SC2154 # of scripts/lib.sh
(cd "$root" && cargo build --release --locked)

scratch=$(mktemp -d "${TMPDIR:-/tmp}/git-lattice-bench.XXXXXX")
# Nix makes the folders of its store read-only.
trap 'chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
mkdir "$scratch"/{bin,home,nix,scripts,results}
cp "$(cd "$root" && realpath "${CARGO_TARGET_DIR:-target}")/release/git-lattice" "$scratch/bin/"
nix_conf >"$scratch/nix/nix.conf"
# shellcheck disable=SC2046 # a list of names
unset $(git rev-parse --local-env-vars) GIT_PREFIX
export PATH=$scratch/bin:$PATH HOME=$scratch/home XDG_CACHE_HOME=$scratch/home/.cache LC_ALL=C
export GIT_CONFIG_GLOBAL=$scratch/home/.gitconfig GIT_CONFIG_NOSYSTEM=1
export NIX_CONF_DIR=$scratch/nix NIX_USER_CONF_FILES=/dev/null NIX_REMOTE="local?root=$scratch/nix/root"
git config --global user.name Bench
git config --global user.email bench@example.org
git config --global init.defaultBranch main
# Background garbage collection would distort a measurement.
git config --global gc.auto 0
git config --global maintenance.auto false

# repository DIR FILES ARGUMENTS OF init..: a repository of that many files with a lattice.toml on its base branch.
repository() {
  git init -q "$1"
  awk -v files="$2" 'BEGIN {
    print "commit refs/heads/main\ncommitter Bench <bench@example.org> 0 +0000\ndata 6\nfiles\n"
    for (i = 0; i < files; i++) {
      text = ""
      for (line = 0; line < 20; line++) text = text "line " line " of file " i ", long enough to be one\n"
      printf "M 100644 inline src/%03d/%05d.txt\ndata %d\n%s\n", i % 200, i, length(text), text
    }
  }' | git -C "$1" fast-import --quiet
  git -C "$1" reset -q --hard
  (cd "$1" && git lattice init "${@:3}" --no-hooks && git add lattice.toml && git commit -q -m lattice) >&2
}

# script NAME < TEXT: writes a shell script for hyperfine.
script() {
  { echo '#!/bin/sh' && echo 'set -e' && cat; } >"$scratch/scripts/$1"
  chmod +x "$scratch/scripts/$1"
  echo "$scratch/scripts/$1"
}

# lattice_of COMPONENTS: input for fast-import with 2 architectures, 5 phases and 20 steps per component, each a commit on the step below.
lattice_of() {
  awk -v components="$1" -v base="$(git rev-parse main)" '
    function file(path, text) { printf "M 100644 inline %s\ndata %d\n%s\n", path, length(text), text }
    BEGIN {
      split("aarch64 x86_64", arch, " ")
      for (c = 1; c <= components; c++) for (a = 1; a <= 2; a++) {
        parent = base
        for (p = 0; p < 5; p++) for (s = 1; s <= 20; s++) {
          point = "tool-" c "/" arch[a] "/phase" p "/step" s
          message = "feat: add " point "\n\nLattice-Point: " point "\n"
          printf "commit refs/heads/feature/%s\nmark :%d\ncommitter Bench <bench@example.org> 0 +0000\n", point, ++mark
          printf "data %d\n%s\nfrom %s\n", length(message), message, parent
          file("flakes/" point "/config.toml", "point = \"" point "\"\n")
          file("flakes/" point "/flake.nix", "{ outputs = _: { point = \"" point "\"; }; }\n")
          parent = ":" mark
        }
      }
    }'
}

# records_of: input for fast-import with ten records of each point, by three writers, as three machines make them.
records_of() {
  git lattice list --format '%(point) %(key) %(commit) %(systems)' | awk '
    function record(i) {
      return sprintf("{\"point\":\"%s\",\"key\":\"%s\",\"commit\":\"%s\",\"system\":\"%s\",\"verdict\":\"built\","\
        "\"drv\":\"/nix/store/00000000000000000000000000000000-step.drv\",\"outputs\":{\"out\":{\"path\":"\
        "\"/nix/store/00000000000000000000000000000001-step\",\"narHash\":\"sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}},"\
        "\"nix\":\"2.8.0\",\"started\":\"2026-01-%02dT03:04:05Z\",\"seconds\":%d.5,\"host\":\"host\",\"user\":\"user\"}\n",
        $1, $2, $3, $4, i + 1, i)
    }
    { line[NR] = $0 }
    END {
      for (w = 0; w < 3; w++) {
        print "commit refs/notes/lattice/writer" w "\ncommitter Bench <bench@example.org> 0 +0000\ndata 7\nrecords"
        for (n = 1; n <= NR; n++) {
          $0 = line[n]
          text = ""
          for (i = w; i < 10; i += 3) text = text record(i)
          printf "M 100644 inline %s/%s\ndata %d\n%s\n", substr($2, 1, 2), substr($2, 3), length(text), text
        }
      }
    }'
}
