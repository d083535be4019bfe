/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* userfaultfd(2). */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* The kernel places no page while a mapping changes: repeat. */
#define MAX_RETRIES 100000u

/* Uses the device, whose file mode grants access, or else the system call. */
static int open_descriptor(void)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC), fd;

	if (device >= 0) {
		fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
		fd = fd < 0 ? -errno : fd;
		vsu_fd_close(&device);
		if (fd >= 0)
			return fd;
	}
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int vmem_userfault_open(struct vsu_error *err)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_MISSING_SHMEM,
	};
	int fd = open_descriptor(), rc;

	if (fd < 0)
		return vsu_error_sys(err, fd, "userfaultfd is not permitted; it needs access to /dev/userfaultfd, CAP_SYS_PTRACE or vm.unprivileged_userfaultfd=1");
	if (ioctl(fd, UFFDIO_API, &api) == 0)
		return fd;
	rc = vsu_error_sys(err, -errno, "this kernel's userfaultfd does not support shared memory");
	vsu_fd_close(&fd);
	return rc;
}

/* A file on FUSE would forward the request to its server: it is refused before. */
int vmem_userfault_adopt(int fd)
{
	struct uffdio_range none = { 0, 0 };
	int flags;

	if (vsu_foreign_kind(fd) != VSU_FOREIGN_OTHER ||
	    ioctl(fd, UFFDIO_WAKE, &none) == 0 || errno != EINVAL)
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int vmem_userfault_register(int fd, uint64_t at, uint64_t len)
{
	struct uffdio_register r = {
		.range = { at, len }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(fd, UFFDIO_REGISTER, &r) < 0 ? -errno : 0;
}

int vmem_userfault_unregister(int fd, uint64_t at, uint64_t len)
{
	struct uffdio_range r = { at, len };
	int rc = ioctl(fd, UFFDIO_UNREGISTER, &r) < 0 ? -errno : 0;

	ioctl(fd, UFFDIO_WAKE, &r);
	return rc;
}

/* After a call that placed a part: *done is the number of bytes, or a negative errno. */
static int count_placed(int rc, int64_t placed, uint64_t *done, unsigned int *tries)
{
	if (!rc || placed > 0)
		*done += placed > 0 ? (uint64_t)placed : 0;
	if (!rc)
		return 0;
	return (rc == -EAGAIN || rc == -EINTR) && ++*tries < MAX_RETRIES ? 0 : rc;
}

int vmem_userfault_copy(int fd, uint64_t to, const void *from, uint64_t len)
{
	struct uffdio_copy c;
	unsigned int tries = 0;
	uint64_t done = 0;
	int rc = 0;

	while (!rc && done < len) {
		c = (struct uffdio_copy){
			.dst = to + done, .src = (uint64_t)(uintptr_t)from + done,
			.len = len - done,
		};
		rc = ioctl(fd, UFFDIO_COPY, &c) < 0 ? -errno : 0;
		rc = count_placed(rc, c.copy, &done, &tries);
	}
	return rc;
}

int vmem_userfault_zero(int fd, uint64_t at, uint64_t len)
{
	struct uffdio_zeropage z;
	unsigned int tries = 0;
	uint64_t done = 0;
	int rc = 0;

	while (!rc && done < len) {
		z = (struct uffdio_zeropage){ .range = { at + done, len - done } };
		rc = ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 ? -errno : 0;
		rc = count_placed(rc, z.zeropage, &done, &tries);
	}
	return rc;
}

int vmem_userfault_wake(int fd, uint64_t at, uint64_t len)
{
	struct uffdio_range r = { at, len };

	return ioctl(fd, UFFDIO_WAKE, &r) < 0 ? -errno : 0;
}

/*
 * A process that has sent the descriptor can make it blocking at any time. Kernels before
 * 6.10 have no other way to read it.
 */
static ssize_t read_message(int fd, struct uffd_msg *msg)
{
	struct iovec iov = { msg, sizeof(*msg) };
	ssize_t n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	return n < 0 && errno == EOPNOTSUPP ? read(fd, msg, sizeof(*msg)) : n;
}

/*
 * A privileged process can order other messages than faults: that of a fork comes with a
 * descriptor for the child.
 */
int vmem_userfault_next(int fd, uint64_t *at)
{
	struct uffd_msg msg;
	ssize_t n;
	int child;

	do
		n = read_message(fd, &msg);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n != (ssize_t)sizeof(msg))
		return -ECONNRESET;
	child = msg.event == UFFD_EVENT_FORK ? (int)msg.arg.fork.ufd : -1;
	vsu_fd_close(&child);
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		return 0;
	*at = msg.arg.pagefault.address;
	return 1;
}
