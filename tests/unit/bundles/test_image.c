/* Documents, configs, media types, chain IDs. */
#include "common.h"

static void test_media_types(void **state)
{
	(void)state;
	assert_int_equal(gf_media_of(GF_TYPE_INDEX), GF_MEDIA_INDEX);
	assert_int_equal(gf_media_of("application/vnd.docker.distribution.manifest.list.v2+json"), GF_MEDIA_INDEX);
	assert_int_equal(gf_media_of(GF_TYPE_MANIFEST), GF_MEDIA_MANIFEST);
	assert_int_equal(gf_media_of("application/vnd.docker.distribution.manifest.v2+json"), GF_MEDIA_MANIFEST);
	assert_int_equal(gf_media_of("application/vnd.docker.distribution.manifest.v1+json"), GF_MEDIA_OTHER);
	assert_int_equal(gf_media_of(NULL), GF_MEDIA_OTHER);
	assert_int_equal(gf_packing_of(GF_TYPE_LAYER), GF_PACKING_RAW);
	assert_int_equal(gf_packing_of(GF_TYPE_LAYER_GZIP), GF_PACKING_GZIP);
	assert_int_equal(gf_packing_of("application/vnd.oci.image.layer.v1.tar+zstd"), GF_PACKING_ZSTD);
	assert_int_equal(
	    gf_packing_of("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"), GF_PACKING_GZIP);
	assert_int_equal(gf_packing_of("application/vnd.docker.image.rootfs.diff.tar"), GF_PACKING_RAW);
	assert_int_equal(gf_packing_of("application/vnd.docker.image.rootfs.diff.tar.gzip"), GF_PACKING_GZIP);
	assert_int_equal(gf_packing_of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), GF_PACKING_GZIP);
	assert_int_equal(gf_packing_of("application/vnd.docker.image.rootfs.diff.tar+gzip"), GF_PACKING_OPAQUE);
	assert_int_equal(gf_packing_of("application/vnd.oci.image.layer.v1.tar+encrypted"), GF_PACKING_OPAQUE);
	assert_int_equal(gf_packing_of(GF_TYPE_IN_TOTO), GF_PACKING_OPAQUE);
}

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONFIG "\"config\":{\"mediaType\":\"" GF_TYPE_CONFIG "\",\"digest\":\"" D1 "\",\"size\":2}"
#define LAYER "{\"mediaType\":\"" GF_TYPE_LAYER "\",\"digest\":\"" D2 "\",\"size\":3}"

static gf_document *parse(const char *text, const char *type, gf_error *err)
{
	gf_document *d;
	gf_buf buf;

	*err = (gf_error){ 0 };
	gf_buf_init(&buf, GF_JSON_BLOB_MAX);
	assert_true(gf_buf_puts(&buf, text, err));
	d = gf_document_parse(&buf, type, GF_DAMAGED, "doc", err);
	gf_buf_clear(&buf);
	return d;
}

static void test_documents(void **state)
{
	gf_error err;
	gf_document *d;

	(void)state;
	d = parse("{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER
		  "],\"subject\":{\"mediaType\":\"x\",\"digest\":\"" D2 "\",\"size\":1}}",
	    NULL, &err);
	assert_non_null(d);
	assert_int_equal(d->media, GF_MEDIA_MANIFEST);
	assert_string_equal(d->media_type, GF_TYPE_MANIFEST);
	assert_int_equal(d->n_items, 1);
	assert_int_equal(d->items[0].size, 3);
	assert_true(d->has_subject);
	gf_document_free(d);

	d = parse(
	    "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" GF_TYPE_MANIFEST "\",\"digest\":\"" D1
	    "\",\"size\":7,\"data\":\"aGkh\",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"},"
	    "\"annotations\":{\"org.opencontainers.image.ref.name\":\"1\",\"io.containerd.image.name\":\"a/b:1\"}}]}",
	    "application/vnd.docker.distribution.manifest.list.v2+json", &err);
	assert_non_null(d);
	assert_string_equal(d->media_type, "application/vnd.docker.distribution.manifest.list.v2+json");
	assert_string_equal(d->items[0].platform, "linux/arm/v7");
	assert_string_equal(d->items[0].ref_name, "1");
	assert_string_equal(d->items[0].image_name, "a/b:1");
	assert_int_equal(d->items[0].data.len, 3);
	gf_document_free(d);

	/* null is what Go writes for an empty list */
	d = parse("{\"schemaVersion\":2," CONFIG ",\"layers\":null}", NULL, &err);
	assert_non_null(d);
	assert_int_equal(d->n_items, 0);
	gf_document_free(d);
}

/* A refusal names what was found where. */
static void test_what_is_said(void **state)
{
	static const char *const bad[][3] = {
		{ "{\"schemaVersion\":2}", NULL, "neither an index nor a manifest" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}", NULL,
		    "both an index and a manifest" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}", "text/plain",
		    "'text/plain' does not fit a manifest" },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", "text/plain", "'text/plain' does not fit an index" },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(parse(bad[i][0], bad[i][1], &err));
		if (strstr(err.text, bad[i][2]) == NULL)
			fail_msg("expected '%s', found '%s'", bad[i][2], err.text);
	}
}

