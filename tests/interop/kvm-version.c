/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Prints the API version of /dev/kvm: the least that tells a KVM that works
 * from a device node.
 */
#include <config.h>

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version, vm;

	if (fd < 0) {
		perror("/dev/kvm");
		return 1;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm < 0) {
		perror("KVM_CREATE_VM");
		return 1;
	}
	printf("%d\n", version);
	close(vm);
	close(fd);
	return 0;
}
