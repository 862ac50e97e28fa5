#!/bin/bash
# coverage.sh - make coverage: the suites, one by one, with the build in B that counts (make covered), and what coverage.py
# says of it.  Clang counts by source: a branch is one condition with one outcome, and no edge that only a compiler makes.
#   SUITES="units ..."     only these (units cli interop hostile faults fuzz); KEEP=1 adds to the counts that are there
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
B=$(cd "$B" && pwd)
export B SANITIZED=$B GF_SUITES=1 GF_SLOWER=4 SECONDS_EACH=1200
[ -n "${KEEP-}" ] || rm -f "$B"/profiles/*
bad=0
# shellcheck disable=SC2086 # several suites are several words
tests/run.sh ${SUITES:-units cli interop hostile faults fuzz} || bad=1
find "$B/profiles" -name '*.profraw' >"$B/profiles.list"
llvm-profdata-14 merge -o "$B/all.profdata" -f "$B/profiles.list" || exit 1
# Only a program that has begun has counters; what it is made of is in the others too.
objects=()
for program in "$B"/tests/*/*/test_* "$B"/tests/fuzz/fuzz_* "$B"/tests/hostile/*; do
	[[ ! -x $program || $program == *.* ]] || objects+=(-object "$program")
done
llvm-cov-14 export -format=lcov -instr-profile="$B/all.profdata" "$B/gapferry" "${objects[@]}" >"$B/all.lcov" || exit 1
tests/coverage.py "$B/all.lcov" || bad=1
exit $bad
