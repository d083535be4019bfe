/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The replies of an honest back-end. */
#include <config.h>

#include "honest.h"

#define ALL_BITS ((UINT64_C(1) << 24) - 1)
#define FEATURES (HONEST_FEATURES | VHOST_USER_F_PROTOCOL_FEATURES | \
		  VHOST_USER_F_ACCESS_PLATFORM)
#define AS_ASKED UINT32_MAX	/* a reply of the request's length */

/*
 * Requests that are always answered. All known bits are offered, so that each path of the
 * handshake is executed.
 */
static const struct {
	uint32_t request, size;
	uint64_t value;
} answers[] = {
	{ VHOST_USER_GET_FEATURES, 8, FEATURES },
	{ VHOST_USER_GET_PROTOCOL_FEATURES, 8, ALL_BITS },
	{ VHOST_USER_GET_QUEUE_NUM, 8, 8 },
	{ VHOST_USER_GET_VRING_BASE, 8, 0 },
	{ VHOST_USER_GET_VRING_BASE_SKIP_DRAIN, 8, 0 },
	{ VHOST_USER_GET_MAX_MEM_SLOTS, 8, 8 },
	{ VHOST_USER_GET_CONFIG, AS_ASKED, UINT64_C(60) << 32 },
	{ VHOST_USER_GET_STATUS, 8, 0xf },
	{ VHOST_USER_GET_SHMEM_CONFIG, sizeof(struct vhost_user_shmem_config),
	  1 },			/* one region */
	{ VHOST_USER_GET_INFLIGHT_FD, AS_ASKED, HONEST_PAGE },
	{ VHOST_USER_SET_LOG_BASE, 8, 0 },
	{ VHOST_USER_SET_DEVICE_STATE_FD, 8, VHOST_USER_VRING_NOFD },
	{ VHOST_USER_CHECK_DEVICE_STATE, 8, 0 },
	{ VHOST_USER_GET_SHARED_OBJECT, AS_ASKED, 0 },
	{ VHOST_USER_CREATE_CRYPTO_SESSION, AS_ASKED, 0 },
	{ VHOST_USER_IOTLB_MSG, 8, 0 },
	{ VHOST_USER_POSTCOPY_ADVISE, 0, 0 },
	{ VHOST_USER_POSTCOPY_LISTEN, 8, 0 },
	{ VHOST_USER_POSTCOPY_END, 8, 0 },
};

#define COUNT (sizeof(answers) / sizeof(answers[0]))

static unsigned int find(uint32_t request)
{
	unsigned int i = 0;

	while (i < COUNT && answers[i].request != request)
		i++;
	return i;
}

/* The word behind a table has no reply. */
bool honest_answers(const struct vhost_user_header *asked, bool listening)
{
	if (asked->request == VHOST_USER_SET_MEM_TABLE && listening)
		return asked->size > 8;
	return find(asked->request) < COUNT ||
	       (asked->flags & VHOST_USER_HDR_NEED_REPLY);
}

uint32_t honest_size(const struct vhost_user_header *asked, bool listening)
{
	unsigned int i = find(asked->request);

	if (asked->request == VHOST_USER_SET_MEM_TABLE && listening)
		return asked->size;
	if (i == COUNT)
		return 8;
	return answers[i].size == AS_ASKED ? asked->size : answers[i].size;
}

uint64_t honest_value(uint32_t request)
{
	unsigned int i = find(request);

	return i < COUNT ? answers[i].value : 0;
}

uint32_t honest_request_size(uint32_t number)
{
	static const uint32_t sizes[] = {
		[VHOST_USER_BACKEND_IOTLB_MSG] =
			sizeof(struct vhost_user_iotlb),
		[VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG] =
			sizeof(struct vhost_user_vring_area),
		[VHOST_USER_BACKEND_VRING_CALL] =
			sizeof(struct vhost_user_vring_state),
		[VHOST_USER_BACKEND_VRING_ERR] =
			sizeof(struct vhost_user_vring_state),
		[VHOST_USER_BACKEND_SHARED_OBJECT_ADD] =
			sizeof(struct vhost_user_shared),
		[VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE] =
			sizeof(struct vhost_user_shared),
		[VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP] =
			sizeof(struct vhost_user_shared),
	};
	uint32_t size = number < sizeof(sizes) / sizeof(sizes[0]) ?
			sizes[number] : 0;

	return size ? size : sizeof(struct vhost_user_shmem_mmap);
}
