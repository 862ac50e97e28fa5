/* trust sign and apply. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trust.h"

/* ---- sign ---- */

static bool in_root(const gf_policy *p, const gf_pubkey *k)
{
	const gf_policy_role *root = gf_policy_role_find(p, "root");

	for (size_t i = 0; i < root->n_keys; i++)
		if (gf_digest_equal(&p->keys[root->keys[i]].id, gf_pubkey_id(k)))
			return true;
	return false;
}

static bool sign_one(gf_run *run, const gf_trust_file *t, gf_signer *s, gf_error *err)
{
	if (!in_root(t->policy, gf_signer_public(s)))
		gf_event_say(run->events, GF_EVENT_WARNING,
		    "key '%s' is no root of this version: it counts where it is a root of the one before",
		    gf_pubkey_holder(gf_signer_public(s)));
	return gf_trust_file_sign(run, t, s, err);
}

static bool is_there(const gf_member *have, size_t n, const gf_member *m)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(have[i].name, m->name) == 0 && have[i].bytes.len == m->bytes.len &&
		    memcmp(gf_buf_text(&have[i].bytes), gf_buf_text(&m->bytes), m->bytes.len) == 0)
			return true;
	return false;
}

/* The file and its signatures among the companions, under the names they have there. */
static bool put_beside(const char *bundle, const gf_trust_file *t, gf_error *err)
{
	const gf_member *file = &t->files.members[0];
	size_t stem = strlen(file->name), n_have = 0;
	gf_member *have = NULL;
	char name[64], full[160];
	bool ok = gf_companion_name("trust", &file->bytes, name, err) &&
	    gf_companions_load(bundle, NULL, 0, &have, &n_have, err);

	for (size_t i = 0; ok && i < t->files.n; i++) {
		gf_member m = t->files.members[i]; /* what it points to is not ours */

		(void)snprintf(full, sizeof full, "%s%s", name, m.name + stem);
		m.name = full;
		ok = is_there(have, n_have, &m) || gf_companion_store(bundle, &m, err);
	}
	gf_members_free(have, n_have);
	return ok;
}

bool gf_verb_trust_sign(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const gf_words *keys = &a->options[GF_OPT_PACK_KEY];
	const char *path = a->words.items[0], *bundle = gf_value(a, GF_OPT_COMPANION);
	gf_trust_file t = { .path = NULL };
	gf_signer **signers = NULL;
	size_t n = 0;
	bool ok;

	if (keys->n == 0 && bundle == NULL)
		return gf_fail(err, GF_USAGE, "option", NULL, "the key is missing: --key FILE");
	ok = gf_trust_file_open(&t, path, err) && gf_signers_take(run, keys->items, keys->n, &signers, &n, err);
	for (size_t i = 0; ok && i < n; i++)
		ok = sign_one(run, &t, signers[i], err);
	if (ok) {
		gf_trust_file_clear(&t);
		ok = gf_trust_file_open(&t, path, err); /* with the new signatures */
	}
	ok = ok && (bundle == NULL || put_beside(bundle, &t, err)) && gf_trust_file_tell(run, &t, NULL, err);
	gf_signers_free(signers, n);
	gf_trust_file_clear(&t);
	return ok;
}

/* ---- apply ---- */

typedef struct applying {
	gf_trust_files files;
	size_t *given; /* places of the words' files */
	size_t n_given;
	bool has_digest;
	gf_digest digest; /* --sha256 */
	gf_state *state;
	gf_trust *trust;
	uint64_t before; /* the version that was installed; 0: none */
} applying;

