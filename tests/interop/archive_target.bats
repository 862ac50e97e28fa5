#!/usr/bin/env bats
# unpack into oci-archive: and docker-archive:, a file or stdout: what ctr, docker, podman and skopeo make of it, and what
# is left when a run comes to no good.

bats_require_minimum_version 1.5.0

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-arc.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys
	"$HERE/../lib/busybox-image.sh" web.src acme/web:1.0 'web here'
	"$HERE/../lib/busybox-image.sh" api.src registry.build.example:5000/acme/api:2.0 'api here'
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	gapferry pack -q -o one.tar --key release.pem --stream one --sequence 1 web.src
	gapferry unpack -q --to oci:layout one.tar
	python3 "$HERE/make_index.py" layout acme/multi:1
	gapferry pack -q -o three.tar --key release.pem --stream three --sequence 1 oci:layout web.src api.src
	gapferry unpack -q --to oci-archive:oci.tar --to docker-archive:docker.tar three.tar
}

teardown_file() {
	load common
	stop_server "$D/docker.pid"
	stop_server "$D/containerd.pid"
	awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$D"
}

setup() {
	load common
	T=$D/t.$BATS_TEST_NUMBER
	mkdir -p "$T"
	cd "$T" || return 1
	ln -s "$D"/*.tar "$D"/*.src "$D"/release.* .
	export HOME="$D/home" GAPFERRY_STATE="$T/state" GAPFERRY_CONFIG="$T/config"
	cp -r "$D/config" .
}

WEB=docker.io/acme/web:1.0 API=registry.build.example:5000/acme/api:2.0 MULTI=docker.io/acme/multi:1
NAMES="$MULTI $WEB $API"
# The image ID of the platform that is named by load.
load_id() { said "$1" ".predicate.images[] | select(.names | index(\"$2\")) | .load as \$l | .platforms[] | select(.platform == \$l) | .imageId"; }
# Nothing but what was there: no archive, no temporary file.
left() { find . -maxdepth 1 -type f ! -name 'release.*' ! -name '*.txt' -printf '%f '; }
log() { jq -r "$1" "$GAPFERRY_STATE/audit.jsonl"; }

@test "ctr images import, from a file and from stdout: digests, an index whole, every image complete" {
	containerd --root "$D/c8d" --state "$D/c8d-run" --address "$D/c8d.sock" --log-level error >"$D/containerd.log" 2>&1 3>&- 4>&- &
	echo $! >"$D/containerd.pid"
	wait_until "$D/containerd.pid" "$D/containerd.log" ctr -a "$D/c8d.sock" version
	ctr -a "$D/c8d.sock" -n file images import --all-platforms oci.tar
	gapferry unpack -q --to oci-archive:- three.tar 2>report.txt | ctr -a "$D/c8d.sock" -n pipe images import --all-platforms -
	for space in file pipe; do
		for n in $NAMES; do
			same "$space $n" "$(digest_of three.tar "$n")" "$(ctr -a "$D/c8d.sock" -n $space images ls name=="$n" | awk 'NR == 2 { print $3 }')"
		done
		same "$space: complete" 3 "$(ctr -a "$D/c8d.sock" -n $space images check | grep -c ' complete ')"
	done
	same platforms linux/amd64,linux/arm64 "$(ctr -a "$D/c8d.sock" -n pipe images ls name==$MULTI | awk 'NR == 2 { print $6 }')"
	grep -F "$(digest_of three.tar $API)" report.txt
	gapferry unpack -q --to docker-archive:- three.tar 2>/dev/null | ctr -a "$D/c8d.sock" -n docker images import -
	for n in $NAMES; do
		m=$(ctr -a "$D/c8d.sock" -n docker images ls name=="$n" | awk 'NR == 2 { print $3 }')
		same "docker-archive $n" "$(load_id three.tar "$n")" "$(ctr -a "$D/c8d.sock" -n docker content get "$m" | jq -r .config.digest)"
	done
	# what a run that came to no good has sent is refused whole
	remake damage three.tar bad.bundle "$(layers_of three.tar $API | tail -1)"
	for k in oci docker; do
		gapferry unpack -q --to $k-archive:- bad.bundle >cut.txt 2>/dev/null || true
		at_least "$k: bytes that had passed" 1000 "$(stat -c %s cut.txt)"
		run ctr -a "$D/c8d.sock" -n cut images import cut.txt
		[ "$status" -ne 0 ]
		same "$k: images" 1 "$(ctr -a "$D/c8d.sock" -n cut images ls | wc -l)"
	done
	stop_server "$D/containerd.pid"
}

@test "docker load and podman load of a docker-archive: image IDs; it runs" {
	export DOCKER_HOST="unix://$D/docker.sock"
	start_dockerd "$D"
	podman() { command podman --root "$D/podman" --runroot "$D/podman-run" --storage-driver vfs --events-backend file "$@"; }
	docker load -q -i docker.tar
	podman load -q -i docker.tar
	for n in $NAMES; do
		same "docker $n" "$(load_id three.tar "$n")" "$(docker image inspect -f '{{.Id}}' "$n")"
		same "podman $n" "$(load_id three.tar "$n")" "sha256:$(podman image inspect -f '{{.Id}}' "$n")"
	done
	same output 'api here' "$(docker run --rm --network none $API)"
	# shellcheck disable=SC2086 # one word each
	docker rmi -f $NAMES >/dev/null
	gapferry unpack -q --name shop/web --tag a --tag b --to docker-archive:- one.tar 2>/dev/null | docker load -q
	for t in a b; do
		same "from stdout, $t" "$(load_id one.tar $WEB)" "$(docker image inspect -f '{{.Id}}' "shop/web:$t")"
	done
	# zstd is inflated: each layer is then what its diff ID says
	gapferry pack -q --layers zstd -o z.bundle --key release.pem web.src
	gapferry unpack -q --to docker-archive:z.tar z.bundle
	same "raw layer" "$(diff_ids_of z.bundle $WEB)" "[\"sha256:$(tar -xOf z.tar "$(tar -xOf z.tar manifest.json | jq -r '.[0].Layers[0]')" | sha256sum | cut -d' ' -f1)\"]"
	gapferry unpack -q --to docker-archive:- z.bundle 2>/dev/null | cmp - z.tar
	docker load -q -i z.tar
	same "inflated" "$(load_id z.bundle $WEB)" "$(docker image inspect -f '{{.Id}}' $WEB)"
	gapferry unpack --json --to docker-archive:z.tar z.bundle >json.txt
	same "again" held "$(jq -r '.names[0].state' json.txt)"
	docker images -q --no-trunc | sort >before.txt
	remake damage three.tar bad.bundle "$(layers_of three.tar $API | tail -1)"
	gapferry unpack -q --to docker-archive:- bad.bundle >cut.txt 2>/dev/null || true
	run docker load -i cut.txt
	[ "$status" -ne 0 ]
	docker images -q --no-trunc | sort | cmp - before.txt
	stop_server "$D/docker.pid"
}

@test "skopeo and podman: an oci-archive keeps the digest, an index with all its platforms" {
	for n in $NAMES; do
		rm -rf to
		skopeo copy -q --all "oci-archive:oci.tar:$n" dir:to
		same "$n" "$(digest_of three.tar "$n")" "sha256:$(sha256sum <to/manifest.json | cut -d' ' -f1)"
		same "$n in a docker-archive" "$(tar -xOf three.tar "$(blob_of "$(load_id three.tar "$n")")" | jq -r .architecture)" \
			"$(skopeo inspect --config "docker-archive:docker.tar:$n" | jq -r .architecture)"
	done
	podman() { command podman --root "$D/podman2" --runroot "$D/podman2-run" --storage-driver vfs --events-backend file "$@"; }
	gapferry unpack -q --to oci-archive:web.oci:shop/web:9 one.tar
	podman load -q -i web.oci
	same digest "$(digest_of one.tar $WEB)" "$(podman image inspect -f '{{.Digest}}' docker.io/shop/web:9)"
	same ID "$(id_of one.tar $WEB)" "sha256:$(podman image inspect -f '{{.Id}}' docker.io/shop/web:9)"
}

@test "pack takes both kinds back: the digests are the same" {
	gapferry pack -q -o back.tar oci-archive:oci.tar
	same oci "$(said three.tar '[.predicate.images[].digest] | sort')" "$(said back.tar '[.predicate.images[].digest] | sort')"
	gapferry pack -q -o back2.tar docker-archive:docker.tar
	for n in $WEB $API; do
		same "$n" "$(load_id three.tar "$n")" "$(load_id back2.tar "$n")"
	done
}

@test "file and stdout have the same bytes; the same again writes nothing" {
	for k in oci docker; do
		gapferry unpack -q --to $k-archive:- three.tar 2>/dev/null | cmp - $k.tar
		gapferry unpack -q --to $k-archive:again.$k three.tar
		cmp again.$k $k.tar
		touch -d @1000 again.$k
		gapferry unpack --json --to $k-archive:again.$k three.tar >json.txt
		same "$k: second run" "[0,\"held\"]" "$(jq -c '[.targets[0].blobsSent, (.names | map(.state) | unique | .[])]' json.txt)"
		same "$k: time" 1000 "$(stat -c %Y again.$k)"
	done
	(umask 027 && gapferry unpack -q --to oci-archive:mode three.tar)
	same mode 640 "$(stat -c %a mode)"
}

@test "another file is there: refused, kept or replaced, as on-existing says" {
	echo something >x.tar
	run --separate-stderr gapferry unpack --json --to oci-archive:x.tar three.tar
	same "exit status" 3 "$status"
	same name exists "$(jq -r .error.name <<<"$output")"
	same bytes something "$(cat x.tar)"
	environment prod <<-END
		targets: [{oci-archive: "$T/x.tar"}]
		on-existing: keep
	END
	gapferry unpack --json --env prod three.tar >json.txt
	same kept '["kept"]' "$(jq -c '[.names[].state] | unique' json.txt)"
	same bytes something "$(cat x.tar)"
	sed -i 's/keep/overwrite/' config/environments/prod.yaml
	gapferry unpack --json --env prod three.tar >json.txt
	same moved '["sent"]' "$(jq -c '[.names[].state] | unique' json.txt)"
	cmp x.tar oci.tar
	# a k3s that keeps one file for each release: the next one takes its place
	gapferry pack -q -o next.bundle --key release.pem --stream three --sequence 2 api.src
	gapferry unpack -q --env prod next.bundle
	same "the next release" $API "$(tar -xOf x.tar index.json | jq -r '.manifests[].annotations["io.containerd.image.name"]')"
}

@test "what is no place for a file: 2, before anything is read" {
	mkdir dir
	mkfifo fifo
	for p in dir fifo; do
		run --separate-stderr gapferry unpack --json --to docker-archive:$p three.tar
		same "$p" "2 archive-path" "$status $(jq -r .error.name <<<"$output")"
	done
	run gapferry unpack --to docker-archive:none/x three.tar
	same "no directory" 5 "$status"
	[[ $output == *"directory 'none' cannot be opened"* ]]
	run gapferry unpack --json --to oci-archive:- three.tar
	same "json and an archive on stdout" 2 "$status"
	[[ $output == *"stdout already takes the archive"* ]]
	run script -qec "'$GAPFERRY' unpack --to oci-archive:- three.tar" /dev/null
	[[ $output == *"would write an archive to the terminal"* ]]
	run grep loaded "$GAPFERRY_STATE/audit.jsonl"
	same "loaded" 1 "$status"
}

@test "a damaged bundle: no file; on stdout nothing that loads: 4" {
	remake damage three.tar bad.bundle "$(layers_of three.tar $API | tail -1)"
	for k in oci docker; do
		run gapferry unpack --to $k-archive:x.tar bad.bundle
		same "$k" 4 "$status"
		same "$k: left" 'bad.bundle ' "$(left)"
		rc=0
		gapferry unpack --to $k-archive:- bad.bundle >out.txt 2>err.txt || rc=$?
		same "$k to stdout" 4 $rc
		at_least "$k: bytes that had passed" 1000 "$(stat -c %s out.txt)"
		run tar -xOf out.txt index.json manifest.json
		[ "$status" -ne 0 ]
		for n in $WEB $API; do
			run skopeo inspect "$k-archive:out.txt:$n"
			[ "$status" -ne 0 ]
		done
		grep 'nothing loads it' err.txt
	done
	same log refused "$(log .type | tail -1)"
}

@test "a bundle that nobody vouches for: no byte on stdout, no file: 3" {
	gapferry key new --no-passphrase stranger
	gapferry pack -q -o forged.bundle --key stranger.pem web.src
	gapferry unpack --to oci-archive:- --to docker-archive:x.tar forged.bundle >out.txt 2>err.txt || rc=$?
	same "exit status" 3 "$rc"
	same bytes 0 "$(stat -c %s out.txt)"
	[ ! -e x.tar ]
}

@test "several targets, one read of a pipe; one that fails ends only itself: 5" {
	gapferry unpack -q --to oci-archive:a.tar --to docker-archive:b.tar --to oci:l --to oci-archive:- - <three.tar 2>/dev/null >c.tar
	cmp a.tar oci.tar
	cmp c.tar oci.tar
	cmp b.tar docker.tar
	same layout "$(digest_of three.tar $MULTI)" "$(jq -r --arg n $MULTI '.manifests[] | select(.annotations["io.containerd.image.name"] == $n) | .digest' l/index.json)"
	rm a.tar
	rc=0
	gapferry unpack -q --to oci-archive:a.tar --to oci-archive:- three.tar >/dev/full 2>err.txt || rc=$?
	same "stdout is full" 5 $rc
	cmp a.tar oci.tar
	same log "intent accepted loaded loaded loaded failed" "$(log .type | tail -6 | tr '\n' ' ' | sed 's/ $//')"
}

@test "kill -9 while it is written: nothing there; the next run finishes" {
	mkfifo pipe
	"$GAPFERRY" unpack -q --to "oci-archive:$T/k.tar" pipe >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	exec 5<>pipe
	head -c 1500000 three.tar >&5
	for _ in $(seq 100); do
		find /proc/$pid/fd -lname '* (deleted)' 2>/dev/null | grep -q . && break
		sleep 0.05
	done
	kill -9 $pid
	wait $pid || true
	exec 5>&-
	same left '' "$(left)"
	gapferry unpack -q --to "oci-archive:$T/k.tar" three.tar
	cmp k.tar oci.tar
	same left 'k.tar ' "$(left)"
}

@test "a file that somebody else writes meanwhile is left to him: 3" {
	mkfifo pipe
	"$GAPFERRY" unpack -q --to oci-archive:x.tar pipe >/dev/null 2>err.txt 3>&- 4>&- &
	pid=$!
	exec 5<>pipe
	head -c 1500000 three.tar >&5
	for _ in $(seq 100); do
		find /proc/$pid/fd -lname '* (deleted)' 2>/dev/null | grep -q . && break
		sleep 0.05
	done
	echo his >x.tar
	tail -c +1500001 three.tar >&5
	exec 5>&-
	rc=0
	wait $pid || rc=$?
	same "exit status" 3 $rc
	grep "since the plan was made: 'x.tar' is already there" err.txt
	same his his "$(cat x.tar)"
}

@test "docker-archive: what it cannot hold is said: zstd layers, names by digest; oci-archive holds them" {
	skopeo copy -q --dest-compress --dest-compress-format zstd oci-archive:oci.tar:$WEB oci:z:acme/z:1
	gapferry pack -q -o z.bundle --key release.pem oci:z
	run --separate-stderr gapferry unpack --json --to docker-archive:x.tar z.bundle
	same zstd "5 zstd" "$status $(jq -r .error.name <<<"$output")"
	[ ! -e x.tar ]
	gapferry unpack -q --to oci-archive:x.tar z.bundle
	skopeo copy -q oci-archive:x.tar:docker.io/acme/z:1 dir:to
	same digest "$(digest_of z.bundle docker.io/acme/z:1)" "sha256:$(sha256sum <to/manifest.json | cut -d' ' -f1)"
	jq -c 'del(.manifests[0].annotations)' z/index.json >index.txt
	cp index.txt z/index.json
	gapferry pack -q -o d.bundle --key release.pem --name "acme/d@$(digest_of z.bundle docker.io/acme/z:1)" oci:z
	run gapferry unpack --to docker-archive:y.tar d.bundle
	same "by digest" 2 "$status"
	[[ $output == *"a docker-archive knows no names by digest"* ]]
	gapferry unpack -q --to oci-archive:y.tar d.bundle
	# an artifact has no platform
	mkdir -p art/blobs/sha256
	store() { printf '%s' "$1" >"art/blobs/sha256/$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)"; }
	of() { printf '"digest":"sha256:%s","size":%d' "$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)" ${#1}; }
	m="{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactType\":\"text/x-note\",\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",$(of '{}')},\"layers\":[{\"mediaType\":\"text/plain\",$(of note)}]}"
	store '{}'
	store note
	store "$m"
	printf '{"imageLayoutVersion":"1.0.0"}' >art/oci-layout
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s,"annotations":{"org.opencontainers.image.ref.name":"acme/note:1"}}]}' "$(of "$m")" >art/index.json
	gapferry pack -q -o art.bundle --key release.pem oci:art
	run --separate-stderr gapferry unpack --json --to docker-archive:w.tar art.bundle
	same artifact "5 platform" "$status $(jq -r .error.name <<<"$output")"
	gapferry unpack -q --to oci-archive:w.tar art.bundle
	same note note "$(tar -xOf w.tar "blobs/sha256/$(printf note | sha256sum | cut -d' ' -f1)")"
	# podman and skopeo read 1 MiB of manifest.json
	# shellcheck disable=SC2046 # one word each
	run --separate-stderr gapferry unpack --json --to docker-archive:v.tar $(printf -- '--tag %0120d ' $(seq 8000)) one.tar
	same "many names" "5 too-large" "$status $(jq -r .error.name <<<"$output")"
}

@test "--dry-run says what would be written and writes nothing" {
	gapferry unpack --json --dry-run --to oci-archive:x.tar --to docker-archive:- three.tar >json.txt 2>/dev/null && fail "json and stdout"
	gapferry unpack --json --dry-run --to oci-archive:x.tar three.tar >json.txt
	same "to send" "$(tar -tf oci.tar | grep -c ^blobs/)" "$(jq '.targets[0].blobsSent' json.txt)"
	gapferry unpack --dry-run --to docker-archive:- three.tar >out.txt 2>err.txt
	same "on stdout" 0 "$(stat -c %s out.txt)"
	grep 'Nothing was changed' err.txt
	same left '' "$(left)"
}
