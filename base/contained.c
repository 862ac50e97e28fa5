/*
 * A contained child and the line to it.
 *
 * A fork without exec, so that one program suffices and nothing need be found again; the C library makes malloc usable in
 * the child whatever the other threads did.  Where a fuzzer looks on, the child is a thread without walls, because
 * coverage does not cross a fork.
 */
#define _GNU_SOURCE /* close_range */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/contain.h"
#include "base/walls.h"

struct gf_contained {
	int line;
	pid_t pid;
	pthread_t thread;
	bool started;
	char *object;
	char walls[GF_WALLS_SIZE];
};

/* ---- messages ---- */

bool gf_line_send(int line, const void *head, size_t head_size, const void *body, size_t n)
{
	/* writev does not write to them. */
	struct iovec parts[] = { { (void *)(uintptr_t)head, head_size }, { (void *)(uintptr_t)body, n } };
	ssize_t sent;

	do
		sent = writev(line, parts, 2);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)(head_size + n);
}

/* A byte more than fits shows that the rest of a message was dropped. */
bool gf_line_receive(int line, void *head, size_t head_size, void *body, size_t cap, size_t *got)
{
	char more;
	struct iovec parts[] = { { head, head_size }, { body, cap }, { &more, 1 } };
	ssize_t n;

	do
		n = readv(line, parts, 3);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)head_size || (size_t)n > head_size + cap)
		return false;
	*got = (size_t)n - head_size;
	return n > 0;
}

bool gf_contained_broke(const gf_contained *c, const char *what, gf_error *err)
{
	return gf_fail(err, GF_FAILED, "contained", c->object,
	    "the contained process that reads '%s' %s: the file may attack its reader", c->object, what);
}

bool gf_contained_receive(
    gf_contained *c, void *head, size_t head_size, void *body, size_t cap, size_t *got, gf_error *err)
{
	return gf_line_receive(c->line, head, head_size, body, cap, got) ||
	    gf_contained_broke(c, "ended, or sent what is no message", err);
}

bool gf_contained_send(gf_contained *c, const void *head, size_t head_size, const void *body, size_t n, gf_error *err)
{
	struct iovec parts[] = { { (void *)(uintptr_t)head, head_size }, { (void *)(uintptr_t)body, n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t sent;

	do
		sent = sendmsg(c->line, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)(head_size + n) || gf_contained_broke(c, "ended early", err);
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

bool gf_contained_failed(const gf_contained *c, const void *bytes, size_t n, gf_error *err)
{
	gf_error e;

	if (n != sizeof e)
		return gf_contained_broke(c, "sent no error", err);
	memcpy(&e, bytes, sizeof e);
	if ((e.class != GF_FAILED && e.class != GF_USAGE && e.class != GF_DAMAGED) || !ends(e.name, sizeof e.name) ||
	    !ends(e.object, sizeof e.object) || !ends(e.text, sizeof e.text) || e.name[0] == '\0' ||
	    e.name[strspn(e.name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' || e.text[0] == '\0')
		return gf_contained_broke(c, "sent no error", err);
	*err = e;
	return false;
}

/* ---- the child ---- */

typedef struct birth {
	gf_contained_run run;
	void *ctx;
	int line;
} birth;

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

static void *live(void *arg)
{
	birth b = *(birth *)arg;

	free(arg);
	b.run(b.ctx, b.line);
	(void)close(b.line);
	return NULL;
}

static bool begin(gf_contained *c, const birth *b, int keep, gf_error *err)
{
	birth *own = gf_alloc(1, sizeof *own, err);

	(void)keep;
	if (own == NULL)
		return false;
	*own = *b;
	(void)signal(SIGPIPE, SIG_IGN);
	c->started = pthread_create(&c->thread, NULL, live, own) == 0;
	if (!c->started)
		free(own);
	return c->started || gf_fail(err, GF_FAILED, "contained", c->object, "no thread");
}

static void end(gf_contained *c)
{
	if (c->started)
		(void)pthread_join(c->thread, NULL);
}

#else

static void close_others(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (a < 0 || b < 0)
		low = high;
	if (low > 0)
		(void)close_range(0, low - 1, 0);
	if (low + 1 < high)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0U, 0);
}

static void live(const birth *b, int keep, pid_t parent)
{
	gf_walls w;

	(void)signal(SIGPIPE, SIG_DFL);
	/* Who waits for a slow stdin does not see that we are gone. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	close_others(b->line, keep);
	w = gf_walls_reader(b->line);
	if (gf_line_send(b->line, &w, sizeof w, NULL, 0))
		b->run(b->ctx, b->line);
	_exit(0);
}

static bool begin(gf_contained *c, const birth *b, int keep, gf_error *err)
{
	pid_t self = getpid();
	gf_walls w;
	size_t none;

	c->pid = fork();
	if (c->pid == 0)
		live(b, keep, self);
	(void)close(b->line);
	if (c->pid < 0)
		return gf_fail_errno(err, GF_FAILED, "contained", c->object, "no process to read '%s' in", c->object);
	c->started = true;
	if (!gf_contained_receive(c, &w, sizeof w, NULL, 0, &none, err))
		return false;
	gf_walls_text(w, c->walls);
	return true;
}

static void end(gf_contained *c)
{
	if (!c->started)
		return;
	(void)kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

#endif

gf_contained *gf_contained_start(gf_contained_run run, void *ctx, int keep, const char *object, gf_error *err)
{
	gf_contained *c = gf_alloc(1, sizeof *c, err);
	const int room = 4 * (int)GF_MESSAGE_MAX;
	int pair[2];

	if (c == NULL)
		return NULL;
	c->line = -1;
	c->object = gf_strdup(object, err);
	if (c->object != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		birth b = { run, ctx, pair[1] };

		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
		c->line = pair[0];
		if (begin(c, &b, keep, err))
			return c;
	} else if (c->object != NULL) {
		gf_fail_errno(err, GF_FAILED, "contained", object, "no line to a process that reads '%s'", object);
	}
	gf_contained_close(c);
	return NULL;
}

void gf_contained_close(gf_contained *c)
{
	if (c == NULL)
		return;
	if (c->line >= 0)
		(void)close(c->line);
	end(c);
	free(c->object);
	free(c);
}

const char *gf_contained_walls(const gf_contained *c)
{
	return c->walls;
}
