#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# pack, verify, inspect and unpack into a layout, end to end: what is printed is compared with what is there.

setup_file() {
	load common
	make_bundle
}

setup() {
	load common
	fresh
	ln -s "$BATS_FILE_TMPDIR"/{image.tar,release.pem,release.pub} .
	cp "$BATS_FILE_TMPDIR/app.tar" .
	image_id=sha256:$(tar -xOf image.tar manifest.json | jq -r '.[0].Config' | sed 's/\.json$//')
	name=registry.example/team/app:1.2
}

# Of the manifest as it lies in the bundle.
statement() {
	tar -xOf app.tar META/manifest.json
}

@test "pack prints names, image ID, manifest digest, and the digest of what was signed" {
	run --separate-stderr -0 gapferry pack -o new.tar --key release.pem --stream app --sequence 7 \
		--bundle-version 1.2.0 --created 2026-01-02T03:04:05Z --label ticket=OPS-1 image.tar
	digest=$(tar -xOf new.tar META/manifest.json | jq -r '.predicate.images[0].platforms[0].manifest')
	[[ $output == *"$image_id"* ]]
	[[ $output == *"$digest"* ]]
	[[ $output == *"sha256:$(tar -xOf new.tar META/manifest.json | sha256sum | cut -d' ' -f1)"* ]]
	[[ $output == *$'\n'"$name"$'\n'* ]]
	[[ $output =~ signed\ by\ +release,\ ecdsa-p256,\ key\ [0-9a-f]{64} ]]
	[[ $output == *'app, epoch 1, sequence 7'* ]]
	[[ $output =~ label\ ticket\ +OPS-1 ]]
	[ "$(gapferry inspect --json --key release.pub new.tar | jq -r '.images[0].platforms[0].imageId')" = "$image_id" ]
}

@test "pack --json says the same as the bundle" {
	run --separate-stderr -0 gapferry pack --json -o new.tar --key release.pem image.tar
	[ "$(jq -r .size <<<"$output")" = "$(stat -c %s new.tar)" ]
	[ "$(jq -r .manifest <<<"$output")" = "sha256:$(tar -xOf new.tar META/manifest.json | sha256sum | cut -d' ' -f1)" ]
	[ "$(jq -c '.images[0].platforms' <<<"$output")" = "$(tar -xOf new.tar META/manifest.json | jq -c '.predicate.images[0].platforms')" ]
	[ "$(jq -r '.signers[0].id' <<<"$output")" = "$(openssl pkey -pubin -in release.pub -outform DER | sha256sum | cut -d' ' -f1)" ]
	[ "$(jq -r .status <<<"$output")" = 0 ]
}

@test "pack -o - writes the same bytes to stdout and the summary to stderr" {
	gapferry pack -o file.tar --created 2026-01-02T03:04:05Z image.tar >text 2>/dev/null
	[ -s text ]
	gapferry pack -o - --created 2026-01-02T03:04:05Z image.tar >pipe.tar 2>summary
	cmp file.tar pipe.tar
	grep -qF "$image_id" summary
}

@test "pack --expires: a duration counts from --created, a date is midnight" {
	gapferry pack -q -o a.tar --created 2026-01-02T03:04:05Z --expires 90d image.tar
	[ "$(tar -xOf a.tar META/manifest.json | jq -r .predicate.expires)" = 2026-04-02T03:04:05Z ]
	SOURCE_DATE_EPOCH=1767323045 gapferry pack -q -o b.tar --expires 90d image.tar
	cmp a.tar b.tar
	gapferry pack -q -o c.tar --created 2026-01-02T03:04:05Z --expires 2027-05-23 image.tar
	[ "$(tar -xOf c.tar META/manifest.json | jq -r .predicate.expires)" = 2027-05-23T00:00:00Z ]
}

@test "pack without a key warns; verify refuses with 3, unpack needs --allow-unsigned" {
	run --separate-stderr -0 gapferry pack -o bare.tar image.tar
	[[ $stderr == *'gapferry pack: warning: '*nsigned* ]]
	[[ $output =~ signed\ by\ +nobody ]]
	run --separate-stderr -3 gapferry verify --key release.pub bare.tar
	[[ $output == *'NOT VERIFIED'* ]]
	run --separate-stderr -3 gapferry unpack --key release.pub --to oci:out bare.tar
	[ ! -e out ]
	run --separate-stderr -0 gapferry unpack --allow-unsigned --to oci:out bare.tar
	[ -e out/index.json ]
}

