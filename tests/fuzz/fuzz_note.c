/*
 * A signed note and the checkpoint in it, or a bare checkpoint.  Under the key of C2SP's example one text alone was ever
 * signed; whatever lines stand around, no other opens.
 *
 * parser: verify/note.c:plain,split,read_line,fits,take_lines,open_note,gf_note_open,gf_note_text
 * verify/checkpoint.c:next_line,take_origin,take_size,take_root,gf_checkpoint_parse,gf_checkpoint_print
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/planted.h"
#include "verify/checkpoint.h"
#include "verify/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MCowBQYDK2VwAyEA6TJ5GubnqECkYWTJBHhkJtXngh3YspoA1hyucq/dTaQ=\n"
			  "-----END PUBLIC KEY-----\n";

static void hold(bool what)
{
	if (!what)
		abort();
}

/* Three lines printed are the first three that were read. */
static void checkpoint(const char *text, size_t n)
{
	gf_checkpoint c, again;
	gf_error err = { 0 };
	gf_buf out;

	if (!gf_checkpoint_parse(text, n, &c, &err)) {
		hold(err.class == GF_DAMAGED && strcmp(err.name, "checkpoint") == 0);
		return;
	}
	gf_buf_init(&out, GF_NOTE_MAX);
	hold(gf_checkpoint_print(&c, &out, &err) && gf_checkpoint_parse(out.data, out.len, &again, &err));
	hold(out.len <= n && memcmp(out.data, text, out.len) == 0 && again.size == c.size);
	GF_PLANTED(out.len < n && c.size > 9);
	gf_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gf_pubkey *key;
	gf_error err = { 0 };
	gf_buf text;

	if (key == NULL)
		hold((key = gf_pubkey_parse(pem, sizeof pem - 1, "foo", &err)) != NULL);
	gf_buf_init(&text, GF_NOTE_MAX);
	if (gf_note_text(data, size, &text, &err)) {
		hold(text.len > 0 && text.len < size && memcmp(text.data, data, text.len) == 0 &&
		    text.data[text.len - 1] == '\n' && data[text.len] == '\n');
		checkpoint(text.data, text.len);
	} else {
		hold(err.class == GF_DAMAGED && strcmp(err.name, "note") == 0 && text.len == 0);
	}
	if (gf_note_open(data, size, "example.com/foo", key, &text, &err))
		hold(strcmp(text.data, "This is an example message.\n") == 0);
	else
		hold(text.len == 0 && (err.class == GF_DAMAGED || err.class == GF_REFUSED));
	if (size > 0)
		checkpoint((const char *)data, size);
	gf_buf_clear(&text);
	return 0;
}
