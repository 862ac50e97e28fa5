/* What a state says: floors, releases, trust file; what its lists have forgotten is looked for in the whole log. */
#include <string.h>

#include "verify/state.h"

bool gf_state_floor(gf_state *s, const char *stream, const char *environment, gf_floor *out, gf_error *err)
{
	const gf_floor *found = gf_floors_find(gf_state_floors(s), stream, environment);

	(void)err;
	*out = found != NULL ? *found : (gf_floor){ 0 };
	return true;
}

bool gf_state_first_epoch(const gf_state *s, const char *stream, uint64_t *epoch)
{
	const gf_floors *f = gf_state_floors(s);

	for (size_t i = 0; i < f->n_streams; i++) {
		if (strcmp(f->streams[i].name, stream) == 0) {
			*epoch = f->streams[i].epoch;
			return true;
		}
	}
	return false;
}

/* ---- looking in the whole log ---- */

typedef struct search {
	bool (*is)(const void *ctx, const gf_entry *e);
	const void *ctx;
	bool *found;
	gf_digest *manifest;
} search;

static bool search_line(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	search *q = ctx;
	gf_json_doc *doc;
	gf_entry e;
	bool ok = gf_entry_read(line, n, &doc, &e, err);

	(void)number;
	if (ok && !*q->found && q->is(q->ctx, &e)) {
		*q->found = true;
		if (q->manifest != NULL)
			*q->manifest = e.manifest;
	}
	gf_json_free(doc);
	return ok;
}

bool gf_state_find(const gf_state *s, bool (*is)(const void *ctx, const gf_entry *e), const void *ctx, bool *found,
    gf_digest *manifest, gf_error *err)
{
	search q = { is, ctx, found, manifest };

	*found = false;
	return gf_state_lines(s, search_line, &q, err);
}

/* What the lists have no room for any more is looked for in the log. */
typedef struct release {
	const char *stream;
	uint64_t epoch, sequence;
} release;

static bool accepts(const void *ctx, const gf_entry *e)
{
	const release *r = ctx;

	return gf_entry_accepts(e) && e->stream != NULL && strcmp(e->stream, r->stream) == 0 && e->epoch == r->epoch &&
	    e->sequence == r->sequence;
}

bool gf_state_accepted(const gf_state *s, const char *stream, uint64_t epoch, uint64_t sequence, bool *is,
    gf_digest *manifest, gf_error *err)
{
	const release wanted = { stream, epoch, sequence };
	const gf_floors *f = gf_state_floors(s);

	*is = false;
	for (size_t i = 0; i < f->n_releases && !*is; i++) {
		const struct gf_floor_release *r = &f->releases[i];

		*is = r->epoch == epoch && r->sequence == sequence && strcmp(f->streams[r->stream].name, stream) == 0;
		*manifest = r->manifest;
	}
	return *is || !f->releases_cut || gf_state_find(s, accepts, &wanted, is, manifest, err);
}

typedef struct completion {
	const char *environment;
	const gf_digest *manifest;
} completion;

static bool completes(const void *ctx, const gf_entry *e)
{
	const completion *c = ctx;

	return gf_entry_completes(e) && e->has_manifest && gf_digest_equal(&e->manifest, c->manifest) &&
	    strcmp(e->environment, c->environment) == 0;
}

bool gf_state_complete(gf_state *s, const char *environment, const gf_digest *manifest, bool *is, gf_error *err)
{
	const completion wanted = { environment, manifest };
	const gf_floors *f = gf_state_floors(s);

	*is = false;
	for (size_t i = 0; i < f->n_completes && !*is; i++)
		*is = gf_digest_equal(&f->completes[i].manifest, manifest) &&
		    strcmp(f->completes[i].environment, environment) == 0;
	return *is || !f->completes_cut || gf_state_find(s, completes, &wanted, is, NULL, err);
}

uint64_t gf_state_trust(const gf_state *s, gf_digest *digest)
{
	*digest = gf_state_floors(s)->trust;
	return gf_state_floors(s)->trust_version;
}

gf_time gf_state_newest(const gf_state *s)
{
	return gf_state_floors(s)->newest;
}
