/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the end of the log into which others write: its memory goes last. */
#include <config.h>

#include <errno.h>

#include "../util.h"
#include "machine/sharing.h"

#define DEVICES 3u

static struct vmm_machine machine;
static unsigned int told;	/* the devices that write no longer, as bits */
static unsigned int refusing;	/* the device that refuses the end */
static unsigned int frees;

int __wrap_vmm_virtio_set_log(struct vmm_virtio *v, const struct vhost_dirty_log *log, struct vsu_error *err);
void __wrap_vhost_dirty_log_free(struct vhost_dirty_log *log);

static unsigned int number_of(const struct vmm_virtio *v)
{
	unsigned int i = 0;

	while (machine.devices[i].virtio != v)
		i++;
	return i;
}

int __wrap_vmm_virtio_set_log(struct vmm_virtio *v, const struct vhost_dirty_log *log, struct vsu_error *err)
{
	const unsigned int i = number_of(v);

	ck_assert_ptr_null(log);
	ck_assert_uint_eq(frees, 0);
	told |= 1u << i;
	return i == refusing ? vsu_error_set(err, -EIO, "refused") : 0;
}

void __wrap_vhost_dirty_log_free(struct vhost_dirty_log *log)
{
	log->words = NULL;
	frees++;
}

/* The last row: no device refuses. */
START_TEST(log_is_freed_after_each_device_was_told)
{
	static uint64_t words[1], devices[DEVICES];
	struct vhost_dirty_log log = { -1, sizeof(words), words };
	unsigned int i;

	told = frees = 0;
	refusing = (unsigned int)_i;
	machine.ndevices = DEVICES;
	for (i = 0; i < DEVICES; i++)
		machine.devices[i].virtio = (struct vmm_virtio *)&devices[i];
	vmm_sharing_end_log(&machine, &log);
	ck_assert_uint_eq(told, (1u << DEVICES) - 1);
	ck_assert_uint_eq(frees, 1);
	told = 0;
	vmm_sharing_end_log(&machine, &log);
	ck_assert_uint_eq(told, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sharing");
	TCase *tc = tcase_create("sharing");

	tcase_add_loop_test(tc, log_is_freed_after_each_device_was_told, 0, DEVICES + 1);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
