#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, stderr: from common.bash and bats
# pack -f release.yaml: the same bundle as the options give, what overrides what, and where a mistake is.

setup_file() {
	load common
	make_bundle
}

setup() {
	load common
	fresh
	ln -s "$BATS_FILE_TMPDIR"/{image.tar,release.pem,release.pub} .
	cat >release.yaml <<-'EOF'
		output: file.tar
		stream: shop
		sequence: 42
		version: "1.4.0"
		created: 2026-01-02T03:04:05Z
		expires: 90d
		audience: [site-a, site-b]
		keys: [release.pem]
		layers: none
		build-id: "812"
		labels:
		  ticket: OPS-1
		images:
		  - image.tar
	EOF
}

statement() { tar -xOf "$1" META/manifest.json; }

@test "a release file and the same options give the same manifest" {
	run --separate-stderr -0 gapferry pack -f release.yaml
	[[ $stderr != *overrid* ]]
	gapferry pack -q -o options.tar --stream shop --sequence 42 --bundle-version 1.4.0 --created 2026-01-02T03:04:05Z \
		--expires 90d --audience site-a --audience site-b --key release.pem --layers none --build-id 812 \
		--label ticket=OPS-1 image.tar >/dev/null
	cmp <(statement file.tar) <(statement options.tar)
	[ "$(statement file.tar | jq -r .predicate.expires)" = 2026-04-02T03:04:05Z ]
	[ "$(statement file.tar | jq -c .predicate.build)" = '{"id":"812","labels":{"ticket":"OPS-1"}}' ]
}

@test "options override the file, each with a note; sources override images" {
	"$root/tests/lib/busybox-image.sh" other.tar registry.example/team/other:2
	run --separate-stderr -0 gapferry pack -f release.yaml -o mine.tar --bundle-version 2.0 --sequence 43 \
		--label a=b --layers gzip --key release.pem other.tar
	for pair in 'output output' 'bundle-version version' 'sequence sequence' 'label labels' 'layers layers' 'key keys'; do
		read -r option key <<<"$pair"
		[[ $stderr == *"note: --$option overrides '$key' of 'release.yaml'"* || $stderr == *"--$option overrides '$key' of 'release.yaml'"* ]] ||
			{ echo "$option: $stderr"; false; }
	done
	[[ $stderr == *"the sources given override 'images' of 'release.yaml'"* ]]
	[[ $stderr != *"overrides 'audience'"* ]]
	[ ! -e file.tar ]
	[ "$(statement mine.tar | jq -c '[.predicate | .version, .sequence, .audience, .build.labels, .images[0].names]')" = \
		'["2.0",43,["site-a","site-b"],{"a":"b"},["registry.example/team/other:2"]]' ]
	[[ "$(statement mine.tar | jq -r .predicate.packer.compressor)" == isal* ]]
}

@test "-f - is stdin, once" {
	run --separate-stderr -0 gapferry pack -q -f - <release.yaml
	[ "$(statement file.tar | jq -r .predicate.sequence)" = 42 ]
	run --separate-stderr -2 gapferry pack -f - --passphrase-file - <release.yaml
	[[ $stderr == *'stdin already is the passphrase'* ]]
	run --separate-stderr -2 gapferry pack -f - - <release.yaml
	[[ $stderr == *'stdin already is a source'* ]]
	head -c 1100000 /dev/zero | tr '\0' '#' >big.yaml
	run --separate-stderr -2 gapferry pack -f - <big.yaml
	run --separate-stderr -2 gapferry pack -f big.yaml
	[[ $stderr == *big.yaml* ]]
}

@test "a mistake names file and line; nothing is written" {
	echo 'passphrase: secret' >>release.yaml
	run --separate-stderr -2 gapferry pack -f release.yaml
	[[ $stderr == "gapferry pack: 'release.yaml', line 15"*passphrase*unknown\ key* ]]
	printf 'sequence: 1\nsequence: 2\n' >twice.yaml
	run --separate-stderr -2 gapferry pack -f twice.yaml
	[[ $stderr == "gapferry pack: 'twice.yaml', line 2"*'second time'* ]]
	run --separate-stderr -2 gapferry pack -f none.yaml
	[[ $stderr == *none.yaml* ]]
	printf 'stream: shop\n' >bare.yaml
	run --separate-stderr -2 gapferry pack -f bare.yaml -o x.tar
	[[ $stderr == *'nothing to pack'* ]]
	[ ! -e file.tar ] && [ ! -e x.tar ]
}
