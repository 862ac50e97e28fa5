/* Secrets: what is read and no more, the caps, memory that is guarded. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common.h"

#define LINE_MAX_BYTES 4096

static gf_error err;

static void store(const char *path, const void *bytes, size_t n)
{
	assert_ok(gf_file_store(path, 0600, bytes, n, &err), err);
}

/* n times 'x', then tail. */
static void store_long(const char *path, size_t n, const char *tail)
{
	char *text = malloc(n + strlen(tail) + 1);

	memset(text, 'x', n);
	memcpy(text + n, tail, strlen(tail) + 1);
	store(path, text, n + strlen(tail));
	free(text);
}

static void assert_secret(const gf_secret *s, const char *text)
{
	assert_non_null(s->data);
	assert_int_equal(s->len, strlen(text));
	assert_string_equal(s->data, text);
}

static void test_set(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	assert_ok(gf_secret_set(&s, "first", 5, &err), err);
	assert_secret(&s, "first");
	assert_ok(gf_secret_set(&s, s.data + 1, 3, &err), err); /* bytes of its own */
	assert_secret(&s, "irs");
	assert_ok(gf_secret_set(&s, "a\0b", 3, &err), err);
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.data, "a\0b", 4);
	assert_ok(gf_secret_set(&s, NULL, 0, &err), err);
	assert_secret(&s, "");
	assert_refused(gf_secret_set(&s, "", SIZE_MAX, &err), err, GF_FAILED, "no-memory");
	gf_starved = false;
	assert_secret(&s, "");
	gf_secret_clear(&s);
	assert_null(s.data);
	assert_int_equal(s.len, 0);
	gf_secret_clear(&s);
}

/* A child finds zeros; one byte too far ends the process. */
static void test_guarded(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	assert_ok(gf_secret_set(&s, "0123456789", 10, &err), err);
	for (size_t at = 9; at <= 11; at++) {
		struct rlimit none = { 0 };
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			(void)signal(SIGSEGV, SIG_DFL);
			(void)setrlimit(RLIMIT_CORE, &none);
			_exit(((volatile char *)s.data)[at] == '\0' ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (at <= 10)
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		else
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
	gf_secret_clear(&s);
}

static void test_line(void **state)
{
	static const struct {
		const char *file, *line;
	} rows[] = { { "secret\n", "secret" }, { "secret", "secret" }, { "first\nsecond\n", "first" }, { "", "" },
		{ "\n", "" }, { "\nsecond", "" }, { " spaces \t\n", " spaces \t" }, { "carriage\r\n", "carriage\r" },
		{ "\xc3\xa9\xff\x01\n", "\xc3\xa9\xff\x01" } };
	gf_secret s = { 0 };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		store("line", rows[i].file, strlen(rows[i].file));
		assert_ok(gf_secret_load_line(&s, "line", &err), err);
		assert_secret(&s, rows[i].line);
	}
	gf_secret_clear(&s);
}

static void test_line_caps(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	store_long("line", LINE_MAX_BYTES, "");
	assert_ok(gf_secret_load_line(&s, "line", &err), err);
	assert_int_equal(s.len, LINE_MAX_BYTES);
	store_long("line", LINE_MAX_BYTES, "\nmore");
	assert_ok(gf_secret_load_line(&s, "line", &err), err);
	assert_int_equal(s.len, LINE_MAX_BYTES);
	assert_int_equal(strspn(s.data, "x"), LINE_MAX_BYTES);
	assert_ok(gf_secret_set(&s, "old", 3, &err), err);
	store_long("line", LINE_MAX_BYTES + 1, "");
	assert_refused(gf_secret_load_line(&s, "line", &err), err, GF_USAGE, "passphrase");
	assert_string_equal(err.text, "the first line of 'line' is longer than 4096 bytes");
	store_long("line", LINE_MAX_BYTES + 1, "\n");
	assert_refused(gf_secret_load_line(&s, "line", &err), err, GF_USAGE, "passphrase");
	store_long("line", 100 * LINE_MAX_BYTES, "\n");
	assert_refused(gf_secret_load_line(&s, "line", &err), err, GF_USAGE, "passphrase");
	assert_refused(gf_secret_load_line(&s, "/dev/zero", &err), err, GF_USAGE, "passphrase");
	store("line", "a\0b\n", 4);
	assert_refused(gf_secret_load_line(&s, "line", &err), err, GF_USAGE, "passphrase");
	assert_string_equal(err.text, "the first line of 'line' has a NUL byte in it");
	store("line", "ab\nc\0", 5);
	assert_secret(&s, "old"); /* what failed left it */
	assert_ok(gf_secret_load_line(&s, "line", &err), err);
	assert_secret(&s, "ab");
	gf_secret_clear(&s);
}

static void test_line_failures(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	assert_ok(gf_secret_set(&s, "old", 3, &err), err);
	assert_refused(gf_secret_load_line(&s, "none", &err), err, GF_USAGE, "passphrase");
	assert_int_equal(err.os_errno, ENOENT);
	assert_string_equal(err.object, "none");
	assert_refused(gf_secret_load_line(&s, "", &err), err, GF_USAGE, "passphrase");
	assert_refused(gf_secret_load_line(&s, "/", &err), err, GF_USAGE, "read");
	assert_int_equal(err.os_errno, EISDIR);
	assert_secret(&s, "old");
	gf_secret_clear(&s);
}

/* "-" is stdin, of which one line is taken and the next left for who asks next. */
static void test_line_from_stdin(void **state)
{
	int fds[2], keep = dup(STDIN_FILENO);
	gf_secret s = { 0 };
	char rest[16] = "";
	bool ok[3];
	ssize_t n;

	(void)state;
	store("-", "a file of that name\n", 20);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "first\nsecond\nthe rest", 21), 21);
	(void)close(fds[1]);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	(void)close(fds[0]);
	ok[0] = gf_secret_load_line(&s, "-", &err) && strcmp(s.data, "first") == 0;
	ok[1] = gf_secret_load_line(&s, "-", &err) && strcmp(s.data, "second") == 0;
	n = read(STDIN_FILENO, rest, sizeof rest - 1);
	ok[2] = gf_secret_load_line(&s, "-", &err) && s.len == 0;
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0); /* open as before */
	assert_int_equal(dup2(keep, STDIN_FILENO), STDIN_FILENO);
	(void)close(keep);
	assert_true(ok[0] && ok[1] && ok[2]);
	assert_int_equal(n, 8);
	assert_string_equal(rest, "the rest");
	gf_secret_clear(&s);
}

