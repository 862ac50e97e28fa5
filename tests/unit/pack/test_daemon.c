/* Images of a daemon that does not tell the truth, and words that are a file and an image. */
#include "tests/unit/remote/peer.h"

#include "pack/pack.h"

#define JSON(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{\"message\":\"No such image\"}"
#define RAW "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nConnection: close\r\n\r\n"
#define VERSION                                                                                                        \
	{                                                                                                              \
		"GET /version ", JSON("{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\"}"), 0, 0                         \
	}
#define INFO                                                                                                           \
	{                                                                                                              \
		"GET /v1.41/info ", JSON("{}"), 0, 0                                                                   \
	}

static peer server;
static char host[128], id[GF_DIGEST_SIZE], inspected[512];
static gf_buf archive; /* of one image, app:1 */
static gf_buf hollow;  /* as a containerd store saves app:1 of which it has two platforms of three */
static char hollow_inspected[512];
static const gf_buf *sent;

/* A row whose text is RAW is followed by the archive. */
static void serve_archive(peer *p, int fd)
{
	answer *a = table;

	serve_rows(p, fd, 1);
	while (a->request != NULL && a->text != NULL && strcmp(a->text, RAW) != 0)
		a++;
	if (a->request != NULL && a->text != NULL && a->used == 1) {
		a->used++;
		(void)send(fd, sent->data, sent->len, MSG_NOSIGNAL);
	}
}

static void add(gf_buf *tar, const char *name, const void *bytes, size_t n)
{
	static const char zeros[GF_TAR_BLOCK];
	unsigned char header[GF_TAR_BLOCK];
	gf_error err;

	gf_tar_header(name, n, 0, header);
	check_ok(gf_buf_add(tar, header, sizeof header, &err) && gf_buf_add(tar, bytes, n, &err) &&
	    gf_buf_add(tar, zeros, (size_t)gf_tar_round(n) - n, &err));
}

/* A document of the save, named by its digest; its descriptor into out. */
__attribute__((format(printf, 4, 5))) static void add_document(
    const char *type, const char *more, char out[512], const char *fmt, ...)
{
	char name[96], digest[GF_DIGEST_SIZE], body[2048];
	gf_digest d;
	gf_error err;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(body, sizeof body, fmt, ap);
	va_end(ap);
	check_ok(gf_hash_bytes(body, (size_t)n, &d, &err));
	gf_digest_text(&d, digest);
	snprintf(name, sizeof name, "blobs/sha256/%s", digest + strlen("sha256:"));
	snprintf(out, 512, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d%s}", type, digest, n, more);
	if (strstr(more, "s390x") == NULL) /* what the daemon does not have */
		add(&hollow, name, body, (size_t)n);
}

