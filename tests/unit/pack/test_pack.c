/* pack: archives of every make into bundles, read back by the bundle's own reader. */
#include <bzlib.h>
#include <lzma.h>
#include <zstd.h>

#include "common.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static layer base, top, other;
static char *config_a, *config_b; /* base+top, base+other */

static char *saved_entry(const char *config, const char *tags, const char *layers)
{
	return text(
	    "{\"Config\":\"%s.json\",\"RepoTags\":%s,\"Layers\":[%s]}", hex_of(config, strlen(config)), tags, layers);
}

static char *config_name(const char *config)
{
	return text("%s.json", hex_of(config, strlen(config)));
}

/* What Docker 1.12 to 24 writes: a layer that two images share is a link in one of them. */
static void save_two(const char *path, bool gzip, bool link_first)
{
	tar *t = tar_new(path, gzip);

	if (link_first)
		tar_link(t, "111/layer.tar", "../222/layer.tar");
	tar_file(t, "222/layer.tar", base.bytes, base.n);
	if (!link_first)
		tar_link(t, "111/layer.tar", "../222/layer.tar");
	tar_text(t, "222/VERSION", "1.0");
	tar_file(t, "333/layer.tar", top.bytes, top.n);
	tar_file(t, "444/layer.tar", other.bytes, other.n);
	tar_text(t, config_name(config_a), config_a);
	tar_text(t, config_name(config_b), config_b);
	tar_text(t, "manifest.json",
	    text("[%s,%s]\n",
		saved_entry(
		    config_a, "[\"acme/app:1\",\"reg.example:5000/app:one\"]", "\"222/layer.tar\",\"333/layer.tar\""),
		saved_entry(config_b, "[\"redis:7\"]", "\"111/layer.tar\",\"444/layer.tar\"")));
	tar_text(t, "repositories", "{}");
	tar_close(t);
}

static int make(void **state)
{
	layer a[2], b[2];

	if (enter(state) != 0)
		return -1;
	base = layer_new(1, 3 * GF_GZIP_BLOCK + 99);
	top = layer_new(2, 70000);
	other = layer_new(3, GF_GZIP_BLOCK);
	a[0] = b[0] = base;
	a[1] = top;
	b[1] = other;
	config_a = config_of("amd64", a, 2);
	config_b = config_of("amd64", b, 2);
	save_two("two.tar", false, true);
	return 0;
}

static const char *two[] = { "two.tar" };

static void check_layer(const opened *b, const gf_blob *blob, const layer *raw, bool gzip)
{
	gf_error err = { 0 };
	gf_digest d;
	gf_buf stored, plain;

	bundle_blob(b, &blob->digest, &stored);
	if (!gzip) {
		assert_true(gf_digest_equal(&blob->digest, &raw->digest));
		assert_int_equal(blob->raw_size, 0);
	} else {
		gf_buf_init(&plain, 64 * GF_MIB);
		gf_input *in = gf_input_gunzip(gf_input_memory(stored.data, stored.len, &err), 64 * GF_MIB, "x", &err);
		gf_output *out = gf_output_buf(&plain, &err);
		assert_true(gf_copy(in, out, &err));
		gf_input_close(in);
		gf_output_close(out);
		assert_true(gf_hash_bytes(plain.data, plain.len, &d, &err));
		assert_true(gf_digest_equal(&d, &raw->digest));
		assert_int_equal(blob->raw_size, raw->n);
		gf_buf_clear(&plain);
	}
	gf_buf_clear(&stored);
}

static void check_two(const char *path, bool gzip)
{
	opened b = bundle_open(path);
	const gf_manifest *m = b.manifest;
	gf_buf text_of;
	size_t first = m->n_blobs - 3;

	assert_int_equal(m->n_images, 2);
	assert_int_equal(m->images[0].n_names, 2);
	assert_string_equal(m->images[0].names[0], "docker.io/acme/app:1");
	assert_string_equal(m->images[0].names[1], "reg.example:5000/app:one");
	assert_string_equal(m->images[1].names[0], "docker.io/library/redis:7");
	assert_string_equal(m->images[0].media_type, GF_TYPE_MANIFEST);
	assert_string_equal(m->images[0].load, "linux/amd64");
	/* The config, byte for byte, and the manifest made for it, to the letter. */
	bundle_blob(&b, &m->images[0].platforms[0].image_id, &text_of);
	assert_string_equal(gf_buf_text(&text_of), config_a);
	gf_buf_clear(&text_of);
	{
		char l1[GF_DIGEST_SIZE], l2[GF_DIGEST_SIZE];
		const char *type = gzip ? GF_TYPE_LAYER_GZIP : GF_TYPE_LAYER;
		gf_digest_text(&m->blobs[first].digest, l1);
		gf_digest_text(&m->blobs[first + 1].digest, l2);
		bundle_blob(&b, &m->images[0].digest, &text_of);
		assert_string_equal(gf_buf_text(&text_of),
		    text(
			"{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\","
			"\"size\":%zu},\"layers\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu},{\"mediaType\":\"%s\","
			"\"digest\":\"%s\",\"size\":%llu}]}",
			GF_TYPE_MANIFEST, GF_TYPE_CONFIG, hex_of(config_a, strlen(config_a)), strlen(config_a), type,
			l1, (unsigned long long)m->blobs[first].size, type, l2,
			(unsigned long long)m->blobs[first + 1].size));
		gf_buf_clear(&text_of);
	}
	assert_int_equal(m->blobs[first].kind, GF_KIND_LAYER);
	check_layer(&b, &m->blobs[first], &base, gzip);
	check_layer(&b, &m->blobs[first + 1], &top, gzip);
	check_layer(&b, &m->blobs[first + 2], &other, gzip);
	bundle_close(&b);
}

static void docker_archive(void **state)
{
	gf_pack_options o = options_of("two.gf.tar", two, 1);
	gf_pack_result r;
	noted notes = { .n = 0 };
	struct stat st;

	(void)state;
	pack_ok(&o, &notes, &r);
	assert_true(was_noted(&notes, "not signed"));
	assert_int_equal(stat("two.gf.tar", &st), 0);
	assert_int_equal(st.st_size, r.size);
	assert_string_equal(r.manifest->compressor, gf_gzip_name());
	assert_string_equal(r.manifest->images[0].source, "docker-archive");
	gf_pack_result_clear(&r);
	check_two("two.gf.tar", true);
	o.layers = GF_LAYERS_NONE;
	pack_ok(&o, NULL, &r);
	assert_string_equal(r.manifest->compressor, "none");
	gf_pack_result_clear(&r);
	check_two("two.gf.tar", false);
}

static void pack_as(const char *out, const char *source, gf_layers layers, unsigned jobs)
{
	gf_pack_options o = options_of(out, &source, 1);
	gf_pack_result r;

	o.layers = layers;
	o.jobs = jobs;
	pack_ok(&o, NULL, &r);
	gf_pack_result_clear(&r);
}

