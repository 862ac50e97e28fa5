#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "remote/registry.h"

#define MARGIN 10 /* a token must last so much longer when a request begins */
#define FOREVER INT64_MAX

/* What is shown to one repository, or to one and a second that is only read: an account can be that of a namespace. */
typedef struct account {
	char *repository, *from; /* from: NULL for none */
	gf_credentials credentials;
	gf_secret header;
	int64_t ends; /* of the monotonic clock; 0: no header yet, or it was refused */
	struct account *next;
} account;

struct gf_auth {
	pthread_mutex_t lock;
	char *host;
	char *file;
	gf_http *http;
	bool read_only;
	unsigned retries;
	gf_events *events;
	gf_credentials given; /* before any file */
	gf_helped helped;
	bool asked; /* challenge is set */
	gf_challenge challenge;
	char *realm; /* absolute, and checked */
	account *accounts;
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
		a->given.username = gf_strdup(options->username, err);
		ok = a->given.username != NULL &&
		    (options->password == NULL ||
			gf_secret_set(&a->given.password, options->password->data, options->password->len, err));
	}
	if (!ok) {
		gf_auth_free(a);
		a = NULL;
	}
	return a;
}

static void account_free(account *c)
{
	gf_credentials_clear(&c->credentials);
	gf_secret_clear(&c->header);
	free(c->repository);
	free(c->from);
	free(c);
}

void gf_auth_free(gf_auth *a)
{
	if (a == NULL)
		return;
	while (a->accounts != NULL) {
		account *next = a->accounts->next;

		account_free(a->accounts);
		a->accounts = next;
	}
	gf_credentials_clear(&a->helped.answer);
	gf_credentials_clear(&a->given);
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

static bool not_spoken(const gf_auth *a, const gf_response *r, gf_error *err)
{
	size_t n = 0;
	const char *value = gf_response_value(r, "WWW-Authenticate", 0, &n);
	char *text = value != NULL ? gf_strndup(value, n < 80 ? n : 80, err) : NULL;

	gf_fail(err, GF_FAILED, "registry-challenge", a->host,
	    "registry '%s' wants to know who we are and offers %s%s%s; Basic and Bearer are spoken here: is it a "
	    "registry, or a proxy that wants a login?",
	    a->host, text != NULL ? "'" : "", text != NULL ? text : "no way to say it", text != NULL ? "'" : "");
	free(text);
	return false;
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
		return not_spoken(a, r, err);
	}
	free(a->realm);
	a->realm = realm;
	a->challenge = c;
	a->asked = true;
	return true;
}

/* ---- accounts ---- */

static bool find_credentials(gf_auth *a, const char *repository, gf_credentials *out, gf_error *err)
{
	const gf_account who = { a->host, repository };

	return gf_credentials_any(&a->given) ? gf_credentials_copy(&a->given, out, err)
					     : gf_credentials_find(&who, a->file, &a->helped, out, err);
}

static bool same_or_none(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static account *account_if(gf_auth *a, const char *repository, const char *from)
{
	account *c = a->accounts;

	/* A password says nothing of repositories. */
	if (!a->challenge.bearer)
		from = NULL;
	while (c != NULL && (strcmp(c->repository, repository) != 0 || !same_or_none(c->from, from)))
		c = c->next;
	return c;
}

static account *account_of(gf_auth *a, const char *repository, const char *from, gf_error *err)
{
	account *c = account_if(a, repository, from);

	if (c != NULL)
		return c;
	c = gf_alloc(1, sizeof *c, err);
	if (c == NULL)
		return NULL;
	c->repository = gf_strdup(repository, err);
	if (c->repository != NULL && from != NULL && a->challenge.bearer)
		c->from = gf_strdup(from, err);
	if (c->repository == NULL || (c->from == NULL && from != NULL && a->challenge.bearer) ||
	    !find_credentials(a, repository, &c->credentials, err)) {
		account_free(c);
		return NULL;
	}
	c->next = a->accounts;
	a->accounts = c;
	return c;
}

bool gf_auth_challenged(
    gf_auth *a, const gf_response *r, const char *repository, const char *from, bool *again, gf_error *err)
{
	account *c;
	bool ok, all;

	pthread_mutex_lock(&a->lock);
	ok = read_challenge(a, r, err);
	c = repository != NULL ? account_if(a, repository, from) : NULL;
	/* It has seen all there is. */
	all = c != NULL && c->header.data != NULL && (!a->challenge.bearer || c->credentials.token.data != NULL);
	if (c != NULL)
		c->ends = 0;
	*again = ok && !all;
	pthread_mutex_unlock(&a->lock);
	return ok;
}

/* ---- tokens ---- */

static bool add_parameter(gf_buf *b, const char *name, const char *text, gf_error *err)
{
	return (b->len == 0 || gf_buf_puts(b, "&", err)) && gf_buf_printf(b, err, "%s=", name) &&
	    gf_url_escape(b, text, "", err);
}

/* posted: a form has one scope of several words, a query several scopes (distribution token and OAuth specifications). */
static bool scope_parameters(const gf_auth *a, const account *c, bool posted, gf_buf *b, gf_error *err)
{
	char scope[600], from[300];

	/* Both actions at once, whatever the challenge says: some registries ask for too little (image-protocols.md 4.4). */
	snprintf(from, sizeof from, "repository:%s:pull", c->from != NULL ? c->from : "");
	snprintf(scope, sizeof scope, "repository:%s:pull%s%s%s", c->repository, a->read_only ? "" : ",push",
	    c->from != NULL && posted ? " " : "", c->from != NULL && posted ? from : "");
	return (a->challenge.service[0] == '\0' || add_parameter(b, "service", a->challenge.service, err)) &&
	    add_parameter(b, "scope", scope, err) &&
	    (c->from == NULL || posted || add_parameter(b, "scope", from, err));
}

/* Token services that know no refresh tokens answer so; the identity token is then the password. */
static bool knows_no_post(long status)
{
	return status == 404 || status == 401 || status == 400 || status == 405;
}

static bool post_for_token(gf_auth *a, const account *c, gf_response *r, gf_error *err)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL };
	gf_request q = { .method = "POST", .url = a->realm, .headers = headers };
	gf_buf form;
	bool ok;

	gf_buf_init(&form, 4 * GF_TOKEN_MAX);
	ok = gf_buf_reserve(&form, 3 * c->credentials.identity.len + 4096, err) &&
	    add_parameter(&form, "grant_type", "refresh_token", err) && scope_parameters(a, c, true, &form, err) &&
	    add_parameter(&form, "client_id", "gapferry", err) &&
	    add_parameter(&form, "refresh_token", c->credentials.identity.data, err);
	q.body = form.data;
	q.body_size = form.len;
	ok = ok && gf_http_do_again(a->http, &q, r, a->retries, a->events, err);
	gf_buf_wipe(&form);
	return ok;
}

