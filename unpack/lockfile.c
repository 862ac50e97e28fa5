#include <string.h>

#include "unpack/record.h"

/* The image ID of the platform that is shown, else of the one that `docker load` would take, else of the first. */
static const gf_digest *image_id(const gf_image *image, const gf_naming *n)
{
	const gf_digest *id = NULL;

	for (size_t i = 0; i < image->n_platforms; i++) {
		const gf_image_platform *p = &image->platforms[i];

		if (gf_digest_equal(&p->image_id, &n->digest))
			return &p->image_id;
		if (id == NULL || (image->load != NULL && strcmp(p->platform, image->load) == 0))
			id = &p->image_id;
	}
	return id;
}

static void put_name(gf_json_out *o, const gf_job *job, const gf_target *t, const gf_naming *n)
{
	const gf_image *image = &job->manifest->images[n->image];
	const gf_digest *id = image_id(image, n);

	gf_json_open(o, NULL, '{');
	gf_json_put(o, "name", n->text);
	gf_json_put(o, "packed", n->packed);
	gf_json_put(o, "target", t->spec->label);
	gf_json_put_digest(o, "digest", &image->digest);
	if (id != NULL)
		gf_json_put_digest(o, "imageId", id);
	if (n->state == GF_ROW_KEPT) { /* on-existing: keep left another image under the name */
		gf_json_put_bool(o, "kept", true);
		gf_json_put(o, "shown", n->before);
	} else {
		gf_json_put_digest(o, "shown", &n->digest);
		gf_json_put(o, "before", n->moved ? n->before : NULL);
	}
	gf_json_close(o, '}');
}

bool gf_record_print(const gf_targets *s, const gf_job *job, const char *run, gf_buf *out, gf_error *err)
{
	const gf_manifest *m = job->manifest;
	const gf_buf *statement = gf_reader_statement(job->reader);
	gf_digest digest;
	gf_json_out o;

	if (!gf_hash_bytes(statement->data, statement->len, &digest, err))
		return false;
	gf_json_begin(&o, out, 2, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "run", run);
	gf_json_put(&o, "environment", job->environment->name);
	if (m->stream != NULL) {
		gf_json_put(&o, "stream", m->stream);
		gf_json_put_u64(&o, "epoch", m->epoch);
		gf_json_put_u64(&o, "sequence", m->sequence);
	}
	gf_json_put(&o, "version", m->version);
	gf_json_put_digest(&o, "manifest", &digest);
	gf_build_put(&o, &m->build);
	gf_json_open(&o, "images", '[');
	for (size_t i = 0; i < gf_targets_count(s); i++) {
		const gf_target *t = gf_targets_at(s, i);

		for (size_t k = 0; t->committed && k < t->n_names; k++)
			put_name(&o, job, t, &t->names[k]);
	}
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	return gf_json_end(&o) && gf_buf_puts(out, "\n", err);
}

bool gf_lockfile_write(const char *path, const gf_buf *text, gf_error *err)
{
	return gf_file_store(path, 0644, text->data, text->len, err) || gf_because(err, "lock-file");
}
