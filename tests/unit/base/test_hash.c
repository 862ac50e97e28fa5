#include "common.h"

#include <openssl/evp.h>

/* FIPS 180-4 examples (NIST), and the empty message. */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void test_known_answers(void **state)
{
	char hex[GF_HEX_SIZE], text[GF_DIGEST_SIZE], block[1000];
	gf_digest d;
	gf_error err;
	gf_hash *h;

	(void)state;
	assert_ok(gf_hash_bytes("", 0, &d, &err), err);
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, EMPTY);
	assert_ok(gf_hash_bytes("abc", 3, &d, &err), err);
	gf_digest_text(&d, text);
	assert_string_equal(text, "sha256:" ABC);
	h = gf_hash_new(&err);
	memset(block, 'a', sizeof block);
	for (int i = 0; i < 1000; i++)
		assert_ok(gf_hash_update(h, block, sizeof block, &err), err);
	assert_ok(gf_hash_finish(h, &d, &err), err);
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, MILLION_A);
	/* It starts anew. */
	assert_ok(gf_hash_update(h, "ab", 2, &err), err);
	assert_ok(gf_hash_update(h, "c", 1, &err), err);
	assert_ok(gf_hash_finish(h, &d, &err), err);
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, ABC);
	assert_ok(gf_hash_finish(h, &d, &err), err);
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, EMPTY);
	gf_hash_free(h);
	gf_hash_free(NULL);
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "", "sha256:", ABC "0",
		"BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
		" a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", ABC "\n" };
	char hex[GF_HEX_SIZE], text[128];
	gf_digest d, zero;

	(void)state;
	memset(&d, 0, sizeof d);
	memset(&zero, 0, sizeof zero);
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		assert_false(gf_digest_parse_hex(bad[i], &d));
		(void)snprintf(text, sizeof text, "sha256:%s", bad[i]);
		assert_false(gf_digest_parse(text, &d));
	}
	assert_false(gf_digest_parse(ABC, &d));
	assert_false(gf_digest_parse("SHA256:" ABC, &d));
	assert_false(gf_digest_parse("sha512:" ABC, &d));
	assert_false(gf_digest_parse("sha256-" ABC, &d));
	assert_true(gf_digest_equal(&d, &zero)); /* out is untouched */
	assert_true(gf_digest_parse_hex(ABC, &d));
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, ABC);
	assert_true(gf_digest_parse("sha256:" ABC, &zero));
	assert_true(gf_digest_equal(&d, &zero));
}

static void test_equal_and_compare(void **state)
{
	gf_digest a, b;

	(void)state;
	for (size_t i = 0; i < sizeof a.bytes; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memset(&a, 0x55, sizeof a);
			b = a;
			assert_true(gf_digest_equal(&a, &b));
			assert_int_equal(gf_digest_compare(&a, &b), 0);
			b.bytes[i] ^= (unsigned char)(1u << bit);
			assert_false(gf_digest_equal(&a, &b));
			assert_true((gf_digest_compare(&a, &b) < 0) == (b.bytes[i] > a.bytes[i]));
		}
}

/* An OpenSSL that has no SHA-256 (a host's policy may say so) is an error, never a digest. */
static void test_no_sha256(void **state)
{
	gf_digest d = { { 0 } }, none = { { 0 } };
	gf_error err;

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "provider=none"), 1);
	assert_refused(gf_hash_bytes("abc", 3, &d, &err), err, GF_FAILED, "hash");
	assert_null(gf_hash_new(&err));
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_true(gf_digest_equal(&d, &none));
	assert_ok(gf_hash_bytes("abc", 3, &d, &err), err);
}

/* RFC 4231, test cases 2 and 6. */
static void test_keyed(void **state)
{
	static const char data[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	char key[131], hex[GF_HEX_SIZE];
	gf_digest d;
	gf_error err;

	(void)state;
	assert_ok(gf_hash_keyed("Jefe", 4, "what do ya want for nothing?", 28, &d, &err), err);
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	assert_ok(gf_hash_keyed(key, sizeof key, data, sizeof data - 1, &d, &err), err);
	gf_digest_hex(&d, hex);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_equal_and_compare),
		cmocka_unit_test(test_no_sha256),
		cmocka_unit_test(test_keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
