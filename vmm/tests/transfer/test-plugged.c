/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory that a guest has plugged when it moves. The machine has no KVM: its
 * devices are models of this test.
 */
#include <config.h>

#include <device-kinds/kind.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/state.h>

#include "machine/sharing.h"
#include "transfer/plugged.h"
#include "transfer/save.h"
#include "../util.h"

#define NDEVICES 4u

/* A device: where its memory is, if it has any. */
static struct model {
	uint64_t base, len;
	struct virtdev *dev;
	int answer;		/* of the next hold or plug */
	bool held;
	unsigned int calls;
	uint64_t offset, plugged;	/* the last range */
} models[NDEVICES];
static struct vmm_machine m;
static struct vsu_error err;

static struct model *model_of(const struct virtdev *dev)
{
	unsigned int i = 0;

	while (models[i].dev != dev)
		i++;
	return &models[i];
}

struct virtdev *__wrap_vmm_machine_local_device(const struct vmm_device *d);
struct virtdev *__wrap_vmm_machine_local_device(const struct vmm_device *d)
{
	return models[d - m.devices].dev;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	const struct model *model = opaque;

	ck_assert_uint_eq(region, 0);
	*gpa = model->base;
	return 0;
}

static int hold(struct virtdev *dev, bool held)
{
	struct model *model = model_of(dev);

	if (held && model->answer)
		return model->answer;
	model->held = held;
	return 0;
}

static int plug(struct virtdev *dev, uint64_t offset, uint64_t len, struct vsu_error *why)
{
	struct model *model = model_of(dev);

	model->calls++;
	model->offset = offset;
	model->plugged = len;
	return model->answer ? vsu_error_set(why, model->answer, "no room") : 0;
}

/* Models 1 and 2 have memory, 3 is another device; 0 is served elsewhere. */
static void setup(void)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "model" };
	static const struct virtdev_server_ops server = { .size = sizeof(server), .region_address = on_address };
	static const struct devkind memory = { .name = "mem", .hold = hold, .plug = plug };
	static const struct devkind other = { .name = "rng" };
	struct virtdev_info info = { .id = 24, .nqueues = 1, .queue_size_max = 16 };
	unsigned int i;

	memset(&m, 0, sizeof(m));
	memset(models, 0, sizeof(models));
	vsu_error_clear(&err);
	m.ndevices = NDEVICES;
	for (i = 1; i < NDEVICES; i++) {
		info.nregions = i < 3;
		info.regions[0].len = models[i].len = 8 * MIB;
		models[i].base = i * 64 * MIB;
		m.devices[i].spec.kind = i < 3 ? &memory : &other;
		ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &models[i].dev, NULL), 0);
		ck_assert_int_eq(virtdev_set_server(models[i].dev, &server, &models[i]), 0);
	}
}

static void teardown(void)
{
	unsigned int i;

	for (i = 0; i < NDEVICES; i++)
		virtdev_free(models[i].dev);
}

/* --------------------------------------------------------------------- the source */

START_TEST(plugged_memory_of_each_device_is_held)
{
	ck_assert_int_eq(vmm_plugged_hold(&m, true, &err), 0);
	ck_assert(models[1].held && models[2].held && !models[3].held);
	ck_assert_int_eq(vmm_plugged_hold(&m, false, &err), 0);
	ck_assert(!models[1].held && !models[2].held);
}
END_TEST

START_TEST(device_that_plugs_is_named_and_no_other_stays_held)
{
	models[1 + _i].answer = -EAGAIN;
	ck_assert_int_eq(vmm_plugged_hold(&m, true, &err), -EAGAIN);
	ck_assert_str_eq(err.msg, _i ? "device 2 is plugging or unplugging memory; try again" :
				       "device 1 is plugging or unplugging memory; try again");
	ck_assert(!models[1].held && !models[2].held);
}
END_TEST

/* ---------------------------------------------------------------- the destination */

