/* The signed statement, read.  One function for each object of FORMAT.md 2. */
#include <stdlib.h>
#include <string.h>

#include "bundles/names.h"

const char *const gf_file_names[GF_FILES] = { "SHA256SUMS", "oci-layout", "index.json", "manifest.json" };

/* ---- single values ---- */

/* An array of digests, each once; absent: none. */
static bool read_digests_if(gf_json object, const char *key, gf_digest **out, size_t *n, gf_error *err)
{
	gf_json list = gf_json_get(object, key);
	const char *text = NULL;
	gf_map seen;
	bool ok = true;

	if (gf_json_typeof(list) == GF_JSON_ABSENT)
		return true;
	if (!gf_json_array(object, key, &list, err))
		return false;
	*out = gf_alloc(gf_json_count(list) + 1, sizeof **out, err);
	if (*out == NULL)
		return false;
	gf_map_init(&seen);
	for (size_t i = 0; i < gf_json_count(list) && ok; i++) {
		gf_json item = gf_json_at(list, i);

		ok = gf_json_text(item, &text, err) &&
		    (gf_digest_parse(text, &(*out)[i]) ||
			gf_json_fail(item, "digest-form", err, "expected sha256: and 64 lower-case hex digits")) &&
		    (gf_map_get(&seen, &(*out)[i]) == SIZE_MAX ||
			gf_json_fail(item, "manifest-twice", err, "stands here twice")) &&
		    gf_map_put(&seen, &(*out)[i], i, err);
		*n = i + 1;
	}
	gf_map_clear(&seen);
	return ok;
}

/* ---- stream, audience, build, packer ---- */

static bool read_previous(gf_json predicate, gf_manifest *m, gf_error *err)
{
	static const char *const keys[] = { "sequence", "sha256", NULL };
	gf_json previous = gf_json_get(predicate, "previous");

	if (gf_json_typeof(previous) == GF_JSON_ABSENT)
		return true;
	m->has_previous = true;
	return gf_json_only(previous, keys, err) && gf_json_u64(previous, "sequence", &m->previous_sequence, err) &&
	    gf_json_hex(previous, "sha256", &m->previous, err);
}

static bool read_stream(gf_json predicate, gf_manifest *m, gf_error *err)
{
	bool stream = gf_json_get(predicate, "stream").node != NULL;
	bool epoch = gf_json_get(predicate, "epoch").node != NULL;
	bool sequence = gf_json_get(predicate, "sequence").node != NULL;

	if (stream != epoch || stream != sequence)
		return gf_json_fail(
		    predicate, "manifest-stream", err, "stream, epoch and sequence stand together or not at all");
	if (!stream)
		return true;
	if (!gf_json_copy(predicate, "stream", &m->stream, err) || !gf_json_u64(predicate, "epoch", &m->epoch, err) ||
	    !gf_json_u64(predicate, "sequence", &m->sequence, err))
		return false;
	return gf_name_valid(m->stream) ||
	    gf_json_fail(gf_json_get(predicate, "stream"), "manifest-stream", err,
		"a stream's name is of a-z 0-9 . _ - and at most 64 bytes");
}

static bool read_audience(gf_json predicate, gf_manifest *m, gf_error *err)
{
	gf_json list = gf_json_get(predicate, "audience");
	const char **sorted, *text = NULL, *same = NULL;
	bool ok = true;

	if (gf_json_typeof(list) == GF_JSON_ABSENT)
		return true;
	if (!gf_json_array(predicate, "audience", &list, err))
		return false;
	if (gf_json_count(list) == 0)
		return gf_json_fail(list, "manifest-audience", err, "names no site: leave it out for all sites");
	m->audience = gf_alloc(gf_json_count(list), sizeof *m->audience, err);
	sorted = gf_alloc(gf_json_count(list), sizeof *sorted, err);
	ok = m->audience != NULL && sorted != NULL;
	for (size_t i = 0; ok && i < gf_json_count(list); i++) {
		gf_json item = gf_json_at(list, i);

		ok = gf_json_text(item, &text, err) &&
		    (gf_name_valid(text) ||
			gf_json_fail(item, "manifest-audience", err,
			    "a site's name is of a-z 0-9 . _ - and at most 64 bytes")) &&
		    (m->audience[i] = gf_strdup(text, err)) != NULL;
		sorted[i] = m->audience[i];
		m->n_audience = ok ? i + 1 : i;
	}
	ok = ok &&
	    (!gf_texts_sort(sorted, m->n_audience, &same) ||
		gf_json_fail(list, "manifest-twice", err, "'%s' stands here twice", same));
	free(sorted);
	return ok;
}

