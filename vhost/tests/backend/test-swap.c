/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a session whose rings are served by several threads under load
 * while its front-end replaces everything that these threads read.
 *
 *   main      the front-end's messages and the session
 *   workers   serve rings; each start moves a ring to another worker
 *   guest     drives all rings and checks each reply
 *
 * Half of the requests have their writable buffer in a region that is removed
 * and added again: they may complete with nothing written, but each completes
 * exactly once. TEST_SCALE shortens the test.
 */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/cursor.h>
#include <virtio-queue/driver.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

#define ROUNDS	10000u
#define RINGS	4u
#define THREADS	4u
#define SIZE	64u		/* entries of a ring */
#define SLOTS	16u		/* requests in flight per ring */
#define HELD	4u		/* chains that a worker has popped and not pushed */
#define TURN	12u		/* chains per turn */

/* Guest addresses: each ring has a window for its areas and buffers. */
#define WINDOW	UINT64_C(0x10000)
#define BUFFERS	UINT64_C(0x8000)
#define DATA	(UINT64_C(16) << 20)
#define DATA_SIZE UINT64_C(0x10000)

/* the back-end's side */

/* State of a ring; the worker's number is stored above it. */
enum { OFF, RUN, ASKED };

struct served {
	uint32_t word;		/* atomic: worker << 2 | one of the above */
	bool drain;		/* requested to push all held chains */
	int kick;
	struct vq_chain held[HELD];
	struct iovec iov[HELD][4];
	unsigned int nheld;
};

struct worker {
	pthread_t id;
	uint32_t index;
	int wake;
};

static struct rig rig;
static struct served rings[RINGS];
static struct worker workers[THREADS];
static unsigned int moves;
static unsigned int waiting;	/* atomic: rings with a pending quiesce */
static uint64_t token;
static bool quit;		/* atomic */

static void push_held(struct served *s, uint32_t ring)
{
	struct vq *q = vhost_user_backend_vq(rig.b, ring);
	struct vq_cursor in, out;
	unsigned int i;

	for (i = 0; i < s->nheld; i++) {
		vq_reader_init(&in, q, &s->held[i]);
		vq_writer_init(&out, q, &s->held[i]);
		vq_push(q, &s->held[i],
			vq_cursor_copy(&out, &in, UINT32_MAX));
	}
	s->nheld = 0;
	if (vq_publish(q))
		vhost_user_backend_call(rig.b, ring);
}

/* True if more work is ready; held chains may outlive a quiesce. */
static bool serve(struct served *s, uint32_t ring)
{
	struct vq *q = vhost_user_backend_vq(rig.b, ring);
	struct vq_chain *chain;
	unsigned int n;

	vsu_event_drain(s->kick, NULL);
	vq_disable_notify(q);
	for (n = 0; n < TURN; n++) {
		if (s->nheld == HELD)
			push_held(s, ring);
		chain = &s->held[s->nheld];
		chain->iov = s->iov[s->nheld];
		chain->iov_max = 4;
		if (vq_pop(q, chain) != 1) {
			push_held(s, ring);
			return vq_enable_notify(q);
		}
		s->nheld++;
	}
	return true;
}

static void leave(struct served *s, uint32_t ring, uint32_t worker)
{
	if (s->drain)
		push_held(s, ring);
	__atomic_store_n(&s->word, worker << 2 | OFF, __ATOMIC_RELEASE);
	if (__atomic_sub_fetch(&waiting, 1, __ATOMIC_ACQ_REL) == 0)
		vhost_user_backend_done(rig.b, token);
}

static bool look(struct worker *w, uint32_t ring, struct pollfd *kick)
{
	struct served *s = &rings[ring];
	uint32_t word = __atomic_load_n(&s->word, __ATOMIC_ACQUIRE);

	*kick = (struct pollfd){ -1, POLLIN, 0 };
	if (word >> 2 != w->index)
		return false;
	if ((word & 3) == ASKED)
		leave(s, ring, w->index);
	if ((word & 3) != RUN)
		return false;
	kick->fd = s->kick;
	return serve(s, ring);
}

