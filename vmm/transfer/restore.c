/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes a machine continue where a saved one stopped. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-arch/arch.h>
#include <vm-arch/layout.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "owner/owner.h"
#include "transfer/clone.h"
#include "machine/disks.h"
#include "machine/live.h"
#include "machine/sharing.h"
#include "transfer/recording.h"
#include "transfer/restore.h"
#include "transfer/save.h"

static int read_file(struct vmm_restore *r, int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > VSU_STATE_MAX)
		return -EBADMSG;
	r->bytes = malloc((size_t)st.st_size + 1);
	if (!r->bytes)
		return -ENOMEM;
	r->state.bytes = r->bytes;
	r->state.len = (size_t)st.st_size;
	n = vsu_fd_pread_full(fd, r->bytes, r->state.len, 0);
	return n < 0 ? (int)n : (size_t)n < r->state.len ? -EBADMSG : 0;
}

int vmm_restore_read_state(struct vmm_restore *r, const char *folder, struct vsu_error *err)
{
	int fd = vsu_file_value_open_in(folder, "state", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	int rc = fd < 0 ? fd : read_file(r, fd);

	vsu_fd_close(&fd);
	if (rc == -ENOENT)
		return vsu_error_set(err, rc, "cannot read '%s/state': No such file or directory; '%s' is not the folder of a saved machine", folder, folder);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read '%s/state'", folder);
	rc = vsu_state_check(&r->state, vmm_state_kinds, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "'%s/state'", folder) : 0;
}

/* The machine that the options describe must be the one that was saved. */
static int check_devices(const struct vmm_machine *m,
			 struct vsu_state_fields *f, struct vsu_error *err)
{
	const uint32_t n = vsu_state_get_u32(f);
	unsigned int i;

	if (n != m->ndevices)
		return vsu_error_set(err, -EINVAL, "the saved machine has %u devices, but %u are specified",
				     n, m->ndevices);
	for (i = 0; i < n; i++)
		if (vsu_state_get_u32(f) != m->devices[i].spec.id)
			return vsu_error_set(err, -EINVAL, "device %u of the saved machine differs from the specified one",
					     i);
	return vsu_state_fields_end(f, err);
}

/* The architecture that a state names by text; NULL: an unknown one. */
static const char *find_architecture(const struct vsu_state *state)
{
	static const char *const names[] = { VMM_STATE_ARCHITECTURE, "arm64" };
	struct vsu_state_fields f;
	unsigned int i;

	if (vsu_state_find(state, "architecture", 0, &f, NULL) < 0)
		return VMM_STATE_ARCHITECTURE;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (f.in.left == strlen(names[i]) && !memcmp(f.in.at, names[i], f.in.left))
			return names[i];
	return NULL;
}

static int check_architecture(const struct vsu_state *state, struct vsu_error *err)
{
	const char *name = find_architecture(state);

	if (name && !strcmp(name, VARCH_NAME))
		return 0;
	return vsu_error_set(err, -EINVAL, "this is a machine of %s, which a host of " VARCH_NAME " cannot continue; use a host of its architecture",
			     name ? name : "another architecture");
}

/* CPUs that the guest has not looked for yet; the section is absent without any. */
static int read_new_cpus(struct vmm_machine *m, struct vsu_error *err)
{
	struct vsu_state_fields f;
	unsigned int i;

	memset(m->plug.new_cpus, 0, sizeof(m->plug.new_cpus));
	if (vsu_state_find(&m->restore.state, "new-cpus", 0, &f, NULL) < 0)
		return 0;
	for (i = 0; i < VARCH_PLUG_CPU_WORDS; i++)
		m->plug.new_cpus[i] = vsu_state_get_u32(&f);
	for (i = m->config->cpus.n; i < VARCH_PLUG_CPUS; i++)
		if (m->plug.new_cpus[i / 32] >> i % 32 & 1)
			return vsu_error_set(err, -EBADMSG, "the state has a new CPU %u, beyond the CPUs of the machine", i);
	return vsu_state_fields_end(&f, err);
}

static int read_machine(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_restore *r = &m->restore;
	struct vsu_state_fields f;
	uint32_t cpus, protocol;
	int rc = check_architecture(&r->state, err);

	if (!rc)
		rc = vsu_state_find(&r->state, "machine", 0, &f, err);
	if (rc < 0)
		return rc;
	cpus = vsu_state_get_u32(&f);
	protocol = vsu_state_get_u32(&f);
	if (cpus != m->config->cpus.n)
		return vsu_error_set(err, -EINVAL, "the saved machine has %u CPUs, but %u are specified",
				     cpus, m->config->cpus.n);
	if (protocol >= VARCH_NPROTOCOLS)
		return vsu_error_set(err, -EBADMSG, "boot protocol %u of the state is unknown",
				     protocol);
	m->loaded.protocol = protocol;
	m->loaded.level0 = vsu_state_get_u32(&f);
	r->on_bus = vsu_state_get_u32(&f);
	m->pci.selected = vsu_state_get_u32(&f);
	m->plug.came = vsu_state_get_u32(&f);
	m->plug.goes = vsu_state_get_u32(&f);
	m->plug.asked = vsu_state_get_u32(&f);
	r->age_ns = vsu_state_get_u64(&f);
	rc = check_devices(m, &f, err);
	return rc ? rc : read_new_cpus(m, err);
}

/* ------------------------------------------------------------------- its memory */

/*
 * The file "memory" of the folder as a value (file_value.h), which the caller frees. That of a
 * folder that was passed stays open until the machine has its memory.
 */
static int name_memory_file(const char *folder, int *fd, char **text, struct vsu_error *err)
{
	int rc;

	if (!vsu_file_value_is_fd(folder)) {
		rc = asprintf(text, "%s/memory", folder);
	} else {
		if (*fd < 0)
			*fd = vsu_file_value_open_in(folder, "memory", O_RDONLY | O_NOCTTY | O_NONBLOCK);
		if (*fd < 0)
			return vsu_error_sys(err, *fd, "cannot read '%s/memory'", folder);
		rc = asprintf(text, "fd:%d:memory", *fd);
	}
	if (rc >= 0)
		return 0;
	*text = NULL;
	return vsu_error_set(err, -ENOMEM, "no memory for a path");
}

struct named_source {
	char *path, *base_path;
	struct vmm_image_source source;
};

static void free_source(struct named_source *s)
{
	free(s->path);
	free(s->base_path);
}

/* Free the source also after a failure. */
static int name_source(struct vmm_machine *m, struct named_source *s, struct vsu_error *err)
{
	struct vmm_restore *r = &m->restore;
	int rc;

	s->path = s->base_path = NULL;
	rc = name_memory_file(r->folder, &r->memory_fd, &s->path, err);
	if (!rc && m->start->base)
		rc = name_memory_file(m->start->base, &r->base_fd, &s->base_path, err);
	s->source = (struct vmm_image_source){ s->path, s->base_path, &r->base };
	return rc;
}

/* A private mapping cannot be shared with a back-end. */
static int name_memory(struct vmm_machine *m, struct vsu_error *err)
{
	struct named_source s;
	int rc = name_source(m, &s, err);

	if (!rc)
		rc = vmm_image_pieces(&m->restore.state, &s.source, vmm_machine_wants_shared(m),
				      &m->config->memory, &m->restore.memory, err);
	free_source(&s);
	return rc;
}

static int read_memory(struct vmm_machine *m, const char *section, struct vsu_error *err)
{
	struct named_source s;
	int rc = name_source(m, &s, err);

	if (!rc)
		rc = vmm_image_read(&m->restore.state, section, &s.source,
				    vmm_memory_map(&m->memory), err);
	free_source(&s);
	return rc;
}

/* The base of an incremental save is the saved machine that it was made of. */
static int check_base(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_restore *r = &m->restore, base = { .bytes = NULL };
	const char *folder = m->start->base;
	struct vmm_base_id id;
	int rc = vmm_image_base_get(&r->base, &r->state, err);

	if (rc == -ENOENT)
		return folder ? vsu_error_set(err, -EINVAL, "its memory is complete; option --base is for the folder of an incremental save") : 0;
	if (rc < 0)
		return rc;
	if (!folder)
		return vsu_error_set(err, -EINVAL, "it has only what the guest has changed since another folder was saved; add option --base with that one, '%.200s'",
				     r->base.folder);
	rc = vmm_restore_read_state(&base, folder, err);
	id = rc < 0 ? r->base.id : vmm_base_id_of(&base.state);
	free(base.bytes);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --base");
	return vmm_base_id_is(&id, &r->base.id) ? 0 :
	       vsu_error_set(err, -EINVAL, "it was made of '%.200s', and the folder of option --base has another saved machine",
			     r->base.folder);
}

/* Pages that an incremental save of this machine leaves out. */
static int keep_base(struct vmm_restore *r, struct vsu_error *err)
{
	struct vmm_image_base *base = &r->base;
	const char *name = vsu_file_value_is_fd(r->folder) ? vsu_file_value_name(r->folder) : r->folder;

	if (!base->folder) {
		base->folder = strndup(name, VMM_BASE_NAME_MAX);
		base->id = vmm_base_id_of(&r->state);
	}
	if (!base->folder)
		return vsu_error_set(err, -ENOMEM, "no memory for a name");
	base->n = r->memory.nmapped;
	memcpy(base->parts, r->memory.mapped, sizeof(base->parts));
	return 0;
}

/* Names the folder in the error of a step that a folder and a stream share. */
static int name_folder(const struct vmm_machine *m, int rc, struct vsu_error *err)
{
	return rc < 0 && m->restore.folder ?
	       vsu_error_prefix(err, rc, "option --from '%s'", m->restore.folder) : rc;
}

static bool has_own_memory(const struct vmm_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		if (vmem_block_kind(memory->blocks[i]) != VMEM_KIND_FILE)
			return true;
	return false;
}

int vmm_restore_memory(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = m->start->base || has_own_memory(&m->memory) ? read_memory(m, "memory", err) : 0;

	if (!rc)
		rc = keep_base(&m->restore, err);
	return name_folder(m, rc, err);
}

int vmm_restore_set(struct vmm_machine *m, const void *bytes, size_t len,
		    struct vsu_error *err)
{
	struct vmm_restore *r = &m->restore;
	int rc;

	free(r->bytes);
	r->bytes = malloc(len + 1);
	if (!r->bytes)
		return vsu_error_set(err, -ENOMEM, "no memory for the state");
	memcpy(r->bytes, bytes, len);
	r->state = (struct vsu_state){ r->bytes, len };
	rc = vsu_state_check(&r->state, vmm_state_kinds, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "the state") :
			read_machine(m, err);
}

int vmm_restore_open(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = vmm_restore_read_state(&m->restore, m->restore.folder, err);

	if (!rc)
		rc = check_base(m, err);
	if (!rc)
		rc = name_memory(m, err);
	if (!rc)
		rc = read_machine(m, err);
	return name_folder(m, rc, err);
}

/* With all saved devices: one may have the file of another. */
static int check_clone_device(const struct vmm_device_spec *spec, const struct vmm_config *saved,
			      struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < saved->ndevices; i++)
		rc = vmm_device_check_clone(spec, &saved->specs[i], err);
	return rc;
}

