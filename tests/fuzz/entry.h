/* The two readings of a line of the log held against each other, for the fuzz target and the unit test. */
#ifndef GF_TESTS_FUZZ_ENTRY_H
#define GF_TESTS_FUZZ_ENTRY_H

#include <stdlib.h>
#include <string.h>

#include "verify/entry.h"

static inline bool entry_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Also members that are not there: both readings leave them zero. */
static inline bool entry_same(const gf_entry *a, const gf_entry *b)
{
	return entry_same_text(a->type, b->type) && entry_same_text(a->stream, b->stream) &&
	    entry_same_text(a->environment, b->environment) && a->epoch == b->epoch && a->sequence == b->sequence &&
	    a->has_manifest == b->has_manifest && a->unsigned_bundle == b->unsigned_bundle &&
	    a->has_statement == b->has_statement && gf_digest_equal(&a->manifest, &b->manifest) &&
	    gf_digest_equal(&a->statement, &b->statement) && a->trust_version == b->trust_version &&
	    a->created == b->created;
}

/* Is it read without a document?  Then with one as well, and as the same; *e is good while *words is. */
static inline bool entry_agrees(const char *line, size_t n, gf_entry_words *words, gf_entry *e)
{
	gf_json_doc *doc;
	gf_entry other;
	gf_error err;

	if (!gf_entry_read_plain(line, n, words, e))
		return false;
	if (!gf_entry_read(line, n, &doc, &other, &err) || !entry_same(e, &other))
		abort();
	gf_json_free(doc);
	return true;
}

#endif
