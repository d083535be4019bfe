/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device's serialized state, its pause and its statistics. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/device.h>
#include <virtio-devices/state.h>

#include "../suite.h"

/* A model with a field of each width. */
struct model {
	struct virtdev *dev;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	char text[5];
	uint32_t version;	/* version of the state that was loaded last */
	size_t flood;		/* bytes to write in addition */
	int paused;
	unsigned int pauses;
};

static void model_save(void *self, struct virtdev_state_writer *w)
{
	static const unsigned char flood[4096];
	const struct model *m = self;
	size_t left, n;

	virtdev_state_put_u8(w, m->u8);
	virtdev_state_put_u16(w, m->u16);
	virtdev_state_put_u32(w, m->u32);
	virtdev_state_put_u64(w, m->u64);
	virtdev_state_put_bytes(w, m->text, sizeof(m->text));
	for (left = m->flood; left; left -= n) {
		n = left < sizeof(flood) ? left : sizeof(flood);
		virtdev_state_put_bytes(w, flood, n);
	}
}

static int model_load(void *self, uint32_t version,
		      struct virtdev_state_reader *r, struct vsu_error *err)
{
	struct model *m = self, read = *m;
	int rc;

	read.version = version;
	read.u8 = virtdev_state_get_u8(r);
	read.u16 = virtdev_state_get_u16(r);
	read.u32 = virtdev_state_get_u32(r);
	read.u64 = virtdev_state_get_u64(r);
	virtdev_state_get_bytes(r, read.text, sizeof(read.text));
	rc = virtdev_state_end(r, err);
	if (!rc && read.u8 > 9)
		rc = vsu_error_set(err, -EBADMSG, "model: %u is not a digit",
				   read.u8);
	if (!rc)
		*m = read;
	return rc;
}

static void model_pause(void *self)
{
	struct model *m = self;

	m->paused++;
	m->pauses++;
}

static void model_resume(void *self)
{
	((struct model *)self)->paused--;
}

static uint32_t model_stats(void *self, struct virtdev_stat *stats,
			    uint32_t max)
{
	const struct model *m = self;

	if (max)
		stats[0] = (struct virtdev_stat){ "pauses", m->pauses };
	return 1;
}

static const struct virtdev_ops model_ops = {
	.size = sizeof(model_ops), .name = "model", .state_version = 3,
	.state_save = model_save, .state_load = model_load,
	.pause = model_pause, .resume = model_resume, .stats = model_stats,
};

static struct model from, to;
static unsigned char *bytes;	/* the state of device from */
static size_t len;

static void make(struct model *m, const struct virtdev_ops *ops, uint32_t id)
{
	const struct virtdev_info info = { .id = id, .nqueues = 1,
					   .queue_size_max = 16 };

	ck_assert_int_eq(virtdev_new(ops, &info, m, &m->dev, NULL), 0);
}

static void setup(void)
{
	void *saved;

	memset(&to, 0, sizeof(to));
	from = (struct model){
		.u8 = 7, .u16 = 0x1234, .u32 = 0x89abcdef,
		.u64 = UINT64_C(0xfedcba9876543210), .text = "abcd",
	};
	make(&from, &model_ops, 42);
	make(&to, &model_ops, 42);
	ck_assert_int_eq(virtdev_state_take(from.dev, &saved, &len, NULL), 0);
	bytes = saved;
}

static void teardown(void)
{
	free(bytes);
	virtdev_free(from.dev);
	virtdev_free(to.dev);
}

static int load(size_t n, struct vsu_error *err)
{
	/* an exact copy, so that sanitizers detect a read beyond its end */
	unsigned char *copy = malloc(n ? n : 1);
	int rc;

	memcpy(copy, bytes, n);
	rc = virtdev_state_load(to.dev, copy, n, err);
	free(copy);
	return rc;
}

