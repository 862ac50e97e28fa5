/* layout_index: index.json of an OCI layout, with names that are full references (image-spec image-layout.md). */
#ifndef GF_UNPACK_LAYOUT_INDEX_H
#define GF_UNPACK_LAYOUT_INDEX_H

#include "base/base.h"

extern const char gf_layout_text[]; /* the file oci-layout */

typedef struct gf_layout_entry {
	const char *name; /* full reference, for both annotations */
	const char *media_type;
	gf_digest digest;
	uint64_t size;
} gf_layout_entry;

typedef struct gf_layout_index gf_layout_index;

/* DIR/index.json; none there: empty.  Not an index: GF_TARGET "layout-index". */
gf_layout_index *gf_layout_index_load(const char *dir, gf_error *err);
void gf_layout_index_free(gf_layout_index *x);
/* What the name shows, as text; NULL: nothing.  Valid as long as x. */
const char *gf_layout_index_find(const gf_layout_index *x, const char *name);
/*
 * The same index with these entries at its end, in place of those that had one of their names.  Everything
 * else stays, member for member.  x NULL: of an index that there is not yet.
 */
bool gf_layout_index_merge(
    const gf_layout_index *x, const gf_layout_entry *entries, size_t n, gf_buf *out, gf_error *err);

#endif
