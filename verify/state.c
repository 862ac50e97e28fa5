/* The state directory: audit.jsonl (log.c), state.json (cache.c), checkpoint, lock, site, records/ (records.c;
 * FORMAT.md 5, 6). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/cache.h"
#include "verify/checkpoint.h"
#include "verify/log.h"
#include "verify/note.h"
#include "verify/records.h"
#include "verify/replay.h"
#include "verify/state.h"

#define PATH_MAX_BYTES 4096

struct gf_state {
	char *dir;
	bool write;
	gf_log *log;
	gf_lock *lock;
	char *site;
	gf_hash *hash;
	gf_cache cache;
	uint64_t cached; /* lines that state.json has */
	bool half;       /* a line may be in the cache in part: it is not written */
	bool signed_once;
	gf_checkpoint checkpoint; /* the file, as it was before the log was read */
};

static char *below(const gf_state *s, const char *name, gf_error *err)
{
	gf_buf path;
	char *copy = NULL;

	gf_buf_init(&path, PATH_MAX_BYTES);
	if (gf_path_join(&path, s->dir, name, err))
		copy = gf_strdup(path.data, err);
	gf_buf_clear(&path);
	return copy;
}

/* ---- reading ---- */

static bool bad_line(const gf_state *s, gf_error *err)
{
	return gf_fail(err, GF_FAILED, "log", s->dir,
	    "line %llu of '%s/audit.jsonl' is not a record: %s; floors stand in this file, so nothing is judged "
	    "without it: restore it from a copy",
	    (unsigned long long)s->cache.tree.size + 1, s->dir, err->text);
}

/* The log must go on from what was signed. */
static bool fits_checkpoint(gf_state *s, gf_error *err)
{
	gf_digest root;

	if (!s->signed_once || s->cache.tree.size != s->checkpoint.size)
		return true;
	if (!gf_merkle_root(&s->cache.tree, s->hash, &root, err))
		return false;
	return gf_digest_equal(&root, &s->checkpoint.root) ||
	    gf_fail(err, GF_FAILED, "log", s->dir,
		"the log '%s/audit.jsonl' is not the one that its checkpoint was signed over: one of its first %llu lines "
		"was changed; 'gapferry log verify' says more, and nothing is judged until it is restored from a copy",
		s->dir, (unsigned long long)s->checkpoint.size);
}

static bool look_at_line(void *ctx, gf_error *err)
{
	return fits_checkpoint(ctx, err);
}

static bool read_lines(gf_state *s, gf_error *err)
{
	gf_replay r = { .cache = &s->cache, .hash = s->hash, .each = look_at_line, .ctx = s };

	if (gf_replay_run(&r, s->log, err))
		return true;
	s->half = true;
	return r.bad_line && bad_line(s, err);
}

/* state.json, where it fits the log; else nothing, and the log is read from its beginning. */
static bool read_cache(gf_state *s, gf_error *err)
{
	char *path = below(s, "state.json", err);
	gf_error why;
	gf_buf text;
	bool fits;

	if (path == NULL)
		return false;
	gf_buf_init(&text, GF_STATEMENT_MAX);
	fits = gf_file_load(path, GF_STATEMENT_MAX, GF_FAILED, &text, &why) &&
	    gf_cache_parse(gf_buf_text(&text), text.len, &s->cache, &why) &&
	    gf_log_skip(s->log, s->hash, s->cache.tree.size, s->cache.offset, s->cache.last, &s->cache.last_leaf);
	if (!fits)
		gf_cache_clear(&s->cache);
	s->cached = s->cache.tree.size;
	gf_buf_clear(&text);
	free(path);
	return fits_checkpoint(s, err);
}

/* The checkpoint before the log: another process may go on with both. */
static bool read_checkpoint(gf_state *s, gf_error *err)
{
	gf_buf note;
	bool ok;

	gf_buf_init(&note, GF_NOTE_MAX);
	ok = gf_checkpoint_load(s->dir, &s->signed_once, &s->checkpoint, &note, err);
	gf_buf_clear(&note);
	return ok;
}

static bool not_cut(const gf_state *s, gf_error *err)
{
	return !s->signed_once || s->checkpoint.size <= s->cache.tree.size ||
	    gf_fail(err, GF_FAILED, "log", s->dir,
		"the log '%s/audit.jsonl' has %llu lines, and its checkpoint was signed over %llu: it was cut short, or is "
		"an older copy; restore the newest one, or, where it is lost, move 'checkpoint' and 'state.json' away and "
		"raise the floors again from receipts",
		s->dir, (unsigned long long)s->cache.tree.size, (unsigned long long)s->checkpoint.size);
}

