/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Making guest memory: a builder with the properties of a memory back-end,
 * named as in QEMU, settable one by one or as "key=value,...".
 *
 *   backend      anon (default), file, memfd, shm, guest-memfd
 *   size         bytes; the one property that has no default
 *   mem-path     file: the path of a file or a directory
 *   offset       file: where in the file the memory begins
 *   share        on: others with the fd see stores. Default off, on for
 *                memfd, shm and guest-memfd
 *   readonly     file: opened for reading only
 *   rom          file: auto (as readonly), on, off
 *   align        file: alignment of the host address
 *   seal         memfd: grow, shrink and seal forbidden; default on
 *   hugetlb      memfd: huge pages; hugetlbsize picks their size
 *   prealloc     all pages present before the first use
 *   reserve      off: no swap space is set aside
 *   merge, dump  may pages be merged with equal ones; are they in core dumps
 *   policy       NUMA: default, preferred, bind, interleave; host-nodes
 *   discard-data file: its pages are given back at the end
 *   pmem         file: persistent memory, mapped synchronously
 *   guest-memfd  memfd: on is the same as backend=guest-memfd
 *   private      anon, memfd: on adds a guest_memfd for the private half
 *   slot         guest-memfd: how KVM is given it: plain, bound
 *
 * Setting only records; vmem_backend_check() judges the whole combination
 * without touching a file; vmem_backend_alloc() gathers the facts, checks,
 * opens, maps and yields a block, or leaves the file system as it was.
 *
 * Threads: confined to one thread.
 */
#ifndef VM_MEMORY_BACKEND_H
#define VM_MEMORY_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_backend;
struct vsu_option;

VMEM_API int vmem_backend_new(struct vmem_backend **out) VSU_NODISCARD;
VMEM_API void vmem_backend_free(struct vmem_backend *backend);

/*
 * One property as text, as a person would write it. Later ones replace;
 * host-nodes adds to what was given.
 */
VMEM_API int vmem_backend_set(struct vmem_backend *backend, const char *key,
			      const char *value, struct vsu_error *err)
	VSU_NODISCARD;

/* "key=value,key=value"; what names the list in sentences ("--memory"). */
VMEM_API int vmem_backend_parse(struct vmem_backend *backend, const char *what,
				const char *list, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * The property table, for help texts and for programs that take further keys
 * in the same list: they parse it with rows of their own beside these, and
 * hand these on to vmem_backend_set().
 */
VMEM_API const struct vsu_option *vmem_backend_options(void);

/* True when the property was set, by whatever means. */
VMEM_API bool vmem_backend_given(const struct vmem_backend *backend,
				 const char *key);

/*
 * The number, flag (0, 1) or index of the choice of a property, its default
 * where it was not set; 0 for texts and for unknown keys.
 */
VMEM_API uint64_t vmem_backend_value(const struct vmem_backend *backend,
				     const char *key);

/* The text of mem-path; NULL where it was not set, and for other keys. */
VMEM_API const char *vmem_backend_text(const struct vmem_backend *backend,
				       const char *key);

/* The same properties for programs. */
VMEM_API void vmem_backend_set_kind(struct vmem_backend *backend,
				    enum vmem_kind kind);
VMEM_API void vmem_backend_set_size(struct vmem_backend *backend, uint64_t size);

/* The table that the block enters; NULL (the default) for none. */
VMEM_API void vmem_backend_set_sigbus(struct vmem_backend *backend,
				      struct vmem_sigbus *table);

/*
 * The fd of a KVM virtual machine, borrowed, for guest-memfd and private
 * memory; -1 (the default) for none. No other kind asks KVM anything.
 */
VMEM_API void vmem_backend_set_vm_fd(struct vmem_backend *backend, int vm_fd);

/*
 * prealloc=on populates within vmem_backend_alloc(), on its thread, unless it
 * is left to the caller, who runs vmem_block_populate() over slices, on as
 * many threads of its own as the property prealloc-threads asks for.
 */
VMEM_API void vmem_backend_leave_prealloc(struct vmem_backend *backend);

/*
 * A regular file that is too short for offset and size grows, too, and not
 * only one that is new or empty: for several pieces of one new file, made in
 * any order. Memory that is only read never makes a file grow.
 */
VMEM_API void vmem_backend_allow_growth(struct vmem_backend *backend);

/* Called with a sentence for what was asked for and is not had, but works. */
typedef void (*vmem_backend_warn_fn)(void *opaque, const char *sentence);
VMEM_API void vmem_backend_set_warn(struct vmem_backend *backend,
				    vmem_backend_warn_fn fn, void *opaque);

/* The file at mem-path. */
enum vmem_file_state {
	VMEM_FILE_UNKNOWN,	/* nobody looked yet */
	VMEM_FILE_MISSING,
	VMEM_FILE_REGULAR,
	VMEM_FILE_DIRECTORY,
	VMEM_FILE_BLOCK,
	VMEM_FILE_CHAR,
	VMEM_FILE_FIFO,
	VMEM_FILE_SOCKET,
	VMEM_FILE_OTHER,
};

/* Bits of vmem_backend_facts.kvm. */
#define VMEM_KVM_PRESENT	0x1u	/* there is a VM fd */
#define VMEM_KVM_GUEST_MEMFD	0x2u	/* KVM_CAP_GUEST_MEMFD */
#define VMEM_KVM_GMEM_MMAP	0x4u	/* its flag GUEST_MEMFD_FLAG_MMAP */
#define VMEM_KVM_GMEM_SHARED	0x8u	/* its flag ..._INIT_SHARED */
#define VMEM_KVM_PRIVATE	0x10u	/* KVM_MEMORY_ATTRIBUTE_PRIVATE */

#define VMEM_KVM_GMEM_POLICY	0x20u	/* it keeps a NUMA policy (Linux 6.19) */

#define VMEM_OVERCOMMIT_UNKNOWN 0xffu	/* the host does not say */

/* Facts that the judgement depends on, besides the properties. */
struct vmem_backend_facts {
	size_t size;		/* of this struct, by whom it was filled */
	uint64_t host_page;	/* bytes */
	uint64_t page_size;	/* of what is mapped: huge pages, or the host's */
	uint64_t huge_page;	/* the default huge page; 0: none */
	uint64_t file_size;	/* 0: empty, or not known */
	uint64_t file_align;	/* what a DAX device asks for; 0: nothing */
	uint32_t overcommit;	/* 0, 1, 2: never; VMEM_OVERCOMMIT_UNKNOWN */
	uint32_t kvm;		/* VMEM_KVM_* */
	enum vmem_file_state file;
};

/* Judges the combination. A pure function of its arguments. Fails with
 *
 *   -EINVAL      a value or combination is refused
 *   -EISDIR, -ENODEV, -ENOENT  what lies at mem-path cannot be used
 *   -EOPNOTSUPP  the host lacks what is asked for
 */
VMEM_API int vmem_backend_check(const struct vmem_backend *backend,
				const struct vmem_backend_facts *facts,
				struct vsu_error *err) VSU_NODISCARD;

/*
 * Gathers the facts, checks, opens, maps. The builder may be used again.
 * Fails as the check does, or with what a system call said: -EACCES, -ENOMEM,
 * -ENOSPC (prealloc), ...
 */
VMEM_API int vmem_backend_alloc(const struct vmem_backend *backend,
				struct vmem_block **out, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
