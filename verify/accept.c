/*
 * The decision: FORMAT.md 5, judging, steps 1 to 6, top to bottom.  Every check of steps 5 and 6 is made and shown; the
 * first that fails is the reason.  Numbers and times are looked at in freshness.c, what came after packing in gates.c.
 */
#include <string.h>

#include "verify/judgement.h"
#include "verify/signers.h"
#include "verify/state.h"

/* ---- step 2 ---- */

/* The installed trust file and what the companions have that follows it. */
static bool judge_trust(gf_judgement *g, gf_error *err)
{
	const gf_judge *j = g->judge;
	char expires[GF_TIME_SIZE];
	gf_digest digest;

	if (j->trust == NULL || gf_trust_policy(j->trust) == NULL) {
		if (j->state != NULL && gf_state_trust(j->state, &digest) > 0)
			gf_check_set(g->verdict, GF_CHECK_TRUST, GF_CHECK_PASSED,
			    "signature only: keys were named, and the trust file installed here was not asked");
		else
			gf_check_set(g->verdict, GF_CHECK_TRUST, GF_CHECK_NOT_REQUIRED, "no trust file is installed");
		return true;
	}
	if (!gf_trust_extend(j->trust, j->companions, j->n_companions, err))
		return false;
	g->policy = gf_trust_policy(j->trust);
	if (!gf_judge_clock(g, err) || !gf_policy_fresh(g->policy, err))
		return false;
	gf_time_print(g->policy->expires, expires);
	gf_check_set(g->verdict, GF_CHECK_TRUST, GF_CHECK_PASSED, "version %llu, until %s%s",
	    (unsigned long long)g->policy->version, expires,
	    gf_trust_newer(j->trust) > 0 ? "; it came with this bundle" : "");
	return true;
}

/* ---- step 4 ---- */

static bool loose_stream(gf_judgement *g)
{
	size_t keys = g->judge->trust != NULL ? gf_trust_count(g->judge->trust) : 0;

	if (g->manifest->stream == NULL)
		gf_check_set(g->verdict, GF_CHECK_STREAM, GF_CHECK_NOT_REQUIRED,
		    "the bundle belongs to no stream: there is no protection against replay");
	else
		gf_check_set(g->verdict, GF_CHECK_STREAM, GF_CHECK_PASSED,
		    "'%s', epoch %llu, sequence %llu; no trust file is installed: %zu key%s trusted for every stream, and there are no gates",
		    g->manifest->stream, (unsigned long long)g->manifest->epoch,
		    (unsigned long long)g->manifest->sequence, keys, keys == 1 ? " is" : "s are");
	return true;
}

/* The threshold of this stream's release role, in distinct holders. */
static bool judge_threshold(gf_judgement *g, gf_error *err)
{
	const gf_policy_role *role = gf_policy_role_find(g->policy, g->stream->release);
	const gf_verdict *v = g->verdict;
	size_t n = gf_policy_count(g->policy, role, g->now, v->signers, v->n_signers);
	char signers[200] = "";

	if (n >= role->threshold || v->unsigned_bundle || g->judge->skip_signatures)
		return true;
	for (size_t i = 0; i < v->n_signers; i++)
		gf_text_append(signers, sizeof signers, "%s%s", i > 0 ? ", " : "", gf_pubkey_holder(v->signers[i]));
	return gf_fail(err, GF_REFUSED, "threshold", g->manifest->stream,
	    "stream '%s' asks for signatures by %llu of role '%s', and %zu of the signers (%s) %s it (gapferry sign adds "
	    "one)",
	    g->manifest->stream, (unsigned long long)role->threshold, role->name, n, signers, n == 1 ? "has" : "have");
}

static bool judge_stream(gf_judgement *g, gf_error *err)
{
	const gf_manifest *m = g->manifest;

	if (g->policy == NULL)
		return loose_stream(g);
	if (m->stream == NULL)
		return gf_fail(err, GF_REFUSED, "stream", NULL,
		    "the bundle belongs to no stream, and a trust file is installed here (version %llu): pack it with --stream",
		    (unsigned long long)g->policy->version);
	g->stream = gf_policy_stream_find(g->policy, m->stream);
	if (g->stream == NULL)
		return gf_fail(err, GF_REFUSED, "stream", m->stream,
		    "the trust file (version %llu) knows no stream '%s'", (unsigned long long)g->policy->version,
		    m->stream);
	if (!judge_threshold(g, err))
		return false;
	gf_check_set(g->verdict, GF_CHECK_STREAM, GF_CHECK_PASSED, "'%s', epoch %llu, sequence %llu; role '%s'",
	    m->stream, (unsigned long long)m->epoch, (unsigned long long)m->sequence, g->stream->release);
	return true;
}

/* ---- step 5 ---- */

