/* log: the file of lines under the state; knows nothing of what the lines mean.  Private to verify/. */
#ifndef GF_VERIFY_LOG_H
#define GF_VERIFY_LOG_H

#include "verify/verify.h"

typedef struct gf_log gf_log;

/* write: made when absent (0600).  Not there and not write: an empty log. */
gf_log *gf_log_open(const char *path, bool write, gf_error *err);
void gf_log_close(gf_log *l);

/* Every whole line that was not handed out before, without its LF; number counts from 1.  What stands behind the last
 * LF is left alone: another process may be writing it. */
bool gf_log_read(gf_log *l, gf_log_take *take, void *ctx, gf_error *err);

/* Go on behind the first lines of the log, which end at offset, without reading them.  False: there is no line that
 * begins at last, ends there, and has this leaf. */
bool gf_log_skip(gf_log *l, gf_hash *h, uint64_t lines, uint64_t offset, uint64_t last, const gf_digest *leaf);
/* Hand out again what stands behind the first lines, which end at offset. */
void gf_log_stand(gf_log *l, uint64_t lines, uint64_t offset);
/* Bytes behind the last line handed out. */
bool gf_log_rest(const gf_log *l, uint64_t *bytes, gf_error *err);

/* Under the lock and after gf_log_read: what stands behind the last LF was torn by a crash.  It is cut off and a
 * `recovered` line with its length and digest is written (FORMAT.md 6). */
bool gf_log_mend(gf_log *l, gf_error *err);

/* Under the lock: more lines, each with its LF, on the disk when this returns. */
bool gf_log_append(gf_log *l, const gf_buf *lines, gf_error *err);

/* A record as a line without its LF.  created: of the manifest, for `accepted`; 0: none. */
bool gf_log_print(const gf_record *r, gf_time created, gf_buf *out, gf_error *err);

#endif
