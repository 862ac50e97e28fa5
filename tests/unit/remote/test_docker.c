/* docker.c against a real dockerd and a real podman, and against peers that play daemons that are not here. */
#include "peer.h"

#include <fcntl.h>
#include <sys/stat.h>

static char host[128], podman[128];

static int enter(void **state)
{
	(void)state;
	unsetenv("DOCKER_HOST");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(host, sizeof host, "unix://%s/docker.sock", dir);
	snprintf(podman, sizeof podman, "unix://%s/podman.sock", dir);
	/* good.tar; null.tar, the same without names; ids: its config and its layer. */
	return sh(
	    "set -e; D=%s; start_dockerd $D; start_podman $D;"
	    "tests/lib/busybox-image.sh $D/good.tar example.com/app/good:1.0; mkdir $D/x; tar -C $D/x -xf $D/good.tar; cd $D/x;"
	    "jq -c 'map(.RepoTags = null)' manifest.json >m; mv m manifest.json; rm repositories; tar -cf ../null.tar *;"
	    "jq -j '.[0].Config[:64]' manifest.json >../config; jq -j '.[0].Layers[0][:64]' manifest.json >../layer",
	    dir);
}

static int leave(void **state)
{
	gf_error err;

	(void)state;
	sh("stop_server %s/docker.pid; stop_server %s/podman.pid", dir, dir);
	return gf_dir_remove(dir, &err) ? 0 : -1;
}

static gf_docker *open_daemon(const char *where)
{
	gf_error err;
	gf_docker *d = gf_docker_open(&(const gf_docker_options){ .host = where }, &err);

	if (d == NULL)
		fail_msg("%s: %s", err.name, err.text);
	return d;
}

/* A file of the directory into a load; more: so many zero bytes behind it. */
static bool load(gf_docker *d, const char *name, bool chunked, size_t step, gf_docker_loaded *l, gf_error *err)
{
	char path[256];
	struct stat st;
	gf_output *out;
	char *buf = malloc(step);
	FILE *f;
	size_t n;
	bool ok;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL || buf == NULL || fstat(fileno(f), &st) != 0)
		fail_msg("%s", path);
	out = gf_docker_load(d, chunked ? UINT64_MAX : (uint64_t)st.st_size, l, err);
	ok = out != NULL;
	while (ok && (n = fread(buf, 1, step, f)) > 0)
		ok = gf_output_write(out, buf, n, err);
	ok = ok && gf_output_finish(out, err);
	gf_output_close(out);
	fclose(f);
	free(buf);
	return ok;
}

static void ids(char *config, char *layer)
{
	char hex[80];

	load_text("config", hex, sizeof hex);
	snprintf(config, GF_DIGEST_SIZE, "sha256:%.64s", hex);
	load_text("layer", hex, sizeof hex);
	snprintf(layer, GF_DIGEST_SIZE, "sha256:%.64s", hex);
}

static void check_image(gf_docker *d, const char *reference, const char *name, unsigned names)
{
	char config[GF_DIGEST_SIZE], layer[GF_DIGEST_SIZE], text[GF_DIGEST_SIZE];
	gf_docker_image image;
	gf_error err;
	bool found, named = name == NULL;

	ids(config, layer);
	check_ok(gf_docker_inspect(d, reference, &found, &image, &err));
	assert_true(found);
	assert_string_equal(image.id, config);
	assert_int_equal(image.n_diff_ids, 1);
	gf_digest_text(&image.diff_ids[0], text);
	assert_string_equal(text, layer);
	assert_int_equal(image.n_names, names);
	for (size_t i = 0; i < image.n_names; i++)
		named = named || strcmp(image.names[i], name) == 0;
	assert_true(named);
	assert_true(has_text(image.platform, "linux/"));
	gf_docker_image_clear(&image);
}

static bool is_there(gf_docker *d, const char *reference)
{
	gf_docker_image image;
	gf_error err;
	bool found;

	check_ok(gf_docker_inspect(d, reference, &found, &image, &err));
	gf_docker_image_clear(&image);
	return found;
}

/* ---- dockerd ---- */

