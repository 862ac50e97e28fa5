/* Whom to believe: the installed trust file and what follows it, or loose keys where there is none (FORMAT.md 4). */
#include <fcntl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verify/records.h"

/* A version that is believed and not installed. */
typedef struct newer {
	uint64_t version;
	gf_time created;
	gf_digest digest;
	gf_member file, *signatures; /* those of a root */
	size_t n_signatures;
} newer;

struct gf_trust {
	gf_pubkey **keys; /* loose ones */
	size_t n, room;
	gf_policy *policy; /* or NULL */
	gf_digest digest;  /* of its bytes */
	newer *newer;      /* in order; the last one is policy */
	size_t n_newer, newer_room;
};

/* ---- loose keys ---- */

/* A key that is there already, under whatever name, is one key; a certificate of it says more. */
static bool add(gf_trust *t, const char *path, gf_error *err)
{
	gf_pubkey *k = gf_pubkey_load(path, err);

	if (k == NULL)
		return gf_because(err, "key to trust");
	for (size_t i = 0; i < t->n; i++) {
		if (gf_digest_equal(gf_pubkey_id(t->keys[i]), gf_pubkey_id(k))) {
			gf_pubkey *less = k;

			if (gf_pubkey_is_certificate(k)) {
				less = t->keys[i];
				t->keys[i] = k;
			}
			gf_pubkey_free(less);
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
	return name[0] != '.' && (gf_ends_with(name, ".pub") || gf_ends_with(name, ".crt"));
}

static bool list(const char *dir, gf_names *out, gf_error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (fd < 0 && gf_is_absent(errno))
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

/* ---- the installed file ---- */

static gf_trust *open_installed(const gf_state *s, uint64_t version, const gf_digest *digest, gf_error *err)
{
	gf_trust *t = gf_alloc(1, sizeof *t, err);

	if (t != NULL)
		t->policy = gf_records_trust(gf_state_dir(s), version, digest, err);
	if (t != NULL && t->policy != NULL) {
		t->digest = *digest;
		return t;
	}
	(void)gf_because(err, "trust file %llu, which is installed", (unsigned long long)version);
	gf_trust_free(t);
	return NULL;
}

gf_trust *gf_trust_for(
    const gf_state *s, const char *const *paths, size_t n, const char *config_dir, gf_trust_use use, gf_error *err)
{
	gf_digest digest;
	uint64_t version = s != NULL ? gf_state_trust(s, &digest) : 0;

	if (version == 0 || (n > 0 && use == GF_TRUST_VERIFY))
		return gf_trust_open(paths, n, config_dir, err);
	if (n == 0)
		return open_installed(s, version, &digest, err);
	gf_fail(err, GF_USAGE, "trust-keys", paths[0],
	    "trust file %llu is installed here and says whom to believe; --key '%s' adds nothing to it: a key is added by "
	    "'gapferry trust add'",
	    (unsigned long long)version, paths[0]);
	return NULL;
}

static void free_newer(newer *v)
{
	free(v->file.name);
	gf_buf_clear(&v->file.bytes);
	gf_members_free(v->signatures, v->n_signatures);
}

void gf_trust_free(gf_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		gf_pubkey_free(t->keys[i]);
	free(t->keys);
	gf_policy_free(t->policy);
	for (size_t i = 0; i < t->n_newer; i++)
		free_newer(&t->newer[i]);
	free(t->newer);
	free(t);
}

const gf_policy *gf_trust_policy(const gf_trust *t)
{
	return t->policy;
}

const gf_digest *gf_trust_digest(const gf_trust *t)
{
	return &t->digest;
}

size_t gf_trust_count(const gf_trust *t)
{
	return t->policy != NULL ? t->policy->n_keys : t->n;
}

const gf_pubkey *gf_trust_key(const gf_trust *t, size_t i)
{
	return t->policy != NULL ? t->policy->keys[i].key : t->keys[i];
}

/* ---- newer versions ---- */

static bool copy_member(const gf_member *m, gf_member *out, gf_error *err)
{
	gf_buf_init(&out->bytes, m->bytes.len);
	return (out->name = gf_strdup(m->name, err)) != NULL &&
	    gf_buf_add(&out->bytes, gf_buf_text(&m->bytes), m->bytes.len, err);
}

/* Does it fit a key of p's root? */
static bool by_root(const gf_policy *p, const gf_member *file, const gf_member *signature)
{
	const gf_policy_role *root = gf_policy_role_find(p, "root");
	bool fits = false;

	for (size_t i = 0; !fits && i < root->n_keys; i++)
		fits = gf_signature_among(
		    p->keys[root->keys[i]].key, file->name, gf_buf_text(&file->bytes), file->bytes.len, signature, 1);
	return fits;
}

/* The file and those signatures that counted, of the root before it (NULL: none) or of its own. */
static bool keep(newer *v, const gf_policy *before, const gf_policy *p, const gf_member *file,
    const gf_member *signatures, size_t n, gf_error *err)
{
	size_t room = 0;

	v->version = p->version;
	v->created = p->created;
	if (!copy_member(file, &v->file, err) ||
	    !gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &v->digest, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!by_root(p, file, &signatures[i]) && (before == NULL || !by_root(before, file, &signatures[i])))
			continue;
		if (!gf_grow(&v->signatures, &room, v->n_signatures, sizeof *v->signatures, err) ||
		    !copy_member(&signatures[i], &v->signatures[v->n_signatures++], err))
			return false;
	}
	return true;
}

/* p, which follows, becomes the policy; it is freed where that fails. */
static bool adopt(
    gf_trust *t, gf_policy *p, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err)
{
	newer v = { .version = 0 };

	if (!gf_grow(&t->newer, &t->newer_room, t->n_newer, sizeof *t->newer, err) ||
	    !keep(&v, t->policy, p, file, signatures, n, err)) {
		free_newer(&v);
		gf_policy_free(p);
		return false;
	}
	t->digest = v.digest;
	t->newer[t->n_newer++] = v;
	gf_policy_free(t->policy);
	t->policy = p;
	return true;
}

gf_trust *gf_trust_begin(
    const gf_digest *digest, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err)
{
	gf_trust *t = gf_alloc(1, sizeof *t, err);
	gf_policy *p = t != NULL ? gf_policy_first(digest, file, signatures, n, err) : NULL;

	if (p != NULL && adopt(t, p, file, signatures, n, err))
		return t;
	gf_trust_free(t);
	return NULL;
}

/* One that follows, if there is any. */
static bool extend_once(gf_trust *t, const gf_member *files, size_t n, bool *more, gf_error *err)
{
	*more = false;
	for (size_t i = 0; i < n && !*more; i++) {
		gf_error why = { 0 };
		gf_policy *p;

		if (!gf_ends_with(files[i].name, ".json"))
			continue;
		p = gf_policy_next(t->policy, &files[i], files, n, &why);
		if (p != NULL) {
			*more = true;
			if (!adopt(t, p, &files[i], files, n, err))
				return false;
		} else if (why.class == GF_FAILED) {
			*err = why;
			return false;
		}
	}
	return true;
}

bool gf_trust_extend(gf_trust *t, const gf_member *companions, size_t n, gf_error *err)
{
	bool ok = true;

	for (bool more = t->policy != NULL; ok && more;)
		ok = extend_once(t, companions, n, &more, err);
	return ok;
}

size_t gf_trust_newer(const gf_trust *t)
{
	return t->n_newer;
}

bool gf_trust_holds(const gf_trust *t, const gf_digest *digest)
{
	bool holds = t->policy != NULL && gf_digest_equal(&t->digest, digest);

	for (size_t i = 0; i < t->n_newer && !holds; i++)
		holds = gf_digest_equal(&t->newer[i].digest, digest);
	return holds;
}

/* ---- installing ---- */

static bool install_one(const newer *v, gf_state *s, gf_error *err)
{
	gf_record line = { .type = "trust",
		.site = gf_state_site(s),
		.statement = &v->digest,
		.trust_version = v->version,
		.created = v->created };

	return gf_records_keep_trust(gf_state_dir(s), v->version, &v->file, v->signatures, v->n_signatures, err) &&
	    gf_state_append(s, &line, 1, err);
}

/* Where the log stands must be a version of ours, or the one before our first. */
static bool must_fit(const gf_trust *t, uint64_t version, const gf_digest *digest, gf_error *err)
{
	const newer *first = &t->newer[0];
	const newer *same = version >= first->version && version - first->version < t->n_newer
	    ? &t->newer[version - first->version]
	    : NULL;

	if (version == 0 || version + 1 == first->version || (same != NULL && gf_digest_equal(&same->digest, digest)))
		return true;
	return gf_fail(err, GF_REFUSED, "trust-fork", NULL,
	    "another run has installed trust file %llu meanwhile, which is not the one judged by; run this again",
	    (unsigned long long)version);
}

bool gf_trust_install(gf_trust *t, gf_state *s, gf_error *err)
{
	gf_digest digest;
	uint64_t version = gf_state_trust(s, &digest);

	if (t->n_newer == 0)
		return true;
	if (!must_fit(t, version, &digest, err))
		return false;
	for (size_t i = 0; i < t->n_newer; i++)
		if (t->newer[i].version > version && !install_one(&t->newer[i], s, err))
			return false;
	for (size_t i = 0; i < t->n_newer; i++)
		free_newer(&t->newer[i]);
	t->n_newer = 0;
	return true;
}
