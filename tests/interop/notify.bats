#!/usr/bin/env bats
# What a run tells others: webhooks to a receiver of the tests, lock files read by those that they are for.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-tell.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config/keys
	make_image one.src acme/one:1,acme/one:latest a:100
	make_image two.src acme/two:2 a:100 b:100
	make_image other.src acme/one:1 c:100
	make_image base.src team/one:5 d:100
	gapferry key new --no-passphrase release
	cp release.pub config/keys/
	pack() { gapferry pack -q -o "$1" --key release.pem --stream shop --sequence "$2" --build-id "b$2" --bundle-version "1.$2" "${@:3}"; }
	pack seven.tar 7 one.src two.src
	pack eight.tar 8 other.src two.src
	pack twice.tar 9 one.src base.src
	printf 'a secret of more than 16 bytes\nsecond line\n' >secret
	make_certificate "$D/tls"
	start_registry "$D"
	start_dockerd "$D"
	start_receiver plain
	start_receiver tls --tls tls.crt tls.key
}

teardown_file() {
	load common
	cd "$D" || return 1
	stop_server registry.pid
	stop_server docker.pid
	stop_server plain.pid
	stop_server tls.pid
	rm -rf "$D"
}

# Each test has a directory, a configuration and a state of its own.
setup() {
	load common
	T=$D/t.$BATS_TEST_NUMBER OUT=$D/t.$BATS_TEST_NUMBER/out
	mkdir -p "$T/config"
	cd "$T" || return 1
	rm -f "$D"/plain/* "$D"/tls/*
	ln -s "$D"/*.tar "$D"/*.src "$D"/release.* .
	export HOME="$D/home" GAPFERRY_STATE="$T/state" GAPFERRY_CONFIG="$T/config"
	cp -r "$D/config/keys" config/
	PLAIN=http://127.0.0.1:$(cat "$D/plain.port") TLS=https://127.0.0.1:$(cat "$D/tls.port")
	REG=127.0.0.1:$(cat "$D/registry.port")
}

# start_receiver NAME [options]: what it gets lies in the directory NAME.
start_receiver() {
	mkdir -p "$1"
	python3 "$HERE/hook_receiver.py" "$D/$1.port" "$D/$1" "${@:2}" >"$1.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$1.pid"
	wait_until "$1.pid" "$1.log" test -s "$1.port"
}
# hook URL [lines]: an environment with that webhook.
hook() {
	environment prod <<-END
		targets: [{oci: "$OUT"}]
		notify:
		  - webhook: $1
		    secret-file: $D/secret
		$(printf '%s\n' "${@:2}")
	END
}
calls() { find "$D/$1" -name '*.body' | wc -l; }
header() { sed -n "s/^$2: //ip" "$D/$1.headers"; }
# checked N: the receiver's part, as README has it.
checked() {
	same "signature of $1" "$(header "$1" Gapferry-Signature)" \
		"sha256=$({ printf '%s.' "$(header "$1" Gapferry-Timestamp)"; cat "$D/$1.body"; } | openssl dgst -sha256 -hmac "$(head -n1 "$D/secret")" -r | cut -d' ' -f1)"
}
loaded() { same "in the layout" "$(digest_of "$1.tar" docker.io/acme/one:1)" "$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "docker.io/acme/one:1") | .digest' "$OUT/index.json")"; }

@test "a webhook: the document of the lock file, an id, a time stamp, a signature that openssl makes too" {
	hook "$PLAIN/ok?token=in-the-query" "lock-file: $T/lock.json"
	before=$(date +%s)
	run gapferry unpack --env prod seven.tar
	same "exit status" 0 "$status"
	[[ $output == *"notify: $PLAIN/ok"* ]]
	[[ $output != *in-the-query* ]]
	same calls 1 "$(calls plain)"
	same path "/ok?token=in-the-query" "$(cat "$D/plain/1.path")"
	cmp "$D/plain/1.body" lock.json
	same id "$(jq -r .run lock.json)" "$(header plain/1 Gapferry-Run)"
	same type application/json "$(header plain/1 Content-Type)"
	stamp=$(header plain/1 Gapferry-Timestamp)
	at_least "time stamp" "$before" "$stamp"
	at_most "time stamp" "$(date +%s)" "$stamp"
	checked plain/1
	# another secret, another body and another time are noticed by this check
	sed -i 's/a/b/' "$D/plain/1.body"
	run checked plain/1
	same "changed body" 1 "$status"
	# the same bundle again: told again, with the same id
	gapferry unpack -q --env prod seven.tar
	same calls 2 "$(calls plain)"
	same "id of the second" "$(header plain/1 Gapferry-Run)" "$(header plain/2 Gapferry-Run)"
	checked plain/2
}

@test "5xx, 429 and a connection that ends: tried again, signed anew, with the same id" {
	for path in fail/2/a busy hangup; do
		rm -f "$D"/plain/*
		hook "$PLAIN/$path"
		rm -rf "$OUT" state
		gapferry unpack -q --env prod seven.tar
		[ "$path" = fail/2/a ] && want=3 || want=2
		same "$path: calls" "$want" "$(calls plain)"
		for f in "$D"/plain/*.body; do
			checked "plain/$(basename "$f" .body)"
		done
		same "$path: ids" 1 "$(cat "$D"/plain/*.headers | grep -i '^Gapferry-Run' | sort -u | wc -l)"
	done
}

@test "a webhook that fails: 1, all is loaded and logged; the same command calls it again" {
	hook "$PLAIN/fail/2/b"
	run gapferry unpack --retries 1 --env prod seven.tar
	same "exit status" 1 "$status"
	[[ $output == *"the images are loaded and recorded, but POST $PLAIN/fail/2/b: answered 500: not \\x1b[31mnow; run the same command again"* ]] || fail "$output"
	same calls 2 "$(calls plain)"
	loaded seven
	same "the last line but the failure" complete "$(jq -r .type "$GAPFERRY_STATE/audit.jsonl" | grep -v failed | tail -1)"
	same "the failure" "tell notify" "$(jq -r 'select(.type == "failed") | "\(.step) \(.code)"' "$GAPFERRY_STATE/audit.jsonl")"
	gapferry unpack -q --retries 0 --env prod seven.tar
	same calls 3 "$(calls plain)"
}

@test "answers that are no success: not tried again, and what they say is escaped" {
	for path in refuse toolong redirect headers; do
		rm -f "$D"/plain/*
		hook "$PLAIN/$path"
		run gapferry unpack --env prod seven.tar
		same "$path: exit status" 1 "$status"
		same "$path: calls" 1 "$(calls plain)"
		case $path in
		refuse) [[ $output == *'answered 400: bad \x1b[31msignature;'* ]] ;;
		toolong) [[ $output == *"answered 400: yyyy"* ]] ;;
		redirect) [[ $output == *"answered 302, which leads elsewhere and is not followed"* ]] ;;
		headers) [[ $output == *"loaded and recorded, but notify failed"* ]] ;;
		esac || fail "$path: $output"
		loaded seven
	done
	# of a success nothing is read
	hook "$PLAIN/endless"
	gapferry unpack -q --env prod seven.tar
}

@test "nobody listens: 1, with the reason; the other hooks are called all the same" {
	hook "http://127.0.0.1:$(free_port)/" "  - webhook: $PLAIN/ok" "    secret-file: $D/secret"
	run gapferry unpack --retries 1 --env prod seven.tar
	same "exit status" 1 "$status"
	[[ $output == *"trying again in 0.5 s"*"loaded and recorded, but notify failed"* ]]
	same calls 1 "$(calls plain)"
	checked "plain/$(basename "$D"/plain/*.body .body)"
}

@test "TLS: with the right CA; a certificate of another one, or none, is a failure and gets no body" {
	hook "$TLS/ok" "    ca-file: $D/tls.crt"
	gapferry unpack -q --env prod seven.tar
	same calls 1 "$(calls tls)"
	checked tls/1
	make_certificate "$T/evil"
	for ca in "    ca-file: $T/evil.crt" ""; do
		hook "$TLS/ok" "$ca"
		run gapferry unpack --env prod seven.tar
		same "exit status" 1 "$status"
		[[ $output == *"certificate"* ]] || fail "$output"
		same calls 1 "$(calls tls)"
	done
	# the right CA and the wrong name
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -addext subjectAltName=DNS:elsewhere.example \
		-keyout wrong.key -out wrong.crt 2>/dev/null
	(cd "$D" && start_receiver wrong --tls "$T/wrong.crt" "$T/wrong.key")
	hook "https://127.0.0.1:$(cat "$D/wrong.port")/ok" "    ca-file: $T/wrong.crt"
	run gapferry unpack --env prod seven.tar
	stop_server "$D/wrong.pid"
	same "exit status" 1 "$status"
	same calls 0 "$(calls wrong)"
}

@test "a secret that cannot be used ends the run before anything is sent" {
	hook "$PLAIN/ok"
	for s in "$T/none" "$T/short" "$T"; do
		echo "15 bytes, alas." >short
		sed -i "s|secret-file: .*|secret-file: $s|" config/environments/prod.yaml
		run gapferry unpack --env prod seven.tar
		same "$s: exit status" 2 "$status"
		same "$s: name" secret-file "$(gapferry unpack --json --env prod seven.tar 2>/dev/null | jq -r .error.name)"
	done
	same calls 0 "$(calls plain)"
	[ ! -e "$OUT/index.json" ]
	hook "$PLAIN/ok" "    ca-file: $T/none.pem"
	run gapferry unpack --env prod seven.tar
	same "exit status" 2 "$status"
	[ ! -e "$OUT/index.json" ]
	# the secret is in no message and no log
	hook "$PLAIN/refuse"
	run gapferry unpack -v --env prod seven.tar
	[[ $output != *"a secret of"* ]]
	run grep -r "a secret of" state
	same "in the state" 1 "$status"
}

# locks TARGETS: an environment that writes all forms.
locks() {
	environment prod <<-END
		targets: [$1]
		on-existing: overwrite
		retag:
		  - match: "docker.io/acme/*"
		    name: "shop/{basename}"
		    tags: ["{tag}", "{version}"]
		lock-file: $T/lock.json
		lock-files:
		  - {path: $T/digests, form: digests}
		  - {path: $T/kustomization.yaml, form: kustomize}
		  - {path: $T/compose.yaml, form: compose}
		  - {path: $T/values.yaml, form: helm}
		  - {path: $T/named.yaml, form: compose, keys: {web: "docker.io/acme/one", db: "**/two", none: "**/nine"}}
		  - {path: $T/nested.yaml, form: helm, keys: {web.image: "**/one", web.side.image: "**/two", db: "**/two"}}
	END
}
# read_yaml FILE: as JSON, by a reader that is not ours.
read_yaml() { /usr/bin/python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout, sort_keys=True, separators=(",", ":"))' "$1"; }