START_TEST(saved_state_is_loaded_field_by_field)
{
	ck_assert_int_eq(load(len, NULL), 0);
	ck_assert_uint_eq(to.u8, 7);
	ck_assert_uint_eq(to.u16, 0x1234);
	ck_assert_uint_eq(to.u32, 0x89abcdef);
	ck_assert_uint_eq(to.u64, UINT64_C(0xfedcba9876543210));
	ck_assert_str_eq(to.text, "abcd");
	ck_assert_uint_eq(to.version, 3);
}
END_TEST

START_TEST(state_is_little_endian_without_padding)
{
	static const unsigned char body[] = {
		7, 0x34, 0x12, 0xef, 0xcd, 0xab, 0x89, 0x10, 0x32, 0x54, 0x76,
		0x98, 0xba, 0xdc, 0xfe, 'a', 'b', 'c', 'd', 0,
	};

	ck_assert_uint_eq(len, 20 + sizeof(body));
	ck_assert_mem_eq(bytes, "vdev", 4);
	ck_assert_mem_eq(bytes + 20, body, sizeof(body));
}
END_TEST

START_TEST(truncated_state_changes_nothing)
{
	size_t n;

	for (n = 0; n < len; n++)
		ck_assert_int_eq(load(n, NULL), -EBADMSG);
	ck_assert_uint_eq(to.u64, 0);
}
END_TEST

/*
 * The header agrees with the length of the body, which is longer or shorter
 * than the model's fields.
 */
START_TEST(state_of_wrong_body_length_changes_nothing)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *longer = calloc(1, len + 1);

	memcpy(longer, bytes, len);
	longer[16]++;
	ck_assert_int_eq(virtdev_state_load(to.dev, longer, len + 1, &err),
			 -EBADMSG);
	ck_assert_str_eq(err.msg, "the state has 1 bytes after its last field");
	longer[16] -= 2;
	ck_assert_int_eq(virtdev_state_load(to.dev, longer, len - 1, &err),
			 -EBADMSG);
	ck_assert_str_eq(err.msg, "the state ends within a field");
	ck_assert_uint_eq(to.u64, 0);
	free(longer);
}
END_TEST

/* A byte of header or body, its new value, and the result. */
static const struct {
	unsigned int at;
	unsigned char value;
	int rc;
	const char *why;
} wrongs[] = {
	{ 0, 'x', -EBADMSG, "are not the state of a device" },
	{ 4, 2, -EOPNOTSUPP, "model: the state is of version 3; up to 3 are supported" },
	{ 8, 41, -EBADMSG, "model: the state is of a device of id 41, not 42" },
	{ 12, 4, -EOPNOTSUPP, "model: the state is of version 4; up to 3 are supported" },
	{ 19, 0xff, -EBADMSG, "the state of the device is incomplete: " },
	{ 20, 10, -EBADMSG, "model: 10 is not a digit" },
};

START_TEST(state_of_another_device_is_refused_with_the_reason)
{
	struct vsu_error err = VSU_ERROR_INIT;

	bytes[wrongs[_i].at] = wrongs[_i].value;
	ck_assert_int_eq(load(len, &err), wrongs[_i].rc);
	ck_assert_msg(strstr(err.msg, wrongs[_i].why), "%s", err.msg);
	ck_assert_uint_eq(to.u64, 0);
}
END_TEST

START_TEST(bytes_behind_the_end_of_a_state_are_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;

	bytes[16]--;
	ck_assert_int_eq(load(len, &err), -EBADMSG);
	ck_assert_str_eq(err.msg, "1 bytes follow the end of the device's state");
	ck_assert_uint_eq(to.u64, 0);
}
END_TEST

START_TEST(state_of_an_older_version_is_passed_to_the_model)
{
	bytes[12] = 1;
	ck_assert_int_eq(load(len, NULL), 0);
	ck_assert_uint_eq(to.version, 1);
}
END_TEST

START_TEST(state_above_the_maximum_is_not_saved)
{
	struct vsu_error err = VSU_ERROR_INIT;
	void *out = &from;
	size_t n = 5;

	from.flood = VIRTDEV_STATE_MAX;
	ck_assert_int_eq(virtdev_state_take(from.dev, &out, &n, &err), -EFBIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "the maximum"));
	ck_assert_ptr_eq(out, &from);
	ck_assert_uint_eq(n, 5);
}
END_TEST

