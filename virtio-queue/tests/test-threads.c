/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a driver and a device on two threads, with notifications
 * suppressed as far as the format allows: no wake-up is lost (else this never
 * ends), no buffer is lost, doubled or seen half written.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "util.h"

#define BUFFERS	10000000u	/* over all combinations */
#define SIZE	64u
#define BATCH	16u
#define RING	0x1000u
#define DATA	0x20000u	/* a request, then an answer, for each slot */
#define SLOT	64u

struct both {
	struct rig r;
	struct vq_driver *d;
	int kick, call;
	uint32_t total;
	uint64_t answered;	/* by the device */
};

static void wake(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void wait_for(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		abort();
}

/* The answer of the device to a request. */
static uint64_t answer(uint64_t request)
{
	return request * 0x9e3779b97f4a7c15u + 1;
}

static void serve(struct both *b, struct vq_chain *c)
{
	struct vq_cursor reader, writer;
	uint64_t v = 0;

	vq_reader_init(&reader, b->r.q, c);
	vq_writer_init(&writer, b->r.q, c);
	if (!vq_cursor_read_exact(&reader, &v, sizeof(v)))
		abort();
	v = answer(v);
	vq_push(b->r.q, c, vq_cursor_write(&writer, &v, sizeof(v)));
	b->answered++;
}

/* The turn of queue.h; two chains at most are pushed out of order. */
static void device_turn(struct both *b, struct vq_chain *chains)
{
	int n;

	do {
		vq_disable_notify(b->r.q);
		while ((n = vq_pop_batch(b->r.q, chains, BATCH)) > 0) {
			if (n > 1)
				serve(b, &chains[1]);
			serve(b, &chains[0]);
			for (int i = 2; i < n; i++)
				serve(b, &chains[i]);
			if (vq_publish(b->r.q))
				wake(b->call);
		}
		if (n < 0)
			abort();
	} while (vq_enable_notify(b->r.q));
}

static void *device_thread(void *opaque)
{
	struct vq_chain chains[BATCH];
	struct iovec iov[BATCH][4];
	struct both *b = opaque;
	uint32_t i;

	for (i = 0; i < BATCH; i++) {
		chains[i].iov = iov[i];
		chains[i].iov_max = 4;
	}
	while (device_turn(b, chains), b->answered < b->total)
		wait_for(b->kick);
	return NULL;
}

/* Puts a request into a free slot of the data. */
static int send_request(struct both *b, uint64_t number, uint32_t slot)
{
	uint64_t gpa = DATA + (uint64_t)slot * SLOT;
	struct vq_buffer buffers[2] = {
		{ gpa, 8, 0 }, { gpa + 32, 8, 1 },
	};

	memcpy(b->r.mem + gpa, &number, 8);
	return vq_driver_add(b->d, buffers, 2, number << 16 | slot);
}

static bool check_answer(struct both *b, uint64_t cookie, uint32_t written)
{
	uint64_t got;

	memcpy(&got, b->r.mem + DATA + (cookie & 0xffff) * SLOT + 32, 8);
	return written == 8 && got == answer(cookie >> 16);
}

struct driver_state {
	uint32_t free[SIZE], nfree;
	uint64_t sent, got, sum;
};

static void drive(struct both *b, struct driver_state *s)
{
	uint32_t burst = 1 + (uint32_t)(s->sent * 7 % (2 * BATCH));

	while (s->sent < b->total && s->nfree && burst-- &&
	       send_request(b, s->sent, s->free[s->nfree - 1]) == 0) {
		s->sent++;
		s->nfree--;
	}
	if (vq_driver_publish(b->d))
		wake(b->kick);
}

static bool collect(struct both *b, struct driver_state *s)
{
	uint64_t cookie;
	uint32_t written;
	int rc;

	while ((rc = vq_driver_collect(b->d, &cookie, &written)) == 1) {
		if (!check_answer(b, cookie, written))
			return false;
		s->free[s->nfree++] = cookie & 0xffff;
		s->sum += cookie >> 16;
		s->got++;
	}
	return rc == 0;
}

static bool drive_all(struct both *b, struct driver_state *s)
{
	uint64_t before;

	while (s->got < b->total) {
		vq_driver_disable_call(b->d);
		before = s->got + s->sent;
		drive(b, s);
		if (!collect(b, s))
			return false;
		if (s->got + s->sent != before)
			continue;
		if (!vq_driver_enable_call(b->d))
			wait_for(b->call);
	}
	return true;
}

static void both_init(struct both *b, uint64_t features)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);
	struct vq_driver_config c = { .features = features, .size = SIZE,
				      .gpa = RING };

	memset(b, 0, sizeof(*b));
	rig_init_regions(&b->r, &region, 1, features);
	c.map = vmem_space_current(b->r.space);
	ck_assert_int_eq(vq_driver_new(&c, &b->d, NULL), 0);
	b->r.config.size = SIZE;
	b->r.config.base = vq_initial_base(features);
	b->r.config.desc_gpa = vq_driver_desc_gpa(b->d);
	b->r.config.driver_gpa = vq_driver_driver_gpa(b->d);
	b->r.config.device_gpa = vq_driver_device_gpa(b->d);
	ck_assert_int_eq(vq_enable(b->r.q, &b->r.config, NULL), 0);
	b->kick = eventfd(0, EFD_CLOEXEC);
	b->call = eventfd(0, EFD_CLOEXEC);
	b->total = scaled(BUFFERS / (2 * N_FORMATS));
}