static void a_daemon_says_what_it_is(void **state)
{
	gf_docker *d = open_daemon(host);
	const gf_docker_about *a = gf_docker_is(d);
	char root[128], said[256];
	gf_error err;

	(void)state;
	assert_int_equal(a->store, GF_STORE_CLASSIC);
	assert_true(gf_starts_with(a->api, "1.") && has_text(a->version, "."));
	assert_true(gf_starts_with(a->platform, "linux/"));
	snprintf(root, sizeof root, "%s/docker", dir);
	check_ok(gf_docker_root(d, said, sizeof said, &err));
	assert_string_equal(said, root);
	assert_string_equal(gf_docker_host(d), host);
	gf_docker_close(d);
	setenv("DOCKER_HOST", host, 1);
	d = open_daemon(NULL);
	assert_string_equal(gf_docker_host(d), host);
	gf_docker_close(d);
	unsetenv("DOCKER_HOST");
}

static void an_image_is_loaded_tagged_listed_and_removed(void **state)
{
	char config[GF_DIGEST_SIZE], layer[GF_DIGEST_SIZE];
	gf_docker *d = open_daemon(host);
	gf_docker_loaded l;
	gf_docker_image *list;
	gf_error err;
	size_t n;

	(void)state;
	ids(config, layer);
	for (int chunked = 0; chunked < 2; chunked++) {
		check_ok(load(d, "good.tar", chunked == 1, 100000, &l, &err));
		assert_int_equal(l.n_names, 1);
		assert_int_equal(l.n_ids, 0);
		assert_string_equal(l.names[0], "example.com/app/good:1.0");
		gf_docker_loaded_clear(&l);
	}
	check_image(d, "example.com/app/good:1.0", "example.com/app/good:1.0", 1);
	check_ok(gf_docker_tag(d, config, "registry.example:5000/other/name", "2.0-b", &err));
	check_image(d, "registry.example:5000/other/name:2.0-b", "registry.example:5000/other/name:2.0-b", 2);
	check_image(d, config, "example.com/app/good:1.0", 2);
	check_ok(gf_docker_list(d, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].id, config);
	assert_int_equal(list[0].n_names, 2);
	gf_docker_images_free(list, n);
	check_fails(
	    gf_docker_tag(d, "sha256:0000000000000000000000000000000000000000000000000000000000000000", "a", "b", &err),
	    "docker-tag");
	check_fails(gf_docker_tag(d, config, "Upper", "b", &err), "docker-tag");
	/* Named twice, it cannot be removed by its ID. */
	check_fails(gf_docker_remove(d, config, &err), "docker-remove");
	check_ok(gf_docker_remove(d, "example.com/app/good:1.0", &err));
	check_image(d, config, "registry.example:5000/other/name:2.0-b", 1);
	check_ok(gf_docker_remove(d, "registry.example:5000/other/name:2.0-b", &err));
	assert_false(is_there(d, config));
	check_ok(gf_docker_remove(d, config, &err));
	check_ok(gf_docker_list(d, &list, &n, &err));
	assert_int_equal(n, 0);
	gf_docker_images_free(list, n);
	gf_docker_close(d);
}

static void an_image_without_name_is_reported_by_id(void **state)
{
	char config[GF_DIGEST_SIZE], layer[GF_DIGEST_SIZE];
	gf_docker *d = open_daemon(host);
	gf_docker_loaded l;
	gf_docker_image *list;
	gf_error err;
	size_t n;

	(void)state;
	ids(config, layer);
	check_ok(load(d, "null.tar", true, 65536, &l, &err));
	assert_int_equal(l.n_ids, 1);
	assert_int_equal(l.n_names, 0);
	assert_string_equal(l.ids[0], config);
	gf_docker_loaded_clear(&l);
	check_image(d, config, NULL, 0);
	check_ok(gf_docker_list(d, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].n_names, 0);
	gf_docker_images_free(list, n);
	check_ok(gf_docker_remove(d, config, &err));
	assert_false(is_there(d, config));
	gf_docker_close(d);
}

