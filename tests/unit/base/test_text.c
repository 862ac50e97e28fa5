#include "common.h"

/* RFC 3629 section 4 by enumeration: every scalar value is what it decodes to, nothing else decodes. */
static void test_utf8_every_character(void **state)
{
	uint32_t got;

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char s[4];
		size_t n;

		if (c < 0x80) {
			s[0] = (char)c;
			n = 1;
		} else if (c < 0x800) {
			s[0] = (char)(0xc0 | c >> 6);
			s[1] = (char)(0x80 | (c & 63));
			n = 2;
		} else if (c < 0x10000) {
			s[0] = (char)(0xe0 | c >> 12);
			s[1] = (char)(0x80 | (c >> 6 & 63));
			s[2] = (char)(0x80 | (c & 63));
			n = 3;
		} else {
			s[0] = (char)(0xf0 | c >> 18);
			s[1] = (char)(0x80 | (c >> 12 & 63));
			s[2] = (char)(0x80 | (c >> 6 & 63));
			s[3] = (char)(0x80 | (c & 63));
			n = 4;
		}
		got = ~0u;
		if (c >= 0xd800 && c <= 0xdfff) {
			assert_int_equal(gf_utf8_decode(s, n, &got), 0);
			continue;
		}
		if (gf_utf8_decode(s, n, &got) != n || got != c)
			fail_msg("U+%04X decodes to U+%04X", c, got);
		if (n > 1 && gf_utf8_decode(s, n - 1, &got) != 0)
			fail_msg("U+%04X cut short decodes", c);
	}
}

static void test_utf8_refused(void **state)
{
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
		"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "\xc3(",
		"\xe2\x28\xa1", "\xe2\x82(", "\xf0\x28\x8c\xbc", "\xf0\x90\x28\xbc", "\xf0\x28\x8c\x28" };
	uint32_t c;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		assert_int_equal(gf_utf8_decode(bad[i], strlen(bad[i]), &c), 0);
	assert_int_equal(gf_utf8_decode("a", 0, &c), 0);
}

static void test_escape(void **state)
{
	static const struct {
		const char *in, *out;
		size_t max;
	} rows[] = {
		{ "plain text \\ stays", "plain text \\ stays", 100 },
		{ "gr\xc3\xb6\xc3\x9f"
		  "e \xe6\x97\xa5 \xf0\x9f\x9a\x80",
		    "gr\xc3\xb6\xc3\x9f"
		    "e \xe6\x97\xa5 \xf0\x9f\x9a\x80",
		    100 },
		{ "\x1b[31mred\x07\n\t\r\x7f", "\\x1b[31mred\\x07\\x0a\\x09\\x0d\\x7f", 100 },
		{ "\xc2\x9b"
		  "31m",
		    "\\u{9b}31m", 100 }, /* C1 CSI */
		{ "\x9b"
		  "31m",
		    "\\x9b"
		    "31m",
		    100 }, /* the same as a bare byte */
		{ "a\xe2\x80\xae"
		  "b",
		    "a\\u{202e}b", 100 }, /* right-to-left override */
		{ "a\xe2\x81\xa6"
		  "b",
		    "a\\u{2066}b", 100 },
		{ "a\xe2\x80\x8b"
		  "b",
		    "a\\u{200b}b", 100 }, /* zero width space */
		{ "\xef\xbb\xbf", "\\u{feff}", 100 },
		{ "\xe2\x80\xa8", "\\u{2028}", 100 },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}", 100 },  /* tag letter */
		{ "\xf4\x8f\xbf\xbf", "\\u{10ffff}", 100 }, /* noncharacter */
		{ "\xef\xbf\xbe", "\\u{fffe}", 100 },
		{ "\xc3", "\\xc3", 100 },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", 100 }, /* surrogate */
		{ "abcdef", "abc...", 3 },
		{ "abc", "abc", 3 },
		{ "ab\xc3\xb6", "ab...", 3 }, /* no half character */
		{ "ab\x01", "ab...", 5 },
		{ "ab\x01", "ab\\x01", 6 },
		{ "a", "...", 0 },
		{ "", "", 0 },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		gf_buf b;

		gf_buf_init(&b, 1000);
		assert_ok(gf_text_escape(&b, rows[i].in, rows[i].max, &err), err);
		assert_string_equal(gf_buf_text(&b), rows[i].out);
		gf_buf_clear(&b);
	}
}

/* Whatever comes in, no byte goes out that a terminal obeys, and it is UTF-8. */
static void test_escape_is_safe(void **state)
{
	gf_error err;

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		char in[64];
		gf_buf b;

		noise(in, sizeof in, seed);
		in[sizeof in - 1] = '\0';
		gf_buf_init(&b, 1000);
		assert_ok(gf_text_escape(&b, in, 999, &err), err);
		for (size_t i = 0; i < b.len;) {
			uint32_t c = 0;
			size_t n = gf_utf8_decode(b.data + i, b.len - i, &c);

			assert_true(n > 0);
			assert_true(c >= 0x20 && (c < 0x7f || c > 0x9f));
			i += n;
		}
		gf_buf_clear(&b);
	}
}

static void test_escape_keeps_to_its_buffer(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	gf_buf_init(&b, 4);
	assert_refused(gf_text_escape(&b, "abcdefgh", 100, &err), err, GF_DAMAGED, "too-large");
	gf_buf_clear(&b);
}