static bool read_log(gf_state *s, gf_error *err)
{
	return read_checkpoint(s, err) && read_cache(s, err) && read_lines(s, err) && not_cut(s, err);
}

static bool read_site(gf_state *s, gf_error *err)
{
	char *path = below(s, "site", err);
	gf_buf text;
	bool ok = path != NULL;

	gf_buf_init(&text, 128);
	if (ok && access(path, F_OK) == 0) {
		ok = gf_file_load(path, 128, GF_FAILED, &text, err);
		if (ok && (text.len < 2 || text.data[text.len - 1] != '\n'))
			ok = gf_fail(err, GF_FAILED, "state", path, "'%s' does not hold one line", path);
		if (ok) {
			text.data[text.len - 1] = '\0';
			ok = gf_name_valid(text.data)
			    ? (s->site = gf_strdup(text.data, err)) != NULL
			    : gf_fail(err, GF_FAILED, "state", path, "'%s' does not hold the name of a site", path);
		}
	} else if (ok && errno != ENOENT) {
		ok = gf_fail_errno(err, GF_FAILED, "state", path, "'%s' cannot be read", path);
	}
	gf_buf_clear(&text);
	free(path);
	return ok;
}

/* There, a directory, and ours to use; *empty: not there and only to be read. */
static bool enter(gf_state *s, bool *empty, gf_error *err)
{
	struct stat st;

	*empty = false;
	if (s->write && !gf_dir_make(s->dir, 0700, err))
		return gf_fail(err, GF_FAILED, "state", s->dir,
		    "the state cannot be kept: %s; GAPFERRY_STATE names another place", err->text);
	if (stat(s->dir, &st) != 0) {
		*empty = errno == ENOENT && !s->write;
		return *empty ||
		    gf_fail_errno(err, GF_FAILED, "state", s->dir,
			"the state '%s' cannot be read, and nothing is judged without it", s->dir);
	}
	if (!S_ISDIR(st.st_mode))
		return gf_fail(err, GF_FAILED, "state", s->dir, "the state '%s' is not a directory", s->dir);
	if (access(s->dir, s->write ? R_OK | W_OK | X_OK : R_OK | X_OK) != 0)
		return gf_fail_errno(err, GF_FAILED, "state", s->dir,
		    "the state '%s' cannot be %s; use the account it belongs to, or name another by GAPFERRY_STATE",
		    s->dir, s->write ? "written" : "read");
	return true;
}

/* Everything but the log. */
static gf_state *open_dir(const char *dir, bool write, bool *empty, gf_error *err)
{
	gf_state *s = gf_alloc(1, sizeof *s, err);

	if (s == NULL)
		return NULL;
	s->write = write;
	s->dir = dir != NULL ? gf_strdup(dir, err) : gf_state_where(err);
	if (s->dir != NULL && enter(s, empty, err) && (*empty || read_site(s, err)))
		return s;
	gf_state_close(s);
	return NULL;
}

gf_state *gf_state_look(const char *dir, gf_error *err)
{
	bool empty;
	gf_state *s = open_dir(dir, false, &empty, err);

	if (s == NULL || !empty)
		return s;
	gf_fail(err, GF_FAILED, "state", s->dir, "there is no state '%s': nothing was logged here", s->dir);
	gf_state_close(s);
	return NULL;
}

gf_state *gf_state_open(const char *dir, bool write, gf_error *err)
{
	bool empty, ok;
	gf_state *s = open_dir(dir, write, &empty, err);
	char *path = s != NULL ? below(s, "audit.jsonl", err) : NULL;

	ok = path != NULL &&
	    (empty ||
		((s->log = gf_log_open(path, write, err)) != NULL && (s->hash = gf_hash_new(err)) != NULL &&
		    read_log(s, err)));
	free(path);
	if (ok)
		return s;
	gf_state_close(s);
	return NULL;
}

void gf_state_close(gf_state *s)
{
	if (s == NULL)
		return;
	gf_lock_close(s->lock);
	gf_log_close(s->log);
	gf_cache_clear(&s->cache);
	gf_hash_free(s->hash);
	free(s->site);
	free(s->dir);
	free(s);
}

const char *gf_state_dir(const gf_state *s)
{
	return s->dir;
}

/* ---- what it says; state_ask.c has the rest ---- */

const gf_floors *gf_state_floors(const gf_state *s)
{
	return &s->cache.floors;
}

