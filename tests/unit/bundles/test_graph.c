/* The walk: order, kinds, platforms, pushes, needs, and each rule of the graph broken once. */
#include "common.h"

#define INDEX "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_INDEX "\",\"manifests\":["
#define MANIFEST "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_MANIFEST "\","
#define EMPTY "application/vnd.oci.empty.v1+json"
#define UNKNOWN ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}"
#define AMD64 ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}"

static gf_store *store;
static gf_buf scratch;

static int fresh(void **state)
{
	gf_error err;

	(void)state;
	gf_store_free(store);
	store = gf_store_new(&err);
	return store != NULL ? 0 : -1;
}

static int empty(void **state)
{
	(void)state;
	gf_store_free(store);
	store = NULL;
	return 0;
}

static gf_digest digest_of(const char *text)
{
	gf_digest d;
	gf_error err;

	assert_true(gf_hash_bytes(text, strlen(text), &d, &err));
	return d;
}

/* text into the store. */
static gf_digest add(const char *text)
{
	gf_digest d = digest_of(text);
	gf_error err;
	gf_buf b;

	gf_buf_init(&b, GF_JSON_BLOB_MAX);
	assert_true(gf_buf_puts(&b, text, &err) && gf_store_add(store, &d, &b, &err));
	return d;
}

/* A descriptor of text; static storage, eight at a time. */
static const char *desc(const char *type, const char *text, const char *more)
{
	static char out[8][1024];
	static size_t next;
	gf_digest d = digest_of(text);
	char digest[GF_DIGEST_SIZE];
	char *to = out[next++ % 8];

	gf_digest_text(&d, digest);
	snprintf(to, sizeof out[0], "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu%s}", type, digest,
	    strlen(text), more);
	return to;
}

static const char *config_text(size_t n_layers)
{
	static char out[4096];
	char *at = out;

	at += sprintf(at,
	    "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\",\"rootfs\":{\"type\":\"layers\","
	    "\"diff_ids\":[");
	for (size_t i = 0; i < n_layers; i++)
		at += sprintf(at, "%s\"sha256:%064zx\"", i != 0 ? "," : "", i);
	sprintf(at, "]}}");
	return out;
}

/* A manifest of the layers' texts, with the config of a runnable image; returned text lives until the next 8. */
static const char *image(const char *const *layers, size_t n)
{
	static char out[8][8192];
	static size_t next;
	char *text = out[next++ % 8], *at = text;

	add(config_text(n));
	at += sprintf(at, MANIFEST "\"config\":%s,\"layers\":[", desc(GF_TYPE_CONFIG, config_text(n), ""));
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s%s", i != 0 ? "," : "", desc(GF_TYPE_LAYER, layers[i], ""));
	sprintf(at, "]}");
	add(text);
	return text;
}

static gf_graph *build(const gf_digest *roots, size_t n, gf_error *err)
{
	gf_root r[8] = { { .name = "first" }, { .name = "second" } };

	*err = (gf_error){ 0 };
	for (size_t i = 0; i < n; i++)
		r[i].digest = roots[i];
	return gf_graph_build(store, r, n, GF_DAMAGED, err);
}

static gf_graph *build_ok(const gf_digest *roots, size_t n)
{
	gf_error err;
	gf_graph *g = build(roots, n, &err);

	if (g == NULL)
		fail_msg("%s: %s", err.name, err.text);
	return g;
}

static void refused(gf_digest root, const char *name)
{
	gf_error err;
	gf_graph *g = build(&root, 1, &err);

	if (g != NULL || strcmp(err.name, name) != 0)
		fail_msg("'%s' (%s), expected '%s'", err.name, err.text, name);
	if (strcmp(name, "graph-unreferenced") != 0 && strstr(err.text, "image 'first'") == NULL)
		fail_msg("no image is named: %s", err.text);
}

static void is_blob(const gf_graph *g, size_t i, const char *text, gf_kind kind)
{
	gf_digest d = digest_of(text);

	assert_true(i < g->n_blobs);
	assert_true(gf_digest_equal(&g->blobs[i].digest, &d));
	assert_int_equal(g->blobs[i].size, strlen(text));
	assert_int_equal(g->blobs[i].kind, kind);
	assert_int_equal(gf_graph_find(g, &d), i);
}

/* ---- order and kinds ---- */