static bool read_labels(gf_json build, gf_build *b, gf_error *err)
{
	gf_json list = gf_json_get(build, "labels"), value = { 0 };
	const char *text = NULL;

	if (gf_json_typeof(list) == GF_JSON_ABSENT)
		return true;
	if (!gf_json_object(build, "labels", &list, err))
		return false;
	if (gf_json_count(list) == 0)
		return gf_json_fail(list, "manifest-labels", err, "is empty: leave it out");
	b->labels = gf_alloc(gf_json_count(list), sizeof *b->labels, err);
	if (b->labels == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		gf_label *label = &b->labels[i];
		const char *key = gf_json_key_at(list, i, &value);

		b->n_labels = i + 1;
		if (!gf_json_text(value, &text, err) || (label->key = gf_strdup(key, err)) == NULL ||
		    (label->value = gf_strdup(text, err)) == NULL)
			return false;
		if (i != 0 && strcmp(b->labels[i - 1].key, label->key) >= 0)
			return gf_json_fail(value, "manifest-labels", err, "labels are sorted by key, byte by byte");
	}
	return true;
}

static bool read_build(gf_json predicate, gf_build *b, gf_error *err)
{
	static const char *const keys[] = { "system", "id", "number", "url", "repository", "revision", "ref",
		"definition", "requester", "collection", "labels", NULL };
	gf_json build;

	return gf_json_object(predicate, "build", &build, err) && gf_json_only(build, keys, err) &&
	    gf_json_copy_if(build, "system", &b->system, err) && gf_json_copy_if(build, "id", &b->id, err) &&
	    gf_json_copy_if(build, "number", &b->number, err) && gf_json_copy_if(build, "url", &b->url, err) &&
	    gf_json_copy_if(build, "repository", &b->repository, err) &&
	    gf_json_copy_if(build, "revision", &b->revision, err) && gf_json_copy_if(build, "ref", &b->ref, err) &&
	    gf_json_copy_if(build, "definition", &b->definition, err) &&
	    gf_json_copy_if(build, "requester", &b->requester, err) &&
	    gf_json_copy_if(build, "collection", &b->collection, err) && read_labels(build, b, err);
}

static bool read_packer(gf_json predicate, gf_manifest *m, gf_error *err)
{
	static const char *const keys[] = { "name", "version", "compressor", NULL };
	gf_json packer;

	return gf_json_object(predicate, "packer", &packer, err) && gf_json_only(packer, keys, err) &&
	    gf_json_expect(packer, "name", "gapferry", "manifest-type", err) &&
	    gf_json_copy(packer, "version", &m->packer_version, err) &&
	    gf_json_copy(packer, "compressor", &m->compressor, err);
}

/* ---- images ---- */

static bool read_names(gf_json image, gf_image *out, gf_error *err)
{
	gf_json list;
	const char *text = NULL;

	if (!gf_json_array(image, "names", &list, err))
		return false;
	if (gf_json_count(list) == 0)
		return gf_json_fail(list, "manifest-name", err, "an image has at least one name");
	out->names = gf_alloc(gf_json_count(list), sizeof *out->names, err);
	if (out->names == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		gf_json item = gf_json_at(list, i);

		if (!gf_json_text(item, &text, err))
			return false;
		if (!gf_image_name_valid(text))
			return gf_json_fail(item, "manifest-name", err,
			    "an image's name has letters, digits and . _ - / : @ [ ] only, and at most %d bytes",
			    GF_IMAGE_NAME_MAX);
		out->names[i] = gf_strdup(text, err);
		if (out->names[i] == NULL)
			return false;
		out->n_names = i + 1;
	}
	return true;
}

