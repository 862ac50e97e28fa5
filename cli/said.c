/* said: approvals, rejections and permits about one bundle, and whose they are. */
#include <stdlib.h>

#include "cli/page.h"

/* Keys that are believed and whose signatures over the file are among these. */
static bool find_signers(
    gf_said *s, const gf_trust *trust, const gf_member *file, const gf_member *list, size_t n, gf_error *err)
{
	size_t n_keys = gf_trust_count(trust);

	s->by = gf_alloc(n_keys + 1, sizeof *s->by, err);
	for (size_t k = 0; s->by != NULL && k < n_keys; k++)
		if (gf_signature_among(
			gf_trust_key(trust, k), file->name, gf_buf_text(&file->bytes), file->bytes.len, list, n))
			s->by[s->n_by++] = gf_trust_key(trust, k);
	return s->by != NULL;
}

static void forget(gf_said *s)
{
	gf_approval_clear(&s->what);
	free(s->by);
}

static bool is_known(const gf_said_list *l, const gf_digest *file)
{
	for (size_t i = 0; i < l->n; i++)
		if (gf_digest_equal(&l->list[i].file, file))
			return true;
	return false;
}

/* What is no statement of these, or is about another bundle, is passed over. */
static bool look_at(gf_said_list *l, const gf_trust *trust, const gf_digest *manifest, const gf_member *file,
    const gf_member *list, size_t n, gf_error *err)
{
	gf_said s = { .n_by = 0 };
	gf_error why;
	bool ours = gf_approval_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &s.what, &why) &&
	    gf_digest_equal(&s.what.manifest, manifest),
	     ok = true;

	if (ours)
		ok = gf_hash_bytes(gf_buf_text(&file->bytes), file->bytes.len, &s.file, err) &&
		    find_signers(&s, trust, file, list, n, err);
	if (ok && ours && s.n_by > 0 && !is_known(l, &s.file)) {
		ok = gf_grow(&l->list, &l->room, l->n, sizeof *l->list, err);
		if (ok) {
			l->list[l->n++] = s;
			return true;
		}
	}
	if (ok && ours && s.n_by == 0)
		l->n_unsigned++;
	forget(&s);
	return ok;
}

bool gf_said_add(
    gf_said_list *l, const gf_trust *trust, const gf_digest *manifest, const gf_member *list, size_t n, gf_error *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++)
		if (gf_ends_with(list[i].name, ".json"))
			ok = look_at(l, trust, manifest, &list[i], list, n, err);
	return ok;
}

void gf_said_clear(gf_said_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		forget(&l->list[i]);
	free(l->list);
	*l = (gf_said_list){ .list = NULL };
}

void gf_said_by(const gf_said *s, char *out, size_t cap)
{
	out[0] = '\0';
	for (size_t i = 0; i < s->n_by; i++)
		gf_join(out, cap, gf_pubkey_holder(s->by[i]));
}
