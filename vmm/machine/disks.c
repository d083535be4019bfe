/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Describes and compares disks; locks and unlocks those of this process. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <virtio-devices/blk_layout.h>
#include <vmm-sys-util/file_value.h>

#include "machine/disks.h"
#include "machine/sharing.h"

/* ----------------------------------------------------------------- properties */

struct disk {
	uint64_t bytes;		/* 0: the device compares them itself */
	uint32_t read_only;	/* 0 or 1 */
};

/* Stores of a guest to persistent memory that is read-only here would be dropped. */
static bool is_memory(const struct vmm_device *d)
{
	return d->virtio && d->spec.id == VIRTDEV_ID_PMEM && vmm_machine_local_device(d);
}

/* False: the device is no disk. */
static bool read_disk(const struct vmm_device *d, struct disk *out)
{
	struct vsu_le64 sectors = { 0 };
	struct virtdev *dev;

	if (is_memory(d)) {
		*out = (struct disk){ .read_only = !vmm_device_describe(&d->spec).writes };
		return true;
	}
	if (!d->virtio || d->spec.id != VIRTDEV_ID_BLOCK)
		return false;
	dev = virtdev_transport_device(vmm_virtio_transport(d->virtio));
	vmm_virtio_lock(d->virtio);
	virtdev_config_read(dev, offsetof(struct virtdev_blk_space, capacity),
			    &sectors, sizeof(sectors));
	out->read_only = !!(virtdev_get_info(dev)->features & VIRTDEV_BLK_F_RO);
	vmm_virtio_unlock(d->virtio);
	out->bytes = vsu_le64_load(sectors) * VIRTDEV_BLK_SECTOR;
	return true;
}

void vmm_disks_describe(const struct vmm_machine *m, struct vsu_state_writer *w)
{
	struct disk disk;
	unsigned int i;

	for (i = 0; i < m->ndevices; i++) {
		if (!read_disk(&m->devices[i], &disk))
			continue;
		vsu_state_section(w, "disk", i);
		vsu_state_put_u64(w, disk.bytes);
		vsu_state_put_u32(w, disk.read_only);
		vsu_state_section_end(w);
	}
}

static const char *name_disk(const struct vmm_device_spec *spec)
{
	const struct devkind_facts facts = vmm_device_describe(spec);

	if (spec->remote && !spec->spawned)
		return vsu_file_value_name(spec->socket);
	return facts.file ? facts.file : facts.names[0] ? facts.names[0] : "";
}

static int check_disk(const struct vmm_device *d, const struct disk *here,
		      const struct disk *guests, struct vsu_error *err)
{
	if (here->bytes < guests->bytes)
		return vsu_error_set(err, -EINVAL, "disk '%s' has %" PRIu64 " bytes, but the guest's disk has %" PRIu64 "; use the same disk, a copy, or one of that size",
				     name_disk(&d->spec), here->bytes,
				     guests->bytes);
	if (here->read_only && !guests->read_only)
		return vsu_error_set(err, -EINVAL, "disk '%s' is read-only, but the guest's disk is not; use a writable one",
				     name_disk(&d->spec));
	return 0;
}

int vmm_disks_check(const struct vmm_machine *m, const struct vsu_state *state,
		    struct vsu_error *err)
{
	struct vsu_state_fields f;
	struct disk here, guests;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++) {
		if (!read_disk(&m->devices[i], &here))
			continue;
		if (is_memory(&m->devices[i]) && vsu_state_find(state, "disk", i, &f, NULL) < 0)
			continue;	/* older states have no section for it */
		rc = vsu_state_find(state, "disk", i, &f, err);
		if (rc < 0)
			return rc;
		guests.bytes = vsu_state_get_u64(&f);
		guests.read_only = vsu_state_get_u32(&f);
		rc = vsu_state_fields_end(&f, err);
		if (!rc)
			rc = check_disk(&m->devices[i], &here, &guests, err);
		if (rc < 0)
			vsu_error_prefix(err, rc, "device %u", i);
	}
	return rc;
}

/* -------------------------------------------------------------------- content */

/* 0: the device has no file in this process. 1: *out describes it. */
static int identify_disk(const struct vmm_device *d, struct virtdev_disk_identity *out,
			 struct vsu_error *err)
{
	struct virtdev *dev = vmm_machine_local_device(d);
	int rc = dev && d->spec.kind->identify ? d->spec.kind->identify(dev, out, err) :
						 -EOPNOTSUPP;

	return rc == -EOPNOTSUPP ? 0 : rc < 0 ? rc : 1;
}

int vmm_disks_identify(const struct vmm_machine *m, struct vsu_state_writer *w,
		       struct vsu_error *err)
{
	struct virtdev_disk_identity id;
	unsigned int i;
	int rc;

	for (i = 0; i < m->ndevices; i++) {
		rc = identify_disk(&m->devices[i], &id, err);
		if (rc < 0)
			return vsu_error_prefix(err, rc, "device %u", i);
		if (!rc)
			continue;
		vsu_state_section(w, "disk-content", i);
		vsu_state_put_u64(w, id.bytes);
		vsu_state_put_u64(w, id.sum);
		vsu_state_put_u64(w, (uint64_t)id.seconds);
		vsu_state_put_u32(w, id.ns);
		vsu_state_section_end(w);
	}
	return 0;
}

static bool is_same_content(const struct virtdev_disk_identity *a,
			    const struct virtdev_disk_identity *b)
{
	const bool timeless = !a->seconds || !b->seconds;

	return a->bytes == b->bytes && a->sum == b->sum &&
	       (timeless || (a->seconds == b->seconds && a->ns == b->ns));
}

static int check_content(const struct vmm_device *d, struct vsu_state_fields *f,
			 struct vsu_error *err)
{
	struct virtdev_disk_identity now, was = { .bytes = vsu_state_get_u64(f) };
	int rc;

	was.sum = vsu_state_get_u64(f);
	was.seconds = (int64_t)vsu_state_get_u64(f);
	was.ns = vsu_state_get_u32(f);
	rc = vsu_state_fields_end(f, err);
	if (!rc)
		rc = identify_disk(d, &now, err);
	if (rc <= 0 || is_same_content(&was, &now))
		return rc < 0 ? rc : 0;
	return vsu_error_set(err, -ESTALE, "disk '%s' was changed after the machine was saved, and the guest's file system would be damaged; use the disk as it was, or a copy that keeps its time (cp -p); --changed-disks=accept continues anyway",
			     name_disk(&d->spec));
}

int vmm_disks_check_content(const struct vmm_machine *m, const struct vsu_state *state,
			    struct vsu_error *err)
{
	struct vsu_state_fields f;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++) {
		if (!m->devices[i].virtio || vsu_state_find(state, "disk-content", i, &f, NULL) < 0)
			continue;
		rc = check_content(&m->devices[i], &f, err);
		if (rc < 0)
			vsu_error_prefix(err, rc, "device %u", i);
	}
	return rc;
}
