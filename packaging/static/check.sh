#!/bin/sh
# check.sh PROGRAM - is it the static program it should be?  Then its self test, in an empty root where root runs this.
set -eu
p=$1
fail() {
	echo "static: $p: $1" >&2
	exit 1
}
head=$(readelf -lW "$p")
dynamic=$(readelf -dW "$p")
has() { echo "$1" | grep -q -- "$2"; }
has "$head" INTERP && fail "wants an interpreter"
has "$dynamic" NEEDED && fail "wants shared libraries"
missing=$(tests/checksec.sh "$p") || fail "has $missing"
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
