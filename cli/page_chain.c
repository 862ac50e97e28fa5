/*
 * The drawing: where it came from, who built it, the bundle and who spoke for it, its images, where they were loaded.
 *
 * Five columns of boxes.  A dashed line is what the packer says, and the signers with it; a solid one is held by a digest
 * or a signature that was checked.  Text does not wrap in SVG, so it is cut here; the whole of it stands in the tables.
 */
#include <stdio.h>
#include <string.h>

#include "cli/page.h"

/* In units of the drawing, which are pixels where the page is wide. */
#define BOX_WIDTH 178
#define BOX_GAP 28
#define BOX_SPACE 14 /* between boxes of one column */
#define LINE 17
#define PAD 10
#define STRIP 12 /* height of the row of layers */
#define COLUMNS 5
#define WIDTH (COLUMNS * BOX_WIDTH + (COLUMNS - 1) * BOX_GAP)
#define LETTERS 22      /* columns that have room in a line of a box, in the widest of the usual fonts ... */
#define LETTERS_BOLD 18 /* ... and in its bold */
#define DRAWN_MAX 4     /* boxes of one sort; more are counted */
#define LAYERS_MAX 32
#define BOXES_MAX 32

enum { COLUMN_SOURCE, COLUMN_BUILD, COLUMN_BUNDLE, COLUMN_IMAGE, COLUMN_LOAD };

typedef struct box {
	int column;
	unsigned y, height;
	const char *class; /* claim, good, bad, plain */
	size_t n;
	struct {
		const char *class;
		char text[128];
	} lines[6];
	const gf_document *layers; /* NULL: none are drawn */
} box;

typedef struct chain {
	gf_page *page;
	const gf_story *story;
	box boxes[BOXES_MAX];
	size_t n;
	unsigned height;
} chain;

const char *gf_image_name(const gf_image *im)
{
	return im->n_names > 0 ? im->names[0] : "no name";
}

/* ---- what stands in the boxes ---- */

/* Where a text of that many columns begins, counted from its end. */
static size_t tail_of(const gf_buf *text, size_t columns, size_t total)
{
	size_t at = 0;

	for (uint32_t c = 0; total > columns && at < text->len; total -= c < 0x80 ? 1 : 2) {
		size_t n = gf_utf8_decode(text->data + at, text->len - at, &c);

		at += n > 0 ? n : 1;
	}
	return at;
}

static size_t head_of(const gf_buf *text, size_t columns, size_t *total)
{
	size_t at = 0, end = 0;

	*total = 0;
	for (uint32_t c = 0; at < text->len;) {
		size_t n = gf_utf8_decode(text->data + at, text->len - at, &c);

		at += n > 0 ? n : 1;
		*total += c < 0x80 ? 1 : 2;
		if (*total <= columns)
			end = at;
	}
	return end;
}

/* Cut to that many columns, a character above ASCII counted as two; from_end: the end of a name says more than its
 * beginning. */
static void cut(char out[128], const char *text, size_t columns, bool from_end)
{
	gf_error unused; /* without memory the line is empty, and the page fails soon */
	gf_buf shown;
	size_t total, end;

	out[0] = '\0';
	gf_buf_init(&shown, 4200);
	if (gf_text_escape(&shown, text, 4096, &unused) && shown.len > 0) {
		end = head_of(&shown, columns - 1, &total);
		if (total <= columns)
			(void)snprintf(out, 128, "%s", shown.data);
		else if (from_end)
			(void)snprintf(out, 128, "\xe2\x80\xa6%s", shown.data + tail_of(&shown, columns - 1, total));
		else
			(void)snprintf(out, 128, "%.*s\xe2\x80\xa6", (int)end, shown.data);
	}
	gf_buf_clear(&shown);
}

static box *add_box(chain *c, int column, const char *class, const char *kind)
{
	box *b = &c->boxes[c->n < BOXES_MAX - 1 ? c->n++ : BOXES_MAX - 1];

	memset(b, 0, sizeof *b);
	b->column = column;
	b->class = class;
	b->lines[b->n].class = "kind";
	(void)snprintf(b->lines[b->n++].text, sizeof b->lines[0].text, "%s", kind);
	return b;
}

static void add_line(box *b, const char *class, const char *text, bool from_end)
{
	if (text == NULL || b->n >= sizeof b->lines / sizeof *b->lines)
		return;
	b->lines[b->n].class = class;
	cut(b->lines[b->n++].text, text, strcmp(class, "name") == 0 ? LETTERS_BOLD : LETTERS, from_end);
}

static void add_digest(box *b, const gf_digest *d)
{
	char hex[GF_HEX_SIZE], text[32];

	gf_digest_hex(d, hex);
	(void)snprintf(text, sizeof text, "sha256:%.12s", hex);
	add_line(b, "svg-code", text, false);
}