static void test_image(void **state)
{
	static const char *const layers[] = { "one", "two", "one" };
	const char *text = image(layers, 3);
	gf_digest root = digest_of(text);
	gf_graph *g = build_ok(&root, 1);

	(void)state;
	assert_int_equal(g->n_blobs, 4);
	is_blob(g, 0, text, GF_KIND_JSON);
	is_blob(g, 1, config_text(3), GF_KIND_JSON);
	is_blob(g, 2, "one", GF_KIND_LAYER);
	is_blob(g, 3, "two", GF_KIND_LAYER);
	assert_int_equal(g->trees[0].n_platforms, 1);
	assert_string_equal(g->trees[0].platforms[0].platform, "linux/arm/v7");
	assert_true(g->trees[0].platforms[0].runnable);
	assert_int_equal(g->trees[0].platforms[0].n_diff_ids, 3);
	assert_int_equal(g->trees[0].platforms[0].document->n_items, 3);
	assert_int_equal(g->trees[0].n_pushes, 1);
	assert_int_equal(g->trees[0].n_needs, 3);
	assert_int_equal(g->trees[0].needs[0], 1);
	assert_int_equal(g->trees[0].needs[2], 3);
	assert_string_equal(g->trees[0].media_type, GF_TYPE_MANIFEST);
	assert_int_equal(g->trees[0].size, strlen(text));
	gf_graph_free(g);
}

static void test_no_layers(void **state)
{
	gf_digest root = digest_of(image(NULL, 0));
	gf_graph *g = build_ok(&root, 1);

	(void)state;
	assert_int_equal(g->n_blobs, 2);
	assert_true(g->trees[0].platforms[0].runnable);
	gf_graph_free(g);
}

static char att[8192];

/* A manifest like BuildKit's; its one layer is of this type. */
static const char *attestation(const char *layer_type)
{
	add("{}");
	snprintf(att, sizeof att, MANIFEST "\"config\":%s,\"layers\":[%s]}", desc(EMPTY, "{}", ""),
	    desc(layer_type, "statement", ""));
	add(att);
	return att;
}

static void test_index(void **state)
{
	static const char *const layers[] = { "base" };
	char index[8192], child[8192];
	gf_digest root;
	gf_graph *g;

	(void)state;
	strcpy(child, image(layers, 1));
	attestation(GF_TYPE_IN_TOTO);
	snprintf(index, sizeof index, INDEX "%s,%s]}", desc(GF_TYPE_MANIFEST, att, UNKNOWN),
	    desc(GF_TYPE_MANIFEST, child, AMD64));
	root = add(index);
	g = build_ok(&root, 1);
	assert_int_equal(g->n_blobs, 7);
	is_blob(g, 0, index, GF_KIND_JSON); /* depth first: a parent before its children */
	is_blob(g, 1, att, GF_KIND_JSON);
	is_blob(g, 2, "{}", GF_KIND_JSON);
	is_blob(g, 3, child, GF_KIND_JSON);
	is_blob(g, 4, config_text(1), GF_KIND_JSON);
	is_blob(g, 5, "statement", GF_KIND_EVIDENCE);
	is_blob(g, 6, "base", GF_KIND_LAYER);
	assert_int_equal(g->trees[0].n_platforms, 1);                          /* not the attestation */
	assert_string_equal(g->trees[0].platforms[0].platform, "linux/amd64"); /* the descriptor's word */
	assert_int_equal(g->trees[0].n_pushes, 3);                             /* children first */
	assert_true(gf_digest_equal(&g->trees[0].pushes[0].digest, &g->blobs[1].digest));
	assert_true(gf_digest_equal(&g->trees[0].pushes[2].digest, &root));
	assert_string_equal(g->trees[0].pushes[2].media_type, GF_TYPE_INDEX);
	assert_int_equal(g->trees[0].n_needs, 4); /* their places among the blobs */
	assert_int_equal(g->trees[0].needs[0], 2);
	assert_int_equal(g->trees[0].needs[1], 5);
	assert_int_equal(g->trees[0].needs[2], 4);
	assert_int_equal(g->trees[0].needs[3], 6);
	gf_graph_free(g);
}

