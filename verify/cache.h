/*
 * cache: what is known of the log up to a line, in memory and as state.json (FORMAT.md 6.6), so that a log of years is
 * not read again for each bundle.  It is never believed for itself: it counts where it fits the log, and is made anew
 * from the log where not.  Private to verify/.
 */
#ifndef GF_VERIFY_CACHE_H
#define GF_VERIFY_CACHE_H

#include "verify/floors.h"
#include "verify/merkle.h"

typedef struct gf_cache {
	uint64_t offset;     /* behind the LF of the last line; 0: no line */
	uint64_t last;       /* where the last line begins */
	gf_digest last_leaf; /* its leaf */
	gf_merkle tree;      /* one leaf a line */
	gf_floors floors;
} gf_cache;

void gf_cache_clear(gf_cache *c);
/* The next line, which is n bytes without its LF; wrong: an error that says why, and c is as it was. */
bool gf_cache_take(gf_cache *c, gf_hash *h, const char *line, size_t n, gf_error *err);
/* The same, its entry read and its leaf made by the caller. */
bool gf_cache_add(gf_cache *c, gf_hash *h, const gf_entry *e, const gf_digest *leaf, size_t n, gf_error *err);

/* The same bytes for the same log. */
bool gf_cache_print(const gf_cache *c, gf_buf *out, gf_error *err);
/* c is zeroed or cleared before.  GF_FAILED "cache": torn, or made by another version; it says nothing. */
bool gf_cache_parse(const void *bytes, size_t n, gf_cache *c, gf_error *err);

#endif
