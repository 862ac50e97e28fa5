/* Verbs and options: what each wrong command line is called, and that the right one beside it is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/cli.h"

static void verbs_are_found_or_named(void **state)
{
	static const struct {
		const char *word, *next, *error, *part;
		gf_verb_id verb;
		int used;
	} rows[] = {
		{ "pack", NULL, NULL, NULL, GF_VERB_PACK, 1 },
		{ "key", "new", NULL, NULL, GF_VERB_KEY_NEW, 2 },
		{ "key", "show", NULL, NULL, GF_VERB_KEY_SHOW, 2 },
		{ NULL, NULL, "verb", "missing", GF_VERB_HELP, 0 },
		{ "key", NULL, "verb", "second word", GF_VERB_HELP, 0 },
		{ "key", "nw", "verb", "'key nw'", GF_VERB_HELP, 0 },
		{ "pac", NULL, "verb", "'pack'", GF_VERB_HELP, 0 },
		{ "keygen", NULL, "verb", "'key new'", GF_VERB_HELP, 0 },
		{ "PACK", NULL, "verb", "unknown", GF_VERB_HELP, 0 },
		{ "key new", NULL, "verb", "unknown", GF_VERB_HELP, 0 },
		{ "", NULL, "verb", "unknown", GF_VERB_HELP, 0 },
		{ "--json", NULL, "verb", "first", GF_VERB_HELP, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gf_error err = { 0 };
		gf_verb_id verb;
		int used;
		bool ok = gf_verb_find(rows[i].word, rows[i].next, &verb, &used, &err);

		if (ok != (rows[i].error == NULL))
			fail_msg("row %zu: %s", i, ok ? "taken" : err.text);
		assert_int_equal(verb, rows[i].verb);
		assert_int_equal(used, rows[i].used);
		if (ok)
			continue;
		assert_string_equal(err.name, rows[i].error);
		assert_int_equal(err.class, GF_USAGE);
		if (strstr(err.text, rows[i].part) == NULL)
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void lines_are_taken_or_named(void **state)
{
	static const struct {
		gf_verb_id verb;
		const char *argv[6];
		const char *error; /* NULL: taken */
	} rows[] = {
		{ GF_VERB_VERIFY, { "a.tar", "--json", "-j2" }, NULL },
		{ GF_VERB_VERIFY, { "--key", "a", "--key=b", "a.tar" }, NULL },
		{ GF_VERB_VERIFY, { "--", "--json" }, NULL },
		{ GF_VERB_VERIFY, { "--help", "--nothing" }, NULL }, /* help ends the parse */
		{ GF_VERB_VERIFY, { "--json" }, "argument" }, { GF_VERB_VERIFY, { "a", "b" }, "argument" },
		{ GF_VERB_VERIFY, { "--", "--json", "b" }, "argument" },
		{ GF_VERB_HELP, { "a", "b", "c" }, "argument" }, { GF_VERB_UNPACK, { "a", "--allow-u" }, "option" },
		{ GF_VERB_UNPACK, { "a", "--allow-unsigned=yes" }, "option" },
		{ GF_VERB_UNPACK, { "a", "--tls-verify=false" }, "option" },
		{ GF_VERB_VERIFY, { "a", "--json", "--json" }, "option" },
		{ GF_VERB_VERIFY, { "a", "--jobs" }, "option" }, { GF_VERB_VERIFY, { "a", "--jobs=" }, "option" },
		{ GF_VERB_VERIFY, { "a", "-Z" }, "option" },
		{ GF_VERB_VERIFY, { "a", "--output", "x" }, "option" }, /* of another verb */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *argv[7] = { NULL };
		gf_arguments a;
		gf_error err = { 0 };
		int n = 0;
		bool ok;

		for (; rows[i].argv[n] != NULL; n++)
			argv[n] = (char *)(uintptr_t)rows[i].argv[n];
		ok = gf_arguments_parse(&a, rows[i].verb, n, argv, &err);
		if (ok != (rows[i].error == NULL))
			fail_msg("row %zu: %s", i, ok ? "taken" : err.text);
		if (!ok) {
			assert_string_equal(err.name, rows[i].error);
			assert_int_equal(err.class, GF_USAGE);
		}
		gf_arguments_clear(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_are_found_or_named),
		cmocka_unit_test(lines_are_taken_or_named),
	};

	return cmocka_run_group_tests_name("cli/option", tests, NULL, NULL);
}
