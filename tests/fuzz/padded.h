/* padded: the zeros that the header of META/padding asks for, put in behind it; *size becomes the new one.  Corpora leave
 * them out. */
#ifndef GF_TESTS_FUZZ_PADDED_H
#define GF_TESTS_FUZZ_PADDED_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PADDED_BLOCK 512
#define PADDED_MAX 65536

static inline uint8_t *padded(const uint8_t *data, size_t *size)
{
	static const char name[] = "META/padding";
	uint8_t *out = calloc(1, *size + PADDED_MAX);
	size_t at = 0, zeros;
	char field[13] = "";

	if (out == NULL)
		abort();
	while (at + PADDED_BLOCK <= *size && memcmp(data + at, name, sizeof name) != 0)
		at += PADDED_BLOCK;
	if (at + PADDED_BLOCK > *size) {
		memcpy(out, data, *size);
		return out;
	}
	at += PADDED_BLOCK;
	memcpy(field, data + at - PADDED_BLOCK + 124, 12);
	zeros = strtoul(field, NULL, 8);
	zeros = zeros <= PADDED_MAX ? zeros : 0;
	memcpy(out, data, at);
	memcpy(out + at + zeros, data + at, *size - at);
	*size += zeros;
	return out;
}

#endif
