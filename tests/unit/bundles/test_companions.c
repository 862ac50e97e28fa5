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

static void load_with(const char *with, gf_class class)
{
	gf_member *members;
	gf_error err = { 0 };
	size_t n;

	if (gf_companions_load("-", &with, 1, &members, &n, &err))
		fail_msg("'%s' is taken", with);
	assert_error(err, class, "companions");
	assert_memory_equal(err.object, with, strlen(err.object));
}

/* --with names a directory that must be there; beside a bundle none need be. */
static void test_with(void **state)
{
	static char longer[300], other[1100];
	const char *const both[] = { "g", "h" };
	gf_member *members;
	gf_error err = { 0 };
	size_t n;

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	assert_int_equal(sh("mkdir g h && touch file && for d in g h; do "
			    "echo $d > $d/manifest.json.0123456789abcdef.sig; done"),
	    0);
	assert_true(gf_companions_load("-", both, 2, &members, &n, &err));
	assert_int_equal(n, 2);
	gf_members_free(members, n);
	load_with("nowhere", GF_USAGE);
	load_with("file", GF_DAMAGED);
	load_with(longer, GF_FAILED);
	assert_int_equal(count(longer, &err), 0);
	memset(other, 'x', sizeof other - 1);
	for (size_t i = 0; i < sizeof other - 1; i += 50)
		other[i] = '/';
	memcpy(other, "file/", 5);
	assert_int_equal(count(other, &err), SIZE_MAX);
	assert_error(err, GF_DAMAGED, "companions");
}

static void test_store(void **state)
{
	char name[400] = "";
	gf_member m = { .name = (char *)(uintptr_t) "manifest.json.0123456789abcdef.sig" };
	gf_error err = { 0 };
	gf_buf found;

	(void)state;
	gf_buf_init(&m.bytes, 100);
	assert_true(gf_buf_puts(&m.bytes, "signed\n", &err));
	assert_true(gf_companion_store("s.thin.tar", &m, &err));
	load("s.tar.d/manifest.json.0123456789abcdef.sig", &found);
	assert_string_equal(gf_buf_text(&found), "signed\n");
	gf_buf_clear(&found);
	assert_int_equal(
	    sh("touch file && test \"$(stat -c %a s.tar.d)\" = 755 && test \"$(ls -A s.tar.d | wc -l)\" = 1"), 0);
	/* what is there stays, a link to nowhere too */
	assert_true(gf_buf_puts(&m.bytes, "again\n", &err));
	assert_false(gf_companion_store("s.tar", &m, &err));
	assert_error(err, GF_USAGE, "exists");
	assert_int_equal(sh("cd s.tar.d && ln -sf nowhere manifest.json.0123456789abcdef.sig"), 0);
	assert_false(gf_companion_store("s.tar", &m, &err));
	assert_error(err, GF_USAGE, "exists");
	assert_int_equal(sh("test \"$(readlink s.tar.d/*.sig)\" = nowhere && test ! -e s.tar.d/nowhere"), 0);
	err = (gf_error){ 0 };
	assert_false(gf_companion_store("file/s.tar", &m, &err));
	assert_int_equal(err.class, GF_FAILED);
	memset(name, 'x', sizeof name - 1); /* longer than a name may be */
	m.name = name;
	assert_false(gf_companion_store("s.tar", &m, &err));
	assert_error(err, GF_FAILED, "write");
	assert_non_null(strstr(err.text, "cannot be looked at"));
	gf_buf_clear(&m.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_caps),
		cmocka_unit_test(test_links_and_pipes), cmocka_unit_test(test_with), cmocka_unit_test(test_store) };

	return cmocka_run_group_tests_name("bundles/companions", tests, enter, leave);
}
