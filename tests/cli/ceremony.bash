# shellcheck shell=bash
# shellcheck disable=SC2154 # root, GAPFERRY: common.bash
# ceremony.bash - a site under a trust file, for files that load common.bash first: two roots, two approvers, test before prod.

# In the directory of the file: keys, shop-7.tar and shop-8.tar, and what an installed trust-1.json leaves: state/.
ceremony_once() {
	cd "$BATS_FILE_TMPDIR" || return 1
	export HOME=$BATS_FILE_TMPDIR GAPFERRY_STATE=$BATS_FILE_TMPDIR/state GAPFERRY_CONFIG=$BATS_FILE_TMPDIR
	"$root/tests/lib/busybox-image.sh" image.tar registry.example/team/shop:1.2
	for k in alice bob ci carol dave erin; do gapferry key new --no-passphrase $k >/dev/null; done
	for n in 7 8; do gapferry pack -q -o shop-$n.tar --key ci.pem --stream shop --sequence $n image.tar >/dev/null; done
	gapferry trust init -o trust-1.json --expires 365d --root alice.pub --root bob.pub --threshold root:2 --release ci.pub \
		--approver prod:carol.pub --approver prod:dave.pub --threshold approver:prod:2 --permit erin.pub \
		--stream shop --env test --env prod --after prod:test "$@" >/dev/null
	roots_sign trust-1.json
	gapferry trust apply trust-1.json --sha256 "$(sha256sum <trust-1.json | cut -d' ' -f1)" --site a >/dev/null
}

# All of it in the directory of a test, with two environments that are layouts there.
ceremony() {
	fresh
	cp -r "$BATS_FILE_TMPDIR"/{*.pem,*.pub,shop-*.tar,trust-1.json*,state} .
	mkdir -p config/environments
	for e in test prod; do
		printf 'environment: %s\ntargets: [{oci: "%s/%s"}]\nretag: [{match: "**", name: "%s.example/{basename}"}]\n' \
			$e "$PWD" "layout-$e" $e >config/environments/$e.yaml
	done
}

roots_sign() {
	for k in alice bob; do gapferry trust sign -q "$1" --key $k.pem >/dev/null 2>&1 || return 1; done
}

layout() { jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "layout-$1/index.json" 2>/dev/null; }
types() { jq -r .type state/audit.jsonl | uniq | paste -sd' '; }
approve() { gapferry approve -q --env prod --site a "${@:2}" --key "$1.pem" shop-7.tar >/dev/null 2>&1; }

# ends STATUS NAME COMMAND... - with this name of the error; "" for none
ends() {
	run --separate-stderr -"$1" gapferry "${@:3}" --json
	[ "$(jq -r '.error.name // ""' <<<"$output")" = "$2" ] || {
		echo "$output" "$stderr"
		return 1
	}
}
