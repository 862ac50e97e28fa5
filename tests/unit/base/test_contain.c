/* Walls: what a planted fault in a reader can do, with all of them and with either of the kernel's two gone. */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common.h"

static gf_error err;

/* ---- what is tried; errno, or 0: it could be done ---- */

typedef int (*try)(void);

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int try_new_file(void)
{
	return result(open("new", O_WRONLY | O_CREAT, 0600));
}

static int try_old_file(void)
{
	return result(open("old", O_RDWR));
}

static int try_truncate(void)
{
	return result(truncate("old", 0));
}

static int try_unlink(void)
{
	return result(unlink("old"));
}

static int try_rename(void)
{
	return result(rename("old", "older"));
}

static int try_mkdir(void)
{
	return result(mkdir("place", 0700));
}

static int try_chmod(void)
{
	return result(chmod("old", 0777));
}

static int try_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

/* To a port that nobody listens at: refused by the peer is let through by the walls. */
static int try_connect(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), e;

	if (fd < 0)
		return errno;
	e = result(connect(fd, (struct sockaddr *)&to, sizeof to));
	return e == ECONNREFUSED ? 0 : e;
}

static int try_exec(void)
{
	return result(execl("/bin/true", "true", (char *)NULL));
}

static int try_read(void)
{
	return result(open("old", O_RDONLY));
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int kept = -1; /* a descriptor that is open for writing, and left to the reader */

static int try_kept(void)
{
	return result(write(kept, "x", 1));
}

static int try_kept_at(void)
{
	return result(pwrite(kept, "x", 1, 0));
}

static int try_kill(void)
{
	return result(kill(getppid(), 0));
}

static int try_dup(void)
{
	return result(dup(kept));
}

static int try_memory(void)
{
	void *p = mmap(NULL, GF_CONTAINED_MEMORY * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : result(munmap(p, GF_CONTAINED_MEMORY * 2));
}

/* What holds it: seccomp, a limit, Landlock from this ABI on (0: not).  A looker has no limits. */
static const struct {
	const char *name;
	try what;
	bool seccomp, limit, looker;
	int landlock;
} tries[] = {
	{ "new file", try_new_file, true, true, true, 1 },
	{ "old file", try_old_file, true, true, true, 1 },
	{ "truncate", try_truncate, true, false, true, 3 },
	{ "unlink", try_unlink, true, false, true, 1 },
	{ "rename", try_rename, true, false, true, 1 },
	{ "mkdir", try_mkdir, true, false, true, 1 },
	{ "chmod", try_chmod, true, false, true, 0 },
	{ "socket", try_socket, true, true, true, 0 },
	{ "connect", try_connect, true, true, true, 4 },
	{ "exec", try_exec, true, false, true, 1 },
	{ "read", try_read, true, true, false, 1 },
	{ "fork", try_fork, true, false, false, 0 },
	{ "write to what is kept", try_kept, true, true, false, 0 },
	{ "pwrite to what is kept", try_kept_at, true, true, false, 0 },
	{ "kill", try_kill, true, false, false, 6 },
	{ "dup", try_dup, true, true, false, 0 },
	{ "memory", try_memory, false, true, false, 0 },
};
#define TRIES TESTS_OF(tries)

#define LANDLOCK 444L /* landlock_create_ruleset */

/* ---- kernels that lack a wall ---- */

/* The call nr is as on a kernel without it, for this process and its children. */
static void without(long nr)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = TESTS_OF(code), .filter = code };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* body in a process of its own, which fails as tests do. */
static void apart(void (*body)(void *), void *ctx)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		body(ctx);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- the reader ---- */

static void try_all(void *ctx, int line)
{
	int found[TRIES];

	(void)ctx;
	signal(SIGXFSZ, SIG_IGN); /* EFBIG instead */
	for (size_t i = 0; i < TRIES; i++)
		found[i] = tries[i].what();
	(void)gf_line_send(line, found, sizeof found, NULL, 0);
}

/* Each wall that stands holds what it should; which those are is said. */
static void judge(const char *walls, const int *found, bool looker)
{
	int abi = 0;
	bool seccomp = strstr(walls, "no seccomp") == NULL;

	(void)sscanf(walls, "Landlock %d", &abi);
	fprintf(stderr, "# %s: %s\n", looker ? "process" : "reader", walls);
	for (size_t i = 0; i < TRIES; i++) {
		bool held = (seccomp && tries[i].seccomp) || (!looker && tries[i].limit) ||
		    (tries[i].landlock > 0 && abi >= tries[i].landlock);

		if (held && (!looker || tries[i].looker) && found[i] == 0) {
			fprintf(stderr, "let through: %s\n", tries[i].name);
			_exit(1);
		}
	}
}

static void needs(bool is, const char *what)
{
	if (!is)
		fprintf(stderr, "%s: %s\n", what, err.text);
	if (!is)
		_exit(1);
}

static void begin(const long *gone)
{
	if (*gone != 0)
		without(*gone);
	kept = open("kept", O_RDWR | O_CREAT | O_TRUNC, 0600);
	needs(kept >= 0 && close(open("old", O_WRONLY | O_CREAT, 0600)) == 0, "files");
}

static void is_gone(long gone, const char *walls)
{
	needs(gone != SYS_seccomp || strstr(walls, "no seccomp") != NULL, walls);
	needs(gone != LANDLOCK || strncmp(walls, "no Landlock", 11) == 0, walls);
}

static void reader(void *ctx)
{
	long gone = *(long *)ctx;
	int found[TRIES];
	gf_contained *c;
	size_t n;

	begin(&gone);
	c = gf_contained_start(try_all, NULL, kept, "planted", &err);
	needs(c != NULL && gf_contained_receive(c, found, sizeof found, NULL, 0, &n, &err), "reader");
	is_gone(gone, gf_contained_walls(c));
	judge(gf_contained_walls(c), found, false);
	gf_contained_close(c);
	needs(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

static void looker(void *ctx)
{
	long gone = *(long *)ctx;
	char walls[GF_WALLS_SIZE];
	int found[TRIES];

	begin(&gone);
	gf_contain_self(walls);
	is_gone(gone, walls);
	for (size_t i = 0; i < TRIES; i++)
		found[i] = tries[i].looker ? tries[i].what() : 0;
	judge(walls, found, true);
	needs(try_read() == 0, "reading goes on");
}

static const long gone[] = { 0, SYS_seccomp, LANDLOCK };

static void test_reader(void **state)
{
	(void)state;
	for (size_t i = 0; i < TESTS_OF(gone); i++)
		apart(reader, (void *)(uintptr_t)&gone[i]);
}

static void test_looker(void **state)
{
	(void)state;
	for (size_t i = 0; i < TESTS_OF(gone); i++)
		apart(looker, (void *)(uintptr_t)&gone[i]);
}

static void bare(void *ctx)
{
	begin(&gone[0]);
	needs(tries[*(size_t *)ctx].what() == 0, tries[*(size_t *)ctx].name);
}

/* The faults are real: without walls each of them can be done.  exec ends as true(1) does. */
static void test_without_walls(void **state)
{
	(void)state;
	for (size_t i = 0; i < TRIES; i++)
		apart(bare, &i);
}

/* ---- an input that is read in a child ---- */

#define BIG ((size_t)700001)
static unsigned char bytes[BIG], back[BIG];

static gf_input *in_child(gf_input *up)
{
	gf_input *in = gf_input_contained(up, -1, BIG, "input", &err);

	assert_ok(in != NULL, err);
	return in;
}

static void test_same_bytes(void **state)
{
	static const size_t steps[] = { 1000, GF_MESSAGE_MAX, BIG };

	(void)state;
	noise(bytes, BIG, 7);
	for (size_t s = 0; s < TESTS_OF(steps); s++) {
		gf_input *in = in_child(gf_input_memory(bytes, BIG, &err));
		size_t at = 0;
		ptrdiff_t got;

		while ((got = gf_input_read(in, back + at, steps[s] < BIG - at ? steps[s] : BIG - at + 1, &err)) > 0)
			at += (size_t)got;
		assert_ok(got == 0, err);
		assert_int_equal(gf_input_read(in, back, 1, &err), 0);
		assert_int_equal(at, BIG);
		assert_memory_equal(back, bytes, BIG);
		gf_input_close(in);
	}
	assert_null(gf_input_contained(NULL, -1, 1, "input", &err));
}

static void test_same_error(void **state)
{
	gf_input *in = in_child(gf_input_exact(gf_input_memory(bytes, 10, &err), 11, "object", &err));
	ptrdiff_t got;

	(void)state;
	while ((got = gf_input_read(in, back, BIG, &err)) > 0)
		continue;
	assert_int_equal(got, -1);
	assert_int_equal(err.class, GF_DAMAGED);
	assert_string_equal(err.name, "blob-size");
	assert_int_equal(gf_input_read(in, back, 1, &err), -1);
	gf_input_close(in);
}

/* ---- children that are not what they should be ---- */

typedef struct planted {
	gf_input in;
	void (*act)(gf_error *err);
} planted;

static ptrdiff_t planted_read(gf_input *in, void *buf, size_t cap, gf_error *e)
{
	(void)buf;
	(void)cap;
	((planted *)in)->act(e);
	return -1;
}

static void planted_close(gf_input *in)
{
	(void)in;
}

static void act_end(gf_error *e)
{
	(void)e;
	_exit(0);
}

static void act_die(gf_error *e)
{
	(void)e;
	(void)raise(SIGKILL);
	_exit(0); /* where the walls refuse a signal to oneself, too */
}

static void act_class(gf_error *e)
{
	gf_fail(e, (gf_class)77, "name", NULL, "text");
}

static void act_trust(gf_error *e)
{
	gf_fail(e, GF_REFUSED, "name", NULL, "only the judge refuses");
}

static void act_name(gf_error *e)
{
	gf_fail(e, GF_DAMAGED, "\033[2J", NULL, "text");
}

static void act_endless(gf_error *e)
{
	memset(e, 'a', sizeof *e);
	e->class = GF_DAMAGED;
}

static void act_silent(gf_error *e)
{
	*e = (gf_error){ .class = GF_OK };
}

static void test_planted(void **state)
{
	static const gf_input_ops ops = { planted_read, NULL, planted_close };
	void (*const acts[])(
	    gf_error *) = { act_end, act_die, act_class, act_trust, act_name, act_endless, act_silent };

	(void)state;
	for (size_t i = 0; i < TESTS_OF(acts); i++) {
		planted p = { { &ops }, acts[i] };
		gf_input *in = in_child(&p.in);

		assert_refused(gf_input_read(in, back, BIG, &err) >= 0, err, GF_FAILED, "contained");
		gf_input_close(in);
	}
}

static void test_too_much(void **state)
{
	gf_input *in = gf_input_contained(gf_input_memory(bytes, 11, &err), -1, 10, "input", &err);

	(void)state;
	assert_ok(in != NULL, err);
	assert_refused(gf_input_read(in, back, BIG, &err) >= 0, err, GF_FAILED, "contained");
	gf_input_close(in);
}

/* Not read to its end: the child goes all the same. */
static void test_left_early(void **state)
{
	gf_input *in = in_child(gf_input_memory(bytes, BIG, &err));

	(void)state;
	assert_int_equal(gf_input_read(in, back, 10, &err), 10);
	assert_memory_equal(back, bytes, 10);
	gf_input_close(in);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void say_more(void *ctx, int line)
{
	(void)ctx;
	(void)gf_line_send(line, bytes, 20, NULL, 0);
}

static void test_messages(void **state)
{
	static const size_t bodies[] = { 9, 0 }, heads[] = { 10, 21 }; /* a byte too small; a head too large */
	gf_contained *c;
	size_t n;

	(void)state;
	for (size_t i = 0; i < TESTS_OF(heads); i++) {
		c = gf_contained_start(say_more, NULL, -1, "object", &err);
		assert_ok(c != NULL, err);
		assert_refused(gf_contained_receive(c, back, heads[i], back + 50, bodies[i], &n, &err), err, GF_FAILED,
		    "contained");
		while (gf_contained_send(c, bytes, 1000, NULL, 0, &err))
			continue; /* until it has ended */
		assert_string_equal(err.name, "contained");
		gf_contained_close(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_walls),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_looker),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_same_error),
		cmocka_unit_test(test_planted),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_left_early),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
