/* run: what the options of several verbs mean. */
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"

bool gf_config_find(const gf_run *run, gf_buf *out, gf_error *err)
{
	const char *named = gf_value(&run->args, GF_OPT_CONFIG), *home = getenv("HOME");
	struct stat st;

	gf_buf_clear(out);
	if (named == NULL)
		named = getenv("GAPFERRY_CONFIG");
	if (named != NULL && named[0] != '\0') {
		if (stat(named, &st) != 0)
			return gf_fail_errno(err, GF_USAGE, "config", named, "configuration directory '%s'", named);
		if (!S_ISDIR(st.st_mode))
			return gf_fail(
			    err, GF_USAGE, "config", named, "the configuration '%s' is not a directory", named);
		return gf_buf_puts(out, named, err);
	}
	if (home != NULL && home[0] != '\0') {
		if (!gf_buf_printf(out, err, "%s/.config/gapferry", home))
			return false;
		if (stat(out->data, &st) == 0 && S_ISDIR(st.st_mode))
			return true;
		gf_buf_clear(out);
	}
	return gf_buf_puts(out, "/etc/gapferry", err);
}

bool gf_jobs(const gf_run *run, unsigned *jobs, gf_error *err)
{
	uint64_t n = 0;

	if (!gf_value_u64(&run->args, GF_OPT_JOBS, 256, &n, err))
		return false;
	if (n == 0 && gf_given(&run->args, GF_OPT_JOBS))
		return gf_value_fail(GF_OPT_JOBS, err, "at least 1");
	*jobs = (unsigned)n;
	return true;
}
