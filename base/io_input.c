/* Inputs: the plain ones and those that check what passes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"

ptrdiff_t gf_input_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	return in->ops->read(in, buf, cap, err);
}

/* object "": the caller knows what it is. */
static bool cut_short(const char *object, uint64_t missing, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "cut-short", object, "%s%s%s ends %llu bytes too early",
	    *object != '\0' ? "'" : "the data", object, *object != '\0' ? "'" : "", (unsigned long long)missing);
}

bool gf_input_read_full(gf_input *in, void *buf, size_t n, gf_error *err)
{
	char *p = buf;

	while (n > 0) {
		ptrdiff_t got = gf_input_read(in, p, n, err);

		if (got <= 0)
			return got == 0 ? cut_short("", n, err) : false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool read_and_drop(gf_input *in, uint64_t n, gf_error *err)
{
	char *buf = n > 0 ? gf_alloc(1, 64 * GF_KIB, err) : NULL;
	bool ok = n == 0 || buf != NULL;

	while (ok && n > 0) {
		ptrdiff_t got = gf_input_read(in, buf, n < 64 * GF_KIB ? (size_t)n : 64 * GF_KIB, err);

		ok = got > 0 || (got == 0 ? cut_short("", n, err) : false);
		if (ok)
			n -= (uint64_t)got;
	}
	free(buf);
	return ok;
}

bool gf_input_skip(gf_input *in, uint64_t n, gf_error *err)
{
	return in->ops->skip != NULL ? in->ops->skip(in, n, err) : read_and_drop(in, n, err);
}

void gf_input_close(gf_input *in)
{
	if (in != NULL)
		in->ops->close(in);
}

/* ---- a descriptor, from where it stands ---- */

typedef struct file_input {
	gf_input in;
	char *name;
	int fd;
	bool close_fd, regular;
} file_input;

static ptrdiff_t file_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	file_input *f = (file_input *)in;
	ssize_t got;

	do
		got = read(f->fd, buf, cap < PTRDIFF_MAX ? cap : PTRDIFF_MAX);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		gf_fail_errno(err, GF_FAILED, "read", f->name, "reading '%s'", f->name);
	return got;
}

static bool file_skip(gf_input *in, uint64_t n, gf_error *err)
{
	file_input *f = (file_input *)in;
	off_t at = f->regular ? lseek(f->fd, 0, SEEK_CUR) : -1;
	struct stat st;

	if (at < 0)
		return read_and_drop(in, n, err);
	if (fstat(f->fd, &st) != 0)
		return gf_fail_errno(err, GF_FAILED, "read", f->name, "reading '%s'", f->name);
	if (st.st_size < at || n > (uint64_t)(st.st_size - at))
		return cut_short(f->name, n - (st.st_size < at ? 0 : (uint64_t)(st.st_size - at)), err);
	return lseek(f->fd, (off_t)n, SEEK_CUR) >= 0 ||
	    gf_fail_errno(err, GF_FAILED, "read", f->name, "reading '%s'", f->name);
}

static void file_close(gf_input *in)
{
	file_input *f = (file_input *)in;

	if (f->close_fd)
		(void)close(f->fd);
	free(f->name);
	free(f);
}

gf_input *gf_input_file(int fd, bool close_fd, const char *name, gf_error *err)
{
	static const gf_input_ops ops = { file_read, file_skip, file_close };
	file_input *f = gf_alloc(1, sizeof *f, err);
	struct stat st;

	if (f != NULL)
		f->name = gf_strdup(name, err);
	if (f == NULL || f->name == NULL) {
		free(f);
		if (close_fd)
			(void)close(fd);
		return NULL;
	}
	f->in.ops = &ops;
	f->fd = fd;
	f->close_fd = close_fd;
	f->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	return &f->in;
}

/* ---- a range of a file ---- */

typedef struct range_input {
	gf_input in;
	char *name;
	int fd;
	uint64_t at, left;
} range_input;

static ptrdiff_t range_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	range_input *r = (range_input *)in;
	ssize_t got;

	if (cap > r->left)
		cap = (size_t)r->left;
	if (cap == 0)
		return 0;
	do
		got = pread(r->fd, buf, cap, (off_t)r->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		gf_fail_errno(err, GF_FAILED, "read", r->name, "reading '%s'", r->name);
	if (got == 0) {
		gf_fail(err, GF_DAMAGED, "cut-short", r->name, "'%s' ends at byte %llu, expected %llu more", r->name,
		    (unsigned long long)r->at, (unsigned long long)r->left);
		got = -1;
	}
	if (got > 0) {
		r->at += (uint64_t)got;
		r->left -= (uint64_t)got;
	}
	return got;
}

static bool range_skip(gf_input *in, uint64_t n, gf_error *err)
{
	range_input *r = (range_input *)in;
	char last;

	if (n == 0)
		return true;
	if (n > r->left)
		return cut_short(r->name, n - r->left, err);
	/* That the bytes are there shows in the last of them. */
	r->at += n - 1;
	r->left -= n - 1;
	return range_read(in, &last, 1, err) == 1;
}

static void range_close(gf_input *in)
{
	range_input *r = (range_input *)in;

	free(r->name);
	free(r);
}

gf_input *gf_input_range(int fd, uint64_t offset, uint64_t size, const char *name, gf_error *err)
{
	static const gf_input_ops ops = { range_read, range_skip, range_close };
	range_input *r;

	if (offset > INT64_MAX || size > INT64_MAX - offset) {
		gf_fail(err, GF_DAMAGED, "cut-short", name, "'%s' cannot have a byte %llu + %llu", name,
		    (unsigned long long)offset, (unsigned long long)size);
		return NULL;
	}
	r = gf_alloc(1, sizeof *r, err);
	if (r != NULL)
		r->name = gf_strdup(name, err);
	if (r == NULL || r->name == NULL) {
		free(r);
		return NULL;
	}
	r->in.ops = &ops;
	r->fd = fd;
	r->at = offset;
	r->left = size;
	return &r->in;
}

/* ---- memory ---- */

typedef struct memory_input {
	gf_input in;
	const char *bytes;
	size_t left;
} memory_input;

static ptrdiff_t memory_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	memory_input *m = (memory_input *)in;

	(void)err;
	if (cap > m->left)
		cap = m->left;
	if (cap > 0) {
		memcpy(buf, m->bytes, cap);
		m->bytes += cap;
		m->left -= cap;
	}
	return (ptrdiff_t)cap;
}

static bool memory_skip(gf_input *in, uint64_t n, gf_error *err)
{
	memory_input *m = (memory_input *)in;

	if (n > m->left)
		return cut_short("", n - m->left, err);
	if (n > 0)
		m->bytes += n;
	m->left -= (size_t)n;
	return true;
}

static void memory_close(gf_input *in)
{
	free(in);
}

gf_input *gf_input_memory(const void *bytes, size_t n, gf_error *err)
{
	static const gf_input_ops ops = { memory_read, memory_skip, memory_close };
	memory_input *m = gf_alloc(1, sizeof *m, err);

	if (m == NULL)
		return NULL;
	m->in.ops = &ops;
	m->bytes = bytes;
	m->left = n;
	return &m->in;
}
