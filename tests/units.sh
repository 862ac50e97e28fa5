#!/bin/bash
# units.sh DIR [NOUN...] - run every unit program below DIR/tests/unit, as one stream of TAP; or those of these nouns.
#   UNDER=COMMAND   runs each (valgrind)
#   SECONDS_EACH=N  300
out=$(mktemp)
trap 'rm -f "$out"' EXIT
dir=$1
shift
for u in "$dir"/tests/unit/*/test_*; do
	[[ -f $u && -x $u ]] || continue
	[ $# -eq 0 ] || [[ " $* " == *" ${u##*/test_} "* ]] || continue
	echo "# $u"
	# Through a pipe: a contained child may make no file longer, and valgrind has something to say in it.
	# shellcheck disable=SC2086 # a command and its options
	CMOCKA_MESSAGE_OUTPUT=tap timeout -k 5 "${SECONDS_EACH:-300}" ${UNDER-} "$u" 2>&1 </dev/null | cat >"$out"
	rc=${PIPESTATUS[0]}
	cat "$out"
	# cmocka's status is the number of failures; a signal, a time-out and a sanitizer say so here alone
	if [ "$rc" -ne 0 ] && ! grep -q '^not ok [0-9]* - ' "$out"; then
		echo "not ok 0 - $u ended with status $rc"
	fi
done
