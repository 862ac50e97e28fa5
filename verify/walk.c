/*
 * Every blob, past the hash, into a sink: FORMAT.md 5, steps 7 to 9.  verify is this with no
 * sink, unpack with one, so that what is verified is what is loaded.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "verify/deep.h"
#include "verify/evidence.h"

/* Whose fault a failure is: it decides which check failed. */
enum { FAULT_NONE, FAULT_BUNDLE, FAULT_INSIDE, FAULT_SINK };

typedef struct walk {
	const gf_walk *w;
	bool *held;            /* of each blob */
	const size_t *order;   /* of the phase that runs: indexes of blobs */
	gf_deep *deep;         /* NULL: not asked for */
	gf_evidence *evidence; /* NULL: no rules */
	unsigned transfer;
	atomic_int fault; /* of the first failure */
	atomic_uint_least64_t blobs_read, blobs_held, blobs_absent, missing, bytes_read, bytes_held, inflated, entries;
} walk;

static bool blame(walk *k, int whose)
{
	int none = FAULT_NONE;

	atomic_compare_exchange_strong(&k->fault, &none, whose);
	return false;
}

/* ---- one blob ---- */

/* Bytes that are read pass here on their way: counted, and copied to the sink's output. */
typedef struct tap {
	gf_input base;
	walk *walk;
	gf_input *in;
	gf_output *out; /* NULL: not wanted */
	gf_buf *kept;   /* for the evidence rules; NULL: not wanted */
	unsigned transfer;
} tap;

static ptrdiff_t tap_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	tap *t = (tap *)in;
	ptrdiff_t n = gf_input_read(t->in, buf, cap, err);

	if (n < 0) {
		blame(t->walk, FAULT_BUNDLE);
		return n;
	}
	if (n > 0 && t->kept != NULL && !gf_buf_add(t->kept, buf, (size_t)n, err))
		return -1;
	if (n > 0 && t->out != NULL && !gf_output_write(t->out, buf, (size_t)n, err)) {
		blame(t->walk, FAULT_SINK);
		return -1;
	}
	atomic_fetch_add(&t->walk->bytes_read, (uint64_t)n);
	gf_event_advance(t->walk->w->events, t->walk->transfer, (uint64_t)n);
	gf_event_advance(t->walk->w->events, t->transfer, (uint64_t)n);
	return n;
}

static void tap_close(gf_input *in)
{
	(void)in;
}

/* To the end, where digest and size are judged. */
static bool drain(gf_input *in, gf_error *err)
{
	char *piece = gf_alloc(1, GF_COPY_STEP, err);
	ptrdiff_t n = piece != NULL ? 1 : -1;

	while (n > 0)
		n = gf_input_read(in, piece, GF_COPY_STEP, err);
	free(piece);
	return n == 0;
}

/*
 * A layer that does not inflate may be a layer that was damaged on the way: its stored bytes are read to
 * their end, and their digest, if it is wrong, is the better reason.
 */
static bool look_inside(tap *t, size_t i, gf_error *err)
{
	walk *k = t->walk;
	uint64_t entries = 0;
	gf_error why = { 0 };

	if (gf_deep_layer(k->deep, i, &t->base, &entries, err)) {
		atomic_fetch_add(&k->inflated, 1);
		atomic_fetch_add(&k->entries, entries);
		return true;
	}
	if (atomic_load(&k->fault) == FAULT_NONE && !drain(&t->base, &why))
		*err = why;
	return blame(k, FAULT_INSIDE);
}

static bool read_blob(walk *k, size_t i, gf_input *in, gf_error *err)
{
	static const gf_input_ops ops = { tap_read, NULL, tap_close };
	gf_sink *sink = k->w->sink;
	tap t = { .base = { &ops }, .walk = k, .in = in };
	bool ok = true;
	gf_buf kept;

	if (sink != NULL) {
		err->class = GF_OK; /* NULL without an error means: not wanted */
		t.out = sink->ops->put(sink, i, err);
		if (t.out == NULL && err->class != GF_OK)
			return blame(k, FAULT_SINK);
	}
	gf_buf_init(&kept, GF_ATTESTATION_MAX);
	if (k->evidence != NULL && gf_evidence_wants(k->evidence, i))
		t.kept = &kept;
	t.transfer = gf_event_begin_blob(
	    k->w->events, k->transfer, &k->w->manifest->blobs[i].digest, k->w->manifest->blobs[i].size);
	if (k->deep != NULL && gf_deep_wants(k->deep, i))
		ok = look_inside(&t, i, err);
	ok = ok && drain(&t.base, err) && (t.kept == NULL || gf_evidence_take(k->evidence, t.kept, err));
	gf_buf_clear(&kept);
	if (ok && t.out != NULL && !gf_output_finish(t.out, err))
		ok = blame(k, FAULT_SINK);
	gf_output_close(t.out);
	gf_event_end(k->w->events, t.transfer);
	if (ok)
		atomic_fetch_add(&k->blobs_read, 1);
	return ok;
}

