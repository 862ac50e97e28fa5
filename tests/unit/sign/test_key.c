/* Keys: one id for all encodings of one key; everything else refused by name. */
#include "common.h"

#define MINISIGN(line) "printf 'untrusted comment: minisign public key\\n" line "'"

#define REQ "openssl req -x509 -nodes -subj /CN=x -keyout k "

static const char *const refused[][3] = {
	{ "openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit | openssl ec -pubout -param_enc explicit",
	    "key-parameters", "explicit curve" },
	{ "openssl ecparam -name secp384r1 -genkey -noout -param_enc explicit | openssl ec -pubout -param_enc explicit",
	    "key-parameters", "explicit curve, P-384" },
	{ "openssl ecparam -name secp521r1 -genkey -noout | openssl ec -pubout", "key-type", "P-521" },
	{ "openssl ecparam -name secp224r1 -genkey -noout | openssl ec -pubout", "key-type", "P-224" },
	{ "openssl genrsa 1024 | openssl rsa -pubout", "key-type", "RSA-1024" },
	{ "openssl genrsa 2048 | openssl rsa -pubout", "key-type", "RSA-2048" },
	{ "openssl genrsa -3 3072 | openssl rsa -pubout", "key-type", "RSA with exponent 3" },
	{ "openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:3072 | openssl pkey -pubout", "key-type",
	    "RSA-PSS" },
	{ "openssl genpkey -algorithm X25519 | openssl pkey -pubout", "key-type", "X25519" },
	{ "openssl ecparam -name prime256v1 -genkey -noout", "key-private", "EC private key" },
	{ "openssl genpkey -algorithm ed25519", "key-private", "PKCS#8" },
	{ "cat p256.pub; openssl genpkey -algorithm ed25519", "key-private", "a public key and a private one" },
	{ "openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -passout pass:x", "key-private", "encrypted" },
	{ "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=x -out c && "
	  "openssl pkcs12 -export -in c -inkey k -passout pass:x",
	    "key-private", "PKCS#12" },
	{ REQ "-newkey ed25519", "key-type", "certificate of an Ed25519 key" },
	{ REQ "-newkey rsa:2048", "key-type", "certificate of an RSA-2048 key" },
	{ REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", "key-parameters",
	    "certificate with an explicit curve" },
	{ REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -addext keyUsage=keyCertSign", "key-type",
	    "certificate that is not for signatures" },
	{ "cat c c", "key-form", "two certificates" },
	{ "openssl x509 -in c -outform DER | LC_ALL=C sed 's/\\x17\\x0d..../\\x17\\x0d9999/' | openssl x509 -inform DER",
	    "key-form", "a certificate whose time has no such month" },
	{ "openssl req -new -newkey rsa:3072 -nodes -keyout k -subj /CN=x", "key-type", "a request" },
	{ "cat c p256.pub", "key-form", "a certificate and a key" },
	{ "sed 's/CERTIFICATE/PUBLIC KEY/' c", "key-form", "a certificate that says it is a key" },
	{ "sed 's/PUBLIC KEY/CERTIFICATE/' p256.pub", "key-form", "a key that says it is a certificate" },
	{ "(openssl x509 -in c -outform DER; echo x) | base64 | "
	  "sed '1i-----BEGIN CERTIFICATE-----' | sed '$a-----END CERTIFICATE-----'",
	    "key-form", "bytes behind the certificate" },
	{ MINISIGN("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\\nx\\n"), "key-form",
	    "minisign, a third line" },
	{ MINISIGN("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"), "key-form", "minisign, no LF" },
	{ MINISIGN("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO\\n"), "key-form", "minisign, cut" },
	{ MINISIGN("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\\r\\n"), "key-form", "minisign, CR LF" },
	{ MINISIGN("RUQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\\n"), "key-type",
	    "minisign, algorithm ED" },
	{ MINISIGN("RWQf6LRCGA9i5wEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\n"), "key-type",
	    "minisign, the neutral element" },
	{ "rm -f x.pub x.key; minisign -G -W -p x.pub -s x.key > /dev/null 2>&1; cat x.key", "key-private",
	    "minisign, private" },
	{ "cat p256.pub p256.pub", "key-form", "two keys" },
	{ "openssl pkey -pubin -in p256.pub -outform DER", "key-form", "DER" },
	{ "true", "key-form", "empty" },
	{ "echo hello", "key-form", "text" },
	{ "head -c 200 /dev/zero", "key-form", "zeros" },
	{ "sed 2d p256.pub", "key-form", "cut base64" },
	{ "(openssl pkey -pubin -in p256.pub -outform DER; echo x) | base64 | "
	  "sed '1i-----BEGIN PUBLIC KEY-----' | sed '$a-----END PUBLIC KEY-----'",
	    "key-form", "bytes behind the key" },
};

