/*
 * pack: the whole verb.
 *
 * Layers come last in a bundle but are written first, so the place where they begin must be
 * known before their digests are: manifest and front are built twice by the same functions, once with
 * placeholders of the same length and upper bounds for sizes, once for good.
 */
#include "pack/pack.h"

#include <stdlib.h>
#include <string.h>

#include "pack/layers.h"
#include "pack/metadata.h"
#include "pack/terms.h"

#define STEM "manifest.json"

typedef struct packing {
	const gf_pack_options *options;
	gf_events *events;
	gf_gathering g;
	gf_claims claims;
	gf_manifest *manifest;
	/* functions of the manifest and the claims, made twice */
	gf_store *store;
	gf_graph *graph;
	gf_buf statement;
} packing;

/* ---- documents ---- */

static const char *layer_type(gf_codec codec)
{
	switch (codec) {
	case GF_CODEC_GZIP: return GF_TYPE_LAYER_GZIP;
	case GF_CODEC_ZSTD: return GF_TYPE_LAYER_ZSTD;
	default: return GF_TYPE_LAYER;
	}
}

/* The manifest of an image that had none: compact, keys in this order, no line feed (image-protocols.md 2.2). */
static bool print_manifest(const packing *p, const gf_listed *image, gf_buf *out, gf_error *err)
{
	const gf_buf *config = gf_gathering_text(&p->g, &image->root);
	gf_json_out o;

	gf_json_begin(&o, out, 0, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put_u64(&o, "schemaVersion", 2);
	gf_json_put(&o, "mediaType", GF_TYPE_MANIFEST);
	gf_json_open(&o, "config", '{');
	gf_json_put(&o, "mediaType", GF_TYPE_CONFIG);
	gf_json_put_digest(&o, "digest", &image->root);
	gf_json_put_u64(&o, "size", config != NULL ? config->len : 0);
	gf_json_close(&o, '}');
	gf_json_open(&o, "layers", '[');
	for (size_t i = 0; i < image->n_layers; i++) {
		const gf_made *made = &gf_claims_find(&p->claims, &image->layers[i].diff_id)->made;
		gf_json_open(&o, NULL, '{');
		gf_json_put(&o, "mediaType", layer_type(made->codec));
		gf_json_put_digest(&o, "digest", &made->digest);
		gf_json_put_u64(&o, "size", made->size);
		gf_json_close(&o, '}');
	}
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	return gf_json_end(&o);
}

static bool store_copy(gf_store *s, const gf_digest *digest, const gf_buf *bytes, gf_error *err)
{
	gf_buf copy;
	bool ok;

	gf_buf_init(&copy, GF_JSON_BLOB_MAX);
	ok = gf_buf_add(&copy, gf_buf_text(bytes), bytes->len, err) && gf_store_add(s, digest, &copy, err);
	gf_buf_clear(&copy);
	return ok;
}

/* The root of an image; where it has none of its own, the manifest made for it goes into the store. */
static bool find_root(packing *p, const gf_listed *image, gf_digest *root, gf_error *err)
{
	gf_buf text;
	bool ok;

	*root = image->root;
	if (!image->docker)
		return true;
	gf_buf_init(&text, GF_JSON_BLOB_MAX);
	ok = print_manifest(p, image, &text, err) && gf_hash_bytes(text.data, text.len, root, err) &&
	    gf_store_add(p->store, root, &text, err);
	gf_buf_clear(&text);
	return ok;
}

static bool build_graph(packing *p, gf_error *err)
{
	gf_root *roots = gf_alloc(p->g.n_images, sizeof *roots, err);
	bool ok = roots != NULL;

	gf_graph_free(p->graph);
	gf_store_free(p->store);
	p->graph = NULL;
	p->store = gf_store_new(err);
	ok = ok && p->store != NULL;
	for (size_t i = 0; ok && i < p->g.n_texts; i++)
		ok = store_copy(p->store, &p->g.texts[i].digest, &p->g.texts[i].bytes, err);
	for (size_t i = 0; ok && i < p->g.n_images; i++) {
		roots[i].name = p->g.images[i].names[0];
		roots[i].evidence = p->g.images[i].evidence;
		roots[i].n_evidence = p->g.images[i].n_evidence;
		ok = find_root(p, &p->g.images[i], &roots[i].digest, err);
		p->manifest->images[i].digest = roots[i].digest;
	}
	ok = ok && (p->graph = gf_graph_build(p->store, roots, p->g.n_images, GF_DAMAGED, err)) != NULL;
	for (size_t i = 0; ok && i < p->claims.n; i++) {
		const gf_made *made = &p->claims.items[i].made;
		size_t at = made->codec != GF_CODEC_NONE ? gf_graph_find(p->graph, &made->digest) : SIZE_MAX;
		if (at != SIZE_MAX)
			p->graph->blobs[at].raw_size = made->raw_size;
	}
	free(roots);
	return ok;
}

/* ---- the manifest ---- */

static bool begin_images(packing *p, gf_error *err)
{
	gf_manifest *m = p->manifest;

	m->images = gf_alloc(p->g.n_images, sizeof *m->images, err);
	if (m->images == NULL)
		return false;
	for (size_t i = 0; i < p->g.n_images; i++) {
		const gf_listed *from = &p->g.images[i];
		gf_image *to = &m->images[m->n_images++];
		to->source = gf_strdup(from->transport, err);
		to->names = gf_alloc(from->n_names, sizeof *to->names, err);
		if (to->source == NULL || to->names == NULL)
			return false;
		for (; to->n_names < from->n_names; to->n_names++)
			if ((to->names[to->n_names] = gf_strdup(from->names[to->n_names], err)) == NULL)
				return false;
		to->evidence = gf_alloc(from->n_evidence, sizeof *to->evidence, err);
		if (to->evidence == NULL)
			return false;
		for (; to->n_evidence < from->n_evidence; to->n_evidence++)
			to->evidence[to->n_evidence] = from->evidence[to->n_evidence];
		to->has_source_index = from->has_source_index;
		to->source_index = from->source_index;
	}
	return true;
}

static bool begin_manifest(packing *p, gf_error *err)
{
	gf_manifest *m = p->manifest = gf_alloc(1, sizeof *m, err);

	if (m == NULL || !gf_terms_set(p->options, p->events, m, err) || !gf_metadata_read(p->options, &m->build, err))
		return false;
	m->packer_version = gf_strdup(GF_VERSION, err);
	m->compressor = gf_strdup(gf_squeeze_name(gf_layers_codec(p->options->layers)), err);
	return m->packer_version != NULL && m->compressor != NULL;
}

static bool build(packing *p, gf_error *err)
{
	const char *load = p->options->load_platform != NULL ? p->options->load_platform : "linux/amd64";

	gf_buf_clear(&p->statement);
	return build_graph(p, err) && gf_manifest_complete(p->manifest, p->graph, load, err) &&
	    gf_manifest_print(p->manifest, &p->statement, err);
}

/* ---- front ---- */

static gf_input *open_evidence(void *ctx, const gf_blob *blob, gf_error *err)
{
	const packing *p = ctx;
	const gf_spot *s = gf_gathering_spot(&p->g, &blob->digest);
	char name[GF_DIGEST_SIZE];

	if (s == NULL) {
		gf_fail(err, GF_FAILED, "internal", NULL, "a blob of kind evidence has no source");
		return NULL;
	}
	return gf_input_sha256(gf_spot_open(s, err), &blob->digest, gf_spot_name(s, name), err);
}

static gf_front front_of(packing *p, const gf_member *signatures)
{
	return (gf_front){ .statement = &p->statement,
		.signatures = signatures,
		.n_signatures = p->options->n_signers,
		.manifest = p->manifest,
		.graph = p->graph,
		.store = p->store,
		.evidence = open_evidence,
		.ctx = p };
}

static gf_member *members_new(size_t n, gf_error *err)
{
	gf_member *m = gf_alloc(n + 1, sizeof *m, err);

	for (size_t i = 0; m != NULL && i < n; i++)
		gf_buf_init(&m[i].bytes, GF_SIGNATURE_MAX);
	return m;
}

/* Signatures of the size that theirs may have: signing is left for the end, since it may ask a person. */
static bool signatures_bound(const packing *p, gf_member *out, gf_error *err)
{
	for (size_t i = 0; i < p->options->n_signers; i++) {
		char hex[GF_HEX_SIZE], fill[2048];
		const gf_pubkey *key = gf_signer_public(p->options->signers[i]);
		/* ECDSA and Ed25519 fit into one block of the tar, RSA of 8192 bits into three. */
		size_t n = gf_starts_with(gf_pubkey_type(key), "rsa") ? 3 * GF_TAR_BLOCK : GF_TAR_BLOCK;
		gf_buf name;
		bool ok;
		gf_digest_hex(gf_pubkey_id(key), hex);
		memset(fill, 'A', sizeof fill);
		gf_buf_init(&name, 256);
		ok = gf_buf_printf(&name, err, STEM ".%.16s.sig", hex) &&
		    (out[i].name = gf_strdup(gf_buf_text(&name), err)) != NULL &&
		    gf_buf_add(&out[i].bytes, fill, n, err);
		gf_buf_clear(&name);
		if (!ok)
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const gf_member *)a)->name, ((const gf_member *)b)->name);
}

