/*
 * YAML: what is accepted, printed as JSON, is the same document to base/json; to libyaml too, where it takes it: it has
 * no surrogates, no key above 1024 bytes.
 * parser: base/yaml.c base/json_tree.c
 */
#include "tests/fuzz/tree.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Numbers and booleans are text. */
static void must_be_text(gf_json v)
{
	gf_json_type type = gf_json_typeof(v);

	must(type == GF_JSON_OBJECT || type == GF_JSON_ARRAY || type == GF_JSON_STRING || type == GF_JSON_OTHER);
	for (size_t i = 0; i < gf_json_count(v); i++) {
		gf_json below = gf_json_at(v, i);

		if (type == GF_JSON_OBJECT)
			(void)gf_json_key_at(v, i, &below);
		must_be_text(below);
	}
}

/* Nothing that JSON writes plain and YAML reads as text. */
static bool has_null(gf_json v)
{
	bool found = gf_json_typeof(v) == GF_JSON_OTHER;
	const char *text;
	gf_error err;

	if (gf_json_typeof(v) == GF_JSON_STRING)
		found = !gf_json_text(v, &text, &err);
	for (size_t i = 0; i < gf_json_count(v) && !found; i++) {
		gf_json below = gf_json_at(v, i);

		if (gf_json_typeof(v) == GF_JSON_OBJECT)
			(void)gf_json_key_at(v, i, &below);
		found = has_null(below);
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_json_doc *doc = gf_yaml_parse(data, size, "input", &err), *again;
	gf_buf first, print, second;
	gf_json member;
	const char *key;

	if (doc == NULL) {
		must(err.class == GF_USAGE);
		must_explain(&err);
		return 0;
	}
	must_be_text(gf_json_root(doc));
	key = gf_json_key_at(gf_json_root(doc), 0, &member);
	GF_PLANTED(key != NULL && strlen(key) == 1 && key[0] != 'a');
	tree_print(doc, 0, &first);
	for (int style = 0; style < 3; style++) {
		tree_print(doc, style, &print);
		again = gf_json_parse(print.data, print.len, TREE_MAX, GF_USAGE, "print", &err);
		must(again != NULL);
		tree_print(again, 0, &second);
		must_equal(&first, &second);
		gf_buf_clear(&second);
		gf_json_free(again);

		again = style == 2 ? gf_yaml_parse(print.data, print.len, "print", &err) : NULL;
		if (again != NULL && !has_null(gf_json_root(doc))) {
			tree_print(again, 0, &second);
			must_equal(&first, &second);
			gf_buf_clear(&second);
		}
		gf_json_free(again);
		gf_buf_clear(&print);
	}
	gf_buf_clear(&first);
	gf_json_free(doc);
	return 0;
}
