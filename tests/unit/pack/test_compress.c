/* compress: the same bytes for any number of threads, and what zlib makes of them. */
#include "common.h"

#include <zstd.h>
#include "pack/compress.h"

typedef struct feed {
	const layer *layers;
	size_t n, next, done;
	gf_buf out[8];
	gf_made made[8];
	size_t fail_at; /* bytes written until write fails; 0: never */
	size_t written;
} feed;

static bool next(void *ctx, gf_input **in, gf_error *err)
{
	feed *f = ctx;

	*in = NULL;
	if (f->next == f->n)
		return true;
	*in = gf_input_memory(f->layers[f->next].bytes, f->layers[f->next].n, err);
	f->next++;
	return *in != NULL;
}

static bool begin(void *ctx, gf_error *err)
{
	feed *f = ctx;

	(void)err;
	gf_buf_init(&f->out[f->done], 64 * GF_MIB);
	return true;
}

static bool write_out(void *ctx, const void *bytes, size_t n, gf_error *err)
{
	feed *f = ctx;

	f->written += n;
	if (f->fail_at != 0 && f->written >= f->fail_at)
		return gf_fail(err, GF_FAILED, "test", NULL, "the disk is full");
	return gf_buf_add(&f->out[f->done], bytes, n, err);
}

static bool end(void *ctx, const gf_made *made, gf_error *err)
{
	feed *f = ctx;

	(void)err;
	f->made[f->done++] = *made;
	return true;
}

static gf_codec codec = GF_CODEC_GZIP;

static bool run(feed *f, const layer *layers, size_t n, unsigned jobs, gf_error *err)
{
	gf_squeeze s = { next, begin, write_out, end, f, codec };

	f->layers = layers;
	f->n = n;
	return gf_squeeze_run(&s, jobs, err);
}

static void feed_clear(feed *f)
{
	for (size_t i = 0; i < 8; i++)
		gf_buf_clear(&f->out[i]);
}

static void inflate_all(const gf_buf *in, const layer *want)
{
	unsigned char *out = malloc(want->n + 1);
	z_stream z = { .next_in = (unsigned char *)in->data,
		.avail_in = (uInt)in->len,
		.next_out = out,
		.avail_out = (uInt)want->n + 1 };

	if (codec == GF_CODEC_ZSTD) {
		assert_int_equal(ZSTD_decompress(out, want->n + 1, in->data, in->len), want->n); /* all frames */
		assert_memory_equal(out, want->bytes, want->n);
		free(out);
		return;
	}
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, want->n);
	assert_memory_equal(out, want->bytes, want->n);
	inflateEnd(&z);
	free(out);
}

/* Empty, tiny, exactly one block, one more, several: borders at every kind of place. */
static const size_t sizes[] = { 0, 1, GF_GZIP_BLOCK, GF_GZIP_BLOCK + 1, 5 * GF_GZIP_BLOCK + 777, 2 * GF_GZIP_BLOCK };
#define N (sizeof sizes / sizeof *sizes)

static void compress_all(void)
{
	feed one = { 0 }, many;
	layer layers[N];
	gf_error err = { 0 };

	for (size_t i = 0; i < N; i++)
		layers[i] = layer_new((unsigned)i, sizes[i]);
	assert_true(run(&one, layers, N, 1, &err));
	assert_int_equal(one.done, N);
	for (size_t i = 0; i < N; i++) {
		gf_digest d;
		inflate_all(&one.out[i], &layers[i]);
		assert_true(gf_digest_equal(&one.made[i].raw, &layers[i].digest));
		assert_int_equal(one.made[i].raw_size, sizes[i]);
		assert_int_equal(one.made[i].size, one.out[i].len);
		assert_true(gf_hash_bytes(one.out[i].data, one.out[i].len, &d, &err));
		assert_true(gf_digest_equal(&one.made[i].digest, &d));
		assert_int_equal(one.made[i].codec, codec);
	}
	for (unsigned jobs = 2; jobs <= 9; jobs += 7) {
		many = (feed){ 0 };
		assert_true(run(&many, layers, N, jobs, &err));
		for (size_t i = 0; i < N; i++) {
			assert_int_equal(one.out[i].len, many.out[i].len);
			assert_memory_equal(one.out[i].data, many.out[i].data, one.out[i].len);
		}
		feed_clear(&many);
	}
	feed_clear(&one);
}

