/*
 * One walk for each image, in the order of FORMAT.md 1.  A document is parsed once and walked once for each
 * image and each way it is used in, so the work is bounded by the number of descriptors, not of paths; documents
 * that many images share are bounded by GF_GRAPH_USES_MAX.
 */
#include <stdlib.h>
#include <string.h>

#include "bundles/image.h"
#include "bundles/store.h"

/* The ways a manifest is used in. */
#define ROLE_PLATFORM 1U /* its layers are layers */
#define ROLE_EVIDENCE 2U /* its layers are evidence */

typedef struct node { /* an index or a manifest */
	gf_digest digest;
	gf_document *doc;
	unsigned height; /* of an index: the longest way down in indexes, itself counted */
	bool busy;       /* on the way from the root to here */
	size_t tree;     /* the last image that reached it, counted from 1 */
	unsigned roles;  /* in that image */
} node;

typedef struct use { /* a blob before the kinds are known */
	gf_blob blob;
	size_t tree;  /* the last image that has it among its needs, counted from 1 */
	size_t place; /* in tar order */
} use;

typedef struct graph {
	gf_graph pub; /* first: what callers hold */
	node **nodes;
	size_t n_nodes, nodes_room;
	gf_map node_map;
	gf_map blob_map;
} graph;

typedef struct walk {
	graph *g;
	const gf_store *store;
	gf_class class;
	use *uses;
	size_t n_uses, uses_room;
	size_t steps;
	size_t tree; /* counted from 1 */
	gf_tree *out;
	size_t platforms_room, pushes_room, needs_room;
} walk;

static bool step(walk *w, gf_error *err)
{
	if (++w->steps > GF_GRAPH_USES_MAX)
		return gf_fail(err, w->class, "graph-limit", NULL,
		    "more than the %zu uses of blobs allowed, counted for each image", GF_GRAPH_USES_MAX);
	return true;
}

/* ---- blobs ---- */

static bool size_agrees(const walk *w, const gf_digest *digest, uint64_t known, uint64_t said, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	if (known == said)
		return true;
	gf_digest_text(digest, text);
	return gf_fail(err, w->class, "graph-mismatch", text, "has %llu bytes, and a descriptor says %llu",
	    (unsigned long long)known, (unsigned long long)said);
}

/* The blob is used as kind; of several kinds it has the first.  *at: its number in w->uses. */
static bool use_blob(walk *w, const gf_digest *digest, uint64_t size, gf_kind kind, size_t *at, gf_error *err)
{
	size_t i = gf_map_get(&w->g->blob_map, digest);
	const gf_buf *text = gf_store_find(w->store, digest);
	char name[GF_DIGEST_SIZE];

	if (text != NULL && !size_agrees(w, digest, text->len, size, err))
		return false;
	if (text == NULL && kind == GF_KIND_JSON) {
		gf_digest_text(digest, name);
		return gf_fail(err, w->class, "graph-missing", name, "an index, manifest or config is missing");
	}
	if (w->uses == NULL || i == SIZE_MAX) {
		i = w->n_uses;
		if (!gf_map_put(&w->g->blob_map, digest, i, err) ||
		    !gf_grow(&w->uses, &w->uses_room, i, sizeof *w->uses, err))
			return false;
		w->uses[w->n_uses++].blob = (gf_blob){ .digest = *digest, .size = size, .kind = kind };
	}
	if (!size_agrees(w, digest, w->uses[i].blob.size, size, err))
		return false;
	if (kind < w->uses[i].blob.kind)
		w->uses[i].blob.kind = kind;
	*at = i;
	return true;
}

