/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Image files, disks on them, and single requests. */
#ifndef VIRTIO_DEVICES_TESTS_IMAGE_H
#define VIRTIO_DEVICES_TESTS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/disk.h>
#include <vm-memory/sigbus.h>

#include "disk/priv.h"
#include "folder.h"

/* Creates a sparse file of this size in the current folder. */
void image_make(const char *name, uint64_t size);

/* Whether this process may mount; a child process tries it. */
bool may_mount(void);
/* Mounts a file system on the new folder "fs", in a private mount namespace. */
void mount_here(const char *type, const char *options);

/* False if the host does not support that engine. */
bool engine_works(uint32_t engine);

/* A disk on a file with a channel for DEPTH requests. */
struct test_disk {
	struct virtdev_disk *disk;
	void *channel;
};

/* The table of this process; its SIGBUS handler is installed. */
struct vmem_sigbus *handled_table(void);

/* Opens a disk; uses the table above for MMAP. */
int disk_open(const char *name, bool read_only, uint32_t engine,
	      struct virtdev_disk **out, struct vsu_error *err);
void test_disk_init(struct test_disk *d, const char *name, uint32_t engine,
		    uint32_t depth);
void test_disk_fini(struct test_disk *d);

void test_disk_submit(struct test_disk *d, struct virtdev_disk_request *r);
/* One kick or one reap; returns the disk's result. */
int test_disk_kick(struct test_disk *d, uint64_t budget);
struct virtdev_disk_request *test_disk_reap(struct test_disk *d);
/* Waits until the next request completes. */
struct virtdev_disk_request *test_disk_wait(struct test_disk *d);

/* Runs one request; returns its result. */
int test_disk_do(struct test_disk *d, uint32_t op, uint64_t offset,
		 void *buf, uint64_t len);
int test_disk_range(struct test_disk *d, uint32_t op, uint64_t offset,
		    uint64_t len, bool may_unmap);

#endif
