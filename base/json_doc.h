/* json_doc: a document as jansson's tree, between the files of base/json (private to them). */
#ifndef GF_BASE_JSON_DOC_H
#define GF_BASE_JSON_DOC_H

#include <jansson.h>

#include "base/json.h"
#include "base/json_tree.h"
#include "base/limits.h"

#define GF_JSON_PATH 200 /* bytes of a path in a message */

/* The members of one object in file order. */
typedef struct gf_json_index {
	const json_t *object;
	void **iters;
} gf_json_index;

typedef struct gf_json_line {
	const json_t *node;
	const char *key; /* of the member of node that is null; NULL: the line is that of node */
	gf_json_at_text at;
} gf_json_line;

struct gf_json_doc {
	json_t *root;
	gf_class class;
	char *name;
	bool text_scalars; /* made from YAML */
	gf_json_line *lines;
	size_t lines_n, lines_room;
	gf_json_index *indexes; /* sorted by address */
	size_t indexes_n, indexes_room;
};

/* Without a root yet. */
gf_json_doc *gf_json_doc_new(gf_class class, const char *name, gf_error *err);
/* The root stands: gf_json_key_at is then fast. */
bool gf_json_doc_index(gf_json_doc *doc, gf_error *err);
/* gf_json_fail about the member key of v; about v itself for NULL. */
bool gf_json_fail_member(gf_json v, const char *key, const char *name, gf_error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
