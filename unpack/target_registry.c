#include <stdlib.h>
#include <string.h>

#include "unpack/registry_target.h"

#define REGISTRY_JOBS 4 /* more bring nothing: the registry is the bound (performance.md "Push") */

static const gf_tree *tree_of(const gf_registry_target *r, size_t image)
{
	return &r->t.job->graph->trees[image];
}

static unsigned jobs_of(const gf_registry_target *r)
{
	return r->t.job->options->jobs > 0 ? r->t.job->options->jobs : REGISTRY_JOBS;
}

/* A connection costs about three round trips, a question on one that is open costs one: few questions share it. */
#define QUESTIONS 4

static bool ask(gf_registry_target *r, size_t n, bool (*work)(void *, size_t, gf_error *), gf_error *err)
{
	size_t connections = (n + QUESTIONS - 1) / QUESTIONS;

	return gf_parallel(connections < jobs_of(r) ? (unsigned)connections : jobs_of(r), n, work, r, err);
}

static size_t repository_of(const gf_registry_target *r, const gf_naming *n)
{
	for (size_t i = 0; i < r->n_repositories; i++)
		if (strcmp(r->repositories[i], n->to.path) == 0)
			return i;
	return SIZE_MAX;
}

/* ---- plan ---- */

static bool open_registry(gf_registry_target *r, gf_error *err)
{
	gf_registry_options o = r->t.job->options->registry;
	const gf_target_spec *s = r->t.spec;

	if (s->ca_file != NULL)
		o.http.ca_file = s->ca_file;
	if (s->cert_file != NULL) {
		o.http.cert_file = s->cert_file;
		o.http.key_file = s->key_file;
	}
	if (s->plain_http)
		o.http.plain = true;
	o.events = r->t.job->events;
	r->registry = gf_registry_open(s->host, &o, err);
	return r->registry != NULL;
}

static bool list_repositories(gf_registry_target *r, gf_error *err)
{
	r->repositories = gf_alloc(r->t.n_names, sizeof *r->repositories, err);
	r->sent_manifest = gf_alloc(r->t.n_names, sizeof *r->sent_manifest, err);
	if (r->repositories == NULL || r->sent_manifest == NULL)
		return false;
	for (size_t i = 0; i < r->t.n_names; i++)
		if (repository_of(r, &r->t.names[i]) == SIZE_MAX)
			r->repositories[r->n_repositories++] = r->t.names[i].to.path;
	return true;
}

/* What a name shows now: digest in text, or "" for nothing. */
static bool look(gf_registry_target *r, const gf_naming *n, char now[GF_DIGEST_SIZE], gf_error *err)
{
	char digest[GF_DIGEST_SIZE];
	gf_digest d;
	bool found;

	gf_digest_text(&n->digest, digest);
	now[0] = '\0';
	if (!gf_registry_head_manifest(
		r->registry, n->to.path, n->to.tag[0] != '\0' ? n->to.tag : digest, &found, &d, err))
		return false;
	if (found)
		gf_digest_text(&d, now);
	return true;
}

static bool judge(gf_registry_target *r, gf_naming *n, bool again, gf_error *err)
{
	char now[GF_DIGEST_SIZE], want[GF_DIGEST_SIZE];

	gf_digest_text(&n->digest, want);
	if (!look(r, n, now, err))
		return false;
	return (again ? gf_naming_rejudge : gf_naming_judge)(
	    n, &r->t, now[0] != '\0' ? now : NULL, strcmp(now, want) == 0, err);
}

static bool plan_name(void *ctx, size_t i, gf_error *err)
{
	gf_registry_target *r = ctx;
	gf_naming *n = &r->t.names[i];

	n->digest = r->t.job->manifest->images[n->image].digest;
	return judge(r, n, false, err);
}

static bool plan_blob(void *ctx, size_t i, gf_error *err)
{
	gf_registry_target *r = ctx;
	size_t n_blobs = r->t.job->manifest->n_blobs;
	size_t repository = r->pairs[i] / n_blobs, blob = r->pairs[i] % n_blobs;
	bool there;

	if (!gf_registry_has_blob(
		r->registry, r->repositories[repository], &r->t.job->manifest->blobs[blob].digest, &there, err))
		return false;
	(void)pthread_mutex_lock(&r->lock);
	if (!there)
		r->blobs[r->pairs[i]] = GF_BLOB_LACKING;
	else if (r->blobs[r->pairs[i]] == GF_BLOB_LACKING)
		r->blobs[r->pairs[i]] = GF_BLOB_HELD;
	(void)pthread_mutex_unlock(&r->lock);
	return true;
}

