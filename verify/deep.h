/* deep: what is inside a layer agrees with the config of its image.  Private to verify/. */
#ifndef GF_VERIFY_DEEP_H
#define GF_VERIFY_DEEP_H

#include "verify/verify.h"

/* Which blobs are layers of runnable images, and the diff IDs that configs promise for them. */
typedef struct gf_deep gf_deep;
/* Two configs that promise different things of one layer: GF_DAMAGED "diff-id". */
gf_deep *gf_deep_new(const gf_graph *g, const gf_manifest *m, gf_error *err);
void gf_deep_free(gf_deep *d);
bool gf_deep_wants(const gf_deep *d, size_t blob);

/*
 * Inflate the stored bytes of this blob, compare their digest with the diff ID ("diff-id") and their number with
 * uncompressedSize where the manifest has it ("raw-size"), and read the tar inside to its end ("layer-tar").  in stays
 * the caller's, and may not be at its end when this fails.  From any thread.
 */
bool gf_deep_layer(const gf_deep *d, size_t blob, gf_input *in, uint64_t *entries, gf_error *err);

#endif
