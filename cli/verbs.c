/* verbs: the rows of the table of verbs (option.h), and how a word finds its row. */
#include <string.h>

#include "cli/cli.h"

#define MANY 4096

const gf_verb gf_verbs[GF_VERBS] = {
	[GF_VERB_PACK] = { "pack", "-o OUT [-f FILE] [options] SOURCE...", "pack images into one signed bundle",
	    "A SOURCE is docker-archive:PATH[:REF|:@N], oci-archive:PATH[:REF], oci:PATH[:REF], docker-daemon:NAME:TAG or "
	    "docker://NAME[:TAG|@DIGEST]. "
	    "A path that exists is recognised by what it is ('-' is an archive on stdin); any other word is an image in "
	    "the Docker daemon. Without --key the bundle is unsigned. The digests printed are those that every "
	    "environment will show.",
	    { "gapferry pack -o app.tar --key release.pem --stream app --sequence 7 image.tar",
		"gapferry pack -o app.tar --key release.pem docker-daemon:acme/app:1.4.0",
		"docker save acme/app:1.4.0 | gapferry pack -o app.tar --key release.pem -",
		"gapferry pack -o app.tar --key release.pem docker://registry.example/acme/app:1.4.0", NULL },
	    0, MANY, gf_verb_pack },
	[GF_VERB_VERIFY] = { "verify", "[options] BUNDLE", "say whom a bundle comes from and whether it is whole",
	    "Reads every byte, opens no connection and changes nothing. BUNDLE is a tar file, a directory, or '-'.",
	    { "gapferry verify --key release.pub app.tar", "gapferry verify --env prod --json app.tar",
		"gapferry verify --deep --key release.pub - <app.tar", NULL },
	    1, 1, gf_verb_verify },
	[GF_VERB_UNPACK] = { "unpack", "(--env NAME | --to TARGET) [options] BUNDLE",
	    "verify a bundle and load it under the names of an environment",
	    "The environment is the file environments/NAME.yaml of the configuration. No name is set before every byte "
	    "has passed. The same command run again finishes what was interrupted.",
	    { "gapferry unpack --env prod app.tar", "gapferry unpack --env prod --dry-run app.tar",
		"gapferry unpack --to docker://registry.example:5000/shop --key release.pub app.tar",
		"gapferry unpack --to oci-archive:- app.tar | ctr -n k8s.io images import -", NULL },
	    1, 1, gf_verb_unpack },
	[GF_VERB_INSPECT] = { "inspect", "[options] BUNDLE", "show what is in a bundle",
	    "Signatures are checked first. Layers are not read: verify does that.",
	    { "gapferry inspect --key release.pub app.tar", "gapferry inspect --unverified app.tar",
		"gapferry inspect --key release.pub --json app.tar", NULL },
	    1, 1, gf_verb_inspect },
	[GF_VERB_TRACE] = { "trace", "[options] IMAGE|CONTAINER|DIGEST",
	    "say which bundle something that runs here came from",
	    "Goes through the log and the records of the state. The Docker daemon is asked what a name or a container "
	    "shows now; no registry is. A digest is that of an image's manifest or index, an image ID, or the digest of a "
	    "bundle's manifest. The signatures are checked again, against the keys that are believed now; 3 when none of "
	    "them vouches for it.",
	    { "gapferry trace web", "gapferry trace --json registry.prod.example:5000/shop/app:1.4.0",
		"gapferry trace --key release.pub web", NULL },
	    1, 1, gf_verb_trace },
	[GF_VERB_SIGN] = { "sign", "[options] BUNDLE", "add a release signature to a bundle",
	    "The signature goes into the companions, BUNDLE.d/; the bundle itself is never changed. The front of the bundle "
	    "is checked first and shown; layers are pinned by what is signed and not read. With --rewrite a copy is made "
	    "that has the signatures of bundle and companions inside; every byte is checked as it passes.",
	    { "gapferry sign --key second.pem app.tar", "gapferry sign --key minisign.key app.tar",
		"gapferry sign --rewrite whole.tar app.tar", NULL },
	    1, 1, gf_verb_sign },
	[GF_VERB_KEY_NEW] = { "key new", "[options] NAME", "make a key pair",
	    "Writes NAME.pem, the private key (minisign: NAME.key), and NAME.pub, the public one. Existing files are never "
	    "replaced.",
	    { "gapferry key new release", "gapferry key new --type ed25519 --passphrase-file secret release", NULL }, 1,
	    1, gf_verb_key_new },
	[GF_VERB_KEY_SHOW] = { "key show", "[options] FILE...", "show id, type and holder of public keys", "",
	    { "gapferry key show release.pub", "gapferry key show --json /etc/gapferry/keys/*.pub", NULL }, 1, MANY,
	    gf_verb_key_show },
	[GF_VERB_KEY_EXPORT] = { "key export", "[options] FILE", "print a public key as PEM or as minisign has it", "",
	    { "gapferry key export minisign.pub >release.pub", "gapferry key export --form minisign ed25519.pub",
		NULL },
	    1, 1, gf_verb_key_export },
	[GF_VERB_VERSION] = { "version", "[options]", "show the version, the libraries and the code path", "",
	    { "gapferry version", "gapferry version --self-test", NULL }, 0, 0, gf_verb_version },
	[GF_VERB_HELP] = { "help", "[VERB]", "explain a verb", "",
	    { "gapferry help unpack", "gapferry help --man >gapferry.1", NULL }, 0, 2, gf_verb_help },
};

