/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Receives a machine. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "machine/disks.h"
#include "machine/locks.h"
#include "migration/channels.h"
#include "migration/pages.h"
#include "migration/shared.h"
#include "transfer/incoming.h"
#include "transfer/plugged.h"
#include "transfer/postcopy.h"
#include "transfer/restore.h"
#include "transfer/save.h"

/* The next region of the own memory from *i on, or NULL. */
static const struct vmem_region *next_region(const struct vmm_machine *m,
					     unsigned int *i)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const struct vmem_region *r;

	while (*i < vmem_map_count(map)) {
		r = vmem_map_region(map, (*i)++);
		if (vmm_memory_has(&m->memory, r))
			return r;
	}
	return NULL;
}

/* The options describe the same memory as the source has. */
static int check_memory(const struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmem_region *r;
	struct vsu_state_fields f;
	uint64_t gpa, len;
	unsigned int i = 0;
	int rc = vsu_state_find(&m->restore.state, "memory", 0, &f, err);

	while (!rc && f.in.left && !f.in.truncated) {
		gpa = vsu_state_get_u64(&f);
		len = vsu_state_get_u64(&f);
		vsu_state_get_u64(&f);	/* its place in a file */
		r = next_region(m, &i);
		if (!r || vmem_region_gpa(r) != gpa || vmem_region_len(r) != len)
			return vsu_error_set(err, -EINVAL, "the source has %" PRIu64 " bytes of memory at %#" PRIx64 ", which this machine lacks",
					     len, gpa);
	}
	if (!rc && next_region(m, &i))
		rc = vsu_error_set(err, -EINVAL, "this machine has more memory than the source");
	return rc ? rc : vsu_state_fields_end(&f, err);
}

static int name_option(int rc, struct vsu_error *err)
{
	return rc < 0 ? vsu_error_prefix(err, rc, "option --incoming") : 0;
}

/* Connections that can pass descriptors get the owner's closer. */
static void take_closer(struct vmm_machine *m)
{
	struct vmm_stream *s = m->restore.stream;

	if (!s->has_fds)
		return;
	s->closer = vmm_closer_get(&m->process.closer, NULL);
	vmm_channels_set_closer(m->start->channels, s->closer);
}

int vmm_incoming_open(struct vmm_machine *m, struct vsu_error *err)
{
	struct vsu_state_section head;
	int rc;

	take_closer(m);
	rc = vmm_stream_receive(m->restore.stream, &head, err);
	if (!rc && !strcmp(head.name, "postcopy")) {
		rc = vmm_postcopy_open(m, err);
		if (!rc)
			rc = vmm_stream_receive(m->restore.stream, &head, err);
	}
	if (!rc)
		rc = vmm_stream_check_name(&head, "head", err);
	if (!rc)
		rc = vmm_restore_set(m, head.bytes, head.len, err);
	return name_option(rc, err);
}

int vmm_incoming_share(struct vmm_machine *m, struct vsu_error *err)
{
	return name_option(vmm_shared_receive(m->restore.stream, &m->memory, err), err);
}

/* All sections of memory, up to another one. */
static int receive_pages(const struct vmm_machine *m, struct vmm_stream *s,
			 struct vsu_state_section *section, struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_save_map(m, &map, err);

	if (rc < 0)
		return rc;
	do {
		rc = vmm_stream_receive(s, section, err);
		if (!rc)
			rc = vmm_pages_receive(map, section, err);
	} while (!rc);
	vmem_map_unref(map);
	return rc < 0 ? rc : 0;
}

static int expect_end(const struct vsu_state_section *section, const char *name,
		      struct vsu_error *err)
{
	return !strcmp(section->name, name) ? 0 :
	       vsu_error_set(err, -EBADMSG, "the stream has section '%s' among the memory",
			     section->name);
}

/* A failure ends the waiting for the first connection. */
static int receive_channel(struct vmm_channel *channel, struct vsu_error *err)
{
	const struct vmm_machine *m = channel->opaque;
	struct vsu_state_section section;
	int rc = receive_pages(m, &channel->stream, &section, err);

	if (!rc)
		rc = expect_end(&section, "end", err);
	if (rc < 0)
		shutdown(m->restore.stream->fd, SHUT_RD);
	return rc;
}