/* A config or layer: a blob that the image needs beside its documents. */
static bool need_blob(walk *w, const gf_descriptor *d, gf_kind kind, gf_error *err)
{
	char name[GF_DIGEST_SIZE];
	gf_digest digest;
	size_t at = 0;

	if (!step(w, err) || !use_blob(w, &d->digest, d->size, kind, &at, err))
		return false;
	if (d->data.len != 0) {
		if (!gf_hash_bytes(d->data.data, d->data.len, &digest, err))
			return false;
		if (d->data.len != d->size || !gf_digest_equal(&digest, &d->digest)) {
			gf_digest_text(&d->digest, name);
			return gf_fail(err, w->class, "graph-mismatch", name,
			    "the copy inside its descriptor ('data') is not the blob");
		}
	}
	if (w->uses[at].tree == w->tree)
		return true;
	w->uses[at].tree = w->tree;
	if (!gf_grow(&w->out->needs, &w->needs_room, w->out->n_needs, sizeof *w->out->needs, err))
		return false;
	w->out->needs[w->out->n_needs++] = at;
	return true;
}

/* ---- documents ---- */

static node *parse_node(walk *w, const gf_digest *digest, const gf_buf *text, const char *type, gf_error *err)
{
	graph *g = w->g;
	char name[GF_DIGEST_SIZE];
	node *n;

	gf_digest_text(digest, name);
	if (!gf_grow(&g->nodes, &g->nodes_room, g->n_nodes, sizeof *g->nodes, err))
		return NULL;
	n = gf_alloc(1, sizeof *n, err);
	if (n == NULL)
		return NULL;
	n->digest = *digest;
	n->doc = gf_document_parse(text, type, w->class, name, err);
	if (n->doc == NULL || !gf_map_put(&g->node_map, digest, g->n_nodes, err)) {
		gf_document_free(n->doc);
		free(n);
		return NULL;
	}
	g->nodes[g->n_nodes++] = n;
	return n;
}

/* The document that digest names; d: its descriptor, or NULL for a root. */
static node *find_node(walk *w, const gf_digest *digest, const gf_descriptor *d, gf_error *err)
{
	const char *type = d != NULL ? d->media_type : NULL;
	const gf_buf *text = gf_store_find(w->store, digest);
	size_t i = gf_map_get(&w->g->node_map, digest), at = 0;
	char name[GF_DIGEST_SIZE];
	node *n;

	gf_digest_text(digest, name);
	if (!step(w, err))
		return NULL;
	if (d != NULL && gf_media_of(type) == GF_MEDIA_OTHER &&
	    gf_starts_with(type,
		"application/vnd.docker."
		"distribution.manifest.v1+")) {
		gf_fail(err, w->class, "schema1", name,
		    "a Docker image manifest of schema 1: pull and push the image "
		    "again with a current tool");
		return NULL;
	}
	if (d != NULL && gf_media_of(type) == GF_MEDIA_OTHER) {
		gf_fail(err, w->class, "media-type", name,
		    "an index names a child of type '%.100s'; only indexes and manifests of OCI and Docker schema 2 "
		    "are carried",
		    type);
		return NULL;
	}
	if (!use_blob(w, digest, d != NULL ? d->size : text != NULL ? text->len : 0, GF_KIND_JSON, &at, err))
		return NULL;
	if (d != NULL && d->data.len != 0 &&
	    (d->data.len != text->len || memcmp(d->data.data, text->data, text->len) != 0)) {
		gf_fail(err, w->class, "graph-mismatch", name,
		    "the copy inside its descriptor ('data') is not the "
		    "document");
		return NULL;
	}
	n = i != SIZE_MAX ? w->g->nodes[i] : parse_node(w, digest, text, type, err);
	if (n != NULL && type != NULL && strcmp(n->doc->media_type, type) != 0) {
		gf_fail(err, w->class, "media-type", name, "is named as '%.100s' and as '%.100s'", n->doc->media_type,
		    type);
		return NULL;
	}
	return n;
}

/* The image is being walked: forget what an earlier image left in n.  True at the first visit. */
static bool first_visit(const walk *w, node *n)
{
	if (n->tree == w->tree)
		return false;
	n->tree = w->tree;
	n->roles = 0;
	return true;
}

static bool add_push(walk *w, const node *n, gf_error *err)
{
	gf_tree *t = w->out;

	if (!gf_grow(&t->pushes, &w->pushes_room, t->n_pushes, sizeof *t->pushes, err))
		return false;
	t->pushes[t->n_pushes].digest = n->digest;
	t->pushes[t->n_pushes++].media_type = n->doc->media_type;
	return true;
}

