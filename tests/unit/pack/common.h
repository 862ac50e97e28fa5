/* What the tests of pack/ share: a directory of their own, archives built by libarchive, bundles read back. */
#ifndef GF_TESTS_PACK_COMMON_H
#define GF_TESTS_PACK_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "pack/pack.h"

static char dir[] = "/tmp/gf-pack-XXXXXX";

static inline int enter(void **state)
{
	(void)state;
	unsetenv("TF_BUILD");
	unsetenv("SOURCE_DATE_EPOCH");
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
	gf_error err;

	(void)state;
	return chdir("/") == 0 && gf_dir_remove(dir, &err) ? 0 : -1;
}

static inline void put(const char *path, const void *bytes, size_t n)
{
	gf_error err;

	if (!gf_file_store(path, 0600, bytes, n, &err))
		fail_msg("%s", err.text);
}

static inline void get(const char *path, gf_buf *out)
{
	gf_error err;

	gf_buf_init(out, 64 * GF_MIB);
	if (!gf_file_load(path, 64 * GF_MIB, GF_FAILED, out, &err))
		fail_msg("%s", err.text);
}

/* ---- archives ---- */

typedef struct archive tar;

static inline tar *tar_new(const char *path, bool gzip)
{
	tar *t = archive_write_new();

	archive_write_set_format_pax_restricted(t);
	if (gzip)
		archive_write_add_filter_gzip(t);
	assert_int_equal(archive_write_open_filename(t, path), ARCHIVE_OK);
	return t;
}

static inline void tar_any(
    tar *t, const char *name, mode_t type, const char *link, bool hard, const void *bytes, size_t n)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)n);
	if (link != NULL && hard)
		archive_entry_set_hardlink(e, link);
	else if (link != NULL)
		archive_entry_set_symlink(e, link);
	assert_int_equal(archive_write_header(t, e), ARCHIVE_OK);
	if (n > 0)
		assert_int_equal((size_t)archive_write_data(t, bytes, n), n);
	archive_entry_free(e);
}

static inline void tar_file(tar *t, const char *name, const void *bytes, size_t n)
{
	tar_any(t, name, AE_IFREG, NULL, false, bytes, n);
}

static inline void tar_text(tar *t, const char *name, const char *text)
{
	tar_file(t, name, text, strlen(text));
}

static inline void tar_link(tar *t, const char *name, const char *target)
{
	tar_any(t, name, AE_IFLNK, target, false, NULL, 0);
}

static inline void tar_close(tar *t)
{
	assert_int_equal(archive_write_close(t), ARCHIVE_OK);
	archive_write_free(t);
}

/* ---- images ---- */

typedef struct layer {
	unsigned char *bytes;
	size_t n;
	gf_digest digest;
	char hex[GF_HEX_SIZE];
} layer;

/* Memory that a test does not free by hand: a list that stands until the process ends. */
typedef struct kept_piece {
	struct kept_piece *next;
	max_align_t bytes[];
} kept_piece;
static kept_piece *kept_pieces;

static inline void *keep(size_t n)
{
	kept_piece *k = malloc(sizeof *k + n);

	assert_non_null(k);
	k->next = kept_pieces;
	kept_pieces = k;
	return k->bytes;
}

/* Bytes that compress by half, the same for the same seed. */
static inline layer layer_new(unsigned seed, size_t n)
{
	layer l = { .bytes = keep(n + 1), .n = n };
	uint32_t x = seed * 2654435761u + 1;
	gf_error err;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		l.bytes[i] = (unsigned char)((i & 64) != 0 ? 'a' + seed % 26 : x >> 24);
	}
	if (n > 0)
		l.bytes[0] = 'u'; /* as the name of a file begins; no text, no magic */
	assert_true(gf_hash_bytes(l.bytes, n, &l.digest, &err));
	gf_digest_hex(&l.digest, l.hex);
	return l;
}

static inline layer layer_gzip(const layer *raw)
{
	uLong cap = compressBound(raw->n) + 64;
	layer l = { .bytes = keep(cap) };
	z_stream z = { 0 };
	gf_error err;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = raw->bytes;
	z.avail_in = (uInt)raw->n;
	z.next_out = l.bytes;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	l.n = z.total_out;
	deflateEnd(&z);
	assert_true(gf_hash_bytes(l.bytes, l.n, &l.digest, &err));
	gf_digest_hex(&l.digest, l.hex);
	return l;
}

/* What is printed. */
__attribute__((format(printf, 1, 2))) static inline char *text(const char *fmt, ...)
{
	va_list ap;
	char *out = keep(64 * 1024);

	va_start(ap, fmt);
	vsnprintf(out, 64 * 1024, fmt, ap);
	va_end(ap);
	return out;
}

/* The config of an image of these diff IDs. */
static inline char *config_of(const char *arch, const layer *layers, size_t n)
{
	char *ids = text("%s", "");

	for (size_t i = 0; i < n; i++)
		sprintf(ids + strlen(ids), "%s\"sha256:%s\"", i > 0 ? "," : "", layers[i].hex);
	return text(
	    "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"/x\"]},\"rootfs\":{\"type\":\"layers\","
	    "\"diff_ids\":[%s]}}\n",
	    arch, ids);
}

