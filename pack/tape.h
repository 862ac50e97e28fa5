/*
 * tape: a tar made by others, read forward as events.
 *
 * libarchive reads it, with the one format tar and no filter (image-protocols.md 1.5, security.md
 * 1.6): names come cleaned, directories, devices, FIFOs and AppleDouble files are passed over, absolute names, "..",
 * sparse members and headers without end are refused.  libarchive runs in a contained child process (base/contain.h) that
 * asks us for headers, block by block; the bytes of members do not pass through it.
 */
#ifndef GF_PACK_TAPE_H
#define GF_PACK_TAPE_H

#include "base/base.h"

typedef struct gf_tape gf_tape;

#define GF_TAPE_MAGIC 8

typedef struct gf_tape_entry {
	const char *name;                   /* both valid until the next event */
	const char *link;                   /* NULL: a regular file */
	bool hard;                          /* link counts from the root, else from the directory of name */
	uint64_t size;                      /* of a regular file */
	uint64_t offset;                    /* where its bytes begin on the tape; not set for an empty one */
	unsigned char magic[GF_TAPE_MAGIC]; /* its first bytes */
	size_t n_magic;
} gf_tape_entry;

/* Takes in.  size: how much in has, where members can be skipped; UINT64_MAX: all is read. */
gf_tape *gf_tape_open(gf_input *in, uint64_t size, const char *name, gf_error *err);
void gf_tape_close(gf_tape *t);
/* What the reader is behind, for a person. */
const char *gf_tape_walls(const gf_tape *t);

bool gf_tape_next(gf_tape *t, gf_tape_entry *e, bool *end, gf_error *err);
/* The bytes of the entry just reported, once. */
gf_input *gf_tape_member(gf_tape *t, gf_error *err);
/* After the end: read on to the end of in; *foreign: something but zeros lay there. */
bool gf_tape_drain(gf_tape *t, bool *foreign, gf_error *err);

/* A member's name without "./" and "//".  Absolute or with "..": GF_DAMAGED "archive-path". */
bool gf_tape_clean(const char *name, gf_buf *out, const char *archive, gf_error *err);

/* ---- for tests: another reader; of gf_tape_open ctx is the name ---- */
void gf_tape_read(void *ctx, int line);
gf_tape *gf_tape_open_with(
    gf_contained_run run, void *ctx, gf_input *in, uint64_t size, const char *name, gf_error *err);

#endif
