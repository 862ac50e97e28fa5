#include <string.h>

#include "verify/companion.h"

bool gf_files_signed(
    const gf_policy *p, const gf_policy_role *role, gf_time now, const gf_files *files, size_t at, bool *signed_by)
{
	const gf_member *file = &files->list[at];
	bool any = false;

	memset(signed_by, 0, role->n_keys * sizeof *signed_by);
	for (size_t i = 0; i < files->n; i++) {
		const char *ext = gf_signature_ext(files->list[i].name, file->name);

		for (size_t k = 0; ext != NULL && k < role->n_keys; k++) {
			const gf_policy_key *key = &p->keys[role->keys[k]];

			if (!signed_by[k] && gf_policy_key_valid(key, now) &&
			    gf_signature_fits(
				key->key, ext, &files->list[i].bytes, gf_buf_text(&file->bytes), file->bytes.len))
				any = signed_by[k] = true;
		}
	}
	return any;
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
