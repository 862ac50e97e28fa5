/* http.c and stream.c against a peer of our own on loopback, which does what no honest server does. */
#include "peer.h"

#include <sys/un.h>
#include <time.h>

#include "remote/registry.h"

static gf_http *client(unsigned stall)
{
	gf_http_options o = { .stall_seconds = stall };
	gf_error err;
	gf_http *h = gf_http_open(&o, &err);

	if (h == NULL)
		fail_msg("%s", err.text);
	return h;
}

static bool get(gf_http *h, const char *url, bool follow, gf_response *r, gf_error *err)
{
	static const char *const headers[] = { "Authorization: Bearer canary", "Accept: text/plain", NULL };
	gf_request q = { .method = "GET", .url = url, .headers = headers, .follow = follow };

	return gf_http_do(h, &q, r, err);
}

/* ---- plain requests ---- */

static void serve_hello(peer *p, int fd)
{
	while (head(p, fd))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: value\r\n\r\nhello");
}

static void an_answer_is_whole_and_connections_are_kept(void **state)
{
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	char text[32];
	peer p;

	(void)state;
	start(&p, serve_hello);
	gf_response_init(&r);
	for (int i = 0; i < 3; i++) {
		check_ok(get(h, url_of(&p, "/a"), false, &r, &err));
		assert_int_equal(r.status, 200);
		assert_string_equal(gf_buf_text(&r.body), "hello");
		assert_string_equal(r.url, url_of(&p, "/a"));
		assert_true(gf_response_header(&r, "x-NAME", text, sizeof text));
		assert_string_equal(text, "value");
	}
	assert_int_equal(p.served, 3);
	assert_int_equal(p.accepted, 1);
	assert_true(has_text(p.seen.data, "Accept: text/plain\r\n"));
	assert_true(has_text(p.seen.data, "User-Agent: gapferry/"));
	assert_false(has_text(p.seen.data, "Accept-Encoding"));
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

typedef struct many {
	gf_http *http;
	const char *url;
} many;

static bool get_one(void *ctx, size_t i, gf_error *err)
{
	const many *m = ctx;
	gf_response r;
	bool ok;

	(void)i;
	gf_response_init(&r);
	ok = get(m->http, m->url, false, &r, err) && (strcmp(gf_buf_text(&r.body), "hello") == 0 || gf_no_memory(err));
	gf_response_clear(&r);
	return ok;
}

static void *serve_alone(void *ctx)
{
	peer *p = ctx;
	int fd = (int)p->received;
	gf_error err;
	char c[4096];
	ssize_t n;

	(void)err;
	while ((n = recv(fd, c, sizeof c, 0)) > 0)
		if (n >= 4 && memcmp(c + n - 4, "\r\n\r\n", 4) == 0)
			say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	close(fd);
	free(p);
	return NULL;
}

static void serve_in_threads(peer *p, int fd)
{
	peer *one = calloc(1, sizeof *one);
	pthread_t t;

	(void)p;
	if (one == NULL)
		return;
	one->received = (size_t)dup(fd);
	if (pthread_create(&t, NULL, serve_alone, one) == 0)
		pthread_detach(t);
}

static void many_threads_share_a_client(void **state)
{
	gf_http *h = client(0);
	gf_error err;
	many m;
	peer p;

	(void)state;
	start(&p, serve_in_threads);
	m.http = h;
	m.url = url_of(&p, "/a");
	check_ok(gf_parallel(8, 200, get_one, &m, &err));
	if (p.accepted > 8)
		fail_msg("%u connections for 8 threads", p.accepted);
	gf_http_close(h);
	stop(&p);
}

static void a_bodiless_post_has_a_length_and_no_type(void **state)
{
	gf_request q = { .method = "POST" };
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_hello);
	gf_response_init(&r);
	q.url = url_of(&p, "/u/");
	check_ok(gf_http_do(h, &q, &r, &err));
	assert_true(has_text(p.seen.data, "POST /u/ HTTP/1.1\r\n"));
	assert_true(has_text(p.seen.data, "Content-Length: 0\r\n"));
	assert_false(has_text(p.seen.data, "Content-Type"));
	assert_false(has_text(p.seen.data, "Accept:"));
	assert_false(has_text(p.seen.data, "Expect"));
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

/* ---- redirects ---- */

static void serve_redirects(peer *p, int fd)
{
	char text[256];

	while (head(p, fd)) {
		const char *last = p->seen.data + p->seen.len;

		while (last > p->seen.data && strncmp(last, "GET ", 4) != 0)
			last--;
		if (strncmp(last, "GET /same", 9) == 0)
			say(fd, "HTTP/1.1 307 T\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
		else if (strncmp(last, "GET /other", 10) == 0) {
			snprintf(text, sizeof text,
			    "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:%u/end\r\nContent-Length: 0\r\n\r\n",
			    p->other->port);
			say(fd, text);
		} else if (strncmp(last, "GET /loop", 9) == 0)
			say(fd, "HTTP/1.1 301 M\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
		else if (strncmp(last, "GET /file", 9) == 0)
			say(fd, "HTTP/1.1 301 M\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
		else if (strncmp(last, "GET /outside", 12) == 0)
			say(fd, "HTTP/1.1 301 M\r\nLocation: http://registry.example/\r\nContent-Length: 0\r\n\r\n");
		else if (strncmp(last, "GET /nowhere", 12) == 0)
			say(fd, "HTTP/1.1 301 M\r\nContent-Length: 0\r\n\r\n");
		else
			say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
	}
}

static void redirects_keep_credentials_at_home(void **state)
{
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	peer p, other;

	(void)state;
	start(&other, serve_hello);
	start(&p, serve_redirects);
	p.other = &other;
	gf_response_init(&r);
	check_ok(get(h, url_of(&p, "/same"), true, &r, &err));
	assert_string_equal(gf_buf_text(&r.body), "end");
	assert_string_equal(r.url, url_of(&p, "/end"));
	assert_true(has_text(strstr(p.seen.data, "GET /end"), "Authorization: Bearer canary"));
	check_ok(get(h, url_of(&p, "/other"), true, &r, &err));
	assert_string_equal(gf_buf_text(&r.body), "hello");
	assert_string_equal(r.url, url_of(&other, "/end"));
	assert_true(has_text(other.seen.data, "GET /end") && !has_text(other.seen.data, "canary"));
	check_ok(get(h, url_of(&p, "/same"), false, &r, &err));
	assert_int_equal(r.status, 307);
	check_fails(get(h, url_of(&p, "/loop"), true, &r, &err), "http-redirect");
	check_fails(get(h, url_of(&p, "/file"), true, &r, &err), "http-url");
	check_fails(get(h, url_of(&p, "/nowhere"), true, &r, &err), "http-redirect");
	check_fails(get(h, url_of(&p, "/outside"), true, &r, &err), "http-redirect");
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
	stop(&other);
}

static void plain_http_is_for_this_machine_unless_allowed(void **state)
{
	gf_http *h = client(0);
	gf_response r;
	gf_error err;

	(void)state;
	gf_response_init(&r);
	check_fails(get(h, "http://registry.example:5000/v2/", false, &r, &err), "http-plain");
	assert_int_equal(err.class, GF_USAGE);
	assert_true(has_text(err.text, "--plain-http"));
	check_fails(get(h, "file:///etc/passwd", false, &r, &err), "http-url");
	check_fails(get(h, "http://127.0.0.1:1/", false, &r, &err), "http-connect");
	gf_response_clear(&r);
	gf_http_close(h);
}

/* ---- caps and broken answers ---- */

static size_t flood; /* bytes of body, or of headers */
static const char *flood_head;

static void serve_flood(peer *p, int fd)
{
	char piece[4097];

	memset(piece, 'x', sizeof piece - 1);
	piece[sizeof piece - 1] = '\0';
	if (!head(p, fd))
		return;
	say(fd, flood_head);
	for (size_t n = 0; n < flood; n += 4096)
		say(fd, piece);
}

static void bodies_and_headers_are_capped(void **state)
{
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_flood);
	gf_response_init(&r);
	flood = GF_HTTP_BODY_MAX;
	flood_head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	check_ok(get(h, url_of(&p, "/"), false, &r, &err));
	assert_int_equal(r.body.len, GF_HTTP_BODY_MAX);
	flood += 4096;
	check_fails(get(h, url_of(&p, "/"), false, &r, &err), "too-large");
	/* Of an error only the first bytes are of interest. */
	flood_head = "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n";
	check_ok(get(h, url_of(&p, "/"), false, &r, &err));
	assert_int_equal(r.status, 500);
	assert_int_equal(r.body.len, 64 * 1024);
	flood_head = "HTTP/1.1 200 OK\r\nX: ";
	assert_false(get(h, url_of(&p, "/"), false, &r, &err));
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

static const char *script;

static void serve_script(peer *p, int fd)
{
	if (head(p, fd))
		say(fd, script);
}

static void answers_that_stop_or_make_no_sense_are_errors(void **state)
{
	static const struct {
		const char *answer, *name;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "http-broken" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "http-broken" },
		{ "", "http-broken" },
		{ "garbage\r\n\r\n", "http" },
		{ "SSH-2.0-OpenSSH_9.2\r\n", "http" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", "http" },
	};
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_script);
	gf_response_init(&r);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		script = rows[i].answer;
		if (get(h, url_of(&p, "/"), false, &r, &err))
			fail_msg("'%s' was taken", script);
		if (!gf_starts_with(err.name, rows[i].name))
			fail_msg("'%s': %s: %s", script, err.name, err.text);
		assert_false(has_text(err.text, "canary"));
	}
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

static void serve_silence(peer *p, int fd)
{
	char c;

	if (head(p, fd))
		while (recv(fd, &c, 1, 0) > 0)
			;
}

static void silence_ends(void **state)
{
	gf_http *h = client(1);
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_silence);
	gf_response_init(&r);
	check_fails(get(h, url_of(&p, "/"), false, &r, &err), "http-timeout");
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

/* A byte now and then, which no limit on silence ends. */
static void serve_trickle(peer *p, int fd)
{
	struct timespec t = { 0, 200000000 };

	if (!head(p, fd))
		return;
	say(fd, "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < 300 && send(fd, "x", 1, MSG_NOSIGNAL) == 1; i++)
		nanosleep(&t, NULL);
}

static void a_trickle_ends(void **state)
{
	const gf_http_options o = { .stall_seconds = 30, .total_seconds = 1 };
	gf_error err;
	gf_http *h = gf_http_open(&o, &err);
	gf_response r;
	peer p;

	(void)state;
	start(&p, serve_trickle);
	gf_response_init(&r);
	check_fails(get(h, url_of(&p, "/"), false, &r, &err), "http-timeout");
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

static void serve_late(peer *p, int fd)
{
	struct timespec t = { 3, 0 };

	if (!head(p, fd))
		return;
	nanosleep(&t, NULL);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
}

static void who_is_patient_waits(void **state)
{
	gf_http *h = client(1);
	gf_request q = { .method = "GET", .patient = true };
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_late);
	gf_response_init(&r);
	q.url = url_of(&p, "/");
	check_ok(gf_http_do(h, &q, &r, &err));
	assert_string_equal(gf_buf_text(&r.body), "late");
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

/* ---- streams ---- */

#define BIG ((size_t)8 * 1024 * 1024 + 17)

static unsigned char *big(void)
{
	static unsigned char bytes[BIG];
	uint32_t x = 1;

	for (size_t i = 0; i < BIG; i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = (unsigned char)(x >> 24);
	}
	return bytes;
}

/* Reads a body, by length or in chunks, and answers with its digest. */
static void serve_digest(peer *p, int fd)
{
	gf_error err;

	while (head(p, fd)) {
		gf_hash *hash = gf_hash_new(&err);
		char *last = strstr(p->seen.data, "Content-Length: "), text[GF_DIGEST_SIZE], buf[65536];
		bool chunked = last == NULL;
		size_t left = last != NULL ? (size_t)strtoul(last + 16, NULL, 10) : 0;

		p->received = 0;
		for (;;) {
			ssize_t n;

			if (chunked && left == 0) {
				char line[32];
				size_t len = 0;

				while (len < sizeof line - 1 && recv(fd, line + len, 1, 0) == 1 && line[len] != '\n')
					len++;
				line[len] = '\0';
				left = (size_t)strtoul(line, NULL, 16);
				if (line[0] == '\r')
					continue; /* the end of the chunk before */
				if (left == 0) {
					recv(fd, line, 2, MSG_WAITALL);
					break;
				}
			}
			if (left == 0)
				break;
			n = recv(fd, buf, left < sizeof buf ? left : sizeof buf, 0);
			if (n <= 0)
				break;
			gf_hash_update(hash, buf, (size_t)n, &err);
			p->received += (size_t)n;
			left -= (size_t)n;
		}
		gf_hash_finish(hash, &p->digest, &err);
		gf_hash_free(hash);
		gf_digest_text(&p->digest, text);
		say(fd, "HTTP/1.1 201 Created\r\nContent-Length: 71\r\n\r\n");
		say(fd, text);
		gf_buf_clear(&p->seen);
	}
}

static bool send_all(
    gf_http *h, const char *url, const void *bytes, size_t n, size_t step, bool chunked, gf_response *r, gf_error *err)
{
	static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
	gf_request q = { .method = "PUT", .url = url, .headers = headers };
	gf_output *out = gf_http_send(h, &q, chunked ? UINT64_MAX : n, r, err);
	bool ok = out != NULL;

	for (size_t at = 0; ok && at < n; at += step)
		ok = gf_output_write(out, (const char *)bytes + at, step < n - at ? step : n - at, err);
	ok = ok && gf_output_finish(out, err);
	gf_output_close(out);
	return ok;
}

static void what_is_sent_arrives(void **state)
{
	static const size_t steps[] = { 1000, 4096, 65536, 262144, 1000000, BIG };
	unsigned char *bytes = big();
	char want[GF_DIGEST_SIZE];
	gf_http *h = client(0);
	gf_digest d;
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	check_ok(gf_hash_bytes(bytes, BIG, &d, &err));
	gf_digest_text(&d, want);
	start(&p, serve_digest);
	gf_response_init(&r);
	for (unsigned i = 0; i < 2 * sizeof steps / sizeof steps[0]; i++) {
		check_ok(send_all(h, url_of(&p, "/"), bytes, BIG, steps[i / 2], i % 2 == 1, &r, &err));
		assert_int_equal(r.status, 201);
		assert_string_equal(gf_buf_text(&r.body), want);
		assert_int_equal(p.received, BIG);
	}
	/* nothing at all */
	check_ok(gf_hash_bytes("", 0, &d, &err));
	gf_digest_text(&d, want);
	for (unsigned i = 0; i < 2; i++) {
		check_ok(send_all(h, url_of(&p, "/"), bytes, 0, 1, i == 1, &r, &err));
		assert_string_equal(gf_buf_text(&r.body), want);
	}
	assert_int_equal(p.accepted, 1);
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

static void the_announced_size_is_kept(void **state)
{
	gf_request q = { .method = "PUT" };
	gf_http *h = client(0);
	gf_output *out;
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_digest);
	gf_response_init(&r);
	q.url = url_of(&p, "/");
	out = gf_http_send(h, &q, 10, &r, &err);
	assert_non_null(out);
	check_ok(gf_output_write(out, "123456", 6, &err));
	check_fails(gf_output_write(out, "12345", 5, &err), "http-size");
	gf_output_close(out);
	out = gf_http_send(h, &q, 10, &r, &err);
	check_ok(gf_output_write(out, "123456", 6, &err));
	check_fails(gf_output_finish(out, &err), "http-size");
	gf_output_close(out);
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

/* A kept connection that the peer has closed meanwhile. */
static void serve_once_digest(peer *p, int fd)
{
	char buf[1024];

	if (!head(p, fd))
		return;
	if (strstr(p->seen.data, "PUT") != NULL)
		p->received = (size_t)recv(fd, buf, 5, MSG_WAITALL);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void a_dead_connection_is_replaced(void **state)
{
	struct timespec t = { 0, 50000000 };
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_once_digest);
	gf_response_init(&r);
	check_ok(get(h, url_of(&p, "/"), false, &r, &err));
	nanosleep(&t, NULL);
	check_ok(send_all(h, url_of(&p, "/"), "12345", 5, 5, false, &r, &err));
	assert_int_equal(p.received, 5);
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

static const char *early;
static size_t early_after;

/* Takes some of the body, answers, and is gone. */
static void serve_early(peer *p, int fd)
{
	char buf[65536];
	size_t n = 0;

	if (!head(p, fd))
		return;
	while (n < early_after) {
		ssize_t got = recv(fd, buf, sizeof buf, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
	}
	say(fd, early);
	shutdown(fd, SHUT_WR);
	/* As Go's server does: a moment before the reset, so that the answer is not lost. */
	nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
}

static void an_early_answer_is_heard(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 500 Oh\r\nContent-Length: 6\r\nConnection: close\r\n\r\nreason",
		"HTTP/1.1 500 Oh\r\nContent-Length: 6\r\n\r\nreason",
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nreason",
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nreason",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nreason\r\n0\r\n\r\n",
		"HTTP/1.1 413 Big\r\nConnection: close\r\n\r\nreason",
	};
	unsigned char *bytes = big();
	gf_http *h = client(0);
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_early);
	gf_response_init(&r);
	for (unsigned i = 0; i < 120; i++) {
		early = answers[i % 6];
		early_after = (size_t)(i / 6) * 50000;
		if (send_all(h, url_of(&p, "/"), bytes, BIG, 262144, i % 4 == 3, &r, &err))
			fail_msg("%u: all was sent", i);
		if (strcmp(err.name, "http-answered") != 0)
			fail_msg("%u, after %zu bytes, '%s': %s: %s", i, early_after, early, err.name, err.text);
		assert_int_equal(r.status, strtol(early + 9, NULL, 10));
		assert_string_equal(gf_buf_text(&r.body), "reason");
	}
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

/* A daemon that answers and is gone in the same moment: its answer waits behind a socket that takes no more. */
static void serve_early_and_gone(peer *p, int fd)
{
	char buf[65536];

	if (!head(p, fd))
		return;
	for (size_t n = 0; n < early_after;) {
		ssize_t got = recv(fd, buf, sizeof buf, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
	}
	say(fd, early);
}

static void an_early_answer_of_a_socket_is_never_lost(void **state)
{
	static char path[108];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	gf_http_options o = { .unix_socket = path };
	unsigned char *bytes = big();
	gf_http *h;
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	snprintf(path, sizeof path, "/tmp/gf-http-%ld.sock", (long)getpid());
	memset(&p, 0, sizeof p);
	p.serve = serve_early_and_gone;
	gf_buf_init(&p.seen, 16 * GF_MIB);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	p.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(p.fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(p.fd, 16), 0);
	assert_int_equal(pthread_create(&p.thread, NULL, run_peer, &p), 0);
	h = gf_http_open(&o, &err);
	assert_non_null(h);
	gf_response_init(&r);
	early = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nreason";
	for (unsigned i = 0; i < 2000; i++) {
		early_after = i * 997 % 500000;
		if (send_all(h, "http://localhost/load", bytes, BIG, 65536, true, &r, &err))
			fail_msg("%u: all was sent", i);
		if (strcmp(err.name, "http-answered") != 0)
			fail_msg("%u, after %zu bytes: %s: %s", i, early_after, err.name, err.text);
		assert_string_equal(gf_buf_text(&r.body), "reason");
	}
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
	unlink(path);
}

static size_t body_size;

static void serve_big(peer *p, int fd)
{
	char text[128];
	const unsigned char *bytes = big();

	if (!head(p, fd))
		return;
	snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body_size);
	say(fd, text);
	for (size_t at = 0; at < BIG;) {
		ssize_t n = send(fd, bytes + at, BIG - at, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

static void what_is_received_is_whole(void **state)
{
	static const size_t caps[] = { 1000, 16384, 262144, BIG };
	unsigned char *bytes = big(), *have = malloc(BIG + 1);
	gf_http *h = client(0);
	gf_request q = { .method = "GET" };
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	start(&p, serve_big);
	gf_response_init(&r);
	q.url = url_of(&p, "/");
	for (unsigned i = 0; i < 5; i++) {
		gf_input *in;
		size_t n = 0;
		ptrdiff_t got;

		body_size = i < 4 ? BIG : BIG + 1; /* the last is cut short */
		in = gf_http_receive(h, &q, &r, &err);
		assert_non_null(in);
		assert_int_equal(r.status, 200);
		do {
			size_t cap = i < 4 ? caps[i] : 5000;

			got = gf_input_read(in, have + n, cap < BIG + 1 - n ? cap : BIG + 1 - n, &err);
			n += got > 0 ? (size_t)got : 0;
		} while (got > 0);
		assert_int_equal(got, i < 4 ? 0 : -1);
		if (i == 4)
			assert_string_equal(err.name, "http-broken");
		assert_int_equal(n, BIG);
		assert_memory_equal(have, bytes, BIG);
		gf_input_close(in);
	}
	/* given up in the middle */
	{
		gf_input *in = gf_http_receive(h, &q, &r, &err);

		assert_true(gf_input_read(in, have, 10, &err) > 0);
		gf_input_close(in);
	}
	free(have);
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

static void an_error_is_no_body(void **state)
{
	gf_http *h = client(0);
	gf_request q = { .method = "GET" };
	gf_response r;
	gf_error err;
	gf_input *in;
	char c;
	peer p;

	(void)state;
	start(&p, serve_script);
	script = "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone";
	gf_response_init(&r);
	q.url = url_of(&p, "/");
	in = gf_http_receive(h, &q, &r, &err);
	assert_non_null(in);
	assert_int_equal(r.status, 404);
	assert_string_equal(gf_buf_text(&r.body), "gone");
	assert_int_equal(gf_input_read(in, &c, 1, &err), 0);
	gf_input_close(in);
	gf_response_clear(&r);
	gf_http_close(h);
	stop(&p);
}

/* ---- again ---- */

static unsigned fail_first;

static void serve_unwell(peer *p, int fd)
{
	while (head(p, fd)) {
		if (p->served > fail_first)
			say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
		else if (p->served % 2 == 1)
			say(fd, "HTTP/1.1 503 Wait\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
		else
			return; /* the connection breaks */
	}
}

static void requests_are_repeated_so_often_and_no_more(void **state)
{
	static const char *const none[] = { NULL };
	gf_http *h = client(0);
	gf_request q = { .method = "GET", .headers = none };
	gf_response r;
	gf_error err;
	peer p;

	(void)state;
	gf_response_init(&r);
	fail_first = 2;
	start(&p, serve_unwell);
	q.url = url_of(&p, "/");
	check_ok(gf_http_do_again(h, &q, &r, 2, NULL, &err));
	assert_int_equal(r.status, 200);
	assert_int_equal(p.served, 3);
	gf_http_close(h); /* or the peer waits for its next request */
	stop(&p);
	h = client(0);
	fail_first = 3;
	start(&p, serve_unwell);
	q.url = url_of(&p, "/");
	check_ok(gf_http_do_again(h, &q, &r, 0, NULL, &err));
	assert_int_equal(r.status, 503);
	assert_int_equal(p.served, 1);
	gf_http_close(h);
	stop(&p);
	gf_response_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_answer_is_whole_and_connections_are_kept),
		cmocka_unit_test(many_threads_share_a_client),
		cmocka_unit_test(a_bodiless_post_has_a_length_and_no_type),
		cmocka_unit_test(redirects_keep_credentials_at_home),
		cmocka_unit_test(plain_http_is_for_this_machine_unless_allowed),
		cmocka_unit_test(bodies_and_headers_are_capped),
		cmocka_unit_test(answers_that_stop_or_make_no_sense_are_errors), cmocka_unit_test(silence_ends),
		cmocka_unit_test(a_trickle_ends), cmocka_unit_test(who_is_patient_waits),
		cmocka_unit_test(what_is_sent_arrives), cmocka_unit_test(the_announced_size_is_kept),
		cmocka_unit_test(a_dead_connection_is_replaced), cmocka_unit_test(an_early_answer_is_heard),
		cmocka_unit_test(an_early_answer_of_a_socket_is_never_lost),
		cmocka_unit_test(what_is_received_is_whole), cmocka_unit_test(an_error_is_no_body),
		cmocka_unit_test(requests_are_repeated_so_often_and_no_more) };

	setenv("http_proxy", "http://127.0.0.1:1", 1); /* not for loopback */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
