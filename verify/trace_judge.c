/* Who signed, approved, permitted and received what lies in records/, by the trust file that was in force then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/records.h"
#include "verify/trace.h"

/* ---- the trust file ---- */

static bool load_policy(gf_trace_bundle *b, const char *state_dir, const gf_digest *digest, gf_error *err)
{
	b->policy = gf_records_trust(state_dir, b->trust_version, digest, err);
	return b->policy != NULL ||
	    gf_because(
		err, "trust file %llu, which was in force when it was accepted", (unsigned long long)b->trust_version);
}

static size_t key_count(const gf_trace_bundle *b, const gf_trace_trust *t)
{
	return b->policy != NULL ? b->policy->n_keys : gf_trust_count(t->keys);
}

static const gf_pubkey *key_at(const gf_trace_bundle *b, const gf_trace_trust *t, size_t i)
{
	return b->policy != NULL ? b->policy->keys[i].key : gf_trust_key(t->keys, i);
}

/* ---- signers ---- */

static bool find_signers(
    gf_trace_bundle *b, const char *dir, const gf_buf *statement, const gf_trace_trust *t, gf_error *err)
{
	gf_member *files = NULL;
	size_t n = 0, n_keys = key_count(b, t);
	bool ok = gf_records_signatures(dir, &b->digest, &files, &n, err);

	b->n_signatures = n;
	b->signers = ok ? gf_alloc(n_keys + 1, sizeof *b->signers, err) : NULL;
	ok = b->signers != NULL;
	for (size_t k = 0; ok && k < n_keys; k++)
		if (gf_signature_among(
			key_at(b, t, k), "manifest.json", gf_buf_text(statement), statement->len, files, n))
			b->signers[b->n_signers++] = key_at(b, t, k);
	gf_members_free(files, n);
	return ok;
}

/* As judging did it: the threshold of the stream's release role, keys being valid then. */
static void weigh(gf_trace_bundle *b)
{
	const gf_policy_stream *stream;
	const gf_policy_role *role;
	size_t n;

	b->vouched = b->n_signers > 0;
	if (b->policy == NULL || !b->vouched)
		return;
	stream = b->manifest->stream != NULL ? gf_policy_stream_find(b->policy, b->manifest->stream) : NULL;
	role = stream != NULL ? gf_policy_role_find(b->policy, stream->release) : NULL;
	n = role != NULL ? gf_policy_count(b->policy, role, b->accepted, b->signers, b->n_signers) : 0;
	b->vouched = role != NULL && n >= role->threshold;
	if (role == NULL)
		(void)snprintf(b->lacks, sizeof b->lacks, "trust file %llu knows no stream '%s'",
		    (unsigned long long)b->trust_version, b->manifest->stream != NULL ? b->manifest->stream : "");
	else if (!b->vouched)
		(void)snprintf(b->lacks, sizeof b->lacks,
		    "trust file %llu asks for signatures by %llu of role '%s', and there are %zu",
		    (unsigned long long)b->trust_version, (unsigned long long)role->threshold, role->name, n);
}

/* ---- approvals, rejections, permits ---- */

static bool add_word(gf_trace_bundle *b, const char *holder, const gf_member *file, gf_approval *a, gf_error *err)
{
	gf_trace_word *w;

	for (size_t i = 0; i < b->n_words; i++)
		if (strcmp(b->words[i].holder, holder) == 0 && b->words[i].created == a->created &&
		    b->words[i].decision == a->decision && strcmp(b->words[i].environment, a->environment) == 0)
			return true; /* a holder of two keys */
	if (!gf_grow(&b->words, &b->words_room, b->n_words, sizeof *b->words, err))
		return false;
	w = &b->words[b->n_words++];
	w->decision = a->decision;
	w->created = a->created;
	w->expires = a->expires;
	return gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &w->file, err) &&
	    (w->holder = gf_strdup(holder, err)) != NULL && (w->environment = gf_strdup(a->environment, err)) != NULL &&
	    (a->reason == NULL || (w->reason = gf_strdup(a->reason, err)) != NULL);
}

static bool look_at_word(gf_trace_bundle *b, const gf_member *files, size_t n, size_t at, gf_error *err)
{
	const gf_member *file = &files[at];
	gf_approval a = { .reason = NULL };
	gf_error why;
	bool ok = true;

	if (gf_approval_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &a, &why) &&
	    gf_digest_equal(&a.manifest, &b->digest))
		for (size_t k = 0; ok && k < b->policy->n_keys; k++)
			if (gf_signature_among(b->policy->keys[k].key, file->name, gf_buf_text(&file->bytes),
				file->bytes.len, files, n))
				ok = add_word(b, b->policy->keys[k].holder, file, &a, err);
	gf_approval_clear(&a);
	return ok;
}

/* ---- receipts ---- */

static void note_counted(gf_trace_bundle *b, const gf_receipt *r)
{
	for (size_t i = 0; i < b->n_words; i++)
		for (size_t k = 0; k < r->n_words; k++)
			b->words[i].counted =
			    b->words[i].counted || gf_digest_equal(&b->words[i].file, &r->words[k].file);
}

