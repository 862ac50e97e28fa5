/* version: what this program is made of. */
#include <stdio.h>

#include <archive.h>
#include <isa-l.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>
#include <bzlib.h>
#include <lzma.h>

#include "cli/cli.h"
#include "remote/remote.h"

typedef struct library {
	const char *name, *version;
} library;

#define LIBRARIES 11

static void list(library out[LIBRARIES], char *isal, size_t cap)
{
	const library all[LIBRARIES] = { { "OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING) },
		{ "libsodium", sodium_version_string() }, { "libcurl", gf_http_library() },
		{ "libarchive", archive_version_string() + sizeof "libarchive " - 1 }, { "ISA-L", isal },
		{ "zlib", zlibVersion() }, { "zstd", ZSTD_versionString() }, { "liblzma", lzma_version_string() },
		{ "bzip2", BZ2_bzlibVersion() }, { "jansson", gf_json_library() },
		{ "libyaml", yaml_get_version_string() } };

	(void)snprintf(isal, cap, "%d.%d.%d", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION, ISAL_PATCH_VERSION);
	for (size_t i = 0; i < LIBRARIES; i++)
		out[i] = all[i];
}

bool gf_verb_version(gf_run *run, gf_error *err)
{
	library libraries[LIBRARIES];
	char isal[32];
	gf_table *t;
	gf_report r;

	if (gf_given(&run->args, GF_OPT_SELF_TEST) && run->json)
		return gf_value_fail(GF_OPT_JSON, err, "not together with --self-test");
	if (gf_given(&run->args, GF_OPT_SELF_TEST))
		return gf_self_test(stdout, err);
	list(libraries, isal, sizeof isal);
	if (run->json) {
		gf_report_open(&r, run, err);
		gf_json_put(&r.out, "version", GF_VERSION);
		gf_json_put(&r.out, "compressor", gf_gzip_name());
		gf_json_open(&r.out, "libraries", '{');
		for (size_t i = 0; i < LIBRARIES; i++)
			gf_json_put(&r.out, libraries[i].name, libraries[i].version);
		gf_json_close(&r.out, '}');
		return gf_report_close(&r, run, NULL, err);
	}
	t = gf_table_new(2, err);
	gf_table_add(t, "gapferry", GF_VERSION);
	gf_table_add(t, "compressor", gf_gzip_name());
	for (size_t i = 0; i < LIBRARIES; i++)
		gf_table_add(t, libraries[i].name, libraries[i].version);
	return gf_table_print(t, stdout, 0, err);
}
