/* What was added after packing and what it is worth: approvals, rejections, permits, and `after` (FORMAT.md 5, 6). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"
#include "verify/judgement.h"
#include "verify/receipt.h"
#include "verify/signers.h"

/* ---- what speaks of this bundle, here ---- */

static bool names_site(const gf_approval *a, const char *site)
{
	for (size_t i = 0; site != NULL && i < a->n_sites; i++)
		if (strcmp(a->sites[i], site) == 0)
			return true;
	return false;
}

/* This manifest, this environment, this site. */
static bool speaks_of(const gf_judgement *g, const gf_approval *a)
{
	const gf_manifest *m = g->manifest;

	return gf_digest_equal(&a->manifest, &g->verdict->manifest_digest) &&
	    strcmp(a->environment, g->judge->environment) == 0 && strcmp(a->stream, m->stream) == 0 &&
	    a->epoch == m->epoch && a->sequence == m->sequence && names_site(a, g->site);
}

static bool unexpired(const gf_judgement *g, const gf_approval *a)
{
	return a->expires == 0 || g->now < a->expires;
}

/* A statement dated ahead does not count, a rejection does. */
static bool dated_ahead(const gf_judgement *g, const gf_approval *a)
{
	return a->created > g->now + GF_SKEW;
}

/* ---- approvals ---- */

/* The latest that a holder has said. */
typedef struct opinion {
	gf_time created;
	bool known, rejects;
	char reason[120];
	gf_digest file;
} opinion;

typedef struct poll {
	const gf_judgement *g;
	const gf_policy_role *role;
	bool rejections_only; /* of what is kept */
	opinion *opinions;    /* of the holder of each key of the role; one holder, one place: that of the first key */
} poll;

/* The place of the holder of the i-th key of the role. */
static size_t holder_place(const poll *p, size_t i)
{
	const gf_policy_key *keys = p->g->policy->keys;
	size_t k = 0;

	while (strcmp(keys[p->role->keys[k]].holder, keys[p->role->keys[i]].holder) != 0)
		k++;
	return k;
}

/* A tie: the rejection. */
static void hear(opinion *o, const gf_approval *a, const gf_digest *file)
{
	bool rejects = a->decision == GF_REJECT;

	if (o->known && (a->created < o->created || (a->created == o->created && !rejects)))
		return;
	*o = (opinion){ .known = true, .rejects = rejects, .created = a->created, .file = *file };
	if (a->reason != NULL)
		(void)snprintf(o->reason, sizeof o->reason, "%s", a->reason);
}

/* What one file says, whose signers are known. */
static bool count_file(void *ctx, const gf_member *file, const bool *signed_by, gf_error *err)
{
	poll *p = ctx;
	gf_approval a = { 0 };
	gf_digest digest;
	gf_error why;
	bool ok = gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &digest, err);

	if (ok && gf_approval_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &a, &why) &&
	    a.decision != GF_PERMIT && speaks_of(p->g, &a) && unexpired(p->g, &a) &&
	    (a.decision == GF_REJECT || (!p->rejections_only && !dated_ahead(p->g, &a))))
		for (size_t i = 0; i < p->role->n_keys; i++)
			if (signed_by[i])
				hear(&p->opinions[holder_place(p, i)], &a, &digest);
	gf_approval_clear(&a);
	return ok;
}

static bool count_files(poll *p, const gf_member *list, size_t n, bool rejections_only, gf_error *err)
{
	const gf_files files = { list, n };

	p->rejections_only = rejections_only;
	return gf_files_each_signed(p->g->policy, p->role, p->g->now, &files, count_file, p, err);
}

/* A holder who could have released it does not approve it too. */
static bool is_apart(const gf_judgement *g, const char *holder)
{
	const gf_policy_role *release = gf_policy_role_find(g->policy, g->stream->release);

	return !g->environment->separate || !gf_policy_has_role(g->policy, release, holder);
}

static bool refuse_rejection(const gf_judgement *g, const char *holder, const opinion *o, gf_error *err)
{
	char at[GF_TIME_SIZE];

	gf_time_print(o->created, at);
	return gf_fail(err, GF_REFUSED, "rejected", holder,
	    "%s rejected this bundle for '%s' at %s%s%s; only a later approval of %s takes that back", holder,
	    g->environment->name, at, o->reason[0] != '\0' ? ": " : "", o->reason, holder);
}

