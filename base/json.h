/*
 * json: strict reading (RFC 8259 and less) and ordered writing.
 *
 * A cheap scan bounds bytes, depth and values and refuses bytes below 0x20 other than
 * TAB, LF, CR before jansson sees the text; duplicate keys are refused.  Getters are
 * typed; a key that nobody asked for is found by gf_json_only().  base/yaml makes the
 * same documents, so configuration and signed statements have one set of getters.
 * Errors have the class given at the parse: GF_DAMAGED for what came in a bundle or from
 * a peer, GF_USAGE for what the user wrote; their text names the path of the value, and
 * its line and column where the text was YAML.
 */
#ifndef GF_BASE_JSON_H
#define GF_BASE_JSON_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"

typedef struct gf_json_doc gf_json_doc;

/* A value inside a document; valid as long as the document. */
typedef struct gf_json {
	const void *node; /* NULL: absent */
	const gf_json_doc *doc;
} gf_json;

/* name: what the text is, for messages ("META/manifest.json").  len <= max, else "too-large".
 * Malformed: "json"; too deep or too many values: "json-limit". */
gf_json_doc *gf_json_parse(const void *text, size_t len, size_t max, gf_class class, const char *name, gf_error *err);
void gf_json_free(gf_json_doc *doc);
/* Before any text is read: memory that jansson lacks is told from text that is malformed (gf_starved). */
void gf_json_watch_memory(void);
gf_json gf_json_root(const gf_json_doc *doc);

typedef enum gf_json_type {
	GF_JSON_ABSENT,
	GF_JSON_OBJECT,
	GF_JSON_ARRAY,
	GF_JSON_STRING,
	GF_JSON_INTEGER,
	GF_JSON_OTHER
} gf_json_type;
gf_json_type gf_json_typeof(gf_json v); /* null is GF_JSON_OTHER */
bool gf_json_is_null(gf_json v);        /* it is there, and null */

/* v is an object and has no keys but these (NULL-terminated list): else "json-type", "unknown-key". */
bool gf_json_only(gf_json v, const char *const *keys, gf_error *err);

gf_json gf_json_get(gf_json object, const char *key); /* node NULL when absent or not an object */
/* The same, ignoring the case of ASCII letters when no key matches exactly: what Go programs
 * read (image-protocols.md 1.1).  For archives made by others only. */
gf_json gf_json_get_any_case(gf_json object, const char *key);

/* Required members.  Missing: "missing-key"; wrong type: "json-type"; an integer out of range: "json-range".
 * Strings have no NUL inside ("json-nul"). */
bool gf_json_object(gf_json object, const char *key, gf_json *out, gf_error *err);
bool gf_json_array(gf_json object, const char *key, gf_json *out, gf_error *err);
bool gf_json_string(gf_json object, const char *key, const char **out, gf_error *err);
bool gf_json_u64(gf_json object, const char *key, uint64_t *out, gf_error *err); /* 0 ... 2^53-1 */
bool gf_json_digest(
    gf_json object, const char *key, gf_digest *out, gf_error *err); /* "sha256:..."; else "digest-form" */
/* Optional members: absent leaves *out as it was.  null counts as wrong type. */
bool gf_json_string_if(gf_json object, const char *key, const char **out, gf_error *err);
bool gf_json_u64_if(gf_json object, const char *key, uint64_t *out, gf_error *err);
bool gf_json_bool_if(gf_json object, const char *key, bool *out, gf_error *err);

