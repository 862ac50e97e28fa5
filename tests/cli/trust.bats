#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# trust: the ceremony by the program, and by openssl, base64 and jq alone; versions that follow, and those that do not.

setup_file() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
	for name in alice bob carol dave erin ci; do
		gapferry key new --no-passphrase $name
	done
}

setup() {
	load common
	fresh
	cp "$BATS_FILE_TMPDIR"/*.p* .
}

digest_of() {
	sha256sum <"$1" | cut -c1-64
}

# The trust file of the ceremony, and both roots' signatures.
ceremony() {
	gapferry trust init -q -o trust-1.json --expires 365d --root alice.pub --root bob.pub --threshold root:2 --release ci.pub \
		--approver prod:carol.pub --approver prod:dave.pub --threshold approver:prod:2 \
		--stream shop --env test --env prod --after prod:test "$@" >/dev/null
	both trust-1.json
}

both() {
	gapferry trust sign -q "$1" --key alice.pem >/dev/null
	gapferry trust sign -q "$1" --key bob.pem >/dev/null
}

apply_first() {
	gapferry trust apply trust-1.json --sha256 "$(digest_of trust-1.json)" --site a
}

# refused STATUS NAME ARGUMENTS... - by the name of the error
refused() {
	local status_wanted=$1 name=$2
	shift 2
	run --separate-stderr -"$status_wanted" gapferry "$@" --json
	[ "$(jq -r .error.name <<<"$output")" = "$name" ] || {
		echo "$output $stderr"
		return 1
	}
}

@test "certificates in a trust file: a root and a release sign with openssl cms; a renewed one takes the place of the old" {
	for name in alice ci; do
		openssl req -x509 -key $name.pem -subj /CN=$name -days 30 -out $name.crt
	done
	gapferry trust init -q -o trust-1.json --root alice.crt --release ci.crt --stream shop --env prod >/dev/null
	[ "$(jq -r '.predicate.keys | [.[].type] | unique | join(" ")' trust-1.json)" = x509-leaf ]
	[ "$(jq -r '.predicate.keys[] | select(.holder == "ci") | .public' trust-1.json)" = "$(<ci.crt)" ]
	[ "$(jq -r '.predicate.keys | to_entries[] | select(.value.holder == "ci") | .key' trust-1.json)" = \
		"$(openssl pkey -pubin -in ci.pub -outform DER | digest_of /dev/stdin)" ]
	gapferry trust show trust-1.json >shown
	grep -E "^ci +ecdsa-p256 certificate .* to $(date -u -d "$(openssl x509 -in ci.crt -noout -enddate | cut -d= -f2)" +%FT%TZ)" shown
	openssl cms -sign -binary -in trust-1.json -signer alice.crt -inkey alice.pem -md sha256 -outform DER -out trust-1.json.0000000000000000.p7s
	apply_first
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/app:1.2
	gapferry pack -q -o app.tar --key ci.crt --stream shop --sequence 1 image.tar \
		--sign-cmd 'openssl cms -sign -binary -signer ci.crt -inkey ci.pem -md sha256 -outform DER'
	gapferry verify -q --env prod app.tar
	tar -tf app.tar | grep -E '^META/manifest.json.[0-9a-f]{16}.p7s$'
	# The certificate runs out; the next has the same key.
	openssl req -new -key ci.pem -subj /CN=ci -out ci.csr
	openssl x509 -req -in ci.csr -days 60 -signkey ci.pem -out ci.crt
	gapferry trust add -q --release ci.crt trust-1.json >/dev/null
	[ "$(jq -r '.predicate.keys[] | select(.holder == "ci") | .public' trust-2.json)" = "$(<ci.crt)" ]
	[ "$(jq '.predicate.roles.release.keys | length' trust-2.json)" -eq 1 ]
}

@test "the ceremony: two roots sign, a site applies by digest, and the log and records have it" {
	ceremony
	run -0 apply_first
	[[ ${lines[0]} == 'installed  1' ]]
	[ "$(jq -r 'select(.type == "trust") | [.trustVersion, .statement, .site] | join(" ")' state/audit.jsonl)" = \
		"1 sha256:$(digest_of trust-1.json) a" ]
	cmp trust-1.json state/records/trust-1.json
	[ "$(find state/records -name 'trust-1.json.*.sig' | wc -l)" -eq 2 ]
	[ "$(cat state/site)" = a ]
	[ "$(sed -n 2p state/checkpoint)" = 1 ] # the log of one line is signed
	# What is installed is what was compared by phone.
	gapferry trust show --json >shown.json
	[ "$(jq -r '[.sha256, .version, (.signedBy | join("+"))] | join(" ")' shown.json)" = "$(digest_of trust-1.json) 1 alice+bob" ]
	# Once more is no change.
	run -0 apply_first
	[[ ${lines[0]} == 'installed already  1' ]]
	[ "$(wc -l <state/audit.jsonl)" -eq 1 ]
}

@test "show: digest in groups of four, roles with thresholds, gates; the same facts as JSON" {
	ceremony
	run -0 gapferry trust show trust-1.json
	[ "$(sed -n '/^to read out/,/^ /p' <<<"$output" | tr -d 'a-z \n' | tr -d '\n' | wc -c)" -ge 10 ]
	groups=$(awk '/^to read out/ { sub("to read out", ""); print; getline; print }' <<<"$output" | tr -d ' \n')
	[ "$groups" = "$(digest_of trust-1.json)" ]
	[[ $output == *$'\nsigned by    2 of 2 roots: alice, bob\n'* ]]
	[[ $output == *$'\nroot           2 of 2  alice, bob\n'* ]]
	[[ $output == *$'\nshop    test         no gates\n'* ]]
	[[ $output == *$'\nshop    prod         after test, approved by role approver:prod, releasers apart'* ]]
	gapferry trust show --json trust-1.json >shown.json
	[ "$(jq -c '.roles[] | select(.name == "approver:prod")' shown.json)" = '{"name":"approver:prod","threshold":2,"holders":["carol","dave"]}' ]
	[ "$(jq -c '.streams[0].environments[1] | [.name, .after, .approvers, .separateFromRelease]' shown.json)" = \
		'["prod",["test"],"approver:prod",true]' ]
	# The groups as they were read out are a digest for apply.
	run -0 gapferry trust apply trust-1.json --site a --sha256 \
		"$(awk '/^to read out/ { sub("to read out", ""); print; getline; print }' <<<"$(gapferry trust show trust-1.json)" | tr '\n' ' ')"
}

# What a person without this program writes: jq for the file, openssl and base64 for ids and signatures.
key_id() {
	openssl pkey -pubin -in "$1.pub" -outform DER | sha256sum | cut -c1-64
}

written_by_jq() {
	# shellcheck disable=SC2016 # jq's variables
	jq -n --arg alice "$(key_id alice)" --arg bob "$(key_id bob)" --arg ci "$(key_id ci)" --arg carol "$(key_id carol)" \
		--rawfile a alice.pub --rawfile b bob.pub --rawfile r ci.pub --rawfile c carol.pub \
		--arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg until "$(date -u -d '+1 year' +%Y-%m-%dT%H:%M:%SZ)" --argjson version "$1" '
		{_type: "https://in-toto.io/Statement/v1", subject: [], predicateType: "urn:gapferry:trust:v1",
		 predicate: {version: $version, created: $now, expires: $until,
		  keys: {($alice): {holder: "alice", type: "spki", public: $a}, ($bob): {holder: "bob", type: "spki", public: $b},
			 ($ci): {holder: "ci", type: "spki", public: $r}, ($carol): {holder: "carol", type: "spki", public: $c}},
		  roles: {root: {keys: [$alice, $bob], threshold: 2}, release: {keys: [$ci], threshold: 1},
			  "approver:prod": {keys: [$carol], threshold: 1}},
		  streams: {shop: {release: "release", epoch: 1, environments: {test: {}, prod: {after: ["test"], approvers: "approver:prod"}}}}}}'
}

signed_by_openssl() {
	openssl dgst -sha256 -sign "$2.pem" "$1" | base64 -w0 >"$1.$(key_id "$2" | cut -c1-16).sig"
	echo >>"$1.$(key_id "$2" | cut -c1-16).sig"
}

@test "the ceremony again with openssl, base64 and jq alone, and the next version too" {
	written_by_jq 1 >trust-1.json
	signed_by_openssl trust-1.json alice
	signed_by_openssl trust-1.json bob
	[ "$(gapferry trust show --json trust-1.json | jq -r '.signedBy | join(" ")')" = 'alice bob' ]
	apply_first
	written_by_jq 2 >trust-2.json
	signed_by_openssl trust-2.json bob
	refused 3 trust-root trust apply trust-2.json
	signed_by_openssl trust-2.json alice
	gapferry trust apply trust-2.json
	[ "$(gapferry trust show --json | jq .version)" -eq 2 ]
	# And what the program signs, openssl checks.
	gapferry trust add -q --approver prod:dave.pub -o trust-3.json trust-2.json >/dev/null
	both trust-3.json
	for name in alice bob; do
		base64 -d "trust-3.json.$(key_id $name | cut -c1-16).sig" >s
		openssl dgst -sha256 -verify $name.pub -signature s trust-3.json
	done
}

@test "a root with minisign" {
	gapferry key new --no-passphrase --type minisign mini
	gapferry trust init -q --root mini.pub --root alice.pub --threshold root:2 --release ci.pub --stream shop --env prod >/dev/null
	[ "$(jq -r '.predicate.keys[] | select(.holder == "mini") | .type + " " + .public' trust-1.json)" = "minisign $(tail -1 mini.pub)" ]
	minisign -S -s mini.key -m trust-1.json -x trust-1.json.0000000000000000.minisig
	gapferry trust sign -q --key alice.pem trust-1.json >/dev/null
	apply_first
	minisign -V -p mini.pub -m state/records/trust-1.json -x state/records/trust-1.json.0000000000000000.minisig
}

@test "the common case is one command: a root pair is made, asks a passphrase, signs, and makes no releases" {
	run --separate-stderr -2 gapferry trust init --release ci.pub --stream shop --env prod
	[[ $stderr == *passphrase* ]]
	[ ! -e root.pem ]
	[ ! -e trust-1.json ]
	GAPFERRY_PASSPHRASE='far away' run --separate-stderr -0 gapferry trust init --release ci.pub --stream shop --env prod
	[[ $output == *"keep it off this machine"* ]]
	grep -q 'BEGIN ENCRYPTED PRIVATE KEY' root.pem
	[ "$(stat -c %a root.pem)" = 600 ]
	[ "$(gapferry trust show --json trust-1.json | jq -c '[.signedBy, (.roles[] | select(.name == "release") | .holders)]')" = \
		'[["root"],["ci"]]' ]
	apply_first
	# Nothing is overwritten by a second one.
	GAPFERRY_PASSPHRASE=x refused 2 exists trust init --release ci.pub --stream shop --env prod
	rm trust-1.json
	GAPFERRY_PASSPHRASE=x refused 2 exists trust init --release ci.pub --stream shop --env prod
	[ ! -e trust-1.json ]
}

@test "keys/ of the configuration is taken over; holders are names of files, or NAME=FILE" {
	GAPFERRY_PASSPHRASE=x refused 2 option trust init --stream shop --env prod
	mkdir config/keys
	cp ci.pub config/keys/builders.pub
	GAPFERRY_PASSPHRASE=x run --separate-stderr -0 gapferry trust init --stream shop --env prod
	[[ $stderr == *'taken over'* ]]
	[ "$(jq -r '.predicate.keys[] | .holder' trust-1.json | sort | xargs)" = 'builders root' ]
	cp carol.pub 'Carol Smith.pub'
	refused 2 trust-edit trust add --approver "prod:Carol Smith.pub" trust-1.json
	gapferry trust add -q --approver "prod:carol.smith=Carol Smith.pub" trust-1.json >/dev/null
	[ "$(gapferry trust show --json trust-2.json | jq -c '[.streams[0].environments[0].approvers, (.keys[] | .holder)]')" = \
		'["approver:prod","builders","root","carol.smith"]' ]
}

@test "a first file needs its digest and the site's name, and enough signatures of its own" {
	ceremony
	refused 2 option trust apply trust-1.json
	refused 2 option trust apply trust-1.json --sha256 "$(digest_of trust-1.json)"
	refused 2 option trust apply trust-1.json --sha256 12ab --site a
	refused 2 argument trust apply
	refused 3 trust-digest trust apply trust-1.json --sha256 "$(digest_of alice.pub)" --site a
	mkdir away
	mv trust-1.json.*.sig away/
	cp "$(find away -name '*.sig' | head -1)" .
	refused 3 trust-own-root trust apply trust-1.json --sha256 "$(digest_of trust-1.json)" --site a
	[ ! -e state/site ]
	[ ! -s state/audit.jsonl ]
	run --separate-stderr -2 gapferry trust show --json
	[ "$(jq -r .error.name <<<"$output")" = trust-none ]
	mv away/* .
	apply_first
	refused 2 site trust apply trust-1.json --site b
}

@test "versions follow one by one: chains in any order, from companions too, all or nothing" {
	ceremony
	apply_first
	gapferry trust add -q --root erin.pub trust-1.json >/dev/null
	both trust-2.json
	gapferry trust revoke -q trust-2.json alice >/dev/null
	[ "$(jq -r '.predicate.roles.root.keys | length' trust-3.json)" -eq 2 ]
	both trust-3.json 2>/dev/null
	gapferry trust sign -q --key erin.pem trust-3.json >/dev/null
	gapferry trust threshold -q trust-3.json root:1 >/dev/null
	for name in bob erin; do
		gapferry trust sign -q --key $name.pem trust-4.json >/dev/null
	done
	refused 3 trust-root trust apply trust-4.json # erin is no root of 1
	refused 3 trust-version trust apply trust-3.json
	[ "$(wc -l <state/audit.jsonl)" -eq 1 ]
	# 4 out of the companions of a bundle, 3 and 2 as files.
	: >app.tar
	run -0 gapferry trust sign -q --companion app.tar trust-4.json
	[ "$(find app.tar.d -name 'trust-*.json*' | wc -l)" -eq 3 ]
	[ -e "app.tar.d/trust-$(digest_of trust-4.json | cut -c1-16).json" ]
	run -0 gapferry trust sign -q --companion app.tar trust-4.json # again: they are there
	gapferry trust apply --with app.tar.d # does not follow yet, and changes nothing
	[ "$(gapferry trust show --json | jq .version)" -eq 1 ]
	run -0 gapferry trust apply --json --with app.tar.d trust-3.json trust-2.json
	[ "$(jq -c '[.before, .version, .installed]' <<<"$output")" = '[1,4,3]' ]
	[ "$(jq -r 'select(.type == "trust") | .trustVersion' state/audit.jsonl | xargs)" = '1 2 3 4' ]
	# Back is no way, and one root is enough now; but not a revoked one.
	refused 3 trust-version trust apply trust-3.json
	gapferry trust gate -q --stream shop --max-age 90d trust-4.json >/dev/null
	gapferry trust sign -q --key alice.pem trust-5.json >/dev/null 2>&1
	refused 3 trust-root trust apply trust-5.json
	gapferry trust sign -q --key bob.pem trust-5.json >/dev/null
	gapferry trust apply trust-5.json
	# The version that is installed, with other content, is no successor.
	gapferry trust gate -q --stream shop --max-age 80d -o other-5.json trust-4.json >/dev/null
	gapferry trust sign -q --key bob.pem other-5.json >/dev/null
	refused 3 trust-version trust apply other-5.json
}

@test "an expired one may move on; of a chain only the last must be unexpired" {
	ceremony --created 2020-01-01T00:00:00Z
	refused 3 trust-expired trust apply trust-1.json --sha256 "$(digest_of trust-1.json)" --site a
	[ ! -s state/audit.jsonl ]
	gapferry trust threshold -q trust-1.json approver:prod:1 --created 2020-06-01T00:00:00Z >/dev/null
	gapferry trust threshold -q trust-2.json approver:prod:2 >/dev/null
	both trust-2.json
	both trust-3.json
	refused 3 trust-expired trust apply trust-1.json trust-2.json --sha256 "$(digest_of trust-1.json)" --site a
	gapferry trust apply trust-1.json trust-2.json trust-3.json --sha256 "$(digest_of trust-1.json)" --site a
	[ "$(gapferry trust show --json | jq .version)" -eq 3 ]
}

@test "edits: each writes the next version, and what the rules refuse is not written" {
	ceremony
	before=$(digest_of trust-1.json)
	refused 2 trust-threshold trust threshold trust-1.json root:3
	refused 2 option trust threshold trust-1.json auditor:1
	refused 2 option trust threshold trust-1.json root
	refused 2 trust-separate trust add --release carol.pub trust-1.json
	refused 2 trust-threshold trust revoke trust-1.json dave
	refused 2 trust-edit trust revoke trust-1.json frank
	refused 2 trust-after trust gate --stream shop --env test --after test:prod trust-1.json
	refused 2 trust-apart trust add --receipt test:alice.pub trust-1.json
	refused 2 trust-holder trust add --release other=alice.pub trust-1.json
	refused 2 option trust add trust-1.json
	refused 2 option trust gate trust-1.json --env x
	refused 2 option trust gate --stream shop --after dev:test trust-1.json
	refused 2 argument trust remove trust-1.json
	refused 2 argument trust apply trust-1
	refused 2 option trust init --release ci.pub --stream shop --env prod -o trust-1
	[ ! -e trust-2.json ]
	gapferry trust revoke -q trust-1.json dave --threshold approver:prod:1 >/dev/null
	refused 2 trust-after trust remove --stream shop --env test trust-2.json
	gapferry trust gate -q --stream shop --clear prod --epoch 2 --min-sequence 10 --max-jump 50 --max-age 36h trust-2.json \
		--allow-unsigned test --evidence 'prod:https://slsa.dev/provenance/v1,builder=https://ci.example,each-platform' >/dev/null
	gapferry trust remove -q --stream shop --env test trust-3.json >/dev/null
	gapferry trust remove -q --role approver:prod trust-4.json carol >/dev/null
	[ "$(jq -c '.predicate | [.version, (.keys | length), (.roles | keys), .streams.shop]' trust-5.json)" = \
		'[5,3,["release","root"],{"release":"release","epoch":2,"minSequence":10,"maxAge":"36h","maxJump":50,"environments":{"prod":{"evidence":[{"type":"https://slsa.dev/provenance/v1","builders":["https://ci.example"],"for":"each-platform"}]}}}]' ]
	# Several changes in one version, as long as nobody has signed it.
	gapferry trust add -q --same-version --permit erin.pub --not-after 2099-01-01 trust-5.json >/dev/null
	[ "$(jq -r '.predicate | .version, (.keys[] | select(.holder == "erin") | .notAfter)' trust-5.json | xargs)" = '5 2099-01-01T00:00:00Z' ]
	gapferry trust sign -q --key alice.pem trust-5.json >/dev/null
	refused 2 option trust add --same-version --permit dave.pub trust-5.json
	[ "$(digest_of trust-1.json)" = "$before" ]
}

@test "a signature twice, a key that is no root, a bundle's key: said, and no harm" {
	ceremony
	run --separate-stderr -0 gapferry trust sign --key alice.pem trust-1.json
	[[ $stderr == *'there already'* ]]
	run --separate-stderr -0 gapferry trust sign --key ci.pem trust-1.json
	[[ $stderr == *'no root of this version'* ]]
	run --separate-stderr -2 gapferry trust sign trust-1.json
	[[ $stderr == *'--key FILE'* ]]
	[ "$(gapferry trust show --json trust-1.json | jq -r '.signedBy | join(" ")')" = 'alice bob' ]
	echo '{}' >bad.json
	refused 4 missing-key trust show bad.json
	apply_first
	[ "$(find state/records -name 'trust-1.json.*' | wc -l)" -eq 2 ] # ci's is not kept
}

@test "a second word that is none: the verbs are named" {
	run --separate-stderr -2 gapferry trust
	[[ $stderr == *"'trust init', 'trust show', 'trust add'"* ]]
	run --separate-stderr -2 gapferry trust make
	[[ $stderr == *"unknown verb 'trust make'"* ]]
	run --separate-stderr -0 gapferry trust --help
	[ "$(grep -c '^usage: gapferry trust ' <<<"$output")" -eq 9 ]
}