/* source on stdin, through a pipe. */
static void pack_piped(const char *out, const char *file, const char *source, gf_layers layers)
{
	int fd[2], saved = dup(0), status;
	pid_t child;

	assert_int_equal(pipe(fd), 0);
	child = fork();
	if (child == 0) {
		gf_buf b;
		gf_error err;
		close(fd[0]);
		gf_buf_init(&b, 64 * GF_MIB);
		_exit(gf_file_load(file, b.max, GF_FAILED, &b, &err) && gf_write_all(fd[1], b.data, b.len, "pipe", &err)
			? 0
			: 1);
	}
	close(fd[1]);
	dup2(fd[0], 0);
	close(fd[0]);
	pack_as(out, source, layers, 0);
	dup2(saved, 0);
	close(saved);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* One image, one bundle: whatever the number of threads, the order of members, and the way it came. */
static void repeatable(void **state)
{
	(void)state;
	save_two("linked-last.tar", false, false);
	save_two("two.tar.gz", true, true);
	for (int i = 0; i < 3; i++) {
		gf_layers layers = (gf_layers[]){ GF_LAYERS_GZIP, GF_LAYERS_ZSTD, GF_LAYERS_NONE }[i];
		pack_as("one.out", "two.tar", layers, 1);
		pack_as("x.out", "docker-archive:two.tar", layers, 2);
		assert_same_files("one.out", "x.out");
		pack_as("x.out", "two.tar", layers, 7);
		assert_same_files("one.out", "x.out");
		pack_as("x.out", "linked-last.tar", layers, 2);
		assert_same_files("one.out", "x.out");
		pack_as("x.out", "two.tar.gz", layers, 2);
		assert_same_files("one.out", "x.out");
		pack_piped("x.out", "two.tar", "docker-archive:-", layers);
		assert_same_files("one.out", "x.out");
		pack_piped("x.out", "two.tar.gz", "-", layers);
		assert_same_files("one.out", "x.out");
	}
}

static void choosing(void **state)
{
	static const char *sources[] = { "docker-archive:two.tar:redis:7", "docker-archive:two.tar:@1",
		"docker-archive:two.tar:docker.io/library/redis:7" };
	static const char *none[] = { "docker-archive:two.tar:redis:8" }, *place[] = { "docker-archive:two.tar:@2" };
	gf_pack_options o;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		gf_pack_result r;
		o = options_of("one.out", &sources[i], 1);
		pack_ok(&o, NULL, &r);
		assert_int_equal(r.manifest->n_images, 1);
		assert_string_equal(r.manifest->images[0].names[0], "docker.io/library/redis:7");
		gf_pack_result_clear(&r);
	}
	o = options_of("no.out", none, 1);
	pack_fails(&o, GF_USAGE, "no-image");
	o = options_of("no.out", place, 1);
	pack_fails(&o, GF_USAGE, "no-image");
}

/* One image with the layers given, its manifest.json as printed. */
static void save_one(const char *path, const char *config, const char *manifest, const layer *layers, size_t n)
{
	tar *t = tar_new(path, false);

	for (size_t i = 0; i < n; i++)
		tar_file(t, text("l%zu.tar", i), layers[i].bytes, layers[i].n);
	tar_text(t, config_name(config), config);
	tar_text(t, "manifest.json", manifest);
	tar_close(t);
}

static void names(void **state)
{
	static const char *sources[] = { "null.tar" }, *given[] = { "acme/app:2", "one/more:1" };
	gf_pack_options o = options_of("null.out", sources, 1);
	gf_pack_result r;
	layer ls[2] = { base, top };

	(void)state;
	save_one("null.tar", config_a, text("[%s]", saved_entry(config_a, "null", "\"l0.tar\",\"l1.tar\"")), ls, 2);
	pack_fails(&o, GF_USAGE, "no-name");
	o.names = given;
	o.n_names = 2;
	pack_fails(&o, GF_USAGE, "no-name");
	o.n_names = 1;
	pack_ok(&o, NULL, &r);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/acme/app:2");
	gf_pack_result_clear(&r);
}

static void broken(const char *what, const char *name, const char *manifest, const layer *layers, size_t n)
{
	static const char *sources[] = { "broken.tar" };
	gf_pack_options o = options_of("broken.out", sources, 1);

	(void)what;
	save_one("broken.tar", config_a, manifest, layers, n);
	for (unsigned i = 0; i < 2; i++) {
		o.layers = i == 0 ? GF_LAYERS_GZIP : GF_LAYERS_NONE;
		pack_fails(&o, GF_DAMAGED, name);
	}
}

static void bad_archives(void **state)
{
	const char *both = "\"l0.tar\",\"l1.tar\"", *tag = "[\"a:1\"]";
	layer good[2] = { base, top }, wrong[2] = { base, other };
	tar *t;

	(void)state;
	broken("another layer", "diff-id", text("[%s]", saved_entry(config_a, tag, both)), wrong, 2);
	broken("a layer is gone", "layer-missing", text("[%s]", saved_entry(config_a, tag, both)), good, 1);
	broken("fewer", "layer-count", text("[%s]", saved_entry(config_a, tag, "\"l0.tar\"")), good, 2);
	broken("no config", "config-missing", text("[%s]", saved_entry(config_b, tag, both)), good, 2);
	broken("empty", "archive-empty", "[]", good, 2);
	broken("null", "archive-empty", "null", good, 2);
	broken("behind it", "json", text("[%s]x", saved_entry(config_a, tag, both)), good, 2);
	broken("upper case", "reference", text("[%s]", saved_entry(config_a, "[\"Acme/App:1\"]", both)), good, 2);
	broken(
	    "outside", "archive-path", text("[%s]", saved_entry(config_a, tag, "\"../l0.tar\",\"l1.tar\"")), good, 2);
	t = tar_new("twice.tar", false);
	tar_text(t, "manifest.json", "[]");
	tar_text(t, "manifest.json", "[]");
	tar_close(t);
	{
		static const char *sources[] = { "twice.tar" }, *gone[] = { "docker-archive:gone.tar" },
				  *unknown[] = { "plain.tar" }, *inside[] = { "inside.tar" },
				  *dir_transport[] = { "dir:/x" }, *remote[] = { "containers-storage:a/b" };
		gf_pack_options o = options_of("broken.out", sources, 1);
		pack_fails(&o, GF_DAMAGED, "archive-duplicate");
		o.sources = sources_of(gone, sizeof gone / sizeof *gone);
		pack_fails(&o, GF_USAGE, "open");
		t = tar_new("plain.tar", false);
		tar_text(t, "x", "x");
		tar_close(t);
		o.sources = sources_of(unknown, sizeof unknown / sizeof *unknown);
		pack_fails(&o, GF_DAMAGED, "archive-format");
		t = tar_new("inside.tar", false);
		tar_text(t, "save/manifest.json", "[]");
		tar_text(t, "save/x", "x");
		tar_close(t);
		o.sources = sources_of(inside, sizeof inside / sizeof *inside);
		pack_fails(&o, GF_DAMAGED, "archive-format");
		o.sources = sources_of(dir_transport, sizeof dir_transport / sizeof *dir_transport);
		pack_fails(&o, GF_USAGE, "transport");
		o.sources = sources_of(remote, sizeof remote / sizeof *remote);
		pack_fails(&o, GF_USAGE, "transport");
		o.n_sources = 0;
		pack_fails(&o, GF_USAGE, "no-source");
	}
}

