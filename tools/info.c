/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* vhost-user-tool info: features and configuration of a back-end. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vhost/message.h>
#include <vhost/protocol.h>
#include <vhost/shmem.h>
#include <virtio-devices/ids.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "blk.h"
#include "client.h"
#include "exchange.h"
#include "tool.h"

/* Facts about the back-end, for either form of output. */
struct info {
	const char *socket;
	const char *device;	/* NULL: unknown */
	bool guessed;
	uint64_t features;
	uint64_t protocol;
	uint32_t queues, slots;
	uint64_t shmem[VHOST_USER_SHMEM_REGIONS]; /* bytes, by id */
	bool has_blk;
	struct blk_config blk;
};

static uint32_t field_value(const struct blk_config *blk, const struct blk_field *f)
{
	uint32_t value;

	memcpy(&value, (const char *)blk + f->to, sizeof(value));
	return value;
}

/* -------------------------------------------------------------------- text */

/* The name of a feature, or of a protocol feature; NULL: unknown. */
static const char *bit_name(const struct info *info, bool protocol, unsigned int bit)
{
	return protocol ? vhost_user_protocol_feature_name(bit) :
			  virtdev_feature_name(tool_device_id(info->device), bit);
}

static void text_bits(const char *title, uint64_t bits, bool protocol, const struct info *info)
{
	const char *known;
	unsigned int i;

	printf("%-18s 0x%" PRIx64 "\n", title, bits);
	for (i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		known = bit_name(info, protocol, i);
		printf("  %2u  %s\n", i, known ? known : "(unknown)");
	}
}

static void text_blk(const struct info *info)
{
	const struct blk_field *f;
	char size[32];

	printf("configuration\n");
	vsu_format_size(info->blk.capacity * VIRTDEV_BLK_SECTOR, size, sizeof(size));
	printf("  %-24s %" PRIu64 " sectors (%s)\n", "capacity",
	       info->blk.capacity, size);
	for (f = blk_fields; f->name; f++)
		if (info->features & f->feature)
			printf("  %-24s %" PRIu32 "\n", f->name, field_value(&info->blk, f));
}

static void text_shmem(const struct info *info)
{
	unsigned int i;
	char size[32];

	for (i = 0; i < VHOST_USER_SHMEM_REGIONS; i++)
		if (info->shmem[i])
			printf("shared memory %-3u  %" PRIu64 " bytes (%s)\n",
			       i, info->shmem[i],
			       vsu_format_size(info->shmem[i], size,
					       sizeof(size)));
}

static void text(const struct info *info)
{
	printf("%-18s %s\n", "socket", info->socket);
	printf("%-18s %s%s\n", "device",
	       info->device ? info->device : "unknown",
	       info->guessed ? " (a guess; --device specifies it)" : "");
	text_bits("features", info->features, false, info);
	text_bits("protocol features", info->protocol, true, info);
	printf("%-18s %" PRIu32 "\n", "queues", info->queues);
	printf("%-18s %" PRIu32 "\n", "memory slots", info->slots);
	text_shmem(info);
	if (info->has_blk)
		text_blk(info);
}

/* -------------------------------------------------------------------- JSON */

/* Bits without a name are listed by number. The value is a string, because JSON
   numbers do not hold 64 bits. */
static void json_bits(struct vsu_json *j, const char *key, uint64_t bits, bool protocol,
		      const struct info *info)
{
	const char *known;
	unsigned int i;
	char text[24];

	vsu_json_open(j, key, '{');
	snprintf(text, sizeof(text), "0x%" PRIx64, bits);
	vsu_json_text(j, "value", text);
	vsu_json_open(j, "names", '[');
	for (i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		known = bit_name(info, protocol, i);
		snprintf(text, sizeof(text), "bit %u", i);
		vsu_json_text(j, NULL, known ? known : text);
	}
	vsu_json_close(j, ']');
	vsu_json_close(j, '}');
}

static void json_blk(struct vsu_json *j, const struct info *info)
{
	const struct blk_field *f;

	vsu_json_open(j, "config", '{');
	vsu_json_u64(j, "capacity", info->blk.capacity);
	for (f = blk_fields; f->name; f++)
		if (info->features & f->feature)
			vsu_json_u64(j, f->name, field_value(&info->blk, f));
	vsu_json_close(j, '}');
}

static void json_shmem(struct vsu_json *j, const struct info *info)
{
	unsigned int i;

	vsu_json_open(j, "shared-memory", '[');
	for (i = 0; i < VHOST_USER_SHMEM_REGIONS; i++) {
		if (!info->shmem[i])
			continue;
		vsu_json_open(j, NULL, '{');
		vsu_json_u64(j, "id", i);
		vsu_json_u64(j, "size", info->shmem[i]);
		vsu_json_close(j, '}');
	}
	vsu_json_close(j, ']');
}

static void json(const struct info *info)
{
	struct vsu_json j = { .to = stdout };

	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "socket", info->socket);
	vsu_json_text(&j, "device", info->device);
	vsu_json_bool(&j, "device-guessed", info->guessed);
	json_bits(&j, "features", info->features, false, info);
	json_bits(&j, "protocol-features", info->protocol, true, info);
	if (info->has_blk)
		json_blk(&j, info);
	json_shmem(&j, info);
	vsu_json_u64(&j, "queues", info->queues);
	vsu_json_u64(&j, "memory-slots", info->slots);
	vsu_json_close(&j, '}');
	putchar('\n');
}

/* ------------------------------------------------------------------- asking */

static void choose_device(struct info *info, const char *name)
{
	if (name) {
		info->device = strcmp(name, "none") ? name : NULL;
		return;
	}
	info->device = exchange_guess_device(info->features);
	info->guessed = info->device != NULL;
}

/* A back-end may have no configuration space, or reject the request. */
static enum vsu_exit ask_config(struct client *c, struct info *info,
				struct vsu_error *err)
{
	enum vsu_exit status;

	if (!info->device || strcmp(info->device, "blk") ||
	    !(vhost_user_frontend_protocol_features(c->fe) & VHOST_USER_PROTOCOL_BIT(CONFIG)))
		return VSU_EXIT_OK;
	status = client_get_config(c, VIRTDEV_BLK_SPACE_SIZE, err);
	if (status != VSU_EXIT_OK || !c->config_len)
		return status;
	info->has_blk = true;
	blk_config_decode(c->config, info->features, &info->blk);
	return VSU_EXIT_OK;
}

static void ask_shmem(const struct client *c, struct info *info)
{
	unsigned int i;

	for (i = 0; i < VHOST_USER_SHMEM_REGIONS; i++)
		info->shmem[i] = vhost_user_frontend_shmem_size(c->fe,
								(uint8_t)i);
}

enum vsu_exit tool_info(const struct tool_args *args, struct vsu_error *err)
{
	struct info info = { .socket = args->copy.socket };
	struct client c;
	enum vsu_exit status = client_open(&c, args->copy.socket, 0, err);

	if (status != VSU_EXIT_OK)
		return status;
	info.features = vhost_user_frontend_features(c.fe);
	info.protocol = vhost_user_frontend_offered_protocol_features(c.fe);
	info.queues = vhost_user_frontend_queue_num(c.fe);
	info.slots = vhost_user_frontend_max_mem_slots(c.fe);
	ask_shmem(&c, &info);
	choose_device(&info, args->device);
	status = ask_config(&c, &info, err);
	client_close(&c);
	if (status != VSU_EXIT_OK)
		return status;
	if (args->json)
		json(&info);
	else
		text(&info);
	return VSU_EXIT_OK;
}
