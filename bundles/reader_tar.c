/*
 * A tar, seekable or forward only.  Before release the head is read under its caps; after it every header is
 * computed and compared, so that nothing of the tar is ever interpreted (FORMAT.md 1).
 */
#include <stdlib.h>
#include <string.h>

#include "bundles/medium.h"
#include "bundles/names.h"
#include "bundles/reader.h"

#define NOT_HERE UINT64_MAX

typedef struct tar {
	gf_reader base;
	gf_medium *medium;
	uint64_t pos;                                            /* of the next byte taken */
	unsigned char head[1 + GF_SIGNATURES_MAX][GF_TAR_BLOCK]; /* headers of the head's members */
	size_t n_head;
	unsigned char block[GF_TAR_BLOCK]; /* a header that was read and not yet compared */
	bool has_block;
	uint64_t *at;  /* seekable: where blob i begins, or NOT_HERE */
	size_t next;   /* forward: the first blob not passed */
	size_t layers; /* the first blob of kind layer */
	bool padded;   /* forward: META/padding is behind us */
	bool busy;     /* forward: a blob is being read */
} tar;

/* ---- taking bytes ---- */

static bool cut_short(const tar *t, const char *object, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "cut-short", t->base.name,
	    "ends at byte %llu, inside '%s': copy the bundle again from its source", (unsigned long long)t->pos,
	    object);
}

/* As many of the next n bytes as there are. */
static bool take_some(tar *t, void *buf, size_t n, size_t *got, gf_error *err)
{
	ptrdiff_t k = 1;

	*got = 0;
	if (t->base.seekable) {
		*got = t->medium->size - t->pos < n ? (size_t)(t->medium->size - t->pos) : n;
		if (*got != 0 && !t->medium->ops->read_at(t->medium, buf, *got, t->pos, err))
			return false;
	}
	while (!t->base.seekable && *got < n && k > 0) {
		k = t->medium->ops->read(t->medium, (unsigned char *)buf + *got, n - *got, err);
		if (k < 0)
			return false;
		*got += (size_t)k;
	}
	t->pos += *got;
	return true;
}

static bool take(tar *t, void *buf, size_t n, const char *object, gf_error *err)
{
	size_t got = 0;

	return take_some(t, buf, n, &got, err) && (got == n || cut_short(t, object, err));
}

static bool is_zero(const unsigned char *bytes, size_t n)
{
	unsigned char any = 0;

	for (size_t i = 0; i < n; i++)
		any |= bytes[i];
	return any == 0;
}

/* The zeros between the end of a member of size bytes and the next block. */
static bool take_fill(tar *t, uint64_t size, const char *object, gf_error *err)
{
	unsigned char fill[GF_TAR_BLOCK];
	size_t n = (size_t)(gf_tar_round(size) - size);

	if (!take(t, fill, n, object, err))
		return false;
	return is_zero(fill, n) ||
	    gf_fail(err, GF_DAMAGED, "tar-fill", object, "the bytes that fill its last block are not zero");
}

/* A member's bytes and fill.  out grows as they arrive, not by what was declared. */
static bool take_bytes(tar *t, uint64_t size, const char *object, gf_buf *out, gf_error *err)
{
	char step[64 * 1024];
	bool ok = true;

	for (uint64_t left = size; left != 0 && ok;) {
		size_t n = left < sizeof step ? (size_t)left : sizeof step;

		ok = take(t, step, n, object, err) && gf_buf_add(out, step, n, err);
		left -= n;
	}
	return ok && take_fill(t, size, object, err);
}

/* Over the bytes of a member and its fill. */
static bool hop(tar *t, uint64_t size, const char *object, gf_error *err)
{
	unsigned char step[64 * 1024];
	bool ok = true;

	if (t->base.seekable) {
		if (size > t->medium->size - t->pos) {
			t->pos = t->medium->size;
			return cut_short(t, object, err);
		}
		t->pos += size;
		return take_fill(t, size, object, err);
	}
	for (uint64_t left = size; left != 0 && ok;) {
		size_t n = left < sizeof step ? (size_t)left : sizeof step;

		ok = take(t, step, n, object, err);
		left -= n;
	}
	return ok && take_fill(t, size, object, err);
}

/* ---- headers ---- */

static bool peek(tar *t, const char *object, gf_error *err)
{
	if (!t->has_block)
		t->has_block = take(t, t->block, GF_TAR_BLOCK, object, err);
	return t->has_block;
}

