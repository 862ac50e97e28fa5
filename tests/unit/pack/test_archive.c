/* archive: members wherever they lie, links in any order, and archives that are refused. */
#define _GNU_SOURCE /* syscall */
#include "common.h"
#include "pack/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A medium that lies (security.md V32): while lying, short reads behind the first block, which are those of the second
 * look at a member, have other bytes than the first look. */
static bool lying;
ssize_t lying_pread(int fd, void *buf, size_t n, off_t offset) __asm__("pread64"); /* what pread is called here */
ssize_t lying_pread(int fd, void *buf, size_t n, off_t offset)
{
	ssize_t got = (ssize_t)syscall(SYS_pread64, fd, buf, n, offset);

	if (lying && got > 0 && n <= GF_TAPE_MAGIC && offset >= 512)
		((unsigned char *)buf)[0] ^= 1;
	return got;
}

static const gf_spooling spooling = { .output = "bundle.tar", .squeeze = GF_CODEC_GZIP, .jobs = 2 };

static gf_archive *open_it(const char *path)
{
	gf_error err = { 0 };
	gf_archive *a = gf_archive_open(path, &spooling, &err);

	if (a == NULL)
		fail_msg("%s: %s", path, err.text);
	return a;
}

static void refused(const char *path, gf_class class, const char *name)
{
	gf_error err = { 0 };
	gf_archive *a = gf_archive_open(path, &spooling, &err);

	if (a != NULL)
		fail_msg("%s was opened, expected %s", path, name);
	if (err.class != class || strcmp(err.name, name) != 0)
		fail_msg("%s: expected %d %s, got %d %s: %s", path, class, name, err.class, err.name, err.text);
}

static const gf_entry *find(gf_archive *a, const char *name)
{
	const gf_entry *e;
	gf_error err = { 0 };

	if (!gf_archive_find(a, name, &e, &err))
		fail_msg("%s: %s", name, err.text);
	return e;
}

static void not_found(gf_archive *a, const char *name, const char *error)
{
	const gf_entry *e;
	gf_error err = { 0 };

	assert_false(gf_archive_find(a, name, &e, &err));
	assert_string_equal(err.name, error);
	assert_int_equal(err.class, GF_DAMAGED);
}

static void has(gf_archive *a, const char *name, const void *bytes, size_t n)
{
	const gf_entry *e = find(a, name);
	gf_error err = { 0 };
	gf_buf out;

	gf_buf_init(&out, 64 * GF_MIB);
	assert_non_null(e);
	assert_int_equal(e->size, n);
	if (!gf_archive_load(a, e, out.max, &out, &err))
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(out.len, n);
	assert_memory_equal(gf_buf_text(&out), bytes, n);
	gf_buf_clear(&out);
}

static char long_name[300];
static layer big, zipped;

static void write_mixed(const char *path, bool gzip)
{
	tar *t = tar_new(path, gzip);

	tar_any(t, "./", AE_IFDIR, NULL, false, NULL, 0);
	tar_link(t, "a/first.tar", "../b//layer.tar"); /* before its target */
	tar_file(t, "./b//layer.tar", big.bytes, big.n);
	tar_any(t, "fifo", AE_IFIFO, NULL, false, NULL, 0);
	tar_text(t, "._manifest.json", "not for us");
	tar_file(t, "empty", "", 0);
	tar_any(t, "hard", AE_IFREG, "b/layer.tar", true, NULL, 0);
	tar_link(t, "root", "/a/first.tar");
	tar_file(t, long_name, zipped.bytes, zipped.n);
	tar_link(t, "loop1", "loop2");
	tar_link(t, "loop2", "loop1");
	tar_link(t, "nowhere", "gone");
	tar_link(t, "out", "../../etc/passwd");
	tar_text(t, "twice", "1");
	tar_text(t, "twice", "2");
	tar_text(t, "manifest.json", "[ ]");
	tar_close(t);
}

