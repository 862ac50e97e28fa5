/*
 * Reading the vectors of FORMAT.md: from memory as a file and as a pipe, from a directory and a FIFO; every flip,
 * every cut, what was appended; the caps of the head.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "common.h"

#include "bundles/medium.h"

static gf_buf work; /* a copy to spoil */

static void spoil(const gf_buf *from)
{
	gf_error err;

	gf_buf_clear(&work);
	gf_buf_init(&work, 64 * GF_MIB);
	assert_true(gf_buf_add(&work, from->data, from->len, &err));
}

static bool read_copy(bool seekable, gf_error *err)
{
	*err = (gf_error){ 0 };
	return read_all(reader_on(work.data, work.len, seekable, err), NULL, err);
}

/* ---- whole ---- */

static void test_memory(void **state)
{
	size_t n = 0;
	gf_error err = { 0 };

	(void)state;
	for (int seekable = 0; seekable < 2; seekable++)
		if (!read_all(reader_on(full_tar.data, full_tar.len, seekable, &err), &n, &err))
			fail_msg("%s: %s", err.name, err.text);
	assert_int_equal(n, 0);
}

static void test_head(void **state)
{
	opened o = open_full();
	const gf_member *s;
	size_t n;

	(void)state;
	s = gf_reader_signatures(o.r, &n);
	assert_int_equal(n, 1);
	assert_string_equal(s[0].name, "manifest.json.93d7ee0c8a736a3a.sig");
	assert_int_equal(s[0].bytes.len, 97);
	assert_true(gf_reader_seekable(o.r));
	assert_false(gf_reader_thin(o.r));
	assert_string_equal(o.m->stream, "shop");
	assert_int_equal(o.m->n_images, 3);
	assert_int_equal(gf_store_find(gf_reader_store(o.r), &o.m->images[0].digest)->len, o.m->images[0].size);
	opened_close(&o);
}

static void test_order_of_calls(void **state)
{
	gf_error err = { 0 };
	gf_reader *r = reader_on(full_tar.data, full_tar.len, true, &err);
	bool absent;

	(void)state;
	assert_non_null(r);
	assert_null(gf_reader_blob(r, 0, &absent, &err)); /* nothing is handed out before release */
	assert_error(err, GF_FAILED, "internal");
	assert_false(gf_reader_front(r, &err));
	assert_false(gf_reader_finish(r, &err));
	gf_reader_close(r);
}

static void test_file_and_fifo(void **state)
{
	gf_error err = { 0 };

	(void)state;
	put("full.tar", full_tar.data, full_tar.len);
	assert_true(read_all(gf_reader_open("full.tar", &err), NULL, &err));
	assert_int_equal(sh("mkfifo fifo && (cat full.tar > fifo &)"), 0);
	if (!read_all(gf_reader_open("fifo", &err), NULL, &err))
		fail_msg("%s: %s", err.name, err.text);
}

static char longer[5000];

static void test_not_a_medium(void **state)
{
	gf_error err = { 0 };

	(void)state;
	assert_null(gf_reader_open("nowhere.tar", &err));
	assert_error(err, GF_USAGE, "open");
	assert_null(gf_reader_open("/dev/zero", &err));
	assert_error(err, GF_USAGE, "medium");
	assert_null(gf_reader_open("/dev/full", &err));
	assert_error(err, GF_USAGE, "medium");
	memset(longer, 'x', sizeof longer - 1);
	assert_null(gf_reader_open(longer, &err));
	assert_error(err, GF_USAGE, "open");
	assert_int_equal(sh("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'"), 0);
	assert_null(gf_reader_open("sock", &err));
	assert_error(err, GF_USAGE, "open");
	put("plain", "x", 1);
	assert_null(gf_reader_open("plain/x", &err));
	assert_error(err, GF_FAILED, "open");
}

