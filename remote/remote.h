/*
 * remote: the two protocols, and the names they use.
 *
 * http.c and exchange.c alone know libcurl; above them stand the Docker Engine API (docker.c) and the
 * distribution API with its authentication (registry.c, auth.c).  Nothing here knows a
 * bundle.  Absence is an answer of its own and never made of an error (DESIGN.md, promise
 * 10): every question has its answer in an out-parameter beside success.
 *
 * Errors: GF_FAILED "http-..." for transport (http.h lists them); "docker-..." and "registry-..." for what the
 * peer said, quoted and escaped.
 */
#ifndef GF_REMOTE_REMOTE_H
#define GF_REMOTE_REMOTE_H

#include "base/base.h"

/* ---- references (reference.c; distribution reference grammar, normalised as Docker does) ---- */

typedef struct gf_reference {
	char host[262]; /* "docker.io", "registry.example:5000", "[::1]:5000" */
	char path[256]; /* "library/redis" */
	char tag[129];  /* "" only where a digest is given without a tag */
	bool has_digest;
	gf_digest digest;
} gf_reference;

/* Without tag and digest the tag is "latest".  Not one: GF_USAGE "reference" with the reason. */
/* Does USER@ or USER:PASSWORD@ stand before the first slash?  Such text is not shown to anybody. */
bool gf_has_user(const char *text);
bool gf_reference_parse(const char *text, gf_reference *out, gf_error *err);
#define GF_REFERENCE_SIZE 800
void gf_reference_print(const gf_reference *r, char out[GF_REFERENCE_SIZE]);    /* host/path[:tag][@digest] */
void gf_reference_familiar(const gf_reference *r, char out[GF_REFERENCE_SIZE]); /* as docker shows it: "redis:7" */
bool gf_repository_valid(const char *path);                                     /* lower-case path components */
bool gf_tag_valid(const char *tag);
bool gf_host_loopback(const char *host); /* localhost, 127.0.0.0/8, [::1], with any port */

/* ---- http (http.c) ---- */

typedef struct gf_http gf_http; /* a client of one origin; keeps connections alive; any thread */

typedef struct gf_http_options {
	const char *unix_socket;                    /* NULL: TCP */
	const char *ca_file, *cert_file, *key_file; /* PEM; NULL: the system's CAs, no client certificate */
	const gf_buf *more_roots;                   /* PEM, beside the system's CAs; copied; NULL: none */
	bool plain;                                 /* http:// is allowed */
	unsigned stall_seconds;                     /* without a byte in either direction; 0: GF_HTTP_STALL_SECONDS */
	unsigned total_seconds;                     /* for one request and its answer; 0: no limit */
} gf_http_options;

const char *gf_http_library(void); /* version of libcurl */
gf_http *gf_http_open(const gf_http_options *options, gf_error *err);
void gf_http_close(gf_http *h);

typedef struct gf_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	const void *body;           /* sent with its length; may be NULL */
	size_t body_size;
	bool follow;  /* GET and HEAD: up to 5 redirects, credentials only to the same origin, never https to http */
	bool patient; /* once all is sent the peer may be silent for as long as it likes */
} gf_request;

typedef struct gf_response {
	long status;
	gf_buf headers; /* raw lines of the last response */
	gf_buf body;    /* at most GF_HTTP_BODY_MAX */
	char *url;      /* the effective one */
} gf_response;
void gf_response_init(gf_response *r);
void gf_response_clear(gf_response *r);
/* The value of the first header of this name in any case, copied to out; false: not there. */
bool gf_response_header(const gf_response *r, const char *name, char *out, size_t cap);

/* http or https, no user name; without TLS only where plain says so or to a loopback host.  GF_USAGE "http-url",
 * "http-plain". */
bool gf_url_usable(const char *url, bool plain, gf_error *err);
/* For messages: without query and user information, control characters escaped. */
void gf_url_show(const char *url, char *out, size_t cap);

bool gf_http_do(gf_http *h, const gf_request *q, gf_response *r, gf_error *err);
/* After a request: was that a failure that may pass (the connection broke; 429, 5xx), and may it be repeated?  Then this
 * waits, each time longer, or as long as Retry-After asks, and is true. */
