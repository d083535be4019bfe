/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Allocating guest memory: a builder with properties named as in QEMU, which are
 * set one by one or by a list "key=value,...".
 *
 *   backend      anon (default), file, memfd, shm, guest-memfd
 *   size         bytes; required, no default
 *   mem-path     file: the path of a file or a directory
 *   offset       file: where in the file the memory begins
 *   share        on: other users of the fd see stores; default on for memfd,
 *                shm and guest-memfd, else off
 *   readonly     file: opened for reading only
 *   rom          file: on: the guest cannot store to it; auto: as readonly
 *   align        file: alignment of the host address
 *   seal         memfd: the file cannot be resized (F_SEAL_*); default on
 *   hugetlb      memfd: on: huge pages, of hugetlbsize
 *   prealloc     on: all pages are allocated before the first use
 *   reserve      off: swap space or huge pages are not reserved
 *   merge, dump  on: the host may merge equal pages; core dumps include them
 *   policy       NUMA: default, preferred, bind, interleave; for host-nodes
 *   discard-data file: on: its pages are freed with the block (only if
 *                shared and writable, and the block owns them: block.h)
 *   pmem         file: on: persistent memory, mapped with MAP_SYNC
 *   guest-memfd  memfd: on: the same as backend=guest-memfd
 *   private      anon, memfd: on: adds a guest_memfd for private pages
 *   slot         guest-memfd: KVM receives it by host address (plain) or by
 *                descriptor (bound)
 *
 * vmem_backend_set() and _parse() check each value. vmem_backend_check() checks the
 * combination without opening a file. vmem_backend_alloc() reads the facts of
 * the host, checks, opens the file, maps it and returns a block. If it fails, it
 * removes a file that it created and restores the size of one that it grew.
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

/* Another builder with the same properties, tables, descriptors and warnings. -ENOMEM. */
VMEM_API int vmem_backend_copy(const struct vmem_backend *backend, struct vmem_backend **out)
	VSU_NODISCARD;

/*
 * Sets a property to a value as typed by a user, such as "size" to "1.5G". A
 * second value replaces the first, except that host-nodes adds nodes.
 */
VMEM_API int vmem_backend_set(struct vmem_backend *backend, const char *key,
			      const char *value, struct vsu_error *err)
	VSU_NODISCARD;

/* Restores the default of a property, as if it was never set. An unknown key has no effect. */
VMEM_API void vmem_backend_unset(struct vmem_backend *backend, const char *key);

/*
 * Sets the properties of a list "key=value,key=value". Error messages name the list by
 * what, such as "--memory".
 */
