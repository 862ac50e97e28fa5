/* The walk over real bundles: what is verified is what arrives, and nothing else arrives. */
#include <pthread.h>
#include <sys/wait.h>

#include "common.h"

#include "verify/signers.h"
#include "verify/deep.h"

static gf_trust *trust;

static int enter_with_key(void **state)
{
	const char *const paths[] = { "ci.pub" };
	gf_error err = { 0 };

	if (enter(state) != 0)
		return -1;
	make_key("ci");
	trust = gf_trust_open(paths, 1, NULL, &err);
	return trust != NULL ? 0 : -1;
}

static int leave_with_key(void **state)
{
	gf_trust_free(trust);
	return leave(state);
}

/* ---- a sink that remembers ---- */

#define BLOBS 16

typedef struct recorder {
	gf_sink base;
	pthread_mutex_t lock;
	bool holds[BLOBS], unwanted[BLOBS];
	bool asked[BLOBS], finished[BLOBS];
	gf_digest digest[BLOBS]; /* of what arrived */
	uint64_t size[BLOBS];
	size_t order[BLOBS], n_order;                       /* as put was called */
	unsigned open, most;                                /* outputs at once */
	size_t n_front;                                     /* blobs that are no layers */
	bool early_layer;                                   /* a layer was asked for before the front was through */
	size_t fail_write, fail_finish, fail_put, fail_has; /* index + 1 */
} recorder;

typedef struct record_output {
	gf_output base;
	recorder *r;
	size_t i;
	gf_hash *hash;
} record_output;

static bool record_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	record_output *o = (record_output *)out;

	if (o->r->fail_write == o->i + 1)
		return gf_fail(err, GF_TARGET, "sink-write", NULL, "the sink is full");
	pthread_mutex_lock(&o->r->lock);
	o->r->size[o->i] += n;
	pthread_mutex_unlock(&o->r->lock);
	return gf_hash_update(o->hash, bytes, n, err);
}

static bool record_finish(gf_output *out, gf_error *err)
{
	record_output *o = (record_output *)out;
	gf_digest digest;

	if (o->r->fail_finish == o->i + 1)
		return gf_fail(err, GF_TARGET, "sink-finish", NULL, "the sink did not confirm");
	if (!gf_hash_finish(o->hash, &digest, err))
		return false;
	pthread_mutex_lock(&o->r->lock);
	o->r->finished[o->i] = true;
	o->r->digest[o->i] = digest;
	pthread_mutex_unlock(&o->r->lock);
	return true;
}

static void record_close(gf_output *out)
{
	record_output *o = (record_output *)out;

	pthread_mutex_lock(&o->r->lock);
	o->r->open--;
	pthread_mutex_unlock(&o->r->lock);
	gf_hash_free(o->hash);
	free(o);
}

static bool record_has(gf_sink *s, size_t i, bool *held, gf_error *err)
{
	recorder *r = (recorder *)s;

	r->asked[i] = true;
	if (r->fail_has == i + 1)
		return gf_fail(err, GF_FAILED, "sink-has", NULL, "the target answered 503");
	*held = r->holds[i];
	return true;
}

static gf_output *record_put(gf_sink *s, size_t i, gf_error *err)
{
	static const gf_output_ops ops = { record_write, record_finish, record_close };
	recorder *r = (recorder *)s;
	record_output *o;

	if (r->fail_put == i + 1) {
		gf_fail(err, GF_TARGET, "sink-put", NULL, "the sink does not open");
		return NULL;
	}
	if (r->unwanted[i])
		return NULL;
	o = gf_alloc(1, sizeof *o, err);
	assert_non_null(o);
	*o = (record_output){ { &ops }, r, i, gf_hash_new(err) };
	assert_non_null(o->hash);
	pthread_mutex_lock(&r->lock);
	r->order[r->n_order++] = i;
	r->open++;
	if (r->open > r->most)
		r->most = r->open;
	for (size_t k = 0; i >= r->n_front && k < r->n_front; k++)
		r->early_layer = r->early_layer || !r->finished[k];
	pthread_mutex_unlock(&r->lock);
	return &o->base;
}

