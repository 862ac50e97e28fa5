/* Who signed: what a person is told of the signatures that are there and the keys that are trusted (FORMAT.md 5, step 3). */
#include "common.h"

#define HINT "0011223344556677"

static gf_verdict verdict;

/* What the check of signatures says of b.tar under these keys: its detail, or the error. */
static const char *said(const char *const *keys, size_t n, const gf_member *beside, size_t n_beside)
{
	static gf_error err;
	gf_error why = { 0 };
	gf_judge j = { .companions = beside, .n_companions = n_beside };
	gf_manifest *m = NULL;
	gf_trust *t = NULL;
	gf_reader *r;

	need((r = gf_reader_open("b.tar", &why)) != NULL);
	if (n > 0)
		need((t = gf_trust_open(keys, n, NULL, &why)) != NULL);
	j.trust = t;
	err = (gf_error){ 0 };
	gf_verdict_clear(&verdict);
	gf_verdict_init(&verdict);
	if (!gf_accept(r, &j, &verdict, &m, &err)) {
		assert_string_equal(err.name, "signature");
	} else {
		(void)snprintf(err.text, sizeof err.text, "%s", verdict.checks[GF_CHECK_SIGNATURE].detail);
	}
	gf_manifest_free(m);
	gf_reader_close(r);
	gf_trust_free(t);
	verdict.n_signers = verdict.n_signers > 0 && verdict.comments[0] != NULL; /* whose keys are gone */
	return err.text;
}

static void has(const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		fail_msg("'%s' is not in: %s", words, text);
}

static void lacks(const char *text, const char *words)
{
	if (strstr(text, words) != NULL)
		fail_msg("'%s' is in: %s", words, text);
}

/* The first 16 digits of the key's id. */
static const char *id_of(const char *path)
{
	static char hex[2][GF_HEX_SIZE];
	static unsigned next;
	gf_error err = { 0 };
	gf_pubkey *k;

	need((k = gf_pubkey_load(path, &err)) != NULL);
	next = !next;
	gf_digest_hex(gf_pubkey_id(k), hex[next]);
	hex[next][16] = '\0';
	gf_pubkey_free(k);
	return hex[next];
}

static void signed_by(const char *one, const char *two)
{
	spec s = { .stream = "shop", .epoch = 1, .sequence = 1, .keys = { one, two } };

	make_bundle("b.tar", &s, NULL);
}

static const char *const both[] = { "ci.pub", "ops.pub" };

static void test_fits(void **state)
{
	char want[200];
	const char *text;

	(void)state;
	signed_by("ci", NULL);
	(void)snprintf(want, sizeof want, "1 of 1 signatures by 1 trusted key (ci %s)", id_of("ci.pub"));
	assert_string_equal(said(both, 2, NULL, 0), want);
	signed_by("ci", "evil");
	(void)snprintf(want, sizeof want, "1 of 2 signatures by 1 trusted key (ci %s)", id_of("ci.pub"));
	assert_string_equal(said(both, 2, NULL, 0), want);
	signed_by("ci", "ops");
	text = said(both, 2, NULL, 0);
	has(text, "2 of 2 signatures by 2 trusted keys (");
	has(text, ", ...)");
}

static void test_nobody(void **state)
{
	char want[200];
	const char *text;

	(void)state;
	signed_by(NULL, NULL);
	(void)snprintf(want, sizeof want, "(trusted here: ci %s, ops %s)", id_of("ci.pub"), id_of("ops.pub"));
	has(said(both, 2, NULL, 0), want);
	has(said(NULL, 0, NULL, 0), "(trusted here: no key)");
	signed_by("evil", NULL);
	(void)snprintf(want, sizeof want, "has 1 signature (by key %s, as the names say)", id_of("evil.pub"));
	text = said(both, 2, NULL, 0);
	has(text, want);
	(void)snprintf(want, sizeof want, "fits a trusted key (ci %s, ops %s)", id_of("ci.pub"), id_of("ops.pub"));
	has(text, want);
	lacks(text, "; ");
	text = said(NULL, 0, NULL, 0);
	(void)snprintf(want, sizeof want, "has 1 signature (by key %s, as their names say)", id_of("evil.pub"));
	has(text, want);
	has(text, "no key is trusted here");
	signed_by("evil", "other");
	text = said(NULL, 0, NULL, 0);
	has(text, "has 2 signatures (by key ");
	has(said(both, 1, NULL, 0), "has 2 signatures (by key ");
	(void)snprintf(want, sizeof want, "%s, %s", id_of("evil.pub"), id_of("other.pub"));
	if (strstr(text, want) == NULL) { /* sorted by their ids */
		(void)snprintf(want, sizeof want, "(by key %s, %s, as", id_of("other.pub"), id_of("evil.pub"));
		has(text, want);
	}
}

/* A file beside that is no signature we take: why. */
static void test_forms(void **state)
{
	static const char *const certificate[] = { "cert.crt" };
	gf_member beside = { .name = strdup("manifest.json." HINT ".p7s") };
	gf_error err = { 0 };
	const char *text;

	(void)state;
	assert_non_null(beside.name);
	signed_by(NULL, NULL);
	buf_new(&beside.bytes);
	add_bytes(&beside.bytes, "none", 4);
	text = said(both, 2, &beside, 1);
	has(text, "has 1 signature (by key " HINT ", as the names say)");
	has(text, "; a .p7s needs the signer's certificate, and only bare keys are trusted here");
	has(said(both, 1, &beside, 1), "; a .p7s needs the signer's certificate");
	assert_int_equal(sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout cert.key "
			    "-out cert.crt -subj /CN=cert -days 2 2>/dev/null"),
	    0);
	lacks(said(certificate, 1, &beside, 1), "; a .p7s");
	memcpy(strrchr(beside.name, '.'), ".sig", 4);
	lacks(said(both, 2, &beside, 1), "; a .p7s");
	free(beside.name);
	gf_buf_clear(&beside.bytes);
	/* minisign's two forms */
	assert_int_equal(
	    sh("tar xOf b.tar META/manifest.json > m && minisign -G -f -W -p mini.pub -s mini.key > /dev/null && "
	       "minisign -S -l -s mini.key -m m -x old > /dev/null && "
	       "minisign -S -s mini.key -m m -x new -t 'for prod' > /dev/null"),
	    0);
	beside.name = strdup("manifest.json." HINT ".minisig");
	assert_non_null(beside.name);
	buf_new(&beside.bytes);
	need(gf_file_load("old", GF_SIGNATURE_MAX, GF_FAILED, &beside.bytes, &err));
	has(said((const char *const[]){ "mini.pub" }, 1, &beside, 1), "; a .minisig in the older form");
	gf_buf_clear(&beside.bytes);
	need(gf_file_load("new", GF_SIGNATURE_MAX, GF_FAILED, &beside.bytes, &err));
	lacks(said(both, 2, &beside, 1), "; a .minisig");
	has(said((const char *const[]){ "mini.pub" }, 1, &beside, 1), "1 of 1 signatures by 1 trusted key (mini ");
	assert_int_equal(verdict.n_signers, 1);
	assert_string_equal(verdict.comments[0], "for prod");
	free(beside.name);
	gf_buf_clear(&beside.bytes);
}

static int enter_with_keys(void **state)
{
	if (enter(state) != 0)
		return -1;
	make_key("ci");
	make_key("ops");
	make_key("evil");
	make_key("other");
	return 0;
}

static int leave_with_keys(void **state)
{
	gf_verdict_clear(&verdict);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_fits), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_forms) };

	return cmocka_run_group_tests_name("verify/signers", tests, enter_with_keys, leave_with_keys);
}
