/* Envelopes of DSSE and the Statements inside, by the vectors of others. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "policies.h"
#include "vectors.h"
#include "verify/dsse.h"

static int start(void **state)
{
	return find_vectors() ? make_people(state) : -1;
}

/* One key with a role of its own. */
static gf_policy *policy_of(const char *key)
{
	gf_policy *p = rooted(1, "alice", 1);

	add_holder(p, "builder", key, "builder");
	return p;
}

static size_t signers_of(const gf_envelope *e, const gf_policy *p)
{
	gf_error err = { 0 };
	size_t holders = 99;

	need(gf_envelope_signed(e, p, gf_policy_role_find(p, "builder"), gf_now(), &holders, &err));
	return holders;
}

/* The example of the protocol signs with r and s side by side; put into DER as .sig files have it, it fits, and with it our
 * encoding of type and body is theirs. */
static void test_hello_world(void **state)
{
	gf_error err = { 0 };
	char command[8192];
	gf_json_doc *doc;
	gf_envelope e;
	gf_policy *p;
	gf_buf der;
	bool is = false;

	(void)state;
	if (!have_vectors("dsse-helloworld.json"))
		skip();
	(void)snprintf(command, sizeof command, "cp '%s'/dsse-helloworld.* . && cp dsse-helloworld.pub.pem hello.pub",
	    getenv("GF_VECTORS"));
	assert_int_equal(sh(command), 0);
	doc = read_json("dsse-helloworld.json");
	need(gf_envelope_open(gf_json_root(doc), &is, &e, &err));
	assert_true(is && e.n_signatures == 1 && !gf_envelope_is_statement(&e));
	assert_string_equal(e.payload_type, "http://example.com/HelloWorld");
	assert_memory_equal(e.payload.data, "hello world", 11);
	p = policy_of("hello");
	assert_int_equal(signers_of(&e, p), 0);
	assert_int_equal(
	    sh("python3 -c \"import json, base64, sys; "
	       "s = base64.b64decode(json.load(open('dsse-helloworld.json'))['signatures'][0]['sig']); "
	       "i = lambda b: (lambda v: b'\\x02' + bytes([len(v)]) + v)(b'\\0' + b if b[0] > 127 else b); "
	       "d = i(s[:32]) + i(s[32:]); "
	       "open('der', 'wb').write(base64.b64encode(b'\\x30' + bytes([len(d)]) + d) + b'\\n')\""),
	    0);
	load("der", &der);
	gf_buf_clear(&e.signatures[0].bytes);
	e.signatures[0].bytes = der;
	assert_int_equal(signers_of(&e, p), 1);
	e.payload.data[0] ^= 1;
	assert_int_equal(signers_of(&e, p), 0);
	e.payload.data[0] ^= 1;
	e.payload_type[0] = 'H';
	assert_int_equal(signers_of(&e, p), 0);
	gf_envelope_close(&e);
	gf_json_free(doc);
	gf_policy_free(p);
}

/* Bundles of sigstore's conformance suite: those with an envelope are opened, and no key of ours signed them. */
static void test_sigstore(void **state)
{
	gf_error err = { 0 };
	gf_policy *p = policy_of("ci");
	size_t opened = 0;
	gf_buf list;

	(void)state;
	if (!unpack_vectors("sigstore-conformance")) {
		gf_policy_free(p);
		skip();
	}
	assert_int_equal(sh("grep -rl dsseEnvelope sigstore-conformance --include=bundle.sigstore.json > list"), 0);
	load("list", &list);
	for (char *rest = list.data, *path; (path = strtok_r(rest, "\n", &rest)) != NULL;) {
		gf_json_doc *doc;
		gf_envelope e;
		bool is = false;
		gf_buf text;

		load(path, &text);
		doc = gf_json_parse(text.data, text.len, 4 * GF_MIB, GF_DAMAGED, path, &err);
		gf_buf_clear(&text);
		if (doc == NULL)
			continue;
		if (gf_envelope_open(gf_json_root(doc), &is, &e, &err) && is) {
			assert_true(gf_envelope_is_statement(&e));
			assert_int_equal(signers_of(&e, p), 0);
			gf_envelope_close(&e);
			opened++;
		}
		gf_json_free(doc);
	}
	assert_true(opened > 3);
	gf_buf_clear(&list);
	gf_policy_free(p);
}

