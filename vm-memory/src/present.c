/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Counts present pages by the kernel's sums: per file (cachestat; before Linux 6.5 the
 * blocks of a file in memory) and per mapping (smaps). mincore() for each page takes
 * seconds for some hundred gigabytes, so it is used only for huge pages, which are few.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/foreign.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451	/* Linux 6.5; the same number everywhere */
#endif

struct cache_range {
	uint64_t off, len;
};

struct cache_stat {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* The file's pages in the page cache. */
static int count_cached(const struct vmem_block *block, uint64_t *bytes)
{
	struct cache_range range = { vmem_block_file_pos(block, 0),
				     vmem_block_len(block) };
	struct cache_stat stat = { 0 };

	if (syscall(SYS_cachestat, vmem_block_fd(block), &range, &stat, 0) < 0)
		return -errno;
	*bytes = stat.cached * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* Whole files in memory: other processes may have populated what this one has not mapped yet. */
static int count_allocated(const struct vmem_block *block, uint64_t *bytes)
{
	const int fd = vmem_block_fd(block);
	struct stat st;

	/* fstat() of another file can ask a server */
	if (vmem_block_file_pos(block, 0) || vsu_foreign_kind(fd) != VSU_FOREIGN_SHARED)
		return -EOPNOTSUPP;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size != vmem_block_len(block))
		return -EOPNOTSUPP;
	*bytes = (uint64_t)st.st_blocks * S_BLKSIZE;
	return 0;
}

/* Huge pages, one mincore() each. */
static uint64_t count_huge(const struct vmem_block *block)
{
	const uint64_t page = vmem_block_page_size(block);
	const uint64_t len = vmem_block_len(block);
	uint64_t off, bytes = 0;
	unsigned char present;

	for (off = 0; off < len; off += page)
		if (!mincore(vmem_block_hva(block) + off, 1, &present) &&
		    present & 1)
			bytes += page;
	return bytes;
}

/* Fields of smaps, in kB. */
static const char *const own_fields[] = {
	"Anonymous:", "Swap:", "Private_Hugetlb:", NULL
};
static const char *const all_fields[] = {
	"Rss:", "Swap:", "Private_Hugetlb:", "Shared_Hugetlb:", NULL
};

static uint64_t field_bytes(const char *line, const char *const *fields)
{
	unsigned long kib;

	for (; *fields; fields++)
		if (!strncmp(line, *fields, strlen(*fields)) &&
		    sscanf(line + strlen(*fields), "%lu", &kib) == 1)
			return (uint64_t)kib << 10;
	return 0;
}

/* Sums the fields over the mappings of the block. */
static uint64_t count_mapped(const struct vmem_block *block,
			     const char *const *fields)
{
	const uintptr_t first = (uintptr_t)vmem_block_hva(block);
	const uintptr_t end = first + (uintptr_t)vmem_block_len(block);
	FILE *f = fopen("/proc/self/smaps", "re");
	uintptr_t from, to;
	uint64_t bytes = 0;
	bool inside = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			inside = from < end && to > first;
		else if (inside)
			bytes += field_bytes(line, fields);
	}
	if (f)
		fclose(f);
	return bytes;
}

uint64_t vmem_block_present(const struct vmem_block *block)
{
	const uint32_t flags = vmem_block_flags(block);
	uint64_t bytes = 0;

	if (flags & VMEM_BLOCK_WRITE && !(flags & VMEM_BLOCK_SHARED))
		return count_mapped(block, own_fields);
	if (vmem_block_page_size(block) > (uint64_t)sysconf(_SC_PAGESIZE))
		return count_huge(block);
	if (count_cached(block, &bytes) < 0 && count_allocated(block, &bytes) < 0)
		bytes = count_mapped(block, all_fields);
	return bytes;
}
