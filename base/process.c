#define _GNU_SOURCE /* pipe2, close_range */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"

extern char **environ;

typedef struct child {
	pid_t pid;
	int in, out, failure; /* our ends: its stdin, its stdout, errno of a failed exec; -1 when closed */
} child;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* The additions, and environ without the names they give anew; only the array is new. */
static char **environment_with(const char *const *add, gf_error *err)
{
	size_t n = 0, m = 0, count = 0;
	char **all;

	while (environ[n] != NULL)
		n++;
	while (add != NULL && add[m] != NULL)
		m++;
	all = gf_alloc(n + m + 1, sizeof *all, err);
	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < m; i++)
		all[count++] = (char *)(uintptr_t)add[i];
	for (size_t i = 0; i < n; i++) {
		bool anew = false;

		for (size_t j = 0; !anew && j < m; j++)
			anew = same_name(add[j], environ[i]);
		if (!anew)
			all[count++] = environ[i];
	}
	return all;
}

/* In the child, between fork and exec: only calls that are safe there. */
static void become(const gf_process *p, char **env, const int in[2], const int out[2], const int failure[2])
{
	int keep = failure[1];
	int null = open("/dev/null", O_WRONLY);
	sigset_t none;
	int e;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1] >= 0 ? out[1] : null, STDOUT_FILENO) >= 0 &&
	    (keep == 3 || dup2(keep, 3) == 3)) {
		(void)fcntl(3, F_SETFD, FD_CLOEXEC);
		(void)fcntl(STDIN_FILENO, F_SETFD, 0); /* in[0] is 0 where we have no stdin */
		(void)close_range(4, ~0U, 0);
		environ = env;
		execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
	}
	e = errno;
	if (write(3, &e, sizeof e) < 0)
		_exit(126);
	_exit(127);
}

static bool child_start(const gf_process *p, bool wants_out, child *c, gf_error *err)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, failure[2] = { -1, -1 };
	char **env = environment_with(p->env_add, err);
	bool ok = false;

	if (env == NULL)
		return false;
	if (pipe2(in, O_CLOEXEC) != 0 || (wants_out && pipe2(out, O_CLOEXEC) != 0) || pipe2(failure, O_CLOEXEC) != 0) {
		gf_fail_errno(err, GF_FAILED, "command", p->argv[0], "no pipe for '%s'", p->argv[0]);
		goto out;
	}
	c->pid = fork();
	if (c->pid == 0)
		become(p, env, in, out, failure);
	if (c->pid < 0) {
		gf_fail_errno(err, GF_FAILED, "command", p->argv[0], "'%s' cannot be started", p->argv[0]);
		goto out;
	}
	c->in = in[1];
	c->out = out[0];
	c->failure = failure[0];
	in[1] = out[0] = failure[0] = -1;
	ok = true;
out:
	for (int i = 0; i < 2; i++) {
		close_fd(&in[i]);
		close_fd(&out[i]);
		close_fd(&failure[i]);
	}
	free(env);
	return ok;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Give what the pipe takes; a child that does not want the rest is no error. */
static bool feed(const gf_process *p, child *c, size_t *given, gf_error *err)
{
	ssize_t n = write(c->in, (const char *)p->input + *given, p->input_size - *given);

	if (n < 0 && errno != EPIPE)
		return errno == EAGAIN || errno == EINTR ||
		    gf_fail_errno(err, GF_FAILED, "command", p->argv[0], "writing to '%s'", p->argv[0]);
	if (n > 0)
		*given += (size_t)n;
	if (n < 0 || *given == p->input_size)
		close_fd(&c->in);
	return true;
}

/* What cannot be read is not its end: half an output is none. */
static bool collect(const gf_process *p, child *c, gf_buf *out, gf_error *err)
{
	char piece[4096];
	ssize_t n = read(c->out, piece, sizeof piece);

	if (n < 0)
		return errno == EINTR ||
		    gf_fail_errno(err, GF_FAILED, "command", p->argv[0], "reading from '%s'", p->argv[0]);
	if (n == 0)
		close_fd(&c->out);
	if (n > 0 && !gf_buf_add(out, piece, (size_t)n, err)) {
		err->class = GF_FAILED; /* too much of it: nothing that was carried here is damaged */
		return gf_because(err, "output of '%s'", p->argv[0]);
	}
	return true;
}

