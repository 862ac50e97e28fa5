#include <stdlib.h>
#include <string.h>

#include "unpack/docker_plan.h"

/*
 * Loads may be open at once, since a layer that two images need under different chains passes
 * only once; they are finished in the order of the images, so that what a later one leaves out
 * is there.  Nothing has a name before commit.
 */
typedef struct docker_target {
	gf_target t;
	gf_docker *docker;
	gf_docker_plan plan;
	size_t next; /* the first item that is not finished */
} docker_target;

static const gf_image *image_of(const docker_target *d, const gf_docker_item *l)
{
	return &d->t.job->manifest->images[l->image];
}

/* ---- plan ---- */

static bool judge(docker_target *d, const gf_docker_image *images, size_t n_images, bool again, gf_error *err)
{
	for (size_t i = 0; i < d->t.n_names; i++) {
		gf_naming *n = &d->t.names[i];
		const gf_docker_item *l = &d->plan.items[n->image];
		const gf_docker_image *now = gf_docker_named(images, n_images, n->text);
		bool same = now != NULL && gf_docker_is_id(&d->plan, l, image_of(d, l), now->id);

		/* What it shows, or will show: the ID that is known, else the likely one; commit puts the real one. */
		if (!(same && gf_digest_parse(now->id, &n->digest)) &&
		    !(l->id[0] != '\0' && gf_digest_parse(l->id, &n->digest)))
			n->digest =
			    d->plan.store == GF_STORE_CONTAINERD ? image_of(d, l)->digest : l->platform->image_id;
		if (!(again ? gf_naming_rejudge : gf_naming_judge)(n, &d->t, now != NULL ? now->id : NULL, same, err))
			return false;
	}
	return true;
}

static void plan_sums(docker_target *d)
{
	const gf_manifest *m = d->t.job->manifest;

	for (size_t i = 0; i < d->plan.n_items; i++) {
		gf_docker_item *l = &d->plan.items[i];

		d->t.sum.blobs_sent += l->n_needs;
		d->t.sum.bytes_sent += l->wanted ? l->size : 0;
		if (!gf_target_wants(&d->t, i))
			continue;
		for (size_t k = 0; k < l->platform->document->n_items; k++) {
			size_t blob = gf_graph_find(d->t.job->graph, &l->platform->document->items[k].digest);
			bool earlier = false;

			for (size_t e = 0; e < k; e++)
				earlier = earlier ||
				    gf_digest_equal(&l->platform->document->items[e].digest, &m->blobs[blob].digest);
			if (blob != SIZE_MAX && !earlier && !d->plan.needed[blob]) {
				d->t.sum.blobs_held++;
				d->t.sum.bytes_held += m->blobs[blob].size;
			}
		}
	}
}

/* A host of its own goes without the context that the command line names, and its files before those of there. */
static gf_docker *connect_daemon(const gf_target *t, gf_error *err)
{
	const gf_target_spec *s = t->spec;
	gf_docker_options o = t->job->options->docker;

	if (s->host != NULL) {
		o.host = s->host;
		o.context = NULL;
	}
	if (s->ca_file != NULL)
		o.ca_file = s->ca_file;
	if (s->cert_file != NULL) {
		o.cert_file = s->cert_file;
		o.key_file = s->key_file;
	}
	return gf_docker_open(&o, err);
}

/* Is this version, like "20.10.24+dfsg1", below that one?  One that begins with no number is not. */
static bool below(const char *version, const unsigned fixed[3])
{
	if (*version < '0' || *version > '9')
		return false;
	for (size_t i = 0; i < 3; i++) {
		unsigned n = gf_docker_version_part(&version);

		if (n != fixed[i])
			return n < fixed[i];
	}
	return false;
}

/* CVE-2026-17106: links in a layer take the unpacking of these engines out of the image. */
static void warn_old(const docker_target *d)
{
	static const unsigned docker[3] = { 29, 7, 0 }, podman[3] = { 6, 1, 1 };
	const gf_docker_about *is = gf_docker_is(d->docker);
	bool pod = is->store == GF_STORE_PODMAN;

	if (below(is->version, pod ? podman : docker))
		gf_event_say(d->t.job->events, GF_EVENT_WARNING,
		    "%s %s (%s) is older than %s: a layer with hostile links may be unpacked outside its image (CVE-2026-17106), "
		    "unless your distribution mended it; update it, or load from signers you trust alone",
		    pod ? "podman" : "Docker", is->version, d->t.spec->label, pod ? "6.1.1" : "29.7.0");
}