/* A descriptor of somebody else's is not closed; a socket is a medium only as that. */
static void test_descriptors(void **state)
{
	gf_error err = { 0 };
	gf_medium *m;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	m = gf_medium_from_fd(fds[0], false, "socket", &err);
	assert_non_null(m);
	gf_medium_close(m);
	assert_int_equal(fcntl(fds[0], F_GETFD), 0);
	assert_null(gf_medium_from_fd(fds[0], true, "socket", &err));
	assert_error(err, GF_USAGE, "medium");
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	close(fds[1]);
	fds[0] = open("/dev/null", O_RDONLY);
	assert_null(gf_medium_from_fd(fds[0], false, "null", &err));
	assert_error(err, GF_USAGE, "medium");
	assert_int_equal(fcntl(fds[0], F_GETFD), 0);
	close(fds[0]);
	assert_null(gf_medium_from_fd(-1, false, "nothing", &err));
	assert_error(err, GF_FAILED, "read");
	/* one that cannot be read */
	assert_int_equal(pipe(fds), 0);
	m = gf_medium_from_fd(fds[1], true, "pipe", &err);
	assert_non_null(m);
	err = (gf_error){ 0 };
	assert_int_equal(m->ops->read(m, longer, 1, &err), -1);
	assert_error(err, GF_FAILED, "read");
	gf_medium_close(m);
	close(fds[0]);
}

static int written;

static void write_late(int signal)
{
	(void)signal;
	assert_int_equal(write(written, "x", 1), 1);
}

/* A signal that comes while nothing has been read is no failure. */
static void test_interrupted(void **state)
{
	const struct sigaction action = { .sa_handler = write_late };
	const struct itimerval soon = { .it_value.tv_usec = 50000 };
	gf_error err = { 0 };
	gf_medium *m;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	written = fds[1];
	m = gf_medium_from_fd(fds[0], true, "pipe", &err);
	assert_non_null(m);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(m->ops->read(m, longer, 1, &err), 1);
	assert_int_equal(signal(SIGALRM, SIG_DFL) == SIG_ERR, 0);
	gf_medium_close(m);
	close(fds[1]);
}

static void test_range(void **state)
{
	gf_error err = { 0 };
	gf_medium *m = gf_medium_memory("0123456789", 10, true, &err);
	gf_input *in;

	(void)state;
	assert_non_null(m);
	in = gf_medium_input(m, 2, 5, &err);
	assert_non_null(in);
	assert_true(gf_input_skip(in, 3, &err));
	assert_int_equal(gf_input_read(in, longer, 10, &err), 2);
	assert_memory_equal(longer, "56", 2);
	assert_false(gf_input_skip(in, 1, &err));
	assert_error(err, GF_DAMAGED, "cut-short");
	gf_input_close(in);
	/* More than there is, and all of it. */
	for (uint64_t at = 9; at <= 11; at += 2) {
		in = gf_medium_input(m, at, 5, &err);
		assert_non_null(in);
		err = (gf_error){ 0 };
		assert_int_equal(gf_input_read(in, longer, 5, &err), -1);
		assert_error(err, GF_DAMAGED, "cut-short");
		gf_input_close(in);
	}
	gf_medium_close(m);
}

/* ---- thin ---- */

static void test_thin(void **state)
{
	gf_error err = { 0 };
	size_t n = 0;
	opened o;
	bool absent = false;

	(void)state;
	for (int seekable = 0; seekable < 2; seekable++) {
		n = 0;
		assert_true(read_all(reader_on(thin_tar.data, thin_tar.len, seekable, &err), &n, &err));
		assert_int_equal(n, 1);
	}
	assert_true(open_front(&o, reader_on(thin_tar.data, thin_tar.len, true, &err), &err));
	assert_true(gf_reader_thin(o.r));
	assert_null(gf_reader_blob(o.r, first_layer(gf_reader_graph(o.r)) + 1, &absent, &err));
	assert_true(absent);
	assert_true(gf_reader_pass(o.r, first_layer(gf_reader_graph(o.r)) + 1, &absent, &err));
	assert_true(absent);
	opened_close(&o);
}

/* The offset of the header of a member, or of the end. */
static size_t find(const gf_buf *tar, const char *name)
{
	for (size_t at = 0; at < tar->len; at += 512)
		if (strcmp(tar->data + at, name) == 0 && (*name != '\0' || at + 1024 == tar->len))
			return at;
	fail_msg("no member %s", name);
	return 0;
}

