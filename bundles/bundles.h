/*
 * bundles: the format, and nothing but the format (FORMAT.md beside this file).
 *
 * The signed manifest as a struct; OCI documents and the graph they form; the files of a
 * bundle that are functions of both; a reader that hands out no blob before it is
 * released, over tar and directory, file and pipe; a writer that puts every layer down
 * once.  Nothing here decides whom to believe (verify/) and nothing knows a network.
 *
 * Sizes are bytes.  Functions return false or NULL with *err set; what is malformed in a
 * bundle is GF_DAMAGED.
 */
#ifndef GF_BUNDLES_BUNDLES_H
#define GF_BUNDLES_BUNDLES_H

#include "base/base.h"

/* ---- OCI documents (image.c; OCI image-spec 1.1, Docker image manifest version 2, schema 2) ---- */

#define GF_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define GF_TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define GF_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define GF_TYPE_LAYER "application/vnd.oci.image.layer.v1.tar"
#define GF_TYPE_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define GF_TYPE_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define GF_TYPE_IN_TOTO "application/vnd.in-toto+json"

typedef enum gf_media { GF_MEDIA_INDEX, GF_MEDIA_MANIFEST, GF_MEDIA_OTHER } gf_media;
gf_media gf_media_of(const char *media_type); /* both families */

typedef enum gf_packing { GF_PACKING_RAW, GF_PACKING_GZIP, GF_PACKING_ZSTD, GF_PACKING_OPAQUE } gf_packing;
gf_packing gf_packing_of(const char *media_type); /* of a layer; not a layer of a file system: OPAQUE */

typedef struct gf_descriptor {
	char *media_type;
	gf_digest digest;
	uint64_t size;
	char *platform;   /* "os/architecture[/variant]"; NULL: none given */
	char *os_version; /* what tells images for Windows apart, or NULL */
	char *ref_name;   /* org.opencontainers.image.ref.name, or NULL */
	char *image_name; /* io.containerd.image.name, or NULL */
	gf_buf data;      /* the embedded copy, decoded; empty: none */
} gf_descriptor;
void gf_descriptor_clear(gf_descriptor *d);

/* An index or a manifest. */
typedef struct gf_document {
	gf_media media;
	char *media_type;     /* as said by the document, else by its descriptor, else by its shape */
	char *artifact_type;  /* or NULL */
	gf_descriptor config; /* manifests only */
	gf_descriptor *items; /* layers, or children */
	size_t n_items;
	bool has_subject;
	gf_digest subject;
} gf_document;

/* media_type: what the descriptor says, or NULL.  Contradiction between it, the document and its shape:
 * "media-type"; schema 1: "schema1"; another algorithm than sha256: "digest-algorithm". */
gf_document *gf_document_parse(
    const gf_buf *text, const char *media_type, gf_class class, const char *name, gf_error *err);
void gf_document_free(gf_document *d);

/* The config of a runnable image.  Config bytes are only read, never rewritten. */
typedef struct gf_config {
	char *platform;
	gf_digest *diff_ids;
	size_t n_diff_ids;
} gf_config;
gf_config *gf_config_parse(const gf_buf *text, gf_class class, const char *name, gf_error *err);
void gf_config_free(gf_config *c);

/* ---- platforms (platform.c) ---- */

/* "os/architecture[/variant]" in lower case, as people write it. */
bool gf_platform_valid(const char *text);
/* Equal, or one names the variant that the other leaves to be understood: arm64 is arm64/v8, arm arm/v7, amd64 amd64/v1. */
bool gf_platform_same(const char *a, const char *b);

/* JSON blobs in memory, by digest; GF_JSON_BLOBS_MAX together ("too-large"). */
typedef struct gf_store gf_store;
gf_store *gf_store_new(gf_error *err);
bool gf_store_add(
    gf_store *s, const gf_digest *digest, gf_buf *bytes, gf_error *err); /* bytes are moved; there already: freed */
const gf_buf *gf_store_find(const gf_store *s, const gf_digest *digest); /* NULL: not there */
void gf_store_free(gf_store *s);

/* ---- the graph (graph.c; FORMAT.md 1 "blobs", 2 "the graph") ---- */