static bool plan(gf_target *t, gf_error *err)
{
	docker_target *d = (docker_target *)t;
	char root[256];

	d->docker = connect_daemon(t, err);
	if (d->docker == NULL)
		return false;
	if (t->job->options->dry_run) {
		if (!gf_docker_root(d->docker, root, sizeof root, err))
			return false;
		t->sum.free_known = root[0] == '/' && gf_free_space(root, &t->sum.free_bytes);
	}
	if (!gf_docker_plan_images(&d->plan, d->docker, t, err) ||
	    !judge(d, d->plan.before, d->plan.n_before, false, err) ||
	    !gf_docker_plan_loads(&d->plan, d->docker, t, err))
		return false;
	plan_sums(d);
	if (t->sum.blobs_sent > 0)
		warn_old(d);
	return true;
}

/* ---- one load ---- */

static bool load_begin(docker_target *d, gf_docker_item *l, gf_error *err)
{
	if (l->out != NULL)
		return true;
	l->out = gf_docker_load(d->docker, l->size, &l->answer, err);
	return (l->out != NULL && gf_stream_front(&l->stream, l->out, err)) ||
	    gf_because(err, "loading '%s'", image_of(d, l)->names[0]);
}

/* podman reports the ID of an unnamed image as a name (engines.md 2); another name is one that nobody asked for. */
static bool no_names(const docker_target *d, const gf_docker_item *l, gf_error *err)
{
	const gf_image *image = image_of(d, l);
	bool ok = true;
	gf_buf name;

	gf_buf_init(&name, 600);
	for (size_t i = 0; ok && i < l->answer.n_names; i++)
		if (!gf_docker_is_id(&d->plan, l, image, l->answer.names[i]))
			ok = gf_text_escape(&name, l->answer.names[i], 500, err) &&
			    gf_fail(err, GF_TARGET, "docker-load", image->names[0],
				"the daemon loaded '%s' under the name '%s', which was not asked for", image->names[0],
				gf_buf_text(&name));
	gf_buf_clear(&name);
	return ok;
}

/* The daemon has what the bundle names: under a known ID, with these layers, without a name.  The ID comes first, so
 * that an image that is refused for the rest can be removed. */
static bool load_confirm(docker_target *d, gf_docker_item *l, gf_error *err)
{
	const gf_image *image = image_of(d, l);
	const gf_digest *const ids[3] = { &l->platform->image_id, &l->platform->manifest, &image->digest };
	char want[GF_DIGEST_SIZE];
	gf_docker_image seen;
	bool found = false, ok = true;

	gf_digest_text(ids[0], want);
	memset(&seen, 0, sizeof seen);
	for (size_t i = 0; ok && !found && i < 3; i++) {
		char id[GF_DIGEST_SIZE];

		gf_digest_text(ids[i], id);
		gf_docker_image_clear(&seen);
		ok = gf_docker_is_id(&d->plan, l, image, id) ? gf_docker_inspect(d->docker, id, &found, &seen, err)
							     : true;
	}
	if (ok && (!found || !gf_docker_is_id(&d->plan, l, image, seen.id) || strlen(seen.id) >= sizeof l->id))
		ok = no_names(d, l, err) &&
		    gf_fail(err, GF_TARGET, "docker-image", image->names[0],
			"the daemon took '%s' and shows it under none of the IDs that it can have there (%s, ...): look into the daemon's log, and run again",
			image->names[0], want);
	if (ok) {
		memcpy(l->id, seen.id, strlen(seen.id) + 1);
		ok = no_names(d, l, err);
	}
	if (ok) {
		ok = seen.n_diff_ids == l->platform->n_diff_ids;
		for (size_t i = 0; ok && i < seen.n_diff_ids; i++)
			ok = gf_digest_equal(&seen.diff_ids[i], &l->platform->diff_ids[i]);
		if (!ok)
			gf_fail(err, GF_DAMAGED, "docker-rootfs", image->names[0],
			    "the daemon shows %zu layers for '%s', and they are not the %zu that its config names; remove %s there, and run again",
			    seen.n_diff_ids, image->names[0], l->platform->n_diff_ids, l->id);
	}
	gf_docker_image_clear(&seen);
	return ok;
}

static bool load_finish(docker_target *d, gf_docker_item *l, gf_error *err)
{
	bool ok = load_begin(d, l, err) && gf_stream_end(l->out, err) && gf_output_finish(l->out, err);

	gf_output_close(l->out);
	l->out = NULL;
	l->finished = ok;
	l->failed = !ok;
	if (!ok)
		return gf_because(err, "loading '%s'", image_of(d, l)->names[0]);
	d->t.sum.bytes_sent += l->size;
	return load_confirm(d, l, err);
}

