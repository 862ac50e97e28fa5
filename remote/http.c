/* http: URLs, and clients with the connections they keep. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "remote/client.h"

#define IDLE_MAX 16
#define ROOTS_MAX (8 * GF_MIB)

/* ---- urls ---- */

static bool url_plain(const char *text)
{
	while (*text > 0x20 && *text < 0x7f && *text != '\\')
		text++;
	return *text == '\0';
}

char *gf_url_resolve(const char *base, const char *reference, gf_error *err)
{
	CURLU *u = NULL;
	char *text = NULL, *scheme = NULL, *out = NULL;
	char shown[256];
	size_t n = strlen(reference);
	bool ok = n > 0 && n <= GF_URL_MAX && url_plain(reference);

	u = ok ? curl_url() : NULL;
	ok = u != NULL && (base == NULL || curl_url_set(u, CURLUPART_URL, base, CURLU_DISALLOW_USER) == CURLUE_OK) &&
	    curl_url_set(u, CURLUPART_URL, reference, CURLU_DISALLOW_USER) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0) &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK && url_plain(text); /* "%e9" in a host is decoded */
	if (ok) {
		out = gf_strdup(text, err);
	} else {
		gf_url_show(reference, shown, sizeof shown);
		gf_fail(err, GF_FAILED, "http-url", NULL,
		    "'%s' is no http or https URL of at most %zu plain characters without user name", shown,
		    GF_URL_MAX);
	}
	curl_free(scheme);
	curl_free(text);
	curl_url_cleanup(u);
	return out;
}

char *gf_url_origin(const char *url, gf_error *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *out = NULL;
	char shown[256];
	gf_buf b;

	gf_buf_init(&b, GF_URL_MAX);
	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		if (gf_buf_printf(&b, err, "%s://%s:%s", scheme, host, port)) {
			for (size_t i = 0; i < b.len; i++)
				if (b.data[i] >= 'A' && b.data[i] <= 'Z')
					b.data[i] = (char)(b.data[i] - 'A' + 'a');
			out = b.data;
			b.data = NULL;
		}
	} else {
		gf_url_show(url, shown, sizeof shown);
		gf_fail(err, GF_FAILED, "http-url", NULL, "'%s' is no http or https URL without user name", shown);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	gf_buf_clear(&b);
	return out;
}

unsigned gf_response_retry_after(const gf_response *r)
{
	char text[64];
	uint64_t n;
	time_t when;

	if (!gf_response_header(r, "Retry-After", text, sizeof text))
		return 0;
	if (gf_u64_parse(text, UINT32_MAX, &n))
		return (unsigned)n;
	when = curl_getdate(text, NULL) - time(NULL);
	return when > 0 && when < (time_t)UINT32_MAX ? (unsigned)when : 0;
}

/* ---- clients ---- */

static char *copy_text(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = gf_malloc(n);

	return copy != NULL ? memcpy(copy, text, n) : NULL;
}

/* Memory that libcurl lacks is told from a peer that fails (gf_starved). */
static void start_curl(void)
{
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, gf_malloc, free, gf_realloc, copy_text, gf_calloc);
}

/* The CAs of the system.  A static program has no path built in that is right everywhere. */
static const char *usual_ca_file(void)
{
	static const char *const usual[] = { "/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem" };
	const char *named = getenv("SSL_CERT_FILE");

	if (named != NULL && named[0] != '\0')
		return named;
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (access(usual[i], R_OK) == 0)
			return usual[i];
	return NULL;
}

static bool keep_path(char **out, const char *path, const char *what, gf_error *err)
{
	if (path == NULL)
		return true;
	if (what != NULL && access(path, R_OK) != 0)
		return gf_fail_errno(err, GF_USAGE, "tls-file", path, "reading the %s '%s'", what, path);
	*out = gf_strdup(path, err);
	return *out != NULL;
}

/* libcurl takes one file: that of the system and the further ones become one text. */
static bool join_roots(gf_http *h, const gf_buf *more, gf_error *err)
{
	return (h->ca_file == NULL || gf_file_load(h->ca_file, ROOTS_MAX, GF_USAGE, &h->roots, err)) &&
	    gf_buf_puts(&h->roots, "\n", err) && gf_buf_add(&h->roots, gf_buf_text(more), more->len, err);
}

const char *gf_http_library(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

gf_http *gf_http_open(const gf_http_options *options, gf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	gf_http *h;

	pthread_once(&once, start_curl);
	h = gf_alloc(1, sizeof *h, err);
	if (h == NULL)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	gf_buf_init(&h->roots, ROOTS_MAX + 8 * GF_MIB);
	h->plain = options->plain;
	h->total_seconds = options->total_seconds;
	h->stall_seconds = options->stall_seconds != 0 ? options->stall_seconds : GF_HTTP_STALL_SECONDS;
	if (!keep_path(&h->unix_socket, options->unix_socket, NULL, err) ||
	    !keep_path(&h->ca_file, options->ca_file, "CA file", err) ||
	    !keep_path(&h->cert_file, options->cert_file, "client certificate", err) ||
	    !keep_path(&h->key_file, options->key_file, "client key", err) ||
	    (h->ca_file == NULL && !keep_path(&h->ca_file, usual_ca_file(), NULL, err)) ||
	    (options->more_roots != NULL && !join_roots(h, options->more_roots, err))) {
		gf_http_close(h);
		h = NULL;
	}
	return h;
}

static void free_pair(gf_pair *p)
{
	if (p == NULL)
		return;
	if (p->easy != NULL)
		curl_easy_cleanup(p->easy);
	if (p->multi != NULL)
		curl_multi_cleanup(p->multi);
	free(p);
}

void gf_http_close(gf_http *h)
{
	if (h == NULL)
		return;
	while (h->idle != NULL) {
		gf_pair *p = h->idle;

		h->idle = p->next;
		free_pair(p);
	}
	pthread_mutex_destroy(&h->lock);
	gf_buf_clear(&h->roots);
	free(h->home);
	free(h->unix_socket);
	free(h->ca_file);
	free(h->cert_file);
	free(h->key_file);
	free(h);
}

gf_pair *gf_pair_borrow(gf_http *h, gf_error *err)
{
	gf_pair *p;

	pthread_mutex_lock(&h->lock);
	p = h->idle;
	if (p != NULL) {
		h->idle = p->next;
		h->n_idle--;
	}
	pthread_mutex_unlock(&h->lock);
	if (p != NULL)
		return p;
	p = gf_alloc(1, sizeof *p, err);
	if (p == NULL)
		return NULL;
	p->multi = curl_multi_init();
	p->easy = curl_easy_init();
	if (p->multi == NULL || p->easy == NULL) {
		free_pair(p);
		gf_no_memory(err);
		return NULL;
	}
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, 2L);
	return p;
}

void gf_pair_give_back(gf_http *h, gf_pair *p)
{
	bool keep;

	if (p == NULL)
		return;
	curl_multi_remove_handle(p->multi, p->easy);
	curl_easy_reset(p->easy);
	p->borrower = NULL;
	pthread_mutex_lock(&h->lock);
	keep = h->n_idle < IDLE_MAX;
	if (keep) {
		p->next = h->idle;
		h->idle = p;
		h->n_idle++;
	}
	pthread_mutex_unlock(&h->lock);
	if (!keep)
		free_pair(p);
}
