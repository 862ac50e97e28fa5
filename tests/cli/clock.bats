#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# A clock that was set back or forward (faketime(1), which a static program does not see), and files whose own times lie.

setup_file() {
	load common
	load ceremony
	ceremony_once
}

setup() {
	load common
	load ceremony
	ceremony
}

# at OFFSET STATUS NAME COMMAND... - with a clock that is so much off: -400d, +10m
at() {
	run --separate-stderr -"$2" faketime -f "$1" "$GAPFERRY" "${@:4}" --json
	[ "$(jq -r '.error.name // ""' <<<"$output")" = "$3" ] || {
		echo "$1: $output" "$stderr"
		return 1
	}
}

@test "set back: verify, unpack and approve stop before anything is believed, trust apply takes nothing from ahead" {
	gapferry trust threshold -q trust-1.json root:1 >/dev/null
	roots_sign trust-2.json
	before=$(find state -type f -exec sha256sum {} + | sort)
	for back in -11m -400d '@1970-01-02 00:00:00'; do
		at "$back" 2 clock verify -q --env test shop-7.tar
		at "$back" 2 clock inspect -q shop-7.tar
		at "$back" 2 clock unpack -q --env test shop-7.tar
		at "$back" 2 clock approve -q --env prod --site a --key carol.pem shop-7.tar
		at "$back" 3 trust-created trust apply trust-2.json
	done
	[ ! -e shop-7.tar.d ]
	[ -z "$(layout test)" ]
	[ "$(find state -type f -exec sha256sum {} + | sort)" = "$before" ]
	# ten minutes are what two clocks may differ
	at -5m 0 '' verify -q --env test shop-7.tar
	at -5m 0 '' unpack -q --env test shop-7.tar
	at -5m 0 '' trust apply trust-2.json
}

@test "set forward: the trust file, approvals, permits and keys end, and nothing that has ended is taken" {
	gapferry unpack -q --env test shop-7.tar
	approve carol --expires 10d
	approve dave --expires 10d
	at +9d 0 '' verify -q --env prod shop-7.tar
	at +11d 3 approvals verify -q --env prod shop-7.tar
	at +11d 3 approvals unpack -q --env prod shop-7.tar
	for ahead in +366d '@2106-02-08 00:00:00'; do
		at "$ahead" 3 trust-expired verify -q --env prod shop-7.tar
		at "$ahead" 3 trust-expired inspect -q shop-7.tar
		at "$ahead" 3 trust-expired unpack -q --env prod shop-7.tar
		at "$ahead" 3 trust-expired approve -q --env prod --site a --key carol.pem shop-7.tar
	done
	gapferry unpack -q --env test shop-8.tar
	gapferry permit -q --env test --site a --waive sequence --expires 2d --reason x --key erin.pem shop-7.tar 2>/dev/null
	at +1d 0 '' verify -q --env test shop-7.tar
	at +3d 3 floor verify -q --env test shop-7.tar
	# what was made with a clock ahead counts once that time has come
	rm -r shop-7.tar.d
	for k in carol dave; do faketime -f +2d "$GAPFERRY" approve -q --env prod --site a --key $k.pem shop-7.tar 2>/dev/null >/dev/null; done
	at +0 3 approvals verify -q --env prod shop-7.tar
	at +3d 0 '' verify -q --env prod shop-7.tar
	# but a rejection counts at once
	faketime -f +2d "$GAPFERRY" approve -q --reject --env prod --site a --key carol.pem shop-7.tar 2>/dev/null >/dev/null
	at +0 3 rejected verify -q --env prod shop-7.tar
}

@test "forward and back again: what was signed holds the clock, what was logged does not" {
	# a run with a clock a month ahead: its log lines are from there, what was signed is not
	at +30d 0 '' unpack -q --env test shop-7.tar
	[ "$(tail -n 1 state/audit.jsonl | jq -r .time)" \> "$(date -u -d '+20 days' +%FT%TZ)" ]
	at +0 0 '' unpack -q --env test shop-8.tar
	# a bundle of the day after tomorrow, accepted then, and the clock back again
	faketime -f +2d "$GAPFERRY" pack -q -o shop-9.tar --key ci.pem --stream shop --sequence 9 "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	at +0 3 created unpack -q --env test shop-9.tar
	at +2d 0 '' unpack -q --env test shop-9.tar
	for verb in verify unpack; do at +0 2 clock $verb -q --env test shop-9.tar; done
	at +2d 0 '' verify -q --env test shop-9.tar
}

@test "times of files are no input" {
	approve carol
	approve dave
	gapferry unpack -q --env test shop-7.tar
	gapferry verify -q --json --env prod shop-7.tar | jq '[.checks[].result]' >before.json
	for when in '1971-01-01' '2105-01-01'; do
		find . -exec touch -h -d "$when" {} +
		gapferry verify -q --json --env prod shop-7.tar | jq '[.checks[].result]' | cmp - before.json
		rm -rf layout-prod
		gapferry unpack -q --env prod shop-7.tar >/dev/null
	done
}

# jump OFFSET COMMAND... - the command reads its bundle from a pipe; the clock jumps when the front has been read and the
# run is where the layers stream.
jump() {
	local shim i lines
	lines=$(grep -c '"type":"intent"' state/audit.jsonl || true)
	shim=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
	echo +0 >clock
	mkfifo pipe
	LD_PRELOAD=$shim FAKETIME_TIMESTAMP_FILE=$PWD/clock FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 "$GAPFERRY" "${@:2}" --json -q - <pipe >jumped.json 2>jumped.err &
	local pid=$!
	exec 9>pipe
	head -c 300000 shop-7.tar >&9
	for ((i = 0; i < 600; i++)); do
		[ "$(grep -c '"type":"intent"' state/audit.jsonl)" -gt "$lines" ] && break
		sleep 0.1
	done
	echo "$1" >clock
	tail -c +300001 shop-7.tar >&9
	exec 9>&-
	rm pipe
	wait $pid
}

@test "a jump in the middle of a run: it is judged once, at its begin, but for approvals, which must hold when names are set" {
	gapferry unpack -q --env test shop-7.tar
	approve carol --expires 10d
	approve dave --expires 10d
	cp -r state tested
	for how in '+400d test 0' '-400d test 0' '+1h prod 0' '+11d prod 3' '-400d prod 3'; do
		read -r offset env status <<<"$how"
		rm -rf state layout-*
		cp -r tested state
		run -"$status" jump "$offset" unpack --env "$env" --with shop-7.tar.d
		[ "$(jq -r '.error.name // ""' jumped.json)" = "$([ "$status" -eq 0 ] || echo approvals)" ] || { cat jumped.json; return 1; }
		[ "$(layout "$env")" = "$([ "$status" -eq 3 ] || echo "$env.example/shop:1.2")" ]
		# what it wrote with that clock is a log, and the next run goes by its own
		gapferry log verify >/dev/null
		at +0 0 '' unpack -q --env "$env" shop-7.tar
		[ "$(layout "$env")" = "$env.example/shop:1.2" ]
	done
}
