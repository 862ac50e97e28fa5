/*
 * source_archive: which kind of archive it is, and what 'docker save' and its relatives write
 * (image-protocols.md 1).
 *
 * manifest.json counts for docker-archives.  In a hybrid, which has index.json too, the half that is the
 * image's own identity counts, and the halves must not contradict each other: classic Docker
 * makes up an OCI manifest while it saves (LayerSources gives it away), so there it is
 * manifest.json; from a containerd store the documents are those it was pulled with, so there it is index.json.
 */
#include "pack/source.h"

#include <stdlib.h>
#include <string.h>

bool gf_name_complete(const char *text, char out[GF_REFERENCE_SIZE], bool *bare, gf_error *err)
{
	const char *last = strrchr(text, '/');
	gf_reference r;

	if (!gf_reference_parse(text, &r, err))
		return false;
	*bare = !r.has_digest && strchr(last != NULL ? last : text, ':') == NULL;
	gf_reference_print(&r, out);
	return true;
}

typedef struct archive_state {
	gf_gathering *g;
	gf_archive *a;
	const gf_wanted *want;
	gf_saved *saved;
	size_t n_saved;
	bool classic; /* LayerSources */
	struct twin { /* a manifest below index.json */
		size_t item;
		gf_digest manifest, config;
		gf_digest *layers;
		size_t n_layers;
	} * twins;
	size_t n_twins, twins_room;
} archive_state;

static void state_clear(archive_state *s)
{
	for (size_t i = 0; i < s->n_saved; i++) {
		gf_listed_clear(&s->saved[i].image);
		gf_buf_clear(&s->saved[i].config);
		free(s->saved[i].stored);
		free(s->saved[i].named);
	}
	free(s->saved);
	for (size_t i = 0; i < s->n_twins; i++)
		free(s->twins[i].layers);
	free(s->twins);
}

/* ---- manifest.json ---- */

/* The digest that "blobs/sha256/HEX" gives. */
static bool digest_of_name(const char *name, gf_digest *out)
{
	return gf_starts_with(name, "blobs/sha256/") && gf_digest_parse_hex(name + strlen("blobs/sha256/"), out);
}

static bool find_member(archive_state *s, const char *said, const char *what, const gf_entry **out, gf_error *err)
{
	const char *name = gf_archive_name(s->a);
	gf_buf clean;
	bool ok;

	gf_buf_init(&clean, 4096);
	ok = gf_tape_clean(said, &clean, name, err) && gf_archive_find(s->a, gf_buf_text(&clean), out, err);
	if (ok && *out == NULL)
		ok = gf_fail(err, GF_DAMAGED, strcmp(what, "layer") == 0 ? "layer-missing" : "config-missing", name,
		    "manifest.json names the %s '%s', which '%s' does not hold: save the image again, and if that is no "
		    "help pull or build it again, for the daemon's copy is hollow",
		    what, gf_buf_text(&clean), name);
	gf_buf_clear(&clean);
	return ok;
}

static bool read_config(archive_state *s, gf_saved *one, const char *said, gf_config **config, gf_error *err)
{
	const gf_entry *e;
	gf_digest named;

	gf_buf_init(&one->config, GF_JSON_BLOB_MAX);
	if (!find_member(s, said, "config", &e, err) ||
	    !gf_archive_load(s->a, e, GF_JSON_BLOB_MAX, &one->config, err) ||
	    !gf_hash_bytes(gf_buf_text(&one->config), one->config.len, &one->image.root, err))
		return false;
	if (digest_of_name(e->name, &named) && !gf_digest_equal(&named, &one->image.root))
		return gf_fail(
		    err, GF_DAMAGED, "blob-digest", e->name, "the bytes of config '%s' have another digest", e->name);
	*config = gf_config_parse(&one->config, GF_DAMAGED, e->name, err);
	return *config != NULL &&
	    ((*config)->platform == NULL || (one->image.platform = gf_strdup((*config)->platform, err)) != NULL);
}

static bool read_layers(archive_state *s, gf_saved *one, gf_json layers, const gf_config *config, gf_error *err)
{
	size_t n = gf_json_count(layers);

	if (n != config->n_diff_ids)
		return gf_fail(err, GF_DAMAGED, "layer-count", gf_archive_name(s->a),
		    "manifest.json lists %zu layers where the image's config has %zu diff_ids", n, config->n_diff_ids);
	one->image.layers = gf_alloc(n + 1, sizeof *one->image.layers, err);
	one->stored = gf_alloc(n + 1, sizeof *one->stored, err);
	one->named = gf_alloc(n + 1, sizeof *one->named, err);
	if (one->image.layers == NULL || one->stored == NULL || one->named == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		gf_layer *l = &one->image.layers[i];
		const char *said;
		if (!gf_json_text(gf_json_at(layers, i), &said, err) || !find_member(s, said, "layer", &l->entry, err))
			return false;
		l->archive = s->a;
		l->diff_id = config->diff_ids[i];
		one->named[i] = digest_of_name(l->entry->name, &one->stored[i]);
	}
	one->image.n_layers = n;
	return true;
}