static void look_at_mixed(gf_archive *a)
{
	has(a, "manifest.json", "[ ]", 3);
	has(a, "b/layer.tar", big.bytes, big.n);
	has(a, "a/first.tar", big.bytes, big.n);
	has(a, "hard", big.bytes, big.n);
	has(a, "root", big.bytes, big.n);
	has(a, "empty", "", 0);
	has(a, long_name, zipped.bytes, zipped.n);
	assert_int_equal(gf_entry_codec(find(a, long_name)), GF_CODEC_GZIP);
	assert_int_equal(gf_entry_codec(find(a, "b/layer.tar")), GF_CODEC_NONE);
	assert_null(find(a, "fifo"));
	assert_null(find(a, "._manifest.json"));
	assert_null(find(a, "absent"));
	not_found(a, "loop1", "archive-link");
	not_found(a, "nowhere", "archive-link");
	not_found(a, "out", "archive-link");
	not_found(a, "twice", "archive-duplicate");
	gf_archive_close(a);
}

static int make(void **state)
{
	if (enter(state) != 0)
		return -1;
	big = layer_new(1, 2 * GF_GZIP_BLOCK + 4321);
	zipped = layer_gzip(&big);
	memset(long_name, 'n', sizeof long_name - 1);
	write_mixed("mixed.tar", false);
	write_mixed("mixed.tar.gz", true);
	return 0;
}

static void file(void **state)
{
	(void)state;
	look_at_mixed(open_it("mixed.tar"));
}

static void outer_gzip(void **state)
{
	gf_archive *a = open_it("mixed.tar.gz");
	const gf_entry *e = find(a, "b/layer.tar");

	(void)state;
	assert_int_equal(e->lies, GF_LIES_SPOOL);
	assert_true(e->inflated && e->made.codec == GF_CODEC_GZIP);
	assert_true(gf_digest_equal(&e->made.raw, &big.digest));
	e = find(a, long_name);
	assert_true(e->inflated);
	assert_true(gf_digest_equal(&e->made.raw, &big.digest));
	assert_true(gf_digest_equal(&e->made.digest, &zipped.digest));
	look_at_mixed(a);
}

static void fifo(void **state)
{
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	child = fork();
	if (child == 0) {
		gf_buf b;
		gf_error err;
		int fd = open("pipe", O_WRONLY);
		gf_buf_init(&b, 64 * GF_MIB);
		_exit(gf_file_load("mixed.tar", b.max, GF_FAILED, &b, &err) &&
			    gf_write_all(fd, b.data, b.len, "pipe", &err)
			? 0
			: 1);
	}
	look_at_mixed(open_it("pipe"));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0); /* all of it was read: no broken pipe */
}

static void directory(void **state)
{
	gf_error err;
	gf_archive *a;

	(void)state;
	assert_true(gf_dir_make("layout/blobs/sha256", 0700, &err));
	put("layout/blobs/sha256/x", big.bytes, big.n);
	assert_int_equal(symlink("x", "layout/blobs/sha256/link"), 0);
	assert_int_equal(symlink("blobs", "layout/other"), 0);
	assert_int_equal(mkfifo("layout/fifo", 0600), 0);
	a = open_it("layout");
	has(a, "blobs/sha256/x", big.bytes, big.n);
	has(a, "blobs/sha256/x", big.bytes, big.n);
	assert_null(find(a, "blobs/sha256/y"));
	assert_null(find(a, "other/sha256/x"));
	not_found(a, "blobs/sha256/link", "layout-link");
	not_found(a, "fifo", "layout-link");
	gf_archive_close(a);
}

/* Cut inside a member, at any block of the front, and between members. */
static void cut(void **state)
{
	gf_buf all;
	tar *t = tar_new("small.tar", false);
	size_t end;

	(void)state;
	tar_text(t, "one", "11111");
	tar_file(t, "two", big.bytes, 5000);
	tar_close(t);
	get("small.tar", &all);
	end = 512 + 512 + 512 + 5120;
	for (size_t n = 1; n < end; n += 255) {
		if (n == 1024)
			continue;
		put("cut.tar", all.data, n);
		refused("cut.tar", GF_DAMAGED, n < 512 ? "archive-format" : "cut-short");
	}
	/* Without end blocks, the last member whole: accepted. */
	put("cut.tar", all.data, end);
	gf_archive *a = open_it("cut.tar");
	has(a, "two", big.bytes, 5000);
	gf_archive_close(a);
	gf_buf_clear(&all);
}

