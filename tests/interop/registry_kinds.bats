#!/usr/bin/env bats
# Registries as Docker Hub, Harbor, GitLab and ECR are, as far as image-protocols.md 4 measured them or found it told: peers
# of tests/hostile/peers.py, for the real ones cannot be had here.  What arrives is read back by skopeo; what is refused
# says what the operator has to do.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-kinds.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config
	layer_image base.src acme/base:1 base 6
	layer_image app.src acme/app:1 base 6 1 # the same first layer, another on top
	gapferry key new --no-passphrase release
	gapferry pack -q -o pair.tar --key release.pem --layers none --stream pair --sequence 1 base.src app.src
	printf 'canary: pass word' >password
}

teardown_file() {
	load common
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
}

teardown() {
	stop_server "$D/kind.pid"
}

ROBOT="robot\$far side"

# start_kind KIND [NAME=JSON...]: $R is then one.
start_kind() {
	rm -f kind.port kind.requests
	python3 "$HERE/../hostile/peers.py" "$1" "$D/kind.port" "$D/kind.requests" "${@:2}" >kind.log 2>&1 3>&- 4>&- &
	echo $! >kind.pid
	wait_until kind.pid kind.log test -s kind.port
	R=127.0.0.1:$(cat kind.port)
}
# asked JQ-CONDITION: how many requests so far are so.
asked() {
	rm -f kind.requests
	kill -USR1 "$(cat kind.pid)"
	wait_until kind.pid kind.log test -s kind.requests
	jq -s "map(select($1)) | length" kind.requests
}
# into PREFIX AS [BUNDLE]: unpack with the password
into() { gapferry unpack --key release.pub --username "$2" --password-stdin --to "docker://$R/$1" "${@:4}" "${3-pair.tar}" <password; }
# The two images as skopeo reads them back, every layer's bytes checked against its digest.
arrived() {
	local name
	for name in app base; do
		rm -rf pulled
		skopeo copy -q --src-tls-verify=false --src-creds "$2:$(cat password)" "docker://$R/$1/acme/$name:1" dir:pulled
		same "$name" "$(digest_of pair.tar "docker.io/acme/$name:1")" "sha256:$(sha256sum <pulled/manifest.json | cut -d' ' -f1)"
		same "$name, config" "$(id_of pair.tar "docker.io/acme/$name:1")" "$(jq -r .config.digest pulled/manifest.json)"
	done
}
# refused STATUS PATTERN PREFIX USER
refused() {
	run into "$3" "$4" pair.tar "${@:5}"
	same "exit status" "$1" "$status"
	# shellcheck disable=SC2053 # a pattern
	[[ $output == $2 ]] || fail "$output"
	[[ $output != *canary* ]] || fail "a secret: $output"
}

@test "like Docker Hub: 429 says when to come again, tokens from elsewhere, absolute locations, the layer in common mounted" {
	start_kind hub
	into acme "$ROBOT"
	arrived acme "$ROBOT"
	same "429s that were waited for" 2 "$(asked '.status == 429')"
	same mounts 1 "$(asked '(.path | contains("mount=")) and .status == 201')"
	same "uploads begun" 4 "$(asked '.method == "POST" and .status == 202')"
}

@test "like Docker Hub: a limit that lasts is told, and what to do" {
	start_kind hub limited=99
	refused 5 "*'$R' answered 429; it limits how much may be asked for: wait, or log in*" acme "$ROBOT" --retries 0
	same "few questions share a connection, and the first such answer ends them" 1 "$(asked '.status == 429')"
}

@test "like Harbor: no cookie goes back, a project that is there, and one that is not" {
	start_kind harbor
	into shop "$ROBOT"
	arrived shop "$ROBOT"
	same cookies 0 "$(asked '.Cookie != null')"
	refused 5 "*project nosuch not found; this registry wants its projects or repositories made before*" nosuch "$ROBOT"
	stop_server "$D/kind.pid"
	start_kind harbor veiled=true
	refused 5 "*unauthorized to access repository: nosuch/acme/*is the project there, and may this account push to it?*" nosuch "$ROBOT"
}