static void layer_path(size_t i, char out[78])
{
	opened o = open_full();

	strcpy(out, "blobs/sha256/");
	gf_digest_hex(&o.m->blobs[first_layer(gf_reader_graph(o.r)) + i].digest, out + 13);
	opened_close(&o);
}

/* Take away the bytes between two members. */
static void cut_out(size_t from, size_t to)
{
	memmove(work.data + from, work.data + to, work.len - to);
	work.len -= to - from;
}

static void test_full_with_absent_layer(void **state)
{
	char second[78], third[78];
	gf_error err;

	(void)state;
	layer_path(1, second);
	layer_path(2, third);
	for (int seekable = 0; seekable < 2; seekable++) {
		spoil(&full_tar);
		cut_out(find(&work, second), find(&work, third));
		assert_false(read_copy(seekable, &err));
		assert_error(err, GF_DAMAGED, "tar-header");
	}
}

/* Neither whole nor thin: one of the three files is gone. */
static void test_half_thin(void **state)
{
	static const char *const order[] = { "oci-layout", "index.json", "manifest.json", NULL };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t from, to;

		spoil(&full_tar);
		from = find(&work, order[i]);
		to = order[i + 1] != NULL ? find(&work, order[i + 1]) : from + 512 + gf_tar_round(564);
		cut_out(from, to);
		assert_false(read_copy(true, &err));
		assert_error(err, GF_DAMAGED, "tar-header");
	}
}

/* A thin copy without any layer, and one with all of them. */
static void test_thin_extremes(void **state)
{
	char first[78];
	gf_error err;
	gf_reader *r;
	size_t n = 0, from;

	(void)state;
	layer_path(0, first);
	for (int seekable = 0; seekable < 2; seekable++) {
		spoil(&thin_tar);
		from = find(&work, first);
		cut_out(from, work.len - 1024);
		n = 0;
		r = reader_on(work.data, work.len, seekable, &err);
		if (!read_all(r, &n, &err))
			fail_msg("%s: %s", err.name, err.text);
		assert_int_equal(n, 3);
	}
}

/* The padding before the end is looked at, where there is no layer, too. */
static void test_thin_padding(void **state)
{
	char first[78];
	gf_error err;

	(void)state;
	layer_path(0, first);
	for (int seekable = 0; seekable < 2; seekable++) {
		spoil(&thin_tar);
		cut_out(find(&work, first), work.len - 1024);
		work.data[work.len - 1025] = 'x';
		assert_false(read_copy(seekable, &err));
		assert_error(err, GF_DAMAGED, "tar-fill");
	}
}

/* A header that is not the next one: what it is instead. */
static void test_other_headers(void **state)
{
	char text[200];
	gf_error err;
	size_t at;

	(void)state;
	spoil(&full_tar);
	at = find(&work, "SHA256SUMS");
	work.data[at + 2] = 'Z';
	assert_false(read_copy(true, &err));
	assert_error(err, GF_DAMAGED, "tar-header");
	(void)snprintf(text, sizeof text, "expected its header, found that of 'SHZ256SUMS'");
	assert_string_equal(err.text, text);
	work.data[at + 2] = 'A';
	work.data[at + 104] = '1';
	assert_false(read_copy(true, &err));
	assert_string_equal(err.text, "byte 104 of its header is 0x31, expected 0x36");
	memset(work.data + at, 0, 512);
	assert_false(read_copy(true, &err));
	assert_string_equal(err.text, "expected its header, found the end of the bundle");
}

static void test_stdin(void **state)
{
	int saved = dup(STDIN_FILENO), fd;
	gf_error err = { 0 };

	(void)state;
	put("full.tar", full_tar.data, full_tar.len);
	fd = open("full.tar", O_RDONLY);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_true(read_all(gf_reader_open("-", &err), NULL, &err));
	close(fd);
	fd = open(".", O_RDONLY);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_null(gf_reader_open("-", &err));
	assert_error(err, GF_USAGE, "medium");
	close(fd);
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	close(saved);
}

