/* Which keys are believed. */
#include "common.h"

static void test_list(void **state)
{
	const char *const paths[] = { "b.pub", "a.pub", "again.pem" };
	gf_error err = { 0 };
	gf_trust *t;

	(void)state;
	make_key("a");
	make_key("b");
	assert_int_equal(sh("cp a.pub again.pem"), 0);
	need((t = gf_trust_open(paths, 3, NULL, &err)) != NULL);
	assert_int_equal(gf_trust_count(t), 2); /* one key in two files counts once */
	assert_string_equal(gf_pubkey_holder(gf_trust_key(t, 0)), "b");
	assert_string_equal(gf_pubkey_holder(gf_trust_key(t, 1)), "a");
	gf_trust_free(t);
}

static void test_directory(void **state)
{
	gf_error err = { 0 };
	gf_trust *t;

	(void)state;
	assert_int_equal(
	    sh("mkdir -p conf/keys && cp b.pub conf/keys/zz.pub && cp a.pub conf/keys/aa.pub && "
	       "echo x > conf/keys/README && printf '\\0' > conf/keys/._aa.pub && cp a.key conf/keys/a.key"),
	    0);
	need((t = gf_trust_open(NULL, 0, "conf", &err)) != NULL);
	assert_int_equal(gf_trust_count(t), 2);
	assert_string_equal(gf_pubkey_holder(gf_trust_key(t, 0)), "aa");
	assert_string_equal(gf_pubkey_holder(gf_trust_key(t, 1)), "zz");
	gf_trust_free(t);
}

static void test_named_only(void **state)
{
	const char *const paths[] = { "a.pub" };
	gf_error err = { 0 };
	gf_trust *t;

	(void)state;
	need((t = gf_trust_open(paths, 1, "conf", &err)) != NULL); /* --key instead of the directory, not besides it */
	assert_int_equal(gf_trust_count(t), 1);
	gf_trust_free(t);
}

static void test_none(void **state)
{
	gf_error err = { 0 };
	gf_trust *t;

	(void)state;
	need((t = gf_trust_open(NULL, 0, "nowhere", &err)) != NULL);
	assert_int_equal(gf_trust_count(t), 0);
	gf_trust_free(t);
	need((t = gf_trust_open(NULL, 0, NULL, &err)) != NULL);
	gf_trust_free(t);
}

static void test_bad(void **state)
{
	const char *const paths[] = { "a.key" }, *const absent[] = { "none.pub" };
	gf_error err = { 0 };

	(void)state;
	assert_null(gf_trust_open(paths, 1, NULL, &err));
	assert_string_equal(err.name, "key-private");
	assert_null(gf_trust_open(absent, 1, NULL, &err));
	assert_string_equal(err.name, "not-found");
	/* One bad file makes the directory unusable: fewer keys than somebody thinks is no answer. */
	assert_int_equal(sh("echo bad > conf/keys/bad.pub"), 0);
	assert_null(gf_trust_open(NULL, 0, "conf", &err));
	assert_string_equal(err.name, "key-form");
	assert_int_equal(err.class, GF_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list), cmocka_unit_test(test_directory),
		cmocka_unit_test(test_named_only), cmocka_unit_test(test_none), cmocka_unit_test(test_bad) };

	return cmocka_run_group_tests(tests, enter, leave);
}
