/* The key of a site: it signs checkpoints and receipts, and lies in the state directory. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/state.h"

#define PATH_MAX_BYTES 4096

typedef struct paths {
	gf_buf private, public;
	bool has_private, has_public;
} paths;

static bool look(const gf_buf *path, bool *there, gf_error *err)
{
	struct stat st;

	*there = stat(path->data, &st) == 0;
	if (*there && !S_ISREG(st.st_mode)) /* nobody waits for the other end of a FIFO */
		return gf_fail(err, GF_FAILED, "state", path->data, "'%s' is not a regular file", path->data);
	return *there || errno == ENOENT ||
	    gf_fail_errno(err, GF_FAILED, "state", path->data, "'%s' cannot be read", path->data);
}

static bool find(const gf_state *s, paths *p, gf_error *err)
{
	gf_buf_init(&p->private, PATH_MAX_BYTES);
	gf_buf_init(&p->public, PATH_MAX_BYTES);
	return gf_path_join(&p->private, gf_state_dir(s), "site.pem", err) &&
	    gf_path_join(&p->public, gf_state_dir(s), "site.pub", err) && look(&p->private, &p->has_private, err) &&
	    look(&p->public, &p->has_public, err);
}

static void paths_clear(paths *p)
{
	gf_buf_clear(&p->private);
	gf_buf_clear(&p->public);
}

/* The private half first: the public one can be made of it. */
static bool make(paths *p, gf_error *err)
{
	gf_secret private = { .data = NULL };
	gf_buf public;
	bool ok;

	gf_buf_init(&public, GF_KEY_FILE_MAX);
	ok = gf_key_generate("p256", NULL, &private, &public, err) &&
	    gf_file_store(p->private.data, 0600, private.data, private.len, err);
	p->has_private = ok;
	gf_secret_clear(&private);
	gf_buf_clear(&public);
	return ok;
}

/* site.pub is the public half of site.pem, and is there. */
static bool match(const paths *p, const gf_signer *signer, gf_error *err)
{
	const gf_pubkey *key = gf_signer_public(signer);
	gf_pubkey *beside = NULL;
	gf_buf public;
	bool ok;

	if (p->has_public) {
		beside = gf_pubkey_load(p->public.data, err);
		ok = beside != NULL;
		if (ok && !gf_digest_equal(gf_pubkey_id(beside), gf_pubkey_id(key)))
			ok = gf_fail(err, GF_USAGE, "site-key", p->public.data,
			    "'%s' is not the public half of '%s': one of the two is another's", p->public.data,
			    p->private.data);
		gf_pubkey_free(beside);
		return ok;
	}
	gf_buf_init(&public, GF_KEY_FILE_MAX);
	ok = gf_pubkey_print(key, &public, err) && gf_file_store(p->public.data, 0600, public.data, public.len, err);
	gf_buf_clear(&public);
	return ok;
}

/* Under the lock: two runs would make two keys. */
static gf_signer *own(paths *p, gf_error *err)
{
	gf_signer *signer;
	bool plain;

	if (!p->has_private && p->has_public) {
		gf_fail(err, GF_USAGE, "site-key", p->public.data,
		    "'%s' is there, and '%s' is not: name the command that signs with it, or restore the key; a new one "
		    "would not be known to anybody",
		    p->public.data, p->private.data);
		return NULL;
	}
	if (!p->has_private && !make(p, err))
		return NULL;
	signer = gf_signer_open(p->private.data, NULL, &plain, err);
	if (signer == NULL || match(p, signer, err))
		return signer;
	gf_signer_free(signer);
	return NULL;
}

gf_signer *gf_state_site_key(gf_state *s, const char *command, gf_error *err)
{
	bool locked = gf_state_locked(s);
	gf_signer *signer = NULL;
	paths p;

	if (!locked && !gf_state_lock(s, err))
		return NULL;
	if (find(s, &p, err))
		signer = command != NULL ? gf_signer_command(command, p.public.data, err) : own(&p, err);
	paths_clear(&p);
	if (!locked)
		gf_state_unlock(s);
	return signer;
}

bool gf_state_site_public(const gf_state *s, gf_pubkey **key, gf_error *err)
{
	paths p;
	bool ok = find(s, &p, err);

	*key = ok && p.has_public ? gf_pubkey_load(p.public.data, err) : NULL;
	ok = ok && (*key != NULL || !p.has_public);
	paths_clear(&p);
	return ok;
}
