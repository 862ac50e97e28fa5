/* minisign and cosign.key: made here and read there, made there and read here, and everything else refused. */
#include <sodium.h>

#include "common.h"

static const char message[] = "{\"a\":1}\n";

typedef struct word {
	const char *text;
	unsigned asked;
} word;

static bool give_word(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	word *w = ctx;

	(void)what;
	(void)confirm;
	w->asked++;
	return gf_secret_set(out, w->text, strlen(w->text), err);
}

static gf_signer *open_with(const char *path, const char *text, unsigned *asked, gf_error *err)
{
	word w = { text, 0 };
	gf_asker asker = { .ask = give_word, .ctx = &w };
	bool plain;
	gf_signer *s = gf_signer_open(path, &asker, &plain, err);

	*asked = w.asked;
	return s;
}

static void expect_refused(const char *make, const char *name, unsigned most)
{
	gf_error err = { 0 };
	unsigned asked;
	gf_signer *s;

	assert_int_equal(sh(make), 0);
	s = open_with("k.key", "supersecret", &asked, &err);
	if (s != NULL || strcmp(err.name, name) != 0 || err.class != GF_USAGE)
		fail_msg("%s: expected %s, found %s: %s", make, name, err.name, err.text);
	assert_true(asked <= most);
}

static bool fits_file(const gf_pubkey *k, const char *path)
{
	gf_buf b;
	gf_error err;
	bool ok;

	gf_buf_init(&b, GF_SIGNATURE_MAX);
	assert_true(gf_file_load(path, GF_SIGNATURE_MAX, GF_FAILED, &b, &err));
	ok = gf_signature_fits(k, "minisig", &b, message, strlen(message));
	gf_buf_clear(&b);
	return ok;
}

static void comment_is(const char *path, const char *ext, const char *want)
{
	gf_buf file, comment;
	gf_error err;

	get(path, &file);
	gf_buf_init(&comment, GF_SIGNATURE_MAX);
	assert_true(gf_signature_comment(ext, &file, &comment, &err));
	assert_string_equal(gf_buf_text(&comment), want);
	gf_buf_clear(&file);
	gf_buf_clear(&comment);
}

static void make_pair(void)
{
	gf_secret text = { 0 };
	gf_buf public;
	gf_error err;

	gf_buf_init(&public, GF_KEY_FILE_MAX);
	assert_true(gf_key_generate("minisign", NULL, &text, &public, &err));
	put("k.key", text.data, text.len);
	put("k.pub", public.data, public.len);
	put("m", message, strlen(message));
	gf_secret_clear(&text);
	gf_buf_clear(&public);
}