static void any_number_of_threads(void **state)
{
	(void)state;
	compress_all();
	codec = GF_CODEC_ZSTD;
	compress_all();
	codec = GF_CODEC_GZIP;
}

/* A frame for each block, with the size of its content: what the end of a layer at a border adds is nothing. */
static void zstd_frames(void **state)
{
	feed f = { 0 };
	layer l[3] = { layer_new(1, 0), layer_new(2, 2 * GF_GZIP_BLOCK), layer_new(3, GF_GZIP_BLOCK + 1) };
	static const unsigned long long blocks[3][3] = { { 0 }, { GF_GZIP_BLOCK, GF_GZIP_BLOCK },
		{ GF_GZIP_BLOCK, 1 } };
	static const size_t n[] = { 1, 2, 2 };
	gf_error err = { 0 };

	(void)state;
	codec = GF_CODEC_ZSTD;
	assert_true(run(&f, l, 3, 2, &err));
	for (size_t i = 0; i < 3; i++) {
		const char *at = f.out[i].data, *end_of = at + f.out[i].len;
		size_t frames = 0;
		assert_true(f.out[i].len <= gf_squeeze_bound(codec, l[i].n));
		for (; at < end_of; frames++) {
			assert_true(frames < n[i]);
			assert_true(ZSTD_getFrameContentSize(at, (size_t)(end_of - at)) == blocks[i][frames]);
			at += ZSTD_findFrameCompressedSize(at, (size_t)(end_of - at));
		}
		assert_int_equal(frames, n[i]);
	}
	assert_non_null(strstr(gf_squeeze_name(codec), "zstd 3"));
	assert_string_equal(gf_squeeze_name(GF_CODEC_NONE), "none");
	codec = GF_CODEC_GZIP;
	feed_clear(&f);
}

static void nothing_to_do(void **state)
{
	feed f = { 0 };
	gf_error err = { 0 };

	(void)state;
	assert_true(run(&f, NULL, 0, 2, &err));
	assert_int_equal(f.done, 0);
}

static void a_failure_ends_all_threads(void **state)
{
	feed f = { .fail_at = 300000 };
	gf_error err = { 0 };
	layer l = layer_new(3, 9 * GF_GZIP_BLOCK);

	(void)state;
	assert_false(run(&f, &l, 1, 3, &err));
	assert_string_equal(err.name, "test");
	feed_clear(&f);
}

static bool count(void *ctx, const void *bytes, size_t n, gf_error *err)
{
	gf_buf *b = ctx;

	return gf_buf_add(b, bytes, n, err);
}

static void gzip_is_kept_and_looked_into(void **state)
{
	layer raw = layer_new(1, 700000), gz = layer_gzip(&raw);
	gf_error err = { 0 };
	gf_error unfit = { 0 };
	gf_made made;
	gf_buf out;

	(void)state;
	gf_buf_init(&out, 64 * GF_MIB);
	gf_input *in = gf_input_memory(gz.bytes, gz.n, &err);
	assert_true(gf_made_packed(in, GF_CODEC_GZIP, "x", count, &out, &made, &unfit, &err));
	gf_input_close(in);
	assert_int_equal(unfit.class, GF_OK);
	assert_true(gf_digest_equal(&made.raw, &raw.digest));
	assert_true(gf_digest_equal(&made.digest, &gz.digest));
	assert_int_equal(made.raw_size, raw.n);
	assert_int_equal(out.len, gz.n);
	assert_memory_equal(out.data, gz.bytes, gz.n);
	/* Damaged: passed on whole all the same, and said not to fit. */
	gz.bytes[gz.n / 2] ^= 0x10;
	gf_buf_clear(&out);
	in = gf_input_memory(gz.bytes, gz.n, &err);
	assert_true(gf_made_packed(in, GF_CODEC_GZIP, "x", count, &out, &made, &unfit, &err));
	gf_input_close(in);
	assert_int_equal(unfit.class, GF_DAMAGED);
	assert_string_equal(unfit.name, "gzip");
	assert_int_equal(made.size, gz.n);
	assert_int_equal(out.len, gz.n);
	gf_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_threads),
		cmocka_unit_test(zstd_frames),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(a_failure_ends_all_threads),
		cmocka_unit_test(gzip_is_kept_and_looked_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
