#include "base/sys.h"

#ifdef GF_TEST_FAULTS

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char plan[128]; /* the variable's value that count belongs to */
static unsigned long count;

static int errno_of(const char *text)
{
	static const struct {
		const char *name;
		int value;
	} table[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EINTR", EINTR },
		{ "EACCES", EACCES }, { "EROFS", EROFS }, { "ENOENT", ENOENT }, { "EEXIST", EEXIST },
		{ "EXDEV", EXDEV }, { "EMFILE", EMFILE }, { "EOPNOTSUPP", EOPNOTSUPP }, { "EISDIR", EISDIR },
		{ "EINVAL", EINVAL }, { "EPIPE", EPIPE } };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(text, table[i].name) == 0)
			return table[i].value;
	return atoi(text) > 0 ? atoi(text) : EIO;
}

/* Is this the call that shall fail?  Sets errno. */
static bool fails(const char *call)
{
	const char *value = getenv("GAPFERRY_FAIL");
	size_t n = strlen(call);
	bool now = false;
	int with = EIO;

	if (value == NULL || strlen(value) >= sizeof plan)
		return false;
	pthread_mutex_lock(&lock);
	if (strcmp(plan, value) != 0) {
		strcpy(plan, value);
		count = 0;
	}
	if (strncmp(plan, call, n) == 0 && plan[n] == ':') {
		char *end;
		unsigned long wanted = strtoul(plan + n + 1, &end, 10);

		now = ++count == wanted;
		if (*end == ':')
			with = errno_of(end + 1);
	}
	pthread_mutex_unlock(&lock);
	if (now)
		errno = with;
	return now;
}

ssize_t gf_sys_read(int fd, void *buf, size_t n)
{
	return fails("read") ? -1 : read(fd, buf, n);
}

ssize_t gf_sys_pread(int fd, void *buf, size_t n, off_t offset)
{
	return fails("pread") ? -1 : pread(fd, buf, n, offset);
}

ssize_t gf_sys_write(int fd, const void *buf, size_t n)
{
	return fails("write") ? -1 : write(fd, buf, n);
}

ssize_t gf_sys_pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	return fails("pwrite") ? -1 : pwrite(fd, buf, n, offset);
}

int gf_sys_fsync(int fd)
{
	return fails("fsync") ? -1 : fsync(fd);
}

int gf_sys_openat(int dir, const char *path, int flags, mode_t mode)
{
	return fails("open") ? -1 : openat(dir, path, flags, mode);
}

int gf_sys_mkdirat(int dir, const char *path, mode_t mode)
{
	return fails("mkdir") ? -1 : mkdirat(dir, path, mode);
}

int gf_sys_renameat(int old_dir, const char *old_path, int new_dir, const char *new_path)
{
	return fails("rename") ? -1 : renameat(old_dir, old_path, new_dir, new_path);
}

int gf_sys_linkat(int old_dir, const char *old_path, int new_dir, const char *new_path, int flags)
{
	return fails("link") ? -1 : linkat(old_dir, old_path, new_dir, new_path, flags);
}

#endif
