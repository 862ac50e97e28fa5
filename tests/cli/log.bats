#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# The log looked at whole and proved from; tlog.py, which shares nothing with the program, is the other side.

setup_file() {
	load common
	make_bundle
	gapferry pack -q -o next.tar --key release.pem --stream app --sequence 8 image.tar
	gapferry unpack -q --site site-a --key release.pub --to "oci:$BATS_FILE_TMPDIR/out" app.tar
	gapferry log checkpoint >kept.txt
	cp state/checkpoint kept.note
	cp -r state state.old
	gapferry unpack -q --key release.pub --to "oci:$BATS_FILE_TMPDIR/out" next.tar
}

setup() {
	load common
	fresh
	for f in state state.old kept.txt kept.note; do cp -r "$BATS_FILE_TMPDIR/$f" .; done
	log=state/audit.jsonl
	total=$(wc -l <"$log")
}

tlog() { python3 "$root/tests/cli/tlog.py" "$@"; }
nth() { sed -n "$1p" "$log" | head -c -1; }
# refused STATUS NAME PATTERN ARGUMENTS... - of log verify
refused() {
	run --separate-stderr -"$1" gapferry log verify --json "${@:4}"
	# .error.name is one of log-line log-cut log-changed log-cache note note-signature checkpoint site-key state
	[ "$(jq -r .error.name <<<"$output")" = "$2" ] || {
		echo "$output"
		return 1
	}
	text=$(jq -r .error.text <<<"$output")
	# shellcheck disable=SC2053 # the pattern is one
	[[ $text == $3 ]] || {
		echo "$text"
		return 1
	}
}

@test "log verify: lines, root, checkpoint, state.json; the root is the one that 10 lines of Python make" {
	before=$(find state -type f -exec sha256sum {} + | sort)
	run --separate-stderr -0 gapferry log verify --json
	[ "$(jq -r '"\(.origin) \(.lines) \(.checkpoint) \(.vouchedTo) \(.cache) \(.torn)"' <<<"$output")" = "gapferry/site-a $total $total $total fits 0" ]
	[ "$(jq -r .root <<<"$output")" = "$(tlog root "$log")" ]
	run --separate-stderr -0 gapferry log verify
	[[ $output == *"signed over the first $total lines; 0 since"* ]]
	[ "$before" = "$(find state -type f -exec sha256sum {} + | sort)" ]
	run --separate-stderr -1 gapferry log verify --state nowhere
	[[ $stderr == *"there is no state 'nowhere'"* ]]
}

@test "log show: every line, a range, as JSON; hostile text is escaped" {
	run --separate-stderr -0 gapferry log show
	[ "${#lines[@]}" -eq "$(wc -l <"$log")" ]
	[[ ${lines[1]} == *"accepted   default  app 1.7  sha256:"* ]]
	run --separate-stderr -0 gapferry log show 2-3
	[ "${#lines[@]}" -eq 2 ]
	run --separate-stderr -0 gapferry log show --json 2
	[ "$(jq -r '.lines[0] | "\(.number) \(.line)"' <<<"$output")" = "2 $(nth 2)" ]
	for word in 0 x 3-2 1-x; do
		run --separate-stderr -2 gapferry log show $word
	done
	printf '{"time":"2026-01-01T00:00:00Z","type":"failed","code":"\\u001b[31m"}\n' >>"$log"
	run --separate-stderr -0 gapferry log show "$((total + 1))"
	[[ $output == *'\x1b[31m'* ]]
}

@test "log checkpoint: three lines that fit a page, and the same as a QR code that a scanner reads" {
	run --separate-stderr -0 gapferry log checkpoint
	[ "$output" = "$(printf 'gapferry/site-a\n%s\n%s' "$total" "$(tlog root "$log")")" ]
	gapferry log checkpoint --qr >qr
	[ "$(head -n 3 qr)" = "$output" ]
	[ "$(python3 "$root/tests/cli/qr.py" <qr)" = "$output" ]
	run --separate-stderr -0 gapferry log checkpoint --json
	[ "$(jq -r .root <<<"$output")" = "$(tlog root "$log")" ]
	key=$(jq -r .verifierKey <<<"$output")
	id=$(openssl pkey -pubin -in state/site.pub -outform DER | sha256sum | cut -c 1-8)
	[ "$key" = "gapferry/site-a+$id+$({ printf '\2'; openssl pkey -pubin -in state/site.pub -outform DER; } | base64 -w 0)" ]
}

