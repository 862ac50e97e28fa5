/* verbs: the rows of the table of verbs (option.h), and how a word finds its row. */
#include <stdio.h>
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
	    "bundle's manifest. The signatures are checked again, by the trust file that was in force when it was "
	    "accepted; where there was none, against the keys that are believed now. What approvers and receipts said of it is "
	    "shown. 3 when nothing vouches for it.",
	    { "gapferry trace web", "gapferry trace --json registry.prod.example:5000/shop/app:1.4.0",
		"gapferry trace --key release.pub web", NULL },
	    1, 1, gf_verb_trace },
	[GF_VERB_REPORT] = { "report", "-o FILE [options] BUNDLE|RECEIPT",
	    "write a page that shows a bundle, what speaks for it and where it went",
	    "Judges a bundle as verify does, every byte of it, or a receipt (*.json) as receipt verify does, and ends with the "
	    "same status; the page says VERIFIED or NOT VERIFIED. With a receipt the bundle is not needed: its manifest, who "
	    "signed it and its loads are taken from the records of the state, where they are. It is one HTML file without "
	    "scripts that asks for nothing from elsewhere: to be read in a browser, printed, or filed. Opens no connection and "
	    "changes nothing else.",
	    { "gapferry report -o shop.html --key release.pub shop.tar",
		"gapferry report -o shop.html --env prod shop.tar",
		"gapferry report -o run.html --key site-a.pub receipt-0123456789abcdef.json", NULL },
	    1, 1, gf_verb_report },
	[GF_VERB_SIGN] = { "sign", "[options] BUNDLE", "add a release signature to a bundle",
	    "The signature goes into the companions, BUNDLE.d/; the bundle itself is never changed. The front of the bundle "
	    "is checked first and shown; layers are pinned by what is signed and not read. With --rewrite a copy is made "
	    "that has the signatures of bundle and companions inside; every byte is checked as it passes.",
	    { "gapferry sign --key second.pem app.tar", "gapferry sign --key minisign.key app.tar",
		"gapferry sign --rewrite whole.tar app.tar", NULL },
	    1, 1, gf_verb_sign },
	[GF_VERB_APPROVE] = { "approve", "--env NAME --site NAME [options] BUNDLE",
	    "say that a release may, or may not, go to an environment",
	    "Judges the bundle first, every byte of it, and shows what was found. The signed approval, or with --reject the "
	    "rejection, is a file among the companions of the bundle. Of each holder the latest one counts. With --print the "
	    "statement goes to stdout unsigned, for openssl or minisign to sign.",
	    { "gapferry approve --env prod --site a --key carol.pem shop.tar",
		"gapferry approve --env prod --site a --reject --reason 'OPS-7' --key carol.pem shop.tar",
		"gapferry approve --env prod --site a --print shop.tar >approval.json", NULL },
	    1, 1, gf_verb_approve },
	[GF_VERB_PERMIT] = { "permit", "--env NAME --site NAME --waive WHAT [options] BUNDLE",
	    "waive a check for one release, for a time",
	    "For going back to an earlier release, or using one that has expired, on the record. Needs the threshold of role "
	    "permit, else of root. Nothing else than these three checks can be waived.",
	    { "gapferry permit --env prod --site a --waive sequence --expires 2d --reason 'OPS-9: roll back' --key erin.pem shop-41.tar",
		NULL },
	    1, 1, gf_verb_permit },
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
	[GF_VERB_TRUST_INIT] = { "trust init", "[options]", "make the first trust file",
	    "Says whom a site believes: keys, their holders, how many holders a role needs, and what an environment asks for. "
	    "Without --root a root key pair is made, root.pem and root.pub, a passphrase asked, and the file signed with it. "
	    "The holder of a key is the name of its file.",
	    { "gapferry trust init --release ci.pub --stream shop --env prod",
		"gapferry trust init --root alice.pub --root bob.pub --threshold root:2 --release ci.pub "
		"--approver prod:carol.pub --stream shop --env test --env prod --after prod:test",
		NULL },
	    0, 0, gf_verb_trust_init },
	[GF_VERB_TRUST_SHOW] = { "trust show", "[options] [FILE]", "show a trust file, to be compared by phone",
	    "Without FILE the one that is installed here. The digest is printed in groups; two people whose digests agree "
	    "have the same file.",
	    { "gapferry trust show trust-1.json", "gapferry trust show --json", NULL }, 0, 1, gf_verb_trust_show },
	[GF_VERB_TRUST_ADD] = { "trust add", "[options] FILE", "write the next version, with more keys",
	    "Nothing is in force before enough roots of FILE and of the new version have signed it and a site applied it.",
	    { "gapferry trust add --approver prod:erin.pub trust-1.json",
		"gapferry trust add --root carol.pub --threshold root:2 -o trust-2.json trust-1.json", NULL },
	    1, 1, gf_verb_trust_add },
	[GF_VERB_TRUST_REMOVE] = { "trust remove", "[options] FILE [HOLDER...]",
	    "write the next version, without these holders, streams or environments",
	    "With --role the holders leave that role alone. With --stream the stream goes, with --env too those environments "
	    "of it. A key that has no role left goes as well.",
	    { "gapferry trust remove --role approver:prod trust-1.json carol",
		"gapferry trust remove --stream shop --env test trust-1.json", NULL },
	    1, MANY, gf_verb_trust_remove },
	[GF_VERB_TRUST_THRESHOLD] = { "trust threshold", "[options] FILE ROLE:N...",
	    "write the next version, with other thresholds", "",
	    { "gapferry trust threshold trust-1.json root:2 approver:prod:2", NULL }, 2, MANY,
	    gf_verb_trust_threshold },
	[GF_VERB_TRUST_GATE] = { "trust gate", "--stream NAME [options] FILE",
	    "write the next version, with other rules for a stream",
	    "What is not named stays as it was; a stream or environment that is not there is made. A new "
	    "environment has no gates but the approval of role approver:NAME, where there is one.",
	    { "gapferry trust gate --stream shop --env prod --after prod:test trust-1.json",
		"gapferry trust gate --stream shop --max-age 90d --max-jump 1000 trust-1.json", NULL },
	    1, 1, gf_verb_trust_gate },
	[GF_VERB_TRUST_REVOKE] = { "trust revoke", "[options] FILE HOLDER|KEYID...",
	    "write the next version, without these keys",
	    "For a key that was lost or stolen: it leaves every role. KEYID is at least 16 digits of a key id, which takes "
	    "one key of a holder; HOLDER takes all. Where a threshold could not be reached any more, give --threshold too.",
	    { "gapferry trust revoke trust-1.json dave", "gapferry trust revoke trust-1.json 6fc947e308f5f064", NULL },
	    2, MANY, gf_verb_trust_revoke },
	[GF_VERB_TRUST_SIGN] = { "trust sign", "[options] FILE", "add a root's signature to a trust file",
	    "What is signed is shown; the signature is a file beside FILE. A version that replaces another needs signatures "
	    "of the roots of both. openssl and minisign make the same signatures.",
	    { "gapferry trust sign --key alice.pem trust-1.json",
		"gapferry trust sign --companion shop.tar trust-2.json", NULL },
	    1, 1, gf_verb_trust_sign },
	[GF_VERB_TRUST_APPLY] = { "trust apply", "[options] [FILE...]", "install a trust file at this site",
	    "The first needs --sha256, its digest, which came another way than the file, and --site, the name of this site. "
	    "Each later one must be the next version, signed by enough roots of the one installed and of its own; several at "
	    "once are taken one after another, also out of the companions of a bundle (--with). It is logged.",
	    { "gapferry trust apply --sha256 HEX --site a trust-1.json",
		"gapferry trust apply trust-2.json trust-3.json", "gapferry trust apply --with shop.tar.d", NULL },
	    0, MANY, gf_verb_trust_apply },
	[GF_VERB_LOG_SHOW] = { "log show", "[options] [FROM[-[TO]]]", "show lines of the audit log",
	    "The log is the file audit.jsonl of the state; its lines are numbered from 1.",
	    { "gapferry log show", "gapferry log show 40-", NULL }, 0, 1, gf_verb_log_show },
	[GF_VERB_LOG_VERIFY] = { "log verify", "[options]", "say whether the log is whole",
	    "Reads every line and names the first that is bad; compares the whole with the signed checkpoint, with state.json, "
	    "and with checkpoints that an auditor kept: a log that was cut short or changed, or a machine that was put back "
	    "to an older copy, shows. Changes nothing.",
	    { "gapferry log verify", "gapferry log verify --checkpoint kept-in-june.txt --key site-a.pub",
		"gapferry log verify --receipt back/receipt-0123456789abcdef.json", NULL },
	    0, 0, gf_verb_log_verify },
	[GF_VERB_LOG_PROVE] = { "log prove", "[options] N", "print a proof that line N is in the log",
	    "A tlog-proof (c2sp.org): with it, the line and the site's public key anybody can check that the line stood in "
	    "the log, without the log.",
	    { "gapferry log prove 42 >42.tlog-proof", NULL }, 1, 1, gf_verb_log_prove },
	[GF_VERB_LOG_CONSISTENCY] = { "log consistency", "[options] OLD [NEW]", "print a proof that the log only grew",
	    "OLD is a number of lines, or a file with a checkpoint that was kept, "
	    "whose root is then compared; NEW is a number of lines (default: all that the checkpoint is signed over).",
	    { "gapferry log consistency kept-in-june.txt", "gapferry log consistency 40 57", NULL }, 1, 2,
	    gf_verb_log_consistency },
	[GF_VERB_LOG_CHECKPOINT] = { "log checkpoint", "[options]", "print the three lines that an auditor keeps",
	    "Name, size and root of the log as it is now: to be written down, printed, photographed, and later given to "
	    "'log verify --checkpoint'.",
	    { "gapferry log checkpoint >kept-in-june.txt", "gapferry log checkpoint --qr", NULL }, 0, 0,
	    gf_verb_log_checkpoint },
	[GF_VERB_LOG_RESTORE] = { "log restore", "[options] RECEIPT...",
	    "raise floors after a loss of the state, from receipts that were carried away",
	    "A receipt counts when it is signed by this site's own key: site.pub of the state, or the one named by --key, so "
	    "keep a copy of it (and of site.pem, for a new key is known to nobody). Every receipt raises the floor of its stream "
	    "and environment, and none lowers one; each that did is a line of the log. Install the trust file first.",
	    { "gapferry log restore back/receipt-*.json", "gapferry log restore --key site-a.pub back/receipt-*.json",
		NULL },
	    1, MANY, gf_verb_log_restore },
	[GF_VERB_RECEIPT_SHOW] = { "receipt show", "[options] FILE", "show what a site says of a run",
	    "Nothing is checked: that is what receipt verify does.",
	    { "gapferry receipt show back/receipt-0123456789abcdef.json",
		"gapferry receipt show --short back/receipt-0123456789abcdef.json | lpr",
		"gapferry receipt show --vsa back/receipt-0123456789abcdef.json >summary.json", NULL },
	    1, 1, gf_verb_receipt_show },
	[GF_VERB_RECEIPT_VERIFY] = { "receipt verify", "[options] FILE", "say whose a receipt is, and whether it fits",
	    "Its signature lies beside it, as FILE.<16 hex>.sig. It is checked with the keys named by --key; without one, with "
	    "the trust file's role receipt:ENV, or with the key of this site. A receipt by the key of this site is compared "
	    "with the log here: a log that was cut short, or a machine put back to an older copy, shows.",
	    { "gapferry receipt verify --key site-a.pub back/receipt-0123456789abcdef.json",
		"gapferry receipt verify --bundle shop.tar shop.tar.d/receipt-0123456789abcdef.json", NULL },
	    1, 1, gf_verb_receipt_verify },
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

