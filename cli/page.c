#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/page.h"

#define PAGE_MAX (256 * GF_MIB)
#define TEXT_SHOWN 16384 /* bytes of one text */
#define SHORT 20         /* a time and less */
#define WORD 24

void gf_page_begin(gf_page *p, gf_error *err)
{
	gf_buf_init(&p->text, PAGE_MAX);
	p->err = err;
	p->failed = false;
}

bool gf_page_end(const gf_page *p)
{
	return !p->failed;
}

void gf_page_put(gf_page *p, const char *fmt, ...)
{
	char piece[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(piece, sizeof piece, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof piece)
		p->failed =
		    !gf_fail(p->err, GF_FAILED, "too-large", NULL, "a piece of the page is too long") || p->failed;
	p->failed = p->failed || !gf_buf_puts(&p->text, piece, p->err);
}

/* What stands for a character that means something in HTML; NULL: it means itself. */
static const char *entity_of(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

/* First what a terminal must not see either, bytes that are no UTF-8, control and bidi characters; then HTML's own. */
void gf_page_text(gf_page *p, const char *text)
{
	gf_buf shown;

	gf_buf_init(&shown, TEXT_SHOWN + 64);
	p->failed = p->failed || (text != NULL && !gf_text_escape(&shown, text, TEXT_SHOWN, p->err));
	for (size_t i = 0; i < shown.len && !p->failed; i++) {
		const char *entity = entity_of(shown.data[i]);

		p->failed = entity != NULL ? !gf_buf_puts(&p->text, entity, p->err)
					   : !gf_buf_add(&p->text, &shown.data[i], 1, p->err);
	}
	gf_buf_clear(&shown);
}

void gf_page_value(gf_page *p, const char *text)
{
	gf_digest unused;
	bool digest = text != NULL && (gf_digest_parse(text, &unused) || gf_digest_parse_hex(text, &unused));

	gf_page_put(p, "%s", digest ? "<code>" : "");
	gf_page_text(p, text);
	gf_page_put(p, "%s", digest ? "</code>" : "");
}

void gf_page_section(gf_page *p, const char *id, const char *heading)
{
	gf_page_put(p, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">%s</h2>\n", id, id,
	    id, heading);
}

void gf_page_section_end(gf_page *p)
{
	gf_page_put(p, "</section>\n");
}

void gf_page_terms(gf_page *p)
{
	gf_page_put(p, "<dl>\n");
}

void gf_page_term(gf_page *p, const char *term, const char *text)
{
	if (text == NULL)
		return;
	gf_page_put(p, "<div><dt>");
	gf_page_text(p, term);
	gf_page_put(p, "</dt><dd>");
	gf_page_value(p, text);
	gf_page_put(p, "</dd></div>\n");
}

void gf_page_terms_end(gf_page *p)
{
	gf_page_put(p, "</dl>\n");
}

void gf_page_table(gf_page *p, const char *caption, const char *const *heads, size_t n)
{
	gf_page_put(p, "<table>\n<caption>");
	gf_page_text(p, caption);
	gf_page_put(p, "</caption>\n<thead><tr>");
	for (size_t i = 0; i < n; i++)
		gf_page_put(p, "<th scope=\"col\">%s</th>", heads[i]);
	gf_page_put(p, "</tr></thead>\n<tbody>\n");
}

/* How a cell is broken into lines: short ones not at all, words too long for a column anywhere. */
static const char *breaks_of(const char *text)
{
	size_t longest = 0;

	for (const char *word = text; *word != '\0'; word += strcspn(word, " ") + (word[strcspn(word, " ")] == ' '))
		if (strcspn(word, " ") > longest)
			longest = strcspn(word, " ");
	return strlen(text) <= SHORT ? " class=\"short\"" : longest > WORD ? " class=\"long\"" : "";
}

void gf_page_row(gf_page *p, const char *class, const char *const *cells, size_t n)
{
	if (class != NULL)
		gf_page_put(p, "<tr class=\"%s\">", class);
	else
		gf_page_put(p, "<tr>");
	for (size_t i = 0; i < n; i++) {
		const char *breaks = breaks_of(cells[i]);

		gf_page_put(p, i == 0 ? "<th scope=\"row\"%s>" : "<td%s>", breaks);
		gf_page_value(p, cells[i]);
		gf_page_put(p, i == 0 ? "</th>" : "</td>");
	}
	gf_page_put(p, "</tr>\n");
}

void gf_page_table_end(gf_page *p)
{
	gf_page_put(p, "</tbody>\n</table>\n");
}

void gf_join(char *out, size_t cap, const char *text)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "", text);
}

void gf_page_term_time(gf_page *p, const char *term, gf_time t)
{
	char text[GF_TIME_SIZE];

	gf_time_print(t, text);
	gf_page_term(p, term, t != 0 ? text : NULL);
}

void gf_page_term_digest(gf_page *p, const char *term, const gf_digest *d)
{
	char text[GF_DIGEST_SIZE];

	if (d == NULL)
		return;
	gf_digest_text(d, text);
	gf_page_term(p, term, text);
}
