/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device as virtio-mmio: its registers on the bus, its notifications in by
 * ioeventfds, its interrupt out by an irqfd.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <virtio-devices/mmio.h>

#include "virtio/virtio.h"

struct mmio_registers {
	struct vmm_virtio *v;
	struct virtdev_mmio *mmio;
	bool irq_set;
};

static void access_register(void *registers, struct varch_access *access)
{
	struct virtdev_mmio *m = registers;

	if (access->write)
		virtdev_mmio_write(m, access->offset, access->len,
				   access->value);
	else
		access->value = virtdev_mmio_read(m, access->offset,
						  access->len);
}

static void on_access(void *opaque, struct varch_access *access)
{
	const struct mmio_registers *p = opaque;

	vmm_virtio_access(p->v, virtdev_mmio_class(access->offset, access->len,
						   access->write),
			  access_register, p->mmio, access);
}

static void registers_free(void *registers)
{
	struct mmio_registers *p = registers;
	const struct vmm_virtio_resources *resources = vmm_virtio_get_resources(p->v);

	if (p->irq_set)
		(void)!varch_vm_irqfd(resources->kvm, virtdev_mmio_irq_fd(p->mmio),
			      resources->irq, false, NULL);
	virtdev_mmio_free(p->mmio);
	free(p);
}

static int connect_kvm(struct mmio_registers *p, uint32_t nqueues,
		       struct vsu_error *err)
{
	const struct vmm_virtio_resources *resources = vmm_virtio_get_resources(p->v);
	struct varch_ioeventfd io = {
		.gpa = resources->gpa + VIRTDEV_MMIO_NOTIFY, .len = 4,
	};
	int rc = 0;

	for (; !rc && io.match < nqueues; io.match++) {
		io.event_fd = vmm_virtio_kick_fd(p->v, io.match);
		rc = varch_vm_ioeventfd(resources->kvm, &io, true, err);
	}
	if (!rc)
		rc = varch_vm_irqfd(resources->kvm, virtdev_mmio_irq_fd(p->mmio),
				   resources->irq, true, err);
	p->irq_set = !rc;
	return rc;
}

int vmm_virtio_attach_mmio(struct vmm_virtio *v, struct varch_bus *bus,
			   struct vsu_error *err)
{
	struct virtdev_transport *t = vmm_virtio_transport(v);
	struct virtdev *dev = virtdev_transport_device(t);
	struct mmio_registers *p = calloc(1, sizeof(*p));
	const struct varch_range range = {
		vmm_virtio_get_resources(v)->gpa, VIRTDEV_MMIO_SIZE, virtdev_name(dev),
		on_access, p,
	};
	int rc;

	if (!p)
		return vsu_error_sys(err, -ENOMEM, "virtio-mmio");
	p->v = v;
	vmm_virtio_set_registers(v, p, NULL, registers_free);
	rc = virtdev_mmio_new(t, &p->mmio, err);
	if (!rc)
		rc = varch_bus_add(bus, &range, err);
	return rc ? rc : connect_kvm(p, virtdev_get_info(dev)->nqueues, err);
}