static void hostile(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		gf_class class;
		const char *name;
	} magics[] = {
		{ "PK\3\4\x14\0\0\0\0\0", 10, GF_USAGE, "zip" },
		{ "\x28\xb5\x2f\xfd\0\0\0\0", 8, GF_DAMAGED, "zstd" },
		{ "\xfd\x37\x7a\x58\x5a\0\0\0", 8, GF_DAMAGED, "xz" },
		{ "BZh91AY&SY", 10, GF_DAMAGED, "bzip2" },
		{ "\x04\x22\x4d\x18\0\0\0\0", 8, GF_USAGE, "archive-compression" },
		{ "LRZI\0\6", 6, GF_DAMAGED, "archive-format" },
		{ "\x89LZO\0\r\n\x1a\n", 9, GF_DAMAGED, "archive-format" },
		{ "Rar!\x1a\7\0", 7, GF_DAMAGED, "archive-format" },
		{ "MSCF\0\0\0\0", 8, GF_DAMAGED, "archive-format" },
		{ "xar!\0\x1c\0\1", 8, GF_DAMAGED, "archive-format" },
		{ "#mtree\n/set\n", 12, GF_DAMAGED, "archive-format" },
		{ "#!/bin/sh\n", 10, GF_DAMAGED, "archive-format" },
		{ "", 0, GF_DAMAGED, "archive-format" },
	};
	tar *t;

	(void)state;
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		put("magic", magics[i].bytes, magics[i].n);
		refused("magic", magics[i].class, magics[i].name);
	}
	t = tar_new("absolute.tar", false);
	tar_text(t, "/etc/x", "x");
	tar_close(t);
	refused("absolute.tar", GF_DAMAGED, "archive-path");
	t = tar_new("dotdot.tar", false);
	tar_text(t, "a/../../x", "x");
	tar_close(t);
	refused("dotdot.tar", GF_DAMAGED, "archive-path");
	refused("not-there.tar", GF_USAGE, "open");
}

/* A pax sparse member of enormous size in a few bytes (security.md C34). */
static void sparse(void **state)
{
	struct archive_entry *e = archive_entry_new();
	tar *t = archive_write_new();

	(void)state;
	archive_write_set_format_pax(t);
	assert_int_equal(archive_write_open_filename(t, "sparse.tar"), ARCHIVE_OK);
	archive_entry_set_pathname(e, "layer.tar");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)1 << 40);
	archive_entry_sparse_add_entry(e, 0, 512);
	assert_int_equal(archive_write_header(t, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(t, big.bytes, 512), 512);
	archive_entry_free(e);
	archive_write_close(t);
	archive_write_free(t);
	refused("sparse.tar", GF_DAMAGED, "archive-sparse");
}

static void octal(unsigned char *at, size_t n, unsigned long value)
{
	char digits[16];

	snprintf(digits, sizeof digits, "%0*lo", (int)n - 1, value);
	memcpy(at, digits, n - 1);
}

static void header(unsigned char h[512], const char *name, char type, unsigned long size)
{
	unsigned long sum = 0;

	memset(h, 0, 512);
	memcpy(h, name, strlen(name));
	octal(h + 100, 8, 0644);
	octal(h + 108, 8, 0);
	octal(h + 116, 8, 0);
	octal(h + 124, 12, size);
	octal(h + 136, 12, 0);
	h[156] = (unsigned char)type;
	memcpy(h + 257,
	    "ustar\0"
	    "00",
	    8);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	octal(h + 148, 7, sum);
}

/* A header of 3 MiB (C35's size of a map), and one that says 8 GiB (C36). */
static void endless_header(void **state)
{
	size_t n = (size_t)3 << 20;
	unsigned char *bytes = calloc(1, 512 + n + 1024);
	size_t at = 512;

	(void)state;
	header(bytes, "PaxHeaders/x", 'x', (unsigned long)n);
	/* Records of 4,096 bytes each: "4096 comment=....\n". */
	for (; at < 512 + n; at += 4096) {
		memset(bytes + at, 'c', 4096);
		memcpy(bytes + at, "4096 comment=", 13);
		bytes[at + 4095] = '\n';
	}
	header(bytes + at, "x", '0', 0);
	put("endless.tar", bytes, 512 + n + 1024);
	refused("endless.tar", GF_DAMAGED, "archive-format");
	header(bytes, "PaxHeaders/x", 'x', 07777777777);
	put("endless.tar", bytes, 512 + n + 1024);
	refused("endless.tar", GF_DAMAGED, "archive-format");
	free(bytes);
}

