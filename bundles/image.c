#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bundles/image.h"

#define DOCKER "application/vnd.docker."
#define OCI "application/vnd.oci."

static bool is_one_of(const char *text, const char *const *list)
{
	for (; text != NULL && *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

gf_media gf_media_of(const char *media_type)
{
	static const char *const indexes[] = { GF_TYPE_INDEX, DOCKER "distribution.manifest.list.v2+json", NULL };
	static const char *const manifests[] = { GF_TYPE_MANIFEST, DOCKER "distribution.manifest.v2+json", NULL };

	if (is_one_of(media_type, indexes))
		return GF_MEDIA_INDEX;
	return is_one_of(media_type, manifests) ? GF_MEDIA_MANIFEST : GF_MEDIA_OTHER;
}

gf_packing gf_packing_of(const char *media_type)
{
	static const struct family {
		const char *tar;
		const char *gzip, *zstd; /* what follows it */
	} families[] = {
		{ OCI "image.layer.v1.tar", "+gzip", "+zstd" },
		{ OCI "image.layer.nondistributable.v1.tar", "+gzip", "+zstd" },
		{ DOCKER "image.rootfs.diff.tar", ".gzip", ".zstd" },
		{ DOCKER "image.rootfs.foreign.diff.tar", ".gzip", ".zstd" },
	};

	for (size_t i = 0; media_type != NULL && i < sizeof families / sizeof *families; i++) {
		const char *rest;

		if (!gf_starts_with(media_type, families[i].tar))
			continue;
		rest = media_type + strlen(families[i].tar);
		if (*rest == '\0')
			return GF_PACKING_RAW;
		if (strcmp(rest, families[i].gzip) == 0)
			return GF_PACKING_GZIP;
		if (strcmp(rest, families[i].zstd) == 0)
			return GF_PACKING_ZSTD;
	}
	return GF_PACKING_OPAQUE;
}

bool gf_is_image_config(const char *media_type)
{
	static const char *const configs[] = { GF_TYPE_CONFIG, DOCKER "container.image.v1+json", NULL };

	return is_one_of(media_type, configs);
}

/*
 * Go programs match keys without regard to case and let the last one win; here keys are exact.  A document
 * in which the two disagree shows one image to us and another to them.
 */
static bool no_lookalikes(gf_json object, const char *const *known, gf_error *err)
{
	gf_json value = { 0 };

	for (size_t i = 0; i < gf_json_count(object); i++) {
		const char *key = gf_json_key_at(object, i, &value);

		for (size_t k = 0; known[k] != NULL; k++)
			if (strcasecmp(key, known[k]) == 0 && strcmp(key, known[k]) != 0)
				return gf_json_fail(object, "key-case", err,
				    "a key that differs from '%s' in upper and lower case only: other programs "
				    "would read it as that",
				    known[k]);
	}
	return true;
}

/* "sha256:" and 64 hex; another algorithm has its own name, for it is a limit of this format and no damage. */
static bool read_digest(gf_json object, gf_digest *out, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(object, "digest", &text, err))
		return false;
	if (strchr(text, ':') != NULL && !gf_starts_with(text, "sha256:"))
		return gf_json_fail(object, "digest-algorithm", err,
		    "a digest of another algorithm than sha256, the only one a bundle carries");
	return gf_json_digest(object, "digest", out, err);
}

/* One part of a platform: what Go's runtime and the registries use. */
static bool platform_part_valid(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return text[n] == '\0' && n <= 64;
}

/* "os/architecture[/variant]" of an object that has these members; *out stays NULL where os or architecture
 * is not given. */
static bool read_platform(gf_json object, char **out, gf_error *err)
{
	const char *os = "", *architecture = "", *variant = "";
	gf_buf text;
	bool ok;

	if (!gf_json_string_if(object, "os", &os, err) ||
	    !gf_json_string_if(object, "architecture", &architecture, err) ||
	    !gf_json_string_if(object, "variant", &variant, err))
		return false;
	if (*os == '\0' || *architecture == '\0')
		return true;
	if (!platform_part_valid(os) || !platform_part_valid(architecture) || !platform_part_valid(variant))
		return gf_json_fail(object, "platform", err,
		    "os, architecture and variant may have letters, digits, '.', '_', '-' and 64 bytes each");
	gf_buf_init(&text, 256);
	ok = gf_buf_printf(&text, err, "%s/%s%s%s", os, architecture, *variant != '\0' ? "/" : "", variant) &&
	    (*out = gf_strdup(gf_buf_text(&text), err)) != NULL;
	gf_buf_clear(&text);
	return ok;
}

static bool copy_text(gf_json object, const char *key, char **out, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string_if(object, key, &text, err))
		return false;
	return text == NULL || (*out = gf_strdup(text, err)) != NULL;
}

