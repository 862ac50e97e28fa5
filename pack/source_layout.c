/* source_layout: an OCI image layout, as a directory or inside a tar (OCI image-spec, image-layout.md). */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

struct gf_layout {
	gf_gathering *g;
	gf_archive *archive;
	gf_document *index;
};

#define BLOB_NAME_SIZE (sizeof "blobs/sha256/" + 64)

static void blob_name(const gf_digest *d, char out[BLOB_NAME_SIZE])
{
	memcpy(out, "blobs/sha256/", sizeof "blobs/sha256/" - 1);
	gf_digest_hex(d, out + sizeof "blobs/sha256/" - 1);
}

/* ---- opening ---- */

static bool check_version(gf_archive *a, const gf_entry *e, gf_error *err)
{
	gf_json_doc *doc = NULL;
	const char *version = NULL;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, 64 * GF_KIB);
	ok = gf_archive_load(a, e, 64 * GF_KIB, &text, err) &&
	    (doc = gf_json_parse(gf_buf_text(&text), text.len, text.max, GF_DAMAGED, "oci-layout", err)) != NULL &&
	    gf_json_string(gf_json_root(doc), "imageLayoutVersion", &version, err);
	if (ok && strcmp(version, "1.0.0") != 0)
		ok = gf_json_fail(gf_json_root(doc), "layout-version", err, "expected imageLayoutVersion '1.0.0'");
	gf_json_free(doc);
	gf_buf_clear(&text);
	return ok;
}

gf_layout *gf_layout_open(gf_gathering *g, gf_archive *a, gf_error *err)
{
	const gf_entry *index, *version;
	gf_layout *l = NULL;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = gf_archive_find(a, "index.json", &index, err) && index != NULL &&
	    gf_archive_find(a, "oci-layout", &version, err);
	if (ok && version == NULL)
		gf_event_say(g->events, GF_EVENT_WARNING, "%s: index.json without oci-layout; read as an OCI layout",
		    gf_archive_name(a));
	else if (ok)
		ok = check_version(a, version, err);
	if (ok && gf_archive_load(a, index, GF_JSON_BLOB_MAX, &text, err) &&
	    (l = gf_alloc(1, sizeof *l, err)) != NULL) {
		l->g = g;
		l->archive = a;
		l->index = gf_document_parse(&text, NULL, GF_DAMAGED, "index.json", err);
		if (l->index != NULL && l->index->media != GF_MEDIA_INDEX) {
			gf_fail(err, GF_DAMAGED, "media-type", "index.json", "index.json is not an index");
			gf_document_free(l->index);
			l->index = NULL;
		}
		if (l->index == NULL) {
			gf_layout_close(l);
			l = NULL;
		}
	}
	gf_buf_clear(&text);
	return l;
}

void gf_layout_close(gf_layout *l)
{
	if (l == NULL)
		return;
	gf_document_free(l->index);
	free(l);
}

size_t gf_layout_count(const gf_layout *l)
{
	return l->index->n_items;
}

/* ---- documents ---- */

/* The blob of a descriptor; *out NULL: not in this layout. */
static bool find_blob(gf_layout *l, const gf_descriptor *d, const gf_entry **out, gf_error *err)
{
	char name[BLOB_NAME_SIZE];

	blob_name(&d->digest, name);
	if (!gf_archive_find(l->archive, name, out, err))
		return false;
	if (*out != NULL && (*out)->size != d->size)
		return gf_fail(err, GF_DAMAGED, "blob-size", name, "expected %llu bytes, found %llu in '%s'",
		    (unsigned long long)d->size, (unsigned long long)(*out)->size, gf_archive_name(l->archive));
	return true;
}

/* Its bytes, of the right digest; *there false: not in this layout. */
static bool load_blob(gf_layout *l, const gf_descriptor *d, gf_buf *out, bool *there, gf_error *err)
{
	const gf_entry *e;
	gf_digest found;

	if (!find_blob(l, d, &e, err))
		return false;
	*there = e != NULL;
	if (e == NULL)
		return true;
	if (!gf_archive_load(l->archive, e, GF_JSON_BLOB_MAX, out, err) ||
	    !gf_hash_bytes(gf_buf_text(out), out->len, &found, err))
		return false;
	return gf_digest_equal(&found, &d->digest) ||
	    gf_fail(err, GF_DAMAGED, "blob-digest", e->name, "the bytes of '%s' in '%s' have another digest", e->name,
		gf_archive_name(l->archive));
}

