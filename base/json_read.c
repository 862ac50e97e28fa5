/* Getters of what signed statements and configurations have in common, on top of those of json.c. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

bool gf_json_copy(gf_json object, const char *key, char **out, gf_error *err)
{
	const char *text = NULL;

	return gf_json_string(object, key, &text, err) && (*out = gf_strdup(text, err)) != NULL;
}

bool gf_json_copy_if(gf_json object, const char *key, char **out, gf_error *err)
{
	return gf_json_typeof(gf_json_get(object, key)) == GF_JSON_ABSENT || gf_json_copy(object, key, out, err);
}

bool gf_json_hex(gf_json object, const char *key, gf_digest *out, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(object, key, &text, err))
		return false;
	return gf_digest_parse_hex(text, out) ||
	    gf_json_fail(gf_json_get(object, key), "digest-form", err, "expected 64 lower-case hex digits");
}

bool gf_json_time(gf_json object, const char *key, gf_time *out, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(object, key, &text, err))
		return false;
	return gf_time_parse(text, out) ||
	    gf_json_fail(gf_json_get(object, key), "time-form", err,
		"expected a time as 2026-11-23T01:02:03Z, found '%.64s'", text);
}

bool gf_json_time_if(gf_json object, const char *key, gf_time *out, gf_error *err)
{
	return gf_json_typeof(gf_json_get(object, key)) == GF_JSON_ABSENT || gf_json_time(object, key, out, err);
}

bool gf_json_expect(gf_json object, const char *key, const char *want, const char *name, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(object, key, &text, err))
		return false;
	return strcmp(text, want) == 0 ||
	    gf_json_fail(gf_json_get(object, key), name, err, "expected '%s', found '%.128s'", want, text);
}

bool gf_json_texts(gf_json array, char ***out, size_t *n, gf_error *err)
{
	size_t count = gf_json_count(array);
	char **list = gf_alloc(count + 1, sizeof *list, err);

	*out = list;
	*n = 0;
	if (list == NULL)
		return false;
	for (; *n < count; ++*n) {
		const char *text;

		if (!gf_json_text(gf_json_at(array, *n), &text, err))
			return false;
		if (*text == '\0')
			return gf_json_fail(gf_json_at(array, *n), "empty", err, "a value is missing here");
		list[*n] = gf_strdup(text, err);
		if (list[*n] == NULL)
			return false;
	}
	return true;
}

bool gf_json_texts_if(gf_json object, const char *key, char ***out, size_t *n, gf_error *err)
{
	gf_json array;

	if (gf_json_typeof(gf_json_get(object, key)) == GF_JSON_ABSENT)
		return true;
	return gf_json_array(object, key, &array, err) && gf_json_texts(array, out, n, err);
}

void gf_texts_free(char **list, size_t n)
{
	for (size_t i = 0; list != NULL && i < n; i++)
		free(list[i]);
	free(list);
}
