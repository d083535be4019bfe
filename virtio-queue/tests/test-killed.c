/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device that is killed: at any store, the process that takes over the ring
 * loses no request, serves none twice and keeps their order.
 *
 * A child executes one operation, and is stepped through it instruction by instruction.
 * Each state of the ring and the in-flight area is one that a kill could leave, and a
 * replacement is tried on each of them.
 */
#include <config.h>

#include <sched.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "util.h"

/* Close together: all of it is compared after each instruction. */
#define RING		0x1000u
#define TABLES		0x1800u
#define DATA		0x1c00u
#define SLOTS		16u
#define SLOT		64u
#define END		(DATA + SLOTS * SLOT)
#define MAX_SHOTS	400u
#define N_COMBINATIONS	8

struct killed_rig {
	struct rig r;
	struct vq_driver *d;
	unsigned char *area;		/* shared with children */
	size_t area_len;
	uint32_t offered, collected;
	struct vq_chain chain[RIG_SIZE];
	struct iovec iov[RIG_SIZE][4];
	unsigned int nchain;
};

struct shots {
	unsigned char *mem[MAX_SHOTS];
	unsigned int n;
};

/* In children, which no framework watches. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: not %s\n", __LINE__, \
				#condition); \
			_exit(1); \
		} \
	} while (0)

static void new_queue(struct killed_rig *b)
{
	MUST(vq_new(&b->r.q) == 0);
	MUST(vq_set_space(b->r.q, b->r.space) == 0);
	MUST(vq_set_inflight(b->r.q, b->area, b->r.config.size) == 0);
}

static void killed_init(struct killed_rig *b, uint64_t features, uint32_t size)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);
	struct vq_driver_config c = {
		.features = features, .size = size, .gpa = RING,
		.indirect_gpa = TABLES,
		.indirect_max = features & VQ_F_INDIRECT_DESC ? 4 : 0,
	};
	unsigned int i;

	memset(b, 0, sizeof(*b));
	rig_init_regions(&b->r, &region, 1, features);
	c.map = vmem_space_current(b->r.space);
	ck_assert_int_eq(vq_driver_new(&c, &b->d, NULL), 0);
	b->r.config.size = size;
	b->r.config.base = vq_initial_base(features);
	b->r.config.desc_gpa = vq_driver_desc_gpa(b->d);
	b->r.config.driver_gpa = vq_driver_driver_gpa(b->d);
	b->r.config.device_gpa = vq_driver_device_gpa(b->d);
	b->area_len = vq_inflight_size(size, features);
	b->area = mmap(NULL, b->area_len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(b->area, MAP_FAILED);
	for (i = 0; i < RIG_SIZE; i++) {
		b->chain[i].iov = b->iov[i];
		b->chain[i].iov_max = 4;
	}
	vq_free(b->r.q);
	new_queue(b);
	ck_assert_int_eq(vq_enable(b->r.q, &b->r.config, NULL), 0);
}

static void killed_fini(struct killed_rig *b)
{
	vq_driver_free(b->d);
	munmap(b->area, b->area_len);
	rig_fini(&b->r);
}

/* Request number k has one, two or three buffers, the last ones writable. */
static unsigned int buffers_of(uint32_t k)
{
	return 1 + k % 3;
}

static bool offer_one(struct killed_rig *b)
{
	uint32_t k = b->offered;
	uint64_t gpa = DATA + (uint64_t)(k % SLOTS) * SLOT;
	struct vq_buffer buffers[3] = {
		{ gpa, 4, 0 }, { gpa + 16, 4, 1 }, { gpa + 32, 4, 1 },
	};

	if (vq_driver_add(b->d, buffers, buffers_of(k), k) < 0)
		return false;
	memcpy(b->r.mem + gpa, &k, 4);
	vq_driver_publish(b->d);
	b->offered++;
	return true;
}

/* The number of the request that a chain contains. */
static uint32_t number(struct killed_rig *b, const struct vq_chain *c)
{
	struct vq_cursor reader;
	uint32_t k = UINT32_MAX;

	vq_reader_init(&reader, b->r.q, c);
	MUST(vq_cursor_read_exact(&reader, &k, 4));
	MUST(c->writable_len == 4 * (buffers_of(k) - 1));
	return k;
}

static void pop(struct killed_rig *b, unsigned int n)
{
	MUST(vq_pop_batch(b->r.q, &b->chain[b->nchain], n) == (int)n);
	b->nchain += n;
}

static void push(struct killed_rig *b, unsigned int i)
{
	struct vq_chain *c = &b->chain[i];

	vq_push(b->r.q, c, 4 * (buffers_of(number(b, c)) - 1));
}

static bool collect_one(struct killed_rig *b, uint64_t *k)
{
	uint32_t written;
	int rc = vq_driver_collect(b->d, k, &written);

	MUST(rc >= 0);
	MUST(!rc || written == 4 * (buffers_of((uint32_t)*k) - 1));
	return rc;
}

