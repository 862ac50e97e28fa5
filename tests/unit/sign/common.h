/* What the tests of sign/ share: a directory of their own, a shell, files. */
#ifndef GF_TESTS_SIGN_COMMON_H
#define GF_TESTS_SIGN_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sign/sign.h"

static char dir[] = "/tmp/gf-sign-XXXXXX";

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

/* The exit status of a shell command, run in the directory. */
static inline int sh(const char *command)
{
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	gf_process p = { .argv = argv, .seconds = 60 };
	gf_error err;
	int status = -1;

	if (!gf_process_run(&p, NULL, &status, &err))
		fail_msg("%s: %s", command, err.text);
	return status;
}

static inline void put(const char *path, const void *bytes, size_t n)
{
	gf_error err;

	if (!gf_file_store(path, 0600, bytes, n, &err))
		fail_msg("%s", err.text);
}

static inline void get(const char *path, gf_buf *out)
{
	gf_error err;

	gf_buf_init(out, GF_STATEMENT_MAX);
	if (!gf_file_load(path, GF_STATEMENT_MAX, GF_FAILED, out, &err))
		fail_msg("%s", err.text);
}

static inline gf_pubkey *load(const char *path)
{
	gf_error err;
	gf_pubkey *k = gf_pubkey_load(path, &err);

	if (k == NULL)
		fail_msg("%s: %s", err.name, err.text);
	return k;
}

/* The key is encrypted, and there is no terminal and no other way to ask. */
static inline void nobody_to_ask(const char *path)
{
	gf_error err = { 0 };
	bool plain;

	assert_null(gf_signer_open(path, NULL, &plain, &err));
	assert_string_equal(err.name, "passphrase");
	assert_int_equal(err.class, GF_USAGE);
	assert_non_null(strstr(err.text, "nobody to ask"));
}

#endif
