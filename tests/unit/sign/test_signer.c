/* Signatures made here are checked by openssl, and those of openssl here; every other byte is refused. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, the way to a generator that fails */
#include "common.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

static const char message[] = "{\"_type\":\"https://in-toto.io/Statement/v1\"}\n";

/* ---- asking ---- */

typedef struct answer {
	const char *text;
	unsigned asked;
} answer;

static bool answer_ask(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	answer *a = ctx;

	(void)what;
	(void)confirm;
	a->asked++;
	if (a->text == NULL)
		return gf_fail(err, GF_USAGE, "passphrase", NULL, "none to be had");
	return gf_secret_set(out, a->text, strlen(a->text), err);
}

/* ---- making and checking ---- */

static gf_signer *open_signer(const char *path, const char *passphrase, bool *plain)
{
	answer a = { passphrase, 0 };
	gf_asker asker = { .ask = answer_ask, .ctx = &a };
	gf_error err;
	gf_signer *s = gf_signer_open(path, &asker, plain, &err);

	if (s == NULL)
		fail_msg("%s: %s", err.name, err.text);
	return s;
}

static void sign_to(gf_signer *s, const char *path)
{
	gf_member m;
	gf_error err;

	if (!gf_signer_sign(s, "manifest.json", message, strlen(message), &m, &err))
		fail_msg("%s: %s", err.name, err.text);
	assert_non_null(gf_signature_ext(m.name, "manifest.json"));
	assert_string_equal(gf_signature_ext(m.name, "manifest.json"), "sig");
	assert_true(gf_signature_fits(gf_signer_public(s), "sig", &m.bytes, message, strlen(message)));
	put(path, m.bytes.data, m.bytes.len);
	free(m.name);
	gf_buf_clear(&m.bytes);
}

static bool fits(const gf_pubkey *k, const char *bytes, size_t n)
{
	gf_buf b;
	gf_error err;
	bool ok;

	gf_buf_init(&b, 1 << 20);
	assert_true(gf_buf_add(&b, bytes, n, &err));
	ok = gf_signature_fits(k, "sig", &b, message, strlen(message));
	gf_buf_clear(&b);
	return ok;
}

static bool file_fits(const gf_pubkey *k, const char *path)
{
	gf_buf b;
	bool ok;

	get(path, &b);
	ok = fits(k, gf_buf_text(&b), b.len);
	gf_buf_clear(&b);
	return ok;
}

static const char *const verify_by_openssl[] = {
	"base64 -d m.sig > s && openssl dgst -sha256 -verify k.pub -signature s m > /dev/null",
	"base64 -d m.sig > s && openssl pkeyutl -verify -pubin -inkey k.pub -rawin -in m -sigfile s > /dev/null",
};
static const char *const sign_by_openssl[] = {
	"openssl dgst -sha256 -sign k.key -passin pass:secret m | base64 -w0 > o.sig && echo >> o.sig",
	"openssl pkeyutl -sign -inkey k.key -passin pass:secret -rawin -in m -out s && base64 -w0 s > o.sig && echo >> o.sig",
};
/* The same with the hash and the tool that each type takes. */
static const char *const more_types[][3] = {
	{ "p384", "base64 -d m.sig > s && openssl dgst -sha384 -verify k.pub -signature s m > /dev/null",
	    "openssl dgst -sha384 -sign k.key -passin pass:secret m | base64 -w0 > o.sig && echo >> o.sig" },
	{ "rsa3072", "base64 -d m.sig > s && openssl dgst -sha256 -verify k.pub -signature s m > /dev/null",
	    "openssl dgst -sha256 -sign k.key -passin pass:secret m | base64 -w0 > o.sig && echo >> o.sig" },
};
static const char *const types[] = { "p256", "ed25519" };

static void write_pair(const char *type, const char *passphrase)
{
	gf_secret secret = { 0 }, pem = { 0 };
	gf_buf public;
	gf_error err;

	gf_buf_init(&public, GF_KEY_FILE_MAX);
	if (passphrase != NULL)
		assert_true(gf_secret_set(&secret, passphrase, strlen(passphrase), &err));
	if (!gf_key_generate(type, passphrase != NULL ? &secret : NULL, &pem, &public, &err))
		fail_msg("%s: %s", err.name, err.text);
	put("k.key", pem.data, pem.len);
	put("k.pub", public.data, public.len);
	put("m", message, strlen(message));
	gf_secret_clear(&secret);
	gf_secret_clear(&pem);
	gf_buf_clear(&public);
}

