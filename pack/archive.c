/* archive: members by name, wherever they lie. */
#include "pack/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Together with GF_ARCHIVE_MEMBERS_MAX this bounds the index. */
#define NAMES_MAX (16 * GF_MIB)

struct gf_archive {
	gf_origin base; /* first: an archive is an origin */
	char *name;
	int fd; /* the tar file or the directory; -1: all was spooled */
	bool directory;
	gf_entry **entries; /* tar: sorted by name once sorted; directory: those looked for so far */
	size_t n, room, names;
	int spool[2];
};

gf_codec gf_entry_codec(const gf_entry *e)
{
	return gf_codec_of(e->magic, e->n_magic);
}

bool gf_codec_kept(gf_codec codec)
{
	return codec == GF_CODEC_GZIP || codec == GF_CODEC_ZSTD;
}

static void entry_free(gf_entry *e)
{
	if (e == NULL)
		return;
	gf_buf_clear(&e->bytes);
	free(e->link);
	free(e->name);
	free(e);
}

void gf_archive_close(gf_archive *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->n; i++)
		entry_free(a->entries[i]);
	free(a->entries);
	if (a->fd >= 0)
		close(a->fd);
	for (size_t i = 0; i < 2; i++)
		if (a->spool[i] >= 0)
			close(a->spool[i]);
	free(a->name);
	free(a);
}

const char *gf_archive_name(const gf_archive *a)
{
	return a->name;
}

gf_origin *gf_archive_origin(gf_archive *a)
{
	return &a->base;
}

bool gf_archive_is_directory(const gf_archive *a)
{
	return a->directory;
}

static gf_archive *archive_new(const char *name, int fd, gf_error *err)
{
	gf_archive *a = gf_alloc(1, sizeof *a, err);

	if (a == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	a->fd = fd;
	a->spool[0] = a->spool[1] = -1;
	a->name = gf_strdup(name, err);
	if (a->name == NULL) {
		gf_archive_close(a);
		return NULL;
	}
	a->base = (gf_origin){ .ops = &gf_archive_origin_ops, .name = a->name };
	return a;
}

static gf_entry *entry_new(gf_archive *a, const char *name, gf_error *err)
{
	gf_entry *e;

	a->names += strlen(name) + 1;
	if (a->names > NAMES_MAX) {
		gf_fail(err, GF_DAMAGED, "archive-members", a->name, "its names take more than the %zu bytes allowed",
		    NAMES_MAX);
		return NULL;
	}
	if (!gf_grow(&a->entries, &a->room, a->n, sizeof *a->entries, err))
		return NULL;
	e = gf_alloc(1, sizeof *e, err);
	if (e == NULL)
		return NULL;
	e->spool = -1;
	e->name = gf_strdup(name, err);
	if (e->name == NULL) {
		entry_free(e);
		return NULL;
	}
	a->entries[a->n++] = e;
	return e;
}

bool gf_archive_add(gf_archive *a, const gf_tape_entry *seen, gf_entry **out, gf_error *err)
{
	gf_entry *e = entry_new(a, seen->name, err);

	*out = e;
	if (e == NULL)
		return false;
	e->hard = seen->hard;
	e->size = seen->size;
	e->offset = seen->offset;
	memcpy(e->magic, seen->magic, sizeof e->magic);
	e->n_magic = seen->n_magic;
	if (seen->link != NULL) {
		a->names += strlen(seen->link);
		e->link = gf_strdup(seen->link, err);
	}
	return seen->link == NULL || e->link != NULL;
}

static int by_name(const void *x, const void *y)
{
	const gf_entry *const *a = x, *const *b = y;

	return strcmp((*a)->name, (*b)->name);
}

static void sort(gf_archive *a)
{
	if (a->n > 0)
		qsort(a->entries, a->n, sizeof *a->entries, by_name);
}

/* ---- finding ---- */

static bool find_in_tar(gf_archive *a, const char *name, gf_entry **out, gf_error *err)
{
	size_t lo = 0, hi = a->n;

	*out = NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(a->entries[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == a->n || strcmp(a->entries[lo]->name, name) != 0)
		return true;
	if (lo + 1 < a->n && strcmp(a->entries[lo + 1]->name, name) == 0)
		return gf_fail(err, GF_DAMAGED, "archive-duplicate", a->name,
		    "has member '%s' twice; readers disagree about which one counts, so it is refused", name);
	*out = a->entries[lo];
	return true;
}

/* The file, no link followed below the directory; the directories of a layout are real ones. */
static int open_below(int dir, const char *name)
{
	const char *rest = name, *slash;
	int at = dir, fd;

	while ((slash = strchr(rest, '/')) != NULL) {
		char part[256];
		size_t n = (size_t)(slash - rest);
		if (n >= sizeof part) {
			errno = ENAMETOOLONG;
			fd = -1;
		} else {
			memcpy(part, rest, n);
			part[n] = '\0';
			fd = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		if (at != dir)
			close(at);
		if (fd < 0)
			return -1;
		at = fd;
		rest = slash + 1;
	}
	fd = openat(at, rest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (at != dir)
		close(at);
	return fd;
}

static bool find_in_directory(gf_archive *a, const char *name, gf_entry **out, gf_error *err)
{
	struct stat st;
	unsigned char magic[GF_TAPE_MAGIC];
	bool ok = true;
	gf_entry *e;
	int fd;

	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->entries[i]->name, name) == 0) {
			*out = a->entries[i];
			return true;
		}
	*out = NULL;
	fd = open_below(a->fd, name);
	if (fd < 0 && gf_is_absent(errno))
		return true;
	if (fd < 0 && errno == ELOOP)
		return gf_fail(
		    err, GF_DAMAGED, "layout-link", name, "is a symbolic link, which an OCI layout does not have");
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "read", name, "cannot open '%s' in '%s'", name, a->name);
	if (fstat(fd, &st) != 0) {
		ok = gf_fail_errno(err, GF_FAILED, "read", name, "cannot look at '%s'", name);
	} else if (!S_ISREG(st.st_mode)) {
		ok = gf_fail(err, GF_DAMAGED, "layout-link", name, "is not a regular file");
	} else {
		e = entry_new(a, name, err);
		ok = e != NULL;
		if (ok) {
			e->lies = GF_LIES_DIR;
			e->size = (uint64_t)st.st_size;
			e->n_magic = e->size < sizeof magic ? (size_t)e->size : sizeof magic;
			ok = gf_pread_full(fd, e->magic, e->n_magic, 0, name, err);
		}
		*out = e;
	}
	close(fd);
	return ok;
}

/* Where a link leads: text against the directory of from; "/" is the root of the archive. */
static bool resolve(gf_archive *a, const gf_entry *from, gf_buf *out, gf_error *err)
{
	const char *p = from->link, *slash = strrchr(from->name, '/');

	gf_buf_clear(out);
	if (!from->hard && *p != '/' && slash != NULL &&
	    !gf_buf_add(out, from->name, (size_t)(slash - from->name), err))
		return false;
	while (*p != '\0') {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			char *cut = out->len > 0 ? strrchr(out->data, '/') : NULL;
			if (out->len == 0)
				return gf_fail(err, GF_DAMAGED, "archive-link", a->name,
				    "link '%s' leads out of the archive", from->name);
			out->len = cut != NULL ? (size_t)(cut - out->data) : 0;
			out->data[out->len] = '\0';
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			if ((out->len > 0 && !gf_buf_puts(out, "/", err)) || !gf_buf_add(out, p, n, err))
				return false;
		}
		p += n + (p[n] == '/');
	}
	return true;
}

