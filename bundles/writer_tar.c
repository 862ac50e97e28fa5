/*
 * A tar, written once: layers behind room kept for the front, then the front (FORMAT.md 1, "One write").
 */
#define _GNU_SOURCE /* fallocate, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundles/names.h"
#include "bundles/writer.h"

#define STEP ((size_t)1 << 20)

typedef struct tar {
	gf_writer base;
	gf_tmpfile *file; /* NULL: to stdout */
	int fd;           /* the file's, or the spool's */
	uint64_t first;   /* where the layers begin */
	uint64_t end;     /* behind the last place; under base.lock */
} tar;

/* ---- places ---- */

static bool tar_place(gf_writer *w, gf_place *p, gf_error *err)
{
	tar *t = (tar *)w;

	if (t->end > GF_BLOB_MAX)
		return gf_fail(err, GF_DAMAGED, "too-large", w->path, "the bundle would be larger than 2^53 bytes");
	p->at = t->end;
	if (p->known)
		t->end += GF_TAR_BLOCK + gf_tar_round(p->size);
	return true;
}

static bool tar_write(gf_place *p, const void *bytes, size_t n, gf_error *err)
{
	const tar *t = (const tar *)p->w;
	uint64_t at = p->at + GF_TAR_BLOCK + p->written;

	if (!gf_pwrite_all(t->fd, bytes, n, at, p->w->path, err))
		return false;
	gf_write_behind(t->fd, at, n);
	return true;
}

/* The header, and the fill: where an earlier place was dropped the file is not zero. */
static bool tar_keep(gf_place *p, const gf_digest *digest, gf_error *err)
{
	static const unsigned char zeros[GF_TAR_BLOCK];
	tar *t = (tar *)p->w;
	unsigned char header[GF_TAR_BLOCK];
	char path[GF_BLOB_PATH_SIZE];
	uint64_t fill = gf_tar_round(p->written) - p->written;

	gf_blob_path(digest, path);
	gf_tar_header(path, p->written, p->w->created, header);
	if (!p->known)
		t->end = p->at + GF_TAR_BLOCK + gf_tar_round(p->written); /* no other place is open */
	return gf_pwrite_all(t->fd, header, GF_TAR_BLOCK, p->at, p->w->path, err) &&
	    gf_pwrite_all(t->fd, zeros, (size_t)fill, p->at + GF_TAR_BLOCK + p->written, p->w->path, err);
}

static void tar_drop(gf_place *p)
{
	(void)p; /* the next place is written over it, or the end cut there */
}

/* ---- the front ---- */

typedef struct pen { /* buffers writes at pos */
	const tar *t;
	uint64_t pos;
	char *buf;
	size_t n;
} pen;

static bool flush(pen *p, gf_error *err)
{
	bool ok = gf_pwrite_all(p->t->fd, p->buf, p->n, p->pos, p->t->base.path, err);

	p->pos += p->n;
	p->n = 0;
	return ok;
}

/* n zeros when bytes is NULL. */
static bool put(pen *p, const void *bytes, uint64_t n, gf_error *err)
{
	const char *from = bytes;
	bool ok = true;

	while (n != 0 && ok) {
		size_t k = n < STEP - p->n ? (size_t)n : STEP - p->n;

		if (from != NULL) {
			memcpy(p->buf + p->n, from, k);
			from += k;
		} else {
			memset(p->buf + p->n, 0, k);
		}
		p->n += k;
		n -= k;
		ok = p->n < STEP || flush(p, err);
	}
	return ok;
}

static bool put_input(pen *p, gf_input *in, gf_error *err)
{
	ptrdiff_t n = 1;

	while (n > 0) {
		n = gf_input_read(in, p->buf + p->n, STEP - p->n, err);
		if (n > 0)
			p->n += (size_t)n;
		if (p->n == STEP && !flush(p, err))
			return false;
	}
	return n == 0;
}

static bool put_member(void *ctx, const char *name, uint64_t size, const void *bytes, gf_input *in, gf_error *err)
{
	pen *p = ctx;
	unsigned char header[GF_TAR_BLOCK];

	gf_tar_header(name, size, p->t->base.created, header);
	return put(p, header, GF_TAR_BLOCK, err) && (in != NULL ? put_input(p, in, err) : put(p, bytes, size, err)) &&
	    put(p, NULL, gf_tar_round(size) - size, err);
}

static bool put_padding(pen *p, gf_error *err)
{
	unsigned char header[GF_TAR_BLOCK];
	uint64_t size = gf_tar_padding(p->pos + p->n);

	gf_tar_header("META/padding", size, p->t->base.created, header);
	return put(p, header, GF_TAR_BLOCK, err) && put(p, NULL, size, err);
}

static bool write_front(tar *t, const gf_front *f, uint64_t size, gf_error *err)
{
	pen p = { .t = t, .buf = gf_alloc(1, STEP, err) };
	bool ok = p.buf != NULL && gf_front_each(f, put_member, &p, err) && put_padding(&p, err) && flush(&p, err);

	free(p.buf);
	return ok &&
	    (p.pos == size ||
		gf_fail(err, GF_FAILED, "internal", t->base.path, "the front has %llu bytes, %llu were computed",
		    (unsigned long long)p.pos, (unsigned long long)size));
}

