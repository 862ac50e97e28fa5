/* Directories, paths, locks. */
#define _GNU_SOURCE /* flock, DT_DIR */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define DEPTH_MAX 64

/* One directory; *made says whether it is new. */
static bool make_one(const char *path, mode_t mode, bool *made, gf_error *err)
{
	struct stat st;

	*made = mkdirat(AT_FDCWD, path, mode) == 0;
	if (*made)
		return true;
	if (errno != EEXIST)
		return gf_fail_errno(err, GF_FAILED, "mkdir", path, "directory '%s' cannot be made", path);
	if (stat(path, &st) != 0)
		return gf_fail_errno(err, GF_FAILED, "mkdir", path, "directory '%s' cannot be made", path);
	return S_ISDIR(st.st_mode) ||
	    gf_fail(err, GF_FAILED, "mkdir", path, "'%s' is there and is not a directory", path);
}

bool gf_dir_make(const char *path, mode_t mode, gf_error *err)
{
	char *part = gf_strdup(path, err);
	bool ok = part != NULL, made;

	/* From the top: parents that are there are passed over, also where they cannot be written. */
	for (char *p = part; ok && p != NULL;) {
		char *slash = strchr(p, '/');

		if (slash == p || (slash == NULL && *p == '\0')) {
			p = slash != NULL ? slash + 1 : NULL; /* a leading, double or trailing slash */
			continue;
		}
		if (slash != NULL)
			*slash = '\0';
		ok = make_one(part, mode, &made, err) && (!made || gf_dir_sync_parent(part, err));
		if (slash != NULL)
			*slash = '/';
		p = slash != NULL ? slash + 1 : NULL;
	}
	free(part);
	return ok;
}

static bool empty(int fd, const char *path, unsigned depth, gf_error *err);

static bool remove_at(int dir, const char *name, const char *path, unsigned depth, gf_error *err)
{
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return true;
	/* A directory: Linux says EISDIR, POSIX EPERM. */
	if (errno != EISDIR && errno != EPERM)
		return gf_fail_errno(err, GF_FAILED, "remove", path, "removing '%s' in '%s'", name, path);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "remove", path, "removing '%s' in '%s'", name, path);
	if (!empty(fd, path, depth + 1, err))
		return false;
	return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ||
	    gf_fail_errno(err, GF_FAILED, "remove", path, "removing '%s' in '%s'", name, path);
}

bool gf_dir_each(int dir, const char *path, gf_dir_take *take, void *ctx, gf_error *err)
{
	/* A descriptor of its own, since closedir closes it and readdir moves it. */
	int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	bool ok = d != NULL;

	while (ok) {
		const struct dirent *e;

		errno = 0;
		e = readdir(d);
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !take(ctx, e->d_name, err)) {
			(void)closedir(d);
			return false;
		}
	}
	ok = ok && errno == 0;
	if (!ok)
		gf_fail_errno(err, GF_FAILED, "read", path, "directory '%s' cannot be read", path);
	if (d != NULL)
		(void)closedir(d);
	else if (own >= 0)
		(void)close(own);
	return ok;
}

typedef struct listing {
	gf_names *out;
	bool (*wanted)(const char *name);
	size_t max;
} listing;

static bool take_name(void *ctx, const char *name, gf_error *err)
{
	const listing *l = ctx;
	gf_names *out = l->out;

	if (out->n > l->max || !l->wanted(name))
		return true;
	if (!gf_grow(&out->items, &out->room, out->n, sizeof *out->items, err) ||
	    (out->items[out->n] = gf_strdup(name, err)) == NULL)
		return false;
	out->n++;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool gf_dir_names(int dir, const char *path, bool (*wanted)(const char *name), size_t max, gf_names *out, gf_error *err)
{
	listing l = { out, wanted, max };
	bool ok = gf_dir_each(dir, path, take_name, &l, err);

	if (out->n > 1)
		qsort(out->items, out->n, sizeof *out->items, compare_names);
	return ok;
}

void gf_names_free(gf_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
	*names = (gf_names){ .items = NULL };
}

typedef struct emptying {
	int fd;
	const char *path;
	unsigned depth;
} emptying;

static bool take_away(void *ctx, const char *name, gf_error *err)
{
	const emptying *e = ctx;

	return remove_at(e->fd, name, e->path, e->depth, err);
}

/* Remove what is in the directory fd; closes it. */
static bool empty(int fd, const char *path, unsigned depth, gf_error *err)
{
	emptying e = { fd, path, depth };
	bool ok = depth <= DEPTH_MAX
	    ? gf_dir_each(fd, path, take_away, &e, err)
	    : gf_fail(err, GF_FAILED, "remove", path, "'%s' has more than %d levels of directories", path, DEPTH_MAX);

	(void)close(fd);
	return ok;
}

bool gf_dir_remove(const char *path, gf_error *err)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "remove", path, "directory '%s' cannot be opened", path);
	if (!empty(fd, path, 0, err))
		return false;
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0 ||
	    gf_fail_errno(err, GF_FAILED, "remove", path, "removing '%s'", path);
}

bool gf_path_join(gf_buf *out, const char *dir, const char *name, gf_error *err)
{
	size_t n = strlen(dir);

	out->len = 0;
	if (!gf_buf_add(out, dir, n, err))
		return false;
	if (n > 0 && dir[n - 1] != '/' && !gf_buf_puts(out, "/", err))
		return false;
	return gf_buf_puts(out, name, err);
}

const char *gf_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

struct gf_lock {
	int fd;
};

gf_lock *gf_lock_open(const char *path, gf_error *err)
{
	gf_lock *l = gf_alloc(1, sizeof *l, err);
	int rc;

	if (l == NULL)
		return NULL;
	l->fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (l->fd < 0)
		l->fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (l->fd < 0) {
		gf_fail_errno(err, GF_FAILED, "lock", path, "'%s' cannot be opened to be locked", path);
		free(l);
		return NULL;
	}
	do
		rc = flock(l->fd, LOCK_EX);
	while (rc != 0 && errno == EINTR);
	if (rc != 0) {
		gf_fail_errno(err, GF_FAILED, "lock", path, "'%s' cannot be locked", path);
		gf_lock_close(l);
		return NULL;
	}
	return l;
}

void gf_lock_close(gf_lock *l)
{
	if (l == NULL)
		return;
	(void)close(l->fd);
	free(l);
}
