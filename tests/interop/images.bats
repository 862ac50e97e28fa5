#!/usr/bin/env bats
# Images of every shape, out of a real registry and out of layouts: kept byte for byte, and the same to skopeo, docker
# and ctr; --platform; names.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-img.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
	mkdir -p home config/keys
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	start_registry "$D"
	start_dockerd "$D"
	for k in buildx nested mixed list artifact zstd empty none foreign absent deep windows; do
		layout $k
	done
	for k in buildx nested mixed list artifact zstd empty none deep windows; do
		make_layout push $k "127.0.0.1:$(cat registry.port)/src/$k"
	done
}

teardown_file() {
	load common
	stop_server "$D/registry.pid"
	stop_server "$D/docker.pid"
	awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
	# shellcheck disable=SC2317 # the tests call it
	gapferry() { "$GAPFERRY" "$@" >out.txt 2>said.txt || { cat said.txt >&2; return 1; }; }
	R=127.0.0.1:$(cat registry.port)
	rm -rf out.tar other.tar back
}

make_layout() { python3 "$HERE/make_layout.py" "$@"; }
layout() { make_layout "$1" "$1"; }
ctr() { command ctr -a "$(cat docker.pid.exec)/containerd/containerd.sock" -n images "$@"; }
shown() { skopeo inspect --tls-verify=false --raw "docker://$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
root_of() { jq -r '.manifests[0].digest' "$1/index.json"; }
# The blobs of a bundle, or of a layout, sorted.
blobs_in() { tar -tf "$1" | sed -n 's,^blobs/sha256/,,p' | sort; }
blobs_of() { find "$1/blobs/sha256" -type f -printf '%f\n' | sort; }
# child KIND ARCH [VARIANT]: the digest of a manifest in that layout's index.
child() {
	jq -r --arg a "$2" --arg v "${3-}" '.manifests[] | select(.platform.architecture == $a and (.platform.variant // "") == $v) | .digest' \
		"$1/$(blob_of "$(root_of "$1")")" | head -n 1
}
platforms() { said "$1" '[.predicate.images[].platforms[].platform] | join(" ")'; }
# refused NAME TEXT OPTIONS...: pack refuses with that name, and says that.
refused() {
	local name=$1 text=$2
	shift 2
	"$GAPFERRY" pack --json -o out.tar --key release.pem "$@" >out.json 2>/dev/null && fail "packed: $*"
	same "$*" "$name" "$(jq -r .error.name out.json)"
	[[ $(jq -r .error.text out.json) == *"$text"* ]] || fail "$(cat out.json)"
	[ ! -e out.tar ]
}

@test "every shape crosses from registry and layout: each blob byte for byte, the digest that skopeo shows at the end" {
	for k in buildx nested mixed list artifact zstd empty none deep; do
		rm -rf out.tar other.tar back
		gapferry pack -q -o out.tar --key release.pem "docker://$R/src/$k:$k"
		gapferry pack -q -o other.tar --key release.pem --name "acme/$k:1" "oci:$k"
		gapferry verify -q --deep out.tar
		same "$k: blobs" "$(blobs_of $k)" "$(blobs_in out.tar)"
		same "$k: blobs of the layout" "$(blobs_of $k)" "$(blobs_in other.tar)"
		same "$k: digest" "$(root_of $k)" "$(said out.tar '.predicate.images[0].digest')"
		tar -xf out.tar blobs
		diff -r $k/blobs blobs
		rm -r blobs
		gapferry unpack -q --to "docker://$R/far" --to oci:back --name "$k:1" out.tar
		same "$k: far side" "$(root_of $k)" "$(shown "$R/far/$k:1")"
		same "$k: layout" "$(blobs_of $k)" "$(blobs_of back)"
	done
}

@test "a foreign layer crosses as its bytes, its urls are not followed; the registry's refusal of them is told" {
	gapferry pack -q -o out.tar --key release.pem --name acme/foreign:1 oci:foreign
	same blobs "$(blobs_of foreign)" "$(blobs_in out.tar)"
	gapferry unpack -q --to oci:back out.tar
	diff -r foreign/blobs back/blobs
	# docker-registry takes no manifest with urls unless it is told to
	"$GAPFERRY" unpack --json --to "docker://$R/far" out.tar >out.json 2>/dev/null && fail "the registry took a manifest with urls"
	[[ $(cat out.json) == *MANIFEST_BLOB_UNKNOWN* ]] || [[ $(cat out.json) == *"blob unknown"* ]] || fail "$(cat out.json)"
	same "nothing named" "" "$(tags_of far/acme/foreign)"
}

@test "attestations are evidence, artifacts no platform; a layer that is not there is refused" {
	gapferry pack -q -o out.tar --key release.pem "docker://$R/src/buildx:buildx"
	same platforms "linux/amd64 linux/arm64" "$(platforms out.tar)"
	same evidence 2 "$(said out.tar '[.predicate.blobs[] | select(.kind == "evidence")] | length')"
	ctr images import --all-platforms out.tar >/dev/null
	same "ctr's digest" "$(root_of buildx)" "$(ctr images ls | awk -v n="$R/src/buildx:buildx" '$1 == n { print $3 }')"
	# Docker stops at 125 layers, containerd does not
	gapferry pack -q -o other.tar --key release.pem "docker://$R/src/deep:deep"
	ctr images import --no-unpack other.tar >/dev/null
	same "127 layers" "$(root_of deep)" "$(ctr images ls | awk -v n="$R/src/deep:deep" '$1 == n { print $3 }')"
	rm other.tar
	gapferry pack -q -o other.tar --key release.pem "docker://$R/src/artifact:artifact"
	same "no platform" "unknown/unknown" "$(platforms other.tar)"
	same "nothing for docker load" null "$(said other.tar '.predicate.images[0].load')"
	rm out.tar
	refused layer-missing "is hollow" --name acme/absent:1 oci:absent
}

@test "empty and no layers in a Docker daemon: the image ID is the config's digest; zstd of a source is too new for it" {
	for k in empty none; do
		id=$(jq -r .config.digest "$k/$(blob_of "$(root_of $k)")")
		gapferry pack -q -o out.tar --key release.pem "docker://$R/src/$k:$k"
		same "$k: signed" "$id" "$(said out.tar '.predicate.images[0].platforms[0].imageId')"
		gapferry unpack -q --to docker-daemon: --name "far/$k:1" out.tar
		same "$k: loaded" "$id" "$(docker image inspect -f '{{.Id}}' "far/$k:1")"
		same "$k: layers" "$(jq -r '.layers | length' "$k/$(blob_of "$(root_of $k)")")" \
			"$(docker image inspect "far/$k:1" | jq '.[0].RootFS.Layers // [] | length')"
		rm out.tar
	done
	gapferry pack -q -o out.tar --key release.pem "docker://$R/src/zstd:zstd"
	"$GAPFERRY" unpack --json --to docker-daemon: --name far/zstd:1 out.tar >out.json 2>/dev/null && fail "Docker 20.10 took zstd"
	same "too new" zstd "$(jq -r .error.name out.json)"
}

@test "--layers zstd: what podman and skopeo read of it, what docker shows after unpack; the same bytes for one thread and two" {
	python3 "$HERE/make_image.py" raw.tar acme/raw:1 big:1700 small:3
	gapferry pack -q -o out.tar --key release.pem --created 2026-11-23T01:02:03Z --layers zstd -j 1 raw.tar
	gapferry pack -q -o other.tar --key release.pem --created 2026-11-23T01:02:03Z --layers zstd -j 2 raw.tar
	same manifest "$(tar -xOf out.tar META/manifest.json | sha256sum)" "$(tar -xOf other.tar META/manifest.json | sha256sum)"
	same types "application/vnd.oci.image.layer.v1.tar+zstd" \
		"$(tar -xOf out.tar "$(blob_of "$(digest_of out.tar docker.io/acme/raw:1)")" | jq -r '.layers[].mediaType' | sort -u)"
	[[ $(said out.tar .predicate.packer.compressor) == "libzstd "*" zstd 3" ]]
	gapferry verify -q --deep out.tar
	# stock zstd inflates a layer to its diff ID
	for i in 0 1; do
		same "diff ID $i" "$(diff_ids_of out.tar docker.io/acme/raw:1 | jq -r ".[$i]")" \
			"sha256:$(tar -xOf out.tar "$(blob_of "$(layers_of out.tar docker.io/acme/raw:1 | sed -n $((i + 1))p)")" | zstd -dc | sha256sum | cut -d' ' -f1)"
	done
	id=$(id_of out.tar docker.io/acme/raw:1)
	gapferry unpack -q --to docker-daemon: --name far/raw:1 out.tar
	same "docker's ID" "$id" "$(docker image inspect -f '{{.Id}}' far/raw:1)"
	same "podman's ID" "$id" "sha256:$(podman --root "$D/podman" --runroot "$D/podman-run" --storage-driver vfs load -q -i out.tar >/dev/null &&
		podman --root "$D/podman" --runroot "$D/podman-run" --storage-driver vfs image ls -aq --no-trunc | sed 's/^sha256://' | sort -u)"
	gapferry unpack -q --to "docker://$R/far" --name raw:1 out.tar
	same registry "$(digest_of out.tar docker.io/acme/raw:1)" "$(shown "$R/far/raw:1")"
	skopeo copy -q oci-archive:out.tar:docker.io/acme/raw:1 oci:back:raw
	same "skopeo's copy" "$(digest_of out.tar docker.io/acme/raw:1)" "$(root_of back)"
	# a daemon's save comes as a stream: compressed as it arrives, the same layers
	docker save far/raw:1 | "$GAPFERRY" pack -q -o other.tar.2 --key release.pem --layers zstd - >out.txt
	same "from a pipe" "$(layers_of out.tar docker.io/acme/raw:1)" "$(layers_of other.tar.2 docker.io/far/raw:1)"
	rm other.tar.2
}

