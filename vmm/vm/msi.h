/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * MSI messages as interrupts of KVM: each vector is an eventfd whose signal
 * sends the message of its route. Any thread.
 */
#ifndef VMM_VM_MSI_H
#define VMM_VM_MSI_H

#include <stdint.h>

#include "kvm/kvm.h"

struct vmm_msi;

/* kvm is borrowed; the interrupt controllers' pins keep their routes. */
int vmm_msi_new(const struct vmm_kvm *kvm, struct vmm_msi **out,
		struct vsu_error *err);
void vmm_msi_free(struct vmm_msi *m);

/*
 * sender: requester ID of the function that has the vector. Nothing is sent before a route is
 * set. -ENOSPC: KVM has no free vector.
 */
int vmm_msi_add(struct vmm_msi *m, int event_fd, uint32_t sender, uint32_t *gsi,
		struct vsu_error *err);
void vmm_msi_remove(struct vmm_msi *m, int event_fd, uint32_t gsi);

/* The message of a vector, effective from vmm_msi_commit() on. */
void vmm_msi_route(struct vmm_msi *m, uint32_t gsi, uint64_t address,
		   uint32_t data);

/*
 * Passes all changes of routes and removed vectors to KVM, by one system call;
 * none without changes. If KVM refuses routes, these have none afterwards.
 */
int vmm_msi_commit(struct vmm_msi *m, struct vsu_error *err);

#endif
