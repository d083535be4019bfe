/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The engine against the obvious ring of reference.c: both get the same
 * random operations on memories of their own that began alike, and after each
 * one their answers, and all of both memories' rings, must be the same. The
 * driver is random too, mostly legal, and now and then overwrites a piece of
 * the ring. Loop i covers one combination of features.
 */
#include <config.h>

#include <errno.h>

#include "reference.h"
#include "util.h"

#define STEPS		10000000u	/* over all combinations */
#define N_COMBINATIONS	16
#define MEM		0x10000u
#define DESC		0x1000u
#define DRIVER		0x2000u
#define DEVICE		0x3000u
#define TABLES		0x4000u		/* 8 entries for each buffer id */
#define RINGS_END	0x6000u
#define TABLE_ENTRIES	8u
#define LIMIT		24u
#define IDLE		200u		/* a broken ring has no further chains */

/* Like ck_assert_int_eq(), but without a system call on success. */
#define SAME(a, b) \
	do { \
		if ((a) != (b)) \
			ck_abort_msg("%s is not %s", #a, #b); \
	} while (0)

struct popped {
	struct vq_chain chain;
	struct iovec iov[LIMIT + 8];
	struct ref_chain ref;
};

struct model {
	struct rig r;
	struct ref ref;
	unsigned char *mem;		/* the reference's */
	uint64_t seed;
	uint32_t size;
	bool packed;
	/* driver */
	bool busy[REF_MAX_SIZE];	/* descriptors, or (packed) ids */
	uint16_t chain[REF_MAX_SIZE][REF_MAX_SIZE];
	uint32_t nchain[REF_MAX_SIZE];	/* descriptors of a head, slots of an id */
	uint64_t avail, used;		/* positions */
	uint32_t nfree;
	/* device */
	struct popped out[REF_MAX_SIZE];
	unsigned int nout;
	bool last_popped;
	uint64_t chains, broken;
	uint32_t idle;			/* steps since a chain was popped */
};

static uint32_t rnd(struct model *m, uint32_t n)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (uint32_t)(m->seed >> 33) % n;
}

/* Both memories. */
static void put(struct model *m, uint64_t at, uint64_t v, size_t bytes)
{
	le_put(m->r.mem + at, v, bytes);
	le_put(m->mem + at, v, bytes);
}

static void put_entry(struct model *m, uint64_t at, uint64_t gpa, uint32_t len,
		      uint16_t third, uint16_t fourth)
{
	put(m, at, gpa, 8);
	put(m, at + 8, len, 4);
	put(m, at + 12, third, 2);
	put(m, at + 14, fourth, 2);
}

/* Mostly a piece of memory; sometimes empty, over the end or far away. */
static uint64_t random_buffer(struct model *m, uint32_t *len)
{
	uint32_t kind = rnd(m, 64);

	*len = kind == 0 ? 0 : 1 + rnd(m, 200);
	if (kind == 1)
		return MEM - rnd(m, 100);
	if (kind == 2)
		return UINT64_MAX - rnd(m, 100);
	return 0x8000 + rnd(m, 0x7000);
}

/* n buffers: the entries at `at`, linked or not, readable ones first. */
static void put_table(struct model *m, uint64_t at, uint32_t n)
{
	uint32_t i, len, readable = rnd(m, n + 1);
	uint64_t gpa;

	for (i = 0; i < n; i++) {
		uint16_t flags = (uint16_t)(i < readable ? 0 : F_WRITE);

		gpa = random_buffer(m, &len);
		if (m->packed)
			put_entry(m, at + 16 * i, gpa, len, 0, flags);
		else
			put_entry(m, at + 16 * i, gpa, len,
				  (uint16_t)(flags | (i + 1 < n)),
				  (uint16_t)(i + 1));
	}
}

static uint16_t take_free(struct model *m)
{
	uint16_t i = (uint16_t)rnd(m, m->size);

	while (m->busy[i])
		i = (uint16_t)((i + 1) % m->size);
	m->busy[i] = true;
	m->nfree--;
	return i;
}

