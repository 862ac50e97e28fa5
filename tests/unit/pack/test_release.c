/* release.yaml: what is taken, what is refused and where, and the schema that editors read. */
#include "common.h"

static gf_buf schema_text;

static gf_release *parse(const char *text, gf_error *err)
{
	return gf_release_parse(text, strlen(text), "release.yaml", err);
}

static void everything(void **state)
{
	static const char text[] =
	    "output: out/\nstream: shop\nepoch: 2\nsequence: 42\nafter: last.tar\nversion: \"1.4.0\"\n"
	    "created: 2026-11-23T01:02:03Z\nexpires: 90d\naudience: [site-a, site-b]\n"
	    "keys: [a.pem, b.pem]\nlayers: none\nload-platform: linux/arm64\nbuild-id: \"812\"\n"
	    "labels: {ticket: OPS-1, area: shop}\nimages:\n  - image.tar\n  - oci:web\n"
	    "  - source: oci:api\n    platforms: [linux/arm64/v8]\n    names: [\"acme/api:1\", \"registry.example:5000/api:1\"]\n  - {source: x.tar}\n";
	gf_error err = { 0 };
	gf_release *r = parse(text, &err);
	const gf_pack_options *o;
	size_t n;

	(void)state;
	assert_non_null(r);
	o = gf_release_options(r);
	assert_string_equal(o->output, "out/");
	assert_string_equal(o->stream, "shop");
	assert_true(o->has_epoch && o->epoch == 2 && o->has_sequence && o->sequence == 42);
	assert_string_equal(o->after, "last.tar");
	assert_string_equal(o->version, "1.4.0");
	assert_true(o->has_created && o->created == 1795395723);
	assert_true(o->expires == 0 && o->lifetime == (int64_t)90 * 24 * 60 * 60);
	assert_int_equal(o->n_audience, 2);
	assert_string_equal(o->audience[1], "site-b");
	assert_int_equal(o->layers, GF_LAYERS_NONE);
	assert_string_equal(o->load_platform, "linux/arm64");
	assert_string_equal(o->build_id, "812");
	assert_int_equal(o->n_labels, 2);
	assert_string_equal(o->labels[0].key, "ticket");
	assert_string_equal(o->labels[0].value, "OPS-1");
	assert_int_equal(o->n_sources, 4);
	assert_string_equal(o->sources[1].text, "oci:web");
	assert_int_equal(o->sources[1].n_names, 0);
	assert_string_equal(o->sources[2].text, "oci:api");
	assert_int_equal(o->sources[2].n_names, 2);
	assert_string_equal(o->sources[2].names[1], "registry.example:5000/api:1");
	assert_int_equal(o->sources[2].n_platforms, 1);
	assert_string_equal(o->sources[2].platforms[0], "linux/arm64/v8");
	assert_string_equal(o->sources[3].text, "x.tar");
	assert_int_equal(o->sources[3].n_names, 0);
	assert_string_equal(gf_release_signers(r, &n)[1], "b.pem");
	assert_int_equal(n, 2);
	gf_release_free(r);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *name, *line;
	} rows[] = {
		{ "stream: a\nstraem: b\n", "unknown-key", "line 2, column 1, straem: " },
		{ "stream: a\nstream: b\n", "yaml", "line 2" },
		{ "stream: &x a\n", "yaml", "line 1, column 9: " },
		{ "version: *x\n", "yaml", "line 1" },
		{ "\nstream: [a]\n", "json-type", "line 2, column 1" },
		{ "images: image.tar\n", "json-type", "line 1" },
		{ "images:\n  - [a]\n", "json-type", "line 2, column 5, images[0]: " },
		{ "images:\n  - ''\n", "empty", "line 2, column 5, images[0]: " },
		{ "images:\n  - {names: [a]}\n", "missing-key", "line 2, column 5, images[0]" },
		{ "images:\n  - {source: ''}\n", "empty", "line 2, column 6, images[0].source: " },
		{ "images:\n  - {source: x, nmaes: [a]}\n", "unknown-key", "did you mean 'names'?" },
		{ "images:\n  - {source: x, names: a}\n", "json-type", "line 2, column 17, images[0].names: " },
		{ "images:\n  - {source: x, names: []}\n", "empty", "line 2, column 17, images[0].names: " },
		{ "images:\n  - x\n  - {source: x, names: ['']}\n", "empty",
		    "line 3, column 25, images[1].names[0]: " },
		{ "images:\n  - source: x\n    names:\n      - a:1\n      - Acme/A:1\n", "reference",
		    "line 5, column 9, images[0].names[1]: " },
		{ "images:\n  - {source: x, platforms: []}\n", "empty", "images[0].platforms: " },
		{ "images:\n  - {source: x, platforms: [linux/amd64, all]}\n", "platform",
		    "images[0].platforms[1]: 'all' is what" },
		{ "images:\n  - {source: x, platforms: [amd64]}\n", "platform", "write OS/ARCHITECTURE[/VARIANT]" },
		{ "images:\n  - {source: x, labels: {a: b}}\n", "unknown-key",
		    "images[0].labels: labels are of the release" },
		{ "images: []\n", "empty", "line 1" },
		{ "keys: ['']\n", "empty", "line 1" },
		{ "version: ''\n", "empty", "line 1" },
		{ "stream: Shop\n", "stream", "line 1" },
		{ "sequence: -1\n", "json-type", "line 1" },
		{ "a: 1\nepoch: 1\n", "unknown-key", "line 1" },
		{ "created: 2026-11-23\n", "created", "line 1" },
		{ "expires: soon\n", "expires", "line 1" },
		{ "layers: zip\n", "layers", "line 1" },
		{ "labels: [a]\n", "json-type", "line 1" },
		{ "labels: {'': a}\n", "label", "line 1" },
		{ "passphrase: x\n", "unknown-key", "line 1" },
		{ "- a\n", "json-type", "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_error err = { 0 };

		assert_null(parse(rows[i].text, &err));
		assert_int_equal(err.class, GF_USAGE);
		assert_string_equal(err.name, rows[i].name);
		assert_non_null(strstr(err.text, "'release.yaml', "));
		assert_non_null(strstr(err.text, rows[i].line));
	}
}

