/* The vectors that FORMAT.md 7 prints: their digests, what stock tools say of them, and that they follow from the page
 * alone (make-bundle.py shares no line with the program). */
#include "common.h"

/* Bytes hashed, as 64 hex digits. */
static const char *hex_of(const void *bytes, size_t n)
{
	static char hex[GF_HEX_SIZE];
	gf_digest digest;
	gf_error err;

	assert_true(gf_hash_bytes(bytes, n, &digest, &err));
	gf_digest_hex(&digest, hex);
	return hex;
}

/* A member's bytes, found by its header. */
static const char *member(const gf_buf *tar, const char *name, size_t *size)
{
	for (size_t at = 0; at + 512 < tar->len; at += 512 + gf_tar_round(*size)) {
		*size = (size_t)strtoull(tar->data + at + 124, NULL, 8);
		if (strcmp(tar->data + at, name) == 0)
			return tar->data + at + 512;
	}
	fail_msg("no member %s", name);
	return NULL;
}

static void test_digests(void **state)
{
	static const struct {
		const char *name, *sha256;
	} members[] = {
		{ "META/manifest.json", "2c6f05ad4f6790f7b5e40f52ca3a70db21defcdc9bab66f9fd4fd0e28425d3cd" },
		{ "SHA256SUMS", "830667c4ed7e97489e12542333678c333d85de2fec8cbe36d482293374b8568a" },
		{ "oci-layout", "561356159fc692da9a55978e206a495b7835abcc4778fa9d13138a0530304878" },
		{ "index.json", "95079bd1852990a857da8fc51a81f20a641d16e833310c9188c44d62408b6471" },
		{ "manifest.json", "c70d860311b59f7e4d698efea3fac93a48f1848f888e1c91362d53695bbfcbc6" },
	};

	(void)state;
	assert_int_equal(full_tar.len, 89088);
	assert_int_equal(thin_tar.len, 88064);
	assert_string_equal(
	    hex_of(full_tar.data, full_tar.len), "ab54592ee65409fe6fc091eec34f68165a86d617786504367d2625f07e2bf953");
	assert_string_equal(
	    hex_of(thin_tar.data, thin_tar.len), "b86828016d9b35da6d6d6747bb4d17bbac0810fa9fb73664bf121901785c9198");
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		size_t size = 0;
		const char *bytes = member(&full_tar, members[i].name, &size);

		assert_string_equal(hex_of(bytes, size), members[i].sha256);
	}
}

/* One signature and one manifest serve both; the thin copy lacks three files and the second layer, and has more padding. */
static void test_thin_is_the_same(void **state)
{
	static const char *const same[] = { "META/manifest.json", "META/manifest.json.93d7ee0c8a736a3a.sig",
		"SHA256SUMS" };
	size_t a = 0, b = 0;

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		const char *x = member(&full_tar, same[i], &a), *y = member(&thin_tar, same[i], &b);

		assert_int_equal(a, b);
		assert_memory_equal(x, y, a);
	}
	put("full.tar", full_tar.data, full_tar.len);
	put("thin.tar", thin_tar.data, thin_tar.len);
	assert_int_equal(
	    sh("tar tf full.tar > full && tar tf thin.tar > thin && diff full thin | grep '^[<>]' > gone; "
	       "printf '< %s\\n' oci-layout index.json manifest.json "
	       "blobs/sha256/68da07ad330b078a308459c8a40f3df57791f932847796c2d5a8295558522858 | cmp - gone"),
	    0);
	member(&full_tar, "META/padding", &a);
	member(&thin_tar, "META/padding", &b);
	assert_int_equal(a, 31232);
	assert_int_equal(b, 36352);
}

/* With tar, sha256sum and openssl alone. */
static void test_stock_tools(void **state)
{
	(void)state;
	put("full.tar", full_tar.data, full_tar.len);
	assert_int_equal(sh("cd \"$GF_VECTORS\" && sha256sum --strict --quiet -c SHA256"), 0);
	assert_int_equal(sh("mkdir x && tar xf full.tar -C x && cd x && sha256sum --strict --quiet -c SHA256SUMS"), 0);
	assert_int_equal(sh("openssl pkey -in \"$GF_VECTORS/ci.key\" -pubout -out ci.pub && "
			    "openssl pkey -pubin -in ci.pub -outform DER | sha256sum | grep -q ^93d7ee0c8a736a3a && "
			    "base64 -d x/META/manifest.json.93d7ee0c8a736a3a.sig > s && "
			    "openssl dgst -sha256 -verify ci.pub -signature s x/META/manifest.json > /dev/null"),
	    0);
	/* and they would say if it were not so */
	assert_int_equal(sh("! openssl dgst -sha256 -verify ci.pub -signature s x/SHA256SUMS > /dev/null"), 0);
}

static void test_from_the_page_alone(void **state)
{
	(void)state;
	assert_int_equal(sh("mkdir made made/bundle && cp \"$GF_VECTORS/../make-bundle.py\" made && "
			    "cp \"$GF_VECTORS\"/ci.* made/bundle && python3 made/make-bundle.py && "
			    "diff -r made/bundle \"$GF_VECTORS\""),
	    0);
}

static int enter_fixture(void **state)
{
	char vectors[4096] = "";

	if (getcwd(vectors, sizeof vectors - sizeof "/" FIXTURES) == NULL)
		return -1;
	strcat(vectors, "/" FIXTURES);
	return setenv("GF_VECTORS", vectors, 1) == 0 ? enter(state) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_digests), cmocka_unit_test(test_thin_is_the_same),
		cmocka_unit_test(test_stock_tools), cmocka_unit_test(test_from_the_page_alone) };

	return cmocka_run_group_tests_name("bundles/fixture", tests, enter_fixture, leave);
}
