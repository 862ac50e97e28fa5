# shellcheck shell=bash
# servers.sh: real peers for tests, demo and bench, on loopback or in a private directory.  Sourced.
#
#   start_dockerd DIR [args]   a daemon of its own: DIR/docker.sock, DIR/docker.pid, DIR/docker.log, data in DIR/docker
#   start_tree_dockerd SUITE DIR [args]   the same with the dockerd of another Debian (tree.sh); DIR is below /tmp
#   start_podman DIR           podman's Docker API, its own store (vfs): DIR/podman.sock, .pid, .log, data in DIR/podman
#   start_tree_podman SUITE DIR   the same with the podman of another Debian
#   start_registry DIR [KIND]  none, htpasswd, token or tls: DIR/registry.port, .pid, .log, .ca (tls); data in DIR/registry;
#                              user "gapferry", password in DIR/registry.password; token: also DIR/token.port, .pid, .log
#   stop_server PIDFILE        ends it, waits for it, removes PIDFILE; nothing there is no error
#   free_port                  a free port of 127.0.0.1
#
# Each start returns when the server answers, or fails after 60 seconds with the end of its log.

servers_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
servers_inside=() # the command that the daemon's is given to
servers_password='far side, 7 bits'

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_until PIDFILE LOG COMMAND...
wait_until() {
	local pid log=$2 i
	pid=$(cat "$1")
	shift 2
	for ((i = 0; i < 600; i++)); do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	echo "servers.sh: no answer to: $*; end of $log:" >&2
	tail -n 5 "$log" >&2
	return 1
}