/* Unknown platform and a tar, or no layer: something that may run does not pass as an attestation. */
static void test_no_attestation(void **state)
{
	static const char *const types[] = { GF_TYPE_LAYER, "application/spdx+json" };
	char index[8192];
	gf_digest root;
	gf_graph *g;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fresh(state), 0);
		attestation(types[i]);
		snprintf(index, sizeof index, INDEX "%s]}", desc(GF_TYPE_MANIFEST, att, UNKNOWN));
		root = add(index);
		g = build_ok(&root, 1);
		assert_int_equal(g->trees[0].n_platforms, 1);
		assert_string_equal(g->trees[0].platforms[0].platform, "unknown/unknown");
		assert_false(g->trees[0].platforms[0].runnable);
		is_blob(g, 3, "statement", GF_KIND_LAYER);
		gf_graph_free(g);
	}
	/* in-toto layers and another platform, or none */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fresh(state), 0);
		attestation(GF_TYPE_IN_TOTO);
		snprintf(index, sizeof index, INDEX "%s]}", desc(GF_TYPE_MANIFEST, att, i == 0 ? AMD64 : ""));
		root = add(index);
		g = build_ok(&root, 1);
		assert_int_equal(g->trees[0].n_platforms, 1);
		gf_graph_free(g);
	}
}

/* One manifest as attestation and as platform: both hold, in either order. */
static void test_two_roles(void **state)
{
	char index[8192];
	gf_digest root;
	gf_graph *g;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fresh(state), 0);
		attestation(GF_TYPE_IN_TOTO);
		snprintf(index, sizeof index, INDEX "%s,%s]}", desc(GF_TYPE_MANIFEST, att, i == 0 ? AMD64 : UNKNOWN),
		    desc(GF_TYPE_MANIFEST, att, i == 0 ? UNKNOWN : AMD64));
		root = add(index);
		g = build_ok(&root, 1);
		assert_int_equal(g->trees[0].n_platforms, 1);
		assert_int_equal(g->trees[0].n_pushes, 2);
		is_blob(g, 3, "statement", GF_KIND_EVIDENCE);
		gf_graph_free(g);
	}
}

/* A layer of one image is the config of a later one: kind json, at the place of its first use. */
static void test_two_kinds(void **state)
{
	const char *layers[] = { config_text(0), "x" };
	char first[4096], second[8192];
	gf_digest roots[2];
	gf_graph *g;

	(void)state;
	strcpy(first, config_text(0));
	layers[0] = first;
	strcpy(second, image(NULL, 0));
	add(first);
	roots[1] = digest_of(second);
	snprintf(second, sizeof second, "%s", image(layers, 2));
	roots[0] = digest_of(second);
	g = build_ok(roots, 2);
	assert_int_equal(g->n_blobs, 5);
	is_blob(g, 0, second, GF_KIND_JSON);
	is_blob(g, 1, config_text(2), GF_KIND_JSON);
	is_blob(g, 2, first, GF_KIND_JSON);
	is_blob(g, 4, "x", GF_KIND_LAYER);
	assert_int_equal(g->trees[0].n_needs, 3);
	assert_int_equal(g->trees[1].n_needs, 1);
	gf_graph_free(g);
}

/* ---- evidence ---- */

static char sbom[8192];

static gf_digest evidence_about(const char *subject)
{
	add("{}");
	snprintf(sbom, sizeof sbom, MANIFEST "\"config\":%s,\"layers\":[%s]%s%s}",
	    desc(EMPTY, "{}", ",\"data\":\"e30=\""), desc("application/spdx+json", "sbom", ""),
	    subject != NULL ? ",\"subject\":" : "", subject != NULL ? desc(GF_TYPE_MANIFEST, subject, "") : "");
	return add(sbom);
}

static void test_evidence(void **state)
{
	static const char *const layers[] = { "base" };
	char child[8192];
	gf_digest proof;
	gf_root root = { .name = "x", .n_evidence = 1, .evidence = &proof };
	gf_error err;
	gf_graph *g;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(fresh(state), 0);
		strcpy(child, image(layers, 1));
		root.digest = digest_of(child);
		proof = evidence_about(i == 0 ? child : i == 1 ? NULL : "elsewhere");
		g = gf_graph_build(store, &root, 1, GF_DAMAGED, &err);
		if (i == 2) {
			assert_null(g);
			assert_error(err, GF_DAMAGED, "graph-subject");
			continue;
		}
		assert_non_null(g);
		assert_int_equal(g->n_blobs, 6);
		is_blob(g, 2, sbom, GF_KIND_JSON);
		is_blob(g, 4, "sbom", GF_KIND_EVIDENCE);
		is_blob(g, 5, "base", GF_KIND_LAYER);
		assert_int_equal(g->trees[0].n_platforms, 1);
		assert_int_equal(g->trees[0].n_pushes, 2);
		assert_true(gf_digest_equal(&g->trees[0].pushes[1].digest, &proof)); /* last */
		gf_graph_free(g);
	}
}