/* Finish, in order, every load whose layers have all passed. */
static bool advance(docker_target *d, gf_error *err)
{
	for (; d->next < d->plan.n_items; d->next++) {
		gf_docker_item *l = &d->plan.items[d->next];

		if (!l->wanted)
			continue;
		if (l->done < l->n_needs)
			break;
		if (!load_finish(d, l, err))
			return false;
	}
	return true;
}

/* ---- the sink ---- */

static bool has(gf_sink *sink, size_t blob, bool *held, gf_error *err)
{
	docker_target *d = (docker_target *)sink;

	(void)err;
	*held = d->plan.needed[blob] == 0;
	return true;
}

/* The end of a layer's way: a member in every stream that carries it. */
typedef struct members {
	gf_output out;
	docker_target *d;
	size_t blob;
	uint64_t size, seen; /* of the member */
	bool begun;
	gf_output *check; /* inflates on the side against the diff ID; NULL: not needed */
} members;

static gf_docker_need *need_of(gf_docker_item *l, size_t blob)
{
	for (size_t i = 0; l->wanted && i < l->n_needs; i++)
		if (l->needs[i].blob == blob)
			return &l->needs[i];
	return NULL;
}

static bool members_begin(members *m, gf_error *err)
{
	for (size_t i = 0; !m->begun && i < m->d->plan.n_items; i++) {
		gf_docker_item *l = &m->d->plan.items[i];
		const gf_docker_need *need = need_of(l, m->blob);

		if (need != NULL &&
		    (!load_begin(m->d, l, err) || !gf_stream_header(&need->member, need->size, l->out, err)))
			return false;
	}
	m->begun = true;
	return true;
}

static bool wrong_size(const members *m, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];

	gf_digest_text(&m->d->t.job->manifest->blobs[m->blob].digest, digest);
	return gf_fail(err, GF_DAMAGED, "raw-size", digest,
	    "layer %s does not inflate to the %llu bytes that the signed manifest names: it was packed so, and copying it again does not help; pack it again",
	    digest, (unsigned long long)m->size);
}

static bool members_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	members *m = (members *)out;

	if (n > m->size - m->seen)
		return wrong_size(m, err);
	if (!members_begin(m, err) || (m->check != NULL && !gf_output_write(m->check, bytes, n, err)))
		return false;
	m->seen += n;
	for (size_t i = 0; i < m->d->plan.n_items; i++) {
		gf_docker_item *l = &m->d->plan.items[i];

		if (need_of(l, m->blob) != NULL && !gf_output_write(l->out, bytes, n, err))
			return gf_because(err, "loading '%s'", image_of(m->d, l)->names[0]);
	}
	return true;
}

static bool members_finish(gf_output *out, gf_error *err)
{
	members *m = (members *)out;

	if (m->seen != m->size)
		return wrong_size(m, err);
	if (!members_begin(m, err) || (m->check != NULL && !gf_output_finish(m->check, err)))
		return false;
	for (size_t i = 0; i < m->d->plan.n_items; i++) {
		gf_docker_item *l = &m->d->plan.items[i];

		if (need_of(l, m->blob) == NULL)
			continue;
		if (!gf_stream_fill(m->size, l->out, err))
			return gf_because(err, "loading '%s'", image_of(m->d, l)->names[0]);
		l->done++;
		m->d->t.sum.blobs_sent++;
	}
	return advance(m->d, err);
}

static void members_close(gf_output *out)
{
	members *m = (members *)out;

	gf_output_close(m->check);
	free(m);
}

static const gf_output_ops members_ops = { members_write, members_finish, members_close };

/* How the blob goes, the same for all that need it: two configs that name two diff IDs for it cannot both be right. */
static const gf_docker_need *one_need(docker_target *d, size_t blob, gf_error *err)
{
	const gf_docker_need *first = NULL;

	for (size_t i = 0; i < d->plan.n_items; i++) {
		const gf_docker_need *need = need_of(&d->plan.items[i], blob);
		char digest[GF_DIGEST_SIZE];

		if (need == NULL)
			continue;
		if (first == NULL)
			first = need;
		if (gf_digest_equal(&first->diff_id, &need->diff_id))
			continue;
		gf_digest_text(&d->t.job->manifest->blobs[blob].digest, digest);
		gf_fail(err, GF_DAMAGED, "diff-id", digest,
		    "two images name different diff IDs for layer %s, and one of them is wrong: build and pack them again",
		    digest);
		return NULL;
	}
	return first;
}

