#!/bin/bash
# run.sh DIR NAME... - what fuzzing has to show of each target, by the libFuzzer programs of make fuzz-build in DIR:
#   FUZZ_SECONDS (60) without a finding, on a copy of its corpus (what is found is printed, not committed);
#   80 % of the lines of its parser reached: FILE, FILE:FUNCTION,FUNCTION, or -FUNCTION that is none of it, behind
#   "parser:" at the end of the comment that fuzz_NAME.c begins with;
#   the bug planted in it (planted.h), which no seed springs, found within PLANTED_SECONDS (60).
# FUZZ_JOBS (1) targets run at once.
set -u
dir=$1
shift
if [ $# -ne 1 ]; then
	# What one target has to say stays together.
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-1}" -I NAME sh -c 'said=$("$@" 2>&1); rc=$?; printf "%s\n" "$said"; exit $rc' \
		sh "$0" "$dir" NAME
	exit
fi
name=$1
seconds=${FUZZ_SECONDS:-60}
planted_seconds=${PLANTED_SECONDS:-60}
least=80
bad=0
export LC_ALL=C LLVM_PROFILE_FILE=/dev/null

complain() {
	bad=1
	printf '    FAILED: %s\n' "$1"
}

# The words behind "parser:" in the first comment, one FILE or FILE:FUNCTION a line.
parser_of() {
	awk '/\*\// { exit } on { sub(/^ \* */, ""); print } /parser:/ { sub(/.*parser:/, ""); on = 1; print }' \
		"tests/fuzz/fuzz_$1.c" |
		awk -v RS='[ \n]+' '
			/,$/ { begun = begun $0; next }
			NF { $0 = begun $0; begun = ""; n = split($0, part, /[:,]/); if (n < 2) print; for (i = 2; i <= n; i++) print part[1] ":" part[i] }'
}

# lines PROGRAM PROFILE WORD... - "REACHED ALL", and before it a line for each WORD that is nothing.
lines() {
	local program=$1 profile=$2 word
	local -A files=()
	shift 2
	for word; do
		[[ $word == -* ]] || files[$PWD/${word%%:*}]=1
	done
	llvm-cov-14 report -show-functions "$program" -instr-profile="$profile" "${!files[@]}" |
		awk -v words="$*" -v root="$PWD/" '
			BEGIN { n = split(words, word, " ") }
			/^File / { file = substr($2, 2 + length(root)); sub(/.:$/, "", file) }
			$5 ~ /^[0-9]+$/ && $1 != "TOTAL" {
				name = $1
				sub(/.*:/, "", name)
				for (i = 1; i <= n; i++)
					if (word[i] == "-" name) {
						seen[i] = 1
						next
					}
				for (i = 1; i <= n; i++)
					if (word[i] == file || word[i] == file ":" name) {
						all += $5
						reached += $5 - $6
						seen[i] = 1
						break
					}
			}
			END {
				for (i = 1; i <= n; i++)
					if (!seen[i])
						print "there is no " word[i]
				print reached + 0, all + 0
			}'
}

program=$dir/tests/fuzz/fuzz_$name planted=$dir/tests/fuzz/planted_$name grown=$dir/corpus/$name log=$dir/$name.log
seeds=tests/fuzz/corpus/$name
mkdir -p "$grown" "$dir/finds"
options=(-timeout=10 -rss_limit_mb=2048 -print_final_stats=1)
[ ! -f "tests/fuzz/$name.dict" ] || options+=("-dict=tests/fuzz/$name.dict")
# The largest seeds are for replay: here they would be most of the work.
case $name in
dsse) options+=(-max_len=8192) ;;
json) options+=(-max_len=1536) ;;
manifest) options+=(-max_len=3072) ;;
esac

rc=0
"$program" "${options[@]}" -max_total_time="$seconds" -artifact_prefix="$dir/finds/$name-" "$grown" "$seeds" \
	>"$log" 2>&1 || rc=$?
runs=$(awk '/number_of_executed_units/ { print $2 }' "$log")

mapfile -t parser < <(parser_of "$name")
LLVM_PROFILE_FILE=$dir/$name.profraw "$program" -runs=0 "$grown" "$seeds" >/dev/null 2>&1
llvm-profdata-14 merge -o "$dir/$name.profdata" "$dir/$name.profraw"
mapfile -t found < <(lines "$program" "$dir/$name.profdata" "${parser[@]}")
read -r reached all <<<"${found[-1]}"
percent=$((all > 0 ? reached * 100 / all : 0))

# The seeds alone must not spring it, or it would show nothing.
sprung=0
"$planted" "${options[@]}" -runs=0 -artifact_prefix="$dir/planted-" "$seeds" >"$log.planted" 2>&1 || sprung=1
hit=0
began=$SECONDS
scratch=$dir/corpus/planted-$name
rm -rf "$scratch"
mkdir "$scratch"
"$planted" "${options[@]}" -max_total_time="$planted_seconds" -artifact_prefix="$dir/planted-" \
	"$scratch" "$seeds" >>"$log.planted" 2>&1 || hit=$?

printf '%-12s %9s executions in %s s, %s inputs kept; %d of %d lines of its parser (%d %%); planted bug %s\n' \
	"$name" "${runs:-?}" "$seconds" "$(find "$grown" -type f | wc -l)" "$reached" "$all" "$percent" \
	"$([ $hit -eq 0 ] && echo 'not found' || echo "found in $((SECONDS - began)) s")"
if [ $rc -ne 0 ]; then
	complain "status $rc; the input is in $dir/finds"
	tail -n 40 "$log"
fi
unset 'found[-1]'
for word in "${found[@]}"; do
	complain "parser: $word"
done
[ $percent -ge $least ] || complain "fewer than $least % of the lines of ${parser[*]}"
[ $sprung -eq 0 ] || complain "a seed springs the planted bug: $log.planted"
if [ $hit -eq 0 ] || ! grep -q 'deadly signal' "$log.planted"; then
	complain "the planted bug was not found: $log.planted"
fi
exit $bad
