#!/bin/bash
# docs.sh [--update] [PAGE...] - every '$' line of a page, run in order in one shell in a fresh directory; what it prints
# is compared with what the page shows, digests, dates and sizes aside.  TAP on stdout, one test a block.
#   PAGE           README.md and docs/*.md, each on its own, where none is given
#   --update       write what was printed into the page instead
#   GAPFERRY       the program (build/gapferry)
# A block that needs a peer says so in the line before it: <!-- needs: docker --> or <!-- needs: registry -->; docs.sh
# starts them, privately.  The registry's port is 5000 in a page and any free one here.
set -u # and no pipefail: a page's lines run as in a reader's shell
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/lib/servers.sh
. "$root/tests/lib/servers.sh"
program=$(realpath "${GAPFERRY:-$root/${B:-build}/gapferry}")
update=
if [ "${1-}" = --update ]; then
	update=--update
	shift
fi
if [ $# -ne 1 ]; then
	[ $# -gt 0 ] || set -- "$root/README.md" "$root"/docs/*.md
	set -o pipefail
	{ bad=0; for page; do "$0" $update "$page" || bad=1; done; exit $bad; } |
		awk '/^1\.\./ { next } match($0, /^(not )?ok [0-9]+/) { sub(/ok [0-9]+/, "ok " ++n) } { print } END { print "1.." n }'
	exit
fi
page=$(realpath "$1")
title=$(basename "$page" .md)
[ -x "$program" ] || { echo "docs.sh: no program at $program: make" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/gapferry-docs.XXXXXX")
finish() {
	stop_server "$work/docker/docker.pid"
	stop_server "$work/registry/registry.pid"
	rm -rf "$work"
}
trap finish EXIT
mkdir -p "$work/bin" "$work/tour" "$work/home" "$work/steps" "$work/docker" "$work/registry"
ln -s "$program" "$work/bin/gapferry"
ln -s "$root/tests" "$work/tests"

# steps/NNN.cmd, .want and .block, and blocks: "number needs heading", "-" where nothing is needed
awk -v dir="$work/steps" '
	/^#+ / && !inside { heading = $0; sub(/^#+ /, "", heading) }
	/^<!-- needs: [a-z]+ -->$/ { needs = $3; next }
	/^```console$/ { inside = 1; block++; print block, needs == "" ? "-" : needs, heading >(dir "/blocks"); next }
	/^```/ { inside = 0; needs = "" }
	!inside { next }
	/^\$ / {
		step = sprintf("%s/%03d", dir, ++n)
		print substr($0, 3) >(step ".cmd")
		print block >(step ".block")
		printf "" >(step ".want")
		next
	}
	/^> / && !printed[step] { print substr($0, 3) >(step ".cmd"); next }
	{ printed[step] = 1; print >(step ".want") }
' "$page"

mask() {
	sed -E -e 's/\b([0-9a-f]{4} ){3,7}[0-9a-f]{4}\b/GROUPS/g' -e 's/\b[0-9a-f]{64}\b/DIGEST/g' -e 's/\b[0-9a-f]{16}\b/KEYID/g' \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z/DATE/g' \
		-e 's/\b[0-9]+(\.[0-9]+)? (B|kB|MB|GB|TB)\b/SIZE/g' -e "s#$work/tour#/home/you/tour#g" -e 's/ +/ /g' -e 's/ $//'
}

available() {
	case $1 in
	docker) start_dockerd "$work/docker" && export DOCKER_HOST="unix://$work/docker/docker.sock" ;;
	registry) start_registry "$work/registry" ;;
	*) false ;;
	esac
}

# Needs docker once: the daemon then serves all blocks.
declare -A have
has() {
	if [ -z "${have[$1]-}" ]; then
		if available "$1" >"$work/$1.start" 2>&1; then have[$1]=yes; else have[$1]=no; fi
	fi
	[ "${have[$1]}" = yes ]
}

