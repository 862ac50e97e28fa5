/*
 * JSON: what is accepted, printed again from the getters in every style, is accepted and prints the same.  What is
 * read without a document is read with one, and as the same.
 * parser: base/json_scan.c base/json.c base/json_write.c
 */
#include "tests/fuzz/plain.h"
#include "tests/fuzz/tree.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_json_doc *doc = gf_json_parse(data, size, GF_STATEMENT_MAX, GF_DAMAGED, "input", &err), *again;
	gf_buf first, print, second;
	const char *text;

	(void)plain_agrees((const char *)data, size);
	if (doc == NULL) {
		must_explain(&err);
		return 0;
	}
	tree_print(doc, 0, &first);
	GF_PLANTED(gf_json_text(gf_json_root(doc), &text, &err) && strcmp(text, "alone") != 0);
	for (int style = 0; style < 3; style++) {
		tree_print(doc, style, &print);
		again = gf_json_parse(print.data, print.len, TREE_MAX, GF_DAMAGED, "print", &err);
		must(again != NULL);
		tree_print(again, 0, &second);
		must_equal(&first, &second);
		gf_buf_clear(&print);
		gf_buf_clear(&second);
		gf_json_free(again);
	}
	gf_buf_clear(&first);
	gf_json_free(doc);
	return 0;
}
