#!/usr/bin/env bats
# shellcheck disable=SC2154 # root: common.bash
# Every system call of pack, verify, inspect and unpack that fails, and kill -9 at every system call of pack and unpack
# (syscalls.c, syscalls.py).  GF_LONG=1 takes each of them; else it is a sample, spread over the names of the calls.

setup_file() {
	load ../cli/common
	load ../cli/ceremony
	ceremony_once
	"$root/tests/lib/busybox-image.sh" old.tar registry.example/team/shop:1.2 'release 6'
	gapferry pack -q -o shop-6.tar --key ci.pem --stream shop --sequence 6 old.tar >/dev/null
	gapferry key new --no-passphrase mallory >/dev/null
	gapferry pack -q -o strange.tar --key mallory.pem --stream shop --sequence 9 image.tar >/dev/null

	# What the runs find in their state: nothing; shop-7 tested; tested, and carol's rejection seen; shop-8 accepted.
	mkdir -p nothing tested floor keep config/keys config-mallory/{keys,environments} config/environments
	cp ci.pub config/keys
	cp ci.pub mallory.pub config-mallory/keys
	for e in test prod; do
		printf 'environment: %s\ntargets: [{oci: "%s/to-%s"}]\n' $e "$PWD" $e | tee config/environments/$e.yaml >config-mallory/environments/$e.yaml
	done
	export GAPFERRY_CONFIG=$PWD/config
	cp -r state tested
	gapferry unpack -q --state tested/state --env test shop-7.tar >/dev/null
	cp -r state floor
	gapferry unpack -q --state floor/state --env test shop-8.tar >/dev/null

	# What comes with shop-7: both approvals; carol's rejection on top; a trust file that puts erin in dave's place.
	cp shop-7.tar subject.tar
	for k in carol dave; do gapferry approve -q --env prod --site a --key $k.pem subject.tar >/dev/null 2>&1; done
	mkdir approved rejected revoked
	for d in approved rejected revoked; do
		cp shop-7.tar $d
		cp -r subject.tar.d $d/shop-7.tar.d
	done
	gapferry trust add -q --approver prod:erin.pub trust-1.json -o trust-2.json >/dev/null
	gapferry trust revoke -q --same-version trust-2.json dave >/dev/null
	roots_sign trust-2.json
	gapferry trust sign -q --companion revoked/shop-7.tar trust-2.json >/dev/null
	sleep 1 # a holder's latest decision counts
	gapferry approve -q --env prod --site a --reject --reason 'OPS-3: no' --key carol.pem rejected/shop-7.tar >/dev/null 2>&1
	cp -r tested kept
	gapferry unpack -q --state kept/state --env prod rejected/shop-7.tar 2>/dev/null || [ $? -eq 3 ]

	# pack is run in a checkout, for it reads what that says; this key's signatures have the same bytes each time.
	gapferry key new --no-passphrase --type ed25519 packer >/dev/null
	mkdir checkout
	git init -q checkout
	git -C checkout -c user.name=t -c user.email=t@example commit -q --allow-empty -m release
	cp -r checkout packed
	mkdir packed/out
	cp shop-6.tar packed/out/shop.tar
	mkdir -p home/.config
	cp -r config home/.config/gapferry
	gcc -std=c11 -O1 -Wall -Wextra -Werror -o syscalls "$root/tests/faults/syscalls.c"
}

setup() {
	load ../cli/common
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$PWD
	unset GAPFERRY_PASSPHRASE SOURCE_DATE_EPOCH DOCKER_HOST
}

loops() { # MODE SECONDS
	local seconds=$2
	[ -z "${GF_LONG-}" ] || seconds=0
	python3 "$root/tests/faults/syscalls.py" "$1" . "$PWD/syscalls" "$seconds" >"said.$1" || { cat "said.$1"; false; }
	sed 's/^/# /' "said.$1" >&3
}

@test "a system call fails in pack, verify, inspect and unpack: an error with a name or the same result, and the next run succeeds" {
	# A sanitizer makes calls of its own, and dies where they fail.
	if grep -q __asan_init "$GAPFERRY"; then skip 'the sanitizer makes calls'; fi
	loops fail 14
}

@test "kill -9 at a system call of pack and unpack: the old bundle or image or the new one, whole, and the same command finishes" {
	loops kill 8
}
