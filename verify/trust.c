/* Keys that are believed where no trust file is installed (FORMAT.md 4, last paragraph). */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

struct gf_trust {
	gf_pubkey **keys;
	size_t n, room;
};

/* A key that is there already, under whatever name, is one key. */
static bool add(gf_trust *t, const char *path, gf_error *err)
{
	gf_pubkey *k = gf_pubkey_load(path, err);

	if (k == NULL)
		return gf_because(err, "key to trust");
	for (size_t i = 0; i < t->n; i++) {
		if (gf_digest_equal(gf_pubkey_id(t->keys[i]), gf_pubkey_id(k))) {
			gf_pubkey_free(k);
			return true;
		}
	}
	if (!gf_grow(&t->keys, &t->room, t->n, sizeof *t->keys, err)) {
		gf_pubkey_free(k);
		return false;
	}
	t->keys[t->n++] = k;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names that end in .pub and do not begin with a dot ("._ci.pub" is what some systems leave beside a copied file). */
static bool list(const char *dir, char ***names, size_t *n, gf_error *err)
{
	DIR *d = opendir(dir);
	size_t room = 0;
	bool ok = true;

	if (d == NULL && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (d == NULL)
		return gf_fail_errno(err, GF_FAILED, "read", dir, "directory of keys '%s' cannot be read", dir);
	while (ok) {
		const struct dirent *e;

		errno = 0;
		e = readdir(d);
		if (e == NULL) {
			ok = errno == 0 ||
			    gf_fail_errno(err, GF_FAILED, "read", dir, "directory of keys '%s' cannot be read", dir);
			break;
		}
		if (e->d_name[0] == '.' || !gf_ends_with(e->d_name, ".pub"))
			continue;
		ok = gf_grow(names, &room, *n, sizeof **names, err) &&
		    ((*names)[*n] = gf_strdup(e->d_name, err)) != NULL;
		*n += ok;
	}
	(void)closedir(d);
	return ok;
}

static bool add_directory(gf_trust *t, const char *config_dir, gf_error *err)
{
	char **names = NULL;
	size_t n = 0;
	gf_buf dir, path;
	bool ok;

	gf_buf_init(&dir, 8192);
	gf_buf_init(&path, 8192);
	ok = gf_path_join(&dir, config_dir, "keys", err) && list(dir.data, &names, &n, err);
	if (ok && n > 1)
		qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 0; ok && i < n; i++)
		ok = gf_path_join(&path, dir.data, names[i], err) && add(t, path.data, err);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	gf_buf_clear(&path);
	gf_buf_clear(&dir);
	return ok;
}

gf_trust *gf_trust_open(const char *const *paths, size_t n, const char *config_dir, gf_error *err)
{
	gf_trust *t = gf_alloc(1, sizeof *t, err);
	bool ok = t != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = add(t, paths[i], err);
	if (ok && n == 0 && config_dir != NULL)
		ok = add_directory(t, config_dir, err);
	if (ok)
		return t;
	gf_trust_free(t);
	return NULL;
}

void gf_trust_free(gf_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		gf_pubkey_free(t->keys[i]);
	free(t->keys);
	free(t);
}

size_t gf_trust_count(const gf_trust *t)
{
	return t->n;
}

const gf_pubkey *gf_trust_key(const gf_trust *t, size_t i)
{
	return t->keys[i];
}
