/* registry_referrers: who refers to a manifest, for registries without the referrers API (distribution-spec 1.1,
 * "Pushing Manifests with Subject", "Referrers Tag Schema"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/registry.h"

#define INDEX "application/vnd.oci.image.index.v1+json"
#define ROUNDS 6 /* others may change the index between our reading and writing */

/* ---- the index ---- */

static bool lists(gf_json manifests, const char *digest)
{
	for (size_t i = 0; i < gf_json_count(manifests); i++) {
		const char *text = "";
		gf_error ignored;

		if (gf_json_string_if(gf_json_at(manifests, i), "digest", &text, &ignored) && strcmp(text, digest) == 0)
			return true;
	}
	return false;
}

static void put_entry(gf_json_out *o, const gf_referrer *e)
{
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "mediaType", e->media_type);
	gf_json_put_digest(o, "digest", &e->digest);
	gf_json_put_u64(o, "size", e->size);
	if (e->annotations.node != NULL)
		gf_json_put_value(o, "annotations", e->annotations);
	gf_json_put(o, "artifactType", e->artifact_type);
	gf_json_close(o, '}');
}

/* The entries that are there, as they are, and ours behind them. */
static void put_entries(gf_json_out *o, gf_json manifests, const gf_referrer *e)
{
	gf_json_open(o, "manifests", '[');
	for (size_t i = 0; i < gf_json_count(manifests); i++)
		gf_json_put_value(o, NULL, gf_json_at(manifests, i));
	put_entry(o, e);
	gf_json_close(o, ']');
}

bool gf_referrers_add(const gf_buf *old, const gf_referrer *e, bool *there, gf_buf *out, gf_error *err)
{
	gf_json_doc *doc = NULL;
	gf_json manifests = { 0 }, root = { 0 };
	gf_json_out o;
	char digest[GF_DIGEST_SIZE];
	bool ok = true;

	*there = false;
	gf_digest_text(&e->digest, digest);
	if (old->len > 0) {
		doc = gf_json_parse(
		    gf_buf_text(old), old->len, GF_HTTP_BODY_MAX, GF_FAILED, "the index of referrers", err);
		ok = doc != NULL && gf_json_array(gf_json_root(doc), "manifests", &manifests, err);
		root = ok ? gf_json_root(doc) : root;
		*there = ok && lists(manifests, digest);
	}
	if (ok && !*there) {
		gf_json_begin(&o, out, 0, err);
		gf_json_open(&o, NULL, '{');
		for (size_t i = 0; i < gf_json_count(root); i++) {
			gf_json value;
			const char *key = gf_json_key_at(root, i, &value);

			if (strcmp(key, "manifests") != 0)
				gf_json_put_value(&o, key, value);
		}
		if (root.node == NULL) {
			gf_json_put_u64(&o, "schemaVersion", 2);
			gf_json_put(&o, "mediaType", INDEX);
		}
		put_entries(&o, manifests, e);
		gf_json_close(&o, '}');
		ok = gf_json_end(&o);
	}
	gf_json_free(doc);
	return ok;
}

/* ---- reading, writing ---- */

/* What the tag shows; empty: nothing.  etag: as the registry gives it, else "". */
static bool read_index(
    gf_registry *r, const char *repository, const char *tag, gf_buf *out, char etag[256], gf_error *err)
{
	gf_response response;
	bool ok;

	gf_buf_clear(out);
	etag[0] = '\0';
	gf_response_init(&response);
	ok = gf_registry_fetch_manifest(r, "GET", repository, tag, &response, err);
	if (ok && response.status == 200) {
		if (!gf_response_header(&response, "ETag", etag, 256))
			etag[0] = '\0';
		ok = gf_buf_add(out, gf_buf_text(&response.body), response.body.len, err);
	} else if (ok && response.status != 404) {
		ok = gf_registry_refused(
		    r->host, &response, err, "looking for the referrers '%s' in '%s/%s'", tag, r->host, repository);
	}
	gf_response_clear(&response);
	return ok;
}

