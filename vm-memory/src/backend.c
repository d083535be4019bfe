/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The builder: the property table, and the values that are set. A new property requires a
 * row here, a line in the enum and, if necessary, a rule in check.c.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "backend.h"

#define KIND(name) (1u << VMEM_KIND_##name)
#define ALL_KINDS (KIND(ANON) | KIND(FILE) | KIND(MEMFD) | KIND(SHM) | \
		   KIND(GUEST_MEMFD))

static const char *const kind_names[] = {
	[VMEM_KIND_ANON] = "anon",
	[VMEM_KIND_FILE] = "file",
	[VMEM_KIND_MEMFD] = "memfd",
	[VMEM_KIND_SHM] = "shm",
	[VMEM_KIND_GUEST_MEMFD] = "guest-memfd",
	NULL,
};
static const char *const rom_names[] = { "auto", "on", "off", NULL };
static const char *const policy_names[] = { "default", "preferred", "bind",
					    "interleave", NULL };
static const char *const slot_names[] = { "plain", "bound", NULL };

#define FLAG(n, p, h) { .name = n, .kind = VSU_OPTION_FLAG, .preset = p, \
			.help = h, .arg = "on|off" }
#define SIZE(n, p, h, e) { .name = n, .kind = VSU_OPTION_SIZE, .preset = p, \
			   .help = h, .arg = "SIZE", .example = e }
#define TEXT(n, a, h, e) { .name = n, .kind = VSU_OPTION_STRING, .arg = a, \
			   .help = h, .example = e }
#define CHOICE(n, a, p, h, c) { .name = n, .kind = VSU_OPTION_CHOICE, \
				.arg = a, .preset = p, .help = h, .choices = c }

static const struct vsu_option options[PROP_COUNT + 1] = {
	[PROP_BACKEND] = CHOICE("backend", "anon|file|memfd|shm|guest-memfd",
		"anon", "kind of memory", kind_names),
	[PROP_SIZE] = SIZE("size", NULL, "bytes of memory; required",
			   "1.5G"),
	[PROP_MEM_PATH] = TEXT("mem-path", "PATH",
		"the file, device or directory behind it", "/dev/shm/ram"),
	[PROP_OFFSET] = SIZE("offset", "0",
		"offset in the file, a multiple of the page size", "1G"),
	[PROP_ALIGN] = SIZE("align", "that of the pages",
		"alignment of the host address, a power of two", "2M"),
	[PROP_SHARE] = FLAG("share", "on for memfd, shm, guest-memfd; else off",
		"stores are visible to others with the file"),
	[PROP_READONLY] = FLAG("readonly", "off",
		"open the file for reading only"),
	[PROP_ROM] = CHOICE("rom", "auto|on|off", "auto",
		"read-only for the guest; auto: as readonly", rom_names),
	[PROP_DISCARD_DATA] = FLAG("discard-data", "off",
		"discard the file's pages at the end"),
	[PROP_PMEM] = FLAG("pmem", "off", "the file is persistent memory"),
	[PROP_MERGE] = FLAG("merge", "on", "the host may merge equal pages"),
	[PROP_DUMP] = FLAG("dump", "on", "it is part of core dumps"),
	[PROP_PREALLOC] = FLAG("prealloc", "off",
		"make all pages present first"),
	[PROP_PREALLOC_THREADS] = { .name = "prealloc-threads",
		.kind = VSU_OPTION_U64, .arg = "N", .preset = "1",
		.help = "threads that do it", .min = 1, .max = 1024 },
	[PROP_RESERVE] = FLAG("reserve", "on",
		"reserve swap space or huge pages"),
	[PROP_POLICY] = CHOICE("policy", "default|preferred|bind|interleave",
		"default", "NUMA policy of the memory", policy_names),
	[PROP_HOST_NODES] = { .name = "host-nodes", .kind = VSU_OPTION_STRING,
		.arg = "N|N-M", .help = "the NUMA nodes of the policy",
		.example = "0-1", .repeat = true },
	[PROP_HUGETLB] = FLAG("hugetlb", "off", "use huge pages"),
	[PROP_HUGETLBSIZE] = SIZE("hugetlbsize", "the host's",
		"size of the huge pages", "2M"),
	[PROP_SEAL] = FLAG("seal", "on; off for guest-memfd",
		"seal the file against resizing"),
	[PROP_GUEST_MEMFD] = FLAG("guest-memfd", "off",
		"on with backend=memfd: as backend=guest-memfd"),
	[PROP_PRIVATE] = FLAG("private", "off",
		"add guest_memfd for private memory of the guest"),
	[PROP_SLOT] = CHOICE("slot", "plain|bound", "plain",
		"how a guest_memfd is passed to KVM", slot_names),
	[PROP_COUNT] = { .name = NULL },
};

