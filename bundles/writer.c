#include <stdlib.h>
#include <string.h>

#include "bundles/writer.h"

bool gf_writer_init(gf_writer *w, const gf_writer_ops *ops, const char *path, gf_time created, gf_error *err)
{
	w->ops = ops;
	w->created = created;
	gf_map_init(&w->kept);
	(void)pthread_mutex_init(&w->lock, NULL);
	w->path = gf_strdup(path, err);
	return w->path != NULL;
}

gf_writer *gf_writer_open(const char *path, gf_time created, uint64_t front, gf_error *err)
{
	if (gf_ends_with(path, "/"))
		return gf_writer_dir(path, created, err);
	return gf_writer_tar(path, created, front, err);
}

/* ---- places ---- */

/* A place of unknown size gets its slot when it is kept. */
static bool add_slot(gf_writer *w, uint64_t size, size_t *at, gf_error *err)
{
	if (!gf_grow(&w->slots, &w->slots_room, w->n_slots, sizeof *w->slots, err))
		return false;
	w->slots[w->n_slots].size = size;
	*at = w->n_slots++;
	return true;
}

static bool make_place(gf_writer *w, gf_place *p, gf_error *err)
{
	if (w->growing)
		return gf_fail(err, GF_FAILED, "internal", w->path, "a place of unknown size is open");
	if (p->known && p->size > GF_BLOB_MAX)
		return gf_fail(err, GF_DAMAGED, "too-large", w->path, "a layer of more than 2^53 bytes");
	if ((p->known && !add_slot(w, p->size, &p->slot, err)) || !w->ops->place(w, p, err))
		return false;
	w->growing = !p->known;
	return true;
}

gf_place *gf_writer_place(gf_writer *w, uint64_t size, gf_error *err)
{
	gf_place *p = gf_alloc(1, sizeof *p, err);
	bool ok;

	if (p == NULL)
		return NULL;
	*p = (gf_place){ .w = w, .known = size != UINT64_MAX, .size = size, .fd = -1 };
	(void)pthread_mutex_lock(&w->lock);
	ok = make_place(w, p, err);
	(void)pthread_mutex_unlock(&w->lock);
	if (!ok) {
		free(p);
		return NULL;
	}
	return p;
}

bool gf_place_write(gf_place *p, const void *bytes, size_t n, gf_error *err)
{
	uint64_t max = p->known ? p->size : GF_BLOB_MAX;

	if (n > max - p->written)
		return gf_fail(err, GF_DAMAGED, "blob-size", p->w->path,
		    "a layer has more than the %llu bytes expected", (unsigned long long)max);
	if (!p->w->ops->write(p, bytes, n, err))
		return false;
	p->written += n;
	return true;
}

void gf_place_drop(gf_place *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->w->lock);
	p->w->ops->drop(p);
	if (p->known)
		p->w->spoilt = true;
	else
		p->w->growing = false;
	(void)pthread_mutex_unlock(&p->w->lock);
	free(p);
}

/* Under the lock, the place complete in the file. */
static bool record(gf_place *p, const gf_digest *digest, gf_error *err)
{
	gf_writer *w = p->w;

	if (!p->known && !add_slot(w, p->written, &p->slot, err))
		return false;
	w->slots[p->slot].digest = *digest;
	w->slots[p->slot].kept = true;
	if (!p->known)
		w->growing = false;
	return true;
}

/* Claims the digest before its bytes are completed, so that of two threads one is told.  *twice: it was claimed. */
static bool claim(gf_place *p, const gf_digest *digest, bool *twice, gf_error *err)
{
	gf_writer *w = p->w;
	bool ok = true;

	(void)pthread_mutex_lock(&w->lock);
	*twice = gf_map_get(&w->kept, digest) != SIZE_MAX;
	if (!*twice)
		ok = gf_map_put(&w->kept, digest, p->slot, err);
	(void)pthread_mutex_unlock(&w->lock);
	return ok;
}

bool gf_place_keep(gf_place *p, const gf_digest *digest, gf_error *err)
{
	gf_writer *w = p->w;
	bool twice = false, ok = true;

	if (p->known && p->written != p->size)
		ok = gf_fail(err, GF_DAMAGED, "blob-size", w->path, "a layer has %llu bytes, expected %llu",
		    (unsigned long long)p->written, (unsigned long long)p->size);
	ok = ok && claim(p, digest, &twice, err);
	if (ok && twice && p->known)
		ok = gf_fail(err, GF_FAILED, "internal", w->path, "a layer has two places");
	if (!ok || twice) {
		gf_place_drop(p);
		return ok;
	}
	ok = w->ops->keep(p, digest, err);
	(void)pthread_mutex_lock(&w->lock);
	ok = ok && record(p, digest, err);
	w->spoilt = w->spoilt || !ok;
	(void)pthread_mutex_unlock(&w->lock);
	free(p);
	return ok;
}

/* ---- commit ---- */

/* The places are the layers of the graph, one by one. */
static bool check_layers(const gf_writer *w, const gf_graph *g, gf_error *err)
{
	size_t first = 0;

	while (first < g->n_blobs && g->blobs[first].kind != GF_KIND_LAYER)
		first++;
	if (w->spoilt || w->growing || w->n_slots != g->n_blobs - first)
		return gf_fail(err, GF_FAILED, "internal", w->path, "%zu layers were written, the images have %zu",
		    w->n_slots, g->n_blobs - first);
	for (size_t i = 0; i < w->n_slots; i++)
		if (!w->slots[i].kept || w->slots[i].size != g->blobs[first + i].size ||
		    !gf_digest_equal(&w->slots[i].digest, &g->blobs[first + i].digest))
			return gf_fail(
			    err, GF_FAILED, "internal", w->path, "layer %zu was written out of order", i + 1);
	return true;
}

bool gf_writer_commit(gf_writer *w, const gf_front *f, gf_error *err)
{
	return check_layers(w, f->graph, err) && w->ops->commit(w, f, err);
}

uint64_t gf_writer_size(const gf_writer *w)
{
	return w->size;
}

void gf_writer_close(gf_writer *w)
{
	if (w == NULL)
		return;
	w->ops->close(w);
	(void)pthread_mutex_destroy(&w->lock);
	gf_map_clear(&w->kept);
	free(w->slots);
	free(w->path);
	free(w);
}
