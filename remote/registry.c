#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/reference.h"
#include "remote/registry.h"

#define SHOWN_ERRORS 3

/* ---- answers ---- */

static const char *refusal_name(long status)
{
	switch (status) {
	case 401: return "registry-auth";
	case 403: return "registry-denied";
	case 404: return "registry-not-found";
	case 429: return "registry-busy";
	default: return "registry-answer";
	}
}

/* "CODE: message" of the first few errors; false: the body is no such document. */
static bool show_errors(const gf_response *r, gf_buf *out)
{
	gf_error ignored;
	gf_json_doc *doc = gf_json_parse(
	    gf_buf_text(&r->body), r->body.len, GF_HTTP_BODY_MAX, GF_FAILED, "the registry's answer", &ignored);
	gf_json errors = { 0 };
	size_t n = 0;

	if (doc != NULL) {
		errors = gf_json_get(gf_json_root(doc), "errors");
		n = gf_json_typeof(errors) == GF_JSON_ARRAY ? gf_json_count(errors) : 0;
	}
	for (size_t i = 0; i < n && i < SHOWN_ERRORS; i++) {
		gf_json e = gf_json_at(errors, i);
		const char *code = "", *message = "";

		gf_json_string_if(e, "code", &code, &ignored);
		gf_json_string_if(e, "message", &message, &ignored);
		gf_buf_puts(out, i > 0 ? ", " : ": ", &ignored);
		gf_text_escape(out, code, 60, &ignored);
		if (code[0] != '\0' && message[0] != '\0')
			gf_buf_puts(out, ": ", &ignored);
		gf_text_escape(out, message, 250, &ignored);
	}
	gf_json_free(doc);
	return n > 0;
}

/* What the operator can do about it; Harbor and ECR make no project or repository by themselves (image-protocols.md 4.6). */
static const char *advice(const gf_response *r)
{
	const char *said = gf_buf_text(&r->body);

	if (r->status == 401 && strstr(said, "access repository") != NULL)
		return "; is the project there, and may this account push to it?";
	if (r->status == 401)
		return "; check user name and password: docker login, or --username with --password-stdin";
	if (r->status == 404 && (strstr(said, "NAME_UNKNOWN") != NULL || strstr(said, "NOT_FOUND") != NULL))
		return "; this registry wants its projects or repositories made before anything is pushed into them";
	if (r->status == 413)
		return "; a proxy in front of it may limit the size of a request";
	if (r->status == 429)
		return "; it limits how much may be asked for: wait, or log in";
	return "";
}

bool gf_registry_refused(const char *host, const gf_response *r, gf_error *err, const char *fmt, ...)
{
	char what[600];
	gf_error ignored;
	gf_buf said;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	gf_buf_init(&said, 4096);
	if (!show_errors(r, &said) && r->body.len > 0) {
		gf_buf_puts(&said, ": ", &ignored);
		gf_text_escape(&said, gf_buf_text(&r->body), 200, &ignored);
	}
	gf_fail(err, GF_FAILED, refusal_name(r->status), host, "%s: registry '%s' answered %ld%s%s", what, host,
	    r->status, gf_buf_text(&said), advice(r));
	gf_buf_clear(&said);
	return false;
}

/* Warning: 299 - "text" is meant for the user (distribution-spec, "Warnings"). */
static void show_warnings(gf_registry *r, const gf_response *response)
{
	const char *value;
	size_t n;

	for (size_t i = 0; i < 4 && (value = gf_response_value(response, "Warning", i, &n)) != NULL; i++) {
		gf_error ignored;
		char *text = gf_strndup(value, n, &ignored);
		gf_buf shown;

		gf_buf_init(&shown, 2048);
		if (text != NULL && gf_starts_with(text, "299 ") && gf_text_escape(&shown, text + 4, 400, &ignored))
			gf_event_say(
			    r->events, GF_EVENT_WARNING, "registry '%s' warns: %s", r->host, gf_buf_text(&shown));
		gf_buf_clear(&shown);
		free(text);
	}
}

/* ---- requests ---- */

char *gf_registry_url(const gf_registry *r, const char *repository, gf_error *err, const char *fmt, ...)
{
	char tail[512];
	va_list ap;
	gf_buf b;

	if (!gf_repository_valid(repository)) {
		gf_fail(err, GF_USAGE, "reference", NULL, "'%s' cannot be the name of a repository", repository);
		return NULL;
	}
	va_start(ap, fmt);
	vsnprintf(tail, sizeof tail, fmt, ap);
	va_end(ap);
	gf_buf_init(&b, GF_URL_MAX);
	gf_buf_printf(&b, err, "%s/v2/%s/%s", r->base, repository, tail);
	return b.data;
}

bool gf_registry_authorised(gf_registry *r, const char *repository, const char *from, gf_registry_send *send, void *ctx,
    const gf_response *response, gf_error *err)
{
	bool ok = true, again = true;

	for (unsigned round = 0; ok && again && round < 2; round++) {
		gf_secret authorization = { 0 };

		ok = gf_auth_header(r->auth, repository, from, &authorization, err) &&
		    send(ctx, authorization.data, err);
		gf_secret_clear(&authorization);
		again = ok && response->status == 401 && round == 0;
		if (again)
			ok = gf_auth_challenged(r->auth, response, repository, from, &again, err);
	}
	return ok;
}

typedef struct asking {
	gf_registry *r;
	const gf_request *q;
	gf_response *response;
} asking;

