/*
 * tree: OCI documents from a descriptor down, whatever origin they are in.
 *
 * A document may be reached in many ways, by an index as wide as its bytes allow, and index.json may name one
 * root a thousand times.  So what was found of a document is remembered, and all looking is counted for the whole gathering.
 */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

/* A document costs a step for each of its items and each KiB.  The documents of a bundle, which are at most
 * GF_JSON_BLOBS_MAX, have no more than 300,000 items together, and are looked at twice or three times. */
#define STEPS_MAX GF_GRAPH_USES_MAX

static bool spend(gf_gathering *g, size_t steps, gf_error *err)
{
	g->steps += steps;
	return g->steps <= STEPS_MAX ||
	    gf_fail(err, GF_DAMAGED, "graph-limit", NULL,
		"the indexes of the sources have more than %zu items, counted each time one is used", STEPS_MAX);
}

/* ---- documents ---- */

/* The bytes of a document, of the right size and digest; *there false: not in this origin. */
static bool load_blob(gf_origin *o, const gf_descriptor *d, gf_buf *out, bool *there, gf_error *err)
{
	char name[GF_DIGEST_SIZE];
	gf_digest found;

	*there = false;
	if (!o->ops->load(o, d, out, there, err))
		return false;
	if (!*there)
		return true;
	gf_digest_text(&d->digest, name);
	if (out->len != d->size)
		return gf_fail(err, GF_DAMAGED, "blob-size", name, "expected %llu bytes, found %zu in '%s'",
		    (unsigned long long)d->size, out->len, o->name);
	return gf_hash_bytes(gf_buf_text(out), out->len, &found, err) &&
	    (gf_digest_equal(&found, &d->digest) ||
		gf_fail(err, GF_DAMAGED, "blob-digest", name, "the bytes of '%s' in '%s' have another digest", name,
		    o->name));
}

/* text keeps the bytes. */
static bool load_document(gf_origin *o, const gf_descriptor *d, gf_buf *text, gf_document **out, gf_error *err)
{
	char name[GF_DIGEST_SIZE];
	bool there;

	*out = NULL;
	if (!load_blob(o, d, text, &there, err))
		return false;
	if (!there)
		return true;
	gf_digest_text(&d->digest, name);
	*out = gf_document_parse(text, d->media_type, GF_DAMAGED, name, err);
	return *out != NULL;
}

bool gf_tree_document(gf_gathering *g, gf_origin *o, const gf_descriptor *d, gf_document **out, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(o, d, &text, out, err) &&
	    spend(g, 1 + text.len / GF_KIB + (*out != NULL ? (*out)->n_items : 0), err);
	if (!ok) {
		gf_document_free(*out);
		*out = NULL;
	}
	gf_buf_clear(&text);
	return ok;
}

bool gf_tree_depth(unsigned depth, gf_error *err)
{
	return depth <= GF_INDEX_DEPTH ||
	    gf_fail(
		err, GF_DAMAGED, "graph-depth", NULL, "indexes lie more than %d deep in each other", GF_INDEX_DEPTH);
}

bool gf_tree_platform(gf_gathering *g, gf_origin *o, const gf_descriptor *d, char **out, gf_error *err)
{
	gf_document *doc = NULL;
	gf_config *config = NULL;
	gf_error unused;
	gf_buf text;
	bool ok = true, there = false;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	*out = NULL;
	if (d->platform != NULL) {
		ok = (*out = gf_strdup(d->platform, err)) != NULL;
	} else if ((ok = gf_tree_document(g, o, d, &doc, err)) && doc != NULL && doc->media == GF_MEDIA_MANIFEST) {
		ok = load_blob(o, &doc->config, &text, &there, err) && spend(g, text.len / GF_KIB, err);
		config = ok && there ? gf_config_parse(&text, GF_DAMAGED, "config", &unused) : NULL;
		if (config != NULL && config->platform != NULL)
			ok = (*out = gf_strdup(config->platform, err)) != NULL;
	}
	gf_config_free(config);
	gf_document_free(doc);
	gf_buf_clear(&text);
	return ok;
}

/* ---- is all there ---- */

static bool judge(
    gf_gathering *g, gf_origin *o, const gf_descriptor *d, unsigned depth, gf_wholeness *v, gf_error *err);

