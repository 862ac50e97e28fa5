#include <isa-l.h>
#include <stdlib.h>

#include "base/gzip.h"

#define LEVEL 1 /* 0 is no faster and 15 % larger, 2 gains 1 %, 3 halves the speed (facts/performance.md) */

struct gf_deflater {
	struct isal_zstream stream;
	uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
};

size_t gf_gzip_bound(size_t n)
{
	/* Stored blocks are the worst case: 5 bytes for each 65,535; and the flush. */
	return n + 5 * (n / 65535 + 2) + 64;
}

static void put_le32(unsigned char *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(v >> (8 * i));
}

void gf_gzip_header(unsigned char out[GF_GZIP_HEADER])
{
	/* RFC 1952: magic, deflate, no flags, no time, no extra flags, operating system unknown. */
	static const unsigned char header[GF_GZIP_HEADER] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };

	for (int i = 0; i < GF_GZIP_HEADER; i++)
		out[i] = header[i];
}

void gf_gzip_trailer(uint32_t crc, uint64_t size, unsigned char out[GF_GZIP_TRAILER])
{
	put_le32(out, crc);
	put_le32(out + 4, (uint32_t)size); /* modulo 2^32 */
}

uint32_t gf_gzip_crc(uint32_t crc, const void *bytes, size_t n)
{
	return crc32_gzip_refl(crc, bytes, n);
}

gf_deflater *gf_deflater_new(gf_error *err)
{
	return gf_alloc(1, sizeof(gf_deflater), err);
}

bool gf_deflater_block(
    gf_deflater *d, const void *in, size_t n, bool last, void *out, size_t cap, size_t *out_n, gf_error *err)
{
	struct isal_zstream *z = &d->stream;
	bool complete;
	int rc;

	if (n > UINT32_MAX || cap > UINT32_MAX)
		return gf_fail(err, GF_FAILED, "compress", NULL, "a block of %zu bytes is too large for ISA-L", n);

	isal_deflate_init(z);
	z->level = LEVEL;
	z->level_buf = d->level_buf;
	z->level_buf_size = sizeof d->level_buf;
	z->gzip_flag = IGZIP_DEFLATE;
	z->flush = FULL_FLUSH;
	z->end_of_stream = last;
	/* ISA-L does not write through next_in; its type has no const. */
	z->next_in = (uint8_t *)(uintptr_t)in;
	z->avail_in = (uint32_t)n;
	z->next_out = out;
	z->avail_out = (uint32_t)cap;
	rc = isal_deflate(z);
	complete = z->internal_state.state == (last ? ZSTATE_END : ZSTATE_NEW_HDR);
	if (rc != COMP_OK || z->avail_in != 0 || !complete)
		return gf_fail(err, GF_FAILED, "compress", NULL, "ISA-L gave error %d for a block of %zu bytes", rc, n);
	*out_n = z->total_out;
	return true;
}

void gf_deflater_free(gf_deflater *d)
{
	free(d);
}

/* The version of ISA-L's header: 2.30 has no call that tells the library's. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define NAME "isal " TEXT(ISAL_MAJOR_VERSION) "." TEXT(ISAL_MINOR_VERSION) " gzip " TEXT(LEVEL) " "

const char *gf_gzip_name(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("sse4.2") ? NAME "x86-64" : NAME "x86-64-base";
#elif defined(__aarch64__)
	return NAME "arm64";
#else
	return NAME "portable";
#endif
}
