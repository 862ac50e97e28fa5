/* records: manifests that were accepted and trust files that were installed, each with the signatures that counted
 * (FORMAT.md 6).  Private to verify/. */
#ifndef GF_VERIFY_RECORDS_H
#define GF_VERIFY_RECORDS_H

#include "verify/verify.h"

/* On the disk when this returns.  Signatures are named manifest.json.<16 hex>.<ext>. */
bool gf_records_keep(const char *state_dir, const gf_digest *manifest, const gf_buf *statement,
    const gf_member *signatures, size_t n, gf_error *err);
/* The manifest that was kept, with the digest it lies under; NULL: it is not there, or is another. */
gf_manifest *gf_records_manifest(const char *state_dir, const gf_digest *manifest, gf_buf *text, gf_error *err);
/* Every signature beside it; the caller frees them. */
bool gf_records_signatures(
    const char *state_dir, const gf_digest *manifest, gf_member **list, size_t *n, gf_error *err);
/* The signed `created` of a manifest that was kept. */
bool gf_records_created(const char *state_dir, const gf_digest *manifest, gf_time *created, gf_error *err);

/* records/trust-<version>.json and its signatures, which are named file->name.<16 hex>.<ext>. */
bool gf_records_keep_trust(const char *state_dir, uint64_t version, const gf_member *file, const gf_member *signatures,
    size_t n, gf_error *err);
/* The trust file of that version, with the digest that the log has. */
gf_policy *gf_records_trust(const char *state_dir, uint64_t version, const gf_digest *digest, gf_error *err);

/* A statement about that manifest and its signatures (file->name.<16 hex>.<ext>), under the name TYPE-<16 hex of its digest>.json.
 * *new: it was not there before. */
bool gf_records_keep_statement(const char *state_dir, const gf_digest *manifest, const char *type,
    const gf_member *file, const gf_member *signatures, size_t n, bool *new, gf_error *err);
/* Every file in records/<manifest> but the manifest and its signatures; the caller frees them.  None: *n is 0. */
bool gf_records_statements(
    const char *state_dir, const gf_digest *manifest, gf_member **list, size_t *n, gf_error *err);

#endif