static void drive_split(struct model *m, uint32_t n, bool indirect)
{
	uint32_t i, len, readable = rnd(m, n + 1);
	uint16_t d[REF_MAX_SIZE];
	uint64_t gpa;

	for (i = 0; i < (indirect ? 1 : n); i++)
		d[i] = take_free(m);
	memcpy(m->chain[d[0]], d, sizeof(d));
	m->nchain[d[0]] = i;
	for (i = 0; i < n && !indirect; i++) {
		gpa = random_buffer(m, &len);
		put_entry(m, DESC + 16u * d[i], gpa, len,
			  (uint16_t)((i < readable ? 0 : F_WRITE) |
				     (i + 1 < n)),
			  i + 1 < n ? d[i + 1] : 0);
	}
	if (indirect) {
		gpa = TABLES + 16u * TABLE_ENTRIES * d[0];
		put_table(m, gpa, n);
		put_entry(m, DESC + 16u * d[0], gpa, 16 * n, F_INDIRECT, 0);
	}
	put(m, DRIVER + 4 + 2 * (m->avail % m->size), d[0], 2);
	m->avail++;
	/* sometimes several chains become available at once */
	if (rnd(m, 4))
		put(m, DRIVER + 2, m->avail, 2);
}

static void put_slot(struct model *m, uint64_t gpa, uint32_t len, uint16_t id,
		     uint16_t flags)
{
	bool wrap = m->avail / m->size % 2 == 0;

	put_entry(m, DESC + 16 * (m->avail % m->size), gpa, len, id,
		  (uint16_t)(flags | (wrap ? 0x80 : 0x8000)));
	m->avail++;
	m->nfree--;
}

static void drive_packed(struct model *m, uint32_t n, bool indirect)
{
	uint32_t i, len, readable = rnd(m, n + 1);
	uint16_t id = take_free(m);
	uint64_t gpa;

	m->nfree++;		/* slots are what counts */
	m->nchain[id] = indirect ? 1 : n;
	for (i = 0; i < n && !indirect; i++) {
		gpa = random_buffer(m, &len);
		put_slot(m, gpa, len, id,
			 (uint16_t)((i < readable ? 0 : F_WRITE) |
				    (i + 1 < n)));
	}
	if (indirect) {
		gpa = TABLES + 16u * TABLE_ENTRIES * id;
		put_table(m, gpa, n);
		put_slot(m, gpa, 16 * n, id, F_INDIRECT);
	}
}

static void drive(struct model *m)
{
	bool indirect = m->ref.indirect && rnd(m, 2);
	uint32_t n = 1 + rnd(m, 4);

	if ((indirect ? 1 : n) > m->nfree)
		return;
	if (m->packed)
		drive_packed(m, n, indirect);
	else
		drive_split(m, n, indirect);
}

static void drive_index(struct model *m)
{
	if (!m->packed)
		put(m, DRIVER + 2, m->avail, 2);
}

static uint64_t get(const struct model *m, uint64_t at, size_t bytes)
{
	return le_get(m->r.mem + at, bytes);
}

/* The driver takes back what was used; nonsense is left alone. */
static void collect(struct model *m)
{
	uint64_t slot = m->used % m->size;
	uint32_t id, i;

	if (m->packed) {
		uint64_t flags = get(m, DESC + 16 * slot + 14, 2);
		bool wrap = m->used / m->size % 2 == 0;

		if ((flags >> 7 & 1) != wrap || flags >> 15 != wrap)
			return;
		id = (uint32_t)get(m, DESC + 16 * slot + 12, 2);
	} else {
		if (get(m, DEVICE + 2, 2) == (uint16_t)m->used)
			return;
		id = (uint32_t)get(m, DEVICE + 4 + 8 * slot, 4);
	}
	if (id >= m->size || !m->busy[id])
		return;
	m->used += m->packed ? m->nchain[id] : 1;
	m->nfree += m->nchain[id];
	m->busy[id] = false;
	for (i = 1; i < m->nchain[id] && !m->packed; i++)
		m->busy[m->chain[id][i]] = false;
}

static void ck_same_pieces(const struct model *m, const struct popped *p)
{
	uint32_t i, n = p->ref.nreadable + p->ref.nwritable;

	for (i = 0; i < n; i++) {
		SAME(p->iov[i].iov_base,
				 m->r.mem + p->ref.piece[i].gpa);
		SAME(p->iov[i].iov_len, p->ref.piece[i].len);
	}
}

