/*
 * source_legacy: archives of Docker 1.9 and older (image-protocols.md 1.2), and of Bazel in its first years.
 *
 * "repositories" says which layer is the topmost of each name; "ID/json" of a layer names its parent, "ID/layer.tar"
 * has its files.  Nothing says what the digests are, so every layer is read once to learn its diff ID, before it is
 * read again to be packed.
 */
#include "pack/source.h"
#include "pack/v1.h"

#include <stdlib.h>
#include <string.h>

/* Far more than any storage driver stacks; a circle of parents does not end. */
#define CHAIN_MAX 1000

typedef struct stratum {   /* a layer with its text */
	char *id, *parent; /* NULL: the lowest */
	const gf_entry *text, *bytes;
	gf_digest diff_id;
	gf_buf history; /* its entry */
} stratum;

typedef struct legacy {
	gf_events *events;
	gf_archive *a;
	stratum **strata; /* sorted by id */
	size_t n, room;
	gf_saved *saved;
	const char **tops; /* of each: the id of its topmost layer */
	size_t n_saved;
	unsigned transfer;
} legacy;

static void stratum_free(stratum *s)
{
	if (s == NULL)
		return;
	gf_buf_clear(&s->history);
	free(s->parent);
	free(s->id);
	free(s);
}

static void legacy_clear(legacy *l)
{
	for (size_t i = 0; i < l->n; i++)
		stratum_free(l->strata[i]);
	free(l->strata);
	free(l->tops);
}

/* ---- layers ---- */

/* The document of "ID/json"; text has its bytes. */
static gf_json_doc *read_text(gf_archive *a, const gf_entry *e, gf_buf *text, gf_error *err)
{
	gf_json_doc *doc;

	if (!gf_archive_load(a, e, GF_JSON_BLOB_MAX, text, err))
		return NULL;
	doc = gf_json_parse(gf_buf_text(text), text->len, GF_JSON_BLOB_MAX, GF_DAMAGED, e->name, err);
	if (doc != NULL && gf_json_typeof(gf_json_root(doc)) != GF_JSON_OBJECT) {
		gf_json_fail(gf_json_root(doc), "json-type", err, "expected an object");
		gf_json_free(doc);
		return NULL;
	}
	return doc;
}

static bool find_part(const legacy *l, const char *id, const char *part, const gf_entry **out, gf_error *err)
{
	const char *name = gf_archive_name(l->a);
	bool layer = strcmp(part, "layer.tar") == 0;
	gf_buf path;
	bool ok;

	gf_buf_init(&path, 4096);
	ok = gf_buf_printf(&path, err, "%s/%s", id, part) && gf_archive_find(l->a, gf_buf_text(&path), out, err);
	if (ok && *out == NULL)
		ok = gf_fail(err, GF_DAMAGED, layer ? "layer-missing" : "config-missing", name,
		    "an image of '%s' stands on layer '%s', of which '%s' is not there: save the image again", name, id,
		    gf_buf_text(&path));
	gf_buf_clear(&path);
	return ok;
}

/* What a stream brought along has been read already. */
static bool learn_diff_id(const legacy *l, stratum *s, gf_error *err)
{
	const gf_entry *e = s->bytes;
	gf_input *in;
	gf_output *out;
	bool ok;

	if (e->lies == GF_LIES_SPOOL && e->inflated) {
		s->diff_id = e->made.raw;
		return true;
	}
	in = gf_archive_read_plain(l->a, e, err);
	out = in != NULL ? gf_output_sha256(gf_output_discard(err), &s->diff_id, NULL, err) : NULL;
	ok = out != NULL && gf_copy(in, out, err) && gf_output_finish(out, err);
	gf_output_close(out);
	gf_input_close(in);
	if (ok)
		gf_event_advance(l->events, l->transfer, e->size);
	return ok || gf_because(err, "reading '%s' from '%s'", e->name, gf_archive_name(l->a));
}

