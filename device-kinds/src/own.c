/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The kind "own": a device that the program passes to its machine. It has no keys for users
 * and is not in the list of kinds, because a daemon cannot serve it.
 */
#include <config.h>

#include <assert.h>

#include <device-kinds/kind.h>

struct own {
	const char *name;
};
static_assert(sizeof(struct own) <= DEVKIND_MAX_CONFIG, "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "name", .kind = VSU_OPTION_STRING, .arg = "NAME",
		      .help = "name of a device of the program" },
	  .offset = offsetof(struct own, name), .refers = DEVKIND_REFERS_TEXT,
	  .required = true, .max_len = 36 },
	{ .option = { .name = NULL } },
};

static int own_open(const void *config, const struct devkind_common *common,
		    struct virtdev **out, struct vsu_error *err)
{
	(void)config;
	(void)err;
	*out = common->own;
	return 0;
}

const char *devkind_own_name(const struct devkind *kind, const void *config)
{
	return kind == devkind_own() ? ((const struct own *)config)->name : NULL;
}

static const struct devkind kind = {
	.name = "own", .summary = "a device of the program", .keys = keys, .open = own_open,
};

const struct devkind *devkind_own(void)
{
	return &kind;
}
