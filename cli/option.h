/*
 * option: the one table of verbs and options.
 *
 * Parsing, help and the man page are made from it.  Names are exact, so that --allow-u
 * is not --allow-unsigned (getopt_long and argp accept any unique beginning).
 */
#ifndef GF_CLI_OPTION_H
#define GF_CLI_OPTION_H

#include "base/base.h"

typedef enum gf_verb_id {
	GF_VERB_PACK,
	GF_VERB_VERIFY,
	GF_VERB_UNPACK,
	GF_VERB_INSPECT,
	GF_VERB_TRACE,
	GF_VERB_REPORT,
	GF_VERB_SIGN,
	GF_VERB_APPROVE,
	GF_VERB_PERMIT,
	GF_VERB_KEY_NEW,
	GF_VERB_KEY_SHOW,
	GF_VERB_KEY_EXPORT,
	GF_VERB_TRUST_INIT,
	GF_VERB_TRUST_SHOW,
	GF_VERB_TRUST_ADD,
	GF_VERB_TRUST_REMOVE,
	GF_VERB_TRUST_THRESHOLD,
	GF_VERB_TRUST_GATE,
	GF_VERB_TRUST_REVOKE,
	GF_VERB_TRUST_SIGN,
	GF_VERB_TRUST_APPLY,
	GF_VERB_LOG_SHOW,
	GF_VERB_LOG_VERIFY,
	GF_VERB_LOG_PROVE,
	GF_VERB_LOG_CONSISTENCY,
	GF_VERB_LOG_CHECKPOINT,
	GF_VERB_LOG_RESTORE,
	GF_VERB_RECEIPT_SHOW,
	GF_VERB_RECEIPT_VERIFY,
	GF_VERB_VERSION,
	GF_VERB_HELP,
	GF_VERBS
} gf_verb_id;

typedef enum gf_option_id {
	/* pack */
	GF_OPT_OUTPUT,
	GF_OPT_FILE,
	GF_OPT_STREAM,
	GF_OPT_SEQUENCE,
	GF_OPT_EPOCH,
	GF_OPT_AFTER,
	GF_OPT_BUNDLE_VERSION,
	GF_OPT_AUDIENCE,
	GF_OPT_TRUST_VERSION,
	GF_OPT_EXPIRES,
	GF_OPT_CREATED,
	GF_OPT_PACK_NAME,
	GF_OPT_PLATFORM,
	GF_OPT_LOAD_PLATFORM,
	GF_OPT_LAYERS,
	GF_OPT_BUILD_ID,
	GF_OPT_LABEL,
	GF_OPT_PACK_KEY,
	GF_OPT_SIGN_CMD,
	/* verify, inspect, unpack */
	GF_OPT_KEY,
	GF_OPT_ENV,
	GF_OPT_TO,
	GF_OPT_NAME,
	GF_OPT_TAG,
	GF_OPT_DRY_RUN,
	GF_OPT_VERIFY_FIRST,
	GF_OPT_RECEIPT_DIR,
	GF_OPT_SITE_SIGN_CMD,
	GF_OPT_ALLOW_UNSIGNED,
	GF_OPT_UNVERIFIED,
	GF_OPT_DEEP,
	GF_OPT_WITH,
	GF_OPT_CONFIG,
	GF_OPT_STATE,
	GF_OPT_SITE,
	GF_OPT_HOST,
	GF_OPT_CONTEXT,
	GF_OPT_AUTHFILE,
	GF_OPT_USERNAME,
	GF_OPT_PASSWORD_STDIN,
	GF_OPT_CA_FILE,
	GF_OPT_CERT_FILE,
	GF_OPT_KEY_FILE,
	GF_OPT_PLAIN_HTTP,
	GF_OPT_RETRIES,
	/* report */
	GF_OPT_PAGE,
	/* trust */
	GF_OPT_TRUST_OUTPUT,
	GF_OPT_TRUST_EXPIRES,
	GF_OPT_TRUST_CREATED,
	GF_OPT_SAME_VERSION,
	GF_OPT_ROOT,
	GF_OPT_RELEASE,
	GF_OPT_APPROVER,
	GF_OPT_RECEIPT,
	GF_OPT_PERMIT,
	GF_OPT_ROLE,
	GF_OPT_FROM_ROLE,
	GF_OPT_THRESHOLD,
	GF_OPT_NOT_BEFORE,
	GF_OPT_NOT_AFTER,
	GF_OPT_TRUST_STREAM,
	GF_OPT_TRUST_ENV,
	GF_OPT_CLEAR,
	GF_OPT_TRUST_AFTER,
	GF_OPT_APPROVERS,
	GF_OPT_NOT_SEPARATE,
	GF_OPT_EVIDENCE,
	GF_OPT_UNSIGNED_ENV,
	GF_OPT_RELEASE_ROLE,
	GF_OPT_TRUST_EPOCH,
	GF_OPT_MIN_SEQUENCE,
	GF_OPT_MAX_AGE,
	GF_OPT_MAX_JUMP,
	GF_OPT_SHA256,
	GF_OPT_COMPANION,
	/* approve, permit */
	GF_OPT_SITES,
	GF_OPT_REJECT,
	GF_OPT_WAIVE,
	GF_OPT_REASON,
	GF_OPT_UNTIL,
	GF_OPT_PRINT,
	/* key, version, help */
	GF_OPT_REWRITE,
	GF_OPT_TYPE,
	GF_OPT_FORM,
	GF_OPT_NO_PASSPHRASE,
	GF_OPT_SELF_TEST,
	GF_OPT_MAN,
	/* log */
	GF_OPT_LOG_KEY,
	GF_OPT_CHECKPOINT,
	GF_OPT_QR,
	GF_OPT_LOG_RECEIPT,
	/* receipt */
	GF_OPT_RECEIPT_KEY,
	GF_OPT_BUNDLE,
	GF_OPT_SHORT,
	GF_OPT_VSA,
	/* of several */
	GF_OPT_PASSPHRASE_FILE,
	GF_OPT_JOBS,
	GF_OPT_JSON,
	GF_OPT_PROGRESS,
	GF_OPT_QUIET,
	GF_OPT_VERBOSE,
	GF_OPT_HELP,
	GF_OPT_VERSION,
	GF_OPTIONS
} gf_option_id;