static void test_both_ways(void **state)
{
	gf_error err;
	gf_member m;
	gf_signer *s;
	gf_pubkey *k, *pem;
	unsigned asked;
	gf_buf out;

	(void)state;
	make_pair();
	s = open_with("k.key", "", &asked, &err);
	assert_non_null(s);
	assert_int_equal(asked, 0);
	assert_true(gf_signer_sign(s, "m", message, strlen(message), &m, &err));
	put("m.minisig", m.bytes.data, m.bytes.len);
	assert_int_equal(sh("minisign -V -q -H -p k.pub -m m"), 0);
	assert_string_equal(gf_signature_ext(m.name, "m"), "minisig");
	assert_int_equal(sh("rm m.minisig && minisign -S -s k.key -m m -t 'hello\tthere' > /dev/null"), 0);
	k = load("k.pub");
	assert_true(fits_file(k, "m.minisig"));
	/* The same key in PEM has the same id and takes the same file. */
	gf_buf_init(&out, GF_KEY_FILE_MAX);
	assert_true(gf_pubkey_print(k, &out, &err));
	pem = gf_pubkey_parse(out.data, out.len, "k", &err);
	assert_true(gf_digest_equal(gf_pubkey_id(k), gf_pubkey_id(pem)));
	assert_true(fits_file(pem, "m.minisig"));
	gf_buf_clear(&out);
	assert_true(gf_pubkey_print_minisign(k, &out, &err));
	put("again.pub", out.data, out.len);
	assert_int_equal(sh("minisign -V -q -p again.pub -m m"), 0);
	gf_buf_clear(&out);
	comment_is("m.minisig", "minisig", "hello\tthere");
	comment_is("m.minisig", "sig", "");
	comment_is("m", "minisig", "");
	assert_int_equal(sh("python3 -c \"import base64; l = open('k.pub').read().split('\\n'); "
			    "assert l[0].split()[-1] == base64.b64decode(l[1])[2:10][::-1].hex().upper(), l\""),
	    0);
	/* signed as they are, and not to be shown */
	assert_int_equal(sh("for c in '\\033[2J' '\\177' '\\302\\205'; do minisign -S -s k.key -m m -x control "
			    "-t \"a$(printf \"$c\")b\" > /dev/null && cp control control.${#c}; done && "
			    "minisign -S -s k.key -m m -x umlaut -t \"$(printf '\\302\\240\\303\\274')\" > /dev/null"),
	    0);
	assert_true(fits_file(k, "umlaut"));
	assert_int_equal(
	    sh("grep -v '^trusted' m.minisig > three && (cat m.minisig; echo x) > five && "
	       "sed 's/hello/hullo/' m.minisig > comment && sed 's/$/\\r/' m.minisig > crlf && "
	       "sed 's/hello/\\x1b[2J/' m.minisig > escape && head -c -1 m.minisig > nolf && "
	       "sed '4s/^./-/' m.minisig > global && : > empty && "
	       "sed '1s/^u/v/' m.minisig > first && head -n 1 m.minisig > one && "
	       "sed \"1s/$/$(head -c 1100 /dev/zero | tr '\\0' a)/\" m.minisig > long && "
	       "minisign -S -s k.key -m m -x nearly -c \"$(head -c 900 /dev/zero | tr '\\0' a)\" > /dev/null && "
	       "cp m.minisig o.minisig && minisign -S -l -s k.key -m m -x legacy > /dev/null"),
	    0);
	assert_true(fits_file(k, "nearly"));
	for (const char *const *p = (const char *const[]){ "three", "five", "comment", "crlf", "escape", "nolf",
		 "global", "empty", "first", "one", "long", "legacy", "control.4", "control.7", "control.8", NULL };
	     *p != NULL; p++)
		if (fits_file(k, *p))
			fail_msg("%s accepted", *p);
	assert_true(gf_file_load("legacy", GF_SIGNATURE_MAX, GF_FAILED, &out, &err));
	assert_true(gf_signature_legacy("minisig", &out));
	gf_buf_clear(&out);
	/* Every bit of the lines that count. */
	for (size_t at = 0; at < m.bytes.len * 8; at++) {
		if (at / 8 < (size_t)(strchr(m.bytes.data, '\n') - m.bytes.data))
			continue;
		m.bytes.data[at / 8] = (char)(m.bytes.data[at / 8] ^ 1 << at % 8);
		assert_false(gf_signature_fits(k, "minisig", &m.bytes, message, strlen(message)));
		m.bytes.data[at / 8] = (char)(m.bytes.data[at / 8] ^ 1 << at % 8);
	}
	assert_true(gf_signature_fits(k, "minisig", &m.bytes, message, strlen(message)));
	gf_members_free(NULL, 0);
	free(m.name);
	gf_buf_clear(&m.bytes);
	gf_pubkey_free(k);
	gf_pubkey_free(pem);
	gf_signer_free(s);
	/* A key that minisign made; one of another number does not fit. */
	assert_int_equal(
	    sh("minisign -G -f -W -p o.pub -s k.key > /dev/null && minisign -S -s k.key -m m > /dev/null"), 0);
	k = load("o.pub");
	assert_true(fits_file(k, "m.minisig"));
	assert_false(fits_file(k, "o.minisig"));
	gf_pubkey_free(k);
}

