/*
 * page: a report as one HTML page without scripts, which asks for nothing (cli/verb_report.c).
 *
 * page.c writes markup and escapes text; page_style.c is the style sheet; page_story.c the page with verdict, summary and
 * chain; page_parts.c the other sections; page_chain.c the drawing.  Private to cli/.
 */
#ifndef GF_CLI_PAGE_H
#define GF_CLI_PAGE_H

#include "cli/cli.h"

/* ---- what a report tells; nothing in it is owned by it ---- */

/* An approval, a rejection or a permit that somebody who is believed signed. */
typedef struct gf_said {
	gf_approval what;
	gf_digest file;
	const gf_pubkey **by;
	size_t n_by;
	bool counted; /* for the gate that was judged */
} gf_said;

/* Loads into one target of one environment. */
typedef struct gf_arrival {
	const char *environment, *site, *target;
	size_t names;
	gf_time last;
} gf_arrival;

typedef struct gf_said_list {
	gf_said *list;
	size_t n, room;
	size_t n_unsigned; /* files that speak of the bundle and that nobody who is believed signed */
} gf_said_list;
/* Those among these files that speak of the manifest (said.c); the keys stay the trust's.  A file that is there twice
 * counts once. */
bool gf_said_add(
    gf_said_list *l, const gf_trust *trust, const gf_digest *manifest, const gf_member *list, size_t n, gf_error *err);
void gf_said_clear(gf_said_list *l);

typedef struct gf_story {
	const char *file; /* as it was given */
	bool is_receipt;
	const gf_error *failure; /* NULL: verified */
	gf_time now;
	const char *environment, *site; /* NULL: none was named */
	const gf_digest *digest;        /* of the bundle's manifest; NULL: there was none to read */
	const gf_manifest *manifest;    /* NULL: not believed, or not here */
	const gf_graph *graph;          /* NULL: the layers are not known */
	const gf_store *store;
	gf_signed_by by;
	const gf_verdict *verdict;          /* NULL: of a receipt */
	const gf_receipt *receipt;          /* NULL: of a bundle, or not believed */
	const gf_receipt_by *witness;       /* of a receipt: who signed it */
	const char *lacks;                  /* why the record of its bundle is not believed; NULL: it is */
	const gf_policy *policy;            /* NULL: loose keys */
	const gf_policy_environment *gates; /* of the environment; NULL: there are none */
	const gf_said_list *said;
	const gf_trace_load *loads; /* that the log of this state has */
	size_t n_loads;
	const gf_arrival *arrivals; /* of these, else of the receipt */
	size_t n_arrivals;
} gf_story;

/* The page where -o says (verb_report.c).  good: *err is not looked at; else it is why not, is told, and stays. */
bool gf_story_write(gf_story *s, const gf_run *run, bool good, gf_error *err);
/* The gates of its environment in that stream (NULL: none), where its policy has them. */
void gf_story_gates(gf_story *s, const char *stream);
/* The verb for a receipt (report_receipt.c). */
bool gf_report_receipt(gf_run *run, gf_error *err);

/* ---- markup (page.c) ---- */

/* Errors stick until gf_page_end. */
typedef struct gf_page {
	gf_buf text;
	gf_error *err;
	bool failed;
} gf_page;

void gf_page_begin(gf_page *p, gf_error *err);
bool gf_page_end(const gf_page *p); /* false: *err is set; text is the caller's to clear in either case */

/* Markup of this program.  A %s is for words of its own alone, never for text from a file. */
void gf_page_put(gf_page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text from anywhere, as nothing but text: the one way it comes into a page.  NULL: nothing. */
void gf_page_text(gf_page *p, const char *text);
/* The same in <code> where it is a digest, which a reader compares letter by letter. */
void gf_page_value(gf_page *p, const char *text);

/* A section with its heading; id is also its place in the contents. */
void gf_page_section(gf_page *p, const char *id, const char *heading);
void gf_page_section_end(gf_page *p);
/* Terms: one with text NULL is left out. */
void gf_page_terms(gf_page *p);
void gf_page_term(gf_page *p, const char *term, const char *text);
void gf_page_terms_end(gf_page *p);
void gf_page_table(gf_page *p, const char *caption, const char *const *heads, size_t n);
/* n cells, the first of which names the row; class: NULL, or how the row looks. */
void gf_page_row(gf_page *p, const char *class, const char *const *cells, size_t n);
void gf_page_table_end(gf_page *p);
#define GF_PAGE_TEXTS(...)                                                                                             \
	(const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)
#define GF_PAGE_TABLE(p, caption, ...) gf_page_table(p, caption, GF_PAGE_TEXTS(__VA_ARGS__))
#define GF_PAGE_ROW(p, class, ...) gf_page_row(p, class, GF_PAGE_TEXTS(__VA_ARGS__))

/* "a, b": text behind what is in out, an array of cap bytes; what has no room is cut. */
void gf_join(char *out, size_t cap, const char *text);
void gf_page_term_time(gf_page *p, const char *term, gf_time t); /* 0: left out */
void gf_page_term_digest(gf_page *p, const char *term, const gf_digest *d);

/* ---- parts ---- */

extern const char *const gf_page_style[]; /* the style sheet in pieces, NULL behind them (page_style.c) */

bool gf_story_print(const gf_story *s, gf_buf *out, gf_error *err); /* the whole page (page_story.c) */
void gf_chain_draw(gf_page *p, const gf_story *s);                  /* the drawing (page_chain.c) */
/* Sections (page_parts.c).  Those of build and images need a manifest. */
void gf_part_build(gf_page *p, const gf_story *s);
void gf_part_signatures(gf_page *p, const gf_story *s);
void gf_part_approvals(gf_page *p, const gf_story *s);
void gf_part_checks(gf_page *p, const gf_story *s);
void gf_part_images(gf_page *p, const gf_story *s);
void gf_part_loads(gf_page *p, const gf_story *s);
void gf_part_meaning(gf_page *p, const gf_story *s);

/* "carol, dave": who signed it; what has no room is cut. */
void gf_said_by(const gf_said *s, char *out, size_t cap);
const char *gf_image_name(const gf_image *im); /* the first of its names */

#endif