/* FORMAT.md 2: one of platform unknown/unknown whose layers, of which it has some, are all in-toto statements. */
static bool is_attestation(const gf_document *doc, const gf_descriptor *d)
{
	bool all = doc->n_items != 0;

	for (size_t i = 0; i < doc->n_items && all; i++)
		all = strcmp(doc->items[i].media_type, GF_TYPE_IN_TOTO) == 0;
	return all && d != NULL && d->platform != NULL && strcmp(d->platform, "unknown/unknown") == 0;
}

/* ---- platforms ---- */

static bool is_runnable(const gf_document *doc)
{
	bool all = gf_is_image_config(doc->config.media_type);

	for (size_t i = 0; i < doc->n_items && all; i++)
		all = gf_packing_of(doc->items[i].media_type) != GF_PACKING_OPAQUE;
	return all;
}

/* What the config adds to a runnable platform: its diff IDs, and the platform where the descriptor has none. */
static bool read_runnable(const walk *w, const node *n, const char **platform, gf_config **config, gf_error *err)
{
	const gf_document *doc = n->doc;
	char name[GF_DIGEST_SIZE];

	gf_digest_text(&doc->config.digest, name);
	*config = gf_config_parse(gf_store_find(w->store, &doc->config.digest), w->class, name, err);
	if (*config == NULL)
		return false;
	if ((*config)->n_diff_ids != doc->n_items) {
		gf_digest_text(&n->digest, name);
		return gf_fail(err, w->class, "layer-count", name,
		    "the manifest has %zu layers and its config %zu diff IDs", doc->n_items, (*config)->n_diff_ids);
	}
	if (*platform == NULL)
		*platform = (*config)->platform;
	return true;
}

static bool add_platform(walk *w, const node *n, const gf_descriptor *d, gf_error *err)
{
	gf_tree *t = w->out;
	const char *platform = d != NULL ? d->platform : NULL;
	gf_config *config = NULL;
	gf_platform p = { .manifest = n->digest,
		.document = n->doc,
		.image_id = n->doc->config.digest,
		.runnable = is_runnable(n->doc) };
	bool ok;

	ok = (!p.runnable || read_runnable(w, n, &platform, &config, err)) &&
	    (p.platform = gf_strdup(platform != NULL ? platform : "unknown/unknown", err)) != NULL &&
	    gf_grow(&t->platforms, &w->platforms_room, t->n_platforms, sizeof *t->platforms, err);
	if (ok) {
		if (config != NULL) {
			p.diff_ids = config->diff_ids;
			p.n_diff_ids = config->n_diff_ids;
			config->diff_ids = NULL; /* moved */
		}
		t->platforms[t->n_platforms++] = p;
	} else {
		free(p.platform);
	}
	gf_config_free(config);
	return ok;
}

/* ---- the walk ---- */

static bool walk_manifest(walk *w, node *n, const gf_descriptor *d, unsigned role, gf_error *err)
{
	const gf_document *doc = n->doc;
	bool first = first_visit(w, n);

	if ((n->roles & role) != 0)
		return true;
	n->roles |= role;
	if (!need_blob(w, &doc->config, GF_KIND_JSON, err))
		return false;
	for (size_t i = 0; i < doc->n_items; i++)
		if (!need_blob(w, &doc->items[i], role == ROLE_EVIDENCE ? GF_KIND_EVIDENCE : GF_KIND_LAYER, err))
			return false;
	if (role == ROLE_PLATFORM && !add_platform(w, n, d, err))
		return false;
	return !first || add_push(w, n, err);
}

static bool too_deep(const walk *w, const node *n, gf_error *err)
{
	char name[GF_DIGEST_SIZE];

	gf_digest_text(&n->digest, name);
	return gf_fail(err, w->class, "graph-depth", name, "indexes are nested more than %d deep", GF_INDEX_DEPTH);
}

static bool walk_index(walk *w, node *n, unsigned depth, gf_error *err);

