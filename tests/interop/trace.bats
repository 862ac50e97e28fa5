#!/usr/bin/env bats
# trace on a host with a real daemon: container -> image -> bundle -> commit.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-trace.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
	mkdir -p home config/keys
	make_image one.src acme/one:1,acme/one:latest a:100
	make_image two.src acme/two:2 b:100
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	commit=0123456789abcdef0123456789abcdef01234567
	BUILD_BUILDID=812 BUILD_BUILDNUMBER=20261125.1 BUILD_SOURCEVERSION=$commit BUILD_REPOSITORY_URI=https://git.example/shop \
		TF_BUILD=True gapferry pack -q -o app.tar --key release.pem --stream shop --sequence 7 one.src
	start_dockerd "$D"
	environment prod <<-END
		targets: [{docker-daemon: "$DOCKER_HOST"}]
		retag: [{match: "**", name: "prod.example:5000/{basename}"}]
	END
	gapferry unpack -q --env prod app.tar
	docker load -q -i two.src
	docker create --name web prod.example:5000/one:1 /x
	docker create --name stray acme/two:2 /x
}

teardown_file() {
	load common
	stop_server "$D/docker.pid"
	stop_server "$D/podman.pid"
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
	ID=$(id_of app.tar docker.io/acme/one:1) BUNDLE=sha256:$(tar -xOf app.tar META/manifest.json | sha256sum | cut -d' ' -f1)
}

@test "a container by name, ID and short ID, its image by name, ID and short ID: bundle, signer, build, commit" {
	container=$(docker inspect -f '{{.Id}}' web)
	same "the daemon's ID" "$ID" "$(docker inspect -f '{{.Image}}' web)"
	for word in web "$container" "${container:0:12}" prod.example:5000/one:1 prod.example:5000/one "$ID" "${ID:7:12}" "${ID#sha256:}"; do
		gapferry trace --json "$word" >said
		same "$word" "true $ID $BUNDLE shop 7 release" \
			"$(jq -r '.bundles[0] as $b | "\(.vouched) \(.digest) \($b.manifest) \($b.stream) \($b.sequence) \($b.signers[0].holder)"' said)"
		same "$word: commit" "0123456789abcdef0123456789abcdef01234567" "$(jq -r '.bundles[0].build.revision' said)"
	done
	same kinds "container container container image image digest image digest" "$(
		for word in web "$container" "${container:0:12}" prod.example:5000/one:1 prod.example:5000/one "$ID" "${ID:7:12}" "${ID#sha256:}"; do
			gapferry trace --json "$word" | jq -r .kind
		done | tr '\n' ' ' | sed 's/ $//'
	)"
	run gapferry trace web
	same "exit status" 0 "$status"
	[[ $output == *"container  web"*"made from  prod.example:5000/one:1"*"revision       0123456789abcdef"* ]] ||
		[[ $output == *"container  web"*"0123456789abcdef0123456789abcdef01234567"* ]] || fail "$output"
}

@test "what came another way: 3, and what was looked at" {
	for word in stray acme/two:2 "$(docker inspect -f '{{.Image}}' stray)"; do
		run gapferry trace "$word"
		same "$word: exit status" 3 "$status"
		[[ $output == *"nothing vouches for '$word'"*"none of the 1 bundles"* ]] || fail "$output"
	done
	run gapferry trace nobody
	same "exit status" 3 "$status"
	[[ $output == *"no container and no image of this name"* ]] || fail "$output"
}

@test "a name that somebody moved: 3, with what was loaded under it; the container keeps its proof" {
	docker tag acme/two:2 prod.example:5000/one:latest
	run gapferry trace prod.example:5000/one:latest
	same "exit status" 3 "$status"
	[[ $output == *"under this name $ID was loaded, and since then somebody moved it"* ]] || fail "$output"
	gapferry trace web
	docker tag "$ID" prod.example:5000/one:latest
	gapferry trace prod.example:5000/one:latest
}

@test "the same on podman's socket" {
	start_podman "$D"
	export GAPFERRY_STATE=$D/podman.state DOCKER_HOST=unix://$D/podman.sock
	gapferry unpack -q --to docker-daemon: --name pod.example/one app.tar
	docker create --name pod pod.example/one:1 /x
	for word in pod pod.example/one:1 "$ID"; do
		gapferry trace --json "$word" >said
		same "$word" "true $ID $BUNDLE" "$(jq -r '"\(.vouched) \(.digest) \(.bundles[0].manifest)"' said)"
	done
	docker rm pod
	stop_server podman.pid
}

@test "a daemon that fails is no answer: 1" {
	for word in web prod.example:5000/other:1; do
		run gapferry trace -H "unix://$D/none.sock" "$word"
		same "$word: exit status" 1 "$status"
		run env DOCKER_HOST="unix://$D/none.sock" "$GAPFERRY" trace "$word"
		same "$word: exit status" 1 "$status"
		[[ $output == *"the log has no name '$word', and the daemon was not to be asked"* ]] || fail "$output"
	done
}