static bool read_stratum(const legacy *l, stratum *s, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_buf text;
	gf_json root;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	gf_buf_init(&s->history, GF_JSON_BLOB_MAX);
	ok = find_part(l, s->id, "json", &s->text, err) && find_part(l, s->id, "layer.tar", &s->bytes, err) &&
	    (doc = read_text(l->a, s->text, &text, err)) != NULL;
	if (ok) {
		gf_json parent = gf_json_get_any_case(root = gf_json_root(doc), "parent");
		const char *id = "";
		ok = (parent.node == NULL || gf_json_is_null(parent) || gf_json_text(parent, &id, err)) &&
		    (*id == '\0' || (s->parent = gf_strdup(id, err)) != NULL) &&
		    gf_v1_history(root, &s->history, err) && learn_diff_id(l, s, err);
	}
	gf_json_free(doc);
	gf_buf_clear(&text);
	return ok;
}

/* Each is read once, whatever stands on it. */
static const stratum *stratum_of(legacy *l, const char *id, gf_error *err)
{
	size_t lo = 0, hi = l->n;
	stratum *s;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(l->strata[mid]->id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < l->n && strcmp(l->strata[lo]->id, id) == 0)
		return l->strata[lo];
	if (!gf_grow(&l->strata, &l->room, l->n, sizeof *l->strata, err))
		return NULL;
	s = gf_alloc(1, sizeof *s, err);
	if (s == NULL || (s->id = gf_strdup(id, err)) == NULL || !read_stratum(l, s, err)) {
		stratum_free(s);
		return NULL;
	}
	memmove(&l->strata[lo + 1], &l->strata[lo], (l->n - lo) * sizeof *l->strata);
	l->n++;
	return l->strata[lo] = s;
}

/* ---- images ---- */

/* The topmost first. */
static bool read_chain(legacy *l, const char *top, const stratum **chain, size_t *n, gf_error *err)
{
	*n = 0;
	for (const char *id = top; id != NULL; id = chain[(*n)++]->parent) {
		if (*n == CHAIN_MAX)
			return gf_fail(err, GF_DAMAGED, "legacy-chain", gf_archive_name(l->a),
			    "the parents of layer '%s' are more than %d, or go in a circle", top, CHAIN_MAX);
		chain[*n] = stratum_of(l, id, err);
		if (chain[*n] == NULL)
			return false;
	}
	return true;
}

static bool make_lists(const stratum *const *chain, size_t n, gf_buf *rootfs, gf_buf *history, gf_error *err)
{
	gf_json_out r, h;

	gf_json_begin(&r, rootfs, 0, err);
	gf_json_begin(&h, history, 0, err);
	gf_json_open(&r, NULL, '{');
	gf_json_put(&r, "type", "layers");
	gf_json_open(&r, "diff_ids", '[');
	gf_json_open(&h, NULL, '[');
	for (size_t i = n; i-- > 0;) {
		gf_json_put_digest(&r, NULL, &chain[i]->diff_id);
		gf_json_put_raw(&h, NULL, gf_buf_text(&chain[i]->history), chain[i]->history.len);
	}
	gf_json_close(&h, ']');
	gf_json_close(&r, ']');
	gf_json_close(&r, '}');
	return gf_json_end(&r) && gf_json_end(&h);
}

static bool make_config(const legacy *l, const stratum *const *chain, size_t n, gf_saved *to, gf_error *err)
{
	gf_json_doc *doc;
	gf_buf text, rootfs, history;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	gf_buf_init(&rootfs, GF_JSON_BLOB_MAX);
	gf_buf_init(&history, GF_JSON_BLOB_MAX);
	gf_buf_init(&to->config, GF_JSON_BLOB_MAX);
	doc = read_text(l->a, chain[0]->text, &text, err);
	ok = doc != NULL && make_lists(chain, n, &rootfs, &history, err) &&
	    gf_v1_config(&text, gf_json_root(doc), &rootfs, &history, &to->config, err) &&
	    gf_hash_bytes(gf_buf_text(&to->config), to->config.len, &to->image.root, err);
	gf_json_free(doc);
	gf_buf_clear(&history);
	gf_buf_clear(&rootfs);
	gf_buf_clear(&text);
	return ok;
}

