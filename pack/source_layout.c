/* source_layout: an OCI image layout, as a directory or inside a tar (OCI image-spec, image-layout.md). */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

/* An entry that nobody named and that says it belongs to another: a signature, an SBOM. */
typedef struct referrer {
	size_t item;
	gf_digest subject;
	bool taken;
} referrer;

struct gf_layout {
	gf_gathering *g;
	gf_archive *archive;
	gf_document *index;
	gf_map listed; /* the first image of each root */
	referrer *referrers;
	size_t n_referrers, referrers_room;
};

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
		gf_map_init(&l->listed);
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
	gf_map_clear(&l->listed);
	free(l->referrers);
	free(l);
}

size_t gf_layout_count(const gf_layout *l)
{
	return l->index->n_items;
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

static bool look_for_referrer(gf_layout *l, size_t i, gf_error *err)
{
	const gf_descriptor *d = &l->index->items[i];
	gf_document *doc = NULL;
	bool ok;

	if (d->ref_name != NULL || d->image_name != NULL || gf_media_of(d->media_type) == GF_MEDIA_OTHER)
		return true;
	ok = gf_tree_document(l->g, gf_archive_origin(l->archive), d, &doc, err);
	if (ok && doc != NULL && doc->has_subject) {
		ok = gf_grow(&l->referrers, &l->referrers_room, l->n_referrers, sizeof *l->referrers, err);
		if (ok)
			l->referrers[l->n_referrers++] = (referrer){ .item = i, .subject = doc->subject };
	}
	gf_document_free(doc);
	return ok;
}

/* Those of all items, whichever of them are wanted as images. */
static bool look_for_referrers(gf_layout *l, gf_error *err)
{
	l->n_referrers = 0;
	for (size_t i = 0; i < l->index->n_items; i++)
		if (!look_for_referrer(l, i, err))
			return false;
	return true;
}

static bool is_referrer(const gf_layout *l, size_t i)
{
	for (size_t k = 0; k < l->n_referrers; k++)
		if (l->referrers[k].item == i)
			return true;
	return false;
}

/* Evidence is a manifest, never an index (FORMAT.md 2). */
static bool each_referrer(void *ctx, const gf_digest *subject, gf_referrer_take *take, void *take_ctx, gf_error *err)
{
	gf_layout *l = ctx;

	for (size_t k = 0; k < l->n_referrers; k++) {
		referrer *r = &l->referrers[k];
		const gf_descriptor *d = &l->index->items[r->item];

		if (gf_media_of(d->media_type) == GF_MEDIA_INDEX || !gf_digest_equal(&r->subject, subject))
			continue;
		r->taken = true;
		if (!take(take_ctx, d, err))
			return false;
	}
	return true;
}

static void say_left_out(const gf_layout *l)
{
	char digest[GF_DIGEST_SIZE];

	for (size_t k = 0; k < l->n_referrers; k++) {
		if (l->referrers[k].taken)
			continue;
		gf_digest_text(&l->index->items[l->referrers[k].item].digest, digest);
		gf_event_say(l->g->events, GF_EVENT_NOTE, "%s: %s refers to another image and has no name; left out",
		    gf_archive_name(l->archive), digest);
	}
}

/* A root that index.json names again: one more name for what became of it. */
static bool name_again(gf_layout *l, size_t first, const char *name, gf_error *err)
{
	size_t item = l->g->images[first].item;
	bool ok = true;

	for (size_t i = first; ok && i < l->g->n_images && l->g->images[i].item == item; i++)
		ok = gf_listed_name(&l->g->images[i], name, err);
	return ok;
}

static bool list_item(gf_layout *l, size_t i, const char *transport, gf_error *err)
{
	const gf_descriptor *d = &l->index->items[i];
	char name[GF_REFERENCE_SIZE];
	gf_offer offer = { .origin = gf_archive_origin(l->archive), .root = d, .transport = transport, .item = i };
	size_t known = gf_map_get(&l->listed, &d->digest), first = l->g->n_images;

	if (is_referrer(l, i))
		return true;
	if (gf_layout_name(l, i, name))
		offer.name = name;
	if (known != SIZE_MAX)
		return offer.name == NULL || name_again(l, known, name, err);
	return gf_offer_take(l->g, &offer, err) && gf_map_put(&l->listed, &d->digest, first, err);
}

bool gf_layout_list(gf_layout *l, const char *transport, const gf_wanted *want, const bool *chosen, gf_error *err)
{
	size_t found = 0, first = l->g->n_images;

	if (!look_for_referrers(l, err))
		return gf_because(err, "'%s'", gf_archive_name(l->archive));
	for (size_t i = 0; i < l->index->n_items; i++) {
		if ((chosen != NULL && !chosen[i]) || (want->reference != NULL && !matches(l, i, want->reference)))
			continue;
		found++;
		if (!list_item(l, i, transport, err))
			return gf_because(err, "'%s'", gf_archive_name(l->archive));
	}
	if (!gf_evidence_find(l->g, gf_archive_origin(l->archive), first, each_referrer, l, err))
		return gf_because(err, "'%s'", gf_archive_name(l->archive));
	say_left_out(l);
	if (found == 0 && want->reference != NULL)
		return no_match(l, want->reference, err);
	return found > 0 ||
	    gf_fail(err, GF_DAMAGED, "archive-empty", gf_archive_name(l->archive), "'%s' holds no image",
		gf_archive_name(l->archive));
}

bool gf_layout_visit(gf_layout *l, gf_tree_visitor visit, void *ctx, gf_error *err)
{
	for (size_t i = 0; i < l->index->n_items; i++)
		if (!gf_tree_visit(l->g, gf_archive_origin(l->archive), i, &l->index->items[i], visit, ctx, err))
			return false;
	return true;
}