static bool is_header(const tar *t, const unsigned char *block, const char *name, uint64_t size)
{
	unsigned char want[GF_TAR_BLOCK];

	gf_tar_header(name, size, t->base.m->created, want);
	return memcmp(block, want, GF_TAR_BLOCK) == 0;
}

/* Say how block differs from the header of name. */
static bool bad_header(const tar *t, const unsigned char *block, const char *name, uint64_t size, gf_error *err)
{
	unsigned char want[GF_TAR_BLOCK];
	char found[101] = "";
	gf_buf shown;
	size_t i = 0;

	gf_tar_header(name, size, t->base.m->created, want);
	while (i < GF_TAR_BLOCK - 1 && block[i] == want[i])
		i++;
	memcpy(found, block, 100);
	gf_buf_init(&shown, 1024);
	if (is_zero(block, GF_TAR_BLOCK))
		gf_fail(err, GF_DAMAGED, "tar-header", name, "expected its header, found the end of the bundle");
	else if (i < 100 && gf_text_escape(&shown, found, 100, err))
		gf_fail(err, GF_DAMAGED, "tar-header", name, "expected its header, found that of '%s'",
		    gf_buf_text(&shown));
	else
		gf_fail(err, GF_DAMAGED, "tar-header", name, "byte %zu of its header is 0x%02x, expected 0x%02x", i,
		    block[i], want[i]);
	gf_buf_clear(&shown);
	return false;
}

/* The next block is the header of name. */
static bool expect(tar *t, const char *name, uint64_t size, gf_error *err)
{
	if (!peek(t, name, err))
		return false;
	if (!is_header(t, t->block, name, size))
		return bad_header(t, t->block, name, size, err);
	t->has_block = false;
	return true;
}

/* ---- the head, before any trust ---- */

static bool not_a_bundle(const tar *t, const unsigned char *block, size_t n, gf_error *err)
{
	static const struct start {
		const char *magic;
		size_t n;
		const char *what, *how;
	} starts[] = {
		{ "\x1f\x8b", 2, "gzip", "gunzip it first" },
		{ "PK", 2, "zip", "unzip it first" },
		{ "\x28\xb5\x2f\xfd", 4, "zstd", "unzstd it first" },
		{ "\xfd"
		  "7zXZ",
		    5, "xz", "unxz it first" },
		{ "BZh", 3, "bzip2", "bunzip2 it first" },
		{ "7z\xbc\xaf", 4, "7z", "unpack it first" },
	};

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (n >= starts[i].n && memcmp(block, starts[i].magic, starts[i].n) == 0)
			return gf_fail(err, GF_DAMAGED, "compressed", t->base.name, "the bundle is compressed (%s): %s",
			    starts[i].what, starts[i].how);
	if (n == 0)
		return gf_fail(err, GF_DAMAGED, "tar-head", t->base.name, "is empty");
	if (n < GF_TAR_BLOCK)
		return cut_short(t, "META/manifest.json", err);
	return gf_fail(err, GF_DAMAGED, "tar-head", t->base.name,
	    "is no bundle: it does not begin with META/manifest.json as a regular ustar member");
}

/* Name (with its NULs), type and magic; the rest of the header is compared when the manifest is known. */
static bool is_meta(const unsigned char *block, char name[101])
{
	size_t n;

	memcpy(name, block, 100);
	name[100] = '\0';
	n = strlen(name);
	return is_zero(block + n, 100 - n) && block[156] == '0' && memcmp(block + 257, "ustar\00000", 8) == 0;
}

/* Eleven octal digits and a NUL, and nothing else. */
static bool read_size(const unsigned char field[12], uint64_t *size)
{
	*size = 0;
	for (size_t i = 0; i < 11; i++) {
		if (field[i] < '0' || field[i] > '7')
			return false;
		*size = *size << 3 | (uint64_t)(field[i] - '0');
	}
	return field[11] == '\0';
}

/* The bytes of the member whose header is in t->block. */
static bool take_meta(tar *t, const char *name, size_t max, gf_buf *out, gf_error *err)
{
	uint64_t size;

	if (!read_size(t->block + 124, &size))
		return gf_fail(err, GF_DAMAGED, "tar-head", name, "its size is not eleven octal digits and a NUL");
	if (size == 0)
		return gf_fail(err, GF_DAMAGED, "tar-head", name, "is empty");
	if (size > max)
		return gf_fail(err, GF_DAMAGED, "too-large", name, "has %llu bytes, and %zu are allowed",
		    (unsigned long long)size, max);
	memcpy(t->head[t->n_head++], t->block, GF_TAR_BLOCK);
	t->has_block = false;
	return take_bytes(t, size, name, out, err);
}