typedef struct gf_retry {
	unsigned left;         /* how often it may be repeated */
	unsigned milliseconds; /* of the next pause; 0: of the first */
} gf_retry;
bool gf_http_again(
    gf_retry *a, bool ok, const gf_request *q, const gf_response *r, gf_events *events, const gf_error *err);
/* The body is what is written; size UINT64_MAX: chunked.  finish waits for the answer and fills *r; a peer
 * that answers early is heard: write then fails with "http-answered" and *r is filled.  r must live as long as
 * the output. */
gf_output *gf_http_send(gf_http *h, const gf_request *q, uint64_t size, gf_response *r, gf_error *err);
/* The answer's head is in *r when this returns; for a status of 200-299 the body is what is read, else it is
 * in r->body and the input is at its end.  r must live as long as the input. */
gf_input *gf_http_receive(gf_http *h, const gf_request *q, gf_response *r, gf_error *err);

/* ---- Docker Engine API (docker.c) ---- */

typedef struct gf_docker gf_docker;

typedef enum gf_docker_store { GF_STORE_CLASSIC, GF_STORE_CONTAINERD, GF_STORE_PODMAN } gf_docker_store;

typedef struct gf_docker_about {
	char version[64];  /* "20.10.24+dfsg1" */
	char api[16];      /* negotiated */
	char platform[64]; /* "linux/amd64" */
	gf_docker_store store;
} gf_docker_about;

/* Which daemon.  With nothing given: $DOCKER_HOST, else $DOCKER_CONTEXT or the current context, else the usual socket;
 * TLS by DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or by the context. */
typedef struct gf_docker_options {
	const char *host;                           /* "unix:///path" or "tcp://HOST[:PORT]"; NULL: not given */
	const char *context;                        /* without a host; NULL: not given */
	const char *ca_file, *cert_file, *key_file; /* PEM, for a tcp:// host given here: it then speaks TLS */
} gf_docker_options;

/* ssh: GF_USAGE "docker-host" and what to do instead; "docker-context".  The API version is negotiated.  No daemon:
 * GF_FAILED "docker-connect" and what to do. */
gf_docker *gf_docker_open(const gf_docker_options *o, gf_error *err);
void gf_docker_close(gf_docker *d);
const gf_docker_about *gf_docker_is(const gf_docker *d);
const char *gf_docker_host(const gf_docker *d);
/* Its data root, for a look at the free space; "" when it does not say. */
bool gf_docker_root(gf_docker *d, char *out, size_t cap, gf_error *err);

typedef struct gf_docker_image {
	char *id;     /* "sha256:..." */
	char **names; /* RepoTags without "<none>:<none>" */
	size_t n_names;
	gf_digest *diff_ids; /* inspect only */
	size_t n_diff_ids;
	char *platform; /* inspect only */
} gf_docker_image;
void gf_docker_image_clear(gf_docker_image *i);

bool gf_docker_list(
    gf_docker *d, gf_docker_image **images, size_t *n, gf_error *err); /* every image, dangling ones too */
void gf_docker_images_free(gf_docker_image *images, size_t n);
bool gf_docker_inspect(gf_docker *d, const char *reference, bool *found, gf_docker_image *out, gf_error *err);
/* A container by its name or ID, whole or the beginning of it. */
typedef struct gf_docker_container {
	char *id, *name; /* without the slash */
	char *image_id;  /* "sha256:..." */
	char *image;     /* as it was named when it was made */
} gf_docker_container;
void gf_docker_container_clear(gf_docker_container *c);
bool gf_docker_container_find(
    gf_docker *d, const char *reference, bool *found, gf_docker_container *out, gf_error *err);
/* The tar of these images.  Not there: GF_FAILED "docker-no-image". */
gf_input *gf_docker_save(gf_docker *d, const char *const *references, size_t n, gf_error *err);

