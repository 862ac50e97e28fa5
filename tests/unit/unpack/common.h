/* What the tests of unpack/ share: failures in words, small manifests, a directory of their own. */
#ifndef GF_TESTS_UNPACK_COMMON_H
#define GF_TESTS_UNPACK_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "unpack/retag.h"

#define TESTS_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Fail the test with the error's own words. */
#define need(call)                                                                                                     \
	do {                                                                                                           \
		if (!(call))                                                                                           \
			fail_msg("%s: %s: %s", #call, err.name, err.text);                                             \
	} while (0)

/* It must fail, with this class and name, and with these words in its sentence. */
#define fails(call, c, n, words)                                                                                       \
	do {                                                                                                           \
		memset(&err, 0, sizeof err);                                                                           \
		if (call)                                                                                              \
			fail_msg("%s was taken", #call);                                                               \
		assert_string_equal(err.name, n);                                                                      \
		assert_int_equal(err.class, c);                                                                        \
		if (strstr(err.text, words) == NULL)                                                                   \
			fail_msg("'%s' is not in: %s", words, err.text);                                               \
	} while (0)

static char dir[] = "/tmp/gf-unpack-XXXXXX";

static inline int enter(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
	gf_error err;

	(void)state;
	return chdir("/") == 0 && gf_dir_remove(dir, &err) ? 0 : -1;
}

static inline gf_digest digest_of(const void *bytes, size_t n)
{
	gf_error err = { 0 };
	gf_digest d;

	need(gf_hash_bytes(bytes, n, &d, &err));
	return d;
}

#endif
