/* companion: a signed file among others, and which keys of a role signed it.  Private to verify/. */
#ifndef GF_VERIFY_COMPANION_H
#define GF_VERIFY_COMPANION_H

#include "verify/verify.h"

typedef struct gf_files {
	const gf_member *list;
	size_t n;
} gf_files;

/* signed_by: one for each key of the role: it is valid at now, and its signature over the file is among these, as
 * NAME.<16 hex>.<ext>.  False: there is none. */
bool gf_files_signed(const gf_policy *p, const gf_policy_role *role, gf_time now, const gf_member *file,
    const gf_files *files, bool *signed_by);
/* take for each statement (NAME.json) among the files that a key of the role signed so.  False ends it. */
typedef bool gf_signed_take(void *ctx, const gf_member *file, const bool *signed_by, gf_error *err);
bool gf_files_each_signed(const gf_policy *p, const gf_policy_role *role, gf_time now, const gf_files *files,
    gf_signed_take *take, void *ctx, gf_error *err);
/* Distinct holders of these keys. */
size_t gf_role_holders(const gf_policy *p, const gf_policy_role *role, const bool *signed_by);

/* Under the lock, before a bundle is accepted: approvals, permits and receipts among the companions that speak of this
 * manifest, with the signatures by keys of the trust file, into records/ (kept.c).  They are more than what counted; of
 * what lies there only rejections are ever read again. */
bool gf_statements_keep(const gf_judge *j, const gf_digest *manifest, gf_error *err);

#endif
