#include <string.h>
#include <strings.h>

#include "remote/auth.h"

#define VALUE_MAX 2048

typedef struct cursor {
	const char *p, *end;
} cursor;

static bool malformed(gf_error *err, const char *what)
{
	return gf_fail(
	    err, GF_FAILED, "registry-challenge", NULL, "a WWW-Authenticate header that cannot be read: %s", what);
}

static bool token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool token68_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("-._~+/", c) != NULL);
}

static void skip(cursor *c, const char *set)
{
	while (c->p < c->end && *c->p != '\0' && strchr(set, *c->p) != NULL)
		c->p++;
}

static size_t token(cursor *c)
{
	const char *start = c->p;

	while (c->p < c->end && token_char(*c->p))
		c->p++;
	return (size_t)(c->p - start);
}

/* "Negotiate YII=": one word instead of parameters. */
static void skip_token68(cursor *c)
{
	cursor t = *c;

	while (t.p < t.end && token68_char(*t.p))
		t.p++;
	if (t.p == c->p)
		return;
	skip(&t, "=");
	skip(&t, " \t");
	if (t.p == t.end || *t.p == ',')
		*c = t;
}

static bool put(char *out, size_t *n, char c, gf_error *err)
{
	if ((unsigned char)c < 0x20 || c == 0x7f)
		return malformed(err, "a control character");
	if (*n + 1 >= VALUE_MAX)
		return malformed(err, "a value is too long");
	out[(*n)++] = c;
	return true;
}

/* A quoted string or a bare word. */
static bool value(cursor *c, char out[VALUE_MAX], gf_error *err)
{
	size_t n = 0;

	if (c->p < c->end && *c->p == '"') {
		for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
			if (*c->p == '\\' && ++c->p == c->end)
				break;
			if (!put(out, &n, *c->p, err))
				return false;
		}
		if (c->p == c->end)
			return malformed(err, "a quote is not closed");
		c->p++;
	} else {
		for (; c->p < c->end && strchr(" \t,", *c->p) == NULL; c->p++)
			if (!put(out, &n, *c->p, err))
				return false;
	}
	out[n] = '\0';
	return true;
}

static bool keep(char *out, size_t cap, const char *text, gf_error *err)
{
	if (out[0] != '\0')
		return malformed(err, "a parameter is given twice");
	if (strlen(text) >= cap)
		return malformed(err, "a value is too long");
	memcpy(out, text, strlen(text) + 1);
	return true;
}

/* The parameters up to the next scheme.  into NULL: of no interest, but read. */
static bool parameters(cursor *c, gf_challenge *into, gf_error *err)
{
	for (;;) {
		cursor t = *c;
		char text[VALUE_MAX];
		const char *name;
		size_t n;

		skip(&t, " \t,");
		name = t.p;
		n = token(&t);
		skip(&t, " \t");
		if (n == 0 || t.p == t.end || *t.p != '=')
			return true;
		t.p++;
		skip(&t, " \t");
		if (!value(&t, text, err))
			return false;
		if (into != NULL && n == 5 && strncasecmp(name, "realm", n) == 0 &&
		    !keep(into->realm, sizeof into->realm, text, err))
			return false;
		if (into != NULL && n == 7 && strncasecmp(name, "service", n) == 0 &&
		    !keep(into->service, sizeof into->service, text, err))
			return false;
		*c = t;
	}
}

bool gf_challenge_parse(const char *text, size_t n, gf_challenge *out, gf_error *err)
{
	cursor c = { text, text + n };

	for (;;) {
		gf_challenge *into = NULL;
		const char *scheme;
		size_t len;

		skip(&c, " \t,");
		if (c.p == c.end)
			return true;
		scheme = c.p;
		len = token(&c);
		if (len == 0)
			return malformed(err, "no scheme where one must stand");
		skip(&c, " \t");
		skip_token68(&c);
		if (len == 5 && strncasecmp(scheme, "Basic", len) == 0)
			out->basic = true;
		if (len == 6 && strncasecmp(scheme, "Bearer", len) == 0 && !out->bearer)
			into = out;
		if (!parameters(&c, into, err))
			return false;
		if (into != NULL) {
			if (into->realm[0] == '\0')
				return malformed(err, "Bearer without a realm");
			out->bearer = true;
		}
	}
}
