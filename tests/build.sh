#!/bin/sh
# build.sh - build what the tests need, as TAP: the program and the unit tests, and both again with sanitizers.
n=0
for target in 'all units drivers' sanitized; do
	n=$((n + 1))
	# shellcheck disable=SC2086 # several targets are several words
	if make -j2 B="$B" $target; then
		echo "ok $n - make $target"
	else
		echo "not ok $n - make $target"
	fi
done
echo "1..$n"
