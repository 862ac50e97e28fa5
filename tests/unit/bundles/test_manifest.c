/* The signed statement: parsed and printed back, completed from the graph, and each rule of FORMAT.md 2 broken once. */
#include "common.h"

static opened full;
static gf_buf text; /* a copy to edit */

static void restart(void)
{
	const gf_buf *from = gf_reader_statement(full.r);
	gf_error err;

	gf_buf_clear(&text);
	gf_buf_init(&text, 64 * GF_MIB);
	assert_true(gf_buf_add(&text, from->data, from->len, &err));
}

/* Replace the first n places of from. */
static void edit(const char *from, const char *to, size_t n)
{
	gf_error err;
	gf_buf out;
	const char *at = text.data, *hit;

	gf_buf_init(&out, 64 * GF_MIB);
	for (; n != 0 && (hit = strstr(at, from)) != NULL; n--, at = hit + strlen(from))
		assert_true(gf_buf_add(&out, at, (size_t)(hit - at), &err) && gf_buf_puts(&out, to, &err));
	if (at == text.data)
		fail_msg("no '%s' to edit", from);
	assert_true(gf_buf_puts(&out, at, &err));
	gf_buf_clear(&text);
	text = out;
}

static void test_round_trip(void **state)
{
	const gf_buf *from = gf_reader_statement(full.r);
	gf_error err;
	gf_buf out;

	(void)state;
	gf_buf_init(&out, GF_STATEMENT_MAX);
	assert_true(gf_manifest_print(full.m, &out, &err));
	assert_string_equal(out.data, from->data);
	gf_buf_clear(&out);
}

static void test_fields(void **state)
{
	const gf_manifest *m = full.m;

	(void)state;
	assert_int_equal(m->epoch, 1);
	assert_int_equal(m->sequence, 42);
	assert_int_equal(m->previous_sequence, 41);
	assert_int_equal(m->n_audience, 2);
	assert_int_equal(m->trust_version, 3);
	assert_int_equal(m->created, 1795395723);
	assert_string_equal(m->build.requester, "Zo\xc3\xab \"Z\" \xc3\x96");
	assert_int_equal(m->build.n_labels, 2);
	assert_string_equal(m->build.labels[0].value, "shop\n2");
	assert_string_equal(m->images[1].load, "linux/amd64");
	assert_int_equal(m->images[1].n_platforms, 2);
	assert_int_equal(m->images[1].n_evidence, 1);
	assert_true(m->images[1].has_source_index);
	assert_null(m->images[2].load);
}

static void wipe(gf_manifest *m, gf_graph *g)
{
	for (size_t i = 0; i < m->n_blobs; i++)
		g->blobs[gf_graph_find(g, &m->blobs[i].digest)].raw_size = m->blobs[i].raw_size;
	for (size_t i = 0; i < m->n_images; i++) {
		free(m->images[i].media_type);
		free(m->images[i].load);
		m->images[i].media_type = m->images[i].load = NULL;
		m->images[i].size = 0;
	}
	m->n_blobs = 0;
	memset(m->files, 0, sizeof m->files);
}

/* What pack leaves to the graph comes out as it was. */
static void test_complete(void **state)
{
	opened o = open_full();
	gf_graph *g = (gf_graph *)(uintptr_t)gf_reader_graph(o.r);
	gf_error err = { 0 };
	gf_buf out;

	(void)state;
	wipe(o.m, g);
	gf_buf_init(&out, GF_STATEMENT_MAX);
	assert_true(gf_manifest_complete(o.m, g, "linux/amd64", &err));
	if (!gf_manifest_print(o.m, &out, &err))
		fail_msg("%s: %s", err.name, err.text);
	assert_string_equal(out.data, gf_reader_statement(o.r)->data);
	/* another platform for docker load; one that no image has leaves the first linux one */
	assert_true(gf_manifest_complete(o.m, g, "linux/arm64", &err));
	assert_string_equal(o.m->images[1].load, "linux/arm64/v8");
	assert_string_equal(o.m->images[0].load, "linux/amd64");
	assert_null(o.m->images[2].load);
	assert_true(gf_platform_same("linux/arm64/v8", "linux/arm64") &&
	    gf_platform_same("linux/arm", "linux/arm/v7") && gf_platform_same("linux/amd64/v1", "linux/amd64") &&
	    !gf_platform_same("linux/arm", "linux/arm/v6") && !gf_platform_same("linux/amd64", "linux/amd64/v3") &&
	    !gf_platform_same("linux/arm", "linux/arm64"));
	assert_true(gf_platform_valid("linux/arm/v7") && gf_platform_valid("windows/amd64"));
	for (size_t i = 0; i < 6; i++)
		assert_false(gf_platform_valid(
		    (const char *const[]){ "", "linux", "linux/", "/amd64", "linux/AMD64", "a/b/c/d" }[i]));
	gf_buf_clear(&out);
	/* a root that is no image of it; more names than manifest.json has room for */
	o.m->n_images--;
	assert_false(gf_manifest_complete(o.m, g, "linux/amd64", &err));
	assert_error(err, GF_FAILED, "internal");
	o.m->n_images++;
	free(o.m->images[0].names[0]);
	o.m->images[0].names[0] = calloc(1, GF_MIB + 1);
	assert_non_null(o.m->images[0].names[0]);
	memset(o.m->images[0].names[0], 'a', GF_MIB);
	assert_false(gf_manifest_complete(o.m, g, "linux/amd64", &err));
	assert_error(err, GF_USAGE, "too-large");
	opened_close(&o);
}

