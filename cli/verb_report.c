/* report: a page about a bundle, for people who decide, audit or file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/page.h"

/* ---- the page, where it was asked for ---- */

static bool write_page(const gf_story *s, const char *path, gf_error *err)
{
	gf_buf page;
	bool ok = gf_story_print(s, &page, err);

	if (ok && strcmp(path, "-") == 0)
		ok = gf_write_all(STDOUT_FILENO, page.data, page.len, "stdout", err);
	else if (ok)
		ok = gf_file_store(path, 0644, page.data, page.len, err);
	gf_buf_clear(&page);
	return ok;
}

/* Of the failure that the page tells and one in writing it the first is the one to tell. */
bool gf_story_write(gf_story *s, const gf_run *run, bool good, gf_error *err)
{
	gf_error writing = { .class = GF_OK };
	bool written;

	s->file = run->args.words.items[0];
	s->now = gf_now();
	s->failure = good ? NULL : err;
	written = write_page(s, gf_value(&run->args, GF_OPT_PAGE), &writing);
	if (good && !written)
		*err = writing;
	return good && written;
}

void gf_story_gates(gf_story *s, const char *stream)
{
	const gf_policy_stream *found =
	    s->policy != NULL && stream != NULL ? gf_policy_stream_find(s->policy, stream) : NULL;

	if (found != NULL && s->environment != NULL)
		s->gates = gf_policy_environment_find(found, s->environment);
}

/* ---- what is known of a bundle ---- */

typedef struct telling {
	gf_story story;
	gf_judged j;
	gf_manifest *refused; /* what was believed and then refused at a gate; NULL: nothing */
	gf_said_list said;
	gf_trace trace; /* the loads of this manifest */
} telling;

static bool has_counted(const gf_verdict *v, const gf_digest *file)
{
	for (size_t i = 0; i < v->n_approvals; i++)
		if (gf_digest_equal(&v->approvals[i].file, file))
			return true;
	return v->has_permit && gf_digest_equal(&v->permit, file);
}

/* Among the companions, and what was kept of earlier ones. */
static bool find_said(telling *t, gf_error *err)
{
	const gf_verdict *v = &t->j.verdict;
	gf_member *kept = NULL;
	size_t n = 0;
	bool ok = gf_said_add(&t->said, t->j.trust, &v->manifest_digest, t->j.companions, t->j.n_companions, err) &&
	    gf_state_statements(t->j.state, &v->manifest_digest, &kept, &n, err) &&
	    gf_said_add(&t->said, t->j.trust, &v->manifest_digest, kept, n, err);

	gf_members_free(kept, n);
	for (size_t i = 0; i < t->said.n; i++)
		t->said.list[i].counted = has_counted(v, &t->said.list[i].file);
	return ok;
}

static bool find_loads(telling *t, gf_error *err)
{
	const gf_trace_trust by = { .keys = t->j.trust };

	if (!gf_trace_find(t->j.state, &by, &t->j.verdict.manifest_digest, &t->trace, err))
		return false;
	for (size_t i = 0; i < t->trace.n_bundles; i++)
		if (gf_digest_equal(&t->trace.bundles[i].digest, &t->j.verdict.manifest_digest)) {
			t->story.loads = t->trace.bundles[i].loads;
			t->story.n_loads = t->trace.bundles[i].n_loads;
		}
	return true;
}

static void tell(telling *t, const gf_run *run)
{
	const gf_verdict *v = &t->j.verdict;
	gf_story *s = &t->story;

	s->environment = gf_value(&run->args, GF_OPT_ENV);
	s->site = gf_value(&run->args, GF_OPT_SITE);
	if (s->site == NULL && t->j.state != NULL)
		s->site = gf_state_site(t->j.state);
	s->verdict = v;
	s->said = &t->said;
	s->digest = t->j.reader != NULL ? &v->manifest_digest : NULL;
	s->manifest = t->j.manifest != NULL ? t->j.manifest : t->refused;
	s->by = gf_signed_by_of(v);
	s->policy = t->j.trust != NULL ? gf_trust_policy(t->j.trust) : NULL;
	gf_story_gates(s, s->manifest != NULL ? s->manifest->stream : NULL);
	if (t->j.manifest != NULL && v->checks[GF_CHECK_GRAPH].result == GF_CHECK_PASSED) {
		s->graph = gf_reader_graph(t->j.reader);
		s->store = gf_reader_store(t->j.reader);
	}
}

static bool has_passed(const gf_verdict *v, gf_check_id id)
{
	return v->checks[id].result == GF_CHECK_PASSED || v->checks[id].result == GF_CHECK_NOT_REQUIRED;
}

/* Who decides at a gate wants to see what stands before it: signed as its stream asks, and refused later. */
static bool find_refused(telling *t, gf_error *err)
{
	const gf_verdict *v = &t->j.verdict;
	const gf_buf *statement = gf_reader_statement(t->j.reader);

	if (t->j.manifest == NULL && has_passed(v, GF_CHECK_SIGNATURE) && has_passed(v, GF_CHECK_MANIFEST) &&
	    has_passed(v, GF_CHECK_STREAM))
		t->refused = gf_manifest_parse(gf_buf_text(statement), statement->len, err);
	else
		return true;
	return t->refused != NULL;
}

/* As verify does it.  What the log cannot tell is a failure, too: a page that leaves it out would seem whole. */
static bool judge(telling *t, const gf_run *run, gf_error *err)
{
	gf_walk walk = { .deep = gf_given(&run->args, GF_OPT_DEEP), .events = run->events };

	if (!gf_jobs(run, &walk.jobs, err) || !gf_judged_open(&t->j, run, GF_JUDGE_DECIDE, err))
		return false;
	walk.reader = t->j.reader;
	walk.manifest = t->j.manifest;
	return gf_walk_run(&walk, &t->j.verdict, err) &&
	    (gf_verdict_good(&t->j.verdict) ||
		gf_fail(err, GF_FAILED, "verdict", NULL, "the checks are not all good and no error was reported"));
}

bool gf_verb_report(gf_run *run, gf_error *err)
{
	telling t = { .said = { .list = NULL } };
	gf_error more = { .class = GF_OK };
	bool ok;

	if (gf_value(&run->args, GF_OPT_PAGE) == NULL)
		return gf_fail(err, GF_USAGE, "option", NULL, "where the page goes is missing: -o FILE");
	if (gf_ends_with(run->args.words.items[0], ".json"))
		return gf_report_receipt(run, err);
	ok = judge(&t, run, err);
	if (t.j.reader != NULL && t.j.verdict.n_signers > 0 &&
	    (!find_refused(&t, &more) || !find_said(&t, &more) || !find_loads(&t, &more)) && ok) {
		*err = more;
		ok = false;
	}
	tell(&t, run);
	gf_progress_rest(run->progress);
	ok = gf_story_write(&t.story, run, ok, err);
	gf_said_clear(&t.said);
	gf_trace_clear(&t.trace);
	gf_manifest_free(t.refused);
	gf_judged_clear(&t.j);
	return ok;
}