/* No document says how a layer is packed: its first bytes do, and the rest must be it. */
static void foreign_layers(void **state)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *name;
	} bad[] = { { "\x28\xb5\x2f\xfd\x20\0\x01\0\0", 9, "zstd" }, { "\xfd\x37\x7a\x58\x5a\0", 6, "xz" },
		{ "BZh91", 5, "bzip2" }, { "\x04\x22\x4d\x18", 4, "layer-compression" } };
	const char *list = text("[%s]", saved_entry(config_a, "[\"a:1\"]", "\"l0.tar\",\"l1.tar\""));

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		layer odd[2] = { base, layer_new(5, 900) };
		memcpy(odd[1].bytes, bad[i].magic, bad[i].n);
		broken(text("magic %zu", i), bad[i].name, list, odd, 2);
	}
}

/* Keys in any case, as every Go program reads them. */
static void any_case(void **state)
{
	static const char *sources[] = { "case.tar" };
	gf_pack_options o = options_of("case.out", sources, 1);
	gf_pack_result r;
	layer good[2] = { base, top };

	(void)state;
	save_one("case.tar", config_a,
	    text("[{\"config\":\"%s\",\"repoTags\":[\"a:1\"],\"layers\":[\"./l0.tar\",\"l1.tar\"]}]",
		config_name(config_a)),
	    good, 2);
	pack_ok(&o, NULL, &r);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/library/a:1");
	gf_pack_result_clear(&r);
}

/*
 * A base that two archives share is read once: in the second its bytes are garbage, which nobody notices.  The
 * same archive alone is refused.
 */
static void shared_base_is_read_once(void **state)
{
	static const char *sources[] = { "first.tar", "second.tar" }, *alone[] = { "second.tar" };
	layer first[2] = { base, top }, second[2] = { layer_new(9, 100), other };
	gf_pack_options o = options_of("shared.out", sources, 2);
	gf_pack_result r;

	(void)state;
	save_one(
	    "first.tar", config_a, text("[%s]", saved_entry(config_a, "[\"a:1\"]", "\"l0.tar\",\"l1.tar\"")), first, 2);
	save_one("second.tar", config_b, text("[%s]", saved_entry(config_b, "[\"b:1\"]", "\"l0.tar\",\"l1.tar\"")),
	    second, 2);
	for (unsigned i = 0; i < 2; i++) {
		opened b;
		o.layers = i == 0 ? GF_LAYERS_GZIP : GF_LAYERS_NONE;
		pack_ok(&o, NULL, &r);
		gf_pack_result_clear(&r);
		b = bundle_open("shared.out");
		assert_int_equal(b.manifest->n_images, 2);
		assert_int_equal(b.manifest->n_blobs, 4 + 3);
		bundle_close(&b);
	}
	assert_int_equal(unlink("shared.out"), 0);
	o.sources = sources_of(alone, sizeof alone / sizeof *alone);
	o.n_sources = 1;
	pack_fails(&o, GF_DAMAGED, "diff-id");
}

static void one_image_twice(void **state)
{
	static const char *sources[] = { "first.tar", "again.tar" }, *clash[] = { "first.tar", "clash.tar" };
	layer a[2] = { base, top }, b[2] = { base, other };
	gf_pack_options o = options_of("merged.out", sources, 2);
	gf_pack_result r;

	(void)state;
	save_one("again.tar", config_a,
	    text("[%s]", saved_entry(config_a, "[\"z:1\",\"a:1\"]", "\"l0.tar\",\"l1.tar\"")), a, 2);
	save_one(
	    "clash.tar", config_b, text("[%s]", saved_entry(config_b, "[\"a:1\"]", "\"l0.tar\",\"l1.tar\"")), b, 2);
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->n_images, 1);
	assert_int_equal(r.manifest->images[0].n_names, 2);
	gf_pack_result_clear(&r);
	o = options_of("clash.out", clash, 2);
	pack_fails(&o, GF_USAGE, "name-twice");
}

/* Names given to a source stand instead of those its images have: all for one image, one each for several. */
static void names_of_a_source(void **state)
{
	static const char *given[] = { "acme/app:2", "acme/app:stable", "three:1" };
	gf_pack_source source = { .text = "again.tar", .names = given, .n_names = 3 };
	gf_pack_options o = options_of("given.out", NULL, 0);
	gf_pack_result r;

	(void)state;
	o.sources = &source;
	o.n_sources = 1;
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->images[0].n_names, 3);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/acme/app:2");
	assert_string_equal(r.manifest->images[0].names[2], "docker.io/library/three:1");
	gf_pack_result_clear(&r);
	source.text = "two.tar";
	o.output = "no.out";
	pack_fails(&o, GF_USAGE, "name-count");
	source.n_names = 2;
	o.output = "given.out";
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->n_images, 2);
	assert_int_equal(r.manifest->images[1].n_names, 1);
	assert_string_equal(r.manifest->images[1].names[0], "docker.io/acme/app:stable");
	gf_pack_result_clear(&r);
	given[0] = "acme/UPPER";
	o.output = "no.out";
	pack_fails(&o, GF_USAGE, "reference");
}

