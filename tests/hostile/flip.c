/*
 * flip BUNDLE KEY HEAD - no changed copy of a bundle with one signature is accepted.
 *
 * Every byte of the front, of each header and of the end is flipped (all eight bits of it,
 * one after another), 10,000 seeded bytes elsewhere (one seeded bit), the file cut at every
 * 512 bytes and at seeded places, and something appended.  Each copy is judged and walked
 * as verify does it, from a file and, for one in sixteen, through a pipe.  HEAD is the size
 * of the head: there a refusal may be for the signature.  Prints TAP.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verify/verify.h"

#define SEEDED 10000

static unsigned char *good;
static size_t size, head, tests;
static gf_trust *trust;
static int fd, null;
static uint64_t seed = 20261123;

static uint64_t next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return seed >> 24;
}

/* What verify says of a bundle. */
static gf_class judge(const char *path, gf_error *err)
{
	gf_judge j = { .trust = trust };
	gf_manifest *m = NULL;
	gf_verdict v;
	gf_reader *r;
	gf_walk w = { .jobs = 1 };
	bool ok;

	gf_verdict_init(&v);
	r = gf_reader_open(path, err);
	ok = r != NULL && gf_accept(r, &j, &v, &m, err);
	if (ok) {
		w.reader = r;
		w.manifest = m;
		ok = gf_walk_run(&w, &v, err) && gf_verdict_good(&v);
	}
	if (!ok && r != NULL && m != NULL && gf_verdict_good(&v))
		gf_fail(err, GF_OK, "verdict", NULL, "refused, and every check is good");
	gf_reader_close(r);
	gf_manifest_free(m);
	gf_verdict_clear(&v);
	return ok ? GF_OK : err->class;
}

static void set_file(const unsigned char *bytes, size_t n)
{
	if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, n, 0) != (ssize_t)n) {
		perror("flip: cannot write");
		exit(2);
	}
}

static gf_class judge_file(gf_error *err)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return judge(path, err);
}

/* The same bytes through a pipe on stdin, fed by a child. */
static gf_class judge_pipe(const unsigned char *bytes, size_t n, gf_error *err)
{
	int ends[2], status;
	gf_class class;
	pid_t child;

	if (pipe(ends) != 0 || (child = fork()) < 0) {
		perror("flip: cannot fork");
		exit(2);
	}
	if (child == 0) {
		size_t done = 0;
		ssize_t k = 1;

		close(ends[0]);
		while (done < n && k > 0) {
			k = write(ends[1], bytes + done, n - done);
			done += k > 0 ? (size_t)k : 0;
		}
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], 0);
	close(ends[0]);
	class = judge("-", err);
	/* The child must see its reader go; 0 must stay taken, or the next pipe gets it. */
	dup2(null, 0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return class;
}

typedef struct sum {
	size_t tried, bad;
} sum;

/* n bytes that differ from the good ones: refused, and as what they are. */
static void must_refuse(sum *s, const unsigned char *bytes, size_t n, bool signature_may, const char *how, size_t where)
{
	gf_error err;
	gf_class class = judge_file(&err);
	bool right = class == GF_DAMAGED || (class == GF_REFUSED && signature_may);

	s->tried++;
	if (right && s->tried % 16 == 0) {
		class = judge_pipe(bytes, n, &err);
		right = class == GF_DAMAGED || (class == GF_REFUSED && signature_may);
		how = right ? how : "through a pipe";
	}
	if (!right && s->bad++ < 20)
		printf("%s at %zu: class %d, %s: %s\n", how, where, (int)class, class == GF_OK ? "" : err.name,
		    class == GF_OK ? "ACCEPTED" : err.text);
}

static void flip(sum *s, size_t at, unsigned mask, const char *how)
{
	unsigned char was = good[at], now = (unsigned char)(was ^ mask);

	good[at] = now;
	if (pwrite(fd, &now, 1, (off_t)at) != 1)
		exit(2);
	must_refuse(s, good, size, at < head, how, at);
	good[at] = was;
	if (pwrite(fd, &was, 1, (off_t)at) != 1)
		exit(2);
}

static void report(const sum *s, const char *what)
{
	tests++;
	printf("%sok %zu - %s: %zu tried, %zu not refused as they should be\n",
	    s->bad == 0 && s->tried > 0 ? "" : "not ", tests, what, s->tried, s->bad);
}