static void test_evidence_index(void **state)
{
	static const char *const layers[] = { "base" };
	gf_digest proof = add(INDEX "]}");
	gf_root root = { .name = "x", .n_evidence = 1, .evidence = &proof };
	gf_error err;

	(void)state;
	root.digest = digest_of(image(layers, 1));
	assert_null(gf_graph_build(store, &root, 1, GF_DAMAGED, &err));
	assert_error(err, GF_DAMAGED, "graph-evidence");
}

static void test_evidence_cap(void **state)
{
	char text[4096];
	gf_digest root;
	gf_error err;
	gf_graph *g;

	for (uint64_t size = GF_EVIDENCE_MAX; size <= GF_EVIDENCE_MAX + 1; size++) {
		assert_int_equal(fresh(state), 0);
		add("{}");
		snprintf(att, sizeof att,
		    MANIFEST "\"config\":%s,\"layers\":[{\"mediaType\":\"" GF_TYPE_IN_TOTO
			     "\",\"digest\":\"sha256:%064d\",\"size\":%llu}]}",
		    desc(EMPTY, "{}", ""), 7, (unsigned long long)size);
		add(att);
		snprintf(text, sizeof text, INDEX "%s]}", desc(GF_TYPE_MANIFEST, att, UNKNOWN));
		root = add(text);
		g = build(&root, 1, &err);
		assert_int_equal(g != NULL, size == GF_EVIDENCE_MAX);
		if (g == NULL)
			assert_error(err, GF_DAMAGED, "too-large");
		gf_graph_free(g);
	}
}

/* ---- what is refused ---- */

static void test_missing(void **state)
{
	static const char *const layers[] = { "base" };
	char index[8192], text[8192];

	(void)state;
	refused(digest_of("nowhere"), "graph-missing");
	snprintf(text, sizeof text, MANIFEST "\"config\":%s,\"layers\":[]}", desc(GF_TYPE_CONFIG, "absent", ""));
	refused(add(text), "graph-missing");
	assert_int_equal(fresh(state), 0);
	snprintf(index, sizeof index, INDEX "%s]}", desc(GF_TYPE_MANIFEST, "absent", ""));
	refused(add(index), "graph-missing");
	(void)layers;
}

/* An index of a, whose descriptor has a copy of other in it. */
static void copy_in_descriptor(char out[16384], const char *a, const char *other)
{
	gf_digest d = digest_of(a);
	char digest[GF_DIGEST_SIZE];
	gf_error err;
	gf_buf data;

	gf_digest_text(&d, digest);
	gf_buf_init(&data, 8192);
	assert_true(gf_base64_encode(&data, other, strlen(other), &err));
	snprintf(out, 16384, INDEX "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,\"data\":\"%s\"}]}",
	    GF_TYPE_MANIFEST, digest, strlen(a), gf_buf_text(&data));
	gf_buf_clear(&data);
}

static void test_mismatch(void **state)
{
	static const char *const layers[] = { "base" };
	char a[8192], other[8192], text[16384], *at;
	gf_digest roots[2];
	gf_error err;

	(void)state;
	/* two images give one layer two sizes */
	strcpy(a, image(layers, 1));
	roots[0] = digest_of(a);
	strcpy(text, a);
	at = strstr(text, "\"size\":4}");
	assert_non_null(at);
	at[7] = '5';
	roots[1] = add(text);
	assert_null(build(roots, 2, &err));
	assert_error(err, GF_DAMAGED, "graph-mismatch");
	/* a document of another size */
	assert_int_equal(fresh(state), 0);
	strcpy(a, image(layers, 1));
	snprintf(text, sizeof text, INDEX "%s]}", desc(GF_TYPE_MANIFEST, a, ""));
	at = strstr(text, "\"size\":");
	at[7] = at[7] == '1' ? '2' : '1';
	refused(add(text), "graph-mismatch");
	/* the copy in a descriptor: of a layer, of a document */
	assert_int_equal(fresh(state), 0);
	add("{}");
	snprintf(text, sizeof text, MANIFEST "\"config\":%s,\"layers\":[%s]}", desc(EMPTY, "{}", ""),
	    desc("text/plain", "hi!", ",\"data\":\"aGkh\""));
	roots[0] = add(text);
	gf_graph_free(build_ok(roots, 1));
	assert_int_equal(fresh(state), 0);
	add("{}");
	snprintf(text, sizeof text, MANIFEST "\"config\":%s,\"layers\":[%s]}", desc(EMPTY, "{}", ""),
	    desc("text/plain", "hi?", ",\"data\":\"aGkh\""));
	refused(add(text), "graph-mismatch");
	assert_int_equal(fresh(state), 0);
	strcpy(a, image(layers, 1));
	snprintf(text, sizeof text, INDEX "%s]}", desc(GF_TYPE_MANIFEST, a, ",\"data\":\"aGkh\""));
	refused(add(text), "graph-mismatch");
	assert_int_equal(fresh(state), 0);
	strcpy(a, image(layers, 1));
	copy_in_descriptor(text, a, a);
	roots[0] = add(text);
	gf_graph_free(build_ok(roots, 1));
	strcpy(other, a);
	other[2]++;
	copy_in_descriptor(text, a, other);
	refused(add(text), "graph-mismatch");
}