static bool is_key(const char *word)
{
	const char *const *k = gf_release_keys;

	while (*k != NULL && strcmp(*k, word) != 0)
		k++;
	return *k != NULL;
}

static void image_keys_are(gf_json images)
{
	gf_json image = gf_json_get(gf_json_at(gf_json_get(gf_json_get(images, "items"), "oneOf"), 1), "properties");
	size_t n = 0;

	for (const char *const *k = gf_release_image_keys; *k != NULL; k++, n++)
		assert_int_equal(gf_json_typeof(gf_json_get(image, *k)), GF_JSON_OBJECT);
	assert_int_equal(gf_json_count(image), n);
}

/* Every key of the schema is the parser's and the other way round; each example of the schema is taken (JSON is YAML),
 * and what is none of an enumeration is not. */
static void schema(void **state)
{
	gf_error err = { 0 };
	gf_json_doc *doc = gf_json_parse(schema_text.data, schema_text.len, GF_MIB, GF_USAGE, "schema", &err);
	gf_json properties = gf_json_get(gf_json_root(doc), "properties");
	size_t n = 0;

	(void)state;
	assert_non_null(doc);
	for (const char *const *k = gf_release_keys; *k != NULL; k++, n++)
		assert_int_equal(gf_json_typeof(gf_json_get(properties, *k)), GF_JSON_OBJECT);
	assert_int_equal(gf_json_count(properties), n);
	image_keys_are(gf_json_get(properties, "images"));
	for (size_t i = 0; i < n; i++) {
		gf_json p, examples;
		const char *key = gf_json_key_at(properties, i, &p);
		char text[512];

		assert_true(is_key(key));
		examples = gf_json_get(p, "examples");
		assert_true(gf_json_count(examples) > 0);
		for (size_t k = 0; k < gf_json_count(examples); k++) {
			gf_json e = gf_json_at(examples, k);
			gf_json_type type = gf_json_typeof(e);
			const char *word = "", *first = "";
			gf_release *r;

			if (type == GF_JSON_STRING)
				assert_true(gf_json_text(e, &word, &err));
			if (type == GF_JSON_ARRAY)
				assert_true(gf_json_text(gf_json_at(e, 0), &first, &err));
			(void)snprintf(text, sizeof text,
			    type == GF_JSON_ARRAY        ? "%s: ['%s']\n"
				: type == GF_JSON_OBJECT ? "%s: {ticket: x%s}\n"
				: type == GF_JSON_STRING ? "%s: '%s'\n"
							 : "%s: 7%s\n",
			    key, type == GF_JSON_ARRAY ? first : word);
			r = parse(text, &err);
			if (r == NULL)
				print_message("%s: %s\n", text, err.text);
			assert_non_null(r);
			gf_release_free(r);
		}
		if (gf_json_count(gf_json_get(p, "enum")) > 0) {
			(void)snprintf(text, sizeof text, "%s: none-of-these\n", key);
			assert_null(parse(text, &err));
		}
	}
	gf_json_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(refused),
		cmocka_unit_test(schema),
	};
	gf_error err = { 0 };
	int failed;

	gf_buf_init(&schema_text, GF_MIB);
	if (!gf_file_load("docs/release.schema.json", GF_MIB, GF_USAGE, &schema_text, &err)) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, enter, leave);
	gf_buf_clear(&schema_text);
	return failed;
}
