/* compress: the ring of blocks and the threads that work on it. */
#include "pack/compress.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK GF_GZIP_BLOCK
#define BLOCKS_MIN 8
#define BLOCKS_MAX 20 /* half a MiB in and out each: the ring stays below 21 MiB on any machine */

typedef struct block {
	unsigned char *in, *out;
	size_t n, out_n;
	bool first, last; /* of its layer */
	bool squeezed;
	gf_digest raw; /* last: of the layer */
	uint64_t raw_size;
	uint32_t crc;
} block;

/*
 * Blocks are numbered from 0 over all layers; block k lies in ring[k % slots].  Four counters move along the
 * numbers: read, hash and write are done by one thread at a time, squeeze by any.
 */
typedef struct line {
	const gf_squeeze *s;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	block ring[BLOCKS_MAX];
	size_t slots, ahead, out_cap;
	uint64_t read_at, hash_at, squeeze_at, write_at;
	bool reading, hashing, writing, ended, failed;
	gf_error error; /* the first */

	/* the reader's */
	gf_input *input;
	/* the hasher's */
	gf_hash *raw;
	uint64_t raw_size;
	uint32_t crc;
	/* the writer's */
	gf_hash *stored;
	uint64_t size;
} line;

/* What one thread compresses with: one of the two. */
typedef struct hand {
	gf_deflater *gzip;
	gf_zstd *zstd;
} hand;

static size_t block_bound(gf_codec codec, size_t n)
{
	return codec == GF_CODEC_ZSTD ? gf_zstd_bound(n) : gf_gzip_bound(n);
}

uint64_t gf_squeeze_bound(gf_codec codec, uint64_t raw)
{
	uint64_t ends = codec == GF_CODEC_ZSTD ? 0 : GF_GZIP_HEADER + GF_GZIP_TRAILER;

	return ends + raw / BLOCK * block_bound(codec, BLOCK) + block_bound(codec, (size_t)(raw % BLOCK));
}

const char *gf_squeeze_name(gf_codec codec)
{
	switch (codec) {
	case GF_CODEC_GZIP: return gf_gzip_name();
	case GF_CODEC_ZSTD: return gf_zstd_name();
	default: return "none";
	}
}

typedef enum step { STEP_NONE, STEP_READ, STEP_HASH, STEP_SQUEEZE, STEP_WRITE, STEP_STOP } step;

static block *block_at(line *l, uint64_t k)
{
	return &l->ring[k % l->slots];
}

/* Two full blocks for each thread come first, then what empties the ring, then what fills it. */
static step choose(line *l)
{
	bool can_read = !l->reading && !l->ended && l->read_at - l->write_at < l->slots;

	if (l->failed || (l->ended && l->write_at == l->read_at))
		return STEP_STOP;
	if (can_read && l->read_at - l->squeeze_at < l->ahead)
		return STEP_READ;
	if (!l->writing && l->write_at < l->hash_at && block_at(l, l->write_at)->squeezed)
		return STEP_WRITE;
	if (!l->hashing && l->hash_at < l->read_at)
		return STEP_HASH;
	if (l->squeeze_at < l->read_at)
		return STEP_SQUEEZE;
	return can_read ? STEP_READ : STEP_NONE;
}

/* One block, filled to its brim unless its layer ends in it, so that blocks are cut by offset alone. */
static bool read_block(line *l, block *b, bool *ended, gf_error *err)
{
	*ended = false;
	b->n = 0;
	b->first = b->last = b->squeezed = false;
	if (l->input == NULL) {
		if (!l->s->next(l->s->ctx, &l->input, err))
			return false;
		if (l->input == NULL) {
			*ended = true;
			return true;
		}
		b->first = true;
	}
	while (b->n < BLOCK && !b->last) {
		ptrdiff_t got = gf_input_read(l->input, b->in + b->n, BLOCK - b->n, err);
		if (got < 0)
			return false;
		if (got == 0)
			b->last = true;
		b->n += (size_t)got;
	}
	if (b->last) {
		gf_input_close(l->input);
		l->input = NULL;
	}
	return true;
}

static bool hash_block(line *l, block *b, gf_error *err)
{
	if (!gf_hash_update(l->raw, b->in, b->n, err))
		return false;
	if (l->s->codec == GF_CODEC_GZIP)
		l->crc = gf_gzip_crc(l->crc, b->in, b->n);
	l->raw_size += b->n;
	if (!b->last)
		return true;
	b->raw_size = l->raw_size;
	b->crc = l->crc;
	l->raw_size = 0;
	l->crc = 0;
	return gf_hash_finish(l->raw, &b->raw, err);
}

static bool put(line *l, const void *bytes, size_t n, gf_error *err)
{
	l->size += n;
	return gf_hash_update(l->stored, bytes, n, err) && l->s->write(l->s->ctx, bytes, n, err);
}

static bool begin_layer(line *l, gf_error *err)
{
	unsigned char header[GF_GZIP_HEADER];

	gf_gzip_header(header);
	l->size = 0;
	return l->s->begin(l->s->ctx, err) && (l->s->codec != GF_CODEC_GZIP || put(l, header, sizeof header, err));
}

static bool end_layer(line *l, const block *b, gf_error *err)
{
	unsigned char trailer[GF_GZIP_TRAILER];

	gf_gzip_trailer(b->crc, b->raw_size, trailer);
	return l->s->codec != GF_CODEC_GZIP || put(l, trailer, sizeof trailer, err);
}

