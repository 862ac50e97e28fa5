/*
 * A directory: the files of a tar bundle under one descriptor (FORMAT.md 1).  No link is followed, only regular
 * files are read, and names outside the closed set are reported and reach nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundles/names.h"
#include "bundles/reader.h"

typedef struct dir {
	gf_reader base;
	int root, meta, blobs, sha256;
} dir;

static bool open_below(int parent, const char *name, const char *shown, int *fd, gf_error *err)
{
	*fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd >= 0 || gf_fail_errno(err, GF_DAMAGED, "directory", shown, "is no directory of a bundle");
}

/* ---- listing ---- */

/* The tar's padding may lie here when somebody unpacked it: it means nothing. */
static bool take_meta_name(void *ctx, const char *name, gf_error *err)
{
	gf_reader *r = ctx;

	if (gf_signature_name_valid(name) || strcmp(name, "manifest.json") == 0 || strcmp(name, "padding") == 0)
		return true;
	return gf_reader_add_foreign(r, "META/", name, err);
}

static bool take_root_name(void *ctx, const char *name, gf_error *err)
{
	gf_reader *r = ctx;

	if (strcmp(name, "META") == 0 || strcmp(name, "blobs") == 0)
		return true;
	for (size_t i = 0; i < GF_FILES; i++)
		if (strcmp(name, gf_file_names[i]) == 0)
			return true;
	return gf_reader_add_foreign(r, "", name, err);
}

static bool take_blobs_name(void *ctx, const char *name, gf_error *err)
{
	gf_reader *r = ctx;

	return strcmp(name, "sha256") == 0 || gf_reader_add_foreign(r, "blobs/", name, err);
}

static bool take_blob_name(void *ctx, const char *name, gf_error *err)
{
	gf_reader *r = ctx;

	gf_digest digest;

	if (gf_digest_parse_hex(name, &digest) && gf_graph_find(r->graph, &digest) != SIZE_MAX)
		return true;
	return gf_reader_add_foreign(r, "blobs/sha256/", name, err);
}

/* ---- the head ---- */

static bool load_meta(dir *d, const char *name, size_t max, gf_buf *out, gf_error *err)
{
	return gf_file_load_at(d->meta, name, max, GF_DAMAGED, out, err) &&
	    (out->len != 0 || gf_fail(err, GF_DAMAGED, "tar-head", name, "is empty"));
}

static bool read_head(dir *d, gf_error *err)
{
	gf_names sigs = { .items = NULL };
	gf_buf bytes;
	/* One over the cap at most: enough to refuse it. */
	bool ok = load_meta(d, "manifest.json", GF_STATEMENT_MAX, &d->base.statement, err) &&
	    gf_dir_names(d->meta, "META", gf_signature_name_valid, GF_SIGNATURES_MAX, &sigs, err);

	for (size_t i = 0; i < sigs.n; i++) {
		gf_buf_init(&bytes, GF_SIGNATURE_MAX);
		ok = ok && load_meta(d, sigs.items[i], GF_SIGNATURE_MAX, &bytes, err) &&
		    gf_reader_add_signature(&d->base, sigs.items[i], &bytes, err);
		gf_buf_clear(&bytes);
	}
	gf_names_free(&sigs);
	return ok;
}

/* ---- after release ---- */

static bool dir_front(gf_reader *r, gf_buf files[GF_FILES], gf_error *err)
{
	dir *d = (dir *)r;
	char hex[GF_HEX_SIZE];
	gf_buf bytes;
	bool ok = open_below(d->root, "blobs", "blobs", &d->blobs, err) &&
	    open_below(d->blobs, "sha256", "blobs/sha256", &d->sha256, err);

	for (size_t i = 0; i < GF_FILES && ok; i++)
		ok = gf_file_load_at(d->root, gf_file_names[i], files[i].max, GF_DAMAGED, &files[i], err) &&
		    gf_reader_take_file(r, i, &files[i], err);
	for (size_t i = 0; ok && i < r->m->n_blobs && r->m->blobs[i].kind == GF_KIND_JSON; i++) {
		gf_buf_init(&bytes, GF_JSON_BLOB_MAX);
		gf_digest_hex(&r->m->blobs[i].digest, hex);
		ok = gf_file_load_at(d->sha256, hex, bytes.max, GF_DAMAGED, &bytes, err) &&
		    gf_reader_take_json(r, i, &bytes, err);
		gf_buf_clear(&bytes);
	}
	return ok;
}

