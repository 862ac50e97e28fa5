/* tree: OCI documents from a descriptor down, whatever origin they are in. */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

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

bool gf_tree_document(gf_origin *o, const gf_descriptor *d, gf_document **out, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(o, d, &text, out, err);
	gf_buf_clear(&text);
	return ok;
}

static bool too_deep(unsigned depth, gf_error *err)
{
	return depth > GF_INDEX_DEPTH &&
	    !gf_fail(
		err, GF_DAMAGED, "graph-depth", NULL, "indexes lie more than %d deep in each other", GF_INDEX_DEPTH);
}

/*
 * Is all there, down to the layers?  missing gets the first that is not.  Bytes of layers are not read, those of
 * documents are.
 */
static bool complete(gf_origin *o, const gf_descriptor *d, unsigned depth, bool *all, gf_digest *missing, gf_error *err)
{
	gf_document *doc = NULL;
	gf_spot spot;
	bool ok;

	if (too_deep(depth, err))
		return false;
	ok = gf_tree_document(o, d, &doc, err);
	*missing = d->digest;
	*all = ok && doc != NULL;
	if (*all && doc->media == GF_MEDIA_MANIFEST) {
		*missing = doc->config.digest;
		ok = gf_origin_find(o, &doc->config, &spot, all, err);
		*all = *all && ok;
	}
	for (size_t i = 0; *all && i < doc->n_items; i++) {
		if (doc->media == GF_MEDIA_INDEX) {
			ok = complete(o, &doc->items[i], depth + 1, all, missing, err);
		} else {
			*missing = doc->items[i].digest;
			ok = gf_origin_find(o, &doc->items[i], &spot, all, err);
		}
		*all = *all && ok;
	}
	gf_document_free(doc);
	return ok;
}

/* Into the gathering: a document that is complete, with all below it. */
static bool add_tree(gf_gathering *g, gf_origin *o, const gf_descriptor *d, gf_error *err)
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
			ok = add_tree(g, o, &doc->items[i], err);
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

/* ---- images ---- */

static gf_listed *list(gf_gathering *g, const gf_offer *o, const gf_descriptor *root, gf_error *err)
{
	gf_listed *image;

	if (!add_tree(g, o->origin, root, err) || (image = gf_gathering_image(g, err)) == NULL)
		return NULL;
	image->root = root->digest;
	image->item = o->item;
	image->transport = gf_strdup(o->transport, err);
	image->media_type = gf_strdup(root->media_type, err);
	if (image->transport == NULL || image->media_type == NULL ||
	    (o->name != NULL && !gf_listed_name(image, o->name, err)))
		return NULL;
	return image;
}

/* "NAME:TAG" becomes "NAME:TAG-linux-arm64". */
static bool add_suffix(gf_listed *image, const char *platform, gf_error *err)
{
	char name[GF_REFERENCE_SIZE];
	gf_reference r;
	size_t at;

	if (image->n_names == 0)
		return true;
	if (!gf_reference_parse(image->names[0], &r, err))
		return false;
	at = strlen(r.tag);
	if (at + 1 + strlen(platform) >= sizeof r.tag)
		return gf_fail(err, GF_USAGE, "reference", image->names[0],
		    "the tag of '%s' is too long to name the platform '%s' in it; choose names with --name",
		    image->names[0], platform);
	r.tag[at] = '-';
	for (const char *p = platform; *p != '\0'; p++)
		r.tag[++at] = *p;
	r.tag[at + 1] = '\0';
	for (char *p = r.tag; *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
	gf_reference_print(&r, name);
	free(image->names[0]);
	image->names[0] = NULL;
	image->n_names = 0;
	return gf_listed_name(image, name, err);
}

/* The platform of a child: its descriptor's word, else its config's. */
static bool platform_of(gf_origin *o, const gf_descriptor *d, char **out, gf_error *err)
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
	} else if ((ok = load_document(o, d, &text, &doc, err)) && doc != NULL && doc->media == GF_MEDIA_MANIFEST) {
		ok = load_blob(o, &doc->config, &text, &there, err);
		config = ok && there ? gf_config_parse(&text, GF_DAMAGED, "config", &unused) : NULL;
		if (config != NULL && config->platform != NULL)
			ok = (*out = gf_strdup(config->platform, err)) != NULL;
	}
	if (ok && *out == NULL)
		ok = (*out = gf_strdup("unknown", err)) != NULL;
	gf_config_free(config);
	gf_document_free(doc);
	gf_buf_clear(&text);
	return ok;
}

