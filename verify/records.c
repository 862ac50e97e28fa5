#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verify/records.h"

#define PATH_MAX_BYTES 4096
#define MANIFEST "manifest.json"

/* Write bytes under name, unless they stand there already; *other: something else does. */
static bool keep_file(const char *dir, const char *name, const gf_buf *bytes, bool *other, gf_error *err)
{
	gf_buf path, there;
	gf_error why = { 0 };
	bool ok, found;

	*other = false;
	gf_buf_init(&path, PATH_MAX_BYTES);
	gf_buf_init(&there, GF_STATEMENT_MAX);
	ok = gf_path_join(&path, dir, name, err);
	found = ok && gf_file_load(path.data, GF_STATEMENT_MAX, GF_FAILED, &there, &why);
	if (found && there.len == bytes->len && memcmp(gf_buf_text(&there), gf_buf_text(bytes), there.len) == 0)
		; /* kept by an earlier run */
	else if (found)
		*other = true;
	else
		ok = ok && gf_file_store(path.data, 0600, gf_buf_text(bytes), bytes->len, err);
	gf_buf_clear(&there);
	gf_buf_clear(&path);
	return ok;
}

/* m signs a file that was called from and is kept as to.  None replaces another (FORMAT.md 3): a second file of the same
 * name gets a name from its own bytes. */
static bool keep_signature(const char *dir, const char *from, const char *to, const gf_member *m, gf_error *err)
{
	const char *ext = gf_signature_ext(m->name, from);
	char hex[GF_HEX_SIZE], name[128];
	gf_digest digest;
	bool other;

	if (ext == NULL)
		return gf_fail(
		    err, GF_FAILED, "state", m->name, "'%s' is not the name of a signature of '%s'", m->name, from);
	(void)snprintf(name, sizeof name, "%s%s", to, m->name + strlen(from));
	if (!keep_file(dir, name, &m->bytes, &other, err))
		return false;
	if (!other)
		return true;
	if (!gf_hash_bytes(gf_buf_text(&m->bytes), m->bytes.len, &digest, err))
		return false;
	gf_digest_hex(&digest, hex);
	(void)snprintf(name, sizeof name, "%s.%.16s.%s", to, hex, ext);
	return keep_file(dir, name, &m->bytes, &other, err);
}

/* The directory of a record, on the disk before the first file in it is: where the manifest lies an earlier run saw to it. */
static bool make_record(gf_buf *dir, const char *state_dir, const gf_digest *manifest, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_buf first;
	bool ok;

	gf_digest_hex(manifest, hex);
	gf_buf_init(&first, PATH_MAX_BYTES);
	ok = gf_buf_printf(dir, err, "%s/records/%s", state_dir, hex) && gf_dir_make(dir->data, 0700, err) &&
	    gf_path_join(&first, dir->data, MANIFEST, err) &&
	    (access(first.data, F_OK) == 0 || gf_dir_sync_parent(dir->data, err));
	gf_buf_clear(&first);
	return ok;
}

bool gf_records_keep(const char *state_dir, const gf_digest *manifest, const gf_buf *statement,
    const gf_member *signatures, size_t n, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_digest found;
	gf_buf dir;
	bool ok, other = false;

	gf_digest_hex(manifest, hex);
	gf_buf_init(&dir, PATH_MAX_BYTES);
	ok = gf_hash_bytes(gf_buf_text(statement), statement->len, &found, err);
	if (ok && !gf_digest_equal(&found, manifest))
		ok =
		    gf_fail(err, GF_FAILED, "state", hex, "a record was to be kept under the digest of something else");
	ok = ok && make_record(&dir, state_dir, manifest, err) && keep_file(dir.data, MANIFEST, statement, &other, err);
	if (ok && other)
		ok = gf_fail(err, GF_FAILED, "state", dir.data,
		    "'%s/manifest.json' does not have the digest it lies under; the state is damaged", dir.data);
	for (size_t i = 0; ok && i < n; i++)
		ok = keep_signature(dir.data, MANIFEST, MANIFEST, &signatures[i], err);
	gf_buf_clear(&dir);
	return ok;
}