/* Which bytes are front, headers and end: known from the good bundle's own manifest. */
static unsigned char *map_bytes(void)
{
	unsigned char *kind = calloc(size, 1); /* 1: every bit; 0: elsewhere */
	size_t at = 0;

	if (kind == NULL)
		exit(2);
	while (at + 512 <= size && good[at] != 0) {
		size_t n = strtoull((const char *)good + at + 124, NULL, 8), whole = 512 + (n + 511) / 512 * 512;
		bool layer = at % 65536 == 0 && at > 0;

		/* From the first layer on, headers and fill alone. */
		if (layer || (at > 0 && kind[at] == 2)) {
			memset(kind + at, 1, 512);
			memset(kind + at + 512 + n, 1, whole - 512 - n);
			if (at + whole < size)
				kind[at + whole] = 2;
		} else {
			memset(kind + at, 1, whole);
		}
		at += whole;
	}
	memset(kind + at, 1, size - at);
	return kind;
}

static void flip_all(void)
{
	unsigned char *kind = map_bytes();
	sum front = { 0, 0 }, others = { 0, 0 };

	for (size_t at = 0; at < size; at++)
		if (kind[at] != 0) {
			/* all bits where something is said; one seeded bit in the padding's 60,000 zeros */
			if (good[at] != 0 || at < head + 4096)
				for (unsigned bit = 0; bit < 8; bit++)
					flip(&front, at, 1U << bit, "flip");
			else
				flip(&front, at, 1U << (next_random() % 8), "flip");
		}
	report(&front, "every byte of the front, of each header and of the end, flipped");
	while (others.tried < SEEDED) {
		size_t at = (size_t)(next_random() % size);

		if (kind[at] == 0)
			flip(&others, at, 1U << (next_random() % 8), "flip elsewhere");
	}
	report(&others, "10,000 seeded bytes elsewhere, flipped");
	free(kind);
}

static void cut_all(void)
{
	sum s = { 0, 0 };
	size_t last = size;

	for (size_t i = 0; i < size / 512 + 500; i++) {
		size_t n = i * 512 < size ? size - size % 512 - i * 512 : (size_t)(next_random() % size);

		if (n == size)
			continue;
		if (n > last)
			set_file(good, n);
		else if (ftruncate(fd, (off_t)n) != 0)
			exit(2);
		last = n;
		must_refuse(&s, good, n, n < head, "cut", n);
	}
	set_file(good, size);
	report(&s, "cut at every 512 bytes and at 500 seeded places");
}

static void append_all(void)
{
	static const size_t counts[] = { 1, 2, 511, 512, 513, 1024, 10240, 65536 };
	unsigned char *more = malloc(size + 65536 + size);
	sum s = { 0, 0 };

	if (more == NULL)
		exit(2);
	for (int fill = 0; fill < 3; fill++)
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
			memcpy(more, good, size);
			for (size_t k = 0; k < counts[i]; k++)
				more[size + k] = fill == 0 ? 0 : fill == 1 ? 0xff : good[k % size];
			set_file(more, size + counts[i]);
			must_refuse(&s, more, size + counts[i], false, "appended", counts[i]);
		}
	memcpy(more, good, size);
	memcpy(more + size, good, size);
	set_file(more, 2 * size);
	must_refuse(&s, more, 2 * size, false, "appended itself", size);
	set_file(good, size);
	free(more);
	report(&s, "something appended");
}

static void twin(void)
{
	gf_error err;
	sum s = { 1, 0 };

	if (judge_file(&err) != GF_OK) {
		printf("%s: %s\n", err.name, err.text);
		s.bad = 1;
	}
	if (judge_pipe(good, size, &err) != GF_OK) {
		printf("pipe: %s: %s\n", err.name, err.text);
		s.bad = 1;
	}
	report(&s, "the bundle itself is accepted, from a file and a pipe");
}

int main(int argc, char **argv)
{
	gf_buf bytes;
	gf_error err;
	gf_trust *t;

	if (argc != 4)
		return 2;
	gf_buf_init(&bytes, 64 * GF_MIB);
	t = gf_trust_open((const char *const *)argv + 2, 1, "/nonexistent", &err);
	if (t == NULL || !gf_file_load(argv[1], 64 * GF_MIB, GF_FAILED, &bytes, &err)) {
		fprintf(stderr, "flip: %s\n", err.text);
		return 2;
	}
	trust = t;
	good = (unsigned char *)bytes.data;
	size = bytes.len;
	head = (size_t)strtoul(argv[3], NULL, 10);
	fd = memfd_create("flip", MFD_CLOEXEC);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || null < 0)
		return 2;
	set_file(good, size);
	twin();
	flip_all();
	cut_all();
	append_all();
	twin();
	gf_trust_free(t);
	gf_buf_clear(&bytes);
	close(fd);
	return 0;
}
