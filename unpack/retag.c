#include <stdlib.h>
#include <string.h>

#include "unpack/retag.h"
#include "unpack/template.h"

/* One packed name on its way to one target. */
typedef struct step {
	const gf_retag *r;
	const gf_target_spec *to;
	size_t image;
	const char *packed;
	gf_reference from;
	const char *values[GF_VARS];
	char host[sizeof((gf_reference *)0)->host], digest[GF_HEX_SIZE], sequence[24];
	gf_naming **names;
	size_t *n, *room;
} step;

/* {host} inside a repository or a tag, where a port's colon is not legal: "registry.example_5000". */
static void set_host(step *s)
{
	memcpy(s->host, s->from.host, sizeof s->host);
	for (char *p = s->host; *p != '\0'; p++)
		if (*p == ':')
			*p = '_';
	s->values[GF_VAR_HOST] = s->host;
}

static void set_values(step *s)
{
	const gf_manifest *m = s->r->manifest;
	const char *base = strrchr(s->from.path, '/');

	gf_digest_hex(&m->images[s->image].digest, s->digest);
	s->sequence[0] = '\0';
	if (m->stream != NULL) {
		char digits[24];
		size_t i = sizeof digits;
		uint64_t v = m->sequence;

		digits[--i] = '\0';
		do {
			digits[--i] = (char)('0' + v % 10);
			v /= 10;
		} while (v > 0);
		memcpy(s->sequence, digits + i, sizeof digits - i);
	}
	set_host(s);
	s->values[GF_VAR_PATH] = s->from.path;
	s->values[GF_VAR_BASENAME] = base != NULL ? base + 1 : s->from.path;
	s->values[GF_VAR_TAG] = s->from.tag;
	s->values[GF_VAR_DIGEST] = s->digest;
	s->values[GF_VAR_VERSION] = m->version;
	s->values[GF_VAR_STREAM] = m->stream;
	s->values[GF_VAR_SEQUENCE] = s->sequence;
	s->values[GF_VAR_BUILD_ID] = m->build.id;
	s->values[GF_VAR_BUILD_REVISION] = m->build.revision;
	s->values[GF_VAR_ENVIRONMENT] = s->r->environment->name;
}

/* tag NULL: a name by the image's digest. */
static bool add(const step *s, const char *repository, const char *tag, gf_error *err)
{
	gf_naming *n;
	char full[GF_TEMPLATE_SIZE * 2 + 600], digest[GF_DIGEST_SIZE];
	gf_buf text;
	bool ok;

	if (tag != NULL && !gf_tag_valid(tag))
		return gf_fail(err, GF_USAGE, "reference", s->packed,
		    "'%s' is to get the tag '%s', which is no tag: at most 128 of A-Z a-z 0-9 _ . -, not beginning with . or -",
		    s->packed, tag);
	gf_buf_init(&text, sizeof full - 1);
	ok = s->to->kind != GF_TO_REGISTRY ||
	    gf_buf_printf(&text, err, "%s/%s%s", s->to->host, s->to->path, *s->to->path != '\0' ? "/" : "");
	ok = ok && gf_buf_puts(&text, repository, err);
	gf_digest_text(&s->r->manifest->images[s->image].digest, digest);
	ok = ok && gf_buf_printf(&text, err, "%s%s", tag != NULL ? ":" : "@", tag != NULL ? tag : digest);
	if (ok)
		memcpy(full, gf_buf_text(&text), text.len + 1);
	gf_buf_clear(&text);
	if (!ok || !gf_grow(s->names, s->room, *s->n, sizeof **s->names, err))
		return false;
	n = &(*s->names)[*s->n];
	if (!gf_reference_parse(full, &n->to, err)) {
		gf_error why = *err;

		return gf_fail(err, GF_USAGE, "reference", s->packed, "'%s' would become '%s', which is no name: %s",
		    s->packed, full, why.text);
	}
	n->image = s->image;
	n->packed = s->packed;
	n->digest = s->r->manifest->images[s->image].digest; /* until the target says what it shows */
	gf_reference_print(&n->to, n->text);
	++*s->n;
	return true;
}

