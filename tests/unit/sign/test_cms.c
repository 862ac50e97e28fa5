/* .p7s files: what openssl makes is taken, by the pinned certificate alone, and openssl takes what we do. */
#include "tests/unit/sign/common.h"

#define REQ "openssl req -x509 -nodes -days 9 -subj /CN=signer -set_serial 7 "
#define EC(curve) "-newkey ec -pkeyopt ec_paramgen_curve:" curve " "
#define SIGN "openssl cms -sign -binary -md sha256 -in m -signer p256.crt -inkey p256.key -outform DER -out m.p7s "

static const char *const people[] = {
	REQ EC("P-256") "-keyout p256.key -out p256.crt",
	REQ EC("P-256") "-keyout twin.key -out twin.crt", /* the same issuer and number, another key */
	REQ EC("P-384") "-keyout p384.key -out p384.crt",
	REQ "-newkey rsa:3072 -keyout rsa.key -out rsa.crt",
	(REQ EC("P-256") "-keyout code.key -out code.crt -addext extendedKeyUsage=critical,codeSigning "
			 "-addext keyUsage=critical,digitalSignature"),
	("openssl req -new -nodes -subj /CN=issued -key p256.key -out leaf.csr && openssl x509 -req -in leaf.csr -days 1 "
	 "-CA rsa.crt -CAkey rsa.key -set_serial 9 -out leaf.crt"),
	"openssl x509 -in p256.crt -pubkey -noout > p256.pub; printf 'the very bytes\\r\\n' > m",
};

static int make_people(void **state)
{
	if (enter(state) != 0)
		return -1;
	for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
		char command[1024];

		(void)snprintf(command, sizeof command, "(%s) >log 2>&1", people[i]);
		if (sh(command) != 0)
			return -1;
	}
	return 0;
}

static bool fits(const char *certificate)
{
	gf_pubkey *k = load(certificate);
	gf_buf message, file;
	bool is;

	get("m", &message);
	get("m.p7s", &file);
	is = gf_signature_fits(k, "p7s", &file, gf_buf_text(&message), message.len);
	if (is) { /* and of these bytes alone */
		assert_false(gf_signature_fits(k, "p7s", &file, gf_buf_text(&message), message.len - 1));
		assert_false(gf_signature_fits(k, "sig", &file, gf_buf_text(&message), message.len));
	}
	gf_buf_clear(&message);
	gf_buf_clear(&file);
	gf_pubkey_free(k);
	return is;
}

static const struct {
	const char *make, *certificate;
	bool fits;
} cases[] = {
	{ SIGN, "p256.crt", true },
	{ SIGN "-nocerts", "p256.crt", true },
	{ SIGN "-keyid", "p256.crt", true },
	{ SIGN "-certfile rsa.crt", "p256.crt", true },
	{ "openssl cms -sign -binary -md sha384 -in m -signer p384.crt -inkey p384.key -outform DER -out m.p7s",
	    "p384.crt", true },
	{ "openssl cms -sign -binary -md sha256 -in m -signer rsa.crt -inkey rsa.key -outform DER -out m.p7s",
	    "rsa.crt", true },
	{ "openssl cms -sign -binary -md sha256 -in m -signer code.crt -inkey code.key -outform DER -out m.p7s",
	    "code.crt", true },
	{ "openssl cms -sign -binary -md sha256 -in m -signer leaf.crt -inkey p256.key -outform DER -out m.p7s",
	    "leaf.crt", true },
	/* One key in two certificates, and a key alone. */
	{ SIGN, "leaf.crt", false },
	{ SIGN, "p256.pub", false },
	/* Signed by another key, whose certificate lies inside under the name and number of ours. */
	{ "openssl cms -sign -binary -md sha256 -in m -signer twin.crt -inkey twin.key -outform DER -out m.p7s",
	    "p256.crt", false },
	{ "echo x > x; " SIGN "-in x", "p256.crt", false },
	{ SIGN "-signer p384.crt -inkey p384.key", "p256.crt", false },
	{ SIGN "-nodetach", "p256.crt", false },
	{ SIGN "-noattr", "p256.crt", false },
	{ SIGN "-econtent_type 1.2.3.4", "p256.crt", false },
	{ SIGN "-md sha384", "p256.crt", false },
	{ "openssl cms -sign -binary -md sha1 -in m -signer rsa.crt -inkey rsa.key -outform DER -out m.p7s", "rsa.crt",
	    false },
	{ "openssl cms -sign -binary -md sha256 -in m -signer rsa.crt -inkey rsa.key -keyopt rsa_padding_mode:pss -outform DER "
	  "-out m.p7s",
	    "rsa.crt", false },
	{ SIGN "; echo >> m.p7s", "p256.crt", false },
	{ SIGN "-stream -nodetach", "p256.crt", false },
	{ SIGN "-outform PEM", "p256.crt", false },
	{ SIGN "; truncate -s -1 m.p7s", "p256.crt", false },
	{ "openssl cms -data_create -in m -outform DER -out m.p7s", "p256.crt", false },
	{ "openssl cms -digest_create -in m -outform DER -out m.p7s", "p256.crt", false },
	{ ": > m.p7s", "p256.crt", false },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char command[1024];

		(void)snprintf(command, sizeof command, "(rm -f m.p7s; %s) >log 2>&1", cases[i].make);
		if (sh(command) != 0)
			fail_msg("%s", command);
		if (fits(cases[i].certificate) != cases[i].fits)
			fail_msg(
			    "%s: %s is %s", cases[i].certificate, cases[i].make, cases[i].fits ? "refused" : "taken");
	}
}

