/*
 * A log that was damaged: it is read by the state and by trace, or refused with the number of a line; what both take
 * leads to no record, for there is none.
 * parser: verify/trace.c verify/floors.c verify/entry.c:gf_entry_read,read_entry verify/log.c:gf_log_read,take_lines
 *     -find_image -image_is -take_load -copy -gf_trace_clear -gf_floors_find -gf_floor_compare
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verify/verify.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

static void hold(bool what)
{
	if (!what)
		abort();
}

static void hold_refused(const gf_error *err)
{
	hold(err->class == GF_FAILED && strcmp(err->name, "log") == 0 && strstr(err->text, "line ") != NULL);
}

static char dir[] = "/dev/shm/gf-fuzz-log.XXXXXX"; /* an execution writes a file */

static void leave(void)
{
	gf_error err;

	(void)gf_dir_remove(dir, &err);
}

static bool no_load(void *ctx, const char *name, const gf_manifest *m, gf_error *err)
{
	(void)ctx, (void)name, (void)m, (void)err;
	abort(); /* where there is no record there is no manifest */
}

static void trace(const gf_state *s)
{
	static const char named[] = "sha256:0000000000000000000000000000000000000000000000000000000000000007";
	static const char shown[] = "sha256:0000000000000000000000000000000000000000000000000000000000000008";
	gf_error err = { 0 };
	gf_trust *t = gf_trust_open(NULL, 0, NULL, &err);
	const gf_trace_trust by = { .keys = t };
	gf_digest wanted, digest, known;
	bool found = false;
	gf_trace out;

	hold(t != NULL && gf_digest_parse(named, &wanted) && gf_digest_parse(shown, &known));
	if (gf_trace_find(s, &by, &wanted, &out, &err))
		hold(out.n_bundles == 0 && out.n_faults == out.records && out.records <= out.lines);
	else
		hold_refused(&err);
	gf_trace_clear(&out);
	if (!gf_trace_name(s, "prod.example/app:1.2", &found, &digest, &err))
		hold_refused(&err);
	if (!gf_trace_loads(s, "oci:/srv", no_load, NULL, &err))
		hold_refused(&err);
	GF_PLANTED(found && !gf_digest_equal(&digest, &known));
	gf_trust_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char log[64];
	gf_error err = { 0 };
	gf_state *s;
	FILE *f;

	if (log[0] == '\0') {
		hold(mkdtemp(dir) != NULL && atexit(leave) == 0);
		(void)snprintf(log, sizeof log, "%s/audit.jsonl", dir);
	}
	f = fopen(log, "w");
	hold(f != NULL && fwrite(data, 1, size, f) == size && fclose(f) == 0);
	s = gf_state_open(dir, false, &err);
	if (s != NULL)
		trace(s);
	else
		hold_refused(&err);
	gf_state_close(s);
	return 0;
}
