/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/capability.h"

int virtdev_priv_fs_capability_set(unsigned int capability, bool raised)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];
	const uint32_t bit = UINT32_C(1) << capability;

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	if (!(sets[0].effective & bit) == !raised)
		return 0;
	sets[0].effective ^= bit;
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 1;
}