@test "log prove: a proof of each line, checked without the log and without gapferry" {
	for n in $(seq "$total"); do
		gapferry log prove "$n" >proof
		nth "$n" >line
		[ "$(tlog proof proof line state/site.pub)" = "line $n of $total" ]
		echo x >>line
		run tlog proof proof line state/site.pub
		[ "$status" -ne 0 ]
	done
	run --separate-stderr -2 gapferry log prove "$((total + 1))"
	[[ $stderr == *"the checkpoint has the lines 1 to $total"* ]]
	run --separate-stderr -2 gapferry log prove 0
	rm state/checkpoint
	run --separate-stderr -2 gapferry log prove 1
	[[ $stderr == *"there is no checkpoint"* ]]
}

@test "log consistency: from what was kept, from every size to every other" {
	gapferry log consistency kept.txt >proof
	[ "$(tlog growth proof kept.txt state/site.pub)" = "from 4 to $total lines" ]
	gapferry log consistency kept.note >again
	cmp proof again
	for old in 1 3 4 7; do
		for new in $old 7 $total; do
			gapferry log consistency "$old" "$new" >proof
			printf 'gapferry/site-a\n%s\n%s\n' "$old" "$(tlog root "$log" "$old")" >old
			[ "$(tlog growth proof old "$([ "$new" -lt "$total" ] || echo state/site.pub)")" = "from $old to $new lines" ]
		done
	done
	gapferry log consistency 0 >proof
	[ "$(head -n 2 proof)" = 'old 0' ]
	# not the lines that were kept; more lines than there are
	sed -i '3s/.*/rrbPzidLcKFPsGel5VeCZNsPqbUeoLpRWRWPMp8GngA=/' kept.txt
	run --separate-stderr -4 gapferry log consistency kept.txt
	[[ $stderr == *"the first 4 lines are not those of the old checkpoint"* ]]
	run --separate-stderr -4 gapferry log consistency "$((total + 1))"
	run --separate-stderr -2 gapferry log consistency 1 "$((total + 1))"
}

@test "a line that was changed, taken away, added or is no record is named, or the lines among which it is" {
	cp -r state good
	spoil() { # SED-SCRIPT
		rm -rf state
		cp -r good state
		sed -i "$1" "$log"
	}
	spoil '3s/.*/no record/'
	refused 4 log-line "line 3 of '*' is not a record: *"
	spoil '2s/,"created":"[^"]*"//'
	refused 4 log-line "line 2 of '*'accepted' without created"
	spoil '2s/"sequence":7/"sequence":6/'
	refused 4 log-changed "the first $total lines are not those that '*' knows: *one of the lines 1 to $total"
	# an earlier checkpoint narrows it down
	spoil '6s/"sequence":8/"sequence":9/'
	refused 4 log-changed "*one of the lines 5 to $total" --checkpoint kept.txt
	spoil '2s/"sequence":7/"sequence":6/'
	refused 4 log-changed "the first 4 lines are not those that 'kept.txt' knows*lines 1 to 4" --checkpoint kept.txt
	spoil 2d
	refused 4 log-cut "the log has $((total - 1)) lines, and '*' knows of $total*"
	spoil '2p'
	refused 4 log-changed '*'
	# without state.json, and without both
	spoil '2s/"sequence":7/"sequence":6/'
	rm state/state.json
	refused 4 log-changed "*'checkpoint' knows*"
	rm state/checkpoint
	run --separate-stderr -0 gapferry log verify
	[[ $output == *"nothing here says that the log was not cut short"* ]]
	refused 4 log-changed "*'kept.txt' knows*" --checkpoint kept.txt
}

@test "a machine that was put back to an older copy: all fits, and what an auditor kept says so" {
	gapferry log checkpoint >newest.txt
	rm -rf state
	cp -r state.old state
	run --separate-stderr -0 gapferry log verify --checkpoint kept.txt --checkpoint kept.note
	refused 4 log-cut "the log has 4 lines, and 'newest.txt' knows of $total*" --checkpoint newest.txt
	# and it went on from there
	gapferry unpack -q --key "$BATS_FILE_TMPDIR/release.pub" --to "oci:$PWD/out" "$BATS_FILE_TMPDIR/app.tar"
	gapferry unpack -q --key "$BATS_FILE_TMPDIR/release.pub" --to "oci:$PWD/out" "$BATS_FILE_TMPDIR/app.tar"
	refused 4 log-changed "the first $total lines are not those that 'newest.txt' knows: *one of the lines 5 to $total" \
		--checkpoint kept.txt --checkpoint newest.txt
}

