/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The queue of conversions of private memory, and the pause of devices for them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "machine/stop.h"
#include "owner/owner.h"
#include "run/conversion.h"
#include "run/devices.h"

/* A conversion for which a CPU waits, on the stack of its thread. */
struct vmm_conversion {
	struct vmm_machine *machine;
	unsigned int cpu;
	const struct varch_conversion *conversion;
	struct vsu_error *err;
	int rc;
	bool begun;
	struct varch_main_call *call;
	struct vmm_conversion *next;
};

/*
 * A back-end behind a socket replaces a region of its memory in steps, so its queues must
 * not run meanwhile.
 */
static bool has_back_ends(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio && m->devices[i].spec.remote)
			return true;
	return false;
}

/* rc > 0: devices may use the range until they are quiet. */
static void conversion_begin(struct vmm_machine *m, struct vmm_conversion *w)
{
	w->begun = true;
	m->private_memory.early = has_back_ends(m);
	w->rc = vmm_private_begin(&m->private_memory, vmm_memory_map(&m->memory),
				  w->cpu, w->conversion, w->err);
	if (w->rc > 0 && !m->private_memory.early)
		vmm_machine_refresh_devices(m);
}

/* Devices behind sockets have the limits of their protocol, which are longer. */
static int stop_devices(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = vmm_stop_devices(m, false, err);

	if (rc == -EAGAIN && vmm_stop_wait(m) == -ETIMEDOUT)
		return vsu_error_set(err, -ETIMEDOUT, "device %u did not stop its queues in time",
				     m->pause.stop.npaused);
	return rc;
}

/* Paused back-ends get the map before their queues run again. -EBUSY: one reconnects. */
static int announce_map(const struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (m->private_memory.early)
		vmm_machine_refresh_devices(m);
	for (i = 0; !rc && i < m->ndevices; i++)
		if (m->devices[i].virtio)
			rc = vmm_virtio_announce(m->devices[i].virtio, err);
	return rc;
}

static int on_step(void *opaque);

/* Once, for all conversions that wait. */
static int pause_machine(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = m->pause.life.now == VMM_CONVERTS ? 1 : vmm_life_begin(&m->pause.life, VMM_CONVERTS, err);

	if (!rc)
		vmm_stop_begin(m, on_step, m);
	return rc;
}

/*
 * Some devices hold buffers until the host has data, and all return them at a pause.
 * 0: no device uses the previous map. -EAGAIN: call it again after a turn of the loop.
 * Other errors are those of vmm_stop_devices(), or -ENOSPC: a back-end accepts fewer
 * regions.
 */
static int settle_devices(struct vmm_machine *m, struct vsu_error *err)
{
	int rc;

	if (!m->private_memory.early && vmm_private_is_quiet(&m->private_memory))
		return 0;
	rc = pause_machine(m, err);
	if (rc < 0)
		return rc;
	rc = stop_devices(m, err);
	if (!rc)
		rc = announce_map(m, err);
	if (rc != -EBUSY && (rc < 0 || vmm_private_is_quiet(&m->private_memory)))
		return rc;
	rc = vmm_stop_wait(m);
	return rc == -EAGAIN ? rc : vsu_error_set(err, rc, "a device did not release its map of memory in time");
}

/*
 * The guest gets -EBUSY and may try again, and the operator a line with the device. With
 * too many regions for a back-end the guest gets -E2BIG, as with too many ranges.
 */
static int conversion_cancel(struct vmm_machine *m, struct vmm_conversion *w, int why)
{
	int rc = vmm_private_cancel(&m->private_memory, vmm_memory_map(&m->memory),
				    w->conversion);

	if (rc < 0)
		return vsu_error_sys(w->err, rc, "the map of shared memory");
	vmm_machine_refresh_devices(m);
	if (why == -ENOSPC)
		return -E2BIG;
	vmm_log(&m->process.log, CVMM_LOG_WARNING, "private", "%#" PRIx64 " bytes at %#" PRIx64 " were not converted: %s",
		 w->conversion->len, w->conversion->gpa, w->err->msg);
	return -EBUSY;
}

/* False: the conversion waits for devices. */
static bool is_settled(struct vmm_machine *m, struct vmm_conversion *w)
{
	int rc = settle_devices(m, w->err);

	if (rc == -EAGAIN)
		return false;
	if (rc < 0)
		w->rc = conversion_cancel(m, w, rc);
	return true;
}

static void conversion_finish(struct vmm_machine *m, struct vmm_conversion *w)
{
	if (w->rc >= 0)
		w->rc = vmm_private_finish(&m->private_memory, m->kvm.vm_fd,
					   vmm_memory_map(&m->memory),
					   w->conversion, w->err);
	m->pause.converting.first = w->next;
	varch_cpus_call_done(m->cpus, w->call);
}

/* False: the first conversion waits for devices. */
static bool serve_conversions(struct vmm_machine *m)
{
	struct vmm_conversion *w;

	while ((w = m->pause.converting.first)) {
		if (!w->begun)
			conversion_begin(m, w);
		if (w->rc > 0 && !is_settled(m, w))
			return false;
		conversion_finish(m, w);
	}
	if (m->pause.life.now == VMM_CONVERTS) {
		vmm_life_finish(&m->pause.life);
		vmm_stop_end(m);
	}
	return true;
}

/* Requests in progress end in turns of the loop. */
static int on_step(void *opaque)
{
	return serve_conversions(opaque) ? 0 : 1;
}

static bool convert_on_main(void *opaque, struct varch_main_call *call)
{
	struct vmm_conversion *w = opaque, **at;
	struct vmm_machine *m = w->machine;

	w->call = call;
	for (at = &m->pause.converting.first; *at; at = &(*at)->next)
		;
	*at = w;
	(void)serve_conversions(m);
	return false;
}

int vmm_conversion_run(void *machine, unsigned int cpu,
		       const struct varch_conversion *c, struct vsu_error *err)
{
	struct vmm_conversion w = {
		.machine = machine, .cpu = cpu, .conversion = c, .err = err,
		.rc = -ECANCELED,
	};

	varch_cpus_call_main(w.machine->cpus, convert_on_main, &w);
	return w.rc;
}
