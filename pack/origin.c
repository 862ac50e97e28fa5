/* origin: what is the same for all of them, and the archive as one. */
#include "pack/origin.h"

#include <string.h>

#include "pack/archive.h"

#define BLOB_NAME_SIZE (sizeof "blobs/sha256/" + 64)

void gf_origin_close(gf_origin *o)
{
	if (o != NULL)
		o->ops->close(o);
}

bool gf_origin_find(gf_origin *o, const gf_descriptor *d, gf_spot *out, bool *there, gf_error *err)
{
	*out = (gf_spot){ .digest = d->digest, .size = d->size, .origin = o };
	return o->ops->find(o, d, out, there, err);
}

gf_input *gf_spot_open(const gf_spot *s, gf_error *err)
{
	return s->origin->ops->open(s->origin, s, err);
}

const char *gf_spot_name(const gf_spot *s, char digest[GF_DIGEST_SIZE])
{
	gf_digest_text(&s->digest, digest);
	return s->entry != NULL ? s->entry->name : digest;
}

/* ---- archives: blobs by their names (OCI image-spec, image-layout.md) ---- */

static gf_archive *archive_of(gf_origin *o)
{
	return (gf_archive *)o; /* an archive begins with its origin */
}

static bool find_blob(gf_origin *o, const gf_descriptor *d, const gf_entry **out, gf_error *err)
{
	char name[BLOB_NAME_SIZE];

	memcpy(name, "blobs/sha256/", sizeof "blobs/sha256/" - 1);
	gf_digest_hex(&d->digest, name + sizeof "blobs/sha256/" - 1);
	if (!gf_archive_find(archive_of(o), name, out, err))
		return false;
	if (*out != NULL && (*out)->size != d->size)
		return gf_fail(err, GF_DAMAGED, "blob-size", name, "expected %llu bytes, found %llu in '%s'",
		    (unsigned long long)d->size, (unsigned long long)(*out)->size, o->name);
	return true;
}

static bool archive_load(gf_origin *o, const gf_descriptor *d, gf_buf *out, bool *there, gf_error *err)
{
	const gf_entry *e;

	if (!find_blob(o, d, &e, err))
		return false;
	*there = e != NULL;
	return e == NULL || gf_archive_load(archive_of(o), e, GF_JSON_BLOB_MAX, out, err);
}

static bool archive_find(gf_origin *o, const gf_descriptor *d, gf_spot *spot, bool *there, gf_error *err)
{
	if (!find_blob(o, d, &spot->entry, err))
		return false;
	*there = spot->entry != NULL;
	return true;
}

static gf_input *archive_open(gf_origin *o, const gf_spot *s, gf_error *err)
{
	return s->made ? gf_archive_read_made(archive_of(o), s->entry, err)
		       : gf_archive_read(archive_of(o), s->entry, err);
}

static void archive_close(gf_origin *o)
{
	gf_archive_close(archive_of(o));
}

const gf_origin_ops gf_archive_origin_ops = { archive_load, archive_find, archive_open, archive_close };
