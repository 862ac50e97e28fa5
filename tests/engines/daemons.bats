#!/usr/bin/env bats
# Docker 20.10 of Debian 11, and Docker 26 of Debian 13 with its classic store and with containerd's: what they show is what
# the manifest says, and what comes back out of them has the same digests.  Not part of make test: the trees are
# debootstrapped (make test-engines).

stores='bullseye classic containerd'

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-engines.XXXXXX)
	export GF_INTEROP_DIR
	load ../interop/common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys bullseye classic containerd
	make_image base.src acme/base:1 one:300
	make_image app.src acme/app:1 one:300 two:200
	make_image other.src acme/app:1 three:100
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	gapferry pack -q -o two.tar --key release.pem base.src app.src
	gapferry pack -q -o other.tar --key release.pem other.src
	make_index
	gapferry pack -q -o multi.tar --key release.pem oci:layout
	echo '{"features": {"containerd-snapshotter": true}}' >containerd/daemon.json
	start_tree_dockerd bullseye "$D/bullseye"
	start_tree_dockerd trixie "$D/classic"
	start_tree_dockerd trixie "$D/containerd" --config-file="$D/containerd/daemon.json"
}

teardown_file() {
	load ../interop/common
	for s in $stores; do stop_server "$D/$s/docker.pid"; done
	rm -rf "$D"
}

setup() {
	load ../interop/common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
}

teardown() {
	stop_server "$D/proxy.pid"
	for s in $stores; do
		docker -H "unix://$D/$s/docker.sock" images -aq --no-trunc | sort -u |
			xargs -r docker -H "unix://$D/$s/docker.sock" rmi -f >/dev/null
	done
}

# blob FILE: into the layout; its digest and size, as members of a descriptor.
blob() {
	local sum
	sum=$(sha256sum <"$1" | cut -d' ' -f1)
	cp "$1" "layout/blobs/sha256/$sum"
	echo "\"digest\": \"sha256:$sum\", \"size\": $(stat -c %s "$1")"
}

# The layout: an index of amd64 and arm64, each with gzip layers of its own, under acme/multi:1.
make_index() {
	local a layers children='' oci=application/vnd.oci.image
	mkdir -p layout/blobs/sha256
	for a in amd64 arm64; do
		make_image "$a.src" acme/multi:1 "$a:150" both:100
		layers=
		for l in $(tar -xOf $a.src manifest.json | jq -r '.[0].Layers[]'); do
			tar -xOf $a.src "$l" | gzip -n >layer
			layers="$layers,{\"mediaType\": \"$oci.layer.v1.tar+gzip\", $(blob layer)}"
		done
		tar -xOf $a.src "$(tar -xOf $a.src manifest.json | jq -r '.[0].Config')" | jq -c ".architecture = \"$a\"" >config.json
		printf '{"schemaVersion": 2, "mediaType": "%s", "config": {"mediaType": "%s", %s}, "layers": [%s]}' \
			$oci.manifest.v1+json $oci.config.v1+json "$(blob config.json)" "${layers#,}" >manifest
		children="$children,{\"mediaType\": \"$oci.manifest.v1+json\", $(blob manifest), \"platform\": {\"os\": \"linux\", \"architecture\": \"$a\"}}"
	done
	printf '{"schemaVersion": 2, "mediaType": "%s", "manifests": [%s]}' $oci.index.v1+json "${children#,}" >index
	printf '{"schemaVersion": 2, "manifests": [{"mediaType": "%s", %s, "annotations": {"org.opencontainers.image.ref.name": "docker.io/acme/multi:1"}}]}' \
		$oci.index.v1+json "$(blob index)" >layout/index.json
	echo '{"imageLayoutVersion": "1.0.0"}' >layout/oci-layout
}

BASE=docker.io/acme/base:1 APP=docker.io/acme/app:1 MULTI=docker.io/acme/multi:1

