/* registry.h: what the files of the registry client share (private to remote).  image-protocols.md 4. */
#ifndef GF_REMOTE_REGISTRY_H
#define GF_REMOTE_REGISTRY_H

#include "remote/auth.h"

struct gf_registry {
	char *host; /* "registry.example:5000", as in references */
	char *base; /* "https://registry.example:5000" */
	gf_http *http;
	gf_auth *auth;
	unsigned retries;
	gf_events *events;
};

/* What the certs.d directories know of a host (certs_d.c); "certs-d".  Nothing there leaves *out empty.  To be cleared in
 * either case. */
typedef struct gf_certs {
	gf_buf roots; /* PEM; empty: none */
	char *cert_file, *key_file;
} gf_certs;
bool gf_certs_find(const char *host, gf_certs *out, gf_error *err);
void gf_certs_clear(gf_certs *c);

/* gf_http_do, again after a pause when the connection broke, or the answer was 429 or 5xx; retries: at most so often. */
bool gf_http_do_again(
    gf_http *h, const gf_request *q, gf_response *r, unsigned retries, gf_events *events, gf_error *err);

/* base/v2/REPOSITORY/..., the rest as the format says.  NULL with *err set. */
char *gf_registry_url(const gf_registry *r, const char *repository, gf_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* send with "Authorization: ..." (NULL: none is asked for); a token that was refused is renewed once, and it is sent again.
 * response: what send fills. */
typedef bool gf_registry_send(void *ctx, const char *authorization, gf_error *err);
bool gf_registry_authorised(gf_registry *r, const char *repository, gf_registry_send *send, void *ctx,
    const gf_response *response, gf_error *err);
/* A request that can be repeated, authorised. */
bool gf_registry_request(
    gf_registry *r, const char *repository, const gf_request *q, gf_response *response, gf_error *err);
/* HEAD or GET of a manifest, every type of manifest accepted. */
bool gf_registry_fetch_manifest(gf_registry *r, const char *method, const char *repository, const char *reference,
    gf_response *response, gf_error *err);
/* A manifest that was asked for by digest must have it: "registry-digest". */
bool gf_registry_as_asked(const gf_registry *r, const char *reference, const gf_digest *have, gf_error *err);
/* Not the answer that was hoped for: its errors, or the text it sent, escaped.  Returns false. */
bool gf_registry_refused(const char *host, const gf_response *r, gf_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
