/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Stops CPUs and devices, reads the registers, and has a thread write the file. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-arch/core.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "machine/stop.h"
#include "transfer/core.h"
#include "transfer/save.h"
#include "transfer/save_target.h"
#include "transfer/writer.h"

struct vmm_core {
	struct vmm_machine *m;
	char *path;		/* of the file that this process created; NULL: fd is the client's */
	int fd;
	struct vmem_map *map;
	struct varch_core core;
	uint64_t failed;	/* pieces of memory that were lost before */
	int pagemap;		/* or a negative errno: all memory is read */
	struct vmm_image_progress progress;
	struct vmm_writer writer;
	int rc;
	struct vsu_error err;
};

static int write_core(struct vmm_core *c)
{
	int rc;

	c->progress.begin = c->core.len;
	c->progress.pagemap = c->pagemap < 0 ? NULL : &c->pagemap;
	c->progress.look = varch_core_look;
	c->progress.opaque = &c->core;
	rc = vmm_image_write(c->map, c->fd, &c->progress, &c->err);
	if (rc < 0)
		return rc;
	varch_core_finish(&c->core, c->map);
	rc = vmm_image_write_pieces(c->fd, c->core.headers, c->core.len, 0, &c->progress);
	return rc < 0 ? vsu_error_sys(&c->err, rc, "the headers of the core") : 0;
}

static void *writer_main(void *arg)
{
	struct vmm_core *c = arg;

	vmm_writer_moves(&c->writer);
	c->rc = write_core(c);
	if (!c->rc)	/* zeros may have been read in place of lost memory */
		c->rc = vmm_memory_check_loss(&c->m->memory, c->failed, &c->err);
	if (!c->rc)
		c->rc = vmm_writer_wrote(&c->writer, &c->err);
	if (!c->rc && fsync(c->fd) < 0)
		c->rc = vsu_error_sys(&c->err, -errno, "the file");
	vmm_writer_ends(&c->writer);
	return NULL;
}

/* -------------------------------------------------------------- end of a core */

static void remove_incomplete(const struct vmm_core *c)
{
	if (c->rc && c->path)
		unlink(c->path);
}

/* The file may be of a file server. */
static void core_destroy(struct vmm_core *c)
{
	vsu_foreign_close(vmm_closer_get(&c->m->process.closer, NULL), &c->fd);
	vsu_fd_close(&c->pagemap);
	vmem_map_unref(c->map);
	free(c->core.headers);
	free(c->path);
	free(c);
}

/* The machine may begin another activity. */
static void core_leave(const struct vmm_core *c)
{
	c->m->pause.core = NULL;
	vmm_life_finish(&c->m->pause.life);
}

/* The answer may begin another command. */
static void core_end(void *opaque)
{
	struct vmm_core *c = opaque;

	vmm_writer_release(&c->writer, false);
	remove_incomplete(c);
	core_leave(c);
	vmm_answers_send(&c->m->answers, c, NULL, c->rc ? &c->err : NULL);
	vmm_writer_fini(&c->writer);
	core_destroy(c);
}

void vmm_core_free(struct vmm_machine *m)
{
	struct vmm_core *c = m->pause.core;

	if (!c)
		return;
	if (vmm_stop_has_begun(m))
		vmm_stop_abandon(m);
	if (!vmm_writer_works(&c->writer))
		c->rc = -ECANCELED;
	vmm_writer_fini(&c->writer);
	remove_incomplete(c);
	if (!c->rc)	/* the machine ended while its file was synchronized */
		vmm_answers_send(&m->answers, c, NULL, NULL);
	core_leave(c);
	core_destroy(c);
}

/* ------------------------------------------------------------------ its steps */

/* Requests in progress end in turns of the loop. */
static int on_step(void *opaque)
{
	struct vmm_core *c = opaque;
	int rc = vmm_stop_step(c->m, true, &c->err);

	if (rc == 1)
		return rc;
	if (!rc)
		rc = vmm_save_map(c->m, &c->map, &c->err);
	if (!rc)
		rc = varch_core_init(&c->core, c->m->cpus, c->map, &c->err);
	if (!rc)
		rc = vmm_writer_start(&c->writer, writer_main, &c->err);
	if (rc < 0) {
		c->rc = rc;
		core_end(c);
	}
	return 0;
}

/* ------------------------------------------------------------------ its begin */

static int open_target(struct vmm_core *c, const struct cvmm_core *core, struct vsu_error *err)
{
	int rc;

	if (!core->file) {
		rc = vmm_save_target_check(core->fd, "core", err);
		if (rc < 0)
			return rc;
		c->fd = vsu_fd_dup(core->fd);
		return c->fd < 0 ? vsu_error_sys(err, c->fd, "the file") : 0;
	}
	c->fd = open(core->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (c->fd < 0)
		return errno == EEXIST ?
		       vsu_error_set(err, -EEXIST, "'%s' exists; name a new file", core->file) :
		       vsu_error_sys(err, -errno, "cannot create '%s'", core->file);
	c->path = strdup(core->file);
	if (c->path)
		return 0;
	unlink(core->file);
	return vsu_error_set(err, -ENOMEM, "no memory for a path");
}

static struct vmm_core *core_new(struct vmm_machine *m, const struct cvmm_core *core,
				 struct vsu_error *err)
{
	struct vmm_core *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		vsu_error_set(err, -ENOMEM, "no memory");
		return NULL;
	}
	c->m = m;
	c->fd = -1;
	c->pagemap = vmm_owner_pagemap(&m->owner);
	c->progress.threads = &m->process.threads;
	c->failed = vmm_memory_failed(&m->memory);
	vsu_error_clear(&c->err);
	c->writer = (struct vmm_writer){ .m = m, .progress = &c->progress, .ended = core_end,
					 .opaque = c };
	rc = vmm_writer_init(&c->writer, err);
	if (!rc && !open_target(c, core, err))
		return c;
	vmm_writer_fini(&c->writer);
	core_destroy(c);
	return NULL;
}

int vmm_core_begin(struct vmm_machine *m, const struct cvmm_core *core, struct vsu_error *err)
{
	int rc = vmm_life_check(&m->pause.life, VMM_SAVES, err);

	if (rc < 0)
		return rc;
	if (vmm_memory_wants_private(&m->memory))
		return vsu_error_set(err, -EOPNOTSUPP, "the guest has private memory (--memory private=on), which its host cannot read");
	m->pause.core = core_new(m, core, err);
	if (!m->pause.core)
		return err->code;
	(void)!vmm_life_begin(&m->pause.life, VMM_SAVES, NULL);
	vmm_stop_begin(m, on_step, m->pause.core);
	return 0;
}
