#include <stdlib.h>
#include <string.h>

#include "base/json_doc.h"
#include "base/text.h"

#define INDEX_FROM 16 /* members of an object from which on finding the i-th by walking costs too much */

/* ---- parsing ---- */

static bool index_object(gf_json_doc *doc, json_t *object, gf_error *err)
{
	size_t n = 0;
	gf_json_index *x;

	if (!gf_grow(&doc->indexes, &doc->indexes_room, doc->indexes_n, sizeof *doc->indexes, err))
		return false;
	x = &doc->indexes[doc->indexes_n];
	x->object = object;
	x->iters = gf_alloc(json_object_size(object), sizeof *x->iters, err);
	if (x->iters == NULL)
		return false;
	for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it))
		x->iters[n++] = it;
	doc->indexes_n++;
	return true;
}

/* Recursion is bounded by the depth that the scan or yaml.c allows. */
static bool index_below(gf_json_doc *doc, json_t *v, gf_error *err)
{
	bool ok = true;

	if (json_is_array(v))
		for (size_t i = 0; ok && i < json_array_size(v); i++)
			ok = index_below(doc, json_array_get(v, i), err);
	if (!json_is_object(v))
		return ok;
	ok = json_object_size(v) < INDEX_FROM || index_object(doc, v, err);
	for (void *it = json_object_iter(v); ok && it != NULL; it = json_object_iter_next(v, it))
		ok = index_below(doc, json_object_iter_value(it), err);
	return ok;
}

static int compare_index(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const gf_json_index *)a)->object;
	uintptr_t y = (uintptr_t)((const gf_json_index *)b)->object;

	return x < y ? -1 : x > y;
}

bool gf_json_doc_index(gf_json_doc *doc, gf_error *err)
{
	if (!index_below(doc, doc->root, err))
		return false;
	if (doc->indexes_n > 1)
		qsort(doc->indexes, doc->indexes_n, sizeof *doc->indexes, compare_index);
	return true;
}

gf_json_doc *gf_json_doc_new(gf_class class, const char *name, gf_error *err)
{
	gf_json_doc *doc = gf_alloc(1, sizeof *doc, err);

	if (doc == NULL)
		return NULL;
	doc->class = class;
	doc->name = gf_strdup(name, err);
	if (doc->name == NULL) {
		free(doc);
		return NULL;
	}
	return doc;
}

void gf_json_watch_memory(void)
{
	json_set_alloc_funcs(gf_malloc, free);
}

gf_json_doc *gf_json_parse(const void *text, size_t len, size_t max, gf_class class, const char *name, gf_error *err)
{
	gf_json_doc *doc = NULL;
	json_error_t e;
	bool ok = false;

	if (len > max) {
		gf_fail(err, class, "too-large", name, "'%s' has %zu bytes, more than the %zu allowed here", name, len,
		    max);
		return NULL;
	}
	if (!gf_json_scan(text, len, class, name, err))
		return NULL;
	doc = gf_json_doc_new(class, name, err);
	if (doc == NULL)
		return NULL;
	/* JSON_ALLOW_NUL: a "\u0000" in a text that nobody asks for hurts nobody; fetched, it is refused. */
	doc->root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (doc->root == NULL) {
		gf_buf reason;
		gf_error unused;

		/* jansson quotes the text at fault */
		gf_buf_init(&reason, 4 * GF_JSON_PATH);
		(void)gf_text_escape(&reason, e.text, 2 * GF_JSON_PATH, &unused);
		gf_fail(err, class, "json", name, "'%s' is not JSON, line %d column %d: %s", name, e.line, e.column,
		    gf_buf_text(&reason));
		gf_buf_clear(&reason);
	} else {
		/* jansson leaves out the byte of a text that it lacks memory for, and goes on. */
		ok = gf_starved ? gf_no_memory(err) : gf_json_doc_index(doc, err);
	}
	if (!ok) {
		gf_json_free(doc);
		doc = NULL;
	}
	return doc;
}

void gf_json_free(gf_json_doc *doc)
{
	if (doc == NULL)
		return;
	for (size_t i = 0; i < doc->indexes_n; i++)
		free(doc->indexes[i].iters);
	json_decref(doc->root);
	free(doc->indexes);
	free(doc->lines);
	free(doc->name);
	free(doc);
}

gf_json gf_json_root(const gf_json_doc *doc)
{
	return (gf_json){ .node = doc->root, .doc = doc };
}

/* ---- reading ---- */

