/* sign: a further release signature, beside a bundle or, in a copy, inside. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "pack/pack.h"

#define STEM "manifest.json"

typedef struct signing {
	gf_judged j;
	gf_signer **signers;
	size_t n_signers;
	gf_member *made; /* n_made of n_signers */
	size_t n_made;
	/* of a copy: */
	uint64_t size;
	size_t n_inside;
} signing;

static bool make(signing *s, gf_error *err)
{
	const gf_buf *statement = gf_reader_statement(s->j.reader);

	s->made = gf_alloc(s->n_signers + 1, sizeof *s->made, err);
	for (; s->made != NULL && s->n_made < s->n_signers; s->n_made++)
		if (!gf_signer_sign(
			s->signers[s->n_made], STEM, gf_buf_text(statement), statement->len, &s->made[s->n_made], err))
			return false;
	return s->made != NULL;
}

/* ---- companions ---- */

/* The companion of this name where it is a signature of the same key: there is nothing to add. */
static bool is_there(const signing *s, size_t i)
{
	const gf_buf *statement = gf_reader_statement(s->j.reader);

	for (size_t k = 0; k < s->j.n_companions; k++) {
		const gf_member *m = &s->j.companions[k];
		const char *ext = gf_signature_ext(m->name, STEM);

		if (ext != NULL && strcmp(m->name, s->made[i].name) == 0 &&
		    gf_signature_fits(
			gf_signer_public(s->signers[i]), ext, &m->bytes, gf_buf_text(statement), statement->len))
			return true;
	}
	return false;
}

static bool store(const gf_run *run, const signing *s, gf_error *err)
{
	const char *bundle = run->args.words.items[0];

	for (size_t i = 0; i < s->n_made; i++) {
		if (is_there(s, i))
			gf_event_say(run->events, GF_EVENT_NOTE, "'%s' is there already and fits", s->made[i].name);
		else if (!gf_companion_store(bundle, &s->made[i], err))
			return false;
	}
	return true;
}

/* ---- a copy ---- */

typedef struct gathered {
	gf_member *list; /* what they point to is not ours */
	size_t n;
	const gf_run *run;
} gathered;

/* The first of a name stays. */
static void take(gathered *g, const gf_member *m)
{
	if (gf_signature_ext(m->name, STEM) == NULL)
		return;
	for (size_t i = 0; i < g->n; i++) {
		const gf_buf *have = &g->list[i].bytes;

		if (strcmp(g->list[i].name, m->name) != 0)
			continue;
		if (have->len != m->bytes.len || memcmp(gf_buf_text(have), gf_buf_text(&m->bytes), have->len) != 0)
			gf_event_say(g->run->events, GF_EVENT_WARNING,
			    "there are two signature files '%s'; one name has room for one, the other is left out",
			    m->name);
		return;
	}
	g->list[g->n++] = *m;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const gf_member *)a)->name, ((const gf_member *)b)->name);
}

/* A bundle is never written to: the output must not be what is read. */
static bool must_be_new(const char *bundle, const char *output, gf_error *err)
{
	struct stat a, b;

	if (strcmp(bundle, "-") == 0 || stat(bundle, &a) != 0 || stat(output, &b) != 0 || a.st_dev != b.st_dev ||
	    a.st_ino != b.st_ino)
		return true;
	return gf_value_fail(
	    GF_OPT_REWRITE, err, "'%s' is the bundle itself, which is never written to: name another file", output);
}

static bool rewrite(const gf_run *run, signing *s, const gf_walk *walk, gf_error *err)
{
	const char *bundle = run->args.words.items[0], *output = gf_value(&run->args, GF_OPT_REWRITE);
	size_t n_inside;
	const gf_member *inside = gf_reader_signatures(s->j.reader, &n_inside);
	gathered g = { .list = gf_alloc(s->n_made + n_inside + s->j.n_companions + 1, sizeof *g.list, err),
		.run = run };
	bool ok = g.list != NULL && must_be_new(bundle, output, err);

	for (size_t i = 0; ok && i < s->n_made; i++) /* these fit */
		take(&g, &s->made[i]);
	for (size_t i = 0; ok && i < n_inside; i++)
		take(&g, &inside[i]);
	for (size_t i = 0; ok && i < s->j.n_companions; i++)
		take(&g, &s->j.companions[i]);
	if (ok && g.n > GF_SIGNATURES_MAX)
		ok = gf_fail(err, GF_USAGE, "key-count", bundle,
		    "%zu signatures, and %d have room inside a bundle: take away those beside it that are not wanted",
		    g.n, GF_SIGNATURES_MAX);
	if (ok && g.n > 1)
		qsort(g.list, g.n, sizeof *g.list, by_name);
	ok = ok && gf_rewrite(walk, g.list, g.n, output, &s->j.verdict, &s->size, err);
	s->n_inside = g.n;
	free(g.list);
	return ok;
}

