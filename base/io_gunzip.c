/*
 * gzip read back: by zlib where the data is a stranger's, by ISA-L where it was judged.
 * Both take several members in a row and nothing else behind one (RFC 1952 section 2.2).
 */
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include "base/io.h"
#include "base/limits.h"

static bool bad(const char *object, const char *what, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "gzip", object, "the gzip data is damaged: %s", what);
}

static bool too_large(const char *object, uint64_t max, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "too-large", object, "it inflates to more than the %llu bytes expected",
	    (unsigned long long)max);
}

/* ---- input, zlib ---- */

typedef struct gunzip_input {
	gf_input in;
	gf_input *up;
	char *object;
	uint64_t left, max;
	z_stream z;
	bool ready;    /* z wants its inflateEnd */
	bool inside;   /* within a member */
	bool up_ended; /* up has no more */
	bool any;      /* a member was seen */
	gf_error failure;
	unsigned char bytes[64 * 1024];
} gunzip_input;

/* Bytes for z, or up_ended. */
static bool refill(gunzip_input *g, gf_error *err)
{
	ptrdiff_t got;

	if (g->z.avail_in > 0 || g->up_ended)
		return true;
	got = gf_input_read(g->up, g->bytes, sizeof g->bytes, err);
	if (got < 0)
		return false;
	g->z.next_in = g->bytes;
	g->z.avail_in = (uInt)got;
	g->up_ended = got == 0;
	return true;
}

/* One step of inflate into buf: *got bytes. */
static bool inflate_step(gunzip_input *g, void *buf, size_t cap, size_t *got, gf_error *err)
{
	int rc;

	if (!g->inside && g->any && inflateReset(&g->z) != Z_OK)
		return bad(g->object, "inflate failed", err);
	g->inside = true;
	g->z.next_out = buf;
	g->z.avail_out = cap < UINT32_MAX ? (uInt)cap : UINT32_MAX;
	*got = g->z.avail_out;
	rc = inflate(&g->z, Z_NO_FLUSH);
	*got -= g->z.avail_out;
	if (rc == Z_MEM_ERROR)
		return gf_no_memory(err);
	if (rc == Z_STREAM_END) {
		g->inside = false;
		g->any = true;
	} else if (rc != Z_OK && rc != Z_BUF_ERROR) {
		return bad(g->object, g->z.msg != NULL ? g->z.msg : "not gzip", err);
	} else if (*got == 0 && g->up_ended && g->z.avail_in == 0) {
		return bad(g->object, "it is cut short", err);
	}
	return true;
}

static bool gunzip_fill(gunzip_input *g, void *buf, size_t cap, size_t *got, gf_error *err)
{
	*got = 0;
	while (*got == 0) {
		if (!refill(g, err))
			return false;
		if (g->up_ended && g->z.avail_in == 0 && !g->inside)
			return g->any || bad(g->object, "it is empty", err);
		if (!inflate_step(g, buf, cap, got, err))
			return false;
	}
	return true;
}

static ptrdiff_t gunzip_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	gunzip_input *g = (gunzip_input *)in;
	unsigned char probe; /* with nothing left, one byte more is one too many */
	size_t got = 0;
	bool ok;

	if (g->failure.class != GF_OK) {
		*err = g->failure;
		return -1;
	}
	if (g->left > 0) {
		ok = gunzip_fill(g, buf, cap < g->left ? cap : (size_t)g->left, &got, err);
		g->left -= got;
	} else {
		ok = gunzip_fill(g, &probe, 1, &got, err) && (got == 0 || too_large(g->object, g->max, err));
	}
	if (!ok) {
		g->failure = *err;
		return -1;
	}
	return (ptrdiff_t)got;
}

static void gunzip_close(gf_input *in)
{
	gunzip_input *g = (gunzip_input *)in;

	gf_input_close(g->up);
	if (g->ready)
		(void)inflateEnd(&g->z);
	free(g->object);
	free(g);
}

gf_input *gf_input_gunzip(gf_input *up, uint64_t max, const char *object, gf_error *err)
{
	static const gf_input_ops ops = { gunzip_read, NULL, gunzip_close };
	gunzip_input *g;

	if (up == NULL)
		return NULL;
	g = gf_alloc(1, sizeof *g, err);
	if (g == NULL) {
		gf_input_close(up);
		return NULL;
	}
	g->in.ops = &ops;
	g->up = up;
	g->left = g->max = max;
	g->object = gf_strdup(object != NULL ? object : "", err);
	if (g->object != NULL) {
		g->ready = inflateInit2(&g->z, 15 + 16) == Z_OK;
		if (!g->ready)
			gf_no_memory(err);
	}
	if (!g->ready) {
		gunzip_close(&g->in);
		return NULL;
	}
	return &g->in;
}

/* ---- output, ISA-L ---- */

/*
 * The member header (RFC 1952 section 2.3), byte by byte: ISA-L 2.30 takes a header with a
 * checksum of its own for damaged when it arrives in pieces.
 */
typedef struct header {
	enum { FIXED, EXTRA_SIZE, EXTRA, NAME, COMMENT, CHECK, DATA } field;
	unsigned flags;
	size_t count, extra; /* bytes of the field so far; of the extra field altogether */
	uint32_t crc, check;
} header;

