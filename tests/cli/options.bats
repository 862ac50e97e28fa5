#!/usr/bin/env bats
# shellcheck disable=SC2154 # root, verbs, stderr: from common.bash and bats
# Options, help and exit statuses: what is decided before any file is opened.

setup() {
	load common
	fresh
}

# refused STATUS PATTERN ARGUMENTS... - status, nothing on stdout, and the first line of stderr
refused() {
	local status_wanted=$1 pattern=$2
	shift 2
	run --separate-stderr -"$status_wanted" gapferry "$@"
	[ -z "$output" ]
	# shellcheck disable=SC2053 # the pattern is one
	[[ ${stderr_lines[0]} == $pattern ]] || {
		echo "stderr: ${stderr_lines[0]}"
		echo "wanted: $pattern"
		return 1
	}
}

@test "every verb has help on stdout, at most 80 columns wide, with usage, options and examples" {
	for verb in "${verbs[@]}"; do
		read -ra words <<<"$verb"
		run --separate-stderr -0 gapferry "${words[@]}" --help
		[ -z "$stderr" ]
		[[ ${lines[0]} == "usage: gapferry $verb "* ]]
		[[ $output == *$'\noptions:\n'* ]]
		[[ $output == *$'\nexamples:\n'*"gapferry $verb"* ]]
		[ "$(awk '{ if (length($0) > n) n = length($0) } END { print n }' <<<"$output")" -le 80 ]
		[[ ! $output =~ \ ($'\n'|$) ]]
		first=$output
		run --separate-stderr -0 gapferry "${words[@]}" -h
		[ "$output" = "$first" ]
		run --separate-stderr -0 gapferry help "${words[@]}"
		[ "$output" = "$first" ]
	done
}

@test "the overview names every verb and every exit status" {
	run --separate-stderr -0 gapferry --help
	[ -z "$stderr" ]
	[ "$(awk '{ if (length($0) > n) n = length($0) } END { print n }' <<<"$output")" -le 80 ]
	for verb in "${verbs[@]}"; do
		[[ $output == *$'\n  '"$verb  "* ]]
	done
	for status_ in 0 1 2 3 4 5; do
		[[ $output == *$'\n  '"$status_   "* ]]
	done
	first=$output
	run -0 gapferry help
	[ "$output" = "$first" ]
}

@test "the manual page has every verb and every option of the help, and man finds nothing wrong with it" {
	gapferry help --man >page.1
	for verb in "${verbs[@]}"; do
		grep -qx "\.SS \"gapferry $verb\"" page.1
		read -ra words <<<"$verb"
		gapferry "${words[@]}" --help | sed -n 's/^  \(    \|-., \)--\([a-z-]*\).*/\2/p' >options
		[ -s options ]
		while read -r option; do
			grep -q -- "^\.B .*\\\\-\\\\-${option//-/\\\\-}" page.1
		done <options
	done
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning page.1
	fi
}

