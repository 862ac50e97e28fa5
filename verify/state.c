/* The state directory: audit.jsonl (log.c), lock, site, records/ (records.c; FORMAT.md 5, 6). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/floors.h"
#include "verify/log.h"
#include "verify/records.h"
#include "verify/state.h"

#define SYSTEM_STATE "/var/lib/gapferry"
#define PATH_MAX_BYTES 4096

struct gf_state {
	char *dir;
	bool write;
	gf_log *log;
	gf_lock *lock;
	char *site;
	gf_floors floors;
};

/* ---- where it is ---- */

static char *default_dir(gf_error *err)
{
	const char *named = getenv("GAPFERRY_STATE"), *home = getenv("HOME");
	struct stat st;
	gf_buf path;
	char *dir = NULL;

	if (named != NULL && named[0] != '\0')
		return gf_strdup(named, err);
	/* An error other than "not there" means that it may be there. */
	if (geteuid() == 0 || stat(SYSTEM_STATE, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return gf_strdup(SYSTEM_STATE, err);
	if (home == NULL || home[0] != '/') {
		gf_fail(err, GF_FAILED, "state", NULL, "no place for the state: set GAPFERRY_STATE or HOME");
		return NULL;
	}
	gf_buf_init(&path, PATH_MAX_BYTES);
	if (gf_path_join(&path, home, ".local/state/gapferry", err))
		dir = gf_strdup(path.data, err);
	gf_buf_clear(&path);
	return dir;
}

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

static bool take_line(void *ctx, const char *line, size_t n, uint64_t number, gf_error *err)
{
	gf_state *s = ctx;

	return gf_floors_take(&s->floors, line, n, err) ||
	    gf_fail(err, GF_FAILED, "log", s->dir,
		"line %llu of '%s/audit.jsonl' is not a record: %s; floors stand in this file, so nothing is judged "
		"without it: restore it from a copy",
		(unsigned long long)number, s->dir, err->text);
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

gf_state *gf_state_open(const char *dir, bool write, gf_error *err)
{
	gf_state *s = gf_alloc(1, sizeof *s, err);
	char *path = NULL;
	bool ok = s != NULL, empty = false;

	if (ok) {
		s->write = write;
		s->dir = dir != NULL ? gf_strdup(dir, err) : default_dir(err);
		ok = s->dir != NULL && enter(s, &empty, err);
	}
	if (ok && !empty)
		ok = (path = below(s, "audit.jsonl", err)) != NULL &&
		    (s->log = gf_log_open(path, write, err)) != NULL && gf_log_read(s->log, take_line, s, err) &&
		    read_site(s, err);
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
	gf_floors_clear(&s->floors);
	free(s->site);
	free(s->dir);
	free(s);
}

const char *gf_state_dir(const gf_state *s)
{
	return s->dir;
}

/* ---- asking ---- */

bool gf_state_floor(gf_state *s, const char *stream, const char *environment, gf_floor *out, gf_error *err)
{
	const gf_floor *found = gf_floors_find(&s->floors, stream, environment);

	(void)err;
	*out = found != NULL ? *found : (gf_floor){ 0 };
	return true;
}

bool gf_state_first_epoch(const gf_state *s, const char *stream, uint64_t *epoch)
{
	for (size_t i = 0; i < s->floors.n_streams; i++) {
		if (strcmp(s->floors.streams[i].name, stream) == 0) {
			*epoch = s->floors.streams[i].epoch;
			return true;
		}
	}
	return false;
}

bool gf_state_accepted(const gf_state *s, const char *stream, uint64_t epoch, uint64_t sequence, gf_digest *manifest)
{
	for (size_t i = 0; i < s->floors.n_releases; i++) {
		const struct gf_floor_release *r = &s->floors.releases[i];

		if (r->epoch == epoch && r->sequence == sequence &&
		    strcmp(s->floors.streams[r->stream].name, stream) == 0) {
			*manifest = r->manifest;
			return true;
		}
	}
	return false;
}

uint64_t gf_state_trust(const gf_state *s, gf_digest *digest)
{
	*digest = s->floors.trust;
	return s->floors.trust_version;
}

gf_time gf_state_newest(const gf_state *s)
{
	return s->floors.newest;
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
	ok = path != NULL && (s->lock = gf_lock_open(path, err)) != NULL && gf_log_read(s->log, take_line, s, err) &&
	    gf_log_mend(s->log, err) && gf_log_read(s->log, take_line, s, err);
	free(path);
	if (!ok)
		gf_state_unlock(s);
	return ok;
}

void gf_state_unlock(gf_state *s)
{
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

bool gf_state_append(gf_state *s, const gf_record *records, size_t n, gf_error *err)
{
	gf_buf lines;
	bool ok = true;

	if (s->lock == NULL)
		return gf_fail(err, GF_FAILED, "state", s->dir, "the state '%s' is not locked", s->dir);
	gf_buf_init(&lines, n * (GF_LOG_LINE_MAX + 1));
	for (size_t i = 0; i < n && ok; i++)
		ok = add_line(s, &records[i], &lines, err);
	ok = ok && gf_log_append(s->log, &lines, err) && gf_log_read(s->log, take_line, s, err);
	gf_buf_clear(&lines);
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
