#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2317,SC2030,SC2031 # root, stderr: from common.bash and bats; a test's functions are called by killed
# kill -9 at a system call of everything that writes the log (strace delivers it where the call is entered): what is
# logged stays a log, no line that was there is lost, what lies in records/ is whole, and the same command run again
# finishes.  From the first call that names the state, in the thread that does all writing there, GF_LONG=1 takes every
# call; else it is every sixth of those that change files.  Then the same with a disk that is read-only, and with one that
# is full: room for nothing, one page, two ... until there is enough.

setup_file() {
	load ../cli/common
	load ../cli/ceremony
	ceremony_once
	# a site without a trust file that has one run behind it
	mkdir plain
	gapferry unpack -q --key ci.pub --state plain/state --to "oci:$PWD/plain/out" shop-7.tar
	# what a courier may bring: a release by nobody, with carol's rejection and a trust file without dave
	gapferry key new --no-passphrase mallory >/dev/null
	gapferry pack -q -o strange.tar --key mallory.pem --stream shop --sequence 9 image.tar >/dev/null
	gapferry trust revoke -q trust-1.json dave --threshold approver:prod:1 >/dev/null
	roots_sign trust-2.json
	cp shop-7.tar subject.tar
	gapferry approve -q --env prod --site a --reject --reason 'OPS-3: no' --key carol.pem subject.tar 2>/dev/null
	cp -r subject.tar.d strange.tar.d
	gapferry trust sign -q --companion strange.tar trust-2.json >/dev/null
}

setup() {
	load ../cli/common
	load ../cli/ceremony
	ceremony
	files=$BATS_FILE_TMPDIR
	cp "$files"/{trust-2.json*,strange.tar} .
	cp -r "$files/strange.tar.d" .
}

gf() { ASAN_OPTIONS=detect_leaks=0 "${under[@]}" "$GAPFERRY" "$@" >said 2>&1; }
log() { jq -r "$1" state/audit.jsonl | paste -sd' '; }

