/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device served inline behind a transport whose owner supplies no callback:
 * claims about its start, its notifications and its resets, through every
 * register interface.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/inline.h>
#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "core/inline_priv.h"
#include "registers.h"

#define FEATURES (VQ_F_VERSION_1 | VQ_F_RING_RESET)
#define RUNNING 15u
#define ASKS_FOR_RESET 64u
#define RING_SIZE 16u
#define REGION 0x4000u

/* A model that holds one request until the host's answer makes host_fd readable. */
struct rig {
	struct transport_rig d;
	struct guest g;
	struct virtdev_server *server;
	struct vq *q;
	struct vq_chain chain;
	struct iovec iov[4];
	int host_fd;
	bool held;
	unsigned int resets, resets_while_running, finished;
	unsigned int own_starts, own_resets, reports;
	struct vsu_error reported;
	unsigned int emptied;		/* regions that were emptied, a bit for each id */
};

static struct rig rig;

/* ----------------------------------------------------------------- the model */

static int on_start(void *self, uint32_t queue, struct vq *q,
		    struct vsu_error *err)
{
	struct rig *r = self;

	(void)queue;
	(void)err;
	r->q = q;
	r->chain = (struct vq_chain){ .iov = r->iov, .iov_max = 4 };
	return 0;
}

static void finish(struct rig *r)
{
	uint64_t answers = 0;

	vsu_event_drain(r->host_fd, &answers);
	if (!answers || !r->held)
		return;
	r->held = false;
	vq_push(r->q, &r->chain, 0);
	if (vq_publish(r->q))
		virtdev_notify(r->d.dev, 0);
}

static int on_serve(void *self, uint32_t queue)
{
	struct rig *r = self;

	(void)queue;
	finish(r);
	if (!r->held)
		r->held = vq_pop(r->q, &r->chain) == 1;
	return 0;
}

static int on_drain(void *self, uint32_t queue)
{
	struct rig *r = self;

	(void)queue;
	finish(r);
	return r->held;
}

static void on_stop(void *self, uint32_t queue)
{
	(void)queue;
	((struct rig *)self)->q = NULL;
}

static int on_host_fd(void *self, uint32_t queue)
{
	(void)queue;
	return ((struct rig *)self)->host_fd;
}

static void on_reset(void *self)
{
	struct rig *r = self;

	r->resets++;
	r->resets_while_running += r->q != NULL;
}

static const struct virtdev_ops model = {
	.size = sizeof(model), .name = "late", .queue_start = on_start,
	.queue_serve = on_serve, .queue_drain = on_drain,
	.queue_stop = on_stop, .queue_host_fd = on_host_fd, .reset = on_reset,
};

/* ------------------------------------------------------------------- the rig */

static void on_reset_finished(void *opaque)
{
	((struct rig *)opaque)->finished++;
}

static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	struct rig *r = opaque;

	(void)dev;
	r->reports++;
	r->reported = *what;
}

static int on_region_change(void *opaque, bool map,
			    const struct virtdev_mapping *m, uint64_t cookie)
{
	struct rig *r = opaque;

	(void)cookie;
	if (!map && !m->offset && m->len == REGION)
		r->emptied |= 1u << m->region;
	return 0;
}

static void setup_with(const struct register_set *registers,
		       const struct virtdev_transport_ops *ops)
{
	const struct virtdev_info info = {
		.id = 42, .nqueues = 1, .queue_size_max = RING_SIZE,
		.features = VQ_F_VERSION_1, .nregions = 2,
		.regions = { { .id = 1, .len = REGION },
			     { .id = 2, .len = REGION,
			       .flags = VIRTDEV_REGION_APART } },
	};
	static const struct virtdev_server_ops region_ops = {
		.size = sizeof(region_ops), .region_change = on_region_change,
	};

	memset(&rig, 0, sizeof(rig));
	rig.host_fd = vsu_event_new();
	guest_init(&rig.g, VQ_F_VERSION_1, RING_SIZE, 0, 0);
	vq_disable(rig.g.q);
	transport_rig_init(&rig.d, registers, &model, &info, ops, &rig);
	virtdev_set_report(rig.d.dev, on_report, &rig);
	ck_assert_int_eq(virtdev_inline_new(rig.d.t, rig.g.space, &region_ops, &rig,
					    &rig.server, NULL), 0);
}

