#!/usr/bin/env bats
# Archives that real tools write, each packed, verified and unpacked; its image ID is the one that a real docker or
# podman gives after loading the same file (facts of each dialect: image-protocols 1.2 and 1.4).

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-arch.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
	mkdir -p home config
	gapferry key new --no-passphrase release
	start_dockerd "$D"
	make_image a.tar docker.io/acme/a:1 base:40 top:30
	# the shared layer lies on another one here, so that docker save writes it as a link
	make_image b.tar docker.io/acme/b:1 other:20 base:40
	docker load -q -i a.tar
	docker load -q -i b.tar
	podman load -q -i a.tar
	podman load -q -i b.tar
	docker image inspect -f '{{.Id}}' acme/a:1 >a.id
	docker image inspect -f '{{.Id}}' acme/b:1 >b.id
}

teardown_file() {
	load common
	for p in docker podman; do stop_server "$D/$p.pid"; done
	awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$D"
}

setup() {
	DEEP=--deep
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
}

podman() { command podman --root "$D/podman" --runroot "$D/podman-run" --storage-driver vfs --events-backend file "$@"; }
skopeo() { command skopeo --tmpdir "$D" "$@"; }
ctr() { command ctr -a "$(cat docker.pid.exec)/containerd/containerd.sock" -n archives "$@"; }

# crossed FILE [--name N]: packed, verified, unpacked into a layout; $IDS are the image IDs of the bundle, sorted, and
# those of the layout's configs are the same.
crossed() {
	local m
	rm -rf out.tar layout
	gapferry pack -q -o out.tar --key release.pem "$@"
	gapferry verify -q ${DEEP:+"$DEEP"} --key release.pub out.tar
	gapferry unpack -q --state "state-$RANDOM$RANDOM" --key release.pub --to oci:layout out.tar
	IDS=$(said out.tar '.predicate.images[].platforms[].imageId' | sort)
	for m in $(jq -r '.manifests[].digest[7:]' layout/index.json); do
		jq -r .config.digest "layout/blobs/sha256/$m"
	done | sort -u >ids
	same "image IDs of the layout" "$IDS" "$(cat ids)"
}
both_ids() { sort a.id b.id; }
# podman's ID of an archive that it loads
podman_id() {
	podman rmi -af >/dev/null
	podman load -q -i "$1" >/dev/null
	podman image ls -aq --no-trunc | sort -u
}

@test "docker save of Debian 12: one image, two with a shared layer, by ID" {
	docker save -o f.tar acme/a:1
	crossed f.tar
	same ID "$(cat a.id)" "$IDS"
	docker save -o f.tar acme/a:1 acme/b:1
	tar -tvf f.tar | grep -- '->' # the shared layer is a link
	crossed f.tar
	same IDs "$(both_ids)" "$IDS"
	docker save -o f.tar "$(cat b.id)"
	crossed --name acme/named:1 f.tar
	same ID "$(cat b.id)" "$IDS"
}

@test "docker save through gzip, zstd, xz and bzip2, as a file and from a pipe" {
	docker save -o f.tar acme/a:1 acme/b:1
	crossed f.tar
	cp out.tar plain.tar
	for with in gzip 'zstd -q' 'zstd -q --ultra -22' xz 'xz -T2 --block-size=20000' bzip2; do
		$with -c <f.tar >f.packed
		crossed f.packed
		same "$with" "$(both_ids)" "$IDS"
		gapferry pack -q -o piped.tar --key release.pem - <f.packed
		same "$with, piped" "$(both_ids)" "$(said piped.tar '.predicate.images[].platforms[].imageId' | sort)"
	done
	printf "\x04\x22\x4d\x18\x64\x40\xa7" >f.packed # lz4
	run gapferry pack -q --json -o no.tar --key release.pem f.packed
	same status 2 "$status"
	[ ! -e no.tar ]
	gzip -c <f.tar | gzip -c >f.packed
	run gapferry pack -q -o no.tar --key release.pem f.packed
	same "compressed twice" 2 "$status"
	# damaged on the way: every decompressor sees it
	for with in gzip 'zstd -q' xz bzip2; do
		$with -c <f.tar | head -c 20000 >f.packed
		run gapferry pack -q -o no.tar --key release.pem f.packed
		same "$with, cut" 4 "$status"
		[ ! -e no.tar ]
	done
}

