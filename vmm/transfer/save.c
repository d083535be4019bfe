/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Flushes the disks on a thread while the guest runs, pauses CPUs and devices, collects their
 * state, and has another thread flush what was written since, and write the files. The guest
 * continues while they are synchronized, unless it is to end or stay paused. So a pause does
 * not wait for the host's disk, and a host whose file system hangs cannot extend it without
 * limit.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vm-arch/arch.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "machine/disk_flush.h"
#include "machine/disks.h"
#include "machine/events.h"
#include "machine/live.h"
#include "machine/stop.h"
#include "memory/image.h"
#include "transfer/save.h"
#include "transfer/save_files.h"
#include "transfer/save_target.h"
#include "transfer/writer.h"

/* Their versions, and those that an earlier reader may skip. */
const struct vsu_state_kind vmm_state_kinds[] = {
	VARCH_STATE_KINDS,
	{ "architecture", 1, false },
	{ "base", 1, false },
	{ "changed", 1, false },
	{ "checksums", 1, true },
	{ "device", 1, false },
	{ "disk", 1, false },
	{ "disk-content", 1, false },
	{ "machine", 1, false },
	{ "memory", 1, false },
	{ "new-cpus", 1, false },
	{ "origin", 1, true },
	{ "plugged", 1, false },
	{ "ports", 1, false },
	{ "requested", 1, true },
	{ NULL, 0, false },
};

struct vmm_save {
	struct vmm_machine *m;
	enum cvmm_then then;
	struct vmm_save_files files;
	struct vmm_words words;	/* of files */
	enum { SAVE_FLUSHES, SAVE_STOPS, SAVE_WRITES } phase;
	struct vmm_writer writer;	/* of a flush, then of the files */
	uint64_t flush_until_ns;	/* of the second flush */
	int cancel_fd;			/* it ends a wait for the disks */
	int rc;
	struct vsu_error err;
};

/* The guest runs, so it may take as long as the disks need. */
static void *flush_main(void *arg)
{
	struct vmm_save *s = arg;

	s->rc = vmm_disks_flush(s->m, s->cancel_fd, 0, &s->err);
	vmm_writer_ends(&s->writer);
	return NULL;
}

static void *writer_main(void *arg)
{
	struct vmm_save *s = arg;

	s->rc = vmm_disks_flush(s->m, s->cancel_fd, s->flush_until_ns, &s->err);
	vmm_writer_moves(&s->writer);
	if (!s->rc)
		s->rc = vmm_disks_identify(s->m, &s->files.state, &s->err);
	if (!s->rc)
		s->rc = vmm_save_write_files(&s->files, &s->err);
	if (!s->rc)
		s->rc = vmm_writer_wrote(&s->writer, &s->err);
	if (!s->rc)
		s->rc = vmm_save_sync_files(&s->files, &s->err);
	vmm_writer_ends(&s->writer);
	return NULL;
}

/* -------------------------------------------------------------- end of a save */

/* The machine may begin another activity. */
static void save_leave(const struct vmm_save *s)
{
	struct vmm_machine *m = s->m;

	if (vmm_stop_has_begun(m))
		vmm_stop_abandon(m);
	m->pause.save = NULL;
	vmm_life_finish(&m->pause.life);
}

static void save_free(struct vmm_save *s)
{
	vsu_event_signal(s->cancel_fd);
	vmm_writer_fini(&s->writer);
	vmem_map_unref(s->files.map);
	vsu_fd_close(&s->cancel_fd);
	free(s->files.state.out.bytes);
	vmm_words_free(&s->words);
	vmm_save_target_close(&s->files);
	free(s);
}

bool vmm_save_progress(const struct vmm_machine *m, struct cvmm_progress *out)
{
	const struct vmm_save *s = m->pause.save;

	if (!s)
		return false;
	out->save_done = __atomic_load_n(&s->files.progress.done, __ATOMIC_RELAXED);
	out->save_total = __atomic_load_n(&s->files.progress.total, __ATOMIC_RELAXED);
	return true;
}

