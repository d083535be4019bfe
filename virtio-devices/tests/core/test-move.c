/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a disk that is paused, and continues in another server. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/blk_layout.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "../suite.h"
#include "../transport/registers.h"
#include "core/inline_priv.h"

#define SIZE 16u
#define WRITEBACK 32u	/* offset in the configuration space */
#define STATUS_OK 15u
#define WANTED (VQ_F_VERSION_1 | VIRTDEV_BLK_F_FLUSH | VIRTDEV_BLK_F_CONFIG_WCE)

/* A null disk, served in this process. */
struct server {
	struct virtdev *dev;
	struct virtdev_transport *t;
	struct virtdev_server *in;
	void *f;
};

static const struct register_set *register_sets[] = { &mmio_registers, &pci_registers };
static const struct register_set *registers;
static struct server a, b;
static struct guest g;
static void *bytes;		/* state of the paused device a */
static size_t len;

static int activate(void *opaque, uint64_t features)
{
	(void)features;
	return virtdev_priv_inline_start(((struct server *)opaque)->in->self, 0, NULL);
}

static int reset(void *opaque)
{
	return virtdev_server_stop(((struct server *)opaque)->in) != 0;
}

static void make_server(struct server *h, uint32_t queues)
{
	static const struct virtdev_transport_ops ops = {
		.size = sizeof(ops), .activate = activate, .reset = reset,
	};
	struct virtdev_blk_config config = {
		.size = sizeof(config), .nqueues = queues, .serial = "moved",
	};

	ck_assert_int_eq(virtdev_disk_null_new(1 << 20, &config.disk,
					       NULL), 0);
	ck_assert_int_eq(virtdev_blk_new(&config, &h->dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(h->dev, &ops, h, &h->t, NULL),
			 0);
	h->f = registers->make(h->t);
	ck_assert_int_eq(virtdev_inline_new(h->t, g.space, NULL, NULL, &h->in, NULL), 0);
}

static void free_server(struct server *h)
{
	ck_assert_int_eq(virtdev_server_stop(h->in), 0);
	virtdev_server_free(h->in);
	registers->free(h->f);
	virtdev_transport_free(h->t);
	virtdev_free(h->dev);
}

static void set(struct server *h, enum field field, uint64_t value)
{
	registers->set(h->f, field, (uint32_t)value);
}

static void negotiate(struct server *h)
{
	set(h, STATUS, 3);
	set(h, WANTED_WORD, WANTED);
	set(h, WANTED_SEL, 1);
	set(h, WANTED_WORD, g.config.features >> 32);
	set(h, STATUS, 11);
}

static void set_up_queue(struct server *h)
{
	set(h, QUEUE_SEL, 0);
	set(h, QUEUE_SIZE, SIZE);
	set(h, DESC_LOW, g.config.desc_gpa);
	set(h, DRIVER_LOW, g.config.driver_gpa);
	set(h, DEVICE_LOW, g.config.device_gpa);
	set(h, QUEUE_READY, 1);
}

static void start(struct server *h)
{
	negotiate(h);
	set_up_queue(h);
	set(h, STATUS, STATUS_OK);
	ck_assert_uint_eq(registers->get(h->f, STATUS), STATUS_OK);
}

/* Sends n requests and checks that each returns the disk's name. */
static void use(struct server *h, unsigned int n)
{
	const struct vq_buffer buffers[] = {
		{ GUEST_DATA, 16, 0 }, { GUEST_DATA + 64, 20, 1 },
		{ GUEST_DATA + 128, 1, 1 },
	};
	uint32_t written;
	uint64_t cookie;

	for (; n > 0; n--) {
		guest_put_header(guest_at(&g, GUEST_DATA), VIRTDEV_BLK_T_GET_ID,
				 0);
		memset(guest_at(&g, GUEST_DATA + 64), 0xee, 65);
		ck_assert_int_eq(vq_driver_add(g.driver, buffers, 3, n), 0);
		vq_driver_publish(g.driver);
		vsu_event_signal_own(virtdev_server_kick_fd(h->in, 0));
		virtdev_server_dispatch(h->in);
		ck_assert_int_eq(vq_driver_collect(g.driver, &cookie, &written),
				 1);
		ck_assert_uint_eq(cookie, n);
		ck_assert_str_eq((char *)guest_at(&g, GUEST_DATA + 64),
				 "moved");
	}
}

static void save(void)
{
	ck_assert_int_eq(virtdev_server_pause(a.in, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_take(a.in, &bytes, &len, NULL), 0);
}

/*
 * Runs each claim with both register interfaces, and with split and packed
 * rings.
 */
static void setup(int i)
{
	registers = register_sets[i % 2];
	guest_init(&g, i / 2 ? VQ_F_RING_PACKED : 0, SIZE, 0, 0);
	make_server(&a, 1);
	make_server(&b, 1);
	start(&a);
	use(&a, SIZE + 5);
	registers->config_write(a.f, WRITEBACK, 1, 0);
	bytes = NULL;
}

static void teardown(void)
{
	free(bytes);
	free_server(&a);
	free_server(&b);
	guest_fini(&g);
}

START_TEST(paused_device_continues_at_its_position)
{
	setup(_i);
	ck_assert_int_eq(virtdev_server_pause(a.in, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_pause(a.in, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(a.in, NULL), 0);
	use(&a, SIZE + 1);
}
END_TEST

START_TEST(requests_sent_during_a_pause_are_served_after_it)
{
	const struct vq_buffer buffer = { GUEST_DATA, 16, 0 };
	uint32_t written;
	uint64_t cookie;

	setup(_i);
	ck_assert_int_eq(virtdev_server_pause(a.in, false, NULL), 0);
	ck_assert_int_eq(vq_driver_add(g.driver, &buffer, 1, 1), 0);
	vq_driver_publish(g.driver);
	vsu_event_signal_own(virtdev_server_kick_fd(a.in, 0));
	virtdev_server_dispatch(a.in);
	ck_assert_int_eq(vq_driver_collect(g.driver, &cookie, &written), 0);
	ck_assert_int_eq(virtdev_server_resume(a.in, NULL), 0);
	virtdev_server_dispatch(a.in);
	ck_assert_int_eq(vq_driver_collect(g.driver, &cookie, &written), 1);
}
END_TEST

START_TEST(e3_21_device_continues_in_another_server_with_its_drivers_settings)
{
	setup(_i);
	registers->interrupts(a.f);
	virtdev_config_changed(a.dev);
	save();
	ck_assert_int_eq(virtdev_server_load(b.in, bytes, len, NULL), 0);
	ck_assert_uint_eq(registers->get(b.f, STATUS), STATUS_OK);
	ck_assert_uint_eq(registers->interrupts(b.f) & FROM_CONFIG, FROM_CONFIG);
	ck_assert_uint_eq(registers->config_read(b.f, WRITEBACK, 1), 0);
	ck_assert_int_eq(virtdev_server_resume(b.in, NULL), 0);
	use(&b, 2 * SIZE + 3);
	ck_assert_uint_eq(registers->interrupts(b.f) & FROM_QUEUE, FROM_QUEUE);
	/* and back, into a after a reset */
	free(bytes);
	ck_assert_int_eq(virtdev_server_pause(b.in, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_take(b.in, &bytes, &len, NULL), 0);
	set(&a, STATUS, 0);
	ck_assert_int_eq(virtdev_server_load(a.in, bytes, len, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(a.in, NULL), 0);
	use(&a, 3);
}
END_TEST

START_TEST(driver_may_reset_a_loaded_device)
{
	setup(_i);
	save();
	ck_assert_int_eq(virtdev_server_load(b.in, bytes, len, NULL), 0);
	set(&b, STATUS, 0);
	ck_assert_uint_eq(registers->get(b.f, STATUS), 0);
	ck_assert_uint_eq(registers->config_read(b.f, WRITEBACK, 1), 1);
}
END_TEST

START_TEST(state_is_neither_saved_nor_loaded_while_the_device_runs)
{
	setup(_i);
	ck_assert_int_eq(virtdev_server_take(a.in, &bytes, &len, NULL), -EBUSY);
	save();
	ck_assert_int_eq(virtdev_server_load(a.in, bytes, len, NULL), -EBUSY);
}
END_TEST

static void check_untouched(void)
{
	ck_assert_uint_eq(registers->get(b.f, STATUS), 0);
	ck_assert_uint_eq(virtdev_transport_features(b.t), 0);
	ck_assert_uint_eq(registers->config_read(b.f, WRITEBACK, 1), 1);
}

START_TEST(truncated_state_leaves_a_new_device)
{
	unsigned char *copy;
	size_t n;

	setup(_i);
	save();
	for (n = 0; n < len; n++) {
		copy = malloc(n ? n : 1);
		memcpy(copy, bytes, n);
		ck_assert_int_lt(virtdev_server_load(b.in, copy, n, NULL), 0);
		free(copy);
	}
	check_untouched();
}
END_TEST

/*
 * A modified state is refused without effect, or results in a working device.
 */
START_TEST(modified_state_does_no_harm)
{
	unsigned char *copy;
	size_t n;

	setup(_i);
	save();
	copy = malloc(len);
	for (n = 0; n < 4 * len; n++) {
		memcpy(copy, bytes, len);
		copy[n / 4] ^= (unsigned char)("\x01\x80\xff\x10"[n % 4]);
		if (!virtdev_server_load(b.in, copy, len, NULL)) {
			(void)!virtdev_server_resume(b.in, NULL);
			virtdev_server_dispatch(b.in);
			set(&b, STATUS, 0);
		}
		check_untouched();
	}
	free(copy);
}
END_TEST

START_TEST(state_of_a_disk_with_other_queues_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct server other;

	setup(_i);
	make_server(&other, 2);
	save();
	ck_assert_int_eq(virtdev_server_load(other.in, bytes, len, &err),
			 -EBADMSG);
	ck_assert_str_eq(err.msg, "the state of a transport: another number of queues");
	free_server(&other);
}
END_TEST

START_TEST(load_refuses_the_other_register_interface)
{
	struct server other;

	setup(_i);
	save();
	registers = register_sets[1 - _i % 2];
	make_server(&other, 1);
	ck_assert_int_eq(virtdev_server_load(other.in, bytes, len, NULL),
			 -EBADMSG);
	free_server(&other);
	registers = register_sets[_i % 2];
}
END_TEST

/* Before DRIVER_OK, or without its rings. */
static void negotiate_a_part(bool has_status)
{
	set(&a, STATUS, 0);
	negotiate(&a);
	if (has_status)
		set(&a, STATUS, STATUS_OK);
	else
		set_up_queue(&a);
}

START_TEST(queue_that_cannot_run_is_not_loaded)
{
	setup(_i);
	negotiate_a_part(_i / 2);
	((struct inline_server *)a.in->self)->queues[0].paused = true;
	ck_assert_int_eq(virtdev_server_take(a.in, &bytes, &len, NULL), 0);
	ck_assert_int_eq(virtdev_server_load(b.in, bytes, len, NULL), -EBADMSG);
	check_untouched();
}
END_TEST

/* ------------------------------ queues that another process or the kernel serves */

static struct queue_position position;
static const void *state;
static size_t state_len;

static int load_served(const void *from, size_t n)
{
	return virtdev_priv_served_load(b.t, from, n, &position, &state,
				      &state_len, NULL);
}

static void take_served(uint32_t base)
{
	position.runs = true;
	position.base = base;
	ck_assert_int_eq(virtdev_priv_served_take(a.t, &position, "own", 3,
						&bytes, &len, NULL), 0);
	memset(&position, 0, sizeof(position));
}

static void save_served(uint32_t base)
{
	ck_assert_int_eq(virtdev_server_pause(a.in, false, NULL), 0);
	take_served(base);
}

START_TEST(served_queues_have_their_positions_after_a_load)
{
	setup(_i);
	save_served(5);
	ck_assert_int_eq(load_served(bytes, len), 0);
	ck_assert(position.runs);
	ck_assert_uint_eq(position.base, 5);
	ck_assert_uint_eq(state_len, 3);
	ck_assert(!memcmp(state, "own", 3));
	ck_assert_uint_eq(registers->get(b.f, STATUS), STATUS_OK);
	ck_assert_int_eq(load_served(bytes, len), -EBUSY);
	set(&b, STATUS, 0);
}
END_TEST

START_TEST(truncated_state_of_served_queues_leaves_a_new_device)
{
	unsigned char *copy;
	size_t n;

	setup(_i);
	save_served(5);
	for (n = 0; n < len; n++) {
		copy = malloc(n ? n : 1);
		memcpy(copy, bytes, n);
		ck_assert_int_lt(load_served(copy, n), 0);
		free(copy);
	}
	check_untouched();
}
END_TEST

/* Split: above 16 bits; packed: in the second half the ring's size. */
START_TEST(position_outside_of_the_ring_is_refused)
{
	setup(_i);
	save_served(_i / 2 ? SIZE << 16 : 0x10000);
	ck_assert_int_eq(load_served(bytes, len), -EBADMSG);
	check_untouched();
}
END_TEST

START_TEST(position_of_a_queue_that_cannot_run_is_refused)
{
	setup(_i);
	negotiate_a_part(_i / 2);
	take_served(0);
	ck_assert_int_eq(load_served(bytes, len), -EBADMSG);
	check_untouched();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("move");
	TCase *tc = tcase_create("move");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, paused_device_continues_at_its_position, 0, 4);
	tcase_add_loop_test(tc, requests_sent_during_a_pause_are_served_after_it, 0,
			    4);
	tcase_add_loop_test(tc,
		e3_21_device_continues_in_another_server_with_its_drivers_settings,
		0, 4);
	tcase_add_loop_test(tc, driver_may_reset_a_loaded_device, 0, 4);
	tcase_add_loop_test(tc, served_queues_have_their_positions_after_a_load,
			    0, 4);
	tcase_add_loop_test(tc,
		truncated_state_of_served_queues_leaves_a_new_device, 0, 2);
	tcase_add_loop_test(tc, position_outside_of_the_ring_is_refused, 0, 4);
	tcase_add_loop_test(tc, position_of_a_queue_that_cannot_run_is_refused, 0, 4);
	tcase_add_loop_test(tc,
		state_is_neither_saved_nor_loaded_while_the_device_runs, 0, 2);
	tcase_add_loop_test(tc, truncated_state_leaves_a_new_device,
			    0, 4);
	tcase_add_loop_test(tc, modified_state_does_no_harm, 0, 4);
	tcase_add_loop_test(tc, queue_that_cannot_run_is_not_loaded, 0, 4);
	tcase_add_loop_test(tc, state_of_a_disk_with_other_queues_is_refused, 0,
			    2);
	tcase_add_loop_test(tc, load_refuses_the_other_register_interface, 0,
			    2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
