/*
 * source: what images are read from.
 *
 * Every source adds to one gathering: the images it has, the documents they stand on (loaded,
 * checked), and where each of their layers lies.  Nothing of a layer is read here but what a
 * stream brings along.  An image comes with OCI documents, which are kept byte for byte, or as a
 * config with a list of layers (docker save), of which pack makes a manifest.
 */
#ifndef GF_PACK_SOURCE_H
#define GF_PACK_SOURCE_H

#include "pack/archive.h"
#include "pack/pack.h"

/* A layer that a config claims to stand on. */
typedef struct gf_layer {
	gf_digest diff_id;
	gf_archive *archive;
	const gf_entry *entry;
} gf_layer;

typedef struct gf_listed { /* one image */
	char **names;      /* complete, normalised, each once */
	size_t n_names, names_room;
	char *transport;
	const gf_pack_source *source; /* one of the options */
	bool docker;                  /* root is a config, layers are below; else an index or manifest in documents */
	gf_digest root;
	char *media_type; /* what the descriptor of root says, or NULL */
	gf_layer *layers;
	size_t n_layers;
	char *platform; /* of one child of an index, or of a docker-archive; else NULL */
	bool several;   /* other children of that index are images too */
	size_t item;    /* of index.json, where root came from it */
	bool has_source_index;
	gf_digest source_index;
	gf_digest *evidence; /* manifests, in the gathering with all below them */
	size_t n_evidence, evidence_room;
} gf_listed;

typedef struct gf_text { /* a document */
	gf_digest digest;
	gf_buf bytes;
} gf_text;

/* Is a document there with all that stands below it? */
typedef struct gf_wholeness {
	const gf_origin *origin; /* in this one */
	bool all;
	gf_digest missing; /* else the first that is not */
} gf_wholeness;

typedef struct gf_gathering {
	const gf_pack_options *options;
	gf_events *events;
	unsigned jobs;
	gf_spooling spooling;
	gf_listed *images;
	size_t n_images, images_room;
	const gf_pack_source *source; /* the one that is being read: that of new images */
	gf_text *texts;
	size_t n_texts, texts_room, texts_size;
	gf_spot *spots;
	size_t n_spots, spots_room;
	gf_wholeness *verdicts;
	size_t n_verdicts, verdicts_room;
	gf_map text_map, spot_map, verdict_map;
	size_t steps; /* of tree.c */
	gf_origin **origins;
	size_t n_origins, origins_room;
} gf_gathering;

/* All sources of the options.  Names are merged where sources give one image twice. */
bool gf_gather(gf_gathering *g, gf_error *err);
void gf_gathering_clear(gf_gathering *g);
/* Merge images of one digest, give names, see that each occurs once. */
bool gf_gathering_settle(gf_gathering *g, gf_error *err);

/* ---- for the sources ---- */

/* Where digest stands, or would stand, in a sorted array whose items begin with one. */
size_t gf_digest_place(const void *items, size_t n, size_t size, const gf_digest *digest, bool *there);

const gf_buf *gf_gathering_text(const gf_gathering *g, const gf_digest *digest); /* NULL: not there */
bool gf_gathering_add_text(gf_gathering *g, const gf_digest *digest, gf_buf *bytes, gf_error *err); /* moves bytes */
const gf_spot *gf_gathering_spot(const gf_gathering *g, const gf_digest *digest);
bool gf_gathering_add_spot(gf_gathering *g, const gf_spot *spot, gf_error *err);
bool gf_gathering_own(gf_gathering *g, gf_origin *o, gf_error *err); /* closes o when that fails */
/* A new image at the end of g->images. */
gf_listed *gf_gathering_image(gf_gathering *g, gf_error *err);
void gf_listed_clear(gf_listed *l);
/* name is complete; already there: nothing is done. */
bool gf_listed_name(gf_listed *l, const char *name, gf_error *err);
bool gf_listed_has(const gf_listed *l, const char *name);
bool gf_listed_evidence(gf_listed *l, const gf_digest *digest, gf_error *err); /* the same: evidence.c */

/* What of an archive is wanted: a name, a place (":@N"), or all. */
typedef struct gf_wanted {
	const char *transport; /* as the user wrote it, or NULL: by content */
	const char *reference; /* NULL: all */
	bool has_place;
	uint64_t place;
} gf_wanted;

/* One image of 'docker save': image.root is its config, whose bytes these are. */
typedef struct gf_saved {
	gf_listed image;
	gf_buf config;
	gf_digest *stored; /* of each layer, where its member is a blob named by its digest */
	bool *named;
} gf_saved;

/* source_legacy.c: what Docker 1.9 and older saved.  One for each image that repositories names; *out is an array, also
 * when that fails. */
bool gf_source_legacy(
    gf_events *events, gf_archive *a, const gf_entry *repositories, gf_saved **out, size_t *n, gf_error *err);

