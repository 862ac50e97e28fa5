#include "base/json_tree.h"
#include "base/limits.h"

/*
 * What jansson does not bound (its tree of '[{},{}...' takes eighty times the text), and what
 * it lets pass: a NUL behind a number (facts/style.md section 4).  Counts values exactly in
 * correct text; in other text jansson stops at the first fault.
 */
bool gf_json_scan(const char *text, size_t len, gf_class class, const char *name, gf_error *err)
{
	bool in_string = false, in_scalar = false;
	size_t depth = 0, tokens = 0, colons = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool space = c == '\t' || c == '\n' || c == '\r';

		if (c < 0x20 && (in_string || !space))
			return gf_fail(err, class, "json", name, "'%s': byte %zu is 0x%02x, which JSON does not allow",
			    name, i, c);
		if (in_string) {
			if (c == '\\' && i + 1 < len && (unsigned char)text[i + 1] >= 0x20)
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"' || c == '[' || c == '{') {
			tokens++;
			in_string = c == '"';
			if (c != '"' && ++depth > GF_JSON_DEPTH)
				return gf_fail(err, class, "json-limit", name, "'%s' has more than %d levels", name,
				    GF_JSON_DEPTH);
			in_scalar = false;
		} else if (space || c == ' ' || c == ',' || c == ':' || c == ']' || c == '}') {
			colons += c == ':';
			if ((c == ']' || c == '}') && depth > 0)
				depth--;
			in_scalar = false;
		} else if (!in_scalar) {
			tokens++;
			in_scalar = true;
		}
		if (tokens > colons && tokens - colons > GF_JSON_VALUES)
			return gf_fail(
			    err, class, "json-limit", name, "'%s' has more than %d values", name, GF_JSON_VALUES);
	}
	return true;
}
