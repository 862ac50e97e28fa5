#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/option.h"

#define MASK(verb) ((uint64_t)1 << (verb))

/* Options that people know from docker, skopeo, crane and cosign, and what does that here. */
static const struct {
	const char *name, *ours;
} elsewhere[] = {
	{ "tls-verify", "--ca-file FILE for a registry with a CA of its own, --plain-http for one without TLS" },
	{ "insecure", "--ca-file FILE for a registry with a CA of its own, --plain-http for one without TLS" },
	{ "creds", "--username NAME --password-stdin, or --authfile FILE" },
	{ "password", "--password-stdin: a password never stands in the command line" },
	{ "passphrase",
	    "--passphrase-file FILE or GAPFERRY_PASSPHRASE: a passphrase never stands in the command line" },
	{ "registry-token", "--authfile FILE" },
	{ "cert-dir", "--ca-file, --cert-file and --key-file" },
	{ "daemon-host", "--host unix://PATH" },
	{ "public-key", "--key FILE" },
	{ "sign-by", "--key FILE" },
	{ "sign-by-sigstore-private-key", "--key FILE" },
	{ "insecure-policy", "--key FILE; a bundle without any signature needs --allow-unsigned" },
	{ "retry-times", "--retries N" },
	{ "concurrency", "--jobs N" },
	{ "input", "the bundle or source as an argument" },
	{ "all", "no option: every platform of an image is packed" },
	{ "tmpdir", "no option: nothing is unpacked to a temporary directory" },
	{ "debug", "--verbose" },
	{ "format", "--json" },
};

static const char *known_elsewhere(const char *name)
{
	const char *found = NULL;

	if (gf_starts_with(name, "dest-"))
		name += 5;
	else if (gf_starts_with(name, "src-"))
		name += 4;
	for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0] && found == NULL; i++)
		if (strcmp(elsewhere[i].name, name) == 0)
			found = elsewhere[i].ours;
	return found;
}

unsigned gf_near(const char *word)
{
	size_t half = (strlen(word) + 1) / 2;

	return half < 1 ? 1 : half > 3 ? 3 : (unsigned)half;
}

static bool unknown_option(gf_verb_id verb, const char *name, gf_error *err)
{
	const char *ours = known_elsewhere(name), *near = NULL;
	bool aimed = gf_starts_with(name, "dest-") || gf_starts_with(name, "src-");
	unsigned best = gf_near(name) + 1;
	size_t other = GF_OPTIONS;

	for (size_t i = 0; i < GF_OPTIONS; i++) {
		const gf_option *o = &gf_options[i];
		unsigned distance =
		    strlen(name) > 2 && gf_starts_with(o->name, name) ? 0 : gf_edit_distance(name, o->name);

		if ((o->verbs & MASK(verb)) != 0 && distance < best) {
			best = distance;
			near = o->name;
		}
		if (strcmp(o->name, name) == 0 && other == GF_OPTIONS)
			other = i;
	}
	if (ours != NULL)
		return gf_fail(err, GF_USAGE, "option", name, "there is no option '--%s' here; use %s", name, ours);
	if (aimed)
		return gf_fail(err, GF_USAGE, "option", name,
		    "there is no option '--%s' here: a verb has one side, and its options have no such prefix", name);
	for (size_t v = 0; v < GF_VERBS && other < GF_OPTIONS; v++)
		if ((gf_options[other].verbs & MASK(v)) != 0)
			return gf_fail(err, GF_USAGE, "option", name, "'--%s' is an option of '%s', not of '%s'", name,
			    gf_verbs[v].name, gf_verbs[verb].name);
	if (near != NULL)
		return gf_fail(err, GF_USAGE, "option", name,
		    "unknown option '--%s'; names are exact: did you mean '--%s'?", name, near);
	return gf_fail(err, GF_USAGE, "option", name, "unknown option '--%s'", name);
}

static gf_option_id find_name(gf_verb_id verb, const char *name)
{
	size_t i = 0;

	while (i < GF_OPTIONS && ((gf_options[i].verbs & MASK(verb)) == 0 || strcmp(gf_options[i].name, name) != 0))
		i++;
	return (gf_option_id)i;
}

static gf_option_id find_letter(gf_verb_id verb, char letter)
{
	size_t i = 0;

	while (i < GF_OPTIONS && ((gf_options[i].verbs & MASK(verb)) == 0 || gf_options[i].letter != letter))
		i++;
	return (gf_option_id)i;
}

static bool add(gf_words *w, const char *text, gf_error *err)
{
	if (!gf_grow(&w->items, &w->room, w->n, sizeof *w->items, err))
		return false;
	w->items[w->n++] = text;
	return true;
}

static bool take(gf_arguments *a, gf_option_id id, const char *value, gf_error *err)
{
	const gf_option *o = &gf_options[id];

	if (a->options[id].n > 0 && !o->many)
		return gf_fail(err, GF_USAGE, "option", o->name, "option '--%s' is given twice", o->name);
	if (value != NULL && value[0] == '\0')
		return gf_fail(err, GF_USAGE, "option", o->name, "option '--%s' has an empty value", o->name);
	return add(&a->options[id], value != NULL ? value : o->name, err);
}

