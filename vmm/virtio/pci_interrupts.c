/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages and the interrupt line of a function. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include <vm-arch/layout.h>
#include <vm-arch/vm.h>

#include "owner/owner.h"
#include "virtio/pci_interrupts.h"

/* The requester ID of a slot on bus 0. */
#define SENDER(slot) ((uint32_t)(slot) << 3)

struct vector {
	pthread_mutex_t lock;	/* held while a message is sent: none has half of a new route */
	uint64_t address;
	uint32_t data;
	bool routed, refused;	/* refused: it was logged */
};

/* As KVM knows it. A loaded interrupt controller may have any line. */
enum line { LINE_UNKNOWN, LINE_LOW, LINE_HIGH };

struct vmm_pci_interrupts {
	const struct vmm_virtio_resources *resources;
	pthread_mutex_t lock;	/* guards line */
	enum line line;
	uint32_t nvectors;
	struct vector vectors[];
};

int vmm_pci_interrupts_new(const struct vmm_virtio_resources *resources, uint32_t nvectors,
			   struct vmm_pci_interrupts **out, struct vsu_error *err)
{
	struct vmm_pci_interrupts *i = calloc(1, sizeof(*i) + nvectors * sizeof(i->vectors[0]));
	uint32_t v;

	if (!i)
		return vsu_error_sys(err, -ENOMEM, "virtio-pci: vectors");
	i->resources = resources;
	i->nvectors = nvectors;
	pthread_mutex_init(&i->lock, NULL);
	for (v = 0; v < nvectors; v++)
		pthread_mutex_init(&i->vectors[v].lock, NULL);
	*out = i;
	return 0;
}

void vmm_pci_interrupts_free(struct vmm_pci_interrupts *i)
{
	uint32_t v;

	if (!i)
		return;
	if (i->line == LINE_HIGH)
		(void)!varch_vm_set_line(i->resources->kvm, VARCH_LINE(i->resources->irq), false);
	for (v = 0; v < i->nvectors; v++)
		pthread_mutex_destroy(&i->vectors[v].lock);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

/* ------------------------------------------------------------------ messages */

void vmm_pci_interrupts_route(struct vmm_pci_interrupts *i, uint32_t vector, uint64_t address,
			      uint32_t data)
{
	struct vector *v = &i->vectors[vector];

	pthread_mutex_lock(&v->lock);
	v->address = address;
	v->data = data;
	v->routed = true;
	v->refused = false;
	pthread_mutex_unlock(&v->lock);
}

/* Requires the vector's lock. */
static void message_refused(const struct vmm_pci_interrupts *i, struct vector *v)
{
	if (!v->refused)
		vmm_log(i->resources->log, CVMM_LOG_WARNING, "route", "KVM refuses the guest's address %#" PRIx64 " for interrupts",
			v->address);
	v->refused = true;
}

void vmm_pci_interrupts_send(struct vmm_pci_interrupts *i, uint32_t vector)
{
	struct vector *v = &i->vectors[vector];

	pthread_mutex_lock(&v->lock);
	if (v->routed && varch_vm_send_msi(i->resources->kvm, SENDER(i->resources->slot), v->address,
				      v->data) < 0)
		message_refused(i, v);
	pthread_mutex_unlock(&v->lock);
}

/* ------------------------------------------------------------------ the line */

/* Reads the function's state with the lock, so that the last call has the last state. */
void vmm_pci_interrupts_set_line(struct vmm_pci_interrupts *i, const struct virtdev_pci *pci)
{
	enum line line;

	pthread_mutex_lock(&i->lock);
	line = virtdev_pci_intx(pci) ? LINE_HIGH : LINE_LOW;
	if (line != i->line &&
	    varch_vm_set_line(i->resources->kvm, VARCH_LINE(i->resources->irq), line == LINE_HIGH) >= 0)
		i->line = line;
	pthread_mutex_unlock(&i->lock);
}
