#define _DEFAULT_SOURCE /* setgroups */
/* Statements in records/, and what is said of records that are not there, or not as they were. */
#include <grp.h>
#include <sys/wait.h>

#include "policies.h"
#include "verify/records.h"
#include "verify/state.h"

/* Kept once under the digest of its bytes; what lies there under that name and is another is damage. */
static void test_statement(void **state)
{
	gf_digest of = { { 1 } };
	signed_file f = { .n = 0 };
	gf_error err = { 0 };
	bool new = false;

	(void)state;
	assert_int_equal(mkdir("kept", 0700), 0);
	file_add_text(&f, "approval-0123456789abcdef.json", "any bytes");
	file_sign(&f, "alice");
	need(gf_records_keep_statement("kept", &of, "approval", &f.all[0], &f.all[1], 1, &new, &err));
	assert_true(new);
	need(gf_records_keep_statement("kept", &of, "approval", &f.all[0], &f.all[1], 1, &new, &err));
	assert_false(new);
	assert_int_equal(sh("cd kept/records/01*0 && test $(ls approval-*.json | wc -l) = 1 && "
			    "test $(ls approval-*.json.*.sig | wc -l) = 1 && echo >>$(ls approval-*.json)"),
	    0);
	assert_false(gf_records_keep_statement("kept", &of, "approval", &f.all[0], &f.all[1], 1, &new, &err));
	assert_string_equal(err.name, "state");
	assert_non_null(strstr(err.text, "does not have the digest that its name says"));
	file_clear(&f);
}

/* Signatures of a manifest must be there; statements about one need not. */
static void test_absent(void **state)
{
	gf_digest of = { { 2 } };
	gf_member *list = NULL;
	gf_error err = { 0 };
	size_t n = 1;

	(void)state;
	need(gf_records_statements("kept", &of, &list, &n, &err));
	assert_int_equal(n, 0);
	assert_false(gf_records_signatures("kept", &of, &list, &n, &err));
	assert_string_equal(err.name, "state");
}

