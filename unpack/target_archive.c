/*
 * oci-archive: and docker-archive:, a file or stdout.
 *
 * The blobs, in the order of the bundle, then the documents that make an archive of them: index.json or manifest.json
 * is written by commit and not before, so that what a run leaves on stdout that came to no good is nothing that loads.
 * Sizes are known beforehand: in a file each blob has its place, and several are written at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack/docker_stream.h"
#include "unpack/layout_index.h"
#include "unpack/target.h"

enum { NO_USE, LACKING, SENT };

/* What stands under the path. */
typedef enum found { NOTHING, THIS, ANOTHER } found;

/* One blob in the archive. */
typedef struct piece {
	gf_digest member; /* its name: the blob's digest; of what is inflated the diff ID */
	uint64_t place;   /* of the header */
	uint64_t size;
	bool inflate; /* zstd in the bundle, raw here */
} piece;

typedef struct archive {
	gf_target t;
	bool oci, to_stdout;
	pthread_mutex_t lock;          /* blobs and the sums */
	unsigned char *blobs;          /* [blob of the manifest] */
	piece *pieces;                 /* [blob], of those that are used */
	uint64_t end;                  /* behind the last of them */
	const gf_platform **platforms; /* of docker-archive: the one of each image */
	gf_buf tail;                   /* the documents and the end blocks */
	found before;                  /* when the plan was made */
	gf_tmpfile *file;              /* NULL: stdout, or nothing is to be written */
} archive;

static const gf_image *image_of(const archive *a, const gf_naming *n)
{
	return &a->t.job->manifest->images[n->image];
}

/* ---- plan: what goes into it ---- */

/* How a layer goes into a docker-archive, which says nothing of how it is packed: each reader looks. */
static bool use_layer(archive *a, size_t image, size_t layer, gf_error *err)
{
	const gf_platform *p = a->platforms[image];
	const gf_descriptor *d = &p->document->items[layer];
	size_t blob = gf_graph_find(a->t.job->graph, &d->digest);
	piece *q = &a->pieces[blob];
	char digest[GF_DIGEST_SIZE];

	a->blobs[blob] = LACKING;
	if (gf_packing_of(d->media_type) != GF_PACKING_ZSTD)
		return true;
	gf_digest_text(&d->digest, digest);
	if (q->inflate && !gf_digest_equal(&q->member, &p->diff_ids[layer]))
		return gf_fail(err, GF_DAMAGED, "diff-id", digest,
		    "two images name different diff IDs for layer %s, and one of them is wrong: build and pack them again",
		    digest);
	q->inflate = true;
	q->member = p->diff_ids[layer];
	q->size = a->t.job->manifest->blobs[blob].raw_size;
	return q->size > 0 ||
	    gf_fail(err, GF_TARGET, "zstd", digest,
		"layer %s of '%s' is zstd, which Docker before 23 cannot read out of a docker-archive and containerd takes for gzip, and how large it is without that is not known; write it to oci-archive:PATH",
		digest, a->t.job->manifest->images[image].names[0]);
}

static bool use_platform(archive *a, size_t image, gf_error *err)
{
	const gf_graph *g = a->t.job->graph;
	const gf_image *im = &a->t.job->manifest->images[image];
	const gf_platform *p = gf_tree_load(&g->trees[image], im->load);

	if (p == NULL)
		return gf_fail(err, GF_TARGET, "platform", im->names[0],
		    "'%s' has no platform that a docker-archive could hold: it is no image for Linux; write it to oci-archive:PATH",
		    im->names[0]);
	a->platforms[image] = p;
	a->blobs[gf_graph_find(g, &p->image_id)] = LACKING;
	for (size_t i = 0; i < p->document->n_items; i++)
		if (!use_layer(a, image, i, err))
			return false;
	return true;
}

