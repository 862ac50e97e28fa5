/* approve and permit: a signed word about a bundle, for one environment, beside it (FORMAT.md 6). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define DAY 86400
#define APPROVAL_LIFE ((gf_time)90 * DAY) /* where --expires does not say otherwise; a rejection has no end */

typedef struct saying {
	gf_judged j;
	gf_approval what; /* its texts are the options' and the manifest's */
	gf_buf bytes;
	char name[64]; /* among the companions */
	gf_signer **signers;
	size_t n_signers;
} saying;

/* ---- what is said ---- */

static bool take_waives(const gf_run *run, gf_approval *a, gf_error *err)
{
	const gf_words *w = &run->args.options[GF_OPT_WAIVE];

	for (size_t i = 0; i < w->n; i++) {
		unsigned bit = strcmp(w->items[i], "sequence") == 0 ? GF_WAIVE_SEQUENCE
		    : strcmp(w->items[i], "expires") == 0           ? GF_WAIVE_EXPIRES
		    : strcmp(w->items[i], "maxAge") == 0            ? GF_WAIVE_MAX_AGE
								    : 0;

		if (bit == 0)
			return gf_value_fail(GF_OPT_WAIVE, err,
			    "'%s' is not sequence, expires or maxAge; nothing else can be waived", w->items[i]);
		a->waives |= bit;
	}
	return true;
}

static bool take_expires(const gf_run *run, gf_approval *a, gf_error *err)
{
	const char *text = gf_value(&run->args, GF_OPT_UNTIL);

	a->expires = a->decision == GF_APPROVE ? a->created + APPROVAL_LIFE : 0;
	if (text == NULL)
		return true;
	if (!gf_when_parse(text, a->created, &a->expires))
		return gf_value_fail(GF_OPT_UNTIL, err,
		    "'%s' is neither a date (2027-05-23, 2027-05-23T12:00:00Z) nor a duration (90d, 12h)", text);
	return a->expires > a->created || gf_value_fail(GF_OPT_UNTIL, err, "'%s' is past", text);
}

/* Every option but the bundle's own terms. */
static bool take_options(const gf_run *run, bool permit, gf_approval *a, gf_error *err)
{
	const gf_arguments *args = &run->args;
	const gf_words *sites = &args->options[GF_OPT_SITES];

	a->decision = permit ? GF_PERMIT : gf_given(args, GF_OPT_REJECT) ? GF_REJECT : GF_APPROVE;
	a->created = gf_now();
	a->environment = (char *)(uintptr_t)gf_value(args, GF_OPT_ENV);
	a->sites = (char **)(uintptr_t)sites->items;
	a->n_sites = sites->n;
	a->reason = (char *)(uintptr_t)gf_value(args, GF_OPT_REASON);
	if (a->environment == NULL)
		return gf_fail(err, GF_USAGE, "option", NULL, "the environment is missing: --env NAME");
	if (sites->n == 0)
		return gf_fail(err, GF_USAGE, "option", NULL, "the site is missing: --site NAME (repeatable)");
	for (size_t i = 0; i < sites->n; i++)
		if (!gf_name_valid(sites->items[i]))
			return gf_value_fail(GF_OPT_SITES, err, "'%s' is not the name of a site", sites->items[i]);
	if (!gf_name_valid(a->environment))
		return gf_value_fail(GF_OPT_ENV, err, "'%s' is not the name of an environment", a->environment);
	if (permit && (!gf_given(args, GF_OPT_WAIVE) || !gf_given(args, GF_OPT_UNTIL) || a->reason == NULL))
		return gf_fail(err, GF_USAGE, "option", NULL,
		    "a permit says what it waives, until when and why: --waive, --expires, --reason");
	if (gf_given(args, GF_OPT_PRINT) == gf_given(args, GF_OPT_PACK_KEY))
		return gf_fail(err, GF_USAGE, "option", NULL,
		    "give the key that signs (--key FILE), or --print to sign it elsewhere");
	if (gf_given(args, GF_OPT_PRINT) && gf_given(args, GF_OPT_JSON))
		return gf_value_fail(GF_OPT_JSON, err, "stdout already takes the statement (--print)");
	return take_waives(run, a, err) && take_expires(run, a, err);
}

