/*
 * compress: layers through both cores into gzip or zstd, the same bytes for any number of threads.
 *
 * Consecutive layers are one stream of blocks with borders in it, so that no core idles at a
 * border: while one layer's last block is compressed the next one is read.  Memory is a ring
 * of blocks, whatever the layers are.
 */
#ifndef GF_PACK_COMPRESS_H
#define GF_PACK_COMPRESS_H

#include "base/base.h"

/* What is known of a layer whose bytes have passed. */
typedef struct gf_made {
	gf_digest raw; /* its diff ID: of the uncompressed bytes */
	uint64_t raw_size;
	gf_digest digest; /* as stored */
	uint64_t size;
	gf_codec codec; /* as stored: none, gzip or zstd */
} gf_made;

/* Where layers come from and go to.  next runs beside the other three, each by one thread at a time. */
typedef struct gf_squeeze {
	bool (*next)(void *ctx, gf_input **in, gf_error *err); /* *in NULL: no more; closed by the callee at its end */
	bool (*begin)(void *ctx, gf_error *err);
	bool (*write)(void *ctx, const void *bytes, size_t n, gf_error *err);
	bool (*end)(void *ctx, const gf_made *made, gf_error *err);
	void *ctx;
	gf_codec codec; /* gzip or zstd */
} gf_squeeze;

/* Room that a layer of raw bytes may take. */
uint64_t gf_squeeze_bound(gf_codec codec, uint64_t raw);
/* Who compresses, for packer.compressor. */
const char *gf_squeeze_name(gf_codec codec);

bool gf_squeeze_run(const gf_squeeze *s, unsigned jobs, gf_error *err);

/* Takes bytes as they pass. */
typedef bool (*gf_taker)(void *ctx, const void *bytes, size_t n, gf_error *err);

/* Pass bytes on as they are, hashed: raw and stored are the same.  in stays the caller's. */
bool gf_made_raw(gf_input *in, gf_taker take, void *ctx, gf_made *made, gf_error *err);
/*
 * The same for bytes that are compressed already, inflated only to learn raw and raw_size.  *unfit has an error where they
 * are not of this codec after all; all of them were passed on, digest and size are set.
 */
bool gf_made_packed(gf_input *in, gf_codec codec, const char *object, gf_taker take, void *ctx, gf_made *made,
    gf_error *unfit, gf_error *err);

#endif
