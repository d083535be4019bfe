/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The vhost-user protocol on the wire: message numbers, feature bits and
 * payload layouts, for programs that read or write messages themselves. Users
 * of the session objects (frontend.h, backend.h) need none of this.
 *
 *   front-end   owns the guest's memory and sends requests on the main socket
 *   back-end    serves the rings; sends requests on the back-end channel, a
 *               second socket, whose descriptor the front-end sends
 *   header      12 bytes at the start of every message, in both directions
 *
 * Every integer is in the byte order of the host, and padding is sent as
 * zeros. File descriptors travel with the first byte of the header.
 *
 * Other headers of vhost-user define the same names: include this one only in files
 * that read or write messages.
 *
 * Threads: constants and layouts only.
 */
#ifndef VHOST_PROTOCOL_H
#define VHOST_PROTOCOL_H

#include <stdint.h>

struct vhost_user_header {
	uint32_t request;	/* enum vhost_user_request or _backend_request */
	uint32_t flags;		/* VHOST_USER_HDR_* */
	uint32_t size;		/* bytes of payload that follow */
};

#define VHOST_USER_HDR_VERSION_MASK	0x3u
#define VHOST_USER_HDR_VERSION		0x1u
#define VHOST_USER_HDR_REPLY		0x4u /* set in every reply, in no request */
#define VHOST_USER_HDR_NEED_REPLY	0x8u /* requests an acknowledgement */

/* Requests of the front-end, on the main socket. */
enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_LOG_FD = 7,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SEND_RARP = 19,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_IOTLB_MSG = 22,
	VHOST_USER_SET_VRING_ENDIAN = 23,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG = 25,
	VHOST_USER_CREATE_CRYPTO_SESSION = 26,
	VHOST_USER_CLOSE_CRYPTO_SESSION = 27,
	VHOST_USER_POSTCOPY_ADVISE = 28,
	VHOST_USER_POSTCOPY_LISTEN = 29,
	VHOST_USER_POSTCOPY_END = 30,
	VHOST_USER_GET_INFLIGHT_FD = 31,
	VHOST_USER_SET_INFLIGHT_FD = 32,
	VHOST_USER_GPU_SET_SOCKET = 33,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_VRING_KICK = 35,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
	VHOST_USER_GET_SHARED_OBJECT = 41,
	VHOST_USER_SET_DEVICE_STATE_FD = 42,
	VHOST_USER_CHECK_DEVICE_STATE = 43,
	VHOST_USER_GET_SHMEM_CONFIG = 44,
	VHOST_USER_GET_VRING_BASE_SKIP_DRAIN = 45,
};

/* Requests of the back-end, on the back-end channel. */
enum vhost_user_backend_request {
	VHOST_USER_BACKEND_IOTLB_MSG = 1,
	VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
	VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG = 3,
	VHOST_USER_BACKEND_VRING_CALL = 4,
	VHOST_USER_BACKEND_VRING_ERR = 5,
	VHOST_USER_BACKEND_SHARED_OBJECT_ADD = 6,
	VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE = 7,
	VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP = 8,
	VHOST_USER_BACKEND_SHMEM_MAP = 9,
	VHOST_USER_BACKEND_SHMEM_UNMAP = 10,
};

/* Bits of the device's feature word that belong to the protocol. */
#define VHOST_USER_F_LOG_ALL		(UINT64_C(1) << 26)
#define VHOST_USER_F_PROTOCOL_FEATURES	(UINT64_C(1) << 30)
/* Bits of VIRTIO on which the meaning of messages depends. */
#define VHOST_USER_F_ACCESS_PLATFORM	(UINT64_C(1) << 33)
#define VHOST_USER_F_RING_PACKED	(UINT64_C(1) << 34)

/* Numbers of the bits of GET_ and SET_PROTOCOL_FEATURES. */
enum vhost_user_protocol_feature {
	VHOST_USER_PROTOCOL_F_MQ = 0,
	VHOST_USER_PROTOCOL_F_LOG_SHMFD = 1,
	VHOST_USER_PROTOCOL_F_RARP = 2,
	VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
	VHOST_USER_PROTOCOL_F_NET_MTU = 4,
	VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5,
	VHOST_USER_PROTOCOL_F_CROSS_ENDIAN = 6,
	VHOST_USER_PROTOCOL_F_CRYPTO_SESSION = 7,
	VHOST_USER_PROTOCOL_F_PAGEFAULT = 8,
	VHOST_USER_PROTOCOL_F_CONFIG = 9,
	VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD = 10,
	VHOST_USER_PROTOCOL_F_HOST_NOTIFIER = 11,
	VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD = 12,
	VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
	VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS = 14,
	VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
	VHOST_USER_PROTOCOL_F_STATUS = 16,
	VHOST_USER_PROTOCOL_F_XEN_MMAP = 17,
	VHOST_USER_PROTOCOL_F_SHARED_OBJECT = 18,
	VHOST_USER_PROTOCOL_F_DEVICE_STATE = 19,
	VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT = 20,
	VHOST_USER_PROTOCOL_F_GPA_ADDRESSES = 21,
	VHOST_USER_PROTOCOL_F_SHMEM = 22,
	VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN = 23,
	VHOST_USER_PROTOCOL_F_COUNT
};

