/* terms: when a bundle was made and which place it has in its stream (FORMAT.md 2). */
#ifndef GF_PACK_TERMS_H
#define GF_PACK_TERMS_H

#include "pack/pack.h"

/* created, expires, stream, epoch, sequence, previous, audience, version of m. */
bool gf_terms_set(const gf_pack_options *o, gf_events *events, gf_manifest *m, gf_error *err);

/* Where unnamed files may lie: beside a file or directory that is made, for stdout in the directory for such. */
bool gf_spool_beside(const char *output, gf_buf *out, gf_error *err);

#endif
