#define _XOPEN_SOURCE 700 /* realpath */
/* Signed notes and checkpoints: C2SP's own, Go's, Tessera's, and ours in the hands of openssl. */
#include "common.h"
#include "vectors.h"
#include "verify/checkpoint.h"
#include "verify/merkle.h"
#include "verify/note.h"

#define DASH "\xe2\x80\x94 "

/* An Ed25519 key of its line "NAME+ID+KEY". */
static gf_pubkey *key_of(const char *line)
{
	static const unsigned char prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0 };
	const char *last = strchr(strchr(line, '+') + 1, '+'); /* base64 may have more of them */
	gf_error err = { 0 };
	gf_buf raw, der, pem;
	gf_pubkey *k;

	gf_buf_init(&raw, GF_KIB);
	gf_buf_init(&der, GF_KIB);
	gf_buf_init(&pem, GF_KIB);
	need(gf_base64_decode(last + 1, strlen(last + 1), &raw, &err));
	assert_int_equal(raw.len, 33);
	assert_int_equal(raw.data[0], 1);
	need(gf_buf_add(&der, prefix, sizeof prefix, &err) && gf_buf_add(&der, raw.data + 1, 32, &err) &&
	    gf_buf_puts(&pem, "-----BEGIN PUBLIC KEY-----\n", &err) &&
	    gf_base64_encode(&pem, der.data, der.len, &err) && gf_buf_puts(&pem, "\n-----END PUBLIC KEY-----\n", &err));
	need((k = gf_pubkey_parse(pem.data, pem.len, "log", &err)) != NULL);
	gf_buf_clear(&raw);
	gf_buf_clear(&der);
	gf_buf_clear(&pem);
	return k;
}

/* The note opens under the name of its key's line, and the line is the one we would write. */
static void opens(const char *note, size_t n, const char *line, const char *want)
{
	gf_pubkey *k = key_of(line);
	char name[128];
	gf_error err = { 0 };
	gf_buf text;

	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(line, "+"), line);
	gf_buf_init(&text, GF_NOTE_MAX);
	need(gf_note_open(note, n, name, k, &text, &err));
	if (want != NULL)
		assert_string_equal(text.data, want);
	gf_buf_clear(&text);
	need(gf_note_key(name, k, &text, &err));
	assert_string_equal(text.data, line);
	/* another name is another key */
	assert_false(gf_note_open(note, n, "somebody", k, &text, &err));
	assert_string_equal(err.name, "note-signature");
	assert_int_equal(err.class, GF_REFUSED);
	gf_buf_clear(&text);
	gf_pubkey_free(k);
}

static void test_c2sp(void **state)
{
	static const char note[] =
	    "This is an example message.\n\n" DASH
	    "example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

	(void)state;
	opens(note, sizeof note - 1, "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
	    "This is an example message.\n");
}

