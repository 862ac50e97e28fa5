#include <fcntl.h>

#include "common.h"

/* An input that gives its bytes in pieces of a chosen size and can fail or refuse at a place. */
typedef struct piecewise {
	gf_input in;
	const char *bytes;
	size_t n, at, piece, fail_at;
} piecewise;

static int closed; /* how many piecewise inputs or recorder outputs were closed */

static ptrdiff_t piecewise_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	piecewise *p = (piecewise *)in;
	size_t step = p->piece < cap ? p->piece : cap;

	if (p->at >= p->fail_at) {
		gf_fail(err, GF_FAILED, "planted", NULL, "planted");
		return -1;
	}
	if (step > p->n - p->at)
		step = p->n - p->at;
	memcpy(buf, p->bytes + p->at, step);
	p->at += step;
	return (ptrdiff_t)step;
}

static void piecewise_close(gf_input *in)
{
	closed++;
	free(in);
}

static gf_input *piecewise_new(const char *bytes, size_t n, size_t piece, size_t fail_at)
{
	static const gf_input_ops ops = { piecewise_read, NULL, piecewise_close };
	gf_error err;
	piecewise *p = gf_alloc(1, sizeof *p, &err);

	assert_non_null(p);
	*p = (piecewise){ .in = { &ops }, .bytes = bytes, .n = n, .piece = piece, .fail_at = fail_at };
	return &p->in;
}

/* All of in, or the error. */
static bool drain(gf_input *in, gf_buf *out, size_t step, gf_error *err)
{
	char buf[512];
	ptrdiff_t got;

	gf_buf_init(out, 1 << 20);
	while ((got = gf_input_read(in, buf, step, err)) > 0)
		if (!gf_buf_add(out, buf, (size_t)got, err))
			return false;
	return got == 0;
}

static void assert_gives(gf_input *in, const char *text, size_t step)
{
	gf_buf out;
	gf_error err;

	assert_non_null(in);
	assert_ok(drain(in, &out, step, &err), err);
	assert_string_equal(gf_buf_text(&out), text);
	gf_buf_clear(&out);
	assert_ok(drain(in, &out, step, &err), err); /* the end stays */
	assert_int_equal(out.len, 0);
	gf_input_close(in);
}

static gf_input *memory(const char *text)
{
	gf_error err;

	return gf_input_memory(text, strlen(text), &err);
}

static void test_plain_inputs(void **state)
{
	gf_error err;
	gf_input *in;
	char buf[16];
	int fd;

	(void)state;
	assert_ok(gf_file_store("f", 0600, "0123456789", 10, &err), err);
	fd = open("f", O_RDONLY);
	for (size_t step = 1; step < 12; step++) {
		assert_gives(memory("0123456789"), "0123456789", step);
		assert_gives(gf_input_range(fd, 2, 5, "f", &err), "23456", step);
		assert_gives(gf_input_range(fd, 10, 0, "f", &err), "", step);
		assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
		assert_gives(gf_input_file(fd, false, "f", &err), "3456789", step);
	}
	in = gf_input_range(fd, 8, 5, "f", &err);
	assert_int_equal(gf_input_read(in, buf, 16, &err), 2);
	assert_refused(gf_input_read(in, buf, 16, &err) >= 0, err, GF_DAMAGED, "cut-short");
	gf_input_close(in);
	assert_refused(gf_input_range(fd, UINT64_MAX, 1, "f", &err) != NULL, err, GF_DAMAGED, "cut-short");
	assert_refused(gf_input_range(fd, INT64_MAX, 1, "f", &err) != NULL, err, GF_DAMAGED, "cut-short");
	gf_input_close(gf_input_file(fd, true, "f", &err)); /* closes it */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	gf_input_close(NULL);
	in = gf_input_file(fd, false, "f", &err);
	assert_refused(gf_input_read(in, buf, 1, &err) >= 0, err, GF_FAILED, "read");
	gf_input_close(in);
}

static void test_read_full(void **state)
{
	char buf[16];
	gf_error err;
	gf_input *in = piecewise_new("0123456789", 10, 3, SIZE_MAX);

	(void)state;
	assert_ok(gf_input_read_full(in, buf, 7, &err), err);
	assert_memory_equal(buf, "0123456", 7);
	assert_ok(gf_input_read_full(in, buf, 0, &err), err);
	assert_refused(gf_input_read_full(in, buf, 4, &err), err, GF_DAMAGED, "cut-short");
	gf_input_close(in);
}