/* A receipt names it. */
static bool note_approval(gf_verdict *v, const char *holder, const opinion *o, gf_error *err)
{
	if (!gf_grow(&v->approvals, &v->approvals_room, v->n_approvals, sizeof *v->approvals, err))
		return false;
	(void)snprintf(v->approvals[v->n_approvals].holder, sizeof v->approvals->holder, "%s", holder);
	v->approvals[v->n_approvals++].file = o->file;
	return true;
}

static bool count_votes(const poll *p, gf_error *err)
{
	const gf_judgement *g = p->g;
	unsigned long long wanted = p->role->threshold, n = 0;
	char for_it[120] = "", missing[160] = "";

	for (size_t i = 0; i < p->role->n_keys; i++) {
		const char *holder = g->policy->keys[p->role->keys[i]].holder;
		const opinion *o = &p->opinions[i];

		if (holder_place(p, i) != i)
			continue;
		if (o->known && o->rejects)
			return refuse_rejection(g, holder, o, err);
		if (o->known && is_apart(g, holder)) {
			gf_text_append(for_it, sizeof for_it, "%s%s", n++ > 0 ? ", " : "", holder);
			if (!note_approval(g->verdict, holder, o, err))
				return false;
		} else if (is_apart(g, holder))
			gf_text_append(missing, sizeof missing, "%s%s", missing[0] != '\0' ? ", " : "", holder);
	}
	if (n < wanted)
		return gf_fail(err, GF_REFUSED, "approvals", g->environment->name,
		    "'%s' asks for approvals by %llu of %s; there %s %llu%s%s%s; still possible: %s (gapferry approve BUNDLE "
		    "--env %s --site %s)",
		    g->environment->name, wanted, p->role->name, n == 1 ? "is" : "are", n, n > 0 ? " (" : "", for_it,
		    n > 0 ? ")" : "", missing[0] != '\0' ? missing : "nobody", g->environment->name,
		    g->site != NULL ? g->site : "NAME");
	gf_check_set(g->verdict, GF_CHECK_APPROVALS, GF_CHECK_PASSED, "%llu of %llu asked for: %s", n, wanted, for_it);
	return true;
}

bool gf_judge_approvals(gf_judgement *g, gf_error *err)
{
	poll p = { .g = g };
	gf_member *kept = NULL;
	size_t n_kept = 0;
	bool ok;

	if (g->environment == NULL || g->environment->approvers == NULL) {
		gf_check_set(g->verdict, GF_CHECK_APPROVALS, GF_CHECK_NOT_REQUIRED, "%s",
		    g->policy == NULL            ? "no trust file is installed"
			: g->environment == NULL ? "no environment was named"
						 : "the trust file asks for none here");
		return true;
	}
	if (g->verdict->unsigned_bundle)
		return gf_fail(err, GF_REFUSED, "approvals", g->environment->name,
		    "'%s' asks for approvals, and an unsigned bundle satisfies no gate", g->environment->name);
	g->verdict->n_approvals = 0; /* under the lock it is judged again */
	p.role = gf_policy_role_find(g->policy, g->environment->approvers);
	p.opinions = gf_alloc(p.role->n_keys + 1, sizeof *p.opinions, err);
	ok = p.opinions != NULL && count_files(&p, g->judge->companions, g->judge->n_companions, false, err) &&
	    (g->judge->state == NULL ||
		gf_state_statements(g->judge->state, &g->verdict->manifest_digest, &kept, &n_kept, err)) &&
	    count_files(&p, kept, n_kept, true, err) && count_votes(&p, err);
	gf_members_free(kept, n_kept);
	free(p.opinions);
	return ok;
}

/* ---- permits ---- */

/* Who waives one thing, over all permits that waive it. */
typedef struct waiver {
	unsigned bit;
	bool *by;       /* keys of the role */
	gf_digest file; /* the last of them */
} waiver;

typedef struct waiving {
	gf_judgement *g;
	const gf_policy_role *role;
	waiver waivers[3];
} waiving;