/* The field behind this one that the flags say is there. */
static void next_field(header *h)
{
	static const unsigned flag_of[] = { 0, 4, 4, 8, 16, 2 };

	do
		h->field++;
	while (h->field < DATA && (h->flags & flag_of[h->field]) == 0);
	h->count = 0;
	if (h->field == EXTRA && h->extra == 0)
		next_field(h);
}

static bool fixed_byte(header *h, unsigned char c)
{
	static const unsigned char magic[] = { 0x1f, 0x8b, 8 };

	if (h->count < sizeof magic && c != magic[h->count])
		return false;
	if (h->count == 3)
		h->flags = c;
	return (h->flags & 0xe0) == 0; /* reserved */
}

static bool header_byte(header *h, unsigned char c)
{
	bool ends = false, good = true;

	if (h->field != CHECK)
		h->crc = crc32_gzip_refl(h->crc, &c, 1);
	switch (h->field) {
	case FIXED:
		good = fixed_byte(h, c);
		ends = h->count == 9;
		break;
	case EXTRA_SIZE:
		h->extra |= (size_t)c << (8 * h->count);
		ends = h->count == 1;
		break;
	case EXTRA: ends = h->count + 1 == h->extra; break;
	case NAME:
	case COMMENT: ends = c == 0; break;
	case CHECK:
		h->check |= (uint32_t)c << (8 * h->count);
		ends = h->count == 1;
		good = !ends || h->check == (h->crc & 0xffff);
		break;
	case DATA: break;
	}
	h->count++;
	if (ends)
		next_field(h);
	return good;
}

typedef struct gunzip_output {
	gf_output out;
	gf_output *down;
	char *object;
	uint64_t left, max;
	bool inside, any; /* within a member; one was seen to its end */
	header header;
	struct inflate_state state;
	unsigned char bytes[GF_COPY_STEP];
} gunzip_output;

/* As much of the header as is there. */
static bool take_header(gunzip_output *g, const unsigned char **p, size_t *n, gf_error *err)
{
	if (!g->inside) {
		g->header = (header){ .field = FIXED };
		isal_inflate_reset(&g->state);
		g->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
		g->inside = true;
	}
	while (g->header.field != DATA && *n > 0) {
		if (!header_byte(&g->header, **p))
			return bad(g->object, "it has no gzip header", err);
		(*p)++;
		(*n)--;
	}
	return true;
}

/* Inflate n bytes; *used of them are taken, fewer when the member ends. */
static bool take_data(gunzip_output *g, const unsigned char *p, uint32_t n, uint32_t *used, gf_error *err)
{
	struct inflate_state *s = &g->state;
	bool full = false;

	s->next_in = (uint8_t *)(uintptr_t)p; /* ISA-L reads it only */
	s->avail_in = n;
	while (g->inside && (s->avail_in > 0 || full)) {
		uint32_t before = s->avail_in;
		size_t got;
		int rc;

		s->next_out = g->bytes;
		s->avail_out = sizeof g->bytes;
		rc = isal_inflate(s);
		if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT && rc != ISAL_OUT_OVERFLOW)
			return bad(g->object,
			    rc == ISAL_INCORRECT_CHECKSUM ? "its checksum is wrong" : "it does not inflate", err);
		got = sizeof g->bytes - s->avail_out;
		full = s->avail_out == 0;
		if (got > g->left)
			return too_large(g->object, g->max, err);
		g->left -= got;
		if (!gf_output_write(g->down, g->bytes, got, err))
			return false;
		if (s->block_state == ISAL_BLOCK_FINISH) {
			g->inside = false;
			g->any = true;
		} else if (got == 0 && s->avail_in == before && before > 0) {
			return bad(g->object, "it does not inflate", err); /* no progress: never seen */
		}
	}
	*used = n - s->avail_in;
	return true;
}

static bool gunzip_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	gunzip_output *g = (gunzip_output *)out;
	const unsigned char *p = bytes;

	while (n > 0) {
		uint32_t used = 0;

		if (!take_header(g, &p, &n, err))
			return false;
		if (n > 0 && !take_data(g, p, n < 1u << 30 ? (uint32_t)n : 1u << 30, &used, err))
			return false;
		p += used;
		n -= used;
	}
	return true;
}

static bool gunzip_finish(gf_output *out, gf_error *err)
{
	gunzip_output *g = (gunzip_output *)out;

	if (g->inside || !g->any)
		return bad(g->object, g->inside ? "it is cut short" : "it is empty", err);
	return gf_output_finish(g->down, err);
}

static void gunzip_output_close(gf_output *out)
{
	gunzip_output *g = (gunzip_output *)out;

	gf_output_close(g->down);
	free(g->object);
	free(g);
}

gf_output *gf_output_gunzip(gf_output *down, uint64_t max, const char *object, gf_error *err)
{
	static const gf_output_ops ops = { gunzip_write, gunzip_finish, gunzip_output_close };
	gunzip_output *g;

	if (down == NULL)
		return NULL;
	g = gf_alloc(1, sizeof *g, err);
	if (g == NULL) {
		gf_output_close(down);
		return NULL;
	}
	g->out.ops = &ops;
	g->down = down;
	g->left = g->max = max;
	g->object = gf_strdup(object != NULL ? object : "", err);
	if (g->object == NULL) {
		gunzip_output_close(&g->out);
		return NULL;
	}
	isal_inflate_init(&g->state);
	return &g->out;
}