static const struct virtdev_transport_ops no_ops = {
	.size = sizeof(no_ops), .reset_finished = on_reset_finished,
};

static void setup_mmio(void)
{
	setup_with(&mmio_registers, &no_ops);
}

static void setup_pci(void)
{
	setup_with(&pci_registers, &no_ops);
}

static void teardown(void)
{
	vsu_event_signal(rig.host_fd);
	while (virtdev_server_stop(rig.server))
		virtdev_server_dispatch(rig.server);
	virtdev_server_free(rig.server);
	transport_rig_fini(&rig.d);
	guest_fini(&rig.g);
	close(rig.host_fd);
}

static uint32_t get(enum field field)
{
	return transport_rig_get(&rig.d, field);
}

static void set(enum field field, uint64_t value)
{
	transport_rig_set(&rig.d, field, value);
}

static void set_address(enum field low, uint64_t gpa)
{
	set(low, gpa & UINT32_MAX);
	set(low + 1, gpa >> 32);
}

static void make_ready(void)
{
	set(QUEUE_SEL, 0);
	set(QUEUE_SIZE, RING_SIZE);
	set_address(DESC_LOW, rig.g.config.desc_gpa);
	set_address(DRIVER_LOW, rig.g.config.driver_gpa);
	set_address(DEVICE_LOW, rig.g.config.device_gpa);
	set(QUEUE_READY, 1);
}

/* As Linux does: reset, features, one queue, DRIVER_OK. */
static void start(void)
{
	set(STATUS, 3);
	set(WANTED_SEL, 1);
	set(WANTED_WORD, FEATURES >> 32);
	set(STATUS, 11);
	make_ready();
	set(STATUS, RUNNING);
}

/* The driver sends a request, and the device's owner dispatches. */
static void send(void)
{
	const struct vq_buffer buffer = { GUEST_DATA, 8, 1 };

	ck_assert_int_eq(vq_driver_add(rig.g.driver, &buffer, 1, 0), 0);
	vq_driver_publish(rig.g.driver);
	set(NOTIFY, 0);
	virtdev_server_dispatch(rig.server);
}

/* The host answers; dispatches as long as the descriptor is readable. */
static void answer(void)
{
	struct pollfd p = { .fd = virtdev_server_fd(rig.server),
			    .events = POLLIN };

	vsu_event_signal(rig.host_fd);
	while (poll(&p, 1, 0) == 1)
		virtdev_server_dispatch(rig.server);
}

static int collect(void)
{
	uint64_t cookie;
	uint32_t written;

	return vq_driver_collect(rig.g.driver, &cookie, &written);
}

/* -------------------------------------------------------------------- claims */

START_TEST(device_starts_without_callbacks_of_its_owner)
{
	start();
	ck_assert_uint_eq(get(STATUS), RUNNING);
	send();
	ck_assert(rig.held);
	answer();
	ck_assert_int_eq(collect(), 1);
}
END_TEST

START_TEST(reset_stops_the_queue_before_the_model)
{
	start();
	virtdev_server_dispatch(rig.server);
	set(STATUS, 0);
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(rig.resets_while_running, 0);
	ck_assert_ptr_null(rig.q);
	ck_assert_uint_eq(rig.finished, 0);
}
END_TEST

START_TEST(device_starts_again_after_a_reset)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		vq_driver_reset(rig.g.driver);
		start();
		ck_assert_uint_eq(get(STATUS), RUNNING);
		send();
		answer();
		ck_assert_int_eq(collect(), 1);
		set(STATUS, 0);
		ck_assert_uint_eq(get(STATUS), 0);
	}
	ck_assert_uint_eq(rig.resets_while_running, 0);
}
END_TEST

