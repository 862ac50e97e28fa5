/* decode: zstd, xz and bzip2 of strangers, each against what its own library wrote. */
#include <bzlib.h>
#include <lzma.h>
#include <zstd.h>

#include "common.h"

static const gf_codec codecs[] = { GF_CODEC_ZSTD, GF_CODEC_XZ, GF_CODEC_BZIP2 };
static unsigned char text[300000];

/* n bytes of text as one frame or stream behind out. */
static void compress(gf_codec codec, gf_buf *out, const unsigned char *bytes, size_t n)
{
	size_t cap = n + n / 10 + 4096, got = 0;
	unsigned char *buf = malloc(cap);
	unsigned bz = (unsigned)cap;
	gf_error err;

	switch (codec) {
	case GF_CODEC_ZSTD:
		got = ZSTD_compress(buf, cap, bytes, n, 3);
		assert_false(ZSTD_isError(got));
		break;
	case GF_CODEC_XZ:
		assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, bytes, n, buf, &got, cap), LZMA_OK);
		break;
	case GF_CODEC_BZIP2:
		assert_int_equal(
		    BZ2_bzBuffToBuffCompress((char *)buf, &bz, (char *)(uintptr_t)bytes, (unsigned)n, 1, 0, 0), BZ_OK);
		got = bz;
		break;
	default: fail(); break;
	}
	assert_true(gf_buf_add(out, buf, got, &err));
	free(buf);
}

/* zstd as it is written, in pieces of every size: the same bytes, the same refusal. */
static void as_output(const void *bytes, size_t n, uint64_t max, bool ok, const gf_buf *want, const gf_error *why)
{
	for (size_t step = 1; step < 100000; step = step * 9 + 4) {
		gf_error err = { .class = GF_OK };
		gf_buf out;
		gf_output *o;
		bool fits = true;

		if (n / step > 20000)
			continue;
		gf_buf_init(&out, 1 << 22);
		o = gf_output_unzstd(gf_output_buf(&out, &err), max, "object", &err);
		assert_non_null(o);
		for (size_t at = 0; fits && at < n; at += step)
			fits = gf_output_write(o, (const char *)bytes + at, step < n - at ? step : n - at, &err);
		fits = fits && gf_output_finish(o, &err);
		gf_output_close(o);
		assert_int_equal(fits, ok);
		if (ok) {
			assert_int_equal(out.len, want->len);
			assert_true(out.len == 0 || memcmp(out.data, want->data, out.len) == 0);
		} else {
			assert_string_equal(err.name, why->name);
		}
		gf_buf_clear(&out);
	}
}

static bool decode(gf_codec codec, const void *bytes, size_t n, uint64_t max, gf_buf *out, gf_error *err)
{
	gf_input *in = gf_input_decode(gf_input_memory(bytes, n, err), codec, max, "object", err);
	unsigned char buf[777];
	ptrdiff_t got;

	assert_non_null(in);
	while ((got = gf_input_read(in, buf, sizeof buf, err)) > 0)
		assert_true(gf_buf_add(out, buf, (size_t)got, err));
	if (got < 0) { /* and it stays so */
		gf_error again = { .class = GF_OK };
		assert_true(gf_input_read(in, buf, 1, &again) < 0);
		assert_string_equal(again.name, err->name);
	}
	gf_input_close(in);
	if (codec == GF_CODEC_ZSTD)
		as_output(bytes, n, max, got == 0, out, err);
	return got == 0;
}

static void refused(gf_codec codec, const void *bytes, size_t n, uint64_t max, const char *name)
{
	gf_error err = { .class = GF_OK };
	gf_buf out;

	gf_buf_init(&out, 1 << 22);
	if (decode(codec, bytes, n, max, &out, &err))
		fail_msg("%s of %zu bytes: accepted", gf_codec_name(codec), n);
	if (err.class != GF_DAMAGED || strcmp(err.name, name) != 0)
		fail_msg("%s of %zu bytes: %s (%s), expected %s", gf_codec_name(codec), n, err.name, err.text, name);
	assert_string_equal(err.object, "object");
	assert_true(out.len <= max);
	gf_buf_clear(&out);
}

static int make(void **state)
{
	(void)state;
	noise(text, sizeof text, 7);
	for (size_t i = 0; i < sizeof text; i++)
		if ((i >> 10) % 2 == 0)
			text[i] &= 7;
	return 0;
}