/* crane and podman write layers that are gzip already: kept, and looked into. */
static void gzip_layers_are_kept(void **state)
{
	static const char *sources[] = { "crane.tar" };
	layer gz[2] = { layer_gzip(&base), layer_gzip(&top) }, wrong[2] = { gz[0], gz[0] }, torn[2] = { gz[0], gz[1] };
	gf_pack_options o = options_of("crane.out", sources, 1);
	const char *manifest = text("[%s]", saved_entry(config_a, "[\"a:1\"]", "\"l0.tar\",\"l1.tar\""));
	gf_pack_result r;
	opened b;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		save_one("crane.tar", config_a, manifest, gz, 2);
		o.layers = i == 0 ? GF_LAYERS_GZIP : GF_LAYERS_NONE;
		pack_ok(&o, NULL, &r);
		gf_pack_result_clear(&r);
		b = bundle_open("crane.out");
		assert_int_equal(b.manifest->n_blobs, 4);
		assert_true(gf_digest_equal(&b.manifest->blobs[2].digest, &gz[0].digest));
		check_layer(&b, &b.manifest->blobs[2], &base, true);
		check_layer(&b, &b.manifest->blobs[3], &top, true);
		bundle_close(&b);
		pack_piped("x.out", "crane.tar", "-", o.layers);
		assert_same_files("crane.out", "x.out");
	}
	assert_int_equal(unlink("crane.out"), 0);
	save_one("crane.tar", config_a, manifest, wrong, 2);
	pack_fails(&o, GF_DAMAGED, "diff-id");
	torn[1].bytes = keep(gz[1].n);
	memcpy(torn[1].bytes, gz[1].bytes, gz[1].n);
	torn[1].bytes[gz[1].n / 2] ^= 1;
	save_one("crane.tar", config_a, manifest, torn, 2);
	pack_fails(&o, GF_DAMAGED, "gzip");
}

static layer layer_packed(const layer *raw, gf_codec codec)
{
	size_t cap = raw->n + raw->n / 10 + 4096, n = 0;
	layer l = { .bytes = keep(cap) };
	unsigned bz = (unsigned)cap;
	gf_error err;

	if (codec == GF_CODEC_ZSTD) {
		n = ZSTD_compress(l.bytes, cap, raw->bytes, raw->n, 3);
		assert_false(ZSTD_isError(n));
	} else if (codec == GF_CODEC_XZ) {
		assert_int_equal(
		    lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, raw->bytes, raw->n, l.bytes, &n, cap), LZMA_OK);
	} else {
		assert_int_equal(
		    BZ2_bzBuffToBuffCompress((char *)l.bytes, &bz, (char *)raw->bytes, (unsigned)raw->n, 1, 0, 0),
		    BZ_OK);
		n = bz;
	}
	l.n = n;
	assert_true(gf_hash_bytes(l.bytes, l.n, &l.digest, &err));
	gf_digest_hex(&l.digest, l.hex);
	return l;
}

/* xz and bzip2 are inflated: the bundle is the one that the raw layers give. */
static void other_layers_are_inflated(void **state)
{
	static const char *raw[] = { "raw.tar" }, *packed[] = { "packed.tar" };
	layer good[2] = { base, top };
	layer in[2] = { layer_packed(&base, GF_CODEC_XZ), layer_packed(&top, GF_CODEC_BZIP2) },
	      wrong[2] = { in[0], in[0] };
	gf_pack_options o = options_of("raw.out", raw, 1);
	const char *manifest = text("[%s]", saved_entry(config_a, "[\"a:1\"]", "\"l0.tar\",\"l1.tar\""));
	gf_pack_result r;

	(void)state;
	save_one("raw.tar", config_a, manifest, good, 2);
	save_one("packed.tar", config_a, manifest, in, 2);
	for (unsigned i = 0; i < 2; i++) {
		o.layers = i == 0 ? GF_LAYERS_GZIP : GF_LAYERS_NONE;
		o.output = "raw.out";
		o.sources = sources_of(raw, 1);
		pack_ok(&o, NULL, &r);
		gf_pack_result_clear(&r);
		o.output = "packed.out";
		o.sources = sources_of(packed, 1);
		pack_ok(&o, NULL, &r);
		gf_pack_result_clear(&r);
		assert_same_files("raw.out", "packed.out");
		pack_piped("x.out", "packed.tar", "-", o.layers);
		assert_same_files("raw.out", "x.out");
	}
	broken("another layer", "diff-id", manifest, wrong, 2);
}

/* zstd crosses as it is, under its own media type. */
static void zstd_layers_are_kept(void **state)
{
	static const char *sources[] = { "zstd.tar" };
	layer in[2] = { layer_packed(&base, GF_CODEC_ZSTD), layer_packed(&top, GF_CODEC_ZSTD) },
	      wrong[2] = { in[0], in[0] };
	gf_pack_options o = options_of("zstd.out", sources, 1);
	const char *manifest = text("[%s]", saved_entry(config_a, "[\"a:1\"]", "\"l0.tar\",\"l1.tar\""));
	gf_pack_result r;
	opened b;

	(void)state;
	save_one("zstd.tar", config_a, manifest, in, 2);
	for (unsigned i = 0; i < 2; i++) {
		o.layers = i == 0 ? GF_LAYERS_GZIP : GF_LAYERS_NONE;
		pack_ok(&o, NULL, &r);
		gf_pack_result_clear(&r);
		b = bundle_open("zstd.out");
		assert_int_equal(b.manifest->n_blobs, 4);
		for (size_t k = 0; k < 2; k++) {
			const gf_blob *blob = &b.manifest->blobs[2 + k];
			assert_true(gf_digest_equal(&blob->digest, &in[k].digest));
			assert_true(blob->raw_size == (k == 0 ? base.n : top.n));
		}
		bundle_close(&b);
		pack_piped("x.out", "zstd.tar", "-", o.layers);
		assert_same_files("zstd.out", "x.out");
	}
	broken("another layer", "diff-id", manifest, wrong, 2);
}

/* Raw layers become zstd: said by the manifest that is made and by the packer, and the text of both is the layer. */
static void layers_become_zstd(void **state)
{
	static const char *source[] = { "two.tar" };
	gf_pack_options o = options_of("become.out", source, 1);
	gf_pack_result r;
	opened b;
	size_t layers = 0;
	gf_buf bytes;

	(void)state;
	o.layers = GF_LAYERS_ZSTD;
	pack_ok(&o, NULL, &r);
	assert_string_equal(r.manifest->compressor, gf_zstd_name());
	gf_pack_result_clear(&r);
	b = bundle_open("become.out");
	bundle_blob(&b, &b.manifest->images[0].digest, &bytes);
	assert_non_null(strstr(gf_buf_text(&bytes), GF_TYPE_LAYER_ZSTD));
	gf_buf_clear(&bytes);
	for (size_t i = 0; i < b.manifest->n_blobs; i++) {
		const gf_blob *blob = &b.manifest->blobs[i];
		unsigned char *text_of;
		gf_digest d;
		gf_error err;
		if (blob->kind != GF_KIND_LAYER)
			continue;
		bundle_blob(&b, &blob->digest, &bytes);
		text_of = keep(blob->raw_size);
		assert_int_equal(ZSTD_decompress(text_of, blob->raw_size, bytes.data, bytes.len), blob->raw_size);
		assert_true(gf_hash_bytes(text_of, blob->raw_size, &d, &err));
		layers += gf_digest_equal(&d, &base.digest) || gf_digest_equal(&d, &top.digest) ||
		    gf_digest_equal(&d, &other.digest);
		assert_true(bytes.len < blob->raw_size);
		gf_buf_clear(&bytes);
	}
	assert_int_equal(layers, b.manifest->n_blobs - 4); /* two images: a manifest and a config each */
	bundle_close(&b);
}

