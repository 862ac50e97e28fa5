#include "common.h"

ASAN_MAY_RETURN_NULL

static void test_add(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	gf_buf_init(&b, 100);
	assert_string_equal(gf_buf_text(&b), "");
	assert_ok(gf_buf_add(&b, NULL, 0, &err), err);
	assert_ok(gf_buf_add(&b, "a\0b", 3, &err), err);
	assert_ok(gf_buf_puts(&b, "cd", &err), err);
	assert_ok(gf_buf_printf(&b, &err, "%s-%d", "e", 7), err);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "a\0bcde-7", 9);
	gf_buf_clear(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100);
	assert_ok(gf_buf_puts(&b, "again", &err), err);
	assert_string_equal(b.data, "again");
	gf_buf_clear(&b);
}

/* At the cap, and one above it: unchanged. */
static void test_cap(void **state)
{
	char text[201];
	gf_buf b;
	gf_error err;

	(void)state;
	memset(text, 'x', 200);
	text[200] = '\0';
	for (size_t max = 0; max < 200; max++) {
		gf_buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			assert_ok(gf_buf_add(&b, "y", 1, &err), err);
		assert_refused(gf_buf_add(&b, "z", 1, &err), err, GF_DAMAGED, "too-large");
		assert_refused(gf_buf_printf(&b, &err, "%s", "z"), err, GF_DAMAGED, "too-large");
		assert_int_equal(b.len, max);
		assert_int_equal(strlen(gf_buf_text(&b)), max);
		assert_true(b.room <= max + 1);
		gf_buf_clear(&b);
		assert_ok(gf_buf_add(&b, text, max, &err), err);
		assert_refused(gf_buf_add(&b, text, SIZE_MAX, &err), err, GF_DAMAGED, "too-large");
		gf_buf_clear(&b);
		assert_refused(gf_buf_add(&b, text, max + 1, &err), err, GF_DAMAGED, "too-large");
		assert_ok(gf_buf_printf(&b, &err, "%.*s", (int)max, text), err);
		assert_int_equal(b.len, max);
		gf_buf_clear(&b);
	}
}

static void test_boundless_cap_does_not_overflow(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	gf_buf_init(&b, SIZE_MAX);
	assert_ok(gf_buf_puts(&b, "a", &err), err);
	assert_refused(gf_buf_reserve(&b, SIZE_MAX, &err), err, GF_DAMAGED, "too-large");
	assert_refused(gf_buf_reserve(&b, b.max - 1, &err), err, GF_FAILED, "no-memory");
	gf_starved = false;
	assert_string_equal(b.data, "a");
	gf_buf_clear(&b);
}

static void test_reserve(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	gf_buf_init(&b, 1000);
	assert_ok(gf_buf_reserve(&b, 1000, &err), err);
	assert_true(b.room >= 1001);
	assert_string_equal(b.data, "");
	memset(b.data, 'q', 1000);
	b.len = 1000;
	assert_refused(gf_buf_reserve(&b, 1, &err), err, GF_DAMAGED, "too-large");
	gf_buf_clear(&b);
}

static void test_members(void **state)
{
	gf_error err;
	gf_member *m = gf_alloc(2, sizeof *m, &err);

	(void)state;
	m[0].name = gf_strdup("a", &err);
	gf_buf_init(&m[0].bytes, 10);
	assert_ok(gf_buf_puts(&m[0].bytes, "bytes", &err), err);
	gf_members_free(m, 2); /* the second was never filled */
	gf_members_free(NULL, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_boundless_cap_does_not_overflow),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
