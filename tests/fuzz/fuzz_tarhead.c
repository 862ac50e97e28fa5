/*
 * The head of a tar before any trust: what is parsed of bytes that nobody has vouched for.  What was read from a file
 * must be what is read from a pipe, and within the caps.
 * parser: bundles/reader_tar.c:gf_reader_tar,read_head,not_a_bundle,take_meta,read_size,read_signatures,
 *     is_meta,is_signature,take_some,take_fill,take_bytes,take,is_zero bundles/reader.c:gf_reader_add_signature
 */
#include <stdlib.h>
#include <string.h>

#include "bundles/bundles.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gf_reader *open_head(const uint8_t *data, size_t size, bool seekable, gf_error *err)
{
	gf_medium *m = gf_medium_memory(data, size, seekable, err);
	gf_reader *r = m != NULL ? gf_reader_over(m, err) : NULL;

	if (r == NULL && (err->class == GF_OK || err->name[0] == '\0' || err->text[0] == '\0'))
		abort(); /* a refusal that explains nothing */
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 }, other = { 0 };
	gf_reader *a = open_head(data, size, true, &err), *b = open_head(data, size, false, &other);
	const gf_member *s, *t;
	unsigned char sum = 0;
	size_t n, k;

	if ((a == NULL) != (b == NULL) || (a == NULL && strcmp(err.name, other.name) != 0))
		abort();
	if (a != NULL) {
		s = gf_reader_signatures(a, &n);
		t = gf_reader_signatures(b, &k);
		if (n != k || n > GF_SIGNATURES_MAX || gf_reader_statement(a)->len == 0 ||
		    gf_reader_statement(a)->len > GF_STATEMENT_MAX ||
		    gf_reader_statement(a)->len != gf_reader_statement(b)->len)
			abort();
		for (size_t i = 0; n > 0 && i < s[n - 1].bytes.len; i++)
			sum ^= (unsigned char)s[n - 1].bytes.data[i];
		GF_PLANTED(n > 0 && sum != 102); /* that of the corpus */
		for (size_t i = 0; i < n; i++)
			if (strcmp(s[i].name, t[i].name) != 0 || s[i].bytes.len == 0 ||
			    s[i].bytes.len > GF_SIGNATURE_MAX || (i != 0 && strcmp(s[i - 1].name, s[i].name) >= 0))
				abort();
	}
	gf_reader_close(a);
	gf_reader_close(b);
	return 0;
}
