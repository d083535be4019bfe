# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A folder of some modules as depmod makes it when a kernel's package is installed, for programs
# that read modules.dep. After kernel.sh.

# _module_path NAME: below the folder of modules, or nothing
_module_path() { (cd "$KERNEL_MODULES" && find kernel -name "${1//[-_]/[-_]}.ko*" -print -quit); }

# _module_describe NAME: a line of modules.dep for a module and for each that it requires
_module_describe() {
	local path dependency line

	path=$(_module_path "$1")
	[ -n "$path" ] && ! grep -q "^$path:" "$MODULES/modules.dep" || return 0
	mkdir -p "$MODULES/${path%/*}"
	cp "$KERNEL_MODULES/$path" "$MODULES/$path"
	_unpack_module "$KERNEL_MODULES/$path" >"$WORK/module"
	line=$path:
	set -- $(_module_info "$WORK/module" depends | tr , ' ') $(_soft_dependencies "$WORK/module")
	for dependency; do line+=" $(_module_path "$dependency")"; done
	echo "$line" >>"$MODULES/modules.dep"
	for dependency; do _module_describe "$dependency"; done
}

# modules_describe NAME...: sets MODULES
modules_describe() {
	local module

	MODULES=$WORK/modules
	mkdir "$MODULES"
	[ ! -e "$KERNEL_MODULES/modules.builtin" ] || cp "$KERNEL_MODULES/modules.builtin" "$MODULES"
	: >"$MODULES/modules.dep"
	for module; do _module_describe "$module"; done
}
