#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "verify/deep.h"

/* What the configs say of one blob. */
typedef struct promise {
	bool wanted;
	gf_packing packing;
	gf_digest diff_id;
	uint64_t raw_size; /* 0: not recorded */
	char name[GF_DIGEST_SIZE];
} promise;

struct gf_deep {
	promise *blobs;
	size_t n;
};

/* ---- promises ---- */

static bool promise_add(
    gf_deep *d, const gf_graph *g, const gf_descriptor *layer, const gf_digest *diff_id, gf_error *err)
{
	size_t i = gf_graph_find(g, &layer->digest);
	gf_packing packing = gf_packing_of(layer->media_type);
	promise *p;

	/* A layer that is no archive, in an image that runs, would be nothing to apply. */
	if (i >= d->n || packing == GF_PACKING_OPAQUE)
		return gf_fail(err, GF_DAMAGED, "media-type", layer->media_type,
		    "a layer of a runnable image has media type '%s', which is no layer of a file system",
		    layer->media_type);
	p = &d->blobs[i];
	if (p->wanted && (!gf_digest_equal(&p->diff_id, diff_id) || p->packing != packing))
		return gf_fail(err, GF_DAMAGED, "diff-id", p->name,
		    "two images use layer %s and do not agree on what is inside", p->name);
	p->wanted = true;
	p->packing = packing;
	p->diff_id = *diff_id;
	return true;
}

static bool promise_all(gf_deep *d, const gf_graph *g, gf_error *err)
{
	for (size_t i = 0; i < g->n_trees; i++) {
		for (size_t j = 0; j < g->trees[i].n_platforms; j++) {
			const gf_platform *p = &g->trees[i].platforms[j];

			for (size_t k = 0; p->runnable && k < p->document->n_items && k < p->n_diff_ids; k++)
				if (!promise_add(d, g, &p->document->items[k], &p->diff_ids[k], err))
					return false;
		}
	}
	return true;
}

gf_deep *gf_deep_new(const gf_graph *g, const gf_manifest *m, gf_error *err)
{
	gf_deep *d = gf_alloc(1, sizeof *d, err);

	if (d == NULL)
		return NULL;
	d->n = m->n_blobs;
	d->blobs = gf_alloc(d->n, sizeof *d->blobs, err);
	for (size_t i = 0; d->blobs != NULL && i < d->n; i++) {
		d->blobs[i].raw_size = m->blobs[i].raw_size;
		gf_digest_text(&m->blobs[i].digest, d->blobs[i].name);
	}
	if (d->blobs != NULL && promise_all(d, g, err))
		return d;
	gf_deep_free(d);
	return NULL;
}

void gf_deep_free(gf_deep *d)
{
	if (d == NULL)
		return;
	free(d->blobs);
	free(d);
}

bool gf_deep_wants(const gf_deep *d, size_t blob)
{
	return d->blobs[blob].wanted;
}

/* ---- the bytes inside ---- */

/* An input that closes nothing: the one below stays the caller's. */
typedef struct borrowed {
	gf_input base;
	gf_input *in;
} borrowed;

static ptrdiff_t borrowed_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	return gf_input_read(((borrowed *)in)->in, buf, cap, err);
}

static void borrowed_close(gf_input *in)
{
	(void)in;
}

/* What libarchive reads from: every byte is hashed and counted on its way. */
typedef struct inside {
	gf_input *in;
	gf_hash *hash;
	uint64_t size;
	char *piece;
	bool failed;
	gf_error *err;
} inside;

static la_ssize_t inside_read(struct archive *a, void *ctx, const void **bytes)
{
	inside *s = ctx;
	ptrdiff_t n = gf_input_read(s->in, s->piece, GF_COPY_STEP, s->err);

	(void)a;
	if (n < 0 || (n > 0 && !gf_hash_update(s->hash, s->piece, (size_t)n, s->err))) {
		s->failed = true;
		return -1;
	}
	s->size += (uint64_t)n;
	*bytes = s->piece;
	return n;
}

/* Every header, to the end of the archive.  Warnings are about names and locales, not about form. */
static bool read_tar(struct archive *a, inside *s, const char *name, uint64_t *entries, gf_error *err)
{
	struct archive_entry *entry;
	int rc;

	if (archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_support_format_empty(a) != ARCHIVE_OK)
		return gf_fail(err, GF_FAILED, "archive", name, "libarchive cannot read tar");
	rc = archive_read_open(a, s, NULL, inside_read, NULL);
	while (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		rc = archive_read_next_header(a, &entry);
		*entries += rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
	}
	if (s->failed)
		return false;
	if (rc == ARCHIVE_EOF)
		return true;
	return gf_fail(err, GF_DAMAGED, "layer-tar", name, "what is inside layer %s is not a tar (after %llu entries)",
	    name, (unsigned long long)*entries);
}

/* What stands behind the end of the archive counts for the digest. */
static bool read_rest(inside *s)
{
	const void *bytes;
	la_ssize_t n;

	do
		n = inside_read(NULL, s, &bytes);
	while (n > 0);
	return n == 0;
}

static bool compare(const promise *p, inside *s, gf_error *err)
{
	char want[GF_DIGEST_SIZE], found[GF_DIGEST_SIZE];
	gf_digest digest;

	if (!gf_hash_finish(s->hash, &digest, err))
		return false;
	if (!gf_digest_equal(&digest, &p->diff_id)) {
		gf_digest_text(&p->diff_id, want);
		gf_digest_text(&digest, found);
		return gf_fail(err, GF_DAMAGED, "diff-id", p->name,
		    "the config promises %s inside layer %s; found %s: whoever packed it packed a layer of another image",
		    want, p->name, found);
	}
	return p->raw_size == 0 || p->raw_size == s->size ||
	    gf_fail(err, GF_DAMAGED, "raw-size", p->name,
		"the manifest says that layer %s has %llu bytes inside; found %llu", p->name,
		(unsigned long long)p->raw_size, (unsigned long long)s->size);
}

static gf_input *open_inside(const promise *p, gf_input *in, gf_error *err)
{
	uint64_t most = p->raw_size != 0 ? p->raw_size : GF_BLOB_MAX;

	switch (p->packing) {
	case GF_PACKING_GZIP: return gf_input_gunzip(in, most, p->name, err);
	case GF_PACKING_ZSTD: return gf_input_decode(in, GF_CODEC_ZSTD, most, p->name, err);
	case GF_PACKING_RAW:
	case GF_PACKING_OPAQUE: return in;
	}
	return in;
}

bool gf_deep_layer(const gf_deep *d, size_t blob, gf_input *in, uint64_t *entries, gf_error *err)
{
	static const gf_input_ops ops = { borrowed_read, NULL, borrowed_close };
	const promise *p = &d->blobs[blob];
	borrowed lower = { { &ops }, in };
	inside s = { .err = err };
	struct archive *a = archive_read_new();
	bool ok = a != NULL || gf_no_memory(err);

	*entries = 0;
	ok = ok && (s.in = open_inside(p, &lower.base, err)) != NULL && (s.hash = gf_hash_new(err)) != NULL &&
	    (s.piece = gf_alloc(1, GF_COPY_STEP, err)) != NULL;
	ok = ok && read_tar(a, &s, p->name, entries, err) && read_rest(&s) && compare(p, &s, err);
	if (a != NULL)
		archive_read_free(a);
	gf_input_close(s.in);
	gf_hash_free(s.hash);
	free(s.piece);
	return ok;
}
