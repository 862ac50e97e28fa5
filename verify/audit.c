/* The log looked at whole: every line, and all that knows what the tree was when it was smaller. */
#include <stdlib.h>
#include <string.h>

#include "verify/checkpoint.h"
#include "verify/note.h"
#include "verify/replay.h"
#include "verify/state.h"

#define PATH_MAX_BYTES 4096

/* Something knows the root of the first size lines. */
typedef struct point {
	uint64_t size;
	gf_digest root;
	const char *from;
} point;

typedef struct audit {
	const gf_state *state;
	gf_audit *out;
	gf_hash *hash;
	gf_cache cache; /* made here, from the log alone */
	point *points;  /* by size */
	size_t n, room, at;
	gf_buf kept;    /* state.json; empty: says nothing */
	gf_error later; /* what is told only where the lines are all right */
} audit;

static void remember(audit *a, const gf_error *err)
{
	if (a->later.class == GF_OK)
		a->later = *err;
}

static bool add_point(audit *a, uint64_t size, const gf_digest *root, const char *from, gf_error *err)
{
	if (!gf_grow(&a->points, &a->room, a->n, sizeof *a->points, err))
		return false;
	a->points[a->n++] = (point){ size, *root, from };
	return true;
}

static int by_size(const void *x, const void *y)
{
	const point *a = x, *b = y;

	return a->size < b->size ? -1 : a->size > b->size;
}

/* ---- what is known ---- */

bool gf_audit_checkpoint(const gf_member *file, const gf_pubkey *key, gf_checkpoint *out, gf_error *err)
{
	const char *bytes = gf_buf_text(&file->bytes);
	bool note = strstr(bytes, "\n\n") != NULL, ok;
	gf_buf text;

	gf_buf_init(&text, GF_NOTE_MAX);
	if (!note)
		ok = gf_checkpoint_parse(bytes, file->bytes.len, out, err);
	else
		ok = gf_note_text(bytes, file->bytes.len, &text, err) &&
		    gf_checkpoint_parse(gf_buf_text(&text), text.len, out, err) &&
		    (key == NULL || gf_note_open(bytes, file->bytes.len, out->origin, key, &text, err));
	gf_buf_clear(&text);
	return ok || gf_because(err, "'%s'", file->name);
}

/* A log has its site's name, or had none when it was signed. */
static bool ours(const gf_state *s, const gf_checkpoint *c, const char *from, gf_error *err)
{
	char origin[GF_ORIGIN_SIZE];

	gf_checkpoint_origin(gf_state_site(s), origin);
	if (strcmp(c->origin, origin) == 0 || strcmp(c->origin, "gapferry/unnamed") == 0)
		return true;
	return gf_fail(err, GF_USAGE, "checkpoint", from, "'%s' is of the log '%s', and this one is '%s'", from,
	    c->origin, origin);
}

bool gf_audit_signed(
    const gf_state *s, const gf_pubkey *key, bool *there, gf_checkpoint *out, gf_buf *note, gf_error *err)
{
	gf_pubkey *site = NULL;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_NOTE_MAX);
	ok = gf_checkpoint_load(gf_state_dir(s), there, out, note, err);
	if (ok && *there) {
		ok = key != NULL || gf_state_site_public(s, &site, err);
		if (ok && key == NULL && site == NULL)
			ok = gf_fail(err, GF_USAGE, "site-key", gf_state_dir(s),
			    "the checkpoint in '%s' is signed, and site.pub is not there: name the key by --key",
			    gf_state_dir(s));
		ok = ok && ours(s, out, "checkpoint", err) &&
		    gf_note_open(gf_buf_text(note), note->len, out->origin, key != NULL ? key : site, &text, err);
	}
	gf_pubkey_free(site);
	gf_buf_clear(&text);
	return ok;
}

static bool know_checkpoint(audit *a, const gf_pubkey *key, gf_error *err)
{
	gf_error why;
	gf_buf note;
	bool ok = true;

	gf_buf_init(&note, GF_NOTE_MAX);
	if (!gf_audit_signed(a->state, key, &a->out->has_checkpoint, &a->out->checkpoint, &note, &why))
		remember(a, &why);
	else if (a->out->has_checkpoint)
		ok = add_point(a, a->out->checkpoint.size, &a->out->checkpoint.root, "checkpoint", err);
	gf_buf_clear(&note);
	return ok;
}

/* Every front part of its peaks is a tree that the log once was. */
static bool know_peaks(audit *a, const gf_merkle *tree, gf_error *err)
{
	gf_merkle part = { .size = 0 };
	gf_digest root;
	bool ok = true;

	for (uint64_t bit = (uint64_t)1 << 63; ok && bit > 0; bit >>= 1) {
		if ((tree->size & bit) == 0)
			continue;
		part.peaks[gf_merkle_peaks(part.size)] = tree->peaks[gf_merkle_peaks(part.size)];
		part.size |= bit;
		ok = gf_merkle_root(&part, a->hash, &root, err) && add_point(a, part.size, &root, "state.json", err);
	}
	return ok;
}

static bool know_cache(audit *a, gf_error *err)
{
	gf_cache *c = gf_alloc(1, sizeof *c, err);
	gf_error why;
	gf_buf path;
	bool ok = c != NULL;

	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = ok && gf_path_join(&path, gf_state_dir(a->state), "state.json", err);
	if (ok && !gf_file_load(path.data, GF_STATEMENT_MAX, GF_FAILED, &a->kept, &why)) {
		a->out->cache = GF_CACHE_NONE;
		gf_buf_clear(&a->kept);
	} else if (ok && !gf_cache_parse(gf_buf_text(&a->kept), a->kept.len, c, &why)) {
		a->out->cache = GF_CACHE_UNUSABLE;
		gf_buf_clear(&a->kept);
	} else if (ok) {
		a->out->cache = GF_CACHE_FITS;
		a->out->cached = c->tree.size;
		ok = know_peaks(a, &c->tree, err);
		gf_cache_clear(c);
	}
	free(c);
	gf_buf_clear(&path);
	return ok;
}

