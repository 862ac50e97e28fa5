/* main: what must be true before anything else runs, then one verb, then its exit status. */
#include <poll.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#if defined(STATIC_BUILD)
#include <nss.h>
#endif

#include "cli/cli.h"

static void print_error(const char *verb, const gf_error *e)
{
	gf_buf a, b;

	gf_buf_init(&a, 4096);
	gf_buf_init(&b, 4096);
	fprintf(stderr, "gapferry%s%s: ", verb[0] != '\0' ? " " : "", verb);
	if (e->object[0] != '\0' && strstr(e->text, e->object) == NULL)
		fprintf(stderr, "%s: ", gf_shown(&a, e->object));
	fprintf(stderr, "%s\n", gf_shown(&b, e->text));
	if (strcmp(e->name, "option") == 0 || strcmp(e->name, "argument") == 0)
		fprintf(stderr, "Try 'gapferry %s --help'.\n", verb);
	else if (strcmp(e->name, "verb") == 0)
		fprintf(stderr, "Try 'gapferry --help'.\n");
	gf_buf_clear(&a);
	gf_buf_clear(&b);
}

static bool reader_has_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* A full disk behind stdout is a failure like any other.  A reader that had enough ends this as it ends cat: the work is
 * done, and there is nothing to say. */
static bool flush_stdout(gf_error *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (reader_has_gone()) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return gf_fail_errno(err, GF_FAILED, "write", "stdout", "writing to stdout");
}

static void report_failure(gf_run *run, const gf_error *err)
{
	gf_error second;
	gf_report report;

	gf_report_open(&report, run, &second);
	(void)gf_report_close(&report, run, err, &second);
}

static bool run_verb(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	gf_progress *progress = gf_progress_open(
	    run->verb->name, gf_value(a, GF_OPT_PROGRESS), gf_given(a, GF_OPT_QUIET), gf_given(a, GF_OPT_VERBOSE), err);
	gf_ask ask = { .path = gf_value(a, GF_OPT_PASSPHRASE_FILE) };
	bool ok = progress != NULL && gf_ask_open(&ask, err);

	if (ok) {
		run->progress = progress;
		run->events = gf_progress_events(progress);
		run->asker = (gf_asker){ .ask = gf_ask_for, .ctx = &ask, .ask_cosign = gf_ask_for_cosign };
		run->json = gf_given(a, GF_OPT_JSON);
		ok = run->verb->run(run, err);
	}
	gf_progress_close(progress);
	gf_ask_close(&ask);
	if (!ok && run->json && !run->reported)
		report_failure(run, err);
	return ok;
}

static bool answer(gf_run *run, gf_verb_id verb, gf_error *err)
{
	if (gf_given(&run->args, GF_OPT_HELP))
		gf_help_verb(verb, stdout);
	else if (gf_given(&run->args, GF_OPT_VERSION))
		puts("gapferry " GF_VERSION);
	else
		return run_verb(run, err);
	return true;
}

static bool asks_help(const char *word)
{
	return word != NULL && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

static void help_group(const char *word)
{
	bool first = true;

	for (size_t i = 0; i < GF_VERBS; i++) {
		if (!gf_verb_in_group((gf_verb_id)i, word))
			continue;
		if (!first)
			putchar('\n');
		first = false;
		gf_help_verb((gf_verb_id)i, stdout);
	}
}

/* "gapferry --help", "gapferry --version", "gapferry key --help": no verb at all. */
static bool without_verb(const char *word, const char *next)
{
	if (word == NULL)
		return false;
	if (strcmp(word, "--version") == 0) {
		puts("gapferry " GF_VERSION);
	} else if (asks_help(word)) {
		gf_help_overview(stdout);
	} else if (gf_verb_is_group(word) && asks_help(next)) {
		help_group(word);
	} else {
		return false;
	}
	return true;
}

/* A file must not be opened as stdin, stdout or stderr and be given what is meant for them: each that is closed is
 * opened the wrong way round, so that its use fails. */
static void fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(GF_FAILED);
}

static bool prepare(gf_error *err)
{
	fill_standard();
	gf_secret_wipe_frees();
	gf_json_watch_memory();
#if defined(STATIC_BUILD)
	/* glibc would load the host's NSS modules, of another version than what is linked here. */
	__nss_configure_lookup("hosts", "files dns");
#endif
	/* openssl.cnf can load engines and change what is accepted; it is the host's, not ours. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, as some parents leave it, no child can be waited for */
	signal(SIGXFSZ, SIG_IGN); /* a file that may grow no further is an error like a full disk */
	/* Without its first context OpenSSL crashes in whatever is asked of it. */
	return OSSL_LIB_CTX_get0_global_default() != NULL || gf_no_memory(err);
}

/* argv behind the program's name. */
static bool dispatch(gf_run *run, int argc, char *const *argv, gf_error *err)
{
	const char *word = argc >= 1 ? argv[0] : NULL, *next = argc >= 2 ? argv[1] : NULL;
	gf_verb_id verb;
	int used;

	if (without_verb(word, next))
		return true;
	if (!gf_verb_find(word, next, &verb, &used, err))
		return false;
	run->verb = &gf_verbs[verb];
	if (gf_arguments_parse(&run->args, verb, argc - used, argv + used, err))
		return answer(run, verb, err);
	/* Who asked for an object is given one, however wrong the other words are. */
	for (int i = used; i < argc && strcmp(argv[i], "--") != 0 && !run->json; i++)
		run->json = strcmp(argv[i], "--json") == 0;
	if (run->json)
		report_failure(run, err);
	return false;
}

int main(int argc, char **argv)
{
	gf_error err = { .class = GF_OK };
	gf_run run = { .verb = NULL };
	bool ok;

	ok = prepare(&err) && dispatch(&run, argc - 1, argv + 1, &err) && flush_stdout(&err);
	if (!ok)
		print_error(run.verb != NULL ? run.verb->name : "", &err);
	gf_arguments_clear(&run.args);
	return ok ? 0 : (int)err.class;
}
