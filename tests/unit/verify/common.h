/* What the tests of verify/ share: a directory, keys, and real bundles made by the writer. */
#ifndef GF_TESTS_VERIFY_COMMON_H
#define GF_TESTS_VERIFY_COMMON_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/open_files.h"
#include "verify/verify.h"

static char dir[] = "/tmp/gf-verify-XXXXXX";

static inline int enter(void **state)
{
	(void)state;
	files_open = count_files();
	(void)unsetenv("GAPFERRY_STATE");
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
	gf_error err;

	(void)state;
	return left(chdir("/") == 0 && gf_dir_remove(dir, &err));
}

/* Fail the test with the error's own words. */
#define need(call)                                                                                                     \
	do {                                                                                                           \
		if (!(call))                                                                                           \
			fail_msg("%s: %s: %s", #call, err.name, err.text);                                             \
	} while (0)

static inline int sh(const char *command)
{
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	gf_process p = { .argv = argv, .seconds = 60 };
	gf_error err = { 0 };
	int status = -1;

	need(gf_process_run(&p, NULL, &status, &err));
	return status;
}

/* NAME.key and NAME.pub */
static inline void make_key(const char *name)
{
	gf_secret private = { 0 };
	gf_buf public;
	gf_error err = { 0 };
	char path[256];

	gf_buf_init(&public, GF_KEY_FILE_MAX);
	need(gf_key_generate("p256", NULL, &private, &public, &err));
	(void)snprintf(path, sizeof path, "%s.key", name);
	need(gf_file_store(path, 0600, private.data, private.len, &err));
	(void)snprintf(path, sizeof path, "%s.pub", name);
	need(gf_file_store(path, 0644, public.data, public.len, &err));
	gf_secret_clear(&private);
	gf_buf_clear(&public);
}

/* A signature file by NAME.key over the bytes of the file stem. */
static inline void sign_as(const char *name, const char *stem, const gf_buf *bytes, gf_member *out)
{
	gf_error err = { 0 };
	char path[256];
	bool plain;
	gf_signer *s;

	(void)snprintf(path, sizeof path, "%s.key", name);
	need((s = gf_signer_open(path, NULL, &plain, &err)) != NULL);
	need(gf_signer_sign(s, stem, bytes->data, bytes->len, out, &err));
	gf_signer_free(s);
}

/* Over a manifest. */
static inline void sign_by(const char *name, const gf_buf *bytes, gf_member *out)
{
	sign_as(name, "manifest.json", bytes, out);
}

/* ---- bundles ---- */

#define LAYERS_MAX 8

typedef struct spec {
	const char *stream;
	uint64_t epoch, sequence;
	gf_time created, expires; /* created 0: now */
	const char *audience[3];
	uint64_t trust_version;
	const char *version; /* makes another manifest of the same number */
	bool has_previous;
	uint64_t previous_sequence;
	gf_digest previous;
	const char *keys[4]; /* of signatures inside */
	/* the image */
	size_t layers; /* 0: two */
	bool no_layers;
	gf_packing packing;      /* RAW, GZIP, ZSTD */
	size_t layer_size;       /* of the file inside; 0: 3000 */
	bool wrong_diff_id;      /* the config promises something else inside the first layer */
	bool not_a_tar;          /* the first layer holds no tar */
	uint64_t wrong_raw_size; /* uncompressedSize of the first layer */
	bool evidence;           /* with one evidence manifest */
	const char *attests;     /* in it a Statement of this type about the image; else it is none */
	size_t evidence_size;    /* with blanks behind it */
	uint64_t front;          /* what the writer is told of the front; 0: its size */
	enum {
		WHOLE,
		NOT_PACKED,
		HALF,
		TRAILING
	} spoiled; /* the packed bytes of the first layer, under their true digest */
} spec;

typedef struct made {
	gf_digest manifest;
	gf_buf statement;
	size_t n_blobs;
	gf_blob blobs[16];
} made;

typedef struct layer {
	gf_buf raw, stored;
	gf_digest diff_id, digest;
} layer;

static inline void buf_new(gf_buf *b)
{
	gf_buf_init(b, 64 * GF_MIB);
}

static inline void add_bytes(gf_buf *b, const void *bytes, size_t n)
{
	gf_error err = { 0 };

	need(gf_buf_add(b, bytes, n, &err));
}

static inline void hash_buf(const gf_buf *b, gf_digest *out)
{
	gf_error err = { 0 };

	need(gf_hash_bytes(gf_buf_text(b), b->len, out, &err));
}

/* A tar with an empty file, and one of bytes that do not repeat. */
static inline void make_tar(gf_buf *out, size_t size, uint64_t seed)
{
	unsigned char header[512];
	static const char zeros[1024];

	buf_new(out);
	gf_tar_header("empty", 0, 0, header);
	add_bytes(out, header, sizeof header);
	gf_tar_header("data", size, 0, header);
	add_bytes(out, header, sizeof header);
	for (size_t i = 0; i < size; i++) {
		char byte;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		byte = (char)(seed >> 56);
		add_bytes(out, &byte, 1);
	}
	add_bytes(out, zeros, (size_t)(gf_tar_round(size) - size));
	add_bytes(out, zeros, 1024);
}

static inline void compress_gzip(const gf_buf *raw, gf_buf *out)
{
	unsigned char header[GF_GZIP_HEADER], trailer[GF_GZIP_TRAILER];
	gf_error err = { 0 };
	gf_deflater *d;
	size_t cap = gf_gzip_bound(raw->len), n = 0;
	char *piece = malloc(cap);

	assert_non_null(piece);
	gf_gzip_header(header);
	add_bytes(out, header, sizeof header);
	need((d = gf_deflater_new(&err)) != NULL);
	need(gf_deflater_block(d, raw->data, raw->len, true, piece, cap, &n, &err));
	add_bytes(out, piece, n);
	gf_gzip_trailer(gf_gzip_crc(0, raw->data, raw->len), raw->len, trailer);
	add_bytes(out, trailer, sizeof trailer);
	gf_deflater_free(d);
	free(piece);
}

/* The program is the second opinion. */
static inline void compress_zstd(const gf_buf *raw, gf_buf *out)
{
	gf_error err = { 0 };

	need(gf_file_store("layer.raw", 0600, raw->data, raw->len, &err));
	assert_int_equal(sh("zstd -q -f layer.raw -o layer.zst"), 0);
	need(gf_file_load("layer.zst", 64 * GF_MIB, GF_FAILED, out, &err));
}

static inline void make_layer(const spec *s, size_t i, layer *l)
{
	size_t size = s->layer_size != 0 ? s->layer_size : 3000;

	/* Of different sizes, the last the largest, so that an order by size shows. */
	make_tar(&l->raw, size + 1000 * i, i + 1);
	if (i == 0 && s->not_a_tar)
		memset(l->raw.data, 'x', 512);
	buf_new(&l->stored);
	if (s->packing == GF_PACKING_GZIP)
		compress_gzip(&l->raw, &l->stored);
	else if (s->packing == GF_PACKING_ZSTD)
		compress_zstd(&l->raw, &l->stored);
	else
		add_bytes(&l->stored, l->raw.data, l->raw.len);
	if (i == 0 && s->spoiled == NOT_PACKED) {
		l->stored.len = 0;
		add_bytes(&l->stored, l->raw.data, l->raw.len);
	} else if (i == 0 && s->spoiled == HALF) {
		l->stored.len /= 2;
	} else if (i == 0 && s->spoiled == TRAILING) {
		add_bytes(&l->stored, "trailing", 8);
	}
	hash_buf(&l->raw, &l->diff_id);
	hash_buf(&l->stored, &l->digest);
	if (i == 0 && s->wrong_diff_id)
		l->diff_id.bytes[0] ^= 1;
}

static inline void put_descriptor(
    gf_json_out *o, const char *key, const char *type, const gf_digest *digest, uint64_t size)
{
	gf_json_open(o, key, '{');
	gf_json_put(o, "mediaType", type);
	gf_json_put_digest(o, "digest", digest);
	gf_json_put_u64(o, "size", size);
	gf_json_close(o, '}');
}

/* Add a document to the store; its digest and size. */
static inline void keep(gf_store *store, gf_buf *text, gf_digest *digest, uint64_t *size)
{
	gf_error err = { 0 };

	hash_buf(text, digest);
	*size = text->len;
	need(gf_store_add(store, digest, text, &err));
}

static inline void make_config(gf_store *store, const layer *layers, size_t n, gf_digest *digest, uint64_t *size)
{
	gf_error err = { 0 };
	gf_json_out o;
	gf_buf text;

	buf_new(&text);
	gf_json_begin(&o, &text, 0, &err);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "architecture", "amd64");
	gf_json_put(&o, "os", "linux");
	gf_json_open(&o, "rootfs", '{');
	gf_json_put(&o, "type", "layers");
	gf_json_open(&o, "diff_ids", '[');
	for (size_t i = 0; i < n; i++)
		gf_json_put_digest(&o, NULL, &layers[i].diff_id);
	gf_json_close(&o, ']');
	gf_json_close(&o, '}');
	gf_json_close(&o, '}');
	need(gf_json_end(&o));
	keep(store, &text, digest, size);
}

