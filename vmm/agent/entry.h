/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entries of boot menus, read from texts of a disk: the files of the Boot Loader Specification,
 * and grub.cfg. Everything is bounded, and what does not fit makes an entry invalid.
 *
 * Threads: no state.
 */
#ifndef VMM_AGENT_ENTRY_H
#define VMM_AGENT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#define ENTRY_PATH 512
#define ENTRY_OPTIONS 2048	/* of Linux on x86 */
#define ENTRY_TITLE 160
#define ENTRY_INITRDS 4
#define ENTRY_VARIABLES 64

struct entry {
	char title[ENTRY_TITLE];
	char version[ENTRY_TITLE];
	char linux_path[ENTRY_PATH];
	char initrds[ENTRY_INITRDS][ENTRY_PATH];
	unsigned int ninitrds;
	char options[ENTRY_OPTIONS];
	bool invalid;		/* a text was too long, or there were too many initrds */
};

/* Variables of GRUB. */
struct entry_variables {
	struct {
		char name[48];
		char value[1024];
	} rows[ENTRY_VARIABLES];
	unsigned int n;
};

/* A text of len bytes that is not terminated. Empty values do not replace others. */
void entry_set(struct entry_variables *v, const char *name, size_t name_len, const char *value);
/* "" for an unknown variable */
const char *entry_get(const struct entry_variables *v, const char *name, size_t len);
/* grubenv: NAME=VALUE lines */
void entry_read_environment(struct entry_variables *v, const char *text, size_t len);
/* Replaces $NAME and ${NAME}. False: the result exceeds size. */
bool entry_expand(const struct entry_variables *v, const char *text, char *out, size_t size);

/* Copies or appends with a blank; an entry whose text does not fit becomes invalid. */
void entry_copy(struct entry *e, char *to, size_t size, const char *text);
void entry_append(struct entry *e, const char *text);
void entry_add_initrd(struct entry *e, const char *path);

/* bls.c: one file of loader/entries, whose name without ".conf" is a preset of the version. */
void entry_read_bls(struct entry *e, const char *name, const char *text, size_t len,
		    const struct entry_variables *v);
/* bls.c: the value of "default" in loader.conf, or of saved_entry, is a pattern of a file's name */
bool entry_read_default(const char *text, size_t len, char *pattern, size_t size);

/*
 * grub.cfg: the entry of the variable default, or else the first one with a kernel. Conditions are not
 * evaluated: the commands of each branch are read in order. False: no such entry.
 */
bool entry_read_grub(struct entry *e, const char *text, size_t len, struct entry_variables *v);

#endif
