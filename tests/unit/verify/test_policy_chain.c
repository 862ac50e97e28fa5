/*
 * Version N, then N+1: the cases of tuf-conformance (theupdateframework/tuf-conformance at eec841c, test_root.py,
 * test_keys.py, test_rollback.py, test_expiration.py, test_basic.py) that speak of root, one to one; ours has one file
 * where TUF has four roles.
 */
#include "policies.h"

/* Version 2 of these terms, after version 1 of those; expected: NULL, or the name of the refusal. */
typedef struct rotation {
	const char *what;
	const char *old_roots;
	uint64_t old_threshold;
	const char *new_roots;
	uint64_t new_threshold;
	const char *signers;
	const char *expected;
} rotation;

static const rotation rotations[] = {
	{ "1-of-1, same key", "alice", 1, "alice", 1, "alice", NULL },
	{ "1-of-1, another key", "alice", 1, "bob", 1, "alice bob", NULL },
	{ "1-of-1, not signed by old", "alice", 1, "bob", 1, "bob", "trust-root" },
	{ "1-of-1, not signed by new", "alice", 1, "bob", 1, "alice", "trust-own-root" },
	{ "unsigned", "alice", 1, "alice", 1, "", "trust-root" },
	{ "1-of-2, signed by the first", "alice bob", 1, "alice bob", 1, "alice", NULL },
	{ "1-of-2, signed by the second", "alice bob", 1, "alice bob", 1, "bob", NULL },
	{ "1-of-2, one key replaced", "alice bob", 1, "alice carol", 1, "alice", NULL },
	{ "1-of-2, one key replaced, signed by the one that went", "alice bob", 1, "alice carol", 1, "bob",
	    "trust-own-root" },
	{ "1-of-2, one key replaced, signed by the one that came", "alice bob", 1, "alice carol", 1, "carol",
	    "trust-root" },
	{ "1-of-2, both replaced", "alice bob", 1, "carol dave", 1, "alice carol", NULL },
	{ "3-of-5, two replaced", "alice bob carol dave erin", 3, "alice bob carol frank ci", 3, "alice bob carol",
	    NULL },
	{ "3-of-5, three replaced, three of each sign", "alice bob carol dave erin", 3, "alice bob frank ci op", 3,
	    "alice bob carol frank", NULL },
	{ "3-of-5, old threshold not reached", "alice bob carol dave erin", 3, "alice bob frank ci op", 3,
	    "alice bob frank ci op", "trust-root" },
	{ "3-of-5, new threshold not reached", "alice bob carol dave erin", 3, "alice bob frank ci op", 3,
	    "alice bob carol dave erin", "trust-own-root" },
	{ "threshold raised and reached", "alice bob", 1, "alice bob", 2, "alice bob", NULL },
	{ "threshold raised and not reached", "alice bob", 1, "alice bob", 2, "alice", "trust-own-root" },
	{ "threshold lowered, the old one reached", "alice bob", 2, "alice bob", 1, "alice bob", NULL },
	{ "threshold lowered, only the new one reached", "alice bob", 2, "alice bob", 1, "alice", "trust-root" },
	{ "a stranger beside those who count", "alice bob", 2, "alice bob", 2, "alice bob frank", NULL },
	{ "strangers alone", "alice bob", 1, "alice bob", 1, "carol dave", "trust-root" },
	{ "one key signs twice", "alice bob", 2, "alice bob", 2, "alice alice", "trust-root" },
};

static void test_rotation(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rotations / sizeof *rotations; i++) {
		const rotation *r = &rotations[i];
		gf_policy *now = rooted(1, r->old_roots, r->old_threshold), *next;
		signed_file f = file_of(rooted(2, r->new_roots, r->new_threshold), r->signers);
		gf_error err = { 0 };

		next = gf_policy_next(now, &f.all[0], f.all, f.n, &err);
		if (r->expected == NULL) {
			if (next == NULL)
				fail_msg("%s: %s: %s", r->what, err.name, err.text);
			assert_int_equal(next->version, 2);
		} else if (next != NULL || strcmp(err.name, r->expected) != 0 || err.class != GF_REFUSED) {
			fail_msg("%s: expected %s, found '%s' %s", r->what, r->expected, err.name, err.text);
		}
		gf_policy_free(next);
		gf_policy_free(now);
		file_clear(&f);
	}
}

static void expect_next(const gf_policy *now, const signed_file *f, const char *name)
{
	gf_error err = { 0 };
	gf_policy *next = gf_policy_next(now, &f->all[0], f->all, f->n, &err);

	if (name == NULL ? next == NULL : next != NULL || strcmp(err.name, name) != 0)
		fail_msg("expected %s, found '%s' %s", name != NULL ? name : "the next", err.name, err.text);
	gf_policy_free(next);
}

