/* process: run a program without a shell, with a deadline. */
#ifndef GF_BASE_PROCESS_H
#define GF_BASE_PROCESS_H

#include "base/buf.h"

typedef struct gf_process {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up on PATH */
	const void *input;       /* given on stdin; n bytes */
	size_t input_size;
	const char *const *env_add; /* "NAME=value" added to the environment, NULL-terminated; may be NULL */
	unsigned seconds;           /* then it is killed: GF_FAILED "command-timeout" */
} gf_process;

/*
 * Its stdout goes into out (may be NULL: discarded), its stderr is ours.  Descriptors but 0-2 are
 * closed in the child.  *status is its exit status; a signal or a failed exec is GF_FAILED "command".
 */
bool gf_process_run(const gf_process *p, gf_buf *out, int *status, gf_error *err);

#endif
