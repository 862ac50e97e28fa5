/* retag: the names that images get at a target (DESIGN.md 5).  First match wins. */
#ifndef GF_UNPACK_RETAG_H
#define GF_UNPACK_RETAG_H

#include "unpack/target.h"

typedef struct gf_retag {
	const gf_manifest *manifest;
	const gf_environment *environment;
	const char *name;        /* --name, or NULL */
	const char *const *tags; /* --tag */
	size_t n_tags;
} gf_retag;

/*
 * Every new name of every image at this target.  A packed name that no rule matches: GF_USAGE
 * "unmapped"; a name or tag that is none: "reference"; two images with one new name: "collision".
 * *names is the caller's, also on failure.
 */
bool gf_retag_names(const gf_retag *r, const gf_target_spec *to, gf_naming **names, size_t *n, gf_error *err);

#endif