/* *out NULL: not in this layout.  text keeps the bytes. */
static bool load_document(gf_layout *l, const gf_descriptor *d, gf_buf *text, gf_document **out, gf_error *err)
{
	char name[GF_DIGEST_SIZE];
	bool there;

	*out = NULL;
	if (!load_blob(l, d, text, &there, err))
		return false;
	if (!there)
		return true;
	gf_digest_text(&d->digest, name);
	*out = gf_document_parse(text, d->media_type, GF_DAMAGED, name, err);
	return *out != NULL;
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
static bool complete(gf_layout *l, const gf_descriptor *d, unsigned depth, bool *all, gf_digest *missing, gf_error *err)
{
	gf_document *doc = NULL;
	const gf_entry *e = NULL;
	gf_buf text;
	bool ok;

	if (too_deep(depth, err))
		return false;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(l, d, &text, &doc, err);
	gf_buf_clear(&text);
	*missing = d->digest;
	*all = ok && doc != NULL;
	if (*all && doc->media == GF_MEDIA_MANIFEST) {
		*missing = doc->config.digest;
		ok = find_blob(l, &doc->config, &e, err);
		*all = ok && e != NULL;
	}
	for (size_t i = 0; *all && i < doc->n_items; i++) {
		if (doc->media == GF_MEDIA_INDEX) {
			ok = complete(l, &doc->items[i], depth + 1, all, missing, err);
		} else {
			*missing = doc->items[i].digest;
			ok = find_blob(l, &doc->items[i], &e, err);
			*all = ok && e != NULL;
		}
		*all = *all && ok;
	}
	gf_document_free(doc);
	return ok;
}

/* Into the gathering: a document that is complete, with all below it. */
static bool add_tree(gf_layout *l, const gf_descriptor *d, gf_error *err)
{
	gf_document *doc = NULL;
	gf_buf text;
	bool ok, there = true;

	if (gf_gathering_text(l->g, &d->digest) != NULL)
		return true;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok =
	    load_document(l, d, &text, &doc, err) && doc != NULL && gf_gathering_add_text(l->g, &d->digest, &text, err);
	for (size_t i = 0; ok && i < doc->n_items; i++) {
		gf_spot spot = { .digest = doc->items[i].digest, .size = doc->items[i].size, .archive = l->archive };
		if (doc->media == GF_MEDIA_INDEX)
			ok = add_tree(l, &doc->items[i], err);
		else
			ok = find_blob(l, &doc->items[i], &spot.entry, err) && gf_gathering_add_spot(l->g, &spot, err);
	}
	if (ok && doc->media == GF_MEDIA_MANIFEST)
		ok = load_blob(l, &doc->config, &text, &there, err) &&
		    gf_gathering_add_text(l->g, &doc->config.digest, &text, err);
	gf_document_free(doc);
	gf_buf_clear(&text);
	return ok;
}

/* ---- names ---- */

bool gf_layout_name(const gf_layout *l, size_t i, char out[GF_REFERENCE_SIZE])
{
	const gf_descriptor *d = &l->index->items[i];
	const char *said = d->image_name;
	gf_error unused;
	bool bare;

	/* What buildx and Docker put into ref.name is the tag alone (image-protocols.md 1.4). */
	if (said == NULL && d->ref_name != NULL && strpbrk(d->ref_name, "/:") != NULL)
		said = d->ref_name;
	return said != NULL && gf_name_complete(said, out, &bare, &unused);
}

/* REF may be the complete name, what Docker would complete to it, ref.name as it stands, or the tag. */
static bool matches(const gf_layout *l, size_t i, const char *ref)
{
	const gf_descriptor *d = &l->index->items[i];
	char name[GF_REFERENCE_SIZE], full[GF_REFERENCE_SIZE];
	gf_reference parsed;
	gf_error unused;
	bool bare;

	if ((d->ref_name != NULL && strcmp(d->ref_name, ref) == 0) ||
	    (d->image_name != NULL && strcmp(d->image_name, ref) == 0))
		return true;
	if (!gf_layout_name(l, i, name))
		return false;
	if (gf_name_complete(ref, full, &bare, &unused) && strcmp(name, full) == 0)
		return true;
	return gf_reference_parse(name, &parsed, &unused) && strcmp(parsed.tag, ref) == 0;
}

static bool no_match(const gf_layout *l, const char *ref, gf_error *err)
{
	char name[GF_REFERENCE_SIZE];
	gf_buf has;

	gf_buf_init(&has, 700);
	for (size_t i = 0; i < l->index->n_items; i++) {
		const char *shown = gf_layout_name(l, i, name) ? name : l->index->items[i].ref_name;
		gf_error full;
		if (shown != NULL &&
		    (!gf_buf_puts(&has, has.len > 0 ? ", " : "", &full) || !gf_text_escape(&has, shown, 200, &full)))
			break;
	}
	gf_fail(err, GF_USAGE, "no-image", ref, "'%s' has no image '%s'; it has %s", gf_archive_name(l->archive), ref,
	    has.len > 0 ? gf_buf_text(&has) : "images without a name only: leave the reference out");
	gf_buf_clear(&has);
	return false;
}

/* ---- listing ---- */

static gf_listed *list(gf_layout *l, size_t item, const char *transport, const gf_descriptor *root, gf_error *err)
{
	char name[GF_REFERENCE_SIZE];
	gf_listed *image;

	if (!add_tree(l, root, err) || (image = gf_gathering_image(l->g, err)) == NULL)
		return NULL;
	image->transport = transport;
	image->root = root->digest;
	image->item = item;
	image->media_type = gf_strdup(root->media_type, err);
	if (image->media_type == NULL || (gf_layout_name(l, item, name) && !gf_listed_name(image, name, err)))
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
static bool platform_of(gf_layout *l, const gf_descriptor *d, char **out, gf_error *err)
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
	} else if ((ok = load_document(l, d, &text, &doc, err)) && doc != NULL && doc->media == GF_MEDIA_MANIFEST) {
		ok = load_blob(l, &doc->config, &text, &there, err);
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
static bool list_children(gf_layout *l, size_t item, const char *transport, const gf_descriptor *parent,
    const gf_digest *source, unsigned depth, gf_error *err)
{
	gf_document *doc = NULL;
	gf_buf text;
	bool ok;

	if (too_deep(depth, err))
		return false;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(l, parent, &text, &doc, err);
	for (size_t i = 0; ok && doc != NULL && i < doc->n_items; i++) {
		const gf_descriptor *child = &doc->items[i];
		gf_digest missing;
		bool all = false;
		ok = complete(l, child, depth + 1, &all, &missing, err);
		if (!ok || (child->platform != NULL && strcmp(child->platform, "unknown/unknown") == 0))
			continue;
		if (gf_media_of(child->media_type) == GF_MEDIA_INDEX) {
			ok = list_children(l, item, transport, child, source, depth + 1, err);
		} else if (all) {
			gf_listed *image = list(l, item, transport, child, err);
			ok = image != NULL && platform_of(l, child, &image->platform, err);
			if (ok) {
				image->has_source_index = true;
				image->source_index = *source;
			}
		}
	}
	gf_document_free(doc);
	gf_buf_clear(&text);
	return ok;
}

static bool list_sparse(gf_layout *l, size_t item, const char *transport, const gf_descriptor *root,
    const gf_digest *missing, gf_error *err)
{
	size_t first = l->g->n_images, n;
	char index[GF_DIGEST_SIZE], lacks[GF_DIGEST_SIZE];
	bool ok;

	gf_digest_text(&root->digest, index);
	gf_digest_text(missing, lacks);
	if (!list_children(l, item, transport, root, &root->digest, 1, err))
		return false;
	n = l->g->n_images - first;
	if (n == 0)
		return gf_fail(err, GF_DAMAGED, "sparse", index,
		    "no image of index %s is complete in '%s' (%s is absent): pull it again for a platform and save that",
		    index, gf_archive_name(l->archive), lacks);
	ok = true;
	for (size_t i = first; ok && n > 1 && i < l->g->n_images; i++)
		ok = add_suffix(&l->g->images[i], l->g->images[i].platform, err);
	if (ok)
		gf_event_say(l->g->events, GF_EVENT_WARNING,
		    "%s: index %s is not complete here (%s is absent): %zu of its images %s packed, the index is not",
		    gf_archive_name(l->archive), index, lacks, n, n == 1 ? "is" : "are");
	return ok;
}

/* An entry that nobody named and that says it belongs to another: an attestation or a signature. */
static bool is_referrer(gf_layout *l, const gf_descriptor *d, bool *is, gf_error *err)
{
	gf_document *doc = NULL;
	gf_buf text;
	bool ok;

	*is = false;
	if (d->ref_name != NULL || d->image_name != NULL)
		return true;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(l, d, &text, &doc, err);
	*is = ok && doc != NULL && doc->has_subject;
	gf_document_free(doc);
	gf_buf_clear(&text);
	return ok;
}

static bool list_item(gf_layout *l, size_t i, const char *transport, gf_error *err)
{
	const gf_descriptor *d = &l->index->items[i];
	char digest[GF_DIGEST_SIZE], lacks[GF_DIGEST_SIZE];
	gf_digest missing;
	bool all, referrer;

	gf_digest_text(&d->digest, digest);
	if (!is_referrer(l, d, &referrer, err) || (!referrer && !complete(l, d, 0, &all, &missing, err)))
		return false;
	if (referrer) {
		gf_event_say(l->g->events, GF_EVENT_NOTE, "%s: %s refers to another image and has no name; left out",
		    gf_archive_name(l->archive), digest);
		return true;
	}
	if (all)
		return list(l, i, transport, d, err) != NULL;
	if (gf_media_of(d->media_type) == GF_MEDIA_INDEX)
		return list_sparse(l, i, transport, d, &missing, err);
	gf_digest_text(&missing, lacks);
	return gf_fail(err, GF_DAMAGED, "layer-missing", digest,
	    "image %s is hollow: '%s' does not hold its %s; pull or build it again and save it again", digest,
	    gf_archive_name(l->archive), lacks);
}

bool gf_layout_list(gf_layout *l, const char *transport, const gf_wanted *want, const bool *chosen, gf_error *err)
{
	size_t found = 0;

	for (size_t i = 0; i < l->index->n_items; i++) {
		if ((chosen != NULL && !chosen[i]) || (want->reference != NULL && !matches(l, i, want->reference)))
			continue;
		found++;
		if (!list_item(l, i, transport, err))
			return gf_because(err, "'%s'", gf_archive_name(l->archive));
	}
	if (found == 0 && want->reference != NULL)
		return no_match(l, want->reference, err);
	return found > 0 ||
	    gf_fail(err, GF_DAMAGED, "archive-empty", gf_archive_name(l->archive), "'%s' holds no image",
		gf_archive_name(l->archive));
}

static bool visit_below(gf_layout *l, size_t item, const gf_descriptor *d, unsigned depth, gf_layout_visitor visit,
    void *ctx, gf_error *err)
{
	gf_document *doc = NULL;
	gf_buf text;
	bool ok;

	if (too_deep(depth, err))
		return false;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = load_document(l, d, &text, &doc, err);
	gf_buf_clear(&text);
	if (ok && doc != NULL && doc->media == GF_MEDIA_MANIFEST)
		ok = visit(ctx, item, &d->digest, doc, err);
	else
		for (size_t i = 0; ok && doc != NULL && i < doc->n_items; i++)
			ok = visit_below(l, item, &doc->items[i], depth + 1, visit, ctx, err);
	gf_document_free(doc);
	return ok;
}

bool gf_layout_visit(gf_layout *l, gf_layout_visitor visit, void *ctx, gf_error *err)
{
	for (size_t i = 0; i < l->index->n_items; i++)
		if (!visit_below(l, i, &l->index->items[i], 0, visit, ctx, err))
			return false;
	return true;
}
