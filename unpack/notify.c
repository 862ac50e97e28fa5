#include <string.h>

#include "unpack/record.h"

#define HOOK_SECONDS 900
#define VARIABLES 7

/* "NAME=value" one behind the other, each with its NUL; list[] gets where they begin. */
typedef struct variables {
	gf_buf all;
	size_t at[VARIABLES], n;
	const char *list[VARIABLES + 1];
} variables;

static bool put(variables *v, const char *name, const char *value, gf_error *err)
{
	if (value == NULL || *value == '\0')
		return true;
	v->at[v->n++] = v->all.len;
	return gf_buf_printf(&v->all, err, "GAPFERRY_%s=%s", name, value) && gf_buf_add(&v->all, "", 1, err);
}

static bool put_u64(variables *v, const char *name, uint64_t value, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, 32);
	ok = gf_buf_printf(&text, err, "%llu", (unsigned long long)value) && put(v, name, gf_buf_text(&text), err);
	gf_buf_clear(&text);
	return ok;
}

static bool fill(variables *v, const gf_telling *t, gf_error *err)
{
	const gf_manifest *m = t->job->manifest;
	char digest[GF_DIGEST_SIZE];

	gf_digest_text(&t->manifest, digest);
	if (!put(v, "RUN", t->run, err) || !put(v, "ENVIRONMENT", t->job->environment->name, err) ||
	    !put(v, "STREAM", m->stream, err) ||
	    (m->stream != NULL && (!put_u64(v, "EPOCH", m->epoch, err) || !put_u64(v, "SEQUENCE", m->sequence, err))) ||
	    !put(v, "VERSION", m->version, err) || !put(v, "MANIFEST", digest, err))
		return false;
	for (size_t i = 0; i < v->n; i++)
		v->list[i] = v->all.data + v->at[i];
	return true;
}

static bool run_program(const gf_hook *h, const variables *v, const gf_buf *text, gf_error *err)
{
	const gf_process p = { .argv = (const char *const *)h->argv,
		.input = text->data,
		.input_size = text->len,
		.env_add = v->list,
		.seconds = HOOK_SECONDS };
	int status = 0;

	return gf_process_run(&p, NULL, &status, err) &&
	    (status == 0 ||
		gf_fail(err, GF_FAILED, "notify", h->argv[0], "'%s' ended with status %d", h->argv[0], status));
}

bool gf_hook_show(const gf_hook *h, gf_buf *out, gf_error *err)
{
	char shown[512];
	bool ok = true;

	if (h->url != NULL) {
		gf_url_show(h->url, shown, sizeof shown);
		return gf_buf_puts(out, shown, err);
	}
	for (size_t i = 0; ok && i < h->argc; i++)
		ok = gf_buf_printf(out, err, "%s%s", i > 0 ? " " : "", h->argv[i]);
	return ok;
}

static bool tell(const gf_hook *h, const gf_telling *t, const variables *v, const gf_buf *text, gf_error *err)
{
	gf_events *events = t->job->events;
	char shown[256];
	bool ok;

	gf_url_show(h->url != NULL ? h->url : h->argv[0], shown, sizeof shown);
	gf_event_say(events, GF_EVENT_NOTE, "notify: %s", shown);
	ok = h->url != NULL ? gf_webhook_call(h, t->run, text, t->job->options->registry.retries, events, err)
			    : run_program(h, v, text, err);
	if (!ok) {
		gf_error why = *err;

		gf_fail(err, GF_FAILED, "notify", shown,
		    "the images are loaded and recorded, but %s%s; run the same command again",
		    strcmp(why.name, "notify") == 0 ? "" : "notify failed: ", why.text);
	}
	return ok;
}

bool gf_notify(const gf_telling *t, gf_error *err)
{
	const gf_environment *e = t->job->environment;
	variables v = { .n = 0 };
	bool ok, ready;
	gf_buf text;

	gf_buf_init(&v.all, 16 * GF_KIB);
	gf_buf_init(&text, GF_DERIVED_MAX);
	ready = ok = e->n_hooks == 0 || (gf_record_print(t, &text, err) && fill(&v, t, err));
	for (size_t i = 0; ready && i < e->n_hooks; i++) {
		gf_error why;

		if (tell(&e->hooks[i], t, &v, &text, &why))
			continue;
		if (ok)
			*err = why;
		ok = false;
	}
	gf_buf_clear(&text);
	gf_buf_clear(&v.all);
	return ok;
}
