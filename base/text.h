/* text: small pieces of text for people and machines.  No locale anywhere. */
#ifndef GF_BASE_TEXT_H
#define GF_BASE_TEXT_H

#include "base/buf.h"

/* Characters that a terminal obeys, hides or reorders: C0, DEL, C1, format controls (Unicode general category Cf, line
 * and paragraph separators), fillers that look like nothing, variation selectors, noncharacters. */
bool gf_text_hidden(uint32_t c);

/* Foreign text for a terminal: bytes that are not UTF-8 and hidden characters become \xNN or \u{N}.  Appended; cut before
 * the piece that would make it more than max bytes, with "...". */
bool gf_text_escape(gf_buf *out, const char *text, size_t max, gf_error *err);

/* The first character of n bytes of UTF-8 (RFC 3629): its length in bytes, or 0 when there is none. */
size_t gf_utf8_decode(const char *text, size_t n, uint32_t *out);

/* "999 B", "1.2 kB", "378.1 MB", "4.0 GB": powers of 1000. */
#define GF_SIZE_TEXT 16
void gf_size_text(uint64_t bytes, char out[GF_SIZE_TEXT]);

/* Digits only, no sign, no space, no leading zero but "0" itself, at most max. */
bool gf_u64_parse(const char *text, uint64_t max, uint64_t *out);

/* Stream, site, environment and holder names: [a-z0-9][a-z0-9._-]{0,63}. */
bool gf_name_valid(const char *text);

/* RFC 4648 base64, padded, canonical: decode refuses everything else.  Encode adds no newline.  Both append. */
bool gf_base64_encode(gf_buf *out, const void *bytes, size_t n, gf_error *err);
bool gf_base64_decode(const char *text, size_t n, gf_buf *out, gf_error *err); /* false, "base64", GF_DAMAGED */

bool gf_starts_with(const char *text, const char *prefix);
bool gf_ends_with(const char *text, const char *suffix);
/* '*' stands for any run of characters but '/', '**' for any run. */
bool gf_glob_match(const char *pattern, const char *text);
/* Edit distance (Levenshtein), for suggestions; of texts above 96 bytes only 0 is exact. */
unsigned gf_edit_distance(const char *a, const char *b);

#endif
