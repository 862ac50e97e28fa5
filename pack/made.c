/* made: layers that are kept as they are, hashed as they pass. */
#include "pack/compress.h"

#include <stdlib.h>

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

/* Stands between the stored bytes and whoever inflates them.  Not owned by the chain above it. */
typedef struct tee {
	gf_input base;
	gf_input *up;
	gf_hash *hash;
	uint64_t size;
	gf_taker take;
	void *ctx;
	bool failed; /* not the compressed data are at fault but what is below */
} tee;

static ptrdiff_t tee_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	tee *t = (tee *)in;
	ptrdiff_t got = gf_input_read(t->up, buf, cap, err);

	if (got > 0 && (!gf_hash_update(t->hash, buf, (size_t)got, err) || !t->take(t->ctx, buf, (size_t)got, err)))
		got = -1;
	if (got < 0)
		t->failed = true;
	else
		t->size += (uint64_t)got;
	return got;
}

static void tee_close(gf_input *in)
{
	(void)in;
}

static const gf_input_ops tee_ops = { tee_read, NULL, tee_close };

/* in to its end; its digest, if hash is given, and its size. */
static bool drain(gf_input *in, gf_hash *hash, unsigned char *buf, uint64_t *size, gf_error *err)
{
	ptrdiff_t got;

	while ((got = gf_input_read(in, buf, GF_COPY_STEP, err)) > 0) {
		*size += (uint64_t)got;
		if (hash != NULL && !gf_hash_update(hash, buf, (size_t)got, err))
			return false;
	}
	return got == 0;
}

bool gf_made_packed(gf_input *in, gf_codec codec, const char *object, gf_taker take, void *ctx, gf_made *made,
    gf_error *unfit, gf_error *err)
{
	tee t = { .base = { &tee_ops }, .up = in, .hash = gf_hash_new(err), .take = take, .ctx = ctx };
	unsigned char *buf = gf_alloc(GF_COPY_STEP, 1, err);
	gf_hash *hash = gf_hash_new(err);
	gf_input *plain = NULL;
	uint64_t rest = 0;
	bool ok = false, fits;

	*made = (gf_made){ .codec = codec };
	*unfit = (gf_error){ 0 };
	if (t.hash == NULL || buf == NULL || hash == NULL)
		goto out;
	plain = gf_input_decode(&t.base, codec, GF_BLOB_MAX, object, err);
	if (plain == NULL)
		goto out;
	fits = drain(plain, hash, buf, &made->raw_size, unfit);
	if (t.failed || (!fits && unfit->class != GF_DAMAGED)) {
		*err = *unfit;
		goto out;
	}
	ok = drain(&t.base, NULL, buf, &rest, err) && gf_hash_finish(hash, &made->raw, err) &&
	    gf_hash_finish(t.hash, &made->digest, err);
	made->size = t.size;
out:
	gf_input_close(plain);
	gf_hash_free(hash);
	gf_hash_free(t.hash);
	free(buf);
	return ok;
}
