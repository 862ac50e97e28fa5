/* secret: bytes in sodium_malloc'd memory: guarded, not swapped, not in a core, zeros in a forked child, wiped when freed. */
#ifndef GF_BASE_SECRET_H
#define GF_BASE_SECRET_H

#include "base/buf.h"

typedef struct gf_secret {
	char *data; /* len bytes and a NUL; NULL: none */
	size_t len;
} gf_secret;

/* s is zeroed or holds a secret, which is freed first; on failure it stays. */
bool gf_secret_set(gf_secret *s, const void *bytes, size_t n, gf_error *err);
void gf_secret_clear(gf_secret *s);
/* Before OpenSSL has a private key: it lies where secrets do, too, and this process leaves no core and is not to be traced
 * by others of its user.  As far as the kernel can; a second call does nothing. */
void gf_secret_guard(void);
/* Before OpenSSL allocates anything: what it frees is wiped, copies of keys among it. */
void gf_secret_wipe_frees(void);
/* A buffer that something secret has passed through: zeroed, then cleared. */
void gf_buf_wipe(gf_buf *b);
/* The first line of a file, or of stdin for "-", without its LF; at most 4096 bytes, else GF_USAGE "passphrase";
 * nor may it have a NUL.  Nothing behind the LF is read. */
bool gf_secret_load_line(gf_secret *s, const char *path, gf_error *err);
/* A whole file or FIFO, at most max bytes (private keys): else GF_USAGE "too-large", "not-found". */
bool gf_secret_load(gf_secret *s, const char *path, size_t max, gf_error *err);

/* How a library asks for a passphrase.  confirm: ask twice.  Given by cli; knows GAPFERRY_PASSPHRASE,
 * --passphrase-file and the terminal.  None to be had: GF_USAGE "passphrase". */
typedef struct gf_asker {
	bool (*ask)(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err);
	void *ctx;
	/* The same for a cosign.key (COSIGN_PASSWORD).  NULL: as for every key. */
	bool (*ask_cosign)(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err);
} gf_asker;

#endif
