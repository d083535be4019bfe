/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared by the tests of this folder: guest memory in a memfd, a split ring
 * of 16 in it that a test writes by hand, and a queue on that ring.
 */
#ifndef VIRTIO_QUEUE_TESTS_UTIL_H
#define VIRTIO_QUEUE_TESTS_UTIL_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/cursor.h>
#include <virtio-queue/driver.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

#include "le.h"

/*
 * Check writes and reads a record of each assertion that holds, so that it can report the
 * last one before a crash. Assertions of a loop are recorded once, because they would take most
 * of its time.
 */
static __thread int noted_line __attribute__((unused));
#define _mark_point(file, line) \
	(noted_line == (line) ? (void)0 \
			      : (noted_line = (line), (_mark_point)(file, line)))

#define RIG_SIZE	16u
#define RIG_MEMORY	0x100000u	/* bytes from guest address 0 */
#define RIG_DESC	0x1000u
#define RIG_DRIVER	0x2000u
#define RIG_DEVICE	0x3000u
#define RIG_TABLE	0x8000u		/* for indirect tables */
#define RIG_DATA	0x10000u
#define RIG_IOVS	64u

#define F_NEXT		1u
#define F_WRITE		2u
#define F_INDIRECT	4u

/* For loop tests: the formats for which a claim holds. */
static const uint64_t formats[] = {
	0,
	VQ_F_RING_PACKED,
	VQ_F_IN_ORDER,
	VQ_F_RING_PACKED | VQ_F_IN_ORDER,
};

#define FIRST_IN_ORDER	2
#define N_FORMATS	((int)(sizeof(formats) / sizeof(formats[0])))
#define FORMAT		formats[_i]

#define ARRAY_SIZE(a)	((uint32_t)(sizeof(a) / sizeof((a)[0])))

struct rig {
	struct vmem_space *space;
	unsigned char *mem;	/* of guest address 0 */
	struct vq *q;
	struct vq_config config;
	struct vq_chain chain;
	struct iovec iov[RIG_IOVS];
	uint16_t avail;
};

/* len bytes of a fresh file at a guest address, mapped for writing. */
static inline struct vmem_region *make_region(uint64_t gpa, uint64_t len,
					      uint32_t flags,
					      uint32_t page_shift)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, len, NULL, NULL };
	struct vmem_region_desc desc = { NULL, 0, gpa, len, flags,
					 page_shift };
	struct vmem_region *region;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	close(fd);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	vmem_block_unref(desc.block);
	return region;
}

/* Publishes n regions; the map takes them over. */
static inline void publish(struct vmem_space *space,
			   struct vmem_region **regions, unsigned int n)
{
	struct vmem_map *map;
	unsigned int i;

	ck_assert_int_eq(vmem_map_from_regions(regions, n, &map, NULL), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
	for (i = 0; i < n; i++)
		vmem_region_unref(regions[i]);
}

static inline void rig_init_regions(struct rig *r, struct vmem_region **regions,
				    unsigned int n, uint64_t features)
{
	memset(r, 0, sizeof(*r));
	ck_assert_int_eq(vmem_space_new(&r->space), 0);
	r->mem = vmem_region_hva(regions[0]);
	publish(r->space, regions, n);
	ck_assert_int_eq(vq_new(&r->q), 0);
	ck_assert_int_eq(vq_set_space(r->q, r->space), 0);
	r->config.features = features | VQ_F_VERSION_1;
	r->config.size = RIG_SIZE;
	r->config.desc_gpa = RIG_DESC;
	r->config.driver_gpa = RIG_DRIVER;
	r->config.device_gpa = RIG_DEVICE;
	r->chain.iov = r->iov;
	r->chain.iov_max = RIG_IOVS;
}

/* One region, the queue enabled. */
static inline void rig_init(struct rig *r, uint64_t features)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);

	rig_init_regions(r, &region, 1, features);
	ck_assert_int_eq(vq_enable(r->q, &r->config, NULL), 0);
}

static inline void rig_fini(struct rig *r)
{
	vq_free(r->q);
	vmem_space_reclaim(r->space);
	vmem_space_free(r->space);
}

static inline void put16(struct rig *r, uint64_t gpa, uint16_t v)
{
	le_put(r->mem + gpa, v, 2);
}

static inline uint16_t get16(const struct rig *r, uint64_t gpa)
{
	return (uint16_t)le_get(r->mem + gpa, 2);
}

static inline uint32_t get32(const struct rig *r, uint64_t gpa)
{
	return (uint32_t)le_get(r->mem + gpa, 4);
}

/* Entry `at` of a split table. */
static inline void put_desc(struct rig *r, uint64_t table, uint32_t at,
			    uint64_t gpa, uint32_t len, uint16_t flags,
			    uint16_t next)
{
	unsigned char *p = r->mem + table + at * 16u;

	le_put(p, gpa, 8);
	le_put(p + 8, len, 4);
	le_put(p + 12, flags, 2);
	le_put(p + 14, next, 2);
}

static inline void put_avail_idx(struct rig *r, uint16_t idx)
{
	r->avail = idx;
	put16(r, RIG_DRIVER + 2, idx);
}

/* Makes a head available. */
static inline void offer(struct rig *r, uint16_t head)
{
	put16(r, RIG_DRIVER + 4 + 2 * (r->avail % r->config.size), head);
	put_avail_idx(r, (uint16_t)(r->avail + 1));
}

static inline uint16_t used_idx(const struct rig *r)
{
	return get16(r, RIG_DEVICE + 2);
}

static inline int rig_pop(struct rig *r)
{
	return vq_pop(r->q, &r->chain);
}

static inline void ck_broken(struct rig *r, enum vq_broken why)
{
	ck_assert_int_eq(rig_pop(r), -EFAULT);
	ck_assert_int_eq(vq_broken(r->q), (int)why);
	ck_assert(!vq_has_available(r->q));
	ck_assert(!vq_enable_notify(r->q));
}

/* n times the environment's TEST_SCALE (0.1 in slow builds); at least 1. */
static inline unsigned int scaled(unsigned int n)
{
	const char *text = getenv("TEST_SCALE");
	double scale = text ? strtod(text, NULL) : 1;

	if (!(scale > 0 && scale < 1))
		return n;
	return n * scale > 1 ? (unsigned int)(n * scale) : 1;
}

/* One tcase, one program. */
/* The time limit of a test, by hand as under make, unless the environment has another. */
static void __attribute__((constructor)) set_time_limit(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0);
}

/* The report by TAP lacks the row of a loop test. */
static inline int run_tcase(TCase *tc, const char *name)
{
	Suite *s = suite_create(name);
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	if (failed && getenv("CK_TAP_LOG_FILE_NAME"))
		srunner_print(sr, CK_NORMAL);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