static bool read_platforms(gf_json image, gf_image *out, gf_error *err)
{
	static const char *const keys[] = { "platform", "manifest", "imageId", NULL };
	gf_json list;

	if (!gf_json_array(image, "platforms", &list, err))
		return false;
	out->platforms = gf_alloc(gf_json_count(list) + 1, sizeof *out->platforms, err);
	if (out->platforms == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		gf_json item = gf_json_at(list, i);
		gf_image_platform *p = &out->platforms[i];

		out->n_platforms = i + 1;
		if (!gf_json_only(item, keys, err) || !gf_json_copy(item, "platform", &p->platform, err) ||
		    !gf_json_digest(item, "manifest", &p->manifest, err) ||
		    !gf_json_digest(item, "imageId", &p->image_id, err))
			return false;
	}
	return true;
}

static bool read_image(gf_json image, gf_image *out, gf_error *err)
{
	static const char *const keys[] = { "names", "source", "digest", "mediaType", "size", "load", "platforms",
		"evidence", "sourceIndex", NULL };

	if (!gf_json_only(image, keys, err) || !read_names(image, out, err) ||
	    !gf_json_copy(image, "source", &out->source, err) || !gf_json_digest(image, "digest", &out->digest, err) ||
	    !gf_json_copy(image, "mediaType", &out->media_type, err) || !gf_json_u64(image, "size", &out->size, err) ||
	    !gf_json_copy_if(image, "load", &out->load, err) || !read_platforms(image, out, err) ||
	    !read_digests_if(image, "evidence", &out->evidence, &out->n_evidence, err))
		return false;
	if (!gf_source_valid(out->source))
		return gf_json_fail(gf_json_get(image, "source"), "manifest-source", err,
		    "expected a transport alone, or docker:// and a reference");
	if (gf_media_of(out->media_type) == GF_MEDIA_OTHER)
		return gf_json_fail(gf_json_get(image, "mediaType"), "media-type", err,
		    "expected an index or a manifest of OCI or Docker schema 2, found '%.100s'", out->media_type);
	if (gf_json_typeof(gf_json_get(image, "sourceIndex")) == GF_JSON_ABSENT)
		return true;
	out->has_source_index = true;
	return gf_json_digest(image, "sourceIndex", &out->source_index, err);
}

/* A digest once, and a name once, over all images. */
static bool images_unique(gf_json list, const gf_manifest *m, gf_error *err)
{
	const char **names, *same = NULL;
	size_t n = 0;
	gf_map seen;
	bool ok = true;

	for (size_t i = 0; i < m->n_images; i++)
		n += m->images[i].n_names;
	names = gf_alloc(n + 1, sizeof *names, err);
	if (names == NULL)
		return false;
	n = 0;
	gf_map_init(&seen);
	for (size_t i = 0; i < m->n_images && ok; i++) {
		for (size_t k = 0; k < m->images[i].n_names; k++)
			names[n++] = m->images[i].names[k];
		ok = (gf_map_get(&seen, &m->images[i].digest) == SIZE_MAX ||
			 gf_json_fail(gf_json_at(list, i), "manifest-twice", err,
			     "an earlier image has the same digest: its names belong there")) &&
		    gf_map_put(&seen, &m->images[i].digest, i, err);
	}
	if (ok && gf_texts_sort(names, n, &same))
		ok = gf_json_fail(list, "manifest-twice", err, "the name '%s' stands here twice", same);
	gf_map_clear(&seen);
	free(names);
	return ok;
}

static bool read_images(gf_json predicate, gf_manifest *m, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(predicate, "images", &list, err))
		return false;
	if (gf_json_count(list) == 0)
		return gf_json_fail(list, "manifest-images", err, "a bundle has at least one image");
	m->images = gf_alloc(gf_json_count(list), sizeof *m->images, err);
	if (m->images == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		m->n_images = i + 1;
		if (!read_image(gf_json_at(list, i), &m->images[i], err))
			return false;
	}
	return images_unique(list, m, err);
}

/* ---- files and blobs ---- */

