#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# key new, key show, passphrases.

setup() {
	load common
	fresh
}

# The SHA-256 of the key's SubjectPublicKeyInfo, by openssl.
id_of() {
	openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -d' ' -f1
}

@test "key new writes an encrypted P-256 key that openssl opens, and its public half" {
	GAPFERRY_PASSPHRASE='correct horse' run --separate-stderr -0 gapferry key new release
	[ -z "$stderr" ]
	[ "$(stat -c %a release.pem)" = 600 ]
	[ "$(stat -c %a release.pub)" = 644 ]
	head -n 1 release.pem | grep -qx -- '-----BEGIN ENCRYPTED PRIVATE KEY-----'
	openssl pkey -in release.pem -passin 'pass:correct horse' -pubout | cmp - release.pub
	run -1 openssl pkey -in release.pem -passin pass:wrong -noout
	openssl pkey -pubin -in release.pub -noout -text | grep -q 'NIST CURVE: P-256'
	[[ $output != *PRIVATE* ]]
}

@test "key new --type ed25519, --json, and the id of key show is openssl's" {
	run --separate-stderr -0 gapferry key new --json --type ed25519 --no-passphrase second
	[ "$(jq -r '.private + " " + .public + " " + .keys[0].type' <<<"$output")" = 'second.pem second.pub ed25519' ]
	[ "$(jq -r '.keys[0].id' <<<"$output")" = "$(id_of second.pub)" ]
	head -n 1 second.pem | grep -qx -- '-----BEGIN PRIVATE KEY-----'
	gapferry key new --no-passphrase release
	run --separate-stderr -0 gapferry key show release.pub second.pub
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[1]} =~ ^release\ +ecdsa-p256\ +$(id_of release.pub)$ ]]
	[[ ${lines[2]} =~ ^second\ +ed25519\ +$(id_of second.pub)$ ]]
	run --separate-stderr -0 gapferry key show --json second.pub
	[ "$(jq -r '.keys[0].holder' <<<"$output")" = second ]
}

@test "an existing file is never replaced, whichever of the two it is" {
	echo mine >a.pem
	echo mine >b.pub
	for name in a b; do
		run --separate-stderr -2 gapferry key new --no-passphrase $name
		[[ $stderr == "gapferry key new: '$name.p"*' is there already'* ]]
	done
	[ "$(cat a.pem b.pub)" = $'mine\nmine' ]
	[ ! -e a.pub ]
	[ ! -e b.pem ]
}

@test "the passphrase comes from a file or from stdin, the first line of it" {
	printf 'from a file\nnot this\n' >secret
	gapferry key new --passphrase-file secret one
	openssl pkey -in one.pem -passin 'pass:from a file' -noout
	printf 'from stdin\n' | gapferry key new --passphrase-file - two
	openssl pkey -in two.pem -passin 'pass:from stdin' -noout
	# What was given as an option goes before the environment.
	GAPFERRY_PASSPHRASE=other gapferry key new --passphrase-file secret three
	openssl pkey -in three.pem -passin 'pass:from a file' -noout
}

@test "no passphrase to be had, or an empty one, is refused and writes nothing" {
	run --separate-stderr -2 setsid "$GAPFERRY" key new release
	[[ $stderr == 'gapferry key new: no passphrase for '*GAPFERRY_PASSPHRASE*--passphrase-file* ]]
	GAPFERRY_PASSPHRASE='' run --separate-stderr -2 gapferry key new release
	[[ $stderr == *'the passphrase is empty'*'--no-passphrase'* ]]
	run --separate-stderr -2 gapferry key new --no-passphrase --passphrase-file x release
	[ ! -e release.pem ]
	[ ! -e release.pub ]
}

@test "on a terminal the passphrase is asked twice and not shown" {
	cat >type.py <<'END'
import os, pty, sys, time
answers = [a.encode() + b"\n" for a in sys.argv[1:3]]
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[3], sys.argv[3:])
seen = b""
for prompt, answer in zip((b"Passphrase for release.pem: ", b"The same again: "), answers):
    while prompt not in seen:
        seen += os.read(fd, 1000)
    os.write(fd, answer)
while True:
    try:
        piece = os.read(fd, 1000)
    except OSError:
        break
    if not piece:
        break
    seen += piece
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(seen.decode())
sys.exit(status)
END
	run -0 python3 type.py typed-in typed-in "$GAPFERRY" key new release
	[[ $output != *typed-in* ]]
	openssl pkey -in release.pem -passin pass:typed-in -noout
	rm release.pem release.pub
	run -2 python3 type.py typed-in typed-out "$GAPFERRY" key new release
	[[ $output == *'the two passphrases differ'* ]]
	[ ! -e release.pem ]
}

@test "a private key is no public key, and is not shown" {
	gapferry key new --no-passphrase release
	run --separate-stderr -2 gapferry key show release.pem
	[[ $stderr == 'gapferry key show: '*release.pem* ]]
	while read -r secret; do
		[[ $output$stderr != *"$secret"* ]]
	done < <(grep -v -e ----- release.pem)
}

@test "a child process does not inherit the passphrase" {
	load common
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/app:1.2
	GAPFERRY_PASSPHRASE=hidden gapferry key new release
	cat >sign.sh <<'END'
env >"$PWD/seen"
exec openssl dgst -sha256 -sign plain.pem
END
	openssl pkey -in release.pem -passin pass:hidden -out plain.pem
	GAPFERRY_PASSPHRASE=hidden gapferry pack -q -o app.tar --sign-cmd "sh $PWD/sign.sh" --key release.pub image.tar
	[ -s seen ]
	run -1 grep -i hidden seen
	gapferry verify -q --key release.pub app.tar
}

@test "who started it ignores SIGCHLD: commands are waited for all the same" {
	load common
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/app:1.2
	gapferry key new --no-passphrase release >/dev/null
	env --ignore-signal=CHLD "$GAPFERRY" pack -q -o app.tar --sign-cmd 'openssl dgst -sha256 -sign release.pem' --key release.pub image.tar
	gapferry verify -q --key release.pub app.tar
}
