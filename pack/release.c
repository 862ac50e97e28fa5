/* release: release.yaml, what a release is made of, as the options of a pack.  docs/release.schema.json describes it
 * for editors; a test holds the two together. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/source.h"

struct gf_release {
	gf_pack_options options; /* its texts are the document's */
	gf_json_doc *doc;
	const char **audience, **keys;
	gf_pack_source *sources;
	const char ***names, ***platforms; /* of each source; NULL: none */
	size_t n_keys;
	gf_label *labels;
};

const char *const gf_release_keys[] = { "output", "stream", "epoch", "sequence", "after", "version", "created",
	"expires", "trust-version", "audience", "keys", "layers", "load-platform", "build-id", "labels", "images",
	NULL };
const char *const gf_release_image_keys[] = { "source", "names", "platforms", NULL };

static bool there(gf_json root, const char *key)
{
	return gf_json_typeof(gf_json_get(root, key)) != GF_JSON_ABSENT;
}

/* Optional text, not empty. */
static bool take_text(gf_json root, const char *key, const char **out, gf_error *err)
{
	if (!gf_json_string_if(root, key, out, err))
		return false;
	return *out == NULL || **out != '\0' ||
	    gf_json_fail(gf_json_get(root, key), "empty", err, "a value is missing here");
}

/* A list of texts, at least one. */
static bool take_list(gf_json root, const char *key, const char ***out, size_t *n, gf_error *err)
{
	gf_json list;

	*n = 0;
	if (!there(root, key))
		return true;
	if (!gf_json_array(root, key, &list, err))
		return false;
	if (gf_json_count(list) == 0)
		return gf_json_fail(list, "empty", err, "leave '%s' out, or give at least one", key);
	*out = gf_alloc(gf_json_count(list), sizeof **out, err);
	for (size_t i = 0; *out != NULL && i < gf_json_count(list); i++) {
		if (!gf_json_text(gf_json_at(list, i), &(*out)[i], err))
			return false;
		if ((*out)[i][0] == '\0')
			return gf_json_fail(gf_json_at(list, i), "empty", err, "a value is missing here");
		*n = i + 1;
	}
	return *out != NULL;
}

static bool take_number(gf_json root, const char *key, bool *has, uint64_t *out, gf_error *err)
{
	*has = there(root, key);
	return gf_json_u64_if(root, key, out, err);
}

static bool take_times(gf_json root, gf_pack_options *o, gf_error *err)
{
	const char *created = NULL, *expires = NULL;

	if (!take_text(root, "created", &created, err) || !take_text(root, "expires", &expires, err))
		return false;
	o->has_created = created != NULL;
	if (created != NULL && !gf_time_parse(created, &o->created))
		return gf_json_fail(gf_json_get(root, "created"), "created", err,
		    "'%.60s' is not of the form 2026-11-23T01:02:03Z", created);
	if (expires != NULL && !gf_expires_parse(expires, o))
		return gf_json_fail(gf_json_get(root, "expires"), "expires", err,
		    "'%.60s' is neither a date (2027-05-23, 2027-05-23T12:00:00Z) nor a duration (90d, 12h) of at most 100 "
		    "years",
		    expires);
	return true;
}

static bool take_layers(gf_json root, gf_pack_options *o, gf_error *err)
{
	const char *text = NULL;

	if (!take_text(root, "layers", &text, err))
		return false;
	return text == NULL || gf_layers_parse(text, &o->layers) ||
	    gf_json_fail(gf_json_get(root, "layers"), "layers", err, "'%.60s' is not gzip, zstd or none", text);
}

static bool take_labels(gf_release *r, gf_json root, gf_error *err)
{
	gf_json labels;
	size_t n;

	if (!there(root, "labels"))
		return true;
	if (!gf_json_object(root, "labels", &labels, err))
		return false;
	n = gf_json_count(labels);
	r->labels = gf_alloc(n + 1, sizeof *r->labels, err);
	r->options.labels = r->labels;
	for (size_t i = 0; r->labels != NULL && i < n; i++) {
		gf_json value;
		const char *key = gf_json_key_at(labels, i, &value), *text;

		if (*key == '\0')
			return gf_json_fail(labels, "label", err, "a label has no key");
		if (!gf_json_text(value, &text, err))
			return false;
		/* Only read; the type is that of a manifest's labels. */
		r->labels[i] = (gf_label){ .key = (char *)(uintptr_t)key, .value = (char *)(uintptr_t)text };
		r->options.n_labels = i + 1;
	}
	return r->labels != NULL;
}

/* Names are looked at here, where a mistake still has a line. */
static bool take_names(gf_json item, const char ***names, size_t *n, gf_error *err)
{
	if (!take_list(item, "names", names, n, err))
		return false;
	for (size_t i = 0; i < *n; i++) {
		char full[GF_REFERENCE_SIZE];
		gf_error why = { 0 };
		bool bare;

		if (!gf_name_complete((*names)[i], full, &bare, &why))
			return gf_json_fail(
			    gf_json_at(gf_json_get(item, "names"), i), "reference", err, "%s", why.text);
	}
	return true;
}

static bool take_platforms(gf_json item, const char ***platforms, size_t *n, gf_error *err)
{
	if (!take_list(item, "platforms", platforms, n, err))
		return false;
	for (size_t i = 0; i < *n; i++) {
		gf_error why = { 0 };

		if (!gf_platform_check((*platforms)[i], &why))
			return gf_json_fail(
			    gf_json_at(gf_json_get(item, "platforms"), i), "platform", err, "%s", why.text);
	}
	return true;
}

