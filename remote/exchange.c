/* exchange: one request on its way through libcurl. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "remote/client.h"

#define ERROR_BODY_MAX (64 * GF_KIB) /* of an answer that is an error, the rest is dropped */

_Static_assert(GF_CURL_TEXT >= CURL_ERROR_SIZE, "libcurl writes that much");

/* ---- what libcurl calls ---- */

size_t gf_exchange_take_header(char *line, size_t size, size_t n, void *ctx)
{
	gf_exchange *x = ctx;
	gf_response *r = x->response;

	n *= size;
	x->moved += n;
	if (x->head) /* trailers */
		return n;
	if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		const char *space = memchr(line, ' ', n);

		gf_buf_clear(&r->headers);
		r->status = 0;
		for (size_t i = 1; space != NULL && i <= 3 && space + i < line + n; i++)
			if (space[i] >= '0' && space[i] <= '9')
				r->status = r->status * 10 + (space[i] - '0');
		return n;
	}
	if (line[0] == '\r' || line[0] == '\n') {
		x->head = r->status >= 200;
		return n;
	}
	return gf_buf_add(&r->headers, line, n, &x->fault) ? n : 0;
}

size_t gf_exchange_take_body(char *bytes, size_t size, size_t n, void *ctx)
{
	gf_exchange *x = ctx;
	gf_response *r = x->response;

	n *= size;
	if (x->window != NULL && gf_response_ok(r)) {
		if (n > GF_HTTP_WINDOW - x->last) {
			x->held = true;
			return CURL_WRITEFUNC_PAUSE;
		}
		memcpy(x->window + x->last, bytes, n);
		x->last += n;
	} else if (r->status >= 300 && n > ERROR_BODY_MAX - r->body.len) {
		x->enough = true;
		return gf_buf_add(&r->body, bytes, ERROR_BODY_MAX - r->body.len, &x->fault) ? n + 1 : 0;
	} else if (!gf_buf_add(&r->body, bytes, n, &x->fault)) {
		return n + 1;
	}
	x->moved += n;
	return n;
}

static size_t give_body(char *bytes, size_t size, size_t n, void *ctx)
{
	gf_exchange *x = ctx;
	size_t left = x->chunk_size - x->chunk_taken;

	if (left == 0 && x->ended)
		return 0;
	if (left == 0) {
		x->halted = true;
		return CURL_READFUNC_PAUSE;
	}
	n *= size;
	if (n > left)
		n = left;
	memcpy(bytes, x->chunk + x->chunk_taken, n);
	x->chunk_taken += n;
	return n;
}

/* libcurl starts again when a kept connection turns out to be dead.  Only what is still here can be given again. */
static int rewind_body(void *ctx, curl_off_t offset, int origin)
{
	gf_exchange *x = ctx;

	if (origin != SEEK_SET || offset != 0 || x->before != 0)
		return CURL_SEEKFUNC_FAIL;
	x->chunk_taken = 0;
	return CURL_SEEKFUNC_OK;
}

/* A connection is closed, perhaps with an answer in it.  It outlives exchanges, so it knows the pair. */
static int close_socket(void *ctx, curl_socket_t fd)
{
	gf_exchange *x = ((gf_pair *)ctx)->borrower;

	if (x != NULL && x->rescue && x->moved == 0)
		gf_exchange_rescue(x, fd);
	return close(fd);
}

/* ---- one exchange ---- */

static bool add_header(gf_exchange *x, const char *line, gf_error *err)
{
	struct curl_slist *more = curl_slist_append(x->headers, line);

	if (more == NULL)
		return gf_no_memory(err);
	x->headers = more;
	return true;
}

static bool named(const char *header, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(header, name, n) == 0 && header[n] == ':';
}

/* What libcurl would add by itself is taken out (an empty header does that): a registry may refuse an upload for
 * its Accept, a daemon a load for its form type (image-protocols.md 3.1, 4.3). */
static bool set_headers(gf_exchange *x, const gf_request *q, bool same_origin, gf_error *err)
{
	bool typed = false, accepts = false;
	bool ok = add_header(x, "Expect:", err);

	for (const char *const *h = q->headers; ok && h != NULL && *h != NULL; h++) {
		typed = typed || named(*h, "Content-Type");
		accepts = accepts || named(*h, "Accept");
		if (same_origin || !named(*h, "Authorization"))
			ok = add_header(x, *h, err);
	}
	return ok && (typed || add_header(x, "Content-Type:", err)) && (accepts || add_header(x, "Accept:", err));
}

