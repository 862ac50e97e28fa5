/*
 * gzip: deterministic compression by ISA-L (RFC 1951, 1952), cut into blocks.
 *
 * A stream is a header, blocks in order, a trailer.  Each block ends with a full
 * flush and depends on nothing before it, so blocks are compressed by any thread
 * and the bytes are the same for any number of them.  Level 1; no time, no name.
 */
#ifndef GF_BASE_GZIP_H
#define GF_BASE_GZIP_H

#include "base/error.h"

#define GF_GZIP_BLOCK ((size_t)512 * 1024)
#define GF_GZIP_HEADER 10
#define GF_GZIP_TRAILER 8

size_t gf_gzip_bound(size_t n); /* room that one block of n bytes may need */

void gf_gzip_header(unsigned char out[GF_GZIP_HEADER]);
void gf_gzip_trailer(uint32_t crc, uint64_t size, unsigned char out[GF_GZIP_TRAILER]);
uint32_t gf_gzip_crc(uint32_t crc, const void *bytes, size_t n); /* start with 0 */

/* One thread's compressor.  last: this block ends the stream (n may then be 0). */
typedef struct gf_deflater gf_deflater;
gf_deflater *gf_deflater_new(gf_error *err);
bool gf_deflater_block(
    gf_deflater *d, const void *in, size_t n, bool last, void *out, size_t cap, size_t *out_n, gf_error *err);
void gf_deflater_free(gf_deflater *d);

/* Library, version, level and code path, since bytes depend on them: "isal 2.30 gzip 1 x86-64".
 * The code path is "x86-64" from SSE4.2 up, "x86-64-base" below, "arm64" (facts/performance.md). */
const char *gf_gzip_name(void);

#endif
