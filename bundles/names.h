/* names: the spellings that manifest and members allow. */
#ifndef GF_BUNDLES_NAMES_H
#define GF_BUNDLES_NAMES_H

#include "bundles/bundles.h"

#define GF_IMAGE_NAME_MAX 512
#define GF_BLOB_PATH_SIZE 78 /* "blobs/sha256/", 64 hex digits, NUL */

bool gf_image_name_valid(const char *name);      /* bytes a reference may have, at most GF_IMAGE_NAME_MAX */
bool gf_image_name_has_digest(const char *name); /* host/path@sha256:D: goes into index.json only */
bool gf_source_valid(const char *source);        /* a transport alone, or docker:// with a reference */
/* "manifest.json.<16 hex>.<ext>": a signature file of the statement, without META/. */
bool gf_signature_name_valid(const char *name);
void gf_blob_path(const gf_digest *digest, char out[GF_BLOB_PATH_SIZE]);
const char *gf_kind_text(gf_kind kind);
/* Sort pointers to text; true when two are the same (*same: one of them). */
bool gf_texts_sort(const char **texts, size_t n, const char **same);

#endif
