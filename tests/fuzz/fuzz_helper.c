/* What docker-credential-NAME prints: a user name with a password, an identity token, or a refusal. */
#include <stdlib.h>
#include <string.h>

#include "remote/auth.h"

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
	gf_credentials_clear(&c);
	return 0;
}
