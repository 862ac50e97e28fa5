/*
 * offer: what of a root that a source offers becomes images (FORMAT.md 2).
 *
 * The whole of it; or, one image each, those of its children that are complete, where not all is; or those of the
 * platforms that were asked for.  An attestation goes with its index alone.
 */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

typedef struct child {
	gf_descriptor d; /* digest, size and media type */
	char *platform;
	char *os_version; /* or NULL */
} child;

typedef struct offering {
	gf_gathering *g;
	const gf_offer *o;
	child *children; /* every manifest below the root, in order; more than once where it is named so */
	size_t n, room;
	gf_map seen; /* indexes */
} offering;

static void offering_clear(offering *of)
{
	for (size_t i = 0; i < of->n; i++) {
		gf_descriptor_clear(&of->children[i].d);
		free(of->children[i].platform);
		free(of->children[i].os_version);
	}
	free(of->children);
	gf_map_clear(&of->seen);
}

/* ---- children ---- */

static bool add_child(offering *of, const gf_descriptor *d, gf_error *err)
{
	child *c;

	if (!gf_grow(&of->children, &of->room, of->n, sizeof *of->children, err))
		return false;
	c = &of->children[of->n++];
	*c = (child){ .d = { .digest = d->digest, .size = d->size } };
	if ((c->d.media_type = gf_strdup(d->media_type, err)) == NULL ||
	    !gf_tree_platform(of->g, of->o->origin, d, &c->platform, err))
		return false;
	if (c->platform == NULL && (c->platform = gf_strdup("unknown", err)) == NULL)
		return false;
	return d->os_version == NULL || (c->os_version = gf_strdup(d->os_version, err)) != NULL;
}

static bool is_unknown(const gf_descriptor *d)
{
	return d->platform != NULL && strcmp(d->platform, "unknown/unknown") == 0;
}

static bool find_children(offering *of, const gf_descriptor *index, unsigned depth, gf_error *err)
{
	gf_document *doc = NULL;
	bool ok;

	if (gf_map_get(&of->seen, &index->digest) != SIZE_MAX)
		return true;
	ok = gf_tree_depth(depth, err) && gf_map_put(&of->seen, &index->digest, 0, err) &&
	    gf_tree_document(of->g, of->o->origin, index, &doc, err);
	for (size_t i = 0; ok && doc != NULL && doc->media == GF_MEDIA_INDEX && i < doc->n_items; i++) {
		const gf_descriptor *d = &doc->items[i];
		if (gf_media_of(d->media_type) == GF_MEDIA_INDEX)
			ok = find_children(of, d, depth + 1, err);
		else if (!is_unknown(d))
			ok = add_child(of, d, err);
	}
	gf_document_free(doc);
	return ok;
}

/* ---- images ---- */

