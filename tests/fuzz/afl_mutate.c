/* Tars that stay tars (tar_mutate.h), for AFL++ (its docs/custom_mutators.md) beside its own ways. */
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/tar_mutate.h"

#define ROOM 4096 /* what an input may grow by */

void *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_fuzz(
    void *own, uint8_t *data, size_t size, uint8_t **out, uint8_t *other, size_t other_size, size_t max);
void afl_custom_deinit(void *own);

static uint64_t state;

static unsigned next_random(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 32);
}

/* libFuzzer's is in libFuzzer: some bytes are changed, go, or come. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	size_t at = size > 0 ? next_random() % size : 0, n = 1 + next_random() % 8;

	switch (next_random() % 4) {
	case 0:
		if (size > at + n) {
			memmove(data + at, data + at + n, size - at - n);
			return size - n;
		}
		break;
	case 1:
		if (size + n <= max) {
			memmove(data + at + n, data + at, size - at);
			memset(data + at, (int)next_random(), n);
			return size + n;
		}
		break;
	case 2:
		if (size > 0)
			data[at] ^= (uint8_t)(1U << next_random() % 8);
		return size;
	}
	if (size > 0)
		data[at] = (uint8_t)next_random();
	return size;
}

void *afl_custom_init(void *afl, unsigned seed)
{
	(void)afl;
	state = seed;
	return calloc(1, sizeof(uint8_t *));
}

size_t afl_custom_fuzz(
    void *own, uint8_t *data, size_t size, uint8_t **out, uint8_t *other, size_t other_size, size_t max)
{
	uint8_t **room = own;
	size_t n = size;

	(void)other;
	(void)other_size;
	free(*room);
	*room = *out = malloc(size + ROOM);
	if (*out == NULL)
		abort();
	memcpy(*out, data, size);
	for (unsigned i = next_random() % 4 + 1; i > 0; i--)
		n = tar_mutate(*out, n, size + ROOM < max ? size + ROOM : max, next_random());
	return n;
}

void afl_custom_deinit(void *own)
{
	free(*(uint8_t **)own);
	free(own);
}