int vmm_restore_check_clone(struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && m->start->saved && i < m->ndevices; i++)
		rc = check_clone_device(&m->devices[i].spec, m->start->saved, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "option --clone: device %u", i - 1) : 0;
}

static int load_device(struct vmm_machine *m, unsigned int i,
		       struct vsu_error *err)
{
	struct vsu_state_fields f;
	int rc;

	if (!m->devices[i].virtio)
		return 0;
	rc = vsu_state_find(&m->restore.state, "device", i, &f, err);
	if (!rc)
		rc = vmm_virtio_check_save(m->devices[i].virtio, err);
	if (!rc)
		rc = vmm_virtio_load(m->devices[i].virtio, f.in.at, f.in.left, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i) : 0;
}

/*
 * A size that the host has requested while the guest moved: the command line, which
 * comes first, lacks it. That of a saved machine has it, unless another was specified.
 */
static int load_requested(struct vmm_machine *m, unsigned int i, struct vsu_error *err)
{
	struct vmm_device *d = &m->devices[i];
	struct virtdev *dev = vmm_machine_local_device(d);
	struct vsu_state_fields f;
	uint64_t bytes;
	int rc;

	if (!dev || !d->spec.kind->resize_key ||
	    vsu_state_find(&m->restore.state, "requested", i, &f, NULL) < 0)
		return 0;
	bytes = vsu_state_get_u64(&f);
	rc = vsu_state_fields_end(&f, err);
	if (!rc)
		rc = d->spec.kind->resize(dev, bytes, err);
	if (!rc)
		vmm_live_resize(d, bytes);
	return rc;
}

