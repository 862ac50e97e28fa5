/* FORMAT.md 5, judging, step 3: signatures, inside and beside. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"
#include "verify/signers.h"

#define STEM "manifest.json"

void gf_text_append(char *text, size_t cap, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text + n, cap - n, fmt, args);
	va_end(args);
}

/* The signature files inside and beside, as one list. */
typedef struct files {
	const gf_member *inside, *beside;
	size_t n_inside, n_beside;
} files;

static files files_of(const gf_reader *r, const gf_judge *j)
{
	files f = { .beside = j->companions, .n_beside = j->n_companions };

	f.inside = gf_reader_signatures(r, &f.n_inside);
	return f;
}

/* The i-th, or NULL where it is a companion of another kind. */
static const gf_member *file_at(const files *f, size_t i)
{
	const gf_member *m = i < f->n_inside ? &f->inside[i] : &f->beside[i - f->n_inside];

	return gf_signature_ext(m->name, STEM) != NULL ? m : NULL;
}

static bool fits(const gf_pubkey *k, const gf_member *m, const gf_buf *statement)
{
	return gf_signature_fits(k, gf_signature_ext(m->name, STEM), &m->bytes, gf_buf_text(statement), statement->len);
}

void gf_signers_forget(gf_verdict *v)
{
	for (size_t i = 0; v->comments != NULL && i < v->n_signers; i++)
		free(v->comments[i]);
	free(v->comments);
	free(v->signers);
	v->comments = NULL;
	v->signers = NULL;
	v->n_signers = 0;
}

/* A key that signs twice counts once. */
static bool count_signer(gf_verdict *v, const gf_pubkey *k, const gf_member *m, gf_error *err)
{
	size_t i = 0;
	gf_buf comment;
	bool ok;

	while (i < v->n_signers && v->signers[i] != k)
		i++;
	v->signers[i] = k;
	if (i == v->n_signers)
		v->n_signers++;
	gf_buf_init(&comment, GF_SIGNATURE_MAX);
	ok = gf_signature_comment(gf_signature_ext(m->name, STEM), &m->bytes, &comment, err);
	if (ok && comment.len > 0 && v->comments[i] == NULL)
		ok = (v->comments[i] = gf_strdup(gf_buf_text(&comment), err)) != NULL;
	gf_buf_clear(&comment);
	return ok;
}

/* When the i-th key is valid: a trust file may say it, and a certificate does. */
static void times_of(const gf_trust *t, size_t i, gf_time *from, gf_time *until)
{
	const gf_policy *p = gf_trust_policy(t);

	if (p != NULL)
		gf_policy_key_times(&p->keys[i], from, until);
	else
		gf_pubkey_times(gf_trust_key(t, i), from, until);
}

/* The keys that are valid now count, whatever their role (FORMAT.md 5, step 3). */
static bool valid_now(const gf_trust *t, size_t i, gf_time now)
{
	gf_time from, until;

	times_of(t, i, &from, &until);
	return now >= from && (until == 0 || now <= until);
}

static bool find_signers(const gf_reader *r, const gf_judge *j, gf_verdict *v, gf_error *err)
{
	const gf_buf *statement = gf_reader_statement(r);
	gf_time now = gf_now();
	size_t n_keys = j->trust != NULL ? gf_trust_count(j->trust) : 0;
	files f = files_of(r, j);

	gf_signers_forget(v);
	v->n_signatures = v->n_unknown = 0;
	v->signers = gf_alloc(n_keys, sizeof *v->signers, err);
	v->comments = v->signers != NULL ? gf_alloc(n_keys, sizeof *v->comments, err) : NULL;
	if (v->comments == NULL)
		return false;
	for (size_t i = 0; i < f.n_inside + f.n_beside; i++) {
		const gf_member *m = file_at(&f, i);
		bool known = false;

		if (m == NULL)
			continue;
		v->n_signatures++;
		for (size_t k = 0; !known && k < n_keys; k++) {
			known = valid_now(j->trust, k, now) && fits(gf_trust_key(j->trust, k), m, statement);
			if (known && !count_signer(v, gf_trust_key(j->trust, k), m, err))
				return false;
		}
		v->n_unknown += !known;
	}
	return true;
}

/* "ci 0011223344556677, ops ..." */
static void list_keys(const gf_trust *t, char *text, size_t cap)
{
	size_t n = t != NULL ? gf_trust_count(t) : 0;

	for (size_t i = 0; i < n && i < 8; i++) {
		char hex[GF_HEX_SIZE];

		gf_digest_hex(gf_pubkey_id(gf_trust_key(t, i)), hex);
		gf_text_append(
		    text, cap, "%s%.40s %.16s", i > 0 ? ", " : "", gf_pubkey_holder(gf_trust_key(t, i)), hex);
	}
	if (n > 8)
		gf_text_append(text, cap, " and %zu more", n - 8);
}

/* The hints in the names, which prove nothing but help the reader of the message. */
static void list_hints(const files *f, char *text, size_t cap)
{
	size_t shown = 0;

	for (size_t i = 0; i < f->n_inside + f->n_beside && shown < 8; i++) {
		const gf_member *m = file_at(f, i);

		if (m != NULL)
			gf_text_append(text, cap, "%s%.16s", shown++ > 0 ? ", " : "", m->name + strlen(STEM) + 1);
	}
}