static void *work(void *arg)
{
	struct pollfd fds[RINGS + 1];
	struct worker *w = arg;
	bool again;
	uint32_t i;

	while (!__atomic_load_n(&quit, __ATOMIC_ACQUIRE)) {
		vsu_event_drain(w->wake, NULL);
		again = false;
		for (i = 0; i < RINGS; i++)
			again |= look(w, i, &fds[i]);
		fds[RINGS] = (struct pollfd){ w->wake, POLLIN, 0 };
		if (!again)
			poll(fds, RINGS + 1, -1);
	}
	return NULL;
}

static void on_run(void *opaque, uint32_t ring)
{
	struct served *s = &rings[ring];
	uint32_t worker = moves++ % THREADS;

	(void)opaque;
	ck_assert_uint_eq(s->word & 3, OFF);
	s->kick = vhost_user_backend_kick_fd(rig.b, ring);
	__atomic_store_n(&s->word, worker << 2 | RUN, __ATOMIC_RELEASE);
	vsu_event_signal_own(workers[worker].wake);
}

/* If no worker serves the ring, this thread pushes its held chains. */
static bool ask(uint32_t ring, bool drain)
{
	struct served *s = &rings[ring];

	if ((s->word & 3) == OFF) {
		if (drain && s->nheld)
			push_held(s, ring);
		return false;
	}
	s->drain = drain;
	return true;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t t)
{
	bool asked[RINGS] = { false };
	unsigned int n = 0;
	uint32_t i, word;

	(void)opaque;
	for (i = 0; i < RINGS; i++) {
		if (ring == i || ring == VHOST_USER_ALL_RINGS)
			asked[i] = ask(i, drain);
		n += asked[i];
	}
	token = t;
	__atomic_store_n(&waiting, n, __ATOMIC_RELEASE);
	if (!n)
		vhost_user_backend_done(rig.b, t);
	for (i = 0; i < RINGS; i++) {
		if (!asked[i])
			continue;
		word = rings[i].word >> 2 << 2 | ASKED;
		__atomic_store_n(&rings[i].word, word, __ATOMIC_RELEASE);
		vsu_event_signal_own(workers[word >> 2].wake);
	}
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct rig *r = opaque;

	r->why = *err;
	r->gones++;
	vhost_user_backend_free(r->b);
	r->b = NULL;
}

/* the guest */

struct driven {
	struct vq_driver *driver;
	uint64_t value[SLOTS];	/* the value sent by the request in this slot */
	bool busy[SLOTS];
	uint64_t next;
};

static struct driven driven[RINGS];
static struct vmem_map *map;
static unsigned char *data;
static int data_fd, guest_wake, events[2][RINGS][2];
static unsigned int in_use[2][RINGS];	/* atomic: index of the event in use */
enum { KICK, CALL };
static bool guest_ends;			/* atomic */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t progress = PTHREAD_COND_INITIALIZER;
static uint64_t done_count[RINGS], empty_count;	/* under lock */

static int event_in_use(int which, uint32_t ring)
{
	return events[which][ring][__atomic_load_n(&in_use[which][ring],
						   __ATOMIC_ACQUIRE)];
}

/* The reply of an even slot is written to the permanent region. */
static uint64_t answer_gpa(uint32_t ring, unsigned int slot)
{
	return slot & 1 ? DATA + ring * 0x1000 + slot * 16 :
			  ring * WINDOW + BUFFERS + slot * 16 + 8;
}

static unsigned char *answer_at(uint32_t ring, unsigned int slot)
{
	uint64_t gpa = answer_gpa(ring, slot);

	return gpa >= DATA ? data + (gpa - DATA) : rig.mem + gpa;
}

static void offer(uint32_t ring, unsigned int slot)
{
	uint64_t gpa = ring * WINDOW + BUFFERS + slot * 16;
	const struct vq_buffer buffers[2] = {
		{ gpa, 8, 0 }, { answer_gpa(ring, slot), 8, 1 },
	};
	struct driven *d = &driven[ring];

	d->value[slot] = ++d->next;
	d->busy[slot] = true;
	memcpy(rig.mem + gpa, &d->value[slot], 8);
	memset(answer_at(ring, slot), 0, 8);
	ck_assert_int_eq(vq_driver_add(d->driver, buffers, 2, slot), 0);
}

