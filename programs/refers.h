/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Objects of the host that the value of an option or of a device's key refers to. Rights of
 * a process, files of a jail and descriptors that are passed follow from it.
 *
 * Threads: no state.
 */
#ifndef PROGRAMS_REFERS_H
#define PROGRAMS_REFERS_H

enum prog_refers {
	PROG_REFERS_NOTHING,	/* a flag, a number, a word of several */
	PROG_REFERS_TEXT,	/* no object: a name or text for the guest */
	PROG_REFERS_PROPERTIES,	/* a list with a table of its own */
	PROG_REFERS_FILE_READ,
	PROG_REFERS_FILE_WRITTEN, /* and read, or created; also a word of the row's arg */
	PROG_REFERS_FOLDER_READ,
	PROG_REFERS_PROGRAMS,	/* a folder of programs that another process starts */
	PROG_REFERS_SOCKET,	/* that is created */
	PROG_REFERS_PEER,	/* an address of another program */
	PROG_REFERS_USER,	/* that the process becomes */
	PROG_REFERS_GROUP,	/* that owns created sockets */
	PROG_REFERS_END,
};

#endif
