#include <stdlib.h>
#include <string.h>

#include "unpack/docker_plan.h"

/* ---- images by ID and name ---- */

static bool is_text(const gf_digest *d, const char *text)
{
	char digest[GF_DIGEST_SIZE];

	gf_digest_text(d, digest);
	return strcmp(digest, text) == 0;
}

bool gf_docker_is_id(const gf_docker_plan *p, const gf_docker_item *l, const gf_image *image, const char *id)
{
	if (p->store == GF_STORE_CONTAINERD)
		return is_text(&image->digest, id) || is_text(&l->platform->manifest, id);
	return is_text(&l->platform->image_id, id);
}

const gf_docker_image *gf_docker_with_id(const gf_docker_image *images, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(images[i].id, id) == 0)
			return &images[i];
	return NULL;
}

const gf_docker_image *gf_docker_named(const gf_docker_image *images, size_t n, const char *full)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < images[i].n_names; k++) {
			gf_reference ref;
			gf_error ignored;
			char text[GF_REFERENCE_SIZE];

			if (!gf_reference_parse(images[i].names[k], &ref, &ignored))
				continue;
			gf_reference_print(&ref, text);
			if (strcmp(text, full) == 0)
				return &images[i];
		}
	return NULL;
}

/* ---- step 1 ---- */

/* "os/architecture" of "os/architecture/variant". */
static bool same_architecture(const char *a, const char *b)
{
	size_t slashes = 0, i = 0;

	for (; a[i] == b[i] && a[i] != '\0'; i++)
		if (a[i] == '/' && ++slashes == 2)
			return true;
	return (a[i] == '\0' || a[i] == '/') && (b[i] == '\0' || b[i] == '/') && slashes >= 1;
}

static const gf_platform *choose(const gf_tree *tree, const char *platform)
{
	for (int exact = 1; exact >= 0; exact--)
		for (size_t i = 0; i < tree->n_platforms; i++) {
			const gf_platform *p = &tree->platforms[i];

			if (p->runnable &&
			    (exact ? strcmp(p->platform, platform) == 0 : same_architecture(p->platform, platform)))
				return p;
		}
	return NULL;
}

static bool no_platform(const gf_tree *tree, const gf_image *image, const char *platform, gf_error *err)
{
	gf_buf has;
	bool ok = true;

	gf_buf_init(&has, 600);
	for (size_t i = 0; ok && i < tree->n_platforms; i++)
		ok = gf_buf_printf(&has, err, "%s%s%s", i > 0 ? ", " : "", tree->platforms[i].platform,
		    tree->platforms[i].runnable ? "" : " (not an image that runs)");
	gf_fail(err, GF_TARGET, "platform", image->names[0],
	    "the daemon runs %s, and '%s' has %s: load it where that runs, or have it built and packed for %s",
	    platform, image->names[0], has.len > 0 ? gf_buf_text(&has) : "no platform", platform);
	gf_buf_clear(&has);
	return false;
}

bool gf_docker_plan_images(gf_docker_plan *p, gf_docker *d, const gf_target *t, gf_error *err)
{
	const gf_manifest *m = t->job->manifest;
	const gf_docker_about *about = gf_docker_is(d);

	p->store = about->store;
	if (!gf_docker_list(d, &p->before, &p->n_before, err))
		return false;
	p->items = gf_alloc(m->n_images, sizeof *p->items, err);
	if (p->items == NULL)
		return false;
	for (size_t i = 0; i < m->n_images; i++) {
		gf_docker_item *l = &p->items[i];
		const gf_tree *tree = &t->job->graph->trees[i];

		p->n_items = i + 1;
		l->image = i;
		l->platform = choose(tree, about->platform);
		if (l->platform == NULL)
			return no_platform(tree, &m->images[i], about->platform, err);
		for (size_t k = 0; !l->present && k < p->n_before; k++)
			if (strlen(p->before[k].id) < sizeof l->id &&
			    gf_docker_is_id(p, l, &m->images[i], p->before[k].id)) {
				l->present = true;
				memcpy(l->id, p->before[k].id, strlen(p->before[k].id) + 1);
			}
	}
	return true;
}

/* ---- step 2: chains ---- */

typedef struct digests {
	gf_digest *list;
	size_t n, room;
} digests;

