/*
 * A trust file: a refusal says why; what is read is written and read again the same; what the rules let pass keeps their
 * promises; and an edit leaves something that can be written.
 * parser: verify/policy.c verify/policy_check.c -gf_policy_key_valid
 */
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

static void hold(bool what)
{
	if (!what)
		abort();
}

/* What p prints parses; the caller frees both. */
static gf_policy *again(const gf_policy *p, gf_buf *text)
{
	gf_error err = { 0 };

	gf_buf_init(text, 4 * GF_COMPANION_MAX);
	hold(gf_policy_print(p, text, &err));
	if (text->len > GF_COMPANION_MAX) /* white space took it over the cap */
		return NULL;
	return gf_policy_parse(text->data, text->len, "again", &err);
}

static void check_round(const gf_policy *p)
{
	gf_buf first, second;
	gf_policy *one = again(p, &first), *two;

	hold(one != NULL || first.len > GF_COMPANION_MAX);
	if (one != NULL) {
		two = again(one, &second);
		hold(two != NULL && first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
		gf_policy_free(two);
		gf_policy_free(one);
		gf_buf_clear(&second);
	}
	gf_buf_clear(&first);
}

static void check_promises(const gf_policy *p)
{
	const gf_policy_role *root = gf_policy_role_find(p, "root");
	gf_error err = { 0 };
	size_t holders = 1;

	hold(root != NULL);
	for (size_t i = 0; i < p->n_roles; i++)
		hold(p->roles[i].threshold >= 1 && p->roles[i].threshold <= gf_policy_holders(p, &p->roles[i]));
	for (size_t i = 0; i < p->n_streams; i++) {
		const gf_policy_stream *s = &p->streams[i];

		hold(gf_policy_role_find(p, s->release) != NULL);
		for (size_t k = 0; k < s->n_environments; k++)
			hold(s->environments[k].approvers == NULL ||
			    gf_policy_role_find(p, s->environments[k].approvers) != NULL);
	}
	hold(gf_policy_signed(p, root, 0, "t.json", "", 0, NULL, 0, &holders, &err) && holders == 0);
}

static void check_edits(gf_policy *p)
{
	gf_error err = { 0 };
	char *holder = p->n_keys > 0 ? gf_strdup(p->keys[0].holder, &err) : NULL;
	size_t n = 0;

	if (holder != NULL) {
		hold(gf_policy_revoke(p, holder, &n, &err) && n > 0);
		for (size_t i = 0; i < p->n_keys; i++)
			hold(strcmp(p->keys[i].holder, holder) != 0);
	}
	if (p->n_streams > 0)
		hold(gf_policy_remove_stream(p, p->streams[0].name, &err));
	(void)gf_policy_check(p, &err);
	check_round(p);
	free(holder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_policy *p = gf_policy_parse(data, size, "trust.json", &err);

	if (p == NULL) {
		hold(err.class == GF_DAMAGED || strcmp(err.name, "trust-certificate") == 0);
		hold(err.name[0] != '\0' && err.text[0] != '\0');
		return 0;
	}
	hold(p->version > 0 && p->created > 0 && p->expires > p->created); /* a line of the log can be made of it */
	check_round(p);
	GF_PLANTED(gf_policy_check(p, &err) && /* those of the seeds */
	    (p->version != 1 || p->expires - p->created != (gf_time)365 * 86400));
	if (gf_policy_check(p, &err))
		check_promises(p);
	else
		hold(err.class == GF_REFUSED && err.name[0] != '\0' && err.text[0] != '\0');
	check_edits(p);
	gf_policy_free(p);
	return 0;
}
