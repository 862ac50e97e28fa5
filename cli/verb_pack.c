/* pack: images into one signed bundle. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "pack/pack.h"

#define NUMBER_MAX (((uint64_t)1 << 53) - 1)

/* What the options ask for, and what belongs to it. */
typedef struct asked {
	gf_pack_options o;
	gf_release *release; /* of -f; NULL: none */
	gf_pack_source *sources;
	gf_signer **signers;
	gf_secret password; /* of registries */
	gf_label *labels;   /* of the command line; NULL: those of the release, if any */
	size_t n_labels;
} asked;

static bool take_expires(const gf_arguments *a, gf_pack_options *o, gf_error *err)
{
	const char *text = gf_value(a, GF_OPT_EXPIRES);

	return text == NULL || gf_expires_parse(text, o) ||
	    gf_value_fail(GF_OPT_EXPIRES, err,
		"'%s' is neither a date (2027-05-23, 2027-05-23T12:00:00Z) nor a duration (90d, 12h) of at most 100 years",
		text);
}

static bool take_platforms(const gf_arguments *a, asked *k, gf_error *err)
{
	const gf_words *given = &a->options[GF_OPT_PLATFORM];

	for (size_t i = 0; i < given->n; i++) {
		gf_error why = { 0 };

		if (!gf_platform_check(given->items[i], &why))
			return gf_value_fail(GF_OPT_PLATFORM, err, "%s", why.text);
	}
	k->o.platforms = given->items;
	k->o.n_platforms = given->n;
	return true;
}

static bool take_layers(const gf_arguments *a, gf_pack_options *o, gf_error *err)
{
	const char *text = gf_value(a, GF_OPT_LAYERS);

	return text == NULL || gf_layers_parse(text, &o->layers) ||
	    gf_value_fail(GF_OPT_LAYERS, err, "'%s' is not gzip, zstd or none", text);
}

static bool take_labels(const gf_arguments *a, asked *k, gf_error *err)
{
	const gf_words *given = &a->options[GF_OPT_LABEL];

	if (given->n == 0)
		return true;
	k->labels = gf_alloc(given->n, sizeof *k->labels, err);
	for (size_t i = 0; k->labels != NULL && i < given->n; i++) {
		const char *equal = strchr(given->items[i], '=');
		gf_label *label = &k->labels[k->n_labels++];

		if (equal == NULL || equal == given->items[i])
			return gf_value_fail(GF_OPT_LABEL, err, "'%s' is not KEY=VALUE", given->items[i]);
		label->key = gf_strndup(given->items[i], (size_t)(equal - given->items[i]), err);
		label->value = label->key != NULL ? gf_strdup(equal + 1, err) : NULL;
		if (label->value == NULL)
			return false;
	}
	k->o.labels = k->labels;
	k->o.n_labels = k->n_labels;
	return k->labels != NULL;
}

static bool take_signers(const gf_run *run, asked *k, gf_error *err)
{
	const gf_words *given = &run->args.options[GF_OPT_PACK_KEY];
	const char *const *keys = given->items;
	size_t n = given->n;
	bool ok;

	if (n == 0 && k->release != NULL)
		keys = gf_release_signers(k->release, &n);
	ok = gf_signers_take(run, keys, n, &k->signers, &k->o.n_signers, err);
	k->o.signers = k->signers;
	return ok;
}