/* "1f3a 88c0 ...", as it was read out, or with "sha256:" in front. */
static bool read_digest(const gf_run *run, applying *ap, gf_error *err)
{
	const char *text = gf_value(&run->args, GF_OPT_SHA256);
	char hex[GF_HEX_SIZE];
	size_t n = 0;

	if (text == NULL)
		return true;
	if (gf_starts_with(text, "sha256:"))
		text += 7;
	for (const char *c = text; *c != '\0' && n < sizeof hex; c++)
		if (*c != ' ')
			hex[n++] = *c;
	ap->has_digest = n == sizeof hex - 1;
	if (ap->has_digest)
		hex[n] = '\0';
	ap->has_digest = ap->has_digest && gf_digest_parse_hex(hex, &ap->digest);
	return ap->has_digest || gf_value_fail(GF_OPT_SHA256, err, "expected 64 lower-case hex digits");
}

/* The companions join the files given: what follows what is found among all of them. */
static bool add_companions(applying *ap, const gf_words *with, gf_error *err)
{
	gf_trust_files *f = &ap->files;
	gf_member *found = NULL;
	size_t n = 0;

	if (!gf_companions_load("-", with->items, with->n, &found, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!gf_grow(&f->members, &f->room, f->n, sizeof *found, err)) {
			gf_members_free(found, n);
			return false;
		}
		f->members[f->n++] = found[i];
		found[i] = (gf_member){ .name = NULL };
	}
	free(found);
	return true;
}

static bool read_files(const gf_run *run, applying *ap, gf_error *err)
{
	const gf_words *words = &run->args.words, *with = &run->args.options[GF_OPT_WITH];

	if (words->n == 0 && with->n == 0)
		return gf_fail(err, GF_USAGE, "argument", NULL, "a trust file is missing: gapferry trust apply FILE");
	ap->given = gf_alloc(words->n + 1, sizeof *ap->given, err);
	if (ap->given == NULL)
		return false;
	for (size_t i = 0; i < words->n; i++) {
		ap->given[ap->n_given++] = ap->files.n;
		if (!gf_trust_files_add(&ap->files, words->items[i], err))
			return false;
	}
	return add_companions(ap, with, err);
}

static const gf_member *given_file(const applying *ap, size_t i)
{
	return &ap->files.members[ap->given[i]];
}

/* The file of --sha256, which is the first here. */
static bool begin(applying *ap, gf_error *err)
{
	for (size_t i = 0; i < ap->n_given; i++) {
		const gf_member *file = given_file(ap, i);
		gf_digest found;

		if (!gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &found, err))
			return false;
		if (gf_digest_equal(&found, &ap->digest) || i + 1 == ap->n_given) {
			ap->trust = gf_trust_begin(&ap->digest, file, ap->files.members, ap->files.n, err);
			return ap->trust != NULL;
		}
	}
	return gf_fail(
	    err, GF_USAGE, "argument", NULL, "the first trust file here is given as FILE, not as a companion");
}

static bool open_trust(const gf_run *run, applying *ap, gf_error *err)
{
	gf_digest installed;

	ap->before = gf_state_trust(ap->state, &installed);
	if (ap->before > 0) {
		ap->trust = gf_trust_for(ap->state, NULL, 0, NULL, GF_TRUST_UNPACK, err);
		return ap->trust != NULL;
	}
	if (!ap->has_digest)
		return gf_fail(err, GF_USAGE, "option", NULL,
		    "no trust file is installed here, and who signed the first one proves nothing: --sha256 HEX is its digest, "
		    "which you have another way (by phone, on paper) from those who made it");
	if (!gf_given(&run->args, GF_OPT_SITE) && gf_state_site(ap->state) == NULL)
		return gf_fail(err, GF_USAGE, "option", NULL, "what is this site called? --site NAME, once");
	return begin(ap, err);
}

/* Every file that was named is installed, or will be; else its own reason. */
static bool must_be_taken(const applying *ap, gf_error *err)
{
	for (size_t i = 0; i < ap->n_given; i++) {
		const gf_member *file = given_file(ap, i);
		gf_policy *p;
		gf_digest found;

		if (!gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &found, err))
			return false;
		if (gf_trust_holds(ap->trust, &found))
			continue;
		p = gf_policy_next(gf_trust_policy(ap->trust), file, ap->files.members, ap->files.n, err);
		gf_policy_free(p);
		return false;
	}
	return true;
}