#define P256 "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define ED25519 "302a300506032b6570032100"

/* SubjectPublicKeyInfo in hex digits. */
static const char *const refused_der[][3] = {
	{ ED25519 "0100000000000000000000000000000000000000000000000000000000000000", "key-type",
	    "the neutral element" },
	{ ED25519 "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "key-type", "order 8" },
	{ ED25519 "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "key-type",
	    "p + 1, not canonical" },
	{ "302930"
	  "0506032b6570032000"
	  "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549",
	    "key-type", "31 bytes" },
	{ "302c300706032b65700500032100"
	  "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa",
	    "key-parameters", "Ed25519 with parameters" },
	{ P256 "04"
	       "0000000000000000000000000000000000000000000000000000000000000001"
	       "0000000000000000000000000000000000000000000000000000000000000001",
	    "key-type", "off the curve" },
	{ "3019301306072a8648ce3d020106082a8648ce3d03010703020000", "key-type", "the point at infinity" },
	{ "3009300706072a8648ce3d0201", "key-form", "no key" },
	{ "3011300b06072a8648ce3d0201050003020004", "key-parameters", "an EC key with NULL for a curve" },
	{ "3000", "key-form", "nothing inside" },
	{ "30820000", "key-form", "a length that is not minimal" },
	{ "3080", "key-form", "cut" },
};

static void make_keys(void)
{
	assert_int_equal(
	    sh("openssl ecparam -name prime256v1 -genkey -noout -out p256.key 2>/dev/null && "
	       "openssl ec -in p256.key -pubout -out p256.pub 2>/dev/null && "
	       "openssl genpkey -algorithm ed25519 -out ed.key && openssl pkey -in ed.key -pubout -out ed.pub"),
	    0);
}

static void test_refused(void **state)
{
	(void)state;
	make_keys();
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		char command[2048];
		gf_error err = { 0 };
		gf_pubkey *k;

		(void)snprintf(command, sizeof command, "(%s) > bad.pub 2>/dev/null", refused[i][0]);
		assert_int_equal(sh(command), 0);
		k = gf_pubkey_load("bad.pub", &err);
		if (k != NULL)
			fail_msg("accepted: %s", refused[i][2]);
		if (strcmp(err.name, refused[i][1]) != 0 || err.class != GF_USAGE)
			fail_msg("%s: expected %s, found %s: %s", refused[i][2], refused[i][1], err.name, err.text);
	}
}