/* What stands in release.yaml and in the command line: the command line counts, and that is said. */
static void say_overridden(const gf_run *run, const asked *k)
{
	const gf_pack_options *o = gf_release_options(k->release);
	const struct {
		bool in_file;
		gf_option_id option;
		const char *key;
	} both[] = { { o->output != NULL, GF_OPT_OUTPUT, "output" }, { o->stream != NULL, GF_OPT_STREAM, "stream" },
		{ o->has_sequence, GF_OPT_SEQUENCE, "sequence" }, { o->has_epoch, GF_OPT_EPOCH, "epoch" },
		{ o->after != NULL, GF_OPT_AFTER, "after" }, { o->version != NULL, GF_OPT_BUNDLE_VERSION, "version" },
		{ o->trust_version > 0, GF_OPT_TRUST_VERSION, "trust-version" },
		{ o->n_audience > 0, GF_OPT_AUDIENCE, "audience" }, { o->has_created, GF_OPT_CREATED, "created" },
		{ o->expires != 0 || o->lifetime != 0, GF_OPT_EXPIRES, "expires" },
		{ o->load_platform != NULL, GF_OPT_LOAD_PLATFORM, "load-platform" },
		{ o->build_id != NULL, GF_OPT_BUILD_ID, "build-id" },
		{ o->layers != GF_LAYERS_GZIP, GF_OPT_LAYERS, "layers" }, { o->n_labels > 0, GF_OPT_LABEL, "labels" } };
	const char *file = gf_value(&run->args, GF_OPT_FILE);
	size_t n = 0;

	for (size_t i = 0; i < sizeof both / sizeof *both; i++)
		if (both[i].in_file && gf_given(&run->args, both[i].option))
			gf_event_say(run->events, GF_EVENT_NOTE, "--%s overrides '%s' of '%s'",
			    gf_options[both[i].option].name, both[i].key, file);
	for (size_t i = 0; i < o->n_sources && gf_given(&run->args, GF_OPT_PLATFORM); i++)
		if (o->sources[i].n_platforms > 0)
			gf_event_say(run->events, GF_EVENT_NOTE, "--platform overrides 'platforms' of '%s' in '%s'",
			    o->sources[i].text, file);
	(void)gf_release_signers(k->release, &n);
	if (n > 0 && gf_given(&run->args, GF_OPT_PACK_KEY))
		gf_event_say(run->events, GF_EVENT_NOTE, "--key overrides 'keys' of '%s'", file);
	if (o->n_sources > 0 && run->args.words.n > 0)
		gf_event_say(run->events, GF_EVENT_NOTE, "the sources given override 'images' of '%s'", file);
}

static bool take_release(const gf_run *run, asked *k, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const char *file = gf_value(a, GF_OPT_FILE), *secret = gf_value(a, GF_OPT_PASSPHRASE_FILE);

	if (file == NULL)
		return true;
	if (strcmp(file, "-") == 0 && secret != NULL && strcmp(secret, "-") == 0)
		return gf_value_fail(GF_OPT_FILE, err, "stdin already is the passphrase (--passphrase-file -)");
	k->release = gf_release_load(file, err);
	if (k->release == NULL)
		return false;
	k->o = *gf_release_options(k->release);
	say_overridden(run, k);
	return true;
}

static void take_text(const gf_arguments *a, gf_option_id id, const char **out)
{
	if (gf_given(a, id))
		*out = gf_value(a, id);
}

/* Those of the command line stand instead of those of the file. */
static bool take_sources(const gf_words *words, asked *k, gf_error *err)
{
	if (words->n == 0)
		return true;
	k->sources = gf_alloc(words->n, sizeof *k->sources, err);
	if (k->sources == NULL)
		return false;
	for (size_t i = 0; i < words->n; i++)
		k->sources[i].text = words->items[i];
	k->o.sources = k->sources;
	k->o.n_sources = words->n;
	return true;
}

/* The source that is on stdin, or NULL. */
static const char *stdin_source(const gf_pack_options *o)
{
	for (size_t i = 0; i < o->n_sources; i++)
		if (gf_source_is_stdin(o->sources[i].text))
			return o->sources[i].text;
	return NULL;
}

/* What stdin is taken for, or NULL. */
static const char *stdin_is(const gf_run *run, const gf_pack_options *o)
{
	const char *secret = gf_value(&run->args, GF_OPT_PASSPHRASE_FILE), *file = gf_value(&run->args, GF_OPT_FILE);

	if (secret != NULL && strcmp(secret, "-") == 0)
		return "the passphrase";
	if (file != NULL && strcmp(file, "-") == 0)
		return "the release";
	return stdin_source(o) != NULL ? "a source" : NULL;
}

