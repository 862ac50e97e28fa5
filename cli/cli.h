/*
 * cli: the command line, and the only room that prints or exits.
 *
 * option.h is the table that parsing, help and the manual page are made from; main.c
 * dispatches; a verb_*.c file takes options, calls the library and prints.  Data goes to
 * stdout; progress, notes and errors to stderr.  Text that comes from a bundle or a peer
 * is escaped on its way out.
 */
#ifndef GF_CLI_CLI_H
#define GF_CLI_CLI_H

#include <stdio.h>

#include "cli/option.h"
#include "remote/remote.h"
#include "verify/verify.h"

/* ---- one run of one verb (main.c) ---- */

typedef struct gf_run {
	const gf_verb *verb;
	gf_arguments args;
	struct gf_progress *progress;
	gf_events *events;
	gf_asker asker;
	bool json;
	bool reported; /* the JSON object is out */
} gf_run;

bool gf_verb_pack(gf_run *run, gf_error *err);
bool gf_verb_verify(gf_run *run, gf_error *err);
bool gf_verb_unpack(gf_run *run, gf_error *err);
bool gf_verb_inspect(gf_run *run, gf_error *err);
bool gf_verb_trace(gf_run *run, gf_error *err);
bool gf_verb_report(gf_run *run, gf_error *err);
bool gf_verb_approve(gf_run *run, gf_error *err);
bool gf_verb_permit(gf_run *run, gf_error *err);
bool gf_verb_key_new(gf_run *run, gf_error *err);
bool gf_verb_key_show(gf_run *run, gf_error *err);
bool gf_verb_key_export(gf_run *run, gf_error *err);
bool gf_verb_sign(gf_run *run, gf_error *err);
bool gf_verb_trust_init(gf_run *run, gf_error *err);
bool gf_verb_trust_show(gf_run *run, gf_error *err);
bool gf_verb_trust_add(gf_run *run, gf_error *err);
bool gf_verb_trust_remove(gf_run *run, gf_error *err);
bool gf_verb_trust_threshold(gf_run *run, gf_error *err);
bool gf_verb_trust_gate(gf_run *run, gf_error *err);
bool gf_verb_trust_revoke(gf_run *run, gf_error *err);
bool gf_verb_trust_sign(gf_run *run, gf_error *err);
bool gf_verb_trust_apply(gf_run *run, gf_error *err);
bool gf_verb_log_show(gf_run *run, gf_error *err);
bool gf_verb_log_verify(gf_run *run, gf_error *err);
bool gf_verb_log_prove(gf_run *run, gf_error *err);
bool gf_verb_log_consistency(gf_run *run, gf_error *err);
bool gf_verb_log_checkpoint(gf_run *run, gf_error *err);
bool gf_verb_log_restore(gf_run *run, gf_error *err);
bool gf_verb_receipt_show(gf_run *run, gf_error *err);
bool gf_verb_receipt_verify(gf_run *run, gf_error *err);
bool gf_verb_version(gf_run *run, gf_error *err);
bool gf_verb_help(gf_run *run, gf_error *err);

/* The configuration directory: --config, $GAPFERRY_CONFIG, ~/.config/gapferry, /etc/gapferry.  One that was named must
 * be there.  out is emptied first. */
bool gf_config_find(const gf_run *run, gf_buf *out, gf_error *err);

/* --jobs; 0: not given. */
bool gf_jobs(const gf_run *run, unsigned *jobs, gf_error *err);

/* The private keys of --key or the command of --sign-cmd; what is there is to be freed in either case. */
bool gf_signers_take(
    const gf_run *run, const char *const *keys, size_t n_keys, gf_signer ***signers, size_t *n, gf_error *err);
const gf_pubkey **gf_signers_public(
    gf_signer *const *signers, size_t n, gf_error *err); /* free() it; the keys are theirs */
void gf_signers_free(gf_signer **signers, size_t n);

/* What the options say of the Docker daemon. */
bool gf_docker_take(const gf_run *run, gf_docker_options *o, gf_error *err);

/* A new key pair, neither file of which may be there (GF_USAGE "exists"); passphrase NULL: not encrypted.
 * gf_key_pair_ask looks at both and asks for the passphrase, which is the caller's. */
bool gf_key_pair_ask(
    const gf_run *run, const char *private_path, const char *public_path, gf_secret *passphrase, gf_error *err);
bool gf_key_pair_make(
    const char *private_path, const char *public_path, const char *type, const gf_secret *passphrase, gf_error *err);

/* What the options say of registries.  stdin_is: what is read from stdin already, or NULL.  password: the caller's, to be
 * cleared; *o points to it. */
bool gf_registry_take(
    const gf_run *run, const char *stdin_is, gf_registry_options *o, gf_secret *password, gf_error *err);

/* ---- help (help.c) ---- */

void gf_help_overview(FILE *to);
void gf_help_verb(gf_verb_id verb, FILE *to);
void gf_help_man(FILE *to);

/* ---- text on a terminal (table.c) ---- */

/* Rows of aligned cells.  Errors stick until gf_table_print. */
typedef struct gf_table gf_table;
gf_table *gf_table_new(size_t columns, gf_error *err);
/* As many texts as there are columns; NULL and "" are an empty cell.  Escaped here.  NULL table: nothing happens. */
void gf_table_add(gf_table *t, ...);
void gf_table_mark(gf_table *t); /* the last row is what the reader must see */
/* indent: spaces before each row.  Prints, frees; false when something failed, now or before. */
bool gf_table_print(gf_table *t, FILE *to, unsigned indent, gf_error *err);

