/* qr: text as a QR code on a terminal (ISO/IEC 18004), two rows of modules in a line of blocks. */
#include <qrencode.h>

#include "cli/cli.h"

#define QUIET 4 /* modules of margin that the standard wants on each side */

static bool dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1) != 0;
}

/* Light is drawn and dark is left out: a terminal is dark, or is told to be. */
static const char *cell(bool upper_dark, bool lower_dark)
{
	if (upper_dark)
		return lower_dark ? " " : "\xe2\x96\x84";    /* lower half block */
	return lower_dark ? "\xe2\x96\x80" : "\xe2\x96\x88"; /* upper half block, full block */
}

bool gf_show_qr(const char *text, FILE *to, gf_error *err)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	bool colour = gf_colour(to);

	if (code == NULL)
		return gf_no_memory(err); /* so short a text has a code */
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		fputs(colour ? "\033[37;40;1m" : "", to);
		for (int x = -QUIET; x < code->width + QUIET; x++)
			fputs(cell(dark(code, x, y), y + 1 < code->width + QUIET && dark(code, x, y + 1)), to);
		fputs(colour ? "\033[0m\n" : "\n", to);
	}
	QRcode_free(code);
	return true;
}
