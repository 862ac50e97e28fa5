/* The signed statement, written: keys in the order of FORMAT.md 2, one space a level, one LF at the end. */
#include <string.h>

#include "bundles/names.h"

static void put_subject(gf_json_out *o, const gf_manifest *m)
{
	gf_json_open(o, "subject", '[');
	for (size_t i = 0; i < m->n_images; i++)
		for (size_t k = 0; k < m->images[i].n_names; k++) {
			gf_json_open(o, NULL, '{');
			gf_json_put(o, "name", m->images[i].names[k]);
			gf_json_open(o, "digest", '{');
			gf_json_put_hex(o, "sha256", &m->images[i].digest);
			gf_json_close(o, '}');
			gf_json_close(o, '}');
		}
	gf_json_close(o, ']');
}

static void put_stream(gf_json_out *o, const gf_manifest *m)
{
	if (m->stream != NULL) {
		gf_json_put(o, "stream", m->stream);
		gf_json_put_u64(o, "epoch", m->epoch);
		gf_json_put_u64(o, "sequence", m->sequence);
	}
	gf_json_put(o, "version", m->version);
	if (m->has_previous) {
		gf_json_open(o, "previous", '{');
		gf_json_put_u64(o, "sequence", m->previous_sequence);
		gf_json_put_hex(o, "sha256", &m->previous);
		gf_json_close(o, '}');
	}
	if (m->n_audience != 0)
		gf_json_put_texts(o, "audience", m->audience, m->n_audience);
	if (m->trust_version != 0)
		gf_json_put_u64(o, "trustVersion", m->trust_version);
	gf_json_put_time(o, "created", m->created);
	if (m->expires != 0)
		gf_json_put_time(o, "expires", m->expires);
}

void gf_build_put(gf_json_out *o, const gf_build *b)
{
	gf_json_open(o, "build", '{');
	gf_json_put(o, "system", b->system);
	gf_json_put(o, "id", b->id);
	gf_json_put(o, "number", b->number);
	gf_json_put(o, "url", b->url);
	gf_json_put(o, "repository", b->repository);
	gf_json_put(o, "revision", b->revision);
	gf_json_put(o, "ref", b->ref);
	gf_json_put(o, "definition", b->definition);
	gf_json_put(o, "requester", b->requester);
	gf_json_put(o, "collection", b->collection);
	if (b->n_labels != 0) {
		gf_json_open(o, "labels", '{');
		for (size_t i = 0; i < b->n_labels; i++)
			gf_json_put(o, b->labels[i].key, b->labels[i].value);
		gf_json_close(o, '}');
	}
	gf_json_close(o, '}');
}

static void put_packer(gf_json_out *o, const gf_manifest *m)
{
	gf_json_open(o, "packer", '{');
	gf_json_put(o, "name", "gapferry");
	gf_json_put(o, "version", m->packer_version);
	gf_json_put(o, "compressor", m->compressor);
	gf_json_close(o, '}');
}

void gf_image_put(gf_json_out *o, const gf_image *image)
{
	gf_json_open(o, NULL, '{');
	gf_json_put_texts(o, "names", image->names, image->n_names);
	gf_json_put(o, "source", image->source);
	gf_json_put_digest(o, "digest", &image->digest);
	gf_json_put(o, "mediaType", image->media_type);
	gf_json_put_u64(o, "size", image->size);
	gf_json_put(o, "load", image->load);
	gf_json_open(o, "platforms", '[');
	for (size_t i = 0; i < image->n_platforms; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "platform", image->platforms[i].platform);
		gf_json_put_digest(o, "manifest", &image->platforms[i].manifest);
		gf_json_put_digest(o, "imageId", &image->platforms[i].image_id);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	if (image->n_evidence != 0) {
		gf_json_open(o, "evidence", '[');
		for (size_t i = 0; i < image->n_evidence; i++)
			gf_json_put_digest(o, NULL, &image->evidence[i]);
		gf_json_close(o, ']');
	}
	if (image->has_source_index)
		gf_json_put_digest(o, "sourceIndex", &image->source_index);
	gf_json_close(o, '}');
}

static void put_files(gf_json_out *o, const gf_manifest *m)
{
	gf_json_open(o, "files", '[');
	for (size_t i = 0; i < GF_FILES; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "path", gf_file_names[i]);
		gf_json_put_u64(o, "size", m->files[i].size);
		gf_json_put_hex(o, "sha256", &m->files[i].digest);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_blobs(gf_json_out *o, const gf_manifest *m)
{
	gf_json_open(o, "blobs", '[');
	for (size_t i = 0; i < m->n_blobs; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put_digest(o, "digest", &m->blobs[i].digest);
		gf_json_put_u64(o, "size", m->blobs[i].size);
		gf_json_put(o, "kind", gf_kind_text(m->blobs[i].kind));
		if (m->blobs[i].raw_size != 0)
			gf_json_put_u64(o, "uncompressedSize", m->blobs[i].raw_size);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

/* What is signed must be what a reader takes: its limits and rules are met here, not at the far side. */
static bool check_readable(const gf_buf *text, gf_error *err)
{
	gf_manifest *m = gf_manifest_parse(text->data, text->len, err);

	if (m == NULL) {
		err->class = err->class == GF_DAMAGED ? GF_USAGE : err->class;
		return gf_because(err, "the manifest would be refused at the far side");
	}
	gf_manifest_free(m);
	return true;
}

bool gf_manifest_print(const gf_manifest *m, gf_buf *out, gf_error *err)
{
	gf_json_out o;

	gf_buf_clear(out);
	gf_json_begin(&o, out, 1, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "_type", "https://in-toto.io/Statement/v1");
	put_subject(&o, m);
	gf_json_put(&o, "predicateType", "urn:gapferry:bundle:v1");
	gf_json_open(&o, "predicate", '{');
	put_stream(&o, m);
	gf_build_put(&o, &m->build);
	put_packer(&o, m);
	gf_json_open(&o, "images", '[');
	for (size_t i = 0; i < m->n_images; i++)
		gf_image_put(&o, &m->images[i]);
	gf_json_close(&o, ']');
	put_files(&o, m);
	put_blobs(&o, m);
	gf_json_close(&o, '}');
	gf_json_close(&o, '}');
	return gf_json_end(&o) && gf_buf_puts(out, "\n", err) && check_readable(out, err);
}