/* The manifest has labels of the build, not of an image: those are in its config, whose bytes stay (FORMAT.md 2). */
static bool no_labels(gf_json item, gf_error *err)
{
	return !there(item, "labels") ||
	    gf_json_fail(gf_json_get(item, "labels"), "unknown-key", err,
		"labels are of the release, beside 'images'; those of an image are in its config, which is never "
		"changed");
}

/* A source as in the command line, or one with names for what is in it. */
static bool take_source(gf_json item, gf_pack_source *s, const char ***names, const char ***platforms, gf_error *err)
{
	gf_json source = item;

	if (gf_json_typeof(item) == GF_JSON_OBJECT) {
		if (!no_labels(item, err) || !gf_json_only(item, gf_release_image_keys, err) ||
		    !gf_json_string(item, "source", &s->text, err) || !take_names(item, names, &s->n_names, err) ||
		    !take_platforms(item, platforms, &s->n_platforms, err))
			return false;
		source = gf_json_get(item, "source");
		s->names = *names;
		s->platforms = *platforms;
	} else if (!gf_json_text(item, &s->text, err)) {
		return false;
	}
	return s->text[0] != '\0' || gf_json_fail(source, "empty", err, "a value is missing here");
}

static bool take_sources(gf_release *r, gf_json root, gf_error *err)
{
	gf_json list;
	size_t n;

	if (!there(root, "images"))
		return true;
	if (!gf_json_array(root, "images", &list, err))
		return false;
	n = gf_json_count(list);
	if (n == 0)
		return gf_json_fail(list, "empty", err, "leave 'images' out, or give at least one");
	if ((r->sources = gf_alloc(n, sizeof *r->sources, err)) == NULL ||
	    (r->names = gf_alloc(n, sizeof *r->names, err)) == NULL ||
	    (r->platforms = gf_alloc(n, sizeof *r->platforms, err)) == NULL)
		return false;
	r->options.sources = r->sources;
	r->options.n_sources = n;
	for (size_t i = 0; i < n; i++)
		if (!take_source(gf_json_at(list, i), &r->sources[i], &r->names[i], &r->platforms[i], err))
			return false;
	return true;
}

static bool take_all(gf_release *r, gf_error *err)
{
	gf_json root = gf_json_root(r->doc);
	gf_pack_options *o = &r->options;

	if (!gf_json_only(root, gf_release_keys, err) || !take_text(root, "output", &o->output, err) ||
	    !take_text(root, "stream", &o->stream, err) || !take_number(root, "epoch", &o->has_epoch, &o->epoch, err) ||
	    !take_number(root, "sequence", &o->has_sequence, &o->sequence, err) ||
	    !take_text(root, "after", &o->after, err) || !take_text(root, "version", &o->version, err) ||
	    !take_times(root, o, err) || !gf_json_u64_if(root, "trust-version", &o->trust_version, err) ||
	    !take_list(root, "audience", &r->audience, &o->n_audience, err) ||
	    !take_list(root, "keys", &r->keys, &r->n_keys, err) || !take_layers(root, o, err) ||
	    !take_text(root, "load-platform", &o->load_platform, err) ||
	    !take_text(root, "build-id", &o->build_id, err) || !take_labels(r, root, err) ||
	    !take_sources(r, root, err))
		return false;
	o->audience = r->audience;
	return o->stream == NULL || gf_name_valid(o->stream) ||
	    gf_json_fail(gf_json_get(root, "stream"), "stream", err,
		"'%.80s' is no name of a stream: a-z, 0-9, '.', '_', '-', at most 64, the first a letter or digit",
		o->stream);
}

gf_release *gf_release_parse(const void *text, size_t len, const char *name, gf_error *err)
{
	gf_release *r = gf_alloc(1, sizeof *r, err);

	if (r == NULL)
		return NULL;
	r->doc = gf_yaml_parse(text, len, name, err);
	if (r->doc != NULL && take_all(r, err))
		return r;
	gf_release_free(r);
	return NULL;
}

static bool read_stdin(gf_buf *out, gf_error *err)
{
	gf_input *in = gf_input_file(STDIN_FILENO, false, "stdin", err);
	gf_output *to = in != NULL ? gf_output_buf(out, err) : NULL;
	bool ok = to != NULL && gf_copy(in, to, err);

	gf_output_close(to);
	gf_input_close(in);
	if (!ok && strcmp(err->name, "too-large") == 0)
		err->class = GF_USAGE;
	return ok;
}

gf_release *gf_release_load(const char *path, gf_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	gf_release *r = NULL;
	gf_buf text;

	gf_buf_init(&text, GF_CONFIG_FILE_MAX);
	if (is_stdin ? read_stdin(&text, err) : gf_file_load(path, GF_CONFIG_FILE_MAX, GF_USAGE, &text, err))
		r = gf_release_parse(gf_buf_text(&text), text.len, is_stdin ? "stdin" : path, err);
	gf_buf_clear(&text);
	return r;
}

const gf_pack_options *gf_release_options(const gf_release *r)
{
	return &r->options;
}

const char *const *gf_release_signers(const gf_release *r, size_t *n)
{
	*n = r->n_keys;
	return r->keys;
}

void gf_release_free(gf_release *r)
{
	if (r == NULL)
		return;
	gf_json_free(r->doc);
	for (size_t i = 0; r->platforms != NULL && i < r->options.n_sources; i++) {
		free(r->names[i]);
		free(r->platforms[i]);
	}
	free(r->names);
	free(r->platforms);
	free(r->sources);
	free(r->audience);
	free(r->keys);
	free(r->labels);
	free(r);
}
