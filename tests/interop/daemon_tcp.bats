#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and its variables are meant to end with it
# A real dockerd behind TCP and TLS on loopback: as a source and as a target, by environment and by context.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-tcp.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys certs other
	make_image app.src acme/app:1 one:300 two:200
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	gapferry pack -q -o app.tar --key release.pem app.src
	# An authority, the daemon's certificate and the client's.
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out certs/ca.pem 2>/dev/null
	for who in server client; do
		openssl req -newkey rsa:2048 -nodes -subj /CN=$who -keyout $who.key -out $who.csr 2>/dev/null
		openssl x509 -req -in $who.csr -CA certs/ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $who.crt \
			-extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=%sAuth\n' $who) 2>/dev/null
	done
	cp client.crt certs/cert.pem
	cp client.key certs/key.pem
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other-ca -keyout other.key -out other/ca.pem 2>/dev/null
	free_port >tls.port
	start_dockerd_with "$D" --storage-driver=vfs -H "tcp://127.0.0.1:$(cat tls.port)" --tlsverify --tlscacert="$D/certs/ca.pem" \
		--tlscert="$D/server.crt" --tlskey="$D/server.key"
}

teardown_file() {
	load common
	for p in docker basic/registry token/registry token/token; do stop_server "$D/$p.pid"; done
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
	T=tcp://127.0.0.1:$(cat tls.port)
	unset DOCKER_HOST DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT DOCKER_CONFIG
}

APP=docker.io/acme/app:1
daemon_id() { docker -H "unix://$D/docker.sock" image inspect -f '{{.Id}}' "$1"; }

@test "TLS by DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH: loaded, and packed again" {
	export DOCKER_HOST=$T DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$D/certs
	gapferry unpack -q --to docker-daemon: app.tar
	same id "$(id_of app.tar $APP)" "$(daemon_id acme/app:1)"
	gapferry pack -q -o again.tar --key release.pem docker-daemon:acme/app:1
	same again "$(id_of app.tar $APP)" "$(id_of again.tar $APP)"
	gapferry verify -q --deep again.tar >/dev/null
}

@test "by name in --to and -H; an image loaded under another name" {
	export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$D/certs
	gapferry unpack -q --to "docker-daemon:$T" --name second/app app.tar
	same id "$(id_of app.tar $APP)" "$(daemon_id second/app:1)"
	gapferry pack -q -H "$T" -o second.tar --key release.pem docker-daemon:second/app:1
	same again "$(id_of app.tar $APP)" "$(id_of second.tar docker.io/second/app:1)"
}

@test "a context of the docker command, with its certificates" {
	export DOCKER_CONFIG=$D/dc
	docker context create lab --docker "host=$T,ca=$D/certs/ca.pem,cert=$D/certs/cert.pem,key=$D/certs/key.pem" >/dev/null
	DOCKER_CONTEXT=lab gapferry unpack -q --to docker-daemon: --name third/app app.tar
	same id "$(id_of app.tar $APP)" "$(daemon_id third/app:1)"
	docker context use lab >/dev/null 2>&1
	GAPFERRY_STATE=$D/state.use gapferry unpack -q --to docker-daemon: --name fourth/app app.tar
	same id "$(id_of app.tar $APP)" "$(daemon_id fourth/app:1)"
	run env DOCKER_CONTEXT=nowhere "$GAPFERRY" unpack -q --to docker-daemon: app.tar
	same status 2 "$status"
	[[ $output == *"no Docker context 'nowhere'"* ]] || fail "$output"
}

@test "another authority, no client certificate, no TLS at all: refused, and nothing is loaded" {
	before=$(docker -H "unix://$D/docker.sock" images -q --no-trunc | sort -u)
	names=$(docker -H "unix://$D/docker.sock" images | wc -l)
	for how in "DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$D/other" "DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$D/none" "DOCKER_HOST=$T"; do
		# shellcheck disable=SC2086 # variables, each a word
		run env DOCKER_HOST="$T" $how "$GAPFERRY" unpack -q --to docker-daemon: --name none/app app.tar
		[ "$status" -eq 5 ] || [ "$status" -eq 1 ] || fail "$how: status $status: $output"
	done
	same images "$before" "$(docker -H "unix://$D/docker.sock" images -q --no-trunc | sort -u)"
	same names "$names" "$(docker -H "unix://$D/docker.sock" images | wc -l)"
	run gapferry pack -q -o never.tar -H ssh://build.example docker-daemon:acme/app:1
	same status 2 "$status"
	[[ $output == *"ssh -nNT -L"* ]] || fail "$output"
	[ ! -e never.tar ]
}

