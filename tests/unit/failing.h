/*
 * What a job does when each call that it makes of one kind fails once, in turn (tests/failing.c).  Builds with
 * GF_TEST_FAULTS, sanitized and covered, do so, and the sanitizer finds what is then left in memory; others run it once.
 */
#ifndef GF_TESTS_FAILING_H
#define GF_TESTS_FAILING_H

#include <cmocka.h>

#include "base/base.h"
#include "tests/failing.h"
#include "tests/unit/open_files.h"

#ifdef GF_TEST_FAULTS
enum { CAN_FAIL = 1 };
#else
enum { CAN_FAIL = 0 };
#define gf_call_failed() false
#endif

/* True with the result of a run without faults; else *err is set.  It compares behind faults_end. */
typedef bool failing_job(void *ctx, gf_error *err);

static inline void faults_end(void)
{
	assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
	gf_starved = false;
}

/* The calls of one kind in turn; how many faults there were.  Behind the first
 * thirty it is a sample, but for GF_LONG. */
static inline unsigned fail_kind(const char *kind, const char *with, failing_job *job, void *ctx)
{
	bool memory = strcmp(kind, "alloc") == 0, failed = true, all = getenv("GF_LONG") != NULL;
	unsigned faults = 0;

	for (unsigned n = 1; failed; n += all ? 1 : 1 + n / 30) {
		gf_error err = { .class = GF_OK };
		size_t open = count_files();
		char plan[64];
		bool ok;

		(void)snprintf(plan, sizeof plan, "%s:%u:%s", kind, n, with);
		assert_int_equal(setenv("GAPFERRY_FAIL", plan, 1), 0);
		ok = job(ctx, &err);
		faults_end();
		failed = gf_call_failed();
		if (count_files() != open)
			fail_msg("%s leaves %zu files open", plan, count_files() - open);
		if (!ok && !failed)
			fail_msg("%s, which did not come to pass: %s: %s", plan, err.name, err.text);
		if (!ok &&
		    (memory ? strcmp(err.name, "no-memory") != 0 || err.class != GF_FAILED
			    : err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0'))
			fail_msg("%s: class %d, %s: %s", plan, (int)err.class, err.name, err.text);
		/* What OpenSSL cannot take it calls malformed; the system's faults are nobody's damage and nobody's mistake. */
		if (!ok && err.class != GF_FAILED && strcmp(kind, "crypto") != 0)
			fail_msg("%s: class %d, %s: %s", plan, (int)err.class, err.name, err.text);
		faults += failed;
	}
	return faults;
}

/* Those of every kind. */
static inline void fail_all(failing_job *job, void *ctx)
{
	static const char *const kinds[][2] = { { "alloc", "ENOMEM" }, { "open", "EMFILE" }, { "read", "EIO" },
		{ "pread", "EIO" }, { "write", "ENOSPC" }, { "pwrite", "ENOSPC" }, { "fsync", "EIO" },
		{ "mkdir", "EROFS" }, { "mode", "EPERM" }, { "rename", "EACCES" }, { "rename", "ENOSYS" },
		{ "link", "EACCES" }, { "unlink", "EACCES" }, { "stat", "EIO" }, { "truncate", "EIO" },
		{ "dir", "EIO" }, { "lock", "EINTR" }, { "lock", "EIO" }, { "pipe", "EMFILE" }, { "fork", "EAGAIN" },
		{ "wait", "ECHILD" }, { "random", "EAGAIN" }, { "thread", "EAGAIN" }, { "archive", "EIO" },
		{ "compress", "EIO" }, { "crypto", "EIO" }, { "curl", "EIO" } };
	unsigned faults = 0;

	for (size_t i = 0; i < (CAN_FAIL ? sizeof kinds / sizeof *kinds : 1); i++)
		faults += fail_kind(kinds[i][0], kinds[i][1], job, ctx);
	assert_true(faults > 0 || !CAN_FAIL);
}

#endif
