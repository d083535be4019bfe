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

#define VAGENT_MAX_PARTITIONS 128
#define VAGENT_PARTITION_LABEL 109	/* 36 units of UTF-16 as UTF-8 */

/* In the order in which boot entries are searched. */
enum vagent_partition_role {
	VAGENT_PARTITION_BOOT,		/* the extended boot loader partition */
	VAGENT_PARTITION_ROOT,
	VAGENT_PARTITION_LINUX,
	VAGENT_PARTITION_ESP,
	VAGENT_PARTITION_OTHER,
	VAGENT_PARTITION_ROLES
};

struct vagent_partition {
	unsigned int number;	/* of its device; 0: the whole disk */
	enum vagent_partition_role role;
	char uuid[37];		/* of the partition, for PARTUUID=; "" without one */
	char label[VAGENT_PARTITION_LABEL]; /* in a GPT, for PARTLABEL= */
};

/*
 * Reads the tables of a disk with sectors of size bytes: the number of partitions; 0 if it has
 * neither table; -EBADMSG: a GPT that is damaged or exceeds VAGENT_MAX_PARTITIONS; errors of pread().
 */
int vagent_init_read_partitions(int fd, uint32_t sector,
				struct vagent_partition parts[VAGENT_MAX_PARTITIONS]);

#endif
