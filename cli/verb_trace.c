/* trace: from something that runs here back to bundle, signers, build and commit. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "remote/remote.h"

/* What the word on the command line turned out to be. */
typedef struct subject {
	const char *word;
	const char *kind; /* "digest", "container", "image" (the daemon's), "name" (the log's) */
	gf_digest digest;
	gf_docker_container container; /* of kind container */
	gf_error daemon;               /* why it could not be asked; class OK: it was, or need not be */
	gf_buf moved;                  /* the log has the name with another digest */
} subject;

/* ---- what is meant ---- */

static bool could_be_container(const char *word)
{
	return strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == strlen(word);
}

static bool take_id(subject *s, const char *kind, const char *id, gf_error *err)
{
	s->kind = kind;
	return gf_digest_parse(id, &s->digest) ||
	    gf_fail(err, GF_FAILED, "docker-answer", s->word, "the daemon shows '%s' with an ID that is no digest",
		s->word);
}

/* As docker inspect does: a container before an image.  kind stays NULL when the daemon has neither. */
static bool ask(subject *s, gf_docker *d, gf_error *err)
{
	gf_docker_image image;
	bool found = false, ok;

	if (could_be_container(s->word) && !gf_docker_container_find(d, s->word, &found, &s->container, err))
		return false;
	if (found)
		return take_id(s, "container", s->container.image_id, err);
	ok = gf_docker_inspect(d, s->word, &found, &image, err);
	if (ok && found)
		ok = take_id(s, "image", image.id, err);
	gf_docker_image_clear(&image);
	return ok;
}

static bool ask_daemon(subject *s, const gf_docker_options *o, gf_error *err)
{
	gf_docker *d = gf_docker_open(o, err);
	bool ok = d != NULL && ask(s, d, err);

	gf_docker_close(d);
	if (ok || o->host != NULL || o->context != NULL)
		return ok;
	/* Not asked for by name: perhaps there is none here, and the log knows enough. */
	s->daemon = *err;
	return true;
}

/* "sha256:HEX", the hex alone, or NAME@sha256:HEX. */
static bool is_digest(const char *word, gf_digest *out)
{
	const char *at = strrchr(word, '@');

	return gf_digest_parse(at != NULL ? at + 1 : word, out) || gf_digest_parse_hex(word, out);
}

static bool ask_log(subject *s, const gf_state *state, bool *found, gf_digest *digest, gf_error *err)
{
	char full[GF_REFERENCE_SIZE];
	gf_reference ref;
	gf_error no_name;

	*found = false;
	if (!gf_reference_parse(s->word, &ref, &no_name))
		return true; /* the word of a container has nothing there */
	gf_reference_print(&ref, full);
	return gf_trace_name(state, full, found, digest, err);
}

/* The name is the daemon's, and shows something else than what was loaded. */
static bool note_moved(subject *s, const gf_state *state, gf_error *err)
{
	char was[GF_DIGEST_SIZE];
	gf_digest digest;
	bool found;

	if (!ask_log(s, state, &found, &digest, err))
		return false;
	if (!found || gf_digest_equal(&digest, &s->digest))
		return true;
	gf_digest_text(&digest, was);
	return gf_buf_printf(&s->moved, err, "; under this name %s was loaded, and since then somebody moved it", was);
}

static bool find_subject(
    subject *s, const gf_run *run, const gf_state *state, const gf_trace_trust *trust, gf_trace *trace, gf_error *err)
{
	gf_docker_options where = { .host = NULL };
	bool found = false;

	if (!gf_docker_take(run, &where, err))
		return false;
	if (is_digest(s->word, &s->digest)) {
		s->kind = "digest";
		if (!gf_trace_find(state, trust, &s->digest, trace, err))
			return false;
		/* 64 digits may also be a container's. */
		if (trace->n_bundles > 0 || trace->n_faults > 0 || strlen(s->word) != GF_HEX_SIZE - 1)
			return true;
		gf_trace_clear(trace);
		if (!ask_daemon(s, &where, err))
			return false;
		if (!gf_trace_find(state, trust, &s->digest, trace, err))
			return false;
		if (s->daemon.class == GF_OK)
			return true;
		*err = s->daemon;
		return gf_because(err, "'%s' is in no record, and may be a container's", s->word);
	}
	if (!ask_daemon(s, &where, err))
		return false;
	if (s->kind == NULL) {
		if (!ask_log(s, state, &found, &s->digest, err))
			return false;
		if (!found && s->daemon.class != GF_OK) {
			*err = s->daemon;
			return gf_because(err, "the log has no name '%s', and the daemon was not to be asked", s->word);
		}
		if (!found)
			return gf_fail(err, GF_REFUSED, "not-traced", s->word,
			    "nothing vouches for '%s': the daemon has no container and no image of this name, and the log in "
			    "'%s' has not loaded it",
			    s->word, gf_state_dir(state));
		s->kind = "name";
	}
	return gf_trace_find(state, trust, &s->digest, trace, err) &&
	    (trace->n_bundles > 0 || note_moved(s, state, err));
}

