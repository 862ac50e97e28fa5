/* entry: what one line of the log says.  Private to verify/. */
#ifndef GF_VERIFY_ENTRY_H
#define GF_VERIFY_ENTRY_H

#include "verify/verify.h"

/* What a line says, as far as it is there; its text is the document's. */
typedef struct gf_entry {
	const char *type, *stream, *environment;
	uint64_t epoch, sequence;
	bool has_manifest, unsigned_bundle, has_statement;
	gf_digest manifest, statement;
	uint64_t trust_version;
	gf_time created;
} gf_entry;
/* A line that is no record is an error that says why, for the caller to say where.  *doc is to be freed in either case. */
bool gf_entry_read(const char *line, size_t n, gf_json_doc **doc, gf_entry *e, gf_error *err);

/* The text of an entry that has no document. */
typedef struct gf_entry_words {
	char type[16], stream[65], environment[65];
} gf_entry_words;
/* The same for a line in the form that this program writes, without a document and some ten times as fast.  False says
 * nothing: gf_entry_read is to be asked.  True: it would have read the same (tests/fuzz/fuzz_entry.c). */
bool gf_entry_read_plain(const char *line, size_t n, gf_entry_words *words, gf_entry *e);

/* Does this line say that the release, or the manifest in that environment, was accepted, or was loaded whole?  A line
 * of an unsigned bundle says neither. */
bool gf_entry_accepts(const gf_entry *e);
bool gf_entry_completes(const gf_entry *e);

#endif
