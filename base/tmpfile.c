/* Files without a name, and files that get theirs at the end. */
#define _GNU_SOURCE /* O_TMPFILE */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define TRIES 100
#define SUFFIX 6

struct gf_tmpfile {
	char *path;
	int dir;    /* the directory of path, open from the start: what is renamed or synced is there */
	char *name; /* a name of its own beside path, NULL while the file has none */
	int fd;
	bool committed;
};

/* The part of path that names its directory, "." for none. */
static char *dir_of(const char *path, gf_error *err)
{
	const char *base = gf_path_base(path);
	size_t n = (size_t)(base - path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return n == 0 ? gf_strdup(".", err) : gf_strndup(path, n, err);
}

static int open_dir_of(const char *path, gf_error *err)
{
	char *name = dir_of(path, err);
	int fd = -1;

	if (name != NULL) {
		fd = openat(AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		if (fd < 0)
			gf_fail_errno(err, GF_FAILED, "write", path, "directory '%s' cannot be opened", name);
	}
	free(name);
	return fd;
}

/* ".NAME.XXXXXX" in place of NAME, cut so that the file system takes it. */
static char *fresh_name(const char *path, gf_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	const char *base = gf_path_base(path);
	size_t n = strlen(base) < 200 ? strlen(base) : 200;
	char *name = gf_alloc(n + SUFFIX + 3, 1, err);
	unsigned char random[SUFFIX];

	if (name == NULL)
		return NULL;
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
		gf_fail_errno(err, GF_FAILED, "write", path, "no random bytes for a temporary name");
		free(name);
		return NULL;
	}
	name[0] = '.';
	memcpy(name + 1, base, n);
	name[n + 1] = '.';
	for (size_t i = 0; i < SUFFIX; i++)
		name[n + 2 + i] = letters[random[i] & 31];
	return name;
}

/* A file in dir that has no name: -1 where the file system or a missing /proc does not allow
 * to name it later. */
static int open_unnamed(int dir, mode_t mode)
{
	char link[64];
	struct stat st;
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);

	if (fd < 0)
		return -1;
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (stat(link, &st) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int open_named(int dir, const char *path, mode_t mode, char **name, gf_error *err)
{
	for (int i = 0; i < TRIES; i++) {
		int fd;

		*name = fresh_name(path, err);
		if (*name == NULL)
			return -1;
		fd = openat(dir, *name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		free(*name);
		*name = NULL;
		if (errno != EEXIST && errno != EINTR)
			break;
	}
	gf_fail_errno(err, GF_FAILED, "write", path, "no file can be made beside '%s'", path);
	return -1;
}

/* A rename puts a file in the place of whatever is there: root would replace /dev/full, /dev/stdout or a disk. */
static bool is_replaceable(const char *path, gf_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
		return true;
	return gf_fail(err, GF_FAILED, "write", path, "'%s' is %s; expected a regular file, or a name that is free",
	    path, S_ISDIR(st.st_mode) ? "a directory" : "a device, a pipe or a socket, and would be replaced");
}

gf_tmpfile *gf_tmpfile_open(const char *path, mode_t mode, gf_error *err)
{
	gf_tmpfile *t = gf_alloc(1, sizeof *t, err);
	bool ok = false;

	if (t == NULL)
		return NULL;
	t->fd = t->dir = -1;
	if (*gf_path_base(path) == '\0') {
		gf_fail(err, GF_USAGE, "write", path, "'%s' is no name for a file", path);
		goto out;
	}
	if (!is_replaceable(path, err))
		goto out;
	t->path = gf_strdup(path, err);
	t->dir = t->path != NULL ? open_dir_of(path, err) : -1;
	if (t->dir < 0)
		goto out;
	t->fd = open_unnamed(t->dir, mode);
	if (t->fd < 0)
		t->fd = open_named(t->dir, path, mode, &t->name, err);
	if (t->fd < 0)
		goto out;
	/* A private file is private exactly; otherwise the umask decides. */
	ok = (mode & 077) != 0 || fchmod(t->fd, mode) == 0 ||
	    gf_fail_errno(err, GF_FAILED, "write", path, "setting the mode of '%s'", path);
out:
	if (!ok) {
		gf_tmpfile_close(t);
		t = NULL;
	}
	return t;
}

int gf_tmpfile_fd(const gf_tmpfile *t)
{
	return t->fd;
}

/* Name the nameless file: path itself when that is free (*done), else a name beside it. */
static bool link_file(gf_tmpfile *t, bool *done, gf_error *err)
{
	char self[64];

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", t->fd);
	*done = linkat(AT_FDCWD, self, t->dir, gf_path_base(t->path), AT_SYMLINK_FOLLOW) == 0;
	for (int i = 0; !*done && errno == EEXIST && i < TRIES; i++) {
		t->name = fresh_name(t->path, err);
		if (t->name == NULL)
			return false;
		if (linkat(AT_FDCWD, self, t->dir, t->name, AT_SYMLINK_FOLLOW) == 0)
			return true;
		free(t->name);
		t->name = NULL;
	}
	return *done || gf_fail_errno(err, GF_FAILED, "write", t->path, "giving '%s' its name", t->path);
}

static bool sync_dir(int fd, const char *path, gf_error *err)
{
	/* Some file systems (FUSE, network) have nothing to sync for a directory. */
	return fsync(fd) == 0 || errno == EINVAL ||
	    gf_fail_errno(err, GF_FAILED, "sync", path, "bringing the name of '%s' to the disk", path);
}

static bool give_name(gf_tmpfile *t, gf_error *err)
{
	bool done = false;

	if (t->name == NULL && !link_file(t, &done, err))
		return false;
	if (!done) {
		if (renameat(t->dir, t->name, t->dir, gf_path_base(t->path)) != 0)
			return gf_fail_errno(err, GF_FAILED, "write", t->path, "giving '%s' its name", t->path);
		free(t->name);
		t->name = NULL;
	}
	t->committed = true;
	return true;
}

bool gf_tmpfile_commit(gf_tmpfile *t, gf_error *err)
{
	return gf_sync(t->fd, t->path, err) && give_name(t, err) && sync_dir(t->dir, t->path, err);
}

bool gf_file_replace(const char *path, mode_t mode, const void *bytes, size_t n, gf_error *err)
{
	gf_tmpfile *t = gf_tmpfile_open(path, mode, err);
	bool ok = t != NULL && gf_write_all(t->fd, bytes, n, path, err) && give_name(t, err);

	gf_tmpfile_close(t);
	return ok;
}

void gf_tmpfile_close(gf_tmpfile *t)
{
	if (t == NULL)
		return;
	if (t->name != NULL && !t->committed)
		(void)unlinkat(t->dir, t->name, 0);
	if (t->fd >= 0)
		(void)close(t->fd);
	if (t->dir >= 0)
		(void)close(t->dir);
	free(t->name);
	free(t->path);
	free(t);
}

int gf_file_spool(const char *path, gf_error *err)
{
	int dir = open_dir_of(path, err);
	char *name = NULL;
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		fd = open_named(dir, path, 0600, &name, err);
		if (fd >= 0)
			(void)unlinkat(dir, name, 0);
	}
	free(name);
	(void)close(dir);
	return fd;
}

bool gf_dir_sync(const char *path, gf_error *err)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "sync", path, "directory '%s' cannot be opened", path);
	ok = sync_dir(fd, path, err);
	(void)close(fd);
	return ok;
}

bool gf_dir_sync_parent(const char *path, gf_error *err)
{
	char *dir = dir_of(path, err);
	bool ok = dir != NULL && gf_dir_sync(dir, err);

	free(dir);
	return ok;
}
