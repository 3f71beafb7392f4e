#!/bin/bash
# FRR 8.4.4 with BFD and graceful restart, and a neighbour (BIRD 2.0.12, nothing of ours) whose process is killed and started again. If it
# is back before FRR's BFD has missed it, FRR loses its routes; if it is back only afterwards, FRR keeps them.
#
# A good guess is the opposite: the sooner it is back the better, and FRR's BFD, which hears from the new process at once that its state is
# Down, goes Down at once (RFC 5880, section 6.8.6), while BGP is still away and the routes are kept for the restart. But the new
# process does not know FRR's discriminator and says 0, and FRR ignores such packets while its session is Up. It waits for the detection time
# to run out. Meanwhile BGP is up again; then FRR takes the loss of the old BFD session for a failure of the new BGP session, sends CEASE
# 6/10 (BFD Down), and drops the routes that it had kept all the time.
#
# What helps: listen first, keep the discriminator over a restart, and go on in state Up if FRR still says that it is Up; or do not bring BGP
# up before BFD.
#
# Needs root, Debian 12, iproute2. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
name=find-bfd-$$
pids=()
bird=
clean() {
	for pid in "${pids[@]}" $bird; do kill "$pid" 2> /dev/null || true; done
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

within() { # SIDE PROGRAM ARGUMENTS..., in the background: with the users that it becomes
	local side=$1
	shift
	exec ip netns exec "$name-$side" unshare --mount sh -c \
		'mount --bind "$1/etc/passwd" /etc/passwd && mount --bind "$1/etc/group" /etc/group && export LD_LIBRARY_PATH="$2" && shift 2 && exec "$@"' \
		sh "$folder/root" "$libraries" "$@"
}

until_true() { # WHAT COMMAND...
	local what=$1
	shift
	for _ in $(seq 300); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "gave up waiting for $what"
	exit 2
}

cat > "$folder/run/bgpd.conf" << 'CONF'
router bgp 64500
 bgp router-id 192.0.2.1
 bgp log-neighbor-changes
 bgp graceful-restart
 no bgp ebgp-requires-policy
 neighbor 192.0.2.2 remote-as 64512
 neighbor 192.0.2.2 passive
 neighbor 192.0.2.2 graceful-restart
 neighbor 192.0.2.2 bfd
 neighbor 192.0.2.2 bfd profile slow
CONF
printf 'bfd\n profile slow\n  detect-multiplier 5\n  receive-interval 1000\n  transmit-interval 300\n' > "$folder/run/bfdd.conf"
printf 'username root nopassword\n' > "$folder/run/vtysh.conf"
cat > "$folder/bird.conf" << 'CONF'
router id 192.0.2.2;
protocol device { }
protocol bfd { interface "*" { min rx interval 300 ms; min tx interval 300 ms; multiplier 5; }; }
protocol static { ipv4; route 198.51.100.1/32 blackhole; }
protocol bgp r {
  local 192.0.2.2 as 64512; neighbor 192.0.2.1 as 64500;
  bfd yes; graceful restart yes; connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import none; export all; next hop self; };
}
CONF

frr() { # PROGRAM ARGUMENTS...
	local program=$1
	shift
	within r "$folder/root/usr/lib/frr/$program" -i "$folder/run/$program.pid" -z "$folder/run/z.api" --vty_socket "$folder/run" \
		-u frr -g frr --log stdout "$@" > "$folder/$program.log" 2>&1 &
	pids+=($!)
}
frr zebra -f /dev/null
until_true 'zebra' test -e "$folder/run/z.api"
frr bfdd -f "$folder/run/bfdd.conf" --bfdctl "$folder/run/bfdd.sock"
until_true 'bfdd' test -e "$folder/run/bfdd.vty"
frr bgpd -f "$folder/run/bgpd.conf"

start_bird() {
	within a "$folder/root/usr/sbin/bird" -f "$@" -c "$folder/bird.conf" -s "$folder/run/bird.ctl" > "$folder/bird.log" 2>&1 &
	bird=$!
}
bfd_is_up() {
	within r "$folder/root/usr/bin/vtysh" --vty_socket "$folder/run" --config_dir "$folder/run" -c 'show bfd peers brief json' 2> /dev/null |
		grep -q '"status":"up"'
}
has_route() { [ -n "$(ip -n "$name-r" route show 198.51.100.1/32)" ]; }
cease() { grep -c 'sent to neighbor 192.0.2.2 6/10' "$folder/bgpd.log" || true; }
both() { (bfd_is_up) && has_route; }

wrong=0
restart() { # AWAY-SECONDS EXPECTED
	local before gaps=0 said
	until_true 'BFD and the route' both
	sleep 3
	before=$(cease)
	kill -9 "$bird"
	wait "$bird" 2> /dev/null || true
	sleep "$1"
	start_bird -R
	for _ in $(seq 100); do
		has_route || gaps=$((gaps + 1))
		sleep 0.1
	done
	said=kept
	[ "$gaps" = 0 ] || said=lost
	printf 'away for %s s, BFD notices after 5 s: CEASE 6/10 sent %s times, routes %s\n' "$1" "$(($(cease) - before))" "$said"
	[ "$said" = "$2" ] || wrong=1
}
start_bird
restart 0 lost
restart 7 kept
[ "$wrong" = 0 ] || { echo 'this is no longer so'; exit 1; }
