#!/usr/bin/env bats
# unpack into real daemons: what they show afterwards is what the manifest says, and after a failure what they showed before.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-daemon.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys
	# base.src, and app on it; turned: the same layers the other way round; other: app's name with other content
	make_image base.src acme/base:1 one:300
	make_image app.src acme/app:1 one:300 two:200
	make_image turned.src acme/turned:1 two:200 one:300
	make_image other.src acme/app:1 three:100
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	sequence=0
	for b in base app turned other; do
		sequence=$((sequence + 1))
		gapferry pack -q -o $b.tar --key release.pem --stream $b --sequence $sequence --bundle-version 1.$sequence $b.src
	done
	gapferry pack -q -o pair.tar --key release.pem --stream pair --sequence 1 app.src turned.src
	start_dockerd "$D"
}

teardown_file() {
	load common
	for p in docker podman proxy; do stop_server "$D/$p.pid"; done
	awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config" DOCKER_HOST="unix://$D/docker.sock"
}

teardown() {
	stop_server "$D/proxy.pid"
	[ ! -f "$D/docker.pid" ] || docker images -aq | sort -u | xargs -r docker rmi -f >/dev/null
}

APP=docker.io/acme/app:1 TURNED=docker.io/acme/turned:1

# shown NAME: ID and layers of what the daemon has under it.
shown() { docker image inspect -f '{{.Id}} {{json .RootFS.Layers}}' "$1"; }
# everything: every image with its names, those without one, too.
everything() { docker images -a --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort; }
json() { gapferry unpack --json "$@" >out.json; }

@test "image ID and layers are those of the manifest, under each new name, with each tag" {
	environment daemon <<-END
		targets:
		  - docker-daemon: unix://$D/docker.sock
		retag:
		  - match: "docker.io/acme/app"
		    name: "prod.example:5000/shop/{basename}"
		    tags: ["{tag}", "{version}-{sequence}", latest]
		  - match: "**"
		    name: "mirror/{path}"
	END
	json --env daemon app.tar
	for tag in 1 1.2-2 latest; do
		same "$tag" "$(id_of app.tar $APP) $(diff_ids_of app.tar $APP)" "$(shown prod.example:5000/shop/app:$tag)"
	done
	same "names in the daemon" 3 "$(everything | wc -l)"
	same "names in the table" "$(everything | cut -d' ' -f2)" "$(jq -r '.names[].name' out.json | sort)"
	same "digests in the table" "$(id_of app.tar $APP)" "$(jq -r '.names[].digest' out.json | sort -u)"
	same "states" sent "$(jq -r '.names[].state' out.json | sort -u)"
	json --env daemon app.tar
	same "states" held "$(jq -r '.names[].state' out.json | sort -u)"
	# the other rule, in the same daemon
	json --env daemon base.tar
	same mirror "$(id_of base.tar docker.io/acme/base:1)" "$(docker image inspect -f '{{.Id}}' mirror/acme/base:1)"
}

@test "a base that docker loaded is not sent" {
	docker load -qi base.src
	start_daemon_proxy proxy
	gapferry unpack --json -H "$PROXY" --to docker-daemon: app.tar >out.json
	sent=$(counted proxy)
	same "blobs sent" 1 "$(jq '.targets[0].blobsSent' out.json)"
	same "blobs held" 1 "$(jq '.targets[0].blobsHeld' out.json)"
	at_least "bytes, with two's 200 KiB" 204800 "$sent"
	at_most "bytes, without one's 300 KiB" $((204800 + 65536)) "$sent"
	same app "$(id_of app.tar $APP) $(diff_ids_of app.tar $APP)" "$(shown acme/app:1)"
}

@test "an image that is there is not sent: it gets its names" {
	docker load -qi app.src
	docker tag acme/app:1 keep/me:1
	docker rmi acme/app:1 >/dev/null
	start_daemon_proxy proxy
	gapferry unpack --json -H "$PROXY" --to docker-daemon: --name new/app --tag a --tag b app.tar >out.json
	sent=$(counted proxy)
	at_most "bytes" 16384 "$sent"
	same "blobs sent" 0 "$(jq '.targets[0].blobsSent' out.json)"
	same "names" "$(printf '%s\n' keep/me:1 new/app:a new/app:b)" "$(everything | cut -d' ' -f2)"
	same "IDs" "$(id_of app.tar $APP)" "$(everything | cut -d' ' -f1 | sort -u)"
}