static bool take_options(const gf_run *run, asked *k, gf_error *err)
{
	const gf_arguments *a = &run->args;
	gf_pack_options *o = &k->o;
	const char *file = gf_value(a, GF_OPT_FILE);

	if (!take_release(run, k, err) || !take_sources(&a->words, k, err))
		return false;
	take_text(a, GF_OPT_OUTPUT, &o->output);
	take_text(a, GF_OPT_STREAM, &o->stream);
	take_text(a, GF_OPT_AFTER, &o->after);
	take_text(a, GF_OPT_BUNDLE_VERSION, &o->version);
	take_text(a, GF_OPT_LOAD_PLATFORM, &o->load_platform);
	take_text(a, GF_OPT_BUILD_ID, &o->build_id);
	o->names = a->options[GF_OPT_PACK_NAME].items;
	o->n_names = a->options[GF_OPT_PACK_NAME].n;
	o->has_sequence |= gf_given(a, GF_OPT_SEQUENCE);
	o->has_epoch |= gf_given(a, GF_OPT_EPOCH);
	if (gf_given(a, GF_OPT_AUDIENCE)) {
		o->audience = a->options[GF_OPT_AUDIENCE].items;
		o->n_audience = a->options[GF_OPT_AUDIENCE].n;
	}
	if (o->output == NULL)
		return gf_fail(err, GF_USAGE, "option", NULL, "the output is missing: -o OUT");
	if (o->n_sources == 0)
		return gf_fail(err, GF_USAGE, "argument", NULL, "nothing to pack: name a SOURCE, or images in -f FILE");
	if (file != NULL && strcmp(file, "-") == 0 && stdin_source(o) != NULL)
		return gf_value_fail(GF_OPT_FILE, err, "stdin already is a source ('%s')", stdin_source(o));
	if (strcmp(o->output, "-") == 0 && gf_given(a, GF_OPT_JSON))
		return gf_value_fail(GF_OPT_JSON, err, "stdout already takes the bundle (-o -)");
	if (gf_given(a, GF_OPT_CREATED)) {
		o->has_created = true;
		if (!gf_time_parse(gf_value(a, GF_OPT_CREATED), &o->created))
			return gf_value_fail(GF_OPT_CREATED, err, "'%s' is not of the form 2026-11-23T01:02:03Z",
			    gf_value(a, GF_OPT_CREATED));
	}
	return gf_value_u64(a, GF_OPT_SEQUENCE, NUMBER_MAX, &o->sequence, err) &&
	    gf_value_u64(a, GF_OPT_EPOCH, NUMBER_MAX, &o->epoch, err) &&
	    gf_value_u64(a, GF_OPT_TRUST_VERSION, NUMBER_MAX, &o->trust_version, err) && gf_jobs(run, &o->jobs, err) &&
	    gf_docker_take(run, &o->docker, err) &&
	    gf_registry_take(run, stdin_is(run, o), &o->registry, &k->password, err) && take_expires(a, o, err) &&
	    take_layers(a, o, err) && take_platforms(a, k, err) && take_labels(a, k, err) && take_signers(run, k, err);
}

static void clear_options(asked *k)
{
	gf_signers_free(k->signers, k->o.n_signers);
	for (size_t i = 0; i < k->n_labels; i++) {
		free(k->labels[i].key);
		free(k->labels[i].value);
	}
	free(k->sources);
	gf_secret_clear(&k->password);
	free(k->labels);
	gf_release_free(k->release);
}

static bool show(const asked *k, const gf_pack_result *r, gf_error *err)
{
	FILE *to = strcmp(k->o.output, "-") == 0 ? stderr : stdout;
	const gf_pubkey **signers = gf_signers_public(k->o.signers, k->o.n_signers, err);
	const gf_signed_by by = { .keys = signers, .n = k->o.n_signers };
	bool ok = signers != NULL;

	ok = ok && gf_show_head(k->o.output, r->size, &r->manifest_digest, r->manifest, &by, to, err);
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
		gf_put_key(&report.out, gf_signer_public(k->signers[i]), NULL);
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
