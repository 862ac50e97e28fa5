/* The run: FORMAT.md 5 "Judging", then "Acting", W0 to W5, in their order. */
#include <stdlib.h>
#include <string.h>

#include "unpack/plan.h"
#include "unpack/record.h"

#define DEFAULT_ENVIRONMENT "default"

typedef struct run {
	const gf_unpack_options *options;
	gf_events *events;
	gf_unpack_result *result;
	gf_environment *environment;
	gf_reader *reader;
	gf_member *companions;
	size_t n_companions;
	gf_state *state;
	bool locked;
	gf_signer *site_key; /* from intent on */
	uint64_t log_size;   /* with the last line of this run */
	gf_digest log_root;
	gf_judge judge;
	gf_job job;
	gf_targets *targets;
	const char *step; /* where it stands, for the log */
	bool logged;      /* intent is written */
	bool appended;    /* the log has become longer */
	bool exported;    /* to local files, outside every environment: no floor is looked at and none is moved */
} run;

/* ---- the log ---- */

static gf_record record_of(const run *r, const char *type)
{
	const gf_manifest *m = r->result->manifest;
	gf_record record = { .type = type,
		.run = r->result->run[0] != '\0' ? r->result->run : NULL,
		.environment = r->judge.environment,
		.site = gf_state_site(r->state),
		.manifest = &r->result->verdict.manifest_digest,
		.unsigned_bundle = r->result->verdict.unsigned_bundle };

	if (m != NULL && m->stream != NULL) {
		record.stream = m->stream;
		record.epoch = m->epoch;
		record.sequence = m->sequence;
	}
	return record;
}

static bool lock(run *r, gf_error *err)
{
	r->locked = gf_state_lock(r->state, err);
	return r->locked;
}

static void unlock(run *r)
{
	if (r->locked)
		gf_state_unlock(r->state);
	r->locked = false;
}

static bool append(run *r, const gf_record *records, size_t n, gf_error *err)
{
	bool ok = gf_state_append(r->state, records, n, err);

	r->appended = r->appended || ok;
	return ok;
}

static bool open_site_key(run *r, gf_error *err)
{
	if (r->site_key == NULL)
		r->site_key = gf_state_site_key(r->state, r->options->sign_cmd, err);
	return r->site_key != NULL;
}

/* The log as this run leaves it.  Its lines are on the disk whether they are signed or not. */
static void sign_log(run *r)
{
	gf_error err;

	if (!r->appended)
		return;
	if (!open_site_key(r, &err) || !gf_state_checkpoint(r->state, r->site_key, &err))
		gf_event_say(r->events, GF_EVENT_WARNING, "the checkpoint of the log is not signed anew: %s", err.text);
}

/* What ended the run, with codes alone and no text of the bundle; the reason that is told stays the first one. */
static void log_failure(run *r, const gf_error *why)
{
	bool refused = why->class == GF_REFUSED || why->class == GF_DAMAGED;
	gf_record record;
	gf_error err;

	if (r->options->dry_run || r->state == NULL || r->reader == NULL || (!refused && !r->logged))
		return;
	record = record_of(r, refused ? "refused" : "failed");
	record.step = r->step;
	record.code = why->name;
	if ((r->locked || lock(r, &err)) && append(r, &record, 1, &err))
		return;
	gf_event_say(r->events, GF_EVENT_WARNING, "the log does not have this failure: %s", err.text);
}

/* ---- judging ---- */

static bool find_environment(run *r, gf_error *err)
{
	const gf_unpack_options *o = r->options;

	r->environment = o->environment != NULL ? gf_environment_load(o->config_dir, o->environment, err)
						: gf_environment_new(DEFAULT_ENVIRONMENT, err);
	return r->environment != NULL &&
	    (o->n_to == 0 || gf_environment_set_targets(r->environment, o->to, o->n_to, err));
}

/* One run of one manifest for one environment has one id, so that a hook that is told twice can tell. */
static bool name_run(run *r, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_digest id;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_KIB);
	gf_digest_hex(&r->result->verdict.manifest_digest, hex);
	ok = gf_buf_printf(&text, err, "%s %s\n", hex, r->environment->name) &&
	    gf_hash_bytes(text.data, text.len, &id, err);
	if (ok) {
		gf_digest_hex(&id, hex);
		memcpy(r->result->run, hex, 16);
		r->result->run[16] = '\0';
	}
	gf_buf_clear(&text);
	return ok;
}

