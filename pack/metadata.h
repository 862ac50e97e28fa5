/* metadata: which build an image comes from, out of an allow-list of variables or the git checkout. */
#ifndef GF_PACK_METADATA_H
#define GF_PACK_METADATA_H

#include "pack/pack.h"

/* The build system that runs here (Azure Pipelines, GitHub Actions, GitLab CI, Bitbucket Pipelines, Buildkite, Jenkins),
 * else the checkout around the working directory, else nothing; build_id and labels of the options on top.  *out is
 * set on every path. */
bool gf_metadata_read(const gf_pack_options *o, gf_build *out, gf_error *err);

/* The number of that build system that rises with every build, at most max.  False: none that can be used; *name is then
 * NULL, or the variable that should have it. */
bool gf_metadata_rising(uint64_t max, const char **name, uint64_t *number);

/* A URL without "user:password@"; other text as it is. */
char *gf_url_without_user(const char *url, gf_error *err);

/* The checkout around directory: HEAD, its ref, the URL of origin.  None there: system stays NULL. */
bool gf_git_read(const char *directory, gf_build *out, gf_error *err);

#endif