/* An RSA key is two numbers: odd, the modulus of 3072 to 8192 bits, the exponent of 17 to 256, neither padded. */
static void test_rsa_numbers(void **state)
{
	static const struct {
		const char *n, *e, *pad, *name;
	} rows[] = {
		{ "2**3072-1", "65537", "0", NULL },
		{ "2**3071+1", "2**256-1", "0", NULL },
		{ "2**8192-1", "2**16+1", "0", NULL },
		{ "2**3071-1", "65537", "0", "key-type" },
		{ "2**8192+1", "65537", "0", "key-type" },
		{ "2**3072-2", "65537", "0", "key-type" },
		{ "2**3072-1", "65538", "0", "key-type" },
		{ "2**3072-1", "2**16-1", "0", "key-type" },
		{ "2**3072-1", "2**256+1", "0", "key-type" },
		{ "2**3072-1", "1", "0", "key-type" },
		{ "2**3072-1", "65537", "1", "key-type" },
		{ "1-2**3072", "65537", "0", "key-type" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char command[2048];
		gf_error err = { 0 };
		gf_pubkey *k;

		(void)snprintf(command, sizeof command,
		    "python3 -c \"\n"
		    "import base64\n"
		    "def tlv(t, b):\n"
		    "    n = len(b).to_bytes(2, 'big').lstrip(b'\\0') or b'\\0'\n"
		    "    return bytes([t]) + (n if len(b) < 128 else bytes([128 + len(n)]) + n) + b\n"
		    "def number(v): return tlv(2, bytes(%s) + v.to_bytes(v.bit_length() // 8 + 1, 'big', signed=True))\n"
		    "key = tlv(0x30, number(%s) + number(%s))\n"
		    "rsa = tlv(0x30, bytes.fromhex('06092a864886f70d0101010500'))\n"
		    "der = tlv(0x30, rsa + tlv(3, b'\\0' + key))\n"
		    "print('-----BEGIN PUBLIC KEY-----')\n"
		    "print(base64.encodebytes(der).decode(), end='')\n"
		    "print('-----END PUBLIC KEY-----')\n"
		    "\" > rsa.pub",
		    rows[i].pad, rows[i].n, rows[i].e);
		assert_int_equal(sh(command), 0);
		k = gf_pubkey_load("rsa.pub", &err);
		if ((k == NULL) != (rows[i].name != NULL) || (k == NULL && strcmp(err.name, rows[i].name) != 0))
			fail_msg("n %s, e %s, %s of padding: %s %s", rows[i].n, rows[i].e, rows[i].pad,
			    k != NULL ? "taken" : err.name, err.text);
		gf_pubkey_free(k);
	}
}

static void test_refused_der(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused_der / sizeof refused_der[0]; i++) {
		const char *hex = refused_der[i][0];
		unsigned char der[256];
		gf_error err = { 0 };
		gf_buf pem;

		for (size_t j = 0; hex[2 * j] != '\0'; j++) {
			const char byte[] = { hex[2 * j], hex[2 * j + 1], '\0' };

			der[j] = (unsigned char)strtoul(byte, NULL, 16);
		}
		gf_buf_init(&pem, GF_KEY_FILE_MAX);
		assert_true(gf_buf_puts(&pem, "-----BEGIN PUBLIC KEY-----\n", &err) &&
		    gf_base64_encode(&pem, der, strlen(hex) / 2, &err));
		/* PEM wants lines of 64. */
		for (size_t at = 27 + 64; at < pem.len; at += 65) {
			assert_true(gf_buf_puts(&pem, " ", &err));
			memmove(pem.data + at + 1, pem.data + at, pem.len - 1 - at);
			pem.data[at] = '\n';
		}
		assert_true(gf_buf_puts(&pem, "\n-----END PUBLIC KEY-----\n", &err));
		if (gf_pubkey_parse(pem.data, pem.len, "x", &err) != NULL)
			fail_msg("accepted: %s", refused_der[i][2]);
		if (strcmp(err.name, refused_der[i][1]) != 0 || err.class != GF_USAGE)
			fail_msg(
			    "%s: expected %s, found %s: %s", refused_der[i][2], refused_der[i][1], err.name, err.text);
		gf_buf_clear(&pem);
	}
}

