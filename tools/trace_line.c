/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines of a trace, as text and as JSON. */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/json.h>

#include "trace_line.h"

#define NS_PER_S UINT64_C(1000000000)
/* Bytes of a configuration are 2 digits each. */
#define MAX_TEXT (3 * RELAY_MAX_PAYLOAD)

/* -------------------------------------------------------------- descriptors */

static unsigned int examined(const struct trace_line *line)
{
	return line->m->nfds < TRACE_MAX_NOTES ? line->m->nfds : TRACE_MAX_NOTES;
}

static void examine(struct trace_fd *note, int fd)
{
	int kind = vsu_foreign_kind(fd);

	memset(note, 0, sizeof(*note));
	note->kind = vsu_foreign_name(kind);
	if (kind != VSU_FOREIGN_SHARED && kind != VSU_FOREIGN_FILE &&
	    kind != VSU_FOREIGN_BLOCK)
		return;
	note->has_size = vsu_fd_size(fd, &note->size) == 0;
	note->seals = fcntl(fd, F_GET_SEALS);
	note->has_seals = note->seals >= 0;
}

void trace_examine(struct trace_line *line)
{
	unsigned int i;

	for (i = 0; i < examined(line); i++)
		examine(&line->fds[i], line->m->fds[i]);
}

static const struct {
	int bit;
	const char *name;
} seals[] = {
	{ F_SEAL_SEAL, "seal" }, { F_SEAL_SHRINK, "shrink" },
	{ F_SEAL_GROW, "grow" }, { F_SEAL_WRITE, "write" },
	/* from Linux 5.1 and 6.3, which the headers of older systems lack */
	{ 0x10, "future-write" }, { 0x20, "exec" },
};

#define NSEALS (sizeof(seals) / sizeof(seals[0]))

void trace_put_fd(FILE *to, const struct trace_fd *fd)
{
	size_t i;

	fputs(fd->kind, to);
	if (fd->has_size)
		fprintf(to, " of %" PRIu64 " bytes", fd->size);
	if (fd->has_seals && fd->seals) {
		fputs(" (seals", to);
		for (i = 0; i < NSEALS; i++)
			if (fd->seals & seals[i].bit)
				fprintf(to, " %s", seals[i].name);
		fputc(')', to);
	}
}

/* --------------------------------------------------------------------- text */

static const char letters[VHOST_USER_SIDES] = { 'F', 'B' };

static void text_head(FILE *to, const struct trace_line *line)
{
	fprintf(to, "%5" PRIu64 ".%06" PRIu64 " %u %c%s%c  ",
		line->time_ns / NS_PER_S, line->time_ns % NS_PER_S / 1000,
		line->connection, letters[line->from],
		line->channel == VHOST_USER_SIDE_FRONTEND ? ">" : ">>",
		letters[!line->from]);
}

static void text_fds(FILE *to, const struct trace_line *line)
{
	unsigned int i, n = examined(line);

	for (i = 0; i < n; i++) {
		fputs(i ? "; " : " [", to);
		trace_put_fd(to, &line->fds[i]);
	}
	if (line->m->nfds > n)
		fprintf(to, "; %u more", line->m->nfds - n);
	if (n)
		fputc(']', to);
}

/* The word of a features payload; false: the message has another one. */
static bool feature_word(const struct trace_line *line, uint64_t *bits)
{
	const struct verdict *v = line->v;
	enum vhost_user_payload_kind kind =
		v->reply ? v->row->reply_kind : v->row->kind;

	return kind == VHOST_USER_PAYLOAD_FEATURES &&
	       vhost_user_field_value(vhost_user_payload(kind)->fields, 0,
				      line->m->payload, line->m->len, bits);
}

static void text_features(FILE *to, const struct trace_line *line)
{
	const char *name;
	uint64_t bits;
	unsigned int i;

	if (!feature_word(line, &bits))
		return;
	for (i = 0; i < 64; i++) {
		name = bits >> i & 1 ? virtdev_feature_name(line->device, i) : NULL;
		if (name)
			fprintf(to, " %s", name);
		else if (bits >> i & 1)
			fprintf(to, " bit-%u", i);
	}
}

static void text_message(FILE *to, const struct trace_line *line)
{
	const struct relay_message *m = line->m;
	const struct verdict *v = line->v;
	char text[MAX_TEXT];

	if (v->row)
		fputs(v->row->name, to);
	else
		fprintf(to, "request %u", m->hdr.request);
	if (v->reply)
		fputs(" reply", to);
	if (v->matched)
		fprintf(to, " +%" PRIu64 "us", v->after_ns / 1000);
	if (m->hdr.flags & VHOST_USER_HDR_NEED_REPLY)
		fputs(" need-reply", to);
	if (v->row && vhost_user_message_describe(v->row, v->reply, m->payload,
						  m->len, text, sizeof(text)))
		fprintf(to, ": %s", text);
	else if (m->hdr.size)
		fprintf(to, ": %u bytes", m->hdr.size);
	if (v->row)
		text_features(to, line);
	text_fds(to, line);
	fputc('\n', to);
}

void trace_text(FILE *to, const struct trace_line *line)
{
	unsigned int i;

	text_head(to, line);
	if (line->event) {
		fprintf(to, "- %s\n", line->event);
		return;
	}
	text_message(to, line);
	for (i = 0; i < line->v->nproblems; i++) {
		text_head(to, line);
		fprintf(to, "! %s\n", line->v->problems[i].msg);
	}
}

/* --------------------------------------------------------------------- JSON */

static const char *const sides[VHOST_USER_SIDES] = { "front-end", "back-end" };
static const char *const channels[VHOST_USER_SIDES] = { "main", "back-end" };

