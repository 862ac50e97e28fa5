#include <stdlib.h>
#include <zstd.h>

#include "base/zstd.h"

#define LEVEL 3 /* 8 to 10 % smaller than 1 at 0.6 of its speed (facts/performance.md) */

struct gf_zstd {
	ZSTD_CCtx *c;
};

size_t gf_zstd_bound(size_t n)
{
	return ZSTD_compressBound(n);
}

void gf_zstd_free(gf_zstd *z)
{
	if (z == NULL)
		return;
	ZSTD_freeCCtx(z->c);
	free(z);
}

gf_zstd *gf_zstd_new(gf_error *err)
{
	gf_zstd *z = gf_alloc(1, sizeof *z, err);

	if (z == NULL)
		return NULL;
	z->c = ZSTD_createCCtx();
	if (z->c == NULL || ZSTD_isError(ZSTD_CCtx_setParameter(z->c, ZSTD_c_compressionLevel, LEVEL))) {
		gf_no_memory(err);
		gf_zstd_free(z);
		return NULL;
	}
	return z;
}

bool gf_zstd_block(gf_zstd *z, const void *in, size_t n, void *out, size_t cap, size_t *out_n, gf_error *err)
{
	size_t rc = ZSTD_compress2(z->c, out, cap, in, n);

	if (ZSTD_isError(rc))
		return gf_fail(err, GF_FAILED, "compress", NULL, "libzstd: %s, for a block of %zu bytes",
		    ZSTD_getErrorName(rc), n);
	*out_n = rc;
	return true;
}

/* The library that is linked, not the header's: bytes are its. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *gf_zstd_name(void)
{
	return "libzstd " ZSTD_VERSION_STRING " zstd " TEXT(LEVEL);
}
