/* What gf_json_plain_read takes is held against gf_json_parse, for fuzz targets and unit tests. */
#ifndef GF_TESTS_FUZZ_PLAIN_H
#define GF_TESTS_FUZZ_PLAIN_H

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static inline void plain_must(bool ok)
{
	if (!ok)
		abort();
}

static inline void plain_same_text(const char *plain, size_t n, const char *text)
{
	plain_must(strlen(text) == n && memcmp(plain, text, n) == 0);
}

static inline void plain_same_member(const gf_json_plain *m, gf_json root, const char *key, gf_json v)
{
	const char *text = NULL;
	uint64_t n = 0;
	bool flag = false;
	gf_error err;

	plain_same_text(m->key, m->key_n, key);
	plain_must(gf_json_typeof(v) == m->type);
	if (m->type == GF_JSON_STRING) {
		plain_must(gf_json_text(v, &text, &err));
		plain_same_text(m->text, m->n, text);
	} else if (m->type == GF_JSON_INTEGER) {
		plain_must(gf_json_u64(root, key, &n, &err) && n == m->integer);
	} else {
		plain_must(gf_json_flag(v, &flag, &err) && flag == m->flag);
	}
}

/* Is it taken?  Then the document says the same. */
static inline bool plain_agrees(const char *text, size_t len)
{
	gf_json_plain members[GF_JSON_PLAIN_MAX];
	gf_json_doc *doc;
	gf_json v;
	gf_error err;
	size_t n = 0;

	if (!gf_json_plain_read(text, len, members, &n))
		return false;
	doc = gf_json_parse(text, len, len, GF_DAMAGED, "plain", &err);
	plain_must(doc != NULL && gf_json_typeof(gf_json_root(doc)) == GF_JSON_OBJECT);
	plain_must(gf_json_count(gf_json_root(doc)) == n);
	for (size_t i = 0; i < n; i++)
		plain_same_member(&members[i], gf_json_root(doc), gf_json_key_at(gf_json_root(doc), i, &v), v);
	gf_json_free(doc);
	return true;
}

#endif
