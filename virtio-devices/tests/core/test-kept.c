/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state that a device leaves for a replacement of its process. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <string.h>

#include <virtio-devices/device.h>
#include <virtio-devices/state.h>

#include "core/kept.h"
#include "core/state_priv.h"
#include "../suite.h"

#define ROOM 256

static _Alignas(8) unsigned char room[ROOM];
static uint32_t value, filler;
static bool running;

static void model_save(void *self, struct virtdev_state_writer *w)
{
	uint32_t i;

	(void)self;
	running = w->running;
	virtdev_state_put_u32(w, value);
	for (i = 0; i < filler; i++)
		virtdev_state_put_u8(w, 1);
}

static int model_load(void *self, uint32_t version, struct virtdev_state_reader *r,
		      struct vsu_error *err)
{
	const uint32_t v = virtdev_state_get_u32(r);
	int rc = virtdev_state_end(r, err);

	(void)self;
	(void)version;
	if (!rc)
		value = v;
	return rc;
}

static int model_start(void *self, uint32_t queue, struct vq *q,
		       struct vsu_error *err)
{
	(void)self;
	(void)queue;
	(void)q;
	(void)err;
	return 0;
}

/* A process with this device, to which the memory arrives. */
static struct virtdev *begin(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "model", .queue_start = model_start,
		.state_version = 1, .state_save = model_save, .state_load = model_load,
	};
	const struct virtdev_info info = {
		.id = 4, .nqueues = 1, .queue_size_max = 16,
	};
	struct virtdev *dev;

	value = 0;
	ck_assert_int_eq(virtdev_new(&ops, &info, room, &dev, NULL), 0);
	virtdev_set_keeps(dev);
	virtdev_priv_kept_set(dev, room, sizeof(room));
	return dev;
}

static void keep(struct virtdev *dev, uint32_t v)
{
	value = v;
	virtdev_keep(dev);
}

START_TEST(e3_24_replacement_continues_with_the_last_state)
{
	struct virtdev *dev = begin();
	unsigned int i;

	ck_assert(virtdev_priv_keeps(dev));
	ck_assert(!virtdev_priv_kept_load(dev, NULL));
	for (i = 1; i <= 3 + (unsigned int)_i; i++)
		keep(dev, i);
	ck_assert(running);
	virtdev_free(dev);
	dev = begin();
	ck_assert(virtdev_priv_kept_load(dev, NULL));
	ck_assert_uint_eq(value, 3 + (unsigned int)_i);
	virtdev_free(dev);
}
END_TEST

/* A kill while bytes are stored leaves the other slot. */
START_TEST(previous_state_survives_an_incomplete_one)
{
	struct virtdev *dev = begin();
	uint64_t sequence[2], none = 0;

	keep(dev, 7);
	keep(dev, 8);
	memcpy(sequence, room, sizeof(sequence));
	memcpy(room + 8 * (sequence[1] > sequence[0]), &none, sizeof(none));
	ck_assert(virtdev_priv_kept_load(dev, NULL));
	ck_assert_uint_eq(value, 7);
	virtdev_free(dev);
}
END_TEST

START_TEST(reset_and_a_state_that_is_too_large_leave_none)
{
	struct virtdev *dev = begin();

	keep(dev, 7);
	virtdev_priv_kept_clear(dev);
	ck_assert(!virtdev_priv_kept_load(dev, NULL));
	keep(dev, 7);
	filler = ROOM;
	keep(dev, 8);
	filler = 0;
	ck_assert(!virtdev_priv_kept_load(dev, NULL));
	virtdev_priv_kept_set(dev, NULL, 0);
	keep(dev, 9);
	ck_assert(!virtdev_priv_kept_load(dev, NULL));
	virtdev_priv_kept_clear(dev);
	virtdev_free(dev);
}
END_TEST

/* The front-end, or another back-end, may have written anything. */
START_TEST(b4_23_invalid_memory_is_refused)
{
	struct virtdev *dev = begin();
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	keep(dev, 7);
	for (i = 16; i < 24; i++)	/* lengths */
		room[i] = 0xff;
	ck_assert(!virtdev_priv_kept_load(dev, &err));
	memset(room, 0x5a, sizeof(room));
	ck_assert(!virtdev_priv_kept_load(dev, &err));
	keep(dev, 7);
	memset(room + 32, 0x5a, sizeof(room) - 32);
	ck_assert(!virtdev_priv_kept_load(dev, &err));
	ck_assert_int_eq(err.code, -EBADMSG);
	ck_assert_uint_eq(value, 7);
	virtdev_free(dev);
}
END_TEST

static void clear_room(void)
{
	memset(room, 0, sizeof(room));
}

int main(void)
{
	Suite *s = suite_create("kept");
	TCase *tc = tcase_create("state");

	tcase_add_checked_fixture(tc, clear_room, NULL);
	tcase_add_loop_test(tc, e3_24_replacement_continues_with_the_last_state, 0, 2);
	tcase_add_test(tc, previous_state_survives_an_incomplete_one);
	tcase_add_test(tc, reset_and_a_state_that_is_too_large_leave_none);
	tcase_add_test(tc, b4_23_invalid_memory_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
