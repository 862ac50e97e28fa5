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

@test "names of an image stand instead of its own; a bad name is refused with its line" {
	sed -i '/- image.tar/d' release.yaml
	printf '  - source: image.tar\n    names: ["acme/app:1.4.0", "registry.example:5000/shop/app:9"]\n' >>release.yaml
	gapferry pack -q -f release.yaml >/dev/null
	[ "$(statement file.tar | jq -c '.predicate.images[0].names')" = \
		'["docker.io/acme/app:1.4.0","registry.example:5000/shop/app:9"]' ]
	gapferry pack -q -f release.yaml -o own.tar image.tar >/dev/null
	[ "$(statement own.tar | jq -c '.predicate.images[0] | [.names, .digest]')" = \
		"$(statement file.tar | jq -c '.predicate.images[0] | [["registry.example/team/app:1.2"], .digest]')" ]
	rm file.tar
	sed -i 's,acme/app:1.4.0,Acme/App:1,' release.yaml
	run --separate-stderr -2 gapferry pack -f release.yaml
	[[ $stderr == "gapferry pack: 'release.yaml', line 15, column 13, images[0].names[0]: "* ]]
	[ ! -e file.tar ]
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
	[[ $stderr == "gapferry pack: 'release.yaml', line 15, column 1, "*passphrase*unknown\ key* ]]
	printf 'sequence: 1\nsequence: 2\n' >twice.yaml
	run --separate-stderr -2 gapferry pack -f twice.yaml
	[[ $stderr == "gapferry pack: 'twice.yaml', line 2, column 1: "*'second time'* ]]
	run --separate-stderr -2 gapferry pack -f none.yaml
	[[ $stderr == *none.yaml* ]]
	printf 'stream: shop\n' >bare.yaml
	run --separate-stderr -2 gapferry pack -f bare.yaml -o x.tar
	[[ $stderr == *'nothing to pack'* ]]
	[ ! -e file.tar ] && [ ! -e x.tar ]
}

# labelled LABELS: image.tar again, with these in its config.
labelled() {
	mkdir x
	tar -xf image.tar -C x
	config=$(jq -r '.[0].Config' x/manifest.json)
	jq -c --argjson l "$1" '.config.Labels = $l' "x/$config" | tr -d '\n' >x/new
	id=$(sha256sum <x/new | cut -d' ' -f1)
	mv x/new "x/$id.json"
	rm "x/$config"
	jq -c --arg c "$id.json" '.[0].Config = $c' x/manifest.json >x/m && mv x/m x/manifest.json
	tar -cf labelled.tar -C x .
}

@test "inspect shows the labels of a config that the image specification names, escaped; --json all of them" {
	labelled '{"org.opencontainers.image.revision": "0123abcd", "org.opencontainers.image.title": "a\u001b[1mb", "maintainer": "me"}'
	gapferry pack -q -o l.tar --key release.pem labelled.tar >/dev/null
	run --separate-stderr -0 gapferry inspect --key release.pub l.tar
	[[ $output == *$'\n  labels of linux/'*' (org.opencontainers.image.*)'$'\n'* ]]
	[[ $output =~ $'\n    revision '\ *0123abcd$'\n' ]]
	[[ $output == *'a\x1b[1mb'* ]]
	[[ $output != *$'\e'* ]]
	[[ $output != *maintainer* ]]
	[[ $output =~ \ tar\+gzip\  ]]
	run --separate-stderr -0 gapferry inspect --json --key release.pub l.tar
	[ "$(jq -c '.layers[0].labels | [.maintainer, .["org.opencontainers.image.revision"]]' <<<"$output")" = '["me","0123abcd"]' ]
	# Labels that are no object, or no text, are nothing.
	rm -rf x
	labelled '["a"]'
	gapferry pack -q -o odd.tar --key release.pem labelled.tar >/dev/null
	run --separate-stderr -0 gapferry inspect --key release.pub odd.tar
	[[ $output != *'labels of'* ]]
	rm -rf x
	labelled '{"org.opencontainers.image.title": 7}'
	gapferry pack -q -o odd.tar --key release.pem labelled.tar >/dev/null
	run --separate-stderr -0 gapferry inspect --key release.pub odd.tar
	[[ $output != *'labels of'* ]]
}
