/* pool: one loop spread over threads. */
#ifndef GF_BASE_POOL_H
#define GF_BASE_POOL_H

#include "base/error.h"

unsigned gf_cores(void); /* processors this process may run on, at least 1 */

/*
 * work(ctx, i) for i = 0 ... n-1, begun in this order, at most jobs at a time.  After the
 * first failure no further item is begun; that failure is returned.  jobs 1 runs in the
 * caller's thread.
 */
bool gf_parallel(unsigned jobs, size_t n, bool (*work)(void *ctx, size_t i, gf_error *err), void *ctx, gf_error *err);

#endif
