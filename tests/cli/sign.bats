#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# sign: a companion, or a copy with all signatures inside; keys of every kind, both ways with openssl and minisign.

setup_file() {
	load common
	make_bundle
	for type in p384 rsa3072 ed25519 minisign; do
		gapferry key new --no-passphrase --type $type $type
	done
}

setup() {
	load common
	fresh
	cp "$BATS_FILE_TMPDIR"/*.p* "$BATS_FILE_TMPDIR"/*.key "$BATS_FILE_TMPDIR"/app.tar .
}

manifest_of() {
	tar -xOf "$1" META/manifest.json
}

@test "sign writes a companion that verifies, with every kind of key, and leaves the bundle as it was" {
	before=$(sha256sum <app.tar)
	for key in p384.pem rsa3072.pem ed25519.pem minisign.key; do
		gapferry sign -q --key $key app.tar
		gapferry verify -q --key "${key%.*}.pub" app.tar
	done
	[ "$(sha256sum <app.tar)" = "$before" ]
	[ "$(find app.tar.d -type f | wc -l)" -eq 4 ]
	manifest_of app.tar >m
	for type in p384 rsa3072; do
		id=$(gapferry key show --json $type.pub | jq -r '.keys[0].id[:16]')
		base64 -d "app.tar.d/manifest.json.$id.sig" >s
		openssl dgst -"$([ $type = p384 ] && echo sha384 || echo sha256)" -verify $type.pub -signature s m
	done
	minisign -V -p minisign.pub -m m -x app.tar.d/*.minisig
	gapferry verify -q --key release.pub app.tar
	gapferry key new --no-passphrase --type p384 other
	run -3 gapferry verify -q --key other.pub app.tar
}

@test "a signature by minisign or openssl beside a bundle is one of ours" {
	manifest_of app.tar >manifest.json
	mkdir app.tar.d
	minisign -S -s minisign.key -m manifest.json -x app.tar.d/manifest.json.0000000000000000.minisig
	openssl dgst -sha384 -sign p384.pem manifest.json | base64 -w0 >app.tar.d/manifest.json.0000000000000001.sig
	echo >>app.tar.d/manifest.json.0000000000000001.sig
	gapferry verify -q --key minisign.pub app.tar
	gapferry verify -q --key p384.pub app.tar
	# What minisign calls the trusted comment is under the signature, and is shown where that fits.
	minisign -S -s minisign.key -t 'for OPS-7, ünïcode' -m manifest.json -x app.tar.d/manifest.json.0000000000000000.minisig
	for verb in verify inspect; do
		gapferry $verb --key minisign.pub app.tar >out
		grep -x 'comment *for OPS-7, ünïcode' out
		[ "$(gapferry $verb --json --key minisign.pub app.tar | jq -r '.signers[0].comment')" = 'for OPS-7, ünïcode' ]
		gapferry $verb --key p384.pub app.tar >out
		! grep OPS-7 out || false
	done
	sed 's/OPS-7/OPS-8/' app.tar.d/manifest.json.0000000000000000.minisig >forged
	mkdir elsewhere
	cp forged elsewhere/manifest.json.0000000000000000.minisig
	rm app.tar.d/manifest.json.0000000000000000.minisig
	run -3 gapferry verify -q --with elsewhere --key minisign.pub app.tar
	[[ $output != *OPS-8* ]]
	minisign -S -s minisign.key -m manifest.json -x app.tar.d/manifest.json.0000000000000000.minisig
	# keys/ of the configuration takes both kinds, as *.pub.
	mkdir config/keys
	cp minisign.pub config/keys/
	gapferry verify -q app.tar
	# The same key in PEM is the same key.
	gapferry key export minisign.pub >pem.pub
	[ "$(gapferry key show --json pem.pub | jq -r '.keys[0].id')" = "$(gapferry key show --json minisign.pub | jq -r '.keys[0].id')" ]
	gapferry verify -q --key pem.pub app.tar
	minisign -S -l -s minisign.key -m manifest.json -x app.tar.d/manifest.json.0000000000000000.minisig
	run --separate-stderr -3 gapferry verify -q --key minisign.pub app.tar
	[[ $stderr == *'minisign -l'*'is not taken'* ]]
}

# certificate NAME [OPTION...] - NAME.crt of the key NAME.pem
certificate() {
	openssl req -x509 -key "$1.pem" -subj "/CN=$1" -days 9 -out "$1.crt" "${@:2}"
}

@test "a .p7s by openssl is one of ours where its certificate is trusted, and openssl takes that of --sign-cmd" {
	certificate release
	certificate rsa3072 -addext extendedKeyUsage=critical,codeSigning
	manifest_of app.tar >manifest.json
	rm -rf app.tar.d
	mkdir app.tar.d
	openssl cms -sign -binary -in manifest.json -signer rsa3072.crt -inkey rsa3072.pem -md sha256 -outform DER \
		-out app.tar.d/manifest.json.0000000000000000.p7s
	gapferry verify -q --key rsa3072.crt app.tar
	run -3 gapferry verify --key rsa3072.pub app.tar
	[[ $output == *'a .p7s needs the signer'"'"'s certificate'* ]]
	# One key, one id; a certificate in keys/ is one of those that are believed.
	[ "$(gapferry key show --json rsa3072.crt | jq -r '.keys[0].id')" = "$(gapferry key show --json rsa3072.pub | jq -r '.keys[0].id')" ]
	gapferry key export rsa3072.crt | cmp - rsa3072.pub
	mkdir config/keys
	cp rsa3072.crt config/keys/
	gapferry verify -q app.tar
	cp rsa3072.pub config/keys/
	[ "$(gapferry verify --json app.tar | jq '.signers | length')" -eq 1 ]
	rm app.tar.d/*
	gapferry sign -q --key release.crt --sign-cmd 'openssl cms -sign -binary -signer release.crt -inkey release.pem -md sha256 -outform DER' app.tar
	id=$(gapferry key show --json release.pub | jq -r '.keys[0].id[:16]')
	openssl cms -verify -binary -inform DER -in "app.tar.d/manifest.json.$id.p7s" -content manifest.json -CAfile release.crt -purpose any -out /dev/null
	gapferry sign -q --rewrite copy.tar --key p384.pem app.tar
	tar -tf copy.tar | grep -x "META/manifest.json.$id.p7s"
	gapferry verify -q --key release.crt copy.tar
}

@test "a certificate that has expired signs nothing any more" {
	openssl req -new -key p384.pem -subj /CN=p384 -out p384.csr
	openssl x509 -req -in p384.csr -days -1 -signkey p384.pem -out p384.crt
	manifest_of app.tar >manifest.json
	mkdir -p app.tar.d
	openssl cms -sign -binary -in manifest.json -signer p384.crt -inkey p384.pem -md sha384 -outform DER -out app.tar.d/manifest.json.0000000000000000.p7s
	run -3 gapferry verify --key p384.crt app.tar
	[[ $output == *'p384 signed it, with a key that is valid until '* ]]
	certificate p384
	openssl cms -sign -binary -in manifest.json -signer p384.crt -inkey p384.pem -md sha384 -outform DER -out app.tar.d/manifest.json.0000000000000000.p7s
	gapferry verify -q --key p384.crt app.tar
}

@test "--rewrite makes a copy with all signatures inside, of tar and directory, that stock tools open" {
	gapferry sign -q --key minisign.key app.tar
	gapferry sign -q --key rsa3072.pem --rewrite whole.tar app.tar
	for key in release minisign rsa3072; do
		gapferry verify -q --key $key.pub whole.tar
	done
	cmp <(manifest_of app.tar) <(manifest_of whole.tar)
	[ "$(tar -tf whole.tar | grep -c '^META/manifest.json\.')" -eq 3 ]
	mkdir x
	tar -xf whole.tar -C x
	(cd x && sha256sum --quiet -c SHA256SUMS)
	gapferry sign -q --rewrite dir/ whole.tar
	gapferry verify -q --key minisign.pub dir
	gapferry sign -q --rewrite back.tar dir
	cmp back.tar whole.tar
	gapferry sign -q --rewrite - whole.tar >out.tar
	cmp out.tar whole.tar
	gapferry sign -q --rewrite piped.tar - <whole.tar
	cmp piped.tar whole.tar
	run --separate-stderr -2 gapferry sign --rewrite ./app.tar app.tar
	[[ $stderr == *'never written to'* ]]
}

@test "--rewrite of a damaged bundle is refused and writes nothing" {
	size=$(stat -c %s app.tar)
	printf X | dd of=app.tar bs=1 seek=$((size - 4096)) conv=notrunc status=none
	run -4 gapferry sign -q --rewrite copy.tar app.tar
	[ ! -e copy.tar ]
	[ -z "$(find . -name '*copy.tar*')" ]
	gapferry sign -q --key p384.pem app.tar # layers are pinned by what is signed
	[ -d app.tar.d ]
}

@test "--rewrite keeps every member but signatures and padding: evidence, nested indexes, artifacts" {
	cp "$root"/tests/fixtures/bundle/*.tar .
	gapferry sign -q --key rsa3072.pem --rewrite copy.tar full.tar
	gapferry sign -q --rewrite copy/ copy.tar
	gapferry sign -q --rewrite again.tar copy
	cmp again.tar copy.tar
	mkdir x y
	tar -xf full.tar -C x
	tar -xf copy.tar -C y
	rm -r x/META/padding y/META/padding
	diff -r y copy
	(cd y && sha256sum --quiet --strict -c SHA256SUMS)
	openssl pkey -in "$root/tests/fixtures/bundle/ci.key" -pubout -out ci.pub
	for key in ci rsa3072; do
		id=$(gapferry key show --json $key.pub | jq -r '.keys[0].id[:16]')
		base64 -d y/META/manifest.json."$id".sig >s
		openssl dgst -sha256 -verify $key.pub -signature s x/META/manifest.json
	done
	[ "$(jq '[.predicate.blobs[] | select(.kind == "evidence")] | length' x/META/manifest.json)" -gt 0 ]
	[ "$(find x y -type f -path '*/META/*.sig' | wc -l)" -eq 3 ]
	rm -r x/META/*.sig y/META/*.sig
	diff -r x y
	# What is absent cannot be copied; a companion serves bundle and thin copy alike.
	run --separate-stderr -4 gapferry sign -q --key rsa3072.pem --rewrite thinner.tar thin.tar
	[[ $stderr == *'carry the full bundle'* ]]
	[ ! -e thinner.tar ]
	gapferry sign -q --key rsa3072.pem thin.tar
	gapferry sign -q --key rsa3072.pem full.tar
	diff -r thin.tar.d full.tar.d
}

# The key of this file opens with "x" and little work: the corpus of fuzz_cosign has it.
cosign_key() {
	printf -- '-----BEGIN ENCRYPTED %s PRIVATE KEY-----\n' "$1"
	base64 -w 64 "$root/tests/fuzz/corpus/cosign/good"
	printf -- '-----END ENCRYPTED %s PRIVATE KEY-----\n' "$1"
}

@test "cosign.key signs with COSIGN_PASSWORD, which a passphrase of ours does not stand for; cosign.pub and openssl verify" {
	cat >cosign.pub <<-'END'
		-----BEGIN PUBLIC KEY-----
		MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVri9vGkDCUudPCgOixdf/OHeUeyo
		q28+M/qy8zFGxrh0AaTQbOD5v6q/sN9HYVcAcAs9nQUW1j6GGovGhJCRMw==
		-----END PUBLIC KEY-----
	END
	cosign_key COSIGN >cosign.key
	cosign_key SIGSTORE >sigstore.key
	COSIGN_PASSWORD=x gapferry sign -q --key cosign.key app.tar
	gapferry verify -q --key cosign.pub app.tar
	# What 'cosign verify-blob --key' does with a plain signature: ECDSA over SHA-256, in base64.
	manifest_of app.tar >m
	base64 -d app.tar.d/*.sig >s
	openssl dgst -sha256 -verify cosign.pub -signature s m
	COSIGN_PASSWORD=x run --separate-stderr -0 gapferry sign --key sigstore.key app.tar
	[[ $stderr == *'there already'* ]]
	# COSIGN_PASSWORD is of cosign.key alone, and goes before ours there.
	GAPFERRY_PASSPHRASE=wrong COSIGN_PASSWORD=x gapferry pack -q -o two.tar --key cosign.key "$BATS_FILE_TMPDIR/image.tar"
	gapferry verify -q --key cosign.pub two.tar
	printf x >word
	gapferry sign -q --passphrase-file word --key cosign.key --rewrite three.tar two.tar
	for word in wrong ''; do
		COSIGN_PASSWORD=$word run --separate-stderr -2 gapferry sign --json --key cosign.key app.tar
		[ "$(jq -r .error.name <<<"$output")" = passphrase ]
		[[ $output$stderr != *"${word:-@}"* ]]
	done
	openssl pkcs8 -topk8 -in release.pem -passout pass:x -out sealed.pem
	COSIGN_PASSWORD=x run --separate-stderr -2 gapferry sign -q --key sealed.pem app.tar </dev/null
	[[ $stderr == *passphrase* ]]
}

@test "a name that is taken stays, unless it is this very signature; no key is an error" {
	gapferry sign -q --key p384.pem app.tar
	run --separate-stderr -0 gapferry sign --key p384.pem app.tar
	[[ $stderr == *'there already'* ]]
	echo AAAA >"$(echo app.tar.d/*)"
	run --separate-stderr -2 gapferry sign -q --key p384.pem app.tar
	[[ $stderr == *'is not replaced'* ]]
	run --separate-stderr -2 gapferry sign app.tar
	[[ $stderr == *'the key is missing'* ]]
}

@test "pack signs with minisign and RSA keys" {
	cp "$BATS_FILE_TMPDIR/image.tar" .
	gapferry pack -q -o two.tar --key minisign.key --key rsa3072.pem image.tar
	gapferry verify -q --key minisign.pub two.tar
	gapferry verify -q --key rsa3072.pub two.tar
}

@test "key export writes PEM and minisign's form; only Ed25519 has the latter" {
	gapferry key export --form minisign ed25519.pub >m.pub
	gapferry key export m.pub | cmp - ed25519.pub
	run --separate-stderr -2 gapferry key export --form minisign p384.pub
	[[ $stderr == *'minisign has Ed25519 only'* ]]
	run --separate-stderr -2 gapferry key export --form ssh p384.pub
	run --separate-stderr -2 gapferry key export minisign.key
	[[ $stderr == *'private key'* ]]
}
