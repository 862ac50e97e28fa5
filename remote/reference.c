#include <string.h>
#include <strings.h>

#include "remote/reference.h"

/* github.com/distribution/reference, regexp.go and normalize.go. */

#define DEFAULT_HOST "docker.io"
#define DEFAULT_PREFIX "library/"

static bool lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool letter_or_digit(char c)
{
	return lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/* ---- hosts ---- */

size_t gf_host_name_length(const char *host)
{
	if (host[0] == '[')
		return strcspn(host, "]") + (strchr(host, ']') != NULL);
	return strcspn(host, ":");
}

static bool port_valid(const char *text, size_t n)
{
	unsigned long port = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned long)(text[i] - '0');
	}
	return port <= 65535;
}

/* Labels of letters, digits and inner hyphens, between single dots. */
static bool labels_valid(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool edge = i == 0 || i + 1 == n || text[i - 1] == '.' || text[i + 1] == '.';

		if (!letter_or_digit(text[i]) && (edge || (text[i] != '-' && text[i] != '.')))
			return false;
	}
	return n > 0;
}

static bool ipv6_valid(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != ':' && (text[i] == '\0' || strchr("0123456789abcdefABCDEF", text[i]) == NULL))
			return false;
	return n > 0;
}

bool gf_host_valid(const char *text, size_t n)
{
	size_t name;

	if (n > 0 && text[0] == '[') {
		const char *close = memchr(text, ']', n);

		if (close == NULL || !ipv6_valid(text + 1, (size_t)(close - text) - 1))
			return false;
		name = (size_t)(close - text) + 1;
	} else {
		const char *colon = memchr(text, ':', n);

		name = colon != NULL ? (size_t)(colon - text) : n;
		if (!labels_valid(text, name))
			return false;
	}
	return name == n || (text[name] == ':' && port_valid(text + name + 1, n - name - 1));
}

bool gf_host_loopback(const char *host)
{
	size_t n = gf_host_name_length(host);
	unsigned parts = 0, value = 0, digits = 0;

	if ((n == 9 && strncasecmp(host, "localhost", 9) == 0) || (n == 5 && strncmp(host, "[::1]", 5) == 0))
		return true;
	if (strncmp(host, "127.", 4) != 0)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && host[i] >= '0' && host[i] <= '9' && digits < 3) {
			value = value * 10 + (unsigned)(host[i] - '0');
			digits++;
		} else if ((i == n || host[i] == '.') && digits > 0 && value <= 255) {
			parts++;
			value = digits = 0;
		} else {
			return false;
		}
	}
	return parts == 4;
}

/* ---- paths, tags ---- */

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*, several of them between slashes. */
static bool path_valid(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t run = i;

		while (i < n && lower_or_digit(text[i]))
			i++;
		if (i == run)
			return false;
		if (i == n)
			return true;
		run = i;
		if (text[i] == '-')
			while (i < n && text[i] == '-')
				i++;
		else if (text[i] == '_')
			while (i < n && text[i] == '_' && i < run + 2)
				i++;
		else if (text[i] == '.' || text[i] == '/')
			i++;
		else
			return false;
	}
	return false;
}

bool gf_repository_valid(const char *path)
{
	size_t n = strlen(path);

	return n <= 255 && path_valid(path, n);
}

bool gf_tag_valid(const char *tag)
{
	size_t n = strlen(tag);

	if (n == 0 || n > 128)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!letter_or_digit(tag[i]) && tag[i] != '_' && (i == 0 || (tag[i] != '.' && tag[i] != '-')))
			return false;
	return true;
}

/* ---- references ---- */

bool gf_has_user(const char *text)
{
	size_t n = strcspn(text, "/@");

	return text[n] == '@' && !gf_starts_with(text + n + 1, "sha256:");
}

static bool bad(const char *text, gf_error *err, const char *reason)
{
	gf_error ignored;
	gf_buf shown;

	if (gf_has_user(text))
		return gf_fail(err, GF_USAGE, "reference", NULL,
		    "a user or a password stands before an '@' (it is not shown): give --username with --password-stdin");
	gf_buf_init(&shown, 512);
	if (gf_text_escape(&shown, text, 300, &ignored))
		gf_fail(err, GF_USAGE, "reference", gf_buf_text(&shown), "'%s' is no image name: %s",
		    gf_buf_text(&shown), reason);
	else
		*err = ignored;
	gf_buf_clear(&shown);
	return false;
}

/* Does the part before the first slash name a host?  Docker's rule: it has a dot, a colon or a capital, or is
 * "localhost". */
