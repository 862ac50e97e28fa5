/* v1: a round trip through Go's encoding/json, as Docker makes it. */
#include "pack/v1.h"

#include <stdlib.h>
#include <string.h>

#define GO_TIME_SIZE 48

/* Absent and null leave Go's zero value. */
static bool given(gf_json v)
{
	return v.node != NULL && !gf_json_is_null(v);
}

/* Go matches keys without regard to case. */
static gf_json member(gf_json object, const char *key)
{
	return gf_json_get_any_case(object, key);
}

/* ---- times ---- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "Z", or "+hh:mm" and "-hh:mm", which is "Z" where it is no offset at all. */
static bool zone_as_go(const char *text, char *out)
{
	if (strcmp(text, "Z") == 0 || strcmp(text, "+00:00") == 0 || strcmp(text, "-00:00") == 0) {
		memcpy(out, "Z", 2);
		return true;
	}
	if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':' || !digit(text[1]) ||
	    !digit(text[2]) || !digit(text[4]) || !digit(text[5]) || strncmp(text + 1, "24", 2) >= 0 || text[4] > '5')
		return false;
	memcpy(out, text, 7);
	return true;
}

/* RFC3339Nano: nine digits of a fraction at most, without zeros at its end. */
static bool time_as_go(const char *text, char out[GO_TIME_SIZE])
{
	char whole[GF_TIME_SIZE];
	size_t n = 0, kept = 0;
	gf_time unused;

	if (strlen(text) < GF_TIME_SIZE - 1)
		return false;
	memcpy(whole, text, GF_TIME_SIZE - 2);
	memcpy(whole + GF_TIME_SIZE - 2, "Z", 2);
	if (!gf_time_parse(whole, &unused) && strcmp(whole, "0001-01-01T00:00:00Z") != 0)
		return false;
	memcpy(out, text, GF_TIME_SIZE - 2);
	text += GF_TIME_SIZE - 2;
	out += GF_TIME_SIZE - 2;
	if (*text == '.') {
		for (n = 1; digit(text[n]); n++)
			if (n <= 9 && text[n] != '0')
				kept = n;
		if (n == 1)
			return false;
		if (kept > 0) {
			memcpy(out, text, kept + 1);
			out += kept + 1;
		}
	}
	return zone_as_go(text + n, out);
}

static bool put_created(gf_json_out *o, gf_json from, gf_error *err)
{
	const char *text = "0001-01-01T00:00:00Z";
	char made[GO_TIME_SIZE];
	gf_json v = member(from, "created");

	if (given(v) && !gf_json_text(v, &text, err))
		return false;
	if (!time_as_go(text, made))
		return gf_json_fail(v, "legacy-time", err, "expected a time like 2015-10-28T23:59:59.123456789Z");
	gf_json_put(o, "created", made);
	return true;
}

/* ---- values ---- */

/* always: an empty one, too. */
static bool put_text(gf_json_out *o, gf_json v, const char *key, bool always, gf_error *err)
{
	const char *text = "";

	if (given(v) && !gf_json_text(v, &text, err))
		return false;
	if (always || *text != '\0')
		gf_json_put(o, key, text);
	return true;
}

static bool put_flag(gf_json_out *o, gf_json v, const char *key, bool always, gf_error *err)
{
	bool yes = false;

	if (given(v) && !gf_json_flag(v, &yes, err))
		return false;
	if (always || yes)
		gf_json_put_bool(o, key, yes);
	return true;
}

static bool put_list(gf_json_out *o, gf_json v, const char *key, bool always, gf_error *err)
{
	if (!given(v)) {
		if (always)
			gf_json_put_null(o, key);
		return true;
	}
	if (gf_json_typeof(v) != GF_JSON_ARRAY)
		return gf_json_fail(v, "json-type", err, "expected a list of texts");
	if (!always && gf_json_count(v) == 0)
		return true;
	gf_json_open(o, key, '[');
	for (size_t i = 0; i < gf_json_count(v); i++)
		if (!put_text(o, gf_json_at(v, i), NULL, true, err))
			return false;
	gf_json_close(o, ']');
	return true;
}