@test "verify: every check named, signer shown, exit 0" {
	run --separate-stderr -0 gapferry verify --key release.pub app.tar
	[ -z "$stderr" ]
	for check in head signature manifest stream audience created expires floor front graph layers deep end; do
		[[ $output =~ (^|$'\n')$check\ +(passed|not\ required) ]] || { echo "$check"; false; }
	done
	[[ $output =~ signed\ by\ +release,\ ecdsa-p256 ]]
	[[ $output == *$'\nverified: 1 image, '* ]]
	[[ $output != *'NOT VERIFIED'* ]]
}

@test "verify --json: the checks, and the manifest" {
	run --separate-stderr -0 gapferry verify --json --deep --key release.pub app.tar
	[ "$(jq -r '.verified' <<<"$output")" = true ]
	[ "$(jq -r '[.checks[] | select(.result == "passed" or .result == "not required" | not)] | length' <<<"$output")" = 0 ]
	[ "$(jq -r '.checks[] | select(.name == "deep") | .result' <<<"$output")" = passed ]
	[ "$(jq -r '.manifest' <<<"$output")" = "sha256:$(statement | sha256sum | cut -d' ' -f1)" ]
	[ "$(jq -r '.sequence' <<<"$output")" = 7 ]
}

@test "verify reads a pipe, and takes keys from the configuration" {
	mkdir config/keys
	cp release.pub config/keys/
	run --separate-stderr -0 gapferry verify - <app.tar
	[[ $output == *$'\nverified: '* ]]
	run --separate-stderr -0 gapferry verify --config config app.tar
}

@test "a signature beside the bundle counts, and --with names another place for it" {
	gapferry key new --no-passphrase second
	mkdir app.tar.d
	id=$(gapferry key show --json second.pub | jq -r '.keys[0].id')
	statement >statement
	openssl dgst -sha256 -sign second.pem statement | base64 -w0 >"app.tar.d/manifest.json.${id:0:16}.sig"
	echo >>"app.tar.d/manifest.json.${id:0:16}.sig"
	run --separate-stderr -0 gapferry verify --key second.pub app.tar
	[[ $output =~ signed\ by\ +second, ]]
	mv app.tar.d elsewhere
	run --separate-stderr -3 gapferry verify --key second.pub app.tar
	run --separate-stderr -0 gapferry verify --key second.pub --with elsewhere app.tar
	run --separate-stderr -0 gapferry verify --key second.pub --with elsewhere - <app.tar
	run --separate-stderr -0 gapferry inspect --key second.pub --with elsewhere app.tar
	run --separate-stderr -2 gapferry verify --key second.pub --with nowhere app.tar
	[[ $stderr == *"'nowhere'"* ]]
}

@test "another key: 3; the message says that the medium may be damaged, too" {
	gapferry key new --no-passphrase stranger
	run --separate-stderr -3 gapferry verify --key stranger.pub app.tar
	[[ $stderr == 'gapferry verify: '*damaged* ]]
	[[ $output == *'NOT VERIFIED'* ]]
	[[ $output =~ signature\ +failed ]]
}

@test "a flipped byte of the layer: 4, named; nothing is loaded" {
	at=$(($(stat -c %s app.tar) - 20000))
	byte=$(od -An -tu1 -j "$at" -N 1 app.tar)
	printf '%b' "\\x$(printf %02x $((byte ^ 1)))" | dd of=app.tar bs=1 seek="$at" conv=notrunc status=none
	run --separate-stderr -4 gapferry verify --key release.pub app.tar
	[[ $output =~ layers\ +failed ]]
	run --separate-stderr -4 gapferry verify --json --key release.pub app.tar
	[ "$(jq -r '.error.class + " " + .error.name' <<<"$output")" = 'damaged blob-digest' ]
	run --separate-stderr -4 gapferry unpack --key release.pub --to oci:out app.tar
	[ ! -e out/index.json ]
}

