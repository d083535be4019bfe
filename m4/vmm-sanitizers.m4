# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_SANITIZERS: --enable-sanitizers=LIST, where LIST is what -fsanitize=
# takes (address,undefined or thread). Every finding ends the program. Leaves
# the list in vmm_sanitizers, empty when none. Call before VMM_WARNINGS.
AC_DEFUN([VMM_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
	[AS_HELP_STRING([--enable-sanitizers=LIST],
		[build with these sanitizers: address,undefined or thread])],
	[], [enable_sanitizers=no])
vmm_sanitizers=
AS_CASE([$enable_sanitizers],
	[no], [],
	[yes], [vmm_sanitizers=address,undefined],
	[vmm_sanitizers=$enable_sanitizers])
AS_IF([test "x$vmm_sanitizers" != x], [
	vmm_sanitizer_flags="-fsanitize=$vmm_sanitizers -fno-sanitize-recover=all"
	AX_CHECK_LINK_FLAG([$vmm_sanitizer_flags], [],
		[AC_MSG_ERROR([the compiler cannot link with -fsanitize=$vmm_sanitizers])])
	CFLAGS="$CFLAGS $vmm_sanitizer_flags -fno-omit-frame-pointer"
	LDFLAGS="$LDFLAGS $vmm_sanitizer_flags"
])
AM_CONDITIONAL([HAVE_SANITIZERS], [test "x$vmm_sanitizers" != x])
])