@test "on-existing: refuse, keep, overwrite, and a tag that may move" {
	docker load -qi other.src
	was=$(docker image inspect -f '{{.Id}}' acme/app:1)
	before=$(everything)
	environment daemon <<-END
		targets:
		  - docker-daemon: unix://$D/docker.sock
	END
	run gapferry unpack --env daemon app.tar
	same "exit status" 3 "$status"
	[[ $output == *"'docker.io/acme/app:1' is already there and shows $was, not $(id_of app.tar $APP)"* ]]
	same "after refuse" "$before" "$(everything)"
	same "log" 'intent refused ' "$(logged)"
	same "its code" exists "$(jq -r 'select(.type == "refused") | .code' "$GAPFERRY_STATE/audit.jsonl")"

	echo 'on-existing: keep' >>"$GAPFERRY_CONFIG/environments/daemon.yaml"
	json --env daemon --tag 1 --tag 2 app.tar
	same kept "kept sent" "$(jq -r '[.names[].state] | join(" ")' out.json)"
	same "what was kept" "$was" "$(docker image inspect -f '{{.Id}}' acme/app:1)"
	same "the name beside it" "$(id_of app.tar $APP)" "$(docker image inspect -f '{{.Id}}' acme/app:2)"
	same "names in the log" docker.io/acme/app:2 "$(jq -r 'select(.type == "loaded") | .name' "$GAPFERRY_STATE/audit.jsonl")"

	sed -i 's/keep/refuse/' "$GAPFERRY_CONFIG/environments/daemon.yaml"
	echo 'moving: ["1"]' >>"$GAPFERRY_CONFIG/environments/daemon.yaml"
	run gapferry unpack --env daemon app.tar
	same "exit status" 0 "$status"
	same "the old ID" "was $was" "$(awk '$1 == "was" { print $1, $2 }' <<<"$output")"
	same "what moved" "$(id_of app.tar $APP)" "$(docker image inspect -f '{{.Id}}' acme/app:1)"

	sed -i 's/refuse/overwrite/; /moving/d' "$GAPFERRY_CONFIG/environments/daemon.yaml"
	json --env daemon other.tar
	same overwritten "$was" "$(docker image inspect -f '{{.Id}}' acme/app:1)"
	same before "$(id_of app.tar $APP)" "$(jq -r '.names[] | select(.moved or .before) | .before' out.json)"
}

@test "a damaged layer: no image, no name, nothing dangling; the good bundle works afterwards" {
	docker load -qi base.src
	before=$(everything)
	# in two.tar app passes whole before last's damage is seen; its image goes again
	make_image last.src acme/last:1 four:400
	gapferry pack -q -o two.tar --key release.pem --stream two --sequence 1 app.src last.src
	for b in app two; do
		remake damage $b.tar bad.tar "$(said $b.tar '[.predicate.blobs[] | select(.kind == "layer")] | last | .digest')"
		run gapferry unpack --to docker-daemon: bad.tar
		same "$b: exit status" 4 "$status"
		[[ $output == *"$(said $b.tar '[.predicate.blobs[] | select(.kind == "layer")] | last | .digest')"* ]]
		same "$b: images" "$before" "$(everything)"
		same "$b: dangling" '' "$(docker images -q -f dangling=true)"
		gapferry unpack -q --to docker-daemon: $b.tar
		same "$b: app" "$(id_of $b.tar $APP) $(diff_ids_of $b.tar $APP)" "$(shown acme/app:1)"
		docker rmi acme/app:1 >/dev/null
	done
	same "last" "$(id_of two.tar docker.io/acme/last:1)" "$(docker image inspect -f '{{.Id}}' acme/last:1)"
}