static const gf_sink_ops record_ops = { record_has, record_put };

static void recorder_init(recorder *r)
{
	*r = (recorder){ .base = { &record_ops, false } };
	assert_int_equal(pthread_mutex_init(&r->lock, NULL), 0);
}

/* ---- one run ---- */

typedef struct run {
	bool ok;
	gf_error err;
	gf_verdict v;
	uint64_t advanced; /* by events */
	uint64_t begun;    /* what the first transfer said would pass */
} run;

typedef struct counter {
	pthread_mutex_t lock;
	uint64_t bytes, begun;
} counter;

static void count_event(void *ctx, const gf_event *e)
{
	counter *c = ctx;

	pthread_mutex_lock(&c->lock);
	if (e->type == GF_EVENT_ADVANCE)
		c->bytes += e->bytes;
	if (e->type == GF_EVENT_BEGIN && c->begun == 0)
		c->begun = e->bytes;
	pthread_mutex_unlock(&c->lock);
}

static void walk(const char *path, recorder *sink, unsigned jobs, bool deep, run *out)
{
	gf_judge j = { .trust = trust };
	counter c = { .lock = PTHREAD_MUTEX_INITIALIZER };
	gf_events events = { .take = count_event, .ctx = &c };
	gf_manifest *m = NULL;
	gf_walk w = { .sink = sink != NULL ? &sink->base : NULL, .jobs = jobs, .deep = deep, .events = &events };

	*out = (run){ 0 };
	gf_verdict_init(&out->v);
	w.reader = gf_reader_open(path, &out->err);
	out->ok = w.reader != NULL && gf_accept(w.reader, &j, &out->v, &m, &out->err);
	w.manifest = m;
	out->ok = out->ok && gf_walk_run(&w, &out->v, &out->err);
	out->advanced = c.bytes;
	out->begun = c.begun;
	assert_true(out->ok == gf_verdict_good(&out->v) || !out->ok);
	gf_reader_close(w.reader);
	gf_manifest_free(m);
	gf_signers_forget(&out->v); /* the checks are still looked at */
}

static void expect(const run *r, const char *title, gf_class class, const char *name, gf_check_id id)
{
	if (r->ok)
		fail_msg("%s: accepted", title);
	if (strcmp(r->err.name, name) != 0 || r->err.class != class)
		fail_msg("%s: expected %s, found %s: %s", title, name, r->err.name, r->err.text);
	if (id < GF_CHECKS && r->v.checks[id].result != GF_CHECK_FAILED)
		fail_msg("%s: check %s is %s", title, r->v.checks[id].name, gf_result_text(r->v.checks[id].result));
}

static void expect_good(const run *r, const char *title)
{
	if (!r->ok)
		fail_msg("%s: %s: %s", title, r->err.name, r->err.text);
	assert_true(gf_verdict_good(&r->v));
}

static uint64_t total(const made *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->n_blobs; i++)
		n += m->blobs[i].size;
	return n;
}

static size_t first_layer(const made *m)
{
	size_t i = 0;

	while (i < m->n_blobs && m->blobs[i].kind != GF_KIND_LAYER)
		i++;
	return i;
}

/* Everything arrived whole. */
static void expect_all(const recorder *r, const made *m)
{
	for (size_t i = 0; i < m->n_blobs; i++) {
		assert_true(r->finished[i]);
		assert_true(gf_digest_equal(&r->digest[i], &m->blobs[i].digest));
		assert_int_equal(r->size[i], m->blobs[i].size);
		assert_int_equal(r->asked[i], m->blobs[i].kind == GF_KIND_LAYER);
	}
	assert_int_equal(r->n_order, m->n_blobs);
	assert_int_equal(r->open, 0);
}

/* A bundle that only goes forward: path becomes a FIFO fed by cat. */
static void feed(const char *from, const char *path)
{
	char command[256];

	(void)snprintf(
	    command, sizeof command, "rm -f %s; mkfifo %s && (cat %s > %s 2>/dev/null &)", path, path, from, path);
	assert_int_equal(sh(command), 0);
}