static bool know_auditor(audit *a, const gf_audit_options *o, gf_error *err)
{
	gf_pubkey *site = NULL;
	bool ok = o->key != NULL || o->n_checkpoints == 0 || gf_state_site_public(a->state, &site, err);

	for (size_t i = 0; ok && i < o->n_checkpoints; i++) {
		const gf_member *file = &o->checkpoints[i];
		gf_checkpoint c;

		ok = gf_audit_checkpoint(file, o->key != NULL ? o->key : site, &c, err) &&
		    ours(a->state, &c, file->name, err) && add_point(a, c.size, &c.root, file->name, err);
	}
	gf_pubkey_free(site);
	return ok;
}

/* ---- what is there ---- */

static bool look_at_cache(audit *a, gf_error *err)
{
	gf_buf text;
	bool ok = true;

	if (a->kept.len == 0 || a->out->cached != a->cache.tree.size)
		return true;
	gf_buf_init(&text, GF_STATEMENT_MAX);
	ok = gf_cache_print(&a->cache, &text, err);
	if (ok && (text.len != a->kept.len || memcmp(text.data, a->kept.data, text.len) != 0)) {
		gf_error why;

		gf_fail(&why, GF_DAMAGED, "log-cache", "state.json",
		    "state.json says of the first %llu lines what they do not say; it is only a cache: remove it, and ask "
		    "who wrote it",
		    (unsigned long long)a->out->cached);
		remember(a, &why);
	}
	gf_buf_clear(&text);
	return ok;
}

static bool look_at_points(audit *a, gf_error *err)
{
	uint64_t size = a->cache.tree.size;
	gf_digest root;

	if (a->at == a->n || a->points[a->at].size != size)
		return true;
	if (!gf_merkle_root(&a->cache.tree, a->hash, &root, err))
		return false;
	for (; a->at < a->n && a->points[a->at].size == size; a->at++)
		if (!gf_digest_equal(&root, &a->points[a->at].root))
			return gf_fail(err, GF_DAMAGED, "log-changed", a->points[a->at].from,
			    "the first %llu lines are not those that '%s' knows: the first that was changed, added or taken "
			    "away is one of the lines %llu to %llu",
			    (unsigned long long)size, a->points[a->at].from, (unsigned long long)a->out->good_to + 1,
			    (unsigned long long)size);
	a->out->good_to = size;
	return true;
}

static bool take(void *ctx, gf_error *err)
{
	audit *a = ctx;

	return look_at_points(a, err) && look_at_cache(a, err);
}

static bool not_cut(const audit *a, gf_error *err)
{
	const point *most = a->at < a->n ? &a->points[a->n - 1] : NULL;

	return most == NULL ||
	    gf_fail(err, GF_DAMAGED, "log-cut", most->from,
		"the log has %llu lines, and '%s' knows of %llu: it was cut short, or is an older copy",
		(unsigned long long)a->cache.tree.size, most->from, (unsigned long long)most->size);
}

static bool read_all(audit *a, gf_error *err)
{
	gf_replay r = { .cache = &a->cache, .hash = a->hash, .each = take, .ctx = a };
	gf_log *log = NULL;
	gf_buf path;
	bool ok;

	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = gf_path_join(&path, gf_state_dir(a->state), "audit.jsonl", err) &&
	    (log = gf_log_open(path.data, false, err)) != NULL && look_at_points(a, err);
	if (ok && !gf_replay_run(&r, log, err)) {
		ok = false;
		if (r.bad_line || strcmp(err->name, "log") == 0) {
			gf_error why = *err;

			gf_fail(err, GF_DAMAGED, "log-line", path.data, "line %llu of '%s' is not a record: %s",
			    (unsigned long long)a->cache.tree.size + 1, path.data, why.text);
		}
	}
	ok = ok && not_cut(a, err) && gf_log_rest(log, &a->out->torn, err);
	gf_log_close(log);
	gf_buf_clear(&path);
	return ok;
}

static bool run(audit *a, const gf_audit_options *o, gf_error *err)
{
	bool ok = (a->hash = gf_hash_new(err)) != NULL && know_checkpoint(a, o->key, err) && know_cache(a, err) &&
	    know_auditor(a, o, err);

	if (ok && a->n > 0)
		qsort(a->points, a->n, sizeof *a->points, by_size);
	ok = ok && read_all(a, err);
	gf_checkpoint_origin(gf_state_site(a->state), a->out->now.origin);
	a->out->now.size = a->cache.tree.size;
	a->out->bytes = a->cache.offset;
	ok = ok && gf_merkle_root(&a->cache.tree, a->hash, &a->out->now.root, err);
	if (ok && a->later.class != GF_OK) {
		*err = a->later;
		ok = false;
	}
	return ok;
}

bool gf_audit_run(const gf_state *s, const gf_audit_options *o, gf_audit *out, gf_error *err)
{
	audit *a = gf_alloc(1, sizeof *a, err);
	bool ok = a != NULL;

	memset(out, 0, sizeof *out);
	if (ok) {
		a->state = s;
		a->out = out;
		gf_buf_init(&a->kept, GF_STATEMENT_MAX);
		ok = run(a, o, err);
		gf_buf_clear(&a->kept);
		gf_cache_clear(&a->cache);
		gf_hash_free(a->hash);
		free(a->points);
	}
	free(a);
	return ok;
}
