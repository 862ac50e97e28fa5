#include <string.h>

#include "unpack/record.h"

#define HOOK_SECONDS 900
#define VARIABLES 7

/* "NAME=value" one behind the other, each with its NUL; list[] gets where they begin. */
static bool put(gf_buf *all, size_t *at, size_t *n, const char *name, const char *value, gf_error *err)
{
	if (value == NULL || *value == '\0')
		return true;
	at[(*n)++] = all->len;
	return gf_buf_printf(all, err, "GAPFERRY_%s=%s", name, value) && gf_buf_add(all, "", 1, err);
}

static bool put_u64(gf_buf *all, size_t *at, size_t *n, const char *name, uint64_t value, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, 32);
	ok = gf_buf_printf(&text, err, "%llu", (unsigned long long)value) &&
	    put(all, at, n, name, gf_buf_text(&text), err);
	gf_buf_clear(&text);
	return ok;
}

static bool run_hook(
    const gf_hook *h, const char *const *variables, const gf_buf *text, gf_events *events, gf_error *err)
{
	const gf_process p = { .argv = (const char *const *)h->argv,
		.input = text->data,
		.input_size = text->len,
		.env_add = variables,
		.seconds = HOOK_SECONDS };
	int status = 0;

	gf_event_say(events, GF_EVENT_NOTE, "notify: %s", h->argv[0]);
	if (!gf_process_run(&p, NULL, &status, err)) {
		gf_error why = *err;

		return gf_fail(err, GF_FAILED, "notify", h->argv[0],
		    "the images are loaded and recorded, but notify failed: %s; run the same command again", why.text);
	}
	return status == 0 ||
	    gf_fail(err, GF_FAILED, "notify", h->argv[0],
		"the images are loaded and recorded, but '%s' ended with status %d; run the same command again",
		h->argv[0], status);
}

bool gf_notify(const gf_environment *e, const gf_manifest *m, const gf_digest *manifest, const char *run,
    const gf_buf *text, gf_events *events, gf_error *err)
{
	const char *variables[VARIABLES + 1] = { NULL };
	size_t at[VARIABLES], n = 0;
	char digest[GF_DIGEST_SIZE];
	gf_buf all;
	bool ok, ready;

	gf_digest_text(manifest, digest);
	gf_buf_init(&all, 16 * GF_KIB);
	ok = put(&all, at, &n, "RUN", run, err) && put(&all, at, &n, "ENVIRONMENT", e->name, err) &&
	    put(&all, at, &n, "STREAM", m->stream, err) &&
	    (m->stream == NULL ||
		(put_u64(&all, at, &n, "EPOCH", m->epoch, err) &&
		    put_u64(&all, at, &n, "SEQUENCE", m->sequence, err))) &&
	    put(&all, at, &n, "VERSION", m->version, err) && put(&all, at, &n, "MANIFEST", digest, err);
	for (size_t i = 0; ok && i < n; i++)
		variables[i] = all.data + at[i];
	ready = ok;
	for (size_t i = 0; ready && i < e->n_hooks; i++) {
		gf_error why;

		if (run_hook(&e->hooks[i], variables, text, events, &why))
			continue;
		if (ok)
			*err = why;
		ok = false;
	}
	gf_buf_clear(&all);
	return ok;
}
