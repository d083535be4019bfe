/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Compiler attributes for the headers of the c-vmm libraries. They are empty if the
 * compiler does not support them.
 */
#ifndef VMM_SYS_UTIL_ATTRIBUTES_H
#define VMM_SYS_UTIL_ATTRIBUTES_H

#if defined(__GNUC__)
#define VSU_EXPORT __attribute__((visibility("default")))
#define VSU_NODISCARD __attribute__((warn_unused_result))
#define VSU_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define VSU_COLD __attribute__((cold))
#define VSU_LIKELY(x) __builtin_expect(!!(x), 1)
#define VSU_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define VSU_EXPORT
#define VSU_NODISCARD
#define VSU_PRINTF(fmt, args)
#define VSU_COLD
#define VSU_LIKELY(x) (x)
#define VSU_UNLIKELY(x) (x)
#endif

/*
 * 1 if the file is compiled with that sanitizer, else 0. For tests that measure time or
 * count memory accesses, and for code that a sanitizer misinterprets.
 */
#if defined(__has_feature)
#define VSU_HAS_FEATURE_(x) __has_feature(x)
#else
#define VSU_HAS_FEATURE_(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || VSU_HAS_FEATURE_(address_sanitizer)
#define VSU_ADDRESS_SANITIZER 1
#else
#define VSU_ADDRESS_SANITIZER 0
#endif
#if defined(__SANITIZE_THREAD__) || VSU_HAS_FEATURE_(thread_sanitizer)
#define VSU_THREAD_SANITIZER 1
#else
#define VSU_THREAD_SANITIZER 0
#endif

/* Marks the exported functions of this library. Each library defines its own macro. */
#define VSU_API VSU_EXPORT

/* extern "C" for C++. Macros, so that editors do not indent the declarations. */
#ifdef __cplusplus
#define VSU_BEGIN_DECLS extern "C" {
#define VSU_END_DECLS }
#else
#define VSU_BEGIN_DECLS
#define VSU_END_DECLS
#endif

#endif
