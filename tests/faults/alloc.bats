#!/usr/bin/env bats
# shellcheck disable=SC2154 # root: common.bash
# Every allocation of pack, verify, inspect and unpack that fails (alloc.c, alloc.py): no death, no hang, no lie, nothing left.
# A sample of the ways of calls to an allocation, in parent and contained child, about 20 s; GF_LONG=1 takes every way (25,000),
# GF_LONG=each every allocation (140,000; longer than the suite may take, so run this file by itself).

@test "an allocation fails in pack, verify and unpack, files and registries: no-memory or the same result, and the next run succeeds" {
	load ../cli/common
	fresh
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/app:1.2
	gapferry key new --no-passphrase --type ed25519 release >/dev/null
	gapferry pack -q -o app.tar --key release.pem --stream app --sequence 7 --created 2026-01-02T03:04:05Z image.tar >/dev/null
	# A sanitizer has an allocator of its own, in front of every other.
	if grep -q __asan_init "$GAPFERRY"; then skip 'the sanitizer allocates'; fi
	gcc -std=c11 -O1 -fPIC -shared -Wall -Wextra -Werror -o alloc.so "$root/tests/faults/alloc.c" -shared-libgcc -lgcc_s
	local which=18
	[ -z "${GF_LONG-}" ] || which=ways
	[ "${GF_LONG-}" != each ] || which=each
	python3 "$root/tests/faults/alloc.py" . "$PWD/alloc.so" $which >said || { cat said; false; }
	sed 's/^/# /' said >&3
}
