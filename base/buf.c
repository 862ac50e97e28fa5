#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void gf_buf_init(gf_buf *b, size_t max)
{
	memset(b, 0, sizeof *b);
	b->max = max < PTRDIFF_MAX ? max : PTRDIFF_MAX - 1; /* room for the NUL without overflow */
}

void gf_buf_clear(gf_buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->room = 0;
}

bool gf_buf_reserve(gf_buf *b, size_t n, gf_error *err)
{
	size_t need, room;
	char *data;

	if (b->len > b->max || n > b->max - b->len)
		return gf_fail(err, GF_DAMAGED, "too-large", NULL, "more than the %zu bytes allowed here", b->max);
	need = b->len + n + 1;
	if (need <= b->room)
		return true;
	room = b->room < 64 ? 64 : b->room + b->room / 2;
	if (room > b->max + 1)
		room = b->max + 1;
	if (room < need)
		room = need;
	data = realloc(b->data, room);
	if (data == NULL)
		return gf_no_memory(err);
	data[b->len] = '\0';
	b->data = data;
	b->room = room;
	return true;
}

bool gf_buf_add(gf_buf *b, const void *bytes, size_t n, gf_error *err)
{
	if (!gf_buf_reserve(b, n, err))
		return false;
	if (n > 0)
		memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return true;
}

bool gf_buf_puts(gf_buf *b, const char *text, gf_error *err)
{
	return gf_buf_add(b, text, strlen(text), err);
}

bool gf_buf_printf(gf_buf *b, gf_error *err, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return gf_fail(err, GF_FAILED, "internal", NULL, "a text cannot be formatted");
	if (!gf_buf_reserve(b, (size_t)n, err))
		return false;
	va_start(args, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
	return true;
}

const char *gf_buf_text(const gf_buf *b)
{
	return b->data != NULL ? b->data : "";
}

void gf_members_free(gf_member *members, size_t n)
{
	for (size_t i = 0; members != NULL && i < n; i++) {
		free(members[i].name);
		gf_buf_clear(&members[i].bytes);
	}
	free(members);
}
