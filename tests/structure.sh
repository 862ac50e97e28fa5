#!/bin/bash
# structure.sh DIR - holds the code against the house of DESIGN.md section 4, as TAP.  DIR has the objects.
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
B=${1-build}
rooms='base bundles sign verify remote pack unpack cli'
declare -A sees=(
	[base]='' [bundles]='base' [sign]='base' [remote]='base' [verify]='sign bundles base'
	[pack]='verify sign bundles remote base' [unpack]='verify sign bundles remote base'
	[cli]='pack unpack verify sign bundles remote base'
)
n=0
# check NAME: ok when stdin is empty, else what came is the reason.
check() {
	local found
	found=$(cat)
	n=$((n + 1))
	if [ -z "$found" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		# shellcheck disable=SC2001 # several lines
		sed 's/^/# /' <<<"$found"
	fi
}
files() { git ls-files -- "$1/*.c" "$1/*.h"; }

# Rooms include only the rooms below them, and those by their public header.
includes() {
	local room f inc other
	for room in $rooms; do
		for f in $(files "$room"); do
			while read -r inc; do
				other=${inc%%/*}
				[ "$other" = "$room" ] && continue
				if [ "$room" = base ] || [[ " ${sees[$room]} " != *" $other "* ]]; then
					echo "$f includes $inc: $room does not know $other"
				elif [ "$inc" != "$other/$other.h" ]; then
					echo "$f includes $inc, which is private to $other"
				fi
			done < <(sed -n 's/^# *include *"\([^"]*\)".*/\1/p' "$f")
		done
	done
}
# Headers of libraries that one file alone may see.
owned() {
	git grep -nE '^# *include *<curl/' -- '*.c' '*.h' ':!remote/http.c' ':!remote/exchange.c' ':!tests'
	git grep -nE '^# *include *<jansson' -- '*.c' '*.h' ':!base/json*' ':!tests'
}
released() {
	git grep -nE 'gf_reader_release *\(' -- '*.c' ':!verify/accept.c' ':!bundles' ':!tests'
	git grep -LE 'gf_reader_release *\(' -- verify/accept.c | sed 's/$/: does not release the reader/'
}
# undefined symbols of a room's objects that match: ROOM REGEX [EXCEPT-OBJECT]
undefined() {
	local o
	for o in "$B/$1"/*.o; do
		[ -e "$o" ] || { echo "no objects in $B/$1"; return; }
		[ "$(basename "$o")" = "${3-}" ] && continue
		nm -u "$o" | awk -v r="^($2)\$" -v o="$o" '$2 ~ r { print o " uses " $2 }'
	done
}
network='curl_.*|socket|socketpair|connect|bind|listen|accept4?|getaddrinfo|gethostby.*|send(to|msg)?|recv(from|msg)?|getpeername'
printing='(__)?v?printf(_chk)?|puts|putchar|perror|psignal|stdout|stderr|err|errx|warn|warnx|exit|_exit|_Exit|quick_exit|abort|__assert_fail'
banned=$(grep -v '^#' tests/banned | paste -sd '|')
no_network() { for r in verify sign bundles; do undefined $r "$network"; done; }
# base/process.c, base/contained.c: a child has no one to return to.
no_printing() {
	for r in base bundles sign verify remote pack unpack; do
		if [ $r = base ]; then
			undefined $r "$printing" | grep -v '/\(process\|contained\)\.o uses _exit$'
		else
			undefined $r "$printing"
		fi
	done
}
no_banned() { for r in $rooms; do undefined "$r" "$banned"; done; }

# Landing pads and shadow stacks are of use in whole programs alone, and Debian's start files lack their note: so it is
# our objects that must have it.
marked() {
	local o mark
	case $(uname -m) in
	x86_64) mark='IBT, SHSTK' ;;
	aarch64) mark=BTI ;;
	*) return ;;
	esac
	for o in $rooms; do
		[ "$(readelf -nW "$B/$o.a" | grep -c "$mark")" -eq "$(ar t "$B/$o.a" | wc -l)" ] || echo "$B/$o.a has objects without $mark"
	done
}
hardened() {
	local p
	for p in "$B/gapferry" "$B"/static-*/gapferry; do
		[ ! -e "$p" ] || tests/checksec.sh "$p"
	done
}
# A check that cannot fail is none: a program that has all, and ones that lack one thing each, or have one too many.
lacking() {
	local dir flags want found
	dir=$(mktemp -d)
	cat >"$dir/p.c" <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#ifdef RELOCATED
		__asm__(".text\n.quad main");
		#endif
		#ifdef WRITABLE
		__asm__(".section .wx,\"awx\",%progbits\n.quad 0\n.text");
		#endif
		int main(int argc, char **argv)
		{
			char b[16];
			memcpy(b, argv[0], strlen(argv[0]) + 1);
		#ifdef BANNED
			argc += system(b);
		#endif
		#ifdef SCANNED
			argc += sscanf(b, "%d", &argc);
		#endif
			return printf("%s", b) + argc;
		}
	C
	while IFS='|' read -r want flags; do
		# shellcheck disable=SC2086 # flags are words
		cc -O2 -w -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -pie -Wl,-z,relro,-z,now,-z,noexecstack \
			$flags -o "$dir/p" "$dir/p.c" 2>"$dir/said" || { cat "$dir/said"; continue; }
		found=$(tests/checksec.sh "$dir/p" | sed 's/^[^:]*: //')
		[ "$found" = "$want" ] || echo "with '$flags' checksec.sh says '$found', not '$want'"
	done <<-'EOF'
		|
		not position independent|-no-pie -fno-pie
		no RELRO segment|-Wl,-z,norelro
		not bound at start|-Wl,-z,lazy
		an executable stack|-Wl,-z,execstack
		no stack protector|-fno-stack-protector
		no fortified calls|-D_FORTIFY_SOURCE=0
		a path to libraries|-Wl,-rpath,/nowhere
		text relocations|-DRELOCATED -Wl,-z,notext
		a segment to write and run|-DWRITABLE
		imports of system|-DBANNED
		imports of __isoc99_sscanf|-DSCANNED
		exports of main|-Wl,--export-dynamic-symbol=main
	EOF
	rm -rf "$dir"
}

# Every header can be the first that a file includes.
alone() {
	local cc h
	for cc in gcc clang; do
		for h in $(git ls-files -- 'base/*.h' 'bundles/*.h' 'sign/*.h' 'verify/*.h' 'remote/*.h' 'pack/*.h' 'unpack/*.h' 'cli/*.h'); do
			printf '#include "%s"\ntypedef int gf_unused;\n' "$h" | $cc -std=c11 -Wall -Wextra -Wpedantic -D_POSIX_C_SOURCE=200809L -I. -fsyntax-only -x c - 2>&1 |
				grep -E 'error|warning' | sed "s|^|$cc $h: |"
		done
	done
}
long() { git ls-files -- '*.c' '*.h' ':!packaging' ':!tests' | xargs wc -l | awk '$1 > 650 && $2 != "total" { print $2 " has " $1 " lines" }'; }
papers() {
	local p
	for p in LICENSE README.md CHANGES.md SECURITY.md bundles/FORMAT.md; do
		[ -s $p ] || echo "$p is missing"
	done
}
# FORMAT.md names tests as [reader:test_thin C31 cost.bats], and has the digests of the vectors: all of them are there.
held() {
	local w page=bundles/FORMAT.md
	while read -r w; do
		case $w in
		*:*) grep -qw "${w#*:}(void \*\*state)" tests/unit/*/"test_${w%:*}.c" 2>/dev/null ;;
		*.bats) ls tests/*/"$w" >/dev/null 2>&1 ;;
		*) grep -q "\"${w}[\" ]" tests/hostile/*_rows.py tests/hostile/table.py ;;
		esac || echo "$page names $w, which no test is called"
	done < <(tr '\n' ' ' <$page | grep -oE '\[[^][]*\]' | grep -oE '\b([a-z_]+:[a-z_0-9]+|[CSX][0-9]{1,2}|[a-z_]+\.bats)\b' | sort -u)
	while read -r w; do
		grep -q "$w" tests/unit/*/*.c || echo "$page has the digest $w, which no test compares"
	done < <(grep -oE '\b[0-9a-f]{64}\b' $page)
}
# make fuzz measures a target by them (tests/fuzz/run.sh).
fuzzed() {
	local f name
	for f in tests/fuzz/fuzz_*.c; do
		name=${f##*/fuzz_} name=${name%.c}
		sed -n '1,/\*\//p' "$f" | grep -q 'parser: ' || echo "$f does not say which lines are its parser"
		grep -q 'GF_PLANTED(' "$f" || echo "$f has no bug planted in it"
		[ -n "$(ls "tests/fuzz/corpus/$name" 2>/dev/null)" ] || echo "$f has no seeds"
		parser_of "$f"
	done
}
# What the comment of a fuzz target says of its parser, FILE, FILE:FUNCTION,FUNCTION and -FUNCTION, is there.
# shellcheck disable=SC2086 # words
parser_of() {
	local w fn words files
	words=$(sed -n '1,/\*\//{s/^ \*\/*//;p}' "$1" | tr '\n' ' ' | sed 's/.*parser://; s/, */,/g')
	files=$(printf '%s\n' $words | sed -n 's/^\([^-:][^:]*\).*/\1/p')
	for w in $words; do
		case $w in
		-*) grep -q "\b${w#-}(" $files || echo "$1 names ${w#-}, which its parser has not" ;;
		*:*) for fn in $(tr ',' ' ' <<<"${w#*:}"); do grep -q "\b$fn(" "${w%%:*}" || echo "$1 names $fn, which ${w%%:*} has not"; done ;;
		*) [ -f "$w" ] || echo "$1 names $w, which is not there" ;;
		esac
	done
}

check "rooms include only what they may" < <(includes)
check "curl in remote/http.c and remote/exchange.c alone, jansson in base/json alone" < <(owned)
check "verify/accept.c alone releases the reader" < <(released)
check "verify, sign and bundles know no network" < <(no_network)
check "only cli prints and exits" < <(no_printing)
check "no function that is banned" < <(no_banned)
check "every object is marked for landing pads and shadow stacks" < <(marked)
check "the program is linked as it should be, the static one too" < <(hardened)
check "what a program lacks is noticed" < <(lacking)
check "every header compiles alone, gcc and clang" < <(alone)
check "no source file above 650 lines (tests not counted)" < <(long)
check "the papers are there" < <(papers)
check "every name of an error is mentioned by a test" < <(python3 tests/names.py 2>&1)
check "FORMAT.md names tests that exist" < <(held)
check "every fuzz target names its parser, has a bug planted, and seeds" < <(fuzzed)
echo "1..$n"
