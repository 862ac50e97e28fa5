#!/bin/bash
# threads.sh - what runs in threads again with ThreadSanitizer (make threaded), as TAP: the units of it, and packing,
# verifying and loading from and to archives, layouts, registries and daemons.  B is where to build.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$B/tsan
# gcc 12's does not know as much randomness of addresses as newer kernels have.
still=(setarch "$(uname -m)" -R)
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:allocator_may_return_null=1:second_deadlock_stack=1

echo "1..2"
if make -s -j2 B="$B" threaded; then
	echo "ok 1 - make threaded"
else
	echo "not ok 1 - make threaded"
	exit 1
fi
# Two threads and one counter: who is not heard when there is something to say proves nothing by silence.
cat >"$tree/race.c" <<'C'
#include <pthread.h>
static int n;
static void *count(void *arg) { n++; return arg; }
int main(void) { pthread_t t; return pthread_create(&t, 0, count, 0) || (n++, pthread_join(t, 0)); }
C
cc -w -fsanitize=thread -o "$tree/race" "$tree/race.c" -pthread && "${still[@]}" "$tree/race" 2>/dev/null
if [ $? -eq 66 ]; then
	echo "ok 2 - a race is seen"
else
	echo "not ok 2 - a race is seen"
fi

# Not the units whose peer is a thread of the test: it shares numbers with it in the order that a socket gives, which
# ThreadSanitizer does not see.  Real peers follow.
"${still[@]}" tests/units.sh "$tree" pool io_thread event secret contain walk state cache compress archive pack layout docker_stream \
	writer
GAPFERRY=$tree/gapferry "${still[@]}" bats --tap --timing tests/cli/two.bats tests/cli/contained.bats tests/cli/progress.bats \
	tests/cli/evidence.bats tests/interop/archives.bats tests/interop/archive_target.bats tests/interop/registry_kinds.bats \
	tests/interop/registry_source.bats tests/interop/unpack_registry.bats tests/interop/unpack_daemon.bats