bool gf_state_lines(const gf_state *s, gf_log_take *take, void *ctx, gf_error *err)
{
	char *path = below(s, "audit.jsonl", err);
	gf_log *log = path != NULL ? gf_log_open(path, false, err) : NULL;
	bool ok = log != NULL && gf_log_read(log, take, ctx, err);

	gf_log_close(log);
	free(path);
	return ok;
}

bool gf_state_tree(gf_state *s, uint64_t *size, gf_digest *root, gf_error *err)
{
	*size = s->cache.tree.size;
	return s->hash != NULL ? gf_merkle_root(&s->cache.tree, s->hash, root, err) : gf_hash_bytes("", 0, root, err);
}

bool gf_state_now(gf_state *s, gf_checkpoint *out, gf_error *err)
{
	gf_checkpoint_origin(s->site, out->origin);
	return gf_state_tree(s, &out->size, &out->root, err);
}

/* ---- writing ---- */

bool gf_state_lock(gf_state *s, gf_error *err)
{
	char *path;
	bool ok;

	if (!s->write || s->lock != NULL)
		return gf_fail(err, GF_FAILED, "state", s->dir, "the state '%s' is %s", s->dir,
		    s->write ? "locked already" : "open for reading only");
	path = below(s, "lock", err);
	ok = path != NULL && (s->lock = gf_lock_open(path, err)) != NULL && read_lines(s, err) &&
	    gf_log_mend(s->log, err) && read_lines(s, err);
	free(path);
	if (!ok)
		gf_state_unlock(s);
	return ok;
}

/* A cache that cannot be written is none: what is not in it is read from the log again. */
static void write_cache(gf_state *s)
{
	gf_error why;
	char *path;
	gf_buf text;

	if (s->lock == NULL || s->half || s->cached == s->cache.tree.size)
		return;
	gf_buf_init(&text, GF_STATEMENT_MAX);
	path = below(s, "state.json", &why);
	if (path != NULL && gf_cache_print(&s->cache, &text, &why) &&
	    gf_file_replace(path, 0600, text.data, text.len, &why))
		s->cached = s->cache.tree.size;
	gf_buf_clear(&text);
	free(path);
}

bool gf_state_locked(const gf_state *s)
{
	return s->lock != NULL;
}

void gf_state_unlock(gf_state *s)
{
	write_cache(s);
	gf_lock_close(s->lock);
	s->lock = NULL;
}

const char *gf_state_site(const gf_state *s)
{
	return s->site;
}

/* Under the lock: another run may have given the name meanwhile. */
static bool set_site(gf_state *s, const char *site, gf_error *err)
{
	char *path = below(s, "site", err), *copy = gf_strdup(site, err);
	char line[128];
	size_t n = strlen(site);
	bool ok = path != NULL && copy != NULL && (s->site != NULL || read_site(s, err));

	if (ok && s->site != NULL)
		ok = strcmp(s->site, site) == 0 ||
		    gf_fail(err, GF_USAGE, "site", s->dir,
			"this site is called '%s' (in '%s') and cannot be given the name '%s'", s->site, s->dir, site);
	else if (ok) {
		memcpy(line, site, n);
		line[n] = '\n';
		ok = gf_file_store(path, 0600, line, n + 1, err);
		if (ok) {
			s->site = copy;
			copy = NULL;
		}
	}
	free(copy);
	free(path);
	return ok;
}

bool gf_state_set_site(gf_state *s, const char *site, gf_error *err)
{
	bool locked = s->lock != NULL, ok;

	if (!gf_name_valid(site))
		return gf_fail(err, GF_USAGE, "site", NULL,
		    "'%s' is not a name for a site: lower-case letters, digits, '.', '_' and '-', at most 64", site);
	if (!locked && !gf_state_lock(s, err))
		return false;
	ok = set_site(s, site, err);
	if (!locked)
		gf_state_unlock(s);
	return ok;
}

static bool add_line(const gf_state *s, const gf_record *r, gf_buf *lines, gf_error *err)
{
	bool accepted = strcmp(r->type, "accepted") == 0;
	gf_time created = r->created;
	gf_buf line;
	bool ok;

	gf_buf_init(&line, GF_LOG_LINE_MAX);
	ok = (!accepted || r->manifest == NULL || gf_records_created(s->dir, r->manifest, &created, err)) &&
	    gf_log_print(r, created, &line, err) && gf_buf_add(lines, line.data, line.len, err) &&
	    gf_buf_puts(lines, "\n", err);
	gf_buf_clear(&line);
	return ok;
}

