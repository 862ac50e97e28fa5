/* What is refused before and by the parser; JSONTestSuite by others. */
#define _XOPEN_SOURCE 700 /* realpath */

#include <dirent.h>
#include <sys/stat.h>

#include "json.h"
#include "tests/fuzz/plain.h"

static void assert_parses(const gf_buf *b)
{
	gf_error err;
	gf_json_doc *doc;

	assert_ok((doc = parse_n(b->data, b->len, &err)) != NULL, err);
	gf_json_free(doc);
}

/* A text that had to be refused so. */
static void assert_no(const void *text, size_t n, const char *name)
{
	gf_error err = { 0 };
	gf_json_doc *doc = parse_n(text, n, &err);

	if (doc != NULL)
		fail_msg("accepted: %.60s", (const char *)text);
	if (err.class != GF_DAMAGED || strcmp(err.name, name) != 0 || strcmp(err.object, NAME) != 0)
		fail_msg("%.60s: class %d name '%s' object '%s' (%s), expected '%s'", (const char *)text,
		    (int)err.class, err.name, err.object, err.text, name);
}

static void test_size(void **state)
{
	static const char text[] = "[1, 2, 3]";
	gf_error err;
	gf_json_doc *doc;

	(void)state;
	assert_ok((doc = gf_json_parse(text, 9, 9, GF_USAGE, "f", &err)) != NULL, err);
	gf_json_free(doc);
	assert_refused(gf_json_parse(text, 9, 8, GF_USAGE, "f", &err), err, GF_USAGE, "too-large");
	assert_string_equal(err.text, "'f' has 9 bytes, more than the 8 allowed here");
	assert_string_equal(err.object, "f");
	/* Only len bytes count. */
	assert_refused(gf_json_parse(text, 1, 9, GF_REFUSED, "f", &err), err, GF_REFUSED, "json");
}

static void test_depth(void **state)
{
	static const char *const open[] = { "[", "{\"k\":", "[{\"[[[[\":" };
	static const char *const close[] = { "]", "}", "}]" };
	static const size_t levels[] = { 1, 1, 2 };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(open); i++)
		for (size_t n = GF_JSON_DEPTH / levels[i]; n <= GF_JSON_DEPTH / levels[i] + 1; n++) {
			gf_buf b;

			gf_buf_init(&b, GF_MIB);
			puts_times(&b, open[i], n);
			puts_times(&b, "0", 1);
			puts_times(&b, close[i], n);
			if (n * levels[i] <= GF_JSON_DEPTH)
				assert_parses(&b);
			else
				assert_no(b.data, b.len, "json-limit");
			gf_buf_clear(&b);
		}
}

static void test_siblings_and_texts_are_no_depth(void **state)
{
	gf_buf b;

	(void)state;
	gf_buf_init(&b, GF_MIB);
	puts_times(&b, "[", 1);
	puts_times(&b, "[{}],", 1000);
	puts_times(&b, "\"\\\"", 1);
	puts_times(&b, "[{", 1000);
	puts_times(&b, "\"]", 1);
	assert_parses(&b);
	gf_buf_clear(&b);
}

/* All of them are one value an item or member; the root is one more. */
static void test_values(void **state)
{
	static const char *const kinds[] = { "7", "-1.5e3", "\"\"", "\"\\\\\\\",:[{\"", "{}", "[]", "null", "true" };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(kinds); i++)
		for (size_t members = 0; members < 2; members++)
			for (size_t n = GF_JSON_VALUES - 1; n <= GF_JSON_VALUES; n++) {
				gf_buf b;
				gf_error err;
				const char *item = kinds[i];

				gf_buf_init(&b, 8 * GF_MIB);
				puts_times(&b, members ? "{" : "[", 1);
				for (size_t j = 0; j < n; j++) {
					if (members)
						assert_true(gf_buf_printf(&b, &err, "\"%zu\" : ", j));
					puts_times(&b, item, 1);
					puts_times(&b, j + 1 < n ? "," : "", 1);
				}
				puts_times(&b, members ? "}" : "]", 1);
				if (n < GF_JSON_VALUES)
					assert_parses(&b);
				else
					assert_no(b.data, b.len, "json-limit");
				gf_buf_clear(&b);
			}
}

static void test_control_characters(void **state)
{
	(void)state;
	for (int c = 0; c < 0x21; c++) {
		char inside[] = "[\"a_b\"]", outside[] = "[1_,2]", behind[] = "[1]_", escaped[] = "[\"\\_\"]";
		bool space = c == '\t' || c == '\n' || c == '\r' || c == ' ';
		gf_buf b;
		gf_error err;

		inside[3] = outside[2] = behind[3] = escaped[3] = (char)c;
		assert_no(escaped, 6, "json");
		if (c < 0x20)
			assert_no(inside, 7, "json");
		gf_buf_init(&b, 100);
		assert_true(gf_buf_add(&b, outside, 6, &err));
		if (space)
			assert_parses(&b);
		else
			assert_no(outside, 6, "json");
		b.len = 0;
		assert_true(gf_buf_add(&b, behind, 4, &err));
		if (space)
			assert_parses(&b);
		else
			assert_no(behind, 4, "json");
		gf_buf_clear(&b);
	}
	gf_json_free(read_text("[\"\x7f\"]"));
}

