/*
 * io: bytes flow through chains of small inputs (pulled) and outputs (pushed).
 *
 * A stage owns the stage it was made from and closes it; a constructor that fails
 * closes it too, and NULL in gives NULL out with *err as it was, so a chain needs
 * one check at its end:
 *
 *	gf_input *in = gf_input_range(fd, offset, size, err);
 *	in = gf_input_sha256(in, &blob->digest, name, err);
 *	ok = in && gf_copy(in, out, err);
 *	gf_input_close(in);
 *
 * A stage is used by one thread at a time.
 */
#ifndef GF_BASE_IO_H
#define GF_BASE_IO_H

#include "base/buf.h"
#include "base/hash.h"

/* ---- inputs ---- */

typedef struct gf_input gf_input;

typedef struct gf_input_ops {
	/* 1..cap bytes stored; 0 at the end; -1 with *err set.  cap > 0. */
	ptrdiff_t (*read)(gf_input *in, void *buf, size_t cap, gf_error *err);
	/* Pass over n bytes that are there; NULL: they are read and dropped. */
	bool (*skip)(gf_input *in, uint64_t n, gf_error *err);
	void (*close)(gf_input *in);
} gf_input_ops;

struct gf_input { /* the first member of every kind of input */
	const gf_input_ops *ops;
};

/* The end is reported only after every promise made at construction was kept. */
ptrdiff_t gf_input_read(gf_input *in, void *buf, size_t cap, gf_error *err);
/* Exactly n bytes; an earlier end is GF_DAMAGED "cut-short". */
bool gf_input_read_full(gf_input *in, void *buf, size_t n, gf_error *err);
bool gf_input_skip(gf_input *in, uint64_t n, gf_error *err);
void gf_input_close(gf_input *in);

gf_input *gf_input_file(int fd, bool close_fd, const char *name, gf_error *err); /* read(2) from where it stands */
gf_input *gf_input_range(int fd, uint64_t offset, uint64_t size, const char *name,
    gf_error *err); /* pread(2); fd stays the caller's; shorter: "cut-short" */
gf_input *gf_input_memory(const void *bytes, size_t n, gf_error *err); /* bytes stay the caller's */

/* The next size bytes of up, then the end; up may go on behind them, but not end before (GF_DAMAGED "cut-short"). */
gf_input *gf_input_limit(gf_input *up, uint64_t size, const char *object, gf_error *err);
/* Up must have exactly size bytes: fewer or more is GF_DAMAGED "blob-size". */
gf_input *gf_input_exact(gf_input *up, uint64_t size, const char *object, gf_error *err);
/* At the end the bytes must have had this digest, else GF_DAMAGED "blob-digest". */
gf_input *gf_input_sha256(gf_input *up, const gf_digest *want, const char *object, gf_error *err);
/* gzip, several members allowed (zlib: third-party data; it is fuzzed, ISA-L is not).  Bad data:
 * GF_DAMAGED "gzip"; more than max bytes out: GF_DAMAGED "too-large". */
gf_input *gf_input_gunzip(gf_input *up, uint64_t max, const char *object, gf_error *err);
/* What bytes are compressed with, by their first six. */
typedef enum gf_codec {
	GF_CODEC_NONE,
	GF_CODEC_GZIP,
	GF_CODEC_ZSTD,
	GF_CODEC_XZ,
	GF_CODEC_BZIP2,
	GF_CODEC_LZ4
} gf_codec;
gf_codec gf_codec_of(const void *magic, size_t n);
const char *gf_codec_name(gf_codec codec);
/* The same for any of them (none: up itself), several frames or streams allowed.  Bad data: GF_DAMAGED with the codec's
 * name; a window above 2^GF_WINDOW_LOG bytes: GF_DAMAGED "window"; lz4: GF_USAGE "archive-compression". */
gf_input *gf_input_decode(gf_input *up, gf_codec codec, uint64_t max, const char *object, gf_error *err);
/* The same where a few bytes must not become a full disk: beyond GF_INFLATED_FREE bytes more than GF_INFLATED_RATIO times
 * what came in is GF_DAMAGED "bomb". */
gf_input *gf_input_decode_wary(gf_input *up, gf_codec codec, uint64_t max, const char *object, gf_error *err);
/* The bytes that were looked at first, then the rest of up.  bytes are copied. */
gf_input *gf_input_unread(gf_input *up, const void *bytes, size_t n, gf_error *err);

/* ---- outputs ---- */

typedef struct gf_output gf_output;

typedef struct gf_output_ops {
	bool (*write)(gf_output *out, const void *bytes, size_t n, gf_error *err);
	/* All bytes were written and were right: make the object complete.  Not calling it abandons the object. */
	bool (*finish)(gf_output *out, gf_error *err);
	void (*close)(gf_output *out);
} gf_output_ops;

struct gf_output {
	const gf_output_ops *ops;
};

bool gf_output_write(gf_output *out, const void *bytes, size_t n, gf_error *err);
bool gf_output_finish(gf_output *out, gf_error *err);
void gf_output_close(gf_output *out); /* unfinished: abandoned, nothing visible is left */

gf_output *gf_output_discard(gf_error *err);
gf_output *gf_output_fd(int fd, const char *name, gf_error *err); /* write(2); fd stays the caller's */
gf_output *gf_output_buf(gf_buf *buf, gf_error *err);
/* What passes is hashed and counted into *digest and *size (each may be NULL), set at finish. */
gf_output *gf_output_sha256(gf_output *down, gf_digest *digest, uint64_t *size, gf_error *err);
/* At finish the bytes must have had this digest, else GF_DAMAGED name ("diff-id", ...). */
gf_output *gf_output_expect(
    gf_output *down, const gf_digest *want, const char *name, const char *object, gf_error *err);
/* Inflates (ISA-L, twice zlib's speed: for layers of a judged bundle only), several members.
 * Bad data: GF_DAMAGED "gzip"; more than max bytes out: GF_DAMAGED "too-large". */
gf_output *gf_output_gunzip(gf_output *down, uint64_t max, const char *object, gf_error *err);
/* The same for zstd: "zstd", "too-large", and "window" for one of more than GF_WINDOW_LOG. */
gf_output *gf_output_unzstd(gf_output *down, uint64_t max, const char *object, gf_error *err);
/* Everything below runs in a thread of its own, with 1 MiB between; errors come back at the
 * next write or at finish. */
gf_output *gf_output_thread(gf_output *down, gf_error *err);

/* in to its end into out; neither is finished or closed. */
bool gf_copy(gf_input *in, gf_output *out, gf_error *err);

#endif