static void add_more(chain *c, int column, size_t n, const char *one, const char *many)
{
	char text[64];

	if (n == 0)
		return;
	(void)snprintf(text, sizeof text, "and %zu more %s", n, n == 1 ? one : many);
	add_line(add_box(c, column, "plain", "more"), "note", text, false);
}

static void add_source(chain *c)
{
	const gf_build *b = &c->story->manifest->build;
	box *source = add_box(c, COLUMN_SOURCE, "claim", "COMMIT");
	char revision[16];

	if (b->revision == NULL && b->repository == NULL && b->ref == NULL) {
		add_line(source, "note", "not recorded", false);
		return;
	}
	(void)snprintf(revision, sizeof revision, "%.12s", b->revision != NULL ? b->revision : "");
	add_line(source, "name",
	    b->revision == NULL                                          ? "no revision"
		: strlen(b->revision) == 40 || strlen(b->revision) == 64 ? revision
									 : b->revision,
	    false);
	add_line(source, "plain", b->repository, true);
	add_line(source, "note", b->ref, true);
}

static void add_build(chain *c)
{
	const gf_build *b = &c->story->manifest->build;
	box *build = add_box(c, COLUMN_BUILD, "claim", "BUILD");

	if (b->system == NULL && b->id == NULL && b->number == NULL) {
		add_line(build, "note", "not recorded", false);
		return;
	}
	add_line(build, "name", b->id != NULL ? b->id : b->number, false);
	add_line(build, "plain", b->system, false);
	add_line(build, "note", b->definition, false);
}

/* Of a receipt: the bundle is believed where its manifest is on record with signatures enough. */
static bool is_on_record(const gf_story *s)
{
	return s->manifest != NULL && s->lacks == NULL;
}

static const char *trusted(const gf_story *s)
{
	return s->failure != NULL ? "bad" : s->receipt == NULL || is_on_record(s) ? "good" : "claim";
}

static const char *title_of(const gf_story *s)
{
	if (s->failure != NULL)
		return "BUNDLE, NOT VERIFIED";
	return s->receipt == NULL ? "BUNDLE, VERIFIED"
	    : is_on_record(s)     ? "BUNDLE, ON RECORD"
				  : "BUNDLE OF THE RECEIPT";
}

static void add_bundle(chain *c)
{
	const gf_story *s = c->story;
	const gf_manifest *m = s->manifest;
	box *b = add_box(c, COLUMN_BUNDLE, trusted(s), title_of(s));
	char text[160];

	if (m != NULL && m->stream != NULL) {
		(void)snprintf(text, sizeof text, "%s %llu", m->stream, (unsigned long long)m->sequence);
		add_line(b, "name", text, true);
	} else if (s->receipt != NULL && s->receipt->stream != NULL) {
		(void)snprintf(
		    text, sizeof text, "%s %llu", s->receipt->stream, (unsigned long long)s->receipt->sequence);
		add_line(b, "name", text, true);
	} else {
		add_line(b, "name", gf_path_base(s->file), true);
	}
	if (m != NULL && m->version != NULL) {
		(void)snprintf(text, sizeof text, "version %.100s", m->version);
		add_line(b, "plain", text, false);
	}
	if (s->digest != NULL)
		add_digest(b, s->digest);
	if (m != NULL) {
		char when[GF_TIME_SIZE];

		gf_time_print(m->created, when);
		add_line(b, "note", when, false);
	}
}

static void add_signers(chain *c)
{
	const gf_signed_by *by = &c->story->by;
	size_t drawn = by->n > DRAWN_MAX ? DRAWN_MAX - 1 : by->n;

	for (size_t i = 0; i < drawn; i++) {
		box *b = add_box(c, COLUMN_BUNDLE, "good", "SIGNED BY");

		add_line(b, "name", gf_pubkey_holder(by->keys[i]), false);
		add_line(b, "note", gf_pubkey_type(by->keys[i]), false);
	}
	add_more(c, COLUMN_BUNDLE, by->n - drawn, "signer", "signers");
	if (by->n == 0 && c->story->receipt == NULL)
		add_line(add_box(c, COLUMN_BUNDLE, "bad", "SIGNED BY"), "name", "nobody believed", false);
}

static void add_said(chain *c, const gf_said *said)
{
	static const char *const kinds[] = {
		[GF_APPROVE] = "APPROVED BY", [GF_REJECT] = "REJECTED BY", [GF_PERMIT] = "PERMITTED BY"
	};
	box *b = add_box(c, COLUMN_BUNDLE,
	    said->what.decision == GF_REJECT ? "bad"
		: said->counted              ? "good"
					     : "plain",
	    kinds[said->what.decision]);
	char text[96];

	gf_said_by(said, text, sizeof text);
	add_line(b, "name", text, false);
	(void)snprintf(text, sizeof text, "for %s", said->what.environment);
	add_line(b, "note", text, false);
}