static int receive_memory(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_channels *channels = m->start->channels;
	struct vsu_state_section section;
	int rc;

	channels->threads = &m->process.threads;
	vmm_channels_start(channels, receive_channel, m);
	rc = receive_pages(m, m->restore.stream, &section, err);
	if (!rc && !m->restore.postcopy)
		rc = expect_end(&section, "state", err);
	rc = vmm_channels_join(channels, rc, err);
	vmm_channels_close(channels);
	if (!rc)
		rc = vmm_postcopy_receive(m, &section, err);
	if (!rc)
		rc = expect_end(&section, "state", err);
	if (!rc)
		rc = vmm_restore_set(m, section.bytes, section.len, err);
	return rc ? rc : vmm_postcopy_begin(m, err);
}

int vmm_incoming_receive(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = check_memory(m, err);

	if (!rc)
		rc = vmm_plugged_make(m, &m->restore.state, err);
	if (!rc)
		rc = vmm_disks_check(m, &m->restore.state, err);
	if (!rc)
		rc = vmm_postcopy_check(m, err);
	if (!rc)
		rc = vmm_stream_send_empty(m->restore.stream, "ready", err);
	if (!rc)
		rc = receive_memory(m, err);
	return name_option(rc, err);
}

bool vmm_incoming_is_open(const struct vmm_machine *m)
{
	return m->restore.stream && m->restore.stream->fd >= 0 &&
	       !vmm_postcopy_is_confirmed(m);
}

/* A guest that its user has paused stays paused. */
static int receive_go(struct vmm_machine *m, uint32_t *paused, struct vsu_error *err)
{
	struct vsu_state_section go;
	struct vsu_state_fields f;
	int rc;

	if (vmm_postcopy_is_active(m))
		return vmm_postcopy_go(m, paused, err);
	rc = vmm_stream_expect(m->restore.stream, "go", &go, err);
	if (rc < 0)
		return rc;
	vmm_stream_fields(&go, &f);
	*paused = vsu_state_get_u32(&f);
	return vsu_state_fields_end(&f, err);
}

static int answer_source(struct vmm_machine *m, const char *name, struct vsu_error *err)
{
	return vmm_postcopy_is_active(m) ? vmm_postcopy_say(m, name, err) :
	       vmm_stream_send_empty(m->restore.stream, name, err);
}

/*
 * The source waits for this reply. If it is gone the guest is here, unless pages are
 * missing.
 */
static int end_stream(struct vmm_machine *m, struct vsu_error *err)
{
	if (vmm_postcopy_is_active(m))
		return answer_source(m, "running", err);
	(void)!answer_source(m, "running", NULL);
	vmm_stream_close(m->restore.stream);
	vmm_postcopy_free(m);
	return 0;
}

int vmm_incoming_confirm(struct vmm_machine *m, struct vsu_error *err)
{
	const uint64_t given = vmm_memory_given(&m->memory);
	uint32_t paused = 0;
	int rc = vmm_memory_lock(&m->memory, given, err);	/* the source has unlocked it */

	if (!rc)
		rc = answer_source(m, "loaded", err);
	if (!rc)
		rc = receive_go(m, &paused, err);
	if (paused && vmm_life_set_guest(&m->pause.life, VMM_PAUSED))
		varch_cpus_pause(m->cpus);
	if (!rc)
		rc = vmm_locks_get(m, err);
	if (!rc) {
		vmm_memory_set_owner(&m->memory, given, true);
		rc = end_stream(m, err);
	}
	return name_option(rc, err);
}

void vmm_incoming_refuse(struct vmm_machine *m, const struct vsu_error *why)
{
	struct vmm_stream *s = m->restore.stream;

	vmm_postcopy_free(m);
	vmm_memory_unlock(&m->memory);	/* the source locks it after the reply */
	vmm_stream_refuse(s, why);
	vmm_stream_close(s);	/* the closer may end before the configuration is freed */
}
