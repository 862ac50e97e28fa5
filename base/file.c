#define _GNU_SOURCE /* sync_file_range */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"

/* ---- whole reads and writes ---- */

bool gf_write_all(int fd, const void *bytes, size_t n, const char *name, gf_error *err)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t got = write(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gf_fail_errno(err, GF_FAILED, "write", name, "writing '%s'", name);
		p += got;
		n -= (size_t)got;
	}
	return true;
}

bool gf_pwrite_all(int fd, const void *bytes, size_t n, uint64_t offset, const char *name, gf_error *err)
{
	const char *p = bytes;

	if (offset > INT64_MAX || n > INT64_MAX - offset)
		return gf_fail(err, GF_FAILED, "write", name, "writing '%s': too large for a file", name);
	while (n > 0) {
		ssize_t got = pwrite(fd, p, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gf_fail_errno(err, GF_FAILED, "write", name, "writing '%s'", name);
		p += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

bool gf_pread_full(int fd, void *buf, size_t n, uint64_t offset, const char *name, gf_error *err)
{
	char *p = buf;

	while (n > 0) {
		ssize_t got = offset > INT64_MAX ? 0 : pread(fd, p, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gf_fail_errno(err, GF_FAILED, "read", name, "reading '%s'", name);
		if (got == 0)
			return gf_fail(err, GF_DAMAGED, "cut-short", name, "'%s' ends at byte %llu, expected %zu more",
			    name, (unsigned long long)offset, n);
		p += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

void gf_write_behind(int fd, uint64_t offset, size_t n)
{
	const uint64_t step = (uint64_t)8 << 20, from = offset / step, to = (offset + n) / step;

	if (to > from)
		(void)sync_file_range(fd, (off_t)(from * step), (off_t)((to - from) * step), SYNC_FILE_RANGE_WRITE);
}

bool gf_sync(int fd, const char *name, gf_error *err)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc != 0 && errno == EINTR);
	return rc == 0 || gf_fail_errno(err, GF_FAILED, "sync", name, "bringing '%s' to the disk", name);
}

/* ---- whole small files ---- */

static bool load(int fd, const char *name, size_t max, gf_class class, gf_buf *out, gf_error *err)
{
	size_t cap = max < out->max ? max : out->max;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return gf_fail_errno(err, GF_FAILED, "read", name, "reading '%s'", name);
	if (!S_ISREG(st.st_mode))
		return gf_fail(err, class, "not-regular", name, "'%s' is not a regular file", name);
	for (;;) {
		char probe; /* at the cap, one byte more is one too many */
		size_t step = cap - out->len;
		ssize_t got;

		if (st.st_size > 0 && out->len == 0 && (uint64_t)st.st_size < step)
			step = (size_t)st.st_size + 1; /* and the end is seen with one more read */
		else if (step > 64 * GF_KIB)
			step = 64 * GF_KIB;
		if (step > 0 && !gf_buf_reserve(out, step, err))
			return false;
		got = step > 0 ? read(fd, out->data + out->len, step) : read(fd, &probe, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gf_fail_errno(err, GF_FAILED, "read", name, "reading '%s'", name);
		if (got == 0)
			break;
		if (step == 0)
			return gf_fail(
			    err, class, "too-large", name, "'%s' is larger than the %zu bytes allowed here", name, cap);
		out->len += (size_t)got;
	}
	if (out->data != NULL)
		out->data[out->len] = '\0';
	return true;
}

/* Empties out on failure too, so that nobody takes half a file for one. */
static bool load_open(int fd, const char *name, size_t max, gf_class class, gf_buf *out, gf_error *err)
{
	bool ok;

	out->len = 0;
	if (out->data != NULL)
		out->data[0] = '\0';
	if (fd < 0 && gf_is_absent(errno))
		return gf_fail_errno(err, class, "not-found", name, "'%s' cannot be opened", name);
	if (fd < 0 && errno == ELOOP)
		return gf_fail(err, class, "not-regular", name, "'%s' is a symbolic link or goes through one", name);
	if (fd < 0 && errno == ENXIO)
		return gf_fail(err, class, "not-regular", name, "'%s' is not a regular file", name);
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "read", name, "'%s' cannot be opened", name);
	ok = load(fd, name, max, class, out, err);
	if (!ok) {
		out->len = 0;
		if (out->data != NULL)
			out->data[0] = '\0';
	}
	(void)close(fd);
	return ok;
}

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

bool gf_file_load(const char *path, size_t max, gf_class class, gf_buf *out, gf_error *err)
{
	return load_open(openat(AT_FDCWD, path, READ_FLAGS, 0), path, max, class, out, err);
}

/* Open name below dir, directory by directory; no part may be a link, empty, "." or "..". */
static int open_below(int dir, const char *name)
{
	int at = dir, next = -1;

	for (;;) {
		size_t n = strcspn(name, "/");
		bool last = name[n] == '\0';
		char part[256];

		if (n == 0 || n >= sizeof part || strncmp(name, "..", n) == 0) {
			errno = ENOENT;
			next = -1;
		} else {
			memcpy(part, name, n);
			part[n] = '\0';
			next = openat(at, part,
			    last ? READ_FLAGS | O_NOFOLLOW : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
		}
		if (at != dir) {
			int saved = errno;

			(void)close(at);
			errno = saved;
		}
		if (last || next < 0)
			return next;
		at = next;
		name += n + 1;
	}
}

bool gf_file_load_at(int dir, const char *name, size_t max, gf_class class, gf_buf *out, gf_error *err)
{
	return load_open(open_below(dir, name), name, max, class, out, err);
}

bool gf_file_store(const char *path, mode_t mode, const void *bytes, size_t n, gf_error *err)
{
	gf_tmpfile *t = gf_tmpfile_open(path, mode, err);
	bool ok = t != NULL && gf_write_all(gf_tmpfile_fd(t), bytes, n, path, err) && gf_tmpfile_commit(t, err);

	gf_tmpfile_close(t);
	return ok;
}
