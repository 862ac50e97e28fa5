#!/usr/bin/env bats
# pack out of real registries (docker://): the digests are those that skopeo shows, whatever the line does on the way.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-pull.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys basic token tls mtls
	make_image app.src acme/app:1 one:300 two:200
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	start_registry "$D"
	start_registry "$D/basic" htpasswd
	start_registry "$D/token" token
	start_registry "$D/tls" tls
	start_registry "$D/mtls" mtls
	skopeo copy -q --dest-tls-verify=false docker-archive:app.src "docker://127.0.0.1:$(cat registry.port)/acme/app:1"
	for r in basic token; do
		skopeo login --tls-verify=false --authfile $r.json -u gapferry --password-stdin "127.0.0.1:$(cat $r/registry.port)" <$r/registry.password
		skopeo copy -q --dest-tls-verify=false --dest-authfile $r.json docker-archive:app.src "docker://127.0.0.1:$(cat $r/registry.port)/acme/app:1"
	done
	skopeo copy -q --dest-tls-verify=false docker-archive:app.src "docker://127.0.0.1:$(cat tls/registry.port)/acme/app:1"
}

teardown_file() {
	load common
	for p in registry basic/registry token/registry token/token tls/registry mtls/registry breaking; do stop_server "$D/$p.pid"; done
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
	R=127.0.0.1:$(cat registry.port) BASIC=127.0.0.1:$(cat basic/registry.port)
	TOKEN=127.0.0.1:$(cat token/registry.port) TLS=127.0.0.1:$(cat tls/registry.port)
	rm -f out.tar
}

teardown() {
	stop_server "$D/breaking.pid"
}

shown() { skopeo inspect --tls-verify=false "${@:2}" --raw "docker://$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
# pulled NAME [skopeo's options]: the bundle out.tar has what skopeo shows under that name, whole.
pulled() {
	same digest "$(shown "$@")" "$(said out.tar '.predicate.images[0].digest')"
	same image-id "$(skopeo inspect --tls-verify=false "${@:2}" --raw "docker://$1" | jq -r .config.digest)" \
		"$(said out.tar '.predicate.images[0].platforms[0].imageId')"
	gapferry verify -q --deep out.tar >/dev/null
}
# breaking MODE: $B is the registry behind a bad line.
breaking() {
	rm -f breaking.port breaking.log
	python3 "$HERE/breaking_registry.py" "$1" "$D/breaking.port" "$D/breaking.log" "$R" >breaking.out 2>&1 3>&- 4>&- &
	echo $! >breaking.pid
	wait_until breaking.pid breaking.out test -s breaking.port
	B=127.0.0.1:$(cat breaking.port)
}

@test "by tag and by digest: the manifest's bytes, the name, and where it came from" {
	gapferry pack -q -o out.tar --key release.pem "docker://$R/acme/app:1" >digests.txt
	pulled "$R/acme/app:1"
	same names "$R/acme/app:1" "$(said out.tar '.predicate.images[0].names | join(" ")')"
	same source "docker://$R/acme/app:1" "$(said out.tar '.predicate.images[0].source')"
	digest=$(shown "$R/acme/app:1")
	grep -q "$digest" digests.txt
	rm out.tar
	gapferry pack -q -o out.tar --key release.pem "docker://$R/acme/app@$digest"
	pulled "$R/acme/app:1"
	same names "$R/acme/app@$digest" "$(said out.tar '.predicate.images[0].names | join(" ")')"
}

@test "an index with two platforms, shared with an archive: each blob once, the index byte for byte" {
	skopeo copy -q --src-tls-verify=false "docker://$R/acme/app:1" oci:two:1
	jq -c '.manifests[0] as $m | {schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
		manifests: [$m | del(.annotations) | .platform = {os: "linux", architecture: "amd64"}]}' two/index.json >index.blob
	m=$(jq -r '.manifests[0].digest' index.blob)
	curl -sf --noproxy '*' -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@two/$(blob_of "$m")" \
		"http://$R/v2/acme/multi/manifests/$m" -o /dev/null || {
		skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$R/acme/app:1" "docker://$R/acme/multi:one"
		skopeo copy -q --dest-tls-verify=false oci:two:1 "docker://$R/acme/multi:two"
		curl -sf --noproxy '*' -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@two/$(blob_of "$m")" \
			"http://$R/v2/acme/multi/manifests/$m" -o /dev/null
	}
	curl -sf --noproxy '*' -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @index.blob \
		"http://$R/v2/acme/multi/manifests/all" -o /dev/null
	gapferry pack -q -o out.tar --key release.pem "docker://$R/acme/multi:all" "oci:two:1" --name acme/one:1
	same index "sha256:$(sha256sum <index.blob | cut -d' ' -f1)" "$(said out.tar '.predicate.images[0].digest')"
	same bytes "$(sha256sum <index.blob)" "$(tar -xOf out.tar "$(blob_of "$(said out.tar '.predicate.images[0].digest')")" | sha256sum)"
	same once "" "$(tar -tf out.tar | sort | uniq -d)"
	gapferry verify -q --deep out.tar >/dev/null
}