/* A refusal says what was found. */
static void test_what_is_said(void **state)
{
#define DER(hex)                                                                                                       \
	"python3 -c \"import base64; print('-----BEGIN PUBLIC KEY-----\\n' + base64.b64encode(bytes.fromhex('" hex     \
	"')).decode() + '\\n-----END PUBLIC KEY-----')\""
	static const char *const cases[][2] = {
		{ "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 | openssl pkey -pubout",
		    "of type 'secp521r1'" },
		{ "openssl genpkey -algorithm x25519 | openssl pkey -pubout", "of type 'X25519'" },
		{ "openssl genrsa 2048 | openssl rsa -pubout", "expected a modulus of 3072 to" },
		{ DER("300d300506032a0304030400010203"), "of type 'unknown'" },
		{ DER("302c300706032b657005000321007d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa"),
		    "than that type has (none)" },
		{ DER("3010300b06092a864886f70d010101030100"), "than that type has (NULL)" },
		{ DER(ED25519 "0100000000000000000000000000000000000000000000000000000000000000"), "holds a point" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char command[2048];
		gf_error err = { 0 };

		(void)snprintf(command, sizeof command, "(%s) > bad.pub 2>/dev/null", cases[i][0]);
		assert_int_equal(sh(command), 0);
		assert_null(gf_pubkey_load("bad.pub", &err));
		if (strstr(err.text, cases[i][1]) == NULL)
			fail_msg("%s: expected '%s', found '%s'", cases[i][0], cases[i][1], err.text);
	}
}

/* Nothing of a private key that was given by mistake may be repeated. */
static void test_nothing_echoed(void **state)
{
	gf_error err = { 0 };
	gf_buf text;

	(void)state;
	make_keys();
	get("p256.key", &text);
	assert_null(gf_pubkey_load("p256.key", &err));
	assert_string_equal(err.name, "key-private");
	for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		assert_null(strstr(err.text, line));
		assert_null(strstr(err.object, line));
	}
	gf_buf_clear(&text);
}

/* Compressed, hybrid and uncompressed: one key, one id, and that id is what openssl and sha256sum say. */
static void test_one_id(void **state)
{
	static const char *const forms[] = { "compressed", "hybrid", "uncompressed" };
	char hex[GF_HEX_SIZE];
	gf_pubkey *k;
	gf_buf want;

	(void)state;
	make_keys();
	assert_int_equal(
	    sh("openssl pkey -pubin -in p256.pub -outform DER | sha256sum | cut -c1-64 | tr -d '\\n' > want"), 0);
	get("want", &want);
	for (size_t i = 0; i < 3; i++) {
		char command[256];
		gf_buf pem, given;
		gf_error err;

		(void)snprintf(command, sizeof command,
		    "openssl ec -in p256.key -pubout -conv_form %s -out form.pub 2>/dev/null", forms[i]);
		assert_int_equal(sh(command), 0);
		k = load("form.pub");
		gf_digest_hex(gf_pubkey_id(k), hex);
		assert_string_equal(hex, want.data);
		assert_string_equal(gf_pubkey_type(k), "ecdsa-p256");
		assert_string_equal(gf_pubkey_holder(k), "form");
		gf_buf_init(&pem, GF_KEY_FILE_MAX);
		assert_true(gf_pubkey_print(k, &pem, &err));
		get("p256.pub", &given);
		assert_string_equal(pem.data, given.data);
		gf_buf_clear(&pem);
		gf_buf_clear(&given);
		gf_pubkey_free(k);
	}
	gf_buf_clear(&want);
}

static void test_ed25519_id(void **state)
{
	char hex[GF_HEX_SIZE];
	gf_pubkey *k;
	gf_buf want;

	(void)state;
	make_keys();
	assert_int_equal(
	    sh("openssl pkey -pubin -in ed.pub -outform DER | sha256sum | cut -c1-64 | tr -d '\\n' > want"), 0);
	get("want", &want);
	k = load("ed.pub");
	gf_digest_hex(gf_pubkey_id(k), hex);
	assert_string_equal(hex, want.data);
	assert_string_equal(gf_pubkey_type(k), "ed25519");
	gf_pubkey_free(k);
	gf_buf_clear(&want);
}

static void test_not_there(void **state)
{
	gf_error err = { 0 };

	(void)state;
	assert_null(gf_pubkey_load("none.pub", &err));
	assert_int_equal(err.class, GF_USAGE);
	assert_string_equal(err.name, "not-found");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_refused), cmocka_unit_test(test_rsa_numbers),
		cmocka_unit_test(test_refused_der), cmocka_unit_test(test_what_is_said),
		cmocka_unit_test(test_nothing_echoed), cmocka_unit_test(test_one_id), cmocka_unit_test(test_ed25519_id),
		cmocka_unit_test(test_not_there) };

	return cmocka_run_group_tests(tests, enter, leave);
}