@test "--version of the program and of every verb" {
	run --separate-stderr -0 gapferry --version
	[[ $output =~ ^gapferry\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	first=$output
	for verb in "${verbs[@]}"; do
		read -ra words <<<"$verb"
		run --separate-stderr -0 gapferry "${words[@]}" --version
		[ "$output" = "$first" ]
	done
}

@test "no verb, an unknown verb, and words of other programs" {
	refused 2 'gapferry: a verb is missing'
	[[ ${stderr_lines[1]} == "Try 'gapferry --help'." ]]
	refused 2 "gapferry: unknown verb 'verfy'; did you mean 'verify'?" verfy app.tar
	refused 2 "gapferry: unknown verb 'unpak'; did you mean 'unpack'?" unpak app.tar
	refused 2 "gapferry: unknown verb 'vreify'; did you mean 'verify'?" vreify app.tar
	refused 2 "gapferry: unknown verb 'isnpect'; did you mean 'inspect'?" isnpect app.tar
	refused 2 "gapferry: unknown verb 'frobnicate'; 'gapferry help' lists them" frobnicate app.tar
	refused 2 "gapferry: unknown verb 'foo'; 'gapferry help' lists them" foo
	refused 2 "gapferry: unknown verb 'load'; did you mean 'unpack'?" load app.tar
	refused 2 "gapferry: unknown verb 'keygen'; did you mean 'key new'?" keygen
	refused 2 "gapferry: unknown verb 'key nwe'; there are *" key nwe
	refused 2 "gapferry: 'key' needs a second word: *" key
	refused 2 'gapferry: the verb comes first: *' --json verify
}

@test "option names are exact: no abbreviation, and the error says the name" {
	refused 2 "gapferry unpack: unknown option '--allow-u'; *'--allow-unsigned'*" unpack --allow-u --to oci:x app.tar
	[[ ${stderr_lines[1]} == "Try 'gapferry unpack --help'." ]]
	refused 2 "gapferry verify: unknown option '--jso'; *'--json'*" verify --jso app.tar
	refused 2 "gapferry verify: unknown option '--jsonn'; *'--json'*" verify --jsonn app.tar
	refused 2 "gapferry verify: unknown option '--kye'; *'--key'*" verify --kye x app.tar
	refused 2 "gapferry unpack: unknown option '--dryrun'; *'--dry-run'*" unpack --dryrun app.tar
	refused 2 "gapferry verify: unknown option '--wibble'" verify --wibble app.tar
	refused 2 "gapferry verify: unknown option '-x' in '-qx'" verify -qx app.tar
	refused 2 "gapferry inspect: '--deep' is an option of 'verify', not of 'inspect'" inspect --deep app.tar
	refused 2 "gapferry verify: '--allow-unsigned' is an option of 'unpack', not of 'verify'" verify --allow-unsigned app.tar
}

@test "options of docker, skopeo and cosign are answered with ours" {
	refused 2 "gapferry unpack: there is no option '--tls-verify' here; use --ca-file *--plain-http*" unpack --tls-verify=false --to oci:x app.tar
	refused 2 "gapferry unpack: there is no option '--dest-tls-verify' here; use --ca-file *" unpack --dest-tls-verify=false app.tar
	refused 2 "gapferry unpack: there is no option '--creds' here; use --username NAME --password-stdin*" unpack --creds u:p app.tar
	refused 2 "gapferry unpack: there is no option '--dest-creds' here; use --username *" unpack --dest-creds u:p app.tar
	refused 2 "gapferry pack: there is no option '--src-cert-dir' here; use --ca-file*" pack --src-cert-dir d image.tar
	refused 2 "gapferry pack: there is no option '--src-shared-blob-dir' here: *no such prefix" pack --src-shared-blob-dir d x
	refused 2 "gapferry pack: there is no option '--passphrase' here; use --passphrase-file*" pack --passphrase=x image.tar
}

@test "values: attached, separate, missing, unwanted, empty, repeated" {
	refused 2 "gapferry verify: option '--jobs' needs a value: --jobs N" verify app.tar --jobs
	refused 2 "gapferry verify: option '--key' needs a value: --key FILE" verify --key --quiet app.tar
	refused 2 "gapferry verify: option '--json' takes no value" verify --json=yes app.tar
	refused 2 "gapferry verify: option '--config' has an empty value" verify --config= app.tar
	refused 2 "gapferry verify: option '--quiet' is given twice" verify --quiet --quiet app.tar
	refused 2 "gapferry pack: option '--stream' is given twice" pack -o x --stream a --stream=b image.tar
	refused 2 "gapferry verify: --jobs: '4x' is not a whole number of at most 256" verify -j4x app.tar
	refused 2 "gapferry verify: --jobs: '-1' is not a whole number of at most 256" verify --jobs=-1 app.tar
	refused 2 "gapferry verify: --jobs: '257' is not *" verify -j 257 app.tar
	refused 2 "gapferry verify: --jobs: '0' is too few: at least 1" verify -j 0 app.tar
	refused 2 "gapferry pack: --sequence: '007' is not a whole number*" pack -o x --stream a --sequence 007 image.tar
	refused 2 "gapferry pack: --sequence: '9007199254740992' is not*" pack -o x --stream a --sequence 9007199254740992 image.tar
	refused 2 "gapferry verify: --progress: 'fancy' is not auto, plain, json or none" verify --progress fancy app.tar
}

@test "arguments: too few, too many, and words behind --" {
	refused 2 'gapferry verify: an argument is missing: gapferry verify *BUNDLE' verify
	refused 2 "gapferry verify: 'b.tar' is one argument too many" verify a.tar b.tar
	refused 2 "gapferry verify: 'x' is one argument too many" verify -- --json x
	refused 2 "gapferry help: 'x' is one argument too many" help pack x
	# Behind -- a word that begins with a dash is a file.
	run --separate-stderr gapferry verify --key /dev/null/none -- --json
	[ "$status" -ne 0 ]
	[[ $stderr != *option* ]]
}

@test "pack: what does not go together is said before anything is read" {
	refused 2 'gapferry pack: the output is missing: -o OUT' pack image.tar
	run --separate-stderr -2 gapferry pack -o - --json image.tar
	[[ ${stderr_lines[0]} == 'gapferry pack: --json: stdout already takes the bundle'* ]]
	[ "$(jq -r .error.class <<<"$output")" = usage ]
	refused 2 "gapferry pack: --layers: 'lz4' is not gzip, zstd or none" pack -o x --layers lz4 image.tar
	refused 2 "gapferry pack: --label: 'ticket' is not KEY=VALUE" pack -o x --label ticket image.tar
	refused 2 "gapferry pack: --label: '=x' is not KEY=VALUE" pack -o x --label =x image.tar
	refused 2 "gapferry pack: --created: '2026-01-02' is not of the form *" pack -o x --created 2026-01-02 image.tar
	refused 2 "gapferry pack: --expires: 'soon' is neither *" pack -o x --expires soon image.tar
	refused 2 "gapferry pack: --expires: '2026-02-30' is neither *" pack -o x --expires 2026-02-30 image.tar
	refused 2 'gapferry pack: --sign-cmd: needs one --key*' pack -o x --sign-cmd cat image.tar
	[ ! -e x ]
}

@test "unpack: what does not go together is said before anything is read" {
	refused 2 'gapferry unpack: nowhere to load to: *' unpack app.tar
	refused 2 'gapferry unpack: --key-file: --cert-file and --key-file go together' unpack --to oci:x --key-file k app.tar
	refused 2 'gapferry unpack: --cert-file: --cert-file and --key-file go together' unpack --to oci:x --cert-file c app.tar
	refused 2 'gapferry unpack: --username: --username and *' unpack --to oci:x --username u app.tar
	refused 2 'gapferry unpack: --password-stdin: --username and *' unpack --to oci:x --password-stdin app.tar
	refused 2 'gapferry unpack: --password-stdin: stdin already is the bundle' unpack --to oci:x --username u --password-stdin -
	[ ! -e x ]
}

@test "a configuration directory that was named must be there" {
	refused 2 "gapferry verify: configuration directory 'none'*" verify --config none app.tar
	GAPFERRY_CONFIG=none refused 2 "gapferry verify: configuration directory 'none'*" verify app.tar
	touch file
	refused 2 "gapferry verify: the configuration 'file' is not a directory" verify --config file app.tar
}

@test "a full disk behind stdout is a failure" {
	run --separate-stderr -1 bash -c "'$GAPFERRY' help >/dev/full"
	[[ $stderr == 'gapferry help: '*'stdout'* ]]
}

@test "errors under --json are one object on stdout and the line on stderr" {
	run --separate-stderr -2 gapferry verify --json missing.tar
	[[ $stderr == 'gapferry verify: '*missing.tar* ]]
	[ "$(jq -r '[.verb, .status, .verified, .error.class] | map(tostring) | join(" ")' <<<"$output")" = 'verify 2 false usage' ]
	[ "$(jq -r '.error.text | length > 0' <<<"$output")" = true ]
	run --separate-stderr -2 gapferry verify --no-such app.tar --json
	[ "$(jq -r '[.verb, .status, .error.name] | map(tostring) | join(" ")' <<<"$output")" = 'verify 2 option' ]
}