/* source_archive.c: every kind of tar and directory; finds out which. */
bool gf_source_archive(gf_gathering *g, gf_archive *a, const gf_wanted *want, gf_error *err);
/* The name as Docker would complete it; one without a tag gets ":latest", and *bare is set. */
bool gf_name_complete(const char *text, char out[GF_REFERENCE_SIZE], bool *bare, gf_error *err);

/* ---- tree.c: documents from a descriptor down, in any origin; too much to look at: "graph-limit" ---- */

/* The document of a descriptor, its bytes checked; *out NULL: the origin does not have it. */
bool gf_tree_document(gf_gathering *g, gf_origin *o, const gf_descriptor *d, gf_document **out, gf_error *err);
/* False: "graph-depth". */
bool gf_tree_depth(unsigned depth, gf_error *err);
/* The platform of a manifest: its descriptor's word, else its config's; *out NULL: neither says it. */
bool gf_tree_platform(gf_gathering *g, gf_origin *o, const gf_descriptor *d, char **out, gf_error *err);
/* Is all there, down to the layers?  *missing: the first that is not.  Bytes of layers are not read. */
bool gf_tree_complete(gf_gathering *g, gf_origin *o, const gf_descriptor *d, unsigned depth, bool *all,
    gf_digest *missing, gf_error *err);
/* Into the gathering: a document that is complete, with all below it. */
bool gf_tree_add(gf_gathering *g, gf_origin *o, const gf_descriptor *d, gf_error *err);
/* Every manifest from d down that is there. */
typedef bool (*gf_tree_visitor)(
    void *ctx, size_t item, const gf_digest *manifest, const gf_document *document, gf_error *err);
bool gf_tree_visit(gf_gathering *g, gf_origin *o, size_t item, const gf_descriptor *d, gf_tree_visitor visit, void *ctx,
    gf_error *err);

/* ---- offer.c: what becomes images ---- */

/* A root that a source offers: an item of index.json, or what a name leads to in a registry. */
typedef struct gf_offer {
	gf_origin *origin;
	const gf_descriptor *root;
	const char *transport;
	const char *name; /* complete, or NULL */
	size_t item;      /* for gf_listed */
} gf_offer;

/*
 * Add it to g: the children of the platforms asked for; else the whole where all of it is there, else its complete
 * children (FORMAT.md 2).  None, or one asked for that is not complete: "sparse", "layer-missing"; a platform that it
 * does not have, or has more than once: "platform".
 */
bool gf_offer_take(gf_gathering *g, const gf_offer *o, gf_error *err);
/* What --platform, or else the source in release.yaml, asks for. */
const char *const *gf_platforms_asked(const gf_gathering *g, size_t *n);
/* Is an image that has no index what is asked for?  platform NULL: it has none. */
bool gf_platform_fits(const gf_gathering *g, const char *platform, const char *image, gf_error *err);
/* A child of an index gets names of its own from those of the index. */
bool gf_child_rename(gf_listed *image, gf_error *err);

/* ---- evidence.c: what refers to images ---- */

typedef bool gf_referrer_take(void *ctx, const gf_descriptor *d, gf_error *err);
/* take(take_ctx, d) for every manifest whose subject this is. */
typedef bool gf_referrers(void *ctx, const gf_digest *subject, gf_referrer_take *take, void *take_ctx, gf_error *err);
/* Evidence of the images from the first on, which came from o: what refers to one of their manifests, and to such evidence. */
bool gf_evidence_find(gf_gathering *g, gf_origin *o, size_t first, gf_referrers *each, void *ctx, gf_error *err);

/* ---- source_layout.c: index.json and the documents below it ---- */

typedef struct gf_layout gf_layout;
gf_layout *gf_layout_open(
    gf_gathering *g, gf_archive *a, gf_error *err); /* NULL also where there is none: err untouched */
void gf_layout_close(gf_layout *l);
size_t gf_layout_count(const gf_layout *l);
/* The complete name of the i-th item, or false: it has none, or no more than a tag. */
bool gf_layout_name(const gf_layout *l, size_t i, char out[GF_REFERENCE_SIZE]);
/* Add the items that are wanted: by reference, and where chosen is given those that it marks. */
bool gf_layout_list(gf_layout *l, const char *transport, const gf_wanted *want, const bool *chosen, gf_error *err);
/* Every manifest below index.json that is there. */
bool gf_layout_visit(gf_layout *l, gf_tree_visitor visit, void *ctx, gf_error *err);

/* ---- source_registry.c: "NAME[:TAG][@DIGEST]" behind docker:// ---- */

bool gf_source_registry(gf_gathering *g, const char *name, gf_error *err);

/* ---- source_docker.c: all images of the daemon at once, so that what they share is sent once ---- */

typedef struct gf_ask {
	const char *reference;
	const gf_pack_source *source;
} gf_ask;
bool gf_source_docker(gf_gathering *g, const gf_ask *asks, size_t n, gf_error *err);
/* Is there a daemon, and does it have this?  No daemon is no. */
bool gf_docker_knows(const gf_docker_options *where, const char *reference);

#endif
