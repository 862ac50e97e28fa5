/*
 * A peer may answer and close before it has read the body.  Then sending fails while the
 * answer waits to be read, and libcurl, which sends and reads in turn, reports the broken pipe.
 * So when it closes such a socket, what is left in it is kept, and used if the exchange then fails without an
 * answer.  Seen with dockerd, whose error stands in that answer (engines.md 8).
 * Under TLS what waits is ciphertext, and libcurl has freed the session before it closes the socket: there the error is
 * that of the broken connection.
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "remote/exchange.h"

#define RESCUE_MAX (256 * GF_KIB)

static bool chunked(const gf_response *r)
{
	char coding[64];

	return gf_response_header(r, "Transfer-Encoding", coding, sizeof coding) && strcasecmp(coding, "chunked") == 0;
}

static bool chunk_length(const char *line, size_t n, size_t *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t v = 0, i = 0;

	for (; i < n && i < 8; i++) {
		char c = line[i] >= 'A' && line[i] <= 'F' ? (char)(line[i] - 'A' + 'a') : line[i];
		const char *d = c != '\0' ? strchr(digits, c) : NULL;

		if (d == NULL)
			break;
		v = v * 16 + (size_t)(d - digits);
	}
	*out = v;
	return i > 0;
}

static void take_chunks(gf_exchange *x, char *text, size_t n)
{
	while (n > 0) {
		char *lf = memchr(text, '\n', n);
		size_t head = lf != NULL ? (size_t)(lf - text) + 1 : n, len;

		if (!chunk_length(text, head, &len) || len == 0)
			return;
		text += head;
		n -= head;
		if (len > n)
			len = n;
		if (gf_exchange_take_body(text, 1, len, x) != len)
			return;
		text += len;
		n -= len;
		for (unsigned i = 0; i < 2 && n > 0; i++, text++, n--)
			if (*text != '\r' && *text != '\n')
				return;
	}
}

void gf_exchange_rescue(gf_exchange *x, int fd)
{
	gf_buf *b = &x->rescued;
	gf_error ignored;
	ssize_t got;

	gf_buf_clear(b);
	gf_buf_init(b, RESCUE_MAX);
	while (gf_buf_reserve(b, 4096, &ignored) && (got = recv(fd, b->data + b->len, 4096, MSG_DONTWAIT)) > 0)
		b->len += (size_t)got;
}

void gf_exchange_use_rescued(gf_exchange *x)
{
	char *text = x->rescued.data;
	size_t n = x->rescued.len;

	while (n > 0 && !x->head) {
		char *lf = memchr(text, '\n', n);
		size_t len = lf != NULL ? (size_t)(lf - text) + 1 : 0;

		if (len == 0 || gf_exchange_take_header(text, 1, len, x) != len)
			return;
		text += len;
		n -= len;
	}
	if (x->head && chunked(x->response))
		take_chunks(x, text, n);
	else if (x->head && n > 0)
		gf_exchange_take_body(text, 1, n, x);
}
