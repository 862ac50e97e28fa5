#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundles/bundles.h"
#include "unpack/layout_index.h"

#define INDEX_MAX (64 * GF_MIB)

const char gf_layout_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

struct gf_layout_index {
	gf_json_doc *doc; /* NULL: there is none yet */
	gf_json entries;
};

static const char *const name_keys[] = { "io.containerd.image.name", "org.opencontainers.image.ref.name" };

static const char *text_of(gf_json v)
{
	const char *text = NULL;
	gf_error ignored;

	return gf_json_typeof(v) == GF_JSON_STRING && gf_json_text(v, &text, &ignored) ? text : NULL;
}

static bool has_name(gf_json entry, const char *name)
{
	gf_json notes = gf_json_get(entry, "annotations");

	for (size_t i = 0; i < 2; i++) {
		const char *text = text_of(gf_json_get(notes, name_keys[i]));

		if (text != NULL && strcmp(text, name) == 0)
			return true;
	}
	return false;
}

gf_layout_index *gf_layout_index_load(const char *dir, gf_error *err)
{
	gf_layout_index *x = gf_alloc(1, sizeof *x, err);
	gf_buf path, text;
	struct stat st;
	bool ok = x != NULL;

	gf_buf_init(&path, 4096);
	gf_buf_init(&text, INDEX_MAX);
	ok = ok && gf_path_join(&path, dir, "index.json", err);
	if (ok && lstat(gf_buf_text(&path), &st) != 0) {
		if (errno != ENOENT)
			ok = gf_fail_errno(
			    err, GF_TARGET, "read", gf_buf_text(&path), "'%s' cannot be looked at", gf_buf_text(&path));
	} else if (ok) {
		ok = gf_file_load(gf_buf_text(&path), INDEX_MAX, GF_TARGET, &text, err) &&
		    (x->doc = gf_json_parse(
			 gf_buf_text(&text), text.len, INDEX_MAX, GF_TARGET, gf_buf_text(&path), err)) != NULL &&
		    gf_json_array(gf_json_root(x->doc), "manifests", &x->entries, err);
	}
	gf_buf_clear(&text);
	gf_buf_clear(&path);
	if (!ok) {
		gf_layout_index_free(x);
		x = NULL;
	}
	return x;
}

void gf_layout_index_free(gf_layout_index *x)
{
	if (x == NULL)
		return;
	gf_json_free(x->doc);
	free(x);
}

const char *gf_layout_index_find(const gf_layout_index *x, const char *name)
{
	size_t n = x->doc != NULL ? gf_json_count(x->entries) : 0;

	for (size_t i = 0; i < n; i++) {
		gf_json entry = gf_json_at(x->entries, i);

		if (has_name(entry, name)) {
			const char *digest = text_of(gf_json_get(entry, "digest"));

			return digest != NULL ? digest : "";
		}
	}
	return NULL;
}

/* ---- writing ---- */

/* parent and key (or NULL, in an array) say where v was found: booleans can be read only so. */
static bool copy(gf_json_out *o, const char *key, gf_json parent, gf_json v, gf_error *err)
{
	uint64_t number = 0;
	bool flag = false;
	const char *text;
	size_t n = gf_json_count(v);

	switch (gf_json_typeof(v)) {
	case GF_JSON_OBJECT:
		gf_json_open(o, key, '{');
		for (size_t i = 0; i < n; i++) {
			gf_json inner;
			const char *name = gf_json_key_at(v, i, &inner);

			if (!copy(o, name, v, inner, err))
				return false;
		}
		gf_json_close(o, '}');
		return true;
	case GF_JSON_ARRAY:
		gf_json_open(o, key, '[');
		for (size_t i = 0; i < n; i++)
			if (!copy(o, NULL, v, gf_json_at(v, i), err))
				return false;
		gf_json_close(o, ']');
		return true;
	case GF_JSON_STRING:
		if (!gf_json_text(v, &text, err))
			return false;
		gf_json_put(o, key, text);
		return true;
	case GF_JSON_INTEGER:
		if (key == NULL || !gf_json_u64(parent, key, &number, err))
			return gf_json_fail(v, "layout-index", err, "this value cannot be kept");
		gf_json_put_u64(o, key, number);
		return true;
	case GF_JSON_ABSENT:
	case GF_JSON_OTHER: break;
	}
	if (key == NULL || !gf_json_bool_if(parent, key, &flag, err))
		return gf_json_fail(v, "layout-index", err, "this value cannot be kept");
	gf_json_put_bool(o, key, flag);
	return true;
}

static bool copy_others(
    const gf_layout_index *x, const gf_layout_entry *entries, size_t n, gf_json_out *o, gf_error *err)
{
	size_t count = x != NULL && x->doc != NULL ? gf_json_count(x->entries) : 0;

	for (size_t i = 0; i < count; i++) {
		gf_json entry = gf_json_at(x->entries, i);
		bool replaced = false;

		for (size_t k = 0; k < n; k++)
			replaced = replaced || has_name(entry, entries[k].name);
		if (!replaced && !copy(o, NULL, x->entries, entry, err))
			return false;
	}
	return true;
}

static void put_entry(gf_json_out *o, const gf_layout_entry *e)
{
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "mediaType", e->media_type);
	gf_json_put_digest(o, "digest", &e->digest);
	gf_json_put_u64(o, "size", e->size);
	gf_json_open(o, "annotations", '{');
	gf_json_put(o, name_keys[0], e->name);
	gf_json_put(o, name_keys[1], e->name);
	gf_json_close(o, '}');
	gf_json_close(o, '}');
}

bool gf_layout_index_merge(
    const gf_layout_index *x, const gf_layout_entry *entries, size_t n, gf_buf *out, gf_error *err)
{
	gf_json root = { .node = NULL };
	size_t members = 0;
	gf_json_out o;

	if (x != NULL && x->doc != NULL) {
		root = gf_json_root(x->doc);
		members = gf_json_count(root);
	}
	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put_u64(&o, "schemaVersion", 2);
	gf_json_put(&o, "mediaType", GF_TYPE_INDEX);
	for (size_t i = 0; i < members; i++) {
		gf_json v;
		const char *key = gf_json_key_at(root, i, &v);

		if (strcmp(key, "schemaVersion") == 0 || strcmp(key, "mediaType") == 0 || strcmp(key, "manifests") == 0)
			continue;
		if (!copy(&o, key, root, v, err))
			return false;
	}
	gf_json_open(&o, "manifests", '[');
	if (!copy_others(x, entries, n, &o, err))
		return false;
	for (size_t i = 0; i < n; i++)
		put_entry(&o, &entries[i]);
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	return gf_json_end(&o) && gf_buf_puts(out, "\n", err);
}
