#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/map.h"

void gf_map_init(gf_map *m)
{
	*m = (gf_map){ 0 };
}

void gf_map_clear(gf_map *m)
{
	free(m->slots);
	gf_map_init(m);
}

/* Multiply-shift over the digest's first eight bytes; the seed is odd and not known to who made the blobs. */
static size_t first_slot(const gf_map *m, const gf_digest *digest)
{
	uint64_t word;

	memcpy(&word, digest->bytes, sizeof word);
	word ^= m->seed >> 7;
	word *= m->seed;
	return (size_t)(word >> 32) & (m->room - 1);
}

static struct gf_map_slot *slot_of(const gf_map *m, const gf_digest *digest)
{
	size_t at = first_slot(m, digest);

	while (m->slots[at].used && gf_digest_compare(&m->slots[at].digest, digest) != 0)
		at = (at + 1) & (m->room - 1);
	return &m->slots[at];
}

/* Twice the room, at most half full. */
static bool widen(gf_map *m, gf_error *err)
{
	gf_map wide = { .room = m->room != 0 ? m->room * 2 : 64, .count = m->count, .seed = m->seed };

	if (m->room == 0 && getrandom(&wide.seed, sizeof wide.seed, GRND_NONBLOCK) != (ssize_t)sizeof wide.seed)
		wide.seed = 0x9e3779b97f4a7c15;
	wide.seed |= 1;
	wide.slots = gf_alloc(wide.room, sizeof *wide.slots, err);
	if (wide.slots == NULL)
		return false;
	for (size_t i = 0; i < m->room; i++)
		if (m->slots[i].used)
			*slot_of(&wide, &m->slots[i].digest) = m->slots[i];
	free(m->slots);
	*m = wide;
	return true;
}

bool gf_map_put(gf_map *m, const gf_digest *digest, size_t value, gf_error *err)
{
	struct gf_map_slot *slot;

	if (m->count >= m->room / 2 && !widen(m, err))
		return false;
	slot = slot_of(m, digest);
	if (!slot->used)
		m->count++;
	*slot = (struct gf_map_slot){ .digest = *digest, .value = value, .used = true };
	return true;
}

size_t gf_map_get(const gf_map *m, const gf_digest *digest)
{
	const struct gf_map_slot *slot;

	if (m->room == 0)
		return SIZE_MAX;
	slot = slot_of(m, digest);
	return slot->used ? slot->value : SIZE_MAX;
}
