#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "remote/http.h"

bool gf_url_secure(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

bool gf_url_same_origin(const char *a, const char *b)
{
	gf_error err;
	char *x = gf_url_origin(a, &err), *y = gf_url_origin(b, &err);
	bool same = x != NULL && y != NULL && strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}

/* An address written in numbers: "[...]", or labels that end in a number, which resolvers also read in
 * octal, in hex and with fewer than four parts. */
static bool literal(const char *host)
{
	size_t n = strcspn(host, ":"), last;

	if (host[0] == '[')
		return true;
	while (n > 0 && host[n - 1] == '.')
		n--;
	for (last = n; last > 0 && host[last - 1] != '.'; last--)
		;
	return last < n && host[last] >= '0' && host[last] <= '9' &&
	    strspn(host + last, "0123456789abcdefxABCDEFX") >= n - last;
}

static bool loopback_name(const char *host)
{
	size_t n = strcspn(host, ":");

	while (n > 0 && host[n - 1] == '.')
		n--;
	return gf_host_loopback(host) || (n >= 9 && strncasecmp(host + n - 9, "localhost", 9) == 0);
}

bool gf_url_may_lead(const char *from, const char *to, gf_error *err)
{
	char *a = gf_url_origin(from, err), *b = a != NULL ? gf_url_origin(to, err) : NULL;
	const char *host_a, *host_b;
	bool ok = false;

	if (b == NULL)
		goto out;
	host_a = strstr(a, "://") + 3;
	host_b = strstr(b, "://") + 3;
	if (gf_url_secure(from) && !gf_url_secure(to))
		gf_fail(err, GF_FAILED, "http-redirect", NULL,
		    "'%s' leads to '%s', which has no TLS; where a proxy stands before the server, it must pass "
		    "X-Forwarded-Proto",
		    a, b);
	else if ((literal(host_b) && !literal(host_a)) || (loopback_name(host_b) && !loopback_name(host_a)))
		gf_fail(err, GF_FAILED, "http-redirect", NULL,
		    "'%s' leads to '%s', a local or bare address, which it has not itself", a, b);
	else
		ok = true;
out:
	free(a);
	free(b);
	return ok;
}

bool gf_url_usable(const char *url, bool plain, gf_error *err)
{
	char *whole = gf_url_resolve(NULL, url, err), *origin = whole != NULL ? gf_url_origin(whole, err) : NULL;
	bool ok = origin != NULL;

	if (!ok)
		err->class = GF_USAGE;
	else if (!plain && !gf_url_secure(whole) && !gf_host_loopback(strstr(origin, "://") + 3))
		ok = gf_fail(err, GF_USAGE, "http-plain", NULL,
		    "'%s' is not https; what goes there without TLS can be read and changed on the way, so it must be "
		    "allowed with plain-http: true",
		    origin);
	free(origin);
	free(whole);
	return ok;
}

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("-._~", c) != NULL);
}

bool gf_url_escape(gf_buf *out, const char *text, const char *keep, gf_error *err)
{
	bool ok = true;

	for (; ok && *text != '\0'; text++)
		if (unreserved(*text) || strchr(keep, *text) != NULL)
			ok = gf_buf_add(out, text, 1, err);
		else
			ok = gf_buf_printf(out, err, "%%%02X", (unsigned)(unsigned char)*text);
	return ok;
}

void gf_url_show(const char *url, char *out, size_t cap)
{
	const char *rest = strstr(url, "://");
	size_t scheme = rest != NULL ? (size_t)(rest - url) + 3 : 0;
	size_t n = strcspn(url, "?#"), at = scheme, host = scheme + strcspn(url + scheme, "/?#\\");
	gf_error err;
	gf_buf text, shown;

	for (size_t i = scheme; i < host; i++)
		if (url[i] == '@')
			at = i + 1;
	gf_buf_init(&text, GF_URL_MAX);
	gf_buf_init(&shown, cap);
	if (n >= at && gf_buf_add(&text, url, scheme, &err) && gf_buf_add(&text, url + at, n - at, &err))
		gf_text_escape(&shown, gf_buf_text(&text), cap > 8 ? cap - 8 : 0, &err);
	memcpy(out, gf_buf_text(&shown), shown.len < cap ? shown.len + 1 : 0);
	out[shown.len < cap ? shown.len : 0] = '\0';
	gf_buf_clear(&shown);
	gf_buf_clear(&text);
}
