/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options of other programs: QEMU, Firecracker, crosvm, Cloud Hypervisor, lkvm, and docker for
 * "cvmm run", docker, podman, virtme-ng and krunvm for "cvmm exec". cvmm accepts none of them, and answers
 * each with the option of cvmm that corresponds, which contains the user's value.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_FOREIGN_WORDS_H
#define VMM_COMMON_FOREIGN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_FOREIGN_TEXT 512

/* Writes the value as cvmm's option has it; false: leave the name of the value there. */
typedef bool (*vmm_foreign_fn)(const char *value, char out[VMM_FOREIGN_TEXT]);

struct vmm_foreign_word {
	const char *theirs;	/* names, separated by blanks */
	const char *ours;	/* the answer; each '%' becomes the value */
	const char *value;	/* the value's name; NULL: the word takes none */
	vmm_foreign_fn convert;	/* NULL: as it is */
	vmm_foreign_fn is_other;	/* chooses the next row of the same name; or NULL */
	bool elsewhere;		/* another command has what the whole line asks for: no other answer is needed */
};

/* The size of memory, which others count in MiB if it has no unit; only the first item. */
bool vmm_foreign_memory(const char *value, char out[VMM_FOREIGN_TEXT]);

/* The value of the first of the keys (separated by blanks) in a list; without one, the first item. */
bool vmm_foreign_item(const char *list, const char *keys, char out[VMM_FOREIGN_TEXT]);

/* Rows end with a NULL in place of names. */
extern const struct vmm_foreign_word vmm_foreign_run[];
extern const struct vmm_foreign_word vmm_foreign_exec[];
extern const struct vmm_foreign_word vmm_foreign_ps[];
/* The words of a command line that is a single option. */
extern const struct vmm_foreign_word vmm_foreign_main[];

/*
 * For a command line that was refused: replaces *err by the answers to its foreign words, if it
 * has some, and else removes from *err a guess that names an option which widens rights. Words of
 * the table are passed over. With operands, the first word that is no
 * option ends the options.
 */
void vmm_foreign_explain(const struct vmm_foreign_word *rows, const struct vsu_option *table,
			 int argc, char *const *argv, bool operands, struct vsu_error *err);

#endif
