/* pack: images into one signed bundle. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "pack/pack.h"

#define NUMBER_MAX (((uint64_t)1 << 53) - 1)
#define LIFETIME_MAX ((int64_t)100 * 366 * 24 * 60 * 60)

/* What the options ask for, and what belongs to it. */
typedef struct asked {
	gf_pack_options o;
	gf_signer **signers;
	gf_label *labels;
} asked;

static bool take_expires(const gf_arguments *a, gf_pack_options *o, gf_error *err)
{
	const char *text = gf_value(a, GF_OPT_EXPIRES);
	char day[GF_TIME_SIZE];

	if (text == NULL || gf_time_parse(text, &o->expires))
		return true;
	if (strlen(text) == 10) {
		memcpy(day, text, 10);
		memcpy(day + 10, "T00:00:00Z", 11);
		if (gf_time_parse(day, &o->expires))
			return true;
	}
	if (gf_duration_parse(text, &o->lifetime) && o->lifetime > 0 && o->lifetime <= LIFETIME_MAX)
		return true;
	return gf_value_fail(GF_OPT_EXPIRES, err,
	    "'%s' is neither a date (2027-05-23, 2027-05-23T12:00:00Z) nor a duration (90d, 12h) of at most 100 years",
	    text);
}

static bool take_layers(const gf_arguments *a, gf_pack_options *o, gf_error *err)
{
	const char *text = gf_value(a, GF_OPT_LAYERS);

	if (text != NULL && strcmp(text, "none") == 0)
		o->layers = GF_LAYERS_NONE;
	else if (text != NULL && strcmp(text, "gzip") != 0)
		return gf_value_fail(GF_OPT_LAYERS, err, "'%s' is not gzip or none", text);
	return true;
}

static bool take_labels(const gf_arguments *a, asked *k, gf_error *err)
{
	const gf_words *given = &a->options[GF_OPT_LABEL];

	k->labels = gf_alloc(given->n + 1, sizeof *k->labels, err);
	k->o.labels = k->labels;
	for (size_t i = 0; k->labels != NULL && i < given->n; i++) {
		const char *equal = strchr(given->items[i], '=');
		gf_label *label = &k->labels[k->o.n_labels++];

		if (equal == NULL || equal == given->items[i])
			return gf_value_fail(GF_OPT_LABEL, err, "'%s' is not KEY=VALUE", given->items[i]);
		label->key = gf_strndup(given->items[i], (size_t)(equal - given->items[i]), err);
		label->value = label->key != NULL ? gf_strdup(equal + 1, err) : NULL;
		if (label->value == NULL)
			return false;
	}
	return k->labels != NULL;
}

static bool take_signers(const gf_run *run, asked *k, gf_error *err)
{
	const gf_words *keys = &run->args.options[GF_OPT_PACK_KEY];
	const char *command = gf_value(&run->args, GF_OPT_SIGN_CMD);

	if (command != NULL && keys->n != 1)
		return gf_value_fail(
		    GF_OPT_SIGN_CMD, err, "needs one --key, the public key that the command signs with");
	k->signers = gf_alloc(keys->n + 1, sizeof(gf_signer *), err);
	k->o.signers = k->signers;
	for (size_t i = 0; k->signers != NULL && i < keys->n; i++) {
		bool plain = false;
		gf_signer *s = command != NULL ? gf_signer_command(command, keys->items[i], err)
					       : gf_signer_open(keys->items[i], &run->asker, &plain, err);

		if (s == NULL)
			return false;
		k->signers[k->o.n_signers++] = s;
		if (plain)
			gf_event_say(
			    run->events, GF_EVENT_WARNING, "the private key '%s' is not encrypted", keys->items[i]);
	}
	return k->signers != NULL;
}