static bool choose_blobs(archive *a, gf_error *err)
{
	const gf_manifest *m = a->t.job->manifest;

	a->blobs = gf_alloc(m->n_blobs, 1, err);
	a->pieces = gf_alloc(m->n_blobs, sizeof *a->pieces, err);
	a->platforms = gf_alloc(m->n_images, sizeof(gf_platform *), err);
	if (a->blobs == NULL || a->pieces == NULL || a->platforms == NULL)
		return false;
	for (size_t i = 0; i < m->n_blobs; i++)
		a->pieces[i] = (piece){ .member = m->blobs[i].digest, .size = m->blobs[i].size };
	if (a->oci)
		gf_target_mark(&a->t, a->blobs, LACKING);
	for (size_t i = 0; !a->oci && i < m->n_images; i++)
		if (gf_target_wants(&a->t, i) && !use_platform(a, i, err))
			return false;
	for (size_t i = 0; i < m->n_blobs; i++) {
		a->pieces[i].place = a->end;
		if (a->blobs[i] == LACKING)
			a->end += gf_stream_member_size(a->pieces[i].size);
	}
	for (size_t i = 0; i < a->t.n_names; i++) {
		gf_naming *n = &a->t.names[i];

		n->digest = a->oci ? image_of(a, n)->digest : a->platforms[n->image]->image_id;
	}
	return true;
}

static bool index_text(const archive *a, gf_buf *out, gf_error *err)
{
	gf_layout_entry *entries = gf_alloc(a->t.n_names, sizeof *entries, err);
	bool ok = entries != NULL;

	for (size_t i = 0; ok && i < a->t.n_names; i++) {
		const gf_image *im = image_of(a, &a->t.names[i]);

		entries[i] = (gf_layout_entry){ a->t.names[i].text, im->media_type, im->digest, im->size };
	}
	ok = ok && gf_layout_index_merge(NULL, entries, a->t.n_names, out, err);
	free(entries);
	return ok;
}

static bool put_image(const archive *a, size_t image, gf_json_out *o, gf_error *err)
{
	const gf_platform *p = a->platforms[image];
	size_t n_layers = p->document->n_items, n_tags = 0;
	const char **tags = gf_alloc(a->t.n_names, sizeof *tags, err);
	gf_digest *layers = gf_alloc(n_layers > 0 ? n_layers : 1, sizeof *layers, err);
	bool ok = tags != NULL && layers != NULL;

	for (size_t i = 0; ok && i < a->t.n_names; i++)
		if (a->t.names[i].image == image)
			tags[n_tags++] = a->t.names[i].text;
	for (size_t i = 0; ok && i < n_layers; i++)
		layers[i] = a->pieces[gf_graph_find(a->t.job->graph, &p->document->items[i].digest)].member;
	if (ok)
		gf_stream_put_image(o, &p->image_id, tags, n_tags, layers, n_layers);
	free(tags);
	free(layers);
	return ok;
}

static bool docker_text(const archive *a, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '[');
	for (size_t i = 0; i < a->t.job->manifest->n_images; i++)
		if (a->platforms[i] != NULL && !put_image(a, i, &o, err))
			return false;
	gf_json_close(&o, ']');
	return gf_json_end(&o) &&
	    (out->len <= GF_DOCKER_MANIFEST_MAX ||
		gf_fail(err, GF_TARGET, "too-large", "manifest.json",
		    "manifest.json would have %zu bytes, and podman and skopeo read %zu: write to oci-archive:PATH, or fewer images",
		    out->len, GF_DOCKER_MANIFEST_MAX));
}

static bool make_tail(archive *a, gf_error *err)
{
	gf_output *out = gf_output_buf(&a->tail, err);
	gf_buf text;
	bool ok = out != NULL;

	gf_buf_init(&text, GF_DERIVED_MAX);
	ok = ok && (a->oci ? index_text : docker_text)(a, &text, err) &&
	    (!a->oci || gf_stream_document("oci-layout", gf_layout_text, strlen(gf_layout_text), out, err)) &&
	    gf_stream_document(a->oci ? "index.json" : "manifest.json", text.data, text.len, out, err) &&
	    gf_stream_end(out, err) && gf_output_finish(out, err);
	gf_buf_clear(&text);
	gf_output_close(out);
	return ok;
}

