/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Roles of a disk's partitions, from its GPT or MBR. The kernel finds the partitions; it does not
 * publish their types.
 *
 * Threads: no state.
 */
#ifndef VMM_AGENT_PARTITIONS_H
#define VMM_AGENT_PARTITIONS_H

#include <stdint.h>

#define PARTITIONS_MAX 128
#define PARTITION_LABEL 109	/* 36 units of UTF-16 as UTF-8 */

/* In the order in which boot entries are searched. */
enum partition_role {
	PARTITION_BOOT,		/* the extended boot loader partition */
	PARTITION_ROOT,
	PARTITION_LINUX,
	PARTITION_ESP,
	PARTITION_OTHER,
	PARTITION_ROLES
};

struct partition {
	unsigned int number;	/* of its device; 0: the whole disk */
	enum partition_role role;
	char uuid[37];		/* of the partition, for PARTUUID=; "" without one */
	char label[PARTITION_LABEL]; /* in a GPT, for PARTLABEL= */
};

/*
 * Reads the tables of a disk with sectors of size bytes: the number of partitions; 0 if it has
 * neither table; -EBADMSG: a GPT that is damaged or exceeds PARTITIONS_MAX; errors of pread().
 */
int partitions_read(int fd, uint32_t sector, struct partition parts[PARTITIONS_MAX]);

#endif
