/* map: from digests to places in an array.  Hashed with a number drawn for each map, so that no
 * choice of blobs makes look-ups slow. */
#ifndef GF_BASE_MAP_H
#define GF_BASE_MAP_H

#include "base/hash.h"

typedef struct gf_map {
	struct gf_map_slot {
		gf_digest digest;
		size_t value;
		bool used;
	} * slots;
	size_t room, count;
	uint64_t seed;
} gf_map;

void gf_map_init(gf_map *m);
void gf_map_clear(gf_map *m);
/* Replaces what stands there. */
bool gf_map_put(gf_map *m, const gf_digest *digest, size_t value, gf_error *err);
size_t gf_map_get(const gf_map *m, const gf_digest *digest); /* SIZE_MAX: not there */

#endif