static gf_output *put(gf_sink *sink, size_t blob, gf_error *err)
{
	docker_target *d = (docker_target *)sink;
	const gf_docker_need *need;
	char digest[GF_DIGEST_SIZE];
	gf_output *out;
	members *m;

	if (d->plan.needed[blob] == 0)
		return NULL;
	need = one_need(d, blob, err);
	m = need != NULL ? gf_alloc(1, sizeof *m, err) : NULL;
	if (m == NULL)
		return NULL;
	m->out.ops = &members_ops;
	m->d = d;
	m->blob = blob;
	m->size = need->size;
	gf_digest_text(&d->t.job->manifest->blobs[blob].digest, digest);
	if (need->check) {
		m->check =
		    gf_output_gunzip(gf_output_expect(gf_output_discard(err), &need->diff_id, "diff-id", digest, err),
			GF_BLOB_MAX, digest, err);
		if (m->check == NULL) {
			members_close(&m->out);
			return NULL;
		}
	}
	out = &m->out;
	if (need->inflate != GF_CODEC_NONE) {
		/* Three threads: reading and hashing, inflating, hashing and sending. */
		out = gf_output_thread(gf_output_expect(out, &need->diff_id, "diff-id", digest, err), err);
		out = need->inflate == GF_CODEC_ZSTD ? gf_output_unzstd(out, need->size, digest, err)
						     : gf_output_gunzip(out, need->size, digest, err);
	}
	return gf_output_thread(out, err);
}

/* ---- confirm, commit ---- */

/* After the walk nothing is open; every image stands in the daemon's list, which inspect alone does not prove. */
static bool confirm(gf_target *t, gf_error *err)
{
	docker_target *d = (docker_target *)t;
	gf_docker_image *images = NULL;
	size_t n = 0;
	bool ok = advance(d, err), loaded = false;

	if (ok && d->next < d->plan.n_items)
		ok = gf_fail(err, GF_FAILED, "internal", t->spec->label, "a layer of '%s' did not pass",
		    image_of(d, &d->plan.items[d->next])->names[0]);
	for (size_t i = 0; i < d->plan.n_items; i++)
		loaded = loaded || d->plan.items[i].finished;
	if (!ok || !loaded)
		return ok;
	ok = gf_docker_list(d->docker, &images, &n, err);
	for (size_t i = 0; ok && i < d->plan.n_items; i++) {
		const gf_docker_item *l = &d->plan.items[i];

		if ((l->wanted || l->present) && gf_docker_with_id(images, n, l->id) == NULL)
			ok = gf_fail(err, GF_TARGET, "docker-image", image_of(d, l)->names[0],
			    "the daemon does not list '%s' (%s); run again", image_of(d, l)->names[0], l->id);
	}
	gf_docker_images_free(images, n);
	return ok;
}

/* Of the IDs that the image can have, the one that is listed. */
static void recall_id(docker_target *d, const gf_docker_image *images, size_t n_images, gf_docker_item *l)
{
	for (size_t i = 0; l->id[0] == '\0' && i < n_images; i++)
		if (strlen(images[i].id) < sizeof l->id && gf_docker_is_id(&d->plan, l, image_of(d, l), images[i].id))
			memcpy(l->id, images[i].id, strlen(images[i].id) + 1);
}

/* The ID of an image that an earlier item brought. */
static bool find_id(docker_target *d, const gf_docker_image *images, size_t n_images, gf_docker_item *l, gf_error *err)
{
	recall_id(d, images, n_images, l);
	if (l->id[0] != '\0' && gf_docker_with_id(images, n_images, l->id) != NULL)
		return true;
	return gf_fail(err, GF_TARGET, "docker-image", image_of(d, l)->names[0],
	    "'%s' was in the daemon when this began and is no longer; run again", image_of(d, l)->names[0]);
}

static bool read_back(docker_target *d, gf_error *err)
{
	gf_docker_image *images = NULL;
	size_t n_images = 0;
	bool ok = gf_docker_list(d->docker, &images, &n_images, err);

	for (size_t i = 0; ok && i < d->t.n_names; i++) {
		const gf_naming *n = &d->t.names[i];
		const gf_docker_image *now;

		if (n->state == GF_ROW_KEPT)
			continue;
		now = gf_docker_named(images, n_images, n->text);
		if (now == NULL || strcmp(now->id, d->plan.items[n->image].id) != 0)
			ok = gf_naming_misread(n, d->plan.items[n->image].id, now != NULL ? now->id : NULL, err);
	}
	gf_docker_images_free(images, n_images);
	return ok;
}

