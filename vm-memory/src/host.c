/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Facts that only the host can provide. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "backend.h"

/* The beginning of a small file of /proc or /sys; NULL: it is not readable. */
static char *read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = vsu_fd_read_full(fd, buf, size - 1);
	vsu_fd_close(&fd);
	if (n < 0)
		return NULL;
	buf[n] = '\0';
	return buf;
}

static uint32_t overcommit_mode(void)
{
	char buf[16];

	if (!read_text("/proc/sys/vm/overcommit_memory", buf, sizeof(buf)) ||
	    buf[0] < '0' || buf[0] > '2')
		return VMEM_OVERCOMMIT_UNKNOWN;
	return (uint32_t)(buf[0] - '0');
}

/* /proc/meminfo: "Hugepagesize:       2048 kB" */
static uint64_t default_huge_page(void)
{
	char buf[8192];
	const char *line = read_text("/proc/meminfo", buf, sizeof(buf));

	line = line ? strstr(line, "Hugepagesize:") : NULL;
	return line ? strtoull(line + strlen("Hugepagesize:"), NULL, 10) * 1024
		    : 0;
}

static uint64_t mapped_page(const struct vmem_backend *b,
			    const struct vmem_backend_facts *f)
{
	uint64_t huge;

	if (vmem_priv_kind(b) != VMEM_KIND_MEMFD ||
	    !vmem_priv_prop(b, PROP_HUGETLB))
		return f->host_page;
	huge = vmem_priv_given(b, PROP_HUGETLBSIZE) ?
	       vmem_priv_prop(b, PROP_HUGETLBSIZE) : f->huge_page;
	return huge ? huge : f->host_page;
}

int vmem_priv_host_facts(const struct vmem_backend *b,
			 struct vmem_backend_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->size = sizeof(*facts);
	facts->host_page = vmem_priv_host_page();
	if (!vmem_priv_prop(b, PROP_RESERVE))
		facts->overcommit = overcommit_mode();
	if (vmem_priv_prop(b, PROP_HUGETLB))
		facts->huge_page = default_huge_page();
	if (b->vm_fd >= 0)
		vmem_priv_kvm_facts(b->vm_fd, facts);
	facts->page_size = mapped_page(b, facts);
	return 0;
}

/* One attribute of a character device in sysfs, a number. */
static bool sysfs_number(const struct stat *st, const char *name,
			 uint64_t *value)
{
	char path[96], buf[32];

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/%s",
		 major(st->st_rdev), minor(st->st_rdev), name);
	if (!read_text(path, buf, sizeof(buf)))
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return !vsu_parse_u64(buf, value);
}

bool vmem_priv_dax_size(int fd, uint64_t *size, uint64_t *align)
{
	char path[96], link[256];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/subsystem",
		 major(st.st_rdev), minor(st.st_rdev));
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 4)
		return false;
	link[n] = '\0';
	if (strcmp(link + n - 4, "/dax") || !sysfs_number(&st, "size", size))
		return false;
	if (!sysfs_number(&st, "align", align))
		*align = 0;
	return true;
}
