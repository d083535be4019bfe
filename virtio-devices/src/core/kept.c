/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a running device, in memory that outlives the process. The device stores it after
 * each change, alternately in two slots: if the process is killed at any instruction, the other
 * slot is complete.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "core/device_struct.h"
#include "core/kept.h"

/* In native byte order; any process may have written it. */
struct head {
	uint64_t sequence[2];	/* of each slot; 0: the slot is empty */
	uint32_t len[2];
	uint64_t unused;
};

static struct head *head_of(const struct virtdev *dev)
{
	return (struct head *)dev->kept;
}

static size_t slot_size(const struct virtdev *dev)
{
	return (dev->kept_len - sizeof(struct head)) / 2;
}

static unsigned char *slot_of(const struct virtdev *dev, unsigned int i)
{
	return dev->kept + sizeof(struct head) + i * slot_size(dev);
}

static uint64_t load_sequence(const struct virtdev *dev, unsigned int i)
{
	return __atomic_load_n(&head_of(dev)->sequence[i], __ATOMIC_ACQUIRE);
}

/* The slot with the newer state. */
static unsigned int newer_slot(const struct virtdev *dev)
{
	return load_sequence(dev, 1) > load_sequence(dev, 0);
}

void virtdev_set_keeps(struct virtdev *dev)
{
	dev->keeps = true;
}

void virtdev_priv_set_keeps_apart(struct virtdev *dev, bool (*continues)(void *self))
{
	dev->continues = continues;
}

bool virtdev_priv_keeps(const struct virtdev *dev)
{
	return dev->keeps || dev->continues;
}

void virtdev_priv_kept_set(struct virtdev *dev, void *bytes, size_t len)
{
	dev->kept = len > sizeof(struct head) ? bytes : NULL;
	dev->kept_len = dev->kept ? len : 0;
}

void virtdev_priv_kept_clear(struct virtdev *dev)
{
	unsigned int i;

	for (i = 0; dev->kept && i < 2; i++)
		__atomic_store_n(&head_of(dev)->sequence[i], 0, __ATOMIC_RELEASE);
}

/* The slot is invalid while its bytes change. */
static void store_slot(struct virtdev *dev, const void *bytes, size_t len)
{
	const unsigned int newer = newer_slot(dev), i = !newer;
	const uint64_t next = load_sequence(dev, newer) + 1;
	struct head *head = head_of(dev);

	__atomic_store_n(&head->sequence[i], 0, __ATOMIC_SEQ_CST);
	memcpy(slot_of(dev, i), bytes, len);
	__atomic_store_n(&head->len[i], (uint32_t)len, __ATOMIC_RELAXED);
	__atomic_store_n(&head->sequence[i], next, __ATOMIC_RELEASE);
}

/* Without a stored state, the replacement process begins with the state of a reset device. */
void virtdev_keep(struct virtdev *dev)
{
	void *bytes;
	size_t len;

	if (!dev->kept || !dev->keeps)
		return;
	if (virtdev_priv_state_collect(dev, true, &bytes, &len, NULL) < 0) {
		virtdev_priv_kept_clear(dev);
		return;
	}
	if (len <= slot_size(dev))
		store_slot(dev, bytes, len);
	else
		virtdev_priv_kept_clear(dev);
	free(bytes);
}

/* Loads from a copy, because another process may still write to the memory. */
bool virtdev_priv_kept_load(struct virtdev *dev, struct vsu_error *err)
{
	const unsigned int i = dev->kept ? newer_slot(dev) : 0;
	void *copy;
	size_t len;
	int rc;

	if (dev->kept && dev->continues)
		return dev->continues(dev->self);
	if (!dev->kept || !load_sequence(dev, i))
		return false;
	len = __atomic_load_n(&head_of(dev)->len[i], __ATOMIC_RELAXED);
	copy = len <= slot_size(dev) ? malloc(len + 1) : NULL;
	if (!copy)
		return false;
	memcpy(copy, slot_of(dev, i), len);
	rc = virtdev_state_load(dev, copy, len, err);
	free(copy);
	return rc == 0;
}
