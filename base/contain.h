/*
 * contain: walls around code that reads what strangers made.
 *
 * A wall takes away what reading does not need: files, sockets, other programs, other processes.  Which of them stand
 * depends on the kernel (Landlock: 5.13 and built in; seccomp: x86-64 and aarch64 here).  No check counts on them: they
 * are for the fault that nobody knows of yet.
 */
#ifndef GF_BASE_CONTAIN_H
#define GF_BASE_CONTAIN_H

#include "base/io.h"
#include "base/limits.h"

#define GF_WALLS_SIZE 80

/* This process, from here to its end, opens nothing for writing, makes no socket and runs no program; it goes on to read
 * files.  walls: those that stand, for a person ("Landlock 7, seccomp"). */
void gf_contain_self(char walls[GF_WALLS_SIZE]);

/* ---- a child that has nothing but its line to us ---- */

typedef struct gf_contained gf_contained;

/* Of one message. */
#define GF_MESSAGE_MAX (64 * GF_KIB)

/* What the child does; it ends on return.  line: a socket that keeps messages apart. */
typedef void (*gf_contained_run)(void *ctx, int line);

/* A fork without exec, walled in before run is called.  keep: the one other descriptor that it has, or -1. */
gf_contained *gf_contained_start(gf_contained_run run, void *ctx, int keep, const char *object, gf_error *err);
/* Ends the child, too. */
void gf_contained_close(gf_contained *c);
const char *gf_contained_walls(const gf_contained *c);

/* One message into head and, behind it, body.  A child that is gone, and a message that has not all of head or does not
 * fit: GF_FAILED "contained". */
bool gf_contained_receive(
    gf_contained *c, void *head, size_t head_size, void *body, size_t cap, size_t *got, gf_error *err);
bool gf_contained_send(gf_contained *c, const void *head, size_t head_size, const void *body, size_t n, gf_error *err);
/* What came breaks the protocol.  Returns false. */
bool gf_contained_broke(const gf_contained *c, const char *what, gf_error *err);
/* An error as the child sent it into *err, whatever the bytes are.  Returns false. */
bool gf_contained_failed(const gf_contained *c, const void *bytes, size_t n, gf_error *err);

/* A message that has one byte of head, which says what its body is. */
enum { GF_LINE_BYTES = 'b', GF_LINE_END = 'e', GF_LINE_FAILURE = 'f' };
#define GF_LINE_PIECE (GF_MESSAGE_MAX - 1)

/* The child's own ends. */
bool gf_line_send(int line, const void *head, size_t head_size, const void *body, size_t n);
bool gf_line_receive(int line, void *head, size_t head_size, void *body, size_t cap, size_t *got);

/* up read in a child, which keep, the descriptor that up stands on, is left to; at most max bytes. */
gf_input *gf_input_contained(gf_input *up, int keep, uint64_t max, const char *object, gf_error *err);

#endif