use() {
	STORE=$1
	export DOCKER_HOST="unix://$D/$1/docker.sock"
}
# expected BUNDLE NAME: the ID that the store of this daemon gives: the config's digest, or what the name stands for.
expected() {
	if [ "$STORE" = containerd ]; then digest_of "$@"; else id_of "$@"; fi
}
everything() { docker images -a --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort; }
# The names shown, and no image without one.
names() { everything | cut -d' ' -f2 | sort | tr '\n' ' '; }
# Does inspect answer for it?  containerd's store does for images that the list does not show.
absent() {
	if docker image inspect "$1" >/dev/null 2>&1; then fail "$STORE: $1 is still there"; fi
}
came_back() {
	gapferry pack -q -o back.tar --key release.pem "${@:2}"
	same "$STORE: digests that came back" "$(said "$1" '[.predicate.images[] | [.names, .digest, .platforms]]')" \
		"$(said back.tar '[.predicate.images[] | [.names, .digest, .platforms]]')"
	rm back.tar
}

brought() {
	use "$1"
	gapferry unpack --json --to docker-daemon: two.tar >out.json
	same "$STORE: names" "acme/app:1 acme/base:1 " "$(names)"
	for n in $BASE $APP; do
		same "$n" "$(expected two.tar "$n") $(diff_ids_of two.tar "$n")" \
			"$(docker image inspect -f '{{.Id}} {{json .RootFS.Layers}}' "$n")"
		[ "$STORE" != containerd ] ||
			same "$n: digests" "$(docker image inspect -f '{{json .RepoDigests}}' "$n")" \
				"[\"$(docker image inspect -f '{{json .RepoTags}}' "$n" | jq -r '.[0] | split(":")[0]')@$(digest_of two.tar "$n")\"]"
		same "$n: in the table" "$(expected two.tar "$n")" "$(jq -r ".names[] | select(.name == \"$n\").digest" out.json)"
	done
	same sent 2 "$(jq '.targets[0].blobsSent' out.json)"

	start_daemon_proxy_of "$STORE"
	gapferry unpack --json -H "$PROXY" --to docker-daemon: two.tar >out.json
	at_most "bytes of the second run" 16384 "$(counted proxy)"
	same "sent by the second run" '0 held held' "$(jq -r '[.targets[0].blobsSent, .names[].state] | join(" ")' out.json)"
	came_back two.tar acme/base:1 acme/app:1
}
# The daemon proxy of common.bash, before the daemon of this store.
start_daemon_proxy_of() {
	ln -sf "$D/$1/docker.sock" docker.sock
	start_daemon_proxy proxy "${@:2}"
}

@test "Debian 11: IDs, names; nothing twice; back out with the same digests" { brought bullseye; }
@test "classic: IDs, names; nothing twice; back out with the same digests" { brought classic; }
@test "containerd: the manifests' digests, names; nothing twice; back out with the same digests" { brought containerd; }

@test "containerd: an index goes in whole and comes back whole" {
	use containerd
	gapferry unpack -q --to docker-daemon: multi.tar
	same ID "$(digest_of multi.tar $MULTI)" "$(docker image inspect -f '{{.Id}}' $MULTI)"
	docker save -o saved.tar $MULTI
	same "blobs saved" "$(cd layout/blobs/sha256 && ls)" "$(tar -tf saved.tar | sed -n 's,^blobs/sha256/\(..*\),\1,p' | sort)"
	same "platforms" '["linux/amd64","linux/arm64"]' "$(said multi.tar '.predicate.images[0].platforms | map(.platform) | tostring')"
	came_back multi.tar acme/multi:1
	gapferry unpack --json --to docker-daemon: multi.tar >out.json
	same "sent by the second run" '0 held' "$(jq -r '[.targets[0].blobsSent, .names[].state] | join(" ")' out.json)"
}

@test "classic: of an index, the daemon's platform" {
	use classic
	gapferry unpack -q --to docker-daemon: multi.tar
	same ID "$(id_of multi.tar $MULTI)" "$(docker image inspect -f '{{.Id}}' $MULTI)"
	same architecture amd64 "$(docker image inspect -f '{{.Architecture}}' $MULTI)"
}

