#include <zlib.h>

#include "common.h"

/* n bytes of text as one gzip member, made by zlib at this level. */
static void member(gf_buf *out, const void *bytes, size_t n, int level)
{
	z_stream z = { 0 };
	gf_error err;
	size_t cap = n + n / 10 + 1000;
	unsigned char *buf = malloc(cap);

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)bytes;
	z.avail_in = (uInt)n;
	z.next_out = buf;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_ok(gf_buf_add(out, buf, z.total_out, &err), err);
	(void)deflateEnd(&z);
	free(buf);
}

/* Both directions behind one face: inflate gz, given in pieces of step bytes. */
typedef bool inflater(const gf_buf *gz, size_t step, uint64_t max, gf_buf *out, gf_error *err);

static bool by_input(const gf_buf *gz, size_t step, uint64_t max, gf_buf *out, gf_error *err)
{
	/* Up gives at most step bytes at a time: chains of limits are not needed, a pipe of memory inputs is. */
	gf_input *in = gf_input_memory(gz->data, gz->len, err);
	char buf[333];
	ptrdiff_t got;

	if (step < gz->len) { /* the first bytes come from unread, so that a read ends there */
		gf_input_close(in);
		in = gf_input_unread(gf_input_memory(gz->data + step, gz->len - step, err), gz->data, step, err);
	}
	in = gf_input_gunzip(in, max, "object", err);
	assert_non_null(in);
	while ((got = gf_input_read(in, buf, sizeof buf, err)) > 0)
		assert_true(gf_buf_add(out, buf, (size_t)got, err));
	if (got < 0) { /* and it stays so */
		gf_error again = { .class = GF_OK };

		assert_true(gf_input_read(in, buf, 1, &again) < 0);
		assert_string_equal(again.name, err->name);
	} else {
		assert_int_equal(gf_input_read(in, buf, 1, err), 0);
	}
	gf_input_close(in);
	return got == 0;
}

static bool by_output(const gf_buf *gz, size_t step, uint64_t max, gf_buf *out, gf_error *err)
{
	gf_output *o = gf_output_gunzip(gf_output_buf(out, err), max, "object", err);
	bool ok = true;

	assert_non_null(o);
	for (size_t at = 0; ok && at < gz->len; at += step)
		ok = gf_output_write(o, gz->data + at, step < gz->len - at ? step : gz->len - at, err);
	ok = ok && gf_output_finish(o, err);
	gf_output_close(o);
	return ok;
}

static inflater *const both[] = { by_input, by_output };

static void assert_inflates(const gf_buf *gz, size_t step, const void *bytes, size_t n)
{
	for (size_t i = 0; i < 2; i++) {
		gf_buf out;
		gf_error err;

		gf_buf_init(&out, n);
		if (!both[i](gz, step, n, &out, &err))
			fail_msg("way %zu step %zu: %s", i, step, err.text);
		assert_int_equal(out.len, n);
		if (n > 0)
			assert_memory_equal(out.data, bytes, n);
		gf_buf_clear(&out);
	}
}

static void assert_not_gzip(const gf_buf *gz, size_t step, uint64_t max, const char *name)
{
	for (size_t i = 0; i < 2; i++) {
		gf_buf out;
		gf_error err = { .class = GF_OK };

		gf_buf_init(&out, 1 << 22);
		if (both[i](gz, step, max, &out, &err))
			fail_msg("way %zu step %zu: accepted", i, step);
		if (err.class != GF_DAMAGED || strcmp(err.name, name) != 0)
			fail_msg("way %zu step %zu: %s (%s), expected %s", i, step, err.name, err.text, name);
		assert_string_equal(err.object, "object");
		assert_true(out.len <= max);
		gf_buf_clear(&out);
	}
}

static void make(unsigned char *out, size_t n, uint64_t seed)
{
	noise(out, n, seed);
	for (size_t i = 0; i < n; i++)
		if ((i >> 10) % 2 == 0)
			out[i] &= 7;
}