/* Arrays: number of items, the i-th.  Objects: number of members, the i-th key and value in file order. */
size_t gf_json_count(gf_json v);
gf_json gf_json_at(gf_json array, size_t i);
const char *gf_json_key_at(gf_json object, size_t i, gf_json *value);
/* The value itself as a string, or as true or false; else "json-type". */
bool gf_json_text(gf_json v, const char **out, gf_error *err);
bool gf_json_flag(gf_json v, bool *out, gf_error *err);
/* Fail about v: class of the document, its path (and line) put in front. */
bool gf_json_fail(gf_json v, const char *name, gf_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* What signed statements and configurations share (json_read.c).  _if: absent leaves *out as it was. */
bool gf_json_copy(gf_json object, const char *key, char **out, gf_error *err); /* a text, the caller's */
bool gf_json_copy_if(gf_json object, const char *key, char **out, gf_error *err);
bool gf_json_hex(
    gf_json object, const char *key, gf_digest *out, gf_error *err);             /* 64 hex digits; else "digest-form" */
bool gf_json_time(gf_json object, const char *key, gf_time *out, gf_error *err); /* of clock.h; else "time-form" */
bool gf_json_time_if(gf_json object, const char *key, gf_time *out, gf_error *err);
/* This text and no other: else an error of this name. */
bool gf_json_expect(gf_json object, const char *key, const char *want, const char *name, gf_error *err);
/* Copies of the texts of a list, with a NULL behind them; *out and *n are right to free by gf_texts_free on failure too.  An empty text: "empty". */
bool gf_json_texts(gf_json array, char ***out, size_t *n, gf_error *err);
bool gf_json_texts_if(gf_json object, const char *key, char ***out, size_t *n, gf_error *err);
void gf_texts_free(char **list, size_t n);

/* ---- without a document ---- */

#define GF_JSON_PLAIN_MAX 32 /* members */

typedef struct gf_json_plain {
	const char *key, *text; /* in the text that was read, without a NUL behind */
	size_t key_n, n;
	uint64_t integer;
	gf_json_type type; /* GF_JSON_STRING; GF_JSON_INTEGER; GF_JSON_OTHER: true or false */
	bool flag;
} gf_json_plain;

/* One object as our own writer makes it for a line: no white space, no escapes, ASCII, no key twice, texts, integers from 0
 * to 2^53-1, true and false.  What is taken here gf_json_parse takes too, as the same members in the same order; of all
 * else this says nothing: ask gf_json_parse, which also says what is wrong.  Some ten times as fast. */
bool gf_json_plain_read(const char *text, size_t len, gf_json_plain out[GF_JSON_PLAIN_MAX], size_t *n);

const char *gf_json_library(void); /* version of jansson */

/* ---- writing ----
 * Keys come out in the order of the calls.  indent 0: no white space; else that many spaces
 * a level.  Text is UTF-8 and written as it is but for '"', '\' and bytes below 0x20; bytes
 * that are not UTF-8 become U+FFFD.  key is NULL inside arrays.  Errors stick: check
 * gf_json_end, which also adds nothing (no LF). */
typedef struct gf_json_out {
	gf_buf *buf;
	gf_error *err;
	unsigned indent, depth;
	bool first, failed;
	bool ascii; /* bytes above 0x7e as \u escapes (log lines) */
	bool shown; /* what gf_text_hidden knows as \u escapes, for it may come to a terminal */
	bool go;    /* the escapes of Go's encoding/json before Go 1.22 */
} gf_json_out;

void gf_json_begin(gf_json_out *o, gf_buf *buf, unsigned indent, gf_error *err);
void gf_json_open(gf_json_out *o, const char *key, char bracket);    /* '{' or '[' */
void gf_json_close(gf_json_out *o, char bracket);                    /* '}' or ']' */
void gf_json_put(gf_json_out *o, const char *key, const char *text); /* NULL text: nothing is written */
void gf_json_put_u64(gf_json_out *o, const char *key, uint64_t value);
void gf_json_put_bool(gf_json_out *o, const char *key, bool value);
void gf_json_put_null(gf_json_out *o, const char *key);
void gf_json_put_raw(gf_json_out *o, const char *key, const char *json, size_t n); /* a value that is JSON already */
void gf_json_put_digest(gf_json_out *o, const char *key, const gf_digest *d);      /* "sha256:..." */
/* A value that was read, with all that is in it, without white space. */
void gf_json_put_value(gf_json_out *o, const char *key, gf_json v);
void gf_json_put_hex(gf_json_out *o, const char *key, const gf_digest *d); /* 64 digits alone, as in-toto has it */
void gf_json_put_time(gf_json_out *o, const char *key, gf_time t);
void gf_json_put_texts(gf_json_out *o, const char *key, char *const *texts, size_t n); /* a list, also an empty one */
bool gf_json_end(gf_json_out *o);

#endif
