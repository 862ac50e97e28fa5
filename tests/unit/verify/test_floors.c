/* Floors, line by line; and the file of lines under them. */
#include "common.h"
#include "verify/cache.h"
#include "verify/log.h"
#include "verify/replay.h"

/* ---- what a line says ---- */

static void takes(gf_floors *f, gf_entry e)
{
	gf_error err = { 0 };

	need(gf_floors_take(f, &e, &err));
}

static void refuses(gf_floors *f, gf_entry e, const char *text)
{
	gf_error err = { 0 };

	assert_false(gf_floors_take(f, &e, &err));
	assert_string_equal(err.name, "log");
	assert_string_equal(err.text, text);
}

static void test_completes(void **state)
{
	gf_floors *f = calloc(1, sizeof *f);
	gf_entry e = { .type = "complete", .environment = "prod", .has_manifest = true, .manifest = { { 1 } } };

	(void)state;
	takes(f, e);
	takes(f, e);
	assert_int_equal(f->n_completes, 1);
	e.environment = "test"; /* the same bundle elsewhere */
	takes(f, e);
	assert_int_equal(f->n_completes, 2);
	assert_string_equal(f->completes[1].environment, "test");
	gf_floors_clear(f);
	free(f);
}

static void test_lacking(void **state)
{
	gf_floors *f = calloc(1, sizeof *f);

	(void)state;
	refuses(f, (gf_entry){ .type = "trust", .trust_version = 1, .created = 1 }, "'trust' without statement");
	refuses(f, (gf_entry){ .type = "trust", .trust_version = 1, .has_statement = true }, "'trust' without created");
	refuses(f, (gf_entry){ .type = "accepted", .created = 1 }, "'accepted' without manifest");
	refuses(f, (gf_entry){ .type = "accepted", .has_manifest = true }, "'accepted' without created");
	refuses(f, (gf_entry){ .type = "loaded", .created = 1 }, "'loaded' without manifest");
	refuses(f, (gf_entry){ .type = "loaded", .has_manifest = true, .stream = "shop" },
	    "'loaded' with a stream and without environment");
	takes(f, (gf_entry){ .type = "loaded", .has_manifest = true });
	gf_floors_clear(f);
	free(f);
}

/* ---- the file ---- */

static void put(const char *path, const char *bytes)
{
	gf_error err = { 0 };

	need(gf_file_store(path, 0600, bytes, strlen(bytes), &err));
}

/* A line is skipped to where it stands as it is said: behind an LF, to an LF, with these bytes. */
static void test_skip(void **state)
{
	static const struct {
		uint64_t offset, last;
		const char *line;
		bool ok;
	} rows[] = { { 4, 0, "aaa", true }, { 8, 4, "bbb", true }, { 8, 5, "bb", false }, { 7, 4, "bb", false },
		{ 8, 0, "aaa\nbbb", false }, { 8, 4, "bbx", false }, { 12, 8, "ccc", false }, { 4, 4, "", false } };
	gf_error err = { 0 };
	gf_hash *h = gf_hash_new(&err);

	(void)state;
	put("skip", "aaa\nbbb\nc");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_digest leaf;
		gf_log *l;

		need((l = gf_log_open("skip", false, &err)) != NULL);
		need(gf_merkle_leaf(h, rows[i].line, strlen(rows[i].line), &leaf, &err));
		if (gf_log_skip(l, h, 1, rows[i].offset, rows[i].last, &leaf) != rows[i].ok)
			fail_msg("row %zu", i);
		gf_log_close(l);
	}
	gf_hash_free(h);
}

/* ---- many lines at once come to what one after another does ---- */

static void compare(const char *path, uint64_t want)
{
	gf_error err = { 0 };
	gf_hash *h = gf_hash_new(&err);
	gf_cache *once = calloc(1, sizeof *once), *each = calloc(1, sizeof *each);
	gf_replay r = { .cache = once, .hash = h };
	gf_buf log, a, b;
	gf_log *l;

	need((l = gf_log_open(path, false, &err)) != NULL && gf_replay_run(&r, l, &err));
	gf_log_close(l);
	gf_buf_init(&log, 64 * GF_MIB);
	need(gf_file_load(path, 64 * GF_MIB, GF_FAILED, &log, &err));
	for (const char *at = log.data, *lf; (lf = strchr(at, '\n')) != NULL; at = lf + 1)
		need(gf_cache_take(each, h, at, (size_t)(lf - at), &err));
	assert_int_equal(once->tree.size, want);
	gf_buf_init(&a, GF_STATEMENT_MAX);
	gf_buf_init(&b, GF_STATEMENT_MAX);
	need(gf_cache_print(once, &a, &err) && gf_cache_print(each, &b, &err));
	assert_string_equal(a.data, b.data);
	gf_buf_clear(&a);
	gf_buf_clear(&b);
	gf_buf_clear(&log);
	gf_cache_clear(once);
	gf_cache_clear(each);
	free(once);
	free(each);
	gf_hash_free(h);
}