bool gf_archive_find(gf_archive *a, const char *name, const gf_entry **out, gf_error *err)
{
	gf_buf at;
	gf_entry *e = NULL;
	bool ok = true;

	*out = NULL;
	if (a->directory) {
		ok = find_in_directory(a, name, &e, err);
		*out = e;
		return ok;
	}
	gf_buf_init(&at, 16 * GF_KIB);
	ok = find_in_tar(a, name, &e, err);
	for (int i = 0; ok && e != NULL && e->link != NULL; i++) {
		const gf_entry *link = e;
		if (i == GF_ARCHIVE_LINKS)
			ok = gf_fail(err, GF_DAMAGED, "archive-link", a->name,
			    "link '%s' leads through more than %d links, or in a circle", name, GF_ARCHIVE_LINKS);
		else
			ok = resolve(a, link, &at, err) && find_in_tar(a, gf_buf_text(&at), &e, err);
		if (ok && e == NULL)
			ok = gf_fail(err, GF_DAMAGED, "archive-link", a->name,
			    "link '%s' leads to '%s', which is not in the archive", link->name, gf_buf_text(&at));
	}
	gf_buf_clear(&at);
	if (ok)
		*out = e;
	return ok;
}

const char *gf_archive_only_directory(gf_archive *a)
{
	size_t n;

	if (a->directory || a->n == 0)
		return NULL;
	n = strcspn(a->entries[0]->name, "/");
	if (a->entries[0]->name[n] != '/')
		return NULL;
	for (size_t i = 1; i < a->n; i++)
		if (strncmp(a->entries[i]->name, a->entries[0]->name, n + 1) != 0)
			return NULL;
	return a->entries[0]->name;
}

