/*
 * alloc.c: an LD_PRELOAD library that makes the n-th allocation of a run fail, once (tests/faults/alloc.py).
 *
 * GF_ALLOC_FILE names a file of sizeof(struct report) bytes, mapped shared: fork hands the counts on, into processes
 * that may open nothing.  GF_ALLOC_FAIL is parent:N or child:N; child counts what all forked processes allocate.
 * What libraries allocate at their start counts.  With parent:0 none fails, and the way of calls to each is noted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

enum { PARENT, CHILD, WAYS = 1 << 16 };

static struct report {
	atomic_ulong count[2]; /* by role */
	atomic_ulong fired;
	char where[4096 - 3 * sizeof(unsigned long)]; /* of the failure: OBJECT OFFSET, a line for each frame */
	unsigned long way[2][WAYS]; /* of each allocation, by role: a hash of the calls that led to it */
} * report;
static pid_t parent;
static int wanted_role;
static unsigned long wanted;
static _Thread_local bool inside;

static void start(void)
{
	const char *file = getenv("GF_ALLOC_FILE");
	const char *fail = getenv("GF_ALLOC_FAIL");
	int fd;

	parent = getpid();
	if (file == NULL || (fd = open(file, O_RDWR | O_CLOEXEC)) < 0)
		return;
	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (report == MAP_FAILED) {
		report = NULL;
		return;
	}
	if (fail != NULL && strchr(fail, ':') != NULL) {
		wanted_role = *fail == 'c' ? CHILD : PARENT;
		wanted = strtoul(strchr(fail, ':') + 1, NULL, 10);
	}
}

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *end)
{
	const char *limit = report->where + sizeof report->where - 1;
	char **at = end;
	Dl_info info;
	void *pc = (void *)(_Unwind_GetIP(context) - 1);

	if (dladdr(pc, &info) == 0 || info.dli_fname == NULL)
		return _URC_NO_REASON;
	int n = snprintf(
	    *at, (size_t)(limit - *at), "%s %#zx\n", info.dli_fname, (size_t)((char *)pc - (char *)info.dli_fbase));
	if (n < 0 || n >= limit - *at)
		return _URC_END_OF_STACK;
	*at += n;
	return _URC_NO_REASON;
}

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *way)
{
	unsigned long *hash = way;

	*hash = (*hash ^ _Unwind_GetIP(context)) * 0x100000001b3;
	return _URC_NO_REASON;
}

/* Is this the allocation that shall fail?  Sets errno. */
static bool fails(void)
{
	unsigned long n;
	int role;
	bool now = false;

	if (inside)
		return false;
	inside = true;
	if (parent == 0)
		start();
	role = getpid() == parent ? PARENT : CHILD;
	n = report == NULL ? 0 : atomic_fetch_add(&report->count[role], 1) + 1;
	now = n > 0 && n == wanted && role == wanted_role;
	if (n > 0 && wanted == 0 && n <= WAYS)
		_Unwind_Backtrace(step, &report->way[role][n - 1]);
	if (now) {
		char *at = report->where;

		report->fired = 1;
		_Unwind_Backtrace(frame, &at);
		errno = ENOMEM;
	}
	inside = false;
	return now;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
	return fails() ? NULL : __libc_realloc(old, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return fails() ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
	void *new = fails() ? NULL : __libc_memalign(alignment, n);

	if (new == NULL)
		return ENOMEM;
	*p = new;
	return 0;
}
