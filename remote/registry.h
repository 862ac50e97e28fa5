/* registry.h: what the files of the registry client share (private to remote).  image-protocols.md 4. */
#ifndef GF_REMOTE_REGISTRY_H
#define GF_REMOTE_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>

#include "remote/auth.h"

/* An upload session that stands open and is nobody's yet. */
typedef struct gf_session {
	char *repository;
	char *location; /* absolute; may be at another origin */
	uint64_t least; /* OCI-Chunk-Min-Length */
	struct gf_session *next;
} gf_session;

/* How blobs are sent.  Who does not take one way may take the next (image-protocols.md 4.5, 4.6). */
typedef enum gf_way { GF_WAY_WHOLE, GF_WAY_CHUNKS, GF_WAY_SMALL_CHUNKS } gf_way;

struct gf_registry {
	char *host; /* "registry.example:5000", as in references */
	char *base; /* "https://registry.example:5000" */
	gf_http *http;
	gf_auth *auth;
	unsigned retries;
	gf_events *events;
	atomic_uint way; /* gf_way that worked where the ones before did not */
	pthread_mutex_t lock;
	gf_session *sessions;
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
/* Did the request fail in a way that may pass (the connection broke; 429, 5xx)? */
bool gf_http_passing(bool ok, const gf_response *r, const gf_error *err);

/* send with "Authorization: ..." (NULL: none is asked for); a token that was refused is renewed once, and it is sent again.
 * response: what send fills. */
typedef bool gf_registry_send(void *ctx, const char *authorization, gf_error *err);
bool gf_registry_authorised(gf_registry *r, const char *repository, const char *from, gf_registry_send *send, void *ctx,
    const gf_response *response, gf_error *err);
/* A request that can be repeated, authorised; from: for reading a second repository, too. */
bool gf_registry_request(
    gf_registry *r, const char *repository, const gf_request *q, gf_response *response, gf_error *err);
bool gf_registry_request_from(gf_registry *r, const char *repository, const char *from, const gf_request *q,
    gf_response *response, gf_error *err);
/* HEAD or GET of a manifest, every type of manifest accepted. */
bool gf_registry_fetch_manifest(gf_registry *r, const char *method, const char *repository, const char *reference,
    gf_response *response, gf_error *err);
/* A manifest that was asked for by digest must have it: "registry-digest". */
bool gf_registry_as_asked(const gf_registry *r, const char *reference, const gf_digest *have, gf_error *err);
/* registry_upload.c: a 202 to POST uploads/ has begun a session; false with *err: it says nothing of where. */
bool gf_registry_session_of(
    const gf_registry *r, const char *repository, const gf_response *response, gf_session *out, gf_error *err);
void gf_registry_keep_session(gf_registry *r, const gf_session *s); /* for the next upload; takes what s holds */
void gf_registry_drop_sessions(gf_registry *r);

/* registry_referrers.c: a manifest that was just sent, and that the registry did not say to have taken for a referrer, is
 * put into the index under its subject's referrers tag; without a subject nothing is done.  "registry-referrers". */
bool gf_registry_refer(
    gf_registry *r, const char *repository, const char *media_type, const void *bytes, size_t n, gf_error *err);
/* One manifest as an entry of that index. */
typedef struct gf_referrer {
	gf_digest digest, subject;
	uint64_t size;
	const char *media_type;
	const char *artifact_type; /* NULL: none */
	gf_json annotations;       /* node NULL: none */
} gf_referrer;
/* old: the index as it is, empty where there is none; out: with the entry.  *there: it has it already, out is empty. */
bool gf_referrers_add(const gf_buf *old, const gf_referrer *entry, bool *there, gf_buf *out, gf_error *err);

/* Not the answer that was hoped for: its errors, or the text it sent, escaped.  Returns false. */
bool gf_registry_refused(const char *host, const gf_response *r, gf_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
