#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# What a courier cannot take back (W0): a trust version that revokes, and a rejection, stay once they were seen, whatever
# becomes of the bundle that brought them; also where the run is killed in between (faults/log_killed.bats).

setup_file() {
	load common
	load ceremony
	ceremony_once
	gapferry key new --no-passphrase mallory >/dev/null
	gapferry pack -q -o strange.tar --key mallory.pem --stream shop --sequence 9 image.tar >/dev/null
	cp shop-8.tar damaged.tar
	printf 'x' | dd of=damaged.tar bs=1 seek=80000 conv=notrunc status=none
	head -c 70000 shop-8.tar >cut.tar
	cp shop-8.tar front.tar
	printf 'x' | dd of=front.tar bs=1 seek="$(grep -abo 'SHA256SUMS' shop-8.tar | tail -1 | cut -d: -f1)" conv=notrunc status=none
	# what the courier would rather not carry: dave is revoked, and carol rejects shop-7
	gapferry trust revoke -q trust-1.json dave --threshold approver:prod:1 >/dev/null
	roots_sign trust-2.json
	mkdir news
	cp shop-7.tar subject.tar
	gapferry approve -q --env prod --site a --reject --reason 'OPS-3: no' --key carol.pem subject.tar 2>/dev/null
	cp subject.tar.d/* news/
	: >x.tar
	gapferry trust sign -q --companion x.tar trust-2.json >/dev/null
	cp x.tar.d/* news/
}

setup() {
	load common
	load ceremony
	ceremony
	files=$BATS_FILE_TMPDIR
}

# What unpack of a bad bundle with the news beside it leaves behind, the news being taken away afterwards.
stays() { # BUNDLE STATUS NAME ENVIRONMENT
	rm -rf state b.tar b.tar.d
	cp -r "$files/state" .
	cp "$files/$1" b.tar
	cp -r "$files/news" b.tar.d
	ends "$2" "$3" unpack -q --env "$4" b.tar
	rm -r b.tar.d
	[ "$(gapferry trust show --json | jq .version)" -eq 2 ]
	[ "$(jq -r 'select(.type == "trust") | .trustVersion' state/audit.jsonl | paste -sd' ')" = '1 2' ]
	[ "$(jq -r 'select(.type == "rejected") | .holder' state/audit.jsonl)" = carol ]
	[ -z "$(layout "$4")" ]
	gapferry log verify >/dev/null
}

@test "they stay when the bundle is a stranger's, damaged in front or behind, cut, or below the gates" {
	stays strange.tar 3 signature prod
	stays damaged.tar 4 blob-digest test
	rm -rf layout-test
	stays front.tar 4 tar-header test
	rm -rf layout-test
	stays cut.tar 4 cut-short test
	rm -rf layout-test
	stays shop-8.tar 3 after prod
	# the rejection is of another bundle than the one that brought it, and holds where that one comes
	gapferry unpack -q --env test shop-7.tar
	sleep 1
	# carol's next word is later than her rejection
	ends 3 rejected verify -q --env prod shop-7.tar
	approve carol
	ends 0 '' verify -q --env prod shop-7.tar
}

@test "who was revoked does not come back with older companions" {
	gapferry unpack -q --env test shop-7.tar
	approve carol
	approve dave
	cp -r shop-7.tar.d older
	ends 0 '' verify -q --env prod shop-7.tar
	# version 2 with two approvers, none of them dave; it comes with a bundle of a stranger, once
	gapferry trust add -q --approver prod:erin.pub trust-1.json -o trust-2a.json >/dev/null
	gapferry trust revoke -q --same-version trust-2a.json dave >/dev/null
	roots_sign trust-2a.json
	cp "$files/strange.tar" .
	gapferry trust sign -q --companion strange.tar trust-2a.json >/dev/null
	ends 3 signature unpack -q --env prod strange.tar
	rm -r strange.tar.d shop-7.tar.d
	cp -r older shop-7.tar.d
	cp trust-1.json shop-7.tar.d/trust-0000000000000001.json
	ends 3 approvals unpack -q --env prod shop-7.tar
	[[ $(jq -r .error.text <<<"$output") == *"there is 1 (carol); still possible: erin"* ]]
}

@test "not kept: what nobody with the role signed, what a run with --dry-run or verify sees, what a broken head brings" {
	cp "$files/strange.tar" b.tar
	mkdir b.tar.d
	for f in "$files"/news/*.json; do cp "$f" b.tar.d; done # without signatures
	ends 3 signature unpack -q --env prod b.tar
	for f in "$files"/news/*.json; do # signed by keys of other roles
		for k in ci erin; do
			(openssl dgst -sha256 -sign $k.pem "$f" | base64 -w0; echo) >"b.tar.d/${f##*/}.$(gapferry key show --json $k.pub | jq -r '.keys[0].id[:16]').sig"
		done
	done
	ends 3 signature unpack -q --env prod b.tar
	cp "$files"/news/* b.tar.d
	ends 3 signature unpack -q --dry-run --env prod b.tar
	ends 3 signature verify -q --env prod b.tar
	printf 'x' | dd of=b.tar bs=1 seek=0 conv=notrunc status=none # step 1 comes before step 2
	ends 4 tar-head unpack -q --env prod b.tar
	[ "$(types)" = 'trust refused' ]
	[ "$(gapferry trust show --json | jq .version)" -eq 1 ]
	[ "$(find state/records -name 'approval-*' | wc -l)" -eq 0 ]
}

@test "one that has expired meanwhile is installed all the same: what it revokes stays revoked, and its successor is awaited" {
	gapferry trust revoke -q trust-1.json dave --threshold approver:prod:1 --created 2026-01-01T00:00:00Z --expires 2026-02-01T00:00:00Z >/dev/null
	roots_sign trust-2.json
	cp shop-8.tar b.tar
	gapferry trust sign -q --companion b.tar trust-2.json >/dev/null
	ends 3 trust-expired unpack -q --env test b.tar
	rm -r b.tar.d
	ends 3 trust-expired unpack -q --env test b.tar
	gapferry trust threshold -q trust-2.json root:1 --expires 30d >/dev/null
	roots_sign trust-3.json
	gapferry trust apply trust-3.json
	gapferry unpack -q --env test b.tar
}
