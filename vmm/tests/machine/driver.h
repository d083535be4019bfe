/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest on the fake KVM that drives one queue of the machine's first device behind
 * virtio-mmio, and converts memory by hypercalls.
 */
#ifndef VMM_TESTS_MACHINE_DRIVER_H
#define VMM_TESTS_MACHINE_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "fake_kvm.h"

#define DRIVER_PAGE 4096u
#define DRIVER_RING 0x200000u	/* descriptors, available ring, used ring */

/* Registers of virtio-mmio (VIRTIO 1.3, 4.2.2). */
#define DRIVER_NOTIFY 0x50
#define DRIVER_INTERRUPT_STATUS 0x60
#define DRIVER_INTERRUPT_ACK 0x64
#define DRIVER_STATUS 0x70

struct driver_descriptor {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags, next;
};

struct driver {
	uint32_t features;	/* low half */
	uint32_t queue;
	uint16_t made;		/* requests */
	void (*story)(unsigned int n, struct kvm_run *run);	/* step n */
	unsigned int last;	/* step, which powers off */
};

/* driver_run() clears it. */
extern struct driver driver;

/*
 * Runs a machine with this memory and device to its end, which must be a success. There is
 * a file "disk" whose first bytes are "sector".
 */
void driver_run(const char *memory, const char *device, unsigned int steps,
		void (*story)(unsigned int n, struct kvm_run *run));
/* Runs it as driver_run() does, without a check of its status. */
void driver_run_any(const char *memory, const char *device, unsigned int steps,
		    void (*story)(unsigned int n, struct kvm_run *run));

/* For the story. */
void *driver_at(uint64_t gpa);
uint32_t driver_access(uint64_t offset, bool write, uint32_t value);
void driver_out(uint64_t offset, uint32_t value);
void driver_start(void);
void driver_offer(const struct driver_descriptor *d, unsigned int n);
uint16_t driver_used(void);
/* Returns from KVM_RUN with the hypercall. */
void driver_convert(struct kvm_run *run, uint64_t gpa, uint64_t pages, bool private_half);

#endif
