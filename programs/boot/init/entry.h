/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entries of boot menus, read from texts of a disk: the files of the Boot Loader Specification,
 * and grub.cfg. Everything is bounded, and what does not fit makes an entry invalid, with the reason.
 *
 * Threads: no state.
 */
#ifndef CVMM_BOOT_ENTRY_H
#define CVMM_BOOT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#define ENTRY_PATH 512
#define ENTRY_OPTIONS 2048	/* of Linux on x86 */
#define ENTRY_TITLE 160
#define ENTRY_NAME 256		/* of a file */
#define ENTRY_INITRDS 16
#define ENTRY_VARIABLES 64
#define ENTRY_WHY 160

struct entry {
	char title[ENTRY_TITLE];
	char version[ENTRY_TITLE];
	char sort_key[ENTRY_TITLE];
	char machine_id[ENTRY_TITLE];
	char linux_path[ENTRY_PATH];
	char initrds[ENTRY_INITRDS][ENTRY_PATH];
	unsigned int ninitrds;
	char options[ENTRY_OPTIONS];
	bool invalid;		/* cannot be booted: why */
	char why[ENTRY_WHY];	/* the first reason */
	char unset[ENTRY_WHY];	/* variables that it uses and that have no value, each after a blank */
	bool has_device_tree;
};

/* Variables of GRUB. */
struct entry_variables {
	struct {
		char name[48];
		char value[ENTRY_OPTIONS];
	} rows[ENTRY_VARIABLES];
	unsigned int n;
	unsigned int dropped;	/* assignments that did not fit */
};

/* A text of name_len bytes that is not terminated. An empty value unsets. */
void entry_set(struct entry_variables *v, const char *name, size_t name_len, const char *value);
/* "" for a variable without a value */
const char *entry_get(const struct entry_variables *v, const char *name, size_t len);
/* grubenv: NAME=VALUE lines */
void entry_read_environment(struct entry_variables *v, const char *text, size_t len);
/* The length of the variable's name at text, after "$", and what follows it; 0: it is no variable. */
size_t entry_read_name(const char *text, const char *end, const char **name, const char **after);
/*
 * Replaces $NAME and ${NAME}; those without a value are kept in e->unset, if e is not NULL. False: the
 * result exceeds size.
 */
bool entry_expand(const struct entry_variables *v, struct entry *e, const char *text, char *out, size_t size);

/* Makes an entry invalid. */
void entry_reject(struct entry *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies or appends with a blank; an entry whose text does not fit becomes invalid. what names it. */
void entry_copy(struct entry *e, const char *what, char *to, size_t size, const char *text);
void entry_append(struct entry *e, const char *text);
/* Appends a word, in the quotes that Linux requires if it has blanks. */
void entry_append_word(struct entry *e, const char *word);
void entry_add_initrd(struct entry *e, const char *path);
void entry_note_unset(struct entry *e, const char *name, size_t len);

/*
 * bls.c: one file of loader/entries, whose name is without ".conf". The variable grub_cpu decides for
 * which architecture an entry can be.
 */
void entry_read_bls(struct entry *e, const char *name, const char *text, size_t len,
		    const struct entry_variables *v);
/* bls.c: the value of "default" in loader.conf, or of saved_entry, is a pattern of a file's name */
bool entry_read_default(const char *text, size_t len, char *pattern, size_t size);

/* order.c: by the Version Format Specification of the UAPI group; as strcmp(). */
int entry_compare_versions(const char *a, const char *b);
/*
 * order.c: the place in a menu of the Boot Loader Specification, of files with these names without
 * ".conf": negative if a is above b.
 */
int entry_compare(const struct entry *a, const char *a_name, const struct entry *b, const char *b_name);
/* order.c: the length of a name without its count of boots, "+LEFT-DONE". *failed: none is left. */
size_t entry_uncounted(const char *name, bool *failed);

/* Other files of the file system with the menu, by their paths. */
struct entry_files {
	char *(*read)(void *opaque, const char *path, size_t *len); /* allocated; NULL: no such text */
	bool (*exists)(void *opaque, const char *path);
	void *opaque;
};

/* A grub.cfg: the files that it reads, and its results. */
#define ENTRY_REPORT 1024
struct entry_menu {
	const struct entry_files *files;	/* NULL: there are none */
	bool has_bls;		/* it shows the files of the Boot Loader Specification */
	char report[ENTRY_REPORT]; /* lines: what is ignored, and why */
};

/*
 * grub.c: executes the commands of grub.cfg, with conditions, but without loops and functions, and then the
 * entry of the variable default, or else the first one with a kernel. False: no such entry.
 */
bool entry_read_grub(struct entry *e, const char *text, size_t len, struct entry_variables *v,
		     struct entry_menu *menu);

#endif
