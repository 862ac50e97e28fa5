/* YAML: the documents it makes, what is refused and at which line. */
#include "common.h"
#include "base/json_tree.h"

#define NAME "prod.yaml"

static gf_json_doc *read_text(const char *text)
{
	gf_error err;
	gf_json_doc *doc = gf_yaml_parse(text, strlen(text), NAME, &err);

	if (doc == NULL)
		fail_msg("%.60s: %s: %s", text, err.name, err.text);
	return doc;
}

static const char *string_of(gf_json v)
{
	const char *text = NULL;
	gf_error err;

	assert_ok(gf_json_text(v, &text, &err), err);
	return text;
}

/* Both styles, comments, quotes, block texts: values in order. */
static void test_document(void **state)
{
	gf_json_doc *doc = read_text("# where\n"
				     "environment: prod\n"
				     "targets:\n"
				     "  - registry: registry.prod.example:5000/shop\n"
				     "    ca-file: /etc/ca.pem       # beside it\n"
				     "  - docker-daemon: unix:///var/run/docker.sock\n"
				     "moving: [\"latest\", 'it''s', \"a\\tb\\u00e9\"]\n"
				     "'quoted key': {a: 1, b: [], c: {}}\n"
				     "folded: >-\n"
				     "  one\n"
				     "  two\n"
				     "lines: |\n"
				     "  one\n"
				     "  two\n");
	static const char *const keys[] = { "environment", "targets", "moving", "quoted key", "folded", "lines" };
	gf_json root = gf_json_root(doc), v, list;

	(void)state;
	assert_int_equal(gf_json_count(root), TESTS_OF(keys));
	for (size_t i = 0; i < TESTS_OF(keys); i++)
		assert_string_equal(gf_json_key_at(root, i, &v), keys[i]);
	assert_string_equal(string_of(gf_json_get(root, "environment")), "prod");
	list = gf_json_get(root, "targets");
	assert_int_equal(gf_json_count(list), 2);
	assert_int_equal(gf_json_count(gf_json_at(list, 0)), 2);
	assert_string_equal(string_of(gf_json_get(gf_json_at(list, 0), "registry")), "registry.prod.example:5000/shop");
	assert_string_equal(string_of(gf_json_get(gf_json_at(list, 0), "ca-file")), "/etc/ca.pem");
	assert_string_equal(
	    string_of(gf_json_get(gf_json_at(list, 1), "docker-daemon")), "unix:///var/run/docker.sock");
	list = gf_json_get(root, "moving");
	assert_int_equal(gf_json_count(list), 3);
	assert_string_equal(string_of(gf_json_at(list, 0)), "latest");
	assert_string_equal(string_of(gf_json_at(list, 1)), "it's");
	assert_string_equal(string_of(gf_json_at(list, 2)), "a\tb\xc3\xa9");
	v = gf_json_get(root, "quoted key");
	assert_int_equal(gf_json_count(v), 3);
	assert_int_equal(gf_json_typeof(gf_json_get(v, "a")), GF_JSON_STRING);
	assert_int_equal(gf_json_typeof(gf_json_get(v, "b")), GF_JSON_ARRAY);
	assert_int_equal(gf_json_typeof(gf_json_get(v, "c")), GF_JSON_OBJECT);
	assert_string_equal(string_of(gf_json_get(root, "folded")), "one two");
	assert_string_equal(string_of(gf_json_get(root, "lines")), "one\ntwo\n");
	gf_json_free(doc);
}

static void test_roots(void **state)
{
	gf_json_doc *doc = read_text("plain");

	(void)state;
	assert_string_equal(string_of(gf_json_root(doc)), "plain");
	gf_json_free(doc);
	doc = read_text("---\n- a\n...\n");
	assert_int_equal(gf_json_count(gf_json_root(doc)), 1);
	gf_json_free(doc);
	/* An empty document is null. */
	doc = read_text("---\n");
	assert_int_equal(gf_json_typeof(gf_json_root(doc)), GF_JSON_OTHER);
	gf_json_free(doc);
}

