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
		gf_json_put(o, "shown", n->before[0] != '\0' ? n->before : NULL);
	} else {
		gf_json_put_digest(o, "shown", &n->digest);
		gf_json_put(o, "before", n->moved ? n->before : NULL);
	}
	gf_json_close(o, '}');
}

bool gf_record_print(const gf_telling *t, gf_buf *out, gf_error *err)
{
	const gf_manifest *m = t->job->manifest;
	gf_json_out o;

	gf_json_begin(&o, out, 2, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "run", t->run);
	gf_json_put(&o, "environment", t->job->environment->name);
	if (m->stream != NULL) {
		gf_json_put(&o, "stream", m->stream);
		gf_json_put_u64(&o, "epoch", m->epoch);
		gf_json_put_u64(&o, "sequence", m->sequence);
	}
	gf_json_put(&o, "version", m->version);
	gf_json_put_digest(&o, "manifest", &t->manifest);
	gf_build_put(&o, &m->build);
	gf_json_open(&o, "images", '[');
	for (size_t i = 0; i < gf_targets_count(t->targets); i++) {
		const gf_target *target = gf_targets_at(t->targets, i);

		for (size_t k = 0; !target->failed && k < target->n_names; k++)
			put_name(&o, t->job, target, &target->names[k]);
	}
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	return gf_json_end(&o) && gf_buf_puts(out, "\n", err);
}

bool gf_lock_print(const gf_lock_spec *s, const gf_telling *t, gf_buf *out, gf_error *err)
{
	return s->form == GF_LOCK_JSON ? gf_record_print(t, out, err) : gf_lock_form_print(s, t, out, err);
}

bool gf_lock_write(const gf_telling *t, gf_error *err)
{
	const gf_environment *e = t->job->environment;
	bool ok = true;

	for (size_t i = 0; ok && i < e->n_locks; i++) {
		gf_buf text;

		gf_buf_init(&text, GF_DERIVED_MAX);
		ok = gf_lock_print(&e->locks[i], t, &text, err) &&
		    (gf_file_store(e->locks[i].path, 0644, text.data, text.len, err) || gf_because(err, "lock file"));
		gf_buf_clear(&text);
	}
	return ok;
}
