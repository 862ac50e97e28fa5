#!/bin/sh
# apt.sh DIR - an apt of its own in DIR: Debian's archives alone, from the mirror that this machine's apt is set up
# for, sources too.  Needs no root.  Then: APT_CONFIG=DIR/apt.conf apt-get download ...
set -eu
mkdir -p "$1" && dir=$(cd "$1" && pwd)
export LC_ALL=C

# shellcheck disable=SC2016 # $(SITE) and $(CODENAME) are apt's
targets() {
	apt-get indextargets --format '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(SITE) $(CODENAME) main' \
		'Created-By: Packages' 'Component: main' 'Origin: Debian' | sort -u
}
sources=$(targets)
if [ -z "$sources" ] && [ "$(id -u)" -eq 0 ]; then
	apt-get -qq update
	sources=$(targets)
fi
if [ -z "$sources" ]; then
	echo "apt.sh: apt has no package lists: run 'apt-get update' as root first" >&2
	exit 1
fi

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/none"
: >"$dir/status"
echo "$sources" | sed 's/^/deb /; p; s/^deb/deb-src/' >"$dir/sources.list"
cat >"$dir/apt.conf" <<CONF
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/none";
Dir::Etc::preferencesparts "$dir/none";
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
CONF
APT_CONFIG="$dir/apt.conf" apt-get -qq update
