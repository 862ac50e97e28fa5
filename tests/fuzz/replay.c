/*
 * replay: a main for fuzz targets without libFuzzer.  Every file named, and every file in
 * a directory named, goes through the target once; then each is cut short at some places and
 * has some bytes changed by a seeded generator, so that old finds and their neighbours are
 * tried by every make test.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* REPLAY_NEIGHBOURS says otherwise, for a target whose runs are slow. */
#define NEIGHBOURS 64

static unsigned long runs, neighbours = NEIGHBOURS;
static uint64_t seed = 1;

static uint64_t next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return seed >> 24;
}

/* Each run has its bytes in memory of exactly their size, so that ASan sees a byte read too far. */
static void run_once(const unsigned char *bytes, size_t n)
{
	unsigned char *copy = malloc(n > 0 ? n : 1);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, bytes, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	runs++;
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	unsigned char *bytes;
	struct stat st;
	size_t n;

	if (f == NULL || fstat(fileno(f), &st) != 0 || st.st_size > 64 * 1024 * 1024) {
		fprintf(stderr, "replay: cannot read %s\n", path);
		exit(1);
	}
	n = (size_t)st.st_size;
	bytes = malloc(n + 1);
	if (bytes == NULL || fread(bytes, 1, n, f) != n)
		exit(1);
	fclose(f);
	run_once(bytes, n);
	for (unsigned long i = 0; n > 0 && i < neighbours; i++) {
		size_t at = (size_t)(next_random() % n);
		unsigned char was = bytes[at];

		run_once(bytes, at);
		bytes[at] = (unsigned char)next_random();
		run_once(bytes, n);
		bytes[at] = was;
	}
	free(bytes);
}

int main(int argc, char **argv)
{
	const char *asked = getenv("REPLAY_NEIGHBOURS");

	if (asked != NULL)
		neighbours = strtoul(asked, NULL, 10);
	for (int i = 1; i < argc; i++) {
		struct stat st;
		struct dirent **names;
		int n;

		if (stat(argv[i], &st) != 0) {
			fprintf(stderr, "replay: no %s\n", argv[i]);
			return 1;
		}
		if (!S_ISDIR(st.st_mode)) {
			run_file(argv[i]);
			continue;
		}
		n = scandir(argv[i], &names, NULL, alphasort);
		for (int j = 0; j < n; j++) {
			char path[4096];

			if (names[j]->d_name[0] != '.') {
				snprintf(path, sizeof path, "%s/%s", argv[i], names[j]->d_name);
				run_file(path);
			}
			free(names[j]);
		}
		if (n >= 0)
			free(names);
	}
	if (runs == 0)
		run_once((const unsigned char *)"", 0);
	printf("replay: %lu runs\n", runs);
	return 0;
}