static bool make_image(legacy *l, const char *top, gf_saved *to, gf_error *err)
{
	const stratum **chain = gf_alloc(CHAIN_MAX, sizeof *chain, err);
	gf_config *config = NULL;
	size_t n = 0;
	bool ok = chain != NULL && read_chain(l, top, chain, &n, err) && make_config(l, chain, n, to, err) &&
	    (config = gf_config_parse(&to->config, GF_DAMAGED, chain[0]->text->name, err)) != NULL;

	to->image.docker = true;
	to->image.layers = ok ? gf_alloc(n, sizeof *to->image.layers, err) : NULL;
	ok = to->image.layers != NULL;
	for (size_t i = 0; ok && i < n; i++) {
		const stratum *s = chain[n - 1 - i];
		to->image.layers[i] = (gf_layer){ .diff_id = s->diff_id, .archive = l->a, .entry = s->bytes };
	}
	to->image.n_layers = ok ? n : 0;
	gf_config_free(config);
	free(chain);
	return ok;
}

/* ---- repositories: { name: { tag: ID } } ---- */

/* The image whose topmost layer this is. */
static gf_saved *saved_of(legacy *l, const char *id, gf_error *err)
{
	size_t i = 0;

	while (i < l->n_saved && strcmp(l->tops[i], id) != 0)
		i++;
	if (i < l->n_saved)
		return &l->saved[i];
	l->tops[l->n_saved++] = id;
	return make_image(l, id, &l->saved[i], err) ? &l->saved[i] : NULL;
}

static bool read_tag(legacy *l, const char *repository, const char *tag, gf_json top, gf_error *err)
{
	char full[GF_REFERENCE_SIZE];
	const char *id;
	gf_saved *image = NULL;
	gf_buf name;
	bool bare, ok;

	gf_buf_init(&name, GF_JSON_BLOB_MAX);
	ok = gf_json_text(top, &id, err) && gf_buf_printf(&name, err, "%s:%s", repository, tag);
	if (ok && !gf_name_complete(gf_buf_text(&name), full, &bare, err)) {
		err->class = GF_DAMAGED;
		ok = gf_because(err, "repositories of '%s'", gf_archive_name(l->a));
	}
	ok = ok && (image = saved_of(l, id, err)) != NULL && gf_listed_name(&image->image, full, err);
	gf_buf_clear(&name);
	return ok;
}

static bool read_repository(legacy *l, const char *name, gf_json tags, gf_error *err)
{
	for (size_t i = 0; i < gf_json_count(tags); i++) {
		gf_json top;
		const char *tag = gf_json_key_at(tags, i, &top);
		if (!read_tag(l, name, tag, top, err))
			return false;
	}
	return true;
}

static bool read_repositories(legacy *l, gf_json root, gf_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < gf_json_count(root); i++) {
		gf_json tags;
		gf_json_key_at(root, i, &tags);
		if (gf_json_typeof(tags) != GF_JSON_OBJECT)
			return gf_json_fail(tags, "json-type", err, "expected the tags of a repository, an object");
		n += gf_json_count(tags);
	}
	if (n == 0)
		return gf_fail(err, GF_DAMAGED, "archive-empty", gf_archive_name(l->a),
		    "'%s' holds no image: its repositories name none", gf_archive_name(l->a));
	l->saved = gf_alloc(n, sizeof *l->saved, err);
	l->tops = gf_alloc(n, sizeof *l->tops, err);
	if (l->saved == NULL || l->tops == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(root); i++) {
		gf_json tags;
		const char *name = gf_json_key_at(root, i, &tags);
		if (!read_repository(l, name, tags, err))
			return false;
	}
	return true;
}

bool gf_source_legacy(
    gf_events *events, gf_archive *a, const gf_entry *repositories, gf_saved **out, size_t *n, gf_error *err)
{
	legacy l = { .events = events, .a = a };
	gf_buf text;
	gf_json_doc *doc;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	gf_event_say(events, GF_EVENT_NOTE,
	    "%s: saved as Docker 1.9 and older did; its configs are made as Docker 20.10 makes them when it loads it",
	    gf_archive_name(a));
	l.transfer = gf_event_begin(events, "reading layers", 0);
	doc = read_text(a, repositories, &text, err);
	ok = doc != NULL && read_repositories(&l, gf_json_root(doc), err);
	gf_event_end(events, l.transfer);
	*out = l.saved;
	*n = l.n_saved;
	gf_json_free(doc);
	gf_buf_clear(&text);
	legacy_clear(&l);
	return ok;
}
