/* platform: "os/architecture[/variant]", and when two of them are one (image-protocols.md 5). */
#include <string.h>

#include "bundles/bundles.h"

/* What an architecture without a variant means. */
static bool is_implied(const char *platform, const char *variant)
{
	static const struct {
		const char *architecture, *variant;
	} implied[] = { { "/amd64", "v1" }, { "/arm", "v7" }, { "/arm64", "v8" } };
	bool found = false;

	for (size_t i = 0; i < sizeof implied / sizeof *implied && !found; i++)
		found = gf_ends_with(platform, implied[i].architecture) && strcmp(variant, implied[i].variant) == 0;
	return found;
}

bool gf_platform_same(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (strcmp(a, b) == 0)
		return true;
	if (strlen(b) < n)
		return gf_platform_same(b, a);
	return strncmp(a, b, n) == 0 && b[n] == '/' && is_implied(a, b + n + 1);
}

bool gf_platform_valid(const char *text)
{
	unsigned parts = 0;

	for (;;) {
		size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");
		parts++;
		if (n == 0 || n > 64)
			return false;
		text += n;
		if (*text == '\0')
			return parts == 2 || parts == 3;
		if (*text++ != '/')
			return false;
	}
}
