/*
 * A whole bundle, the zeros of META/padding left out, whose statement is believed without a signature, as a file and as a pipe: released, front, every blob,
 * end.  Both ways must come to the same answer.
 * parser: bundles/reader_tar.c bundles/reader.c:gf_reader_front,gf_reader_blob,check_bytes,build_graph
 *     bundles/derive.c bundles/tarhdr.c
 */
#include <stdlib.h>
#include <string.h>

#include "bundles/bundles.h"
#include "tests/fuzz/padded.h"
#include "tests/fuzz/planted.h"
#include "tests/fuzz/tar_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(tar_mutate);

static bool read_blob(gf_reader *r, size_t i, uint64_t want, gf_error *err)
{
	unsigned char buf[4096];
	bool absent = false;
	gf_input *in = gf_reader_blob(r, i, &absent, err);
	uint64_t n = 0;
	ptrdiff_t got = -1;

	if (in == NULL)
		return absent;
	while ((got = gf_input_read(in, buf, sizeof buf, err)) > 0)
		n += (uint64_t)got;
	if (got == 0 && n != want)
		abort();
	gf_input_close(in);
	return got == 0;
}

static bool read_bundle(const uint8_t *data, size_t size, bool seekable, bool pass)
{
	gf_error err = { 0 };
	gf_medium *medium = gf_medium_memory(data, size, seekable, &err);
	gf_reader *r = medium != NULL ? gf_reader_over(medium, &err) : NULL;
	gf_manifest *m = NULL;
	unsigned char sum = 0;
	bool ok, absent;

	if (r != NULL)
		m = gf_manifest_parse(gf_reader_statement(r)->data, gf_reader_statement(r)->len, &err);
	ok = m != NULL;
	if (ok) {
		gf_reader_release(r, m);
		ok = gf_reader_front(r, &err);
	}
	for (size_t i = 0; ok && i < m->n_blobs; i++)
		ok = pass ? gf_reader_pass(r, i, &absent, &err) : read_blob(r, i, m->blobs[i].size, &err);
	ok = ok && gf_reader_finish(r, &err);
	if (!ok &&
	    (err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0' || strcmp(err.name, "internal") == 0))
		abort(); /* a refusal that explains nothing, or blames us */
	for (size_t i = 0; ok && i < gf_reader_statement(r)->len; i++)
		sum ^= (unsigned char)gf_reader_statement(r)->data[i];
	GF_PLANTED(ok && sum != 39 && sum != 26); /* those of the corpus */
	gf_reader_close(r);
	gf_manifest_free(m);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bundle = padded(data, &size);

	if (read_bundle(bundle, size, true, false) != read_bundle(bundle, size, false, false))
		abort();
	(void)read_bundle(bundle, size, false, true);
	free(bundle);
	return 0;
}