static bool read_annotations(gf_json object, gf_descriptor *d, gf_error *err)
{
	gf_json annotations = gf_json_get(object, "annotations");

	if (gf_json_typeof(annotations) != GF_JSON_OBJECT)
		return true;
	return copy_text(annotations, "org.opencontainers.image.ref.name", &d->ref_name, err) &&
	    copy_text(annotations, "io.containerd.image.name", &d->image_name, err);
}

static bool read_descriptor(gf_json object, gf_descriptor *d, gf_error *err)
{
	static const char *const keys[] = { "mediaType", "digest", "size", "data", "platform", "annotations", NULL };
	static const char *const platform_keys[] = { "os", "os.version", "architecture", "variant", NULL };
	const char *type = NULL, *data = NULL;
	gf_json platform = gf_json_get(object, "platform");

	gf_buf_init(&d->data, GF_JSON_BLOB_MAX);
	if (gf_json_typeof(object) != GF_JSON_OBJECT)
		return gf_json_fail(object, "json-type", err, "expected a descriptor, an object");
	if (!no_lookalikes(object, keys, err) || !gf_json_string(object, "mediaType", &type, err) ||
	    !read_digest(object, &d->digest, err) || !gf_json_u64(object, "size", &d->size, err) ||
	    !gf_json_string_if(object, "data", &data, err) || !read_annotations(object, d, err))
		return false;
	if (gf_json_typeof(platform) == GF_JSON_OBJECT &&
	    (!no_lookalikes(platform, platform_keys, err) || !read_platform(platform, &d->platform, err) ||
		!copy_text(platform, "os.version", &d->os_version, err)))
		return false;
	if (data != NULL && !gf_base64_decode(data, strlen(data), &d->data, err))
		return gf_json_fail(object, "base64", err, "'data' is not base64");
	d->media_type = gf_strdup(type, err);
	return d->media_type != NULL;
}

void gf_descriptor_clear(gf_descriptor *d)
{
	free(d->media_type);
	free(d->platform);
	free(d->os_version);
	free(d->ref_name);
	free(d->image_name);
	gf_buf_clear(&d->data);
	*d = (gf_descriptor){ 0 };
}

static bool is_schema1(gf_json root, const char *type)
{
	uint64_t version = 0;
	gf_error unused;
	bool numbered = gf_json_u64_if(root, "schemaVersion", &version, &unused) && version == 1;

	return numbered || (type != NULL && gf_starts_with(type, DOCKER "distribution.manifest.v1+"));
}

/* The type as said by the document, else by its descriptor, else by its shape; all that speak must agree. */
static bool settle_type(gf_json root, const char *said, gf_document *d, gf_error *err)
{
	bool lists = gf_json_get(root, "manifests").node != NULL;
	bool layers = gf_json_get(root, "layers").node != NULL || gf_json_get(root, "config").node != NULL;
	const char *own = NULL, *type;
	uint64_t version = 0;

	if (!gf_json_string_if(root, "mediaType", &own, err))
		return false;
	if (own != NULL && *own == '\0')
		own = NULL;
	type = own != NULL ? own : said;
	if (is_schema1(root, type))
		return gf_json_fail(root, "schema1", err,
		    "a Docker image manifest of schema 1, which has no config and no image ID: pull and push the "
		    "image again with a current tool");
	if (lists == layers)
		return gf_json_fail(root, "media-type", err,
		    lists ? "both an index and a manifest" : "neither an index nor a manifest");
	if (!gf_json_u64(root, "schemaVersion", &version, err))
		return false;
	if (version != 2)
		return gf_json_fail(root, "media-type", err, "schemaVersion is not 2");
	if (own != NULL && said != NULL && strcmp(own, said) != 0)
		return gf_json_fail(
		    root, "media-type", err, "its descriptor says '%.100s', the document '%.100s'", said, own);
	if (type == NULL)
		type = lists ? GF_TYPE_INDEX : GF_TYPE_MANIFEST;
	d->media = gf_media_of(type);
	if (d->media != (lists ? GF_MEDIA_INDEX : GF_MEDIA_MANIFEST))
		return gf_json_fail(root, "media-type", err,
		    "'%.100s' does not fit %s; OCI and Docker schema 2 "
		    "types are carried",
		    type, lists ? "an index" : "a manifest");
	d->media_type = gf_strdup(type, err);
	return d->media_type != NULL;
}

/* Layers or children.  null is what Go writes for none. */
static bool read_items(gf_json root, const char *key, gf_document *d, gf_error *err)
{
	gf_json list = gf_json_get(root, key);
	size_t n = gf_json_count(list);

	if (list.node != NULL && gf_json_typeof(list) == GF_JSON_OTHER)
		n = 0;
	else if (!gf_json_array(root, key, &list, err))
		return false;
	d->items = n != 0 ? gf_alloc(n, sizeof *d->items, err) : NULL;
	if (n != 0 && d->items == NULL)
		return false;
	for (; d->n_items < n; d->n_items++)
		if (!read_descriptor(gf_json_at(list, d->n_items), &d->items[d->n_items], err)) {
			gf_descriptor_clear(&d->items[d->n_items]);
			return false;
		}
	return true;
}