static bool take_permit(void *ctx, const gf_member *file, const bool *signed_by, gf_error *err)
{
	waiving *w = ctx;
	gf_approval a = { 0 };
	gf_digest digest;
	gf_error why;
	bool ok = gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &digest, err);

	if (ok && gf_approval_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &a, &why) &&
	    a.decision == GF_PERMIT && speaks_of(w->g, &a) && unexpired(w->g, &a) && !dated_ahead(w->g, &a))
		for (size_t i = 0; i < sizeof w->waivers / sizeof *w->waivers; i++) {
			waiver *v = &w->waivers[i];

			if ((a.waives & v->bit) == 0)
				continue;
			v->file = digest;
			for (size_t k = 0; k < w->role->n_keys; k++)
				v->by[k] = v->by[k] || signed_by[k];
		}
	gf_approval_clear(&a);
	return ok;
}

static void waive(const waiving *w, const waiver *v)
{
	gf_judgement *g = w->g;
	char *by = g->waived_by[v->bit];

	if (gf_role_holders(g->policy, w->role, v->by) < w->role->threshold)
		return;
	g->waived |= v->bit;
	g->permits[v->bit] = v->file;
	by[0] = '\0';
	for (size_t k = 0; k < w->role->n_keys; k++)
		if (v->by[k])
			gf_text_append(by, sizeof g->waived_by[v->bit], "%s%s", by[0] != '\0' ? ", " : "",
			    g->policy->keys[w->role->keys[k]].holder);
}

bool gf_judge_permits(gf_judgement *g, gf_error *err)
{
	const gf_files files = { g->judge->companions, g->judge->n_companions };
	waiving w = { .g = g,
		.waivers = { { .bit = GF_WAIVE_SEQUENCE }, { .bit = GF_WAIVE_EXPIRES }, { .bit = GF_WAIVE_MAX_AGE } } };
	const size_t n = sizeof w.waivers / sizeof *w.waivers;
	bool ok = true;

	if (g->environment == NULL || g->verdict->unsigned_bundle)
		return true;
	w.role = gf_policy_role_find(g->policy, "permit");
	if (w.role == NULL)
		w.role = gf_policy_role_find(g->policy, "root");
	for (size_t i = 0; ok && i < n; i++)
		ok = (w.waivers[i].by = gf_alloc(w.role->n_keys + 1, sizeof(bool), err)) != NULL;
	ok = ok && gf_files_each_signed(g->policy, w.role, g->now, &files, take_permit, &w, err);
	for (size_t i = 0; i < n; i++) {
		if (ok)
			waive(&w, &w.waivers[i]);
		free(w.waivers[i].by);
	}
	return ok;
}

/* ---- after ---- */

static bool done_in(const gf_judgement *g, const char *environment, bool *done, gf_error *err)
{
	const gf_digest *manifest = &g->verdict->manifest_digest;

	*done = false;
	if (g->judge->state != NULL && !gf_state_complete(g->judge->state, environment, manifest, done, err))
		return false;
	return *done ||
	    gf_receipt_complete(
		g->policy, environment, manifest, g->now, g->judge->companions, g->judge->n_companions, done, err);
}

bool gf_judge_after(gf_judgement *g, gf_error *err)
{
	const gf_policy_environment *e = g->environment;
	char list[120] = "";

	if (e == NULL || e->n_after == 0) {
		gf_check_set(g->verdict, GF_CHECK_AFTER, GF_CHECK_NOT_REQUIRED, "%s",
		    g->policy == NULL ? "no trust file is installed"
			: e == NULL   ? "no environment was named"
				      : "the trust file names no environment that comes before");
		return true;
	}
	if (g->verdict->unsigned_bundle)
		return gf_fail(err, GF_REFUSED, "after", e->name,
		    "'%s' comes after others, and an unsigned bundle satisfies no gate", e->name);
	for (size_t i = 0; i < e->n_after; i++) {
		bool done;

		if (!done_in(g, e->after[i], &done, err))
			return false;
		if (!done)
			return gf_fail(err, GF_REFUSED, "after", e->after[i],
			    "'%s' comes after '%s', and neither the log here nor a receipt of role receipt:%s says that this "
			    "bundle was loaded there whole: unpack it with --env %s first, or carry its receipt (--with)",
			    e->name, e->after[i], e->after[i], e->after[i]);
		gf_text_append(list, sizeof list, "%s%s", i > 0 ? ", " : "", e->after[i]);
	}
	gf_check_set(g->verdict, GF_CHECK_AFTER, GF_CHECK_PASSED, "loaded whole in %s before", list);
	return true;
}
