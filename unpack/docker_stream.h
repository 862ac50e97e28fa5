/*
 * docker_stream: the tar that a daemon loads, one image each (facts: engines.md 2).
 *
 * oci-layout, index.json with one entry without name annotations, manifest.json with RepoTags
 * null: so no daemon sets a name, and the ID is known beforehand.  Then the JSON documents,
 * then layers in any order, of which those that the daemon has may be left out.  Archives as targets are made of
 * the same members (target_archive.c).
 */
#ifndef GF_UNPACK_DOCKER_STREAM_H
#define GF_UNPACK_DOCKER_STREAM_H

#include "bundles/bundles.h"

typedef struct gf_stream_image {
	const gf_store *store;
	gf_digest entry; /* of index.json: a document in store */
	const char *entry_type;
	const gf_digest *documents; /* in store; in the order written */
	size_t n_documents;
	gf_digest config;
	const gf_digest *layers; /* the member of each layer, as manifest.json lists them */
	size_t n_layers;
} gf_stream_image;

/* Everything before the layers; its size, and itself. */
bool gf_stream_front_size(const gf_stream_image *s, uint64_t *size, gf_error *err);
bool gf_stream_front(const gf_stream_image *s, gf_output *out, gf_error *err);
/* A layer: its header, then size bytes, then the fill. */
uint64_t gf_stream_member_size(uint64_t size);
bool gf_stream_header(const gf_digest *member, uint64_t size, gf_output *out, gf_error *err);
bool gf_stream_fill(uint64_t size, gf_output *out, gf_error *err);
#define GF_STREAM_END_SIZE ((uint64_t)1024)
bool gf_stream_end(gf_output *out, gf_error *err);
/* A whole member. */
bool gf_stream_document(const char *name, const void *bytes, size_t n, gf_output *out, gf_error *err);
/* One image of manifest.json; no tags: null. */
void gf_stream_put_image(gf_json_out *o, const gf_digest *config, const char *const *tags, size_t n_tags,
    const gf_digest *layers, size_t n_layers);

#endif
