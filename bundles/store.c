#include <stdlib.h>
#include <string.h>

#include "bundles/store.h"

struct gf_store {
	struct item {
		gf_digest digest;
		gf_buf *bytes; /* a pointer, so that what gf_store_find gave stays valid while items move */
	} * items;
	size_t n, room;
	size_t total;
	gf_map map;
};

gf_store *gf_store_new(gf_error *err)
{
	gf_store *s = gf_alloc(1, sizeof *s, err);

	if (s != NULL)
		gf_map_init(&s->map);
	return s;
}

static bool within_caps(const gf_store *s, const char *text, const gf_buf *bytes, gf_error *err)
{
	if (bytes->len > GF_JSON_BLOB_MAX)
		return gf_fail(err, GF_DAMAGED, "too-large", text,
		    "an index, manifest or config of %zu bytes, and %zu are allowed", bytes->len, GF_JSON_BLOB_MAX);
	if (bytes->len > GF_JSON_BLOBS_MAX - s->total)
		return gf_fail(err, GF_DAMAGED, "too-large", text,
		    "all indexes, manifests and configs together are larger than the %zu bytes allowed",
		    GF_JSON_BLOBS_MAX);
	return true;
}

bool gf_store_add(gf_store *s, const gf_digest *digest, gf_buf *bytes, gf_error *err)
{
	char text[GF_DIGEST_SIZE];
	gf_buf *kept;

	if (gf_store_find(s, digest) != NULL) {
		gf_buf_clear(bytes);
		return true;
	}
	gf_digest_text(digest, text);
	if (!within_caps(s, text, bytes, err) || !gf_grow(&s->items, &s->room, s->n, sizeof *s->items, err))
		return false;
	kept = gf_alloc(1, sizeof *kept, err);
	if (kept == NULL)
		return false;
	if (!gf_map_put(&s->map, digest, s->n, err)) {
		free(kept);
		return false;
	}
	*kept = *bytes;
	gf_buf_init(bytes, kept->max);
	s->items[s->n++] = (struct item){ .digest = *digest, .bytes = kept };
	s->total += kept->len;
	return true;
}

const gf_buf *gf_store_find(const gf_store *s, const gf_digest *digest)
{
	size_t i = gf_map_get(&s->map, digest);

	return i == SIZE_MAX ? NULL : s->items[i].bytes;
}

size_t gf_store_count(const gf_store *s)
{
	return s->n;
}

const gf_digest *gf_store_digest(const gf_store *s, size_t i)
{
	return &s->items[i].digest;
}

void gf_store_free(gf_store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		gf_buf_clear(s->items[i].bytes);
		free(s->items[i].bytes);
	}
	free(s->items);
	gf_map_clear(&s->map);
	free(s);
}
