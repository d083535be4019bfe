/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Saves and loads the registers of a virtio PCI function. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "transport/pci_priv.h"

#define STATE_MAGIC 0x69637076u	/* "vpci" */

void virtdev_pci_state_save(void *registers, struct virtdev_state_writer *w)
{
	const struct virtdev_pci *p = registers;
	uint32_t i;

	virtdev_state_put_u32(w, STATE_MAGIC);
	virtdev_state_put_u32(w, p->msix.n);
	virtdev_state_put_bytes(w, p->space.bytes, sizeof(p->space.bytes));
	virtdev_state_put_u32(w, p->offered_sel);
	virtdev_state_put_u32(w, p->wanted_sel);
	virtdev_state_put_u32(w, p->queue_sel);
	virtdev_state_put_u32(w, __atomic_load_n(&p->isr, __ATOMIC_ACQUIRE));
	virtdev_state_put_u16(w, p->config_vector);
	for (i = 0; i < p->nqueues; i++)
		virtdev_state_put_u16(w, p->vectors[i]);
	for (i = 0; i < p->msix.n; i++)
		virtdev_msix_vector_save(&p->msix, i, w);
}

/* Whether all read-only bytes match: the state is of the same function. */
static bool is_same_function(const struct pci_space *s, const uint8_t *bytes)
{
	uint32_t i;

	for (i = 0; i < PCI_SPACE; i++)
		if ((i < PCI_STATUS || i > PCI_STATUS + 1) &&
		    ((bytes[i] ^ s->bytes[i]) & ~s->writable[i]))
			return false;
	return true;
}

static int refuse_state(struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG,
			     "this is not the state of such a PCI function");
}

/* Whether the vector exists, or is NO_VECTOR. */
static bool is_vector(const struct virtdev_pci *p, uint16_t vector)
{
	return vector < p->msix.n || vector == PCI_NO_VECTOR;
}

/* Reads the state into to, a copy of p with its own vectors. */
static int read_all(const struct virtdev_pci *p, struct virtdev_pci *to,
		    struct virtdev_state_reader *r, struct vsu_error *err)
{
	uint32_t i;

	if (virtdev_state_get_u32(r) != STATE_MAGIC ||
	    virtdev_state_get_u32(r) != p->msix.n)
		return refuse_state(err);
	virtdev_state_get_bytes(r, to->space.bytes, sizeof(to->space.bytes));
	to->offered_sel = virtdev_state_get_u32(r);
	to->wanted_sel = virtdev_state_get_u32(r);
	to->queue_sel = virtdev_state_get_u32(r);
	to->isr = virtdev_state_get_u32(r);
	to->config_vector = virtdev_state_get_u16(r);
	if (!is_same_function(&p->space, to->space.bytes) ||
	    to->isr > (PCI_ISR_QUEUE | PCI_ISR_CONFIG) ||
	    !is_vector(p, to->config_vector))
		return refuse_state(err);
	for (i = 0; i < p->nqueues; i++) {
		to->vectors[i] = virtdev_state_get_u16(r);
		if (!is_vector(p, to->vectors[i]))
			return refuse_state(err);
	}
	for (i = 0; i < p->msix.n; i++)
		if (!virtdev_msix_vector_load(&to->msix, i, r))
			return refuse_state(err);
	return virtdev_state_end(r, err);
}

/* Applies the registers in the order of driver accesses, pending bits last. */
static void apply_all(struct virtdev_pci *p, const struct virtdev_pci *from)
{
	uint32_t i;

	memcpy(p->space.bytes, from->space.bytes, sizeof(p->space.bytes));
	p->offered_sel = from->offered_sel;
	p->wanted_sel = from->wanted_sel;
	p->queue_sel = from->queue_sel;
	__atomic_store_n(&p->isr, from->isr, __ATOMIC_RELEASE);
	__atomic_store_n(&p->config_vector, from->config_vector,
			 __ATOMIC_RELEASE);
	for (i = 0; i < p->nqueues; i++)
		__atomic_store_n(&p->vectors[i], from->vectors[i],
				 __ATOMIC_RELEASE);
	for (i = 0; i < p->msix.n; i++)
		virtdev_msix_vector_take(&p->msix, i, &from->msix.vectors[i]);
	virtdev_pci_apply_space(p);
}

int virtdev_pci_state_load(void *registers, struct virtdev_state_reader *r,
			   struct vsu_error *err)
{
	struct virtdev_pci *p = registers;
	const size_t size = sizeof(*p) + p->nqueues * sizeof(p->vectors[0]);
	struct virtdev_pci *to = calloc(1, size);
	struct msix_vector *vectors = calloc(p->msix.n + 1, sizeof(*vectors));
	int rc = -ENOMEM;

	if (to && vectors) {
		to->msix.vectors = vectors;
		rc = read_all(p, to, r, err);
	}
	if (!rc)
		apply_all(p, to);
	free(vectors);
	free(to);
	return rc == -ENOMEM ? vsu_error_sys(err, rc, "virtio-pci") : rc;
}