static void errors_inside_a_200_are_errors(void **state)
{
	gf_docker *d = open_daemon(host);
	gf_docker_loaded l;
	gf_docker_image *list;
	gf_error err;
	size_t n;

	(void)state;
	assert_int_equal(
	    sh("cd %s && head -c 200000 good.tar >cut.tar && head -c 300000000 /dev/zero | tr '\\0' x >text.tar;"
	       "cd x && jq -c 'map(.Layers = [\"none.tar\"])' manifest.json >m && mkdir ../y && cp *.json ../y && "
	       "mv m ../y/manifest.json && cd ../y && tar -cf ../lost.tar *",
		dir),
	    0);
	check_fails(load(d, "cut.tar", true, 65536, &l, &err), "docker-load");
	assert_true(has_text(err.text, "unexpected EOF"));
	gf_docker_loaded_clear(&l);
	check_fails(load(d, "lost.tar", false, 65536, &l, &err), "docker-load");
	assert_true(has_text(err.text, "none.tar"));
	gf_docker_loaded_clear(&l);
	/* Refused long before the end: whether the daemon reads on or hangs up, its reason is what is told. */
	for (int i = 0; i < 4; i++) {
		check_fails(load(d, "text.tar", i % 2 == 0, 262144, &l, &err), "docker-load");
		assert_true(has_text(err.text, "invalid tar header"));
		gf_docker_loaded_clear(&l);
	}
	check_ok(gf_docker_list(d, &list, &n, &err));
	assert_int_equal(n, 0);
	gf_docker_images_free(list, n);
	gf_docker_close(d);
}

static void a_load_given_up_leaves_nothing(void **state)
{
	gf_docker *d = open_daemon(host);
	gf_docker_loaded l;
	gf_docker_image *list;
	gf_output *out;
	gf_error err;
	gf_buf b;
	char path[256];
	size_t n;

	(void)state;
	snprintf(path, sizeof path, "%s/good.tar", dir);
	gf_buf_init(&b, 64 * GF_MIB);
	check_ok(gf_file_load(path, b.max, GF_FAILED, &b, &err));
	out = gf_docker_load(d, UINT64_MAX, &l, &err);
	assert_non_null(out);
	check_ok(gf_output_write(out, b.data, b.len - 10000, &err));
	gf_output_close(out);
	check_ok(gf_docker_list(d, &list, &n, &err));
	assert_int_equal(n, 0);
	gf_docker_images_free(list, n);
	gf_docker_loaded_clear(&l);
	gf_buf_clear(&b);
	gf_docker_close(d);
}

static void what_is_saved_loads_again(void **state)
{
	static const char *const names[] = { "example.com/app/good:1.0" };
	static const char *const lacking[] = { "example.com/app/good:1.0", "team/app:1.2" };
	char config[GF_DIGEST_SIZE], layer[GF_DIGEST_SIZE], path[256];
	gf_docker *d = open_daemon(host);
	gf_docker_loaded l;
	gf_output *out;
	gf_input *in;
	gf_error err;
	int fd;

	(void)state;
	ids(config, layer);
	check_ok(load(d, "good.tar", true, 65536, &l, &err));
	gf_docker_loaded_clear(&l);
	snprintf(path, sizeof path, "%s/saved.tar", dir);
	fd = creat(path, 0600);
	out = gf_output_fd(fd, path, &err);
	in = gf_docker_save(d, names, 1, &err);
	if (in == NULL)
		fail_msg("%s", err.text);
	check_ok(gf_copy(in, out, &err) && gf_output_finish(out, &err));
	gf_input_close(in);
	gf_output_close(out);
	close(fd);
	assert_null(gf_docker_save(d, lacking, 2, &err));
	assert_string_equal(err.name, "docker-no-image");
	assert_string_equal(err.object, "team/app:1.2");
	check_ok(gf_docker_remove(d, names[0], &err));
	assert_false(is_there(d, config));
	check_ok(load(d, "saved.tar", false, 65536, &l, &err));
	gf_docker_loaded_clear(&l);
	check_image(d, names[0], names[0], 1);
	check_ok(gf_docker_remove(d, names[0], &err));
	gf_docker_close(d);
}