gf_json_type gf_json_typeof(gf_json v)
{
	if (v.node == NULL)
		return GF_JSON_ABSENT;
	switch (json_typeof((const json_t *)v.node)) {
	case JSON_OBJECT: return GF_JSON_OBJECT;
	case JSON_ARRAY: return GF_JSON_ARRAY;
	case JSON_STRING: return GF_JSON_STRING;
	case JSON_INTEGER: return GF_JSON_INTEGER;
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL: break;
	}
	return GF_JSON_OTHER;
}

bool gf_json_is_null(gf_json v)
{
	return v.node != NULL && json_is_null((const json_t *)v.node);
}

static const char *type_name(const json_t *v)
{
	if (v == NULL)
		return "nothing";
	switch (json_typeof(v)) {
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "a list";
	case JSON_STRING: return "a text";
	case JSON_INTEGER: return "an integer";
	case JSON_REAL: return "a number that is no integer";
	case JSON_TRUE: return "true";
	case JSON_FALSE: return "false";
	case JSON_NULL: break;
	}
	return "null";
}

static bool wrong_type(gf_json v, const char *key, const char *want, const json_t *found, gf_error *err)
{
	return gf_json_fail_member(v, key, "json-type", err, "expected %s, found %s", want, type_name(found));
}

bool gf_json_only(gf_json v, const char *const *keys, gf_error *err)
{
	json_t *object = (json_t *)(uintptr_t)v.node;

	if (!json_is_object(object))
		return wrong_type(v, NULL, "an object", object, err);
	for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
		const char *key = json_object_iter_key(it), *near = NULL;
		unsigned best = 3;
		bool known = false;

		for (size_t i = 0; !known && keys[i] != NULL; i++) {
			unsigned distance = gf_edit_distance(key, keys[i]);

			known = distance == 0;
			if (distance < best && distance < strlen(keys[i])) {
				best = distance;
				near = keys[i];
			}
		}
		if (!known && near != NULL)
			return gf_json_fail_member(v, key, "unknown-key", err, "unknown key; did you mean '%s'?", near);
		if (!known)
			return gf_json_fail_member(v, key, "unknown-key", err, "unknown key");
	}
	return true;
}

gf_json gf_json_get(gf_json object, const char *key)
{
	return (gf_json){ .node = json_object_get(object.node, key), .doc = object.doc };
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_any_case(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b))
		a++, b++;
	return *a == *b;
}

gf_json gf_json_get_any_case(gf_json object, const char *key)
{
	gf_json v = gf_json_get(object, key);
	json_t *o = (json_t *)(uintptr_t)object.node;

	if (v.node != NULL || !json_is_object(o))
		return v;
	/* Several: the last one, as Go assigns them in order. */
	for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it))
		if (same_any_case(json_object_iter_key(it), key))
			v.node = json_object_iter_value(it);
	return v;
}

static bool required(gf_json object, const char *key, const json_t **out, gf_error *err)
{
	if (object.node != NULL && !json_is_object((const json_t *)object.node))
		return wrong_type(object, NULL, "an object", object.node, err);
	*out = json_object_get(object.node, key);
	return *out != NULL || gf_json_fail_member(object, key, "missing-key", err, "the key is missing");
}

/* False without an error when absent; sets *ok. */
static bool present(gf_json object, const char *key, const json_t **out, bool *ok, gf_error *err)
{
	*ok = object.node == NULL || json_is_object((const json_t *)object.node) ||
	    wrong_type(object, NULL, "an object", object.node, err);
	*out = *ok ? json_object_get(object.node, key) : NULL;
	return *out != NULL;
}

bool gf_json_object(gf_json object, const char *key, gf_json *out, gf_error *err)
{
	const json_t *v = NULL;

	if (!required(object, key, &v, err))
		return false;
	if (!json_is_object(v))
		return wrong_type(object, key, "an object", v, err);
	*out = (gf_json){ .node = v, .doc = object.doc };
	return true;
}

bool gf_json_array(gf_json object, const char *key, gf_json *out, gf_error *err)
{
	const json_t *v = NULL;

	if (!required(object, key, &v, err))
		return false;
	if (!json_is_array(v))
		return wrong_type(object, key, "a list", v, err);
	*out = (gf_json){ .node = v, .doc = object.doc };
	return true;
}

static bool as_string(gf_json object, const char *key, const json_t *v, const char **out, gf_error *err)
{
	if (!json_is_string(v))
		return wrong_type(object, key, "a text", v, err);
	if (strlen(json_string_value(v)) != json_string_length(v))
		return gf_json_fail_member(object, key, "json-nul", err, "the text has a NUL character in it");
	*out = json_string_value(v);
	return true;
}

