/* A directory: built beside its place as .NAME.XXXXXX and renamed when every file in it is on the disk. */
#define _GNU_SOURCE /* renameat2 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundles/names.h"
#include "bundles/writer.h"

typedef struct dir {
	gf_writer base;
	char *target; /* without the slash at the end */
	char *tmp;    /* NULL: not made, or renamed */
	int root, sha256;
	size_t n_places; /* under base.lock */
	uint64_t bytes;  /* of all files; under base.lock */
} dir;

#define PLACE_NAME_SIZE 32

/* A place is known by its number until its digest is known. */
static void place_name(const gf_place *p, char out[PLACE_NAME_SIZE])
{
	(void)snprintf(out, PLACE_NAME_SIZE, ".place-%llu", (unsigned long long)p->at);
}

static int create(int parent, const char *name, const char *shown, gf_error *err)
{
	int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		gf_fail_errno(err, GF_FAILED, "write", shown, "cannot make '%s' in the bundle", name);
	return fd;
}

static bool dir_place(gf_writer *w, gf_place *p, gf_error *err)
{
	dir *d = (dir *)w;
	char name[PLACE_NAME_SIZE];

	p->at = d->n_places++;
	place_name(p, name);
	p->fd = create(d->sha256, name, w->path, err);
	return p->fd >= 0;
}

static bool dir_write(gf_place *p, const void *bytes, size_t n, gf_error *err)
{
	return gf_write_all(p->fd, bytes, n, p->w->path, err);
}

static bool dir_keep(gf_place *p, const gf_digest *digest, gf_error *err)
{
	dir *d = (dir *)p->w;
	char name[PLACE_NAME_SIZE], hex[GF_HEX_SIZE];
	bool ok = gf_sync(p->fd, p->w->path, err);

	(void)close(p->fd);
	place_name(p, name);
	gf_digest_hex(digest, hex);
	if (ok && renameat(d->sha256, name, d->sha256, hex) != 0)
		ok = gf_fail_errno(err, GF_FAILED, "write", p->w->path, "cannot name layer %s", hex);
	if (ok) {
		(void)pthread_mutex_lock(&d->base.lock);
		d->bytes += p->written;
		(void)pthread_mutex_unlock(&d->base.lock);
	}
	return ok;
}

static void dir_drop(gf_place *p)
{
	const dir *d = (const dir *)p->w;
	char name[PLACE_NAME_SIZE];

	(void)close(p->fd);
	place_name(p, name);
	(void)unlinkat(d->sha256, name, 0);
}

/* ---- commit ---- */

static bool put_file(void *ctx, const char *name, uint64_t size, const void *bytes, gf_input *in, gf_error *err)
{
	dir *d = ctx;
	int fd = create(d->root, name, d->base.path, err);
	gf_output *out = fd >= 0 ? gf_output_fd(fd, d->base.path, err) : NULL;
	bool ok;

	if (in != NULL)
		ok = out != NULL && gf_copy(in, out, err);
	else
		ok = out != NULL && gf_output_write(out, bytes, (size_t)size, err);
	ok = ok && gf_output_finish(out, err) && gf_sync(fd, d->base.path, err);
	gf_output_close(out);
	if (fd >= 0)
		(void)close(fd);
	d->bytes += size;
	return ok;
}

static bool sync_dirs(const dir *d, gf_error *err)
{
	static const char *const names[] = { "blobs/sha256", "blobs", "META", "" };
	gf_buf path;
	bool ok = true;

	gf_buf_init(&path, 8192);
	for (size_t i = 0; i < sizeof names / sizeof *names && ok; i++)
		ok = gf_path_join(&path, d->tmp, names[i], err) && gf_dir_sync(gf_buf_text(&path), err);
	gf_buf_clear(&path);
	return ok;
}

static bool target_exists(const dir *d, gf_error *err)
{
	return gf_fail(err, GF_USAGE, "exists", d->target,
	    "there is something of this name already: remove it, or "
	    "choose another name");
}

