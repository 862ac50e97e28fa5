#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# report: the page says what verify, inspect and the log say; what strangers wrote stays text; a browser shows it, asks for
# nothing and has nothing to complain about.

setup_file() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
	mkdir bin
	ln -s "$GAPFERRY" bin/gapferry
	export HOME=$PWD
	PATH=$PWD/bin:$PATH
	"$root/tests/lib/site.sh"
	"$root/tests/lib/loaded.sh"
}

setup() {
	load common
	fresh
	rmdir config
	cp -r "$BATS_FILE_TMPDIR"/{config,state} .
	cp -r "$BATS_FILE_TMPDIR"/{shop.tar,shop.tar.d,image.tar,trust-1.json} "$BATS_FILE_TMPDIR"/*.p* .
}

# facts PAGE: in page.json; bad HTML, what is not inert and what a screen reader cannot follow is failure.
facts() { /usr/bin/python3 "$root/tests/lib/page.py" facts "$1" >page.json; }
said() { jq -r "$1" page.json; }
# table CAPTION: the rows of the tables whose caption begins so, cells joined by '|'
table() { jq -r --arg c "$1" '.sections[].tables[] | select(.caption | startswith($c)) | .rows[] | join("|")' page.json; }
# Whatever white space a program put there.
flat() { tr -s ' \n' ' ' | sed 's/ $//'; }
same() {
	[ "$1" = "$2" ] || {
		diff <(echo "$1") <(echo "$2")
		return 1
	}
}
# refused STATUS BUNDLE [options]: report and verify end with this status, and the page gives verify's reason at its top and
# at its bottom.
refused() {
	run --separate-stderr -"$1" gapferry verify -q --json "${@:2}"
	reason=$(jq -r '.error | .text as $t | "NOT VERIFIED \(.class) (\(.name)): " +
		(if (.object // "") as $o | $t | contains($o) then "" else "\(.object): " end) + $t' <<<"$output" | flat)
	jq -r '.checks[] | [.name, .result, .detail // ""] | join("|")' <<<"$output" >checks
	run --separate-stderr -"$1" gapferry report -q -o page.html "${@:2}"
	facts page.html
	same "$(said '.verdicts | join("\n")')" "$(printf '%s\n' "$reason" "$reason")"
	same "$(table "Every check")" "$(cat checks)"
	[[ $(said .title) == "NOT VERIFIED: "* ]]
}

@test "the page has what verify, inspect, the companions and the log say" {
	gapferry report -q -o shop.html --env prod shop.tar
	[ "$(stat -c %a shop.html)" = 644 ]
	facts shop.html
	gapferry verify -q --json --env prod shop.tar >verify.json
	gapferry inspect -q --json shop.tar >inspect.json
	[ "$(said '.landmarks | join(" ")')" = "a header main footer" ]
	[[ $(said '.verdicts[]') == "VERIFIED Signed"*$'\n'"VERIFIED Signed"* ]]
	[ "$(said '.h1')" = "Bundle shop 42" ]
	same "$(said '.sections.summary.terms | [.bundle, .manifest, .stream, .created, ."judged for", ."judged by site"] | join(" ")')" \
		"$(jq -r '[.bundle, .manifest, "\(.stream), epoch \(.epoch), sequence \(.sequence)", .created, "prod", "a"] | join(" ")' verify.json)"
	same "$(table "Every check")" "$(jq -r '.checks[] | [.name, .result, .detail // ""] | join("|")' verify.json)"
	same "$(table "Keys that")" "$(jq -r '.signers[] | [.holder, .type, .id, .comment // "none"] | join("|")' verify.json)"
	same "$(said .sections.build.terms.id)" "$(jq -r .build.id verify.json)"
	same "$(table Platforms)" "$(jq -r '.images[].platforms[] | [.platform, .manifest, .imageId] | join("|")' verify.json)"
	same "$(table "Layers of linux" | cut -d'|' -f1,5)" "$(jq -r '.layers[].layers[] | "\(.digest)|\(.createdBy)"' inspect.json)"
	same "$(table "Names that the log")" "$(jq -r 'select(.type == "loaded") | [.name, .digest, .environment, .site, .target, .time, .run] | join("|")' state/audit.jsonl)"
	approval=$(echo shop.tar.d/approval-*.json)
	same "$(table "Signed statements")" "$(jq -r '.predicate | ["carol", "approval", .environment, .sites[0], .created, .expires, "yes", .reason // ""] | join("|")' "$approval")"
	[[ $(said .sections.approvals.text) == *"What prod asks for"*"loaded before in"*test*"by 1 of 1 holders of role approver:prod"* ]]
	# the drawing and the list under it
	for word in COMMIT BUILD 812 "BUNDLE, VERIFIED" "shop 42" "SIGNED BY" ci "APPROVED BY" carol IMAGE "1 layer" "LOADED INTO" "test at a" "prod at a"; do
		said '.drawing[]' | grep -qxF "$word"
	done
	same "$(said '.sections.chain.items[]' | sed 's/:.*//' | paste -sd, )" \
		"Commit,Build,Bundle, verified,Signed by,Approved by,Image,Loaded into,Loaded into"
	# on stdout it is the same page
	gapferry report -q -o - --env prod shop.tar | sed 's/[0-9:T-]*Z//g' >stdout.html
	sed 's/[0-9:T-]*Z//g' shop.html | cmp - stdout.html
}