static void finish(uint32_t ring, uint64_t slot, uint32_t written)
{
	struct driven *d = &driven[ring];

	ck_assert_uint_lt(slot, SLOTS);
	ck_assert(d->busy[slot]);
	d->busy[slot] = false;
	if (written)
		ck_assert_mem_eq(answer_at(ring, (unsigned int)slot),
				 &d->value[slot], 8);
	else
		ck_assert_uint_eq(slot & 1, 1);
	pthread_mutex_lock(&lock);
	done_count[ring]++;
	empty_count += !written;
	pthread_cond_signal(&progress);
	pthread_mutex_unlock(&lock);
}

/* True if more work is ready. */
static bool drive(uint32_t ring, bool ends)
{
	struct driven *d = &driven[ring];
	unsigned int slot;
	uint64_t cookie;
	uint32_t written;
	int rc;

	vq_driver_disable_call(d->driver);
	while ((rc = vq_driver_collect(d->driver, &cookie, &written)) == 1)
		finish(ring, cookie, written);
	ck_assert_int_eq(rc, 0);
	for (slot = 0; slot < SLOTS && !ends; slot++)
		if (!d->busy[slot])
			offer(ring, slot);
	if (vq_driver_publish(d->driver))
		vsu_event_signal(event_in_use(KICK, ring));
	return vq_driver_enable_call(d->driver);
}

static void *guest(void *arg)
{
	struct pollfd fds[RINGS + 1];
	unsigned int inflight;
	bool again, ends;
	uint32_t i;

	(void)arg;
	do {
		ends = __atomic_load_n(&guest_ends, __ATOMIC_ACQUIRE);
		vsu_event_drain(guest_wake, NULL);
		again = false;
		inflight = 0;
		for (i = 0; i < RINGS; i++) {
			fds[i] = (struct pollfd){ event_in_use(CALL, i), POLLIN, 0 };
			vsu_event_drain(fds[i].fd, NULL);
			again |= drive(i, ends);
			inflight += vq_driver_inflight(driven[i].driver);
		}
		fds[RINGS] = (struct pollfd){ guest_wake, POLLIN, 0 };
		if (!again && inflight)
			poll(fds, RINGS + 1, -1);
	} while (inflight || !ends);
	return NULL;
}

/* the front-end */

static struct rig_reply ask_and_wait(uint32_t request, uint32_t flags,
				     const void *payload, uint32_t size, int fd)
{
	struct pollfd p = { vhost_user_backend_fd(rig.b), POLLIN, 0 };
	struct rig_reply reply;

	rig_send(&rig, request, flags, payload, size, &fd, fd >= 0);
	while (!rig_reply(&rig, &reply)) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		ck_assert_int_ge(vhost_user_backend_dispatch(rig.b), 0);
	}
	ck_assert_uint_eq(reply.hdr.request, request);
	return reply;
}

static void do_it(uint32_t request, const void *payload, uint32_t size, int fd)
{
	struct rig_reply reply = ask_and_wait(request, RIG_NEED, payload, size, fd);
	const uint64_t yes = 0;

	ck_assert_msg(memcmp(reply.payload, &yes, 8) == 0, "request %u: %s",
		      request, rig.refusal.msg);
}

static void set_state(uint32_t request, uint32_t ring, uint32_t num)
{
	const struct vhost_user_vring_state s = { ring, num };

	do_it(request, &s, sizeof(s), -1);
}

/* Switches to the other one of two events. */
static int swap_event(int which, uint32_t request, uint32_t ring)
{
	unsigned int other = !in_use[which][ring];
	const uint64_t index = ring;

	do_it(request, &index, 8, events[which][ring][other]);
	__atomic_store_n(&in_use[which][ring], other, __ATOMIC_RELEASE);
	return events[which][ring][!other];
}

/*
 * After the acknowledgement, the back-end no longer signals the old descriptor.
 */
