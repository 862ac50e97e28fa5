/* buf: bytes that grow up to a cap.  No buffer is born without its cap. */
#ifndef GF_BASE_BUF_H
#define GF_BASE_BUF_H

#include "base/error.h"

typedef struct gf_buf {
	char *data; /* len bytes and a NUL that is not counted; NULL while nothing was added */
	size_t len;
	size_t room;
	size_t max; /* len never exceeds it */
} gf_buf;

void gf_buf_init(gf_buf *b, size_t max);
void gf_buf_clear(gf_buf *b); /* frees; the cap stays */

/* Append.  Over the cap: GF_DAMAGED "too-large" and b unchanged. */
bool gf_buf_add(gf_buf *b, const void *bytes, size_t n, gf_error *err);
bool gf_buf_puts(gf_buf *b, const char *text, gf_error *err);
bool gf_buf_printf(gf_buf *b, gf_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Room for n more bytes (and the NUL) at data + len, to be filled by the caller; same errors. */
bool gf_buf_reserve(gf_buf *b, size_t n, gf_error *err);

/* b->data, or "" while it is NULL. */
const char *gf_buf_text(const gf_buf *b);

/* A name and the bytes of a small file. */
typedef struct gf_member {
	char *name;
	gf_buf bytes;
} gf_member;

void gf_members_free(gf_member *members, size_t n);

#endif
