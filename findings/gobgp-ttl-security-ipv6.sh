#!/bin/bash
# GoBGP 4.8.0, a neighbour over IPv6 with [neighbors.ttl-security] on both ends (RFC 5082): no session ever comes up, and neither end
# says why. Over IPv4 the same configuration works.
#
# A good guess is that what is configured for a neighbour holds for both families, and that GoBGP, which logs nothing, is waiting for the
# other end. But a passive GoBGP answers over IPv6 with a hop limit of 64: the address of its listening socket is compared with its
# port still on it, which is no address, so that the option of IPv4 is set on a socket of IPv6. Whoever demands 255 drops its
# SYN-ACK in the kernel, and sees an attempt that is never answered.
#
# What helps: GTSM over IPv6 only where GoBGP dials, or sessions over IPv4.
#
# Needs root, go and a proxy of modules, python3, iproute2. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
name=find-ttl-$$
daemon=
clean() {
	[ -z "$daemon" ] || kill "$daemon" 2> /dev/null || true
	wait 2> /dev/null || true
	ip netns del "$name-r" 2> /dev/null || true
	ip netns del "$name-n" 2> /dev/null || true
	chmod -R u+w "$folder"
	rm -rf "$folder"
}
trap clean EXIT
GOBIN=$folder GOFLAGS=-modcacherw "${GO:-go}" install github.com/osrg/gobgp/v4/cmd/gobgpd@v4.8.0 > "$folder/install.log" 2>&1 ||
	{ cat "$folder/install.log"; exit 2; }

ip netns add "$name-r"
ip netns add "$name-n"
ip -n "$name-r" link add v0 type veth peer name v0 netns "$name-n"
for side in r n; do
	ip -n "$name-$side" link set lo up
	ip -n "$name-$side" link set v0 up
done
ip -n "$name-r" addr add 192.0.2.1/24 dev v0
ip -n "$name-n" addr add 192.0.2.2/24 dev v0
ip -n "$name-r" addr add 2001:db8::1/64 dev v0 nodad
ip -n "$name-n" addr add 2001:db8::2/64 dev v0 nodad

cat > "$folder/gobgp.toml" << 'CONF'
[global.config]
as = 64500
router-id = "203.0.113.1"
[[neighbors]]
[neighbors.config]
neighbor-address = "192.0.2.2"
peer-as = 64512
[neighbors.transport.config]
passive-mode = true
[neighbors.ttl-security.config]
enabled = true
ttl-min = 255
[[neighbors]]
[neighbors.config]
neighbor-address = "2001:db8::2"
peer-as = 64512
[neighbors.transport.config]
passive-mode = true
[neighbors.ttl-security.config]
enabled = true
ttl-min = 255
CONF
ip netns exec "$name-r" "$folder/gobgpd" -f "$folder/gobgp.toml" --api-hosts 127.0.0.1:50051 > "$folder/gobgpd.log" 2>&1 &
daemon=$!

# What a neighbour does that sends with 255 and takes 255 alone, and one that takes anything.
cat > "$folder/dial.py" << 'PY'
import socket, sys, time
address, least = sys.argv[1], int(sys.argv[2])
six = ":" in address
level, ttl, minimum = (41, 16, 73) if six else (0, 2, 21)
for attempt in range(30):
    dialled = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
    dialled.settimeout(3)
    dialled.setsockopt(level, ttl, 255)
    if least:
        dialled.setsockopt(level, minimum, least)
    try:
        dialled.connect((address, 179))
        print("connected")
        break
    except ConnectionRefusedError:
        time.sleep(0.5)
    except TimeoutError:
        print("no answer")
        break
    finally:
        dialled.close()
PY
wrong=0
dial() { # ADDRESS LEAST EXPECTED
	local seen
	seen=$(ip netns exec "$name-n" python3 "$folder/dial.py" "$1" "$2")
	printf '%-12s takes a TTL of %s: %s\n' "$1" "${2/#0/any}" "$seen"
	[ "$seen" = "$3" ] || wrong=1
}
dial 192.0.2.1 0 connected
dial 192.0.2.1 255 connected
dial 2001:db8::1 0 connected
dial 2001:db8::1 255 'no answer'
[ "$wrong" = 0 ] || { echo "this is no longer so"; exit 1; }