static void no_daemon_is_explained(void **state)
{
	char text[256];
	gf_error err;
	int fd;

	(void)state;
	snprintf(text, sizeof text, "unix://%s/nothing.sock", dir);
	assert_null(gf_docker_open(&(const gf_docker_options){ .host = text }, &err));
	assert_string_equal(err.name, "docker-connect");
	assert_true(has_text(err.text, "no such socket") && has_text(err.text, "-H"));
	snprintf(text, sizeof text, "%s/file.sock", dir);
	fd = creat(text, 0600);
	close(fd);
	snprintf(text, sizeof text, "unix://%s/file.sock", dir);
	assert_null(gf_docker_open(&(const gf_docker_options){ .host = text }, &err));
	assert_string_equal(err.name, "docker-connect");
	assert_null(gf_docker_open(&(const gf_docker_options){ .host = "tcp://127.0.0.1:1" }, &err));
	assert_string_equal(err.name, "docker-connect");
	assert_null(gf_docker_open(&(const gf_docker_options){ .host = "ssh://me@build.example" }, &err));
	assert_string_equal(err.name, "docker-host");
	assert_int_equal(err.class, GF_USAGE);
	assert_true(has_text(err.text, "ssh -nNT -L") && has_text(err.text, "me@build.example"));
	assert_null(gf_docker_open(&(const gf_docker_options){ .host = "/var/run/docker.sock" }, &err));
	assert_string_equal(err.name, "docker-host");
}

/* ---- podman ---- */

static void podman_is_understood(void **state)
{
	static const char *const lacking[] = { "team/app:1.2" };
	char config[GF_DIGEST_SIZE], layer[GF_DIGEST_SIZE];
	gf_docker *d = open_daemon(podman);
	gf_docker_loaded l;
	gf_error err;

	(void)state;
	ids(config, layer);
	assert_int_equal(gf_docker_is(d)->store, GF_STORE_PODMAN);
	check_ok(load(d, "good.tar", true, 65536, &l, &err));
	assert_int_equal(l.n_names, 1);
	assert_string_equal(l.names[0], "example.com/app/good:1.0");
	gf_docker_loaded_clear(&l);
	check_image(d, "example.com/app/good:1.0", "example.com/app/good:1.0", 1);
	/* podman itself takes this for the image above. */
	assert_false(is_there(d, "good:1.0"));
	assert_false(is_there(d, "app/good:1.0"));
	check_ok(gf_docker_tag(d, config, "localhost/short", "1", &err));
	assert_true(is_there(d, "short:1"));
	assert_false(is_there(d, "docker.io/library/short:1"));
	assert_null(gf_docker_save(d, lacking, 1, &err));
	assert_string_equal(err.name, "docker-no-image");
	check_fails(load(d, "lost.tar", true, 65536, &l, &err), "docker-load");
	gf_docker_loaded_clear(&l);
	check_ok(gf_docker_remove(d, "localhost/short:1", &err));
	check_ok(gf_docker_remove(d, "example.com/app/good:1.0", &err));
	assert_false(is_there(d, config));
	gf_docker_close(d);
}

/* ---- daemons that are not here ---- */

#define JSON(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

