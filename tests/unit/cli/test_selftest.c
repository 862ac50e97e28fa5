/* The self test fails where the program would: without a place to write, without random bytes. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, the way to a generator that fails */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/rand.h>

#include "cli/cli.h"

static char dir[] = "/tmp/gf-cli-XXXXXX";

static int enter(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL && setenv("TMPDIR", dir, 1) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	return rmdir(dir); /* the tests leave nothing in it */
}

/* What it prints. */
static bool run(char *out, size_t cap, gf_error *err)
{
	FILE *f = fmemopen(out, cap, "w");
	bool ok;

	assert_non_null(f);
	*err = (gf_error){ 0 };
	ok = gf_self_test(f, err);
	assert_int_equal(fclose(f), 0);
	return ok;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part)) != NULL) {
		n++;
		text += strlen(part);
	}
	return n;
}

static void it_passes(void **state)
{
	char out[4096] = "";
	gf_error err;

	(void)state;
	assert_true(run(out, sizeof out, &err));
	assert_int_equal(count(out, "ok  "), 6);
	assert_int_equal(count(out, "NOT OK"), 0);
}

static void no_place_to_write(void **state)
{
	char out[4096] = "";
	gf_error err;

	(void)state;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	assert_false(run(out, sizeof out, &err));
	setenv("TMPDIR", dir, 1);
	assert_string_equal(err.name, "self-test");
	assert_int_equal(err.class, GF_FAILED);
	assert_string_equal(out, "");
}

static int no_bytes(unsigned char *out, int n)
{
	(void)out;
	(void)n;
	return 0;
}

static int status(void)
{
	return 1;
}

/* The parts that need keys fail, the others do not, and the whole fails. */
static void no_random_bytes(void **state)
{
	static const RAND_METHOD none = { .bytes = no_bytes, .pseudorand = no_bytes, .status = status };
	const RAND_METHOD *usual = RAND_get_rand_method();
	char out[4096] = "";
	gf_error err;

	(void)state;
	assert_int_equal(RAND_set_rand_method(&none), 1);
	assert_false(run(out, sizeof out, &err));
	assert_int_equal(RAND_set_rand_method(usual), 1);
	assert_string_equal(err.name, "self-test");
	assert_int_equal(count(out, "NOT OK"), 3);
	assert_int_equal(count(out, "ok  "), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_passes),
		cmocka_unit_test(no_place_to_write),
		cmocka_unit_test(no_random_bytes),
	};

	return cmocka_run_group_tests_name("cli/selftest", tests, enter, leave);
}
