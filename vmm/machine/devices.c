/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices of the machine, each made and put in its place. */
#include <config.h>

#include <errno.h>

#include <virtio-devices/mmio.h>
#include <virtio-devices/pci.h>

#include "log.h"
#include "machine/console.h"
#include "machine/devices.h"
#include "virtio/kernel.h"
#include "virtio/remote.h"

static bool is_ram(void *memory, const struct vmem_region *region)
{
	return vmm_memory_has(memory, region);
}

static int make_local(struct vmm_machine *m,
		      const struct vmm_virtio_place *place,
		      struct vmm_device *d, struct vsu_error *err)
{
	const struct vmm_device_common common = {
		.sigbus = m->sigbus, .space = m->memory.space,
		.is_ram = is_ram, .ram_owner = &m->memory,
		.open_stdio = vmm_machine_open_stdio, .stdio = m,
	};
	struct virtdev *dev;
	int rc = vmm_device_open(&d->spec, &common, &dev, err);

	if (rc < 0)
		return rc;
	rc = vmm_virtio_local(place, dev, &d->virtio, err);
	if (rc < 0)
		virtdev_free(dev);
	else if (vmm_device_describe(&d->spec).stdio)
		vmm_machine_give_stdio(m, d);
	return rc;
}

static int make_kernel(struct vmm_machine *m,
		       const struct vmm_virtio_place *place,
		       struct vmm_device *d, struct vsu_error *err)
{
	struct virtdev_vhost_kern *kern;
	int rc = vmm_device_open_kernel(&d->spec, &kern, err);

	(void)m;
	if (rc < 0)
		return rc;
	rc = vmm_virtio_kernel(place, kern, &d->virtio, err);
	if (rc < 0)
		virtdev_vhost_kern_free(kern);
	return rc;
}

static int make_remote(struct vmm_machine *m,
		       const struct vmm_virtio_place *place,
		       struct vmm_device *d, struct vsu_error *err)
{
	return vmm_virtio_remote(place, &d->spec, vmm_memory_map(&m->memory),
				 &d->virtio, err);
}

/* The guest goes on without it; the exit status tells of it, too. */
static void on_lost(void *opaque, const struct vsu_error *why)
{
	struct vmm_machine *m = opaque;

	prog_log(PROG_LOG_ERROR, "lost", "a device of the guest is lost: %s",
		 why->msg);
	m->lost++;
}

/* Slot 0 is the bus's host. */
static struct vmm_virtio_place describe_place(struct vmm_machine *m,
					      unsigned int i)
{
	struct vmm_virtio_place place = {
		.loop = m->loop, .kvm = &m->kvm, .space = m->memory.space,
		.shmem = &m->shmem,
		.gpa = VMM_TRANSPORTS_GPA + i * VIRTDEV_MMIO_SIZE,
		.irq = VMM_FIRST_DEVICE_IRQ + i,
		.lost = on_lost, .opaque = m,
	};

	if (m->on_bus) {
		place.pci = &m->pci;
		place.msi = m->msi;
		place.slot = i + 1;
		place.gpa = VMM_PCI_WINDOW_GPA +
			    i * (uint64_t)VIRTDEV_PCI_BAR0_SIZE;
	}
	return place;
}

/* Who serves the queues of a device. */
enum server { LOCAL, KERNEL, REMOTE };

static int (*const makers[])(struct vmm_machine *m,
			     const struct vmm_virtio_place *place,
			     struct vmm_device *d, struct vsu_error *err) = {
	[LOCAL] = make_local, [KERNEL] = make_kernel, [REMOTE] = make_remote,
};

static enum server server_of(const struct vmm_device_spec *spec)
{
	return spec->remote ? REMOTE : spec->kernel ? KERNEL : LOCAL;
}

/* Makes device i if it is of the wanted sort and adds it to the machine. */
static int make_device(struct vmm_machine *m, unsigned int i,
		       enum server server, struct vsu_error *err)
{
	struct vmm_device *d = &m->devices[i];
	const struct vmm_virtio_place place = describe_place(m, i);
	int rc;

	if (server_of(&d->spec) != server)
		return 0;
	d->gpa = place.gpa;
	d->irq = place.irq;
	d->slot = place.slot;
	rc = makers[server](m, &place, d, err);
	if (rc < 0)
		return rc;
	return place.pci ? vmm_place_pci(d->virtio, err)
			 : vmm_place_mmio(d->virtio, &m->mmio, err);
}

/* A host that cannot route messages has no bus, unless the user wants one. */
int vmm_machine_make_bus(struct vmm_machine *m, struct vsu_error *err)
{
	const enum vmm_transport wanted = m->options->transport;
	int rc = wanted == VMM_TRANSPORT_AUTO ?
		 vmm_kernel_is_builtin(&m->kernel, err) :
		 wanted == VMM_TRANSPORT_MMIO;

	if (rc < 0)
		return rc;
	if (rc > 0)
		return 0;
	rc = vmm_msi_new(&m->kvm, &m->msi, err);
	if (rc == -EOPNOTSUPP && wanted == VMM_TRANSPORT_AUTO)
		return 0;
	if (!rc)
		rc = vmm_pci_host_init(&m->pci, &m->mmio, &m->ports, err);
	m->on_bus = !rc;
	return rc;
}

static int make_devices(struct vmm_machine *m, enum server server,
			struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++)
		rc = make_device(m, i, server, err);
	return rc;
}

int vmm_machine_make_local_devices(struct vmm_machine *m,
				   struct vsu_error *err)
{
	return make_devices(m, LOCAL, err);
}

int vmm_machine_make_kernel_devices(struct vmm_machine *m,
				    struct vsu_error *err)
{
	return make_devices(m, KERNEL, err);
}

int vmm_machine_make_remote_devices(struct vmm_machine *m,
				    struct vsu_error *err)
{
	return make_devices(m, REMOTE, err);
}
