/*
 * registry_upload: blobs into a registry (distribution-spec 1.1, "Pushing Blobs"; image-protocols.md 4.2, 4.5, 4.6).
 *
 * A blob is sent as one PUT.  Where the connection breaks, the registry is asked how much arrived and the rest
 * follows as PATCH; where it no longer knows, or does not take so much at once, the blob begins anew, in pieces if
 * need be.  For all that the blob has to be had once more from its first byte (gf_registry_source), for what was
 * written here is gone.  The bytes of the second reading are those of the first: the source checks the digest, and so
 * does the registry when the upload is closed.  Where there is no second reading, as from a pipe, the first KEPT_MAX
 * bytes are kept: enough for a small blob, and for an answer to the head of a request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/registry.h"

#define CHUNK (4 * GF_MIB)         /* ghcr.io takes no more at once (image-protocols.md 4.6) */
#define CHUNK_SMALL (512 * GF_KIB) /* nginx takes 1 MiB where nobody told it otherwise */
#define KEPT_MAX (4 * GF_MIB)
#define RESTARTS_MAX 3
#define PROGRESS GF_MIB /* a line that has taken so much is worth all its retries again */

typedef struct upload {
	gf_output out;
	gf_registry *registry;
	char *repository;
	gf_digest digest;
	char text[GF_DIGEST_SIZE]; /* of digest */
	uint64_t size;
	gf_registry_source again; /* open NULL: it cannot be read again */
	gf_buf kept;              /* then: what was written */
	bool all_kept;

	gf_session session; /* location NULL: none */
	gf_way way;
	bool whole;      /* this session gets the blob as its closing PUT */
	uint64_t at;     /* of the blob, sent in this session */
	uint64_t left;   /* of the request that is open */
	gf_output *body; /* that request; NULL: none */
	gf_response response;

	bool lost;    /* what is written is dropped; finish sends the blob again, because of why */
	bool resumed; /* the session was taken up by what the registry said of it */
	bool renewed; /* a token was refused, and another asked for */
	bool unread;  /* the source itself failed */
	unsigned restarts;
	gf_retry retry;
	uint64_t since; /* what had arrived when retry was full */
	gf_error why;
} upload;

/* ---- sessions ---- */

static void clear_session(gf_session *s)
{
	free(s->repository);
	free(s->location);
	*s = (gf_session){ 0 };
}

/* Location of an answer, absolute; NULL without a word where there is none. */
static char *location_of(const gf_registry *r, const gf_response *response, gf_error *err)
{
	char location[GF_URL_MAX];
	char *url;

	if (!gf_response_header(response, "Location", location, sizeof location)) {
		gf_fail(err, GF_FAILED, "registry-answer", r->host, "registry '%s' begins an upload without a Location",
		    r->host);
		return NULL;
	}
	url = gf_url_resolve(response->url, location, err);
	if (url == NULL || !gf_url_may_lead(response->url, url, err)) {
		gf_because(err, "the upload that registry '%s' begins", r->host);
		free(url);
		url = NULL;
	}
	return url;
}

bool gf_registry_session_of(
    const gf_registry *r, const char *repository, const gf_response *response, gf_session *out, gf_error *err)
{
	char least[32];

	*out = (gf_session){ 0 };
	out->location = location_of(r, response, err);
	out->repository = out->location != NULL ? gf_strdup(repository, err) : NULL;
	if (out->repository == NULL) {
		clear_session(out);
		return false;
	}
	if (!gf_response_header(response, "OCI-Chunk-Min-Length", least, sizeof least) ||
	    !gf_u64_parse(least, UINT32_MAX, &out->least))
		out->least = 0;
	return true;
}

void gf_registry_keep_session(gf_registry *r, const gf_session *s)
{
	gf_error ignored;
	gf_session *kept = gf_alloc(1, sizeof *kept, &ignored);
	gf_session dropped = *s;

	if (kept == NULL) {
		clear_session(&dropped);
		return;
	}
	*kept = *s;
	(void)pthread_mutex_lock(&r->lock);
	kept->next = r->sessions;
	r->sessions = kept;
	(void)pthread_mutex_unlock(&r->lock);
}

/* One that stands open for the repository. */
static bool take_session(gf_registry *r, const char *repository, gf_session *out)
{
	gf_session *s, **at = &r->sessions;

	(void)pthread_mutex_lock(&r->lock);
	while (*at != NULL && strcmp((*at)->repository, repository) != 0)
		at = &(*at)->next;
	s = *at;
	if (s != NULL)
		*at = s->next;
	(void)pthread_mutex_unlock(&r->lock);
	if (s == NULL)
		return false;
	*out = *s;
	free(s);
	return true;
}