/* ---- the bound was not met ---- */

static bool copy_down(tar *t, uint64_t to, gf_error *err)
{
	char *buf = gf_alloc(1, STEP, err);
	bool ok = buf != NULL;

	for (uint64_t at = t->first; at < t->end && ok; at += STEP) {
		size_t n = t->end - at < STEP ? (size_t)(t->end - at) : STEP;

		ok = gf_pread_full(t->fd, buf, n, at, t->base.path, err) &&
		    gf_pwrite_all(t->fd, buf, n, at - (t->first - to), t->base.path, err);
	}
	free(buf);
	return ok;
}

static bool copy_up(tar *t, uint64_t to, gf_error *err)
{
	char *buf = gf_alloc(1, STEP, err);
	bool ok = buf != NULL;

	for (uint64_t left = t->end - t->first; left != 0 && ok;) {
		size_t n = left < STEP ? (size_t)left : STEP;

		left -= n;
		ok = gf_pread_full(t->fd, buf, n, t->first + left, t->base.path, err) &&
		    gf_pwrite_all(t->fd, buf, n, to + left, t->base.path, err);
	}
	free(buf);
	return ok;
}

/*
 * Layers begin at to.  ext4 and XFS move them without copying; a collapse writes back what is dirty first, so
 * that is asked for by name and its time is not taken for that of the collapse (engines.md 6).
 */
static bool move_layers(tar *t, uint64_t to, gf_error *err)
{
	bool down = to < t->first;
	uint64_t by = down ? t->first - to : to - t->first;
	bool moved = t->end == t->first || by == 0;

	if (!moved && down)
		moved =
		    gf_sync(t->fd, t->base.path, err) && fallocate(t->fd, FALLOC_FL_COLLAPSE_RANGE, 0, (off_t)by) == 0;
	else if (!moved)
		moved = fallocate(t->fd, FALLOC_FL_INSERT_RANGE, 0, (off_t)by) == 0;
	if (!moved && !(down ? copy_down(t, to, err) : copy_up(t, to, err)))
		return false;
	t->end = to + (t->end - t->first);
	t->first = to;
	return true;
}

/* Zero end blocks, whatever a dropped place has left there. */
static bool set_end(const tar *t, uint64_t end, gf_error *err)
{
	return (ftruncate(t->fd, (off_t)end) == 0 && ftruncate(t->fd, (off_t)(end + 2 * GF_TAR_BLOCK)) == 0) ||
	    gf_fail_errno(err, GF_FAILED, "write", t->base.path, "setting the size of '%s'", t->base.path);
}

/* ---- commit ---- */

static bool copy_to_stdout(const tar *t, gf_error *err)
{
	gf_input *in = gf_input_range(t->fd, 0, t->base.size, t->base.path, err);
	gf_output *out = gf_output_fd(STDOUT_FILENO, "stdout", err);
	bool ok = in != NULL && out != NULL && gf_copy(in, out, err) && gf_output_finish(out, err);

	gf_input_close(in);
	gf_output_close(out);
	return ok;
}

static bool tar_commit(gf_writer *w, const gf_front *f, gf_error *err)
{
	tar *t = (tar *)w;
	uint64_t front = 0;

	if (!gf_front_size(f, &front, err) || !set_end(t, t->end, err) || !move_layers(t, front, err) ||
	    !write_front(t, f, front, err) || !set_end(t, t->end, err))
		return false;
	w->size = t->end + 2 * GF_TAR_BLOCK;
	return t->file != NULL ? gf_tmpfile_commit(t->file, err) : copy_to_stdout(t, err);
}

static void tar_close(gf_writer *w)
{
	tar *t = (tar *)w;

	if (t->file == NULL && t->fd >= 0)
		(void)close(t->fd);
	gf_tmpfile_close(t->file);
}

/* stdout cannot go back to the front: the whole bundle lies in TMPDIR first. */
static int open_spool(gf_error *err)
{
	const char *dir = getenv("TMPDIR");
	gf_buf path;
	int fd = -1;

	gf_buf_init(&path, 4096);
	if (gf_path_join(&path, dir != NULL && *dir != '\0' ? dir : "/tmp", "gapferry", err))
		fd = gf_file_spool(gf_buf_text(&path), err);
	gf_buf_clear(&path);
	return fd;
}

gf_writer *gf_writer_tar(const char *path, gf_time created, uint64_t front, gf_error *err)
{
	static const gf_writer_ops ops = { tar_place, tar_write, tar_keep, tar_drop, tar_commit, tar_close };
	tar *t = gf_alloc(1, sizeof *t, err);

	if (t == NULL)
		return NULL;
	t->fd = -1;
	t->first = t->end = (front + GF_TAR_ALIGN - 1) / GF_TAR_ALIGN * GF_TAR_ALIGN;
	if (gf_writer_init(&t->base, &ops, path, created, err)) {
		if (strcmp(path, "-") == 0) {
			t->fd = open_spool(err);
		} else {
			t->file = gf_tmpfile_open(path, 0644, err);
			t->fd = t->file != NULL ? gf_tmpfile_fd(t->file) : -1;
		}
	}
	if (t->fd < 0) {
		gf_writer_close(&t->base);
		return NULL;
	}
	return &t->base;
}