#ifdef GF_TEST_FAULTS
/* scrypt without the memory that the file asks for: not the passphrase is wrong. */
static void without_memory(const char *path)
{
	static int errno_to_set;
	gf_error err = { 0 };
	unsigned asked;
	char plan[32];

	(void)snprintf(plan, sizeof plan, "scrypt:1:%d", ++errno_to_set); /* the same plan fails but once */
	assert_int_equal(setenv("GAPFERRY_FAIL", plan, 1), 0);
	assert_null(open_with(path, "supersecret", &asked, &err));
	assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
	assert_string_equal(err.name, "no-memory");
	assert_int_equal(err.class, GF_FAILED);
	assert_int_equal(asked, 1);
}

#else
#define without_memory(path) ((void)0)
#endif

/* By its passphrase, here and there: 1 GiB of work each. */
static void test_encrypted(void **state)
{
	gf_secret passphrase = { 0 }, text = { 0 };
	gf_buf public;
	gf_error err;
	unsigned asked;
	gf_signer *s;

	(void)state;
	gf_buf_init(&public, GF_KEY_FILE_MAX);
	assert_true(gf_secret_set(&passphrase, "supersecret", 11, &err));
	assert_true(gf_key_generate("minisign", &passphrase, &text, &public, &err));
	put("k.key", text.data, text.len);
	put("k.pub", public.data, public.len);
	put("m", message, strlen(message));
	gf_secret_clear(&text);
	gf_secret_clear(&passphrase);
	gf_buf_clear(&public);
	assert_int_equal(
	    sh("echo supersecret | minisign -S -s k.key -m m > /dev/null && minisign -V -q -p k.pub -m m"), 0);
	s = open_with("k.key", "supersecret", &asked, &err);
	assert_non_null(s);
	assert_int_equal(asked, 1);
	gf_signer_free(s);
	assert_null(open_with("k.key", "wrong", &asked, &err));
	assert_string_equal(err.name, "passphrase");
	nobody_to_ask("k.key");
	without_memory("k.key");
}

#define EDIT(python)                                                                                                   \
	"python3 -c \"import base64;l=open('good').read().split('\\n');b=bytearray(base64.b64decode(l[1]));" python    \
	";open('k.key','w').write(l[0]+'\\n'+base64.b64encode(b).decode()+'\\n')\""

static void test_bad_minisign(void **state)
{
	(void)state;
	make_pair();
	assert_int_equal(sh("cp k.key good"), 0);
	expect_refused("head -c -1 good > k.key", "key-form", 0);
	expect_refused("(cat good; echo) > k.key", "key-form", 0);
	expect_refused("head -n 1 good > k.key", "key-form", 0);
	expect_refused("cp k.pub k.key", "key-form", 0);
	expect_refused(EDIT("b[0]=0"), "key-form", 0);
	expect_refused(EDIT("b[2]=88"), "key-form", 0);
	expect_refused(EDIT("b[4]=0"), "key-form", 0);
	expect_refused(EDIT("b[60]^=1"), "key-form", 0);
	expect_refused(EDIT("b[157]^=1"), "key-form", 0);
	expect_refused(EDIT("b=b[:-1]"), "key-form", 0);
	expect_refused(EDIT("b+=b'xxx'"), "key-form", 0);
	expect_refused(EDIT("b[2:4]=b'Sc';b[46:54]=(2**62).to_bytes(8,'little')"), "key-work", 0);
	expect_refused(EDIT("b[2:4]=b'Sc';b[38:46]=(2**40).to_bytes(8,'little')"), "key-work", 0);
	expect_refused(EDIT("b[2:4]=b'Sc'"), "passphrase", 1);
}

/* ---- cosign.key ---- */

static const char *inside = "der", *kdf = "scrypt", *cipher = "nacl/secretbox";

