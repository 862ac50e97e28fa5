#!/usr/bin/env bats
# The pipelines of docs/pipelines: the shell steps of each file, with that system's variables set, end in three real
# registries; all three show the digest that was packed, under names and tags of their own.  "docker" is a script here
# that saves an image without a daemon: what is tested is what happens to the image.

setup_file() {
	GF_INTEROP_DIR=$(mktemp -d /tmp/gf-pipelines.XXXXXX)
	export GF_INTEROP_DIR
	load common
	cd "$D" || return 1
	mkdir -p bin dev test prod
	# shellcheck disable=SC2016 # "$1" is that script's
	printf '#!/bin/sh\n[ "$1" = save ] || exit 0\nexec "%s" "$3" "$4" "by $SYSTEM"\n' "$HERE/../lib/busybox-image.sh" >bin/docker
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$(realpath "$GAPFERRY")" >bin/gapferry
	chmod +x bin/*
	printf 'right horse\n' >passphrase
	gapferry key new --passphrase-file passphrase release
	for e in dev test prod; do start_registry "$D/$e"; done
}

teardown_file() {
	load common
	for e in dev test prod; do stop_server "$D/$e/registry.pid"; done
	rm -rf "$D"
}

setup() {
	load common
	cd "$D" || return 1
	PATH=$D/bin:$PATH
	docs=$HERE/../../docs/pipelines
}

# checkout DIR: what the repository of the example holds, with the registries of this machine.
checkout() {
	local e
	mkdir -p "$1"
	cp -r "$docs/gapferry" "$1/gapferry"
	mkdir "$1/gapferry/keys"
	cp release.pub "$1/gapferry/keys/"
	for e in dev test prod; do
		sed -i "s/registry\.$e\.example:5000/127.0.0.1:$(cat $e/registry.port)/" "$1/gapferry/environments/$e.yaml"
	done
}

# job SYSTEM FILE JOB DIR NAME=VALUE... - its shell steps in DIR, with nothing in the environment but those.
job() {
	local system=$1 file=$2 name=$3 dir=$4
	shift 4
	python3 "$HERE/pipeline_steps.py" "$docs/$file" "$name" >"$dir.sh"
	(cd "$dir" && env -i PATH="$PATH" HOME="$D/home" TMPDIR="$D" SYSTEM="$system" GAPFERRY_STATE="$D/$system.state.$name" "$@" \
		bash "$dir.sh")
}

# crossed SYSTEM BUNDLE ID: three registries, one digest, names and tags of each.
crossed() {
	local digest e
	digest=$(said "$2" '.predicate.images[0].digest')
	same 'build id' "$3" "$(said "$2" .predicate.build.id)"
	same 'build system' "$1" "$(said "$2" .predicate.build.system)"
	for e in dev test prod; do
		for tag in "1.4.0-$3" latest; do
			same "$e $tag" "$digest" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' \
				"docker://127.0.0.1:$(cat $e/registry.port)/shop/$e/app:$tag")"
		done
	done
}

@test "Azure Pipelines" {
	common=(TF_BUILD=True BUILD_BUILDID=4711 BUILD_BUILDNUMBER=20261123.4 SYSTEM_COLLECTIONURI=https://dev.example/acme/)
	checkout "$D/a"
	mkdir a-staging
	job azure-pipelines azure-pipelines.yml build "$D/a" "${common[@]}" RELEASE_SECUREFILEPATH="$D/release.pem" \
		GAPFERRY_PASSPHRASE='right horse' BUILD_ARTIFACTSTAGINGDIRECTORY="$D/a-staging"
	# shellcheck disable=SC2016 # as the file says it
	same artifact '$(Build.ArtifactStagingDirectory)' "$(python3 "$HERE/pipeline_steps.py" --artifact "$docs/azure-pipelines.yml")"
	for e in dev test prod; do
		checkout "$D/a-$e/s"
		cp -r a-staging "a-$e/bundle"
		job azure-pipelines azure-pipelines.yml $e "$D/a-$e/s" "${common[@]}" SYSTEM_STAGENAME=$e PIPELINE_WORKSPACE="$D/a-$e"
	done
	crossed azure-pipelines a-staging/shop.tar 4711
	same sequence 4711 "$(said a-staging/shop.tar .predicate.sequence)"
}

@test "GitHub Actions" {
	common=(GITHUB_ACTIONS=true GITHUB_RUN_ID=1658821493 GITHUB_RUN_NUMBER=31)
	checkout "$D/g"
	mkdir g-temp
	job github-actions github-actions.yml build "$D/g" "${common[@]}" RUNNER_TEMP="$D/g-temp" \
		RELEASE_KEY="$(cat release.pem)" GAPFERRY_PASSPHRASE='right horse'
	artifact=$(python3 "$HERE/pipeline_steps.py" --artifact "$docs/github-actions.yml")
	for e in dev test prod; do
		checkout "$D/g-$e"
		cp -r "g/$artifact" "g-$e/bundle"
		job github-actions github-actions.yml $e "$D/g-$e" "${common[@]}" GITHUB_JOB=$e
	done
	crossed github-actions g/bundle/shop.tar 1658821493
	same sequence 31 "$(said g/bundle/shop.tar .predicate.sequence)"
}

@test "GitLab CI" {
	common=(GITLAB_CI=true CI_PIPELINE_ID=90210 CI_PIPELINE_IID=77)
	checkout "$D/l"
	job gitlab-ci gitlab-ci.yml build "$D/l" "${common[@]}" RELEASE_KEY="$D/release.pem" GAPFERRY_PASSPHRASE='right horse'
	artifact=$(python3 "$HERE/pipeline_steps.py" --artifact "$docs/gitlab-ci.yml")
	for e in dev test prod; do
		checkout "$D/l-$e"
		cp -r "l/$artifact" "l-$e/$artifact"
		job gitlab-ci gitlab-ci.yml $e "$D/l-$e" "${common[@]}" CI_ENVIRONMENT_NAME=$e
	done
	crossed gitlab-ci l/bundle/shop.tar 90210
	same sequence 77 "$(said l/bundle/shop.tar .predicate.sequence)"
}