/* Three members, one of them of nothing, cut at every byte. */
static void test_members_at_every_cut(void **state)
{
	unsigned char text[3000];
	gf_buf gz;

	(void)state;
	make(text, sizeof text, 1);
	gf_buf_init(&gz, 1 << 20);
	member(&gz, text, 1000, 6);
	member(&gz, "", 0, 6);
	member(&gz, text + 1000, 2000, 0);
	for (size_t step = 1; step <= gz.len; step++)
		assert_inflates(&gz, step, text, sizeof text);
	gf_buf_clear(&gz);
}

static void test_levels_and_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, 65536, 262143, 262144, 524288, 524289, 1500000 };
	unsigned char *text = malloc(1500000);

	(void)state;
	for (size_t i = 0; i < TESTS_OF(sizes); i++)
		for (int level = 0; level <= 9; level += 3) {
			gf_buf gz;

			make(text, sizes[i], i);
			gf_buf_init(&gz, 1 << 22);
			member(&gz, text, sizes[i], level);
			assert_inflates(&gz, 1 << 16, text, sizes[i]);
			assert_inflates(&gz, 10007, text, sizes[i]);
			gf_buf_clear(&gz);
		}
	free(text);
}

/* One byte more than allowed; exactly as many is allowed above. */
static void test_bomb(void **state)
{
	unsigned char *zeros = calloc(1, 3000000);
	gf_buf gz;

	(void)state;
	gf_buf_init(&gz, 1 << 20);
	member(&gz, zeros, 3000000, 9);
	assert_inflates(&gz, 100, zeros, 3000000);
	assert_not_gzip(&gz, 100, 2999999, "too-large");
	assert_not_gzip(&gz, gz.len, 1000, "too-large");
	assert_not_gzip(&gz, gz.len, 0, "too-large");
	gf_buf_clear(&gz);
	free(zeros);
}

static void test_cut_short(void **state)
{
	unsigned char text[500];
	gf_buf gz, cut;
	gf_error err;

	(void)state;
	make(text, sizeof text, 4);
	gf_buf_init(&gz, 4096);
	member(&gz, text, sizeof text, 6);
	for (size_t n = 0; n < gz.len; n++) {
		gf_buf_init(&cut, 4096);
		assert_ok(gf_buf_add(&cut, gz.data, n, &err), err);
		assert_not_gzip(&cut, n + 1, 1 << 20, "gzip");
		assert_not_gzip(&cut, 7, 1 << 20, "gzip");
		gf_buf_clear(&cut);
	}
	gf_buf_clear(&gz);
}

/* Anything behind a member that is not one: refused, zeros too. */
static void test_trailing_garbage(void **state)
{
	static const char *const tails[] = { "x", "\x1f", "\x1f\x8b", "\x1f\x8b\x08", "garbage behind it" };
	gf_error err;

	(void)state;
	for (size_t i = 0; i <= TESTS_OF(tails); i++) {
		gf_buf gz;

		gf_buf_init(&gz, 4096);
		member(&gz, "hello", 5, 6);
		if (i < TESTS_OF(tails))
			assert_ok(gf_buf_puts(&gz, tails[i], &err), err);
		else
			assert_ok(gf_buf_add(&gz, "\0\0\0\0\0\0\0\0\0\0\0\0", 12, &err), err);
		for (size_t step = 1; step <= gz.len; step++)
			assert_not_gzip(&gz, step, 100, "gzip");
		gf_buf_clear(&gz);
	}
}

/* Every bit of a small member: refused, or the same bytes (header fields and fill bits that mean nothing). */
static void test_flipped_bits(void **state)
{
	unsigned char text[200];
	gf_buf gz;

	(void)state;
	make(text, sizeof text, 5);
	gf_buf_init(&gz, 4096);
	member(&gz, text, sizeof text, 6);
	for (size_t bit = 0; bit < gz.len * 8; bit++) {
		for (size_t i = 0; i < 2; i++) {
			gf_buf out;
			gf_error err = { .class = GF_OK };

			gf_buf_init(&out, 1 << 16);
			gz.data[bit / 8] = (char)(gz.data[bit / 8] ^ 1 << bit % 8);
			if (both[i](&gz, gz.len, 1 << 15, &out, &err)) {
				assert_true((bit / 8 >= 3 && bit / 8 < 10) || bit / 8 == gz.len - 9);
				assert_int_equal(out.len, sizeof text);
				assert_memory_equal(out.data, text, sizeof text);
			} else if (err.class != GF_DAMAGED) {
				fail_msg("bit %zu way %zu: %s %s", bit, i, err.name, err.text);
			}
			gz.data[bit / 8] = (char)(gz.data[bit / 8] ^ 1 << bit % 8);
			gf_buf_clear(&out);
		}
	}
	gf_buf_clear(&gz);
}