@test "htpasswd, a token server, TLS with its own authority" {
	gapferry pack -q -o out.tar --key release.pem --authfile basic.json "docker://$BASIC/acme/app:1"
	pulled "$BASIC/acme/app:1" --authfile basic.json
	rm out.tar
	gapferry pack -q -o out.tar --key release.pem --username gapferry --password-stdin "docker://$BASIC/acme/app:1" <basic/registry.password
	pulled "$BASIC/acme/app:1" --authfile basic.json
	rm out.tar
	: >token/token.log
	gapferry pack -q -o out.tar --key release.pem --authfile token.json "docker://$TOKEN/acme/app:1"
	pulled "$TOKEN/acme/app:1" --authfile token.json
	grep -q 'repository:acme/app:pull' token/token.log
	! grep -q push token/token.log || fail "a source asks for no right to push"
	rm out.tar
	run gapferry pack -q -o out.tar --key release.pem "docker://$TLS/acme/app:1"
	same status 1 "$status"
	[ ! -e out.tar ]
	gapferry pack -q -o out.tar --key release.pem --ca-file tls/registry.ca "docker://$TLS/acme/app:1"
	pulled "$TLS/acme/app:1"
}

@test "certs.d: an authority, and who we are; half a pair is refused" {
	M=127.0.0.1:$(cat mtls/registry.port)
	mkdir -p "push/$M" "$HOME/.config/containers/certs.d/$TLS" "$HOME/.config/containers/certs.d/$M"
	cp mtls/registry.ca "push/$M/ca.crt"
	cp mtls/client.crt "push/$M/client.cert"
	cp mtls/client.key "push/$M/client.key"
	skopeo copy -q --dest-cert-dir "push/$M" docker-archive:app.src "docker://$M/acme/app:1"
	cp tls/registry.ca "$HOME/.config/containers/certs.d/$TLS/ca.crt"
	gapferry pack -q -o out.tar --key release.pem "docker://$TLS/acme/app:1"
	pulled "$TLS/acme/app:1"
	rm out.tar
	cp mtls/registry.ca "$HOME/.config/containers/certs.d/$M/ca.crt"
	run gapferry pack -q -o out.tar --key release.pem "docker://$M/acme/app:1"
	same "no certificate" 1 "$status"
	cp mtls/client.crt "$HOME/.config/containers/certs.d/$M/me.cert"
	gapferry pack --json -o out.tar --key release.pem "docker://$M/acme/app:1" >out.json && fail "half a pair was taken"
	same "half a pair" certs-d "$(jq -r .error.name out.json)"
	[[ $(jq -r .error.text out.json) == *"'me.cert' without 'me.key'"* ]] || fail "$(cat out.json)"
	[ ! -e out.tar ]
	cp mtls/client.key "$HOME/.config/containers/certs.d/$M/me.key"
	gapferry pack -q -o out.tar --key release.pem "docker://$M/acme/app:1"
	pulled "$M/acme/app:1" --cert-dir "push/$M"
	gapferry unpack -q --to "docker://$M/back" out.tar
	same back "$(said out.tar '.predicate.images[0].digest')" "$(shown "$M/back/acme/app:1" --cert-dir "push/$M")"
}