static bool set_method(gf_exchange *x, const gf_request *q, bool streamed)
{
	CURL *c = x->pair->easy;
	bool bad = false;

	if (streamed) {
		bad |= curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		bad |= curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
		bad |= curl_easy_setopt(c, CURLOPT_READDATA, x);
		bad |= curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, rewind_body);
		bad |= curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
		bad |= curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)GF_COPY_STEP);
		bad |= curl_easy_setopt(
		    c, CURLOPT_INFILESIZE_LARGE, x->size == UINT64_MAX ? (curl_off_t)-1 : (curl_off_t)x->size);
		bad |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
		x->rescue = !gf_url_secure(q->url);
	} else if (strcmp(q->method, "HEAD") == 0) {
		bad |= curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (strcmp(q->method, "GET") != 0 || q->body != NULL) {
		bad |= curl_easy_setopt(c, CURLOPT_POST, 1L);
		bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body != NULL ? (const char *)q->body : "");
		bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_size);
		bad |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	}
	return !bad;
}

static bool set_options(gf_exchange *x, const gf_request *q, const char *url, bool streamed, bool local, bool home)
{
	const gf_http *h = x->http;
	CURL *c = x->pair->easy;
	bool bad = false;

	bad |= curl_easy_setopt(c, CURLOPT_URL, url);
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)GF_HTTP_CONNECT_SECONDS);
	bad |= curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)h->total_seconds);
	bad |= curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)GF_COPY_STEP);
	bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "gapferry/" GF_VERSION);
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->text);
	bad |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
	bad |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, gf_exchange_take_header);
	bad |= curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, gf_exchange_take_body);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	bad |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	bad |= curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, x->pair);
	if (local)
		bad |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	else if (!gf_url_secure(url) && getenv("http_proxy") == NULL && getenv("HTTP_PROXY") != NULL)
		bad |= curl_easy_setopt(
		    c, CURLOPT_PROXY, getenv("HTTP_PROXY")); /* libcurl reads only the other spelling */
	if (h->unix_socket != NULL)
		bad |= curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->unix_socket);
	if (h->roots.len > 0) {
		struct curl_blob roots = { h->roots.data, h->roots.len, CURL_BLOB_NOCOPY };

		bad |= curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &roots);
		bad |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	} else if (h->ca_file != NULL) {
		bad |= curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
		bad |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (home && h->cert_file != NULL)
		bad |= curl_easy_setopt(c, CURLOPT_SSLCERT, h->cert_file);
	if (home && h->key_file != NULL)
		bad |= curl_easy_setopt(c, CURLOPT_SSLKEY, h->key_file);
	return !bad && set_method(x, q, streamed);
}

/* Is this the origin that the client is for?  The first one asked is. */
static bool is_home(gf_http *h, const char *origin, bool *home, gf_error *err)
{
	bool ok = true;

	pthread_mutex_lock(&h->lock);
	if (h->home == NULL) {
		h->home = gf_strdup(origin, err);
		ok = h->home != NULL;
	}
	*home = ok && strcmp(h->home, origin) == 0;
	pthread_mutex_unlock(&h->lock);
	return ok;
}

static char *describe(const gf_http *h, const char *method, const char *url, gf_error *err)
{
	char shown[512];
	const char *path;
	gf_buf b;

	gf_buf_init(&b, GF_URL_MAX);
	gf_url_show(url, shown, sizeof shown);
	path = strstr(shown, "://"); /* not there: no memory for it */
	path = path != NULL ? strchr(path + 3, '/') : NULL;
	if (h->unix_socket != NULL)
		gf_buf_printf(&b, err, "%s %s at unix://%s", method, path != NULL ? path : "/", h->unix_socket);
	else
		gf_buf_printf(&b, err, "%s %s", method, shown);
	return b.data;
}

bool gf_exchange_begin(gf_exchange *x, gf_http *h, const gf_request *q, const char *url, bool streamed, gf_error *err)
{
	char *origin = gf_url_origin(url, err);
	const char *host = origin != NULL ? strstr(origin, "://") + 3 : "";
	bool local = h->unix_socket != NULL || gf_host_loopback(host);
	bool home = false, ok = false;

	x->http = h;
	x->patient = q->patient;
	x->ended = !streamed;
	if (origin == NULL || !is_home(h, origin, &home, err))
		goto out;
	if (!local && !h->plain && !gf_url_secure(url)) {
		/* Where a peer sends us is not for the user to allow. */
		if (strcmp(url, q->url) != 0)
			gf_fail(err, GF_FAILED, "http-redirect", host, "sent on to '%s', which has no TLS", host);
		else
			gf_fail(err, GF_USAGE, "http-plain", host,
			    "'%s' is to be spoken to without TLS; allow it with --plain-http", host);
		goto out;
	}
	x->what = describe(h, q->method, url, err);
	x->pair = x->what != NULL ? gf_pair_borrow(h, err) : NULL;
	if (x->pair != NULL)
		x->pair->borrower = x;
	if (x->pair == NULL || !set_headers(x, q, gf_url_same_origin(url, q->url), err))
		goto out;
	x->response->url = gf_strdup(url, err);
	if (x->response->url == NULL)
		goto out;
	if (!set_options(x, q, url, streamed, local, home) ||
	    curl_multi_add_handle(x->pair->multi, x->pair->easy) != CURLM_OK) {
		gf_fail(err, GF_FAILED, "http", NULL, "%s: libcurl refuses an option", x->what);
		goto out;
	}
	ok = true;
out:
	free(origin);
	return ok;
}