typedef enum gf_kind { GF_KIND_JSON, GF_KIND_EVIDENCE, GF_KIND_LAYER } gf_kind;

typedef struct gf_blob {
	gf_digest digest;
	uint64_t size;
	uint64_t raw_size; /* uncompressedSize; 0: not recorded */
	gf_kind kind;
} gf_blob;

/* What one image of a bundle stands on. */
typedef struct gf_root {
	gf_digest digest;
	const char *name; /* for messages */
	const gf_digest *evidence;
	size_t n_evidence;
} gf_root;

/* A manifest that is not an attestation child: one entry of "platforms". */
typedef struct gf_platform {
	char *platform; /* "linux/amd64"; "unknown/unknown" where nothing says it */
	gf_digest manifest;
	const gf_document *document; /* its layers in order; owned by the graph */
	gf_digest image_id;          /* its config's digest */
	bool runnable;               /* the config is an image config: diff_ids below belong to the layers one by one */
	gf_digest *diff_ids;
	size_t n_diff_ids;
} gf_platform;

typedef struct gf_tree { /* one image */
	char *media_type;
	uint64_t size; /* of its index or manifest */
	gf_platform *platforms;
	size_t n_platforms;
	/* Every index and manifest below and with it, children first, the evidence last: the order of a push. */
	struct gf_push {
		gf_digest digest;
		const char *media_type;
	} * pushes;
	size_t n_pushes;
	/* Indexes into gf_graph.blobs of every blob the image needs but indexes and manifests. */
	size_t *needs;
	size_t n_needs;
} gf_tree;

typedef struct gf_graph {
	gf_blob *blobs; /* in tar order */
	size_t n_blobs;
	gf_tree *trees; /* one for each root, in their order */
	size_t n_trees;
} gf_graph;

/* Steps of all walks together: images that share large indexes must not multiply into memory. */
#define GF_GRAPH_USES_MAX ((size_t)1000000)

/*
 * Walk the documents in store from the roots.  Missing document: "graph-missing"; sizes or digests that
 * disagree: "graph-mismatch"; loops or more than GF_INDEX_DEPTH indexes: "graph-depth"; layers and diff_ids
 * of different number: "layer-count"; a document in store that no root reaches: "graph-unreferenced"; evidence that is
 * an index: "graph-evidence", or is about something else: "graph-subject".
 */
gf_graph *gf_graph_build(const gf_store *store, const gf_root *roots, size_t n, gf_class class, gf_error *err);
void gf_graph_free(gf_graph *g);
/* The platform that `load` of an image names, or NULL: the first runnable one of that text. */
const gf_platform *gf_tree_load(const gf_tree *tree, const char *load);
/* The place of a digest in blobs, or SIZE_MAX. */
size_t gf_graph_find(const gf_graph *g, const gf_digest *digest);
/* chain[i] for the first n diff_ids (image-spec config.md, "Layer ChainID"). */
bool gf_chain_ids(const gf_digest *diff_ids, size_t n, gf_digest *chain, gf_error *err);

/* ---- the manifest (manifest.c; FORMAT.md 2) ---- */

typedef struct gf_image_platform {
	char *platform;
	gf_digest manifest, image_id;
} gf_image_platform;

typedef struct gf_image {
	char **names;
	size_t n_names;
	char *source; /* transport, or docker:// reference */
	gf_digest digest;
	char *media_type;
	uint64_t size;
	char *load; /* platform in manifest.json; NULL: none */
	gf_image_platform *platforms;
	size_t n_platforms;
	gf_digest *evidence;
	size_t n_evidence;
	bool has_source_index;
	gf_digest source_index;
} gf_image;

typedef struct gf_label {
	char *key, *value;
} gf_label;

typedef struct gf_build { /* every member may be NULL */
	char *system, *id, *number, *url, *repository, *revision, *ref, *definition, *requester, *collection;
	gf_label *labels; /* sorted by key */
	size_t n_labels;
} gf_build;
void gf_build_clear(gf_build *b);

enum { GF_FILE_SUMS, GF_FILE_LAYOUT, GF_FILE_INDEX, GF_FILE_DOCKER, GF_FILES };
extern const char *const gf_file_names[GF_FILES]; /* SHA256SUMS, oci-layout, index.json, manifest.json */

