/* index.json of a layout: names found, replaced, added; all else left as it was. */
#include "common.h"
#include "unpack/layout_index.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define MANIFEST "\"mediaType\":\"" GF_TYPE_MANIFEST "\""
#define ENTRY(digest, size, name)                                                                                      \
	"{" MANIFEST ",\"digest\":\"" digest "\",\"size\":" #size                                                      \
	",\"annotations\":{\"io.containerd.image.name\":\"" name "\",\"org.opencontainers.image.ref.name\":\"" name    \
	"\"}}"
#define INDEX(entries) "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_INDEX "\",\"manifests\":[" entries "]}\n"

static void put(const char *text)
{
	gf_error err = { 0 };

	need(gf_file_store("index.json", 0644, text, strlen(text), &err));
}

static gf_layout_index *load(void)
{
	gf_error err = { 0 };
	gf_layout_index *x;

	need((x = gf_layout_index_load(".", &err)) != NULL);
	return x;
}

static gf_layout_entry entry_of(const char *name, const char *digest, uint64_t size)
{
	gf_layout_entry e = { .name = name, .media_type = GF_TYPE_MANIFEST, .size = size };

	assert_true(gf_digest_parse(digest, &e.digest));
	return e;
}

static void merges(const char *before, const gf_layout_entry *entries, size_t n, const char *after)
{
	gf_error err = { 0 };
	gf_layout_index *x;
	gf_buf out;

	(void)unlink("index.json");
	if (before != NULL)
		put(before);
	x = load();
	gf_buf_init(&out, GF_MIB);
	need(gf_layout_index_merge(x, entries, n, &out, &err));
	assert_string_equal(gf_buf_text(&out), after);
	gf_layout_index_free(x);
	/* What was written is read, and merged once more it is the same. */
	put(after);
	x = load();
	for (size_t i = 0; i < n; i++) {
		char want[GF_DIGEST_SIZE];

		gf_digest_text(&entries[i].digest, want);
		assert_string_equal(gf_layout_index_find(x, entries[i].name), want);
	}
	gf_buf_clear(&out);
	need(gf_layout_index_merge(x, NULL, 0, &out, &err));
	assert_string_equal(gf_buf_text(&out), after);
	gf_buf_clear(&out);
	gf_layout_index_free(x);
}

static void test_a_new_index(void **state)
{
	const gf_layout_entry two[] = { entry_of("x.example/a:1", A, 7), entry_of("x.example/b:2", B, 8) };

	(void)state;
	merges(NULL, two, 2, INDEX(ENTRY(A, 7, "x.example/a:1") "," ENTRY(B, 8, "x.example/b:2")));
	merges(NULL, NULL, 0, INDEX(""));
	merges(INDEX(""), two, 1, INDEX(ENTRY(A, 7, "x.example/a:1")));
}

static void test_a_name_moves_and_others_stay(void **state)
{
	const gf_layout_entry one[] = { entry_of("x.example/a:1", C, 9) };

	(void)state;
	merges(INDEX(ENTRY(A, 7, "x.example/a:1") "," ENTRY(B, 8, "x.example/b:2")), one, 1,
	    INDEX(ENTRY(B, 8, "x.example/b:2") "," ENTRY(C, 9, "x.example/a:1")));
	/* Under either annotation, also where it stands twice. */
	merges(INDEX("{\"digest\":\"" A "\",\"annotations\":{\"org.opencontainers.image.ref.name\":\"x.example/a:1\"}},"
		     "{\"digest\":\"" B "\",\"annotations\":{\"io.containerd.image.name\":\"x.example/a:1\"}}"),
	    one, 1, INDEX(ENTRY(C, 9, "x.example/a:1")));
}

/* Members, entries and texts of other tools, in their order. */
static void test_what_others_wrote_is_kept(void **state)
{
	const gf_layout_entry one[] = { entry_of("x.example/a:1", C, 9) };
	static const char other[] =
	    "{" MANIFEST ",\"digest\":\"" A
	    "\",\"size\":9007199254740991,\"platform\":{\"os\":\"linux\",\"features\":[\"a\",\"b\"]},\"x\":true,\"y\":false,"
	    "\"annotations\":{\"org.opencontainers.image.ref.name\":\"1.2\",\"t\":\"\\\"\\\\\\n\xc3\xa9\"}}";
	char before[2000], after[2000];

	(void)state;
	(void)snprintf(before, sizeof before,
	    "{\"manifests\": [ %s ],\n \"annotations\": {\"k\": \"v\"}, \"schemaVersion\": 2}", other);
	(void)snprintf(after, sizeof after,
	    "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_INDEX
	    "\",\"annotations\":{\"k\":\"v\"},\"manifests\":[%s," ENTRY(C, 9, "x.example/a:1") "]}\n",
	    other);
	merges(before, one, 1, after);
}

static void test_what_cannot_be_kept_is_refused(void **state)
{
	static const char *const odd[] = { "null", "1.5", "-1", "[true]", "[1]", "[null]" };
	char text[300];
	gf_error err;
	gf_buf out;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(odd); i++) {
		gf_layout_index *x;

		(void)snprintf(text, sizeof text, "{\"schemaVersion\":2,\"x\":%s,\"manifests\":[]}", odd[i]);
		put(text);
		x = load();
		gf_buf_init(&out, GF_MIB);
		fails(gf_layout_index_merge(x, NULL, 0, &out, &err), GF_TARGET, "layout-index", "cannot be kept");
		gf_buf_clear(&out);
		gf_layout_index_free(x);
	}
}

static void test_names_are_found_whole(void **state)
{
	gf_layout_index *x;

	(void)state;
	put(INDEX(ENTRY(A, 7, "x.example/a:1") ",{\"annotations\":{\"io.containerd.image.name\":\"bare\"}},"
					       "{\"annotations\":{\"io.containerd.image.name\":5}},{},7"));
	x = load();
	assert_string_equal(gf_layout_index_find(x, "x.example/a:1"), A);
	assert_null(gf_layout_index_find(x, "x.example/a:12"));
	assert_null(gf_layout_index_find(x, "x.example/a"));
	assert_null(gf_layout_index_find(x, "a:1"));
	assert_null(gf_layout_index_find(x, ""));
	/* A name that shows no digest is there all the same. */
	assert_string_equal(gf_layout_index_find(x, "bare"), "");
	gf_layout_index_free(x);
}

static void test_what_is_no_index(void **state)
{
	static const char *const bad[][2] = { { "", "json" }, { "{", "json" }, { "[]", "json-type" },
		{ "{}", "missing-key" }, { "{\"manifests\":{}}", "json-type" },
		{ "{\"manifests\":[],\"manifests\":[]}", "json" } };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		put(bad[i][0]);
		fails(gf_layout_index_load(".", &err) != NULL, GF_TARGET, bad[i][1], "index.json");
	}
	assert_int_equal(unlink("index.json"), 0);
	assert_int_equal(symlink("/nowhere", "index.json"), 0);
	fails(gf_layout_index_load(".", &err) != NULL, GF_TARGET, "not-found", "index.json");
	assert_int_equal(unlink("index.json"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_index),
		cmocka_unit_test(test_a_name_moves_and_others_stay),
		cmocka_unit_test(test_what_others_wrote_is_kept),
		cmocka_unit_test(test_what_cannot_be_kept_is_refused),
		cmocka_unit_test(test_names_are_found_whole),
		cmocka_unit_test(test_what_is_no_index),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