/* A signature is small, a statement need not be. */
static void test_sizes(void **state)
{
	static const char path[] = "kept/records/0300000000000000000000000000000000000000000000000000000000000000";
	gf_digest of = { { 3 } };
	gf_member *list = NULL;
	gf_error err = { 0 };
	char command[512];
	size_t n = 0;

	(void)state;
	(void)snprintf(command, sizeof command,
	    "mkdir -p %s && cd %s && head -c %lu /dev/zero >approval-0123456789abcdef.json && echo x >manifest.json && "
	    "head -c %lu /dev/zero >manifest.json.0123456789abcdef.sig",
	    path, path, (unsigned long)GF_SIGNATURE_MAX + 1, (unsigned long)GF_SIGNATURE_MAX);
	assert_int_equal(sh(command), 0);
	need(gf_records_statements("kept", &of, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].bytes.len, GF_SIGNATURE_MAX + 1);
	gf_members_free(list, n);
	need(gf_records_signatures("kept", &of, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "manifest.json.0123456789abcdef.sig");
	gf_members_free(list, n);
	(void)snprintf(command, sizeof command, "echo >>%s/manifest.json.0123456789abcdef.sig", path);
	assert_int_equal(sh(command), 0);
	assert_false(gf_records_signatures("kept", &of, &list, &n, &err));
}

/* As many files as a record may have, and one more. */
static void test_many(void **state)
{
	static const char path[] = "kept/records/0400000000000000000000000000000000000000000000000000000000000000";
	gf_digest of = { { 4 } };
	gf_member *list = NULL;
	gf_error err = { 0 };
	char command[512];
	size_t n = 0;

	(void)state;
	(void)snprintf(command, sizeof command,
	    "mkdir -p %s && cd %s && for i in $(seq %d); do echo x >$(printf approval-%%016x.json $i); done", path,
	    path, GF_COMPANIONS_MAX);
	assert_int_equal(sh(command), 0);
	need(gf_records_statements("kept", &of, &list, &n, &err));
	assert_int_equal(n, GF_COMPANIONS_MAX);
	gf_members_free(list, n);
	(void)snprintf(command, sizeof command, "echo x >%s/approval-ffffffffffffffff.json", path);
	assert_int_equal(sh(command), 0);
	assert_false(gf_records_statements("kept", &of, &list, &n, &err));
	assert_string_equal(err.name, "state");
	assert_non_null(strstr(err.text, "a record has more than 512 files"));
}

/* A subject too many, and one too few. */
static void test_subjects(void **state)
{
	static const char *const types[] = { GF_TYPE_TRUST, GF_TYPE_APPROVAL },
				 *const said[] = { "expected no subject, found 1", "expected one subject, found 0" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		gf_error err = { 0 };
		gf_statement s;

		(void)snprintf(text, sizeof text,
		    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[%s],\"predicateType\":\"%s\",\"predicate\":{}}",
		    i == 0 ? "{}" : "", types[i]);
		assert_false(gf_statement_open(text, strlen(text), "x", NULL, &s, &err));
		assert_string_equal(err.name, "statement");
		if (strstr(err.text, said[i]) == NULL)
			fail_msg("%s", err.text);
	}
}

/* ---- a state that cannot be used ---- */

static bool refused(const char *path, bool write, const char *text)
{
	gf_error err = { 0 };
	gf_state *s = gf_state_open(path, write, &err);
	bool is = s == NULL && strcmp(err.name, "state") == 0 && strstr(err.text, text) != NULL;

	if (!is)
		print_error("%s: %s\n", path, s != NULL ? "opened" : err.text);
	gf_state_close(s);
	return is;
}

/* Root may write everywhere; somebody else may read where he may not write. */
static void test_permissions(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_true(refused("alice.pub/below", false, "cannot be read, and nothing is judged without it"));
	assert_int_equal(sh("mkdir read none && chmod 0555 read && chmod 0 none && chmod 0711 ."), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		gf_error err = { 0 };
		gf_state *s;
		bool ok;

		ok = geteuid() != 0 || (setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
		s = ok ? gf_state_open("read", false, &err) : NULL;
		ok = s != NULL && refused("read", true, "cannot be written;") &&
		    refused("none", false, "cannot be read;");
		gf_state_close(s);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A run that wrote no line leaves state.json as it is. */
static void test_cache_stays(void **state)
{
	gf_error err = { 0 };
	gf_record r = { .type = "intent" };
	struct stat before, after;
	gf_state *s;

	(void)state;
	need((s = gf_state_open("stays", true, &err)) != NULL);
	need(gf_state_lock(s, &err) && gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
	assert_int_equal(stat("stays/state.json", &before), 0);
	for (int i = 0; i < 2; i++) {
		need(gf_state_lock(s, &err));
		gf_state_unlock(s);
	}
	assert_int_equal(stat("stays/state.json", &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	gf_state_close(s);
}

/* While a command signs, another run goes on and signs more: that one stays. */
static void test_signed_meanwhile(void **state)
{
	gf_error err = { 0 };
	gf_record r = { .type = "intent" };
	gf_signer *key;
	gf_state *s;

	(void)state;
	need((s = gf_state_open("slow", true, &err)) != NULL);
	need((key = gf_state_site_key(s, NULL, &err)) != NULL);
	need(gf_state_lock(s, &err) && gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
	need(gf_state_checkpoint(s, key, &err));
	need(gf_state_lock(s, &err) && gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
	gf_state_close(s);
	assert_int_equal(sh("cp -r slow later"), 0);
	need((s = gf_state_open("later", true, &err)) != NULL);
	need(gf_state_lock(s, &err) && gf_state_append(s, &r, 1, &err));
	gf_state_unlock(s);
	need(gf_state_checkpoint(s, key, &err));
	gf_state_close(s);
	gf_signer_free(key);
	assert_int_equal(sh("mv slow/site.pem . && head -n 2 later/checkpoint | tail -n 1 | grep -qx 3"), 0);
	need((s = gf_state_open("slow", true, &err)) != NULL);
	need((key = gf_state_site_key(s,
		  "cp later/audit.jsonl later/checkpoint slow/ && openssl dgst -sha256 -sign site.pem", &err)) != NULL);
	need(gf_state_checkpoint(s, key, &err));
	assert_int_equal(sh("cmp later/checkpoint slow/checkpoint"), 0);
	gf_signer_free(key);
	gf_state_close(s);
	/* a key that cannot be looked at is no absent one */
	assert_int_equal(sh("rm slow/site.pub && ln -s site.pub slow/site.pub"), 0);
	need((s = gf_state_open("slow", true, &err)) != NULL);
	assert_null(gf_state_site_key(s, NULL, &err));
	assert_string_equal(err.name, "state");
	gf_state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_statement), cmocka_unit_test(test_absent),
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_many), cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_permissions), cmocka_unit_test(test_cache_stays),
		cmocka_unit_test(test_signed_meanwhile) };

	return cmocka_run_group_tests_name("records", tests, make_people, leave);
}
