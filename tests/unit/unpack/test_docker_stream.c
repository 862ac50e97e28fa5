/* The stream that a daemon loads: what tar finds in it, and that it is as long as was announced. */
#include <sys/stat.h>

#include "common.h"
#include "unpack/docker_stream.h"

#define DOCUMENTS 3
#define LAYERS 5

/* Around the edges of a tar block. */
static const size_t document_sizes[DOCUMENTS] = { 2, 512, 513 };
static const size_t layer_sizes[LAYERS] = { 0, 1, 511, 512, 1025 };

typedef struct made {
	gf_store *store;
	gf_digest documents[DOCUMENTS], layers[LAYERS + 1];
	char bytes[LAYERS][1100];
	gf_stream_image image;
} made;

static void make(made *m)
{
	gf_error err = { 0 };

	memset(m, 0, sizeof *m);
	need((m->store = gf_store_new(&err)) != NULL);
	for (size_t i = 0; i < DOCUMENTS; i++) {
		gf_buf text;

		gf_buf_init(&text, GF_MIB);
		need(gf_buf_puts(&text, "{", &err));
		while (text.len < document_sizes[i] - 1)
			need(gf_buf_puts(&text, i == 1 ? " " : "\n", &err));
		need(gf_buf_puts(&text, "}", &err));
		m->documents[i] = digest_of(text.data, text.len);
		need(gf_store_add(m->store, &m->documents[i], &text, &err));
	}
	for (size_t i = 0; i < LAYERS; i++) {
		memset(m->bytes[i], 'a' + (int)i, sizeof m->bytes[i]);
		m->layers[i] = digest_of(m->bytes[i], layer_sizes[i]);
	}
	m->layers[LAYERS] = m->layers[1]; /* a layer that is in the image twice */
	m->image = (gf_stream_image){ .store = m->store,
		.entry = m->documents[0],
		.entry_type = GF_TYPE_MANIFEST,
		.documents = m->documents,
		.n_documents = DOCUMENTS,
		.config = m->documents[2],
		.layers = m->layers,
		.n_layers = LAYERS + 1 };
}

static const char *blob(const gf_digest *d)
{
	static char name[13 + GF_HEX_SIZE] = "blobs/sha256/";

	gf_digest_hex(d, name + 13);
	return name;
}

/* What a program prints, with this file as its last argument. */
static void printed(const char *a, const char *b, const char *c, gf_buf *out)
{
	const char *const argv[] = { "tar", a, "stream.tar", b, c, NULL };
	const gf_process p = { .argv = argv, .seconds = 60 };
	gf_error err = { 0 };
	int status = -1;

	gf_buf_init(out, GF_MIB);
	need(gf_process_run(&p, out, &status, &err));
	assert_int_equal(status, 0);
}

/* Layer `without` is one that the daemon has. */
static void write_stream(const made *m, size_t without, uint64_t *announced)
{
	gf_error err = { 0 };
	FILE *f = fopen("stream.tar", "we");
	gf_output *out;

	assert_non_null(f);
	need((out = gf_output_fd(fileno(f), "stream.tar", &err)) != NULL);
	need(gf_stream_front_size(&m->image, announced, &err));
	need(gf_stream_front(&m->image, out, &err));
	for (size_t i = 0; i < LAYERS; i++) {
		if (i == without)
			continue;
		*announced += gf_stream_member_size(layer_sizes[i]);
		need(gf_stream_header(&m->layers[i], layer_sizes[i], out, &err));
		need(layer_sizes[i] == 0 || gf_output_write(out, m->bytes[i], layer_sizes[i], &err));
		need(gf_stream_fill(layer_sizes[i], out, &err));
	}
	*announced += GF_STREAM_END_SIZE;
	need(gf_stream_end(out, &err));
	need(gf_output_finish(out, &err));
	gf_output_close(out);
	assert_int_equal(fclose(f), 0);
}

static void test_size_and_members(void **state)
{
	gf_buf list, want;
	gf_error err = { 0 };
	uint64_t announced;
	struct stat st;
	made m;

	(void)state;
	make(&m);
	for (size_t without = 0; without <= LAYERS; without++) {
		write_stream(&m, without, &announced);
		assert_int_equal(stat("stream.tar", &st), 0);
		assert_int_equal(st.st_size, announced);
		gf_buf_init(&want, GF_MIB);
		need(gf_buf_puts(&want, "oci-layout\nindex.json\nmanifest.json\n", &err));
		for (size_t i = 0; i < DOCUMENTS; i++)
			need(gf_buf_printf(&want, &err, "%s\n", blob(&m.documents[i])));
		for (size_t i = 0; i < LAYERS; i++)
			need(i == without || gf_buf_printf(&want, &err, "%s\n", blob(&m.layers[i])));
		printed("-tf", "--warning=no-timestamp", NULL, &list);
		assert_string_equal(gf_buf_text(&list), gf_buf_text(&want));
		gf_buf_clear(&list);
		gf_buf_clear(&want);
	}
	gf_store_free(m.store);
}