@test "podman save: docker-archive, several images, oci-archive" {
	podman load -q -i a.tar
	podman load -q -i b.tar
	rm -f f.tar
	podman save -q -o f.tar docker.io/acme/a:1
	crossed f.tar
	same ID "$(cat a.id)" "$IDS"
	rm f.tar
	podman save -q -m -o f.tar docker.io/acme/a:1 docker.io/acme/b:1
	crossed f.tar
	same IDs "$(both_ids)" "$IDS"
	rm f.tar
	podman save -q --format oci-archive -o f.tar docker.io/acme/a:1
	crossed f.tar
	same "podman's own ID" "sha256:$(podman_id f.tar | sed 's/^sha256://')" "$IDS"
}

# Whatever podman was given, it saves raw: so layers are compressed as those of any archive, and the digest is the one that
# an archive of it has.
@test "podman's socket: the image ID stays, the digest is that of its archive" {
	local digest layers
	start_podman "$D"
	DOCKER_HOST=unix://$D/podman.sock
	dialect ggcr a.tar # gzip of another kind
	docker load -qi f.tar
	for layers in gzip none; do
		crossed --layers $layers a.tar
		digest=$(digest_of out.tar docker.io/acme/a:1)
		crossed --layers $layers docker-daemon:acme/a:1
		same "$layers: ID" "$(cat a.id)" "$IDS"
		same "$layers: digest" "$digest" "$(digest_of out.tar docker.io/acme/a:1)"
	done
	gapferry pack -q -o out.tar --key release.pem a.tar b.tar
	docker rmi -f acme/a:1
	gapferry unpack -q --state "$D/podman.state" --key release.pub --to docker-daemon: out.tar
	crossed docker-daemon:acme/b:1 docker-daemon:acme/a:1
	same IDs "$(both_ids)" "$IDS"
	stop_server podman.pid
}

@test "skopeo: docker-archive and oci-archive" {
	rm -f f.tar
	skopeo copy -q docker-archive:a.tar docker-archive:f.tar:acme/a:2
	crossed f.tar
	docker load -q -i f.tar
	same ID "$(docker image inspect -f '{{.Id}}' acme/a:2)" "$IDS"
	rm -f f.tar
	skopeo copy -q docker-archive:a.tar oci-archive:f.tar:acme/a:2
	crossed f.tar
	same "podman's ID" "sha256:$(podman_id f.tar | sed 's/^sha256://')" "$IDS"
	rm -rf f.dir
	skopeo copy -q docker-archive:a.tar dir:f.dir
	run gapferry pack -q -o no.tar --key release.pem f.dir
	same status 2 "$status"
	[[ "$output" == *"'dir:' writes"* ]] || fail "$output"
	tar -C f.dir -cf f.tar .
	run gapferry pack -q -o no.tar --key release.pem f.tar
	[[ "$output" == *"'dir:' writes"* ]] || fail "$output"
	mkdir saved
	tar -C saved -xf a.tar
	run gapferry pack -q -o no.tar --key release.pem saved
	[[ "$output" == *"make a tar"* ]] || fail "$output"
	[ ! -e no.tar ]
}

@test "buildah push: docker-archive and oci-archive" {
	buildah() { command buildah --root "$D/podman" --runroot "$D/podman-run" --storage-driver vfs "$@"; }
	podman load -q -i b.tar
	rm -f f.tar
	buildah push -q docker.io/acme/b:1 docker-archive:f.tar:acme/b:1
	crossed f.tar
	same ID "$(cat b.id)" "$IDS"
	rm -f f.tar
	buildah push -q docker.io/acme/b:1 oci-archive:f.tar:docker.io/acme/b:1
	crossed f.tar
	same "podman's ID" "sha256:$(podman_id f.tar | sed 's/^sha256://')" "$IDS"
}

@test "umoci: a tag of a layout, in a tar" {
	rm -rf u f.tar
	umoci init --layout u
	umoci new --image u:one
	mkdir -p tree/etc
	echo umoci >tree/etc/motd
	umoci insert --image u:one tree/etc /etc
	tar -C u -cf f.tar .
	DEEP= # umoci 0.4.7 ends the tar of a layer in the middle of a block, and tar says so too
	crossed --name acme/u:one f.tar
	same "the config in umoci's manifest" "$(jq -r .config.digest "u/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' u/index.json)")" "$IDS"
	crossed --name acme/u:one oci:u:one
}

@test "ctr images export: the hybrid of containerd" {
	ctr images import a.tar
	ctr images export f.tar docker.io/acme/a:1
	tar -tf f.tar | grep -x manifest.json
	crossed f.tar
	same ID "$(cat a.id)" "$IDS"
}