/* A state with these ranges; the last n bytes of its section are missing. */
static int make(const uint64_t (*ranges)[2], unsigned int n, size_t missing)
{
	struct vsu_state_writer w = { 0 };
	unsigned char bytes[256];
	size_t len = 0;
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++, len += 24) {
		memcpy(bytes + len, ranges[i], 16);
		memset(bytes + len + 16, 0, 8);
	}
	vsu_state_begin(&w, vmm_state_kinds);
	vsu_state_section(&w, "plugged", 0);
	vsu_state_put(&w, bytes, len - missing);
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	rc = vmm_plugged_make(&m, &(const struct vsu_state){ w.out.bytes, w.out.len }, &err);
	free(w.out.bytes);
	return rc;
}

START_TEST(each_range_is_plugged_by_the_device_that_has_it)
{
	const uint64_t ranges[][2] = { { 64 * MIB, 2 * MIB }, { 134 * MIB, 2 * MIB } };

	ck_assert_msg(!make(ranges, 2, 0), "%s", err.msg);
	ck_assert_uint_eq(models[1].calls, 1);
	ck_assert_uint_eq(models[1].offset, 0);
	ck_assert_uint_eq(models[1].plugged, 2 * MIB);
	ck_assert_uint_eq(models[2].calls, 1);
	ck_assert_uint_eq(models[2].offset, 6 * MIB);
	ck_assert_uint_eq(models[2].plugged, 2 * MIB);
}
END_TEST

/* Before, across and behind the memory of a device, and of one that has none. */
static const uint64_t outside[][2] = {
	{ 62 * MIB, 2 * MIB }, { 63 * MIB, 2 * MIB }, { 71 * MIB, 2 * MIB }, { 72 * MIB, MIB },
	{ 64 * MIB, 9 * MIB }, { 66 * MIB, UINT64_MAX }, { 192 * MIB, MIB }, { 0, MIB },
};

START_TEST(e2_31_range_of_no_device_is_refused_by_its_address)
{
	char says[64];

	ck_assert_int_eq(make(&outside[_i], 1, 0), -EINVAL);
	snprintf(says, sizeof(says), " bytes of memory at %#" PRIx64 ", where no device", outside[_i][0]);
	ck_assert_msg(strstr(err.msg, says) != NULL, "%s", err.msg);
	ck_assert_uint_eq(models[1].calls + models[2].calls, 0);
}
END_TEST

START_TEST(range_that_is_not_accepted_names_its_device_and_is_the_last)
{
	const uint64_t ranges[][2] = { { 130 * MIB, MIB }, { 64 * MIB, MIB } };

	models[2].answer = -EBUSY;
	ck_assert_int_eq(make(ranges, 2, 0), -EBUSY);
	ck_assert_str_eq(err.msg, "device 2: no room");
	ck_assert_uint_eq(models[1].calls, 0);
}
END_TEST

START_TEST(e2_31_truncated_range_is_refused)
{
	const uint64_t ranges[][2] = { { 64 * MIB, MIB }, { 66 * MIB, MIB } };

	ck_assert_int_eq(make(ranges, 2, (size_t)_i), -EBADMSG);
	ck_assert_uint_eq(models[1].calls, 1);
}
END_TEST

START_TEST(state_without_plugged_memory_plugs_nothing)
{
	struct vsu_state_writer w = { 0 };

	vsu_state_begin(&w, vmm_state_kinds);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	ck_assert_int_eq(vmm_plugged_make(&m, &(const struct vsu_state){ w.out.bytes, w.out.len }, &err), 0);
	ck_assert_int_eq(make(NULL, 0, 0), 0);
	ck_assert_uint_eq(models[1].calls + models[2].calls, 0);
	free(w.out.bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plugged");
	TCase *tc = tcase_create("plugged");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, plugged_memory_of_each_device_is_held);
	tcase_add_loop_test(tc, device_that_plugs_is_named_and_no_other_stays_held, 0, 2);
	tcase_add_test(tc, each_range_is_plugged_by_the_device_that_has_it);
	tcase_add_loop_test(tc, e2_31_range_of_no_device_is_refused_by_its_address, 0, COUNT(outside));
	tcase_add_test(tc, range_that_is_not_accepted_names_its_device_and_is_the_last);
	tcase_add_loop_test(tc, e2_31_truncated_range_is_refused, 1, 24);
	tcase_add_test(tc, state_without_plugged_memory_plugs_nothing);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
