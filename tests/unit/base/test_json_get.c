/* Reading: what each getter gives and says. */
#include "json.h"

static const char table[] =
    "{\"object\":{\"in\":1},\"list\":[1,2,3],\"text\":\"plain\",\"empty\":\"\",\"digest\":\"sha256:" D64 "\","
    "\"other-digest\":\"sha512:" D64 "\",\"upper-digest\":\"SHA256:" D64 "\",\"nul\":\"a\\u0000b\",\"zero\":0,"
    "\"seven\":7,\"most\":9007199254740991,\"over\":9007199254740992,\"huge\":9223372036854775807,\"minus\":-1,"
    "\"real\":1.0,\"exponent\":1e2,\"true\":true,\"false\":false,\"null\":null}";

typedef struct row {
	const char *key;
	gf_json_type type;
	/* What each getter answers: NULL is success. */
	const char *object, *array, *string, *u64, *digest, *boolean;
	uint64_t number;
} row;

#define NO "json-type"
static const row rows[] = {
	{ "object", GF_JSON_OBJECT, NULL, NO, NO, NO, NO, NO, 0 },
	{ "list", GF_JSON_ARRAY, NO, NULL, NO, NO, NO, NO, 0 },
	{ "text", GF_JSON_STRING, NO, NO, NULL, NO, "digest-form", NO, 0 },
	{ "empty", GF_JSON_STRING, NO, NO, NULL, NO, "digest-form", NO, 0 },
	{ "digest", GF_JSON_STRING, NO, NO, NULL, NO, NULL, NO, 0 },
	{ "other-digest", GF_JSON_STRING, NO, NO, NULL, NO, "digest-form", NO, 0 },
	{ "upper-digest", GF_JSON_STRING, NO, NO, NULL, NO, "digest-form", NO, 0 },
	{ "nul", GF_JSON_STRING, NO, NO, "json-nul", NO, "json-nul", NO, 0 },
	{ "zero", GF_JSON_INTEGER, NO, NO, NO, NULL, NO, NO, 0 },
	{ "seven", GF_JSON_INTEGER, NO, NO, NO, NULL, NO, NO, 7 },
	{ "most", GF_JSON_INTEGER, NO, NO, NO, NULL, NO, NO, 9007199254740991 },
	{ "over", GF_JSON_INTEGER, NO, NO, NO, "json-range", NO, NO, 0 },
	{ "huge", GF_JSON_INTEGER, NO, NO, NO, "json-range", NO, NO, 0 },
	{ "minus", GF_JSON_INTEGER, NO, NO, NO, "json-range", NO, NO, 0 },
	{ "real", GF_JSON_OTHER, NO, NO, NO, NO, NO, NO, 0 },
	{ "exponent", GF_JSON_OTHER, NO, NO, NO, NO, NO, NO, 0 },
	{ "true", GF_JSON_OTHER, NO, NO, NO, NO, NO, NULL, 1 },
	{ "false", GF_JSON_OTHER, NO, NO, NO, NO, NO, NULL, 0 },
	{ "null", GF_JSON_OTHER, NO, NO, NO, NO, NO, NO, 0 },
};

/* want NULL: it went well; else it was refused so, about this key. */
static void assert_answer(bool ok, const gf_error *err, const char *want, const char *getter, const char *key)
{
	char place[64];

	(void)snprintf(place, sizeof place, "'the text', %s: ", key);
	if (ok != (want == NULL))
		fail_msg("%s of '%s' %s", getter, key, ok ? "succeeded" : err->text);
	if (!ok && (err->class != GF_DAMAGED || strcmp(err->name, want) != 0 || strcmp(err->object, NAME) != 0))
		fail_msg("%s of '%s': '%s', expected '%s'", getter, key, err->name, want);
	if (!ok && strncmp(err->text, place, strlen(place)) != 0)
		fail_msg("%s of '%s': %s", getter, key, err->text);
}