@test "--platform: one child from a registry, a layout, an archive, a daemon's save and a daemon; nothing else is fetched" {
	amd=$(child buildx amd64) arm=$(child buildx arm64)
	: >registry.log
	gapferry pack -o out.tar --key release.pem --platform linux/arm64/v8 "docker://$R/src/buildx:buildx"
	grep -q 'what --platform chose is packed' said.txt
	same digest "$arm" "$(said out.tar '.predicate.images[0].digest')"
	same index "$(root_of buildx)" "$(said out.tar '.predicate.images[0].sourceIndex')"
	same name "$R/src/buildx:buildx" "$(said out.tar '.predicate.images[0].names[0]')"
	same bytes "$(sha256sum <"buildx/$(blob_of "$arm")")" "$(tar -xOf out.tar "$(blob_of "$arm")" | sha256sum)"
	grep -q "GET /v2/src/buildx/manifests/$arm" registry.log
	! grep -q "$amd" registry.log || fail "amd64 was asked for"
	same "blobs asked for" 3 "$(grep -c 'GET /v2/src/buildx/blobs' registry.log)"
	gapferry verify -q --deep out.tar
	gapferry unpack -q --to "docker://$R/far" --name arm:1 out.tar
	same "far side" "$arm" "$(shown "$R/far/arm:1")"
	same "what skopeo chooses" "$(skopeo inspect --tls-verify=false --override-arch arm64 --config --raw "docker://$R/src/buildx:buildx" | sha256sum)" \
		"$(tar -xOf out.tar "$(blob_of "$(said out.tar '.predicate.images[0].platforms[0].imageId')")" | sha256sum)"
	(cd buildx && tar -cf ../buildx.tar .)
	for s in oci:buildx oci-archive:buildx.tar; do
		rm out.tar
		gapferry pack -q -o out.tar --key release.pem --platform linux/amd64 --name acme/x:1 $s
		same "$s" "$amd" "$(said out.tar '.predicate.images[0].digest')"
		same "$s: blobs" 4 "$(blobs_in out.tar | wc -l)"
	done
	docker pull -q --platform linux/arm64 "$R/src/buildx:buildx"
	docker save -o saved.tar "$R/src/buildx:buildx"
	for s in docker-archive:saved.tar "docker-daemon:$R/src/buildx:buildx"; do
		rm -f out.tar
		gapferry pack -q -o out.tar --key release.pem --platform linux/arm64 "$s"
		same "$s" "$(jq -r .config.digest "buildx/$(blob_of "$arm")")" "$(said out.tar '.predicate.images[0].platforms[0].imageId')"
		rm out.tar
		refused platform "is one image, for linux/arm64: it has none for linux/amd64" --platform linux/amd64 "$s"
	done
}

