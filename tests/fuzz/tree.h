/*
 * A document printed from its getters, for the fuzz targets of JSON and YAML.  What no getter gives (reals, negative
 * numbers, texts with NUL, numbers in lists) is printed as null.
 */
#ifndef GF_TESTS_FUZZ_TREE_H
#define GF_TESTS_FUZZ_TREE_H

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define TREE_MAX (64 * GF_MIB)

static inline void must(bool ok)
{
	if (!ok)
		abort();
}

/* A refusal explains itself, in text that a terminal may be given. */
static inline void must_explain(const gf_error *err)
{
	must(err->class != GF_OK && err->name[0] != '\0' && err->text[0] != '\0');
	for (const char *c = err->text; *c != '\0'; c++)
		must((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static inline void tree_put(gf_json_out *o, const char *key, gf_json parent, gf_json v);

/* Getters of a member that is there: one that may be absent says what one that must be there says.  Those that refuse look
 * for the line, so not all are asked of all. */
static inline void tree_ask(gf_json object, const char *key, gf_json member)
{
	const char *const only[] = { key, NULL };
	const char *one = NULL, *two = NULL;
	uint64_t n = 0, m = 0;
	gf_digest digest;
	gf_error err = { 0 };
	bool ok;

	if (gf_json_count(object) < 3)
		must(gf_json_only(object, only, &err) == (gf_json_count(object) == 1));
	if (gf_json_typeof(member) == GF_JSON_STRING) {
		ok = gf_json_string(object, key, &one, &err);
		must(gf_json_string_if(object, key, &two, &err) == ok && one == two);
		if (ok && gf_starts_with(one, "sha256:"))
			must(gf_json_digest(object, key, &digest, &err) == gf_digest_parse(one, &digest));
	} else if (gf_json_typeof(member) == GF_JSON_INTEGER) {
		ok = gf_json_u64(object, key, &n, &err);
		must(gf_json_u64_if(object, key, &m, &err) == ok && n == m);
	}
}

static inline void tree_put_item(gf_json_out *o, gf_json v);

/* Under the key in capitals stands this member or, if there are several of such names, another. */
static inline void tree_ask_any_case(gf_json object, const char *key, gf_json member)
{
	char loud[64] = "";

	if (strlen(key) >= sizeof loud)
		return;
	for (size_t i = 0; key[i] != '\0'; i++)
		loud[i] = (char)(key[i] >= 'a' && key[i] <= 'z' ? key[i] - 'a' + 'A' : key[i]);
	must(member.node != NULL && gf_json_get_any_case(object, loud).node != NULL);
}

static inline void tree_put_object(gf_json_out *o, gf_json v)
{
	gf_json member, again;
	const char *key;
	gf_error err = { 0 };

	for (size_t i = 0; i < gf_json_count(v); i++) {
		key = gf_json_key_at(v, i, &member);
		must(key != NULL && member.node != NULL && gf_json_get(v, key).node == member.node);
		must(gf_json_get_any_case(v, key).node == member.node);
		tree_ask_any_case(v, key, member);
		must(gf_json_object(v, key, &again, &err) == (gf_json_typeof(member) == GF_JSON_OBJECT));
		must(gf_json_array(v, key, &again, &err) == (gf_json_typeof(member) == GF_JSON_ARRAY));
		tree_ask(v, key, member);
		tree_put(o, key, v, member);
	}
	must(gf_json_key_at(v, gf_json_count(v), &member) == NULL);
}

static inline void tree_put_item(gf_json_out *o, gf_json v)
{
	bool yes = false;
	gf_error err = { 0 };

	if (gf_json_typeof(v) == GF_JSON_OTHER && gf_json_flag(v, &yes, &err))
		gf_json_put_value(o, NULL, v);
	else
		tree_put(o, NULL, (gf_json){ .doc = v.doc }, v);
}

/* parent: the object that has v under key, if it is one. */
static inline void tree_put(gf_json_out *o, const char *key, gf_json parent, gf_json v)
{
	const char *text;
	uint64_t n = 0;
	bool yes = false;
	gf_error err = { 0 };

	if (gf_json_typeof(v) == GF_JSON_OBJECT) {
		gf_json_open(o, key, '{');
		tree_put_object(o, v);
		gf_json_close(o, '}');
	} else if (gf_json_typeof(v) == GF_JSON_ARRAY) {
		gf_json_open(o, key, '[');
		for (size_t i = 0; i < gf_json_count(v); i++)
			tree_put_item(o, gf_json_at(v, i));
		gf_json_close(o, ']');
	} else if (gf_json_typeof(v) == GF_JSON_STRING && gf_json_text(v, &text, &err)) {
		gf_json_put(o, key, text);
	} else if (key != NULL && gf_json_typeof(v) == GF_JSON_INTEGER && gf_json_u64(parent, key, &n, &err)) {
		gf_json_put_u64(o, key, n);
	} else if (key != NULL && gf_json_typeof(v) == GF_JSON_OTHER && gf_json_bool_if(parent, key, &yes, &err)) {
		gf_json_put_bool(o, key, yes);
	} else {
		must(key == NULL || err.name[0] != '\0' || gf_json_is_null(v));
		gf_json_put_null(o, key);
	}
	if (err.name[0] != '\0')
		must_explain(&err);
}

/* Into b, which is initialised here.  style: 0 compact, 1 indented, 2 ASCII alone. */
static inline void tree_print(const gf_json_doc *doc, int style, gf_buf *b)
{
	gf_error err = { 0 };
	gf_json_out o;

	gf_buf_init(b, TREE_MAX);
	gf_json_begin(&o, b, style == 1 ? 2 : 0, &err);
	o.ascii = style == 2;
	tree_put(&o, NULL, (gf_json){ .doc = doc }, gf_json_root(doc));
	must(gf_json_end(&o));
}

static inline void must_equal(const gf_buf *a, const gf_buf *b)
{
	must(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

#endif
