#!/usr/bin/env bats
# What gapferry may cost: bytes written, bytes sent, memory.  Limits, not times.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-cost.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config
	layer_image base.src.tar acme/base:1 base 60
	layer_image app.src.tar acme/app:1 base 60 40 # the same first layer, another on top
	gapferry key new --no-passphrase release
	gapferry pack -q -o base.tar --key release.pem --stream shop --sequence 1 base.src.tar
	gapferry pack -q -o app.tar --key release.pem --stream shop --sequence 2 app.src.tar
	start_registry "$D"
	mkdir -p second
	start_registry "$D/second"
}

teardown_file() {
	load common
	stop_server "$D/registry.pid"
	stop_server "$D/second/registry.pid"
	for p in "$D"/proxy*.pid; do stop_server "$p"; done
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
}

layer_bytes() { said "$1" '[.predicate.blobs[] | select(.kind == "layer") | .size] | add'; }
names_there() { curl -s --noproxy '*' "http://127.0.0.1:$(cat registry.port)/v2/$1/tags/list" | jq -r '.tags[]?' | tr '\n' ' '; }

@test "pack writes each byte once: at most 1.02 times the bundle (strace)" {
	for layers in gzip none; do
		rm -f out.tar
		strace -f -qq -e trace=write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice,ftruncate,fallocate -o strace.out \
			env ASAN_OPTIONS=detect_leaks=0 "$GAPFERRY" pack -q -o out.tar --layers $layers --key release.pem --stream shop --sequence 1 app.src.tar >/dev/null
		written=$(sed -nE 's/^[0-9]+ +(write|pwrite64|writev|pwritev2?|sendfile|copy_file_range|splice)\(.* = ([0-9]+)$/\2/p;
			s/^[0-9]+ +<\.\.\. (write|pwrite64|writev|pwritev2?|sendfile|copy_file_range|splice) resumed>.* = ([0-9]+)$/\2/p' strace.out | awk '{ s += $1 } END { print s + 0 }')
		size=$(stat -c %s out.tar)
		echo "# --layers $layers: $written bytes written, the bundle has $size: $(awk "BEGIN { printf \"%.4f\", $written / $size }")" >&3
		at_least "a bundle that was written" "$size" $((written + 1048576))
		at_most "bytes written" $((size + size / 50)) "$written"
		gapferry verify -q --key release.pub out.tar >/dev/null
	done
}

@test "registry: a run after a success sends at most 64 KiB" {
	start_proxy proxy1
	gapferry unpack -q --key release.pub --to "docker://$PROXY/again" app.tar
	first=$(counted proxy1)
	at_least "the first run" "$(layer_bytes app.tar)" "$first"
	at_most "the first run" $(($(layer_bytes app.tar) + 65536)) "$first"
	start_proxy proxy1
	gapferry unpack -q --key release.pub --to "docker://$PROXY/again" app.tar
	second=$(counted proxy1)
	echo "# first run $first bytes, second $second" >&3
	at_most "the second run" 65536 "$second"
}

@test "registry: a run after a broken line sends what was not confirmed, and 64 KiB" {
	start_proxy proxy2 --cut 70000000
	run gapferry unpack --retries 0 --key release.pub --to "docker://$PROXY/cut" app.tar
	same "exit status" 5 "$status"
	counted proxy2
	same "names set" '' "$(names_there cut/acme/app)"
	lacking=0
	for d in $(said app.tar '.predicate.blobs[] | select(.kind == "layer") | .digest'); do
		code=$(curl -s -o /dev/null --noproxy '*' -w '%{http_code}' -I "http://127.0.0.1:$(cat registry.port)/v2/cut/acme/app/blobs/$d")
		[ "$code" = 200 ] || lacking=$((lacking + $(said app.tar ".predicate.blobs[] | select(.digest == \"$d\") | .size")))
	done
	start_proxy proxy2
	gapferry unpack -q --key release.pub --to "docker://$PROXY/cut" app.tar
	sent=$(counted proxy2)
	echo "# not confirmed $lacking bytes, sent $sent" >&3
	at_most "the run after" $((lacking + 65536)) "$sent"
	same "names set" '1 ' "$(names_there cut/acme/app)"
}

@test "registry: a run after kill -9 sends what was not confirmed, and 64 KiB" {
	start_proxy proxy3
	"$GAPFERRY" unpack -q -j 1 --key release.pub --to "docker://$PROXY/killed" app.tar >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	# killed once more than the first layer has passed
	for _ in $(seq 2000); do
		kill -USR1 "$(cat proxy3.pid)"
		[ "$(cat proxy3.count)" -lt 65000000 ] || break
		kill -0 $pid 2>/dev/null || break
		sleep 0.005
	done
	kill -9 $pid 2>/dev/null || true
	wait $pid || true
	counted proxy3
	before=$(cat proxy3.count)
	same "names set" '' "$(names_there killed/acme/app)"
	lacking=0
	for d in $(said app.tar '.predicate.blobs[] | select(.kind == "layer") | .digest'); do
		code=$(curl -s -o /dev/null --noproxy '*' -w '%{http_code}' -I "http://127.0.0.1:$(cat registry.port)/v2/killed/acme/app/blobs/$d")
		[ "$code" = 200 ] || lacking=$((lacking + $(said app.tar ".predicate.blobs[] | select(.digest == \"$d\") | .size")))
	done
	at_least "still to send" 1 "$lacking"
	start_proxy proxy3
	gapferry unpack -q --key release.pub --to "docker://$PROXY/killed" app.tar
	sent=$(counted proxy3)
	echo "# killed after $before bytes; not confirmed $lacking, sent $sent" >&3
	at_most "the run after" $((lacking + 65536)) "$sent"
	same "names set" '1 ' "$(names_there killed/acme/app)"
}

@test "registry: a second image of a shared base sends its own layers and 64 KiB" {
	gapferry unpack -q --key release.pub --to "docker://127.0.0.1:$(cat registry.port)" --name shared/thing --tag base base.tar
	start_proxy proxy4
	gapferry unpack -q --key release.pub --to "docker://$PROXY" --name shared/thing --tag app app.tar
	sent=$(counted proxy4)
	own=$(($(layer_bytes app.tar) - $(layer_bytes base.tar)))
	echo "# own layers $own bytes, sent $sent" >&3
	at_most "the second image" $((own + 65536)) "$sent"
	same "names set" 'app base ' "$(names_there shared/thing | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/^ *//')"
}

@test "registry: a layer that an earlier run brought to another repository is mounted, also out of a thin copy" {
	start_proxy proxy8
	gapferry unpack -q --key release.pub --to "docker://$PROXY/earlier" base.tar
	kill -USR1 "$(cat proxy8.pid)"
	reached proxy8 "$(layer_bytes base.tar)"
	before=$(cat proxy8.count)
	gapferry unpack -q --key release.pub --to "docker://$PROXY/later" app.tar
	remake thin app.tar thin.tar "$(layers_of base.tar docker.io/acme/base:1)"
	gapferry unpack -q --dry-run --key release.pub --to "docker://$PROXY/thin" thin.tar
	[ ! -e registry/docker/registry/v2/repositories/thin ]
	gapferry unpack -q --key release.pub --to "docker://$PROXY/thin" thin.tar
	sent=$(($(counted proxy8) - before))
	own=$(($(layer_bytes app.tar) - $(layer_bytes base.tar)))
	echo "# own layers $own bytes, sent $sent" >&3
	at_most "the second image" $((own + 65536)) "$sent"
	same "names set" '1 1 ' "$(names_there later/acme/app)$(names_there thin/acme/app)"
	same digest "$(digest_of app.tar docker.io/acme/app:1)" "$(skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://127.0.0.1:$(cat registry.port)/thin/acme/app:1")"
}

