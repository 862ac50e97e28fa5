/*
 * Linked into all that tests/mutate.py builds: which condition is flipped, and which ones a run comes by.
 *	GF_MUTANT	the number of the one that is flipped
 *	GF_MUTANT_SEEN	a file with a byte for each condition, which becomes 1
 *	GF_MUTANT_TEST	of a cmocka program: run the tests that this pattern matches
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void cmocka_set_test_filter(const char *pattern) __attribute__((weak));
bool gf_mutant(int number, bool condition);

static int flipped = -1;
static char *seen;

__attribute__((constructor)) static void choose(void)
{
	const char *number = getenv("GF_MUTANT"), *path = getenv("GF_MUTANT_SEEN"), *test = getenv("GF_MUTANT_TEST");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct stat st;
	void *map;

	if (number)
		flipped = atoi(number);
	if (test && cmocka_set_test_filter)
		cmocka_set_test_filter(test);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		seen = map == MAP_FAILED ? NULL : map;
	}
	if (fd >= 0)
		(void)close(fd);
}

bool gf_mutant(int number, bool condition)
{
	if (seen)
		seen[number] = 1;
	return condition != (number == flipped);
}