static bool as_u64(gf_json object, const char *key, const json_t *v, uint64_t *out, gf_error *err)
{
	if (object.doc != NULL && object.doc->text_scalars && json_is_string(v)) {
		if (strlen(json_string_value(v)) != json_string_length(v) ||
		    !gf_u64_parse(json_string_value(v), GF_JSON_U64_MAX, out))
			return gf_json_fail_member(
			    object, key, "json-type", err, "expected an integer from 0 to 2^53-1");
		return true;
	}
	if (!json_is_integer(v))
		return wrong_type(object, key, "an integer", v, err);
	if (json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > GF_JSON_U64_MAX)
		return gf_json_fail_member(object, key, "json-range", err, "expected 0 to 2^53-1, found %lld",
		    (long long)json_integer_value(v));
	*out = (uint64_t)json_integer_value(v);
	return true;
}

bool gf_json_string(gf_json object, const char *key, const char **out, gf_error *err)
{
	const json_t *v = NULL;

	return required(object, key, &v, err) && as_string(object, key, v, out, err);
}

bool gf_json_u64(gf_json object, const char *key, uint64_t *out, gf_error *err)
{
	const json_t *v = NULL;

	return required(object, key, &v, err) && as_u64(object, key, v, out, err);
}

bool gf_json_digest(gf_json object, const char *key, gf_digest *out, gf_error *err)
{
	const char *text = NULL;
	gf_buf found;
	gf_error unused;

	if (!gf_json_string(object, key, &text, err))
		return false;
	if (gf_digest_parse(text, out))
		return true;
	gf_buf_init(&found, 4 * GF_JSON_PATH);
	(void)gf_text_escape(&found, text, GF_JSON_PATH / 2, &unused);
	gf_json_fail_member(object, key, "digest-form", err,
	    "expected 'sha256:' and 64 lower-case hexadecimal digits, found '%s'; other algorithms are not supported",
	    gf_buf_text(&found));
	gf_buf_clear(&found);
	return false;
}

static bool as_bool(gf_json object, const char *key, const json_t *v, bool *out, gf_error *err)
{
	if (object.doc != NULL && object.doc->text_scalars && json_is_string(v)) {
		const char *text = json_string_value(v);
		bool yes = strcmp(text, "true") == 0;

		if ((!yes && strcmp(text, "false") != 0) || strlen(text) != json_string_length(v))
			return gf_json_fail_member(object, key, "json-type", err, "expected true or false");
		*out = yes;
		return true;
	}
	if (!json_is_boolean(v))
		return wrong_type(object, key, "true or false", v, err);
	*out = json_is_true(v);
	return true;
}

bool gf_json_string_if(gf_json object, const char *key, const char **out, gf_error *err)
{
	const json_t *v = NULL;
	bool ok;

	return present(object, key, &v, &ok, err) ? as_string(object, key, v, out, err) : ok;
}

bool gf_json_u64_if(gf_json object, const char *key, uint64_t *out, gf_error *err)
{
	const json_t *v = NULL;
	bool ok;

	return present(object, key, &v, &ok, err) ? as_u64(object, key, v, out, err) : ok;
}

bool gf_json_bool_if(gf_json object, const char *key, bool *out, gf_error *err)
{
	const json_t *v = NULL;
	bool ok;

	return present(object, key, &v, &ok, err) ? as_bool(object, key, v, out, err) : ok;
}

size_t gf_json_count(gf_json v)
{
	return json_is_object((const json_t *)v.node) ? json_object_size(v.node) : json_array_size(v.node);
}

gf_json gf_json_at(gf_json array, size_t i)
{
	return (gf_json){ .node = json_array_get(array.node, i), .doc = array.doc };
}

const char *gf_json_key_at(gf_json object, size_t i, gf_json *value)
{
	json_t *o = (json_t *)(uintptr_t)object.node;
	const gf_json_doc *doc = object.doc;
	gf_json_index wanted = { .object = o }, *x = NULL;
	void *it;

	*value = (gf_json){ .doc = doc };
	if (!json_is_object(o) || i >= json_object_size(o))
		return NULL;
	if (doc->indexes_n > 0)
		x = bsearch(&wanted, doc->indexes, doc->indexes_n, sizeof wanted, compare_index);
	if (x != NULL) {
		it = x->iters[i];
	} else {
		it = json_object_iter(o);
		while (i-- > 0)
			it = json_object_iter_next(o, it);
	}
	value->node = json_object_iter_value(it);
	return json_object_iter_key(it);
}

bool gf_json_text(gf_json v, const char **out, gf_error *err)
{
	return as_string(v, NULL, v.node, out, err);
}

bool gf_json_flag(gf_json v, bool *out, gf_error *err)
{
	return as_bool(v, NULL, v.node, out, err);
}

const char *gf_json_library(void)
{
	return jansson_version_str();
}