/* --sha256 where one is installed already: it must be that of a file given. */
static bool must_have_digest(const applying *ap, gf_error *err)
{
	char hex[GF_HEX_SIZE];

	if (!ap->has_digest || gf_trust_holds(ap->trust, &ap->digest))
		return true;
	gf_digest_hex(&ap->digest, hex);
	return gf_fail(err, GF_REFUSED, "trust-digest", hex, "none of the files given has the digest %s", hex);
}

static bool apply(const gf_run *run, applying *ap, gf_error *err)
{
	const char *site = gf_value(&run->args, GF_OPT_SITE);

	return open_trust(run, ap, err) && gf_trust_extend(ap->trust, ap->files.members, ap->files.n, err) &&
	    must_be_taken(ap, err) && must_have_digest(ap, err) &&
	    (gf_trust_newer(ap->trust) == 0 || gf_policy_fresh(gf_trust_policy(ap->trust), err)) &&
	    (site == NULL || gf_state_set_site(ap->state, site, err)) && gf_trust_install(ap->trust, ap->state, err);
}

/* The log as this run leaves it, or one that died before it came to this.  Its lines are on the disk whether they are
 * signed or not. */
static void sign_log(const gf_run *run, gf_state *s)
{
	gf_error err;
	gf_signer *key = gf_state_site_key(s, gf_value(&run->args, GF_OPT_SITE_SIGN_CMD), &err);

	if (key == NULL || !gf_state_checkpoint(s, key, &err))
		gf_event_say(
		    run->events, GF_EVENT_WARNING, "the checkpoint of the log is not signed anew: %s", err.text);
	gf_signer_free(key);
}

static bool tell_applied(gf_run *run, const applying *ap, size_t installed, gf_error *err)
{
	const gf_policy *p = gf_trust_policy(ap->trust);
	char hex[GF_HEX_SIZE], version[32], expires[GF_TIME_SIZE];
	gf_table *t;
	gf_report r;

	gf_digest_hex(gf_trust_digest(ap->trust), hex);
	gf_time_print(p->expires, expires);
	if (run->json) {
		gf_report_open(&r, run, err);
		gf_json_put_u64(&r.out, "version", p->version);
		gf_json_put_u64(&r.out, "before", ap->before);
		gf_json_put_u64(&r.out, "installed", installed);
		gf_json_put(&r.out, "sha256", hex);
		gf_json_put(&r.out, "expires", expires);
		gf_json_put(&r.out, "site", gf_state_site(ap->state));
		return gf_report_close(&r, run, NULL, err);
	}
	(void)snprintf(version, sizeof version, "%llu", (unsigned long long)p->version);
	t = gf_table_new(2, err);
	gf_table_add(t, installed > 0 ? "installed" : "installed already", version);
	gf_table_add(t, "sha256", hex);
	gf_table_add(t, "expires", expires);
	gf_table_add(t, "site", gf_state_site(ap->state));
	return gf_table_print(t, stdout, 0, err);
}

bool gf_verb_trust_apply(gf_run *run, gf_error *err)
{
	applying ap = { .before = 0 };
	size_t installed = 0;
	bool ok = read_digest(run, &ap, err) && read_files(run, &ap, err) &&
	    (ap.state = gf_state_open(gf_value(&run->args, GF_OPT_STATE), true, err)) != NULL &&
	    gf_state_lock(ap.state, err);

	if (ok) {
		ok = apply(run, &ap, err);
		gf_state_unlock(ap.state);
	}
	if (ok) {
		installed = (size_t)(gf_trust_policy(ap.trust)->version - ap.before);
		sign_log(run, ap.state);
	}
	ok = ok && tell_applied(run, &ap, ap.before == 0 ? 1 : installed, err);
	gf_trust_free(ap.trust);
	gf_state_close(ap.state);
	gf_trust_files_clear(&ap.files);
	free(ap.given);
	return ok;
}
