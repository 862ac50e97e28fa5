/* environment_take: what the files that read environments/NAME.yaml share.  Private to them. */
#ifndef GF_UNPACK_ENVIRONMENT_TAKE_H
#define GF_UNPACK_ENVIRONMENT_TAKE_H

#include "unpack/environment.h"

/* A member that is text, or an absolute path; absent leaves *out.  Empty: "empty"; not absolute: "path". */
bool gf_take_text(gf_json object, const char *key, char **out, gf_error *err);
bool gf_take_path(gf_json object, const char *key, char **out, gf_error *err);

/* environment_after.c: lock-file, lock-files, notify: what is done once everything is loaded. */
bool gf_environment_take_after(gf_environment *e, gf_json root, gf_error *err);
void gf_environment_clear_after(gf_environment *e);

#endif
