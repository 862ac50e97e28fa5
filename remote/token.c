/* token: what a token service answers (distribution, "Token Authentication Specification"). */
#include <string.h>

#include "remote/auth.h"

#define SECONDS 60 /* the default, and the least that a service may mean */
#define SECONDS_MAX 86400

bool gf_token_header(const char *token, gf_secret *out, gf_error *err)
{
	static const char start[] = "Authorization: Bearer ";
	size_t n = strlen(token);
	gf_buf line;
	bool ok = n > 0 && n <= GF_TOKEN_MAX;

	for (size_t i = 0; ok && i < n; i++)
		ok = token[i] > 0x20 && token[i] < 0x7f;
	if (!ok)
		return gf_fail(err, GF_FAILED, "registry-token", NULL, "there is no usable token in it");
	gf_buf_init(&line, GF_TOKEN_MAX + sizeof start);
	/* Reserved in full, so that no copy is left behind by growing. */
	ok = gf_buf_reserve(&line, sizeof start + n, err) && gf_buf_puts(&line, start, err) &&
	    gf_buf_puts(&line, token, err) && gf_secret_set(out, line.data, line.len, err);
	gf_buf_wipe(&line);
	return ok;
}

bool gf_token_read(const char *text, size_t n, gf_secret *header, uint64_t *seconds, gf_error *err)
{
	gf_json_doc *doc = gf_json_parse(text, n, 4 * GF_TOKEN_MAX, GF_FAILED, "the answer of the token service", err);
	const char *token = "";
	gf_error ignored;
	bool ok = doc != NULL && gf_json_string_if(gf_json_root(doc), "token", &token, err) &&
	    gf_json_string_if(gf_json_root(doc), "access_token", &token, err) && gf_token_header(token, header, err);

	/* Counted from now: issued_at of a service with another clock has led clients to ask each time. */
	*seconds = SECONDS;
	if (ok && (!gf_json_u64_if(gf_json_root(doc), "expires_in", seconds, &ignored) || *seconds < SECONDS))
		*seconds = SECONDS;
	if (*seconds > SECONDS_MAX)
		*seconds = SECONDS_MAX;
	gf_json_free(doc);
	return ok;
}
