#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# Two operators at once.  A run that reads a pipe is held where its layers stream (W2) while another run goes from end to
# end; then some races that nobody steers, whose outcome must be that of one order or of the other.

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

# held ENVIRONMENT COMMAND...: unpack of shop-7.tar from a pipe; COMMAND runs when its front has been read, then the rest comes.
held() {
	local pid lines i
	lines=$(grep -c '"type":"intent"' state/audit.jsonl || true)
	mkfifo pipe
	gapferry unpack --json -q --env "$1" --with shop-7.tar.d - <pipe >held.json 2>held.err &
	pid=$!
	exec 9>pipe
	head -c 300000 shop-7.tar >&9
	for ((i = 0; i < 600; i++)); do # intent is W1: what follows is W2
		[ "$(grep -c '"type":"intent"' state/audit.jsonl)" -gt "$lines" ] && break
		sleep 0.1
	done
	"${@:2}" >other.out 2>&1 || echo "status $?" >>other.out
	tail -c +300001 shop-7.tar >&9
	exec 9>&-
	wait $pid
}
name_of() { jq -r '.error.name // ""' held.json; }

@test "while one run streams, another accepts a higher release: the first is refused, and its tag is not set" {
	mkdir shop-7.tar.d
	run -3 held test gapferry unpack -q --env test shop-8.tar
	[ "$(name_of)" = floor ]
	[ "$(jq -r 'select(.type == "accepted") | .sequence' state/audit.jsonl)" = 8 ]
	[ "$(jq -r 'select(.type == "refused") | "\(.step) \(.code)"' state/audit.jsonl)" = 'accept floor' ]
}

@test "while one run streams, another loads the same: both end well, and the log has both" {
	mkdir shop-7.tar.d
	run -0 held test gapferry unpack -q --env test shop-7.tar
	[ "$(jq -r 'select(.type == "complete") | .sequence' state/audit.jsonl | paste -sd' ')" = '7 7' ]
	[ "$(layout test)" = test.example/shop:1.2 ]
}

@test "while one run streams, a newer trust file is installed: the first is refused, and passes when run again" {
	mkdir shop-7.tar.d
	gapferry trust threshold -q trust-1.json root:1 >/dev/null
	roots_sign trust-2.json
	run -3 held test gapferry trust apply trust-2.json
	[ "$(name_of)" = trust-changed ]
	[ -z "$(layout test)" ]
	gapferry unpack -q --env test shop-7.tar
	[ "$(jq -r 'select(.type == "accepted") | .trustVersion' state/audit.jsonl)" = 2 ]
}

@test "while one run streams into prod, a rejection comes to be known through another: it is heard" {
	gapferry unpack -q --env test shop-7.tar
	approve carol
	approve dave
	cp -r shop-7.tar.d yes
	sleep 1
	approve dave --reject --reason 'no'
	mv shop-7.tar.d no
	mv yes shop-7.tar.d
	cp shop-8.tar bringer.tar
	mv no bringer.tar.d
	run -3 held prod gapferry unpack -q --env prod bringer.tar
	[ "$(name_of)" = rejected ]
	[ -z "$(layout prod)" ]
}

@test "two unpacks of one stream, not steered: 7 then 8, or 8 alone" {
	seen=
	for round in 1 2 3 4 5 6; do
		rm -rf state layout-test
		cp -r "$BATS_FILE_TMPDIR/state" .
		first=7 second=8
		[ $((round % 2)) -eq 0 ] || first=8 second=7
		gapferry unpack -q --env test shop-$first.tar >$first.out 2>&1 &
		one=$!
		gapferry unpack -q --env test shop-$second.tar >$second.out 2>&1 &
		two=$!
		a=0 b=0
		wait $one || a=$?
		wait $two || b=$?
		accepted=$(jq -r 'select(.type == "accepted") | .sequence' state/audit.jsonl | paste -sd' ')
		codes=$(jq -r 'select(.type == "refused") | .code' state/audit.jsonl | paste -sd' ')
		seen="$seen [$a $b: $accepted: $codes]"
		[ "$accepted $codes" = '7 8 ' ] || [ "$accepted $codes" = '8 floor' ] || {
			echo "round $round: $seen $(cat 7.out 8.out)"
			return 1
		}
		gapferry log verify >/dev/null
		[ "$(jq -r 'select(.type == "loaded" or .type == "complete") | .sequence' state/audit.jsonl | tail -1)" = 8 ]
	done
	echo "#$seen" >&3
}

