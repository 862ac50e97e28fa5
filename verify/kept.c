/* What is kept in records/ beside a manifest: rejections, whatever became of the bundle, all statements about what was
 * accepted, and the receipt (FORMAT.md 5, W0, W3 and W5). */
#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"
#include "verify/judgement.h"
#include "verify/records.h"
#include "verify/state.h"

static bool approves_somewhere(const gf_policy *p, size_t key)
{
	for (size_t s = 0; s < p->n_streams; s++)
		for (size_t e = 0; e < p->streams[s].n_environments; e++) {
			const char *name = p->streams[s].environments[e].approvers;
			const gf_policy_role *role = name != NULL ? gf_policy_role_find(p, name) : NULL;

			for (size_t i = 0; role != NULL && i < role->n_keys; i++)
				if (role->keys[i] == key)
					return true;
		}
	return false;
}

/* The keys of all approver roles as one, so that a signature is tried once with each of them; the caller frees keys. */
static bool all_approvers(const gf_policy *p, gf_policy_role *out, gf_error *err)
{
	*out = (gf_policy_role){ .keys = gf_alloc(p->n_keys + 1, sizeof *out->keys, err) };
	for (size_t k = 0; out->keys != NULL && k < p->n_keys; k++)
		if (approves_somewhere(p, k))
			out->keys[out->n_keys++] = k;
	return out->keys != NULL;
}

/* The signatures over the file that a key of the trust file made; what they point to is not ours. */
static gf_member *fitting(const gf_policy *p, const gf_files *files, const gf_member *file, size_t *n, gf_error *err)
{
	gf_member *list = gf_alloc(files->n + 1, sizeof *list, err);

	*n = 0;
	for (size_t i = 0; list != NULL && i < files->n; i++) {
		bool fits = false;

		for (size_t k = 0; !fits && k < p->n_keys; k++)
			fits = gf_signature_among(
			    p->keys[k].key, file->name, gf_buf_text(&file->bytes), file->bytes.len, &files->list[i], 1);
		if (fits)
			list[(*n)++] = files->list[i];
	}
	return list;
}

static bool is_rejection(const void *statement, const gf_entry *e)
{
	return strcmp(e->type, "rejected") == 0 && e->has_statement && gf_digest_equal(&e->statement, statement);
}

typedef struct keeping {
	const gf_judge *judge;
	const gf_files *files;
	const gf_policy_role *approvers;
} keeping;

/* The log has one line for it, however often it is seen.  The file comes first: it is what blocks.  A run that died
 * between the two left the file alone. */
static bool keep_rejection(
    const keeping *k, const gf_member *file, const gf_approval *a, const char *holder, gf_error *err)
{
	const gf_judge *j = k->judge;
	gf_digest digest;
	gf_record line = { .type = "rejected", .manifest = &a->manifest, .statement = &digest, .holder = holder };
	bool new = false, logged = false, ok;
	size_t n;
	gf_member *signatures = fitting(gf_trust_policy(j->trust), k->files, file, &n, err);

	ok = signatures != NULL && gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &digest, err) &&
	    gf_records_keep_statement(
		gf_state_dir(j->state), &a->manifest, "approval", file, signatures, n, &new, err) &&
	    (new || gf_state_find(j->state, is_rejection, &digest, &logged, NULL, err)) &&
	    (logged || gf_state_append(j->state, &line, 1, err));
	free(signatures);
	return ok;
}

/* holder: of the first key that signed it. */
static bool take_rejection(void *ctx, const gf_member *file, const bool *signed_by, gf_error *err)
{
	const keeping *k = ctx;
	const gf_policy *p = gf_trust_policy(k->judge->trust);
	gf_approval a = { 0 };
	gf_error why;
	size_t first = 0;
	bool ok = true;

	while (!signed_by[first])
		first++;
	if (gf_approval_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &a, &why) &&
	    a.decision == GF_REJECT)
		ok = keep_rejection(k, file, &a, p->keys[k->approvers->keys[first]].holder, err);
	gf_approval_clear(&a);
	return ok;
}

bool gf_rejections_keep(const gf_judge *j, gf_error *err)
{
	const gf_policy *p = j->trust != NULL ? gf_trust_policy(j->trust) : NULL;
	const gf_files files = { j->companions, j->n_companions };
	gf_policy_role approvers;
	keeping k = { j, &files, &approvers };
	bool ok;

	if (p == NULL)
		return true;
	ok = all_approvers(p, &approvers, err) &&
	    gf_files_each_signed(p, &approvers, gf_now(), &files, take_rejection, &k, err);
	free(approvers.keys);
	return ok;
}

/* "approval", "permit", "receipt": how a statement about that manifest is called among companions; NULL: it is none. */
static const char *kind_of(const gf_member *file, const gf_digest *manifest)
{
	static const struct {
		const char *type, *kind;
	} kinds[] = { { GF_TYPE_APPROVAL, "approval" }, { GF_TYPE_PERMIT, "permit" }, { GF_TYPE_RECEIPT, "receipt" } };
	const char *kind = NULL;
	gf_statement s;
	gf_error why;

	if (!gf_statement_open(gf_buf_text(&file->bytes), file->bytes.len, file->name, NULL, &s, &why))
		return NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(s.type, kinds[i].type) == 0 && gf_digest_equal(&s.subject, manifest))
			kind = kinds[i].kind;
	gf_statement_close(&s);
	return kind;
}

bool gf_statements_keep(const gf_judge *j, const gf_digest *manifest, gf_error *err)
{
	const gf_policy *p = j->trust != NULL ? gf_trust_policy(j->trust) : NULL;
	const gf_files files = { j->companions, j->n_companions };
	bool ok = true;

	for (size_t i = 0; ok && p != NULL && i < files.n; i++) {
		const gf_member *file = &files.list[i];
		gf_member *signatures;
		const char *kind;
		bool new;
		size_t n;

		if (!gf_ends_with(file->name, ".json"))
			continue;
		signatures = fitting(p, &files, file, &n, err);
		ok = signatures != NULL;
		kind = ok && n > 0 ? kind_of(file, manifest) : NULL;
		ok = ok &&
		    (kind == NULL ||
			gf_records_keep_statement(
			    gf_state_dir(j->state), manifest, kind, file, signatures, n, &new, err));
		free(signatures);
	}
	return ok;
}

bool gf_receipt_keep(
    gf_state *s, const gf_receipt *r, gf_signer *site_key, gf_member *file, gf_member *signature, gf_error *err)
{
	char name[64];
	bool new;

	file->name = signature->name = NULL;
	gf_buf_init(&file->bytes, GF_COMPANION_MAX);
	gf_buf_init(&signature->bytes, GF_SIGNATURE_MAX);
	return gf_receipt_print(r, &file->bytes, err) && gf_companion_name("receipt", &file->bytes, name, err) &&
	    (file->name = gf_strdup(name, err)) != NULL &&
	    gf_signer_sign(site_key, name, gf_buf_text(&file->bytes), file->bytes.len, signature, err) &&
	    gf_records_keep_statement(gf_state_dir(s), &r->manifest, "receipt", file, signature, 1, &new, err);
}
