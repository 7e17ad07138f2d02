# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
# shellcheck shell=bash
# Sourced by the lab's scripts: where things are kept, and the Debian mirror this machine uses.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # for those who source this
top=$(cd "$here/../.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin

# What is downloaded and unpacked lives here and may be deleted at any time.
if [ "$(id -u)" = 0 ]; then
	: "${VIRTNET_CACHE:=/var/cache/dpdk-virtnet}"
else
	: "${VIRTNET_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/dpdk-virtnet}"
fi
export VIRTNET_CACHE
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# The mirror apt itself uses; VIRTNET_MIRROR overrides it.
mirror()
{
	local uri
	if [ "${VIRTNET_MIRROR-}" ]; then
		echo "$VIRTNET_MIRROR"
		return
	fi
	while read -r uri; do
		# cloud images name a file of mirrors
		case $uri in mirror+file:*)
			uri=${uri#mirror+file:}
			uri=$(grep -m1 -o '^https\?://[^[:space:]]*' "/${uri##/}") || continue;;
		esac
		case ${uri%/} in http*/debian) echo "$uri"; return;; esac
	done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
	die "apt knows no Debian mirror; name one in VIRTNET_MIRROR"
}

# build DIR COMMAND...: unless DIR is there, run COMMAND DIR.part and rename it when it succeeded,
# so that what stands below DIR is always complete. Others wait meanwhile.
build_once()
{
	local dir=$1
	shift
	[ -e "$dir" ] && return
	mkdir -p "$(dirname "$dir")"
	(
		flock 9
		[ -e "$dir" ] && exit
		rm -rf "$dir.part"
		"$@" "$dir.part" 9>&-
		mv "$dir.part" "$dir"
	) 9>"$dir.lock"
}

# with_libraries DIR FILE...: the files and all shared libraries they need, with their paths below DIR.
with_libraries()
{
	local dir=$1 f
	shift
	for f; do
		echo "$f"
		ldd "$f" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p'
	done | sort -u | while read -r f; do
		mkdir -p "$dir/$(dirname "$f")"
		cp -L "$f" "$dir/$f"
	done
}

# cpio_of DIR: an initramfs of it, to standard output
cpio_of() { (cd "$1" && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet | gzip -1); }

# unpack SUITE PACKAGES DIR: unpacks PACKAGES (with commas) and all they depend on. No maintainer
# script runs and nothing of this machine's packages changes.
unpack()
{
	local suite=$1 packages=$2 dir=$3 base=${1%-backports} uri s
	local deb=()
	uri=$(mirror)
	for s in "$base" "$suite"; do
		deb+=("deb [signed-by=$keyring] $uri $s main")
		[ "$base" != "$suite" ] || break
	done
	# the clock of a throw-away machine may be off
	mmdebstrap --quiet --mode=root --variant=extract --architectures=amd64 \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt="APT::Default-Release \"$suite\"" \
		--include="$packages" "$base" "$dir" "${deb[@]}"
}