/* ---- OCI ---- */

static char *descriptor(const char *type, const void *bytes, size_t n, const char *more)
{
	return text("{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%zu%s}", type, hex_of(bytes, n), n, more);
}

static char *blob_path(const char *hex)
{
	return text("blobs/sha256/%s", hex);
}

static void tar_blob(tar *t, const void *bytes, size_t n)
{
	tar_file(t, blob_path(hex_of(bytes, n)), bytes, n);
}

/* Indented as no program of ours writes it: bytes must survive. */
static char *oci_manifest(const char *config, const layer *layers, size_t n, const char *type)
{
	char *list = text("%s", "");

	for (size_t i = 0; i < n; i++)
		strcat(strcat(list, i > 0 ? ",\n  " : ""), descriptor(type, layers[i].bytes, layers[i].n, ""));
	return text("{\n \"schemaVersion\": 2,\n \"config\": %s,\n \"layers\": [%s]\n}\n",
	    descriptor(GF_TYPE_CONFIG, config, strlen(config), ""), list);
}

static char *index_of(const char *items)
{
	return text("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[%s]}", GF_TYPE_INDEX, items);
}

#define NAMED(n)                                                                                                       \
	",\"annotations\":{\"io.containerd.image.name\":\"" n "\",\"org.opencontainers.image.ref.name\":\"tag-of-it\"}"
#define LAYOUT "{\"imageLayoutVersion\": \"1.0.0\"}"

static void oci_layouts(void **state)
{
	static const char *sources[] = { "oci-archive:oci.tar" }, *tag[] = { "oci-archive:oci.tar:tag-of-it" },
			  *unknown[] = { "oci-archive:oci.tar:other" }, *directory[] = { "oci:layout" },
			  *bare[] = { "layout" }, *wrong[] = { "oci:oci.tar" };
	gf_pack_options o = options_of("oci.out", sources, 1);
	layer raw[2] = { base, top };
	char *m = oci_manifest(config_a, raw, 2, GF_TYPE_LAYER);
	char *index = index_of(descriptor(GF_TYPE_MANIFEST, m, strlen(m), NAMED("docker.io/acme/oci:1")));
	gf_error err;
	gf_pack_result r;
	opened b;
	gf_buf bytes;
	tar *t = tar_new("oci.tar", false);

	(void)state;
	tar_blob(t, base.bytes, base.n);
	tar_blob(t, top.bytes, top.n);
	tar_blob(t, m, strlen(m));
	tar_blob(t, config_a, strlen(config_a));
	tar_text(t, "index.json", index);
	tar_text(t, "oci-layout", LAYOUT);
	tar_close(t);
	pack_ok(&o, NULL, &r);
	gf_pack_result_clear(&r);
	b = bundle_open("oci.out");
	assert_string_equal(b.manifest->images[0].source, "oci-archive");
	assert_string_equal(b.manifest->images[0].names[0], "docker.io/acme/oci:1");
	bundle_blob(&b, &b.manifest->images[0].digest, &bytes);
	assert_string_equal(gf_buf_text(&bytes), m); /* byte for byte */
	gf_buf_clear(&bytes);
	assert_true(gf_digest_equal(&b.manifest->blobs[2].digest, &base.digest)); /* raw, and stays so */
	bundle_close(&b);
	/* Through a pipe its layers are compressed as they arrive, before it is known what they are. */
	pack_piped("x.out", "oci.tar", "oci-archive:-", GF_LAYERS_GZIP);
	assert_same_files("oci.out", "x.out");
	o = options_of("oci.out", tag, 1);
	pack_ok(&o, NULL, &r);
	gf_pack_result_clear(&r);
	o = options_of("no.out", unknown, 1);
	pack_fails(&o, GF_USAGE, "no-image");
	o = options_of("no.out", wrong, 1);
	pack_fails(&o, GF_USAGE, "transport");
	/* A directory. */
	assert_true(gf_dir_make("layout/blobs/sha256", 0700, &err));
	put(text("layout/%s", blob_path(base.hex)), base.bytes, base.n);
	put(text("layout/%s", blob_path(top.hex)), top.bytes, top.n);
	put(text("layout/%s", blob_path(hex_of(m, strlen(m)))), m, strlen(m));
	put(text("layout/%s", blob_path(hex_of(config_a, strlen(config_a)))), config_a, strlen(config_a));
	put("layout/index.json", index, strlen(index));
	put("layout/oci-layout", LAYOUT, strlen(LAYOUT));
	for (int i = 0; i < 2; i++) {
		o = options_of("dir.out", i == 0 ? directory : bare, 1);
		pack_ok(&o, NULL, &r);
		assert_string_equal(r.manifest->images[0].source, "oci");
		gf_pack_result_clear(&r);
	}
	o = options_of("no.out", directory, 1);
	put("layout/oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", 30);
	pack_fails(&o, GF_DAMAGED, "layout-version");
	put("layout/oci-layout", "{}", 2);
	pack_fails(&o, GF_DAMAGED, "missing-key");
	put("layout/oci-layout", LAYOUT, strlen(LAYOUT));
	put(text("layout/%s", blob_path(top.hex)), other.bytes, top.n);
	pack_fails(&o, GF_DAMAGED, "blob-digest");
	put(text("layout/%s", blob_path(top.hex)), top.bytes, top.n - 1);
	pack_fails(&o, GF_DAMAGED, "blob-size");
	assert_int_equal(unlink(text("layout/%s", blob_path(top.hex))), 0);
	pack_fails(&o, GF_DAMAGED, "layer-missing");
}

