#include <string.h>

#include <yaml.h>

#include "base/json_tree.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"

typedef struct reader {
	yaml_parser_t parser;
	gf_json_tree *tree;
	const char *name;
	unsigned depth, values, documents;
	bool key_next[GF_YAML_DEPTH + 1];      /* per depth: in a mapping, a key is due */
	gf_json_at_text at[GF_YAML_DEPTH + 1]; /* of the key */
} reader;

static gf_json_at_text at_mark(yaml_mark_t mark)
{
	return (gf_json_at_text){ .line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1 };
}

static bool refuse(const reader *r, yaml_mark_t mark, const char *what, gf_error *err)
{
	gf_json_at_text at = at_mark(mark);

	return gf_fail(
	    err, GF_USAGE, "yaml", r->name, "'%s', line %u, column %u: %s", r->name, at.line, at.column, what);
}

static bool refuse_alias(const reader *r, yaml_mark_t mark, gf_error *err)
{
	return refuse(r, mark, "aliases ('*') are not supported; put the text in quotes or write it out", err);
}

/* A node begins: what may not be on it, and whether it is one too many. */
static bool check_node(
    reader *r, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag, gf_error *err)
{
	if (anchor != NULL)
		return refuse(r, e->start_mark, "anchors ('&') are not supported; write the value out", err);
	if (tag != NULL)
		return refuse(r, e->start_mark, "tags ('!') are not supported", err);
	if (++r->values > GF_JSON_VALUES)
		return refuse(r, e->start_mark, "there are too many values", err);
	return true;
}

static gf_json_at_text place_of(const reader *r, const yaml_event_t *e)
{
	bool member = gf_json_tree_inside(r->tree) == '{';

	return member ? r->at[r->depth] : at_mark(e->start_mark);
}

static bool take_key(reader *r, const yaml_event_t *e, gf_error *err)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	bool taken = false;

	if (memchr(text, '\0', n) != NULL)
		return refuse(r, e->start_mark, "a key has a NUL character in it", err);
	if (!gf_json_tree_key(r->tree, text, n, &taken, err))
		return false;
	if (taken) {
		gf_buf shown;
		gf_error unused;

		gf_buf_init(&shown, 512);
		(void)gf_text_escape(&shown, text, 64, &unused);
		gf_fail(err, GF_USAGE, "yaml", r->name,
		    "'%s', line %u, column %u: the key '%s' stands here a second time", r->name,
		    at_mark(e->start_mark).line, at_mark(e->start_mark).column, gf_buf_text(&shown));
		gf_buf_clear(&shown);
		return false;
	}
	r->at[r->depth] = at_mark(e->start_mark);
	r->key_next[r->depth] = false;
	return true;
}

static bool take_scalar(reader *r, const yaml_event_t *e, gf_error *err)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	gf_json_at_text at = place_of(r, e);

	if (!check_node(r, e, e->data.scalar.anchor, e->data.scalar.tag, err))
		return false;
	if (gf_json_tree_inside(r->tree) == '{' && r->key_next[r->depth])
		return take_key(r, e, err);
	r->key_next[r->depth] = true;
	/* "key:" with nothing behind it is no text. */
	if (n == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return gf_json_tree_null(r->tree, at, err);
	return gf_json_tree_text(r->tree, text, n, at, err);
}

static bool take_open(
    reader *r, const yaml_event_t *e, char bracket, const yaml_char_t *anchor, const yaml_char_t *tag, gf_error *err)
{
	gf_json_at_text at = place_of(r, e);

	if (!check_node(r, e, anchor, tag, err))
		return false;
	if (gf_json_tree_inside(r->tree) == '{' && r->key_next[r->depth])
		return refuse(r, e->start_mark, "a key must be plain text", err);
	if (r->depth == GF_YAML_DEPTH)
		return refuse(r, e->start_mark, "it is nested too deeply", err);
	r->key_next[r->depth] = true;
	if (!gf_json_tree_open(r->tree, bracket, at, err))
		return false;
	r->depth++;
	r->key_next[r->depth] = true;
	return true;
}

static bool take(reader *r, const yaml_event_t *e, gf_error *err)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (e->data.document_start.version_directive != NULL ||
		    e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
			return refuse(r, e->start_mark, "directives ('%') are not supported", err);
		if (++r->documents > 1)
			return refuse(r, e->start_mark, "a second document ('---') begins; write one file each", err);
		return true;
	case YAML_ALIAS_EVENT: return refuse_alias(r, e->start_mark, err);
	case YAML_SCALAR_EVENT: return take_scalar(r, e, err);
	case YAML_MAPPING_START_EVENT:
		return take_open(r, e, '{', e->data.mapping_start.anchor, e->data.mapping_start.tag, err);
	case YAML_SEQUENCE_START_EVENT:
		return take_open(r, e, '[', e->data.sequence_start.anchor, e->data.sequence_start.tag, err);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		r->depth--;
		gf_json_tree_close(r->tree);
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: break;
	}
	return true;
}

static bool syntax(const reader *r, gf_error *err)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return gf_no_memory(err);
	if (p->error == YAML_READER_ERROR)
		return gf_fail(err, GF_USAGE, "yaml", r->name, "'%s' is not YAML, byte %zu: %s", r->name,
		    p->problem_offset, p->problem);
	/* "match: **": to libyaml an alias without a name. */
	if (p->context != NULL && strcmp(p->context, "while scanning an alias") == 0)
		return refuse_alias(r, p->problem_mark, err);
	return refuse(r, p->problem_mark, p->problem != NULL ? p->problem : "it is not YAML", err);
}

static bool read_events(reader *r, gf_error *err)
{
	bool ok = true, end = false;

	while (ok && !end) {
		yaml_event_t e;

		if (!yaml_parser_parse(&r->parser, &e))
			return syntax(r, err);
		end = e.type == YAML_STREAM_END_EVENT;
		ok = take(r, &e, err);
		yaml_event_delete(&e);
	}
	return ok && (r->documents == 1 || refuse(r, (yaml_mark_t){ 0 }, "the file is empty", err));
}

gf_json_doc *gf_yaml_parse(const void *text, size_t len, const char *name, gf_error *err)
{
	reader r = { .name = name };
	gf_json_doc *doc = NULL;

	if (len > GF_YAML_MAX) {
		gf_fail(err, GF_USAGE, "too-large", name, "'%s' has %zu bytes, more than the %zu allowed here", name,
		    len, GF_YAML_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		gf_no_memory(err);
		return NULL;
	}
	/* Not by a byte order mark: one encoding, UTF-8. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, text, len);
	r.tree = gf_json_tree_new(GF_USAGE, name, err);
	if (r.tree != NULL && read_events(&r, err)) {
		doc = gf_json_tree_finish(r.tree, err);
		r.tree = NULL;
	}
	gf_json_tree_free(r.tree);
	yaml_parser_delete(&r.parser);
	return doc;
}