/* Every kind passes over n bytes as if they had been read, and not over bytes that are not there. */
static void test_skip(void **state)
{
	gf_error err;
	gf_digest d;
	int fd, pipes[2];

	(void)state;
	assert_ok(gf_file_store("s", 0600, "0123456789", 10, &err), err);
	assert_ok(gf_hash_bytes("0123456789", 10, &d, &err), err);
	fd = open("s", O_RDONLY);
	for (int kind = 0; kind < 9; kind++)
		for (uint64_t n = 0; n <= 11; n++) {
			gf_input *in = NULL;
			gf_buf rest;
			bool ok;

			switch (kind) {
			case 0: in = memory("0123456789"); break;
			case 1: in = gf_input_range(fd, 0, 10, "s", &err); break;
			case 2:
				assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
				in = gf_input_file(fd, false, "s", &err);
				break;
			case 3:
				assert_int_equal(pipe(pipes), 0);
				assert_int_equal(write(pipes[1], "0123456789", 10), 10);
				(void)close(pipes[1]);
				in = gf_input_file(pipes[0], true, "pipe", &err);
				break;
			case 4: in = piecewise_new("0123456789", 10, 3, SIZE_MAX); break;
			case 5: in = gf_input_limit(memory("0123456789x"), 10, "o", &err); break;
			case 6: in = gf_input_exact(memory("0123456789"), 10, "o", &err); break;
			case 7: in = gf_input_sha256(memory("0123456789"), &d, "o", &err); break;
			case 8: in = gf_input_unread(memory("456789"), "0123", 4, &err); break;
			default: break;
			}
			assert_non_null(in);
			memset(&err, 0, sizeof err);
			ok = gf_input_skip(in, n, &err);
			assert_int_equal(ok, n <= 10);
			if (!ok) {
				assert_int_equal(err.class, GF_DAMAGED);
				assert_string_equal(err.name, "cut-short");
			} else {
				assert_ok(drain(in, &rest, 4, &err), err);
				assert_string_equal(gf_buf_text(&rest), &"0123456789"[n]);
				gf_buf_clear(&rest);
			}
			gf_input_close(in);
		}
	(void)close(fd);
}

/* A range behind the end of its file: seen when passing over it too. */
static void test_skip_behind_the_end(void **state)
{
	gf_error err;
	gf_input *in;
	int fd = open("s", O_RDONLY);

	(void)state;
	in = gf_input_range(fd, 5, 100, "s", &err);
	assert_ok(gf_input_skip(in, 5, &err), err);
	assert_refused(gf_input_skip(in, 50, &err), err, GF_DAMAGED, "cut-short");
	gf_input_close(in);
	(void)close(fd);
}

static void test_limit(void **state)
{
	gf_error err;
	gf_buf out;
	gf_input *up = memory("0123456789"), *in;
	char c;

	(void)state;
	assert_gives(gf_input_limit(memory("0123456789"), 4, "o", &err), "0123", 3);
	assert_gives(gf_input_limit(memory("0123456789"), 10, "o", &err), "0123456789", 3);
	assert_gives(gf_input_limit(memory(""), 0, "o", &err), "", 3);
	in = gf_input_limit(memory("0123"), 5, "object", &err);
	assert_refused(drain(in, &out, 2, &err), err, GF_DAMAGED, "cut-short");
	assert_string_equal(err.object, "object");
	memset(&err, 0, sizeof err);
	assert_true(gf_input_read(in, &c, 1, &err) < 0); /* and stays so */
	assert_string_equal(err.name, "cut-short");
	gf_buf_clear(&out);
	gf_input_close(in);
	gf_input_close(up);
}

static void test_exact(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} bad[] = { { "0123", 5 }, { "0123", 3 }, { "0123", 0 }, { "", 1 } };
	gf_error err;
	char c;

	(void)state;
	for (size_t step = 1; step < 6; step++) {
		assert_gives(gf_input_exact(memory("0123"), 4, "o", &err), "0123", step);
		assert_gives(gf_input_exact(memory(""), 0, "o", &err), "", step);
		for (size_t i = 0; i < TESTS_OF(bad); i++) {
			gf_input *in = gf_input_exact(memory(bad[i].text), bad[i].size, "object", &err);
			gf_buf out;

			assert_refused(drain(in, &out, step, &err), err, GF_DAMAGED, "blob-size");
			assert_true(out.len <= bad[i].size);
			for (int again = 0; again < 3; again++) {
				memset(&err, 0, sizeof err);
				assert_true(gf_input_read(in, &c, 1, &err) < 0);
				assert_string_equal(err.name, "blob-size");
			}
			assert_false(gf_input_skip(in, 0, &err));
			gf_buf_clear(&out);
			gf_input_close(in);
		}
	}
}

