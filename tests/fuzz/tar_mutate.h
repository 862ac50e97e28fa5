/*
 * Tars that stay tars when they are mutated: one member's bytes or one header changes, members come, go and change places,
 * and checksums are made right again.  Where the SHA-256 of a member stood, in another or in a name, its new one stands,
 * and so on up to META/manifest.json: what a signer of such a bundle would do.  One time in eight, and where there is no
 * tar, the bytes are changed as they lie.
 */
#ifndef GF_TESTS_FUZZ_TAR_MUTATE_H
#define GF_TESTS_FUZZ_TAR_MUTATE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tests/fuzz/json_mutate.h"

#define TAR_BLOCK 512
#define TAR_MEMBERS 64
#define TAR_PASSES 8
#define TAR_ROOM 256 /* what a member may grow by at once */
#define TAR_HEX (GF_HEX_SIZE - 1)

typedef struct tar_member {
	uint8_t *head; /* a block, and the bytes behind it */
	size_t size;
	char hex[GF_HEX_SIZE]; /* of the bytes, as others know it */
} tar_member;

typedef struct tar {
	tar_member m[TAR_MEMBERS];
	size_t n, tail_n;
	const uint8_t *tail;
} tar;

static inline size_t tar_blocks(size_t n)
{
	return (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

static inline void tar_digest(const tar_member *m, char hex[GF_HEX_SIZE])
{
	gf_digest d;
	gf_error err;

	if (!gf_hash_bytes(m->head + TAR_BLOCK, m->size, &d, &err))
		abort();
	gf_digest_hex(&d, hex);
}

static inline tar_member tar_copy(const uint8_t *head, size_t size)
{
	tar_member m = { .head = calloc(1, TAR_BLOCK + size + TAR_ROOM), .size = size };

	if (m.head == NULL)
		abort();
	memcpy(m.head, head, TAR_BLOCK + size);
	tar_digest(&m, m.hex);
	return m;
}

/* The zeros of META/padding are left out of the corpora. */
static inline bool tar_is_padding(const uint8_t *head)
{
	return memcmp(head, "META/padding", sizeof "META/padding") == 0;
}

static inline void tar_read(tar *t, const uint8_t *data, size_t size)
{
	size_t at = 0;

	t->n = 0;
	while (size - at >= TAR_BLOCK && data[at] != 0 && t->n < TAR_MEMBERS - 1) {
		char field[13] = "";
		size_t n;

		memcpy(field, data + at + 124, 12);
		n = tar_is_padding(data + at) ? 0 : strtoul(field, NULL, 8);
		if (n > size - at - TAR_BLOCK)
			break;
		t->m[t->n++] = tar_copy(data + at, n);
		at += TAR_BLOCK + tar_blocks(n);
		at = at < size ? at : size;
	}
	t->tail = data + at;
	t->tail_n = size - at;
}

/* Sizes that others know stay right where the new bytes are as many; JSON does not mind spaces. */
static inline void tar_change_bytes(tar_member *m, bool same_size, unsigned how)
{
	uint8_t *bytes = m->head + TAR_BLOCK;
	size_t was = m->size;
	char field[13];

	m->size = json_mutate(bytes, was, was + (same_size ? 0 : TAR_ROOM), how);
	if (same_size && m->size < was) {
		memset(bytes + m->size, ' ', was - m->size);
		m->size = was;
	}
	if (m->size != was) {
		snprintf(field, sizeof field, "%011o", (unsigned)m->size);
		memcpy(m->head + 124, field, 12);
	}
}

static inline void tar_change(tar *t, unsigned how)
{
	size_t i = how / 16 % t->n, k = how / 1024 % t->n;
	tar_member m = t->m[i];

	switch (how % 16) {
	case 0:
		free(m.head);
		memmove(t->m + i, t->m + i + 1, (--t->n - i) * sizeof m);
		break;
	case 1:
		memmove(t->m + k + 1, t->m + k, (t->n++ - k) * sizeof m);
		t->m[k] = tar_copy(m.head, m.size);
		break;
	case 2:
		t->m[i] = t->m[k];
		t->m[k] = m;
		break;
	case 3: (void)LLVMFuzzerMutate(m.head, TAR_BLOCK, TAR_BLOCK); break;
	default:
		/* In a bundle the first is what all the others are compared with. */
		i = how % 16 < 8 ? 0 : i;
		if (t->m[i].size > 0)
			tar_change_bytes(&t->m[i], how / 1024 % 4 != 0, how * 2654435761U);
	}
}

static inline void tar_put_hex(tar *t, const char *was, const char *is)
{
	for (size_t i = 0; i < t->n; i++)
		for (uint8_t *c = t->m[i].head, *end = c + TAR_BLOCK + t->m[i].size; end - c >= TAR_HEX; c++)
			if (*c == (uint8_t)was[0] && memcmp(c, was, TAR_HEX) == 0)
				memcpy(c, is, TAR_HEX);
}

static inline void tar_mend(tar *t)
{
	char hex[GF_HEX_SIZE], was[GF_HEX_SIZE], field[8];
	bool changed = true;

	for (size_t pass = 0; changed && pass < TAR_PASSES; pass++) {
		changed = false;
		for (size_t i = 0; i < t->n; i++) {
			tar_digest(&t->m[i], hex);
			if (memcmp(hex, t->m[i].hex, TAR_HEX) == 0)
				continue;
			memcpy(was, t->m[i].hex, sizeof was);
			memcpy(t->m[i].hex, hex, sizeof hex);
			tar_put_hex(t, was, hex);
			changed = true;
		}
	}
	for (size_t i = 0; i < t->n; i++) {
		unsigned sum = 0;

		memset(t->m[i].head + 148, ' ', 8);
		for (size_t k = 0; k < TAR_BLOCK; k++)
			sum += t->m[i].head[k];
		snprintf(field, sizeof field, "%06o", sum);
		memcpy(t->m[i].head + 148, field, 7);
	}
}

static inline size_t tar_write(const tar *t, uint8_t *data, size_t max)
{
	uint8_t *out = calloc(1, max);
	size_t at = 0, n;

	if (out == NULL)
		abort();
	for (size_t i = 0; i < t->n && max - at >= TAR_BLOCK + tar_blocks(t->m[i].size); i++) {
		memcpy(out + at, t->m[i].head, TAR_BLOCK + t->m[i].size);
		at += TAR_BLOCK + tar_blocks(t->m[i].size);
	}
	n = t->tail_n < max - at ? t->tail_n : max - at;
	memcpy(out + at, t->tail, n);
	memcpy(data, out, at + n);
	free(out);
	return at + n;
}

static inline size_t tar_mutate(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	tar t;

	if (seed % 8 != 0) {
		tar_read(&t, data, size);
		if (t.n > 1) {
			tar_change(&t, seed / 8);
			tar_mend(&t);
			size = tar_write(&t, data, max);
		} else {
			size = LLVMFuzzerMutate(data, size, max);
		}
		for (size_t i = 0; i < t.n; i++)
			free(t.m[i].head);
		return size;
	}
	return LLVMFuzzerMutate(data, size, max);
}

#endif