/* ---- good bundles ---- */

static void test_verify(void **state)
{
	static const gf_packing packings[] = { GF_PACKING_RAW, GF_PACKING_GZIP, GF_PACKING_ZSTD };

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		spec s = {
			.packing = packings[p], .layers = 5, .layer_size = 40000, .evidence = true, .keys = { "ci" }
		};
		made m;

		make_bundle("b.tar", &s, &m);
		assert_int_equal(sh("rm -rf bdir"), 0);
		make_bundle("bdir/", &s, NULL);
		for (size_t i = 0; i < 12; i++) {
			static const char *const paths[] = { "b.tar", "bdir", "fifo" };
			bool deep = i % 2 == 1;
			run r;

			if (i / 4 == 2)
				feed("b.tar", "fifo");
			walk(paths[i / 4], NULL, i % 4 < 2 ? 1 : 4, deep, &r);
			expect_good(&r, paths[i / 4]);
			assert_int_equal(r.v.blobs_read, m.n_blobs);
			assert_int_equal(r.v.bytes_read, total(&m));
			assert_int_equal(r.advanced, total(&m));
			assert_int_equal(r.v.blobs_held + r.v.blobs_absent + r.v.bytes_held, 0);
			assert_int_equal(
			    r.v.checks[GF_CHECK_DEEP].result, deep ? GF_CHECK_PASSED : GF_CHECK_NOT_REQUIRED);
			if (deep)
				assert_string_equal(r.v.checks[GF_CHECK_DEEP].detail, "5 layers inflated, 10 entries");
		}
		gf_buf_clear(&m.statement);
	}
}

static void test_sink(void **state)
{
	spec s = { .packing = GF_PACKING_GZIP, .layers = 6, .layer_size = 300000, .evidence = true, .keys = { "ci" } };
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	for (unsigned i = 0; i < 8; i++) {
		bool in_order = i & 1, forward = i & 2, deep = i & 4;
		recorder sink;
		run r;

		recorder_init(&sink);
		sink.base.in_order = in_order;
		sink.n_front = first_layer(&m);
		if (forward)
			feed("b.tar", "fifo");
		walk(forward ? "fifo" : "b.tar", &sink, 3, deep, &r);
		expect_good(&r, "sink");
		expect_all(&sink, &m);
		assert_false(sink.early_layer);
		assert_true(sink.most <= 3);
		if (in_order || forward) {
			assert_int_equal(sink.most, 1);
			for (size_t k = 0; k < m.n_blobs; k++)
				assert_int_equal(sink.order[k], k);
		} else {
			/* The largest layer, which the fixture puts last, is begun first or at once with the first. */
			assert_true(sink.order[sink.n_front] == m.n_blobs - 1 ||
			    sink.order[sink.n_front + 1] == m.n_blobs - 1 ||
			    sink.order[sink.n_front + 2] == m.n_blobs - 1);
		}
	}
	gf_buf_clear(&m.statement);
}

static void test_held(void **state)
{
	spec s = { .layers = 4, .keys = { "ci" } };
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	for (unsigned i = 0; i < 4; i++) {
		bool forward = i & 1;
		size_t first = first_layer(&m), a = first + 1, b = first + 3;
		recorder sink;
		run r;

		recorder_init(&sink);
		sink.holds[a] = sink.holds[b] = true;
		sink.holds[0] = true; /* json is always read, and never asked for */
		if (forward)
			feed("b.tar", "fifo");
		walk(forward ? "fifo" : "b.tar", &sink, i & 2 ? 2 : 1, false, &r);
		expect_good(&r, "held");
		assert_int_equal(r.v.blobs_held, 2);
		assert_int_equal(r.v.bytes_held, m.blobs[a].size + m.blobs[b].size);
		assert_int_equal(r.v.blobs_read, m.n_blobs - 2);
		assert_int_equal(r.v.bytes_read, total(&m) - r.v.bytes_held);
		assert_int_equal(r.advanced, r.v.bytes_read);
		for (size_t k = 0; k < m.n_blobs; k++)
			assert_int_equal(sink.finished[k], k != a && k != b);
	}
	gf_buf_clear(&m.statement);
}