static bool missing(walk *k, size_t i, gf_error *err)
{
	char text[GF_DIGEST_SIZE];

	atomic_fetch_add(&k->blobs_absent, 1);
	atomic_fetch_add(&k->missing, 1);
	if (k->w->sink == NULL)
		return true; /* verify counts them all */
	gf_digest_text(&k->w->manifest->blobs[i].digest, text);
	gf_fail(err, GF_DAMAGED, "absent", text, "layer %s is not in this thin copy%s: carry the full bundle", text,
	    k->w->sink->ops->has != NULL ? ", and the target does not have it" : "");
	return blame(k, FAULT_BUNDLE);
}

static bool pass_held(walk *k, size_t i, gf_error *err)
{
	bool absent = false;

	if (!gf_reader_pass(k->w->reader, i, &absent, err))
		return blame(k, FAULT_BUNDLE);
	atomic_fetch_add(&k->blobs_held, 1);
	atomic_fetch_add(&k->bytes_held, k->w->manifest->blobs[i].size);
	if (absent)
		atomic_fetch_add(&k->blobs_absent, 1);
	return true;
}

static bool take_blob(void *ctx, size_t n, gf_error *err)
{
	walk *k = ctx;
	size_t i = k->order[n];
	bool absent = false, ok;
	gf_input *in;

	if (k->held[i])
		return pass_held(k, i, err);
	in = gf_reader_blob(k->w->reader, i, &absent, err);
	if (in == NULL)
		return absent ? missing(k, i, err) : blame(k, FAULT_BUNDLE);
	ok = read_blob(k, i, in, err);
	gf_input_close(in);
	return ok;
}

/* ---- phases ---- */

/* At once, where medium and sink allow it. */
static unsigned jobs_of(const gf_walk *w)
{
	if (!gf_reader_seekable(w->reader) || (w->sink != NULL && w->sink->in_order))
		return 1;
	return w->jobs != 0 ? w->jobs : gf_cores();
}

typedef struct sized {
	uint64_t size;
	size_t i;
} sized;