/* ---- plan: what is there ---- */

/* The length, and the end with every name and digest, are those that it would have: its layers are not read again. */
static bool compare(const archive *a, int fd, uint64_t size, found *now, gf_error *err)
{
	char *end = gf_alloc(1, a->tail.len, err);
	bool ok = end != NULL;

	*now = ANOTHER;
	if (ok && size == a->end + a->tail.len) {
		ok = gf_pread_full(fd, end, a->tail.len, a->end, a->t.spec->path, err);
		if (ok && memcmp(end, a->tail.data, a->tail.len) == 0)
			*now = THIS;
	}
	free(end);
	return ok;
}

static bool look(const archive *a, found *now, gf_error *err)
{
	const char *path = a->t.spec->path;
	struct stat st;
	int fd;
	bool ok;

	*now = NOTHING;
	if (a->to_stdout || (stat(path, &st) != 0 && errno == ENOENT))
		return true;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return gf_fail(err, GF_USAGE, "archive-path", path,
		    "'%s' is %s; expected a file, or a name that is free", path,
		    S_ISDIR(st.st_mode) ? "a directory"
					: "a device, a pipe or a socket ('-' in place of the path is stdout)");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ok = fd >= 0 && fstat(fd, &st) == 0;
	if (!ok)
		gf_fail_errno(err, GF_TARGET, "read", path, "'%s' cannot be looked at", path);
	ok = ok && compare(a, fd, (uint64_t)st.st_size, now, err);
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* An archive is one thing: its names are all set, all kept, or all moved. */
static bool judge(archive *a, found now, gf_error *err)
{
	gf_existing existing = a->t.job->environment->existing;

	if (now == ANOTHER && existing == GF_EXISTING_REFUSE)
		return gf_fail(err, GF_REFUSED, "exists", a->t.spec->path,
		    "'%s' is already there and is not the archive that would be written; remove it, or write on-existing: "
		    "overwrite into the environment file",
		    a->t.spec->path);
	for (size_t i = 0; i < a->t.n_names; i++) {
		gf_naming *n = &a->t.names[i];

		n->set = now == THIS;
		n->moved = now == ANOTHER && existing == GF_EXISTING_OVERWRITE;
		n->state = now == ANOTHER && existing == GF_EXISTING_KEEP ? GF_ROW_KEPT : GF_ROW_PLANNED;
	}
	return true;
}

/* Nothing is written of what is there, or stays. */
static bool is_left(const archive *a)
{
	return a->before == THIS || (a->before == ANOTHER && a->t.job->environment->existing == GF_EXISTING_KEEP);
}

static void sum_up(archive *a)
{
	gf_target_sum *s = &a->t.sum;

	for (size_t i = 0; i < a->t.job->manifest->n_blobs; i++) {
		uint64_t size = a->pieces[i].size;

		if (a->blobs[i] == NO_USE)
			continue;
		if (a->before == THIS) {
			s->blobs_held++;
			s->bytes_held += size;
		} else if (!is_left(a)) {
			s->blobs_sent++;
			s->bytes_sent += size;
		}
		if (is_left(a))
			a->blobs[i] = NO_USE;
	}
}

/* The file has no name yet: one that cannot be made is found before anything is sent. */
static bool plan(gf_target *t, gf_error *err)
{
	archive *a = (archive *)t;

	t->sum.free_known = !a->to_stdout && gf_free_space(t->spec->path, &t->sum.free_bytes);
	if (!choose_blobs(a, err) || !make_tail(a, err) || !look(a, &a->before, err) || !judge(a, a->before, err))
		return false;
	sum_up(a);
	if (!a->to_stdout && !is_left(a))
		a->file = gf_tmpfile_open(t->spec->path, 0644, err);
	return a->to_stdout || is_left(a) || a->file != NULL;
}

/* ---- the sink ---- */

static bool has(gf_sink *sink, size_t blob, bool *held, gf_error *err)
{
	archive *a = (archive *)sink;

	(void)err;
	(void)pthread_mutex_lock(&a->lock);
	*held = a->blobs[blob] != LACKING;
	(void)pthread_mutex_unlock(&a->lock);
	return true;
}

/* Writes from pos on; on stdout pos is only counted. */
typedef struct pen {
	gf_output out;
	archive *a;
	uint64_t pos;
} pen;

static bool pen_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	pen *p = (pen *)out;
	int fd = p->a->to_stdout ? STDOUT_FILENO : gf_tmpfile_fd(p->a->file);
	bool ok = p->a->to_stdout ? gf_write_all(fd, bytes, n, "stdout", err)
				  : gf_pwrite_all(fd, bytes, n, p->pos, p->a->t.spec->path, err);

	if (ok && !p->a->to_stdout)
		gf_write_behind(fd, p->pos, n);
	p->pos += n;
	return ok;
}