void vmm_save_publish_progress(const struct vmm_machine *m)
{
	struct cvmm_event e = { .kind = CVMM_EVENT_SAVING };

	vmm_save_progress(m, &e.progress);
	vmm_event_publish(m, &e);
}

/*
 * After a failure the guest continues as if no save had been requested. The answer may begin
 * another command.
 */
static void save_end(struct vmm_save *s)
{
	const enum cvmm_then then = s->rc ? CVMM_THEN_RESUME : s->then;
	struct vmm_machine *m = s->m;

	/* before the answer: another machine may use the name then */
	if (s->rc)
		vmm_save_remove_files(&s->files);
	vmm_save_publish_progress(m);
	if (then == CVMM_THEN_PAUSE)
		vmm_stop_for_user(m);
	if (then != CVMM_THEN_STOP) {
		vmm_writer_release(&s->writer, !s->rc);
		save_leave(s);
	}
	vmm_answers_send(&m->answers, s, NULL, s->rc ? &s->err : NULL);
	if (then == CVMM_THEN_STOP)
		save_leave(s);
	save_free(s);
	if (then == CVMM_THEN_STOP)
		varch_cpus_end(m->cpus, VSU_EXIT_OK, "%s", "");
}

/* A save whose files were synchronized meanwhile is complete. */
void vmm_save_free(struct vmm_machine *m)
{
	struct vmm_save *s = m->pause.save;

	if (!s)
		return;
	vsu_event_signal(s->cancel_fd);
	vmm_writer_fini(&s->writer);
	if (s->rc || s->phase != SAVE_WRITES)
		vmm_save_remove_files(&s->files);
	else
		vmm_answers_send(&m->answers, s, NULL, NULL);
	save_leave(s);
	save_free(s);
}

/* ------------------------------------------------------------------- the state */

static void put_architecture(struct vsu_state_writer *w)
{
	if (!strcmp(VARCH_NAME, VMM_STATE_ARCHITECTURE))
		return;
	vsu_state_section(w, "architecture", 0);
	vsu_state_put(w, VARCH_NAME, strlen(VARCH_NAME));
	vsu_state_section_end(w);
}

static void put_machine(const struct vmm_machine *m, struct vsu_state_writer *w)
{
	const unsigned int places = vmm_live_places(m);
	unsigned int i;

	vsu_state_section(w, "machine", 0);
	vsu_state_put_u32(w, varch_cpus_number(m->cpus));
	vsu_state_put_u32(w, (uint32_t)m->loaded.protocol);
	vsu_state_put_u32(w, m->loaded.level0);
	vsu_state_put_u32(w, m->on_bus);
	vsu_state_put_u32(w, m->pci.selected);
	vsu_state_put_u32(w, m->plug.came);
	vsu_state_put_u32(w, m->plug.goes);
	vsu_state_put_u32(w, m->plug.asked);
	vsu_state_put_u64(w, vsu_now_ns() - m->power.start_ns);
	vsu_state_put_u32(w, places);
	for (i = 0; i < places; i++)
		vsu_state_put_u32(w, m->devices[i].spec.id);
	vsu_state_section_end(w);
}

/* CPUs that the guest has not looked for yet. */
static void put_new_cpus(const struct vmm_machine *m, struct vsu_state_writer *w)
{
	uint32_t words[VARCH_PLUG_CPU_WORDS], all = 0;
	unsigned int i;

	for (i = 0; i < VARCH_PLUG_CPU_WORDS; i++)
		all |= words[i] = __atomic_load_n(&m->plug.new_cpus[i], __ATOMIC_ACQUIRE);
	if (!all)
		return;
	vsu_state_section(w, "new-cpus", 0);
	for (i = 0; i < VARCH_PLUG_CPU_WORDS; i++)
		vsu_state_put_u32(w, words[i]);
	vsu_state_section_end(w);
}

/* The size that the host requests, which may have changed since the migration began. */
static void put_requested(const struct vmm_machine *m, unsigned int i,
			  struct vsu_state_writer *w)
{
	const struct vmm_device *d = &m->devices[i];

	if (!d->virtio || !d->spec.kind || !d->spec.kind->resize_key || !d->changed)
		return;
	vsu_state_section(w, "requested", i);
	vsu_state_put_u64(w, vmm_live_size(d));
	vsu_state_section_end(w);
}

