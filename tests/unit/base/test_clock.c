#include <time.h>

#include "common.h"

/* gmtime of the C library is the second opinion, over every day and beyond. */
static void test_print_and_parse(void **state)
{
	(void)state;
	for (gf_time t = 0; t <= 8589934591; t += 43199) {
		char text[GF_TIME_SIZE], want[32];
		time_t c = (time_t)t;
		struct tm tm;
		gf_time back = -1;

		assert_non_null(gmtime_r(&c, &tm));
		assert_true(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
		gf_time_print(t, text);
		assert_string_equal(text, want);
		assert_true(gf_time_parse(text, &back));
		assert_int_equal(back, t);
	}
}

static void test_edges(void **state)
{
	char text[GF_TIME_SIZE];
	gf_time t;

	(void)state;
	assert_true(gf_time_parse("1970-01-01T00:00:00Z", &t) && t == 0);
	assert_true(gf_time_parse("2000-02-29T23:59:59Z", &t) && t == 951868799);
	assert_true(gf_time_parse("2026-11-23T01:02:03Z", &t) && t == 1795395723);
	assert_true(gf_time_parse("2242-03-16T12:56:31Z", &t) && t == 8589934591);
	assert_false(gf_time_parse("2242-03-16T12:56:32Z", &t));
	gf_time_print(-5, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	gf_time_print(INT64_MAX, text);
	assert_string_equal(text, "2242-03-16T12:56:31Z");
	assert_true(gf_now() > 1700000000);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "", "2026-11-23", "2026-11-23T01:02:03", "2026-11-23T01:02:03z",
		"2026-11-23 01:02:03Z", "2026-11-23T01:02:03+00:00", "2026-11-23T01:02:03.0Z", " 2026-11-23T01:02:03Z",
		"2026-11-23T01:02:03Z ", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-12-31T23:59:60Z", "1969-12-31T23:59:59Z", "+026-01-01T00:00:00Z",
		"2026-1--01T00:00:00Z", "20260-01-01T00:00:0Z", "2026/01/01T00:00:00Z" };
	gf_time t = 42;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		if (gf_time_parse(bad[i], &t))
			fail_msg("'%s' is accepted", bad[i]);
	assert_int_equal(t, 42);
	assert_true(gf_time_parse("2000-02-29T00:00:00Z", &t));
	assert_true(gf_time_parse("2028-02-29T00:00:00Z", &t));
}

static void test_duration(void **state)
{
	static const char *const bad[] = { "", "d", "90", "90w", "-1d", "+1d", "01d", "1.5h", "1 d", "9d ", "90D",
		"99999999999999999999d", "9999999999s" };
	int64_t s = 7;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		if (gf_duration_parse(bad[i], &s))
			fail_msg("'%s' is accepted", bad[i]);
	assert_int_equal(s, 7);
	assert_true(gf_duration_parse("90d", &s) && s == 90 * 86400);
	assert_true(gf_duration_parse("12h", &s) && s == 12 * 3600);
	assert_true(gf_duration_parse("30m", &s) && s == 1800);
	assert_true(gf_duration_parse("45s", &s) && s == 45);
	assert_true(gf_duration_parse("0d", &s) && s == 0);
	assert_true(gf_duration_parse("8589934591s", &s) && s == 8589934591);
	assert_false(gf_duration_parse("8589934592s", &s));
}

static void test_when(void **state)
{
	static const char *const bad[] = { "", "0d", "tomorrow", "2027-02-30", "2027-5-23", "2027-05-23T", "36601d",
		"-1d" };
	gf_time t;

	(void)state;
	assert_true(gf_when_parse("2027-05-23", 5, &t) && t == 1811030400);
	assert_true(gf_when_parse("2027-05-23T00:00:01Z", 5, &t) && t == 1811030401);
	assert_true(gf_when_parse("90s", 5, &t) && t == 95);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (gf_when_parse(bad[i], 5, &t))
			fail_msg("accepted: '%s'", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_and_parse),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
