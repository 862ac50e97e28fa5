/* Floors, from the lines of the log: they are the truth, and cache.c keeps what came of them. */
#include <stdlib.h>
#include <string.h>

#include "verify/floors.h"

void gf_floors_clear(gf_floors *f)
{
	for (size_t i = 0; i < f->n_marks; i++) {
		free(f->marks[i].stream);
		free(f->marks[i].environment);
	}
	for (size_t i = 0; i < f->n_streams; i++)
		free(f->streams[i].name);
	free(f->marks);
	free(f->streams);
	*f = (gf_floors){ 0 };
}

int gf_floor_compare(const gf_floor *f, uint64_t epoch, uint64_t sequence)
{
	if (f->epoch != epoch)
		return f->epoch < epoch ? -1 : 1;
	if (f->sequence != sequence)
		return f->sequence < sequence ? -1 : 1;
	return 0;
}

const gf_floor *gf_floors_find(const gf_floors *f, const char *stream, const char *environment)
{
	for (size_t i = 0; i < f->n_marks; i++)
		if (strcmp(f->marks[i].stream, stream) == 0 && strcmp(f->marks[i].environment, environment) == 0)
			return &f->marks[i].floor;
	return NULL;
}

gf_floor *gf_floors_mark(gf_floors *f, const char *stream, const char *environment, gf_error *err)
{
	struct gf_floor_mark *m;

	for (size_t i = 0; i < f->n_marks; i++)
		if (strcmp(f->marks[i].stream, stream) == 0 && strcmp(f->marks[i].environment, environment) == 0)
			return &f->marks[i].floor;
	if (!gf_grow(&f->marks, &f->marks_room, f->n_marks, sizeof *f->marks, err))
		return NULL;
	m = &f->marks[f->n_marks];
	*m = (struct gf_floor_mark){ 0 };
	m->stream = gf_strdup(stream, err);
	m->environment = m->stream != NULL ? gf_strdup(environment, err) : NULL;
	if (m->environment == NULL) {
		free(m->stream);
		return NULL;
	}
	f->n_marks++;
	return &m->floor;
}

bool gf_floors_stream(gf_floors *f, const char *name, uint64_t epoch, size_t *at, gf_error *err)
{
	for (*at = 0; *at < f->n_streams; ++*at)
		if (strcmp(f->streams[*at].name, name) == 0)
			return true;
	if (!gf_grow(&f->streams, &f->streams_room, f->n_streams, sizeof *f->streams, err) ||
	    (f->streams[*at].name = gf_strdup(name, err)) == NULL)
		return false;
	f->streams[*at].epoch = epoch;
	f->n_streams++;
	return true;
}

gf_floors gf_floors_trial(const gf_floors *f)
{
	gf_floors out = *f;

	out.marks = NULL;
	out.streams = NULL;
	out.n_marks = out.marks_room = out.n_streams = out.streams_room = 0;
	return out;
}

/* ---- one line ---- */

/* The first release of a number stays. */
static void add_release(gf_floors *f, size_t stream, const gf_entry *e)
{
	for (size_t i = 0; i < f->n_releases; i++)
		if (f->releases[i].stream == stream && f->releases[i].epoch == e->epoch &&
		    f->releases[i].sequence == e->sequence)
			return;
	if (f->n_releases == GF_FLOORS_LAST) {
		memmove(f->releases, f->releases + 1, --f->n_releases * sizeof f->releases[0]);
		f->releases_cut = true;
	}
	f->releases[f->n_releases++] = (struct gf_floor_release){ stream, e->epoch, e->sequence, e->manifest };
}

static void add_complete(gf_floors *f, const gf_entry *e)
{
	struct gf_floor_complete *c;

	for (size_t i = 0; i < f->n_completes; i++)
		if (gf_digest_compare(&f->completes[i].manifest, &e->manifest) == 0 &&
		    strcmp(f->completes[i].environment, e->environment) == 0)
			return;
	if (f->n_completes == GF_FLOORS_LAST) {
		memmove(f->completes, f->completes + 1, --f->n_completes * sizeof f->completes[0]);
		f->completes_cut = true;
	}
	c = &f->completes[f->n_completes++];
	memset(c, 0, sizeof *c);
	memcpy(c->environment, e->environment, strlen(e->environment)); /* a name: at most 64 */
	c->manifest = e->manifest;
}

static bool raise_floor(gf_floors *f, const gf_entry *e, gf_error *err)
{
	gf_floor *floor = gf_floors_mark(f, e->stream, e->environment, err);
	size_t stream;

	if (floor == NULL || !gf_floors_stream(f, e->stream, e->epoch, &stream, err))
		return false;
	add_release(f, stream, e);
	if (!floor->present || gf_floor_compare(floor, e->epoch, e->sequence) < 0) {
		floor->present = true;
		floor->epoch = e->epoch;
		floor->sequence = e->sequence;
		floor->manifest = e->manifest;
		/* What this log has as the last that was loaded there is older than the receipt. */
		if (strcmp(e->type, "restored") == 0)
			floor->has_loaded = false;
	}
	return true;
}

/* Versions are installed one after another (FORMAT.md 4). */
static bool take_trust(gf_floors *f, const gf_entry *e, gf_error *err)
{
	if (!e->has_statement || e->created == 0)
		return gf_fail(
		    err, GF_FAILED, "log", NULL, "'trust' without %s", e->has_statement ? "created" : "statement");
	if (e->trust_version == 0 || (f->trust_version > 0 && e->trust_version != f->trust_version + 1))
		return gf_fail(err, GF_FAILED, "log", NULL, "trust file %llu follows %llu",
		    (unsigned long long)e->trust_version, (unsigned long long)f->trust_version);
	f->trust_version = e->trust_version;
	f->trust = e->statement;
	if (e->created > f->newest)
		f->newest = e->created;
	return true;
}

bool gf_floors_take(gf_floors *f, const gf_entry *e, gf_error *err)
{
	bool accepts = gf_entry_accepts(e);
	bool loaded = strcmp(e->type, "loaded") == 0 || strcmp(e->type, "complete") == 0;
	gf_floor *floor;

	if (strcmp(e->type, "trust") == 0)
		return take_trust(f, e, err);
	if ((!accepts && !loaded) || e->unsigned_bundle)
		return true;
	/* A receipt has no `created` of its bundle. */
	if (!e->has_manifest || (strcmp(e->type, "accepted") == 0 && e->created == 0))
		return gf_fail(
		    err, GF_FAILED, "log", NULL, "'%s' without %s", e->type, e->has_manifest ? "created" : "manifest");
	if (e->stream != NULL && e->environment == NULL)
		return gf_fail(err, GF_FAILED, "log", NULL, "'%s' with a stream and without environment", e->type);
	if (accepts && e->created > f->newest)
		f->newest = e->created;
	if (gf_entry_completes(e))
		add_complete(f, e);
	if (e->stream == NULL)
		return true;
	if (accepts)
		return raise_floor(f, e, err);
	floor = gf_floors_mark(f, e->stream, e->environment, err);
	if (floor == NULL)
		return false;
	floor->has_loaded = true;
	floor->loaded = e->manifest;
	return true;
}