# A run that another trust file overtakes is refused, so there is an order of those that were not.
@test "two unpacks and a trust apply, not steered: one order or the other, and a log that is whole" {
	gapferry trust threshold -q trust-1.json root:1 >/dev/null
	roots_sign trust-2.json
	seen=
	for round in 1 2 3 4; do
		rm -rf state layout-test
		cp -r "$BATS_FILE_TMPDIR/state" .
		gapferry unpack -q --env test shop-7.tar >7.out 2>&1 &
		seven=$!
		gapferry unpack -q --env test shop-8.tar >8.out 2>&1 &
		eight=$!
		gapferry trust apply trust-2.json >t.out 2>&1 &
		trust=$!
		a=0 b=0
		wait $seven || a=$?
		wait $eight || b=$?
		wait $trust
		gapferry log verify >/dev/null
		[ "$(gapferry trust show --json | jq .version)" -eq 2 ]
		accepted=$(jq -r 'select(.type == "accepted") | .sequence' state/audit.jsonl | paste -sd' ')
		codes=$(jq -r 'select(.type == "refused") | .code' state/audit.jsonl | sort | paste -sd' ')
		seen="$seen [$a $b: $accepted: $codes]"
		case "$a $b $accepted $codes" in
		'0 0 7 8 ' | '3 0 8 floor' | '3 0 8 trust-changed' | '0 3 7 trust-changed' | '3 3  trust-changed trust-changed') ;;
		*)
			echo "round $round: $seen $(cat 7.out 8.out t.out)"
			return 1
			;;
		esac
		# each line was judged under the trust file that was in force when it was written
		jq -rs '[.[] | select(.type == "trust" or .type == "accepted") | .trustVersion] | . == sort' state/audit.jsonl | grep -qx true
		# and once more, in order: it ends as if nothing had happened
		gapferry unpack -q --env test shop-8.tar >/dev/null
		[ "$(layout test)" = test.example/shop:1.2 ]
	done
	echo "#$seen" >&3
}

@test "two trust applies, not steered: of one file both end well, of two versions 2 one is in force and the other refused" {
	gapferry trust threshold -q trust-1.json root:1 >/dev/null
	gapferry trust revoke -q trust-1.json dave --threshold approver:prod:1 -o trust-2b.json >/dev/null
	roots_sign trust-2.json
	roots_sign trust-2b.json
	seen=
	for other in trust-2.json trust-2b.json trust-2.json trust-2b.json; do
		rm -rf state
		cp -r "$BATS_FILE_TMPDIR/state" .
		gapferry trust apply --json trust-2.json >one.out 2>one.err &
		one=$!
		gapferry trust apply --json $other >two.out 2>two.err &
		two=$!
		a=0 b=0
		wait $one || a=$?
		wait $two || b=$?
		seen="$seen [$other: $a $b]"
		case "$other $a $b" in
		'trust-2.json 0 0') [ "$(jq -s 'map(.before + .installed) | add' one.out two.out)" -eq 4 ] ;;
		'trust-2b.json 0 3') [ "$(jq -r .error.name two.out)" = trust-version ] ;;
		'trust-2b.json 3 0') [ "$(jq -r .error.name one.out)" = trust-version ] ;;
		*) false ;;
		esac || {
			echo "$seen $(cat one.err two.err)"
			return 1
		}
		installed=$([ $a -eq 0 ] && echo trust-2.json || echo $other)
		cmp "$installed" state/records/trust-2.json
		[ "$(jq -r 'select(.type == "trust") | .statement' state/audit.jsonl | tail -n +2)" = "sha256:$(sha256sum <"$installed" | cut -c1-64)" ]
		gapferry log verify --json | jq -e '.checkpoint == .lines and .lines == 2' >/dev/null
	done
	echo "#$seen" >&3
}

