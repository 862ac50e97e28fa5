/* The vector written again: same bytes whatever the bound, the threads and the source knew; stock tools open it. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common.h"

static opened full;

static void same_as_vector(const char *path)
{
	gf_buf bytes;

	load(path, &bytes);
	assert_int_equal(bytes.len, full_tar.len);
	assert_memory_equal(bytes.data, full_tar.data, full_tar.len);
	gf_buf_clear(&bytes);
}

static void write_ok(const char *path, uint64_t front, bool unknown)
{
	gf_error err = { 0 };

	if (!write_copy(&full, path, front, unknown, &err))
		fail_msg("%s: %s", err.name, err.text);
}

static void test_front_size(void **state)
{
	gf_front f = front_of(&full);
	gf_blob *blobs = ((gf_graph *)(uintptr_t)f.graph)->blobs;
	size_t first = first_layer(f.graph);
	gf_member signatures[2] = { { .bytes.len = 65024 }, { .bytes.len = 65024 } };
	gf_error err;
	uint64_t size = 0;

	(void)state;
	assert_true(gf_front_size(&f, &size, &err));
	assert_int_equal(size, 65536);
	/* everything before the layers counts, and nothing else */
	f.signatures = signatures;
	f.n_signatures = 2;
	assert_true(gf_front_size(&f, &size, &err));
	assert_int_equal(size, 3 * 65536);
	for (int i = 0; i < GF_FILES; i++)
		full.m->files[i].size += 65536;
	assert_true(gf_front_size(&f, &size, &err));
	assert_int_equal(size, 7 * 65536);
	blobs[0].size += 65536;
	blobs[first - 1].size += 65536;
	assert_true(gf_front_size(&f, &size, &err));
	assert_int_equal(size, 9 * 65536);
	blobs[first].size += 65536;
	assert_true(gf_front_size(&f, &size, &err));
	assert_int_equal(size, 9 * 65536);
	full.m->files[1].size += GF_BLOB_MAX;
	assert_false(gf_front_size(&f, &size, &err));
	assert_error(err, GF_USAGE, "too-large");
	opened_close(&full);
	full = open_full();
}

/* What no reader would take is not written. */
static void test_bad_fronts(void **state)
{
	gf_member many[GF_SIGNATURES_MAX + 1];
	char names[GF_SIGNATURES_MAX + 1][48];
	gf_error err = { 0 };

	(void)state;
	full.m->files[1].digest.bytes[0] ^= 1;
	assert_false(write_copy(&full, "out.tar", 65536, false, &err));
	assert_error(err, GF_FAILED, "internal");
	full.m->files[1].digest.bytes[0] ^= 1;
	for (int i = 0; i <= GF_SIGNATURES_MAX; i++) {
		(void)snprintf(names[i], sizeof names[i], "manifest.json.%016x.sig", i);
		many[i] = (gf_member){ .name = names[i], .bytes = { .data = names[i], .len = 8, .max = 8 } };
	}
	for (size_t n = GF_SIGNATURES_MAX; n <= GF_SIGNATURES_MAX + 1; n++) {
		gf_front f = front_of(&full);
		gf_writer *w = gf_writer_open("out.tar", full.m->created, 65536, &err);

		f.signatures = many;
		f.n_signatures = n;
		assert_non_null(w);
		for (size_t i = first_layer(f.graph); i < f.graph->n_blobs; i++)
			assert_true(write_layer(w, &full, i, false, &err));
		assert_int_equal(gf_writer_commit(w, &f, &err), n == GF_SIGNATURES_MAX);
		gf_writer_close(w);
	}
	assert_error(err, GF_USAGE, "too-large");
}

/* With all layers, and this front. */
static void refused_front(const gf_front *f)
{
	const gf_graph *g = gf_reader_graph(full.r);
	gf_error err = { 0 };
	gf_writer *w = gf_writer_open("front.tar", full.m->created, 65536, &err);

	assert_non_null(w);
	for (size_t i = first_layer(g); i < g->n_blobs; i++)
		assert_true(write_layer(w, &full, i, false, &err));
	assert_false(gf_writer_commit(w, f, &err));
	assert_error(err, GF_FAILED, "internal");
	gf_writer_close(w);
	assert_int_equal(access("front.tar", F_OK), -1);
}

