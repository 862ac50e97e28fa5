/* certs.d: which files of which directory count, and what is refused. */
#include <sys/stat.h>

#include "common.h"
#include "remote/registry.h"

#define HOST "registry.example:5000"

static char certs[128]; /* the directory of HOST below HOME */

static int enter(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(certs, sizeof certs, "%s/.config/containers/certs.d/" HOST, dir);
	return setenv("HOME", dir, 1);
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, "%s/%s", certs, name);
	return path;
}

/* The directory, new, with these files: each holds its name. */
static void fill(const char *const *names)
{
	gf_error err;

	if (access(certs, F_OK) == 0)
		check_ok(gf_dir_remove(certs, &err));
	check_ok(gf_dir_make(certs, 0700, &err));
	for (; *names != NULL; names++)
		check_ok(gf_file_replace(path_of(*names), 0600, *names, strlen(*names), &err));
}

static void refused(const char *part)
{
	gf_error err = { .class = GF_OK };
	gf_certs c;

	check_fails(gf_certs_find(HOST, &c, &err), "certs-d");
	if (strstr(err.text, part) == NULL || strstr(err.text, certs) == NULL)
		fail_msg("%s", err.text);
	gf_certs_clear(&c);
}

static void found(const char *roots, const char *cert, const char *key)
{
	gf_error err;
	gf_certs c;

	check_ok(gf_certs_find(HOST, &c, &err));
	assert_string_equal(gf_buf_text(&c.roots), roots);
	assert_int_equal(c.cert_file == NULL, cert == NULL);
	assert_int_equal(c.key_file == NULL, key == NULL);
	if (cert != NULL)
		assert_string_equal(c.cert_file, path_of(cert));
	if (key != NULL)
		assert_string_equal(c.key_file, path_of(key));
	gf_certs_clear(&c);
}

static void test_files(void **state)
{
	(void)state;
	found("", NULL, NULL); /* no directory at all */
	fill((const char *const[]){ NULL });
	found("", NULL, NULL);
	fill((const char *const[]){ "b.crt", "a.crt", "README", "c.crt.old", NULL });
	found("a.crt\nb.crt\n", NULL, NULL);
	fill((const char *const[]){ "me.key", "me.cert", "ca.crt", NULL });
	found("ca.crt\n", "me.cert", "me.key");
	fill((const char *const[]){ "two.key", "two.cert", "one.key", "one.cert", NULL });
	found("", "one.cert", "one.key");
}

static void test_half_a_pair(void **state)
{
	(void)state;
	fill((const char *const[]){ "me.cert", NULL });
	refused("has 'me.cert' without 'me.key'");
	fill((const char *const[]){ "me.key", NULL });
	refused("has 'me.key' without 'me.cert'");
	fill((const char *const[]){ "one.cert", "one.key", "two.cert", NULL });
	refused("has 'two.cert' without 'two.key'");
}

static void test_too_many(void **state)
{
	char name[16];
	gf_error err;
	gf_certs c;

	(void)state;
	fill((const char *const[]){ "README", NULL });
	for (int i = 0; i < 65; i++) {
		snprintf(name, sizeof name, "%02d.crt", i);
		check_ok(gf_file_replace(path_of(name), 0600, "x", 1, &err));
		if (i == 63) {
			check_ok(gf_certs_find(HOST, &c, &err));
			assert_int_equal(c.roots.len, 64 * 2);
			gf_certs_clear(&c);
		}
	}
	refused("more than 64 files");
}

/* A directory that cannot be looked into is not one that is not there. */
static void test_unreadable(void **state)
{
	gf_error err;

	(void)state;
	check_ok(gf_dir_remove(certs, &err));
	assert_int_equal(symlink(HOST, certs), 0); /* to itself */
	refused("cannot be read");
	assert_int_equal(unlink(certs), 0);
	check_ok(gf_file_replace(certs, 0600, "", 0, &err)); /* a file: no directory */
	found("", NULL, NULL);
	assert_int_equal(unsetenv("HOME"), 0);
	found("", NULL, NULL);
	assert_int_equal(setenv("HOME", "", 1), 0);
	found("", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_half_a_pair),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_unreadable) };

	return cmocka_run_group_tests(tests, enter, leave);
}