void gf_exchange_end(gf_exchange *x)
{
	if (x->pair != NULL)
		gf_pair_give_back(x->http, x->pair);
	/* Authorization may be among them. */
	for (struct curl_slist *s = x->headers; s != NULL; s = s->next)
		for (volatile char *p = s->data; *p != '\0'; p++)
			*p = '\0';
	curl_slist_free_all(x->headers);
	gf_buf_clear(&x->rescued);
	free(x->window);
	free(x->what);
	x->pair = NULL;
	x->headers = NULL;
	x->window = NULL;
	x->what = NULL;
}

static void collect(gf_exchange *x)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(x->pair->multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE && m->easy_handle == x->pair->easy) {
			x->done = true;
			x->result = (unsigned)m->data.result;
			if (x->result != CURLE_OK && !x->head)
				gf_exchange_use_rescued(x);
		}
	}
}

static uint64_t sent(const gf_exchange *x)
{
	curl_off_t n = 0;

	curl_easy_getinfo(x->pair->easy, CURLINFO_SIZE_UPLOAD_T, &n);
	return n > 0 ? (uint64_t)n : 0;
}

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec;
}

/* Let it run until it is done or has what is wanted.  libcurl's own stall limit would count the time that the
 * writer takes for its next piece, so it is not used. */
bool gf_exchange_run(gf_exchange *x, bool (*wanted)(const gf_exchange *), gf_error *err)
{
	uint64_t before = x->moved + sent(x);
	int64_t since = seconds();

	while (!x->done && (wanted == NULL || !wanted(x))) {
		int running;
		CURLMcode m = curl_multi_perform(x->pair->multi, &running);
		uint64_t now;

		collect(x);
		if (x->done || (m == CURLM_OK && wanted != NULL && wanted(x)))
			break;
		if (m == CURLM_OK)
			m = curl_multi_poll(x->pair->multi, NULL, 0, 1000, NULL);
		if (m != CURLM_OK)
			return gf_fail(err, GF_FAILED, "http", NULL, "%s: %s", x->what, curl_multi_strerror(m));
		now = x->moved + sent(x);
		if (now != before || (x->patient && x->ended && sent(x) >= x->before + x->chunk_taken)) {
			before = now;
			since = seconds();
		} else if (seconds() - since > (int64_t)x->http->stall_seconds) {
			return gf_fail(err, GF_FAILED, "http-timeout", NULL,
			    "%s: not a byte has moved for %u seconds; see whether the other side and the way to it are up, and run again",
			    x->what, x->http->stall_seconds);
		}
	}
	return true;
}

static const char *fault_name(CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT: return "http-connect";
	case CURLE_SSL_CONNECT_ERROR: return "http-tls";
	case CURLE_PEER_FAILED_VERIFICATION: return "http-certificate";
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE: return "http-broken";
	case CURLE_OPERATION_TIMEDOUT: return "http-timeout";
	default: return "http";
	}
}

bool gf_exchange_settled(gf_exchange *x, gf_error *err)
{
	const char *name = fault_name((CURLcode)x->result);
	long os = 0;
	gf_buf text;

	if (x->fault.class != GF_OK) {
		*err = x->fault;
		err->class = GF_FAILED; /* an answer that is too long: nothing that was carried here is damaged */
		return gf_because(err, "%s", x->what);
	}
	if (x->result == CURLE_OK || x->enough)
		return true;
	curl_easy_getinfo(x->pair->easy, CURLINFO_OS_ERRNO, &os);
	gf_buf_init(&text, 1024);
	if (gf_text_escape(&text, x->text[0] != '\0' ? x->text : curl_easy_strerror((CURLcode)x->result), 400, err))
		gf_fail(err, GF_FAILED, name, NULL, "%s: %s%s", x->what, gf_buf_text(&text),
		    strcmp(name, "http-certificate") == 0   ? "; give the CA that signed it with --ca-file"
			: strcmp(name, "http-connect") == 0 ? "; is it up, and are host, port and proxy right?"
			: strcmp(name, "http-broken") == 0  ? "; the other side broke off: see its log, and run again"
							    : "");
	err->os_errno = (int)os;
	gf_buf_clear(&text);
	return false;
}

void gf_exchange_resume(gf_exchange *x)
{
	if (x->halted || x->held) {
		x->halted = x->held = false;
		curl_easy_pause(x->pair->easy, CURLPAUSE_CONT);
	}
}