/* The name of this site: asked for and kept must agree.  An approver speaks of the site that was named. */
static bool find_site(gf_judgement *g, gf_error *err)
{
	const gf_judge *j = g->judge;
	const char *kept = j->state != NULL ? gf_state_site(j->state) : NULL;

	g->site = j->site != NULL ? j->site : kept;
	if (j->advisory || j->site == NULL || kept == NULL || strcmp(kept, j->site) == 0)
		return true;
	return gf_fail(err, GF_USAGE, "site", kept, "this site is called '%s' (in '%s'), not '%s'", kept,
	    gf_state_dir(j->state), j->site);
}

static bool judge_audience(gf_judgement *g, gf_error *err)
{
	const gf_manifest *m = g->manifest;
	char names[200] = "";

	if (!find_site(g, err))
		return false;
	if (m->n_audience == 0) {
		gf_check_set(g->verdict, GF_CHECK_AUDIENCE, GF_CHECK_NOT_REQUIRED, "the bundle is for every site");
		return true;
	}
	for (size_t i = 0; i < m->n_audience; i++) {
		if (g->site != NULL && strcmp(m->audience[i], g->site) == 0) {
			gf_check_set(g->verdict, GF_CHECK_AUDIENCE, GF_CHECK_PASSED, "for this site, '%s'", g->site);
			return true;
		}
		gf_text_append(names, sizeof names, "%s%s", i > 0 ? ", " : "", m->audience[i]);
	}
	if (g->site == NULL)
		return gf_fail(err, GF_REFUSED, "audience", names,
		    "the bundle is for %s, and this site has no name; --site NAME gives it one, once", names);
	return gf_fail(err, GF_REFUSED, "audience", names, "the bundle is for %s; this site is '%s'", names, g->site);
}

static bool judge_trust_version(gf_judgement *g, gf_error *err)
{
	unsigned long long theirs = g->manifest->trust_version;
	unsigned long long ours = g->policy != NULL ? g->policy->version : 0;

	/* With nothing to compare with, the number is a report (FORMAT.md 4). */
	if (theirs == 0)
		gf_check_set(g->verdict, GF_CHECK_TRUST_VERSION, GF_CHECK_NOT_REQUIRED, "%s",
		    g->policy != NULL ? "the bundle names none" : "no trust file is installed");
	else if (g->policy == NULL)
		gf_check_set(g->verdict, GF_CHECK_TRUST_VERSION, GF_CHECK_NOT_REQUIRED,
		    "packed under trust file %llu; none is installed here", theirs);
	else if (theirs > ours)
		return gf_fail(err, GF_REFUSED, "trust-version", NULL,
		    "the bundle was packed under trust file %llu, and version %llu is installed here: carry version %llu "
		    "first (gapferry trust apply)",
		    theirs, ours, ours + 1);
	else
		gf_check_set(g->verdict, GF_CHECK_TRUST_VERSION, GF_CHECK_PASSED,
		    "packed under version %llu; version %llu is in force", theirs, ours);
	return true;
}

/* ---- step 6 ---- */

static bool judge_environment(gf_judgement *g, gf_error *err)
{
	const char *name = g->judge->environment;

	if (g->policy == NULL || g->stream == NULL || name == NULL) {
		gf_check_set(g->verdict, GF_CHECK_ENVIRONMENT, GF_CHECK_NOT_REQUIRED, "%s",
		    g->policy == NULL ? "no trust file is installed" : "no environment was named");
		if (g->policy != NULL && g->verdict->unsigned_bundle)
			return gf_fail(err, GF_REFUSED, "unsigned", NULL,
			    "a trust file is installed here, and only an environment of it can allow unsigned bundles: name it "
			    "(--env)");
		return true;
	}
	g->environment = gf_policy_environment_find(g->stream, name);
	if (g->environment == NULL)
		return gf_fail(err, GF_REFUSED, "environment", name,
		    "the trust file (version %llu) has no environment '%s' for stream '%s'; only an explicit {} means that "
		    "there are no gates",
		    (unsigned long long)g->policy->version, name, g->stream->name);
	if (g->verdict->unsigned_bundle && !g->environment->allow_unsigned)
		return gf_fail(err, GF_REFUSED, "unsigned", name,
		    "the trust file (version %llu) does not allow unsigned bundles in '%s'",
		    (unsigned long long)g->policy->version, name);
	gf_check_set(g->verdict, GF_CHECK_ENVIRONMENT, GF_CHECK_PASSED, "'%s' of stream '%s'", name, g->stream->name);
	return gf_judge_permits(g, err);
}

/* ---- in order ---- */

typedef struct step {
	bool (*check)(gf_judgement *g, gf_error *err);
	gf_check_id id;
	bool decides; /* in an advisory judgement, too */
} step;

/* The order of FORMAT.md 5.  The environment has its permits with it; the floor comes before the times, which a
 * repetition lifts. */