static void other_daemons_are_told_apart(void **state)
{
	static const struct {
		const char *version, *info;
		const char *error, *api;
		gf_docker_store store;
	} rows[] = {
		{ JSON(
		      "{\"Version\":\"26.1.5\",\"ApiVersion\":\"1.45\",\"MinAPIVersion\":\"1.24\",\"Os\":\"linux\",\"Arch\":\"amd64\"}"),
		    JSON(
			"{\"Driver\":\"overlayfs\",\"DriverStatus\":[[\"driver-type\",\"io.containerd.snapshotter.v1\"]]}"),
		    NULL, "1.45", GF_STORE_CONTAINERD },
		{ JSON(
		      "{\"Version\":\"29.1\",\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\",\"Os\":\"linux\",\"Arch\":\"arm64\"}"),
		    JSON("{\"Driver\":\"overlay2\",\"DriverStatus\":[[\"Backing Filesystem\",\"extfs\"]]}"), NULL,
		    "1.47", GF_STORE_CLASSIC },
		{ JSON("{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\"}"), JSON("{\"DriverStatus\":null}"), NULL,
		    "1.41", GF_STORE_CLASSIC },
		{ JSON("{\"Version\":\"40\",\"ApiVersion\":\"1.70\",\"MinAPIVersion\":\"1.60\"}"), NULL,
		    "docker-version", NULL, GF_STORE_CLASSIC },
		{ JSON("{\"Version\":\"1.0\",\"ApiVersion\":\"1.10\"}"), NULL, "docker-version", NULL,
		    GF_STORE_CLASSIC },
		{ JSON("{\"Version\":\"1.0\",\"ApiVersion\":\"2.0\"}"), NULL, "docker-version", NULL,
		    GF_STORE_CLASSIC },
		{ JSON("<html>hello</html>"), NULL, "json", NULL, GF_STORE_CLASSIC },
		{ "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n{\"message\":\"a\\u001b[2Jb\"}", NULL, "docker-version",
		    NULL, GF_STORE_CLASSIC },
		{ NULL, NULL, "http-broken", NULL, GF_STORE_CLASSIC },
	};
	char path[96], where[128];
	gf_docker *d;
	gf_error err;
	peer p;

	(void)state;
	snprintf(path, sizeof path, "%s/fake.sock", dir);
	snprintf(where, sizeof where, "unix://%s", path);
	start_at(&p, path, serve_table_once);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answer t[] = { { "GET /version ", rows[i].version, 0, 0 }, { "GET /v1.", rows[i].info, 0, 0 }, { 0 } };

		table = t;
		d = gf_docker_open(&(const gf_docker_options){ .host = where }, &err);
		if ((d == NULL) != (rows[i].error != NULL))
			fail_msg("%zu: %s", i, d != NULL ? "opened" : err.text);
		if (d == NULL) {
			assert_string_equal(err.name, rows[i].error);
			assert_null(strchr(err.text, '\x1b'));
		} else {
			assert_int_equal(gf_docker_is(d)->store, rows[i].store);
			assert_string_equal(gf_docker_is(d)->api, rows[i].api);
		}
		gf_docker_close(d);
	}
	stop(&p);
	unlink(path);
}

#define REFUSED                                                                                                        \
	"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"            \
	"{\"message\":\"no \\u001b[2J today\"}"

typedef struct asking {
	const char *request, *text, *name;
	bool (*ask)(gf_docker *d, gf_error *err);
} asking;

static bool ask_list(gf_docker *d, gf_error *err)
{
	gf_docker_image *list;
	size_t n;
	bool ok = gf_docker_list(d, &list, &n, err);

	assert_true(ok || (list == NULL && n == 0));
	if (ok)
		gf_docker_images_free(list, n);
	return ok;
}

static bool ask_inspect(gf_docker *d, gf_error *err)
{
	gf_docker_image image;
	bool found, ok = gf_docker_inspect(d, "a:1", &found, &image, err);

	assert_true(ok || (!found && image.id == NULL));
	gf_docker_image_clear(&image);
	return ok;
}

static bool ask_tag(gf_docker *d, gf_error *err)
{
	return gf_docker_tag(d, "sha256:0", "a", "1", err);
}

static bool ask_remove(gf_docker *d, gf_error *err)
{
	return gf_docker_remove(d, "a:1", err);
}

static bool ask_save(gf_docker *d, gf_error *err)
{
	static const char *const names[] = { "a:1" };
	gf_input *in = gf_docker_save(d, names, 1, err);

	gf_input_close(in);
	return in != NULL;
}

static bool ask_load(gf_docker *d, gf_error *err)
{
	gf_docker_loaded l;
	gf_output *out = gf_docker_load(d, 3, &l, err);
	bool ok = out != NULL && gf_output_write(out, "abc", 3, err) && gf_output_finish(out, err);

	gf_output_close(out);
	gf_docker_loaded_clear(&l);
	return ok;
}

/* More than a request line may have: never sent. */
static bool ask_too_much(gf_docker *d, gf_error *err)
{
	char long_name[2200];
	gf_docker_image image;
	bool found;

	memset(long_name, 'a', sizeof long_name);
	long_name[sizeof long_name - 1] = '\0';
	return gf_docker_inspect(d, long_name, &found, &image, err);
}

