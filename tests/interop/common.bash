# shellcheck shell=bash
# common.bash: what the tests with real peers share.  Sourced by the .bats files.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/servers.sh
. "$HERE/../lib/servers.sh"
GAPFERRY=${GAPFERRY:-$HERE/../../build/gapferry}
# 107 bytes are all that a socket's path may have, and bats' own directories are deep.
D=${GF_INTEROP_DIR-}

gapferry() { "$GAPFERRY" "$@"; }
fail() {
	echo "$*" >&2
	return 1
}
# same WHAT EXPECTED FOUND
same() { [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"; }

# The value of a member of the manifest that a bundle signs.
said() { tar -xOf "$1" META/manifest.json | jq -r "$2"; }

# layer_image OUT REF SEED SIZE... - a docker-archive of one image, each layer one file of SIZE MiB of keystream bytes
# (not compressible; the same for the same SEED), and a small one.
layer_image() {
	local out=$1 ref=$2 seed=$3 dir i=0 ids='' layers=''
	shift 3
	dir=$(mktemp -d "$D/image.XXXXXX")
	for size; do
		mkdir -p "$dir/root" "$dir/image/l$i"
		head -c "${size}M" /dev/zero | openssl enc -aes-128-ctr -pass "pass:$seed.$i" -nosalt -pbkdf2 2>/dev/null >"$dir/root/data$i"
		tar --format=gnu --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$dir/root" -cf "$dir/image/l$i/layer.tar" "data$i"
		rm -r "$dir/root"
		ids="$ids,\"sha256:$(openssl dgst -sha256 -r "$dir/image/l$i/layer.tar" | cut -d' ' -f1)\""
		layers="$layers,\"l$i/layer.tar\""
		i=$((i + 1))
	done
	printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' "${ids#,}" >"$dir/image/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":[%s]}]' "$ref" "${layers#,}" >"$dir/image/manifest.json"
	tar -C "$dir/image" -cf "$out" .
	rm -r "$dir"
}

# make_image, remake: the scripts beside this file.
make_image() { python3 "$HERE/make_image.py" "$@"; }
remake() { python3 "$HERE/remake.py" "$@"; }
# The layers of the image that has this name in a bundle, as its manifest lists them.
layers_of() { tar -xOf "$1" "$(blob_of "$(digest_of "$1" "$2")")" | jq -r '.layers[].digest'; }
digest_of() { said "$1" ".predicate.images[] | select(.names | index(\"$2\")) | .digest"; }
id_of() { said "$1" ".predicate.images[] | select(.names | index(\"$2\")) | .platforms[0].imageId"; }
blob_of() { echo "blobs/sha256/${1#sha256:}"; }
diff_ids_of() { tar -xOf "$1" "$(blob_of "$(id_of "$1" "$2")")" | jq -c .rootfs.diff_ids; }
# environment NAME: its file, from stdin.
environment() {
	mkdir -p "$GAPFERRY_CONFIG/environments"
	{
		echo "environment: $1"
		cat
	} >"$GAPFERRY_CONFIG/environments/$1.yaml"
}
# The lines of the log: one word each.
logged() { jq -r .type "$GAPFERRY_STATE/audit.jsonl" | tr '\n' ' '; }
# The tags of a repository in a registry, sorted; nothing where there is none.
tags_of() { curl -s --noproxy '*' "${@:2}" "http://127.0.0.1:$(cat registry.port)/v2/$1/tags/list" | jq -r '.tags // [] | sort | join(" ")'; }
has_blob() { [ "$(curl -s -o /dev/null --noproxy '*' -w '%{http_code}' -I "http://127.0.0.1:$(cat registry.port)/v2/$1/blobs/$2")" = 200 ]; }

# peak OUT COMMAND... - run it, its peak resident memory in KiB into the file OUT.
peak() {
	local out=$1
	shift
	/usr/bin/time -f %M -o "$out" "$@"
}

# at_most WHAT LIMIT FOUND, at_least WHAT LIMIT FOUND
at_most() { [ "$3" -le "$2" ] || fail "$1: $3 is more than $2"; }
at_least() { [ "$3" -ge "$2" ] || fail "$1: $3 is less than $2"; }

# start_proxy NAME [--cut N]: $PROXY is then the registry behind it, that of registry.port or of the file $behind.
start_proxy() {
	local name=$1
	shift
	rm -f "$name.port" "$name.count"
	python3 "$HERE/counting_proxy.py" "$D/$name.port" "$D/$name.count" "$(cat "${behind-registry.port}")" "$@" >"$name.log" 2>&1 3>&- 4>&- &
	echo $! >"$name.pid"
	wait_until "$name.pid" "$name.log" test -s "$name.port"
	PROXY=127.0.0.1:$(cat "$name.port")
	export PROXY
}
# start_daemon_proxy NAME [--stall N]: $PROXY is then the socket of the daemon behind it.
start_daemon_proxy() {
	local name=$1
	shift
	rm -f "$name.port" "$name.port.sock" "$name.count"
	python3 "$HERE/counting_proxy.py" "$D/$name.port" "$D/$name.count" "$D/docker.sock" "$@" >"$name.log" 2>&1 3>&- 4>&- &
	echo $! >"$name.pid"
	wait_until "$name.pid" "$name.log" test -s "$name.port"
	PROXY=unix://$(cat "$name.port")
	export PROXY
}
# reached NAME BYTES: wait until so many have come.
reached() {
	for _ in $(seq 600); do
		kill -USR1 "$(cat "$1.pid")"
		[ "$(cat "$1.count")" -lt "$2" ] || return 0
		sleep 0.05
	done
	fail "$1: $(cat "$1.count") bytes came, not $2"
}
# Ends it; the bytes that were sent through it.
counted() {
	stop_server "$1.pid"
	cat "$1.count"
}

# memory MIB: pack, verify and unpack of an image with one layer of MIB keystream bytes, with the address space of data
# limited to 128 MiB: at most 32 MiB resident.  A sanitizer build has memory of its own: then without limits.
memory() {
	local size=$1 layers f limit=32768 data=131072
	if nm -D "$GAPFERRY" | grep -qE '__(asan|tsan)_init'; then
		limit=99999999 data=unlimited
	fi
	layer_image m.src.tar acme/m:1 m "$size"
	for layers in gzip none; do
		(
			ulimit -d $data
			peak pack.kb "$GAPFERRY" pack -q -o m.tar --layers $layers --key release.pem m.src.tar >/dev/null
			peak verify.kb "$GAPFERRY" verify -q --key release.pub m.tar >/dev/null
			rm -rf layout
			peak layout.kb "$GAPFERRY" unpack -q --key release.pub --to oci:layout m.tar >/dev/null
			rm -rf layout
			peak registry.kb "$GAPFERRY" unpack -q --key release.pub --to "docker://127.0.0.1:$(cat registry.port)/m$size$layers" m.tar >/dev/null
		)
		echo "# $size MiB, --layers $layers: pack $(tail -1 pack.kb), verify $(tail -1 verify.kb), unpack to a layout $(tail -1 layout.kb), to a registry $(tail -1 registry.kb) KiB" >&3
		for f in pack verify layout registry; do
			at_most "$f" $limit "$(tail -1 $f.kb)"
		done
		rm -rf m.tar registry/docker
	done
	rm -f m.src.tar
}
