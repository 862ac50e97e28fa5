#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "remote/http.h"

void gf_response_init(gf_response *r)
{
	r->status = 0;
	r->url = NULL;
	gf_buf_init(&r->headers, GF_HTTP_HEADERS_MAX);
	gf_buf_init(&r->body, GF_HTTP_BODY_MAX);
}

void gf_response_clear(gf_response *r)
{
	r->status = 0;
	free(r->url);
	r->url = NULL;
	gf_buf_clear(&r->headers);
	gf_buf_clear(&r->body);
}

bool gf_response_ok(const gf_response *r)
{
	return r->status >= 200 && r->status <= 299;
}

const char *gf_response_value(const gf_response *r, const char *name, size_t i, size_t *len)
{
	const char *line = gf_buf_text(&r->headers);
	size_t n = strlen(name);

	while (*line != '\0') {
		size_t end = strcspn(line, "\n");

		if (strncasecmp(line, name, n) == 0 && line[n] == ':' && i-- == 0) {
			const char *value = line + n + 1, *last = line + end;

			while (value < last && (*value == ' ' || *value == '\t'))
				value++;
			while (last > value && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r'))
				last--;
			*len = (size_t)(last - value);
			return value;
		}
		line += end + (line[end] == '\n');
	}
	return NULL;
}

bool gf_response_header(const gf_response *r, const char *name, char *out, size_t cap)
{
	size_t len = 0;
	const char *value = gf_response_value(r, name, 0, &len);

	if (value == NULL || len >= cap)
		return false;
	memcpy(out, value, len);
	out[len] = '\0';
	return true;
}