@test "what is refused or damaged: verify's status and reason, and what was believed until then" {
	rm -r shop.tar.d
	refused 3 --env prod shop.tar
	# who decides sees what stands at the gate
	[ "$(said '.sections.summary.terms.stream')" = "shop, epoch 1, sequence 42" ]
	said '.drawing[]' | grep -qxF 'BUNDLE, NOT VERIFIED'
	[[ $(said .sections.images.text) == *"its layers are not shown"* ]]
	# no key that is believed: nothing of the bundle is shown but the digest
	refused 3 --key erin.pub shop.tar
	[ "$(said '.sections | keys | join(" ")')" = "approvals chain checks loads meaning signatures summary" ]
	run -1 grep registry.example page.html
	# a layer's byte
	python3 - <<-'END'
		data = bytearray(open("shop.tar", "rb").read())
		data[-70000] ^= 1
		open("bad.tar", "wb").write(data)
	END
	refused 4 bad.tar
	refused 4 image.tar
	run -2 gapferry report -q -o page.html none.tar
	facts page.html
	[[ $(said '.verdicts[0]') == "NOT VERIFIED "*none.tar* ]]
}

@test "what strangers wrote stays text" {
	evil='</td></dd></h1></title><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>&lt;b&gt; "quoted" '"'"'single'"'"
	want=$evil
	evil+=$'\xe2\x80\xaetxt\xe2\x80\x8b\e[31m' # U+202E, U+200B, ESC
	want+='\u{202e}txt\u{200b}\x1b[31m'
	long=$(printf 'w%.0s' {1..5000})
	# the same image, whose history and label say so
	mkdir image
	tar -xf image.tar -C image
	config=$(jq -r '.[0].Config' image/manifest.json)
	jq -c --arg e "$evil" --arg nul $'a\u0001b' '.history[0].created_by = $e | .config.Labels = {($e): $nul}' "image/$config" >image/evil.json
	jq -c '.[0].Config = "evil.json"' image/manifest.json >m && mv m image/manifest.json
	tar -cf evil-image.tar -C image evil.json manifest.json "$(jq -r '.[0].Layers[0]' image/manifest.json)"
	cp ci.pem "key <b>.pem"
	cp ci.pub 'ci<script>alert(3)<.pub'
	name='"><script>alert(4)<&.tar'
	gapferry pack -q -o "$name" --key "key <b>.pem" --stream shop --sequence 43 --bundle-version "v<i>&amp;" --build-id "$evil" \
		--label "words=$long" --label "<u>key</u>=$evil" evil-image.tar >/dev/null 2>&1
	gapferry approve -q --env prod --site a --reject --reason "$evil" --key carol.pem "$name" >/dev/null 2>&1
	run --separate-stderr -3 gapferry report -q -o evil.html --env prod "$name"
	facts evil.html
	[[ $(table "Every check") == *"approvals|failed|carol rejected"*"</title><script>alert(1)</script>"* ]]
	table "Signed statements" | grep -qF "|$want"
	# every word of it, seen where it stands
	gapferry report -q -o evil.html --key 'ci<script>alert(3)<.pub' "$name"
	facts evil.html
	[ "$(said .sections.build.terms.id)" = "$want" ]
	table Labels | grep -qxF "<u>key</u>|$want"
	table Labels | grep -qxF "words|$long"
	table "Layers of" | cut -d'|' -f5 | grep -qxF "$want"
	[ "$(table "Keys that" | cut -d'|' -f1)" = 'ci<script>alert(3)<' ]
	[ "$(said .h1)" = 'Bundle shop 43, version v<i>&amp;' ]
	[ "$(said .sections.summary.terms.bundle)" = "$name" ]
	# one pair of brackets for each element of ours: none came in
	run -1 grep -E '<(script|img|b|i|u)[ >]' evil.html
	browse evil
	quiet evil
}