# logged_in_to HOST: what the login before this wrote is found without a word about it, and is needed.
logged_in_to() {
	rm -f out.tar
	gapferry pack -q -o out.tar --key release.pem "docker://$1/acme/app:1"
	same digest "$(shown "$R/acme/app:1")" "$(said out.tar '.predicate.images[0].digest')"
}

@test "skopeo login, podman login, docker login: what they write is read, each at its place" {
	export XDG_RUNTIME_DIR=$D/run
	mkdir -p run
	run gapferry pack -q -o out.tar --key release.pem "docker://$BASIC/acme/app:1"
	same "nobody logged in" 1 "$status"
	skopeo login --tls-verify=false -u gapferry --password-stdin "$BASIC" <basic/registry.password
	[ -s run/containers/auth.json ] || fail "skopeo wrote elsewhere"
	logged_in_to "$BASIC"
	skopeo logout "$BASIC"
	podman login --tls-verify=false -u gapferry --password-stdin "$TOKEN" <token/registry.password
	logged_in_to "$TOKEN"
	podman logout "$TOKEN"
	# A namespace: not the whole host.  skopeo 1.9 takes it, too.
	podman login --tls-verify=false -u gapferry --password-stdin "$BASIC/acme" <basic/registry.password
	same key "$BASIC/acme" "$(jq -r '.auths | keys[]' run/containers/auth.json)"
	logged_in_to "$BASIC"
	run gapferry pack -q -o never.tar --key release.pem "docker://$BASIC/other/app:1"
	same "another namespace" 1 "$status"
	[[ $output == *"docker login"* ]] || fail "$output"
	rm -r run/containers
	docker login -u gapferry --password-stdin "$BASIC" <basic/registry.password >/dev/null 2>&1
	[ -s "$HOME/.docker/config.json" ] || fail "docker wrote elsewhere"
	logged_in_to "$BASIC"
	docker logout "$BASIC" >/dev/null
	run gapferry pack -q -o never.tar --key release.pem "docker://$BASIC/acme/app:1"
	same "all logged out" 1 "$status"
	[ ! -e never.tar ]
}

@test "podman login without XDG_RUNTIME_DIR: /run/containers/UID" {
	unset XDG_RUNTIME_DIR
	cat >by-uid.sh <<-'END'
		set -e
		mount -t tmpfs none /run/containers
		podman login --tls-verify=false -u gapferry --password-stdin "$1" <basic/registry.password
		[ -s "/run/containers/$(id -u)/auth.json" ]
		"$2" pack -q -o out.tar --key release.pem "docker://$1/acme/app:1"
	END
	mkdir -p /run/containers
	unshare -m sh by-uid.sh "$BASIC" "$GAPFERRY"
	pulled "$BASIC/acme/app:1" --authfile basic.json
}

@test "DOCKER_AUTH_CONFIG of a CI job, and ~/.dockercfg" {
	auth=$(printf 'gapferry:%s' "$(cat basic/registry.password)" | base64 -w0)
	DOCKER_AUTH_CONFIG="{\"auths\":{\"$BASIC\":{\"auth\":\"$auth\"}}}" logged_in_to "$BASIC"
	printf '{"http://%s/v1/":{"auth":"%s","email":"me@acme.example"}}' "$BASIC" "$auth" >"$HOME/.dockercfg"
	logged_in_to "$BASIC"
	rm "$HOME/.dockercfg"
}

