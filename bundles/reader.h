/* reader: what reader.c and the two kinds of bundle share. */
#ifndef GF_BUNDLES_READER_H
#define GF_BUNDLES_READER_H

#include "bundles/bundles.h"

#define GF_FOREIGN_MAX 1000 /* names kept for the report */

/* All but close are called after release, in the order of bundles.h. */
typedef struct gf_reader_ops {
	/* The four files into files (thin: only SHA256SUMS, and r->thin is set), the JSON blobs into r->store. */
	bool (*front)(gf_reader *r, gf_buf files[GF_FILES], gf_error *err);
	/* The graph is there: what else can be found before the first layer. */
	bool (*rest)(gf_reader *r, gf_error *err);
	/* Of kind evidence or layer; the input need not hash. */
	gf_input *(*blob)(gf_reader *r, size_t i, bool *absent, gf_error *err);
	bool (*pass)(gf_reader *r, size_t i, bool *absent, gf_error *err);
	bool (*finish)(gf_reader *r, gf_error *err);
	void (*close)(gf_reader *r); /* what is below; reader.c frees r */
} gf_reader_ops;

struct gf_reader { /* the first member of both kinds */
	const gf_reader_ops *ops;
	char *name;
	gf_buf statement;
	gf_member *signatures;
	size_t n_signatures, signatures_room;
	const gf_manifest *m; /* NULL until released */
	gf_store *store;
	gf_graph *graph; /* NULL until front is through */
	bool seekable, thin;
	char **foreign;
	size_t n_foreign, foreign_room;
};

gf_reader *gf_reader_tar(gf_medium *m, gf_error *err);             /* m is the reader's, on failure too */
gf_reader *gf_reader_dir(int fd, const char *path, gf_error *err); /* fd likewise */

bool gf_reader_init(gf_reader *r, const gf_reader_ops *ops, const char *name, gf_error *err);
/* bytes are moved.  Over GF_SIGNATURES_MAX: "too-large"; not behind the one before it: "tar-head". */
bool gf_reader_add_signature(gf_reader *r, const char *name, gf_buf *bytes, gf_error *err);
/* Compare with what the manifest says of file i, or of JSON blob i, which then moves into the store. */
bool gf_reader_take_file(gf_reader *r, size_t i, const gf_buf *bytes, gf_error *err);
bool gf_reader_take_json(gf_reader *r, size_t i, gf_buf *bytes, gf_error *err);
bool gf_reader_add_foreign(gf_reader *r, const char *dir, const char *name, gf_error *err);

#endif
