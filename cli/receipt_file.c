/* Receipts on the disk: read with their signatures, and the keys to hold them against. */
#include <stdlib.h>

#include "cli/receipt.h"

bool gf_receipt_file_open(gf_receipt_file *f, const char *path, gf_error *err)
{
	const gf_buf *bytes;

	*f = (gf_receipt_file){ .path = path };
	if (!gf_trust_files_add(&f->files, path, err))
		return false;
	bytes = &f->files.members[0].bytes;
	return gf_hash_bytes(gf_buf_text(bytes), bytes->len, &f->digest, err) &&
	    gf_receipt_parse(gf_buf_text(bytes), bytes->len, path, &f->r, err);
}

void gf_receipt_file_clear(gf_receipt_file *f)
{
	gf_receipt_clear(&f->r);
	gf_trust_files_clear(&f->files);
}

bool gf_receipt_file_checkpoint(const gf_receipt_file *f, gf_member *out, gf_error *err)
{
	gf_checkpoint c;

	gf_receipt_log(&f->r, &c);
	gf_buf_init(&out->bytes, GF_KIB);
	out->name = gf_strdup(f->path, err);
	return out->name != NULL && gf_checkpoint_print(&c, &out->bytes, err);
}

bool gf_receipt_file_audit(const gf_receipt_file *f, const gf_state *s, gf_audit *audit, gf_error *err)
{
	gf_member known = { .name = NULL };
	gf_audit_options o = { .checkpoints = &known, .n_checkpoints = 1 };
	bool ok = gf_receipt_file_checkpoint(f, &known, err) && gf_audit_run(s, &o, audit, err);

	free(known.name);
	gf_buf_clear(&known.bytes);
	return ok;
}

bool gf_site_keys_take(gf_site_keys *k, const gf_words *paths, const gf_state *s, gf_error *err)
{
	*k = (gf_site_keys){ .given = gf_alloc(paths->n + 1, sizeof *k->given, err) };
	if (k->given == NULL)
		return false;
	for (size_t i = 0; i < paths->n; i++) {
		k->given[i] = gf_pubkey_load(paths->items[i], err);
		if (k->given[i] == NULL)
			return false;
		k->n++;
	}
	return gf_state_site_public(s, &k->site, err);
}

void gf_site_keys_clear(gf_site_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		gf_pubkey_free(k->given[i]);
	free(k->given);
	gf_pubkey_free(k->site);
}