START_TEST(largest_state_is_saved_and_loaded)
{
	void *out;
	size_t n;

	from.flood = VIRTDEV_STATE_MAX - len;
	ck_assert_int_eq(virtdev_state_take(from.dev, &out, &n, NULL), 0);
	ck_assert_uint_eq(n, VIRTDEV_STATE_MAX);
	free(out);
}
END_TEST

/* Saves and loads the state of a device without operations for it. */
START_TEST(model_without_state_saves_an_empty_one)
{
	const struct virtdev_ops none = { .size = sizeof(none), .name = "-" };
	struct model silent;
	void *out;
	size_t n;

	make(&silent, &none, 42);
	ck_assert_int_eq(virtdev_state_take(silent.dev, &out, &n, NULL), 0);
	ck_assert_uint_eq(n, 20);
	ck_assert_int_eq(virtdev_state_load(silent.dev, out, n, NULL), 0);
	ck_assert_int_eq(virtdev_state_load(silent.dev, bytes, len, NULL),
			 -EOPNOTSUPP);
	bytes[12] = 0;
	ck_assert_int_eq(virtdev_state_load(silent.dev, bytes, len, NULL),
			 -EBADMSG);
	free(out);
	virtdev_free(silent.dev);
}
END_TEST

START_TEST(pause_and_resume_call_the_model_once_each)
{
	virtdev_resume(from.dev);
	ck_assert_int_eq(from.paused, 0);
	virtdev_pause(from.dev);
	virtdev_pause(from.dev);
	ck_assert_int_eq(from.paused, 1);
	virtdev_resume(from.dev);
	virtdev_resume(from.dev);
	ck_assert_int_eq(from.paused, 0);
	ck_assert_uint_eq(from.pauses, 1);
}
END_TEST

START_TEST(reset_ends_a_pause)
{
	virtdev_pause(from.dev);
	virtdev_reset(from.dev);
	ck_assert_int_eq(from.paused, 0);
}
END_TEST

START_TEST(numbers_are_counted_and_named_by_the_model)
{
	const struct virtdev_ops none = { .size = sizeof(none), .name = "-" };
	struct virtdev_stat stats[2];
	struct model silent;

	virtdev_pause(from.dev);
	ck_assert_uint_eq(virtdev_stats(from.dev, NULL, 0), 1);
	ck_assert_uint_eq(virtdev_stats(from.dev, stats, 2), 1);
	ck_assert_str_eq(stats[0].name, "pauses");
	ck_assert_uint_eq(stats[0].value, 1);
	make(&silent, &none, 42);
	ck_assert_uint_eq(virtdev_stats(silent.dev, stats, 2), 0);
	virtdev_free(silent.dev);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state");
	TCase *tc = tcase_create("state");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, saved_state_is_loaded_field_by_field);
	tcase_add_test(tc, state_is_little_endian_without_padding);
	tcase_add_test(tc, truncated_state_changes_nothing);
	tcase_add_test(tc, state_of_wrong_body_length_changes_nothing);
	tcase_add_loop_test(tc,
		state_of_another_device_is_refused_with_the_reason, 0,
		sizeof(wrongs) / sizeof(wrongs[0]));
	tcase_add_test(tc, bytes_behind_the_end_of_a_state_are_refused);
	tcase_add_test(tc, state_of_an_older_version_is_passed_to_the_model);
	tcase_add_test(tc, state_above_the_maximum_is_not_saved);
	tcase_add_test(tc, largest_state_is_saved_and_loaded);
	tcase_add_test(tc, model_without_state_saves_an_empty_one);
	tcase_add_test(tc, pause_and_resume_call_the_model_once_each);
	tcase_add_test(tc, reset_ends_a_pause);
	tcase_add_test(tc, numbers_are_counted_and_named_by_the_model);

	return run_suite(s);
}
