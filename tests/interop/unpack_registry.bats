#!/usr/bin/env bats
# unpack into real registries: what skopeo reads back, what authentication and TLS ask for, what a refusal leaves.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-registry.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys basic token tls
	make_image base.src acme/base:1 one:300
	make_image app.src acme/app:1 one:300 two:200
	make_image other.src acme/app:1 three:100
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	sequence=0
	for b in base app other; do
		sequence=$((sequence + 1))
		gapferry pack -q -o $b.tar --key release.pem --stream $b --sequence $sequence --bundle-version 1.$sequence $b.src
	done
	gapferry pack -q -o pair.tar --key release.pem --stream pair --sequence 1 base.src app.src
	start_registry "$D"
	start_registry "$D/basic" htpasswd
	start_registry "$D/token" token
	start_registry "$D/tls" tls
}

teardown_file() {
	load common
	for p in registry basic/registry token/registry token/token tls/registry proxy docker; do stop_server "$D/$p.pid"; done
	awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
	R=127.0.0.1:$(cat registry.port) BASIC=127.0.0.1:$(cat basic/registry.port)
	TOKEN=127.0.0.1:$(cat token/registry.port) TLS=127.0.0.1:$(cat tls/registry.port)
	P=$BATS_TEST_NUMBER # a prefix of its own
}

teardown() {
	stop_server "$D/proxy.pid"
}

