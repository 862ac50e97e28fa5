/* Manifest against graph: filled from it by pack, compared with it by every reader. */
#include <stdlib.h>
#include <string.h>

#include "bundles/names.h"

/* ---- pack ---- */

static const char *choose_load(const gf_tree *t, const char *wanted)
{
	const char *first = NULL;

	for (size_t i = 0; i < t->n_platforms; i++) {
		if (!t->platforms[i].runnable)
			continue;
		if (wanted != NULL && gf_platform_same(wanted, t->platforms[i].platform))
			return t->platforms[i].platform;
		if (first == NULL && gf_starts_with(t->platforms[i].platform, "linux/"))
			first = t->platforms[i].platform;
	}
	return first;
}

static bool fill_platforms(gf_image *image, const gf_tree *t, gf_error *err)
{
	for (size_t i = 0; i < image->n_platforms; i++)
		free(image->platforms[i].platform);
	free(image->platforms);
	image->n_platforms = 0;
	image->platforms = gf_alloc(t->n_platforms + 1, sizeof *image->platforms, err);
	if (image->platforms == NULL)
		return false;
	for (size_t i = 0; i < t->n_platforms; i++) {
		gf_image_platform *p = &image->platforms[i];

		p->platform = gf_strdup(t->platforms[i].platform, err);
		if (p->platform == NULL)
			return false;
		p->manifest = t->platforms[i].manifest;
		p->image_id = t->platforms[i].image_id;
		image->n_platforms = i + 1;
	}
	return true;
}

static bool fill_image(gf_image *image, const gf_tree *t, const char *load_platform, gf_error *err)
{
	const char *load = choose_load(t, load_platform);

	free(image->media_type);
	free(image->load);
	image->load = NULL;
	image->size = t->size;
	image->media_type = gf_strdup(t->media_type, err);
	if (image->media_type == NULL || (load != NULL && (image->load = gf_strdup(load, err)) == NULL))
		return false;
	return fill_platforms(image, t, err);
}

static bool fill_blobs(gf_manifest *m, const gf_graph *g, gf_error *err)
{
	free(m->blobs);
	m->n_blobs = 0;
	m->blobs = gf_alloc(g->n_blobs + 1, sizeof *m->blobs, err);
	if (m->blobs == NULL)
		return false;
	for (; m->n_blobs < g->n_blobs; m->n_blobs++) {
		m->blobs[m->n_blobs] = g->blobs[m->n_blobs];
		if (m->blobs[m->n_blobs].kind != GF_KIND_LAYER)
			m->blobs[m->n_blobs].raw_size = 0;
	}
	return true;
}

static bool fill_files(gf_manifest *m, const gf_graph *g, gf_error *err)
{
	gf_buf file;
	bool ok = true;

	gf_buf_init(&file, GF_DERIVED_MAX);
	for (int i = 0; i < GF_FILES && ok; i++) {
		ok = gf_derive(m, g, i, &file, err) && gf_hash_bytes(file.data, file.len, &m->files[i].digest, err);
		m->files[i].size = file.len;
	}
	gf_buf_clear(&file);
	if (!ok && err->class == GF_DAMAGED)
		err->class = GF_USAGE; /* too many images for one bundle */
	return ok;
}

bool gf_manifest_complete(gf_manifest *m, const gf_graph *g, const char *load_platform, gf_error *err)
{
	bool ok = m->n_images == g->n_trees ||
	    gf_fail(err, GF_FAILED, "internal", NULL, "%zu images and %zu roots", m->n_images, g->n_trees);

	for (size_t i = 0; i < m->n_images && ok; i++)
		ok = fill_image(&m->images[i], &g->trees[i], load_platform, err);
	return ok && fill_blobs(m, g, err) && fill_files(m, g, err);
}

/* ---- reader ---- */

static bool differs(gf_error *err, const char *object, const char *what, const char *said, const char *found)
{
	return gf_fail(err, GF_DAMAGED, "manifest-graph", object,
	    "%s is '%.128s' in the manifest and '%.128s' in the "
	    "image itself",
	    what, said, found);
}

