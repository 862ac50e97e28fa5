#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2123 # root, stderr: from common.bash and bats; PATH is meant
# The ceremony of two people with stock tools alone: every key, the trust file, every signature, both approvals, the
# rejection and the permit come from openssl, minisign, jq, sha256sum and base64.  gapferry packs (unsigned), and judges.

setup_file() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$BATS_FILE_TMPDIR GAPFERRY_STATE=$BATS_FILE_TMPDIR/none GAPFERRY_CONFIG=$BATS_FILE_TMPDIR
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/shop:1.2
	for n in 7 8; do gapferry pack -q -o shop-$n.tar --stream shop --sequence $n image.tar >/dev/null; done
	# What people have: no gapferry among it, whatever it may be called.
	mkdir tools
	for t in openssl minisign jq sha256sum base64 cut cat date tail head mv cp tar printf od tr mkdir ls env; do ln -s "$(command -v $t)" tools/; done
}

setup() {
	load common
	fresh
	cp "$BATS_FILE_TMPDIR"/shop-*.tar .
	mkdir -p config/environments
	for e in test prod; do
		printf 'environment: %s\ntargets: [{oci: "%s/layout-%s"}]\nretag: [{match: "**", name: "%s.example/{basename}"}]\n' \
			$e "$PWD" $e $e >config/environments/$e.yaml
	done
	by_hand=$PATH
	PATH=$BATS_FILE_TMPDIR/tools
	[ -z "$(type -P gapferry)" ]
	keys
	PATH=$by_hand
}

# alice (root), ci (release), carol (approver) and erin (permit) have openssl; bob (root) and dave (approver) have minisign.
keys() {
	for k in alice ci carol erin; do
		openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $k.pem 2>/dev/null
		openssl pkey -in $k.pem -pubout -out $k.pub
	done
	for k in bob dave; do minisign -G -W -p $k.pub -s $k.sec >/dev/null 2>&1; done
}

# The id of a key: SHA-256 of its SubjectPublicKeyInfo; of minisign's line the last 32 of its 42 bytes are the point.
id() {
	if [ -e "$1.pem" ]; then
		openssl pkey -pubin -in "$1.pub" -outform DER | sha256sum | cut -c1-64
	else
		{
			printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'
			tail -n 1 "$1.pub" | base64 -d | tail -c 32
		} | sha256sum | cut -c1-64
	fi
}

# sign WHO FILE [NAME]: NAME.<16 hex>.sig or .minisig beside NAME, which is FILE
sign() {
	local hint name=${3:-$2}
	hint=$(id "$1" | cut -c1-16)
	if [ -e "$1.pem" ]; then
		openssl dgst -sha256 -sign "$1.pem" "$2" | base64 -w0 >"$name.$hint.sig"
		echo >>"$name.$hint.sig"
	else
		minisign -S -s "$1.sec" -m "$2" -x "$name.$hint.minisig" >/dev/null
	fi
}

# trust VERSION APPROVERS... >FILE
trust() {
	# shellcheck disable=SC2016 # jq's variables
	jq -n --argjson version "$1" --arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg until "$(date -u -d '+1 year' +%Y-%m-%dT%H:%M:%SZ)" \
		--arg alice "$(id alice)" --arg bob "$(id bob)" --arg ci "$(id ci)" --arg carol "$(id carol)" --arg dave "$(id dave)" --arg erin "$(id erin)" \
		--rawfile a alice.pub --arg b "$(tail -n 1 bob.pub)" --rawfile r ci.pub --rawfile c carol.pub --arg d "$(tail -n 1 dave.pub)" --rawfile e erin.pub '
		{_type: "https://in-toto.io/Statement/v1", subject: [], predicateType: "urn:gapferry:trust:v1",
		 predicate: {version: $version, created: $now, expires: $until,
		  keys: {($alice): {holder: "alice", type: "spki", public: $a}, ($bob): {holder: "bob", type: "minisign", public: $b},
			 ($ci): {holder: "ci", type: "spki", public: $r}, ($carol): {holder: "carol", type: "spki", public: $c},
			 ($dave): {holder: "dave", type: "minisign", public: $d}, ($erin): {holder: "erin", type: "spki", public: $e}},
		  roles: {root: {keys: [$alice, $bob], threshold: 2}, release: {keys: [$ci], threshold: 1},
			  "approver:prod": {keys: [$carol, $dave], threshold: 2}, permit: {keys: [$erin], threshold: 1}},
		  streams: {shop: {release: "release", epoch: 1, environments: {test: {}, prod: {after: ["test"], approvers: "approver:prod"}}}}}}'
}

# The word about a bundle, from the template of bundles/FORMAT.md 6.1 and 6.2: what its manifest says goes into it.
# word BUNDLE TYPE ENVIRONMENT FIRST-MEMBER >FILE
word() {
	tar -xOf "$1" META/manifest.json >manifest.json
	# shellcheck disable=SC2016 # jq's variables
	jq --arg sha "$(sha256sum <manifest.json | cut -c1-64)" --arg type "urn:gapferry:$2:v1" --arg env "$3" --argjson first "$4" \
		--arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg until "$(date -u -d '+7 days' +%Y-%m-%dT%H:%M:%SZ)" '
		{_type, subject: [{name: "META/manifest.json", digest: {sha256: $sha}}], predicateType: $type,
		 predicate: ($first + {sites: ["a"], environment: $env} + (.predicate | {stream, epoch, sequence}) +
			 {created: $now, expires: $until, reason: "by hand"})}' manifest.json
}