static void test_every_member_has_its_bytes(void **state)
{
	uint64_t announced;
	gf_buf bytes;
	made m;

	(void)state;
	make(&m);
	write_stream(&m, LAYERS, &announced);
	for (size_t i = 0; i < DOCUMENTS; i++) {
		gf_digest d;

		printed("-xOf", blob(&m.documents[i]), NULL, &bytes);
		assert_int_equal(bytes.len, document_sizes[i]);
		d = digest_of(bytes.data, bytes.len);
		assert_true(gf_digest_equal(&d, &m.documents[i]));
		gf_buf_clear(&bytes);
	}
	for (size_t i = 0; i < LAYERS; i++) {
		printed("-xOf", blob(&m.layers[i]), NULL, &bytes);
		assert_int_equal(bytes.len, layer_sizes[i]);
		assert_memory_equal(gf_buf_text(&bytes), m.bytes[i], layer_sizes[i]);
		gf_buf_clear(&bytes);
	}
	gf_store_free(m.store);
}

static void test_no_name_stands_in_it(void **state)
{
	char want[2000], hex[4][GF_HEX_SIZE];
	uint64_t announced;
	gf_buf bytes;
	made m;
	size_t n;

	(void)state;
	make(&m);
	write_stream(&m, LAYERS, &announced);
	printed("-xOf", "oci-layout", NULL, &bytes);
	assert_string_equal(gf_buf_text(&bytes), "{\"imageLayoutVersion\":\"1.0.0\"}");
	gf_buf_clear(&bytes);

	gf_digest_hex(&m.documents[0], hex[0]);
	(void)snprintf(want, sizeof want,
	    "{\"schemaVersion\":2,\"mediaType\":\"" GF_TYPE_INDEX "\",\"manifests\":[{\"mediaType\":\"" GF_TYPE_MANIFEST
	    "\",\"digest\":\"sha256:%s\",\"size\":2}]}",
	    hex[0]);
	printed("-xOf", "index.json", NULL, &bytes);
	assert_string_equal(gf_buf_text(&bytes), want);
	gf_buf_clear(&bytes);

	gf_digest_hex(&m.documents[2], hex[0]);
	n = (size_t)snprintf(
	    want, sizeof want, "[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":null,\"Layers\":[", hex[0]);
	for (size_t i = 0; i <= LAYERS; i++)
		n += (size_t)snprintf(want + n, sizeof want - n, "%s\"%s\"", i > 0 ? "," : "", blob(&m.layers[i]));
	(void)snprintf(want + n, sizeof want - n, "]}]");
	printed("-xOf", "manifest.json", NULL, &bytes);
	assert_string_equal(gf_buf_text(&bytes), want);
	gf_buf_clear(&bytes);
	gf_store_free(m.store);
}

static void test_a_document_that_was_not_kept(void **state)
{
	gf_error err = { 0 };
	uint64_t size;
	gf_output *out;
	made m;

	(void)state;
	make(&m);
	m.documents[1].bytes[0] ^= 1;
	need((out = gf_output_discard(&err)) != NULL);
	fails(gf_stream_front_size(&m.image, &size, &err), GF_FAILED, "internal", "was not kept");
	fails(gf_stream_front(&m.image, out, &err), GF_FAILED, "internal", "was not kept");
	gf_output_close(out);
	gf_store_free(m.store);
}

/* Sizes that octal digits do not hold are what the announced length is made of, too. */
static void test_member_sizes(void **state)
{
	(void)state;
	assert_int_equal(gf_stream_member_size(0), 512);
	assert_int_equal(gf_stream_member_size(1), 1024);
	assert_int_equal(gf_stream_member_size(512), 1024);
	assert_int_equal(gf_stream_member_size(513), 1536);
	assert_int_equal(gf_stream_member_size((uint64_t)9 << 30), ((uint64_t)9 << 30) + 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_and_members),
		cmocka_unit_test(test_every_member_has_its_bytes),
		cmocka_unit_test(test_no_name_stands_in_it),
		cmocka_unit_test(test_a_document_that_was_not_kept),
		cmocka_unit_test(test_member_sizes),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