/* The headers of q and one more. */
static bool send_request(void *ctx, const char *authorization, gf_error *err)
{
	const asking *a = ctx;
	const char *headers[16] = { NULL };
	gf_request with = *a->q;
	size_t n = 0;

	for (; with.headers != NULL && with.headers[n] != NULL && n < 14; n++)
		headers[n] = with.headers[n];
	headers[n] = authorization;
	with.headers = headers;
	return gf_http_do_again(a->r->http, &with, a->response, a->r->retries, a->r->events, err);
}

bool gf_registry_request_from(
    gf_registry *r, const char *repository, const char *from, const gf_request *q, gf_response *response, gf_error *err)
{
	asking a = { r, q, response };
	bool ok = gf_registry_authorised(r, repository, from, send_request, &a, response, err);

	if (ok)
		show_warnings(r, response);
	return ok;
}

bool gf_registry_request(
    gf_registry *r, const char *repository, const gf_request *q, gf_response *response, gf_error *err)
{
	return gf_registry_request_from(r, repository, NULL, q, response, err);
}

/* ---- opening ---- */

static bool set_base(gf_registry *r, bool secure, gf_error *err)
{
	/* docker.io is a name, not a registry. */
	const char *server = strcmp(r->host, "docker.io") == 0 ? "registry-1.docker.io" : r->host;
	gf_buf b;

	free(r->base);
	gf_buf_init(&b, GF_URL_MAX);
	gf_buf_printf(&b, err, "http%s://%s", secure ? "s" : "", server);
	r->base = b.data;
	return b.data != NULL;
}

static bool ping(gf_registry *r, unsigned retries, gf_response *response, gf_error *err)
{
	static const char *const headers[] = { "Accept: application/json", NULL };
	gf_request q = { .method = "GET", .headers = headers };
	gf_buf url;
	bool ok;

	gf_buf_init(&url, GF_URL_MAX);
	ok = gf_buf_printf(&url, err, "%s/v2/", r->base);
	q.url = url.data;
	ok = ok && gf_http_do_again(r->http, &q, response, retries, r->events, err);
	gf_buf_clear(&url);
	return ok;
}

/*
 * A loopback host may speak either, as Docker allows.  It is asked in plain first, which costs nothing, where TLS
 * would read the system's certificates before it fails (20 ms); a TLS server answers 400 to that.  Nothing secret is
 * in the question.  Who gives certificates means TLS.
 */
static bool reach(gf_registry *r, const gf_http_options *http, gf_response *response, gf_error *err)
{
	bool either = !http->plain && gf_host_loopback(r->host) && http->ca_file == NULL && http->more_roots == NULL &&
	    http->cert_file == NULL;

	if (!set_base(r, !http->plain && !either, err))
		return false;
	if (!either)
		return ping(r, r->retries, response, err);
	if (ping(r, 0, response, err) && response->status != 400)
		return true;
	return set_base(r, true, err) && ping(r, r->retries, response, err);
}

static bool introduce(gf_registry *r, const gf_http_options *http, gf_error *err)
{
	gf_response response;
	bool ok = false, again;

	gf_response_init(&response);
	if (!reach(r, http, &response, err)) {
		gf_because(err, "registry '%s'", r->host);
		goto out;
	}
	if (response.status == 401)
		ok = gf_auth_challenged(r->auth, &response, NULL, NULL, &again, err);
	else
		ok = response.status == 200 ||
		    gf_registry_refused(r->host, &response, err, "asking for the registry API (/v2/)");
out:
	gf_response_clear(&response);
	return ok;
}

/* What the options do not say, the certs.d directories may. */
static void with_certs(gf_http_options *http, const gf_certs *c)
{
	if (http->ca_file == NULL && c->roots.len > 0)
		http->more_roots = &c->roots;
	if (http->cert_file == NULL && c->cert_file != NULL) {
		http->cert_file = c->cert_file;
		http->key_file = c->key_file;
	}
}

gf_registry *gf_registry_open(const char *host, const gf_registry_options *options, gf_error *err)
{
	gf_http_options http = options->http;
	gf_registry *r = NULL;
	gf_certs certs = { 0 };
	bool ok = false;

	if (!gf_host_valid(host, strlen(host))) {
		gf_fail(err, GF_USAGE, "reference", host, "'%s' is no host[:port]", host);
		return NULL;
	}
	r = gf_alloc(1, sizeof *r, err);
	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->retries = options->retries;
	r->events = options->events;
	r->host = gf_strdup(strcmp(host, "index.docker.io") == 0 ? "docker.io" : host, err);
	ok = r->host != NULL && gf_certs_find(r->host, &certs, err);
	with_certs(&http, &certs);
	r->http = ok ? gf_http_open(&http, err) : NULL;
	r->auth = r->http != NULL ? gf_auth_new(r->host, options, r->http, err) : NULL;
	ok = r->auth != NULL && introduce(r, &http, err);
	gf_certs_clear(&certs);
	if (!ok) {
		gf_registry_close(r);
		r = NULL;
	}
	return r;
}

void gf_registry_close(gf_registry *r)
{
	if (r == NULL)
		return;
	gf_registry_drop_sessions(r);
	gf_auth_free(r->auth);
	gf_http_close(r->http);
	pthread_mutex_destroy(&r->lock);
	free(r->base);
	free(r->host);
	free(r);
}

const char *gf_registry_host(const gf_registry *r)
{
	return r->host;
}
