/*
 * layers: into the bundle, in its order.
 *
 * Neighbours whose sizes are known have their places side by side and are copied by several
 * threads; neighbours that are to be compressed are one stream through the ring of compress.c.
 */
#include "pack/layers.h"

#include <stdlib.h>
#include <string.h>

typedef struct task {        /* one layer of the planned graph */
	const gf_spot *spot; /* known; else claim */
	gf_claim *claim;
	uint64_t size; /* as stored; 0 where that is known only when it was compressed or inflated */
	gf_place *place;
	gf_made made;
} task;

typedef struct job {
	gf_claims *claims;
	const gf_gathering *g;
	gf_writer *writer;
	task *tasks;
	size_t n;
	gf_digest *kept; /* sorted: what is in the bundle */
	size_t n_kept;
	uint64_t *kept_sizes;
	unsigned transfer;
	/* a run that is being compressed */
	size_t reading, writing, end;
} job;

/* ---- what is in the bundle ---- */

static bool is_kept(const job *j, const gf_digest *digest)
{
	bool there;

	gf_digest_place(j->kept, j->n_kept, sizeof *j->kept, digest, &there);
	return there;
}

/* A digest that is in the bundle already gives its place back; only a place of unknown size can be. */
static bool keep(job *j, task *t, gf_error *err)
{
	bool there;
	size_t i = gf_digest_place(j->kept, j->n_kept, sizeof *j->kept, &t->made.digest, &there);
	gf_place *place = t->place;

	t->place = NULL;
	if (t->claim != NULL) {
		t->claim->made = t->made;
		t->claim->state = GF_CLAIM_KNOWN;
	}
	if (there) {
		gf_place_drop(place);
		return true;
	}
	memmove(&j->kept[i + 1], &j->kept[i], (j->n_kept - i) * sizeof *j->kept);
	j->kept[i] = t->made.digest;
	j->kept_sizes[j->n_kept++] = t->made.size;
	return gf_place_keep(place, &t->made.digest, err);
}

/* ---- one layer ---- */

typedef struct sink {
	const job *job;
	gf_place *place;
	unsigned transfer;
} sink;

static bool put(void *ctx, const void *bytes, size_t n, gf_error *err)
{
	sink *s = ctx;

	gf_event_advance(s->job->g->events, s->job->transfer, n);
	gf_event_advance(s->job->g->events, s->transfer, n);
	return gf_place_write(s->place, bytes, n, err);
}

static bool wrong(const char *name, const char *object, const char *origin, const char *what, const gf_digest *want,
    const gf_digest *found, gf_error *err)
{
	char w[GF_DIGEST_SIZE], f[GF_DIGEST_SIZE];

	gf_digest_text(want, w);
	gf_digest_text(found, f);
	return gf_fail(err, GF_DAMAGED, name, object, "'%s' of '%s' has the digest %s where %s says %s; save it again",
	    object, origin, f, what, w);
}

static bool copy_known(const job *j, task *t, gf_error *err)
{
	const gf_spot *s = t->spot;
	sink out = { j, t->place, gf_event_begin_blob(j->g->events, j->transfer, &s->digest, t->size) };
	gf_input *in = gf_spot_open(s, err);
	bool ok = in != NULL && gf_made_raw(in, put, &out, &t->made, err);
	char name[GF_DIGEST_SIZE];

	gf_event_end(j->g->events, out.transfer);
	gf_input_close(in);
	if (ok && !gf_digest_equal(&t->made.digest, &s->digest))
		return wrong(s->diff ? "diff-id" : "blob-digest", gf_spot_name(s, name), s->origin->name,
		    s->diff ? "the image's config" : "its name", &s->digest, &t->made.digest, err);
	return ok;
}

static bool diff_id_fits(const gf_claim *c, const gf_made *made, gf_error *err)
{
	return gf_digest_equal(&made->raw, &c->diff_id) ||
	    wrong("diff-id", c->entry->name, gf_archive_name(c->archive), "the image's config", &c->diff_id, &made->raw,
		err);
}

