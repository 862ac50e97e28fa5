/* registry_sink: blobs into the repositories of one registry, each sent once where the registry lets one repository have
 * what another has (image-protocols.md 4.2). */
#include <stdlib.h>
#include <string.h>

#include "unpack/registry_target.h"

unsigned char *gf_registry_blob_at(const gf_registry_target *r, size_t repository, size_t blob)
{
	return &r->blobs[repository * r->t.job->manifest->n_blobs + blob];
}

static unsigned char state_of(gf_registry_target *r, size_t repository, size_t blob)
{
	unsigned char v;

	(void)pthread_mutex_lock(&r->lock);
	v = *gf_registry_blob_at(r, repository, blob);
	(void)pthread_mutex_unlock(&r->lock);
	return v;
}

size_t gf_registry_neighbour(gf_registry_target *r, size_t blob)
{
	for (size_t i = 0; i < r->n_repositories; i++)
		if (state_of(r, i, blob) >= GF_BLOB_HELD)
			return i;
	return SIZE_MAX;
}

/* The blob is there now; bytes are counted. */
static void arrived(gf_registry_target *r, size_t repository, size_t blob, unsigned char how)
{
	(void)pthread_mutex_lock(&r->lock);
	*gf_registry_blob_at(r, repository, blob) = how;
	if (how == GF_BLOB_SENT) {
		r->t.sum.blobs_sent++;
		r->t.sum.bytes_sent += r->t.job->manifest->blobs[blob].size;
	}
	(void)pthread_mutex_unlock(&r->lock);
}

static const gf_digest *digest_of(const gf_registry_target *r, size_t blob)
{
	return &r->t.job->manifest->blobs[blob].digest;
}

/* ---- mounts ---- */

/*
 * Ask for one mount.  The first answer says what is worth asking: a registry that refuses it, or says that it was
 * done when nothing is there, is not asked again, for any blob.
 */
static bool try_mount(gf_registry_target *r, const char *from, size_t to, size_t blob, bool *mounted, gf_error *err)
{
	int unknown = GF_MOUNTS_UNKNOWN;

	if (!gf_registry_mount_blob(r->registry, r->repositories[to], from, digest_of(r, blob), mounted, err))
		return false;
	if (*mounted && atomic_load(&r->mounts) == GF_MOUNTS_UNKNOWN &&
	    !gf_registry_has_blob(r->registry, r->repositories[to], digest_of(r, blob), mounted, err))
		return false;
	atomic_compare_exchange_strong(&r->mounts, &unknown, *mounted ? GF_MOUNTS : GF_MOUNTS_NEVER);
	return true;
}

/* Give the repository a blob that another one has. */
static bool mount(gf_registry_target *r, const char *from, size_t to, size_t blob, bool *mounted, gf_error *err)
{
	*mounted = false;
	if (atomic_load(&r->mounts) == GF_MOUNTS_NEVER)
		return true;
	if (!try_mount(r, from, to, blob, mounted, err))
		return false;
	if (*mounted)
		arrived(r, to, blob, GF_BLOB_MOUNTED);
	return true;
}

/*
 * A pipe gives a layer once, so it must be known before whether one repository can have it from the other.  A blob that
 * came before, a config most likely, is mounted where nobody needs it.
 */
static bool learn(gf_registry_target *r, gf_error *err)
{
	size_t n_blobs = r->t.job->manifest->n_blobs;

	for (size_t i = 0; i < r->n_repositories * n_blobs; i++) {
		size_t from = gf_registry_neighbour(r, i % n_blobs);
		bool mounted;

		if (state_of(r, i / n_blobs, i % n_blobs) == GF_BLOB_NO_USE && from != SIZE_MAX)
			return try_mount(r, r->repositories[from], i / n_blobs, i % n_blobs, &mounted, err);
	}
	return true;
}

/* A repository that has the blob; NULL: none is known. */
static const char *holder(gf_registry_target *r, size_t blob)
{
	size_t neighbour = gf_registry_neighbour(r, blob);

	return neighbour != SIZE_MAX ? r->repositories[neighbour] : r->elsewhere[blob];
}

static bool has(gf_sink *sink, size_t blob, bool *held, gf_error *err)
{
	gf_registry_target *r = (gf_registry_target *)sink;
	const char *from = holder(r, blob);

	*held = true;
	for (size_t i = 0; i < r->n_repositories; i++) {
		bool mounted = from != NULL && !r->t.sending;

		if (state_of(r, i, blob) != GF_BLOB_LACKING)
			continue;
		if (from != NULL && r->t.sending && !mount(r, from, i, blob, &mounted, err))
			return false;
		*held = *held && mounted;
	}
	return true;
}

/* ---- bytes ---- */

/* One blob on its way: to the first repository that lacks it, to all of them where nothing can be mounted. */
typedef struct upload {
	gf_output out;
	gf_registry_target *r;
	size_t blob;
	gf_output **down; /* [repository] */
} upload;

