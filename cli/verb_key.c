/* key: make key pairs, say what a public key is, write it in another form. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* A new file: O_EXCL, so that no key is ever replaced and no link followed. */
static bool write_new(const char *path, mode_t mode, const void *bytes, size_t n, gf_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool ok;

	if (fd < 0 && errno == EEXIST)
		return gf_fail(err, GF_USAGE, "exists", path,
		    "'%s' is there already, and a key is never replaced: choose another name or move the file away",
		    path);
	if (fd < 0)
		return gf_fail_errno(err, GF_FAILED, "write", path, "'%s' cannot be made", path);
	ok = fchmod(fd, mode) == 0 || gf_fail_errno(err, GF_FAILED, "write", path, "mode of '%s'", path);
	ok = ok && gf_write_all(fd, bytes, n, path, err) && gf_sync(fd, path, err) && gf_dir_sync_parent(path, err);
	(void)close(fd);
	if (!ok)
		(void)unlink(path);
	return ok;
}

static bool write_pair(const char *private_path, const char *public_path, const gf_secret *private_pem,
    const gf_buf *public_pem, gf_error *err)
{
	if (!write_new(private_path, 0600, private_pem->data, private_pem->len, err))
		return false;
	if (write_new(public_path, 0644, public_pem->data, public_pem->len, err))
		return true;
	(void)unlink(private_path); /* half a pair is of no use; it was ours */
	return false;
}

static bool must_be_free(const char *path, gf_error *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return true;
	return gf_fail(err, GF_USAGE, "exists", path,
	    "'%s' is there already, and a key is never replaced: choose another name or move the file away", path);
}

static bool tell_pair(gf_run *run, const char *private_path, const char *public_path, gf_error *err)
{
	gf_pubkey *k = gf_pubkey_load(public_path, err);
	gf_table *t;
	gf_report r;
	char hex[GF_HEX_SIZE];
	bool ok;

	if (k == NULL)
		return false;
	if (run->json) {
		gf_report_open(&r, run, err);
		gf_json_put(&r.out, "private", private_path);
		gf_json_put(&r.out, "public", public_path);
		gf_json_open(&r.out, "keys", '[');
		gf_put_key(&r.out, k, NULL);
		gf_json_close(&r.out, ']');
		ok = gf_report_close(&r, run, NULL, err);
	} else {
		t = gf_table_new(2, err);
		gf_digest_hex(gf_pubkey_id(k), hex);
		gf_table_add(t, "private", private_path);
		gf_table_add(t, "public", public_path);
		gf_table_add(t, "type", gf_pubkey_type(k));
		gf_table_add(t, "id", hex);
		ok = gf_table_print(t, stdout, 0, err);
	}
	gf_pubkey_free(k);
	return ok;
}

