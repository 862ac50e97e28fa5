/* Which keys are believed. */
#include "policies.h"

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
	/* a configuration that is a file has no directory of keys; what cannot be looked at is an error */
	need((t = gf_trust_open(NULL, 0, "a.pub", &err)) != NULL);
	assert_int_equal(gf_trust_count(t), 0);
	gf_trust_free(t);
	assert_int_equal(sh("mkdir loop && ln -s keys loop/keys"), 0);
	assert_null(gf_trust_open(NULL, 0, "loop", &err));
	assert_string_equal(err.name, "read");
	assert_int_equal(err.class, GF_FAILED);
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

/* ---- an installed trust file ---- */

static gf_state *open_state(const char *path)
{
	gf_error err = { 0 };
	gf_state *s;

	need((s = gf_state_open(path, true, &err)) != NULL);
	return s;
}

static void install(gf_state *s, gf_trust *t)
{
	gf_error err = { 0 };

	need(gf_state_lock(s, &err) && gf_trust_install(t, s, &err));
	gf_state_unlock(s);
}

/* Version 1 of whole() into the state. */
static gf_state *with_first(const char *path)
{
	gf_state *s = open_state(path);
	signed_file f = file_of(whole(1), "alice bob");
	gf_digest digest = file_digest(&f);
	gf_error err = { 0 };
	gf_trust *t;

	need((t = gf_trust_begin(&digest, &f.all[0], f.all, f.n, &err)) != NULL);
	assert_int_equal(gf_trust_newer(t), 1);
	install(s, t);
	assert_int_equal(gf_trust_newer(t), 0);
	gf_trust_free(t);
	file_clear(&f);
	return s;
}

static void test_installed(void **state)
{
	const char *const paths[] = { "frank.pub" };
	gf_state *s = with_first("installed");
	gf_digest digest;
	gf_error err = { 0 };
	gf_trust *t;
	gf_buf text;

	(void)state;
	assert_int_equal(gf_state_trust(s, &digest), 1);
	need((t = gf_trust_for(s, NULL, 0, "conf", GF_TRUST_UNPACK, &err)) != NULL);
	assert_non_null(gf_trust_policy(t));
	assert_true(gf_digest_equal(gf_trust_digest(t), &digest));
	assert_int_equal(gf_trust_count(t), 7); /* keys/ of the configuration is not looked at */
	assert_string_equal(gf_pubkey_holder(gf_trust_key(t, 2)), "ci");
	gf_trust_free(t);
	assert_null(gf_trust_for(s, paths, 1, "conf", GF_TRUST_UNPACK, &err));
	assert_string_equal(err.name, "trust-keys");
	assert_int_equal(err.class, GF_USAGE);
	need((t = gf_trust_for(s, paths, 1, "conf", GF_TRUST_VERIFY, &err)) != NULL);
	assert_null(gf_trust_policy(t));
	assert_int_equal(gf_trust_count(t), 1);
	gf_trust_free(t);
	/* Kept for the auditor, as it was signed. */
	gf_buf_init(&text, GF_COMPANION_MAX);
	need(gf_file_load("installed/records/trust-1.json", GF_COMPANION_MAX, GF_FAILED, &text, &err));
	assert_int_equal(sh("test $(ls installed/records/trust-1.json.*.sig | wc -l) -eq 2"), 0);
	/* What is not the file of the log is not believed. */
	text.data[text.len - 2] = ' ';
	need(gf_file_store("installed/records/trust-1.json", 0600, text.data, text.len, &err));
	assert_null(gf_trust_for(s, NULL, 0, "conf", GF_TRUST_VERIFY, &err));
	assert_string_equal(err.name, "state");
	assert_int_equal(unlink("installed/records/trust-1.json"), 0);
	assert_null(gf_trust_for(s, NULL, 0, "conf", GF_TRUST_VERIFY, &err));
	gf_buf_clear(&text);
	gf_state_close(s);
}

/* All files of several versions and their signatures as one list; what they point to stays theirs. */
static size_t together(gf_member *out, const signed_file *files, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t m = 0; m < files[i].n; m++)
			out[k++] = files[i].all[m];
	return k;
}

