#!/bin/bash
# FRR 8.4.4 and BIRD 2.0.12: one route whose next hop is 127.0.0.1. FRR ends the session with NOTIFICATION 3/8 (Invalid NEXT_HOP Attribute),
# and all routes of that peer are gone with it; BIRD leaves the one route out and goes on.
#
# A good guess is that FRR does so too: RFC 7606 took the reset out of UPDATE handling, and of NEXT_HOP (section 7.3) it leaves the
# wrong length alone, to be treated as a withdrawal; RFC 4271 (section 6.3) says of a next hop that is an address, and the wrong one,
# that the route is ignored and no NOTIFICATION sent. FRR does so with its own address, but counts one of 127.0.0.0/8 as no address of
# a host at all. A speaker that takes its next hop from an address on lo dials again, tells the same again, and loops: none of its
# routes is ever used, those with a good next hop neither.
#
# What helps: never tell a next hop that is not an address of the interface towards the router.
#
# Needs root, Debian 12, python3, iproute2. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
name=find-nh-$$
pids=()
clean() {
	for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
	wait 2> /dev/null || true
	ip netns del "$name-r" 2> /dev/null || true
	ip netns del "$name-a" 2> /dev/null || true
	rm -rf "$folder"
}
trap clean EXIT
chmod 755 "$folder"
mkdir -p "$folder/root/etc" "$folder/run"
(
	cd "$folder/root"
	apt-get download -qq -o APT::Sandbox::User= frr=8.4.4-1.1~deb12u2 bird2=2.0.12-7 libyang2 libc-ares2 libprotobuf-c1 libjson-c5 \
		libssh-gcrypt-4 libgcrypt20 libreadline8 libelf1 libcap2
	for package in *.deb; do dpkg-deb -x "$package" .; done
	cp /etc/passwd /etc/group etc/
	printf 'frr:x:399:399::/nonexistent:/usr/sbin/nologin\n' >> etc/passwd
	printf 'frr:x:399:\nfrrvty:x:398:frr\n' >> etc/group
)
chmod 777 "$folder/run"
libraries=$(echo "$folder"/root/usr/lib/*-linux-gnu{,/frr} "$folder"/root/lib/*-linux-gnu | tr ' ' ':')

ip netns add "$name-r"
ip netns add "$name-a"
ip -n "$name-r" link add v0 type veth peer name v0 netns "$name-a"
for side in r a; do ip -n "$name-$side" link set v0 up && ip -n "$name-$side" link set lo up; done
ip -n "$name-r" addr add 192.0.2.1/24 dev v0
ip -n "$name-a" addr add 192.0.2.2/24 dev v0

router() { # PROGRAM ARGUMENTS..., in the background: in the namespace of the router, with the users that it becomes
	exec ip netns exec "$name-r" unshare --mount sh -c \
		'mount --bind "$1/etc/passwd" /etc/passwd && mount --bind "$1/etc/group" /etc/group && export LD_LIBRARY_PATH="$2" && shift 2 && exec "$@"' \
		sh "$folder/root" "$libraries" "$@"
}

cat > "$folder/announcer.py" <<'PYTHON'
import socket, struct, sys, time

def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body

def update(prefix, next_hop):
    attributes = b"\x40\x01\x01\x00" + b"\x40\x02\x06\x02\x01" + struct.pack("!I", 64512)
    attributes += b"\x40\x03\x04" + socket.inet_aton(next_hop)
    nlri = b"\x20" + socket.inet_aton(prefix)
    return message(2, b"\x00\x00" + struct.pack("!H", len(attributes)) + attributes + nlri)

capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x41\x04" + struct.pack("!I", 64512)
parameters = b"\x02" + bytes([len(capabilities)]) + capabilities
opening = message(1, struct.pack("!BHH", 4, 64512, 90) + socket.inet_aton("192.0.2.2") + bytes([len(parameters)]) + parameters)

def dial():
    for _ in range(100):
        try:
            return socket.create_connection(("192.0.2.1", 179), 5)
        except OSError:
            time.sleep(0.2)
    sys.exit("the router does not listen")

def read(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            return None
        data += more
    return data

def heard(stream):
    head = read(stream, 19)
    if head is None:
        return None
    return head[18], read(stream, struct.unpack("!H", head[16:18])[0] - 19)

for _ in range(20):
    stream = dial()
    stream.settimeout(6)
    stream.sendall(opening)
    try:
        first = heard(stream)
    except OSError:
        first = None
    if first and first[0] == 1:
        break
    time.sleep(1)
else:
    sys.exit("no OPEN came")
stream.sendall(message(4))
assert heard(stream)[0] == 4
stream.sendall(update("198.51.100.1", "192.0.2.2"))
time.sleep(2)
stream.sendall(update("198.51.100.2", sys.argv[1]))
said = "nothing"
end = time.time() + 4
while time.time() < end:
    try:
        one = heard(stream)
    except TimeoutError:
        break
    if one is None:
        said = "the connection closed"
        break
    if one[0] == 3:
        said = "NOTIFICATION %d/%d" % (one[1][0], one[1][1])
        break
print(said, flush=True)
PYTHON

wrong=0
look() { # ROUTER NEXT-HOP EXPECTED
	local said
	said=$(ip netns exec "$name-a" python3 "$folder/announcer.py" "$2")
	printf '%-12s after a route with next hop %-10s %s\n' "$1" "$2:" "$said"
	[ "$said" = "$3" ] || wrong=1
}

printf 'router bgp 64500\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n neighbor 192.0.2.2 remote-as 64512\n neighbor 192.0.2.2 passive\n' \
	> "$folder/run/bgpd.conf"
router "$folder/root/usr/lib/frr/zebra" -i "$folder/run/z.pid" -z "$folder/run/z.api" --vty_socket "$folder/run" -u frr -g frr \
	-f /dev/null > "$folder/zebra.log" 2>&1 &
pids+=($!)
for _ in $(seq 50); do [ ! -e "$folder/run/z.api" ] || break; sleep 0.2; done
router "$folder/root/usr/lib/frr/bgpd" -i "$folder/run/b.pid" -z "$folder/run/z.api" --vty_socket "$folder/run" -u frr -g frr \
	-f "$folder/run/bgpd.conf" > "$folder/bgpd.log" 2>&1 &
pids+=($!)
look 'FRR 8.4.4' 192.0.2.1 nothing
look 'FRR 8.4.4' 127.0.0.1 'NOTIFICATION 3/8'
for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
wait 2> /dev/null || true
pids=()

printf 'router id 192.0.2.1;\nprotocol device { }\nprotocol bgp a { local 192.0.2.1 as 64500; neighbor 192.0.2.2 as 64512; passive yes; ipv4 { import all; export none; }; }\n' \
	> "$folder/bird.conf"
router "$folder/root/usr/sbin/bird" -f -c "$folder/bird.conf" -s "$folder/run/bird.ctl" > "$folder/bird.log" 2>&1 &
pids+=($!)
look 'BIRD 2.0.12' 192.0.2.1 nothing
look 'BIRD 2.0.12' 127.0.0.1 nothing
[ "$wrong" = 0 ] || { echo 'this is no longer so'; exit 1; }
