/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The program of libvm-memory(3). */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <vm-memory/access.h>
#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/option.h>

#define GPA 0x100000

static struct vmem_sigbus *mappings;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(mappings, info))
		signal(sig, SIG_DFL);	/* not ours: die of it */
}

/* If another process truncates a file, this process must not end. */
static int watch_mappings(struct vsu_error *err)
{
	struct sigaction sa;
	int rc = vmem_sigbus_new(16, &mappings, err);

	if (rc < 0)
		return rc;
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_sigbus;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGBUS, &sa, NULL);
	return 0;
}

/* "backend=memfd,size=1M" to a block. */
static int make_block(const char *properties, struct vmem_block **block,
		      struct vsu_error *err)
{
	struct vmem_backend *backend;
	int rc = vmem_backend_new(&backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "no back-end");
	vmem_backend_set_sigbus(backend, mappings);
	rc = vmem_backend_parse(backend, "memory", properties, err);
	if (rc == 0)
		rc = vmem_backend_alloc(backend, block, err);
	vmem_backend_free(backend);
	return rc;
}

/* All of the block at GPA, alone in a map. */
static int make_map(struct vmem_block *block, struct vmem_map **map,
		    struct vsu_error *err)
{
	struct vmem_region_desc desc = { block, 0, GPA, vmem_block_len(block),
					 0, 0 };
	struct vmem_region *region;
	int rc = vmem_region_new(&desc, &region, err);

	if (rc < 0)
		return rc;
	rc = vmem_map_from_regions(&region, 1, map, err);
	vmem_region_unref(region);	/* the map has its own reference */
	return rc;
}

static void try_memory(const struct vmem_map *map)
{
	const struct vmem_view *view = vmem_map_view(map);
	struct vmem_region *region = vmem_map_find(map, GPA);
	uint64_t value = 0x5041, got = 0;
	uint32_t hint = 0;

	printf("%#" PRIx64 " bytes at %#" PRIx64 ", file position %#" PRIx64
	       "\n", vmem_region_len(region), vmem_region_gpa(region),
	       vmem_region_file_pos(region, 0));
	if (vmem_put_u64(view, &hint, GPA + 8, value) < 0)
		printf("may not be stored to\n");
	else if (vmem_get_u64(view, &hint, GPA + 8, &got) == 0)
		printf("reads %#" PRIx64 " as stored\n", got);
	if (vmem_get_u64(view, &hint, GPA - 8, &got) < 0)
		printf("nothing in front of it\n");
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *block = NULL;
	struct vmem_map *map = NULL;
	char help[4096];
	int rc;

	if (argc != 2) {
		vsu_option_help(vmem_backend_options(), help, sizeof(help));
		printf("example PROPERTY=VALUE,...\n%s", help);
		return VSU_EXIT_USAGE;
	}
	rc = watch_mappings(&err);
	if (rc == 0)
		rc = make_block(argv[1], &block, &err);
	if (rc == 0)
		rc = make_map(block, &map, &err);
	if (rc == 0)
		try_memory(map);
	else
		fprintf(stderr, "example: %s\n", err.msg);
	vmem_map_unref(map);
	vmem_block_unref(block);
	vmem_sigbus_free(mappings);
	return rc == 0 ? VSU_EXIT_OK : VSU_EXIT_DATA;
}
