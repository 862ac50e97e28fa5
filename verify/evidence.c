#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "verify/evidence.h"
#include "verify/signers.h"

/* What a rule may ask about: an image, and each of its platforms. */
typedef struct target {
	const gf_digest *digest;
	size_t image, platform; /* platform SIZE_MAX: the image itself */
} target;

typedef struct rule {
	const gf_policy_evidence *asks;
	const gf_policy_role *role; /* NULL: none */
	bool *covered;              /* of each target */
	/* Attestations of its type that did not count, by the first reason. */
	size_t bare, unsigned_by_role, other_builder, elsewhere;
	char builder[120]; /* of the last that was another's */
} rule;

struct gf_evidence {
	const gf_policy *policy;
	const gf_policy_environment *environment;
	const gf_manifest *manifest;
	bool vouched; /* the bundle is signed, and with it all that is inside */
	gf_time now;
	target *targets;
	size_t n_targets;
	rule *rules;
	pthread_mutex_t lock; /* over the rules */
	atomic_size_t too_large;
};

/* ---- made and freed ---- */

static void add_targets(gf_evidence *e)
{
	for (size_t i = 0; i < e->manifest->n_images; i++) {
		const gf_image *image = &e->manifest->images[i];

		e->targets[e->n_targets++] = (target){ &image->digest, i, SIZE_MAX };
		for (size_t p = 0; p < image->n_platforms; p++)
			e->targets[e->n_targets++] = (target){ &image->platforms[p].manifest, i, p };
	}
}

static bool add_rules(gf_evidence *e, gf_error *err)
{
	for (size_t i = 0; i < e->environment->n_evidence; i++) {
		rule *r = &e->rules[i];

		r->asks = &e->environment->evidence[i];
		r->role = r->asks->role != NULL ? gf_policy_role_find(e->policy, r->asks->role) : NULL;
		r->covered = gf_alloc(e->n_targets, sizeof *r->covered, err);
		if (r->covered == NULL)
			return false;
	}
	return true;
}

bool gf_evidence_new(const gf_verdict *v, const gf_manifest *m, gf_evidence **out, gf_error *err)
{
	size_t n = m->n_images;
	gf_evidence *e;

	*out = NULL;
	if (v->environment == NULL || v->environment->n_evidence == 0)
		return true;
	e = gf_alloc(1, sizeof *e, err);
	if (e == NULL)
		return false;
	e->policy = v->policy;
	e->environment = v->environment;
	e->manifest = m;
	e->vouched = v->n_signers > 0;
	e->now = gf_now();
	(void)pthread_mutex_init(&e->lock, NULL);
	for (size_t i = 0; i < m->n_images; i++)
		n += m->images[i].n_platforms;
	e->targets = gf_alloc(n, sizeof *e->targets, err);
	e->rules = gf_alloc(e->environment->n_evidence, sizeof *e->rules, err);
	if (e->targets != NULL && e->rules != NULL) {
		add_targets(e);
		if (add_rules(e, err)) {
			*out = e;
			return true;
		}
	}
	gf_evidence_free(e);
	return false;
}

void gf_evidence_free(gf_evidence *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; e->rules != NULL && i < e->environment->n_evidence; i++)
		free(e->rules[i].covered);
	free(e->rules);
	free(e->targets);
	(void)pthread_mutex_destroy(&e->lock);
	free(e);
}

/* ---- attestations ---- */

bool gf_evidence_wants(gf_evidence *e, size_t i)
{
	const gf_blob *b = &e->manifest->blobs[i];

	if (b->kind != GF_KIND_EVIDENCE)
		return false;
	if (b->size <= GF_ATTESTATION_MAX)
		return true;
	atomic_fetch_add(&e->too_large, 1);
	return false;
}

