/* store: what graph.c sees of it. */
#ifndef GF_BUNDLES_STORE_H
#define GF_BUNDLES_STORE_H

#include "bundles/bundles.h"

size_t gf_store_count(const gf_store *s);
const gf_digest *gf_store_digest(const gf_store *s, size_t i); /* in the order they were added */

#endif