/* ---- the verdict ---- */

static bool vouched(const gf_trace *t)
{
	for (size_t i = 0; i < t->n_bundles; i++)
		if (t->bundles[i].vouched)
			return true;
	return false;
}

static bool judge(
    const subject *s, const gf_state *state, const gf_trace_trust *trust, const gf_trace *t, gf_error *err)
{
	char digest[GF_DIGEST_SIZE], hex[GF_HEX_SIZE];

	if (vouched(t))
		return true;
	gf_digest_text(&s->digest, digest);
	if (t->n_bundles > 0) {
		const gf_trace_bundle *b = &t->bundles[t->n_bundles - 1];

		gf_digest_hex(&b->digest, hex);
		if (b->n_signatures == 0)
			return gf_fail(err, GF_REFUSED, "signature", s->word,
			    "'%s' came with bundle %s, which nobody vouches for: '%s/records/%s' has no signature%s",
			    s->word, hex, gf_state_dir(state), hex,
			    b->unsigned_bundle ? ", since it was loaded with --allow-unsigned" : "");
		if (b->lacks[0] != '\0')
			return gf_fail(err, GF_REFUSED, "threshold", s->word, "'%s' came with bundle %s: %s", s->word,
			    hex, b->lacks);
		if (b->policy != NULL)
			return gf_fail(err, GF_REFUSED, "signature", s->word,
			    "'%s' came with bundle %s; none of the signatures in '%s/records/%s' (%zu) fits a key of trust "
			    "file %llu, which was in force then: find out who changed the record",
			    s->word, hex, gf_state_dir(state), hex, b->n_signatures,
			    (unsigned long long)b->trust_version);
		return gf_fail(err, GF_REFUSED, "signature", s->word,
		    "'%s' came with bundle %s; none of the signatures in '%s/records/%s' (%zu) fits a key that is believed "
		    "now (%zu): give the key with --key, or find out who changed the record",
		    s->word, hex, gf_state_dir(state), hex, b->n_signatures, gf_trust_count(trust->keys));
	}
	if (t->n_faults > 0)
		return gf_fail(err, GF_DAMAGED, "record", s->word,
		    "'%s' (%s) cannot be traced: the log speaks of %zu record%s that %s not there as it was: %s",
		    s->word, digest, t->n_faults, t->n_faults == 1 ? "" : "s", t->n_faults == 1 ? "is" : "are",
		    t->faults[0].text);
	return gf_fail(err, GF_REFUSED, "not-traced", s->word,
	    "nothing vouches for '%s' (%s): none of the %llu bundles that the %llu lines of '%s/audit.jsonl' speak of holds it%s",
	    s->word, digest, (unsigned long long)t->records, (unsigned long long)t->lines, gf_state_dir(state),
	    gf_buf_text(&s->moved));
}

/* ---- what is shown ---- */

static const char *word_text(const gf_trace_word *w)
{
	static const char *const texts[] = { "approved", "rejected", "permitted" };

	return texts[w->decision];
}

static bool show_words(const gf_trace_bundle *b, gf_error *err)
{
	gf_table *t;

	if (b->policy == NULL && b->n_receipts == 0)
		return true;
	putchar('\n');
	t = gf_table_new(5, err);
	for (size_t i = 0; i < b->n_words; i++) {
		const gf_trace_word *w = &b->words[i];
		char when[GF_TIME_SIZE];

		gf_time_print(w->created, when);
		gf_table_add(t, when, w->environment, word_text(w), w->holder, w->reason != NULL ? w->reason : "");
	}
	for (size_t i = 0; i < b->n_receipts; i++) {
		const gf_trace_receipt *r = &b->receipts[i];
		char when[GF_TIME_SIZE], by[300];

		gf_time_print(r->created, when);
		(void)snprintf(by, sizeof by, "site %.64s, by %s", r->site != NULL ? r->site : "without a name", r->by);
		gf_table_add(t, when, r->environment != NULL ? r->environment : "none",
		    r->complete ? "complete" : "partial", r->name, by);
	}
	printf("said of it\n");
	return gf_table_print(t, stdout, 2, err);
}