/* Nor what does not fit its own graph. */
static void test_false_fronts(void **state)
{
	static char one[] = "manifest.json.0000000000000001.sig", two[] = "manifest.json.0000000000000002.sig",
		    odd[] = "manifest.json.sig", bytes[] = "x";
	gf_member pair[2] = { { .name = one, .bytes = { .data = bytes, .len = 1, .max = 1 } } };
	gf_front f = front_of(&full);
	gf_error err;

	(void)state;
	pair[1] = pair[0];
	f.signatures = pair;
	f.n_signatures = 2;
	refused_front(&f); /* twice */
	pair[0].name = two;
	refused_front(&f); /* not sorted */
	pair[0].name = odd;
	f.n_signatures = 1;
	refused_front(&f);
	f.n_signatures = 2;
	pair[0].name = one;
	pair[1].name = two;
	pair[1].bytes.len = 0;
	refused_front(&f);
	f = front_of(&full);
	f.evidence = NULL;
	refused_front(&f);
	f = front_of(&full);
	f.store = gf_store_new(&err);
	assert_non_null(f.store);
	refused_front(&f);
	gf_store_free((gf_store *)(uintptr_t)f.store);
}

/* The bound met, a byte, a step and a MiB too high, too low, none. */
static void test_bounds(void **state)
{
	static const uint64_t bounds[] = { 65536, 65537, 131072, 1 << 20, 1, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		for (int unknown = 0; unknown < 2; unknown++) {
			write_ok("out.tar", bounds[i], unknown);
			same_as_vector("out.tar");
		}
}

/* tmpfs moves no ranges: the layers are copied. */
static void test_bounds_copied(void **state)
{
	static const uint64_t bounds[] = { 65536 * 3, 1, 0 };
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "/dev/shm/gf-bundles-%ld.tar", (long)getpid());
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		write_ok(path, bounds[i], false);
		same_as_vector(path);
		assert_int_equal(unlink(path), 0);
	}
}

/* Nothing is visible before commit, nothing is left without it, and an old file stays until then. */
static void test_nothing_before_commit(void **state)
{
	gf_error err = { 0 };
	gf_writer *w;

	(void)state;
	assert_int_equal(sh("rm -f * && echo old > out.tar"), 0);
	w = gf_writer_open("out.tar", full.m->created, 65536, &err);
	assert_non_null(w);
	assert_true(write_layer(w, &full, first_layer(gf_reader_graph(full.r)), false, &err));
	assert_int_equal(sh("test \"$(cat out.tar)\" = old"), 0);
	gf_writer_close(w);
	assert_int_equal(sh("test \"$(ls -A)\" = out.tar && test \"$(cat out.tar)\" = old"), 0);
	write_ok("out.tar", 65536, false);
	assert_int_equal(sh("test \"$(ls -A)\" = out.tar && test \"$(stat -c %a out.tar)\" = 644"), 0);
}

/* A digest already kept is dropped, and its room used by the next, whose fill must be zero all the same. */
static void test_dedupe(void **state)
{
	gf_front f = front_of(&full);
	size_t first = first_layer(f.graph);
	gf_error err = { 0 };
	gf_writer *w = gf_writer_open("out.tar", full.m->created, 65536, &err);
	gf_place *p;
	char rubbish[4096];

	(void)state;
	assert_non_null(w);
	memset(rubbish, 0xee, sizeof rubbish);
	for (size_t i = first; i < f.graph->n_blobs; i++) {
		assert_true(write_layer(w, &full, i, true, &err));
		assert_true(write_layer(w, &full, first, true, &err));
		p = gf_writer_place(w, UINT64_MAX, &err); /* never mind */
		assert_non_null(p);
		assert_true(gf_place_write(p, rubbish, sizeof rubbish, &err));
		gf_place_drop(p);
	}
	assert_true(gf_writer_commit(w, &f, &err));
	assert_int_equal(gf_writer_size(w), full_tar.len);
	gf_writer_close(w);
	same_as_vector("out.tar");
}

/* ---- threads ---- */

typedef struct job {
	gf_place *places[3];
	size_t first;
} job;

