/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of queues, as VIRTIO has them, with the number of the queue where a device has several
 * of a kind: "receiveq1".
 *
 * Threads: no state.
 */
#ifndef VMM_VIRTIO_QUEUE_NAMES_H
#define VMM_VIRTIO_QUEUE_NAMES_H

#include <stdint.h>

#define VMM_QUEUE_NAME_MAX 32

/*
 * The name of a queue of a device with this id and n queues. NULL: unknown, or it depends on the
 * driver's features.
 */
const char *vmm_queue_name(uint32_t id, uint32_t queue, uint32_t n, char name[VMM_QUEUE_NAME_MAX]);

#endif