/* What is not wanted is verified all the same. */
static void test_unwanted(void **state)
{
	spec s = { .layers = 3, .keys = { "ci" } };
	recorder sink;
	made m;
	run r;

	(void)state;
	make_bundle("b.tar", &s, &m);
	recorder_init(&sink);
	sink.unwanted[0] = sink.unwanted[m.n_blobs - 1] = true;
	walk("b.tar", &sink, 2, false, &r);
	expect_good(&r, "unwanted");
	assert_int_equal(r.v.blobs_read, m.n_blobs);
	assert_int_equal(sink.n_order, m.n_blobs - 2);
	gf_buf_clear(&m.statement);
}

/* ---- damage ---- */

/* Where the bytes of blob i begin in the file, found by its header. */
static size_t offset_of(const gf_buf *file, const made *m, size_t i)
{
	char name[128], hex[GF_HEX_SIZE];

	gf_digest_hex(&m->blobs[i].digest, hex);
	(void)snprintf(name, sizeof name, "blobs/sha256/%s", hex);
	for (size_t at = 0; at + 512 <= file->len; at += 512)
		if (strncmp(file->data + at, name, 100) == 0)
			return at + 512;
	fail_msg("no header of %s", name);
	return 0;
}

static void load_file(const char *path, gf_buf *out)
{
	gf_error err = { 0 };

	buf_new(out);
	need(gf_file_load(path, 64 * GF_MIB, GF_FAILED, out, &err));
}

static void store_file(const char *path, const void *bytes, size_t n)
{
	gf_error err = { 0 };

	need(gf_file_store(path, 0600, bytes, n, &err));
}

static void test_flipped(void **state)
{
	spec s = { .packing = GF_PACKING_GZIP, .layers = 3, .evidence = true, .keys = { "ci" } };
	gf_buf file;
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	load_file("b.tar", &file);
	for (size_t i = 0; i < m.n_blobs; i++) {
		static const gf_check_id ids[] = { [GF_KIND_JSON] = GF_CHECK_FRONT,
			[GF_KIND_EVIDENCE] = GF_CHECK_EVIDENCE,
			[GF_KIND_LAYER] = GF_CHECK_LAYERS };
		size_t at = offset_of(&file, &m, i);
		const size_t places[] = { 0, m.blobs[i].size / 2, m.blobs[i].size - 1 };

		for (size_t k = 0; k < 3; k++) {
			file.data[at + places[k]] ^= 0x40;
			store_file("flip.tar", file.data, file.len);
			file.data[at + places[k]] ^= 0x40;
			for (unsigned how = 0; how < 8; how++) {
				recorder sink;
				run r;

				recorder_init(&sink);
				if (how & 4)
					feed("flip.tar", "fifo");
				walk(how & 4 ? "fifo" : "flip.tar", how & 2 ? &sink : NULL, 2, how & 1, &r);
				/* With --deep too the digest is the reason, not what the inflater thinks of it. */
				expect(&r, "flipped", GF_DAMAGED, "blob-digest", ids[m.blobs[i].kind]);
				assert_int_not_equal(r.v.checks[GF_CHECK_GRAPH].result, GF_CHECK_FAILED);
				assert_false(sink.finished[i]);
				assert_int_equal(sink.open, 0);
			}
		}
	}
	gf_buf_clear(&file);
	gf_buf_clear(&m.statement);
}

