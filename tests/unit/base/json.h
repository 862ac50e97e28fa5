/* What the tests of JSON share. */
#ifndef GF_TESTS_BASE_JSON_H
#define GF_TESTS_BASE_JSON_H

#include "common.h"

#define NAME "the text"
#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline gf_json_doc *parse_n(const void *text, size_t n, gf_error *err)
{
	return gf_json_parse(text, n, 16 * GF_MIB, GF_DAMAGED, NAME, err);
}

/* A text that had to be accepted. */
static inline gf_json_doc *read_text(const char *text)
{
	gf_error err;
	gf_json_doc *doc = parse_n(text, strlen(text), &err);

	if (doc == NULL)
		fail_msg("%.60s: %s: %s", text, err.name, err.text);
	return doc;
}

static inline void puts_times(gf_buf *b, const char *text, size_t n)
{
	gf_error err;

	while (n-- > 0)
		assert_true(gf_buf_puts(b, text, &err));
}

#endif
