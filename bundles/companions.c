/* What was added to a bundle after packing lies beside it (FORMAT.md 3). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundles/names.h"

/* NAME.tar and NAME.thin.tar: NAME.tar.d; a directory DIR/: DIR.d. */
static bool companion_path(const char *bundle, gf_buf *out, gf_error *err)
{
	static const char thin[] = ".thin.tar";
	size_t n = strlen(bundle);
	char *name;
	bool ok;

	while (n > 1 && bundle[n - 1] == '/')
		n--;
	name = gf_strndup(bundle, n, err);
	if (name == NULL)
		return false;
	if (gf_ends_with(name, thin))
		name[n - (sizeof thin - 1)] = '\0';
	ok = gf_buf_puts(out, name, err) && gf_buf_puts(out, strlen(name) != n ? ".tar.d" : ".d", err);
	free(name);
	return ok;
}

/* "<approval|permit|receipt|trust>-<16 hex>.json", *n its length. */
static bool is_statement(const char *name, size_t *n)
{
	static const char *const types[] = { "approval-", "permit-", "receipt-", "trust-" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const char *rest;

		if (!gf_starts_with(name, types[i]))
			continue;
		rest = name + strlen(types[i]);
		if (strspn(rest, "0123456789abcdef") != 16 || !gf_starts_with(rest + 16, ".json"))
			return false;
		*n = strlen(types[i]) + 21;
		return true;
	}
	return false;
}

static bool is_companion(const char *name)
{
	char as_signature[64] = "manifest.json";
	size_t n = 0;

	if (gf_signature_name_valid(name))
		return true;
	if (!is_statement(name, &n))
		return false;
	if (name[n] == '\0')
		return true;
	if (strlen(name + n) >= sizeof as_signature - 13)
		return false;
	memcpy(as_signature + 13, name + n, strlen(name + n) + 1); /* the tail of a signature's name */
	return gf_signature_name_valid(as_signature);
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const gf_member *)a)->name, ((const gf_member *)b)->name);
}

typedef struct loading {
	int fd;
	const char *path;
	gf_member *members;
	size_t n, room;
} loading;

static bool load_one(void *ctx, const char *name, gf_error *err)
{
	loading *l = ctx;
	gf_member *m;

	if (!is_companion(name))
		return true;
	if (l->n == GF_COMPANIONS_MAX)
		return gf_fail(
		    err, GF_DAMAGED, "too-large", l->path, "has more than the %d files allowed", GF_COMPANIONS_MAX);
	if (!gf_grow(&l->members, &l->room, l->n, sizeof *l->members, err))
		return false;
	m = &l->members[l->n];
	m->name = gf_strdup(name, err);
	if (m->name == NULL)
		return false;
	gf_buf_init(&m->bytes, GF_COMPANION_MAX);
	l->n++;
	return gf_file_load_at(l->fd, name, GF_COMPANION_MAX, GF_DAMAGED, &m->bytes, err) ||
	    gf_because(err, "companions in '%s'", l->path);
}

static bool load_all(loading *l, gf_error *err)
{
	bool ok = gf_dir_each(l->fd, l->path, load_one, l, err);

	if (l->n != 0)
		qsort(l->members, l->n, sizeof *l->members, compare_members);
	return ok;
}

/* The companions in the directory path, behind those that l has.  must: it is there. */
static bool load_directory(loading *l, const char *path, bool must, gf_error *err)
{
	bool ok = true;

	l->path = path;
	l->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->fd >= 0)
		ok = load_all(l, err);
	else if (errno == ENOENT && must)
		ok = gf_fail(err, GF_USAGE, "companions", path, "there is no directory '%s'", path);
	else if (errno != ENOENT && (must || errno != ENAMETOOLONG)) /* a name that leaves no room for ".d" has none */
		ok = gf_fail_errno(err, errno == ELOOP || errno == ENOTDIR ? GF_DAMAGED : GF_FAILED, "companions", path,
		    "cannot open the directory of companions");
	if (l->fd >= 0)
		(void)close(l->fd);
	return ok;
}

bool gf_companions_load(
    const char *bundle, const char *const *with, size_t n_with, gf_member **members, size_t *n, gf_error *err)
{
	loading l = { .fd = -1 };
	gf_buf path;
	bool ok = true;

	*members = NULL;
	*n = 0;
	gf_buf_init(&path, 8192);
	if (strcmp(bundle, "-") != 0)
		ok = companion_path(bundle, &path, err) && load_directory(&l, gf_buf_text(&path), false, err);
	for (size_t i = 0; ok && i < n_with; i++)
		ok = load_directory(&l, with[i], true, err);
	if (ok) {
		*members = l.members;
		*n = l.n;
	} else {
		gf_members_free(l.members, l.n);
	}
	gf_buf_clear(&path);
	return ok;
}

bool gf_companion_store(const char *bundle, const gf_member *m, gf_error *err)
{
	gf_buf dir, path;
	struct stat st;
	bool ok;

	gf_buf_init(&dir, 8192);
	gf_buf_init(&path, 8192);
	ok = companion_path(bundle, &dir, err) && gf_dir_make(dir.data, 0755, err) &&
	    gf_path_join(&path, dir.data, m->name, err);
	if (ok && lstat(path.data, &st) == 0)
		ok = gf_fail(err, GF_USAGE, "exists", path.data,
		    "'%s' is there already and is not replaced: move it away where it is not wanted", path.data);
	else if (ok && errno != ENOENT)
		ok = gf_fail_errno(err, GF_FAILED, "write", path.data, "'%s' cannot be looked at", path.data);
	ok = ok && gf_file_store(path.data, 0644, gf_buf_text(&m->bytes), m->bytes.len, err) &&
	    gf_dir_sync_parent(dir.data, err);
	gf_buf_clear(&path);
	gf_buf_clear(&dir);
	return ok;
}
