/* Ordered writing of JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_doc.h"
#include "base/text.h"

static void put(gf_json_out *o, const char *bytes, size_t n)
{
	if (!o->failed)
		o->failed = !gf_buf_add(o->buf, bytes, n, o->err);
}

static void new_line(gf_json_out *o)
{
	if (o->indent == 0)
		return;
	put(o, "\n", 1);
	for (unsigned i = 0; i < o->indent * o->depth; i++)
		put(o, " ", 1);
}

static void put_escape(gf_json_out *o, uint32_t c)
{
	char text[16];
	int n;

	if (c >= 0x10000) { /* a pair of surrogates (RFC 8259 section 7) */
		c -= 0x10000;
		n = snprintf(text, sizeof text, "\\u%04x\\u%04x", (unsigned)(0xd800 + (c >> 10)),
		    (unsigned)(0xdc00 + (c & 0x3ff)));
	} else {
		n = snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
	}
	put(o, text, (size_t)n);
}

/* So that the text may stand in HTML and in JavaScript. */
static bool escaped_by_go(uint32_t c)
{
	return c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029;
}

static void put_character(gf_json_out *o, uint32_t c, const char *bytes, size_t n)
{
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	char pair[2] = { '\\', 0 };

	for (const char *s = o->go ? shorts + 4 : shorts; *s != '\0'; s += 2)
		if (c == (unsigned char)s[0])
			pair[1] = s[1];
	if (pair[1] != 0)
		put(o, pair, 2);
	else if (c < 0x20 || (o->ascii && c > 0x7e) || (o->shown && gf_text_hidden(c)) || (o->go && escaped_by_go(c)))
		put_escape(o, c);
	else
		put(o, bytes, n);
}

static void put_string(gf_json_out *o, const char *text)
{
	size_t left = strlen(text);

	put(o, "\"", 1);
	while (left > 0 && !o->failed) {
		uint32_t c = 0;
		size_t n = gf_utf8_decode(text, left, &c);

		if (n == 0) {
			n = 1;
			put_character(o, 0xfffd, "\xef\xbf\xbd", 3);
		} else {
			put_character(o, c, text, n);
		}
		text += n;
		left -= n;
	}
	put(o, "\"", 1);
}

/* What stands before a value: comma, white space, key. */
static void before(gf_json_out *o, const char *key)
{
	if (!o->first)
		put(o, ",", 1);
	if (o->depth > 0)
		new_line(o);
	o->first = false;
	if (key == NULL)
		return;
	put_string(o, key);
	put(o, ": ", o->indent > 0 ? 2 : 1);
}

void gf_json_begin(gf_json_out *o, gf_buf *buf, unsigned indent, gf_error *err)
{
	*o = (gf_json_out){ .buf = buf, .err = err, .indent = indent, .first = true };
}

void gf_json_open(gf_json_out *o, const char *key, char bracket)
{
	before(o, key);
	put(o, &bracket, 1);
	o->depth++;
	o->first = true;
}

void gf_json_close(gf_json_out *o, char bracket)
{
	if (o->depth == 0 && !o->failed) {
		o->failed = true;
		gf_fail(o->err, GF_FAILED, "internal", NULL, "more JSON brackets are closed than were opened");
	}
	if (o->failed)
		return;
	o->depth--;
	if (!o->first)
		new_line(o);
	put(o, &bracket, 1);
	o->first = false;
}

void gf_json_put(gf_json_out *o, const char *key, const char *text)
{
	if (text == NULL)
		return;
	before(o, key);
	put_string(o, text);
}

void gf_json_put_u64(gf_json_out *o, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)value);

	before(o, key);
	put(o, text, (size_t)n);
}

void gf_json_put_bool(gf_json_out *o, const char *key, bool value)
{
	before(o, key);
	put(o, value ? "true" : "false", value ? 4 : 5);
}

void gf_json_put_null(gf_json_out *o, const char *key)
{
	before(o, key);
	put(o, "null", 4);
}

void gf_json_put_raw(gf_json_out *o, const char *key, const char *json, size_t n)
{
	before(o, key);
	put(o, json, n);
}

void gf_json_put_digest(gf_json_out *o, const char *key, const gf_digest *d)
{
	char text[GF_DIGEST_SIZE];

	gf_digest_text(d, text);
	gf_json_put(o, key, text);
}

void gf_json_put_value(gf_json_out *o, const char *key, gf_json v)
{
	char *text = o->failed ? NULL : json_dumps(v.node, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL && !o->failed)
		o->failed = !gf_no_memory(o->err);
	if (o->failed)
		return;
	before(o, key);
	put(o, text, strlen(text));
	free(text);
}

void gf_json_put_hex(gf_json_out *o, const char *key, const gf_digest *d)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(d, hex);
	gf_json_put(o, key, hex);
}

void gf_json_put_time(gf_json_out *o, const char *key, gf_time t)
{
	char text[GF_TIME_SIZE];

	gf_time_print(t, text);
	gf_json_put(o, key, text);
}

void gf_json_put_texts(gf_json_out *o, const char *key, char *const *texts, size_t n)
{
	gf_json_open(o, key, '[');
	for (size_t i = 0; i < n; i++)
		gf_json_put(o, NULL, texts[i]);
	gf_json_close(o, ']');
}

bool gf_json_end(gf_json_out *o)
{
	if (o->depth != 0 && !o->failed) {
		o->failed = true;
		gf_fail(o->err, GF_FAILED, "internal", NULL, "a JSON bracket is not closed");
	}
	return !o->failed;
}
