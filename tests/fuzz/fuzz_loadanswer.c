/*
 * What a daemon answers to a load.  Whatever it is, it is understood or refused with a text that can be printed, and
 * white space at its end changes nothing.
 * parser: remote/docker_load.c:gf_docker_load_answer,gf_docker_loaded_clear,load_failed,append,take_item,
 *     take_items,take_line,take_message,object_length
 */
#include <stdlib.h>
#include <string.h>

#include "remote/docker.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == NULL || list[i][0] == '\0' || list[i][0] == ' ' || strpbrk(list[i], ",\r\n") != NULL)
			abort();
}

static bool same(char *const *a, size_t n, char *const *b, size_t m)
{
	bool ok = n == m;

	for (size_t i = 0; ok && i < n; i++)
		ok = strcmp(a[i], b[i]) == 0;
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_docker_loaded l = { 0 }, again = { 0 };
	gf_error err = { 0 }, other = { 0 };
	bool ok = gf_docker_load_answer((const char *)data, size, &l, &err);
	char *longer = malloc(size + 3);

	if (longer == NULL)
		abort();
	memcpy(longer, data, size);
	memcpy(longer + size, " \r\n", 3);
	check_list(l.ids, l.n_ids);
	check_list(l.names, l.n_names);
	GF_PLANTED(ok && l.n_names > 0 && l.names[0][0] != 'a');
	if (!ok && (err.class != GF_FAILED || err.name[0] == '\0' || err.text[0] == '\0'))
		abort(); /* a refusal that explains nothing */
	for (const char *c = err.text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			abort();
	if (gf_docker_load_answer(longer, size + 3, &again, &other) != ok ||
	    !same(l.ids, l.n_ids, again.ids, again.n_ids) || !same(l.names, l.n_names, again.names, again.n_names) ||
	    strcmp(err.name, other.name) != 0)
		abort();
	gf_docker_loaded_clear(&l);
	gf_docker_loaded_clear(&again);
	free(longer);
	return 0;
}
