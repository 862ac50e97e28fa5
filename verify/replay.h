/* replay: what lines of a log come to, a batch at a time, so that all cores read JSON.  Private to verify/. */
#ifndef GF_VERIFY_REPLAY_H
#define GF_VERIFY_REPLAY_H

#include "verify/cache.h"
#include "verify/log.h"

/* A line that the cache has just taken; its number, from 1, is the size of the cache's tree. */
typedef bool gf_replay_each(void *ctx, gf_error *err);

typedef struct gf_replay {
	gf_cache *cache;
	gf_hash *hash;
	gf_replay_each *each; /* NULL: nothing more is done with a line */
	void *ctx;
	bool bad_line; /* out: the failure is that of the line behind those in the cache */
} gf_replay;

/* Every whole line behind those that the cache has.  When it fails the log stands where the cache does. */
bool gf_replay_run(gf_replay *r, gf_log *l, gf_error *err);

#endif