static bool walk_child(walk *w, node *parent, const gf_descriptor *d, unsigned depth, gf_error *err)
{
	node *child = find_node(w, &d->digest, d, err);

	if (child == NULL)
		return false;
	if (child->doc->media == GF_MEDIA_MANIFEST)
		return walk_manifest(w, child, d, is_attestation(child->doc, d) ? ROLE_EVIDENCE : ROLE_PLATFORM, err);
	if (!walk_index(w, child, depth + 1, err))
		return false;
	if (parent->height <= child->height)
		parent->height = child->height + 1;
	return true;
}

static bool walk_index(walk *w, node *n, unsigned depth, gf_error *err)
{
	bool ok = true;

	if (n->busy || depth > GF_INDEX_DEPTH)
		return too_deep(w, n, err);
	if (!first_visit(w, n))
		return depth + n->height - 1 <= GF_INDEX_DEPTH || too_deep(w, n, err);
	n->busy = true;
	if (n->height == 0)
		n->height = 1;
	for (size_t i = 0; i < n->doc->n_items && ok; i++)
		ok = walk_child(w, n, &n->doc->items[i], depth, err);
	n->busy = false;
	return ok && add_push(w, n, err);
}

/* FORMAT.md 2: a manifest, and its subject, where it has one, is of this image or an earlier evidence. */
static bool walk_evidence(walk *w, const gf_digest *digest, gf_error *err)
{
	node *n = find_node(w, digest, NULL, err);
	char name[GF_DIGEST_SIZE];
	size_t subject;

	if (n == NULL)
		return false;
	gf_digest_text(digest, name);
	if (n->doc->media != GF_MEDIA_MANIFEST)
		return gf_fail(err, w->class, "graph-evidence", name, "evidence is a manifest, and this is an index");
	if (n->doc->has_subject) {
		subject = gf_map_get(&w->g->node_map, &n->doc->subject);
		if (subject == SIZE_MAX || w->g->nodes[subject]->tree != w->tree)
			return gf_fail(err, w->class, "graph-subject", name,
			    "the subject of this evidence is no index or manifest of its image and no earlier evidence "
			    "of it");
	}
	return walk_manifest(w, n, NULL, ROLE_EVIDENCE, err);
}

static bool walk_root(walk *w, const gf_root *root, gf_tree *out, gf_error *err)
{
	node *n;
	bool ok;

	w->tree++;
	w->out = out;
	w->platforms_room = w->pushes_room = w->needs_room = 0;
	n = find_node(w, &root->digest, NULL, err);
	ok = n != NULL && (out->media_type = gf_strdup(n->doc->media_type, err)) != NULL;
	if (ok) {
		out->size = gf_store_find(w->store, &root->digest)->len;
		ok = n->doc->media == GF_MEDIA_INDEX ? walk_index(w, n, 1, err)
						     : walk_manifest(w, n, NULL, ROLE_PLATFORM, err);
	}
	for (size_t i = 0; i < root->n_evidence && ok; i++)
		ok = walk_evidence(w, &root->evidence[i], err);
	return ok || gf_because(err, "image '%s'", root->name != NULL ? root->name : "");
}

/* ---- the order ---- */

/* Kind by kind, within a kind as they were found. */
static bool sort_blobs(walk *w, gf_error *err)
{
	gf_graph *pub = &w->g->pub;

	pub->blobs = gf_alloc(w->n_uses + 1, sizeof *pub->blobs, err);
	if (pub->blobs == NULL)
		return false;
	for (gf_kind kind = GF_KIND_JSON; kind <= GF_KIND_LAYER; kind++)
		for (size_t i = 0; i < w->n_uses; i++)
			if (w->uses[i].blob.kind == kind) {
				w->uses[i].place = pub->n_blobs;
				pub->blobs[pub->n_blobs++] = w->uses[i].blob;
			}
	for (size_t i = 0; i < pub->n_blobs; i++)
		if (!gf_map_put(&w->g->blob_map, &pub->blobs[i].digest, i, err))
			return false;
	for (gf_tree *t = pub->trees; w->uses != NULL && t < pub->trees + pub->n_trees; t++)
		for (size_t i = 0; i < t->n_needs; i++)
			t->needs[i] = w->uses[t->needs[i]].place;
	return true;
}