/* What cosign writes (encrypted.Encrypt of go-securesystemslib), by libsodium. */
static void write_cosign(const char *label, const char *n, size_t keep)
{
	static const unsigned char salt[32] = { 1 }, nonce[crypto_secretbox_NONCEBYTES] = { 2 };
	unsigned char key[32], box[4096];
	gf_buf der, json, pem, raw;
	gf_error err;

	assert_int_equal(
	    sh("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | tee p.pem | "
	       "openssl pkcs8 -topk8 -nocrypt -outform DER -out der && openssl pkey -in p.pem -pubout -out k.pub"),
	    0);
	gf_buf_init(&der, 2048);
	gf_buf_init(&raw, 4096);
	gf_buf_init(&json, 8192);
	gf_buf_init(&pem, 16384);
	assert_true(gf_file_load(inside, 2048, GF_FAILED, &der, &err));
	assert_int_equal(
	    crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)"supersecret", 11, salt, 32, 32768, 8, 1, key, 32),
	    0);
	assert_int_equal(crypto_secretbox_easy(box, (const unsigned char *)der.data, der.len, nonce, key), 0);
	assert_true(gf_buf_printf(&json, &err,
			"{\"kdf\":{\"name\":\"%s\",\"params\":{\"N\":%s,\"r\":8,\"p\":1},\"salt\":\"", kdf, n) &&
	    gf_base64_encode(&json, salt, 32, &err) &&
	    gf_buf_printf(&json, &err, "\"},\"cipher\":{\"name\":\"%s\",\"nonce\":\"", cipher) &&
	    gf_base64_encode(&json, nonce, sizeof nonce, &err) && gf_buf_puts(&json, "\"},\"ciphertext\":\"", &err) &&
	    gf_base64_encode(&json, box, keep != 0 ? keep : der.len + crypto_secretbox_MACBYTES, &err) &&
	    gf_buf_puts(&json, "\"}", &err) && gf_base64_encode(&raw, json.data, json.len, &err) &&
	    gf_buf_printf(&pem, &err, "-----BEGIN %s-----\n", label));
	for (size_t i = 0; i < raw.len; i += 64)
		assert_true(gf_buf_printf(&pem, &err, "%.64s\n", raw.data + i));
	assert_true(gf_buf_printf(&pem, &err, "-----END %s-----\n", label));
	put("k.key", pem.data, pem.len);
	put("m", message, strlen(message));
	gf_buf_clear(&der);
	gf_buf_clear(&raw);
	gf_buf_clear(&json);
	gf_buf_clear(&pem);
}

static void test_cosign(void **state)
{
	static const char *const labels[] = { "ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		gf_error err;
		unsigned asked;
		gf_signer *s;
		gf_member m;

		write_cosign(labels[i], "32768", 0);
		s = open_with("k.key", "supersecret", &asked, &err);
		if (s == NULL)
			fail_msg("%s: %s", err.name, err.text);
		assert_int_equal(asked, 1);
		assert_true(gf_signer_sign(s, "m", message, strlen(message), &m, &err));
		put("m.sig", m.bytes.data, m.bytes.len);
		assert_int_equal(
		    sh("base64 -d m.sig > s && openssl dgst -sha256 -verify k.pub -signature s m > /dev/null"), 0);
		free(m.name);
		gf_buf_clear(&m.bytes);
		gf_signer_free(s);
		assert_null(open_with("k.key", "wrong", &asked, &err));
		assert_string_equal(err.name, "passphrase");
		nobody_to_ask("k.key");
		without_memory("k.key");
		write_cosign(labels[i], "1073741824", 0);
		expect_refused("true", "key-work", 0);
		write_cosign(labels[i], "32769", 0);
		expect_refused("true", "key-work", 0);
		write_cosign(labels[i], "0", 0);
		expect_refused("true", "key-work", 0);
		write_cosign(labels[i], "32768", 16);
		expect_refused("true", "key-form", 0);
		write_cosign(labels[i], "32768", 60);
		expect_refused("true", "passphrase", 1);
		write_cosign(labels[i], "\"x\"", 0);
		expect_refused("true", "json-type", 0);
		write_cosign(labels[i], "32768,\"q\":1", 0);
		expect_refused("true", "unknown-key", 0);
	}
}

