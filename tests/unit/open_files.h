/* How many files this process has open: a group of tests ends with as many as it began with. */
#ifndef GF_TESTS_OPEN_FILES_H
#define GF_TESTS_OPEN_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static size_t files_open; /* when the group began */

static inline size_t count_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* cmocka does not count a group that was left badly. */
static inline int left(bool well)
{
	if (well && count_files() == files_open)
		return 0;
	(void)fprintf(stderr, "left behind: %zu files are open, and were %zu before\n", count_files(), files_open);
	exit(EXIT_FAILURE);
}

#endif
