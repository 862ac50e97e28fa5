#include <stdlib.h>
#include <zstd.h>

#include "verify/deep.h"

#define WINDOW_LOG 27 /* 128 MiB: memory that a frame may ask for */

typedef struct unzstd {
	gf_input base;
	gf_input *up;
	ZSTD_DCtx *ctx;
	const char *object;
	uint64_t left; /* bytes that may still come out */
	unsigned char *piece;
	ZSTD_inBuffer in;
	bool between; /* a frame is complete */
	bool end;     /* of up */
} unzstd;

static bool refill(unzstd *z, gf_error *err)
{
	ptrdiff_t n = gf_input_read(z->up, z->piece, GF_COPY_STEP, err);

	if (n < 0)
		return false;
	z->end = n == 0;
	z->in = (ZSTD_inBuffer){ z->piece, (size_t)n, 0 };
	return true;
}

static ptrdiff_t unzstd_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	unzstd *z = (unzstd *)in;
	ZSTD_outBuffer out = { buf, cap, 0 };

	while (out.pos == 0) {
		size_t rc, before;

		if (z->in.pos == z->in.size && !z->end && !refill(z, err))
			return -1;
		if (z->end && z->in.pos == z->in.size && z->between)
			return 0;
		before = z->in.pos;
		rc = ZSTD_decompressStream(z->ctx, &out, &z->in);
		if (ZSTD_isError(rc)) {
			gf_fail(err, GF_DAMAGED, "zstd", z->object, "not well-formed zstd: %s", ZSTD_getErrorName(rc));
			return -1;
		}
		z->between = rc == 0;
		if (z->end && !z->between && out.pos == 0 && z->in.pos == before) {
			gf_fail(err, GF_DAMAGED, "zstd", z->object, "the zstd data ends inside a frame");
			return -1;
		}
	}
	if (out.pos > z->left) {
		gf_fail(err, GF_DAMAGED, "too-large", z->object, "more comes out of it than the manifest allows");
		return -1;
	}
	z->left -= out.pos;
	return (ptrdiff_t)out.pos;
}

static void unzstd_close(gf_input *in)
{
	unzstd *z = (unzstd *)in;

	gf_input_close(z->up);
	ZSTD_freeDCtx(z->ctx);
	free(z->piece);
	free(z);
}

gf_input *gf_input_unzstd(gf_input *up, uint64_t max, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { unzstd_read, NULL, unzstd_close };
	unzstd *z = up != NULL ? gf_alloc(1, sizeof *z, err) : NULL;

	if (z == NULL) {
		gf_input_close(up);
		return NULL;
	}
	*z = (unzstd){ .base = { &ops }, .up = up, .object = object, .left = max, .between = true };
	z->piece = gf_alloc(1, GF_COPY_STEP, err);
	z->ctx = z->piece != NULL ? ZSTD_createDCtx() : NULL;
	if (z->ctx != NULL && !ZSTD_isError(ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax, WINDOW_LOG)))
		return &z->base;
	if (z->piece != NULL)
		gf_no_memory(err);
	unzstd_close(&z->base);
	return NULL;
}
