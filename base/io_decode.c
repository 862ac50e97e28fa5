/*
 * zstd, xz and bzip2 read back: what strangers wrote, so with a cap on the memory that a header may ask for.
 * Frames and streams in a row are one text, as their own tools read them.
 */
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>
#include <lzma.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/io.h"
#include "base/limits.h"

typedef struct decode_input {
	gf_input in;
	gf_input *up;
	char *object;
	gf_codec codec;
	uint64_t left, max, came;
	bool wary;
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	bz_stream bz;
	bool bz_ready;
	bool inside, any; /* within a frame or stream; one was seen to its end */
	bool up_ended;
	gf_error failure;
	const unsigned char *next;
	size_t n;
	unsigned char bytes[64 * 1024];
} decode_input;

gf_codec gf_codec_of(const void *magic, size_t n)
{
	static const struct {
		const char *bytes;
		size_t n;
		gf_codec codec;
	} known[] = { { "\x1f\x8b\x08", 3, GF_CODEC_GZIP }, { "\x28\xb5\x2f\xfd", 4, GF_CODEC_ZSTD },
		{ "\xfd\x37\x7a\x58\x5a\x00", 6, GF_CODEC_XZ }, { "\x04\x22\x4d\x18", 4, GF_CODEC_LZ4 } };
	const unsigned char *m = magic;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].n && memcmp(m, known[i].bytes, known[i].n) == 0)
			return known[i].codec;
	if (n >= 4 && memcmp(m, "BZh", 3) == 0 && m[3] >= '1' && m[3] <= '9')
		return GF_CODEC_BZIP2;
	/* A frame that is skipped may come first (RFC 8878 3.1.2). */
	if (n >= 4 && (m[0] & 0xf0) == 0x50 && memcmp(m + 1, "\x2a\x4d\x18", 3) == 0)
		return GF_CODEC_ZSTD;
	return GF_CODEC_NONE;
}

const char *gf_codec_name(gf_codec codec)
{
	static const char *const names[] = { "", "gzip", "zstd", "xz", "bzip2", "lz4" };

	return names[codec];
}

static bool bad(const decode_input *d, const char *what, gf_error *err)
{
	switch (d->codec) {
	case GF_CODEC_ZSTD: return gf_fail(err, GF_DAMAGED, "zstd", d->object, "the zstd data is damaged: %s", what);
	case GF_CODEC_XZ: return gf_fail(err, GF_DAMAGED, "xz", d->object, "the xz data is damaged: %s", what);
	default: return gf_fail(err, GF_DAMAGED, "bzip2", d->object, "the bzip2 data is damaged: %s", what);
	}
}

static bool window(const decode_input *d, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "window", d->object,
	    "its %s data wants a window of more than 128 MiB: compress it again with a smaller one (zstd up to --long=27, "
	    "xz up to -9)",
	    gf_codec_name(d->codec));
}