/* A refusal, and an answer that is none, to each question: an error of its own name, its text escaped. */
static void every_question_may_be_refused(void **state)
{
	static const asking rows[] = {
		{ "GET /v1.41/images/json ", REFUSED, "docker-list", ask_list },
		{ "GET /v1.41/images/json ", JSON("{}"), "docker-answer", ask_list },
		{ "GET /v1.41/images/json ", JSON("[{}]"), "missing-key", ask_list },
		{ "GET /v1.41/images/json ", JSON("[{\"Id\":\"sha256:0\",\"RepoTags\":[7]}]"), "json-type", ask_list },
		{ "GET /v1.41/images/json ", JSON("nothing"), "json", ask_list },
		{ "GET /v1.41/images/json ", NULL, "http-broken", ask_list },
		{ "GET /v1.41/images/a:1/json ", REFUSED, "docker-inspect", ask_inspect },
		{ "GET /v1.41/images/a:1/json ", JSON("{\"Id\":\"sha256:0\",\"RootFS\":{\"Layers\":[\"sha256:xyz\"]}}"),
		    "docker-answer", ask_inspect },
		{ "GET /v1.41/images/a:1/json ", JSON("{\"Id\":\"sha256:0\",\"Os\":3}"), "json-type", ask_inspect },
		{ "POST /v1.41/images/sha256:0/tag?repo=a&tag=1 ", REFUSED, "docker-tag", ask_tag },
		{ "DELETE /v1.41/images/a:1?noprune=1 ", REFUSED, "docker-remove", ask_remove },
		{ "GET /v1.41/images/get?names=a:1 ", REFUSED, "docker-save", ask_save },
		{ "POST /v1.41/images/load?quiet=1 ", REFUSED, "docker-load", ask_load },
		{ "GET /nothing", NULL, "docker-request", ask_too_much },
	};
	char path[96], where[128];
	gf_docker *d;
	gf_error err;
	peer p;

	(void)state;
	snprintf(path, sizeof path, "%s/refuse.sock", dir);
	snprintf(where, sizeof where, "unix://%s", path);
	start_at(&p, path, serve_table_once);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answer t[] = { { "GET /version ", JSON("{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\"}"), 0, 0 },
			{ rows[i].request, rows[i].text, 0, 0 },
			{ "GET /v1.41/images/a:1/json ", JSON("{\"Id\":\"sha256:0\"}"), 0, 0 }, { 0 } };

		table = t;
		d = open_daemon(where);
		err = (gf_error){ 0 };
		if (rows[i].ask(d, &err))
			fail_msg("row %zu, %s: taken", i, rows[i].name);
		if (strcmp(err.name, rows[i].name) != 0)
			fail_msg("row %zu: %s instead of %s: %s", i, err.name, rows[i].name, err.text);
		assert_int_equal(err.class, GF_FAILED);
		assert_null(strchr(err.text, '\x1b'));
		if (rows[i].text != NULL && strcmp(rows[i].text, REFUSED) == 0)
			assert_true(has_text(err.text, "no \\x1b[2J today"));
		assert_int_equal(t[1].used, rows[i].ask != ask_too_much);
		gf_docker_close(d);
	}
	/* Not even what it is. */
	{
		answer t[] = { { "GET /version ", JSON("{\"Version\":\"20.10\",\"ApiVersion\":\"1.43\"}"), 0, 0 },
			{ "GET /v1.43/info ", REFUSED, 0, 0 }, { 0 } };

		table = t;
		assert_null(gf_docker_open(&(const gf_docker_options){ .host = where }, &err));
		assert_string_equal(err.name, "docker-info");
	}
	stop(&p);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_daemon_says_what_it_is),
		cmocka_unit_test(an_image_is_loaded_tagged_listed_and_removed),
		cmocka_unit_test(an_image_without_name_is_reported_by_id),
		cmocka_unit_test(errors_inside_a_200_are_errors), cmocka_unit_test(a_load_given_up_leaves_nothing),
		cmocka_unit_test(what_is_saved_loads_again), cmocka_unit_test(no_daemon_is_explained),
		cmocka_unit_test(podman_is_understood), cmocka_unit_test(other_daemons_are_told_apart),
		cmocka_unit_test(every_question_may_be_refused) };

	return cmocka_run_group_tests(tests, enter, leave);
}