/* Nothing is guessed from how a scalar looks: no octal, no yes, no null, no date. */
static void test_scalars_are_text(void **state)
{
	static const char *const texts[] = { "010", "0x1f", "1e3", "yes", "No", "null", "~", "2026-11-23", "1.10",
		"true", "12:30:45", ".inf", "<<", "=" };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(texts); i++) {
		char text[64];
		gf_json_doc *doc;

		(void)snprintf(text, sizeof text, "k: %s", texts[i]);
		doc = read_text(text);
		assert_string_equal(string_of(gf_json_get(gf_json_root(doc), "k")), texts[i]);
		gf_json_free(doc);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} rows[] = { { "0", true, 0 }, { "7", true, 7 }, { "\"7\"", true, 7 },
		{ "9007199254740991", true, 9007199254740991 }, { "9007199254740992", false, 0 },
		{ "18446744073709551617", false, 0 }, { "07", false, 0 }, { "-1", false, 0 }, { "+1", false, 0 },
		{ "1.0", false, 0 }, { "1e3", false, 0 }, { "0x1", false, 0 }, { "1_000", false, 0 },
		{ "ten", false, 0 }, { "\" 7\"", false, 0 }, { "\"7\\0\"", false, 0 }, { "\"\"", false, 0 },
		{ "", false, 0 }, { "[7]", false, 0 }, { "{a: 7}", false, 0 } };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		char text[64];
		uint64_t n = 42, n_if = 42;
		gf_error err;
		gf_json_doc *doc;

		(void)snprintf(text, sizeof text, "a: 1\nk: %s\n", rows[i].text);
		doc = read_text(text);
		if (rows[i].ok) {
			assert_ok(gf_json_u64(gf_json_root(doc), "k", &n, &err), err);
			assert_ok(gf_json_u64_if(gf_json_root(doc), "k", &n_if, &err), err);
			assert_int_equal(n, rows[i].want);
			assert_int_equal(n_if, rows[i].want);
		} else {
			assert_refused(gf_json_u64(gf_json_root(doc), "k", &n, &err), err, GF_USAGE, "json-type");
			assert_int_equal(
			    strncmp(err.text, "'prod.yaml', line 2, column 1, k: expected an integer", 53), 0);
			assert_refused(gf_json_u64_if(gf_json_root(doc), "k", &n_if, &err), err, GF_USAGE, "json-type");
			assert_int_equal(n, 42);
			assert_int_equal(n_if, 42);
		}
		gf_json_free(doc);
	}
}

static void test_booleans(void **state)
{
	static const char *const bad[] = { "yes", "no", "on", "True", "TRUE", "1", "\" true\"", "\"true\\0\"", "\"\"",
		"", "[]" };
	gf_json_doc *doc = read_text("t: true\nf: false\nq: \"true\"\n");
	bool t = false, f = true, q = false, absent = true;
	gf_error err;

	(void)state;
	assert_ok(gf_json_bool_if(gf_json_root(doc), "t", &t, &err), err);
	assert_ok(gf_json_bool_if(gf_json_root(doc), "f", &f, &err), err);
	assert_ok(gf_json_bool_if(gf_json_root(doc), "q", &q, &err), err);
	assert_ok(gf_json_bool_if(gf_json_root(doc), "none", &absent, &err), err);
	assert_true(t && !f && q && absent);
	gf_json_free(doc);
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "k: %s\n", bad[i]);
		doc = read_text(text);
		if (gf_json_bool_if(gf_json_root(doc), "k", &t, &err))
			fail_msg("%s is a boolean", bad[i]);
		assert_string_equal(err.name, "json-type");
		assert_int_equal(err.class, GF_USAGE);
		assert_true(t);
		gf_json_free(doc);
	}
}

