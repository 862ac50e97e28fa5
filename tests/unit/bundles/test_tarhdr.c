/* Headers against tests/fixtures/bundle/headers.txt, made by make-bundle.py; padding. */
#include "common.h"

static void test_vectors(void **state)
{
	gf_buf text;
	unsigned char out[512];
	size_t lines = 0;

	(void)state;
	load(FIXTURES "headers.txt", &text);
	for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
		char *hex = NULL;
		uint64_t size = strtoull(line, &hex, 10);

		hex++;
		assert_int_equal(strlen(hex), 1024);
		gf_tar_header("blobs/sha256/0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", size,
		    1795395723, out);
		for (size_t i = 0; i < 512; i++) {
			unsigned byte = 0;

			assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
			if (out[i] != byte)
				fail_msg("size %llu, byte %zu: 0x%02x, expected 0x%02x", (unsigned long long)size, i,
				    out[i], byte);
		}
	}
	assert_int_equal(lines, 8);
	gf_buf_clear(&text);
}

static void test_rounding(void **state)
{
	(void)state;
	assert_int_equal(gf_tar_round(0), 0);
	assert_int_equal(gf_tar_round(1), 512);
	assert_int_equal(gf_tar_round(512), 512);
	assert_int_equal(gf_tar_round(513), 1024);
	assert_true(gf_tar_round(((uint64_t)1 << 53) - 1) == (uint64_t)1 << 53);
}

/* The next header stands at a multiple of 64 KiB, and less would not do. */
static void test_padding(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < 3 * 65536; at += 512) {
		uint64_t size = gf_tar_padding(at);

		assert_int_equal((at + 512 + size) % 65536, 0);
		assert_int_equal(size % 512, 0);
		assert_true(size < 65536);
	}
	assert_int_equal(gf_tar_padding(65536 - 512), 0);
	assert_int_equal(gf_tar_padding(65536), 65536 - 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_padding) };

	return cmocka_run_group_tests_name("bundles/tarhdr", tests, NULL, NULL);
}