static void test_go_note(void **state)
{
	gf_buf note;
	char path[4200];

	(void)state;
	if (!have_vectors("note-peterneumann.txt"))
		skip();
	(void)snprintf(path, sizeof path, "%s/note-peterneumann.txt", getenv("GF_VECTORS"));
	load(path, &note);
	opens(note.data, note.len, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n");
	gf_buf_clear(&note);
}

/* A log grown leaf by leaf by another program: the same root at each size, under its own signature. */
static void test_tessera_log(void **state)
{
	static const char line[] = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
	gf_error err = { 0 };
	gf_hash *h;
	gf_merkle tree = { .size = 0 };
	const unsigned char *at;
	gf_buf entries;

	(void)state;
	if (!unpack_vectors("tessera-log"))
		skip();
	h = gf_hash_new(&err);
	load("tessera-log/log/tile/entries/000.p/15", &entries);
	at = (const unsigned char *)entries.data;
	for (unsigned size = 0; size <= 15; size++) {
		gf_checkpoint c = { .size = 99 };
		gf_digest leaf, root;
		gf_buf note, text;
		char path[64];

		if (size > 0) {
			size_t n = (size_t)(at[0] << 8 | at[1]);

			need(gf_merkle_leaf(h, at + 2, n, &leaf, &err) && gf_merkle_add(&tree, h, &leaf, &err));
			at += 2 + n;
		}
		(void)snprintf(path, sizeof path, "tessera-log/log/checkpoint.%u", size);
		load(path, &note);
		opens(note.data, note.len, line, NULL);
		gf_buf_init(&text, GF_NOTE_MAX);
		need(gf_note_text(note.data, note.len, &text, &err) &&
		    gf_checkpoint_parse(text.data, text.len, &c, &err) && gf_merkle_root(&tree, h, &root, &err));
		assert_int_equal(c.size, size);
		assert_true(gf_digest_equal(&c.root, &root));
		gf_buf_clear(&note);
		gf_buf_init(&note, GF_NOTE_MAX);
		need(gf_checkpoint_print(&c, &note, &err));
		assert_string_equal(note.data, text.data);
		gf_buf_clear(&note);
		gf_buf_clear(&text);
	}
	assert_ptr_equal(at, entries.data + entries.len);
	gf_buf_clear(&entries);
	gf_hash_free(h);
}

static gf_signer *signer_of(const char *name)
{
	gf_error err = { 0 };
	char path[64];
	bool plain;
	gf_signer *s;

	(void)snprintf(path, sizeof path, "%s.key", name);
	need((s = gf_signer_open(path, NULL, &plain, &err)) != NULL);
	return s;
}

static void expect_refused(const char *note, size_t n, const gf_pubkey *k, const char *name)
{
	gf_error err = { 0 };
	gf_buf text;

	gf_buf_init(&text, GF_NOTE_MAX);
	if (gf_note_open(note, n, "gapferry/a", k, &text, &err))
		fail_msg("opened: %s", note);
	if (name != NULL)
		assert_string_equal(err.name, name);
	assert_int_equal(text.len, 0);
	gf_buf_clear(&text);
}

/* What we sign: no byte can be changed, openssl agrees, other people's lines change nothing. */
static void test_signed(void **state)
{
	static const char text[] = "gapferry/a\n3\nrrbPzidLcKFPsGel5VeCZNsPqbUeoLpRWRWPMp8GngA=\n";
	gf_error err = { 0 };
	gf_signer *a, *b;
	gf_buf note, twice, other, copy, found;

	(void)state;
	make_key("a");
	make_key("b");
	a = signer_of("a");
	b = signer_of("b");
	gf_buf_init(&note, GF_NOTE_MAX);
	gf_buf_init(&other, GF_NOTE_MAX);
	gf_buf_init(&twice, GF_NOTE_MAX);
	gf_buf_init(&copy, GF_NOTE_MAX);
	gf_buf_init(&found, GF_NOTE_MAX);
	need(gf_note_sign(text, "gapferry/a", a, &note, &err) && gf_note_sign(text, "gapferry/a", b, &other, &err));
	need(gf_note_open(note.data, note.len, "gapferry/a", gf_signer_public(a), &found, &err));
	assert_string_equal(found.data, text);
	need(gf_file_store("note", 0644, note.data, note.len, &err));
	assert_int_equal(
	    sh("sed -n '1,/^$/{/^$/!p}' note >text && tail -n 1 note | cut -d ' ' -f 3 | base64 -d | tail -c +5 "
	       ">sig && openssl dgst -sha256 -verify a.pub -signature sig text >out && grep -qx 'Verified OK' out"),
	    0);
	expect_refused(note.data, note.len, gf_signer_public(b), "note-signature");
	for (size_t i = 0; i < note.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			gf_buf_clear(&copy);
			need(gf_buf_add(&copy, note.data, note.len, &err));
			copy.data[i] = (char)(copy.data[i] ^ (1 << bit));
			expect_refused(copy.data, copy.len, gf_signer_public(a), NULL);
		}
	for (size_t n = 0; n < note.len; n++)
		expect_refused(note.data, n, gf_signer_public(a), "note");
	/* two signatures: each opens it for its own; a broken one of a known key refuses it for that key alone */
	need(
	    gf_buf_add(&twice, note.data, note.len, &err) && gf_buf_puts(&twice, strstr(other.data, "\n\n") + 2, &err));
	need(gf_note_open(twice.data, twice.len, "gapferry/a", gf_signer_public(a), &found, &err));
	need(gf_note_open(twice.data, twice.len, "gapferry/a", gf_signer_public(b), &found, &err));
	need(gf_buf_puts(&note, strstr(other.data, "\n\n") + 2, &err));
	note.data[note.len - 30] = note.data[note.len - 30] == 'A' ? 'B' : 'A';
	need(gf_note_open(note.data, note.len, "gapferry/a", gf_signer_public(a), &found, &err));
	expect_refused(note.data, note.len, gf_signer_public(b), "note-signature");
	gf_buf_clear(&note);
	gf_buf_clear(&other);
	gf_buf_clear(&twice);
	gf_buf_clear(&copy);
	gf_buf_clear(&found);
	gf_signer_free(a);
	gf_signer_free(b);
}

static void test_not_notes(void **state)
{
	static const char *const bad[] = { "", "\n", "text\n", "text\n\n", "\n\n", "text\n\nsig\n",
		"text\n\n" DASH "\n", "text\n\n" DASH "name\n", "text\n\n" DASH "name \n",
		"text\n\n" DASH "name AAAA\n", "text\n\n" DASH "na+me AAAAAAAA\n", "text\n\n" DASH " AAAAAAAA\n",
		"text\n\n" DASH "name AAAAAAAA", "text\n\n" DASH "name AAAAAAAA\n\n",
		"text\n\n" DASH "name AAAAAAA=\n\ntext\n", "te\txt\n\n" DASH "name AAAAAAAA\n",
		"te\xffxt\n\n" DASH "name AAAAAAAA\n", "text\n\n" DASH "name AAAAAAAA \n",
		"text\n\n- name AAAAAAAA\n" };
	gf_error err = { 0 };
	gf_buf text, many;

	(void)state;
	gf_buf_init(&text, GF_NOTE_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (gf_note_text(bad[i], strlen(bad[i]), &text, &err))
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(err.name, "note");
		assert_int_equal(err.class, GF_DAMAGED);
	}
	need(gf_note_text(
	    "a\n\nb\n\n" DASH "name AAAAAAAA\n", strlen("a\n\nb\n\n" DASH "name AAAAAAAA\n"), &text, &err));
	assert_string_equal(text.data, "a\n\nb\n"); /* the last empty line divides */
	gf_buf_init(&many, 2 * GF_NOTE_MAX);
	need(gf_buf_puts(&many, "text\n\n", &err));
	for (unsigned i = 1; i <= GF_NOTE_SIGNATURES_MAX + 1; i++) {
		need(gf_buf_puts(&many, DASH "name AAAAAAAA\n", &err));
		assert_int_equal(gf_note_text(many.data, many.len, &text, &err), i <= GF_NOTE_SIGNATURES_MAX);
	}
	gf_buf_clear(&many);
	gf_buf_clear(&text);
}

static void test_checkpoints(void **state)
{
#define ROOT "rrbPzidLcKFPsGel5VeCZNsPqbUeoLpRWRWPMp8GngA="
	static const char *const bad[] = { "", "\n", "a\n", "a\n1\n", "\n1\n" ROOT "\n", "a\n\n" ROOT "\n",
		"a\n01\n" ROOT "\n", "a\n-1\n" ROOT "\n", "a\n1 \n" ROOT "\n", "a\n99999999999999999999\n" ROOT "\n",
		"a\n1\n" ROOT, "a\n1\n" ROOT "\n\n", "a\n1\n" ROOT "\nmore", "a\n1\nAAAA\n", "a\n1\n" ROOT "=\n",
		"a b\n1\n" ROOT "\n" };
	static const char good[] = "gapferry/a\n0\n" ROOT "\nextension\n";
	gf_error err = { 0 };
	gf_checkpoint c;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (gf_checkpoint_parse(bad[i], strlen(bad[i]), &c, &err))
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(err.name, "checkpoint");
		assert_int_equal(err.class, GF_DAMAGED);
	}
	need(gf_checkpoint_parse(good, sizeof good - 1, &c, &err));
	assert_string_equal(c.origin, "gapferry/a");
	assert_int_equal(c.size, 0);
}

