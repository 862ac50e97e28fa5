/* Vectors by others, where GF_VECTORS points (../shared/vectors): not part of the project. */
#ifndef GF_TESTS_VERIFY_VECTORS_H
#define GF_TESTS_VERIFY_VECTORS_H

#include "common.h"

/* GF_VECTORS may be relative to where the test was started: before enter. */
static inline bool find_vectors(void)
{
	const char *from = getenv("GF_VECTORS");
	char *path = realpath(from != NULL ? from : "../shared/vectors", NULL);
	bool ok = setenv("GF_VECTORS", path != NULL ? path : "/nonexistent", 1) == 0;

	free(path);
	return ok;
}

static inline bool have_vectors(const char *file)
{
	char path[4096];
	struct stat st;

	(void)snprintf(path, sizeof path, "%s/%s", getenv("GF_VECTORS"), file);
	return stat(path, &st) == 0;
}

/* The directory of a set, unpacked below ours; false: it is not on this machine. */
static inline bool unpack_vectors(const char *set)
{
	char command[8192], file[64];

	(void)snprintf(file, sizeof file, "%.50s.tar.zst", set);
	if (!have_vectors(file))
		return false;
	(void)snprintf(command, sizeof command, "mkdir %s && zstd -dc '%s/%s.tar.zst' | tar -xf - -C %s", set,
	    getenv("GF_VECTORS"), set, set);
	assert_int_equal(sh(command), 0);
	return true;
}

static inline void load(const char *path, gf_buf *out)
{
	gf_error err = { 0 };

	gf_buf_init(out, 4 * GF_MIB);
	need(gf_file_load(path, 4 * GF_MIB, GF_FAILED, out, &err));
}

static inline gf_json_doc *read_json(const char *path)
{
	gf_error err = { 0 };
	gf_json_doc *doc;
	gf_buf text;

	load(path, &text);
	need((doc = gf_json_parse(text.data, text.len, 4 * GF_MIB, GF_FAILED, path, &err)) != NULL);
	gf_buf_clear(&text);
	return doc;
}

#endif
