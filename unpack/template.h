/* template: names and tags with {variables} (DESIGN.md 5). */
#ifndef GF_UNPACK_TEMPLATE_H
#define GF_UNPACK_TEMPLATE_H

#include "base/base.h"

enum {
	GF_VAR_HOST,     /* "docker.io", "registry.example:5000" */
	GF_VAR_PATH,     /* "acme/app" */
	GF_VAR_BASENAME, /* "app" */
	GF_VAR_TAG,
	GF_VAR_DIGEST, /* 64 hex digits of the image's digest, without "sha256:", so that it is legal in a tag */
	GF_VAR_VERSION,
	GF_VAR_STREAM,
	GF_VAR_SEQUENCE,
	GF_VAR_BUILD_ID,
	GF_VAR_BUILD_REVISION,
	GF_VAR_ENVIRONMENT,
	GF_VARS
};

/* Longer expansions are refused; references are shorter (remote.h). */
#define GF_TEMPLATE_SIZE 1024

/* Every {...} is closed and known, else GF_USAGE "template". */
bool gf_template_check(const char *text, gf_error *err);
/* A variable without a value (NULL or "") is GF_USAGE "template" and named. */
bool gf_template_expand(const char *text, const char *const values[GF_VARS], char out[GF_TEMPLATE_SIZE], gf_error *err);

#endif