static bool read_files(gf_json predicate, gf_manifest *m, gf_error *err)
{
	static const char *const keys[] = { "path", "size", "sha256", NULL };
	gf_json list;
	const char *path = NULL;

	if (!gf_json_array(predicate, "files", &list, err))
		return false;
	if (gf_json_count(list) != GF_FILES)
		return gf_json_fail(list, "manifest-files", err, "expected exactly %d files", GF_FILES);
	for (size_t i = 0; i < GF_FILES; i++) {
		gf_json item = gf_json_at(list, i);
		uint64_t max = i == GF_FILE_DOCKER ? GF_DOCKER_MANIFEST_MAX : GF_DERIVED_MAX;

		if (!gf_json_only(item, keys, err) || !gf_json_string(item, "path", &path, err) ||
		    !gf_json_u64(item, "size", &m->files[i].size, err) ||
		    !gf_json_hex(item, "sha256", &m->files[i].digest, err))
			return false;
		if (strcmp(path, gf_file_names[i]) != 0)
			return gf_json_fail(
			    item, "manifest-files", err, "expected '%s', found '%.64s'", gf_file_names[i], path);
		if (m->files[i].size > max)
			return gf_json_fail(
			    item, "too-large", err, "'%s' may have %llu bytes", path, (unsigned long long)max);
	}
	return true;
}

static bool read_kind(gf_json blob, gf_kind *out, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(blob, "kind", &text, err))
		return false;
	for (gf_kind kind = GF_KIND_JSON; kind <= GF_KIND_LAYER; kind++)
		if (strcmp(text, gf_kind_text(kind)) == 0) {
			*out = kind;
			return true;
		}
	return gf_json_fail(blob, "manifest-blobs", err, "kind is json, evidence or layer, not '%.32s'", text);
}

static bool read_blob(gf_json blob, gf_blob *out, gf_error *err)
{
	static const char *const keys[] = { "digest", "size", "kind", "uncompressedSize", NULL };
	bool raw = gf_json_get(blob, "uncompressedSize").node != NULL;

	if (!gf_json_only(blob, keys, err) || !gf_json_digest(blob, "digest", &out->digest, err) ||
	    !gf_json_u64(blob, "size", &out->size, err) || !read_kind(blob, &out->kind, err) ||
	    !gf_json_u64_if(blob, "uncompressedSize", &out->raw_size, err))
		return false;
	if (raw && (out->kind != GF_KIND_LAYER || out->raw_size == 0))
		return gf_json_fail(blob, "manifest-blobs", err, "uncompressedSize is of layers, and not 0");
	if (out->kind == GF_KIND_JSON && out->size > GF_JSON_BLOB_MAX)
		return gf_json_fail(blob, "too-large", err, "kind json may have %zu bytes", GF_JSON_BLOB_MAX);
	if (out->kind == GF_KIND_EVIDENCE && out->size > GF_EVIDENCE_MAX)
		return gf_json_fail(blob, "too-large", err, "kind evidence may have %zu bytes", GF_EVIDENCE_MAX);
	return true;
}

/* Each once, kinds in order, the caps of all together. */
static bool check_blobs(gf_json list, const gf_manifest *m, gf_error *err)
{
	uint64_t json = 0, all = 0;
	gf_map seen;
	bool ok = true;

	gf_map_init(&seen);
	for (size_t i = 0; i < m->n_blobs && ok; i++) {
		const gf_blob *b = &m->blobs[i];
		gf_json item = gf_json_at(list, i);

		ok = (i == 0 || b->kind >= m->blobs[i - 1].kind ||
			 gf_json_fail(item, "manifest-blobs", err, "kinds stand in the order json, evidence, layer")) &&
		    (gf_map_get(&seen, &b->digest) == SIZE_MAX ||
			gf_json_fail(item, "manifest-twice", err, "this digest stands here twice")) &&
		    gf_map_put(&seen, &b->digest, i, err);
		json += b->kind == GF_KIND_JSON ? b->size : 0;
		all += b->size; /* below 2^53 each, and below GF_JSON_VALUES of them: checked before it can wrap */
		if (ok && json > GF_JSON_BLOBS_MAX)
			ok = gf_json_fail(
			    item, "too-large", err, "kind json may have %zu bytes together", GF_JSON_BLOBS_MAX);
		if (ok && all > GF_BLOB_MAX)
			ok = gf_json_fail(item, "too-large", err, "all blobs together may have 2^53 bytes");
	}
	gf_map_clear(&seen);
	return ok;
}

static bool read_blobs(gf_json predicate, gf_manifest *m, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(predicate, "blobs", &list, err))
		return false;
	m->blobs = gf_alloc(gf_json_count(list) + 1, sizeof *m->blobs, err);
	if (m->blobs == NULL)
		return false;
	for (; m->n_blobs < gf_json_count(list); m->n_blobs++)
		if (!read_blob(gf_json_at(list, m->n_blobs), &m->blobs[m->n_blobs], err))
			return false;
	return check_blobs(list, m, err);
}

