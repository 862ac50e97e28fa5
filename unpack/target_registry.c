#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "unpack/target.h"

/* Of one blob in one repository. */
enum { NO_USE, LACKING, HELD, SENT };

#define REGISTRY_JOBS 4 /* more bring nothing: the registry is the bound (performance.md "Push") */

typedef struct registry_target {
	gf_target t;
	gf_registry *registry;
	const char **repositories; /* distinct; owned by the names */
	size_t n_repositories;
	pthread_mutex_t lock; /* blobs, the sums */
	unsigned char *blobs; /* [repository * n_blobs + blob] */
	bool *sent_manifest;  /* [name]: something of its image was sent at commit */
	atomic_bool no_mount; /* this registry does not copy between its repositories */
	size_t *pairs;        /* plan: places in blobs that are to be asked for */
	size_t n_pairs;
} registry_target;

static const gf_tree *tree_of(const registry_target *r, size_t image)
{
	return &r->t.job->graph->trees[image];
}

static unsigned jobs_of(const registry_target *r)
{
	return r->t.job->options->jobs > 0 ? r->t.job->options->jobs : REGISTRY_JOBS;
}

static size_t repository_of(const registry_target *r, const gf_naming *n)
{
	for (size_t i = 0; i < r->n_repositories; i++)
		if (strcmp(r->repositories[i], n->to.path) == 0)
			return i;
	return SIZE_MAX;
}

static unsigned char *blob_at(const registry_target *r, size_t repository, size_t blob)
{
	return &r->blobs[repository * r->t.job->manifest->n_blobs + blob];
}

static unsigned char blob_get(registry_target *r, size_t repository, size_t blob)
{
	unsigned char v;

	(void)pthread_mutex_lock(&r->lock);
	v = *blob_at(r, repository, blob);
	(void)pthread_mutex_unlock(&r->lock);
	return v;
}

/* The blob arrived: by bytes (counted) or by a mount. */
static void blob_arrived(registry_target *r, size_t repository, size_t blob, bool bytes)
{
	(void)pthread_mutex_lock(&r->lock);
	*blob_at(r, repository, blob) = SENT;
	if (bytes) {
		r->t.sum.blobs_sent++;
		r->t.sum.bytes_sent += r->t.job->manifest->blobs[blob].size;
	}
	(void)pthread_mutex_unlock(&r->lock);
}

/* ---- plan ---- */

static bool open_registry(registry_target *r, gf_error *err)
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

static bool list_repositories(registry_target *r, gf_error *err)
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
static bool look(registry_target *r, const gf_naming *n, char now[GF_DIGEST_SIZE], gf_error *err)
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

static bool judge(registry_target *r, gf_naming *n, bool again, gf_error *err)
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
	registry_target *r = ctx;
	gf_naming *n = &r->t.names[i];

	n->digest = r->t.job->manifest->images[n->image].digest;
	return judge(r, n, false, err);
}

static bool plan_blob(void *ctx, size_t i, gf_error *err)
{
	registry_target *r = ctx;
	size_t n_blobs = r->t.job->manifest->n_blobs;
	size_t repository = r->pairs[i] / n_blobs, blob = r->pairs[i] % n_blobs;
	bool there;

	if (!gf_registry_has_blob(
		r->registry, r->repositories[repository], &r->t.job->manifest->blobs[blob].digest, &there, err))
		return false;
	(void)pthread_mutex_lock(&r->lock);
	r->blobs[r->pairs[i]] = there ? HELD : LACKING;
	(void)pthread_mutex_unlock(&r->lock);
	return true;
}

static bool list_blobs(registry_target *r, gf_error *err)
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
			*blob_at(r, repository_of(r, n), tree->needs[k]) = LACKING;
	}
	for (size_t i = 0; i < r->n_repositories * n_blobs; i++)
		if (r->blobs[i] == LACKING)
			r->pairs[r->n_pairs++] = i;
	return true;
}

/* Some other repository of this run has the blob, so that it needs no bytes; SIZE_MAX: none. */
static size_t neighbour(registry_target *r, size_t blob)
{
	for (size_t i = 0; i < r->n_repositories; i++)
		if (blob_get(r, i, blob) >= HELD)
			return i;
	return SIZE_MAX;
}

