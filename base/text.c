#include <string.h>

#include "base/text.h"

size_t gf_utf8_decode(const char *text, size_t n, uint32_t *out)
{
	const unsigned char *s = (const unsigned char *)text;
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t len;

	if (n == 0)
		return 0;
	c = s[0];
	if (c < 0x80) {
		*out = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf)
		len = 2;
	else if (c >= 0xe0 && c <= 0xef)
		len = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

bool gf_text_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = { { 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x600, 0x605 },
		{ 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
		{ 0xfdd0, 0xfdef }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0x110bd, 0x110bd }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff } };

	if ((c & 0xfffe) == 0xfffe)
		return true;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

bool gf_text_escape(gf_buf *out, const char *text, size_t max, gf_error *err)
{
	static const char digits[] = "0123456789abcdef";
	size_t left = strlen(text), used = 0;

	while (left > 0) {
		char piece[16];
		uint32_t c = 0;
		size_t len = gf_utf8_decode(text, left, &c), n;

		if (len == 0 || (len == 1 && gf_text_hidden(c))) {
			unsigned char byte = (unsigned char)text[0];

			len = 1;
			n = 4;
			piece[0] = '\\';
			piece[1] = 'x';
			piece[2] = digits[byte >> 4];
			piece[3] = digits[byte & 15];
		} else if (gf_text_hidden(c)) {
			memcpy(piece, "\\u{", 3);
			n = 3;
			for (int shift = 20; shift >= 0; shift -= 4)
				if (n > 3 || c >> shift != 0)
					piece[n++] = digits[c >> shift & 15];
			piece[n++] = '}';
		} else {
			n = len;
			memcpy(piece, text, len);
		}
		if (n > max - used)
			return gf_buf_puts(out, "...", err);
		if (!gf_buf_add(out, piece, n, err))
			return false;
		used += n;
		text += len;
		left -= len;
	}
	return true;
}

static size_t put_u64(char *out, uint64_t v)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	for (size_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}

void gf_size_text(uint64_t bytes, char out[GF_SIZE_TEXT])
{
	static const char units[][3] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t unit = 1, tenths = 0;
	size_t u = 0, n;

	if (bytes >= 1000) {
		do { /* 999,950 is "1.0 MB", not "1000.0 kB" */
			unit *= 1000;
			u++;
			tenths = bytes / unit * 10 + (bytes % unit + unit / 20) / (unit / 10);
		} while (tenths >= 10000 && u + 1 < sizeof units / sizeof units[0]);
		n = put_u64(out, tenths / 10);
		out[n++] = '.';
		out[n++] = (char)('0' + tenths % 10);
	} else {
		n = put_u64(out, bytes);
	}
	out[n++] = ' ';
	memcpy(out + n, units[u], strlen(units[u]) + 1);
}

bool gf_u64_parse(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		uint64_t digit;

		if (*text < '0' || *text > '9')
			return false;
		digit = (uint64_t)(*text - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

bool gf_name_valid(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 64)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}

bool gf_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool gf_ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

/*
 * The last wildcard takes the blame for a mismatch and swallows one more character; a '*'
 * that would have to swallow a '/' hands it on to the last '**'.  No wildcard before those
 * needs a second look, since taking less with it could not have helped.
 */
bool gf_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *star_text = NULL, *deep = NULL, *deep_text = NULL;

	for (;;) {
		if (*pattern == '*') {
			bool two = pattern[1] == '*';

			while (*pattern == '*')
				pattern++;
			if (two) {
				deep = pattern;
				deep_text = text;
				star = NULL;
			} else {
				star = pattern;
				star_text = text;
			}
		} else if (*pattern == *text && *text != '\0') {
			pattern++;
			text++;
		} else if (*pattern == '\0' && *text == '\0') {
			return true;
		} else if (star != NULL && *star_text != '\0' && *star_text != '/') {
			pattern = star;
			text = ++star_text;
		} else if (deep != NULL && *deep_text != '\0') {
			star = NULL;
			pattern = deep;
			text = ++deep_text;
		} else {
			return false;
		}
	}
}

#define EDIT_MAX 96

unsigned gf_edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[EDIT_MAX + 1];

	if (n > EDIT_MAX || m > EDIT_MAX)
		return strcmp(a, b) == 0 ? 0 : EDIT_MAX + 1;
	for (unsigned j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}
