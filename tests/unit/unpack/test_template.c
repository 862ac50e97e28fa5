#include "common.h"
#include "unpack/template.h"

static const char *const values[GF_VARS] = { [GF_VAR_HOST] = "registry.example:5000",
	[GF_VAR_PATH] = "team/app",
	[GF_VAR_BASENAME] = "app",
	[GF_VAR_TAG] = "1.2",
	[GF_VAR_DIGEST] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	[GF_VAR_VERSION] = "1.2.0",
	[GF_VAR_STREAM] = "shop",
	[GF_VAR_SEQUENCE] = "42",
	[GF_VAR_BUILD_ID] = "20261123.4",
	[GF_VAR_BUILD_REVISION] = "c0ffee",
	[GF_VAR_ENVIRONMENT] = "prod" };

static void test_every_variable(void **state)
{
	static const char *const pairs[][2] = { { "{host}", "registry.example:5000" }, { "{path}", "team/app" },
		{ "{basename}", "app" }, { "{tag}", "1.2" },
		{ "{digest}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "{version}", "1.2.0" }, { "{stream}", "shop" }, { "{sequence}", "42" },
		{ "{build.id}", "20261123.4" }, { "{build.revision}", "c0ffee" }, { "{environment}", "prod" },
		{ "", "" }, { "plain", "plain" }, { "mirror/{host}/{path}", "mirror/registry.example:5000/team/app" },
		{ "{version}-{build.id}", "1.2.0-20261123.4" }, { "{tag}{tag}", "1.21.2" } };
	char out[GF_TEMPLATE_SIZE];
	gf_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(pairs); i++) {
		need(gf_template_check(pairs[i][0], &err));
		need(gf_template_expand(pairs[i][0], values, out, &err));
		assert_string_equal(out, pairs[i][1]);
	}
}

static void test_what_is_no_template(void **state)
{
	static const char *const bad[][2] = { { "{nope}", "'{nope}'" }, { "{}", "'{}'" }, { "{Host}", "'{Host}'" },
		{ "{ host}", "'{ host}'" }, { "{hos", "not closed" }, { "a{", "not closed" },
		{ "{tag{tag}", "not closed" }, { "tag}", "no '{'" }, { "{tag}}", "no '{'" }, { "}{", "no '{'" },
		{ "{build}", "'{build}'" } };
	char out[GF_TEMPLATE_SIZE];
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		fails(gf_template_check(bad[i][0], &err), GF_USAGE, "template", bad[i][1]);
		assert_string_equal(err.object, bad[i][0]);
		fails(gf_template_expand(bad[i][0], values, out, &err), GF_USAGE, "template", bad[i][1]);
	}
	/* An unknown one gets the list of those that there are, long as it may be itself. */
	fails(gf_template_check("{nope}", &err), GF_USAGE, "template", "{build.revision} {environment}");
}

static void test_a_variable_without_a_value(void **state)
{
	const char *some[GF_VARS];
	char out[GF_TEMPLATE_SIZE];
	gf_error err = { 0 };

	(void)state;
	memcpy(some, values, sizeof some);
	some[GF_VAR_BUILD_ID] = NULL;
	some[GF_VAR_VERSION] = "";
	need(gf_template_check("{version}-{build.id}", &err));
	fails(
	    gf_template_expand("{tag}-{build.id}", some, out, &err), GF_USAGE, "template", "'{build.id}' has no value");
	fails(gf_template_expand("{version}-{tag}", some, out, &err), GF_USAGE, "template", "'{version}' has no value");
	/* A value is text, never a template. */
	some[GF_VAR_TAG] = "{host}";
	need(gf_template_expand("{tag}", some, out, &err));
	assert_string_equal(out, "{host}");
}

static void test_the_longest(void **state)
{
	char text[GF_TEMPLATE_SIZE + 8], out[GF_TEMPLATE_SIZE];
	gf_error err = { 0 };

	(void)state;
	memset(text, 'a', 1020);
	memcpy(text + 1020, "{tag}", 6);
	need(gf_template_expand(text, values, out, &err));
	assert_int_equal(strlen(out), GF_TEMPLATE_SIZE - 1);
	memset(text, 'a', 1021);
	memcpy(text + 1021, "{tag}", 6);
	fails(gf_template_expand(text, values, out, &err), GF_USAGE, "template", "longer than 1023 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_variable),
		cmocka_unit_test(test_what_is_no_template),
		cmocka_unit_test(test_a_variable_without_a_value),
		cmocka_unit_test(test_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