/* podman 3 saves an image by its ID under this name. */
static bool is_id(const char *tag, const gf_digest *config)
{
	char id[GF_DIGEST_SIZE];

	gf_digest_text(config, id);
	return gf_starts_with(tag, "localhost/") && strcmp(tag + strlen("localhost/"), id) == 0;
}

static bool read_names(archive_state *s, gf_saved *one, gf_json tags, gf_error *err)
{
	for (size_t i = 0; i < gf_json_count(tags); i++) {
		char full[GF_REFERENCE_SIZE];
		const char *tag;
		bool bare;
		if (!gf_json_text(gf_json_at(tags, i), &tag, err))
			return false;
		if (is_id(tag, &one->image.root))
			continue;
		if (!gf_name_complete(tag, full, &bare, err)) {
			err->class = GF_DAMAGED;
			return gf_because(err, "RepoTags of '%s'", gf_archive_name(s->a));
		}
		if (bare)
			gf_event_say(s->g->events, GF_EVENT_WARNING,
			    "%s: RepoTags has '%s' without a tag; read as '%s'", gf_archive_name(s->a), tag, full);
		if (!gf_listed_name(&one->image, full, err))
			return false;
	}
	return true;
}

static bool read_saved(archive_state *s, gf_json entry, gf_saved *one, gf_error *err)
{
	gf_json said = gf_json_get_any_case(entry, "Config"), layers = gf_json_get_any_case(entry, "Layers"),
		tags = gf_json_get_any_case(entry, "RepoTags");
	gf_config *config = NULL;
	const char *text;
	bool ok;

	one->image.docker = true;
	if (gf_json_typeof(entry) != GF_JSON_OBJECT || gf_json_typeof(said) != GF_JSON_STRING ||
	    (layers.node != NULL && gf_json_typeof(layers) == GF_JSON_STRING))
		return gf_json_fail(entry, "json-type", err, "expected an object with Config, RepoTags and Layers");
	ok = gf_json_text(said, &text, err) && read_config(s, one, text, &config, err) &&
	    read_layers(s, one, layers, config, err) && read_names(s, one, tags, err);
	gf_config_free(config);
	return ok;
}

static bool is_classic(gf_json list)
{
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (gf_json_count(gf_json_get_any_case(gf_json_at(list, i), "LayerSources")) > 0)
			return true;
	return false;
}

static bool refuse_dir(const char *name, gf_error *err)
{
	return gf_fail(err, GF_USAGE, "transport", name,
	    "'%s' is what 'dir:' writes, which is not read: copy the image to oci-archive: instead", name);
}

static bool read_manifest(archive_state *s, const gf_entry *e, gf_error *err)
{
	const char *name = gf_archive_name(s->a);
	gf_json_doc *doc = NULL;
	gf_json list;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = gf_archive_load(s->a, e, GF_JSON_BLOB_MAX, &text, err) &&
	    (doc = gf_json_parse(gf_buf_text(&text), text.len, text.max, GF_DAMAGED, "manifest.json", err)) != NULL;
	list = ok ? gf_json_root(doc) : (gf_json){ 0 };
	if (ok && gf_json_typeof(list) == GF_JSON_OBJECT)
		ok = refuse_dir(name, err);
	else if (ok && gf_json_count(list) == 0)
		ok = gf_fail(
		    err, GF_DAMAGED, "archive-empty", name, "'%s' holds no image: its manifest.json is empty", name);
	s->classic = ok && is_classic(list);
	s->n_saved = ok ? gf_json_count(list) : 0;
	s->saved = gf_alloc(s->n_saved + 1, sizeof *s->saved, err);
	ok = ok && s->saved != NULL;
	for (size_t i = 0; ok && i < s->n_saved; i++)
		ok = read_saved(s, gf_json_at(list, i), &s->saved[i], err);
	if (s->saved == NULL)
		s->n_saved = 0;
	gf_json_free(doc);
	gf_buf_clear(&text);
	return ok;
}

/* ---- two halves ---- */