static void test_sha256(void **state)
{
	gf_error err;
	gf_digest d, nothing;
	gf_input *in;
	gf_buf out;
	char c;

	(void)state;
	assert_ok(gf_hash_bytes("abc", 3, &d, &err), err);
	assert_ok(gf_hash_bytes("", 0, &nothing, &err), err);
	assert_gives(gf_input_sha256(memory("abc"), &d, "o", &err), "abc", 1);
	assert_gives(gf_input_sha256(memory(""), &nothing, "o", &err), "", 1);
	in = gf_input_sha256(memory("abd"), &d, "object", &err);
	assert_refused(drain(in, &out, 2, &err), err, GF_DAMAGED, "blob-digest");
	assert_non_null(strstr(err.text, "ba7816bf")); /* expected */
	assert_non_null(strstr(err.text, "a52d159f")); /* found */
	assert_true(gf_input_read(in, &c, 1, &err) < 0);
	gf_buf_clear(&out);
	gf_input_close(in);
	/* A hash that starts anew is that of nothing; reading on must not meet it. */
	in = gf_input_sha256(memory("abc"), &nothing, "object", &err);
	assert_refused(drain(in, &out, 2, &err), err, GF_DAMAGED, "blob-digest");
	assert_true(gf_input_read(in, &c, 1, &err) < 0);
	gf_buf_clear(&out);
	gf_input_close(in);
	/* A failure below is the failure above, for ever. */
	closed = 0;
	in = gf_input_sha256(piecewise_new("abc", 3, 1, 2), &d, "o", &err);
	assert_refused(drain(in, &out, 2, &err), err, GF_FAILED, "planted");
	assert_true(gf_input_read(in, &c, 1, &err) < 0);
	gf_buf_clear(&out);
	gf_input_close(in);
	assert_int_equal(closed, 1);
}

static void test_unread(void **state)
{
	gf_error err;
	char text[] = "0123";
	gf_input *in = gf_input_unread(memory("456789"), text, 4, &err);

	(void)state;
	memset(text, 'x', 4); /* the bytes are copied */
	assert_gives(in, "0123456789", 3);
	assert_gives(gf_input_unread(memory("ab"), "", 0, &err), "ab", 3);
	assert_gives(gf_input_unread(gf_input_unread(memory("c"), "b", 1, &err), "a", 1, &err), "abc", 9);
}

/* NULL in gives NULL out with the error as it was. */
static void test_null_passes(void **state)
{
	gf_digest d = { { 0 } };
	gf_error err;

	(void)state;
	gf_fail(&err, GF_FAILED, "first", NULL, "first");
	assert_null(gf_input_limit(NULL, 1, "o", &err));
	assert_null(gf_input_exact(NULL, 1, "o", &err));
	assert_null(gf_input_sha256(NULL, &d, "o", &err));
	assert_null(gf_input_gunzip(NULL, 1, "o", &err));
	assert_null(gf_input_unread(NULL, "", 0, &err));
	assert_null(gf_output_sha256(NULL, NULL, NULL, &err));
	assert_null(gf_output_expect(NULL, &d, "n", "o", &err));
	assert_null(gf_output_gunzip(NULL, 1, "o", &err));
	assert_null(gf_output_thread(NULL, &err));
	assert_string_equal(err.name, "first");
}

/* ---- outputs ---- */

typedef struct recorder {
	gf_output out;
	bool *finished;
} recorder;

static bool recorder_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	(void)out, (void)bytes;
	assert_true(n > 0);
	return n != 13 || gf_fail(err, GF_TARGET, "thirteen", NULL, "thirteen");
}

static bool recorder_finish(gf_output *out, gf_error *err)
{
	(void)err;
	*((recorder *)out)->finished = true;
	return true;
}

static void recorder_close(gf_output *out)
{
	closed++;
	free(out);
}

static gf_output *recorder_new(bool *finished)
{
	static const gf_output_ops ops = { recorder_write, recorder_finish, recorder_close };
	gf_error err;
	recorder *r = gf_alloc(1, sizeof *r, &err);

	assert_non_null(r);
	r->out.ops = &ops;
	r->finished = finished;
	*finished = false;
	return &r->out;
}