# What tools write that are not at hand: dialects.py.
dialect() {
	rm -f f.tar
	python3 "$HERE/dialects.py" "$1" f.tar "${@:2}"
}
# dockerd's IDs of an archive that it loads
docker_ids() {
	docker image ls -q | sort -u | xargs -r docker rmi -f >/dev/null # and what they stand on
	docker load -q -i "$1" >/dev/null
	docker image ls -q --no-trunc | sort -u
}

@test "layers inside a docker-archive: zstd, xz, bzip2, gzip" {
	for with in gzip xz bzip2; do
		dialect packed:$with a.tar b.tar
		same "dockerd, $with" "$(both_ids)" "$(docker_ids f.tar)"
		crossed f.tar
		same "$with" "$(both_ids)" "$IDS"
		crossed --layers none f.tar
		same "$with, raw" "$(both_ids)" "$IDS"
	done
	dialect packed:zstd a.tar # Docker 20.10 does not read it, podman does
	same "podman's ID" "$(cat a.id)" "sha256:$(podman_id f.tar | sed 's/^sha256://')"
	crossed f.tar
	same zstd "$(cat a.id)" "$IDS"
	same "media types" "application/vnd.oci.image.layer.v1.tar+zstd" \
		"$(jq -r '.layers[].mediaType' "layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' layout/index.json)" | sort -u)"
	tar -C layout -cf g.tar . # and what it says is true: podman inflates it and compares the diff IDs
	same "podman's ID" "$(cat a.id)" "sha256:$(podman_id g.tar | sed 's/^sha256://')"
}

@test "Docker 25 to 28: a hybrid whose OCI half is wrong" {
	for bug in '' order no-layers untagged; do
		dialect "docker25:$bug" a.tar b.tar
		same "dockerd, $bug" "$(both_ids)" "$(docker_ids f.tar)"
		if [ "$bug" = untagged ]; then crossed --name acme/named:1 f.tar; else crossed f.tar; fi
		same "$bug" "$(both_ids)" "$IDS"
	done
	dialect docker25:null a.tar
	crossed --name acme/named:1 f.tar
	same null "$(cat a.id)" "$IDS"
	dialect docker25:hollow a.tar
	run gapferry pack -q --json -o no.tar --key release.pem f.tar
	same hollow 4 "$status"
	[[ "$output" == *layer-missing* ]]
	[ ! -e no.tar ]
}

@test "crane and kaniko, Nix, Bazel" {
	local d
	for d in ggcr bazel nix; do
		dialect $d a.tar b.tar
		docker_ids f.tar >loaded.ids
		crossed f.tar
		same "$d" "$(cat loaded.ids)" "$IDS"
		[ $d = nix ] || same "$d" "$(both_ids)" "$IDS"
	done
	dialect bazel:untagged a.tar # dockerd refuses names without a tag
	crossed f.tar
	same untagged "$(cat a.id)" "$IDS"
	same name docker.io/acme/a:latest "$(said out.tar '.predicate.images[].names[]')"
}

@test "a containerd store with one platform of two" {
	dialect sparse a.tar b.tar
	crossed f.tar
	same ID "$(cat a.id)" "$IDS"
	same names docker.io/acme/a:1 "$(said out.tar '.predicate.images[].names[]')"
	dialect sparse:hollow a.tar b.tar
	run gapferry pack -q --json -o no.tar --key release.pem f.tar
	same hollow 4 "$status"
	[[ "$output" == *sparse* ]]
}

# Each layer has a text, and the config is made of them: the ID shows whether it was made as Docker makes it.
@test "Docker 1.9 and older: no configs, only layers and their parents" {
	local v
	for v in 1.9.1 1.8.3 1.6.2 1.8.3-rc1 0.9.1 ''; do
		dialect "legacy:$v" a.tar b.tar
		docker_ids f.tar >loaded.ids
		same "$v: images loaded" 2 "$(wc -l <loaded.ids)"
		crossed f.tar
		same "Docker $v" "$(cat loaded.ids)" "$IDS"
		same names "docker.io/acme/a:1 docker.io/acme/b:1" "$(said out.tar '[.predicate.images[].names[]] | sort | join(" ")')"
		gapferry pack -q --layers none -o piped.tar --key release.pem - <f.tar
		same "Docker $v, piped" "$IDS" "$(said piped.tar '.predicate.images[].platforms[].imageId' | sort)"
	done
	crossed docker-archive:f.tar:acme/b:1
	same "one by name" docker.io/acme/b:1 "$(said out.tar '.predicate.images[].names[]')"
}