static bool is_by_builder(rule *r, const gf_attestation *a)
{
	bool is = r->asks->n_builders == 0;

	for (size_t i = 0; !is && a->builder != NULL && i < r->asks->n_builders; i++)
		is = strcmp(a->builder, r->asks->builders[i]) == 0;
	if (!is) {
		r->builder[0] = '\0';
		gf_text_append(r->builder, sizeof r->builder, "%.110s", a->builder != NULL ? a->builder : "nobody");
	}
	return is;
}

/* Who signed is asked first, what it says then.  envelope NULL: the Statement stands alone. */
static bool is_signed(const gf_evidence *e, rule *r, const gf_envelope *envelope, bool *is, gf_error *err)
{
	size_t holders = 0;

	*is = false;
	if (!e->vouched) {
		; /* what nobody signed satisfies no gate (FORMAT.md 5 "Unsigned") */
	} else if (r->asks->role == NULL) {
		*is = true;
	} else if (envelope == NULL) {
		r->bare++;
	} else {
		if (!gf_envelope_signed(envelope, e->policy, r->role, e->now, &holders, err))
			return false;
		*is = holders >= r->role->threshold;
		r->unsigned_by_role += !*is;
	}
	return true;
}

static bool apply(const gf_evidence *e, rule *r, const gf_envelope *envelope, const gf_attestation *a, gf_error *err)
{
	bool is = false, about_ours = false;

	if (strcmp(a->type, r->asks->type) != 0)
		return true;
	if (!is_signed(e, r, envelope, &is, err))
		return false;
	if (!is)
		return true;
	if (!is_by_builder(r, a)) {
		r->other_builder++;
		return true;
	}
	for (size_t s = 0; s < a->n_subjects; s++)
		for (size_t t = 0; t < e->n_targets; t++)
			if (gf_digest_equal(&a->subjects[s], e->targets[t].digest))
				about_ours = r->covered[t] = true;
	r->elsewhere += !about_ours;
	return true;
}

static bool apply_all(gf_evidence *e, const gf_envelope *envelope, gf_json statement, gf_error *err)
{
	gf_error why = { .class = GF_OK };
	gf_attestation a;
	bool ok = true;

	if (!gf_attestation_read(statement, &a, &why))
		return why.class != GF_FAILED || (*err = why, false);
	(void)pthread_mutex_lock(&e->lock);
	for (size_t i = 0; ok && i < e->environment->n_evidence; i++)
		ok = apply(e, &e->rules[i], envelope, &a, err);
	(void)pthread_mutex_unlock(&e->lock);
	gf_attestation_clear(&a);
	return ok;
}

static bool apply_envelope(gf_evidence *e, const gf_envelope *envelope, gf_error *err)
{
	gf_error why = { .class = GF_OK };
	gf_json_doc *doc;
	bool ok = true;

	if (!gf_envelope_is_statement(envelope))
		return true;
	doc = gf_json_parse(
	    gf_buf_text(&envelope->payload), envelope->payload.len, GF_ATTESTATION_MAX, GF_DAMAGED, "payload", &why);
	if (doc != NULL)
		ok = apply_all(e, envelope, gf_json_root(doc), err);
	else if (why.class == GF_FAILED)
		ok = (*err = why, false);
	gf_json_free(doc);
	return ok;
}

bool gf_evidence_take(gf_evidence *e, const gf_buf *bytes, gf_error *err)
{
	gf_error why = { .class = GF_OK };
	gf_json_doc *doc =
	    gf_json_parse(gf_buf_text(bytes), bytes->len, GF_ATTESTATION_MAX, GF_DAMAGED, "evidence", &why);
	gf_envelope envelope;
	bool is = false, ok = true;

	if (doc == NULL)
		return why.class != GF_FAILED || (*err = why, false);
	if (!gf_envelope_open(gf_json_root(doc), &is, &envelope, &why))
		ok = why.class != GF_FAILED || (*err = why, false);
	else if (is)
		ok = apply_envelope(e, &envelope, err);
	else
		ok = apply_all(e, NULL, gf_json_root(doc), err);
	if (is && why.class == GF_OK)
		gf_envelope_close(&envelope);
	gf_json_free(doc);
	return ok;
}

