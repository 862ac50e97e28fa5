/* Approvals, rejections and permits: what is written is what is read, and what is refused by which name. */
#include "common.h"

static const char APPROVAL[] =
    "{\n"
    "  \"_type\": \"https://in-toto.io/Statement/v1\",\n"
    "  \"subject\": [\n"
    "    {\n"
    "      \"name\": \"META/manifest.json\",\n"
    "      \"digest\": {\n"
    "        \"sha256\": \"0100000000000000000000000000000000000000000000000000000000000000\"\n"
    "      }\n"
    "    }\n"
    "  ],\n"
    "  \"predicateType\": \"urn:gapferry:approval:v1\",\n"
    "  \"predicate\": {\n"
    "    \"decision\": \"reject\",\n"
    "    \"sites\": [\n"
    "      \"a\",\n"
    "      \"b\"\n"
    "    ],\n"
    "    \"environment\": \"prod\",\n"
    "    \"stream\": \"shop\",\n"
    "    \"epoch\": 1,\n"
    "    \"sequence\": 42,\n"
    "    \"created\": \"2026-11-23T01:02:03Z\",\n"
    "    \"expires\": \"2026-12-23T01:02:03Z\",\n"
    "    \"reason\": \"OPS-7\"\n"
    "  }\n"
    "}\n";

static char A[] = "a", B[] = "b", PROD[] = "prod", SHOP[] = "shop", REASON[] = "OPS-7";
static char *sites[] = { A, B };

static gf_approval sample(void)
{
	gf_approval a = { .decision = GF_REJECT,
		.manifest = { { 1 } },
		.sites = sites,
		.n_sites = 2,
		.environment = PROD,
		.stream = SHOP,
		.epoch = 1,
		.sequence = 42,
		.reason = REASON };

	assert_true(gf_time_parse("2026-11-23T01:02:03Z", &a.created));
	assert_true(gf_time_parse("2026-12-23T01:02:03Z", &a.expires));
	return a;
}

static void print(const gf_approval *a, gf_buf *out)
{
	gf_error err = { 0 };

	gf_buf_init(out, GF_COMPANION_MAX);
	need(gf_approval_print(a, out, &err));
}

static void test_bytes(void **state)
{
	gf_approval a = sample(), back;
	gf_error err = { 0 };
	gf_buf text;
	char name[64];

	(void)state;
	print(&a, &text);
	assert_string_equal(text.data, APPROVAL);
	need(gf_approval_parse(text.data, text.len, "x", &back, &err));
	assert_int_equal(back.decision, GF_REJECT);
	assert_true(gf_digest_equal(&back.manifest, &a.manifest));
	assert_int_equal(back.n_sites, 2);
	assert_string_equal(back.sites[1], "b");
	assert_string_equal(back.environment, "prod");
	assert_string_equal(back.stream, "shop");
	assert_string_equal(back.reason, "OPS-7");
	assert_int_equal(back.epoch, 1);
	assert_int_equal(back.sequence, 42);
	assert_int_equal(back.created, a.created);
	assert_int_equal(back.expires, a.expires);
	gf_approval_clear(&back);
	need(gf_companion_name("approval", &text, name, &err));
	assert_int_equal(strlen(name), strlen("approval-0123456789abcdef.json"));
	gf_buf_clear(&text);
}

static void test_permit(void **state)
{
	gf_approval a = sample(), back;
	gf_error err = { 0 };
	gf_buf text;

	(void)state;
	a.decision = GF_PERMIT;
	a.waives = GF_WAIVE_SEQUENCE | GF_WAIVE_MAX_AGE;
	print(&a, &text);
	assert_non_null(strstr(text.data, "urn:gapferry:permit:v1"));
	need(gf_approval_parse(text.data, text.len, "x", &back, &err));
	assert_int_equal(back.decision, GF_PERMIT);
	assert_int_equal(back.waives, GF_WAIVE_SEQUENCE | GF_WAIVE_MAX_AGE);
	gf_approval_clear(&back);
	gf_buf_clear(&text);
}

/* One change, one refusal. */
static void refuse(const char *base, const char *from, const char *to, const char *name)
{
	const char *at = strstr(base, from);
	gf_approval a;
	gf_error err = { 0 };
	gf_buf text;

	gf_buf_init(&text, GF_COMPANION_MAX);
	assert_non_null(at);
	need(gf_buf_add(&text, base, (size_t)(at - base), &err) && gf_buf_puts(&text, to, &err) &&
	    gf_buf_puts(&text, at + strlen(from), &err));
	if (gf_approval_parse(text.data, text.len, "x", &a, &err))
		fail_msg("accepted: '%s' for '%s'", to, from);
	assert_string_equal(err.name, name);
	assert_int_equal(err.class, GF_DAMAGED);
	gf_approval_clear(&a);
	gf_buf_clear(&text);
}

static void test_refused(void **state)
{
	static const struct {
		const char *from, *to, *name;
	} rows[] = {
		{ "Statement/v1", "Statement/v0.1", "statement" },
		{ "urn:gapferry:approval:v1", "urn:gapferry:receipt:v1", "statement" },
		{ "urn:gapferry:approval:v1", "urn:gapferry:permit:v1", "unknown-key" },
		{ "\"reject\"", "\"Reject\"", "approval" },
		{ "\"reject\"", "true", "json-type" },
		{ "\"a\",\n", "\"A\",\n", "approval" },
		{ "\"a\",\n      \"b\"", "", "approval" },
		{ "\"prod\"", "\"\"", "approval" },
		{ "\"shop\"", "\"Shop!\"", "approval" },
		{ "42", "-1", "json-range" },
		{ "2026-11-23T01:02:03Z", "2026-11-23", "time-form" },
		{ "2026-12-23", "2026-10-23", "approval" },
		{ "\"reason\"", "\"because\"", "unknown-key" },
		{ "\"predicate\": {", "\"extra\": 1, \"predicate\": {", "unknown-key" },
		{ "\"sha256\"", "\"sha512\"", "unknown-key" },
		{ "\"0100", "\"01", "digest-form" },
		{ "\"stream\": \"shop\",", "", "missing-key" },
		{ "\"epoch\": 1,", "\"epoch\": 1, \"epoch\": 1,", "json" },
		{ "    {\n      \"name\"", "    {\"name\": \"x\", \"digest\": {\"sha256\": \"\"}}, {\n      \"name\"",
		    "statement" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refuse(APPROVAL, rows[i].from, rows[i].to, rows[i].name);
}

static void test_refused_permits(void **state)
{
	static const struct {
		const char *from, *to, *name;
	} rows[] = {
		{ "\"expires\"\n", "\"signature\"\n", "approval" },
		{ "\"expires\"\n", "\"sequence\", \"sequence\"\n", "approval" },
		{ "\"expires\"\n", "\n", "approval" },
		{ "\"expires\": \"2026-12-23T01:02:03Z\",", "", "missing-key" },
		{ ",\n    \"reason\": \"OPS-7\"", "", "missing-key" },
		{ "permit:v1", "approval:v1", "unknown-key" },
	};
	gf_approval a = sample();
	gf_buf text;

	(void)state;
	a.decision = GF_PERMIT;
	a.waives = GF_WAIVE_EXPIRES;
	print(&a, &text);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refuse(text.data, rows[i].from, rows[i].to, rows[i].name);
	gf_buf_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bytes), cmocka_unit_test(test_permit),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_refused_permits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
