/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Page faults of missing pages, by userfaultfd(2). A thread that accesses a missing page
 * of a registered range sleeps in the kernel until the page is placed.
 *
 * Threads: any.
 */
#ifndef VMM_MIGRATION_USERFAULT_H
#define VMM_MIGRATION_USERFAULT_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

/*
 * Returns a descriptor that reports faults of the process, also those inside system
 * calls and KVM. -EPERM, -ENOSYS: the host does not permit it; the sentence has the
 * remedy.
 */
int vmm_userfault_open(struct vsu_error *err);

/*
 * Accepts a descriptor of another process. It does not block vmm_userfault_next(), except
 * if that process makes it blocking again on Linux before 6.10. -EINVAL: it is not a
 * userfaultfd.
 */
int vmm_userfault_adopt(int fd);

/* Whole pages. -EINVAL: memory of this kind does not report missing pages. */
int vmm_userfault_register(int fd, uint64_t at, uint64_t len);
/* Also wakes threads that came to wait meanwhile, which kernels since 6.4 miss. */
int vmm_userfault_unregister(int fd, uint64_t at, uint64_t len);

/*
 * Place whole pages and wake the threads that wait for them. -EEXIST: a page is present.
 * vmm_userfault_zero() does not support huge pages.
 */
int vmm_userfault_copy(int fd, uint64_t to, const void *from, uint64_t len);
int vmm_userfault_zero(int fd, uint64_t at, uint64_t len);

/* Wakes the threads that wait for these pages, which are present. */
int vmm_userfault_wake(int fd, uint64_t at, uint64_t len);

/*
 * Returns 1 and the address of the next fault, 0 if none is pending, or -ECONNRESET if the
 * process has ended.
 */
int vmm_userfault_next(int fd, uint64_t *at);

#endif