static void test_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t encrypted = 0; encrypted < 2; encrypted++) {
			gf_signer *s;
			gf_pubkey *k;
			bool plain = !encrypted;

			write_pair(types[i], encrypted ? "secret" : NULL);
			/* openssl reads the key and finds the same public half. */
			assert_int_equal(sh("openssl pkey -in k.key -passin pass:secret -pubout | cmp - k.pub"), 0);
			assert_int_equal(sh(encrypted ? "grep -q 'BEGIN ENCRYPTED PRIVATE KEY' k.key"
						      : "grep -q 'BEGIN PRIVATE KEY' k.key"),
			    0);
			s = open_signer("k.key", "secret", &plain);
			assert_int_equal(plain, !encrypted);
			sign_to(s, "m.sig");
			assert_int_equal(sh(verify_by_openssl[i]), 0);
			k = load("k.pub");
			assert_true(gf_digest_equal(gf_pubkey_id(k), gf_pubkey_id(gf_signer_public(s))));
			assert_int_equal(sh(sign_by_openssl[i]), 0);
			assert_true(file_fits(k, "o.sig"));
			gf_pubkey_free(k);
			gf_signer_free(s);
		}
	}
}

static void test_more_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bool plain;
		gf_signer *s;
		gf_pubkey *k;

		write_pair(more_types[i][0], "secret");
		assert_int_equal(sh("openssl pkey -in k.key -passin pass:secret -pubout | cmp - k.pub"), 0);
		s = open_signer("k.key", "secret", &plain);
		sign_to(s, "m.sig");
		assert_int_equal(sh(more_types[i][1]), 0);
		k = load("k.pub");
		assert_int_equal(sh(more_types[i][2]), 0);
		assert_true(file_fits(k, "o.sig"));
		/* Another hash, another padding. */
		assert_int_equal(
		    sh("openssl dgst -sha512 -sign k.key -passin pass:secret m | base64 -w0 > o.sig && echo >> o.sig"),
		    0);
		assert_false(file_fits(k, "o.sig"));
		if (i == 1) {
			assert_int_equal(
			    sh("openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign k.key -passin pass:secret m | "
			       "base64 -w0 > o.sig && echo >> o.sig"),
			    0);
			assert_false(file_fits(k, "o.sig"));
		}
		gf_pubkey_free(k);
		gf_signer_free(s);
	}
}

/* The parameters of the encryption are the ones promised. */
static void test_encryption(void **state)
{
	(void)state;
	write_pair("p256", "secret");
	assert_int_equal(
	    sh("openssl asn1parse -in k.key > asn1 && grep -q ':aes-256-cbc' asn1 && "
	       "grep -q ':hmacWithSHA256' asn1 && grep -q ':PBKDF2' asn1 && grep -q 'INTEGER *:0927C0' asn1"),
	    0);
}

/* Keys that openssl made: PKCS#8 by either scheme, and the older EC form with its parameters in front. */
static void test_openssl_keys(void **state)
{
	static const char *const make[] = {
		"openssl genrsa -traditional -out k.key 3072 2>/dev/null",
		"openssl ecparam -name prime256v1 -genkey -out k.key 2>/dev/null",
		"openssl ecparam -name prime256v1 -genkey -noout -out k.key 2>/dev/null",
		"openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl pkcs8 -topk8 -nocrypt -out k.key",
		"openssl genpkey -algorithm ed25519 -out k.key",
		"openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -passout pass:secret -out k.key",
		"openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -scrypt -passout pass:secret -out k.key",
		"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-128-cbc -pass pass:secret -out k.key",
	};

	(void)state;
	for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
		bool plain = false;
		gf_signer *s;

		assert_int_equal(sh(make[i]), 0);
		s = open_signer("k.key", "secret", &plain);
		assert_int_equal(plain, i < 5);
		sign_to(s, "m.sig");
		gf_signer_free(s);
	}
}

static void expect_no_signer(const char *make, const char *passphrase, const char *name)
{
	answer a = { passphrase, 0 };
	gf_asker asker = { .ask = answer_ask, .ctx = &a };
	gf_error err = { 0 };
	bool plain = true;
	gf_signer *s;

	assert_int_equal(sh(make), 0);
	s = gf_signer_open("k.key", &asker, &plain, &err);
	if (s != NULL || strcmp(err.name, name) != 0 || err.class != GF_USAGE)
		fail_msg("%s: expected %s, found %s: %s", make, name, err.name, err.text);
	assert_true(a.asked <= 1);
}

