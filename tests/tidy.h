/*
 * tidy: for clang-tidy alone (tests/check.sh), which sees one file at a time and cannot
 * know what base/error.h promises: that these return false, and that an array that has grown is there.
 */
#define _GNU_SOURCE
#include "base/error.h"

#define gf_fail(...) (gf_fail(__VA_ARGS__), false)
#define gf_fail_errno(...) (gf_fail_errno(__VA_ARGS__), false)
#define gf_because(...) (gf_because(__VA_ARGS__), false)
#define gf_no_memory(err) (gf_no_memory(err), false)
#define gf_grow(items, ...) (gf_grow(items, __VA_ARGS__) && *(items) != (void *)0)
