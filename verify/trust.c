/* Keys that are believed where no trust file is installed (FORMAT.md 4, last paragraph). */
#include <fcntl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* "._ci.pub" is what some systems leave beside a copied file. */
static bool is_key(const char *name)
{
	return name[0] != '.' && gf_ends_with(name, ".pub");
}

static bool list(const char *dir, gf_names *out, gf_error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "read", dir, "directory of keys '%s' cannot be read", dir);
	ok = gf_dir_names(fd, dir, is_key, SIZE_MAX, out, err);
	(void)close(fd);
	return ok;
}

static bool add_directory(gf_trust *t, const char *config_dir, gf_error *err)
{
	gf_names all = { .items = NULL };
	gf_buf dir, path;
	bool ok;

	gf_buf_init(&dir, 8192);
	gf_buf_init(&path, 8192);
	ok = gf_path_join(&dir, config_dir, "keys", err) && list(dir.data, &all, err);
	for (size_t i = 0; ok && i < all.n; i++)
		ok = gf_path_join(&path, dir.data, all.items[i], err) && add(t, path.data, err);
	gf_names_free(&all);
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
