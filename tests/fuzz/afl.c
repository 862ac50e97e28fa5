/*
 * The command line under AFL++, many runs in one process: afl ARGUMENT...  The bytes that AFL++ made, with the zeros of
 * META/padding put in, are the file /proc/self/fd/100.  (AFL++'s compiler defines what makes contained children threads
 * of this process, whose edges and crashes count.)
 */
#define _GNU_SOURCE /* memfd_create */
int gapferry(int argc, char **argv);
#define main gapferry
#include "cli/main.c"
#undef main

#include <sys/mman.h>

#include "tests/fuzz/padded.h"

#define FD 100
#define RUNS 2000 /* in one process */

void __wrap_gf_contain_self(char walls[GF_WALLS_SIZE]);

#pragma clang diagnostic ignored "-Wpedantic" /* in AFL++'s macros */
#pragma clang diagnostic ignored "-Wconversion"
__AFL_FUZZ_INIT();

/* Walls cannot be taken down again, and the next run is to open its files. */
void __wrap_gf_contain_self(char walls[GF_WALLS_SIZE])
{
	snprintf(walls, GF_WALLS_SIZE, "AFL++");
}

static void put(const unsigned char *bytes, size_t n)
{
	uint8_t *bundle = padded(bytes, &n);
	gf_error err;

	if (ftruncate(FD, 0) != 0 || lseek(FD, 0, SEEK_SET) != 0 || !gf_write_all(FD, bundle, n, "afl", &err))
		abort();
	free(bundle);
}

/* What the verb says is written to nowhere, but it is written. */
static void run(int argc, char **argv)
{
	gf_run run = { .verb = NULL };
	gf_error err = { .class = GF_OK };

	if (!dispatch(&run, argc, argv, &err) || !flush_stdout(&err)) {
		if (err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0' ||
		    strcmp(err.name, "internal") == 0)
			abort(); /* a refusal that explains nothing, or blames us */
		print_error(run.verb != NULL ? run.verb->name : "", &err);
	}
	gf_arguments_clear(&run.args);
}

int main(int argc, char **argv)
{
	gf_error err;
	unsigned char *bytes;

	if (!prepare(&err) || dup2(memfd_create("afl", 0), FD) != FD)
		return 2;
	__AFL_INIT();
	bytes = __AFL_FUZZ_TESTCASE_BUF;
	while (__AFL_LOOP(RUNS)) {
		put(bytes, (size_t)__AFL_FUZZ_TESTCASE_LEN);
		run(argc - 1, argv + 1);
	}
	return 0;
}
