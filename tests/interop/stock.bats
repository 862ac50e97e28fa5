#!/usr/bin/env bats
# A full bundle opened by tools that everyone has, each with its result compared and not only its exit status
# (DESIGN.md 3.6).  Versions are printed by the first test.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-stock.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config
	# a base of 3 MB and two images on it; layers are what busybox is, so that they compress
	"$HERE/../lib/busybox-image.sh" web.src.tar acme/web:1.0 'web here'
	"$HERE/../lib/busybox-image.sh" api.src.tar registry.build.example:5000/acme/api:2.0 'api here'
	gapferry key new --no-passphrase release
	gapferry pack -q -o gzip.tar --key release.pem --stream shop --sequence 1 web.src.tar api.src.tar >pack.out
	gapferry pack -q -o raw.tar --layers none --key release.pem --stream shop --sequence 1 web.src.tar api.src.tar
	gapferry pack -q -o one.tar --key release.pem --stream shop --sequence 1 web.src.tar
	gapferry pack -q -o dir/ --key release.pem --stream shop --sequence 1 web.src.tar
	start_dockerd "$D"
	start_registry "$D"
}

teardown_file() {
	load common
	stop_server "$D/docker.pid"
	stop_server "$D/registry.pid"
	stop_server "$D/containerd.pid"
	awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
}

docker_io() { case $1 in acme/web*) echo "docker.io/$1" ;; *) echo "$1" ;; esac }
image_id() { said "$1" ".predicate.images[] | select(.names[] == \"$2\") | .platforms[0].imageId"; }
digest() { said "$1" ".predicate.images[] | select(.names[] == \"$2\") | .digest"; }
WEB=docker.io/acme/web:1.0 API=registry.build.example:5000/acme/api:2.0

@test "versions of the peers" {
	echo "# $(tar --version | head -1); $(openssl version); $(docker version -f 'docker {{.Client.Version}}, daemon {{.Server.Version}}')" >&3
	echo "# $(skopeo --version); $(podman --version); $(ctr --version); registry $(docker-registry --version | cut -d' ' -f3)" >&3
}

@test "tar lists the members in the order of the format" {
	tar -tf gzip.tar >list
	same first META/manifest.json "$(sed -n 1p list)"
	same third SHA256SUMS "$(grep -v '^META/' list | head -1)"
	same "members of manifest and tar" "$(said gzip.tar '.predicate.blobs[].digest[7:]')" "$(sed -n 's|^blobs/sha256/||p' list)"
	same "one kind" -rw-r--r-- "$(tar -tvf gzip.tar | cut -d' ' -f1 | sort -u)"
}

@test "tar and sha256sum --strict -c account for every member" {
	for b in gzip raw; do
		rm -rf x
		mkdir x
		tar -xf $b.tar -C x
		(cd x && sha256sum --strict -c SHA256SUMS) >sums.out
		same "lines of SHA256SUMS" "$(tar -tf $b.tar | grep -cvE '^META/|^SHA256SUMS$')" "$(grep -c ': OK$' sums.out)"
		same "bad lines" 0 "$(grep -cv ': OK$' sums.out || true)"
		same "sum of SHA256SUMS" "$(said $b.tar '.predicate.files[0].sha256')" "$(sha256sum <x/SHA256SUMS | cut -d' ' -f1)"
		# and a byte of a blob that changed is seen
		blob=$(sed -n 's/^.*  \(blobs.*\)$/\1/p' x/SHA256SUMS | tail -1)
		printf x | dd of=x/"$blob" bs=1 seek=9 conv=notrunc status=none
		run sh -c 'cd x && sha256sum --strict -c SHA256SUMS'
		[ "$status" -eq 1 ]
	done
	(cd dir && sha256sum --strict --quiet -c SHA256SUMS)
}

@test "openssl verifies the signature, and refuses another manifest" {
	rm -rf x
	mkdir x
	tar -xf gzip.tar -C x
	sig=$(echo x/META/manifest.json.*.sig)
	base64 -d "$sig" >x/s
	run openssl dgst -sha256 -verify release.pub -signature x/s x/META/manifest.json
	same openssl "Verified OK" "$output"
	same "key id in the name" "$(openssl pkey -pubin -in release.pub -outform DER | sha256sum | cut -c1-16)" "$(basename "$sig" .sig | cut -d. -f3)"
	sed -i 's/"sequence": 1/"sequence": 2/' x/META/manifest.json
	grep -F '"sequence": 2' x/META/manifest.json
	run openssl dgst -sha256 -verify release.pub -signature x/s x/META/manifest.json
	[ "$status" -ne 0 ]
}

@test "docker load: names and image IDs are those of the manifest" {
	for b in gzip raw; do
		docker load -q -i $b.tar
		for n in acme/web:1.0 "$API"; do
			same "$b $n" "$(image_id $b.tar "$(docker_io "$n")")" "$(docker image inspect -f '{{.Id}}' "$n")"
		done
		docker rmi -f acme/web:1.0 "$API" >/dev/null
	done
}

