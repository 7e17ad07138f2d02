/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* QEMU arguments and libvirt XML: complete, and safe to paste whatever the paths hold. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_private.h"

static struct vn_host_fn
function(enum vn_host_kind kind)
{
	struct vn_host_fn fn = {
		.kind = kind,
		.id = "virtnet-X1",
		.socket = "/run/a.sock",
		.mac = {2, 0, 0, 0, 0xab, 1},
		.queue_pairs = 4,
		.vectors = 10,
		.queue_size = 4096,
		.mtu = 1500,
	};

	return fn;
}

/* The lines of the text that are no remark. */
static void
expect(char *text, const char *want)
{
	char *p;

	assert_non_null(text);
	p = text;
	while (*p == '#' || strncmp(p, "<!--", 4) == 0)
		p = strchr(p, '\n') + 1;
	assert_string_equal(p, want);
	free(text);
}

static void
qemu(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER);

	(void)state;
	expect(vn_host_qemu_args(&fn),
		"-device '{\"driver\":\"vfio-user-pci\",\"id\":\"virtnet-X1\",\"socket\":{\"type\":"
		"\"unix\",\"path\":\"/run/a.sock\"}}'\n");
	strcpy(fn.port, "rp1");
	strcpy(fn.socket, "/run/it's \"q\"");
	expect(vn_host_qemu_args(&fn),
		"-device '{\"driver\":\"vfio-user-pci\",\"id\":\"virtnet-X1\",\"bus\":\"rp1\","
		"\"socket\":{\"type\":\"unix\",\"path\":\"/run/it'\\''s \\\"q\\\"\"}}'\n");
	fn = function(VN_HOST_VHOST_USER);
	expect(vn_host_qemu_args(&fn),
		"-chardev socket,id=virtnet-X1.chardev,path=/run/a.sock,reconnect-ms=300\n"
		"-netdev vhost-user,id=virtnet-X1.netdev,chardev=virtnet-X1.chardev,queues=4\n"
		"-device virtio-net-pci,id=virtnet-X1,netdev=virtnet-X1.netdev,"
		"mac=02:00:00:00:ab:01,mq=on,vectors=10,host_mtu=1500,rx_queue_size=1024,"
		"tx_queue_size=1024\n");
	fn.socket_client = true;
	fn.queue_pairs = 1;
	fn.queue_size = 64;
	strcpy(fn.socket, "/run/a,b $(c)");
	strcpy(fn.port, "rp1");
	expect(vn_host_qemu_args(&fn),
		"-chardev 'socket,id=virtnet-X1.chardev,path=/run/a,,b $(c),server=on,wait=off'\n"
		"-netdev vhost-user,id=virtnet-X1.netdev,chardev=virtnet-X1.chardev,queues=1\n"
		"-device virtio-net-pci,id=virtnet-X1,netdev=virtnet-X1.netdev,"
		"mac=02:00:00:00:ab:01,vectors=10,host_mtu=1500,rx_queue_size=256,"
		"tx_queue_size=256,bus=rp1\n");
	/* Not to be written as JSON. */
	fn = function(VN_HOST_VFIO_USER);
	strcpy(fn.socket, "/run/\xff");
	assert_null(vn_host_qemu_args(&fn));
	assert_null(vn_host_libvirt_xml(&fn));
}

static void
libvirt(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER);

	(void)state;
	strcpy(fn.socket, "/run/<&'\">");
	expect(vn_host_libvirt_xml(&fn),
		"<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
		"  <qemu:arg value='-device'/>\n"
		"  <qemu:arg value='{&quot;driver&quot;:&quot;vfio-user-pci&quot;,&quot;id&quot;:"
		"&quot;virtnet-X1&quot;,&quot;socket&quot;:{&quot;type&quot;:&quot;unix&quot;,"
		"&quot;path&quot;:&quot;/run/&lt;&amp;&apos;\\&quot;&gt;&quot;}}'/>\n"
		"</qemu:commandline>\n");
	fn = function(VN_HOST_VHOST_USER);
	strcpy(fn.socket, "/run/a&b");
	expect(vn_host_libvirt_xml(&fn),
		"<interface type='vhostuser'>\n"
		"  <mac address='02:00:00:00:ab:01'/>\n"
		"  <source type='unix' path='/run/a&amp;b' mode='client'>\n"
		"    <reconnect enabled='yes' timeout='1'/>\n"
		"  </source>\n"
		"  <model type='virtio'/>\n"
		"  <driver queues='4' rx_queue_size='1024' tx_queue_size='1024'/>\n"
		"  <mtu size='1500'/>\n"
		"  <alias name='ua-virtnet-X1'/>\n"
		"</interface>\n");
	fn.socket_client = true;
	expect(vn_host_libvirt_xml(&fn),
		"<interface type='vhostuser'>\n"
		"  <mac address='02:00:00:00:ab:01'/>\n"
		"  <source type='unix' path='/run/a&amp;b' mode='server'/>\n"
		"  <model type='virtio'/>\n"
		"  <driver queues='4' rx_queue_size='1024' tx_queue_size='1024'/>\n"
		"  <mtu size='1500'/>\n"
		"  <alias name='ua-virtnet-X1'/>\n"
		"</interface>\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu),
		cmocka_unit_test(libvirt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
