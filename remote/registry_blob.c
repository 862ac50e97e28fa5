#include <stdlib.h>
#include <string.h>

#include "remote/registry.h"

bool gf_registry_has_blob(gf_registry *r, const char *repository, const gf_digest *digest, bool *has, gf_error *err)
{
	gf_request q = { .method = "HEAD", .follow = true };
	char text[GF_DIGEST_SIZE];
	gf_response response;
	char *url;
	bool ok = false;

	*has = false;
	gf_response_init(&response);
	gf_digest_text(digest, text);
	url = gf_registry_url(r, repository, err, "blobs/%s", text);
	q.url = url;
	if (url == NULL || !gf_registry_request(r, repository, &q, &response, err))
		goto out;
	/* 404 counts where the registry itself says so, not the store that it sent us to. */
	if (response.status == 200 || (response.status == 404 && gf_url_same_origin(response.url, r->base))) {
		*has = response.status == 200;
		ok = true;
	} else {
		gf_registry_refused(
		    r->host, &response, err, "looking for blob '%s' in '%s/%s'", text, r->host, repository);
	}
out:
	gf_response_clear(&response);
	free(url);
	return ok;
}

bool gf_registry_mount_blob(
    gf_registry *r, const char *repository, const char *from, const gf_digest *digest, bool *mounted, gf_error *err)
{
	gf_request q = { .method = "POST" };
	char text[GF_DIGEST_SIZE];
	gf_response response;
	char *url;
	bool ok;

	*mounted = false;
	gf_response_init(&response);
	gf_digest_text(digest, text);
	url = gf_registry_url(r, repository, err, "blobs/uploads/?mount=%s&from=%s", text, from);
	q.url = url;
	ok = url != NULL && gf_registry_request(r, repository, &q, &response, err);
	/* Whatever else it says, the blob is not there yet and is sent (image-protocols.md 4.2, 3). */
	*mounted = ok && response.status == 201;
	gf_response_clear(&response);
	free(url);
	return ok;
}

/* ---- uploads ---- */

typedef struct upload {
	gf_output out;
	gf_registry *registry;
	char *repository;
	gf_digest digest;
	gf_output *body;
	gf_response response;
} upload;

static bool upload_refused(const upload *u, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	gf_digest_text(&u->digest, text);
	return gf_registry_refused(u->registry->host, &u->response, err, "sending blob '%s' to '%s/%s'", text,
	    u->registry->host, u->repository);
}

/* What was sent, or the error of sending it: an answer that is there says more. */
static bool sending_failed(const upload *u, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	if (strcmp(err->name, "http-answered") == 0)
		return upload_refused(u, err);
	gf_digest_text(&u->digest, text);
	return gf_because(err, "sending blob '%s' to '%s/%s'", text, u->registry->host, u->repository);
}

static bool upload_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	upload *u = (upload *)out;

	return gf_output_write(u->body, bytes, n, err) || sending_failed(u, err);
}

static bool upload_finish(gf_output *out, gf_error *err)
{
	upload *u = (upload *)out;
	char text[GF_DIGEST_SIZE], said[256];
	gf_digest confirmed;

	if (!gf_output_finish(u->body, err))
		return sending_failed(u, err);
	if (u->response.status != 201)
		return upload_refused(u, err);
	if (gf_response_header(&u->response, "Docker-Content-Digest", said, sizeof said) &&
	    gf_digest_parse(said, &confirmed) && !gf_digest_equal(&confirmed, &u->digest)) {
		gf_digest_text(&u->digest, text);
		return gf_fail(err, GF_FAILED, "registry-digest", text,
		    "registry '%s' was sent blob '%s' and says that it stored '%s'", u->registry->host, text, said);
	}
	return true;
}

static void upload_close(gf_output *out)
{
	upload *u = (upload *)out;

	gf_output_close(u->body);
	gf_response_clear(&u->response);
	free(u->repository);
	free(u);
}

/* Where the bytes are to go: the Location of a new upload session, with the digest added. */
static char *upload_url(const gf_registry *r, const gf_response *response, const char *digest, gf_error *err)
{
	char location[GF_URL_MAX];
	char *url = NULL;
	gf_buf full;

	gf_buf_init(&full, GF_URL_MAX + GF_DIGEST_SIZE + 32);
	if (!gf_response_header(response, "Location", location, sizeof location)) {
		gf_fail(err, GF_FAILED, "registry-answer", r->host, "registry '%s' begins an upload without a Location",
		    r->host);
		return NULL;
	}
	url = gf_url_resolve(response->url, location, err);
	if (url != NULL && gf_url_may_lead(response->url, url, err))
		gf_buf_printf(
		    &full, err, "%s%cdigest=sha256%%3A%s", url, strchr(url, '?') != NULL ? '&' : '?', digest + 7);
	else
		gf_because(err, "the upload that registry '%s' begins", r->host);
	free(url);
	return full.data;
}

static char *begin_upload(gf_registry *r, const char *repository, const char *digest, gf_error *err)
{
	gf_request q = { .method = "POST" };
	gf_response response;
	char *url, *where = NULL;

	gf_response_init(&response);
	/* Without the last slash some registries redirect, and the POST becomes a GET. */
	url = gf_registry_url(r, repository, err, "blobs/uploads/");
	q.url = url;
	if (url == NULL || !gf_registry_request(r, repository, &q, &response, err))
		goto out;
	if (response.status == 202)
		where = upload_url(r, &response, digest, err);
	else
		gf_registry_refused(
		    r->host, &response, err, "beginning to send blob '%s' to '%s/%s'", digest, r->host, repository);
out:
	gf_response_clear(&response);
	free(url);
	return where;
}

gf_output *gf_registry_put_blob(
    gf_registry *r, const char *repository, const gf_digest *digest, uint64_t size, gf_error *err)
{
	static const gf_output_ops ops = { upload_write, upload_finish, upload_close };
	char text[GF_DIGEST_SIZE];
	gf_secret authorization = { 0 };
	upload *u = gf_alloc(1, sizeof *u, err);
	char *url = NULL;
	bool ok = false;

	if (u == NULL)
		return NULL;
	u->out.ops = &ops;
	u->registry = r;
	u->digest = *digest;
	gf_response_init(&u->response);
	gf_digest_text(digest, text);
	u->repository = gf_strdup(repository, err);
	url = u->repository != NULL ? begin_upload(r, repository, text, err) : NULL;
	/* The token is had before the first byte: a stream cannot be sent twice. */
	if (url == NULL ||
	    (gf_url_same_origin(url, r->base) && !gf_auth_header(r->auth, repository, &authorization, err)))
		goto out;
	{
		const char *const headers[] = { "Content-Type: application/octet-stream", authorization.data, NULL };
		gf_request q = { .method = "PUT", .url = url, .headers = headers };

		u->body = gf_http_send(r->http, &q, size, &u->response, err);
		ok = u->body != NULL;
	}
out:
	gf_secret_clear(&authorization);
	free(url);
	if (!ok) {
		upload_close(&u->out);
		u = NULL;
	}
	return u != NULL ? &u->out : NULL;
}
