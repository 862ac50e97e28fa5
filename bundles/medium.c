#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundles/medium.h"

typedef struct file_medium {
	gf_medium base;
	int fd;
	bool close_fd;
	char *name;
} file_medium;

static ptrdiff_t file_read(gf_medium *m, void *buf, size_t cap, gf_error *err)
{
	file_medium *f = (file_medium *)m;
	ssize_t n;

	do
		n = read(f->fd, buf, cap);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		gf_fail_errno(err, GF_FAILED, "read", f->name, "cannot read the bundle");
	return n;
}

static bool file_read_at(gf_medium *m, void *buf, size_t n, uint64_t offset, gf_error *err)
{
	const file_medium *f = (const file_medium *)m;

	return gf_pread_full(f->fd, buf, n, offset, f->name, err);
}

static void file_close(gf_medium *m)
{
	file_medium *f = (file_medium *)m;

	if (f->close_fd && f->fd >= 0)
		(void)close(f->fd);
	free(f->name);
	free(f);
}

static const gf_medium_ops seekable_ops = { file_read, file_read_at, file_close };
static const gf_medium_ops forward_ops = { file_read, NULL, file_close };

gf_medium *gf_medium_from_fd(int fd, bool close_fd, const char *name, gf_error *err)
{
	file_medium *f = gf_alloc(1, sizeof *f, err);
	struct stat st;
	bool ok = f != NULL;

	if (ok) {
		*f = (file_medium){ .base.ops = &forward_ops, .fd = -1, .name = gf_strdup(name, err) };
		f->base.name = f->name;
		ok = f->name != NULL;
	}
	if (ok && fstat(fd, &st) != 0)
		ok = gf_fail_errno(err, GF_FAILED, "read", name, "cannot look at it");
	if (ok && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !(S_ISSOCK(st.st_mode) && !close_fd))
		ok = gf_fail(err, GF_USAGE, "medium", name,
		    "a bundle is a regular file, a directory or a pipe, and this is none of them");
	if (!ok) {
		if (close_fd)
			(void)close(fd);
		if (f != NULL)
			file_close(&f->base);
		return NULL;
	}
	f->fd = fd;
	f->close_fd = close_fd;
	if (S_ISREG(st.st_mode) && close_fd) {
		f->base.ops = &seekable_ops;
		f->base.size = (uint64_t)st.st_size;
	}
	return &f->base;
}

void gf_medium_close(gf_medium *m)
{
	if (m != NULL)
		m->ops->close(m);
}

/* ---- memory ---- */

typedef struct memory_medium {
	gf_medium base;
	const unsigned char *bytes;
	size_t n, pos;
} memory_medium;

static ptrdiff_t memory_read(gf_medium *m, void *buf, size_t cap, gf_error *err)
{
	memory_medium *mem = (memory_medium *)m;
	size_t n = mem->n - mem->pos < cap ? mem->n - mem->pos : cap;

	(void)err;
	if (n != 0)
		memcpy(buf, mem->bytes + mem->pos, n);
	mem->pos += n;
	return (ptrdiff_t)n;
}

static bool memory_read_at(gf_medium *m, void *buf, size_t n, uint64_t offset, gf_error *err)
{
	const memory_medium *mem = (const memory_medium *)m;

	if (offset > mem->n || n > mem->n - offset)
		return gf_fail(err, GF_DAMAGED, "cut-short", m->name, "ends at byte %zu", mem->n);
	if (n != 0)
		memcpy(buf, mem->bytes + offset, n);
	return true;
}

static void memory_close(gf_medium *m)
{
	free(m);
}

gf_medium *gf_medium_memory(const void *bytes, size_t n, bool seekable, gf_error *err)
{
	static const gf_medium_ops seekable_memory = { memory_read, memory_read_at, memory_close };
	static const gf_medium_ops forward_memory = { memory_read, NULL, memory_close };
	memory_medium *mem = gf_alloc(1, sizeof *mem, err);

	if (mem == NULL)
		return NULL;
	*mem = (memory_medium){
		.base = { .ops = seekable ? &seekable_memory : &forward_memory, .name = "memory", .size = n },
		.bytes = bytes,
		.n = n
	};
	return &mem->base;
}

/* ---- a piece of a medium as an input ---- */

typedef struct medium_input {
	gf_input base;
	gf_medium *medium;
	uint64_t pos, left;
} medium_input;

static ptrdiff_t input_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	medium_input *mi = (medium_input *)in;
	size_t n = mi->left < cap ? (size_t)mi->left : cap;

	if (n == 0)
		return 0;
	if (!mi->medium->ops->read_at(mi->medium, buf, n, mi->pos, err))
		return -1;
	mi->pos += n;
	mi->left -= n;
	return (ptrdiff_t)n;
}

static bool input_skip(gf_input *in, uint64_t n, gf_error *err)
{
	medium_input *mi = (medium_input *)in;

	if (n > mi->left)
		return gf_fail(err, GF_DAMAGED, "cut-short", mi->medium->name, "ends before its size");
	mi->pos += n;
	mi->left -= n;
	return true;
}

static void input_close(gf_input *in)
{
	free(in);
}

gf_input *gf_medium_input(gf_medium *m, uint64_t offset, uint64_t size, gf_error *err)
{
	static const gf_input_ops ops = { input_read, input_skip, input_close };
	medium_input *mi = gf_alloc(1, sizeof *mi, err);

	if (mi == NULL)
		return NULL;
	*mi = (medium_input){ .base.ops = &ops, .medium = m, .pos = offset, .left = size };
	return &mi->base;
}