/* The bundle's own terms; every site must be of its audience (the first one was judged). */
static bool take_bundle(saying *s, gf_error *err)
{
	const gf_manifest *m = s->j.manifest;
	gf_approval *a = &s->what;

	if (m->stream == NULL)
		return gf_fail(err, GF_REFUSED, "stream", NULL,
		    "the bundle belongs to no stream; what is said about a release names its stream and number");
	for (size_t i = 1; i < a->n_sites; i++) {
		bool found = m->n_audience == 0;

		for (size_t k = 0; k < m->n_audience; k++)
			found = found || strcmp(m->audience[k], a->sites[i]) == 0;
		if (!found)
			return gf_fail(
			    err, GF_REFUSED, "audience", a->sites[i], "the bundle is not for site '%s'", a->sites[i]);
	}
	a->manifest = s->j.verdict.manifest_digest;
	a->stream = m->stream;
	a->epoch = m->epoch;
	a->sequence = m->sequence;
	return gf_approval_print(a, &s->bytes, err) &&
	    gf_companion_name(a->decision == GF_PERMIT ? "permit" : "approval", &s->bytes, s->name, err);
}

/* ---- signing ---- */

/* Two people who say the same thing in the same second write the same file. */
static bool is_there(const saying *s)
{
	for (size_t i = 0; i < s->j.n_companions; i++) {
		const gf_member *m = &s->j.companions[i];

		if (strcmp(m->name, s->name) == 0 && m->bytes.len == s->bytes.len &&
		    memcmp(gf_buf_text(&m->bytes), gf_buf_text(&s->bytes), m->bytes.len) == 0)
			return true;
	}
	return false;
}

/* Signatures first: a statement that stands there has one. */
static bool store(const saying *s, const char *bundle, gf_error *err)
{
	gf_member file = { (char *)(uintptr_t)s->name, s->bytes };
	bool ok = true;

	for (size_t i = 0; ok && i < s->n_signers; i++) {
		gf_member signature = { .name = NULL };

		ok = gf_signer_sign(s->signers[i], s->name, gf_buf_text(&s->bytes), s->bytes.len, &signature, err) &&
		    gf_companion_store(bundle, &signature, err);
		free(signature.name);
		gf_buf_clear(&signature.bytes);
	}
	return ok && (is_there(s) || gf_companion_store(bundle, &file, err));
}

/* For a person who has openssl or minisign alone. */
static bool print(const gf_run *run, const saying *s, gf_error *err)
{
	if (fwrite(s->bytes.data, 1, s->bytes.len, stdout) != s->bytes.len || fflush(stdout) != 0)
		return gf_fail_errno(err, GF_FAILED, "write", "stdout", "writing to stdout");
	gf_event_say(run->events, GF_EVENT_NOTE,
	    "store it as '%s' among the companions of the bundle, and its signature as '%s.KEY.sig' or '.minisig', KEY being "
	    "the first 16 digits of the key's id (gapferry key show)",
	    s->name, s->name);
	return true;
}

/* ---- the verbs ---- */

static const char *decision_text(gf_decision d)
{
	return d == GF_APPROVE ? "approve" : d == GF_REJECT ? "reject" : "permit";
}

