/*
 * WWW-Authenticate, a line of the input each, and what is done with the realm: made absolute against the registry's own
 * address, and asked whether it may be followed there.
 * parser: remote/challenge.c remote/url.c
 */
#include <stdlib.h>
#include <string.h>

#include "remote/auth.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void follow(const char *realm)
{
	static const char base[] = "https://registry.example:5000/v2/";
	gf_error err = { 0 };
	char *url = gf_url_resolve(base, realm, &err), *origin = NULL;

	if (url == NULL) {
		if (err.class == GF_OK || err.text[0] == '\0')
			abort();
		return;
	}
	if (!gf_starts_with(url, "https://") && !gf_starts_with(url, "http://"))
		abort();
	for (const char *c = url; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			abort();
	origin = gf_url_origin(url, &err);
	/* Who is taken for the registry itself, or for one with TLS, must be it. */
	if (origin != NULL && (strchr(origin, '@') != NULL || strncmp(url, origin, strcspn(origin, ":") + 3) != 0))
		abort();
	if (origin != NULL && gf_url_same_origin(url, base) && strcmp(origin, "https://registry.example:5000") != 0)
		abort();
	if (gf_url_may_lead(base, url, &err) && !gf_url_secure(url))
		abort(); /* from https to http */
	free(origin);
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	gf_challenge c = { 0 };
	gf_error err = { 0 };
	bool ok = true;

	while (ok && at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((lf != NULL ? lf : end) - at);

		ok = gf_challenge_parse(at, n, &c, &err);
		at += n + (lf != NULL);
	}
	if (!ok && (err.class != GF_FAILED || strcmp(err.name, "registry-challenge") != 0 || err.text[0] == '\0'))
		abort();
	if (memchr(c.realm, '\0', sizeof c.realm) == NULL || memchr(c.service, '\0', sizeof c.service) == NULL)
		abort();
	for (const char *p = c.realm; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
	if (ok && c.bearer) {
		if (c.realm[0] == '\0')
			abort();
		follow(c.realm);
		GF_PLANTED(strchr("rs", c.service[0]) == NULL); /* those of the seeds */
	}
	return 0;
}