static bool digests_add(digests *s, const gf_digest *d, gf_error *err)
{
	if (!gf_grow(&s->list, &s->room, s->n, sizeof *s->list, err))
		return false;
	s->list[s->n++] = *d;
	return true;
}

static int compare(const void *a, const void *b)
{
	return gf_digest_compare(a, b);
}

static void digests_sort(digests *s)
{
	if (s->n > 0)
		qsort(s->list, s->n, sizeof *s->list, compare);
}

static bool digests_has(const digests *s, const gf_digest *d)
{
	return s->n > 0 && bsearch(d, s->list, s->n, sizeof *s->list, compare) != NULL;
}

static bool add_chains(digests *held, const gf_digest *diff_ids, size_t n, gf_error *err)
{
	gf_digest *chain = gf_alloc(n > 0 ? n : 1, sizeof *chain, err);
	bool ok = chain != NULL && gf_chain_ids(diff_ids, n, chain, err);

	for (size_t i = 0; ok && i < n; i++)
		ok = digests_add(held, &chain[i], err);
	free(chain);
	return ok;
}

/* Every chain that some image of the daemon stands on.  One that went away meanwhile stands on nothing. */
static bool daemon_chains(const gf_docker_plan *p, gf_docker *d, digests *held, gf_error *err)
{
	for (size_t i = 0; i < p->n_before; i++) {
		gf_docker_image image;
		bool found, ok;

		memset(&image, 0, sizeof image);
		if (!gf_docker_inspect(d, p->before[i].id, &found, &image, err))
			return false;
		ok = !found || add_chains(held, image.diff_ids, image.n_diff_ids, err);
		gf_docker_image_clear(&image);
		if (!ok)
			return false;
	}
	digests_sort(held);
	return true;
}

/* ---- step 2: needs ---- */

static gf_docker_need *find_member(gf_docker_item *l, const gf_digest *member)
{
	for (size_t i = 0; i < l->n_needs; i++)
		if (gf_digest_equal(&l->needs[i].member, member))
			return &l->needs[i];
	return NULL;
}

/* A layer twice in one image is one member of the stream. */
static bool add_need(gf_docker_item *l, const gf_docker_need *need, gf_error *err)
{
	if (find_member(l, &need->member) != NULL)
		return true;
	if (!gf_grow(&l->needs, &l->room_needs, l->n_needs, sizeof *l->needs, err))
		return false;
	l->needs[l->n_needs++] = *need;
	return true;
}

/* How one layer of the classic store goes: raw where its raw size is known, so that the length of the stream is. */
static bool layer_need(const gf_target *t, const gf_docker_item *l, size_t layer, unsigned docker_major,
    gf_docker_need *need, gf_error *err)
{
	const gf_descriptor *d = &l->platform->document->items[layer];
	const gf_blob *blob;
	char digest[GF_DIGEST_SIZE];

	memset(need, 0, sizeof *need);
	gf_digest_text(&d->digest, digest);
	need->blob = gf_graph_find(t->job->graph, &d->digest);
	if (need->blob == SIZE_MAX)
		return gf_fail(err, GF_FAILED, "internal", digest, "a layer is not in the graph");
	blob = &t->job->manifest->blobs[need->blob];
	need->member = d->digest;
	need->size = blob->size;
	need->diff_id = l->platform->diff_ids[layer];
	switch (gf_packing_of(d->media_type)) {
	case GF_PACKING_RAW:
		if (gf_digest_equal(&need->diff_id, &d->digest))
			return true;
		return gf_fail(err, GF_DAMAGED, "diff-id", digest,
		    "the config of '%s' names another diff ID for layer %s, which is not compressed; the image was packed so: build it again",
		    t->job->manifest->images[l->image].names[0], digest);
	case GF_PACKING_GZIP:
		need->inflate = blob->raw_size > 0 ? GF_CODEC_GZIP : GF_CODEC_NONE;
		need->check = blob->raw_size == 0;
		break;
	case GF_PACKING_ZSTD:
		need->inflate = blob->raw_size > 0 ? GF_CODEC_ZSTD : GF_CODEC_NONE;
		if (need->inflate != GF_CODEC_NONE || docker_major >= 23)
			break; /* the daemon compares the diff ID */
		return gf_fail(err, GF_TARGET, "zstd", digest,
		    "layer %s of '%s' is zstd, which Docker %u cannot read and 23 and later can; load it into a registry, or have it built with gzip",
		    digest, t->job->manifest->images[l->image].names[0], docker_major);
	case GF_PACKING_OPAQUE: /* of no platform that runs (graph.c), and choose takes only those */
		return gf_fail(err, GF_FAILED, "internal", digest, "a layer of type '%s' was planned", d->media_type);
	}
	if (need->inflate != GF_CODEC_NONE) {
		need->member = need->diff_id;
		need->size = blob->raw_size;
	}
	return true;
}