static void ck_same_chain(struct model *m, const struct popped *p)
{
	SAME(p->chain.head, p->ref.head);
	SAME(p->chain.nreadable, p->ref.nreadable);
	SAME(p->chain.nwritable, p->ref.nwritable);
	SAME(p->chain.readable_len, p->ref.readable_len);
	SAME(p->chain.writable_len, p->ref.writable_len);
	SAME(p->chain.fault.bad, p->ref.bad);
	SAME(p->chain.fault.why, p->ref.why);
	ck_same_pieces(m, p);
	m->chains++;
	m->idle = 0;
}

static void pop(struct model *m, unsigned int want)
{
	struct vq_chain chains[REF_MAX_SIZE];
	unsigned int i, room = m->size - m->nout;
	int rc, expected;

	want = want < room ? want : room;
	for (i = 0; i < want; i++) {
		chains[i].iov = m->out[m->nout + i].iov;
		chains[i].iov_max = LIMIT + 8;
	}
	if (!want)
		return;
	rc = want == 1 ? vq_pop(m->r.q, chains) :
	     vq_pop_batch(m->r.q, chains, want);
	for (i = 0; (int)i < rc; i++) {
		struct popped *p = &m->out[m->nout + i];

		p->chain = chains[i];
		SAME(ref_pop(&m->ref, &p->ref, want - i), 1);
		ck_same_chain(m, p);
	}
	m->nout += i;
	m->last_popped = i > 0;
	if (i == want)
		return;
	/* the batch ended early: the next one is the same for both */
	expected = ref_pop(&m->ref, &m->out[m->nout].ref, want - i);
	if (i == 0)
		SAME(rc, expected);
	SAME(vq_broken(m->r.q), (int)m->ref.broken);
}

static void push(struct model *m)
{
	uint32_t i, written;
	struct popped *p;

	if (!m->nout)
		return;
	i = rnd(m, m->nout);
	p = &m->out[i];
	written = rnd(m, 4) ? rnd(m, 1000) : 0;
	vq_push(m->r.q, &p->chain, written);
	ref_push(&m->ref, p->ref.head, written);
	*p = m->out[--m->nout];
	p->chain.iov = p->iov;
	m->last_popped = false;
}

static void unpop(struct model *m)
{
	struct popped *p;

	if (!m->last_popped || m->ref.broken)
		return;
	p = &m->out[--m->nout];
	vq_unpop(m->r.q, &p->chain);
	ref_unpop(&m->ref, &p->ref);
	m->last_popped = false;
}

static void publish_both(struct model *m)
{
	SAME(vq_publish(m->r.q), ref_publish(&m->ref));
}

static void disable_notify(struct model *m)
{
	vq_disable_notify(m->r.q);
	ref_disable_notify(&m->ref);
}

static void enable_notify(struct model *m)
{
	SAME(vq_enable_notify(m->r.q), ref_enable_notify(&m->ref));
}

static void wish(struct model *m)
{
	uint32_t v = rnd(m, 8) ? (uint32_t)m->used + rnd(m, 4) : rnd(m, 65536);

	if (m->packed) {
		put(m, DRIVER, v % m->size | rnd(m, 2) << 15, 2);
		put(m, DRIVER + 2, rnd(m, 4), 2);
	} else {
		put(m, DRIVER, rnd(m, 2), 2);
		put(m, DRIVER + 4 + 2 * (uint64_t)m->size, v, 2);
	}
}

static void corrupt(struct model *m)
{
	static const uint32_t areas[] = { DESC, DESC, DRIVER, TABLES };
	uint32_t at = areas[rnd(m, 4)] + 2 * rnd(m, 8 * m->size);

	if (!rnd(m, 50))
		put(m, at, rnd(m, 2) ? rnd(m, 32) : rnd(m, 65536), 2);
}

/* A fresh driver and device, as after a reset of both. */
static void restart(struct model *m)
{
	while (m->nout)
		vq_push(m->r.q, &m->out[--m->nout].chain, 0);
	vq_disable(m->r.q);
	memset(m->r.mem, 0, RINGS_END);
	memset(m->mem, 0, RINGS_END);
	memset(m->busy, 0, sizeof(m->busy));
	/* a split ring soon wraps its indices */
	m->avail = m->used = m->packed ? 0 : 65536 - rnd(m, 200);
	put(m, DRIVER + 2, m->avail, m->packed ? 0 : 2);
	put(m, DEVICE + 2, m->avail, m->packed ? 0 : 2);
	m->idle = 0;
	m->nfree = m->size;
	m->last_popped = false;
	m->r.config.base = m->packed ?
		vq_initial_base(m->r.config.features) : (uint16_t)m->avail;
	SAME(vq_enable(m->r.q, &m->r.config, NULL), 0);
	ref_init(&m->ref, m->mem, MEM, &m->r.config);
	m->ref.avail = m->ref.known = m->avail;
	m->ref.used = m->ref.published = m->used;
}