/* Keys that notes have no type for. */
static void test_key_types(void **state)
{
	gf_error err = { 0 };
	gf_buf line;
	gf_secret private = { .data = NULL };
	gf_buf public;
	gf_pubkey *k;

	(void)state;
	gf_buf_init(&line, GF_KIB * 8);
	gf_buf_init(&public, GF_KEY_FILE_MAX);
	need(gf_key_generate("p384", NULL, &private, &public, &err));
	need((k = gf_pubkey_parse(public.data, public.len, "p384", &err)) != NULL);
	assert_false(gf_note_key("a", k, &line, &err));
	assert_string_equal(err.name, "key-type");
	gf_pubkey_free(k);
	gf_secret_clear(&private);
	gf_buf_clear(&public);
	gf_buf_clear(&line);
}

/* A signer of such a key signs no note, nor one whose signatures are minisign's. */
static void test_other_signers(void **state)
{
	static const char *const types[] = { "p384", "minisign" };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		gf_secret private = { .data = NULL };
		gf_buf public, note;
		gf_error err = { 0 };
		gf_signer *s;
		bool plain;

		gf_buf_init(&public, GF_KEY_FILE_MAX);
		gf_buf_init(&note, GF_NOTE_MAX);
		need(gf_key_generate(types[i], NULL, &private, &public, &err) &&
		    gf_file_store("other.key", 0600, private.data, private.len, &err));
		need((s = gf_signer_open("other.key", NULL, &plain, &err)) != NULL);
		assert_false(gf_note_sign("text\n", "name", s, &note, &err));
		assert_string_equal(err.name, "key-type");
		assert_int_equal(err.class, GF_USAGE);
		assert_int_equal(note.len, 0);
		gf_signer_free(s);
		gf_secret_clear(&private);
		gf_buf_clear(&public);
		gf_buf_clear(&note);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_c2sp), cmocka_unit_test(test_go_note),
		cmocka_unit_test(test_tessera_log), cmocka_unit_test(test_signed), cmocka_unit_test(test_not_notes),
		cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_key_types),
		cmocka_unit_test(test_other_signers) };

	return find_vectors() ? cmocka_run_group_tests(tests, enter, leave) : 1;
}
