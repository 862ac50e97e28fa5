/*
 * Our half of the talk with the contained reader of an archive: the input is what a reader that was taken over says, each
 * message behind two bytes of its length; the archive is 16 KiB of a pattern.  Members are read as they are named.
 * parser: pack/tape.c -gf_tape_open -gf_tape_drain -gf_tape_walls
 */
#include <stdlib.h>
#include <string.h>

#include "pack/tape_line.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAPE (16 * GF_KIB)

typedef struct script {
	const uint8_t *data;
	size_t size;
} script;

/* Answers are taken where there are some: what is asked is what was sent. */
static void play(void *ctx, int line)
{
	const script *s = ctx;
	size_t at = 0;

	while (s->size - at >= 2) {
		size_t n = (size_t)(s->data[at] | s->data[at + 1] << 8), got;
		uint64_t answer;
		unsigned char block[GF_TAPE_BLOCK];
		gf_tape_word w = { 0 };

		at += 2;
		if (n > s->size - at)
			n = s->size - at;
		memcpy(&w, s->data + at, n < sizeof w ? n : sizeof w);
		if (n > 0 && !gf_line_send(line, s->data + at, n, NULL, 0))
			return;
		at += n;
		if (n >= sizeof w && (w.what == GF_TAPE_READ || w.what == GF_TAPE_SKIP) &&
		    !gf_line_receive(line, &answer, sizeof answer, block, sizeof block, &got))
			return;
	}
}

static void fill(unsigned char *tape)
{
	for (size_t i = 0; i < TAPE; i++)
		tape[i] = (unsigned char)(i / 512 + i);
}

/* The bytes of a member are those that lie where it was said to be. */
static void read_member(gf_tape *t, const unsigned char *tape, const gf_tape_entry *e, gf_error *err)
{
	gf_input *in = gf_tape_member(t, err);
	unsigned char buf[1000];
	uint64_t at = e->offset;
	ptrdiff_t got = -1;

	while (in != NULL && (got = gf_input_read(in, buf, sizeof buf, err)) > 0) {
		if ((uint64_t)got > TAPE - at || memcmp(buf, tape + at, (size_t)got) != 0)
			abort();
		at += (uint64_t)got;
	}
	if (got == 0 && at != e->offset + e->size)
		abort();
	gf_input_close(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char tape[TAPE];
	script s = { data, size };
	gf_error err = { 0 };
	gf_tape_entry e;
	bool end = false;
	size_t members = 0;
	gf_tape *t;

	fill(tape);
	t = gf_tape_open_with(play, &s, gf_input_memory(tape, TAPE, &err), UINT64_MAX, "fuzz", &err);
	if (t == NULL)
		abort();
	while (gf_tape_next(t, &e, &end, &err) && !end) {
		if (e.name[0] == '\0' || e.name[0] == '/' || strstr(e.name, "//") != NULL ||
		    (e.link != NULL && e.size > 0))
			abort();
		members++;
		if (e.size > 0)
			read_member(t, tape, &e, &err);
		GF_PLANTED(e.size > 5000 && e.size <= TAPE && members == 2);
	}
	if (!end && (err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0'))
		abort();
	gf_tape_close(t);
	return 0;
}
