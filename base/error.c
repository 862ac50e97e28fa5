#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

_Atomic bool gf_starved;

static void copy_cut(char *to, size_t cap, const char *from)
{
	size_t n = strlen(from);

	if (n >= cap)
		n = cap - 1;
	memmove(to, from, n);
	to[n] = '\0';
}

/* The arguments may point into *err, so the text is made beside it. */
__attribute__((format(printf, 6, 0))) static void fill(
    gf_error *err, gf_class class, int os_errno, const char *name, const char *object, const char *fmt, va_list args)
{
	char text[sizeof err->text];
	char reason[128];
	size_t n;

	if (gf_starved) {
		*err = (gf_error){ .class = GF_FAILED, .name = "no-memory", .text = "out of memory" };
		return;
	}

	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	n = strlen(text);
	if (os_errno != 0) {
		if (strerror_r(os_errno, reason, sizeof reason) != 0)
			(void)snprintf(reason, sizeof reason, "error %d", os_errno);
		copy_cut(text + n, sizeof text - n, ": ");
		n = strlen(text);
		copy_cut(text + n, sizeof text - n, reason);
	}
	err->class = class;
	err->os_errno = os_errno;
	copy_cut(err->object, sizeof err->object, object != NULL ? object : "");
	copy_cut(err->name, sizeof err->name, name);
	memcpy(err->text, text, sizeof text);
}

bool gf_fail(gf_error *err, gf_class class, const char *name, const char *object, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, class, 0, name, object, fmt, args);
	va_end(args);
	return false;
}

/* What the machine lacks, or its disk, says nothing about what was asked for or carried. */
static gf_class class_of(gf_class class, int e)
{
	bool machine = e == EIO || e == ENOMEM || e == EMFILE || e == ENFILE;

	return machine && class != GF_TARGET ? GF_FAILED : class;
}

bool gf_is_absent(int os_errno)
{
	return os_errno == ENOENT || os_errno == ENOTDIR;
}

bool gf_fail_errno(gf_error *err, gf_class class, const char *name, const char *object, const char *fmt, ...)
{
	int os_errno = errno;
	va_list args;

	va_start(args, fmt);
	fill(err, class_of(class, os_errno), os_errno, name, object, fmt, args);
	va_end(args);
	return false;
}

bool gf_because(gf_error *err, const char *fmt, ...)
{
	char text[sizeof err->text];
	va_list args;
	size_t n;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	n = strlen(text);
	copy_cut(text + n, sizeof text - n, ": ");
	n = strlen(text);
	copy_cut(text + n, sizeof text - n, err->text);
	memcpy(err->text, text, sizeof text);
	return false;
}

bool gf_no_memory(gf_error *err)
{
	gf_starved = true;
	return gf_fail(err, GF_FAILED, "no-memory", NULL, "out of memory");
}

void *gf_malloc(size_t n)
{
	void *p = malloc(n);

	if (p == NULL && n > 0)
		gf_starved = true;
	return p;
}

void *gf_calloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL && n > 0 && size > 0)
		gf_starved = true;
	return p;
}

void *gf_realloc(void *old, size_t n)
{
	void *p = realloc(old, n);

	if (p == NULL && n > 0)
		gf_starved = true;
	return p;
}

void *gf_alloc(size_t n, size_t size, gf_error *err)
{
	/* calloc checks the product; it may give NULL for nothing. */
	void *p = calloc(n != 0 ? n : 1, size != 0 ? size : 1);

	if (p == NULL)
		gf_no_memory(err);
	return p;
}

char *gf_strdup(const char *text, gf_error *err)
{
	return gf_strndup(text, strlen(text), err);
}

char *gf_strndup(const char *text, size_t n, gf_error *err)
{
	char *copy = n < SIZE_MAX ? malloc(n + 1) : NULL;

	if (copy == NULL) {
		gf_no_memory(err);
		return NULL;
	}
	if (n > 0)
		memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

bool gf_grow(void *items, size_t *room, size_t count, size_t size, gf_error *err)
{
	void *old, *grown;
	size_t more;

	if (count < *room)
		return true;
	more = *room < 8 ? 8 : *room / 2;
	if (*room > SIZE_MAX - more || *room + more > PTRDIFF_MAX / size)
		return gf_no_memory(err);
	memcpy(&old, items, sizeof old); /* items is a T **, whatever T is */
	grown = realloc(old, (*room + more) * size);
	if (grown == NULL)
		return gf_no_memory(err);
	memset((char *)grown + *room * size, 0, more * size);
	memcpy(items, &grown, sizeof grown);
	*room += more;
	return true;
}