/* A list of words, which may be written as the one word it has. */
static bool put_words(gf_json_out *o, gf_json v, const char *key, bool always, gf_error *err)
{
	const char *text;

	if (gf_json_typeof(v) != GF_JSON_STRING)
		return put_list(o, v, key, always, err);
	if (!gf_json_text(v, &text, err))
		return false;
	gf_json_open(o, key, '[');
	gf_json_put(o, NULL, text);
	gf_json_close(o, ']');
	return true;
}

typedef struct pair {
	const char *key;
	gf_json value;
	const char *raw; /* and n: the value as it stands in the text */
	size_t n;
} pair;

static int by_key(const void *a, const void *b)
{
	return strcmp(((const pair *)a)->key, ((const pair *)b)->key);
}

/* Every member of an object, sorted as Go sorts a map's keys. */
static pair *sorted(gf_json object, size_t *n, gf_error *err)
{
	pair *pairs = gf_alloc(gf_json_count(object) + 1, sizeof *pairs, err);

	*n = pairs != NULL ? gf_json_count(object) : 0;
	for (size_t i = 0; i < *n; i++)
		pairs[i].key = gf_json_key_at(object, i, &pairs[i].value);
	if (*n > 0)
		qsort(pairs, *n, sizeof *pairs, by_key);
	return pairs;
}

/* A map to texts, or to objects of which nothing is kept. */
static bool put_map(gf_json_out *o, gf_json v, const char *key, bool always, bool texts, gf_error *err)
{
	pair *pairs;
	size_t n;
	bool ok;

	if (!given(v)) {
		if (always)
			gf_json_put_null(o, key);
		return true;
	}
	if (gf_json_typeof(v) != GF_JSON_OBJECT)
		return gf_json_fail(v, "json-type", err, "expected an object");
	if (!always && gf_json_count(v) == 0)
		return true;
	pairs = sorted(v, &n, err);
	ok = pairs != NULL;
	gf_json_open(o, key, '{');
	for (size_t i = 0; ok && i < n; i++) {
		if (texts) {
			ok = put_text(o, pairs[i].value, pairs[i].key, true, err);
		} else if (given(pairs[i].value) && gf_json_typeof(pairs[i].value) != GF_JSON_OBJECT) {
			ok = gf_json_fail(pairs[i].value, "json-type", err, "expected an object");
		} else {
			gf_json_open(o, pairs[i].key, '{');
			gf_json_close(o, '}');
		}
	}
	gf_json_close(o, '}');
	free(pairs);
	return ok;
}

/* ---- container.Config ---- */

static const struct field {
	const char *key;
	enum { TEXT, FLAG, LIST, WORDS, SET, TEXTS, LATER } kind;
	bool always;
} fields[] = {
	{ "Hostname", TEXT, true },
	{ "Domainname", TEXT, true },
	{ "User", TEXT, true },
	{ "AttachStdin", FLAG, true },
	{ "AttachStdout", FLAG, true },
	{ "AttachStderr", FLAG, true },
	{ "ExposedPorts", SET, false },
	{ "Tty", FLAG, true },
	{ "OpenStdin", FLAG, true },
	{ "StdinOnce", FLAG, true },
	{ "Env", LIST, true },
	{ "Cmd", WORDS, true },
	{ "Healthcheck", LATER, false },
	{ "ArgsEscaped", FLAG, false },
	{ "Image", TEXT, true },
	{ "Volumes", SET, true },
	{ "WorkingDir", TEXT, true },
	{ "Entrypoint", WORDS, true },
	{ "NetworkDisabled", FLAG, false },
	{ "MacAddress", TEXT, false },
	{ "OnBuild", LIST, true },
	{ "Labels", TEXTS, true },
	{ "StopSignal", TEXT, false },
	{ "StopTimeout", LATER, false },
	{ "Shell", WORDS, false },
};

static bool put_field(gf_json_out *o, const struct field *f, gf_json v, gf_error *err)
{
	switch (f->kind) {
	case TEXT: return put_text(o, v, f->key, f->always, err);
	case FLAG: return put_flag(o, v, f->key, f->always, err);
	case LIST: return put_list(o, v, f->key, f->always, err);
	case WORDS: return put_words(o, v, f->key, f->always, err);
	case SET: return put_map(o, v, f->key, f->always, false, err);
	case TEXTS: return put_map(o, v, f->key, f->always, true, err);
	case LATER: break;
	}
	return !given(v) ||
	    gf_json_fail(v, "legacy-config", err,
		"'%s' did not exist when Docker saved images in this form; save the image again with a newer one",
		f->key);
}