static void test_getters(void **state)
{
	gf_json_doc *doc = read_text(table);
	gf_json root = gf_json_root(doc);

	(void)state;
	assert_int_equal(gf_json_typeof(root), GF_JSON_OBJECT);
	assert_int_equal(gf_json_count(root), TESTS_OF(rows));
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		const row *r = &rows[i];
		const char *text = "old", *text_if = "old", *plain = "old";
		uint64_t n = 42, n_if = 42;
		bool yes = r->number == 0;
		gf_json v = { 0 }, item;
		gf_digest d;
		gf_error err;

		assert_int_equal(gf_json_typeof(gf_json_get(root, r->key)), r->type);
		assert_string_equal(gf_json_key_at(root, i, &item), r->key);
		assert_ptr_equal(item.node, gf_json_get(root, r->key).node);
		assert_int_equal(gf_json_is_null(item), strcmp(r->key, "null") == 0);

		assert_answer(gf_json_object(root, r->key, &v, &err), &err, r->object, "object", r->key);
		assert_ptr_equal(v.node, r->object == NULL ? item.node : NULL);
		v.node = NULL;
		assert_answer(gf_json_array(root, r->key, &v, &err), &err, r->array, "array", r->key);
		assert_ptr_equal(v.node, r->array == NULL ? item.node : NULL);

		assert_answer(gf_json_string(root, r->key, &text, &err), &err, r->string, "string", r->key);
		assert_answer(gf_json_string_if(root, r->key, &text_if, &err), &err, r->string, "string_if", r->key);
		assert_int_equal(gf_json_text(item, &plain, &err), r->string == NULL);
		if (r->string != NULL)
			assert_string_equal(err.name, r->string);
		assert_string_equal(text, text_if);
		assert_string_equal(text, plain);
		assert_int_equal(strcmp(text, "old") != 0, r->string == NULL);

		assert_answer(gf_json_u64(root, r->key, &n, &err), &err, r->u64, "u64", r->key);
		assert_answer(gf_json_u64_if(root, r->key, &n_if, &err), &err, r->u64, "u64_if", r->key);
		assert_int_equal(n, r->u64 == NULL ? r->number : 42);
		assert_int_equal(n, n_if);

		assert_answer(gf_json_bool_if(root, r->key, &yes, &err), &err, r->boolean, "bool_if", r->key);
		assert_int_equal(yes, r->boolean == NULL ? r->number : r->number == 0);
		yes = r->number == 0;
		assert_int_equal(gf_json_flag(item, &yes, &err), r->boolean == NULL);
		assert_int_equal(yes, r->boolean == NULL ? r->number : r->number == 0);
		assert_answer(gf_json_digest(root, r->key, &d, &err), &err, r->digest, "digest", r->key);
		if (r->digest == NULL) {
			char back[GF_DIGEST_SIZE];

			gf_digest_text(&d, back);
			assert_string_equal(back, "sha256:" D64);
		}
	}
	gf_json_free(doc);
}

static void test_texts(void **state)
{
	gf_json_doc *doc = read_text("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\xc3\xa9\x7f\"}");
	const char *text = NULL;
	gf_error err;

	(void)state;
	assert_ok(gf_json_string(gf_json_root(doc), "a", &text, &err), err);
	assert_string_equal(text, "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9\x7f");
	gf_json_free(doc);
}

/* A list of texts, none of them empty; what was copied before a bad one is the caller's to free. */
static void test_lists(void **state)
{
	static const struct {
		const char *text, *name;
		size_t n;
	} lists[] = { { "[\"a\",\"b\"]", NULL, 2 }, { "[]", NULL, 0 }, { "[\"a\",\"\"]", "empty", 1 },
		{ "[\"a\",1]", "json-type", 1 }, { "[[\"a\"]]", "json-type", 0 } };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(lists); i++) {
		gf_json_doc *doc = read_text(lists[i].text);
		gf_error err = { .class = GF_OK };
		char **list = NULL;
		size_t n = 7;

		assert_int_equal(gf_json_texts(gf_json_root(doc), &list, &n, &err), lists[i].name == NULL);
		assert_string_equal(err.name, lists[i].name != NULL ? lists[i].name : "");
		assert_int_equal(n, lists[i].n);
		if (n > 0)
			assert_string_equal(list[0], "a");
		assert_null(list[n]);
		gf_texts_free(list, n);
		gf_json_free(doc);
	}
}