/* "key:" with nothing behind it is no text; two quotes are one. */
static void test_nothing(void **state)
{
	gf_json_doc *doc = read_text("a:\nb: ''\nc: x\n");
	gf_json root = gf_json_root(doc);
	const char *text = "old";
	gf_error err;

	(void)state;
	assert_int_equal(gf_json_typeof(gf_json_get(root, "a")), GF_JSON_OTHER);
	assert_refused(gf_json_string_if(root, "a", &text, &err), err, GF_USAGE, "json-type");
	assert_string_equal(err.text, "'prod.yaml', line 1, column 1, a: expected a text, found null");
	assert_string_equal(text, "old");
	assert_ok(gf_json_string(root, "b", &text, &err), err);
	assert_string_equal(text, "");
	gf_json_free(doc);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *why; /* part of the message */
	} rows[] = {
		{ "a: 1\nb: &x 1\n", 2, "anchors" },
		{ "a: 1\nb: &x\n  c: 1\n", 2, "anchors" },
		{ "- a\n- &x [1]\n", 2, "anchors" },
		{ "&x a: 1\n", 1, "anchors" },
		{ "a: 1\nb: *x\n", 2, "aliases" },
		{ "a: 1\nmatch: **\n", 2, "aliases ('*') are not supported; put the text in quotes" },
		{ "a: 1\n\nb: !!int 7\n", 3, "tags" },
		{ "a: !local [1]\n", 1, "tags" },
		{ "a: ! x\n", 1, "tags" },
		{ "a: !<tag:yaml.org,2002:map> {}\n", 1, "tags" },
		{ "!!str a: 1\n", 1, "tags" },
		{ "a: 1\n---\nb: 2\n", 2, "second document" },
		{ "a: 1\n...\n---\n", 3, "second document" },
		{ "--- a\n--- b\n", 2, "second document" },
		{ "%YAML 1.1\n---\na: 1\n", 1, "directives" },
		{ "%TAG ! tag:example,2026:\n---\na: 1\n", 1, "directives" },
		{ "a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here a second time" },
		{ "x:\n  - b: 1\n    c: 2\n    \"b\": 3\n", 4, "the key 'b' stands here a second time" },
		{ "{a: 1, a: 1}", 1, "second time" },
		{ "'': 1\n'': 2\n", 2, "the key '' stands here a second time" },
		{ "\"\\e[1m\": 1\n\"\\e[1m\": 2\n", 2, "the key '\\x1b[1m' stands" },
		{ "a: 1\n? [b]\n: 2\n", 2, "a key must be plain text" },
		{ "? {b: 1}\n: 2\n", 1, "a key must be plain text" },
		{ "[b]: 1\n", 1, "a key must be plain text" },
		{ "a: 1\n\"b\\0c\": 2\n", 2, "NUL" },
		{ "", 1, "the file is empty" },
		{ "# only words\n", 1, "the file is empty" },
		{ "a: 1\n b: 2\n", 2, "mapping values are not allowed" },
		{ "a:\n\tb: 1\n", 2, "" },
		{ "a: [1, 2\n", 2, "" },
		{ "a: \"open\n", 2, "" },
		{ "a: 1\nno colon\n", 3, "could not find expected ':'" },
		{ "a: b: c\n", 1, "" },
		{ "a: @x\n", 1, "" },
		{ "a: %x\n", 1, "" },
	};

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		char place[64];
		gf_error err;

		assert_refused(gf_yaml_parse(rows[i].text, strlen(rows[i].text), NAME, &err), err, GF_USAGE, "yaml");
		(void)snprintf(place, sizeof place, "'prod.yaml', line %u, column ", rows[i].line);
		if (strncmp(err.text, place, strlen(place)) != 0 || strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: %s; expected line %u, %s", rows[i].text, err.text, rows[i].line, rows[i].why);
		assert_string_equal(err.object, NAME);
	}
}

