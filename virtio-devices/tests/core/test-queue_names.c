/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the names of queues. */
#include <config.h>

#include <virtio-devices/ids.h>

#include "../suite.h"

static const struct row {
	uint32_t id, queue, n;
	const char *name;
} rows[] = {
	{ VIRTDEV_ID_BLOCK, 0, 1, "requestq1" }, { VIRTDEV_ID_BLOCK, 7, 8, "requestq8" },
	{ VIRTDEV_ID_NET, 0, 2, "receiveq1" }, { VIRTDEV_ID_NET, 1, 2, "transmitq1" },
	{ VIRTDEV_ID_NET, 2, 3, "controlq" }, { VIRTDEV_ID_NET, 2, 5, "receiveq2" },
	{ VIRTDEV_ID_NET, 4, 5, "controlq" }, { VIRTDEV_ID_CONSOLE, 0, 2, "receiveq0" },
	{ VIRTDEV_ID_CONSOLE, 3, 6, "control transmitq" }, { VIRTDEV_ID_CONSOLE, 5, 6, "transmitq1" },
	{ VIRTDEV_ID_FS, 0, 2, "hiprio" }, { VIRTDEV_ID_FS, 1, 2, "requestq1" },
	{ VIRTDEV_ID_BALLOON, 1, 5, "deflateq" }, { VIRTDEV_ID_BALLOON, 2, 5, NULL },
	{ VIRTDEV_ID_SOCKET, 2, 3, "event" }, { VIRTDEV_ID_ENTROPY, 1, 2, NULL },
	{ 99, 0, 1, NULL }, { VIRTDEV_ID_CONSOLE, 0, 0, "receiveq0" },
	{ VIRTDEV_ID_BLOCK, UINT32_MAX, UINT32_MAX, "requestq0" },
};

START_TEST(queue_has_the_name_of_the_specification)
{
	const struct row *const row = &rows[_i];
	char name[VIRTDEV_QUEUE_NAME_MAX];
	const char *const is = virtdev_queue_name(row->id, row->queue, row->n, name);

	ck_assert_msg(is ? row->name && !strcmp(is, row->name) : !row->name, "%s, not %s",
		      is ? is : "none", row->name ? row->name : "none");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue_names");
	TCase *tc = tcase_create("queue_names");

	tcase_add_loop_test(tc, queue_has_the_name_of_the_specification, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