@test "docker load: what sign --rewrite made is the same images, from a tar, a directory and back" {
	gapferry key new --no-passphrase --type minisign second
	gapferry sign -q --key second.key --rewrite signed.tar gzip.tar
	gapferry sign -q --key second.key --rewrite signed/ dir
	gapferry sign -q --rewrite back.tar signed
	for b in "signed acme/web:1.0 $API" 'back acme/web:1.0'; do
		read -r b names <<<"$b"
		gapferry verify -q --key second.pub "$b.tar"
		docker load -q -i "$b.tar"
		for n in $names; do
			same "$b $n" "$(image_id gzip.tar "$(docker_io "$n")")" "$(docker image inspect -f '{{.Id}}' "$n")"
			docker rmi -f "$n" >/dev/null
		done
	done
}

@test "docker runs what was loaded" {
	docker load -q -i gzip.tar
	same output 'web here' "$(docker run --rm --network none acme/web:1.0)"
	docker rmi -f acme/web:1.0 "$API" >/dev/null
}

@test "podman load: image ID, and for one image the manifest's digest" {
	podman() { command podman --root "$D/podman" --runroot "$D/podman-run" --storage-driver vfs --events-backend file "$@"; }
	podman load -q -i one.tar
	same ID "$(image_id one.tar $WEB)" "sha256:$(podman image inspect -f '{{.Id}}' $WEB)"
	same digest "$(digest one.tar $WEB)" "$(podman image inspect -f '{{.Digest}}' $WEB)"
	podman load -q -i gzip.tar
	same ID "$(image_id gzip.tar $API)" "sha256:$(podman image inspect -f '{{.Id}}' $API)"
}

@test "ctr images import: digest and config are those of the manifest" {
	containerd --root "$D/c8d" --state "$D/c8d-run" --address "$D/c8d.sock" --log-level error >"$D/containerd.log" 2>&1 3>&- 4>&- &
	echo $! >"$D/containerd.pid"
	wait_until "$D/containerd.pid" "$D/containerd.log" ctr -a "$D/c8d.sock" version
	for b in gzip raw; do
		ctr -a "$D/c8d.sock" images import "$b.tar"
		for n in $WEB $API; do
			same "$b $n" "$(digest $b.tar "$n")" "$(ctr -a "$D/c8d.sock" images ls name=="$n" | awk 'NR == 2 { print $3 }')"
			m=$(digest $b.tar "$n")
			same "$b $n image ID" "$(image_id $b.tar "$n")" "$(ctr -a "$D/c8d.sock" content get "$m" | jq -r .config.digest)"
		done
		ctr -a "$D/c8d.sock" images check | awk 'NR > 1 && $4 != "complete" { bad = 1 } END { exit bad }'
		ctr -a "$D/c8d.sock" images rm $WEB $API
	done
	stop_server "$D/containerd.pid"
}

@test "skopeo copy oci-archive:NAME:REF to a directory: the manifest is kept byte for byte" {
	for b in gzip raw; do
		for n in $WEB $API; do
			rm -rf to
			skopeo copy -q "oci-archive:$b.tar:$n" dir:to
			same "$b $n" "$(digest $b.tar "$n")" "sha256:$(sha256sum <to/manifest.json | cut -d' ' -f1)"
			same "$b $n, image ID" "$(image_id $b.tar "$n")" "$(jq -r .config.digest to/manifest.json)"
		done
	done
}

@test "skopeo copy oci-archive:NAME:REF to a registry: its digest is the manifest's" {
	host=127.0.0.1:$(cat registry.port)
	skopeo copy -q --dest-tls-verify=false "oci-archive:gzip.tar:$WEB" "docker://$host/stock/web:1"
	same digest "$(digest gzip.tar $WEB)" "$(skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://$host/stock/web:1")"
}

@test "the digest that pack printed is what gapferry's own push and layout show" {
	host=127.0.0.1:$(cat registry.port)
	grep -F "$(digest gzip.tar $API)" pack.out
	gapferry unpack -q --key release.pub --to "docker://$host/ours" gzip.tar
	same registry "$(digest gzip.tar $API)" "$(skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://$host/ours/acme/api:2.0")"
	rm -rf layout
	gapferry unpack -q --key release.pub --to oci:layout gzip.tar
	same layout "$(digest gzip.tar $API)" "$(jq -r ".manifests[] | select(.annotations[\"org.opencontainers.image.ref.name\"] | endswith(\"acme/api:2.0\")).digest" layout/index.json)"
}

@test "umoci unpacks a layout that gapferry wrote" {
	rm -rf layout rootfs
	gapferry unpack -q --state umoci --key release.pub --to oci:layout --name web --tag here one.tar
	# umoci takes no reference with a slash or a colon
	jq -c '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "here"' layout/index.json >index.new
	mv index.new layout/index.json
	umoci unpack --image layout:here rootfs
	same motd 'web here' "$(cat rootfs/rootfs/etc/motd)"
}

@test "gzip and raw bundles have the same image IDs" {
	same "image IDs" "$(said gzip.tar '[.predicate.images[].platforms[].imageId]')" "$(said raw.tar '[.predicate.images[].platforms[].imageId]')"
}
