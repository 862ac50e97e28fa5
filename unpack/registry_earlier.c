/*
 * registry_earlier: a layer that an earlier run brought to another repository of the same registry can be mounted from
 * there.  The log says which names came to this registry and by which manifest, the manifest which blobs it had; which of
 * its names needed which blob it does not say, so the registry is asked.
 */
#include <stdlib.h>
#include <string.h>

#include "unpack/registry_target.h"

#define PLACES_MAX 4 /* repositories that are asked for one blob */

typedef struct earlier {
	gf_registry_target *r;
	char *(*places)[PLACES_MAX]; /* [blob] */
	size_t *wanted;              /* blobs that no repository of this run has */
	size_t n_wanted;
} earlier;

static bool has_blob(const gf_manifest *m, const gf_digest *d)
{
	for (size_t i = 0; i < m->n_blobs; i++)
		if (gf_digest_equal(&m->blobs[i].digest, d))
			return true;
	return false;
}

/* The repository may have this blob. */
static bool add_place(earlier *e, size_t blob, const char *repository, gf_error *err)
{
	char **place = e->places[blob];

	for (size_t i = 0; i < PLACES_MAX; i++) {
		if (place[i] != NULL && strcmp(place[i], repository) == 0)
			return true;
		if (place[i] == NULL) {
			place[i] = gf_strdup(repository, err);
			return place[i] != NULL;
		}
	}
	return true;
}

static bool take_load(void *ctx, const char *name, const gf_manifest *m, gf_error *err)
{
	earlier *e = ctx;
	gf_error ignored;
	gf_reference ref;
	bool ok = true;

	if (!gf_reference_parse(name, &ref, &ignored))
		return true;
	for (size_t i = 0; ok && i < e->n_wanted; i++)
		if (has_blob(m, &e->r->t.job->manifest->blobs[e->wanted[i]].digest))
			ok = add_place(e, e->wanted[i], ref.path, err);
	return ok;
}

/* The first place that has it.  One that cannot be asked has not. */
static bool ask_places(void *ctx, size_t i, gf_error *err)
{
	const earlier *e = ctx;
	size_t blob = e->wanted[i];
	gf_error ignored;

	for (size_t k = 0; k < PLACES_MAX && e->places[blob][k] != NULL; k++) {
		bool there = false;

		if (!gf_registry_has_blob(e->r->registry, e->places[blob][k],
			&e->r->t.job->manifest->blobs[blob].digest, &there, &ignored) ||
		    !there)
			continue;
		e->r->elsewhere[blob] = gf_strdup(e->places[blob][k], err);
		return e->r->elsewhere[blob] != NULL;
	}
	return true;
}

static bool is_wanted(gf_registry_target *r, size_t blob)
{
	bool lacking = false;

	for (size_t i = 0; i < r->n_repositories; i++)
		lacking = lacking || *gf_registry_blob_at(r, i, blob) == GF_BLOB_LACKING;
	return lacking && r->t.job->manifest->blobs[blob].kind == GF_KIND_LAYER &&
	    gf_registry_neighbour(r, blob) == SIZE_MAX;
}

bool gf_registry_look_elsewhere(gf_registry_target *r, unsigned jobs, gf_error *err)
{
	size_t n_blobs = r->t.job->manifest->n_blobs;
	earlier e = { .r = r };
	gf_error ignored;
	gf_buf label;
	bool ok;

	gf_buf_init(&label, 1024);
	r->elsewhere = gf_alloc(n_blobs, sizeof *r->elsewhere, err);
	e.places = gf_alloc(n_blobs, sizeof *e.places, err);
	e.wanted = gf_alloc(n_blobs, sizeof *e.wanted, err);
	ok = r->elsewhere != NULL && e.places != NULL && e.wanted != NULL &&
	    gf_buf_printf(&label, err, "docker://%s", r->t.spec->host);
	for (size_t i = 0; ok && i < n_blobs; i++)
		if (is_wanted(r, i))
			e.wanted[e.n_wanted++] = i;
	/* A state that cannot be read has no guesses; who needs it to be right has read it before. */
	if (ok && e.n_wanted > 0 && r->t.job->state != NULL &&
	    gf_trace_loads(r->t.job->state, label.data, take_load, &e, &ignored))
		ok = gf_parallel(jobs, e.n_wanted, ask_places, &e, err);
	for (size_t i = 0; e.places != NULL && i < n_blobs; i++)
		for (size_t k = 0; k < PLACES_MAX; k++)
			free(e.places[i][k]);
	free(e.places);
	free(e.wanted);
	gf_buf_clear(&label);
	return ok;
}