/* A key of an algorithm that nobody knows, encrypted as openssl does. */
static void write_unknown(const char *passphrase)
{
	PKCS8_PRIV_KEY_INFO *info = PKCS8_PRIV_KEY_INFO_new();
	unsigned char *inside = OPENSSL_zalloc(8);
	X509_SIG *box;
	FILE *f = fopen("k.key", "w");

	assert_true(info != NULL && inside != NULL && f != NULL);
	assert_int_equal(PKCS8_pkey_set0(info, OBJ_txt2obj("1.2.3.4", 1), 0, V_ASN1_UNDEF, NULL, inside, 8), 1);
	box = PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), NULL, 0, 2048, info);
	assert_non_null(box);
	assert_int_equal(PEM_write_PKCS8(f, box), 1);
	assert_int_equal(fclose(f), 0);
	X509_SIG_free(box);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static void test_bad_keys(void **state)
{
	static const char encrypted[] =
	    "openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -passout pass:secret -out k.key";

	(void)state;
	expect_no_signer(encrypted, "wrong", "passphrase");
	expect_no_signer(encrypted, "", "passphrase");
	expect_no_signer(encrypted, NULL, "passphrase");
	nobody_to_ask("k.key");
	expect_no_signer("sed -i '2s/^..../AAAA/' k.key", "secret", "key-form");
	expect_no_signer(
	    "openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -subj /CN=x -out k.key 2>/dev/null", NULL,
	    "key-type");
	expect_no_signer("openssl genrsa -out k.key 2048 2>/dev/null", NULL, "key-type");
	expect_no_signer("openssl ecparam -name secp521r1 -genkey -noout -out k.key 2>/dev/null", NULL, "key-type");
	expect_no_signer("openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:3072 -out k.key 2>/dev/null",
	    NULL, "key-type");
	expect_no_signer("openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit -out k.key 2>/dev/null",
	    NULL, "key-parameters");
	expect_no_signer("openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out k.key", NULL, "key-form");
	expect_no_signer("openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | "
			 "openssl ec -aes128 -passout pass:secret -out k.key 2>/dev/null",
	    "secret", "key-form");
	expect_no_signer("openssl genrsa -traditional -aes128 -passout pass:secret -out k.key 3072 2>/dev/null",
	    "secret", "key-form");
	write_unknown("secret");
	expect_no_signer("true", "secret", "key-form");
	expect_no_signer("echo nothing > k.key", NULL, "key-form");
	expect_no_signer(": > k.key", NULL, "key-form");
	expect_no_signer("openssl genpkey -algorithm ed25519 | sed '2s/../AA/' > k.key", NULL, "key-form");
	expect_no_signer("head -c 70000 /dev/zero > k.key", NULL, "too-large");
}

static void test_generate_refuses(void **state)
{
	gf_secret none = { 0 }, pem = { 0 };
	gf_buf public;
	gf_error err = { 0 };

	(void)state;
	gf_buf_init(&public, GF_KEY_FILE_MAX);
	assert_false(gf_key_generate("rsa", NULL, &pem, &public, &err));
	assert_string_equal(err.name, "key-type");
	assert_true(gf_secret_set(&none, "", 0, &err));
	assert_false(gf_key_generate("p256", &none, &pem, &public, &err));
	assert_string_equal(err.name, "passphrase");
	gf_secret_clear(&none);
	gf_buf_clear(&public);
}

/* Random bytes for so many asks, then none. */
static unsigned random_left;

static int random_bytes(unsigned char *out, int n)
{
	if (random_left == 0)
		return 0;
	random_left--;
	memset(out, 0x5a, (size_t)n);
	return 1;
}

static int random_status(void)
{
	return 1;
}

