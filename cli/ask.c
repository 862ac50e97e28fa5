/* ask: where passphrases come from. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/cli.h"

#define VARIABLE "GAPFERRY_PASSPHRASE"
#define COSIGN_VARIABLE "COSIGN_PASSWORD"
#define LINE_MAX_BYTES 4096

static volatile sig_atomic_t caught;

static void catch (int number)
{
	caught = number;
}

static bool take_variable(const char *name, gf_secret *out, gf_error *err)
{
	char *value = getenv(name);

	if (value == NULL)
		return true;
	if (!gf_secret_set(out, value, strlen(value), err))
		return false;
	OPENSSL_cleanse(value, strlen(value)); /* /proc/PID/environ shows this memory */
	(void)unsetenv(name);
	return true;
}

bool gf_ask_open(gf_ask *a, gf_error *err)
{
	return take_variable(VARIABLE, &a->environment, err) && take_variable(COSIGN_VARIABLE, &a->cosign, err);
}

void gf_ask_close(gf_ask *a)
{
	gf_secret_clear(&a->environment);
	gf_secret_clear(&a->cosign);
	gf_secret_clear(&a->file);
}

/* One line into locked memory, byte by byte: what is behind it is not ours.  False with class GF_OK when a signal came. */
static bool read_line(int tty, gf_secret *out, gf_error *err)
{
	gf_secret line = { .data = NULL };
	size_t n = 0;
	bool ok;

	char blank[LINE_MAX_BYTES];
	memset(blank, 0, sizeof blank);
	ok = gf_secret_set(&line, blank, sizeof blank, err);
	while (ok) {
		char c;
		ssize_t got = read(tty, &c, 1);

		if (got < 0 && errno == EINTR && caught == 0)
			continue;
		if (got < 0 && errno == EINTR) {
			err->class = GF_OK;
			ok = false;
		} else if (got < 0) {
			ok = gf_fail_errno(err, GF_FAILED, "passphrase", "/dev/tty", "reading the passphrase");
		} else if (got == 0 || c == '\n') {
			break;
		} else if (n == sizeof blank) {
			ok = gf_fail(
			    err, GF_USAGE, "passphrase", NULL, "the passphrase is longer than %zu bytes", sizeof blank);
		} else {
			line.data[n++] = c;
		}
	}
	ok = ok && gf_secret_set(out, line.data, n, err);
	gf_secret_clear(&line);
	return ok;
}

/* A terminal left without echo is a nuisance: signals that would end the program first put it right. */
static bool read_hidden(int tty, const char *prompt, gf_secret *out, gf_error *err)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct sigaction old[sizeof numbers / sizeof numbers[0]], now;
	struct termios shown, hidden;
	bool ok;

	if (tcgetattr(tty, &shown) != 0)
		return gf_fail_errno(err, GF_FAILED, "passphrase", "/dev/tty", "asking for the passphrase");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ECHONL;
	memset(&now, 0, sizeof now);
	now.sa_handler = catch;
	sigemptyset(&now.sa_mask);
	caught = 0;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &now, &old[i]);
	ok = tcsetattr(tty, TCSAFLUSH, &hidden) == 0 ||
	    gf_fail_errno(err, GF_FAILED, "passphrase", "/dev/tty", "turning the echo off");
	ok = ok && gf_write_all(tty, prompt, strlen(prompt), "/dev/tty", err) && read_line(tty, out, err);
	(void)tcsetattr(tty, TCSAFLUSH, &shown);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &old[i], NULL);
	if (caught != 0) {
		(void)raise(caught);
		ok = gf_fail(err, GF_FAILED, "passphrase", NULL, "interrupted");
	}
	return ok;
}

static bool ask_terminal(int tty, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	gf_secret again = { .data = NULL };
	gf_buf prompt;
	bool ok;

	gf_buf_init(&prompt, 2048);
	ok = gf_buf_puts(&prompt, "Passphrase for ", err) && gf_text_escape(&prompt, what, 1024, err) &&
	    gf_buf_puts(&prompt, ": ", err) && read_hidden(tty, gf_buf_text(&prompt), out, err);
	if (ok && confirm) {
		ok = read_hidden(tty, "The same again: ", &again, err);
		if (ok && (again.len != out->len || CRYPTO_memcmp(again.data, out->data, out->len) != 0))
			ok = gf_fail(
			    err, GF_USAGE, "passphrase", NULL, "the two passphrases differ; nothing was written");
	}
	gf_buf_clear(&prompt);
	gf_secret_clear(&again);
	return ok;
}

bool gf_ask_for(void *ask, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	gf_ask *a = ask;
	bool ok;
	int tty;

	if (a->path != NULL && a->file.data == NULL && !gf_secret_load_line(&a->file, a->path, err))
		return false;
	if (a->path != NULL)
		return gf_secret_set(out, a->file.data, a->file.len, err);
	if (a->environment.data != NULL)
		return gf_secret_set(out, a->environment.data, a->environment.len, err);
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		return gf_fail(err, GF_USAGE, "passphrase", what,
		    "no passphrase for '%s' and no terminal to ask on; set " VARIABLE " or give --passphrase-file FILE",
		    what);
	ok = ask_terminal(tty, what, confirm, out, err);
	(void)close(tty);
	return ok;
}

bool gf_ask_for_cosign(void *ask, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	gf_ask *a = ask;

	if (a->path == NULL && a->cosign.data != NULL)
		return gf_secret_set(out, a->cosign.data, a->cosign.len, err);
	return gf_ask_for(ask, what, confirm, out, err);
}