static void ck_all_arrive(uint64_t features)
{
	struct driver_state s = { .nfree = SIZE };
	struct both b;
	pthread_t thread;
	uint32_t i;

	both_init(&b, features);
	for (i = 0; i < SIZE; i++)
		s.free[i] = i;
	ck_assert_int_eq(pthread_create(&thread, NULL, device_thread, &b), 0);
	ck_assert(drive_all(&b, &s));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(s.sum, (uint64_t)b.total * (b.total - 1) / 2);
	ck_assert_uint_eq(b.answered, b.total);
	ck_assert_uint_eq(vq_driver_inflight(b.d), 0);
	/* suppression was about something */
	ck_assert_uint_lt(vq_counter(b.r.q, VQ_COUNT_NOTIFIED), b.total);
	close(b.kick);
	close(b.call);
	vq_driver_free(b.d);
	rig_fini(&b.r);
}

START_TEST(nothing_is_lost_between_two_threads)
{
	ck_all_arrive(FORMAT);
	ck_all_arrive(FORMAT | VQ_F_EVENT_IDX);
}
END_TEST

/* The memory is replaced while the ring runs. */
static void *publisher_thread(void *opaque)
{
	struct both *b = opaque;
	struct vmem_region *region;
	uint32_t i;

	for (i = 0; i < 1000; i++) {
		region = vmem_region_ref(vmem_map_region(
				vmem_space_current(b->r.space), 0));
		publish(b->r.space, &region, 1);
		vmem_space_reclaim(b->r.space);
	}
	return NULL;
}

START_TEST(nothing_is_lost_while_maps_are_replaced)
{
	struct driver_state s = { .nfree = SIZE };
	pthread_t device, publisher;
	struct both b;
	uint32_t i;

	both_init(&b, FORMAT);
	for (i = 0; i < SIZE; i++)
		s.free[i] = i;
	b.total = b.total / 10 + 1;
	ck_assert_int_eq(pthread_create(&publisher, NULL, publisher_thread,
					&b), 0);
	ck_assert_int_eq(pthread_create(&device, NULL, device_thread, &b), 0);
	ck_assert(drive_all(&b, &s));
	pthread_join(device, NULL);
	pthread_join(publisher, NULL);
	ck_assert_uint_eq(s.got, b.total);
	vq_refresh(b.r.q);
	ck_assert_uint_eq(vmem_space_reclaim(b.r.space), 1);
	close(b.kick);
	close(b.call);
	vq_driver_free(b.d);
	rig_fini(&b.r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 900);
	tcase_add_loop_test(tc, nothing_is_lost_between_two_threads, 0, N_FORMATS);
	tcase_add_loop_test(tc, nothing_is_lost_while_maps_are_replaced, 0, N_FORMATS);
	return run_tcase(tc, "threads");
}