static gf_listed *list(gf_gathering *g, const gf_offer *o, const gf_descriptor *root, gf_error *err)
{
	gf_listed *image;

	if (!gf_tree_add(g, o->origin, root, err) || (image = gf_gathering_image(g, err)) == NULL)
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

static bool list_child(const offering *of, const child *c, gf_error *err)
{
	gf_listed *image = list(of->g, of->o, &c->d, err);

	if (image == NULL || (image->platform = gf_strdup(c->platform, err)) == NULL)
		return false;
	image->has_source_index = true;
	image->source_index = of->o->root->digest;
	return true;
}

static void mark_several(gf_gathering *g, size_t first)
{
	for (size_t i = first; i < g->n_images; i++)
		g->images[i].several = g->n_images - first > 1;
}

/* "NAME:TAG" becomes "NAME:TAG-linux-arm64". */
static bool add_suffix(gf_reference *r, const char *name, const char *platform, gf_error *err)
{
	size_t at = strlen(r->tag);

	if (at + 1 + strlen(platform) >= sizeof r->tag)
		return gf_fail(err, GF_USAGE, "reference", name,
		    "the tag of '%s' is too long to name the platform '%s' in it; choose names with --name", name,
		    platform);
	r->tag[at] = '-';
	for (const char *p = platform; *p != '\0'; p++)
		r->tag[++at] = *p == '/' ? '-' : *p;
	r->tag[at + 1] = '\0';
	return true;
}

bool gf_child_rename(gf_listed *image, gf_error *err)
{
	char **old = image->names;
	size_t n = image->n_names;
	bool ok = true;

	image->names = NULL;
	image->n_names = image->names_room = 0;
	for (size_t i = 0; ok && i < n; i++) {
		char name[GF_REFERENCE_SIZE];
		gf_reference r;
		ok = gf_reference_parse(old[i], &r, err);
		/* The digest in a name is that of the index. */
		if (ok && r.has_digest)
			r.digest = image->root;
		else if (ok && image->several)
			ok = add_suffix(&r, old[i], image->platform, err);
		if (ok) {
			gf_reference_print(&r, name);
			ok = gf_listed_name(image, name, err);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(old[i]);
	free(old);
	return ok;
}

/* ---- what is complete ---- */

static bool list_complete(offering *of, gf_error *err)
{
	gf_map listed;
	bool ok = true;

	gf_map_init(&listed);
	for (size_t i = 0; ok && i < of->n; i++) {
		const child *c = &of->children[i];
		gf_digest missing;
		bool all;
		if (gf_map_get(&listed, &c->d.digest) != SIZE_MAX)
			continue;
		ok = gf_tree_complete(of->g, of->o->origin, &c->d, 1, &all, &missing, err) &&
		    gf_map_put(&listed, &c->d.digest, i, err) && (!all || list_child(of, c, err));
	}
	gf_map_clear(&listed);
	return ok;
}

static bool take_sparse(offering *of, const gf_digest *lacking, gf_error *err)
{
	const gf_offer *o = of->o;
	size_t first = of->g->n_images, n;
	char index[GF_DIGEST_SIZE], lacks[GF_DIGEST_SIZE];

	if (!find_children(of, o->root, 1, err) || !list_complete(of, err))
		return false;
	gf_digest_text(&o->root->digest, index);
	gf_digest_text(lacking, lacks);
	n = of->g->n_images - first;
	if (n == 0)
		return gf_fail(err, GF_DAMAGED, "sparse", index,
		    "no image of index %s is complete in '%s' (%s is absent): pull it again for a platform and save that",
		    index, o->origin->name, lacks);
	mark_several(of->g, first);
	gf_event_say(of->g->events, GF_EVENT_WARNING,
	    "%s: index %s is not complete here (%s is absent): %zu of its images %s packed, the index is not",
	    o->origin->name, index, lacks, n, n == 1 ? "is" : "are");
	return true;
}

static bool refuse_hollow(const gf_offer *o, const gf_digest *root, const gf_digest *missing, gf_error *err)
{
	char digest[GF_DIGEST_SIZE], lacks[GF_DIGEST_SIZE];

	gf_digest_text(root, digest);
	gf_digest_text(missing, lacks);
	return gf_fail(err, GF_DAMAGED, "layer-missing", digest,
	    "image %s is hollow: '%s' does not hold its %s; pull or build it again and save it again", digest,
	    o->origin->name, lacks);
}

/* ---- what was asked for ---- */

const char *const *gf_platforms_asked(const gf_gathering *g, size_t *n)
{
	const gf_pack_options *o = g->options;

	*n = o->n_platforms > 0 ? o->n_platforms : g->source != NULL ? g->source->n_platforms : 0;
	return o->n_platforms > 0 || g->source == NULL ? o->platforms : g->source->platforms;
}

bool gf_platform_fits(const gf_gathering *g, const char *platform, const char *image, gf_error *err)
{
	size_t n;
	const char *const *asked = gf_platforms_asked(g, &n);

	if (n > 0 && platform == NULL)
		return gf_fail(err, GF_USAGE, "platform", image,
		    "'%s' was asked for '%s', and has no platform: it is no image of an operating system; pack it without "
		    "--platform",
		    image, asked[0]);
	for (size_t i = 0; i < n; i++)
		if (!gf_platform_same(asked[i], platform))
			return gf_fail(err, GF_USAGE, "platform", image,
			    "'%s' is one image, for %s: it has none for %s", image, platform, asked[i]);
	return true;
}

static const char *shown_name(const gf_offer *o, char digest[GF_DIGEST_SIZE])
{
	gf_digest_text(&o->root->digest, digest);
	return o->name != NULL ? o->name : digest;
}

static bool refuse_platform(const offering *of, const char *asked, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];
	const char *name = shown_name(of->o, digest);
	gf_error full;
	gf_buf has;

	gf_buf_init(&has, 400);
	for (size_t i = 0; i < of->n; i++)
		if (!gf_buf_puts(&has, i > 0 ? ", " : "", &full) || !gf_buf_puts(&has, of->children[i].platform, &full))
			break;
	gf_fail(err, GF_USAGE, "platform", name, "'%s' has no image for %s; it has %s", name, asked,
	    has.len > 0 ? gf_buf_text(&has) : "none");
	gf_buf_clear(&has);
	return false;
}

/* Windows has several images of one platform, for its versions: nobody but the user knows which is meant. */
static bool refuse_choice(const offering *of, const char *asked, gf_error *err)
{
	char digest[GF_DIGEST_SIZE];
	const char *name = shown_name(of->o, digest);
	gf_error full;
	gf_buf has;

	gf_buf_init(&has, 700);
	for (size_t i = 0; i < of->n; i++) {
		const child *c = &of->children[i];
		char one[GF_DIGEST_SIZE];
		if (!gf_platform_same(asked, c->platform))
			continue;
		gf_digest_text(&c->d.digest, one);
		if (!gf_buf_puts(&has, has.len > 0 ? ", " : "", &full) || !gf_buf_puts(&has, one, &full) ||
		    (c->os_version != NULL &&
			(!gf_buf_puts(&has, " of os.version ", &full) ||
			    !gf_text_escape(&has, c->os_version, 60, &full))))
			break;
	}
	gf_fail(err, GF_USAGE, "platform", name,
	    "'%s' has more than one image for %s: %s; name the one that is meant by its digest", name, asked,
	    gf_buf_text(&has));
	gf_buf_clear(&has);
	return false;
}

static bool choose(const offering *of, const char *asked, const child **out, gf_error *err)
{
	*out = NULL;
	for (size_t i = 0; i < of->n; i++) {
		const child *c = &of->children[i];
		if (!gf_platform_same(asked, c->platform))
			continue;
		if (*out != NULL && !gf_digest_equal(&c->d.digest, &(*out)->d.digest))
			return refuse_choice(of, asked, err);
		*out = c;
	}
	return *out != NULL || refuse_platform(of, asked, err);
}

static bool is_earlier(const char *const *asked, size_t i)
{
	size_t k = 0;

	while (k < i && !gf_platform_same(asked[k], asked[i]))
		k++;
	return k < i;
}

static bool take_platforms(offering *of, const char *const *asked, size_t n, gf_error *err)
{
	size_t first = of->g->n_images;
	char index[GF_DIGEST_SIZE];

	if (!find_children(of, of->o->root, 1, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		const child *c;
		gf_digest missing;
		bool all;
		if (is_earlier(asked, i))
			continue;
		if (!choose(of, asked[i], &c, err) ||
		    !gf_tree_complete(of->g, of->o->origin, &c->d, 1, &all, &missing, err))
			return false;
		if (!all)
			return refuse_hollow(of->o, &c->d.digest, &missing, err);
		if (!list_child(of, c, err))
			return false;
	}
	mark_several(of->g, first);
	gf_digest_text(&of->o->root->digest, index);
	gf_event_say(of->g->events, GF_EVENT_NOTE,
	    "%s: of index %s what --platform chose is packed; the index and its attestations are not",
	    of->o->origin->name, index);
	return true;
}

static bool take_one(gf_gathering *g, const gf_offer *o, gf_error *err)
{
	char digest[GF_DIGEST_SIZE], *platform = NULL;
	bool ok = gf_tree_platform(g, o->origin, o->root, &platform, err) &&
	    gf_platform_fits(g, platform, shown_name(o, digest), err);

	free(platform);
	return ok;
}

/* ---- the offer ---- */

/* What the document is, whatever its descriptor leaves out; NULL: not there. */
static bool is_index(gf_gathering *g, const gf_offer *o, bool *is, gf_error *err)
{
	gf_document *doc = NULL;
	bool ok = gf_tree_document(g, o->origin, o->root, &doc, err);

	*is = doc != NULL ? doc->media == GF_MEDIA_INDEX : gf_media_of(o->root->media_type) == GF_MEDIA_INDEX;
	gf_document_free(doc);
	return ok;
}

static bool take(offering *of, gf_error *err)
{
	gf_gathering *g = of->g;
	const gf_offer *o = of->o;
	gf_digest missing;
	size_t n;
	const char *const *asked = gf_platforms_asked(g, &n);
	bool index = false, all;

	if (n > 0 && !is_index(g, o, &index, err))
		return false;
	if (n > 0 && index)
		return take_platforms(of, asked, n, err);
	if (!gf_tree_complete(g, o->origin, o->root, 0, &all, &missing, err))
		return false;
	if (!all && gf_media_of(o->root->media_type) == GF_MEDIA_INDEX)
		return take_sparse(of, &missing, err);
	if (!all)
		return refuse_hollow(o, &o->root->digest, &missing, err);
	return (n == 0 || take_one(g, o, err)) && list(g, o, o->root, err) != NULL;
}

bool gf_offer_take(gf_gathering *g, const gf_offer *o, gf_error *err)
{
	offering of = { .g = g, .o = o };
	bool ok;

	gf_map_init(&of.seen);
	ok = take(&of, err);
	offering_clear(&of);
	return ok;
}
