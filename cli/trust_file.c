/* Trust files on the disk: read with their signatures, written anew. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/trust.h"

/* ---- reading ---- */

static bool add_member(gf_trust_files *f, int dir, const char *path, const char *name, size_t max, gf_error *err)
{
	gf_member *m;

	if (!gf_grow(&f->members, &f->room, f->n, sizeof *f->members, err))
		return false;
	m = &f->members[f->n];
	if ((m->name = gf_strdup(name, err)) == NULL)
		return false;
	gf_buf_init(&m->bytes, max);
	f->n++;
	return dir < 0 ? gf_file_load(path, max, GF_USAGE, &m->bytes, err)
		       : gf_file_load_at(dir, name, max, GF_USAGE, &m->bytes, err);
}

typedef struct looking {
	gf_trust_files *files;
	int dir;
	const char *stem;
} looking;

static bool take_signature(void *ctx, const char *name, gf_error *err)
{
	looking *l = ctx;

	if (gf_signature_ext(name, l->stem) == NULL)
		return true;
	if (l->files->n >= GF_COMPANIONS_MAX)
		return gf_fail(err, GF_USAGE, "too-large", l->stem, "more than %d signatures lie beside '%s'",
		    GF_COMPANIONS_MAX, l->stem);
	return add_member(l->files, l->dir, NULL, name, GF_SIGNATURE_MAX, err);
}

static bool add_signatures(gf_trust_files *f, const char *path, gf_error *err)
{
	const char *base = gf_path_base(path);
	char *dir = gf_strndup(path, (size_t)(base - path), err);
	const char *where = dir != NULL && dir[0] != '\0' ? dir : ".";
	looking l = { .files = f, .stem = base, .dir = -1 };
	bool ok = dir != NULL;

	if (ok) {
		l.dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ok = l.dir >= 0 || gf_fail_errno(err, GF_FAILED, "read", where, "the directory '%s'", where);
	}
	ok = ok && gf_dir_each(l.dir, where, take_signature, &l, err);
	if (l.dir >= 0)
		(void)close(l.dir);
	free(dir);
	return ok;
}

bool gf_trust_files_add(gf_trust_files *f, const char *path, gf_error *err)
{
	if (!gf_ends_with(path, ".json"))
		return gf_fail(
		    err, GF_USAGE, "argument", path, "'%s' is not named as a signed statement is, *.json", path);
	return add_member(f, -1, path, gf_path_base(path), GF_COMPANION_MAX, err) && add_signatures(f, path, err);
}

void gf_trust_files_clear(gf_trust_files *f)
{
	gf_members_free(f->members, f->n);
	*f = (gf_trust_files){ 0 };
}

static bool read_first(gf_trust_file *t, gf_error *err)
{
	const gf_buf *bytes = &t->files.members[0].bytes;

	t->policy = gf_policy_parse(gf_buf_text(bytes), bytes->len, t->path, err);
	return t->policy != NULL && gf_policy_check(t->policy, err) &&
	    gf_hash_bytes(gf_buf_text(bytes), bytes->len, &t->digest, err);
}

bool gf_trust_file_open(gf_trust_file *t, const char *path, gf_error *err)
{
	*t = (gf_trust_file){ .path = path };
	return gf_trust_files_add(&t->files, path, err) && read_first(t, err);
}

void gf_trust_file_clear(gf_trust_file *t)
{
	gf_policy_free(t->policy);
	gf_trust_files_clear(&t->files);
	*t = (gf_trust_file){ 0 };
}

/* ---- writing ---- */

static bool must_be_free(const char *path, gf_error *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return gf_fail(err, GF_USAGE, "exists", path,
		    "'%s' is there already and is not replaced: name another file, or move it away", path);
	return errno == ENOENT || gf_fail_errno(err, GF_FAILED, "write", path, "'%s' cannot be looked at", path);
}

bool gf_trust_file_free(const char *path, gf_error *err)
{
	if (!gf_ends_with(path, ".json"))
		return gf_value_fail(
		    GF_OPT_TRUST_OUTPUT, err, "the name of a trust file ends in .json; '%s' does not", path);
	return must_be_free(path, err);
}

bool gf_trust_file_write(gf_trust_file *t, const char *path, bool replace, const gf_policy *p, gf_error *err)
{
	gf_buf text;
	bool ok;

	*t = (gf_trust_file){ .path = path };
	if (!replace && !gf_trust_file_free(path, err))
		return false;
	gf_buf_init(&text, GF_COMPANION_MAX);
	ok = gf_policy_check(p, err);
	if (!ok)
		err->class = GF_USAGE; /* nobody's file is refused, but what was asked for */
	ok = ok && gf_policy_print(p, &text, err) && gf_file_store(path, 0644, text.data, text.len, err) &&
	    gf_trust_file_open(t, path, err);
	gf_buf_clear(&text);
	return ok;
}

bool gf_trust_file_sign(const gf_run *run, const gf_trust_file *t, gf_signer *s, gf_error *err)
{
	const gf_member *file = &t->files.members[0];
	gf_member m = { .name = NULL };
	gf_buf path;
	bool ok;

	if (gf_signature_among(gf_signer_public(s), file->name, gf_buf_text(&file->bytes), file->bytes.len,
		t->files.members, t->files.n)) {
		gf_event_say(run->events, GF_EVENT_NOTE, "a signature by key '%s' is there already and fits",
		    gf_pubkey_holder(gf_signer_public(s)));
		return true;
	}
	gf_buf_init(&path, 8192);
	ok = gf_signer_sign(s, file->name, gf_buf_text(&file->bytes), file->bytes.len, &m, err) &&
	    gf_buf_add(&path, t->path, (size_t)(gf_path_base(t->path) - t->path), err) &&
	    gf_buf_puts(&path, m.name, err) && must_be_free(path.data, err) &&
	    gf_file_store(path.data, 0644, gf_buf_text(&m.bytes), m.bytes.len, err);
	free(m.name);
	gf_buf_clear(&m.bytes);
	gf_buf_clear(&path);
	return ok;
}