/* subject: NULL for the image itself. */
static inline void make_document(gf_store *store, const char *config_type, const gf_digest *config,
    uint64_t config_size, const char *layer_type, const layer *layers, size_t n, const gf_digest *subject,
    uint64_t subject_size, gf_digest *digest, uint64_t *size)
{
	gf_error err = { 0 };
	gf_json_out o;
	gf_buf text;

	buf_new(&text);
	gf_json_begin(&o, &text, 0, &err);
	gf_json_open(&o, NULL, '{');
	gf_json_put_u64(&o, "schemaVersion", 2);
	gf_json_put(&o, "mediaType", GF_TYPE_MANIFEST);
	if (subject != NULL)
		gf_json_put(&o, "artifactType", GF_TYPE_IN_TOTO);
	put_descriptor(&o, "config", config_type, config, config_size);
	gf_json_open(&o, "layers", '[');
	for (size_t i = 0; i < n; i++)
		put_descriptor(&o, NULL, layer_type, &layers[i].digest, layers[i].stored.len);
	gf_json_close(&o, ']');
	if (subject != NULL)
		put_descriptor(&o, "subject", GF_TYPE_MANIFEST, subject, subject_size);
	gf_json_close(&o, '}');
	need(gf_json_end(&o));
	keep(store, &text, digest, size);
}