/* No byte of it may be another one: what the signature does not cover, our rules do, but for the version numbers of the two
 * structures, which OpenSSL does not look at. */
static void test_every_byte(void **state)
{
	gf_pubkey *k = load("p256.crt");
	gf_buf file;
	size_t taken = 0;

	(void)state;
	assert_int_equal(sh(SIGN "-nocerts 2>log"), 0);
	get("m.p7s", &file);
	for (size_t i = 0; i < file.len; i++) {
		file.data[i] ^= 1;
		if (gf_signature_fits(k, "p7s", &file, "the very bytes\r\n", 16)) {
			taken++;
			assert_memory_equal(file.data + i - 2, "\2\1\0", 3);
		}
		file.data[i] ^= 1;
	}
	assert_int_equal(taken, 2);
	assert_true(gf_signature_fits(k, "p7s", &file, "the very bytes\r\n", 16));
	gf_buf_clear(&file);
	gf_pubkey_free(k);
}

/* The certificate is the key: its id is that of the key alone, and its text comes back. */
static void test_certificate(void **state)
{
	gf_pubkey *k = load("p256.crt"), *bare = load("p256.pub"), *again;
	gf_time from, until;
	gf_error err;
	gf_buf pem;

	(void)state;
	assert_true(gf_digest_equal(gf_pubkey_id(k), gf_pubkey_id(bare)));
	assert_true(gf_pubkey_is_certificate(k) && !gf_pubkey_is_certificate(bare));
	assert_string_equal(gf_pubkey_holder(k), "p256");
	gf_pubkey_times(k, &from, &until);
	assert_int_equal(until - from, 9 * 86400);
	assert_true(from <= gf_now() && until > gf_now());
	gf_pubkey_times(bare, &from, &until);
	assert_true(from == 0 && until == 0);
	gf_buf_init(&pem, GF_KEY_FILE_MAX);
	assert_true(gf_pubkey_print_certificate(k, &pem, &err));
	again = gf_pubkey_parse(pem.data, pem.len, "again.crt", &err);
	assert_non_null(again);
	assert_true(gf_digest_equal(gf_pubkey_id(k), gf_pubkey_id(again)));
	assert_false(gf_pubkey_print_certificate(bare, &pem, &err));
	assert_string_equal(err.name, "key-form");
	gf_pubkey_free(again);
	gf_pubkey_free(bare);
	gf_pubkey_free(k);
	gf_buf_clear(&pem);
}

/* Times that cannot be said are the first and the last that can. */
static void test_times(void **state)
{
	gf_time from, until, first, last;
	gf_pubkey *k;

	(void)state;
	assert_true(gf_time_parse("1970-01-01T00:00:01Z", &first));
	assert_true(gf_time_parse("2242-01-01T00:00:00Z", &last));
	assert_int_equal(
	    sh("(" REQ EC(
		"P-256") "-days 99999 -keyout k -out ages.crt && "
			 "openssl x509 -in ages.crt -outform DER | LC_ALL=C sed 's/\\x17\\x0d../\\x17\\x0d50/' | "
			 "openssl x509 -inform DER -out old.crt) >log 2>&1"),
	    0);
	k = load("ages.crt");
	gf_pubkey_times(k, &from, &until);
	assert_in_range(from, gf_now() - 3600, gf_now());
	assert_int_equal(until, last);
	gf_pubkey_free(k);
	k = load("old.crt");
	gf_pubkey_times(k, &from, &until);
	assert_int_equal(from, first);
	assert_int_equal(until, last);
	gf_pubkey_free(k);
}

/* A command that writes CMS makes a .p7s, which openssl takes; as raw signature it makes a .sig of the same key. */
static void test_command(void **state)
{
	static const struct {
		const char *command, *ext;
	} made[] = {
		{ "openssl cms -sign -binary -md sha256 -signer p256.crt -inkey p256.key -outform DER", "p7s" },
		{ "openssl cms -sign -binary -md sha256 -signer p256.crt -inkey p256.key -outform DER | base64",
		    "p7s" },
		{ "openssl dgst -sha256 -sign p256.key", "sig" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		gf_error err = { 0 };
		gf_signer *s = gf_signer_command(made[i].command, "p256.crt", &err);
		gf_member m;

		assert_non_null(s);
		if (!gf_signer_sign(s, "m", "the very bytes\r\n", 16, &m, &err))
			fail_msg("%s: %s", made[i].command, err.text);
		assert_string_equal(gf_signature_ext(m.name, "m"), made[i].ext);
		put("made", gf_buf_text(&m.bytes), m.bytes.len);
		if (strcmp(made[i].ext, "p7s") == 0)
			assert_int_equal(
			    sh("openssl cms -verify -binary -inform DER -in made -content m -CAfile p256.crt "
			       "-purpose any -out /dev/null 2>log"),
			    0);
		free(m.name);
		gf_buf_clear(&m.bytes);
		gf_signer_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_certificate), cmocka_unit_test(test_times), cmocka_unit_test(test_command) };

	return cmocka_run_group_tests(tests, make_people, leave);
}
