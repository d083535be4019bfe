/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * For test-dissector: prints the data of the dissector, vhost-user.lua, from the tables
 * of libvhost; or, with the name of a file, writes a capture of some messages to it.
 */
#include <config.h>

#include <stdio.h>

#include "capture.h"

static const char *const formats[] = {
	[VHOST_USER_FIELD_DECIMAL] = "decimal", [VHOST_USER_FIELD_SIGNED] = "signed",
	[VHOST_USER_FIELD_HEX] = "hex", [VHOST_USER_FIELD_FEATURES] = "hex",
	[VHOST_USER_FIELD_PROTOCOL_FEATURES] = "protocol",
	[VHOST_USER_FIELD_MAC] = "mac", [VHOST_USER_FIELD_UUID] = "uuid",
};

static void print_fields(const char *name, const struct vhost_user_field *f,
			 unsigned int n)
{
	if (!n)
		return;
	printf(", %s = {\n", name);
	for (; n; n--, f++)
		printf("\t\t{ \"%s\", %u, %u, \"%s\", %u },\n", f->name, f->offset,
		       f->width, formats[f->format], f->count);
	printf("\t}");
}

static void print_layouts(void)
{
	const struct vhost_user_payload *p;
	unsigned int i;

	printf("local layouts = {\n");
	for (i = 0; i < VHOST_USER_PAYLOAD_KINDS; i++) {
		p = vhost_user_payload((enum vhost_user_payload_kind)i);
		printf("\t[%u] = { size = %u, unit = %u", i, p->size, p->unit);
		print_fields("fields", p->fields, p->nfields);
		print_fields("units", p->unit_fields, p->nunit_fields);
		printf(" },\n");
	}
	printf("}\n");
}

/* number, name, layout of the request and of the reply */
static void print_messages(enum vhost_user_side side)
{
	const struct vhost_user_message *m;
	unsigned int i;

	printf("\t[%d] = {\n", (int)side);
	for (i = 0; i < 256; i++) {
		m = vhost_user_message(side, i);
		if (m)
			printf("\t\t[%u] = { \"%s\", %u, %u },\n", i, m->name, m->kind,
			       m->reply_kind);
	}
	printf("\t},\n");
}

static void print_data(void)
{
	unsigned int i;

	printf("local messages = {\n");
	print_messages(VHOST_USER_SIDE_FRONTEND);
	print_messages(VHOST_USER_SIDE_BACKEND);
	printf("}\n");
	print_layouts();
	printf("local protocol_features = {\n");
	for (i = 0; vhost_user_protocol_feature_name(i); i++)
		printf("\t[%u] = \"%s\",\n", i, vhost_user_protocol_feature_name(i));
	printf("}\n");
}

/* ------------------------------------------------------------------ capture */

static struct exchange exchange;

static void write_message(FILE *to, enum vhost_user_side channel,
			  enum vhost_user_side from, struct vhost_user_header hdr,
			  const void *payload)
{
	static uint64_t now;
	const int fd = 0;
	const struct relay_message m = {
		.channel = channel, .from = from, .time_ns = now += 1000, .hdr = hdr,
		.payload = payload, .len = payload ? hdr.size : 0, .fds = &fd,
		.nfds = hdr.request == VHOST_USER_SET_VRING_KICK,
	};
	struct verdict v;
	struct trace_line line = { .connection = 1, .channel = channel, .from = from,
				   .m = &m, .v = &v };

	exchange_judge(&exchange, &m, &v);
	trace_examine(&line);
	capture_message(to, &line, now);
}

static void write_messages(FILE *to)
{
	static const struct vhost_user_mem_table table = {
		.nregions = 1, .regions = { { .guest_addr = 0x100000, .size = 0x4000 } }
	};
	static const struct vhost_user_shmem_config shmem = { .nregions = 1,
							      .sizes = { [5] = 0x10000 } };
	static const struct vhost_user_shared shared = { { 0xfe } };
	const uint64_t features = 0x9, ring = 2;
	const enum vhost_user_side fe = VHOST_USER_SIDE_FRONTEND;
	const enum vhost_user_side be = VHOST_USER_SIDE_BACKEND;

#define HDR(name, flags, size) (struct vhost_user_header){ VHOST_USER_##name, flags, size }
	write_message(to, fe, fe, HDR(GET_PROTOCOL_FEATURES, 1, 0), NULL);
	write_message(to, fe, be, HDR(GET_PROTOCOL_FEATURES, 5, 8), &features);
	write_message(to, fe, fe, HDR(SET_MEM_TABLE, 9, 40), &table);
	write_message(to, fe, fe, HDR(SET_VRING_KICK, 1, 8), &ring);
	write_message(to, fe, be, HDR(GET_SHMEM_CONFIG, 5, sizeof(shmem)), &shmem);
	write_message(to, be, be, HDR(BACKEND_SHARED_OBJECT_ADD, 1, 16), &shared);
	write_message(to, fe, fe, HDR(SET_CONFIG, 1, 100000), NULL);
	write_message(to, fe, fe, (struct vhost_user_header){ 999, 1, 8 }, &ring);
	write_message(to, fe, fe, HDR(SET_VRING_NUM, 1, 3), &ring);
}

int main(int argc, char **argv)
{
	FILE *to;

	if (argc < 2) {
		print_data();
		return 0;
	}
	to = fopen(argv[1], "we");
	if (!to)
		return 1;
	capture_begin(to);
	write_messages(to);
	return fclose(to) ? 1 : 0;
}
