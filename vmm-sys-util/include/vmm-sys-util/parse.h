/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbers, sizes and names in text that a person typed.
 *
 * Threads: pure functions.
 */
#ifndef VMM_SYS_UTIL_PARSE_H
#define VMM_SYS_UTIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * The whole of text as an unsigned number, decimal or 0x hexadecimal, no sign,
 * no blanks. -EINVAL when it is not one, -ERANGE when it exceeds 64 bits.
 */
VSU_API int vsu_parse_u64(const char *text, uint64_t *value) VSU_NODISCARD;

/*
 * A size: a number with an optional binary suffix k, M, G, T, P or E in
 * either case, as in "256M" (2^28), or B for bytes. Before a suffix of more
 * than a byte a decimal number may have a fraction, as in "1.5G"; it is
 * rounded to the nearest byte. Codes as vsu_parse_u64().
 */
VSU_API int vsu_parse_size(const char *text, uint64_t *value) VSU_NODISCARD;

/* on|off, yes|no, true|false, y|n. -EINVAL for anything else. */
VSU_API int vsu_parse_bool(const char *text, bool *value) VSU_NODISCARD;

/* Writes "256M", "1G" or plain bytes, the shortest exact form; returns buf. */
VSU_API const char *vsu_format_size(uint64_t value, char *buf, size_t size);

/*
 * The nearest of names (NULL-terminated) to a mistyped word, or NULL when
 * none is near: for "did you mean ...?".
 */
VSU_API const char *vsu_nearest(const char *word, const char *const *names);

VSU_END_DECLS

#endif