static void make_hollow(void)
{
	static const char zeros[2 * GF_TAR_BLOCK];
	static const char *const platforms[] = { "amd64", "arm64", "s390x" };
	char config[512], manifests[3][512], root[512], index[1024], digest[GF_DIGEST_SIZE];
	gf_error err;

	gf_buf_init(&hollow, GF_MIB);
	for (int i = 0; i < 3; i++) {
		char more[128];
		snprintf(more, sizeof more, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"}", platforms[i]);
		add_document(GF_TYPE_CONFIG, "", config,
		    "{\"os\":\"linux\",\"architecture\":\"%s\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		    platforms[i]);
		add_document(
		    GF_TYPE_MANIFEST, more, manifests[i], "{\"schemaVersion\":2,\"config\":%s,\"layers\":[]}", config);
	}
	add_document(GF_TYPE_INDEX,
	    ",\"annotations\":{\"io.containerd.image.name\":\"docker.io/library/app:1\",\"org.opencontainers.image.ref.name\":\"1\"}",
	    root, "{\"schemaVersion\":2,\"manifests\":[%s,%s,%s]}", manifests[0], manifests[1], manifests[2]);
	snprintf(index, sizeof index, "{\"schemaVersion\":2,\"manifests\":[%s]}", root);
	add(&hollow, "index.json", index, strlen(index));
	add(&hollow, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", 30);
	check_ok(gf_buf_add(&hollow, zeros, sizeof zeros, &err));
	snprintf(digest, sizeof digest, "%.71s", strstr(root, "sha256:"));
	snprintf(hollow_inspected, sizeof hollow_inspected, JSON("{\"Id\":\"%s\",\"RepoTags\":[\"app:1\"]}"), digest);
}

static int enter(void **state)
{
	static const char zeros[2 * GF_TAR_BLOCK],
	    list[] = "[{\"Config\":\"config.json\",\"RepoTags\":[\"app:1\"],\"Layers\":[\"layer.tar\"]}]";
	char config[512], layer[GF_DIGEST_SIZE], path[96];
	gf_digest d;
	gf_error err;

	(void)state;
	unsetenv("DOCKER_HOST");
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	gf_buf_init(&archive, GF_MIB);
	check_ok(gf_hash_bytes(zeros, sizeof zeros, &d, &err));
	gf_digest_text(&d, layer);
	snprintf(config, sizeof config,
	    "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
	    layer);
	check_ok(gf_hash_bytes(config, strlen(config), &d, &err));
	gf_digest_text(&d, id);
	snprintf(inspected, sizeof inspected, JSON("{\"Id\":\"%s\",\"RepoTags\":[\"app:1\"]}"), id);
	add(&archive, "manifest.json", list, sizeof list - 1);
	add(&archive, "config.json", config, strlen(config));
	add(&archive, "layer.tar", zeros, sizeof zeros);
	check_ok(gf_buf_add(&archive, zeros, sizeof zeros, &err));
	sent = &archive;
	make_hollow();
	snprintf(path, sizeof path, "%s/fake.sock", dir);
	snprintf(host, sizeof host, "unix://%s", path);
	start_at(&server, path, serve_archive);
	return 0;
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	stop(&server);
	gf_buf_clear(&archive);
	gf_buf_clear(&hollow);
	return chdir("/") == 0 && gf_dir_remove(dir, &err) ? 0 : -1;
}

static bool pack(const char *source, gf_pack_result *r, gf_error *err)
{
	const gf_pack_options o = { .output = "out.tar",
		.sources = &(gf_pack_source){ .text = source },
		.n_sources = 1,
		.has_created = true,
		.docker = { .host = host } };

	*err = (gf_error){ 0 };
	(void)unlink("out.tar");
	return gf_pack(&o, NULL, r, err);
}

static void refused(answer *rows, const char *source, gf_class class, const char *name)
{
	gf_pack_result r;
	gf_error err;

	table = rows;
	check_fails(pack(source, &r, &err), name);
	assert_int_equal(err.class, class);
	assert_int_not_equal(access("out.tar", F_OK), 0);
	gf_pack_result_clear(&r);
}

static void taken(answer *rows, const char *source, const char *transport)
{
	gf_pack_result r;
	gf_error err;

	table = rows;
	check_ok(pack(source, &r, &err));
	assert_int_equal(r.manifest->n_images, 1);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/library/app:1");
	assert_string_equal(r.manifest->images[0].source, transport);
	gf_pack_result_clear(&r);
}

/* The daemon has it, and saves it. */
static void an_honest_daemon(void **state)
{
	answer t[] = { VERSION, INFO, { "GET /v1.41/images/docker.io/library/app:1/json ", inspected, 0, 0 },
		{ "GET /v1.41/images/get?names=docker.io/library/app:1 ", RAW, 0, 0 }, { 0 } };

	(void)state;
	taken(t, "app:1", "docker-daemon");
	taken((answer[]){ t[0], t[1], { "GET /v1.41/images/sha256:", inspected, 0, 0 },
		  { "GET /v1.41/images/get?names=sha256:", RAW, 0, 0 }, { 0 } },
	    id, "docker-daemon");
}

static void a_daemon_that_lies(void **state)
{
	answer other[] = { VERSION, INFO, { "GET /v1.41/images/docker.io/library/other:2/json ", inspected, 0, 0 },
		{ "GET /v1.41/images/get?", RAW, 0, 0 }, { 0 } };
	answer no_id[] = { VERSION, INFO,
		{ "GET /v1.41/images/docker.io/library/app:1/json ", JSON("{\"Id\":\"sha256:xyz\"}"), 0, 0 }, { 0 } };
	answer none[] = { VERSION, INFO, { "GET /v1.41/images/json ", JSON("[]"), 0, 0 },
		{ "GET /v1.41/images/", NOT_FOUND, 0, 0 }, { 0 } };

	(void)state;
	refused(other, "docker-daemon:other:2", GF_FAILED, "docker-answer"); /* another image than was asked for */
	assert_int_equal(other[3].used, 2);
	refused(no_id, "docker-daemon:app:1", GF_FAILED, "docker-answer");
	refused(none, "docker-daemon:app:1", GF_FAILED, "docker-no-image");
}

/* Two children of a sparse index answer for the one image that was asked for, by its name or its ID. */
static void a_sparse_save(void **state)
{
	answer t[] = { VERSION, INFO, { "GET /v1.41/images/docker.io/library/app:1/json ", hollow_inspected, 0, 0 },
		{ "GET /v1.41/images/get?names=docker.io/library/app:1 ", RAW, 0, 0 }, { 0 } };
	gf_pack_result r;
	gf_error err;

	(void)state;
	sent = &hollow;
	table = t;
	check_ok(pack("docker-daemon:app:1", &r, &err));
	assert_int_equal(r.manifest->n_images, 2);
	assert_string_equal(r.manifest->images[0].names[0], "docker.io/library/app:1-linux-amd64");
	assert_string_equal(r.manifest->images[1].names[0], "docker.io/library/app:1-linux-arm64");
	assert_true(r.manifest->images[0].has_source_index && r.manifest->images[1].has_source_index);
	gf_pack_result_clear(&r);
	sent = &archive;
}

/* "app" is a file here: read as one unless the daemon knows an image of that name; "./app" is always the file. */
static void a_file_and_an_image(void **state)
{
	answer known[] = { VERSION, INFO, { "GET /v1.41/images/app/json ", inspected, 0, 0 }, { 0 } };
	answer unknown[] = { VERSION, INFO, { "GET /v1.41/images/app/json ", NOT_FOUND, 0, 0 }, { 0 } };
	gf_error err;

	(void)state;
	check_ok(gf_file_store("app", 0600, archive.data, archive.len, &err));
	refused(known, "app", GF_USAGE, "source-both");
	assert_int_equal(known[2].used, 1);
	taken(unknown, "app", "docker-archive");
	assert_int_equal(unknown[2].used, 1);
	taken(known, "./app", "docker-archive");
	taken(known, "docker-archive:app", "docker-archive");
	assert_int_equal(known[2].used, 1); /* not asked again */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_honest_daemon), cmocka_unit_test(a_daemon_that_lies),
		cmocka_unit_test(a_sparse_save), cmocka_unit_test(a_file_and_an_image) };

	return cmocka_run_group_tests(tests, enter, leave);
}