stop_server() {
	local pid i exec_root
	[ -f "$1" ] || return 0
	pid=$(cat "$1")
	if [ -n "$pid" ] && kill "$pid" 2>/dev/null; then
		for ((i = 0; i < 300; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null || true
	fi
	rm -f "$1"
	if [ -f "$1.exec" ]; then
		exec_root=$(cat "$1.exec")
		# What a daemon that was killed leaves running.
		if [ -f "$exec_root/containerd/containerd.pid" ]; then
			kill "$(cat "$exec_root/containerd/containerd.pid")" 2>/dev/null || true
		fi
		rm -rf "$exec_root" "$1.exec"
		# Where / is not a shared mount, dockerd mounts its data-root on itself and leaves it so.
		awk -v dir="$(cd "$(dirname "$1")" && pwd -P)/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts |
			sort -r | xargs -r -n1 umount 2>/dev/null || true
	fi
	return 0
}

docker_answers() {
	[ "$(curl -s --max-time 5 --noproxy '*' --unix-socket "$1" http://localhost/_ping)" = OK ]
}

start_dockerd_with() {
	local dir=$1 exec_root
	shift
	# The path of its containerd's socket has to fit into 107 bytes.
	exec_root=$(mktemp -d /tmp/gfx.XXXXXX)
	echo "$exec_root" >"$dir/docker.pid.exec"
	"${servers_inside[@]}" dockerd --data-root "$dir/docker" --exec-root "$exec_root" --pidfile "$exec_root/pid" \
		-H "unix://$dir/docker.sock" --bridge=none --iptables=false --ip-masq=false "$@" \
		>"$dir/docker.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/docker.pid"
	wait_until "$dir/docker.pid" "$dir/docker.log" docker_answers "$dir/docker.sock" && return 0
	stop_server "$dir/docker.pid"
	return 1
}

start_dockerd() {
	local dir=$1
	shift
	mkdir -p "$dir/docker"
	# It takes overlay2 where that works; on a file system where it does not, vfs.
	start_dockerd_with "$dir" "$@" 2>"$dir/docker.first" && return 0
	start_dockerd_with "$dir" --storage-driver=vfs "$@" && return 0
	cat "$dir/docker.first" >&2
	return 1
}

start_tree_dockerd() {
	local servers_inside=("$servers_lib/tree.sh" exec "$1")
	shift
	start_dockerd "$@"
}

start_podman() {
	local dir=$1
	mkdir -p "$dir/podman"
	# exec: a caller's function of that name would be a shell around it, and that would be ended in its place.
	"${servers_inside[@]:-exec}" podman --root "$dir/podman/root" --runroot "$dir/podman/run" --tmpdir "$dir/podman/tmp" --storage-driver vfs \
		--cgroup-manager cgroupfs --events-backend none system service --time=0 "unix://$dir/podman.sock" \
		>"$dir/podman.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/podman.pid"
	wait_until "$dir/podman.pid" "$dir/podman.log" docker_answers "$dir/podman.sock" && return 0
	stop_server "$dir/podman.pid"
	return 1
}

start_tree_podman() {
	local servers_inside=("$servers_lib/tree.sh" exec "$1")
	shift
	start_podman "$@"
}

registry_answers() {
	local status
	status=$(curl -s -o /dev/null --max-time 5 --noproxy '*' -w '%{http_code}' "${@:2}" "$1/v2/")
	[ "$status" = 200 ] || [ "$status" = 401 ]
}

start_registry() {
	local dir=$1 kind=${2-none} port scheme=http extra=()
	mkdir -p "$dir/registry"
	port=$(free_port)
	printf '%s' "$servers_password" >"$dir/registry.password"
	{
		echo 'version: 0.1'
		echo 'log: {level: info, accesslog: {disabled: false}}'
		echo "storage: {filesystem: {rootdirectory: '$dir/registry'}, delete: {enabled: true}}"
		case $kind in
		none)
			;;
		htpasswd)
			htpasswd -Bbn gapferry "$servers_password" >"$dir/registry.htpasswd"
			echo "auth: {htpasswd: {realm: basic-realm, path: '$dir/registry.htpasswd'}}"
			;;
		token)
			start_token_server "$dir" "${@:3}" || return 1
			echo "auth: {token: {realm: 'http://127.0.0.1:$(cat "$dir/token.port")/token', service: reg.svc," \
				"issuer: gapferry-test, rootcertbundle: '$dir/token.crt'}}"
			;;
		tls)
			make_certificate "$dir/registry"
			cp "$dir/registry.crt" "$dir/registry.ca"
			;;
		mtls)
			make_certificate "$dir/registry"
			make_certificate "$dir/client"
			cp "$dir/registry.crt" "$dir/registry.ca"
			;;
		*)
			echo "servers.sh: no kind of registry: $kind" >&2
			return 2
			;;
		esac
		echo "http:"
		echo "  addr: '127.0.0.1:$port'"
		echo "  secret: not-one"
		case $kind in
		tls) echo "  tls: {certificate: '$dir/registry.crt', key: '$dir/registry.key'}" ;;
		mtls) echo "  tls: {certificate: '$dir/registry.crt', key: '$dir/registry.key', clientcas: ['$dir/client.crt']}" ;;
		esac
	} >"$dir/registry.yml"
	case $kind in
	tls | mtls)
		scheme=https
		extra=(--cacert "$dir/registry.ca")
		;;
	esac
	if [ "$kind" = mtls ]; then extra+=(--cert "$dir/client.crt" --key "$dir/client.key"); fi
	OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/registry.yml" >"$dir/registry.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/registry.pid"
	echo "$port" >"$dir/registry.port"
	wait_until "$dir/registry.pid" "$dir/registry.log" registry_answers "$scheme://127.0.0.1:$port" "${extra[@]}" &&
		return 0
	stop_server "$dir/registry.pid"
	stop_server "$dir/token.pid"
	return 1
}

# make_certificate BASE: BASE.key and BASE.crt, of 127.0.0.1 and localhost, signed by itself.
make_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -sha256 -subj /CN=gapferry-test \
		-addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

# start_token_server DIR [options of token_server.py]
start_token_server() {
	local dir=$1
	shift
	make_certificate "$dir/token"
	python3 "$servers_lib/token_server.py" --key "$dir/token.key" --cert "$dir/token.crt" --port-file "$dir/token.port" \
		--user gapferry --password-file "$dir/registry.password" --log "$dir/token.log" "$@" \
		>"$dir/token.out" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/token.pid"
	wait_until "$dir/token.pid" "$dir/token.out" test -s "$dir/token.port"
}
