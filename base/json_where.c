/* Errors about a value: its path and line are put in front. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_doc.h"
#include "base/text.h"

/* Find what at or below v and add its path; *full: not all of it had room. */
static bool find(const json_t *v, const json_t *what, gf_buf *path, bool *full)
{
	gf_error unused;
	size_t before = path->len;
	bool cut;

	if (v == what)
		return true;
	if (json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			cut = !gf_buf_printf(path, &unused, "[%zu]", i);
			if (find(json_array_get(v, i), what, path, full)) {
				*full = *full || cut;
				return true;
			}
			path->len = before;
		}
	} else if (json_is_object(v)) {
		for (void *it = json_object_iter((json_t *)(uintptr_t)v); it != NULL;
		     it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
			cut = (before > 0 && !gf_buf_puts(path, ".", &unused)) ||
			    !gf_text_escape(path, json_object_iter_key(it), 64, &unused);
			if (find(json_object_iter_value(it), what, path, full)) {
				*full = *full || cut;
				return true;
			}
			path->len = before;
		}
	}
	return false;
}

/* jansson has one node for every true, false and null: such a node has no one place. */
static bool shared(const json_t *v)
{
	return json_is_boolean(v) || json_is_null(v);
}

/* key: of the null that is wanted in node, or NULL. */
static gf_json_at_text place_of(const gf_json_doc *doc, const json_t *node, const char *key)
{
	for (size_t i = 0; i < doc->lines_n; i++) {
		const gf_json_line *l = &doc->lines[i];

		if (l->node == node && (key == NULL ? l->key == NULL : l->key != NULL && strcmp(l->key, key) == 0))
			return l->at;
	}
	return (gf_json_at_text){ 0, 0 };
}

/* "'NAME', line 7, column 3, images[2].digest" for v, or for the member key of v. */
static void place(gf_json v, const char *key, char *out, size_t cap)
{
	const json_t *node = v.node, *member = key != NULL ? json_object_get(node, key) : NULL;
	const char *name = v.doc != NULL ? v.doc->name : "";
	gf_buf path;
	gf_error unused;
	gf_json_at_text at = { 0, 0 };
	bool full = false;

	gf_buf_init(&path, GF_JSON_PATH);
	if (v.doc != NULL && node != NULL && !shared(node) && find(v.doc->root, node, &path, &full)) {
		if (member != NULL)
			at = shared(member) ? place_of(v.doc, node, key) : place_of(v.doc, member, NULL);
		else
			at = place_of(v.doc, node, NULL);
		if (key != NULL &&
		    ((path.len > 0 && !gf_buf_puts(&path, ".", &unused)) || !gf_text_escape(&path, key, 64, &unused)))
			full = true;
	}
	if (at.line > 0)
		(void)snprintf(out, cap, "'%s', line %u, column %u%s%s%s", name, at.line, at.column,
		    path.len > 0 ? ", " : "", gf_buf_text(&path), full ? "..." : "");
	else
		(void)snprintf(
		    out, cap, "'%s'%s%s%s", name, path.len > 0 ? ", " : "", gf_buf_text(&path), full ? "..." : "");
	gf_buf_clear(&path);
}

__attribute__((format(printf, 5, 0))) static bool fail_at(
    gf_json v, const char *key, const char *name, gf_error *err, const char *fmt, va_list args)
{
	char where[2 * GF_JSON_PATH], what[512];

	place(v, key, where, sizeof where);
	if (vsnprintf(what, sizeof what, fmt, args) < 0)
		what[0] = '\0';
	return gf_fail(err, v.doc != NULL ? v.doc->class : GF_DAMAGED, name, v.doc != NULL ? v.doc->name : "", "%s: %s",
	    where, what);
}

bool gf_json_fail(gf_json v, const char *name, gf_error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail_at(v, NULL, name, err, fmt, args);
	va_end(args);
	return false;
}

bool gf_json_fail_member(gf_json v, const char *key, const char *name, gf_error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail_at(v, key, name, err, fmt, args);
	va_end(args);
	return false;
}
