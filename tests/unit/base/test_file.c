#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "common.h"

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void store(const char *path, const char *text)
{
	gf_error err;

	assert_ok(gf_file_store(path, 0644, text, strlen(text), &err), err);
}

static void assert_holds(const char *path, const char *text)
{
	gf_buf b;
	gf_error err;

	gf_buf_init(&b, 1 << 20);
	assert_ok(gf_file_load(path, 1 << 20, GF_FAILED, &b, &err), err);
	assert_string_equal(gf_buf_text(&b), text);
	gf_buf_clear(&b);
}

/* How many entries a directory has. */
static size_t entries(const char *path)
{
	const char *const argv[] = { "find", path, "-mindepth", "1", NULL };
	gf_process p = { .argv = argv, .seconds = 20 };
	gf_buf out;
	gf_error err;
	int status = -1;
	size_t n = 0;

	gf_buf_init(&out, 1 << 16);
	assert_ok(gf_process_run(&p, &out, &status, &err), err);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < out.len; i++)
		n += out.data[i] == '\n';
	gf_buf_clear(&out);
	return n;
}

static void test_store_and_load(void **state)
{
	gf_error err;

	(void)state;
	store("a", "first");
	assert_holds("a", "first");
	store("a", "second");
	assert_holds("a", "second");
	store("empty", "");
	assert_holds("empty", "");
	assert_refused(gf_file_store("no/such/dir", 0644, "x", 1, &err), err, GF_FAILED, "write");
	assert_int_equal(err.os_errno, ENOENT);
	assert_refused(gf_file_store("", 0644, "x", 1, &err), err, GF_USAGE, "write");
	assert_refused(gf_file_store("dir/", 0644, "x", 1, &err), err, GF_USAGE, "write");
	assert_int_equal(mkdir("taken", 0755), 0);
	assert_refused(gf_file_store("taken", 0644, "x", 1, &err), err, GF_FAILED, "write");
	assert_int_equal(entries("taken"), 0);
	assert_int_equal(entries("."), 3);
	assert_int_equal(rmdir("taken"), 0);
}

static void test_store_replaces_a_link_not_its_target(void **state)
{
	struct stat st;

	(void)state;
	store("target", "kept");
	assert_int_equal(symlink("target", "link"), 0);
	store("link", "new");
	assert_holds("target", "kept");
	assert_holds("link", "new");
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void test_modes(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0277, 0777 };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(masks); i++) {
		mode_t old = umask(masks[i]);
		bool ok = gf_file_store("private", 0600, "x", 1, &err) && gf_file_store("public", 0666, "x", 1, &err);

		(void)umask(old);
		assert_ok(ok, err);
		assert_int_equal(mode_of("private"), 0600);
		assert_int_equal(mode_of("public"), 0666 & ~masks[i]);
	}
}

static void test_load_caps(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	store("ten", "0123456789");
	gf_buf_init(&b, 100);
	assert_ok(gf_buf_puts(&b, "old", &err), err);
	assert_ok(gf_file_load("ten", 10, GF_USAGE, &b, &err), err);
	assert_string_equal(b.data, "0123456789"); /* emptied first */
	assert_refused(gf_file_load("ten", 9, GF_USAGE, &b, &err), err, GF_USAGE, "too-large");
	assert_int_equal(b.len, 0);
	assert_refused(gf_file_load("ten", 0, GF_REFUSED, &b, &err), err, GF_REFUSED, "too-large");
	gf_buf_clear(&b);
	gf_buf_init(&b, 9); /* the buffer's own cap counts too */
	assert_refused(gf_file_load("ten", 100, GF_DAMAGED, &b, &err), err, GF_DAMAGED, "too-large");
	gf_buf_clear(&b);
}

/* Larger than any step, at the cap and one above; and files whose size says nothing. */
static void test_load_large(void **state)
{
	size_t n = 300001;
	char *bytes = malloc(n);
	gf_buf b;
	gf_error err;

	(void)state;
	noise(bytes, n, 1);
	assert_ok(gf_file_store("large", 0600, bytes, n, &err), err);
	gf_buf_init(&b, 1 << 20);
	assert_ok(gf_file_load("large", n, GF_USAGE, &b, &err), err);
	assert_int_equal(b.len, n);
	assert_memory_equal(b.data, bytes, n);
	assert_refused(gf_file_load("large", n - 1, GF_USAGE, &b, &err), err, GF_USAGE, "too-large");
	assert_ok(gf_file_load("/proc/self/status", 1 << 16, GF_USAGE, &b, &err), err);
	assert_non_null(strstr(gf_buf_text(&b), "VmRSS"));
	gf_buf_clear(&b);
	free(bytes);
}