/* ---- reading ---- */

gf_input *gf_archive_read_made(gf_archive *a, const gf_entry *e, gf_error *err)
{
	(void)a;
	return gf_input_range(e->spool, e->offset, e->made.size, e->name, err);
}

gf_input *gf_archive_read(gf_archive *a, const gf_entry *e, gf_error *err)
{
	gf_input *in = NULL;
	int fd;

	switch (e->lies) {
	case GF_LIES_FILE: return gf_input_range(a->fd, e->offset, e->size, e->name, err);
	case GF_LIES_MEMORY: return gf_input_memory(gf_buf_text(&e->bytes), e->bytes.len, err);
	case GF_LIES_SPOOL:
		in = gf_archive_read_made(a, e, err);
		/* Compressed by us: its own bytes are what went in. */
		if (e->made.codec == GF_CODEC_GZIP && gf_entry_codec(e) == GF_CODEC_NONE)
			in = gf_input_gunzip(in, e->size, e->name, err);
		return in;
	case GF_LIES_DIR:
		fd = open_below(a->fd, e->name);
		if (fd < 0) {
			gf_fail_errno(err, GF_FAILED, "read", e->name, "cannot open '%s' in '%s'", e->name, a->name);
			return NULL;
		}
		in = gf_input_file(fd, true, e->name, err);
		return gf_input_exact(in, e->size, e->name, err);
	}
	return NULL;
}

/* What a stranger compressed, inflated in a child that fd is left to. */
static gf_input *contained(gf_input *in, int fd, gf_codec codec, uint64_t max, const char *name, gf_error *err)
{
	return gf_input_contained(gf_input_decode_wary(in, codec, max, name, err), fd, max, name, err);
}

gf_input *gf_archive_read_plain(gf_archive *a, const gf_entry *e, gf_error *err)
{
	gf_input *in = gf_archive_read(a, e, err);
	int fd = e->lies == GF_LIES_SPOOL ? e->spool : e->lies == GF_LIES_FILE ? a->fd : -1;

	if (gf_entry_codec(e) == GF_CODEC_NONE)
		return in;
	return contained(in, fd, gf_entry_codec(e), GF_BLOB_MAX - 1, e->name, err);
}

bool gf_archive_load(gf_archive *a, const gf_entry *e, size_t max, gf_buf *out, gf_error *err)
{
	gf_input *in;
	bool ok;

	gf_buf_clear(out);
	if (e->size > max)
		return gf_fail(err, GF_DAMAGED, "too-large", e->name, "'%s' has %llu bytes, at most %zu are allowed",
		    e->name, (unsigned long long)e->size, max);
	in = gf_archive_read(a, e, err);
	ok = in != NULL;
	while (ok && out->len < e->size) {
		char step[8192];
		size_t n = e->size - out->len < sizeof step ? (size_t)(e->size - out->len) : sizeof step;
		ok = gf_input_read_full(in, step, n, err) && gf_buf_add(out, step, n, err);
	}
	gf_input_close(in);
	return ok || gf_because(err, "reading '%s' from '%s'", e->name, a->name);
}

/* ---- opening ---- */

static void say_walls(const gf_archive *a, const gf_tape *t, const gf_spooling *how)
{
	gf_event_say(how->events, GF_EVENT_DETAIL, "%s: read in a contained process (%s)", a->name, gf_tape_walls(t));
}

/* Where members lie is libarchive's word; that each lies whole inside the file is looked at here. */
static bool index_file(gf_archive *a, uint64_t size, const gf_spooling *how, gf_error *err)
{
	gf_input *in = gf_input_range(a->fd, 0, size, a->name, err);
	gf_tape *t = gf_tape_open(in, size, a->name, err);
	bool ok = t != NULL, end = false;

	if (ok)
		say_walls(a, t, how);
	while (ok && !end) {
		gf_tape_entry seen;
		gf_entry *e;
		unsigned char first[GF_TAPE_MAGIC];
		ok = gf_tape_next(t, &seen, &end, err);
		if (!ok || end)
			break;
		ok = gf_archive_add(a, &seen, &e, err);
		if (!ok || seen.link != NULL || seen.size == 0)
			continue;
		if (seen.offset > size || seen.size > size - seen.offset)
			ok = gf_fail(err, GF_DAMAGED, "cut-short", a->name,
			    "member '%s' goes beyond the end of the file; copy the archive again", seen.name);
		else if (gf_pread_full(a->fd, first, seen.n_magic, seen.offset, a->name, err))
			ok = memcmp(first, seen.magic, seen.n_magic) == 0 ||
			    gf_fail(err, GF_FAILED, "archive-position", a->name, "member '%s' is not where it was seen",
				seen.name);
		else
			ok = false;
	}
	gf_tape_close(t);
	return ok;
}

