#!/bin/sh
# run.sh BUILD-DIR [ROW...] - make bench: the images (made once, in $GF_BENCH_CACHE or ~/.cache/gapferry-bench), then the
# measurements.  A table goes to stdout, every sample to BUILD-DIR/bench.json.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
cache=${GF_BENCH_CACHE:-$HOME/.cache/gapferry-bench}
"$here/images.sh" "$cache"
exec python3 "$here/bench.py" "$build" "$cache" "$@"
