#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundles/medium.h"
#include "bundles/names.h"
#include "bundles/reader.h"

/* ---- open ---- */

bool gf_reader_init(gf_reader *r, const gf_reader_ops *ops, const char *name, gf_error *err)
{
	r->ops = ops;
	gf_buf_init(&r->statement, GF_STATEMENT_MAX);
	r->name = gf_strdup(name, err);
	r->store = r->name != NULL ? gf_store_new(err) : NULL;
	return r->store != NULL;
}

gf_reader *gf_reader_over(gf_medium *m, gf_error *err)
{
	return gf_reader_tar(m, err);
}

gf_reader *gf_reader_open(const char *path, gf_error *err)
{
	struct stat st;
	gf_medium *m;
	int fd;

	if (strcmp(path, "-") == 0) {
		m = gf_medium_from_fd(STDIN_FILENO, false, "stdin", err);
		return m != NULL ? gf_reader_tar(m, err) : NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		gf_fail_errno(err, errno == ENOENT || errno == ENXIO || errno == ENAMETOOLONG ? GF_USAGE : GF_FAILED,
		    "open", path, "cannot open the bundle");
		return NULL;
	}
	if (fstat(fd, &st) != 0) {
		gf_fail_errno(err, GF_FAILED, "read", path, "cannot look at it");
		(void)close(fd);
		return NULL;
	}
	if (S_ISDIR(st.st_mode))
		return gf_reader_dir(fd, path, err);
	m = gf_medium_from_fd(fd, true, path, err);
	return m != NULL ? gf_reader_tar(m, err) : NULL;
}

void gf_reader_close(gf_reader *r)
{
	if (r == NULL)
		return;
	r->ops->close(r);
	free(r->name);
	gf_buf_clear(&r->statement);
	gf_members_free(r->signatures, r->n_signatures);
	gf_graph_free(r->graph);
	gf_store_free(r->store);
	for (size_t i = 0; i < r->n_foreign; i++)
		free(r->foreign[i]);
	free(r->foreign);
	free(r);
}

/* ---- the head ---- */

bool gf_reader_add_signature(gf_reader *r, const char *name, gf_buf *bytes, gf_error *err)
{
	gf_member *last;

	if (r->n_signatures == GF_SIGNATURES_MAX)
		return gf_fail(err, GF_DAMAGED, "too-large", r->name,
		    "more than the %d signatures allowed inside a bundle", GF_SIGNATURES_MAX);
	if (r->n_signatures != 0 && strcmp(r->signatures[r->n_signatures - 1].name, name) >= 0)
		return gf_fail(err, GF_DAMAGED, "tar-head", name, "signatures are sorted by name, each once");
	if (!gf_grow(&r->signatures, &r->signatures_room, r->n_signatures, sizeof *r->signatures, err))
		return false;
	last = &r->signatures[r->n_signatures];
	last->name = gf_strdup(name, err);
	if (last->name == NULL)
		return false;
	last->bytes = *bytes;
	gf_buf_init(bytes, last->bytes.max);
	r->n_signatures++;
	return true;
}

const char *gf_reader_name(const gf_reader *r)
{
	return r->name;
}

const gf_buf *gf_reader_statement(const gf_reader *r)
{
	return &r->statement;
}

const gf_member *gf_reader_signatures(const gf_reader *r, size_t *n)
{
	*n = r->n_signatures;
	return r->signatures;
}

void gf_reader_release(gf_reader *r, const gf_manifest *m)
{
	r->m = m;
}

/* ---- what the manifest says of the front ---- */

static bool check_bytes(const gf_buf *bytes, uint64_t size, const gf_digest *want, const char *object, gf_error *err)
{
	char a[GF_HEX_SIZE], b[GF_HEX_SIZE];
	gf_digest found;

	if (bytes->len != size)
		return gf_fail(err, GF_DAMAGED, "blob-size", object, "expected %llu bytes, found %zu",
		    (unsigned long long)size, bytes->len);
	if (!gf_hash_bytes(gf_buf_text(bytes), bytes->len, &found, err))
		return false;
	if (gf_digest_equal(&found, want))
		return true;
	gf_digest_hex(want, a);
	gf_digest_hex(&found, b);
	return gf_fail(err, GF_DAMAGED, "blob-digest", object,
	    "expected SHA-256 %s, found %s: copy the bundle again from its source", a, b);
}

bool gf_reader_take_file(gf_reader *r, size_t i, const gf_buf *bytes, gf_error *err)
{
	return check_bytes(bytes, r->m->files[i].size, &r->m->files[i].digest, gf_file_names[i], err);
}