/* Somebody else was faster (412): true as well, and the next reading shows it. */
static bool write_index(
    gf_registry *r, const char *repository, const char *tag, const gf_buf *text, const char *etag, gf_error *err)
{
	char match[300];
	const char *const headers[] = { "Content-Type: " INDEX, etag[0] != '\0' ? match : NULL, NULL };
	gf_request q = { .method = "PUT", .headers = headers, .body = text->data, .body_size = text->len };
	gf_response response;
	char *url = gf_registry_url(r, repository, err, "manifests/%s", tag);
	bool ok;

	snprintf(match, sizeof match, "If-Match: %s", etag);
	gf_response_init(&response);
	q.url = url;
	ok = url != NULL && gf_registry_request(r, repository, &q, &response, err);
	if (ok && response.status != 201 && response.status != 412)
		ok = gf_registry_refused(
		    r->host, &response, err, "sending the referrers '%s' of '%s/%s'", tag, r->host, repository);
	gf_response_clear(&response);
	free(url);
	return ok;
}

/* Until the index that is read has the entry: what is written may be written over. */
static bool add_entry(gf_registry *r, const char *repository, const gf_referrer *e, gf_error *err)
{
	char tag[GF_DIGEST_SIZE], etag[256];
	gf_buf old, new;
	bool there = false, ok = true;

	gf_digest_text(&e->subject, tag);
	tag[strlen("sha256")] = '-';
	gf_buf_init(&old, GF_HTTP_BODY_MAX);
	gf_buf_init(&new, GF_HTTP_BODY_MAX);
	for (unsigned i = 0; ok && !there && i < ROUNDS; i++) {
		gf_buf_clear(&new);
		ok = read_index(r, repository, tag, &old, etag, err) && gf_referrers_add(&old, e, &there, &new, err) &&
		    (there || write_index(r, repository, tag, &new, etag, err));
	}
	if (ok && !there)
		ok = gf_fail(err, GF_FAILED, "registry-referrers", tag,
		    "'%s/%s:%s' is to list who refers to that digest, and does not keep what is added: somebody else may "
		    "be writing it; run again",
		    r->host, repository, tag);
	else if (!ok)
		gf_because(err, "listing a referrer under '%s/%s:%s'", r->host, repository, tag);
	gf_buf_clear(&old);
	gf_buf_clear(&new);
	return ok;
}

/* A manifest's artifactType is, where it has none, that of its config (image-spec, manifest.md). */
static const char *artifact_type_of(gf_json root)
{
	const char *type = NULL;
	gf_error ignored;

	if ((gf_json_string_if(root, "artifactType", &type, &ignored) && type != NULL && type[0] != '\0') ||
	    gf_json_string_if(gf_json_get(root, "config"), "mediaType", &type, &ignored))
		return type;
	return NULL;
}

bool gf_registry_refer(
    gf_registry *r, const char *repository, const char *media_type, const void *bytes, size_t n, gf_error *err)
{
	gf_error ignored;
	/* What is no JSON has no subject; whether it is a manifest is the registry's to say. */
	gf_json_doc *doc = gf_json_parse(bytes, n, n, GF_FAILED, "manifest", &ignored);
	gf_referrer e = { .size = n, .media_type = media_type };
	bool ok = true;

	if (doc != NULL && gf_json_typeof(gf_json_get(gf_json_root(doc), "subject")) == GF_JSON_OBJECT) {
		e.artifact_type = artifact_type_of(gf_json_root(doc));
		e.annotations = gf_json_get(gf_json_root(doc), "annotations");
		ok = gf_json_digest(gf_json_get(gf_json_root(doc), "subject"), "digest", &e.subject, err) &&
		    gf_hash_bytes(bytes, n, &e.digest, err) && add_entry(r, repository, &e, err);
	}
	gf_json_free(doc);
	return ok;
}