unsigned gf_docker_version_part(const char **version)
{
	const char *p = *version;
	unsigned n = 0;

	for (; *p >= '0' && *p <= '9' && n < 100000; p++)
		n = n * 10 + (unsigned)(*p - '0');
	*version = *p == '.' ? p + 1 : p;
	return n;
}

static unsigned major(const char *version)
{
	return gf_docker_version_part(&version);
}

static bool set_stream(gf_docker_item *l, const gf_target *t, const gf_digest *entry, const char *type, gf_error *err)
{
	l->stream.store = t->job->store;
	l->stream.entry = *entry;
	l->stream.entry_type = type;
	l->stream.documents = l->documents;
	l->stream.config = l->platform->image_id;
	l->stream.layers = l->members;
	l->stream.n_layers = l->platform->document->n_items;
	if (!gf_stream_front_size(&l->stream, &l->size, err))
		return false;
	for (size_t i = 0; i < l->n_needs; i++)
		l->size += gf_stream_member_size(l->needs[i].size);
	l->size += GF_STREAM_END_SIZE;
	return true;
}

static bool plan_classic(gf_docker_item *l, const gf_target *t, unsigned docker_major, digests *held, gf_error *err)
{
	const gf_platform *p = l->platform;
	size_t n = p->document->n_items;
	gf_digest *chain = gf_alloc(n > 0 ? n : 1, sizeof *chain, err);
	bool ok;

	l->documents = gf_alloc(2, sizeof *l->documents, err);
	l->members = gf_alloc(n > 0 ? n : 1, sizeof *l->members, err);
	ok = chain != NULL && l->documents != NULL && l->members != NULL && gf_chain_ids(p->diff_ids, n, chain, err);
	for (size_t i = 0; ok && i < n; i++) {
		gf_docker_need need;

		ok = layer_need(t, l, i, docker_major, &need, err);
		if (!ok)
			break;
		l->members[i] = need.member;
		if (!digests_has(held, &chain[i]))
			ok = add_need(l, &need, err);
	}
	for (size_t i = 0; ok && i < n; i++)
		ok = digests_add(held, &chain[i], err);
	digests_sort(held);
	if (ok) {
		l->documents[0] = p->manifest;
		l->documents[1] = p->image_id;
		l->stream.n_documents = 2;
		ok = set_stream(l, t, &p->manifest, p->document->media_type, err);
	}
	free(chain);
	return ok;
}

/* ---- step 2: whole images, as stored ---- */

typedef struct whole {
	const gf_target *t;
	gf_docker_item *load;
	digests documents;
	digests *held; /* blobs, by digest, sorted */
} whole;

static bool whole_blob(whole *w, const gf_digest *digest, gf_error *err)
{
	gf_docker_need need;

	memset(&need, 0, sizeof need);
	need.blob = gf_graph_find(w->t->job->graph, digest);
	if (need.blob == SIZE_MAX)
		return gf_fail(err, GF_FAILED, "internal", NULL, "a blob is not in the graph");
	if (w->t->job->manifest->blobs[need.blob].kind == GF_KIND_JSON)
		return digests_add(&w->documents, digest, err);
	need.member = *digest;
	need.size = w->t->job->manifest->blobs[need.blob].size;
	return digests_has(w->held, digest) || add_need(w->load, &need, err);
}