static bool note_twin(void *ctx, size_t item, const gf_digest *manifest, const gf_document *doc, gf_error *err)
{
	archive_state *s = ctx;
	struct twin *t;

	if (!gf_grow(&s->twins, &s->twins_room, s->n_twins, sizeof *s->twins, err))
		return false;
	t = &s->twins[s->n_twins];
	*t = (struct twin){
		.item = item, .manifest = *manifest, .config = doc->config.digest, .n_layers = doc->n_items
	};
	t->layers = gf_alloc(doc->n_items + 1, sizeof *t->layers, err);
	if (t->layers == NULL)
		return false;
	s->n_twins++;
	for (size_t i = 0; i < doc->n_items; i++)
		t->layers[i] = doc->items[i].digest;
	return true;
}

static bool same_layers(const gf_saved *one, const struct twin *t)
{
	if (one->image.n_layers != t->n_layers)
		return false;
	for (size_t i = 0; i < t->n_layers; i++)
		if (!one->named[i] || !gf_digest_equal(&one->stored[i], &t->layers[i]))
			return false;
	return true;
}

static bool disagree(const archive_state *s, const char *what, const gf_digest *config, gf_error *err)
{
	char id[GF_DIGEST_SIZE];

	gf_digest_text(config, id);
	return gf_fail(err, GF_DAMAGED, "hybrid", gf_archive_name(s->a),
	    "manifest.json and index.json of '%s' disagree about %s of image %s: different programs would load different "
	    "things from it; save it again",
	    gf_archive_name(s->a), what, id);
}

/* Names that index.json has for a config; *any: it has one. */
static bool layout_has_name(
    const archive_state *s, const gf_layout *l, const gf_digest *config, const char *name, bool *any)
{
	char found[GF_REFERENCE_SIZE];
	bool has = false;

	*any = false;
	for (size_t i = 0; i < s->n_twins; i++)
		if (gf_digest_equal(&s->twins[i].config, config) && gf_layout_name(l, s->twins[i].item, found)) {
			*any = true;
			has = has || strcmp(found, name) == 0;
		}
	return has;
}

/* Documents count: all that manifest.json says must be said by them too. */
static bool agree_with_documents(const archive_state *s, const gf_layout *l, gf_error *err)
{
	for (size_t i = 0; i < s->n_saved; i++) {
		const gf_saved *one = &s->saved[i];
		bool config = false, layers = false, any;
		for (size_t k = 0; k < s->n_twins; k++)
			if (gf_digest_equal(&s->twins[k].config, &one->image.root)) {
				config = true;
				layers = layers || same_layers(one, &s->twins[k]);
			}
		if (!config)
			return disagree(s, "the config", &one->image.root, err);
		if (!layers)
			return disagree(s, "the layers", &one->image.root, err);
		for (size_t n = 0; n < one->image.n_names; n++)
			if (!layout_has_name(s, l, &one->image.root, one->image.names[n], &any) && any)
				return disagree(s, "the names", &one->image.root, err);
	}
	return true;
}

/*
 * manifest.json counts: index.json must have no other image.  It may lack some and have the layers in
 * disorder, as Docker 25.0 wrote them.
 */
static bool agree_with_configs(const archive_state *s, gf_error *err)
{
	for (size_t k = 0; k < s->n_twins; k++) {
		bool known = false;
		for (size_t i = 0; i < s->n_saved && !known; i++)
			known = gf_digest_equal(&s->twins[k].config, &s->saved[i].image.root);
		if (!known)
			return disagree(s, "the config", &s->twins[k].config, err);
	}
	return true;
}

/* ---- what is taken ---- */

static bool no_saved_match(const archive_state *s, gf_error *err)
{
	const char *ref = s->want->reference;
	gf_buf has;

	if (s->want->has_place)
		return gf_fail(err, GF_USAGE, "no-image", gf_archive_name(s->a),
		    "'%s' has %zu images, so the last is ':@%zu'", gf_archive_name(s->a), s->n_saved, s->n_saved - 1);
	gf_buf_init(&has, 700);
	for (size_t i = 0; i < s->n_saved; i++)
		for (size_t n = 0; n < s->saved[i].image.n_names; n++) {
			gf_error full;
			if (!gf_buf_puts(&has, has.len > 0 ? ", " : "", &full) ||
			    !gf_buf_puts(&has, s->saved[i].image.names[n], &full))
				break;
		}
	gf_fail(err, GF_USAGE, "no-image", ref, "'%s' has no image '%s'; it has %s", gf_archive_name(s->a), ref,
	    has.len > 0 ? gf_buf_text(&has) : "images without a name only: write ':@0' for the first");
	gf_buf_clear(&has);
	return false;
}

