#include "common.h"

static void test_rfc_4648(void **state)
{
	static const char *const rows[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		gf_buf text, back;

		gf_buf_init(&text, 8);
		gf_buf_init(&back, 6);
		assert_ok(gf_base64_encode(&text, rows[i][0], strlen(rows[i][0]), &err), err);
		assert_string_equal(gf_buf_text(&text), rows[i][1]);
		assert_ok(gf_base64_decode(rows[i][1], strlen(rows[i][1]), &back, &err), err);
		assert_string_equal(gf_buf_text(&back), rows[i][0]);
		gf_buf_clear(&text);
		gf_buf_clear(&back);
	}
}

/* Of all texts of four characters, exactly the encodings decode, and to what was encoded. */
static void test_one_spelling(void **state)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \n.";
	size_t n = sizeof letters - 1, accepted = 0;
	gf_buf bytes, again;
	gf_error err;

	(void)state;
	gf_buf_init(&bytes, 3);
	gf_buf_init(&again, 4);
	for (size_t c = 0; c < n; c++)
		for (size_t d = 0; d < n; d++)
			for (size_t b = 0; b < n; b++) {
				char text[4] = { 'Q', letters[b], letters[c], letters[d] };

				bytes.len = again.len = 0;
				if (!gf_base64_decode(text, 4, &bytes, &err)) {
					assert_string_equal(err.name, "base64");
					assert_int_equal(err.class, GF_DAMAGED);
					assert_int_equal(bytes.len, 0);
					continue;
				}
				accepted++;
				assert_ok(gf_base64_encode(&again, bytes.data, bytes.len, &err), err);
				assert_memory_equal(again.data, text, 4);
			}
	/* "Q" fixes six bits: 18 more bits of three bytes, 10 of two, 2 of one. */
	assert_int_equal(accepted, (1 << 18) + (1 << 10) + (1 << 2));
	gf_buf_clear(&bytes);
	gf_buf_clear(&again);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg==Zg==", "Zm9=", "Zh==", "Zg== ", "Zg==\n",
		"=Zg=", "====", "Zm9v====", "Zm9vZ===", "Zm 9v", "Zm9\xc3\xb6" };
	gf_buf out;
	gf_error err;

	(void)state;
	gf_buf_init(&out, 100);
	assert_ok(gf_buf_puts(&out, "kept", &err), err);
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		assert_refused(gf_base64_decode(bad[i], strlen(bad[i]), &out, &err), err, GF_DAMAGED, "base64");
		assert_string_equal(out.data, "kept");
	}
	assert_refused(gf_base64_decode("Zm9vA\0==", 8, &out, &err), err, GF_DAMAGED, "base64");
	assert_ok(gf_base64_decode("Zm9v", 4, &out, &err), err);
	assert_string_equal(out.data, "keptfoo");
	gf_buf_clear(&out);
	gf_buf_init(&out, 2);
	assert_refused(gf_base64_decode("Zm9v", 4, &out, &err), err, GF_DAMAGED, "too-large");
	assert_ok(gf_base64_decode("Zm8=", 4, &out, &err), err);
	gf_buf_clear(&out);
}

static void test_round_trip(void **state)
{
	gf_error err;

	(void)state;
	for (size_t n = 0; n < 300; n++) {
		unsigned char in[300];
		gf_buf text, back;

		noise(in, n, n);
		gf_buf_init(&text, 400);
		gf_buf_init(&back, n);
		assert_ok(gf_base64_encode(&text, in, n, &err), err);
		assert_int_equal(text.len, (n + 2) / 3 * 4);
		assert_ok(gf_base64_decode(gf_buf_text(&text), text.len, &back, &err), err);
		assert_int_equal(back.len, n);
		if (n > 0)
			assert_memory_equal(back.data, in, n);
		gf_buf_clear(&text);
		gf_buf_clear(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_4648),
		cmocka_unit_test(test_one_spelling),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
