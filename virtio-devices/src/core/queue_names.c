/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of queues. */
#include <config.h>

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include <virtio-devices/ids.h>

#define MAX_FIRST 4
#define MAX_GROUP 2

/* First the queues that a device has once, then groups with numbers, and a last one. */
static const struct layout {
	enum virtdev_id id;
	const char *first[MAX_FIRST], *group[MAX_GROUP];
	uint32_t from;		/* number of the first group */
	const char *last;	/* if the groups leave one */
} layouts[] = {
	{ .id = VIRTDEV_ID_NET, .group = { "receiveq", "transmitq" }, .from = 1, .last = "controlq" },
	{ .id = VIRTDEV_ID_BLOCK, .group = { "requestq" }, .from = 1 },
	{ .id = VIRTDEV_ID_CONSOLE,
	  .first = { "receiveq0", "transmitq0", "control receiveq", "control transmitq" },
	  .group = { "receiveq", "transmitq" }, .from = 1 },
	{ .id = VIRTDEV_ID_ENTROPY, .first = { "requestq" } },
	/* later ones depend on features */
	{ .id = VIRTDEV_ID_BALLOON, .first = { "inflateq", "deflateq" } },
	{ .id = VIRTDEV_ID_SCSI, .first = { "controlq", "eventq" }, .group = { "requestq" }, .from = 1 },
	{ .id = VIRTDEV_ID_SOCKET, .first = { "rx", "tx", "event" } },
	{ .id = VIRTDEV_ID_MEMORY, .first = { "guest-request" } },
	{ .id = VIRTDEV_ID_FS, .first = { "hiprio" }, .group = { "requestq" }, .from = 1 },
	{ .id = VIRTDEV_ID_PMEM, .first = { "req_vq" } },
};

static const char *in_group(const struct layout *l, uint32_t queue, uint32_t n,
			    char name[VIRTDEV_QUEUE_NAME_MAX])
{
	const uint32_t size = l->group[1] ? 2 : 1;

	if (!l->group[0])
		return NULL;
	if (l->last && n % size && queue == n - 1)
		return l->last;
	snprintf(name, VIRTDEV_QUEUE_NAME_MAX, "%s%" PRIu32, l->group[queue % size], l->from + queue / size);
	return name;
}

const char *virtdev_queue_name(uint32_t id, uint32_t queue, uint32_t n, char name[VIRTDEV_QUEUE_NAME_MAX])
{
	const struct layout *l = layouts, *const end = l + sizeof(layouts) / sizeof(layouts[0]);
	uint32_t first = 0;

	while (l < end && (uint32_t)l->id != id)
		l++;
	if (l == end)
		return NULL;
	while (first < MAX_FIRST && l->first[first])
		first++;
	return queue < first ? l->first[queue] : in_group(l, queue - first, n - first, name);
}