/* The saved image that the reference or place names. */
static bool chosen_saved(const archive_state *s, size_t i)
{
	const gf_wanted *w = s->want;
	char full[GF_REFERENCE_SIZE];
	gf_error unused;
	bool bare;

	if (w->has_place)
		return w->place == i;
	return w->reference == NULL ||
	    (gf_name_complete(w->reference, full, &bare, &unused) && gf_listed_has(&s->saved[i].image, full));
}

/* No document says how a layer is packed, so only what every engine recognises is taken. */
static bool layers_readable(const gf_listed *image, gf_error *err)
{
	for (size_t i = 0; i < image->n_layers; i++) {
		const gf_entry *e = image->layers[i].entry;
		if (gf_entry_codec(e) == GF_CODEC_LZ4)
			return gf_fail(err, GF_DAMAGED, "layer-compression", e->name,
			    "layer '%s' is compressed with lz4, which is not read: save the image again with its "
			    "layers raw, gzip or zstd",
			    e->name);
	}
	return true;
}

static bool fits(const archive_state *s, const gf_listed *image, gf_error *err)
{
	char id[GF_DIGEST_SIZE];

	gf_digest_text(&image->root, id);
	return layers_readable(image, err) &&
	    gf_platform_fits(s->g, image->platform, image->n_names > 0 ? image->names[0] : id, err);
}

static bool take_saved(archive_state *s, const char *transport, gf_error *err)
{
	size_t found = 0;

	for (size_t i = 0; i < s->n_saved; i++) {
		gf_listed *image;
		if (!chosen_saved(s, i))
			continue;
		found++;
		image = fits(s, &s->saved[i].image, err) ? gf_gathering_image(s->g, err) : NULL;
		if (image == NULL)
			return false;
		*image = s->saved[i].image;
		image->source = s->g->source;
		s->saved[i].image = (gf_listed){ .root = image->root };
		image->transport = gf_strdup(transport, err);
		if (image->transport == NULL || !gf_gathering_add_text(s->g, &image->root, &s->saved[i].config, err))
			return false;
	}
	return found > 0 || no_saved_match(s, err);
}

/* Images of documents without a name get those that manifest.json has for their config. */
static bool name_from_saved(archive_state *s, gf_listed *image, gf_error *err)
{
	for (size_t k = 0; k < s->n_twins; k++) {
		const struct twin *t = &s->twins[k];
		if (t->item != image->item || (image->has_source_index && !gf_digest_equal(&t->manifest, &image->root)))
			continue;
		for (size_t i = 0; i < s->n_saved; i++) {
			const gf_listed *from = &s->saved[i].image;
			if (!gf_digest_equal(&t->config, &from->root))
				continue;
			for (size_t n = 0; n < from->n_names; n++)
				if (!gf_listed_name(image, from->names[n], err))
					return false;
		}
	}
	return true;
}

static bool take_documents(archive_state *s, gf_layout *l, const char *transport, gf_error *err)
{
	bool *chosen = gf_alloc(gf_layout_count(l) + 1, sizeof *chosen, err);
	size_t before = s->g->n_images;
	gf_wanted want = *s->want;
	bool ok = chosen != NULL, some = false;

	for (size_t i = 0; ok && i < s->n_saved; i++)
		for (size_t k = 0; k < s->n_twins; k++)
			if (gf_digest_equal(&s->twins[k].config, &s->saved[i].image.root) &&
			    (want.has_place || want.reference != NULL) && chosen_saved(s, i))
				some = chosen[s->twins[k].item] = true;
	if (ok && want.has_place && !some)
		ok = no_saved_match(s, err);
	if (some)
		want.reference = NULL;
	ok = ok && gf_layout_list(l, transport, &want, some ? chosen : NULL, err);
	for (size_t i = before; ok && i < s->g->n_images; i++)
		if (s->g->images[i].n_names == 0)
			ok = name_from_saved(s, &s->g->images[i], err);
	free(chosen);
	return ok;
}

/* ---- which kind ---- */

/* Nothing that names an image: what it may be. */
static bool refuse_unknown(gf_archive *a, gf_error *err)
{
	const char *name = gf_archive_name(a), *inside = gf_archive_only_directory(a);

	if (inside != NULL)
		return gf_fail(err, GF_DAMAGED, "archive-format", name,
		    "all of '%s' lies inside the directory '%.*s': make the tar from inside that directory", name,
		    (int)strcspn(inside, "/"), inside);
	return gf_fail(err, GF_DAMAGED, "archive-format", name,
	    "'%s' has neither manifest.json nor repositories ('docker save') nor index.json (OCI layout), so it holds no "
	    "image",
	    name);
}

