#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "remote/registry.h"

#define TOKEN_MAX (64 * GF_KIB)
#define TOKEN_SECONDS 60 /* the default, and the least that a service may mean */
#define TOKEN_SECONDS_MAX 86400
#define MARGIN 10 /* a token must last so much longer when a request begins */

/* The token of one repository. */
typedef struct token {
	char *repository;
	gf_secret header;
	int64_t ends; /* of the monotonic clock; 0: none */
	struct token *next;
} token;

struct gf_auth {
	pthread_mutex_t lock;
	char *host;
	char *file;
	gf_http *http;
	bool read_only;
	unsigned retries;
	gf_events *events;
	bool known; /* credentials were looked for */
	gf_credentials credentials;
	bool asked; /* challenge is set */
	gf_challenge challenge;
	char *realm; /* absolute, and checked */
	gf_secret basic;
	token *tokens;
};

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec;
}

gf_auth *gf_auth_new(const char *host, const gf_registry_options *options, gf_http *http, gf_error *err)
{
	gf_auth *a = gf_alloc(1, sizeof *a, err);
	bool ok;

	if (a == NULL)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	a->http = http;
	a->retries = options->retries;
	a->read_only = options->read_only;
	a->events = options->events;
	a->host = gf_strdup(host, err);
	ok = a->host != NULL;
	if (ok && options->auth_file != NULL) {
		a->file = gf_strdup(options->auth_file, err);
		ok = a->file != NULL;
	}
	if (ok && options->username != NULL) {
		a->known = true;
		a->credentials.username = gf_strdup(options->username, err);
		ok = a->credentials.username != NULL &&
		    (options->password == NULL ||
			gf_secret_set(&a->credentials.password, options->password->data, options->password->len, err));
	}
	if (!ok) {
		gf_auth_free(a);
		a = NULL;
	}
	return a;
}

void gf_auth_free(gf_auth *a)
{
	if (a == NULL)
		return;
	while (a->tokens != NULL) {
		token *t = a->tokens;

		a->tokens = t->next;
		gf_secret_clear(&t->header);
		free(t->repository);
		free(t);
	}
	gf_secret_clear(&a->basic);
	gf_credentials_clear(&a->credentials);
	pthread_mutex_destroy(&a->lock);
	free(a->realm);
	free(a->host);
	free(a->file);
	free(a);
}

/* ---- Basic ---- */

/* "Authorization: Basic ..." of user and secret. */
static bool basic_header(const char *username, const gf_secret *secret, gf_secret *out, gf_error *err)
{
	static const char start[] = "Authorization: Basic ";
	size_t user = username != NULL ? strlen(username) : 0, n = user + 1 + secret->len;
	gf_buf pair, line;
	bool ok;

	gf_buf_init(&pair, n);
	gf_buf_init(&line, sizeof start + n / 3 * 4 + 8);
	/* Reserved in full, so that no copy is left behind by growing. */
	ok = gf_buf_reserve(&pair, n, err) && gf_buf_reserve(&line, line.max, err) &&
	    gf_buf_add(&pair, username != NULL ? username : "", user, err) && gf_buf_puts(&pair, ":", err) &&
	    gf_buf_add(&pair, secret->data != NULL ? secret->data : "", secret->len, err) &&
	    gf_buf_puts(&line, start, err) && gf_base64_encode(&line, pair.data, pair.len, err) &&
	    gf_secret_set(out, line.data, line.len, err);
	gf_buf_wipe(&pair);
	gf_buf_wipe(&line);
	return ok;
}

/* ---- challenges ---- */

/* A realm over plain http must be on the registry's own host, or both on this machine. */
static bool realm_allowed(const char *url, const char *realm, gf_error *err)
{
	char *a = gf_url_origin(url, err), *b = a != NULL ? gf_url_origin(realm, err) : NULL;
	bool ok = false;

	if (b != NULL && gf_url_may_lead(url, realm, err)) {
		const char *from = strstr(a, "://") + 3, *to = strstr(b, "://") + 3;
		size_t n = (size_t)(strrchr(from, ':') - from), m = (size_t)(strrchr(to, ':') - to);

		ok = gf_url_secure(realm) || (n == m && memcmp(from, to, n) == 0) ||
		    (gf_host_loopback(from) && gf_host_loopback(to)) ||
		    gf_fail(err, GF_FAILED, "registry-challenge", NULL,
			"'%s' sends us for a token to '%s', another host without TLS", a, b);
	}
	free(a);
	free(b);
	return ok;
}