/* A manifest that differs from the graph in one point. */
static void test_compare(void **state)
{
	gf_error err = { 0 };
	gf_buf files[GF_FILES];
	const gf_graph *g = gf_reader_graph(full.r);
	gf_manifest *m = full.m;
	gf_digest kept = m->images[1].platforms[1].image_id;

	(void)state;
	for (int i = 0; i < GF_FILES; i++) {
		gf_buf_init(&files[i], GF_DERIVED_MAX);
		assert_true(gf_derive(m, g, i, &files[i], &err));
	}
	assert_false(gf_derive(m, g, GF_FILES, &(gf_buf){ 0 }, &err));
	assert_error(err, GF_FAILED, "internal");
	assert_true(gf_manifest_compare(m, g, files, false, &err));
#define DIFFERENT(change, back)                                                                                        \
	do {                                                                                                           \
		change;                                                                                                \
		assert_false(gf_manifest_compare(m, g, files, false, &err));                                           \
		assert_error(err, GF_DAMAGED, "manifest-graph");                                                       \
		back;                                                                                                  \
		assert_true(gf_manifest_compare(m, g, files, false, &err));                                            \
	} while (0)
	DIFFERENT(m->images[0].size++, m->images[0].size--);
	DIFFERENT(m->images[1].n_platforms--, m->images[1].n_platforms++);
	DIFFERENT(m->images[1].platforms[1].image_id = m->images[0].digest, m->images[1].platforms[1].image_id = kept);
	DIFFERENT(m->images[0].load[6] = 'x', m->images[0].load[6] = 'a');
	DIFFERENT(m->images[0].media_type[0] = 'x', m->images[0].media_type[0] = 'a');
	DIFFERENT(m->n_blobs--, m->n_blobs++);
	DIFFERENT(m->blobs[0].kind = GF_KIND_LAYER, m->blobs[0].kind = GF_KIND_JSON);
	DIFFERENT(m->blobs[3].size++, m->blobs[3].size--);
	DIFFERENT(m->files[2].size++, m->files[2].size--);
	DIFFERENT(m->files[0].digest.bytes[5] ^= 1, m->files[0].digest.bytes[5] ^= 1);
	DIFFERENT(files[1].data[3] ^= 1, files[1].data[3] ^= 1);
	DIFFERENT(files[3].len--, files[3].len++);
	DIFFERENT(m->images[0].names[0][0] = 'x', m->images[0].names[0][0] = 'd');
	for (int i = 0; i < GF_FILES; i++)
		gf_buf_clear(&files[i]);
}

#define ALL SIZE_MAX
#define APP "42b9c2c59a573413d3cbd3e7916422810d0c1bd960f4437e7adedd0836cec2c1"
#define EVIDENCE "sha256:37d29b666dd7976b1ba9b987d8da7057e006c116d378e90d6e47da551ae26d2b"
#define LAST_JSON "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define NOTE "a2a09e78411be2895466fdc522322477311dadec9d611b4fb9fb9d1ba7a7cb16"