static bool get_token(gf_auth *a, const account *of, gf_response *r, gf_error *err)
{
	const gf_credentials *c = &of->credentials;
	bool known = c->username != NULL || c->identity.data != NULL;
	gf_secret basic = { 0 };
	gf_buf query, url;
	bool ok;

	gf_buf_init(&query, GF_URL_MAX);
	gf_buf_init(&url, GF_URL_MAX);
	ok = scope_parameters(a, of, false, &query, err) &&
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

static bool keep_token(gf_auth *a, account *c, const gf_response *r, gf_error *err)
{
	uint64_t lasts;

	if (!gf_token_read(gf_buf_text(&r->body), r->body.len, &c->header, &lasts, err))
		return gf_because(err, "the token service of registry '%s'", a->host);
	c->ends = seconds() + (int64_t)lasts;
	return true;
}

static bool fetch_token(gf_auth *a, account *c, gf_error *err)
{
	const char *as = c->credentials.username;
	bool posted = c->credentials.identity.data != NULL;
	gf_response r;
	bool ok;

	gf_response_init(&r);
	ok = !posted || post_for_token(a, c, &r, err);
	if (ok && (!posted || knows_no_post(r.status)))
		ok = get_token(a, c, &r, err);
	if (!ok)
		gf_because(err, "asking for a token for '%s/%s'", a->host, c->repository);
	else if (r.status != 200)
		ok = gf_registry_refused(a->host, &r, err, "asking for a token for '%s/%s' %s%s", a->host,
		    c->repository, as != NULL ? "as " : "without a user name", as != NULL ? as : "");
	else
		ok = keep_token(a, c, &r, err);
	gf_buf_wipe(&r.body);
	gf_response_clear(&r);
	return ok;
}

/* ---- the header ---- */

static bool make_header(gf_auth *a, account *c, gf_error *err)
{
	const gf_credentials *have = &c->credentials;
	bool ok;

	if (have->token.data == NULL && a->challenge.bearer)
		return fetch_token(a, c, err);
	if (have->token.data != NULL)
		ok = gf_token_header(have->token.data, &c->header, err) ||
		    gf_because(err, "'registrytoken' of '%s'", a->host);
	else if (have->username != NULL)
		ok = basic_header(have->username, &have->password, &c->header, err);
	else
		ok = gf_fail(err, GF_FAILED, "registry-auth", a->host,
		    "registry '%s' wants a user name and a password; log in with 'docker login %s', or give --username "
		    "with --password-stdin",
		    a->host, a->host);
	if (ok)
		c->ends = FOREVER;
	return ok;
}

bool gf_auth_header(gf_auth *a, const char *repository, const char *from, gf_secret *out, gf_error *err)
{
	account *c;
	bool ok = true;

	gf_secret_clear(out);
	/* Held while a token is fetched: of several threads that need the same one, one asks. */
	pthread_mutex_lock(&a->lock);
	if (a->asked) {
		c = account_of(a, repository, from, err);
		ok = c != NULL && (c->ends >= seconds() + MARGIN || make_header(a, c, err)) &&
		    gf_secret_set(out, c->header.data, c->header.len, err);
	}
	pthread_mutex_unlock(&a->lock);
	return ok;
}
