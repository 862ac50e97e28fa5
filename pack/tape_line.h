/* The words between a tape and the contained process that reads it (private to tape.c and tape_reader.c). */
#ifndef GF_PACK_TAPE_LINE_H
#define GF_PACK_TAPE_LINE_H

#include "pack/tape.h"

#define GF_TAPE_NAME 4096  /* of a member, or of what it links to */
#define GF_TAPE_BLOCK 4096 /* asked for at once; more of a layer than its first bytes need not pass */

typedef enum gf_tape_ask {
	GF_TAPE_READ = 1, /* give me up to size bytes: a number, and they; none: the end */
	GF_TAPE_SKIP,     /* pass over size bytes: a number, how many there were */
	GF_TAPE_ENTRY,    /* name_n bytes of name follow, and the link */
	GF_TAPE_END,
	GF_TAPE_FAILURE /* a gf_error follows */
} gf_tape_ask;

typedef struct gf_tape_word {
	uint32_t what, name_n;
	uint64_t size, offset;
	unsigned char linked, hard, n_magic;
	unsigned char magic[GF_TAPE_MAGIC];
} gf_tape_word;

#endif