gf_manifest *gf_records_manifest(const char *state_dir, const gf_digest *manifest, gf_buf *text, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_manifest *m = NULL;
	gf_digest found;
	gf_buf path;
	bool ok;

	gf_digest_hex(manifest, hex);
	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = gf_buf_printf(&path, err, "%s/records/%s/manifest.json", state_dir, hex) &&
	    gf_file_load(path.data, GF_STATEMENT_MAX, GF_FAILED, text, err) &&
	    gf_hash_bytes(gf_buf_text(text), text->len, &found, err);
	if (ok && !gf_digest_equal(&found, manifest))
		ok = gf_fail(err, GF_FAILED, "state", path.data, "'%s' is not the manifest of that digest", path.data);
	if (ok)
		m = gf_manifest_parse(gf_buf_text(text), text->len, err);
	gf_buf_clear(&path);
	return m;
}

bool gf_records_created(const char *state_dir, const gf_digest *manifest, gf_time *created, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_manifest *m;
	gf_buf text;

	gf_digest_hex(manifest, hex);
	gf_buf_init(&text, GF_STATEMENT_MAX);
	m = gf_records_manifest(state_dir, manifest, &text, err);
	if (m != NULL)
		*created = m->created;
	else
		gf_fail(
		    err, GF_FAILED, "state", hex, "the manifest %s was not kept as it should be: %s", hex, err->text);
	gf_buf_clear(&text);
	gf_manifest_free(m);
	return m != NULL;
}

/* ---- the files of one record ---- */

typedef struct found {
	int dir;
	bool (*wanted)(const char *name);
	gf_member *list;
	size_t n, room;
} found;

static bool is_signature(const char *name)
{
	return gf_signature_ext(name, MANIFEST) != NULL;
}

static bool is_statement(const char *name)
{
	return !gf_starts_with(name, MANIFEST);
}

static bool take_file(void *ctx, const char *name, gf_error *err)
{
	size_t most = is_signature(name) ? GF_SIGNATURE_MAX : GF_COMPANION_MAX;
	found *f = ctx;
	gf_member *m;

	if (!f->wanted(name))
		return true;
	if (f->n == GF_COMPANIONS_MAX)
		return gf_fail(err, GF_FAILED, "state", name, "a record has more than %d files", GF_COMPANIONS_MAX);
	if (!gf_grow(&f->list, &f->room, f->n, sizeof *f->list, err))
		return false;
	m = &f->list[f->n];
	gf_buf_init(&m->bytes, most);
	m->name = gf_strdup(name, err);
	if (m->name == NULL)
		return false;
	f->n++;
	return gf_file_load_at(f->dir, name, most, GF_FAILED, &m->bytes, err);
}

/* must: the record is there. */
static bool load_record(const char *state_dir, const gf_digest *manifest, bool must, found *f, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_buf path;
	bool ok;

	gf_digest_hex(manifest, hex);
	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = gf_buf_printf(&path, err, "%s/records/%s", state_dir, hex);
	f->dir = ok ? open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (f->dir >= 0)
		ok = gf_dir_each(f->dir, path.data, take_file, f, err);
	else if (ok && (must || errno != ENOENT))
		ok = gf_fail_errno(err, GF_FAILED, "state", path.data, "the record '%s' cannot be read", path.data);
	if (f->dir >= 0)
		(void)close(f->dir);
	if (!ok) {
		gf_members_free(f->list, f->n);
		f->list = NULL;
		f->n = 0;
	}
	gf_buf_clear(&path);
	return ok;
}

bool gf_records_signatures(const char *state_dir, const gf_digest *manifest, gf_member **list, size_t *n, gf_error *err)
{
	found f = { .wanted = is_signature };
	bool ok = load_record(state_dir, manifest, true, &f, err);

	*list = f.list;
	*n = f.n;
	return ok;
}