/* As a mask of the 64-bit word. */
#define VHOST_USER_PROTOCOL_BIT(name) \
	(UINT64_C(1) << VHOST_USER_PROTOCOL_F_##name)

#define VHOST_USER_MAX_REGIONS	8u	/* in one SET_MEM_TABLE */
#define VHOST_USER_MAX_SHMEM	256u	/* shared memory regions of a device */
#define VHOST_USER_LOG_PAGE	4096u	/* bytes per bit of the dirty log */

/* The u64 of SET_VRING_KICK, _CALL and _ERR, and of other messages with fds. */
#define VHOST_USER_VRING_INDEX_MASK	0xffu
#define VHOST_USER_VRING_NOFD		0x100u

/* SET_VRING_NUM, _BASE, _ENABLE, _ENDIAN, GET_VRING_BASE, VRING_KICK, ... */
struct vhost_user_vring_state {
	uint32_t index;
	uint32_t num;
};

/* Addresses are the front-end's own (see struct vhost_user_mem_region). */
struct vhost_user_vring_addr {
	uint32_t index;
	uint32_t flags;		/* VHOST_USER_VRING_F_LOG */
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log_guest_addr; /* of the used ring, for the dirty log */
};

#define VHOST_USER_VRING_F_LOG	0x1u

struct vhost_user_mem_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;	/* the front-end's address of the region; the
				   back-end only compares it */
	uint64_t mmap_offset;	/* of the region in its fd */
};

/* SET_MEM_TABLE; nregions regions follow on the wire. */
struct vhost_user_mem_table {
	uint32_t nregions;
	uint32_t padding;
	struct vhost_user_mem_region regions[VHOST_USER_MAX_REGIONS];
};

/* ADD_MEM_REG, REM_MEM_REG */
struct vhost_user_mem_reg {
	uint64_t padding;
	struct vhost_user_mem_region region;
};

/*
 * A region with XEN_MMAP, in place of the one above in SET_MEM_TABLE, ADD_ and
 * REM_MEM_REG: memory of another domain of a Xen host. This library neither
 * offers nor maps it.
 */
struct vhost_user_xen_mem_region {
	struct vhost_user_mem_region region;
	uint32_t mmap_flags;	/* VHOST_USER_XEN_* */
	uint32_t domid;
};

#define VHOST_USER_XEN_FOREIGN		0x1u
#define VHOST_USER_XEN_GRANT		0x2u
#define VHOST_USER_XEN_NO_ADVANCE_MAP	0x100u

/* SET_LOG_BASE */
struct vhost_user_log {
	uint64_t mmap_size;
	uint64_t mmap_offset;
};

/* IOTLB_MSG, both ways */
struct vhost_user_iotlb {
	uint64_t iova;
	uint64_t size;
	uint64_t user_addr;
	uint8_t perm;		/* VHOST_USER_IOTLB_READ, _WRITE */
	uint8_t type;		/* VHOST_USER_IOTLB_MISS ... */
	uint8_t padding[6];
};

#define VHOST_USER_IOTLB_READ		1u
#define VHOST_USER_IOTLB_WRITE		2u
#define VHOST_USER_IOTLB_MISS		1u
#define VHOST_USER_IOTLB_UPDATE		2u
#define VHOST_USER_IOTLB_INVALIDATE	3u
#define VHOST_USER_IOTLB_ACCESS_FAIL	4u

/* GET_CONFIG, SET_CONFIG; size bytes follow */
struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;		/* VHOST_USER_CONFIG_MIGRATION */
};

#define VHOST_USER_CONFIG_MIGRATION	0x1u
#define VHOST_USER_MAX_CONFIG		256u

/* GET_INFLIGHT_FD, SET_INFLIGHT_FD */
struct vhost_user_inflight {
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t num_queues;
	uint16_t queue_size;
	uint32_t padding;
};

/* VRING_HOST_NOTIFIER_MSG */
struct vhost_user_vring_area {
	uint64_t u64;		/* ring index, VHOST_USER_VRING_NOFD: remove */
	uint64_t size;
	uint64_t offset;
};

/* GET_SHARED_OBJECT, SHARED_OBJECT_*; the first three fields big-endian */
struct vhost_user_shared {
	uint8_t uuid[16];
};

/* SET_DEVICE_STATE_FD */
struct vhost_user_transfer {
	uint32_t direction;	/* VHOST_USER_TRANSFER_SAVE, _LOAD */
	uint32_t phase;		/* VHOST_USER_TRANSFER_STOPPED */
};

#define VHOST_USER_TRANSFER_SAVE	0u
#define VHOST_USER_TRANSFER_LOAD	1u
#define VHOST_USER_TRANSFER_STOPPED	0u

/* SHMEM_MAP, SHMEM_UNMAP */
struct vhost_user_shmem_mmap {
	uint8_t shmid;
	uint8_t padding[7];
	uint64_t fd_offset;
	uint64_t shm_offset;
	uint64_t len;
	uint64_t flags;		/* VHOST_USER_SHMEM_RW */
};

#define VHOST_USER_SHMEM_RW	0x1u	/* writable; without it read-only */

/* The reply of GET_SHMEM_CONFIG: sizes by shmid; 0: no such region. */
struct vhost_user_shmem_config {
	uint32_t nregions;	/* number of sizes that are not 0 */
	uint32_t padding;
	uint64_t sizes[VHOST_USER_MAX_SHMEM];
};

/* CREATE_CRYPTO_SESSION; the parameters depend on the operation. */
struct vhost_user_crypto_session {
	uint64_t op_code;
	uint8_t parameters[1056];
	int64_t session_id;	/* in the reply: negative is an error */
};

#endif