static bool read_challenge(gf_auth *a, const gf_response *r, gf_error *err)
{
	gf_challenge c = { 0 };
	const char *value;
	char *realm = NULL;
	size_t n;

	for (size_t i = 0; (value = gf_response_value(r, "WWW-Authenticate", i, &n)) != NULL; i++)
		if (!gf_challenge_parse(value, n, &c, err))
			return gf_because(err, "registry '%s'", a->host);
	if (c.bearer) {
		realm = gf_url_resolve(r->url, c.realm, err);
		if (realm == NULL || !realm_allowed(r->url, realm, err)) {
			free(realm);
			return gf_because(err, "the token service of registry '%s'", a->host);
		}
	} else if (!c.basic) {
		return gf_fail(err, GF_FAILED, "registry-challenge", a->host,
		    "registry '%s' wants to know who we are, in a way that is not spoken here (Basic and Bearer are)",
		    a->host);
	}
	free(a->realm);
	a->realm = realm;
	a->challenge = c;
	a->asked = true;
	return true;
}

static bool find_credentials(gf_auth *a, gf_error *err)
{
	if (!a->known && !gf_credentials_find(a->host, a->file, &a->credentials, err))
		return false;
	a->known = true;
	return true;
}

static token *token_of(gf_auth *a, const char *repository)
{
	token *t = a->tokens;

	while (t != NULL && strcmp(t->repository, repository) != 0)
		t = t->next;
	return t;
}

bool gf_auth_challenged(gf_auth *a, const gf_response *r, const char *repository, bool *again, gf_error *err)
{
	token *t;
	bool ok, tried;

	pthread_mutex_lock(&a->lock);
	tried = a->basic.data != NULL;
	ok = read_challenge(a, r, err) && find_credentials(a, err);
	t = repository != NULL ? token_of(a, repository) : NULL;
	if (t != NULL)
		t->ends = 0;
	*again = ok && (a->challenge.bearer || !tried);
	pthread_mutex_unlock(&a->lock);
	return ok;
}

/* ---- tokens ---- */

static bool add_parameter(gf_buf *b, const char *name, const char *text, gf_error *err)
{
	return (b->len == 0 || gf_buf_puts(b, "&", err)) && gf_buf_printf(b, err, "%s=", name) &&
	    gf_url_escape(b, text, "", err);
}

static bool scope_parameters(const gf_auth *a, const char *repository, gf_buf *b, gf_error *err)
{
	char scope[300];

	/* Both actions at once, whatever the challenge says: some registries ask for too little (image-protocols.md 4.4). */
	snprintf(scope, sizeof scope, "repository:%s:pull%s", repository, a->read_only ? "" : ",push");
	return (a->challenge.service[0] == '\0' || add_parameter(b, "service", a->challenge.service, err)) &&
	    add_parameter(b, "scope", scope, err);
}

/* Token services that know no refresh tokens answer so; the identity token is then the password. */
static bool knows_no_post(long status)
{
	return status == 404 || status == 401 || status == 400 || status == 405;
}

static bool post_for_token(gf_auth *a, const char *repository, gf_response *r, gf_error *err)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL };
	gf_request q = { .method = "POST", .url = a->realm, .headers = headers };
	gf_buf form;
	bool ok;

	gf_buf_init(&form, 4 * TOKEN_MAX);
	ok = gf_buf_reserve(&form, 3 * a->credentials.identity.len + 4096, err) &&
	    add_parameter(&form, "grant_type", "refresh_token", err) && scope_parameters(a, repository, &form, err) &&
	    add_parameter(&form, "client_id", "gapferry", err) &&
	    add_parameter(&form, "refresh_token", a->credentials.identity.data, err);
	q.body = form.data;
	q.body_size = form.len;
	ok = ok && gf_http_do_again(a->http, &q, r, a->retries, a->events, err);
	gf_buf_wipe(&form);
	return ok;
}

static bool get_token(gf_auth *a, const char *repository, gf_response *r, gf_error *err)
{
	const gf_credentials *c = &a->credentials;
	bool known = c->username != NULL || c->identity.data != NULL;
	gf_secret basic = { 0 };
	gf_buf query, url;
	bool ok;

	gf_buf_init(&query, GF_URL_MAX);
	gf_buf_init(&url, GF_URL_MAX);
	ok = scope_parameters(a, repository, &query, err) &&
	    (c->username == NULL || c->username[0] == '\0' || add_parameter(&query, "account", c->username, err)) &&
	    gf_buf_printf(&url, err, "%s%c%s", a->realm, strchr(a->realm, '?') != NULL ? '&' : '?', query.data) &&
	    (!known || basic_header(c->username, c->identity.data != NULL ? &c->identity : &c->password, &basic, err));
	if (ok) {
		const char *const headers[] = { "Accept: application/json", basic.data, NULL };
		gf_request q = { .method = "GET", .url = url.data, .headers = headers, .follow = true };

		ok = gf_http_do_again(a->http, &q, r, a->retries, a->events, err);
	}
	gf_secret_clear(&basic);
	gf_buf_clear(&query);
	gf_buf_clear(&url);
	return ok;
}

