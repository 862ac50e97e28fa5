/*
 * What a token service answers: a header that is one line, or a refusal.
 * parser: remote/token.c
 */
#include <stdlib.h>
#include <string.h>

#include "remote/auth.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "Authorization: Bearer ";
	gf_secret header = { 0 };
	gf_error err = { 0 };
	uint64_t seconds = 0;
	bool ok = gf_token_read((const char *)data, size, &header, &seconds, &err);

	if (ok != (header.data != NULL) || seconds < 60 || seconds > 86400)
		abort();
	if (!ok && (err.class != GF_FAILED || err.name[0] == '\0' || err.text[0] == '\0'))
		abort();
	if (ok) {
		if (strlen(header.data) != header.len || !gf_starts_with(header.data, start) ||
		    header.len == sizeof start - 1 || header.len > sizeof start + GF_TOKEN_MAX)
			abort();
		for (const char *p = header.data + sizeof start - 1; *p != '\0'; p++)
			if (*p <= ' ' || *p >= 0x7f)
				abort();
		GF_PLANTED(header.data[sizeof start - 1] < 'a');
	}
	gf_secret_clear(&header);
	return 0;
}