static bool take_options(const gf_run *run, asked *k, gf_error *err)
{
	const gf_arguments *a = &run->args;
	gf_pack_options *o = &k->o;

	o->output = gf_value(a, GF_OPT_OUTPUT);
	o->sources = a->words.items;
	o->n_sources = a->words.n;
	o->names = a->options[GF_OPT_PACK_NAME].items;
	o->n_names = a->options[GF_OPT_PACK_NAME].n;
	o->stream = gf_value(a, GF_OPT_STREAM);
	o->has_sequence = gf_given(a, GF_OPT_SEQUENCE);
	o->has_epoch = gf_given(a, GF_OPT_EPOCH);
	o->after = gf_value(a, GF_OPT_AFTER);
	o->version = gf_value(a, GF_OPT_BUNDLE_VERSION);
	o->audience = a->options[GF_OPT_AUDIENCE].items;
	o->n_audience = a->options[GF_OPT_AUDIENCE].n;
	o->has_created = gf_given(a, GF_OPT_CREATED);
	o->load_platform = gf_value(a, GF_OPT_LOAD_PLATFORM);
	o->build_id = gf_value(a, GF_OPT_BUILD_ID);
	o->docker_host = gf_value(a, GF_OPT_HOST);
	if (o->output == NULL)
		return gf_fail(err, GF_USAGE, "option", NULL, "the output is missing: -o OUT");
	if (strcmp(o->output, "-") == 0 && gf_given(a, GF_OPT_JSON))
		return gf_value_fail(GF_OPT_JSON, err, "stdout already takes the bundle (-o -)");
	if (o->has_created && !gf_time_parse(gf_value(a, GF_OPT_CREATED), &o->created))
		return gf_value_fail(
		    GF_OPT_CREATED, err, "'%s' is not of the form 2026-11-23T01:02:03Z", gf_value(a, GF_OPT_CREATED));
	return gf_value_u64(a, GF_OPT_SEQUENCE, NUMBER_MAX, &o->sequence, err) &&
	    gf_value_u64(a, GF_OPT_EPOCH, NUMBER_MAX, &o->epoch, err) && gf_jobs(run, &o->jobs, err) &&
	    take_expires(a, o, err) && take_layers(a, o, err) && take_labels(a, k, err) && take_signers(run, k, err);
}

static void clear_options(asked *k)
{
	for (size_t i = 0; i < k->o.n_signers; i++)
		gf_signer_free(k->signers[i]);
	for (size_t i = 0; i < k->o.n_labels; i++) {
		free(k->labels[i].key);
		free(k->labels[i].value);
	}
	free(k->signers);
	free(k->labels);
}

static bool show(const asked *k, const gf_pack_result *r, gf_error *err)
{
	FILE *to = strcmp(k->o.output, "-") == 0 ? stderr : stdout;
	const gf_pubkey **signers = gf_alloc(k->o.n_signers + 1, sizeof(gf_pubkey *), err);
	bool ok = signers != NULL;

	for (size_t i = 0; ok && i < k->o.n_signers; i++)
		signers[i] = gf_signer_public(k->signers[i]);
	ok = ok &&
	    gf_show_head(k->o.output, r->size, &r->manifest_digest, r->manifest, signers, k->o.n_signers, to, err);
	for (size_t i = 0; ok && i < r->manifest->n_images; i++)
		ok = gf_show_image(&r->manifest->images[i], to, err);
	free(signers);
	return ok;
}

static bool report(gf_run *run, const asked *k, const gf_pack_result *r, gf_error *err)
{
	gf_report report;

	gf_report_open(&report, run, err);
	gf_json_put(&report.out, "output", k->o.output);
	gf_json_put_u64(&report.out, "size", r->size);
	gf_put_manifest(&report.out, &r->manifest_digest, r->manifest);
	gf_json_open(&report.out, "signers", '[');
	for (size_t i = 0; i < k->o.n_signers; i++)
		gf_put_key(&report.out, gf_signer_public(k->signers[i]));
	gf_json_close(&report.out, ']');
	return gf_report_close(&report, run, NULL, err);
}

bool gf_verb_pack(gf_run *run, gf_error *err)
{
	asked k = { .o = { .output = NULL } };
	gf_pack_result result = { .manifest = NULL };
	bool ok = take_options(run, &k, err) && gf_pack(&k.o, run->events, &result, err);

	gf_progress_rest(run->progress);
	if (ok)
		ok = run->json ? report(run, &k, &result, err) : show(&k, &result, err);
	gf_pack_result_clear(&result);
	clear_options(&k);
	return ok;
}
