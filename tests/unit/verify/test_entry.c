/* Lines of the log: every one that this program writes is read without a document, and as with one. */
#include "common.h"
#include "tests/fuzz/entry.h"
#include "verify/log.h"

static gf_digest digest = { { 1, 2, 3 } };

static gf_record full(void)
{
	return (gf_record){ .type = "accepted",
		.run = "00",
		.site = "a",
		.environment = "prod",
		.stream = "app",
		.epoch = 1,
		.sequence = ((uint64_t)1 << 53) - 1,
		.manifest = &digest,
		.target = "docker://registry.example:5000/shop",
		.name = "app:1",
		.digest = &digest,
		.statement = &digest,
		.trust_version = 3,
		.holder = "carol",
		.step = "commit",
		.code = "x",
		.unsigned_bundle = true };
}

static void print(const gf_record *r, gf_buf *line)
{
	gf_error err = { 0 };

	gf_buf_init(line, GF_LOG_LINE_MAX + 1);
	need(gf_log_print(r, 1700000000, line, &err));
}

static void test_own_lines_are_plain(void **state)
{
	/* of verify.h */
	static const char *const types[] = { "intent", "accepted", "loaded", "complete", "refused", "failed", "trust",
		"restored", "rejected", "exported", "recovered" };
	gf_entry_words words;
	gf_entry e;
	gf_buf line;

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		gf_record r = full();

		r.type = types[i];
		print(&r, &line);
		assert_true(entry_agrees(line.data, line.len, &words, &e));
		assert_string_equal(e.type, types[i]);
		assert_string_equal(e.stream, "app");
		assert_string_equal(e.environment, "prod");
		assert_true(e.unsigned_bundle && e.has_manifest && e.has_statement);
		assert_true(gf_digest_equal(&e.manifest, &digest) && gf_digest_equal(&e.statement, &digest));
		assert_true(e.epoch == 1 && e.sequence == ((uint64_t)1 << 53) - 1 && e.trust_version == 3);
		assert_int_equal(e.created, 1700000000);
		gf_buf_clear(&line);
	}
	print(&(gf_record){ .type = "intent" }, &line);
	assert_true(entry_agrees(line.data, line.len, &words, &e));
	assert_true(e.stream == NULL && e.environment == NULL && !e.has_manifest && !e.unsigned_bundle);
	gf_buf_clear(&line);
}

/* Every byte of a line, every other byte in its place. */
static void test_neighbours(void **state)
{
	gf_record r = full();
	gf_entry_words words;
	gf_entry e;
	size_t taken = 0;
	gf_buf line;

	(void)state;
	r.target = r.name = NULL; /* texts that say nothing */
	r.digest = NULL;
	print(&r, &line);
	for (size_t i = 0; i < line.len; i++) {
		char was = line.data[i];

		assert_false(entry_agrees(line.data, i, &words, &e));
		for (int c = 0; c < 256; c++) {
			line.data[i] = (char)c;
			taken += entry_agrees(line.data, line.len, &words, &e);
		}
		line.data[i] = was;
	}
	assert_true(taken > line.len && taken < 128 * line.len);
	gf_buf_clear(&line);
}

static void test_left_to_the_document(void **state)
{
	/* name: of the refusal with a document; "": taken with one */
	static const struct {
		const char *line, *name;
	} rest[] = {
		{ "{\"time\":\"2026-01-01T00:00:00Z\"}", "missing-key" },
		{ "{\"type\":\"intent\"}", "missing-key" },
		{ "{\"time\":\"2026-02-30T00:00:00Z\",\"type\":\"intent\"}", "log" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":7}", "json-type" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"created\":\"now\"}", "log" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"manifest\":\"sha256:00\"}", "digest-form" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"unsigned\":1}", "json-type" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"trustVersion\":\"1\"}", "json-type" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"stream\":\"a\",\"epoch\":1}",
		    "missing-key" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"stream\":\"a\",\"sequence\":1}",
		    "missing-key" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"type\":\"intent\"}", "json" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"epoch\":\"x\"}", "" },
		{ "{\"time\":\"1970-01-01T00:00:00Z\",\"type\":\"intent\"}", "" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"a-word-of-16-chars\"}", "" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"intent\",\"holder\":\"J\\u00f6rg\"}", "" },
	};
	gf_entry_words words;
	gf_json_doc *doc;
	gf_entry e;

	(void)state;
	for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
		size_t n = strlen(rest[i].line);
		gf_error err = { 0 };

		if (gf_entry_read_plain(rest[i].line, n, &words, &e))
			fail_msg("taken: %s", rest[i].line);
		if (gf_entry_read(rest[i].line, n, &doc, &e, &err) != (rest[i].name[0] == '\0') ||
		    strcmp(err.name, rest[i].name) != 0)
			fail_msg("%s: '%s'", rest[i].line, err.name);
		gf_json_free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_lines_are_plain),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_left_to_the_document),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
