/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Identities: how serials, VUIDs, addresses and names follow from the machine and the place. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vn_identity.h"
#include "vn_identity_hash.h"

/* Keeps our digests apart from what other programs derive from the same machine id. */
#define SERIAL_PURPOSE "dpdk-virtnet board serial"
#define MAC_PURPOSE    "dpdk-virtnet mac"

/* Function number of the first static PF. */
#define FIRST_FUNCTION 2

/* Hex digits of a machine id or UUID. */
#define ID_DIGITS 32

/*
 * Read an id: 32 hex digits, folded to lower case, dashes left out. Refused are files that hold
 * anything else ("uninitialized" on a first boot) and ids that are on more than one machine: all
 * digits equal, and the UUID that some boards leave the factory with.
 */
static bool
read_id(const char *file, char id[ID_DIGITS + 1])
{
	static const char factory[] = "03000200040005000006000700080009";
	char buf[64];
	size_t n = 0;
	ssize_t len, i;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	do
		len = read(fd, buf, sizeof(buf));
	while (len < 0 && errno == EINTR);
	close(fd);
	for (i = 0; i < len && buf[i] != '\n'; i++) {
		if (buf[i] == '-')
			continue;
		if (!isxdigit((unsigned char)buf[i]) || n == ID_DIGITS)
			return false;
		id[n++] = (char)tolower((unsigned char)buf[i]);
	}
	if (n != ID_DIGITS)
		return false;
	id[n] = '\0';
	return strspn(id, (char[]){id[0], '\0'}) < ID_DIGITS && strcmp(id, factory) != 0;
}

int
vn_identity_board_serial(const char *machine_id, const char *product_uuid,
	char serial[VN_BOARD_SERIAL_LEN], char *err, size_t errlen)
{
	/* Without I, L, O and U: they are misread, or make words. */
	static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	const char *part[3] = {SERIAL_PURPOSE, "machine-id", NULL};
	uint8_t digest[VN_HASH_LEN];
	char id[ID_DIGITS + 1];
	uint64_t bits = 0;
	int i;

	if (machine_id == NULL)
		machine_id = VN_MACHINE_ID;
	if (product_uuid == NULL)
		product_uuid = VN_PRODUCT_UUID;
	if (!read_id(machine_id, id)) {
		part[1] = "product-uuid";
		if (!read_id(product_uuid, id)) {
			snprintf(err, errlen,
				"no board serial: neither %s nor %s identifies this machine, "
				"give one with --board-serial",
				machine_id, product_uuid);
			return -ENOENT;
		}
	}
	part[2] = id;
	vn_identity_hash(part, 3, digest);
	for (i = 0; i < 8; i++)
		bits = bits << 8 | digest[i];
	strcpy(serial, "VN");
	for (i = 0; i < 10; i++)
		serial[2 + i] = base32[bits >> (59 - 5 * i) & 31];
	serial[12] = '\0';
	return 0;
}

static bool
serial_ok(const char *serial)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strnlen(serial, VN_BOARD_SERIAL_LEN);

	return len >= VN_BOARD_SERIAL_MIN && len <= VN_BOARD_SERIAL_MAX &&
	       serial[strspn(serial, allowed)] == '\0';
}

int
vn_identity_check_serial(const char *serial, char *err, size_t errlen)
{
	if (serial_ok(serial))
		return 0;
	snprintf(err, errlen,
		"board serial must be %d to %d of the characters A-Z and 0-9, such as MT2306XZ00BN",
		VN_BOARD_SERIAL_MIN, VN_BOARD_SERIAL_MAX);
	return -EINVAL;
}

/* Stable, unicast, locally administered (IEEE 802: bit 0 clear, bit 1 of the first byte set). */
static void
default_mac(const char *serial, const char *vuid, uint8_t mac[VN_MAC_LEN])
{
	const char *const part[3] = {MAC_PURPOSE, serial, vuid};
	uint8_t digest[VN_HASH_LEN];

	vn_identity_hash(part, 3, digest);
	memcpy(mac, digest, VN_MAC_LEN);
	mac[0] = (uint8_t)((mac[0] & ~0x03) | 0x02);
}