int vmm_restore_requested(struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++)
		rc = load_requested(m, i, err);
	return rc;
}

static int write_generation(const struct vmm_machine *m, struct vsu_error *err)
{
	unsigned char id[16];
	int rc;

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return vsu_error_sys(err, -errno, "random bytes");
	rc = vmem_write_exact(vmem_map_view(vmm_memory_map(&m->memory)),
			      VARCH_GENERATION_GPA, id, sizeof(id));
	if (rc < 0)
		return vsu_error_sys(err, rc, "the VM Generation ID");
	vsu_event_signal(m->event_irq_fd);
	return 0;
}

int vmm_restore_renew(struct vmm_machine *m, struct vsu_error *err)
{
	return varch_guest_finds(m->loaded.protocol, VARCH_FINDS_GENERATION) ?
	       name_folder(m, write_generation(m, err), err) : 0;
}

int vmm_restore_plugged(struct vmm_machine *m, struct vsu_error *err)
{
	struct vsu_state_fields f;

	return vsu_state_find(&m->restore.state, "plugged", 0, &f, NULL) < 0 ? 0 :
	       name_folder(m, read_memory(m, "plugged", err), err);
}

int vmm_restore_check_disks(struct vmm_machine *m, struct vsu_error *err)
{
	return name_folder(m, vmm_disks_check(m, &m->restore.state, err), err);
}

