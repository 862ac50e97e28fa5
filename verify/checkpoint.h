/*
 * checkpoint: how large the log was and what its root was then (c2sp.org/tlog-checkpoint): three lines, origin, size,
 * root in base64, as text or as a signed note.  Private to verify/.
 */
#ifndef GF_VERIFY_CHECKPOINT_H
#define GF_VERIFY_CHECKPOINT_H

#include "verify/verify.h"

/* The lines; others may follow and mean nothing.  GF_DAMAGED "checkpoint". */
bool gf_checkpoint_parse(const char *text, size_t n, gf_checkpoint *out, gf_error *err);
/* "gapferry/SITE", "gapferry/unnamed": the first line, and the name of the key. */
void gf_checkpoint_origin(const char *site, char out[GF_ORIGIN_SIZE]);
/* The file `checkpoint` of a state directory, its signature not looked at.  *there false: there is none. */
bool gf_checkpoint_load(const char *state_dir, bool *there, gf_checkpoint *out, gf_buf *note, gf_error *err);
bool gf_checkpoint_sign(const gf_checkpoint *c, gf_signer *signer, gf_buf *note, gf_error *err);
bool gf_checkpoint_store(const char *state_dir, const gf_buf *note, gf_error *err);

#endif