static bool put_container_config(gf_json_out *o, gf_json v, const char *key, gf_error *err)
{
	if (given(v) && gf_json_typeof(v) != GF_JSON_OBJECT)
		return gf_json_fail(v, "json-type", err, "expected an object");
	gf_json_open(o, key, '{');
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!put_field(o, &fields[i], member(v, fields[i].key), err))
			return false;
	gf_json_close(o, '}');
	return true;
}

/* ---- history ---- */

/* The words of a command with a space between them. */
static bool command(gf_json words, gf_buf *out, gf_error *err)
{
	bool one = gf_json_typeof(words) == GF_JSON_STRING;
	size_t n = one ? 1 : gf_json_count(words);

	if (given(words) && !one && gf_json_typeof(words) != GF_JSON_ARRAY)
		return gf_json_fail(words, "json-type", err, "expected a list of texts");
	for (size_t i = 0; i < n; i++) {
		gf_json v = one ? words : gf_json_at(words, i);
		const char *text = "";
		if ((given(v) && !gf_json_text(v, &text, err)) || (i > 0 && !gf_buf_puts(out, " ", err)) ||
		    !gf_buf_puts(out, text, err))
			return false;
	}
	return true;
}

bool gf_v1_history(gf_json text, gf_buf *out, gf_error *err)
{
	gf_json_out o;
	gf_buf by;
	bool ok;

	gf_buf_init(&by, GF_JSON_BLOB_MAX);
	gf_json_begin(&o, out, 0, err);
	o.go = true;
	gf_json_open(&o, NULL, '{');
	ok = put_created(&o, text, err) && put_text(&o, member(text, "author"), "author", false, err) &&
	    command(member(member(text, "container_config"), "Cmd"), &by, err);
	if (ok && by.len > 0)
		gf_json_put(&o, "created_by", gf_buf_text(&by));
	ok = ok && put_text(&o, member(text, "comment"), "comment", false, err);
	gf_json_close(&o, '}');
	gf_buf_clear(&by);
	return ok && gf_json_end(&o);
}

/* ---- the config ---- */

/* A part of a version: a number, or 0 for all else. */
static uint64_t part(const char *text, size_t n)
{
	char digits[12];
	uint64_t value = 0;

	if (n == 0 || n >= sizeof digits)
		return 0;
	memcpy(digits, text, n);
	digits[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!digit(digits[i]))
			return 0;
		value = value * 10 + (uint64_t)(digits[i] - '0');
	}
	return value;
}

/* Docker 1.8.3 began to keep the texts as they are; older ones go through V1Image, which drops what it does not know. */
static bool keeps_text(const char *version)
{
	static const uint64_t since[] = { 1, 8, 3 };

	for (size_t i = 0; *version != '\0' || i < 3; i++) {
		size_t n = strcspn(version, ".");
		uint64_t found = part(version, n), want = i < 3 ? since[i] : 0;

		if (found != want)
			return found > want;
		version += n + (version[n] == '.');
	}
	return true;
}

/* V1Image, its members in the order of their names, as they end up in. */
static bool put_old(gf_json_out *o, gf_json root, const gf_buf *rootfs, const gf_buf *history, gf_error *err)
{
	gf_json config = member(root, "config");

	if (!put_text(o, member(root, "architecture"), "architecture", false, err) ||
	    !put_text(o, member(root, "author"), "author", false, err) ||
	    !put_text(o, member(root, "comment"), "comment", false, err) ||
	    (given(config) && !put_container_config(o, config, "config", err)) ||
	    !put_text(o, member(root, "container"), "container", false, err) ||
	    !put_container_config(o, member(root, "container_config"), "container_config", err) ||
	    !put_created(o, root, err) || !put_text(o, member(root, "docker_version"), "docker_version", false, err))
		return false;
	gf_json_put_raw(o, "history", gf_buf_text(history), history->len);
	if (!put_text(o, member(root, "os"), "os", false, err))
		return false;
	gf_json_put_raw(o, "rootfs", gf_buf_text(rootfs), rootfs->len);
	return put_text(o, member(root, "variant"), "variant", false, err);
}

