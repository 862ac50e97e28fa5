/*
 * origin: where documents and layers of known digest are read from.
 *
 * An archive or directory is one (its blobs/sha256/HEX), a repository of a registry another.  What walks
 * OCI documents (tree.c) and what copies layers (layers.c) know origins only.  Nothing here is believed: documents are
 * hashed by tree.c, layers as they pass.
 */
#ifndef GF_PACK_ORIGIN_H
#define GF_PACK_ORIGIN_H

#include "bundles/bundles.h"

typedef struct gf_origin gf_origin;
typedef struct gf_entry gf_entry;

typedef struct gf_spot { /* where a blob of known digest lies */
	gf_digest digest;
	uint64_t size;
	gf_origin *origin;
	const gf_entry *entry; /* of an archive; else NULL */
	bool made;             /* as it lies in the spool */
	bool diff;             /* the digest is a diff ID, as a config claims it */
} gf_spot;

typedef struct gf_origin_ops {
	/* The bytes of a document, at most GF_JSON_BLOB_MAX; out is emptied first.  *there false: the origin does not
	 * have it, which is no error; an answer that is none ("try again") is. */
	bool (*load)(gf_origin *o, const gf_descriptor *d, gf_buf *out, bool *there, gf_error *err);
	/* Where a blob lies: entry, made and diff of *spot; the rest is the caller's.  *there as above. */
	bool (*find)(gf_origin *o, const gf_descriptor *d, gf_spot *spot, bool *there, gf_error *err);
	/* Its bytes.  Any thread. */
	gf_input *(*open)(gf_origin *o, const gf_spot *spot, gf_error *err);
	void (*close)(gf_origin *o);
} gf_origin_ops;

struct gf_origin {
	const gf_origin_ops *ops;
	const char *name; /* for messages */
	bool remote;      /* waiting costs more than work: several are asked at once, however few cores there are */
};

/* Closes o. */
void gf_origin_close(gf_origin *o);
/* *there false: the origin does not have it; else *out is complete.  Of another size: "blob-size". */
bool gf_origin_find(gf_origin *o, const gf_descriptor *d, gf_spot *out, bool *there, gf_error *err);
gf_input *gf_spot_open(const gf_spot *s, gf_error *err);
/* What messages call it: its name in an archive, else its digest, printed into digest. */
const char *gf_spot_name(const gf_spot *s, char digest[GF_DIGEST_SIZE]);

#endif
