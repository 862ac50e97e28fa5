#include <string.h>

#include "unpack/record.h"

#define SECRET_MIN 16
#define STALL_SECONDS 30
#define TOTAL_SECONDS 60 /* one try */

static bool load_secret(const gf_hook *h, gf_secret *out, gf_error *err)
{
	if (!gf_secret_load_line(out, h->secret_file, err)) {
		gf_error inner = *err;

		return gf_fail(err, GF_USAGE, "secret-file", h->secret_file, "the secret of a webhook: %s", inner.text);
	}
	if (out->len >= SECRET_MIN)
		return true;
	gf_secret_clear(out);
	return gf_fail(err, GF_USAGE, "secret-file", h->secret_file,
	    "the first line of '%s' is shorter than the %d bytes that a secret must have; make one with: openssl rand -hex "
	    "32",
	    h->secret_file, SECRET_MIN);
}

static gf_http *client(const gf_hook *h, gf_error *err)
{
	const gf_http_options options = { .ca_file = h->ca_file,
		.cert_file = h->cert_file,
		.key_file = h->key_file,
		.plain = h->plain_http,
		.stall_seconds = STALL_SECONDS,
		.total_seconds = TOTAL_SECONDS };

	return gf_http_open(&options, err);
}

bool gf_webhook_check(const gf_hook *h, gf_error *err)
{
	gf_secret secret = { .data = NULL };
	gf_http *http = load_secret(h, &secret, err) ? client(h, err) : NULL;

	gf_secret_clear(&secret);
	gf_http_close(http);
	return http != NULL;
}

/* "Gapferry-Timestamp: N", then "Gapferry-Signature: sha256=HEX", for the body as it is sent now. */
static bool sign(const gf_hook *h, const gf_buf *text, gf_buf *stamp, gf_buf *signature, gf_error *err)
{
	gf_secret secret = { .data = NULL };
	char hex[GF_HEX_SIZE], when[24];
	gf_digest mac;
	gf_buf all;
	bool ok;

	gf_buf_clear(stamp);
	gf_buf_clear(signature);
	gf_buf_init(&all, text->len + sizeof when);
	ok = load_secret(h, &secret, err) && gf_buf_printf(&all, err, "%lld.", (long long)gf_now()) &&
	    gf_buf_printf(stamp, err, "Gapferry-Timestamp: %.*s", (int)all.len - 1, all.data) &&
	    gf_buf_add(&all, text->data, text->len, err) &&
	    gf_hash_keyed(secret.data, secret.len, all.data, all.len, &mac, err);
	if (ok) {
		gf_digest_hex(&mac, hex);
		ok = gf_buf_printf(signature, err, "Gapferry-Signature: sha256=%s", hex);
	}
	gf_buf_clear(&all);
	gf_secret_clear(&secret);
	return ok;
}

/* One try.  Of a 2xx nothing but the head is read. */
static bool post(gf_http *http, const gf_request *q, gf_response *r, gf_error *err)
{
	gf_input *in = gf_http_receive(http, q, r, err);

	gf_input_close(in);
	return in != NULL;
}

static bool refused(const gf_request *q, const gf_response *r, gf_error *err)
{
	char shown[256];
	gf_error ignored;
	gf_buf said;

	gf_url_show(q->url, shown, sizeof shown);
	gf_buf_init(&said, 1024);
	if (r->body.len > 0 && gf_buf_puts(&said, ": ", &ignored))
		gf_text_escape(&said, gf_buf_text(&r->body), 200, &ignored);
	if (r->status >= 300 && r->status <= 399)
		gf_fail(err, GF_FAILED, "notify", shown,
		    "POST %s: answered %ld, which leads elsewhere and is not followed; write the URL that it leads to into "
		    "the environment file",
		    shown, r->status);
	else
		gf_fail(
		    err, GF_FAILED, "notify", shown, "POST %s: answered %ld%s", shown, r->status, gf_buf_text(&said));
	gf_buf_clear(&said);
	return false;
}

bool gf_webhook_call(
    const gf_hook *h, const char *run, const gf_buf *text, unsigned retries, gf_events *events, gf_error *err)
{
	gf_http *http = client(h, err);
	gf_retry again = { .left = retries };
	gf_buf id, stamp, signature;
	gf_response r;
	bool ok;

	gf_buf_init(&id, 64);
	gf_buf_init(&stamp, 64);
	gf_buf_init(&signature, 128);
	gf_response_init(&r);
	ok = http != NULL && gf_buf_printf(&id, err, "Gapferry-Run: %s", run) && sign(h, text, &stamp, &signature, err);
	for (bool more = ok; more;) {
		const char *const headers[] = { "Content-Type: application/json", id.data, stamp.data, signature.data,
			NULL };
		const gf_request q = {
			.method = "POST", .url = h->url, .headers = headers, .body = text->data, .body_size = text->len
		};

		ok = post(http, &q, &r, err);
		more = gf_http_again(&again, ok, &q, &r, events, err);
		if (more)
			more = ok = sign(h, text, &stamp, &signature, err);
		else if (ok && (r.status < 200 || r.status > 299))
			ok = refused(&q, &r, err);
	}
	gf_response_clear(&r);
	gf_buf_clear(&signature);
	gf_buf_clear(&stamp);
	gf_buf_clear(&id);
	gf_http_close(http);
	return ok;
}
