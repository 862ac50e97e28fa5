#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# Replays: older bundles and older words at a site that remembers, and at one whose state was put back to an earlier day.
# Such a state fits itself; what tells is what was kept elsewhere (docs/auditor.md).

setup_file() {
	load common
	load ceremony
	ceremony_once
	gapferry trust revoke -q trust-1.json dave --threshold approver:prod:1 >/dev/null
	roots_sign trust-2.json
	gapferry pack -q -o shop-9.tar --key ci.pem --stream shop --sequence 9 --trust-version 2 image.tar >/dev/null
}

setup() {
	load common
	load ceremony
	ceremony
	cp "$BATS_FILE_TMPDIR"/trust-2.json* .
}

# A day in the life of the site: 7 in prod; the snapshot; then 8 in test, 7 rejected by carol, dave revoked.
lived() {
	gapferry unpack -q --env test --receipt back shop-7.tar >/dev/null
	approve carol
	approve dave
	cp -r shop-7.tar.d yes
	gapferry unpack -q --env prod --receipt back shop-7.tar >/dev/null
	cp -r state snapshot
	gapferry unpack -q --env test --receipt back shop-8.tar >/dev/null
	sleep 1
	approve carol --reject
	run -3 gapferry unpack -q --env prod shop-7.tar
	gapferry trust apply trust-2.json
	rm -rf shop-7.tar.d
	cp -r yes shop-7.tar.d
	gapferry log checkpoint >kept.txt
	cp state/site.pub site.pub
}

@test "last week's approvals do nothing for this week's bundle, under whatever names" {
	gapferry unpack -q --env test shop-7.tar
	gapferry unpack -q --env test shop-8.tar
	approve carol
	approve dave
	ends 0 '' verify -q --env prod shop-7.tar
	cp -r shop-7.tar.d shop-8.tar.d
	ends 3 approvals unpack -q --env prod shop-8.tar
	# the same files, called as approvals of shop-8 would be
	rm -rf shop-8.tar.d
	for k in carol dave; do gapferry approve -q --env prod --site a --key $k.pem shop-8.tar 2>/dev/null >/dev/null; done
	n=0
	for f in shop-8.tar.d/*.json; do
		mapfile -t theirs < <(printf '%s\n' shop-7.tar.d/*.json)
		other=${theirs[n]:-${theirs[0]}}
		cp "$other" "$f"
		for s in "$other".*; do cp "$s" "$f.${s##*json.}"; done
		n=$((n + 1))
	done
	ends 3 approvals unpack -q --env prod shop-8.tar
	# and a signature of last week's under this week's words
	rm -rf shop-8.tar.d
	gapferry approve -q --env prod --site a --key carol.pem shop-8.tar 2>/dev/null >/dev/null
	new=$(printf '%s' shop-8.tar.d/*.json)
	cp "$new".*.sig carol.sig
	for s in shop-7.tar.d/*.sig; do cp "$s" "$new.${s##*json.}"; done
	cp carol.sig "$new.ffffffffffffffff.sig"
	ends 3 approvals unpack -q --env prod shop-8.tar
	[[ $(jq -r .error.text <<<"$output") == *"there is 1 (carol); still possible: dave"* ]]
}

@test "a site that remembers: nothing older comes back" {
	lived
	ends 3 floor unpack -q --env test --with yes shop-7.tar
	ends 3 rejected unpack -q --env prod shop-7.tar
	ends 3 trust-version trust apply trust-1.json
	gapferry log verify --checkpoint kept.txt >/dev/null
}

@test "the whole state put back: it fits itself and believes what that day believed; checkpoints and receipts tell, and mend it" {
	lived
	rm -rf state
	cp -r snapshot state
	# not noticed: the floor of that day, the approver of that day, no rejection
	ends 0 '' verify -q --env prod shop-7.tar
	ends 0 '' log verify
	[ "$(gapferry trust show --json | jq .version)" -eq 1 ]
	# noticed: by a checkpoint or a receipt that was kept elsewhere, and by a bundle that counts on a newer trust file
	ends 4 log-cut log verify --checkpoint kept.txt
	last=$(grep -l '"sequence": 8' back/receipt-*.json)
	run -4 gapferry log verify --receipt "$last"
	cp "$BATS_FILE_TMPDIR"/shop-9.tar .
	ends 3 trust-version unpack -q --env test shop-9.tar
	# mended: floors from receipts, the trust file by carrying it again
	ends 0 '' log restore --key site.pub "$last"
	ends 3 floor unpack -q --env test shop-7.tar
	gapferry trust apply trust-2.json
	ends 0 '' unpack -q --env test shop-9.tar
}

@test "a part of the state put back: it does not fit, and nothing is judged by it" {
	lived
	cp -r state whole
	cp snapshot/audit.jsonl state/ # and neither its checkpoint nor its cache
	for verb in verify unpack; do
		run -1 gapferry $verb -q --env test shop-8.tar
	done
	cp snapshot/state.json state/
	run -1 gapferry verify -q --env test shop-8.tar
	rm -rf state
	cp -r whole state
	cp snapshot/state.json snapshot/checkpoint state/ # older than the log: only a cache, only what was signed then
	ends 3 floor unpack -q --env test shop-7.tar
	rm state/records/trust-2.json
	run -1 gapferry verify -q --env test shop-8.tar
	cp trust-1.json state/records/trust-2.json
	run -1 gapferry verify -q --env test shop-8.tar
}