/* What its first bytes said it is, it is not. */
static bool unfit_layer(const gf_claim *c, const gf_error *unfit, gf_error *err)
{
	const char *layer = c->entry->name, *archive = gf_archive_name(c->archive);

	if (strcmp(unfit->name, "window") == 0) {
		*err = *unfit;
		return gf_because(err, "layer '%s' of '%s'", layer, archive);
	}
	if (gf_entry_codec(c->entry) == GF_CODEC_ZSTD)
		return gf_fail(err, GF_DAMAGED, "zstd", layer, "layer '%s' of '%s' is damaged zstd data; save it again",
		    layer, archive);
	return gf_fail(
	    err, GF_DAMAGED, "gzip", layer, "layer '%s' of '%s' is damaged gzip data; save it again", layer, archive);
}

static bool copy_checked(const job *j, task *t, gf_error *err)
{
	const gf_claim *c = t->claim;
	sink out = { j, t->place, gf_event_begin_blob(j->g->events, j->transfer, &c->diff_id, t->size) };
	gf_codec codec = gf_entry_codec(c->entry);
	gf_input *in = gf_claim_open(c, err);
	gf_error unfit = { 0 };
	bool ok = in != NULL &&
	    (c->state == GF_CLAIM_INFLATE
		    ? gf_made_raw(in, put, &out, &t->made, err)
		    : gf_made_packed(in, codec, c->entry->name, put, &out, &t->made, &unfit, err));

	gf_event_end(j->g->events, out.transfer);
	gf_input_close(in);
	if (ok && unfit.class != GF_OK)
		return unfit_layer(c, &unfit, err);
	return ok && diff_id_fits(c, &t->made, err);
}

static bool copy_one(const job *j, task *t, gf_error *err)
{
	return t->spot != NULL ? copy_known(j, t, err) : copy_checked(j, t, err);
}

/* ---- side by side ---- */

#define LINES 4 /* to a registry, where --jobs says nothing (image-protocols.md 4.5: what others do) */

typedef struct run {
	job *job;
	task **tasks;
	size_t n;
} run;

static bool copy_nth(void *ctx, size_t i, gf_error *err)
{
	const run *r = ctx;

	return copy_one(r->job, r->tasks[i], err);
}

/*
 * A place of known size cannot be given back.  So a layer whose digest is still to be found is copied side by
 * side with others only if no other layer has its size, and so may turn out to be the same.
 */
static bool alone(const job *j, const task *t)
{
	if (t->claim == NULL || t->claim->state == GF_CLAIM_INFLATE)
		return t->claim != NULL;
	for (size_t i = 0; i < j->n; i++)
		if (&j->tasks[i] != t && j->tasks[i].size == t->size)
			return true;
	for (size_t i = 0; i < j->n_kept; i++)
		if (j->kept_sizes[i] == t->size)
			return true;
	return false;
}

static bool squeezes(const task *t)
{
	return t->claim != NULL && t->claim->state == GF_CLAIM_SQUEEZE;
}

/* The largest first, so that no core is left with a large one at the end. */
static int larger_first(const void *a, const void *b)
{
	const task *x = *(task *const *)a, *y = *(task *const *)b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x < y ? -1 : x > y;
}

static unsigned jobs_of(const run *r)
{
	const gf_gathering *g = r->job->g;

	for (size_t i = 0; g->options->jobs == 0 && g->jobs < LINES && i < r->n; i++)
		if (r->tasks[i]->spot != NULL && r->tasks[i]->spot->origin->remote)
			return LINES;
	return g->jobs;
}

/* From *i on, as far as sizes are known. */
static bool copy_run(job *j, size_t *i, gf_error *err)
{
	run r = { .job = j, .tasks = gf_alloc(j->n, sizeof *r.tasks, err) };
	bool ok = r.tasks != NULL;

	for (; ok && *i < j->n && !squeezes(&j->tasks[*i]) && !alone(j, &j->tasks[*i]); ++*i) {
		task *t = &j->tasks[*i];
		if (t->spot != NULL && is_kept(j, &t->spot->digest))
			continue;
		t->place = gf_writer_place(j->writer, t->size, err);
		ok = t->place != NULL;
		if (ok)
			r.tasks[r.n++] = t;
	}
	if (ok)
		qsort(r.tasks, r.n, sizeof(task *), larger_first);
	ok = ok && gf_parallel(jobs_of(&r), r.n, copy_nth, &r, err);
	for (size_t k = 0; ok && k < r.n; k++)
		ok = keep(j, r.tasks[k], err);
	free(r.tasks);
	return ok;
}