/* Layers of a thin copy in another order. */
static void test_thin_order(void **state)
{
	char first[78], third[78];
	gf_error err;
	size_t a, b, end;
	char *copy;

	(void)state;
	layer_path(0, first);
	layer_path(2, third);
	for (int seekable = 0; seekable < 2; seekable++) {
		spoil(&thin_tar);
		a = find(&work, first);
		b = find(&work, third);
		end = work.len - 1024;
		assert_int_equal(end - b, b - a);
		copy = malloc(b - a);
		assert_non_null(copy);
		memcpy(copy, work.data + a, b - a);
		memcpy(work.data + a, work.data + b, end - b);
		memcpy(work.data + b, copy, b - a);
		free(copy);
		assert_false(read_copy(seekable, &err));
		assert_error(err, GF_DAMAGED, "tar-end"); /* behind the last layer there is only the end */
	}
}

/* A header that is no layer's is damage, and never says that a layer is absent. */
static void test_thin_damage(void **state)
{
	gf_error err = { 0 };
	char first[78];
	size_t header, i;
	bool absent = true;
	opened o;

	(void)state;
	layer_path(0, first);
	spoil(&thin_tar);
	header = find(&work, first);
	for (size_t at = header; at < header + 512; at++) {
		work.data[at] ^= 1;
		assert_false(read_copy(true, &err));
		assert_error(err, GF_DAMAGED, "tar-header");
		assert_true(open_front(&o, reader_on(work.data, work.len, false, &err), &err));
		for (i = 0; o.m->blobs[i].kind != GF_KIND_LAYER; i++)
			assert_true(gf_reader_pass(o.r, i, &absent, &err));
		absent = true;
		assert_null(gf_reader_blob(o.r, i, &absent, &err));
		assert_false(absent);
		assert_error(err, GF_DAMAGED, "tar-header");
		opened_close(&o);
		work.data[at] ^= 1;
	}
}

/* ---- damage ---- */

/* As verify does: the statement and its signature are believed byte for byte or not at all. */
static bool accepted(bool seekable)
{
	gf_error err = { 0 };
	gf_reader *r = reader_on(work.data, work.len, seekable, &err);
	const gf_buf *text;
	const gf_member *s;
	size_t n = 0, size = 7041;
	bool same;

	if (r == NULL)
		return err.class != GF_DAMAGED;
	text = gf_reader_statement(r);
	s = gf_reader_signatures(r, &n);
	same = text->len == size && memcmp(text->data, full_tar.data + 512, size) == 0 && n == 1 &&
	    s[0].bytes.len == 97 && memcmp(s[0].bytes.data, full_tar.data + 512 + 7168 + 512, 97) == 0;
	if (!same) {
		gf_reader_close(r);
		return false;
	}
	return read_all(r, NULL, &err) || err.class != GF_DAMAGED;
}

/* Every byte; inside the padding, and from a pipe, every eighth unless GF_LONG is set.  GF_SPARSE: every 61st of these. */
static void test_flips(void **state)
{
	size_t step = getenv("GF_LONG") != NULL ? 1 : 8, padding = find(&full_tar, "META/padding") + 512;
	size_t leap = getenv("GF_SPARSE") != NULL ? 61 : 1;

	(void)state;
	spoil(&full_tar);
	for (size_t at = 0; at < work.len; at += leap) {
		work.data[at] = (char)(work.data[at] ^ (1 << at / step % 8));
		if ((at < padding || at >= 65536 || at % step == 0) && accepted(true))
			fail_msg("byte %zu changed, and accepted from a file", at);
		if (at % step == 0 && accepted(false))
			fail_msg("byte %zu changed, and accepted from a pipe", at);
		work.data[at] = full_tar.data[at];
	}
	assert_true(accepted(true) && accepted(false));
}

static void test_cuts(void **state)
{
	(void)state;
	spoil(&full_tar);
	for (size_t n = 0; n < full_tar.len; n += 512)
		for (size_t more = 0; more < 2; more++) {
			work.len = n + more;
			if (accepted(true) || accepted(false))
				fail_msg("cut at byte %zu, and accepted", work.len);
		}
}

