#!/usr/bin/env bats
# What takes minutes and 13 GB of disk: make test-long runs it.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d "${GF_LARGE_DIR:-/var/tmp}/gf-long.XXXXXX")
	export GF_INTEROP_DIR
	load ../common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config
	gapferry key new --no-passphrase release
	start_registry "$D"
}

teardown_file() {
	load ../common
	stop_server "$D/registry.pid"
	rm -rf "$D"
}

@test "memory: pack, verify and unpack of 4 GB stay within 32 MiB" {
	load ../common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	memory 3815
}