static const struct {
	const char *json, *name; /* NULL: not an envelope */
} bad[] = {
	{ "{\"payload\":\"%\",\"payloadType\":\"x\",\"signatures\":[]}", "base64" },
	{ "{\"payload\":\"AB==\",\"payloadType\":\"x\",\"signatures\":[]}", "base64" },
	{ "{\"payload\":\"AA==\",\"payloadType\":\"x\"}", "missing-key" },
	{ "{\"payload\":\"AA==\",\"payloadType\":\"x\",\"signatures\":[{}]}", "missing-key" },
	{ "{\"payload\":\"AA==\",\"payloadType\":\"x\",\"signatures\":{}}", "json-type" },
	{ "{\"payload\":\"AA==\",\"payloadType\":\"x\\u0000y\",\"signatures\":[]}", "json-nul" },
	{ "{\"payload\":1,\"payloadType\":\"x\"}", NULL },
	{ "{\"dsseEnvelope\":{\"payload\":\"AA==\",\"payloadType\":\"x\",\"signatures\":[]}}", NULL },
	{ "[]", NULL },
};

static void test_malformed(void **state)
{
	gf_buf many;
	gf_error err = { 0 };

	(void)state;
	for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
		bool is = false, last = i == sizeof bad / sizeof bad[0];
		const char *name = last ? "dsse" : bad[i].name;
		gf_json_doc *doc;
		gf_envelope e;

		gf_buf_init(&many, 64 * GF_KIB);
		need(gf_buf_puts(
		    &many, last ? "{\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[0" : bad[i].json, &err));
		for (int k = 0; last && k < GF_ENVELOPE_SIGNATURES_MAX; k++)
			need(gf_buf_puts(&many, ",0", &err));
		need(gf_buf_puts(&many, last ? "]}" : "", &err));
		doc = gf_json_parse(many.data, many.len, 64 * GF_KIB, GF_DAMAGED, "x", &err);
		if (doc == NULL) { /* the reader of JSON says it before us */
			assert_string_equal(name, "json-nul");
		} else if (name == NULL) {
			need(gf_envelope_open(gf_json_root(doc), &is, &e, &err));
			assert_false(is);
		} else {
			if (gf_envelope_open(gf_json_root(doc), &is, &e, &err) || strcmp(err.name, name) != 0)
				fail_msg("%s: %s %s", many.data, err.name, err.text);
		}
		gf_json_free(doc);
		gf_buf_clear(&many);
	}
}

/* Both alphabets, padded or not; half padded is neither. */
static void test_alphabets(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* bytes; 0: refused */
		const char *bytes;
	} rows[] = { { "++//", 3, "\xfb\xef\xff" }, { "--__", 3, "\xfb\xef\xff" }, { "++8=", 2, "\xfb\xef" },
		{ "--8", 2, "\xfb\xef" }, { "-w==", 1, "\xfb" }, { "-w", 1, "\xfb" }, { "-w=", 0, NULL },
		{ "-", 0, NULL }, { "--__-", 0, NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_error err = { 0 };
		bool is = false;
		char json[128];
		gf_json_doc *doc;
		gf_envelope e;

		(void)snprintf(
		    json, sizeof json, "{\"payload\":\"%s\",\"payloadType\":\"x\",\"signatures\":[]}", rows[i].text);
		need((doc = gf_json_parse(json, strlen(json), GF_KIB, GF_DAMAGED, "x", &err)) != NULL);
		if (gf_envelope_open(gf_json_root(doc), &is, &e, &err) != (rows[i].n > 0))
			fail_msg("%s: %s", json, err.text);
		if (rows[i].n > 0) {
			assert_int_equal(e.payload.len, rows[i].n);
			assert_memory_equal(e.payload.data, rows[i].bytes, rows[i].n);
			gf_envelope_close(&e);
		}
		gf_json_free(doc);
	}
}