static bool same_digest(
    const gf_digest *said, const gf_digest *found, const char *object, const char *what, gf_error *err)
{
	char a[GF_DIGEST_SIZE], b[GF_DIGEST_SIZE];

	gf_digest_text(said, a);
	gf_digest_text(found, b);
	return gf_digest_equal(said, found) || differs(err, object, what, a, b);
}

static bool same_size(uint64_t said, uint64_t found, const char *object, const char *what, gf_error *err)
{
	return said == found ||
	    gf_fail(err, GF_DAMAGED, "manifest-graph", object,
		"%s is %llu in the manifest and %llu in the image itself", what, (unsigned long long)said,
		(unsigned long long)found);
}

static bool compare_image(const gf_image *image, const gf_tree *t, gf_error *err)
{
	const char *name = image->names[0];

	if (strcmp(image->media_type, t->media_type) != 0)
		return differs(err, name, "mediaType", image->media_type, t->media_type);
	if (!same_size(image->size, t->size, name, "size", err) ||
	    !same_size(image->n_platforms, t->n_platforms, name, "the number of platforms", err))
		return false;
	for (size_t i = 0; i < t->n_platforms; i++) {
		const gf_image_platform *said = &image->platforms[i];
		const gf_platform *found = &t->platforms[i];

		if (strcmp(said->platform, found->platform) != 0)
			return differs(err, name, "platform", said->platform, found->platform);
		if (!same_digest(&said->manifest, &found->manifest, name, "manifest", err) ||
		    !same_digest(&said->image_id, &found->image_id, name, "imageId", err))
			return false;
	}
	if (image->load != NULL && gf_tree_load(t, image->load) == NULL)
		return gf_fail(err, GF_DAMAGED, "manifest-graph", name,
		    "load names '%.128s', and the image has no such runnable platform", image->load);
	return true;
}

static bool compare_blobs(const gf_manifest *m, const gf_graph *g, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	if (!same_size(m->n_blobs, g->n_blobs, "blobs", "the number of blobs", err))
		return false;
	for (size_t i = 0; i < g->n_blobs; i++) {
		gf_digest_text(&m->blobs[i].digest, text);
		if (!same_digest(&m->blobs[i].digest, &g->blobs[i].digest, "blobs", "the next blob", err) ||
		    !same_size(m->blobs[i].size, g->blobs[i].size, text, "size", err))
			return false;
		if (m->blobs[i].kind != g->blobs[i].kind)
			return differs(
			    err, text, "kind", gf_kind_text(m->blobs[i].kind), gf_kind_text(g->blobs[i].kind));
	}
	return true;
}

/* thin: only SHA256SUMS is there, and the others are judged by what the manifest says of them. */
static bool compare_file(
    const gf_manifest *m, const gf_graph *g, int file, const gf_buf *found, bool present, gf_error *err)
{
	gf_digest digest;
	gf_buf want;
	bool ok;

	gf_buf_init(&want, GF_DERIVED_MAX);
	ok = gf_derive(m, g, file, &want, err) && gf_hash_bytes(want.data, want.len, &digest, err);
	if (ok && (want.len != m->files[file].size || !gf_digest_equal(&digest, &m->files[file].digest)))
		ok = gf_fail(err, GF_DAMAGED, "manifest-graph", gf_file_names[file],
		    "the manifest pins other bytes than those that follow from its images");
	if (ok && present && (found->len != want.len || memcmp(found->data, want.data, want.len) != 0))
		ok = gf_fail(err, GF_DAMAGED, "manifest-graph", gf_file_names[file],
		    "has other bytes than those that follow from the manifest's images");
	gf_buf_clear(&want);
	return ok;
}

bool gf_manifest_compare(
    const gf_manifest *m, const gf_graph *g, const gf_buf files[GF_FILES], bool thin, gf_error *err)
{
	bool ok = same_size(m->n_images, g->n_trees, "images", "the number of images", err);

	for (size_t i = 0; i < m->n_images && ok; i++)
		ok = compare_image(&m->images[i], &g->trees[i], err);
	ok = ok && compare_blobs(m, g, err);
	for (int i = 0; i < GF_FILES && ok; i++)
		ok = compare_file(m, g, i, &files[i], !thin || i == GF_FILE_SUMS, err);
	return ok;
}