@test "lock files of a registry: names by digest, which the registry serves" {
	locks "{registry: $REG/far}"
	gapferry unpack -q --env prod seven.tar
	one=$(digest_of seven.tar docker.io/acme/one:1) two=$(digest_of seven.tar docker.io/acme/two:2) at=$REG/far/shop
	same digests "$at/one@$one $at/two@$two" "$(grep -v '^#' digests | tr '\n' ' ' | sed 's/ $//')"
	grep -v '^#' digests | while read -r name; do
		same "$name, pulled" "${name#*@}" "$(skopeo inspect --tls-verify=false "docker://$name" | jq -r .Digest)"
	done
	same kustomize "$(printf '{"apiVersion":"kustomize.config.k8s.io/v1alpha1","images":[%s],"kind":"Component"}' "$(
		for n in docker.io/acme/one acme/one; do printf '{"digest":"%s","name":"%s","newName":"%s"},' "$one" $n "$at/one"; done
		for n in docker.io/acme/two acme/two; do printf '{"digest":"%s","name":"%s","newName":"%s"},' "$two" $n "$at/two"; done | sed 's/,$//'
	)")" "$(read_yaml kustomization.yaml)"
	same compose "{\"services\":{\"one\":{\"image\":\"$at/one@$one\"},\"two\":{\"image\":\"$at/two@$two\"}}}" "$(read_yaml compose.yaml)"
	same named "{\"services\":{\"db\":{\"image\":\"$at/two@$two\"},\"web\":{\"image\":\"$at/one@$one\"}}}" "$(read_yaml named.yaml)"
	value() { printf '{"digest":"%s","repository":"%s","tag":"%s"}' "$1" "$2" "$3"; }
	v1=$(value "$one" "$at/one" 1) v2=$(value "$two" "$at/two" 2)
	same helm "{\"images\":{\"one\":$v1,\"two\":$v2}}" "$(read_yaml values.yaml)"
	same nested "{\"db\":$v2,\"web\":{\"image\":$v1,\"side\":{\"image\":$v2}}}" "$(read_yaml nested.yaml)"
	# the same run again writes the same bytes; Compose itself reads it
	sha256sum digests ./*.yaml lock.json >sums
	gapferry unpack -q --env prod seven.tar
	sha256sum -c --quiet sums
	printf 'services: {one: {image: "acme/one:1", command: ["x"]}, two: {image: "acme/two:2"}}\n' >app.yaml
	docker-compose -f app.yaml -f compose.yaml config >whole
	same "compose reads" "$at/one@$one $at/two@$two" "$(read_yaml whole | jq -r '[.services[].image] | join(" ")')"
}

@test "lock files of a daemon: image IDs, which it has; a registry beside it counts first" {
	locks "{docker-daemon: \"unix://$D/docker.sock\"}"
	gapferry unpack -q --env prod seven.tar
	one=$(id_of seven.tar docker.io/acme/one:1) two=$(id_of seven.tar docker.io/acme/two:2)
	same compose "$one never $two never" "$(read_yaml compose.yaml | jq -r '[.services[] | .image, .pull_policy] | join(" ")')"
	for id in $one $two; do
		same "the daemon has it" "$id" "$(docker -H "unix://$D/docker.sock" image inspect -f '{{.Id}}' "$id")"
	done
	# Compose makes its containers of exactly these
	printf 'services: {one: {image: "acme/one:1", command: ["/x"], network_mode: none}}\n' >app.yaml
	grep -A2 'one:' compose.yaml | sed '1i services:' >override.yaml
	DOCKER_HOST=unix://$D/docker.sock docker-compose -p told -f app.yaml -f override.yaml up --no-start
	same "the container's image" "$one" "$(docker -H "unix://$D/docker.sock" inspect -f '{{.Image}}' "$(docker -H "unix://$D/docker.sock" ps -aq)")"
	same "digests" "# docker.io/shop/one:1 has the image ID $one" "$(grep 'one:1 ' digests)"
	same "no name by digest" "" "$(grep -v '^#' digests || true)"
	same kustomize "docker.io/shop/one 1" "$(read_yaml kustomization.yaml | jq -r '.images[] | select(.name == "acme/one") | "\(.newName) \(.newTag)"')"
	same helm '{"repository":"docker.io/shop/one","tag":"1"}' "$(read_yaml values.yaml | jq -c .images.one)"
	rm -rf state
	locks "{docker-daemon: \"unix://$D/docker.sock\"}, {registry: $REG/both}"
	gapferry unpack -q --env prod seven.tar
	same "the registry counts" "$REG/both/shop/one@$(digest_of seven.tar docker.io/acme/one:1)" "$(read_yaml compose.yaml | jq -r .services.one.image)"
	same "json has both" 10 "$(jq '.images | length' lock.json)"
}

@test "two images where a form has room for one: 2, before anything is sent" {
	environment prod <<-END
		targets: [{registry: $REG/clash}]
		lock-files: [{path: $T/l, form: compose}]
	END
	run gapferry unpack --env prod twice.tar
	same "exit status" 2 "$status"
	[[ $output == *"'one' would stand for both $REG/clash/acme/one@sha256:"*"and $REG/clash/team/one@sha256:"*"tell them apart with keys"* ]] || fail "$output"
	same "in the registry" "" "$(cd "$D" && tags_of clash/acme/one)"
	same "name" lock-conflict "$(gapferry unpack --json --env prod twice.tar 2>/dev/null | jq -r .error.name)"
	sed -i 's|form: compose|form: compose, keys: {one: docker.io/acme/one, base: "*/team/one"}|' config/environments/prod.yaml
	gapferry unpack -q --env prod twice.tar
	same services "base one" "$(read_yaml l | jq -r '.services | keys | join(" ")')"
}

