/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of keys: those of a kind or id first, then the common ones. */
#include <config.h>

#include "config/device_rows.h"

#define PLACE(member) .place = VSU_PLACE(struct vmm_device_spec, member)

const struct vmm_spec_key vmm_common_keys[VMM_KEYS_COMMON] = {
	[VMM_KEY_BACKEND] = { .option = { .name = "backend", .kind = VSU_OPTION_STRING,
			      .arg = "inline|user:SOCKET", .preset = "inline",
			      .help = "process that serves the queues" },
			      .refers = DEVKIND_REFERS_PEER },
	[VMM_KEY_QUEUES] = { .option = { .name = "queues", .kind = VSU_OPTION_U64,
			     .help = "number of queues", .min = 1, .max = 256 },
			     PLACE(queues) },
	[VMM_KEY_QUEUE_SIZE] = { .option = { .name = "queue-size", .kind = VSU_OPTION_U64,
				 .help = "entries of a queue", .min = 2, .max = 32768 },
				 PLACE(queue_size) },
	[VMM_KEY_RECONNECT] = { .option = { .name = "reconnect", .kind = VSU_OPTION_TIME_MS,
				.help = "reconnect to a lost back-end, first after this time",
				.min = 1, .max = 60000 },
				PLACE(reconnect_ms) },
	[VMM_KEY_READ_ONLY_WINDOWS] = { .option = { .name = "read-only-windows",
					.kind = VSU_OPTION_FLAG,
					.help = "pass shared memory windows of other devices read-only" },
					PLACE(read_only_windows) },
};

const struct vmm_spec_key vmm_any_keys[VMM_KEYS_ANY] = {
	[VMM_KEY_ID] = { .option = { .name = "id", .kind = VSU_OPTION_U64,
			 .help = "VIRTIO device id", .min = 1, .max = 63 },
			 PLACE(id) },
	[VMM_KEY_CONFIG_SIZE] = { .option = { .name = "config-size", .kind = VSU_OPTION_U64,
				  .arg = "BYTES", .help = "size of its configuration space",
				  .max = 256 },
				  PLACE(config_size) },
	[VMM_KEY_ALLOW_FUSE] = { .option = { .name = "allow-fuse", .kind = VSU_OPTION_FLAG,
				 .help = "map files of FUSE and network mounts" },
				 PLACE(allow_fuse) },
	[VMM_KEY_MAX_MAPPINGS] = { .option = { .name = "max-mappings", .kind = VSU_OPTION_U64,
				   .arg = "N",
				   .help = "maximum mappings in its shared memory regions",
				   .preset = "4096", .min = 1, .max = 16384 },
				   PLACE(max_mappings) },
	[VMM_KEY_MAX_WINDOW_BYTES] = { .option = { .name = "max-window-bytes",
				       .kind = VSU_OPTION_SIZE, .arg = "SIZE",
				       .help = "maximum size of all its shared memory regions",
				       .preset = "1T", .min = 4096, .max = UINT64_MAX },
				       PLACE(max_window_bytes) },
	[VMM_KEY_TAG] = { .option = { .name = "tag", .kind = VSU_OPTION_STRING, .arg = "NAME",
			  .help = "name under which the guest mounts it" },
			  .refers = DEVKIND_REFERS_TEXT },
	[VMM_KEY_MAX_MAPPED_BYTES] = { .option = { .name = "max-mapped-bytes",
				       .kind = VSU_OPTION_SIZE, .arg = "SIZE",
				       .help = "maximum bytes mapped in them at once",
				       .preset = "no limit", .min = 4096, .max = UINT64_MAX },
				       PLACE(max_mapped_bytes) },
};

static void copy_options(const struct vmm_spec_key *keys, unsigned int n, struct vsu_option *rows)
{
	while (n--)
		*rows++ = keys++->option;
}

/* The keys of a kind that are not among the common ones. */
static unsigned int count_own(const struct devkind *kind)
{
	unsigned int n = kind ? devkind_nkeys(kind) : VMM_KEYS_ANY;

	return kind && n && kind->keys[n - 1].common ? n - 1 : n;
}

static void copy_own(const struct devkind *kind, unsigned int n,
		     struct vsu_option *rows)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		rows[i] = kind->keys[i].option;
		if (kind->keys[i].not_inline)
			rows[i].help = "only with backend=spawn";
	}
}

unsigned int vmm_device_rows(const struct devkind *kind,
			     struct vsu_option rows[VMM_DEVICE_ROWS])
{
	const unsigned int n = count_own(kind);
	struct vsu_option *common = rows + n;

	copy_options(vmm_common_keys, VMM_KEYS_COMMON, common);
	devkind_alias_rows(kind, false, common + VMM_KEYS_COMMON);
	if (!kind) {
		copy_options(vmm_any_keys, VMM_KEYS_ANY, rows);
		return n;
	}
	copy_own(kind, n, rows);
	if (kind->has_daemon)
		common[VMM_KEY_BACKEND].arg = kind->kernel ? "inline|spawn|kernel|user:SOCKET" :
							     "inline|spawn|user:SOCKET";
	common[VMM_KEY_QUEUES].max = kind->max_queues;
	common[VMM_KEY_QUEUE_SIZE].min = kind->min_queue_size;
	common[VMM_KEY_QUEUE_SIZE].preset = kind->queue_size;
	return n;
}