static bool token_plain(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return n > 0 && n <= TOKEN_MAX;
}

static bool keep_token(gf_auth *a, token *t, const gf_response *r, gf_error *err)
{
	static const char start[] = "Authorization: Bearer ";
	gf_json_doc *doc = gf_json_parse(
	    gf_buf_text(&r->body), r->body.len, 4 * TOKEN_MAX, GF_FAILED, "the answer of the token service", err);
	const char *text = "";
	uint64_t lasts = TOKEN_SECONDS;
	gf_error ignored;
	gf_buf line;
	bool ok = false;

	gf_buf_init(&line, TOKEN_MAX + sizeof start);
	if (doc == NULL || !gf_json_string_if(gf_json_root(doc), "token", &text, err) ||
	    !gf_json_string_if(gf_json_root(doc), "access_token", &text, err))
		goto out;
	if (!token_plain(text)) {
		gf_fail(err, GF_FAILED, "registry-token", a->host,
		    "the token service of registry '%s' answers without a usable token", a->host);
		goto out;
	}
	/* Counted from now: issued_at of a service with another clock has led clients to ask each time. */
	if (!gf_json_u64_if(gf_json_root(doc), "expires_in", &lasts, &ignored) || lasts < TOKEN_SECONDS)
		lasts = TOKEN_SECONDS;
	if (lasts > TOKEN_SECONDS_MAX)
		lasts = TOKEN_SECONDS_MAX;
	ok = gf_buf_reserve(&line, sizeof start + strlen(text), err) && gf_buf_puts(&line, start, err) &&
	    gf_buf_puts(&line, text, err) && gf_secret_set(&t->header, line.data, line.len, err);
	if (ok)
		t->ends = seconds() + (int64_t)lasts;
out:
	gf_buf_wipe(&line);
	gf_json_free(doc);
	return ok;
}

static bool fetch_token(gf_auth *a, token *t, gf_error *err)
{
	bool posted = a->credentials.identity.data != NULL;
	gf_response r;
	bool ok;

	gf_response_init(&r);
	ok = !posted || post_for_token(a, t->repository, &r, err);
	if (ok && (!posted || knows_no_post(r.status)))
		ok = get_token(a, t->repository, &r, err);
	if (!ok)
		gf_because(err, "asking for a token for '%s/%s'", a->host, t->repository);
	else if (r.status != 200)
		ok = gf_registry_refused(a->host, &r, err, "asking for a token for '%s/%s' %s%s", a->host,
		    t->repository, a->credentials.username != NULL ? "as " : "without a user name",
		    a->credentials.username != NULL ? a->credentials.username : "");
	else
		ok = keep_token(a, t, &r, err);
	gf_buf_wipe(&r.body);
	gf_response_clear(&r);
	return ok;
}

static bool bearer(gf_auth *a, const char *repository, gf_secret *out, gf_error *err)
{
	token *t = token_of(a, repository);

	if (t == NULL) {
		t = gf_alloc(1, sizeof *t, err);
		if (t == NULL)
			return false;
		t->repository = gf_strdup(repository, err);
		if (t->repository == NULL) {
			free(t);
			return false;
		}
		t->next = a->tokens;
		a->tokens = t;
	}
	if (t->ends < seconds() + MARGIN && !fetch_token(a, t, err))
		return false;
	return gf_secret_set(out, t->header.data, t->header.len, err);
}

bool gf_auth_header(gf_auth *a, const char *repository, gf_secret *out, gf_error *err)
{
	const gf_credentials *c = &a->credentials;
	bool ok = true;

	gf_secret_clear(out);
	/* Held while a token is fetched: of several threads that need the same one, one asks. */
	pthread_mutex_lock(&a->lock);
	if (a->asked && a->challenge.bearer)
		ok = bearer(a, repository, out, err);
	else if (a->asked && c->username == NULL)
		ok = gf_fail(err, GF_FAILED, "registry-auth", a->host,
		    "registry '%s' wants a user name and a password; log in with 'docker login %s', or give --username "
		    "with --password-stdin",
		    a->host, a->host);
	else if (a->asked)
		ok = (a->basic.data != NULL || basic_header(c->username, &c->password, &a->basic, err)) &&
		    gf_secret_set(out, a->basic.data, a->basic.len, err);
	pthread_mutex_unlock(&a->lock);
	return ok;
}
