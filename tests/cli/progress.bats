#!/usr/bin/env bats
# What a user sees while bytes move: bars on a terminal (terminal.py is one), lines elsewhere, JSON lines where asked.

setup_file() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$BATS_FILE_TMPDIR GAPFERRY_STATE=$BATS_FILE_TMPDIR/state GAPFERRY_CONFIG=$BATS_FILE_TMPDIR
	# shellcheck disable=SC2154 # common sets root
	python3 "$root/tests/interop/make_image.py" image.tar acme/big:1 a:12000 b:13000 c:14000 d:15000 e:3000
	gapferry key new --no-passphrase release
	gapferry pack -q -o app.tar --layers none --key release.pem image.tar
}

setup() {
	load common
	fresh
	ln -s "$BATS_FILE_TMPDIR"/app.tar "$BATS_FILE_TMPDIR"/release.* .
	export TERM=xterm
	unset NO_COLOR
}

terminal() { python3 "$root/tests/cli/terminal.py" "$@"; }
# A medium that takes 20 ms for each piece, so that there is something to see on a fast machine.
slowly=(strace -f -qq -o /dev/null -e trace=pread64 -e inject=pread64:delay_enter=20000)
# The screen that has most bars.
fullest() { awk -v RS='----\n' '{ n = gsub(/\[[#.]+\]/, "&"); if (n > most) { most = n; screen = $0 } } END { printf "%s", screen }' screens; }

@test "four blobs at once: the whole first, then each with its rate and the time left; nothing of it stays" {
	terminal "${slowly[@]}" "$GAPFERRY" unpack -j 4 --key release.pub --to oci:out app.tar >screens
	fullest >screen
	head -1 screen | grep '^app.tar '
	[ "$(grep -cE '^blob [0-9a-f]{12} +\[[#.]{10}\] [0-9.]+ [kMG]?B( of [0-9.]+ [kMG]?B)?' screen)" -ge 2 ]
	grep -E ', [0-9.]+ [kMG]?B/s, [0-9]+:[0-9]{2} left$' screens
	[ "$(tail -1 screens)" = 'status 0' ]
	# below 4 MiB a blob has no bar, and the last screen has none at all
	! grep "$(tar -xOf app.tar META/manifest.json | jq -r '.predicate.blobs[] | select(.kind == "layer" and .size < 4194304) | .digest[7:19]')" screens || false
	awk -v RS='----\n' '{ if ($0 !~ /^status/) last = $0 } END { printf "%s", last }' screens >last
	grep '^oci:out' last
	! grep '\[[#.]*\]' last || false
}

@test "a narrow terminal: no bar wraps" {
	terminal -w 40 "${slowly[@]}" "$GAPFERRY" unpack -j 4 --key release.pub --to oci:out app.tar >screens
	grep '^app.tar *\[' screens
	terminal -w 20 "$GAPFERRY" verify -j 4 --key release.pub app.tar >screens
	[ "$(tail -1 screens)" = 'status 0' ]
}

@test "where nothing comes it is said" {
	# shellcheck disable=SC2016 # the inner shell's
	terminal sh -c '{ head -c 20000000 app.tar; sleep 4.5; tail -c +20000001 app.tar; } | "$0" verify --key release.pub -' "$GAPFERRY" >screens
	grep -E '^stdin .* of .*, nothing for 0:0[3-9]$' screens
	[ "$(tail -1 screens)" = 'status 0' ]
}

@test "no escape where there is no terminal, and none on a dumb one" {
	for t in xterm dumb ''; do
		if [ "$t" = xterm ]; then
			gapferry verify -j 4 --key release.pub app.tar >out 2>&1
		else
			TERM=$t terminal "$GAPFERRY" verify -j 4 --key release.pub app.tar >out
		fi
		run grep -c $'\033\\|\\[[#.]' out
		[ "$output" = 0 ]
	done
}

@test "NO_COLOR: bars, and no colour" {
	cp app.tar bad.tar
	printf x | dd of=bad.tar bs=1 seek=30000000 conv=notrunc status=none
	run terminal "$GAPFERRY" verify --key release.pub bad.tar
	[[ $output == *"an escape that is not followed"*"[1;31m"* ]]
	NO_COLOR=1 terminal "$GAPFERRY" verify --key release.pub bad.tar >screens
	grep '^bad.tar *\[' screens
	[ "$(tail -1 screens)" = 'status 4' ]
}

@test "--progress json: one object a line; blobs are parts of the whole; what ends has all its bytes" {
	gapferry verify -j 4 --progress json --key release.pub app.tar 2>lines >/dev/null
	[ "$(jq -c . lines | wc -l)" = "$(wc -l <lines)" ]
	whole=$(jq -r 'select(.event == "begin" and (has("whole") | not)) | .transfer' lines)
	[ "$(jq -r 'select(.event == "begin" and has("whole")) | .whole' lines | sort -u)" = "$whole" ]
	[ "$(jq -r 'select(.event == "end" and has("whole")) | .text' lines | wc -l)" = 4 ]
	[ "$(jq -r 'select(.event == "end" and .bytes != .of)' lines)" = '' ]
	[ "$(jq -r "select(.event == \"end\" and .transfer == $whole) | .bytes" lines)" = \
		"$(tar -xOf app.tar META/manifest.json | jq '[.predicate.blobs[].size] | add')" ]
}

@test "--progress plain on a terminal, -q, none: no bars" {
	for how in '--progress plain' '--progress none' -q; do
		# shellcheck disable=SC2086 # words
		terminal "$GAPFERRY" verify $how --key release.pub app.tar >screens
		run grep -c '\[[#.]' screens
		[ "$output" = 0 ]
	done
}