# The calls of the run that `act` is, from the first that names the state: NAME and the how manyeth of that name.
places() {
	local kinds='fsync|openat|mkdirat|mkdir|write|pwrite64|linkat|renameat|renameat2|rename|ftruncate|unlink|unlinkat' step=6
	[ -z "${GF_LONG-}" ] || kinds='.*' step=1
	awk -v kinds="^($kinds)\$" -v step=$step -v state="$PWD/state" '
		NR == 1 { main = $1 }
		$1 != main || $2 !~ /^[a-z][a-z0-9_]*\(/ { next }
		{ call = $2; sub(/\(.*/, "", call); n[call]++ }
		index($0, state) { begun = 1 }
		begun && call ~ kinds && seen++ % step == 0 { print call, n[call] }' calls
}

# What the dead left is a log, with the lines before it; then the run again.  look: what must hold in between; done: after.
after_death() {
	local lines=0 torn=0 f
	rm -f kept.jsonl
	if [ -e state/audit.jsonl ]; then
		gapferry log verify --json >json || { cat json; return 1; }
		lines=$(jq .lines json) torn=$(jq .torn json)
		head -n "$lines" state/audit.jsonl >kept.jsonl
		[ ! -e before.jsonl ] || head -n "$(wc -l <before.jsonl)" kept.jsonl | cmp - before.jsonl || return 1
	fi
	whole && look || return 1
	act || { cat said; return 1; }
	[ ! -e kept.jsonl ] || head -n "$lines" state/audit.jsonl | cmp - kept.jsonl || return 1
	gapferry log verify --json >json && whole || return 1
	jq -e '.torn == 0 and .checkpoint == .lines and .cache == "fits"' json >/dev/null || { cat json; return 1; }
	[ "$torn" -eq 0 ] || grep -q '"type":"recovered"' state/audit.jsonl || { echo 'nothing tells of the torn line'; return 1; }
	openssl pkey -in state/site.pem -pubout | cmp - state/site.pub && finished
}

# Every receipt and trust file that stands in records/ is signed, and says what it is.
whole() {
	local f
	for f in state/records/*/receipt-*.json; do
		[ ! -e "$f" ] || gapferry receipt verify --key state/site.pub "$f" >said 2>&1 || { cat said; return 1; }
	done
	[ ! -e before.jsonl ] || gapferry trust show --json >shown 2>&1 || grep -q trust-none shown || { cat shown; return 1; }
}

# killed AT-LEAST: act, look and finished are the test's own; again is the state before it.
killed() {
	local under=() call n deaths=0
	again
	rm -f before.jsonl
	[ ! -e state/audit.jsonl ] || cp state/audit.jsonl before.jsonl
	under=(strace -f -o calls)
	act
	places >places
	while read -r call n; do
		again
		under=(strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n")
		{ act && continue; } 2>/dev/null # not reached this time
		deaths=$((deaths + 1))
		under=()
		after_death || { echo "killed at $call $n"; return 1; }
	done <places
	echo "# killed at $deaths places" >&3
	[ "$deaths" -ge "$1" ]
}

# on_disk OPTIONS: state is a file system of its own, with what lay there; no more than that fits.
on_disk() {
	local used
	mv state beside 2>/dev/null || mkdir beside
	mkdir state
	mount -t tmpfs -o size=64m,mode=700 none state
	cp -a beside/. state/
	rm -rf beside
	used=$(df --output=used -k state | tail -n 1)
	mount -o "remount,size=$((used > 0 ? used : 4))k,$1" state
}

# filled AT-LEAST: no room for what act writes, page by page; then there is room, and the same command finishes.
filled() {
	local pages=0 failures=0 under=() before
	[ "$EUID" -eq 0 ] || { echo '# only root may mount' >&3; return 0; }
	for ((pages = -1; pages < 64; pages++)); do
		again
		rm -f before.jsonl
		[ ! -e state/audit.jsonl ] || cp state/audit.jsonl before.jsonl
		on_disk "$([ $pages -ge 0 ] || echo ro)"
		[ $pages -le 0 ] || mount -o "remount,size=$(($(df --output=size -k state | tail -n 1) + pages * 4))k" state
		before=$(find state -type f -exec sha256sum {} + | sort)
		if act; then # it had room: then it is done
			finished || { echo "done with $pages pages, and is not"; return 1; }
			umount state
			break
		fi
		failures=$((failures + 1))
		grep -Eq 'No space left on device|Read-only file system' said || { cat said; return 1; }
		[ -z "$(find state -name '.*.??????')" ] || { find state; return 1; }
		[ $pages -ge 0 ] || [ "$(find state -type f -exec sha256sum {} + | sort)" = "$before" ] || return 1
		mount -o remount,rw,size=64m state
		after_death || { echo "room for $pages pages more"; return 1; }
		umount state
		rmdir state
	done
	echo "# $failures disks without room" >&3
	[ "$failures" -ge "$1" ] && [ $pages -lt 64 ]
}
teardown() { umount state 2>/dev/null || true; }

again() { # the installed trust file, one unpack behind it, no target
	rm -rf state layout-* back
	cp -r "$files/state" .
}
look() { :; }

@test "kill -9, or a full disk, in the first run of a site: the state is made, key and all, or is made by the next run" {
	again() { rm -rf state out; }
	act() { gf unpack -q -j1 --key ci.pub --to "oci:$PWD/out" shop-7.tar; }
	finished() { [[ $(log .type) == *' complete' ]]; }
	killed 15
	filled 2
}

@test "kill -9, or a full disk, in a later run: every line that was there stays, and the next run goes on" {
	again() {
		rm -rf state out
		cp -r "$files"/plain/{state,out} .
	}
	act() { gf unpack -q -j1 --key ci.pub --to "oci:$PWD/out" shop-8.tar; }
	finished() { [[ $(log .type) == *' complete' ]] && [ "$(log 'select(.type == "complete").sequence' | tail -c 3)" = ' 8' ]; }
	killed 15
	filled 2
}

@test "kill -9, or a full disk, in a run under a trust file: accepted once its records are whole, and a receipt of the last run" {
	act() { gf unpack -q -j1 --env test --receipt back shop-7.tar; }
	look() { # a floor is one with the record behind it
		local m
		for m in $(log 'select(.type == "accepted").manifest[7:]'); do
			[ "$(sha256sum <"state/records/$m/manifest.json" | cut -c1-64)" = "$m" ] || return 1
		done
	}
	finished() {
		[[ $(log .type) == *' complete' ]] && look && [ "$(layout test)" = test.example/shop:1.2 ] || return 1
		cat state/records/*/receipt-*.json | jq -rs 'map(.predicate.log.size) | max' | grep -qx "$(wc -l <state/audit.jsonl)"
		for f in back/receipt-*.json; do gapferry receipt verify --key state/site.pub "$f" >/dev/null || return 1; done
	}
	killed 15
	filled 2
}

@test "kill -9, or a full disk, in the first trust apply of a site: installed whole or not at all, and then the same command does it" {
	again() { rm -rf state; }
	act() { gf trust apply trust-1.json --sha256 "$(sha256sum <trust-1.json | cut -c1-64)" --site a; }
	finished() { [ "$(log .type)" = trust ] && [ "$(cat state/site)" = a ] && cmp trust-1.json state/records/trust-1.json; }
	killed 8
	filled 2
}

@test "kill -9, or a full disk, in the trust apply of a successor: version 1 or version 2 is in force, whole" {
	act() { gf trust apply trust-2.json; }
	look() { [ "$(gapferry trust show --json | jq .version)" = "$(log 'select(.type == "trust").trustVersion' | tail -c 2)" ]; }
	finished() { [ "$(log 'select(.type == "trust").trustVersion')" = '1 2' ] && look && cmp trust-2.json state/records/trust-2.json; }
	killed 8
	filled 2
}

@test "kill -9, or a full disk, where a rejection and a trust file are kept (W0): each whole or not at all, and the next run has both" {
	act() { # refused (3) all the same; a receipt or a checkpoint is not made
		local rc=0
		gf unpack -q --env prod strange.tar || rc=$?
		[ $rc -eq 3 ] && ! grep -q 'was not kept' said # a warning beside the refusal
	}
	look() { # in the log only if in records/
		mapfile -t kept < <(find state/records -name 'approval-*.json')
		[ "$(grep -c '"type":"rejected"' state/audit.jsonl || true)" -le ${#kept[@]} ] || return 1
		[ "$(gapferry trust show --json | jq .version)" -eq 1 ] || cmp trust-2.json state/records/trust-2.json
	}
	finished() {
		[ "$(log 'select(.type == "trust").trustVersion')" = '1 2' ] && [ "$(log 'select(.type == "rejected").holder')" = carol ] || return 1
		gapferry verify -q --json --env prod shop-7.tar >json 2>/dev/null || true
		[ "$(jq -r '.checks[] | select(.name == "approvals") | .detail[:14]' json)" = 'carol rejected' ]
	}
	killed 8
	filled 2
}

@test "kill -9, or a full disk, in log restore: a floor is raised on the record or not at all" {
	gapferry unpack -q --env test --receipt "$PWD/receipts" shop-8.tar
	cp -r state lived
	again() { # the log is lost, the key is not
		rm -rf state
		cp -r "$files/state" .
		cp lived/site.p* state/
	}
	act() { gf log restore receipts/receipt-*.json; }
	finished() { [ "$(log 'select(.type == "restored") | "\(.environment) \(.sequence)"')" = 'test 8' ]; }
	killed 4
	filled 1
}
