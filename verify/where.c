/* Where the state is when nobody says. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/state.h"

#define SYSTEM_STATE "/var/lib/gapferry"
#define PATH_MAX_BYTES 4096

char *gf_state_where(gf_error *err)
{
	const char *named = getenv("GAPFERRY_STATE"), *home = getenv("HOME");
	struct stat st;
	gf_buf path;
	char *dir = NULL;

	if (named != NULL && named[0] != '\0')
		return gf_strdup(named, err);
	/* An error other than "not there" means that it may be there. */
	if (geteuid() == 0 || stat(SYSTEM_STATE, &st) == 0 || !gf_is_absent(errno))
		return gf_strdup(SYSTEM_STATE, err);
	if (home == NULL || home[0] != '/') {
		gf_fail(err, GF_FAILED, "state", NULL, "no place for the state: set GAPFERRY_STATE or HOME");
		return NULL;
	}
	gf_buf_init(&path, PATH_MAX_BYTES);
	if (gf_path_join(&path, home, ".local/state/gapferry", err))
		dir = gf_strdup(path.data, err);
	gf_buf_clear(&path);
	return dir;
}
