/* What the tests of bundles/ share: the bundle of tests/fixtures in memory, a directory of their own, reading a whole
 * bundle, and writing a copy of it through the writer. */
#ifndef GF_TESTS_BUNDLES_COMMON_H
#define GF_TESTS_BUNDLES_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "bundles/bundles.h"
#include "tests/unit/open_files.h"

#define FIXTURES "tests/fixtures/bundle/"

static char dir[] = "/tmp/gf-bundles-XXXXXX";
static gf_buf full_tar, thin_tar; /* the vectors */

static inline void load(const char *path, gf_buf *out)
{
	gf_error err;

	gf_buf_init(out, 64 * GF_MIB);
	if (!gf_file_load(path, 64 * GF_MIB, GF_FAILED, out, &err))
		fail_msg("%s", err.text);
}

static inline void put(const char *path, const void *bytes, size_t n)
{
	gf_error err;

	if (!gf_file_store(path, 0644, bytes, n, &err))
		fail_msg("%s", err.text);
}

static inline int enter(void **state)
{
	(void)state;
	files_open = count_files();
	load(FIXTURES "full.tar", &full_tar);
	load(FIXTURES "thin.tar", &thin_tar);
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
	gf_error err;

	(void)state;
	gf_buf_clear(&full_tar);
	gf_buf_clear(&thin_tar);
	return left(chdir("/") == 0 && gf_dir_remove(dir, &err));
}

/* The exit status of a shell command, run in the directory. */
static inline int sh(const char *command)
{
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	gf_process p = { .argv = argv, .seconds = 60 };
	gf_error err;
	int status = -1;

	if (!gf_process_run(&p, NULL, &status, &err))
		fail_msg("%s: %s", command, err.text);
	return status;
}

static inline gf_reader *reader_on(const void *bytes, size_t n, bool seekable, gf_error *err)
{
	gf_medium *m = gf_medium_memory(bytes, n, seekable, err);

	return m != NULL ? gf_reader_over(m, err) : NULL;
}

/* An open bundle whose front has been read. */
typedef struct opened {
	gf_reader *r;
	gf_manifest *m;
} opened;

static inline void opened_close(opened *o)
{
	gf_reader_close(o->r);
	gf_manifest_free(o->m);
	*o = (opened){ 0 };
}

static inline bool open_front(opened *o, gf_reader *r, gf_error *err)
{
	*o = (opened){ .r = r };
	if (r != NULL)
		o->m = gf_manifest_parse(gf_reader_statement(r)->data, gf_reader_statement(r)->len, err);
	if (o->m != NULL)
		gf_reader_release(r, o->m);
	if (o->m != NULL && gf_reader_front(r, err))
		return true;
	opened_close(o);
	return false;
}

/* Read blob i to its end.  False: it was absent or failed. */
static inline bool read_blob(gf_reader *r, size_t i, gf_buf *out, bool *absent, gf_error *err)
{
	gf_input *in = gf_reader_blob(r, i, absent, err);
	gf_output *sink = in != NULL ? gf_output_buf(out, err) : NULL;
	bool ok = sink != NULL && gf_copy(in, sink, err) && gf_output_finish(sink, err);

	gf_output_close(sink);
	gf_input_close(in);
	return ok;
}

/* Everything in order, to the end.  n_absent may be NULL. */
static inline bool read_rest(const opened *o, size_t *n_absent, gf_error *err)
{
	bool ok = true, absent = false;
	gf_buf bytes;

	for (size_t i = 0; i < o->m->n_blobs && ok; i++) {
		gf_buf_init(&bytes, 64 * GF_MIB);
		ok = read_blob(o->r, i, &bytes, &absent, err) || absent;
		if (absent && n_absent != NULL)
			++*n_absent;
		gf_buf_clear(&bytes);
	}
	return ok && gf_reader_finish(o->r, err);
}

static inline bool read_all(gf_reader *r, size_t *n_absent, gf_error *err)
{
	opened o;
	bool ok = open_front(&o, r, err) && read_rest(&o, n_absent, err);

	opened_close(&o);
	return ok;
}

/* The vector, its front read; cannot fail. */
static inline opened open_full(void)
{
	gf_error err = { 0 };
	opened o;

	if (!open_front(&o, reader_on(full_tar.data, full_tar.len, true, &err), &err))
		fail_msg("%s: %s", err.name, err.text);
	return o;
}

static inline size_t first_layer(const gf_graph *g)
{
	size_t i = 0;

	while (i < g->n_blobs && g->blobs[i].kind != GF_KIND_LAYER)
		i++;
	return i;
}

static inline gf_input *open_evidence(void *ctx, const gf_blob *blob, gf_error *err)
{
	const opened *o = ctx;
	bool absent = false;

	return gf_reader_blob(o->r, gf_graph_find(gf_reader_graph(o->r), &blob->digest), &absent, err);
}

static inline gf_front front_of(opened *o)
{
	gf_front f = { .statement = gf_reader_statement(o->r),
		.manifest = o->m,
		.graph = gf_reader_graph(o->r),
		.store = gf_reader_store(o->r),
		.evidence = open_evidence,
		.ctx = o };

	f.signatures = gf_reader_signatures(o->r, &f.n_signatures);
	return f;
}

/* Layer i of the vector into w.  unknown: as if its size were not known. */
static inline bool write_layer(gf_writer *w, const opened *o, size_t i, bool unknown, gf_error *err)
{
	const gf_blob *blob = &o->m->blobs[i];
	gf_place *p;
	gf_buf bytes;
	bool absent = false, ok;

	gf_buf_init(&bytes, 64 * GF_MIB);
	ok = read_blob(o->r, i, &bytes, &absent, err);
	p = ok ? gf_writer_place(w, unknown ? UINT64_MAX : blob->size, err) : NULL;
	ok = p != NULL && gf_place_write(p, bytes.data, bytes.len / 2, err) &&
	    gf_place_write(p, bytes.data + bytes.len / 2, bytes.len - bytes.len / 2, err);
	if (ok)
		ok = gf_place_keep(p, &blob->digest, err);
	else
		gf_place_drop(p);
	gf_buf_clear(&bytes);
	return ok;
}

/* A copy of the vector at path, with this much room kept for the front. */
static inline bool write_copy(opened *o, const char *path, uint64_t front, bool unknown, gf_error *err)
{
	gf_writer *w = gf_writer_open(path, o->m->created, front, err);
	gf_front f = front_of(o);
	bool ok = w != NULL;

	for (size_t i = first_layer(f.graph); ok && i < f.graph->n_blobs; i++)
		ok = write_layer(w, o, i, unknown, err);
	ok = ok && gf_writer_commit(w, &f, err);
	gf_writer_close(w);
	return ok;
}

#define assert_error(err, want_class, want_name)                                                                       \
	do {                                                                                                           \
		assert_string_equal((err).name, want_name);                                                            \
		assert_int_equal((err).class, want_class);                                                             \
	} while (0)

#endif
