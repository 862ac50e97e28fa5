/* evidence: what refers to an image by its subject goes with it (FORMAT.md 2), and what refers to that. */
#include "pack/source.h"

#include <stdlib.h>

#define EVIDENCE_MAX 1024 /* of one image */

/* One image, and what referrers are asked for. */
typedef struct finding {
	gf_gathering *g;
	gf_origin *origin;
	gf_listed *image;
	gf_digest *subjects; /* its manifests, then its evidence as it is found */
	size_t n, room;
} finding;

static bool add_subject(finding *f, const gf_digest *digest, gf_error *err)
{
	if (!gf_grow(&f->subjects, &f->room, f->n, sizeof *f->subjects, err))
		return false;
	f->subjects[f->n++] = *digest;
	return true;
}

static bool see_manifest(void *ctx, size_t item, const gf_digest *manifest, const gf_document *document, gf_error *err)
{
	finding *f = ctx;

	(void)item;
	(void)document;
	return gf_digest_equal(manifest, &f->image->root) || add_subject(f, manifest, err);
}

bool gf_listed_evidence(gf_listed *l, const gf_digest *digest, gf_error *err)
{
	for (size_t i = 0; i < l->n_evidence; i++)
		if (gf_digest_equal(&l->evidence[i], digest))
			return true;
	if (!gf_grow(&l->evidence, &l->evidence_room, l->n_evidence, sizeof *l->evidence, err))
		return false;
	l->evidence[l->n_evidence++] = *digest;
	return true;
}

/* A referrer of the subject in turn.  What is not all there is said, and left out, as an index would be. */
static bool take(void *ctx, const gf_descriptor *d, gf_error *err)
{
	finding *f = ctx;
	size_t before = f->image->n_evidence;
	char digest[GF_DIGEST_SIZE];
	gf_digest missing;
	bool all = false;

	gf_digest_text(&d->digest, digest);
	if (!gf_tree_complete(f->g, f->origin, d, 0, &all, &missing, err))
		return false;
	if (!all) {
		gf_event_say(f->g->events, GF_EVENT_WARNING, "%s: %s, evidence of %s, is not complete here; left out",
		    f->origin->name, digest, f->image->names != NULL ? f->image->names[0] : "an image");
		return true;
	}
	if (before >= EVIDENCE_MAX)
		return gf_fail(err, GF_DAMAGED, "graph-limit", digest,
		    "'%s' has more than %d pieces of evidence for one image", f->origin->name, EVIDENCE_MAX);
	return gf_tree_add(f->g, f->origin, d, err) && gf_listed_evidence(f->image, &d->digest, err) &&
	    (f->image->n_evidence == before || add_subject(f, &d->digest, err));
}

static bool find_one(finding *f, gf_referrers *each, void *ctx, gf_error *err)
{
	const gf_buf *text = gf_gathering_text(f->g, &f->image->root);
	gf_descriptor root = { .digest = f->image->root, .media_type = f->image->media_type };
	bool ok;

	if (text == NULL)
		return true;
	root.size = text->len;
	ok = add_subject(f, &f->image->root, err) &&
	    gf_tree_visit(f->g, f->origin, f->image->item, &root, see_manifest, f, err);
	for (size_t i = 0; ok && i < f->n; i++) {
		const gf_digest subject = f->subjects[i]; /* the array grows */

		ok = each(ctx, &subject, take, f, err);
	}
	return ok;
}

bool gf_evidence_find(gf_gathering *g, gf_origin *o, size_t first, gf_referrers *each, void *ctx, gf_error *err)
{
	bool ok = true;

	for (size_t i = first; ok && i < g->n_images; i++) {
		finding f = { .g = g, .origin = o, .image = &g->images[i] };

		ok = find_one(&f, each, ctx, err);
		free(f.subjects);
	}
	return ok;
}
