/* receipt: what a site says of a run (FORMAT.md 6). */
#ifndef GF_VERIFY_RECEIPT_H
#define GF_VERIFY_RECEIPT_H

#include "verify/policy.h"
#include "verify/statement.h"

/* *done: receipts among these files say that the manifest was loaded whole in that environment, signed by the threshold
 * of role receipt:ENVIRONMENT.  A file that is none, or that nobody of the role signed, changes nothing. */
bool gf_receipt_complete(const gf_policy *p, const char *environment, const gf_digest *manifest, gf_time now,
    const gf_member *files, size_t n, bool *done, gf_error *err);

#endif
