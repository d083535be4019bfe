/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Compile-time checks of the layouts in protocol.h. */
#include <config.h>

#include <assert.h>
#include <stddef.h>

#include <vhost/protocol.h>

#define SIZE(type, bytes) \
	static_assert(sizeof(struct vhost_user_##type) == (bytes), \
		      #type " is " #bytes " bytes on the wire")
#define AT(type, member, at) \
	static_assert(offsetof(struct vhost_user_##type, member) == (at), \
		      #type "." #member " is at " #at)

SIZE(header, 12);
AT(header, flags, 4);
AT(header, size, 8);
SIZE(vring_state, 8);
AT(vring_state, num, 4);
SIZE(vring_addr, 40);
AT(vring_addr, desc, 8);
AT(vring_addr, used, 16);
AT(vring_addr, avail, 24);
AT(vring_addr, log_guest_addr, 32);
SIZE(mem_region, 32);
AT(mem_region, size, 8);
AT(mem_region, user_addr, 16);
AT(mem_region, mmap_offset, 24);
SIZE(mem_table, 8 + 8 * 32);
AT(mem_table, regions, 8);
SIZE(mem_reg, 40);
AT(mem_reg, region, 8);
SIZE(log, 16);
SIZE(iotlb, 32);
AT(iotlb, perm, 24);
AT(iotlb, type, 25);
SIZE(config, 12);
SIZE(inflight, 24);
AT(inflight, num_queues, 16);
AT(inflight, queue_size, 18);
SIZE(vring_area, 24);
SIZE(shared, 16);
SIZE(transfer, 8);
SIZE(shmem_mmap, 40);
AT(shmem_mmap, fd_offset, 8);
AT(shmem_mmap, flags, 32);
SIZE(shmem_config, 2056);
AT(shmem_config, sizes, 8);
SIZE(crypto_session, 1072);
AT(crypto_session, session_id, 1064);
