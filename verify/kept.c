/* What is kept in records/ beside a manifest: rejections, whatever became of the bundle, all statements about what was
 * accepted, and the receipt (FORMAT.md 5, W0, W3 and W5). */
#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"
#include "verify/floors.h"
#include "verify/judgement.h"
#include "verify/records.h"

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

/* The first key of the role that signed the file at place `at`; NULL: none. */
static const gf_policy_key *signer_of(
    const gf_policy *p, const gf_policy_role *role, const gf_files *files, size_t at, gf_time now, bool *signed_by)
{
	if (!gf_files_signed(p, role, now, files, at, signed_by))
		return NULL;
	for (size_t k = 0; k < role->n_keys; k++)
		if (signed_by[k])
			return &p->keys[role->keys[k]];
	return NULL;
}

/* The signatures over the file at place `at` that a key of the trust file made; what they point to is not ours. */
static gf_member *fitting(const gf_policy *p, const gf_files *files, size_t at, size_t *n, gf_error *err)
{
	const gf_member *file = &files->list[at];
	gf_member *list = gf_alloc(files->n + 1, sizeof *list, err);

	*n = 0;
	for (size_t i = 0; list != NULL && i < files->n; i++) {
		const char *ext = gf_signature_ext(files->list[i].name, file->name);
		bool fits = false;

		for (size_t k = 0; ext != NULL && !fits && k < p->n_keys; k++)
			fits = gf_signature_fits(
			    p->keys[k].key, ext, &files->list[i].bytes, gf_buf_text(&file->bytes), file->bytes.len);
		if (fits)
			list[(*n)++] = files->list[i];
	}
	return list;
}

/* Is there a line "rejected" for the statement? */
typedef struct lookup {
	const gf_digest *statement;
	bool found;
} lookup;

static bool look_at_line(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	lookup *l = ctx;
	gf_json_doc *doc;
	gf_entry e;
	bool ok = gf_entry_read(line, n, &doc, &e, err);

	(void)number;
	l->found = l->found ||
	    (ok && strcmp(e.type, "rejected") == 0 && e.has_statement && gf_digest_equal(&e.statement, l->statement));
	gf_json_free(doc);
	return ok;
}

/* A run that died between the file and its line left the file alone. */
static bool is_logged(const gf_state *s, const gf_digest *statement, bool *is, gf_error *err)
{
	lookup l = { .statement = statement };
	bool ok = gf_state_lines(s, look_at_line, &l, err);

	*is = l.found;
	return ok;
}

/* The log has one line for it, however often it is seen.  The file comes first: it is what blocks. */
static bool keep_rejection(
    const gf_judge *j, const gf_files *files, size_t at, const gf_approval *a, const char *holder, gf_error *err)
{
	const gf_member *file = &files->list[at];
	gf_digest digest;
	gf_record line = { .type = "rejected", .manifest = &a->manifest, .statement = &digest, .holder = holder };
	bool new = false, logged = false, ok;
	size_t n;
	gf_member *signatures = fitting(gf_trust_policy(j->trust), files, at, &n, err);

	ok = signatures != NULL && gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &digest, err) &&
	    gf_records_keep_statement(
		gf_state_dir(j->state), &a->manifest, "approval", file, signatures, n, &new, err) &&
	    (new || is_logged(j->state, &digest, &logged, err)) && (logged || gf_state_append(j->state, &line, 1, err));
	free(signatures);
	return ok;
}

bool gf_rejections_keep(const gf_judge *j, gf_error *err)
{
	const gf_policy *p = j->trust != NULL ? gf_trust_policy(j->trust) : NULL;
	const gf_files files = { j->companions, j->n_companions };
	gf_time now = gf_now();
	gf_policy_role approvers;
	bool *signed_by, ok;

	if (p == NULL)
		return true;
	signed_by = gf_alloc(p->n_keys + 1, sizeof *signed_by, err);
	ok = all_approvers(p, &approvers, err) && signed_by != NULL;
	for (size_t i = 0; ok && i < files.n; i++) {
		const gf_member *file = &files.list[i];
		const gf_policy_key *by =
		    gf_ends_with(file->name, ".json") ? signer_of(p, &approvers, &files, i, now, signed_by) : NULL;
		gf_approval a = { 0 };
		gf_error why;

		if (by != NULL && gf_approval_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &a, &why) &&
		    a.decision == GF_REJECT)
			ok = keep_rejection(j, &files, i, &a, by->holder, err);
		gf_approval_clear(&a);
	}
	free(approvers.keys);
	free(signed_by);
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
		signatures = fitting(p, &files, i, &n, err);
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