static bool show(const gf_run *run, const saying *s, FILE *to, gf_error *err)
{
	const gf_approval *a = &s->what;
	const gf_verdict *v = &s->j.verdict;
	char until[GF_TIME_SIZE], text[200];
	gf_table *t;
	const gf_signed_by by = gf_signed_by_of(v);
	bool ok = gf_show_head(run->args.words.items[0], 0, &v->manifest_digest, s->j.manifest, &by, to, err);

	for (size_t i = 0; ok && i < s->j.manifest->n_images; i++)
		ok = gf_show_image(&s->j.manifest->images[i], to, err);
	fputc('\n', to);
	if (!ok || !gf_show_verdict(v, to, err))
		return false;
	fputc('\n', to);
	t = gf_table_new(2, err);
	gf_table_add(t, "decision", decision_text(a->decision));
	gf_table_add(t, "environment", a->environment);
	for (size_t i = 0; i < a->n_sites; i++)
		gf_table_add(t, i == 0 ? "site" : "", a->sites[i]);
	for (size_t i = 0; i < run->args.options[GF_OPT_WAIVE].n; i++)
		gf_table_add(t, i == 0 ? "waives" : "", run->args.options[GF_OPT_WAIVE].items[i]);
	if (a->expires != 0)
		gf_time_print(a->expires, until);
	gf_table_add(t, "until", a->expires != 0 ? until : "it has no end");
	gf_table_add(t, "reason", a->reason != NULL ? a->reason : "none given");
	for (size_t i = 0; i < s->n_signers; i++) {
		const gf_pubkey *k = gf_signer_public(s->signers[i]);
		char hex[GF_HEX_SIZE];

		gf_digest_hex(gf_pubkey_id(k), hex);
		(void)snprintf(text, sizeof text, "%.80s, %s, key %s", gf_pubkey_holder(k), gf_pubkey_type(k), hex);
		gf_table_add(t, "signed by", text);
	}
	gf_table_add(t, "companion", s->name);
	return gf_table_print(t, to, 0, err);
}

static bool report(gf_run *run, const saying *s, const gf_error *failure, gf_error *err)
{
	gf_report r;

	gf_report_open(&r, run, err);
	gf_json_put(&r.out, "bundle", run->args.words.items[0]);
	if (s->j.reader != NULL)
		gf_put_manifest(&r.out, &s->j.verdict.manifest_digest, s->j.manifest);
	gf_put_verdict(&r.out, &s->j.verdict);
	gf_json_put(&r.out, "decision", decision_text(s->what.decision));
	gf_json_put(&r.out, "environment", s->what.environment);
	if (failure == NULL)
		gf_json_put(&r.out, "companion", s->name);
	return gf_report_close(&r, run, failure, err);
}

/* Steps 1 to 4, the audience, and every byte (FORMAT.md 5): the bundle is judged before a word is said about it. */
static bool judge(gf_run *run, saying *s, gf_error *err)
{
	gf_walk walk = { .events = run->events };

	if (!gf_judged_open(&s->j, run, GF_JUDGE_ADVISE, err))
		return false;
	walk.reader = s->j.reader;
	walk.manifest = s->j.manifest;
	return gf_walk_run(&walk, &s->j.verdict, err);
}

static bool say(gf_run *run, bool permit, gf_error *err)
{
	const gf_words *keys = &run->args.options[GF_OPT_PACK_KEY];
	const char *bundle = run->args.words.items[0];
	saying s = { .n_signers = 0 };
	gf_error shown = { .class = GF_OK };
	bool ok, said = true, to_stdout = gf_given(&run->args, GF_OPT_PRINT);

	gf_verdict_init(&s.j.verdict);
	gf_buf_init(&s.bytes, GF_COMPANION_MAX);
	ok = take_options(run, permit, &s.what, err) &&
	    (strcmp(bundle, "-") != 0 || to_stdout ||
		gf_fail(err, GF_USAGE, "argument", NULL,
		    "a bundle on stdin has no companions; give the name of a file, or --print")) &&
	    gf_signers_take(run, keys->items, keys->n, &s.signers, &s.n_signers, err) && judge(run, &s, err) &&
	    take_bundle(&s, err) && (to_stdout || store(&s, bundle, err));
	gf_progress_rest(run->progress);
	if (run->json)
		said = report(run, &s, ok ? NULL : err, &shown);
	else if (ok)
		said = show(run, &s, to_stdout ? stderr : stdout, &shown) && (!to_stdout || print(run, &s, &shown));
	else if (s.j.reader != NULL)
		said = gf_show_verdict(&s.j.verdict, stdout, &shown);
	if (ok && !said) {
		*err = shown;
		ok = false;
	}
	gf_signers_free(s.signers, s.n_signers);
	gf_buf_clear(&s.bytes);
	gf_judged_clear(&s.j);
	return ok;
}

bool gf_verb_approve(gf_run *run, gf_error *err)
{
	return say(run, false, err);
}

bool gf_verb_permit(gf_run *run, gf_error *err)
{
	return say(run, true, err);
}