static inline char *hex_of(const void *bytes, size_t n)
{
	gf_digest d;
	gf_error err;
	char *hex = keep(GF_HEX_SIZE);

	assert_true(gf_hash_bytes(bytes, n, &d, &err));
	gf_digest_hex(&d, hex);
	return hex;
}

/* ---- packing ---- */

typedef struct noted {
	char text[32][512];
	size_t n;
} noted;

static inline void note(void *ctx, const gf_event *e)
{
	noted *n = ctx;

	if ((e->type == GF_EVENT_NOTE || e->type == GF_EVENT_WARNING) && n->n < 32)
		snprintf(n->text[n->n++], sizeof n->text[0], "%s", e->text);
}

static inline bool was_noted(const noted *n, const char *part)
{
	for (size_t i = 0; i < n->n; i++)
		if (strstr(n->text[i], part) != NULL)
			return true;
	return false;
}

/* Good until 64 more have been made. */
static inline const gf_pack_source *sources_of(const char *const *texts, size_t n)
{
	static gf_pack_source pool[64];
	static size_t used;

	used = used + n > 64 ? 0 : used;
	for (size_t i = 0; i < n; i++)
		pool[used + i] = (gf_pack_source){ .text = texts[i] };
	used += n;
	return &pool[used - n];
}

static inline gf_pack_options options_of(const char *out, const char *const *sources, size_t n)
{
	return (gf_pack_options){ .output = out,
		.sources = sources_of(sources, n),
		.n_sources = n,
		.has_created = true,
		.created = 1800000000 };
}

static inline void pack_ok(const gf_pack_options *o, noted *notes, gf_pack_result *r)
{
	gf_events events = { .take = note, .ctx = notes };
	gf_error err = { 0 };

	if (!gf_pack(o, notes != NULL ? &events : NULL, r, &err))
		fail_msg("%s: %s: %s", o->sources[0].text, err.name, err.text);
}

static inline void pack_fails(const gf_pack_options *o, gf_class class, const char *name)
{
	gf_pack_result r;
	gf_error err = { 0 };

	if (gf_pack(o, NULL, &r, &err))
		fail_msg("%s was packed, expected %s", o->sources[0].text, name);
	if (err.class != class || strcmp(err.name, name) != 0)
		fail_msg("%s: expected %d %s, got %d %s: %s", o->sources[0].text, class, name, err.class, err.name,
		    err.text);
	assert_int_not_equal(access(o->output, F_OK), 0);
	gf_pack_result_clear(&r);
}

/* The bundle as its own reader sees it: every header, digest and derived file compared. */
typedef struct opened {
	gf_reader *reader;
	gf_manifest *manifest;
} opened;

static inline opened bundle_open(const char *path)
{
	gf_error err = { 0 };
	opened b = { .reader = gf_reader_open(path, &err) };
	const gf_buf *s = b.reader != NULL ? gf_reader_statement(b.reader) : NULL;

	b.manifest = s != NULL ? gf_manifest_parse(gf_buf_text(s), s->len, &err) : NULL;
	if (b.manifest == NULL)
		fail_msg("%s: %s", path, err.text);
	gf_reader_release(b.reader, b.manifest);
	if (!gf_reader_front(b.reader, &err))
		fail_msg("%s: %s", path, err.text);
	for (size_t i = 0; i < b.manifest->n_blobs; i++) {
		bool absent = false;
		gf_input *in = gf_reader_blob(b.reader, i, &absent, &err);
		gf_output *out = gf_output_discard(&err);
		if (in == NULL || !gf_copy(in, out, &err))
			fail_msg("%s: blob %zu: %s", path, i, err.text);
		gf_input_close(in);
		gf_output_close(out);
	}
	if (!gf_reader_finish(b.reader, &err))
		fail_msg("%s: %s", path, err.text);
	return b;
}

static inline void bundle_close(opened *b)
{
	gf_reader_close(b->reader);
	gf_manifest_free(b->manifest);
}

/* The bytes of blob i. */
static inline void bundle_blob(const opened *b, const gf_digest *digest, gf_buf *out)
{
	gf_error err = { 0 };
	bool absent;
	size_t i = 0;
	gf_input *in;
	gf_output *to;

	gf_buf_init(out, 64 * GF_MIB);
	while (i < b->manifest->n_blobs && !gf_digest_equal(&b->manifest->blobs[i].digest, digest))
		i++;
	assert_true(i < b->manifest->n_blobs);
	in = gf_reader_blob(b->reader, i, &absent, &err);
	to = gf_output_buf(out, &err);
	assert_true(in != NULL && to != NULL && gf_copy(in, to, &err) && gf_output_finish(to, &err));
	gf_input_close(in);
	gf_output_close(to);
}

static inline void assert_same_files(const char *a, const char *b)
{
	gf_buf x, y;

	get(a, &x);
	get(b, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	gf_buf_clear(&x);
	gf_buf_clear(&y);
}

#endif