static void swap_call(uint32_t ring)
{
	static int former[RINGS];
	uint64_t count;

	if (former[ring]) {
		ck_assert_int_eq(vsu_event_drain(former[ring], &count), 0);
		ck_assert_uint_eq(count, 0);
	}
	former[ring] = swap_event(CALL, VHOST_USER_SET_VRING_CALL, ring);
	vsu_event_drain(former[ring], NULL);
	vsu_event_signal_own(guest_wake);
}

/* Repeats a kick that may have gone to the old descriptor. */
static void swap_kick(uint32_t ring)
{
	swap_event(KICK, VHOST_USER_SET_VRING_KICK, ring);
	vsu_event_signal(event_in_use(KICK, ring));
}

static const struct vhost_user_mem_reg regions[2] = {
	{ .region = { 0, RIG_MEMORY, RIG_UADDR, 0 } },
	{ .region = { DATA, DATA_SIZE, RIG_UADDR + DATA, 0 } },
};

static void add_region(unsigned int which)
{
	do_it(VHOST_USER_ADD_MEM_REG, &regions[which], sizeof(regions[0]),
	      which ? data_fd : rig.memfd);
}

static void remove_region(unsigned int which)
{
	do_it(VHOST_USER_REM_MEM_REG, &regions[which], sizeof(regions[0]), -1);
}

static void swap_data(uint32_t ring)
{
	(void)ring;
	remove_region(1);
	add_region(1);
}

/* Replaces the region that contains the rings: all of them quiesce. */
static void swap_ring_memory(uint32_t ring)
{
	(void)ring;
	remove_region(0);
	add_region(0);
}