/* Why it does not run; the end of the pipe, by exec: it runs. */
static bool learn(const gf_process *p, child *c, gf_error *err)
{
	int e = 0;
	ssize_t n = read(c->failure, &e, sizeof e);

	if (n < 0 && errno == EINTR)
		return true;
	if (n == 0) {
		close_fd(&c->failure);
		return true;
	}
	errno = n < 0 ? errno : e;
	return gf_fail_errno(err, GF_FAILED, "command", p->argv[0], "'%s' cannot be run", p->argv[0]);
}

/* Feed and collect until the child has closed both pipes or the deadline has come. */
static bool converse(const gf_process *p, child *c, gf_buf *out, int64_t deadline, gf_error *err)
{
	size_t given = 0;

	(void)fcntl(c->in, F_SETFL, O_NONBLOCK);
	if (p->input_size == 0)
		close_fd(&c->in);
	while (c->in >= 0 || c->out >= 0 || c->failure >= 0) {
		struct pollfd fds[3] = { { .fd = c->in, .events = POLLOUT }, { .fd = c->out, .events = POLLIN },
			{ .fd = c->failure, .events = POLLIN } };
		int64_t left = deadline - now_ms();
		int ready = left > 0 ? poll(fds, 3, left > 60000 ? 60000 : (int)left) : 0;

		if (left <= 0)
			return gf_fail(err, GF_FAILED, "command-timeout", p->argv[0],
			    "'%s' was ended: it took more than %u seconds", p->argv[0], p->seconds);
		if (ready <= 0)
			continue;
		if ((fds[0].revents != 0 && !feed(p, c, &given, err)) ||
		    (fds[1].revents != 0 && !collect(p, c, out, err)) || (fds[2].revents != 0 && !learn(p, c, err)))
			return false;
	}
	return true;
}

/* The child has closed its pipes or was killed; else it may still run until the deadline. */
static bool await(const gf_process *p, const child *c, int64_t deadline, int *wait_status, gf_error *err)
{
	bool killed = false;

	for (;;) {
		const struct timespec nap = { .tv_nsec = 2000000 };
		pid_t pid = waitpid(c->pid, wait_status, killed ? 0 : WNOHANG);

		if (pid == c->pid)
			return true;
		if (pid < 0 && errno != EINTR)
			return gf_fail_errno(err, GF_FAILED, "command", p->argv[0], "waiting for '%s'", p->argv[0]);
		if (pid == 0 && now_ms() >= deadline) {
			(void)kill(c->pid, SIGKILL);
			killed = true;
		} else {
			(void)nanosleep(&nap, NULL);
		}
	}
}

bool gf_process_run(const gf_process *p, gf_buf *out, int *status, gf_error *err)
{
	child c = { .pid = -1, .in = -1, .out = -1, .failure = -1 };
	int64_t deadline = now_ms() + (int64_t)p->seconds * 1000;
	sigset_t pipe_only, old;
	int wait_status = 0;
	bool ok;

	/* A child that does not read its input must not end us. */
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
	ok = child_start(p, out != NULL, &c, err);
	if (ok) {
		const struct timespec zero = { 0 };

		ok = converse(p, &c, out, deadline, err);
		if (!ok)
			(void)kill(c.pid, SIGKILL);
		ok = await(p, &c, deadline, &wait_status, ok ? err : &(gf_error){ 0 }) && ok;
		while (sigtimedwait(&pipe_only, NULL, &zero) > 0) {
			/* taken back before the mask is */
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close_fd(&c.in);
	close_fd(&c.out);
	close_fd(&c.failure);
	if (!ok)
		return false;
	if (!WIFEXITED(wait_status)) {
		int sig = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;

		if (sig == SIGKILL && now_ms() >= deadline)
			return gf_fail(err, GF_FAILED, "command-timeout", p->argv[0],
			    "'%s' was ended: it took more than %u seconds", p->argv[0], p->seconds);
		return gf_fail(err, GF_FAILED, "command", p->argv[0], "'%s' was ended by signal %d", p->argv[0], sig);
	}
	*status = WEXITSTATUS(wait_status);
	return true;
}