/* What other programs call it. */
static const struct {
	const char *word;
	gf_verb_id verb;
} other_words[] = {
	{ "save", GF_VERB_PACK },
	{ "create", GF_VERB_PACK },
	{ "export", GF_VERB_PACK },
	{ "check", GF_VERB_VERIFY },
	{ "load", GF_VERB_UNPACK },
	{ "push", GF_VERB_UNPACK },
	{ "import", GF_VERB_UNPACK },
	{ "list", GF_VERB_INSPECT },
	{ "show", GF_VERB_INSPECT },
	{ "keygen", GF_VERB_KEY_NEW },
};

/* GF_VERBS: none is near. */
static gf_verb_id nearest(const char *word)
{
	gf_verb_id found = GF_VERBS;
	unsigned best = gf_near(word) + 1;

	for (size_t i = 0; i < GF_VERBS; i++) {
		unsigned distance = gf_edit_distance(word, gf_verbs[i].name);

		if (distance < best) {
			best = distance;
			found = (gf_verb_id)i;
		}
	}
	for (size_t i = 0; i < sizeof other_words / sizeof other_words[0]; i++)
		if (strcmp(other_words[i].word, word) == 0)
			found = other_words[i].verb;
	return found;
}

/* How many of the two words spell the name; 0: not this verb. */
static int spelled(const char *name, const char *word, const char *next)
{
	const char *space = strchr(name, ' ');
	size_t n = space != NULL ? (size_t)(space - name) : strlen(name);

	if (strlen(word) != n || memcmp(word, name, n) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return next != NULL && strcmp(next, space + 1) == 0 ? 2 : 0;
}

bool gf_verb_find(const char *word, const char *next, gf_verb_id *verb, int *used, gf_error *err)
{
	gf_verb_id near;

	*used = 0;
	*verb = GF_VERB_HELP;
	if (word == NULL)
		return gf_fail(err, GF_USAGE, "verb", NULL, "a verb is missing");
	for (size_t i = 0; i < GF_VERBS && *used == 0; i++) {
		*used = spelled(gf_verbs[i].name, word, next);
		*verb = (gf_verb_id)i;
	}
	if (*used != 0)
		return true;
	*verb = GF_VERB_HELP;
	if (strcmp(word, "key") == 0 && next != NULL)
		return gf_fail(err, GF_USAGE, "verb", next,
		    "unknown verb 'key %s'; there are 'key new', 'key show' and 'key export'", next);
	if (strcmp(word, "key") == 0)
		return gf_fail(
		    err, GF_USAGE, "verb", word, "'key' needs a second word: 'key new', 'key show' or 'key export'");
	if (word[0] == '-')
		return gf_fail(err, GF_USAGE, "verb", word, "the verb comes first: gapferry VERB %s", word);
	near = nearest(word);
	if (near == GF_VERBS)
		return gf_fail(err, GF_USAGE, "verb", word, "unknown verb '%s'; 'gapferry help' lists them", word);
	return gf_fail(err, GF_USAGE, "verb", word, "unknown verb '%s'; did you mean '%s'?", word, gf_verbs[near].name);
}