/* One encoding, UTF-8, and no control characters. */
static void test_bytes(void **state)
{
	static const char *const bad[] = { "a: \xff\n", "a: \xc0\x80\n", "a: \xed\xa0\x80\n", "a: \x1b[1m\n",
		"a: \x7f\n", "\xff\xfe\x61\x00", "a: \xf4\x90\x80\x80\n" };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		assert_refused(gf_yaml_parse(bad[i], strlen(bad[i]), NAME, &err), err, GF_USAGE, "yaml");
		assert_int_equal(strncmp(err.text, "'prod.yaml' is not YAML, byte ", 30), 0);
	}
	assert_refused(gf_yaml_parse("a: b\0c", 6, NAME, &err), err, GF_USAGE, "yaml");
	assert_refused(gf_yaml_parse("\xff\xfe"
				     "a\0:\0 \0b\0",
			   10, NAME, &err),
	    err, GF_USAGE, "yaml");
}

/* The builder has its own bound, that of JSON. */
static void test_tree_depth(void **state)
{
	const gf_json_at_text at = { 1, 1 };
	gf_error err = { 0 };
	gf_json_tree *t = gf_json_tree_new(GF_USAGE, NAME, &err);

	(void)state;
	assert_non_null(t);
	for (int n = 0; n < GF_JSON_DEPTH; n++)
		assert_ok(gf_json_tree_open(t, '[', at, &err), err);
	assert_refused(gf_json_tree_open(t, '[', at, &err), err, GF_USAGE, "json-limit");
	gf_json_tree_free(t);
}

static void test_depth(void **state)
{
	static const char *const open[] = { "[", "{k: " }, *const close[] = { "]", "}" };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(open); i++)
		for (int n = GF_YAML_DEPTH; n <= GF_YAML_DEPTH + 1; n++) {
			gf_buf b;
			gf_error err;
			gf_json_doc *doc;

			gf_buf_init(&b, GF_MIB);
			assert_true(gf_buf_puts(&b, "\n\n", &err));
			for (int j = 0; j < n; j++)
				assert_true(gf_buf_puts(&b, open[i], &err));
			assert_true(gf_buf_puts(&b, "x", &err));
			for (int j = 0; j < n; j++)
				assert_true(gf_buf_puts(&b, close[i], &err));
			if (n == GF_YAML_DEPTH) {
				assert_ok((doc = gf_yaml_parse(b.data, b.len, NAME, &err)) != NULL, err);
				gf_json_free(doc);
			} else {
				assert_refused(gf_yaml_parse(b.data, b.len, NAME, &err), err, GF_USAGE, "yaml");
				assert_true(gf_starts_with(err.text, "'prod.yaml', line 3, column "));
				assert_true(gf_ends_with(err.text, ": it is nested too deeply"));
			}
			gf_buf_clear(&b);
		}
}

static void test_size(void **state)
{
	gf_buf b;
	gf_error err;
	gf_json_doc *doc;

	(void)state;
	gf_buf_init(&b, GF_YAML_MAX + 1);
	assert_true(gf_buf_puts(&b, "a: b\n", &err));
	while (b.len < GF_YAML_MAX)
		assert_true(gf_buf_puts(&b, b.len % 64 == 0 || b.len + 1 == GF_YAML_MAX ? "\n" : "#", &err));
	assert_ok((doc = gf_yaml_parse(b.data, b.len, NAME, &err)) != NULL, err);
	gf_json_free(doc);
	assert_true(gf_buf_puts(&b, "\n", &err));
	assert_refused(gf_yaml_parse(b.data, b.len, NAME, &err), err, GF_USAGE, "too-large");
	assert_string_equal(err.text, "'prod.yaml' has 1048577 bytes, more than the 1048576 allowed here");
	gf_buf_clear(&b);
}