port() { cat "$work/registry/registry.port" 2>/dev/null || echo 5000; }

cd "$work/tour" || exit 1
for v in $(compgen -e | grep -E '^(GAPFERRY|SOURCE_DATE_EPOCH|DOCKER_|BUILD_|REGISTRY_)'); do
	unset "$v"
done
export HOME="$work/home" PATH="$work/bin:$PATH" NO_COLOR=1 LC_ALL=C
umask 022

total=$(wc -l <"$work/steps/blocks")
[ "$title" = README ] && plan=$((total + 1)) || plan=$total
echo "1..$plan"
bad=0 last_status=0
run_block() {
	local block=$1 step got_status command next
	for step in "$work"/steps/*.block; do
		[ "$(cat "$step")" = "$block" ] || continue
		step=${step%.block}
		sed "s/127\.0\.0\.1:5000/127.0.0.1:$(port)/g" "$step.cmd" >"$step.run"
		command=$(cat "$step.run")
		(exit "$last_status") # what a line with $? sees
		eval "$command" >"$step.raw" 2>&1 </dev/null
		got_status=$?
		last_status=$got_status
		sed "s/127\.0\.0\.1:$(port)/127.0.0.1:5000/g" "$step.raw" >"$step.got"
		if [ -z "$update" ] && ! diff <(mask <"$step.want") <(mask <"$step.got") >"$step.diff"; then
			echo "# \$ $(head -n 1 "$step.cmd")"
			sed 's/^/# /' "$step.diff"
			return 1
		fi
		# Only a line that is followed by 'echo $?' may fail.
		next=$(printf '%s/%03d.cmd' "$work/steps" $((10#${step##*/} + 1)))
		# shellcheck disable=SC2016
		if [ "$got_status" -ne 0 ] && [ "$(cat "$next" 2>/dev/null)" != 'echo $?' ]; then
			echo "# \$ $(head -n 1 "$step.cmd")"
			echo "# ended with status $got_status"
			sed 's/^/# /' "$step.got"
			return 1
		fi
	done
}
while read -r number needs heading; do
	name="$title: $heading"
	if [ "$needs" != - ] && ! has "$needs"; then
		echo "ok $number - $name # SKIP no $needs can be started here"
	elif run_block "$number"; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		bad=$((bad + 1))
	fi
done <"$work/steps/blocks"

# Version and date stand in CHANGES.md, the Makefile and the manual page.
man=$(gapferry help --man | sed -n '1s/^\.TH GAPFERRY 1 "\([0-9-]*\)" "gapferry \([0-9.]*\)"$/\2 (\1)/p')
changes=$(sed -n 's/^## //p' "$root/CHANGES.md" | head -n 1)
if [ "$title" != README ]; then
	:
elif [ -n "$man" ] && [ "$man" = "$changes" ]; then
	echo "ok $((total + 1)) - CHANGES.md and the manual page have one version and date"
else
	echo "# manual page: $man; CHANGES.md: $changes"
	echo "not ok $((total + 1)) - CHANGES.md and the manual page have one version and date"
	bad=$((bad + 1))
fi

if [ -n "$update" ]; then
	awk -v dir="$work/steps" -v tour="$work/tour" '
		function put(   line, file) {
			file = sprintf("%s/%03d.%s", dir, n, system(sprintf("test -e %s/%03d.got", dir, n)) == 0 ? "got" : "want")
			while (pending && (getline line <file) > 0) {
				gsub(tour, "/home/you/tour", line)
				print line
			}
			pending = 0
		}
		/^```console$/ { inside = 1; print; next }
		/^```/ && inside { put(); inside = 0 }
		!inside { print; next }
		/^\$ / { put(); n++; pending = head = 1; print; next }
		/^> / && head { print; next }
		{ head = 0 }
	' "$page" >"$work/new.md" && cp "$work/new.md" "$page"
fi
[ "$bad" -eq 0 ]
