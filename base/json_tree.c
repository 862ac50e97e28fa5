#include <stdlib.h>
#include <string.h>

#include "base/json_doc.h"
#include "base/text.h"

struct gf_json_tree {
	gf_json_doc *doc;
	struct {
		json_t *node; /* owned by its parent */
		char *key;    /* of the next member */
	} open[GF_JSON_DEPTH];
	size_t depth;
};

gf_json_tree *gf_json_tree_new(gf_class class, const char *name, gf_error *err)
{
	gf_json_tree *t = gf_alloc(1, sizeof *t, err);

	if (t == NULL)
		return NULL;
	t->doc = gf_json_doc_new(class, name, err);
	if (t->doc == NULL) {
		free(t);
		return NULL;
	}
	t->doc->text_scalars = true;
	return t;
}

void gf_json_tree_free(gf_json_tree *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->depth; i++)
		free(t->open[i].key);
	gf_json_free(t->doc);
	free(t);
}

char gf_json_tree_inside(const gf_json_tree *t)
{
	if (t->depth == 0)
		return 0;
	return json_is_object(t->open[t->depth - 1].node) ? '{' : '[';
}

bool gf_json_tree_key(gf_json_tree *t, const char *key, size_t n, bool *taken, gf_error *err)
{
	char *copy = gf_strndup(key, n, err);

	if (copy == NULL)
		return false;
	*taken = json_object_get(t->open[t->depth - 1].node, copy) != NULL;
	free(t->open[t->depth - 1].key);
	t->open[t->depth - 1].key = copy;
	return true;
}

/* Takes node, also on failure; NULL is no memory. */
static bool add(gf_json_tree *t, json_t *node, gf_json_at_text at, gf_error *err)
{
	gf_json_doc *doc = t->doc;
	int rc;

	if (node == NULL || !gf_grow(&doc->lines, &doc->lines_room, doc->lines_n, sizeof *doc->lines, err)) {
		json_decref(node);
		return gf_no_memory(err);
	}
	if (t->depth == 0) {
		doc->root = node;
		rc = 0;
	} else if (json_is_object(t->open[t->depth - 1].node)) {
		rc = json_object_set_new(t->open[t->depth - 1].node, t->open[t->depth - 1].key, node);
	} else {
		rc = json_array_append_new(t->open[t->depth - 1].node, node);
	}
	if (rc != 0)
		return gf_no_memory(err);
	if (!json_is_null(node)) {
		doc->lines[doc->lines_n++] = (gf_json_line){ .node = node, .at = at };
	} else if (gf_json_tree_inside(t) == '{') { /* jansson has one null: its place is told by the key */
		json_t *object = t->open[t->depth - 1].node;
		void *it = json_object_iter_at(object, t->open[t->depth - 1].key);

		doc->lines[doc->lines_n++] =
		    (gf_json_line){ .node = object, .key = json_object_iter_key(it), .at = at };
	}
	return true;
}

bool gf_json_tree_open(gf_json_tree *t, char bracket, gf_json_at_text at, gf_error *err)
{
	json_t *node = bracket == '{' ? json_object() : json_array();

	if (t->depth == GF_JSON_DEPTH) {
		json_decref(node);
		return gf_fail(err, t->doc->class, "json-limit", t->doc->name, "'%s' has more than %d levels",
		    t->doc->name, GF_JSON_DEPTH);
	}
	if (!add(t, node, at, err))
		return false;
	t->open[t->depth].node = node;
	t->open[t->depth].key = NULL;
	t->depth++;
	return true;
}

void gf_json_tree_close(gf_json_tree *t)
{
	t->depth--;
	free(t->open[t->depth].key);
	t->open[t->depth].key = NULL;
}

bool gf_json_tree_text(gf_json_tree *t, const char *text, size_t n, gf_json_at_text at, gf_error *err)
{
	return add(t, json_stringn(text, n), at, err);
}

bool gf_json_tree_null(gf_json_tree *t, gf_json_at_text at, gf_error *err)
{
	return add(t, json_null(), at, err);
}

gf_json_doc *gf_json_tree_finish(gf_json_tree *t, gf_error *err)
{
	gf_json_doc *doc = NULL;

	if (gf_json_doc_index(t->doc, err)) {
		doc = t->doc;
		t->doc = NULL;
	}
	gf_json_tree_free(t);
	return doc;
}
