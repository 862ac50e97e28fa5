#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"

bool gf_files_signed(const gf_policy *p, const gf_policy_role *role, gf_time now, const gf_member *file,
    const gf_files *files, bool *signed_by)
{
	bool any = false;

	for (size_t k = 0; k < role->n_keys; k++) {
		const gf_policy_key *key = &p->keys[role->keys[k]];

		signed_by[k] = gf_policy_key_valid(key, now) &&
		    gf_signature_among(
			key->key, file->name, gf_buf_text(&file->bytes), file->bytes.len, files->list, files->n);
		any = any || signed_by[k];
	}
	return any;
}

bool gf_files_each_signed(const gf_policy *p, const gf_policy_role *role, gf_time now, const gf_files *files,
    gf_signed_take *take, void *ctx, gf_error *err)
{
	bool *signed_by = gf_alloc(role->n_keys + 1, sizeof *signed_by, err), ok = signed_by != NULL;

	for (size_t i = 0; ok && i < files->n; i++)
		if (gf_ends_with(files->list[i].name, ".json") &&
		    gf_files_signed(p, role, now, &files->list[i], files, signed_by))
			ok = take(ctx, &files->list[i], signed_by, err);
	free(signed_by);
	return ok;
}

size_t gf_role_holders(const gf_policy *p, const gf_policy_role *role, const bool *signed_by)
{
	size_t n = 0;

	for (size_t i = 0; i < role->n_keys; i++) {
		bool counted = false;

		for (size_t k = 0; k < i; k++)
			counted = counted ||
			    (signed_by[k] && strcmp(p->keys[role->keys[k]].holder, p->keys[role->keys[i]].holder) == 0);
		n += signed_by[i] && !counted;
	}
	return n;
}