static bool is_signature(const char *name)
{
	return gf_starts_with(name, "META/") && gf_signature_name_valid(name + 5);
}

static bool read_signatures(tar *t, gf_error *err)
{
	char name[101];
	gf_buf bytes;
	size_t got = 0;
	bool ok = true, more = true;

	while (ok && more) {
		ok = take_some(t, t->block, GF_TAR_BLOCK, &got, err);
		/* A bundle that ends here is judged by its signatures first, and is cut short behind them. */
		t->has_block = ok && got == GF_TAR_BLOCK;
		more = t->has_block && is_meta(t->block, name) && is_signature(name);
		if (!ok || !more)
			break;
		gf_buf_init(&bytes, GF_SIGNATURE_MAX);
		if (t->base.n_signatures == GF_SIGNATURES_MAX)
			ok = gf_reader_add_signature(&t->base, name + 5, &bytes, err);
		else
			ok = take_meta(t, name, GF_SIGNATURE_MAX, &bytes, err) &&
			    gf_reader_add_signature(&t->base, name + 5, &bytes, err);
		gf_buf_clear(&bytes);
	}
	return ok;
}

static bool read_head(tar *t, gf_error *err)
{
	char name[101];
	size_t got = 0;

	if (!take_some(t, t->block, GF_TAR_BLOCK, &got, err))
		return false;
	if (got < GF_TAR_BLOCK || !is_meta(t->block, name) || strcmp(name, "META/manifest.json") != 0)
		return not_a_bundle(t, t->block, got, err);
	return take_meta(t, name, GF_STATEMENT_MAX, &t->base.statement, err) && read_signatures(t, err);
}

/* ---- the front, after release ---- */

static bool compare_head(const tar *t, gf_error *err)
{
	char name[101] = "META/manifest.json";
	uint64_t size = t->base.statement.len;

	for (size_t i = 0; i < t->n_head; i++) {
		if (i != 0) {
			memcpy(name + 5, t->base.signatures[i - 1].name, strlen(t->base.signatures[i - 1].name) + 1);
			size = t->base.signatures[i - 1].bytes.len;
		}
		if (!is_header(t, t->head[i], name, size))
			return bad_header(t, t->head[i], name, size, err);
	}
	return true;
}

static bool take_file(tar *t, size_t i, gf_buf *out, gf_error *err)
{
	const char *name = gf_file_names[i];

	return expect(t, name, t->base.m->files[i].size, err) &&
	    take_bytes(t, t->base.m->files[i].size, name, out, err) && gf_reader_take_file(&t->base, i, out, err);
}

static bool expect_blob(tar *t, size_t i, gf_error *err)
{
	char path[GF_BLOB_PATH_SIZE];

	gf_blob_path(&t->base.m->blobs[i].digest, path);
	return expect(t, path, t->base.m->blobs[i].size, err);
}

/* The next block is the header of blob i. */
static bool is_blob(const tar *t, size_t i)
{
	char path[GF_BLOB_PATH_SIZE];

	gf_blob_path(&t->base.m->blobs[i].digest, path);
	return is_header(t, t->block, path, t->base.m->blobs[i].size);
}

static bool take_json(tar *t, size_t i, gf_error *err)
{
	char path[GF_BLOB_PATH_SIZE];
	gf_buf bytes;
	bool ok;

	gf_buf_init(&bytes, GF_JSON_BLOB_MAX);
	gf_blob_path(&t->base.m->blobs[i].digest, path);
	ok = expect_blob(t, i, err) && take_bytes(t, t->base.m->blobs[i].size, path, &bytes, err) &&
	    gf_reader_take_json(&t->base, i, &bytes, err);
	gf_buf_clear(&bytes);
	return ok;
}

