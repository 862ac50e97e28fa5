#!/usr/bin/env bats
# What the engines of Debian 11 and 13 save is packed, and what gapferry unpacks, or they load of the bundle themselves,
# has the same image IDs there.  Not part of make test: the trees are debootstrapped (make test-engines).

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-saves.XXXXXX)
	export GF_INTEROP_DIR
	load ../interop/common
	cd "$D" || return 1
	export HOME="$D/home" GAPFERRY_STATE="$D/state" GAPFERRY_CONFIG="$D/config"
	mkdir -p home config
	gapferry key new --no-passphrase release
	# the shared layer lies on another one in b, so that docker save of Debian 11 writes it as a link
	make_image a.tar docker.io/acme/a:1 base:40 top:30
	make_image b.tar docker.io/acme/b:1 other:20 base:40
}

teardown_file() {
	load ../interop/common
	rm -rf "$D"
}

setup() {
	load ../interop/common
	cd "$D" || return 1
	E="$D/engine"
	mkdir "$E"
	export HOME="$D/home" GAPFERRY_STATE="$D/state.$BATS_TEST_NUMBER" GAPFERRY_CONFIG="$D/config"
}

teardown() {
	stop_server "$E/docker.pid"
	stop_server "$E/podman.pid"
	rm -rf "$E"
}

# engine SUITE classic|containerd|podman: it runs, empty; $KEY is what its image IDs are in a manifest.
engine() {
	SUITE=$1 KIND=$2 KEY='.predicate.images[].platforms[].imageId'
	case $KIND in
	classic) start_tree_dockerd "$SUITE" "$E" ;;
	containerd)
		echo '{"features": {"containerd-snapshotter": true}}' >"$E/daemon.json"
		start_tree_dockerd "$SUITE" "$E" --config-file="$E/daemon.json"
		KEY='.predicate.images[].digest'
		;;
	podman) start_tree_podman "$SUITE" "$E" ;;
	esac
	if [ "$KIND" = podman ]; then DOCKER_HOST=unix://$E/podman.sock; else DOCKER_HOST=unix://$E/docker.sock; fi
	export DOCKER_HOST
}
id() { docker image inspect -f '{{.Id}}' "$1" | sed 's/^\(sha256:\)\?/sha256:/'; }
# The podman of the tree, on the store that its service has.
tree_podman() {
	"$HERE/../lib/tree.sh" exec "$SUITE" podman --root "$E/podman/root" --runroot "$E/podman/run" --tmpdir "$E/podman/tmp" \
		--storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"
}
emptied() { docker images -aq | sort -u | xargs -r docker rmi -f >/dev/null; }

# packed SOURCE...: bundle.tar, whole; $IDS is what its images are called here.
packed() {
	rm -rf bundle.tar layout
	gapferry pack -q -o bundle.tar --key release.pem "$@"
	gapferry verify -q --deep --key release.pub bundle.tar
	IDS=$(said bundle.tar "$KEY" | sort)
}

saves() {
	local a b
	engine "$@"
	docker load -qi a.tar
	docker load -qi b.tar
	a=$(id acme/a:1) b=$(id acme/b:1)

	docker save -o f.tar acme/a:1
	packed f.tar
	same "one image" "$a" "$IDS"
	docker save -o f.tar "$(docker image inspect -f '{{.Id}}' acme/b:1)"
	packed --name acme/named:1 f.tar
	same "by ID" "$b" "$IDS"
	if [ "$*" = "bullseye podman" ]; then one_by_one; else both; fi
}

both() {
	local how
	docker save -o f.tar acme/a:1 acme/b:1
	packed --layers none - <f.tar
	same "two, from a pipe, raw" "$(printf '%s\n' "$a" "$b" | sort)" "$IDS"
	packed f.tar
	same "two" "$(printf '%s\n' "$a" "$b" | sort)" "$IDS"
	same names 'docker.io/acme/a:1 docker.io/acme/b:1' "$(said bundle.tar '[.predicate.images[].names[]] | sort | join(" ")')"
	gapferry pack -q -o other.tar docker-daemon:acme/a:1 docker-daemon:acme/b:1
	same "digests, out of the daemon" "$(said bundle.tar '[.predicate.images[].digest] | sort | join(" ")')" \
		"$(said other.tar '[.predicate.images[].digest] | sort | join(" ")')"
	rm other.tar
	for how in unpack load; do
		emptied
		if [ $how = unpack ]; then
			gapferry unpack -q --key release.pub --to docker-daemon: bundle.tar
		else
			docker load -qi bundle.tar
		fi
		same "$how: a" "$a" "$(id acme/a:1)"
		same "$how: b" "$b" "$(id acme/b:1)"
	done
}