@test "--dry-run: which files would change and how, which hooks would be called; nothing is" {
	locks "{registry: $REG/dry}"
	cat >>config/environments/prod.yaml <<-END
		notify:
		  - webhook: $PLAIN/ok?token=in-the-query
		    secret-file: $D/secret
		  - run: ["$T/hook", "an argument"]
	END
	printf '#!/bin/sh\ntouch %s/called\n' "$T" >hook
	chmod +x hook
	gapferry unpack --dry-run --env prod seven.tar >said
	same "would" "$T/lock.json (json): new
$T/digests (digests): new
$T/kustomization.yaml (kustomize): new
$T/compose.yaml (compose): new
$T/values.yaml (helm): new
$T/named.yaml (compose): new
$T/nested.yaml (helm): new" "$(sed -n 's/^would write //p' said)"
	same "would call" "call $PLAIN/ok
run $T/hook an argument" "$(sed -n 's/^would \([cr]\)/\1/p' said)"
	[ ! -e called ] && [ ! -e lock.json ] && [ ! -e digests ] && [ ! -e state ]
	same calls 0 "$(calls plain)"
	gapferry unpack -q --env prod seven.tar
	[ -e called ]
	cp digests old
	old=$(digest_of seven.tar docker.io/acme/one:1) new=$(digest_of eight.tar docker.io/acme/one:1)
	gapferry unpack --dry-run --json --env prod eight.tar >said
	same "what changes" "changed $REG/dry/shop/one@$old $REG/dry/shop/one@$new" \
		"$(jq -r --arg p "$T/digests" '.after[] | select(.lockFile == $p) | "\(.state) \([.goes[], .comes[] | select(startswith("#") | not)] | join(" "))"' said)"
	same hooks "$PLAIN/ok $T/hook an argument" "$(jq -r '[.after[] | .webhook, .run | select(.)] | join(" ")' said)"
	cmp digests old
	same "the same again" "stays as it is" "$(gapferry unpack --dry-run --env prod seven.tar | sed -n "s|^would write $T/digests (digests): ||p")"
	same calls 1 "$(calls plain)"
	# what the dry run said is what comes
	gapferry unpack -q --env prod eight.tar
	same "written" "$REG/dry/shop/one@$new" "$(grep /one@ digests)"
}
