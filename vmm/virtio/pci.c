/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device as a function on the PCI bus: ioeventfds for notifications, and BAR 2, whose
 * address is fixed, for shared memory regions.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <virtio-devices/pci.h>
#include <vm-arch/pci_host.h>

#include "owner/owner.h"
#include "virtio/pci_interrupts.h"
#include "virtio/virtio.h"

struct pci_registers {
	struct vmm_virtio *v;
	const struct vmm_virtio_resources *resources;
	struct virtdev_pci *pci;
	uint64_t gpa;		/* of BAR 0, or NOWHERE */
	uint64_t notify_gpa;	/* of BAR 0 as its ioeventfds are set, or NOWHERE */
	uint64_t region_gpa;
	struct vmm_pci_interrupts *interrupts;
};

/* ---------------------------------------------------------------- interrupts */

static void on_message(void *opaque, uint32_t vector)
{
	const struct pci_registers *p = opaque;

	vmm_pci_interrupts_send(p->interrupts, vector);
}

static void on_route(void *opaque, uint32_t vector, uint64_t address,
		     uint32_t data)
{
	const struct pci_registers *p = opaque;

	vmm_pci_interrupts_route(p->interrupts, vector, address, data);
}

static void on_intx(void *opaque)
{
	const struct pci_registers *p = opaque;

	vmm_pci_interrupts_set_line(p->interrupts, p->pci);
}

/* ------------------------------------------------------------------ addresses */

static void set_notifications(struct pci_registers *p, uint64_t gpa, bool on)
{
	const struct virtdev *dev =
		virtdev_transport_device(vmm_virtio_transport(p->v));
	struct varch_ioeventfd io = {
		.gpa = gpa + VIRTDEV_PCI_NOTIFY, .any = true,
	};
	uint32_t i;

	for (i = 0; i < virtdev_get_info(dev)->nqueues; i++) {
		io.event_fd = vmm_virtio_kick_fd(p->v, i);
		/*
		 * without an ioeventfd the access exits and notifies the queue
		 */
		(void)!varch_vm_ioeventfd(p->resources->kvm, &io, on, NULL);
		io.gpa += VIRTDEV_PCI_NOTIFY_STEP;
	}
}

static void move_notifications(struct pci_registers *p, uint64_t gpa)
{
	if (p->notify_gpa == gpa)
		return;
	if (p->notify_gpa != VARCH_PCI_NOWHERE)
		set_notifications(p, p->notify_gpa, false);
	p->notify_gpa = gpa;
	if (gpa != VARCH_PCI_NOWHERE)
		set_notifications(p, gpa, true);
}

static void on_registers(void *opaque, struct varch_access *access);

/* Notifications of functions that are switched off, in the way of another one. */
static void notifications_vacate(const struct pci_registers *p, uint64_t gpa)
{
	const struct varch_pci_function *f = p->resources->pci->functions;
	unsigned int i;

	for (i = 0; i < VARCH_PCI_SLOTS; i++) {
		struct pci_registers *other = f[i].opaque;

		if (f[i].registers == on_registers && other != p &&
		    other->gpa == VARCH_PCI_NOWHERE &&
		    gpa - other->notify_gpa + (VIRTDEV_PCI_BAR0_SIZE - 1) <
		    2 * VIRTDEV_PCI_BAR0_SIZE - 1)
			move_notifications(other, VARCH_PCI_NOWHERE);
	}
}

static bool is_in_window(uint64_t gpa)
{
	return gpa >= VARCH_PCI_WINDOW_GPA &&
	       gpa - VARCH_PCI_WINDOW_GPA <= VARCH_PCI_WINDOW_LEN -
					   VIRTDEV_PCI_BAR0_SIZE;
}

/*
 * Registers beyond the window are unreachable. Notifications of a function that
 * is switched off stay: each is a system call, and a guest can switch memory off
 * and on with every store.
 */
static void move_registers(struct pci_registers *p, uint64_t gpa)
{
	p->gpa = is_in_window(gpa) ? gpa : VARCH_PCI_NOWHERE;
	if (p->gpa != VARCH_PCI_NOWHERE) {
		notifications_vacate(p, p->gpa);
		move_notifications(p, p->gpa);
	}
	varch_pci_function_move(&p->resources->pci->functions[p->resources->slot], p->gpa);
}

static void on_bar_moved(void *opaque, unsigned int bar, uint64_t gpa)
{
	struct pci_registers *p = opaque;

	if (!bar)
		move_registers(p, gpa);
	else if (gpa != VIRTDEV_PCI_UNPLACED && gpa != p->region_gpa)
		vmm_log(p->resources->log, CVMM_LOG_WARNING, "bar", "the guest moves a shared memory region to %#" PRIx64 "; it stays at %#" PRIx64,
			 gpa, p->region_gpa);
}

/*
 * The accesses set the line themselves: when a CPU continues that waited for the main thread,
 * the device may have been freed. After a reset that takes time, the driver reads the status,
 * which lowers the line.
 */
