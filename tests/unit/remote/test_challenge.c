#include "common.h"
#include "remote/auth.h"

static const struct {
	const char *text;
	bool basic, bearer;
	const char *realm, *service;
} good[] = {
	{ "", false, false, "", "" },
	{ "Basic realm=\"basic-realm\"", true, false, "", "" },
	{ "bAsIc", true, false, "", "" },
	{ "Bearer realm=\"https://auth.example/token\",service=\"reg.svc\",scope=\"repository:t/q:pull,push\"", false,
	    true, "https://auth.example/token", "reg.svc" },
	{ "Bearer REALM = \"https://a/t\" , Service = svc", false, true, "https://a/t", "svc" },
	{ "Bearer realm=https://a/t,service=svc", false, true, "https://a/t", "svc" },
	{ "Bearer realm=\"https://a/t\",error=\"insufficient_scope\",scope=\"a b\"", false, true, "https://a/t", "" },
	{ "Bearer realm=\"a\\\"b\\\\c\"", false, true, "a\"b\\c", "" },
	{ "Basic realm=\"x\", Bearer realm=\"https://a/t\"", true, true, "https://a/t", "" },
	{ "Bearer realm=\"https://a/t\", Basic realm=\"x\"", true, true, "https://a/t", "" },
	{ "Bearer realm=\"first\",service=\"one\", Bearer realm=\"second\",service=\"two\"", false, true, "first",
	    "one" },
	{ "Negotiate, Basic realm=\"x\"", true, false, "", "" },
	{ "Negotiate YIIabc+/==, Bearer realm=\"r\"", false, true, "r", "" },
	{ "NTLM TlRMTVNT, Digest realm=\"Bearer realm=1\", nonce=\"a,b\", qop=\"auth,auth-int\"", false, false, "",
	    "" },
	{ ", ,Bearer ,realm=\"r\",,", false, true, "r", "" },
	{ "Bearer realm=\"r\"\t,\tservice=\"\"", false, true, "r", "" },
	{ "BearerX realm=\"r\"", false, false, "", "" },
	{ "Digest realm=\"r\",realm=\"s\"", false, false, "", "" },
};

static const char *const bad[] = { "Bearer", "Bearer service=\"x\"", "Bearer realm=\"\"", "Bearer realm=\"open",
	"Bearer realm=\"open\\", "Bearer realm=\"a\",realm=\"b\"", "Bearer realm=\"a\rb\"", "Bearer realm=\"a\x01\"",
	"\"x\"", "=x", "Bearer realm=\"r\", =y", "Basic realm=\"x\", Bearer" };

static void offers_are_read(void **state)
{
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		gf_challenge c = { 0 };

		if (!gf_challenge_parse(good[i].text, strlen(good[i].text), &c, &err))
			fail_msg("'%s': %s", good[i].text, err.text);
		if (c.basic != good[i].basic || c.bearer != good[i].bearer)
			fail_msg("'%s': basic %d, bearer %d", good[i].text, c.basic, c.bearer);
		assert_string_equal(c.realm, good[i].realm);
		assert_string_equal(c.service, good[i].service);
	}
}

static void several_headers_add_up(void **state)
{
	static const char *const lines[] = { "Basic realm=\"x\"", "Bearer realm=\"r\",service=\"s\"",
		"Bearer realm=\"other\"" };
	gf_challenge c = { 0 };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		check_ok(gf_challenge_parse(lines[i], strlen(lines[i]), &c, &err));
	assert_true(c.basic && c.bearer);
	assert_string_equal(c.realm, "r");
}

static void malformed_ones_are_refused(void **state)
{
	gf_error err;
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		gf_challenge c = { 0 };

		if (gf_challenge_parse(bad[i], strlen(bad[i]), &c, &err))
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(err.name, "registry-challenge");
	}
	for (size_t n = 2000; n < 2100; n++) { /* both sides of the longest realm, 2047 */
		gf_challenge c = { 0 };
		int len = snprintf(text, sizeof text, "Bearer realm=\"%0*d\"", (int)n, 1);

		assert_int_equal(gf_challenge_parse(text, (size_t)len, &c, &err), n <= 2047);
	}
}

static void a_thousand_challenges_are_read_in_no_time(void **state)
{
	gf_challenge c = { 0 };
	gf_error err;
	gf_buf b;

	(void)state;
	gf_buf_init(&b, GF_MIB);
	for (int i = 0; i < 1000; i++)
		check_ok(gf_buf_printf(&b, &err, "Bearer realm=\"r%d\",service=\"s\", ", i));
	check_ok(gf_challenge_parse(b.data, b.len, &c, &err));
	assert_string_equal(c.realm, "r0");
	gf_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(offers_are_read), cmocka_unit_test(several_headers_add_up),
		cmocka_unit_test(malformed_ones_are_refused),
		cmocka_unit_test(a_thousand_challenges_are_read_in_no_time) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