void gf_registry_drop_sessions(gf_registry *r)
{
	while (r->sessions != NULL) {
		gf_session *s = r->sessions;

		r->sessions = s->next;
		clear_session(s);
		free(s);
	}
}

/* A session at the blob's first byte. */
static bool begin(upload *u, bool fresh, gf_error *err)
{
	gf_registry *r = u->registry;
	gf_request q = { .method = "POST" };
	char *url = NULL;
	bool ok;

	clear_session(&u->session);
	u->at = 0;
	u->whole = u->way == GF_WAY_WHOLE;
	if (!fresh && take_session(r, u->repository, &u->session))
		return true;
	/* Without the last slash some registries redirect, and the POST becomes a GET. */
	url = gf_registry_url(r, u->repository, err, "blobs/uploads/");
	q.url = url;
	ok = url != NULL && gf_registry_request(r, u->repository, &q, &u->response, err);
	if (!ok && strcmp(err->name, "http-broken") == 0)
		gf_because(err,
		    "'%s/%s' hangs up when an upload begins (ECR does so where the repository is not there)", r->host,
		    u->repository);
	if (ok && u->response.status != 202)
		ok = gf_registry_refused(r->host, &u->response, err, "beginning to send blob '%s' to '%s/%s'", u->text,
		    r->host, u->repository);
	ok = ok && gf_registry_session_of(r, u->repository, &u->response, &u->session, err);
	free(url);
	return ok;
}

/* ---- requests of a session ---- */

static bool upload_refused(const upload *u, gf_error *err)
{
	return gf_registry_refused(u->registry->host, &u->response, err, "sending blob '%s' to '%s/%s'", u->text,
	    u->registry->host, u->repository);
}

/* Why sending failed: an answer that is there says more. */
static bool sending_failed(upload *u, gf_error *err)
{
	if (strcmp(err->name, "http-answered") == 0)
		return upload_refused(u, err);
	u->response.status = 0;
	return gf_because(err, "sending blob '%s' to '%s/%s'", u->text, u->registry->host, u->repository);
}

/* The location with the digest added: what closes the session. */
static char *closing_url(const upload *u, gf_error *err)
{
	gf_buf full;

	gf_buf_init(&full, GF_URL_MAX + GF_DIGEST_SIZE + 32);
	gf_buf_printf(&full, err, "%s%cdigest=sha256%%3A%s", u->session.location,
	    strchr(u->session.location, '?') != NULL ? '&' : '?', u->text + strlen("sha256:"));
	return full.data;
}

static uint64_t request_size(const upload *u)
{
	uint64_t left = u->size - u->at, most = u->way == GF_WAY_CHUNKS ? CHUNK : CHUNK_SMALL;

	if (most < u->session.least)
		most = u->session.least;
	return u->way == GF_WAY_WHOLE || left < most ? left : most;
}

/* The token is had before the first byte: a stream cannot be sent twice. */
static bool open_request(upload *u, gf_error *err)
{
	const gf_registry *r = u->registry;
	gf_secret authorization = { 0 };
	char range[80];
	char *url = u->whole ? closing_url(u, err) : gf_strdup(u->session.location, err);
	uint64_t n = request_size(u);
	bool ok = url != NULL &&
	    (!gf_url_same_origin(url, r->base) || gf_auth_header(r->auth, u->repository, NULL, &authorization, err));

	if (ok) {
		const char *const headers[] = { "Content-Type: application/octet-stream",
			u->whole ? authorization.data : range, u->whole ? NULL : authorization.data, NULL };
		const gf_request q = { .method = u->whole ? "PUT" : "PATCH", .url = url, .headers = headers };

		snprintf(range, sizeof range, "Content-Range: %llu-%llu", (unsigned long long)u->at,
		    (unsigned long long)(u->at + n - 1));
		u->body = gf_http_send(r->http, &q, n, &u->response, err);
		u->left = n;
	}
	gf_secret_clear(&authorization);
	free(url);
	return u->body != NULL;
}

/* The open request is complete: its answer. */
static bool end_request(upload *u, gf_error *err)
{
	bool ok = gf_output_finish(u->body, err) || sending_failed(u, err);

	gf_output_close(u->body);
	u->body = NULL;
	return ok;
}

/* A PATCH was answered; the next goes where it says (distribution-spec, "Pushing a blob in chunks"). */
static bool end_chunk(upload *u, gf_error *err)
{
	char *next;
	size_t n;

	if (!end_request(u, err))
		return false;
	if (u->response.status != 202 && u->response.status != 201 && u->response.status != 204)
		return upload_refused(u, err);
	if (gf_response_value(&u->response, "Location", 0, &n) == NULL)
		return true;
	next = location_of(u->registry, &u->response, err);
	if (next == NULL)
		return false;
	free(u->session.location);
	u->session.location = next;
	return true;
}

