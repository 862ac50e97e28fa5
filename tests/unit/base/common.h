/* What the tests of base/ share: a directory of their own, checks of errors, bytes that repeat. */
#ifndef GF_TESTS_BASE_COMMON_H
#define GF_TESTS_BASE_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

#define TESTS_OF(array) (sizeof(array) / sizeof(array)[0])

static char dir[] = "/tmp/gf-base-XXXXXX";

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

/* For tests that ask for more memory than there is: the answer under ASan is NULL too. */
#define ASAN_MAY_RETURN_NULL                                                                                           \
	const char *__asan_default_options(void);                                                                      \
	const char *__asan_default_options(void)                                                                       \
	{                                                                                                              \
		return "allocator_may_return_null=1";                                                                  \
	}

/* A call that had to succeed. */
#define assert_ok(call, err)                                                                                           \
	do {                                                                                                           \
		if (!(call))                                                                                           \
			fail_msg("%s: %s: %s", #call, (err).name, (err).text);                                         \
	} while (0)

/* A call that had to fail with this class and name. */
#define assert_refused(call, err, wanted_class, wanted_name)                                                           \
	do {                                                                                                           \
		memset(&(err), 0, sizeof(err));                                                                        \
		if (call)                                                                                              \
			fail_msg("%s succeeded", #call);                                                               \
		if ((err).class != (wanted_class) || strcmp((err).name, (wanted_name)) != 0)                           \
			fail_msg("%s: class %d name '%s' (%s), expected %d '%s'", #call, (int)(err).class, (err).name, \
			    (err).text, (int)(wanted_class), (wanted_name));                                           \
	} while (0)

/* n bytes that look random and are the same in every run (xorshift64*). */
static inline void noise(void *out, size_t n, uint64_t seed)
{
	unsigned char *p = out;
	uint64_t x = seed * 2685821657736338717u + 1;

	for (size_t i = 0; i < n; i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		p[i] = (unsigned char)((x * 2685821657736338717u) >> 56);
	}
}

#endif