/* The kinds of memory that have a property. */
static const uint32_t kinds_of[PROP_COUNT] = {
	[PROP_BACKEND] = ALL_KINDS,
	[PROP_SIZE] = ALL_KINDS,
	[PROP_MEM_PATH] = KIND(FILE),
	[PROP_OFFSET] = KIND(FILE),
	[PROP_ALIGN] = KIND(FILE),
	[PROP_SHARE] = ALL_KINDS,
	[PROP_READONLY] = KIND(FILE),
	[PROP_ROM] = KIND(FILE),
	[PROP_DISCARD_DATA] = KIND(FILE),
	[PROP_PMEM] = KIND(FILE),
	[PROP_MERGE] = ALL_KINDS,
	[PROP_DUMP] = ALL_KINDS,
	[PROP_PREALLOC] = ALL_KINDS,
	[PROP_PREALLOC_THREADS] = ALL_KINDS,
	[PROP_RESERVE] = ALL_KINDS,
	[PROP_POLICY] = ALL_KINDS,
	[PROP_HOST_NODES] = ALL_KINDS,
	/* guest_memfd refuses these itself, with its reasons */
	[PROP_HUGETLB] = KIND(MEMFD) | KIND(GUEST_MEMFD),
	[PROP_HUGETLBSIZE] = KIND(MEMFD) | KIND(GUEST_MEMFD),
	[PROP_SEAL] = KIND(MEMFD) | KIND(GUEST_MEMFD),
	[PROP_GUEST_MEMFD] = KIND(MEMFD) | KIND(GUEST_MEMFD),
	[PROP_PRIVATE] = KIND(ANON) | KIND(MEMFD) | KIND(GUEST_MEMFD),
	[PROP_SLOT] = KIND(GUEST_MEMFD),
};

/* Defaults other than 0, off and the first choice. */
static const uint64_t defaults[PROP_COUNT] = {
	[PROP_MERGE] = 1,
	[PROP_DUMP] = 1,
	[PROP_PREALLOC_THREADS] = 1,
	[PROP_RESERVE] = 1,
	[PROP_SEAL] = 1,
};

int vmem_backend_new(struct vmem_backend **out)
{
	struct vmem_backend *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->vm_fd = b->file_fd = -1;
	*out = b;
	return 0;
}

void vmem_backend_free(struct vmem_backend *backend)
{
	if (!backend)
		return;
	free(backend->path);
	free(backend);
}

