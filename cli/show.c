/* show: verdict, manifest and keys, as text and as JSON. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

bool gf_show_verdict(const gf_verdict *v, FILE *to, gf_error *err)
{
	gf_table *t = gf_table_new(3, err);

	gf_table_add(t, "check", "result", "");
	for (size_t i = 0; i < GF_CHECKS; i++) {
		const gf_check *c = &v->checks[i];

		bool decides = c->result == GF_CHECK_FAILED && !c->advisory;

		gf_table_add(t, c->name,
		    c->result == GF_CHECK_FAILED && !decides ? "not yet" : gf_result_text(c->result), c->detail);
		if (decides)
			gf_table_mark(t);
	}
	return gf_table_print(t, to, 0, err);
}

gf_signed_by gf_signed_by_of(const gf_verdict *v)
{
	return (gf_signed_by){ v->signers, v->comments, v->n_signers };
}

static void show_signer(gf_table *t, const gf_pubkey *k, const char *comment)
{
	char hex[GF_HEX_SIZE], text[200];

	gf_digest_hex(gf_pubkey_id(k), hex);
	(void)snprintf(text, sizeof text, "%.80s, %s, key %s", gf_pubkey_holder(k), gf_pubkey_type(k), hex);
	gf_table_add(t, "signed by", text);
	if (comment != NULL)
		gf_table_add(t, "comment", comment);
}

static void show_stream(gf_table *t, const gf_manifest *m)
{
	char text[160];

	if (m->stream == NULL) {
		gf_table_add(t, "stream", "none: nothing protects against an older bundle");
		return;
	}
	(void)snprintf(text, sizeof text, "%s, epoch %llu, sequence %llu", m->stream, (unsigned long long)m->epoch,
	    (unsigned long long)m->sequence);
	gf_table_add(t, "stream", text);
}

static void show_build(gf_table *t, const gf_build *b)
{
	const struct {
		const char *term, *text;
	} members[] = { { "build system", b->system }, { "build id", b->id }, { "build number", b->number },
		{ "build url", b->url }, { "definition", b->definition }, { "requester", b->requester },
		{ "collection", b->collection }, { "repository", b->repository }, { "revision", b->revision },
		{ "ref", b->ref } };

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (members[i].text != NULL)
			gf_table_add(t, members[i].term, members[i].text);
	for (size_t i = 0; i < b->n_labels; i++) {
		char term[80];

		(void)snprintf(term, sizeof term, "label %.70s", b->labels[i].key);
		gf_table_add(t, term, b->labels[i].value);
	}
}

bool gf_show_head(const char *bundle, uint64_t size, const gf_digest *digest, const gf_manifest *m,
    const gf_signed_by *by, FILE *to, gf_error *err)
{
	gf_table *t = gf_table_new(2, err);
	char text[GF_DIGEST_SIZE];

	gf_table_add(t, "bundle", bundle);
	if (size != 0) {
		gf_size_text(size, text);
		gf_table_add(t, "size", text);
	}
	gf_digest_text(digest, text);
	gf_table_add(t, "manifest", text);
	for (size_t i = 0; i < by->n; i++)
		show_signer(t, by->keys[i], by->comments != NULL ? by->comments[i] : NULL);
	if (by->n == 0)
		gf_table_add(t, "signed by", "nobody");
	if (m != NULL) {
		show_stream(t, m);
		if (m->version != NULL)
			gf_table_add(t, "version", m->version);
		gf_time_print(m->created, text);
		gf_table_add(t, "created", text);
		if (m->expires != 0) {
			gf_time_print(m->expires, text);
			gf_table_add(t, "expires", text);
		}
		for (size_t i = 0; i < m->n_audience; i++)
			gf_table_add(t, i == 0 ? "audience" : "", m->audience[i]);
		show_build(t, &m->build);
	}
	return gf_table_print(t, to, 0, err);
}

bool gf_show_image(const gf_image *im, FILE *to, gf_error *err)
{
	gf_table *names = gf_table_new(1, err), *t = gf_table_new(3, err);
	char digest[GF_DIGEST_SIZE];
	bool ok;

	for (size_t i = 0; i < im->n_names; i++)
		gf_table_add(names, im->names[i]);
	if (im->n_platforms != 1 || !gf_digest_equal(&im->platforms[0].manifest, &im->digest)) {
		gf_digest_text(&im->digest, digest);
		gf_table_add(
		    t, gf_media_of(im->media_type) == GF_MEDIA_INDEX ? "index" : "artifact", "manifest", digest);
	}
	for (size_t i = 0; i < im->n_platforms; i++) {
		gf_digest_text(&im->platforms[i].manifest, digest);
		gf_table_add(t, im->platforms[i].platform, "manifest", digest);
		gf_digest_text(&im->platforms[i].image_id, digest);
		gf_table_add(t, "", "image ID", digest);
	}
	fputc('\n', to);
	ok = gf_table_print(names, to, 0, err);
	return gf_table_print(t, to, 2, err) && ok;
}

void gf_put_key(gf_json_out *o, const gf_pubkey *k, const char *comment)
{
	char hex[GF_HEX_SIZE];

	gf_digest_hex(gf_pubkey_id(k), hex);
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "id", hex);
	gf_json_put(o, "type", gf_pubkey_type(k));
	gf_json_put(o, "holder", gf_pubkey_holder(k));
	gf_json_put(o, "comment", comment);
	gf_json_close(o, '}');
}

void gf_put_verdict(gf_json_out *o, const gf_verdict *v)
{
	gf_json_open(o, "checks", '[');
	for (size_t i = 0; i < GF_CHECKS; i++) {
		gf_json_open(o, NULL, '{');
		gf_json_put(o, "name", v->checks[i].name);
		gf_json_put(o, "result", gf_result_text(v->checks[i].result));
		if (v->checks[i].advisory)
			gf_json_put_bool(o, "decides", false);
		if (v->checks[i].detail[0] != '\0')
			gf_json_put(o, "detail", v->checks[i].detail);
		gf_json_close(o, '}');
	}
	gf_json_close(o, ']');
	gf_json_open(o, "signers", '[');
	for (size_t i = 0; i < v->n_signers; i++)
		gf_put_key(o, v->signers[i], v->comments[i]);
	gf_json_close(o, ']');
	gf_json_open(o, "signatures", '{');
	gf_json_put_u64(o, "found", v->n_signatures);
	gf_json_put_u64(o, "unknown", v->n_unknown);
	gf_json_close(o, '}');
	gf_json_put_bool(o, "unsigned", v->unsigned_bundle);
	gf_json_open(o, "blobs", '{');
	gf_json_put_u64(o, "read", v->blobs_read);
	gf_json_put_u64(o, "held", v->blobs_held);
	gf_json_put_u64(o, "absent", v->blobs_absent);
	gf_json_put_u64(o, "bytesRead", v->bytes_read);
	gf_json_put_u64(o, "bytesHeld", v->bytes_held);
	gf_json_close(o, '}');
}

void gf_put_manifest(gf_json_out *o, const gf_digest *digest, const gf_manifest *m)
{

	gf_json_put_digest(o, "manifest", digest);
	if (m == NULL)
		return;
	if (m->stream != NULL) {
		gf_json_put(o, "stream", m->stream);
		gf_json_put_u64(o, "epoch", m->epoch);
		gf_json_put_u64(o, "sequence", m->sequence);
	}
	gf_json_put(o, "version", m->version);
	gf_json_put_time(o, "created", m->created);
	if (m->expires != 0)
		gf_json_put_time(o, "expires", m->expires);
	if (m->n_audience > 0)
		gf_json_put_texts(o, "audience", m->audience, m->n_audience);
	gf_build_put(o, &m->build);
	gf_json_open(o, "images", '[');
	for (size_t i = 0; i < m->n_images; i++)
		gf_image_put(o, &m->images[i]);
	gf_json_close(o, ']');
}
