/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A fake virtual machine: it creates guest_memfds and supports the attribute
 * "private", which few hosts offer. A test program wraps ioctl() by the linker
 * and forwards the calls for FAKE_VM.
 */
#ifndef VMEM_TESTS_FAKE_KVM_H
#define VMEM_TESTS_FAKE_KVM_H

#include <stdint.h>

#define FAKE_VM 0x7fff0000	/* no descriptor */

struct fake_kvm {
	int refuse;		/* an errno for what is more than a question */
	unsigned int made;	/* guest_memfds */
	uint64_t flags;		/* of the last one */
	unsigned int conversions;
	uint64_t address, size, attributes;	/* of the last one */
};

extern struct fake_kvm fake_kvm;

/* Implements ioctl(FAKE_VM, request, arg). */
int fake_kvm_ioctl(unsigned long request, void *arg);

#endif
