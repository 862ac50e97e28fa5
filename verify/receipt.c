#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"
#include "verify/receipt.h"

/* This manifest, this environment, complete. */
static bool says_complete(const gf_member *file, const char *environment, const gf_digest *manifest)
{
	const char *where = NULL, *result = NULL;
	gf_statement s;
	gf_error why;
	bool yes;

	if (!gf_statement_open(gf_buf_text(&file->bytes), file->bytes.len, file->name, GF_TYPE_RECEIPT, &s, &why))
		return false;
	yes = gf_digest_equal(&s.subject, manifest) && gf_json_string(s.predicate, "environment", &where, &why) &&
	    gf_json_string(s.predicate, "result", &result, &why) && strcmp(where, environment) == 0 &&
	    strcmp(result, "complete") == 0;
	gf_statement_close(&s);
	return yes;
}

bool gf_receipt_complete(const gf_policy *p, const char *environment, const gf_digest *manifest, gf_time now,
    const gf_member *files, size_t n, bool *done, gf_error *err)
{
	const gf_files all = { files, n };
	const gf_policy_role *role;
	bool *one = NULL, *any = NULL, ok;
	char name[80];

	*done = false;
	(void)snprintf(name, sizeof name, "receipt:%s", environment);
	role = gf_policy_role_find(p, name);
	if (role == NULL)
		return true;
	ok = (one = gf_alloc(role->n_keys + 1, sizeof *one, err)) != NULL &&
	    (any = gf_alloc(role->n_keys + 1, sizeof *any, err)) != NULL;
	for (size_t i = 0; ok && i < n; i++) {
		if (!gf_ends_with(files[i].name, ".json") || !gf_files_signed(p, role, now, &all, i, one) ||
		    !says_complete(&files[i], environment, manifest))
			continue;
		for (size_t k = 0; k < role->n_keys; k++)
			any[k] = any[k] || one[k];
	}
	*done = ok && gf_role_holders(p, role, any) >= role->threshold;
	free(one);
	free(any);
	return ok;
}
