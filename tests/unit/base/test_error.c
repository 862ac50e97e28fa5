#include <errno.h>

#include "common.h"

ASAN_MAY_RETURN_NULL

static void test_fail_fills_everything(void **state)
{
	gf_error err;

	(void)state;
	memset(&err, 0x5a, sizeof err);
	assert_false(gf_fail(&err, GF_REFUSED, "too-few", "prod", "%d of %d", 1, 2));
	assert_int_equal(err.class, GF_REFUSED);
	assert_int_equal(err.os_errno, 0);
	assert_string_equal(err.name, "too-few");
	assert_string_equal(err.object, "prod");
	assert_string_equal(err.text, "1 of 2");
	assert_false(gf_fail(&err, GF_FAILED, "x", NULL, "y"));
	assert_string_equal(err.object, "");
}

static void test_errno_is_kept_and_said(void **state)
{
	gf_error err;

	(void)state;
	errno = ENOSPC;
	assert_false(gf_fail_errno(&err, GF_FAILED, "write", "f", "writing '%s'", "f"));
	assert_int_equal(err.os_errno, ENOSPC);
	assert_string_equal(err.text, "writing 'f': No space left on device");
	errno = 99999;
	assert_false(gf_fail_errno(&err, GF_FAILED, "write", "f", "w"));
	assert_int_equal(err.os_errno, 99999);
	assert_non_null(strstr(err.text, "99999"));
}

static void test_context_goes_in_front(void **state)
{
	gf_error err;

	(void)state;
	gf_fail(&err, GF_DAMAGED, "json", "m", "bad");
	assert_false(gf_because(&err, "reading '%s'", "b.tar"));
	assert_false(gf_because(&err, "verify"));
	assert_string_equal(err.text, "verify: reading 'b.tar': bad");
	assert_string_equal(err.name, "json");
	assert_int_equal(err.class, GF_DAMAGED);
}

static void test_arguments_may_lie_in_the_error(void **state)
{
	gf_error err;

	(void)state;
	gf_fail(&err, GF_FAILED, "first", "object", "inner");
	gf_fail(&err, GF_DAMAGED, err.name, err.object, "%s, again %s", err.text, err.name);
	assert_string_equal(err.name, "first");
	assert_string_equal(err.object, "object");
	assert_string_equal(err.text, "inner, again first");
	gf_because(&err, "%s", err.object);
	assert_string_equal(err.text, "object: inner, again first");
}

static void test_long_text_is_cut(void **state)
{
	struct {
		gf_error err;
		char guard[8];
	} x;
	char text[4096];

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memset(x.guard, 'g', sizeof x.guard);
	errno = EIO;
	gf_fail_errno(&x.err, GF_FAILED, text, text, "%s", text);
	assert_int_equal(strlen(x.err.text), sizeof x.err.text - 1);
	assert_int_equal(strlen(x.err.name), sizeof x.err.name - 1);
	assert_int_equal(strlen(x.err.object), sizeof x.err.object - 1);
	gf_because(&x.err, "%s", text);
	gf_because(&x.err, "front");
	assert_int_equal(strlen(x.err.text), sizeof x.err.text - 1);
	assert_memory_equal(x.err.text, "front: aaaa", 11);
	assert_memory_equal(x.guard, "gggggggg", 8);
	/* The separator is cut at every place too. */
	for (size_t n = sizeof x.err.text - 8; n < sizeof x.err.text + 4; n++) {
		gf_fail(&x.err, GF_FAILED, "n", NULL, "tail");
		gf_because(&x.err, "%.*s", (int)n, text);
		assert_true(strlen(x.err.text) <= sizeof x.err.text - 1);
	}
}

static void test_alloc(void **state)
{
	gf_error err;
	char *p;

	(void)state;
	p = gf_alloc(3, 5, &err);
	assert_non_null(p);
	for (int i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	free(p);
	p = gf_alloc(0, 0, &err);
	assert_non_null(p);
	free(p);
	assert_refused(gf_alloc(SIZE_MAX / 2, 3, &err) != NULL, err, GF_FAILED, "no-memory");
	assert_refused(gf_strndup("", SIZE_MAX, &err) != NULL, err, GF_FAILED, "no-memory");
	gf_starved = false;
	p = gf_strndup("a\0b", 3, &err);
	assert_memory_equal(p, "a\0b", 4);
	free(p);
	p = gf_strdup("", &err);
	assert_string_equal(p, "");
	free(p);
}

static void test_grow(void **state)
{
	struct item {
		uint64_t a, b;
	} *items = NULL;
	size_t room = 0, huge = SIZE_MAX / 16;
	gf_error err;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		assert_ok(gf_grow(&items, &room, i, sizeof *items, &err), err);
		assert_true(room > i);
		assert_int_equal(items[i].a, 0); /* new items are zeroed */
		items[i].a = i;
		items[i].b = ~i;
	}
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(items[i].a, i);
		assert_int_equal(items[i].b, ~i);
	}
	assert_refused(gf_grow(&items, &huge, huge, sizeof *items, &err), err, GF_FAILED, "no-memory");
	assert_int_equal(items[999].a, 999);
	free(items);
	gf_starved = false;
}

/* What a library says that lacked memory is not told to the user as a verdict. */
static void test_starved_judges_nothing(void **state)
{
	gf_error err;
	void *p = gf_malloc(1);

	(void)state;
	assert_non_null(p);
	free(p);
	assert_false(gf_starved);
	assert_null(gf_malloc(PTRDIFF_MAX));
	assert_true(gf_starved);
	assert_refused(gf_fail(&err, GF_REFUSED, "signature", "x", "'x' does not fit"), err, GF_FAILED, "no-memory");
	assert_string_equal(err.text, "out of memory");
	errno = ENOENT;
	assert_refused(gf_fail_errno(&err, GF_USAGE, "open", "x", "'x'"), err, GF_FAILED, "no-memory");
	gf_starved = false;
	assert_refused(gf_fail(&err, GF_REFUSED, "signature", "x", "'x' does not fit"), err, GF_REFUSED, "signature");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_fills_everything),
		cmocka_unit_test(test_errno_is_kept_and_said),
		cmocka_unit_test(test_context_goes_in_front),
		cmocka_unit_test(test_arguments_may_lie_in_the_error),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_starved_judges_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