static bool pen_finish(gf_output *out, gf_error *err)
{
	(void)out;
	(void)err;
	return true;
}

static void pen_close(gf_output *out)
{
	(void)out; /* it is part of something else */
}

static const gf_output_ops pen_ops = { pen_write, pen_finish, pen_close };

/* A blob on its way into its place. */
typedef struct member {
	gf_output out;
	pen pen;
	size_t blob;
	uint64_t seen;
} member;

static bool wrong_size(const member *m, gf_error *err)
{
	const archive *a = m->pen.a;
	char digest[GF_DIGEST_SIZE];

	gf_digest_text(&a->t.job->manifest->blobs[m->blob].digest, digest);
	return gf_fail(err, GF_DAMAGED, "raw-size", digest,
	    "layer %s does not inflate to the %llu bytes that the signed manifest names: it was packed so, and copying it again does not help; pack it again",
	    digest, (unsigned long long)a->pieces[m->blob].size);
}

static bool member_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	member *m = (member *)out;

	if (n > m->pen.a->pieces[m->blob].size - m->seen)
		return wrong_size(m, err);
	m->seen += n;
	return gf_output_write(&m->pen.out, bytes, n, err);
}

static bool member_finish(gf_output *out, gf_error *err)
{
	member *m = (member *)out;
	archive *a = m->pen.a;

	if (m->seen != a->pieces[m->blob].size)
		return wrong_size(m, err);
	if (!gf_stream_fill(m->seen, &m->pen.out, err))
		return false;
	(void)pthread_mutex_lock(&a->lock);
	a->blobs[m->blob] = SENT;
	a->t.sum.blobs_sent++;
	a->t.sum.bytes_sent += m->seen;
	(void)pthread_mutex_unlock(&a->lock);
	return true;
}

static void member_close(gf_output *out)
{
	free(out);
}

static const gf_output_ops member_ops = { member_write, member_finish, member_close };

static gf_output *put(gf_sink *sink, size_t blob, gf_error *err)
{
	archive *a = (archive *)sink;
	const piece *q = &a->pieces[blob];
	char digest[GF_DIGEST_SIZE];
	gf_output *out;
	member *m;
	bool held;

	if (!has(sink, blob, &held, err) || held)
		return NULL;
	m = gf_alloc(1, sizeof *m, err);
	if (m == NULL)
		return NULL;
	*m = (member){ .out = { &member_ops }, .pen = { .out = { &pen_ops }, .a = a, .pos = q->place }, .blob = blob };
	if (!gf_stream_header(&q->member, q->size, &m->pen.out, err)) {
		free(m);
		return NULL;
	}
	out = &m->out;
	if (q->inflate) {
		gf_digest_text(&a->t.job->manifest->blobs[blob].digest, digest);
		out = gf_output_thread(gf_output_expect(out, &q->member, "diff-id", digest, err), err);
		out = gf_output_unzstd(out, q->size, digest, err);
	}
	return q->inflate || a->to_stdout ? gf_output_thread(out, err) : out;
}