static gf_archive *take(gf_input *in, const char *name, const gf_spooling *how, gf_error *err)
{
	gf_tape *t = gf_tape_open(in, UINT64_MAX, name, err);
	gf_archive *a = t != NULL ? archive_new(name, -1, err) : NULL;
	bool ok = a != NULL;

	if (ok)
		say_walls(a, t, how);
	ok = ok && gf_archive_spool(a, t, how, a->spool, err);
	gf_tape_close(t);
	if (!ok) {
		gf_archive_close(a);
		return NULL;
	}
	sort(a);
	return a;
}

gf_archive *gf_archive_take(gf_input *in, const char *name, const gf_spooling *how, gf_error *err)
{
	return in != NULL ? take(in, name, how, err) : NULL;
}

/* What can be said of the whole file by its first bytes. */
static bool refuse_by_magic(const unsigned char *magic, size_t n, const char *name, gf_error *err)
{
	if (n >= 4 && memcmp(magic, "PK\3\4", 4) == 0)
		return gf_fail(err, GF_USAGE, "zip", name,
		    "'%s' is a zip file, as an artifact download gives it: unzip it and name the archive inside", name);
	if (n == 0)
		return gf_fail(err, GF_DAMAGED, "archive-format", name, "'%s' is empty", name);
	return true;
}

/* The first bytes of in, put back in front of it. */
static gf_input *peek(gf_input *in, unsigned char *magic, size_t *n, gf_error *err)
{
	*n = 0;
	while (in != NULL && *n < GF_TAPE_MAGIC) {
		ptrdiff_t got = gf_input_read(in, magic + *n, GF_TAPE_MAGIC - *n, err);
		if (got < 0) {
			gf_input_close(in);
			return NULL;
		}
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return gf_input_unread(in, magic, *n, err);
}

/* fd is taken. */
static gf_archive *open_forward(int fd, const char *name, const gf_spooling *how, gf_error *err)
{
	unsigned char magic[GF_TAPE_MAGIC];
	size_t n = 0;
	gf_input *in = peek(gf_input_file(fd, true, name, err), magic, &n, err);

	if (in != NULL && gf_codec_of(magic, n) != GF_CODEC_NONE)
		in = peek(contained(in, fd, gf_codec_of(magic, n), GF_BLOB_MAX, name, err), magic, &n, err);
	if (in != NULL && gf_codec_of(magic, n) != GF_CODEC_NONE) {
		gf_fail(err, GF_USAGE, "archive-compression", name,
		    "'%s' is compressed more than once: unpack it until one compression is left", name);
		gf_input_close(in);
		return NULL;
	}
	if (in != NULL && !refuse_by_magic(magic, n, name, err)) {
		gf_input_close(in);
		return NULL;
	}
	return gf_archive_take(in, name, how, err);
}

static gf_archive *open_file(int fd, uint64_t size, const char *path, const gf_spooling *how, gf_error *err)
{
	unsigned char magic[GF_TAPE_MAGIC];
	size_t n = size < sizeof magic ? (size_t)size : sizeof magic;
	gf_archive *a = NULL;

	if (!gf_pread_full(fd, magic, n, 0, path, err) || !refuse_by_magic(magic, n, path, err)) {
		close(fd);
		return NULL;
	}
	if (gf_codec_of(magic, n) != GF_CODEC_NONE)
		return open_forward(fd, path, how, err);
	a = archive_new(path, fd, err);
	if (a != NULL && !index_file(a, size, how, err)) {
		gf_archive_close(a);
		return NULL;
	}
	if (a != NULL)
		sort(a);
	return a;
}

gf_archive *gf_archive_open(const char *path, const gf_spooling *how, gf_error *err)
{
	struct stat st;
	gf_archive *a;
	int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		gf_fail_errno(err, errno == ENOENT ? GF_USAGE : GF_FAILED, "open", path, "cannot open '%s'", path);
		return NULL;
	}
	if (fstat(fd, &st) != 0) {
		gf_fail_errno(err, GF_FAILED, "read", path, "cannot look at '%s'", path);
		close(fd);
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		a = archive_new(path, fd, err);
		if (a != NULL)
			a->directory = true;
		return a;
	}
	if (S_ISREG(st.st_mode) && strcmp(path, "-") != 0)
		return open_file(fd, (uint64_t)st.st_size, path, how, err);
	return open_forward(fd, strcmp(path, "-") == 0 ? "stdin" : path, how, err);
}