/* What a load stream reported: IDs and names, in the order of the answer. */
typedef struct gf_docker_loaded {
	char **ids;
	size_t n_ids;
	char **names;
	size_t n_names;
} gf_docker_loaded;
void gf_docker_loaded_clear(gf_docker_loaded *l);
/* POST /images/load.  finish reads the whole answer; an error in it, also inside a 200, is "docker-load". */
gf_output *gf_docker_load(gf_docker *d, uint64_t size, gf_docker_loaded *out, gf_error *err);
bool gf_docker_tag(gf_docker *d, const char *id, const char *repository, const char *tag, gf_error *err);
/* Remove a reference or an unnamed image; not there is no error. */
bool gf_docker_remove(gf_docker *d, const char *reference, gf_error *err);

/* ---- registries (registry.c, auth.c; OCI distribution-spec 1.1) ---- */

typedef struct gf_registry gf_registry;

typedef struct gf_registry_options {
	gf_http_options http;  /* .plain: spelled out; a loopback host may be plain without it */
	const char *auth_file; /* --authfile; NULL: where docker login, podman login and skopeo login write (auth.h) */
	const char *username;  /* with password: before any file */
	const gf_secret *password;
	bool read_only;   /* tokens are asked for pulling alone */
	unsigned retries; /* of requests that can be repeated */
	gf_events *events;
} gf_registry_options;

/* host[:port].  Asks /v2/ once for the challenge.  */
gf_registry *gf_registry_open(const char *host, const gf_registry_options *options, gf_error *err);
void gf_registry_close(gf_registry *r);
const char *gf_registry_host(const gf_registry *r);

bool gf_registry_has_blob(gf_registry *r, const char *repository, const gf_digest *digest, bool *has, gf_error *err);
/* A blob that can be read a second time: open gives it from its first byte, and its digest is checked at its end. */
typedef struct gf_registry_source {
	gf_input *(*open)(void *ctx, gf_error *err);
	void *ctx; /* the caller's, until the output is closed */
} gf_registry_source;
/* A blob of that size (POST, PUT).  finish: the registry confirmed this digest.  again (may be NULL) is copied: with it an
 * upload that broke off is taken up where the registry says, and one that was too much at once is sent in pieces; without
 * it that goes as far as what was written first is kept (4 MiB). */
gf_output *gf_registry_put_blob(gf_registry *r, const char *repository, const gf_digest *digest, uint64_t size,
    const gf_registry_source *again, gf_error *err);
/* Give repository a blob that the repository from of the same registry has (POST ?mount=&from=), without sending it.
 * *mounted false: the registry does not do that here; a session that it opened instead is that of the next upload. */
bool gf_registry_mount_blob(
    gf_registry *r, const char *repository, const char *from, const gf_digest *digest, bool *mounted, gf_error *err);
/* reference: a tag or a digest in text.  *digest is of the bytes the registry has (its header, else the body hashed). */
bool gf_registry_head_manifest(
    gf_registry *r, const char *repository, const char *reference, bool *found, gf_digest *digest, gf_error *err);
#define GF_MEDIA_TYPE_SIZE 256
/* Its bytes, at most GF_HTTP_BODY_MAX; of the digest that was asked for, where it was one ("registry-digest").
 * media_type: as the registry says, "" where it does not.  out is emptied first. */
bool gf_registry_get_manifest(gf_registry *r, const char *repository, const char *reference, bool *found, gf_buf *out,
    char media_type[GF_MEDIA_TYPE_SIZE], gf_error *err);
/* The bytes of a blob of that size; the digest is the caller's to check.  A connection that breaks is taken up again
 * where it broke, as often as retries allow.  More bytes than size: "registry-size".  Any thread. */
gf_input *gf_registry_get_blob(
    gf_registry *r, const char *repository, const gf_digest *digest, uint64_t size, gf_error *err);
/* One that has a subject is found among the subject's referrers afterwards: where the registry does not say that it keeps
 * that list itself, the tag that stands for it is kept (distribution-spec, "Pushing Manifests with Subject"). */
bool gf_registry_put_manifest(gf_registry *r, const char *repository, const char *reference, const char *media_type,
    const void *bytes, size_t n, gf_error *err);

#endif