static const step steps[] = {
	{ judge_stream, GF_CHECK_STREAM, true },
	{ judge_audience, GF_CHECK_AUDIENCE, true },
	{ judge_trust_version, GF_CHECK_TRUST_VERSION, false },
	{ gf_judge_created, GF_CHECK_CREATED, false },
	{ judge_environment, GF_CHECK_ENVIRONMENT, false },
	{ gf_judge_epoch, GF_CHECK_EPOCH, false },
	{ gf_judge_floor, GF_CHECK_FLOOR, false },
	{ gf_judge_max_jump, GF_CHECK_MAX_JUMP, false },
	{ gf_judge_expires, GF_CHECK_EXPIRES, false },
	{ gf_judge_max_age, GF_CHECK_MAX_AGE, false },
	{ gf_judge_after, GF_CHECK_AFTER, false },
	{ gf_judge_approvals, GF_CHECK_APPROVALS, false },
};

/* All of them; *err is that of the first that fails and decides. */
static bool run_steps(gf_judgement *g, const step *list, size_t n, gf_error *err)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		bool decides = list[i].decides || !g->judge->advisory;
		gf_error why = { 0 };

		g->verdict->checks[list[i].id].advisory = !decides;
		if (list[i].check(g, &why))
			continue;
		gf_check_set(g->verdict, list[i].id, GF_CHECK_FAILED, "%s", why.text);
		if (ok && decides)
			*err = why;
		ok = ok && !decides;
	}
	return ok;
}

static bool judge_head(gf_judgement *g, const gf_reader *r, gf_error *err)
{
	const gf_buf *statement = gf_reader_statement(r);
	gf_verdict *v = g->verdict;

	if (!gf_hash_bytes(gf_buf_text(statement), statement->len, &v->manifest_digest, err))
		return false;
	gf_check_set(v, GF_CHECK_HEAD, GF_CHECK_PASSED, "manifest of %zu bytes", statement->len);
	if (judge_trust(g, err))
		return true;
	gf_check_set(v, GF_CHECK_TRUST, GF_CHECK_FAILED, "%s", err->text);
	return g->judge->skip_signatures && err->class != GF_FAILED;
}

static gf_manifest *parse(const gf_reader *r, gf_verdict *v, gf_error *err)
{
	const gf_buf *statement = gf_reader_statement(r);
	gf_manifest *m = gf_manifest_parse(gf_buf_text(statement), statement->len, err);

	if (m != NULL)
		gf_check_set(v, GF_CHECK_MANIFEST, GF_CHECK_PASSED, "%zu image%s, %zu blobs", m->n_images,
		    m->n_images == 1 ? "" : "s", m->n_blobs);
	else
		gf_check_set(v, GF_CHECK_MANIFEST, GF_CHECK_FAILED, "%s", err->text);
	return m;
}

bool gf_accept(gf_reader *r, const gf_judge *j, gf_verdict *v, gf_manifest **manifest, gf_error *err)
{
	gf_judgement g = { .judge = j, .verdict = v, .now = gf_now() };
	gf_manifest *m;

	*manifest = NULL;
	if (!judge_head(&g, r, err) || !gf_signers_judge(r, j, v, err))
		return false;
	m = parse(r, v, err);
	if (m == NULL)
		return false;
	g.manifest = m;
	/* inspect --unverified shows what fails and goes on; a state that cannot be read is no such thing. */
	if (!run_steps(&g, steps, sizeof steps / sizeof steps[0], err) &&
	    (!j->skip_signatures || err->class == GF_FAILED)) {
		gf_manifest_free(m);
		return false;
	}
	v->policy = g.policy;
	v->environment = g.environment;
	gf_reader_release(r, m);
	*manifest = m;
	return true;
}

/* Another run may have installed a newer trust file while bytes were streaming. */
static bool same_trust(const gf_judgement *g, gf_error *err)
{
	gf_digest digest;
	uint64_t installed = g->judge->state != NULL ? gf_state_trust(g->judge->state, &digest) : 0;

	return installed == (g->policy != NULL ? g->policy->version : 0) ||
	    gf_fail(err, GF_REFUSED, "trust-changed", NULL,
		"trust file %llu was installed while this ran; run it again, so that it is judged under that one",
		(unsigned long long)installed);
}

bool gf_accept_again(const gf_judge *j, const gf_manifest *m, gf_verdict *v, gf_error *err)
{
	static const step again[] = { { judge_environment, GF_CHECK_ENVIRONMENT, true },
		{ gf_judge_epoch, GF_CHECK_EPOCH, true }, { gf_judge_floor, GF_CHECK_FLOOR, true },
		{ gf_judge_max_jump, GF_CHECK_MAX_JUMP, true }, { gf_judge_approvals, GF_CHECK_APPROVALS, true } };
	gf_judgement g = { .judge = j, .manifest = m, .verdict = v, .now = gf_now() };

	g.policy = j->trust != NULL ? gf_trust_policy(j->trust) : NULL;
	g.stream =
	    g.policy != NULL ? gf_policy_stream_find(g.policy, m->stream) : NULL; /* it was accepted: there is one */
	return same_trust(&g, err) && find_site(&g, err) && run_steps(&g, again, sizeof again / sizeof again[0], err);
}