/* ---- the rules ---- */

/* Is target t covered?  An image also by all of its platforms. */
static bool is_covered(const gf_evidence *e, const rule *r, size_t t)
{
	const gf_image *image = &e->manifest->images[e->targets[t].image];
	bool all = e->targets[t].platform == SIZE_MAX && image->n_platforms > 0;

	for (size_t p = 0; all && p < image->n_platforms; p++)
		all = r->covered[t + 1 + p];
	return r->covered[t] || all;
}

static bool is_asked(const gf_evidence *e, const rule *r, size_t t)
{
	return (e->targets[t].platform != SIZE_MAX) == r->asks->each_platform;
}

/* "https://slsa.dev/provenance/v1 by role 'builder'" */
static void name_rule(const rule *r, char *text, size_t cap)
{
	gf_text_append(text, cap, "%.120s", r->asks->type);
	if (r->asks->role != NULL)
		gf_text_append(text, cap, " by role '%s'", r->asks->role);
}

/* What was found of this type and did not count. */
static void list_found(const gf_evidence *e, const rule *r, char *text, size_t cap)
{
	const struct {
		size_t n;
		const char *what;
	} found[] = { { r->unsigned_by_role, "not signed by the threshold of the role" },
		{ r->bare, "without a signature" }, { r->other_builder, "of another builder" },
		{ r->elsewhere, "about something else" },
		{ atomic_load(&e->too_large), "of any type too large to be read" } };
	bool any = false;

	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
		if (found[i].n == 0)
			continue;
		gf_text_append(text, cap, "%s%zu %s", any ? ", " : "", found[i].n, found[i].what);
		any = true;
	}
	if (!any)
		gf_text_append(text, cap, "nothing else of this type");
	if (!e->vouched)
		gf_text_append(text, cap, "; the bundle is not signed");
	if (r->other_builder > 0)
		gf_text_append(text, cap, "; the builder was %s", r->builder);
}

static bool refuse(const gf_evidence *e, const rule *r, size_t t, gf_error *err)
{
	const gf_image *image = &e->manifest->images[e->targets[t].image];
	const char *platform =
	    e->targets[t].platform != SIZE_MAX ? image->platforms[e->targets[t].platform].platform : "";
	char asked[300] = "", found[300] = "", digest[GF_DIGEST_SIZE];

	name_rule(r, asked, sizeof asked);
	list_found(e, r, found, sizeof found);
	gf_digest_text(e->targets[t].digest, digest);
	return gf_fail(err, GF_REFUSED, "evidence", image->names[0],
	    "'%s' asks for %s about %s%s%s (%s), and there is none that counts: %s; pack the image with its evidence",
	    e->environment->name, asked, image->names[0], platform[0] != '\0' ? " " : "", platform, digest, found);
}

static bool judge_rule(const gf_evidence *e, const rule *r, char *text, size_t cap, gf_error *err)
{
	size_t n = 0;

	for (size_t t = 0; t < e->n_targets; t++) {
		if (!is_asked(e, r, t))
			continue;
		if (!is_covered(e, r, t))
			return refuse(e, r, t, err);
		n++;
	}
	name_rule(r, text, cap);
	gf_text_append(text, cap, ": %zu %s%s; ", n, r->asks->each_platform ? "platform" : "image", n == 1 ? "" : "s");
	return true;
}

bool gf_evidence_judge(const gf_evidence *e, gf_verdict *v, gf_error *err)
{
	char text[1024] = "";
	size_t n;

	for (size_t i = 0; i < e->environment->n_evidence; i++) {
		if (judge_rule(e, &e->rules[i], text, sizeof text, err))
			continue;
		gf_check_set(v, GF_CHECK_EVIDENCE, GF_CHECK_FAILED, "%s", err->text);
		return false;
	}
	n = strlen(text);
	gf_check_set(v, GF_CHECK_EVIDENCE, GF_CHECK_PASSED, "%.*s", (int)(n > 2 ? n - 2 : 0), text);
	return true;
}
