#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# Evidence rules of an environment: envelopes made with openssl, jq and base64 by the page (DSSE v1.0.2), Statements of buildkit's
# form; what counts, and what does not.

setup_file() {
	load common
	make_bundle
	gapferry pack -q -o shop.tar --key release.pem --stream shop --sequence 1 image.tar
	for name in builder second stranger; do
		gapferry key new --no-passphrase $name
	done
	gapferry key new --no-passphrase --type ed25519 quick
}

setup() {
	load common
	fresh
	cp "$BATS_FILE_TMPDIR"/*.p* "$BATS_FILE_TMPDIR"/shop.tar .
	mkdir config/environments
	printf 'environment: prod\ntargets:\n  - oci: %s\n' "$PWD/out" >config/environments/prod.yaml
}

attest() {
	python3 "$root/tests/cli/attest.py" "$@"
}

# statement TYPE BUILDER DIGEST... - sha256:... of the subjects
statement() {
	jq -nc --arg type "$1" --arg builder "$2" '{_type: "https://in-toto.io/Statement/v1",
		subject: [$ARGS.positional[] | {name: "x", digest: {sha256: .[7:]}}], predicateType: $type, predicate: {}}
		| if $type == "https://slsa.dev/provenance/v0.2" then ._type = "https://in-toto.io/Statement/v0.1" | .predicate.builder.id = $builder
		else .predicate.runDetails.builder.id = $builder end' --args "${@:3}"
}

# envelope STATEMENT KEY... - by the page
envelope() {
	local file=$1 type=${type-application/vnd.in-toto+json} key
	printf 'DSSEv1 %d %s %d ' ${#type} "$type" "$(stat -c %s "$file")" >pae
	cat "$file" >>pae
	for key in "${@:2}"; do
		if [ "$key" = quick ]; then
			openssl pkeyutl -sign -inkey quick.pem -rawin -in pae
		else
			openssl dgst -sha256 -sign "$key.pem" pae
		fi | base64 -w0 | jq -R '{keyid: "a hint", sig: .}'
	done | jq -sc --arg type "$type" --arg payload "$(base64 -w0 <"$file")" '{payload: $payload, payloadType: $type, signatures: .}'
}

slsa=https://slsa.dev/provenance/v1

# site RULE [OPTION...] - a trust file with this rule for prod
site() {
	rm -rf state trust-1.json*
	gapferry trust init -q -o trust-1.json --root release.pub --release release.pub --stream shop --env prod --evidence "prod:$1" "${@:2}" >/dev/null
	gapferry trust sign -q trust-1.json --key release.pem >/dev/null
	gapferry trust apply -q trust-1.json --sha256 "$(sha256sum <trust-1.json | cut -c1-64)" --site a >/dev/null
}

evidence_of() {
	jq -r '.checks[] | select(.name == "evidence") | .result + ": " + .detail'
}

# good FILE WORDS - verify and unpack take it, and the check says so
good() {
	run --separate-stderr -0 gapferry verify --json --env prod "$1"
	[[ $(evidence_of <<<"$output") == "passed: "*"$2"* ]] || {
		evidence_of <<<"$output"
		return 1
	}
}

# bad FILE WORDS - refused by verify; unpack has sent no layer and set no name
bad() {
	run --separate-stderr -3 gapferry verify --json --env prod "$1"
	[ "$(jq -r .error.name <<<"$output")" = evidence ]
	[[ $(jq -r .error.text <<<"$output") == *"$2"* ]] || {
		jq -r .error.text <<<"$output"
		return 1
	}
	[[ $(evidence_of <<<"$output") == "failed: "* ]]
	rm -rf out
	run --separate-stderr -3 gapferry unpack --json --env prod "$1"
	[ "$(jq -r .error.name <<<"$output")" = evidence ]
	[ ! -e out/index.json ] || [ "$(jq '.manifests | length' out/index.json)" -eq 0 ]
	layer=$(tar -xOf "$1" META/manifest.json | jq -r '[.predicate.blobs[] | select(.kind == "layer")][0].digest[7:]')
	[ ! -e "out/blobs/sha256/$layer" ]
}

@test "provenance signed by the role and the builder that were asked for, about this image, lets it in" {
	mapfile -t d < <(attest shop.tar plain.tar release)
	site "$slsa,role=builder,builder=https://ci.example/b" --role builder:builder.pub
	bad plain.tar "'prod' asks for $slsa by role 'builder' about registry.example/team/app:1.2 (${d[0]}), and there is none that counts: nothing else of this type"
	statement $slsa https://ci.example/b "${d[0]}" >st
	envelope st builder >e.json
	attest shop.tar app.tar release --evidence e.json
	good app.tar "$slsa by role 'builder': 1 image"
	# On a pipe, too.
	gapferry verify -q --env prod - <app.tar
	# URL-safe and without padding; inside a sigstore bundle; one good signature among others.
	jq -c '.payload |= (gsub("\\+"; "-") | gsub("/"; "_") | rtrimstr("=") | rtrimstr("=")) | .signatures[].sig |= (gsub("\\+"; "-") | gsub("/"; "_") | gsub("="; ""))' e.json >url.json
	attest shop.tar app.tar release --evidence url.json
	good app.tar '1 image'
	jq -c '{mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", verificationMaterial: {publicKey: {hint: "k"}, tlogEntries: []}, dsseEnvelope: .}' e.json >bundle.json
	attest shop.tar app.tar release --evidence bundle.json
	good app.tar '1 image'
	envelope st stranger builder >more.json
	attest shop.tar app.tar release --evidence more.json
	good app.tar '1 image'
	gapferry unpack -q --env prod app.tar
	[ "$(jq -r '.manifests[0].digest' out/index.json)" = "${d[0]}" ]
}

@test "what does not count: another signer, builder, type, subject, payload type; a Statement nobody signed; a signature over something else" {
	mapfile -t d < <(attest shop.tar plain.tar release)
	site "$slsa,role=builder,builder=https://ci.example/b" --role builder:builder.pub
	statement $slsa https://ci.example/b "${d[0]}" >st
	envelope st stranger >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar '1 not signed by the threshold of the role'
	# The release key is not a builder's.
	envelope st release >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar '1 not signed by the threshold of the role'
	attest shop.tar app.tar release --evidence st
	bad app.tar '1 without a signature'
	statement $slsa https://ci.example/evil "${d[0]}" >other
	envelope other builder >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar '1 of another builder; the builder was https://ci.example/evil'
	statement $slsa https://ci.example/b "sha256:$(printf '%064d' 0)" >other
	envelope other builder >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar '1 about something else'
	statement https://slsa.dev/provenance/v0.2 https://ci.example/b "${d[0]}" >other
	envelope other builder >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar 'nothing else of this type'
	type=text/plain envelope st builder >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar 'nothing else of this type'
	# Signed as text, and called a Statement.
	jq -c '.payloadType = "application/vnd.in-toto+json"' e.json >relabelled.json
	attest shop.tar app.tar release --evidence relabelled.json
	bad app.tar '1 not signed by the threshold of the role'
	# The Statement alone is signed, not its envelope.
	jq -nc --arg p "$(base64 -w0 <st)" --arg s "$(openssl dgst -sha256 -sign builder.pem st | base64 -w0)" \
		'{payload: $p, payloadType: "application/vnd.in-toto+json", signatures: [{sig: $s}]}' >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar '1 not signed by the threshold of the role'
	# What is not read satisfies nothing, however good.
	envelope st builder >e.json
	{ cat e.json && head -c 8388608 /dev/zero | tr '\0' ' '; } >large.json
	attest shop.tar app.tar release --evidence large.json
	bad app.tar '1 of any type too large to be read'
	printf '{"payload":"%%","payloadType":"x","signatures":[]}' >e.json
	attest shop.tar app.tar release --evidence e.json
	bad app.tar 'nothing else of this type'
}

@test "a threshold of two holders: distinct ones, in one envelope" {
	mapfile -t d < <(attest shop.tar plain.tar release)
	site "$slsa,role=builder" --role builder:builder.pub --role builder:second.pub --role builder:builder=quick.pub --threshold builder:2
	statement $slsa x "${d[0]}" >st
	envelope st builder quick builder >one
	attest shop.tar app.tar release --evidence one
	bad app.tar '1 not signed by the threshold of the role'
	envelope st second quick >two
	attest shop.tar app.tar release --evidence two
	good app.tar '1 image'
}

@test "for each platform: every platform needs one, the index does not do; for an image: its index or all platforms" {
	mapfile -t d < <(attest shop.tar plain.tar release --index)
	for n in 0 1 2; do
		statement https://slsa.dev/provenance/v0.2 https://ci.example/b "${d[n]}" >st
		envelope st builder >e$n
	done
	attest shop.tar index.tar release --index --evidence e0
	attest shop.tar first.tar release --index --evidence e0 --evidence e1
	attest shop.tar both.tar release --index --evidence e1 --evidence e2
	site "https://slsa.dev/provenance/v0.2,role=builder,builder=https://ci.example/b,each-platform" --role builder:builder.pub
	bad index.tar "about registry.example/team/app:1.2 linux/amd64 (${d[1]})"
	bad first.tar "about registry.example/team/app:1.2 linux/arm64 (${d[2]})"
	good both.tar '2 platforms'
	site "https://slsa.dev/provenance/v0.2,role=builder" --role builder:builder.pub
	good index.tar '1 image'
	good both.tar '1 image'
	attest shop.tar half.tar release --index --evidence e1
	bad half.tar "(${d[0]})"
}

@test "without a role a Statement counts under the signature of the bundle, as buildkit puts it into the index" {
	mapfile -t d < <(attest shop.tar plain.tar release)
	statement https://slsa.dev/provenance/v0.2 https://ci.example/b "${d[0]}" >st
	attest shop.tar app.tar release --bare st
	site "https://slsa.dev/provenance/v0.2,builder=https://ci.example/b,each-platform"
	good app.tar '1 platform'
	bad plain.tar 'nothing else of this type'
	# An environment without rules asks for nothing.
	rm -rf state trust-1.json*
	run --separate-stderr -0 gapferry verify --json --key release.pub app.tar
	[[ $(evidence_of <<<"$output") == 'not required: '* ]]
	# Nobody vouches for what is in a bundle that nobody signed.
	site "https://slsa.dev/provenance/v0.2" --allow-unsigned prod
	tar -xf app.tar --one-top-level=open
	rm -r open/META/manifest.json.* open/META/padding
	run --separate-stderr -3 gapferry unpack --json --env prod --allow-unsigned open
	[ "$(jq -r .error.name <<<"$output")" = evidence ] || {
		jq .error <<<"$output"
		return 1
	}
}

# blob LAYOUT FILE - its digest, the bytes in the layout
blob() {
	local hex
	hex=$(sha256sum <"$2" | cut -c1-64)
	cp "$2" "$1/blobs/sha256/$hex"
	echo "sha256:$hex"
}

# refer LAYOUT SUBJECT FILE - an OCI artifact with this layer, about SUBJECT, as an entry of index.json without a name
refer() {
	local layer digest
	printf '{}' >empty
	layer=$(blob "$1" "$3")
	jq -nc --arg empty "$(blob "$1" empty)" --arg layer "$layer" --argjson size "$(stat -c %s "$3")" --arg subject "$2" \
		--argjson subject_size "$(stat -c %s "$1/blobs/sha256/${2#sha256:}" 2>/dev/null || echo 7)" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: "application/vnd.dsse.envelope.v1+json",
		config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $empty, size: 2},
		layers: [{mediaType: "application/vnd.dsse.envelope.v1+json", digest: $layer, size: $size}],
		subject: {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $subject, size: $subject_size}}' >artifact
	digest=$(blob "$1" artifact)
	jq -c --arg digest "$digest" --argjson size "$(stat -c %s artifact)" \
		'.manifests += [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size}]' "$1/index.json" >new
	cp new "$1/index.json"
	echo "$digest"
}

@test "pack takes what refers to an image in a layout, and what refers to that; not what refers to others or is not whole" {
	mapfile -t d < <(attest shop.tar index.tar release --index)
	gapferry unpack -q --key release.pub --to oci:layout index.tar >/dev/null
	statement $slsa https://ci.example/b "${d[1]}" "${d[2]}" >st
	envelope st builder >e.json
	about=$(refer layout "${d[1]}" e.json)
	echo '{"spdxVersion": "SPDX-2.3"}' >sbom
	sbom=$(refer layout "${d[0]}" sbom)
	echo 'a signature of it' >of_it
	of_it=$(refer layout "$sbom" of_it)
	other=$(refer layout "sha256:$(printf '%064d' 3)" sbom)
	echo 'gone' >gone
	torn=$(refer layout "${d[0]}" gone)
	rm "layout/blobs/sha256/$(sha256sum <gone | cut -c1-64)"
	run --separate-stderr -0 gapferry pack -v -o app.tar --key release.pem --stream shop --sequence 2 oci:layout
	[[ $stderr == *"$torn, evidence of registry.example/team/app:1.2, is not complete here; left out"* ]]
	[[ $stderr == *"$other refers to another image and has no name; left out"* ]]
	tar -xOf app.tar META/manifest.json >m.json
	[ "$(jq -r '.predicate.images | length' m.json)" -eq 1 ]
	[ "$(jq -r '.predicate.images[0].digest' m.json)" = "${d[0]}" ]
	[ "$(jq -r '.predicate.images[0].evidence[]' m.json)" = "$sbom"$'\n'"$about"$'\n'"$of_it" ]
	site "$slsa,role=builder,builder=https://ci.example/b,each-platform" --role builder:builder.pub
	good app.tar '2 platforms'
	# By name, out of an archive, twice: the same bytes.
	(cd layout && tar -cf ../layout.tar ./*)
	created=$(jq -r .predicate.created m.json)
	gapferry pack -q -o again.tar --key release.pem --created "$created" --stream shop --sequence 2 oci-archive:layout.tar:registry.example/team/app:1.2 oci:layout
	[ "$(tar -xOf again.tar META/manifest.json | jq -c '.predicate.images[0] | del(.source)')" = "$(jq -c '.predicate.images[0] | del(.source)' m.json)" ]
}
