#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# trace without a daemon: digests and names, through log and records; a state that lies is noticed.

setup_file() {
	load common
	make_bundle
	gapferry pack -q -o next.tar --key release.pem --stream app --sequence 8 --build-id b8 image.tar
	gapferry pack -q -o bare.tar image.tar
	gapferry key new --no-passphrase other
}

# The bundle is loaded into a layout by the environment prod.
setup() {
	load common
	fresh
	for f in app next bare; do ln -s "$BATS_FILE_TMPDIR/$f.tar" .; done
	mkdir -p config/keys config/environments
	cp "$BATS_FILE_TMPDIR/release.pub" config/keys/
	cat >config/environments/prod.yaml <<-END
		environment: prod
		targets: [{oci: "$PWD/layout"}]
		retag: [{match: "**", name: "prod.example/{basename}", tags: ["{tag}", "{version}-x"]}]
	END
	export DOCKER_HOST=unix://$PWD/no.sock
	gapferry unpack -q --env prod app.tar
	image=$(said '.images[0].digest') id=$(said '.images[0].platforms[0].imageId')
	bundle=sha256:$(statement | sha256sum | cut -d' ' -f1)
	record=state/records/${bundle#sha256:}
}
statement() { tar -xOf app.tar META/manifest.json; }
said() { statement | jq -r ".predicate$1"; }
log=state/audit.jsonl
# refused STATUS NAME WORD [options]: so it ends, and this is what --json says.
refused() {
	run --separate-stderr -"$1" gapferry trace --json "${@:3}"
	# .error.name is one of not-traced, record, signature, threshold, log, docker-connect
	[ "$(jq -r .error.name <<<"$output")" = "$2" ] || {
		echo "$output" "$stderr"
		return 1
	}
	text=$(jq -r .error.text <<<"$output")
	[ "$(jq -r .vouched <<<"$output")" = false ]
}

@test "an image ID, a digest, a name and the bundle's own digest lead to the same bundle, its signer and its build" {
	key=$(gapferry key show --json config/keys/release.pub | jq -r '.keys[0].id // .id')
	for word in "$id" "${id#sha256:}" "$image" "prod.example/app@$image" prod.example/app:1.2 "$bundle"; do
		run --separate-stderr -0 gapferry trace --json "$word"
		[ "$(jq -r '[.vouched, (.bundles | length), .bundles[0].manifest, .bundles[0].stream, .bundles[0].sequence, .bundles[0].version] | join(" ")' <<<"$output")" = \
			"true 1 $bundle app 7 1.2.0" ]
		[ "$(jq -r '.bundles[0].signers[0] | "\(.holder) \(.id)"' <<<"$output")" = "release $key" ]
		[ "$(jq -r '[.bundles[0].loaded[] | "\(.environment) \(.name) \(.target) \(.digest)"] | join("\n")' <<<"$output")" = \
			"$(printf '%s\n' "prod prod.example/app:1.2 oci:$PWD/layout $image" "prod prod.example/app:1.2.0-x oci:$PWD/layout $image")" ]
	done
	# what the log says of the run is what trace says
	[ "$(jq -r '.bundles[0].loaded[0].run' <<<"$output")" = "$(jq -r 'select(.type == "loaded") | .run' $log | head -1)" ]
	run --separate-stderr -0 gapferry trace "$id"
	[[ $output == *"bundle     $PWD/$record"* ]]
	[[ $output == *"manifest   $bundle"* ]]
	[[ $output =~ signed\ by\ +release,\ ecdsa-p256,\ key\ $key ]]
	[[ $output == *"prod.example/app:1.2.0-x"* ]]
	# a name was not asked for: said
	run --separate-stderr -0 gapferry trace prod.example/app:1.2
	[[ $stderr == *"what 'prod.example/app:1.2' shows now was not asked"*"no Docker daemon answers"* ]]
}

@test "an image in two bundles: both, in the order of the log, with build id and label" {
	gapferry unpack -q --env prod next.tar 2>/dev/null || gapferry unpack -q --env prod --tag next next.tar
	run --separate-stderr -0 gapferry trace --json "$id"
	[ "$(jq -r '[.bundles[] | .sequence] | join(" ")' <<<"$output")" = "7 8" ]
	[ "$(jq -r '.bundles[1].build.id' <<<"$output")" = b8 ]
	[ "$(jq -r '.lookedAt | "\(.records) \(.lines)"' <<<"$output")" = "2 $(wc -l <$log)" ]
}

@test "what nothing vouches for: 3, with what was looked at" {
	unknown=sha256:$(printf '%064d' 7)
	refused 3 not-traced "$unknown"
	[[ $text == *"none of the 1 bundles that the $(wc -l <$log) lines of '$PWD/state/audit.jsonl' speak of holds it"* ]]
	# no log at all
	refused 3 not-traced --state "$PWD/none" "$id"
	# a name that is neither in the log nor to be asked for: that is no answer
	refused 1 docker-connect prod.example/other:1
	refused 1 docker-connect "${unknown#sha256:}"
	refused 1 docker-connect -H "unix://$PWD/no.sock" prod.example/app:1.2
}

@test "signatures are checked again, against the keys of now" {
	refused 3 signature --key "$BATS_FILE_TMPDIR/other.pub" "$id"
	[[ $text == *"none of the signatures in"*"fits a key that is believed now (1)"* ]]
	rm config/keys/release.pub
	refused 3 signature "$id"
	[ "$(gapferry trace --json --key "$BATS_FILE_TMPDIR/release.pub" "$id" | jq .vouched)" = true ]
	# the signature is of another manifest
	gapferry unpack -q --key "$BATS_FILE_TMPDIR/release.pub" --to "oci:$PWD/l2" next.tar
	other=$(find state/records -name 'manifest.json.*.sig' -not -path "$record/*")
	cp "$other" "$(echo "$record"/manifest.json.*.sig)"
	refused 3 signature --key "$BATS_FILE_TMPDIR/release.pub" "$bundle"
	rm "$record"/manifest.json.*.sig
	refused 3 signature --key "$BATS_FILE_TMPDIR/release.pub" "$bundle"
	[[ $text == *"has no signature" ]]
}

@test "loaded unsigned: 3, and it says why" {
	rm -rf state
	gapferry unpack -q --allow-unsigned --to "oci:$PWD/l2" bare.tar
	refused 3 signature "$id"
	[[ $text == *"loaded with --allow-unsigned"* ]]
	[ "$(jq -r '.bundles[0].unsigned' <<<"$output")" = true ]
	# signed as well: that one vouches
	gapferry unpack -q --env prod app.tar
	[ "$(gapferry trace --json "$id" | jq .vouched)" = true ]
}

@test "records that are missing or changed: 4, and which" {
	cp -r state whole
	sed -i 's/"sequence": *7/"sequence":6/; s/"app"/"apq"/' "$record/manifest.json"
	refused 4 record "$id"
	[[ $text == *"${bundle#sha256:}/manifest.json' is not the manifest of that digest"* ]]
	rm "$record/manifest.json"
	refused 4 record "$id"
	[ "$(jq -r '.faults[0].manifest' <<<"$output")" = "$bundle" ]
	rm -r "$record"
	refused 4 record "$id"
	# another record is whole and vouches: 0, and the fault is said
	gapferry unpack -q --env prod --tag next next.tar
	run --separate-stderr -0 gapferry trace --json "$id"
	[ "$(jq -r '"\(.bundles | length) \(.faults | length)"' <<<"$output")" = "1 1" ]
	[[ $stderr == *"a record that is not there as it was"* ]]
	# a link, a directory and a FIFO in place of a signature
	rm -rf state
	cp -r whole state
	sig=$(echo "$record"/manifest.json.*.sig)
	for how in "ln -s /dev/zero" mkdir mkfifo; do
		rm -rf "$sig"
		$how "$sig"
		refused 4 record "$id"
	done
	rm -rf "$sig"
	head -c 20000 /dev/zero >"$sig"
	refused 4 record "$id"
}

@test "a log with a line that is none: 1, and its number; a torn last line is no line" {
	cp $log good
	n=$(wc -l <good)
	for line in 'x' '{}' '{"time":"2026-01-01T00:00:00Z"}' '{"time":"yesterday","type":"loaded"}' '[1]' \
		'{"time":"2026-01-01T00:00:00Z","type":"loaded","manifest":"sha256:00","digest":"sha256:00"}' \
		"{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"loaded\",\"environment\":\"prod\",\"manifest\":\"$bundle\"}" \
		"{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"loaded\",\"environment\":\"prod\",\"manifest\":\"$bundle\",\"digest\":7}" \
		"$(head -c 70000 /dev/zero | tr '\0' a)"; do
		{ cat good; printf '%s\n' "$line"; } >$log
		refused 1 log "$id"
		[[ $text == *"line $((n + 1)) "* ]] || {
			echo "$text"
			return 1
		}
	done
	{ cat good; printf '{"time":'; } >$log
	[ "$(gapferry trace --json "$id" | jq .vouched)" = true ]
}

@test "accepted and never logged as loaded: vouched for, and said" {
	sed -i '/"loaded"/d; /"complete"/d' $log
	rm state/checkpoint # which would say that the log was cut
	run --separate-stderr -0 gapferry trace "$id"
	[[ $output == *"no line says that it was loaded"* ]]
}

@test "trace opens no connection for a digest, and writes nothing" {
	before=$(find state -type f -exec sha256sum {} + | sort)
	run -0 env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=socket,connect -o calls "$GAPFERRY" trace "$id"
	run -1 grep -E 'socket|connect' calls
	[ "$before" = "$(find state -type f -exec sha256sum {} + | sort)" ]
}

# A site with a trust file: two sign, carol approves, prod comes after test.
ceremony() {
	rm -rf state app.tar.d layout config/keys
	mv app.tar app-in-link.tar && cp "$(readlink -f app-in-link.tar)" app.tar
	for k in alice ci2 carol dave; do gapferry key new --no-passphrase $k >/dev/null; done
	printf 'environment: test\ntargets: [{oci: "%s/layout-test"}]\n' "$PWD" >config/environments/test.yaml
	gapferry trust init -o trust-1.json --root alice.pub --release "$BATS_FILE_TMPDIR/release.pub" --release ci2.pub \
		--threshold release:2 --approver prod:carol.pub --approver prod:dave.pub --stream app --env test --env prod \
		--after prod:test >/dev/null
	gapferry trust sign trust-1.json --key alice.pem >/dev/null 2>&1
	gapferry trust apply trust-1.json --sha256 "$(sha256sum <trust-1.json | cut -d' ' -f1)" --site a >/dev/null
	gapferry sign -q --key ci2.pem app.tar >/dev/null 2>&1
	gapferry unpack -q --env test app.tar >/dev/null
	gapferry approve -q --env prod --site a --reject --reason 'OPS-7: too early' --key dave.pem app.tar >/dev/null 2>&1
	sleep 1
	for k in carol dave; do gapferry approve -q --env prod --site a --key $k.pem app.tar >/dev/null 2>&1; done
	gapferry unpack -q --env prod app.tar >/dev/null
}

@test "with a trust file: signers, approvals and rejections with holder and time, receipts; by the version in force then" {
	ceremony
	rm -r app.tar* app-in-link.tar # from records/ alone
	run --separate-stderr -0 gapferry trace --json "$id"
	[ "$(jq -r '.bundles[0] | "\(.vouched) \(.trustVersion) \([.signers[].holder] | sort | join(" "))"' <<<"$output")" = "true 1 ci2 release" ]
	[ "$(jq -r '.bundles[0].statements[] | "\(.decision) \(.holder) \(.environment) \(.reason)"' <<<"$output" | sort)" = \
		"$(printf '%s\n' "approved carol prod null" "approved dave prod null" "rejected dave prod OPS-7: too early")" ]
	[ "$(jq -r '.bundles[0].receipts[] | "\(.environment) \(.site) \(.result) \(.signedBy)"' <<<"$output")" = \
		"$(printf '%s\n' "test a complete this site's key" "prod a complete this site's key")" ]
	for file in $(jq -r '.bundles[0] | (.statements + .receipts)[] | .sha256' <<<"$output"); do
		[ "$(cat "$record"/{approval,receipt}-"${file:0:16}".json 2>/dev/null | sha256sum | cut -d' ' -f1)" = "$file" ]
	done
	run --separate-stderr -0 gapferry trace "$id"
	[[ $output == *"version 1 was in force: the signatures are enough"* && $output == *"rejected"*"dave"*"OPS-7: too early"* ]]
	# a key revoked later was in force then
	gapferry trust revoke -o trust-2.json trust-1.json ci2 --threshold release:1 >/dev/null
	gapferry trust sign trust-2.json --key alice.pem >/dev/null 2>&1
	gapferry trust apply trust-2.json >/dev/null
	gapferry trace "$id" >/dev/null
	# the keys of the configuration are not asked, those that are named alone
	mkdir config/keys && cp "$BATS_FILE_TMPDIR/other.pub" config/keys
	gapferry trace "$id" >/dev/null
	refused 3 signature --key "$BATS_FILE_TMPDIR/other.pub" "$id"
	# one signature of two is not enough; an approval of which the signature is gone is none
	rm "$record"/manifest.json."$(gapferry key show --json ci2.pub | jq -r '.keys[0].id[:16]')".sig
	rm "$record"/approval-*.json.*.sig
	refused 3 threshold "$id"
	[[ $text == *"trust file 1 asks for signatures by 2 of role 'release', and there are 1" ]]
	[ "$(jq -r '.bundles[0].statements | length' <<<"$output")" -eq 0 ]
	rm "$record"/manifest.json.*.sig
	refused 3 signature "$id"
	# and without the trust file of that time nobody can say
	mv state/records/trust-1.json kept
	refused 4 record "$id"
	[[ $text == *"trust file 1, which was in force when it was accepted"* ]]
}

@test "an export is traced, too" {
	ceremony
	gapferry unpack -q --to "oci:$PWD/out" next.tar >/dev/null 2>&1 || gapferry sign -q --key ci2.pem next.tar >/dev/null 2>&1
	gapferry unpack -q --to "oci:$PWD/out" --with next.tar.d next.tar >/dev/null
	run --separate-stderr -0 gapferry trace --json "$id"
	[ "$(jq -r '.bundles[] | "\(.sequence) \(.vouched) \([.loaded[].target] | unique | join(" "))"' <<<"$output")" = \
		"$(printf '7 true oci:%s/layout oci:%s/layout-test\n8 true oci:%s/out' "$PWD" "$PWD" "$PWD")" ]
}
