/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The channel of a disk that works inside kick, on the thread of the queue:
 * requests that wait for their next step, and those that have finished.
 */
#ifndef VIRTIO_DEVICES_DISK_NOW_H
#define VIRTIO_DEVICES_DISK_NOW_H

#include "disk/file.h"

/*
 * One step of a request, whose bytes are taken from the turn's budget. True:
 * it has finished.
 */
typedef bool (*virtdev_priv_now_step_fn)(void *self,
					 struct virtdev_disk_request *request,
					 uint64_t *budget);

int virtdev_priv_now_channel_open(void *self, uint32_t depth, void **channel,
				  struct vsu_error *err);
void virtdev_priv_now_channel_close(void *self, void *channel);
int virtdev_priv_now_channel_fd(void *self, void *channel);

/* As submit; a request without any step has finished already. */
void virtdev_priv_now_add(void *channel, struct virtdev_disk_request *request,
			  bool has_steps);

/* As kick: each request from its first step to its last, one by one. */
int virtdev_priv_now_kick(void *self, void *channel, uint64_t *budget,
			  virtdev_priv_now_step_fn step);
struct virtdev_disk_request *virtdev_priv_now_reap(void *self, void *channel);

/* The system call of a step: a count or a negative errno. */
int64_t virtdev_priv_file_call(const struct virtdev_priv_file *file,
			       const struct virtdev_disk_request *request,
			       const struct virtdev_priv_step *step);

#endif