/* With a trust file, a target named by hand goes under the gates of an environment, or is a local file. */
static bool find_gates(run *r, gf_error *err)
{
	r->exported = r->options->environment == NULL && gf_trust_policy(r->result->trust) != NULL;
	for (size_t i = 0; r->exported && i < r->environment->n_targets; i++) {
		const gf_target_spec *s = &r->environment->targets[i];

		if (s->kind == GF_TO_DOCKER || s->kind == GF_TO_REGISTRY)
			return gf_fail(err, GF_USAGE, "environment", s->label,
			    "a trust file is installed here: '%s' is loaded under the gates of an environment (--env NAME --to "
			    "%s); --to alone is for local files",
			    s->label, s->label);
	}
	return true;
}

/* W0, whatever was decided: newer trust files that came with the bundle, and rejections, outlive it. */
static bool keep_what_came(run *r, gf_error *err)
{
	bool ok;

	if (r->options->dry_run || gf_trust_policy(r->result->trust) == NULL)
		return true;
	ok = lock(r, err) && gf_trust_install(r->result->trust, r->state, err) && gf_rejections_keep(&r->judge, err);
	unlock(r);
	return ok;
}

static bool decide(run *r, gf_error *err)
{
	bool ok = gf_accept(r->reader, &r->judge, &r->result->verdict, &r->result->manifest, err);
	gf_error why;

	if (keep_what_came(r, &why))
		return ok;
	if (ok)
		*err = why;
	else
		gf_event_say(r->events, GF_EVENT_WARNING, "what came with the bundle was not kept: %s", why.text);
	return false;
}

static bool judge(run *r, gf_error *err)
{
	const gf_unpack_options *o = r->options;

	r->step = "judge";
	if ((r->state = gf_state_open(o->state_dir, !o->dry_run, err)) == NULL ||
	    (r->result->trust = gf_trust_for(r->state, o->keys, o->n_keys, o->config_dir, GF_TRUST_UNPACK, err)) ==
		NULL ||
	    !find_gates(r, err) || (r->reader = gf_reader_open(o->bundle, err)) == NULL ||
	    !gf_companions_load(o->bundle, o->with, o->n_with, &r->companions, &r->n_companions, err))
		return false;
	r->judge = (gf_judge){ .trust = r->result->trust,
		.state = r->state,
		.environment = r->exported ? NULL : r->environment->name,
		.site = o->site,
		.allow_unsigned = o->allow_unsigned,
		.companions = r->companions,
		.n_companions = r->n_companions };
	return decide(r, err) && name_run(r, err);
}

/* ---- plan ---- */

/* Names come from the manifest alone: a collision is found before a line is written or a byte is sent. */
static bool name_everything(run *r, gf_error *err)
{
	const gf_unpack_options *o = r->options;
	const gf_retag retag = { .manifest = r->result->manifest,
		.environment = r->environment,
		.name = o->name,
		.tags = o->tags,
		.n_tags = o->n_tags };

	r->step = "names";
	r->job = (gf_job){ .reader = r->reader,
		.manifest = r->result->manifest,
		.environment = r->environment,
		.options = o,
		.state = r->state,
		.events = r->events };
	r->targets = gf_targets_open(&r->job, err);
	return r->targets != NULL && gf_plan_names(r->targets, &retag, err);
}

/* W1.  A state that cannot be written ends the run here, before anything is sent; so do a site key that is not to be had and
 * a directory where the receipt cannot go. */
static bool log_intent(run *r, gf_error *err)
{
	gf_record record;
	bool ok;

	if (r->options->dry_run)
		return true;
	r->step = "intent";
	ok = lock(r, err);
	if (ok && r->options->site != NULL && gf_state_site(r->state) == NULL)
		ok = gf_state_set_site(r->state, r->options->site, err);
	ok = ok && open_site_key(r, err) &&
	    (r->options->receipt_dir == NULL || gf_dir_make(r->options->receipt_dir, 0777, err));
	if (ok) {
		record = record_of(r, "intent");
		ok = append(r, &record, 1, err);
	}
	unlock(r);
	r->logged = ok;
	return ok;
}

static gf_walk walk_of(const run *r, gf_sink *sink)
{
	return (gf_walk){ .reader = r->reader,
		.manifest = r->result->manifest,
		.sink = sink,
		.jobs = r->options->jobs,
		.events = r->events };
}

static bool plan(run *r, gf_error *err)
{
	const gf_walk walk = walk_of(r, NULL);

	r->step = "front";
	if (!gf_walk_front(&walk, &r->result->verdict, err))
		return false;
	r->job.graph = gf_reader_graph(r->reader);
	r->job.store = gf_reader_store(r->reader);
	r->step = "plan";
	return gf_plan_ask(r->targets, &r->job, err);
}

/* ---- W2: the bytes ---- */

/* A sink that wants nothing and misses nothing that a thin copy leaves out: the plan has found that held. */
typedef struct reading {
	gf_sink sink;
	gf_reader *reader;
} reading;

static bool reading_has(gf_sink *sink, size_t i, bool *held, gf_error *err)
{
	return gf_reader_pass(((reading *)sink)->reader, i, held, err);
}