static void test_appended(void **state)
{
	static const char zeros[10240];
	gf_error err;

	(void)state;
	for (int seekable = 0; seekable < 2; seekable++) {
		spoil(&full_tar);
		assert_true(gf_buf_add(&work, zeros, 1, &err));
		assert_false(read_copy(seekable, &err));
		assert_error(err, GF_DAMAGED, "tar-end");
		assert_true(gf_buf_add(&work, zeros, sizeof zeros, &err));
		assert_false(read_copy(seekable, &err));
		assert_error(err, GF_DAMAGED, "tar-end");
	}
}

/* A seekable bundle is seen to be cut, longer or changed in a header before any layer is handed out. */
static void test_found_before_layers(void **state)
{
	gf_error err = { 0 };
	char third[78];
	opened o;

	(void)state;
	layer_path(2, third);
	spoil(&full_tar);
	work.data[find(&work, third) + 140] ^= 1;
	assert_false(open_front(&o, reader_on(work.data, work.len, true, &err), &err));
	assert_error(err, GF_DAMAGED, "tar-header");
	spoil(&full_tar);
	work.len -= 512;
	assert_false(open_front(&o, reader_on(work.data, work.len, true, &err), &err));
	assert_error(err, GF_DAMAGED, "cut-short");
	spoil(&full_tar);
	work.data[find(&work, third) + 600] ^= 1; /* inside the layer: found when it is read */
	assert_true(open_front(&o, reader_on(work.data, work.len, true, &err), &err));
	assert_false(read_rest(&o, NULL, &err));
	assert_error(err, GF_DAMAGED, "blob-digest");
	opened_close(&o);
}

/* ---- the head ---- */

static void start_with(const char *bytes, size_t n)
{
	gf_error err;

	spoil(&full_tar);
	work.len = 0;
	assert_true(gf_buf_add(&work, bytes, n, &err));
}

static void test_other_files(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *name;
	} starts[] = { { "", 0, "tar-head" }, { "x", 1, "cut-short" }, { "\x1f\x8b\x08", 3, "compressed" },
		{ "PK\3\4", 4, "compressed" }, { "\x28\xb5\x2f\xfd", 4, "compressed" }, { "BZh9", 4, "compressed" },
		{ "\xfd"
		  "7zXZ",
		    6, "compressed" } };
	gf_error err;

	(void)state;
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		start_with(starts[i].bytes, starts[i].n);
		assert_false(read_copy(true, &err));
		assert_error(err, GF_DAMAGED, starts[i].name);
	}
	spoil(&full_tar);
	memset(work.data, 0, 1024);
	assert_false(read_copy(true, &err));
	assert_error(err, GF_DAMAGED, "tar-head");
}

/* One field of the first header changed. */
static void spoil_head(size_t at, const char *bytes, size_t n, const char *want)
{
	gf_error err;

	spoil(&full_tar);
	memcpy(work.data + at, bytes, n);
	assert_false(read_copy(true, &err));
	if (strcmp(err.name, want) != 0 || err.class != GF_DAMAGED)
		fail_msg("bytes at %zu: '%s' (%s), expected '%s'", at, err.name, err.text, want);
}

static void test_head_fields(void **state)
{
	(void)state;
	spoil_head(0, "./ETA", 5, "tar-head");
	spoil_head(99, "x", 1, "tar-head");          /* behind the name's NUL */
	spoil_head(156, "2", 1, "tar-head");         /* a link */
	spoil_head(156, "x", 1, "tar-head");         /* pax */
	spoil_head(257, "ustar  \0", 8, "tar-head"); /* GNU */
	spoil_head(263, "01", 2, "tar-head");
	spoil_head(124, "           ", 11, "tar-head"); /* sizes */
	spoil_head(124, "0000001560 ", 11, "tar-head");
	spoil_head(124, "00000015608", 11, "tar-head");
	spoil_head(135, " ", 1, "tar-head");
	spoil_head(124, "\x80\0\0\0\0\0\0\0\0\0\1\0", 12, "tar-head");
	spoil_head(124, "00000000000", 11, "tar-head");
	spoil_head(124, "00020000001", 11, "too-large"); /* 4 MiB and one */
	spoil_head(124, "77777777777", 11, "too-large");
	spoil_head(148, "000000", 6, "tar-header"); /* after release all of it is compared */
	spoil_head(100, "0000755", 7, "tar-header");
	spoil_head(512 + 7041, "x", 1, "tar-fill");
}