int vmem_backend_copy(const struct vmem_backend *backend, struct vmem_backend **out)
{
	struct vmem_backend *b = malloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	*b = *backend;
	b->path = backend->path ? strdup(backend->path) : NULL;
	if (backend->path && !b->path) {
		free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

const struct vsu_option *vmem_backend_options(void)
{
	return options;
}

const char *vmem_kind_name(enum vmem_kind kind)
{
	return kind == VMEM_KIND_FD ? "fd" : kind_names[kind];
}

const char *vmem_priv_prop_name(enum vmem_priv_prop p)
{
	return options[p].name;
}

uint32_t vmem_priv_prop_kinds(enum vmem_priv_prop p)
{
	return kinds_of[p];
}

bool vmem_priv_given(const struct vmem_backend *b, enum vmem_priv_prop p)
{
	return b->given >> p & 1;
}

enum vmem_kind vmem_priv_kind(const struct vmem_backend *b)
{
	if (b->value[PROP_BACKEND] == VMEM_KIND_MEMFD &&
	    b->value[PROP_GUEST_MEMFD])
		return VMEM_KIND_GUEST_MEMFD;
	return (enum vmem_kind)b->value[PROP_BACKEND];
}

uint64_t vmem_priv_prop(const struct vmem_backend *b, enum vmem_priv_prop p)
{
	enum vmem_kind kind = vmem_priv_kind(b);

	if (vmem_priv_given(b, p))
		return b->value[p];
	if (p == PROP_SHARE)
		return kind != VMEM_KIND_ANON && kind != VMEM_KIND_FILE;
	return defaults[p];
}

bool vmem_priv_rom(const struct vmem_backend *b)
{
	uint64_t rom = vmem_priv_prop(b, PROP_ROM);

	return rom == ROM_ON ||
	       (rom == ROM_AUTO && vmem_priv_prop(b, PROP_READONLY));
}

void vmem_priv_warn(const struct vmem_backend *b, const char *sentence)
{
	if (b->warn)
		b->warn(b->warn_opaque, sentence);
}

static int find_prop(const char *key)
{
	int i;

	for (i = 0; i < PROP_COUNT; i++)
		if (!strcmp(options[i].name, key))
			return i;
	return -ENOENT;
}

bool vmem_backend_given(const struct vmem_backend *backend, const char *key)
{
	int p = find_prop(key);

	return p >= 0 && vmem_priv_given(backend, (enum vmem_priv_prop)p);
}

uint64_t vmem_backend_value(const struct vmem_backend *backend, const char *key)
{
	int p = find_prop(key);

	return p < 0 ? 0 : vmem_priv_prop(backend, (enum vmem_priv_prop)p);
}

const char *vmem_backend_text(const struct vmem_backend *backend,
			      const char *key)
{
	return strcmp(key, "mem-path") ? NULL : backend->path;
}

static void prop_record(struct vmem_backend *b, unsigned int p, uint64_t value)
{
	b->given |= UINT64_C(1) << p;
	b->value[p] = value;
	b->typed[p][0] = '\0';
}

static void record_text(struct vmem_backend *b, unsigned int p,
			const struct vsu_option_value *value)
{
	prop_record(b, p, value->number);
	if (options[p].kind == VSU_OPTION_SIZE &&
	    strlen(value->text) < SIZE_TEXT)
		strcpy(b->typed[p], value->text);
}

struct vmem_priv_text vmem_priv_typed(const struct vmem_backend *b,
				      enum vmem_priv_prop p)
{
	struct vmem_priv_text text = vmem_priv_size_text(vmem_priv_prop(b, p));

	if (b->typed[p][0])
		memcpy(text.s, b->typed[p], sizeof(text.s));
	return text;
}

static int set_path(struct vmem_backend *backend, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(backend->path);
	backend->path = copy;
	prop_record(backend, PROP_MEM_PATH, 0);
	return 0;
}

static int set_row(void *opaque, unsigned int index,
		   const struct vsu_option_value *value, struct vsu_error *err)
{
	struct vmem_backend *b = opaque;

	if (index == PROP_HOST_NODES && vmem_priv_nodes_add(b->nodes, value->text, err) < 0)
		return -EINVAL;
	if (index != PROP_MEM_PATH) {
		record_text(b, index, value);
		return 0;
	}
	if (set_path(b, value->text) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for mem-path");
	return 0;
}

void vmem_backend_unset(struct vmem_backend *backend, const char *key)
{
	int p = find_prop(key);

	if (p < 0)
		return;
	prop_record(backend, (unsigned int)p, 0);
	backend->given &= ~(UINT64_C(1) << p);
	if (p == PROP_HOST_NODES)
		memset(backend->nodes, 0, sizeof(backend->nodes));
	if (p == PROP_MEM_PATH) {
		free(backend->path);
		backend->path = NULL;
	}
}

int vmem_backend_parse(struct vmem_backend *backend, const char *what,
		       const char *list, struct vsu_error *err)
{
	size_t size = strlen(list) + 1;
	char *scratch = malloc(size);
	int rc;

	if (!scratch)
		return vsu_error_set(err, -ENOMEM, "%s: no memory", what);
	rc = vsu_option_parse_list(options, what, list, scratch, size, set_row,
				   backend, err);
	free(scratch);
	return rc;
}

int vmem_backend_set(struct vmem_backend *backend, const char *key,
		     const char *value, struct vsu_error *err)
{
	return vsu_option_parse_pair(options, "memory", key, value, set_row,
				     backend, err);
}

void vmem_backend_set_kind(struct vmem_backend *backend, enum vmem_kind kind)
{
	prop_record(backend, PROP_BACKEND, kind);
}

void vmem_backend_set_size(struct vmem_backend *backend, uint64_t size)
{
	prop_record(backend, PROP_SIZE, size);
}

void vmem_backend_set_sigbus(struct vmem_backend *backend,
			     struct vmem_sigbus *table)
{
	backend->sigbus = table;
}

void vmem_backend_set_vm_fd(struct vmem_backend *backend, int vm_fd)
{
	backend->vm_fd = vm_fd;
}

void vmem_backend_set_file(struct vmem_backend *backend, int fd)
{
	backend->file_fd = fd;
}

void vmem_backend_set_gpa(struct vmem_backend *backend, uint64_t gpa)
{
	backend->gpa = gpa;
}

void vmem_backend_leave_prealloc(struct vmem_backend *backend)
{
	backend->leave_prealloc = true;
}

void vmem_backend_allow_growth(struct vmem_backend *backend)
{
	backend->may_grow = true;
}

void vmem_backend_set_warn(struct vmem_backend *backend,
			   vmem_backend_warn_fn fn, void *opaque)
{
	backend->warn = fn;
	backend->warn_opaque = opaque;
}