static void test_malformed(void **state)
{
	static const char *const bad[] = { "", " ", "{", "}", "[", "]", "[1,]", "[,1]", "[1 2]", "{\"a\":1,}",
		"{\"a\"}", "{\"a\":}", "{a:1}", "{1:1}", "{'a':1}", "nul", "True", "NaN", "[Infinity]", "01", "-", "+1",
		"1.", ".5", "1e", "0x1", "1e999", "9223372036854775808", "-9223372036854775809", "'a'", "\"", "\"a",
		"\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "[1] x", "[1][2]", "1 2",
		"\xef\xbb\xbf[]", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "// c\n1",
		"/* c */ 1", "{\"\\u0000\":1}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}",
		"[{\"x\":{\"b\":[],\"c\":0,\"b\":1}}]", "{\"\":1,\"\":2}" };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++)
		assert_no(bad[i], strlen(bad[i]), "json");
	/* jansson 2.14 takes a NUL behind a number for its end. */
	assert_no("1\0", 2, "json");
	assert_no("[1\0]", 4, "json");
	assert_no("\"a\"\0", 4, "json");
	/* The same key in two objects is no duplicate; case makes two. */
	gf_json_free(read_text("[{\"a\":{\"a\":1}},{\"a\":1,\"A\":2}]"));
	gf_json_free(read_text("\"a\\u0000b\""));
	gf_json_free(read_text("-0"));
}

/* Neither colours nor reordered text come to a terminal from what a message quotes. */
static void test_messages_are_escaped(void **state)
{
	static const char *const bad[] = { "[1,\n  \x7f]", "[1,\n  \xc2\x9b]", "[1,\n  x\xe2\x80\xae]",
		"{\"\x7f\":1,\n\"\x7f\":2}" };
	static const char *const shown[] = { "\\x7f", "\\u{9b}", "'", "\\x7f" };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		gf_error err;

		assert_refused(parse_n(bad[i], strlen(bad[i]), &err), err, GF_DAMAGED, "json");
		if (strncmp(err.text, "'the text' is not JSON, line 2 column ", 38) != 0 ||
		    strstr(err.text, shown[i]) == NULL)
			fail_msg("text %zu: %s", i, err.text);
		for (const char *c = err.text; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f || (unsigned char)*c > 0x7f)
				fail_msg("text %zu: byte 0x%02x in the message", i, (unsigned char)*c);
	}
}

/* ---- without a document ---- */

static void test_plain_takes_what_is_written(void **state)
{
	gf_json_plain m[GF_JSON_PLAIN_MAX];
	gf_json_out o;
	gf_error err;
	gf_buf b;
	size_t n;

	(void)state;
	gf_buf_init(&b, GF_MIB);
	gf_json_begin(&o, &b, 0, &err);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "text", "a b/c,:{}[]~");
	gf_json_put(&o, "", "");
	gf_json_put_u64(&o, "zero", 0);
	gf_json_put_u64(&o, "most", ((uint64_t)1 << 53) - 1);
	gf_json_put_bool(&o, "yes", true);
	gf_json_put_bool(&o, "no", false);
	gf_json_close(&o, '}');
	assert_true(gf_json_end(&o));
	assert_true(plain_agrees(b.data, b.len));
	assert_true(gf_json_plain_read(b.data, b.len, m, &n));
	assert_int_equal(n, 6);
	assert_int_equal(m[0].n, 12);
	assert_int_equal(m[3].integer, ((uint64_t)1 << 53) - 1);
	assert_true(m[4].type == GF_JSON_OTHER && m[4].flag && !m[5].flag);
	gf_buf_clear(&b);
}

/* Left to gf_json_parse, whether that takes it or not. */
static void test_plain_leaves_the_rest(void **state)
{
	static const char *const rest[] = { "", "{", "{}", "[]", "1", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
		"{\"a\":1}}", "{\"a\":1} ", " {\"a\":1}", "{\"a\": 1}", "{\"a\" :1}", "{ \"a\":1}", "{\"a\":1 }",
		"{\"a\":1\n}", "{\"a\":01}", "{\"a\":-1}", "{\"a\":1.0}", "{\"a\":1e1}", "{\"a\":9007199254740992}",
		"{\"a\":99999999999999999}", "{\"a\":18446744073709551617}", "{\"a\":}", "{\"a\":null}", "{\"a\":tru}",
		"{\"a\":truee}", "{\"a\":falsy}", "{\"a\":t", "{\"a\":[]}", "{\"a\":{}}", "{\"a\"}", "{\"a\":\"b}",
		"{\"a\":\"\\\"\"}", "{\"a\":\"\\u0041\"}", "{\"a\":\"\t\"}", "{\"a\":\"\x7f\"}", "{\"a\":\"\xc3\xb6\"}",
		"{\"\xc3\xb6\":1}", "{\"a\\u0041\":1}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{a:1}",
		"{\"a\"=1}", "{\"a\":1;\"b\":2}", "{\"a\":1,,\"b\":2}", "{,\"a\":1}" };
	gf_json_plain m[GF_JSON_PLAIN_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rest); i++)
		if (gf_json_plain_read(rest[i], strlen(rest[i]), m, &n))
			fail_msg("taken: %s", rest[i]);
	assert_false(gf_json_plain_read("{\"a\":\"b\0c\"}", 11, m, &n));
}

