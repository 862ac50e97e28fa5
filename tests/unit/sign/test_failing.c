/* Keys and signatures when an allocation, OpenSSL's own among them, or a call to a library or to the system fails: an error
 * that says so, or what a run without faults gives; a signature that does not fit never fits. */
#include "common.h"
#include "tests/unit/failing.h"

static const char TEXT[] = "what is signed\n";

/* ---- jobs: ctx is the stem of a key's files ---- */

static bool public_job(void *ctx, gf_error *err)
{
	char path[64];
	gf_pubkey *k;
	gf_buf out, want;
	bool ok;

	(void)snprintf(path, sizeof path, "%s.pub", (const char *)ctx);
	gf_buf_init(&out, GF_KEY_FILE_MAX);
	k = gf_pubkey_load(path, err);
	ok = k != NULL &&
	    (gf_pubkey_is_minisign(k) ? gf_pubkey_print_minisign(k, &out, err) : gf_pubkey_print(k, &out, err));
	faults_end();
	if (ok && !gf_pubkey_is_minisign(k)) {
		get(path, &want);
		assert_string_equal(out.data, want.data);
		gf_buf_clear(&want);
	}
	gf_buf_clear(&out);
	gf_pubkey_free(k);
	return ok;
}

/* Read, signed with, and the signature looked at without faults. */
static bool sign_job(void *ctx, gf_error *err)
{
	gf_member m = { .name = NULL };
	bool plain = false, ok;
	char path[64];
	gf_signer *s;

	(void)snprintf(path, sizeof path, "%s.key", (const char *)ctx);
	s = gf_signer_open(path, NULL, &plain, err);
	ok = s != NULL && gf_signer_sign(s, "text", TEXT, sizeof TEXT - 1, &m, err);
	faults_end();
	if (ok)
		assert_true(gf_signature_fits(
		    gf_signer_public(s), gf_signature_ext(m.name, "text"), &m.bytes, TEXT, sizeof TEXT - 1));
	free(m.name);
	gf_buf_clear(&m.bytes);
	gf_signer_free(s);
	return ok;
}

/* There is no error to give: it fits, or this does not know. */
static bool fits_job(void *ctx, gf_error *err)
{
	const gf_member *m = ctx;
	char path[64];
	gf_pubkey *k;
	bool fits, never;

	(void)snprintf(path, sizeof path, "%.*s.pub", (int)strcspn(m->name, "."), m->name);
	k = gf_pubkey_load(path, err);
	if (k == NULL)
		return false;
	fits = gf_signature_fits(k, strrchr(m->name, '.') + 1, &m->bytes, TEXT, sizeof TEXT - 1);
	never = gf_signature_fits(k, strrchr(m->name, '.') + 1, &m->bytes, TEXT, sizeof TEXT - 2);
	faults_end();
	gf_pubkey_free(k);
	assert_false(never);
	return fits || gf_fail(err, GF_FAILED, "no-memory", NULL, "does not fit");
}

static bool generate_job(void *ctx, gf_error *err)
{
	const char *type = ctx;
	gf_secret private = { .data = NULL };
	gf_buf public;
	gf_pubkey *k;
	bool ok;

	gf_buf_init(&public, GF_KEY_FILE_MAX);
	ok = gf_key_generate(type, NULL, &private, &public, err);
	faults_end();
	if (ok) {
		k = gf_pubkey_parse(public.data, public.len, "k", err);
		assert_non_null(k);
		gf_pubkey_free(k);
	}
	gf_secret_clear(&private);
	gf_buf_clear(&public);
	return ok;
}

static bool command_job(void *ctx, gf_error *err)
{
	static char command[] = "openssl dgst -sha256 -sign p256.key";
	gf_member m = { .name = NULL };
	gf_signer *s = gf_signer_command(command, "p256.pub", err);
	bool ok = s != NULL && gf_signer_sign(s, "text", TEXT, sizeof TEXT - 1, &m, err);

	(void)ctx;
	faults_end();
	if (ok)
		assert_true(gf_signature_fits(gf_signer_public(s), "sig", &m.bytes, TEXT, sizeof TEXT - 1));
	free(m.name);
	gf_buf_clear(&m.bytes);
	gf_signer_free(s);
	return ok;
}

/* ---- loops ---- */

static void make(const char *type)
{
	gf_secret private = { .data = NULL };
	gf_error err = { 0 };
	gf_buf public;
	char path[64];

	gf_buf_init(&public, GF_KEY_FILE_MAX);
	if (!gf_key_generate(type, NULL, &private, &public, &err))
		fail_msg("%s: %s", err.name, err.text);
	(void)snprintf(path, sizeof path, "%s.key", type);
	put(path, private.data, private.len);
	(void)snprintf(path, sizeof path, "%s.pub", type);
	put(path, public.data, public.len);
	gf_secret_clear(&private);
	gf_buf_clear(&public);
}

static void test_keys(void **state)
{
	static char types[][16] = { "p256", "ed25519", "minisign" };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		make(types[i]);
		fail_all(public_job, types[i]);
		fail_all(sign_job, types[i]);
		fail_all(generate_job, types[i]);
	}
}

static void test_fits(void **state)
{
	static char stems[][16] = { "p256", "minisign", "cert" };
	gf_error err = { 0 };
	bool plain;

	(void)state;
	assert_int_equal(
	    sh("openssl req -x509 -newkey rsa:3072 -nodes -keyout cert.key -out cert.pub -days 3650 -subj /CN=ci "
	       "-addext keyUsage=digitalSignature 2>/dev/null && printf 'what is signed\\n' > text && "
	       "openssl cms -sign -binary -in text -signer cert.pub -inkey cert.key -outform DER -out cert.p7s"),
	    0);
	for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
		gf_member m = { .name = NULL };
		char path[64], name[64];

		(void)snprintf(path, sizeof path, "%s.key", stems[i]);
		if (strcmp(stems[i], "cert") == 0) {
			get("cert.p7s", &m.bytes);
			(void)snprintf(name, sizeof name, "cert.0.p7s");
		} else {
			gf_signer *s = gf_signer_open(path, NULL, &plain, &err);

			assert_non_null(s);
			assert_true(gf_signer_sign(s, "text", TEXT, sizeof TEXT - 1, &m, &err));
			(void)snprintf(name, sizeof name, "%s.0.%s", stems[i], gf_signature_ext(m.name, "text"));
			gf_signer_free(s);
		}
		free(m.name);
		m.name = name;
		fail_all(fits_job, &m);
		gf_buf_clear(&m.bytes);
	}
}

static void test_command(void **state)
{
	(void)state;
	fail_all(command_job, NULL);
}

static int enter_failing(void **state)
{
	gf_secret_wipe_frees();
	gf_json_watch_memory();
	files_open = count_files();
	return enter(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys), cmocka_unit_test(test_fits),
		cmocka_unit_test(test_command) };

	return cmocka_run_group_tests_name("sign/failing", tests, enter_failing, leave);
}