bool gf_reader_take_json(gf_reader *r, size_t i, gf_buf *bytes, gf_error *err)
{
	const gf_blob *blob = &r->m->blobs[i];
	char text[GF_DIGEST_SIZE];

	gf_digest_text(&blob->digest, text);
	return check_bytes(bytes, blob->size, &blob->digest, text, err) &&
	    gf_store_add(r->store, &blob->digest, bytes, err);
}

bool gf_reader_add_foreign(gf_reader *r, const char *dir, const char *name, gf_error *err)
{
	gf_buf path;
	bool ok = true;

	if (r->n_foreign == GF_FOREIGN_MAX)
		return true;
	gf_buf_init(&path, 4096);
	ok = gf_buf_puts(&path, dir, err) && gf_buf_puts(&path, name, err) &&
	    gf_grow(&r->foreign, &r->foreign_room, r->n_foreign, sizeof *r->foreign, err) &&
	    (r->foreign[r->n_foreign] = gf_strdup(gf_buf_text(&path), err)) != NULL;
	r->n_foreign += ok;
	gf_buf_clear(&path);
	return ok;
}

/* ---- front ---- */

static bool build_graph(gf_reader *r, const gf_buf files[GF_FILES], gf_error *err)
{
	const gf_manifest *m = r->m;
	gf_root *roots = gf_alloc(m->n_images + 1, sizeof *roots, err);

	if (roots == NULL)
		return false;
	for (size_t i = 0; i < m->n_images; i++)
		roots[i] = (gf_root){ .digest = m->images[i].digest,
			.name = m->images[i].names[0],
			.evidence = m->images[i].evidence,
			.n_evidence = m->images[i].n_evidence };
	r->graph = gf_graph_build(r->store, roots, m->n_images, GF_DAMAGED, err);
	free(roots);
	return r->graph != NULL && gf_manifest_compare(m, r->graph, files, r->thin, err);
}

static bool in_order(bool right, gf_error *err)
{
	return right || gf_fail(err, GF_FAILED, "internal", NULL, "a reader was called out of order");
}

bool gf_reader_front(gf_reader *r, gf_error *err)
{
	gf_buf files[GF_FILES];
	bool ok = in_order(r->m != NULL && r->graph == NULL, err);

	for (int i = 0; i < GF_FILES; i++)
		gf_buf_init(&files[i], GF_DERIVED_MAX);
	ok = ok && r->ops->front(r, files, err) && build_graph(r, files, err) && r->ops->rest(r, err);
	for (int i = 0; i < GF_FILES; i++)
		gf_buf_clear(&files[i]);
	if (!ok) {
		gf_graph_free(r->graph);
		r->graph = NULL;
	}
	return ok;
}

const gf_graph *gf_reader_graph(const gf_reader *r)
{
	return r->graph;
}

const gf_store *gf_reader_store(const gf_reader *r)
{
	return r->store;
}

bool gf_reader_seekable(const gf_reader *r)
{
	return r->seekable;
}

bool gf_reader_thin(const gf_reader *r)
{
	return r->thin;
}

/* ---- blobs ---- */

gf_input *gf_reader_blob(gf_reader *r, size_t i, bool *absent, gf_error *err)
{
	char path[GF_BLOB_PATH_SIZE];
	const gf_buf *json;
	gf_input *in;

	*absent = false;
	if (!in_order(r->graph != NULL && i < r->m->n_blobs, err))
		return NULL;
	if (r->m->blobs[i].kind == GF_KIND_JSON) {
		json = gf_store_find(r->store, &r->m->blobs[i].digest);
		return gf_input_memory(gf_buf_text(json), json->len, err);
	}
	in = r->ops->blob(r, i, absent, err);
	if (in == NULL)
		return NULL;
	gf_blob_path(&r->m->blobs[i].digest, path);
	return gf_input_sha256(in, &r->m->blobs[i].digest, path, err);
}

bool gf_reader_pass(gf_reader *r, size_t i, bool *absent, gf_error *err)
{
	*absent = false;
	if (!in_order(r->graph != NULL && i < r->m->n_blobs, err))
		return false;
	return r->m->blobs[i].kind == GF_KIND_JSON || r->ops->pass(r, i, absent, err);
}

bool gf_reader_finish(gf_reader *r, gf_error *err)
{
	return in_order(r->graph != NULL, err) && r->ops->finish(r, err);
}

const char *const *gf_reader_foreign(const gf_reader *r, size_t *n)
{
	*n = r->n_foreign;
	return (const char *const *)r->foreign;
}