static bool sign(const packing *p, gf_member *out, gf_error *err)
{
	size_t n = p->options->n_signers;

	for (size_t i = 0; i < n; i++)
		if (!gf_signer_sign(
			p->options->signers[i], STEM, gf_buf_text(&p->statement), p->statement.len, &out[i], err))
			return false;
	if (n > 0)
		qsort(out, n, sizeof *out, by_name);
	return true;
}

static bool signers_fit(const gf_pack_options *o, gf_error *err)
{
	if (o->n_signers > GF_SIGNATURES_MAX)
		return gf_fail(
		    err, GF_USAGE, "key-count", NULL, "at most %d keys can sign inside a bundle", GF_SIGNATURES_MAX);
	for (size_t i = 0; i < o->n_signers; i++)
		for (size_t k = 0; k < i; k++)
			if (gf_digest_equal(gf_pubkey_id(gf_signer_public(o->signers[i])),
				gf_pubkey_id(gf_signer_public(o->signers[k]))))
				return gf_fail(err, GF_USAGE, "key-twice", NULL, "one key is given twice");
	return true;
}

/* ---- the verb ---- */

static bool write_bundle(packing *p, uint64_t *size, gf_error *err)
{
	size_t n = p->options->n_signers;
	gf_member *guess = members_new(n, err), *signatures = members_new(n, err);
	gf_writer *w = NULL;
	uint64_t bound = 0;
	bool ok = guess != NULL && signatures != NULL && signatures_bound(p, guess, err) && build(p, err);

	if (ok) {
		gf_front f = front_of(p, guess);
		ok = gf_front_size(&f, &bound, err) &&
		    (w = gf_writer_open(p->options->output, p->manifest->created, bound, err)) != NULL &&
		    gf_layers_write(&p->claims, &p->g, p->graph, w, err) && build(p, err) && sign(p, signatures, err);
	}
	if (ok) {
		gf_front f = front_of(p, signatures);
		ok = gf_writer_commit(w, &f, err);
		*size = ok ? gf_writer_size(w) : 0;
	}
	gf_writer_close(w);
	gf_members_free(guess, guess != NULL ? n : 0);
	gf_members_free(signatures, signatures != NULL ? n : 0);
	return ok;
}

