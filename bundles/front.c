/* All that lies before the layers, as bytes (FORMAT.md 1). */
#include <string.h>

#include "bundles/names.h"
#include "bundles/writer.h"

static bool add_member(uint64_t *at, uint64_t size, gf_error *err)
{
	if (size > GF_BLOB_MAX || *at > GF_BLOB_MAX)
		return gf_fail(err, GF_USAGE, "too-large", NULL, "the bundle would be larger than 2^53 bytes");
	*at += GF_TAR_BLOCK + gf_tar_round(size);
	return true;
}

bool gf_front_size(const gf_front *f, uint64_t *size, gf_error *err)
{
	uint64_t at = 0;
	bool ok = add_member(&at, f->statement->len, err);

	for (size_t i = 0; i < f->n_signatures && ok; i++)
		ok = add_member(&at, f->signatures[i].bytes.len, err);
	for (size_t i = 0; i < GF_FILES && ok; i++)
		ok = add_member(&at, f->manifest->files[i].size, err);
	for (size_t i = 0; ok && i < f->graph->n_blobs && f->graph->blobs[i].kind != GF_KIND_LAYER; i++)
		ok = add_member(&at, f->graph->blobs[i].size, err);
	*size = at + GF_TAR_BLOCK + gf_tar_padding(at);
	return ok;
}

/* ---- the members ---- */

static bool take_head(const gf_front *f, gf_front_take *take, void *ctx, gf_error *err)
{
	char name[128];
	bool ok = take(ctx, "META/manifest.json", f->statement->len, f->statement->data, NULL, err);

	if (ok && f->n_signatures > GF_SIGNATURES_MAX)
		return gf_fail(err, GF_USAGE, "too-large", NULL,
		    "a bundle has room for %d signatures: add the others "
		    "beside it",
		    GF_SIGNATURES_MAX);
	for (size_t i = 0; i < f->n_signatures && ok; i++) {
		const gf_member *s = &f->signatures[i];

		if (!gf_signature_name_valid(s->name) || s->bytes.len == 0 || s->bytes.len > GF_SIGNATURE_MAX ||
		    (i != 0 && strcmp(f->signatures[i - 1].name, s->name) >= 0))
			return gf_fail(err, GF_FAILED, "internal", s->name,
			    "a signature that no reader takes: its name, its size or its place is wrong");
		memcpy(name, "META/", 5);
		memcpy(name + 5, s->name, strlen(s->name) + 1);
		ok = take(ctx, name, s->bytes.len, s->bytes.data, NULL, err);
	}
	return ok;
}

static bool take_files(const gf_front *f, gf_front_take *take, void *ctx, gf_error *err)
{
	gf_digest digest;
	gf_buf file;
	bool ok = true;

	gf_buf_init(&file, GF_DERIVED_MAX);
	for (int i = 0; i < GF_FILES && ok; i++) {
		ok =
		    gf_derive(f->manifest, f->graph, i, &file, err) && gf_hash_bytes(file.data, file.len, &digest, err);
		if (ok &&
		    (file.len != f->manifest->files[i].size ||
			!gf_digest_equal(&digest, &f->manifest->files[i].digest)))
			ok = gf_fail(err, GF_FAILED, "internal", gf_file_names[i], "the manifest pins other bytes");
		ok = ok && take(ctx, gf_file_names[i], file.len, file.data, NULL, err);
	}
	gf_buf_clear(&file);
	return ok;
}

static bool take_evidence(const gf_front *f, const gf_blob *blob, gf_front_take *take, void *ctx, gf_error *err)
{
	char path[GF_BLOB_PATH_SIZE];
	gf_input *in;
	bool ok;

	gf_blob_path(&blob->digest, path);
	if (f->evidence == NULL)
		return gf_fail(err, GF_FAILED, "internal", path, "nothing opens the layers of evidence");
	in = gf_input_exact(f->evidence(f->ctx, blob, err), blob->size, path, err);
	in = gf_input_sha256(in, &blob->digest, path, err);
	ok = in != NULL && take(ctx, path, blob->size, NULL, in, err);
	gf_input_close(in);
	return ok;
}

static bool take_json(const gf_front *f, const gf_blob *blob, gf_front_take *take, void *ctx, gf_error *err)
{
	char path[GF_BLOB_PATH_SIZE];
	const gf_buf *json = gf_store_find(f->store, &blob->digest);

	gf_blob_path(&blob->digest, path);
	if (json == NULL || json->len != blob->size)
		return gf_fail(err, GF_FAILED, "internal", path, "store and graph differ");
	return take(ctx, path, blob->size, json->data, NULL, err);
}

bool gf_front_each(const gf_front *f, gf_front_take *take, void *ctx, gf_error *err)
{
	bool ok = take_head(f, take, ctx, err) && take_files(f, take, ctx, err);

	for (size_t i = 0; ok && i < f->graph->n_blobs && f->graph->blobs[i].kind != GF_KIND_LAYER; i++)
		ok = f->graph->blobs[i].kind == GF_KIND_JSON ? take_json(f, &f->graph->blobs[i], take, ctx, err)
							     : take_evidence(f, &f->graph->blobs[i], take, ctx, err);
	return ok;
}