static inline void make_evidence(const char *type, const gf_digest *about, gf_buf *out)
{
	char hex[GF_HEX_SIZE];
	gf_error err = { 0 };

	gf_digest_hex(about, hex);
	if (type == NULL)
		add_bytes(out, "{\"payload\":\"none\"}", 18);
	else
		need(gf_buf_printf(out, &err,
		    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"digest\":{\"sha256\":\"%s\"}}],"
		    "\"predicateType\":\"%s\",\"predicate\":{}}",
		    hex, type));
}

static inline gf_input *open_evidence(void *ctx, const gf_blob *blob, gf_error *err)
{
	const layer *l = ctx;

	assert_true(gf_digest_equal(&l->digest, &blob->digest));
	return gf_input_memory(l->stored.data, l->stored.len, err);
}

static inline void fill_manifest(gf_manifest *m, const spec *s)
{
	gf_error err = { 0 };

	if (s->stream != NULL)
		m->stream = gf_strdup(s->stream, &err);
	m->epoch = s->epoch;
	m->sequence = s->sequence;
	if (s->version != NULL)
		m->version = gf_strdup(s->version, &err);
	m->has_previous = s->has_previous;
	m->previous_sequence = s->previous_sequence;
	m->previous = s->previous;
	m->audience = gf_alloc(4, sizeof *m->audience, &err);
	for (size_t i = 0; i < 3 && s->audience[i] != NULL; i++)
		m->audience[m->n_audience++] = gf_strdup(s->audience[i], &err);
	m->trust_version = s->trust_version;
	m->created = s->created != 0 ? s->created : gf_now();
	m->expires = s->expires;
	m->packer_version = gf_strdup("1.0.0", &err);
	m->compressor = gf_strdup("test", &err);
}

static inline void fill_image(gf_image *image, const gf_digest *digest, const gf_digest *evidence)
{
	gf_error err = { 0 };

	image->names = gf_alloc(1, sizeof *image->names, &err);
	image->names[0] = gf_strdup("docker.io/acme/app:1.4.0", &err);
	image->n_names = 1;
	image->source = gf_strdup("oci", &err);
	image->digest = *digest;
	if (evidence != NULL) {
		image->evidence = gf_alloc(1, sizeof *image->evidence, &err);
		image->evidence[0] = *evidence;
		image->n_evidence = 1;
	}
}

static inline void write_bundle(const char *path, const gf_front *f, uint64_t front, layer *layers, size_t n)
{
	gf_error err = { 0 };
	gf_writer *w;

	need(front != 0 || gf_front_size(f, &front, &err));
	need((w = gf_writer_open(path, f->manifest->created, front, &err)) != NULL);
	for (size_t i = 0; i < f->graph->n_blobs; i++) {
		for (size_t k = 0; k < n; k++) {
			gf_place *p;

			if (f->graph->blobs[i].kind != GF_KIND_LAYER ||
			    !gf_digest_equal(&f->graph->blobs[i].digest, &layers[k].digest))
				continue;
			need((p = gf_writer_place(w, layers[k].stored.len, &err)) != NULL);
			need(gf_place_write(p, layers[k].stored.data, layers[k].stored.len, &err));
			need(gf_place_keep(p, &layers[k].digest, &err));
		}
	}
	need(gf_writer_commit(w, f, &err));
	gf_writer_close(w);
}

