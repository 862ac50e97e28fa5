/*
 * source_registry: images out of a registry ("docker://NAME[:TAG][@DIGEST]").
 *
 * A repository is an origin: documents are asked for by digest and kept, for they are looked at more than once;
 * layers stream from the registry to their place in the bundle.
 */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

/* One registry, whatever number of its repositories is read. */
typedef struct connection {
	gf_registry *registry;
	size_t users;
} connection;

typedef struct repository {
	gf_origin origin;
	connection *to;
	char *host, *path;
	gf_store *documents; /* as they came; tree.c hashes them */
} repository;

/* ---- the origin ---- */

static bool get_document(const repository *r, const gf_descriptor *d, gf_buf *out, bool *there, gf_error *err)
{
	char digest[GF_DIGEST_SIZE], type[GF_MEDIA_TYPE_SIZE];
	gf_output *to = NULL;
	gf_input *in;
	bool ok;

	gf_digest_text(&d->digest, digest);
	if (gf_media_of(d->media_type) != GF_MEDIA_OTHER)
		return gf_registry_get_manifest(r->to->registry, r->path, digest, there, out, type, err);
	*there = true;
	gf_buf_clear(out);
	in = gf_registry_get_blob(r->to->registry, r->path, &d->digest, d->size, err);
	ok = in != NULL && (to = gf_output_buf(out, err)) != NULL && gf_copy(in, to, err) && gf_output_finish(to, err);
	gf_output_close(to);
	gf_input_close(in);
	return ok;
}

static bool repository_load(gf_origin *o, const gf_descriptor *d, gf_buf *out, bool *there, gf_error *err)
{
	repository *r = (repository *)o;
	const gf_buf *kept = gf_store_find(r->documents, &d->digest);
	gf_buf copy;
	bool ok;

	if (kept != NULL) {
		*there = true;
		gf_buf_clear(out);
		return gf_buf_add(out, gf_buf_text(kept), kept->len, err);
	}
	if (d->size > GF_JSON_BLOB_MAX)
		return gf_fail(err, GF_DAMAGED, "too-large", o->name,
		    "a document of %llu bytes in '%s'; a bundle carries at most %zu", (unsigned long long)d->size,
		    o->name, GF_JSON_BLOB_MAX);
	if (!get_document(r, d, out, there, err))
		return false;
	if (!*there)
		return true;
	gf_buf_init(&copy, GF_JSON_BLOB_MAX);
	ok = gf_buf_add(&copy, gf_buf_text(out), out->len, err) && gf_store_add(r->documents, &d->digest, &copy, err);
	gf_buf_clear(&copy);
	return ok;
}

/* A registry takes no manifest whose blobs it lacks (distribution-spec, "Pushing Manifests"), so none is asked for
 * one by one; one that is not there all the same ends the run when its turn comes. */
static bool repository_find(gf_origin *o, const gf_descriptor *d, gf_spot *spot, bool *there, gf_error *err)
{
	(void)o;
	(void)d;
	(void)spot;
	(void)err;
	*there = true;
	return true;
}

static gf_input *repository_open(gf_origin *o, const gf_spot *spot, gf_error *err)
{
	const repository *r = (repository *)o;

	return gf_registry_get_blob(r->to->registry, r->path, &spot->digest, spot->size, err);
}

static void repository_close(gf_origin *o)
{
	repository *r = (repository *)o;

	if (r->to != NULL && --r->to->users == 0) {
		gf_registry_close(r->to->registry);
		free(r->to);
	}
	gf_store_free(r->documents);
	free(r->host);
	free(r->path);
	free((char *)r->origin.name);
	free(r);
}

static const gf_origin_ops repository_ops = { repository_load, repository_find, repository_open, repository_close };

/* ---- opening ---- */

static repository *as_repository(gf_origin *o)
{
	return o->ops == &repository_ops ? (repository *)o : NULL;
}

