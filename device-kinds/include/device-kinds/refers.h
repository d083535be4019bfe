/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Objects of the host that the value of an option or of a device's key refers to. Rights of
 * a process, files of a jail and descriptors that are passed follow from it.
 *
 * Threads: no state.
 */
#ifndef DEVICE_KINDS_REFERS_H
#define DEVICE_KINDS_REFERS_H

enum vmm_refers {
	VMM_REFERS_NOTHING,	/* a flag, a number, a word of several */
	VMM_REFERS_TEXT,	/* no object: a name or text for the guest */
	VMM_REFERS_PROPERTIES,	/* a list with a table of its own */
	VMM_REFERS_IDENTITY,	/* no object, but only one machine can use it: a network address */
	VMM_REFERS_IDS,	/* users and groups as which files are created */
	VMM_REFERS_FILE_READ,
	VMM_REFERS_FILE_WRITTEN, /* and read, or created; also a word of the row's arg */
	VMM_REFERS_SERIAL,	/* a file or a created socket: see how in struct vmm_serial_end */
	VMM_REFERS_LOG,	/* a file that is appended to, and its predecessor (port_log.h) */
	VMM_REFERS_IMAGE,	/* "fd:N[:NAME]" (file_value.h), an address (disk.h) or a file */
	VMM_REFERS_TEMPORARY,	/* a flag: files are created in the folder for temporary ones */
	VMM_REFERS_FOLDER,	/* whose files are opened later */
	VMM_REFERS_FOLDER_READ,
	VMM_REFERS_PROGRAMS,	/* a folder of programs that another process starts */
	VMM_REFERS_SOCKET,	/* that is created */
	VMM_REFERS_PEER,	/* an address of another program */
	VMM_REFERS_PORT,	/* "NAME:HOW": a new terminal, a descriptor or a created socket */
	VMM_REFERS_STDIO,	/* a flag: standard input and output */
	VMM_REFERS_TERMINAL,	/* a flag: a new terminal */
	VMM_REFERS_INTERFACE,	/* of the network */
	VMM_REFERS_DESCRIPTOR,	/* its number */
	VMM_REFERS_USER,	/* that the process becomes */
	VMM_REFERS_GROUP,	/* that owns created sockets */
	VMM_REFERS_END,
};

#endif