static void add_words(chain *c)
{
	const gf_story *s = c->story;
	size_t drawn = s->said->n > DRAWN_MAX ? DRAWN_MAX - 1 : s->said->n;

	for (size_t i = 0; i < drawn; i++)
		add_said(c, &s->said->list[i]);
	add_more(c, COLUMN_BUNDLE, s->said->n - drawn, "word", "words");
}

static const gf_platform *platform_of(const gf_story *s, size_t image)
{
	const gf_tree *tree = s->graph != NULL ? &s->graph->trees[image] : NULL;
	const gf_platform *p = tree != NULL ? gf_tree_load(tree, s->manifest->images[image].load) : NULL;

	return p == NULL && tree != NULL && tree->n_platforms > 0 ? &tree->platforms[0] : p;
}

static void add_image(chain *c, size_t i)
{
	const gf_image *im = &c->story->manifest->images[i];
	const gf_platform *p = platform_of(c->story, i);
	box *b = add_box(c, COLUMN_IMAGE, trusted(c->story), "IMAGE");
	char text[96];

	add_line(b, "name", gf_image_name(im), true);
	add_digest(b, &im->digest);
	if (im->n_platforms > 1)
		(void)snprintf(text, sizeof text, "%zu platforms", im->n_platforms);
	else
		(void)snprintf(
		    text, sizeof text, "%.80s", im->n_platforms > 0 ? im->platforms[0].platform : "artifact");
	add_line(b, "plain", text, false);
	if (p == NULL || p->document->n_items == 0)
		return;
	(void)snprintf(text, sizeof text, "%zu layer%s", p->document->n_items, p->document->n_items == 1 ? "" : "s");
	add_line(b, "note", text, false);
	b->layers = p->document;
}

static void add_images(chain *c)
{
	const gf_manifest *m = c->story->manifest;
	size_t drawn = m->n_images > DRAWN_MAX ? DRAWN_MAX - 1 : m->n_images;

	for (size_t i = 0; i < drawn; i++)
		add_image(c, i);
	add_more(c, COLUMN_IMAGE, m->n_images - drawn, "image", "images");
}

static void add_load(chain *c, const gf_arrival *a)
{
	box *b = add_box(c, COLUMN_LOAD, "good", "LOADED INTO");
	char text[160], when[GF_TIME_SIZE];

	(void)snprintf(text, sizeof text, "%s%s%s", a->environment != NULL ? a->environment : "no environment",
	    a->site != NULL ? " at " : "", a->site != NULL ? a->site : "");
	add_line(b, "name", text, false);
	add_line(b, "plain", a->target, true);
	gf_time_print(a->last, when);
	add_line(b, "note", when, false);
}

static void add_loads(chain *c)
{
	const gf_story *s = c->story;
	size_t drawn = s->n_arrivals > DRAWN_MAX ? DRAWN_MAX - 1 : s->n_arrivals;

	for (size_t i = 0; i < drawn; i++)
		add_load(c, &s->arrivals[i]);
	add_more(c, COLUMN_LOAD, s->n_arrivals - drawn, "place", "places");
	if (s->n_arrivals == 0) {
		box *b = add_box(c, COLUMN_LOAD, "claim", "LOADED INTO");

		add_line(b, "name", "nothing", false);
		add_line(b, "note", "by the log here", false);
	}
}

/* ---- where they stand ---- */

static unsigned height_of(const box *b)
{
	return 2 * PAD + (unsigned)b->n * LINE - 4 + (b->layers != NULL ? STRIP + 4 : 0);
}

static unsigned column_height(const chain *c, int column)
{
	unsigned height = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->boxes[i].column == column)
			height += (height > 0 ? BOX_SPACE : 0) + c->boxes[i].height;
	return height;
}

/* All columns begin at the top: the first box of each is the chain itself. */
static void place(chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->boxes[i].height = height_of(&c->boxes[i]);
	for (int column = 0; column < COLUMNS; column++) {
		unsigned y = 2, height = column_height(c, column);

		for (size_t i = 0; i < c->n; i++)
			if (c->boxes[i].column == column) {
				c->boxes[i].y = y;
				y += c->boxes[i].height + BOX_SPACE;
			}
		if (height + 4 > c->height)
			c->height = height + 4;
	}
}

static unsigned left_of(int column)
{
	return (unsigned)column * (BOX_WIDTH + BOX_GAP);
}

/* ---- drawn ---- */