static bool copy_alone(job *j, task *t, gf_error *err)
{
	t->place = gf_writer_place(j->writer, UINT64_MAX, err);
	return t->place != NULL && copy_one(j, t, err) && keep(j, t, err);
}

/* ---- compressed ---- */

static bool next_raw(void *ctx, gf_input **in, gf_error *err)
{
	job *j = ctx;
	const gf_claim *c;

	*in = NULL;
	if (j->reading == j->end)
		return true;
	c = j->tasks[j->reading++].claim;
	*in = gf_claim_open(c, err);
	return *in != NULL;
}

static bool begin_squeezed(void *ctx, gf_error *err)
{
	job *j = ctx;
	task *t = &j->tasks[j->writing];

	t->place = gf_writer_place(j->writer, UINT64_MAX, err);
	return t->place != NULL;
}

static bool write_squeezed(void *ctx, const void *bytes, size_t n, gf_error *err)
{
	job *j = ctx;

	return gf_place_write(j->tasks[j->writing].place, bytes, n, err);
}

static bool end_squeezed(void *ctx, const gf_made *made, gf_error *err)
{
	job *j = ctx;
	task *t = &j->tasks[j->writing++];

	t->made = *made;
	gf_event_advance(j->g->events, j->transfer, made->raw_size);
	return diff_id_fits(t->claim, made, err) && keep(j, t, err);
}

static bool squeeze_run(job *j, size_t *i, gf_error *err)
{
	gf_squeeze s = { next_raw, begin_squeezed, write_squeezed, end_squeezed, j,
		gf_layers_codec(j->g->options->layers) };

	j->reading = j->writing = j->end = *i;
	while (j->end < j->n && squeezes(&j->tasks[j->end]))
		j->end++;
	*i = j->end;
	return gf_squeeze_run(&s, j->g->jobs, err);
}

/* ---- all ---- */

/* The planned layer's bytes: by its digest, or by the diff ID that its placeholder stands for. */
static bool make_task(job *j, const gf_blob *blob, task *t, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];

	t->spot = gf_gathering_spot(j->g, &blob->digest);
	if (t->spot != NULL) {
		t->size = t->spot->size;
		return true;
	}
	t->claim = gf_claims_planned(j->claims, &blob->digest);
	if (t->claim == NULL) {
		gf_digest_text(&blob->digest, digest);
		return gf_fail(err, GF_FAILED, "internal", digest, "layer %s has no source", digest);
	}
	t->size = squeezes(t) || t->claim->state == GF_CLAIM_INFLATE ? 0 : t->claim->made.size;
	return true;
}

bool gf_layers_write(gf_claims *c, const gf_gathering *g, const gf_graph *planned, gf_writer *w, gf_error *err)
{
	job j = { .claims = c, .g = g, .writer = w };
	uint64_t bytes = 0;
	bool ok;

	j.tasks = gf_alloc(planned->n_blobs + 1, sizeof *j.tasks, err);
	j.kept = gf_alloc(planned->n_blobs + 1, sizeof *j.kept, err);
	j.kept_sizes = gf_alloc(planned->n_blobs + 1, sizeof *j.kept_sizes, err);
	ok = j.tasks != NULL && j.kept != NULL && j.kept_sizes != NULL;
	for (size_t i = 0; ok && i < planned->n_blobs; i++) {
		if (planned->blobs[i].kind != GF_KIND_LAYER)
			continue;
		ok = make_task(&j, &planned->blobs[i], &j.tasks[j.n], err);
		if (ok)
			bytes += j.tasks[j.n].size == 0 ? j.tasks[j.n].claim->entry->size : j.tasks[j.n].size;
		j.n += ok;
	}
	j.transfer = gf_event_begin(g->events, "packing layers", bytes);
	for (size_t i = 0; ok && i < j.n;) {
		if (squeezes(&j.tasks[i])) {
			ok = squeeze_run(&j, &i, err);
		} else if (alone(&j, &j.tasks[i])) {
			ok = copy_alone(&j, &j.tasks[i], err);
			i++;
		} else {
			ok = copy_run(&j, &i, err);
		}
	}
	gf_event_end(g->events, j.transfer);
	for (size_t i = 0; i < j.n; i++)
		if (j.tasks[i].place != NULL)
			gf_place_drop(j.tasks[i].place);
	free(j.kept_sizes);
	free(j.kept);
	free(j.tasks);
	return ok;
}
