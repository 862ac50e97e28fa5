#include <isa-l.h>
#include <stdlib.h>
#include <string.h>

#include "base/gzip.h"

#define LEVEL 1 /* 0 is no faster and 15 % larger, 2 gains 1 %, 3 halves the speed (facts/performance.md) */

/* A stored block of one byte, at a byte border (RFC 1951 section 3.2.4): not last, length 1, its complement, the byte. */
#define FIRST_SIZE 6

struct gf_deflater {
	struct isal_zstream stream;
	uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
};

size_t gf_gzip_bound(size_t n)
{
	/* Stored blocks are the worst case: 5 bytes for each 65,535; and the flush. */
	return n + 5 * (n / 65535 + 2) + FIRST_SIZE + 64;
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

/*
 * ISA-L 2.30 hashes the address of the stream where it begins without history (igzip_icf_body_h1_gr_bt.asm,
 * .write_first_byte: tmp2 is still the pointer), so that its bytes differ from run to run.  So each block begins with
 * its first byte, stored, and ISA-L goes on with that byte as history; it never comes to that place.
 */
static bool begin_block(gf_deflater *d, const unsigned char *in, unsigned char *out, gf_error *err)
{
	const unsigned char stored[FIRST_SIZE] = { 0, 1, 0, 0xfe, 0xff, in[0] };

	memcpy(out, stored, sizeof stored);
	/* Neither here nor through next_in does ISA-L write; its types have no const. */
	return isal_deflate_set_dict(&d->stream, (uint8_t *)(uintptr_t)in, 1) == COMP_OK ||
	    gf_fail(err, GF_FAILED, "compress", NULL, "ISA-L takes no history");
}

bool gf_deflater_block(
    gf_deflater *d, const void *in, size_t n, bool last, void *out, size_t cap, size_t *out_n, gf_error *err)
{
	struct isal_zstream *z = &d->stream;
	size_t first = n > 0 ? 1 : 0, front = n > 0 ? FIRST_SIZE : 0;
	int rc;

	if (cap < gf_gzip_bound(n))
		return gf_fail(err, GF_FAILED, "compress", NULL, "no room for a block of %zu bytes", n);
	isal_deflate_init(z);
	if (n > 0 && !begin_block(d, in, out, err))
		return false;
	z->level = LEVEL;
	z->level_buf = d->level_buf;
	z->level_buf_size = sizeof d->level_buf;
	z->gzip_flag = IGZIP_DEFLATE;
	z->flush = FULL_FLUSH;
	z->end_of_stream = last;
	z->next_in = (uint8_t *)(uintptr_t)in + first;
	z->avail_in = (uint32_t)(n - first);
	z->next_out = (uint8_t *)out + front;
	z->avail_out = (uint32_t)(cap - front);
	rc = isal_deflate(z);
	if (rc != COMP_OK || z->avail_in != 0 || z->avail_out == 0)
		return gf_fail(err, GF_FAILED, "compress", NULL, "ISA-L gave error %d for a block of %zu bytes", rc, n);
	*out_n = front + z->total_out;
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