/* Versions in any order, with noise between: those that follow are taken, the rest changes nothing. */
static void test_extended(void **state)
{
	gf_state *s = with_first("extended");
	gf_policy *two = whole(2);
	signed_file files[6];
	gf_member all[6 * 24];
	gf_digest digest;
	gf_error err = { 0 };
	gf_trust *t;
	size_t n;

	(void)state;
	add_person(two, "root", "erin");
	files[0] = file_of(rooted(4, "erin", 1), "alice bob erin frank");
	files[1] = file_of(rooted(3, "alice bob erin", 2), "alice erin");
	files[2] = file_of(two, "alice bob");
	files[3] = file_of(rooted(6, "erin", 1), "alice bob erin"); /* 5 is missing */
	files[4] = file_of(rooted(0x99, "frank", 1), "frank");
	files[5] = (signed_file){ .n = 0 };
	file_add_text(&files[5], "approval-0123456789abcdef.json", "{}");
	n = together(all, files, 6);
	need((t = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL);
	need(gf_trust_extend(t, all, n, &err));
	assert_int_equal(gf_trust_newer(t), 3);
	assert_int_equal(gf_trust_policy(t)->version, 4);
	assert_int_equal(gf_trust_count(t), 1);
	/* In memory alone. */
	assert_int_equal(gf_state_trust(s, &digest), 1);
	install(s, t);
	assert_int_equal(gf_state_trust(s, &digest), 4);
	assert_true(gf_digest_equal(&digest, gf_trust_digest(t)));
	gf_trust_free(t);
	need((t = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL);
	assert_int_equal(gf_trust_policy(t)->version, 4);
	assert_int_equal(sh("cd extended/records && test \"$(ls trust-?.json | tr '\\n' ' ')\" = "
			    "'trust-1.json trust-2.json trust-3.json trust-4.json '"),
	    0);
	/* Those that counted, of the root before and of its own; not the stranger's. */
	assert_int_equal(sh("test $(ls extended/records/trust-4.json.* | wc -l) -eq 3"), 0);
	gf_trust_free(t);
	for (size_t i = 0; i < 6; i++)
		file_clear(&files[i]);
	gf_state_close(s);
}

/* Which trust files are believed: that in force, and those taken in memory. */
static void test_holds(void **state)
{
	static const char *const paths[] = { "alice.pub" };
	gf_state *s = with_first("holds");
	gf_digest first, newer[2], other = { { 1 } };
	signed_file files[2] = { file_of(whole(2), "alice bob"), file_of(whole(3), "alice bob") };
	gf_member all[2 * 24];
	gf_error err = { 0 };
	gf_trust *t;
	size_t n;

	(void)state;
	newer[0] = file_digest(&files[0]);
	newer[1] = file_digest(&files[1]);
	n = together(all, files, 2);
	need((t = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL);
	first = *gf_trust_digest(t);
	assert_true(gf_trust_holds(t, &first));
	assert_false(gf_trust_holds(t, &newer[0]) || gf_trust_holds(t, &other));
	need(gf_trust_extend(t, all, n, &err));
	assert_true(gf_trust_holds(t, &newer[0]) && gf_trust_holds(t, &newer[1]));
	assert_false(gf_trust_holds(t, &other));
	gf_trust_free(t);
	/* loose keys hold none */
	need((t = gf_trust_open(paths, 1, NULL, &err)) != NULL);
	memset(&other, 0, sizeof other);
	assert_false(gf_trust_holds(t, &other));
	gf_trust_free(t);
	file_clear(&files[0]);
	file_clear(&files[1]);
	gf_state_close(s);
}

/* Two runs at once: what the other installed meanwhile is not installed again, and another version 2 is a fork. */
static void test_meanwhile(void **state)
{
	gf_state *s = with_first("meanwhile");
	signed_file ours = file_of(whole(2), "alice bob"), theirs;
	gf_policy *other = whole(2);
	gf_error err = { 0 };
	gf_trust *a, *b, *c;

	(void)state;
	other->expires++;
	theirs = file_of(other, "alice bob");
	need((a = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL &&
	    gf_trust_extend(a, ours.all, ours.n, &err));
	need((b = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL &&
	    gf_trust_extend(b, ours.all, ours.n, &err));
	need((c = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL &&
	    gf_trust_extend(c, theirs.all, theirs.n, &err));
	install(s, a);
	install(s, b);
	assert_int_equal(sh("test $(grep -c '\"type\":\"trust\"' meanwhile/audit.jsonl) -eq 2"), 0);
	need(gf_state_lock(s, &err));
	assert_false(gf_trust_install(c, s, &err));
	gf_state_unlock(s);
	assert_string_equal(err.name, "trust-fork");
	assert_int_equal(err.class, GF_REFUSED);
	gf_trust_free(a);
	gf_trust_free(b);
	gf_trust_free(c);
	file_clear(&ours);
	file_clear(&theirs);
	gf_state_close(s);
}

/* Killed between the record and the line: the record is not believed, and the next may replace it. */
static void test_record_without_line(void **state)
{
	gf_state *s = with_first("killed");
	signed_file f = file_of(whole(2), "alice bob");
	gf_digest digest;
	gf_error err = { 0 };
	gf_trust *t;

	(void)state;
	need(gf_file_store("killed/records/trust-2.json", 0600, "{}", 2, &err));
	need((t = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL);
	assert_int_equal(gf_trust_policy(t)->version, 1);
	need(gf_trust_extend(t, f.all, f.n, &err));
	install(s, t);
	gf_trust_free(t);
	need((t = gf_trust_for(s, NULL, 0, NULL, GF_TRUST_VERIFY, &err)) != NULL);
	assert_int_equal(gf_state_trust(s, &digest), 2);
	gf_trust_free(t);
	file_clear(&f);
	gf_state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list), cmocka_unit_test(test_directory),
		cmocka_unit_test(test_named_only), cmocka_unit_test(test_none), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_installed), cmocka_unit_test(test_extended), cmocka_unit_test(test_holds),
		cmocka_unit_test(test_meanwhile), cmocka_unit_test(test_record_without_line) };

	return cmocka_run_group_tests(tests, make_people, leave);
}
