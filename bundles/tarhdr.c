#include <string.h>

#include "bundles/bundles.h"

/* digits octal digits, zero-padded, and a NUL. */
static void put_octal(unsigned char *field, size_t digits, uint64_t value)
{
	for (size_t i = digits; i-- > 0; value >>= 3)
		field[i] = (unsigned char)('0' + (value & 7));
	field[digits] = '\0';
}

/* Below 8 GiB octal, from there GNU base-256: 0x80 and 11 bytes big-endian (FORMAT.md 1). */
static void put_size(unsigned char field[12], uint64_t size)
{
	if (size < (uint64_t)1 << 33) {
		put_octal(field, 11, size);
		return;
	}
	memset(field, 0, 12);
	field[0] = 0x80;
	for (size_t i = 12; i-- > 4; size >>= 8)
		field[i] = (unsigned char)(size & 0xff);
}

void gf_tar_header(const char *name, uint64_t size, gf_time mtime, unsigned char out[512])
{
	unsigned sum = 0;
	size_t n = strlen(name);

	memset(out, 0, GF_TAR_BLOCK);
	memcpy(out, name, n < 100 ? n : 100);
	memcpy(out + 100, "0000644", 8);
	memcpy(out + 108, "0000000", 8);
	memcpy(out + 116, "0000000", 8);
	put_size(out + 124, size);
	put_octal(out + 136, 11, (uint64_t)mtime);
	memset(out + 148, ' ', 8);
	out[156] = '0';
	memcpy(out + 257, "ustar\00000", 8);
	memcpy(out + 329, "0000000", 8);
	memcpy(out + 337, "0000000", 8);
	for (size_t i = 0; i < GF_TAR_BLOCK; i++)
		sum += out[i];
	put_octal(out + 148, 6, sum);
	out[155] = ' ';
}

uint64_t gf_tar_round(uint64_t size)
{
	return (size + GF_TAR_BLOCK - 1) / GF_TAR_BLOCK * GF_TAR_BLOCK;
}

uint64_t gf_tar_padding(uint64_t offset)
{
	return (GF_TAR_ALIGN - (offset + GF_TAR_BLOCK) % GF_TAR_ALIGN) % GF_TAR_ALIGN;
}
