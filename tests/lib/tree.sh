#!/bin/sh
# tree.sh - another Debian as a directory, for its engines: debootstrap, once.  Needs root.
#   tree.sh make SUITE           makes it if it is not there; prints its path and what it has
#   tree.sh exec SUITE COMMAND   COMMAND with the tree as its root; /tmp is the host's, and so are the network and processes
# Trees are kept in ${GF_TREES:-~/.cache/gapferry-trees}.  Each command has mounts of its own, which end with it: nothing
# is left to unmount, whatever ends it.
set -eu
export LC_ALL=C
trees=${GF_TREES:-$HOME/.cache/gapferry-trees}
packages='docker.io podman ca-certificates'
[ $# -ge 2 ] || { echo 'usage: tree.sh make SUITE | tree.sh exec SUITE COMMAND...' >&2; exit 2; }
verb=$1 suite=$2
shift 2
tree=$trees/$suite

# The mirror that this machine's apt is set up for.
mirror() {
	# shellcheck disable=SC2016 # $(SITE) and $(CODENAME) are apt's
	apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' |
		awk '$1 !~ /-/ { print $2; exit }'
}

make_tree() {
	new=$tree.new
	rm -rf "$new"
	mkdir -p "$trees"
	from=$(mirror)
	[ -n "$from" ] || { apt-get -qq update && from=$(mirror); }
	[ -n "$from" ] || { echo "tree.sh: apt names no mirror of Debian" >&2; return 1; }
	debootstrap --variant=minbase --include="$(echo "$packages" | tr ' ' ,)" "$suite" "$new" "$from" >"$tree.log" 2>&1 ||
		{ tail -n 20 "$tree.log" "$new/debootstrap/debootstrap.log" >&2; return 1; }
	rm -rf "$new"/var/cache/apt/archives/*.deb
	rm -rf "$tree"
	mv "$new" "$tree"
}

case $verb in
make)
	mkdir -p "$trees"
	exec 9>"$trees/lock"
	flock 9
	# shellcheck disable=SC2086 # a list
	chroot "$tree" dpkg-query -s $packages >/dev/null 2>&1 || make_tree
	echo "$tree"
	# shellcheck disable=SC2016 # the fields are dpkg-query's
	chroot "$tree" dpkg-query -W -f '${Package} ${Version}\n' docker.io containerd podman
	;;
exec)
	# Docker's ApplyLayer wants its / to be a mount point that it can make private.
	# shellcheck disable=SC2016 # the words of the inner shell
	exec unshare --mount --propagation private sh -ec '
		tree=$1
		shift
		mount --rbind "$tree" "$tree"
		mount --make-rprivate "$tree"
		for d in proc sys dev tmp; do mount --rbind "/$d" "$tree/$d"; done
		mount -t tmpfs tmpfs "$tree/run"
		exec chroot "$tree" "$@"' sh "$tree" "$@"
	;;
*)
	echo "tree.sh: no verb '$verb'" >&2
	exit 2
	;;
esac