@test "--platform: several get the platform into the tag, or the names of release.yaml; attestations stay behind" {
	gapferry pack -q -o out.tar --key release.pem --platform linux/arm64 --platform linux/amd64 "docker://$R/src/buildx:buildx"
	same names "$R/src/buildx:buildx-linux-arm64 $R/src/buildx:buildx-linux-amd64" "$(said out.tar '[.predicate.images[].names[]] | join(" ")')"
	same digests "$(child buildx arm64) $(child buildx amd64)" "$(said out.tar '[.predicate.images[].digest] | join(" ")')"
	same "no evidence" 0 "$(said out.tar '[.predicate.blobs[] | select(.kind == "evidence")] | length')"
	gapferry unpack -q --to "docker://$R/both" out.tar
	same "far side" "$(child buildx amd64)" "$(shown "$R/both/src/buildx:buildx-linux-amd64")"
	rm out.tar
	gapferry pack -q -o out.tar --key release.pem --platform linux/amd64 "docker://$R/src/buildx@$(root_of buildx)"
	same "a name with a digest" "$R/src/buildx@$(child buildx amd64)" "$(said out.tar '.predicate.images[0].names[0]')"
	rm out.tar
	printf 'images:\n  - source: docker://%s/src/nested:nested\n    platforms: [linux/s390x, linux/amd64]\n    names: [acme/z:1, acme/a:1]\n  - docker://%s/src/buildx:buildx\n' "$R" "$R" >release.yaml
	gapferry pack -q -o out.tar --key release.pem -f release.yaml
	same platforms "linux/s390x linux/amd64 linux/amd64 linux/arm64" "$(platforms out.tar)"
	same names "docker.io/acme/z:1 docker.io/acme/a:1 $R/src/buildx:buildx" "$(said out.tar '[.predicate.images[].names[]] | join(" ")')"
}