static bool read_document(gf_json root, const char *media_type, gf_document *d, gf_error *err)
{
	static const char *const keys[] = { "schemaVersion", "mediaType", "artifactType", "config", "layers",
		"manifests", "subject", NULL };
	gf_json config, subject = gf_json_get(root, "subject");
	const char *artifact = NULL;

	if (gf_json_typeof(root) != GF_JSON_OBJECT)
		return gf_json_fail(root, "json-type", err, "expected an index or a manifest, an object");
	if (!no_lookalikes(root, keys, err) || !settle_type(root, media_type, d, err) ||
	    !gf_json_string_if(root, "artifactType", &artifact, err))
		return false;
	if (artifact != NULL && (d->artifact_type = gf_strdup(artifact, err)) == NULL)
		return false;
	if (gf_json_typeof(subject) == GF_JSON_OBJECT) {
		if (!read_digest(subject, &d->subject, err))
			return false;
		d->has_subject = true;
	}
	if (d->media == GF_MEDIA_INDEX)
		return read_items(root, "manifests", d, err);
	return gf_json_object(root, "config", &config, err) && read_descriptor(config, &d->config, err) &&
	    read_items(root, "layers", d, err);
}

gf_document *gf_document_parse(
    const gf_buf *text, const char *media_type, gf_class class, const char *name, gf_error *err)
{
	gf_json_doc *json = gf_json_parse(gf_buf_text(text), text->len, GF_JSON_BLOB_MAX, class, name, err);
	gf_document *d = json != NULL ? gf_alloc(1, sizeof *d, err) : NULL;

	if (d != NULL && !read_document(gf_json_root(json), media_type, d, err)) {
		gf_document_free(d);
		d = NULL;
	}
	gf_json_free(json);
	return d;
}

void gf_document_free(gf_document *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n_items; i++)
		gf_descriptor_clear(&d->items[i]);
	free(d->items);
	gf_descriptor_clear(&d->config);
	free(d->media_type);
	free(d->artifact_type);
	free(d);
}

static bool read_diff_ids(gf_json rootfs, gf_config *c, gf_error *err)
{
	gf_json list = gf_json_get(rootfs, "diff_ids");
	gf_json_type type = gf_json_typeof(list);
	const char *text = NULL;
	size_t n;

	if (type == GF_JSON_ABSENT || type == GF_JSON_OTHER)
		return true; /* an image without layers: Go leaves it out or writes null */
	if (!gf_json_array(rootfs, "diff_ids", &list, err))
		return false;
	n = gf_json_count(list);
	c->diff_ids = n != 0 ? gf_alloc(n, sizeof *c->diff_ids, err) : NULL;
	if (n != 0 && c->diff_ids == NULL)
		return false;
	for (; c->n_diff_ids < n; c->n_diff_ids++) {
		if (!gf_json_text(gf_json_at(list, c->n_diff_ids), &text, err))
			return false;
		if (!gf_digest_parse(text, &c->diff_ids[c->n_diff_ids]))
			return gf_json_fail(gf_json_at(list, c->n_diff_ids), "digest-form", err,
			    "a diff ID is 'sha256:' and 64 lower-case hex digits");
	}
	return true;
}

static bool read_config(gf_json root, gf_config *c, gf_error *err)
{
	static const char *const keys[] = { "os", "architecture", "variant", "rootfs", NULL };
	static const char *const rootfs_keys[] = { "type", "diff_ids", NULL };
	const char *type = "layers";
	gf_json rootfs;

	if (gf_json_typeof(root) != GF_JSON_OBJECT)
		return gf_json_fail(root, "json-type", err, "expected an image config, an object");
	if (!no_lookalikes(root, keys, err) || !read_platform(root, &c->platform, err) ||
	    !gf_json_object(root, "rootfs", &rootfs, err) || !no_lookalikes(rootfs, rootfs_keys, err) ||
	    !gf_json_string_if(rootfs, "type", &type, err))
		return false;
	if (strcmp(type, "layers") != 0)
		return gf_json_fail(rootfs, "rootfs-type", err, "rootfs is of type '%.64s', expected 'layers'", type);
	return read_diff_ids(rootfs, c, err);
}

gf_config *gf_config_parse(const gf_buf *text, gf_class class, const char *name, gf_error *err)
{
	gf_json_doc *json = gf_json_parse(gf_buf_text(text), text->len, GF_JSON_BLOB_MAX, class, name, err);
	gf_config *c = json != NULL ? gf_alloc(1, sizeof *c, err) : NULL;

	if (c != NULL && !read_config(gf_json_root(json), c, err)) {
		gf_config_free(c);
		c = NULL;
	}
	gf_json_free(json);
	return c;
}

void gf_config_free(gf_config *c)
{
	if (c == NULL)
		return;
	free(c->platform);
	free(c->diff_ids);
	free(c);
}
