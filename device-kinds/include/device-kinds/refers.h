/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Objects of the host that the value of an option or of a device's key refers to. Rights of
 * a process, files of a jail and descriptors that are passed follow from it.
 *
 * Threads: no state.
 */
#ifndef DEVICE_KINDS_REFERS_H
#define DEVICE_KINDS_REFERS_H

enum devkind_refers {
	DEVKIND_REFERS_NOTHING,	/* a flag, a number, a word of several */
	DEVKIND_REFERS_TEXT,	/* no object: a name or text for the guest */
	DEVKIND_REFERS_PROPERTIES,	/* a list with a table of its own */
	DEVKIND_REFERS_IDENTITY,	/* no object, but only one machine can use it: a network address */
	DEVKIND_REFERS_IDS,	/* users and groups as which files are created */
	DEVKIND_REFERS_FILE_READ,
	DEVKIND_REFERS_FILE_WRITTEN, /* and read, or created; also a word of the row's arg */
	DEVKIND_REFERS_SERIAL,	/* a file or a created socket, according to the value */
	DEVKIND_REFERS_LOG,	/* a file that is appended to, and its predecessor (port_log.h) */
	DEVKIND_REFERS_IMAGE,	/* "fd:N[:NAME]" (file_value.h), an address (disk.h) or a file */
	DEVKIND_REFERS_TEMPORARY,	/* a flag: files are created in the folder for temporary ones */
	DEVKIND_REFERS_FOLDER,	/* whose files are opened later */
	DEVKIND_REFERS_FOLDER_READ,
	DEVKIND_REFERS_PROGRAMS,	/* a folder of programs that another process starts */
	DEVKIND_REFERS_SOCKET,	/* that is created */
	DEVKIND_REFERS_PEER,	/* an address of another program */
	DEVKIND_REFERS_PORT,	/* "NAME:HOW": a new terminal, a descriptor or a created socket */
	DEVKIND_REFERS_STDIO,	/* a flag: standard input and output */
	DEVKIND_REFERS_TERMINAL,	/* a flag: a new terminal */
	DEVKIND_REFERS_INTERFACE,	/* of the network */
	DEVKIND_REFERS_DESCRIPTOR,	/* its number */
	DEVKIND_REFERS_USER,	/* that the process becomes */
	DEVKIND_REFERS_GROUP,	/* that owns created sockets */
	DEVKIND_REFERS_END,
};

#endif
