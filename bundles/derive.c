/* The four files that are functions of manifest and graph (FORMAT.md 1). */
#include <string.h>

#include "bundles/names.h"

const gf_platform *gf_tree_load(const gf_tree *tree, const char *load)
{
	for (size_t i = 0; load != NULL && i < tree->n_platforms; i++)
		if (tree->platforms[i].runnable && strcmp(tree->platforms[i].platform, load) == 0)
			return &tree->platforms[i];
	return NULL;
}

static void put_index_entry(gf_json_out *o, const gf_image *image, const char *name)
{
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "mediaType", image->media_type);
	gf_json_put_digest(o, "digest", &image->digest);
	gf_json_put_u64(o, "size", image->size);
	gf_json_open(o, "annotations", '{');
	gf_json_put(o, "io.containerd.image.name", name);
	gf_json_put(o, "org.opencontainers.image.ref.name", name);
	gf_json_close(o, '}');
	gf_json_close(o, '}');
}

static bool derive_index(const gf_manifest *m, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put_u64(&o, "schemaVersion", 2);
	gf_json_put(&o, "mediaType", GF_TYPE_INDEX);
	gf_json_open(&o, "manifests", '[');
	for (size_t i = 0; i < m->n_images; i++)
		for (size_t k = 0; k < m->images[i].n_names; k++)
			put_index_entry(&o, &m->images[i], m->images[i].names[k]);
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	return gf_json_end(&o) && gf_buf_puts(out, "\n", err);
}

static void put_docker_entry(gf_json_out *o, const gf_image *image, const gf_platform *p)
{
	char path[GF_BLOB_PATH_SIZE];

	gf_json_open(o, NULL, '{');
	gf_blob_path(&p->image_id, path);
	gf_json_put(o, "Config", path);
	gf_json_open(o, "RepoTags", '[');
	for (size_t i = 0; i < image->n_names; i++)
		if (!gf_image_name_has_digest(image->names[i]))
			gf_json_put(o, NULL, image->names[i]);
	gf_json_close(o, ']');
	gf_json_open(o, "Layers", '[');
	for (size_t i = 0; i < p->document->n_items; i++) {
		gf_blob_path(&p->document->items[i].digest, path);
		gf_json_put(o, NULL, path);
	}
	gf_json_close(o, ']');
	gf_json_close(o, '}');
}

static bool derive_docker(const gf_manifest *m, const gf_graph *g, gf_buf *out, gf_error *err)
{
	const gf_platform *p;
	gf_json_out o;

	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '[');
	for (size_t i = 0; i < m->n_images; i++) {
		p = gf_tree_load(&g->trees[i], m->images[i].load);
		if (p != NULL)
			put_docker_entry(&o, &m->images[i], p);
	}
	gf_json_close(&o, ']');
	if (!gf_json_end(&o) || !gf_buf_puts(out, "\n", err))
		return false;
	if (out->len > GF_DOCKER_MANIFEST_MAX)
		return gf_fail(err, GF_DAMAGED, "too-large", "manifest.json",
		    "would have %zu bytes, and podman and skopeo read %zu: put fewer images into one bundle", out->len,
		    GF_DOCKER_MANIFEST_MAX);
	return true;
}

static bool add_sum(gf_buf *out, const gf_digest *digest, const char *path, gf_error *err)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(digest, hex);
	return gf_buf_puts(out, hex, err) && gf_buf_puts(out, "  ", err) && gf_buf_puts(out, path, err) &&
	    gf_buf_puts(out, "\n", err);
}

static bool derive_sums(const gf_manifest *m, const gf_graph *g, gf_buf *out, gf_error *err)
{
	char path[GF_BLOB_PATH_SIZE];
	gf_digest digest;
	gf_buf file;
	bool ok = true;

	gf_buf_init(&file, GF_DERIVED_MAX);
	for (int i = GF_FILE_LAYOUT; i < GF_FILES && ok; i++)
		ok = gf_derive(m, g, i, &file, err) && gf_hash_bytes(file.data, file.len, &digest, err) &&
		    add_sum(out, &digest, gf_file_names[i], err);
	gf_buf_clear(&file);
	for (size_t i = 0; i < g->n_blobs && ok; i++) {
		gf_blob_path(&g->blobs[i].digest, path);
		ok = add_sum(out, &g->blobs[i].digest, path, err);
	}
	return ok;
}

bool gf_derive(const gf_manifest *m, const gf_graph *g, int file, gf_buf *out, gf_error *err)
{
	gf_buf_clear(out);
	switch (file) {
	case GF_FILE_SUMS: return derive_sums(m, g, out, err);
	case GF_FILE_LAYOUT: return gf_buf_puts(out, "{\"imageLayoutVersion\":\"1.0.0\"}\n", err);
	case GF_FILE_INDEX: return derive_index(m, out, err);
	case GF_FILE_DOCKER: return derive_docker(m, g, out, err);
	default: return gf_fail(err, GF_FAILED, "internal", NULL, "there is no derived file %d", file);
	}
}
