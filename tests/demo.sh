#!/bin/bash
# demo.sh GAPFERRY - carry one real image across, step by step: a root file system made of busybox-static, packed,
# signed, verified, loaded under a new name, and a tampered copy refused.  Needs no Docker; where a daemon answers, the
# image is loaded there too, and run.
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/gapferry-demo.XXXXXX")
loaded=
finish() {
	[ -z "$loaded" ] || docker rmi -f "$loaded" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap finish EXIT
# The demo has its own state, keys and configuration, whatever this machine has.
export GAPFERRY_STATE="$work/state" GAPFERRY_CONFIG="$work/config" HOME="$work"
unset SOURCE_DATE_EPOCH GAPFERRY_PASSPHRASE
mkdir -p "$work/config" "$work/bin"
ln -s "$program" "$work/bin/gapferry"
PATH="$work/bin:$PATH"
cd "$work"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}
die() {
	echo "demo: $*" >&2
	exit 1
}

say "1. The build made an image: busybox in one layer, as 'docker save' writes it"
run "$here/lib/busybox-image.sh" image.tar acme/demo:1.0 'carried by gapferry'
config=$(tar -xOf image.tar manifest.json | jq -r '.[0].Config')
config=${config%.json}
arch=$(dpkg --print-architecture)
ls -l image.tar

say "2. A key pair (here without a passphrase; never so at work)"
run gapferry key new --no-passphrase release

say "3. Connected side: pack and sign"
run gapferry pack -o demo.tar --key release.pem --stream demo --sequence 1 --load-platform "linux/$arch" image.tar

say "4. The file crosses.  Far side: who made it, and is it whole?"
run gapferry verify --key release.pub demo.tar

say "5. Load it under the name of this environment, here into an OCI layout"
run gapferry unpack --key release.pub --to oci:layout --name 'registry.prod.example:5000/shop/demo' --tag '{tag}-{sequence}' demo.tar
name=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' layout/index.json)
digest=$(jq -r '.manifests[0].digest' layout/index.json)
[ "$name" = registry.prod.example:5000/shop/demo:1.0-1 ] || die "the layout has the name '$name'"
[ "$(jq -r .config.digest "layout/blobs/sha256/${digest#sha256:}")" = "sha256:$config" ] || die "the image ID changed"
[ "$(gapferry inspect --key release.pub --json demo.tar | jq -r '[.. | objects | select(has("digest")) | .digest] | index("'"$digest"'") != null')" = true ] ||
	die "the layout shows another digest than the bundle"
echo "layout: $name is $digest, image ID sha256:$config, as packed"

say "6. A tampered copy: one bit of the layer changed on the way"
size=$(stat -c %s demo.tar)
cp demo.tar tampered.tar
at=$((size - 20000))
byte=$(od -An -tu1 -j $at -N 1 tampered.tar)
printf '%b' "\\x$(printf %02x $((byte ^ 1)))" | dd of=tampered.tar bs=1 seek=$at conv=notrunc status=none
rc=0
run gapferry unpack --key release.pub --to oci:never --name x --tag y tampered.tar || rc=$?
[ $rc -eq 4 ] || die "the tampered copy was not refused as damaged: exit status $rc"
[ ! -e never/index.json ] || [ "$(jq '.manifests | length' never/index.json)" -eq 0 ] || die "something was loaded"
echo "refused with exit status $rc; nothing was loaded"

say "7. The same bundle, signed by a stranger"
gapferry key new --no-passphrase stranger >/dev/null
gapferry pack -q -o forged.tar --key stranger.pem --stream demo --sequence 1 --load-platform "linux/$arch" image.tar >/dev/null
rc=0
run gapferry verify --key release.pub forged.tar || rc=$?
[ $rc -eq 3 ] || die "the forged bundle was not refused: exit status $rc"
echo "refused with exit status $rc"

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
	say "8. A Docker daemon answers: load it there, and run it"
	loaded=gapferry-demo.example/demo:1.0
	run gapferry unpack --key release.pub --to docker-daemon: --name gapferry-demo.example/demo --tag '{tag}' demo.tar
	[ "$(docker image inspect -f '{{.Id}}' $loaded)" = "sha256:$config" ] || die "the daemon shows another image ID"
	[ "$(docker run --rm --network none $loaded)" = 'carried by gapferry' ] || die "the image does not run"
	echo "it ran, with image ID sha256:$config"
else
	say "8. No Docker daemon answers here: not loaded into one"
fi
say "demo: done"
