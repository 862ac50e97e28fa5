#define _XOPEN_SOURCE 700 /* realpath */
/* Vectors by others: Wycheproof (every "invalid" refused, every "valid" accepted), CCTV's edges of Ed25519. */
#include <sys/stat.h>

#include "common.h"

#define VECTORS_MAX (4 * GF_MIB)

/* The directory of a set, unpacked below ours; false: it is not on this machine. */
static bool unpack_set(const char *set)
{
	const char *from = getenv("GF_VECTORS");
	char command[4096];
	struct stat st;

	(void)snprintf(command, sizeof command, "%s/%s.tar.zst", from, set);
	if (stat(command, &st) != 0)
		return false;
	(void)snprintf(
	    command, sizeof command, "mkdir -p %s && zstd -dc '%s/%s.tar.zst' | tar -xf - -C %s", set, from, set, set);
	assert_int_equal(sh(command), 0);
	return true;
}

static gf_json_doc *read_json(const char *path)
{
	gf_buf text;
	gf_error err;
	gf_json_doc *doc;

	gf_buf_init(&text, VECTORS_MAX);
	if (!gf_file_load(path, VECTORS_MAX, GF_FAILED, &text, &err))
		fail_msg("%s", err.text);
	doc = gf_json_parse(text.data, text.len, VECTORS_MAX, GF_FAILED, path, &err);
	if (doc == NULL)
		fail_msg("%s", err.text);
	gf_buf_clear(&text);
	return doc;
}

static const char *text_of(gf_json object, const char *key)
{
	const char *text = NULL;
	gf_error err;

	if (!gf_json_string(object, key, &text, &err))
		fail_msg("%s", err.text);
	return text;
}

static void from_hex(const char *hex, gf_buf *out)
{
	gf_error err;

	gf_buf_init(out, VECTORS_MAX);
	for (; hex[0] != '\0'; hex += 2) {
		const char digits[] = { hex[0], hex[1], '\0' };
		unsigned char byte = (unsigned char)strtoul(digits, NULL, 16);

		assert_true(gf_buf_add(out, &byte, 1, &err));
	}
}

/* A .sig file of it, given to k. */
static bool hex_fits(const gf_pubkey *k, const char *sig_hex, const void *msg, size_t n)
{
	gf_buf sig, file;
	gf_error err;
	bool fits;

	from_hex(sig_hex, &sig);
	gf_buf_init(&file, GF_SIGNATURE_MAX);
	assert_true(gf_base64_encode(&file, gf_buf_text(&sig), sig.len, &err) && gf_buf_puts(&file, "\n", &err));
	fits = gf_signature_fits(k, "sig", &file, msg, n);
	gf_buf_clear(&sig);
	gf_buf_clear(&file);
	return fits;
}

static void run_wycheproof(const char *path, size_t tests, size_t valid)
{
	gf_json_doc *doc = read_json(path);
	gf_json groups = gf_json_get(gf_json_root(doc), "testGroups");
	size_t seen = 0, good = 0;

	for (size_t i = 0; i < gf_json_count(groups); i++) {
		gf_json group = gf_json_at(groups, i), list = gf_json_get(group, "tests");
		const char *pem = text_of(group, "publicKeyPem");
		gf_error err;
		gf_pubkey *k = gf_pubkey_parse(pem, strlen(pem), "wycheproof", &err);

		if (k == NULL && strstr(path, "rsa") != NULL && strstr(err.text, "exponent") != NULL)
			continue; /* exponent 3: no key of ours */
		if (k == NULL)
			fail_msg("%s group %zu: %s", path, i, err.text);
		for (size_t j = 0; j < gf_json_count(list); j++) {
			gf_json test = gf_json_at(list, j);
			bool want = strcmp(text_of(test, "result"), "valid") == 0;
			gf_buf msg;

			from_hex(text_of(test, "msg"), &msg);
			if (hex_fits(k, text_of(test, "sig"), gf_buf_text(&msg), msg.len) != want)
				fail_msg("%s group %zu test %zu (%s) is %s", path, i, j, text_of(test, "comment"),
				    text_of(test, "result"));
			gf_buf_clear(&msg);
			seen++;
			good += want;
		}
		gf_pubkey_free(k);
	}
	assert_int_equal(seen, tests);
	assert_int_equal(good, valid);
	gf_json_free(doc);
}