APP=docker.io/acme/app:1
shown() { skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://$1"; }
# The image as skopeo reads it back: every layer's bytes are checked against its digest, the config's digest is given.
pulled() {
	rm -rf pulled
	skopeo copy -q --src-tls-verify=false "${@:2}" "docker://$1" dir:pulled
	echo "sha256:$(sha256sum <pulled/manifest.json | cut -d' ' -f1) $(jq -r .config.digest pulled/manifest.json)"
}
app() { echo "$(digest_of app.tar $APP) $(id_of app.tar $APP)"; }
json() { gapferry unpack --json "$@" >out.json; }

@test "the digests that skopeo reads back are those of the manifest, under each name" {
	environment reg <<-END
		targets:
		  - registry: $R/p$P
		retag:
		  - match: "docker.io/acme/app"
		    name: "shop/{basename}"
		    tags: ["{tag}", "{version}-{sequence}", latest]
		  - match: "**"
		    name: "mirror/{host}/{path}"
	END
	json --env reg app.tar
	same tags "1 1.2-2 latest" "$(tags_of "p$P/shop/app")"
	for tag in 1 1.2-2 latest; do
		same "$tag" "$(app)" "$(pulled "$R/p$P/shop/app:$tag")"
	done
	same table "$(printf "sent $R/p$P/shop/app:%s $(digest_of app.tar $APP)\n" 1 1.2-2 latest)" \
		"$(jq -r '.names[] | "\(.state) \(.name) \(.digest)"' out.json)"
	json --env reg app.tar
	same again held "$(jq -r '.names[].state' out.json | sort -u)"
	json --env reg base.tar
	same "the other rule" "$(digest_of base.tar docker.io/acme/base:1)" "$(shown "$R/p$P/mirror/docker.io/acme/base:1")"
}

@test "on-existing: refuse, keep, overwrite, and a tag that may move" {
	gapferry unpack -q --to "docker://$R/p$P" other.tar
	was=$(shown "$R/p$P/acme/app:1")
	rm -r "$GAPFERRY_STATE"
	environment reg <<-END
		targets:
		  - registry: $R/p$P
	END
	run gapferry unpack --env reg --tag 1 --tag new app.tar
	same "exit status" 3 "$status"
	[[ $output == *"'$R/p$P/acme/app:1' is already there and shows $was, not $(digest_of app.tar $APP)"* ]]
	same "after refuse" "1 $was" "$(tags_of "p$P/acme/app") $(shown "$R/p$P/acme/app:1")"
	for d in $(layers_of app.tar $APP); do
		! has_blob "p$P/acme/app" "$d" || fail "$d was sent"
	done
	same log 'intent refused ' "$(logged)"

	echo 'on-existing: keep' >>"$GAPFERRY_CONFIG/environments/reg.yaml"
	json --env reg --tag 1 --tag new app.tar
	same states "kept sent" "$(jq -r '[.names[].state] | join(" ")' out.json)"
	same kept "$was" "$(shown "$R/p$P/acme/app:1")"
	same new "$(app)" "$(pulled "$R/p$P/acme/app:new")"

	sed -i 's/keep/refuse/' "$GAPFERRY_CONFIG/environments/reg.yaml"
	echo 'moving: [latest, "1"]' >>"$GAPFERRY_CONFIG/environments/reg.yaml"
	run gapferry unpack --env reg app.tar
	same "exit status" 0 "$status"
	same "the old digest" "was $was" "$(awk '$1 == "was" { print $1, $2 }' <<<"$output")"
	same moved "$(app)" "$(pulled "$R/p$P/acme/app:1")"

	sed -i 's/refuse/overwrite/; /moving/d' "$GAPFERRY_CONFIG/environments/reg.yaml"
	json --env reg other.tar
	same overwritten "$was" "$(shown "$R/p$P/acme/app:1")"
	same before "$(digest_of app.tar $APP)" "$(jq -r '.names[0].before' out.json)"
}

@test "htpasswd: docker's config file, --authfile, and --username with --password-stdin" {
	skopeo login --tls-verify=false --authfile auth.json -u gapferry --password-stdin "$BASIC" <basic/registry.password
	mkdir -p docker
	cp auth.json docker/config.json
	DOCKER_CONFIG=$D/docker gapferry unpack -q --to "docker://$BASIC/config" app.tar
	REGISTRY_AUTH_FILE=$D/auth.json gapferry unpack -q --to "docker://$BASIC/variable" app.tar
	gapferry unpack -q --authfile auth.json --to "docker://$BASIC/option" app.tar
	gapferry unpack -q --username gapferry --password-stdin --to "docker://$BASIC/stdin" app.tar <basic/registry.password
	for how in config variable option stdin; do
		same "$how" "$(app)" "$(pulled "$BASIC/$how/acme/app:1" --src-authfile auth.json)"
	done
}

@test "a wrong password, or none: 5, which registry, and nothing there" {
	printf 'not it' >wrong
	for r in "$BASIC" "$TOKEN"; do
		run gapferry unpack --username gapferry --password-stdin --to "docker://$r/wrong" app.tar <wrong
		same "$r: exit status" 5 "$status"
		[[ $output == *"target docker://$r/wrong"*"answered 401"*"check user name and password"* ]] || fail "$output"
		[[ $output != *"not it"* ]]
		run gapferry unpack --to "docker://$r/wrong" app.tar
		same "$r: exit status without" 5 "$status"
		[[ $output == *"target docker://$r/wrong"* ]]
	done
	[ ! -e basic/registry/docker/registry/v2/repositories/wrong ]
	[ ! -e token/registry/docker/registry/v2/repositories/wrong ]
	same log 'intent failed intent failed intent failed intent failed ' "$(logged)"
}

@test "a token server: the scope is asked for, the digest is right" {
	: >token/token.log
	gapferry unpack -q --username gapferry --password-stdin --to "docker://$TOKEN/shop" pair.tar <token/registry.password
	skopeo login --tls-verify=false --authfile token.json -u gapferry --password-stdin "$TOKEN" <token/registry.password
	grep -q 'gapferry.*repository:shop/acme/app:.*push' token/token.log
	same app "$(app)" "$(pulled "$TOKEN/shop/acme/app:1" --src-authfile token.json)"
}

@test "TLS with a CA of its own: --ca-file, ca-file of the environment; without it nothing is sent" {
	run gapferry unpack --to "docker://$TLS/shop" app.tar
	same "exit status" 5 "$status"
	[[ $output == *certificate* ]]
	# another CA
	run gapferry unpack --ca-file token/token.crt --to "docker://$TLS/shop" app.tar
	same "exit status, another CA" 5 "$status"
	[ ! -e tls/registry/docker/registry/v2/repositories/shop ]
	gapferry unpack -q --ca-file tls/registry.ca --to "docker://$TLS/shop" app.tar
	environment tls <<-END
		targets:
		  - registry: $TLS/env
		    ca-file: $D/tls/registry.ca
	END
	gapferry unpack -q --env tls app.tar
	for p in shop env; do
		same $p "$(digest_of app.tar $APP)" "$(curl -s --noproxy '*' --cacert tls/registry.ca -H 'Accept: application/vnd.oci.image.manifest.v1+json' "https://$TLS/v2/$p/acme/app/manifests/1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/')"
	done
}

@test "from a pipe, with two repositories that share a layer" {
	gapferry unpack --json --to "docker://$R/p$P" - < <(cat pair.tar) >out.json
	same app "$(app)" "$(pulled "$R/p$P/acme/app:1")"
	same base "$(digest_of pair.tar docker.io/acme/base:1)" "$(shown "$R/p$P/acme/base:1")"
	# two configs and two layers; the shared one went once
	same "blobs sent" 4 "$(jq '.targets[0].blobsSent' out.json)"
	run bash -c "cat pair.tar | '$GAPFERRY' unpack --json -q --verify-first --to docker://$R/p$P - 2>/dev/null"
	same "exit status of --verify-first" 2 "$status"
	same "its name" verify-first "$(jq -r .error.name <<<"$output")"
}

@test "--dry-run: the plan; the registry and the state are as before" {
	json --dry-run --to "docker://$R/p$P" app.tar
	same plan "planned $R/p$P/acme/app:1 $(digest_of app.tar $APP)" "$(jq -r '.names[] | "\(.state) \(.name) \(.digest)"' out.json)"
	# one config, two layers
	same "blobs to send" "3 $(said app.tar "[.predicate.blobs[] | select(.digest != \"$(digest_of app.tar $APP)\") | .size] | add")" \
		"$(jq -r '.targets[0] | "\(.blobsSent) \(.bytesSent)"' out.json)"
	[ ! -e "registry/docker/registry/v2/repositories/p$P" ]
	[ ! -e "$GAPFERRY_STATE" ]
}

@test "a damaged layer: 4 and no tag; with --verify-first not even a blob; the good bundle works afterwards" {
	bad=$(layers_of app.tar $APP | tail -1)
	remake damage app.tar bad.tar "$bad"
	run gapferry unpack --verify-first --to "docker://$R/p$P" bad.tar
	same "exit status" 4 "$status"
	[ ! -e "registry/docker/registry/v2/repositories/p$P" ]
	run gapferry unpack --to "docker://$R/p$P" bad.tar
	same "exit status" 4 "$status"
	[[ $output == *"$bad"* ]]
	same tags '' "$(tags_of "p$P/acme/app")"
	[ -z "$(find "registry/docker/registry/v2/repositories/p$P" -path '*_manifests/*/link')" ]
	! has_blob "p$P/acme/app" "$bad" || fail "the damaged layer is there"
	gapferry unpack -q --to "docker://$R/p$P" app.tar
	same app "$(app)" "$(pulled "$R/p$P/acme/app:1")"
}

@test "a thin copy: loads where the layer is held, from a file and a pipe; elsewhere nothing is set" {
	base=$(layers_of app.tar $APP | head -1)
	for thinner in "$base" "$(layers_of app.tar $APP)"; do
		# shellcheck disable=SC2086 # one word a digest
		remake thin app.tar thin.tar $thinner
		for in in thin.tar -; do
			run bash -c "'$GAPFERRY' unpack --to docker://$R/p$P $in <thin.tar"
			same "exit status where nothing is held, $in" 4 "$status"
			[[ $output == *"$base"*"carry the full bundle"* ]] || fail "$output"
			same tags '' "$(tags_of "p$P/acme/app")"
		done
	done
	gapferry unpack -q --name acme/app --tag base --to "docker://$R/p$P" base.tar
	remake thin app.tar thin.tar "$base"
	for in in thin.tar -; do
		gapferry unpack -q --to "docker://$R/p$P" --tag "t${#in}" $in <thin.tar
		same "$in" "$(app)" "$(pulled "$R/p$P/acme/app:t${#in}")"
	done
	# with every layer there, none need come
	# shellcheck disable=SC2046 # one word a digest
	remake thin app.tar thin.tar $(layers_of app.tar $APP)
	json --to "docker://$R/p$P" --tag none thin.tar
	same none "$(app)" "$(pulled "$R/p$P/acme/app:none")"
	run gapferry verify thin.tar
	same "verify of a thin copy" 4 "$status"
}

@test "a thin copy into a layout that holds the layer, and into one that does not" {
	base=$(layers_of app.tar $APP | head -1)
	remake thin app.tar thin.tar "$base"
	rm -rf layout
	run gapferry unpack --to oci:layout thin.tar
	same "exit status" 4 "$status"
	[ ! -e layout/index.json ]
	gapferry unpack -q --to oci:layout base.tar
	gapferry unpack -q --to oci:layout thin.tar
	same app "$(app)" "$(
		rm -rf pulled
		skopeo copy -q "oci:layout:$APP" dir:pulled
		echo "sha256:$(sha256sum <pulled/manifest.json | cut -d' ' -f1) $(jq -r .config.digest pulled/manifest.json)"
	)"
}

@test "an SBOM that refers to the image: docker-registry keeps no list of referrers, its tag does" {
	python3 - "$HERE/../hostile" evidence.src >subject <<-END
		import sys
		sys.path.insert(0, sys.argv[1])
		from model import archive, layer
		from registry_rows import layout
		files, image, sbom = layout(layer({"motd": b"hello"}))
		open(sys.argv[2], "wb").write(archive(files.items()))
		print(image["digest"], sbom["digest"], sbom["size"])
	END
	read -r subject sbom size <subject
	gapferry pack -q -o evidence.tar --key release.pem --stream evidence --sequence 1 evidence.src
	gapferry unpack -q --to "docker://$R/p$P" evidence.tar
	same "the registry's own list" 404 "$(curl -s -o /dev/null --noproxy '*' -w '%{http_code}' "http://$R/v2/p$P/app/referrers/$subject")"
	same tags "1 sbom ${subject/:/-}" "$(tags_of "p$P/app")"
	for _ in 1 2; do
		same "the list, as skopeo reads it" "$(printf '%s\n' "application/vnd.oci.image.index.v1+json" "$sbom $size application/spdx+json a test é")" \
			"$(skopeo inspect --raw --tls-verify=false "docker://$R/p$P/app:${subject/:/-}" | jq -r '.mediaType, (.manifests[] | "\(.digest) \(.size) \(.artifactType) \(.annotations["made.by"])")')"
		rm -rf pulled
		skopeo copy -q --src-tls-verify=false "docker://$R/p$P/app@$sbom" dir:pulled
		same "its subject" "$subject" "$(jq -r .subject.digest pulled/manifest.json)"
		gapferry unpack -q --to "docker://$R/p$P" evidence.tar # a second entry is not added
	done
}

@test "two targets, one of them dead: 5, the other is complete; with both alive the rest follows" {
	dead=127.0.0.1:$(free_port)
	environment two <<-END
		targets:
		  - registry: $dead/p$P
		  - registry: $R/p$P
		lock-file: $D/two.lock.json
		notify:
		  - run: [touch, "$D/two.told"]
	END
	run gapferry unpack --retries 0 --env two app.tar
	same "exit status" 5 "$status"
	[[ $output == *"target docker://$dead/p$P"* ]]
	same app "$(app)" "$(pulled "$R/p$P/acme/app:1")"
	same log 'intent accepted loaded failed ' "$(logged)"
	same "loaded at" "docker://$R/p$P" "$(jq -r 'select(.type == "loaded") | .target' "$GAPFERRY_STATE/audit.jsonl")"
	[ ! -e two.lock.json ]
	[ ! -e two.told ]
	sed -i "s/$dead/$R\/alive/" "$GAPFERRY_CONFIG/environments/two.yaml"
	json --env two app.tar
	same states "sent held" "$(jq -r '[.names[].state] | join(" ")' out.json)"
	same "the other" "$(app)" "$(pulled "$R/alive/p$P/acme/app:1")"
	same complete complete "$(jq -r .type "$GAPFERRY_STATE/audit.jsonl" | tail -1)"
	[ -s two.lock.json ]
	[ -e two.told ]
}

@test "two targets, one of which breaks off in the middle: 5, the other is complete" {
	start_proxy proxy --cut 250000
	environment cut <<-END
		targets:
		  - registry: $PROXY/cut$P
		  - registry: $R/p$P
	END
	run gapferry unpack --retries 0 --env cut app.tar
	same "exit status" 5 "$status"
	counted proxy
	same "the one" '' "$(tags_of "cut$P/acme/app")"
	same "the other" "$(app)" "$(pulled "$R/p$P/acme/app:1")"
}

@test "a daemon's name and a registry's in one environment: a file and a pipe" {
	start_dockerd "$D"
	for how in file pipe; do
		environment both <<-END
			targets:
			  - docker-daemon: unix://$D/docker.sock
			  - registry: $R/both$how
			retag:
			  - match: "**"
			    name: "$how/{basename}"
		END
		if [ $how = file ]; then
			gapferry unpack -q --env both pair.tar
		else
			gapferry unpack -q --env both - < <(cat pair.tar)
		fi
		same "registry, $how" "$(app)" "$(pulled "$R/both$how/$how/app:1")"
		same "daemon, $how" "$(id_of app.tar $APP)" "$(docker -H "unix://$D/docker.sock" image inspect -f '{{.Id}}' $how/app:1)"
	done
	stop_server "$D/docker.pid"
}