static void test_end(void **state)
{
	spec s = { .layers = 2, .keys = { "ci" } };
	gf_buf file;
	made m;
	run r;

	(void)state;
	make_bundle("b.tar", &s, &m);
	load_file("b.tar", &file);
	for (unsigned forward = 0; forward < 2; forward++) {
		const char *path = forward ? "fifo" : "cut.tar";
		gf_error err = { 0 };

		store_file("cut.tar", file.data, file.len);
		if (forward)
			feed("cut.tar", "fifo");
		walk(path, NULL, 2, false, &r);
		expect_good(&r, "whole");
		need(gf_buf_add(&file, "x", 1, &err));
		store_file("cut.tar", file.data, file.len);
		file.len--;
		if (forward)
			feed("cut.tar", "fifo");
		walk(path, NULL, 2, false, &r);
		expect(&r, "one byte more", GF_DAMAGED, "tar-end", forward ? GF_CHECK_END : GF_CHECKS);
		store_file("cut.tar", file.data, file.len - 512);
		if (forward)
			feed("cut.tar", "fifo");
		walk(path, NULL, 2, false, &r);
		assert_false(r.ok);
		assert_int_equal(r.err.class, GF_DAMAGED);
		store_file("cut.tar", file.data, file.len - 3000);
		if (forward)
			feed("cut.tar", "fifo");
		walk(path, NULL, 2, false, &r);
		assert_false(r.ok);
		assert_int_equal(r.err.class, GF_DAMAGED);
	}
	gf_buf_clear(&file);
	gf_buf_clear(&m.statement);
}

/* ---- sinks that fail ---- */

static void test_sink_errors(void **state)
{
	spec s = { .layers = 3, .evidence = true, .keys = { "ci" } };
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	for (size_t i = 0; i < m.n_blobs; i++) {
		for (unsigned how = 0; how < 8; how++) {
			static const char *const names[] = { "sink-write", "sink-finish", "sink-put", "sink-has" };
			recorder sink;
			run r;

			recorder_init(&sink);
			if (how / 2 == 3 && m.blobs[i].kind != GF_KIND_LAYER)
				continue;
			*(how / 2 == 0         ? &sink.fail_write
				: how / 2 == 1 ? &sink.fail_finish
				: how / 2 == 2 ? &sink.fail_put
					       : &sink.fail_has) = i + 1;
			walk("b.tar", &sink, how % 2 ? 3 : 1, false, &r);
			/* Its own error comes back, and no check of the bundle is said to have failed. */
			expect(&r, "sink", how / 2 == 3 ? GF_FAILED : GF_TARGET, names[how / 2], GF_CHECKS);
			for (size_t k = 0; k < GF_CHECKS; k++)
				assert_int_not_equal(r.v.checks[k].result, GF_CHECK_FAILED);
			assert_int_equal(r.v.checks[GF_CHECK_END].result, GF_CHECK_OPEN);
			assert_false(gf_verdict_good(&r.v));
			assert_false(sink.finished[i]);
			assert_int_equal(sink.open, 0);
		}
	}
	gf_buf_clear(&m.statement);
}

/* ---- deep ---- */

static void test_deep(void **state)
{
	static const gf_packing packings[] = { GF_PACKING_RAW, GF_PACKING_GZIP, GF_PACKING_ZSTD };

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		const struct {
			const char *title, *name;
			spec s;
		} rows[] = {
			{ "diff ID", "diff-id", { .wrong_diff_id = true } },
			{ "no tar", "layer-tar", { .not_a_tar = true } },
			{ "more promised", "raw-size", { .wrong_raw_size = 999999 } },
			{ "less promised", p == 0 ? "raw-size" : "too-large", { .wrong_raw_size = 100 } },
			{ "good", NULL,
			    { .wrong_raw_size = 5120 } }, /* the right one: 3000 rounded, two headers, end */
		};

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			spec s = rows[i].s;
			run r;

			s.packing = packings[p];
			s.keys[0] = "ci";
			make_bundle("b.tar", &s, NULL);
			walk("b.tar", NULL, 2, false, &r);
			expect_good(&r, rows[i].title); /* without --deep nobody looks */
			for (unsigned forward = 0; forward < 2; forward++) {
				recorder sink;

				recorder_init(&sink);
				if (forward)
					feed("b.tar", "fifo");
				walk(forward ? "fifo" : "b.tar", forward ? &sink : NULL, 2, true, &r);
				if (rows[i].s.not_a_tar)
					assert_non_null(strstr(r.v.checks[GF_CHECK_DEEP].detail, "after 0 entries"));
				if (rows[i].name != NULL)
					expect(&r, rows[i].title, GF_DAMAGED, rows[i].name, GF_CHECK_DEEP);
				else
					expect_good(&r, rows[i].title);
			}
		}
	}
}