START_TEST(reset_waits_for_a_request_in_flight)
{
	start();
	send();
	set(STATUS, 0);
	ck_assert_uint_eq(get(STATUS), RUNNING);
	ck_assert(virtdev_transport_is_resetting(rig.d.t));
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(get(STATUS), RUNNING);
	ck_assert_uint_eq(rig.resets, 0);
	answer();
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert(!rig.held);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(rig.resets_while_running, 0);
	ck_assert_uint_eq(rig.finished, 1);
}
END_TEST

/* Linux asks again if the status does not read 0 soon. */
START_TEST(repeated_reset_completes_once)
{
	start();
	send();
	set(STATUS, 0);
	set(STATUS, 0);
	set(STATUS, 0);
	answer();
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(rig.finished, 1);
	vq_driver_reset(rig.g.driver);
	start();
	ck_assert_uint_eq(get(STATUS), RUNNING);
}
END_TEST

START_TEST(nothing_is_served_during_a_reset)
{
	start();
	send();
	set(STATUS, 0);
	send();
	answer();
	ck_assert(!rig.held);
	ck_assert_int_eq(collect(), 1);
	ck_assert_int_eq(collect(), 0);
}
END_TEST

START_TEST(stop_by_the_owner_completes_a_reset)
{
	start();
	send();
	set(STATUS, 0);
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	ck_assert_uint_eq(get(STATUS), RUNNING);
	vsu_event_signal(rig.host_fd);
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(rig.finished, 1);
}
END_TEST

START_TEST(pause_completes_a_reset_and_resumes_no_queue)
{
	start();
	send();
	set(STATUS, 0);
	vsu_event_signal(rig.host_fd);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), 0);
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	ck_assert_ptr_null(rig.q);
	vq_driver_reset(rig.g.driver);
	start();
	send();
	ck_assert(rig.held);
}
END_TEST

START_TEST(incomplete_pause_ends_at_resume)
{
	start();
	send();
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), -EAGAIN);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), -EAGAIN);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	ck_assert_ptr_nonnull(rig.q);
	answer();
	ck_assert_int_eq(collect(), 1);
	send();
	ck_assert(rig.held);
	answer();
	ck_assert_int_eq(collect(), 1);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), 0);
	ck_assert_ptr_null(rig.q);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	send();
	ck_assert(rig.held);
}
END_TEST

START_TEST(resume_during_a_reset_starts_no_queue)
{
	start();
	send();
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), -EAGAIN);
	set(STATUS, 0);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	answer();
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(rig.finished, 1);
	ck_assert_ptr_null(rig.q);
}
END_TEST

START_TEST(pause_completes_the_reset_of_a_queue)
{
	start();
	send();
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), -EAGAIN);
	vsu_event_signal(rig.host_fd);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
	ck_assert_ptr_null(rig.q);
}
END_TEST

START_TEST(reset_of_a_queue_continues_after_an_incomplete_pause)
{
	start();
	send();
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), -EAGAIN);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	ck_assert_uint_eq(get(QUEUE_RESET), 1);
	answer();
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
	ck_assert_ptr_null(rig.q);
}
END_TEST

START_TEST(queue_is_reset_and_started_without_callbacks)
{
	set(OFFERED_SEL, 1);
	ck_assert_uint_eq(get(OFFERED_WORD), FEATURES >> 32);
	start();
	send();
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(get(QUEUE_RESET), 1);
	answer();
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
	ck_assert_uint_eq(get(STATUS), RUNNING);
	vq_driver_reset(rig.g.driver);
	make_ready();
	send();
	ck_assert(rig.held);
}
END_TEST

START_TEST(device_reset_overtakes_the_reset_of_its_queue)
{
	start();
	send();
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	set(STATUS, 0);
	answer();
	ck_assert_uint_eq(get(STATUS), 0);
	vq_driver_reset(rig.g.driver);
	start();
	ck_assert_uint_eq(get(STATUS), RUNNING);
	send();
	ck_assert(rig.held);
}
END_TEST

