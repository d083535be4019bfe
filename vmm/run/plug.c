/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hot plug: adds and removes devices of a running machine. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <virtio-devices/transport.h>
#include <vmm-sys-util/event.h>

#include "machine/disk_flush.h"
#include "machine/events.h"
#include "machine/stop.h"
#include "owner/owner.h"
#include "run/devices.h"
#include "run/plug.h"

/* Time limit of a hot-plugged back-end's handshake; the guest keeps running. */
#define HANDSHAKE_LIMIT_MS 10000

/* --------------------------------------------------------- the guest is told */

bool vmm_machine_is_leaving(const struct vmm_machine *m,
			    const struct vmm_device *d)
{
	return d->leaving || (d->slot && __atomic_load_n(&m->plug.asked, __ATOMIC_ACQUIRE) >> d->slot & 1);
}

/* ------------------------------------------------------------------- leaving */

static void device_clear(struct vmm_device *d)
{
	vmm_machine_free_device(d);
	memset(d, 0, sizeof(*d));
}

static void free_unused(struct vmm_device *d)
{
	struct vmm_machine *m = d->machine;
	const unsigned int number = (unsigned int)(d - m->devices);

	vmm_log(&m->process.log, CVMM_LOG_INFO, "unplugged", "the device in slot %u was removed",
		 d->slot);
	device_clear(d);
	vmm_event_publish(m, &(struct cvmm_event){
		.kind = CVMM_EVENT_DEVICE_REMOVED, .device = number,
	});
	vmm_answers_send(&m->answers, d, NULL, NULL);
}

/* A save and a migration have threads that flush the disks; a flush that hangs outlives them. */
static bool may_be_flushed(struct vmm_machine *m)
{
	return m->pause.save || m->pause.core || m->pause.migration || vmm_disks_are_flushing(m);
}

/* Called in the turn in which the last of them ended. */
static void on_turn(void *opaque)
{
	struct vmm_machine *m = opaque;
	unsigned int i;

	if (may_be_flushed(m))
		return;
	vsu_turn_stop(&m->watch.unused);
	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].leaving == VMM_DEVICE_UNUSED)
			free_unused(&m->devices[i]);
}

/* No queue and no CPU uses the device any more. */
static void on_gone(void *opaque)
{
	struct vmm_device *d = opaque;
	struct vmm_machine *m = d->machine;

	d->leaving = VMM_DEVICE_UNUSED;
	if (!may_be_flushed(m)) {
		free_unused(d);
	} else if (!m->watch.unused.active) {
		vsu_turn_init(&m->watch.unused, on_turn, m);
		vsu_turn_start(m->loop, &m->watch.unused);
	}
}

static void device_retire(struct vmm_machine *m, struct vmm_device *d)
{
	if (!d->virtio || d->leaving)
		return;
	d->leaving = VMM_DEVICE_RETIRED;
	d->machine = m;
	varch_plug_note(&m->plug, VARCH_PLUG_EMPTY, d->slot);
	vmm_virtio_retire(d->virtio, on_gone, d);
}

static bool has_memory(const struct vmm_device *d)
{
	const struct virtdev_info *info = virtdev_get_info(virtdev_transport_device(
		vmm_virtio_transport(d->virtio)));
	uint32_t i;

	for (i = 0; i < info->nregions; i++)
		if (info->regions[i].flags & VIRTDEV_REGION_APART)
			return true;
	return false;
}

static int check_guest(const struct vmm_machine *m, struct vsu_error *err)
{
	return varch_guest_finds(m->loaded.protocol, VARCH_FINDS_SLOTS) ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP, "a Linux guest that was started without --acpi does not support adding and removing devices on " VARCH_NAME " while it runs; start it with this option, or name the devices at the start");
}

static int check_removal(const struct vmm_machine *m,
			 const struct vmm_device *d, struct vsu_error *err)
{
	if (!m->on_bus)
		return vsu_error_set(err, -EOPNOTSUPP, "the machine has no PCI bus, which is required to remove devices; start it with --transport=pci");
	if (check_guest(m, err) < 0)
		return -EOPNOTSUPP;
	if (d->leaving)
		return vsu_error_set(err, -EBUSY, "the guest has released the device already; it is removed when its last requests end, or, behind a socket, by 'device-del' with 'force'");
	if (d == m->stdio_device)
		return vsu_error_set(err, -EOPNOTSUPP, "the console on standard input and output cannot be removed");
	if (has_memory(d))
		return vsu_error_set(err, -EOPNOTSUPP, "the device is memory of the guest and cannot be removed; resize it");
	return 0;
}

/* An ejection by the guest: its slots, on the CPU thread's stack. */
struct given {
	struct vmm_machine *m;
	uint32_t slots;
};

/* A loaded state may permit it for any slot. */
static bool eject_on_main(void *opaque, struct varch_main_call *call)
{
	const struct given *given = opaque;
	struct vmm_machine *m = given->m;
	struct vmm_device *d;

	(void)call;
	for (d = m->devices; d < m->devices + m->ndevices; d++)
		if (given->slots & UINT32_C(1) << d->slot && d->virtio && !check_removal(m, d, NULL))
			device_retire(m, d);
	return true;
}

/* The guest's eject method returns when the function has left the bus. */
static void on_eject(void *opaque, uint32_t slots)
{
	struct given given = { opaque, slots };

	varch_cpus_call_main(given.m->cpus, eject_on_main, &given);
}

/* Fails the requests that wait for a device whose handshake is incomplete. */
static int device_cancel(struct vmm_device *d)
{
	struct vmm_machine *m = d->machine;
	struct vsu_error why;

	vsu_error_set(&why, -ECANCELED, "device-add: the device was removed before its back-end had finished the handshake");
	device_clear(d);
	vmm_answers_send(&m->answers, vmm_machine_arrival(d), NULL, &why);
	return 0;
}