static int put_device(const struct vmm_machine *m, unsigned int i,
		      struct vsu_state_writer *w, struct vsu_error *err)
{
	void *bytes;
	size_t len;
	int rc;

	if (!m->devices[i].virtio)
		return 0;
	rc = vmm_virtio_take(m->devices[i].virtio, &bytes, &len, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "device %u", i);
	vsu_state_section(w, "device", i);
	vsu_state_put(w, bytes, len);
	vsu_state_section_end(w);
	free(bytes);
	return 0;
}

int vmm_save_map(const struct vmm_machine *m, struct vmem_map **out,
		 struct vsu_error *err)
{
	int rc = vmm_window_map_saved(&m->shmem, out);

	return rc < 0 ? vsu_error_sys(err, rc, "the memory to save") : 0;
}

int vmm_save_describe(const struct vmm_machine *m, struct vsu_state_writer *w,
		      struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_save_map(m, &map, err);

	if (rc < 0)
		return rc;
	vsu_state_begin(w, vmm_state_kinds);
	put_architecture(w);
	put_machine(m, w);
	put_new_cpus(m, w);
	varch_vm_describe(&m->kvm, w);
	vmm_image_describe(&m->memory, map, w);
	vmm_disks_describe(m, w);
	vmem_map_unref(map);
	return 0;
}

int vmm_save_collect(struct vmm_machine *m, struct vsu_state_writer *w,
		     struct vsu_error *err)
{
	const struct varch_machine parts = { &m->kvm, m->cpus, &m->power, vmm_console_port(m->console) };
	unsigned int i;
	int rc = vmm_save_describe(m, w, err);

	if (!rc)
		rc = varch_machine_save(&parts, w, err);
	for (i = 0; !rc && i < m->ndevices; i++)
		rc = put_device(m, i, w, err);
	for (i = 0; i < m->ndevices; i++)
		put_requested(m, i, w);
	return rc;
}

int vmm_save_finish(struct vsu_state_writer *w, struct vsu_error *err)
{
	return vsu_state_finish(w) < 0 ? vsu_error_sys(err, w->out.error, "the state") : 0;
}

/* ------------------------------------------------------------------ its steps */

/* The guest may have released a device, or a client changed a limit, during the flush. */
static int describe_again(struct vmm_save *s)
{
	int rc = vmm_save_check(s->m, &s->err);

	if (rc < 0)
		return rc;
	vmm_words_free(&s->words);
	rc = vmm_live_words(s->m, &s->words, &s->err);
	s->files.words = s->words.words;
	s->files.nwords = s->words.n;
	return rc;
}

static int collect_state(struct vmm_save *s)
{
	int rc = vmm_save_collect(s->m, &s->files.state, &s->err);

	vsu_state_section(&s->files.state, "origin", 0);
	vsu_state_put_u64(&s->files.state, (uint64_t)time(NULL));
	vsu_state_put(&s->files.state, PACKAGE_VERSION, strlen(PACKAGE_VERSION));
	vsu_state_section_end(&s->files.state);
	return rc;
}

/* Requests in progress end in turns of the loop. */
static int on_step(void *opaque)
{
	struct vmm_save *s = opaque;
	struct vmm_machine *m = s->m;
	int rc = vmm_stop_step(m, true, &s->err);

	if (rc == 1)
		return rc;
	s->rc = rc ? rc : describe_again(s);
	if (!s->rc)
		s->rc = collect_state(s);
	if (!s->rc)
		s->rc = vmm_save_map(m, &s->files.map, &s->err);
	s->phase = SAVE_WRITES;
	s->flush_until_ns = vmm_stop_deadline_ns(m);
	s->writer.holds = s->then != CVMM_THEN_RESUME;
	/* the thread stores its own result to s->rc */
	rc = s->rc ? s->rc : vmm_writer_start(&s->writer, writer_main, &s->err);
	if (!rc)
		return 0;
	s->rc = rc;
	save_end(s);
	return 0;
}

