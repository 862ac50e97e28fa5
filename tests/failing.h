/* The n-th call of a kind fails (failing.c). */
#ifndef GF_TESTS_FAILING_CALLS_H
#define GF_TESTS_FAILING_CALLS_H

#include <stdbool.h>

/* Has the call that GAPFERRY_FAIL names been made to fail? */
bool gf_call_failed(void);

#endif
