/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The channel of an engine that executes requests within kick, on the queue's thread:
 * a list of pending requests and a list of completed ones. Engines: mmap.c, null.c,
 * overlay.c and sync.c.
 */
#ifndef VIRTIO_DEVICES_DISK_NOW_H
#define VIRTIO_DEVICES_DISK_NOW_H

#include "disk/file.h"

/* Executes one step and charges it to the turn's budget. True: complete. */
typedef bool (*virtdev_priv_now_step_fn)(void *self,
					 struct virtdev_disk_request *request,
					 uint64_t *budget);

int virtdev_priv_now_channel_open(void *self, uint32_t depth, void **channel,
				  struct vsu_error *err);
void virtdev_priv_now_channel_close(void *self, void *channel);
int virtdev_priv_now_channel_fd(void *self, void *channel);

/* The engine's submit. A request without steps is complete at once. */
void virtdev_priv_now_add(void *channel, struct virtdev_disk_request *request,
			  bool has_steps);

/* The engine's kick: executes all steps of each request, one request after another. */
int virtdev_priv_now_kick(void *self, void *channel, uint64_t *budget,
			  virtdev_priv_now_step_fn step);
struct virtdev_disk_request *virtdev_priv_now_reap(void *self, void *channel);

/* The system call of a step: a count or a negative errno. */
int64_t virtdev_priv_file_call(const struct virtdev_priv_file *file,
			       const struct virtdev_disk_request *request,
			       const struct virtdev_priv_step *step);

#endif
