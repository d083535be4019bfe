dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything vm-agent asks of the build machine, for its own configure, for
dnl the tree's and for a project that embeds the folder. After LT_INIT.
AC_DEFUN([VM_AGENT_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([VM_AGENT_LT_VERSION], [0:0:0])

dnl The first program of guests, which have no libraries
AC_CACHE_CHECK([for a static C library], [vmm_cv_static_libc], [
	vmm_saved_ldflags=$LDFLAGS
	LDFLAGS="$LDFLAGS -static"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("");]])],
		[vmm_cv_static_libc=yes], [vmm_cv_static_libc=no])
	LDFLAGS=$vmm_saved_ldflags
])
AS_CASE([$enable_vm_agent:$vmm_cv_static_libc],
	[no:*], [build_agent="no$why_no_vm_agent"],
	[*:no], [build_agent='no: there is no static C library, so guests have no first program'],
	[build_agent=yes])
AM_CONDITIONAL([BUILD_AGENT], [test "x$build_agent" = xyes])
])
