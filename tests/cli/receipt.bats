#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031 # root, stderr: from common.bash and bats; GAPFERRY_STATE is of one test
# Receipts: written by every run that loads, checked with openssl alone, carried to another site and back after a loss.

setup_file() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$BATS_FILE_TMPDIR GAPFERRY_STATE=$BATS_FILE_TMPDIR/none GAPFERRY_CONFIG=$BATS_FILE_TMPDIR
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/shop:1.2
	for k in alice ci carol; do gapferry key new --no-passphrase $k >/dev/null; done
	for n in 7 8; do gapferry pack -q -o shop-$n.tar --key ci.pem --stream shop --sequence $n image.tar >/dev/null; done
	gapferry trust init -o trust-1.json --root alice.pub --release ci.pub --approver prod:carol.pub --stream shop --env test \
		--env prod --after prod:test >/dev/null
	gapferry trust sign trust-1.json --key alice.pem >/dev/null 2>&1
}

# A site without a trust file that believes ci; its environments are directories.
setup() {
	load common
	fresh
	cp "$BATS_FILE_TMPDIR"/*.p* "$BATS_FILE_TMPDIR"/shop-*.tar "$BATS_FILE_TMPDIR"/trust-1.json* .
	mkdir -p config/environments config/keys
	cp ci.pub config/keys
	for e in test prod; do
		printf 'environment: %s\ntargets: [{oci: "%s/%s"}]\nretag: [{match: "**", name: "%s.example/{basename}"}]\n' \
			$e "$PWD" "layout-$e" $e >config/environments/$e.yaml
	done
}

sha() { sha256sum <"$1" | cut -d' ' -f1; }
manifest() { tar -xOf "$1" META/manifest.json | sha256sum | cut -d' ' -f1; }
# at SITE COMMAND...: the same machine with the state of that site.
at() { GAPFERRY_STATE=$PWD/state-$1 gapferry "${@:2}"; }
# The one receipt in a directory.
receipt_in() { find "$1" -name 'receipt-*.json'; }
# signed_by PUBLIC FILE: its signature, as openssl sees it.
signed_by() {
	base64 -d "$2".*.sig >"$BATS_TEST_TMPDIR/raw.sig"
	openssl dgst -sha256 -verify "$1" -signature "$BATS_TEST_TMPDIR/raw.sig" "$2" >/dev/null
}
# refused STATUS NAME COMMAND...
refused() {
	run --separate-stderr "-$1" gapferry "${@:3}" --json
	# .error.name is one of receipt-signature, receipt-bundle, receipt-site, receipt-floor, fork, statement, log-cut, log-changed, site-key, after, summary
	[ "$(jq -r .error.name <<<"$output")" = "$2" ] || {
		echo "$output" "$stderr"
		return 1
	}
}

@test "a run that loads writes one: its facts are those of bundle, log and files, and openssl checks it" {
	run --separate-stderr -0 gapferry unpack -q --json --env test --site lab --receipt back shop-7.tar
	file=$(jq -r .receipt <<<"$output")
	[ "$file" = "$PWD/state/records/$(manifest shop-7.tar)/receipt-$(sha "$file" | cut -c1-16).json" ]
	cmp "$file" "$(jq -r .receiptCopy <<<"$output")"
	signed_by state/site.pub "$(receipt_in back)"
	[ "$(stat -c %a state/site.pem)" = 600 ]
	[ "$(stat -c %s "$file")" -lt 4096 ]
	[ "$(jq -r '.subject[0].digest.sha256' "$file")" = "$(manifest shop-7.tar)" ]
	[ "$(jq -r '.predicate | "\(.site) \(.environment) \(.stream) \(.epoch) \(.sequence) \(.result)"' "$file")" = "lab test shop 1 7 complete" ]
	[ "$(jq -r .predicate.configSha256 "$file")" = "$(sha config/environments/test.yaml)" ]
	[ "$(jq -r '.predicate.trust.signers[]' "$file")" = "$(gapferry key show --json ci.pub | jq -r '.keys[0].id')" ]
	[ "$(jq -r '.predicate.images[] | "\(.digest) \(.target) \(.names[].name)"' "$file")" = \
		"$(jq -r 'select(.type == "loaded") | "\(.digest) \(.target) \(.name)"' state/audit.jsonl)" ]
	[ "$(jq -r '.predicate.images[].digest' "$file")" = "$(jq -r '.manifests[].digest' layout-test/index.json)" ]
	[ "$(jq .predicate.log.size "$file")" -eq "$(wc -l <state/audit.jsonl)" ]
	[ "$(jq -r .predicate.log.root "$file")" = "$(gapferry log checkpoint | sed -n 3p | base64 -d | xxd -p -c 64)" ]
	# nothing is sent twice, and that is said; the first one stays
	gapferry unpack -q --env test shop-7.tar >/dev/null
	[ "$(find state/records -name 'receipt-*.json' | wc -l)" -eq 2 ]
	# nor does a dry run or a refusal write one
	gapferry unpack -q --dry-run --env prod shop-7.tar >/dev/null
	gapferry unpack -q --env test shop-8.tar >/dev/null
	run -3 gapferry unpack -q --env test shop-7.tar
	[ "$(find state/records -name 'receipt-*.json' | wc -l)" -eq 3 ]
}

@test "a run that ends partly says so; an export is of no environment" {
	run --separate-stderr -5 gapferry unpack -q --json --env test --to oci:"$PWD"/out --to docker://127.0.0.1:1/x shop-7.tar
	file=$(jq -r .receipt <<<"$output")
	[ "$(jq -r '.predicate | "\(.result) \([.images[].target] | join(" "))"' "$file")" = "partial oci:$PWD/out" ]
	[ -z "$(jq -r 'select(.type == "complete") | .type' state/audit.jsonl)" ]
	rm -r state
	gapferry trust apply trust-1.json --sha256 "$(sha trust-1.json)" --site a >/dev/null
	run --separate-stderr -0 gapferry unpack -q --json --to oci:"$PWD"/out2 shop-7.tar
	file=$(jq -r .receipt <<<"$output")
	[ "$(jq -r '.predicate | "\(.environment) \(.configSha256) \(.trust.version) \(.trust.sha256)"' "$file")" = "null null 1 $(sha trust-1.json)" ]
	refused 3 receipt-floor log restore "$file"
}

@test "one that cannot be written: what is loaded stays, 1, and the same run again finishes" {
	mkdir back
	touch file
	# before anything is sent: a directory that is none, a key that is not there
	run -1 gapferry unpack -q --env test --receipt file/back shop-7.tar
	[ ! -e layout-test ]
	gapferry unpack -q --env test shop-7.tar >/dev/null
	mv state/site.pem kept.pem
	rm -r layout-test
	refused 2 site-key unpack -q --env test shop-7.tar
	[ ! -e layout-test ]
	# afterwards: the command that signs has lost its key by then
	printf '#!/bin/sh\n[ -e %s/layout-test/index.json ] && exit 9\nexec openssl dgst -sha256 -sign %s/kept.pem\n' "$PWD" "$PWD" >signs
	chmod +x signs
	run --separate-stderr -1 gapferry unpack -q --env test --sign-cmd ./signs shop-7.tar
	[[ $stderr == *"everything is loaded and logged, but the receipt is not written (run the same again: nothing is sent twice)"* ]]
	[ "$(jq -r 'select(.type == "failed") | .step' state/audit.jsonl)" = receipt ]
	[ -s layout-test/index.json ]
	sed -i '/exit 9/d' signs
	run --separate-stderr -0 gapferry unpack -q --json --env test --sign-cmd ./signs --receipt back shop-7.tar
	[ "$(jq -r '.targets[0] | "\(.blobsSent) \(.blobsHeld)"' <<<"$output")" = "0 3" ]
	signed_by state/site.pub "$(receipt_in back)"
}

@test "test at site lab, prod at site a: the receipt carried over opens the gate" {
	for s in lab a; do at $s trust apply trust-1.json --sha256 "$(sha trust-1.json)" --site $s >/dev/null; done
	at lab unpack -q --env test --receipt shop-7.tar.d shop-7.tar >/dev/null
	at a approve -q --env prod --site a --key carol.pem shop-7.tar >/dev/null 2>&1
	export GAPFERRY_STATE=$PWD/state-a
	refused 3 after unpack -q --env prod shop-7.tar # nobody has said whose key that is
	gapferry trust add -o trust-2.json trust-1.json --receipt test:lab=state-lab/site.pub >/dev/null
	gapferry trust sign trust-2.json --key alice.pem >/dev/null 2>&1
	gapferry trust apply trust-2.json >/dev/null
	receipt=$(receipt_in shop-7.tar.d)
	# changed, of another bundle, and without its signature
	cp -r shop-7.tar.d good
	sed -i 's/"held": 0/"held": 1/' "$receipt"
	refused 3 after unpack -q --env prod shop-7.tar
	rm -r shop-7.tar.d && cp -r good shop-8.tar.d && at a approve -q --env prod --site a --key carol.pem shop-8.tar >/dev/null 2>&1
	refused 3 after unpack -q --env prod shop-8.tar
	cp -r good shop-7.tar.d && rm "$receipt".*
	refused 3 after unpack -q --env prod shop-7.tar
	rm -r shop-7.tar.d && cp -r good shop-7.tar.d
	run --separate-stderr -0 gapferry unpack -q --json --env prod shop-7.tar
	[ "$(jq -r '.checks[] | select(.name == "after") | .result' <<<"$output")" = passed ]
	own=$(jq -r .receipt <<<"$output")
	[ "$(jq -r '.predicate.approvals[] | "\(.decision) \(.holder) \(.sha256)"' "$own")" = "approve carol $(sha shop-7.tar.d/approval-*.json)" ]
	# lab's is kept here, too, and is known as lab's
	[ -s "state-a/records/$(manifest shop-7.tar)/$(basename "$receipt")" ]
	run --separate-stderr -0 gapferry receipt verify --json --bundle shop-7.tar "$receipt"
	[ "$(jq -r '"\(.signedBy) \(.own)"' <<<"$output")" = "role receipt:test: lab false" ]
	run --separate-stderr -0 gapferry receipt verify --json "$own"
	[ "$(jq -r '"\(.signedBy) \(.own)"' <<<"$output")" = "this site's key true" ]
}

@test "receipt verify: whose it is, of which bundle, and whether the log here goes on from it" {
	gapferry unpack -q --env test --site a --receipt back shop-7.tar >/dev/null
	receipt=$(receipt_in back)
	gapferry receipt verify "$receipt" | grep -q 'goes on from it'
	export GAPFERRY_STATE=$PWD/nowhere
	refused 3 receipt-signature receipt verify "$receipt"
	refused 3 receipt-signature receipt verify --key carol.pub "$receipt"
	gapferry receipt verify --key carol.pub --key state/site.pub --bundle shop-7.tar "$receipt" | grep -q "another site's"
	refused 3 receipt-bundle receipt verify --key state/site.pub --bundle shop-8.tar "$receipt"
	mkdir other && cp "$receipt" other
	refused 3 receipt-signature receipt verify --key state/site.pub other/"$(basename "$receipt")"
	# a statement of another type, signed by the same key, is no receipt; nor is a receipt an approval
	sed 's/receipt:v1/approval:v1/' "$receipt" >other/x.json
	refused 4 statement receipt verify --key state/site.pub other/x.json
	# the machine is put back to an older copy
	export GAPFERRY_STATE=$PWD/state
	cp -r state older
	gapferry unpack -q --env test --receipt back2 shop-8.tar >/dev/null
	rm -r state && mv older state
	refused 4 log-cut receipt verify "$(receipt_in back2)"
	refused 4 log-cut log verify --receipt "$(receipt_in back2)"
	gapferry log verify --receipt "$receipt" >/dev/null
	# and goes on from there: other lines than those that were carried away
	for _ in 1 2; do gapferry unpack -q --env prod shop-7.tar >/dev/null; done
	refused 4 log-changed receipt verify "$(receipt_in back2)"
	refused 4 log-changed log verify --receipt "$(receipt_in back2)"
}

@test "log restore: after a loss the floors come back from receipts of this site's key, and none goes down" {
	gapferry unpack -q --env test --site a --receipt back shop-7.tar >/dev/null
	gapferry unpack -q --env prod --receipt back shop-7.tar >/dev/null
	gapferry unpack -q --env test --receipt back shop-8.tar >/dev/null
	cp state/site.pub site-a.pub
	mv state/site.pem kept.pem
	rm -r state
	mapfile -t all < <(receipt_in back)
	refused 2 site-key log restore "${all[@]}"
	rm -r state
	refused 3 receipt-signature log restore --key carol.pub "${all[@]}"
	[ ! -e state/audit.jsonl ] || [ ! -s state/audit.jsonl ]
	run --separate-stderr -0 gapferry log restore --json --key site-a.pub "${all[@]}"
	[ "$(jq -r 'select(.type == "restored") | "\(.environment) \(.sequence)"' state/audit.jsonl | sort | grep -v 'test 7')" = "$(printf 'prod 7\ntest 8')" ]
	[ "$(jq -r 'select(.type == "restored" and .sequence == 8) | .statement' state/audit.jsonl)" = "sha256:$(sha "$(grep -l '"sequence": 8' back/receipt-*.json)")" ]
	run -3 gapferry unpack -q --env test shop-7.tar
	gapferry unpack -q --env test shop-8.tar >/dev/null
	gapferry unpack -q --env prod shop-7.tar >/dev/null
	before=$(wc -l <state/audit.jsonl)
	run --separate-stderr -0 gapferry log restore --json --key site-a.pub "${all[@]}"
	[ "$(jq -r '[.receipts[].raised] | any' <<<"$output")" = false ]
	[ "$(wc -l <state/audit.jsonl)" -eq "$before" ]
	gapferry log verify >/dev/null
	# the key is not in the state: a command signs the checkpoint, with the key that signed before
	rm -r state
	mkdir -m 700 state
	cp site-a.pub state/site.pub
	run --separate-stderr -0 gapferry log restore "${all[@]}"
	[[ $stderr == *"the checkpoint of the log is not signed anew"*"name the command that signs with it"* ]]
	[ ! -e state/checkpoint ]
	rm state/audit.jsonl state/state.json
	run --separate-stderr -0 gapferry log restore --sign-cmd 'openssl dgst -sha256 -sign kept.pem' "${all[@]}"
	[ -z "$stderr" ]
	[ ! -e state/site.pem ]
	run --separate-stderr -0 gapferry log verify --json
	[ "$(jq .checkpoint <<<"$output")" -eq "$(wc -l <state/audit.jsonl)" ]
	# of another site; and another bundle of the same number
	rm -r state
	gapferry unpack -q --env prod --site b shop-7.tar >/dev/null
	refused 3 receipt-site log restore --key site-a.pub "${all[@]}"
	rm -r state
	gapferry pack -q -o fork.tar --key ci.pem --stream shop --sequence 8 --bundle-version other "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	gapferry unpack -q --env test --site a fork.tar >/dev/null
	refused 3 fork log restore --key site-a.pub "${all[@]}"
}

@test "pack --after takes a receipt that came back" {
	gapferry unpack -q --env test --receipt back shop-7.tar >/dev/null
	gapferry pack -q -o next.tar --key ci.pem --stream shop --after "$(receipt_in back)" "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	[ "$(tar -xOf next.tar META/manifest.json | jq -r '.predicate | "\(.epoch) \(.sequence) \(.previous.sequence) \(.previous.sha256)"')" = \
		"1 8 7 $(manifest shop-7.tar)" ]
	run -2 gapferry pack -q -o x.tar --key ci.pem --stream other --after "$(receipt_in back)" "$BATS_FILE_TMPDIR/image.tar"
	run -4 gapferry pack -q -o x.tar --key ci.pem --stream shop --after config/../trust-1.json "$BATS_FILE_TMPDIR/image.tar"
}

@test "receipt show: a page to print, with text made harmless; a Verification Summary that another program takes" {
	gapferry unpack -q --env test --site a --receipt back shop-7.tar >/dev/null
	receipt=$(receipt_in back)
	run --separate-stderr -0 gapferry receipt show --short "$receipt"
	[ "${#lines[@]}" -le 60 ]
	[[ $output == *"site"*"a"*"shop, epoch 1, sequence 7"*"$(manifest shop-7.tar)"*"test.example/shop:1.2"* ]]
	[[ $output == *"not checked here"* ]]
	jq '.predicate.images[0].names = [range(100) | {name: "x\u001b[31m\(.)"}]' "$receipt" >other.json
	run --separate-stderr -0 gapferry receipt show --short other.json
	[ "${#lines[@]}" -le 60 ]
	[[ $output != *$'\e'* && $output == *"and 76 more names"* ]]
	gapferry receipt show --vsa "$receipt" | python3 "$root/tests/lib/vsa.py" "$(sha "$receipt")" "$(manifest shop-7.tar)" \
		test.example/shop:1.2 "$(jq -r '.manifests[].digest' layout-test/index.json)"
	gapferry pack -q -o plain.tar "$BATS_FILE_TMPDIR/image.tar" >/dev/null 2>&1
	gapferry unpack -q --env prod --allow-unsigned --receipt plain plain.tar >/dev/null
	run -3 gapferry receipt show --vsa "$(receipt_in plain)"
	run -2 gapferry receipt show --vsa --short "$receipt"
}
