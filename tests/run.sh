#!/bin/bash
# run.sh - every test, in turn; its last line is "N passed, N failed, N skipped" and its status says the same.
#   run.sh [SUITE...]      suites: build structure units hostile fuzz cli faults interop docs sanitize mutants threads memcheck
#   B=DIR                  where to build (build)
#   SANITIZED=DIR          the build for the suites sanitize and fuzz (B/asan)
#   GAPFERRY=PROGRAM       test this program instead of B/gapferry
#   GF_LONG=1              also what takes long
#   GF_SLOWER=N            each suite may take N times as long (a build that counts)
#   GF_SUITES=N            so many suites at once (2: most of them wait most of the time); the build alone
# Logs of all suites stay in $B/test-logs; what failed is printed, and once more before the last line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
umask 022
export LC_ALL=C B=${B:-build}
logs=$B/test-logs
mkdir -p "$logs"
rm -f "$logs"/*.log
B=$(cd "$B" && pwd)
export GAPFERRY=${GAPFERRY:-$B/gapferry}
GAPFERRY=$(realpath -m "$GAPFERRY")
# What a test must never meet: the caller's keys, state, daemon, credentials, build system.
for v in $(compgen -e | grep -E '^(GAPFERRY_|DOCKER_|REGISTRY_AUTH|XDG_|BUILD_|BUILDKITE|BITBUCKET_|CI_|GITLAB_|JENKINS_|TF_BUILD|SYSTEM_|GITHUB_|SOURCE_DATE_EPOCH|(HTTPS?|NO|ALL|https?|no|all)_(PROXY|proxy)|SSL_CERT_)'); do
	unset "$v"
done
unset CI
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/gapferry-tests.XXXXXX")
export TMPDIR HOME="$TMPDIR/home" GAPFERRY_STATE="$TMPDIR/state" GAPFERRY_CONFIG="$TMPDIR/config"
mkdir -p "$HOME" "$GAPFERRY_CONFIG"
# Whatever a test starts inherits this, and has ended when the tests have.
export GF_TEST_RUN=$TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# May this test be skipped?  SUITE NAME
allowed() {
	local name
	while IFS= read -r name; do
		# shellcheck disable=SC2053 # a trailing '*' is meant as a pattern
		[[ "$1/$2" == $name ]] && return 0
	done < <(sed -n 's/^\([^#].*[^ ]\)   *[^ ].*$/\1/p' tests/SKIPS | sed 's/[][?\\]/\\&/g; s/\*\(.\)/\\*\1/g')
	return 1
}

# What each failed test of a log says, its first lines; the log's end where no test failed.
said() {
	if grep -q '^not ok [0-9]' "$1" 2>/dev/null; then
		awk '/^not ok [0-9]/ { left = 16 } /^(ok |1\.\.)/ { left = 0 } left-- > 0' "$1"
	else
		tail -n 60 "$1"
	fi
}

# suite NAME SECONDS COMMAND... - its TAP is counted; a crash, a time-out or no test at all counts as one failure.
suite() {
	local name=$1 seconds=$2 log=$logs/$1.log began=$SECONDS rc p f s line word
	shift 2
	timeout -k 20 $((seconds * ${GF_SLOWER:-1})) "$@" >"$log" 2>&1 </dev/null
	rc=$?
	mapfile -t lines < <(awk -f tests/count.awk "$log")
	read -r p f s <<<"${lines[-1]}"
	unset 'lines[-1]'
	if [ $rc -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		lines+=("failed: $name ended with status $rc$([ $rc -eq 124 ] && echo ", after $((seconds * ${GF_SLOWER:-1})) s")")
	elif [ $((p + f + s)) -eq 0 ]; then
		f=1
		lines+=("failed: $name ran no test")
	fi
	for line in "${lines[@]}"; do
		if [[ $line == skipped:* ]]; then
			word=${line#skipped: }
			if ! allowed "$name" "${word%%$'\t'*}"; then
				f=$((f + 1)) s=$((s - 1))
				line="failed: skipped without a line in tests/SKIPS: ${word/$'\t'/: }"
			fi
		fi
		printf '    %s\n' "${line/$'\t'/: }"
	done
	if [ "$f" -gt 0 ]; then
		echo "    ---- $log"
		said "$log" | sed 's/^/    | /'
	fi
	printf '%-12s %5d passed %4d failed %4d skipped %6d s\n' "$name" "$p" "$f" "$s" $((SECONDS - began))
	echo "$p $f $s" >"$logs/$name.sum"
}

# Sanitizers must find leaks, and stop.
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

run() {
	case $1 in
	build) suite build 900 tests/build.sh ;;
	structure) suite structure 300 tests/structure.sh "$B" ;;
	units) suite units 300 tests/units.sh "$B" ;;
	sanitize)
		# Every byte changed is for the units, and for the long run.
		[ -n "${GF_LONG-}" ] || export GF_SPARSE=1
		suite sanitize 600 tests/units.sh "${SANITIZED:-$B/asan}"
		;;
	fuzz) suite fuzz 600 tests/fuzz/replay.sh "${SANITIZED:-$B/asan}" ;;
	hostile) suite hostile 600 python3 tests/hostile/table.py ;;
	docs) suite docs 600 tests/docs.sh ;;
	threads) suite threads 2400 tests/threads.sh ;;
	memcheck) suite memcheck 7200 tests/memcheck.sh ;;
	mutants) suite mutants 3600 make --no-print-directory -s B="$B" mutate ;;
	cli | faults | interop)
		if compgen -G "tests/$1/*.bats" >/dev/null; then
			more=() seconds=900
			[ -z "${GF_LONG-}" ] || seconds=7200
			[ -z "${GF_LONG-}" ] || [ ! -d "tests/$1/long" ] || more=("tests/$1/long")
			suite "$1" $seconds bats --tap --timing "tests/$1" "${more[@]}"
		fi
		;;
	*)
		echo "run.sh: no suite '$1'" >&2
		exit 2
		;;
	esac
}

# The longest first, so that none is left alone at the end.
[ $# -gt 0 ] || set -- build interop cli hostile sanitize units faults docs fuzz structure ${GF_LONG:+threads mutants}
rm -f "$logs"/*.sum "$logs"/*.report

# What has ended since, printed whole.
reports() {
	local s
	for s; do
		if [ -e "$logs/$s.sum" ] && [ -e "$logs/$s.report" ]; then
			cat "$logs/$s.report"
			rm "$logs/$s.report"
		fi
	done
}
for s; do
	if [ "$s" = build ]; then
		run build
		continue
	fi
	while [ "$(jobs -rp | wc -l)" -ge "${GF_SUITES:-2}" ]; do
		wait -n
		reports "$@"
	done
	run "$s" >"$logs/$s.report" 2>&1 &
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do
	wait -n
	reports "$@"
done
reports "$@"

# The processes that tests have left, five seconds later, as "pid command".
left_running() {
	local i pids
	for ((i = 0; i < 50; i++)); do
		pids=$(env -u GF_TEST_RUN grep -lzxsF "GF_TEST_RUN=$GF_TEST_RUN" /proc/[0-9]*/environ | cut -d/ -f3 | paste -sd,)
		[ -n "$pids" ] || return 0
		sleep 0.1
	done
	ps -o pid=,args= -p "$pids"
}

passed=0 failed=0 skipped=0
for s; do
	# A suite that did not come to its sum has failed.
	read -r p f k < <(cat "$logs/$s.sum" 2>/dev/null || { cat "$logs/$s.report" >&2; echo 0 1 0; })
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + k))
	[ "$f" -eq 0 ] || printf '\n%s: %d failed\n%s\n' "$s" "$f" "$(said "$logs/$s.log" | sed 's/^/    /')"
done
while read -r pid command; do
	printf '\nfailed: a test has left this running: %s\n' "$command"
	kill "$pid"
	failed=$((failed + 1))
done < <(left_running)
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