#define START "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\""

static void test_replay(void **state)
{
	static char long_word[60001];
	FILE *log = fopen("replay", "w");

	(void)state;
	assert_non_null(log);
	memset(long_word, 'x', sizeof long_word - 1);
	for (unsigned i = 0; i < 5000; i++)
		(void)fprintf(log,
		    START
		    "complete\",\"stream\":\"s%u\",\"environment\":\"prod\",\"epoch\":1,\"sequence\":%u,\"manifest\":"
		    "\"sha256:%064x\"%s}\n",
		    i % 7, i, i, i % 5 == 0 ? ",\"name\":\"\\u00e4\"" : "");
	/* longer than the batch has room for, and in another form than this program's */
	for (unsigned i = 0; i < 100; i++)
		(void)fprintf(log, START "x\",\"name\":\"%s\"}\n", long_word);
	(void)fprintf(log, START "%s\",\"name\":\"\\u00e4\"}\n", long_word);
	(void)fprintf(log,
	    START "accepted\",\"stream\":\"%.100s\",\"environment\":\"%.100s\",\"epoch\":1,\"sequence\":1,\"name\":"
		  "\"\\u00e4\",\"created\":\"2026-01-01T00:00:00Z\",\"manifest\":\"sha256:%064x\"}\n",
	    long_word, long_word, 1U);
	/* one word alone too long for what is kept of a line */
	(void)fprintf(log,
	    START
	    "complete\",\"stream\":\"%.100s\",\"environment\":\"e\",\"epoch\":1,\"sequence\":1,\"name\":\"\\u00e4\","
	    "\"manifest\":\"sha256:%064x\"}\n",
	    long_word, 2U);
	(void)fprintf(log,
	    START
	    "complete\",\"stream\":\"s\",\"environment\":\"%.100s\",\"epoch\":1,\"sequence\":1,\"name\":\"\\u00e4\","
	    "\"manifest\":\"sha256:%064x\"}\n",
	    long_word, 3U);
	assert_int_equal(fclose(log), 0);
	compare("replay", 5104);
	put("none", "");
	compare("none", 0);
}

/* A line that cannot be read: what stands before it counts, and it is handed out again. */
static void test_bad_line(void **state)
{
	static const char good[] = START "x\"}\n", bad[] = "{\"type\":1}\n";
	gf_error err = { 0 };
	gf_hash *h = gf_hash_new(&err);
	gf_cache *c = calloc(1, sizeof *c);
	gf_replay r = { .cache = c, .hash = h };
	uint64_t rest = 0;
	char log[256];
	gf_log *l;

	(void)state;
	(void)snprintf(log, sizeof log, "%s%s%s%s", good, good, bad, good);
	put("bad", log);
	need((l = gf_log_open("bad", false, &err)) != NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(gf_replay_run(&r, l, &err));
		assert_true(r.bad_line);
		assert_int_equal(c->tree.size, 2);
		need(gf_log_rest(l, &rest, &err));
		assert_int_equal(rest, strlen(bad) + strlen(good));
	}
	gf_log_close(l);
	gf_cache_clear(c);
	free(c);
	gf_hash_free(h);
}

static bool cut(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	(void)ctx;
	(void)line;
	(void)n;
	(void)err;
	if (number == 1)
		assert_int_equal(truncate("cut", 4), 0);
	return true;
}

/* A file that becomes shorter under the reader is an error, and no line of it comes from what was in memory before. */
static void test_cut(void **state)
{
	size_t n = 3 * GF_COPY_STEP;
	gf_error err = { 0 };
	char *text = malloc(n);
	gf_log *l;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 4 == 3 ? '\n' : 'a';
	need(gf_file_store("cut", 0600, text, n, &err));
	free(text);
	need((l = gf_log_open("cut", false, &err)) != NULL);
	assert_false(gf_log_read(l, cut, NULL, &err));
	assert_string_equal(err.name, "state");
	assert_non_null(strstr(err.text, "the log 'cut' cannot be read: "));
	gf_log_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_completes), cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_skip), cmocka_unit_test(test_replay), cmocka_unit_test(test_bad_line),
		cmocka_unit_test(test_cut) };

	return cmocka_run_group_tests_name("floors", tests, enter, leave);
}