/* The blob from its beginning, hashed. */
static gf_input *read_again(void *ctx, gf_error *err)
{
	const upload *u = ctx;
	bool absent = false;

	return gf_reader_blob(u->r->t.job->reader, u->blob, &absent, err);
}

static gf_output *send_to(upload *u, size_t repository, gf_error *err)
{
	gf_registry_target *r = u->r;
	const gf_registry_source again = { read_again, u };

	return gf_registry_put_blob(r->registry, r->repositories[repository], digest_of(r, u->blob),
	    r->t.job->manifest->blobs[u->blob].size, gf_reader_seekable(r->t.job->reader) ? &again : NULL, err);
}

static bool upload_write(gf_output *out, const void *bytes, size_t n, gf_error *err)
{
	upload *u = (upload *)out;

	for (size_t i = 0; i < u->r->n_repositories; i++)
		if (u->down[i] != NULL && !gf_output_write(u->down[i], bytes, n, err))
			return false;
	return true;
}

/* A registry that takes no mounts gets the bytes a second time, where the medium can go back. */
static bool send_again(upload *u, size_t to, gf_error *err)
{
	gf_output *out;
	gf_input *in;
	bool ok;

	if (!gf_reader_seekable(u->r->t.job->reader))
		return gf_fail(err, GF_TARGET, "registry-mount", u->r->repositories[to],
		    "the registry does not copy a layer from one repository to another, and the bundle comes through a pipe; "
		    "run again: what has arrived is kept");
	in = read_again(u, err);
	if (in == NULL)
		return false;
	out = send_to(u, to, err);
	ok = out != NULL && gf_copy(in, out, err) && gf_output_finish(out, err);
	gf_output_close(out);
	gf_input_close(in);
	if (ok)
		arrived(u->r, to, u->blob, GF_BLOB_SENT);
	return ok;
}

static bool upload_finish(gf_output *out, gf_error *err)
{
	upload *u = (upload *)out;
	gf_registry_target *r = u->r;
	const char *from = NULL;

	for (size_t i = 0; i < r->n_repositories; i++)
		if (u->down[i] != NULL) {
			if (!gf_output_finish(u->down[i], err))
				return false;
			arrived(r, i, u->blob, GF_BLOB_SENT);
			from = r->repositories[i];
		}
	for (size_t i = 0; i < r->n_repositories; i++) {
		bool mounted;

		if (state_of(r, i, u->blob) != GF_BLOB_LACKING)
			continue;
		if (!mount(r, from, i, u->blob, &mounted, err) || (!mounted && !send_again(u, i, err)))
			return false;
	}
	return true;
}

static void upload_close(gf_output *out)
{
	upload *u = (upload *)out;

	for (size_t i = 0; u->down != NULL && i < u->r->n_repositories; i++)
		gf_output_close(u->down[i]);
	free(u->down);
	free(u);
}

/* May it go to one repository alone, to be mounted from there into the others? */
static bool one_is_enough(gf_registry_target *r, size_t blob, bool *yes, gf_error *err)
{
	bool pipe = !gf_reader_seekable(r->t.job->reader);
	size_t lacking = 0;

	for (size_t i = 0; i < r->n_repositories; i++)
		lacking += state_of(r, i, blob) == GF_BLOB_LACKING;
	if (lacking > 1 && pipe && atomic_load(&r->mounts) == GF_MOUNTS_UNKNOWN && !learn(r, err))
		return false;
	*yes = atomic_load(&r->mounts) == GF_MOUNTS || (!pipe && atomic_load(&r->mounts) == GF_MOUNTS_UNKNOWN);
	return true;
}

static gf_output *put(gf_sink *sink, size_t blob, gf_error *err)
{
	static const gf_output_ops ops = { upload_write, upload_finish, upload_close };
	gf_registry_target *r = (gf_registry_target *)sink;
	upload *u;
	bool held, one, any = false, ok;

	/* has() is asked for layers only; a config or evidence may be there too, or be mounted. */
	if (!has(sink, blob, &held, err) || held || !one_is_enough(r, blob, &one, err))
		return NULL;
	u = gf_alloc(1, sizeof *u, err);
	if (u == NULL)
		return NULL;
	u->out.ops = &ops;
	u->r = r;
	u->blob = blob;
	u->down = gf_alloc(r->n_repositories, sizeof *u->down, err);
	ok = u->down != NULL;
	for (size_t i = 0; ok && i < r->n_repositories; i++) {
		if (state_of(r, i, blob) != GF_BLOB_LACKING || (any && one))
			continue;
		any = true;
		u->down[i] = send_to(u, i, err);
		ok = u->down[i] != NULL;
	}
	if (!ok) {
		upload_close(&u->out);
		return NULL;
	}
	return &u->out;
}

const gf_sink_ops gf_registry_sink_ops = { has, put };
