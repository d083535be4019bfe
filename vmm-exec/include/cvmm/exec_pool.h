/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pool of machines that wait for commands, so that a command begins without the time in which its
 * machine is made, and a clone continues or a kernel boots.
 *
 *	rc = cvmm_exec_pool_new(&machine, NULL, 4, &p, &err);
 *	while (!cvmm_exec_pool_ready(p) && !(rc = cvmm_exec_pool_dispatch(p, &err)))
 *		poll(&(struct pollfd){ cvmm_exec_pool_fd(p), POLLIN, 0 }, 1, -1);
 *	rc = cvmm_exec_pool_take(p, &command, &e, &err);
 *	while (cvmm_exec_dispatch(e))
 *		...
 *	cvmm_exec_free(e);
 *	cvmm_exec_pool_free(p);
 *
 * Each machine executes one command, and the pool makes another one in its place. A machine belongs
 * to the pool until it is taken, and then to the caller, as one of <cvmm/exec.h> that was started.
 *
 * Waiting: cvmm_exec_pool_fd() never changes; when it is readable, call cvmm_exec_pool_dispatch().
 * A turn makes at most one machine, which takes milliseconds: dispatch the commands that run before
 * the pool, or dispatch the pool only when none of them has work.
 *
 * Confinement: as of <cvmm/exec.h>, but machines are made in each turn, so the process needs
 * /dev/kvm, the template or kernel, and the folders as long as the pool exists.
 *
 * Machines share a template, which cannot be removed while the pool exists, and its memory
 * until a machine writes to it; folders and a read-only image. Clock and random numbers of a clone
 * are set when it is taken. A log and a network card are of one machine only.
 *
 * Descriptors: a machine with a root has at most 60 of the process (RLIMIT_NOFILE), and each folder
 * at most 8 more, which tests/api/test-exec_pool and test-machine count. 16 machines with a root fit
 * in the usual limit of 1,024. Files that the guest has open are in addition.
 *
 * SIGPIPE: as of <cvmm/exec.h>.
 *
 * Threads: confined to one thread, as the machines are.
 */
#ifndef CVMM_EXEC_POOL_H
#define CVMM_EXEC_POOL_H

#include <cvmm/exec.h>

VSU_BEGIN_DECLS

struct cvmm_exec_pool;

#define CVMM_EXEC_POOL_MAX 256

/*
 * A pool of up to n machines, which are made by dispatch. Members of config that are of a command
 * (command, environment, folder, hostname, terminal, rows, columns, streams) are zero, and so are
 * log and network. timeout_ms is that until a machine waits. The rest, and host, is borrowed until
 * cvmm_exec_pool_free(). -EINVAL: a member, or n is not 1 to CVMM_EXEC_POOL_MAX; -ENOMEM, -EMFILE.
 */
CVMM_API int cvmm_exec_pool_new(const struct cvmm_exec_config *config, const struct cvmm_host *host,
				unsigned int n, struct cvmm_exec_pool **out,
				struct vsu_error *err) VSU_NODISCARD;

/* Readable when dispatch has work; owned by the pool. */
CVMM_API int cvmm_exec_pool_fd(const struct cvmm_exec_pool *p);

/*
 * One turn. -EMFILE, -ENFILE, -ENOMEM, -EAGAIN: the process has no descriptors, memory or threads for
 * another machine at present. The turn changed nothing else, and a later one tries again, twice a
 * second, so a caller may log the sentence and continue; while descriptors are short, each
 * attempt returns its error once.
 *
 * Other errors of cvmm_exec_new() and cvmm_exec_start(): a machine could not be made; -ECONNRESET:
 * one ended while it waited. Then the pool makes no further machine and returns the same error in
 * each turn. Machines that wait can be taken in each case.
 */
CVMM_API int cvmm_exec_pool_dispatch(struct cvmm_exec_pool *p, struct vsu_error *err) VSU_NODISCARD;

/* The number of machines that wait. */
CVMM_API unsigned int cvmm_exec_pool_ready(const struct cvmm_exec_pool *p);

/*
 * Starts a command in a machine that waits, which the caller owns from now on: *out is to be
 * dispatched, and freed by cvmm_exec_free(). timeout_ms is from now on; members of the pool are
 * zero; the rest is borrowed for the call, except streams. Below a hidden folder, such as a home,
 * the command's folder is shown only if a folder of the pool leads there. -EAGAIN: no machine
 * waits; -EINVAL: a member; -EBADF: a stream is not open; -E2BIG: the command and its environment
 * exceed 2 MiB; -ENOMEM, -ENOSPC: a stream cannot be watched. The machine then waits for another
 * command. If none waits, the error of a pool that has failed, or lacks descriptors or memory.
 */
CVMM_API int cvmm_exec_pool_take(struct cvmm_exec_pool *p, const struct cvmm_exec_config *command,
				 struct cvmm_exec **out, struct vsu_error *err) VSU_NODISCARD;

/* Ends the machines that were not taken. p may be NULL. */
CVMM_API void cvmm_exec_pool_free(struct cvmm_exec_pool *p);

VSU_END_DECLS

#endif