/* An index of amd64, arm64 and an attestation; what of arm64 is absent is said by the arguments. */
static void write_index(const char *path, bool arm_manifest, bool arm_layer, bool attestation, bool amd_layer)
{
	layer arm[1] = { other }, amd[1] = { top };
	char *config_arm = config_of("arm64", arm, 1), *config_amd = config_of("amd64", amd, 1);
	char *m_arm = oci_manifest(config_arm, arm, 1, GF_TYPE_LAYER),
	     *m_amd = oci_manifest(config_amd, amd, 1, GF_TYPE_LAYER);
	const char *statement = "{\"_type\":\"https://in-toto.io/Statement/v0.1\"}";
	layer in_toto[1] = { { .bytes = (unsigned char *)(uintptr_t)statement, .n = strlen(statement) } };
	char *config_att = config_of("unknown", NULL, 0);
	char *m_att;
	char *index;
	tar *t = tar_new(path, false);

	memcpy(in_toto[0].hex, hex_of(statement, strlen(statement)), GF_HEX_SIZE);
	config_att = config_of("unknown", in_toto, 1);
	m_att = oci_manifest(config_att, in_toto, 1, GF_TYPE_IN_TOTO);
	index = index_of(text("%s,%s,%s",
	    descriptor(
		GF_TYPE_MANIFEST, m_amd, strlen(m_amd), ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}"),
	    descriptor(GF_TYPE_MANIFEST, m_arm, strlen(m_arm),
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}"),
	    descriptor(GF_TYPE_MANIFEST, m_att, strlen(m_att),
		",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}")));
	tar_blob(t, config_amd, strlen(config_amd));
	tar_blob(t, config_arm, strlen(config_arm));
	tar_blob(t, m_amd, strlen(m_amd));
	if (amd_layer)
		tar_blob(t, top.bytes, top.n);
	if (arm_manifest)
		tar_blob(t, m_arm, strlen(m_arm));
	if (arm_layer)
		tar_blob(t, other.bytes, other.n);
	if (attestation) {
		tar_blob(t, m_att, strlen(m_att));
		tar_blob(t, config_att, strlen(config_att));
		tar_text(t, blob_path(in_toto[0].hex), statement);
	}
	tar_blob(t, index, strlen(index));
	tar_text(t, "index.json",
	    index_of(descriptor(GF_TYPE_INDEX, index, strlen(index), NAMED("docker.io/acme/multi:1"))));
	tar_text(t, "oci-layout", LAYOUT);
	tar_close(t);
}

static void indexes(void **state)
{
	static const char *sources[] = { "index.tar" };
	gf_pack_options o = options_of("index.out", sources, 1);
	gf_pack_result r;
	noted notes = { .n = 0 };

	(void)state;
	write_index("index.tar", true, true, true, true);
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->n_images, 1);
	assert_string_equal(r.manifest->images[0].media_type, GF_TYPE_INDEX);
	assert_int_equal(r.manifest->images[0].n_platforms, 2);
	assert_false(r.manifest->images[0].has_source_index);
	gf_digest index = r.manifest->images[0].digest;
	gf_pack_result_clear(&r);
	bundle_close((opened[]){ bundle_open("index.out") });
	/* arm64 without its layer, then without its manifest: the one complete child stands alone. */
	for (int i = 0; i < 2; i++) {
		write_index("index.tar", i == 0, false, true, true);
		notes.n = 0;
		pack_ok(&o, &notes, &r);
		assert_true(was_noted(&notes, "is not complete"));
		assert_int_equal(r.manifest->n_images, 1);
		assert_string_equal(r.manifest->images[0].media_type, GF_TYPE_MANIFEST);
		assert_string_equal(r.manifest->images[0].names[0], "docker.io/acme/multi:1");
		assert_true(r.manifest->images[0].has_source_index);
		assert_true(gf_digest_equal(&r.manifest->images[0].source_index, &index));
		gf_pack_result_clear(&r);
		bundle_close((opened[]){ bundle_open("index.out") });
	}
	/* The attestation is absent: both platforms, each with its own name. */
	write_index("index.tar", true, true, false, true);
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->n_images, 2);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/acme/multi:1-linux-amd64");
	assert_string_equal(r.manifest->images[1].names[0], "docker.io/acme/multi:1-linux-arm64-v8");
	gf_pack_result_clear(&r);
	assert_int_equal(unlink("index.out"), 0);
	write_index("index.tar", true, false, true, false);
	pack_fails(&o, GF_DAMAGED, "sparse");
}

/* An index whose children are written as "platform members" of their descriptors; the i-th has a config of architecture aI. */
static void write_children(const char *path, const char *const *platforms, size_t n)
{
	tar *t = tar_new(path, false);
	char *items = text("%s", ""), *index;

	for (size_t i = 0; i < n; i++) {
		layer own[1] = { layer_new(700 + (unsigned)i, 700) };
		char *config = config_of(text("a%zu", i), own, 1), *m = oci_manifest(config, own, 1, GF_TYPE_LAYER);
		tar_blob(t, own[0].bytes, own[0].n);
		tar_blob(t, config, strlen(config));
		tar_blob(t, m, strlen(m));
		strcat(strcat(items, i > 0 ? "," : ""),
		    descriptor(GF_TYPE_MANIFEST, m, strlen(m),
			platforms[i] != NULL ? text(",\"platform\":{%s}", platforms[i]) : ""));
	}
	index = index_of(items);
	tar_blob(t, index, strlen(index));
	tar_text(t, "index.json", index_of(descriptor(GF_TYPE_INDEX, index, strlen(index), NAMED("acme/many:1"))));
	tar_text(t, "oci-layout", LAYOUT);
	tar_close(t);
}

#define LINUX(arch) "\"os\":\"linux\",\"architecture\":\"" arch "\""
#define WINDOWS(version) "\"os\":\"windows\",\"architecture\":\"amd64\",\"os.version\":\"" version "\""

static void platform_is(const gf_pack_options *o, const char *asked, const char *name)
{
	gf_pack_options one = *o;
	gf_pack_result r;

	one.platforms = &asked;
	one.n_platforms = 1;
	pack_ok(&one, NULL, &r);
	assert_int_equal(r.manifest->n_images, 1);
	assert_int_equal(r.manifest->images[0].n_platforms, 1);
	assert_string_equal(r.manifest->images[0].media_type, GF_TYPE_MANIFEST);
	assert_string_equal(r.manifest->images[0].names[0], name);
	assert_true(r.manifest->images[0].has_source_index);
	gf_pack_result_clear(&r);
	bundle_close((opened[]){ bundle_open(o->output) });
	assert_int_equal(unlink(o->output), 0);
}

static void platform_fails(const gf_pack_options *o, const char *asked, const char *part)
{
	gf_pack_options one = *o;
	gf_pack_result r;
	gf_error err = { 0 };

	one.platforms = &asked;
	one.n_platforms = 1;
	assert_false(gf_pack(&one, NULL, &r, &err));
	assert_string_equal(err.name, "platform");
	assert_int_equal(err.class, GF_USAGE);
	if (strstr(err.text, part) == NULL)
		fail_msg("%s: expected '%s' in: %s", asked, part, err.text);
}

