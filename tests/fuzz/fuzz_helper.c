/*
 * What docker-credential-NAME prints: a user name with a password, an identity token, or a refusal.
 * parser: remote/credential_helper.c:gf_credentials_answer
 */
#include <stdlib.h>
#include <string.h>

#include "remote/auth.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_credentials c = { .username = NULL };
	gf_error err = { 0 };
	bool ok = gf_credentials_answer((const char *)data, size, &c, &err);

	if (!ok && (err.class != GF_FAILED || err.name[0] == '\0' || err.text[0] == '\0'))
		abort();
	if (ok && (c.identity.data != NULL) == (c.username != NULL))
		abort();
	if (ok && (c.username != NULL) != (c.password.data != NULL))
		abort();
	if (c.token.data != NULL)
		abort();
	GF_PLANTED(ok && c.username != NULL && strchr("a\x1b", c.username[0]) == NULL);
	gf_credentials_clear(&c);
	return 0;
}