static bool write_block(line *l, block *b, gf_error *err)
{
	if ((b->first && !begin_layer(l, err)) || !put(l, b->out, b->out_n, err))
		return false;
	if (b->last) {
		gf_made made = { .raw = b->raw, .raw_size = b->raw_size, .codec = l->s->codec };
		if (!end_layer(l, b, err) || !gf_hash_finish(l->stored, &made.digest, err))
			return false;
		made.size = l->size;
		return l->s->end(l->s->ctx, &made, err);
	}
	return true;
}

static bool squeeze_block(const line *l, const hand *h, block *b, gf_error *err)
{
	if (h->gzip != NULL)
		return gf_deflater_block(h->gzip, b->in, b->n, b->last, b->out, l->out_cap, &b->out_n, err);
	/* The end of a layer at a block's border has nothing to say; one without any bytes is an empty frame. */
	b->out_n = 0;
	return (b->n == 0 && !b->first) || gf_zstd_block(h->zstd, b->in, b->n, b->out, l->out_cap, &b->out_n, err);
}

/* Take one step; called with the lock held, which is released while the work is done. */
static void take(line *l, step what, const hand *h)
{
	gf_error err = { 0 };
	bool ok = true, ended = false;
	block *b;

	switch (what) {
	case STEP_READ:
		l->reading = true;
		b = block_at(l, l->read_at);
		pthread_mutex_unlock(&l->lock);
		ok = read_block(l, b, &ended, &err);
		pthread_mutex_lock(&l->lock);
		l->reading = false;
		l->ended = ended;
		l->read_at += ok && !ended;
		break;
	case STEP_HASH:
		l->hashing = true;
		b = block_at(l, l->hash_at);
		pthread_mutex_unlock(&l->lock);
		ok = hash_block(l, b, &err);
		pthread_mutex_lock(&l->lock);
		l->hashing = false;
		l->hash_at += ok;
		break;
	case STEP_SQUEEZE:
		b = block_at(l, l->squeeze_at++);
		pthread_mutex_unlock(&l->lock);
		ok = squeeze_block(l, h, b, &err);
		pthread_mutex_lock(&l->lock);
		b->squeezed = true;
		break;
	case STEP_WRITE:
		l->writing = true;
		b = block_at(l, l->write_at);
		pthread_mutex_unlock(&l->lock);
		ok = write_block(l, b, &err);
		pthread_mutex_lock(&l->lock);
		l->writing = false;
		l->write_at += ok;
		break;
	case STEP_NONE:
	case STEP_STOP: break;
	}
	if (!ok && !l->failed) {
		l->failed = true;
		l->error = err;
	}
	pthread_cond_broadcast(&l->moved);
}

static void *worker(void *arg)
{
	line *l = arg;
	gf_error err = { 0 };
	bool zstd = l->s->codec == GF_CODEC_ZSTD;
	hand h = { .gzip = zstd ? NULL : gf_deflater_new(&err), .zstd = zstd ? gf_zstd_new(&err) : NULL };
	step what;

	pthread_mutex_lock(&l->lock);
	if (h.gzip == NULL && h.zstd == NULL && !l->failed) {
		l->failed = true;
		l->error = err;
		pthread_cond_broadcast(&l->moved);
	}
	while ((what = choose(l)) != STEP_STOP) {
		if (what == STEP_NONE)
			pthread_cond_wait(&l->moved, &l->lock);
		else
			take(l, what, &h);
	}
	pthread_mutex_unlock(&l->lock);
	gf_deflater_free(h.gzip);
	gf_zstd_free(h.zstd);
	return NULL;
}

/* The caller is one of the workers, so fewer threads than wished for are slower and nothing else. */
static void work(line *l, unsigned jobs)
{
	pthread_t threads[64];
	unsigned n = 0;

	while (
	    n + 1 < jobs && n < sizeof threads / sizeof *threads && pthread_create(&threads[n], NULL, worker, l) == 0)
		n++;
	worker(l);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static bool allocate(line *l, unsigned jobs, gf_error *err)
{
	size_t wish = (size_t)jobs * 2 + 4;

	l->slots = wish < BLOCKS_MIN ? BLOCKS_MIN : wish > BLOCKS_MAX ? BLOCKS_MAX : wish;
	l->ahead = jobs < l->slots / 2 ? jobs : l->slots / 2;
	l->out_cap = block_bound(l->s->codec, BLOCK);
	for (size_t i = 0; i < l->slots; i++) {
		l->ring[i].in = gf_alloc(BLOCK, 1, err);
		l->ring[i].out = gf_alloc(l->out_cap, 1, err);
		if (l->ring[i].in == NULL || l->ring[i].out == NULL)
			return false;
	}
	l->raw = gf_hash_new(err);
	l->stored = gf_hash_new(err);
	return l->raw != NULL && l->stored != NULL;
}

bool gf_squeeze_run(const gf_squeeze *s, unsigned jobs, gf_error *err)
{
	line *l = gf_alloc(1, sizeof *l, err);
	bool ok = false;

	if (l == NULL)
		return false;
	l->s = s;
	if (pthread_mutex_init(&l->lock, NULL) != 0 || pthread_cond_init(&l->moved, NULL) != 0) {
		free(l);
		return gf_fail(err, GF_FAILED, "thread", NULL, "cannot make a lock");
	}
	if (allocate(l, jobs, err)) {
		work(l, jobs);
		ok = !l->failed;
		if (!ok)
			*err = l->error;
	}
	gf_input_close(l->input);
	for (size_t i = 0; i < BLOCKS_MAX; i++) {
		free(l->ring[i].in);
		free(l->ring[i].out);
	}
	gf_hash_free(l->raw);
	gf_hash_free(l->stored);
	pthread_cond_destroy(&l->moved);
	pthread_mutex_destroy(&l->lock);
	free(l);
	return ok;
}