/* A head with n signatures of this size and then nothing. */
static gf_reader *head_of(size_t n, size_t size, const char *names, gf_error *err)
{
	static char bytes[GF_SIGNATURE_MAX + 1024];
	unsigned char header[512];
	char name[100];

	*err = (gf_error){ 0 };
	start_with("", 0);
	gf_tar_header("META/manifest.json", 512, 0, header);
	assert_true(gf_buf_add(&work, header, 512, err));
	memset(bytes, 'x', sizeof bytes);
	assert_true(gf_buf_add(&work, bytes, 512, err));
	memset(bytes + size, 0, sizeof bytes - size);
	for (size_t i = 0; i < n; i++) {
		snprintf(
		    name, sizeof name, "META/manifest.json.00000000000000%c%c.sig", names[2 * i], names[2 * i + 1]);
		gf_tar_header(name, size, 0, header);
		assert_true(gf_buf_add(&work, header, 512, err));
		assert_true(gf_buf_add(&work, bytes, gf_tar_round(size), err));
	}
	return reader_on(work.data, work.len, true, err);
}

static void test_head_caps(void **state)
{
	static const char names[] = "000102030405060708090a0b0c0d0e0f10";
	gf_error err;
	gf_reader *r;
	size_t n;

	(void)state;
	r = head_of(16, GF_SIGNATURE_MAX, names, &err);
	assert_non_null(r);
	(void)gf_reader_signatures(r, &n);
	assert_int_equal(n, 16);
	gf_reader_close(r);
	assert_null(head_of(17, 8, names, &err));
	assert_error(err, GF_DAMAGED, "too-large");
	assert_null(head_of(1, GF_SIGNATURE_MAX + 1, names, &err));
	assert_error(err, GF_DAMAGED, "too-large");
	assert_null(head_of(1, 0, names, &err));
	assert_error(err, GF_DAMAGED, "tar-head");
	assert_null(head_of(2, 8, "0100", &err)); /* not sorted */
	assert_error(err, GF_DAMAGED, "tar-head");
	assert_null(head_of(2, 8, "0101", &err)); /* twice */
	assert_error(err, GF_DAMAGED, "tar-head");
	/* no hint of a key: the head ends before it */
	r = head_of(1, 8, "XY", &err);
	assert_non_null(r);
	(void)gf_reader_signatures(r, &n);
	assert_int_equal(n, 0);
	gf_reader_close(r);
}

/* META/manifest.json at its cap. */
static void test_statement_cap(void **state)
{
	static char step[65536];
	unsigned char header[512];
	gf_error err = { 0 };
	gf_reader *r;

	(void)state;
	start_with("", 0);
	gf_tar_header("META/manifest.json", GF_STATEMENT_MAX, 0, header);
	assert_true(gf_buf_add(&work, header, 512, &err));
	for (size_t n = 0; n < GF_STATEMENT_MAX; n += sizeof step)
		assert_true(gf_buf_add(&work, step, sizeof step, &err));
	r = reader_on(work.data, work.len, false, &err);
	assert_non_null(r);
	assert_int_equal(gf_reader_statement(r)->len, GF_STATEMENT_MAX);
	gf_reader_close(r);
}

/* ---- forward only ---- */

static void test_forward_order(void **state)
{
	gf_error err = { 0 };
	bool absent;
	gf_input *in;
	size_t evidence;
	opened o;
	char byte;

	(void)state;
	assert_true(open_front(&o, reader_on(full_tar.data, full_tar.len, false, &err), &err));
	assert_false(gf_reader_seekable(o.r));
	for (evidence = 0; o.m->blobs[evidence].kind == GF_KIND_JSON;)
		evidence++;
	assert_null(gf_reader_blob(o.r, evidence + 1, &absent, &err)); /* not the next */
	assert_error(err, GF_FAILED, "internal");
	in = gf_reader_blob(o.r, 0, &absent, &err); /* JSON is kept: at any time */
	assert_non_null(in);
	gf_input_close(in);
	in = gf_reader_blob(o.r, evidence, &absent, &err);
	assert_non_null(in);
	assert_int_equal(gf_input_read(in, &byte, 1, &err), 1);
	gf_input_close(in); /* not read to its end */
	assert_false(gf_reader_pass(o.r, evidence + 1, &absent, &err));
	assert_false(gf_reader_finish(o.r, &err));
	opened_close(&o);
}

