/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Objects of the host that the value of an option or of a device's key refers to. Rights of
 * a process, files of a jail and descriptors that are passed follow from it.
 *
 * Threads: no state.
 */
#ifndef VMM_BASE_REFERS_H
#define VMM_BASE_REFERS_H

enum prog_refers {
	PROG_REFERS_NOTHING,	/* a flag, a number, a word of several */
	PROG_REFERS_TEXT,	/* no object: a name or text for the guest */
	PROG_REFERS_PROPERTIES,	/* a list with a table of its own */
	PROG_REFERS_IDENTITY,	/* no object, but only one machine can use it: a network address */
	PROG_REFERS_IDS,	/* users and groups as which files are created */
	PROG_REFERS_FILE_READ,
	PROG_REFERS_FILE_WRITTEN, /* and read, or created; also a word of the row's arg */
	PROG_REFERS_IMAGE,	/* "fd:N[:NAME]" (file_value.h), an address (kinds/disk/module.h) or a file */
	PROG_REFERS_TEMPORARY,	/* a flag: files are created in the folder for temporary ones */
	PROG_REFERS_FOLDER,	/* whose files are opened later */
	PROG_REFERS_FOLDER_READ,
	PROG_REFERS_PROGRAMS,	/* a folder of programs that another process starts */
	PROG_REFERS_SOCKET,	/* that is created */
	PROG_REFERS_PEER,	/* an address of another program */
	PROG_REFERS_PORT,	/* "NAME:HOW": a new terminal, a descriptor or a created socket */
	PROG_REFERS_STDIO,	/* a flag: standard input and output */
	PROG_REFERS_TERMINAL,	/* a flag: a new terminal */
	PROG_REFERS_INTERFACE,	/* of the network */
	PROG_REFERS_DESCRIPTOR,	/* its number */
	PROG_REFERS_USER,	/* that the process becomes */
	PROG_REFERS_GROUP,	/* that owns created sockets */
	PROG_REFERS_END,
};

#endif