static bool looks_like_host(const char *text, size_t n)
{
	if (n == 9 && strncmp(text, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '.' || text[i] == ':' || (text[i] >= 'A' && text[i] <= 'Z'))
			return true;
	return false;
}

static bool split_host(
    const char *text, const char **name, size_t *n, gf_reference *out, const char *whole, gf_error *err)
{
	const char *slash = memchr(text, '/', *n);
	size_t host = slash != NULL ? (size_t)(slash - text) : 0;

	*name = text;
	if (slash == NULL || !looks_like_host(text, host)) {
		strcpy(out->host, DEFAULT_HOST);
		return true;
	}
	if (host >= sizeof out->host || !gf_host_valid(text, host))
		return bad(whole, err, "what stands before the first '/' is no host[:port]");
	memcpy(out->host, text, host);
	out->host[host] = '\0';
	if (strcmp(out->host, "index." DEFAULT_HOST) == 0) {
		memset(out->host, 0, sizeof out->host); /* equal references have equal bytes */
		strcpy(out->host, DEFAULT_HOST);
	}
	*name = slash + 1;
	*n -= host + 1;
	return true;
}

static bool set_path(const char *name, size_t n, gf_reference *out, const char *whole, gf_error *err)
{
	bool official = strcmp(out->host, DEFAULT_HOST) == 0 && memchr(name, '/', n) == NULL;
	size_t prefix = official ? strlen(DEFAULT_PREFIX) : 0;

	if (n == 0)
		return bad(whole, err, "the repository is missing");
	if (prefix + n > 255)
		return bad(whole, err, "the repository is longer than 255 characters");
	if (official)
		memcpy(out->path, DEFAULT_PREFIX, prefix);
	memcpy(out->path + prefix, name, n);
	out->path[prefix + n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			return bad(whole, err, "the repository must be lower-case");
	if (!path_valid(name, n))
		return bad(whole, err,
		    "the repository is made of a-z, 0-9, and '.', '_', '__' or '-' between them, in parts separated by "
		    "'/'");
	return true;
}

static bool hex64(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	return n == 64;
}

static bool is_ascii(const char *text)
{
	while ((signed char)*text > 0)
		text++;
	return *text == '\0';
}

bool gf_reference_parse(const char *text, gf_reference *out, gf_error *err)
{
	const char *at = strchr(text, '@'), *name, *colon = NULL;
	size_t n = at != NULL ? (size_t)(at - text) : strlen(text);

	memset(out, 0, sizeof *out);
	if (text[0] == '\0')
		return bad(text, err, "it is empty");
	if (!is_ascii(text))
		return bad(text, err,
		    "it is not ASCII; a host outside it is written as DNS has it, 'xn--...', and a repository cannot be");
	if (hex64(text, strlen(text)))
		return bad(text, err, "64 hex digits are an image ID; write sha256:ID");
	if (at != NULL) {
		if (!gf_digest_parse(at + 1, &out->digest))
			return bad(text, err, "behind '@' stands 'sha256:' and 64 lower-case hex digits");
		out->has_digest = true;
	}
	for (size_t i = n; i > 0 && text[i - 1] != '/' && colon == NULL; i--)
		if (text[i - 1] == ':')
			colon = text + i - 1;
	if (colon != NULL) {
		size_t tag = n - (size_t)(colon - text) - 1;

		if (tag >= sizeof out->tag)
			return bad(text, err, "the tag is longer than 128 characters");
		memcpy(out->tag, colon + 1, tag);
		if (!gf_tag_valid(out->tag))
			return bad(text, err,
			    "a tag is made of letters, digits, '_', '.' and '-', and begins with none of "
			    "the last two");
		n = (size_t)(colon - text);
	} else if (at == NULL) {
		strcpy(out->tag, "latest");
	}
	return split_host(text, &name, &n, out, text, err) && set_path(name, n, out, text, err);
}

static void print(const char *host, const char *path, const gf_reference *r, char out[GF_REFERENCE_SIZE])
{
	char digest[GF_DIGEST_SIZE] = "";
	char *p = out;
	const char *parts[] = { host, host[0] != '\0' ? "/" : "", path, r->tag[0] != '\0' ? ":" : "", r->tag,
		r->has_digest ? "@" : "", digest };

	if (r->has_digest)
		gf_digest_text(&r->digest, digest);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		size_t n = strlen(parts[i]);

		memcpy(p, parts[i], n);
		p += n;
	}
	*p = '\0';
}

void gf_reference_print(const gf_reference *r, char out[GF_REFERENCE_SIZE])
{
	print(r->host, r->path, r, out);
}

void gf_reference_familiar(const gf_reference *r, char out[GF_REFERENCE_SIZE])
{
	const char *path = r->path;
	size_t n = strlen(DEFAULT_PREFIX);

	if (strcmp(r->host, DEFAULT_HOST) != 0) {
		gf_reference_print(r, out);
		return;
	}
	if (strncmp(path, DEFAULT_PREFIX, n) == 0 && strchr(path + n, '/') == NULL)
		path += n;
	/* Shortened, "docker.io/my.org/app" would be read back as a host. */
	if (strchr(path, '/') != NULL && looks_like_host(path, strcspn(path, "/")))
		gf_reference_print(r, out);
	else
		print("", path, r, out);
}
