#!/bin/bash
# memcheck.sh [NOUN...] - the units, or those of these nouns, and bundles packed, verified and loaded, under valgrind, as
# TAP: nothing is used that is not there or was never set.  (Leaks are found by the sanitizers; here a child that a test
# kills would be one.)  B is where it was built.
#   SECONDS_EACH=N  1200
set -u
cd "$(dirname "$0")/.." || exit 1
under="valgrind -q --error-exitcode=99 --leak-check=no --suppressions=$PWD/tests/memcheck.supp"
# Not what builds walls (valgrind does not know these calls, and could not live behind them).
if [ $# -eq 0 ]; then
	mapfile -t nouns < <(git ls-files -- 'tests/unit/*/test_*.c' | sed -n 's/.*test_\(.*\)\.c/\1/p' | grep -vx contain)
	set -- "${nouns[@]}"
fi
# One byte changed in each of so many bundles leads through the same lines: a part of them will do, at a thirtieth of the speed.
UNDER=$under GF_SPARSE=1 SECONDS_EACH=${SECONDS_EACH:-1200} tests/units.sh "$B" "$@"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export HOME=$dir GAPFERRY_STATE=$dir/state GAPFERRY_CONFIG=$dir
program=$(realpath "$B/gapferry")
tests/lib/busybox-image.sh "$dir/image.tar" registry.example/team/app:1.2
cd "$dir" || exit 1
gzip -k image.tar
n=0
echo 1..6
while read -r line; do
	n=$((n + 1))
	# shellcheck disable=SC2086
	if $under "$program" $line >said 2>&1; then
		echo "ok $n - $line"
	else
		sed 's/^/# /' said
		echo "not ok $n - $line"
	fi
done <<'EOF'
key new --no-passphrase release
pack -q --key release.pem --stream s --sequence 1 -o a.tar image.tar
pack -q --layers zstd --key release.pem --stream s --sequence 2 -o b.tar image.tar.gz
verify -q --deep --key release.pub a.tar
unpack -q --key release.pub --to oci:layout --to docker-archive:out.tar a.tar
unpack -q --key release.pub --to oci:other b.tar
EOF
