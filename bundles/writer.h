/* writer: what writer.c, front.c and the two kinds of output share. */
#ifndef GF_BUNDLES_WRITER_H
#define GF_BUNDLES_WRITER_H

#include <pthread.h>

#include "bundles/bundles.h"

typedef struct gf_writer_ops {
	/* Called under the lock: give p its room. */
	bool (*place)(gf_writer *w, gf_place *p, gf_error *err);
	/* From any thread, each place from one. */
	bool (*write)(gf_place *p, const void *bytes, size_t n, gf_error *err);
	/* All bytes are there. */
	bool (*keep)(gf_place *p, const gf_digest *digest, gf_error *err);
	/* Of unknown size: its room is free again. */
	void (*drop)(gf_place *p);
	bool (*commit)(gf_writer *w, const gf_front *f, gf_error *err);
	void (*close)(gf_writer *w); /* what is below; writer.c frees w */
} gf_writer_ops;

struct gf_writer { /* the first member of both kinds */
	const gf_writer_ops *ops;
	char *path;
	gf_time created;
	uint64_t size; /* after commit */
	pthread_mutex_t lock;
	/* Under lock: */
	struct gf_slot { /* one for each layer, in their order */
		gf_digest digest;
		uint64_t size;
		bool kept;
	} * slots;
	size_t n_slots, slots_room;
	gf_map kept;
	bool growing; /* a place of unknown size is open */
	bool spoilt;  /* a place of known size was dropped */
};

struct gf_place {
	gf_writer *w;
	size_t slot;
	bool known;
	uint64_t size; /* known: what it will have */
	uint64_t written;
	uint64_t at; /* tar: of its header */
	int fd;      /* directory: its file */
};

gf_writer *gf_writer_tar(const char *path, gf_time created, uint64_t front, gf_error *err);
gf_writer *gf_writer_dir(const char *path, gf_time created, gf_error *err);
bool gf_writer_init(gf_writer *w, const gf_writer_ops *ops, const char *path, gf_time created, gf_error *err);

/*
 * Every member of the front but META/padding, in order: bytes in memory, or in (evidence: its end is reported
 * only when size and digest are right).
 */
typedef bool gf_front_take(void *ctx, const char *name, uint64_t size, const void *bytes, gf_input *in, gf_error *err);
bool gf_front_each(const gf_front *f, gf_front_take *take, void *ctx, gf_error *err);

#endif
