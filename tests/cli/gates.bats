#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# approve, permit and the gates of a trust file, through the program; once with openssl and minisign alone.

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

# refused NAME COMMAND...: status 3, this error, and nothing was loaded into prod.
refused() {
	run --separate-stderr -3 gapferry "${@:2}" --json
	# .error.name is one of approvals, after, rejected, floor, threshold, environment, unsigned, stream, audience, trust-version
	[ "$(jq -r .error.name <<<"$output")" = "$1" ] || {
		echo "$output" "$stderr"
		return 1
	}
	[ -z "$(layout prod)" ]
}

@test "test, then two approvals, then prod; the log says all of it" {
	refused after unpack -q --env prod shop-7.tar
	gapferry unpack -q --env test shop-7.tar
	refused approvals unpack -q --env prod shop-7.tar
	approve carol
	refused approvals unpack -q --env prod shop-7.tar
	text=$(jq -r .error.text <<<"$output")
	[[ $text == *"approvals by 2 of approver:prod; there is 1 (carol); still possible: dave"* ]]
	approve dave
	run -0 gapferry verify --json --env prod shop-7.tar
	[ "$(jq -r '[.checks[] | select(.name == "after" or .name == "approvals") | .result] | join(" ")' <<<"$output")" = "passed passed" ]
	gapferry unpack -q --env prod shop-7.tar
	[ "$(layout prod)" = prod.example/shop:1.2 ]
	[ "$(jq -r 'select(.type == "accepted") | "\(.environment) \(.sequence) \(.trustVersion)"' state/audit.jsonl)" = "$(printf 'test 7 1\nprod 7 1')" ]
	# approvals counted: they lie in records/, with what signed them
	record=state/records/$(tar -xOf shop-7.tar META/manifest.json | sha256sum | cut -d' ' -f1)
	[ "$(find "$record" -name 'approval-*.json' | wc -l)" -ge 1 ]
	[ "$(find "$record" -name 'approval-*.json.*.sig' | wc -l)" -eq 2 ]
}

@test "an approval is a small file that openssl or minisign signs; the program only prints it" {
	gapferry unpack -q --env test shop-7.tar
	mkdir -p shop-7.tar.d
	gapferry approve -q --env prod --site a --print shop-7.tar >approval.json 2>/dev/null
	hex=$(sha256sum <approval.json | cut -c1-16)
	cp approval.json shop-7.tar.d/approval-"$hex".json
	[ "$(jq -r '.subject[0].digest.sha256' approval.json)" = "$(tar -xOf shop-7.tar META/manifest.json | sha256sum | cut -d' ' -f1)" ]
	for k in carol dave; do
		id=$(gapferry key show --json $k.pub | jq -r '.keys[0].id[:16]')
		(openssl dgst -sha256 -sign $k.pem approval.json | base64 -w0; echo) >shop-7.tar.d/approval-"$hex".json."$id".sig
	done
	gapferry unpack -q --env prod shop-7.tar
	[ "$(layout prod)" = prod.example/shop:1.2 ]
}

@test "a rejection blocks, stays when its file is taken away, and is taken back by the same holder alone" {
	gapferry unpack -q --env test shop-7.tar
	approve carol
	approve dave
	cp -r shop-7.tar.d approvals
	sleep 1
	approve dave --reject --reason 'OPS-7: does not start'
	refused rejected unpack -q --env prod shop-7.tar
	[[ $(jq -r .error.text <<<"$output") == *"dave rejected"*"OPS-7: does not start"* ]]
	rm -r shop-7.tar.d
	mv approvals shop-7.tar.d
	refused rejected unpack -q --env prod shop-7.tar
	refused rejected verify -q --env prod shop-7.tar
	[ "$(jq -r 'select(.type == "rejected") | .holder' state/audit.jsonl)" = dave ]
	sleep 1
	approve dave
	gapferry unpack -q --env prod shop-7.tar
}