static bool check_caps(const walk *w, gf_error *err)
{
	const gf_graph *pub = &w->g->pub;
	char name[GF_DIGEST_SIZE];

	for (size_t i = 0; i < pub->n_blobs; i++)
		if (pub->blobs[i].kind == GF_KIND_EVIDENCE && pub->blobs[i].size > GF_EVIDENCE_MAX) {
			gf_digest_text(&pub->blobs[i].digest, name);
			return gf_fail(err, w->class, "too-large", name,
			    "a layer of an attestation or of evidence with %llu bytes, and %zu are allowed",
			    (unsigned long long)pub->blobs[i].size, GF_EVIDENCE_MAX);
		}
	return true;
}

static bool check_referenced(const walk *w, gf_error *err)
{
	char name[GF_DIGEST_SIZE];

	for (size_t i = 0; i < gf_store_count(w->store); i++) {
		const gf_digest *digest = gf_store_digest(w->store, i);
		size_t at = gf_graph_find(&w->g->pub, digest);

		if (at == SIZE_MAX || w->g->pub.blobs[at].kind != GF_KIND_JSON) {
			gf_digest_text(digest, name);
			return gf_fail(err, w->class, "graph-unreferenced", name, "no image uses it");
		}
	}
	return true;
}

gf_graph *gf_graph_build(const gf_store *store, const gf_root *roots, size_t n, gf_class class, gf_error *err)
{
	graph *g = gf_alloc(1, sizeof *g, err);
	walk w = { .g = g, .store = store, .class = class };
	bool ok = g != NULL;

	if (ok) {
		gf_map_init(&g->node_map);
		gf_map_init(&g->blob_map);
		g->pub.trees = gf_alloc(n + 1, sizeof *g->pub.trees, err);
		ok = g->pub.trees != NULL;
	}
	for (size_t i = 0; i < n && ok; i++) {
		g->pub.n_trees = i + 1;
		ok = walk_root(&w, &roots[i], &g->pub.trees[i], err);
	}
	ok = ok && sort_blobs(&w, err) && check_caps(&w, err) && check_referenced(&w, err);
	free(w.uses);
	if (!ok) {
		gf_graph_free(g != NULL ? &g->pub : NULL);
		return NULL;
	}
	return &g->pub;
}

static void clear_tree(gf_tree *t)
{
	for (size_t i = 0; i < t->n_platforms; i++) {
		free(t->platforms[i].platform);
		free(t->platforms[i].diff_ids);
	}
	free(t->platforms);
	free(t->pushes);
	free(t->needs);
	free(t->media_type);
}

void gf_graph_free(gf_graph *pub)
{
	graph *g = (graph *)pub; /* pub is its first member */

	if (g == NULL)
		return;
	for (gf_tree *t = pub->trees; t != NULL && t < pub->trees + pub->n_trees; t++)
		clear_tree(t);
	for (size_t i = 0; i < g->n_nodes; i++) {
		gf_document_free(g->nodes[i]->doc);
		free(g->nodes[i]);
	}
	free(g->nodes);
	free(pub->trees);
	free(pub->blobs);
	gf_map_clear(&g->node_map);
	gf_map_clear(&g->blob_map);
	free(g);
}

size_t gf_graph_find(const gf_graph *pub, const gf_digest *digest)
{
	const graph *g = (const graph *)pub;

	return gf_map_get(&g->blob_map, digest);
}

bool gf_chain_ids(const gf_digest *diff_ids, size_t n, gf_digest *chain, gf_error *err)
{
	char pair[2 * GF_DIGEST_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (i == 0) {
			chain[0] = diff_ids[0];
			continue;
		}
		gf_digest_text(&chain[i - 1], pair);
		pair[GF_DIGEST_SIZE - 1] = ' ';
		gf_digest_text(&diff_ids[i], pair + GF_DIGEST_SIZE);
		if (!gf_hash_bytes(pair, sizeof pair - 1, &chain[i], err))
			return false;
	}
	return true;
}
