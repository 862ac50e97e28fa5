/*
 * credential_helper: passwords that docker-credential-NAME keeps (docker-credential-helpers, README: "get" with the
 * server on stdin, {"ServerURL","Username","Secret"} on stdout).  No shell, and a deadline.
 */
#include <string.h>

#include "remote/auth.h"

#define SECONDS 60
#define NOT_THERE "credentials not found in native keychain"

static bool name_valid(const char *name)
{
	return name[0] != '\0' && strlen(name) <= 64 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

/* User name "<token>" says that the secret is an identity token. */
bool gf_credentials_answer(const char *text, size_t n, gf_credentials *out, gf_error *err)
{
	gf_json_doc *doc =
	    gf_json_parse(text, n, GF_HELPER_ANSWER_MAX, GF_FAILED, "the credential helper's answer", err);
	const char *username = NULL, *secret = NULL;
	bool ok = doc != NULL && gf_json_string(gf_json_root(doc), "Username", &username, err) &&
	    gf_json_string(gf_json_root(doc), "Secret", &secret, err);

	if (doc == NULL && strcmp(err->name, "json") == 0) /* what stands near the fault may be the secret */
		gf_fail(err, GF_FAILED, "json", NULL, "the credential helper's answer is not JSON");
	if (ok && strcmp(username, "<token>") == 0)
		ok = gf_secret_set(&out->identity, secret, strlen(secret), err);
	else if (ok)
		ok = (out->username = gf_strdup(username, err)) != NULL &&
		    gf_secret_set(&out->password, secret, strlen(secret), err);
	gf_json_free(doc);
	return ok;
}

/* It has none, and says so in these words; anything else is a failure. */
static bool has_none(const gf_buf *answer)
{
	const char *text = gf_buf_text(answer);
	size_t n = strcspn(text, "\r\n");

	return n == strlen(NOT_THERE) && memcmp(text, NOT_THERE, n) == 0 && strspn(text + n, "\r\n") == answer->len - n;
}

static bool refused(const gf_buf *answer, const char *program, const char *host, int status, gf_error *err)
{
	gf_error ignored;
	gf_buf said;

	gf_buf_init(&said, 1024);
	if (strpbrk(gf_buf_text(answer), "{\"") != NULL)
		(void)gf_buf_puts(&said, "its answer is not shown, since a password may stand in it", &ignored);
	else
		(void)gf_text_escape(&said, gf_buf_text(answer), 200, &ignored);
	gf_fail(err, GF_FAILED, "credential-helper", host,
	    "%s, asked for the password of '%s', ended with status %d: %s; see whether '%s get' works by hand, or give "
	    "--username with --password-stdin",
	    program, host, status, gf_buf_text(&said), program);
	gf_buf_clear(&said);
	return false;
}

bool gf_credentials_ask(const char *helper, const char *host, gf_credentials *out, gf_error *err)
{
	const char *server = strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host;
	char program[96] = "docker-credential-";
	const char *const argv[] = { program, "get", NULL };
	const gf_process p = { .argv = argv, .input = server, .input_size = strlen(server), .seconds = SECONDS };
	int status = 0;
	gf_buf answer;
	bool ok;

	if (!name_valid(helper))
		return gf_fail(
		    err, GF_USAGE, "credential-helper", host, "the credential helper of '%s' has no valid name", host);
	strncat(program, helper, sizeof program - strlen(program) - 1);
	gf_buf_init(&answer, GF_HELPER_ANSWER_MAX);
	ok = gf_process_run(&p, &answer, &status, err);
	if (ok && status == 0)
		ok = gf_credentials_answer(gf_buf_text(&answer), answer.len, out, err) ||
		    gf_because(err, "asking %s", program);
	else if (ok)
		ok = has_none(&answer) || refused(&answer, program, host, status, err);
	gf_buf_wipe(&answer);
	return ok;
}
