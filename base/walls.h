/* walls: what contain.c builds them of (private to base). */
#ifndef GF_BASE_WALLS_H
#define GF_BASE_WALLS_H

#include "base/contain.h"

typedef struct gf_walls {
	unsigned char landlock; /* its ABI; 0: it does not stand */
	bool seccomp;
} gf_walls;

/* Of a reader: nothing but line to write to, nothing that is not open now. */
gf_walls gf_walls_reader(int line);
void gf_walls_text(gf_walls w, char walls[GF_WALLS_SIZE]);

#endif