static bool set_names(docker_target *d, bool *set_any, gf_error *err)
{
	for (size_t i = 0; i < d->t.n_names; i++) {
		gf_naming *n = &d->t.names[i];
		gf_docker_item *l = &d->plan.items[n->image];
		char repository[GF_REFERENCE_SIZE];
		gf_reference bare = n->to;

		if (n->state == GF_ROW_KEPT)
			continue;
		if (!gf_digest_parse(l->id, &n->digest))
			return gf_fail(
			    err, GF_TARGET, "digest-form", n->text, "the daemon shows an ID that is no digest");
		if (!n->set) {
			bare.tag[0] = '\0';
			bare.has_digest = false;
			gf_reference_print(&bare, repository);
			if (!gf_docker_tag(d->docker, l->id, repository, n->to.tag, err))
				return gf_because(err, "naming '%s'", n->text);
			*set_any = true;
		}
	}
	return true;
}

static bool commit(gf_target *t, gf_error *err)
{
	docker_target *d = (docker_target *)t;
	gf_docker_image *images = NULL;
	size_t n_images = 0;
	bool set_any = false, ok = gf_docker_list(d->docker, &images, &n_images, err);

	for (size_t i = 0; ok && i < d->plan.n_items; i++)
		if (gf_target_wants(t, i))
			ok = find_id(d, images, n_images, &d->plan.items[i], err);
	ok = ok && judge(d, images, n_images, true, err) && set_names(d, &set_any, err) &&
	    (!set_any || read_back(d, err));
	for (size_t i = 0; ok && i < t->n_names; i++)
		if (t->names[i].state != GF_ROW_KEPT) {
			t->names[i].set = true;
			t->names[i].state = d->plan.items[t->names[i].image].wanted ? GF_ROW_SENT : GF_ROW_HELD;
		}
	gf_docker_images_free(images, n_images);
	return ok;
}

/* ---- abandon, close ---- */

/*
 * Did this item leave an image without a name?  A daemon that reports an error, or shows it as it should not be, may
 * have it all the same.  containerd's store keeps what it took and could not unpack, under the digest that was sent,
 * and does not always list it (engines.md 3): there a load that failed is asked for by digest.
 */
static bool left_unnamed(docker_target *d, gf_docker_item *l, const gf_docker_image *images, size_t n)
{
	const gf_docker_image *listed;
	gf_docker_image seen;
	gf_error ignored;
	bool found = false;

	memset(&seen, 0, sizeof seen);
	if (l->failed && d->plan.store == GF_STORE_CONTAINERD) {
		gf_digest_text(&l->stream.entry, l->id);
		found = gf_docker_inspect(d->docker, l->id, &found, &seen, &ignored) && found && seen.n_names == 0;
		gf_docker_image_clear(&seen);
	} else if (l->finished || l->failed) {
		recall_id(d, images, n, l);
		listed = gf_docker_with_id(images, n, l->id);
		found = listed != NULL && listed->n_names == 0;
	}
	return found && gf_docker_with_id(d->plan.before, d->plan.n_before, l->id) == NULL;
}

/* Only what was not there before, came through here and has no name; what cannot be removed is said. */
static void abandon(gf_target *t)
{
	docker_target *d = (docker_target *)t;
	gf_docker_image *images = NULL;
	size_t n = 0;
	gf_error err;

	for (size_t i = 0; i < d->plan.n_items; i++) { /* an open load is broken off, and the daemon drops it */
		gf_output_close(d->plan.items[i].out);
		d->plan.items[i].out = NULL;
	}
	if (d->docker == NULL || !gf_docker_list(d->docker, &images, &n, &err))
		return;
	for (size_t i = 0; i < d->plan.n_items; i++) {
		gf_docker_item *l = &d->plan.items[i];

		if (left_unnamed(d, l, images, n) && !gf_docker_remove(d->docker, l->id, &err))
			gf_event_say(t->job->events, GF_EVENT_WARNING, "left without a name in %s: %s (%s)",
			    t->spec->label, l->id, err.text);
	}
	gf_docker_images_free(images, n);
}

static void docker_close(gf_target *t)
{
	docker_target *d = (docker_target *)t;

	gf_docker_plan_clear(&d->plan);
	gf_docker_close(d->docker);
	free(d);
}

static const gf_sink_ops sink_ops = { has, put };
static const gf_target_ops target_ops = { plan, confirm, commit, abandon, docker_close };

gf_target *gf_target_docker(const gf_target_spec *spec, const gf_job *job, gf_error *err)
{
	docker_target *d = gf_alloc(1, sizeof *d, err);

	if (d == NULL)
		return NULL;
	d->t.sink.ops = &sink_ops;
	d->t.sink.in_order = true;
	d->t.ops = &target_ops;
	d->t.spec = spec;
	d->t.job = job;
	return &d->t;
}