@test "inspect shows names, platforms, layers, build and signers" {
	gapferry pack -q -o app2.tar --key release.pem --build-id 20261123.4 image.tar
	run --separate-stderr -0 gapferry inspect --key release.pub app2.tar
	[[ $output == *$'\n'"$name"$'\n'* ]]
	[[ $output == *"$image_id"* ]]
	layer=$(tar -xOf app2.tar META/manifest.json | jq -r '.predicate.blobs[] | select(.kind == "layer") | .digest')
	[[ $output == *"$layer"* ]]
	[[ $output =~ build\ id\ +20261123.4 ]]
	[[ $output != *'NOT VERIFIED'* ]]
	run --separate-stderr -0 gapferry inspect --json --key release.pub app2.tar
	[ "$(jq -r '.layers[0].layers[0].digest' <<<"$output")" = "$layer" ]
}

@test "inspect refuses an unknown signer; --unverified shows it, marked first and last" {
	gapferry key new --no-passphrase stranger
	run --separate-stderr -3 gapferry inspect --key stranger.pub app.tar
	[[ $output != *"$image_id"* ]]
	run --separate-stderr -0 gapferry inspect --unverified --key stranger.pub app.tar
	[ "${lines[0]}" = 'NOT VERIFIED' ]
	[ "${lines[-1]}" = 'NOT VERIFIED' ]
	[[ $output == *"$image_id"* ]]
}

