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

# Each test has a directory, a configuration and a state of its own.
setup() {
	load common
	T=$D/t.$BATS_TEST_NUMBER OUT=$D/t.$BATS_TEST_NUMBER/out
	mkdir -p "$T/config"
	cd "$T" || return 1
	ln -s "$D"/*.tar "$D"/*.src "$D"/release.* .
	export HOME="$D/home" GAPFERRY_STATE="$T/state" GAPFERRY_CONFIG="$T/config"
	cp -r "$D/config/keys" config/
}

ONE=docker.io/acme/one:1 TWO=docker.io/acme/two:2
sha() { tar -xOf "$1" META/manifest.json | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
# What a name shows in a layout.
shown() { jq -r --arg n "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n) | .digest' "$1/index.json"; }
log() { jq -c "$1" "$GAPFERRY_STATE/audit.jsonl"; }

# The hook: all it is told goes into files, and it fails while there is a file "fail".
write_hook() {
	cat >"hook" <<-END
		#!/bin/sh
		n=\$((\$(ls '$T' | grep -c '^told.*json\$') + 1))
		env | grep '^GAPFERRY_' | sort >'$T/told.'\$n.env
		cat >'$T/told.'\$n.json
		echo "\$@" >'$T/told.'\$n.args
		[ ! -e '$T/fail' ]
	END
	chmod +x "hook"
	environment "prod" <<-END
		targets:
		  - oci: $OUT
		retag:
		  - match: "docker.io/acme/*"
		    name: "prod.example/{basename}"
		    tags: ["{tag}", "{version}-{build.id}"]
		moving: ["1"]
		lock-file: $T/lock.json
		notify:
		  - run: ["$T/hook", "an argument", "\$HOME; true"]
	END
}

@test "the lock file: every name, where it is, what it shows" {
	write_hook
	gapferry unpack -q --env prod seven.tar
	same head "[\"prod\",\"shop\",1,7,\"1.7\",\"$(sha seven.tar)\",\"b7\"]" \
		"$(jq -c '[.environment, .stream, .epoch, .sequence, .version, .manifest, .build.id]' lock.json)"
	same "one line a name" "prod.example/one:1 prod.example/one:1.7-b7 prod.example/one:latest prod.example/two:1.7-b7 prod.example/two:2" \
		"$(jq -r '[.images[].name] | sort | join(" ")' lock.json)"
	jq -r '.images[] | "\(.name) \(.digest) \(.imageId) \(.shown) \(.target) \(.packed)"' lock.json | while read -r name digest id is target packed; do
		same "$name, digest" "$(digest_of seven.tar "$packed")" "$digest"
		same "$name, image ID" "$(id_of seven.tar "$packed")" "$id"
		same "$name, in the layout" "$(shown "$OUT" "$name")" "$is"
		same "$name, target" "oci:$OUT" "$target"
	done
	same before null "$(jq -c '[.images[].before] | unique | .[0]' lock.json)"
	same "size of the id" 16 "$(jq -r '.run | length' lock.json)"
	cp lock.json first
	gapferry unpack -q --env prod seven.tar
	cmp first lock.json
}

@test "a moved name stands in the lock file with what it showed before" {
	write_hook
	gapferry unpack -q --env prod seven.tar
	make_image three.src acme/one:1 c:50
	gapferry pack -q -o nine.tar --key release.pem --stream shop --sequence 9 --bundle-version 1.9 --build-id b9 three.src
	gapferry unpack -q --env prod nine.tar
	same moved "$(digest_of nine.tar $ONE) $(digest_of seven.tar $ONE)" \
		"$(jq -r '.images[] | select(.name == "prod.example/one:1") | "\(.shown) \(.before)"' lock.json)"
	same "in the layout" "$(digest_of nine.tar $ONE)" "$(shown "$OUT" prod.example/one:1)"
	same "the one that stayed" "$(digest_of seven.tar $ONE)" "$(shown "$OUT" prod.example/one:latest)"
}

@test "a hook gets its arguments as they are, the id, and the lock file's text" {
	write_hook
	gapferry unpack -q --env prod seven.tar
	cmp told.1.json lock.json
	# shellcheck disable=SC2016 # literally so
	same arguments 'an argument $HOME; true' "$(cat told.1.args)"
	same environment "GAPFERRY_ENVIRONMENT=prod GAPFERRY_EPOCH=1 GAPFERRY_MANIFEST=$(sha seven.tar) GAPFERRY_RUN=$(jq -r .run lock.json) GAPFERRY_SEQUENCE=7 GAPFERRY_STREAM=shop GAPFERRY_VERSION=1.7" \
		"$(grep -vE '^GAPFERRY_(CONFIG|STATE)=' told.1.env | tr '\n' ' ' | sed 's/ $//')"
	same "the id of the log" "$(jq -r .run lock.json)" "$(log .run | tr -d '"' | sort -u)"
}

@test "a hook that fails: 1, after the load is recorded; the next run repeats it with the same id" {
	write_hook
	touch fail
	run gapferry unpack --env prod seven.tar
	same "exit status" 1 "$status"
	[[ $output == *"the images are loaded and recorded, but '$T/hook' ended with status 1"* ]]
	same layout "$(digest_of seven.tar $ONE)" "$(shown "$OUT" prod.example/one:1)"
	same "the last line but the failure" complete "$(log .type | tr -d '"' | grep -v failed | tail -1)"
	[ -s lock.json ]
	rm fail
	gapferry unpack -q --env prod seven.tar
	cmp told.1.env told.2.env
	cmp told.1.json told.2.json
	[ ! -e told.3.env ]
	# another bundle, and another environment, are other runs
	gapferry unpack -q --env prod --tag x eight.tar
	[ "$(grep ^GAPFERRY_RUN told.3.env)" != "$(grep ^GAPFERRY_RUN told.1.env)" ]
}

@test "a hook that is not there, and one after it: both are tried, the first failure is told" {
	write_hook
	sed -i "s|^notify:|notify:\n  - run: [\"$T/none\"]|" "config/environments/prod.yaml"
	run gapferry unpack --env prod seven.tar
	same "exit status" 1 "$status"
	[[ $output == *"$T/none"* ]]
	[ -e told.1.json ]
}

@test "nothing is told of a run that was refused or damaged, nor by --dry-run" {
	write_hook
	remake damage seven.tar bad.tar "$(layers_of seven.tar $TWO | tail -1)"
	run gapferry unpack --env prod bad.tar
	same "exit status" 4 "$status"
	gapferry unpack -q --dry-run --env prod seven.tar
	[ ! -e lock.json ]
	[ ! -e told.1.json ]
	[ ! -e "$OUT/index.json" ]
}

@test "floors: lower and fork are refused, the same again and higher are loaded" {
	environment prod <<-END
		targets: [{oci: "$OUT"}]
		on-existing: overwrite
	END
	gapferry unpack -q --env prod seven.tar
	index=$(cat "$OUT/index.json")
	for b in six fork; do
		run gapferry unpack --env prod $b.tar
		same "$b: exit status" 3 "$status"
		same "$b: layout" "$index" "$(cat "$OUT/index.json")"
	done
	[[ $output == *"sequence 7"* ]]
	same "again" "$(sha seven.tar)" "$(gapferry unpack --json --env prod seven.tar | jq -r .manifest)"
	gapferry unpack -q --env prod eight.tar
	# what was loaded last, under the new floor: refused
	run gapferry unpack --env prod seven.tar
	same "seven under eight: exit status" 3 "$status"
	# another environment has a floor of its own
	sed "s/prod/test/" "config/environments/prod.yaml" >"config/environments/test.yaml"
	gapferry unpack -q --env test six.tar
	same "refusals in the log" "refused floor refused fork refused floor" "$(log 'select(.type == "refused") | "\(.type) \(.code)"' | tr -d '"' | tr '\n' ' ' | sed 's/ $//')"
}

@test "the log: each step one line, in order, with what it is about" {
	environment prod <<-END
		targets: [{oci: "$OUT"}, {oci: "$OUT.b"}]
	END
	gapferry unpack -q --site site-a --env prod seven.tar
	same types "intent accepted loaded loaded loaded loaded loaded loaded complete " "$(logged)"
	same "about" "[\"site-a\",\"prod\",\"shop\",1,7,\"$(sha seven.tar)\"]" "$(log '[.site, .environment, .stream, .epoch, .sequence, .manifest]' | sort -u)"
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
	gapferry unpack -q --env prod seven.tar
	same types "intent accepted loaded loaded loaded loaded loaded loaded complete recovered intent accepted loaded loaded loaded loaded loaded loaded complete " "$(logged)"
}

@test "expired: refused, but where the same bundle was accepted before" {
	created=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	gapferry pack -q -o short.tar --key release.pem --stream short --sequence 1 --created "$created" --expires "$(date -u -d '4 seconds' +%Y-%m-%dT%H:%M:%SZ)" one.src
	for e in x y; do
		environment $e <<-END
			targets: [{oci: "$OUT"}]
		END
	done
	gapferry unpack -q --env x short.tar
	sleep 5
	run gapferry unpack --env y short.tar
	same "where it was not accepted" 3 "$status"
	[[ $output == *expire* ]]
	gapferry unpack -q --env x short.tar
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
		same "$n" "$(digest_of seven.tar "$n")" "sha256:$(sha256sum <pulled/manifest.json | cut -d' ' -f1)"
	done
}

@test "a name that somebody else sets while the bundle comes in is left to him: 3" {
	make_image other.src acme/two:2 d:40
	gapferry pack -q -o other.tar --key release.pem --stream other --sequence 1 other.src
	mkfifo pipe
	"$GAPFERRY" unpack -q --to "oci:$OUT" pipe >/dev/null 2>err 3>&- 4>&- &
	pid=$!
	exec 5<>pipe
	head -c 150000 seven.tar >&5
	for _ in $(seq 100); do
		[ -z "$(ls "$OUT/blobs/sha256" 2>/dev/null)" ] || break
		sleep 0.05
	done
	GAPFERRY_STATE=$T/his gapferry unpack -q --to "oci:$OUT" other.tar
	tail -c +150001 seven.tar >&5
	exec 5>&-
	rc=0
	wait $pid || rc=$?
	same "exit status" 3 "$rc"
	grep "since the plan was made: '$TWO' is already there and shows $(digest_of other.tar $TWO)" err
	same "his name" "$(digest_of other.tar $TWO)" "$(shown "$OUT" $TWO)"
	same "ours" '' "$(shown "$OUT" $ONE)"
	same log "intent accepted refused " "$(logged)"
}

@test "a layout's blob of another size, or behind a link, is not held: it is written anew" {
	gapferry unpack -q --to "oci:$OUT" seven.tar
	# shellcheck disable=SC2046 # one word a digest
	set -- $(layers_of seven.tar $TWO)
	first=$OUT/$(blob_of "$1") second=$OUT/$(blob_of "$2")
	truncate -s -1 "$first"
	mv "$second" elsewhere
	ln -s "$T/elsewhere" "$second"
	cp elsewhere before
	same "sent again" 2 "$(gapferry unpack --json --to "oci:$OUT" seven.tar | jq '.targets[0].blobsSent')"
	for f in "$first" "$second"; do
		[ ! -L "$f" ]
		same "$f" "${f##*/}" "$(sha256sum <"$f" | cut -d' ' -f1)"
	done
	cmp before elsewhere
}

@test "names that collide, and one that no rule maps: 2 before anything is done" {
	environment prod <<-END
		targets: [{oci: "$OUT"}]
		retag:
		  - match: "docker.io/acme/*"
		    name: same
		    tags: [one]
	END
	run gapferry unpack --env prod seven.tar
	same "exit status" 2 "$status"
	[[ $output == *"would both become 'docker.io/library/same:one'"* ]]
	sed -i 's|docker.io/acme/\*|docker.io/acme/one|' "config/environments/prod.yaml"
	run gapferry unpack --env prod seven.tar
	same "exit status" 2 "$status"
	[[ $output == *"matches '$TWO'"* ]]
	[ ! -e "$OUT" ]
	[ ! -e "$GAPFERRY_STATE/audit.jsonl" ] || same log '' "$(logged)"
}
