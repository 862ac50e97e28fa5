/* trust add, remove, threshold, gate, revoke: the next version of a trust file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trust.h"

typedef bool edit(gf_run *run, gf_policy *p, gf_error *err);

/* "dir/trust-2.json" beside "dir/any.json" */
static bool default_output(const char *file, uint64_t version, gf_buf *out, gf_error *err)
{
	const char *base = gf_path_base(file);

	return gf_buf_add(out, file, (size_t)(base - file), err) &&
	    gf_buf_printf(out, err, "trust-%" PRIu64 ".json", version);
}

/* What it takes until a site installs it. */
static bool say_next(const gf_policy *before, const gf_policy *p, const char *path, gf_buf *out, gf_error *err)
{
	const gf_policy_role *old = gf_policy_role_find(before, "root"), *own = gf_policy_role_find(p, "root");

	if (before->version != p->version &&
	    !gf_buf_printf(out, err, "next: %llu of the %zu roots of version %llu", (unsigned long long)old->threshold,
		gf_policy_holders(before, old), (unsigned long long)before->version))
		return false;
	return gf_buf_printf(out, err,
	    "%s%llu of the %zu roots of version %llu sign it: gapferry trust sign %s --key FILE",
	    before->version != p->version ? " and " : "next: ", (unsigned long long)own->threshold,
	    gf_policy_holders(p, own), (unsigned long long)p->version, path);
}

/* A version that somebody has signed stays what it was. */
static bool must_be_unsigned(const gf_trust_file *t, gf_error *err)
{
	return t->files.n == 1 ||
	    gf_value_fail(GF_OPT_SAME_VERSION, err,
		"there are signatures of '%s' beside it: what was signed is not changed", t->path);
}

static bool change(gf_run *run, edit *what, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const char *path = a->words.items[0], *output = gf_value(a, GF_OPT_TRUST_OUTPUT);
	bool same = gf_given(a, GF_OPT_SAME_VERSION), ok;
	gf_trust_file before = { .path = NULL }, after = { .path = NULL };
	gf_policy *p = NULL;
	gf_buf target, next;

	gf_buf_init(&target, 4096);
	gf_buf_init(&next, 8192);
	ok = gf_trust_file_open(&before, path, err) && (!same || must_be_unsigned(&before, err)) &&
	    (p = gf_policy_parse(
		 gf_buf_text(&before.files.members[0].bytes), before.files.members[0].bytes.len, path, err)) != NULL;
	if (ok) {
		p->version += same ? 0 : 1;
		ok = gf_trust_take_times(run, p->expires - p->created, p, err) && what(run, p, err) &&
		    gf_trust_take_thresholds(&a->options[GF_OPT_THRESHOLD], p, err);
	}
	if (ok && output == NULL)
		ok = same ? gf_buf_puts(&target, path, err) : default_output(path, p->version, &target, err);
	else if (ok)
		ok = gf_buf_puts(&target, output, err);
	ok = ok && gf_trust_file_write(&after, target.data, same && output == NULL, p, err) &&
	    say_next(before.policy, p, target.data, &next, err) && gf_trust_file_tell(run, &after, next.data, err);
	gf_policy_free(p);
	gf_trust_file_clear(&after);
	gf_trust_file_clear(&before);
	gf_buf_clear(&next);
	gf_buf_clear(&target);
	return ok;
}

/* ---- what each of them does ---- */

static bool add(gf_run *run, gf_policy *p, gf_error *err)
{
	static const gf_option_id ids[] = { GF_OPT_ROOT, GF_OPT_RELEASE, GF_OPT_APPROVER, GF_OPT_RECEIPT, GF_OPT_PERMIT,
		GF_OPT_ROLE };
	bool given = false;

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		given = given || gf_given(&run->args, ids[i]);
	if (!given)
		return gf_fail(err, GF_USAGE, "option", NULL, "which key? --release FILE, --approver ENV:FILE, ...");
	return gf_trust_take_keys(run, p, err) && gf_trust_take_approvers(run, p, err);
}

static bool remove_streams(gf_run *run, gf_policy *p, gf_error *err)
{
	const char *name = gf_value(&run->args, GF_OPT_TRUST_STREAM);
	const gf_words *environments = &run->args.options[GF_OPT_TRUST_ENV];

	if (name == NULL)
		return environments->n == 0 ||
		    gf_value_fail(GF_OPT_TRUST_ENV, err, "which stream? --stream NAME is missing");
	if (environments->n == 0)
		return gf_policy_remove_stream(p, name, err);
	if (gf_policy_stream_find(p, name) == NULL)
		return gf_value_fail(GF_OPT_TRUST_STREAM, err, "there is no stream '%s'", name);
	for (size_t i = 0; i < environments->n; i++)
		if (!gf_policy_remove_environment(gf_policy_stream_get(p, name, err), environments->items[i], err))
			return false;
	return true;
}

/* Out of the roles named, or out of all, which is to revoke all keys. */
static bool remove_one(gf_run *run, gf_policy *p, const char *holder, gf_error *err)
{
	const gf_words *roles = &run->args.options[GF_OPT_FROM_ROLE];
	size_t n;

	for (size_t i = 0; i < roles->n; i++)
		if (!gf_policy_remove_holder(p, roles->items[i], holder, err))
			return false;
	return roles->n > 0 || gf_policy_revoke(p, holder, &n, err);
}

static bool take_away(gf_run *run, gf_policy *p, gf_error *err)
{
	const gf_words *words = &run->args.words;

	if (words->n < 2 && !gf_given(&run->args, GF_OPT_TRUST_STREAM))
		return gf_fail(err, GF_USAGE, "argument", NULL, "whom? name holders, or a stream with --stream");
	for (size_t i = 1; i < words->n; i++)
		if (!remove_one(run, p, words->items[i], err))
			return false;
	return remove_streams(run, p, err);
}

static bool set_thresholds(gf_run *run, gf_policy *p, gf_error *err)
{
	const gf_words behind = { .items = run->args.words.items + 1, .n = run->args.words.n - 1 };

	return gf_trust_take_thresholds(&behind, p, err);
}

static bool set_gates(gf_run *run, gf_policy *p, gf_error *err)
{
	if (!gf_given(&run->args, GF_OPT_TRUST_STREAM))
		return gf_fail(err, GF_USAGE, "option", NULL, "which stream? --stream NAME is missing");
	return gf_trust_take_gates(run, p, err);
}

static bool revoke(gf_run *run, gf_policy *p, gf_error *err)
{
	const gf_words *words = &run->args.words;
	size_t n;

	for (size_t i = 1; i < words->n; i++)
		if (!gf_policy_revoke(p, words->items[i], &n, err))
			return false;
	return true;
}

bool gf_verb_trust_add(gf_run *run, gf_error *err)
{
	return change(run, add, err);
}

bool gf_verb_trust_remove(gf_run *run, gf_error *err)
{
	return change(run, take_away, err);
}

bool gf_verb_trust_threshold(gf_run *run, gf_error *err)
{
	return change(run, set_thresholds, err);
}

bool gf_verb_trust_gate(gf_run *run, gf_error *err)
{
	return change(run, set_gates, err);
}

bool gf_verb_trust_revoke(gf_run *run, gf_error *err)
{
	return change(run, revoke, err);
}