static void test_load_strange_files(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	gf_buf b;
	gf_error err;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	gf_buf_init(&b, 100);
	store("real", "text");
	assert_int_equal(symlink("real", "to-real"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof address), 0);
	assert_ok(gf_file_load("to-real", 100, GF_USAGE, &b, &err), err);
	assert_string_equal(b.data, "text");
	assert_refused(gf_file_load("dangling", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-found");
	assert_refused(gf_file_load("absent", 100, GF_DAMAGED, &b, &err), err, GF_DAMAGED, "not-found");
	assert_refused(gf_file_load("real/x", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-found");
	assert_refused(gf_file_load("loop", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-regular");
	assert_refused(gf_file_load("fifo", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-regular");
	assert_refused(gf_file_load("d", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-regular");
	assert_refused(gf_file_load("socket", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-regular");
	assert_refused(gf_file_load("/dev/zero", 100, GF_USAGE, &b, &err), err, GF_USAGE, "not-regular");
	(void)close(s);
	gf_buf_clear(&b);
}

static void test_load_at(void **state)
{
	static const char *const bad[] = { "", ".", "..", "/etc/passwd", "sub/", "sub//f", "sub/../f", "./sub/f",
		"link", "linkdir/f", "sub/absent", "absent/f" };
	gf_buf b;
	gf_error err;
	int at;

	(void)state;
	gf_buf_init(&b, 100);
	assert_ok(gf_dir_make("tree/sub/deep", 0755, &err), err);
	store("tree/sub/f", "inside");
	store("tree/sub/deep/g", "deeper");
	assert_int_equal(symlink("sub/f", "tree/link"), 0);
	assert_int_equal(symlink("sub", "tree/linkdir"), 0);
	assert_int_equal(mkfifo("tree/fifo", 0600), 0);
	at = open("tree", O_RDONLY | O_DIRECTORY);
	assert_true(at >= 0);
	assert_ok(gf_file_load_at(at, "sub/f", 100, GF_DAMAGED, &b, &err), err);
	assert_string_equal(b.data, "inside");
	assert_ok(gf_file_load_at(at, "sub/deep/g", 6, GF_DAMAGED, &b, &err), err);
	assert_string_equal(b.data, "deeper");
	assert_refused(gf_file_load_at(at, "sub/deep/g", 5, GF_DAMAGED, &b, &err), err, GF_DAMAGED, "too-large");
	for (size_t i = 0; i < TESTS_OF(bad); i++) {
		if (gf_file_load_at(at, bad[i], 100, GF_DAMAGED, &b, &err))
			fail_msg("'%s' is opened", bad[i]);
		assert_int_equal(err.class, GF_DAMAGED);
		assert_int_equal(b.len, 0);
	}
	assert_refused(gf_file_load_at(at, "link", 100, GF_DAMAGED, &b, &err), err, GF_DAMAGED, "not-regular");
	assert_refused(gf_file_load_at(at, "fifo", 100, GF_DAMAGED, &b, &err), err, GF_DAMAGED, "not-regular");
	assert_refused(gf_file_load_at(at, "sub", 100, GF_DAMAGED, &b, &err), err, GF_DAMAGED, "not-regular");
	assert_int_equal(fcntl(at, F_GETFD) >= 0, 1); /* the caller's descriptor stays open */
	(void)close(at);
	gf_buf_clear(&b);
}

static void test_tmpfile(void **state)
{
	gf_tmpfile *t;
	gf_error err;

	(void)state;
	assert_ok(gf_dir_make("tmp", 0755, &err), err);
	store("tmp/out", "old");
	t = gf_tmpfile_open("tmp/out", 0644, &err);
	assert_non_null(t);
	assert_ok(gf_write_all(gf_tmpfile_fd(t), "new", 3, "tmp/out", &err), err);
	assert_holds("tmp/out", "old");
	gf_tmpfile_close(t); /* not committed */
	assert_holds("tmp/out", "old");
	assert_int_equal(entries("tmp"), 1);
	t = gf_tmpfile_open("tmp/out", 0644, &err);
	assert_ok(gf_write_all(gf_tmpfile_fd(t), "newer", 5, "tmp/out", &err), err);
	assert_ok(gf_tmpfile_commit(t, &err), err);
	gf_tmpfile_close(t);
	assert_holds("tmp/out", "newer");
	assert_int_equal(entries("tmp"), 1);
	gf_tmpfile_close(NULL);
	/* What is no file is not replaced, nor is what a link leads to. */
	assert_int_equal(mkfifo("tmp/fifo", 0600), 0);
	assert_int_equal(symlink("fifo", "tmp/to-fifo"), 0);
	assert_int_equal(mkdir("tmp/sub", 0700), 0);
	assert_refused(NULL != gf_tmpfile_open("tmp/fifo", 0644, &err), err, GF_FAILED, "write");
	assert_refused(NULL != gf_tmpfile_open("tmp/to-fifo", 0644, &err), err, GF_FAILED, "write");
	assert_refused(NULL != gf_tmpfile_open("tmp/sub", 0644, &err), err, GF_FAILED, "write");
	assert_int_equal(entries("tmp"), 4);
}

/* A process that dies before commit leaves nothing. */
static void test_tmpfile_killed(void **state)
{
	gf_error err;
	int status;
	pid_t pid;

	(void)state;
	assert_ok(gf_dir_make("killed", 0755, &err), err);
	pid = fork();
	if (pid == 0) {
		gf_tmpfile *t = gf_tmpfile_open("killed/out", 0644, &err);

		if (t == NULL || !gf_write_all(gf_tmpfile_fd(t), "x", 1, "x", &err))
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(entries("killed"), 0);
}

static void test_spool(void **state)
{
	char back[4];
	gf_error err;
	int fd;

	(void)state;
	assert_ok(gf_dir_make("spool", 0755, &err), err);
	fd = gf_file_spool("spool/out.tar", &err);
	assert_true(fd >= 0);
	assert_int_equal(entries("spool"), 0);
	assert_ok(gf_pwrite_all(fd, "abcd", 4, 100, "s", &err), err);
	assert_ok(gf_pread_full(fd, back, 4, 100, "s", &err), err);
	assert_memory_equal(back, "abcd", 4);
	assert_refused(gf_pread_full(fd, back, 4, 101, "s", &err), err, GF_DAMAGED, "cut-short");
	assert_refused(gf_pread_full(fd, back, 1, UINT64_MAX, "s", &err), err, GF_DAMAGED, "cut-short");
	assert_refused(gf_pwrite_all(fd, back, 1, UINT64_MAX, "s", &err), err, GF_FAILED, "write");
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	(void)close(fd);
	assert_true(gf_file_spool("absent/out", &err) < 0);
	assert_string_equal(err.name, "write");
}

static void test_full_device(void **state)
{
	gf_error err;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_refused(gf_write_all(fd, "x", 1, "f", &err), err, GF_FAILED, "write");
	assert_int_equal(err.os_errno, ENOSPC);
	(void)close(fd);
	assert_refused(gf_sync(-1, "f", &err), err, GF_FAILED, "sync");
	assert_refused(gf_write_all(-1, "x", 1, "f", &err), err, GF_FAILED, "write");
	assert_refused(gf_pread_full(-1, &fd, 1, 0, "f", &err), err, GF_FAILED, "read");
}

static void test_dir_make(void **state)
{
	gf_error err;

	(void)state;
	assert_ok(gf_dir_make("m/n//o/", 0700, &err), err);
	assert_int_equal(mode_of("m/n/o"), 0700);
	assert_ok(gf_dir_make("m/n/o", 0755, &err), err);
	assert_int_equal(mode_of("m/n/o"), 0700);
	assert_ok(gf_dir_make("/tmp", 0700, &err), err);
	store("m/file", "x");
	assert_refused(gf_dir_make("m/file", 0755, &err), err, GF_FAILED, "mkdir");
	assert_refused(gf_dir_make("m/file/sub", 0755, &err), err, GF_FAILED, "mkdir");
	assert_int_equal(symlink("n", "m/link"), 0);
	assert_ok(gf_dir_make("m/link/p", 0755, &err), err);
	assert_int_equal(access("m/n/p", F_OK), 0);
	assert_ok(gf_dir_sync("m", &err), err);
	assert_ok(gf_dir_sync_parent("m/n", &err), err);
	assert_ok(gf_dir_sync_parent("plain", &err), err);
	assert_ok(gf_dir_sync_parent("/tmp", &err), err);
	assert_refused(gf_dir_sync("absent", &err), err, GF_FAILED, "sync");
	assert_refused(gf_dir_sync("m/file", &err), err, GF_FAILED, "sync");
}

static void test_dir_remove(void **state)
{
	gf_buf deep;
	gf_error err;

	(void)state;
	assert_ok(gf_dir_make("outside", 0755, &err), err);
	store("outside/kept", "kept");
	assert_ok(gf_dir_make("r/a/b/c", 0755, &err), err);
	store("r/a/f", "x");
	store("r/.hidden", "x");
	assert_int_equal(symlink("../outside", "r/link"), 0);
	assert_int_equal(mkfifo("r/a/b/fifo", 0600), 0);
	assert_int_equal(chmod("r/a/f", 0), 0);
	assert_ok(gf_dir_remove("r", &err), err);
	assert_int_equal(access("r", F_OK), -1);
	assert_holds("outside/kept", "kept");
	assert_ok(gf_dir_remove("r", &err), err); /* not there is what was wanted */
	assert_int_equal(symlink("outside", "to-outside"), 0);
	assert_refused(gf_dir_remove("to-outside", &err), err, GF_FAILED, "remove");
	assert_refused(gf_dir_remove("outside/kept", &err), err, GF_FAILED, "remove");
	assert_holds("outside/kept", "kept");
	/* 64 levels are enough for all that we make. */
	gf_buf_init(&deep, 4096);
	assert_ok(gf_buf_puts(&deep, "deep", &err), err);
	for (int i = 0; i < 66; i++)
		assert_ok(gf_buf_puts(&deep, "/d", &err), err);
	assert_ok(gf_dir_make(deep.data, 0755, &err), err);
	assert_refused(gf_dir_remove("deep", &err), err, GF_FAILED, "remove");
	assert_ok(gf_dir_remove("deep/d/d/d", &err), err);
	assert_ok(gf_dir_remove("deep", &err), err);
	gf_buf_clear(&deep);
}

static void test_paths(void **state)
{
	gf_buf b;
	gf_error err;

	(void)state;
	gf_buf_init(&b, 20);
	assert_ok(gf_path_join(&b, "a/b", "c", &err), err);
	assert_string_equal(b.data, "a/b/c");
	assert_ok(gf_path_join(&b, "/", "c", &err), err);
	assert_string_equal(b.data, "/c");
	assert_ok(gf_path_join(&b, "", "c", &err), err);
	assert_string_equal(b.data, "c");
	assert_refused(gf_path_join(&b, "0123456789", "0123456789", &err), err, GF_DAMAGED, "too-large");
	gf_buf_clear(&b);
	assert_string_equal(gf_path_base("a/b/c"), "c");
	assert_string_equal(gf_path_base("c"), "c");
	assert_string_equal(gf_path_base("a/"), "");
}

/* A second process waits, and gets the lock when the first one dies with it. */
static void test_lock(void **state)
{
	char turn = 0;
	int told[2], status;
	gf_lock *l;
	gf_error err;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		struct timespec nap = { .tv_nsec = 200000000 };

		l = gf_lock_open("lock", &err);
		if (l == NULL || write(told[1], "L", 1) != 1)
			_exit(3);
		(void)nanosleep(&nap, NULL);
		if (!gf_file_store("order", 0600, "held", 4, &err))
			_exit(4);
		_exit(0); /* without closing */
	}
	assert_int_equal(read(told[0], &turn, 1), 1);
	l = gf_lock_open("lock", &err);
	assert_non_null(l);
	assert_holds("order", "held"); /* so we came after */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	gf_lock_close(l);
	gf_lock_close(NULL);
	l = gf_lock_open("lock", &err);
	assert_non_null(l);
	gf_lock_close(l);
	assert_int_equal(mode_of("lock"), 0600);
	assert_refused(gf_lock_open("absent/lock", &err) != NULL, err, GF_FAILED, "lock");
	assert_int_equal(symlink("lock", "lock-link"), 0);
	assert_refused(gf_lock_open("lock-link", &err) != NULL, err, GF_FAILED, "lock");
	(void)close(told[0]);
	(void)close(told[1]);
}

#ifdef GF_TEST_FAULTS

/* Every call of a store fails in turn: the old file or the new one, never another, and nothing beside it. */
static void fail_each(const char *call, const char *with)
{
	bool ok = false;

	for (int n = 1; !ok; n++) {
		char plan[64];
		gf_error err = { .class = GF_OK };

		assert_true(n < 50);
		store("faults/f", "old");
		(void)snprintf(plan, sizeof plan, "%s:%d:%s", call, n, with);
		assert_int_equal(setenv("GAPFERRY_FAIL", plan, 1), 0);
		ok = gf_file_store("faults/f", 0600, "new", 3, &err);
		assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
		assert_int_equal(entries("faults"), 1);
		if (ok) {
			assert_holds("faults/f", "new");
			assert_true(n > 1); /* at least one call was made to fail, and was seen to */
			continue;
		}
		assert_int_equal(err.class, GF_FAILED);
		assert_true(err.os_errno != 0);
	}
}

static void test_faults(void **state)
{
	gf_error err;
	gf_buf b;

	(void)state;
	assert_ok(gf_dir_make("faults", 0755, &err), err);
	fail_each("write", "ENOSPC");
	fail_each("fsync", "EIO");
	fail_each("rename", "EACCES");
	fail_each("link", "EACCES");
	fail_each("open", "EMFILE");
	assert_int_equal(setenv("GAPFERRY_FAIL", "write:1:EINTR", 1), 0);
	assert_ok(gf_file_store("faults/f", 0600, "again", 5, &err), err);
	assert_int_equal(setenv("GAPFERRY_FAIL", "fsync:1:EINTR", 1), 0);
	assert_ok(gf_file_store("faults/f", 0600, "again", 5, &err), err);
	/* The second open is the one with O_TMPFILE: without it a named file takes its place. */
	assert_int_equal(setenv("GAPFERRY_FAIL", "open:2:EOPNOTSUPP", 1), 0);
	assert_ok(gf_file_store("faults/f", 0600, "named", 5, &err), err);
	assert_int_equal(entries("faults"), 1);
	assert_int_equal(setenv("GAPFERRY_FAIL", "read:1", 1), 0);
	gf_buf_init(&b, 100);
	assert_refused(gf_file_load("faults/f", 100, GF_USAGE, &b, &err), err, GF_FAILED, "read");
	assert_int_equal(err.os_errno, EIO);
	assert_ok(gf_file_load("faults/f", 100, GF_USAGE, &b, &err), err); /* once only */
	assert_string_equal(b.data, "named");
	assert_int_equal(setenv("GAPFERRY_FAIL", "mkdir:2:ENOSPC", 1), 0);
	assert_refused(gf_dir_make("faults/x/y", 0755, &err), err, GF_FAILED, "mkdir");
	assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
	assert_ok(gf_dir_make("faults/x/y", 0755, &err), err);
	gf_buf_clear(&b);
}

/* Without O_TMPFILE: the same promises, over the named file. */
static void test_named_fallback(void **state)
{
	gf_tmpfile *t;
	gf_error err;
	int fd;

	(void)state;
	assert_ok(gf_dir_make("named", 0755, &err), err);
	assert_int_equal(setenv("GAPFERRY_FAIL", "open:2:EISDIR", 1), 0);
	t = gf_tmpfile_open("named/out", 0600, &err);
	assert_non_null(t);
	assert_int_equal(entries("named"), 1);
	assert_ok(gf_write_all(gf_tmpfile_fd(t), "x", 1, "x", &err), err);
	gf_tmpfile_close(t);
	assert_int_equal(entries("named"), 0);
	assert_int_equal(setenv("GAPFERRY_FAIL", "open:2:EOPNOTSUPP", 1), 0);
	fd = gf_file_spool("named/out", &err);
	assert_true(fd >= 0);
	assert_int_equal(entries("named"), 0);
	(void)close(fd);
	assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
}

#endif

static bool count_or_stop(void *ctx, const char *name, gf_error *err)
{
	size_t *n = ctx;

	assert_true(strcmp(name, "a") == 0 || strcmp(name, "b") == 0);
	return ++*n < 3 || gf_fail(err, GF_FAILED, "enough", name, "stopped");
}

static void test_each_entry(void **state)
{
	gf_error err = { 0 };
	size_t n = 0;
	int fd, file;

	(void)state;
	assert_int_equal(mkdir("each", 0700), 0);
	fd = open("each", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_ok(gf_dir_each(fd, "each", count_or_stop, &n, &err), err);
	assert_int_equal(n, 0);
	assert_int_equal(mkdirat(fd, "a", 0700), 0);
	assert_int_equal(mkdirat(fd, "b", 0700), 0);
	assert_ok(gf_dir_each(fd, "each", count_or_stop, &n, &err), err);
	assert_int_equal(n, 2);
	/* From the start each time, and ended by the taker. */
	assert_refused(gf_dir_each(fd, "each", count_or_stop, &n, &err), err, GF_FAILED, "enough");
	file = open("plain", O_RDONLY | O_CREAT, 0600);
	assert_refused(gf_dir_each(file, "plain", count_or_stop, &n, &err), err, GF_FAILED, "read");
	(void)close(file);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_and_load),
		cmocka_unit_test(test_store_replaces_a_link_not_its_target),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_load_caps),
		cmocka_unit_test(test_load_large),
		cmocka_unit_test(test_load_strange_files),
		cmocka_unit_test(test_load_at),
		cmocka_unit_test(test_tmpfile),
		cmocka_unit_test(test_tmpfile_killed),
		cmocka_unit_test(test_spool),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_dir_make),
		cmocka_unit_test(test_dir_remove),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_each_entry),
#ifdef GF_TEST_FAULTS
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_named_fallback),
#endif
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
