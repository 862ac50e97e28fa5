#!/bin/sh
# busybox-image.sh OUT REF [TEXT] - a small image without Docker: busybox-static in one layer, written to OUT as
# 'docker save' of Docker 20.10 writes it.  Run, it prints TEXT.  Same arguments and same busybox: same bytes.
set -eu
[ $# -eq 2 ] || [ $# -eq 3 ] || { echo 'usage: busybox-image.sh OUT REF [TEXT]' >&2; exit 2; }
out=$1 ref=$2 text=${3:-carried across}
case ${ref##*/} in *:*) ;; *) echo "busybox-image.sh: '$ref' has no tag" >&2; exit 2 ;; esac
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) arch=$(uname -m) ;;
esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/busybox-image.XXXXXX")
trap 'rm -rf "$dir"' EXIT
umask 022

mkdir -p "$dir/root/bin" "$dir/root/etc" "$dir/image"
cp "$(command -v busybox)" "$dir/root/bin/busybox"
for name in sh ls cat echo uname; do ln -s busybox "$dir/root/bin/$name"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$dir/root/etc/passwd"
echo "$text" >"$dir/root/etc/motd"

# pack DIR OUT NAME... - a tar that depends on nothing but contents
pack() {
	from=$1 to=$2
	shift 2
	tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$from" -cf "$to" "$@"
}
pack "$dir/root" "$dir/layer.tar" bin etc
layer=$(sha256sum "$dir/layer.tar" | cut -d' ' -f1)
mkdir "$dir/image/$layer"
mv "$dir/layer.tar" "$dir/image/$layer/layer.tar"
echo 1.0 | tr -d '\n' >"$dir/image/$layer/VERSION"
printf '{"id":"%s","created":"1970-01-01T00:00:00Z","os":"linux"}' "$layer" >"$dir/image/$layer/json"
printf '{"architecture":"%s","config":{"Cmd":["/bin/cat","/etc/motd"]},"created":"1970-01-01T00:00:00Z","history":[{"created":"1970-01-01T00:00:00Z","created_by":"busybox-image.sh"}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
	"$arch" "$layer" >"$dir/config"
config=$(sha256sum "$dir/config" | cut -d' ' -f1)
mv "$dir/config" "$dir/image/$config.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s/layer.tar"]}]\n' "$config" "$ref" "$layer" >"$dir/image/manifest.json"
printf '{"%s":{"%s":"%s"}}\n' "${ref%:*}" "${ref##*:}" "$layer" >"$dir/image/repositories"
(cd "$dir/image" && ls) >"$dir/names"
# The names are made of hex digits and the ones above.
# shellcheck disable=SC2046
pack "$dir/image" "$dir/out.tar" $(cat "$dir/names")
mv "$dir/out.tar" "$out"
