#include <zlib.h>

#include "common.h"

/* A whole stream, its blocks compressed by d[i % n]. */
static void compress_all(gf_deflater *const *d, size_t n, const unsigned char *in, size_t size, gf_buf *out)
{
	size_t blocks = size / GF_GZIP_BLOCK + 1, cap = gf_gzip_bound(GF_GZIP_BLOCK);
	unsigned char header[GF_GZIP_HEADER], trailer[GF_GZIP_TRAILER], *block = malloc(cap);
	gf_error err;

	gf_buf_init(out, size + size / 8 + 4096);
	gf_gzip_header(header);
	assert_ok(gf_buf_add(out, header, sizeof header, &err), err);
	for (size_t i = 0; i < blocks; i++) {
		size_t from = i * GF_GZIP_BLOCK, got;
		size_t len = size - from < GF_GZIP_BLOCK ? size - from : GF_GZIP_BLOCK;

		assert_ok(gf_deflater_block(d[i % n], in + from, len, i + 1 == blocks, block, cap, &got, &err), err);
		assert_true(got <= cap);
		assert_ok(gf_buf_add(out, block, got, &err), err);
	}
	gf_gzip_trailer(gf_gzip_crc(0, in, size), size, trailer);
	assert_ok(gf_buf_add(out, trailer, sizeof trailer, &err), err);
	free(block);
}

/* What zlib makes of it. */
static void inflate_all(const gf_buf *gz, unsigned char *out, size_t size)
{
	z_stream z = { .next_in = (unsigned char *)gz->data, .avail_in = (uInt)gz->len };
	unsigned char extra;

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_out = size > 0 ? out : &extra;
	z.avail_out = size > 0 ? (uInt)size : 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, size);
	assert_int_equal(z.avail_in, 0);
	(void)inflateEnd(&z);
}

/* Kinds of data: zeros, noise, text, a mixture that changes its nature every few kilobytes. */
static void make(unsigned kind, unsigned char *out, size_t n)
{
	noise(out, n, kind + 100);
	for (size_t i = 0; i < n; i++) {
		bool text = kind == 2 || (kind == 3 && (i >> 13) % 3 == 1);
		bool zero = kind == 0 || (kind == 3 && (i >> 13) % 3 == 2);

		if (zero)
			out[i] = 0;
		else if (text)
			out[i] = (unsigned char)"etaoin shrdlu\n"[out[i] % 14];
	}
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 511, 65535, 65536, GF_GZIP_BLOCK - 1, GF_GZIP_BLOCK, GF_GZIP_BLOCK + 1,
		3 * GF_GZIP_BLOCK + 12345 };
	size_t max = 4 * GF_GZIP_BLOCK;
	unsigned char *in = malloc(max), *back = malloc(max);
	gf_error err;
	gf_deflater *d = gf_deflater_new(&err);

	(void)state;
	assert_non_null(d);
	for (unsigned kind = 0; kind < 4; kind++)
		for (size_t i = 0; i < TESTS_OF(sizes); i++) {
			gf_buf gz;

			make(kind, in, sizes[i]);
			compress_all(&d, 1, in, sizes[i], &gz);
			memset(back, 0xee, sizes[i]);
			inflate_all(&gz, back, sizes[i]);
			if (sizes[i] > 0)
				assert_memory_equal(back, in, sizes[i]);
			gf_buf_clear(&gz);
		}
	gf_deflater_free(d);
	gf_deflater_free(NULL);
	free(in);
	free(back);
}

