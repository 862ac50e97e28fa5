#include <string.h>

#include "base/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool gf_base64_encode(gf_buf *out, const void *bytes, size_t n, gf_error *err)
{
	const unsigned char *in = bytes;
	char *to;

	if (n > SIZE_MAX / 4 * 3 - 3)
		return gf_no_memory(err);
	if (!gf_buf_reserve(out, (n + 2) / 3 * 4, err))
		return false;
	to = out->data + out->len;
	for (; n >= 3; n -= 3, in += 3) {
		*to++ = alphabet[in[0] >> 2];
		*to++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
		*to++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
		*to++ = alphabet[in[2] & 63];
	}
	if (n > 0) {
		unsigned second = n == 2 ? in[1] : 0;

		*to++ = alphabet[in[0] >> 2];
		*to++ = alphabet[(in[0] & 3u) << 4 | second >> 4];
		*to++ = n == 2 ? alphabet[(second & 15) << 2] : '=';
		*to++ = '=';
	}
	*to = '\0';
	out->len = (size_t)(to - out->data);
	return true;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* The bytes of one group of four characters: 1 to 3, or 0 when it is not canonical. */
static size_t decode_group(const char *in, bool last, unsigned char out[3])
{
	unsigned bits = 0;
	size_t pad = 0;

	if (last && in[3] == '=')
		pad = in[2] == '=' ? 2 : 1;
	for (size_t i = 0; i < 4; i++) {
		int v = i < 4 - pad ? value_of(in[i]) : 0;

		if (v < 0)
			return 0;
		bits = bits << 6 | (unsigned)v;
	}
	if ((pad == 1 && (bits & 0xff) != 0) || (pad == 2 && (bits & 0xffff) != 0))
		return 0;
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	return 3 - pad;
}

bool gf_base64_decode(const char *text, size_t n, gf_buf *out, gf_error *err)
{
	size_t before = out->len, pad = 0;

	if (n % 4 != 0)
		return gf_fail(err, GF_DAMAGED, "base64", NULL,
		    "base64 text of %zu characters, expected a multiple of four without white space", n);
	while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
		pad++;
	if (!gf_buf_reserve(out, n / 4 * 3 - pad, err))
		return false;
	for (size_t i = 0; i < n; i += 4) {
		unsigned char group[3];
		size_t got = decode_group(text + i, i + 4 == n, group);

		if (got == 0) {
			out->len = before;
			out->data[before] = '\0';
			return gf_fail(err, GF_DAMAGED, "base64", NULL, "not canonical base64 at character %zu", i + 1);
		}
		memcpy(out->data + out->len, group, got);
		out->len += got;
		out->data[out->len] = '\0';
	}
	return true;
}
