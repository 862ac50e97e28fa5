/* state: what accept.c asks of it beside the public functions.  Private to verify/. */
#ifndef GF_VERIFY_STATE_H
#define GF_VERIFY_STATE_H

#include "verify/floors.h"

/* The directory that counts when none is named (gf_state_open); the caller frees it. */
char *gf_state_where(gf_error *err);
/* What the lines say, gathered (floors.h). */
const gf_floors *gf_state_floors(const gf_state *s);
/* The epoch of the first release of this stream that was ever accepted here, whatever the environment. */
bool gf_state_first_epoch(const gf_state *s, const char *stream, uint64_t *epoch);
/* The release accepted here under this number; the first one, should there be several; *is false: none. */
bool gf_state_accepted(const gf_state *s, const char *stream, uint64_t epoch, uint64_t sequence, bool *is,
    gf_digest *manifest, gf_error *err);
/* The first line of the whole log for which is(ctx, line): *manifest (may be NULL) gets its manifest. */
bool gf_state_find(const gf_state *s, bool (*is)(const void *ctx, const gf_entry *e), const void *ctx, bool *found,
    gf_digest *manifest, gf_error *err);
bool gf_state_locked(const gf_state *s);
/* The highest signed `created` among accepted bundles; 0: none. */
gf_time gf_state_newest(const gf_state *s);

/* audit.c: the file `checkpoint`, its signature checked by key, or NULL: by site.pub. */
bool gf_audit_signed(
    const gf_state *s, const gf_pubkey *key, bool *there, gf_checkpoint *out, gf_buf *note, gf_error *err);

#endif
