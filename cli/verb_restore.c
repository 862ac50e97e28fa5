/* log restore: floors that were lost with the state come back from receipts that were carried away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/receipt.h"

typedef struct restoring {
	gf_receipt_file *files;
	bool *raised;
	size_t n;
	gf_state *state;
	gf_site_keys keys;
} restoring;

/* All of them, before a line is written. */
static bool check_all(restoring *r, gf_error *err)
{
	gf_receipt_keys keys = {
		.given = (const gf_pubkey *const *)r->keys.given, .n_given = r->keys.n, .site = r->keys.site
	};
	gf_receipt_by by;

	if (r->keys.n == 0 && r->keys.site == NULL)
		return gf_fail(err, GF_USAGE, "site-key", gf_state_dir(r->state),
		    "there is no site.pub in '%s': name this site's public key, of which you kept a copy (--key)",
		    gf_state_dir(r->state));
	for (size_t i = 0; i < r->n; i++)
		if (!gf_receipt_judge(
			&r->files[i].r, r->files[i].files.members, r->files[i].files.n, &keys, gf_now(), &by, err))
			return false;
	return true;
}

static bool raise_all(restoring *r, gf_error *err)
{
	bool ok = true;

	if (!gf_state_lock(r->state, err))
		return false;
	for (size_t i = 0; ok && i < r->n; i++)
		ok = gf_receipt_restore(r->state, &r->files[i].r, &r->files[i].digest, &r->raised[i], err) ||
		    gf_because(err, "'%s'", r->files[i].path);
	gf_state_unlock(r->state);
	return ok;
}

static void sign(const gf_run *run, const restoring *r)
{
	gf_error why;
	gf_signer *key = gf_state_site_key(r->state, gf_value(&run->args, GF_OPT_SITE_SIGN_CMD), &why);

	if (key == NULL || !gf_state_checkpoint(r->state, key, &why))
		gf_event_say(
		    run->events, GF_EVENT_WARNING, "the checkpoint of the log is not signed anew: %s", why.text);
	gf_signer_free(key);
}

static bool tell(const restoring *r, gf_error *err)
{
	gf_table *t = gf_table_new(4, err);

	gf_table_add(t, "receipt", "environment", "release", "");
	for (size_t i = 0; i < r->n; i++) {
		const gf_receipt *p = &r->files[i].r;
		char text[160];

		(void)snprintf(text, sizeof text, "%s %llu.%llu", p->stream, (unsigned long long)p->epoch,
		    (unsigned long long)p->sequence);
		gf_table_add(t, gf_path_base(r->files[i].path), p->environment, text,
		    r->raised[i] ? "the floor was raised to it" : "the floor is there, or higher");
	}
	return gf_table_print(t, stdout, 0, err);
}

static bool report(gf_run *run, const restoring *r, gf_error *err)
{
	gf_report out;

	gf_report_open(&out, run, err);
	gf_json_open(&out.out, "receipts", '[');
	for (size_t i = 0; i < r->n; i++) {
		const gf_receipt *p = &r->files[i].r;

		gf_json_open(&out.out, NULL, '{');
		gf_json_put(&out.out, "file", r->files[i].path);
		gf_json_put(&out.out, "environment", p->environment);
		gf_json_put(&out.out, "stream", p->stream);
		gf_json_put_u64(&out.out, "epoch", p->epoch);
		gf_json_put_u64(&out.out, "sequence", p->sequence);
		gf_json_put_bool(&out.out, "raised", r->raised[i]);
		gf_json_close(&out.out, '}');
	}
	gf_json_close(&out.out, ']');
	return gf_report_close(&out, run, NULL, err);
}

bool gf_verb_log_restore(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const gf_words *words = &a->words;
	restoring r = { .n = 0 };
	bool ok;

	ok = (r.files = gf_alloc(words->n, sizeof *r.files, err)) != NULL &&
	    (r.raised = gf_alloc(words->n, sizeof *r.raised, err)) != NULL;
	while (ok && r.n < words->n) {
		ok = gf_receipt_file_open(&r.files[r.n], words->items[r.n], err);
		r.n++;
	}
	ok = ok && (r.state = gf_state_open(gf_value(a, GF_OPT_STATE), true, err)) != NULL &&
	    gf_site_keys_take(&r.keys, &a->options[GF_OPT_RECEIPT_KEY], r.state, err) && check_all(&r, err) &&
	    raise_all(&r, err);
	if (ok) {
		sign(run, &r);
		ok = run->json ? report(run, &r, err) : tell(&r, err);
	}
	for (size_t i = 0; i < r.n; i++)
		gf_receipt_file_clear(&r.files[i]);
	free(r.files);
	free(r.raised);
	gf_site_keys_clear(&r.keys);
	gf_state_close(r.state);
	return ok;
}
