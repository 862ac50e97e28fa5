/*
 * Lock files that other programs read: lines of name@digest, a kustomize component (kustomize.config.k8s.io/v1alpha1,
 * "images"), a Compose override (compose-spec, "services"), values for a Helm chart.  All text in them comes from
 * references, digests and checked keys, so that double quotes need no escape.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unpack/record.h"

/* One new name, as a consumer needs it. */
typedef struct entry {
	const gf_target *target;
	bool by_digest;                                              /* a registry: what is pulled by digest */
	char packed[GF_REFERENCE_SIZE], familiar[GF_REFERENCE_SIZE]; /* repository in the bundle, as docker shows it */
	char repository[GF_REFERENCE_SIZE];
	const char *tag;
	char shown[GF_DIGEST_SIZE]; /* registry: of manifest or index; daemon: image ID */
} entry;

typedef struct entries {
	entry *list;
	size_t n;
} entries;

static void repository_of(const gf_reference *ref, bool familiar, char out[GF_REFERENCE_SIZE])
{
	gf_reference bare = *ref;
	char *colon;

	bare.has_digest = false;
	(void)snprintf(bare.tag, sizeof bare.tag, "x");
	if (familiar)
		gf_reference_familiar(&bare, out);
	else
		gf_reference_print(&bare, out);
	colon = strrchr(out, ':');
	if (colon != NULL)
		*colon = '\0';
}

static bool fill(entry *e, const gf_target *t, const gf_naming *n, gf_error *err)
{
	gf_reference packed;

	if (!gf_reference_parse(n->packed, &packed, err))
		return false;
	e->target = t;
	e->by_digest = t->spec->kind == GF_TO_REGISTRY;
	e->tag = n->to.tag;
	repository_of(&packed, false, e->packed);
	repository_of(&packed, true, e->familiar);
	repository_of(&n->to, false, e->repository);
	if (n->state == GF_ROW_KEPT)
		(void)snprintf(e->shown, sizeof e->shown, "%s", n->before);
	else
		gf_digest_text(&n->digest, e->shown);
	return true;
}

/* Of every target that a name can be used from: not of layouts and archives. */
static bool gather(const gf_telling *t, entries *all, gf_error *err)
{
	size_t most = 1;

	for (size_t i = 0; i < gf_targets_count(t->targets); i++)
		most += gf_targets_at(t->targets, i)->n_names;
	all->n = 0;
	all->list = gf_alloc(most, sizeof *all->list, err);
	if (all->list == NULL)
		return false;
	for (size_t i = 0; i < gf_targets_count(t->targets); i++) {
		const gf_target *target = gf_targets_at(t->targets, i);

		if (target->failed || (target->spec->kind != GF_TO_REGISTRY && target->spec->kind != GF_TO_DOCKER))
			continue;
		for (size_t k = 0; k < target->n_names; k++)
			if (!fill(&all->list[all->n++], target, &target->names[k], err))
				return false;
	}
	return true;
}

/* ---- which entry a word of the form stands for ---- */

typedef bool fits(const entry *e, const char *word);

static bool same_packed(const entry *e, const char *word)
{
	return strcmp(e->packed, word) == 0;
}

static bool same_base(const entry *e, const char *word)
{
	return strcmp(gf_path_base(e->packed), word) == 0;
}

static bool same_glob(const entry *e, const char *word)
{
	return gf_glob_match(word, e->packed);
}

