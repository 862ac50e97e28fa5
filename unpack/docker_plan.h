/*
 * docker_plan: what a daemon is to be sent (facts: engines.md).
 *
 * Classic store: an image is its config digest; a layer is held by its chain ID, under every chain
 * that uses it.  Containerd store and podman: documents and layers as stored, held by digest and only
 * when an earlier load of this run brought them.
 */
#ifndef GF_UNPACK_DOCKER_PLAN_H
#define GF_UNPACK_DOCKER_PLAN_H

#include "unpack/docker_stream.h"
#include "unpack/target.h"

/* A layer (or evidence) that a load must carry. */
typedef struct gf_docker_need {
	size_t blob;
	gf_digest member; /* its name in the stream: the diff ID where it is sent raw, else its digest */
	uint64_t size;    /* in the stream */
	gf_codec inflate; /* of what is compressed in the bundle and raw in the stream; else NONE */
	bool check;       /* gzip sent as it is, inflated on the side against the diff ID */
	gf_digest diff_id;
} gf_docker_need;

/* One image and, where it is not there yet, its load. */
typedef struct gf_docker_item {
	size_t image;                /* in the manifest */
	const gf_platform *platform; /* the daemon's */
	bool present;                /* the daemon had it, or an earlier load brings the same ID */
	bool wanted;                 /* some name of it is to be set, and it is not present */
	char id[GF_DIGEST_SIZE];     /* under which the daemon has it; "" before it is loaded */
	gf_stream_image stream;
	gf_digest *documents, *members; /* of stream */
	gf_docker_need *needs;
	size_t n_needs, room_needs;
	uint64_t size; /* of the whole stream */
	/* while it runs (target_docker.c) */
	gf_output *out;
	gf_docker_loaded answer;
	size_t done; /* needs that have passed */
	bool finished;
	bool failed; /* the load, after it was begun */
} gf_docker_item;

typedef struct gf_docker_plan {
	gf_docker_store store;
	gf_docker_item *items; /* one for each image of the manifest */
	size_t n_items;
	unsigned char *needed;   /* [blob]: some load carries it */
	gf_docker_image *before; /* the daemon's images when the plan was made */
	size_t n_before;
} gf_docker_plan;

/* Which of the image's IDs may the daemon show: config, manifest, index (image-protocols.md 2.4)? */
bool gf_docker_is_id(const gf_docker_plan *p, const gf_docker_item *l, const gf_image *image, const char *id);
/* The entry of images that carries this name (full reference), or NULL. */
const gf_docker_image *gf_docker_named(const gf_docker_image *images, size_t n, const char *full);
const gf_docker_image *gf_docker_with_id(const gf_docker_image *images, size_t n, const char *id);

/* The number that *version ("20.10.24+dfsg1") begins with, or 0; *version is set behind it and its dot. */
unsigned gf_docker_version_part(const char **version);

/* Step 1: list, platforms, who is present.  An image without the daemon's platform: GF_TARGET "platform". */
bool gf_docker_plan_images(gf_docker_plan *p, gf_docker *d, const gf_target *t, gf_error *err);
/* Step 2, once names are judged: what every load carries, and its size. */
bool gf_docker_plan_loads(gf_docker_plan *p, gf_docker *d, const gf_target *t, gf_error *err);
void gf_docker_plan_clear(gf_docker_plan *p);

#endif