/* The largest first, so that no core is left with a large one at the end; then in the order of the bundle. */
static int compare_sized(const void *a, const void *b)
{
	const sized *x = a, *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

static bool order_layers(const gf_manifest *m, size_t first, size_t *order, gf_error *err)
{
	size_t n = m->n_blobs - first;
	sized *list = gf_alloc(n, sizeof *list, err);

	if (list == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		list[i] = (sized){ m->blobs[first + i].size, first + i };
	qsort(list, n, sizeof *list, compare_sized);
	for (size_t i = 0; i < n; i++)
		order[first + i] = list[i].i;
	free(list);
	return true;
}

/* What the target has is asked before anything is read, of layers only. */
static bool ask_held(walk *k, size_t first, uint64_t *bytes, gf_error *err)
{
	const gf_manifest *m = k->w->manifest;
	gf_sink *sink = k->w->sink;

	*bytes = 0;
	for (size_t i = 0; i < m->n_blobs; i++) {
		if (sink != NULL && sink->ops->has != NULL && i >= first && !sink->ops->has(sink, i, &k->held[i], err))
			return blame(k, FAULT_SINK);
		*bytes += k->held[i] ? 0 : m->blobs[i].size;
	}
	return true;
}

static bool run_front(walk *k, size_t *order, size_t first, gf_verdict *v, gf_error *err)
{
	k->order = order;
	if (gf_parallel(jobs_of(k->w), first, take_blob, k, err)) {
		if (k->evidence != NULL)
			return gf_evidence_judge(k->evidence, v, err);
		gf_check_set(v, GF_CHECK_EVIDENCE, GF_CHECK_NOT_REQUIRED, "no trust file asks for evidence");
		return true;
	}
	if (atomic_load(&k->fault) == FAULT_BUNDLE)
		gf_check_set(v, GF_CHECK_EVIDENCE, GF_CHECK_FAILED, "%s", err->text);
	return false;
}

/* Counts, whatever came of it. */
static void report(walk *k, gf_verdict *v)
{
	v->blobs_read = atomic_load(&k->blobs_read);
	v->blobs_held = atomic_load(&k->blobs_held);
	v->blobs_absent = atomic_load(&k->blobs_absent);
	v->bytes_read = atomic_load(&k->bytes_read);
	v->bytes_held = atomic_load(&k->bytes_held);
}

/* Layers that neither the thin copy nor anybody else has: the rest was right, and it is said with their number. */
static bool absent_layers(walk *k, size_t n, gf_verdict *v, gf_error *err)
{
	unsigned long long missing_n = atomic_load(&k->missing);

	gf_fail(err, GF_DAMAGED, "absent", gf_reader_name(k->w->reader),
	    "%llu of the %zu layers are not in this thin copy; it can be unpacked where the target has them, and verified "
	    "whole only as the full bundle",
	    missing_n, n);
	gf_check_set(v, GF_CHECK_LAYERS, GF_CHECK_FAILED, "%llu of %zu absent", missing_n, n);
	return false;
}

static bool run_layers(walk *k, size_t *order, size_t first, gf_verdict *v, gf_error *err)
{
	const gf_manifest *m = k->w->manifest;
	size_t n = m->n_blobs - first;
	bool ok = jobs_of(k->w) == 1 || order_layers(m, first, order, err);

	k->order = order + first;
	ok = ok && gf_parallel(jobs_of(k->w), n, take_blob, k, err);
	if (ok) {
		gf_check_set(v, GF_CHECK_LAYERS, GF_CHECK_PASSED, "%zu: %llu read, %llu held", n,
		    (unsigned long long)(n - atomic_load(&k->blobs_held) - atomic_load(&k->missing)),
		    (unsigned long long)atomic_load(&k->blobs_held));
		if (k->deep != NULL)
			gf_check_set(v, GF_CHECK_DEEP, GF_CHECK_PASSED, "%llu layers inflated, %llu entries",
			    (unsigned long long)atomic_load(&k->inflated),
			    (unsigned long long)atomic_load(&k->entries));
		return true;
	}
	if (atomic_load(&k->fault) == FAULT_BUNDLE)
		gf_check_set(v, GF_CHECK_LAYERS, GF_CHECK_FAILED, "%s", err->text);
	if (atomic_load(&k->fault) == FAULT_INSIDE)
		gf_check_set(v, GF_CHECK_DEEP, GF_CHECK_FAILED, "%s", err->text);
	return false;
}

static bool run_end(walk *k, gf_verdict *v, gf_error *err)
{
	if (gf_reader_finish(k->w->reader, err)) {
		gf_check_set(v, GF_CHECK_END, GF_CHECK_PASSED, "nothing missing, nothing behind the end");
		return true;
	}
	gf_check_set(v, GF_CHECK_END, GF_CHECK_FAILED, "%s", err->text);
	return false;
}

static bool prepare_deep(walk *k, gf_verdict *v, gf_error *err)
{
	gf_check_set(v, GF_CHECK_DEEP, GF_CHECK_NOT_REQUIRED, "--deep was not given");
	if (!k->w->deep)
		return true;
	gf_check_set(v, GF_CHECK_DEEP, GF_CHECK_OPEN, "%s", "");
	k->deep = gf_deep_new(gf_reader_graph(k->w->reader), k->w->manifest, err);
	if (k->deep != NULL)
		return true;
	gf_check_set(v, GF_CHECK_DEEP, GF_CHECK_FAILED, "%s", err->text);
	return false;
}

bool gf_walk_run(const gf_walk *w, gf_verdict *v, gf_error *err)
{
	const gf_manifest *m = w->manifest;
	walk k = { .w = w };
	size_t *order = NULL, first = 0;
	uint64_t bytes = 0;
	bool ok = v->checks[GF_CHECK_GRAPH].result == GF_CHECK_PASSED || gf_walk_front(w, v, err);

	while (first < m->n_blobs && m->blobs[first].kind != GF_KIND_LAYER)
		first++;
	ok = ok && (order = gf_alloc(m->n_blobs, sizeof *order, err)) != NULL &&
	    (k.held = gf_alloc(m->n_blobs, sizeof *k.held, err)) != NULL && prepare_deep(&k, v, err) &&
	    gf_evidence_new(v, m, &k.evidence, err) && ask_held(&k, first, &bytes, err);
	if (ok) {
		for (size_t i = 0; i < m->n_blobs; i++)
			order[i] = i;
		k.transfer = gf_event_begin(w->events, gf_reader_name(w->reader), bytes);
		ok = run_front(&k, order, first, v, err) && run_layers(&k, order, first, v, err) && run_end(&k, v, err);
		gf_event_end(w->events, k.transfer);
		report(&k, v);
	}
	if (ok && atomic_load(&k.missing) > 0)
		ok = absent_layers(&k, m->n_blobs - first, v, err);
	gf_evidence_free(k.evidence);
	gf_deep_free(k.deep);
	free(k.held);
	free(order);
	return ok;
}

/* ---- step 7, its first half ---- */

/* Names of errors that speak of what the documents say, not of the bytes they came in. */
static bool is_graph_error(const gf_error *err)
{
	static const char *const prefixes[] = { "graph-", "manifest-", "layer-count", "media-type", "schema1",
		"digest-", "json", "missing-key", "unknown-key", "key-case", "base64", "platform", "rootfs-type" };

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (gf_starts_with(err->name, prefixes[i]))
			return true;
	return false;
}

bool gf_walk_front(const gf_walk *w, gf_verdict *v, gf_error *err)
{
	bool ok = gf_reader_front(w->reader, err), graph = !ok && is_graph_error(err);

	if (ok || graph)
		gf_check_set(
		    v, GF_CHECK_FRONT, GF_CHECK_PASSED, "%s", "every header and document as the manifest says");
	else
		gf_check_set(v, GF_CHECK_FRONT, GF_CHECK_FAILED, "%s", err->text);
	if (ok)
		gf_check_set(v, GF_CHECK_GRAPH, GF_CHECK_PASSED, "closed: nothing missing, nothing unreferenced");
	else if (graph)
		gf_check_set(v, GF_CHECK_GRAPH, GF_CHECK_FAILED, "%s", err->text);
	return ok;
}
