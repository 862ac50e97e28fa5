#!/bin/bash
# replay.sh DIR - every fuzz target of the sanitizer build in DIR over its corpus and its neighbours, as TAP.
n=0
for src in tests/fuzz/fuzz_*.c; do
	name=${src##*/fuzz_} name=${name%.c} n=$((n + 1))
	corpus=()
	# Each run of archive forks a reader, and a process under ASan is slow to fork; one of signed checks six signatures.
	unset REPLAY_NEIGHBOURS
	case $name in archive | signed) export REPLAY_NEIGHBOURS=8 ;; esac
	[ -d "tests/fuzz/corpus/$name" ] && corpus=("tests/fuzz/corpus/$name")
	timeout -k 5 300 "$1/tests/fuzz/fuzz_$name" "${corpus[@]}" 2>&1 | sed 's/^/# /'
	if [ "${PIPESTATUS[0]}" -eq 0 ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
	fi
done
echo "1..$n"