static bool tar_front(gf_reader *r, gf_buf files[GF_FILES], gf_error *err)
{
	tar *t = (tar *)r;
	const gf_manifest *m = r->m;
	bool ok = compare_head(t, err) && take_file(t, GF_FILE_SUMS, &files[GF_FILE_SUMS], err) &&
	    peek(t, gf_file_names[GF_FILE_LAYOUT], err);

	r->thin = ok && m->n_blobs != 0 && is_blob(t, 0);
	for (size_t i = GF_FILE_LAYOUT; i < GF_FILES && ok && !r->thin; i++)
		ok = take_file(t, i, &files[i], err);
	for (; ok && t->next < m->n_blobs && m->blobs[t->next].kind == GF_KIND_JSON; t->next++)
		ok = take_json(t, t->next, err);
	t->layers = t->next;
	while (t->layers < m->n_blobs && m->blobs[t->layers].kind != GF_KIND_LAYER)
		t->layers++;
	return ok;
}

static bool take_padding(tar *t, gf_error *err)
{
	static const char name[] = "META/padding";
	unsigned char step[4096];
	uint64_t size = gf_tar_padding(t->pos - (t->has_block ? GF_TAR_BLOCK : 0));
	bool ok = expect(t, name, size, err);

	for (uint64_t left = size; left != 0 && ok;) {
		size_t n = left < sizeof step ? (size_t)left : sizeof step;

		ok = take(t, step, n, name, err) &&
		    (is_zero(step, n) || gf_fail(err, GF_DAMAGED, "tar-fill", name, "has bytes that are not zero"));
		left -= n;
	}
	t->padded = ok;
	return ok;
}

/*
 * Layer i, or in a thin copy the next one present: *found is its number, n_blobs at the end.  The block stays
 * for the caller where it is not i's.
 */
static bool find_layer(tar *t, size_t i, size_t *found, gf_error *err)
{
	const gf_manifest *m = t->base.m;
	gf_digest digest;
	char path[GF_BLOB_PATH_SIZE], hex[GF_HEX_SIZE];

	gf_blob_path(&m->blobs[i].digest, path);
	if (!peek(t, path, err))
		return false;
	*found = i;
	if (is_blob(t, i)) {
		t->has_block = false;
		return true;
	}
	if (t->base.thin) {
		*found = m->n_blobs;
		if (is_zero(t->block, GF_TAR_BLOCK))
			return true;
		memcpy(hex, t->block + 13, GF_HEX_SIZE - 1);
		hex[GF_HEX_SIZE - 1] = '\0';
		if (gf_digest_parse_hex(hex, &digest))
			*found = gf_graph_find(t->base.graph, &digest);
		if (*found > i && *found < m->n_blobs && is_blob(t, *found))
			return true;
	}
	return bad_header(t, t->block, path, m->blobs[i].size, err);
}

/* Two zero blocks, and then nothing. */
static bool take_end(tar *t, gf_error *err)
{
	unsigned char second[GF_TAR_BLOCK + 1];
	size_t got = 0;

	if (!peek(t, "the end blocks", err) || !take(t, second, GF_TAR_BLOCK, "the end blocks", err))
		return false;
	t->has_block = false;
	if (!is_zero(t->block, GF_TAR_BLOCK) || !is_zero(second, GF_TAR_BLOCK))
		return gf_fail(err, GF_DAMAGED, "tar-end", t->base.name,
		    "has something where its two zero blocks at the end should be, before byte %llu",
		    (unsigned long long)t->pos);
	if (!take_some(t, second, 1, &got, err))
		return false;
	return got == 0 ||
	    gf_fail(err, GF_DAMAGED, "tar-end", t->base.name, "goes on behind its end, at byte %llu",
		(unsigned long long)t->pos - 1);
}

/* ---- seekable: every header to the end, then any blob from any thread ---- */

static bool locate_layers(tar *t, gf_error *err)
{
	const gf_manifest *m = t->base.m;
	size_t found = 0;
	char path[GF_BLOB_PATH_SIZE];

	for (size_t i = t->layers; i < m->n_blobs;) {
		if (!find_layer(t, i, &found, err))
			return false;
		while (i < found)
			t->at[i++] = NOT_HERE;
		if (found == m->n_blobs)
			break;
		t->has_block = false;
		t->at[found] = t->pos;
		gf_blob_path(&m->blobs[found].digest, path);
		if (!hop(t, m->blobs[found].size, path, err))
			return false;
		i = found + 1;
	}
	return true;
}

static bool tar_rest(gf_reader *r, gf_error *err)
{
	tar *t = (tar *)r;
	char path[GF_BLOB_PATH_SIZE];
	bool ok = true;

	if (!r->seekable)
		return true;
	t->at = gf_alloc(r->m->n_blobs + 1, sizeof *t->at, err);
	ok = t->at != NULL;
	for (size_t i = t->next; i < t->layers && ok; i++) {
		ok = expect_blob(t, i, err);
		t->at[i] = t->pos;
		gf_blob_path(&r->m->blobs[i].digest, path);
		ok = ok && hop(t, r->m->blobs[i].size, path, err);
	}
	return ok && take_padding(t, err) && locate_layers(t, err) && take_end(t, err);
}