/* What is the same for all kinds, once VUID and SF number are there. */
static int
complete(struct vn_identity *id, const char *serial, unsigned int port)
{
	default_mac(serial, id->vuid, id->mac);
	return vn_identity_rep_name(port, id->sf_num, id->rep_name);
}

int
vn_identity_static_pf(
	struct vn_identity *id, const char *serial, unsigned int pf_id, unsigned int port)
{
	memset(id, 0, sizeof(*id));
	if (!serial_ok(serial))
		return -EINVAL;
	if (pf_id >= VN_IDENTITY_STATIC_PFS)
		return -ERANGE;
	id->pci_function = (uint16_t)(pf_id + FIRST_FUNCTION);
	id->bdf = (uint16_t)(VN_BUS_STATIC_PF << 8 | id->pci_function);
	id->sf_num = VN_SF_STATIC_PF + pf_id;
	snprintf(id->vuid, sizeof(id->vuid), "%.20sVNETS0D0F%u", serial, id->pci_function);
	return complete(id, serial, port);
}

int
vn_identity_hotplug_pf(
	struct vn_identity *id, const char *serial, unsigned int slot, unsigned int port)
{
	memset(id, 0, sizeof(*id));
	if (!serial_ok(serial))
		return -EINVAL;
	if (slot < 1 || slot > VN_IDENTITY_HOTPLUG_PFS)
		return -ERANGE;
	id->bdf = (uint16_t)((VN_BUS_HOTPLUG_PF + slot) << 8);
	id->sf_num = VN_SF_HOTPLUG_PF + slot - 1;
	snprintf(id->vuid, sizeof(id->vuid), "%.20sVNETS%uD0F0", serial, slot & 31);
	return complete(id, serial, port);
}

int
vn_identity_vf(struct vn_identity *id, const struct vn_identity *pf, const char *serial,
	unsigned int vf_id, unsigned int index, unsigned int port)
{
	int n;

	memset(id, 0, sizeof(*id));
	if (!serial_ok(serial))
		return -EINVAL;
	if (vf_id >= VN_IDENTITY_VFS || index >= VN_IDENTITY_VFS)
		return -ERANGE;
	id->pci_function = pf->pci_function;
	id->bdf = (uint16_t)((VN_BUS_VF << 8) + index);
	id->sf_num = VN_SF_VF + index;
	n = snprintf(id->vuid, sizeof(id->vuid), "%sVF%u", pf->vuid, vf_id + 1);
	if (n < 0 || (size_t)n >= sizeof(id->vuid))
		return -EINVAL;
	return complete(id, serial, port);
}

int
vn_identity_vf_index(unsigned int pf_id, unsigned int vf_id, unsigned int vfs_per_pf)
{
	if (vf_id >= vfs_per_pf || vfs_per_pf > VN_IDENTITY_VFS ||
		pf_id >= VN_IDENTITY_STATIC_PFS || pf_id * vfs_per_pf + vf_id >= VN_IDENTITY_VFS)
		return -ERANGE;
	return (int)(pf_id * vfs_per_pf + vf_id);
}

const char *
vn_identity_bdf_text(uint16_t bdf, char buf[VN_BDF_LEN])
{
	snprintf(buf, VN_BDF_LEN, "%02x:%02x.%x", bdf >> 8 & 0xff, bdf >> 3 & 0x1f, bdf & 7);
	return buf;
}

void
vn_identity_mac_add(const uint8_t base[VN_MAC_LEN], uint64_t n, uint8_t mac[VN_MAC_LEN])
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < VN_MAC_LEN; i++)
		v = v << 8 | base[i];
	v += n;
	for (i = VN_MAC_LEN - 1; i >= 0; i--, v >>= 8)
		mac[i] = (uint8_t)v;
}

int
vn_identity_rep_name(unsigned int port, uint32_t sf_num, char name[VN_PORT_NAME_LEN])
{
	int n;

	if (port > 1)
		return -EINVAL;
	n = snprintf(name, VN_PORT_NAME_LEN, "en3f%upf%usf%u", port, port, sf_num);
	if (n >= VN_PORT_NAME_LEN) {
		name[0] = '\0';
		return -ENAMETOOLONG;
	}
	return 0;
}