@test "signatures of checkpoints: another key, none, another log, a torn file" {
	gapferry key new --no-passphrase other
	refused 3 note-signature "no signature is by key 'other' under the name 'gapferry/site-a'" --key other.pub
	run --separate-stderr -0 gapferry log verify --key state/site.pub --checkpoint kept.note
	refused 3 note-signature "'kept.note': no signature is by key 'other'*" --key other.pub --checkpoint kept.note
	sed -i '3s/.*/rrbPzidLcKFPsGel5VeCZNsPqbUeoLpRWRWPMp8GngA=/' kept.note
	refused 3 note-signature "'kept.note': *does not fit the text" --checkpoint kept.note
	sed -i 's/site-a/site-b/' kept.txt
	refused 2 checkpoint "'kept.txt' is of the log 'gapferry/site-b', and this one is 'gapferry/site-a'" --checkpoint kept.txt
	echo gapferry/site-a >kept.txt
	refused 4 checkpoint "'kept.txt': not a checkpoint: its second line is no size*" --checkpoint kept.txt
	mv state/site.pub pub
	refused 2 site-key "*site.pub is not there*"
	run --separate-stderr -0 gapferry log verify --key pub
	mv pub state/site.pub
	head -c 60 state/checkpoint >torn
	mv torn state/checkpoint
	refused 4 note "*checkpoint*not a signed note*"
}

@test "state.json that lies is named, one that is torn is made anew" {
	sum() { python3 - <<-'END'
		import hashlib, re
		text = open("state/state.json").read()
		body = text[:text.rindex(',"sum":')]
		open("state/state.json", "w").write(body + ',"sum":"sha256:%s"}\n' % hashlib.sha256(body.encode()).hexdigest())
	END
	}
	cp state/state.json good
	sum
	cmp state/state.json good
	sed -i 's/"sequence":8/"sequence":9/g' state/state.json
	run --separate-stderr -0 gapferry log verify --json
	[ "$(jq -r .cache <<<"$output")" = unusable ]
	sum
	refused 4 log-cache "state.json says of the first $total lines what they do not say*"
	cp state.old/state.json state/state.json # of fewer lines: right
	run --separate-stderr -0 gapferry log verify --json
	[ "$(jq -r .cache <<<"$output")" = fits ]
	rm -rf state/state.json
	run --separate-stderr -0 gapferry log verify --json
	[ "$(jq -r .cache <<<"$output")" = absent ]
	printf '{"time":"2026' >>"$log"
	run --separate-stderr -0 gapferry log verify
	[[ $output == *"13 bytes, which the next run cuts off"* ]]
}

@test "the state of tests/fixtures/log, written from bundles/FORMAT.md alone, is byte for byte what the program writes" {
	cp -r "$root/tests/fixtures/log" page
	run --separate-stderr -0 gapferry log verify --json --state page
	[ "$(jq -r '"\(.lines) \(.checkpoint) \(.vouchedTo) \(.cache)"' <<<"$output")" = "5 5 5 fits" ]
	said=$(jq -r .root <<<"$output")
	grep -qF "\`$said\`" "$root/bundles/FORMAT.md"
	[ "$(sed -n 3p page/checkpoint)" = "$said" ]
	[ "$(gapferry log checkpoint --state page)" = "$(head -n 3 page/checkpoint)" ]
	# "fits" is a comparison of all bytes
	sed -i 's/"acceptedCut":false/"acceptedCut":true/' page/state.json
	[ "$(gapferry log verify --json --state page | jq -r .cache)" = unusable ]
}

@test "what the auditor's script says of other people's proofs" {
	vectors=${GF_VECTORS:-$root/../shared/vectors}/merkle-rfc6962.tar.zst
	[ -e "$vectors" ] || skip "GF_VECTORS has no merkle-rfc6962.tar.zst"
	mkdir v
	zstd -dc "$vectors" | tar -xf - -C v
	[ "$(tlog vectors v)" = "12 good, 184 bad" ]
}
