/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates the machine's devices and attaches them to bus, memory and interrupts. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <virtio-devices/mmio.h>
#include <virtio-devices/pci.h>
#include <virtio-devices/report.h>
#include <virtio-devices/vhost_kern.h>
#include <vmm-sys-util/file_value.h>

#include "cvmm/machine.h"
#include "machine/events.h"
#include "owner/owner.h"
#include "run/console.h"
#include "run/devices.h"
#include "transfer/incoming.h"

static bool is_ram(void *memory, const struct vmem_region *region)
{
	return vmm_memory_has(memory, region);
}

/* kern: whose device dev is; NULL: this process serves its queues. */
static int start_device(const struct vmm_virtio_resources *resources, struct vmm_device *d,
			struct virtdev *dev, struct virtdev_vhost_kern *kern, struct vsu_error *err)
{
	struct devkind_workers *workers;
	int rc = devkind_workers_start(d->spec.kind->work, &d->owner->process.threads, dev,
				       vmm_device_describe(&d->spec).workers, &workers, err);

	if (rc < 0)
		return rc;
	rc = kern ? vmm_virtio_kernel(resources, kern, workers, &d->virtio, err) :
		    vmm_virtio_local(resources, dev, workers, &d->virtio, err);
	if (rc < 0)
		devkind_workers_end(workers);
	return rc;
}

static int make_local(struct vmm_machine *m,
		      const struct vmm_virtio_resources *resources,
		      struct vmm_device *d, struct vsu_error *err)
{
	const struct devkind_common common = {
		.sigbus = m->owner.sigbus, .space = resources->space,
		.is_ram = is_ram, .ram_owner = &m->memory,
		.open_stdio = vmm_machine_open_stdio, .stdio = m,
		.sockets = &m->process.sockets,
		.host = &m->process.host, .reporter = &d->reporter,
		.unlocked = vmm_incoming_is_open(m), .trial = m->start->dry_run,
		.own = d->own,
	};
	struct virtdev *dev;
	int rc = vmm_device_open(&d->spec, &common, &dev, err);

	if (rc < 0)
		return rc;
	rc = start_device(resources, d, dev, NULL, err);
	if (rc < 0 && !d->own)
		virtdev_free(dev);
	if (rc < 0)
		return rc;
	if (d->own)
		devkind_report(d->spec.kind, d->spec.config, &common, dev);
	if (vmm_device_describe(&d->spec).stdio) {
		m->stdio_device = d;
		vmm_machine_resize_stdio(m);
	}
	return 0;
}

static int make_kernel(struct vmm_machine *m,
		       const struct vmm_virtio_resources *resources,
		       struct vmm_device *d, struct vsu_error *err)
{
	const struct devkind_common common = {
		.queues = d->spec.queues, .queue_size = d->spec.queue_size, .host = &m->process.host,
	};
	struct virtdev_vhost_kern *kern;
	int rc = d->spec.kind->kernel->open(d->spec.config, &common, &kern, err);

	if (rc < 0)
		return rc;
	rc = start_device(resources, d, virtdev_vhost_kern_device(kern), kern, err);
	if (rc < 0)
		virtdev_vhost_kern_free(kern);
	return rc;
}

/*
 * Windows of other devices follow later, by a change of the map. A hot-plugged
 * back-end has completed its handshake already.
 */
