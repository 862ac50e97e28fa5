#!/bin/bash
# images.sh DIR - make the input of make bench in DIR, once: ten real images on one Debian base, built by a
# private dockerd from a debootstrap tree and unpacked Debian packages.
#   DIR/all.tar     docker save of the ten (bases shared: about 1.2 GB)
#   DIR/NAME.tar    docker save of each alone
#   DIR/db2.tar     base as db's, another top
#   DIR/gz/NAME.tar the same image as oci-archive with gzip layers (skopeo)
#   DIR/VERSION     which images these are: when it differs, everything is made anew
# Takes about ten minutes, and the network of apt.
set -euo pipefail

dir=$1
here=$(cd "$(dirname "$0")" && pwd)
version=2 # raised when the images change
if [ "$(cat "$dir/VERSION" 2>/dev/null)" = "$version" ]; then
	exit 0
fi
[ "$(id -u)" -eq 0 ] || { echo "images.sh: needs root (debootstrap, dockerd)" >&2; exit 1; }
export LC_ALL=C

# name: the packages of its own layer.  What stands before ':' is the image it is built on.
images='
db:base:postgresql-15 postgresql-client-15 libllvm14 libpq5 libxml2
web:base:nginx nginx-common libnginx-mod-http-geoip2 libmaxminddb0 php8.2-cli php8.2-fpm redis-server redis-tools
build:base:gcc-12 cpp-12 g++-12 libstdc++-12-dev libgcc-12-dev binutils-x86-64-linux-gnu golang-1.19-go golang-1.19-src
python:base:python3.11 python3.11-minimal libpython3.11-stdlib libpython3.11-minimal python3-numpy libopenblas0-pthread libgfortran5
api:python:python3-django python3-sqlparse python3-asgiref python3-tz
jobs:python:python3-celery python3-kombu python3-redis python3-lxml libxslt1.1
node:base:nodejs libnode108 libuv1 libc-ares2 libnghttp2-14
shop:node:node-undici node-typescript node-lodash
java:base:openjdk-17-jre-headless libharfbuzz0b libfreetype6
search:java:tomcat10-common libtomcat10-java libecj-java'
names=$(echo "$images" | cut -d: -f1 | grep .)

work=$(mktemp -d "${TMPDIR:-/var/tmp}/gapferry-images.XXXXXX")
pid=
finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	# dockerd may leave its mounts when it is ended hard
	awk -v w="$work/" 'index($2, w) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$work"
}
trap finish EXIT

echo "bench: debootstrap and packages (once; kept in $dir)"
rm -rf "$dir"
mkdir -p "$dir/gz" "$work/debs"
# The machine's own mirror, so that the archive is the one this machine may reach.
sh "$here/../../packaging/static/apt.sh" "$work/apt"
mirror=$(awk '$1 == "deb" && $4 == "bookworm" { print $3 }' "$work/apt/sources.list")
debootstrap --variant=minbase --include=ca-certificates,perl,locales,curl,gnupg bookworm "$work/base" "$mirror" >"$work/debootstrap.log" 2>&1 ||
	{ tail -n 20 "$work/debootstrap.log" >&2; exit 1; }
rm -rf "$work/base/var/cache/apt/archives/"*.deb "$work/base/var/lib/apt/lists/"*

mkdir "$work/docker"
dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "unix://$work/docker/sock" \
	--bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --storage-driver overlay2 \
	>"$work/dockerd.log" 2>&1 &
pid=$!
export DOCKER_HOST="unix://$work/docker/sock" DOCKER_BUILDKIT=0 DOCKER_CONFIG="$work/config"
for _ in $(seq 100); do
	docker info >/dev/null 2>&1 && break
	sleep 0.2
done
docker info >/dev/null || { tail "$work/dockerd.log" >&2; exit 1; }

tar -C "$work/base" -cf - . | docker import - bench.example/base:1 >/dev/null
rm -rf "$work/base"

echo "$images" | grep . | while IFS=: read -r name on packages; do
	echo "bench: image $name"
	mkdir -p "$work/build/root"
	# shellcheck disable=SC2086
	(cd "$work/debs" && APT_CONFIG="$work/apt/apt.conf" apt-get -qq download $packages)
	for p in $packages; do
		dpkg-deb -x "$work/debs/$p"_*.deb "$work/build/root"
	done
	printf 'FROM bench.example/%s:1\nCOPY root/ /\nENV NAME=%s\nCMD ["/bin/sh"]\n' "$on" "$name" >"$work/build/Dockerfile"
	docker build -q -t "bench.example/$name:1" "$work/build" >/dev/null
	rm -rf "$work/build"
done

# db2: the base that a daemon has already, and a top that it has not
mkdir -p "$work/build/root"
for p in postgresql-15 libllvm14 postgresql-client-15; do dpkg-deb -x "$work/debs/$p"_*.deb "$work/build/root"; done
echo 'another build' >"$work/build/root/build-id"
find "$work/build/root" -exec touch -hd '2026-01-01T00:00:00Z' {} +
printf 'FROM bench.example/base:1\nCOPY root/ /\nENV NAME=db2\nCMD ["/bin/sh"]\n' >"$work/build/Dockerfile"
docker build -q -t bench.example/db2:1 "$work/build" >/dev/null

echo "bench: docker save"
all=
for n in $names; do
	docker save -o "$dir/$n.tar" "bench.example/$n:1"
	all="$all bench.example/$n:1"
done
docker save -o "$dir/db2.tar" bench.example/db2:1
docker save -o "$dir/base.tar" bench.example/base:1
# shellcheck disable=SC2086
docker save -o "$dir/all.tar" $all
for n in $names; do
	skopeo copy -q "docker-archive:$dir/$n.tar" "oci-archive:$dir/gz/$n.tar:bench.example/$n:1"
done
echo "$names" >"$dir/NAMES"
ls -l "$dir"
echo "$version" >"$dir/VERSION"
