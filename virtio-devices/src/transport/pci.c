/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A virtio PCI function: creation and interrupts. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/sized.h>

#include "transport/pci_priv.h"

static void on_interrupt(void *registers, uint32_t source)
{
	struct virtdev_pci *p = registers;
	const bool config = source == VIRTDEV_INTERRUPT_CONFIG;
	const bool messages = __atomic_load_n(&p->msix_enabled,
					      __ATOMIC_ACQUIRE);

	if (!config && source >= p->nqueues)
		return;
	if (config || !messages)
		__atomic_or_fetch(&p->isr, config ? PCI_ISR_CONFIG :
				  PCI_ISR_QUEUE,
				  __ATOMIC_ACQ_REL);
	if (messages)
		virtdev_msix_interrupt(&p->msix,
			       __atomic_load_n(config ? &p->config_vector :
					       &p->vectors[source],
					       __ATOMIC_ACQUIRE));
	else
		virtdev_pci_raise_line(p);
}

static void on_reset(void *registers)
{
	virtdev_pci_common_reset(registers);
}

static const struct virtdev_register_ops register_ops = {
	.size = sizeof(register_ops),
	.features = VQ_F_NOTIFICATION_DATA | VQ_F_RING_RESET,
	.interrupt = on_interrupt, .reset = on_reset,
	.state_save = virtdev_pci_state_save,
	.state_load = virtdev_pci_state_load,
};

/* The size of a BAR that contains all regions, or 0 with an error. */
static uint64_t regions_len(const struct virtdev_pci_config *config,
			    struct vsu_error *err)
{
	const uint64_t page = 4096, most = UINT64_C(1) << 48;
	uint64_t end = 0, len = page;
	uint32_t i;

	for (i = 0; i < config->nregions; i++) {
		const struct virtdev_pci_region *r = &config->regions[i];

		if (r->offset < end || !r->len || (r->offset | r->len) % page ||
		    r->offset > most || r->len > most - r->offset) {
			vsu_error_set(err, -EINVAL, "virtio-pci: shared memory region %u is empty, not of whole pages, over 256 TiB or not after the previous one",
				      (unsigned int)i);
			return 0;
		}
		end = r->offset + r->len;
	}
	while (len < end)
		len *= 2;
	return len;
}

static int config_check(const struct virtdev_info *info,
			const struct virtdev_pci_config *config,
			struct vsu_error *err)
{
	if (info->nqueues > VIRTDEV_PCI_QUEUES)
		return vsu_error_set(err, -EINVAL, "virtio-pci: %u queues, there is room for %u",
				     (unsigned int)info->nqueues,
				     VIRTDEV_PCI_QUEUES);
	if (config->vectors > VIRTDEV_PCI_VECTORS)
		return vsu_error_set(err, -EINVAL, "virtio-pci: %u vectors, MSI-X has %u",
				     (unsigned int)config->vectors,
				     VIRTDEV_PCI_VECTORS);
	if (config->nregions > VIRTDEV_PCI_REGIONS)
		return vsu_error_set(err, -EINVAL, "virtio-pci: %u shared memory regions, there is room for %u",
				     (unsigned int)config->nregions,
				     VIRTDEV_PCI_REGIONS);
	return vsu_check_array(config->regions, config->nregions,
			       "virtio-pci: config->regions", err);
}

static int make_parts(struct virtdev_pci *p,
		      const struct virtdev_pci_config *config,
		      struct vsu_error *err)
{
	const struct msix_ops ops = { p->ops.message, p->ops.route,
				      p->ops.route_done };
	const uint32_t wanted = config->vectors ? config->vectors :
						  p->nqueues + 1;
	const uint32_t vectors = p->ops.message ? wanted : 0;
	int rc;

	p->region_len = config->nregions ? regions_len(config, err) : 0;
	if (config->nregions && !p->region_len)
		return -EINVAL;
	rc = virtdev_msix_init(&p->msix, vectors, &ops, p->opaque);
	if (rc < 0)
		return vsu_error_sys(err, rc, "virtio-pci: vectors");
	virtdev_pci_config_init(p, config->regions, config->nregions);
	virtdev_pci_common_reset(p);
	p->told[0] = p->told[PCI_REGION_BAR] = VIRTDEV_PCI_UNPLACED;
	return virtdev_transport_set_registers(p->t, &register_ops, p, err);
}

int virtdev_pci_new(struct virtdev_transport *t,
		    const struct virtdev_pci_config *config,
		    const struct virtdev_pci_ops *ops, void *opaque,
		    struct virtdev_pci **out, struct vsu_error *err)
{
	const struct virtdev_info *info =
		virtdev_get_info(virtdev_transport_device(t));
	struct virtdev_pci_config copy;
	struct virtdev_pci *p;
	int rc;

	rc = vsu_copy_sized(&copy, sizeof(copy), config,
			    "struct virtdev_pci_config", err);
	if (!rc)
		rc = config_check(info, &copy, err);
	if (rc < 0)
		return rc;
	p = calloc(1, sizeof(*p) + info->nqueues * sizeof(p->vectors[0]));
	if (!p)
		return vsu_error_sys(err, -ENOMEM, "virtio-pci");
	p->t = t;
	p->opaque = opaque;
	p->nqueues = info->nqueues;
	rc = vsu_copy_sized(&p->ops, sizeof(p->ops), ops,
			    "struct virtdev_pci_ops", err);
	if (!rc)
		rc = make_parts(p, &copy, err);
	if (rc < 0) {
		virtdev_msix_exit(&p->msix);
		free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void virtdev_pci_free(struct virtdev_pci *p)
{
	if (!p)
		return;
	(void)!virtdev_transport_set_registers(p->t, NULL, NULL, NULL);
	virtdev_msix_exit(&p->msix);
	free(p);
}