static void test_missing(void **state)
{
	gf_json_doc *doc = read_text("{\"a\":{\"b\":[{}]}}");
	gf_json at = gf_json_at(gf_json_get(gf_json_get(gf_json_root(doc), "a"), "b"), 0), v = { 0 };
	const char *text = "old";
	uint64_t n = 42;
	bool yes = true;
	gf_digest d;
	gf_error err;

	(void)state;
	assert_refused(gf_json_object(at, "k", &v, &err), err, GF_DAMAGED, "missing-key");
	assert_string_equal(err.text, "'the text', a.b[0].k: the key is missing");
	assert_refused(gf_json_array(at, "k", &v, &err), err, GF_DAMAGED, "missing-key");
	assert_refused(gf_json_string(at, "k", &text, &err), err, GF_DAMAGED, "missing-key");
	assert_refused(gf_json_u64(at, "k", &n, &err), err, GF_DAMAGED, "missing-key");
	assert_refused(gf_json_digest(at, "k", &d, &err), err, GF_DAMAGED, "missing-key");
	assert_ok(gf_json_string_if(at, "k", &text, &err), err);
	assert_ok(gf_json_u64_if(at, "k", &n, &err), err);
	assert_ok(gf_json_bool_if(at, "k", &yes, &err), err);
	assert_string_equal(text, "old");
	assert_int_equal(n, 42);
	assert_true(yes);
	assert_null(v.node);
	assert_null(gf_json_get(at, "k").node);
	assert_int_equal(gf_json_typeof(gf_json_get(at, "k")), GF_JSON_ABSENT);
	gf_json_free(doc);
}