static void say_what_load_skips(const packing *p)
{
	const gf_manifest *m = p->manifest;

	for (size_t i = 0; i < m->n_images; i++)
		if (m->images[i].load == NULL)
			gf_event_say(p->events, GF_EVENT_NOTE,
			    "'docker load' will not see %s: it has no image for linux", m->images[i].names[0]);
	if (p->options->layers == GF_LAYERS_ZSTD)
		gf_event_say(p->events, GF_EVENT_NOTE,
		    "layers are zstd: Docker before 23 does not read them from 'docker load'; gapferry unpack sends them raw");
}

bool gf_spool_beside(const char *output, gf_buf *out, gf_error *err)
{
	const char *tmp = getenv("TMPDIR");
	size_t n = strlen(output);

	if (strcmp(output, "-") == 0)
		return gf_path_join(out, tmp != NULL && *tmp != '\0' ? tmp : "/tmp", "gapferry", err);
	while (n > 1 && output[n - 1] == '/')
		n--;
	return gf_buf_add(out, output, n, err);
}

bool gf_pack(const gf_pack_options *o, gf_events *events, gf_pack_result *result, gf_error *err)
{
	packing p = { .options = o, .events = events };
	gf_buf spool;
	bool ok;

	*result = (gf_pack_result){ 0 };
	gf_buf_init(&p.statement, GF_STATEMENT_MAX);
	gf_buf_init(&spool, 64 * GF_KIB);
	p.g.options = o;
	p.g.events = events;
	p.g.jobs = o->jobs != 0 ? o->jobs : gf_cores();
	ok = (o->output != NULL && *o->output != '\0') ||
	    gf_fail(err, GF_USAGE, "output", NULL, "name the bundle with -o");
	ok = ok && signers_fit(o, err) && gf_spool_beside(o->output, &spool, err);
	p.g.spooling = (gf_spooling){
		.output = gf_buf_text(&spool), .squeeze = gf_layers_codec(o->layers), .jobs = p.g.jobs, .events = events
	};
	if (ok && o->n_signers == 0)
		gf_event_say(events, GF_EVENT_WARNING,
		    "the bundle is not signed (--key): the far side takes it with --allow-unsigned only");
	/* Terms before sources: a wrong option is found before an hour of reading. */
	ok = ok && begin_manifest(&p, err) && gf_gather(&p.g, err) && begin_images(&p, err) &&
	    gf_claims_plan(&p.claims, &p.g, err) && write_bundle(&p, &result->size, err) &&
	    gf_hash_bytes(gf_buf_text(&p.statement), p.statement.len, &result->manifest_digest, err);
	if (ok) {
		say_what_load_skips(&p);
		result->manifest = p.manifest;
		p.manifest = NULL;
	}
	gf_manifest_free(p.manifest);
	gf_graph_free(p.graph);
	gf_store_free(p.store);
	gf_claims_clear(&p.claims);
	gf_gathering_clear(&p.g);
	gf_buf_clear(&p.statement);
	gf_buf_clear(&spool);
	return ok;
}

void gf_pack_result_clear(gf_pack_result *r)
{
	gf_manifest_free(r->manifest);
	*r = (gf_pack_result){ 0 };
}
