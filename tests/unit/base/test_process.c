/* Programs that behave and programs that do not. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "common.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define BIG (300 * 1000)

static gf_buf out;
static gf_error err;

/* Run it with n bytes of input, output into out up to cap. */
static bool run(const char *const *argv, const void *input, size_t n, size_t cap, int *status)
{
	gf_process p = { .argv = argv, .input = input, .input_size = n, .seconds = 20 };

	gf_buf_clear(&out);
	gf_buf_init(&out, cap);
	*status = -1;
	memset(&err, 0, sizeof err);
	return gf_process_run(&p, &out, status, &err);
}

/* The output of a program that had to end well. */
static const char *output_of(const char *const *argv)
{
	int status;

	assert_ok(run(argv, NULL, 0, GF_MIB, &status), err);
	assert_int_equal(status, 0);
	return gf_buf_text(&out);
}

/* Every child has been waited for. */
static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static double seconds_now(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* More than a pipe holds, both ways at once. */
static void test_fed_and_collected(void **state)
{
	char *bytes = malloc(BIG);
	int status;

	(void)state;
	noise(bytes, BIG, 1);
	assert_ok(run(ARGV("cat"), bytes, BIG, BIG, &status), err);
	assert_int_equal(status, 0);
	assert_int_equal(out.len, BIG);
	assert_memory_equal(out.data, bytes, BIG);
	free(bytes);
	/* nothing to say is the end of its input */
	assert_string_equal(output_of(ARGV("cat")), "");
	assert_no_child();
}

static void test_no_shell(void **state)
{
	(void)state;
	assert_string_equal(output_of(ARGV("printf", "[%s]", "a b", "$HOME;`id`", "", "*")), "[a b][$HOME;`id`][][*]");
}

static void test_appends(void **state)
{
	gf_process p = { .argv = ARGV("echo", "more"), .seconds = 20 };
	int status = -1;

	(void)state;
	gf_buf_clear(&out);
	gf_buf_init(&out, 100);
	assert_true(gf_buf_puts(&out, "some ", &err));
	assert_ok(gf_process_run(&p, &out, &status, &err), err);
	assert_string_equal(out.data, "some more\n");
}

static void test_cap(void **state)
{
	double began;
	int status;

	(void)state;
	assert_ok(run(ARGV("printf", "0123456789"), NULL, 0, 10, &status), err);
	assert_string_equal(out.data, "0123456789");
	assert_refused(run(ARGV("printf", "0123456789"), NULL, 0, 9, &status), err, GF_FAILED, "too-large");
	assert_int_equal(strncmp(err.text, "output of 'printf': ", 20), 0);
	/* It would go on for ever, and is ended at once. */
	began = seconds_now();
	assert_refused(run(ARGV("yes"), NULL, 0, 100000, &status), err, GF_FAILED, "too-large");
	assert_true(seconds_now() - began < 10);
	assert_true(out.len <= 100000);
	assert_int_equal(status, -1);
	assert_no_child();
}

static void test_output_discarded(void **state)
{
	gf_process p = { .argv = ARGV("sh", "-c", "head -c 300000 /dev/zero && echo there >&2"), .seconds = 20 };
	int status = -1, keep = dup(STDERR_FILENO), fd = open("stderr", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[16] = "";

	(void)state;
	assert_true(keep >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	p.seconds += !gf_process_run(&p, NULL, &status, &err);
	assert_int_equal(dup2(keep, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(p.seconds, 20);
	assert_int_equal(status, 0);
	/* Its stderr was ours. */
	assert_int_equal(pread(fd, text, sizeof text, 0), 6);
	assert_string_equal(text, "there\n");
	(void)close(fd);
	(void)close(keep);
}

static void test_status(void **state)
{
	static const struct {
		const char *command;
		int status;
	} rows[] = { { "exit 0", 0 }, { "exit 1", 1 }, { "exit 126", 126 }, { "exit 127", 127 }, { "exit 255", 255 },
		{ "kill -9 $$; exit 3", -9 }, { "kill -TERM $$; exit 3", -15 }, { "kill -PIPE $$; exit 3", -13 } };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		int status;
		char want[64];

		if (rows[i].status >= 0) {
			assert_ok(run(ARGV("sh", "-c", rows[i].command), NULL, 0, 10, &status), err);
			assert_int_equal(status, rows[i].status);
			continue;
		}
		assert_refused(run(ARGV("sh", "-c", rows[i].command), NULL, 0, 10, &status), err, GF_FAILED, "command");
		(void)snprintf(want, sizeof want, "'sh' was ended by signal %d", -rows[i].status);
		assert_string_equal(err.text, want);
		assert_string_equal(err.object, "sh");
		assert_int_equal(status, -1);
	}
	assert_no_child();
}

/* Asleep, closed to us, deaf to SIGTERM, talking all the time. */
static void test_timeout(void **state)
{
	static const char *const commands[] = { "exec sleep 30", "exec sleep 30 <&- >&-",
		"trap '' TERM; while :; do :; done", "while :; do echo; done" };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(commands); i++) {
		gf_process p = { .argv = ARGV("sh", "-c", commands[i]), .seconds = 1 };
		double began = seconds_now(), took;
		int status = -1;

		gf_buf_clear(&out);
		gf_buf_init(&out, 1000 * GF_MIB);
		assert_refused(gf_process_run(&p, &out, &status, &err), err, GF_FAILED, "command-timeout");
		took = seconds_now() - began;
		if (took < 0.9 || took > 10)
			fail_msg("'%s' was ended after %.1f s", commands[i], took);
		assert_string_equal(err.text, "'sh' was ended: it took more than 1 seconds");
		assert_int_equal(status, -1);
		assert_no_child();
	}
}

static void test_cannot_be_run(void **state)
{
	static const struct {
		const char *program;
		int os_errno;
	} rows[] = { { "no-such-program-gf", ENOENT }, { "./no-such-file", ENOENT }, { "./plain", EACCES },
		{ "./directory", EACCES }, { "./plain/x", ENOTDIR }, { "", ENOENT } };
	int status;

	(void)state;
	assert_ok(gf_file_store("plain", 0644, "text", 4, &err), err);
	assert_int_equal(mkdir("directory", 0755), 0);
	for (size_t i = 0; i < TESTS_OF(rows); i++) {
		char want[64];

		assert_refused(run(ARGV(rows[i].program), "in", 2, 10, &status), err, GF_FAILED, "command");
		assert_int_equal(err.os_errno, rows[i].os_errno);
		(void)snprintf(want, sizeof want, "'%s' cannot be run: ", rows[i].program);
		assert_int_equal(strncmp(err.text, want, strlen(want)), 0);
		assert_string_equal(err.object, rows[i].program);
		assert_int_equal(status, -1);
		assert_no_child();
	}
}

static size_t lines_with(const char *text, const char *beginning)
{
	size_t n = 0;

	for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL)
		n += gf_starts_with(line, beginning);
	return n;
}

static void test_environment(void **state)
{
	const char *const add[] = { "GF_GIVEN=new=1", "GF_FRESH=", NULL };
	gf_process p = { .argv = ARGV("env"), .env_add = add, .seconds = 20 };
	int status = -1;

	(void)state;
	assert_int_equal(setenv("GF_GIVEN", "old", 1), 0);
	assert_int_equal(setenv("GF_GIVEN_MORE", "kept", 1), 0);
	assert_int_equal(setenv("GF_GIVE", "kept", 1), 0);
	gf_buf_clear(&out);
	gf_buf_init(&out, GF_MIB);
	assert_ok(gf_process_run(&p, &out, &status, &err), err);
	assert_int_equal(status, 0);
	assert_int_equal(lines_with(out.data, "GF_GIVEN="), 1);
	assert_int_equal(lines_with(out.data, "GF_GIVEN=new=1\n"), 1);
	assert_int_equal(lines_with(out.data, "GF_FRESH=\n"), 1);
	assert_int_equal(lines_with(out.data, "GF_GIVEN_MORE=kept\n"), 1);
	assert_int_equal(lines_with(out.data, "GF_GIVE=kept\n"), 1);
	assert_int_equal(lines_with(out.data, "PATH="), 1);
	assert_string_equal(getenv("GF_GIVEN"), "old");
	assert_int_equal(lines_with(output_of(ARGV("env")), "GF_GIVEN=old\n"), 1);
}

/* Neither an error nor the end of us. */
static void test_input_not_read(void **state)
{
	char *bytes = calloc(1, BIG);
	struct sigaction old, dfl = { .sa_handler = SIG_DFL };
	sigset_t before, after, pending;
	int status;

	(void)state;
	assert_int_equal(sigaction(SIGPIPE, &dfl, &old), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);
	assert_ok(run(ARGV("true"), bytes, BIG, 10, &status), err);
	assert_int_equal(status, 0);
	assert_ok(run(ARGV("head", "-c", "10"), bytes, BIG, 10, &status), err);
	assert_int_equal(status, 0);
	assert_int_equal(out.len, 10);
	assert_ok(run(ARGV("sh", "-c", "exec <&-; echo closed; exit 4"), bytes, BIG, 10, &status), err);
	assert_int_equal(status, 4);
	assert_string_equal(out.data, "closed\n");
	assert_int_equal(sigpending(&pending), 0);
	assert_false(sigismember(&pending, SIGPIPE));
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
	assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
	free(bytes);
}

/* Of the ls there are 0, 1, 2 and the directory that it reads. */
static void test_descriptors(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[0], 57), 57);
	assert_string_equal(output_of(ARGV("ls", "/proc/self/fd")), "0\n1\n2\n3\n");
	assert_int_equal(fcntl(57, F_GETFD), 0);
	(void)close(57);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* Nothing of ours stays open; what we have not open does not confuse the child's. */
static void test_without_stdin(void **state)
{
	int keep = dup(STDIN_FILENO), highest, again, status;
	bool ok;

	(void)state;
	highest = dup(STDIN_FILENO);
	(void)close(STDIN_FILENO);
	ok = run(ARGV("cat"), "given", 5, 10, &status);
	again = fcntl(STDIN_FILENO, F_GETFD);
	assert_int_equal(dup2(keep, STDIN_FILENO), STDIN_FILENO);
	assert_ok(ok, err);
	assert_int_equal(status, 0);
	assert_string_equal(gf_buf_text(&out), "given");
	assert_int_equal(again, -1);
	(void)close(highest);
	again = dup(STDIN_FILENO);
	assert_int_equal(again, highest);
	(void)close(again);
	(void)close(keep);
}

/* A program expects SIGPIPE to end it, and no signal held back, whatever is so with us. */
static void test_signals(void **state)
{
	struct sigaction old, ignore = { .sa_handler = SIG_IGN };
	sigset_t all, mask;
	const char *text;
	bool ok;
	int status;

	(void)state;
	assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
	sigfillset(&all);
	assert_int_equal(sigprocmask(SIG_SETMASK, &all, &mask), 0);
	ok = run(ARGV("grep", "^Sig[BI]", "/proc/self/status"), NULL, 0, 1000, &status);
	assert_int_equal(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
	assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
	assert_ok(ok, err);
	text = strstr(gf_buf_text(&out), "SigBlk:\t");
	assert_non_null(text);
	assert_int_equal(strtoull(text + 8, NULL, 16), 0);
	text = strstr(gf_buf_text(&out), "SigIgn:\t");
	assert_non_null(text);
	assert_int_equal(strtoull(text + 8, NULL, 16) >> (SIGPIPE - 1) & 1, 0);
}

static int done(void **state)
{
	gf_buf_clear(&out);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fed_and_collected),
		cmocka_unit_test(test_no_shell),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_output_discarded),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_cannot_be_run),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_input_not_read),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_without_stdin),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, enter, done);
}
