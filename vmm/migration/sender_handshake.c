/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The source until the destination has made its machine. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "migration/sender_handshake.h"
#include "migration/shared.h"

static int put_arguments(struct vmm_sender *s, struct vsu_error *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return vsu_error_set(err, -ENOMEM, "no memory for the command line");
	prog_json_command_line(to, s->config.words, s->config.nwords);
	if (fclose(to) || !text) {
		free(text);
		return vsu_error_set(err, -ENOMEM, "no memory for the command line");
	}
	vmm_state_put(&s->stream.w, text, len);
	free(text);
	return 0;
}

static int send_arguments(struct vmm_sender *s, struct vsu_error *err)
{
	int rc;

	vmm_stream_begin(&s->stream, "arguments");
	rc = put_arguments(s, err);
	return rc ? rc : vmm_stream_send(&s->stream, err);
}

int vmm_sender_send_blob(struct vmm_sender *s, const char *name,
			 const struct vmm_state_writer *w, struct vsu_error *err)
{
	vmm_stream_begin(&s->stream, name);
	vmm_state_put(&s->stream.w, w->bytes, w->len);
	return vmm_stream_send(&s->stream, err);
}

static int connect_channels(struct vmm_sender *s, struct vsu_error *err)
{
	unsigned int i;

	s->channels.threads = s->config.threads;
	s->streams[s->nstreams++] = &s->stream;
	for (i = 0; i < s->config.channels; i++)
		s->streams[s->nstreams++] = &s->channels.channel[i].stream;
	return vmm_channels_connect(&s->channels, s->config.channels,
				    s->config.address, &s->stream, err);
}

static int announce_postcopy(struct vmm_sender *s, struct vsu_error *err)
{
	vmm_stream_begin(&s->stream, "postcopy");
	return vmm_stream_send(&s->stream, err);
}

/* The destination replies with the size of the pages that it places at once. */
static int receive_granule(struct vmm_sender *s, struct vsu_error *err)
{
	struct vmm_state_section section;
	struct vmm_state_fields f;
	int rc = vmm_stream_expect(&s->stream, "postcopy", &section, err);

	if (rc < 0)
		return rc;
	vmm_stream_fields(&section, &f);
	s->granule = vmm_state_get_u64(&f);
	if (s->granule < VMM_SET_PAGE || s->granule & (s->granule - 1))
		return vsu_error_set(err, -EBADMSG, "the destination has an invalid page size");
	return vmm_state_fields_end(&f, err);
}

/* The destination checks the command line and makes its machine. */
int vmm_sender_shake_hands(struct vmm_sender *s, struct vsu_error *err)
{
	struct vmm_state_section ready;
	int rc = vmm_address_connect(s->config.address, &s->stream, err);

	if (!rc)
		rc = vmm_stream_send_header(&s->stream, err);
	if (!rc)
		rc = connect_channels(s, err);
	if (!rc)
		rc = send_arguments(s, err);
	if (!rc && s->config.postcopy)
		rc = announce_postcopy(s, err);
	if (!rc)
		rc = vmm_sender_send_blob(s, "head", &s->config.head, err);
	if (!rc)
		rc = vmm_shared_send(&s->stream, s->config.memory, &s->shared, err);
	if (!rc && s->config.postcopy)
		rc = receive_granule(s, err);
	return rc ? rc : vmm_stream_expect(&s->stream, "ready", &ready, err);
}