static bool list_blobs(gf_registry_target *r, gf_error *err)
{
	size_t n_blobs = r->t.job->manifest->n_blobs;

	r->blobs = gf_alloc(r->n_repositories * n_blobs, 1, err);
	r->pairs = gf_alloc(r->n_repositories * n_blobs, sizeof *r->pairs, err);
	if (r->blobs == NULL || r->pairs == NULL)
		return false;
	for (size_t i = 0; i < r->t.n_names; i++) {
		const gf_naming *n = &r->t.names[i];
		const gf_tree *tree = tree_of(r, n->image);

		if (n->state == GF_ROW_KEPT)
			continue;
		for (size_t k = 0; k < tree->n_needs; k++)
			*gf_registry_blob_at(r, repository_of(r, n), tree->needs[k]) = GF_BLOB_LACKING;
	}
	for (size_t i = 0; i < r->n_repositories * n_blobs; i++)
		if (r->blobs[i] == GF_BLOB_LACKING)
			r->pairs[r->n_pairs++] = i;
	return true;
}

static void plan_sums(gf_registry_target *r)
{
	const gf_manifest *m = r->t.job->manifest;

	for (size_t b = 0; b < m->n_blobs; b++) {
		bool use = false;

		for (size_t i = 0; i < r->n_repositories; i++)
			use = use || *gf_registry_blob_at(r, i, b) != GF_BLOB_NO_USE;
		if (!use)
			continue;
		if (gf_registry_neighbour(r, b) == SIZE_MAX && r->elsewhere[b] == NULL) {
			r->t.sum.blobs_sent++;
			r->t.sum.bytes_sent += m->blobs[b].size;
		} else {
			r->t.sum.blobs_held++;
			r->t.sum.bytes_held += m->blobs[b].size;
		}
	}
}

static bool plan(gf_target *t, gf_error *err)
{
	gf_registry_target *r = (gf_registry_target *)t;

	if (!open_registry(r, err) || !list_repositories(r, err) || !ask(r, t->n_names, plan_name, err) ||
	    !list_blobs(r, err) || !ask(r, r->n_pairs, plan_blob, err) ||
	    !gf_registry_look_elsewhere(r, jobs_of(r), err))
		return false;
	plan_sums(r);
	return true;
}

/* ---- confirm, commit ---- */

