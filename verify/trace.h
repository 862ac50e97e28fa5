/* trace: who vouches for one bundle that was kept.  Private to verify/. */
#ifndef GF_VERIFY_TRACE_H
#define GF_VERIFY_TRACE_H

#include "verify/verify.h"

/* Signers, approvals, permits and receipts of b, whose manifest is read; trust: digest of the trust file in force, NULL
 * where b->trust_version is 0.  What lies in records/ and is not as it was kept is an error. */
bool gf_trace_judge(gf_trace_bundle *b, const char *state_dir, const gf_buf *statement, const gf_trace_trust *t,
    const gf_digest *trust, gf_error *err);
void gf_trace_bundle_clear(gf_trace_bundle *b);

#endif