int vmm_machine_remove_device(struct vmm_machine *m, struct vmm_device *d,
			      bool force, struct vsu_error *err)
{
	int rc;

	if (d->coming)
		return device_cancel(d);
	if (d->leaving && force && !vmm_virtio_force_stop(d->virtio))
		return 0;
	rc = check_removal(m, d, err);
	if (rc < 0)
		return rc;
	vmm_stop_release(m);
	if (force) {
		device_retire(m, d);
		varch_plug_note(&m->plug, VARCH_PLUG_WENT, d->slot);
	} else {
		varch_plug_note(&m->plug, VARCH_PLUG_ASKED, d->slot);
	}
	vsu_event_signal(m->event_irq_fd);
	return 0;
}

/* -------------------------------------------------------------------- coming */

static int find_free_entry(const struct vmm_machine *m, unsigned int *number,
			   struct vsu_error *err)
{
	unsigned int i;

	if (!m->on_bus)
		return vsu_error_set(err, -EOPNOTSUPP, "the machine has no PCI bus, which is required to add devices; start it with --transport=pci");
	if (check_guest(m, err) < 0)
		return -EOPNOTSUPP;
	for (i = 0; i < VMM_DEVICE_PLACES; i++)
		if (!m->devices[i].virtio && !m->devices[i].coming) {
			*number = i;
			return 0;
		}
	return vsu_error_set(err, -ENOSPC, "all %d slots of the bus are in use",
			     VMM_DEVICE_PLACES);
}

static int read_list(struct vmm_device *d, const char *list, const struct vmm_device_fds *fds,
		     struct vsu_error *err)
{
	struct vmm_device_spec *spec = &d->spec;
	const struct vmm_device_option option = { VMM_DEVICE_ANY, list };
	int rc = vmm_device_option_parse(&option, fds, spec, err);

	if (rc < 0)
		return rc;
	if (spec->absent)
		return vsu_error_set(err, -EINVAL, "'none' is a free slot of the bus and no device; begin with a kind, such as 'rng'");
	spec->plugged = true;
	if (vmm_device_describe(spec).stdio)
		return vsu_error_set(err, -EOPNOTSUPP, "standard input and output are in use while the machine runs; put the console elsewhere");
	return vmm_machine_check_device(d->machine, d, err);
}

static void device_came(struct vmm_device *d)
{
	struct vmm_machine *m = d->machine;

	vmm_stop_release(m);
	vmm_virtio_refresh(d->virtio);
	varch_plug_note(&m->plug, VARCH_PLUG_CAME, d->slot);
	vsu_event_signal(m->event_irq_fd);
}

/* The answer may begin another addition, which takes the place. */
static void device_abandon(struct vmm_device *d, const struct vsu_error *err)
{
	struct vmm_machine *m = d->machine;
	struct vsu_error why = *err;

	device_clear(d);
	vsu_error_prefix(&why, why.code, "device-add");
	if (!vmm_answers_send(&m->answers, vmm_machine_arrival(d), NULL, &why))
		vmm_log(&m->process.log, CVMM_LOG_WARNING, "not added", "%s", why.msg);
}

/* Completes the handshake, or reports why the device was abandoned. */
static void on_arrived(void *opaque, const struct vsu_error *why)
{
	struct vmm_device *d = opaque;
	struct vmm_machine *m = d->machine;
	const unsigned int number = (unsigned int)(d - m->devices);
	const struct cvmm_answer answer = { .device = number };
	struct vsu_error err = VSU_ERROR_INIT;

	if (!why && vmm_machine_make_device(m, number, &err) < 0)
		why = &err;
	if (why) {
		device_abandon(d, why);
		return;
	}
	device_came(d);
	vmm_answers_send(&m->answers, vmm_machine_arrival(d), &answer, NULL);
}

static int device_begin(struct vmm_machine *m, unsigned int i,
			struct vsu_error *err)
{
	struct vmm_device *d = &m->devices[i];
	const struct vmm_remote_arrival arrival = {
		.arrived = on_arrived, .opaque = d,
		.limit_ms = HANDSHAKE_LIMIT_MS,
	};

	return d->spec.remote ? vmm_machine_begin_device(m, i, &arrival, err) :
				vmm_machine_make_device(m, i, err);
}

int vmm_machine_add_device(struct vmm_machine *m, const char *list,
			   const struct vmm_device_fds *fds, struct virtdev *own,
			   unsigned int *number, struct vsu_error *err)
{
	struct vmm_device *d;
	unsigned int i = 0;
	int rc = find_free_entry(m, &i, err);

	if (rc < 0)
		return rc;
	d = &m->devices[i];
	memset(d, 0, sizeof(*d));
	d->machine = m;
	d->own = own;
	rc = read_list(d, list, fds, err);
	if (!rc)
		rc = vmm_machine_find_own(m, d, err);
	d->added = true;
	if (!rc)
		rc = device_begin(m, i, err);
	if (rc < 0) {
		device_clear(d);
		return rc;
	}
	if (i >= m->ndevices)
		m->ndevices = i + 1;
	*number = i;
	if (d->virtio)
		device_came(d);
	return 0;
}

/* ---------------------------------------------------------------------- life */

int vmm_machine_make_plug(struct vmm_machine *m, struct vsu_error *err)
{
	m->plug.eject = m->on_bus ? on_eject : NULL;
	m->plug.opaque = m;
	return varch_plug_add(&m->plug, m->config->cpus.n, vmm_machine_registers(m), err);
}
