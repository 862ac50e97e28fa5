/* Files, processes, compression and texts when an allocation, or a call to the system or to a library, fails: an error that
 * says so, or what a run without faults gives; nothing left open, nothing left behind. */
#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zstd.h>

#include "common.h"
#include "tests/unit/failing.h"

#define SIZE ((size_t)200000)
static unsigned char text[SIZE];
static gf_buf packed[4]; /* text by each codec */
static const gf_codec codecs[] = { GF_CODEC_GZIP, GF_CODEC_ZSTD, GF_CODEC_XZ, GF_CODEC_BZIP2 };

/* Of this kind, and it came to pass; asked before faults_end. */
static bool was(const char *kind)
{
	const char *plan = getenv("GAPFERRY_FAIL");

	return plan != NULL && strncmp(plan, kind, strlen(kind)) == 0 && gf_call_failed();
}

/* ---- files ---- */

static bool store_job(void *ctx, gf_error *err)
{
	bool ok = gf_file_store(ctx, 0600, "new", 3, err);
	gf_error unused;
	gf_buf b;

	assert_false(ok && was("random")); /* no name is made of what was not random */
	faults_end();
	gf_buf_init(&b, 10);
	assert_ok(gf_file_load(ctx, 10, GF_FAILED, &b, &unused), unused);
	assert_true(strcmp(b.data, "new") == 0 || (!ok && strcmp(b.data, "old") == 0));
	gf_buf_clear(&b);
	assert_ok(gf_file_store(ctx, 0600, "old", 3, &unused), unused);
	return ok;
}

static bool load_job(void *ctx, gf_error *err)
{
	gf_buf b;
	bool ok;

	gf_buf_init(&b, SIZE);
	ok = gf_file_load(ctx, SIZE, GF_DAMAGED, &b, err);
	faults_end();
	if (ok)
		assert_string_equal(b.data, "old");
	/* The file is there, and is what it should be. */
	assert_int_not_equal(err->class, GF_DAMAGED);
	gf_buf_clear(&b);
	return ok;
}

static void make_tree(void)
{
	gf_error err;

	assert_ok(gf_dir_make("r/below", 0700, &err), err);
	assert_ok(gf_file_replace("r/below/f", 0600, "f", 1, &err), err);
}

/* A directory with a file and a directory in it is gone, or can be removed the next time. */
static bool remove_job(void *ctx, gf_error *err)
{
	gf_error unused;
	bool ok = gf_dir_remove(ctx, err);

	if (was("unlink"))
		assert_true(!ok && err->os_errno == EACCES); /* and not that of the directory that is not empty */
	faults_end();
	assert_true(!ok || access(ctx, F_OK) != 0);
	assert_ok(ok || gf_dir_remove(ctx, &unused), unused);
	make_tree();
	return ok;
}

static bool lock_job(void *ctx, gf_error *err)
{
	gf_lock *l = gf_lock_open(ctx, err);

	faults_end();
	gf_lock_close(l);
	return l != NULL;
}

/* Passed over and read, from a file that is read on, and from a range of it. */
static bool input_job(void *ctx, gf_error *err)
{
	char whole[4] = "", part[2] = "";
	int fd = open(ctx, O_RDONLY);
	gf_input *in = fd >= 0 ? gf_input_file(fd, true, ctx, err) : NULL;
	gf_input *range = in != NULL ? gf_input_range(fd, 1, 2, ctx, err) : NULL;
	bool ok = range != NULL && gf_input_read_full(range, part, 2, err) && gf_input_skip(in, 1, err) &&
	    gf_input_read_full(in, whole, 2, err) && gf_input_read(in, whole + 2, 1, err) == 0;

	if (fd < 0)
		ok = gf_fail_errno(err, GF_FAILED, "open", ctx, "not open");
	faults_end();
	gf_input_close(range);
	gf_input_close(in);
	if (ok) {
		assert_string_equal(whole, "ld");
		assert_memory_equal(part, "ld", 2);
	}
	return ok;
}

static void test_files(void **state)
{
	static char file[] = "file", here[] = ".", new_lock[] = "lock", tree[] = "r";
	gf_error err;

	(void)state;
	assert_ok(gf_file_store(file, 0600, "old", 3, &err), err);
	fail_all(store_job, file);
	fail_all(load_job, file);
	fail_all(input_job, file);
	make_tree();
	fail_all(remove_job, tree);
	fail_all(lock_job, here);
	fail_all(lock_job, new_lock);
}