static void plan_sums(registry_target *r)
{
	const gf_manifest *m = r->t.job->manifest;

	for (size_t b = 0; b < m->n_blobs; b++) {
		bool use = false;

		for (size_t i = 0; i < r->n_repositories; i++)
			use = use || *blob_at(r, i, b) != NO_USE;
		if (!use)
			continue;
		if (neighbour(r, b) == SIZE_MAX) {
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
	registry_target *r = (registry_target *)t;

	if (!open_registry(r, err) || !list_repositories(r, err) ||
	    !gf_parallel(jobs_of(r), t->n_names, plan_name, r, err) || !list_blobs(r, err) ||
	    !gf_parallel(jobs_of(r), r->n_pairs, plan_blob, r, err))
		return false;
	plan_sums(r);
	return true;
}

/* ---- the sink ---- */

/* Give the repository a blob that another one has. */
static bool mount(registry_target *r, size_t from, size_t to, size_t blob, bool *mounted, gf_error *err)
{
	*mounted = false;
	if (atomic_load(&r->no_mount))
		return true;
	if (!gf_registry_mount_blob(r->registry, r->repositories[to], r->repositories[from],
		&r->t.job->manifest->blobs[blob].digest, mounted, err))
		return false;
	if (*mounted)
		blob_arrived(r, to, blob, false);
	else
		atomic_store(&r->no_mount, true);
	return true;
}

static bool has(gf_sink *sink, size_t blob, bool *held, gf_error *err)
{
	registry_target *r = (registry_target *)sink;
	size_t from = neighbour(r, blob);

	*held = true;
	for (size_t i = 0; i < r->n_repositories; i++) {
		bool mounted = false;

		if (blob_get(r, i, blob) != LACKING)
			continue;
		if (from != SIZE_MAX && !mount(r, from, i, blob, &mounted, err))
			return false;
		*held = *held && mounted;
	}
	return true;
}

/* One blob on its way: to the first repository that lacks it, to all of them where nothing can be mounted. */
typedef struct upload {
	gf_output out;
	registry_target *r;
	size_t blob;
	gf_output **down; /* [repository] */
} upload;

static bool upload_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	upload *u = (upload *)out;

	for (size_t i = 0; i < u->r->n_repositories; i++)
		if (u->down[i] != NULL && !gf_output_write(u->down[i], bytes, n, err))
			return false;
	return true;
}

/* A registry that takes no mounts gets the bytes a second time, where the medium can go back. */
static bool send_again(registry_target *r, size_t to, size_t blob, gf_error *err)
{
	const gf_job *job = r->t.job;
	const gf_blob *b = &job->manifest->blobs[blob];
	gf_output *out;
	gf_input *in;
	bool absent = false, ok;

	if (!gf_reader_seekable(job->reader))
		return gf_fail(err, GF_TARGET, "registry-mount", r->repositories[to],
		    "the registry does not copy a layer from one repository to another, and the bundle comes through a pipe; "
		    "run again: what has arrived is kept");
	in = gf_reader_blob(job->reader, blob, &absent, err);
	if (in == NULL)
		return false;
	out = gf_registry_put_blob(r->registry, r->repositories[to], &b->digest, b->size, err);
	ok = out != NULL && gf_copy(in, out, err) && gf_output_finish(out, err);
	gf_output_close(out);
	gf_input_close(in);
	if (ok)
		blob_arrived(r, to, blob, true);
	return ok;
}

static bool upload_finish(gf_output *out, gf_error *err)
{
	upload *u = (upload *)out;
	registry_target *r = u->r;
	size_t from = SIZE_MAX;

	for (size_t i = 0; i < r->n_repositories; i++)
		if (u->down[i] != NULL) {
			if (!gf_output_finish(u->down[i], err))
				return false;
			blob_arrived(r, i, u->blob, true);
			from = i;
		}
	for (size_t i = 0; i < r->n_repositories; i++) {
		bool mounted;

		if (blob_get(r, i, u->blob) != LACKING)
			continue;
		if (!mount(r, from, i, u->blob, &mounted, err) || (!mounted && !send_again(r, i, u->blob, err)))
			return false;
	}
	return true;
}

static void upload_close(gf_output *out)
{
	upload *u = (upload *)out;

	for (size_t i = 0; i < u->r->n_repositories; i++)
		gf_output_close(u->down[i]);
	free(u->down);
	free(u);
}

static const gf_output_ops upload_ops = { upload_write, upload_finish, upload_close };

static gf_output *put(gf_sink *sink, size_t blob, gf_error *err)
{
	registry_target *r = (registry_target *)sink;
	const gf_blob *b = &r->t.job->manifest->blobs[blob];
	upload *u;
	size_t first = SIZE_MAX;
	bool held, ok = true;

	/* has() is asked for layers only; a config or evidence may be there too, or be mounted. */
	if (!has(sink, blob, &held, err) || held)
		return NULL;
	u = gf_alloc(1, sizeof *u, err);
	if (u == NULL)
		return NULL;
	u->out.ops = &upload_ops;
	u->r = r;
	u->blob = blob;
	u->down = gf_alloc(r->n_repositories, sizeof *u->down, err);
	if (u->down == NULL) {
		free(u);
		return NULL;
	}
	for (size_t i = 0; ok && i < r->n_repositories; i++) {
		if (blob_get(r, i, blob) != LACKING || (first != SIZE_MAX && !atomic_load(&r->no_mount)))
			continue;
		first = i;
		u->down[i] = gf_registry_put_blob(r->registry, r->repositories[i], &b->digest, b->size, err);
		ok = u->down[i] != NULL;
	}
	if (!ok) {
		upload_close(&u->out);
		return NULL;
	}
	return &u->out;
}

/* ---- confirm, commit ---- */

/* What was held when the plan was made is asked for again, unless nothing was sent since. */
static bool confirm(gf_target *t, gf_error *err)
{
	registry_target *r = (registry_target *)t;
	size_t n_blobs = t->job->manifest->n_blobs, n = 0;

	for (size_t i = 0; i < r->n_repositories * n_blobs; i++)
		if (r->blobs[i] == LACKING)
			return gf_fail(err, GF_FAILED, "internal", t->spec->label, "a blob was neither sent nor held");
		else if (r->blobs[i] == HELD)
			r->pairs[n++] = i;
	if (t->sum.blobs_sent == 0)
		return true;
	if (!gf_parallel(jobs_of(r), n, plan_blob, r, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (r->blobs[r->pairs[i]] == LACKING) {
			char digest[GF_DIGEST_SIZE];

			gf_digest_text(&t->job->manifest->blobs[r->pairs[i] % n_blobs].digest, digest);
			return gf_fail(err, GF_TARGET, "held", digest,
			    "%s was in '%s' when this began and is no longer; run again", digest,
			    r->repositories[r->pairs[i] / n_blobs]);
		}
	return true;
}

static bool push(registry_target *r, const gf_naming *n, const struct gf_push *p, const char *reference, gf_error *err)
{
	const gf_buf *text = gf_store_find(r->t.job->store, &p->digest);

	if (text == NULL)
		return gf_fail(err, GF_FAILED, "internal", n->text, "a manifest of '%s' was not kept", n->packed);
	return gf_registry_put_manifest(r->registry, n->to.path, reference, p->media_type, text->data, text->len, err);
}

/* Every index and manifest of the image by its digest, children first; the top one goes with its tag if it gets one. */
static bool push_all(registry_target *r, size_t name, gf_error *err)
{
	const gf_naming *n = &r->t.names[name];
	const gf_tree *tree = tree_of(r, n->image);

	for (size_t k = 0; k < tree->n_pushes; k++) {
		char digest[GF_DIGEST_SIZE];
		gf_digest there;
		bool found;

		if (n->to.tag[0] != '\0' && gf_digest_equal(&tree->pushes[k].digest, &n->digest))
			continue;
		gf_digest_text(&tree->pushes[k].digest, digest);
		if (!gf_registry_head_manifest(r->registry, n->to.path, digest, &found, &there, err))
			return false;
		if (found && gf_digest_equal(&there, &tree->pushes[k].digest))
			continue;
		if (!push(r, n, &tree->pushes[k], digest, err))
			return false;
		r->sent_manifest[name] = true;
	}
	return true;
}

static const struct gf_push *top_of(const registry_target *r, const gf_naming *n)
{
	const gf_tree *tree = tree_of(r, n->image);

	for (size_t k = 0; k < tree->n_pushes; k++)
		if (gf_digest_equal(&tree->pushes[k].digest, &n->digest))
			return &tree->pushes[k];
	return NULL;
}

static bool sent_any(registry_target *r, size_t name)
{
	const gf_naming *n = &r->t.names[name];
	const gf_tree *tree = tree_of(r, n->image);
	size_t repository = repository_of(r, n);

	for (size_t k = 0; k < tree->n_needs; k++)
		if (*blob_at(r, repository, tree->needs[k]) == SENT)
			return true;
	return r->sent_manifest[name];
}

/* The tag is set only where it does not show the digest yet; what it shows afterwards is read back. */
static bool set_name(registry_target *r, size_t name, gf_error *err)
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
			return gf_fail(err, GF_TARGET, "read-back", n->text, "'%s' was set to %s and shows %s", n->text,
			    want, now[0] != '\0' ? now : "nothing");
		r->sent_manifest[name] = true;
	}
	n->set = true;
	n->state = sent_any(r, name) ? GF_ROW_SENT : GF_ROW_HELD;
	return true;
}

static bool commit(gf_target *t, gf_error *err)
{
	registry_target *r = (registry_target *)t;

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
	registry_target *r = (registry_target *)t;

	for (size_t i = 0; r->blobs != NULL && i < r->n_repositories; i++)
		for (size_t b = 0; b < t->job->manifest->n_blobs; b++) {
			char digest[GF_DIGEST_SIZE];

			if (*blob_at(r, i, b) != SENT)
				continue;
			gf_digest_text(&t->job->manifest->blobs[b].digest, digest);
			gf_event_say(t->job->events, GF_EVENT_NOTE, "left without a name in %s/%s: %s", t->spec->host,
			    r->repositories[i], digest);
		}
}

static void registry_close(gf_target *t)
{
	registry_target *r = (registry_target *)t;

	gf_registry_close(r->registry);
	free(r->repositories);
	free(r->blobs);
	free(r->pairs);
	free(r->sent_manifest);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static const gf_sink_ops sink_ops = { has, put };
static const gf_target_ops target_ops = { plan, confirm, commit, abandon, registry_close };

gf_target *gf_target_registry(const gf_target_spec *spec, const gf_job *job, gf_error *err)
{
	registry_target *r = gf_alloc(1, sizeof *r, err);

	if (r == NULL)
		return NULL;
	(void)pthread_mutex_init(&r->lock, NULL);
	r->t.sink.ops = &sink_ops;
	r->t.ops = &target_ops;
	r->t.spec = spec;
	r->t.job = job;
	return &r->t;
}