/* Cuts ":TAG" off the end; the tag, or NULL where there is none. */
static char *split_tag(char *repository)
{
	char *slash = strrchr(repository, '/'), *colon = strrchr(repository, ':');

	if (colon == NULL || (slash != NULL && colon < slash))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static bool add_tags(const step *s, const char *repository, const char *own, const gf_retag_rule *rule, gf_error *err)
{
	const char *const *tags = s->r->tags;
	size_t n = s->r->n_tags;
	char tag[GF_TEMPLATE_SIZE];

	if (n == 0 && own != NULL)
		return add(s, repository, own, err);
	if (n == 0 && rule != NULL) {
		tags = (const char *const *)rule->tags;
		n = rule->n_tags;
	}
	if (n == 0) {
		if (s->from.tag[0] != '\0')
			return add(s, repository, s->from.tag, err);
		if (s->to->kind != GF_TO_DOCKER && s->to->kind != GF_TO_DOCKER_ARCHIVE)
			return add(s, repository, NULL, err);
		return gf_fail(err, GF_USAGE, "reference", s->packed,
		    "'%s' has no tag, and %s knows no names by digest; give one with --tag or in a retag rule",
		    s->packed, s->to->kind == GF_TO_DOCKER ? "a daemon" : "a docker-archive");
	}
	for (size_t i = 0; i < n; i++)
		if (!gf_template_expand(tags[i], s->values, tag, err))
			return gf_because(err, "the tag of '%s'", s->packed);
		else if (!add(s, repository, tag, err))
			return false;
	return true;
}

static const gf_retag_rule *find_rule(const step *s)
{
	const gf_environment *e = s->r->environment;
	char whole[sizeof s->from.host + sizeof s->from.path];
	size_t n = strlen(s->from.host);

	memcpy(whole, s->from.host, n);
	whole[n] = '/';
	memcpy(whole + n + 1, s->from.path, strlen(s->from.path) + 1);
	for (size_t i = 0; i < e->n_rules; i++)
		if (gf_glob_match(e->rules[i].match, whole))
			return &e->rules[i];
	return NULL;
}

static bool one_name(step *s, gf_error *err)
{
	const gf_retag_rule *rule = NULL;
	const char *template = s->r->name;
	char repository[GF_TEMPLATE_SIZE], *own = NULL;

	if (!gf_reference_parse(s->packed, &s->from, err))
		return false;
	set_values(s);
	if (template == NULL && s->to->reference != NULL) {
		template = s->to->reference;
	} else if (template == NULL && s->r->environment->n_rules > 0) {
		rule = find_rule(s);
		if (rule == NULL)
			return gf_fail(err, GF_USAGE, "unmapped", s->packed,
			    "no retag rule of environment '%s' matches '%s'; add one (match: \"**\" takes the rest)",
			    s->r->environment->name, s->packed);
		template = rule->name;
	} else if (template == NULL) {
		template = s->to->kind == GF_TO_REGISTRY ? "{path}" : "{host}/{path}";
	}
	/* Where it is the host of the new name, it stays as it is. */
	if (s->to->kind != GF_TO_REGISTRY && gf_starts_with(template, "{host}/"))
		s->values[GF_VAR_HOST] = s->from.host;
	if (!gf_template_expand(template, s->values, repository, err))
		return gf_because(err, "the new name of '%s'", s->packed);
	s->values[GF_VAR_HOST] = s->host;
	own = split_tag(repository);
	if (own != NULL && rule != NULL)
		return gf_fail(err, GF_USAGE, "reference", s->packed,
		    "'%s' would become '%s:%s'; in a rule the tags stand in tags", s->packed, repository, own);
	if (own != NULL && s->r->name != NULL && s->r->n_tags > 0)
		return gf_fail(
		    err, GF_USAGE, "reference", s->packed, "--name has the tag '%s' and --tag gives others", own);
	return add_tags(s, repository, own, rule, err);
}

static int by_text(const void *a, const void *b)
{
	const gf_naming *const *x = a, *const *y = b;
	int c = strcmp((*x)->text, (*y)->text);

	return c != 0 ? c : (*x > *y) - (*x < *y);
}

/* Two images under one name: refused.  One image twice under one name: once is enough. */
static bool collide(gf_naming *names, size_t *n, const char *label, gf_error *err)
{
	gf_naming **sorted = gf_alloc(*n > 0 ? *n : 1, sizeof *sorted, err);
	size_t kept = 0;
	bool ok = sorted != NULL;

	for (size_t i = 0; ok && i < *n; i++)
		sorted[i] = &names[i];
	if (ok)
		qsort(sorted, *n, sizeof *sorted, by_text);
	for (size_t i = 1; ok && i < *n; i++) {
		const gf_naming *a = sorted[i - 1], *b = sorted[i];

		if (strcmp(a->text, b->text) == 0 && a->image != b->image)
			ok = gf_fail(err, GF_USAGE, "collision", b->text,
			    "'%s' and '%s' would both become '%s' at %s; tell them apart with {path} or {tag}, or with a rule for each",
			    a->packed, b->packed, b->text, label);
	}
	for (size_t i = 1; ok && i < *n; i++)
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			sorted[i]->packed = NULL;
	for (size_t i = 0; ok && i < *n; i++)
		if (names[i].packed != NULL) {
			if (kept != i)
				names[kept] = names[i];
			kept++;
		}
	if (ok)
		*n = kept;
	free(sorted);
	return ok;
}

bool gf_retag_names(const gf_retag *r, const gf_target_spec *to, gf_naming **names, size_t *n, gf_error *err)
{
	const gf_manifest *m = r->manifest;
	size_t room = 0;

	*names = NULL;
	*n = 0;
	if ((r->name != NULL || to->reference != NULL) && m->n_images != 1)
		return gf_fail(err, GF_USAGE, "name", r->name != NULL ? r->name : to->reference,
		    "one name for %zu images; write retag rules into environments/NAME.yaml", m->n_images);
	for (size_t i = 0; i < m->n_images; i++)
		for (size_t j = 0; j < m->images[i].n_names; j++) {
			step s = { .r = r,
				.to = to,
				.image = i,
				.packed = m->images[i].names[j],
				.names = names,
				.n = n,
				.room = &room };

			if (!one_name(&s, err))
				return false;
		}
	return collide(*names, n, to->label, err);
}
