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

/* What a request to mount was answered: it is there, or it has to be sent. */
static bool mounted_by(gf_registry *r, const char *repository, const gf_response *response)
{
	gf_session session;
	gf_error ignored;

	/* A session was begun instead (distribution-spec, "Mounting a blob from another repository"): it is used. */
	if (response->status == 202 && gf_registry_session_of(r, repository, response, &session, &ignored))
		gf_registry_keep_session(r, &session);
	return response->status == 201;
}

bool gf_registry_mount_blob(
    gf_registry *r, const char *repository, const char *from, const gf_digest *digest, bool *mounted, gf_error *err)
{
	gf_request q = { .method = "POST" };
	char text[GF_DIGEST_SIZE];
	gf_response response;
	gf_buf name;
	char *url = NULL;
	bool ok;

	*mounted = false;
	gf_response_init(&response);
	gf_buf_init(&name, GF_URL_MAX);
	gf_digest_text(digest, text);
	ok = gf_url_escape(&name, from, "/", err);
	url = ok ? gf_registry_url(r, repository, err, "blobs/uploads/?mount=%s&from=%s", text, gf_buf_text(&name))
		 : NULL;
	q.url = url;
	ok = url != NULL && gf_registry_request_from(r, repository, from, &q, &response, err);
	if (ok)
		*mounted = mounted_by(r, repository, &response);
	else if (url != NULL && (strcmp(err->name, "registry-denied") == 0 || strcmp(err->name, "registry-auth") == 0))
		ok = true; /* no token for both; the one for the upload is asked for by itself */
	gf_response_clear(&response);
	gf_buf_clear(&name);
	free(url);
	return ok;
}
