/* A peer of our own on loopback, which does what no honest server does. */
#ifndef GF_TESTS_REMOTE_PEER_H
#define GF_TESTS_REMOTE_PEER_H

#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

/* One server socket and a thread that gives each connection to serve. */
typedef struct peer {
	int fd;
	unsigned port;
	pthread_t thread;
	void (*serve)(struct peer *p, int fd);
	unsigned accepted, served;
	gf_buf seen; /* heads of requests */
	struct peer *other;
	size_t received;
	gf_digest digest; /* of the last body that was echoed */
} peer;

static inline void *run_peer(void *ctx)
{
	peer *p = ctx;

	for (;;) {
		int fd = accept(p->fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		p->accepted++;
		p->serve(p, fd);
		close(fd);
	}
}

/* On a port of loopback, and nobody accepts yet. */
static inline void stand(peer *p, void (*serve)(peer *, int))
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int small = 65536;

	memset(p, 0, sizeof *p);
	p->serve = serve;
	gf_buf_init(&p->seen, GF_MIB);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	/* Small, so that a body does not fit into the sockets while nobody reads it. */
	assert_int_equal(setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(p->fd, 16), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &n), 0);
	p->port = ntohs(a.sin_port);
}

static inline void start(peer *p, void (*serve)(peer *, int))
{
	stand(p, serve);
	assert_int_equal(pthread_create(&p->thread, NULL, run_peer, p), 0);
}

/* The same on a socket in the file system. */
static inline void start_at(peer *p, const char *path, void (*serve)(peer *, int))
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(p, 0, sizeof *p);
	p->serve = serve;
	gf_buf_init(&p->seen, GF_MIB);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	unlink(path);
	p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(p->fd, 16), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, run_peer, p), 0);
}

static inline void stop(peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
	gf_buf_clear(&p->seen);
}

static inline void say(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

/* One request's head, byte for byte so that its body stays in the socket.  false: the connection is at its end. */
static inline bool head(peer *p, int fd)
{
	size_t start_len = p->seen.len;
	gf_error err;
	char c;

	while (recv(fd, &c, 1, 0) == 1) {
		if (!gf_buf_add(&p->seen, &c, 1, &err))
			return false;
		if (p->seen.len - start_len >= 4 && memcmp(p->seen.data + p->seen.len - 4, "\r\n\r\n", 4) == 0) {
			p->served++;
			return true;
		}
	}
	return false;
}

static inline char *url_of(const peer *p, const char *path)
{
	static char text[4][128];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(text[i], sizeof text[i], "http://127.0.0.1:%u%s", p->port, path);
	return text[i];
}

/* ---- a peer that answers by a table ---- */

#define ANSWER(line, headers, body) "HTTP/1.1 " line "\r\nConnection: close\r\n" headers "\r\n" body
#define OK "200 OK"
#define EMPTY "Content-Length: 0\r\n"
/* The digest of "abc". */
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

typedef struct answer {
	const char *request; /* what its first line begins with */
	const char *text;    /* NULL: the connection is closed */
	unsigned times;      /* after so many the row is used up; 0: never */
	unsigned used;
} answer;

static answer *table; /* ends with a row without request */

/* The first line of the last head in p->seen. */
static inline const char *last_head(const peer *p, size_t from)
{
	return p->seen.data + from;
}

static inline void serve_rows(peer *p, int fd, unsigned requests)
{
	while (requests-- > 0) {
		size_t from = p->seen.len, left;
		const char *length, *line;
		answer *a = table;
		char buf[4096];

		if (!head(p, fd))
			return;
		line = last_head(p, from);
		length = strstr(line, "Content-Length: ");
		for (left = length != NULL ? (size_t)strtoul(length + 16, NULL, 10) : 0; left > 0;) {
			ssize_t n = recv(fd, buf, left < sizeof buf ? left : sizeof buf, 0);

			if (n <= 0)
				return;
			left -= (size_t)n;
		}
		while (a->request != NULL &&
		    (strncmp(line, a->request, strlen(a->request)) != 0 || (a->times != 0 && a->used >= a->times)))
			a++;
		a->used++;
		if (a->request == NULL || a->text == NULL)
			return;
		say(fd, a->text);
	}
}

static inline void serve_table(peer *p, int fd)
{
	serve_rows(p, fd, UINT32_MAX);
}

/* One request a connection, as "Connection: close" says. */
static inline void serve_table_once(peer *p, int fd)
{
	serve_rows(p, fd, 1);
}

#endif
