/* What the tests of remote/ share: cmocka, a directory of their own, the servers of tests/lib. */
#ifndef GF_TESTS_REMOTE_COMMON_H
#define GF_TESTS_REMOTE_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "remote/remote.h"

static char dir[64] = "/tmp/gf-remote-XXXXXX";

/* The exit status of a bash command that has the functions of tests/lib/servers.sh.  Run from the root of the tree. */
__attribute__((format(printf, 1, 2))) static inline int sh(const char *fmt, ...)
{
	char text[2048];
	size_t n;
	va_list ap;
	const char *argv[] = { "bash", "-c", text, NULL };
	gf_process p = { .argv = argv, .seconds = 150 };
	gf_error err;
	int status = -1;

	n = (size_t)snprintf(text, sizeof text, ". tests/lib/servers.sh && ");
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - n, fmt, ap);
	va_end(ap);
	if (!gf_process_run(&p, NULL, &status, &err))
		fail_msg("%s: %s", text, err.text);
	return status;
}

static inline void load_text(const char *name, char *out, size_t cap)
{
	char path[256];
	gf_error err;
	gf_buf b;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	gf_buf_init(&b, cap - 1);
	if (!gf_file_load(path, cap - 1, GF_FAILED, &b, &err))
		fail_msg("%s", err.text);
	snprintf(out, cap, "%s", gf_buf_text(&b));
	gf_buf_clear(&b);
}

static inline bool has_text(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define check_ok(call)                                                                                                 \
	do {                                                                                                           \
		if (!(call))                                                                                           \
			fail_msg("%s: %s: %s", #call, err.name, err.text);                                             \
	} while (0)
#define check_fails(call, want)                                                                                        \
	do {                                                                                                           \
		if (call)                                                                                              \
			fail_msg("%s succeeded", #call);                                                               \
		if (strcmp(err.name, want) != 0)                                                                       \
			fail_msg("%s: %s instead of %s: %s", #call, err.name, want, err.text);                         \
	} while (0)

/* DIR/what, with its directories. */
static inline void put_below(const char *what, const char *text, mode_t mode)
{
	char path[1024], *slash;
	gf_error err;

	snprintf(path, sizeof path, "%s/%s", dir, what);
	slash = strrchr(path, '/');
	*slash = '\0';
	check_ok(gf_dir_make(path, 0700, &err));
	*slash = '/';
	check_ok(gf_file_store(path, mode, text, strlen(text), &err));
}

#endif
