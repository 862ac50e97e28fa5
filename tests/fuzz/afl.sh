#!/bin/bash
# afl.sh DIR [WAY...] - a second opinion: the program under AFL++ (afl.c), as make afl built it in DIR, in each of these
# ways, or those named, for FUZZ_SECONDS (60):
#   verify    bundles, with the key that signed them: what comes before trust
#   inspect   bundles, --unverified: everything that is ever parsed
#   pack      archives that others made
# In each, a build that is fast and one with ASan and UBSan run at once and share what they find; inputs change in AFL++'s
# ways and in that of tar_mutate.h.  Prints executions, edges, crashes and hangs.  What crashed or hung fails, and stays in
# DIR/afl/out.
set -eu
seconds=${FUZZ_SECONDS:-60}
fuzz=$PWD/tests/fuzz
cd "$1/afl"
shift
input=/proc/self/fd/100 # afl.c
program=$PWD/../gapferry
scratch=$(mktemp -d /dev/shm/gapferry-afl.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
export GAPFERRY_STATE=$scratch/state GAPFERRY_CONFIG=$scratch HOME=$scratch
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_HANG_TMOUT=20000
export AFL_CUSTOM_MUTATOR_LIBRARY=$PWD/mutate.so
export ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:symbolize=0
bad=0

# report NAME BUILD
report() {
	local stats=out/$1/$2/fuzzer_stats
	if [ ! -f "$stats" ]; then
		tail -n 20 "$1.$2.log"
		return 1
	fi
	awk -v name="$1" -v build="$2" -F ' *: *' '{ s[$1] = $2 }
		END {
			printf "%-8s %-5s %9s executions in %s s, %s of %s edges, %s inputs kept, %s crashes, %s hangs\n", name, build,
			    s["execs_done"], s["run_time"], s["edges_found"], s["total_edges"], s["corpus_count"],
			    s["saved_crashes"], s["saved_hangs"]
			exit s["saved_crashes"] + s["saved_hangs"] > 0
		}' "$stats"
}

# try NAME ARGUMENT... - the seeds are in in-NAME.
try() {
	local name=$1 build
	shift
	rm -rf "out/$name"
	mkdir -p out
	for build in fast asan; do
		afl-fuzz "$([ $build = fast ] && echo -M || echo -S)" $build -i "in-$name" -o "out/$name" -m none -t 5000 \
			-V "$seconds" -- "$build/tests/fuzz/afl" "$@" >"$name.$build.log" 2>&1 &
	done
	wait
	report "$name" fast || bad=1
	report "$name" asan || bad=1
}

# unpadded BUNDLE OUT - as the corpora have them (padded.h).
unpadded() {
	python3 - "$1" "$2" <<-'EOF'
		import sys
		b = open(sys.argv[1], "rb").read()
		at = next(at for at in range(0, len(b), 512) if b[at:].startswith(b"META/padding\0"))
		open(sys.argv[2], "wb").write(b[:at + 512] + b[at + 512 + int(b[at + 124:at + 135], 8):])
	EOF
}

seeds() {
	local name
	"$program" key new --no-passphrase one && "$program" key new --no-passphrase --type minisign two || return 1
	for name in docker-gzip docker-links docker-v1 legacy oci-one; do
		"$program" pack -q -o "$scratch/out.tar" --key one.pem --key two.key "$fuzz/corpus/archive/$name.tar" &&
			unpadded "$scratch/out.tar" "in-verify/$name.tar" || return 1
	done
}

rm -rf in-* one.* two.*
mkdir in-verify in-inspect in-pack
if ! seeds >seeds.log 2>&1; then
	tail -n 5 seeds.log
	exit 1
fi
cp in-verify/* "$fuzz"/corpus/reader/* in-inspect/
cp "$fuzz"/corpus/archive/* in-pack/

[ $# -gt 0 ] || set -- verify inspect pack
for way; do
	case $way in
	verify) try verify verify -q --jobs 1 --key one.pub --key two.pub $input ;;
	inspect) try inspect inspect --json --unverified --key one.pub --key two.pub $input ;;
	pack) try pack pack -q --jobs 1 -o "$scratch/out.tar" --key one.pem $input ;;
	esac
done
exit $bad