/* The value of an option that takes one: what is attached, else the next word.  A next word that looks like an
 * option is a value forgotten, not a file of that name. */
static bool next_value(
    gf_option_id id, int argc, char *const *argv, int *at, const char *attached, const char **value, gf_error *err)
{
	const gf_option *o = &gf_options[id];

	*value = attached;
	if (attached != NULL)
		return true;
	if (*at + 1 >= argc || gf_starts_with(argv[*at + 1], "--"))
		return gf_fail(err, GF_USAGE, "option", o->name, "option '--%s' needs a value: --%s %s", o->name,
		    o->name, o->argument);
	*value = argv[++*at];
	return true;
}

static bool long_option(gf_arguments *a, gf_verb_id verb, int argc, char *const *argv, int *at, gf_error *err)
{
	char name[64];
	const char *text = argv[*at] + 2, *equal = strchr(text, '='), *value = NULL;
	size_t n = equal != NULL ? (size_t)(equal - text) : strlen(text);
	gf_option_id id;

	if (n >= sizeof name)
		return gf_fail(err, GF_USAGE, "option", NULL, "unknown option '%.60s...'", argv[*at]);
	memcpy(name, text, n);
	name[n] = '\0';
	id = find_name(verb, name);
	if (id == GF_OPTIONS)
		return unknown_option(verb, name, err);
	if (gf_options[id].argument == NULL && equal != NULL)
		return gf_fail(err, GF_USAGE, "option", name, "option '--%s' takes no value", name);
	if (gf_options[id].argument != NULL &&
	    !next_value(id, argc, argv, at, equal != NULL ? equal + 1 : NULL, &value, err))
		return false;
	return take(a, id, value, err);
}

/* "-q", "-qv", "-j4", "-j 4" */
static bool short_options(gf_arguments *a, gf_verb_id verb, int argc, char *const *argv, int *at, gf_error *err)
{
	for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
		gf_option_id id = find_letter(verb, *letter);
		const char *value = NULL;

		if (id == GF_OPTIONS)
			return gf_fail(
			    err, GF_USAGE, "option", argv[*at], "unknown option '-%c' in '%s'", *letter, argv[*at]);
		if (gf_options[id].argument == NULL) {
			if (!take(a, id, NULL, err))
				return false;
			continue;
		}
		return next_value(id, argc, argv, at, letter[1] != '\0' ? letter + 1 : NULL, &value, err) &&
		    take(a, id, value, err);
	}
	return true;
}

static bool count_words(const gf_arguments *a, gf_verb_id verb, gf_error *err)
{
	const gf_verb *v = &gf_verbs[verb];

	if (a->words.n < v->words_min)
		return gf_fail(
		    err, GF_USAGE, "argument", NULL, "an argument is missing: gapferry %s %s", v->name, v->usage);
	if (a->words.n > v->words_max)
		return gf_fail(err, GF_USAGE, "argument", a->words.items[v->words_max], "'%s' is one argument too many",
		    a->words.items[v->words_max]);
	return true;
}

bool gf_arguments_parse(gf_arguments *a, gf_verb_id verb, int argc, char *const *argv, gf_error *err)
{
	bool ok = true, options_end = false;

	memset(a, 0, sizeof *a);
	for (int i = 0; i < argc && ok; i++) {
		if (options_end || argv[i][0] != '-' || argv[i][1] == '\0')
			ok = add(&a->words, argv[i], err);
		else if (strcmp(argv[i], "--") == 0)
			options_end = true;
		else if (argv[i][1] == '-')
			ok = long_option(a, verb, argc, argv, &i, err);
		else
			ok = short_options(a, verb, argc, argv, &i, err);
		if (gf_given(a, GF_OPT_HELP) || gf_given(a, GF_OPT_VERSION))
			return ok;
	}
	return ok && count_words(a, verb, err);
}

void gf_arguments_clear(gf_arguments *a)
{
	for (size_t i = 0; i < GF_OPTIONS; i++)
		free(a->options[i].items);
	free(a->words.items);
	memset(a, 0, sizeof *a);
}

bool gf_given(const gf_arguments *a, gf_option_id id)
{
	return a->options[id].n > 0;
}

const char *gf_value(const gf_arguments *a, gf_option_id id)
{
	return a->options[id].n > 0 ? a->options[id].items[0] : NULL;
}

bool gf_value_fail(gf_option_id id, gf_error *err, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	return gf_fail(err, GF_USAGE, "option", gf_options[id].name, "--%s: %s", gf_options[id].name, text);
}

bool gf_value_u64(const gf_arguments *a, gf_option_id id, uint64_t max, uint64_t *out, gf_error *err)
{
	const char *text = gf_value(a, id);

	if (text == NULL || gf_u64_parse(text, max, out))
		return true;
	return gf_value_fail(id, err, "'%s' is not a whole number of at most %llu", text, (unsigned long long)max);
}