/* The transport that the user wrote does not fit what is there. */
static bool refuse_transport(const char *name, const char *written, const char *is, gf_error *err)
{
	return gf_fail(
	    err, GF_USAGE, "transport", name, "'%s' is not what '%s:' reads; write %s:%s", name, written, is, name);
}

static bool is_transport(const gf_wanted *want, const char *name)
{
	return want->transport != NULL && strcmp(want->transport, name) == 0;
}

/* A directory without index.json: 'dir:' puts a file "version" beside its manifest. */
static bool refuse_directory(gf_archive *a, bool manifest, gf_error *err)
{
	const char *name = gf_archive_name(a);
	const gf_entry *version = NULL;

	if (manifest && !gf_archive_find(a, "version", &version, err))
		return false;
	if (version != NULL)
		return refuse_dir(name, err);
	if (manifest)
		return gf_fail(err, GF_USAGE, "transport", name,
		    "directory '%s' is an unpacked docker-archive: make a tar from inside it and name that", name);
	return gf_fail(
	    err, GF_DAMAGED, "archive-format", name, "directory '%s' has no index.json: not an OCI layout", name);
}

static bool take_directory(archive_state *s, gf_layout *l, bool manifest, gf_error *err)
{
	const char *name = gf_archive_name(s->a);

	if (l == NULL)
		return refuse_directory(s->a, manifest, err);
	if (s->want->transport != NULL && !is_transport(s->want, "oci"))
		return refuse_transport(name, s->want->transport, "oci", err);
	return take_documents(s, l, "oci", err);
}

static bool take_tar(archive_state *s, gf_layout *l, const gf_entry *manifest, gf_error *err)
{
	const char *name = gf_archive_name(s->a);
	const char *as = s->want->transport;
	bool documents;

	if (is_transport(s->want, "oci"))
		return refuse_transport(name, "oci", l != NULL ? "oci-archive" : "docker-archive", err);
	if (l == NULL && is_transport(s->want, "oci-archive"))
		return refuse_transport(name, as, "docker-archive", err);
	if (l != NULL && manifest == NULL && is_transport(s->want, "docker-archive"))
		return refuse_transport(name, as, "oci-archive", err);
	if (l != NULL && manifest != NULL && !gf_layout_visit(l, note_twin, s, err))
		return false;
	documents = l != NULL && (!s->classic || is_transport(s->want, "oci-archive"));
	if (l != NULL && manifest != NULL &&
	    !(s->classic ? agree_with_configs(s, err) : agree_with_documents(s, l, err)))
		return false;
	if (documents)
		return take_documents(s, l, as != NULL ? as : "oci-archive", err);
	return take_saved(s, as != NULL ? as : "docker-archive", err);
}

/* Docker 25.0.0 to 25.0.2 wrote an index.json without a list; manifest.json counts there anyway. */
static bool open_layout(archive_state *s, gf_layout **out, gf_error *err)
{
	gf_error why = { 0 };

	*out = gf_layout_open(s->g, s->a, &why);
	if (*out != NULL)
		return true;
	if (s->classic && why.class == GF_DAMAGED) {
		gf_event_say(s->g->events, GF_EVENT_WARNING, "%s: index.json is left aside: %s", gf_archive_name(s->a),
		    why.text);
		return true;
	}
	*err = why;
	return false;
}

/* transport may be "docker-daemon" too: what a daemon saves is one of these kinds. */
bool gf_source_archive(gf_gathering *g, gf_archive *a, const gf_wanted *want, gf_error *err)
{
	archive_state s = { .g = g, .a = a, .want = want };
	const gf_entry *manifest = NULL, *index = NULL, *repositories = NULL;
	gf_layout *l = NULL;
	bool directory = gf_archive_is_directory(a);
	bool ok = gf_archive_find(a, "manifest.json", &manifest, err) && gf_archive_find(a, "index.json", &index, err);

	if (ok && manifest == NULL && index == NULL && !directory)
		ok = gf_archive_find(a, "repositories", &repositories, err) &&
		    (repositories != NULL || refuse_unknown(a, err)) &&
		    gf_source_legacy(g->events, a, repositories, &s.saved, &s.n_saved, err);
	if (ok && manifest != NULL && !directory)
		ok = read_manifest(&s, manifest, err);
	if (ok && index != NULL)
		ok = open_layout(&s, &l, err);
	if (ok)
		ok = directory ? take_directory(&s, l, manifest != NULL, err) : take_tar(&s, l, manifest, err);
	gf_layout_close(l);
	state_clear(&s);
	return ok;
}
