#include <string.h>

#include "verify/statement.h"

#define STATEMENT "https://in-toto.io/Statement/v1"

/* The name of a subject is for people; the digest counts.  A trust file is about nothing but itself, and a file cannot
 * name its own digest. */
static bool read_subject(gf_json root, const char *type, gf_digest *out, gf_error *err)
{
	static const char *const keys[] = { "name", "digest", NULL }, *const digest_keys[] = { "sha256", NULL };
	gf_json list, item, digest;
	size_t wanted = strcmp(type, GF_TYPE_TRUST) == 0 ? 0 : 1;
	const char *name = NULL;

	if (!gf_json_array(root, "subject", &list, err))
		return false;
	if (gf_json_count(list) != wanted)
		return gf_json_fail(list, "statement", err, "expected %s subject, found %zu",
		    wanted == 0 ? "no" : "one", gf_json_count(list));
	if (wanted == 0)
		return true;
	item = gf_json_at(list, 0);
	return gf_json_only(item, keys, err) && gf_json_string(item, "name", &name, err) &&
	    gf_json_object(item, "digest", &digest, err) && gf_json_only(digest, digest_keys, err) &&
	    gf_json_hex(digest, "sha256", out, err);
}

bool gf_statement_open(const void *text, size_t n, const char *name, const char *type, gf_statement *out, gf_error *err)
{
	static const char *const keys[] = { "_type", "subject", "predicateType", "predicate", NULL };
	gf_json root;

	memset(out, 0, sizeof *out);
	out->doc = gf_json_parse(text, n, GF_COMPANION_MAX, GF_DAMAGED, name, err);
	if (out->doc == NULL)
		return false;
	root = gf_json_root(out->doc);
	if (gf_json_only(root, keys, err) && gf_json_expect(root, "_type", STATEMENT, "statement", err) &&
	    gf_json_string(root, "predicateType", &out->type, err) &&
	    (type == NULL || gf_json_expect(root, "predicateType", type, "statement", err)) &&
	    read_subject(root, out->type, &out->subject, err) &&
	    gf_json_object(root, "predicate", &out->predicate, err))
		return true;
	gf_statement_close(out);
	return false;
}

void gf_statement_close(gf_statement *s)
{
	gf_json_free(s->doc);
	memset(s, 0, sizeof *s);
}

void gf_statement_begin(
    gf_json_out *o, gf_buf *out, const char *type, const char *subject_name, const gf_digest *subject, gf_error *err)
{
	char hex[GF_HEX_SIZE];

	gf_json_begin(o, out, 2, err);
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "_type", STATEMENT);
	gf_json_open(o, "subject", '[');
	if (subject != NULL) {
		gf_digest_hex(subject, hex);
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "name", subject_name);
		gf_json_open(o, "digest", '{');
		gf_json_put(o, "sha256", hex);
		gf_json_close(o, '}');
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_put(o, "predicateType", type);
	gf_json_open(o, "predicate", '{');
}

bool gf_statement_end(gf_json_out *o)
{
	gf_json_close(o, '}');
	gf_json_close(o, '}');
	return gf_json_end(o) && gf_buf_puts(o->buf, "\n", o->err);
}
