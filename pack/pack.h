/*
 * pack: sources to bundle.
 *
 * A source (source_*.c) lists images and yields their blobs with what is known of digest
 * and size.  pack.c walks them in the order of the format: layers through hash and
 * compression workers to the place where they stay, then documents, manifest, signature.
 */
#ifndef GF_PACK_PACK_H
#define GF_PACK_PACK_H

#include "bundles/bundles.h"
#include "remote/remote.h"
#include "sign/sign.h"
#include "verify/verify.h"

/* What becomes of layers that their source has raw. */
typedef enum gf_layers { GF_LAYERS_GZIP, GF_LAYERS_ZSTD, GF_LAYERS_NONE } gf_layers;

typedef struct gf_pack_source {
	const char *text; /* as written: a transport, or a bare word */
	/* What its images are called, whatever the source calls them: one name for each image in their order, or any
	 * number for the one that there is.  None: their own names, and --name for those without. */
	const char *const *names;
	size_t n_names;
	const char *const
	    *platforms; /* "os/architecture[/variant]": these children of an index alone; none: all of it */
	size_t n_platforms;
} gf_pack_source;

typedef struct gf_pack_options {
	const char *output; /* a tar; ending in "/": a directory; "-": stdout */
	const gf_pack_source *sources;
	size_t n_sources;
	const char *const *names; /* --name: the i-th for the i-th image without one */
	size_t n_names;
	const char *const *platforms; /* --platform: of every source, whatever it says itself */
	size_t n_platforms;
	const char *stream;
	bool has_sequence, has_epoch;
	uint64_t sequence, epoch;
	uint64_t trust_version; /* a site with an older trust file refuses; 0: none named */
	const char *after;      /* an older bundle, or a receipt of it (*.json): sequence + 1, epoch, previous */
	const char *version;
	const char *const *audience;
	size_t n_audience;
	bool has_created;
	gf_time created, expires;  /* expires 0: none */
	int64_t lifetime;          /* seconds from created to expires, where expires is 0; 0: none */
	const char *load_platform; /* NULL: linux/amd64 */
	gf_layers layers;
	const char *build_id;
	const gf_label *labels; /* --label k=v */
	size_t n_labels;
	gf_signer *const *signers;
	size_t n_signers; /* 0: unsigned, with a warning */
	gf_docker_options docker;
	gf_registry_options registry; /* of docker:// sources */
	unsigned jobs;                /* 0: all cores */
} gf_pack_options;

/* "-", or a transport of it. */
bool gf_source_is_stdin(const char *text);
/* "gzip", "zstd" or "none". */
bool gf_layers_parse(const char *text, gf_layers *out);
gf_codec gf_layers_codec(gf_layers layers);
/* A platform that may be asked for; else "platform", with what to write. */
bool gf_platform_check(const char *text, gf_error *err);
/* A date or a duration of at most 100 years, into expires or lifetime. */
bool gf_expires_parse(const char *text, gf_pack_options *o);

/*
 * release.yaml: the same as a file (release.c).  Unknown keys, wrong types and bad values are GF_USAGE and name the
 * line; paths are relative to the working directory, as on the command line.  Options and signers (paths of private
 * keys, NULL for none) live as long as the release.
 */
typedef struct gf_release gf_release;
extern const char *const gf_release_keys[];                   /* NULL-terminated */
extern const char *const gf_release_image_keys[];             /* of one of its images */
gf_release *gf_release_load(const char *path, gf_error *err); /* "-": stdin */
gf_release *gf_release_parse(const void *text, size_t len, const char *name, gf_error *err);
const gf_pack_options *gf_release_options(const gf_release *r);
const char *const *gf_release_signers(const gf_release *r, size_t *n);
void gf_release_free(gf_release *r);

typedef struct gf_pack_result {
	gf_manifest *manifest;     /* what was signed */
	gf_digest manifest_digest; /* of its bytes */
	uint64_t size;             /* of the bundle; of a directory the sum of its files */
} gf_pack_result;

bool gf_pack(const gf_pack_options *o, gf_events *events, gf_pack_result *result, gf_error *err);
void gf_pack_result_clear(gf_pack_result *r);

/* A copy at output with these signature files (sorted by name) instead of those inside; walk says what is copied, its sink
 * is ours.  Every byte is checked as it passes; a thin copy is refused ("absent").  *size: of the copy. */
bool gf_rewrite(const gf_walk *walk, const gf_member *signatures, size_t n, const char *output, gf_verdict *v,
    uint64_t *size, gf_error *err);

#endif
