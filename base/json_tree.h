/*
 * json_tree: the scan in front of jansson, and how yaml.c builds the documents of json.h without
 * seeing jansson (private to base).
 *
 * A builder holds one root and a stack of open containers.  Every function is false with
 * *err set when it fails; the builder is then only good for gf_json_tree_free.
 */
#ifndef GF_BASE_JSON_TREE_H
#define GF_BASE_JSON_TREE_H

#include "base/json.h"

#define GF_JSON_U64_MAX (((uint64_t)1 << 53) - 1)
#define GF_JSON_DIGITS 16 /* of it */

/* What is refused before jansson sees a text: json_scan.c. */
bool gf_json_scan(const char *text, size_t len, gf_class class, const char *name, gf_error *err);

/* Where a value, or its key, stands in the text; from 1. */
typedef struct gf_json_at_text {
	unsigned line, column;
} gf_json_at_text;

typedef struct gf_json_tree gf_json_tree;

gf_json_tree *gf_json_tree_new(gf_class class, const char *name, gf_error *err);
void gf_json_tree_free(gf_json_tree *t);

/* What is open: '{', '[', or 0 before the root. */
char gf_json_tree_inside(const gf_json_tree *t);
/* The key of the next value; *taken says that the object has it already.  n bytes without NUL. */
bool gf_json_tree_key(gf_json_tree *t, const char *key, size_t n, bool *taken, gf_error *err);
bool gf_json_tree_open(gf_json_tree *t, char bracket, gf_json_at_text at, gf_error *err);
void gf_json_tree_close(gf_json_tree *t);
bool gf_json_tree_text(gf_json_tree *t, const char *text, size_t n, gf_json_at_text at, gf_error *err);
bool gf_json_tree_null(gf_json_tree *t, gf_json_at_text at, gf_error *err);

/* The finished document; t is freed.  Its scalars are text: numbers and booleans are read from it. */
gf_json_doc *gf_json_tree_finish(gf_json_tree *t, gf_error *err);

#endif