@test "two images of the same layers the other way round" {
	for how in file pipe; do
		if [ $how = file ]; then
			gapferry unpack -q --to docker-daemon: pair.tar
		else
			gapferry unpack -q --to docker-daemon: - < <(cat pair.tar)
		fi
		for n in $APP $TURNED; do
			same "$how, $n" "$(id_of pair.tar "$n") $(diff_ids_of pair.tar "$n")" "$(shown "$n")"
		done
		docker rmi $APP $TURNED >/dev/null
		same "$how, left" '' "$(everything)"
	done
	# with the layers of one of them there, the chains of the other are not
	docker load -qi app.src
	json --to docker-daemon: pair.tar
	same "blobs sent" 2 "$(jq '.targets[0].blobsSent' out.json)"
	same turned "$(id_of pair.tar $TURNED) $(diff_ids_of pair.tar $TURNED)" "$(shown $TURNED)"
}

@test "raw layers and gzip layers make the same image" {
	gapferry pack -q -o raw.tar --layers none --key release.pem --stream raw --sequence 1 app.src
	gapferry unpack -q --to docker-daemon: raw.tar
	same raw "$(id_of app.tar $APP) $(diff_ids_of app.tar $APP)" "$(shown acme/app:1)"
}

@test "--dry-run: the plan; the daemon and the state are as before" {
	gapferry unpack -q --to docker-daemon: base.tar
	before=$(everything) state=$(find "$GAPFERRY_STATE" -printf '%p %s %T@\n' | sort)
	start_daemon_proxy proxy
	gapferry unpack --json --dry-run -H "$PROXY" --to docker-daemon: app.tar >out.json
	sent=$(counted proxy)
	same "planned" "planned docker.io/acme/app:1 $(id_of app.tar $APP)" "$(jq -r '.names[] | "\(.state) \(.name) \(.digest)"' out.json)"
	same "blobs to send" 1 "$(jq '.targets[0].blobsSent' out.json)"
	at_most "bytes sent" 16384 "$sent"
	same images "$before" "$(everything)"
	same state "$state" "$(find "$GAPFERRY_STATE" -printf '%p %s %T@\n' | sort)"
}

@test "--verify-first: a damaged bundle sends nothing" {
	remake damage app.tar bad.tar "$(layers_of app.tar $APP | tail -1)"
	start_daemon_proxy proxy
	run gapferry unpack --verify-first -H "$PROXY" --to docker-daemon: bad.tar
	same "exit status" 4 "$status"
	at_most "bytes sent" 16384 "$(counted proxy)"
	same images '' "$(everything)"
	start_daemon_proxy proxy
	gapferry unpack -q --verify-first -H "$PROXY" --to docker-daemon: app.tar
	same app "$(id_of app.tar $APP) $(diff_ids_of app.tar $APP)" "$(shown acme/app:1)"
}

@test "kill -9 while a layer is sent: no image; the same command again finishes the work" {
	start_daemon_proxy proxy --stall 250000
	"$GAPFERRY" unpack -q -H "$PROXY" --to docker-daemon: app.tar >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	reached proxy 250000
	kill -9 $pid
	wait $pid || true
	counted proxy
	same "images after the kill" '' "$(everything)"
	same "log" 'intent ' "$(logged)"
	gapferry unpack -q --to docker-daemon: app.tar
	same app "$(id_of app.tar $APP) $(diff_ids_of app.tar $APP)" "$(shown acme/app:1)"
	same "log" 'intent intent accepted loaded complete ' "$(logged)"
	same "images" 1 "$(everything | wc -l)"
}

@test "kill -9 between two images: the first is there, whole and without a name; the next run names it and sends the second alone" {
	make_image first.src acme/first:1 one:300
	make_image second.src acme/second:1 two:300
	gapferry pack -q -o two.tar --key release.pem --stream two --sequence 1 first.src second.src
	first=$(id_of two.tar docker.io/acme/first:1) second=$(id_of two.tar docker.io/acme/second:1)
	start_daemon_proxy proxy --stall 450000
	"$GAPFERRY" unpack -q -H "$PROXY" --to docker-daemon: two.tar >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	reached proxy 450000
	kill -9 $pid
	wait $pid || true
	counted proxy
	same "after the kill" "$first <none>:<none>" "$(everything)"
	same whole "$first $(diff_ids_of two.tar docker.io/acme/first:1)" "$(shown "$first")"
	start_daemon_proxy proxy
	gapferry unpack -q -H "$PROXY" --to docker-daemon: two.tar
	at_most "bytes of the second run" 360000 "$(counted proxy)"
	same names "$(printf '%s\n' "$first acme/first:1" "$second acme/second:1" | sort)" "$(everything)"
	start_daemon_proxy proxy
	gapferry unpack -q -H "$PROXY" --to docker-daemon: two.tar
	at_most "bytes of the third run" 16384 "$(counted proxy)"
}

