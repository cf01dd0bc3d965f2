#!/bin/sh
# git-lattice-shim @VERSION@ @FOLDER@ @SUM@
# Made by `git lattice hooks install`. `git lattice hooks uninstall` puts back what was here before.
event='@EVENT@'
lattice='@BINARY@'

# The hook that was here before goes first. An sh script is sourced, so that $0 keeps the name that dispatchers look at.
status=0
chained=$0.lattice-chained
if [ -f "$chained" ] && [ -x "$chained" ]; then
	interpreter=
	{ IFS= read -r interpreter <"$chained"; } 2>/dev/null
	case $interpreter in
	'#!'*[/\ ]sh | '#!'*[/\ ]sh\ -*)
		# shellcheck disable=SC2016,SC2086 # expanded by that shell; an interpreter and its option are two words
		${interpreter#??} -c '. "$0.lattice-chained"' "$0" "$@"
		;;
	*) "$chained" "$@" ;;
	esac
	status=$?
fi

# githooks(5): the third argument of post-checkout is 1 for a branch, 0 for files.
case $event:$status:$3 in
post-checkout:*:1) ;;
post-checkout:*) exit 0 ;;
*:0:*) ;;
*) exit "$status" ;;
esac

if [ ! -f "$lattice" ] || [ ! -x "$lattice" ]; then
	lattice=git-lattice
	command -v "$lattice" >/dev/null 2>&1 || {
		echo "git-lattice: program not found, $event hook skipped" >&2
		exit 0
	}
fi

"$lattice" hook run "$event" "$@"
status=$?
# The checkout is done and must not look failed; 126 and 127 say that the program could not be started at all.
case $event:$status in
post-checkout:* | *:126 | *:127) exit 0 ;;
esac
exit "$status"