static bool known_type(const char *type)
{
	static const char *const types[] = { "p256", "p384", "rsa3072", "ed25519", "minisign" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

bool gf_key_pair_make(
    const char *private_path, const char *public_path, const char *type, const gf_secret *passphrase, gf_error *err)
{
	gf_secret private_pem = { .data = NULL };
	gf_buf public_pem;
	bool ok;

	gf_buf_init(&public_pem, GF_KEY_FILE_MAX);
	ok = gf_key_generate(type, passphrase, &private_pem, &public_pem, err) &&
	    write_pair(private_path, public_path, &private_pem, &public_pem, err);
	gf_secret_clear(&private_pem);
	gf_buf_clear(&public_pem);
	return ok;
}

bool gf_key_pair_ask(
    const gf_run *run, const char *private_path, const char *public_path, gf_secret *passphrase, gf_error *err)
{
	return must_be_free(private_path, err) && must_be_free(public_path, err) &&
	    run->asker.ask(run->asker.ctx, private_path, true, passphrase, err) &&
	    (passphrase->len > 0 ||
		gf_fail(err, GF_USAGE, "passphrase", NULL,
		    "the passphrase is empty; a key without one is made by 'key new --no-passphrase'"));
}

bool gf_verb_key_new(gf_run *run, gf_error *err)
{
	const gf_arguments *a = &run->args;
	const char *name = a->words.items[0], *type = gf_value(a, GF_OPT_TYPE);
	bool plain = gf_given(a, GF_OPT_NO_PASSPHRASE), ok;
	gf_secret passphrase = { .data = NULL };
	gf_buf private_path, public_path;

	if (type == NULL)
		type = "p256";
	if (!known_type(type))
		return gf_value_fail(GF_OPT_TYPE, err, "'%s' is not p256, p384, rsa3072, ed25519 or minisign", type);
	if (plain && gf_given(a, GF_OPT_PASSPHRASE_FILE))
		return gf_value_fail(GF_OPT_NO_PASSPHRASE, err, "--passphrase-file says the opposite");
	gf_buf_init(&private_path, 4096);
	gf_buf_init(&public_path, 4096);
	ok = gf_buf_printf(&private_path, err, "%s.%s", name, strcmp(type, "minisign") == 0 ? "key" : "pem") &&
	    gf_buf_printf(&public_path, err, "%s.pub", name) &&
	    (plain || gf_key_pair_ask(run, private_path.data, public_path.data, &passphrase, err)) &&
	    gf_key_pair_make(private_path.data, public_path.data, type, plain ? NULL : &passphrase, err) &&
	    tell_pair(run, private_path.data, public_path.data, err);
	gf_secret_clear(&passphrase);
	gf_buf_clear(&private_path);
	gf_buf_clear(&public_path);
	return ok;
}

static bool show_keys(gf_run *run, gf_pubkey *const *keys, size_t n, gf_error *err)
{
	gf_table *t;
	gf_report r;
	char hex[GF_HEX_SIZE];

	if (run->json) {
		gf_report_open(&r, run, err);
		gf_json_open(&r.out, "keys", '[');
		for (size_t i = 0; i < n; i++)
			gf_put_key(&r.out, keys[i], NULL);
		gf_json_close(&r.out, ']');
		return gf_report_close(&r, run, NULL, err);
	}
	t = gf_table_new(3, err);
	gf_table_add(t, "holder", "type", "id");
	for (size_t i = 0; i < n; i++) {
		gf_digest_hex(gf_pubkey_id(keys[i]), hex);
		gf_table_add(t, gf_pubkey_holder(keys[i]), gf_pubkey_type(keys[i]), hex);
	}
	return gf_table_print(t, stdout, 0, err);
}

bool gf_verb_key_show(gf_run *run, gf_error *err)
{
	const gf_words *files = &run->args.words;
	gf_pubkey **keys = gf_alloc(files->n, sizeof(gf_pubkey *), err);
	bool ok = keys != NULL;
	size_t n = 0;

	while (ok && n < files->n) {
		keys[n] = gf_pubkey_load(files->items[n], err);
		ok = keys[n] != NULL;
		n += ok;
	}
	ok = ok && show_keys(run, keys, n, err);
	for (size_t i = 0; i < n; i++)
		gf_pubkey_free(keys[i]);
	free(keys);
	return ok;
}

bool gf_verb_key_export(gf_run *run, gf_error *err)
{
	const char *form = gf_value(&run->args, GF_OPT_FORM);
	bool minisign = form != NULL && strcmp(form, "minisign") == 0, ok;
	gf_pubkey *k;
	gf_buf text;

	if (form != NULL && !minisign && strcmp(form, "pem") != 0)
		return gf_value_fail(GF_OPT_FORM, err, "'%s' is not pem or minisign", form);
	k = gf_pubkey_load(run->args.words.items[0], err);
	if (k == NULL)
		return false;
	gf_buf_init(&text, GF_KEY_FILE_MAX);
	ok = minisign ? gf_pubkey_print_minisign(k, &text, err) : gf_pubkey_print(k, &text, err);
	if (ok)
		(void)fwrite(text.data, 1, text.len, stdout);
	gf_buf_clear(&text);
	gf_pubkey_free(k);
	return ok;
}
