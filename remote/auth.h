/*
 * auth.h: who we are to a registry (private to remote).
 *
 * Challenges (RFC 9110, 11; distribution token specification), docker's config.json, tokens.  A credential goes to the
 * registry's own origin and to the token service that it names, never further (security.md 1.9).
 */
#ifndef GF_REMOTE_AUTH_H
#define GF_REMOTE_AUTH_H

#include "remote/http.h"

/* ---- challenge.c ---- */

typedef struct gf_challenge {
	bool basic, bearer;
	char realm[2048]; /* of the bearer challenge */
	char service[512];
} gf_challenge;

/* Adds what one WWW-Authenticate header of n bytes offers; of several bearer challenges the first counts, other
 * schemes are passed over.  Malformed, or a bearer challenge without realm: "registry-challenge". */
bool gf_challenge_parse(const char *value, size_t n, gf_challenge *out, gf_error *err);

/* ---- credentials.c ---- */

typedef struct gf_credentials {
	char *username; /* NULL: none */
	gf_secret password;
	gf_secret identity; /* an identity token, for the token service */
	gf_secret token;    /* a registry token, shown to the registry as it is */
} gf_credentials;

void gf_credentials_clear(gf_credentials *c);
bool gf_credentials_any(const gf_credentials *c);
bool gf_credentials_copy(const gf_credentials *from, gf_credentials *to, gf_error *err); /* to: empty */

/* ---- auth_file.c ---- */

/* Who is asked for: a repository of a host, as in references. */
typedef struct gf_account {
	const char *host, *repository;
} gf_account;

/* One file, or the variable, name: for messages.  old: the form of ~/.dockercfg. */
typedef struct gf_auth_text {
	const char *text;
	size_t len;
	const char *name;
	bool old;
} gf_auth_text;

/* What a text knows of who: *out, or the name of the credential helper to be asked instead; nothing leaves both empty.
 * GF_USAGE "auth-file" and those of JSON. */
#define GF_HELPER_SIZE 65
bool gf_credentials_read(
    const gf_auth_text *t, const gf_account *who, gf_credentials *out, char helper[GF_HELPER_SIZE], gf_error *err);

/* ---- where they are looked for (credentials.c, credential_helper.c) ---- */

/* What the helper that was asked last said.  Starts zeroed; the answer is to be cleared. */
typedef struct gf_helped {
	char helper[GF_HELPER_SIZE];
	gf_credentials answer;
} gf_helped;

/*
 * Nothing anywhere leaves *out empty.  file: --authfile, which must be there; NULL: $REGISTRY_AUTH_FILE alone, or the
 * first of these that knows the host: the text in $DOCKER_AUTH_CONFIG, $DOCKER_CONFIG/config.json,
 * $XDG_RUNTIME_DIR/containers/auth.json (not set: /run/containers/UID/auth.json), $XDG_CONFIG_HOME/containers/auth.json
 * (not set: below ~/.config), ~/.docker/config.json (without $DOCKER_CONFIG), ~/.dockercfg.  Inside "auths" the longest
 * HOST/NAMESPACE counts.  credHelpers and credsStore are asked.
 */
bool gf_credentials_find(
    const gf_account *who, const char *file, gf_helped *helped, gf_credentials *out, gf_error *err);

/* credential_helper.c: what docker-credential-HELPER keeps for host; nothing leaves *out empty.  "credential-helper". */
bool gf_credentials_ask(const char *helper, const char *host, gf_credentials *out, gf_error *err);
/* Its answer: {"Username", "Secret"}, at most GF_HELPER_ANSWER_MAX bytes. */
#define GF_HELPER_ANSWER_MAX (64 * GF_KIB)
bool gf_credentials_answer(const char *text, size_t n, gf_credentials *out, gf_error *err);

/* ---- token.c ---- */

#define GF_TOKEN_MAX (64 * GF_KIB)
/* "Authorization: Bearer ..."; a token that cannot stand in a header: false, "registry-token". */
bool gf_token_header(const char *token, gf_secret *out, gf_error *err);
/* What a token service answers (distribution token specification): the header, and for how many seconds it lasts. */
bool gf_token_read(const char *text, size_t n, gf_secret *header, uint64_t *seconds, gf_error *err);

/* ---- auth.c ---- */

typedef struct gf_auth gf_auth; /* any thread */

/* http and what options points to stay the caller's and must live as long. */
gf_auth *gf_auth_new(const char *host, const gf_registry_options *options, gf_http *http, gf_error *err);
void gf_auth_free(gf_auth *a);
/* r is a 401: remember what it asks for and forget the token of repository (may be NULL) and from.
 * *again: the same request may do better now. */
bool gf_auth_challenged(
    gf_auth *a, const gf_response *r, const char *repository, const char *from, bool *again, gf_error *err);
/* "Authorization: ..." for pull and push, and for pulling from a second repository of it (NULL: none), from a token that
 * lasts for some time yet; out->data NULL: none is asked for. */
bool gf_auth_header(gf_auth *a, const char *repository, const char *from, gf_secret *out, gf_error *err);

#endif
