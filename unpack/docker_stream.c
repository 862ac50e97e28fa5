#include <string.h>

#include "unpack/docker_stream.h"
#include "unpack/layout_index.h"

#define BLOB_NAME_SIZE (sizeof "blobs/sha256/" + 64)

static void blob_name(const gf_digest *d, char out[BLOB_NAME_SIZE])
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(d, hex);
	memcpy(out, "blobs/sha256/", 13);
	memcpy(out + 13, hex, sizeof hex);
}

static const gf_buf *document(const gf_stream_image *s, const gf_digest *d, gf_error *err)
{
	const gf_buf *text = gf_store_find(s->store, d);
	char digest[GF_DIGEST_SIZE];

	if (text == NULL) {
		gf_digest_text(d, digest);
		gf_fail(err, GF_FAILED, "internal", digest, "a document of the image was not kept");
	}
	return text;
}

static bool index_text(const gf_stream_image *s, gf_buf *out, gf_error *err)
{
	const gf_buf *entry = document(s, &s->entry, err);
	gf_json_out o;

	if (entry == NULL)
		return false;
	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put_u64(&o, "schemaVersion", 2);
	gf_json_put(&o, "mediaType", GF_TYPE_INDEX);
	gf_json_open(&o, "manifests", '[');
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "mediaType", s->entry_type);
	gf_json_put_digest(&o, "digest", &s->entry);
	gf_json_put_u64(&o, "size", entry->len);
	gf_json_close(&o, '}');
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	return gf_json_end(&o);
}

void gf_stream_put_image(gf_json_out *o, const gf_digest *config, const char *const *tags, size_t n_tags,
    const gf_digest *layers, size_t n_layers)
{
	char name[BLOB_NAME_SIZE];

	gf_json_open(o, NULL, '{');
	blob_name(config, name);
	gf_json_put(o, "Config", name);
	if (n_tags == 0) {
		gf_json_put_null(o, "RepoTags");
	} else {
		gf_json_open(o, "RepoTags", '[');
		for (size_t i = 0; i < n_tags; i++)
			gf_json_put(o, NULL, tags[i]);
		gf_json_close(o, ']');
	}
	gf_json_open(o, "Layers", '[');
	for (size_t i = 0; i < n_layers; i++) {
		blob_name(&layers[i], name);
		gf_json_put(o, NULL, name);
	}
	gf_json_close(o, ']');
	gf_json_close(o, '}');
}

static bool docker_text(const gf_stream_image *s, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '[');
	gf_stream_put_image(&o, &s->config, NULL, 0, s->layers, s->n_layers);
	gf_json_close(&o, ']');
	return gf_json_end(&o);
}

uint64_t gf_stream_member_size(uint64_t size)
{
	return GF_TAR_BLOCK + gf_tar_round(size);
}

static bool header(const char *name, uint64_t size, gf_output *out, gf_error *err)
{
	unsigned char block[GF_TAR_BLOCK];

	gf_tar_header(name, size, 0, block);
	return gf_output_write(out, block, sizeof block, err);
}

bool gf_stream_header(const gf_digest *member, uint64_t size, gf_output *out, gf_error *err)
{
	char name[BLOB_NAME_SIZE];

	blob_name(member, name);
	return header(name, size, out, err);
}

bool gf_stream_fill(uint64_t size, gf_output *out, gf_error *err)
{
	static const unsigned char zeros[GF_TAR_BLOCK];
	size_t n = (size_t)(gf_tar_round(size) - size);

	return n == 0 || gf_output_write(out, zeros, n, err);
}

bool gf_stream_end(gf_output *out, gf_error *err)
{
	static const unsigned char zeros[GF_STREAM_END_SIZE];

	return gf_output_write(out, zeros, sizeof zeros, err);
}

bool gf_stream_document(const char *name, const void *bytes, size_t n, gf_output *out, gf_error *err)
{
	return header(name, n, out, err) && (n == 0 || gf_output_write(out, bytes, n, err)) &&
	    gf_stream_fill(n, out, err);
}

bool gf_stream_front(const gf_stream_image *s, gf_output *out, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_DOCKER_MANIFEST_MAX);
	ok = gf_stream_document("oci-layout", gf_layout_text, strlen(gf_layout_text), out, err) &&
	    index_text(s, &text, err) && gf_stream_document("index.json", text.data, text.len, out, err);
	gf_buf_clear(&text);
	ok = ok && docker_text(s, &text, err) && gf_stream_document("manifest.json", text.data, text.len, out, err);
	gf_buf_clear(&text);
	for (size_t i = 0; ok && i < s->n_documents; i++) {
		const gf_buf *d = document(s, &s->documents[i], err);
		char name[BLOB_NAME_SIZE];

		blob_name(&s->documents[i], name);
		ok = d != NULL && gf_stream_document(name, d->data, d->len, out, err);
	}
	return ok;
}

bool gf_stream_front_size(const gf_stream_image *s, uint64_t *size, gf_error *err)
{
	gf_buf text;
	uint64_t n = gf_stream_member_size(strlen(gf_layout_text));
	bool ok;

	gf_buf_init(&text, GF_DOCKER_MANIFEST_MAX);
	ok = index_text(s, &text, err);
	n += gf_stream_member_size(text.len);
	gf_buf_clear(&text);
	ok = ok && docker_text(s, &text, err);
	n += gf_stream_member_size(text.len);
	gf_buf_clear(&text);
	for (size_t i = 0; ok && i < s->n_documents; i++) {
		const gf_buf *d = document(s, &s->documents[i], err);

		ok = d != NULL;
		if (ok)
			n += gf_stream_member_size(d->len);
	}
	*size = n;
	return ok;
}
