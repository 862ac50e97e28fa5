/* record: what a finished run tells others: the lock file, and the hooks. */
#ifndef GF_UNPACK_RECORD_H
#define GF_UNPACK_RECORD_H

#include "unpack/target.h"

/*
 * One JSON document: run, environment, stream, epoch, sequence, version, manifest, build, and of every name
 * image by image: name, packed, target, digest (of the manifest or index), imageId, shown (what the target
 * shows under the name), and before, where it moved.  The same bytes for the same run of the same bundle.
 */
bool gf_record_print(const gf_targets *s, const gf_job *job, const char *run, gf_buf *out, gf_error *err);

/* lockfile.c: written durably, whole. */
bool gf_lockfile_write(const char *path, const gf_buf *text, gf_error *err);

/*
 * notify.c: every hook of the environment, in order, the document on stdin, and GAPFERRY_RUN, _ENVIRONMENT,
 * _STREAM, _EPOCH, _SEQUENCE, _VERSION, _MANIFEST in its environment (those that exist).  All are run; the first
 * failure is returned (GF_FAILED "notify").
 *
 * At least once: a run that is repeated runs them again.  GAPFERRY_RUN is then the same, since it stands for
 * manifest and environment: a receiver drops what has the id of the last one that it acted on (not of any it ever saw,
 * for a release may come back after another).
 */
bool gf_notify(const gf_environment *e, const gf_manifest *m, const gf_digest *manifest, const char *run,
    const gf_buf *text, gf_events *events, gf_error *err);

#endif