@test "a wrong password, no password, a tag that is not there: said, and no bundle" {
	for r in "$BASIC" "$TOKEN"; do
		run gapferry pack -q -o out.tar --key release.pem --username gapferry --password-stdin "docker://$r/acme/app:1" <<<wrong
		same status 1 "$status"
		[[ $output == *"answered 401"* ]] || fail "$output"
		run gapferry pack -q -o out.tar --key release.pem "docker://$r/acme/app:1"
		same status 1 "$status"
		[[ $output == *"docker login"* ]] || fail "$output"
	done
	run gapferry pack -q -o out.tar --key release.pem "docker://$R/acme/app:none"
	same status 1 "$status"
	[[ $output == *"has no 'none' in 'acme/app'"* ]] || fail "$output"
	[ ! -e out.tar ]
}

@test "a line that breaks: taken up where it broke, or from the start where Range is not known" {
	for mode in cut forget wrong; do
		breaking $mode
		gapferry pack -q -o out.tar --key release.pem "docker://$B/acme/app:1"
		pulled "$R/acme/app:1"
		grep -q 'bytes=[1-9]' breaking.log || fail "$mode: no Range was asked for"
		same "$mode: the digest" "$(shown "$R/acme/app:1")" "$(said out.tar '.predicate.images[0].digest')"
		stop_server breaking.pid
		rm out.tar
	done
	breaking cut
	run gapferry pack -q -o out.tar --key release.pem --retries 1 "docker://$B/acme/app:1"
	same status 1 "$status"
	[[ $output == *"of "*" bytes"* || $output == *"bytes remaining"* ]] || fail "$output"
	[ ! -e out.tar ]
}

@test "several blobs at once: on as many lines as --jobs says, on four without it" {
	make_image four.src acme/four:1 one:100 two:100 three:100 four:100
	skopeo copy -q --dest-tls-verify=false docker-archive:four.src "docker://$R/acme/four:1"
	for jobs in "" "-j 4" "-j 2"; do
		breaking "meet $([ "$jobs" = "-j 2" ] && echo 2 || echo 4)"
		# shellcheck disable=SC2086 # words
		gapferry pack -q $jobs -o out.tar --key release.pem "docker://$B/acme/four:1"
		pulled "$R/acme/four:1"
		same "$jobs: asked once" "" "$(sort breaking.log | uniq -d)"
		stop_server breaking.pid
		rm out.tar
	done
}

@test "a proxy, in either spelling, and what is not sent through it" {
	breaking proxy
	for variable in HTTP_PROXY http_proxy; do
		env "$variable=http://$B" "$GAPFERRY" pack -q --plain-http -o out.tar --key release.pem docker://registry.invalid/acme/app:1
		same "$variable" "$(shown "$R/acme/app:1")" "$(said out.tar '.predicate.images[0].digest')"
		rm out.tar
	done
	run env HTTP_PROXY="http://$B" NO_PROXY=registry.invalid "$GAPFERRY" pack -q --plain-http --retries 0 -o out.tar --key release.pem \
		docker://registry.invalid/acme/app:1
	same "NO_PROXY" 1 "$status"
	[ ! -e out.tar ]
	: >breaking.log
	HTTP_PROXY="http://$B" gapferry pack -q -o out.tar --key release.pem "docker://$R/acme/app:1"
	same loopback "" "$(cat breaking.log)"
}

@test "a registry that is busy is asked again; one whose bytes are others is found out" {
	breaking busy
	gapferry pack -o out.tar --key release.pem "docker://$B/acme/app:1" 2>said.txt >/dev/null
	pulled "$R/acme/app:1"
	grep -q 'status 429; trying again in 1.0 s' said.txt || fail "Retry-After: $(cat said.txt)"
	rm out.tar
	for mode in flip long; do
		stop_server breaking.pid
		breaking $mode
		gapferry pack --json -o out.tar --key release.pem "docker://$B/acme/app:1" >out.json && fail "$mode: packed"
		[ ! -e out.tar ]
		same "$mode" "$([ $mode = flip ] && echo blob-digest || echo registry-size)" "$(jq -r .error.name out.json)"
	done
}
