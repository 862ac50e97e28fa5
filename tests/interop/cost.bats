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
}

teardown_file() {
	load common
	stop_server "$D/registry.pid"
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

@test "memory: pack, verify and unpack of 100 MB stay within 32 MiB" {
	memory 95
}
