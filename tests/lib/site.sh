#!/bin/bash
# site.sh - what docs/operator.md and docs/auditor.md start from, in the working directory: keys without passphrases, a
# trust file that is installed, two environments that are OCI layouts, and shop.tar.  Prints nothing.
set -eu
lib=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
export GAPFERRY_STATE=$PWD/state GAPFERRY_CONFIG=$PWD/config
{
	for who in alice ci carol erin; do gapferry key new --no-passphrase $who; done
	mkdir -p config/environments
	for e in test prod; do
		printf 'environment: %s\ntargets: [{oci: "%s"}]\nretag: [{match: "**", name: "%s.example/{basename}"}]\n' \
			$e "$PWD/layout-$e" $e >config/environments/$e.yaml
	done
	gapferry trust init -o trust-1.json --expires 365d --root alice.pub --release ci.pub --approver prod:carol.pub \
		--permit erin.pub --stream shop --env test --env prod --after prod:test
	gapferry trust sign trust-1.json --key alice.pem
	gapferry trust apply trust-1.json --sha256 "$(sha256sum <trust-1.json | cut -d' ' -f1)" --site a
	"$lib/busybox-image.sh" image.tar registry.example/team/shop:1.2
	gapferry pack -o shop.tar --key ci.pem --stream shop --sequence 42 --build-id 812 image.tar
} >/dev/null 2>&1