static void on_ended(void *opaque)
{
	struct vmm_save *s = opaque;

	if (s->rc || s->phase == SAVE_WRITES) {
		save_end(s);
		return;
	}
	s->phase = SAVE_STOPS;
	vmm_stop_begin(s->m, on_step, s);
}

/* ------------------------------------------------------------------ its begin */

static int check_device(const struct vmm_device *d, unsigned int i,
			struct vsu_error *err)
{
	int rc;

	if (!d->virtio)
		return 0;
	if (d->spec.kind && vmm_device_describe(&d->spec).temporary)
		return vsu_error_set(err, -EOPNOTSUPP, "device %u: the changes of a disk with snapshot=on end with this program; give it a file for them, with overlay=FILE",
				     i);
	rc = vmm_virtio_check_save(d->virtio, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i) : 0;
}

int vmm_save_check(const struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (vmm_memory_wants_private(&m->memory))
		return vsu_error_set(err, -EOPNOTSUPP, "the guest has private memory (--memory private=on), which its host cannot read; only a machine without it can be saved or migrated");
	rc = vmm_window_check_order(&m->shmem, err);
	for (i = 0; !rc && i < m->ndevices; i++)
		rc = check_device(&m->devices[i], i, err);
	return rc;
}

/* The guest's pages are compared with those that it has mapped, not with their content. */
static int use_base(struct vmm_save *s, struct vsu_error *err)
{
	const struct vmm_machine *m = s->m;

	if (!m->restore.base.n)
		return vsu_error_set(err, -EOPNOTSUPP, "no memory of this machine is mapped from a saved machine (--from), so there is nothing that an incremental save could leave out");
	if (vmm_memory_failed(&m->memory))
		return vsu_error_set(err, -EOPNOTSUPP, "memory of this machine was lost and replaced, so its unchanged pages are unknown; save it whole");
	if (s->files.pagemap < 0)
		return vsu_error_sys(err, s->files.pagemap, "cannot open /proc/self/pagemap");
	s->files.base = &m->restore.base;
	return 0;
}

static struct vmm_save *save_new(struct vmm_machine *m, const struct cvmm_save *save,
				 struct vsu_error *err)
{
	struct vmm_save *s = calloc(1, sizeof(*s));

	if (!s) {
		vsu_error_set(err, -ENOMEM, "no memory");
		return NULL;
	}
	s->m = m;
	s->then = save->then;
	vmm_save_target_init(&s->files);
	s->files.memory = &m->memory;
	s->files.closer = &m->process.closer;
	s->files.progress.threads = &m->process.threads;
	s->files.failed = vmm_memory_failed(&m->memory);
	s->files.pagemap = vmm_owner_pagemap(&m->owner);
	vsu_error_clear(&s->err);
	s->cancel_fd = vsu_event_new();
	s->writer = (struct vmm_writer){ .m = m, .progress = &s->files.progress, .saves = true,
					 .ended = on_ended, .opaque = s };
	if (vmm_writer_init(&s->writer, err) < 0 || s->cancel_fd < 0)
		vsu_error_set(err, -EMFILE, "no free descriptor");
	else if (!vmm_live_words(m, &s->words, err) && (!save->incremental || !use_base(s, err)) &&
		 !vmm_save_target_open(&s->files, save, err))
		return s;
	save_free(s);
	return NULL;
}

int vmm_save_begin(struct vmm_machine *m, const struct cvmm_save *save,
		   struct vsu_error *err)
{
	struct vmm_save *s;
	int rc = vmm_save_target_check_all(save, err);

	if (!rc)
		rc = vmm_save_check(m, err);
	if (!rc)
		rc = vmm_life_check(&m->pause.life, VMM_SAVES, err);
	if (rc < 0)
		return rc;
	s = save_new(m, save, err);
	if (!s)
		return err->code;
	m->pause.save = s;
	(void)!vmm_life_begin(&m->pause.life, VMM_SAVES, NULL);
	rc = vmm_writer_start(&s->writer, flush_main, err);
	if (rc < 0) {
		vmm_save_remove_files(&s->files);
		save_leave(s);
		save_free(s);
	}
	return rc;
}