/* ---- the statement ---- */

/* The i-th subject is the i-th name of all images in order, with its image's digest. */
static bool check_subject(gf_json root, const gf_manifest *m, gf_error *err)
{
	static const char *const keys[] = { "name", "digest", NULL }, *const digest_keys[] = { "sha256", NULL };
	gf_json list, item, digest;
	const char *name = NULL;
	gf_digest found;
	size_t at = 0;

	if (!gf_json_array(root, "subject", &list, err))
		return false;
	for (size_t i = 0; i < m->n_images; i++)
		for (size_t k = 0; k < m->images[i].n_names; k++) {
			item = gf_json_at(list, at++);
			if (item.node == NULL)
				return gf_json_fail(
				    list, "manifest-subject", err, "'%s' is missing", m->images[i].names[k]);
			if (!gf_json_only(item, keys, err) || !gf_json_string(item, "name", &name, err) ||
			    !gf_json_object(item, "digest", &digest, err) || !gf_json_only(digest, digest_keys, err) ||
			    !gf_json_hex(digest, "sha256", &found, err))
				return false;
			if (strcmp(name, m->images[i].names[k]) != 0 || !gf_digest_equal(&found, &m->images[i].digest))
				return gf_json_fail(item, "manifest-subject", err,
				    "expected '%s' with the digest it has in images", m->images[i].names[k]);
		}
	return at == gf_json_count(list) ||
	    gf_json_fail(
		list, "manifest-subject", err, "has %zu entries, images have %zu names", gf_json_count(list), at);
}

static bool read_predicate(gf_json predicate, gf_manifest *m, gf_error *err)
{
	static const char *const keys[] = { "stream", "epoch", "sequence", "version", "previous", "audience",
		"trustVersion", "created", "expires", "build", "packer", "images", "files", "blobs", NULL };
	bool trust = gf_json_get(predicate, "trustVersion").node != NULL;

	if (!gf_json_only(predicate, keys, err) || !read_stream(predicate, m, err) ||
	    !gf_json_copy_if(predicate, "version", &m->version, err) || !read_previous(predicate, m, err) ||
	    !read_audience(predicate, m, err) || !gf_json_u64_if(predicate, "trustVersion", &m->trust_version, err) ||
	    !gf_json_time(predicate, "created", &m->created, err))
		return false;
	if (trust && m->trust_version == 0)
		return gf_json_fail(
		    gf_json_get(predicate, "trustVersion"), "manifest-trust-version", err, "versions begin with 1");
	if (gf_json_get(predicate, "expires").node != NULL) {
		if (!gf_json_time(predicate, "expires", &m->expires, err))
			return false;
		if (m->expires <= m->created)
			return gf_json_fail(
			    gf_json_get(predicate, "expires"), "manifest-time", err, "is not after 'created'");
	}
	return read_build(predicate, &m->build, err) && read_packer(predicate, m, err) &&
	    read_images(predicate, m, err) && read_files(predicate, m, err) && read_blobs(predicate, m, err);
}

static bool read_statement(gf_json root, gf_manifest *m, gf_error *err)
{
	static const char *const keys[] = { "_type", "subject", "predicateType", "predicate", NULL };
	gf_json predicate;

	return gf_json_only(root, keys, err) &&
	    gf_json_expect(root, "_type", "https://in-toto.io/Statement/v1", "manifest-type", err) &&
	    gf_json_expect(root, "predicateType", "urn:gapferry:bundle:v1", "manifest-type", err) &&
	    gf_json_object(root, "predicate", &predicate, err) && read_predicate(predicate, m, err) &&
	    check_subject(root, m, err);
}

gf_manifest *gf_manifest_parse(const void *text, size_t len, gf_error *err)
{
	gf_json_doc *json = gf_json_parse(text, len, GF_STATEMENT_MAX, GF_DAMAGED, "META/manifest.json", err);
	gf_manifest *m = json != NULL ? gf_alloc(1, sizeof *m, err) : NULL;

	if (m != NULL && !read_statement(gf_json_root(json), m, err)) {
		gf_manifest_free(m);
		m = NULL;
	}
	gf_json_free(json);
	return m;
}
