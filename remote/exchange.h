/* exchange.h: one request on its way, between exchange.c, which moves it, and stream.c, which drives it (private). */
#ifndef GF_REMOTE_EXCHANGE_H
#define GF_REMOTE_EXCHANGE_H

#include "remote/http.h"

#define GF_HTTP_WINDOW (2 * GF_COPY_STEP) /* what may be received before it is read */
#define GF_CURL_TEXT 256                  /* CURL_ERROR_SIZE */

/* One request on its way.  It is an output while it is sent, an input while it is received. */
typedef struct gf_exchange {
	union {
		gf_output out;
		gf_input in;
	} as;
	gf_http *http;
	struct gf_pair *pair;
	struct curl_slist *headers;
	gf_response *response;
	char *what; /* "GET https://host/path", for messages */
	bool patient;

	const char *chunk; /* the caller's bytes of this write; before: bytes of earlier ones */
	size_t chunk_size, chunk_taken;
	uint64_t size, before;
	bool ended; /* no write will follow */
	bool halted;

	char *window; /* received and not yet read: [first, last); NULL: the body goes into the response */
	size_t first, last;
	bool held;

	bool head; /* the final status and its headers are there */
	bool done;
	bool enough; /* we broke it off: the rest of an error's text is not wanted */
	bool rescue; /* sent in the clear: an answer may wait in a socket that takes no more */
	gf_buf rescued;
	uint64_t moved;
	unsigned result; /* CURLcode */
	gf_error fault;  /* of a callback */
	char text[GF_CURL_TEXT];
} gf_exchange;

/* x is zeroed but for response, and, streamed, for size.  Whatever it returns, gf_exchange_end follows. */
bool gf_exchange_begin(gf_exchange *x, gf_http *h, const gf_request *q, const char *url, bool streamed, gf_error *err);
/* Until it is done, or wanted (may be NULL) is true. */
bool gf_exchange_run(gf_exchange *x, bool (*wanted)(const gf_exchange *), gf_error *err);
/* It is done: did it go well? */
bool gf_exchange_settled(gf_exchange *x, gf_error *err);
/* Go on after a callback had to pause: there is something to send, or room to receive. */
void gf_exchange_resume(gf_exchange *x);
void gf_exchange_end(gf_exchange *x);

/* libcurl's callbacks for a header line and a piece of body. */
size_t gf_exchange_take_header(char *line, size_t size, size_t n, void *exchange);
size_t gf_exchange_take_body(char *bytes, size_t size, size_t n, void *exchange);

/* rescue.c: keep what waits in a socket that is about to be closed; take it for the answer. */
void gf_exchange_rescue(gf_exchange *x, int fd);
void gf_exchange_use_rescued(gf_exchange *x);

#endif