/* ---- processes ---- */

static bool process_job(void *ctx, gf_error *err)
{
	static const char *const argv[] = { "cat", NULL }, *const env[] = { "A=b", NULL };
	gf_process p = { .argv = argv, .input = "given", .input_size = 5, .env_add = env, .seconds = 60 };
	int status = -1;
	gf_buf out;
	bool ok;

	(void)ctx;
	gf_buf_init(&out, 100);
	ok = gf_process_run(&p, &out, &status, err);
	faults_end();
	if (ok) {
		assert_int_equal(status, 0);
		assert_string_equal(out.data, "given");
	}
	gf_buf_clear(&out);
	/* None is left, but for the one whose end could not be asked for. */
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	return ok;
}

static bool contained_job(void *ctx, gf_error *err)
{
	gf_input *in = gf_input_contained(gf_input_memory(text, SIZE, err), -1, SIZE, ctx, err);
	unsigned char *back = malloc(SIZE);
	bool ok;

	faults_end(); /* the child may have one yet */
	ok = in != NULL && back != NULL && gf_input_read_full(in, back, SIZE, err);
	if (ok)
		assert_memory_equal(back, text, SIZE);
	if (in != NULL && back == NULL)
		gf_no_memory(err);
	free(back);
	gf_input_close(in);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return ok;
}

static void test_processes(void **state)
{
	static char name[] = "object";

	(void)state;
	fail_all(process_job, NULL);
	fail_all(contained_job, name);
}

/* ---- compression ---- */

/* text as two blocks, to be read by all. */
static bool gzip_job(void *ctx, gf_error *err)
{
	size_t at = GF_GZIP_HEADER, n = 0, cap = at + 2 * gf_gzip_bound(SIZE / 2) + GF_GZIP_TRAILER;
	gf_deflater *d = gf_deflater_new(err);
	unsigned char *out = malloc(cap);
	bool ok = d != NULL && (out != NULL || gf_no_memory(err));

	for (size_t i = 0; ok && i < 2; i++) {
		ok = gf_deflater_block(d, text + i * (SIZE / 2), SIZE / 2, i == 1, out + at, cap - at, &n, err);
		at += n;
	}
	faults_end();
	if (ok) {
		gf_buf *into = ctx;
		gf_error unused;

		gf_gzip_header(out);
		gf_gzip_trailer(gf_gzip_crc(0, text, SIZE), SIZE, out + at);
		gf_buf_clear(into);
		assert_ok(gf_buf_add(into, out, at + GF_GZIP_TRAILER, &unused), unused);
	}
	gf_deflater_free(d);
	free(out);
	return ok;
}

static bool zstd_job(void *ctx, gf_error *err)
{
	size_t n = 0, cap = gf_zstd_bound(SIZE);
	unsigned char *out = malloc(cap);
	gf_zstd *z = gf_zstd_new(err);
	bool ok = z != NULL && (out != NULL || gf_no_memory(err)) && gf_zstd_block(z, text, SIZE, out, cap, &n, err);

	faults_end();
	if (ok) {
		gf_buf *into = ctx;
		gf_error unused;

		gf_buf_clear(into);
		assert_ok(gf_buf_add(into, out, n, &unused), unused);
	}
	gf_zstd_free(z);
	free(out);
	return ok;
}

static bool is_text(gf_buf *b, bool ok)
{
	faults_end();
	if (ok) {
		assert_int_equal(b->len, SIZE);
		assert_memory_equal(b->data, text, SIZE);
	}
	gf_buf_clear(b);
	return ok;
}

static bool decode_job(void *ctx, gf_error *err)
{
	const size_t i = *(const size_t *)ctx;
	gf_input *in = gf_input_decode(gf_input_memory(packed[i].data, packed[i].len, err), codecs[i], SIZE, "o", err);
	gf_output *sink;
	gf_buf out;
	bool ok;

	gf_buf_init(&out, SIZE);
	sink = in != NULL ? gf_output_buf(&out, err) : NULL;
	ok = sink != NULL && gf_copy(in, sink, err) && gf_output_finish(sink, err);
	gf_output_close(sink);
	gf_input_close(in);
	return is_text(&out, ok);
}