static bool fill_place(void *ctx, size_t i, gf_error *err)
{
	job *j = ctx;
	bool absent = false, ok;
	gf_buf bytes;

	gf_buf_init(&bytes, 64 * GF_MIB);
	ok = read_blob(full.r, j->first + i, &bytes, &absent, err);
	for (size_t at = 0; at < bytes.len && ok; at += 100)
		ok = gf_place_write(j->places[i], bytes.data + at, bytes.len - at < 100 ? bytes.len - at : 100, err);
	ok = ok && gf_place_keep(j->places[i], &full.m->blobs[j->first + i].digest, err);
	gf_buf_clear(&bytes);
	return ok;
}

static void test_parallel_places(void **state)
{
	gf_front f = front_of(&full);
	gf_error err = { 0 };
	gf_writer *w;
	job j = { .first = first_layer(f.graph) };
	uint64_t sizes[2];
	char sum[128];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		w = gf_writer_open(kind == 0 ? "out.tar" : "par/", full.m->created, 131072, &err);
		assert_non_null(w);
		for (size_t i = 0; i < 3; i++)
			assert_non_null(j.places[i] = gf_writer_place(w, full.m->blobs[j.first + i].size, &err));
		assert_true(gf_parallel(3, 3, fill_place, &j, &err));
		if (!gf_writer_commit(w, &f, &err))
			fail_msg("%s: %s", err.name, err.text);
		sizes[kind] = gf_writer_size(w);
		gf_writer_close(w);
	}
	same_as_vector("out.tar");
	assert_int_equal(sizes[0], full_tar.len);
	snprintf(sum, sizeof sum,
	    "test %llu = $(find par -type f -printf '%%s\\n' | awk '{ s += $1 } END { print s }')",
	    (unsigned long long)sizes[1]);
	assert_int_equal(sh(sum), 0);
	assert_true(read_all(gf_reader_open("par", &err), NULL, &err));
}

/* ---- misuse ---- */

static void test_misuse(void **state)
{
	gf_front f = front_of(&full);
	size_t first = first_layer(f.graph);
	gf_error err = { 0 };
	gf_writer *w;
	gf_place *p;

	(void)state;
	w = gf_writer_open("bad.tar", full.m->created, 65536, &err);
	assert_non_null(w);
	assert_false(gf_writer_commit(w, &f, &err)); /* layers are missing */
	assert_error(err, GF_FAILED, "internal");
	assert_true(write_layer(w, &full, first + 1, false, &err));
	assert_true(write_layer(w, &full, first, false, &err));
	assert_true(write_layer(w, &full, first + 2, false, &err));
	assert_false(gf_writer_commit(w, &f, &err)); /* another order */
	gf_writer_close(w);

	w = gf_writer_open("bad.tar", full.m->created, 65536, &err);
	p = gf_writer_place(w, 10, &err);
	assert_non_null(p);
	assert_true(gf_place_write(p, "0123456789", 10, &err));
	assert_false(gf_place_write(p, "x", 1, &err)); /* more than was said */
	assert_error(err, GF_DAMAGED, "blob-size");
	gf_place_drop(p);
	p = gf_writer_place(w, 10, &err);
	assert_non_null(p);
	assert_false(gf_place_keep(p, &f.graph->blobs[0].digest, &err)); /* less */
	assert_error(err, GF_DAMAGED, "blob-size");
	assert_true(write_layer(w, &full, first, false, &err));
	assert_false(write_layer(w, &full, first, false, &err)); /* two places for one */
	assert_error(err, GF_FAILED, "internal");
	p = gf_writer_place(w, UINT64_MAX, &err);
	assert_non_null(p);
	assert_null(gf_writer_place(w, 1, &err)); /* one of unknown size is the last */
	gf_place_drop(p);
	gf_writer_close(w);

	w = gf_writer_open("bad.tar", full.m->created, 65536, &err);
	assert_null(gf_writer_place(w, GF_BLOB_MAX + 1, &err));
	assert_error(err, GF_DAMAGED, "too-large");
	p = gf_writer_place(w, GF_BLOB_MAX, &err);
	assert_non_null(p);
	err = (gf_error){ 0 };
	assert_null(gf_writer_place(w, 1, &err)); /* behind it */
	assert_error(err, GF_DAMAGED, "too-large");
	gf_place_drop(p);
	gf_writer_close(w);
	assert_int_not_equal(sh("test -e bad.tar"), 0);
}

/* ---- directories ---- */

