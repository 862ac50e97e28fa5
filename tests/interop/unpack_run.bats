#!/usr/bin/env bats
# What a run of unpack leaves behind itself: lock file, hooks, floors, the log.  Into layouts, which need no server.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-run.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys
	make_image one.src acme/one:1,acme/one:latest a:100
	make_image two.src acme/two:2 a:100 b:100
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	pack() { gapferry pack -q -o "$1" --key release.pem --stream shop --sequence "$2" --build-id "b$2" "${@:3}" one.src two.src; }
	pack seven.tar 7 --bundle-version 1.7 --label ticket=OPS-1
	pack fork.tar 7 --bundle-version 1.7-other
	pack six.tar 6
	pack eight.tar 8
}

teardown_file() {
	load common
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	N=$BATS_TEST_NUMBER
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$N" GAPFERRY_CONFIG="$D/config"
	OUT=$D/out.$N
}

ONE=docker.io/acme/one:1 TWO=docker.io/acme/two:2
sha() { tar -xOf "$1" META/manifest.json | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
# What a name shows in a layout.
shown() { jq -r --arg n "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n) | .digest' "$1/index.json"; }
log() { jq -c "$1" "$GAPFERRY_STATE/audit.jsonl"; }

# The hook: all it is told goes into files, and it fails while there is a file "fail".
write_hook() {
	cat >"hook.$N" <<-END
		#!/bin/sh
		n=\$((\$(ls '$D' | grep -c '^told.$N.*json\$') + 1))
		env | grep '^GAPFERRY_' | sort >'$D/told.$N.'\$n.env
		cat >'$D/told.$N.'\$n.json
		echo "\$@" >'$D/told.$N.'\$n.args
		[ ! -e '$D/fail.$N' ]
	END
	chmod +x "hook.$N"
	environment "e$N" <<-END
		targets:
		  - oci: $OUT
		retag:
		  - match: "docker.io/acme/*"
		    name: "prod.example/{basename}"
		    tags: ["{tag}", "{version}-{build.id}"]
		moving: ["1"]
		lock-file: $D/lock.$N.json
		notify:
		  - run: ["$D/hook.$N", "an argument", "\$HOME; true"]
	END
}

@test "the lock file: every name, where it is, what it shows" {
	write_hook
	gapferry unpack -q --env e$N seven.tar
	lock=lock.$N.json
	same head "[\"e$N\",\"shop\",1,7,\"1.7\",\"$(sha seven.tar)\",\"b7\"]" \
		"$(jq -c '[.environment, .stream, .epoch, .sequence, .version, .manifest, .build.id]' $lock)"
	same "one line a name" "prod.example/one:1 prod.example/one:1.7-b7 prod.example/one:latest prod.example/two:1.7-b7 prod.example/two:2" \
		"$(jq -r '[.images[].name] | sort | join(" ")' $lock)"
	jq -r '.images[] | "\(.name) \(.digest) \(.imageId) \(.shown) \(.target) \(.packed)"' $lock | while read -r name digest id is target packed; do
		same "$name, digest" "$(digest_of seven.tar "$packed")" "$digest"
		same "$name, image ID" "$(id_of seven.tar "$packed")" "$id"
		same "$name, in the layout" "$(shown "$OUT" "$name")" "$is"
		same "$name, target" "oci:$OUT" "$target"
	done
	same before null "$(jq -c '[.images[].before] | unique | .[0]' $lock)"
	same "size of the id" 16 "$(jq -r '.run | length' $lock)"
	cp $lock first
	gapferry unpack -q --env e$N seven.tar
	cmp first $lock
}

@test "a moved name stands in the lock file with what it showed before" {
	write_hook
	gapferry unpack -q --env e$N seven.tar
	make_image three.src acme/one:1 c:50
	gapferry pack -q -o nine.tar --key release.pem --stream shop --sequence 9 --bundle-version 1.9 --build-id b9 three.src
	gapferry unpack -q --env e$N nine.tar
	same moved "$(digest_of nine.tar $ONE) $(digest_of seven.tar $ONE)" \
		"$(jq -r '.images[] | select(.name == "prod.example/one:1") | "\(.shown) \(.before)"' lock.$N.json)"
	same "in the layout" "$(digest_of nine.tar $ONE)" "$(shown "$OUT" prod.example/one:1)"
	same "the one that stayed" "$(digest_of seven.tar $ONE)" "$(shown "$OUT" prod.example/one:latest)"
}

@test "a hook gets its arguments as they are, the id, and the lock file's text" {
	write_hook
	gapferry unpack -q --env e$N seven.tar
	cmp told.$N.1.json lock.$N.json
	# shellcheck disable=SC2016 # literally so
	same arguments 'an argument $HOME; true' "$(cat told.$N.1.args)"
	same environment "GAPFERRY_ENVIRONMENT=e$N GAPFERRY_EPOCH=1 GAPFERRY_MANIFEST=$(sha seven.tar) GAPFERRY_RUN=$(jq -r .run lock.$N.json) GAPFERRY_SEQUENCE=7 GAPFERRY_STREAM=shop GAPFERRY_VERSION=1.7" \
		"$(grep -vE '^GAPFERRY_(CONFIG|STATE)=' told.$N.1.env | tr '\n' ' ' | sed 's/ $//')"
	same "the id of the log" "$(jq -r .run lock.$N.json)" "$(log .run | tr -d '"' | sort -u)"
}

@test "a hook that fails: 1, after the load is recorded; the next run repeats it with the same id" {
	write_hook
	touch fail.$N
	run gapferry unpack --env e$N seven.tar
	same "exit status" 1 "$status"
	[[ $output == *"the images are loaded and recorded, but '$D/hook.$N' ended with status 1"* ]]
	same layout "$(digest_of seven.tar $ONE)" "$(shown "$OUT" prod.example/one:1)"
	same "the last line but the failure" complete "$(log .type | tr -d '"' | grep -v failed | tail -1)"
	[ -s lock.$N.json ]
	rm fail.$N
	gapferry unpack -q --env e$N seven.tar
	cmp told.$N.1.env told.$N.2.env
	cmp told.$N.1.json told.$N.2.json
	[ ! -e told.$N.3.env ]
	# another bundle, and another environment, are other runs
	gapferry unpack -q --env e$N --tag x eight.tar
	[ "$(grep ^GAPFERRY_RUN told.$N.3.env)" != "$(grep ^GAPFERRY_RUN told.$N.1.env)" ]
}

@test "a hook that is not there, and one after it: both are tried, the first failure is told" {
	write_hook
	sed -i "s|^notify:|notify:\n  - run: [\"$D/none\"]|" "config/environments/e$N.yaml"
	run gapferry unpack --env e$N seven.tar
	same "exit status" 1 "$status"
	[[ $output == *"$D/none"* ]]
	[ -e told.$N.1.json ]
}

@test "nothing is told of a run that was refused or damaged, nor by --dry-run" {
	write_hook
	remake damage seven.tar bad.tar "$(layers_of seven.tar $TWO | tail -1)"
	run gapferry unpack --env e$N bad.tar
	same "exit status" 4 "$status"
	gapferry unpack -q --dry-run --env e$N seven.tar
	[ ! -e lock.$N.json ]
	[ ! -e told.$N.1.json ]
	[ ! -e "$OUT/index.json" ]
}

@test "floors: lower and fork are refused, the same again and higher are loaded" {
	environment f$N <<-END
		targets: [{oci: "$OUT"}]
		on-existing: overwrite
	END
	gapferry unpack -q --env f$N seven.tar
	index=$(cat "$OUT/index.json")
	for b in six fork; do
		run gapferry unpack --env f$N $b.tar
		same "$b: exit status" 3 "$status"
		same "$b: layout" "$index" "$(cat "$OUT/index.json")"
	done
	[[ $output == *"sequence 7"* ]]
	same "again" "$(sha seven.tar)" "$(gapferry unpack --json --env f$N seven.tar | jq -r .manifest)"
	gapferry unpack -q --env f$N eight.tar
	# what was loaded last, under the new floor: refused
	run gapferry unpack --env f$N seven.tar
	same "seven under eight: exit status" 3 "$status"
	# another environment has a floor of its own
	sed "s/f$N/g$N/" "config/environments/f$N.yaml" >"config/environments/g$N.yaml"
	gapferry unpack -q --env g$N six.tar
	same "refusals in the log" "refused floor refused fork refused floor" "$(log 'select(.type == "refused") | "\(.type) \(.code)"' | tr -d '"' | tr '\n' ' ' | sed 's/ $//')"
}

@test "the log: each step one line, in order, with what it is about" {
	environment l$N <<-END
		targets: [{oci: "$OUT"}, {oci: "$OUT.b"}]
	END
	gapferry unpack -q --site site-a --env l$N seven.tar
	same types "intent accepted loaded loaded loaded loaded loaded loaded complete " "$(logged)"
	same "about" "[\"site-a\",\"l$N\",\"shop\",1,7,\"$(sha seven.tar)\"]" "$(log '[.site, .environment, .stream, .epoch, .sequence, .manifest]' | sort -u)"
	same "loaded" "$(printf '%s\n' "$OUT" "$OUT.b" | while read -r o; do
		printf "oci:$o %s %s\n" $ONE "$(digest_of seven.tar $ONE)" docker.io/acme/one:latest "$(digest_of seven.tar $ONE)" $TWO "$(digest_of seven.tar $TWO)"
	done)" "$(log 'select(.type == "loaded") | "\(.target) \(.name) \(.digest)"' | tr -d '"')"
	# records: the manifest's exact bytes and a signature that openssl takes
	r=$(dirname "$(find "$GAPFERRY_STATE/records" -name manifest.json)")
	same record "$(sha seven.tar)" "sha256:$(sha256sum <"$r/manifest.json" | cut -d' ' -f1)"
	base64 -d "$r"/manifest.json.*.sig >sig
	openssl dgst -sha256 -verify release.pub -signature sig "$r/manifest.json"
	# a torn last line is cut off and said
	printf '{"time":' >>"$GAPFERRY_STATE/audit.jsonl"
	gapferry unpack -q --env l$N seven.tar
	same types "intent accepted loaded loaded loaded loaded loaded loaded complete recovered intent accepted loaded loaded loaded loaded loaded loaded complete " "$(logged)"
}

@test "expired: refused, but where the same bundle was accepted before" {
	created=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	gapferry pack -q -o short.tar --key release.pem --stream short --sequence 1 --created "$created" --expires "$(date -u -d '4 seconds' +%Y-%m-%dT%H:%M:%SZ)" one.src
	for e in x y; do
		environment $e$N <<-END
			targets: [{oci: "$OUT"}]
		END
	done
	gapferry unpack -q --env x$N short.tar
	sleep 5
	run gapferry unpack --env y$N short.tar
	same "where it was not accepted" 3 "$status"
	[[ $output == *expire* ]]
	gapferry unpack -q --env x$N short.tar
	same complete complete "$(jq -r .type "$GAPFERRY_STATE/audit.jsonl" | tail -1)"
}

@test "kill -9 while a layout is written: no name, no file that is no blob; the next run finishes" {
	rm -f pipe
	mkfifo pipe
	"$GAPFERRY" unpack -q --to "oci:$OUT" pipe >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	exec 5<>pipe
	head -c 150000 seven.tar >&5
	for _ in $(seq 100); do
		[ -z "$(ls "$OUT/blobs/sha256" 2>/dev/null)" ] || break
		sleep 0.05
	done
	kill -9 $pid
	wait $pid || true
	exec 5>&-
	[ ! -e "$OUT/index.json" ]
	for f in "$OUT"/blobs/sha256/*; do
		same "$f" "${f##*/}" "$(sha256sum <"$f" | cut -d' ' -f1)"
	done
	same log "intent " "$(logged)"
	gapferry unpack -q --to "oci:$OUT" seven.tar
	same log "intent intent accepted loaded loaded loaded complete " "$(logged)"
	same one "$(digest_of seven.tar $ONE)" "$(shown "$OUT" $ONE)"
	for n in $ONE $TWO; do
		rm -rf pulled
		skopeo copy -q "oci:$OUT:$n" dir:pulled
		same "$n" "$(digest_of seven.tar $n)" "sha256:$(sha256sum <pulled/manifest.json | cut -d' ' -f1)"
	done
}

@test "names that collide, and one that no rule maps: 2 before anything is done" {
	environment c$N <<-END
		targets: [{oci: "$OUT"}]
		retag:
		  - match: "docker.io/acme/*"
		    name: same
		    tags: [one]
	END
	run gapferry unpack --env c$N seven.tar
	same "exit status" 2 "$status"
	[[ $output == *"would both become 'docker.io/library/same:one'"* ]]
	sed -i 's|docker.io/acme/\*|docker.io/acme/one|' "config/environments/c$N.yaml"
	run gapferry unpack --env c$N seven.tar
	same "exit status" 2 "$status"
	[[ $output == *"matches '$TWO'"* ]]
	[ ! -e "$OUT" ]
	[ ! -e "$GAPFERRY_STATE/audit.jsonl" ] || same log '' "$(logged)"
}
