/*
 * rewrite: a copy of a bundle with other signature files inside (FORMAT.md 1).
 *
 * The walk of verify/ with a writer as its sink: each byte is read once and hashed before the copy gets its name.  The
 * manifest's bytes stay; SHA256SUMS and its fellows are functions of it; only signatures and padding differ.
 */
#include <stdlib.h>
#include <unistd.h>

#include "pack/pack.h"
#include "pack/terms.h"

typedef struct rewrite {
	gf_sink base;
	const gf_manifest *m;
	gf_writer *w;
	int spool;         /* evidence: in the front, which is written last */
	uint64_t *at, end; /* of each blob in it */
	const char *path;
} rewrite;

/* ---- outputs ---- */

typedef struct copy {
	gf_output base;
	rewrite *r;
	size_t i;
	gf_place *place; /* NULL: the spool */
} copy;

static bool copy_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	copy *c = (copy *)out;

	if (c->place != NULL)
		return gf_place_write(c->place, bytes, n, err);
	if (!gf_pwrite_all(c->r->spool, bytes, n, c->r->end, c->r->path, err))
		return false;
	c->r->end += n;
	return true;
}

static bool copy_finish(gf_output *out, gf_error *err)
{
	copy *c = (copy *)out;
	gf_place *p = c->place;

	c->place = NULL;
	return p == NULL || gf_place_keep(p, &c->r->m->blobs[c->i].digest, err);
}

static void copy_close(gf_output *out)
{
	gf_place_drop(((copy *)out)->place);
	free(out);
}

static gf_output *put(gf_sink *sink, size_t i, gf_error *err)
{
	static const gf_output_ops ops = { copy_write, copy_finish, copy_close };
	rewrite *r = (rewrite *)sink;
	const gf_blob *b = &r->m->blobs[i];
	copy *c;

	if (b->kind == GF_KIND_JSON)
		return NULL; /* the reader keeps those */
	c = gf_alloc(1, sizeof *c, err);
	if (c == NULL)
		return NULL;
	*c = (copy){ .base = { &ops }, .r = r, .i = i };
	if (b->kind == GF_KIND_EVIDENCE)
		r->at[i] = r->end;
	else
		c->place = gf_writer_place(r->w, b->size, err);
	if (b->kind == GF_KIND_LAYER && c->place == NULL) {
		free(c);
		return NULL;
	}
	return &c->base;
}

static gf_input *evidence(void *ctx, const gf_blob *blob, gf_error *err)
{
	const rewrite *r = ctx;

	for (size_t i = 0; i < r->m->n_blobs; i++)
		if (gf_digest_equal(&r->m->blobs[i].digest, &blob->digest))
			return gf_input_sha256(
			    gf_input_range(r->spool, r->at[i], blob->size, r->path, err), &blob->digest, r->path, err);
	gf_fail(err, GF_FAILED, "internal", r->path, "a blob of kind evidence was not copied");
	return NULL;
}

/* ---- the copy ---- */

bool gf_rewrite(const gf_walk *walk, const gf_member *signatures, size_t n, const char *output, gf_verdict *v,
    uint64_t *size, gf_error *err)
{
	static const gf_sink_ops ops = { NULL, put };
	rewrite r = { .base = { &ops, true }, .m = walk->manifest, .spool = -1, .path = output };
	gf_walk w = *walk;
	gf_front front = { .statement = gf_reader_statement(w.reader),
		.signatures = signatures,
		.n_signatures = n,
		.manifest = w.manifest,
		.evidence = evidence,
		.ctx = &r };
	uint64_t bound = 0;
	gf_buf spool;
	bool ok = gf_walk_front(&w, v, err) && (r.at = gf_alloc(r.m->n_blobs, sizeof *r.at, err)) != NULL;

	gf_buf_init(&spool, 64 * GF_KIB);
	ok = ok && gf_spool_beside(output, &spool, err) && (r.spool = gf_file_spool(gf_buf_text(&spool), err)) >= 0;
	if (ok) {
		front.graph = gf_reader_graph(w.reader);
		front.store = gf_reader_store(w.reader);
		w.sink = &r.base;
		ok = gf_front_size(&front, &bound, err) &&
		    (r.w = gf_writer_open(output, r.m->created, bound, err)) != NULL && gf_walk_run(&w, v, err) &&
		    gf_writer_commit(r.w, &front, err);
	}
	*size = ok ? gf_writer_size(r.w) : 0;
	gf_writer_close(r.w);
	if (r.spool >= 0)
		(void)close(r.spool);
	free(r.at);
	gf_buf_clear(&spool);
	return ok;
}
