/* help: usage, --help and the manual page, all from the table (option.h). */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define WIDTH 80
#define DATE "2026-11-25" /* of the version, as in CHANGES.md */

static const struct {
	const char *term, *text;
} statuses[] = {
	{ "0", "done" },
	{ "1", "failed: I/O, network, memory" },
	{ "2", "wrong usage or configuration" },
	{ "3", "refused: signature, expiry, audience, replay" },
	{ "4", "damaged: a digest or size differs, something is missing or malformed" },
	{ "5", "a target failed or is only partly loaded" },
}, variables[] = {
	{ "GAPFERRY_CONFIG", "configuration directory" },
	{ "GAPFERRY_STATE", "state directory" },
	{ "GAPFERRY_PASSPHRASE", "passphrase of private keys" },
	{ "SOURCE_DATE_EPOCH", "time of packing, in seconds since 1970" },
	{ "DOCKER_HOST, DOCKER_CONTEXT", "the Docker daemon" },
	{ "DOCKER_TLS_VERIFY, DOCKER_CERT_PATH", "TLS to it, and where ca.pem, cert.pem and key.pem are" },
	{ "REGISTRY_AUTH_FILE", "the one file with registry credentials" },
	{ "DOCKER_AUTH_CONFIG", "credentials themselves, as JSON (CI jobs)" },
	{ "DOCKER_CONFIG", "directory with docker's config.json and contexts" },
	{ "HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "proxies on the way to a registry" },
	{ "SSL_CERT_FILE", "certificates (PEM) that vouch for registries" },
	{ "NO_COLOR, TERM", "colours and bars on a terminal" },
}, places[] = {
	{ "~/.config/gapferry, /etc/gapferry", "configuration: keys/*.pub and *.crt, environments/NAME.yaml" },
	{ "/var/lib/gapferry, ~/.local/state/gapferry", "state: audit.jsonl, records/" },
	{ "~/.config/containers, /etc/containers, /etc/docker: certs.d/HOST[:PORT]/",
	    "of a registry: *.crt that vouch for it, NAME.cert and NAME.key that vouch for us" },
	{ "config.json, auth.json",
	    "registry credentials of docker, podman and skopeo: in $DOCKER_CONFIG, $XDG_RUNTIME_DIR/containers (not "
	    "set: /run/containers/UID), $XDG_CONFIG_HOME/containers (~/.config/containers), ~/.docker; then "
	    "~/.dockercfg. The first that knows the registry counts; in it the longest HOST/NAMESPACE" },
	{ "BUNDLE.d/", "companions: signatures added after packing" },
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* text in words, the cursor standing at column at; further lines begin at column indent. */
static void wrap(FILE *to, const char *text, size_t at, size_t indent)
{
	size_t column = at;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > indent && column + 1 + n > WIDTH) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', to);
			column++;
		}
		fprintf(to, "%.*s", (int)n, text);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', to);
}

static void item(FILE *to, const char *term, const char *text, size_t column)
{
	size_t n = strlen(term) + 2;

	fprintf(to, "  %s", term);
	if (n + 2 > column)
		fprintf(to, "\n%*s", (int)column, "");
	else
		fprintf(to, "%*s", (int)(column - n), "");
	wrap(to, text, column, column);
}