bool gf_verb_in_group(gf_verb_id verb, const char *word)
{
	size_t n = strlen(word);

	return strncmp(gf_verbs[verb].name, word, n) == 0 && gf_verbs[verb].name[n] == ' ';
}

bool gf_verb_is_group(const char *word)
{
	for (size_t i = 0; i < GF_VERBS; i++)
		if (gf_verb_in_group((gf_verb_id)i, word))
			return true;
	return false;
}

/* The first word of several verbs, and no second that is one of theirs. */
static bool ungrouped(const char *word, const char *next, gf_error *err)
{
	char list[400] = "";
	size_t n = 0;

	for (size_t i = 0; i < GF_VERBS; i++)
		if (gf_verb_in_group((gf_verb_id)i, word) && n < sizeof list)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s'%s'", n > 0 ? ", " : "", gf_verbs[i].name);
	if (next != NULL)
		return gf_fail(err, GF_USAGE, "verb", next, "unknown verb '%s %s'; there are %s", word, next, list);
	return gf_fail(err, GF_USAGE, "verb", word, "'%s' needs a second word: %s", word, list);
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
	if (gf_verb_is_group(word))
		return ungrouped(word, next, err);
	if (word[0] == '-')
		return gf_fail(err, GF_USAGE, "verb", word, "the verb comes first: gapferry VERB %s", word);
	near = nearest(word);
	if (near == GF_VERBS)
		return gf_fail(err, GF_USAGE, "verb", word, "unknown verb '%s'; 'gapferry help' lists them", word);
	return gf_fail(err, GF_USAGE, "verb", word, "unknown verb '%s'; did you mean '%s'?", word, gf_verbs[near].name);
}
