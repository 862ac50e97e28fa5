/* trust init and show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trust.h"

#define LIFETIME ((int64_t)365 * 86400)

/* ---- init ---- */

/* Where nobody was named, those who were believed until now go on making releases. */
static bool take_over(const gf_run *run, gf_policy *p, gf_error *err)
{
	gf_trust *t = NULL;
	gf_buf config;
	bool ok;

	gf_buf_init(&config, GF_CONFIG_FILE_MAX);
	ok = gf_config_find(run, &config, err) && (t = gf_trust_open(NULL, 0, config.data, err)) != NULL;
	if (ok && gf_trust_count(t) == 0)
		ok = gf_fail(err, GF_USAGE, "option", NULL,
		    "who signs releases? --release FILE; and no *.pub or *.crt lies in '%s/keys'", config.data);
	for (size_t i = 0; ok && i < gf_trust_count(t); i++)
		ok = gf_policy_add_key(p, "release", gf_pubkey_holder(gf_trust_key(t, i)), gf_trust_key(t, i), err);
	if (ok)
		gf_event_say(run->events, GF_EVENT_NOTE, "the %zu key%s in '%s/keys' %s taken over for releases",
		    gf_trust_count(t), gf_trust_count(t) == 1 ? "" : "s", config.data,
		    gf_trust_count(t) == 1 ? "is" : "are");
	gf_trust_free(t);
	gf_buf_clear(&config);
	return ok;
}

/* The root pair that is made where none was named: beside the trust file. */
typedef struct root_pair {
	gf_buf private_path, public_path;
	gf_secret passphrase;
	bool made;
} root_pair;

static void root_clear(root_pair *r)
{
	gf_buf_clear(&r->private_path);
	gf_buf_clear(&r->public_path);
	gf_secret_clear(&r->passphrase);
}

static bool make_root(const gf_run *run, const char *output, root_pair *r, gf_policy *p, gf_error *err)
{
	int dir = (int)(gf_path_base(output) - output);
	gf_pubkey *k = NULL;
	bool ok;

	ok = gf_buf_printf(&r->private_path, err, "%.*sroot.pem", dir, output) &&
	    gf_buf_printf(&r->public_path, err, "%.*sroot.pub", dir, output) &&
	    gf_key_pair_ask(run, r->private_path.data, r->public_path.data, &r->passphrase, err) &&
	    gf_key_pair_make(r->private_path.data, r->public_path.data, "p256", &r->passphrase, err);
	r->made = ok;
	ok = ok && (k = gf_pubkey_load(r->public_path.data, err)) != NULL &&
	    gf_policy_add_key(p, "root", "root", k, err);
	gf_pubkey_free(k);
	return ok;
}

/* The passphrase was given a moment ago. */
static bool answer(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	const gf_secret *passphrase = ctx;

	(void)what;
	(void)confirm;
	return gf_secret_set(out, passphrase->data, passphrase->len, err);
}

static bool sign_by_root(const gf_run *run, root_pair *r, const gf_trust_file *t, gf_error *err)
{
	const gf_asker asker = { .ask = answer, .ctx = &r->passphrase };
	bool plain, ok;
	gf_signer *s = gf_signer_open(r->private_path.data, &asker, &plain, err);

	ok = s != NULL && gf_trust_file_sign(run, t, s, err);
	gf_signer_free(s);
	return ok;
}

static bool say_next(const root_pair *r, const char *path, gf_buf *out, gf_error *err)
{
	if (!r->made)
		return gf_buf_printf(out, err,
		    "next: the roots sign it (gapferry trust sign %s --key FILE), then at each site, the digest having come "
		    "another way: gapferry trust apply %s --sha256 HEX --site NAME",
		    path, path);
	return gf_buf_printf(out, err,
	    "'%s' makes every later version: keep it off this machine, and a copy of it in another place; it never signs "
	    "releases\nnext, at each site, the digest having come another way: gapferry trust apply %s --sha256 HEX --site NAME",
	    r->private_path.data, path);
}

static bool must_be_whole(const gf_run *run, gf_error *err)
{
	if (gf_given(&run->args, GF_OPT_TRUST_STREAM) && !gf_given(&run->args, GF_OPT_TRUST_ENV))
		return gf_value_fail(GF_OPT_TRUST_STREAM, err, "for which environments? --env NAME is missing");
	return gf_given(&run->args, GF_OPT_TRUST_STREAM) ||
	    gf_fail(err, GF_USAGE, "option", NULL, "which stream of releases? --stream NAME is missing");
}

bool gf_verb_trust_init(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const char *output = gf_given(a, GF_OPT_TRUST_OUTPUT) ? gf_value(a, GF_OPT_TRUST_OUTPUT) : "trust-1.json";
	gf_policy *p = must_be_whole(run, err) ? gf_policy_new(err) : NULL;
	gf_trust_file t = { .path = NULL };
	root_pair root = { .made = false };
	gf_buf next;
	bool ok;

	gf_buf_init(&root.private_path, 4096);
	gf_buf_init(&root.public_path, 4096);
	gf_buf_init(&next, 8192);
	ok = p != NULL && gf_trust_file_free(output, err) && gf_trust_take_times(run, LIFETIME, p, err) &&
	    (gf_given(a, GF_OPT_RELEASE) || take_over(run, p, err)) && gf_trust_take_keys(run, p, err) &&
	    gf_trust_take_gates(run, p, err);
	if (ok && !gf_given(a, GF_OPT_ROOT))
		ok = make_root(run, output, &root, p, err);
	ok = ok && gf_trust_take_thresholds(&a->options[GF_OPT_THRESHOLD], p, err) &&
	    gf_trust_file_write(&t, output, false, p, err) && (!root.made || sign_by_root(run, &root, &t, err));
	if (ok && root.made) {
		gf_trust_file_clear(&t);
		ok = gf_trust_file_open(&t, output, err); /* with the signature */
	}
	ok = ok && say_next(&root, output, &next, err) && gf_trust_file_tell(run, &t, next.data, err);
	gf_buf_clear(&next);
	root_clear(&root);
	gf_trust_file_clear(&t);
	gf_policy_free(p);
	return ok;
}

/* ---- show ---- */

bool gf_verb_trust_show(gf_run *run, gf_error *err)
{
	const gf_words *words = &run->args.words;
	gf_trust_file t = { .path = NULL };
	gf_state *s = NULL;
	gf_digest digest;
	gf_buf path;
	bool ok = true;

	gf_buf_init(&path, 4096);
	if (words->n > 0) {
		ok = gf_buf_puts(&path, words->items[0], err);
	} else {
		ok = (s = gf_state_open(gf_value(&run->args, GF_OPT_STATE), false, err)) != NULL &&
		    (gf_state_trust(s, &digest) > 0 ||
			gf_fail(err, GF_USAGE, "trust-none", gf_state_dir(s), "no trust file is installed in '%s'",
			    gf_state_dir(s))) &&
		    gf_buf_printf(&path, err, "%s/records/trust-%llu.json", gf_state_dir(s),
			(unsigned long long)gf_state_trust(s, &digest));
	}
	ok = ok && gf_trust_file_open(&t, path.data, err) &&
	    (s == NULL || gf_digest_equal(&digest, &t.digest) ||
		gf_fail(err, GF_FAILED, "state", path.data,
		    "'%s' is not the trust file that the log says is installed; restore it from a copy", path.data)) &&
	    gf_trust_file_tell(run, &t, NULL, err);
	gf_trust_file_clear(&t);
	gf_state_close(s);
	gf_buf_clear(&path);
	return ok;
}