static void test_layer_count(void **state)
{
	char text[8192];

	(void)state;
	add(config_text(2));
	snprintf(text, sizeof text, MANIFEST "\"config\":%s,\"layers\":[%s]}", desc(GF_TYPE_CONFIG, config_text(2), ""),
	    desc(GF_TYPE_LAYER, "one", ""));
	refused(add(text), "layer-count");
}

static void test_unreferenced(void **state)
{
	static const char *const layers[] = { "base" };
	gf_digest root = digest_of(image(layers, 1));

	(void)state;
	add("{\"a\":1}");
	refused(root, "graph-unreferenced");
}

static void test_types(void **state)
{
	static const char *const layers[] = { "base" };
	char index[8192], child[8192];

	strcpy(child, image(layers, 1));
	snprintf(index, sizeof index, INDEX "%s]}", desc("application/vnd.example+json", child, ""));
	refused(add(index), "media-type");
	assert_int_equal(fresh(state), 0);
	strcpy(child, image(layers, 1));
	snprintf(index, sizeof index, INDEX "%s]}", desc(GF_TYPE_INDEX, child, ""));
	refused(add(index), "media-type");
	assert_int_equal(fresh(state), 0);
	strcpy(child, image(layers, 1));
	snprintf(index, sizeof index, INDEX "%s]}",
	    desc("application/vnd.docker.distribution.manifest.v1+prettyjws", child, ""));
	refused(add(index), "schema1");
	/* A document that does not say what it is is one thing to all who name it. */
	assert_int_equal(fresh(state), 0);
	add(config_text(1));
	snprintf(child, sizeof child, "{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s]}",
	    desc(GF_TYPE_CONFIG, config_text(1), ""), desc(GF_TYPE_LAYER, "base", ""));
	add(child);
	snprintf(index, sizeof index, INDEX "%s,%s]}", desc(GF_TYPE_MANIFEST, child, ""),
	    desc("application/vnd.docker.distribution.manifest.v2+json", child, ""));
	refused(add(index), "media-type");
}

/* Indexes 4 deep are read, 5 are not; also when the deepest was first seen higher up. */
static void test_depth(void **state)
{
	static const char *const layers[] = { "base" };
	char inner[8192], outer[8192];
	gf_digest root = { { 0 } };

	strcpy(inner, image(layers, 1));
	for (int depth = 1; depth <= 5; depth++) {
		snprintf(
		    outer, sizeof outer, INDEX "%s]}", desc(depth == 1 ? GF_TYPE_MANIFEST : GF_TYPE_INDEX, inner, ""));
		root = add(outer);
		strcpy(inner, outer);
		if (depth == 4)
			gf_graph_free(build_ok(&root, 1));
	}
	refused(root, "graph-depth");

	assert_int_equal(fresh(state), 0);
	strcpy(inner, image(layers, 1));
	for (int depth = 1; depth <= 3; depth++) {
		snprintf(
		    outer, sizeof outer, INDEX "%s]}", desc(depth == 1 ? GF_TYPE_MANIFEST : GF_TYPE_INDEX, inner, ""));
		add(outer);
		strcpy(inner, outer);
	}
	snprintf(outer, sizeof outer, INDEX "%s]}", desc(GF_TYPE_INDEX, inner, "")); /* over three: 4 deep */
	add(outer);
	snprintf(scratch.data, scratch.room, INDEX "%s,%s]}", desc(GF_TYPE_INDEX, inner, ""),
	    desc(GF_TYPE_INDEX, outer, "")); /* the three at depth 2, and at depth 3 */
	refused(add(scratch.data), "graph-depth");
}