/* ---- the verb ---- */

static bool tell_copy(const signing *s, const char *output, FILE *to, gf_error *err)
{
	char size[GF_SIZE_TEXT], inside[32];
	gf_table *t = gf_table_new(2, err);

	gf_size_text(s->size, size);
	(void)snprintf(inside, sizeof inside, "%zu inside", s->n_inside);
	gf_table_add(t, "copy", output);
	gf_table_add(t, "size", size);
	gf_table_add(t, "signatures", inside);
	return gf_table_print(t, to, 0, err);
}

static bool tell(gf_run *run, const signing *s, gf_error *err)
{
	const char *output = gf_value(&run->args, GF_OPT_REWRITE), *bundle = run->args.words.items[0];
	FILE *to = output != NULL && strcmp(output, "-") == 0 ? stderr : stdout;
	const gf_pubkey **keys;
	gf_signed_by by;
	gf_report r;
	bool ok;

	if (run->json) {
		gf_report_open(&r, run, err);
		gf_json_put(&r.out, "bundle", bundle);
		gf_json_put(&r.out, "output", output);
		gf_put_manifest(&r.out, &s->j.verdict.manifest_digest, s->j.manifest);
		gf_json_open(&r.out, "signatures", '[');
		for (size_t i = 0; i < s->n_made; i++)
			gf_json_put(&r.out, NULL, s->made[i].name);
		gf_json_close(&r.out, ']');
		gf_json_open(&r.out, "signers", '[');
		for (size_t i = 0; i < s->n_made; i++)
			gf_put_key(&r.out, gf_signer_public(s->signers[i]), NULL);
		gf_json_close(&r.out, ']');
		return gf_report_close(&r, run, NULL, err);
	}
	keys = gf_signers_public(s->signers, s->n_signers, err);
	ok = keys != NULL;
	by = (gf_signed_by){ .keys = keys, .n = s->n_signers };
	if (ok && s->n_signers > 0)
		ok = gf_show_head(bundle, 0, &s->j.verdict.manifest_digest, s->j.manifest, &by, to, err);
	for (size_t i = 0; ok && s->n_signers > 0 && i < s->j.manifest->n_images; i++)
		ok = gf_show_image(&s->j.manifest->images[i], to, err);
	free(keys);
	return ok && (output == NULL || tell_copy(s, output, to, err));
}

static bool check_options(const gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;

	if (!gf_given(a, GF_OPT_PACK_KEY) && !gf_given(a, GF_OPT_REWRITE))
		return gf_fail(err, GF_USAGE, "option", NULL, "the key is missing: --key FILE");
	if (!gf_given(a, GF_OPT_REWRITE) && strcmp(a->words.items[0], "-") == 0)
		return gf_fail(err, GF_USAGE, "argument", NULL,
		    "a bundle on stdin has no companions; give --rewrite OUT or the name of a file");
	if (gf_given(a, GF_OPT_REWRITE) && strcmp(gf_value(a, GF_OPT_REWRITE), "-") == 0 && gf_given(a, GF_OPT_JSON))
		return gf_value_fail(GF_OPT_JSON, err, "stdout already takes the bundle (--rewrite -)");
	return true;
}

bool gf_verb_sign(gf_run *run, gf_error *err)
{
	const gf_words *keys = &run->args.options[GF_OPT_PACK_KEY];
	gf_walk walk = { .events = run->events };
	signing s = { .n_made = 0 };
	bool ok = check_options(run, err) &&
	    gf_signers_take(run, keys->items, keys->n, &s.signers, &s.n_signers, err) &&
	    gf_judged_open(&s.j, run, GF_JUDGE_SHOW, err);

	walk.reader = s.j.reader;
	walk.manifest = s.j.manifest;
	if (ok && gf_given(&run->args, GF_OPT_REWRITE))
		ok = make(&s, err) && rewrite(run, &s, &walk, err);
	else if (ok)
		ok = gf_walk_front(&walk, &s.j.verdict, err) && make(&s, err) && store(run, &s, err);
	gf_progress_rest(run->progress);
	ok = ok && tell(run, &s, err);
	gf_members_free(s.made, s.n_made);
	gf_signers_free(s.signers, s.n_signers);
	gf_judged_clear(&s.j);
	return ok;
}