# podman 3 saves only the first image that it is asked for, and of two loaded without a name it keeps one.
one_by_one() {
	local n
	rc=0
	gapferry pack -q --json -o other.tar docker-daemon:acme/a:1 docker-daemon:acme/b:1 >out.json || rc=$?
	same ".error.name of two" "1 docker-answer" "$rc $(jq -r .error.name out.json)"
	emptied
	for n in a b; do
		packed $n.tar
		gapferry unpack -q --key release.pub --to docker-daemon: bundle.tar
		same $n "$IDS" "$(id acme/$n:1)"
		rm bundle.tar
		gapferry pack -q -o bundle.tar docker-daemon:acme/$n:1
		same "$n, back" "$IDS" "$(said bundle.tar "$KEY")"
	done
}

@test "Docker of Debian 11" { saves bullseye classic; }
@test "Docker of Debian 13" { saves trixie classic; }
@test "Docker of Debian 13 with containerd's store" { saves trixie containerd; }
@test "podman of Debian 11, by its socket" { saves bullseye podman; }
@test "podman of Debian 13, by its socket" { saves trixie podman; }

podman_saves() {
	local format
	engine "$1" podman
	docker load -qi a.tar
	docker load -qi b.tar
	rm -f f.tar # podman adds to one that is there
	tree_podman save -q -m -o "$D/f.tar" docker.io/acme/a:1 docker.io/acme/b:1
	packed f.tar
	same "both" "$(printf '%s\n%s' "$(id acme/a:1)" "$(id acme/b:1)" | sort)" "$IDS"
	for format in oci-archive docker-archive; do
		rm -f f.tar
		tree_podman save -q --format $format -o "$D/f.tar" docker.io/acme/a:1
		packed f.tar
		emptied
		tree_podman load -q -i "$D/f.tar"
		same $format "$(id acme/a:1)" "$IDS" # oci-archive: podman writes another config
		emptied
		gapferry unpack -q --key release.pub --to docker-daemon: bundle.tar
		same "$format, unpacked" "$IDS" "$(id acme/a:1)"
		docker load -qi b.tar
	done
}
@test "podman of Debian 11: its archives" { podman_saves bullseye; }
@test "podman of Debian 13: its archives" { podman_saves trixie; }

# The config of such images is made.  Docker 26 puts an author behind the command in history, and leaves out a time that
# is not there, so there these images have other IDs.
legacy() {
	local v
	engine "$1" classic
	for v in "${@:2}"; do
		rm -f f.tar
		python3 "$HERE/dialects.py" "legacy:$v" f.tar a.tar b.tar
		docker images -q | sort -u | xargs -r docker rmi -f >/dev/null
		docker load -qi f.tar
		packed f.tar
		same "Docker $v" "$(docker images -q --no-trunc | sort -u)" "$IDS"
	done
}
@test "Docker of Debian 11: archives of Docker 1.9 and older" { legacy bullseye 1.9.1 1.6.2 ''; }
@test "Docker of Debian 13: archives of Docker 1.9 and older" { legacy trixie 1.9.1/anonymous 1.6.2/anonymous; }

@test "README names the versions that these are" {
	local suite package version
	tr -s ' \n' ' ' <"$HERE/../../README.md" | sed 's/.*## Tested with\(.*\)## Limits.*/\1/' >tested
	for suite in bullseye trixie; do
		for package in docker.io containerd podman; do
			# shellcheck disable=SC2016 # the field is dpkg-query's
			version=$("$HERE/../lib/tree.sh" exec $suite dpkg-query -W -f '${Version}' $package)
			version=${version%%[+~-]*}
			grep -qE "(^| |\()${package/docker.io/dockerd} ${version//./\\.}([^0-9]|\$)" tested || fail "$package $version is not in README"
		done
	done
}
