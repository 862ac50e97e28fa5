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
	gf_secret identity; /* an identity token */
} gf_credentials;

void gf_credentials_clear(gf_credentials *c);
/*
 * Of host, in the manner of docker's config.json; nothing there leaves *out empty.  file: --authfile, which must be there;
 * NULL: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json, containers/auth.json in $XDG_RUNTIME_DIR, $XDG_CONFIG_HOME and
 * ~/.config, ~/.docker/config.json.  credHelpers and credsStore are asked.
 */
bool gf_credentials_find(const char *host, const char *file, gf_credentials *out, gf_error *err);

/* credential_helper.c: what docker-credential-HELPER keeps for host; nothing leaves *out empty.  "credential-helper". */
bool gf_credentials_ask(const char *helper, const char *host, gf_credentials *out, gf_error *err);

/* ---- auth.c ---- */

typedef struct gf_auth gf_auth; /* any thread */

/* http and what options points to stay the caller's and must live as long. */
gf_auth *gf_auth_new(const char *host, const gf_registry_options *options, gf_http *http, gf_error *err);
void gf_auth_free(gf_auth *a);
/* r is a 401: remember what it asks for and forget the token of repository (may be NULL).
 * *again: the same request may do better now. */
bool gf_auth_challenged(gf_auth *a, const gf_response *r, const char *repository, bool *again, gf_error *err);
/* "Authorization: ..." for pull and push, from a token that lasts for some time yet; out->data NULL: none is asked for. */
bool gf_auth_header(gf_auth *a, const char *repository, gf_secret *out, gf_error *err);

#endif