@test "approvals of another bundle, environment or site do not count" {
	gapferry unpack -q --env test shop-7.tar
	gapferry unpack -q --env test shop-8.tar
	for k in carol dave; do gapferry approve -q --env prod --site a --key $k.pem shop-8.tar 2>/dev/null; done
	cp -r shop-8.tar.d shop-7.tar.d
	refused approvals unpack -q --env prod shop-7.tar
	for k in carol dave; do gapferry approve -q --env prod --site b --key $k.pem shop-7.tar 2>/dev/null; done
	for k in carol dave; do gapferry approve -q --env test --site a --key $k.pem shop-7.tar 2>/dev/null; done
	refused approvals unpack -q --env prod shop-7.tar
	# with the names that approvals for prod would have
	approve carol
	approve dave
	gapferry unpack -q --env prod shop-7.tar
}

@test "going back to an earlier release needs a permit, which is logged and lowers no floor" {
	gapferry unpack -q --env test shop-7.tar
	gapferry unpack -q --env test shop-8.tar
	run --separate-stderr -3 gapferry unpack --json -q --env test shop-7.tar
	[ "$(jq -r .error.name <<<"$output")" = floor ]
	gapferry permit -q --env test --site a --waive sequence --expires 2d --reason 'OPS-9: roll back' --key erin.pem shop-7.tar 2>/dev/null
	run -0 gapferry verify --json --env test shop-7.tar
	[ "$(jq -r '.checks[] | select(.name == "floor") | .result' <<<"$output")" = lifted ]
	gapferry unpack -q --env test shop-7.tar
	permit=$(basename shop-7.tar.d/permit-*.json)
	[ "$(jq -r 'select(.type == "accepted" and .statement) | .statement' state/audit.jsonl)" = "sha256:$(sha256sum <shop-7.tar.d/"$permit" | cut -d' ' -f1)" ]
	rm -r shop-7.tar.d
	gapferry unpack -q --env test shop-7.tar # what was loaded there last
	gapferry unpack -q --env test shop-8.tar # what the floor is
	run -3 gapferry unpack -q --env test shop-7.tar
}

@test "approve judges the bundle first: a damaged one, a stranger's, one for another site" {
	cp shop-7.tar damaged.tar
	printf 'x' | dd of=damaged.tar bs=1 seek=80000 conv=notrunc status=none
	run -4 gapferry approve -q --env prod --site a --key carol.pem damaged.tar
	[ ! -e damaged.tar.d ]
	gapferry pack -q -o strange.tar --key erin.pem --stream shop --sequence 9 image.tar >/dev/null 2>&1 ||
		gapferry pack -q -o strange.tar --key erin.pem --stream shop --sequence 9 "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	run -3 gapferry approve -q --env prod --site a --key carol.pem strange.tar
	[ ! -e strange.tar.d ]
	gapferry pack -q -o b.tar --key ci.pem --stream shop --sequence 9 --audience b "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	run -3 gapferry approve -q --env prod --site a --key carol.pem b.tar
	run -3 gapferry approve -q --env prod --site b --site a --key carol.pem b.tar
	gapferry approve -q --env prod --site b --key carol.pem b.tar
	# the summary is what a person reads before signing elsewhere
	run --separate-stderr -0 gapferry approve --env prod --site a --key carol.pem shop-7.tar
	[[ $output == *"decision     approve"* && $output == *"registry.example/team/shop:1.2"* && $output == *"until "* ]]
	[[ $output == *"after "*"not yet"* ]]
}

@test "what approve and permit refuse to say" {
	# .error.name is option
	for words in "" "--env prod" "--site a" "--env prod --site a" "--env prod --site A --key carol.pem" "--env prod --site a --key carol.pem --expires 2020-01-01" \
		"--env prod --site a --key carol.pem --print" "--env prod --site a --print --json"; do
		# shellcheck disable=SC2086 # words
		run -2 gapferry approve -q $words shop-7.tar
	done
	for words in "--waive fork --expires 1d --reason x" "--waive sequence --reason x" "--waive sequence --expires 1d" "--expires 1d --reason x"; do
		# shellcheck disable=SC2086 # words
		run -2 gapferry permit -q --env prod --site a --key erin.pem $words shop-7.tar
	done
	[ ! -e shop-7.tar.d ]
}