static void show_trust(const gf_trace_bundle *b)
{
	if (b->policy != NULL)
		printf("trust      version %llu was in force: %s\n", (unsigned long long)b->trust_version,
		    b->vouched ? "the signatures are enough" : "the signatures are not enough");
}

static bool show_loads(const gf_trace_bundle *b, gf_error *err)
{
	gf_table *t;

	if (b->n_loads == 0) {
		printf("\nIt was accepted, and no line says that it was loaded: a run did not come to its end.\n");
		return true;
	}
	printf("\nloaded\n");
	t = gf_table_new(4, err);
	for (size_t i = 0; i < b->n_loads; i++) {
		const gf_trace_load *l = &b->loads[i];
		char when[GF_TIME_SIZE];

		gf_time_print(l->time, when);
		gf_table_add(t, when, l->environment, l->name, l->target);
	}
	return gf_table_print(t, stdout, 2, err);
}

static bool show(const subject *s, const gf_state *state, const gf_trace *t, gf_error *err)
{
	gf_table *head = gf_table_new(2, err);
	char digest[GF_DIGEST_SIZE];
	bool ok;

	gf_digest_text(&s->digest, digest);
	gf_table_add(head, s->kind, s->word);
	if (s->container.name != NULL) {
		gf_table_add(head, "made from", s->container.image);
		gf_table_add(head, "image ID", digest);
	} else if (strcmp(s->kind, "digest") != 0) {
		gf_table_add(head, strcmp(s->kind, "name") == 0 ? "loaded as" : "image ID", digest);
	}
	ok = gf_table_print(head, stdout, 0, err);
	for (size_t i = 0; ok && i < t->n_bundles; i++) {
		const gf_trace_bundle *b = &t->bundles[i];
		const gf_signed_by by = { .keys = b->signers, .n = b->n_signers };
		char hex[GF_HEX_SIZE];
		gf_buf where;

		gf_digest_hex(&b->digest, hex);
		gf_buf_init(&where, 8192);
		putchar('\n');
		ok = gf_buf_printf(&where, err, "%s/records/%s", gf_state_dir(state), hex) &&
		    gf_show_head(gf_buf_text(&where), 0, &b->digest, b->manifest, &by, stdout, err);
		show_trust(b);
		for (size_t k = 0; ok && k < b->manifest->n_images; k++)
			if (b->image == SIZE_MAX || b->image == k)
				ok = gf_show_image(&b->manifest->images[k], stdout, err);
		ok = ok && show_words(b, err) && show_loads(b, err);
		gf_buf_clear(&where);
	}
	return ok;
}