/* Layers that say gzip or zstd and are something else, under digests that are right. */
static void test_deep_spoiled(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		spec s = { .packing = i & 1 ? GF_PACKING_ZSTD : GF_PACKING_GZIP, .spoiled = i / 2, .keys = { "ci" } };
		run r;

		make_bundle("b.tar", &s, NULL);
		walk("b.tar", NULL, 1, false, &r);
		expect_good(&r, "not deep");
		walk("b.tar", NULL, 1, true, &r);
		if (s.spoiled == WHOLE)
			expect_good(&r, "whole");
		else
			expect(&r, "spoiled", GF_DAMAGED, i & 1 ? "zstd" : "gzip", GF_CHECK_DEEP);
	}
}

/* Two images of the same two layers, the second of which the second image's config and manifest see so. */
static void share(gf_digest second, const char *type, const layer *from, const char *name)
{
	layer layers[2] = { from[0], from[1] };
	gf_error err = { 0 };
	gf_store *store = gf_store_new(&err);
	gf_manifest m = { 0 };
	gf_root roots[2];
	gf_graph *graph;
	gf_deep *deep;

	for (size_t i = 0; i < 2; i++) {
		gf_digest config, document;
		uint64_t config_size, size;

		if (i == 1)
			layers[1].diff_id = second;
		make_config(store, layers, 2, &config, &config_size);
		make_document(store, GF_TYPE_CONFIG, &config, config_size, i == 1 ? type : GF_TYPE_LAYER_GZIP, layers,
		    2, NULL, 0, &document, &size);
		roots[i] = (gf_root){ .digest = document, .name = "x" };
	}
	need((graph = gf_graph_build(store, roots, 2, GF_FAILED, &err)) != NULL);
	m.blobs = graph->blobs;
	m.n_blobs = graph->n_blobs;
	deep = gf_deep_new(graph, &m, &err);
	assert_int_equal(deep == NULL, name != NULL);
	if (name != NULL) {
		assert_string_equal(err.name, name);
		assert_int_equal(err.class, GF_DAMAGED);
	}
	gf_deep_free(deep);
	gf_graph_free(graph);
	gf_store_free(store);
}

/* Two images share a layer, and they promise different things inside it: one of them lies. */
static void test_deep_disagree(void **state)
{
	spec s = { .packing = GF_PACKING_GZIP };
	layer layers[2] = { 0 };
	gf_digest other;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		make_layer(&s, i, &layers[i]);
	other = layers[1].diff_id;
	other.bytes[0] ^= 1;
	share(layers[1].diff_id, GF_TYPE_LAYER_GZIP, layers, NULL);
	share(other, GF_TYPE_LAYER_GZIP, layers, "diff-id");
	share(layers[1].diff_id, GF_TYPE_LAYER, layers, "diff-id");
	for (size_t i = 0; i < 2; i++) {
		gf_buf_clear(&layers[i].raw);
		gf_buf_clear(&layers[i].stored);
	}
}

/* ---- thin copies ---- */

static void copy_member(gf_buf *out, const gf_buf *full, size_t at, uint64_t size)
{
	add_bytes(out, full->data + at, 512 + (size_t)gf_tar_round(size));
}