@test "a release that counts on a newer trust file is refused until that is here, which may come along" {
	gapferry pack -q -o next.tar --key ci.pem --stream shop --sequence 9 --trust-version 2 "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	[ "$(tar -xOf next.tar META/manifest.json | jq .predicate.trustVersion)" = 2 ]
	refused trust-version unpack -q --env test next.tar
	gapferry trust add trust-1.json -o trust-2.json --approver prod:erin.pub >/dev/null
	for k in alice bob; do gapferry trust sign trust-2.json --key $k.pem >/dev/null 2>&1; done
	mkdir next.tar.d
	hex=$(sha256sum <trust-2.json | cut -c1-16)
	for f in trust-2.json*; do cp "$f" "next.tar.d/trust-$hex.json${f#trust-2.json}"; done
	gapferry unpack -q --env test next.tar >/dev/null
	[ "$(jq -r 'select(.type == "trust") | .trustVersion' state/audit.jsonl | paste -sd' ')" = "1 2" ]
	rm -r next.tar.d
	gapferry unpack -q --env test next.tar >/dev/null
	run -2 gapferry pack -q -o x.tar --trust-version x "$BATS_FILE_TMPDIR/image.tar"
	printf 'stream: shop\nsequence: 9\ntrust-version: 7\n' >release.yaml
	gapferry pack -q -f release.yaml -o y.tar "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	[ "$(tar -xOf y.tar META/manifest.json | jq .predicate.trustVersion)" = 7 ]
}

@test "targets named by hand: under the gates of an environment, or local files alone, which move no floor" {
	run -2 gapferry unpack -q --to docker://127.0.0.1:1/x shop-7.tar
	run -2 gapferry unpack -q --to docker-daemon: shop-7.tar
	gapferry unpack -q --to oci:"$PWD"/out shop-7.tar
	[ -s out/index.json ]
	[ "$(jq -r 'select(.type == "exported") | .name' state/audit.jsonl | wc -l)" -eq 1 ]
	[ -z "$(jq -r 'select(.type == "accepted" or .type == "complete") | .type' state/audit.jsonl)" ]
	run -3 gapferry unpack -q --env prod --to oci:"$PWD"/out2 shop-7.tar
	gapferry unpack -q --env test --to oci:"$PWD"/out3 shop-8.tar
	gapferry unpack -q --to oci:"$PWD"/out4 shop-7.tar # below test's floor, and no matter
	run -2 gapferry unpack -q --env test --key ci.pub shop-8.tar # .error.name trust-keys
	run --separate-stderr -0 gapferry verify --key ci.pub shop-8.tar
	[[ $output == *"signature only"* ]]
}

@test "verify writes nothing, and asks for no permission to write" {
	gapferry unpack -q --env test shop-7.tar >/dev/null
	before=$(find state shop-7.tar* -type f -exec sha256sum {} + | sort)
	for env in prod test; do
		# A build that counts (make coverage) would open the file of its counters.
		LLVM_PROFILE_FILE=/dev/null strace -f -o trace -e trace=%file,ftruncate,fallocate "$GAPFERRY" verify -q --env $env shop-7.tar >/dev/null 2>&1 || true
		[ "$(grep -c 'audit.jsonl' trace)" -gt 0 ]
		[ -z "$(grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)|(mkdir|rename|unlink|link|chmod|chown|mknod|truncate|fallocate)[a-z0-9]*\(' trace | grep -v '"/dev["/]' || true)" ]
	done
	[ "$(find state shop-7.tar* -type f -exec sha256sum {} + | sort)" = "$before" ]
}