static void test_directory(void **state)
{
	gf_error err = { 0 };

	(void)state;
	assert_int_equal(sh("rm -rf * && mkdir t"), 0);
	write_ok("d/", 65536, false);
	write_ok("e/", 0, true);
	put("full.tar", full_tar.data, full_tar.len);
	assert_int_equal(sh("tar xf full.tar -C t && rm t/META/padding && diff -r t d && diff -r t e"), 0);
	assert_int_equal(sh("test -z \"$(find d -type f ! -perm 644)\" && test \"$(stat -c %a d)\" = 755"), 0);
	assert_int_equal(sh("test \"$(ls -A | tr '\\n' ' ')\" = 'd e full.tar t '"), 0);
	assert_false(write_copy(&full, "d/", 65536, false, &err));
	assert_error(err, GF_USAGE, "exists");
	assert_false(write_copy(&full, "./", 65536, false, &err));
	assert_error(err, GF_USAGE, "exists");
	assert_true(read_all(gf_reader_open("d", &err), NULL, &err));
}

static void test_directory_appears_meanwhile(void **state)
{
	gf_front f = front_of(&full);
	gf_error err = { 0 };
	gf_writer *w = gf_writer_open("late/", full.m->created, 0, &err);

	(void)state;
	assert_non_null(w);
	for (size_t i = first_layer(f.graph); i < f.graph->n_blobs; i++)
		assert_true(write_layer(w, &full, i, false, &err));
	assert_int_equal(sh("mkdir late"), 0);
	assert_false(gf_writer_commit(w, &f, &err));
	assert_error(err, GF_USAGE, "exists");
	gf_writer_close(w);
	assert_int_equal(sh("test -z \"$(ls -A late)\" && test -z \"$(ls -d .late*)\""), 0);
}

/* ---- stdout ---- */

static void test_stdout(void **state)
{
	gf_error err = { 0 };
	int saved = dup(STDOUT_FILENO), fd = open("piped.tar", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	char *tmpdir = getenv("TMPDIR") != NULL ? strdup(getenv("TMPDIR")) : NULL;
	gf_writer *w;
	bool ok;

	(void)state;
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	ok = write_copy(&full, "-", 131072, true, &err);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	close(fd);
	if (!ok)
		fail_msg("%s: %s", err.name, err.text);
	same_as_vector("piped.tar");
	for (int i = 0; i < 2; i++) { /* the whole bundle lies in TMPDIR first */
		assert_int_equal(setenv("TMPDIR", i == 0 ? "" : "/no/where", 1), 0);
		w = gf_writer_open("-", full.m->created, 0, &err);
		assert_int_equal(w != NULL, i == 0);
		gf_writer_close(w);
	}
	assert_int_equal(tmpdir != NULL ? setenv("TMPDIR", tmpdir, 1) : unsetenv("TMPDIR"), 0);
	free(tmpdir);
}

/* ---- stock tools ---- */

static void test_tar_and_sha256sum(void **state)
{
	(void)state;
	write_ok("out.tar", 65536, false);
	assert_int_equal(sh("rm -rf x && mkdir x && tar xf out.tar -C x && cd x && "
			    "sha256sum --strict --quiet -c SHA256SUMS && "
			    "test \"$(find . -type f ! -path './META/*' ! -name SHA256SUMS | wc -l)\" = "
			    "\"$(wc -l < SHA256SUMS)\""),
	    0);
	/* GNU tar makes the same bytes of the directory, with the format's own headers */
	assert_int_equal(
	    sh("tar tf out.tar > list && cd x && tar --format=ustar -b1 --owner=0 --group=0 --numeric-owner "
	       "--mode=0644 --mtime=@1795395723 --no-recursion -T ../list -cf ../again.tar && "
	       "cmp ../again.tar ../out.tar"),
	    0);
}

static int enter_writer(void **state)
{
	if (enter(state) != 0)
		return -1;
	full = open_full();
	return 0;
}

static int leave_writer(void **state)
{
	opened_close(&full);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_front_size),
		cmocka_unit_test(test_bad_fronts),
		cmocka_unit_test(test_false_fronts),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bounds_copied),
		cmocka_unit_test(test_nothing_before_commit),
		cmocka_unit_test(test_dedupe),
		cmocka_unit_test(test_parallel_places),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_directory_appears_meanwhile),
		cmocka_unit_test(test_stdout),
		cmocka_unit_test(test_tar_and_sha256sum),
	};

	return cmocka_run_group_tests_name("bundles/writer", tests, enter_writer, leave_writer);
}
