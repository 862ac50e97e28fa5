#!/bin/sh
# run.sh DIR NAME... - run the libFuzzer programs DIR/tests/fuzz/fuzz_NAME for FUZZ_SECONDS each on their corpus (a
# copy: finds are reported, not committed), and print executions and how much of our code they reached: line coverage
# of the files that a run of the whole grown corpus entered at all.
set -eu
dir=$1
shift
seconds=${FUZZ_SECONDS:-60}
bad=0
for name; do
	program=$dir/tests/fuzz/fuzz_$name
	grown=$dir/corpus/$name
	mkdir -p "$grown" "$dir/finds"
	log=$dir/$name.log
	seeds=
	[ -d "tests/fuzz/corpus/$name" ] && seeds=tests/fuzz/corpus/$name
	rc=0
	LLVM_PROFILE_FILE=/dev/null "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/finds/$name-" "$grown" ${seeds:+"$seeds"} >"$log" 2>&1 || rc=$?
	runs=$(awk '/number_of_executed_units/ { print $2 }' "$log")
	# The corpus once more, for the line coverage.
	LLVM_PROFILE_FILE="$dir/$name.profraw" "$program" -runs=0 "$grown" ${seeds:+"$seeds"} >/dev/null 2>&1 || true
	llvm-profdata-14 merge -o "$dir/$name.profdata" "$dir/$name.profraw"
	printf '%s: %s executions in %s s, %s inputs kept, exit %s\n' "$name" "${runs:-?}" "$seconds" \
		"$(find "$grown" -type f | wc -l)" "$rc"
	llvm-cov-14 report "$program" -instr-profile="$dir/$name.profdata" 2>/dev/null |
		awk '$1 ~ /\.c$/ && $1 !~ /fuzz_/ && $8 - $9 > 0 { printf "    %-28s %5d of %5d lines  %s\n", $1, $8 - $9, $8, $10 }'
	if [ "$rc" -ne 0 ]; then
		bad=1
		tail -n 40 "$log"
	fi
done
exit $bad