static void test_plain_members(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	for (size_t members = GF_JSON_PLAIN_MAX; members <= GF_JSON_PLAIN_MAX + 1; members++) {
		gf_buf_init(&b, GF_MIB);
		for (size_t i = 0; i < members; i++)
			assert_true(gf_buf_printf(&b, &err, "%s\"%zu\":%zu", i == 0 ? "{" : ",", i, i));
		puts_times(&b, "}", 1);
		assert_int_equal(plain_agrees(b.data, b.len), members == GF_JSON_PLAIN_MAX);
		gf_buf_clear(&b);
	}
}

/* Every byte of a text, every other byte in its place; and the text cut short there. */
static void test_plain_neighbours(void **state)
{
	char text[] = "{\"a\":\"t\",\"b\":10,\"c\":9007199254740991,\"d\":true,\"e\":false}";
	size_t n = sizeof text - 1, taken = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char was = text[i];

		assert_false(plain_agrees(text, i));
		for (int c = 0; c < 256; c++) {
			text[i] = (char)c;
			taken += plain_agrees(text, n);
		}
		text[i] = was;
	}
	assert_true(taken > n && taken < 256 * n / 8); /* other letters and digits, and itself each time */
}

/* ---- JSONTestSuite ---- */

/* What RFC 8259 allows and we do not. */
static const struct {
	const char *file, *why;
} exceptions[] = {
	{ "y_object_duplicated_key.json", "duplicate keys are refused" },
	{ "y_object_duplicated_key_and_value.json", "duplicate keys are refused" },
	{ "y_object_escaped_null_in_key.json", "a key has no NUL" },
};

static bool excepted(const char *file)
{
	for (size_t i = 0; i < TESTS_OF(exceptions); i++)
		if (strcmp(exceptions[i].file, file) == 0)
			return true;
	return false;
}

/* y_: accepted but for the exceptions; n_: refused, and the refusal explains itself; i_: free. */
static bool judge(const char *file, size_t counts[2])
{
	char path[512];
	gf_buf b;
	gf_error err = { 0 };
	gf_json_doc *doc;
	bool accepted, good = true;

	(void)snprintf(path, sizeof path, "test_parsing/%s", file);
	gf_buf_init(&b, GF_MIB);
	assert_ok(gf_file_load(path, GF_MIB, GF_FAILED, &b, &err), err);
	doc = parse_n(gf_buf_text(&b), b.len, &err);
	accepted = doc != NULL;
	(void)plain_agrees(gf_buf_text(&b), b.len);
	if (file[0] == 'y') {
		counts[0]++;
		good = accepted != excepted(file);
	} else if (file[0] == 'n') {
		counts[1]++;
		good = !accepted && err.class == GF_DAMAGED &&
		    (strcmp(err.name, "json") == 0 || strcmp(err.name, "json-limit") == 0);
	}
	if (!good)
		print_error("%s %s %s\n", file, accepted ? "accepted" : "refused", accepted ? "" : err.text);
	gf_json_free(doc);
	gf_buf_clear(&b);
	return good;
}

static void test_json_test_suite(void **state)
{
	const char *const argv[] = { "tar", "--zstd", "-xf", *state, NULL };
	gf_process p = { .argv = argv, .seconds = 60 };
	size_t counts[2] = { 0 }, wrong = 0;
	struct stat st;
	struct dirent *e;
	gf_error err;
	int status = -1;
	DIR *d;

	if (stat(*state, &st) != 0)
		skip();
	assert_ok(gf_process_run(&p, NULL, &status, &err), err);
	assert_int_equal(status, 0);
	d = opendir("test_parsing");
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && !judge(e->d_name, counts))
			wrong++;
	(void)closedir(d);
	assert_int_equal(wrong, 0);
	assert_int_equal(counts[0], 95);
	assert_int_equal(counts[1], 188);
}

/* GF_VECTORS may be relative to where the test was started. */
static int enter_with_vectors(void **state)
{
	static char suite[4096];
	const char *from = getenv("GF_VECTORS");
	char *path = realpath(from != NULL ? from : "../shared/vectors", NULL);

	(void)snprintf(suite, sizeof suite, "%s/JSONTestSuite.tar.zst", path != NULL ? path : "/nonexistent");
	free(path);
	*state = suite;
	return enter(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_siblings_and_texts_are_no_depth),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_messages_are_escaped),
		cmocka_unit_test(test_plain_takes_what_is_written),
		cmocka_unit_test(test_plain_leaves_the_rest),
		cmocka_unit_test(test_plain_members),
		cmocka_unit_test(test_plain_neighbours),
		cmocka_unit_test(test_json_test_suite),
	};

	return cmocka_run_group_tests(tests, enter_with_vectors, leave);
}