/* Without random bytes there is no key, and none for its encryption: each is an error, and neither half is given. */
static void test_generate_without_randomness(void **state)
{
	static const RAND_METHOD poor = { .bytes = random_bytes, .pseudorand = random_bytes, .status = random_status };
	const RAND_METHOD *usual = RAND_get_rand_method();
	gf_secret word = { 0 }, pem = { 0 };
	gf_error err = { 0 };
	gf_buf public;

	(void)state;
	assert_true(gf_secret_set(&word, "secret", 6, &err));
	for (size_t i = 0; i < 2; i++) {
		unsigned left = 0;
		bool ok = false;

		for (; !ok && left < 20; left++) {
			gf_buf_init(&public, GF_KEY_FILE_MAX);
			assert_int_equal(RAND_set_rand_method(&poor), 1);
			random_left = left;
			ok = gf_key_generate(types[i], &word, &pem, &public, &err);
			assert_int_equal(RAND_set_rand_method(usual), 1);
			if (!ok) {
				assert_string_equal(err.name, "key-new");
				assert_int_equal(err.class, GF_FAILED);
				assert_null(pem.data);
			}
			gf_buf_clear(&public);
		}
		assert_true(ok);
		assert_in_range(left, 3, 19); /* the key, then the salt: both were refused once */
		gf_secret_clear(&pem);
	}
	gf_secret_clear(&word);
}

/* ---- the one form of the file ---- */

static void test_form(void **state)
{
	bool plain;
	gf_buf b, raw;
	gf_error err;
	gf_pubkey *k;
	gf_signer *s;
	char *line;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		write_pair(types[i], NULL);
		s = open_signer("k.key", NULL, &plain);
		sign_to(s, "m.sig");
		gf_signer_free(s);
		k = load("k.pub");
		get("m.sig", &b);
		line = b.data;
		n = b.len;
		assert_true(fits(k, line, n));

		assert_false(fits(k, line, n - 1));                /* no LF */
		for (const char *c = " \r=A\t"; *c != '\0'; c++) { /* something else in its place */
			line[n - 1] = *c;
			assert_false(fits(k, line, n));
		}
		line[n - 1] = '\n';
		assert_false(fits(k, line, 0));
		assert_false(fits(k, "\n", 1));
		assert_int_equal(
		    sh("(cat m.sig; echo) > two && (sed 's/$/\\r/' m.sig) > crlf && "
		       "(sed 's/./&\\n/20' m.sig) > folded && (echo; cat m.sig) > before && "
		       "(printf ' '; cat m.sig) > space && (tr '+/' '-_' < m.sig) > url && "
		       "(cat m.sig m.sig) > twice && (base64 -d m.sig > raw; tr -d '=' < m.sig) > unpadded && "
		       "(base64 -d m.sig; echo x) | base64 -w0 > trailing && echo >> trailing && "
		       "(base64 -d m.sig; head -c 500 /dev/zero) | base64 -w0 > trailing500 && echo >> trailing500 && "
		       "base64 -w0 m > msg && echo >> msg"),
		    0);
		for (const char *const *p = (const char *const[]){ "two", "crlf", "folded", "before", "space", "twice",
			 "trailing", "trailing500", "msg", "raw", NULL };
		     *p != NULL; p++)
			if (file_fits(k, *p))
				fail_msg("%s accepted", *p);
		if (strpbrk(line, "+/") != NULL)
			assert_false(file_fits(k, "url"));
		if (strchr(line, '=') != NULL)
			assert_false(file_fits(k, "unpadded"));

		/* Every truncation, every flipped bit, every added byte of the signature itself. */
		gf_buf_init(&raw, GF_SIGNATURE_MAX);
		assert_true(gf_base64_decode(line, n - 1, &raw, &err));
		for (size_t at = 0; at < raw.len * 8 + raw.len; at++) {
			gf_buf again;

			gf_buf_init(&again, GF_SIGNATURE_MAX);
			if (at < raw.len * 8) {
				raw.data[at / 8] = (char)(raw.data[at / 8] ^ 1 << at % 8);
				assert_true(gf_base64_encode(&again, raw.data, raw.len, &err));
				raw.data[at / 8] = (char)(raw.data[at / 8] ^ 1 << at % 8);
			} else {
				assert_true(gf_base64_encode(&again, raw.data, at - raw.len * 8, &err));
			}
			assert_true(gf_buf_puts(&again, "\n", &err));
			assert_false(fits(k, again.data, again.len));
			gf_buf_clear(&again);
		}
		gf_buf_clear(&raw);

		/* Other extensions, other messages, other keys. */
		assert_false(gf_signature_fits(k, "minisig", &b, message, strlen(message)));
		assert_false(gf_signature_fits(k, "SIG", &b, message, strlen(message)));
		assert_false(gf_signature_fits(k, "sig", &b, message, strlen(message) - 1));
		assert_false(gf_signature_fits(k, "sig", &b, "", 0));
		gf_pubkey_free(k);
		write_pair(types[i], NULL);
		k = load("k.pub");
		assert_false(file_fits(k, "m.sig"));
		gf_pubkey_free(k);
		write_pair(types[1 - i], NULL);
		k = load("k.pub");
		assert_false(file_fits(k, "m.sig"));
		gf_pubkey_free(k);
		gf_buf_clear(&b);
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = { "manifest.json", "manifest.json.sig", "manifest.json.0123456789abcdef",
		"manifest.json.0123456789abcdef.", "manifest.json.0123456789abcde.sig",
		"manifest.json.0123456789ABCDEF.sig", "manifest.json.0123456789abcdef0.sig",
		"manifest.json.0123456789abcdef.SIG", "manifest.json.0123456789abcdef.s/g",
		"manifest.json.0123456789abcdef.sig.x", "x.manifest.json.0123456789abcdef.sig",
		"anifest.json.0123456789abcdef.sig", "manifest.json-0123456789abcdef.sig",
		"manifest.json.0123456789abcdef-sig", "manifest.json.0123456789abcdef.aaaaaaaaa",
		"../manifest.json.0123456789abcdef.sig", "" };

	(void)state;
	assert_string_equal(gf_signature_ext("manifest.json.0123456789abcdef.sig", "manifest.json"), "sig");
	assert_string_equal(gf_signature_ext("manifest.json.0123456789abcdef.p7s", "manifest.json"), "p7s");
	assert_string_equal(gf_signature_ext("F.0000000000000000.minisig", "F"), "minisig");
	assert_string_equal(gf_signature_ext("F.0000000000000000.aaaaaaaa", "F"), "aaaaaaaa");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (gf_signature_ext(bad[i], "manifest.json") != NULL)
			fail_msg("'%s' taken", bad[i]);
}