/* Every key replaced needs a version between that both sides sign. */
static void test_all_replaced(void **state)
{
	gf_policy *one = rooted(1, "alice bob carol", 2), *two;
	signed_file f3, f2 = file_of(rooted(2, "alice bob dave erin", 2), "alice bob");
	gf_error err = { 0 };

	(void)state;
	need((two = gf_policy_next(one, &f2.all[0], f2.all, f2.n, &err)) != NULL);
	f3 = file_of(rooted(3, "dave erin frank", 2), "dave erin");
	expect_next(two, &f3, NULL);
	expect_next(one, &f3, "trust-root");
	gf_policy_free(one);
	gf_policy_free(two);
	file_clear(&f2);
	file_clear(&f3);
}

static void test_versions(void **state)
{
	static const uint64_t wrong[] = { 1, 4, 5, 7, 9007199254740991 };
	gf_policy *now = rooted(5, "alice", 1);
	gf_error err = { 0 };
	signed_file f;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		f = file_of(rooted(wrong[i], "alice", 1), "alice");
		expect_next(now, &f, "trust-version");
		assert_null(gf_policy_next(now, &f.all[0], f.all, f.n, &err));
		assert_int_equal(strstr(err.text, ": give the versions between, too") != NULL, wrong[i] > 5);
		file_clear(&f);
	}
	f = file_of(rooted(6, "alice", 1), "alice");
	expect_next(now, &f, NULL);
	file_clear(&f);
	gf_policy_free(now);
}

/* A refusal says whose signatures are asked for. */
static void test_who_is_asked(void **state)
{
	gf_policy *now = rooted(1, "alice bob", 2);
	signed_file f = file_of(rooted(2, "alice bob", 2), "alice");
	gf_error err = { 0 };
	char hex[2][GF_HEX_SIZE], words[160];

	(void)state;
	gf_digest_hex(&now->keys[0].id, hex[0]);
	gf_digest_hex(&now->keys[1].id, hex[1]);
	(void)snprintf(words, sizeof words, "by 1 of the 2 root holders that version 1 asks for (%s %.16s, %s %.16s)",
	    now->keys[0].holder, hex[0], now->keys[1].holder, hex[1]);
	assert_null(gf_policy_next(now, &f.all[0], f.all, f.n, &err));
	if (strstr(err.text, words) == NULL)
		fail_msg("expected '%s', found '%s'", words, err.text);
	file_clear(&f);
	gf_policy_free(now);
}

/* A key that stands in the role twice is refused (test_policy); two keys of one holder are one holder. */
static void test_holders_count(void **state)
{
	gf_policy *now = rooted(1, "alice bob", 2), *next = rooted(2, "alice bob", 2);
	signed_file f;

	(void)state;
	add_holder(now, "root", "carol", "alice"); /* alice's second key */
	add_holder(next, "root", "carol", "alice");
	f = file_of(next, "alice carol");
	expect_next(now, &f, "trust-root");
	file_sign(&f, "bob");
	expect_next(now, &f, NULL);
	file_clear(&f);
	gf_policy_free(now);
}

/* What does not fit, or is no signature at all, breaks nothing. */
static void test_bad_signatures_beside(void **state)
{
	gf_policy *now = rooted(1, "alice bob", 2);
	signed_file f = file_of(rooted(2, "alice bob", 2), "alice bob"),
		    other = file_of(rooted(2, "alice", 1), "alice");
	gf_error err = { 0 };

	(void)state;
	file_add_text(&f, "trust-0000000000000002.json.0123456789abcdef.sig", "AAAA\n");
	file_add_text(&f, "trust-0000000000000002.json.0123456789abcdef.minisig", "\n\n\n\n");
	file_add_text(&f, "trust-0000000000000002.json.0123456789abcdef.p7s", "");
	file_add_text(&f, "trust-0000000000000002.json.0123456789abcdeg.sig", "");
	expect_next(now, &f, NULL);
	/* The signature of another file under the right name. */
	f.n = 2;
	gf_buf_clear(&f.all[1].bytes);
	need(gf_buf_add(&f.all[1].bytes, other.all[1].bytes.data, other.all[1].bytes.len, &err));
	expect_next(now, &f, "trust-root");
	/* The right one under the name of another file. */
	gf_buf_clear(&f.all[0].bytes);
	need(gf_buf_add(&f.all[0].bytes, other.all[0].bytes.data, other.all[0].bytes.len, &err));
	gf_policy_free(now);
	now = rooted(1, "alice", 1);
	expect_next(now, &f, NULL);
	need((free(f.all[1].name),
		 f.all[1].name = gf_strdup("trust-0000000000000003.json.0123456789abcdef.sig", &err)) != NULL);
	expect_next(now, &f, "trust-root");
	gf_policy_free(now);
	f.n = 7;
	file_clear(&f);
	file_clear(&other);
}

