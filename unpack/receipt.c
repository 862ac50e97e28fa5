/* The receipt of a run, from what the targets show and what was decided. */
#include <stdlib.h>
#include <string.h>

#include "unpack/record.h"

static bool copy_name(char **out, const char *text, gf_error *err)
{
	return text == NULL || (*out = gf_strdup(text, err)) != NULL;
}

static bool add_checks(gf_receipt *r, const gf_verdict *v, gf_error *err)
{
	for (size_t i = 0; i < GF_CHECKS; i++) {
		struct gf_receipt_check *c;

		if (!gf_grow(&r->checks, &r->checks_room, r->n_checks, sizeof *r->checks, err))
			return false;
		c = &r->checks[r->n_checks++];
		if (!copy_name(&c->name, v->checks[i].name, err) ||
		    !copy_name(&c->result, gf_result_text(v->checks[i].result), err))
			return false;
	}
	return true;
}

static bool add_trust(gf_receipt *r, const gf_trust *trust, const gf_verdict *v, gf_error *err)
{
	if (gf_trust_policy(trust) != NULL) {
		r->trust_version = gf_trust_policy(trust)->version;
		r->trust = *gf_trust_digest(trust);
	}
	for (size_t i = 0; i < v->n_signers; i++) {
		if (!gf_grow(&r->signers, &r->signers_room, r->n_signers, sizeof *r->signers, err))
			return false;
		r->signers[r->n_signers++] = *gf_pubkey_id(v->signers[i]);
	}
	return true;
}

static bool add_word(gf_receipt *r, const char *holder, const gf_digest *file, gf_error *err)
{
	struct gf_receipt_word *w;

	if (!gf_grow(&r->words, &r->words_room, r->n_words, sizeof *r->words, err))
		return false;
	w = &r->words[r->n_words++];
	w->permit = holder == NULL;
	w->file = *file;
	return copy_name(&w->holder, holder, err);
}

static bool add_words(gf_receipt *r, const gf_verdict *v, gf_error *err)
{
	for (size_t i = 0; v->approvals != NULL && i < v->n_approvals; i++)
		if (!add_word(r, v->approvals[i].holder, &v->approvals[i].file, err))
			return false;
	return !v->has_permit || add_word(r, NULL, &v->permit, err);
}

/* The place of what this target shows; names of one image stand together. */
static gf_receipt_image *image_of(
    gf_receipt *r, size_t from, const char *target, const gf_digest *digest, gf_error *err)
{
	gf_receipt_image *im;

	for (size_t i = from; i < r->n_images; i++)
		if (gf_digest_equal(&r->images[i].digest, digest))
			return &r->images[i];
	if (!gf_grow(&r->images, &r->images_room, r->n_images, sizeof *r->images, err))
		return NULL;
	im = &r->images[r->n_images++];
	im->digest = *digest;
	return copy_name(&im->target, target, err) ? im : NULL;
}

static bool add_target(gf_receipt *r, const gf_target *t, gf_error *err)
{
	size_t from = r->n_images;

	for (size_t i = 0; i < t->n_names; i++) {
		const gf_naming *n = &t->names[i];
		gf_receipt_image *im;

		if (n->state == GF_ROW_KEPT)
			continue;
		im = image_of(r, from, t->spec->label, &n->digest, err);
		if (im == NULL || !gf_grow(&im->names, &im->room, im->n_names, sizeof *im->names, err))
			return false;
		im->n_names++;
		if (!copy_name(&im->names[im->n_names - 1].name, n->text, err) ||
		    !copy_name(&im->names[im->n_names - 1].before,
			!n->moved                  ? NULL
			    : n->before[0] != '\0' ? n->before
						   : "another image",
			err))
			return false;
	}
	return true;
}

static bool add_targets(gf_receipt *r, const gf_targets *targets, gf_error *err)
{
	r->complete = true;
	for (size_t i = 0; i < gf_targets_count(targets); i++) {
		const gf_target *t = gf_targets_at(targets, i);

		r->complete = r->complete && t->committed;
		if (t->committed && !add_target(r, t, err))
			return false;
	}
	return true;
}

static bool make(const gf_telling *t, const gf_receipting *w, gf_receipt *r, gf_error *err)
{
	const gf_manifest *m = t->job->manifest;

	*r = (gf_receipt){ .manifest = t->manifest,
		.epoch = m->stream != NULL ? m->epoch : 0,
		.sequence = m->stream != NULL ? m->sequence : 0,
		.has_config = t->job->environment->has_digest,
		.config = t->job->environment->digest,
		.bytes_read = w->verdict->bytes_read,
		.bytes_held = w->verdict->bytes_held,
		.log_size = w->log_size,
		.log_root = w->log_root,
		.created = gf_now() };
	return copy_name(&r->site, gf_state_site(w->state), err) && copy_name(&r->environment, w->environment, err) &&
	    copy_name(&r->stream, m->stream, err) && add_checks(r, w->verdict, err) &&
	    add_trust(r, w->trust, w->verdict, err) && add_words(r, w->verdict, err) && add_targets(r, t->targets, err);
}

/* The signature first: a receipt that lies there has one. */
static bool copy_out(
    const char *dir, const gf_member *file, const gf_member *signature, gf_unpack_result *result, gf_error *err)
{
	gf_buf path;
	bool ok;

	gf_buf_init(&path, 8192);
	ok = gf_path_join(&path, dir, signature->name, err) &&
	    gf_file_store(path.data, 0644, gf_buf_text(&signature->bytes), signature->bytes.len, err) &&
	    gf_path_join(&path, dir, file->name, err) &&
	    gf_file_store(path.data, 0644, gf_buf_text(&file->bytes), file->bytes.len, err) &&
	    (result->receipt_copy = gf_strdup(path.data, err)) != NULL;
	gf_buf_clear(&path);
	return ok || gf_because(err, "the copy for '%s' (the receipt is '%s')", dir, result->receipt);
}

static bool note_path(const gf_receipting *w, const gf_digest *manifest, const char *name, char **out, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_buf path;
	bool ok;

	gf_digest_hex(manifest, hex);
	gf_buf_init(&path, 8192);
	ok = gf_buf_printf(&path, err, "%s/records/%s/%s", gf_state_dir(w->state), hex, name) &&
	    (*out = gf_strdup(path.data, err)) != NULL;
	gf_buf_clear(&path);
	return ok;
}

bool gf_receipt_write(const gf_telling *t, const gf_receipting *w, gf_unpack_result *result, gf_error *err)
{
	const char *dir = t->job->options->receipt_dir;
	gf_member file = { .name = NULL }, signature = { .name = NULL };
	gf_receipt r;
	bool ok;

	ok = make(t, w, &r, err) && gf_receipt_keep(w->state, &r, w->site_key, &file, &signature, err) &&
	    note_path(w, &r.manifest, file.name, &result->receipt, err) &&
	    (dir == NULL || copy_out(dir, &file, &signature, result, err));
	free(file.name);
	gf_buf_clear(&file.bytes);
	free(signature.name);
	gf_buf_clear(&signature.bytes);
	gf_receipt_clear(&r);
	return ok;
}
