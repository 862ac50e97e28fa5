#include <string.h>

#include "unpack/template.h"

static const char *const names[GF_VARS] = { "host", "path", "basename", "tag", "digest", "version", "stream",
	"sequence", "build.id", "build.revision", "environment" };

/* Why there may be none. */
static const char *const lacking[GF_VARS] = { [GF_VAR_TAG] = "the packed name is one by digest",
	[GF_VAR_VERSION] = "the bundle was packed without --bundle-version",
	[GF_VAR_STREAM] = "the bundle was packed without --stream",
	[GF_VAR_SEQUENCE] = "the bundle was packed without --stream",
	[GF_VAR_BUILD_ID] = "the bundle was packed outside a build, and without --build-id",
	[GF_VAR_BUILD_REVISION] = "the bundle was packed outside a build and a git checkout" };

static bool unknown(const char *text, const char *name, size_t n, gf_error *err)
{
	gf_buf known;
	bool ok = true;

	gf_buf_init(&known, 512);
	for (int i = 0; ok && i < GF_VARS; i++)
		ok = gf_buf_printf(&known, err, "%s{%s}", i > 0 ? " " : "", names[i]);
	if (ok)
		gf_fail(err, GF_USAGE, "template", text, "no variable is called '{%.*s}'; there are %s",
		    (int)(n < 64 ? n : 64), name, gf_buf_text(&known));
	gf_buf_clear(&known);
	return false;
}

/* The next piece of *text: plain bytes (*var -1) or one variable.  *n is 0 at the end. */
static bool piece(const char *whole, const char **text, const char **bytes, size_t *n, int *var, gf_error *err)
{
	const char *at = *text;
	size_t len = strcspn(at, "{}");

	*var = -1;
	*bytes = at;
	*n = len;
	*text = at + len;
	if (len > 0 || *at == '\0')
		return true;
	if (*at == '}')
		return gf_fail(err, GF_USAGE, "template", whole, "a '}' has no '{' before it");
	at++;
	len = strcspn(at, "{}");
	if (at[len] != '}')
		return gf_fail(err, GF_USAGE, "template", whole, "a '{' is not closed by '}'");
	for (int i = 0; i < GF_VARS && *var < 0; i++)
		if (strlen(names[i]) == len && memcmp(names[i], at, len) == 0)
			*var = i;
	*bytes = at;
	*n = len;
	*text = at + len + 1;
	return *var >= 0 || unknown(whole, at, len, err);
}

bool gf_template_check(const char *text, gf_error *err)
{
	const char *at = text, *bytes;
	size_t n;
	int var;

	do {
		if (!piece(text, &at, &bytes, &n, &var, err))
			return false;
	} while (n > 0);
	return true;
}

bool gf_template_expand(const char *text, const char *const values[GF_VARS], char out[GF_TEMPLATE_SIZE], gf_error *err)
{
	const char *at = text, *bytes;
	size_t n, used = 0;
	int var;

	for (;;) {
		if (!piece(text, &at, &bytes, &n, &var, err))
			return false;
		if (n == 0)
			break;
		if (var >= 0) {
			bytes = values[var];
			if (bytes == NULL || *bytes == '\0')
				return gf_fail(err, GF_USAGE, "template", text, "'{%s}' has no value here%s%s",
				    names[var], lacking[var] != NULL ? ": " : "",
				    lacking[var] != NULL ? lacking[var] : "");
			n = strlen(bytes);
		}
		if (n >= GF_TEMPLATE_SIZE - used)
			return gf_fail(
			    err, GF_USAGE, "template", text, "it becomes longer than %d bytes", GF_TEMPLATE_SIZE - 1);
		memcpy(out + used, bytes, n);
		used += n;
	}
	out[used] = '\0';
	return true;
}
