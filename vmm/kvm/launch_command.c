/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands of KVM_MEMORY_ENCRYPT_OP, and parameters of KVM's modules. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "kvm/kvm.h"
#include "kvm/launch_command.h"
#include "kvm/uapi.h"

int vmm_launch_parameter(const char *path, char *value, int size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, value, (size_t)size - 1);
	rc = n < 0 ? -errno : 0;
	value[n < 0 ? 0 : n] = '\0';
	vsu_fd_close(&fd);
	return rc;
}

int vmm_launch_repeat(int fd, void *command, const uint64_t *left)
{
	unsigned int attempts = 0;
	uint64_t before;
	int rc;

	do {
		before = *left;
		rc = vmm_kvm_ioctl(fd, KVM_MEMORY_ENCRYPT_OP, command);
		attempts = *left < before ? 0 : attempts + 1;
	} while (rc == -EAGAIN && attempts < VMM_LAUNCH_MAX_ATTEMPTS);
	return rc;
}
