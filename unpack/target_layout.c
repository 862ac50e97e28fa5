#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "unpack/layout_index.h"
#include "unpack/target.h"

enum { NO_USE, LACKING, HELD, SENT };

typedef struct layout_target {
	gf_target t;
	pthread_mutex_t lock; /* blobs, the sums, made */
	unsigned char *blobs; /* [blob of the manifest] */
	bool made;            /* the directories are there */
} layout_target;

static bool path_of(const layout_target *l, const char *name, gf_buf *out, gf_error *err)
{
	gf_buf_init(out, 4096);
	return gf_path_join(out, l->t.spec->path, name, err);
}

static bool blob_path(const layout_target *l, size_t blob, gf_buf *out, gf_error *err)
{
	char name[13 + GF_HEX_SIZE] = "blobs/sha256/";

	gf_digest_hex(&l->t.job->manifest->blobs[blob].digest, name + 13);
	return path_of(l, name, out, err);
}

/* ---- plan ---- */

static bool cannot_look(const char *path, gf_error *err)
{
	return gf_fail_errno(err, GF_TARGET, "read", path, "'%s' cannot be looked at", path);
}

/* A blob is held when a regular file of its name has its size; its bytes are not read (FORMAT.md 5 "Held"). */
static bool look(layout_target *l, size_t blob, bool *there, gf_error *err)
{
	gf_buf path;
	struct stat st;
	bool ok = blob_path(l, blob, &path, err);

	*there = false;
	if (ok && lstat(gf_buf_text(&path), &st) == 0)
		*there = S_ISREG(st.st_mode) && (uint64_t)st.st_size == l->t.job->manifest->blobs[blob].size;
	else if (ok && errno != ENOENT)
		ok = cannot_look(gf_buf_text(&path), err);
	gf_buf_clear(&path);
	return ok;
}

static bool find(const layout_target *l, const char *name, gf_buf *path, bool *there, gf_error *err)
{
	struct stat st;
	bool ok = path_of(l, name, path, err);

	*there = ok && lstat(gf_buf_text(path), &st) == 0;
	return ok && (*there || gf_is_absent(errno) || cannot_look(gf_buf_text(path), err));
}

/* A directory that is something else is left alone: an empty one, a new one or a layout. */
static bool check_layout(layout_target *l, gf_error *err)
{
	gf_buf path, text;
	struct stat st;
	gf_json_doc *doc = NULL;
	const char *version;
	bool there, ok = find(l, "oci-layout", &path, &there, err);

	gf_buf_init(&text, GF_CONFIG_FILE_MAX);
	if (ok && stat(l->t.spec->path, &st) == 0 && !S_ISDIR(st.st_mode))
		ok = gf_fail(err, GF_TARGET, "layout", l->t.spec->path,
		    "'%s' is not a directory; a layout is one, and a file is written by oci-archive:%s",
		    l->t.spec->path, l->t.spec->path);
	else if (ok && there) {
		ok = gf_file_load(gf_buf_text(&path), GF_CONFIG_FILE_MAX, GF_TARGET, &text, err) &&
		    (doc = gf_json_parse(gf_buf_text(&text), text.len, GF_CONFIG_FILE_MAX, GF_TARGET,
			 gf_buf_text(&path), err)) != NULL &&
		    gf_json_string(gf_json_root(doc), "imageLayoutVersion", &version, err);
		if (ok && strcmp(version, "1.0.0") != 0)
			ok = gf_fail(err, GF_TARGET, "layout", gf_buf_text(&path),
			    "'%s' says layout version '%.20s', expected 1.0.0: a newer program made it; name another directory",
			    gf_buf_text(&path), version);
	}
	gf_json_free(doc);
	gf_buf_clear(&text);
	gf_buf_clear(&path);
	return ok;
}

static bool judge(layout_target *l, bool again, gf_error *err)
{
	gf_layout_index *x = gf_layout_index_load(l->t.spec->path, err);
	bool ok = x != NULL;

	for (size_t i = 0; ok && i < l->t.n_names; i++) {
		gf_naming *n = &l->t.names[i];
		const char *now = gf_layout_index_find(x, n->text);
		char want[GF_DIGEST_SIZE];

		n->digest = l->t.job->manifest->images[n->image].digest;
		gf_digest_text(&n->digest, want);
		ok = (again ? gf_naming_rejudge : gf_naming_judge)(
		    n, &l->t, now, now != NULL && strcmp(now, want) == 0, err);
	}
	gf_layout_index_free(x);
	return ok;
}