/* The full bundle without the layers in leave (bits by index) and without what stock readers look for. */
static void make_thin(const char *from, const char *to, const made *m, unsigned leave)
{
	static const char zeros[GF_TAR_ALIGN + 1024];
	gf_buf full, out;
	bool padded = false;

	load_file(from, &full);
	buf_new(&out);
	for (size_t at = 0; at + 512 <= full.len && full.data[at] != '\0';) {
		const char *name = full.data + at;
		uint64_t size = strtoull(full.data + at + 124, NULL, 8);
		bool left = strcmp(name, "oci-layout") == 0 || strcmp(name, "index.json") == 0 ||
		    strcmp(name, "manifest.json") == 0 || strcmp(name, "META/padding") == 0;
		bool is_layer = false;

		for (size_t i = 0; i < m->n_blobs; i++) {
			char hex[GF_HEX_SIZE];

			gf_digest_hex(&m->blobs[i].digest, hex);
			if (gf_starts_with(name, "blobs/sha256/") && strcmp(name + 13, hex) == 0) {
				left = leave >> i & 1;
				is_layer = m->blobs[i].kind == GF_KIND_LAYER;
			}
		}
		/* The padding stands before the first layer that is there. */
		if (is_layer && !left && !padded) {
			unsigned char header[512];
			uint64_t pad = gf_tar_padding(out.len);

			memcpy(header, full.data + at, 512);
			gf_tar_header("META/padding", pad, (gf_time)strtoll(full.data + at + 136, NULL, 8), header);
			add_bytes(&out, header, 512);
			add_bytes(&out, zeros, (size_t)gf_tar_round(pad));
			padded = true;
		}
		if (!left)
			copy_member(&out, &full, at, size);
		at += 512 + (size_t)gf_tar_round(size);
	}
	assert_true(padded);
	add_bytes(&out, zeros, 1024);
	store_file(to, out.data, out.len);
	gf_buf_clear(&full);
	gf_buf_clear(&out);
}

static void test_thin(void **state)
{
	spec s = { .layers = 4, .keys = { "ci" } };
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	for (unsigned i = 0; i < 4; i++) {
		size_t first = first_layer(&m), a = first + (i & 1 ? 0 : 2);
		bool forward = i & 2;
		recorder sink;
		run r;

		make_thin("b.tar", "thin.tar", &m, 1u << a);
		if (forward)
			feed("thin.tar", "fifo");
		walk(forward ? "fifo" : "thin.tar", NULL, 2, false, &r);
		expect(&r, "verify a thin copy", GF_DAMAGED, "absent", GF_CHECK_LAYERS);
		assert_int_equal(r.v.blobs_absent, 1);
		assert_int_equal(r.v.blobs_read, m.n_blobs - 1); /* the rest was looked at */
		assert_int_equal(r.v.checks[GF_CHECK_END].result, GF_CHECK_PASSED);

		recorder_init(&sink);
		if (forward)
			feed("thin.tar", "fifo");
		walk(forward ? "fifo" : "thin.tar", &sink, 2, false, &r);
		expect(&r, "absent, not held", GF_DAMAGED, "absent", GF_CHECK_LAYERS);
		assert_non_null(strstr(r.err.text, "thin copy, and the target does not have it: carry"));

		recorder_init(&sink);
		sink.holds[a] = true;
		if (forward)
			feed("thin.tar", "fifo");
		walk(forward ? "fifo" : "thin.tar", &sink, 2, false, &r);
		expect_good(&r, "absent and held");
		assert_int_equal(r.begun, total(&m) - m.blobs[a].size);
		assert_int_equal(r.v.blobs_absent, 1);
		assert_int_equal(r.v.blobs_held, 1);
		assert_false(sink.finished[a]);
	}
	gf_buf_clear(&m.statement);
}

/* An image without a layer: behind the padding comes the end. */
static void test_no_layers(void **state)
{
	static const char *const paths[] = { "b.tar", "fifo" };
	spec s = { .no_layers = true, .evidence = true, .keys = { "ci" } };
	made m;

	(void)state;
	make_bundle("b.tar", &s, &m);
	feed("b.tar", "fifo");
	for (size_t i = 0; i < 2; i++) {
		recorder sink;
		run r;

		recorder_init(&sink);
		walk(paths[i], &sink, 1, false, &r);
		expect_good(&r, paths[i]);
		assert_int_equal(r.v.bytes_read, total(&m));
		assert_int_equal(sink.n_order, m.n_blobs);
	}
	gf_buf_clear(&m.statement);
}