# browse NAME [options]: NAME.html in a browser, as a person opens it.  NAME.dom: what became of it; NAME.console; NAME.net.
browse() {
	timeout -k 5 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/browser-$1" --no-first-run \
		--host-resolver-rules='MAP * ~NOTFOUND' --disable-dev-shm-usage --enable-logging=stderr --log-net-log="$PWD/$1.net" \
		--window-size=1100,1400 "${@:2}" --no-pdf-header-footer --print-to-pdf="$PWD/$1.pdf" --screenshot="$PWD/$1.png" --dump-dom \
		"file://$PWD/$1.html" >"$1.dom" 2>"$1.console"
}
asked() { /usr/bin/python3 "$root/tests/lib/page.py" requests "$1.net"; }
quiet() {
	run -1 grep CONSOLE "$1.console"
	[ -z "$(asked "$1")" ]
	cp page.json before.json
	facts "$1.dom"
	cmp before.json page.json
}

@test "a browser shows it in light, in the dark and on paper, asks for nothing and has nothing to say" {
	gapferry report -q -o shop.html --env prod shop.tar
	facts shop.html
	/usr/bin/python3 "$root/tests/lib/page.py" contrast shop.html
	cp shop.html dark.html
	# what would have been noticed: a page that asks and speaks, and beside it one that is not let
	page() { echo "<!DOCTYPE html>$2<img src=\"http://127.0.0.1:9/$1\"><script>console.log(\"$1\")</script>" >"$1.html"; }
	page loud ''
	page gagged "$(grep -oE '^<meta http-equiv.*' shop.html)"
	echo '<!DOCTYPE html><iframe src="loud.html"></iframe><iframe src="gagged.html"></iframe>' >both.html
	browse shop &
	browse both &
	browse dark --force-dark-mode --blink-settings=preferredColorScheme=0
	wait
	quiet shop
	quiet dark
	paper() { /usr/bin/python3 "$root/tests/lib/page.py" paper "$1.png"; }
	[ "$(paper shop)" = '#ffffff' ]
	[ "$(paper dark)" = '#0d1117' ]
	pdftotext -layout shop.pdf
	[ "$(grep -c '^ *VERIFIED' shop.txt)" -eq 2 ]
	for word in "shop, epoch 1, sequence 42" "LOADED INTO" "What this shows" "$(jq -r 'select(.type == "loaded") | .run' state/audit.jsonl | tail -1)"; do
		grep -qF "$word" shop.txt
	done
	[[ $(grep CONSOLE both.console) == *'"loud"'*loud.html* ]]
	[ "$(asked both)" = http://127.0.0.1:9/loud ]
	[ "$(grep -c 'CONSOLE.*violates the following Content Security Policy.*gagged.html' both.console)" -eq 2 ]
}

@test "of a receipt: from records, without the bundle; at another site what it says alone; nothing where nobody vouches" {
	rm -r shop.tar shop.tar.d
	cp state/records/*/receipt-*.json* . # of test and of prod
	for receipt in receipt-*.json; do
		[ "$(jq -r .predicate.environment "$receipt")" != prod ] || break
	done
	gapferry report -q -o page.html "$receipt"
	facts page.html
	[[ $(said '.verdicts[]') == "VERIFIED The receipt"*"this site's key"*"on record here, with its signatures."*VERIFIED* ]]
	same "$(said '.sections.summary.terms | [.manifest, .stream, .result, ."loaded for", ."at site", ."receipt of", ."lines of its log", ."root of its log"] | join(" ")')" \
		"$(jq -r '.predicate as $p | $p.log as $l | ["sha256:\(.subject[0].digest.sha256)", "\($p.stream), epoch \($p.epoch), sequence \($p.sequence)",
			$p.result, $p.environment, $p.site, $p.created, "\($l.size)", $l.root] | map(sub("^(?<h>[0-9a-f]{64})$"; "sha256:\(.h)")) | join(" ")' "$receipt")"
	same "$(table "The checks of the run")" "$(jq -r '.predicate.checks | to_entries[] | "\(.key)|\(.value)"' "$receipt")"
	same "$(table "Names that the receipt" | cut -d'|' -f1-3)" "$(jq -r '.predicate.images[] | .digest as $d | .target as $t | .names[] | [.name // ., $d, $t] | join("|")' "$receipt")"
	[ "$(table "The key that signed the receipt" | cut -d'|' -f3)" = "$(gapferry key show --json state/site.pub | jq -r '.keys[0].id')" ]
	[ "$(table "What counted" | cut -d'|' -f1,2)" = "carol|approval" ]
	[ "$(table "Keys that are" | cut -d'|' -f1)" = ci ]
	[ "$(said .sections.build.terms.id)" = 812 ]
	[ "$(table "Names that the log" | wc -l)" -eq 2 ]
	said '.drawing[]' | grep -qxF 'BUNDLE, ON RECORD'
	# far away, with the key of the site alone
	gapferry report -q --state none --key state/site.pub -o page.html "$receipt"
	facts page.html
	[[ $(said '.verdicts[0]') == "VERIFIED"*"as named"*"is not in the records here"* ]]
	[ "$(said '.sections | keys | join(" ")')" = "approvals chain checks loads meaning signatures summary" ]
	said '.drawing[]' | grep -qxF 'prod at a'
	# nobody, and then nothing of what it says is told
	run --separate-stderr -3 gapferry receipt verify --key erin.pub --json "$receipt"
	reason=$(jq -r .error.text <<<"$output")
	run --separate-stderr -3 gapferry report -q --key erin.pub -o page.html "$receipt"
	facts page.html
	same "$(said '.verdicts | join("\n")')" "$(printf 'NOT VERIFIED refused (receipt-signature): %s\n' "$reason" "$reason")"
	[ "$(said '.sections | keys | join(" ")')" = "meaning summary" ]
	run -1 grep -E 'prod|sha256:' page.html
	# a record that was changed, a log that was cut, a file that is no receipt
	cp -r state whole
	sed -i 's/812/813/' state/records/*/manifest.json
	run --separate-stderr -4 gapferry report -q -o page.html "$receipt"
	# .error.name is record
	facts page.html
	[[ $(said '.verdicts[0]') == "NOT VERIFIED damaged (record): "* ]]
	rm -r state && mv whole state
	head -n 5 state/audit.jsonl >short.jsonl && mv short.jsonl state/audit.jsonl && rm state/checkpoint state/state.json
	run --separate-stderr -4 gapferry report -q -o page.html "$receipt"
	facts page.html
	[[ $(said '.verdicts[0]') == "NOT VERIFIED damaged (log-cut): "* ]]
	run --separate-stderr -4 gapferry report -q -o page.html trust-1.json
	facts page.html
	[[ $(said '.verdicts[0]') == "NOT VERIFIED damaged (statement): "* ]]
	run --separate-stderr -2 gapferry report -q -o page.html --env prod "$receipt"
	[[ $stderr == *"--env"*"taken for a receipt"* ]]
}

@test "where the page goes; no connection, and nothing else is written" {
	run --separate-stderr -2 gapferry report shop.tar
	[[ $stderr == *"-o FILE"* ]]
	run --separate-stderr -1 gapferry report -q -o none/page.html --env prod shop.tar
	[[ $stderr == *none/page.html* ]]
	run --separate-stderr -2 gapferry report --json -o page.html shop.tar
	find state shop.tar.d -type f -exec sha256sum {} + | sort >before
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=socket,connect -o calls "$GAPFERRY" report -q -o page.html --env prod shop.tar
	run -1 grep -E 'socket|connect' calls
	find state shop.tar.d -type f -exec sha256sum {} + | sort | cmp - before
}