/*
 * An index of which something is absent: its complete children, one image each, with the index as a claim
 * (FORMAT.md 2).  Attestations go with their index.
 */
static bool list_children(
    gf_gathering *g, const gf_offer *o, const gf_descriptor *parent, unsigned depth, gf_error *err)
{
	gf_document *doc = NULL;
	bool ok;

	if (too_deep(depth, err))
		return false;
	ok = gf_tree_document(o->origin, parent, &doc, err);
	for (size_t i = 0; ok && doc != NULL && i < doc->n_items; i++) {
		const gf_descriptor *child = &doc->items[i];
		gf_digest missing;
		bool all = false;
		ok = complete(o->origin, child, depth + 1, &all, &missing, err);
		if (!ok || (child->platform != NULL && strcmp(child->platform, "unknown/unknown") == 0))
			continue;
		if (gf_media_of(child->media_type) == GF_MEDIA_INDEX) {
			ok = list_children(g, o, child, depth + 1, err);
		} else if (all) {
			gf_listed *image = list(g, o, child, err);
			ok = image != NULL && platform_of(o->origin, child, &image->platform, err);
			if (ok) {
				image->has_source_index = true;
				image->source_index = o->root->digest;
			}
		}
	}
	gf_document_free(doc);
	return ok;
}

static bool list_sparse(gf_gathering *g, const gf_offer *o, const gf_digest *missing, gf_error *err)
{
	size_t first = g->n_images, n;
	char index[GF_DIGEST_SIZE], lacks[GF_DIGEST_SIZE];
	bool ok;

	gf_digest_text(&o->root->digest, index);
	gf_digest_text(missing, lacks);
	if (!list_children(g, o, o->root, 1, err))
		return false;
	n = g->n_images - first;
	if (n == 0)
		return gf_fail(err, GF_DAMAGED, "sparse", index,
		    "no image of index %s is complete in '%s' (%s is absent): pull it again for a platform and save that",
		    index, o->origin->name, lacks);
	ok = true;
	for (size_t i = first; ok && n > 1 && i < g->n_images; i++)
		ok = add_suffix(&g->images[i], g->images[i].platform, err);
	if (ok)
		gf_event_say(g->events, GF_EVENT_WARNING,
		    "%s: index %s is not complete here (%s is absent): %zu of its images %s packed, the index is not",
		    o->origin->name, index, lacks, n, n == 1 ? "is" : "are");
	return ok;
}

bool gf_offer_take(gf_gathering *g, const gf_offer *o, gf_error *err)
{
	char digest[GF_DIGEST_SIZE], lacks[GF_DIGEST_SIZE];
	gf_digest missing;
	bool all;

	if (!complete(o->origin, o->root, 0, &all, &missing, err))
		return false;
	if (all)
		return list(g, o, o->root, err) != NULL;
	if (gf_media_of(o->root->media_type) == GF_MEDIA_INDEX)
		return list_sparse(g, o, &missing, err);
	gf_digest_text(&o->root->digest, digest);
	gf_digest_text(&missing, lacks);
	return gf_fail(err, GF_DAMAGED, "layer-missing", digest,
	    "image %s is hollow: '%s' does not hold its %s; pull or build it again and save it again", digest,
	    o->origin->name, lacks);
}

/* ---- looking at all of it ---- */

static bool visit_below(
    gf_origin *o, size_t item, const gf_descriptor *d, unsigned depth, gf_tree_visitor visit, void *ctx, gf_error *err)
{
	gf_document *doc = NULL;
	bool ok;

	if (too_deep(depth, err))
		return false;
	ok = gf_tree_document(o, d, &doc, err);
	if (ok && doc != NULL && doc->media == GF_MEDIA_MANIFEST)
		ok = visit(ctx, item, &d->digest, doc, err);
	else
		for (size_t i = 0; ok && doc != NULL && i < doc->n_items; i++)
			ok = visit_below(o, item, &doc->items[i], depth + 1, visit, ctx, err);
	gf_document_free(doc);
	return ok;
}

bool gf_tree_visit(gf_origin *o, size_t item, const gf_descriptor *d, gf_tree_visitor visit, void *ctx, gf_error *err)
{
	return visit_below(o, item, d, 0, visit, ctx, err);
}