static void platforms(void **state)
{
	static const char *const children[] = { LINUX("amd64"), LINUX("arm64") ",\"variant\":\"v8\"",
		LINUX("arm") ",\"variant\":\"v6\"", LINUX("arm") ",\"variant\":\"v7\"", NULL, WINDOWS("10.0.17763.1"),
		WINDOWS("10.0.20348.2") };
	static const char *sources[] = { "many.tar" }, *index[] = { "index.tar" }, *saved[] = { "ten.tar" };
	static const char *const both[] = { "linux/arm64", "linux/amd64", "linux/arm64/v8" };
	gf_pack_options o = options_of("many.out", sources, 1);
	gf_pack_source own = { .text = "many.tar", .platforms = both, .n_platforms = 3 };
	gf_pack_result r;
	layer ls[1] = { base };
	char *config = config_of("amd64", ls, 1);
	tar *t;

	(void)state;
	write_children("many.tar", children, 7);
	platform_is(&o, "linux/amd64", "docker.io/acme/many:1");
	platform_is(&o, "linux/arm64", "docker.io/acme/many:1");
	platform_is(&o, "linux/arm", "docker.io/acme/many:1");
	platform_is(&o, "linux/arm/v6", "docker.io/acme/many:1");
	platform_is(&o, "linux/a4", "docker.io/acme/many:1"); /* its config says so */
	platform_fails(&o, "linux/s390x",
	    "it has linux/amd64, linux/arm64/v8, linux/arm/v6, linux/arm/v7, linux/a4, windows/amd64");
	platform_fails(&o, "windows/amd64", "of os.version 10.0.17763.1, sha256:");
	/* of its own in release.yaml; what is one platform under two names counts once */
	o.sources = &own;
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->n_images, 2);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/acme/many:1-linux-arm64-v8");
	assert_string_equal(r.manifest->images[1].names[0], "docker.io/acme/many:1-linux-amd64");
	gf_pack_result_clear(&r);
	own.names = (const char *const[]){ "acme/x:1", "acme/y:1" };
	own.n_names = 2;
	pack_ok(&o, NULL, &r);
	assert_string_equal(r.manifest->images[1].names[0], "docker.io/acme/y:1");
	gf_pack_result_clear(&r);
	assert_int_equal(unlink("many.out"), 0);
	/* a child that is not all there, beside one that is */
	write_index("index.tar", true, false, true, true);
	o = options_of("many.out", index, 1);
	platform_is(&o, "linux/amd64", "docker.io/acme/multi:1");
	o.platforms = &(const char *){ "linux/arm64" };
	o.n_platforms = 1;
	pack_fails(&o, GF_DAMAGED, "layer-missing");
	/* docker save */
	t = tar_new("ten.tar", false);
	tar_file(t, "l/layer.tar", base.bytes, base.n);
	tar_text(t, "c.json", config);
	tar_text(
	    t, "manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":[\"acme/one:1\"],\"Layers\":[\"l/layer.tar\"]}]");
	tar_close(t);
	o = options_of("many.out", saved, 1);
	platform_fails(&o, "linux/arm64", "'docker.io/acme/one:1' is one image, for linux/amd64");
	o.platforms = &(const char *){ "linux/amd64/v1" };
	o.n_platforms = 1;
	pack_ok(&o, NULL, &r);
	assert_false(r.manifest->images[0].has_source_index);
	gf_pack_result_clear(&r);
	assert_int_equal(unlink("many.out"), 0);
}

/* Docker 25 and later: both halves.  classic: with LayerSources, so manifest.json counts. */
static void write_hybrid(const char *path, bool classic, const char *tags, const layer *second, const char *config)
{
	layer ls[2] = { base, top };
	char *m = oci_manifest(config_a, ls, 2, GF_TYPE_LAYER);
	tar *t = tar_new(path, false);

	tar_blob(t, base.bytes, base.n);
	tar_blob(t, top.bytes, top.n);
	if (second != &top)
		tar_blob(t, second->bytes, second->n);
	tar_blob(t, config_a, strlen(config_a));
	if (config != config_a)
		tar_blob(t, config, strlen(config));
	tar_blob(t, m, strlen(m));
	tar_text(t, "index.json", index_of(descriptor(GF_TYPE_MANIFEST, m, strlen(m), NAMED("docker.io/acme/app:1"))));
	tar_text(t, "manifest.json",
	    text(
		"[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":%s,\"Layers\":[\"blobs/sha256/%s\",\"blobs/sha256/%s\"]%s}]",
		hex_of(config, strlen(config)), tags, base.hex, second->hex,
		classic ? text(",\"LayerSources\":{\"sha256:%s\":{\"mediaType\":\"%s\"}}", base.hex, GF_TYPE_LAYER)
			: ""));
	tar_text(t, "oci-layout", LAYOUT);
	tar_close(t);
}

static void hybrids(void **state)
{
	static const char *sources[] = { "hybrid.tar" }, *place[] = { "docker-archive:hybrid.tar:@0" },
			  *oci[] = { "oci-archive:hybrid.tar" };
	gf_pack_options o = options_of("hybrid.out", sources, 1);
	layer ls[2] = { base, top };
	char *m = oci_manifest(config_a, ls, 2, GF_TYPE_LAYER);
	gf_error err;
	gf_pack_result r;
	gf_digest manifest;

	(void)state;
	assert_true(gf_hash_bytes(m, strlen(m), &manifest, &err));
	/* From a containerd store: its own manifest, though the layers are raw. */
	write_hybrid("hybrid.tar", false, "[\"acme/app:1\"]", &top, config_a);
	pack_ok(&o, NULL, &r);
	assert_true(gf_digest_equal(&r.manifest->images[0].digest, &manifest));
	gf_pack_result_clear(&r);
	pack_piped("x.out", "hybrid.tar", "-", GF_LAYERS_GZIP);
	assert_same_files("hybrid.out", "x.out");
	o.sources = sources_of(place, sizeof place / sizeof *place);
	pack_ok(&o, NULL, &r);
	assert_true(gf_digest_equal(&r.manifest->images[0].digest, &manifest));
	assert_string_equal(r.manifest->images[0].source, "docker-archive");
	gf_pack_result_clear(&r);
	/* From the classic store: the manifest was made up by the save, layers are compressed. */
	write_hybrid("hybrid.tar", true, "[\"acme/app:1\"]", &top, config_a);
	o.sources = sources_of(sources, sizeof sources / sizeof *sources);
	pack_ok(&o, NULL, &r);
	assert_false(gf_digest_equal(&r.manifest->images[0].digest, &manifest));
	assert_true(r.manifest->blobs[2].raw_size == base.n);
	gf_pack_result_clear(&r);
	o.sources = sources_of(oci, sizeof oci / sizeof *oci);
	pack_ok(&o, NULL, &r);
	assert_true(gf_digest_equal(&r.manifest->images[0].digest, &manifest));
	gf_pack_result_clear(&r);
	/* Halves that disagree: layers, config, names. */
	o = options_of("no.out", sources, 1);
	write_hybrid("hybrid.tar", false, "[\"acme/app:1\"]", &other, config_a);
	pack_fails(&o, GF_DAMAGED, "hybrid");
	write_hybrid("hybrid.tar", false, "[\"acme/app:1\"]", &other, config_b);
	pack_fails(&o, GF_DAMAGED, "hybrid");
	write_hybrid("hybrid.tar", true, "[\"acme/app:1\"]", &other, config_b);
	pack_fails(&o, GF_DAMAGED, "hybrid");
	write_hybrid("hybrid.tar", false, "[\"acme/app:2\"]", &top, config_a);
	pack_fails(&o, GF_DAMAGED, "hybrid");
}