@test "a daemon that goes away while a layer is sent: 5, and the next run works" {
	start_daemon_proxy proxy --cut 250000
	run gapferry unpack -H "$PROXY" --to docker-daemon: app.tar
	same "exit status" 5 "$status"
	counted proxy
	same images '' "$(everything)"
	same log 'intent failed ' "$(logged)"
	gapferry unpack -q --to docker-daemon: app.tar
	same app "$(id_of app.tar $APP)" "$(docker image inspect -f '{{.Id}}' acme/app:1)"
}

@test "a thin copy: loads where the base is held, by its chain; elsewhere nothing happens" {
	base=$(layers_of app.tar $APP | head -1)
	remake thin app.tar thin.tar "$base"
	run gapferry unpack --to docker-daemon: thin.tar
	same "exit status" 4 "$status"
	[[ $output == *"$base"*"carry the full bundle"* ]]
	same images '' "$(everything)"
	# turned holds the same layer, but not at the bottom
	docker load -qi turned.src
	run gapferry unpack --to docker-daemon: thin.tar
	same "exit status, another chain" 4 "$status"
	docker load -qi base.src
	for in in thin.tar -; do
		gapferry unpack -q --to docker-daemon: $in <thin.tar
		same app "$(id_of app.tar $APP) $(diff_ids_of app.tar $APP)" "$(shown acme/app:1)"
		docker rmi acme/app:1 >/dev/null
	done
}

@test "no daemon: 5, with what to do" {
	run gapferry unpack -H "unix://$D/none.sock" --to docker-daemon: app.tar
	same "exit status" 5 "$status"
	[[ $output == *"$D/none.sock"* ]]
}

@test "podman's socket as target" {
	start_podman "$D"
	images() { curl -s --unix-socket "$D/podman.sock" "http://d/v4.0.0/libpod/images/json?all=true" | jq -r '.[] | "\(.Id) \(.Names // [] | sort | join(" "))"' | sort; }
	gapferry unpack --json --to "docker-daemon:unix://$D/podman.sock" --name pod.example/app --tag 1 --tag 2 app.tar >out.json
	id=$(id_of app.tar $APP)
	same images "${id#sha256:} pod.example/app:1 pod.example/app:2" "$(images)"
	same "manifest digest" "$(digest_of app.tar $APP)" "$(curl -s --unix-socket "$D/podman.sock" http://d/v4.0.0/libpod/images/json | jq -r '.[0].Digest')"
	same "layers" "$(diff_ids_of app.tar $APP)" "$(curl -s --unix-socket "$D/podman.sock" http://d/v4.0.0/libpod/images/pod.example/app:1/json | jq -c .RootFS.Layers)"
	same "table" "sent sent" "$(jq -r '[.names[].state] | join(" ")' out.json)"
	gapferry unpack --json --to "docker-daemon:unix://$D/podman.sock" --name pod.example/app --tag 1 --tag 2 app.tar >out.json
	same "again" "held held" "$(jq -r '[.names[].state] | join(" ")' out.json)"
	before=$(images)
	remake damage turned.tar bad.tar "$(layers_of turned.tar $TURNED | tail -1)"
	run gapferry unpack --to "docker-daemon:unix://$D/podman.sock" bad.tar
	same "exit status" 4 "$status"
	same "after damage" "$before" "$(images)"
	gapferry unpack -q --to "docker-daemon:unix://$D/podman.sock" pair.tar
	for n in $APP $TURNED; do
		found=$(curl -s --unix-socket "$D/podman.sock" "http://d/v4.0.0/libpod/images/$n/json")
		same "$n" "$(id_of pair.tar "$n")" "sha256:$(jq -r .Id <<<"$found")"
		same "layers of $n" "$(diff_ids_of pair.tar "$n")" "$(jq -c .RootFS.Layers <<<"$found")"
	done
}
