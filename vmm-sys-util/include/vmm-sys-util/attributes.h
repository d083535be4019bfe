/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Compiler attributes that the headers of this family use. All of them
 * degrade to nothing on a compiler that lacks them.
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
 * The instrumentation of this compilation. Tests that count time or memory
 * accesses, and code that a sanitizer cannot follow, ask for it.
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

/* Marks the exports of this library; every library of the family has its own. */
#define VSU_API VSU_EXPORT

/* extern "C" for C++ users, without hiding a brace from editors. */
#ifdef __cplusplus
#define VSU_BEGIN_DECLS extern "C" {
#define VSU_END_DECLS }
#else
#define VSU_BEGIN_DECLS
#define VSU_END_DECLS
#endif

#endif