/* Everything below an index or manifest; the graph was closed and at most GF_INDEX_DEPTH deep. */
static bool whole_walk(whole *w, const gf_digest *digest, const char *type, gf_error *err)
{
	const gf_buf *text = gf_store_find(w->t->job->store, digest);
	gf_document *d =
	    text != NULL ? gf_document_parse(text, type, GF_DAMAGED, "a document of the image", err) : NULL;
	bool ok = d != NULL && digests_add(&w->documents, digest, err);

	if (text == NULL)
		gf_fail(err, GF_FAILED, "internal", NULL, "a document of the image was not kept");
	if (ok && d->media == GF_MEDIA_MANIFEST)
		ok = whole_blob(w, &d->config.digest, err);
	for (size_t i = 0; ok && i < d->n_items; i++)
		ok = d->media == GF_MEDIA_INDEX ? whole_walk(w, &d->items[i].digest, d->items[i].media_type, err)
						: whole_blob(w, &d->items[i].digest, err);
	gf_document_free(d);
	return ok;
}

static bool plan_whole(gf_docker_item *l, const gf_target *t, digests *held, gf_error *err)
{
	const gf_image *image = &t->job->manifest->images[l->image];
	const gf_document *document = l->platform->document;
	whole w = { .t = t, .load = l, .held = held };
	bool ok = whole_walk(&w, &image->digest, image->media_type, err);

	l->members = ok ? gf_alloc(document->n_items > 0 ? document->n_items : 1, sizeof *l->members, err) : NULL;
	ok = l->members != NULL;
	for (size_t i = 0; ok && i < document->n_items; i++)
		l->members[i] = document->items[i].digest;
	/* One document may hang on two places; a member is written once. */
	digests_sort(&w.documents);
	l->documents = w.documents.list;
	for (size_t i = 0; i < w.documents.n; i++)
		if (i == 0 || !gf_digest_equal(&l->documents[i], &l->documents[l->stream.n_documents - 1]))
			l->documents[l->stream.n_documents++] = l->documents[i];
	for (size_t i = 0; ok && i < l->n_needs; i++)
		ok = digests_add(held, &l->needs[i].member, err);
	digests_sort(held);
	return ok && set_stream(l, t, &image->digest, image->media_type, err);
}

/* ---- step 2 ---- */

static bool same_image(const gf_docker_plan *p, const gf_docker_item *a, const gf_docker_item *b, const gf_target *t)
{
	const gf_image *images = t->job->manifest->images;

	if (p->store == GF_STORE_CONTAINERD)
		return gf_digest_equal(&images[a->image].digest, &images[b->image].digest);
	return gf_digest_equal(&a->platform->image_id, &b->platform->image_id);
}

static bool mark_needed(gf_docker_plan *p, const gf_target *t, gf_error *err)
{
	p->needed = gf_alloc(t->job->manifest->n_blobs, 1, err);
	if (p->needed == NULL)
		return false;
	for (size_t i = 0; i < p->n_items; i++)
		for (size_t k = 0; k < p->items[i].n_needs; k++)
			p->needed[p->items[i].needs[k].blob] = 1;
	return true;
}

bool gf_docker_plan_loads(gf_docker_plan *p, gf_docker *d, const gf_target *t, gf_error *err)
{
	digests held = { 0 };
	bool looked = false, ok = true;

	for (size_t i = 0; ok && i < p->n_items; i++) {
		gf_docker_item *l = &p->items[i];

		l->wanted = !l->present && gf_target_wants(t, i);
		for (size_t k = 0; l->wanted && k < i; k++)
			if (p->items[k].wanted && same_image(p, &p->items[k], l, t))
				l->wanted = false; /* that load brings it */
		if (!l->wanted)
			continue;
		if (p->store == GF_STORE_CLASSIC && !looked)
			ok = daemon_chains(p, d, &held, err);
		looked = true;
		if (ok && p->store == GF_STORE_CLASSIC)
			ok = plan_classic(l, t, major(gf_docker_is(d)->version), &held, err);
		else if (ok)
			ok = plan_whole(l, t, &held, err);
	}
	free(held.list);
	return ok && mark_needed(p, t, err);
}

void gf_docker_plan_clear(gf_docker_plan *p)
{
	for (size_t i = 0; i < p->n_items; i++) {
		gf_docker_item *l = &p->items[i];

		gf_output_close(l->out);
		gf_docker_loaded_clear(&l->answer);
		free(l->documents);
		free(l->members);
		free(l->needs);
	}
	free(p->items);
	free(p->needed);
	gf_docker_images_free(p->before, p->n_before);
	memset(p, 0, sizeof *p);
}