static void test_whole(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	store("key", "-----BEGIN\nand\0END\n", 19);
	assert_ok(gf_secret_load(&s, "key", 19, &err), err);
	assert_int_equal(s.len, 19);
	assert_memory_equal(s.data, "-----BEGIN\nand\0END\n", 20);
	assert_refused(gf_secret_load(&s, "key", 18, &err), err, GF_USAGE, "too-large");
	assert_string_equal(err.text, "'key' is larger than the 18 bytes allowed here");
	assert_string_equal(err.object, "key");
	assert_int_equal(s.len, 19);
	store("key", "", 0);
	assert_ok(gf_secret_load(&s, "key", 0, &err), err);
	assert_secret(&s, "");
	store_long("key", GF_KEY_FILE_MAX, "");
	assert_ok(gf_secret_load(&s, "key", GF_KEY_FILE_MAX, &err), err);
	assert_int_equal(s.len, GF_KEY_FILE_MAX);
	assert_int_equal(strspn(s.data, "x"), GF_KEY_FILE_MAX);
	store_long("key", GF_KEY_FILE_MAX, "x");
	assert_refused(gf_secret_load(&s, "key", GF_KEY_FILE_MAX, &err), err, GF_USAGE, "too-large");
	assert_refused(gf_secret_load(&s, "/dev/zero", GF_KEY_FILE_MAX, &err), err, GF_USAGE, "too-large");
	gf_secret_clear(&s);
}

static void test_whole_failures(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	store("key", "k", 1);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_ok(gf_secret_set(&s, "old", 3, &err), err);
	assert_refused(gf_secret_load(&s, "none", 9, &err), err, GF_USAGE, "not-found");
	assert_int_equal(err.os_errno, ENOENT);
	assert_refused(gf_secret_load(&s, "key/none", 9, &err), err, GF_USAGE, "not-found");
	assert_int_equal(err.os_errno, ENOTDIR);
	assert_refused(gf_secret_load(&s, "loop", 9, &err), err, GF_USAGE, "read");
	assert_int_equal(err.os_errno, ELOOP);
	assert_refused(gf_secret_load(&s, "/", 9, &err), err, GF_USAGE, "read");
	assert_int_equal(err.os_errno, EISDIR);
	assert_secret(&s, "old");
	gf_secret_clear(&s);
}

static void *write_in_pieces(void *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0;

	for (int i = 0; ok && i < 50; i++)
		ok = write(fd, "0123456789", 10) == 10;
	if (fd >= 0)
		(void)close(fd);
	return ok ? path : NULL;
}

/* --key <(...): it comes in pieces and has no size. */
static void test_fifo(void **state)
{
	static char path[] = "fifo";
	gf_secret s = { 0 };
	pthread_t t;
	void *written;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&t, NULL, write_in_pieces, path), 0);
	assert_ok(gf_secret_load(&s, path, 500, &err), err);
	assert_int_equal(pthread_join(t, &written), 0);
	assert_non_null(written);
	assert_int_equal(s.len, 500);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(s.data[i], '0' + i % 10);
	gf_secret_clear(&s);
}

#ifdef GF_TEST_FAULTS
static void test_read_fails(void **state)
{
	gf_secret s = { 0 };

	(void)state;
	store("key", "secret\n", 7);
	assert_ok(gf_secret_set(&s, "old", 3, &err), err);
	for (int line = 0; line < 2; line++) {
		char plan[32];

		(void)snprintf(plan, sizeof plan, "read:%d:EIO", 2 - line);
		assert_int_equal(setenv("GAPFERRY_FAIL", plan, 1), 0);
		assert_refused(line ? gf_secret_load_line(&s, "key", &err) : gf_secret_load(&s, "key", 100, &err), err,
		    GF_FAILED, "read");
		assert_int_equal(err.os_errno, EIO);
		assert_secret(&s, "old");
	}
	assert_int_equal(setenv("GAPFERRY_FAIL", "read:3:EINTR", 1), 0);
	assert_ok(gf_secret_load_line(&s, "key", &err), err);
	assert_secret(&s, "secret");
	assert_int_equal(unsetenv("GAPFERRY_FAIL"), 0);
	gf_secret_clear(&s);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_caps),
		cmocka_unit_test(test_line_failures),
		cmocka_unit_test(test_line_from_stdin),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_whole_failures),
		cmocka_unit_test(test_fifo),
#ifdef GF_TEST_FAULTS
		cmocka_unit_test(test_read_fails),
#endif
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