/* ---- confirm, commit ---- */

static bool confirm(gf_target *t, gf_error *err)
{
	const archive *a = (const archive *)t;

	for (size_t i = 0; i < t->job->manifest->n_blobs; i++)
		if (a->blobs[i] == LACKING)
			return gf_fail(err, GF_FAILED, "internal", t->spec->label, "blob %zu did not pass", i);
	return true;
}

/* What the path shows now allows what was planned. */
static bool judge_again(archive *a, gf_error *err)
{
	const char *path = a->t.spec->path;
	found now;

	if (!look(a, &now, err))
		return false;
	if (a->before == THIS && now != THIS)
		return gf_fail(err, GF_TARGET, "held", path,
		    "'%s' was there when this began and is gone or another file now; run again", path);
	if (is_left(a) || now != ANOTHER || a->before == ANOTHER)
		return true;
	if (a->t.job->environment->existing == GF_EXISTING_KEEP)
		return gf_fail(err, GF_TARGET, "exists", path,
		    "'%s' was written by somebody else while this ran; run again", path);
	return judge(a, now, err) || gf_because(err, "since the plan was made");
}

static bool finish_file(archive *a, gf_error *err)
{
	pen p = { .out = { &pen_ops }, .a = a, .pos = a->end };
	found now = THIS;

	if (!gf_output_write(&p.out, a->tail.data, a->tail.len, err))
		return false;
	if (a->to_stdout)
		return true;
	return gf_tmpfile_commit(a->file, err) && look(a, &now, err) &&
	    (now == THIS ||
		gf_fail(err, GF_TARGET, "read-back", a->t.spec->path, "'%s' was written and shows something else",
		    a->t.spec->path));
}

static bool commit(gf_target *t, gf_error *err)
{
	archive *a = (archive *)t;

	if (!judge_again(a, err) || (!is_left(a) && !finish_file(a, err)))
		return false;
	for (size_t i = 0; i < t->n_names; i++)
		if (t->names[i].state != GF_ROW_KEPT)
			t->names[i].state = a->before == THIS ? GF_ROW_HELD : GF_ROW_SENT;
	return true;
}

static void abandon(gf_target *t)
{
	const archive *a = (const archive *)t;

	if (a->to_stdout && t->sum.blobs_sent > 0)
		gf_event_say(t->job->events, GF_EVENT_NOTE,
		    "what went to stdout has no end and no %s: nothing loads it",
		    a->oci ? "index.json" : "manifest.json");
}

static void archive_close(gf_target *t)
{
	archive *a = (archive *)t;

	gf_tmpfile_close(a->file);
	gf_buf_clear(&a->tail);
	free(a->platforms);
	free(a->pieces);
	free(a->blobs);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

static const gf_sink_ops sink_ops = { has, put };
static const gf_target_ops target_ops = { plan, confirm, commit, abandon, archive_close };

gf_target *gf_target_archive(const gf_target_spec *spec, const gf_job *job, gf_error *err)
{
	archive *a = gf_alloc(1, sizeof *a, err);

	if (a == NULL)
		return NULL;
	(void)pthread_mutex_init(&a->lock, NULL);
	gf_buf_init(&a->tail, 2 * GF_DERIVED_MAX);
	a->oci = spec->kind == GF_TO_OCI_ARCHIVE;
	a->to_stdout = a->t.sink.in_order = strcmp(spec->path, "-") == 0;
	a->t.sink.ops = &sink_ops;
	a->t.ops = &target_ops;
	a->t.spec = spec;
	a->t.job = job;
	return &a->t;
}
