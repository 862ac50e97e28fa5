/* signers: whose signatures over the statement fit.  Private to verify/. */
#ifndef GF_VERIFY_SIGNERS_H
#define GF_VERIFY_SIGNERS_H

#include "verify/verify.h"

/* Step 3: fills the signers of the verdict and its check "signature".  False: refused. */
bool gf_signers_judge(const gf_reader *r, const gf_judge *j, gf_verdict *v, gf_error *err);

/* No signers are known. */
void gf_signers_forget(gf_verdict *v);

/* Add to text in an array of cap bytes; what has no room is cut. */
void gf_text_append(char *text, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
