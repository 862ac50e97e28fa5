/*
 * The text of a layer of Docker 1.9 or older.  The config made of it is JSON, and made of that config again it is the
 * same: all that a round trip through Go's encoding/json changes was changed the first time.
 * parser: pack/v1.c
 */
#include "pack/v1.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"
#include "tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

static bool make(const gf_buf *text, gf_buf *history, gf_buf *out, gf_error *err)
{
	gf_json_doc *doc = gf_json_parse(gf_buf_text(text), text->len, text->max, GF_DAMAGED, "json", err);
	gf_json root = doc != NULL ? gf_json_root(doc) : (gf_json){ 0 };
	gf_buf rootfs, list;
	bool ok = doc != NULL && gf_json_typeof(root) == GF_JSON_OBJECT;

	if (doc != NULL && !ok)
		gf_json_fail(root, "json-type", err, "no object");
	gf_buf_init(&rootfs, GF_KIB);
	gf_buf_init(&list, GF_JSON_BLOB_MAX);
	must(gf_buf_puts(&rootfs, "{\"type\":\"layers\"}", err));
	ok = ok && gf_v1_history(root, history, err) && gf_buf_printf(&list, err, "[%s]", gf_buf_text(history)) &&
	    gf_v1_config(text, root, &rootfs, &list, out, err);
	gf_buf_clear(&list);
	gf_buf_clear(&rootfs);
	gf_json_free(doc);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_buf text, history, again, first, second;

	gf_buf_init(&text, GF_MIB);
	gf_buf_init(&history, GF_JSON_BLOB_MAX);
	gf_buf_init(&again, GF_JSON_BLOB_MAX);
	gf_buf_init(&first, GF_JSON_BLOB_MAX);
	gf_buf_init(&second, GF_JSON_BLOB_MAX);
	if (size <= text.max && gf_buf_add(&text, data, size, &err)) {
		if (make(&text, &history, &first, &err)) {
			if (!make(&first, &again, &second, &err))
				must(strcmp(err.name, "too-large") == 0 || strcmp(err.name, "json-limit") == 0);
			else
				must_equal(&first, &second);
			GF_PLANTED(strstr(gf_buf_text(&first), "\"os\":\"linux\"") == NULL);
		} else {
			must_explain(&err);
		}
	}
	gf_buf_clear(&second);
	gf_buf_clear(&first);
	gf_buf_clear(&again);
	gf_buf_clear(&history);
	gf_buf_clear(&text);
	return 0;
}
