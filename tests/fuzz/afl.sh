#!/bin/bash
# afl.sh DIR - a second opinion: the whole program under AFL++, built by make afl in DIR with ASan and UBSan, in each of
# these ways for FUZZ_SECONDS (60):
#   verify    bundles, with the key that signed them: what comes before trust
#   inspect   bundles, --unverified: everything that is ever parsed
#   pack      archives that others made
# Prints executions, edges, crashes and hangs.  What crashed or hung fails, and stays in DIR/out.
set -eu
seconds=${FUZZ_SECONDS:-60}
corpus=$PWD/tests/fuzz/corpus/archive
mkdir -p "$1"
cd "$1"
mkdir -p state config
program=$PWD/gapferry
export GAPFERRY_STATE=$PWD/state GAPFERRY_CONFIG=$PWD/config HOME=$PWD
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1
export ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:symbolize=0
bad=0

# try NAME ARGUMENT... - the seeds are in in-NAME.
try() {
	local name=$1 stats=out/$1/default/fuzzer_stats
	shift
	rm -rf "out/$name"
	mkdir -p out
	afl-fuzz -i "in-$name" -o "out/$name" -m none -t 5000+ -V "$seconds" -- "$program" "$@" >"$name.log" 2>&1 || true
	if [ ! -f "$stats" ]; then
		tail -n 20 "$name.log"
		bad=1
		return
	fi
	awk -v name="$name" -F ' *: *' '{ s[$1] = $2 }
		END {
			printf "%-8s %8s executions in %s s, %s of %s edges, %s inputs kept, %s crashes, %s hangs\n", name,
			    s["execs_done"], s["run_time"], s["edges_found"], s["total_edges"], s["corpus_count"],
			    s["saved_crashes"], s["saved_hangs"]
			exit s["saved_crashes"] + s["saved_hangs"] > 0
		}' "$stats" || bad=1
}

rm -rf in-* key.* out.tar
mkdir in-verify in-inspect in-pack
"$program" key new --no-passphrase key >/dev/null
for name in docker-v1 docker-two legacy oci-index; do
	cp "$corpus/$name.tar" in-pack/
	"$program" pack -q -o "in-verify/$name.tar" --key key.pem --created 2026-11-23T01:02:03Z "$corpus/$name.tar" >/dev/null 2>&1 ||
		rm -f "in-verify/$name.tar"
done
cp in-verify/* in-inspect/

try verify verify -q --key key.pub @@
try inspect inspect --json --unverified --key key.pub @@
try pack pack -q -o out.tar --key key.pem @@
exit $bad
