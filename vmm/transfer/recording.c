/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records the working set of a machine, and loads that of another one. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/thread.h>

#include "cvmm/configuration.h"
#include "machine/sharing.h"
#include "transfer/recording.h"

#define NAME "working-set"

struct vmm_recording {
	struct vmm_machine *m;
	struct vmem_map *map;
	int pagemap, done_fd;
	char *path, *incomplete;
	struct vsu_io done;
	pthread_t thread;
	bool started, stop;		/* stop: atomic */
	struct vmm_working_set set;	/* results of the thread */
	int rc;
	struct vsu_error err;
};

/* ------------------------------------------------------------------ the thread */

/*
 * The file appears under its name when it is complete. For a FIFO in its place the thread,
 * and the end of the machine, would wait for a reader.
 */
static int write_file(const struct vmm_recording *r, const struct vsu_state_writer *w,
		      struct vsu_error *err)
{
	int fd = open(r->incomplete, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW |
		      O_NONBLOCK, 0600);
	ssize_t n = fd < 0 ? -errno : vsu_fd_write_full(fd, w->out.bytes, w->out.len);
	int rc = n < 0 ? (int)n : (size_t)n < w->out.len ? -ENOSPC : 0;

	if (!rc && (fsync(fd) < 0 || rename(r->incomplete, r->path) < 0))
		rc = -errno;
	if (rc < 0 && fd >= 0)
		unlink(r->incomplete);
	vsu_fd_close(&fd);
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot write '%s'", r->path);
	if (rc == -EACCES)
		(void)vsu_error_operands(err, CVMM_ADVICE_FOLDER, 0, 0);
	return rc < 0 ? rc : 0;
}

static void *recording_main(void *arg)
{
	struct vmm_recording *r = arg;
	struct vsu_state_writer w = { 0 };

	r->rc = vmm_working_set_record(&r->set, &r->m->memory, r->map, r->pagemap, &r->stop,
				       &r->err);
	if (!r->rc)
		r->rc = vmm_working_set_put(&r->set, &w, &r->err);
	if (!r->rc)
		r->rc = write_file(r, &w, &r->err);
	free(w.out.bytes);
	vsu_event_signal(r->done_fd);
	return NULL;
}

/* -------------------------------------------------------------- begin and end */

static void recording_free(struct vmm_recording *r)
{
	if (r->started)
		pthread_join(r->thread, NULL);
	vsu_io_stop(&r->done);
	vmem_map_unref(r->map);
	vmm_working_set_free(&r->set);
	vsu_fd_close(&r->pagemap);
	vsu_fd_close(&r->done_fd);
	free(r->path);
	free(r->incomplete);
	r->m->restore.recording = NULL;
	free(r);
}

static void on_done(void *opaque)
{
	struct vmm_recording *r = opaque;
	struct cvmm_answer answer = { .size = 0 };

	pthread_join(r->thread, NULL);
	r->started = false;
	answer.bytes = r->set.bytes;
	answer.ranges = r->set.n;
	vmm_answers_send(&r->m->answers, r, &answer, r->rc ? &r->err : NULL);
	recording_free(r);
}

static int open_files(struct vmm_recording *r, const char *folder, struct vsu_error *err)
{
	if (asprintf(&r->path, "%s/" NAME, folder) < 0)
		r->path = NULL;
	if (!r->path || asprintf(&r->incomplete, "%s.incomplete", r->path) < 0) {
		r->incomplete = NULL;
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	}
	r->pagemap = vmm_owner_pagemap(&r->m->owner);
	if (r->pagemap < 0)
		return vsu_error_sys(err, r->pagemap, "cannot open /proc/self/pagemap");
	r->done_fd = vsu_event_new();
	return r->done_fd < 0 ? vsu_error_sys(err, r->done_fd, "eventfd") : 0;
}

static int check_machine(const struct vmm_machine *m, struct vsu_error *err)
{
	if (m->restore.recording)
		return vsu_error_set(err, -EBUSY, "another recording is in progress");
	if (!m->restore.folder || vmm_machine_wants_shared(m))
		return vsu_error_set(err, -EOPNOTSUPP, "the memory of this machine is not mapped from a saved machine (--from)");
	if (vsu_file_value_is_fd(m->restore.folder))
		return vsu_error_set(err, -EOPNOTSUPP, "the folder of --from was passed by descriptor, and the file 'working-set' is written by its path");
	if (m->start->base)
		return vsu_error_set(err, -EOPNOTSUPP, "the memory of this machine is in two folders (--base), and a record has the pages of one");
	if (m->start->prefetch)
		return vsu_error_set(err, -EOPNOTSUPP, "--prefetch has loaded pages that the guest may not use; record a machine that runs without it");
	return 0;
}

int vmm_recording_begin(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_recording *r;
	int rc = check_machine(m, err);

	if (rc < 0)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return vsu_error_set(err, -ENOMEM, "no memory");
	r->m = m;
	r->pagemap = r->done_fd = -1;
	r->map = vmem_map_ref(vmm_memory_map(&m->memory));
	vsu_error_clear(&r->err);
	vsu_io_init(&r->done, on_done, r, -1, VSU_IO_READ);
	rc = open_files(r, m->restore.folder, err);
	if (!rc)
		rc = vsu_thread_start(&m->process.threads, &r->thread, recording_main, r);
	if (rc < 0) {
		recording_free(r);
		return err->code ? rc : vsu_error_sys(err, rc, "cannot start a thread");
	}
	r->started = true;
	m->restore.recording = r;
	r->done.fd = r->done_fd;
	vsu_io_start(m->loop, &r->done);
	return 0;
}

void vmm_recording_free(struct vmm_machine *m)
{
	struct vmm_recording *r = m->restore.recording;

	if (!r)
		return;
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	recording_free(r);
}

/* ------------------------------------------------------------------------ load */

static int open_in(const char *folder, const char *name, struct stat *st)
{
	int fd = vsu_file_value_open_in(folder, name, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	int rc = fd < 0 ? fd : fstat(fd, st) < 0 ? -errno : S_ISREG(st->st_mode) ? fd : -EBADMSG;

	if (rc < 0)
		vsu_fd_close(&fd);
	return rc;
}

static int read_set(int fd, const struct stat *st, uint64_t memory, struct vmm_working_set *set,
		    struct vsu_error *err)
{
	struct vsu_state state = { .len = (size_t)st->st_size };
	unsigned char *bytes = (uint64_t)st->st_size > VSU_STATE_MAX ? NULL : malloc(state.len + 1);
	int rc = !bytes ? -ENOMEM : pread(fd, bytes, state.len, 0) != st->st_size ? -EBADMSG : 0;

	state.bytes = bytes;
	rc = rc < 0 ? vsu_error_sys(err, rc, "cannot be read") :
		      vmm_working_set_get(set, &state, memory, err);
	free(bytes);
	return rc;
}

int vmm_recording_load(const char *folder, struct vmm_working_set *set,
		       struct vsu_error *err)
{
	struct stat st, memory;
	int fd = open_in(folder, NAME, &st), rc, file;

	if (fd < 0)
		return fd == -ENOENT ? fd : vsu_error_sys(err, fd, "cannot read '%s/" NAME "'", folder);
	file = open_in(folder, "memory", &memory);
	rc = file < 0 ? vsu_error_sys(err, file, "file 'memory'") :
			read_set(fd, &st, (uint64_t)memory.st_size, set, err);
	vsu_fd_close(&file);
	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_prefix(err, rc, "'%s/" NAME "'", folder) : 0;
}