/* The first of a registry, else of a daemon; NULL in *out: none.  Another one at that target must be the same. */
static bool pick(const gf_lock_spec *s, const entries *all, fits *fit, const char *word, const char *key,
    const entry **out, gf_error *err)
{
	const entry *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const entry *e = &all->list[i];

		if (fit(e, word) && (best == NULL || (e->by_digest && !best->by_digest)))
			best = e;
	}
	for (size_t i = 0; best != NULL && i < all->n; i++) {
		const entry *e = &all->list[i];

		if (fit(e, word) && e->target == best->target &&
		    (strcmp(e->shown, best->shown) != 0 || strcmp(e->repository, best->repository) != 0))
			return gf_fail(err, GF_USAGE, "lock-conflict", s->path,
			    "lock file '%s' (%s): '%s' would stand for both %s@%s and %s@%s%s", s->path,
			    gf_lock_form_names[s->form], key, best->repository, best->shown, e->repository, e->shown,
			    s->form == GF_LOCK_KUSTOMIZE ? "; kustomize chooses by repository, not by tag"
							 : "; tell them apart with keys");
	}
	*out = best;
	return true;
}

/* Was the word of this entry seen in an earlier one? */
static bool seen(const entries *all, size_t at, fits *fit, const char *word)
{
	for (size_t i = 0; i < at; i++)
		if (fit(&all->list[i], word))
			return true;
	return false;
}

/* ---- name@digest ---- */

static bool print_digests(const entries *all, gf_buf *out, gf_error *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < all->n; i++) {
		const entry *e = &all->list[i];
		bool again = false;

		if (!e->by_digest) {
			ok = gf_buf_printf(out, err, "# %s:%s has the image ID %s\n", e->repository, e->tag, e->shown);
			continue;
		}
		for (size_t k = 0; k < i && !again; k++)
			again = all->list[k].by_digest && strcmp(all->list[k].repository, e->repository) == 0 &&
			    strcmp(all->list[k].shown, e->shown) == 0;
		ok = again || gf_buf_printf(out, err, "%s@%s\n", e->repository, e->shown);
	}
	return ok;
}

/* ---- kustomize ---- */

static bool print_replaced(const char *name, const entry *e, gf_buf *out, gf_error *err)
{
	return gf_buf_printf(out, err, "  - name: \"%s\"\n    newName: \"%s\"\n    %s: \"%s\"\n", name, e->repository,
	    e->by_digest ? "digest" : "newTag", e->by_digest ? e->shown : e->tag);
}

static bool print_kustomize(const gf_lock_spec *s, const entries *all, gf_buf *out, gf_error *err)
{
	bool ok = gf_buf_printf(out, err, "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:%s\n",
	    all->n == 0 ? " []" : "");

	for (size_t i = 0; ok && i < all->n; i++) {
		const char *word = all->list[i].packed, *familiar = all->list[i].familiar;
		const entry *e = &all->list[i];

		if (seen(all, i, same_packed, word))
			continue;
		/* It compares names as they are written: resources may have either. */
		ok = pick(s, all, same_packed, word, word, &e, err) && print_replaced(word, e, out, err) &&
		    (strcmp(word, familiar) == 0 || print_replaced(familiar, e, out, err));
	}
	return ok;
}

/* ---- by key: compose, helm ---- */

typedef struct keyed {
	char key[256];
	const entry *e;
} keyed;

static int compare_keyed(const void *a, const void *b)
{
	return strcmp(((const keyed *)a)->key, ((const keyed *)b)->key);
}

/* Sorted by key, so that what nests under one word stands together. */
static bool by_key(const gf_lock_spec *s, const entries *all, keyed *list, size_t *n, gf_error *err)
{
	bool ok = true;

	*n = 0;
	for (size_t i = 0; ok && i < s->n_keys; i++) {
		keyed *k = &list[*n];

		(void)snprintf(k->key, sizeof k->key, "%s", s->keys[i].key);
		ok = pick(s, all, same_glob, s->keys[i].match, k->key, &k->e, err);
		*n += ok && k->e != NULL;
	}
	for (size_t i = 0; ok && s->n_keys == 0 && i < all->n; i++) {
		const char *base = gf_path_base(all->list[i].packed);
		keyed *k = &list[*n];

		if (seen(all, i, same_base, base))
			continue;
		/* Dots nest in values: a name keeps none of its own. */
		(void)snprintf(k->key, sizeof k->key, "%s%.200s", s->form == GF_LOCK_HELM ? "images." : "", base);
		for (char *c = k->key + (s->form == GF_LOCK_HELM ? strlen("images.") : 0); *c != '\0'; c++)
			if (*c == '.' && s->form == GF_LOCK_HELM)
				*c = '-';
		ok = pick(s, all, same_base, base, base, &k->e, err);
		++*n;
	}
	if (*n > 1)
		qsort(list, *n, sizeof *list, compare_keyed);
	for (size_t i = 1; ok && i < *n; i++)
		if (strcmp(list[i].key, list[i - 1].key) == 0)
			ok = gf_fail(err, GF_USAGE, "lock-conflict", s->path,
			    "lock file '%s' (%s): '%s' would stand for two images; tell them apart with keys", s->path,
			    gf_lock_form_names[s->form], list[i].key);
	return ok;
}

