/*
 * archive: the named members that a source's images are made of.
 *
 * Three kinds behind one handle: a plain tar file, indexed once and then read at any place
 * by any thread; a tar that only goes forward (pipe, daemon, outer gzip), of which small texts stay
 * in memory and layers are compressed, as they arrive, into an unnamed file beside the
 * output; a directory.
 */
#ifndef GF_PACK_ARCHIVE_H
#define GF_PACK_ARCHIVE_H

#include "pack/compress.h"
#include "pack/origin.h"
#include "pack/tape.h"

typedef enum gf_lies {
	GF_LIES_FILE,   /* in the tar file, at offset */
	GF_LIES_MEMORY, /* in bytes */
	GF_LIES_SPOOL,  /* in the unnamed file, at offset, as made says */
	GF_LIES_DIR     /* a file of the directory */
} gf_lies;

struct gf_entry {
	char *name; /* clean */
	char *link; /* NULL: a regular file */
	bool hard;
	gf_lies lies;
	uint64_t size; /* of the member's own bytes */
	uint64_t offset;
	unsigned char magic[GF_TAPE_MAGIC];
	size_t n_magic;
	gf_buf bytes;
	gf_made made;  /* where lies is GF_LIES_SPOOL */
	bool inflated; /* made.raw is known */
	int spool;
	struct gf_entry *next; /* on the way to the spool */
};

/* How layers that arrive in one pass are kept. */
typedef struct gf_spooling {
	const char *output; /* the unnamed files stand beside it */
	gf_codec squeeze;   /* what raw layers become; NONE: they stay raw */
	unsigned jobs;
	gf_events *events;
} gf_spooling;

typedef struct gf_archive gf_archive;

/* path: a directory, a file, or "-".  Outer gzip, zstd, xz and bzip2 are seen by content; zip is refused. */
gf_archive *gf_archive_open(const char *path, const gf_spooling *how, gf_error *err);
/* Takes in, which is a tar. */
gf_archive *gf_archive_take(gf_input *in, const char *name, const gf_spooling *how, gf_error *err);
void gf_archive_close(gf_archive *a);
const char *gf_archive_name(const gf_archive *a);
/* The archive as an origin: the same object, closed by either name. */
gf_origin *gf_archive_origin(gf_archive *a);
bool gf_archive_is_directory(const gf_archive *a);

/* Links followed.  *out NULL: not there.  A name that occurs twice: "archive-duplicate"; a chain of links that does
 * not end: "archive-link". */
bool gf_archive_find(gf_archive *a, const char *name, const gf_entry **out, gf_error *err);
/* The member's own bytes, as they came.  Any thread. */
gf_input *gf_archive_read(gf_archive *a, const gf_entry *e, gf_error *err);
/* The same, inflated in a contained process where they are compressed (not of a directory's file). */
gf_input *gf_archive_read_plain(gf_archive *a, const gf_entry *e, gf_error *err);
/* As they lie in the spool. */
gf_input *gf_archive_read_made(gf_archive *a, const gf_entry *e, gf_error *err);
/* A small member whole; out is emptied first. */
bool gf_archive_load(gf_archive *a, const gf_entry *e, size_t max, gf_buf *out, gf_error *err);
/* The one directory that all members lie in, or NULL. */
const char *gf_archive_only_directory(gf_archive *a);

/* By its first bytes. */
gf_codec gf_entry_codec(const gf_entry *e);
/* Is a layer of this codec stored as it came?  gzip and zstd: what the media types of OCI have names for. */
bool gf_codec_kept(gf_codec codec);

/* ---- between archive.c, spool.c and origin.c ---- */
extern const gf_origin_ops gf_archive_origin_ops;
bool gf_archive_add(gf_archive *a, const gf_tape_entry *e, gf_entry **out, gf_error *err);
bool gf_archive_spool(gf_archive *a, gf_tape *t, const gf_spooling *how, int fd[2], gf_error *err);

#endif
