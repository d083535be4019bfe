/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's interrupt routing table, which can only be replaced as a whole. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "target/layout.h"
#include "vm/msi.h"

#define MAX_VECTORS 1024u	/* vectors of one machine */

struct vector {
	bool taken, routed;
	bool fresh;		/* its route has not been passed to KVM yet */
	uint64_t address;
	uint32_t data, sender;
};

struct vmm_msi {
	const struct vmm_kvm *kvm;
	unsigned int n;		/* number of vectors that this KVM supports */
	pthread_mutex_t lock;
	bool changed;		/* since the table was passed to KVM */
	struct kvm_irq_routing *table;
	struct vector vectors[MAX_VECTORS];
};

static void entry_set(struct kvm_irq_routing_entry *entry, unsigned int i, const struct vector *v)
{
	*entry = (struct kvm_irq_routing_entry){
		.gsi = VMM_FIRST_MSI + i, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {
			.address_lo = (uint32_t)v->address,
			.address_hi = (uint32_t)(v->address >> 32),
			.data = v->data,
		},
	};
	vmm_arch_msi_sender(entry, v->sender);
}

/* With the lock. */
static int table_set(struct vmm_msi *m)
{
	struct kvm_irq_routing *table = m->table;
	unsigned int i;

	table->nr = vmm_arch_fixed_routes(table->entries);
	for (i = 0; i < m->n; i++)
		if (m->vectors[i].routed)
			entry_set(&table->entries[table->nr++], i, &m->vectors[i]);
	return vmm_kvm_ioctl(m->kvm->vm_fd, KVM_SET_GSI_ROUTING, table);
}

int vmm_msi_new(const struct vmm_kvm *kvm, struct vmm_msi **out,
		struct vsu_error *err)
{
	const int limit = vmm_kvm_capability(kvm, KVM_CAP_IRQ_ROUTING);
	struct vmm_msi *m;

	if (!vmm_arch_has_msi(kvm))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM has no interrupt controller for messages (ITS); use --transport=mmio");
	if (limit <= (int)VMM_FIRST_MSI)
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM cannot route messages (KVM_CAP_IRQ_ROUTING); use --transport=mmio");
	m = calloc(1, sizeof(*m));
	if (!m)
		return vsu_error_sys(err, -ENOMEM, "interrupts");
	m->table = calloc(1, sizeof(*m->table) +
			  (VMM_FIXED_ROUTES + MAX_VECTORS) * sizeof(m->table->entries[0]));
	if (!m->table) {
		free(m);
		return vsu_error_sys(err, -ENOMEM, "interrupts");
	}
	m->kvm = kvm;
	m->n = (unsigned int)limit - VMM_FIRST_MSI < MAX_VECTORS ? (unsigned int)limit - VMM_FIRST_MSI
						: MAX_VECTORS;
	pthread_mutex_init(&m->lock, NULL);
	*out = m;
	return 0;
}

void vmm_msi_free(struct vmm_msi *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m->table);
	free(m);
}

static int vector_take(struct vmm_msi *m, uint32_t sender)
{
	unsigned int i;
	int rc = -ENOSPC;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->n && rc < 0; i++)
		if (!m->vectors[i].taken) {
			m->vectors[i].taken = true;
			m->vectors[i].sender = sender;
			rc = (int)i;
		}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static void vector_release(struct vmm_msi *m, uint32_t i)
{
	const struct vector none = { 0 };

	pthread_mutex_lock(&m->lock);
	m->changed = m->changed || m->vectors[i].routed;
	m->vectors[i] = none;
	pthread_mutex_unlock(&m->lock);
}

int vmm_msi_add(struct vmm_msi *m, int event_fd, uint32_t sender, uint32_t *gsi,
		struct vsu_error *err)
{
	int i = vector_take(m, sender), rc;

	if (i < 0)
		return vsu_error_set(err, i, "this host's KVM supports at most %u device interrupts (MSI); use fewer queues or devices",
				     m->n);
	rc = vmm_kvm_irqfd(m->kvm, event_fd, VMM_FIRST_MSI + (uint32_t)i, true, err);
	if (rc < 0)
		vector_release(m, (uint32_t)i);
	else
		*gsi = VMM_FIRST_MSI + (uint32_t)i;
	return rc;
}

void vmm_msi_remove(struct vmm_msi *m, int event_fd, uint32_t gsi)
{
	vmm_kvm_irqfd(m->kvm, event_fd, gsi, false, NULL);
	vector_release(m, gsi - VMM_FIRST_MSI);
}

void vmm_msi_route(struct vmm_msi *m, uint32_t gsi, uint64_t address,
		   uint32_t data)
{
	struct vector *v = &m->vectors[gsi - VMM_FIRST_MSI];

	pthread_mutex_lock(&m->lock);
	if (!v->routed || v->address != address || v->data != data) {
		v->routed = v->fresh = m->changed = true;
		v->address = address;
		v->data = data;
	}
	pthread_mutex_unlock(&m->lock);
}

/* Drops fresh routes, or those with reserved bits; the first of their addresses. */
static void drop_fresh(struct vmm_msi *m, bool all, uint64_t *address)
{
	unsigned int i = m->n;

	while (i-- > 0)
		if (m->vectors[i].fresh &&
		    (all || vmm_arch_msi_is_refused(m->vectors[i].address))) {
			*address = m->vectors[i].address;
			m->vectors[i].routed = m->vectors[i].fresh = false;
		}
}

/*
 * KVM refuses the whole table for one bad address. A bounded number of calls
 * finds a table that it takes: a guest can store thousands of bad addresses.
 */
static int table_commit(struct vmm_msi *m, uint64_t *refused)
{
	int rc = table_set(m);

	if (rc < 0) {
		drop_fresh(m, false, refused);
		if (table_set(m) < 0) {
			drop_fresh(m, true, refused);
			(void)!table_set(m);
		}
	}
	return rc;
}

int vmm_msi_commit(struct vmm_msi *m, struct vsu_error *err)
{
	uint64_t refused = 0;
	unsigned int i;
	int rc = 0;

	pthread_mutex_lock(&m->lock);
	if (m->changed)
		rc = table_commit(m, &refused);
	m->changed = false;
	for (i = 0; i < m->n; i++)
		m->vectors[i].fresh = false;
	pthread_mutex_unlock(&m->lock);
	return rc < 0 ? vsu_error_set(err, rc, "KVM refuses the guest's address %#" PRIx64 " for interrupts",
				      refused) : 0;
}
