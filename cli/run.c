/* run: what the options of several verbs mean. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"

#define RETRIES 3

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
		if (stat(out->data, &st) != 0) {
			/* It may have other keys than /etc. */
			if (!gf_is_absent(errno))
				return gf_fail_errno(
				    err, GF_USAGE, "config", out->data, "configuration directory '%s'", out->data);
		} else if (S_ISDIR(st.st_mode)) {
			return true;
		}
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
		return gf_value_fail(
		    GF_OPT_JOBS, err, "'%s' is too few: at least 1", gf_value(&run->args, GF_OPT_JOBS));
	*jobs = (unsigned)n;
	return true;
}

static bool take_certificates(
    const gf_arguments *a, const char **ca, const char **cert, const char **key, gf_error *err)
{
	*ca = gf_value(a, GF_OPT_CA_FILE);
	*cert = gf_value(a, GF_OPT_CERT_FILE);
	*key = gf_value(a, GF_OPT_KEY_FILE);
	return (*cert == NULL) == (*key == NULL) ||
	    gf_value_fail(
		*cert == NULL ? GF_OPT_KEY_FILE : GF_OPT_CERT_FILE, err, "--cert-file and --key-file go together");
}

bool gf_docker_take(const gf_run *run, gf_docker_options *o, gf_error *err)
{
	const gf_arguments *a = &run->args;

	o->host = gf_value(a, GF_OPT_HOST);
	o->context = gf_value(a, GF_OPT_CONTEXT);
	if (o->host != NULL && o->context != NULL)
		return gf_value_fail(GF_OPT_CONTEXT, err,
		    "the context '%s' and -H '%s' both say which daemon; give one of them", o->context, o->host);
	return take_certificates(a, &o->ca_file, &o->cert_file, &o->key_file, err);
}

bool gf_registry_take(
    const gf_run *run, const char *stdin_is, gf_registry_options *o, gf_secret *password, gf_error *err)
{
	const gf_arguments *a = &run->args;
	uint64_t retries = RETRIES;

	o->http.plain = gf_given(a, GF_OPT_PLAIN_HTTP);
	o->auth_file = gf_value(a, GF_OPT_AUTHFILE);
	o->username = gf_value(a, GF_OPT_USERNAME);
	o->events = run->events;
	if (!take_certificates(a, &o->http.ca_file, &o->http.cert_file, &o->http.key_file, err))
		return false;
	if ((o->username == NULL) == gf_given(a, GF_OPT_PASSWORD_STDIN))
		return gf_value_fail(o->username == NULL ? GF_OPT_PASSWORD_STDIN : GF_OPT_USERNAME, err,
		    "--username and --password-stdin go together");
	if (!gf_value_u64(a, GF_OPT_RETRIES, 100, &retries, err))
		return false;
	o->retries = (unsigned)retries;
	if (o->username == NULL)
		return true;
	if (stdin_is != NULL)
		return gf_value_fail(GF_OPT_PASSWORD_STDIN, err, "stdin already is %s", stdin_is);
	o->password = password;
	return gf_secret_load_line(password, "-", err);
}

bool gf_signers_take(
    const gf_run *run, const char *const *keys, size_t n_keys, gf_signer ***signers, size_t *n, gf_error *err)
{
	const char *command = gf_value(&run->args, GF_OPT_SIGN_CMD);

	*n = 0;
	if (command != NULL && n_keys != 1)
		return gf_value_fail(
		    GF_OPT_SIGN_CMD, err, "needs one --key, the public key that the command signs with");
	*signers = gf_alloc(n_keys + 1, sizeof(gf_signer *), err);
	for (size_t i = 0; *signers != NULL && i < n_keys; i++) {
		bool plain = false;
		gf_signer *s = command != NULL ? gf_signer_command(command, keys[i], err)
					       : gf_signer_open(keys[i], &run->asker, &plain, err);

		if (s == NULL)
			return false;
		(*signers)[(*n)++] = s;
		if (plain)
			gf_event_say(run->events, GF_EVENT_WARNING, "the private key '%s' is not encrypted", keys[i]);
	}
	return *signers != NULL;
}

const gf_pubkey **gf_signers_public(gf_signer *const *signers, size_t n, gf_error *err)
{
	const gf_pubkey **keys = gf_alloc(n + 1, sizeof(gf_pubkey *), err);

	for (size_t i = 0; keys != NULL && i < n; i++)
		keys[i] = gf_signer_public(signers[i]);
	return keys;
}

void gf_signers_free(gf_signer **signers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gf_signer_free(signers[i]);
	free(signers);
}