/* Signatures of another form or with another hash, and keys that are none of ours: whatever they are called there, nothing
 * fits.  Returns how many were tried. */
static size_t run_foreign(const char *path, bool our_keys)
{
	gf_json_doc *doc = read_json(path);
	gf_json groups = gf_json_get(gf_json_root(doc), "testGroups");
	size_t seen = 0;

	for (size_t i = 0; i < gf_json_count(groups); i++) {
		gf_json group = gf_json_at(groups, i), list = gf_json_get(group, "tests");
		const char *pem = text_of(group, "publicKeyPem");
		gf_error err;
		gf_pubkey *k = gf_pubkey_parse(pem, strlen(pem), "wycheproof", &err);

		if (k == NULL ? our_keys && strstr(err.text, "exponent") == NULL : !our_keys)
			fail_msg("%s group %zu: key %s", path, i, k == NULL ? err.text : "accepted");
		for (size_t j = 0; k != NULL && j < gf_json_count(list); j++) {
			gf_json test = gf_json_at(list, j);
			gf_buf msg;

			from_hex(text_of(test, "msg"), &msg);
			/* Bad there, for it has our hash instead of theirs. */
			if (hex_fits(k, text_of(test, "sig"), gf_buf_text(&msg), msg.len) !=
			    (strstr(text_of(test, "comment"), "hashed with SHA-256 instead") != NULL))
				fail_msg("%s group %zu test %zu (%s)", path, i, j, text_of(test, "comment"));
			gf_buf_clear(&msg);
			seen++;
		}
		gf_pubkey_free(k);
	}
	gf_json_free(doc);
	return seen;
}

static void test_wycheproof_foreign(void **state)
{
	static const char *const other[] = { "ecdsa_secp256r1_sha256_p1363", "ecdsa_secp256r1_sha512",
		"ecdsa_secp256r1_sha512_p1363", "ecdsa_secp384r1_sha256", "ecdsa_secp384r1_sha384_p1363",
		"ecdsa_secp384r1_sha512", "ecdsa_secp384r1_sha512_p1363", "rsa_signature_3072_sha384",
		"rsa_signature_3072_sha512", "rsa_signature_4096_sha384", "rsa_signature_4096_sha512" };
	static const char *const nobody[] = { "ecdsa_secp521r1_sha512", "ecdsa_secp521r1_sha512_p1363",
		"rsa_pss_2048_sha256_mgf1_32", "rsa_signature_2048_sha256", "rsa_signature_2048_sha384",
		"rsa_signature_2048_sha512" };
	char path[128];
	size_t seen = 0;

	(void)state;
	if (!unpack_set("wycheproof"))
		skip();
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		(void)snprintf(path, sizeof path, "wycheproof/%s_test.json", other[i]);
		seen += run_foreign(path, true);
	}
	for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
		(void)snprintf(path, sizeof path, "wycheproof/%s_test.json", nobody[i]);
		assert_int_equal(run_foreign(path, false), 0);
	}
	print_message("%zu signatures refused\n", seen);
	assert_true(seen > 3000);
}

static void test_wycheproof(void **state)
{
	(void)state;
	if (!unpack_set("wycheproof"))
		skip();
	run_wycheproof("wycheproof/ecdsa_secp256r1_sha256_test.json", 484, 174);
	run_wycheproof("wycheproof/ed25519_test.json", 151, 88);
	run_wycheproof("wycheproof/ecdsa_secp384r1_sha384_test.json", 504, 194);
	run_wycheproof("wycheproof/rsa_signature_3072_sha256_test.json", 258, 7);
	run_wycheproof("wycheproof/rsa_signature_4096_sha256_test.json", 258, 7);
}