/* A value that is no object has no members; one that is absent has none either. */
static void test_members_of_no_object(void **state)
{
	static const char *const texts[] = { "[1]", "\"a\"", "7", "1.5", "true", "null" };
	static const char *const keys[] = { "a", NULL };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(texts); i++) {
		gf_json_doc *doc = read_text(texts[i]);
		gf_json root = gf_json_root(doc), v;
		const char *text;
		uint64_t n;
		bool yes;
		gf_digest d;
		gf_error err;

		assert_refused(gf_json_only(root, keys, &err), err, GF_DAMAGED, "json-type");
		assert_int_equal(strncmp(err.text, "'the text': expected an object, found ", 38), 0);
		assert_refused(gf_json_object(root, "a", &v, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_array(root, "a", &v, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_string(root, "a", &text, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_u64(root, "a", &n, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_digest(root, "a", &d, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_string_if(root, "a", &text, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_u64_if(root, "a", &n, &err), err, GF_DAMAGED, "json-type");
		assert_refused(gf_json_bool_if(root, "a", &yes, &err), err, GF_DAMAGED, "json-type");
		assert_null(gf_json_get(root, "a").node);
		assert_null(gf_json_get_any_case(root, "a").node);
		assert_null(gf_json_key_at(root, 0, &v));
		assert_int_equal(gf_json_count(root), i == 0 ? 1 : 0);
		assert_int_equal(gf_json_typeof(gf_json_at(root, 0)), i == 0 ? GF_JSON_INTEGER : GF_JSON_ABSENT);
		assert_null(gf_json_at(root, 1).node);

		v = gf_json_get(root, "a"); /* absent */
		assert_refused(gf_json_string(v, "b", &text, &err), err, GF_DAMAGED, "missing-key");
		assert_ok(gf_json_string_if(v, "b", &text, &err), err);
		assert_ok(gf_json_u64_if(v, "b", &n, &err), err);
		assert_ok(gf_json_bool_if(v, "b", &yes, &err), err);
		assert_refused(gf_json_text(v, &text, &err), err, GF_DAMAGED, "json-type");
		assert_int_equal(gf_json_count(v), 0);
		assert_null(gf_json_get(v, "b").node);
		assert_null(gf_json_get_any_case(v, "b").node);
		gf_json_free(doc);
	}
}

static void test_only(void **state)
{
	static const char *const keys[] = { "digest", "size", "a", NULL };
	static const char *const none[] = { NULL };
	gf_json_doc *doc = read_text("{\"x\":[{\"size\":1,\"digest\":2},{\"size\":1,\"digset\":2},{\"Size\":0},"
				     "{\"wholly-different\":0},{},{\"b\":0},{\"\\u001b[1m\":0}]}");
	gf_json x = gf_json_get(gf_json_root(doc), "x");
	gf_error err;

	(void)state;
	assert_ok(gf_json_only(gf_json_at(x, 0), keys, &err), err);
	assert_refused(gf_json_only(gf_json_at(x, 1), keys, &err), err, GF_DAMAGED, "unknown-key");
	assert_string_equal(err.text, "'the text', x[1].digset: unknown key; did you mean 'digest'?");
	assert_refused(gf_json_only(gf_json_at(x, 2), keys, &err), err, GF_DAMAGED, "unknown-key");
	assert_string_equal(err.text, "'the text', x[2].Size: unknown key; did you mean 'size'?");
	assert_refused(gf_json_only(gf_json_at(x, 3), keys, &err), err, GF_DAMAGED, "unknown-key");
	assert_string_equal(err.text, "'the text', x[3].wholly-different: unknown key");
	assert_ok(gf_json_only(gf_json_at(x, 4), keys, &err), err);
	assert_ok(gf_json_only(gf_json_at(x, 4), none, &err), err);
	assert_refused(gf_json_only(gf_json_at(x, 0), none, &err), err, GF_DAMAGED, "unknown-key");
	/* One letter for another is no likeness. */
	assert_refused(gf_json_only(gf_json_at(x, 5), keys, &err), err, GF_DAMAGED, "unknown-key");
	assert_string_equal(err.text, "'the text', x[5].b: unknown key");
	assert_refused(gf_json_only(gf_json_at(x, 6), keys, &err), err, GF_DAMAGED, "unknown-key");
	assert_string_equal(err.text, "'the text', x[6].\\x1b[1m: unknown key");
	gf_json_free(doc);
}

static void test_any_case(void **state)
{
	gf_json_doc *doc = read_text("{\"CONFIG\":1,\"config\":2,\"Layers\":3,\"layErs\":4,\"LAYERS\":5,\"exact\":6,"
				     "\"EXACT\":7,\"\xc3\x89t\xc3\xa9\":8,\"@Z[\":9,\"lay\":10}");
	gf_json root = gf_json_root(doc);
	static const struct {
		const char *key;
		uint64_t want; /* 0: none */
	} looks[] = { { "Config", 2 }, { "config", 2 }, { "CONFIG", 1 }, { "layers", 5 }, { "Layers", 3 },
		{ "exact", 6 }, { "Exact", 7 }, { "layer", 0 }, { "layerss", 0 }, { "", 0 }, { "\xc3\x89T\xc3\xa9", 8 },
		{ "\xc3\xa9t\xc3\xa9", 0 }, { "@z[", 9 }, { "`z{", 0 }, { "LAY", 10 } };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(looks); i++) {
		gf_json v = gf_json_get_any_case(root, looks[i].key), want = { 0 };

		for (size_t j = 0; j < gf_json_count(root); j++) {
			gf_json member;
			const char *key = gf_json_key_at(root, j, &member);
			uint64_t n = 0;
			gf_error err;

			assert_ok(gf_json_u64(root, key, &n, &err), err);
			if (n == looks[i].want)
				want = member;
		}
		if (v.node != want.node)
			fail_msg("'%s' finds another member than %d", looks[i].key, (int)looks[i].want);
	}
	gf_json_free(doc);
}

/* Objects small and large in one document: the i-th member is the i-th of the text. */
static void test_members_in_order(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 300, 2, 16, 40 };
	gf_json_doc *doc;
	gf_buf b;
	gf_error err;

	(void)state;
	gf_buf_init(&b, GF_MIB);
	puts_times(&b, "[", 1);
	for (size_t i = 0; i < TESTS_OF(sizes); i++) {
		assert_true(gf_buf_puts(&b, i > 0 ? ",{" : "{", &err));
		for (size_t j = 0; j < sizes[i]; j++)
			assert_true(gf_buf_printf(&b, &err, "%s\"k%zu\":%zu", j > 0 ? "," : "", j * 7919 % 1009, j));
		puts_times(&b, "}", 1);
	}
	puts_times(&b, "]", 1);
	doc = read_text(gf_buf_text(&b));
	for (size_t i = 0; i < TESTS_OF(sizes); i++) {
		gf_json object = gf_json_at(gf_json_root(doc), i), v;

		assert_int_equal(gf_json_count(object), sizes[i]);
		for (size_t j = 0; j < sizes[i]; j++) {
			char want[24];
			const char *key = gf_json_key_at(object, j, &v);
			uint64_t n = 0;

			(void)snprintf(want, sizeof want, "k%zu", j * 7919 % 1009);
			assert_string_equal(key, want);
			assert_ptr_equal(v.node, gf_json_get(object, key).node);
			assert_ok(gf_json_u64(object, key, &n, &err), err);
			assert_int_equal(n, j);
		}
		assert_null(gf_json_key_at(object, sizes[i], &v));
		assert_null(v.node);
		assert_null(gf_json_key_at(object, SIZE_MAX, &v));
	}
	assert_null(gf_json_at(gf_json_root(doc), TESTS_OF(sizes)).node);
	gf_json_free(doc);
	gf_buf_clear(&b);
}

/* ---- what messages say ---- */

static void test_paths(void **state)
{
	gf_json_doc *doc =
	    read_text("{\"images\":[{\"n\":1},{\"platforms\":[0,{\"digest\":5,\"z\":null,\"t\":true,"
		      "\"f\":false,\"r\":0.5,\"o\":{},\"a\":[]}]}],\"d\":\"sha256:\\u001bx\",\"\\u001b[1m\":[[]]}");
	gf_json images = gf_json_get(gf_json_root(doc), "images");
	gf_json p = gf_json_at(gf_json_get(gf_json_at(images, 1), "platforms"), 1);
	const char *text;
	gf_digest d;
	gf_json v;
	gf_error err;

#define SAYS(call, path_and_text)                                                                                      \
	do {                                                                                                           \
		assert_false(call);                                                                                    \
		assert_string_equal(err.text, "'the text'" path_and_text);                                             \
	} while (0)
	(void)state;
	SAYS(gf_json_string(p, "digest", &text, &err),
	    ", images[1].platforms[1].digest: expected a text, found an integer");
	SAYS(gf_json_string(p, "z", &text, &err), ", images[1].platforms[1].z: expected a text, found null");
	SAYS(gf_json_string(p, "t", &text, &err), ", images[1].platforms[1].t: expected a text, found true");
	SAYS(gf_json_string(p, "f", &text, &err), ", images[1].platforms[1].f: expected a text, found false");
	SAYS(gf_json_string(p, "o", &text, &err), ", images[1].platforms[1].o: expected a text, found an object");
	SAYS(gf_json_array(p, "o", &v, &err), ", images[1].platforms[1].o: expected a list, found an object");
	SAYS(gf_json_object(p, "a", &v, &err), ", images[1].platforms[1].a: expected an object, found a list");
	SAYS(gf_json_u64(p, "r", &(uint64_t){ 0 }, &err),
	    ", images[1].platforms[1].r: expected an integer, found a number that is no integer");
	SAYS(gf_json_bool_if(p, "digest", &(bool){ 0 }, &err),
	    ", images[1].platforms[1].digest: expected true or false, found an integer");
	SAYS(gf_json_string(p, "gone", &text, &err), ", images[1].platforms[1].gone: the key is missing");
	SAYS(gf_json_digest(gf_json_root(doc), "d", &d, &err),
	    ", d: expected 'sha256:' and 64 lower-case hexadecimal digits, found 'sha256:\\x1bx'; other algorithms are "
	    "not supported");
	SAYS(gf_json_string(images, "x", &text, &err), ", images: expected an object, found a list");
	SAYS(gf_json_text(gf_json_at(images, 0), &text, &err), ", images[0]: expected a text, found an object");
	SAYS(gf_json_fail(gf_json_at(images, 1), "planted", &err, "%d of %s", 3, "them"), ", images[1]: 3 of them");
	assert_int_equal(err.class, GF_DAMAGED);
	assert_string_equal(err.name, "planted");
	assert_string_equal(err.object, NAME);
	SAYS(gf_json_fail(gf_json_root(doc), "planted", &err, "all"), ": all");
	v = gf_json_at(gf_json_get(gf_json_root(doc), "\x1b[1m"), 0);
	SAYS(gf_json_fail(v, "planted", &err, "it"), ", \\x1b[1m[0]: it");
	gf_json_free(doc);
}

/* A path without end is cut, and says so. */
static void test_long_paths(void **state)
{
	gf_buf b;
	gf_json_doc *doc;
	gf_json v;
	const char *text;
	gf_error err;

	(void)state;
	gf_buf_init(&b, GF_MIB);
	for (int i = 0; i < 30; i++)
		puts_times(&b, "{\"a-rather-long-key\":", 1);
	puts_times(&b, "{}", 1);
	puts_times(&b, "}", 30);
	doc = read_text(gf_buf_text(&b));
	v = gf_json_root(doc);
	for (int i = 0; i < 30; i++)
		v = gf_json_get(v, "a-rather-long-key");
	assert_refused(gf_json_string(v, "last", &text, &err), err, GF_DAMAGED, "missing-key");
	assert_int_equal(strncmp(err.text, "'the text', a-rather-long-key.a-rather-long-key.", 48), 0);
	assert_non_null(strstr(err.text, "...: the key is missing"));
	assert_true(strlen(err.text) < 300);
	gf_json_free(doc);
	b.len = 0;
	/* 200 bytes have room, the "[0]" behind them has not */
	for (int i = 0; i < 4; i++) {
		puts_times(&b, "{\"", 1);
		puts_times(&b, "k", i < 3 ? 60 : 17);
		puts_times(&b, "\":", 1);
	}
	puts_times(&b, "[0]", 1);
	puts_times(&b, "}", 4);
	doc = read_text(gf_buf_text(&b));
	v = gf_json_root(doc);
	for (int i = 0; i < 4; i++)
		(void)gf_json_key_at(v, 0, &v);
	assert_false(gf_json_fail(v, "planted", &err, "it"));
	assert_non_null(strstr(err.text, ".kkkkkkkkkkkkkkkkk: it"));
	assert_refused(gf_json_text(gf_json_at(v, 0), &text, &err), err, GF_DAMAGED, "json-type");
	assert_non_null(strstr(err.text, ".kkkkkkkkkkkkkkkkk...: expected a text"));
	gf_json_free(doc);
	b.len = 0;
	puts_times(&b, "{\"", 1);
	puts_times(&b, "k", 5000);
	puts_times(&b, "\":1}", 1);
	doc = read_text(gf_buf_text(&b));
	assert_refused(
	    gf_json_only(gf_json_root(doc), (const char *const[]){ "a", NULL }, &err), err, GF_DAMAGED, "unknown-key");
	assert_non_null(strstr(err.text, "kkk...: unknown key"));
	assert_true(strlen(err.text) < 200);
	gf_json_free(doc);
	gf_buf_clear(&b);
}

static void test_library(void **state)
{
	const char *version = gf_json_library();

	(void)state;
	assert_true(version[0] >= '1' && version[0] <= '9');
	assert_int_equal(strspn(version, "0123456789."), strlen(version));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_members_of_no_object),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_any_case),
		cmocka_unit_test(test_members_in_order),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