@test "--platform: what is not there, not one, not an image, and 'all' are refused with the reason" {
	refused platform "has no image for linux/riscv64; it has linux/amd64, linux/arm64" --platform linux/amd64 --platform linux/riscv64 "docker://$R/src/buildx:buildx"
	refused platform "$(root_of windows)' has more than one image for windows/amd64: sha256:" --platform windows/amd64 --name acme/w:1 oci:windows
	refused platform "of os.version 10.0.20348.2" --platform windows/amd64 "docker://$R/src/windows:windows"
	refused platform "is one image, for linux/amd64: it has none for linux/arm64" --platform linux/arm64 "docker://$R/src/deep:deep"
	refused platform "it is no image of an operating system" --platform linux/amd64 "docker://$R/src/artifact:artifact"
	refused option "an index is kept whole" --platform all "docker://$R/src/buildx:buildx"
	refused option "write OS/ARCHITECTURE" --platform amd64 "docker://$R/src/buildx:buildx"
}

@test "an index that is wide and much used is refused before it takes a minute" {
	make_layout wide wide
	refused graph-limit "1000000" oci:wide
	rm -r wide
}

@test "names with ports, digests and IPv6 hosts cross; uppercase and IDN are refused with the reason" {
	digest=$(root_of zstd)
	for n in localhost:5000/a/b:1 '[::1]:5000/a/b:1' '[fd00::1]/a:1' registry.example:5000/a__b/c-d.e:V1_x "registry.example/a@$digest"; do
		rm -f out.tar
		gapferry pack -q -o out.tar --key release.pem --name "$n" oci:zstd
		same name "$n" "$(said out.tar '.predicate.images[0].names[0]')"
		same "index.json of $n" "$n" "$(tar -xOf out.tar index.json | jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]')"
		gapferry verify -q out.tar
	done
	# the last one: a digest, which docker load takes no name with
	same RepoTags '[]' "$(tar -xOf out.tar manifest.json | jq -c '.[0].RepoTags')"
	rm out.tar
	refused reference "lower-case" --name registry.example/Team/App:1 oci:zstd
	refused reference "xn--" --name bücher.example/app:1 oci:zstd
	refused reference "not ASCII" --name registry.example/bücher:1 oci:zstd
	"$GAPFERRY" pack --json -o out.tar "docker://$R/Src/zstd:zstd" >out.json && fail "upper case was taken"
	[[ $(jq -r .error.text out.json) == *lower-case* ]]
}