static void test_bad_documents(void **state)
{
	static const struct {
		const char *text, *type, *name;
	} bad[] = {
		{ "[]", NULL, "json-type" },
		{ "{", NULL, "json" },
		{ "{\"schemaVersion\":2}", NULL, "media-type" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}", NULL, "media-type" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_INDEX "\"," CONFIG ",\"layers\":[]}", NULL,
		    "media-type" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_MANIFEST "\"," CONFIG ",\"layers\":[]}",
		    GF_TYPE_INDEX, "media-type" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}", "text/plain", "media-type" },
		{ "{\"schemaVersion\":3," CONFIG ",\"layers\":[]}", NULL, "media-type" },
		{ "{" CONFIG ",\"layers\":[]}", NULL, "missing-key" },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, "schema1" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}",
		    "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema1" },
		{ "{\"schemaVersion\":2,\"layers\":[]}", NULL, "missing-key" },
		{ "{\"schemaVersion\":2," CONFIG "}", NULL, "missing-key" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", NULL, "json-type" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[7]}", NULL, "json-type" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"Layers\":[" LAYER "]}", NULL, "key-case" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" D1
		  "\",\"Digest\":\"" D2 "\",\"size\":1}]}",
		    NULL, "key-case" },
		{ "{\"schemaVersion\":2," CONFIG
		  ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha512:00\",\"size\":1}]}",
		    NULL, "digest-algorithm" },
		{ "{\"schemaVersion\":2," CONFIG
		  ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:00\",\"size\":1}]}",
		    NULL, "digest-form" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" D1
		  "\",\"size\":-1}]}",
		    NULL, "json-range" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" D1
		  "\",\"size\":1,\"data\":\"!\"}]}",
		    NULL, "base64" },
		{ "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" GF_TYPE_MANIFEST "\",\"digest\":\"" D1
		  "\",\"size\":7,\"platform\":{\"os\":\"a/b\",\"architecture\":\"c\"}}]}",
		    NULL, "platform" },
	};
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		gf_document *d = parse(bad[i].text, bad[i].type, &err);

		if (d != NULL || strcmp(err.name, bad[i].name) != 0 || err.class != GF_DAMAGED)
			fail_msg("%zu %s: '%s' (%s), expected '%s'", i, bad[i].text, err.name, err.text, bad[i].name);
	}
}

static gf_config *config(const char *text, gf_error *err)
{
	gf_config *c;
	gf_buf buf;

	*err = (gf_error){ 0 };
	gf_buf_init(&buf, GF_JSON_BLOB_MAX);
	assert_true(gf_buf_puts(&buf, text, err));
	c = gf_config_parse(&buf, GF_USAGE, "config", err);
	gf_buf_clear(&buf);
	return c;
}

static void test_configs(void **state)
{
	gf_error err;
	gf_config *c;

	(void)state;
	c = config("{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1
		   "\",\"" D2 "\"]},\"history\":[{\"empty_layer\":true}]}",
	    &err);
	assert_non_null(c);
	assert_string_equal(c->platform, "linux/amd64");
	assert_int_equal(c->n_diff_ids, 2);
	gf_config_free(c);
	c = config("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}", &err);
	assert_non_null(c);
	assert_null(c->platform);
	assert_int_equal(c->n_diff_ids, 0);
	gf_config_free(c);
	assert_null(config("[]", &err));
	assert_error(err, GF_USAGE, "json-type");
	assert_non_null(strstr(err.text, "expected an image config, an object"));
	assert_null(config("{\"os\":\"linux\"}", &err));
	assert_error(err, GF_USAGE, "missing-key");
	assert_null(config("{\"rootfs\":{\"type\":\"vhd\"}}", &err));
	assert_error(err, GF_USAGE, "rootfs-type");
	assert_null(config("{\"rootfs\":{\"diff_ids\":[\"" D1 "x\"]}}", &err));
	assert_error(err, GF_USAGE, "digest-form");
	assert_null(config("{\"rootfs\":{\"diff_ids\":[]},\"RootFS\":{}}", &err));
	assert_error(err, GF_USAGE, "key-case");
}

/* printf 'sha256:11.. sha256:22..' | sha256sum */
static void test_chain_ids(void **state)
{
	gf_digest ids[2], chain[2];
	char text[GF_DIGEST_SIZE];
	gf_error err;

	(void)state;
	assert_true(gf_digest_parse(D1, &ids[0]) && gf_digest_parse(D2, &ids[1]));
	assert_true(gf_chain_ids(ids, 2, chain, &err));
	gf_digest_text(&chain[0], text);
	assert_string_equal(text, D1);
	gf_digest_text(&chain[1], text);
	assert_string_equal(text, "sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_media_types), cmocka_unit_test(test_documents),
		cmocka_unit_test(test_what_is_said), cmocka_unit_test(test_bad_documents),
		cmocka_unit_test(test_configs), cmocka_unit_test(test_chain_ids) };

	return cmocka_run_group_tests_name("bundles/image", tests, NULL, NULL);
}
