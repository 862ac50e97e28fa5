/* Receipts: what is written is what is read, what is refused by which name, and the summary made of one. */
#include "common.h"

#define HEX "0000000000000000000000000000000000000000000000000000000000000"

static const char RECEIPT[] = "{\n"
			      "  \"_type\": \"https://in-toto.io/Statement/v1\",\n"
			      "  \"subject\": [\n"
			      "    {\n"
			      "      \"name\": \"META/manifest.json\",\n"
			      "      \"digest\": {\n"
			      "        \"sha256\": \"010" HEX "\"\n"
			      "      }\n"
			      "    }\n"
			      "  ],\n"
			      "  \"predicateType\": \"urn:gapferry:receipt:v1\",\n"
			      "  \"predicate\": {\n"
			      "    \"site\": \"a\",\n"
			      "    \"environment\": \"prod\",\n"
			      "    \"stream\": \"shop\",\n"
			      "    \"epoch\": 1,\n"
			      "    \"sequence\": 42,\n"
			      "    \"result\": \"complete\",\n"
			      "    \"checks\": {\n"
			      "      \"signature\": \"passed\",\n"
			      "      \"floor\": \"lifted\",\n"
			      "      \"deep\": \"not required\"\n"
			      "    },\n"
			      "    \"trust\": {\n"
			      "      \"version\": 3,\n"
			      "      \"sha256\": \"020" HEX "\",\n"
			      "      \"signers\": [\n"
			      "        \"030" HEX "\"\n"
			      "      ]\n"
			      "    },\n"
			      "    \"configSha256\": \"040" HEX "\",\n"
			      "    \"approvals\": [\n"
			      "      {\n"
			      "        \"decision\": \"approve\",\n"
			      "        \"holder\": \"carol\",\n"
			      "        \"sha256\": \"050" HEX "\"\n"
			      "      },\n"
			      "      {\n"
			      "        \"decision\": \"permit\",\n"
			      "        \"sha256\": \"060" HEX "\"\n"
			      "      }\n"
			      "    ],\n"
			      "    \"images\": [\n"
			      "      {\n"
			      "        \"digest\": \"sha256:070" HEX "\",\n"
			      "        \"target\": \"docker://registry.prod.example/shop\",\n"
			      "        \"names\": [\n"
			      "          {\n"
			      "            \"name\": \"registry.prod.example/shop/app:1.4.0\"\n"
			      "          },\n"
			      "          {\n"
			      "            \"name\": \"registry.prod.example/shop/app:latest\",\n"
			      "            \"before\": \"sha256:080" HEX "\"\n"
			      "          }\n"
			      "        ]\n"
			      "      }\n"
			      "    ],\n"
			      "    \"bytes\": {\n"
			      "      \"read\": 1146049,\n"
			      "      \"held\": 17\n"
			      "    },\n"
			      "    \"log\": {\n"
			      "      \"size\": 9,\n"
			      "      \"root\": \"090" HEX "\"\n"
			      "    },\n"
			      "    \"created\": \"2026-11-23T01:02:03Z\"\n"
			      "  }\n"
			      "}\n";

static void read_sample(gf_receipt *r)
{
	gf_error err = { 0 };

	need(gf_receipt_parse(RECEIPT, strlen(RECEIPT), "x", r, &err));
}

static void test_bytes(void **state)
{
	gf_receipt r;
	gf_error err = { 0 };
	gf_buf text;

	(void)state;
	read_sample(&r);
	assert_string_equal(r.site, "a");
	assert_int_equal(r.sequence, 42);
	assert_int_equal(r.trust_version, 3);
	assert_int_equal(r.n_words, 2);
	assert_true(!r.words[0].permit && r.words[1].permit);
	assert_string_equal(r.images[0].names[1].name, "registry.prod.example/shop/app:latest");
	assert_null(r.images[0].names[0].before);
	assert_int_equal(r.bytes_held, 17);
	assert_int_equal(r.log_size, 9);
	assert_true(r.complete && gf_receipt_signed(&r));
	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_receipt_print(&r, &text, &err));
	assert_string_equal(text.data, RECEIPT);
	gf_buf_clear(&text);
	gf_receipt_clear(&r);
}