static bool plan_blobs(layout_target *l, gf_error *err)
{
	const gf_manifest *m = l->t.job->manifest;

	l->blobs = gf_alloc(m->n_blobs, 1, err);
	if (l->blobs == NULL)
		return false;
	gf_target_mark(&l->t, l->blobs, LACKING);
	for (size_t i = 0; i < m->n_blobs; i++) {
		bool there;

		if (l->blobs[i] == NO_USE)
			continue;
		if (!look(l, i, &there, err))
			return false;
		if (there) {
			l->blobs[i] = HELD;
			l->t.sum.blobs_held++;
			l->t.sum.bytes_held += m->blobs[i].size;
		} else {
			l->t.sum.blobs_sent++;
			l->t.sum.bytes_sent += m->blobs[i].size;
		}
	}
	return true;
}

static bool plan(gf_target *t, gf_error *err)
{
	layout_target *l = (layout_target *)t;

	t->sum.free_known = gf_free_space(t->spec->path, &t->sum.free_bytes);
	return check_layout(l, err) && judge(l, false, err) && plan_blobs(l, err);
}

/* ---- the sink ---- */

static bool has(gf_sink *sink, size_t blob, bool *held, gf_error *err)
{
	layout_target *l = (layout_target *)sink;

	(void)err;
	(void)pthread_mutex_lock(&l->lock);
	*held = l->blobs[blob] != LACKING;
	(void)pthread_mutex_unlock(&l->lock);
	return true;
}

/* A blob file: visible under its digest only when its bytes had it. */
typedef struct blob_file {
	gf_output out;
	layout_target *l;
	size_t blob;
	gf_tmpfile *file;
	const char *name;
} blob_file;

static bool blob_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	blob_file *b = (blob_file *)out;

	return gf_write_all(gf_tmpfile_fd(b->file), bytes, n, b->l->t.spec->path, err);
}

static bool blob_finish(gf_output *out, gf_error *err)
{
	blob_file *b = (blob_file *)out;
	layout_target *l = b->l;

	if (!gf_tmpfile_commit(b->file, err))
		return false;
	(void)pthread_mutex_lock(&l->lock);
	l->blobs[b->blob] = SENT;
	l->t.sum.blobs_sent++;
	l->t.sum.bytes_sent += l->t.job->manifest->blobs[b->blob].size;
	(void)pthread_mutex_unlock(&l->lock);
	return true;
}

static void blob_close(gf_output *out)
{
	blob_file *b = (blob_file *)out;

	gf_tmpfile_close(b->file);
	free(b);
}

static const gf_output_ops blob_ops = { blob_write, blob_finish, blob_close };

