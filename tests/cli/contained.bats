#!/usr/bin/env bats
# What reads strangers' bytes has given up what it does not need: seen from outside, by strace.

setup_file() {
	load common
	make_bundle
}

setup() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$BATS_FILE_TMPDIR GAPFERRY_STATE=$BATS_FILE_TMPDIR/state GAPFERRY_CONFIG=$BATS_FILE_TMPDIR
}

# outside TRACE - calls in it that reach out of the process, but for files that are read
outside() {
	grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC)|^[0-9]+ +(socket|socketpair|connect|bind|execve|execveat|fork|vfork|ptrace|creat|mkdir|rmdir|rename|unlink|link|symlink|mknod|chmod|chown|truncate)[a-z0-9]*\(' "$1" || true
}

@test "-v says which walls stand" {
	gapferry verify -v --key release.pub app.tar >/dev/null 2>said
	grep -E 'contained \((Landlock [0-9]+|no Landlock), (no )?seccomp\)' said
	gapferry inspect -v --key release.pub app.tar >/dev/null 2>said
	grep -E 'contained \((Landlock [0-9]+|no Landlock), (no )?seccomp\)' said
	gapferry pack -v -o other.tar image.tar >/dev/null 2>said
	grep -E 'image.tar: read in a contained process \((Landlock [0-9]+|no Landlock), (no )?seccomp\)' said
}

@test "verify and inspect reach out for nothing, from before the first parser to the end" {
	rm -rf tree
	mkdir tree
	tar xf app.tar -C tree
	for what in 'verify -q' 'verify -q --deep' 'inspect'; do
		for bundle in app.tar tree; do
			# shellcheck disable=SC2086 # a verb and its options
			ASAN_OPTIONS=detect_leaks=0 strace -f -o trace "$GAPFERRY" $what --key release.pub $bundle >/dev/null 2>&1
			sed '1,/ seccomp(/d' trace >after
			[ "$(wc -l <after)" -gt 10 ]
			[ -z "$(outside after)" ]
		done
	done
}

@test "pack's readers of archives have their line and the open file" {
	gzip -kf image.tar
	for source in image.tar image.tar.gz; do
		rm -f other.tar
		ASAN_OPTIONS=detect_leaks=0 strace -f -o trace "$GAPFERRY" pack -q -o other.tar $source >/dev/null 2>&1
		grep -E ' seccomp\(SECCOMP_SET_MODE_FILTER' trace | awk '{ print $1 }' | sort -u >readers
		[ "$(wc -l <readers)" -ge 1 ]
		while read -r pid; do
			grep "^$pid " trace | sed '1,/ seccomp(/d' >after
			[ "$(wc -l <after)" -gt 3 ]
			[ -z "$(outside after)" ]
			[ -z "$(grep -E '^[0-9]+ +open' after || true)" ] # not even to read
		done <readers
	done
	[ "$(wc -l <readers)" -eq 2 ] # one inflates, one reads headers
}

# again SOURCE OUT - the docker-archive SOURCE with its layers compressed by gzip inside it
again() {
	rm -rf unpacked
	mkdir unpacked
	tar xf "$1" -C unpacked
	for layer in unpacked/*/layer.tar; do
		gzip -n "$layer"
		mv "$layer.gz" "$layer"
	done
	tar cf "$2" -C unpacked .
}

@test "layers that stay compressed are inflated in a child that has its line alone, from a file and from a pipe" {
	again image.tar zipped.tar
	for how in zipped.tar docker-archive:-; do
		rm -f other.tar
		ASAN_OPTIONS=detect_leaks=0 strace -f -o trace "$GAPFERRY" pack -q -o other.tar $how <zipped.tar >/dev/null 2>&1
		grep -E ' seccomp\(SECCOMP_SET_MODE_FILTER' trace | awk '{ print $1 }' | sort -u >readers
		[ "$(wc -l <readers)" -eq 2 ] # headers, and the layer
		while read -r pid; do
			grep "^$pid " trace | sed '1,/ seccomp(/d' >after
			[ -z "$(outside after)" ]
			[ -z "$(grep -E '^[0-9]+ +open' after || true)" ]
		done <readers
		[ "$(tar tf other.tar | grep -c '^blobs/')" -eq 3 ]
	done
	# The fault is the layer's, the name of it too.
	truncate -s 300000 unpacked/*/layer.tar
	tar cf cut.tar -C unpacked .
	run -4 gapferry pack -q -o third.tar cut.tar
	[[ $output == *"layer.tar' of 'cut.tar' is damaged gzip data"* ]]
	[ ! -e third.tar ]
}

@test "with and without walls the same is packed, verified and refused" {
	# strace answers for a kernel that has neither
	calls='seccomp,landlock_create_ruleset'
	bare=(strace -f -o /dev/null -e trace="$calls" -e inject="$calls:error=ENOSYS")
	head -c 20000 image.tar >cut.tar
	gapferry pack -q --created 2026-01-02T03:04:05Z -o a.tar image.tar.gz
	ASAN_OPTIONS=detect_leaks=0 "${bare[@]}" "$GAPFERRY" pack -v --created 2026-01-02T03:04:05Z -o b.tar image.tar.gz 2>said
	grep 'no Landlock, no seccomp' said
	cmp a.tar b.tar
	run -4 gapferry pack -q -o c.tar cut.tar
	walled=$output
	run -4 env ASAN_OPTIONS=detect_leaks=0 "${bare[@]}" "$GAPFERRY" pack -q -o c.tar cut.tar
	[ "$output" = "$walled" ]
	sed 's/sequence": *7/sequence": 8/; s/"sequence":7/"sequence":8/' app.tar >bad.tar
	run gapferry verify -q --key release.pub bad.tar
	walled="$status $output"
	[ "$status" -gt 2 ]
	run env ASAN_OPTIONS=detect_leaks=0 "${bare[@]}" "$GAPFERRY" verify -q --key release.pub bad.tar
	[ "$status $output" = "$walled" ]
}
