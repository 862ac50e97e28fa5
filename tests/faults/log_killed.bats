#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# kill -9 at any system call of an unpack (strace delivers it where the call is entered): what is logged stays a log, no
# line that was there is lost, and the same command run again finishes.  GF_LONG=1: every call of every kind; else the
# kinds that change files, every sixth.

setup_file() {
	load ../cli/common
	make_bundle
	gapferry pack -q -o next.tar --key release.pem --stream app --sequence 8 image.tar
	gapferry unpack -q --key release.pub --to "oci:$BATS_FILE_TMPDIR/out" app.tar
}

setup() {
	load ../cli/common
	fresh
	bundle=$BATS_FILE_TMPDIR/next.tar key=$BATS_FILE_TMPDIR/release.pub
}

again() { # a state with one run in it, or none
	rm -rf state out
	[ "$1" = empty ] || cp -r "$BATS_FILE_TMPDIR/state" "$BATS_FILE_TMPDIR/out" .
}
unpack() { ASAN_OPTIONS=detect_leaks=0 "$@" "$GAPFERRY" unpack -q -j1 --key "$key" --to "oci:$PWD/out" "$bundle" >said 2>&1; }
root_of() { python3 "$root/tests/cli/tlog.py" root state/audit.jsonl "$@"; }

# The log as the dead left it, then as the next run leaves it.
look() { # WHERE LINES-BEFORE
	local kept torn
	if [ -e state/audit.jsonl ]; then
		gapferry log verify --json >json || { echo "$1: log verify: $(cat json)"; return 1; }
		kept=$(jq .lines json) torn=$(jq .torn json)
		[ "$kept" -ge "$2" ] || { echo "$1: $kept lines, there were $2"; return 1; }
		head -n "$kept" state/audit.jsonl >kept.jsonl
	else
		: >kept.jsonl
		kept=0 torn=0
	fi
	unpack || { echo "$1: the run after: $(cat said)"; return 1; }
	head -n "$kept" state/audit.jsonl | cmp - kept.jsonl || { echo "$1: lines have changed"; return 1; }
	gapferry log verify --json >json || { echo "$1: log verify after: $(cat json)"; return 1; }
	# shellcheck disable=SC2016 # $t is jq's
	jq -e --argjson t "$torn" '.torn == 0 and .checkpoint == .lines and .cache == "fits"' json >/dev/null || {
		echo "$1: after: $(cat json)"
		return 1
	}
	[ "$torn" -eq 0 ] || grep -q '"type":"recovered"' state/audit.jsonl || { echo "$1: nothing tells of the torn line"; return 1; }
	[ "$(tail -n 1 state/audit.jsonl | jq -r .type)" = complete ] || { echo "$1: $(tail -n 1 state/audit.jsonl)"; return 1; }
	openssl pkey -in state/site.pem -pubout | cmp - state/site.pub || { echo "$1: the key"; return 1; }
}

killed() { # STATE LINES-BEFORE
	local kinds='fsync|openat|mkdirat|write|pwrite64|linkat|renameat|renameat2|rename|ftruncate|unlink|unlinkat'
	local call n count step=6 places=0
	[ -z "${GF_LONG-}" ] || kinds='.*' step=1
	again "$1"
	unpack strace -f -c -o calls
	while read -r call count; do
		for ((n = 1; n <= count; n += step)); do
			again "$1"
			unpack strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" || true
			look "$call $n" "$2" || return 1
			places=$((places + 1))
		done
	done < <(awk -v kinds="^($kinds)$" '$1 + 0 > 0 || $1 == "0.00" { if ($NF ~ kinds && $NF != "execve" && $NF != "total") print $NF, $4 }' calls)
	echo "# killed at $places places" >&3
	[ "$places" -gt 15 ]
}

@test "kill -9 in the first run of a site: the state is made, key and all, or is made by the next run" {
	killed empty 0
}

@test "kill -9 in a later run: every line that was there stays, and the next run goes on" {
	killed one "$(wc -l <"$BATS_FILE_TMPDIR/state/audit.jsonl")"
}