static void check_broken(struct model *m)
{
	m->broken += m->ref.broken != VQ_OK;
	if (m->ref.broken || m->idle > IDLE)
		restart(m);
}

/* Disables the queue and enables it at its position, which the driver does not notice. */
static void resume(struct model *m)
{
	if (m->nout || m->ref.broken || rnd(m, 8))
		return;
	publish_both(m);
	SAME(vq_base(m->r.q), ref_base(&m->ref));
	m->r.config.base = vq_base(m->r.q);
	vq_disable(m->r.q);
	SAME(vq_enable(m->r.q, &m->r.config, NULL), 0);
	/* chains that were known to wait are counted again */
	m->ref.known = m->ref.avail;
}

static void pop_one(struct model *m)
{
	pop(m, 1);
}

static void pop_some(struct model *m)
{
	pop(m, 1 + rnd(m, 8));
}

static void (*const operations[])(struct model *m) = {
	drive, drive, drive, drive, drive_index, pop_one, pop_one, pop_some,
	push, push, push, unpop, publish_both, publish_both, collect, collect,
	collect, collect, wish, disable_notify, enable_notify, corrupt,
	check_broken, resume,
};

static void ck_same_memory(const struct model *m)
{
	SAME(memcmp(m->r.mem + DESC, m->mem + DESC, 16 * m->size), 0);
	SAME(memcmp(m->r.mem + DEVICE, m->mem + DEVICE,
				4 + 8 * m->size + 2), 0);
}

static void run(struct model *m, uint32_t steps)
{
	uint32_t i;

	for (i = 0; i < steps; i++) {
		operations[rnd(m, ARRAY_SIZE(operations))](m);
		SAME(vq_inflight(m->r.q), m->nout);
		ck_same_memory(m);
		m->idle++;
	}
}

static void model_init(struct model *m, int i, uint32_t size)
{
	struct vmem_region *region = make_region(0, MEM, 0, 0);
	uint64_t features = (i & 1 ? VQ_F_EVENT_IDX : 0) |
			    (i & 2 ? VQ_F_INDIRECT_DESC : 0) |
			    (i & 4 ? VQ_F_IN_ORDER : 0) |
			    (i & 8 ? VQ_F_RING_PACKED : 0);

	memset(m, 0, sizeof(*m));
	rig_init_regions(&m->r, &region, 1, features);
	m->r.config.size = m->size = size;
	m->r.config.max_chain = size < LIMIT ? LIMIT : 0;
	m->seed = 0x9e3779b97f4a7c15u + (unsigned int)i * 64 + size;
	m->packed = features & VQ_F_RING_PACKED;
	m->mem = calloc(1, MEM);
	ck_assert_ptr_nonnull(m->mem);
	restart(m);
}

START_TEST(engine_and_reference_agree_on_everything)
{
	static const uint32_t split_sizes[] = { 1, 2, 4, 16 };
	static const uint32_t packed_sizes[] = { 1, 3, 8, 17 };
	uint32_t steps = scaled(STEPS / N_COMBINATIONS / 4);
	struct model *m = malloc(sizeof(*m));
	uint64_t broken = 0;
	int i;

	ck_assert_ptr_nonnull(m);
	for (i = 0; i < 4; i++) {
		model_init(m, _i, _i & 8 ? packed_sizes[i] : split_sizes[i]);
		run(m, steps);
		/* the run must have contained chains */
		ck_assert_uint_gt(m->chains, steps / 100);
		broken += m->broken;
		while (m->nout)
			vq_push(m->r.q, &m->out[--m->nout].chain, 0);
		free(m->mem);
		rig_fini(&m->r);
	}
	ck_assert_uint_ge(broken, steps / 20000);
	free(m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("model");

	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc, engine_and_reference_agree_on_everything, 0,
			    N_COMBINATIONS);
	return run_tcase(tc, "model");
}