@test "unpack into a layout under a new name; the table says so; again, everything is held" {
	run --separate-stderr -0 gapferry unpack --key release.pub --to oci:out \
		--name 'prod.example:5000/shop/{basename}' --tag '{tag}-{sequence}' --tag latest app.tar
	digest=$(statement | jq -r '.predicate.images[0].digest')
	for tag in 1.2-7 latest; do
		[[ $output =~ $name\ +prod.example:5000/shop/app:$tag\ +sent\ +$digest ]]
		[ "$(jq -r --arg n "prod.example:5000/shop/app:$tag" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n) | .digest' out/index.json)" = "$digest" ]
	done
	[ "$(jq -r .config.digest "out/blobs/sha256/${digest#sha256:}")" = "$image_id" ]
	for blob in out/blobs/sha256/*; do
		[ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}" ]
	done
	run --separate-stderr -0 gapferry unpack --json --key release.pub --to oci:out \
		--name 'prod.example:5000/shop/{basename}' --tag '{tag}-{sequence}' --tag latest app.tar
	[ "$(jq -r '.targets[0].blobsSent' <<<"$output")" = 0 ]
	[ "$(jq -r '[.names[].state] | unique | join(",")' <<<"$output")" = held ]
}

@test "unpack --dry-run prints the plan and changes nothing" {
	run --separate-stderr -0 gapferry unpack --dry-run --key release.pub --to oci:out --name x.example/y app.tar
	[[ $output == *'x.example/y:1.2'*planned* ]]
	[[ $output == *'to send'* ]]
	[[ $output == *'Nothing was changed'* ]]
	[ ! -e out ]
	[ ! -e state ]
}

@test "unpack --env: the file of the environment, its rules and its lock file; an older release is refused" {
	mkdir -p config/environments config/keys
	cp release.pub config/keys/
	cat >config/environments/prod.yaml <<-END
		environment: prod
		targets:
		  - oci: $PWD/prod
		retag:
		  - match: "registry.example/team/*"
		    name: "mirror.prod.example/{basename}"
		    tags: ["{tag}", "{version}-{sequence}"]
		lock-file: $PWD/lock.json
	END
	run --separate-stderr -0 gapferry unpack --env prod app.tar
	[[ $output == *mirror.prod.example/app:1.2* ]]
	[[ $output == *mirror.prod.example/app:1.2.0-7* ]]
	[ -s lock.json ]
	gapferry pack -q -o old.tar --key release.pem --stream app --sequence 6 --bundle-version 1.2.0 image.tar
	before=$(cat prod/index.json state/audit.jsonl)
	run --separate-stderr -3 gapferry verify --env prod old.tar
	[[ $output =~ floor\ +failed ]]
	[ "$(cat prod/index.json state/audit.jsonl)" = "$before" ]
	run --separate-stderr -3 gapferry unpack --env prod old.tar
	[[ $stderr == 'gapferry unpack: '*sequence* ]]
}

@test "an environment that is not there: 2, its file, and those that are" {
	mkdir -p config/environments
	run --separate-stderr -2 gapferry unpack --env prd app.tar
	[[ $stderr == *"there is no environment 'prd': '$PWD/config/environments/prd.yaml' does not exist; make it, or "*'--config'* ]]
	touch config/environments/prod.yaml config/environments/README
	run --separate-stderr -2 gapferry unpack --env prd app.tar
	[[ $stderr == *"prd.yaml' does not exist; there are prod"* ]]
	[[ $stderr != *README* ]]
}

@test "a file name mistyped as a source, an output that is no file, a directory that is no bundle" {
	run --separate-stderr -1 gapferry pack -q -o o.tar -H "unix://$PWD/no.sock" none.tar
	[[ $stderr == *"'none.tar' is no file here, so the Docker daemon is asked for it: no Docker daemon answers at "* ]]
	mkfifo pipe
	run --separate-stderr -1 gapferry pack -q -o pipe image.tar
	[[ $stderr == *"'pipe' is a device, a pipe or a socket, and would be replaced; expected a regular file"* ]]
	[ -p pipe ]
	run --separate-stderr -4 gapferry verify --key release.pub config
	[[ $stderr == *"directory 'config' is no bundle"* ]]
}

@test "an environment file with a mistake: 2, with file and line" {
	mkdir -p config/environments
	printf 'environment: prod\ntargets:\n  - oci: /x\nretagg: []\n' >config/environments/prod.yaml
	run --separate-stderr -2 gapferry unpack --key release.pub --env prod app.tar
	[[ $stderr == *prod.yaml*4*retagg* ]]
}

@test "text from a bundle is escaped on its way to the terminal" {
	gapferry pack -q -o odd.tar --key release.pem --bundle-version $'1\e[31m' image.tar
	run --separate-stderr -0 gapferry inspect --key release.pub odd.tar
	[[ $output != *$'\e'* ]]
	[[ $output == *'1\x1b[31m'* ]]
}

@test "inspect: config, history, labels and sums; what a stranger wrote is escaped, and of the wrong type left out" {
	mkdir x
	echo layer >x/f
	tar -C x -cf x/one.tar f
	d=$(sha256sum <x/one.tar | cut -d' ' -f1)
	config() { printf '{"architecture":"amd64","os":"linux","created":"2026-01-01T00:00:00Z","config":{"Entrypoint":["/bin/app","--now"],"Cmd":["a\\u001b[31mb"],"User":"65534","Labels":{"org.opencontainers.image.version":"1.4","org.opencontainers.image.title":7}},"history":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' "$1" "$d" "$d"; }
	of() {
		config "$2" >x/config.json
		printf '[{"Config":"config.json","RepoTags":["acme/i:%s"],"Layers":["one.tar","one.tar"]}]' "$1" >x/manifest.json
		tar -C x -cf "$1.src" config.json manifest.json one.tar
		gapferry pack -q --layers none -o "$1.tar" "$1.src"
	}
	of good '[{"created_by":"COPY app /app"},{"created_by":"ENV x=1","empty_layer":true},{"created_by":"RUN a\u001b[31m long command that goes on and on, much longer than a line of a table has room for"}]'
	gapferry inspect --unverified good.tar >out
	grep -E '^    created +2026-01-01T00:00:00Z$' out
	grep -F 'runs     /bin/app --now a\x1b[31mb' out
	grep -E '^    user +65534$' out
	grep -E '^  layers of linux/amd64: 2, ' out
	grep -E 'COPY app /app$' out
	grep -E 'RUN a.x1b\[31m long command .*\.\.\.$' out
	grep -E '^    version +1.4$' out
	grep -E '^1 image, 3 blobs, ' out
	run grep -c $'\033\|ENV x=1\|title' out
	[ "$output" = 0 ]
	gapferry inspect --json --unverified good.tar >json
	[ "$(jq -c '[.layers[0].layers[].createdBy[0:5]] + .layers[0].entrypoint + [.layers[0].user]' json)" = '["COPY ","RUN a","/bin/app","--now","65534"]' ]
	# one step too few, and none that is a list: no layer is given another's
	of few '[{"created_by":"COPY app /app"}]'
	of odd '{"created_by":"COPY app /app"}'
	for b in few odd; do
		gapferry inspect --unverified $b.tar >out
		run grep -c COPY out
		[ "$output" = 0 ]
	done
}

@test "--progress=json gives JSON lines on stderr; -q gives nothing" {
	run --separate-stderr -0 gapferry verify --progress json --key release.pub app.tar
	while read -r line; do
		jq -e '.event' <<<"$line" >/dev/null
	done <<<"$stderr"
	run --separate-stderr -0 gapferry verify -q --key release.pub app.tar
	[ -z "$stderr" ]
}

# That there are bars: progress.bats.
@test "bars on a terminal only, and gone before the result is printed" {
	cat >terminal.py <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while True:
        piece = os.read(fd, 65536)
        if not piece:
            break
        sys.stdout.buffer.write(piece)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
	TERM=xterm run -0 python3 terminal.py "$GAPFERRY" verify --key release.pub app.tar
	[[ ${output##*bundle } != *$'\e'* ]]
	[[ ${output##*bundle } == *'verified: 1 image'* ]]
	TERM=dumb run -0 python3 terminal.py "$GAPFERRY" verify --key release.pub app.tar
	[[ $output != *$'\e'* ]]
	# The row of a failed check is red on a terminal, unless NO_COLOR says otherwise.
	mkdir none
	TERM=xterm run -3 python3 terminal.py "$GAPFERRY" verify -q --config none app.tar
	[[ $output == *$'\e[1;31msignature'* ]]
	NO_COLOR=1 TERM=xterm run -3 python3 terminal.py "$GAPFERRY" verify -q --config none app.tar
	[[ $output != *$'\e'* ]]
}

@test "a reader of stdout that stops early is no crash" {
	run bash -c "'$GAPFERRY' help | head -n 1"
	[ "$status" -eq 0 ]
	[ "$output" = 'usage: gapferry VERB [options] ARGUMENTS' ]
	run bash -c "'$GAPFERRY' help --man | true; echo \"\${PIPESTATUS[0]}\""
	[[ $output = 141 || $output = 0 ]]
}

@test "version names the libraries; --self-test passes and leaves nothing" {
	run --separate-stderr -0 gapferry version
	for library in OpenSSL libsodium libcurl libarchive ISA-L zlib zstd liblzma bzip2 jansson libyaml; do
		[[ $output =~ $'\n'$library\ +[0-9]+\.[0-9]+ ]]
	done
	[[ $output =~ compressor\ +isal\ [0-9.]+\ gzip\ 1\ [a-z0-9-]+ ]]
	run -0 gapferry version --json
	[ "$(jq -r '.libraries | length' <<<"$output")" = 11 ]
	mkdir tmp
	TMPDIR=$PWD/tmp run --separate-stderr -0 gapferry version --self-test
	[ "${#lines[@]}" -eq 6 ]
	[ "$(grep -c '^ok  ' <<<"$output")" -eq 6 ]
	[ -z "$(ls tmp)" ]
}

@test "what others read is readable to them as the umask says, the state and keys are not" {
	umask 022
	cd "$BATS_TEST_TMPDIR"
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/app:1
	"$GAPFERRY" key new --no-passphrase k >/dev/null
	"$GAPFERRY" pack -q -o app.tar --key k.pem image.tar >/dev/null
	"$GAPFERRY" unpack -q --key k.pub --state st --to oci:layout app.tar >/dev/null
	[ "$(stat -c %a k.pem k.pub app.tar layout layout/index.json st st/audit.jsonl | tr '\n' ' ')" = '600 644 644 755 644 700 600 ' ]
	(umask 027 && "$GAPFERRY" pack -q -o narrow.tar --key k.pem image.tar >/dev/null)
	[ "$(stat -c %a narrow.tar)" = 640 ]
}