/* As it is written, in a thread of its own. */
static bool inflate_job(void *ctx, gf_error *err)
{
	const size_t i = *(const size_t *)ctx;
	gf_output *sink;
	gf_buf out;
	bool ok;

	gf_buf_init(&out, SIZE);
	sink = gf_output_buf(&out, err);
	sink = codecs[i] == GF_CODEC_GZIP ? gf_output_gunzip(sink, SIZE, "o", err)
					  : gf_output_unzstd(sink, SIZE, "o", err);
	sink = gf_output_thread(sink, err);
	ok = sink != NULL && gf_output_write(sink, packed[i].data, packed[i].len, err) && gf_output_finish(sink, err);
	gf_output_close(sink);
	return is_text(&out, ok);
}

static void test_compression(void **state)
{
	size_t n = 0, cap = SIZE + SIZE / 10 + 4096;
	unsigned bz = (unsigned)cap;
	char *buf = malloc(cap);
	gf_error err;

	(void)state;
	assert_non_null(buf);
	noise(text, SIZE / 2, 1);
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
		gf_buf_init(&packed[i], GF_MIB);
	fail_all(gzip_job, &packed[0]);
	fail_all(zstd_job, &packed[1]);
	assert_int_equal(
	    lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, text, SIZE, (uint8_t *)buf, &n, cap), LZMA_OK);
	assert_ok(gf_buf_add(&packed[2], buf, n, &err), err);
	assert_int_equal(BZ2_bzBuffToBuffCompress(buf, &bz, (char *)text, (unsigned)SIZE, 1, 0, 0), BZ_OK);
	assert_ok(gf_buf_add(&packed[3], buf, bz, &err), err);
	free(buf);
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
		fail_all(decode_job, &i);
		if (i < 2)
			fail_all(inflate_job, &i);
	}
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
		gf_buf_clear(&packed[i]);
}

/* ---- texts ---- */

/* Read, its list taken out, and written again. */
static bool copy_out(gf_json_doc *doc, gf_error *err)
{
	gf_json root = { .node = NULL }, array;
	char **list = NULL;
	gf_json_out o;
	size_t n = 0;
	gf_buf out;
	bool ok;

	gf_buf_init(&out, 1000);
	ok = doc != NULL;
	if (ok)
		root = gf_json_root(doc);
	ok = ok && gf_json_array(root, "list", &array, err) && gf_json_texts(array, &list, &n, err);
	if (ok) {
		gf_json_begin(&o, &out, 0, err);
		gf_json_open(&o, NULL, '{');
		gf_json_put_value(&o, "copy", root);
		gf_json_close(&o, '}');
		ok = gf_json_end(&o);
	}
	faults_end();
	if (ok) {
		assert_int_equal(n, 2);
		assert_string_equal(list[1], "b");
		assert_string_equal(out.data, "{\"copy\":{\"list\":[\"a\",\"b\"],\"none\":null}}");
	}
	gf_texts_free(list, n);
	gf_buf_clear(&out);
	gf_json_free(doc);
	return ok;
}

static bool json_job(void *ctx, gf_error *err)
{
	return copy_out(gf_json_parse(ctx, strlen(ctx), 1000, GF_DAMAGED, "j", err), err);
}

static bool yaml_job(void *ctx, gf_error *err)
{
	return copy_out(gf_yaml_parse(ctx, strlen(ctx), "y", err), err);
}

static bool secret_job(void *ctx, gf_error *err)
{
	gf_secret s = { .data = NULL }, line = { .data = NULL };
	bool ok = gf_secret_load(&s, ctx, 100, err) && gf_secret_load_line(&line, ctx, err);

	faults_end();
	if (ok) {
		assert_string_equal(s.data, "one\ntwo\n");
		assert_string_equal(line.data, "one");
	}
	gf_secret_clear(&line);
	gf_secret_clear(&s);
	return ok;
}

static void test_texts(void **state)
{
	static char json[] = "{\"list\":[\"a\",\"b\"],\"none\":null}", yaml[] = "list:\n- a\n- b\nnone:\n",
		    key[] = "key";
	gf_error err;

	(void)state;
	assert_ok(gf_file_store(key, 0600, "one\ntwo\n", 8, &err), err);
	fail_all(json_job, json);
	fail_all(yaml_job, yaml);
	fail_all(secret_job, key);
}

static int enter_failing(void **state)
{
	gf_json_watch_memory();
	files_open = count_files();
	return enter(state);
}

static int leave_failing(void **state)
{
	return left(leave(state) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_processes),
		cmocka_unit_test(test_compression), cmocka_unit_test(test_texts) };

	return cmocka_run_group_tests_name("base/failing", tests, enter_failing, leave_failing);
}
