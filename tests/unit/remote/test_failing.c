/* A registry and a daemon are asked, and an allocation or a call to the system, to libcurl or to OpenSSL fails: an error that
 * says so, or what a run without faults gives. */
#include "peer.h"

#include <sys/stat.h>

#include "tests/unit/failing.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

static char host[64], daemon_host[96];
static const char manifest[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"config\":{\"mediaType\":"
    "\"application/vnd.oci.image.config.v1+json\",\"size\":2,\"digest\":"
    "\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},\"layers\":[]}";

static int enter(void **state)
{
	char home[96];
	size_t n;

	(void)state;
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("DOCKER_CONFIG");
	unsetenv("DOCKER_CONTEXT");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(home, sizeof home, "%s/home", dir);
	setenv("HOME", home, 1);
	if (mkdir(home, 0700) != 0 || sh("cd %s && start_registry $PWD && start_dockerd $PWD", dir) != 0)
		return -1;
	n = (size_t)snprintf(host, sizeof host, "127.0.0.1:");
	load_text("registry.port", host + n, sizeof host - n);
	host[strcspn(host, "\n")] = '\0';
	snprintf(daemon_host, sizeof daemon_host, "unix://%s/docker.sock", dir);
	return 0;
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	sh("cd %s; for f in *.pid; do stop_server $f; done", dir);
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static bool put_blob(gf_registry *r, const char *bytes, size_t n, gf_error *err)
{
	gf_digest d;
	gf_output *out = gf_hash_bytes(bytes, n, &d, err) ? gf_registry_put_blob(r, "a/b", &d, n, NULL, err) : NULL;
	bool ok = out != NULL && gf_output_write(out, bytes, n, err) && gf_output_finish(out, err);

	gf_output_close(out);
	return ok;
}

static bool get_blob(gf_registry *r, const char *want, size_t n, gf_error *err)
{
	gf_digest d;
	char got[16];
	gf_input *in = gf_hash_bytes(want, n, &d, err) ? gf_registry_get_blob(r, "a/b", &d, n, err) : NULL;
	ptrdiff_t more = -1;
	bool ok;

	assert_true(n < sizeof got);
	ok = in != NULL && gf_input_read_full(in, got, n, err) && (more = gf_input_read(in, got + n, 1, err)) >= 0;
	gf_input_close(in);
	if (ok) {
		assert_int_equal(more, 0);
		assert_memory_equal(got, want, n);
	}
	return ok;
}

static bool get_manifest(gf_registry *r, gf_error *err)
{
	char type[GF_MEDIA_TYPE_SIZE];
	bool found;
	gf_buf text;
	bool ok;

	gf_buf_init(&text, GF_MIB);
	ok = gf_registry_get_manifest(r, "a/b", "1", &found, &text, type, err);
	if (ok) {
		assert_true(found);
		assert_string_equal(type, OCI_MANIFEST);
		assert_string_equal(text.data, manifest);
	}
	gf_buf_clear(&text);
	return ok;
}

/* An image there and back. */
static bool registry_job(void *ctx, gf_error *err)
{
	const gf_registry_options o = { .http = { .plain = true } };
	gf_registry *r = gf_registry_open(host, &o, err);
	gf_digest config, have, image;
	bool has = false, found = false, mounted = false, ok;

	(void)ctx;
	ok = r != NULL && gf_hash_bytes("{}", 2, &config, err) && put_blob(r, "{}", 2, err) &&
	    put_blob(r, "a layer", 7, err) && gf_registry_has_blob(r, "a/b", &config, &has, err) &&
	    gf_registry_mount_blob(r, "c/d", "a/b", &config, &mounted, err) &&
	    gf_registry_put_manifest(r, "a/b", "1", OCI_MANIFEST, manifest, strlen(manifest), err) &&
	    gf_registry_head_manifest(r, "a/b", "1", &found, &have, err) && get_manifest(r, err) &&
	    get_blob(r, "a layer", 7, err) && gf_hash_bytes(manifest, strlen(manifest), &image, err);
	gf_registry_close(r);
	faults_end();
	if (ok)
		assert_true(has && found && gf_digest_equal(&have, &image));
	return ok;
}

static void test_registry(void **state)
{
	(void)state;
	fail_all(registry_job, NULL);
}

/* What unpack asks a daemon before it loads. */
static bool docker_job(void *ctx, gf_error *err)
{
	const gf_docker_options o = { .host = daemon_host };
	gf_docker *d = gf_docker_open(&o, err);
	gf_docker_image *images = NULL, one = { .id = NULL };
	gf_docker_container container = { .id = NULL };
	bool found = true, there = true, ok;
	size_t n = 0;
	char root[256];

	(void)ctx;
	ok = d != NULL && gf_docker_root(d, root, sizeof root, err) && gf_docker_list(d, &images, &n, err) &&
	    gf_docker_inspect(d, "no/such:1", &found, &one, err) &&
	    gf_docker_container_find(d, "nobody", &there, &container, err) && gf_docker_remove(d, "no/such:1", err);
	faults_end();
	if (ok) {
		assert_int_equal(n, 0);
		assert_false(found || there);
		assert_int_equal(strncmp(root, dir, strlen(dir)), 0);
	}
	gf_docker_images_free(images, n);
	gf_docker_image_clear(&one);
	gf_docker_container_clear(&container);
	gf_docker_close(d);
	return ok;
}

static void test_docker(void **state)
{
	(void)state;
	fail_all(docker_job, NULL);
}

#define APP "example.com/app/good"

/* The image of image.tar, as a load. */
static bool load(gf_docker *d, const gf_buf *tar, gf_error *err)
{
	gf_docker_loaded loaded = { .names = NULL };
	gf_output *out = gf_docker_load(d, tar->len, &loaded, err);
	bool ok = out != NULL && gf_output_write(out, tar->data, tar->len, err) && gf_output_finish(out, err);

	gf_output_close(out);
	if (ok && loaded.n_names > 0)
		assert_string_equal(loaded.names[0], APP ":1.0");
	gf_docker_loaded_clear(&loaded);
	return ok;
}

static void check_gone(gf_error *err)
{
	gf_docker *d = gf_docker_open(&(const gf_docker_options){ .host = daemon_host }, err);

	assert_non_null(d);
	if (!gf_docker_remove(d, APP ":1.0", err) || !gf_docker_remove(d, APP ":2.0", err))
		fail_msg("%s: %s", err->name, err->text);
	gf_docker_close(d);
}

/* An image into the daemon, given a name, and out again. */
static bool image_job(void *ctx, gf_error *err)
{
	static const char *const references[] = { APP ":1.0" };
	const gf_docker_options o = { .host = daemon_host };
	gf_docker *d = gf_docker_open(&o, err);
	gf_docker_image *images = NULL, one = { .id = NULL };
	gf_input *in = NULL;
	bool found = false, ok;
	uint64_t saved = 0;
	char bytes[4096];
	ptrdiff_t got = -1;
	gf_error unused;
	size_t n = 0;

	ok = d != NULL && load(d, ctx, err) && gf_docker_inspect(d, APP ":1.0", &found, &one, err);
	ok = ok && found && gf_docker_tag(d, one.id, APP, "2.0", err) && gf_docker_list(d, &images, &n, err) &&
	    (in = gf_docker_save(d, references, 1, err)) != NULL;
	while (ok && (got = gf_input_read(in, bytes, sizeof bytes, err)) > 0)
		saved += (uint64_t)got;
	ok = ok && got == 0 && gf_docker_remove(d, APP ":2.0", err);
	faults_end();
	if (ok) {
		assert_int_equal(n, 1);
		assert_int_equal(images[0].n_names, 2);
		assert_string_equal(images[0].id, one.id);
		assert_int_equal(one.n_diff_ids, 1);
		assert_true(saved > 4096);
	}
	gf_input_close(in);
	gf_docker_images_free(images, n);
	gf_docker_image_clear(&one);
	gf_docker_close(d);
	/* For the next time. */
	check_gone(&unused);
	return ok;
}

static void test_image(void **state)
{
	char path[128];
	gf_error err;
	gf_buf tar;

	(void)state;
	assert_int_equal(
	    sh("cd %s && mkdir -p i && cd i && echo hello >f && tar --format=ustar -cf layer.tar f && "
	       "D=$(sha256sum <layer.tar | cut -c-64) && "
	       "printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\","
	       "\"diff_ids\":[\"sha256:%%s\"]}}' $D >config.json && "
	       "printf '[{\"Config\":\"config.json\",\"RepoTags\":[\"" APP ":1.0\"],\"Layers\":[\"layer.tar\"]}]' "
	       ">manifest.json && tar --format=ustar -cf ../image.tar manifest.json config.json layer.tar",
		dir),
	    0);
	snprintf(path, sizeof path, "%s/image.tar", dir);
	gf_buf_init(&tar, GF_MIB);
	check_ok(gf_file_load(path, GF_MIB, GF_FAILED, &tar, &err));
	fail_all(image_job, &tar);
	gf_buf_clear(&tar);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_registry), cmocka_unit_test(test_docker),
		cmocka_unit_test(test_image) };

	return cmocka_run_group_tests_name("failing", tests, enter, leave);
}