static void test_size(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = { { 0, "0 B" }, { 999, "999 B" }, { 1000, "1.0 kB" }, { 1049, "1.0 kB" }, { 1050, "1.1 kB" },
		{ 1234, "1.2 kB" }, { 999949, "999.9 kB" }, { 999950, "1.0 MB" }, { 378100000, "378.1 MB" },
		{ 4000000000u, "4.0 GB" }, { 999949999999u, "999.9 GB" }, { 999950000000u, "1.0 TB" },
		{ UINT64_MAX, "18.4 EB" } };
	char out[GF_SIZE_TEXT];

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		gf_size_text(rows[i].n, out);
		assert_string_equal(out, rows[i].text);
	}
}

static void test_u64(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "01", "00", "0x1", "1a", "18446744073709551616",
		"99999999999999999999999", "1.0", "\xd9\xa1" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		assert_false(gf_u64_parse(bad[i], UINT64_MAX, &v));
	assert_int_equal(v, 7);
	assert_true(gf_u64_parse("0", 0, &v) && v == 0);
	assert_true(gf_u64_parse("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
	assert_true(gf_u64_parse("100", 100, &v) && v == 100);
	assert_false(gf_u64_parse("101", 100, &v));
}

static void test_name(void **state)
{
	static const char *const good[] = { "a", "0", "shop", "site-a", "a.b_c-d", "a--", "a.." };
	static const char *const bad[] = { "", "-a", ".a", "_a", "A", "a b", "a/b", "\xc3\xb6", "a\n", ".." };
	char text[67];

	(void)state;
	for (size_t i = 0; i < TESTS_OF(good); i++)
		assert_true(gf_name_valid(good[i]));
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		assert_false(gf_name_valid(bad[i]));
	memset(text, 'a', sizeof text);
	text[65] = '\0';
	assert_false(gf_name_valid(text));
	text[64] = '\0';
	assert_true(gf_name_valid(text));
}

static void test_prefix_and_suffix(void **state)
{
	(void)state;
	assert_true(gf_starts_with("docker://x", "docker://"));
	assert_true(gf_starts_with("x", ""));
	assert_false(gf_starts_with("dock", "docker"));
	assert_true(gf_ends_with("a.tar", ".tar"));
	assert_true(gf_ends_with("", ""));
	assert_false(gf_ends_with("tar", ".tar"));
}

/* The plain definition, with all its backtracking. */
static bool slow_match(const char *p, const char *t)
{
	if (*p == '\0')
		return *t == '\0';
	if (*p == '*') {
		bool deep = p[1] == '*';
		const char *rest = p;

		while (*rest == '*')
			rest++;
		for (;; t++) {
			if (slow_match(rest, t))
				return true;
			if (*t == '\0' || (*t == '/' && !deep))
				return false;
		}
	}
	return *p == *t && slow_match(p + 1, t + 1);
}

static void spell(unsigned code, size_t n, const char *letters, char *out)
{
	unsigned base = (unsigned)strlen(letters);

	for (size_t i = 0; i < n; i++) {
		out[i] = letters[code % base];
		code /= base;
	}
	out[n] = '\0';
}

/* All patterns of up to 6 of "ab*" and "/" against all texts of up to 5 of "ab/". */
static void test_glob_against_definition(void **state)
{
	(void)state;
	for (size_t pn = 0; pn <= 6; pn++)
		for (unsigned pc = 0; pc < 1u << (2 * pn); pc++) {
			char p[8], t[8];

			spell(pc, pn, "ab*/", p);
			for (size_t tn = 0; tn <= 5; tn++) {
				unsigned end = 1;

				for (size_t i = 0; i < tn; i++)
					end *= 3;
				for (unsigned tc = 0; tc < end; tc++) {
					spell(tc, tn, "ab/", t);
					if (gf_glob_match(p, t) != slow_match(p, t))
						fail_msg("'%s' on '%s'", p, t);
				}
			}
		}
}

static void test_glob_examples(void **state)
{
	char text[4001];

	(void)state;
	assert_true(gf_glob_match("docker.io/acme/*", "docker.io/acme/app"));
	assert_false(gf_glob_match("docker.io/acme/*", "docker.io/acme/team/app"));
	assert_true(gf_glob_match("docker.io/**", "docker.io/acme/team/app"));
	assert_true(gf_glob_match("**", ""));
	assert_true(gf_glob_match("**", "a/b/c"));
	assert_false(gf_glob_match("", "a"));
	/* What takes naive matchers for ever. */
	memset(text, 'a', 4000);
	text[4000] = '\0';
	assert_false(gf_glob_match("*a*a*a*a*a*a*a*a*a*a*b", text));
	assert_false(gf_glob_match("**a**a**a**a**a**a**a**a**b", text));
}

static void test_edit_distance(void **state)
{
	char longer[200];

	(void)state;
	assert_int_equal(gf_edit_distance("", ""), 0);
	assert_int_equal(gf_edit_distance("", "abc"), 3);
	assert_int_equal(gf_edit_distance("kitten", "sitting"), 3);
	assert_int_equal(gf_edit_distance("images", "imgaes"), 2);
	assert_int_equal(gf_edit_distance("flaw", "lawn"), 2);
	memset(longer, 'a', sizeof longer);
	longer[199] = '\0';
	assert_int_equal(gf_edit_distance(longer, longer), 0);
	assert_true(gf_edit_distance(longer, "a") > 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_every_character),
		cmocka_unit_test(test_utf8_refused),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_is_safe),
		cmocka_unit_test(test_escape_keeps_to_its_buffer),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_prefix_and_suffix),
		cmocka_unit_test(test_glob_against_definition),
		cmocka_unit_test(test_glob_examples),
		cmocka_unit_test(test_edit_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
