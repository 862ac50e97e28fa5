/* judged: a bundle and the decision about it, for the verbs that only look (FORMAT.md 5 "Judging"). */
#include <string.h>

#include "cli/cli.h"

/* These two write nothing and speak to nobody.  They still read: a directory's blobs, volumes. */
static bool only_looks(const gf_run *run)
{
	return run->verb->run == gf_verb_verify || run->verb->run == gf_verb_inspect;
}

static void contain(const gf_run *run)
{
	char walls[GF_WALLS_SIZE];

	gf_contain_self(walls);
	gf_event_say(
	    run->events, GF_EVENT_DETAIL, "contained (%s): nothing is written, no connection is opened", walls);
}

bool gf_judged_open(gf_judged *j, const gf_run *run, gf_judge_how how, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const gf_words *keys = &a->options[GF_OPT_KEY], *with = &a->options[GF_OPT_WITH];
	const char *bundle = a->words.items[0];
	gf_judge judge = { .skip_signatures = how == GF_JUDGE_SHOW, .advisory = how == GF_JUDGE_ADVISE };
	gf_buf config;
	bool ok;

	memset(j, 0, sizeof *j);
	gf_verdict_init(&j->verdict);
	gf_buf_init(&config, GF_CONFIG_FILE_MAX);
	ok = gf_config_find(run, &config, err) &&
	    (j->state = gf_state_open(gf_value(a, GF_OPT_STATE), false, err)) != NULL &&
	    (j->trust = gf_trust_for(j->state, keys->items, keys->n, config.data, GF_TRUST_VERIFY, err)) != NULL &&
	    (j->reader = gf_reader_open(bundle, err)) != NULL &&
	    gf_companions_load(bundle, with->items, with->n, &j->companions, &j->n_companions, err);
	if (ok && only_looks(run))
		contain(run);
	if (ok) {
		judge.trust = j->trust;
		judge.state = j->state;
		judge.environment = gf_value(a, GF_OPT_ENV);
		judge.site = gf_value(a, how == GF_JUDGE_ADVISE ? GF_OPT_SITES : GF_OPT_SITE);
		judge.companions = j->companions;
		judge.n_companions = j->n_companions;
		ok = gf_accept(j->reader, &judge, &j->verdict, &j->manifest, err);
	}
	gf_buf_clear(&config);
	return ok;
}

void gf_judged_clear(gf_judged *j)
{
	gf_reader_close(j->reader);
	gf_manifest_free(j->manifest);
	gf_verdict_clear(&j->verdict);
	gf_trust_free(j->trust);
	gf_state_close(j->state);
	gf_members_free(j->companions, j->n_companions);
	memset(j, 0, sizeof *j);
}
