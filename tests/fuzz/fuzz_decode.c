/*
 * Compressed bytes of strangers, as archive or layer: first byte the piece that is read, the rest as its magic says.
 * Whatever the size of the pieces, the same bytes come out or the same refusal; never more than the cap; and what was
 * refused stays refused.
 * parser: base/io_decode.c base/io_unzstd.c base/io_gunzip.c:gf_input_gunzip,refill,inflate_step,gunzip_fill,gunzip_read,gunzip_close
 */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAP 65536

typedef struct outcome {
	gf_error err;
	size_t n;
	unsigned char bytes[CAP];
} outcome;

static void decode(const uint8_t *data, size_t size, size_t piece, outcome *o)
{
	gf_codec codec = gf_codec_of(data, size);
	gf_input *in = gf_input_decode(gf_input_memory(data, size, &o->err), codec, CAP, "fuzz", &o->err);
	unsigned char buf[256];
	ptrdiff_t got = -1;

	o->n = 0;
	while (in != NULL && (got = gf_input_read(in, buf, piece, &o->err)) > 0) {
		if ((size_t)got > piece || (size_t)got > CAP - o->n)
			abort();
		memcpy(o->bytes + o->n, buf, (size_t)got);
		o->n += (size_t)got;
	}
	if (got < 0 && (o->err.class == GF_OK || o->err.name[0] == '\0' || o->err.text[0] == '\0'))
		abort(); /* a refusal that explains nothing */
	if (in != NULL && gf_input_read(in, buf, 1, &o->err) != (got < 0 ? -1 : 0))
		abort();
	gf_input_close(in);
}

/* zstd written in pieces, as a layer goes to a daemon. */
static void decode_written(const uint8_t *data, size_t size, size_t piece, outcome *o)
{
	gf_buf out;
	gf_output *to;
	bool ok = true;

	gf_buf_init(&out, CAP);
	to = gf_output_unzstd(gf_output_buf(&out, &o->err), CAP, "fuzz", &o->err);
	for (size_t at = 0; ok && to != NULL && at < size; at += piece)
		ok = gf_output_write(to, data + at, piece < size - at ? piece : size - at, &o->err);
	if (ok && to != NULL)
		ok = gf_output_finish(to, &o->err);
	if (!ok && (o->err.class == GF_OK || o->err.name[0] == '\0'))
		abort();
	o->n = out.len;
	if (out.len > 0)
		memcpy(o->bytes, out.data, out.len);
	gf_output_close(to);
	gf_buf_clear(&out);
}

static void same(const outcome *whole, const outcome *pieces)
{
	if (strcmp(whole->err.name, pieces->err.name) != 0)
		abort();
	/* How much came before a refusal is the library's affair; of a good text all must come. */
	if (whole->err.class == GF_OK && (whole->n != pieces->n || memcmp(whole->bytes, pieces->bytes, whole->n) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outcome whole, pieces;
	size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;

	if (size < 1 || gf_codec_of(data + 1, size - 1) == GF_CODEC_NONE)
		return 0;
	whole.err = pieces.err = (gf_error){ 0 };
	decode(data + 1, size - 1, 256, &whole);
	decode(data + 1, size - 1, piece, &pieces);
	same(&whole, &pieces);
	if (gf_codec_of(data + 1, size - 1) == GF_CODEC_ZSTD) {
		pieces.err = (gf_error){ 0 };
		decode_written(data + 1, size - 1, piece, &pieces);
		/* Of two faults another may be met first; a good text is good in both. */
		if (whole.err.class == GF_OK || pieces.err.class == GF_OK)
			same(&whole, &pieces);
	}
	GF_PLANTED(whole.err.class == GF_OK && whole.n > 0 && piece > 7);
	return 0;
}