static bool step_zstd(decode_input *d, unsigned char *buf, size_t cap, size_t *got, gf_error *err)
{
	ZSTD_inBuffer in = { d->next, d->n, 0 };
	ZSTD_outBuffer out = { buf, cap, 0 };
	size_t rc = ZSTD_decompressStream(d->zstd, &out, &in);

	if (ZSTD_isError(rc) && ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
		return window(d, err);
	if (ZSTD_isError(rc) && ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return gf_no_memory(err);
	if (ZSTD_isError(rc))
		return bad(d, ZSTD_getErrorName(rc), err);
	*got = out.pos;
	d->next += in.pos;
	d->n -= in.pos;
	d->inside = rc != 0;
	return true;
}

static bool step_xz(decode_input *d, unsigned char *buf, size_t cap, size_t *got, gf_error *err)
{
	lzma_ret rc;

	d->xz.next_in = d->next;
	d->xz.avail_in = d->n;
	d->xz.next_out = buf;
	d->xz.avail_out = cap;
	rc = lzma_code(&d->xz, d->up_ended ? LZMA_FINISH : LZMA_RUN);
	*got = cap - d->xz.avail_out;
	d->next = d->xz.next_in;
	d->n = d->xz.avail_in;
	switch (rc) {
	case LZMA_STREAM_END: d->inside = false; return true;
	case LZMA_OK:
	case LZMA_BUF_ERROR: return true; /* the latter: no progress, which the caller sees */
	case LZMA_MEM_ERROR: return gf_no_memory(err);
	case LZMA_MEMLIMIT_ERROR: return window(d, err);
	case LZMA_FORMAT_ERROR: return bad(d, "something else follows it", err);
	case LZMA_OPTIONS_ERROR: return bad(d, "it uses a filter that is not known", err);
	default: return bad(d, "it does not inflate, or its check is wrong", err);
	}
}

static bool step_bzip2(decode_input *d, unsigned char *buf, size_t cap, size_t *got, gf_error *err)
{
	int rc = BZ_OK;

	if (!d->bz_ready) {
		d->bz = (bz_stream){ 0 };
		rc = BZ2_bzDecompressInit(&d->bz, 0, 0);
		d->bz_ready = rc == BZ_OK;
	}
	if (rc != BZ_OK)
		return gf_no_memory(err);
	d->bz.next_in = (char *)(uintptr_t)d->next; /* only read */
	d->bz.avail_in = (unsigned)d->n;
	d->bz.next_out = (char *)buf;
	d->bz.avail_out = cap < GF_COPY_STEP ? (unsigned)cap : (unsigned)GF_COPY_STEP;
	*got = d->bz.avail_out;
	rc = BZ2_bzDecompress(&d->bz);
	*got -= d->bz.avail_out;
	d->next += d->n - d->bz.avail_in;
	d->n = d->bz.avail_in;
	if (rc == BZ_MEM_ERROR)
		return gf_no_memory(err);
	if (rc != BZ_OK && rc != BZ_STREAM_END)
		return bad(d, "it does not inflate, or its check is wrong", err);
	if (rc == BZ_STREAM_END) {
		(void)BZ2_bzDecompressEnd(&d->bz);
		d->bz_ready = d->inside = false;
	}
	return true;
}

static bool step(decode_input *d, unsigned char *buf, size_t cap, size_t *got, gf_error *err)
{
	bool ok;
	size_t before = d->n;

	*got = 0;
	d->inside = true;
	switch (d->codec) {
	case GF_CODEC_ZSTD: ok = step_zstd(d, buf, cap, got, err); break;
	case GF_CODEC_XZ: ok = step_xz(d, buf, cap, got, err); break;
	default: ok = step_bzip2(d, buf, cap, got, err); break;
	}
	if (ok && !d->inside)
		d->any = true;
	if (ok && d->inside && *got == 0 && d->up_ended && d->n == before)
		return bad(d, "it is cut short", err);
	return ok;
}

static bool fill(decode_input *d, unsigned char *buf, size_t cap, size_t *got, gf_error *err)
{
	*got = 0;
	while (*got == 0) {
		if (d->n == 0 && !d->up_ended) {
			ptrdiff_t n = gf_input_read(d->up, d->bytes, sizeof d->bytes, err);
			if (n < 0)
				return false;
			d->next = d->bytes;
			d->n = (size_t)n;
			d->came += d->n;
			d->up_ended = n == 0;
		}
		if (d->up_ended && d->n == 0 && !d->inside)
			return d->any || bad(d, "it is empty", err);
		if (!step(d, buf, cap, got, err))
			return false;
	}
	return true;
}

static bool no_bomb(const decode_input *d, gf_error *err)
{
	uint64_t made = d->max - d->left;

	return !d->wary || made <= GF_INFLATED_FREE || made / GF_INFLATED_RATIO <= d->came ||
	    gf_fail(err, GF_DAMAGED, "bomb", d->object,
		"its %s data inflates to more than %d times its size, as nothing that saves images writes it: inflate it with "
		"other means if it is right",
		gf_codec_name(d->codec), GF_INFLATED_RATIO);
}

static ptrdiff_t decode_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	decode_input *d = (decode_input *)in;
	unsigned char probe; /* with nothing left, one byte more is one too many */
	size_t got = 0;
	bool ok = d->failure.class == GF_OK;

	if (!ok) {
		*err = d->failure;
		return -1;
	}
	if (d->left > 0) {
		ok = fill(d, buf, cap < d->left ? cap : (size_t)d->left, &got, err);
		d->left -= got;
		ok = ok && no_bomb(d, err);
	} else {
		ok = fill(d, &probe, 1, &got, err) &&
		    (got == 0 ||
			gf_fail(err, GF_DAMAGED, "too-large", d->object,
			    "it inflates to more than the %llu bytes expected", (unsigned long long)d->max));
	}
	if (!ok) {
		d->failure = *err;
		return -1;
	}
	return (ptrdiff_t)got;
}

static void decode_close(gf_input *in)
{
	decode_input *d = (decode_input *)in;

	gf_input_close(d->up);
	ZSTD_freeDCtx(d->zstd);
	lzma_end(&d->xz);
	if (d->bz_ready)
		(void)BZ2_bzDecompressEnd(&d->bz);
	free(d->object);
	free(d);
}

/* What the library needs before its first byte; bzip2 begins with each stream. */
static bool begin(decode_input *d)
{
	if (d->codec == GF_CODEC_ZSTD) {
		d->zstd = ZSTD_createDCtx();
		return d->zstd != NULL &&
		    !ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, GF_WINDOW_LOG));
	}
	/* A MiB for the decoder itself. */
	return d->codec != GF_CODEC_XZ ||
	    lzma_stream_decoder(&d->xz, ((uint64_t)1 << GF_WINDOW_LOG) + GF_MIB, LZMA_CONCATENATED) == LZMA_OK;
}

static gf_input *decode(gf_input *up, gf_codec codec, bool wary, uint64_t max, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { decode_read, NULL, decode_close };
	decode_input *d;

	if (up == NULL || codec == GF_CODEC_NONE)
		return up;
	if (codec == GF_CODEC_GZIP)
		return gf_input_gunzip(up, max, object, err);
	d = codec != GF_CODEC_LZ4 ? gf_alloc(1, sizeof *d, err) : NULL;
	if (codec == GF_CODEC_LZ4)
		gf_fail(err, GF_USAGE, "archive-compression", object,
		    "it is compressed with lz4, which is not read: unpack it first (gzip, zstd, xz and bzip2 are read)");
	if (d == NULL) {
		gf_input_close(up);
		return NULL;
	}
	d->in.ops = &ops;
	d->up = up;
	d->codec = codec;
	d->wary = wary;
	d->left = d->max = max;
	d->object = gf_strdup(object != NULL ? object : "", err);
	if (d->object == NULL || !begin(d)) {
		if (d->object != NULL)
			gf_no_memory(err);
		decode_close(&d->in);
		return NULL;
	}
	return &d->in;
}

gf_input *gf_input_decode(gf_input *up, gf_codec codec, uint64_t max, const char *object, gf_error *err)
{
	return decode(up, codec, false, max, object, err);
}

gf_input *gf_input_decode_wary(gf_input *up, gf_codec codec, uint64_t max, const char *object, gf_error *err)
{
	return decode(up, codec, true, max, object, err);
}