static int make_remote(struct vmm_machine *m,
		       const struct vmm_virtio_resources *resources,
		       struct vmm_device *d, struct vsu_error *err)
{
	struct remote *coming = d->coming;
	struct vmem_map *map;
	int rc = vmm_window_map_for(&m->shmem, NULL, false, &map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the guest's memory");
	d->coming = NULL;
	rc = coming ? vmm_virtio_remote_finish(coming, resources, map, &d->virtio,
					       err) :
		      vmm_virtio_remote(resources, &d->spec, map, &d->virtio, err);
	vmem_map_unref(map);
	return rc;
}

/* The guest continues without the device; the exit status reports the loss. */
static void on_lost(void *opaque, const struct vsu_error *why)
{
	struct vmm_device *d = opaque;

	vmm_log(&d->owner->process.log, CVMM_LOG_ERROR, "lost", "a device of the guest is lost: %s",
		 why->msg);
	d->owner->lost++;
	vmm_event_device_lost(d, true, why);
}

static void on_away(void *opaque, const struct vsu_error *why)
{
	vmm_event_device_lost(opaque, false, why);
}

static void on_back(void *opaque, enum virtdev_vhost_user_settings settings)
{
	vmm_event_device_back(opaque, settings);
}

/* Slot 0 is the host bridge. */
static struct vmm_virtio_resources collect_resources(struct vmm_machine *m,
						     unsigned int i)
{
	struct vmm_virtio_resources resources = {
		.loop = m->loop, .log = &m->process.log, .closer = &m->process.closer,
		.servers = m->owner.servers, .kvm = &m->kvm,
		.space = m->private_memory.space ? m->private_memory.space :
						   m->memory.space,
		.private_memory = m->private_memory.space ? &m->private_memory :
							    NULL,
		.shmem = &m->shmem,
		.gpa = VARCH_TRANSPORTS_GPA + i * VIRTDEV_MMIO_SIZE,
		.irq = VARCH_FIRST_DEVICE_IRQ + i,
		.lost = on_lost, .away = on_away, .back = on_back,
		.opaque = &m->devices[i], .borrows = m->devices[i].own,
		.measures = m->config->latency,
		.postcopy = m->restore.postcopy != NULL,
	};

	if (m->on_bus) {
		resources.pci = &m->pci;
		resources.slot = i + 1;
		resources.gpa = VARCH_PCI_WINDOW_GPA +
			    i * (uint64_t)VIRTDEV_PCI_BAR0_SIZE;
	}
	return resources;
}

/* The process or kernel module that serves the queues of a device. */
enum server { LOCAL, KERNEL, REMOTE };

static int (*const makers[])(struct vmm_machine *m,
			     const struct vmm_virtio_resources *resources,
			     struct vmm_device *d, struct vsu_error *err) = {
	[LOCAL] = make_local, [KERNEL] = make_kernel, [REMOTE] = make_remote,
};

static enum server server_of(const struct vmm_device_spec *spec)
{
	return spec->remote ? REMOTE : spec->kernel ? KERNEL : LOCAL;
}

/* Running CPUs read the table of functions without a lock. */
static int attach_to_bus(struct vmm_machine *m, struct vmm_virtio *v,
			 struct vsu_error *err)
{
	int rc;

	if (!m->cpus)
		return vmm_virtio_attach_pci(v, err);
	varch_cpus_pause(m->cpus);
	rc = vmm_virtio_attach_pci(v, err);
	varch_cpus_resume(m->cpus);
	return rc;
}

/* A daemon of cvmm has no socket with a path: messages name its device. */
static void name_daemon(struct vmm_device_spec *spec, unsigned int i)
{
	if (spec->spawned)
		snprintf(spec->socket, sizeof(spec->socket), "device %u", i);
}

int vmm_machine_make_device(struct vmm_machine *m, unsigned int i,
			    struct vsu_error *err)
{
	struct vmm_device *d = &m->devices[i];
	const struct vmm_virtio_resources resources = collect_resources(m, i);
	int rc;

	name_daemon(&d->spec, i);
	d->owner = m;
	d->gpa = resources.gpa;
	d->irq = resources.irq;
	d->slot = resources.slot;
	rc = makers[server_of(&d->spec)](m, &resources, d, err);
	if (rc < 0)
		return rc;
	vmm_virtio_set_cpus(d->virtio, m->cpus);
	return resources.pci ? attach_to_bus(m, d->virtio, err)
			 : vmm_virtio_attach_mmio(d->virtio, &m->mmio, err);
}

int vmm_machine_begin_device(struct vmm_machine *m, unsigned int i,
			     const struct vmm_remote_arrival *arrival,
			     struct vsu_error *err)
{
	const struct vmm_virtio_resources resources = collect_resources(m, i);

	name_daemon(&m->devices[i].spec, i);
	return vmm_virtio_remote_begin(&resources, &m->devices[i].spec, arrival,
				       &m->devices[i].coming, err);
}

/* Detach it first: freeing removes its mappings, which changes the map. */
void vmm_machine_free_device(struct vmm_device *d)
{
	struct vmm_virtio *virtio = d->virtio;
	struct remote *coming = d->coming;

	d->virtio = NULL;
	d->coming = NULL;
	vmm_virtio_free(virtio);
	vmm_virtio_remote_cancel(coming);
}

static struct virtdev *find_own(const struct cvmm_host *owner, const char *name)
{
	unsigned int i;

	for (i = 0; i < owner->ndevices; i++)
		if (!strcmp(owner->devices[i].name, name))
			return owner->devices[i].dev;
	return NULL;
}

static bool is_used(const struct vmm_machine *m, const struct vmm_device *d)
{
	const struct vmm_device *other;

	for (other = m->devices; other < m->devices + VMM_MAX_DEVICES; other++)
		if (other != d && other->own == d->own)
			return true;
	return false;
}

int vmm_machine_find_own(struct vmm_machine *m, struct vmm_device *d, struct vsu_error *err)
{
	const char *name = devkind_own_name(d->spec.kind, d->spec.config);

	if (!name)
		return 0;
	if (!d->own)
		d->own = find_own(&m->owner, name);
	if (!d->own)
		return vsu_error_set(err, -ENOENT, "device 'own:%s': the program that runs this machine has not provided it; only a program on libcvmm can, by struct cvmm_own_device",
				     name);
	if (is_used(m, d))
		return vsu_error_set(err, -EBUSY, "device 'own:%s': another device of the machine is the same object; specify it once",
				     name);
	d->spec.id = virtdev_get_info(d->own)->id;
	return 0;
}

static struct vmm_file_identity identify_file(const char *text)
{
	struct vmm_file_identity id = { .known = false };
	struct stat st;