/* Two streams in a row are one text; nothing less than all of it is accepted, nothing more follows. */
static void test_streams(void **state)
{
	(void)state;
	for (size_t c = 0; c < TESTS_OF(codecs); c++) {
		gf_error err = { .class = GF_OK };
		gf_buf packed, out;

		gf_buf_init(&packed, 1 << 20);
		gf_buf_init(&out, 1 << 20);
		compress(codecs[c], &packed, text, 200000);
		compress(codecs[c], &packed, text + 200000, sizeof text - 200000);
		assert_int_equal(gf_codec_of(packed.data, packed.len), codecs[c]);
		assert_ok(decode(codecs[c], packed.data, packed.len, sizeof text, &out, &err), err);
		assert_int_equal(out.len, sizeof text);
		assert_memory_equal(out.data, text, sizeof text);
		refused(codecs[c], packed.data, packed.len, sizeof text - 1, "too-large");
		refused(codecs[c], packed.data, 0, sizeof text, gf_codec_name(codecs[c]));
		assert_true(gf_buf_add(&packed, "and more behind it", 18, &err));
		refused(codecs[c], packed.data, packed.len, sizeof text, gf_codec_name(codecs[c]));
		gf_buf_clear(&packed);
		gf_buf_clear(&out);
	}
}

/* C43: cut anywhere it is cut short; a byte changed is seen, but where the format checks nothing. */
static void test_cut_and_changed(void **state)
{
	(void)state;
	for (size_t c = 0; c < TESTS_OF(codecs); c++) {
		gf_buf packed;

		gf_buf_init(&packed, 1 << 20);
		compress(codecs[c], &packed, text, 3000);
		for (size_t n = 1; n < packed.len; n++)
			refused(codecs[c], packed.data, n, 3000, gf_codec_name(codecs[c]));
		for (size_t i = 0; i < packed.len; i++) {
			gf_error err = { .class = GF_OK };
			gf_buf out;

			gf_buf_init(&out, 1 << 20);
			packed.data[i] ^= 0x10;
			if (!decode(codecs[c], packed.data, packed.len, 3000, &out, &err)) {
				assert_int_equal(err.class, GF_DAMAGED);
				assert_true(err.text[0] != '\0');
			}
			packed.data[i] ^= 0x10;
			gf_buf_clear(&out);
		}
		gf_buf_clear(&packed);
	}
}

/* C40: a window that no one needs. */
static void test_window(void **state)
{
	/* magic, no single segment, exponent 18: 2^28 bytes; the last, empty raw block */
	static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 1, 0, 0 };
	static const unsigned char zstd_good[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 1, 0, 0 };
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
	unsigned char xz[4096];
	gf_error err = { .class = GF_OK };
	gf_buf out;
	size_t n = 0;

	(void)state;
	gf_buf_init(&out, 1 << 20);
	assert_ok(decode(GF_CODEC_ZSTD, zstd_good, sizeof zstd_good, 10, &out, &err), err);
	refused(GF_CODEC_ZSTD, zstd, sizeof zstd, 10, "window");
	assert_false(lzma_lzma_preset(&options, 0));
	options.dict_size = 128u << 20;
	assert_int_equal(
	    lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, text, 1000, xz, &n, sizeof xz), LZMA_OK);
	assert_ok(decode(GF_CODEC_XZ, xz, n, 1000, &out, &err), err);
	options.dict_size = 256u << 20;
	n = 0;
	assert_int_equal(
	    lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, text, 1000, xz, &n, sizeof xz), LZMA_OK);
	refused(GF_CODEC_XZ, xz, n, 1000, "window");
	gf_buf_clear(&out);
}

static void test_others(void **state)
{
	gf_error err;

	(void)state;
	assert_int_equal(gf_codec_of("\x50\x2a\x4d\x18", 4), GF_CODEC_ZSTD);
	assert_int_equal(gf_codec_of("BZh0", 4), GF_CODEC_NONE);
	assert_int_equal(gf_codec_of("", 0), GF_CODEC_NONE);
	assert_int_equal(gf_codec_of("\x1f\x8b\x08", 3), GF_CODEC_GZIP);
	assert_null(gf_input_decode(NULL, GF_CODEC_XZ, 1, "o", &err));
	assert_refused(gf_input_decode(gf_input_memory("", 0, &err), GF_CODEC_LZ4, 1, "o", &err) != NULL, err, GF_USAGE,
	    "archive-compression");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_cut_and_changed),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