/* What is held is passed over: its header is compared, its bytes are not read. */
static void test_pass(void **state)
{
	gf_error err = { 0 };
	char third[78];
	opened o;
	bool absent;

	(void)state;
	layer_path(2, third);
	for (int seekable = 0; seekable < 2; seekable++)
		for (int broken = 0; broken < 2; broken++) {
			bool ok = true;

			spoil(&full_tar);
			work.data[find(&work, third) + (broken ? 140 : 600)] ^= 1;
			ok = open_front(&o, reader_on(work.data, work.len, seekable, &err), &err);
			for (size_t i = 0; ok && i < o.m->n_blobs; i++)
				ok = gf_reader_pass(o.r, i, &absent, &err);
			ok = ok && gf_reader_finish(o.r, &err);
			assert_int_equal(ok, !broken);
			opened_close(&o);
		}
}

/* ---- a directory ---- */

static void unpack(void)
{
	put("full.tar", full_tar.data, full_tar.len);
	assert_int_equal(sh("rm -rf d && mkdir d && tar xf full.tar -C d"), 0);
}

static void expect_dir(gf_class class, const char *name)
{
	gf_error err = { 0 };

	assert_false(read_all(gf_reader_open("d", &err), NULL, &err));
	if (err.class != class || strcmp(err.name, name) != 0)
		fail_msg("'%s' %d (%s: %s), expected '%s'", err.name, err.class, err.object, err.text, name);
}

static void test_directory(void **state)
{
	gf_error err = { 0 };
	const char *const *foreign;
	size_t n = 0;
	opened o;

	(void)state;
	unpack();
	assert_int_equal(
	    sh("touch d/._x d/META/.DS_Store d/blobs/other && mkdir d/blobs/sha256/junk && chmod 600 d/index.json"), 0);
	if (!open_front(&o, gf_reader_open("d", &err), &err))
		fail_msg("%s: %s", err.name, err.text);
	assert_true(read_rest(&o, NULL, &err));
	foreign = gf_reader_foreign(o.r, &n);
	assert_int_equal(n, 4);
	assert_string_equal(foreign[0], "._x");
	assert_string_equal(foreign[1], "META/.DS_Store");
	assert_string_equal(foreign[2], "blobs/other");
	assert_string_equal(foreign[3], "blobs/sha256/junk");
	assert_true(gf_reader_seekable(o.r));
	opened_close(&o);
}

static void test_bad_directories(void **state)
{
	char layer[78], command[512];

	(void)state;
	layer_path(1, layer);
	unpack();
	assert_int_equal(sh("rm d/oci-layout d/index.json d/manifest.json"), 0); /* a directory is never thin */
	expect_dir(GF_DAMAGED, "not-found");
	unpack();
	snprintf(command, sizeof command, "rm d/%s", layer);
	assert_int_equal(sh(command), 0);
	expect_dir(GF_DAMAGED, "blob-missing");
	unpack();
	snprintf(command, sizeof command, "echo >> d/%s", layer);
	assert_int_equal(sh(command), 0);
	expect_dir(GF_DAMAGED, "blob-size");
	unpack();
	assert_int_equal(sh("echo >> d/oci-layout"), 0);
	expect_dir(GF_DAMAGED, "blob-size");
	unpack();
	snprintf(command, sizeof command, "mv d/%s x && ln -s ../../../x d/%s", layer, layer);
	assert_int_equal(sh(command), 0);
	expect_dir(GF_DAMAGED, "not-regular");
	unpack();
	snprintf(command, sizeof command, "rm d/%s && mkfifo d/%s", layer, layer);
	assert_int_equal(sh(command), 0);
	expect_dir(GF_DAMAGED, "not-regular");
	unpack();
	snprintf(command, sizeof command, "printf x | dd of=d/%s bs=1 seek=20 conv=notrunc status=none", layer);
	assert_int_equal(sh(command), 0);
	expect_dir(GF_DAMAGED, "blob-digest");
	unpack();
	assert_int_equal(sh("mv d/blobs b && ln -s ../b d/blobs"), 0);
	expect_dir(GF_DAMAGED, "directory");
	assert_int_equal(sh("rm -rf b"), 0);
	unpack();
	assert_int_equal(sh("rm -r d/META"), 0);
	expect_dir(GF_DAMAGED, "directory");
	unpack();
	assert_int_equal(sh("rm d/META/manifest.json && mkfifo d/META/manifest.json"), 0);
	expect_dir(GF_DAMAGED, "not-regular");
	unpack();
	assert_int_equal(
	    sh("for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do echo > d/META/manifest.json.000000000000000$i.sig; "
	       "done"),
	    0);
	expect_dir(GF_DAMAGED, "too-large");
	unpack();
	assert_int_equal(sh(": > d/META/manifest.json.0000000000000000.sig"), 0);
	expect_dir(GF_DAMAGED, "tar-head");
}

