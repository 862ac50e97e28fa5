#!/bin/sh
# fetch.sh OUT - fetch what the static program is linked from.  Needs no root and touches nothing outside OUT: apt's
# own state lies in OUT/apt, and apt checks every file against Debian's signed Release.
#   OUT/sysroot         the -dev packages of the list 'packages', unpacked
#   OUT/curl OUT/isal   sources with Debian's patches
#   OUT/qrencode        sources as they came to Debian
#   OUT/SOURCES         "sha256  file" of all of them: the bill of materials
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && out=$(cd "$1" && pwd)
export LC_ALL=C

rm -rf "$out/apt" "$out/pool"
mkdir "$out/pool"
sh "$here/apt.sh" "$out/apt"
export APT_CONFIG="$out/apt/apt.conf"
cd "$out/pool"
# shellcheck disable=SC2046 # the words are the list
apt-get -qq download $(awk '$1 == "deb" { print $2 }' "$here/packages")
# shellcheck disable=SC2046
apt-get -qq --download-only source $(awk '$1 == "src" { print $2 }' "$here/packages")
# shellcheck disable=SC2046
apt-get -qq --download-only --tar-only source $(awk '$1 == "tar" { print $2 }' "$here/packages")
sha256sum -- *.deb *.dsc *.tar.?z* >"$out/SOURCES"

rm -rf "$out/sysroot" "$out/curl" "$out/isal" "$out/qrencode"
mkdir "$out/sysroot" "$out/qrencode"
for deb in *.deb; do
	dpkg-deb -x "$deb" "$out/sysroot"
done
dpkg-source --no-copy --no-check -x curl_*.dsc "$out/curl" >/dev/null
dpkg-source --no-copy --no-check -x libisal_*.dsc "$out/isal" >/dev/null
tar -xf qrencode_*.orig.tar.* -C "$out/qrencode" --strip-components=1
rm -rf "$out/apt"