/* A key that made one of them and is not valid now: "; ci signed it, and that key was valid until ...". */
static void explain_time(const gf_reader *r, const gf_judge *j, const files *f, char *text, size_t cap)
{
	size_t n_keys = j->trust != NULL ? gf_trust_count(j->trust) : 0;
	gf_time now = gf_now(), from, until;

	for (size_t i = 0; i < f->n_inside + f->n_beside; i++) {
		const gf_member *m = file_at(f, i);

		for (size_t k = 0; m != NULL && k < n_keys; k++) {
			const gf_pubkey *key = gf_trust_key(j->trust, k);
			char at[GF_TIME_SIZE];

			if (valid_now(j->trust, k, now) || !fits(key, m, gf_reader_statement(r)))
				continue;
			times_of(j->trust, k, &from, &until);
			gf_time_print(from > now ? from : until, at);
			gf_text_append(text, cap, "; %s signed it, with a key that is valid %s %s",
			    gf_pubkey_holder(key), from > now ? "only from" : "until", at);
			return;
		}
	}
}

static bool has_legacy(const files *f)
{
	for (size_t i = 0; i < f->n_inside + f->n_beside; i++) {
		const gf_member *m = file_at(f, i);

		if (m != NULL && gf_signature_legacy(gf_signature_ext(m->name, STEM), &m->bytes))
			return true;
	}
	return false;
}

/* "; ..." about a form that could not be taken. */
static const char *explain_form(const files *f, const gf_trust *t)
{
	bool certificates = false, cms = false;

	for (size_t i = 0; t != NULL && i < gf_trust_count(t); i++)
		certificates = certificates || gf_pubkey_is_certificate(gf_trust_key(t, i));
	for (size_t i = 0; i < f->n_inside + f->n_beside; i++) {
		const gf_member *m = file_at(f, i);

		cms = cms || (m != NULL && strcmp(gf_signature_ext(m->name, STEM), "p7s") == 0);
	}
	if (has_legacy(f))
		return "; a .minisig in the older form (minisign -l) is not taken";
	return cms && !certificates ? "; a .p7s needs the signer's certificate, and only bare keys are trusted here"
				    : "";
}

/* Nothing satisfies: say what was found, what is trusted, and what to do. */
static bool refuse_signatures(const gf_reader *r, const gf_judge *j, const gf_verdict *v, gf_error *err)
{
	const char *name = gf_reader_name(r);
	char keys[400] = "", hints[200] = "", times[160] = "";
	files f = files_of(r, j);
	const char *form = explain_form(&f, j->trust);

	list_keys(j->trust, keys, sizeof keys);
	list_hints(&f, hints, sizeof hints);
	explain_time(r, j, &f, times, sizeof times);
	if (v->n_signatures == 0)
		return gf_fail(err, GF_REFUSED, "signature", name,
		    "'%s' has no signature, inside or beside it (trusted here: %s); --allow-unsigned lets an unsigned bundle "
		    "through, and is logged",
		    name, keys[0] != '\0' ? keys : "no key");
	if (keys[0] == '\0')
		return gf_fail(err, GF_REFUSED, "signature", name,
		    "'%s' has %zu signature%s (by key %s, as their names say) and no key is trusted here: give --key, or put "
		    "public keys as *.pub, certificates as *.crt into keys/ of the configuration",
		    name, v->n_signatures, v->n_signatures == 1 ? "" : "s", hints);
	return gf_fail(err, GF_REFUSED, "signature", name,
	    "'%s' has %zu signature%s (by key %s, as the names say) and none fits a trusted key (%s): it was signed by "
	    "somebody else, or changed since, or the medium is damaged: copy it again and compare%s%s%s",
	    name, v->n_signatures, v->n_signatures == 1 ? "" : "s", hints, keys, times,
	    j->allow_unsigned ? "; --allow-unsigned is for bundles without any signature" : "", form);
}

bool gf_signers_judge(const gf_reader *r, const gf_judge *j, gf_verdict *v, gf_error *err)
{
	char hex[GF_HEX_SIZE];

	if (!find_signers(r, j, v, err))
		return false;
	if (v->n_signers > 0) {
		gf_digest_hex(gf_pubkey_id(v->signers[0]), hex);
		gf_check_set(v, GF_CHECK_SIGNATURE, GF_CHECK_PASSED,
		    "%zu of %zu signatures by %zu trusted key%s (%s %.16s%s)", v->n_signatures - v->n_unknown,
		    v->n_signatures, v->n_signers, v->n_signers == 1 ? "" : "s", gf_pubkey_holder(v->signers[0]), hex,
		    v->n_signers > 1 ? ", ..." : "");
		return true;
	}
	if (v->n_signatures == 0 && j->allow_unsigned) {
		v->unsigned_bundle = true;
		gf_check_set(v, GF_CHECK_SIGNATURE, GF_CHECK_LIFTED, "unsigned; let through by --allow-unsigned");
		return true;
	}
	(void)refuse_signatures(r, j, v, err);
	gf_check_set(v, GF_CHECK_SIGNATURE, GF_CHECK_FAILED, "%s", err->text);
	return j->skip_signatures;
}

bool gf_accept_keep(gf_reader *r, const gf_judge *j, const gf_verdict *v, gf_error *err)
{
	const gf_buf *statement = gf_reader_statement(r);
	files f = files_of(r, j);
	gf_member *counted =
	    gf_alloc(f.n_inside + f.n_beside, sizeof *counted, err); /* what they point to is not ours */
	size_t n = 0;
	bool ok = counted != NULL;

	for (size_t i = 0; ok && i < f.n_inside + f.n_beside; i++) {
		const gf_member *m = file_at(&f, i);
		bool counts = false;

		for (size_t k = 0; m != NULL && !counts && k < v->n_signers; k++)
			counts = fits(v->signers[k], m, statement);
		if (counts)
			counted[n++] = *m;
	}
	ok = ok && gf_state_keep(j->state, &v->manifest_digest, statement, counted, n, err) &&
	    gf_statements_keep(j, &v->manifest_digest, err);
	free(counted);
	return ok;
}