START_TEST(reset_empties_the_regions_of_the_driver)
{
	start();
	send();
	set(STATUS, 0);
	ck_assert_uint_eq(rig.emptied, 0);
	answer();
	ck_assert_uint_eq(rig.emptied, 1u << 1);
	rig.emptied = 0;
	set(STATUS, 0);
	ck_assert_uint_eq(rig.emptied, 1u << 1);
}
END_TEST

START_TEST(ring_outside_memory_is_reported_and_sets_needs_reset)
{
	const uint64_t good = rig.g.config.desc_gpa;

	rig.g.config.desc_gpa = GUEST_HOLE;
	start();
	ck_assert_uint_eq(get(STATUS), RUNNING | ASKS_FOR_RESET);
	ck_assert_uint_eq(rig.reports, 1);
	ck_assert_int_eq(rig.reported.code, -EFAULT);
	ck_assert_ptr_nonnull(strstr(rig.reported.msg, "queue 0: "));
	set(STATUS, 0);
	rig.g.config.desc_gpa = good;
	start();
	ck_assert_uint_eq(get(STATUS), RUNNING);
	ck_assert_uint_eq(rig.reports, 1);
}
END_TEST

static int own_activate(void *opaque, uint64_t features)
{
	struct rig *r = opaque;

	(void)features;
	r->own_starts++;
	return virtdev_priv_inline_start(r->server->self, 0, NULL);
}

static int own_reset(void *opaque)
{
	struct rig *r = opaque;

	r->own_resets++;
	return virtdev_server_stop(r->server) != 0;
}

START_TEST(callbacks_of_the_owner_replace_the_defaults)
{
	const struct virtdev_transport_ops ops = {
		.size = sizeof(ops), .activate = own_activate,
		.reset = own_reset, .reset_finished = on_reset_finished,
	};
	const struct register_set *registers = rig.d.registers;

	teardown();
	setup_with(registers, &ops);
	start();
	ck_assert_uint_eq(rig.own_starts, 1);
	send();
	set(STATUS, 0);
	ck_assert_uint_eq(rig.own_resets, 1);
	vsu_event_signal(rig.host_fd);
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	ck_assert_uint_eq(rig.finished, 0);
	virtdev_transport_reset_done(rig.d.t);
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(rig.finished, 1);
}
END_TEST

static TCase *through(const char *name, void (*prepare)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, prepare, teardown);
	tcase_add_test(tc,
		device_starts_without_callbacks_of_its_owner);
	tcase_add_test(tc, reset_stops_the_queue_before_the_model);
	tcase_add_test(tc, device_starts_again_after_a_reset);
	tcase_add_test(tc,
		reset_waits_for_a_request_in_flight);
	tcase_add_test(tc, repeated_reset_completes_once);
	tcase_add_test(tc, nothing_is_served_during_a_reset);
	tcase_add_test(tc, stop_by_the_owner_completes_a_reset);
	tcase_add_test(tc, pause_completes_a_reset_and_resumes_no_queue);
	tcase_add_test(tc, incomplete_pause_ends_at_resume);
	tcase_add_test(tc, resume_during_a_reset_starts_no_queue);
	tcase_add_test(tc, pause_completes_the_reset_of_a_queue);
	tcase_add_test(tc, reset_of_a_queue_continues_after_an_incomplete_pause);
	tcase_add_test(tc,
		queue_is_reset_and_started_without_callbacks);
	tcase_add_test(tc, device_reset_overtakes_the_reset_of_its_queue);
	tcase_add_test(tc, reset_empties_the_regions_of_the_driver);
	tcase_add_test(tc, ring_outside_memory_is_reported_and_sets_needs_reset);
	tcase_add_test(tc, callbacks_of_the_owner_replace_the_defaults);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("reset");

	suite_add_tcase(s, through("mmio", setup_mmio));
	suite_add_tcase(s, through("pci", setup_pci));
	return run_suite(s);
}