static void test_cosign_other(void **state)
{
	static const char label[] = "ENCRYPTED SIGSTORE PRIVATE KEY";

	(void)state;
	kdf = "argon2id";
	write_cosign(label, "32768", 0);
	expect_refused("true", "key-form", 0);
	kdf = "scrypt";
	cipher = "aes-gcm";
	write_cosign(label, "32768", 0);
	expect_refused("true", "key-form", 0);
	cipher = "nacl/secretbox";
	inside = "m"; /* which is no key */
	write_cosign(label, "32768", 0);
	expect_refused("true", "key-form", 1);
	inside = "der";
}

#define COSIGN(python)                                                                                                 \
	"python3 -c \"import base64,json;l=open('good').read().strip().split('\\n');"                                  \
	"j=json.loads(base64.b64decode(''.join(l[1:-1])));k=j['kdf'];p=k['params'];c=j['cipher'];" python              \
	";open('k.key','wb').write(l[0].encode()+b'\\n'+base64.encodebytes(json.dumps(j).encode())+l[-1].encode()+b'\\n')\""

/* Each member of the file once as it must not be.  Work and memory are bounded before they are spent. */
static void test_cosign_members(void **state)
{
	static const struct {
		const char *edit, *name;
	} rows[] = { { COSIGN("p['r']=0"), "key-work" }, { COSIGN("p['r']=65"), "key-work" },
		{ COSIGN("p['r']=64;p['N']=2**18"), "key-work" }, { COSIGN("p['r']=1;p['N']=2**24"), "key-work" },
		{ COSIGN("p['N']=1"), "key-work" }, { COSIGN("p['p']=0"), "key-work" },
		{ COSIGN("p['p']=5"), "key-work" }, { COSIGN("p['r']=-1"), "json-range" },
		{ COSIGN("p['r']='8'"), "json-type" }, { COSIGN("del p['r']"), "missing-key" },
		{ COSIGN("del p['p']"), "missing-key" }, { COSIGN("p['x']=1"), "unknown-key" },
		{ COSIGN("k['x']=1"), "unknown-key" }, { COSIGN("c['x']=1"), "unknown-key" },
		{ COSIGN("j['x']=1"), "unknown-key" }, { COSIGN("del j['kdf']"), "missing-key" },
		{ COSIGN("del j['cipher']"), "missing-key" }, { COSIGN("del j['ciphertext']"), "missing-key" },
		{ COSIGN("del k['name']"), "missing-key" }, { COSIGN("del k['params']"), "missing-key" },
		{ COSIGN("del k['salt']"), "missing-key" }, { COSIGN("del c['name']"), "missing-key" },
		{ COSIGN("del c['nonce']"), "missing-key" }, { COSIGN("c['name']=7"), "json-type" },
		{ COSIGN("k['salt']=''"), "key-form" }, { COSIGN("k['salt']='!'"), "base64" },
		{ COSIGN("k['salt']='AAAA'*22"), "too-large" }, { COSIGN("c['nonce']='AAAA'"), "key-form" },
		{ COSIGN("j['ciphertext']='A'"), "base64" }, { COSIGN("j=[]"), "json-type" } };
	gf_error err = { 0 };
	unsigned asked;
	gf_signer *s;

	(void)state;
	write_cosign("ENCRYPTED SIGSTORE PRIVATE KEY", "32768", 0);
	assert_int_equal(sh("cp k.key good"), 0);
	assert_int_equal(sh(COSIGN("pass")), 0);
	s = open_with("k.key", "supersecret", &asked, &err);
	assert_non_null(s); /* the edit itself is no harm */
	gf_signer_free(s);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_refused(rows[i].edit, rows[i].name, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_ways), cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_bad_minisign), cmocka_unit_test(test_cosign), cmocka_unit_test(test_cosign_other),
		cmocka_unit_test(test_cosign_members) };

	return cmocka_run_group_tests(tests, enter, leave);
}