/* v: the first that is not there, or that all is. */
static bool judge_items(
    gf_gathering *g, gf_origin *o, const gf_document *doc, unsigned depth, gf_wholeness *v, gf_error *err)
{
	gf_spot spot;
	bool ok = true;

	if (doc->media == GF_MEDIA_MANIFEST) {
		v->missing = doc->config.digest;
		ok = gf_origin_find(o, &doc->config, &spot, &v->all, err);
	}
	for (size_t i = 0; ok && v->all && i < doc->n_items; i++) {
		const gf_descriptor *item = &doc->items[i];
		if (doc->media == GF_MEDIA_INDEX) {
			ok = judge(g, o, item, depth + 1, v, err);
		} else {
			v->missing = item->digest;
			ok = gf_origin_find(o, item, &spot, &v->all, err);
		}
	}
	return ok;
}

/* Once for each document: the depth of one that was judged at another is the graph's to refuse. */
static bool judge(gf_gathering *g, gf_origin *o, const gf_descriptor *d, unsigned depth, gf_wholeness *v, gf_error *err)
{
	size_t known = gf_map_get(&g->verdict_map, &d->digest);
	gf_document *doc = NULL;
	bool ok;

	if (!gf_tree_depth(depth, err))
		return false;
	if (known != SIZE_MAX && g->verdicts[known].origin == o) {
		*v = g->verdicts[known];
		return true;
	}
	*v = (gf_wholeness){ .origin = o, .missing = d->digest };
	ok = gf_tree_document(g, o, d, &doc, err);
	if (ok && doc != NULL) {
		v->all = true;
		ok = judge_items(g, o, doc, depth, v, err);
	}
	gf_document_free(doc);
	return ok && gf_grow(&g->verdicts, &g->verdicts_room, g->n_verdicts, sizeof *g->verdicts, err) &&
	    gf_map_put(&g->verdict_map, &d->digest, g->n_verdicts, err) && (g->verdicts[g->n_verdicts++] = *v, true);
}

bool gf_tree_complete(
    gf_gathering *g, gf_origin *o, const gf_descriptor *d, unsigned depth, bool *all, gf_digest *missing, gf_error *err)
{
	gf_wholeness v = { 0 };
	bool ok = judge(g, o, d, depth, &v, err);

	*all = ok && v.all;
	*missing = v.missing;
	return ok;
}

bool gf_tree_add(gf_gathering *g, gf_origin *o, const gf_descriptor *d, gf_error *err)
{
	gf_document *doc = NULL;
	gf_buf text;
	bool ok, there = true;

	if (gf_gathering_text(g, &d->digest) != NULL)
		return true;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(o, d, &text, &doc, err) && doc != NULL && gf_gathering_add_text(g, &d->digest, &text, err);
	for (size_t i = 0; ok && i < doc->n_items; i++) {
		gf_spot spot;
		if (doc->media == GF_MEDIA_INDEX)
			ok = gf_tree_add(g, o, &doc->items[i], err);
		else
			ok = gf_origin_find(o, &doc->items[i], &spot, &there, err) &&
			    gf_gathering_add_spot(g, &spot, err);
	}
	if (ok && doc->media == GF_MEDIA_MANIFEST)
		ok = load_blob(o, &doc->config, &text, &there, err) &&
		    gf_gathering_add_text(g, &doc->config.digest, &text, err);
	gf_document_free(doc);
	gf_buf_clear(&text);
	return ok;
}

/* ---- looking at all of it ---- */

static bool visit_below(gf_gathering *g, gf_origin *o, size_t item, const gf_descriptor *d, unsigned depth,
    gf_tree_visitor visit, void *ctx, gf_error *err)
{
	gf_document *doc = NULL;
	bool ok;

	if (!gf_tree_depth(depth, err))
		return false;
	ok = gf_tree_document(g, o, d, &doc, err);
	if (ok && doc != NULL && doc->media == GF_MEDIA_MANIFEST)
		ok = visit(ctx, item, &d->digest, doc, err);
	else
		for (size_t i = 0; ok && doc != NULL && i < doc->n_items; i++)
			ok = visit_below(g, o, item, &doc->items[i], depth + 1, visit, ctx, err);
	gf_document_free(doc);
	return ok;
}

bool gf_tree_visit(
    gf_gathering *g, gf_origin *o, size_t item, const gf_descriptor *d, gf_tree_visitor visit, void *ctx, gf_error *err)
{
	return visit_below(g, o, item, d, 0, visit, ctx, err);
}
