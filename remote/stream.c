#include <stdlib.h>
#include <string.h>

#include "remote/exchange.h"

#define HOPS_MAX 5

/* ---- requests that need no stream ---- */

static bool redirected(const gf_request *q, const gf_response *r)
{
	return q->follow &&
	    (r->status == 301 || r->status == 302 || r->status == 303 || r->status == 307 || r->status == 308);
}

/* The URL that a redirect names, in place of *url. */
static bool next_hop(const gf_response *r, unsigned hops, char **url, gf_error *err)
{
	char location[GF_URL_MAX];
	char *next = NULL;

	if (hops >= HOPS_MAX)
		return gf_fail(err, GF_FAILED, "http-redirect", NULL, "more than %d redirects", HOPS_MAX);
	if (!gf_response_header(r, "Location", location, sizeof location))
		return gf_fail(err, GF_FAILED, "http-redirect", NULL, "status %ld without a Location", r->status);
	next = gf_url_resolve(*url, location, err);
	if (next == NULL || !gf_url_may_lead(*url, next, err)) {
		free(next);
		return false;
	}
	free(*url);
	*url = next;
	return true;
}

bool gf_http_do(gf_http *h, const gf_request *q, gf_response *r, gf_error *err)
{
	char *url = gf_strdup(q->url, err);
	bool ok = url != NULL, again = ok;

	for (unsigned hops = 0; again; hops++) {
		gf_exchange x;

		memset(&x, 0, sizeof x);
		gf_response_clear(r);
		x.response = r;
		ok = gf_exchange_begin(&x, h, q, url, false, err) && gf_exchange_run(&x, NULL, err) &&
		    gf_exchange_settled(&x, err);
		again = ok && redirected(q, r);
		if (again && !next_hop(r, hops, &url, err)) {
			gf_because(err, "%s", x.what);
			ok = again = false;
		}
		gf_exchange_end(&x);
	}
	free(url);
	return ok;
}

/* ---- sending ---- */

static bool chunk_taken(const gf_exchange *x)
{
	return x->chunk_taken == x->chunk_size;
}

/* It ended while there was more to send: an answer explains more than the broken pipe it leaves. */
static bool answered_early(gf_exchange *x, gf_error *err)
{
	if (x->fault.class == GF_OK && x->head)
		return gf_fail(err, GF_FAILED, "http-answered", NULL,
		    "%s: answered with status %ld before all was sent", x->what, x->response->status);
	if (!gf_exchange_settled(x, err))
		return false;
	return gf_fail(err, GF_FAILED, "http-broken", NULL, "%s: ended before all was sent", x->what);
}

static bool send_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	gf_exchange *x = (gf_exchange *)out;
	bool ok;

	if (x->done)
		return answered_early(x, err);
	if (x->size != UINT64_MAX && n > x->size - x->before)
		return gf_fail(err, GF_FAILED, "http-size", NULL, "%s: more than the %llu bytes that were announced",
		    x->what, (unsigned long long)x->size);
	x->chunk = bytes;
	x->chunk_size = n;
	x->chunk_taken = 0;
	gf_exchange_resume(x);
	ok = gf_exchange_run(x, chunk_taken, err);
	if (ok && !chunk_taken(x))
		ok = answered_early(x, err);
	x->before += x->chunk_taken;
	x->chunk = NULL;
	x->chunk_size = x->chunk_taken = 0;
	return ok;
}

static bool send_finish(gf_output *out, gf_error *err)
{
	gf_exchange *x = (gf_exchange *)out;

	if (x->size != UINT64_MAX && x->before != x->size)
		return gf_fail(err, GF_FAILED, "http-size", NULL, "%s: %llu bytes of the %llu that were announced",
		    x->what, (unsigned long long)x->before, (unsigned long long)x->size);
	x->ended = true;
	gf_exchange_resume(x);
	if (!gf_exchange_run(x, NULL, err))
		return false;
	if (x->result != 0 && !x->enough && x->head)
		return answered_early(x, err);
	return gf_exchange_settled(x, err);
}

static void send_close(gf_output *out)
{
	gf_exchange *x = (gf_exchange *)out;

	gf_exchange_end(x);
	free(x);
}

gf_output *gf_http_send(gf_http *h, const gf_request *q, uint64_t size, gf_response *r, gf_error *err)
{
	static const gf_output_ops ops = { send_write, send_finish, send_close };
	gf_exchange *x = gf_alloc(1, sizeof *x, err);

	if (x == NULL)
		return NULL;
	gf_response_clear(r);
	x->as.out.ops = &ops;
	x->response = r;
	x->size = size;
	if (!gf_exchange_begin(x, h, q, q->url, true, err)) {
		send_close(&x->as.out);
		return NULL;
	}
	return &x->as.out;
}

/* ---- receiving ---- */

static bool has_head(const gf_exchange *x)
{
	return x->head;
}

static bool has_bytes(const gf_exchange *x)
{
	return x->last > x->first;
}

static ptrdiff_t receive_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	gf_exchange *x = (gf_exchange *)in;
	size_t n;

	if (!has_bytes(x)) {
		x->first = x->last = 0;
		gf_exchange_resume(x);
		if (!gf_exchange_run(x, has_bytes, err))
			return -1;
		if (!has_bytes(x))
			return gf_exchange_settled(x, err) ? 0 : -1;
	}
	n = x->last - x->first;
	if (n > cap)
		n = cap;
	memcpy(buf, x->window + x->first, n);
	x->first += n;
	return (ptrdiff_t)n;
}

static void receive_close(gf_input *in)
{
	gf_exchange *x = (gf_exchange *)in;

	gf_exchange_end(x);
	free(x);
}

gf_input *gf_http_receive(gf_http *h, const gf_request *q, gf_response *r, gf_error *err)
{
	static const gf_input_ops ops = { receive_read, NULL, receive_close };
	char *url = gf_strdup(q->url, err);
	gf_exchange *x = gf_alloc(1, sizeof *x, err);
	bool ok = url != NULL && x != NULL, again = ok;

	for (unsigned hops = 0; again; hops++) {
		memset(x, 0, sizeof *x);
		gf_response_clear(r);
		x->as.in.ops = &ops;
		x->response = r;
		x->window = gf_alloc(1, GF_HTTP_WINDOW, err);
		ok = x->window != NULL && gf_exchange_begin(x, h, q, url, false, err) &&
		    gf_exchange_run(x, has_head, err) && (x->head || gf_exchange_settled(x, err)) &&
		    (gf_response_ok(r) || (gf_exchange_run(x, NULL, err) && gf_exchange_settled(x, err)));
		again = ok && redirected(q, r);
		if (again) {
			ok = again = next_hop(r, hops, &url, err);
			if (!ok)
				gf_because(err, "%s", x->what);
			else
				gf_exchange_end(x);
		}
	}
	free(url);
	if (!ok && x != NULL)
		receive_close(&x->as.in);
	return ok ? &x->as.in : NULL;
}