/* Nothing of N+1 is parsed before N's root has signed its bytes: what is no JSON is refused for its signatures. */
static void test_signed_before_parsed(void **state)
{
	gf_policy *now = rooted(1, "alice", 1);
	signed_file f = { .n = 0 };

	(void)state;
	file_add_text(&f, "trust-0000000000000002.json", "{ \"_type\": ");
	expect_next(now, &f, "trust-root");
	file_sign(&f, "alice");
	expect_next(now, &f, "json");
	file_clear(&f);
	/* A statement of another type is no trust file, whoever signed it. */
	file_add_text(&f, "trust-0000000000000002.json",
	    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[],\"predicateType\":\"urn:gapferry:permit:v1\","
	    "\"predicate\":{}}");
	file_sign(&f, "alice");
	expect_next(now, &f, "statement");
	file_clear(&f);
	gf_policy_free(now);
}

static void test_unsound(void **state)
{
	gf_policy *now = rooted(1, "alice", 1), *next = rooted(2, "alice", 1);
	signed_file f;

	(void)state;
	add_person(next, "log", "alice");
	f = file_of(next, "alice");
	expect_next(now, &f, "trust-apart");
	file_clear(&f);
	gf_policy_free(now);
}

/* Expiry: not that of the one that moves on, not that of one between; and nobody from the future. */
static void test_times(void **state)
{
	gf_policy *now = rooted(1, "alice", 1), *next = rooted(2, "alice", 1), *found;
	gf_error err = { 0 };
	signed_file f;

	(void)state;
	now->created = 1600000000;
	now->expires = 1700000000;
	now->keys[0].not_after = 1650000000;
	next->created = 1600000000;
	next->expires = 1700000001;
	next->keys[0].not_after = 1650000000;
	assert_false(gf_policy_fresh(now, &err));
	assert_string_equal(err.name, "trust-expired");
	f = file_of(next, "alice");
	need((found = gf_policy_next(now, &f.all[0], f.all, f.n, &err)) != NULL);
	assert_false(gf_policy_fresh(found, &err));
	gf_policy_free(found);
	file_clear(&f);
	next = rooted(2, "alice", 1);
	need(gf_policy_fresh(next, &err));
	next->created = gf_now() + 590;
	next->expires = next->created + 1000;
	f = file_of(next, "alice");
	expect_next(now, &f, NULL);
	file_clear(&f);
	next = rooted(2, "alice", 1);
	next->created = gf_now() + 660;
	next->expires = next->created + 1000;
	f = file_of(next, "alice");
	expect_next(now, &f, "trust-created");
	file_clear(&f);
	gf_policy_free(now);
}

static void test_first(void **state)
{
	signed_file f = file_of(whole(7), "alice bob");
	gf_digest digest = file_digest(&f);
	gf_error err = { 0 };
	gf_policy *p;

	(void)state;
	need((p = gf_policy_first(&digest, &f.all[0], f.all, f.n, &err)) != NULL);
	assert_int_equal(p->version, 7);
	gf_policy_free(p);
	assert_null(gf_policy_first(&digest, &f.all[0], f.all, 2, &err)); /* bob's is not there */
	assert_string_equal(err.name, "trust-own-root");
	digest.bytes[31] ^= 1;
	assert_null(gf_policy_first(&digest, &f.all[0], f.all, f.n, &err));
	assert_string_equal(err.name, "trust-digest");
	assert_int_equal(err.class, GF_REFUSED);
	file_clear(&f);
}

/* Who counts: distinct holders, of this role, valid at that time. */
static void test_count(void **state)
{
	gf_policy *p = whole(1);
	const gf_policy_role *approvers = gf_policy_role_find(p, "approver:prod");
	const gf_pubkey *signers[] = { p->keys[2].key, p->keys[3].key, p->keys[4].key, p->keys[4].key };

	(void)state;
	assert_string_equal(p->keys[2].holder, "ci");
	assert_int_equal(gf_policy_count(p, approvers, gf_now(), signers, 4), 2);
	assert_int_equal(gf_policy_count(p, approvers, gf_now(), signers, 2), 1);
	assert_int_equal(gf_policy_count(p, approvers, gf_now(), signers, 1), 0);
	p->keys[3].not_after = gf_now() - 1;
	assert_int_equal(gf_policy_count(p, approvers, gf_now(), signers, 4), 1);
	assert_int_equal(gf_policy_count(p, approvers, 0, signers, 4), 2);
	p->keys[4].not_before = gf_now() + 100;
	assert_int_equal(gf_policy_count(p, approvers, gf_now(), signers, 4), 0);
	/* A second key stands in for the one that has ended. */
	add_holder(p, "approver:prod", "erin", "carol");
	signers[0] = p->keys[p->n_keys - 1].key;
	assert_int_equal(gf_policy_count(p, gf_policy_role_find(p, "approver:prod"), gf_now(), signers, 4), 1);
	gf_policy_free(p);
}