# companion BUNDLE TYPE FILE WHO...: the file among the companions, under the name that is its digest, signed
companion() {
	local name who
	name=$1.d/$2-$(sha256sum <"$3" | cut -c1-16).json
	mkdir -p "$1.d"
	cp "$3" "$name"
	for who in "${@:4}"; do sign "$who" "$name"; done
}

# The manifest's signature, beside the bundle.
release() {
	mkdir -p "$1.d"
	tar -xOf "$1" META/manifest.json >manifest.json
	sign ci manifest.json "$1.d/manifest.json"
}

with_tools() {
	PATH=$BATS_FILE_TMPDIR/tools
	"$@"
	PATH=$by_hand
}

installed() {
	with_tools eval 'trust 1 >trust-1.json; sign alice trust-1.json; sign bob trust-1.json'
	gapferry trust apply trust-1.json --sha256 "$(sha256sum <trust-1.json | cut -c1-64)" --site a >/dev/null
	with_tools release shop-7.tar
	with_tools release shop-8.tar
}

ends() { # STATUS NAME COMMAND...
	run --separate-stderr -"$1" gapferry "${@:3}" --json
	[ "$(jq -r '.error.name // ""' <<<"$output")" = "$2" ] || {
		echo "$output" "$stderr"
		return 1
	}
}

@test "two roots, a release and two approvals by hand: prod takes it, and the records check by hand" {
	installed
	[ "$(gapferry trust show --json | jq -r '.signedBy | join("+")')" = alice+bob ]
	ends 0 '' unpack -q --env test shop-7.tar
	ends 3 approvals unpack -q --env prod shop-7.tar
	with_tools eval 'word shop-7.tar approval prod "{\"decision\": \"approve\"}" >yes.json; companion shop-7.tar approval yes.json carol'
	ends 3 approvals unpack -q --env prod shop-7.tar
	with_tools companion shop-7.tar approval yes.json dave
	ends 0 '' unpack -q --env prod shop-7.tar
	[ "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' layout-prod/index.json)" = prod.example/shop:1.2 ]
	# months later, without gapferry and without the bundle
	PATH=$BATS_FILE_TMPDIR/tools
	record=state/records/$(sha256sum <manifest.json | cut -c1-64)
	for f in "$record"/manifest.json."$(id ci | cut -c1-16)".sig "$record"/approval-*.json."$(id carol | cut -c1-16)".sig state/records/trust-1.json."$(id alice | cut -c1-16)".sig; do
		base64 -d "$f" >raw
		who=ci
		[[ $f == *approval* ]] && who=carol
		[[ $f == *trust* ]] && who=alice
		openssl dgst -sha256 -verify $who.pub -signature raw "${f%.*.sig}" >/dev/null
	done
	approval=$(ls "$record"/approval-*.json)
	minisign -V -q -p dave.pub -m "$approval" -x "$approval.$(id dave | cut -c1-16).minisig"
	minisign -V -q -p bob.pub -m state/records/trust-1.json -x state/records/trust-1.json."$(id bob | cut -c1-16)".minisig
	[ "$(sha256sum <"$approval")" = "$(sha256sum <yes.json)" ]
	PATH=$by_hand
}

@test "a rejection by hand blocks, and one with minisign takes it back" {
	installed
	ends 0 '' unpack -q --env test shop-7.tar
	with_tools eval 'word shop-7.tar approval prod "{\"decision\": \"approve\"}" >yes.json; companion shop-7.tar approval yes.json carol dave'
	ends 0 '' verify -q --env prod shop-7.tar
	sleep 1
	with_tools eval 'word shop-7.tar approval prod "{\"decision\": \"reject\"}" >no.json; companion shop-7.tar approval no.json dave'
	ends 3 rejected unpack -q --env prod shop-7.tar
	sleep 1
	with_tools eval 'word shop-7.tar approval prod "{\"decision\": \"approve\"}" >again.json; companion shop-7.tar approval again.json dave'
	ends 0 '' unpack -q --env prod shop-7.tar
}

@test "a permit by hand lets an earlier release in" {
	installed
	ends 0 '' unpack -q --env test shop-8.tar
	ends 3 floor unpack -q --env test shop-7.tar
	with_tools eval 'word shop-7.tar permit test "{\"waives\": [\"sequence\"]}" >back.json; companion shop-7.tar permit back.json erin'
	ends 0 '' unpack -q --env test shop-7.tar
	[ "$(jq -r 'select(.type == "accepted" and .statement) | .statement' state/audit.jsonl)" = "sha256:$(sha256sum <back.json | cut -c1-64)" ]
}

@test "the next version by hand: one person is not enough" {
	installed
	with_tools eval 'trust 2 >trust-2.json; sign bob trust-2.json'
	ends 3 trust-root trust apply trust-2.json
	with_tools sign alice trust-2.json
	gapferry trust apply trust-2.json >/dev/null
	[ "$(gapferry trust show --json | jq .version)" -eq 2 ]
}