static bool send_bytes(upload *u, const char *bytes, size_t n, gf_error *err)
{
	while (n > 0) {
		size_t now = n;

		if (n > u->size - u->at)
			return gf_fail(err, GF_FAILED, "http-size", u->text,
			    "blob '%s' has more than the %llu bytes that were announced", u->text,
			    (unsigned long long)u->size);
		if (u->body == NULL && !open_request(u, err))
			return sending_failed(u, err);
		if (now > u->left)
			now = (size_t)u->left;
		/* Counted before: what a failed write leaves unsaid may have arrived. */
		u->at += now;
		u->left -= now;
		if (!gf_output_write(u->body, bytes, now, err))
			return sending_failed(u, err);
		bytes += now;
		n -= now;
		if (u->left == 0 && !u->whole && !end_chunk(u, err))
			return false;
	}
	return true;
}

/* The answer that closed the session. */
static bool confirmed(const upload *u, gf_error *err)
{
	char said[256];
	gf_digest d;

	if (u->response.status != 201)
		return upload_refused(u, err);
	if (!gf_response_header(&u->response, "Docker-Content-Digest", said, sizeof said) ||
	    !gf_digest_parse(said, &d) || gf_digest_equal(&d, &u->digest))
		return true;
	return gf_fail(err, GF_FAILED, "registry-digest", u->text,
	    "registry '%s' was sent blob '%s' and says that it stored '%s'", u->registry->host, u->text, said);
}

/* All is sent: close the session. */
static bool complete(upload *u, gf_error *err)
{
	if (u->at != u->size)
		return gf_fail(err, GF_FAILED, "http-size", u->text, "%llu bytes of blob '%s', and %llu were announced",
		    (unsigned long long)u->at, u->text, (unsigned long long)u->size);
	/* After PATCH the PUT has no body; an empty blob has none in either way. */
	if (u->body == NULL) {
		u->whole = true;
		if (!open_request(u, err))
			return sending_failed(u, err);
	}
	return end_request(u, err) && confirmed(u, err);
}

/* ---- what may go on ---- */

typedef enum next { END, RENEW, ANOTHER_WAY, ANEW, TAKE_UP } next;

/* A failed request: u->response.status, or 0 where there was no answer and err says why. */
static next what_next(const upload *u, const gf_error *err)
{
	long status = u->response.status;

	if ((u->again.open == NULL && !u->all_kept) || u->unread)
		return END;
	if (status == 401)
		return u->renewed || !gf_url_same_origin(u->session.location, u->registry->base) ? END : RENEW;
	if (status != 0 && u->resumed)
		return u->restarts < RESTARTS_MAX ? ANEW : END;
	if ((status == 404 || status == 416) && u->restarts == 0)
		return ANEW;
	if (status == 404 || status == 405 || status == 411 || status == 413 || status == 416 || status == 501)
		return u->way < GF_WAY_SMALL_CHUNKS && (u->way == GF_WAY_WHOLE || u->size > CHUNK_SMALL) ? ANOTHER_WAY
													 : END;
	return u->retry.left > 0 && gf_http_passing(status != 0, &u->response, err) ? TAKE_UP : END;
}

/* "0-N" of Range: N+1 bytes have arrived.  "0-0" is said of none, too. */
static bool arrived(const upload *u, uint64_t *n)
{
	char range[64];
	const char *last;

	if (!gf_response_header(&u->response, "Range", range, sizeof range))
		return false;
	last = strrchr(range, '-');
	if (last == NULL || !gf_u64_parse(last + 1, UINT64_MAX - 1, n) || *n == 0)
		return false;
	++*n;
	return *n <= u->at;
}

/* Go on behind what has arrived, or, where the session is gone, from the beginning. */
static bool take_up(upload *u, gf_error *err)
{
	const gf_request q = { .method = "GET", .url = u->session.location };
	bool ours = gf_url_same_origin(u->session.location, u->registry->base);
	gf_error ignored;
	uint64_t n;
	char *where;

	if (!ours || !gf_registry_request(u->registry, u->repository, &q, &u->response, &ignored) ||
	    !gf_response_ok(&u->response) || !arrived(u, &n))
		return begin(u, true, err);
	where = location_of(u->registry, &u->response, &ignored);
	if (where != NULL) {
		free(u->session.location);
		u->session.location = where;
	}
	gf_event_say(u->registry->events, GF_EVENT_NOTE,
	    "registry '%s' has %llu of %llu bytes of '%s'; going on from there", u->registry->host,
	    (unsigned long long)n, (unsigned long long)u->size, u->text);
	if (n >= u->since + PROGRESS) {
		u->retry = (gf_retry){ .left = u->registry->retries };
		u->since = n;
	}
	u->at = n;
	u->whole = false;
	u->resumed = true;
	return true;
}

