/*
 * http.h: what the rest of this room asks of http.c beyond remote.h (private to remote).
 *
 * Errors of transport, all GF_FAILED: "http-connect" (no such host, nobody listens), "http-tls"
 * (the peer speaks no TLS), "http-certificate", "http-broken" (the connection ended early),
 * "http-timeout", "http-answered" (the answer came before all was sent), "http-url", "http-redirect",
 * "http" (anything else).
 */
#ifndef GF_REMOTE_HTTP_H
#define GF_REMOTE_HTTP_H

#include "remote/remote.h"

#define GF_URL_MAX ((size_t)8192)

/* Relative or absolute, resolved against base (RFC 3986, 5); http or https, no user information, no fragment;
 * the query is kept byte for byte.  Else NULL and "http-url". */
char *gf_url_resolve(const char *base, const char *reference, gf_error *err);
/* "https://registry.example:443": scheme, host, port, always written out.  Else NULL and "http-url". */
char *gf_url_origin(const char *url, gf_error *err);
bool gf_url_same_origin(const char *a, const char *b);
bool gf_url_secure(const char *url); /* https */
/* May a peer at from send us to to?  No: https to http; to a loopback or literal address that from has not itself
 * (security.md 1.9).  "http-redirect" with what was asked. */
bool gf_url_may_lead(const char *from, const char *to, gf_error *err);
/* Percent-encoded but for letters, digits, "-._~" and the characters of keep. */
bool gf_url_escape(gf_buf *out, const char *text, const char *keep, gf_error *err);

bool gf_response_ok(const gf_response *r); /* 200 to 299 */
/* The i-th header of this name: its value inside r->headers, not terminated.  NULL: there are fewer. */
const char *gf_response_value(const gf_response *r, const char *name, size_t i, size_t *len);
/* Seconds that Retry-After asks for; 0: none, or past. */
unsigned gf_response_retry_after(const gf_response *r);

#endif
