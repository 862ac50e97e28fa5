# shellcheck shell=bash
# common.bash - what every .bats file here loads: the program, a fresh directory, one small image, one key.
bats_require_minimum_version 1.5.0
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GAPFERRY=${GAPFERRY:-$root/${B:-build}/gapferry}

# The verbs, as the program itself names them.
# shellcheck disable=SC2034 # used by the files that load this one
verbs=('pack' 'verify' 'unpack' 'inspect' 'trace' 'report' 'sign' 'approve' 'permit' 'key new' 'key show' 'key export' 'trust init' 'trust show'
	'trust add' 'trust remove' 'trust threshold' 'trust gate' 'trust revoke' 'trust sign' 'trust apply' 'log show' 'log verify'
	'log prove' 'log consistency' 'log checkpoint' 'log restore' 'receipt show' 'receipt verify' 'version' 'help')

# gapferry ARGUMENTS... - words of a verb may come as one.
gapferry() {
	"$GAPFERRY" "$@"
}

fresh() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export HOME=$BATS_TEST_TMPDIR GAPFERRY_STATE=$BATS_TEST_TMPDIR/state GAPFERRY_CONFIG=$BATS_TEST_TMPDIR/config
	unset GAPFERRY_PASSPHRASE SOURCE_DATE_EPOCH DOCKER_HOST
	mkdir config
}

# image.tar, release.pem, release.pub and the bundle app.tar in the directory of the file, made once.
make_bundle() {
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$BATS_FILE_TMPDIR GAPFERRY_STATE=$BATS_FILE_TMPDIR/state GAPFERRY_CONFIG=$BATS_FILE_TMPDIR
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/app:1.2
	gapferry key new --no-passphrase release
	gapferry pack -q -o app.tar --key release.pem --stream app --sequence 7 --bundle-version 1.2.0 \
		--created 2026-01-02T03:04:05Z image.tar
}
