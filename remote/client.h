/* client.h: an HTTP client and its connections, between http.c and exchange.c, which alone know libcurl (private). */
#ifndef GF_REMOTE_CLIENT_H
#define GF_REMOTE_CLIENT_H

#include <pthread.h>

#include "remote/exchange.h"

/* A connection of libcurl lives in the cache of a multi handle, so the two are kept and
 * lent together: whoever gets the pair gets its open connections. */
typedef struct gf_pair {
	void *multi, *easy;    /* CURLM, CURL */
	gf_exchange *borrower; /* NULL: idle */
	struct gf_pair *next;
} gf_pair;

struct gf_http {
	pthread_mutex_t lock; /* idle, n_idle, home */
	gf_pair *idle;
	size_t n_idle;
	char *home; /* origin of the first request: the only one that sees the client certificate */
	char *unix_socket, *ca_file, *cert_file, *key_file;
	gf_buf roots; /* PEM, all that count, instead of ca_file; empty: none */
	bool plain;
	unsigned stall_seconds, total_seconds;
};

/* From the idle ones, or new; NULL with *err set.  Any thread. */
gf_pair *gf_pair_borrow(gf_http *h, gf_error *err);
void gf_pair_give_back(gf_http *h, gf_pair *p); /* NULL: nothing */

#endif
