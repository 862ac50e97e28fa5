/* NAME.tar.d/ beside a bundle. */
#include "common.h"

static size_t count(const char *bundle, gf_error *err)
{
	gf_member *members;
	size_t n;
	bool ok;

	*err = (gf_error){ 0 };
	ok = gf_companions_load(bundle, NULL, 0, &members, &n, err);
	gf_members_free(members, n);
	return ok ? n : SIZE_MAX;
}

static void test_names(void **state)
{
	gf_member *members;
	gf_error err;
	size_t n;

	(void)state;
	assert_int_equal(count("-", &err), 0);
	assert_int_equal(count("a.tar", &err), 0);
	assert_int_equal(sh("mkdir a.tar.d d.d && cd a.tar.d && echo 2 > manifest.json.0123456789abcdef.sig && "
			    "echo 1 > approval-0123456789abcdef.json && "
			    "echo 3 > approval-0123456789abcdef.json.0123456789abcdef.minisig && "
			    "touch .DS_Store manifest.json.sig x-0123456789abcdef.json trust-0123456789abcdeg.json "
			    "trust-0123456789abcdef.json.bak && mkdir sub"),
	    0);
	assert_true(gf_companions_load("a.tar", NULL, 0, &members, &n, &err));
	assert_int_equal(n, 3);
	assert_string_equal(members[0].name, "approval-0123456789abcdef.json");
	assert_string_equal(gf_buf_text(&members[0].bytes), "1\n");
	assert_string_equal(members[1].name, "approval-0123456789abcdef.json.0123456789abcdef.minisig");
	assert_string_equal(members[2].name, "manifest.json.0123456789abcdef.sig");
	gf_members_free(members, n);
	assert_int_equal(count("a.thin.tar", &err), 3);
	assert_int_equal(count("./a.tar", &err), 3);
	assert_int_equal(sh("cp a.tar.d/manifest* d.d"), 0);
	assert_int_equal(count("d/", &err), 1);
	assert_int_equal(count("d", &err), 1);
}

static void test_caps(void **state)
{
	gf_error err;

	(void)state;
	assert_int_equal(sh("mkdir b.tar.d && for i in $(seq 512); do printf x > "
			    "b.tar.d/$(printf 'permit-%016x.json' $i); done"),
	    0);
	assert_int_equal(count("b.tar", &err), 512);
	assert_int_equal(sh("echo > b.tar.d/trust-0000000000000000.json"), 0);
	assert_int_equal(count("b.tar", &err), SIZE_MAX);
	assert_error(err, GF_DAMAGED, "too-large");
	assert_int_equal(sh("rm b.tar.d/* && head -c 1048576 /dev/zero > b.tar.d/trust-0000000000000000.json"), 0);
	assert_int_equal(count("b.tar", &err), 1);
	assert_int_equal(sh("echo >> b.tar.d/trust-0000000000000000.json"), 0);
	assert_int_equal(count("b.tar", &err), SIZE_MAX);
	assert_error(err, GF_DAMAGED, "too-large");
}

static void test_links_and_pipes(void **state)
{
	gf_error err;

	(void)state;
	assert_int_equal(sh("mkdir c.tar.d && ln -s /etc/passwd c.tar.d/trust-0000000000000000.json"), 0);
	assert_int_equal(count("c.tar", &err), SIZE_MAX);
	assert_int_equal(err.class, GF_DAMAGED);
	assert_int_equal(sh("rm c.tar.d/* && mkfifo c.tar.d/trust-0000000000000000.json"), 0);
	assert_int_equal(count("c.tar", &err), SIZE_MAX);
	assert_int_equal(err.class, GF_DAMAGED);
	assert_int_equal(sh("mkdir e && ln -s e f.tar.d"), 0);
	assert_int_equal(count("f.tar", &err), SIZE_MAX);
	assert_error(err, GF_DAMAGED, "companions");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_caps),
		cmocka_unit_test(test_links_and_pipes) };

	return cmocka_run_group_tests_name("bundles/companions", tests, enter, leave);
}
