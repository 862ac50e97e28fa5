#!/bin/sh
# deps.sh build|demo|test - install, with apt-get, the Debian 12 packages that are missing for
#   build   compiling gapferry
#   demo    that, and what make demo works on
#   test    that, and the peers and tools of make test, make check, make fuzz and make bench
# Where nothing is missing it does nothing and needs no root.
set -eu

build='gcc make pkg-config libc6-dev libcurl4-openssl-dev libarchive-dev libssl-dev libsodium-dev libisal-dev
libzstd-dev liblzma-dev libbz2-dev zlib1g-dev libjansson-dev libyaml-dev libqrencode-dev'
demo='busybox-static jq openssl'
test='binutils git python3 libcmocka-dev bats shellcheck strace time valgrind zip unzip xz-utils bzip2 zstd procps curl mount e2fsprogs
faketime clang clang-14 python3-clang-14 llvm-14 libclang-rt-14-dev clang-tidy clang-format cppcheck
docker.io docker-registry skopeo podman buildah crun containerd umoci minisign age apache2-utils iptables
docker-compose python3-yaml libarchive-tools debootstrap dpkg-dev nasm libzbar0
chromium poppler-utils python3-html5lib'

case ${1-} in
build) want=$build ;;
demo) want="$build $demo" ;;
test) want="$build $demo $test" ;;
*)
	echo "usage: deps.sh build|demo|test" >&2
	exit 2
	;;
esac

# The words of $want are the list.
# shellcheck disable=SC2086
missing=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' $want 2>/dev/null |
	awk -v want="$(printf '%s ' $want)" '
		$2 == "ii" { have[$1] = 1 }
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }')
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086
echo "deps.sh: installing:" $missing
if [ "$(id -u)" -ne 0 ]; then
	echo "deps.sh: not root: ask root to run 'make deps'" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# A service that a package would start is none of ours: the tests start their own, in private directories.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
	made=1
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
# shellcheck disable=SC2086
install() {
	apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 install $missing >/dev/null
}
# The lists of a fresh machine are absent or old: fetched only when the first try shows it.
install 2>/dev/null || { apt-get -qq update && install; }
[ -z "$made" ] || echo "deps.sh: done; no service was started"