static void json_value(struct vsu_json *j, const struct vhost_user_field *f,
		       const char *key, uint64_t value)
{
	char text[24];

	switch (f->format) {
	case VHOST_USER_FIELD_DECIMAL:
		vsu_json_u64(j, key, value);
		break;
	case VHOST_USER_FIELD_SIGNED:
		vsu_json_i64(j, key, (int64_t)value);
		break;
	default:
		snprintf(text, sizeof(text), "0x%" PRIx64, value);
		vsu_json_text(j, key, text);
	}
}

static void json_bytes(struct vsu_json *j, const char *key,
		       const unsigned char *at, size_t n)
{
	char text[2 * RELAY_MAX_PAYLOAD + 1];
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", at[i]);
	text[2 * n] = '\0';
	vsu_json_text(j, key, text);
}

static void json_array(struct vsu_json *j, const struct vhost_user_field *f,
		       const unsigned char *payload, size_t size)
{
	uint64_t value;
	char key[8];
	unsigned int i;

	vsu_json_open(j, f->name, '{');
	for (i = 0; i < f->count; i++) {
		if (!vhost_user_field_value(f, i, payload, size, &value) || !value)
			continue;
		snprintf(key, sizeof(key), "%u", i);
		json_value(j, f, key, value);
	}
	vsu_json_close(j, '}');
}

static void json_fields(struct vsu_json *j, const struct vhost_user_field *f,
			unsigned int n, const unsigned char *payload,
			size_t size)
{
	uint64_t value;

	for (; n; n--, f++)
		if (f->count > 1)
			json_array(j, f, payload, size);
		else if (vhost_user_field_value(f, 0, payload, size, &value))
			json_value(j, f, f->name, value);
		else if (f->format == VHOST_USER_FIELD_UUID &&
			 f->offset + (size_t)f->width <= size)
			json_bytes(j, f->name, payload + f->offset, f->width);
}

static void json_units(struct vsu_json *j, const struct vhost_user_payload *p,
		       const unsigned char *payload, size_t size)
{
	size_t at;

	if (!p->unit || size < p->size)
		return;
	if (!p->unit_fields) {
		json_bytes(j, "bytes", payload + p->size, size - p->size);
		return;
	}
	vsu_json_open(j, "regions", '[');
	for (at = p->size; at + p->unit <= size && at < p->max; at += p->unit) {
		vsu_json_open(j, NULL, '{');
		json_fields(j, p->unit_fields, p->nunit_fields, payload + at,
			    p->unit);
		vsu_json_close(j, '}');
	}
	vsu_json_close(j, ']');
}

static void json_names(struct vsu_json *j, const struct trace_line *line)
{
	const char *name;
	uint64_t bits;
	unsigned int i;

	if (!feature_word(line, &bits))
		return;
	vsu_json_open(j, "names", '[');
	for (i = 0; i < 64; i++) {
		name = bits >> i & 1 ? virtdev_feature_name(line->device, i) : NULL;
		if (name)
			vsu_json_text(j, NULL, name);
	}
	vsu_json_close(j, ']');
}

static void json_payload(struct vsu_json *j, const struct trace_line *line)
{
	const struct verdict *v = line->v;
	const struct vhost_user_payload *p =
		vhost_user_payload(v->reply ? v->row->reply_kind : v->row->kind);

	vsu_json_open(j, "fields", '{');
	json_fields(j, p->fields, p->nfields, line->m->payload, line->m->len);
	json_units(j, p, line->m->payload, line->m->len);
	vsu_json_close(j, '}');
	json_names(j, line);
}

static void json_fd(struct vsu_json *j, const struct trace_fd *fd)
{
	size_t i;

	vsu_json_open(j, NULL, '{');
	vsu_json_text(j, "kind", fd->kind);
	if (fd->has_size)
		vsu_json_u64(j, "size", fd->size);
	if (fd->has_seals) {
		vsu_json_open(j, "seals", '[');
		for (i = 0; i < NSEALS; i++)
			if (fd->seals & seals[i].bit)
				vsu_json_text(j, NULL, seals[i].name);
		vsu_json_close(j, ']');
	}
	vsu_json_close(j, '}');
}

static void json_message(struct vsu_json *j, const struct trace_line *line)
{
	const struct relay_message *m = line->m;
	const struct verdict *v = line->v;
	unsigned int i;

	vsu_json_text(j, "message", v->row ? v->row->name : NULL);
	vsu_json_u64(j, "number", m->hdr.request);
	vsu_json_u64(j, "flags", m->hdr.flags);
	vsu_json_u64(j, "size", m->hdr.size);
	vsu_json_bool(j, "reply", v->reply);
	if (v->matched)
		vsu_json_u64(j, "after-ns", v->after_ns);
	if (v->row)
		json_payload(j, line);
	vsu_json_u64(j, "nfds", m->nfds);
	vsu_json_open(j, "descriptors", '[');
	for (i = 0; i < examined(line); i++)
		json_fd(j, &line->fds[i]);
	vsu_json_close(j, ']');
	vsu_json_open(j, "problems", '[');
	for (i = 0; i < v->nproblems; i++)
		vsu_json_text(j, NULL, v->problems[i].msg);
	vsu_json_close(j, ']');
}

void trace_json(FILE *to, const struct trace_line *line)
{
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_u64(&j, "time-ns", line->time_ns);
	vsu_json_u64(&j, "connection", line->connection);
	vsu_json_text(&j, "channel", channels[line->channel]);
	vsu_json_text(&j, "from", sides[line->from]);
	if (line->event)
		vsu_json_text(&j, "event", line->event);
	else
		json_message(&j, line);
	vsu_json_close(&j, '}');
	fputc('\n', to);
}
