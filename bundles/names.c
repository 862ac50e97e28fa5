#include <stdlib.h>
#include <string.h>

#include "bundles/names.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Brackets are for an IPv6 address as host. */
static bool has_only_reference_bytes(const char *text)
{
	return text[strspn(text, LETTERS CAPITALS DIGITS "._-/:@[]")] == '\0';
}

bool gf_image_name_valid(const char *name)
{
	return *name != '\0' && strlen(name) <= GF_IMAGE_NAME_MAX && has_only_reference_bytes(name);
}

bool gf_image_name_has_digest(const char *name)
{
	return strchr(name, '@') != NULL;
}

bool gf_source_valid(const char *source)
{
	static const char docker[] = "docker://";
	size_t n;

	if (gf_starts_with(source, docker))
		return gf_image_name_valid(source + sizeof docker - 1);
	n = strspn(source, LETTERS DIGITS "-");
	return source[n] == '\0' && n >= 1 && n <= 32;
}

bool gf_signature_name_valid(const char *name)
{
	static const char start[] = "manifest.json.";
	const char *rest;
	size_t ext;

	if (!gf_starts_with(name, start))
		return false;
	rest = name + sizeof start - 1;
	if (strspn(rest, DIGITS "abcdef") != 16 || rest[16] != '.')
		return false;
	ext = strspn(rest + 17, LETTERS DIGITS);
	return rest[17 + ext] == '\0' && ext >= 1 && ext <= 8;
}

void gf_blob_path(const gf_digest *digest, char out[GF_BLOB_PATH_SIZE])
{
	memcpy(out, "blobs/sha256/", 13);
	gf_digest_hex(digest, out + 13);
}

const char *gf_kind_text(gf_kind kind)
{
	static const char *const texts[] = { "json", "evidence", "layer" };

	return texts[kind];
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool gf_texts_sort(const char **texts, size_t n, const char **same)
{
	if (n != 0)
		qsort(texts, n, sizeof *texts, compare_texts);
	for (size_t i = 1; i < n; i++)
		if (strcmp(texts[i - 1], texts[i]) == 0) {
			*same = texts[i];
			return true;
		}
	return false;
}
