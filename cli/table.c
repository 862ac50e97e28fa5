/* table: aligned columns of escaped text. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define CELL_MAX 512

typedef struct row {
	char **cells;
	bool marked;
} row;

struct gf_table {
	size_t columns;
	row *rows;
	size_t n, room;
	bool failed;
	gf_error error; /* the first */
};

gf_table *gf_table_new(size_t columns, gf_error *err)
{
	gf_table *t = gf_alloc(1, sizeof *t, err);

	if (t != NULL)
		t->columns = columns;
	return t;
}

static char *escaped(const char *text, gf_error *err)
{
	gf_buf b;
	char *copy = NULL;

	gf_buf_init(&b, CELL_MAX + 4);
	if (gf_text_escape(&b, text != NULL ? text : "", CELL_MAX, err))
		copy = gf_strdup(gf_buf_text(&b), err);
	gf_buf_clear(&b);
	return copy;
}

/* A row of empty cells, or NULL with t->error set. */
static char **add_row(gf_table *t)
{
	if (!gf_grow(&t->rows, &t->room, t->n, sizeof *t->rows, &t->error))
		return NULL;
	t->rows[t->n].cells = gf_alloc(t->columns, sizeof(char *), &t->error);
	return t->rows[t->n++].cells;
}

void gf_table_add(gf_table *t, ...)
{
	va_list texts;
	char **cells;

	if (t == NULL || t->failed)
		return;
	cells = add_row(t);
	t->failed = cells == NULL;
	va_start(texts, t);
	for (size_t i = 0; cells != NULL && i < t->columns && !t->failed; i++) {
		cells[i] = escaped(va_arg(texts, const char *), &t->error);
		t->failed = cells[i] == NULL;
	}
	va_end(texts);
}

void gf_table_mark(gf_table *t)
{
	if (t != NULL && t->n > 0)
		t->rows[t->n - 1].marked = true;
}

/* Characters, not bytes; wide ones count as one. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_row(const gf_table *t, const row *r, const size_t *widths, FILE *to, unsigned indent, bool colour)
{
	size_t last = t->columns;

	while (last > 0 && r->cells[last - 1][0] == '\0')
		last--;
	fprintf(to, "%*s%s", (int)indent, "", r->marked && colour ? "\033[1;31m" : "");
	for (size_t i = 0; i < last; i++)
		fprintf(to, "%s%*s", r->cells[i], i + 1 < last ? (int)(widths[i] - width(r->cells[i]) + 2) : 0, "");
	fprintf(to, "%s\n", r->marked && colour ? "\033[0m" : "");
}

static void free_table(gf_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; t->rows[i].cells != NULL && k < t->columns; k++)
			free(t->rows[i].cells[k]);
		free(t->rows[i].cells);
	}
	free(t->rows);
	free(t);
}

bool gf_table_print(gf_table *t, FILE *to, unsigned indent, gf_error *err)
{
	bool colour = gf_colour(to), ok = false;
	size_t *widths;

	if (t == NULL)
		return false; /* gf_table_new has said why */
	widths = gf_alloc(t->columns, sizeof *widths, err);
	if (t->failed)
		*err = t->error;
	if (t->failed || widths == NULL)
		goto out;
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->columns; k++)
			if (width(t->rows[i].cells[k]) > widths[k])
				widths[k] = width(t->rows[i].cells[k]);
	for (size_t i = 0; i < t->n; i++)
		print_row(t, &t->rows[i], widths, to, indent, colour);
	ok = true;
out:
	free(widths);
	free_table(t);
	return ok;
}

const char *gf_shown(gf_buf *room, const char *text)
{
	gf_error ignored;

	gf_buf_clear(room);
	if (!gf_text_escape(room, text, room->max > 4 ? room->max - 4 : 0, &ignored))
		return "(no memory)";
	return gf_buf_text(room);
}

bool gf_escapes(FILE *to)
{
	const char *term = getenv("TERM");

	return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0 && isatty(fileno(to));
}

bool gf_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR");

	return (no == NULL || no[0] == '\0') && gf_escapes(to);
}
