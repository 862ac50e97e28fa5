/*
 * Names of images.  What parses is made of valid parts, and both ways to print it parse to the same name.
 * parser: remote/reference.c
 */
#include <stdlib.h>
#include <string.h>

#include "remote/reference.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_same(const char *text, const char *full)
{
	char again[GF_REFERENCE_SIZE];
	gf_reference r;
	gf_error err;

	if (!gf_reference_parse(text, &r, &err))
		abort();
	gf_reference_print(&r, again);
	if (strcmp(again, full) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char full[GF_REFERENCE_SIZE], familiar[GF_REFERENCE_SIZE], *text = malloc(size + 1);
	gf_reference r;
	gf_error err = { 0 };

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (!gf_reference_parse(text, &r, &err)) {
		if (err.class != GF_USAGE || strcmp(err.name, "reference") != 0 || err.text[0] == '\0')
			abort(); /* a refusal that explains nothing */
		free(text);
		return 0;
	}
	if (!gf_host_valid(r.host, strlen(r.host)) || !gf_repository_valid(r.path) ||
	    (r.tag[0] == '\0' ? !r.has_digest : !gf_tag_valid(r.tag)) || gf_host_name_length(r.host) > strlen(r.host) ||
	    gf_host_name_length(r.host) == 0)
		abort();
	GF_PLANTED(r.has_digest && strcmp(r.path, "app") != 0 && strcmp(r.path, "library/redis") != 0);
	(void)gf_host_loopback(r.host);
	gf_reference_print(&r, full);
	gf_reference_familiar(&r, familiar);
	for (const char *c = full; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			abort();
	is_same(full, full);
	is_same(familiar, full);
	free(text);
	return 0;
}