static void test_rules(void **state)
{
	static const struct {
		const char *from, *to;
		size_t n;
		const char *name;
	} rules[] = {
		{ "Statement/v1\"", "Statement/v0.1\"", 1, "manifest-type" },
		{ "gapferry:bundle:v1", "gapferry:approval:v1", 1, "manifest-type" },
		{ "gapferry:bundle:v1", "gapferry:bundle:v2", 1, "manifest-type" },
		{ "\"stream\": \"shop\",", "\"stream\": \"shop\", \"more\": 1,", 1, "unknown-key" },
		{ "\"name\": \"docker.io/acme/app:1.4.0\",", "\"name\": \"docker.io/acme/app:1.4.0\", \"x\": 1,", 1,
		    "unknown-key" },
		{ "\"kind\": \"json\"", "\"kind\": \"json\", \"x\": 1", 1, "unknown-key" },
		{ "\"stream\": \"shop\",", "\"stream\": \"shop\", \"stream\": \"shop\",", 1, "json" },
		{ "\"stream\": \"shop\",", "\"stream\": \"shop\", \"\\u0073tream\": \"shop\",", 1, "json" },
		{ "\"stream\": \"shop\",\n", "", 1, "manifest-stream" },
		{ "\"epoch\": 1,\n", "", 1, "manifest-stream" },
		{ "\"sequence\": 42,\n", "", 1, "manifest-stream" },
		{ "\"stream\": \"shop\"", "\"stream\": \"Shop\"", 1, "manifest-stream" },
		{ "\"stream\": \"shop\"", "\"stream\": \"../shop\"", 1, "manifest-stream" },
		{ "\"sequence\": 42", "\"sequence\": 9007199254740992", 1, "json-range" },
		{ "\"sequence\": 42", "\"sequence\": -1", 1, "json-range" },
		{ "\"sequence\": 42", "\"sequence\": 42.0", 1, "json-type" },
		{ "\"sequence\": 42", "\"sequence\": \"42\"", 1, "json-type" },
		{ "\"sequence\": 42", "\"sequence\": null", 1, "json-type" },
		{ "\"version\": \"1.4.0\"", "\"version\": null", 1, "json-type" },
		{ "\"site-b\"", "\"site-a\"", 1, "manifest-twice" },
		{ "\"site-b\"", "\"Site\"", 1, "manifest-audience" },
		{ "\"trustVersion\": 3", "\"trustVersion\": 0", 1, "manifest-trust-version" },
		{ "2026-11-23T01:02:03Z", "2026-11-23T01:02:03", 1, "time-form" },
		{ "2026-11-23T01:02:03Z", "2026-11-31T01:02:03Z", 1, "time-form" },
		{ "2026-11-23T01:02:03Z", "2026-11-23T01:02:03+00:00", 1, "time-form" },
		{ "2027-05-23T00:00:00Z", "2026-11-23T01:02:03Z", 1, "manifest-time" },
		{ "\"created\": \"2026-11-23T01:02:03Z\",\n", "", 1, "missing-key" },
		{ "\"system\": \"azure-pipelines\"", "\"system\": 1", 1, "json-type" },
		{ "\"system\": \"azure-pipelines\"", "\"System\": \"x\"", 1, "unknown-key" },
		{ "\"ticket\"", "\"a\"", 1, "manifest-labels" },
		{ "\"name\": \"gapferry\"", "\"name\": \"other\"", 1, "manifest-type" },
		{ "docker.io/acme/note:1", "docker.io/acme/note 1", ALL, "manifest-name" },
		{ "docker.io/acme/note:1", "docker.io/acme/\\u001bnote:1", ALL, "manifest-name" },
		{ "docker.io/acme/note:1", "", ALL, "manifest-name" },
		{ "docker.io/acme/note:1", "docker.io/acme/app:latest", ALL, "manifest-twice" },
		{ NOTE, APP, ALL, "manifest-twice" },
		{ "\"source\": \"oci\"", "\"source\": \"/home/me/oci\"", 1, "manifest-source" },
		{ "\"source\": \"oci\"", "\"source\": \"oci:/home/me\"", 1, "manifest-source" },
		{ "\"mediaType\": \"application/vnd.oci.image.index.v1+json\"", "\"mediaType\": \"text/plain\"", 1,
		    "media-type" },
		{ "\"digest\": \"sha256:" NOTE "\"", "\"digest\": \"sha512:" NOTE "\"", 1, "digest-form" },
		{ "\"sourceIndex\": \"sha256:ab", "\"sourceIndex\": \"sha256:AB", 1, "digest-form" },
		{ "\"path\": \"oci-layout\"", "\"path\": \"oci_layout\"", 1, "manifest-files" },
		{ "\"size\": 564", "\"size\": 1048577", 1, "too-large" },
		{ "\"size\": 1688", "\"size\": 67108865", 1, "too-large" },
		{ "\"kind\": \"evidence\"", "\"kind\": \"layer\"", 1, "manifest-blobs" },
		{ "\"kind\": \"json\"", "\"kind\": \"config\"", 1, "manifest-blobs" },
		{ "\"kind\": \"json\"", "\"kind\": \"json\", \"uncompressedSize\": 7", 1, "manifest-blobs" },
		{ "\"uncompressedSize\": 10240", "\"uncompressedSize\": 0", 1, "manifest-blobs" },
		{ "\"size\": 398,", "\"size\": 4194305,", 1, "too-large" },
		{ "\"size\": 120,", "\"size\": 268435457,", 1, "too-large" },
		{ "\"size\": 10240,", "\"size\": 9007199254740991,", ALL, "too-large" },
		{ "\"name\": \"docker.io/acme/note:1\"", "\"name\": \"docker.io/acme/note:2\"", 1, "manifest-subject" },
		{ "\"sha256\": \"" NOTE "\"", "\"sha256\": \"" APP "\"", 1, "manifest-subject" },
		{ "\"sha256\": \"" NOTE "\"", "\"sha256\": \"x\"", 1, "digest-form" },
		{ "{\n   \"name\": \"docker.io/acme/app:1.4.0\",\n   \"digest\": {\n    \"sha256\": \"" APP
		  "\"\n   }\n  },",
		    "", 1, "manifest-subject" },
		{ " ],\n \"predicateType\"",
		    " ,{\"name\":\"x\",\"digest\":{\"sha256\":\"" APP "\"}}],\n \"predicateType\"", 1,
		    "manifest-subject" },
		{ "\"evidence\": [", "\"evidence\": [\"sha256:x\",", 1, "digest-form" },
		{ "\"evidence\": [", "\"evidence\": [\"" EVIDENCE "\",", 1, "manifest-twice" },
		{ "\"oci\",\n    \"digest\": \"sha256:" NOTE, "\"oci\",\n    \"digest\": \"sha256:" APP, 1,
		    "manifest-twice" },
		{ "\"digest\": \"" LAST_JSON "\",\n    \"size\"", "\"digest\": \"" EVIDENCE "\",\n    \"size\"", 1,
		    "manifest-twice" },
		{ "\"subject\": [", "\"subject\": [{\"name\":\"x\",\"digest\":{\"sha256\":\"" APP "\"}},", 1,
		    "manifest-subject" },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		gf_manifest *m;

		err = (gf_error){ 0 };
		restart();
		edit(rules[i].from, rules[i].to, rules[i].n);
		m = gf_manifest_parse(text.data, text.len, &err);
		if (m != NULL || strcmp(err.name, rules[i].name) != 0 || err.class != GF_DAMAGED)
			fail_msg("'%s' -> '%s': '%s' (%s), expected '%s'", rules[i].from, rules[i].to, err.name,
			    err.text, rules[i].name);
	}
}