int vmm_restore_check_content(struct vmm_machine *m, struct vsu_error *err)
{
	return m->start->changed_disks ? 0 :
	       name_folder(m, vmm_disks_check_content(m, &m->restore.state, err), err);
}

int vmm_restore_load(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vsu_state *state = &m->restore.state;
	const struct varch_machine parts = { &m->kvm, m->cpus, &m->power, vmm_console_port(m->console) };
	unsigned int i;
	int rc = varch_machine_load(&parts, state, err);

	m->power.start_ns = vsu_now_ns() - m->restore.age_ns;
	for (i = 0; !rc && i < m->ndevices; i++)
		rc = load_device(m, i, err);
	return name_folder(m, rc, err);
}

/* Tables of interrupts may be in memory that a device has added. */
int vmm_restore_controllers(struct vmm_machine *m, struct vsu_error *err)
{
	return name_folder(m, varch_vm_load_last(&m->kvm, &m->restore.state, err), err);
}

/* Their interrupts need the controllers. */
int vmm_restore_resume(struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;

	(void)err;
	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio)
			(void)!vmm_virtio_resume(m->devices[i].virtio);
	vmm_restore_free(m);
	return 0;
}

int vmm_restore_prefetch(struct vmm_machine *m, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct vmm_working_set set;
	int rc;

	if (!m->start->prefetch || vmm_machine_wants_shared(m))
		return 0;
	rc = m->start->base ? -ENOENT : vmm_recording_load(m->restore.folder, &set, &why);
	if (rc < 0 && rc != -ENOENT)
		vmm_log(&m->process.log, CVMM_LOG_WARNING, "prefetch", "%s; all of the memory is loaded",
			 why.msg);
	return vmm_prefetch_new(&m->memory, vmm_memory_map(&m->memory), rc < 0 ? NULL : &set,
				&m->restore.prefetch, err);
}

void vmm_restore_free(struct vmm_machine *m)
{
	free(m->restore.bytes);
	m->restore.bytes = NULL;
	vsu_fd_close(&m->restore.memory_fd);
	vsu_fd_close(&m->restore.base_fd);
	vmm_memory_specs_free(&m->restore.memory.specs);
}