/* Larger than what the writer has in hand at once, and layers that it has to move up or down, where a file system moves
 * ranges and where it does not: always the same bundle. */
static void test_large(void **state)
{
	spec s = { .layers = 2,
		.layer_size = 2500000,
		.evidence = true,
		.evidence_size = 2500000,
		.created = 1795395723,
		.keys = { NULL } };
	static const uint64_t fronts[] = { 0, 65536, (uint64_t)8 << 20 };
	gf_buf want, found;
	made m;
	run r;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char path[64];

		(void)snprintf(
		    path, sizeof path, i % 2 == 0 ? "large.tar" : "/dev/shm/gf-walk-%ld.tar", (long)getpid());
		s.front = fronts[i / 2];
		make_bundle(path, &s, &m);
		gf_buf_clear(&m.statement);
		load_file(path, &found);
		if (i == 0)
			want = found;
		else
			assert_int_equal(found.len, want.len);
		assert_memory_equal(found.data, want.data, want.len);
		if (i > 0)
			gf_buf_clear(&found);
		assert_int_equal(unlink(path), 0);
	}
	gf_buf_clear(&want);
	s.created = 0;
	s.keys[0] = "ci";
	make_bundle("large.tar", &s, &m);
	walk("large.tar", NULL, 2, false, &r);
	expect_good(&r, "large");
	assert_int_equal(r.v.bytes_read, total(&m));
	gf_buf_clear(&m.statement);
}

/* The writer's piece is full behind any header or blob, and behind the last one before the padding. */
static void test_piece(void **state)
{
	spec s = { .layers = 1, .evidence = true, .created = 1795395723, .keys = { NULL } };
	gf_error err = { 0 };

	(void)state;
	for (size_t n = GF_MIB - 65536; n <= GF_MIB; n += 512) {
		gf_reader *r;

		s.evidence_size = n;
		make_bundle("piece.tar", &s, NULL);
		assert_int_equal(sh("tar tf piece.tar >/dev/null"), 0);
		need((r = gf_reader_open("piece.tar", &err)) != NULL);
		gf_reader_close(r);
	}
}

/* The front first, so that a plan can be made, and the walk goes on from there. */
static void test_front(void **state)
{
	spec s = { .layers = 2, .keys = { "ci" } };
	gf_judge j = { .trust = trust };
	gf_error err = { 0 };
	gf_verdict v;
	gf_manifest *m;
	gf_walk w = { .jobs = 1 };
	made what;

	(void)state;
	make_bundle("b.tar", &s, &what);
	gf_verdict_init(&v);
	need((w.reader = gf_reader_open("b.tar", &err)) != NULL);
	need(gf_accept(w.reader, &j, &v, &m, &err));
	w.manifest = m;
	need(gf_walk_front(&w, &v, &err));
	assert_non_null(gf_reader_graph(w.reader));
	assert_int_equal(v.checks[GF_CHECK_GRAPH].result, GF_CHECK_PASSED);
	assert_int_equal(v.checks[GF_CHECK_LAYERS].result, GF_CHECK_OPEN);
	assert_false(gf_verdict_good(&v));
	need(gf_walk_run(&w, &v, &err));
	assert_true(gf_verdict_good(&v));
	assert_int_equal(v.bytes_read, total(&what));
	gf_reader_close(w.reader);
	gf_manifest_free(m);
	gf_verdict_clear(&v);
	gf_buf_clear(&what.statement);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_verify), cmocka_unit_test(test_sink),
		cmocka_unit_test(test_held), cmocka_unit_test(test_unwanted), cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_end), cmocka_unit_test(test_sink_errors), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_deep_spoiled), cmocka_unit_test(test_deep_disagree), cmocka_unit_test(test_thin),
		cmocka_unit_test(test_front), cmocka_unit_test(test_no_layers), cmocka_unit_test(test_large),
		cmocka_unit_test(test_piece) };

	return cmocka_run_group_tests(tests, enter_with_key, leave_with_key);
}
