/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Restrictions of an io_uring (Linux 5.10). */
#include <config.h>

#ifdef HAVE_LIBURING

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "disk/restrict.h"

const uint8_t virtdev_priv_ring_operations[DISK_RING_OPERATIONS] = {
	IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_READ, IORING_OP_WRITE,
	IORING_OP_FSYNC, IORING_OP_FALLOCATE,
};

/* liburing 2.3 declares functions for this but does not export them. */
static int register_with(int ring_fd, unsigned int what, const void *args,
			 unsigned int n)
{
	return syscall(SYS_io_uring_register, ring_fd, what, args, n) < 0 ?
	       -errno : 0;
}

int virtdev_priv_ring_restrict(int ring_fd)
{
	struct io_uring_restriction rules[DISK_RING_OPERATIONS + 1] = {
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		  .sqe_flags = DISK_RING_SQE_FLAGS },
	};
	size_t i;
	int rc;

	for (i = 0; i < DISK_RING_OPERATIONS; i++) {
		rules[i + 1].opcode = IORING_RESTRICTION_SQE_OP;
		rules[i + 1].sqe_op = virtdev_priv_ring_operations[i];
	}
	rc = register_with(ring_fd, IORING_REGISTER_RESTRICTIONS, rules,
			   DISK_RING_OPERATIONS + 1);
	return rc < 0 ? rc : register_with(ring_fd, IORING_REGISTER_ENABLE_RINGS,
					   NULL, 0);
}

#else

typedef int nothing_to_compile;

#endif
