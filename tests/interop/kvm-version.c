/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Prints the API version of /dev/kvm and ends with 0 if it is KVM: a character
 * device that answers KVM_GET_API_VERSION and creates a VM. Otherwise prints
 * the reason as an error. Never creates a file of that name.
 */
#include <config.h>

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

int main(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version, vm;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return failed("open");
	if (!S_ISCHR(st.st_mode)) {
		fprintf(stderr, "not a character device\n");
		return 1;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return failed("KVM_GET_API_VERSION");
	vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm < 0)
		return failed("KVM_CREATE_VM");
	printf("%d\n", version);
	close(vm);
	close(fd);
	return 0;
}