/* One request, all the way; b->chain is used up. */
static void round_trip(struct killed_rig *b)
{
	uint64_t k;

	MUST(offer_one(b));
	b->nchain = 0;
	pop(b, 1);
	push(b, 0);
	vq_publish(b->r.q);
	MUST(collect_one(b, &k) && k == b->offered - 1);
	b->collected++;
	b->nchain = 0;
}

/* Operations, each on a ring that was prepared for it. */

static void offer_three(struct killed_rig *b)
{
	offer_one(b);
	offer_one(b);
	offer_one(b);
}

static void take_three(struct killed_rig *b)
{
	offer_three(b);
	pop(b, 3);
}

static void fill_and_take(struct killed_rig *b)
{
	while (offer_one(b))
		;
	pop(b, b->offered - b->collected);
}

static void op_pop_three(struct killed_rig *b)
{
	pop(b, 3);
}

static void op_use_all(struct killed_rig *b)
{
	unsigned int i;

	for (i = 0; i < b->nchain; i++)
		push(b, i);
	vq_publish(b->r.q);
}

/* Not in their order, unless they must be. */
static void op_use_two(struct killed_rig *b)
{
	bool in_order = b->r.config.features & VQ_F_IN_ORDER;

	push(b, in_order ? 0 : 2);
	push(b, in_order ? 1 : 0);
	vq_publish(b->r.q);
}

static void op_use_without_publish(struct killed_rig *b)
{
	push(b, 0);
	push(b, 1);
}

static void op_unpop(struct killed_rig *b)
{
	vq_unpop(b->r.q, &b->chain[--b->nchain]);
}

/* The free list has changed when the chain returns to it. */
static void op_use_and_unpop(struct killed_rig *b)
{
	push(b, 0);
	vq_publish(b->r.q);
	vq_unpop(b->r.q, &b->chain[2]);
	pop(b, 1);
}


static const struct {
	void (*prepare)(struct killed_rig *b);
	void (*op)(struct killed_rig *b);
} operations[] = {
	{ offer_three, op_pop_three },
	{ take_three, op_use_two },
	{ take_three, op_use_without_publish },
	{ take_three, op_use_and_unpop },
	{ take_three, op_unpop },
	{ fill_and_take, op_use_all },
	{ take_three, op_use_all },
};

static void op_enable(struct killed_rig *b)
{
	MUST(vq_enable(b->r.q, &b->r.config, NULL) == 0);
}

/* The process's own memory is lost. */
static void crash(struct killed_rig *b)
{
	vq_free(b->r.q);
	new_queue(b);
}

/* All state that a replacement process can find, in one buffer. */
static size_t state_len(const struct killed_rig *b)
{
	return b->area_len + (END - RING);
}

static void load_state(const struct killed_rig *b, unsigned char *to)
{
	memcpy(to, b->area, b->area_len);
	memcpy(to + b->area_len, b->r.mem + RING, END - RING);
}

static void store_state(struct killed_rig *b, const unsigned char *from)
{
	memcpy(b->area, from, b->area_len);
	memcpy(b->r.mem + RING, from + b->area_len, END - RING);
}

static bool same_state(const struct killed_rig *b, const unsigned char *as)
{
	return !memcmp(b->area, as, b->area_len) &&
	       !memcmp(b->r.mem + RING, as + b->area_len, END - RING);
}

static void shoot(const struct killed_rig *b, struct shots *s)
{
	ck_assert_uint_lt(s->n, MAX_SHOTS);
	s->mem[s->n] = malloc(state_len(b));
	ck_assert_ptr_nonnull(s->mem[s->n]);
	load_state(b, s->mem[s->n++]);
}

static void free_shots(struct shots *s)
{
	while (s->n)
		free(s->mem[--s->n]);
}

/*
 * Turns of two processes, thousands each second: a child on another processor
 * would be woken by an interrupt each time.
 */
static void stay_on_this_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

/* Records the states of op, including the first and the last one. */
static void record(struct killed_rig *b, void (*op)(struct killed_rig *b), struct shots *s)
{
	pid_t pid;
	int status;

	stay_on_this_processor();
	pid = fork();
	s->n = 0;
	shoot(b, s);
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		op(b);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (!same_state(b, s->mem[s->n - 1]))
			shoot(b, s);
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	store_state(b, s->mem[0]);
}

/* Pops all there is: in the order of the offers, nothing that was collected. */
static void take_all(struct killed_rig *b, bool *seen)
{
	uint32_t k, before = 0;

	b->nchain = 0;
	while (vq_pop(b->r.q, &b->chain[b->nchain]) == 1) {
		k = number(b, &b->chain[b->nchain]);
		MUST(k < b->offered && !seen[k]);
		MUST(!b->nchain || k > before);
		seen[k] = true;
		before = k;
		b->nchain++;
	}
	MUST(!vq_broken(b->r.q));
}

