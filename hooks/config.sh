# shellcheck shell=sh
# The command of a hook in git's configuration; git appends "$@" to the last line (git-hook(1)). Comments are stripped.
event='@EVENT@'
lattice='@BINARY@'
[ "$event$3" = post-checkout0 ] && exit 0
if [ ! -f "$lattice" ] || [ ! -x "$lattice" ]; then
  lattice=git-lattice
  command -v git-lattice >/dev/null 2>&1 || { echo "git-lattice: program not found, $event hook skipped" >&2; exit 0; }
fi
# shellcheck disable=SC2119,SC2120 # git appends the arguments to the last line
run() {
  "$lattice" hook run "$event" "$@"
  status=$?
  case $event:$status in post-*:* | *:126 | *:127) exit 0 ;; esac
  exit "$status"
}
run