/* Never onto something that is there; where the file system has no such rename, looked for just before. */
static bool give_name(dir *d, gf_error *err)
{
	struct stat st;

	if (renameat2(AT_FDCWD, d->tmp, AT_FDCWD, d->target, RENAME_NOREPLACE) == 0)
		return true;
	if (errno == EEXIST)
		return target_exists(d, err);
	if (errno == EINVAL || errno == ENOSYS) {
		if (lstat(d->target, &st) == 0)
			return target_exists(d, err);
		if (errno == ENOENT && rename(d->tmp, d->target) == 0)
			return true;
	}
	return gf_fail_errno(err, GF_FAILED, "write", d->target, "cannot give the bundle its name");
}

static bool dir_commit(gf_writer *w, const gf_front *f, gf_error *err)
{
	dir *d = (dir *)w;

	if (!gf_front_each(f, put_file, d, err) || !sync_dirs(d, err))
		return false;
	if (fchmod(d->root, 0755) != 0)
		return gf_fail_errno(err, GF_FAILED, "write", d->target, "cannot set the mode of the directory");
	if (!give_name(d, err))
		return false;
	free(d->tmp);
	d->tmp = NULL;
	w->size = d->bytes;
	return gf_dir_sync_parent(d->target, err);
}

static void dir_close(gf_writer *w)
{
	dir *d = (dir *)w;
	gf_error unused;

	if (d->sha256 >= 0)
		(void)close(d->sha256);
	if (d->root >= 0)
		(void)close(d->root);
	if (d->tmp != NULL)
		(void)gf_dir_remove(d->tmp, &unused);
	free(d->tmp);
	free(d->target);
}

/* ---- open ---- */

static bool name_tmp(dir *d, const char *path, gf_error *err)
{
	size_t n = strlen(path);
	const char *base;
	gf_buf text;
	struct stat st;
	bool ok;

	while (n > 1 && path[n - 1] == '/')
		n--;
	d->target = gf_strndup(path, n, err);
	if (d->target == NULL)
		return false;
	base = gf_path_base(d->target);
	if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return gf_fail(err, GF_USAGE, "exists", path, "is no name for a new directory");
	if (lstat(d->target, &st) == 0)
		return target_exists(d, err);
	gf_buf_init(&text, 8192);
	ok = gf_buf_add(&text, d->target, (size_t)(base - d->target), err) &&
	    gf_buf_printf(&text, err, ".%s.XXXXXX", base) && (d->tmp = gf_strdup(text.data, err)) != NULL;
	gf_buf_clear(&text);
	if (ok && mkdtemp(d->tmp) == NULL) {
		ok = gf_fail_errno(err, GF_FAILED, "write", path, "cannot make a directory beside it");
		free(d->tmp);
		d->tmp = NULL;
	}
	return ok;
}

static bool make_dirs(dir *d, gf_error *err)
{
	static const char *const names[] = { "META", "blobs", "blobs/sha256" };
	bool ok = true;

	d->root = open(d->tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ok = d->root >= 0;
	for (size_t i = 0; i < sizeof names / sizeof *names && ok; i++)
		ok = mkdirat(d->root, names[i], 0755) == 0;
	if (ok)
		d->sha256 = openat(d->root, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return (ok && d->sha256 >= 0) ||
	    gf_fail_errno(err, GF_FAILED, "write", d->target, "cannot make the directories of the bundle");
}

gf_writer *gf_writer_dir(const char *path, gf_time created, gf_error *err)
{
	static const gf_writer_ops ops = { dir_place, dir_write, dir_keep, dir_drop, dir_commit, dir_close };
	dir *d = gf_alloc(1, sizeof *d, err);

	if (d == NULL)
		return NULL;
	d->root = d->sha256 = -1;
	if (!gf_writer_init(&d->base, &ops, path, created, err) || !name_tmp(d, path, err) || !make_dirs(d, err)) {
		gf_writer_close(&d->base);
		return NULL;
	}
	return &d->base;
}