static void access_registers(void *opaque, struct varch_access *access)
{
	const struct pci_registers *p = opaque;

	if (access->write)
		virtdev_pci_write(p->pci, access->offset, access->len,
				  access->value);
	else
		access->value = virtdev_pci_read(p->pci, access->offset,
						 access->len);
	vmm_pci_interrupts_set_line(p->interrupts, p->pci);
}

static void on_registers(void *opaque, struct varch_access *access)
{
	struct pci_registers *p = opaque;

	vmm_virtio_access(p->v, virtdev_pci_class(access->offset, access->len,
						  access->write),
			  access_registers, p, access);
}

static void access_space(void *opaque, struct varch_access *access)
{
	const struct pci_registers *p = opaque;

	if (access->write)
		virtdev_pci_config_write(p->pci, (uint32_t)access->offset,
					 access->len, (uint32_t)access->value);
	else
		access->value = virtdev_pci_config_read(p->pci,
							(uint32_t)access->offset,
							access->len);
	vmm_pci_interrupts_set_line(p->interrupts, p->pci);
}

static void on_space(void *opaque, struct varch_access *access)
{
	struct pci_registers *p = opaque;

	vmm_virtio_access(p->v, access->write ? VIRTDEV_ACCESS_CONTROL
					      : VIRTDEV_ACCESS_PLAIN,
			  access_space, p, access);
}

/* -------------------------------------------------------------------- making */

/*
 * Inserts in order of address; offset is an address until find_regions() ends.
 */
static void add_region(struct virtdev_pci_region *regions, uint32_t n,
		       const struct virtdev_pci_region *region)
{
	for (; n > 0 && regions[n - 1].offset > region->offset; n--)
		regions[n] = regions[n - 1];
	regions[n] = *region;
}

/* The device's regions, which form one range: BAR 2. */
static int find_regions(struct pci_registers *p, struct virtdev_pci_region *regions,
			uint32_t *n, struct vsu_error *err)
{
	struct virtdev_pci_region region;
	uint32_t id, i;

	for (*n = 0, id = 0; id <= UINT8_MAX; id++) {
		vmm_virtio_lock(p->v);
		virtdev_transport_shared_region(vmm_virtio_transport(p->v), id,
						&region.offset, &region.len);
		vmm_virtio_unlock(p->v);
		if (region.offset == UINT64_MAX)
			continue;
		if (*n == VIRTDEV_PCI_REGIONS)
			return vsu_error_set(err, -EINVAL, "a device with more than %u shared memory regions needs --transport=mmio",
					     VIRTDEV_PCI_REGIONS);
		region.id = (uint8_t)id;
		add_region(regions, (*n)++, &region);
	}
	p->region_gpa = *n ? regions[0].offset : 0;
	for (i = 0; i < *n; i++)
		regions[i].offset -= p->region_gpa;
	return 0;
}

static int make_function(struct pci_registers *p, uint32_t nvectors, struct vsu_error *err)
{
	static const struct virtdev_pci_ops ops = {
		.size = sizeof(ops), .message = on_message, .route = on_route,
		.intx = on_intx, .bar_moved = on_bar_moved,
	};
	struct virtdev_pci_region regions[VIRTDEV_PCI_REGIONS];
	struct virtdev_pci_config config = {
		.size = sizeof(config), .vectors = nvectors,
		.regions = regions,
	};
	int rc = find_regions(p, regions, &config.nregions, err);

	if (!rc)
		rc = virtdev_pci_new(vmm_virtio_transport(p->v), &config, &ops,
				     p, &p->pci, err);
	return rc;
}

static void add_function(struct pci_registers *p)
{
	const struct varch_pci_function function = {
		.space = on_space, .registers = on_registers, .opaque = p,
		.len = VIRTDEV_PCI_BAR0_SIZE, .gpa = VARCH_PCI_NOWHERE,
	};

	varch_pci_host_set(p->resources->pci, p->resources->slot, &function);
	virtdev_pci_place_bar(p->pci, 0, p->resources->gpa);
	virtdev_pci_place_bar(p->pci, 2, p->region_gpa);
}

static void registers_leave(void *registers)
{
	struct pci_registers *p = registers;

	move_notifications(p, VARCH_PCI_NOWHERE);
	p->gpa = VARCH_PCI_NOWHERE;
	varch_pci_host_set(p->resources->pci, p->resources->slot, NULL);
}

static void registers_free(void *registers)
{
	struct pci_registers *p = registers;

	virtdev_pci_free(p->pci);
	vmm_pci_interrupts_free(p->interrupts);
	free(p);
}

int vmm_virtio_attach_pci(struct vmm_virtio *v, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_transport_device(vmm_virtio_transport(v));
	const uint32_t nvectors = virtdev_get_info(dev)->nqueues + 1;
	struct pci_registers *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return vsu_error_sys(err, -ENOMEM, "virtio-pci");
	p->v = v;
	p->resources = vmm_virtio_get_resources(v);
	p->gpa = p->notify_gpa = VARCH_PCI_NOWHERE;
	vmm_virtio_set_registers(v, p, registers_leave, registers_free);
	rc = vmm_pci_interrupts_new(p->resources, nvectors, &p->interrupts, err);
	if (!rc)
		rc = make_function(p, nvectors, err);
	if (!rc)
		add_function(p);
	return rc;
}