/* The first list or object of this key, emptied. */
static void edit_empty(const char *key)
{
	char from[64];
	char *begin, *end;
	int depth = 0;

	(void)snprintf(from, sizeof from, "\"%s\": ", key);
	begin = strstr(text.data, from);
	assert_non_null(begin);
	begin += strlen(from);
	for (end = begin; end == begin || depth > 0; end++)
		depth += *end == '[' || *end == '{' ? 1 : *end == ']' || *end == '}' ? -1 : 0;
	memset(begin + 1, ' ', (size_t)(end - begin) - 2);
}

static void test_empty(void **state)
{
	static const char *const lists[][2] = { { "audience", "manifest-audience" }, { "labels", "manifest-labels" },
		{ "names", "manifest-name" }, { "images", "manifest-images" }, { "files", "manifest-files" },
		{ "subject", "manifest-subject" } };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		err = (gf_error){ 0 };
		restart();
		edit_empty(lists[i][0]);
		assert_null(gf_manifest_parse(text.data, text.len, &err));
		assert_error(err, GF_DAMAGED, lists[i][1]);
	}
}

/* What is allowed at the edge of each rule. */
static void test_allowed(void **state)
{
	static const struct {
		const char *from, *to;
		size_t n;
	} edits[] = {
		{ "\"sequence\": 42", "\"sequence\": 9007199254740991", 1 },
		{ "\"epoch\": 1", "\"epoch\": 0", 1 },
		{ "\"size\": 398,", "\"size\": 4194304,", 1 },
		{ "\"size\": 120,", "\"size\": 268435456,", 1 },
		{ "\"size\": 564", "\"size\": 1048576", 1 },
		{ "docker.io/acme/note:1", "[::1]:5000/a__b/c--d@sha256:" NOTE, ALL },
		{ "\"expires\": \"2027-05-23T00:00:00Z\",", "", 1 },
		{ "\"stream\": \"shop\",\n  \"epoch\": 1,\n  \"sequence\": 42,", "", 1 },
		{ "\n", "\r\n\t", ALL },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		gf_manifest *m;

		restart();
		edit(edits[i].from, edits[i].to, edits[i].n);
		m = gf_manifest_parse(text.data, text.len, &err);
		if (m == NULL)
			fail_msg("'%s' -> '%s': %s %s", edits[i].from, edits[i].to, err.name, err.text);
		gf_manifest_free(m);
	}
}