# Under version 2 dave approves nothing, so what is accepted on his word stands before it.
@test "an unpack that needs dave's approval and the trust file that takes his role away, not steered: never both" {
	gapferry unpack -q --env test shop-7.tar >/dev/null
	approve carol
	approve dave
	gapferry trust add -q --approver prod:erin.pub trust-1.json -o trust-2.json >/dev/null
	gapferry trust revoke -q --same-version trust-2.json dave >/dev/null
	roots_sign trust-2.json
	cp -r state approved
	seen=
	for late in 0 0.01 0.02 0.03 0.05 0.1; do
		rm -rf state layout-prod
		cp -r approved state
		gapferry unpack -q --json --env prod shop-7.tar >one.out 2>one.err &
		one=$!
		sleep $late
		gapferry trust apply trust-2.json >two.out
		a=0
		wait $one || a=$?
		# the lock is held from accepted to complete: no trust file comes between
		ended="$a $(jq -r '.error.name // ""' one.out) $(jq -r 'select(.environment == "prod" or .type == "trust") | .type + (.code // "" | sub("^(?=.)"; " "))' state/audit.jsonl | paste -sd,)"
		seen="$seen [$ended]"
		case $ended in
		'0  trust,intent,accepted,loaded,complete,trust') [ "$(layout prod)" = prod.example/shop:1.2 ] ;;
		'3 trust-changed trust,intent,trust,refused trust-changed' | '3 trust-changed trust,trust,intent,refused trust-changed' | '3 approvals trust,trust,refused approvals') [ -z "$(layout prod)" ] ;;
		*) false ;;
		esac || {
			echo "$seen $(cat one.err)"
			return 1
		}
		gapferry log verify >/dev/null
		ends 3 approvals unpack -q --env prod shop-7.tar
	done
	echo "#$seen" >&3
}

@test "two packs to one name, not steered: both end well, and what lies there is one of the two, whole" {
	for round in 1 2 3 4; do
		rm -rf out
		mkdir out
		for n in 11 12; do
			gapferry pack -q -o out/b.tar --key ci.pem --stream shop --sequence $n "$BATS_FILE_TMPDIR/image.tar" >$n.out 2>&1 &
			eval "p$n=\$!"
		done
		wait "$p11"
		wait "$p12"
		[ "$(ls -A out)" = b.tar ]
		gapferry verify -q --json --state none --key ci.pub out/b.tar | jq -e '.sequence == 11 or .sequence == 12' >/dev/null
	done
}

@test "two unpacks into one layout, each with a state of its own, not steered: both names stand there, whole" {
	"$root/tests/lib/busybox-image.sh" other.tar registry.example/team/other:9 'the other'
	gapferry pack -q -o other-1.tar --key ci.pem --stream other --sequence 1 other.tar >/dev/null
	for round in 1 2 3 4; do
		rm -rf both one two
		gapferry unpack -q --state one --key ci.pub --to oci:both shop-7.tar >one.out 2>&1 &
		one=$!
		gapferry unpack -q --state two --key ci.pub --to oci:both other-1.tar >two.out 2>&1 &
		two=$!
		wait $one
		wait $two
		[ "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' both/index.json | sort | paste -sd' ')" = 'registry.example/team/other:9 registry.example/team/shop:1.2' ]
		for b in both/blobs/sha256/*; do [ "$(sha256sum <"$b" | cut -c1-64)" = "${b##*/}" ]; done
		[ -z "$(find both -name '.*')" ]
		# two images of two documents; the layers are two
		[ "$(find both/blobs -type f | wc -l)" -eq 6 ]
	done
}

@test "verify while a trust file is installed, not steered: the one or the other, and nothing is written by it" {
	gapferry trust threshold -q trust-1.json root:1 >/dev/null
	roots_sign trust-2.json
	seen=
	for late in 0 0.01 0.02 0.03 0.05 0.1; do
		rm -rf state
		cp -r "$BATS_FILE_TMPDIR/state" .
		gapferry verify -q --json --env test shop-7.tar >one.out 2>one.err &
		one=$!
		sleep $late
		gapferry trust apply trust-2.json >/dev/null
		wait $one
		seen="$seen $(grep -o 'trust file, version [12]' one.out | head -n 1 || true)"
		jq -e '.status == 0 and ([.checks[] | select(.result == "failed")] == [])' one.out >/dev/null
		[ "$(types)" = 'trust' ]
		gapferry log verify --json | jq -e '.checkpoint == .lines and .lines == 2' >/dev/null
	done
	echo "#$seen" >&3
}