/* An index that holds itself exists only where digests are not checked; it ends all the same. */
static void test_loop(void **state)
{
	gf_digest d;
	gf_error err;
	gf_buf b;

	(void)state;
	assert_true(gf_digest_parse_hex("0101010101010101010101010101010101010101010101010101010101010101", &d));
	gf_buf_init(&b, GF_JSON_BLOB_MAX);
	assert_true(gf_buf_printf(&b, &err,
	    INDEX "{\"mediaType\":\"" GF_TYPE_INDEX "\",\"digest\":\"sha256:%s\",\"size\":%03d}]}",
	    "0101010101010101010101010101010101010101010101010101010101010101", 237));
	assert_int_equal(b.len, 237);
	assert_true(gf_store_add(store, &d, &b, &err));
	refused(d, "graph-depth");
}

/* ---- size ---- */

/* An index of 10,000 children, each once; and a hundred that share it are too many. */
static void test_many(void **state)
{
	gf_error err = { 0 };
	gf_buf text;
	gf_digest root;
	gf_root *roots = calloc(101, sizeof *roots);
	char shared[8192];
	gf_graph *g;

	(void)state;
	assert_non_null(roots);
	add("{}");
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	assert_true(gf_buf_puts(&text, INDEX, &err));
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(att, sizeof att, MANIFEST "\"config\":%s,\"layers\":[],\"annotations\":{\"n\":\"%u\"}}",
		    desc(EMPTY, "{}", ""), i);
		add(att);
		assert_true(gf_buf_printf(&text, &err, "%s%s", i != 0 ? "," : "", desc(GF_TYPE_MANIFEST, att, "")));
	}
	assert_true(gf_buf_puts(&text, "]}", &err));
	root = add(text.data);
	g = build_ok(&root, 1);
	assert_int_equal(g->trees[0].n_platforms, 10000);
	assert_int_equal(g->n_blobs, 10002);
	gf_graph_free(g);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(shared, sizeof shared, INDEX "%s],\"annotations\":{\"n\":\"%u\"}}",
		    desc(GF_TYPE_INDEX, text.data, ""), i);
		roots[i] = (gf_root){ .digest = add(shared), .name = "x" };
	}
	assert_null(gf_graph_build(store, roots, 100, GF_DAMAGED, &err));
	assert_error(err, GF_DAMAGED, "graph-limit");
	gf_buf_clear(&text);
	free(roots);
}

static void test_store_caps(void **state)
{
	gf_error err = { 0 };
	gf_digest d = { { 0 } };
	gf_buf b;
	bool ok = true;

	(void)state;
	gf_buf_init(&b, GF_JSON_BLOBS_MAX);
	b.data = calloc(1, GF_JSON_BLOB_MAX + 2);
	assert_non_null(b.data);
	b.len = GF_JSON_BLOB_MAX + 1;
	b.room = b.len + 1;
	assert_false(gf_store_add(store, &d, &b, &err));
	assert_error(err, GF_DAMAGED, "too-large");
	gf_buf_clear(&b);
	for (unsigned i = 0; i < 17 && ok; i++) { /* sixteen of 4 MiB are 64 MiB */
		gf_buf_init(&b, GF_JSON_BLOB_MAX);
		b.data = calloc(1, GF_JSON_BLOB_MAX + 1);
		b.len = GF_JSON_BLOB_MAX;
		d.bytes[0] = (unsigned char)i;
		ok = gf_store_add(store, &d, &b, &err);
		assert_int_equal(ok, i < 16);
		gf_buf_clear(&b);
	}
	assert_error(err, GF_DAMAGED, "too-large");
}

static int enter_graph(void **state)
{
	(void)state;
	scratch.room = 8192;
	scratch.data = malloc(scratch.room);
	return scratch.data != NULL ? 0 : -1;
}

static int leave_graph(void **state)
{
	(void)state;
	free(scratch.data);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_image),
		TEST(test_no_layers),
		TEST(test_index),
		TEST(test_no_attestation),
		TEST(test_two_roles),
		TEST(test_two_kinds),
		TEST(test_evidence),
		TEST(test_evidence_index),
		TEST(test_evidence_cap),
		TEST(test_missing),
		TEST(test_mismatch),
		TEST(test_layer_count),
		TEST(test_unreferenced),
		TEST(test_types),
		TEST(test_depth),
		TEST(test_loop),
		TEST(test_many),
		TEST(test_store_caps),
	};

	return cmocka_run_group_tests_name("bundles/graph", tests, enter_graph, leave_graph);
}