/* The bytes do not depend on which compressor made a block, nor on what it did before. */
static void test_same_bytes_from_any_thread(void **state)
{
	size_t size = 5 * GF_GZIP_BLOCK + 4321, cap = gf_gzip_bound(GF_GZIP_BLOCK), got;
	unsigned char *in = malloc(size), *block = malloc(cap);
	gf_deflater *d[3];
	gf_error err;
	gf_buf one, three;

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		make(kind, in, size);
		for (int i = 0; i < 3; i++)
			d[i] = gf_deflater_new(&err);
		compress_all(d, 1, in, size, &one);
		/* Used compressors, other data, other order. */
		assert_ok(gf_deflater_block(d[1], in + 77, GF_GZIP_BLOCK, true, block, cap, &got, &err), err);
		assert_ok(gf_deflater_block(d[2], block, 1000, false, block + 2000, cap - 2000, &got, &err), err);
		compress_all(d, 3, in, size, &three);
		assert_int_equal(one.len, three.len);
		assert_memory_equal(one.data, three.data, one.len);
		gf_buf_clear(&three);
		gf_buf_clear(&one);
		for (int i = 0; i < 3; i++)
			gf_deflater_free(d[i]);
	}
	free(block);
	free(in);
}

typedef struct job {
	const unsigned char *in;
	size_t size, cap;
	unsigned char *out[8];
	size_t len[8];
} job;

static bool one_block(void *ctx, size_t i, gf_error *err)
{
	job *j = ctx;
	size_t from = i * GF_GZIP_BLOCK;
	size_t len = j->size - from < GF_GZIP_BLOCK ? j->size - from : GF_GZIP_BLOCK;
	gf_deflater *d = gf_deflater_new(err);
	bool ok = d != NULL &&
	    gf_deflater_block(d, j->in + from, len, from + len == j->size, j->out[i], j->cap, &j->len[i], err);

	gf_deflater_free(d);
	return ok;
}

static void test_same_bytes_in_parallel(void **state)
{
	job j = { .size = 7 * GF_GZIP_BLOCK + 99, .cap = gf_gzip_bound(GF_GZIP_BLOCK) };
	unsigned char *in = malloc(j.size);
	gf_error err;
	gf_deflater *d = gf_deflater_new(&err);
	gf_buf whole;
	size_t at = GF_GZIP_HEADER;

	(void)state;
	make(3, in, j.size);
	j.in = in;
	for (int i = 0; i < 8; i++)
		j.out[i] = malloc(j.cap);
	assert_ok(gf_parallel(3, 8, one_block, &j, &err), err);
	compress_all(&d, 1, in, j.size, &whole);
	for (int i = 0; i < 8; i++) {
		assert_true(at + j.len[i] <= whole.len);
		assert_memory_equal(whole.data + at, j.out[i], j.len[i]);
		at += j.len[i];
		free(j.out[i]);
	}
	assert_int_equal(at + GF_GZIP_TRAILER, whole.len);
	gf_buf_clear(&whole);
	gf_deflater_free(d);
	free(in);
}

/* No block outgrows its bound, whatever is in it; and one that would outgrow its room says so. */
static void test_bound(void **state)
{
	size_t cap = gf_gzip_bound(GF_GZIP_BLOCK);
	unsigned char *in = malloc(GF_GZIP_BLOCK), *out = malloc(cap);
	gf_error err;
	gf_deflater *d = gf_deflater_new(&err);
	size_t got;

	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		size_t n = seed < 30 ? GF_GZIP_BLOCK : 1 + (size_t)seed * seed * 7;

		noise(in, n, seed);
		/* Matches that barely pay, at distances of every size, between bytes that do not repeat. */
		for (size_t i = 40; seed % 3 == 1 && i + 8 < n; i += 5 + seed)
			memmove(in + i, in + i - 30 - seed * 31 % (i - 30), 4);
		for (size_t i = 0; seed % 3 == 2 && i < n; i++)
			in[i] = (unsigned char)(in[i] & 0x7f);
		assert_ok(gf_deflater_block(d, in, n, seed % 2 == 0, out, gf_gzip_bound(n), &got, &err), err);
		assert_refused(
		    gf_deflater_block(d, in, n, seed % 2 == 0, out, got - 1, &got, &err), err, GF_FAILED, "compress");
	}
	gf_deflater_free(d);
	free(in);
	free(out);
}

