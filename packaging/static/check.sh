#!/bin/sh
# check.sh PROGRAM - is it the static program it should be?  Then its self test, in an empty root where root runs this.
set -eu
p=$1
fail() {
	echo "static: $p: $1" >&2
	exit 1
}
head=$(readelf -hlW "$p")
dynamic=$(readelf -dW "$p")
has() { echo "$1" | grep -q -- "$2"; }
has "$head" 'Type: *DYN' || fail "not position independent"
has "$head" INTERP && fail "wants an interpreter"
has "$dynamic" NEEDED && fail "wants shared libraries"
has "$dynamic" TEXTREL && fail "has text relocations"
has "$dynamic" BIND_NOW || has "$dynamic" 'FLAGS.*NOW' || fail "is not bound at start"
has "$head" GNU_RELRO || fail "has no RELRO segment"
has "$head" 'GNU_STACK.* RW ' || fail "has an executable stack"
nm "$p.debug" | grep -q '__stack_chk_fail' || fail "has no stack protector"
nm "$p.debug" | grep -q '_chk$' || fail "has no fortified calls"
size=$(wc -c <"$p")
[ "$size" -le 8000000 ] || fail "has $size bytes, more than 8 MB"

if [ "$(id -u)" -eq 0 ]; then
	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	mkdir "$root/tmp"
	cp "$p" "$root/gapferry"
	chroot "$root" /gapferry version --self-test
else
	"$p" version --self-test
fi
echo "static: $p: static-pie, $size bytes, self test passed"