static void test_name_length(void **state)
{
	gf_error err;
	char name[600];
	gf_manifest *m;

	(void)state;
	memset(name, 'a', sizeof name);
	name[512] = '\0';
	restart();
	edit("docker.io/acme/note:1", name, ALL);
	m = gf_manifest_parse(text.data, text.len, &err);
	assert_non_null(m);
	gf_manifest_free(m);
	name[512] = 'a';
	name[513] = '\0';
	restart();
	edit("docker.io/acme/note:1", name, ALL);
	assert_null(gf_manifest_parse(text.data, text.len, &err));
	assert_error(err, GF_DAMAGED, "manifest-name");
}

/* What no reader would take is not printed: pack fails before it signs. */
static void test_print_checks(void **state)
{
	opened o = open_full();
	gf_error err;
	gf_buf out;

	(void)state;
	gf_buf_init(&out, GF_STATEMENT_MAX);
	o.m->expires = o.m->created;
	assert_false(gf_manifest_print(o.m, &out, &err));
	assert_error(err, GF_USAGE, "manifest-time");
	o.m->expires++;
	/* larger than a statement may be */
	gf_buf_clear(&out);
	gf_buf_init(&out, 64 * GF_MIB);
	free(o.m->build.url);
	o.m->build.url = calloc(1, GF_STATEMENT_MAX + 1);
	assert_non_null(o.m->build.url);
	memset(o.m->build.url, 'a', GF_STATEMENT_MAX);
	assert_false(gf_manifest_print(o.m, &out, &err));
	assert_error(err, GF_USAGE, "too-large");
	gf_buf_clear(&out);
	opened_close(&o);
}

/* The blobs of the statement become n of this kind and size. */
static void many_blobs(unsigned n, const char *kind, uint64_t size)
{
	gf_error err = { 0 };

	restart();
	*strstr(text.data, "\"blobs\": [") = '\0';
	text.len = strlen(text.data);
	assert_true(gf_buf_puts(&text, "\"blobs\": [", &err));
	for (unsigned i = 0; i < n; i++)
		assert_true(gf_buf_printf(&text, &err, "%s{\"digest\":\"sha256:%064x\",\"size\":%llu,\"kind\":\"%s\"}",
		    i != 0 ? "," : "", i, (unsigned long long)size, kind));
	assert_true(gf_buf_puts(&text, "]}}", &err));
}

static void test_caps_together(void **state)
{
	gf_error err = { 0 };
	gf_manifest *m;

	(void)state;
	many_blobs(16, "json", GF_JSON_BLOB_MAX);
	m = gf_manifest_parse(text.data, text.len, &err);
	assert_non_null(m);
	gf_manifest_free(m);
	many_blobs(17, "json", GF_JSON_BLOB_MAX);
	assert_null(gf_manifest_parse(text.data, text.len, &err));
	assert_error(err, GF_DAMAGED, "too-large");
	many_blobs(2, "layer", GF_BLOB_MAX - 1);
	assert_null(gf_manifest_parse(text.data, text.len, &err));
	assert_error(err, GF_DAMAGED, "too-large");
}

/* Twenty thousand blobs, and not in quadratic time: cut off by the runner's time limit otherwise. */
static void test_many_blobs(void **state)
{
	gf_error err = { 0 };
	gf_manifest *m;

	(void)state;
	many_blobs(20000, "layer", 1);
	m = gf_manifest_parse(text.data, text.len, &err);
	if (m == NULL)
		fail_msg("%s: %s", err.name, err.text);
	assert_int_equal(m->n_blobs, 20000);
	gf_manifest_free(m);
}

static int enter_manifest(void **state)
{
	if (enter(state) != 0)
		return -1;
	full = open_full();
	return 0;
}

static int leave_manifest(void **state)
{
	opened_close(&full);
	gf_buf_clear(&text);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_print_checks),
		cmocka_unit_test(test_caps_together),
		cmocka_unit_test(test_many_blobs),
	};

	return cmocka_run_group_tests_name("bundles/manifest", tests, enter_manifest, leave_manifest);
}
