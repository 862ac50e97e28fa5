#!/bin/sh
# checksec.sh PROGRAM - what it lacks, or has and should not, one a line; nothing, and status 0: it is as it should be.
# Symbols are looked for in PROGRAM.debug where that is there.  A static program imports and exports nothing.
set -eu
export LC_ALL=C
p=$1 bad=0
head=$(readelf -hlW "$p") dynamic=$(readelf -dW "$p") symbols=$p
[ ! -e "$p.debug" ] || symbols=$p.debug
names=$(nm "$symbols" | awk '{ print $NF }' | sed 's/@.*//')

found() {
	echo "$p: $1"
	bad=1
}
has() { echo "$1" | grep -Eq -- "$2"; }

has "$head" 'Type: *DYN' || found "not position independent"
has "$head" GNU_RELRO || found "no RELRO segment"
has "$dynamic" 'BIND_NOW|Flags:.* NOW' || found "not bound at start"
has "$head" 'GNU_STACK.* RW ' || found "an executable stack"
! has "$head" 'LOAD.* RWE ' || found "a segment to write and run"
! has "$dynamic" TEXTREL || found "text relocations"
! has "$dynamic" 'RPATH|RUNPATH' || found "a path to libraries"
has "$names" '^__stack_chk_fail' || found "no stack protector"
has "$names" '^__.*_chk$' || found "no fortified calls"
banned=$(grep -v '^#' "$(dirname "$0")/banned" | paste -sd '|')
imports=$(nm -D --undefined-only "$p" 2>/dev/null | awk '{ print $NF }' | sed 's/@.*//' | grep -Ex "$banned" | tr '\n' ' ') || true
[ -z "$imports" ] || found "imports of ${imports% }"
# The linker exports what libc's own objects are copied to.
exports=$(nm -D --defined-only "$p" 2>/dev/null | awk '{ print $NF }' | sed 's/@.*//' | grep -vEx '(__|_)?environ|std(in|out|err)|opt(arg|ind|err|opt)' |
	tr '\n' ' ') || true
[ -z "$exports" ] || found "exports of ${exports% }"
exit $bad