@test "docker login through the daemon: a password kept, and an identity token exchanged" {
	mkdir -p basic token
	start_registry "$D/basic" htpasswd
	start_registry "$D/token" token
	for kind in basic token; do
		R=127.0.0.1:$(cat $kind/registry.port)
		skopeo login --tls-verify=false --authfile $kind.json -u gapferry --password-stdin "$R" <$kind/registry.password
		skopeo copy -q --dest-tls-verify=false --dest-authfile $kind.json docker-archive:app.src "docker://$R/acme/app:1"
		docker -H "unix://$D/docker.sock" login -u gapferry --password-stdin "$R" <$kind/registry.password >/dev/null 2>&1
		: >token/token.log
		gapferry pack -q -o $kind.tar --key release.pem "docker://$R/acme/app:1"
		same digest "$(skopeo inspect --tls-verify=false --authfile $kind.json --format '{{.Digest}}' "docker://$R/acme/app:1")" \
			"$(said $kind.tar '.predicate.images[0].digest')"
	done
	same kept "$(jq -r '.auths | to_entries[] | select(.value.identitytoken) | .key' "$HOME/.docker/config.json")" "$R"
	grep -q '^POST gapferry repository:acme/app:pull$' token/token.log
}

@test "--context: before DOCKER_HOST and DOCKER_CONTEXT, not beside -H; for unpack, pack and trace" {
	export DOCKER_CONFIG=$D/dc2 DOCKER_HOST=tcp://127.0.0.1:1 DOCKER_CONTEXT=nowhere
	env -u DOCKER_HOST -u DOCKER_CONTEXT docker context create lab \
		--docker "host=$T,ca=$D/certs/ca.pem,cert=$D/certs/cert.pem,key=$D/certs/key.pem" >/dev/null
	gapferry unpack -q --context lab --to docker-daemon: --name fifth/app app.tar
	same id "$(id_of app.tar $APP)" "$(daemon_id fifth/app:1)"
	gapferry pack -q --context lab -o fifth.tar --key release.pem docker-daemon:fifth/app:1
	same again "$(id_of app.tar $APP)" "$(id_of fifth.tar docker.io/fifth/app:1)"
	same traced "$(id_of app.tar $APP)" "$(gapferry trace --json --context lab fifth/app:1 | jq -r .digest)"
	run gapferry trace --context none fifth/app:1
	same "trace, no such context" 2 "$status"
	[[ $output == *"no Docker context 'none'"* ]] || fail "$output"
	for verb in "pack -o never.tar docker-daemon:fifth/app:1" "unpack --to docker-daemon: app.tar" "trace fifth/app:1"; do
		# shellcheck disable=SC2086 # words
		run gapferry $verb --context lab -H "$T"
		same "$verb" 2 "$status"
		[[ $output == *"--context: the context 'lab' and -H '$T' both say which daemon"* ]] || fail "$output"
	done
	[ ! -e never.tar ]
}

@test "certificates by option and in an environment's file: TLS, and only with them" {
	files=(--ca-file "$D/certs/ca.pem" --cert-file "$D/certs/cert.pem" --key-file "$D/certs/key.pem")
	gapferry unpack -q "${files[@]}" --to "docker-daemon:$T" --name sixth/app app.tar
	same id "$(id_of app.tar $APP)" "$(daemon_id sixth/app:1)"
	gapferry pack -q "${files[@]}" -H "$T" -o sixth.tar --key release.pem docker-daemon:sixth/app:1
	same again "$(id_of app.tar $APP)" "$(id_of sixth.tar docker.io/sixth/app:1)"
	same traced "$(id_of app.tar $APP)" "$(gapferry trace --json "${files[@]}" -H "$T" sixth/app:1 | jq -r .digest)"
	for bad in "--ca-file $D/certs/ca.pem" "--ca-file $D/other/ca.pem --cert-file $D/certs/cert.pem --key-file $D/certs/key.pem"; do
		# shellcheck disable=SC2086 # words
		run gapferry pack -q $bad -H "$T" -o never.tar docker-daemon:sixth/app:1
		same "$bad" 1 "$status"
	done
	environment lab <<-END
		targets:
		  - docker-daemon: $T
		    ca-file: $D/certs/ca.pem
		    cert-file: $D/certs/cert.pem
		    key-file: $D/certs/key.pem
		retag:
		  - match: "**"
		    name: seventh/app
	END
	# What else says where a daemon is does not touch a target that has its own.
	DOCKER_HOST=tcp://127.0.0.1:1 gapferry unpack -q --env lab app.tar
	same environment "$(id_of app.tar $APP)" "$(daemon_id seventh/app:1)"
	environment half <<-END
		targets:
		  - docker-daemon: $T
		    cert-file: $D/certs/cert.pem
	END
	environment socket <<-END
		targets:
		  - docker-daemon: default
		    ca-file: $D/certs/ca.pem
	END
	for e in half socket; do
		gapferry unpack --json --env $e app.tar >out.json && fail "$e was taken"
		same $e target "$(jq -r .error.name out.json)"
		[[ $(jq -r .error.text out.json) == *"$([ $e = half ] && echo "go together" || echo "tcp://HOST:PORT")"* ]] || fail "$(cat out.json)"
	done
	[ ! -e never.tar ]
}