static void test_outputs(void **state)
{
	gf_error err;
	gf_buf b;
	gf_output *out;
	int fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	gf_buf_init(&b, 5);
	out = gf_output_buf(&b, &err);
	assert_ok(gf_output_write(out, "abc", 3, &err), err);
	assert_ok(gf_output_write(out, "", 0, &err), err);
	assert_refused(gf_output_write(out, "def", 3, &err), err, GF_DAMAGED, "too-large");
	assert_ok(gf_output_finish(out, &err), err);
	gf_output_close(out);
	assert_string_equal(b.data, "abc");
	gf_buf_clear(&b);
	out = gf_output_fd(fd, "out", &err);
	assert_ok(gf_output_write(out, "hello", 5, &err), err);
	assert_ok(gf_output_finish(out, &err), err);
	gf_output_close(out);
	gf_buf_init(&b, 100);
	assert_ok(gf_file_load("out", 100, GF_FAILED, &b, &err), err);
	assert_string_equal(b.data, "hello");
	gf_buf_clear(&b);
	(void)close(fd);
	out = gf_output_fd(fd, "out", &err);
	assert_refused(gf_output_write(out, "x", 1, &err), err, GF_FAILED, "write");
	gf_output_close(out);
	out = gf_output_discard(&err);
	assert_ok(gf_output_write(out, "x", 1, &err), err);
	assert_ok(gf_output_finish(out, &err), err);
	gf_output_close(out);
	gf_output_close(NULL);
}

static void test_output_digests(void **state)
{
	gf_digest d, want;
	uint64_t size = 7;
	bool finished;
	gf_error err;
	gf_output *out;

	(void)state;
	assert_ok(gf_hash_bytes("abc", 3, &want, &err), err);
	memset(&d, 0, sizeof d);
	closed = 0;
	out = gf_output_sha256(recorder_new(&finished), &d, &size, &err);
	assert_ok(gf_output_write(out, "ab", 2, &err), err);
	assert_ok(gf_output_write(out, "c", 1, &err), err);
	assert_int_equal(size, 7); /* set at finish */
	assert_ok(gf_output_finish(out, &err), err);
	assert_true(finished);
	assert_int_equal(size, 3);
	assert_true(gf_digest_equal(&d, &want));
	gf_output_close(out);
	assert_int_equal(closed, 1);
	out = gf_output_sha256(recorder_new(&finished), NULL, NULL, &err);
	assert_refused(gf_output_write(out, "0123456789abc", 13, &err), err, GF_TARGET, "thirteen");
	gf_output_close(out);
	assert_false(finished);
	out = gf_output_expect(recorder_new(&finished), &want, "diff-id", "layer", &err);
	assert_ok(gf_output_write(out, "abc", 3, &err), err);
	assert_ok(gf_output_finish(out, &err), err);
	assert_true(finished);
	gf_output_close(out);
	out = gf_output_expect(recorder_new(&finished), &want, "diff-id", "layer", &err);
	assert_ok(gf_output_write(out, "abd", 3, &err), err);
	assert_refused(gf_output_finish(out, &err), err, GF_DAMAGED, "diff-id");
	assert_string_equal(err.object, "layer");
	assert_false(finished); /* what is wrong never becomes complete */
	gf_output_close(out);
	assert_int_equal(closed, 4);
}

static void test_copy(void **state)
{
	size_t n = 3 * GF_COPY_STEP + 77;
	char *bytes = malloc(n);
	gf_error err;
	gf_buf b;
	gf_input *in;
	gf_output *out;
	bool finished;

	(void)state;
	noise(bytes, n, 3);
	for (size_t piece = 1000; piece < 1000000; piece *= 7) {
		gf_buf_init(&b, n);
		in = piecewise_new(bytes, n, piece, SIZE_MAX);
		out = gf_output_buf(&b, &err);
		assert_ok(gf_copy(in, out, &err), err);
		assert_int_equal(b.len, n);
		assert_memory_equal(b.data, bytes, n);
		gf_input_close(in);
		gf_output_close(out);
		gf_buf_clear(&b);
	}
	in = piecewise_new(bytes, n, 1000, 5000);
	out = recorder_new(&finished);
	assert_refused(gf_copy(in, out, &err), err, GF_FAILED, "planted");
	gf_input_close(in);
	in = piecewise_new(bytes, n, 13, SIZE_MAX);
	assert_refused(gf_copy(in, out, &err), err, GF_TARGET, "thirteen");
	gf_input_close(in);
	gf_output_close(out);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_inputs),
		cmocka_unit_test(test_read_full),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_behind_the_end),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_null_passes),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_output_digests),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
