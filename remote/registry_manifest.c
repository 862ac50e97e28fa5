#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/registry.h"

/* All four, always: a registry answers 404 for a manifest whose type is not accepted (image-protocols.md 4.3). */
#define ACCEPT                                                                                                         \
	"Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "                \
	"application/vnd.docker.distribution.manifest.v2+json, "                                                       \
	"application/vnd.docker.distribution.manifest.list.v2+json"

static bool reference_allowed(const char *reference, gf_error *err)
{
	gf_digest ignored;

	return gf_tag_valid(reference) || gf_digest_parse(reference, &ignored) ||
	    gf_fail(err, GF_USAGE, "reference", NULL, "'%s' is no tag and no sha256 digest", reference);
}

/* The answer to a HEAD has no body, and why it was refused stands there (a Harbor that has no such project). */
static void ask_why(gf_registry *r, const char *repository, const gf_request *head, gf_response *response)
{
	gf_request q = *head;
	gf_response said, was;
	gf_error ignored;

	if (response->status < 400 || response->status == 404 || response->status == 429 || response->status >= 500)
		return;
	q.method = "GET";
	gf_response_init(&said);
	if (gf_registry_request(r, repository, &q, &said, &ignored) && said.status == response->status) {
		was = *response;
		*response = said;
		said = was;
	}
	gf_response_clear(&said);
}

bool gf_registry_fetch_manifest(gf_registry *r, const char *method, const char *repository, const char *reference,
    gf_response *response, gf_error *err)
{
	static const char *const headers[] = { ACCEPT, NULL };
	gf_request q = { .method = method, .headers = headers, .follow = true };
	char *url = NULL;
	bool ok;

	if (!reference_allowed(reference, err))
		return false;
	url = gf_registry_url(r, repository, err, "manifests/%s", reference);
	q.url = url;
	ok = url != NULL && gf_registry_request(r, repository, &q, response, err);
	if (ok && strcmp(method, "HEAD") == 0)
		ask_why(r, repository, &q, response);
	free(url);
	return ok;
}

bool gf_registry_as_asked(const gf_registry *r, const char *reference, const gf_digest *have, gf_error *err)
{
	gf_digest want;
	char text[GF_DIGEST_SIZE];

	if (!gf_digest_parse(reference, &want) || gf_digest_equal(&want, have))
		return true;
	gf_digest_text(have, text);
	return gf_fail(err, GF_FAILED, "registry-digest", reference,
	    "registry '%s' was asked for '%s' and has '%s' there", r->host, reference, text);
}

bool gf_registry_head_manifest(
    gf_registry *r, const char *repository, const char *reference, bool *found, gf_digest *digest, gf_error *err)
{
	gf_response response;
	char said[256];
	bool ok = false;

	*found = false;
	memset(digest, 0, sizeof *digest);
	gf_response_init(&response);
	if (!gf_registry_fetch_manifest(r, "HEAD", repository, reference, &response, err))
		goto out;
	if (response.status == 200 &&
	    !(gf_response_header(&response, "Docker-Content-Digest", said, sizeof said) &&
		gf_digest_parse(said, digest))) {
		if (!gf_registry_fetch_manifest(r, "GET", repository, reference, &response, err))
			goto out;
		if (response.status == 200 &&
		    !gf_hash_bytes(gf_buf_text(&response.body), response.body.len, digest, err))
			goto out;
	}
	*found = response.status == 200;
	ok = response.status == 404 || (*found && gf_registry_as_asked(r, reference, digest, err));
	if (!*found && !ok)
		gf_registry_refused(
		    r->host, &response, err, "looking for '%s' in '%s/%s'", reference, r->host, repository);
out:
	gf_response_clear(&response);
	return ok;
}

bool gf_registry_put_manifest(gf_registry *r, const char *repository, const char *reference, const char *media_type,
    const void *bytes, size_t n, gf_error *err)
{
	char type[300], said[256], text[GF_DIGEST_SIZE];
	const char *const headers[] = { type, NULL };
	gf_request q = { .method = "PUT", .headers = headers, .body = bytes, .body_size = n };
	gf_digest want, have;
	gf_response response;
	char *url = NULL;
	bool ok = false;

	gf_response_init(&response);
	if (strlen(media_type) > 255 || strpbrk(media_type, "\r\n") != NULL) {
		gf_fail(err, GF_DAMAGED, "media-type", NULL,
		    "a manifest's media type is not one line of at most 255 bytes");
		goto out;
	}
	snprintf(type, sizeof type, "Content-Type: %s", media_type);
	if (!reference_allowed(reference, err) || !gf_hash_bytes(bytes, n, &want, err))
		goto out;
	url = gf_registry_url(r, repository, err, "manifests/%s", reference);
	q.url = url;
	if (url == NULL || !gf_registry_request(r, repository, &q, &response, err))
		goto out;
	if (response.status != 201) {
		gf_registry_refused(
		    r->host, &response, err, "sending the manifest of '%s/%s' as '%s'", r->host, repository, reference);
		goto out;
	}
	ok = true;
	if (gf_response_header(&response, "Docker-Content-Digest", said, sizeof said) && gf_digest_parse(said, &have) &&
	    !gf_digest_equal(&have, &want)) {
		gf_digest_text(&want, text);
		ok = gf_fail(err, GF_FAILED, "registry-digest", text,
		    "registry '%s' was sent manifest '%s' and says that it stored '%s'", r->host, text, said);
	}
	if (ok && !gf_response_header(&response, "OCI-Subject", said, sizeof said))
		ok = gf_registry_refer(r, repository, media_type, bytes, n, err);
out:
	gf_response_clear(&response);
	free(url);
	return ok;
}