/* ---- commands ---- */

static void test_command(void **state)
{
	static const char *const commands[2][3] = {
		{ "openssl dgst -sha256 -sign k.key", "openssl dgst -sha256 -sign k.key | base64",
		    "openssl dgst -sha256 -sign k.key | base64 -w0" },
		{ "cat > in; openssl pkeyutl -sign -inkey k.key -rawin -in in",
		    "cat > in; openssl pkeyutl -sign -inkey k.key -rawin -in in | base64 -w 20",
		    "cat > in; openssl pkeyutl -sign -inkey k.key -rawin -in in | base64" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		write_pair(types[i], NULL);
		for (size_t j = 0; j < 3; j++) {
			gf_error err;
			gf_signer *s = gf_signer_command(commands[i][j], "k.pub", &err);

			assert_non_null(s);
			sign_to(s, "m.sig");
			assert_int_equal(sh(verify_by_openssl[i]), 0);
			gf_signer_free(s);
		}
	}
}

static void test_bad_command(void **state)
{
	static const char *const bad[][2] = { { "exit 3", "command" }, { "true", "sign" }, { "echo nonsense!", "sign" },
		{ "echo bm9uc2Vuc2U=", "sign" }, { "openssl dgst -sha256 -sign other.key", "sign" },
		{ "echo x | openssl dgst -sha256 -sign k.key", "sign" }, { "head -c 100000 /dev/zero", "too-large" },
		{ "kill -9 $$", "command" } };

	(void)state;
	write_pair("p256", NULL);
	assert_int_equal(sh("openssl ecparam -name prime256v1 -genkey -noout -out other.key 2>/dev/null"), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		gf_error err = { 0 };
		gf_signer *s = gf_signer_command(bad[i][0], "k.pub", &err);
		gf_member m;

		assert_non_null(s);
		if (gf_signer_sign(s, "m", message, strlen(message), &m, &err))
			fail_msg("accepted: %s", bad[i][0]);
		if (strcmp(err.name, bad[i][1]) != 0)
			fail_msg("%s: expected %s, found %s: %s", bad[i][0], bad[i][1], err.name, err.text);
		assert_null(m.name);
		gf_signer_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_ways), cmocka_unit_test(test_more_types),
		cmocka_unit_test(test_encryption), cmocka_unit_test(test_openssl_keys), cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_generate_refuses), cmocka_unit_test(test_generate_without_randomness),
		cmocka_unit_test(test_form), cmocka_unit_test(test_names), cmocka_unit_test(test_command),
		cmocka_unit_test(test_bad_command) };

	return cmocka_run_group_tests(tests, enter, leave);
}
