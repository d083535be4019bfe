/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Internal types of the balloon, shared by its queues. */
#ifndef VIRTIO_DEVICES_BALLOON_PRIV_H
#define VIRTIO_DEVICES_BALLOON_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/balloon.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/endian.h>

#include "balloon/giveback.h"

/* Statistics of the driver; memory in bytes. */
enum virtdev_balloon_stat {
	VIRTDEV_BALLOON_SWAP_IN,
	VIRTDEV_BALLOON_SWAP_OUT,
	VIRTDEV_BALLOON_MAJOR_FAULTS,
	VIRTDEV_BALLOON_MINOR_FAULTS,
	VIRTDEV_BALLOON_FREE,
	VIRTDEV_BALLOON_TOTAL,
	VIRTDEV_BALLOON_AVAILABLE,
	VIRTDEV_BALLOON_CACHES,
	VIRTDEV_BALLOON_HUGE_ALLOCS,
	VIRTDEV_BALLOON_HUGE_FAILS,
	VIRTDEV_BALLOON_NSTATS = 16,	/* kinds that are kept, named or not */
};

/* Frozen. The statistics of the driver's last report. */
struct virtdev_balloon_stats {
	uint64_t value[VIRTDEV_BALLOON_NSTATS];
	uint32_t known;		/* bit n: value[n] is valid */
	uint32_t pad;
	uint64_t reports;	/* number of reports since the creation of the device */
};

/* Frozen. All in bytes; the last three since the creation of the device. */
struct virtdev_balloon_size {
	uint64_t target;	/* size that the driver is requested to reach */
	uint64_t actual;	/* size that the driver reports */
	uint64_t inflated;	/* discarded because the driver inflated */
	uint64_t reported;	/* discarded because the driver reported them as free */
	uint64_t kept;		/* named by the driver, but not discarded */
};

/* Feature bits (5.5.3). */
#define BALLOON_F_STATS_VQ		(UINT64_C(1) << 1)
#define BALLOON_F_DEFLATE_ON_OOM	(UINT64_C(1) << 2)
#define BALLOON_F_PAGE_POISON		(UINT64_C(1) << 4)
#define BALLOON_F_PAGE_REPORTING	(UINT64_C(1) << 5)

/* Includes the hint queue, for drivers that use the numbers of the specification. */
#define BALLOON_QUEUES 5u

/* Configuration space (5.5.4). */
struct balloon_space {
	struct vsu_le32 num_pages;
	struct vsu_le32 actual;
	struct vsu_le32 free_page_hint_cmd_id;
	struct vsu_le32 poison_val;
};

enum balloon_role {
	BALLOON_INFLATE,
	BALLOON_DEFLATE,
	BALLOON_STATS,
	BALLOON_REPORTS,
	BALLOON_NOTHING,
};

/* Maximum pieces read of one statistics buffer. */
#define BALLOON_STATS_PIECES 8u

/* The driver's buffer is held until statistics are requested. */
struct balloon_stats {
	struct vq_chain held;
	bool holds;
	uint32_t queue;		/* its index while running */
	struct virtdev_balloon_stats last;
	struct iovec pieces[BALLOON_STATS_PIECES];
};

struct balloon_queue {
	struct balloon *balloon;
	struct vq *q;			/* NULL: stopped */
	enum balloon_role role;		/* set at start */
	struct vmem_reader reader;
};

struct balloon {
	struct virtdev *dev;
	uint64_t features;		/* acknowledged */
	struct balloon_space space;
	struct virtdev_priv_giveback giveback;
	uint64_t inflated, reported;	/* atomic */
	struct balloon_stats stats;
	struct balloon_queue queues[BALLOON_QUEUES];
};

/* config.c */
/* -EINVAL: dev is another device; also for the statistics below. */
int virtdev_priv_balloon_size(const struct virtdev *dev,
			      struct virtdev_balloon_size *out);
int virtdev_priv_balloon_set_features(void *self, uint64_t features,
				      struct vsu_error *err);
void virtdev_priv_balloon_config_read(void *self, uint32_t off, void *buf,
				      uint32_t len);
int virtdev_priv_balloon_config_write(void *self, uint32_t off,
				      const void *buf, uint32_t len);
void virtdev_priv_balloon_reset(void *self);
void virtdev_priv_balloon_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_balloon_load(void *self, uint32_t version,
			      struct virtdev_state_reader *r,
			      struct vsu_error *err);
uint32_t virtdev_priv_balloon_stats(void *self, struct virtdev_stat *stats,
				    uint32_t max);
int virtdev_priv_balloon_check_target(uint64_t bytes, struct vsu_error *err);
void virtdev_priv_balloon_store_target(struct balloon *b, uint64_t bytes);

/* stats.c */
int virtdev_priv_balloon_last(const struct virtdev *dev,
			      struct virtdev_balloon_stats *out);
int virtdev_priv_balloon_stats_serve(struct balloon *b, struct vq *q);
/* Returns the driver's buffer to the ring as if it had not been fetched. */
void virtdev_priv_balloon_stats_drain(struct balloon *b, struct vq *q);

#endif