bool gf_records_statements(const char *state_dir, const gf_digest *manifest, gf_member **list, size_t *n, gf_error *err)
{
	found f = { .wanted = is_statement };
	bool ok = load_record(state_dir, manifest, false, &f, err);

	*list = f.list;
	*n = f.n;
	return ok;
}

/* ---- statements about a manifest ---- */

bool gf_records_keep_statement(const char *state_dir, const gf_digest *manifest, const char *type,
    const gf_member *file, const gf_member *signatures, size_t n, bool *new, gf_error *err)
{
	gf_buf dir, path;
	char name[64];
	bool ok, other = false;

	gf_buf_init(&dir, PATH_MAX_BYTES);
	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = gf_companion_name(type, &file->bytes, name, err) && make_record(&dir, state_dir, manifest, err) &&
	    gf_path_join(&path, dir.data, name, err);
	*new = ok &&access(path.data, F_OK) != 0;
	/* Signatures first: a statement that stands there has one. */
	for (size_t i = 0; ok && i < n; i++)
		ok = keep_signature(dir.data, file->name, name, &signatures[i], err);
	ok = ok && keep_file(dir.data, name, &file->bytes, &other, err);
	if (ok && other)
		ok = gf_fail(err, GF_FAILED, "state", path.data,
		    "'%s' does not have the digest that its name says; the state is damaged", path.data);
	gf_buf_clear(&path);
	gf_buf_clear(&dir);
	return ok;
}

/* ---- trust files ---- */

#define TRUST_NAME_SIZE 48

static void trust_name(uint64_t version, char out[TRUST_NAME_SIZE])
{
	(void)snprintf(out, TRUST_NAME_SIZE, "trust-%llu.json", (unsigned long long)version);
}

bool gf_records_keep_trust(const char *state_dir, uint64_t version, const gf_member *file, const gf_member *signatures,
    size_t n, gf_error *err)
{
	char name[TRUST_NAME_SIZE];
	gf_buf dir, path;
	bool ok, other = false;

	trust_name(version, name);
	gf_buf_init(&dir, PATH_MAX_BYTES);
	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = gf_path_join(&dir, state_dir, "records", err) && gf_dir_make(dir.data, 0700, err) &&
	    keep_file(dir.data, name, &file->bytes, &other, err) && gf_path_join(&path, dir.data, name, err);
	/* No line names what stands there: a run that was killed before it wrote one left it. */
	if (ok && other)
		ok = gf_file_store(path.data, 0600, gf_buf_text(&file->bytes), file->bytes.len, err);
	for (size_t i = 0; ok && i < n; i++)
		ok = keep_signature(dir.data, file->name, name, &signatures[i], err);
	ok = ok && gf_dir_sync_parent(dir.data, err);
	gf_buf_clear(&path);
	gf_buf_clear(&dir);
	return ok;
}

gf_policy *gf_records_trust(const char *state_dir, uint64_t version, const gf_digest *digest, gf_error *err)
{
	char name[TRUST_NAME_SIZE];
	gf_policy *p = NULL;
	gf_digest is;
	gf_buf path, text;
	bool ok;

	trust_name(version, name);
	gf_buf_init(&path, PATH_MAX_BYTES);
	gf_buf_init(&text, GF_COMPANION_MAX);
	ok = gf_buf_printf(&path, err, "%s/records/%s", state_dir, name) &&
	    gf_file_load(path.data, GF_COMPANION_MAX, GF_FAILED, &text, err) &&
	    gf_hash_bytes(gf_buf_text(&text), text.len, &is, err);
	if (ok && !gf_digest_equal(&is, digest))
		ok = gf_fail(err, GF_FAILED, "state", path.data,
		    "'%s' is not the trust file that the log says is installed; restore it from a copy", path.data);
	if (ok)
		p = gf_policy_parse(gf_buf_text(&text), text.len, "trust file", err);
	if (p != NULL && !gf_policy_check(p, err)) {
		gf_policy_free(p);
		p = NULL;
	}
	gf_buf_clear(&text);
	gf_buf_clear(&path);
	return p;
}