static gf_output *reading_put(gf_sink *sink, size_t i, gf_error *err)
{
	(void)sink;
	(void)i;
	(void)err;
	return NULL;
}

static bool read_first(run *r, gf_error *err)
{
	static const gf_sink_ops ops = { reading_has, reading_put };
	reading all = { .sink = { .ops = &ops }, .reader = r->reader };
	const gf_walk walk = walk_of(r, &all.sink);

	if (!gf_reader_seekable(r->reader))
		return gf_fail(err, GF_USAGE, "verify-first", r->options->bundle,
		    "--verify-first reads the bundle twice, and '%s' can be read once: copy it to a file",
		    r->options->bundle);
	r->step = "verify-first";
	return gf_walk_run(&walk, &r->result->verdict, err);
}

static bool send(run *r, gf_error *err)
{
	const gf_walk walk = walk_of(r, gf_targets_sink(r->targets));

	if (r->options->verify_first && !read_first(r, err))
		return false;
	r->step = "load";
	for (size_t i = 0; i < gf_targets_count(r->targets); i++) {
		gf_target *t = gf_targets_at(r->targets, i);

		t->sum.blobs_sent = t->sum.bytes_sent = 0; /* of the plan; from here on of the run */
		t->sending = true;
	}
	return gf_walk_run(&walk, &r->result->verdict, err);
}

/* ---- W3: what was to be there is there, and the floor rises ---- */

/* The error of the first target that left, when none is left. */
static bool some_left(const run *r, gf_error *err)
{
	if (gf_targets_alive(r->targets) > 0)
		return true;
	*err = gf_targets_at(r->targets, 0)->sum.error;
	return false;
}

static bool for_all(run *r, bool (*work)(gf_target *t, gf_error *err), gf_error *err)
{
	for (size_t i = 0; i < gf_targets_count(r->targets); i++) {
		gf_target *t = gf_targets_at(r->targets, i);
		gf_error why = { 0 };

		if (!t->failed && !work(t, &why))
			gf_targets_drop(r->targets, t, &why);
	}
	return some_left(r, err);
}

static bool confirm_one(gf_target *t, gf_error *err)
{
	return t->ops->confirm(t, err);
}

static bool accept(run *r, gf_error *err)
{
	gf_record record;

	r->step = "confirm";
	if (!for_all(r, confirm_one, err))
		return false;
	r->step = "accept";
	if (!lock(r, err) ||
	    (!r->exported && !gf_accept_again(&r->judge, r->result->manifest, &r->result->verdict, err)) ||
	    !gf_accept_keep(r->reader, &r->judge, &r->result->verdict, err))
		return false;
	record = record_of(r, "accepted");
	if (gf_trust_policy(r->result->trust) != NULL)
		record.trust_version = gf_trust_policy(r->result->trust)->version;
	if (r->result->verdict.has_permit)
		record.statement = &r->result->verdict.permit;
	return r->exported || append(r, &record, 1, err);
}

/* ---- W4, W5: names, and the lines that say so ---- */

static bool commit_one(gf_target *t, gf_error *err)
{
	t->committed = t->ops->commit(t, err);
	return t->committed;
}

/* One line for every name that target shows, at out; how many. */
static size_t loaded_lines(const run *r, const gf_target *t, gf_record *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_names; i++) {
		if (t->names[i].state == GF_ROW_KEPT)
			continue;
		out[n] = record_of(r, r->exported ? "exported" : "loaded");
		out[n].target = t->spec->label;
		out[n].name = t->names[i].text;
		out[n++].digest = &t->names[i].digest;
	}
	return n;
}

static bool log_loaded(run *r, gf_error *err)
{
	size_t most = 1, n = 0;
	bool all = true, ok;
	gf_record *lines;

	for (size_t i = 0; i < gf_targets_count(r->targets); i++)
		most += gf_targets_at(r->targets, i)->n_names;
	lines = gf_alloc(most, sizeof *lines, err);
	if (lines == NULL)
		return false;
	for (size_t i = 0; i < gf_targets_count(r->targets); i++) {
		const gf_target *t = gf_targets_at(r->targets, i);

		all = all && t->committed;
		if (t->committed)
			n += loaded_lines(r, t, lines + n);
	}
	if (all && !r->exported)
		lines[n++] = record_of(r, "complete");
	ok = n == 0 || append(r, lines, n, err);
	free(lines);
	return ok;
}

/* The lock is held from accept to here. */
static bool commit(run *r, gf_error *err)
{
	bool ok;

	r->step = "commit";
	ok = for_all(r, commit_one, err);
	if (!ok)
		return false;
	r->step = "log";
	ok = log_loaded(r, err) && gf_state_tree(r->state, &r->log_size, &r->log_root, err);
	if (ok)
		unlock(r);
	return ok;
}