/* text escaped, and cut where room is full; room is emptied first and holds the result. */
const char *gf_shown(gf_buf *room, const char *text);
/* Escapes are understood: a terminal, TERM set and not "dumb". */
bool gf_escapes(FILE *to);
/* Those that colour are welcome, too: NO_COLOR not set. */
bool gf_colour(FILE *to);

/* A QR code of text (qr.c); the text of a terminal's height at most: some 80 bytes. */
bool gf_show_qr(const char *text, FILE *to, gf_error *err);

/* ---- JSON on stdout (report.c) ---- */

/* The one object of a run: open, members put by the verb, close.  failure: NULL, or why the run fails. */
typedef struct gf_report {
	gf_buf text;
	gf_json_out out;
} gf_report;
void gf_report_open(gf_report *r, const gf_run *run, gf_error *err);
bool gf_report_close(gf_report *r, gf_run *run, const gf_error *failure, gf_error *err);
const char *gf_class_text(gf_class class);

/* ---- what several verbs show (show.c) ---- */

bool gf_show_verdict(const gf_verdict *v, FILE *to, gf_error *err);
/* Whose signatures fit; comments: of each the trusted comment of its minisig, or NULL; or NULL for none at all. */
typedef struct gf_signed_by {
	const gf_pubkey *const *keys;
	char *const *comments;
	size_t n;
} gf_signed_by;
gf_signed_by gf_signed_by_of(const gf_verdict *v);
/* What a bundle says of itself.  size 0: not known; manifest NULL: not believed. */
bool gf_show_head(const char *bundle, uint64_t size, const gf_digest *digest, const gf_manifest *m,
    const gf_signed_by *by, FILE *to, gf_error *err);
/* Names, then manifest digest and image ID of each platform. */
bool gf_show_image(const gf_image *im, FILE *to, gf_error *err);
void gf_put_verdict(gf_json_out *o, const gf_verdict *v);
/* comment: the trusted comment of its signature, or NULL. */
void gf_put_key(gf_json_out *o, const gf_pubkey *k, const char *comment);
void gf_put_manifest(gf_json_out *o, const gf_digest *digest, const gf_manifest *m);

/* ---- a judged bundle, for verify and inspect (judged.c) ---- */

typedef struct gf_judged {
	gf_reader *reader;
	gf_trust *trust;
	gf_state *state;
	gf_member *companions;
	size_t n_companions;
	gf_manifest *manifest; /* NULL: not believed */
	gf_verdict verdict;
} gf_judged;

typedef enum gf_judge_how {
	GF_JUDGE_DECIDE,
	GF_JUDGE_SHOW,  /* sign, inspect --unverified: what fails is shown, and nothing is refused for trust */
	GF_JUDGE_ADVISE /* approve, permit: for the first --site */
} gf_judge_how;
/* Steps 1 to 6 of FORMAT.md 5 with the options of the run.  *j is valid, and to be cleared, in either case. */
bool gf_judged_open(gf_judged *j, const gf_run *run, gf_judge_how how, gf_error *err);
void gf_judged_clear(gf_judged *j);

/* ---- what a config says about its image (image_config.c) ---- */

/* steps: those of the history that made the layers, one by one, or NULL for a step; NULL for all where as many steps did
 * not. */
typedef struct gf_image_config {
	gf_json_doc *doc; /* NULL: the image is not one to run */
	const char **steps;
} gf_image_config;

/* The graph has read it before: false is memory.  *c is valid, and to be cleared, in either case. */
bool gf_image_config_read(gf_image_config *c, const gf_store *store, const gf_platform *p, gf_error *err);
void gf_image_config_clear(gf_image_config *c);
gf_json gf_image_config_root(const gf_json_doc *config); /* config NULL: absent */
const char *gf_text_or_null(gf_json v);
/* What people say for a media type ("tar+gzip"); else the type itself. */
const char *gf_layer_kind(const char *media_type);

/* ---- progress (progress.c) ---- */

typedef struct gf_progress gf_progress;
/* how: auto, plain, json or none ("auto" when NULL). */
gf_progress *gf_progress_open(const char *verb, const char *how, bool quiet, bool verbose, gf_error *err);
gf_events *gf_progress_events(gf_progress *p);
/* Bars are gone, and transfers that a failure left open are forgotten: before results are printed. */
void gf_progress_rest(gf_progress *p);
void gf_progress_close(gf_progress *p);

/* ---- passphrases (ask.c) ---- */

/* Takes GAPFERRY_PASSPHRASE and COSIGN_PASSWORD out of the environment, so that no child process inherits it. */
typedef struct gf_ask {
	gf_secret environment; /* data NULL: not set */
	gf_secret cosign;      /* COSIGN_PASSWORD, likewise */
	gf_secret file;        /* of --passphrase-file, once read */
	const char *path;
} gf_ask;
bool gf_ask_open(gf_ask *a, gf_error *err);
bool gf_ask_for(void *ask, const char *what, bool confirm, gf_secret *out, gf_error *err); /* for gf_asker */
bool gf_ask_for_cosign(void *ask, const char *what, bool confirm, gf_secret *out, gf_error *err);
void gf_ask_close(gf_ask *a);

/* ---- self test (selftest.c) ---- */

bool gf_self_test(FILE *to, gf_error *err);

#endif