/* Widths in the proportion of the sizes, none of them nothing. */
static void draw_layers(chain *c, const box *b)
{
	size_t n = b->layers->n_items < LAYERS_MAX ? b->layers->n_items : LAYERS_MAX;
	unsigned x = PAD, room = BOX_WIDTH - 2 * PAD;
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += b->layers->items[i].size;
	for (size_t i = 0; i < n; i++) {
		double part = total > 0 ? (double)b->layers->items[i].size / (double)total : 0;
		unsigned width = 3 + (unsigned)(part * (double)(room - 3 * (unsigned)n));

		gf_page_put(c->page, "<rect class=\"layer\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>", x,
		    b->height - PAD - STRIP + 2, width, (unsigned)STRIP);
		x += width;
	}
}

/* An <svg> of its own cuts off what an unusual font makes too wide. */
static void draw_box(chain *c, const box *b)
{
	gf_page_put(c->page,
	    "<svg class=\"%s\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\">"
	    "<rect class=\"box\" x=\"1\" y=\"1\" width=\"%u\" height=\"%u\" rx=\"6\"/>",
	    b->class, left_of(b->column), b->y, (unsigned)BOX_WIDTH, b->height, (unsigned)BOX_WIDTH - 2, b->height - 2);
	for (size_t i = 0; i < b->n; i++) {
		gf_page_put(c->page, "<text class=\"%s\" x=\"%u\" y=\"%u\">", b->lines[i].class, (unsigned)PAD,
		    PAD + 10 + (unsigned)i * LINE);
		gf_page_text(c->page, b->lines[i].text);
		gf_page_put(c->page, "</text>");
	}
	if (b->layers != NULL)
		draw_layers(c, b);
	gf_page_put(c->page, "</svg>\n");
}

static const box *first_of(const chain *c, int column)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->boxes[i].column == column)
			return &c->boxes[i];
	return NULL;
}

/* The column to the left that has boxes: where no manifest is known, images are missing. */
static const box *before(const chain *c, int column)
{
	const box *found = NULL;

	while (found == NULL && --column >= 0)
		found = first_of(c, column);
	return found;
}

/* From the first box of a column to a box of the next one. */
static void draw_link(chain *c, const box *from, const box *to, const char *class)
{
	unsigned x1 = left_of(from->column) + BOX_WIDTH, x2 = left_of(to->column), middle = (x1 + x2) / 2,
		 y1 = from->y + 24, y2 = to->y + 24;

	gf_page_put(c->page, "<path class=\"link %s\" d=\"M%u %uH%uV%uH%u\"/>", class, x1, y1, middle, y2, x2 - 7);
	gf_page_put(c->page, "<path class=\"tip %s\" d=\"M%u %ul-8 -4.5v9z\"/>\n", class, x2, y2);
}

/* Of the link that ends at this box. */
static const char *link_class(const chain *c, const box *to)
{
	if (to->column == COLUMN_IMAGE)
		return trusted(c->story);
	if (to->column == COLUMN_LOAD && strcmp(to->class, "good") == 0)
		return c->story->failure != NULL ? "bad" : "good";
	return "claim";
}

static void draw_links(chain *c)
{
	const box *bundle = first_of(c, COLUMN_BUNDLE);

	for (size_t i = 0; i < c->n; i++) {
		const box *to = &c->boxes[i], *from = before(c, to->column);

		if (to->column == COLUMN_BUNDLE && to != bundle) /* who spoke for the bundle stands below it */
			gf_page_put(c->page, "<path class=\"link %s\" d=\"M%u %uV%u\"/>\n", to->class,
			    left_of(COLUMN_BUNDLE) + 24, to->y - BOX_SPACE, to->y);
		else if (from != NULL)
			draw_link(c, from, to, link_class(c, to));
	}
}

void gf_chain_draw(gf_page *p, const gf_story *s)
{
	chain c = { .page = p, .story = s };

	if (s->manifest != NULL) {
		add_source(&c);
		add_build(&c);
	}
	add_bundle(&c);
	add_signers(&c);
	add_words(&c);
	if (s->manifest != NULL)
		add_images(&c);
	if (s->manifest != NULL || s->n_arrivals > 0)
		add_loads(&c);
	place(&c);
	gf_page_put(p,
	    "<svg class=\"chain\" viewBox=\"0 0 %u %u\" role=\"img\" aria-labelledby=\"chain-title chain-text\">\n"
	    "<title id=\"chain-title\">From commit to load</title>\n"
	    "<desc id=\"chain-text\">Five columns of boxes from left to right: commit, build, bundle with who signed and "
	    "approved it, images, and where they were loaded. The list below says the same in words.</desc>\n",
	    (unsigned)WIDTH, c.height);
	draw_links(&c);
	for (size_t i = 0; i < c.n; i++)
		draw_box(&c, &c.boxes[i]);
	gf_page_put(p, "</svg>\n");
}