/* Some targets are done and others not: 5, with the reason of the first that is not. */
static bool all_done(const run *r, gf_error *err)
{
	for (size_t i = 0; i < gf_targets_count(r->targets); i++) {
		const gf_target *t = gf_targets_at(r->targets, i);

		if (t->failed) {
			*err = t->sum.error;
			err->class = GF_TARGET;
			return false;
		}
	}
	return true;
}

static gf_telling telling_of(const run *r)
{
	return (gf_telling){ .targets = r->targets,
		.job = &r->job,
		.run = r->result->run,
		.manifest = r->result->verdict.manifest_digest };
}

/* What cannot be told is found before a byte is sent.  A target that left ends the telling (all_done). */
static bool plan_after(run *r, gf_error *err)
{
	const gf_telling t = telling_of(r);

	r->step = "plan";
	return gf_targets_alive(r->targets) < gf_targets_count(r->targets) || gf_after_plan(&t, r->result, err);
}

/* Outside the lock, for a hook may take its time. */
static bool tell(run *r, gf_error *err)
{
	const gf_telling t = telling_of(r);

	r->step = "tell";
	return gf_lock_write(&t, err) && gf_notify(&t, err);
}

/* Of a run that ended partly, too. */
static bool give_receipt(run *r, gf_error *err)
{
	const gf_telling t = telling_of(r);
	const gf_receipting w = { .state = r->state,
		.site_key = r->site_key,
		.verdict = &r->result->verdict,
		.trust = r->result->trust,
		.environment = r->judge.environment,
		.log_size = r->log_size,
		.log_root = r->log_root };

	return gf_receipt_write(&t, &w, r->result, err) ||
	    gf_because(err,
		"everything is loaded and logged, but the receipt is not written (run the same again: nothing is sent twice)");
}

static bool finish(run *r, gf_error *err)
{
	gf_error why;
	bool given;

	r->step = "receipt";
	given = give_receipt(r, &why);
	if (!all_done(r, err)) {
		if (!given)
			gf_event_say(r->events, GF_EVENT_WARNING, "there is no receipt: %s", why.text);
		return false;
	}
	if (!given)
		*err = why;
	return given && tell(r, err);
}

/* ---- the verb ---- */

static bool act(run *r, gf_error *err)
{
	return send(r, err) && accept(r, err) && commit(r, err) && finish(r, err);
}

/* Every target that did not come to its end takes back what no name shows. */
static void abandon(run *r)
{
	for (size_t i = 0; r->targets != NULL && i < gf_targets_count(r->targets); i++) {
		gf_target *t = gf_targets_at(r->targets, i);

		if (!t->committed && r->job.graph != NULL)
			t->ops->abandon(t);
	}
}

static void close_run(run *r)
{
	unlock(r);
	sign_log(r);
	gf_signer_free(r->site_key);
	gf_targets_close(r->targets);
	gf_environment_free(r->environment);
	gf_reader_close(r->reader);
	gf_members_free(r->companions, r->n_companions);
	gf_state_close(r->state);
}

bool gf_unpack(const gf_unpack_options *o, gf_events *events, gf_unpack_result *result, gf_error *err)
{
	run r = { .options = o, .events = events, .result = result };
	gf_error report_error;
	bool ok;

	memset(result, 0, sizeof *result);
	gf_verdict_init(&result->verdict);
	ok = find_environment(&r, err) && judge(&r, err) && name_everything(&r, err) && log_intent(&r, err) &&
	    plan(&r, err) && plan_after(&r, err) && (o->dry_run || act(&r, err));
	if (!ok)
		log_failure(&r, err);
	if (!o->dry_run)
		abandon(&r);
	if (r.targets != NULL && !gf_plan_report(r.targets, &r.job, result, &report_error) && ok) {
		*err = report_error;
		ok = false;
	}
	close_run(&r);
	return ok;
}

static void row_clear(gf_row *row)
{
	free(row->target);
	free(row->packed);
	free(row->name);
	free(row->before);
}

void gf_unpack_result_clear(gf_unpack_result *r)
{
	for (size_t i = 0; i < r->n_rows; i++)
		row_clear(&r->rows[i]);
	for (size_t i = 0; i < r->n_targets; i++)
		free(r->targets[i].target);
	free(r->rows);
	free(r->targets);
	for (size_t i = 0; i < r->n_after; i++) {
		free(r->after[i].what);
		gf_buf_clear(&r->after[i].changes);
	}
	free(r->after);
	free(r->receipt);
	free(r->receipt_copy);
	gf_manifest_free(r->manifest);
	gf_verdict_clear(&r->verdict);
	gf_trust_free(r->trust);
	memset(r, 0, sizeof *r);
}