static inline int compare_members(const void *a, const void *b)
{
	return strcmp(((const gf_member *)a)->name, ((const gf_member *)b)->name);
}

/* Make it; out may be NULL. */
static inline void make_bundle(const char *path, const spec *s, made *out)
{
	static const char *const types[] = { [GF_PACKING_RAW] = GF_TYPE_LAYER,
		[GF_PACKING_GZIP] = GF_TYPE_LAYER_GZIP,
		[GF_PACKING_ZSTD] = "application/vnd.oci.image.layer.v1.tar+zstd" };
	size_t n = s->no_layers ? 0 : s->layers != 0 ? s->layers : 2, n_signatures = 0;
	layer layers[LAYERS_MAX] = { 0 }, extra = { 0 };
	gf_digest config, document, empty, evidence = { 0 };
	uint64_t config_size, document_size, empty_size, evidence_size;
	gf_member signatures[4];
	gf_error err = { 0 };
	gf_manifest *m = gf_alloc(1, sizeof *m, &err);
	gf_store *store = gf_store_new(&err);
	gf_graph *graph;
	gf_buf statement, text;
	gf_root root = { 0 };
	gf_front front = { 0 };

	for (size_t i = 0; i < n; i++)
		make_layer(s, i, &layers[i]);
	make_config(store, layers, n, &config, &config_size);
	make_document(store, GF_TYPE_CONFIG, &config, config_size, types[s->packing], layers, n, NULL, 0, &document,
	    &document_size);
	if (s->evidence) {
		buf_new(&text);
		add_bytes(&text, "{}", 2);
		keep(store, &text, &empty, &empty_size);
		buf_new(&extra.stored);
		make_evidence(s->attests, &document, &extra.stored);
		if (extra.stored.len < s->evidence_size)
			need(gf_buf_printf(&extra.stored, &err, "%*s", (int)(s->evidence_size - extra.stored.len), ""));
		hash_buf(&extra.stored, &extra.digest);
		make_document(store, "application/vnd.oci.empty.v1+json", &empty, empty_size, GF_TYPE_IN_TOTO, &extra,
		    1, &document, document_size, &evidence, &evidence_size);
	}
	root = (gf_root){ document, "docker.io/acme/app:1.4.0", &evidence, s->evidence ? 1 : 0 };
	need((graph = gf_graph_build(store, &root, 1, GF_FAILED, &err)) != NULL);
	if (s->wrong_raw_size != 0)
		graph->blobs[gf_graph_find(graph, &layers[0].digest)].raw_size = s->wrong_raw_size;
	fill_manifest(m, s);
	m->images = gf_alloc(1, sizeof *m->images, &err);
	m->n_images = 1;
	fill_image(&m->images[0], &document, s->evidence ? &evidence : NULL);
	need(gf_manifest_complete(m, graph, "linux/amd64", &err));
	gf_buf_init(&statement, GF_STATEMENT_MAX);
	need(gf_manifest_print(m, &statement, &err));
	for (; n_signatures < 4 && s->keys[n_signatures] != NULL; n_signatures++)
		sign_by(s->keys[n_signatures], &statement, &signatures[n_signatures]);
	qsort(signatures, n_signatures, sizeof *signatures, compare_members);
	front = (gf_front){ &statement, signatures, n_signatures, m, graph, store, open_evidence, &extra };
	write_bundle(path, &front, s->front, layers, n);
	if (out != NULL) {
		hash_buf(&statement, &out->manifest);
		out->n_blobs = m->n_blobs;
		assert_true(m->n_blobs <= 16);
		memcpy(out->blobs, m->blobs, m->n_blobs * sizeof *m->blobs);
		out->statement = statement;
	} else {
		gf_buf_clear(&statement);
	}
	for (size_t i = 0; i < n_signatures; i++) {
		free(signatures[i].name);
		gf_buf_clear(&signatures[i].bytes);
	}
	for (size_t i = 0; i < n; i++) {
		gf_buf_clear(&layers[i].raw);
		gf_buf_clear(&layers[i].stored);
	}
	gf_buf_clear(&extra.stored);
	gf_graph_free(graph);
	gf_store_free(store);
	gf_manifest_free(m);
}

#endif
