/*
 * planted: a bug that is there only with GF_PLANTED_BUG and that only an input which passed all checks of the parser can
 * spring; no seed does.  tests/fuzz/run.sh wants it found: a fuzzer that stays before the first check would not.
 */
#ifndef GF_TESTS_FUZZ_PLANTED_H
#define GF_TESTS_FUZZ_PLANTED_H

#ifdef GF_PLANTED_BUG
#define GF_PLANTED(what) ((what) ? __builtin_trap() : (void)0)
#else
#define GF_PLANTED(what) ((void)(what))
#endif

#endif