static void option_term(const gf_option *o, char *out, size_t cap)
{
	char letter[8] = "    ";

	if (o->letter != 0)
		(void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
	(void)snprintf(out, cap, "%s--%s%s%s", letter, o->name, o->argument != NULL ? " " : "",
	    o->argument != NULL ? o->argument : "");
}

static bool has(gf_verb_id verb, size_t option)
{
	return (gf_options[option].verbs & ((uint64_t)1 << verb)) != 0;
}

void gf_help_verb(gf_verb_id verb, FILE *to)
{
	const gf_verb *v = &gf_verbs[verb];
	char term[64];

	fprintf(to, "usage: gapferry %s %s\n\n", v->name, v->usage);
	fputc(v->summary[0] - 'a' + 'A', to);
	fprintf(to, "%s.\n", v->summary + 1);
	if (v->about[0] != '\0') {
		fputc('\n', to);
		wrap(to, v->about, 0, 0);
	}
	fprintf(to, "\noptions:\n");
	for (size_t i = 0; i < GF_OPTIONS; i++)
		if (has(verb, i)) {
			option_term(&gf_options[i], term, sizeof term);
			item(to, term, gf_options[i].help, 30);
		}
	fprintf(to, "\nexamples:\n");
	for (size_t i = 0; v->examples[i] != NULL; i++) {
		fprintf(to, "  ");
		wrap(to, v->examples[i], 2, 2);
	}
}

void gf_help_overview(FILE *to)
{
	fprintf(to,
	    "usage: gapferry VERB [options] ARGUMENTS\n\nGapferry carries container images across an air gap.\n\n"
	    "verbs:\n");
	for (size_t i = 0; i < GF_VERBS; i++)
		item(to, gf_verbs[i].name, gf_verbs[i].summary, 19);
	fprintf(to, "\n'gapferry VERB --help' explains a verb.\n\nexit status:\n");
	for (size_t i = 0; i < COUNT(statuses); i++)
		item(to, statuses[i].term, statuses[i].text, 6);
	fprintf(to, "\nvariables:\n");
	for (size_t i = 0; i < COUNT(variables); i++)
		item(to, variables[i].term, variables[i].text, 38);
	fprintf(to, "\nfiles:\n");
	for (size_t i = 0; i < COUNT(places); i++)
		item(to, places[i].term, places[i].text, 38);
}

/* ---- man(7) ---- */

/* A line must not begin with a request character, and '-' and '\' have a meaning of their own. */
static void roff(FILE *to, const char *text)
{
	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", to);
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else if (*text == '\'')
			fputs("\\(aq", to);
		else
			fputc(*text, to);
	}
}

static void roff_item(FILE *to, const char *term, const char *text)
{
	fputs(".TP\n.B ", to);
	roff(to, term);
	fputc('\n', to);
	roff(to, text);
	fputc('\n', to);
}

static void man_verb(FILE *to, gf_verb_id verb)
{
	const gf_verb *v = &gf_verbs[verb];
	char term[64];

	fprintf(to, ".SS \"gapferry %s\"\n", v->name);
	fputs(".B gapferry ", to);
	roff(to, v->name);
	fputc(' ', to);
	roff(to, v->usage);
	fputs("\n.PP\n", to);
	fputc(v->summary[0] - 'a' + 'A', to);
	roff(to, v->summary + 1);
	fputs(".\n", to);
	if (v->about[0] != '\0') {
		roff(to, v->about);
		fputc('\n', to);
	}
	for (size_t i = 0; i < GF_OPTIONS; i++)
		if (has(verb, i)) {
			option_term(&gf_options[i], term, sizeof term);
			roff_item(to, term + strspn(term, " "), gf_options[i].help);
		}
	fputs(".PP\n.EX\n", to);
	for (size_t i = 0; v->examples[i] != NULL; i++) {
		roff(to, v->examples[i]);
		fputc('\n', to);
	}
	fputs(".EE\n", to);
}

void gf_help_man(FILE *to)
{
	fputs(".TH GAPFERRY 1 \"" DATE "\" \"gapferry " GF_VERSION
	      "\"\n.SH NAME\ngapferry \\- carry container images across "
	      "an air gap\n.SH SYNOPSIS\n.B gapferry\n.I VERB\n[options] arguments\n.SH VERBS\n",
	    to);
	for (size_t i = 0; i < GF_VERBS; i++)
		man_verb(to, (gf_verb_id)i);
	fputs(".SH EXIT STATUS\n", to);
	for (size_t i = 0; i < COUNT(statuses); i++)
		roff_item(to, statuses[i].term, statuses[i].text);
	fputs(".SH ENVIRONMENT\n", to);
	for (size_t i = 0; i < COUNT(variables); i++)
		roff_item(to, variables[i].term, variables[i].text);
	fputs(".SH FILES\n", to);
	for (size_t i = 0; i < COUNT(places); i++)
		roff_item(to, places[i].term, places[i].text);
}

bool gf_verb_help(gf_run *run, gf_error *err)
{
	const gf_words *words = &run->args.words;
	gf_verb_id verb = GF_VERBS;
	int used = 0;

	if (gf_given(&run->args, GF_OPT_MAN)) {
		gf_help_man(stdout);
		return true;
	}
	if (words->n == 0) {
		gf_help_overview(stdout);
		return true;
	}
	if (!gf_verb_find(words->items[0], words->n > 1 ? words->items[1] : NULL, &verb, &used, err))
		return false;
	if ((size_t)used < words->n)
		return gf_fail(
		    err, GF_USAGE, "argument", words->items[used], "'%s' is one argument too many", words->items[used]);
	gf_help_verb(verb, stdout);
	return true;
}