static bool has_flag(gf_json test, const char *wanted)
{
	gf_json flags = gf_json_get(test, "flags");

	for (size_t i = 0; i < gf_json_count(flags); i++) {
		const char *flag;
		gf_error err;

		assert_true(gf_json_text(gf_json_at(flags, i), &flag, &err));
		if (strcmp(flag, wanted) == 0)
			return true;
	}
	return false;
}

/*
 * Our choice at the edges: a key must be a canonical point of the prime-order group, R must not be of low order or
 * not canonical, no cofactor is multiplied in.  Every vector has one of these faults in A or R or leaves a residue.
 */
static void test_edges(void **state)
{
	gf_json_doc *doc;
	size_t refused_keys = 0, refused_signatures = 0, accepted = 0;

	(void)state;
	if (!unpack_set("ed25519-edge"))
		skip();
	doc = read_json("ed25519-edge/ed25519vectors.json");
	for (size_t i = 0; i < gf_json_count(gf_json_root(doc)); i++) {
		gf_json test = gf_json_at(gf_json_root(doc), i);
		const char *msg = text_of(test, "msg");
		gf_buf der, pem;
		gf_error err;
		gf_pubkey *k;
		bool bad_key, bad_signature;

		from_hex("302a300506032b6570032100", &der);
		for (const char *hex = text_of(test, "key"); hex[0] != '\0'; hex += 2) {
			const char digits[] = { hex[0], hex[1], '\0' };
			unsigned char byte = (unsigned char)strtoul(digits, NULL, 16);

			assert_true(gf_buf_add(&der, &byte, 1, &err));
		}
		gf_buf_init(&pem, GF_KEY_FILE_MAX);
		assert_true(gf_buf_puts(&pem, "-----BEGIN PUBLIC KEY-----\n", &err) &&
		    gf_base64_encode(&pem, der.data, der.len, &err) &&
		    gf_buf_puts(&pem, "\n-----END PUBLIC KEY-----\n", &err));
		k = gf_pubkey_parse(pem.data, pem.len, "edge", &err);
		bad_key = has_flag(test, "low_order_A") || has_flag(test, "non_canonical_A") ||
		    has_flag(test, "low_order_component_A");
		bad_signature = has_flag(test, "low_order_R") || has_flag(test, "non_canonical_R") ||
		    has_flag(test, "low_order_residue");
		if ((k == NULL) != bad_key)
			fail_msg("vector %zu: key %s", i, k == NULL ? "refused" : "accepted");
		if (k == NULL) {
			refused_keys++;
		} else if (hex_fits(k, text_of(test, "sig"), msg, strlen(msg))) {
			accepted++;
			if (bad_signature)
				fail_msg("vector %zu: accepted", i);
		} else {
			refused_signatures++;
			if (!bad_signature)
				fail_msg("vector %zu: refused", i);
		}
		gf_pubkey_free(k);
		gf_buf_clear(&der);
		gf_buf_clear(&pem);
	}
	print_message(
	    "%zu keys refused, %zu signatures refused, %zu accepted\n", refused_keys, refused_signatures, accepted);
	assert_int_equal(refused_keys + refused_signatures + accepted, 914);
	assert_true(refused_keys > 0 && refused_signatures > 0);
	gf_json_free(doc);
}

/* GF_VECTORS may be relative to where the test was started. */
static int enter_with_vectors(void **state)
{
	const char *from = getenv("GF_VECTORS");
	char *path = realpath(from != NULL ? from : "../shared/vectors", NULL);
	int rc = setenv("GF_VECTORS", path != NULL ? path : "/nonexistent", 1);

	free(path);
	return rc == 0 ? enter(state) : rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_wycheproof),
		cmocka_unit_test(test_wycheproof_foreign), cmocka_unit_test(test_edges) };

	return cmocka_run_group_tests(tests, enter_with_vectors, leave);
}