#define DIGEST "\"digest\":{\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000001\"}"
#define HEAD                                                                                                           \
	"\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{" DIGEST "},{\"digest\":{\"sha256\":\"A\"}},3]"

static const struct {
	const char *json, *name, *builder;
} statements[] = {
	{ "{" HEAD
	  ",\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicate\":{\"runDetails\":{\"builder\":{\"id\":\"b\"}}}}",
	    NULL, "b" },
	{ "{" HEAD
	  ",\"predicateType\":\"https://slsa.dev/provenance/v0.2\",\"predicate\":{\"builder\":{\"id\":\"b\"}},\"more\":1}",
	    NULL, "b" },
	/* Each version has its place for it. */
	{ "{" HEAD ",\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicate\":{\"builder\":{\"id\":\"b\"}}}",
	    NULL, NULL },
	{ "{" HEAD ",\"predicateType\":\"https://spdx.dev/Document\"}", NULL, NULL },
	{ "{" HEAD "}", "missing-key", NULL },
	{ "{\"_type\":\"https://in-toto.io/Statement/v2\",\"subject\":[],\"predicateType\":\"x\"}", "attestation",
	    NULL },
	{ "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":{},\"predicateType\":\"x\"}", "json-type", NULL },
	{ "[]", "json-type", NULL },
};

static void test_statements(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		gf_error err = { 0 };
		gf_attestation a;
		gf_json_doc *doc =
		    gf_json_parse(statements[i].json, strlen(statements[i].json), GF_MIB, GF_DAMAGED, "x", &err);

		assert_non_null(doc);
		if (gf_attestation_read(gf_json_root(doc), &a, &err)) {
			assert_null(statements[i].name);
			assert_int_equal(a.n_subjects, 1);
			assert_int_equal(a.subjects[0].bytes[31], 1);
			if (statements[i].builder != NULL)
				assert_string_equal(a.builder, statements[i].builder);
			else
				assert_null(a.builder);
			gf_attestation_clear(&a);
		} else if (statements[i].name == NULL || strcmp(err.name, statements[i].name) != 0) {
			fail_msg("%s: %s %s", statements[i].json, err.name, err.text);
		}
		gf_json_free(doc);
	}
}

/* As many subjects as sigstore has it, and one more. */
static void test_many_subjects(void **state)
{
	gf_error err = { 0 };
	gf_attestation a;
	gf_json_doc *doc;
	gf_buf text;

	(void)state;
	gf_buf_init(&text, GF_MIB);
	for (size_t n = GF_SUBJECTS_MAX; n <= GF_SUBJECTS_MAX + 1; n++) {
		gf_buf_clear(&text);
		assert_true(gf_buf_puts(&text,
				"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"x\",", &err) &&
		    gf_buf_puts(&text, "\"subject\":[", &err));
		for (size_t i = 0; i < n; i++)
			assert_true(
			    gf_buf_printf(&text, &err, "%s{\"digest\":{\"sha256\":\"%064zx\"}}", i > 0 ? "," : "", i));
		assert_true(gf_buf_puts(&text, "]}", &err));
		doc = gf_json_parse(text.data, text.len, GF_MIB, GF_DAMAGED, "x", &err);
		assert_non_null(doc);
		assert_int_equal(gf_attestation_read(gf_json_root(doc), &a, &err), n == GF_SUBJECTS_MAX);
		if (n == GF_SUBJECTS_MAX) {
			assert_int_equal(a.n_subjects, n);
			gf_attestation_clear(&a);
		}
		gf_json_free(doc);
	}
	assert_string_equal(err.name, "attestation");
	assert_non_null(strstr(err.text, "more than 1024 subjects"));
	gf_buf_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hello_world), cmocka_unit_test(test_sigstore),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_statements),
		cmocka_unit_test(test_many_subjects), cmocka_unit_test(test_alphabets) };

	return cmocka_run_group_tests(tests, start, leave);
}
