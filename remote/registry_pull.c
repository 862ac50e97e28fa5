/* registry_pull: manifests and blobs out of a registry (distribution-spec 1.1, "Pull"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/registry.h"

/* ---- manifests ---- */

/* The type of an answer without its parameters, "" where it says none. */
static void type_of(const gf_response *response, char out[GF_MEDIA_TYPE_SIZE])
{
	if (!gf_response_header(response, "Content-Type", out, GF_MEDIA_TYPE_SIZE))
		out[0] = '\0';
	out[strcspn(out, "; \t")] = '\0';
}

/* What came over the line is what the registry says it is.  Without the header nothing is said. */
static bool as_said(const gf_registry *r, const gf_response *response, const gf_digest *have, gf_error *err)
{
	char said[GF_DIGEST_SIZE], text[GF_DIGEST_SIZE];
	gf_digest digest;

	if (!gf_response_header(response, "Docker-Content-Digest", said, sizeof said) ||
	    !gf_digest_parse(said, &digest) || gf_digest_equal(&digest, have))
		return true;
	gf_digest_text(have, text);
	return gf_fail(err, GF_FAILED, "registry-digest", r->host,
	    "registry '%s' sends a manifest with the digest %s and says that it is %s", r->host, text, said);
}

bool gf_registry_get_manifest(gf_registry *r, const char *repository, const char *reference, bool *found, gf_buf *out,
    char media_type[GF_MEDIA_TYPE_SIZE], gf_error *err)
{
	gf_digest digest;
	gf_response response;
	bool ok;

	*found = false;
	gf_buf_clear(out);
	gf_response_init(&response);
	ok = gf_registry_fetch_manifest(r, "GET", repository, reference, &response, err);
	if (ok && response.status != 200 && response.status != 404)
		ok = gf_registry_refused(
		    r->host, &response, err, "fetching manifest '%s' of '%s/%s'", reference, r->host, repository);
	if (ok && response.status == 200) {
		*found = true;
		type_of(&response, media_type);
		ok = gf_hash_bytes(gf_buf_text(&response.body), response.body.len, &digest, err) &&
		    gf_registry_as_asked(r, reference, &digest, err) && as_said(r, &response, &digest, err) &&
		    gf_buf_add(out, gf_buf_text(&response.body), response.body.len, err);
	}
	gf_response_clear(&response);
	return ok;
}

/* ---- blobs ---- */

#define PROGRESS GF_MIB /* a line that has brought so much is worth all its retries again */

/* A blob on its way.  Where the connection breaks it goes on from there (RFC 9110, 14: Range). */
typedef struct pull {
	gf_input base;
	gf_registry *registry;
	char *repository, *url;
	gf_digest digest;
	uint64_t size, got;
	uint64_t skip; /* of the body that is open: the peer knows no Range and began again */
	gf_input *body;
	gf_response response;
	gf_retry again;
	uint64_t since; /* bytes, since again was full */
} pull;

static bool pull_refused(pull *p, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	gf_digest_text(&p->digest, text);
	return gf_registry_refused(p->registry->host, &p->response, err, "fetching blob '%s' of '%s/%s'", text,
	    p->registry->host, p->repository);
}

/* "bytes FROM-..." of a 206: it may begin before what is wanted, not behind it. */
static bool goes_on(const pull *p, uint64_t *from)
{
	char range[128], *dash;

	if (!gf_response_header(&p->response, "Content-Range", range, sizeof range) ||
	    !gf_starts_with(range, "bytes ") || (dash = strchr(range, '-')) == NULL)
		return false;
	*dash = '\0';
	return gf_u64_parse(range + strlen("bytes "), p->got, from);
}

/* One answer, whatever it says. */
static bool ask(void *ctx, const char *authorization, gf_error *err)
{
	pull *p = ctx;
	char range[64];
	const char *headers[3] = { NULL };
	const gf_request q = { .method = "GET", .url = p->url, .headers = headers, .follow = true };
	size_t n = 0;

	if (authorization != NULL)
		headers[n++] = authorization;
	if (p->got > 0) {
		snprintf(range, sizeof range, "Range: bytes=%llu-", (unsigned long long)p->got);
		headers[n] = range;
	}
	gf_input_close(p->body);
	p->body = gf_http_receive(p->registry->http, &q, &p->response, err);
	return p->body != NULL;
}