# Two registries, each behind a proxy, and a layout; the name of the environment is that of both prefixes and the layout.
three_targets() {
	environment "$1" <<-END
		targets:
		  - registry: $2/$1
		  - registry: $3/$1
		  - oci: $D/$1.layout
	END
}
# What a name shows at each of the three; nothing where it is not there.
shown_at_three() {
	local r
	for r in "$(cat registry.port)" "$(cat second/registry.port)"; do
		skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://127.0.0.1:$r/$1/acme/app:1" 2>/dev/null || echo none
	done
	jq -r '.manifests[].digest' "$1.layout/index.json" 2>/dev/null || echo none
}
lacking_at() {
	local d code lacking=0
	for d in $(said app.tar '.predicate.blobs[] | select(.kind == "layer") | .digest'); do
		code=$(curl -s -o /dev/null --noproxy '*' -w '%{http_code}' -I "http://127.0.0.1:$1/v2/$2/acme/app/blobs/$d")
		[ "$code" = 200 ] || lacking=$((lacking + $(said app.tar ".predicate.blobs[] | select(.digest == \"$d\") | .size")))
	done
	echo $lacking
}

@test "three targets: the medium is read once (strace)" {
	three_targets once "127.0.0.1:$(cat registry.port)" "127.0.0.1:$(cat second/registry.port)"
	mkdir -p "$GAPFERRY_CONFIG/keys"
	cp release.pub "$GAPFERRY_CONFIG/keys/"
	strace -f -qq -e trace=read,pread64,readv,preadv,preadv2,mmap,sendfile,copy_file_range,splice -P "$D/app.tar" -o strace.out \
		env ASAN_OPTIONS=detect_leaks=0 "$GAPFERRY" unpack -q --env once "$D/app.tar" >/dev/null
	same "mapped or passed on in the kernel" 0 "$(grep -cE '(mmap|sendfile|copy_file_range|splice)\(' strace.out || true)"
	bytes=$(sed -nE 's/^[0-9]+ +(read|pread64|readv|preadv2?)\(.* = ([0-9]+)$/\2/p;
		s/^[0-9]+ +<\.\.\. (read|pread64|readv|preadv2?) resumed>.* = ([0-9]+)$/\2/p' strace.out | awk '{ s += $1 } END { print s + 0 }')
	size=$(stat -c %s app.tar)
	echo "# $bytes bytes read, the bundle has $size" >&3
	at_least "bytes read" "$size" $((bytes + 1048576))
	at_most "bytes read" $((size + size / 50)) "$bytes"
	same shown "$(printf "$(digest_of app.tar docker.io/acme/app:1)\n%.0s" 1 2 3)" "$(shown_at_three once)"
}

@test "three targets, one of which breaks off: 5, the others are complete; the next run sends to that one alone" {
	start_proxy proxy5 --cut 70000000
	three_targets broken "$PROXY" "127.0.0.1:$(cat second/registry.port)"
	run gapferry unpack --retries 0 --key release.pub --env broken app.tar
	same "exit status" 5 "$status"
	[[ $output == *"docker://$PROXY/broken  failed: "* ]] || fail "$output"
	counted proxy5
	d=$(digest_of app.tar docker.io/acme/app:1)
	same shown "none $d $d" "$(shown_at_three broken | tr '\n' ' ' | sed 's/ $//')"
	three_targets broken "127.0.0.1:$(cat registry.port)" "127.0.0.1:$(cat second/registry.port)"
	gapferry unpack --json --key release.pub --env broken app.tar >out.json
	same "sent and held" "true 0 0" "$(jq -r '[.targets[0].blobsSent > 0, .targets[1].blobsSent, .targets[2].blobsSent] | join(" ")' out.json)"
	same shown "$d $d $d" "$(shown_at_three broken | tr '\n' ' ' | sed 's/ $//')"
}

@test "three targets, killed -9 while they are sent to: no name anywhere; the next run finishes" {
	start_proxy proxy6
	first=$PROXY
	behind=second/registry.port start_proxy proxy7
	three_targets killed3 "$first" "$PROXY"
	"$GAPFERRY" unpack -q -j 1 --key release.pub --env killed3 app.tar >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	for _ in $(seq 2000); do
		kill -USR1 "$(cat proxy6.pid)"
		[ "$(cat proxy6.count)" -lt 65000000 ] || break
		kill -0 $pid 2>/dev/null || break
		sleep 0.005
	done
	kill -9 $pid 2>/dev/null || true
	wait $pid || true
	counted proxy6
	counted proxy7
	same shown "none none none" "$(shown_at_three killed3 | tr '\n' ' ' | sed 's/ $//')"
	lacking=$(lacking_at "$(cat registry.port)" killed3) lacking2=$(lacking_at "$(cat second/registry.port)" killed3)
	at_least "still to send" 1 "$lacking"
	start_proxy proxy6
	first=$PROXY
	behind=second/registry.port start_proxy proxy7
	three_targets killed3 "$first" "$PROXY"
	gapferry unpack -q --key release.pub --env killed3 app.tar
	sent=$(counted proxy6) sent2=$(counted proxy7)
	echo "# not confirmed $lacking and $lacking2, sent $sent and $sent2" >&3
	at_most "the run after" $((lacking + 65536)) "$sent"
	at_most "the run after, second registry" $((lacking2 + 65536)) "$sent2"
	d=$(digest_of app.tar docker.io/acme/app:1)
	same shown "$d $d $d" "$(shown_at_three killed3 | tr '\n' ' ' | sed 's/ $//')"
	for f in killed3.layout/blobs/sha256/*; do
		same "$f" "${f##*/}" "$(sha256sum <"$f" | cut -d' ' -f1)"
	done
}

@test "memory: pack, verify and unpack of 100 MB stay within 32 MiB" {
	memory 95
}