@test "like Harbor: a quota that is full at the manifest, a tag that may not move: 5, in its own words" {
	start_kind harbor quota=1000
	refused 5 '*answered 403: DENIED: adding *will exceed the configured upper limit*' shop "$ROBOT"
	same "manifests kept" 0 "$(asked '.method == "PUT" and (.path | contains("/manifests/")) and .status == 201')"
	stop_server "$D/kind.pid"
	start_kind harbor 'immutable=["1"]'
	into shop "$ROBOT" # anew, which is allowed
	layer_image other.src acme/app:1 other 1
	gapferry pack -q -o other.tar --key release.pem --stream other --sequence 1 other.src
	mkdir -p config/environments
	printf 'environment: move\ntargets: [{registry: "%s/shop"}]\non-existing: overwrite\n' "$R" >config/environments/move.yaml
	run bash -c "'$GAPFERRY' unpack --key release.pub --username 'robot\$far side' --password-stdin --env move other.tar <password"
	same "exit status" 5 "$status"
	[[ $output == *"answered 412: PRECONDITION: Failed to process request due to 'shop/acme/app:1' configured as immutable."* ]] || fail "$output"
	arrived shop "$ROBOT"
}

@test "like GitLab: one token for both repositories, so that a layer is mounted" {
	start_kind gitlab
	into group/project "$ROBOT"
	arrived group/project "$ROBOT"
	same mounts 1 "$(asked '(.path | contains("mount=")) and .status == 201')"
	same "refused but for the first question" 0 "$(asked '.status == 401 and .path != "/v2/"')"
	refused 5 "*answered 401*" elsewhere/project "$ROBOT"
}

@test "like ECR: Basic, no mounts, no digest told; a repository that is not there is named" {
	start_kind ecr 'repositories=["prod/acme/app", "prod/acme/base"]'
	into prod AWS
	arrived prod AWS
	same "mounts asked for" 1 "$(asked '.path | contains("mount=")')"
	refused 5 "*NAME_UNKNOWN: The repository with name 'nosuch/acme/*' does not exist in the registry*this registry wants its projects or repositories made before*" nosuch AWS
	stop_server "$D/kind.pid"
	start_kind ecr 'repositories=["prod/acme/app"]' hangs_up=true
	refused 5 "*'$R/prod/acme/base' hangs up when an upload begins (ECR does so where the repository is not there)*" prod AWS --retries 0
}

@test "like ECR, from a pipe: what cannot be mounted goes to both repositories as it passes" {
	start_kind ecr 'repositories=["prod/acme/app", "prod/acme/base"]'
	jq -n --arg h "$R" '{auths: {($h): {auth: ("AWS:canary: pass word" | @base64)}}}' >auth.json
	gapferry unpack -q --key release.pub --authfile auth.json --to "docker://$R/prod" - < <(cat pair.tar)
	arrived prod AWS
	same "mounts asked for" 1 "$(asked '.path | contains("mount=")')"
}

@test "a proxy that takes 1 MiB at once, a registry that takes no piece below 5 MiB: each gets pieces that fit" {
	start_kind plain body_max=1048576
	into any "$ROBOT"
	arrived any "$ROBOT"
	same "pieces above the limit" 0 "$(asked '.method == "PATCH" and .status == 202 and (.["Content-Range"] | split("-") | map(tonumber) | .[1] - .[0] >= 1048576)')"
	stop_server "$D/kind.pid"
	start_kind plain body_max=5767168 chunk_least=5242880
	into any "$ROBOT"
	arrived any "$ROBOT"
	same "pieces of 5 MiB" true "$([ "$(asked '.["Content-Range"] == "0-5242879" and .status == 202')" -gt 0 ] && echo true)"
}

@test "a line that breaks within a layer: the rest follows, the digest is right" {
	start_kind plain 'cuts=[3000000, 1000000]'
	into any "$ROBOT"
	arrived any "$ROBOT"
	same "uploads begun" 4 "$(asked '.method == "POST" and .status == 202')"
	same "asked how far it came" 2 "$(asked '.method == "GET" and (.path | contains("/uploads/")) and .status == 204')"
}