typedef struct gf_manifest {
	char *stream; /* NULL: none, and then no epoch and sequence */
	uint64_t epoch, sequence;
	char *version;
	bool has_previous;
	uint64_t previous_sequence;
	gf_digest previous;
	char **audience;
	size_t n_audience;
	uint64_t trust_version; /* 0: none */
	gf_time created;
	gf_time expires; /* 0: none */
	gf_build build;
	char *packer_version, *compressor;
	gf_image *images;
	size_t n_images;
	struct gf_file {
		uint64_t size;
		gf_digest digest;
	} files[GF_FILES];
	gf_blob *blobs;
	size_t n_blobs;
} gf_manifest;

/* Strict: every key known, every rule of FORMAT.md 2 that needs no other bytes ("manifest-...", json names). */
gf_manifest *gf_manifest_parse(const void *text, size_t len, gf_error *err);
/* The bytes that pack signs into out, which may hold GF_STATEMENT_MAX.  More: "too-large". */
bool gf_manifest_print(const gf_manifest *m, gf_buf *out, gf_error *err);
void gf_manifest_free(gf_manifest *m);
/* Two parts of it as they are printed: the member "build", and one item of "images". */
void gf_build_put(gf_json_out *o, const gf_build *b);
void gf_image_put(gf_json_out *o, const gf_image *image);

/* pack: take media types, sizes, platforms, load, blobs and the four files from the graph; raw_size of known
 * blobs stays as the caller set it in g->blobs.  load_platform: what `load` shall name where an image has it. */
bool gf_manifest_complete(gf_manifest *m, const gf_graph *g, const char *load_platform, gf_error *err);
/* reader: images, blobs and files equal what the graph gives: else "manifest-graph" and what differs. */
bool gf_manifest_compare(
    const gf_manifest *m, const gf_graph *g, const gf_buf files[GF_FILES], bool thin, gf_error *err);
/* One of the four files as the function of manifest and graph (derive.c; FORMAT.md 1). */
bool gf_derive(const gf_manifest *m, const gf_graph *g, int file, gf_buf *out, gf_error *err);

/* ---- headers (tarhdr.c; FORMAT.md 1) ---- */

#define GF_TAR_BLOCK ((size_t)512)
#define GF_TAR_ALIGN ((uint64_t)65536)
/* The one spelling of a member's header.  name at most 100 bytes; mtime 0 ... 8^11-1. */
void gf_tar_header(const char *name, uint64_t size, gf_time mtime, unsigned char out[512]);
uint64_t gf_tar_round(uint64_t size); /* up to whole blocks */
/* Size of META/padding, its header standing at offset. */
uint64_t gf_tar_padding(uint64_t offset);

/* ---- media (medium.c) ---- */

/* What a tar bundle is read from.  Volume sets, repaired and decrypted files are media over media. */
typedef struct gf_medium gf_medium;
typedef struct gf_medium_ops {
	ptrdiff_t (*read)(gf_medium *m, void *buf, size_t cap, gf_error *err); /* forward */
	bool (*read_at)(gf_medium *m, void *buf, size_t n, uint64_t offset,
	    gf_error *err); /* NULL: only goes forward; any thread; a short file: "cut-short" */
	void (*close)(gf_medium *m);
} gf_medium_ops;
struct gf_medium {
	const gf_medium_ops *ops;
	const char *name;
	uint64_t size; /* where read_at is there */
};
gf_medium *gf_medium_memory(const void *bytes, size_t n, bool seekable, gf_error *err); /* bytes stay the caller's */
void gf_medium_close(gf_medium *m);

/* ---- reader (reader*.c) ---- */

/*
 * Order of calls: open (reads the head, capped; nothing else), statement and signatures,
 * release (verify/accept.c only), front, then blobs, then finish.
 */
typedef struct gf_reader gf_reader;

gf_reader *gf_reader_open(const char *path, gf_error *err); /* a tar, a directory, "-" */
gf_reader *gf_reader_over(gf_medium *m, gf_error *err);     /* a tar on m, which is the reader's, on failure too */
void gf_reader_close(gf_reader *r);
const char *gf_reader_name(const gf_reader *r);
const gf_buf *gf_reader_statement(const gf_reader *r);                /* the exact bytes of META/manifest.json */
const gf_member *gf_reader_signatures(const gf_reader *r, size_t *n); /* inside the bundle: file names without META/ */