/* Of what is no document the size is looked at with the front. */
static void test_directory_sizes(void **state)
{
	char layer[78], command[512];
	gf_error err;
	opened o;

	(void)state;
	layer_path(1, layer);
	unpack();
	(void)snprintf(command, sizeof command, "echo >> d/%s", layer);
	assert_int_equal(sh(command), 0);
	assert_false(open_front(&o, gf_reader_open("d", &err), &err));
	assert_error(err, GF_DAMAGED, "blob-size");
}

/* What was there when the front was read is opened again. */
static void test_directory_changes(void **state)
{
	static const char *const changes[] = { "rm $L", "mv $L x && ln -s ../../../x $L", "rm $L && mkfifo $L" };
	static const char *const names[] = { "blob-missing", "blob-missing", "not-regular" };
	char layer[78], command[512];
	gf_error err;
	bool absent = true;
	opened o;

	(void)state;
	layer_path(1, layer);
	for (size_t i = 0; i < 3; i++) {
		unpack();
		assert_true(open_front(&o, gf_reader_open("d", &err), &err));
		snprintf(command, sizeof command, "L=d/%s; %s", layer, changes[i]);
		assert_int_equal(sh(command), 0);
		assert_null(gf_reader_blob(o.r, first_layer(gf_reader_graph(o.r)) + 1, &absent, &err));
		assert_error(err, GF_DAMAGED, names[i]);
		assert_false(absent);
		opened_close(&o);
	}
}

/* ---- threads ---- */

static bool read_one(void *ctx, size_t i, gf_error *err)
{
	const opened *o = ctx;
	bool absent = false, ok;
	gf_buf bytes;

	gf_buf_init(&bytes, 64 * GF_MIB);
	ok = read_blob(o->r, i % o->m->n_blobs, &bytes, &absent, err);
	gf_buf_clear(&bytes);
	return ok;
}

static void test_threads(void **state)
{
	gf_error err = { 0 };
	opened o = open_full();

	(void)state;
	assert_true(gf_parallel(4, 400, read_one, &o, &err));
	opened_close(&o);
}

static int leave_reader(void **state)
{
	gf_buf_clear(&work);
	return leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_order_of_calls),
		cmocka_unit_test(test_file_and_fifo),
		cmocka_unit_test(test_not_a_medium),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_thin),
		cmocka_unit_test(test_full_with_absent_layer),
		cmocka_unit_test(test_half_thin),
		cmocka_unit_test(test_thin_extremes),
		cmocka_unit_test(test_thin_padding),
		cmocka_unit_test(test_other_headers),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_thin_order),
		cmocka_unit_test(test_thin_damage),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_appended),
		cmocka_unit_test(test_found_before_layers),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_head_fields),
		cmocka_unit_test(test_head_caps),
		cmocka_unit_test(test_statement_cap),
		cmocka_unit_test(test_forward_order),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_bad_directories),
		cmocka_unit_test(test_directory_sizes),
		cmocka_unit_test(test_directory_changes),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("bundles/reader", tests, enter, leave_reader);
}