/* p->body gives what follows the first p->got bytes, once p->skip have been thrown away. */
static bool begin(pull *p, gf_error *err)
{
	const gf_request q = { .method = "GET", .url = p->url };
	uint64_t from = 0;
	bool ok;

	do
		ok = gf_registry_authorised(p->registry, p->repository, NULL, ask, p, &p->response, err);
	while (gf_http_again(&p->again, ok, &q, &p->response, p->registry->events, err));
	if (!ok)
		return false;
	if (p->response.status != 200 && !(p->response.status == 206 && p->got > 0 && goes_on(p, &from)))
		return pull_refused(p, err);
	p->skip = p->got - from;
	return true;
}

static bool too_much(const pull *p, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	gf_digest_text(&p->digest, text);
	return gf_fail(err, GF_FAILED, "registry-size", text,
	    "registry '%s' sends more than the %llu bytes of blob '%s'", p->registry->host, (unsigned long long)p->size,
	    text);
}

/* A piece of the open body: -1 with *err; 0 at an end that came too early, too. */
static ptrdiff_t take(pull *p, void *buf, size_t cap, gf_error *err)
{
	ptrdiff_t n;

	do {
		size_t want = p->skip > 0 && p->skip < cap ? (size_t)p->skip : cap;

		n = gf_input_read(p->body, buf, want, err);
		if (n <= 0 || p->skip == 0)
			return n;
		p->skip -= (uint64_t)n;
	} while (true);
}

static ptrdiff_t pull_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	pull *p = (pull *)in;
	const gf_request q = { .method = "GET", .url = p->url };
	ptrdiff_t n;

	for (;;) {
		if (p->body == NULL && !begin(p, err))
			return -1;
		n = take(p, buf, cap, err);
		if (n > 0 && (uint64_t)n > p->size - p->got) {
			too_much(p, err);
			return -1;
		}
		if (n > 0) {
			p->got += (uint64_t)n;
			p->since += (uint64_t)n;
			if (p->since >= PROGRESS) {
				p->again = (gf_retry){ .left = p->registry->retries };
				p->since = 0;
			}
			return n;
		}
		if (n == 0 && p->got == p->size)
			return 0;
		if (n == 0)
			gf_fail(err, GF_FAILED, "http-broken", p->registry->host,
			    "registry '%s' ended a blob after %llu of %llu bytes", p->registry->host,
			    (unsigned long long)p->got, (unsigned long long)p->size);
		gf_input_close(p->body);
		p->body = NULL;
		if (!gf_http_again(&p->again, false, &q, &p->response, p->registry->events, err))
			return -1;
	}
}

static void pull_close(gf_input *in)
{
	pull *p = (pull *)in;

	gf_input_close(p->body);
	gf_response_clear(&p->response);
	free(p->repository);
	free(p->url);
	free(p);
}

gf_input *gf_registry_get_blob(
    gf_registry *r, const char *repository, const gf_digest *digest, uint64_t size, gf_error *err)
{
	static const gf_input_ops ops = { pull_read, NULL, pull_close };
	pull *p = gf_alloc(1, sizeof *p, err);
	char text[GF_DIGEST_SIZE];

	if (p == NULL)
		return NULL;
	gf_digest_text(digest, text);
	gf_response_init(&p->response);
	p->base.ops = &ops;
	p->registry = r;
	p->digest = *digest;
	p->size = size;
	p->again.left = r->retries;
	p->repository = gf_strdup(repository, err);
	p->url = p->repository != NULL ? gf_registry_url(r, repository, err, "blobs/%s", text) : NULL;
	if (p->url == NULL || !begin(p, err)) {
		pull_close(&p->base);
		return NULL;
	}
	return &p->base;
}