static void start_ring(uint32_t ring, uint32_t base)
{
	const struct vhost_user_vring_addr addr = {
		.index = ring,
		.desc = RIG_UADDR + vq_driver_desc_gpa(driven[ring].driver),
		.avail = RIG_UADDR + vq_driver_driver_gpa(driven[ring].driver),
		.used = RIG_UADDR + vq_driver_device_gpa(driven[ring].driver),
	};

	set_state(VHOST_USER_SET_VRING_NUM, ring, SIZE);
	set_state(VHOST_USER_SET_VRING_BASE, ring, base);
	do_it(VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	swap_call(ring);
	swap_kick(ring);
}

static void stop_and_start(uint32_t ring)
{
	struct vhost_user_vring_state s = { ring, 0 };
	struct rig_reply reply;

	reply = ask_and_wait(VHOST_USER_GET_VRING_BASE, 1, &s, sizeof(s), -1);
	memcpy(&s, reply.payload, sizeof(s));
	start_ring(ring, s.num);
}

static void disable_and_enable(uint32_t ring)
{
	set_state(VHOST_USER_SET_VRING_ENABLE, ring, 0);
	set_state(VHOST_USER_SET_VRING_ENABLE, ring, 1);
}

/* set-up and teardown */

static void make_guest(void)
{
	struct vmem_fd_desc desc = {
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.len = RIG_MEMORY, .fd = rig.memfd,
	};
	struct vmem_region_desc region_desc = { .gpa = 0, .len = RIG_MEMORY };
	struct vmem_region *region;
	uint32_t i;

	ck_assert_int_eq(vmem_block_new_fd(&desc, &region_desc.block, NULL), 0);
	ck_assert_int_eq(vmem_region_new(&region_desc, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_from_regions(&region, 1, &map, NULL), 0);
	vmem_region_unref(region);
	vmem_block_unref(region_desc.block);
	data_fd = memfd_create("data", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(data_fd, (off_t)DATA_SIZE), 0);
	data = mmap(NULL, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    data_fd, 0);
	ck_assert_ptr_ne(data, MAP_FAILED);
	for (i = 0; i < RINGS; i++) {
		const struct vq_driver_config config = {
			.map = map, .gpa = i * WINDOW, .size = SIZE,
			.features = VQ_F_VERSION_1 | VQ_F_EVENT_IDX,
		};

		ck_assert_int_eq(vq_driver_new(&config, &driven[i].driver, NULL),
				 0);
	}
}

static void free_guest(void)
{
	uint32_t i;

	for (i = 0; i < RINGS; i++)
		vq_driver_free(driven[i].driver);
	vmem_map_unref(map);
	munmap(data, DATA_SIZE);
	close(data_fd);
}

/* Opens or closes all events of this test. */
static void for_all_events(void (*f)(int *fd))
{
	uint32_t i;

	for (i = 0; i < 4 * RINGS; i++)
		f(&events[i / (2 * RINGS)][i / 2 % RINGS][i % 2]);
	for (i = 0; i < THREADS; i++)
		f(&workers[i].wake);
	f(&guest_wake);
}

static void event_open(int *fd)
{
	*fd = vsu_event_new();
	ck_assert_int_ge(*fd, 0);
}

static void event_close(int *fd)
{
	close(*fd);
}

static void set_up(void)
{
	const uint64_t features = VQ_F_VERSION_1 | VQ_F_EVENT_IDX |
				  VHOST_USER_F_PROTOCOL_FEATURES;
	uint32_t i;

	rig_prepare(&rig);
	rig.config.nrings = RINGS;
	rig.ops.run = on_run;
	rig.ops.quiesce = on_quiesce;
	rig.ops.gone = on_gone;
	rig_start(&rig);
	make_guest();
	for_all_events(event_open);
	for (i = 0; i < THREADS; i++) {
		workers[i].index = i;
		ck_assert_int_eq(pthread_create(&workers[i].id, NULL, work,
						&workers[i]), 0);
	}
	rig_negotiate(&rig);
	do_it(VHOST_USER_SET_FEATURES, &features, 8, -1);
	add_region(0);
	add_region(1);
	for (i = 0; i < RINGS; i++) {
		start_ring(i, 0);
		set_state(VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
}

/* The front-end disconnects while rings run. */
static void hang_up(void)
{
	struct pollfd p = { vhost_user_backend_fd(rig.b), POLLIN, 0 };

	vsu_fd_close(&rig.sock);
	while (rig.b) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		vhost_user_backend_dispatch(rig.b);
	}
}

static void tear_down(void)
{
	uint32_t i;

	hang_up();
	__atomic_store_n(&quit, true, __ATOMIC_RELEASE);
	for (i = 0; i < THREADS; i++) {
		vsu_event_signal_own(workers[i].wake);
		pthread_join(workers[i].id, NULL);
	}
	for_all_events(event_close);
	free_guest();
	rig_fini(&rig);
}

/*
 * Without further changes, each ring makes progress by its notifications alone.
 */
static void see_progress(void)
{
	uint64_t before[RINGS];
	uint32_t i;

	pthread_mutex_lock(&lock);
	memcpy(before, done_count, sizeof(before));
	for (i = 0; i < RINGS; i++)
		while (done_count[i] < before[i] + 2 * SLOTS)
			pthread_cond_wait(&progress, &lock);
	pthread_mutex_unlock(&lock);
}

static unsigned int rounds(void)
{
	const char *scale = getenv("TEST_SCALE");
	double n = ROUNDS * (scale ? atof(scale) : 1);

	if (rig_under_valgrind())
		n /= 100;
	return n < 50 ? 50 : (unsigned int)n;
}

START_TEST(b3_13_rings_on_four_threads_survive_replaced_state)
{
	static void (*const changes[])(uint32_t) = {
		swap_call, swap_call, swap_kick, swap_data, swap_data,
		swap_ring_memory, stop_and_start, disable_and_enable,
	};
	const unsigned int nchanges = sizeof(changes) / sizeof(changes[0]);
	unsigned int i, n = rounds(), seed = 1;
	pthread_t thread;

	set_up();
	ck_assert_int_eq(pthread_create(&thread, NULL, guest, NULL), 0);
	for (i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		changes[seed >> 16 & (nchanges - 1)](seed >> 24 & (RINGS - 1));
		if (i % 64 == 0)
			see_progress();
	}
	__atomic_store_n(&guest_ends, true, __ATOMIC_RELEASE);
	vsu_event_signal_own(guest_wake);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(moves, n);
	tear_down();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backend-swap");
	TCase *tc = rig_case(s, "threads");

	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, b3_13_rings_on_four_threads_survive_replaced_state);
	return run_suite(s);
}