/* The statement is believed and m is what it says.  m stays the caller's and must live as long as r. */
void gf_reader_release(gf_reader *r, const gf_manifest *m);

/*
 * From the head through the end of kind json: every header recomputed and compared ("tar-header"), the four
 * files, the JSON blobs; the graph closed and equal to the manifest.  Seekable: all headers to the end.
 */
bool gf_reader_front(gf_reader *r, gf_error *err);
const gf_graph *gf_reader_graph(const gf_reader *r);
const gf_store *gf_reader_store(const gf_reader *r);
bool gf_reader_seekable(const gf_reader *r); /* blobs may be taken in any order and from several threads */
bool gf_reader_thin(const gf_reader *r);

/*
 * Blob i of the manifest, of any kind; header compared; its end is reported only when size and digest are
 * right.  Forward only: in order, each read to its end or passed before the next.  *absent: left out of
 * a thin copy (then NULL without error).
 */
gf_input *gf_reader_blob(gf_reader *r, size_t i, bool *absent, gf_error *err);
/* Blob i is held: its header is compared, its bytes are not read (forward only: passed over). */
bool gf_reader_pass(gf_reader *r, size_t i, bool *absent, gf_error *err);
/* Nothing missing, the end blocks, nothing after them ("tar-end"). */
bool gf_reader_finish(gf_reader *r, gf_error *err);
/* Reported, not fatal: names in a directory bundle outside the closed set. */
const char *const *gf_reader_foreign(const gf_reader *r, size_t *n);

/* NAME.tar.d/ beside a bundle, then the directories of --with, which must be there (FORMAT.md 3): regular files, capped,
 * no links.  None there: *n is 0. */
bool gf_companions_load(
    const char *bundle, const char *const *with, size_t n_with, gf_member **members, size_t *n, gf_error *err);

/* A new file among the companions of a bundle, whose directory is made where it is not there.  A name that is taken stays:
 * GF_USAGE "exists". */
bool gf_companion_store(const char *bundle, const gf_member *m, gf_error *err);

/* ---- writer (writer*.c) ---- */

/*
 * open; one place for each layer, in the order of the bundle; commit.  path: a tar; ending in "/": a
 * directory; "-": a tar to stdout, spooled first.  Until commit nothing is visible under path.
 */
typedef struct gf_writer gf_writer;
/* front: upper bound of gf_writer_front_size(); layers begin behind it. */
gf_writer *gf_writer_open(const char *path, gf_time created, uint64_t front, gf_error *err);

/* Room for a layer.  size UINT64_MAX: not known yet; then no other place may be open until this one is kept. */
typedef struct gf_place gf_place;
gf_place *gf_writer_place(gf_writer *w, uint64_t size, gf_error *err);
bool gf_place_write(gf_place *p, const void *bytes, size_t n, gf_error *err); /* each place by one thread at a time */
bool gf_place_keep(gf_place *p, const gf_digest *digest, gf_error *err);      /* its bytes had this digest; frees p */
void gf_place_drop(gf_place *p); /* never mind; of known size: only together with the whole bundle; frees p */

typedef struct gf_front {
	const gf_buf *statement;
	const gf_member *signatures; /* names as in META, sorted */
	size_t n_signatures;
	const gf_manifest *manifest;
	const gf_graph *graph;
	const gf_store *store;
	/* Opens a blob of kind evidence; may be NULL where there is none. */
	gf_input *(*evidence)(void *ctx, const gf_blob *blob, gf_error *err);
	void *ctx;
} gf_front;
/* Bytes from the start to the first layer's header. */
bool gf_front_size(const gf_front *f, uint64_t *size, gf_error *err);
/* The front, the end blocks, fsync, and the name.  Moves the layers when the bound was a step too high. */
bool gf_writer_commit(gf_writer *w, const gf_front *f, gf_error *err);
uint64_t gf_writer_size(const gf_writer *w); /* after commit */
void gf_writer_close(gf_writer *w);

#endif
