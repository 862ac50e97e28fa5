/*
 * JSON that stays JSON when it is mutated: what stands in one text changes, one number, one value becomes another's copy,
 * an element goes or comes twice.  One time in four, and where there is no JSON, the bytes are changed as they lie.
 */
#ifndef GF_TESTS_FUZZ_JSON_MUTATE_H
#define GF_TESTS_FUZZ_JSON_MUTATE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/mutate.h"

#define JSON_VALUES 4096
#define JSON_ROOM 32

typedef struct json_piece {
	size_t at, end;
} json_piece;

static inline size_t json_text_end(const uint8_t *data, size_t size, size_t at)
{
	for (at++; at < size && data[at] != '"'; at++)
		at += data[at] == '\\';
	return at < size ? at + 1 : size;
}

/* Of the value, or the key, that begins at at. */
static inline size_t json_end(const uint8_t *data, size_t size, size_t at)
{
	size_t depth = 0;

	if (data[at] == '"')
		return json_text_end(data, size, at);
	if (data[at] != '{' && data[at] != '[') {
		while (at < size && strchr(",]} \t\r\n", data[at]) == NULL)
			at++;
		return at;
	}
	while (at < size) {
		if (data[at] == '"') {
			at = json_text_end(data, size, at);
			continue;
		}
		depth += data[at] == '{' || data[at] == '[';
		depth -= data[at] == '}' || data[at] == ']';
		at++;
		if (depth == 0)
			break;
	}
	return at;
}

static inline size_t json_values(const uint8_t *data, size_t size, json_piece *v)
{
	size_t n = 0, at = 0;

	while (at < size && n < JSON_VALUES) {
		if (strchr("{}[],: \t\r\n", data[at]) == NULL || data[at] == '{' || data[at] == '[')
			v[n++] = (json_piece){ at, json_end(data, size, at) };
		if (n > 0 && v[n - 1].at == at && data[at] != '{' && data[at] != '[')
			at = v[n - 1].end > at ? v[n - 1].end : at + 1;
		else
			at++;
	}
	return n;
}

/* The bytes of p make place for n others. */
static inline size_t json_put(uint8_t *data, size_t size, size_t max, json_piece p, const void *bytes, size_t n)
{
	if (size - (p.end - p.at) + n > max)
		return size;
	memmove(data + p.at + n, data + p.end, size - p.end);
	memcpy(data + p.at, bytes, n);
	return size - (p.end - p.at) + n;
}

/* Another digit for a digit, of the letters one that a hex number has: digests stay digests, times times. */
static inline void json_change_letter(uint8_t *c, unsigned how)
{
	if (*c >= '0' && *c <= '9')
		*c = (uint8_t)('0' + how % 10);
	else if (*c >= 'a' && *c <= 'z')
		*c = (uint8_t)('a' + how % (*c <= 'f' ? 6 : 26));
	else if (*c >= 'A' && *c <= 'Z')
		*c = (uint8_t)('A' + how % 26);
}

static inline size_t json_change_text(uint8_t *data, size_t size, size_t max, json_piece p, unsigned how)
{
	size_t n = p.end - p.at - 2;
	uint8_t *text;

	if (how % 2 != 0 && n > 0) {
		json_change_letter(data + p.at + 1 + how / 2 % n, how / 2);
		return size;
	}
	text = malloc(n + JSON_ROOM);
	if (text == NULL)
		abort();
	memcpy(text, data + p.at + 1, n);
	n = LLVMFuzzerMutate(text, n, n + JSON_ROOM);
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] == '"' || text[i] == '\\')
			text[i] = 'x';
	size = json_put(data, size, max, (json_piece){ p.at + 1, p.end - 1 }, text, n);
	free(text);
	return size;
}

static inline size_t json_change_number(uint8_t *data, size_t size, size_t max, json_piece p, unsigned how)
{
	static const char *const some[] = { "0", "1", "2", "-1", "1.5", "1e9", "4294967296", "9007199254740991",
		"9007199254740992", "18446744073709551616", "null", "true", "false", "\"\"", "[]", "{}" };
	char text[16];

	snprintf(text, sizeof text, "%u", how / 32 % 100000);
	return how % 2 != 0 ? json_put(data, size, max, p, text, strlen(text))
			    : json_put(data, size, max, p, some[how / 2 % 16], strlen(some[how / 2 % 16]));
}

/* An element and the comma behind it go, or come twice. */
static inline size_t json_change_list(uint8_t *data, size_t size, size_t max, json_piece p, unsigned how)
{
	uint8_t *copy;

	if (p.end < size && data[p.end] == ':') {
		p.end++;
		while (p.end < size && strchr(" \t\r\n", data[p.end]) != NULL)
			p.end++;
		p.end = p.end < size ? json_end(data, size, p.end) : size;
	}
	if (p.end >= size || data[p.end] != ',')
		return size;
	p.end++;
	if (how % 2 != 0)
		return json_put(data, size, max, p, "", 0);
	copy = malloc(p.end - p.at);
	if (copy == NULL)
		abort();
	memcpy(copy, data + p.at, p.end - p.at);
	size = json_put(data, size, max, (json_piece){ p.at, p.at }, copy, p.end - p.at);
	free(copy);
	return size;
}

static inline size_t json_change_copy(uint8_t *data, size_t size, size_t max, json_piece to, json_piece from)
{
	uint8_t *copy = malloc(from.end - from.at);

	if (copy == NULL)
		abort();
	memcpy(copy, data + from.at, from.end - from.at);
	size = json_put(data, size, max, to, copy, from.end - from.at);
	free(copy);
	return size;
}

static inline size_t json_mutate(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static json_piece v[JSON_VALUES];
	size_t n = seed % 4 != 0 ? json_values(data, size, v) : 0;
	unsigned how = seed / 4 % 8, more = seed * 2654435761U;
	json_piece p;

	if (n == 0)
		return LLVMFuzzerMutate(data, size, max);
	p = v[more % n];
	more /= (unsigned)n;
	/* A key is left for what stands behind it, mostly. */
	if (how > 1 && p.end + 1 < size && data[p.end] == ':' && more % 8 != 0)
		for (size_t i = 0; i < n; i++)
			if (v[i].at > p.end) {
				p = v[i];
				break;
			}
	if (how == 0)
		return json_change_list(data, size, max, p, more);
	if (how == 1)
		return json_change_copy(data, size, max, p, v[more % n]);
	if (data[p.at] == '"' && p.end - p.at >= 2)
		return json_change_text(data, size, max, p, more);
	return json_change_number(data, size, max, p, more);
}

#endif