/* The list itself counts, and keys do. */
static void test_values(void **state)
{
	for (size_t n = GF_JSON_VALUES - 1; n <= GF_JSON_VALUES; n++) {
		gf_buf b;
		gf_error err;
		gf_json_doc *doc;

		gf_buf_init(&b, GF_YAML_MAX);
		assert_true(gf_buf_puts(&b, "[", &err));
		for (size_t i = 0; i < n; i++)
			assert_true(gf_buf_puts(&b, i % 100 == 99 ? "a,\n" : "a,", &err));
		assert_true(gf_buf_puts(&b, "]", &err));
		if (n < GF_JSON_VALUES) {
			assert_ok((doc = gf_yaml_parse(b.data, b.len, NAME, &err)) != NULL, err);
			assert_int_equal(gf_json_count(gf_json_root(doc)), n);
			gf_json_free(doc);
		} else {
			assert_refused(gf_yaml_parse(b.data, b.len, NAME, &err), err, GF_USAGE, "yaml");
			assert_string_equal(err.text, "'prod.yaml', line 1000, column 199: there are too many values");
		}
		gf_buf_clear(&b);
	}
	(void)state;
}

/* The getters say the line where the key stands. */
static void test_lines(void **state)
{
	static const char *const keys[] = { "targets", "name", NULL }, *const target[] = { "registry", NULL };
	gf_json_doc *doc = read_text("name:\n"
				     "  long text\n"
				     "targets:\n"
				     "  - registry: a\n"
				     "  -\n"
				     "    registry:\n"
				     "      - b\n"
				     "    regisrty: c\n"
				     "nmae: x\n");
	gf_json root = gf_json_root(doc), list = gf_json_get(root, "targets"), v;
	const char *text;
	gf_error err;

	(void)state;
	assert_refused(gf_json_only(root, keys, &err), err, GF_USAGE, "unknown-key");
	assert_string_equal(err.text, "'prod.yaml', line 9, column 1, nmae: unknown key; did you mean 'name'?");
	assert_ok(gf_json_only(gf_json_at(list, 0), target, &err), err);
	assert_refused(gf_json_only(gf_json_at(list, 1), target, &err), err, GF_USAGE, "unknown-key");
	assert_string_equal(
	    err.text, "'prod.yaml', line 8, column 5, targets[1].regisrty: unknown key; did you mean 'registry'?");
	assert_refused(gf_json_string(gf_json_at(list, 1), "registry", &text, &err), err, GF_USAGE, "json-type");
	assert_string_equal(
	    err.text, "'prod.yaml', line 6, column 5, targets[1].registry: expected a text, found a list");
	assert_refused(gf_json_array(root, "name", &v, &err), err, GF_USAGE, "json-type");
	assert_string_equal(err.text, "'prod.yaml', line 1, column 1, name: expected a list, found a text");
	assert_refused(gf_json_string(gf_json_at(list, 1), "ca-file", &text, &err), err, GF_USAGE, "missing-key");
	assert_string_equal(err.text, "'prod.yaml', line 6, column 5, targets[1].ca-file: the key is missing");
	assert_refused(gf_json_string(root, "gone", &text, &err), err, GF_USAGE, "missing-key");
	assert_string_equal(err.text, "'prod.yaml', line 1, column 1, gone: the key is missing");
	assert_refused(gf_json_text(gf_json_at(list, 0), &text, &err), err, GF_USAGE, "json-type");
	assert_string_equal(err.text, "'prod.yaml', line 4, column 5, targets[0]: expected a text, found an object");
	assert_false(gf_json_fail(gf_json_get(gf_json_at(list, 0), "registry"), "planted", &err, "no"));
	assert_string_equal(err.text, "'prod.yaml', line 4, column 5, targets[0].registry: no");
	gf_json_free(doc);
}

static void test_nul_in_text(void **state)
{
	gf_json_doc *doc = read_text("a: \"x\\0y\"\n");
	const char *text = "old";
	gf_error err;

	(void)state;
	assert_refused(gf_json_string(gf_json_root(doc), "a", &text, &err), err, GF_USAGE, "json-nul");
	assert_string_equal(text, "old");
	gf_json_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_scalars_are_text),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_tree_depth),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nul_in_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
