/*
 * A line of the log: what is read without a document is read with one, and as the same.
 * parser: verify/entry.c:is,copy,take_text,take_time,take_digest,take_number,take_member,gf_entry_read_plain,read_entry,
 * gf_entry_read
 */
#include "tests/fuzz/entry.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_json_doc *doc;
	gf_entry_words words;
	gf_entry e;
	gf_error err = { 0 };

	if (entry_agrees((const char *)data, size, &words, &e)) {
		GF_PLANTED(e.epoch > e.sequence);
		return 0;
	}
	if (!gf_entry_read((const char *)data, size, &doc, &e, &err) && (err.class != GF_FAILED || err.text[0] == '\0'))
		abort();
	gf_json_free(doc);
	return 0;
}
