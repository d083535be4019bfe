/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Page faults of missing pages, by userfaultfd(2). A thread that accesses a missing page
 * of a registered range sleeps in the kernel until the page is placed: by this process, or by
 * another one that has the descriptor.
 *
 * Addresses are those of the process that the descriptor is of, in whole pages. Functions return 0
 * or a negative errno.
 *
 * Threads: any.
 */
#ifndef VM_MEMORY_USERFAULT_H
#define VM_MEMORY_USERFAULT_H

#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Returns a descriptor that reports faults of this process, also those inside system
 * calls and KVM. -EPERM, -ENOSYS: the host does not permit it; the sentence has the
 * remedy.
 */
VMEM_API int vmem_userfault_open(struct vsu_error *err) VSU_NODISCARD;

/*
 * Accepts a descriptor of another process. It does not block vmem_userfault_next(), except
 * if that process makes it blocking again on Linux before 6.10. -EINVAL: it is not a
 * userfaultfd.
 */
VMEM_API int vmem_userfault_adopt(int fd) VSU_NODISCARD;

/* -EINVAL: memory of this kind does not report missing pages. */
VMEM_API int vmem_userfault_register(int fd, uint64_t at, uint64_t len) VSU_NODISCARD;
/*
 * Pages that have not arrived read as zeros. Wakes threads that wait, also one that came to wait
 * meanwhile, which kernels since 6.4 miss, because a fault locks one mapping only.
 */
VMEM_API int vmem_userfault_unregister(int fd, uint64_t at, uint64_t len) VSU_NODISCARD;

/*
 * Place pages and wake the threads that wait for them. -EEXIST: a page is present.
 * vmem_userfault_zero() does not support huge pages.
 */
VMEM_API int vmem_userfault_copy(int fd, uint64_t to, const void *from, uint64_t len) VSU_NODISCARD;
VMEM_API int vmem_userfault_zero(int fd, uint64_t at, uint64_t len) VSU_NODISCARD;

/* Wakes the threads that wait for these pages, which are present. */
VMEM_API int vmem_userfault_wake(int fd, uint64_t at, uint64_t len) VSU_NODISCARD;

/*
 * Returns 1 and the address of the next fault, 0 if none is pending, or -ECONNRESET if the
 * process has ended.
 */
VMEM_API int vmem_userfault_next(int fd, uint64_t *at) VSU_NODISCARD;

VSU_END_DECLS

#endif
