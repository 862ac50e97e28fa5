/* report of a receipt: what a site says, and what its records still know; the bundle is not needed. */
#include <string.h>

#include "cli/page.h"
#include "cli/receipt.h"

typedef struct telling {
	gf_story story;
	gf_receipt_file file;
	gf_state *state;
	gf_trust *trust;
	gf_site_keys keys;
	gf_receipt_by by;
	gf_said_list said;
	gf_trace trace; /* the bundle's record, and its loads */
} telling;

static bool open_all(telling *t, const gf_run *run, gf_error *err)
{
	gf_buf config;
	bool ok;

	gf_buf_init(&config, GF_CONFIG_FILE_MAX);
	ok = gf_config_find(run, &config, err) &&
	    (t->state = gf_state_open(gf_value(&run->args, GF_OPT_STATE), false, err)) != NULL &&
	    gf_site_keys_take(&t->keys, &run->args.options[GF_OPT_KEY], t->state, err) &&
	    (t->trust = gf_trust_for(t->state, NULL, 0, config.data, GF_TRUST_VERIFY, err)) != NULL;
	gf_buf_clear(&config);
	return ok;
}

/* As receipt verify does it. */
static bool judge(telling *t, gf_error *err)
{
	const gf_receipt_keys keys = { .given = (const gf_pubkey *const *)t->keys.given,
		.n_given = t->keys.n,
		.policy = gf_trust_policy(t->trust),
		.site = t->keys.site };
	gf_audit unused;

	return gf_receipt_judge(&t->file.r, t->file.files.members, t->file.files.n, &keys, gf_now(), &t->by, err) &&
	    (!t->by.own || gf_receipt_file_audit(&t->file, t->state, &unused, err));
}

/* A record that is not as it was kept is a failure; one that is not here is none: the receipt may be another site's. */
static bool find_record(telling *t, gf_error *err)
{
	const gf_trace_trust by = { .keys = t->trust, .site = t->keys.site };
	const gf_digest *wanted = &t->file.r.manifest;

	if (!gf_trace_find(t->state, &by, wanted, &t->trace, err))
		return false;
	for (size_t i = 0; i < t->trace.n_faults; i++)
		if (gf_digest_equal(&t->trace.faults[i].manifest, wanted))
			return gf_fail(err, GF_DAMAGED, "record", NULL, "%.900s", t->trace.faults[i].text);
	for (size_t i = 0; i < t->trace.n_bundles; i++) {
		const gf_trace_bundle *b = &t->trace.bundles[i];

		if (!gf_digest_equal(&b->digest, wanted))
			continue;
		t->story.manifest = b->manifest;
		t->story.by = (gf_signed_by){ b->signers, NULL, b->n_signers };
		t->story.lacks = b->vouched ? NULL : b->lacks;
		t->story.loads = b->loads;
		t->story.n_loads = b->n_loads;
	}
	return true;
}

static bool find_said(telling *t, gf_error *err)
{
	const gf_receipt *r = &t->file.r;
	gf_member *kept = NULL;
	size_t n = 0;
	bool ok = gf_state_statements(t->state, &r->manifest, &kept, &n, err) &&
	    gf_said_add(&t->said, t->trust, &r->manifest, kept, n, err);

	gf_members_free(kept, n);
	for (size_t i = 0; i < t->said.n; i++)
		for (size_t k = 0; k < r->n_words; k++)
			t->said.list[i].counted =
			    t->said.list[i].counted || gf_digest_equal(&r->words[k].file, &t->said.list[i].file);
	return ok;
}

static void tell(telling *t)
{
	const gf_receipt *r = &t->file.r;
	gf_story *s = &t->story;

	s->is_receipt = true;
	s->said = &t->said;
	s->policy = t->trust != NULL ? gf_trust_policy(t->trust) : NULL;
	s->site = t->state != NULL ? gf_state_site(t->state) : NULL;
	if (t->by.key == NULL)
		return; /* what nobody vouches for is not shown */
	s->receipt = r;
	s->witness = &t->by;
	s->digest = &r->manifest;
	s->environment = r->environment;
	gf_story_gates(s, r->stream);
}

/* A receipt names its environment and its site, and there is no bundle to look into. */
static bool take_options(const gf_arguments *a, gf_error *err)
{
	static const gf_option_id of_bundles[] = { GF_OPT_ENV, GF_OPT_SITE, GF_OPT_WITH, GF_OPT_DEEP, GF_OPT_JOBS };

	for (size_t i = 0; i < sizeof of_bundles / sizeof *of_bundles; i++)
		if (gf_given(a, of_bundles[i]))
			return gf_value_fail(
			    of_bundles[i], err, "is for bundles; '%s' is taken for a receipt", a->words.items[0]);
	return true;
}

bool gf_report_receipt(gf_run *run, gf_error *err)
{
	telling t = { .state = NULL };
	bool ok;

	if (!take_options(&run->args, err))
		return false;
	ok = gf_receipt_file_open(&t.file, run->args.words.items[0], err) && open_all(&t, run, err) && judge(&t, err) &&
	    find_record(&t, err) && find_said(&t, err);
	tell(&t);
	gf_progress_rest(run->progress);
	ok = gf_story_write(&t.story, run, ok, err);
	gf_said_clear(&t.said);
	gf_trace_clear(&t.trace);
	gf_site_keys_clear(&t.keys);
	gf_trust_free(t.trust);
	gf_state_close(t.state);
	gf_receipt_file_clear(&t.file);
	return ok;
}