/* The connection to host that an earlier source has opened, or a new one. */
static bool connect_to(gf_gathering *g, repository *r, gf_error *err)
{
	gf_registry_options options = g->options->registry;

	for (size_t i = 0; i < g->n_origins && r->to == NULL; i++) {
		repository *other = as_repository(g->origins[i]);
		if (other != NULL && strcmp(other->host, r->host) == 0)
			r->to = other->to;
	}
	if (r->to == NULL) {
		connection *c = gf_alloc(1, sizeof *c, err);
		if (c == NULL)
			return false;
		r->to = c;
		options.read_only = true;
		options.events = g->events;
		c->registry = gf_registry_open(r->host, &options, err);
	}
	r->to->users++;
	return r->to->registry != NULL;
}

/* The gathering's; opened once. */
static repository *open_repository(gf_gathering *g, const gf_reference *name, gf_error *err)
{
	repository *r;
	gf_buf text;
	bool ok;

	for (size_t i = 0; i < g->n_origins; i++) {
		r = as_repository(g->origins[i]);
		if (r != NULL && strcmp(r->host, name->host) == 0 && strcmp(r->path, name->path) == 0)
			return r;
	}
	r = gf_alloc(1, sizeof *r, err);
	if (r == NULL)
		return NULL;
	gf_buf_init(&text, GF_REFERENCE_SIZE + 16);
	r->origin.ops = &repository_ops;
	r->origin.remote = true;
	ok = gf_buf_printf(&text, err, "docker://%s/%s", name->host, name->path);
	r->origin.name = text.data;
	ok = ok && (r->host = gf_strdup(name->host, err)) != NULL && (r->path = gf_strdup(name->path, err)) != NULL &&
	    (r->documents = gf_store_new(err)) != NULL && connect_to(g, r, err);
	if (!ok) {
		repository_close(&r->origin);
		return NULL;
	}
	return gf_gathering_own(g, &r->origin, err) ? r : NULL;
}

/* ---- an image ---- */

/* What the name leads to: its bytes among the documents, and a descriptor of them. */
static bool resolve(repository *r, const gf_reference *name, gf_descriptor *root, gf_error *err)
{
	char reference[GF_DIGEST_SIZE + GF_MEDIA_TYPE_SIZE], type[GF_MEDIA_TYPE_SIZE];
	bool found = false, ok;
	gf_buf text;

	if (name->has_digest)
		gf_digest_text(&name->digest, reference);
	else
		memcpy(reference, name->tag, sizeof name->tag);
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = gf_registry_get_manifest(r->to->registry, r->path, reference, &found, &text, type, err);
	if (ok && !found)
		ok = gf_fail(err, GF_FAILED, "registry-not-found", r->origin.name,
		    "registry '%s' has no '%s' in '%s', or does not show it to this user", r->host, reference, r->path);
	root->size = text.len;
	ok = ok && gf_hash_bytes(gf_buf_text(&text), text.len, &root->digest, err) &&
	    (type[0] == '\0' || gf_media_of(type) == GF_MEDIA_OTHER ||
		(root->media_type = gf_strdup(type, err)) != NULL) &&
	    gf_store_add(r->documents, &root->digest, &text, err);
	gf_buf_clear(&text);
	return ok;
}

static bool take(gf_gathering *g, repository *r, const gf_reference *name, const char *transport, gf_error *err)
{
	char text[GF_REFERENCE_SIZE];
	gf_reference shown = *name;
	gf_descriptor root = { 0 };
	gf_offer offer = { .origin = &r->origin, .root = &root, .transport = transport, .name = text };
	bool ok;

	if (shown.tag[0] != '\0')
		shown.has_digest = false; /* the bundle says the digest */
	gf_reference_print(&shown, text);
	ok = resolve(r, name, &root, err) && gf_offer_take(g, &offer, err);
	gf_descriptor_clear(&root);
	return ok;
}

bool gf_source_registry(gf_gathering *g, const char *name, gf_error *err)
{
	gf_reference reference;
	char full[GF_REFERENCE_SIZE];
	gf_buf transport;
	repository *r;
	bool ok;

	if (!gf_reference_parse(name, &reference, err))
		return false;
	gf_buf_init(&transport, GF_REFERENCE_SIZE + 16);
	gf_reference_print(&reference, full);
	ok = gf_buf_printf(&transport, err, "docker://%s", full) && (r = open_repository(g, &reference, err)) != NULL &&
	    take(g, r, &reference, transport.data, err);
	gf_buf_clear(&transport);
	return ok;
}
