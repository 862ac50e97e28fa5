#!/bin/bash
# check.sh - make check: format, warnings of gcc and clang as errors, clang-tidy, gcc's analyzer, cppcheck, shellcheck,
# all tests with the sanitizer build as the program, and what runs in threads under ThreadSanitizer,
# and the units under valgrind.  Every step is run; the last line says how many found something.
set -u
cd "$(dirname "$0")/.." || exit 1
export B=${B:-build}
bad=0
step() {
	local name=$1 began=$SECONDS
	shift
	if "$@" >"$B/check-$name.log" 2>&1; then
		printf '%-12s ok %6d s\n' "$name" $((SECONDS - began))
	else
		bad=$((bad + 1))
		tail -n 60 "$B/check-$name.log"
		printf '%-12s FAILED, see %s\n' "$name" "$B/check-$name.log"
	fi
}
sources() { git ls-files -- '*.c' '*.h' ':!packaging/static/curl_config.h'; }
format() { sources | xargs clang-format --dry-run -Werror; }
gcc_() { make -j2 B="$B/gcc" CC=gcc WERROR=-Werror all units; }
clang_() { make -j2 B="$B/clang" CC=clang WERROR=-Werror all units; }
rooms() { git ls-files -- 'base/*.c' 'bundles/*.c' 'sign/*.c' 'verify/*.c' 'remote/*.c' 'pack/*.c' 'unpack/*.c' 'cli/*.c'; }
# base/error.c defines what tests/tidy.h explains; it has no analysis of its own.
tidy() {
	# shellcheck disable=SC2016 # $@ is the inner shell's
	rooms | grep -v '^base/error.c' | xargs -P2 -n4 sh -c 'clang-tidy --quiet "$@" -- -std=c11 -I. -include tests/tidy.h -D_FILE_OFFSET_BITS=64 -DGF_VERSION="\"0\""' sh
}
# gcc's own, one file at a time, so it is told the same.
analyzer() {
	# shellcheck disable=SC2016
	rooms | grep -v '^base/error.c' | xargs -P2 -n1 sh -c 'gcc -std=c11 -O1 -fanalyzer -Werror -fdiagnostics-plain-output -I. -include tests/tidy.h -D_FILE_OFFSET_BITS=64 -DGF_VERSION="\"0\"" -S -o /dev/null "$1"' sh
}
# Suppressed: cppcheck 2.10 takes the array that gf_grow moves into *items for lost, and a text's NUL for an index that
# is not checked.
cppcheck_() {
	rooms | xargs cppcheck -q -j2 --std=c11 --error-exitcode=1 -I. --enable=warning,portability --inline-suppr \
		--suppress=memleak:base/error.c --suppress=arrayIndexThenCheck -D_POSIX_C_SOURCE=200809L -DGF_VERSION='"0"'
}
# SC2094: a function and a file of one name are two things.
shell() { git ls-files -- '*.sh' '.ci/run' '*.bats' '*.bash' | xargs shellcheck -x -e SC2094; }
memcheck() { make -j2 B="$B" all units && tests/run.sh memcheck; }
threads() { tests/run.sh threads; }
sanitized() {
	make B="$B" sanitized &&
		env GAPFERRY="$PWD/$B/asan/gapferry" tests/run.sh build units sanitize fuzz hostile cli faults interop docs
}

mkdir -p "$B"
[ $# -gt 0 ] || set -- format gcc clang tidy analyzer cppcheck shell sanitized threads memcheck
for s; do
	case $s in
	gcc | clang | cppcheck) step "$s" "${s}_" ;;
	*) step "$s" "$s" ;;
	esac
done
echo "$bad of $# checks found something"
[ $bad -eq 0 ]