/* ---- forward only: in order ---- */

typedef struct member_input {
	gf_input base;
	tar *t;
	uint64_t size, left;
	char path[GF_BLOB_PATH_SIZE];
} member_input;

static ptrdiff_t member_read(gf_input *in, void *buf, size_t cap, gf_error *err)
{
	member_input *mi = (member_input *)in;
	size_t n = mi->left < cap ? (size_t)mi->left : cap;
	ptrdiff_t got;

	if (n == 0) {
		if (mi->t->busy && !take_fill(mi->t, mi->size, mi->path, err))
			return -1;
		mi->t->busy = false;
		return 0;
	}
	got = mi->t->medium->ops->read(mi->t->medium, buf, n, err);
	if (got == 0) {
		cut_short(mi->t, mi->path, err);
		return -1;
	}
	if (got > 0) {
		mi->t->pos += (uint64_t)got;
		mi->left -= (uint64_t)got;
	}
	return got;
}

static void member_close(gf_input *in)
{
	free(in);
}

/* Stand behind the header of blob i, or *absent. */
static bool advance(tar *t, size_t i, bool *absent, gf_error *err)
{
	size_t found = i;
	bool ok;

	if (t->busy || i != t->next)
		return gf_fail(
		    err, GF_FAILED, "internal", NULL, "a bundle that only goes forward was read out of order");
	if (i >= t->layers)
		ok = (t->padded || take_padding(t, err)) && find_layer(t, i, &found, err);
	else
		ok = expect_blob(t, i, err);
	*absent = ok && found != i;
	t->next += ok;
	return ok;
}

static gf_input *tar_blob(gf_reader *r, size_t i, bool *absent, gf_error *err)
{
	static const gf_input_ops ops = { member_read, NULL, member_close };
	tar *t = (tar *)r;
	member_input *mi;

	if (r->seekable) {
		*absent = t->at[i] == NOT_HERE;
		return *absent ? NULL : gf_medium_input(t->medium, t->at[i], r->m->blobs[i].size, err);
	}
	if (!advance(t, i, absent, err) || *absent)
		return NULL;
	mi = gf_alloc(1, sizeof *mi, err);
	if (mi == NULL)
		return NULL;
	*mi = (member_input){ .base.ops = &ops, .t = t, .size = r->m->blobs[i].size, .left = r->m->blobs[i].size };
	gf_blob_path(&r->m->blobs[i].digest, mi->path);
	t->busy = true;
	return &mi->base;
}

static bool tar_pass(gf_reader *r, size_t i, bool *absent, gf_error *err)
{
	tar *t = (tar *)r;
	char path[GF_BLOB_PATH_SIZE];

	if (r->seekable) {
		*absent = t->at[i] == NOT_HERE;
		return true;
	}
	gf_blob_path(&r->m->blobs[i].digest, path);
	return advance(t, i, absent, err) && (*absent || hop(t, r->m->blobs[i].size, path, err));
}

static bool tar_finish(gf_reader *r, gf_error *err)
{
	tar *t = (tar *)r;

	if (r->seekable)
		return true; /* tar_rest has seen the end */
	if (t->busy || t->next != r->m->n_blobs)
		return gf_fail(err, GF_FAILED, "internal", NULL, "a bundle was finished before its last blob");
	return (t->padded || take_padding(t, err)) && take_end(t, err);
}

static void tar_close(gf_reader *r)
{
	tar *t = (tar *)r;

	gf_medium_close(t->medium);
	free(t->at);
}

gf_reader *gf_reader_tar(gf_medium *m, gf_error *err)
{
	static const gf_reader_ops ops = { tar_front, tar_rest, tar_blob, tar_pass, tar_finish, tar_close };
	tar *t = gf_alloc(1, sizeof *t, err);

	if (t == NULL) {
		gf_medium_close(m);
		return NULL;
	}
	t->medium = m;
	t->base.seekable = m->ops->read_at != NULL;
	if (!gf_reader_init(&t->base, &ops, m->name, err) || !read_head(t, err)) {
		gf_reader_close(&t->base);
		return NULL;
	}
	return &t->base;
}
