/* Reading and writing when an allocation, or a call to the system, fails: an error that says so, or what a run without
 * faults gives; nothing left open, nothing in a file's place. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common.h"
#include "tests/unit/failing.h"

static opened vector;    /* full_tar */
static gf_buf statement; /* its own */
static size_t there;     /* entries of the directory before a job */

static bool same(const gf_buf *a, const gf_buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* ---- jobs ---- */

static bool parse_and_print(void *ctx, gf_error *err)
{
	gf_manifest *m = gf_manifest_parse(statement.data, statement.len, err);
	gf_buf out;
	bool ok;

	(void)ctx;
	gf_buf_init(&out, GF_STATEMENT_MAX);
	ok = m != NULL && gf_manifest_print(m, &out, err);
	faults_end();
	if (ok)
		assert_true(same(&out, &statement));
	gf_buf_clear(&out);
	gf_manifest_free(m);
	return ok;
}

/* Every blob, each against the digest that the reader promises: its size is compared here. */
static bool read_tar(void *ctx, gf_error *err)
{
	const bool *seekable = ctx;
	size_t absent = 0;
	bool ok = read_all(reader_on(thin_tar.data, thin_tar.len, *seekable, err), &absent, err);

	if (ok)
		assert_int_equal(absent, 1);
	return ok;
}

static bool read_path(void *ctx, gf_error *err)
{
	size_t absent = 0;
	bool ok = read_all(gf_reader_open(ctx, err), &absent, err);

	if (ok)
		assert_int_equal(absent, 0);
	return ok;
}

/* The same behind a front that was read without faults. */
static bool read_blobs(void *ctx, gf_error *err)
{
	gf_error unused = { 0 };
	char plan[64];
	opened o;
	bool ok;

	(void)snprintf(plan, sizeof plan, "%s", getenv("GAPFERRY_FAIL"));
	assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
	assert_true(open_front(&o, gf_reader_open(ctx, &unused), &unused));
	assert_int_equal(setenv("GAPFERRY_FAIL", plan, 1), 0);
	ok = read_rest(&o, NULL, err);
	opened_close(&o);
	return ok;
}

static bool count_one(void *ctx, const char *name, gf_error *err)
{
	size_t *n = ctx;

	(void)name;
	(void)err;
	++*n;
	return true;
}

static size_t entries(void)
{
	int here = open(".", O_RDONLY | O_DIRECTORY);
	gf_error err = { 0 };
	size_t n = 0;

	assert_true(gf_dir_each(here, ".", count_one, &n, &err));
	assert_int_equal(close(here), 0);
	return n;
}

/* A copy of the vector behind ctx: nothing or all of it is there, and nothing beside it. */
static bool write_to(void *ctx, gf_error *err)
{
	char *path = ctx;
	gf_error unused = { 0 };
	struct stat st;
	bool ok = write_copy(&vector, path, 65536, false, err);

	faults_end();
	if (ok) {
		assert_int_equal(stat(path, &st), 0);
		assert_true(!S_ISDIR(st.st_mode) || (st.st_mode & 07777) == 0755);
	}
	if (access(path, F_OK) == 0) {
		assert_true(read_path(path, &unused));
		assert_true(unlink(path) == 0 || gf_dir_remove(path, &unused));
	}
	assert_int_equal(entries(), there);
	return ok;
}

static bool load_companions(void *ctx, gf_error *err)
{
	gf_member *members;
	size_t n;
	bool ok = gf_companions_load(ctx, NULL, 0, &members, &n, err);

	faults_end();
	if (ok) {
		assert_int_equal(n, 2);
		assert_string_equal(members[0].name, "approval-0123456789abcdef.json");
		assert_string_equal(gf_buf_text(&members[1].bytes), "2\n");
	}
	gf_members_free(members, n);
	return ok;
}

/* A companion stands whole under its name, or not at all. */
static bool store_companion(void *ctx, gf_error *err)
{
	static char name[] = "permit-0123456789abcdef.json", bytes[] = "{}";
	gf_member m = { .name = name, .bytes = { .data = bytes, .len = 2 } }, *members = NULL;
	gf_error unused = { 0 };
	size_t n = 0;
	bool ok = gf_companion_store(ctx, &m, err);

	faults_end();
	if (ok)
		assert_int_equal(access("new.tar.d/permit-0123456789abcdef.json", F_OK), 0);
	if (access("new.tar.d/permit-0123456789abcdef.json", F_OK) == 0)
		assert_true(gf_companions_load(ctx, NULL, 0, &members, &n, &unused) && n == 1);
	gf_members_free(members, n);
	assert_true(gf_dir_remove("new.tar.d", &unused));
	return ok;
}

/* ---- loops ---- */

static void test_manifest(void **state)
{
	(void)state;
	fail_all(parse_and_print, NULL);
}

static void test_tar(void **state)
{
	bool seekable = true;

	(void)state;
	fail_all(read_tar, &seekable);
	seekable = false;
	fail_all(read_tar, &seekable);
}

static void test_file(void **state)
{
	static char path[] = "in.tar";

	(void)state;
	put(path, full_tar.data, full_tar.len);
	fail_all(read_path, path);
}

static void test_directory(void **state)
{
	static char path[] = "in/";

	(void)state;
	assert_int_equal(sh("mkdir in && tar xf in.tar -C in && rm -f in/META/padding"), 0);
	fail_all(read_path, path);
	fail_all(read_blobs, path);
}

static void test_write_tar(void **state)
{
	static char path[] = "out.tar";

	(void)state;
	there = entries();
	fail_all(write_to, path);
}

static void test_write_directory(void **state)
{
	static char path[] = "out/";

	(void)state;
	there = entries();
	fail_all(write_to, path);
}

static void test_companions(void **state)
{
	static char old[] = "in-c.tar", new[] = "new.tar";

	(void)state;
	assert_int_equal(sh("mkdir in-c.tar.d && cd in-c.tar.d && echo 2 > manifest.json.0123456789abcdef.sig && "
			    "echo 1 > approval-0123456789abcdef.json"),
	    0);
	fail_all(load_companions, old);
	fail_all(store_companion, new);
}

static int enter_failing(void **state)
{
	gf_error err = { 0 };

	if (enter(state) != 0)
		return -1;
	gf_json_watch_memory();
	vector = open_full();
	gf_buf_init(&statement, GF_STATEMENT_MAX);
	return gf_buf_add(&statement, gf_reader_statement(vector.r)->data, gf_reader_statement(vector.r)->len, &err)
	    ? 0
	    : -1;
}

static int leave_failing(void **state)
{
	gf_buf_clear(&statement);
	opened_close(&vector);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_manifest), cmocka_unit_test(test_tar),
		cmocka_unit_test(test_file), cmocka_unit_test(test_directory), cmocka_unit_test(test_write_tar),
		cmocka_unit_test(test_write_directory), cmocka_unit_test(test_companions) };

	return cmocka_run_group_tests_name("bundles/failing", tests, enter_failing, leave_failing);
}
