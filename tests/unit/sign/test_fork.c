/* Private keys, unlocked: what a process that was forked from ours finds of them, and what is left of them in ours. */
#define _GNU_SOURCE /* memmem, process_vm_readv */
#include "common.h"

#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PART 16
#define MASK 0x5a /* whoever looks for a secret must not hold it */

/* Of the secret, masked: its bytes, and in the other order, which numbers of OpenSSL have. */
static unsigned char part[2][PART];

/* ---- what is looked for; got in another process, so that this one never had it ---- */

static void mask(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] ^= MASK;
}

/* The PART bytes of key.der that follow on these. */
static void store_part(const unsigned char *before, size_t n, size_t further)
{
	unsigned char der[4096], found[PART];
	FILE *f = fopen("key.der", "rb");
	size_t size = f != NULL ? fread(der, 1, sizeof der, f) : 0;
	const unsigned char *at = memmem(der, size, before, n);

	if (at == NULL || (size_t)(at - der) + n + further + PART > size)
		_exit(1);
	memcpy(found, at + n + further, PART);
	mask(found, PART);
	f = fopen("part", "wb");
	_exit(f != NULL && fwrite(found, PART, 1, f) == 1 && fclose(f) == 0 ? 0 : 1);
}

static void learn(const unsigned char *before, size_t n, size_t further)
{
	pid_t pid = fork();
	gf_buf bytes;
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		store_part(before, n, further);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	get("part", &bytes);
	assert_int_equal(bytes.len, PART);
	for (size_t i = 0; i < PART; i++) {
		part[0][i] = (unsigned char)bytes.data[i];
		part[1][PART - 1 - i] = (unsigned char)bytes.data[i];
	}
	gf_buf_clear(&bytes);
}

/* ---- looking ---- */

static size_t in_range(uintptr_t from, uintptr_t to)
{
	static unsigned char bytes[1 << 20];
	size_t found = 0;

	while (from < to) {
		size_t n = to - from < sizeof bytes ? to - from : sizeof bytes;
		struct iovec here = { bytes, n }, there = { (void *)from, n };
		ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

		if (got <= 0)
			break; /* a guard page */
		mask(bytes, (size_t)got);
		for (size_t i = 0; i < 2; i++)
			found += memmem(bytes, (size_t)got, part[i], PART) != NULL;
		memset(bytes, 0, sizeof bytes); /* part, masked twice, would be found here */
		if ((size_t)got < n || n < sizeof bytes)
			break;
		from += n - PART;
	}
	return found;
}

/* The places in this process where the secret lies. */
static size_t places(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	size_t found = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long from, to;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 && mode[1] == 'w' && to - from < 1UL << 30)
			found += in_range(from, to);
	}
	(void)fclose(maps);
	return found;
}

static size_t places_in_child(void)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit((int)places());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (size_t)WEXITSTATUS(status);
}

/* ---- keys ---- */

static bool answer(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	(void)what;
	(void)confirm;
	return gf_secret_set(out, ctx, strlen(ctx), err);
}

static const struct {
	const char *make;
	const unsigned char before[9];
	size_t n, further;
} rows[] = {
	{ "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem", { 2, 1, 1, 4, 32 }, 5, 0 },
	{ "openssl genpkey -algorithm ED25519 -out key.pem", { 4, 34, 4, 32 }, 4, 0 },
	/* the secret exponent, behind e = 65537 */
	{ "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem",
	    { 2, 3, 1, 0, 1, 2, 0x82, 1 }, 8, 3 },
};

static void open_and_look(const char *path)
{
	gf_asker asker = { .ask = answer, .ctx = (void *)(uintptr_t) "knock" };
	gf_error err;
	bool plain;
	gf_signer *s = gf_signer_open(path, &asker, &plain, &err);
	gf_member m;

	if (s == NULL)
		fail_msg("%s: %s", err.name, err.text);
	assert_int_not_equal(places(), 0); /* else the search is at fault */
	assert_int_equal(places_in_child(), 0);
	assert_true(gf_signer_sign(s, "m", "message", 7, &m, &err));
	assert_int_equal(places_in_child(), 0);
	free(m.name);
	gf_buf_clear(&m.bytes);
	gf_signer_free(s);
	assert_int_equal(places(), 0);
}

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(sh(rows[i].make), 0);
		assert_int_equal(sh("openssl pkey -in key.pem -outform DER -out key.der &&"
				    " openssl pkcs8 -topk8 -in key.pem -out locked.pem -passout pass:knock"),
		    0);
		learn(rows[i].before, rows[i].n, rows[i].further);
		assert_int_equal(places(), 0);
		open_and_look("key.pem");
		open_and_look("locked.pem");
	}
}

static void test_no_core(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys), cmocka_unit_test(test_no_core) };

	gf_secret_wipe_frees();
	return cmocka_run_group_tests(tests, enter, leave);
}
