/* error: one error type.  Filled where the fault is seen, given context on the way
 * up, printed once, by cli. */
#ifndef GF_BASE_ERROR_H
#define GF_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The class of an error is the exit status of the program (DESIGN.md 5). */
typedef enum gf_class {
	GF_OK = 0,
	GF_FAILED = 1,  /* I/O, network, memory, internal */
	GF_USAGE = 2,   /* wrong options or configuration */
	GF_REFUSED = 3, /* signature, threshold, expiry, replay */
	GF_DAMAGED = 4, /* digest, size, malformed */
	GF_TARGET = 5   /* a target failed or is only partly loaded */
} gf_class;

/* Lives on the caller's stack; nothing in it is allocated, so that "out of memory"
 * can be said too.  Text that does not fit is cut, never overrun. */
typedef struct gf_error {
	gf_class class;
	int os_errno;     /* 0 when no system call failed */
	char name[32];    /* stable, for --json and tests: "blob-digest" */
	char object[256]; /* the file, key, digest or image at fault; "" when none */
	char text[1024];  /* the sentence a person reads: what was expected, what was found, what to do */
} gf_error;

/*
 * Fill *err and return false, so that "return gf_fail(...)" is the way out.
 * err must not be NULL; object may be.  The text has no capital, no full stop, no
 * newline; paths and names in it stand in single quotes.
 */
bool gf_fail(gf_error *err, gf_class class, const char *name, const char *object, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The same for a failed system call: appends ": " and the text of errno.  Of EIO, ENOMEM, EMFILE and ENFILE the class is
 * GF_FAILED, or GF_TARGET. */
bool gf_fail_errno(gf_error *err, gf_class class, const char *name, const char *object, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Does this errno say that a path is not there?  Of any other nobody knows yet. */
bool gf_is_absent(int os_errno);

/* Put context in front of err->text: "reading 'x': ...".  Returns false. */
bool gf_because(gf_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* GF_FAILED "no-memory".  Returns false, and sets gf_starved. */
bool gf_no_memory(gf_error *err);

/* Once memory was refused anywhere in this process, every error is "no-memory": a library that lacked it says "not a key"
 * or "does not fit", and nobody shall act on that.  Cleared by tests only. */
extern _Atomic bool gf_starved;
/* malloc and its kin that set it, for libraries that take them. */
void *gf_malloc(size_t n);
void *gf_calloc(size_t n, size_t size);
void *gf_realloc(void *old, size_t n);

/* A zeroed array of n items of size bytes; NULL with *err set.  n * size is checked. */
void *gf_alloc(size_t n, size_t size, gf_error *err);

/* A copy of text; NULL with *err set.  gf_strndup copies n bytes and adds the NUL. */
char *gf_strdup(const char *text, gf_error *err);
char *gf_strndup(const char *text, size_t n, gf_error *err);

/*
 * Room for one more item in the array *items of count items of size bytes each.
 * *room is its capacity; new items are zeroed.  *items stays valid on failure.
 */
bool gf_grow(void *items, size_t *room, size_t count, size_t size, gf_error *err);

#endif