/* The driver sees what is used, when it is, and nothing else. */
static void give_back_all(struct killed_rig *b)
{
	bool in_order = b->r.config.features & VQ_F_IN_ORDER;
	unsigned int i, at;
	uint64_t k;

	for (i = 0; i < b->nchain; i++) {
		at = in_order ? i : b->nchain - 1 - i;
		push(b, at);
		vq_publish(b->r.q);
		MUST(collect_one(b, &k));
		MUST(k == number(b, &b->chain[at]));
		MUST(!collect_one(b, &k));
	}
}

static void succeed(struct killed_rig *b)
{
	bool seen[256] = { false };
	unsigned int i;
	uint64_t k;

	crash(b);
	op_enable(b);
	for (i = 0; i < b->collected; i++)
		seen[i] = true;
	while (collect_one(b, &k)) {
		MUST(!seen[k]);
		seen[k] = true;
	}
	take_all(b, seen);
	for (i = 0; i < b->offered; i++)
		MUST(seen[i]);
	give_back_all(b);
	MUST(vq_driver_inflight(b->d) == 0);
	for (i = 0; i < 3 * b->r.config.size; i++)
		round_trip(b);
}

static void ck_succeeds(struct killed_rig *b, const unsigned char *state)
{
	pid_t pid;
	int status;

	store_state(b, state);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		succeed(b);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static uint64_t combination(int i)
{
	return VQ_F_VERSION_1 | VQ_F_EVENT_IDX |
	       (i & 1 ? VQ_F_INDIRECT_DESC : 0) |
	       (i & 2 ? VQ_F_IN_ORDER : 0) | (i & 4 ? VQ_F_RING_PACKED : 0);
}

/*
 * Number of requests before the operation, so that it wraps around the end of
 * the ring: for a packed ring once, twice, and with tables.
 */
static const uint32_t leads[] = { 3, 7, 5 };

static void killed_prepare(struct killed_rig *b, int i, uint32_t lead, uint32_t op)
{
	killed_init(b, combination(i), i & 4 ? 7 : 8);
	while (lead--)
		round_trip(b);
	operations[op].prepare(b);
}

START_TEST(killed_at_any_store_nothing_is_lost_doubled_or_reordered)
{
	uint32_t lead, op, i, n;
	struct shots shots;
	struct killed_rig b;

	/* Below full scale each kind of ring has another one. */
	for (n = 0; n < scaled(ARRAY_SIZE(operations)); n++) {
		op = ((uint32_t)_i + n) % ARRAY_SIZE(operations);
		for (lead = 0; lead < scaled(ARRAY_SIZE(leads)); lead++) {
			killed_prepare(&b, _i, leads[lead], op);
			record(&b, operations[op].op, &shots);
			ck_assert_uint_ge(shots.n, 2);
			/* a slow build takes some of them */
			for (i = 0; i < shots.n; i += shots.n / scaled(shots.n))
				ck_succeeds(&b, shots.mem[i]);
			free_shots(&shots);
			killed_fini(&b);
		}
	}
}
END_TEST

START_TEST(killed_again_while_it_takes_over_nothing_is_lost_either)
{
	struct shots first, second;
	uint32_t op, i, k;
	struct killed_rig b;

	for (op = 1; op < ARRAY_SIZE(operations); op += 4) {
		killed_prepare(&b, _i, leads[0], op);
		record(&b, operations[op].op, &first);
		crash(&b);
		/* every second store, the others with the next features */
		for (i = (uint32_t)_i % 2; i < first.n; i += 2 * first.n / scaled(first.n)) {
			store_state(&b, first.mem[i]);
			record(&b, op_enable, &second);
			for (k = 1; k < second.n; k += second.n / scaled(second.n))
				ck_succeeds(&b, second.mem[k]);
			free_shots(&second);
		}
		free_shots(&first);
		killed_fini(&b);
	}
}
END_TEST

/* Why a child cannot be stepped here, or NULL. */
static const char *missing(void)
{
	const char *preload = getenv("LD_PRELOAD");
	pid_t pid;
	int status;

	if (preload && strstr(preload, "vgpreload"))
		return "valgrind would be stepped, not the program";
	if (VSU_ADDRESS_SANITIZER || VSU_THREAD_SANITIZER)
		return "a sanitizer would be stepped, not the program";
	pid = fork();
	if (!pid)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return "no process can be traced here";
	return NULL;
}

/* Split rings and packed ones by a program each: two take half as long side by side. */
#ifdef KILLED_PACKED
#define FIRST (N_COMBINATIONS / 2)
#else
#define FIRST 0
#endif

int main(void)
{
	TCase *tc;
	const char *why = missing();

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	tc = tcase_create("killed");
	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc,
			    killed_at_any_store_nothing_is_lost_doubled_or_reordered,
			    FIRST, FIRST + N_COMBINATIONS / 2);
	tcase_add_loop_test(tc,
			    killed_again_while_it_takes_over_nothing_is_lost_either,
			    FIRST, FIRST + N_COMBINATIONS / 2);
	return run_tcase(tc, "killed");
}