damaged() {
	use "$1"
	docker load -qi other.src
	before=$(everything)
	environment daemon <<-END
		targets:
		  - docker-daemon: $DOCKER_HOST
		on-existing: overwrite
	END
	for n in $BASE $APP; do
		remake damage two.tar bad.tar "$(layers_of two.tar "$n" | tail -1)"
		rc=0
		gapferry unpack --env daemon bad.tar || rc=$?
		same "$STORE: exit status" 4 $rc
		same "$STORE: images" "$before" "$(everything)"
		same "$STORE: dangling" '' "$(docker images -q -f dangling=true)"
		absent "$(expected two.tar $BASE)"
		absent "$(expected two.tar $APP)"
	done
	gapferry unpack -q --env daemon two.tar
	same "$STORE: app" "$(expected two.tar $APP)" "$(docker image inspect -f '{{.Id}}' acme/app:1)"
	came_back two.tar acme/base:1 acme/app:1
}
@test "Debian 11: a damaged layer leaves nothing and moves no name; the good bundle then works" { damaged bullseye; }
@test "classic: a damaged layer leaves nothing and moves no name; the good bundle then works" { damaged classic; }
@test "containerd: a damaged layer leaves nothing and moves no name; the good bundle then works" { damaged containerd; }

# A config that names another diff ID than its layer has, rightly signed: the daemon finds it when all has come.
lied() {
	use "$1"
	python3 - two.tar lie.tar <<-END
		import sys
		sys.path.insert(0, "$HERE/../hostile")
		from model import *
		m = Maker(Bundle(open(sys.argv[1], "rb").read()))
		d = m.manifest(1)
		c = m.read(d["config"]["digest"])
		c["rootfs"]["diff_ids"][-1] = "sha256:" + "1" * 64
		d["config"] = m.desc(d["config"]["mediaType"], compact(c))
		m.put(d, 1)
		open(sys.argv[2], "wb").write(m.make(Key(".", "release")).bytes())
	END
	rc=0
	gapferry unpack --to docker-daemon: lie.tar || rc=$?
	[ $rc -ne 0 ] || fail "$STORE: status 0"
	same "$STORE: images" '' "$(everything)"
	absent "$(expected lie.tar $BASE)"
	absent "$(expected lie.tar $APP)"
}
@test "Debian 11: a diff ID that is not the layer's leaves nothing" { lied bullseye; }
@test "classic: a diff ID that is not the layer's leaves nothing" { lied classic; }
@test "containerd: a diff ID that is not the layer's leaves nothing" { lied containerd; }

killed() {
	local pid
	use "$1"
	start_daemon_proxy_of "$STORE" --stall 400000
	"$GAPFERRY" unpack -q -H "$PROXY" --to docker-daemon: two.tar >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	reached proxy 400000
	kill -9 $pid
	wait $pid || true
	stop_server proxy.pid
	# The first image had come whole: it stands there without a name until the next run, which does not send it again.
	same "$STORE: after the kill" "$(expected two.tar $BASE) <none>:<none>" "$(everything)"
	absent "$(expected two.tar $APP)"
	gapferry unpack --json --to docker-daemon: two.tar >out.json
	same "$STORE: states" 'held sent' "$(jq -r '[.names[].state] | join(" ")' out.json)"
	same "$STORE: names" 'acme/app:1 acme/base:1 ' "$(names)"
	for n in $BASE $APP; do
		same "$STORE: $n" "$(expected two.tar "$n")" "$(docker image inspect -f '{{.Id}}' "$n")"
	done
	came_back two.tar acme/base:1 acme/app:1
}
@test "Debian 11: kill -9 while the second image is sent: no name; the same command again finishes the work" { killed bullseye; }
@test "classic: kill -9 while the second image is sent: no name; the same command again finishes the work" { killed classic; }
@test "containerd: kill -9 while the second image is sent: no name; the same command again finishes the work" { killed containerd; }
