#include <string.h>

#include "base/json_tree.h"
#include "base/limits.h"

/*
 * What jansson does not bound (its tree of '[{},{}...' takes eighty times the text), and what
 * it lets pass: a NUL behind a number (facts/style.md section 4).  Counts values exactly in
 * correct text; in other text jansson stops at the first fault.
 */
bool gf_json_scan(const char *text, size_t len, gf_class class, const char *name, gf_error *err)
{
	bool in_string = false, in_scalar = false;
	size_t depth = 0, tokens = 0, colons = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool space = c == '\t' || c == '\n' || c == '\r';

		if (c < 0x20 && (in_string || !space))
			return gf_fail(err, class, "json", name, "'%s': byte %zu is 0x%02x, which JSON does not allow",
			    name, i, c);
		if (in_string) {
			if (c == '\\' && i + 1 < len && (unsigned char)text[i + 1] >= 0x20)
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"' || c == '[' || c == '{') {
			tokens++;
			in_string = c == '"';
			if (c != '"' && ++depth > GF_JSON_DEPTH)
				return gf_fail(err, class, "json-limit", name, "'%s' has more than %d levels", name,
				    GF_JSON_DEPTH);
			in_scalar = false;
		} else if (space || c == ' ' || c == ',' || c == ':' || c == ']' || c == '}') {
			colons += c == ':';
			if ((c == ']' || c == '}') && depth > 0)
				depth--;
			in_scalar = false;
		} else if (!in_scalar) {
			tokens++;
			in_scalar = true;
		}
		if (tokens > colons && tokens - colons > GF_JSON_VALUES)
			return gf_fail(
			    err, class, "json-limit", name, "'%s' has more than %d values", name, GF_JSON_VALUES);
	}
	return true;
}

/* ---- plain objects ---- */

/* Where the text that begins at p ends: at its closing quote.  NULL: not plain. */
static const char *text_end(const char *p, const char *end)
{
	while (p < end && *p >= 0x20 && *p <= 0x7e && *p != '"' && *p != '\\')
		p++;
	return p < end && *p == '"' ? p : NULL;
}

static const char *word(const char *p, const char *end, const char *literal, size_t n)
{
	return (size_t)(end - p) >= n && memcmp(p, literal, n) == 0 ? p + n : NULL;
}

static const char *plain_integer(const char *p, const char *end, uint64_t *out)
{
	const char *from = p;
	uint64_t v = 0;

	while (p < end && *p >= '0' && *p <= '9' && p - from < GF_JSON_DIGITS)
		v = v * 10 + (uint64_t)(*p++ - '0');
	*out = v;
	return p > from && (*from != '0' || p - from == 1) && v <= GF_JSON_U64_MAX ? p : NULL;
}

/* Behind the value at p; NULL: not plain. */
static const char *plain_value(const char *p, const char *end, gf_json_plain *m)
{
	if (p == end)
		return NULL;
	m->type = GF_JSON_OTHER;
	m->flag = *p == 't';
	if (*p == 't')
		return word(p, end, "true", 4);
	if (*p == 'f')
		return word(p, end, "false", 5);
	if (*p != '"') {
		m->type = GF_JSON_INTEGER;
		return plain_integer(p, end, &m->integer);
	}
	m->type = GF_JSON_STRING;
	m->text = p + 1;
	p = text_end(m->text, end);
	if (p == NULL)
		return NULL;
	m->n = (size_t)(p - m->text);
	return p + 1;
}

static bool is_new(const gf_json_plain *members, size_t n)
{
	const gf_json_plain *last = &members[n];

	for (size_t i = 0; i < n; i++)
		if (members[i].key_n == last->key_n && memcmp(members[i].key, last->key, last->key_n) == 0)
			return false;
	return true;
}

bool gf_json_plain_read(const char *text, size_t len, gf_json_plain out[GF_JSON_PLAIN_MAX], size_t *n)
{
	const char *p = text, *end = text + len;

	*n = 0;
	if (len == 0 || *p != '{')
		return false;
	do {
		gf_json_plain *m = &out[*n];

		if (*n == GF_JSON_PLAIN_MAX || end - p < 2 || p[1] != '"')
			return false;
		m->key = p + 2;
		p = text_end(m->key, end);
		if (p == NULL || end - p < 2 || p[1] != ':')
			return false;
		m->key_n = (size_t)(p - m->key);
		p = plain_value(p + 2, end, m);
		if (p == NULL || p == end || !is_new(out, (*n)++))
			return false;
	} while (*p == ',');
	return *p == '}' && p + 1 == end;
}
