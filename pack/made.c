/* made: layers that are kept as they are, hashed as they pass. */
#include "pack/compress.h"

#include <stdlib.h>
#include <string.h>

bool gf_made_raw(gf_input *in, gf_taker take, void *ctx, gf_made *made, gf_error *err)
{
	unsigned char *buf = gf_alloc(GF_COPY_STEP, 1, err);
	gf_hash *hash = gf_hash_new(err);
	ptrdiff_t got = -1;
	bool ok = false;

	*made = (gf_made){ 0 };
	while (buf != NULL && hash != NULL && (got = gf_input_read(in, buf, GF_COPY_STEP, err)) > 0) {
		made->size += (uint64_t)got;
		if (!gf_hash_update(hash, buf, (size_t)got, err) || !take(ctx, buf, (size_t)got, err)) {
			got = -1;
			break;
		}
	}
	ok = got == 0 && gf_hash_finish(hash, &made->digest, err);
	made->raw = made->digest;
	made->raw_size = made->size;
	gf_hash_free(hash);
	free(buf);
	return ok;
}

/*
 * ---- and inflated, in a contained child ----
 *
 * It is given what is stored, piece by piece, and says at the end what came of it: its digest and size, or what is wrong
 * with it.  Neither is worth more than the archive's author, who could have made another layer as well.
 */

typedef struct inflated {
	gf_digest digest;
	uint64_t size;
} inflated;

typedef struct work {
	gf_codec codec;
	const char *object;
	gf_hash *hash;
} work;

typedef struct line_input {
	gf_input in;
	int line;
	bool ended;
	size_t at, n;
	unsigned char bytes[GF_LINE_PIECE];
} line_input;

static ptrdiff_t line_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	line_input *l = (line_input *)in;
	unsigned char what;
	size_t n;

	if (l->at == l->n && !l->ended) {
		if (!gf_line_receive(l->line, &what, 1, l->bytes, sizeof l->bytes, &l->n)) {
			gf_fail(err, GF_FAILED, "contained", NULL, "the parent is gone");
			return -1;
		}
		l->at = 0;
		l->ended = what == GF_LINE_END;
	}
	n = l->n - l->at < cap ? l->n - l->at : cap;
	memcpy(buf, l->bytes + l->at, n);
	l->at += n;
	return (ptrdiff_t)n;
}

/* Not owned by the chain above it. */
static void line_close(gf_input *in)
{
	(void)in;
}

static const gf_input_ops line_ops = { line_read, NULL, line_close };

static bool hash_all(gf_input *in, gf_hash *hash, unsigned char *buf, inflated *made, gf_error *err)
{
	ptrdiff_t got;

	while ((got = gf_input_read(in, buf, GF_COPY_STEP, err)) > 0) {
		made->size += (uint64_t)got;
		if (!gf_hash_update(hash, buf, (size_t)got, err))
			return false;
	}
	return got == 0 && gf_hash_finish(hash, &made->digest, err);
}

static void inflate_line(void *ctx, int line)
{
	const work *w = ctx;
	gf_error err = { 0 }, late;
	inflated made = { .size = 0 };
	line_input *l = gf_alloc(1, sizeof *l, &err);
	unsigned char *buf = gf_alloc(GF_COPY_STEP, 1, &err), what = GF_LINE_FAILURE;
	gf_input *plain = NULL;

	if (l != NULL && buf != NULL) {
		l->in.ops = &line_ops;
		l->line = line;
		plain = gf_input_decode(&l->in, w->codec, GF_BLOB_MAX, w->object, &err);
		if (plain != NULL && hash_all(plain, w->hash, buf, &made, &err))
			what = GF_LINE_END;
		/* What is behind the fault, so that the parent can go on to keep it. */
		while (line_read(&l->in, buf, GF_COPY_STEP, &late) > 0)
			continue;
	}
	if (what == GF_LINE_END)
		(void)gf_line_send(line, &what, 1, &made, sizeof made);
	else
		(void)gf_line_send(line, &what, 1, &err, sizeof err);
	gf_input_close(plain);
	free(buf);
	free(l);
}

static bool send_piece(gf_contained *c, const unsigned char *bytes, size_t n, gf_error *err)
{
	const unsigned char what = GF_LINE_BYTES;

	for (size_t at = 0; at < n; at += GF_LINE_PIECE)
		if (!gf_contained_send(c, &what, 1, bytes + at, n - at < GF_LINE_PIECE ? n - at : GF_LINE_PIECE, err))
			return false;
	return true;
}

/* What the child says.  False: a fault that is not the data's in *err, or the data's in *unfit. */
static bool hear(gf_contained *c, gf_made *made, gf_error *unfit, gf_error *err)
{
	const unsigned char end = GF_LINE_END;
	unsigned char what, bytes[sizeof(gf_error)];
	inflated said;
	size_t n;

	if (!gf_contained_send(c, &end, 1, NULL, 0, err) ||
	    !gf_contained_receive(c, &what, 1, bytes, sizeof bytes, &n, err))
		return false;
	if (what == GF_LINE_FAILURE) {
		(void)gf_contained_failed(c, bytes, n, unfit);
		if (unfit->class != GF_DAMAGED)
			*err = *unfit;
		return unfit->class == GF_DAMAGED;
	}
	if (what != GF_LINE_END || n != sizeof said)
		return gf_contained_broke(c, "sent what is no digest", err);
	memcpy(&said, bytes, sizeof said);
	made->raw = said.digest;
	made->raw_size = said.size;
	return true;
}

bool gf_made_packed(gf_input *in, gf_codec codec, const char *object, gf_taker take, void *ctx, gf_made *made,
    gf_error *unfit, gf_error *err)
{
	gf_hash *hash = gf_hash_new(err);
	work w = { codec, object, gf_hash_new(err) };
	unsigned char *buf = gf_alloc(GF_COPY_STEP, 1, err);
	gf_contained *c = NULL;
	ptrdiff_t got = -1;
	bool ok;

	*made = (gf_made){ .codec = codec };
	*unfit = (gf_error){ 0 };
	if (hash != NULL && w.hash != NULL && buf != NULL)
		c = gf_contained_start(inflate_line, &w, -1, object, err);
	while (c != NULL && (got = gf_input_read(in, buf, GF_COPY_STEP, err)) > 0) {
		made->size += (uint64_t)got;
		if (!gf_hash_update(hash, buf, (size_t)got, err) || !take(ctx, buf, (size_t)got, err) ||
		    !send_piece(c, buf, (size_t)got, err)) {
			got = -1;
			break;
		}
	}
	ok = got == 0 && gf_hash_finish(hash, &made->digest, err) && hear(c, made, unfit, err);
	gf_contained_close(c);
	gf_hash_free(hash);
	gf_hash_free(w.hash);
	free(buf);
	return ok;
}