typedef struct gf_option {
	uint64_t verbs;       /* bit v is set: verb v has it.  No verb has two options of one name. */
	char letter;          /* 0: none */
	bool many;            /* may be given more than once */
	const char *name;     /* without the dashes */
	const char *argument; /* NULL: takes none */
	const char *help;
} gf_option;

extern const gf_option gf_options[GF_OPTIONS];

struct gf_run;

typedef struct gf_verb {
	const char *name;        /* "pack", "key new" */
	const char *usage;       /* what follows the name */
	const char *summary;     /* one line */
	const char *about;       /* what else a user must know; "" */
	const char *examples[5]; /* NULL-terminated; each is a whole command */
	size_t words_min, words_max;
	bool (*run)(struct gf_run *run, gf_error *err);
} gf_verb;

extern const gf_verb gf_verbs[GF_VERBS];

/* What stands in argv; the strings stay argv's. */
typedef struct gf_words {
	const char **items;
	size_t n, room;
} gf_words;

typedef struct gf_arguments {
	gf_words options[GF_OPTIONS]; /* values in order; of a flag, its name */
	gf_words words;               /* what is no option */
} gf_arguments;

/*
 * The words behind the verb.  -h and --version end the parse, right or wrong as the rest may be.
 * GF_USAGE "option" (unknown, repeated, value missing or not wanted), "argument" (too few or too many words).
 */
bool gf_arguments_parse(gf_arguments *a, gf_verb_id verb, int argc, char *const *argv, gf_error *err);
void gf_arguments_clear(gf_arguments *a);

bool gf_given(const gf_arguments *a, gf_option_id id);
const char *gf_value(const gf_arguments *a, gf_option_id id); /* NULL: not given */

/* How many letters may be wrong in a word for something else to be suggested: half of them, at most 3. */
unsigned gf_near(const char *word);

/* Is this the first word of verbs of two, "key"? */
bool gf_verb_is_group(const char *word);
/* Is the verb of this group? */
bool gf_verb_in_group(gf_verb_id verb, const char *word);
/* The verb that a word and, for "key new", the next one name (NULL: there is none); *used says how many.
 * GF_USAGE "verb" with the nearest one. */
bool gf_verb_find(const char *word, const char *next, gf_verb_id *verb, int *used, gf_error *err);

/* GF_USAGE "option" about the value of an option: "--jobs: ...". */
bool gf_value_fail(gf_option_id id, gf_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A whole number of at most max; *out stays as it was when the option was not given. */
bool gf_value_u64(const gf_arguments *a, gf_option_id id, uint64_t max, uint64_t *out, gf_error *err);

#endif