	if (!vsu_file_value_stat(text, &st))
		id = (struct vmm_file_identity){ true, st.st_dev, st.st_ino };
	return id;
}

/* The number of a descriptor can meanwhile be that of another file. */
static bool is_its_file(const struct vmm_device *d, const char *text,
			const struct vmm_file_identity *id)
{
	struct vmm_file_identity own = d->file;

	if (!own.known && !vsu_file_value_is_fd(text))
		own = identify_file(text);
	return own.known && id->known && own.dev == id->dev && own.ino == id->ino;
}

/* Otherwise the image lock would blame another program. Copies of a descriptor share the lock. */
static bool exclude_each_other(const struct devkind_facts *a,
			       const struct devkind_facts *b)
{
	return a->locks && b->locks && a->file && b->file && (a->writes || b->writes);
}

static int check_file(const struct vmm_machine *m, const struct vmm_device *d,
		      const struct devkind_facts *facts,
		      struct vsu_error *err)
{
	const struct vmm_device *other;
	struct devkind_facts theirs;

	for (other = m->devices; other < m->devices + m->ndevices; other++) {
		if (other == d || !other->spec.kind)
			continue;
		theirs = vmm_device_describe(&other->spec);
		if (exclude_each_other(facts, &theirs) &&
		    is_its_file(other, devkind_facts_file(&theirs), &d->file))
			return vsu_error_set(err, -EINVAL,
					     "'%s' is specified twice; only one device can write to a file: leave one out, or make all of them read-only",
					     facts->file);
	}
	return 0;
}

/* The kernel would keep access to pages that have become private. */
static int check_private(const struct vmm_machine *m,
			 const struct vmm_device_spec *spec,
			 struct vsu_error *err)
{
	if (!vmm_memory_wants_private(&m->memory) || !spec->kernel)
		return 0;
	return vsu_error_set(err, -EINVAL, "backend=kernel cannot be used with --memory private=on: the host's kernel would have access to pages that the guest makes private; use a device that this process or a back-end serves, or private=off");
}

int vmm_machine_check_device(const struct vmm_machine *m, struct vmm_device *d,
			     struct vsu_error *err)
{
	const struct vmm_device_spec *spec = &d->spec;
	const struct devkind_facts facts = vmm_device_describe(spec);
	int rc = check_private(m, spec, err);

	if (rc < 0)
		return rc;
	if (spec->remote)
		rc = vmm_memory_check_shared(&m->memory, spec->spawned ? "backend=spawn" :
					     spec->socket, err);
	if (rc < 0 || !facts.file)
		return rc;
	d->file = identify_file(devkind_facts_file(&facts));
	rc = check_file(m, d, &facts, err);
	return rc < 0 ? rc : vmm_memory_check_disk(&m->memory, devkind_facts_file(&facts),
						   !facts.writes, err);
}

int vmm_machine_choose_bus(struct vmm_machine *m, struct vsu_error *err)
{
	const enum vmm_transport wanted = m->config->transport;
	int rc = wanted == VMM_TRANSPORT_AUTO ? varch_kernel_is_builtin(&m->kernel, err) :
						wanted == VMM_TRANSPORT_MMIO;

	m->on_bus = !rc;
	return rc < 0 ? rc : 0;
}

/* Without messages (MSI) there is no bus, unless the user requested one. */
int vmm_machine_make_bus(struct vmm_machine *m, struct vsu_error *err)
{
	if (m->on_bus && !m->kvm.msi && m->config->transport != VMM_TRANSPORT_AUTO)
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM has no interrupts that are messages, which devices on PCI need (KVM_CAP_SIGNAL_MSI; on arm64 also an ITS); use --transport=mmio");
	m->on_bus = m->on_bus && m->kvm.msi;
	return varch_pci_host_init(&m->pci, m->on_bus ? &m->mmio : NULL, &m->ports, err);
}

static int make_devices(struct vmm_machine *m, enum server server,
			struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++) {
		if (m->devices[i].spec.absent && !m->on_bus)
			return vsu_error_set(err, -EINVAL, "--device none: this is a free slot of a PCI bus, which the machine does not have; leave it out");
		if (!m->devices[i].spec.absent && server_of(&m->devices[i].spec) == server)
			rc = vmm_machine_make_device(m, i, err);
	}
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

void vmm_machine_refresh_devices(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio)
			vmm_virtio_refresh(m->devices[i].virtio);
}