static size_t escape_at(const char *p, const char *end, const char **as)
{
	static const struct {
		const char *bytes, *as;
	} escapes[] = { { "<", "\\u003c" }, { ">", "\\u003e" }, { "&", "\\u0026" }, { "\xe2\x80\xa8", "\\u2028" },
		{ "\xe2\x80\xa9", "\\u2029" } };

	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		size_t n = strlen(escapes[i].bytes);
		if ((size_t)(end - p) >= n && memcmp(p, escapes[i].bytes, n) == 0) {
			*as = escapes[i].as;
			return n;
		}
	}
	return 0;
}

/* text is JSON: without the white space between its values, and escaped as Go does. */
static bool compact(const gf_buf *text, gf_buf *out, gf_error *err)
{
	const char *p = gf_buf_text(text), *end = p + text->len, *as;
	bool inside = false;

	while (p < end) {
		size_t n = escape_at(p, end, &as);
		if (n > 0) {
			if (!gf_buf_puts(out, as, err))
				return false;
			p += n;
			continue;
		}
		n = inside && *p == '\\' ? 2 : 1;
		if (*p == '"')
			inside = !inside;
		if ((inside || strchr(" \t\r\n", *p) == NULL) && !gf_buf_add(out, p, n, err))
			return false;
		p += n;
	}
	return true;
}

/* The end of the value that begins at p, in compact JSON. */
static const char *value_end(const char *p)
{
	size_t depth = 0;
	bool inside = false;

	for (;; p++) {
		if (inside) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				inside = false;
		} else if (*p == '"') {
			inside = true;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if (depth == 0 && (*p == ',' || *p == '}' || *p == ':')) {
			return p;
		} else if (*p == '}' || *p == ']') {
			depth--;
		}
	}
}

static bool dropped(const char *key)
{
	static const char *const keys[] = { "id", "parent", "Size", "parent_id", "layer_id", "throwaway", "rootfs",
		"history", NULL };

	for (size_t i = 0; keys[i] != NULL; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* Every member as it stands, but for those that the layer had and an image does not. */
static bool put_kept(
    gf_json_out *o, const gf_buf *text, gf_json root, const gf_buf *rootfs, const gf_buf *history, gf_error *err)
{
	size_t n = gf_json_count(root), kept = 0;
	pair *pairs = gf_alloc(n + 2, sizeof *pairs, err);
	const char *p = gf_buf_text(text) + 1;

	for (size_t i = 0; pairs != NULL && i < n; i++) {
		pair *at = &pairs[kept];
		at->key = gf_json_key_at(root, i, &at->value);
		at->raw = value_end(p) + 1;
		p = value_end(at->raw);
		at->n = (size_t)(p++ - at->raw);
		kept += !dropped(at->key);
	}
	if (pairs == NULL)
		return false;
	pairs[kept++] = (pair){ .key = "history", .raw = gf_buf_text(history), .n = history->len };
	pairs[kept++] = (pair){ .key = "rootfs", .raw = gf_buf_text(rootfs), .n = rootfs->len };
	qsort(pairs, kept, sizeof *pairs, by_key);
	for (size_t i = 0; i < kept; i++)
		gf_json_put_raw(o, pairs[i].key, pairs[i].raw, pairs[i].n);
	free(pairs);
	return true;
}

bool gf_v1_config(
    const gf_buf *text, gf_json root, const gf_buf *rootfs, const gf_buf *history, gf_buf *out, gf_error *err)
{
	gf_json said = member(root, "docker_version");
	const char *version = "";
	gf_json_out o;
	gf_buf tight;
	bool ok = !given(said) || gf_json_text(said, &version, err);

	gf_buf_init(&tight, 6 * GF_JSON_BLOB_MAX);
	gf_json_begin(&o, out, 0, err);
	o.go = true;
	gf_json_open(&o, NULL, '{');
	if (ok && keeps_text(version))
		ok = compact(text, &tight, err) && put_kept(&o, &tight, root, rootfs, history, err);
	else if (ok)
		ok = put_old(&o, root, rootfs, history, err);
	gf_json_close(&o, '}');
	gf_buf_clear(&tight);
	return ok && gf_json_end(&o);
}