static void test_header_and_trailer(void **state)
{
	static const unsigned char want[GF_GZIP_HEADER] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };
	unsigned char header[GF_GZIP_HEADER], trailer[GF_GZIP_TRAILER];

	(void)state;
	gf_gzip_header(header);
	assert_memory_equal(header, want, sizeof want);
	gf_gzip_trailer(0x01020304, 0x1fffffffe, trailer);
	assert_memory_equal(trailer, "\x04\x03\x02\x01\xfe\xff\xff\xff", 8);
}

/* FORMAT.md 1.8: each block begins with its first byte, stored, and a block that is not the last ends at a byte. */
static void test_first_byte_is_stored(void **state)
{
	size_t cap = gf_gzip_bound(GF_GZIP_BLOCK), got = 0;
	unsigned char *in = malloc(GF_GZIP_BLOCK), *out = malloc(cap);
	gf_error err;
	gf_deflater *d = gf_deflater_new(&err);

	(void)state;
	assert_ok(gf_deflater_block(d, "", 0, true, out, cap, &got, &err), err);
	assert_int_equal(got, 2);
	assert_memory_equal(out, "\3\0", 2);
	assert_ok(gf_deflater_block(d, "x", 1, true, out, cap, &got, &err), err);
	assert_int_equal(got, 8);
	assert_memory_equal(out, "\0\1\0\xfe\xffx\3\0", 8);
	for (unsigned kind = 0; kind < 4; kind++)
		for (size_t n = 1; n <= GF_GZIP_BLOCK;
		     n = n * 7 < GF_GZIP_BLOCK || n == GF_GZIP_BLOCK ? n * 7 : GF_GZIP_BLOCK) {
			make(kind, in, n);
			assert_ok(gf_deflater_block(d, in, n, false, out, cap, &got, &err), err);
			assert_memory_equal(out, "\0\1\0\xfe\xff", 5);
			assert_int_equal(out[5], in[0]);
			assert_memory_equal(out + got - 4, "\0\0\xff\xff", 4);
		}
	gf_deflater_free(d);
	free(in);
	free(out);
}

static void test_crc(void **state)
{
	unsigned char in[1000];

	(void)state;
	noise(in, sizeof in, 9);
	assert_int_equal(gf_gzip_crc(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(gf_gzip_crc(0, "", 0), 0);
	for (size_t n = 0; n < sizeof in; n += 13) {
		uint32_t crc = gf_gzip_crc(0, in, n);

		assert_int_equal(crc, crc32(0, in, (uInt)n));
		assert_int_equal(gf_gzip_crc(crc, in + n, sizeof in - n), crc32(0, in, sizeof in));
	}
}

static void test_stock_gzip_takes_it(void **state)
{
	const char *const argv[] = { "gzip", "-dc", NULL };
	size_t size = 2 * GF_GZIP_BLOCK + 5;
	unsigned char *in = malloc(size);
	gf_process p = { .argv = argv, .seconds = 30 };
	gf_error err;
	gf_deflater *d = gf_deflater_new(&err);
	gf_buf gz, out;
	int status = -1;

	(void)state;
	make(2, in, size);
	compress_all(&d, 1, in, size, &gz);
	p.input = gz.data;
	p.input_size = gz.len;
	gf_buf_init(&out, size);
	assert_ok(gf_process_run(&p, &out, &status, &err), err);
	assert_int_equal(status, 0);
	assert_int_equal(out.len, size);
	assert_memory_equal(out.data, in, size);
	gf_buf_clear(&out);
	gf_buf_clear(&gz);
	gf_deflater_free(d);
	free(in);
}

static void test_name(void **state)
{
	const char *name = gf_gzip_name();

	(void)state;
	assert_true(gf_starts_with(name, "isal 2."));
	assert_non_null(strstr(name, " gzip 1 "));
	assert_true(gf_ends_with(name, " x86-64") || gf_ends_with(name, " x86-64-base") ||
	    gf_ends_with(name, " arm64") || gf_ends_with(name, " portable"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_same_bytes_from_any_thread),
		cmocka_unit_test(test_same_bytes_in_parallel),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_header_and_trailer),
		cmocka_unit_test(test_first_byte_is_stored),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_stock_gzip_takes_it),
		cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
