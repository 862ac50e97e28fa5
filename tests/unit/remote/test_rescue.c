/* What waits in a socket that took no more, taken for the answer: whatever the bytes are. */
#include "common.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "remote/exchange.h"

#define HEAD "HTTP/1.1 400 Bad Request\r\nServer: x\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* An exchange whose peer wrote these bytes before it closed. */
static void answered(gf_exchange *x, gf_response *r, const char *bytes, size_t n)
{
	int pair[2], room = 4 * 1024 * 1024;

	*x = (gf_exchange){ .response = r };
	gf_response_init(r);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	while (n > 0) { /* what fits */
		ssize_t done = send(pair[1], bytes, n, MSG_NOSIGNAL);

		if (done < 0)
			break;
		bytes += done;
		n -= (size_t)done;
	}
	close(pair[1]);
	gf_exchange_rescue(x, pair[0]);
	close(pair[0]);
	gf_exchange_use_rescued(x);
}

static void end(gf_exchange *x, gf_response *r)
{
	gf_buf_clear(&x->rescued);
	gf_response_clear(r);
}

static void test_answers(void **state)
{
	static const struct {
		const char *text;
		long status; /* 0: no answer */
		const char *body;
	} rows[] = {
		{ "", 0, "" },
		{ HEAD "Content-Length: 5\r\n\r\nhello", 400, "hello" },
		{ "HTTP/1.1 100 Continue\r\n\r\n" HEAD "\r\nhello", 400, "hello" },
		{ "HTTP/1.0 404 Not Found\n\nhello", 404, "hello" },
		{ HEAD "\r\n", 400, "" },
		{ HEAD "\r", 0, "" }, /* cut in the head */
		{ HEAD, 0, "" },
		{ "HTTP/1.1 400", 0, "" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", 0, "" },
		{ "nothing of the kind\r\n\r\nhello", 0, "" },
		{ CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 400, "hello world" },
		{ CHUNKED "A\r\n0123456789\r\n00b;name=value\r\nabcdefghijk\r\n", 400, "0123456789abcdefghijk" },
		{ CHUNKED "5\nhello\n1\n!\n", 400, "hello" },
		{ CHUNKED "ff\r\nhello", 400, "hello" },                /* cut in a chunk */
		{ CHUNKED "5\r\nhello\r\n6", 400, "hello" },            /* in a length */
		{ CHUNKED "5\r\nhello\r", 400, "hello" },               /* behind a chunk */
		{ CHUNKED "5\r\nhello world\r\n1\r\n!", 400, "hello" }, /* longer than it says */
		{ CHUNKED "5\r\nhello\r\nxyz\r\n!", 400, "hello" },     /* no length */
		{ CHUNKED "5\r\nhello\r\n\r\n1\r\n!", 400, "hello" },   /* an empty one */
		{ CHUNKED "10000000000000001\r\nhello", 400, "hello" }, /* 2^64 + 1 */
		{ CHUNKED "0\r\n\r\n5\r\nhello\r\n", 400, "" },         /* behind the last */
		{ CHUNKED, 400, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_exchange x;
		gf_response r;

		answered(&x, &r, rows[i].text, strlen(rows[i].text));
		if (x.head != (rows[i].status != 0) || (x.head && r.status != rows[i].status) ||
		    strcmp(gf_buf_text(&r.body), rows[i].body) != 0 || x.fault.class != GF_OK)
			fail_msg("row %zu: %sanswered with %ld, '%s' %s", i, x.head ? "" : "not ", r.status,
			    gf_buf_text(&r.body), x.fault.text);
		end(&x, &r);
	}
}

/* Of an error 64 KiB are kept, and of what waits no more than 256 KiB are read. */
static void test_long(void **state)
{
	static const char *const heads[] = { HEAD "\r\n", CHUNKED "80000\r\n", CHUNKED "00010000\r\n" };
	static char text[600000];

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		size_t n = strlen(heads[i]);
		gf_exchange x;
		gf_response r;

		memset(text, 'a', sizeof text);
		memcpy(text, heads[i], n);
		answered(&x, &r, text, sizeof text);
		assert_int_equal(r.status, 400);
		assert_int_equal(r.body.len, 64 * GF_KIB);
		assert_int_equal(x.enough, i < 2);
		assert_true(x.rescued.len > 64 * GF_KIB && x.rescued.len <= 256 * GF_KIB);
		end(&x, &r);
	}
	/* A head without end is none. */
	memset(text, 'a', sizeof text);
	memcpy(text, HEAD, strlen(HEAD));
	for (size_t at = strlen(HEAD) + 1000; at < sizeof text; at += 1000)
		text[at] = '\n';
	{
		gf_exchange x;
		gf_response r;

		answered(&x, &r, text, sizeof text);
		assert_false(x.head);
		assert_int_equal(r.body.len, 0);
		end(&x, &r);
	}
}

/* Nothing waits, and nobody is there. */
static void test_nothing(void **state)
{
	gf_exchange x = { .head = false };
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	gf_exchange_rescue(&x, pair[0]); /* does not wait */
	assert_int_equal(x.rescued.len, 0);
	close(pair[0]);
	close(pair[1]);
	gf_exchange_rescue(&x, -1);
	assert_int_equal(x.rescued.len, 0);
	gf_exchange_use_rescued(&x);
	assert_false(x.head);
	gf_buf_clear(&x.rescued);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_long),
		cmocka_unit_test(test_nothing) };

	return cmocka_run_group_tests_name("rescue", tests, NULL, NULL);
}
