#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verify/checkpoint.h"
#include "verify/note.h"

#define PATH_MAX_BYTES 4096

void gf_checkpoint_origin(const char *site, char out[GF_ORIGIN_SIZE])
{
	(void)snprintf(out, GF_ORIGIN_SIZE, "gapferry/%s", site != NULL ? site : "unnamed");
}

/* ---- the lines ---- */

static bool not_one(const char *what, gf_error *err)
{
	return gf_fail(err, GF_DAMAGED, "checkpoint", NULL,
	    "not a checkpoint: %s; expected three lines, the log's name, its size and its root in base64", what);
}

/* The next line, without its LF; NULL: there is none. */
static const char *next_line(const char **at, const char *end, size_t *n)
{
	const char *line = *at, *lf = memchr(line, '\n', (size_t)(end - line));

	if (lf == NULL)
		return NULL;
	*n = (size_t)(lf - line);
	*at = lf + 1;
	return line;
}

static bool take_origin(const char *line, size_t n, gf_checkpoint *out)
{
	if (n == 0 || n >= sizeof out->origin || memchr(line, '\0', n) != NULL || memchr(line, ' ', n) != NULL)
		return false;
	memcpy(out->origin, line, n);
	out->origin[n] = '\0';
	return true;
}

static bool take_size(const char *line, size_t n, gf_checkpoint *out)
{
	char digits[24];

	if (n == 0 || n >= sizeof digits)
		return false;
	memcpy(digits, line, n);
	digits[n] = '\0';
	return strlen(digits) == n && gf_u64_parse(digits, GF_BLOB_MAX, &out->size);
}

static bool take_root(const char *line, size_t n, gf_checkpoint *out)
{
	gf_error why;
	gf_buf raw;
	bool ok;

	gf_buf_init(&raw, 2 * sizeof out->root.bytes);
	ok = gf_base64_decode(line, n, &raw, &why) && raw.len == sizeof out->root.bytes;
	if (ok)
		memcpy(out->root.bytes, raw.data, raw.len);
	gf_buf_clear(&raw);
	return ok;
}

bool gf_checkpoint_parse(const char *text, size_t n, gf_checkpoint *out, gf_error *err)
{
	const char *at = text, *end = text + n, *line;
	size_t len = 0;

	if ((line = next_line(&at, end, &len)) == NULL || !take_origin(line, len, out))
		return not_one("its first line is no name", err);
	if ((line = next_line(&at, end, &len)) == NULL || !take_size(line, len, out))
		return not_one("its second line is no size", err);
	if ((line = next_line(&at, end, &len)) == NULL || !take_root(line, len, out))
		return not_one("its third line is no root", err);
	while (at < end)
		if (next_line(&at, end, &len) == NULL || len == 0)
			return not_one("an empty line, or one without end", err);
	return true;
}

bool gf_checkpoint_print(const gf_checkpoint *c, gf_buf *text, gf_error *err)
{
	return gf_buf_printf(text, err, "%s\n%llu\n", c->origin, (unsigned long long)c->size) &&
	    gf_base64_encode(text, c->root.bytes, sizeof c->root.bytes, err) && gf_buf_puts(text, "\n", err);
}

bool gf_checkpoint_key(const gf_checkpoint *c, const gf_pubkey *key, gf_buf *line, gf_error *err)
{
	return gf_note_key(c->origin, key, line, err);
}

/* ---- the file ---- */

bool gf_checkpoint_load(const char *state_dir, bool *there, gf_checkpoint *out, gf_buf *note, gf_error *err)
{
	gf_buf path, text;
	bool ok;

	gf_buf_init(&path, PATH_MAX_BYTES);
	gf_buf_init(&text, GF_NOTE_MAX);
	ok = gf_path_join(&path, state_dir, "checkpoint", err);
	*there = ok && access(path.data, F_OK) == 0;
	if (ok && !*there && errno != ENOENT)
		ok = gf_fail_errno(err, GF_FAILED, "state", path.data, "'%s' cannot be read", path.data);
	if (*there) {
		ok = gf_file_load(path.data, GF_NOTE_MAX, GF_FAILED, note, err) &&
		    gf_note_text(gf_buf_text(note), note->len, &text, err) &&
		    gf_checkpoint_parse(gf_buf_text(&text), text.len, out, err);
		if (!ok)
			(void)gf_because(err, "'%s'", path.data);
	}
	gf_buf_clear(&path);
	gf_buf_clear(&text);
	return ok;
}

bool gf_checkpoint_sign(const gf_checkpoint *c, gf_signer *signer, gf_buf *note, gf_error *err)
{
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_NOTE_MAX);
	ok = gf_checkpoint_print(c, &text, err) && gf_note_sign(text.data, c->origin, signer, note, err);
	gf_buf_clear(&text);
	return ok;
}

bool gf_checkpoint_store(const char *state_dir, const gf_buf *note, gf_error *err)
{
	gf_buf path;
	bool ok;

	gf_buf_init(&path, PATH_MAX_BYTES);
	ok = gf_path_join(&path, state_dir, "checkpoint", err) &&
	    gf_file_store(path.data, 0600, note->data, note->len, err);
	gf_buf_clear(&path);
	return ok;
}