/* Names, comments, extra fields and the header's own checksum are passed over. */
static void test_header_fields(void **state)
{
	static const unsigned char head[] = { 0x1f, 0x8b, 8, 0x1e, 1, 2, 3, 4, 2, 3, /* FEXTRA FNAME FCOMMENT FHCRC */
		3, 0, 'e', 'x', 't', 'n', 'a', 'm', 'e', 0, 'c', 'o', 'm', 0 };
	unsigned char sum[2];
	unsigned long crc = crc32(0, head, sizeof head);
	gf_buf plain, gz;
	gf_error err;

	(void)state;
	gf_buf_init(&plain, 4096);
	gf_buf_init(&gz, 4096);
	member(&plain, "hello", 5, 6);
	assert_ok(gf_buf_add(&gz, head, sizeof head, &err), err);
	sum[0] = (unsigned char)(crc & 255);
	sum[1] = (unsigned char)(crc >> 8 & 255);
	assert_ok(gf_buf_add(&gz, sum, 2, &err), err);
	assert_ok(gf_buf_add(&gz, plain.data + 10, plain.len - 10, &err), err);
	for (size_t step = 1; step <= gz.len; step++)
		assert_inflates(&gz, step, "hello", 5);
	gf_buf_clear(&plain);
	gf_buf_clear(&gz);
}

/* What our own compressor wrote, and the stock one. */
static void test_own_blocks(void **state)
{
	unsigned char *text = malloc(GF_GZIP_BLOCK), *out = malloc(gf_gzip_bound(GF_GZIP_BLOCK));
	unsigned char ends[GF_GZIP_HEADER];
	gf_error err;
	gf_deflater *d = gf_deflater_new(&err);
	size_t got;
	gf_buf gz;

	(void)state;
	make(text, GF_GZIP_BLOCK, 8);
	gf_buf_init(&gz, 1 << 21);
	gf_gzip_header(ends);
	assert_ok(gf_buf_add(&gz, ends, GF_GZIP_HEADER, &err), err);
	for (size_t i = 0; i < 4; i++) {
		size_t n = GF_GZIP_BLOCK / 4;

		assert_ok(gf_deflater_block(d, text + i * n, n, i == 3, out, gf_gzip_bound(n), &got, &err), err);
		assert_ok(gf_buf_add(&gz, out, got, &err), err);
	}
	gf_gzip_trailer(gf_gzip_crc(0, text, GF_GZIP_BLOCK), GF_GZIP_BLOCK, ends);
	assert_ok(gf_buf_add(&gz, ends, GF_GZIP_TRAILER, &err), err);
	assert_inflates(&gz, gz.len, text, GF_GZIP_BLOCK);
	assert_inflates(&gz, 4099, text, GF_GZIP_BLOCK);
	gf_buf_clear(&gz);
	gf_deflater_free(d);
	free(text);
	free(out);
}

/* Random bytes behind a good header: no end that looks good, no crash. */
static void test_noise(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 3000; seed++) {
		unsigned char bytes[200] = { 0x1f, 0x8b, 8, 0 };
		gf_buf gz = { .data = (char *)bytes, .len = sizeof bytes };

		noise(bytes + 4, sizeof bytes - 4, seed);
		for (size_t i = 0; i < 2; i++) {
			gf_buf out;
			gf_error err = { .class = GF_OK };

			gf_buf_init(&out, 1 << 20);
			assert_false(both[i](&gz, 50, 1 << 16, &out, &err));
			assert_int_equal(err.class, GF_DAMAGED);
			gf_buf_clear(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_at_every_cut),
		cmocka_unit_test(test_levels_and_sizes),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_trailing_garbage),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_header_fields),
		cmocka_unit_test(test_own_blocks),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