static void put_words(gf_json_out *o, const gf_trace_bundle *b)
{
	gf_json_open(o, "statements", '[');
	for (size_t i = 0; i < b->n_words; i++) {
		const gf_trace_word *w = &b->words[i];

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "decision", word_text(w));
		gf_json_put(o, "holder", w->holder);
		gf_json_put(o, "environment", w->environment);
		gf_json_put_time(o, "created", w->created);
		if (w->expires != 0)
			gf_json_put_time(o, "expires", w->expires);
		gf_json_put(o, "reason", w->reason);
		gf_json_put_hex(o, "sha256", &w->file);
		gf_json_put_bool(o, "counted", w->counted);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_open(o, "receipts", '[');
	for (size_t i = 0; i < b->n_receipts; i++) {
		const gf_trace_receipt *r = &b->receipts[i];

		gf_json_open(o, NULL, '{');
		gf_json_put(o, "file", r->name);
		gf_json_put_hex(o, "sha256", &r->file);
		gf_json_put(o, "site", r->site);
		gf_json_put(o, "environment", r->environment);
		gf_json_put(o, "result", r->complete ? "complete" : "partial");
		gf_json_put_time(o, "created", r->created);
		gf_json_put(o, "signedBy", r->by);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
}

static void put_bundle(gf_json_out *o, const gf_trace_bundle *b)
{
	gf_json_open(o, NULL, '{');
	gf_put_manifest(o, &b->digest, b->manifest);
	if (b->image != SIZE_MAX)
		gf_json_put_digest(o, "image", &b->manifest->images[b->image].digest);
	gf_json_open(o, "signers", '[');
	for (size_t i = 0; i < b->n_signers; i++)
		gf_put_key(o, b->signers[i], NULL);
	gf_json_close(o, ']');
	gf_json_put_u64(o, "signatures", b->n_signatures);
	gf_json_put_bool(o, "unsigned", b->unsigned_bundle);
	if (b->policy != NULL)
		gf_json_put_u64(o, "trustVersion", b->trust_version);
	gf_json_put_bool(o, "vouched", b->vouched);
	put_words(o, b);
	gf_json_open(o, "loaded", '[');
	for (size_t i = 0; i < b->n_loads; i++) {
		const gf_trace_load *l = &b->loads[i];
		char when[GF_TIME_SIZE];

		gf_time_print(l->time, when);
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "time", when);
		gf_json_put(o, "run", l->run);
		gf_json_put(o, "site", l->site);
		gf_json_put(o, "environment", l->environment);
		gf_json_put(o, "target", l->target);
		gf_json_put(o, "name", l->name);
		gf_json_put_digest(o, "digest", &l->digest);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_close(o, '}');
}

static bool report(
    gf_run *run, const subject *s, const gf_state *state, const gf_trace *t, const gf_error *failure, gf_error *err)
{
	gf_report r;

	gf_report_open(&r, run, err);
	gf_json_put(&r.out, "traced", s->word);
	gf_json_put(&r.out, "kind", s->kind);
	if (s->kind != NULL)
		gf_json_put_digest(&r.out, "digest", &s->digest);
	gf_json_put(&r.out, "container", s->container.id);
	gf_json_put_bool(&r.out, "vouched", vouched(t));
	gf_json_open(&r.out, "bundles", '[');
	for (size_t i = 0; i < t->n_bundles; i++)
		put_bundle(&r.out, &t->bundles[i]);
	gf_json_close(&r.out, ']');
	gf_json_open(&r.out, "faults", '[');
	for (size_t i = 0; i < t->n_faults; i++) {
		gf_json_open(&r.out, NULL, '{');
		gf_json_put_digest(&r.out, "manifest", &t->faults[i].manifest);
		gf_json_put(&r.out, "text", t->faults[i].text);
		gf_json_close(&r.out, '}');
	}
	gf_json_close(&r.out, ']');
	gf_json_open(&r.out, "lookedAt", '{');
	if (state != NULL)
		gf_json_put(&r.out, "state", gf_state_dir(state));
	gf_json_put_u64(&r.out, "lines", t->lines);
	gf_json_put_u64(&r.out, "records", t->records);
	if (s->daemon.class != GF_OK)
		gf_json_put(&r.out, "daemon", s->daemon.text);
	gf_json_close(&r.out, '}');
	return gf_report_close(&r, run, failure, err);
}

static void warn(const gf_run *run, const subject *s, const gf_trace *t)
{
	if (s->kind != NULL && strcmp(s->kind, "name") == 0)
		gf_event_say(run->events, GF_EVENT_WARNING,
		    "what '%s' shows now was not asked: this is what the log last loaded under it%s%s", s->word,
		    s->daemon.class != GF_OK ? "; " : "", s->daemon.class != GF_OK ? s->daemon.text : "");
	for (size_t i = 0; i < t->n_faults; i++)
		gf_event_say(run->events, GF_EVENT_WARNING,
		    "the log speaks of a record that is not there as it was: %s", t->faults[i].text);
}

bool gf_verb_trace(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const gf_words *keys = &a->options[GF_OPT_KEY];
	subject s = { .word = a->words.items[0] };
	gf_trace_trust by = { .named = keys->n > 0 };
	gf_trust *trust = NULL;
	gf_pubkey *site = NULL;
	gf_state *state = NULL;
	gf_error shown = { .class = GF_OK };
	bool ok, said = true;
	gf_trace trace;
	gf_buf config;

	memset(&trace, 0, sizeof trace);
	gf_buf_init(&config, GF_CONFIG_FILE_MAX);
	gf_buf_init(&s.moved, 512);
	ok = gf_config_find(run, &config, err) &&
	    (trust = gf_trust_open(keys->items, keys->n, config.data, err)) != NULL &&
	    (state = gf_state_open(gf_value(a, GF_OPT_STATE), false, err)) != NULL &&
	    gf_state_site_public(state, &site, err);
	by.keys = trust;
	by.site = site;
	ok = ok && find_subject(&s, run, state, &by, &trace, err) && judge(&s, state, &by, &trace, err);
	gf_progress_rest(run->progress);
	warn(run, &s, &trace);
	if (run->json)
		said = report(run, &s, state, &trace, ok ? NULL : err, &shown);
	else if (s.kind != NULL && state != NULL)
		said = show(&s, state, &trace, &shown);
	if (ok && !said)
		*err = shown;
	gf_docker_container_clear(&s.container);
	gf_trace_clear(&trace);
	gf_state_close(state);
	gf_pubkey_free(site);
	gf_trust_free(trust);
	gf_buf_clear(&s.moved);
	gf_buf_clear(&config);
	return ok && said;
}