/* What was held when the plan was made, or mounted since, is asked for again, unless nothing was done since. */
static bool confirm(gf_target *t, gf_error *err)
{
	gf_registry_target *r = (gf_registry_target *)t;
	size_t n_blobs = t->job->manifest->n_blobs, n = 0;
	bool mounted = false;

	for (size_t i = 0; i < r->n_repositories * n_blobs; i++) {
		if (r->blobs[i] == GF_BLOB_LACKING)
			return gf_fail(err, GF_FAILED, "internal", t->spec->label, "a blob was neither sent nor held");
		if (r->blobs[i] == GF_BLOB_HELD || r->blobs[i] == GF_BLOB_MOUNTED)
			r->pairs[n++] = i;
		mounted = mounted || r->blobs[i] == GF_BLOB_MOUNTED;
	}
	if (t->sum.blobs_sent == 0 && !mounted)
		return true;
	if (!ask(r, n, plan_blob, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (r->blobs[r->pairs[i]] == GF_BLOB_LACKING) {
			char digest[GF_DIGEST_SIZE];

			gf_digest_text(&t->job->manifest->blobs[r->pairs[i] % n_blobs].digest, digest);
			return gf_fail(err, GF_TARGET, "held", digest,
			    "%s was in '%s' when this began and is no longer; run again", digest,
			    r->repositories[r->pairs[i] / n_blobs]);
		}
	return true;
}

static bool push(
    gf_registry_target *r, const gf_naming *n, const struct gf_push *p, const char *reference, gf_error *err)
{
	const gf_buf *text = gf_store_find(r->t.job->store, &p->digest);

	if (text == NULL)
		return gf_fail(err, GF_FAILED, "internal", n->text, "a manifest of '%s' was not kept", n->packed);
	return gf_registry_put_manifest(r->registry, n->to.path, reference, p->media_type, text->data, text->len, err);
}

/* Does it refer to another manifest?  Its list of referrers is the registry's, or ours to keep. */
static bool refers(const gf_registry_target *r, const struct gf_push *p)
{
	const gf_buf *text = gf_store_find(r->t.job->store, &p->digest);
	gf_error ignored;
	gf_document *doc =
	    text != NULL ? gf_document_parse(text, p->media_type, GF_FAILED, "manifest", &ignored) : NULL;
	bool does = doc != NULL && doc->has_subject;

	gf_document_free(doc);
	return does;
}

/* By its digest, unless it is there.  What refers to another is sent all the same, for a run that was killed may have
 * left the list of referrers without it. */
static bool push_one(gf_registry_target *r, size_t name, const struct gf_push *p, gf_error *err)
{
	const gf_naming *n = &r->t.names[name];
	char digest[GF_DIGEST_SIZE];
	gf_digest there;
	bool found;

	gf_digest_text(&p->digest, digest);
	if (!gf_registry_head_manifest(r->registry, n->to.path, digest, &found, &there, err))
		return false;
	r->sent_manifest[name] = r->sent_manifest[name] || !found;
	return (found && !refers(r, p)) || push(r, n, p, digest, err);
}

/* Every index and manifest of the image by its digest, children first; the top one goes with its tag if it gets one, but
 * what refers to another is listed before any tag is set. */
static bool push_all(gf_registry_target *r, size_t name, gf_error *err)
{
	const gf_naming *n = &r->t.names[name];
	const gf_tree *tree = tree_of(r, n->image);

	for (size_t k = 0; k < tree->n_pushes; k++) {
		bool goes_with_tag = n->to.tag[0] != '\0' && gf_digest_equal(&tree->pushes[k].digest, &n->digest);

		if ((!goes_with_tag || refers(r, &tree->pushes[k])) && !push_one(r, name, &tree->pushes[k], err))
			return false;
	}
	return true;
}

static const struct gf_push *top_of(const gf_registry_target *r, const gf_naming *n)
{
	const gf_tree *tree = tree_of(r, n->image);

	for (size_t k = 0; k < tree->n_pushes; k++)
		if (gf_digest_equal(&tree->pushes[k].digest, &n->digest))
			return &tree->pushes[k];
	return NULL;
}

static bool sent_any(gf_registry_target *r, size_t name)
{
	const gf_naming *n = &r->t.names[name];
	const gf_tree *tree = tree_of(r, n->image);
	size_t repository = repository_of(r, n);

	for (size_t k = 0; k < tree->n_needs; k++)
		if (*gf_registry_blob_at(r, repository, tree->needs[k]) == GF_BLOB_SENT)
			return true;
	return r->sent_manifest[name];
}

/* The tag is set only where it does not show the digest yet; what it shows afterwards is read back. */
static bool set_name(gf_registry_target *r, size_t name, gf_error *err)
{
	gf_naming *n = &r->t.names[name];
	const struct gf_push *top = top_of(r, n);
	char now[GF_DIGEST_SIZE], want[GF_DIGEST_SIZE];

	if (top == NULL)
		return gf_fail(err, GF_FAILED, "internal", n->text, "'%s' has no manifest", n->packed);
	if (!judge(r, n, true, err))
		return false;
	if (!n->set) {
		gf_digest_text(&n->digest, want);
		if ((n->to.tag[0] != '\0' && !push(r, n, top, n->to.tag, err)) || !look(r, n, now, err))
			return false;
		if (strcmp(now, want) != 0)
			return gf_naming_misread(n, want, now[0] != '\0' ? now : NULL, err);
		r->sent_manifest[name] = true;
	}
	n->set = true;
	n->state = sent_any(r, name) ? GF_ROW_SENT : GF_ROW_HELD;
	return true;
}

static bool commit(gf_target *t, gf_error *err)
{
	gf_registry_target *r = (gf_registry_target *)t;

	for (size_t i = 0; i < t->n_names; i++)
		if (t->names[i].state != GF_ROW_KEPT && !push_all(r, i, err))
			return false;
	for (size_t i = 0; i < t->n_names; i++)
		if (t->names[i].state != GF_ROW_KEPT && !set_name(r, i, err))
			return false;
	return true;
}

/* ---- abandon, close ---- */

/* There is no way to take a blob back that all registries know; it lies unreferenced until they collect. */
static void abandon(gf_target *t)
{
	gf_registry_target *r = (gf_registry_target *)t;

	for (size_t i = 0; r->blobs != NULL && i < r->n_repositories; i++)
		for (size_t b = 0; b < t->job->manifest->n_blobs; b++) {
			char digest[GF_DIGEST_SIZE];

			if (*gf_registry_blob_at(r, i, b) < GF_BLOB_MOUNTED)
				continue;
			gf_digest_text(&t->job->manifest->blobs[b].digest, digest);
			gf_event_say(t->job->events, GF_EVENT_NOTE, "left without a name in %s/%s: %s", t->spec->host,
			    r->repositories[i], digest);
		}
}

static void registry_close(gf_target *t)
{
	gf_registry_target *r = (gf_registry_target *)t;

	for (size_t i = 0; r->elsewhere != NULL && i < t->job->manifest->n_blobs; i++)
		free(r->elsewhere[i]);
	free(r->elsewhere);
	gf_registry_close(r->registry);
	free(r->repositories);
	free(r->blobs);
	free(r->pairs);
	free(r->sent_manifest);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static const gf_target_ops target_ops = { plan, confirm, commit, abandon, registry_close };

gf_target *gf_target_registry(const gf_target_spec *spec, const gf_job *job, gf_error *err)
{
	gf_registry_target *r = gf_alloc(1, sizeof *r, err);

	if (r == NULL)
		return NULL;
	(void)pthread_mutex_init(&r->lock, NULL);
	r->t.sink.ops = &gf_registry_sink_ops;
	r->t.ops = &target_ops;
	r->t.spec = spec;
	r->t.job = job;
	return &r->t;
}