/* ---- the vectors of FORMAT.md 7, which were made from that page alone ---- */

static char fixtures[4096];

static void load(gf_member *m, const char *name)
{
	gf_error err = { 0 };
	char path[4200];

	(void)snprintf(path, sizeof path, "%s/%s", fixtures, name);
	gf_buf_init(&m->bytes, GF_COMPANION_MAX);
	need((m->name = gf_strdup(name, &err)) != NULL &&
	    gf_file_load(path, GF_COMPANION_MAX, GF_FAILED, &m->bytes, &err));
}

/* What is printed has the bytes of the page. */
static void expect_same_bytes(const gf_policy *p, const gf_member *file, const char *sha256)
{
	gf_error err = { 0 };
	char hex[GF_HEX_SIZE];
	gf_digest digest;
	gf_buf text;

	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_policy_print(p, &text, &err) && gf_hash_bytes(text.data, text.len, &digest, &err));
	assert_int_equal(text.len, file->bytes.len);
	assert_memory_equal(text.data, file->bytes.data, text.len);
	gf_digest_hex(&digest, hex);
	assert_string_equal(hex, sha256);
	gf_buf_clear(&text);
}

static void test_vectors(void **state)
{
	static const char *const names[] = { "trust-1.json", "trust-1.json.9be3e86cff22c152.sig",
		"trust-1.json.27246ad6b2f9db88.sig", "trust-2.json", "trust-2.json.9be3e86cff22c152.sig",
		"trust-2.json.27246ad6b2f9db88.sig", "trust-2.json.9bd1ad979ce0b32b.sig" };
	gf_member m[7];
	gf_digest digest;
	gf_error err = { 0 };
	gf_policy *one, *two;

	(void)state;
	for (size_t i = 0; i < 7; i++)
		load(&m[i], names[i]);
	need(gf_hash_bytes(m[0].bytes.data, m[0].bytes.len, &digest, &err));
	need((one = gf_policy_first(&digest, &m[0], m, 7, &err)) != NULL);
	expect_same_bytes(one, &m[0], "510debb3323a0eaaa0d153005d6172758f8b0115aa0b8d951d764eaffbc55204");
	need((two = gf_policy_next(one, &m[3], m, 7, &err)) != NULL);
	expect_same_bytes(two, &m[3], "882ecf50146bd673d93e4379548f46054e7a59f627c7372bee305b1bddc3ed55");
	gf_policy_free(two);
	assert_null(gf_policy_next(one, &m[3], m, 5, &err)); /* alice alone */
	assert_string_equal(err.name, "trust-root");
	assert_null(gf_policy_next(one, &m[3], m, 6, &err)); /* and bob, but not dave */
	assert_string_equal(err.name, "trust-own-root");
	gf_policy_free(one);
	for (size_t i = 0; i < 7; i++) {
		free(m[i].name);
		gf_buf_clear(&m[i].bytes);
	}
}

/* make-trust.py over the keys and signatures that are there gives the files that are there. */
static void test_from_the_page_alone(void **state)
{
	char command[20000];

	(void)state;
	(void)snprintf(command, sizeof command,
	    "mkdir made && cp '%s/../make-trust.py' made && cp -r '%s' made/ && rm made/trust/*.json && "
	    "python3 made/make-trust.py >/dev/null && diff -r made/trust '%s'",
	    fixtures, fixtures, fixtures);
	assert_int_equal(sh(command), 0);
}

static int enter_with_fixtures(void **state)
{
	if (getcwd(fixtures, sizeof fixtures - sizeof "/tests/fixtures/trust") == NULL)
		return -1;
	strcat(fixtures, "/tests/fixtures/trust");
	return make_people(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rotation), cmocka_unit_test(test_all_replaced),
		cmocka_unit_test(test_versions), cmocka_unit_test(test_who_is_asked),
		cmocka_unit_test(test_holders_count), cmocka_unit_test(test_bad_signatures_beside),
		cmocka_unit_test(test_signed_before_parsed), cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_times), cmocka_unit_test(test_first), cmocka_unit_test(test_count),
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_from_the_page_alone) };

	return cmocka_run_group_tests(tests, enter_with_fixtures, leave);
}
