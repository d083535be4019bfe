/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files as a stream, from and to a guest, whose agent has the other end: a process of the records 'b', 'A' and 'C'
 * (<vm-agent/protocol.h>), which packs a file or folder into its output, or unpacks its input.
 *
 *	vagent_request_add(&request, 'b', "pack");
 *	vagent_request_add(&request, 'A', "/var/log");
 *	vagent_request_add(&request, 'C', "/");
 *	rc = vagent_process_prepare(g, VAGENT_ITSELF, &process, &p, &err);	with the request
 *	rc = vagent_files_receive(output, "logs", "/var/log", 0777, &err);
 *
 * Folders are copied with all that is in them, with modes, times and links, and without owners. Devices, sockets
 * and FIFOs are refused. The guest is not trusted: a receiver follows no link that a stream contains or meets, and
 * writes nothing outside of the destination, nor by a name at its top that the guest chose. How many bytes arrive is the
 * guest's choice.
 *
 * Threads: any; calls block.
 */
#ifndef VM_AGENT_FILES_H
#define VM_AGENT_FILES_H

#include <sys/types.h>

#include <vm-agent/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Sends a file, a link or a folder. -EINVAL: one cannot be copied; -EPIPE: the reader has gone; errors of open() and read(). */
VAGENT_API int vagent_files_send(int to, const char *path, struct vsu_error *err) VSU_NODISCARD;

/*
 * Receives such a stream. source: the path that the guest was asked for. An existing folder at path gets the entry by
 * the last part of source; -EINVAL if that is none, as of "/" and "..". Otherwise path is the new name of the entry, in
 * a folder that exists. -ELOOP: path is a link, which is followed only with a slash at its end. Files and links are
 * replaced when the new ones are complete; -EEXIST: a device, a socket, a FIFO or a folder, which is not. Folders are
 * merged, and keep their modes and times. modes: bits of modes that are copied. -EBADMSG: the stream is invalid or
 * incomplete; errors of open(), mkdir() and write(). Files that were copied before a failure remain.
 */
VAGENT_API int vagent_files_receive(int from, const char *path, const char *source, mode_t modes, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