/* ---- terms ---- */

static void streams(void **state)
{
	gf_pack_options o = options_of("s1.tar", two, 1);
	gf_pack_result r;
	gf_digest first;
	noted notes = { .n = 0 };

	(void)state;
	unsetenv("GITHUB_ACTIONS");
	unsetenv("GITLAB_CI");
	o.has_sequence = true;
	o.sequence = 41;
	pack_fails(&o, GF_USAGE, "stream");
	o.stream = "shop";
	o.version = "1.4.0";
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->sequence, 41);
	assert_int_equal(r.manifest->epoch, 1);
	first = r.manifest_digest;
	gf_pack_result_clear(&r);
	/* One more than an older bundle. */
	o.output = "s2.tar";
	o.has_sequence = false;
	pack_fails(&o, GF_USAGE, "sequence");
	o.after = "s1.tar";
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->sequence, 42);
	assert_true(r.manifest->has_previous);
	assert_int_equal(r.manifest->previous_sequence, 41);
	assert_true(gf_digest_equal(&r.manifest->previous, &first));
	gf_pack_result_clear(&r);
	o.output = "s3.tar";
	o.has_sequence = true;
	o.sequence = 41;
	pack_fails(&o, GF_USAGE, "sequence");
	o.stream = "other";
	pack_fails(&o, GF_USAGE, "after");
	/* The build system counts. */
	o.stream = "shop";
	o.has_sequence = false;
	o.after = NULL;
	setenv("GITLAB_CI", "true", 1);
	setenv("CI_PIPELINE_IID", "77", 1);
	pack_ok(&o, &notes, &r);
	assert_int_equal(r.manifest->sequence, 77);
	assert_true(was_noted(&notes, "sequence 77"));
	gf_pack_result_clear(&r);
	unsetenv("CI_PIPELINE_IID");
	unsetenv("GITLAB_CI");
}

static void times(void **state)
{
	gf_pack_options o = options_of("t.out", two, 1);
	gf_pack_result r;
	noted notes = { .n = 0 };

	(void)state;
	o.created = 1000000000;
	pack_ok(&o, &notes, &r);
	assert_true(was_noted(&notes, "more than 7 days ago"));
	assert_int_equal(r.manifest->created, 1000000000);
	gf_pack_result_clear(&r);
	o.has_created = false;
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	pack_ok(&o, NULL, &r);
	assert_int_equal(r.manifest->created, 1700000000);
	gf_pack_result_clear(&r);
	unsetenv("SOURCE_DATE_EPOCH");
	assert_int_equal(unlink("t.out"), 0);
	o.has_created = true;
	o.expires = 999999999;
	pack_fails(&o, GF_USAGE, "expires");
}

/* A directory bundle has the same manifest as the tar. */
static void into_a_directory(void **state)
{
	gf_pack_options o = options_of("d.tar", two, 1);
	gf_pack_result a, b;

	(void)state;
	pack_ok(&o, NULL, &a);
	o.output = "d.dir/";
	pack_ok(&o, NULL, &b);
	assert_in_range(b.size, 1, a.size); /* no headers, no padding */
	assert_true(gf_digest_equal(&a.manifest_digest, &b.manifest_digest));
	bundle_close((opened[]){ bundle_open("d.dir") });
	gf_pack_result_clear(&a);
	gf_pack_result_clear(&b);
}

static void signed_by_keys(void **state)
{
	static const char *types[] = { "p256", "ed25519" };
	gf_signer *signers[2];
	gf_pack_options o = options_of("signed.tar", two, 1);
	gf_pack_result r;
	gf_error err = { 0 };
	gf_reader *reader;
	const gf_member *s;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		gf_secret pem = { 0 };
		gf_buf pub;
		bool plain;
		gf_buf_init(&pub, GF_KEY_FILE_MAX);
		assert_true(gf_key_generate(types[i], NULL, &pem, &pub, &err));
		put("key.pem", pem.data, pem.len);
		signers[i] = gf_signer_open("key.pem", NULL, &plain, &err);
		assert_non_null(signers[i]);
		gf_secret_clear(&pem);
		gf_buf_clear(&pub);
	}
	o.signers = signers;
	o.n_signers = 2;
	pack_ok(&o, NULL, &r);
	gf_pack_result_clear(&r);
	bundle_close((opened[]){ bundle_open("signed.tar") });
	reader = gf_reader_open("signed.tar", &err);
	s = gf_reader_signatures(reader, &n);
	assert_int_equal(n, 2);
	assert_true(strcmp(s[0].name, s[1].name) < 0);
	for (size_t i = 0; i < 2; i++) {
		const gf_buf *statement = gf_reader_statement(reader);
		bool fits = false;
		for (size_t k = 0; k < 2; k++)
			fits = fits ||
			    gf_signature_fits(gf_signer_public(signers[k]), "sig", &s[i].bytes, gf_buf_text(statement),
				statement->len);
		assert_true(fits);
	}
	gf_reader_close(reader);
	gf_signer_free(signers[1]);
	signers[1] = signers[0];
	o.output = "twice.out";
	pack_fails(&o, GF_USAGE, "key-twice");
	{
		gf_signer *many[17];
		for (size_t i = 0; i < 17; i++)
			many[i] = signers[0];
		o.signers = many;
		o.n_signers = 17;
		pack_fails(&o, GF_USAGE, "key-count");
		o.n_signers = 16; /* as many as there is room for: looked at further */
		pack_fails(&o, GF_USAGE, "key-twice");
	}
	gf_signer_free(signers[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docker_archive),
		cmocka_unit_test(repeatable),
		cmocka_unit_test(choosing),
		cmocka_unit_test(names),
		cmocka_unit_test(bad_archives),
		cmocka_unit_test(foreign_layers),
		cmocka_unit_test(any_case),
		cmocka_unit_test(shared_base_is_read_once),
		cmocka_unit_test(one_image_twice),
		cmocka_unit_test(names_of_a_source),
		cmocka_unit_test(gzip_layers_are_kept),
		cmocka_unit_test(other_layers_are_inflated),
		cmocka_unit_test(zstd_layers_are_kept),
		cmocka_unit_test(layers_become_zstd),
		cmocka_unit_test(oci_layouts),
		cmocka_unit_test(indexes),
		cmocka_unit_test(platforms),
		cmocka_unit_test(hybrids),
		cmocka_unit_test(streams),
		cmocka_unit_test(times),
		cmocka_unit_test(into_a_directory),
		cmocka_unit_test(signed_by_keys),
	};

	return cmocka_run_group_tests(tests, make, leave);
}