VMEM_API int vmem_backend_parse(struct vmem_backend *backend, const char *what,
				const char *list, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Writes the properties that were set as a list, which vmem_backend_parse() reads as the same:
 * sizes as they were typed, and a comma of a value doubled. The caller frees *list. -ENOMEM.
 */
VMEM_API int vmem_backend_write(const struct vmem_backend *backend, char **list)
	VSU_NODISCARD;

/*
 * The property table, for help texts and for programs whose list has further
 * keys: they parse the list with a table of these rows and their own, and pass
 * the properties of this table to vmem_backend_set().
 */
VMEM_API const struct vsu_option *vmem_backend_options(void);

/* True if a function of this header has set the property. */
VMEM_API bool vmem_backend_given(const struct vmem_backend *backend,
				 const char *key);

/*
 * The value of a property, or its default: a number, a flag (0 or 1), or the
 * index of the choice. 0 for a text or an unknown key.
 */
VMEM_API uint64_t vmem_backend_value(const struct vmem_backend *backend,
				     const char *key);

/* For the key mem-path: its text, or NULL if not set. For other keys: NULL. */
VMEM_API const char *vmem_backend_text(const struct vmem_backend *backend,
				       const char *key);

/* Set the properties backend and size without text. */
VMEM_API void vmem_backend_set_kind(struct vmem_backend *backend,
				    enum vmem_kind kind);
VMEM_API void vmem_backend_set_size(struct vmem_backend *backend, uint64_t size);

/*
 * The table in which the mapping of the block is registered (sigbus.h); NULL
 * (the default): none.
 */
VMEM_API void vmem_backend_set_sigbus(struct vmem_backend *backend,
				      struct vmem_sigbus *table);

/*
 * The fd of a KVM virtual machine, borrowed, required by backend=guest-memfd
 * and private=on; -1 (the default): none. Other kinds of memory do not depend on it.
 */
VMEM_API void vmem_backend_set_vm_fd(struct vmem_backend *backend, int vm_fd);

/*
 * The open file of backend=file, borrowed until vmem_backend_alloc() has returned; mem-path
 * is then only its name in messages. It is a regular file or a device. Memory whose stores
 * reach it requires that it is open for reading and writing. -1 (the default): the file at
 * mem-path is opened.
 */
VMEM_API void vmem_backend_set_file(struct vmem_backend *backend, int fd);

/*
 * The guest address of the memory. Its host address will be congruent to it modulo 2 MiB, so
 * that KVM can map huge pages, if the memory has that size and align is not given.
 * Default 0.
 */
VMEM_API void vmem_backend_set_gpa(struct vmem_backend *backend, uint64_t gpa);

/*
 * With prealloc=on, vmem_backend_alloc() allocates all pages on the calling
 * thread. After this call it does not: the caller runs vmem_block_prealloc(), with
 * as many threads as the property prealloc-threads has.
 */
VMEM_API void vmem_backend_leave_prealloc(struct vmem_backend *backend);

/*
 * Permits vmem_backend_alloc() to extend a regular file with content to offset
 * plus size; by default it extends only new and empty files. Use it if several
 * blocks share a new file. With readonly=on a file is never extended.
 */
VMEM_API void vmem_backend_allow_growth(struct vmem_backend *backend);

/*
 * Called with a message if the host ignores a property but the memory is usable,
 * such as pmem for a file without MAP_SYNC.
 */
typedef void (*vmem_backend_warn_fn)(void *opaque, const char *sentence);
VMEM_API void vmem_backend_set_warn(struct vmem_backend *backend,
				    vmem_backend_warn_fn fn, void *opaque);

/* The file at mem-path. */
enum vmem_file_state {
	VMEM_FILE_UNKNOWN,	/* not checked */
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
#define VMEM_KVM_PRESENT	0x1u	/* a VM fd is set */
#define VMEM_KVM_GUEST_MEMFD	0x2u	/* KVM_CAP_GUEST_MEMFD */
#define VMEM_KVM_GMEM_MMAP	0x4u	/* GUEST_MEMFD_FLAG_MMAP */
#define VMEM_KVM_GMEM_SHARED	0x8u	/* GUEST_MEMFD_FLAG_INIT_SHARED */
#define VMEM_KVM_PRIVATE	0x10u	/* KVM_MEMORY_ATTRIBUTE_PRIVATE */

#define VMEM_KVM_GMEM_POLICY	0x20u	/* it supports a NUMA policy (Linux 6.19) */

#define VMEM_OVERCOMMIT_UNKNOWN 0xffu	/* not readable */

/* Facts of the host and the file that a check depends on. */
struct vmem_backend_facts {
	size_t size;		/* sizeof(struct vmem_backend_facts) */
	uint64_t host_page;	/* bytes */
	uint64_t page_size;	/* of the mapping: a huge page, or the host's */
	uint64_t huge_page;	/* size of the default huge page; 0: none */
	uint64_t file_size;	/* 0: empty or unknown */
	uint64_t file_align;	/* required by a DAX device; 0: none */
	uint32_t overcommit;	/* vm.overcommit_memory, 0 to 2, or _UNKNOWN */
	uint32_t kvm;		/* VMEM_KVM_* */
	enum vmem_file_state file;
};

/*
 * Checks the combination of all properties with the facts. A pure function. With
 * VMEM_FILE_UNKNOWN it skips the rules for the file.
 *
 *   -EINVAL      a value or a combination is not valid
 *   -EISDIR, -ENODEV, -ENOENT  mem-path cannot be memory: with readonly=on a
 *                directory or a missing file; a FIFO or a socket
 *   -EOPNOTSUPP  the host does not support a property
 */
VMEM_API int vmem_backend_check(const struct vmem_backend *backend,
				const struct vmem_backend_facts *facts,
				struct vsu_error *err) VSU_NODISCARD;

/*
 * Allocates the memory, as described at the top. The builder can be used again.
 * Fails as vmem_backend_check(), or with the error of a system call: -EACCES (also a
 * file that is not open for stores), -EPERM (one that is sealed against them),
 * -ENOMEM, -ENOSPC (prealloc), ...
 */
VMEM_API int vmem_backend_alloc(const struct vmem_backend *backend,
				struct vmem_block **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Maps a piece of a file that another process has allocated by the same properties and
 * passed. The properties align, reserve, merge, dump, policy and pmem apply to the mapping;
 * nothing is created, resized, sealed or populated. The block is
 * writable and shared, and not the owner of the content (vmem_block_set_owner()). fd is
 * borrowed. Fails as vmem_block_new_fd() does; -EINVAL also for read-only memory, or if
 * fd_offset or len are not multiples of the file's page size.
 */
VMEM_API int vmem_backend_alloc_fd(const struct vmem_backend *backend, int fd,
				   uint64_t fd_offset, uint64_t len,
				   struct vmem_block **out, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