/* The receipt with `to` in place of `from`. */
static void changed(const char *from, const char *to, gf_buf *out)
{
	const char *at = strstr(RECEIPT, from);
	gf_error err = { 0 };

	gf_buf_init(out, GF_COMPANION_MAX);
	assert_non_null(at);
	need(gf_buf_add(out, RECEIPT, (size_t)(at - RECEIPT), &err) && gf_buf_puts(out, to, &err) &&
	    gf_buf_puts(out, at + strlen(from), &err));
}

/* Another run: without names, loose keys, an export. */
static void test_least(void **state)
{
	static const char *const gone[][2] = { { "    \"site\": \"a\",\n", "" },
		{ "    \"environment\": \"prod\",\n", "" },
		{ "\"stream\": \"shop\",\n    \"epoch\": 1,\n    \"sequence\": 42,\n    \"result\": \"complete\"",
		    "\"result\": \"partial\"" },
		{ "\"version\": 3,\n      \"sha256\": \"020" HEX "\",\n      ", "" },
		{ "    \"configSha256\": \"040" HEX "\",\n", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
		gf_receipt r, again;
		gf_error err = { 0 };
		gf_buf text, printed;

		changed(gone[i][0], gone[i][1], &text);
		gf_buf_init(&printed, GF_COMPANION_MAX);
		need(gf_receipt_parse(text.data, text.len, "x", &r, &err));
		need(gf_receipt_print(&r, &printed, &err));
		assert_string_equal(printed.data, text.data);
		need(gf_receipt_parse(printed.data, printed.len, "x", &again, &err));
		gf_receipt_clear(&again);
		gf_receipt_clear(&r);
		gf_buf_clear(&printed);
		gf_buf_clear(&text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *from, *to, *name;
	} rows[] = {
		{ "receipt:v1", "approval:v1", "statement" },
		{ "receipt:v1", "receipt:v2", "statement" },
		{ "\"site\": \"a\"", "\"site\": \"A\"", "receipt" },
		{ "\"environment\": \"prod\"", "\"environment\": \"../x\"", "receipt" },
		{ "\"environment\": \"prod\"", "\"environment\": \"prod\",\"environment\": \"test\"", "json" },
		{ "    \"stream\": \"shop\",\n", "", "receipt" },
		{ "    \"epoch\": 1,\n", "", "missing-key" },
		{ "\"sequence\": 42", "\"sequence\": -1", "json-range" },
		{ "\"result\": \"complete\"", "\"result\": \"failed\"", "receipt" },
		{ "\"result\": \"complete\"", "\"outcome\": \"complete\"", "unknown-key" },
		{ "\"signature\": \"passed\"", "\"signature\": \"failed\"", "receipt" },
		{ "\"signature\": \"passed\"", "\"signature\": \"not reached\"", "receipt" },
		{ "\"signature\": \"passed\"", "\"signature\": true", "json-type" },
		{ "\"signature\": \"passed\"", "\"Sig nature\": \"passed\"", "receipt" },
		{ "\"signature\": \"passed\",\n      \"floor\": \"lifted\",\n      \"deep\": \"not required\"", "",
		    "receipt" },
		{ "      \"version\": 3,\n", "", "receipt" },
		{ "\"version\": 3", "\"version\": 0", "receipt" },
		{ "      \"sha256\": \"020" HEX "\",\n", "", "receipt" },
		{ "\"030" HEX "\"", "\"sha256:030" HEX "\"", "receipt" },
		{ "\"approve\"", "\"reject\"", "receipt" },
		{ "        \"holder\": \"carol\",\n", "", "receipt" },
		{ "\"sha256:070" HEX "\"", "\"070" HEX "\"", "digest-form" },
		{ "\"name\": \"registry.prod.example/shop/app:1.4.0\"", "\"before\": \"x\"", "missing-key" },
		{ "          {\n            \"name\": \"registry.prod.example/shop/app:1.4.0\"\n          },\n          {\n            "
		  "\"name\": \"registry.prod.example/shop/app:latest\",\n            \"before\": \"sha256:080" HEX
		  "\"\n          }\n",
		    "", "receipt" },
		{ "\"held\": 17", "\"held\": 17, \"lost\": 1", "unknown-key" },
		{ "\"root\": \"090" HEX "\"", "\"root\": \"09\"", "digest-form" },
		{ "2026-11-23T01:02:03Z", "2026-11-23", "time-form" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_receipt r;
		gf_error err = { 0 };
		gf_buf text;

		changed(rows[i].from, rows[i].to, &text);
		if (gf_receipt_parse(text.data, text.len, "x", &r, &err))
			fail_msg("accepted: '%s' for '%s'", rows[i].to, rows[i].from);
		assert_int_equal(err.class, GF_DAMAGED);
		assert_string_equal(err.name, rows[i].name);
		gf_receipt_clear(&r);
		gf_buf_clear(&text);
	}
}

/* What came unsigned, or set no name, is no verification. */
static void test_summary(void **state)
{
	static const char *const none[][2] = { { "\"signature\": \"passed\"", "\"signature\": \"lifted\"" },
		{ "\"signature\": \"passed\"", "\"front\": \"passed\"" },
		{ "\"signers\": [\n        \"030" HEX "\"\n      ]", "\"signers\": []" } };
	static const char *const parts[] = { "\"name\": \"registry.prod.example/shop/app:1.4.0\"",
		"\"name\": \"registry.prod.example/shop/app:latest\"", "urn:gapferry:site:a",
		"urn:gapferry:stream:shop", GF_TYPE_TRUST, "020" HEX, GF_TYPE_APPROVAL, "050" HEX, GF_TYPE_PERMIT,
		"060" HEX };
	gf_digest own = { { 9 } };
	gf_error err = { 0 };
	gf_json_doc *doc;
	gf_buf text, out;
	gf_receipt r;

	(void)state;
	gf_buf_init(&out, GF_COMPANION_MAX);
	read_sample(&r);
	need(gf_receipt_summary(&r, &own, &out, &err));
	need((doc = gf_json_parse(out.data, out.len, out.len, GF_DAMAGED, "summary", &err)) != NULL);
	gf_json_free(doc);
	assert_non_null(strstr(out.data, "\"https://slsa.dev/verification_summary/v1\""));
	assert_non_null(strstr(out.data, "\"PASSED\""));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strstr(out.data, parts[i]) == NULL)
			fail_msg("no %s in %s", parts[i], out.data);
	assert_true(strstr(out.data, GF_TYPE_APPROVAL) < strstr(out.data, GF_TYPE_PERMIT));
	gf_buf_clear(&out);
	free(r.stream);
	r.stream = NULL;
	r.trust_version = 0;
	need(gf_receipt_summary(&r, &own, &out, &err));
	assert_non_null(strstr(out.data, "urn:gapferry:stream:unnamed"));
	assert_non_null(strstr(out.data, "urn:gapferry:keys"));
	assert_null(strstr(out.data, "020" HEX));
	r.n_images = 0;
	assert_false(gf_receipt_summary(&r, &own, &out, &err));
	assert_string_equal(err.name, "summary");
	r.n_images = 1;
	gf_receipt_clear(&r);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		changed(none[i][0], none[i][1], &text);
		need(gf_receipt_parse(text.data, text.len, "x", &r, &err));
		assert_false(gf_receipt_signed(&r));
		assert_false(gf_receipt_summary(&r, &own, &out, &err));
		assert_int_equal(err.class, GF_REFUSED);
		assert_string_equal(err.name, "summary");
		gf_receipt_clear(&r);
		gf_buf_clear(&text);
	}
	gf_buf_clear(&out);
}

/* ---- the vector of FORMAT.md 7 ---- */

static char fixtures[4096];

static void test_vector(void **state)
{
	static const char name[] = "receipt-97c056b5588294e6.json";
	gf_member m[2] = { { .name = NULL } };
	gf_receipt_by by;
	gf_error err = { 0 };
	gf_pubkey *site;
	gf_receipt_keys keys = { .n_given = 0 };
	gf_receipt r;
	gf_buf text;
	gf_digest digest;
	char command[9000], hex[GF_HEX_SIZE];

	(void)state;
	(void)snprintf(command, sizeof command,
	    "cp %s/receipt/* . && openssl pkey -in %s/trust/site.key -pubout -out site.pub", fixtures, fixtures);
	assert_int_equal(sh(command), 0);
	gf_buf_init(&m[0].bytes, GF_COMPANION_MAX);
	gf_buf_init(&m[1].bytes, GF_SIGNATURE_MAX);
	need((m[0].name = gf_strdup(name, &err)) != NULL);
	need((m[1].name = gf_strdup("receipt-97c056b5588294e6.json.d6596d96c824af17.sig", &err)) != NULL);
	need(gf_file_load(m[0].name, GF_COMPANION_MAX, GF_FAILED, &m[0].bytes, &err) &&
	    gf_file_load(m[1].name, GF_SIGNATURE_MAX, GF_FAILED, &m[1].bytes, &err));
	need((site = gf_pubkey_load("site.pub", &err)) != NULL);
	need(gf_receipt_parse(m[0].bytes.data, m[0].bytes.len, name, &r, &err));
	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_receipt_print(&r, &text, &err));
	assert_string_equal(text.data, m[0].bytes.data);
	need(gf_hash_bytes(text.data, text.len, &digest, &err));
	gf_digest_hex(&digest, hex);
	assert_string_equal(hex, "97c056b5588294e6365c9ef071183c8546378953721cd7c5ec6472ca3adb6552");
	keys.site = site;
	need(gf_receipt_judge(&r, m, 2, &keys, 0, &by, &err));
	assert_true(by.own);
	m[0].bytes.data[m[0].bytes.len - 1] = ' ';
	assert_false(gf_receipt_judge(&r, m, 2, &keys, 0, &by, &err));
	assert_string_equal(err.name, "receipt-signature");
	gf_receipt_clear(&r);
	gf_pubkey_free(site);
	gf_buf_clear(&text);
	for (size_t i = 0; i < 2; i++) {
		free(m[i].name);
		gf_buf_clear(&m[i].bytes);
	}
}

/* make-receipt.py over the signature that is there gives the file that is there. */
static void test_from_the_page_alone(void **state)
{
	char command[20000];

	(void)state;
	(void)snprintf(command, sizeof command,
	    "mkdir made && cp '%s/make-receipt.py' made && cp -r '%s/receipt' '%s/trust' made && rm made/receipt/*.json && "
	    "python3 made/make-receipt.py >/dev/null && diff -r made/receipt '%s/receipt'",
	    fixtures, fixtures, fixtures, fixtures);
	assert_int_equal(sh(command), 0);
}

static int enter_with_fixtures(void **state)
{
	if (getcwd(fixtures, sizeof fixtures - sizeof "/tests/fixtures") == NULL)
		return -1;
	strcat(fixtures, "/tests/fixtures");
	return enter(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bytes), cmocka_unit_test(test_least),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_summary), cmocka_unit_test(test_vector),
		cmocka_unit_test(test_from_the_page_alone) };

	return cmocka_run_group_tests_name("receipt", tests, enter_with_fixtures, leave);
}
