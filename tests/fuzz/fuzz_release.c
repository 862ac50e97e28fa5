/*
 * release.yaml: a refusal is one of usage and names the file; what is taken keeps the promises of pack.h.
 * parser: pack/release.c:gf_release_parse,take_all,take_text,take_list,take_number,take_times,take_layers,
 *     take_labels,take_names,take_source,take_sources
 */
#include <stdlib.h>
#include <string.h>

#include "pack/pack.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool what)
{
	if (!what)
		abort();
}

static void hold_texts(const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hold(texts[i] != NULL && texts[i][0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_release *r = gf_release_parse(data, size, "release.yaml", &err);
	const gf_pack_options *o;
	size_t n = 0;

	if (r == NULL) {
		hold(err.class == GF_USAGE && err.name[0] != '\0' && strstr(err.text, "release.yaml") != NULL);
		return 0;
	}
	o = gf_release_options(r);
	GF_PLANTED(o->stream != NULL &&
	    (strcmp(o->stream, "shop") != 0 || (o->version != NULL && strcmp(o->version, "1.4.0") != 0)));
	hold(o->stream == NULL || gf_name_valid(o->stream));
	hold(o->output == NULL || o->output[0] != '\0');
	hold(o->expires == 0 || o->lifetime == 0);
	hold(o->lifetime >= 0 && o->sequence < (uint64_t)1 << 53 && o->epoch < (uint64_t)1 << 53);
	for (size_t i = 0; i < o->n_sources; i++) {
		hold_texts(&o->sources[i].text, 1);
		hold_texts(o->sources[i].names, o->sources[i].n_names);
	}
	hold_texts(o->audience, o->n_audience);
	for (size_t i = 0; i < o->n_labels; i++)
		hold(o->labels[i].key[0] != '\0' && o->labels[i].value != NULL);
	hold_texts(gf_release_signers(r, &n), n);
	gf_release_free(r);
	return 0;
}