static bool copy(char **out, const char *text, gf_error *err)
{
	return text == NULL || (*out = gf_strdup(text, err)) != NULL;
}

/* The file first, then whatever else lies there, among it its signatures. */
static bool judge_receipt(gf_trace_bundle *b, const gf_trace_trust *t, const gf_receipt *r, const gf_member *files,
    size_t n, size_t at, gf_receipt_by *by, gf_error *err)
{
	const gf_receipt_keys keys = { .policy = b->policy, .site = t->site };
	gf_member *list = gf_alloc(n + 1, sizeof *list, err);
	gf_error why = { .class = GF_OK };
	size_t m = 1;
	bool is;

	if (list == NULL)
		return false;
	list[0] = files[at];
	for (size_t i = 0; i < n; i++)
		if (gf_signature_ext(files[i].name, files[at].name) != NULL)
			list[m++] = files[i];
	is = gf_receipt_judge(r, list, m, &keys, r->created, by, &why);
	if (!is)
		by->how[0] = '\0';
	free(list);
	return true;
}

static bool add_receipt(
    gf_trace_bundle *b, const gf_receipt *r, const gf_member *file, const gf_receipt_by *by, gf_error *err)
{
	gf_trace_receipt *out;

	if (!gf_grow(&b->receipts, &b->receipts_room, b->n_receipts, sizeof *b->receipts, err))
		return false;
	out = &b->receipts[b->n_receipts++];
	out->complete = r->complete;
	out->created = r->created;
	(void)snprintf(out->by, sizeof out->by, "%s", by->how);
	return gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &out->file, err) &&
	    copy(&out->name, file->name, err) && copy(&out->site, r->site, err) &&
	    copy(&out->environment, r->environment, err);
}

static bool look_at_receipt(
    gf_trace_bundle *b, const gf_trace_trust *t, const gf_member *files, size_t n, size_t at, gf_error *err)
{
	const gf_member *file = &files[at];
	gf_receipt_by by;
	gf_receipt r;
	gf_error why;
	bool ok = true;

	if (gf_receipt_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &r, &why) &&
	    gf_digest_equal(&r.manifest, &b->digest)) {
		ok = judge_receipt(b, t, &r, files, n, at, &by, err);
		if (ok && by.how[0] != '\0') {
			ok = add_receipt(b, &r, file, &by, err);
			if (by.own)
				note_counted(b, &r);
		}
	}
	gf_receipt_clear(&r);
	return ok;
}

/* Receipts behind the words that they name. */
static bool look_at_statements(gf_trace_bundle *b, const char *dir, const gf_trace_trust *t, gf_error *err)
{
	gf_member *files = NULL;
	size_t n = 0;
	bool ok = gf_records_statements(dir, &b->digest, &files, &n, err);

	for (size_t i = 0; ok && b->policy != NULL && i < n; i++)
		if (gf_ends_with(files[i].name, ".json"))
			ok = look_at_word(b, files, n, i, err);
	for (size_t i = 0; ok && i < n; i++)
		if (gf_ends_with(files[i].name, ".json"))
			ok = look_at_receipt(b, t, files, n, i, err);
	gf_members_free(files, n);
	return ok;
}

static int words_by_time(const void *x, const void *y)
{
	const gf_trace_word *a = x, *b = y;

	return a->created != b->created ? (a->created < b->created ? -1 : 1) : strcmp(a->holder, b->holder);
}

static int receipts_by_time(const void *x, const void *y)
{
	const gf_trace_receipt *a = x, *b = y;

	return a->created != b->created ? (a->created < b->created ? -1 : 1) : strcmp(a->name, b->name);
}

bool gf_trace_judge(gf_trace_bundle *b, const char *state_dir, const gf_buf *statement, const gf_trace_trust *t,
    const gf_digest *trust, gf_error *err)
{
	if ((trust != NULL && !load_policy(b, state_dir, trust, err)) || !find_signers(b, state_dir, statement, t, err))
		return false;
	weigh(b);
	if (!look_at_statements(b, state_dir, t, err))
		return false;
	if (b->n_words > 0)
		qsort(b->words, b->n_words, sizeof *b->words, words_by_time);
	if (b->n_receipts > 0)
		qsort(b->receipts, b->n_receipts, sizeof *b->receipts, receipts_by_time);
	return true;
}

void gf_trace_bundle_clear(gf_trace_bundle *b)
{
	for (size_t k = 0; k < b->n_loads; k++) {
		free(b->loads[k].run);
		free(b->loads[k].environment);
		free(b->loads[k].site);
		free(b->loads[k].target);
		free(b->loads[k].name);
	}
	for (size_t i = 0; i < b->n_words; i++) {
		free(b->words[i].holder);
		free(b->words[i].environment);
		free(b->words[i].reason);
	}
	for (size_t i = 0; i < b->n_receipts; i++) {
		free(b->receipts[i].name);
		free(b->receipts[i].site);
		free(b->receipts[i].environment);
	}
	free(b->words);
	free(b->receipts);
	free(b->loads);
	free(b->signers);
	gf_policy_free(b->policy);
	gf_manifest_free(b->manifest);
}
