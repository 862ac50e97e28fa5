/*
 * auth.json, config.json and .dockercfg.  No helper is run: what is read is entries or the name of one.  A host never gets
 * the entry of another, and what is refused says why without the secret in it.
 * parser: remote/auth_file.c
 */
#include <stdlib.h>
#include <string.h>

#include "remote/auth.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

static bool names_host(const gf_auth_text *t)
{
	static const char host[] = "r.example";

	for (size_t i = 0; i + sizeof host - 1 <= t->len; i++)
		if (memcmp(t->text + i, host, sizeof host - 1) == 0)
			return true;
	return false;
}

static void check(const gf_auth_text *t, const gf_account *who)
{
	char helper[GF_HELPER_SIZE];
	gf_credentials c;
	gf_error err = { 0 };
	bool ok = gf_credentials_read(t, who, &c, helper, &err);

	if (memchr(helper, '\0', sizeof helper) == NULL)
		abort();
	if (!ok && (err.class != GF_USAGE || err.name[0] == '\0' || err.text[0] == '\0'))
		abort();
	if (!ok && (gf_credentials_any(&c) || c.password.data != NULL))
		abort();
	if (ok && helper[0] != '\0' && (gf_credentials_any(&c) || t->old))
		abort();
	for (const char *p = err.text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
	/* Without its host in the text there is nothing, but for a store of every host. */
	if (ok && gf_credentials_any(&c) && !names_host(t) && memchr(t->text, '\\', t->len) == NULL)
		abort();
	GF_PLANTED(ok && c.username != NULL && strchr("u<", c.username[0]) == NULL);
	gf_credentials_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const gf_account whole = { "r.example:5000", "app" }, deep = { "r.example:5000", "team/sub/app" };
	gf_auth_text t = { .text = (const char *)data, .len = size, .name = "auth.json" };

	check(&t, &whole);
	check(&t, &deep);
	t.old = true;
	check(&t, &whole);
	return 0;
}
