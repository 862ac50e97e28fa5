/*
 * mutate: a way to change inputs that knows their form, for the fuzz targets that name one: GF_MUTATOR(json_mutate);
 * Where libFuzzer is not, replay's build, there is none.
 */
#ifndef GF_TESTS_FUZZ_MUTATE_H
#define GF_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* Where the first byte chooses what the rest is tried with, and of the rest any change is one too many: now and then
 * another choice alone. */
static inline size_t choice_mutate(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	if (size == 0 || seed % 16 != 0)
		return LLVMFuzzerMutate(data, size, max);
	data[0] = (uint8_t)(seed / 16);
	return size;
}

#define GF_MUTATOR(f)                                                                                                  \
	size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)                          \
	{                                                                                                              \
		return f(data, size, max, seed);                                                                       \
	}                                                                                                              \
	_Static_assert(1, "")
#else
#define GF_MUTATOR(f) _Static_assert(1, "")
#endif

#endif
