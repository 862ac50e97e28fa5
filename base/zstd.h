/*
 * zstd: deterministic compression by libzstd (RFC 8878), cut into frames.
 *
 * Each block of a stream becomes a frame of its own, so blocks are compressed by any thread
 * and the bytes are the same for any number of them; frames in a row are one text to every
 * reader of zstd.  Level 3; the size of its content in each frame, no checksum.
 */
#ifndef GF_BASE_ZSTD_H
#define GF_BASE_ZSTD_H

#include "base/error.h"

size_t gf_zstd_bound(size_t n); /* room that one block of n bytes may need */

/* One thread's compressor. */
typedef struct gf_zstd gf_zstd;
gf_zstd *gf_zstd_new(gf_error *err);
bool gf_zstd_block(gf_zstd *z, const void *in, size_t n, void *out, size_t cap, size_t *out_n, gf_error *err);
void gf_zstd_free(gf_zstd *z);

/* Library, version and level, since bytes depend on them and not on the CPU: "libzstd 1.5.4 zstd 3". */
const char *gf_zstd_name(void);

#endif
