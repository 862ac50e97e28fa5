/* zstd read back as bytes are written, frames in a row: layers of a judged bundle on their way to a daemon. */
#include <stdlib.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/io.h"
#include "base/limits.h"

typedef struct unzstd_output {
	gf_output out;
	gf_output *down;
	char *object;
	uint64_t left, max;
	ZSTD_DCtx *zstd;
	bool inside, any; /* within a frame; one was seen to its end */
	unsigned char bytes[GF_COPY_STEP];
} unzstd_output;

static bool bad(const unzstd_output *u, const char *what, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "zstd", u->object, "the zstd data is damaged: %s", what);
}

/* What the library says of it. */
static bool refuse(const unzstd_output *u, size_t rc, gf_error *err)
{
	if (ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
		return gf_fail(err, GF_DAMAGED, "window", u->object,
		    "its zstd data wants a window of more than 128 MiB: compress it again with a smaller one");
	if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return gf_no_memory(err);
	return bad(u, ZSTD_getErrorName(rc), err);
}

static bool pass_on(unzstd_output *u, size_t n, gf_error *err)
{
	if (n > u->left)
		return gf_fail(err, GF_DAMAGED, "too-large", u->object,
		    "it inflates to more than the %llu bytes expected", (unsigned long long)u->max);
	u->left -= n;
	return n == 0 || gf_output_write(u->down, u->bytes, n, err);
}

static bool unzstd_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	unzstd_output *u = (unzstd_output *)out;
	ZSTD_inBuffer in = { bytes, n, 0 };
	bool full = false;

	while (in.pos < in.size || full) {
		ZSTD_outBuffer to = { u->bytes, sizeof u->bytes, 0 };
		size_t rc = ZSTD_decompressStream(u->zstd, &to, &in);

		if (ZSTD_isError(rc))
			return refuse(u, rc, err);
		if (!pass_on(u, to.pos, err))
			return false;
		full = to.pos == to.size && rc != 0;
		u->inside = rc != 0;
		u->any = u->any || rc == 0;
	}
	return true;
}

static bool unzstd_finish(gf_output *out, gf_error *err)
{
	unzstd_output *u = (unzstd_output *)out;

	if (u->inside || !u->any)
		return bad(u, u->inside ? "it is cut short" : "it is empty", err);
	return gf_output_finish(u->down, err);
}

static void unzstd_close(gf_output *out)
{
	unzstd_output *u = (unzstd_output *)out;

	gf_output_close(u->down);
	ZSTD_freeDCtx(u->zstd);
	free(u->object);
	free(u);
}

gf_output *gf_output_unzstd(gf_output *down, uint64_t max, const char *object, gf_error *err)
{
	static const gf_output_ops ops = { unzstd_write, unzstd_finish, unzstd_close };
	unzstd_output *u;

	if (down == NULL)
		return NULL;
	u = gf_alloc(1, sizeof *u, err);
	if (u == NULL) {
		gf_output_close(down);
		return NULL;
	}
	u->out.ops = &ops;
	u->down = down;
	u->left = u->max = max;
	u->object = gf_strdup(object != NULL ? object : "", err);
	u->zstd = ZSTD_createDCtx();
	if (u->zstd == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, GF_WINDOW_LOG)))
		gf_no_memory(err);
	else if (u->object != NULL)
		return &u->out;
	unzstd_close(&u->out);
	return NULL;
}