/* A regular file of the right size; what is in it is hashed when it is read. */
static bool look_at(const dir *d, size_t i, gf_error *err)
{
	const gf_blob *blob = &d->base.m->blobs[i];
	char path[GF_BLOB_PATH_SIZE];
	struct stat st;

	gf_blob_path(&blob->digest, path);
	if (fstatat(d->sha256, path + 13, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? gf_fail(err, GF_DAMAGED, "blob-missing", path, "is missing in the bundle")
				       : gf_fail_errno(err, GF_FAILED, "read", path, "cannot look at it");
	if (!S_ISREG(st.st_mode))
		return gf_fail(err, GF_DAMAGED, "not-regular", path, "is no regular file");
	return (uint64_t)st.st_size == blob->size ||
	    gf_fail(err, GF_DAMAGED, "blob-size", path, "expected %llu bytes, found %llu",
		(unsigned long long)blob->size, (unsigned long long)st.st_size);
}

static bool dir_rest(gf_reader *r, gf_error *err)
{
	const dir *d = (const dir *)r;
	bool ok = true;

	for (size_t i = 0; i < r->m->n_blobs && ok; i++)
		ok = look_at(d, i, err);
	return ok && gf_dir_each(d->root, r->name, take_root_name, r, err) &&
	    gf_dir_each(d->meta, "META", take_meta_name, r, err) &&
	    gf_dir_each(d->blobs, "blobs", take_blobs_name, r, err) &&
	    gf_dir_each(d->sha256, "blobs/sha256", take_blob_name, r, err);
}

static gf_input *dir_blob(gf_reader *r, size_t i, bool *absent, gf_error *err)
{
	const dir *d = (const dir *)r;
	char path[GF_BLOB_PATH_SIZE];
	struct stat st;
	gf_input *in;
	int fd;

	*absent = false;
	gf_blob_path(&r->m->blobs[i].digest, path);
	fd = openat(d->sha256, path + 13, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		gf_fail_errno(err, errno == ENOENT || errno == ELOOP ? GF_DAMAGED : GF_FAILED, "blob-missing", path,
		    "cannot open it");
		return NULL;
	}
	if (fstat(fd, &st) != 0) {
		gf_fail_errno(err, GF_FAILED, "read", path, "cannot look at it");
		(void)close(fd);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)close(fd);
		gf_fail(err, GF_DAMAGED, "not-regular", path, "is no regular file");
		return NULL;
	}
	in = gf_input_file(fd, true, path, err);
	return gf_input_exact(in, r->m->blobs[i].size, path, err);
}

static bool dir_pass(gf_reader *r, size_t i, bool *absent, gf_error *err)
{
	*absent = false;
	return look_at((const dir *)r, i, err);
}

static bool dir_finish(gf_reader *r, gf_error *err)
{
	(void)r;
	(void)err;
	return true; /* dir_rest has looked at every file */
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static void dir_close(gf_reader *r)
{
	dir *d = (dir *)r;

	close_fd(d->sha256);
	close_fd(d->blobs);
	close_fd(d->meta);
	close_fd(d->root);
}

gf_reader *gf_reader_dir(int fd, const char *path, gf_error *err)
{
	static const gf_reader_ops ops = { dir_front, dir_rest, dir_blob, dir_pass, dir_finish, dir_close };
	dir *d = gf_alloc(1, sizeof *d, err);

	if (d == NULL) {
		(void)close(fd);
		return NULL;
	}
	d->root = fd;
	d->meta = d->blobs = d->sha256 = -1;
	d->base.seekable = true;
	if (!gf_reader_init(&d->base, &ops, path, err) ||
	    !(open_below(fd, "META", "META", &d->meta, err) || gf_because(err, "directory '%s' is no bundle", path)) ||
	    !read_head(d, err)) {
		gf_reader_close(&d->base);
		return NULL;
	}
	return &d->base;
}
