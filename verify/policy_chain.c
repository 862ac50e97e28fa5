/* Who signed a trust file, and does it follow the one before (FORMAT.md 4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

/* ---- counting ---- */

static bool is_among(const gf_pubkey *const *signers, size_t n, const gf_policy_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (gf_digest_equal(gf_pubkey_id(signers[i]), &k->id))
			return true;
	return false;
}

size_t gf_policy_count(
    const gf_policy *p, const gf_policy_role *role, gf_time at, const gf_pubkey *const *signers, size_t n)
{
	size_t holders = 0;

	for (size_t i = 0; i < role->n_keys; i++) {
		const gf_policy_key *k = &p->keys[role->keys[i]];
		bool counted = !gf_policy_key_valid(k, at) || !is_among(signers, n, k);

		/* An earlier key of the same holder has counted already. */
		for (size_t e = 0; !counted && e < i; e++) {
			const gf_policy_key *earlier = &p->keys[role->keys[e]];

			counted = strcmp(earlier->holder, k->holder) == 0 && gf_policy_key_valid(earlier, at) &&
			    is_among(signers, n, earlier);
		}
		holders += !counted;
	}
	return holders;
}

bool gf_policy_signed(const gf_policy *p, const gf_policy_role *role, gf_time at, const char *stem, const void *bytes,
    size_t n, const gf_member *signatures, size_t n_signatures, size_t *holders, gf_error *err)
{
	const gf_pubkey **signers = gf_alloc(role->n_keys + 1, sizeof *signers, err);
	size_t n_signers = 0;

	*holders = 0;
	if (signers == NULL)
		return false;
	for (size_t k = 0; k < role->n_keys; k++) {
		const gf_pubkey *key = p->keys[role->keys[k]].key;

		if (gf_signature_among(key, stem, bytes, n, signatures, n_signatures))
			signers[n_signers++] = key;
	}
	*holders = gf_policy_count(p, role, at, signers, n_signers);
	free(signers);
	return true;
}

/* ---- the next version ---- */

/* "alice 0011223344556677, bob ..." */
static void list_holders(const gf_policy *p, const gf_policy_role *r, char *text, size_t cap)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->n_keys && n + 100 < cap; i++) {
		char hex[GF_HEX_SIZE];

		gf_digest_hex(&p->keys[r->keys[i]].id, hex);
		n += (size_t)snprintf(
		    text + n, cap - n, "%s%s %.16s", i > 0 ? ", " : "", p->keys[r->keys[i]].holder, hex);
	}
}

/* Is the file signed by a threshold of p's root?  name: of the error. */
static bool root_signed(
    const gf_policy *p, const char *name, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err)
{
	const gf_policy_role *root = gf_policy_role_find(p, "root");
	char holders[400];
	size_t found;

	if (!gf_policy_signed(
		p, root, 0, file->name, gf_buf_text(&file->bytes), file->bytes.len, signatures, n, &found, err))
		return false;
	if (found >= root->threshold)
		return true;
	list_holders(p, root, holders, sizeof holders);
	return gf_fail(err, GF_REFUSED, name, file->name,
	    "'%s' is signed by %zu of the %llu root holders that version %llu asks for (%s)", file->name, found,
	    (unsigned long long)root->threshold, (unsigned long long)p->version, holders);
}

static bool follows(const gf_policy *p, const gf_policy *now, const char *name, gf_error *err)
{
	return p->version == now->version + 1 ||
	    gf_fail(err, GF_REFUSED, "trust-version", name,
		"'%s' is version %llu, and behind version %llu only %llu can follow%s", name,
		(unsigned long long)p->version, (unsigned long long)now->version, (unsigned long long)now->version + 1,
		p->version > now->version ? ": give the versions between, too" : "");
}

static bool is_past(const gf_policy *p, const char *name, gf_error *err)
{
	char created[GF_TIME_SIZE], now[GF_TIME_SIZE];

	if (p->created <= gf_now() + GF_SKEW)
		return true;
	gf_time_print(p->created, created);
	gf_time_print(gf_now(), now);
	return gf_fail(err, GF_REFUSED, "trust-created", name,
	    "'%s' says that it was made at %s, and the clock here says %s: one of the two clocks is wrong", name,
	    created, now);
}

/* Read, of the version behind now (NULL: any), sound, signed by its own root, and not from the future. */
static gf_policy *read_signed(
    const gf_policy *now, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err)
{
	gf_policy *p = gf_policy_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, err);

	if (p != NULL && (now == NULL || follows(p, now, file->name, err)) && gf_policy_check(p, err) &&
	    root_signed(p, "trust-own-root", file, signatures, n, err) && is_past(p, file->name, err))
		return p;
	gf_policy_free(p);
	return NULL;
}

gf_policy *gf_policy_next(
    const gf_policy *now, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err)
{
	return root_signed(now, "trust-root", file, signatures, n, err) ? read_signed(now, file, signatures, n, err)
									: NULL;
}

gf_policy *gf_policy_first(
    const gf_digest *digest, const gf_member *file, const gf_member *signatures, size_t n, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_digest found;

	if (!gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &found, err))
		return NULL;
	if (gf_digest_equal(&found, digest))
		return read_signed(NULL, file, signatures, n, err);
	gf_digest_hex(&found, hex);
	gf_fail(err, GF_REFUSED, "trust-digest", file->name,
	    "'%s' has the digest %s, which is not the one given: compare both with those who signed it", file->name,
	    hex);
	return NULL;
}

bool gf_policy_fresh(const gf_policy *p, gf_error *err)
{
	char expires[GF_TIME_SIZE], now[GF_TIME_SIZE];

	if (gf_now() < p->expires)
		return true;
	gf_time_print(p->expires, expires);
	gf_time_print(gf_now(), now);
	return gf_fail(err, GF_REFUSED, "trust-expired", NULL,
	    "trust file %llu expired at %s, and now it is %s: only its successor is taken (gapferry trust apply)",
	    (unsigned long long)p->version, expires, now);
}