static bool make(layout_target *l, gf_error *err)
{
	gf_buf path;
	bool ok = true;

	(void)pthread_mutex_lock(&l->lock);
	if (!l->made) {
		ok = path_of(l, "blobs/sha256", &path, err) && gf_dir_make(gf_buf_text(&path), 0755, err);
		gf_buf_clear(&path);
		l->made = ok;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return ok;
}

static gf_output *put(gf_sink *sink, size_t blob, gf_error *err)
{
	layout_target *l = (layout_target *)sink;
	blob_file *b;
	gf_buf path;
	bool held;

	if (!has(sink, blob, &held, err) || held || !make(l, err))
		return NULL;
	b = gf_alloc(1, sizeof *b, err);
	if (b == NULL)
		return NULL;
	b->out.ops = &blob_ops;
	b->l = l;
	b->blob = blob;
	if (blob_path(l, blob, &path, err))
		b->file = gf_tmpfile_open(gf_buf_text(&path), 0644, err);
	gf_buf_clear(&path);
	if (b->file == NULL) {
		free(b);
		return NULL;
	}
	return &b->out;
}

/* ---- confirm, commit ---- */

static bool confirm(gf_target *t, gf_error *err)
{
	layout_target *l = (layout_target *)t;

	for (size_t i = 0; i < t->job->manifest->n_blobs; i++) {
		char digest[GF_DIGEST_SIZE];
		bool there;

		if (l->blobs[i] == NO_USE)
			continue;
		if (!look(l, i, &there, err))
			return false;
		if (there)
			continue;
		gf_digest_text(&t->job->manifest->blobs[i].digest, digest);
		return gf_fail(
		    err, GF_TARGET, "held", digest, "%s is not in '%s' any more; run again", digest, t->spec->path);
	}
	return true;
}

static bool sent_any(const layout_target *l, size_t image)
{
	const gf_tree *tree = &l->t.job->graph->trees[image];

	for (size_t k = 0; k < tree->n_needs; k++)
		if (l->blobs[tree->needs[k]] == SENT)
			return true;
	for (size_t k = 0; k < tree->n_pushes; k++) {
		size_t i = gf_graph_find(l->t.job->graph, &tree->pushes[k].digest);

		if (i != SIZE_MAX && l->blobs[i] == SENT)
			return true;
	}
	return false;
}

static bool store(layout_target *l, const char *name, const void *bytes, size_t n, gf_error *err)
{
	gf_buf path;
	bool ok = path_of(l, name, &path, err) && gf_file_store(gf_buf_text(&path), 0644, bytes, n, err);

	gf_buf_clear(&path);
	return ok;
}

static bool write_index(layout_target *l, gf_error *err)
{
	gf_layout_entry *entries = gf_alloc(l->t.n_names > 0 ? l->t.n_names : 1, sizeof *entries, err);
	gf_layout_index *x = gf_layout_index_load(l->t.spec->path, err);
	gf_buf text;
	size_t n = 0;
	bool ok = entries != NULL && x != NULL;

	gf_buf_init(&text, GF_DERIVED_MAX);
	for (size_t i = 0; ok && i < l->t.n_names; i++) {
		const gf_naming *name = &l->t.names[i];
		const gf_image *image = &l->t.job->manifest->images[name->image];

		if (name->state == GF_ROW_KEPT || name->set)
			continue;
		entries[n++] = (gf_layout_entry){ name->text, image->media_type, image->digest, image->size };
	}
	if (ok && n > 0)
		ok = gf_layout_index_merge(x, entries, n, &text, err) &&
		    store(l, "index.json", text.data, text.len, err);
	gf_buf_clear(&text);
	gf_layout_index_free(x);
	free(entries);
	return ok;
}

/* Every name shows what it is to show. */
static bool read_back(layout_target *l, gf_error *err)
{
	gf_layout_index *x = gf_layout_index_load(l->t.spec->path, err);
	bool ok = x != NULL;

	for (size_t i = 0; ok && i < l->t.n_names; i++) {
		gf_naming *n = &l->t.names[i];
		const char *now = gf_layout_index_find(x, n->text);
		char want[GF_DIGEST_SIZE];

		if (n->state == GF_ROW_KEPT)
			continue;
		gf_digest_text(&n->digest, want);
		if (now == NULL || strcmp(now, want) != 0)
			ok = gf_naming_misread(n, want, now, err);
		else
			n->state = sent_any(l, n->image) ? GF_ROW_SENT : GF_ROW_HELD;
	}
	gf_layout_index_free(x);
	return ok;
}

static bool commit_locked(layout_target *l, gf_error *err)
{
	gf_buf path;
	bool there, ok = find(l, "oci-layout", &path, &there, err);

	gf_buf_clear(&path);
	return ok && judge(l, true, err) &&
	    (there || store(l, "oci-layout", gf_layout_text, strlen(gf_layout_text), err)) && write_index(l, err) &&
	    read_back(l, err);
}

static bool commit(gf_target *t, gf_error *err)
{
	layout_target *l = (layout_target *)t;
	gf_lock *lock = make(l, err) ? gf_lock_open(t->spec->path, err) : NULL;
	bool ok = lock != NULL && commit_locked(l, err);

	gf_lock_close(lock);
	return ok;
}

static void abandon(gf_target *t)
{
	layout_target *l = (layout_target *)t;

	for (size_t i = 0; l->blobs != NULL && i < t->job->manifest->n_blobs; i++)
		if (l->blobs[i] == SENT) {
			char digest[GF_DIGEST_SIZE];

			gf_digest_text(&t->job->manifest->blobs[i].digest, digest);
			gf_event_say(
			    t->job->events, GF_EVENT_NOTE, "left without a name in %s: %s", t->spec->label, digest);
		}
}

static void layout_close(gf_target *t)
{
	layout_target *l = (layout_target *)t;

	free(l->blobs);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static const gf_sink_ops sink_ops = { has, put };
static const gf_target_ops target_ops = { plan, confirm, commit, abandon, layout_close };

gf_target *gf_target_layout(const gf_target_spec *spec, const gf_job *job, gf_error *err)
{
	layout_target *l = gf_alloc(1, sizeof *l, err);

	if (l == NULL)
		return NULL;
	(void)pthread_mutex_init(&l->lock, NULL);
	l->t.sink.ops = &sink_ops;
	l->t.ops = &target_ops;
	l->t.spec = spec;
	l->t.job = job;
	return &l->t;
}