/* The lines as they will be read: nothing is written that the next run would refuse. */
static bool try_lines(const gf_state *s, const gf_buf *lines, gf_error *err)
{
	const char *at = gf_buf_text(lines), *end = at + lines->len;
	gf_floors trial = gf_floors_trial(&s->cache.floors);
	bool ok = true;

	while (ok && at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		gf_json_doc *doc = NULL;
		gf_entry e;

		ok = gf_entry_read(at, (size_t)(lf - at), &doc, &e, err) && gf_floors_take(&trial, &e, err);
		gf_json_free(doc);
		at = lf + 1;
	}
	gf_floors_clear(&trial);
	return ok ||
	    gf_fail(err, GF_FAILED, "log", s->dir, "a line was to be written that cannot be read again: %s", err->text);
}

bool gf_state_append(gf_state *s, const gf_record *records, size_t n, gf_error *err)
{
	gf_buf lines;
	bool ok = true;

	if (s->lock == NULL)
		return gf_fail(err, GF_FAILED, "state", s->dir, "the state '%s' is not locked", s->dir);
	gf_buf_init(&lines, n * (GF_LOG_LINE_MAX + 1));
	for (size_t i = 0; i < n && ok; i++)
		ok = add_line(s, &records[i], &lines, err);
	ok = ok && try_lines(s, &lines, err) && gf_log_append(s->log, &lines, err) && read_lines(s, err);
	gf_buf_clear(&lines);
	return ok;
}

/* ---- the checkpoint ---- */

/* Is the tree as it is now still to be signed with this key? */
static bool to_sign(gf_state *s, const gf_pubkey *key, gf_checkpoint *now, bool *due, gf_error *err)
{
	gf_buf note, text;
	gf_error why;
	bool ok;

	gf_buf_init(&note, GF_NOTE_MAX);
	gf_buf_init(&text, GF_NOTE_MAX);
	ok = gf_checkpoint_load(s->dir, &s->signed_once, &s->checkpoint, &note, err) && not_cut(s, err) &&
	    fits_checkpoint(s, err) && gf_state_now(s, now, err);
	*due = ok &&
	    (!s->signed_once || s->checkpoint.size != now->size || strcmp(s->checkpoint.origin, now->origin) != 0 ||
		!gf_note_open(gf_buf_text(&note), note.len, now->origin, key, &text, &why));
	gf_buf_clear(&note);
	gf_buf_clear(&text);
	return ok;
}

/* Unless another run has signed more meanwhile. */
static bool store_note(gf_state *s, const gf_checkpoint *signed_now, const gf_buf *note, gf_error *err)
{
	gf_buf old;
	bool ok;

	gf_buf_init(&old, GF_NOTE_MAX);
	ok = gf_checkpoint_load(s->dir, &s->signed_once, &s->checkpoint, &old, err);
	if (ok && (!s->signed_once || s->checkpoint.size <= signed_now->size))
		ok = gf_checkpoint_store(s->dir, note, err);
	gf_buf_clear(&old);
	return ok;
}

/* A command that signs may wait for somebody to find a card: no lock is held meanwhile, but for one of the caller's. */
bool gf_state_checkpoint(gf_state *s, gf_signer *site_key, gf_error *err)
{
	bool locked = s->lock != NULL, due = false, ok;
	gf_checkpoint now;
	gf_buf note;

	if (!locked && !gf_state_lock(s, err))
		return false;
	gf_buf_init(&note, GF_NOTE_MAX);
	ok = to_sign(s, gf_signer_public(site_key), &now, &due, err);
	if (!locked)
		gf_state_unlock(s);
	if (due) {
		ok = gf_checkpoint_sign(&now, site_key, &note, err) && (locked || gf_state_lock(s, err)) &&
		    store_note(s, &now, &note, err);
		if (!locked)
			gf_state_unlock(s);
	}
	gf_buf_clear(&note);
	return ok;
}

bool gf_state_keep(gf_state *s, const gf_digest *manifest, const gf_buf *statement, const gf_member *signatures,
    size_t n, gf_error *err)
{
	if (!s->write)
		return gf_fail(err, GF_FAILED, "state", s->dir, "the state '%s' is open for reading only", s->dir);
	return gf_records_keep(s->dir, manifest, statement, signatures, n, err) ||
	    gf_because(err, "keeping the manifest in '%s/records'", s->dir);
}

bool gf_state_statements(gf_state *s, const gf_digest *manifest, gf_member **list, size_t *n, gf_error *err)
{
	return gf_records_statements(s->dir, manifest, list, n, err);
}