static bool print_compose(const keyed *list, size_t n, gf_buf *out, gf_error *err)
{
	bool ok = gf_buf_puts(out, n > 0 ? "services:\n" : "services: {}\n", err);

	for (size_t i = 0; ok && i < n; i++) {
		const entry *e = list[i].e;

		ok = gf_buf_printf(out, err, "  %s:\n    image: \"%s%s%s\"\n", list[i].key,
			 e->by_digest ? e->repository : "", e->by_digest ? "@" : "", e->shown) &&
		    (e->by_digest || gf_buf_puts(out, "    pull_policy: \"never\"\n", err));
	}
	return ok;
}

/* Bytes of the words, each with its dot, that both keys begin with. */
static size_t shared_words(const char *a, const char *b)
{
	size_t n = 0;

	for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
		if (a[i] == '.')
			n = i + 1;
	return n;
}

static bool print_helm(const keyed *list, size_t n, gf_buf *out, gf_error *err)
{
	bool ok = n > 0 || gf_buf_puts(out, "{}\n", err);

	for (size_t i = 0; ok && i < n; i++) {
		const entry *e = list[i].e;
		const char *word = list[i].key;
		size_t shared = i > 0 ? shared_words(list[i - 1].key, word) : 0;
		int depth = 0;

		while (ok && *word != '\0') {
			size_t length = strcspn(word, ".");

			if (word >= list[i].key + shared)
				ok = gf_buf_printf(out, err, "%*s%.*s:\n", depth * 2, "", (int)length, word);
			depth++;
			word += length + (word[length] == '.');
		}
		ok = ok &&
		    gf_buf_printf(out, err, "%*srepository: \"%s\"\n%*stag: \"%s\"\n", depth * 2, "", e->repository,
			depth * 2, "", e->tag) &&
		    (!e->by_digest || gf_buf_printf(out, err, "%*sdigest: \"%s\"\n", depth * 2, "", e->shown));
	}
	return ok;
}

static bool print_keyed(const gf_lock_spec *s, const entries *all, gf_buf *out, gf_error *err)
{
	keyed *list = gf_alloc(all->n + s->n_keys + 1, sizeof *list, err);
	size_t n = 0;
	bool ok = list != NULL && by_key(s, all, list, &n, err) &&
	    (s->form == GF_LOCK_COMPOSE ? print_compose : print_helm)(list, n, out, err);

	free(list);
	return ok;
}

bool gf_lock_form_print(const gf_lock_spec *s, const gf_telling *t, gf_buf *out, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];
	entries all = { .list = NULL };
	bool ok;

	gf_digest_text(&t->manifest, digest);
	ok = gather(t, &all, err) &&
	    gf_buf_printf(out, err, "# gapferry unpack wrote this: environment %s, bundle %s\n",
		t->job->environment->name, digest);
	if (ok && s->form == GF_LOCK_DIGESTS)
		ok = print_digests(&all, out, err);
	else if (ok && s->form == GF_LOCK_KUSTOMIZE)
		ok = print_kustomize(s, &all, out, err);
	else if (ok)
		ok = print_keyed(s, &all, out, err);
	free(all.list);
	return ok;
}