/* A member whose header is none, or whose size is no number, behind one that is whole. */
static void broken_headers(void **state)
{
	unsigned char bytes[5 * 512] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		header(bytes, "one", '0', 0);
		header(bytes + 512, "two", '0', 512);
		if (i == 0)
			bytes[512 + 150] ^= 1; /* the checksum */
		else if (i == 1)
			memset(bytes + 512, 'x', 512);
		put("header.tar", bytes, sizeof bytes);
		if (i < 2)
			refused("header.tar", GF_DAMAGED, "archive");
		else
			gf_archive_close(open_it("header.tar"));
	}
}

static void too_many_links(void **state)
{
	tar *t = tar_new("links.tar", false);
	gf_archive *a;

	(void)state;
	tar_text(t, "l0", "x");
	for (int i = 1; i <= 41; i++)
		tar_link(t, text("l%d", i), text("l%d", i - 1));
	tar_close(t);
	a = open_it("links.tar");
	has(a, "l40", "x", 1);
	not_found(a, "l41", "archive-link");
	gf_archive_close(a);
}

/* Many headers that only speak of the next one are as many bytes as one large header. */
static void headers_of_headers(void **state)
{
	enum { N = 24, SIZE = 65536 };
	size_t n = (size_t)N * (512 + SIZE);
	unsigned char *bytes = calloc(1, n + 512 + 1024), *at = bytes;

	(void)state;
	for (int i = 0; i < N; i++, at += 512 + SIZE) {
		header(at, "PaxHeaders/x", 'g', SIZE);
		memset(at + 512, 'c', SIZE);
		memcpy(at + 512, "65536 comment=", 14);
		at[512 + SIZE - 1] = '\n';
	}
	header(at, "x", '0', 0);
	put("headers.tar", bytes, n + 512 + 1024);
	refused("headers.tar", GF_DAMAGED, "archive-header");
	/* eight of them are fine */
	put("headers.tar", bytes + (N - 8) * (512 + SIZE), n + 512 + 1024 - (N - 8) * (512 + SIZE));
	gf_archive_close(open_it("headers.tar"));
	free(bytes);
}

/* One member more than are allowed; names that are too much together. */
static void too_many_members(void **state)
{
	static unsigned char block[512];
	char name[16], *longer = text("%s", "");
	FILE *f = fopen("many.tar", "wb");
	tar *t;

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i <= GF_ARCHIVE_MEMBERS_MAX; i++) {
		snprintf(name, sizeof name, "m%u", i);
		header(block, name, '0', 0);
		assert_int_equal(fwrite(block, 1, sizeof block, f), sizeof block);
	}
	memset(block, 0, sizeof block);
	assert_int_equal(fwrite(block, 1, sizeof block, f) + fwrite(block, 1, sizeof block, f), 2 * sizeof block);
	assert_int_equal(fclose(f), 0);
	refused("many.tar", GF_DAMAGED, "archive-members");
	/* without the last it is read */
	assert_int_equal(truncate("many.tar", (off_t)GF_ARCHIVE_MEMBERS_MAX * 512), 0);
	gf_archive_close(open_it("many.tar"));
	t = tar_new("names.tar", false);
	memset(longer, 'n', 4000);
	for (unsigned i = 0; i < 4200; i++) {
		snprintf(longer + 3990, 11, "/%09u", i);
		tar_file(t, longer, "", 0);
	}
	tar_close(t);
	refused("names.tar", GF_DAMAGED, "archive-members");
}

static void a_lying_medium(void **state)
{
	tar *t = tar_new("lying.tar", false);

	(void)state;
	tar_text(t, "one", "11111");
	tar_close(t);
	lying = true;
	refused("lying.tar", GF_FAILED, "archive-position");
	lying = false;
	gf_archive_close(open_it("lying.tar"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file),
		cmocka_unit_test(outer_gzip),
		cmocka_unit_test(fifo),
		cmocka_unit_test(directory),
		cmocka_unit_test(cut),
		cmocka_unit_test(hostile),
		cmocka_unit_test(sparse),
		cmocka_unit_test(endless_header),
		cmocka_unit_test(headers_of_headers),
		cmocka_unit_test(broken_headers),
		cmocka_unit_test(too_many_links),
		cmocka_unit_test(too_many_members),
		cmocka_unit_test(a_lying_medium),
	};

	return cmocka_run_group_tests(tests, make, leave);
}