/* A session stands, and u->at says from where: or err stays. */
static bool recover(upload *u, gf_error *err)
{
	const gf_request q = { .method = "PUT", .url = u->session.location };
	next what = what_next(u, err);
	bool again = true;

	switch (what) {
	case END: return false;
	case RENEW:
		u->renewed = true;
		if (!gf_auth_challenged(u->registry->auth, &u->response, u->repository, NULL, &again, err))
			return false;
		if (!again)
			return upload_refused(u, err);
		break;
	case ANOTHER_WAY:
		u->way++;
		gf_event_say(u->registry->events, GF_EVENT_NOTE,
		    "registry '%s' answered %ld to '%s'; sending it in pieces", u->registry->host, u->response.status,
		    u->text);
		break;
	case ANEW: u->restarts++; break;
	case TAKE_UP:
		if (!gf_http_again(&u->retry, u->response.status != 0, &q, &u->response, u->registry->events, err))
			return false;
		return take_up(u, err);
	}
	u->resumed = false;
	return begin(u, true, err);
}

/* What was written so far is at hand, and follows. */
static bool send_kept(upload *u, gf_error *err)
{
	return send_bytes(u, gf_buf_text(&u->kept) + u->at, u->kept.len - (size_t)u->at, err);
}

/* The rest of the blob, out of its source. */
static bool send_rest(upload *u, gf_error *err)
{
	gf_input *in = u->again.open(u->again.ctx, err);
	char *piece = in != NULL ? gf_alloc(1, GF_COPY_STEP, err) : NULL;
	bool ok = piece != NULL && gf_input_skip(in, u->at, err), read = ok;
	ptrdiff_t n = 0;

	while (ok && (n = gf_input_read(in, piece, GF_COPY_STEP, err)) > 0)
		ok = send_bytes(u, piece, (size_t)n, err);
	u->unread = !read || n < 0;
	free(piece);
	gf_input_close(in);
	return ok && n == 0 && complete(u, err);
}

/* ---- the output ---- */

/* The caller's bytes are gone: is there a way without them? */
static bool lose(upload *u, gf_error *err)
{
	gf_output_close(u->body);
	u->body = NULL;
	u->lost = what_next(u, err) != END;
	u->why = *err;
	return u->lost;
}

static void keep(upload *u, const void *bytes, size_t n)
{
	gf_error ignored;

	if (!u->all_kept)
		return;
	u->all_kept = gf_buf_add(&u->kept, bytes, n, &ignored);
	if (!u->all_kept)
		gf_buf_clear(&u->kept);
}

static bool begin_again(upload *u, gf_error *err)
{
	gf_output_close(u->body);
	u->body = NULL;
	return recover(u, err);
}

static bool upload_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	upload *u = (upload *)out;
	bool ok;

	if (u->lost)
		return true;
	keep(u, bytes, n);
	ok = send_bytes(u, bytes, n, err);
	if (!ok && u->again.open != NULL)
		return lose(u, err);
	while (!ok && begin_again(u, err))
		ok = send_kept(u, err);
	return ok;
}

static bool upload_finish(gf_output *out, gf_error *err)
{
	upload *u = (upload *)out;
	bool ok = !u->lost && complete(u, err);

	if (u->lost)
		*err = u->why;
	while (!ok && begin_again(u, err))
		ok = u->again.open != NULL ? send_rest(u, err) : send_kept(u, err) && complete(u, err);
	if (ok && u->way > atomic_load(&u->registry->way))
		atomic_store(&u->registry->way, u->way);
	return ok;
}

static void upload_close(gf_output *out)
{
	upload *u = (upload *)out;

	gf_output_close(u->body);
	gf_response_clear(&u->response);
	clear_session(&u->session);
	gf_buf_clear(&u->kept);
	free(u->repository);
	free(u);
}

gf_output *gf_registry_put_blob(gf_registry *r, const char *repository, const gf_digest *digest, uint64_t size,
    const gf_registry_source *again, gf_error *err)
{
	static const gf_output_ops ops = { upload_write, upload_finish, upload_close };
	upload *u = gf_alloc(1, sizeof *u, err);

	if (u == NULL)
		return NULL;
	u->out.ops = &ops;
	u->registry = r;
	u->digest = *digest;
	u->size = size;
	gf_buf_init(&u->kept, KEPT_MAX);
	u->all_kept = again == NULL;
	if (again != NULL)
		u->again = *again;
	u->way = atomic_load(&r->way);
	u->retry.left = r->retries;
	gf_response_init(&u->response);
	gf_digest_text(digest, u->text);
	u->repository = gf_strdup(repository, err);
	if (u->repository == NULL || !begin(u, false, err)) {
		upload_close(&u->out);
		return NULL;
	}
	return &u->out;
}
